"""The memory service for Google ADK: what its InMemoryMemoryService does, too, its Runner, and what ours promises.

Run by tests/test_doors.py in an environment that has ADK.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import pytest
from embedder import HashEmbedder
from google.adk.agents import Agent
from google.adk.events import Event
from google.adk.memory import InMemoryMemoryService
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService, Session
from google.adk.tools.preload_memory_tool import PreloadMemoryTool
from google.genai import types

from mem0lite import Memory, ValidationError
from mem0lite.integrations.google_adk import MemoryService, remember

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of ADK and what it needs
    pytest.mark.filterwarnings("ignore::UserWarning"),  # so it marks what is experimental in it
]


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def service(request, memory):
    return MemoryService(memory) if request.param == "ours" else InMemoryMemoryService()


def event(key: str, text: str, author: str = "user", timestamp: float = 1_700_000_000.5) -> Event:
    content = types.Content(role="user" if author == "user" else "model", parts=[types.Part(text=text)])
    return Event(id=key, author=author, timestamp=timestamp, content=content)


def session(*events: Event, name: str = "chat", user: str = "alice", app: str = "app") -> Session:
    return Session(id=name, app_name=app, user_id=user, events=list(events))


def search(service: Any, query: str, user: str = "alice", app: str = "app") -> list[MemoryEntry]:
    return asyncio.run(service.search_memory(app_name=app, user_id=user, query=query)).memories


def add(service: Any, *sessions: Session) -> None:
    for one in sessions:
        asyncio.run(service.add_session_to_memory(one))


def test_what_was_said_is_found(service):
    """A search returns an event's content, author and id, of that user and app only."""
    add(service, session(event("1", "I love sushi"), event("2", "Sushi is noted", "helper")))
    add(service, session(event("3", "Bob loves sushi"), user="bob"), session(event("4", "sushi here"), app="other"))
    found = {entry.id: entry for entry in search(service, "sushi")}
    assert sorted(found) == ["1", "2"]
    assert found["1"].content == types.Content(role="user", parts=[types.Part(text="I love sushi")])
    assert (found["1"].author, found["2"].author) == ("user", "helper")
    assert datetime.fromisoformat(found["1"].timestamp).microsecond == 500_000


def test_a_session_is_added_again(service):
    """Adding a session that has grown adds what is new, and nothing twice; events alone do the same."""
    first, second = event("1", "I love sushi"), event("2", "I love sushi and tea")
    add(service, session(first), session(first), session(first, second))
    adding = service.add_events_to_memory(app_name="app", user_id="alice", events=[second], session_id="chat")
    asyncio.run(adding)
    assert sorted(entry.id for entry in search(service, "sushi")) == ["1", "2"]


def test_what_is_deleted_stays_deleted(service):
    """delete_memory removes what search gave, and adding the session again does not bring it back."""
    chat = session(event("1", "I love sushi"), event("2", "I love sushi and tea"))
    add(service, chat)
    asyncio.run(service.delete_memory(app_name="app", user_id="bob", memory_id="1"))
    asyncio.run(service.delete_memory(app_name="app", user_id="alice", memory_id="1"))
    asyncio.run(service.delete_memory(app_name="app", user_id="alice", memory_id="none"))
    asyncio.run(service.delete_memory(app_name="app", user_id="alice"))
    add(service, chat)
    assert [entry.id for entry in search(service, "sushi")] == ["2"]


def test_what_has_no_text_is_left_out(service):
    """Events without content, and calls of functions, are no memories; a blank query finds nothing."""
    call = types.Part(function_call=types.FunctionCall(name="sushi", args={}))
    add(
        service,
        session(
            Event(id="1", author="user"),
            Event(id="2", author="helper", content=types.Content(role="model", parts=[call])),
            event("3", "sushi"),
        ),
    )
    assert [entry.id for entry in search(service, "sushi")] == ["3"]
    assert search(service, " ") == []


# -- what ours promises beside


