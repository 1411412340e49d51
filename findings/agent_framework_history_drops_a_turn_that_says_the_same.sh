#!/usr/bin/env bash
# agent-framework-core 1.23.0: the history of an agent's session, kept by its own InMemoryHistoryProvider.
#
# Expected: three turns in which the same is asked and answered are three turns of the history.
# Seen: only the first is kept. The provider takes messages without ids that equal the end of the history for a host that
# sends the history again, and drops them.
# Why it matters: a user who says "next" three times has said it once for the model, which then counts wrongly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check agent-framework-core==1.23.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatResponse,
    FunctionInvocationLayer,
    InMemoryHistoryProvider,
    Message,
)


class Model(FunctionInvocationLayer, BaseChatClient):
    """Answers every message in the same way."""

    async def _inner_get_response(self, *, messages, stream, options, **more):
        return ChatResponse(messages=[Message("assistant", ["Done"])])


async def main():
    history = InMemoryHistoryProvider()
    agent = Agent(Model(), context_providers=[history])
    session = agent.create_session()
    for _ in range(3):
        await agent.run("Next", session=session)
    kept = await history.get_messages(session.session_id, state=session.state[history.source_id])
    return [message.text for message in kept]


kept = asyncio.run(main())
print("after three turns:", kept)
assert kept == ["Next", "Done"]
PYTHON
