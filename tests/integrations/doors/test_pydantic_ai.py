"""Pydantic AI's capability and conversation store: what its InMemoryConversationStore does, too, and what ours promise.

Run by tests/test_doors.py in an environment that has Pydantic AI.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from embedder import HashEmbedder
from pydantic_ai import Agent, DeferredToolRequests, RunContext
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict, ConversationEntry, InMemoryConversationStore
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from mem0lite import ConfigurationError, Memory, ValidationError
from mem0lite.integrations.pydantic_ai import MemoryCapability, MemoryConversationStore


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def store(request, memory):
    """A store of ours, and Pydantic AI's own."""
    return MemoryConversationStore(memory) if request.param == "ours" else InMemoryConversationStore()


def asked(*parts: Any) -> ModelRequest:
    return ModelRequest(parts=[UserPromptPart(one) if isinstance(one, str | list) else one for one in parts])


def answered(*parts: Any) -> ModelResponse:
    return ModelResponse(parts=[TextPart(one) if isinstance(one, str) else one for one in parts])


MESSAGES: list[ModelMessage] = [
    asked(SystemPromptPart("Be brief"), "I am allergic to peanuts"),
    answered("I keep that in mind"),
    answered(
        ThinkingPart("hm"), ToolCallPart("weather", {"city": "Oslo", "n": 1.0}, "c1"), ToolCallPart("x", "{}", "2")
    ),
    asked(
        ToolReturnPart("weather", {"b": [None, True, 2**60]}, "c1"), ToolReturnPart("x", "No x", "2", outcome="retried")
    ),
    asked(
        ["Look: \u2028 é e\u0301 \0 🎉", TextContent("and this"), BinaryContent(b"%PDF", media_type="application/pdf")]
    ),
    answered(),
    asked("ok"),
    answered("ok"),
    asked("ok"),
    asked(""),
    asked("   "),
]


def run(agent: Agent[Any, Any], prompt: Any, **options: Any) -> Any:
    """Run an agent as ``run_sync`` does, which leaves its event loop open."""
    return asyncio.run(agent.run(prompt, **options))


def texts(messages: Any) -> list[str]:
    return [part.content for message in messages for part in message.parts]


def conversation(*names: str, conversation_id: str = "chat") -> Conversation:
    return Conversation(messages=[asked(one) for one in names], conversation_id=conversation_id)


def test_messages_come_back_exactly(store):
    """Every kind of message comes back as it was saved: prompts, answers, thoughts, calls, results, images, repeats."""

    async def main():
        chat = Conversation(messages=list(MESSAGES[:5]), conversation_id="chat")
        await store.save(chat)
        chat.messages += MESSAGES[5:]
        assert len(await store.save(chat)) == len(MESSAGES) - 5
        assert await store.save(chat) == []
        return await store.load("chat"), await store.load("chat", limit=3), await store.load("none")

    loaded, latest, none = asyncio.run(main())
    assert loaded.messages == MESSAGES
    assert latest.messages == MESSAGES[-3:]
    assert none is None


