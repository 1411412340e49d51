#!/usr/bin/env bash
# autogen-core 0.7.5 with autogen-agentchat 0.7.5: AssistantAgent(memory=[ListMemory()]), asked three times.
#
# Expected: in each turn the model reads what is in the memory once.
# Seen: each turn adds a system message with the whole memory to the agent's context, where those of earlier turns stay.
# Why it matters: the prompt grows by the memory in every turn, and what has been cleared from the memory is still told.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check autogen-core==0.7.5 autogen-agentchat==0.7.5 autogen-ext==0.7.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core.memory import ListMemory, MemoryContent
from autogen_core.models import SystemMessage
from autogen_ext.models.replay import ReplayChatCompletionClient


async def main():
    memory = ListMemory()
    await memory.add(MemoryContent(content="I like rice", mime_type="text/plain"))
    model = ReplayChatCompletionClient(["One", "Two", "Three"])
    agent = AssistantAgent("helper", model, memory=[memory])
    for number in range(3):
        if number == 2:
            await memory.clear()
        await agent.run(task=f"Question {number}")
    read = [
        sum("I like rice" in one.content for one in call["messages"] if isinstance(one, SystemMessage))
        for call in model.create_calls
    ]
    print("copies that the model read in each turn:", read)
    assert read == [1, 2, 2]  # the memory was empty in the third turn


asyncio.run(main())
PYTHON
