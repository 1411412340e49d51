"""LlamaIndex's memory block and chat store: what its SQLAlchemyChatStore does, too, its Memory, and what ours promise.

Run by tests/test_doors.py in an environment that has LlamaIndex.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from embedder import HashEmbedder
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, MessageRole, MockLLM
from llama_index.core.memory import Memory as TheirMemory
from llama_index.core.memory import StaticMemoryBlock
from llama_index.core.storage.chat_store.base_db import MessageStatus
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from mem0lite import ConfigurationError, Memory, ValidationError
from mem0lite.integrations.llama_index import MemoryBlock, MemoryChatStore

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of LlamaIndex and what it needs
]
ACTIVE, ARCHIVED = MessageStatus.ACTIVE, MessageStatus.ARCHIVED


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


def theirs(path: Path) -> SQLAlchemyChatStore:
    """LlamaIndex's own store on a file, whose connections are closed after each use: nothing else closes them."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=NullPool)
    return SQLAlchemyChatStore("chats", async_engine=engine)


@pytest.fixture(params=["ours", "theirs"])
def store(request, memory, tmp_path):
    """A chat store of ours, and LlamaIndex's own."""
    return MemoryChatStore(memory) if request.param == "ours" else theirs(tmp_path / "theirs.db")


def said(text: str, role: str = "user") -> ChatMessage:
    return ChatMessage(text, role=role)


def texts(messages: list[ChatMessage]) -> list[str | None]:
    return [one.content for one in messages]


def words(text: str) -> list[str]:
    """Stand in for a tokenizer, so that the size of a window can be seen."""
    return text.split()


MESSAGES = [
    said("I am allergic to peanuts"),
    said("I keep that in mind", "assistant"),
    ChatMessage(
        role="assistant",
        blocks=[
            ThinkingBlock(content="hm"),
            ToolCallBlock(tool_call_id="c1", tool_name="weather", tool_kwargs={"city": "Oslo", "n": 1.0}),
        ],
    ),
    ChatMessage(role="tool", content="Rain", additional_kwargs={"tool_call_id": "c1", "z": {"b": [None, True, 2**60]}}),
    ChatMessage(role="user", blocks=[TextBlock(text="Look: \u2028 é e\u0301 \0 🎉"), ImageBlock(image=b"\x89PNG")]),
    said("ok"),
    said("ok"),
    said("ok"),
    said(""),
    said("   "),
    ChatMessage(role="user"),
    said("Be brief", "system"),
    said("From Gemini", "model"),
    said("Half of a pair: \ud83d"),
]


def test_messages_come_back_exactly(memory):
    """Every kind of message comes back as it was given, in order: texts, calls, results, images, repeats, nothing."""
    store = MemoryChatStore(memory)

    async def main():
        await store.add_messages("chat", MESSAGES[:4])
        await store.add_message("chat", MESSAGES[4])
        await store.add_messages("chat", MESSAGES[5:])
        await store.add_messages("chat", [])
        return await store.get_messages("chat")

    assert asyncio.run(main()) == MESSAGES


def test_chats_are_lists(store):
    """Messages are read with limit and offset, counted, replaced and deleted; a chat that has none has no key."""

    async def main():
        assert await store.get_messages("none") == []
        await store.add_messages("a", [said(f"{number}") for number in range(5)])
        await store.add_message("b", said("other"))
        assert texts(await store.get_messages("a", limit=2)) == ["0", "1"]
        assert texts(await store.get_messages("a", limit=2, offset=2)) == ["2", "3"]
        assert await store.get_messages("a", limit=0) == []
        assert await store.count_messages("a") == 5
        assert sorted(await store.get_keys()) == ["a", "b"]
        await store.set_messages("a", [said("new"), said("newer")])
        assert texts(await store.get_messages("a")) == ["new", "newer"]
        assert texts(await store.delete_oldest_messages("a", 1)) == ["new"]
        assert await store.delete_oldest_messages("none", 1) == []
        assert await store.delete_message("a", 99) is None
        await store.delete_messages("a")
        await store.delete_messages("none")
        assert await store.get_keys() == ["b"]
        assert texts(await store.get_messages("b")) == ["other"]

    asyncio.run(main())


