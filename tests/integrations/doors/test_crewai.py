"""The storage for CrewAI's memory: what its LanceDBStorage does, too, its Memory and Crew, and what ours promises.

Run by tests/test_doors.py in an environment that has CrewAI.
"""

import asyncio
import inspect
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from embedder import HashEmbedder

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")
with warnings.catch_warnings(action="ignore"):  # CrewAI warns of itself when it is imported
    from crewai import Agent, Crew, Task
    from crewai import Memory as CrewMemory
    from crewai.llms.base_llm import BaseLLM
    from crewai.memory.storage.backend import StorageBackend
    from crewai.memory.storage.lancedb_storage import LanceDBStorage
    from crewai.memory.types import MemoryRecord

from mem0lite import ConfigurationError, Memory, ValidationError
from mem0lite.integrations.crewai import MemoryStorage

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of CrewAI and what it needs
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ImportWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HASH = HashEmbedder()
NOON = datetime(2026, 3, 1, 12)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "agent.db", embedder=HASH) as memory:
        yield memory


@pytest.fixture
def storage(memory: Memory) -> MemoryStorage:
    return MemoryStorage(memory)


@pytest.fixture(params=["ours", "theirs"])
def either(request: Any, memory: Memory, tmp_path: Path) -> Any:
    """A storage of ours, and CrewAI's own."""
    return MemoryStorage(memory) if request.param == "ours" else LanceDBStorage(tmp_path / "lance", compact_every=0)


def unit(text: str) -> list[float]:
    vector = HASH.embed_query(text)
    length = sum(number * number for number in vector) ** 0.5
    return [number / length for number in vector]


def record(content: str, scope: str = "/", minutes: int = 0, **more: Any) -> MemoryRecord:
    at = NOON + timedelta(minutes=minutes)
    given = {"id": content.split()[0] if content.split() else "blank", "created_at": at, "last_accessed": at, **more}
    return MemoryRecord(content=content, scope=scope, embedding=unit(content), **given)


def contents(found: Any) -> list[str]:
    return [one[0].content if isinstance(one, tuple) else one.content for one in found]


RECORDS = [
    record("one is tea", "/u/alice", 1, categories=["drink"], metadata={"n": 1}),
    record("two is tea and cake", "/u/alice/work", 2, categories=["drink", "food"], metadata={"n": 2, "m": None}),
    record("three is cake", "/u/bob", 3, categories=["food"], importance=0.9, source="bob", private=True),
    record("four is water", "/", 4),
]


def test_records_are_found(either: Any) -> None:
    """A search returns the closest records, best first, of a scope, with a category, with metadata, above a score."""
    either.save(RECORDS)
    assert contents(either.search(unit("one is tea"), limit=2)) == ["one is tea", "two is tea and cake"]
    assert contents(either.search(unit("is tea"), "/u/bob")) == ["three is cake"]
    assert contents(either.search(unit("is tea"), "/u/alice", ["food"])) == ["two is tea and cake"]
    assert contents(either.search(unit("is tea"), metadata_filter={"n": 1})) == ["one is tea"]
    assert contents(either.search(unit("one is tea"), min_score=0.99)) == ["one is tea"]
    assert either.search(unit("is tea"), "/none") == []
    scores = [score for _, score in either.search(unit("is tea"))]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_records_are_listed(either: Any) -> None:
    """Records, scopes, categories and counts of a scope are listed, the latest first, page by page."""
    either.save(RECORDS)
    assert contents(either.list_records()) == [one.content for one in RECORDS[::-1]]
    assert contents(either.list_records("/u/alice", limit=1)) == ["two is tea and cake"]
    assert contents(either.list_records(limit=2, offset=1)) == ["three is cake", "two is tea and cake"]
    assert either.list_records(limit=0) == either.list_records(offset=-1) == either.list_records("/none") == []
    assert either.list_scopes() == either.list_scopes("/") == ["/u"]
    assert either.list_scopes("/u") == ["/u/alice", "/u/bob"]
    assert either.list_scopes("/u/bob") == []
    assert either.list_categories() == {"drink": 2, "food": 2}
    assert either.list_categories("/u/bob") == {"food": 1}
    assert [either.count(one) for one in (None, "/", "/u", "/u/alice", "/none")] == [4, 4, 3, 2, 0]
    info = either.get_scope_info("/u")
    assert (info.path, info.record_count, info.categories) == ("/u", 3, ["drink", "food"])
    assert (info.oldest_record, info.newest_record) == (RECORDS[0].created_at, RECORDS[2].created_at)
    assert info.child_scopes == ["/u/alice", "/u/bob"]
    assert either.get_scope_info("/none").record_count == 0


