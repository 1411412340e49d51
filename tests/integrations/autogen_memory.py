"""AutoGen's Mem0Memory on a file: add, query, put what is remembered before a model, forget."""

import asyncio
import json
import sys

from mem0lite import compat

compat.install()

from autogen_core.memory import MemoryContent, MemoryMimeType  # noqa: E402
from autogen_core.model_context import BufferedChatCompletionContext  # noqa: E402
from autogen_core.models import UserMessage  # noqa: E402
from autogen_ext.memory.mem0 import Mem0Memory  # noqa: E402


async def main(path: str) -> dict[str, object]:
    memory = Mem0Memory(user_id="alice", is_cloud=False, config={"path": path})
    for text in ("I am allergic to peanuts", "My bicycle is green"):
        await memory.add(MemoryContent(content=text, mime_type=MemoryMimeType.TEXT, metadata={"source": "autogen"}))
    found = (await memory.query("Which food must she avoid?", limit=1)).results[0]
    context = BufferedChatCompletionContext(
        buffer_size=5, initial_messages=[UserMessage(content="peanuts?", source="u")]
    )
    await memory.update_context(context)
    other = Mem0Memory(user_id="bob", is_cloud=False, config={"path": path})
    await other.add(MemoryContent(content="I drink tea", mime_type=MemoryMimeType.TEXT))
    await other.clear()
    return {
        "found": [found.content, found.metadata["source"], found.metadata["score"] > 0.1],
        "for_the_model": (await context.get_messages())[-1].content,
        "of_the_cleared_user": len((await other.query("tea")).results),
    }


json.dump(asyncio.run(main(sys.argv[1])), sys.stdout)