def test_messages_are_archived(store):
    """Archived messages leave the active ones and stay readable; both can be deleted apart, and new ones are active."""

    async def main():
        await store.add_messages("a", [said(f"{number}") for number in range(5)])
        await store.add_message("a", said("put aside"), ARCHIVED)
        assert texts(await store.archive_oldest_messages("a", 2)) == ["0", "1"]
        assert texts(await store.archive_oldest_messages("a", 1)) == ["2"]
        assert await store.archive_oldest_messages("a", 0) == []
        assert await store.archive_oldest_messages("none", 3) == []
        assert texts(await store.get_messages("a")) == ["3", "4"]
        assert texts(await store.get_messages("a", ARCHIVED)) == ["0", "1", "2", "put aside"]
        assert texts(await store.get_messages("a", None)) == ["0", "1", "2", "3", "4", "put aside"]
        assert [await store.count_messages("a", one) for one in (ACTIVE, ARCHIVED, None)] == [2, 4, 6]
        await store.add_message("a", said("5"))
        assert texts(await store.delete_oldest_messages("a", 1)) == ["3"]
        await store.delete_messages("a", ARCHIVED)
        assert texts(await store.get_messages("a", None)) == ["4", "5"]
        await store.delete_messages("a", ACTIVE)
        assert await store.get_messages("a", None) == []
        await store.add_message("a", said("again"))
        assert texts(await store.get_messages("a")) == ["again"]
        assert texts(await store.archive_oldest_messages("a", 9)) == ["again"]
        assert await store.get_messages("a") == []

    asyncio.run(main())


def remembering(store: Any, **options: Any) -> TheirMemory:
    return TheirMemory.from_defaults(session_id="chat", chat_store=store, tokenizer_fn=words, **options)


def test_a_memory_keeps_its_chat_in_the_store(store):
    """LlamaIndex's Memory, sync and async, keeps its chat: put, get, set, reset, and messages that leave its window."""
    memory = remembering(store, token_limit=20, token_flush_size=4)
    memory.put_messages([said("one two three"), said("four five six", "assistant")])
    assert texts(memory.get()) == ["one two three", "four five six"]

    async def main():
        for number in range(4):
            await memory.aput(said(f"{number} a b c"))
            await memory.aput(said(f"{number} d e f", "assistant"))
        kept, every = await memory.aget(), await memory.aget_all()
        assert 0 < len(kept) < len(every) == 10
        assert texts(every)[-len(kept) :] == texts(kept)
        assert kept[0].role == MessageRole.USER
        await memory.aset(MESSAGES[:2])
        assert texts(await memory.aget_all()) == texts(MESSAGES[:2])
        await memory.areset()
        assert await memory.aget_all() == []

    asyncio.run(main())


# -- what our chat store promises beside


def test_what_was_said_can_be_searched(tmp_path):
    """A chat is searched by meaning, as a user's memories are; what tools and the system say is not found."""
    with Memory(tmp_path / "agent.db") as memory:
        store = MemoryChatStore(memory, user_id="alice")
        other = MemoryChatStore(memory, user_id="bob")

        async def main():
            await store.add_messages("chat", MESSAGES)
            await other.add_message("chat", said("Bob eats peanuts all day"))
            return await store.search("Which food must she avoid?", "chat", limit=1)

        [found] = asyncio.run(main())
        assert (found["memory"], found["role"], found["run_id"]) == ("I am allergic to peanuts", "user", "chat")
        hits = memory.search("Which food must she avoid?", user_id="alice", app_id="llama-index", threshold=0)
        assert hits["results"][0]["memory"] == "I am allergic to peanuts"
        assert not {"Rain", "Be brief"} & {one["memory"] for one in hits["results"]}
        memory.erase(user_id="alice")
        assert asyncio.run(store.get_messages("chat")) == []
        assert asyncio.run(other.count_messages("chat")) == 1


KEYS = ["a", "A", "a b", "a.b", ":a", ":a%20b.", "archived", ":archived.", "é", "", "*", "日本", "\n", "x" * 400]


def test_chats_do_not_mix(memory):
    """Any text is a key, each with its own messages, active and archived, and get_keys gives it back."""
    store = MemoryChatStore(memory)

    async def main():
        for one in KEYS:
            await store.add_messages(one, [said(f"old {one!r}"), said(repr(one))])
            await store.archive_oldest_messages(one, 1)
        assert sorted(await store.get_keys()) == sorted(KEYS)
        return [texts(await store.get_messages(one)) for one in KEYS]

    assert asyncio.run(main()) == [[repr(one)] for one in KEYS]