def test_records_are_updated(either: Any) -> None:
    """An update replaces the record with the same id, in another scope too; one that is unknown is stored."""
    either.save(RECORDS[:2])
    either.update(record("one is coffee", "/elsewhere", 1))
    either.update(record("five is new"))
    assert either.get_record("one").content == "one is coffee"
    assert either.get_record("five").content == "five is new"
    assert either.get_record("none") is None
    assert either.count("/u/alice") == 1
    assert contents(either.search(unit("is coffee"), limit=1)) == ["one is coffee"]


def test_records_are_deleted(either: Any) -> None:
    """Records are deleted by id, category, metadata and age, and a reset deletes those of a scope, or all."""
    either.save(RECORDS)
    assert either.delete(record_ids=["one", "none"]) == 1
    assert either.delete(metadata_filter={"n": 2}) == 1
    assert either.delete(categories=["none"]) == 0
    assert either.delete(older_than=RECORDS[3].created_at) == 1
    assert contents(either.list_records()) == ["four is water"]
    either.save(RECORDS[:3])
    either.reset("/u/alice")
    assert contents(either.list_records()) == ["four is water", "three is cake"]
    either.reset()
    assert either.list_records() == []
    either.save(RECORDS[:1])
    assert either.count() == 1


def test_the_same_without_blocking(either: Any) -> None:
    """The asynchronous forms do the same."""

    async def main() -> Any:
        await either.asave(RECORDS)
        found = await either.asearch(unit("one is tea"), scope_prefix="/u", limit=1)
        return contents(found), await either.adelete(record_ids=["one"]), either.count()

    assert asyncio.run(main()) == (["one is tea"], 1, 3)


# -- what ours promises beside


def test_it_is_a_storage_backend(storage: MemoryStorage) -> None:
    """CrewAI takes it for a backend, and every method has CrewAI's arguments."""
    assert isinstance(storage, StorageBackend)
    for name, theirs in inspect.getmembers(StorageBackend, inspect.isfunction):
        if not name.startswith("_"):
            ours = inspect.signature(getattr(MemoryStorage, name)).parameters
            assert list(ours) == list(inspect.signature(theirs).parameters), name


