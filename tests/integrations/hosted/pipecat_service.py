"""Pipecat's memory in a pipeline: a conversation with an image passes, is remembered, and is there for a later one.

Its service stores in the background and swallows every error.
"""

import asyncio
import json
import os
import sys

from pipecat.frames.frames import LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.mem0.memory import Mem0MemoryService
from pipecat.tests.utils import run_test

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
KEY, HOST = os.environ["MEM0_API_KEY"], os.environ.get("MEM0_HOST")


class Service(Mem0MemoryService):
    """The service, whose background work can be waited for."""

    def create_task(self, coroutine, *args, **options):
        self.storing = super().create_task(coroutine, *args, **options)
        return self.storing

    async def push_frame(self, frame, *args, **options):
        if isinstance(frame, LLMContextFrame):
            await self.storing
        await super().push_frame(frame, *args, **options)


async def passed(service: Mem0MemoryService, *messages: dict[str, object]) -> list[str]:
    """Send a context through the service; return what it put before the model."""
    given = list(messages)
    down, _ = await run_test(service, frames_to_send=[LLMContextFrame(LLMContext(given))])
    [frame] = [one for one in down if isinstance(one, LLMContextFrame)]
    return [one["content"] for one in frame.context.get_messages() if one["role"] == "developer"]


def service(user: str) -> Service:
    return Service(api_key=KEY, host=HOST, user_id=user, params=Mem0MemoryService.InputParams(search_limit=1))


async def main() -> dict[str, object]:
    first = await passed(
        service("alice"),
        {"role": "user", "content": [{"type": "text", "text": "My bicycle is green"}, IMAGE]},
        {"role": "user", "content": [IMAGE]},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "I am allergic to peanuts"},
    )
    later = await passed(service("alice"), {"role": "user", "content": "Which food must I avoid with my allergy?"})
    other = await passed(service("bob"), {"role": "user", "content": "What am I allergic to?"})
    listed = await service("alice").get_memories()
    return {
        "first": first,
        "later": ["I am allergic to peanuts" in text for text in later],
        "of_another_user": other,
        "listed": sorted(one["memory"] for one in listed),
    }


json.dump(asyncio.run(main()), sys.stdout)
