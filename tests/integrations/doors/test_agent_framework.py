"""The providers for Microsoft's Agent Framework: what its own does, too, its Agent, and what ours promise.

Run by tests/test_doors.py in an environment that has the framework.
"""

import asyncio
import json
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FileHistoryProvider,
    FunctionInvocationLayer,
    Message,
    ResponseStream,
    tool,
)
from embedder import HashEmbedder

from mem0lite import ConfigurationError, Memory, ValidationError
from mem0lite.integrations.agent_framework import MemoryHistoryProvider, MemoryProvider

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # so the framework marks what is experimental in it
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the framework and what it needs
]


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def history(request, memory, tmp_path):
    """A history provider of ours, and the framework's own."""
    if request.param == "ours":
        return MemoryHistoryProvider(memory)
    with warnings.catch_warnings(action="ignore"):
        return FileHistoryProvider(tmp_path / "theirs")


class Scripted(FunctionInvocationLayer, BaseChatClient):
    """A model that gives the answers of a list, and notes what it is given to read."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.seen: list[list[Message]] = []

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **more: Any) -> Any:
        self.seen.append(list(messages))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        contents = [answer if isinstance(answer, Content) else Content.from_text(answer)]

        async def whole() -> ChatResponse:
            return ChatResponse(messages=[Message("assistant", contents)])

        async def parts() -> Any:
            yield ChatResponseUpdate(role="assistant", contents=contents)

        return ResponseStream(parts(), finalizer=ChatResponse.from_updates) if stream else whole()


def texts(messages: list[Message]) -> list[str]:
    return [one.text for one in messages]


def said(text: str, role: str = "user", **more: Any) -> Message:
    return Message(role, [text], **more)


MESSAGES = [
    said("I am allergic to peanuts"),
    said("I keep that in mind", "assistant", author_name="Chef", message_id="m1"),
    Message("assistant", [Content.from_function_call("c1", "weather", arguments={"city": "Oslo", "n": 1.0})]),
    Message("assistant", [Content.from_function_call("c2", "weather", arguments='{"city": "Oslo"}')]),
    Message("tool", [Content.from_function_result("c1", result="Rain")]),
    Message("user", [Content.from_text("Look: \u2028 é e\u0301 \0 🎉"), Content.from_data(b"\x89PNG", "image/png")]),
    said("ok", additional_properties={"z": {"b": [None, True, 2**60, 1.0, -0.0]}}),
    said("ok"),
    said("ok"),
    said(""),
    said("   "),
    Message("user"),
    said("Be brief", "system"),
    said("Half of a pair: \ud83d"),
]


def values(messages: list[Message]) -> str:
    return json.dumps([one.to_dict() for one in messages])


def test_messages_come_back_exactly(memory):
    """Every kind of message comes back as it was given, in order: texts, calls, results, images, repeats, nothing."""
    history = MemoryHistoryProvider(memory)

    async def main():
        await history.save_messages("chat", MESSAGES[:5])
        await history.save_messages("chat", MESSAGES[5:])
        await history.save_messages("chat", [])
        return await history.get_messages("chat")

    assert values(asyncio.run(main())) == values(MESSAGES)


def test_an_agent_goes_on_where_it_was(history):
    """A later run, of another agent and session object, is given the question, the call, its result and the answer."""

    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"Rain in {city}"

    call = Content.from_function_call("c1", "weather", arguments='{"city": "Oslo"}')
    first = Scripted(call, "It rains.")
    second = Scripted("As I said, rain.")

    async def main():
        agent = Agent(first, context_providers=[history], tools=[weather])
        await agent.run("How is the weather in Oslo?", session=AgentSession(session_id="chat"))
        agent = Agent(second, context_providers=[history], tools=[weather])
        await agent.run("And now?", session=AgentSession(session_id="chat"))
        return await history.get_messages("chat")

    kept = asyncio.run(main())
    kinds = [(one.role, one.contents[0].type) for one in kept]
    turn = [("user", "text"), ("assistant", "function_call"), ("tool", "function_result"), ("assistant", "text")]
    assert kinds == [*turn, ("user", "text"), ("assistant", "text")]
    assert texts(second.seen[0]) == [*texts(kept[:4]), "And now?"]


def test_a_stream_is_kept(history):
    """A run whose answer is streamed is kept once it was read to its end."""

    async def main():
        agent = Agent(Scripted("It rains."), context_providers=[history])
        async for _ in agent.run("How is the weather?", stream=True, session=AgentSession(session_id="chat")):
            pass
        return texts(await history.get_messages("chat"))

    assert asyncio.run(main()) == ["How is the weather?", "It rains."]


def test_a_replayed_history_is_kept_once(history):
    """Input that begins with the history, or with its end, adds only what follows it. A question may recur."""

    async def main():
        turns = [said("one"), said("1", "assistant"), said("two"), said("2", "assistant")]
        await history.save_messages("chat", turns)
        await history.save_messages("chat", [*turns, said("three"), said("3", "assistant")])
        await history.save_messages(
            "chat", [said("three"), said("3", "assistant"), said("four"), said("4", "assistant")]
        )
        await history.save_messages("chat", [said("one"), said("again", "assistant")])
        return texts(await history.get_messages("chat"))

    assert asyncio.run(main()) == ["one", "1", "two", "2", "three", "3", "four", "4", "one", "again"]


def test_sessions_do_not_mix(history):
    """Any text is a session's id, each with its own messages."""
    ids = ["a", "A", "a b", "a.b", ":a", ":a%20b.", "é", "*", "日本", "\n", "..", "a/b"]

    async def main():
        for one in ids:
            await history.save_messages(one, [said(repr(one))])
        return [texts(await history.get_messages(one)) for one in ids]

    assert asyncio.run(main()) == [[repr(one)] for one in ids]


