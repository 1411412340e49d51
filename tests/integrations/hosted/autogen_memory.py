"""AutoGen's Mem0Memory in the cloud: add, query, put what is remembered before a model, forget."""

import asyncio
import json
import os
import sys

from autogen_core.memory import MemoryContent, MemoryMimeType
from autogen_core.model_context import BufferedChatCompletionContext
from autogen_core.models import UserMessage
from autogen_ext.memory.mem0 import Mem0Memory

KEY = os.environ["MEM0_API_KEY"]


async def main() -> dict[str, object]:
    memory = Mem0Memory(user_id="alice", api_key=KEY)
    for text in ("I am allergic to peanuts", "My bicycle is green"):
        await memory.add(MemoryContent(content=text, mime_type=MemoryMimeType.TEXT, metadata={"source": "autogen"}))
    found = (await memory.query("Which food must she avoid?", limit=1)).results[0]
    context = BufferedChatCompletionContext(
        buffer_size=5, initial_messages=[UserMessage(content="peanuts?", source="u")]
    )
    await memory.update_context(context)
    other = Mem0Memory(user_id="bob", api_key=KEY)
    await other.add(MemoryContent(content="I drink tea", mime_type=MemoryMimeType.TEXT))
    before = len((await other.query("tea")).results)
    await other.clear()
    return {
        "found": [found.content, found.metadata["source"], found.metadata["score"] > 0.1],
        "for_the_model": "I am allergic to peanuts" in (await context.get_messages())[-1].content,
        "of_the_cleared_user": [before, len((await other.query("tea")).results)],
    }


json.dump(asyncio.run(main()), sys.stdout)
