#!/usr/bin/env bash
# MCP's Python SDK 2.3.0: a tool that returns a list.
#
# Expected: the content of an answer says what was returned, for [] the text "[]", as a dictionary's is its JSON.
# Seen: a list becomes one block of text for each of its elements, so that an empty one has no content at all, and is no error.
# Why it matters: "search_memories" without a hit gives the model an empty answer, which it can't tell from a tool that did
# nothing; return {"results": []} instead.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from mcp.client import Client
from mcp.server import MCPServer

server = MCPServer("memories")


@server.tool()
def none() -> list[str]:
    return []


@server.tool()
def two() -> list[str]:
    return ["apples", "pears"]


@server.tool()
def wrapped() -> dict[str, list[str]]:
    return {"results": []}


async def main():
    async with Client(server) as client:
        answers = {name: await client.call_tool(name, {}) for name in ("none", "two", "wrapped")}
    for name, answer in answers.items():
        print(name, [block.text for block in answer.content], "error" if answer.is_error else "")
    assert answers["none"].content == []
    assert not answers["none"].is_error
    assert len(answers["two"].content) == 2
    assert '"results"' in answers["wrapped"].content[0].text


asyncio.run(main())
PYTHON