# -- what our history promises beside


def test_a_turn_may_say_the_same_as_the_one_before(memory):
    """Turns that say the same are kept as often as they were said."""

    async def main():
        history = MemoryHistoryProvider(memory)
        agent = Agent(Scripted("Done", "Done", "Done"), context_providers=[history])
        session = AgentSession(session_id="chat")
        for _ in range(3):
            await agent.run("Next", session=session)
        return texts(await history.get_messages("chat"))

    assert asyncio.run(main()) == ["Next", "Done"] * 3


def test_what_was_said_can_be_searched(tmp_path):
    """A session is searched by meaning, as a user's memories are; what tools and the system say is not found."""
    with Memory(tmp_path / "agent.db") as memory:
        history = MemoryHistoryProvider(memory, user_id="alice")
        other = MemoryHistoryProvider(memory, user_id="bob")

        async def main():
            await history.save_messages("chat", MESSAGES)
            await other.save_messages("chat", [said("Bob eats peanuts all day")])
            return await history.search("Which food must she avoid?", "chat", limit=1)

        [found] = asyncio.run(main())
        assert (found["memory"], found["role"], found["run_id"]) == ("I am allergic to peanuts", "user", "chat")
        hits = memory.search("weather", user_id="alice", app_id="agent-framework", threshold=0)["results"]
        assert not {"Rain", "Be brief", "(tool)"} & {one["memory"] for one in hits}
        asyncio.run(history.clear("chat"))
        assert asyncio.run(history.get_messages("chat")) == []
        assert texts(asyncio.run(other.get_messages("chat"))) == ["Bob eats peanuts all day"]


@pytest.mark.parametrize("wrong", [None, 5, b"x"])
def test_a_session_id_is_a_text(memory, wrong):
    """What is not a text is refused by name: it would be everybody's session."""
    with pytest.raises(ValidationError, match="session_id"):
        asyncio.run(MemoryHistoryProvider(memory).save_messages(wrong, [said("x")]))


def test_a_wrong_message_adds_nothing(memory):
    """If one message cannot be kept, none of the call is."""
    history = MemoryHistoryProvider(memory)
    with pytest.raises(ValidationError, match="not a text"):
        asyncio.run(history.save_messages("chat", [said("good"), said("x", additional_properties={"z": {1: 2}})]))
    assert asyncio.run(history.get_messages("chat")) == []


def test_several_writers_lose_nothing(tmp_path):
    """Providers in several threads, each with a Memory, add to one session: all is there, each call in one piece."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder()):
        pass

    def work(writer: int) -> None:
        async def main():
            for turn in range(6):
                await history.save_messages("chat", [said(f"{writer} {turn} {part}") for part in range(2)])

        with Memory(path, embedder=HashEmbedder()) as memory:
            history = MemoryHistoryProvider(memory)
            asyncio.run(main())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with Memory(path, embedder=HashEmbedder()) as memory:
        kept = texts(asyncio.run(MemoryHistoryProvider(memory).get_messages("chat")))
    assert sorted(kept) == sorted(f"{w} {turn} {part}" for w in range(4) for turn in range(6) for part in range(2))
    assert all(kept[at][:-2] == kept[at + 1][:-2] for at in range(0, 48, 2))


def test_a_path_is_opened_and_closed(tmp_path):
    """A provider of a path closes the file at the end of ``async with``; a later one finds all. Bad URLs fail."""
    path = tmp_path / "agent.db"

    async def main():
        async with MemoryHistoryProvider(path) as history:
            await history.save_messages("chat", MESSAGES[:2])
        async with MemoryHistoryProvider(path) as history:
            return texts(await history.get_messages("chat"))

    assert asyncio.run(main()) == texts(MESSAGES[:2])
    assert not path.with_name("agent.db-wal").exists()
    for door in (MemoryHistoryProvider, MemoryProvider):
        with pytest.raises(ConfigurationError, match="path of a file"):
            door("mysql://host/agent")


# -- what is remembered


def test_a_later_session_knows_what_an_earlier_one_said(tmp_path):
    """What a user said in one session is before the model in another, and in nobody else's."""
    path = tmp_path / "agent.db"

    async def ask(user: str, session: str, text: str) -> list[Message]:
        client = Scripted("I see.")
        async with MemoryProvider(path, user_id=user) as provider:
            await Agent(client, context_providers=[provider]).run(text, session=AgentSession(session_id=session))
        return client.seen[0]

    assert texts(asyncio.run(ask("alice", "one", "I am allergic to peanuts"))) == ["I am allergic to peanuts"]
    block, question = asyncio.run(ask("alice", "two", "Which food must I avoid?"))
    assert question.text == "Which food must I avoid?"
    assert "user: I am allergic to peanuts" in block.text
    assert block.additional_properties["_attribution"] == {
        "source_id": "mem0lite",
        "source_type": "MemoryProvider",
        "origin_session_ids": ["one"],
    }
    assert texts(asyncio.run(ask("bob", "two", "Which food must I avoid?"))) == ["Which food must I avoid?"]
    with Memory(path) as memory:
        kept = memory.get_all(user_id="alice", run_id="one", app_id="agent-framework")["results"]
        assert {(one["memory"], one["role"]) for one in kept} == {
            ("I am allergic to peanuts", "user"),
            ("I see.", "assistant"),
        }
        memory.delete_all(user_id="alice")
    assert len(asyncio.run(ask("alice", "three", "Which food must I avoid?"))) == 1


