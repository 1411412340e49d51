#!/usr/bin/env bash
# autogen-ext 0.7.5 with mem0ai 2.2.1, which its requirement (mem0ai>=0.1.98) chooses: Mem0Memory(is_cloud=True).
#
# Expected: query() returns what the service finds, or raises, as its add() does.
# Seen: it passes user_id beside the query, mem0ai 2 refuses that before it asks anybody, and the error is logged and becomes
# an empty result. Adding still works.
# Why it matters: after a fresh install an agent that remembered yesterday knows nothing, and every test of "no
# memory found" passes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "autogen-ext[mem0]==0.7.5" mem0ai==2.2.1
cd "$folder"
MEM0_TELEMETRY=false MEM0_DIR="$folder/mem0" "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import functools
import logging

import httpx
import mem0

FOUND = {"results": [{"id": "1", "memory": "likes rice", "score": 0.9}], "org_id": "o", "project_id": "p"}
asked = []


def answer(request):
    """Answer for the hosted service, which is not asked."""
    asked.append(f"{request.method} {request.url.path}")
    return httpx.Response(200, json=FOUND)


client = httpx.Client(transport=httpx.MockTransport(answer))
mem0.MemoryClient = functools.partial(mem0.MemoryClient, client=client)

from autogen_core.memory import MemoryContent
from autogen_ext.memory.mem0 import Mem0Memory


async def main():
    logged = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    memory = Mem0Memory(user_id="ann", is_cloud=True, api_key="key")
    await memory.add(MemoryContent(content="I like rice", mime_type="text/plain"))
    asked_by_add = asked[-1]
    found = await memory.query("What does she like?")
    print("asked:", asked)
    print("found:", found.results)
    print("logged:", *logged)
    assert found.results == []
    assert asked[-1] == asked_by_add  # nothing was asked by the query
    assert any("Error querying mem0 memory" in line and "user_id" in line for line in logged)


asyncio.run(main())
PYTHON
