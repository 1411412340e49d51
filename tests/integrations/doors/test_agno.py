"""The database of memories for Agno: what its InMemoryDb does, too, its agent and manager, and what ours promises.

Run by tests/test_doors.py in an environment that has Agno.
"""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from agno.agent import Agent
from agno.db.in_memory import InMemoryDb
from agno.db.schemas import UserMemory
from agno.memory import MemoryManager
from agno.models.base import Model
from agno.models.response import ModelResponse
from embedder import HashEmbedder

from mem0lite import Memory, ValidationError
from mem0lite.integrations.agno import MemoryDb

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Agno and what it needs
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


class Scripted(Model):
    """A model that gives the answers it was made with, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(id="scripted")
        self.answers, self.asked = list(answers), []

    def invoke(self, messages: Any, *arguments: Any, **more: Any) -> ModelResponse:
        self.asked.append([str(one.content) for one in messages])
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            return ModelResponse(role="assistant", content=answer)
        call = {"id": "c", "type": "function", "function": answer}
        return ModelResponse(role="assistant", tool_calls=[call])

    async def ainvoke(self, *arguments: Any, **more: Any) -> ModelResponse:
        return self.invoke(*arguments, **more)

    def invoke_stream(self, *arguments: Any, **more: Any) -> Any:
        raise NotImplementedError

    def ainvoke_stream(self, *arguments: Any, **more: Any) -> Any:
        raise NotImplementedError

    def _parse_provider_response(self, response: Any, **more: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return response


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def db(request, memory):
    return MemoryDb(memory) if request.param == "ours" else InMemoryDb()


def said(text: str, key: str | None = None, user: str | None = "alice", **more: Any) -> UserMemory:
    return UserMemory(text, memory_id=key, user_id=user, **more)


def texts(found: list[UserMemory]) -> list[str]:
    return [one.memory for one in found]


# -- beside theirs


def test_a_memory_comes_back(db):
    """What was given comes back, also as a dictionary; the id is made where there is none."""
    given = said("héron 🪶\u2028", "m-1", topics=["birds", "x"], input="in", feedback="good", agent_id="a", team_id="t",
                 created_at=1_700_000_000)  # fmt: skip
    kept = db.upsert_user_memory(given)
    assert kept.updated_at >= 1_700_000_000
    again = db.get_user_memory("m-1", user_id="alice")
    assert again == kept
    assert {**vars(again), "updated_at": 0} == {**vars(given), "updated_at": 0}
    assert db.get_user_memory("m-1", deserialize=False)["memory"] == "héron 🪶\u2028"
    assert db.upsert_user_memory(said("x")).memory_id
    assert db.get_user_memory("none") is None


def test_users_do_not_see_each_other(db):
    """A user's memories are read and deleted with that user's id only; without one, everybody's."""
    db.upsert_memories([said("tea", "m-1"), said("coffee", "m-2", "bob"), said("water", "m-3", None)])
    assert texts(db.get_user_memories(user_id="alice")) == ["tea"]
    assert db.get_user_memory("m-1", user_id="bob") is None
    db.delete_user_memory("m-1", user_id="bob")
    db.delete_user_memories(["m-1", "none"], user_id="bob")
    assert texts(db.get_user_memories()) == ["tea", "coffee", "water"]
    db.delete_user_memories(["m-1", "m-3"])
    assert texts(db.get_user_memories()) == ["coffee"]
    db.clear_memories()
    assert db.get_user_memories() == []


def test_filters_pages_topics_and_counts(db):
    """Memories are chosen by agent, team and topics, sorted, and given by pages with how many there are."""
    for number in range(5):
        topics = ["even"] if number % 2 == 0 else ["odd"]
        db.upsert_user_memory(
            said(
                f"number {number}",
                f"m-{number}",
                agent_id="a" if number < 2 else "b",
                topics=topics,
                created_at=number + 1,
            )
        )
    db.upsert_user_memory(said("other", "m-x", "bob"))
    assert texts(db.get_user_memories("alice", topics=["odd", "none"])) == ["number 1", "number 3"]
    assert texts(db.get_user_memories("alice", agent_id="a")) == ["number 0", "number 1"]
    assert texts(db.get_user_memories("alice", team_id="t")) == []
    newest = db.get_user_memories("alice", sort_by="created_at", sort_order="desc", limit=2, page=2)
    assert texts(newest) == ["number 2", "number 1"]
    found, count = db.get_user_memories("alice", limit=2, deserialize=False)
    assert (len(found), count) == (2, 5)
    assert sorted(db.get_all_memory_topics("alice")) == ["even", "odd"]
    stats, users = db.get_user_memory_stats()
    assert ({one["user_id"]: one["total_memories"] for one in stats}, users) == ({"alice": 5, "bob": 1}, 2)
    assert len(db.get_user_memory_stats(limit=1, page=2)[0]) == 1