def test_only_what_is_new_is_embedded(tmp_path):
    """Adding a long session again embeds its new events only."""
    embedded: list[str] = []

    class Counting(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            embedded.extend(texts)
            return super().embed(texts)

    with Memory(tmp_path / "agent.db", embedder=Counting()) as memory:
        service = MemoryService(memory)
        events = [event(str(number), f"said {number}") for number in range(20)]
        for end in (10, 20, 20):
            add(service, session(*events[:end]))
    assert len(embedded) == 20


def test_thoughts_are_not_said(memory):
    """A thought is no part of the text that is searched; the content comes back whole."""
    parts = [types.Part(text="secret plan", thought=True), types.Part(text="I love sushi")]
    said = Event(id="1", author="helper", content=types.Content(role="model", parts=parts))
    add(MemoryService(memory), session(said))
    [item] = memory.search("sushi", user_id="alice")["results"]
    assert item["memory"] == "I love sushi"
    assert search(MemoryService(memory), "sushi")[0].content.parts == parts


def test_memories_are_added_directly(memory):
    """add_memory keeps content, author, time and metadata, replaces by id, and refuses what has no text."""
    service = MemoryService(memory)
    content = types.Content(role="user", parts=[types.Part(text="I love sushi")])
    entry = MemoryEntry(content=content, id="1", author="me", timestamp="2026-01-02", custom_metadata={"own": 1})
    for text in ("I love sushi", "I love sushi now"):
        entry.content = types.Content(role="user", parts=[types.Part(text=text)])
        asyncio.run(
            service.add_memory(app_name="app", user_id="alice", memories=[entry], custom_metadata={"own": 0, "all": 2})
        )
    [found] = search(service, "sushi")
    assert found == entry.model_copy(update={"custom_metadata": {"own": 1, "all": 2}})
    empty = MemoryEntry(content=types.Content(role="user", parts=[]))
    with pytest.raises(ValidationError, match="no text"):
        asyncio.run(service.add_memory(app_name="app", user_id="alice", memories=[empty]))


@pytest.mark.parametrize("name", ["a b", "a.b", "é", "*", ":a", "日本"])
def test_any_text_is_a_name(memory, name):
    """Users, apps and sessions may have any names, and none reaches another's memories."""
    service = MemoryService(memory)
    add(service, session(event("1", "sushi"), name=name, user=name, app=name))
    assert [entry.id for entry in search(service, "sushi", name, name)] == ["1"]
    for other in ("a", "alice", ":a%20b."):
        assert search(service, "sushi", other, name) == search(service, "sushi", name, other) == []


def test_a_user_is_erased(memory):
    """What a user said is the user's, for every search and for erase."""
    service = MemoryService(memory)
    add(service, session(event("1", "I love sushi")))
    assert memory.search("sushi", user_id="alice")["results"][0]["run_id"] == "chat"
    memory.erase(user_id="alice")
    assert search(service, "sushi") == []


class Echo(BaseLlm):
    """A model that answers with what it was given to read."""

    model: str = "echo"

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        texts = [part.text or "" for content in llm_request.contents for part in content.parts or ()]
        answer = "I read: " + " | ".join(texts)
        yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text=answer)]))


def test_a_runner_remembers(tmp_path):
    """With ``remember`` as callback and ADK's tool that preloads, a later session reads what an earlier one said."""
    path = tmp_path / "agent.db"
    agent = Agent(name="agent", model=Echo(), after_agent_callback=remember, tools=[PreloadMemoryTool()])

    async def ask(service: MemoryService, text: str) -> str:
        sessions = InMemorySessionService()
        runner = Runner(agent=agent, app_name="app", session_service=sessions, memory_service=service)
        chat = await sessions.create_session(app_name="app", user_id="alice")
        said = types.Content(role="user", parts=[types.Part(text=text)])
        answers = [one async for one in runner.run_async(user_id="alice", session_id=chat.id, new_message=said)]
        return answers[-1].content.parts[0].text

    async def main() -> list[str]:
        answers = []
        for text in ("I am allergic to peanuts", "Which food must I avoid?"):
            service = MemoryService(path)
            answers.append(await ask(service, text))
            await service.close()
        return answers

    first, second = asyncio.run(main())
    assert "PAST_CONVERSATIONS" not in first
    assert "PAST_CONVERSATIONS" in second
    assert "user: I am allergic to peanuts" in second
