"""The session manager and the memory store for Strands: what its FileSessionManager does, too, its agent, and more.

Run by tests/test_doors.py in an environment that has Strands.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from embedder import HashEmbedder
from strands import Agent, tool
from strands.memory import MemoryManager
from strands.models import Model
from strands.session.file_session_manager import FileSessionManager
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from mem0lite import Memory, MemoryNotFoundError, ValidationError
from mem0lite.integrations.strands import MemorySessionManager, MemoryStore

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Strands and what it needs
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


class Scripted(Model):
    """A model that gives the answers it was made with, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.prompts = list(answers), [], []
        self.config: dict[str, Any] = {}

    def update_config(self, **config: Any) -> None:
        self.config.update(config)

    def get_config(self) -> dict[str, Any]:
        return self.config

    async def structured_output(self, *arguments: Any, **more: Any) -> AsyncIterator[Any]:
        raise NotImplementedError
        yield

    async def stream(self, messages: Any, *arguments: Any, **more: Any) -> AsyncIterator[Any]:
        self.asked.append([*messages])
        answer = self.answers.pop(0)
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(answer, str):
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": answer}}}
        else:
            yield {"contentBlockStart": {"start": {"toolUse": {"name": answer["name"], "toolUseId": "t-1"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": answer["input"]}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if isinstance(answer, str) else "tool_use"}}


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def repository(request, memory, tmp_path):
    if request.param == "ours":
        return MemorySessionManager("s-1", memory)
    return FileSessionManager("s-1", storage_dir=str(tmp_path / "sessions"))


def message(number: int, *blocks: Any, role: str = "user", **more: Any) -> SessionMessage:
    content = [{"text": one} if isinstance(one, str) else one for one in blocks]
    return SessionMessage({"role": role, "content": content}, number, **more)


def agent_of(name: str, **state: Any) -> SessionAgent:
    return SessionAgent(name, state, {"removed_message_count": 0})


# -- sessions, beside theirs


def test_sessions_and_agents(repository):
    """A session exists once; agents are created, read and replaced, and keep the date of their creation."""
    assert repository.read_session("s-1").session_type == SessionType.AGENT
    assert repository.read_session("s-2") is None
    with pytest.raises(SessionException, match="already exists"):
        repository.create_session(Session("s-1", SessionType.AGENT))
    repository.create_agent("s-1", agent_of("a", b=1, raw=b"\x00\xff", z=None))
    before = repository.read_agent("s-1", "a")
    assert before.state == {"b": 1, "raw": b"\x00\xff", "z": None}
    assert list(before.state) == ["b", "raw", "z"]
    repository.update_agent("s-1", SessionAgent("a", {}, {}, created_at="later"))
    assert repository.read_agent("s-1", "a").created_at == before.created_at
    assert repository.read_agent("s-1", "b") is None
    with pytest.raises(SessionException, match="does not exist"):
        repository.update_agent("s-1", agent_of("b"))


def test_messages(repository):
    """Messages come back exactly, in their order, by pages; a redacted one with what replaced it."""
    repository.create_agent("s-1", agent_of("a"))
    given = [
        message(0, "héron 🪶\u2028", {"document": {"format": "pdf", "name": "x", "source": {"bytes": b"\x00\xff"}}}),
        message(1, {"toolUse": {"toolUseId": "t", "name": "n", "input": {"b": 1.0, "a": None}}}, role="assistant"),
        message(2, {"toolResult": {"toolUseId": "t", "status": "success", "content": [{"json": {}}]}}),
        *[message(number, f"number {number}") for number in range(3, 12)],
    ]
    for one in reversed(given):
        repository.create_message("s-1", "a", one)
    assert repository.list_messages("s-1", "a") == given
    assert repository.list_messages("s-1", "a", limit=2, offset=9) == given[9:11]
    assert repository.list_messages("s-1", "a", limit=0) == []
    assert repository.read_message("s-1", "a", 10) == given[10]
    assert repository.read_message("s-1", "a", 99) is None
    redacted = message(3, "number 3", redact_message={"role": "user", "content": [{"text": "[redacted]"}]})
    repository.update_message("s-1", "a", redacted)
    assert repository.read_message("s-1", "a", 3).to_message()["content"] == [{"text": "[redacted]"}]
    for wrong in (
        lambda: repository.update_message("s-1", "a", message(99, "x")),
        lambda: repository.list_messages("s-1", "b"),
    ):
        with pytest.raises(SessionException):
            wrong()


def test_a_session_is_deleted_with_everything(repository):
    """Agents and messages go with it; another session stays; one that is not there is an error."""
    repository.create_session(Session("s-2", SessionType.AGENT))
    for session in ("s-1", "s-2"):
        repository.create_agent(session, agent_of("a"))
        repository.create_message(session, "a", message(0, "hello"))
    repository.delete_session("s-1")
    assert repository.read_session("s-1") is None
    assert repository.read_agent("s-1", "a") is None
    assert len(repository.list_messages("s-2", "a")) == 1
    with pytest.raises(SessionException, match="does not exist"):
        repository.delete_session("s-1")


# -- an agent


@tool
def heron(color: str) -> str:
    """Tell about herons."""
    return f"A {color} heron"


def test_an_agent_goes_on(tmp_path):
    """A new agent of the same session has the messages of the first one, tool calls too, and its state."""
    path = tmp_path / "agent.db"
    first = MemorySessionManager("chat-1", path, user_id="alice")
    model = Scripted({"name": "heron", "input": '{"color": "grey"}'}, "It is grey.")
    agent = Agent(
        model=model, tools=[heron], session_manager=first, agent_id="bot", state={"n": 1}, callback_handler=None
    )
    agent("Which bird is it?")
    messages = agent.messages
    first.close()
    second = MemorySessionManager("chat-1", path, user_id="alice")
    again = Agent(model=Scripted("Yes."), session_manager=second, agent_id="bot", callback_handler=None)
    assert again.messages == messages
    assert again.state.get() == {"n": 1}
    assert len(messages) == 4
    again("Is it grey?")
    found = second.memory.search("which bird", user_id="alice", run_id="chat-1")["results"]
    assert ("Which bird is it?", "user", "bot") in [(one["memory"], one["role"], one["agent_id"]) for one in found]
    assert "toolUse" not in str(
        second.memory.search("grey heron", user_id="alice", filters={"app_id": "strands-sessions"})
    )
    second.close()


def test_users_have_sessions_of_their_own(memory):
    """The same session of another user is another session; deleting one leaves the other."""
    alice, bob = (MemorySessionManager("s-1", memory, user_id=user) for user in ("alice", "bob"))
    for one in (alice, bob):
        one.create_agent("s-1", agent_of("a"))
    alice.create_message("s-1", "a", message(0, "my secret"))
    assert bob.list_messages("s-1", "a") == []
    bob.delete_session("s-1")
    assert len(alice.list_messages("s-1", "a")) == 1
    with pytest.raises(ValidationError, match="user_id"):
        MemorySessionManager("s-1", memory, user_id=3)


def test_what_was_redacted_is_not_found(memory):
    """Searches find the replacement; a text too long to search is only kept."""
    ours = MemorySessionManager("s-1", memory)
    ours.create_agent("s-1", agent_of("a"))
    ours.create_message("s-1", "a", message(0, "the password is heron"))
    ours.create_message("s-1", "a", message(1, "x" * 150_000))
    hidden = {"role": "user", "content": [{"text": "[removed]"}]}
    ours.update_message("s-1", "a", message(0, "the password is heron", redact_message=hidden))
    found = memory.search("the password is heron", user_id="strands", threshold=0)["results"]
    assert "the password is heron" not in [one["memory"] for one in found]
    assert ours.read_message("s-1", "a", 1).message["content"] == [{"text": "x" * 150_000}]


@pytest.mark.parametrize("name", ["a b", "../x", "*", "ünï", "'; DROP TABLE memories;--"])
def test_any_text_is_a_session(name, memory):
    """An id may be any text, of sessions and of agents."""
    ours = MemorySessionManager(name, memory, user_id=name)
    ours.create_agent(name, agent_of(name))
    ours.create_message(name, name, message(0, name))
    assert [one.message["content"] for one in ours.list_messages(name, name)] == [[{"text": name}]]


def test_many_writers_lose_nothing(tmp_path):
    """Processes write messages of one session at once, and one of them creates it."""
    path = tmp_path / "agent.db"
    code = (
        "import sys\n"
        "from embedder import HashEmbedder\n"
        "from mem0lite import Memory\n"
        "from mem0lite.integrations.strands import MemorySessionManager\n"
        "from strands.types.exceptions import SessionException\n"
        "from strands.types.session import Session, SessionAgent, SessionMessage, SessionType\n"
        "with Memory(sys.argv[1], embedder=HashEmbedder()) as memory:\n"
        "    ours = MemorySessionManager('s-1', memory)\n"
        "    ours.create_agent('s-1', SessionAgent('a', {}, {}))\n"
        "    for n in range(10):\n"
        "        number = 3 * n + int(sys.argv[2])\n"
        "        message = {'role': 'user', 'content': [{'text': str(number)}]}\n"
        "        ours.create_message('s-1', 'a', SessionMessage(message, number))\n"
        "    try:\n"
        "        ours.create_session(Session('new', SessionType.AGENT))\n"
        "        print('created')\n"
        "    except SessionException:\n"
        "        pass\n"
    )
    with Memory(path, embedder=HashEmbedder()) as memory:
        MemorySessionManager("s-1", memory)
        started = [
            subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, path, str(n)], stdout=subprocess.PIPE)
            for n in range(3)
        ]
        printed = [one.communicate()[0] for one in started]
        assert sorted(printed) == [b"", b"", b"created\n"]
        found = MemorySessionManager("s-1", memory).list_messages("s-1", "a")
        assert [one.message["content"][0]["text"] for one in found] == [str(number) for number in range(30)]


# -- the memory store


def test_a_store_tells_the_agent(memory):
    """What one agent keeps with Strands' tool, the next one is told; another user's agent is not."""

    def agent(user: str, *answers: Any) -> tuple[Agent, Scripted]:
        model = Scripted(*answers)
        manager = MemoryManager(stores=[MemoryStore(user, memory)], add_tool_config=True)
        return Agent(model=model, memory_manager=manager, callback_handler=None), model

    keeping, _ = agent("alice", {"name": "add_memory", "input": '{"entries": ["I am allergic to peanuts"]}'}, "Noted.")
    keeping("Remember that I am allergic to peanuts")
    [kept] = memory.get_all(user_id="alice")["results"]
    assert (kept["memory"], kept["app_id"]) == ("I am allergic to peanuts", "strands")
    told, model = agent("alice", "No peanuts.")
    told("Am I allergic to peanuts?")
    assert "I am allergic to peanuts" in str(model.asked[0])
    other, model = agent("bob", "I do not know.")
    other("Am I allergic to nuts?")
    assert "I am allergic to peanuts" not in str(model.asked[0])


def test_a_store_by_itself(memory):
    """Texts come back with what was given, ids, scores and dates; the same is kept once; only one's own is deleted."""

    async def run() -> None:
        ours, other = MemoryStore("alice", memory), MemoryStore("bob", memory)
        for _ in range(2):
            await ours.add("I am allergic to peanuts", {"source": "chat"})
        [found] = await ours.search("allergic to peanuts")
        assert found.content == "I am allergic to peanuts"
        assert found.metadata["source"] == "chat"
        assert found.metadata.keys() == {"source", "id", "score", "created_at"}
        assert await other.search("allergic to peanuts") == []
        assert await ours.search(" ") == []
        assert await ours.search("x" * 200_000) is not None
        for text in ("allergic to walnuts", "allergic to figs"):
            await ours.add(text)
        assert len(await ours.search("allergic to", {"max_search_results": 2})) == 2
        with pytest.raises(MemoryNotFoundError):
            await other.delete(found.metadata["id"])
        await ours.delete(found.metadata["id"])
        assert found.content not in [one.content for one in await ours.search("allergic to peanuts")]
        with pytest.raises(ValidationError):
            await ours.add("  ")

    asyncio.run(run())


def test_a_store_opens_its_file(tmp_path):
    """A path is opened and closed; what was kept is there the next time."""
    store = MemoryStore("alice", tmp_path / "agent.db")
    asyncio.run(store.add("I am allergic to peanuts"))
    store.close()
    store = MemoryStore("alice", tmp_path / "agent.db", max_search_results=1)
    assert len(asyncio.run(store.search("Which food must she avoid?"))) == 1
    store.close()
