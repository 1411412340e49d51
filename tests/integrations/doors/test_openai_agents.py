"""The session for the OpenAI Agents SDK: what its SQLiteSession does, too, its Runner, and what ours promises.

Run by tests/test_doors.py in an environment that has the SDK.
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Model, ModelResponse, RunConfig, Runner, SQLiteSession, Usage, function_tool
from agents.memory import Session, SessionSettings
from embedder import HashEmbedder
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from mem0lite import Memory, ValidationError
from mem0lite.integrations.openai_agents import MemorySession

OFFLINE = RunConfig(tracing_disabled=True)


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def session(request, memory, tmp_path):
    """A session of ours, and the SDK's own."""
    if request.param == "ours":
        return MemorySession("chat", memory)
    return SQLiteSession("chat", tmp_path / "theirs.db")


def said(text: str, role: str = "user") -> Any:
    return {"role": role, "content": text}


ITEMS: list[Any] = [
    said("I am allergic to peanuts"),
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "I keep that in mind", "annotations": [], "logprobs": None}],
    },
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" * 3},
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Oslo","n":1.0}', "id": "f"},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_image", "detail": "low"}]},
    {
        "content": [{"type": "input_text", "text": "Look: \u2028 é e\u0301 \0 🎉"}, {"type": "input_image"}],
        "role": "user",
    },
    said("ok"),
    said("ok"),
    said("ok"),
    said(""),
    said("   "),
    {"role": "user", "content": [], "z": {"b": 1, "a": [None, True, 2**60, 1.0, -0.0]}},
    {"type": "item_reference", "id": "null"},
    {"role": "system", "content": "Be brief"},
    {},
]


def test_items_come_back_exactly(session):
    """Every kind of item comes back as it was given, in order: texts, calls, results, repeats, and the same again."""

    async def main():
        await session.add_items(ITEMS[:4])
        await session.add_items(ITEMS[4:])
        await session.add_items([])
        return await session.get_items()

    assert json.dumps(asyncio.run(main())) == json.dumps(ITEMS)


@pytest.mark.parametrize(("limit", "first"), [(None, 0), (1, 14), (3, 12), (15, 0), (99, 0), (0, 15), (-1, 0)])
def test_limit(session, limit, first):
    """A limit returns the latest items, oldest first; 0 none, a negative one all of them."""

    async def main():
        await session.add_items(ITEMS)
        return await session.get_items(limit)

    assert asyncio.run(main()) == ITEMS[first:]


def test_pop(session):
    """pop_item removes the latest item and returns it; None from an empty session. What is added then comes last."""

    async def main():
        assert await session.pop_item() is None
        await session.add_items(ITEMS[:3])
        assert await session.pop_item() == ITEMS[2]
        assert await session.pop_item() == ITEMS[1]
        await session.add_items(ITEMS[5:6])
        return await session.get_items()

    assert asyncio.run(main()) == [ITEMS[0], ITEMS[5]]


def test_clear(session):
    """clear_session removes everything, and the same items can be added at once, as compaction does."""

    async def main():
        await session.clear_session()
        await session.add_items(ITEMS)
        await session.clear_session()
        assert await session.get_items() == []
        await session.add_items(ITEMS[:2])
        return await session.get_items()

    assert asyncio.run(main()) == ITEMS[:2]


def test_it_is_a_session(session):
    """The SDK takes it for a Session, with settings."""
    assert isinstance(session, Session)
    assert session.session_id == "chat"
    assert session.session_settings.limit is None


