#!/usr/bin/env bash
# llama-index-core 0.14.25: Memory.get(input=…) with a memory block. Its input is a text or a ChatMessage.
#
# Expected: a block sees the question either way.
# Seen: it sees a text; a ChatMessage is left out, so a block that looks for what fits the question looks for nothing.
# Why it matters: the same question finds memories or none, depending on how it was handed over, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check llama-index-core==0.14.25
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import BaseMemoryBlock, Memory

seen = []


class Noting(BaseMemoryBlock[str]):
    """Notes what it is asked with."""

    async def _aget(self, messages=None, **options):
        seen.append([message.content for message in messages])
        return ""

    async def _aput(self, messages):
        pass


memory = Memory.from_defaults(session_id="chat", memory_blocks=[Noting(name="noting")])
memory.get(input="Where do I live?")
memory.get(input=ChatMessage("Where do I live?", role="user"))
print("with a text:", seen[0])
print("with a message:", seen[1])
assert seen == [["Where do I live?"], []]
PYTHON