def test_an_agent_goes_on_where_it_was(store):
    """A loaded conversation continues with its messages, its usage, and the tool calls that wait for approval."""
    agent = Agent(TestModel(), output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay(amount: int) -> str:
        return f"Paid {amount}"

    async def main():
        first = await agent.run("Pay the bill")
        assert isinstance(first.output, DeferredToolRequests)
        await store.save(first, scope="alice")
        chat = await store.load(first.conversation.conversation_id)
        assert chat.messages == first.all_messages()
        assert (chat.deferred_tool_requests, chat.usage) == (first.output, first.usage)
        results = chat.deferred_tool_requests.build_results(approve_all=True)
        second = await agent.run(conversation=chat, deferred_tool_results=results)
        assert len(await store.save(second)) == len(second.new_messages())
        return await store.load(chat.conversation_id), second

    chat, second = asyncio.run(main())
    assert chat.messages == second.all_messages()
    assert chat.usage.requests == 2
    assert "Paid" in str(chat.messages)


def test_two_who_save_one_conversation_are_told(store):
    """The second of two who saved the same revision gets a conflict and stores nothing; so does who saves a new one."""

    async def main():
        await store.save(conversation("one"))
        mine, other = await store.load("chat"), await store.load("chat")
        mine.messages.append(asked("mine"))
        other.messages.append(asked("other"))
        await store.save(other)
        for wrong in (mine, conversation("new")):
            with pytest.raises(ConversationConflict):
                await store.save(wrong)
        await store.delete("chat")
        with pytest.raises(ConversationConflict):
            await store.save(mine)
        await store.save(conversation("again"))
        return texts((await store.load("chat")).messages)

    assert asyncio.run(main()) == ["again"]


def test_conversations_branch_and_fork(store):
    """A branch leaves what it left readable, a fork shares entries, and a deletion keeps what another one still has."""

    async def main():
        await store.save(conversation("one", "two", "three"))
        chat = await store.load("chat")
        back = await store.branch("chat", at=1, expected_revision=chat.revision)
        back.messages.append(asked("other"))
        await store.save(back)
        [record] = await store.list_conversations()
        [left] = record.branches
        assert texts([one.message for one in await store.read_history(left)]) == ["one", "two", "three"]
        fork = await store.fork("chat", at=1, new_conversation_id="fork")
        fork.messages.append(asked("forked"))
        await store.save(fork)
        second = await store.fork("fork", new_conversation_id="second")
        await store.delete("chat")
        with pytest.raises(LookupError):
            await store.read_history(left)
        await store.delete("fork")
        assert texts((await store.load("second")).messages) == ["one", "forked"]
        head = (await store.load_entries("second"))[-1].id
        await store.delete("second")
        with pytest.raises(LookupError):
            await store.read_entry(head)
        assert second.messages
        return await store.list_conversations()

    assert asyncio.run(main()) == []


def test_conversations_are_listed_by_scope(store):
    """Records are listed last saved first, those of one scope only, and another scope's is not reached."""

    async def main():
        for name, scope in (("a", "alice"), ("b", "bob"), ("c", "alice")):
            await store.save(conversation(name, conversation_id=name), scope=scope)
        chat = await store.load("a")
        chat.messages.append(asked("more"))
        await store.save(chat)
        assert [one.conversation_id for one in await store.list_conversations()] == ["a", "c", "b"]
        assert [one.conversation_id for one in await store.list_conversations(scope="alice", limit=1)] == ["a"]
        assert await store.load("b", scope="alice") is None
        await store.delete("b", scope="alice")
        await store.delete("none")
        return [one.conversation_id for one in await store.list_conversations(scope="bob")]

    assert asyncio.run(main()) == ["b"]


def test_a_fork_of_what_is_gone_is_a_conflict(store):
    """A record that points at an entry that was deleted is refused, and nothing of it is stored."""

    async def main():
        await store.save(conversation("one"))
        record = await store.read_record("chat")
        await store.delete("chat")
        fork = replace(record, conversation_id="fork", forked_from="chat", forked_at=record.head_id)
        with pytest.raises(ConversationConflict):
            await store.write_record(fork, expected_revision=None)
        entry = ConversationEntry(parent_id=record.head_id, message=asked("two"))
        with pytest.raises(ConversationConflict):
            await store.write_record(replace(fork, head_id=entry.id), new_entries=[entry], expected_revision="other")
        with pytest.raises(LookupError):
            await store.read_entry(entry.id)
        return await store.list_conversations()

    assert asyncio.run(main()) == []


# -- what our store promises beside


def test_what_was_said_can_be_searched(tmp_path):
    """Conversations are searched by meaning, as a user's memories are; calls and records are not found."""
    with Memory(tmp_path / "agent.db") as memory:
        store = MemoryConversationStore(memory, user_id="alice")
        other = MemoryConversationStore(memory, user_id="bob")

        async def main():
            await store.save(Conversation(messages=list(MESSAGES), conversation_id="chat"))
            await other.save(conversation("Bob eats peanuts all day"))
            return await store.search("Which food must she avoid?", limit=1)

        [found] = asyncio.run(main())
        assert (found["memory"], found["role"]) == ("I am allergic to peanuts", "user")
        hits = memory.search("weather", user_id="alice", app_id="pydantic-ai", threshold=0)["results"]
        assert not [one["memory"] for one in hits if one["memory"].startswith(("(", "hm", "Be brief"))]
        assert texts(asyncio.run(other.load("chat")).messages) == ["Bob eats peanuts all day"]
        memory.erase(user_id="alice")
        assert asyncio.run(store.load("chat")) is None
        assert asyncio.run(other.load("chat")) is not None


def test_any_text_is_a_conversation(memory):
    """Any text is a conversation's id and a scope, each with its own messages."""
    store = MemoryConversationStore(memory)
    ids = ["a", "A", "a b", ":a", ":a%20b.", "é", "e\u0301", "", "*", "日本", "\n", "x" * 400]

    async def main():
        for one in ids:
            await store.save(conversation(repr(one), conversation_id=one), scope=one)
        assert [len(await store.list_conversations(scope=one)) for one in ids] == [1] * len(ids)
        return [texts((await store.load(one)).messages) for one in ids]

    assert asyncio.run(main()) == [[repr(one)] for one in ids]


def test_a_very_long_history_is_read(memory):
    """A history of many messages, one of them longer than a memory can be, comes back whole."""
    store = MemoryConversationStore(memory)
    names = [*(f"message {number}" for number in range(300)), "word " * 50_000]
    asyncio.run(store.save(conversation(*names)))
    assert texts(asyncio.run(store.load("chat")).messages) == names


def test_of_many_who_save_at_once_nothing_is_lost(tmp_path):
    """Stores in several threads, each with a Memory, save, fork and delete: each save that was not refused is there."""
    path = tmp_path / "agent.db"

    def work(writer: int) -> None:
        async def main():
            for turn in range(3):
                while True:
                    chat = await store.load("chat")
                    chat.messages.append(asked(f"{writer} {turn}"))
                    try:
                        await store.save(chat)
                    except ConversationConflict:
                        continue
                    break
                fork = await store.fork("chat", at=1)
                await store.delete(fork.conversation_id)

        with Memory(path, embedder=HashEmbedder()) as memory:
            store = MemoryConversationStore(memory)
            asyncio.run(main())

    with Memory(path, embedder=HashEmbedder()) as memory:
        asyncio.run(MemoryConversationStore(memory).save(conversation("start")))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    with Memory(path, embedder=HashEmbedder()) as memory:
        store = MemoryConversationStore(memory)
        found = texts(asyncio.run(store.load("chat")).messages)
        assert len(asyncio.run(store.list_conversations())) == 1
        assert len(memory.get_all(app_id="pydantic-ai")["results"]) == 10
    assert found[0] == "start"
    for writer in range(3):
        assert [one for one in found if one.startswith(f"{writer} ")] == [f"{writer} {turn}" for turn in range(3)]


def test_a_path_is_opened_and_closed(tmp_path):
    """A store of a path closes the file at the end of ``async with``; a later one finds all. Bad URLs fail."""
    path = tmp_path / "agent.db"

    async def main():
        async with MemoryConversationStore(path) as store:
            await store.save(conversation("one"))
        async with MemoryConversationStore(path) as store:
            return texts((await store.load("chat")).messages)

    assert asyncio.run(main()) == ["one"]
    assert not path.with_name("agent.db-wal").exists()
    for door in (MemoryConversationStore, MemoryCapability):
        with pytest.raises(ConfigurationError, match="path of a file"):
            door("mysql://host/agent")


# -- the capability


@dataclass
class Reader:
    """A model that gives the answers of a list, and notes what it is given to read."""

    answers: list[Any]

    def __post_init__(self) -> None:
        self.seen: list[list[ModelMessage]] = []
        self.model = FunctionModel(self.answer)

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.seen.append(messages)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answered(answer)

    def prompts(self) -> list[str]:
        """Return the user's prompts in the last request."""
        return [one.content for message in self.seen[-1] for one in message.parts if isinstance(one, UserPromptPart)]


def test_a_later_conversation_knows_what_an_earlier_one_said(tmp_path):
    """What a user said in one run is before the model in another, before the prompt only, and in nobody else's."""
    path = tmp_path / "agent.db"

    def ask(user: str, text: str) -> tuple[list[str], Any]:
        reader = Reader(["I see."])
        capability = MemoryCapability(path, user_id=user)
        result = run(Agent(reader.model, capabilities=[capability]), text)
        capability.close()
        return reader.prompts(), result

    assert ask("alice", "I am allergic to peanuts")[0] == ["I am allergic to peanuts"]
    (block, question), result = ask("alice", "Which food must I avoid?")
    assert question == "Which food must I avoid?"
    assert "user: I am allergic to peanuts" in block
    assert "peanuts" not in str(result.all_messages())
    assert ask("bob", "Which food must I avoid?")[0] == ["Which food must I avoid?"]
    assert not path.with_name("agent.db-wal").exists()
    with Memory(path) as memory:
        kept = memory.get_all(user_id="alice", run_id=result.conversation.conversation_id)["results"]
        assert {(one["memory"], one["role"]) for one in kept} == {
            ("Which food must I avoid?", "user"),
            ("I see.", "assistant"),
        }
        memory.delete_all(user_id="alice")
    assert len(ask("alice", "Which food must I avoid?")[0]) == 1


def test_one_agent_serves_many_users(memory):
    """A function of the run says whose memories are meant, also when runs are at work at the same time."""
    for name in ("alice", "bob", "carol"):
        memory.add(f"The cat of {name} is called Mio", user_id=name)
    seen: dict[str, str] = {}

    def read(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        prompts = [one.content for one in messages[-1].parts]
        seen[prompts[-1].split()[-1]] = prompts[0]
        return answered("Mio")

    capability = MemoryCapability(memory, user_id=lambda ctx: ctx.deps, remember=False)
    agent = Agent(FunctionModel(read), deps_type=str, capabilities=[capability])

    async def main():
        await asyncio.gather(*(agent.run(f"The cat of {one}", deps=one) for one in ("alice", "bob", "carol")))
        with pytest.raises(ValidationError, match="user_id"):
            await agent.run("The cat", deps=None)

        agent_of_all = MemoryCapability(memory, user_id=lambda ctx: ctx.deps, agent_id="helper", remember=False)
        for nobody in (None, ""):
            with pytest.raises(ValidationError, match="user_id"):
                await Agent(FunctionModel(read), capabilities=[agent_of_all]).run("The cat", deps=nobody)

    asyncio.run(main())
    for name, block in seen.items():
        assert name in block
        assert not [other for other in seen if other != name and other in block]


def test_the_model_uses_the_tools(memory):
    """The model adds and searches memories with the tools, and is told of a mistake so that it tries again."""
    memory.add("tea is here", user_id="alice")
    memory.add("tea is there", user_id="bob")
    reader = Reader(
        [
            ToolCallPart("add_memory", {"text": " "}),
            ToolCallPart("add_memory", {"text": "sushi is here"}),
            ToolCallPart("search_memories", {"query": ""}),
            ToolCallPart("search_memories", {"query": "what is here", "limit": 99}),
            "Done",
        ]
    )
    capability = MemoryCapability(memory, user_id="alice", tools=True, recall=False, remember=False)
    result = run(Agent(reader.model, capabilities=[capability], retries=2), "Remember that sushi is here")
    parts = [part for message in result.all_messages() for part in message.parts]
    results = [one for one in parts if isinstance(one, ToolReturnPart)]
    returned = [one.content for one in results if one.outcome == "success"]
    assert ["empty" in str(one.content) for one in results if one.outcome == "retried"] == [True, True]
    assert returned[0] == "Remembered."
    assert sorted(one[12:] for one in returned[1]) == ["sushi is here", "tea is here"]
    assert [one.content for one in parts if isinstance(one, UserPromptPart)] == ["Remember that sushi is here"]


def test_a_prompt_is_asked_once_in_a_run(memory):
    """The block is before the prompt in each request of a run, beside tool results; another run asks again."""
    memory.add("tea is here", user_id="alice")
    reader = Reader([ToolCallPart("more", {}), "Here", "Here"])
    agent = Agent(reader.model, capabilities=[MemoryCapability(memory, user_id="alice", remember=False)])

    @agent.tool_plain
    def more() -> str:
        memory.add("tea is there", user_id="alice")
        return "more"

    chat = run(agent, "where is tea").conversation
    first, second = ([one.content for one in seen[0].parts] for seen in reader.seen)
    assert first == second
    assert "there" not in first[0]
    run(agent, "where is the tea", conversation=chat)
    assert reader.prompts()[0] == "where is tea"
    assert "there" in reader.prompts()[1]


def test_nothing_is_asked_where_nothing_is_said(memory):
    """A blank prompt, none, one of an image, and one with half of a pair do not fail; a very long one is asked."""
    memory.add("tea is here", user_id="alice")
    reader = Reader(["x"] * 9)
    agent = Agent(reader.model, capabilities=[MemoryCapability(memory, user_id="alice")], instructions="Speak")
    for prompt in (" \n", "\ud83d", None, [BinaryContent(b"x", media_type="image/png")]):
        run(agent, prompt)
        assert len(reader.prompts()) <= 1
    run(agent, "where is tea " + "is here " * 20_000)
    assert "tea is here" in reader.prompts()[0]


def test_a_failed_run_adds_nothing(memory):
    """If the model fails, nothing of the run is remembered, and the error is the caller's."""
    agent = Agent(Reader([RuntimeError("no model")]).model, capabilities=[MemoryCapability(memory, user_id="alice")])
    with pytest.raises(RuntimeError, match="no model"):
        run(agent, "I love sushi")
    assert memory.get_all(user_id="alice")["total"] == 0


def test_a_result_is_given_although_it_cannot_be_kept(memory, caplog):
    """If adding fails, the run still has its result, and the log says that it is not remembered."""

    def closing(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        memory.close()
        return answered("Yes")

    agent = Agent(FunctionModel(closing), capabilities=[MemoryCapability(memory, user_id="alice")])
    with caplog.at_level(logging.ERROR):
        assert run(agent, "I love sushi").output == "Yes"
    assert "is not remembered" in caplog.text


def test_memories_are_somebodys(tmp_path, memory):
    """Without a user or an agent there is no capability, and the file is closed; a view of a user needs no more."""
    path = tmp_path / "other.db"
    with pytest.raises(ValidationError, match="user_id"):
        MemoryCapability(path)
    assert not path.with_name("other.db-wal").exists()
    MemoryCapability(memory.for_user("alice"))


def test_the_tools_tell_the_model_what_they_are_for(memory):
    """Each tool has a description, and so has each of its arguments; the run is none of them."""
    [first, second] = MemoryCapability(memory, user_id="alice", tools=True).get_toolset().tools.values()
    for one in (first.tool_def, second.tool_def):
        assert one.description
        properties = one.parameters_json_schema["properties"]
        assert RunContext not in properties
        assert all(each["description"] for each in properties.values())
    assert set(first.tool_def.parameters_json_schema["properties"]) == {"query", "limit"}
    assert MemoryCapability(memory, user_id="alice").get_toolset() is None