def test_one_file_has_history_and_memories(memory):
    """With both providers the history is what is remembered, kept once, and its tool calls are not quoted."""
    memory.add("My cat is called Mio", user_id="alice", app_id="elsewhere")

    async def main():
        client = Scripted("Mio", "Mio again")
        providers = [
            MemoryHistoryProvider(memory, user_id="alice"),
            MemoryProvider(memory, user_id="alice", remember=False),
        ]
        await providers[0].save_messages("chat", MESSAGES[2:5])
        agent = Agent(client, context_providers=providers)
        for question in ("What is my cat called?", "And my cat again?"):
            await agent.run(question, session=AgentSession(session_id="chat"))
        return client.seen[-1]

    seen = texts(asyncio.run(main()))
    assert seen[3:5] == ["What is my cat called?", "Mio"]
    assert seen[-1] == "And my cat again?"
    assert "My cat is called Mio" in seen[-2]
    assert "(tool)" not in seen[-2]
    assert "(assistant)" not in seen[-2]
    said_by_alice = [one["memory"] for one in memory.get_all(user_id="alice", app_id="agent-framework")["results"]]
    assert sorted(said_by_alice) == ["And my cat again?", "Mio", "Mio again", "What is my cat called?"]


def test_nothing_is_asked_where_nothing_is_said(memory):
    """A blank question, none, and one with half of a pair neither fail nor put anything before the model."""
    memory.add("tea is here", user_id="alice")
    provider = MemoryProvider(memory, user_id="alice")

    async def main():
        for question in (" \n", "\ud83d", Message("user"), Message("user", [Content.from_data(b"x", "image/png")])):
            client = Scripted("")
            await Agent(client, context_providers=[provider]).run(question)
            assert len(client.seen[0]) == 1
        client = Scripted("x")
        await Agent(client, context_providers=[provider]).run("where is tea " + "is here " * 20_000)
        assert "tea is here" in client.seen[0][0].text

    asyncio.run(main())


def test_a_failed_run_adds_nothing(memory):
    """If the model fails, nothing of the run is remembered, and the error is the caller's."""

    async def main():
        agent = Agent(Scripted(RuntimeError("no model")), context_providers=[MemoryProvider(memory, user_id="alice")])
        with pytest.raises(RuntimeError, match="no model"):
            await agent.run("I love sushi")

    asyncio.run(main())
    assert memory.get_all(user_id="alice")["total"] == 0


def test_an_answer_is_given_although_it_cannot_be_kept(memory, caplog):
    """If adding fails, the run still answers, and the log says that it is not remembered."""
    provider = MemoryProvider(memory, user_id="alice")

    class Closing(Scripted):
        def _inner_get_response(self, **options: Any) -> Any:
            memory.close()
            return super()._inner_get_response(**options)

    with caplog.at_level(logging.ERROR):
        answer = asyncio.run(Agent(Closing("Yes"), context_providers=[provider]).run("I love sushi"))
    assert answer.text == "Yes"
    assert "is not remembered" in caplog.text


def test_memories_are_somebodys(tmp_path, memory):
    """Without a user or an agent there is no provider, and the file is closed; a view of a user needs no more."""
    path = tmp_path / "other.db"
    with pytest.raises(ValidationError, match="user_id"):
        MemoryProvider(path)
    assert not path.with_name("other.db-wal").exists()
    MemoryProvider(memory.for_user("alice"))