def test_records_come_back_exactly(storage: MemoryStorage) -> None:
    """Contents, scopes, metadata and times come back as they were saved, hostile texts and empty ones too."""
    records = [
        *RECORDS,
        record("a\u2028 é e\u0301 \0 🎉 '; DROP TABLE", "a b/é/%2e/../*/日本/:x.", categories=["", "'"], minutes=5),
        record("", "//double//slash/", 6),
        record("b", "/x", 7, metadata={"z": {"b": [None, True, 2**60, 1.0], "\0": ""}, "": 0}),
        record("c", "/x", 8, created_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
    ]
    storage.save([])
    storage.save(records)
    assert {one.id: one.model_dump() for one in storage.list_records()} == {one.id: one.model_dump() for one in records}
    for one in records:
        assert storage.get_record(one.id).model_dump() == one.model_dump()
        assert one.id in [found.id for found in storage.list_records(one.scope)]


def test_scopes_are_paths(storage: MemoryStorage) -> None:
    """A scope reaches what is in it and below it, and none whose name only begins alike, whatever the signs."""
    scopes = ["/u/al", "/u/alice", "/u/al-2", "/u/al.b", "/u/al b", "/u/al/x", "/u", "/u/a_", "/u/a%"]
    storage.save([record(f"{number} is here", one) for number, one in enumerate(scopes)])
    for spelt in ("/u/al", "u/al", "/u/al/", "//u//al//"):
        assert sorted(one.scope for one in storage.list_records(spelt)) == ["/u/al", "/u/al/x"]
    assert storage.count("/u/a_") == storage.count("/u/a%") == 1
    assert storage.delete(scope_prefix="/u/al") == 2
    storage.reset("/u/al-2")
    assert sorted(one.scope for one in storage.list_records()) == sorted({*scopes} - {"/u/al", "/u/al/x", "/u/al-2"})


def test_all_conditions_of_a_deletion_hold(storage: MemoryStorage) -> None:
    """A deletion deletes what meets each condition: not newer records, not the root's, and nothing for empty lists."""
    storage.save(RECORDS)
    assert storage.delete("/u", older_than=NOON + timedelta(minutes=2)) == 1
    assert storage.delete("/u/bob", record_ids=["two"]) == 0
    assert storage.delete(record_ids=[]) == storage.delete(categories=[]) == 0
    assert storage.delete("/u/bob") == 1
    assert contents(storage.list_records()) == ["four is water", "two is tea and cake"]
    assert storage.delete() == 2


def test_conditions_hold_before_the_limit(storage: MemoryStorage) -> None:
    """A category that only distant records have is found, however many closer ones there are."""
    storage.save([record(f"{number} is tea", "/u") for number in range(150)])
    storage.save([record("rare is something else", "/u", categories=["rare"])])
    assert contents(storage.search(unit("is tea"), categories=["rare"], limit=1)) == ["rare is something else"]


def test_users_do_not_mix(memory: Memory) -> None:
    """Storages of two users have the same ids and scopes apart, and a user's records are erased with the user."""
    alice, bob = MemoryStorage(memory, user_id="alice"), MemoryStorage(memory, user_id="bob")
    alice.save(RECORDS)
    bob.save([record("one is of Bob", "/u/alice")])
    assert contents(bob.search(unit("is tea"))) == contents(bob.list_records()) == ["one is of Bob"]
    assert alice.get_record("one").content == "one is tea"
    assert bob.delete() == 1
    bob.reset()
    assert alice.count() == 4
    found = memory.search("is tea", user_id="alice", run_id=":u.alice.", app_id="crewai")["results"]
    assert [one["memory"] for one in found] == ["one is tea"]
    memory.erase(user_id="alice")
    assert alice.count() == 0


@pytest.mark.parametrize("vector", [[1.0] * 63, [1.0] * 1536, []])
def test_vectors_of_another_width_are_refused(storage: MemoryStorage, vector: list[float]) -> None:
    """Vectors that are not as wide as the file's are an error that names the cure, and nothing is stored."""
    wrong = RECORDS[0].model_copy(update={"embedding": vector})
    with pytest.raises(ConfigurationError, match=r"embedder=storage\.embed"):
        storage.search(vector)
    if vector:
        with pytest.raises(ConfigurationError, match=r"embedder=storage\.embed"):
            storage.save([RECORDS[1], wrong])
        assert storage.count() == 0


def test_vectors_of_another_model_are_refused(storage: MemoryStorage) -> None:
    """Vectors as wide as the file's that say something else are refused. Without a vector the file's model makes it."""
    with pytest.raises(ConfigurationError, match=r"embedder=storage\.embed"):
        storage.save([RECORDS[0].model_copy(update={"embedding": unit("something else entirely")})])
    storage.save([RECORDS[0].model_copy(update={"embedding": None})])
    assert contents(storage.search(unit("one is tea"), min_score=0.99)) == ["one is tea"]
    for wrong in ([0.0] * 64, [float("nan")] * 64):
        with pytest.raises(ValidationError, match="query_embedding"):
            storage.search(wrong)


def test_what_cannot_be_kept_is_refused(storage: MemoryStorage) -> None:
    """Metadata that JSON cannot hold, and a scope that is too long, are named, and none of the call is stored."""
    for wrong, named in (
        (record("x", metadata={"a": object()}), "metadata"),
        (record("x", "/" + "a" * 9_000), "scope"),
    ):
        with pytest.raises(ValidationError, match=named):
            storage.save([RECORDS[0], wrong])
    assert storage.count() == 0


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    """Storages in several threads, each with a Memory, save to one scope: all is there."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HASH):
        pass

    def work(writer: int) -> None:
        with Memory(path, embedder=HASH) as memory:
            storage = MemoryStorage(memory)
            for turn in range(6):
                storage.save([record(f"{writer}-{turn} is here", f"/w{writer}"), record("last is here", f"/w{writer}")])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with Memory(path, embedder=HASH) as memory:
        storage = MemoryStorage(memory)
        ids = {one.id for one in storage.list_records()}
    assert ids == {"last", *(f"{writer}-{turn}" for writer in range(4) for turn in range(6))}


def test_a_path_is_opened_and_closed(tmp_path: Path) -> None:
    """CrewAI's Memory closes the file of a storage that was given a path; a later one finds all. Bad URLs fail."""
    path = tmp_path / "agent.db"
    for number in (1, 2):
        storage = MemoryStorage(path, user_id="alice")
        crew = CrewMemory(storage=storage, embedder=storage.embed, llm=Noting())
        text = f"Fact {number}: the {'cello' if number == 1 else 'train'} is green"
        crew.remember(text, scope="/a", categories=[], metadata={}, importance=0.5)
        assert len(crew.recall("What is green?", depth="shallow")) == number
        crew.close()
        assert not path.with_name("agent.db-wal").exists()
    with pytest.raises(ConfigurationError, match="path of a file"):
        MemoryStorage("mysql://host/agent")


class Noting(BaseLLM):
    """A model that notes what it reads and gives one answer; it analyses nothing."""

    model: str = "noting"

    def __init__(self, answer: str = "Peanuts") -> None:
        super().__init__(model="noting")
        self._answer = answer
        self._seen: list[str] = []

    def call(self, messages: Any, *args: Any, **options: Any) -> Any:
        self._seen.append(str(messages))
        return f"Thought: I now can give a great answer\nFinal Answer: {self._answer}"

    async def acall(self, messages: Any, *args: Any, **options: Any) -> Any:
        return self.call(messages)


def test_a_crew_remembers(tmp_path: Path) -> None:
    """An agent of a crew is given what the storage has for its task, found by the file's own model, offline."""
    with Memory(tmp_path / "agent.db") as memory:
        storage = MemoryStorage(memory, user_id="alice")
        llm = Noting()
        remembered = CrewMemory(storage=storage, embedder=storage.embed, llm=llm)
        for text in ("Alice is allergic to peanuts", "The bicycle of Alice is green"):
            remembered.remember(text, scope="/facts", categories=["fact"], metadata={}, importance=0.5)
        agent = Agent(role="cook", goal="Cook", backstory="A cook", llm=llm, verbose=False)
        task = Task(description="Which food must Alice avoid?", expected_output="A food", agent=agent)
        crew = Crew(agents=[agent], tasks=[task], memory=remembered, verbose=False)
        assert str(crew.kickoff()) == "Peanuts"
        remembered.drain_writes()
        assert any("allergic to peanuts" in one for one in llm._seen)
        found = memory.search("Which food must she avoid?", user_id="alice", run_id=":facts.")["results"]
        assert found[0]["memory"] == "Alice is allergic to peanuts"
        assert remembered.forget(scope="/facts") == 2
