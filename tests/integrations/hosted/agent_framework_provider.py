"""The memory of Microsoft's Agent Framework: what is asked is remembered, and put before the model in a later run."""

import asyncio
import json
import os
import sys

from agent_framework import AgentResponse, AgentSession, Message
from agent_framework._sessions import SessionContext
from agent_framework_mem0 import Mem0ContextProvider


async def turn(provider: Mem0ContextProvider, said: str, answered: str) -> list[str]:
    """Do what an agent does around its model; return what the model is given beside the question."""
    session = AgentSession()
    context = SessionContext(session_id=session.session_id, input_messages=[Message("user", [said])])
    around = {"agent": None, "session": session, "context": context, "state": {}}
    await provider.before_run(**around)
    given = [message.text for message in context.get_messages(include_input=False)]
    context._response = AgentResponse(messages=[Message("assistant", [answered])])
    await provider.after_run(**around)
    return given


async def main() -> dict[str, object]:
    key = os.environ["MEM0_API_KEY"]
    async with Mem0ContextProvider(
        api_key=key, user_id="alice", application_id="kitchen", search_user_id="alice"
    ) as alice:
        first = await turn(alice, "I am allergic to peanuts", "I will remember it")
        second = await turn(alice, "My bicycle is green", "A good colour")
        third = await turn(alice, "Which food must I avoid with my allergy?", "Peanuts")
    async with Mem0ContextProvider(api_key=key, user_id="bob", application_id="kitchen", search_user_id="bob") as bob:
        other = await turn(bob, "What am I allergic to?", "I do not know")
    return {
        "first": first,
        "remembered": ["I am allergic to peanuts" in text for text in third],
        "runs_before": len(second) <= 1,
        "of_another_user": other,
    }


json.dump(asyncio.run(main()), sys.stdout)