def test_users_do_not_mix(memory):
    """Stores of two users have chats of the same key apart."""
    alice, bob = MemoryChatStore(memory, user_id="alice"), MemoryChatStore(memory, user_id="bob")

    async def main():
        await alice.add_message("chat", said("of Alice"))
        await alice.archive_oldest_messages("chat", 1)
        assert await bob.get_messages("chat", None) == await bob.get_keys() == []
        await bob.add_message("chat", said("of Bob"))
        await alice.delete_messages("chat")
        return texts(await bob.get_messages("chat", None))

    assert asyncio.run(main()) == ["of Bob"]


def test_one_message_is_deleted_by_its_index(memory):
    """delete_message deletes what has the index among the active messages of the chat, and returns it."""
    store = MemoryChatStore(memory)

    async def main():
        await store.add_messages("a", [said(f"{number}") for number in range(4)])
        await store.archive_oldest_messages("a", 1)
        assert [await store.delete_message("a", one) for one in (-1, 3)] == [None, None]
        assert (await store.delete_message("a", 1)).content == "2"
        return texts(await store.get_messages("a", None))

    assert asyncio.run(main()) == ["0", "1", "3"]


@pytest.mark.parametrize("key", [None, 5, b"x"])
def test_a_key_is_a_text(memory, key):
    """What is not a text is refused by name."""
    with pytest.raises(ValidationError, match="key"):
        asyncio.run(MemoryChatStore(memory).add_message(key, said("x")))


def test_a_clock_that_goes_back_does_not_change_the_order(tmp_path):
    """Messages keep the order in which they were added, and stay archived, when the clock is set back."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder(), clock=lambda: now) as memory:
        store = MemoryChatStore(memory)
        for number in range(6):
            asyncio.run(store.add_message("a", said(f"{number}")))
            now -= timedelta(minutes=number % 2)
            if number == 3:
                asyncio.run(store.archive_oldest_messages("a", 2))
        assert texts(asyncio.run(store.get_messages("a"))) == ["2", "3", "4", "5"]


def test_several_writers_lose_nothing(tmp_path):
    """Stores in several threads, each with a Memory, add to one chat and archive: all is there, once."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder()):
        pass

    def work(writer: int) -> None:
        async def main():
            for turn in range(6):
                await store.add_messages("chat", [said(f"{writer} {turn} {part}") for part in range(2)])
                await store.archive_oldest_messages("chat", 1)

        with Memory(path, embedder=HashEmbedder()) as memory:
            store = MemoryChatStore(memory)
            asyncio.run(main())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with Memory(path, embedder=HashEmbedder()) as memory:
        store = MemoryChatStore(memory)
        every, active = (texts(asyncio.run(store.get_messages("chat", one))) for one in (None, ACTIVE))
    assert sorted(every) == sorted(f"{w} {turn} {part}" for w in range(4) for turn in range(6) for part in range(2))
    assert active == every[-len(active) :]
    assert 0 < len(every) - len(active) <= 24


def test_a_path_is_opened_and_closed(tmp_path):
    """A store of a path closes the file at the end of ``async with``; a later one finds the chat. Bad URLs fail."""
    path = tmp_path / "agent.db"

    async def main():
        async with MemoryChatStore(path) as store:
            await store.add_messages("chat", MESSAGES[:2])
        async with MemoryChatStore(path) as store:
            return await store.get_messages("chat")

    assert asyncio.run(main()) == MESSAGES[:2]
    assert not path.with_name("agent.db-wal").exists()
    for door in (MemoryChatStore, MemoryBlock):
        with pytest.raises(ConfigurationError, match="path of a file"):
            door("mysql://host/agent")


# -- the block


def test_a_block_recalls_what_left_the_window(tmp_path):
    """What left the window of one chat is before the model in a later chat of the same user, and of nobody else."""
    path = tmp_path / "agent.db"

    def chat(user: str, session: str, *lines: str) -> list[ChatMessage]:
        block = MemoryBlock(path, user_id=user)
        memory = TheirMemory.from_defaults(
            session_id=session,
            chat_store=theirs(tmp_path / "theirs.db"),
            token_limit=30,
            token_flush_size=5,
            tokenizer_fn=words,
            memory_blocks=[block],
        )
        for line in lines[:-1]:
            memory.put_messages([said(line), said("I see.", "assistant")])
        found = memory.get(input=lines[-1])
        block.close()
        return found

    chat("alice", "one", "I am allergic to peanuts", *(f"This is filler number {number} of it" for number in range(6)))
    [system] = chat("alice", "two", "Which food must I avoid?")
    assert system.role == MessageRole.SYSTEM
    assert "<memories>" in system.content
    assert "user: I am allergic to peanuts" in system.content
    assert chat("bob", "two", "Which food must I avoid?") == []
    with Memory(path) as memory:
        kept = memory.search("allergic to peanuts", user_id="alice", run_id="one", app_id="llama-index")["results"]
        assert kept[0]["memory"] == "I am allergic to peanuts"