def test_an_upsert_replaces(db):
    """The same id is one memory with the newest text."""
    db.upsert_user_memory(said("tea", "m-1"))
    db.upsert_user_memory(said("coffee", "m-1"))
    assert texts(db.get_user_memories("alice")) == ["coffee"]
    assert "tea" not in texts(db.get_user_memories("alice", search_content="tea"))
    assert texts(db.get_user_memories("alice", search_content="coffee")) == ["coffee"]


# -- with the framework


def test_a_manager_and_an_agent(tmp_path):
    """What a model keeps with the manager's tool, an agent of another session is told, and only that user's."""
    db = MemoryDb(tmp_path / "agent.db")
    keeping = Scripted(
        {"name": "add_memory", "arguments": '{"memory": "Is allergic to peanuts", "topics": ["food"]}'}, "ok"
    )
    MemoryManager(model=keeping, db=db).create_user_memories("I am allergic to peanuts", user_id="alice")
    [kept] = db.get_user_memories("alice")
    assert (kept.memory, kept.topics) == ("Is allergic to peanuts", ["food"])
    db.close()

    db = MemoryDb(tmp_path / "agent.db")
    for user, told in (("alice", True), ("bob", False)):
        model = Scripted("Yes.")
        agent = Agent(model=model, memory_manager=MemoryManager(db=db), add_memories_to_context=True, telemetry=False)
        agent.run("What must I not eat?", user_id=user)
        assert any("allergic to peanuts" in one for one in model.asked[0]) == told
    model = Scripted("Yes.")
    agent = Agent(model=model, memory_manager=MemoryManager(db=db), add_memories_to_context=True, telemetry=False)
    asyncio.run(agent.arun("What must I not eat?", user_id="alice"))
    assert any("allergic to peanuts" in one for one in model.asked[0])
    db.close()


# -- ours


def test_memories_are_found_by_every_search(memory):
    """A memory is one of the file's, with its user, and what has been replaced is found no more."""
    db = MemoryDb(memory)
    db.upsert_user_memory(said("Plays the cello", "m-1"))
    [found] = memory.search("cello", user_id="alice")["results"]
    assert (found["memory"], found["app_id"]) == ("Plays the cello", "agno")
    assert memory.search("cello", user_id="bob")["results"] == []


def test_what_it_does_not_keep_is_refused(memory):
    """Sessions and the like are an error that says what to do, not lost in silence."""
    with pytest.raises(NotImplementedError, match="get_session: MemoryDb keeps memories of users only"):
        MemoryDb(memory).get_session("s", None)
    with pytest.raises(NotImplementedError, match="another db"):
        MemoryDb(memory).upsert_session(None)


@pytest.mark.parametrize("odd", ["a b", "*", ":x", "'; DROP TABLE memories;--", "\x00", "ünï"])
def test_any_text_is_an_id(odd, memory):
    """Users and memories may have any id; hostile and empty texts are kept."""
    db = MemoryDb(memory)
    db.upsert_memories([said(odd, odd, odd), said("", "empty", odd)])
    assert db.get_user_memory(odd, user_id=odd).memory == odd
    assert db.get_user_memory("empty", user_id=odd).memory == ""
    assert len(db.get_user_memories(odd, search_content=" ")) == 2
    db.delete_user_memory(odd, user_id=odd)
    assert texts(db.get_user_memories(odd)) == [""]
    assert db.upsert_memories([]) == []
    with pytest.raises(ValidationError):
        db.upsert_user_memory(said("x" * 200_000))


def test_many_writers_lose_nothing(tmp_path):
    """Processes keep memories of one user in one file at once."""
    path = tmp_path / "agent.db"
    code = (
        "import sys\n"
        "from agno.db.schemas import UserMemory\n"
        "from embedder import HashEmbedder\n"
        "from mem0lite import Memory\n"
        "from mem0lite.integrations.agno import MemoryDb\n"
        "with Memory(sys.argv[1], embedder=HashEmbedder()) as memory:\n"
        "    for n in range(10):\n"
        "        MemoryDb(memory).upsert_user_memory(UserMemory(f'{sys.argv[2]} {n}', user_id='alice'))\n"
        "    MemoryDb(memory).upsert_user_memory(UserMemory('shared', 'shared', user_id='alice'))\n"
    )
    with Memory(path, embedder=HashEmbedder()) as memory:
        writers = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, path, str(n)]) for n in range(3)]
        assert [one.wait() for one in writers] == [0, 0, 0]
        expected = {f"{writer} {n}" for writer in range(3) for n in range(10)} | {"shared"}
        found = texts(MemoryDb(memory).get_user_memories("alice"))
        assert (set(found), len(found)) == (expected, 31)
