"""How much each user may keep."""

import asyncio
import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backends
import httpx
import pytest
from conftest import Clock
from embedder import HashEmbedder
from scripted_model import ScriptedModel
from serving import served_by

from mem0lite import (
    AsyncMemory,
    ConfigurationError,
    Mem0LiteError,
    Memory,
    PermissionDeniedError,
    QuotaExceededError,
    ValidationError,
)
from mem0lite.exceptions import MemoryQuotaExceededError, create_exception_from_response
from mem0lite.server import ApiKey, Settings, create_app

Location = backends.Location


def opened(path: Location, clock: Clock | None = None, **options: Any) -> Memory:
    return Memory(path, embedder=HashEmbedder(), clock=clock, **options)


def said(*messages: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": message} for message in messages]


def texts(count: int, first: int = 0) -> list[dict[str, str]]:
    return said(*(f"fact {number}" for number in range(first, first + count)))


def kept(memory: Memory, user: str) -> tuple[int, int]:
    usage = memory.usage(user)
    return usage["memories"], usage["bytes"]


def test_what_would_exceed_the_number_is_refused_whole(path: Location) -> None:
    """A batch that does not fit stores none of its memories, and the error names user, limit, use and cure."""
    with opened(path, max_memories_per_user=3) as memory:
        memory.add(texts(2), user_id="alice")
        before = memory.get_all(user_id="alice"), memory.changes(), memory.events(user_id="alice")
        with pytest.raises(QuotaExceededError, match=r"'alice' may keep 3 memories, keeps 2, .*max_memories") as raised:
            memory.add_many(
                [
                    {"messages": texts(1, 5 + n), "user_id": who}
                    for n, who in enumerate(["bob", "alice", "bob", "alice"])
                ]
            )
        error = raised.value
        assert (error.user_id, error.quota, error.limit, error.used) == ("alice", "memories", 3, 2)
        assert (memory.get_all(user_id="alice"), memory.changes(), memory.events(user_id="alice")) == before
        assert kept(memory, "bob") == (0, 0)
        memory.add(texts(1, 9), user_id="alice")
        assert kept(memory, "alice")[0] == 3


@pytest.mark.parametrize(
    ("text", "metadata"),
    [("x" * 40, None), ("é" * 20, None), ("🙂" * 10, None), ("x", {"k": "y" * 30}), ("x", {"深": "さ" * 12})],
    ids=["ascii", "two bytes", "four bytes", "metadata", "metadata in Japanese"],
)
def test_bytes_are_those_of_texts_and_metadata(path: Location, text: str, metadata: Any) -> None:
    """Bytes, not characters, count, and hiding them in the metadata does not help."""
    with opened(path) as memory:
        memory.add(text, user_id="alice", metadata=metadata, infer=False)
        assert memory.usage("alice")["max_bytes"] is None
        size = kept(memory, "alice")[1]
        assert size >= len(text.encode()) + (
            len(json.dumps(metadata, ensure_ascii=False).encode()) - 1 if metadata else 0
        )
    with opened(path, max_bytes_per_user=2 * size) as memory:
        memory.add(text, user_id="alice", metadata=metadata, infer=False)
        with pytest.raises(QuotaExceededError, match=f"may keep {2 * size} bytes, keeps {2 * size}"):
            memory.add("x", user_id="alice", infer=False)
        assert kept(memory, "alice") == (2, 2 * size)


def test_updates_count_what_they_add(path: Location) -> None:
    """A longer text or more metadata must fit, also in a batch; a shorter text, a rating and a date always do."""
    with opened(path, max_bytes_per_user=20) as memory:
        [one, two] = [item["id"] for item in memory.add(said("abcde", "fghij"), user_id="alice")["results"]]
        memory.update(one, "abcde" * 3)
        for change in ({"text": "fghijk"}, {"metadata": {"k": 1}}):
            with pytest.raises(QuotaExceededError, match="keeps 20, and would keep 2"):
                memory.update(two, **change)
        with pytest.raises(QuotaExceededError):
            memory.update_many([{"memory_id": one, "text": "abcdef"}, {"memory_id": two, "text": "f" * 15}])
        assert memory.get(one)["memory"] == "abcde" * 3
        memory.update_many([{"memory_id": one, "text": "abcdef"}, {"memory_id": two, "text": "f" * 14}])
        memory.feedback(two, "POSITIVE", "a reason that is longer than the quota")
        assert kept(memory, "alice") == (2, 20)
    with opened(path, max_bytes_per_user=8) as memory:
        memory.update(two, "f" * 10)
        memory.update(two, timestamp="2026-02-01T00:00:00Z")
        with pytest.raises(QuotaExceededError, match="keeps 16, and would keep 17"):
            memory.update(two, "f" * 11)
        memory.delete(one)
        with pytest.raises(QuotaExceededError, match="keeps 10, and would keep 12"):
            memory.add("ab", user_id="alice")


def test_deletion_and_expiry_make_room(path: Location, clock: Clock) -> None:
    """What is deleted, has expired or was reset does not count, from that instant on, with or without vacuum."""
    with opened(path, clock, max_memories_per_user=2) as memory:

        def full() -> None:
            with pytest.raises(QuotaExceededError):
                memory.add(texts(1, 99), user_id="alice", infer=False)

        short = memory.add("a", user_id="alice", ttl=60)["results"][0]["id"]
        lasting = memory.add("b", user_id="alice")["results"][0]["id"]
        full()
        clock.advance(seconds=59, microseconds=999_999)
        full()
        clock.advance(microseconds=1)
        memory.add("c", user_id="alice", ttl=3_600)
        full()
        memory.delete(lasting)
        memory.add("d", user_id="alice")
        full()
        memory.vacuum()
        full()
        memory.delete_all(user_id="alice")
        memory.add(texts(2), user_id="alice")
        full()
        memory.reset(user_id="alice")
        memory.add(texts(2, 4), user_id="alice")
        full()
        memory.add("expired from the start", user_id="alice", ttl=0)
        assert memory.get(short) is None
        assert kept(memory, "alice")[0] == 2


def test_repeats_and_superseded_memories(path: Location) -> None:
    """A repetition adds nothing; what supersedes a memory counts beside it."""
    with opened(path, max_memories_per_user=2) as memory:
        memory.add("I live in Porto", user_id="alice", key="home")
        memory.add("I live in Lisbon", user_id="alice", key="home")
        assert memory.add("I live in Lisbon", user_id="alice", key="home")["results"][0]["event"] == "NONE"
        with pytest.raises(QuotaExceededError):
            memory.add("I live in Faro", user_id="alice", key="home")
        assert [one["memory"] for one in memory.get_all(user_id="alice", latest_only=True)["results"]] == [
            "I live in Lisbon"
        ]


def test_a_view_cannot_evade_a_quota(path: Location) -> None:
    """Whatever ids a view gives, and from whichever view, its memories are the user's; nobody else's use is shown."""
    with opened(path, max_memories_per_user=3) as memory:
        view, again = memory.for_user("alice"), memory.for_user("alice").for_user("alice")
        view.add("a", run_id="one")
        again.add("b", agent_id="bot", app_id="app")
        memory.add("c", user_id=" alice ")
        for ids in ({}, {"run_id": "two"}, {"agent_id": "a"}, {"app_id": "b"}, {"user_id": "alice"}):
            with pytest.raises(QuotaExceededError):
                view.add("d", **ids)
        assert view.usage() == {"user_id": "alice", "memories": 3, "bytes": 3, "max_memories": 3, "max_bytes": None}
        with pytest.raises(PermissionDeniedError):
            view.usage("bob")
        with pytest.raises(ValidationError, match="user_id"):
            memory.usage()
        memory.add(said("x", "y", "z", "w"), agent_id="bot")  # nobody's
        assert kept(memory, "bot") == (0, 0)


@pytest.mark.parametrize("handles", [1, 3])
def test_the_quota_is_exact_however_many_write(path: Location, handles: int) -> None:
    """Threads that write at the same time, through one object or several, end at the quota, not above or below."""
    memories = [opened(path, max_memories_per_user=25) for _ in range(handles)]

    def add(number: int) -> int:
        try:
            memories[number % handles].add_many(
                [{"messages": f"fact {number} {part}", "user_id": "alice", "infer": False} for part in range(2)]
            )
        except QuotaExceededError:
            return 0
        return 2

    try:
        with ThreadPoolExecutor(8) as pool:
            stored = sum(pool.map(add, range(40)))
        assert stored == kept(memories[0], "alice")[0] == 24
        memories[-1].add("one more", user_id="alice")
    finally:
        for memory in memories:
            memory.close()


USERS = ("alice", "bob")


class History:
    """Random calls for two users, with what each adds to its user: memories and bytes."""

    def __init__(self, memory: Memory, clock: Clock, rng: random.Random) -> None:
        self.memory, self.clock, self.rng = memory, clock, rng

    def call(self) -> tuple[str, tuple[int, int], Callable[[], object]]:
        """Return the user of a call, what it adds, and the call."""
        user = self.rng.choice(USERS)
        items = self.memory.get_all(user_id=user, top_k=100)["results"]
        if items and self.rng.random() < 0.5:
            return user, *self.changing(self.rng.choice(items))
        return user, *self.adding(user)

    def adding(self, user: str) -> tuple[tuple[int, int], Callable[[], object]]:
        count, length = self.rng.choice([(1, 3), (3, 4), (1, 21)])
        run, ttl = self.rng.choice([None, "r1", "r2"]), self.rng.choice([None, None, 0, 30])
        messages = said(*("é" + "x" * (length - 2) for _ in range(count)))
        growth = (0, 0) if ttl == 0 else (count, count * length)
        return growth, lambda: self.memory.add(messages, user_id=user, run_id=run, ttl=ttl, infer=False)

    def changing(self, item: Any) -> tuple[tuple[int, int], Callable[[], object]]:
        before, which = item["memory"], item["id"]
        kind = self.rng.choice(["grow", "shrink", "replace", "delete", "rate"])
        if kind == "delete":
            return (-1, -len(before.encode())), lambda: self.memory.delete(which)
        if kind == "rate":
            return (0, 0), lambda: self.memory.feedback(which, "NEGATIVE")
        after = {"grow": before + "é" * 5, "shrink": before[:1], "replace": "z" * 9}[kind]
        return (0, len(after.encode()) - len(before.encode())), lambda: self.memory.update(which, after)

    def between(self) -> None:
        """Do what needs no quota: let time pass, write for an agent, fail, remove much."""
        match self.rng.randrange(12):
            case 0 | 1:
                self.clock.advance(seconds=self.rng.choice([1, 20, 40]))
            case 2:
                self.memory.add("of an agent", agent_id=self.rng.choice(USERS), infer=False)
            case 3:
                with pytest.raises(Mem0LiteError):
                    self.memory.update_many([{"memory_id": "missing", "text": "w"}])
            case 4:
                self.memory.delete_all(user_id=self.rng.choice(USERS), run_id="r1")
            case 5:
                self.memory.vacuum()

    def kept(self, user: str) -> tuple[int, int]:
        found = self.memory.get_all(user_id=user, top_k=100)["results"]
        return len(found), sum(len(item["memory"].encode()) for item in found)


def test_any_history_keeps_within_the_quota(emptied: Callable[[], Location], clock: Clock, seed: int) -> None:
    """Whatever is added, changed and deleted, and by whom: a call is refused exactly if its user would then have more
    than before and more than the quota, and the numbers are always those of the memories that are there."""
    refused = 0
    with opened(emptied(), clock, max_memories_per_user=6, max_bytes_per_user=60) as memory:
        history = History(memory, clock, random.Random(seed))
        for step in range(150):
            history.between()
            user, growth, call = history.call()
            had = history.kept(user)
            over = any(more > 0 and has + more > most for has, more, most in zip(had, growth, (6, 60), strict=True))
            if over:
                refused += 1
                with pytest.raises(QuotaExceededError):
                    call()
            else:
                call()
            assert kept(memory, user) == history.kept(user), step
    assert 0 < refused < 150


def test_a_store_without_quotas_does_not_count(path: Location) -> None:
    """Without a quota nothing is refused, and 0 is none, also where a variable sets one."""
    with opened(path, max_memories_per_user=0, max_bytes_per_user=0) as memory:
        memory.add(texts(30), user_id="alice")
        assert "quotas" not in memory.stats()


def test_the_environment_sets_quotas(path: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables count where the arguments are left out, and the statistics show them."""
    monkeypatch.setenv("MEM0LITE_MAX_MEMORIES_PER_USER", "1")
    with opened(path, max_bytes_per_user=500) as memory:
        memory.add("a", user_id="alice")
        with pytest.raises(QuotaExceededError):
            memory.add("b", user_id="alice")
        assert memory.stats()["quotas"] == {"memories_per_user": 1, "bytes_per_user": 500}
    with opened(path, max_memories_per_user=0) as memory:
        memory.add("b", user_id="alice")
    for text in ("-1", "1.5", "many", "9" * 30):
        monkeypatch.setenv("MEM0LITE_MAX_MEMORIES_PER_USER", text)
        with pytest.raises(ConfigurationError, match="MEM0LITE_MAX_MEMORIES_PER_USER: must be a whole number"):
            opened(path)


@pytest.mark.parametrize("value", [-1, 1.5, True, "7", 2**63])
def test_bad_quotas_are_refused(value: Any) -> None:
    """An argument that is no number of memories is named, in the library and for a server."""
    with pytest.raises(ConfigurationError, match="max_bytes_per_user"):
        opened(":memory:", max_bytes_per_user=value)
    with pytest.raises(ConfigurationError, match="max_bytes_per_user"):
        Settings(max_bytes_per_user=value)


def test_imports_and_copies(path: Location) -> None:
    """An import stops at the quota and goes on from there when there is room."""
    lines = [json.dumps({"id": str(number), "memory": f"fact {number}", "user_id": "alice"}) for number in range(4)]
    with opened(path, max_memories_per_user=3) as memory:
        with pytest.raises(QuotaExceededError):
            memory.import_(lines)
        assert kept(memory, "alice")[0] <= 3
    with opened(path) as memory:
        memory.import_(lines)
        assert kept(memory, "alice")[0] == 4


def test_facts_count(path: Location) -> None:
    """A fact that does not fit is not stored; the message is, and the answer says why the fact is not there."""
    with opened(path, max_memories_per_user=1, llm=ScriptedModel()) as memory:
        answer = memory.add("I ski", user_id="alice")
        assert [item["event"] for item in answer["results"]] == ["ADD"]
        assert answer["extraction"]["status"] == "PENDING"
        assert "may keep 1 memories" in answer["extraction"]["problem"]
        assert kept(memory, "alice")[0] == 1


def test_async_memory(path: Location) -> None:
    """The same in async code, where calls share their commits."""

    async def main() -> int:
        async with AsyncMemory(path, embedder=HashEmbedder(), max_memories_per_user=5) as memory:
            adds = [memory.add(f"fact {number}", user_id="alice", infer=False) for number in range(12)]
            done = await asyncio.gather(*adds, return_exceptions=True)
            assert (await memory.usage("alice"))["memories"] == 5
            return sum(isinstance(one, QuotaExceededError) for one in done)

    assert asyncio.run(main()) == 7


# -- the server

SAID = {"messages": [{"role": "user", "content": "tea"}], "user_id": "alice", "infer": False}


def tool(client: httpx.Client, headers: dict[str, str]) -> Any:
    call = {"name": "add_memory", "arguments": {"text": "green tea"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return client.post("/mcp", json=body, headers=headers).json()


def test_a_server_answers_413(path: Location) -> None:
    """Both APIs and MCP refuse what does not fit with the words of the library; mem0's clients know the status."""
    keys = (ApiKey("whole"), ApiKey("hers", "alice"))
    with (
        opened(path, max_memories_per_user=1) as memory,
        served_by(create_app(memory, Settings(api_keys=keys))) as client,
    ):
        whole, hers = {"X-API-Key": "whole"}, {"X-API-Key": "hers"}
        client.post("/memories", json=SAID, headers=hers).raise_for_status()
        for address in ("/memories", "/v1/memories/", "/v3/memories/add/"):
            for headers in (whole, hers):
                answer = client.post(address, json=SAID, headers=headers)
                assert answer.status_code == 413, (address, answer.text)
                assert "'alice' may keep 1 memories, keeps 1, and would keep 2" in answer.text
        error = create_exception_from_response(answer.status_code, answer.text)
        assert isinstance(error, MemoryQuotaExceededError | QuotaExceededError)
        told = tool(client, hers)["result"]
        assert told["isError"]
        assert "may keep 1 memories" in told["content"][0]["text"]
        assert told["_meta"]["mem0lite/error"]["type"] == "QuotaExceededError"
        usage = {"user_id": "alice", "memories": 1, "bytes": 3, "max_memories": 1, "max_bytes": None}
        assert client.get("/usage", headers=hers).json() == usage
        assert client.get("/usage", params={"user_id": "alice"}, headers=whole).json() == usage
        assert client.get("/usage", params={"user_id": "bob"}, headers=hers).status_code == 403
        assert client.get("/usage", headers=whole).status_code == 400
        assert client.get("/stats", headers=whole).json()["quotas"]["memories_per_user"] == 1
        assert kept(memory, "alice")[0] == 1


def test_a_server_opens_its_store_with_the_quotas_of_its_settings() -> None:
    """What the settings say counts for the store that the server opens itself."""
    settings = Settings(db=":memory:", max_memories_per_user=1, max_bytes_per_user=10)
    with Memory(**settings.memory_arguments) as memory:
        assert memory.stats()["quotas"] == {"memories_per_user": 1, "bytes_per_user": 10}
