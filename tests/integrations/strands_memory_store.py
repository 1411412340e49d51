"""The memory store of mem0-strands on a file: facts, turns of a conversation, search."""

import asyncio
import json
import sys

from mem0lite import compat

compat.install()

from mem0_strands import Mem0MemoryStore  # noqa: E402


async def main(path: str) -> dict[str, object]:
    store = Mem0MemoryStore(user_id="alice", config={"path": path}, metadata={"source": "strands"})
    await store.add("I am allergic to peanuts", metadata={"importance": 3})
    await store.add_messages([{"role": "user", "content": [{"text": "My bicycle is green"}]}])
    entries = await store.search("Which food must she avoid?", {"max_search_results": 1})
    return {
        "found": [[entry.content, entry.metadata["importance"], entry.metadata["source"]] for entry in entries],
    }


json.dump(asyncio.run(main(sys.argv[1])), sys.stdout)
