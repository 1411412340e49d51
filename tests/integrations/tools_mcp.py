"""Every verb as a tool of an MCP server, and three of them called by a client of it."""

import asyncio
import json
import sys

from mcp import Client
from mcp.server import MCPServer

import mem0lite

path, *verbs = sys.argv[1:]


async def main():
    with mem0lite.Memory(path) as memory:
        asynchronous = mem0lite.AsyncMemory(memory)
        server = MCPServer("memory")
        for kind in (memory, asynchronous):
            for verb in verbs:
                server.add_tool(getattr(kind, verb), name=f"{type(kind).__name__}.{verb}")
        async with Client(server) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}

            async def call(name, arguments):
                return (await client.call_tool(name, arguments)).structured_content

            said = {"messages": "I am allergic to peanuts", "user_id": "alice", "expiration_date": "2999-12-31"}
            added = await call("Memory.add", said)
            memory_id = added["results"][0]["id"]
            asked = {"query": "allergic", "filters": {"user_id": "alice"}, "top_k": 3}
            corrected = {"memory_id": memory_id, "text": "I am allergic to all nuts", "expiration_date": "UNSET"}
            answers = [
                [
                    await call(f"{kind}.search", asked),
                    await call(f"{kind}.update", corrected),
                    await call(f"{kind}.get", {"memory_id": memory_id}),
                ]
                for kind in ("Memory", "AsyncMemory")
            ]
    schemas = {name: tool.input_schema for name, tool in tools.items()}
    returned = {name: tool.output_schema for name, tool in tools.items()}
    sys.stdout.write(json.dumps({"schemas": schemas, "answers": answers, "returned": returned}))


asyncio.run(main())