def test_an_engine_answers_with_what_is_remembered(memory):
    """A chat engine with a model puts the block before the model, beside other blocks, and the file keeps the chat."""
    memory.add("My cat is called Mio", user_id="alice")
    block = MemoryBlock(memory, user_id="alice")
    store = MemoryChatStore(memory, user_id="alice")
    memory_of_theirs = remembering(store, memory_blocks=[StaticMemoryBlock(static_content="Be kind"), block])
    engine = SimpleChatEngine.from_defaults(llm=MockLLM(), memory=memory_of_theirs)
    answers = [str(engine.chat("What is my cat called?")), str(asyncio.run(engine.achat("And my cat again?")))]
    assert all("My cat is called Mio" in one and "Be kind" in one for one in answers)
    assert "(user)" not in "".join(answers)
    assert asyncio.run(store.count_messages("chat")) == 4


def test_a_block_asks_what_the_user_said_last(memory):
    """The last message of a user is the question, whoever spoke after; without one there is no block."""
    memory.add_many([{"messages": f"{word} is here", "user_id": "alice"} for word in ("sushi", "tea")])
    block = MemoryBlock(memory, user_id="alice")

    def ask(*messages: ChatMessage) -> str:
        return asyncio.run(block.aget(list(messages), session_id="chat", initial_token_count=3))

    found = ask(said("tea"), said("where is sushi"), said("tea", "assistant"), said("tea", "tool"))
    assert "sushi is here" in found
    assert (
        ask() == ask(said("")) == ask(said(" \n")) == ask(said("tea", "assistant")) == asyncio.run(block.aget()) == ""
    )
    assert ask(said("\ud83d")) == ""
    assert "sushi is here" in ask(said("sushi \0" + "is here " * 20_000))


def test_a_block_adds_what_was_said(memory):
    """Messages put to a block are kept once, by session and role; empty ones, tools and the system are left out."""
    block = MemoryBlock(memory, user_id="alice", agent_id="helper")
    put = [one.model_copy(deep=True) for one in MESSAGES]

    async def main():
        await block.aput(put, session_id="a b")
        await block.aput(put, session_id="a b")
        await block.aput([])
        await block.aput([said("said outside")])
        await MemoryBlock(memory, user_id="alice", accept_short_term_memory=False).aput(
            put, from_short_term_memory=True
        )

    asyncio.run(main())
    kept = [(one["memory"], one["role"], one.get("run_id")) for one in memory.get_all(user_id="alice")["results"]]
    assert len(kept) == 7
    assert ("I keep that in mind", "assistant", ":a%20b.") in kept
    assert ("From Gemini", "assistant", ":a%20b.") in kept
    assert ("Half of a pair: ?", "user", ":a%20b.") in kept
    assert ("said outside", "user", None) in kept
    assert {one["agent_id"] for one in memory.get_all(user_id="alice")["results"]} == {"helper"}


def test_a_very_long_message_is_kept_whole(memory):
    """A message longer than a memory can be becomes several; in a chat it comes back whole."""
    text = "".join(f"word{number} " for number in range(25_000))
    asyncio.run(MemoryBlock(memory, user_id="alice").aput([said(text)]))
    parts = memory.get_all(user_id="alice")["results"]
    assert len(parts) == 3
    assert sorted(len(one["memory"]) for one in parts)[1:] == [100_000, 100_000]
    store = MemoryChatStore(memory)
    asyncio.run(store.add_message("chat", said(text)))
    assert texts(asyncio.run(store.get_messages("chat"))) == [text]


def test_a_block_is_somebodys(tmp_path, memory):
    """Without a user or an agent there is no block, and the file is closed; a view of a user needs no more."""
    path = tmp_path / "other.db"
    with pytest.raises(ValidationError, match="user_id"):
        MemoryBlock(path)
    assert not path.with_name("other.db-wal").exists()
    memory.add("tea is here", user_id="alice")
    memory.add("tea is there", user_id="bob")
    found = asyncio.run(MemoryBlock(memory.for_user("alice")).aget([said("tea")]))
    assert "here" in found
    assert "there" not in found