class Scripted(Model):
    """A model that answers with the outputs of a list, and notes what it is given."""

    def __init__(self, outputs: list[Any]) -> None:
        self.outputs = list(outputs)
        self.seen: list[Any] = []

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **options: Any) -> ModelResponse:
        self.seen.append(input)
        return ModelResponse(output=[self.outputs.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError


def answer(text: str) -> Any:
    part = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(id="m", content=[part], role="assistant", status="completed", type="message")


def call(name: str, **arguments: Any) -> Any:
    return ResponseFunctionToolCall(arguments=json.dumps(arguments), call_id="c", name=name, type="function_call")


def test_a_runner_goes_on_where_it_was(session):
    """A second run is given the first one's items: question, tool call, its result and answer."""

    @function_tool
    def weather(city: str) -> str:
        return f"Rain in {city}"

    model = Scripted([call("weather", city="Oslo"), answer("It rains."), answer("As I said, rain.")])
    agent = Agent("agent", model=model, tools=[weather])

    async def main():
        await Runner.run(agent, "How is the weather in Oslo?", session=session, run_config=OFFLINE)
        await Runner.run(agent, "And now?", session=session, run_config=OFFLINE)
        return await session.get_items()

    items = asyncio.run(main())
    kinds = [item.get("type", item.get("role")) for item in items]
    assert kinds == ["user", "function_call", "function_call_output", "message", "user", "message"]
    assert model.seen[-1] == items[:5]


def test_the_limit_of_the_settings(memory):
    """session_settings limit what get_items returns, and a limit that is given, 0 too, comes first."""
    session = MemorySession("chat", memory, session_settings=SessionSettings(limit=2))

    async def main():
        await session.add_items(ITEMS)
        assert await session.get_items() == ITEMS[-2:]
        assert await session.get_items(0) == []
        assert await session.get_items(3) == ITEMS[-3:]

    asyncio.run(main())


# -- what ours promises beside


def test_what_was_said_can_be_searched(tmp_path):
    """The session finds what was said by its meaning, and so does any search of its user; tool calls are not found."""
    with Memory(tmp_path / "agent.db") as memory:
        session = MemorySession("chat", memory, user_id="alice")
        other = MemorySession("other", memory, user_id="bob")

        async def main():
            await session.add_items(ITEMS)
            await other.add_items([said("Bob eats peanuts all day")])
            return await session.search("Which food must she avoid?", limit=1)

        [found] = asyncio.run(main())
        assert (found["memory"], found["role"], found["run_id"]) == ("I am allergic to peanuts", "user", "chat")
        hits = memory.search("Which food must she avoid?", user_id="alice")["results"]
        assert hits[0]["memory"] == "I am allergic to peanuts"
        assert memory.search("weather in Oslo", run_id="chat", app_id="openai-agents")["results"] == []
        memory.erase(user_id="alice")
        assert asyncio.run(session.get_items()) == []
        assert len(asyncio.run(other.get_items())) == 1


IDS = ["a", "A", "a b", "a.b", ":a", ":a%20b.", "é", "e\u0301", "", "*", "日本", "\n", "x" * 400]


def test_sessions_do_not_mix(memory):
    """Any text is a session_id, each with its own items."""

    async def main():
        for one in IDS:
            await MemorySession(one, memory).add_items([said(repr(one))])
        return [await MemorySession(one, memory).get_items() for one in IDS]

    assert asyncio.run(main()) == [[said(repr(one))] for one in IDS]


@pytest.mark.parametrize("wrong", [None, 5, b"x"])
def test_a_session_id_is_a_text(memory, wrong):
    """What is not a text is refused by name."""
    with pytest.raises(ValidationError, match="session_id"):
        MemorySession(wrong, memory)


@pytest.mark.parametrize("wrong", [5, "text", {"role": "user", "content": object()}, {1: 2}])
def test_a_wrong_item_adds_nothing(memory, wrong):
    """If one item cannot be kept, none of the call is."""
    session = MemorySession("chat", memory)
    with pytest.raises(ValidationError):
        asyncio.run(session.add_items([said("good"), wrong]))
    assert asyncio.run(session.get_items()) == []


def test_a_very_long_message_is_kept(memory):
    """A message longer than a memory can be comes back whole, though no search finds it."""
    session = MemorySession("chat", memory)
    asyncio.run(session.add_items([said("word " * 50_000)]))
    assert asyncio.run(session.get_items()) == [said("word " * 50_000)]


def test_a_clock_that_goes_back_does_not_change_the_order(tmp_path):
    """Items keep the order in which they were added, at one instant and when the clock is set back."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder(), clock=lambda: now) as memory:
        session = MemorySession("chat", memory)
        for number in range(6):
            asyncio.run(session.add_items([said(f"{number}"), {"type": "reasoning", "id": f"{number}"}]))
            now -= timedelta(minutes=number % 2)
        found = asyncio.run(session.get_items())
    assert [item.get("content", item.get("id")) for item in found] == [f"{n}" for n in range(6) for _ in range(2)]


def test_several_writers_lose_nothing(tmp_path):
    """Sessions in several threads, each with a Memory, add to one chat: all is there, each call in one piece."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder()):
        pass

    def work(writer: int) -> None:
        async def main():
            for turn in range(8):
                await session.add_items([said(f"{writer} {turn} {part}") for part in range(3)])

        with Memory(path, embedder=HashEmbedder()) as memory:
            session = MemorySession("chat", memory)
            asyncio.run(main())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with Memory(path, embedder=HashEmbedder()) as memory:
        texts = [item["content"] for item in asyncio.run(MemorySession("chat", memory).get_items())]
    assert len(texts) == 96
    calls = [texts[start : start + 3] for start in range(0, 96, 3)]
    assert all(len({text.rsplit(" ", 1)[0] for text in one}) == 1 for one in calls)
    for writer in range(4):
        own = [text for text in texts if text.startswith(f"{writer} ")]
        assert own == [f"{writer} {turn} {part}" for turn in range(8) for part in range(3)]


def test_two_who_pop_get_different_items(memory):
    """Items that several pop at once are given to one each."""
    session = MemorySession("chat", memory)

    async def main():
        await session.add_items([said(f"{number}") for number in range(12)])
        popped = await asyncio.gather(*(session.pop_item() for _ in range(14)))
        return [item["content"] for item in popped if item is not None]

    assert sorted(map(int, asyncio.run(main()))) == list(range(12))


def test_a_cancelled_add_is_whole(memory):
    """Cancelling the task of add_items leaves all of its items, and the caller gets the cancellation afterwards."""
    session = MemorySession("chat", memory)

    async def main():
        adding = asyncio.ensure_future(session.add_items(ITEMS))
        await asyncio.sleep(0)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        return await session.get_items()

    assert asyncio.run(main()) in ([], ITEMS)


def test_a_path_is_opened_and_closed(tmp_path):
    """A session of a path closes the file at the end of ``async with``; a later one finds the chat."""
    path = Path(tmp_path / "agent.db")

    async def main():
        async with MemorySession("chat", path) as session:
            await session.add_items(ITEMS[:2])
        async with MemorySession("chat", path) as session:
            return await session.get_items()

    assert asyncio.run(main()) == ITEMS[:2]
    assert not path.with_name("agent.db-wal").exists()
