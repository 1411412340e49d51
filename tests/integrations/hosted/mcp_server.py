"""mem0's MCP server: every tool that a store can answer, called as a client of the protocol does."""

import asyncio
import json
import sys

from mcp.shared.memory import create_connected_server_and_client_session as connected
from mem0_mcp_server.server import create_server


async def main() -> dict[str, object]:
    async with connected(create_server()._mcp_server) as session:
        return await use(session)


async def use(session: object) -> dict[str, object]:
    async def call(tool: str, **arguments: object) -> object:
        answer = await session.call_tool(tool, arguments)
        assert not answer.isError, answer
        return json.loads(answer.content[0].text)

    await call("add_memory", text="I am allergic to peanuts", user_id="alice", metadata={"source": "mcp"})
    await call("add_memory", text="My bicycle is green", user_id="alice")
    await call("add_memory", text="I drink tea")
    filters = {"AND": [{"user_id": "alice"}]}
    found = (await call("search_memories", query="Which food must she avoid?", filters=filters))["results"][0]
    tea = (await call("get_memories"))["results"][0]
    await call("update_memory", memory_id=tea["id"], text="I drink green tea")
    changed = await call("get_memory", memory_id=tea["id"])
    entities = await call("list_entities")
    await call("delete_memory", memory_id=tea["id"])
    await call("add_memory", text="I have a cat", user_id="bob")
    await call("add_memory", text="I have a dog", user_id="carol")
    await call("delete_all_memories", user_id="bob")
    await call("delete_entities", user_id="carol")
    page = await call("get_memories", filters=filters, page=1, page_size=1)
    return {
        "found": [found["memory"], found["metadata"]["source"]],
        "page": [page["count"], len(page["results"])],
        "changed": [tea["memory"], changed["memory"]],
        "entities": sorted(one["name"] for one in entities["results"]),
        "left": sorted(one["name"] for one in (await call("list_entities"))["results"]),
    }


json.dump(asyncio.run(main()), sys.stdout)
