"""Views of one user: every public verb, with another user's data beside it, of Memory and of AsyncMemory."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from embedder import HashEmbedder
from scripted_model import ScriptedModel

from mem0lite import AsyncMemory, Mem0LiteError, Memory, PermissionDeniedError

Bob = dict[str, str]
"""Ids of bob's, by kind."""

SECRET = "bob keeps gold"
CATEGORY = {"memory_category": "skill", "k": 1}
MANY = [{"messages": "a red plum"}, {"messages": "a red plum", "user_id": "bob"}]

# Every public name of Memory, with calls of it: arguments, in which "{memory}", "{event}" and "{export}" are bob's.
CALLS: dict[str, list[dict[str, Any]]] = {
    "add": [{"messages": "a red plum"}, {"messages": SECRET}, {"messages": "x", "user_id": "bob"}],
    "add_many": [{"items": MANY[:1]}, {"items": MANY}],
    "changes": [{}, {"after": 0, "limit": 1}],
    "summary": [{}, {"user_id": "alice"}, {"user_id": "bob"}, {"filters": {"agent_id": "bot"}}, {"run_id": "vault"}],
    "create_memory_export": [
        {"schema": {}, "filters": {"agent_id": "bot"}},
        {"schema": {}, "filters": {"user_id": "bob"}},
    ],
    "context": [
        {"query": "gold Redis", "max_tokens": 10_000},
        {"query": SECRET, "user_id": "bob"},
        {"query": SECRET, "filters": {"agent_id": "bot", "id": "{memory}"}},
    ],
    "delete": [{"memory_id": "{memory}"}],
    "delete_all": [{"agent_id": "bot"}, {"user_id": "bob"}, {"user_id": "*"}, {"filters": {"agent_id": "*"}}],
    "delete_many": [{"memory_ids": ["{memory}"]}],
    "entities": [{}],
    "event": [{"event_id": "{event}"}],
    "events": [{}, {"user_id": "bob"}, {"agent_id": "bot"}],
    "export": [{}, {"user_id": "bob"}, {"agent_id": "bot", "show_expired": True}],
    "feedback": [{"memory_id": "{memory}", "feedback": "NEGATIVE"}],
    "for_user": [{"user_id": "bob"}, {"user_id": "alice"}],
    "get": [{"memory_id": "{memory}"}, {"memory_id": "{memory}", "show_expired": True}],
    "get_all": [
        {"agent_id": "bot", "show_expired": True},
        {"user_id": "bob"},
        {"filters": {"id": "{memory}"}},
        {"filters": {"OR": [{"user_id": "bob"}, {"k": 1}]}},
        {"filters": {"NOT": {"user_id": "alice"}}},
    ],
    "get_memory_export": [
        {"memory_export_id": "{export}"},
        {"filters": {"agent_id": "bot"}},
        {"filters": {"user_id": "bob"}},
    ],
    "graph": [{"agent_id": "bot"}, {"entity": "Redis"}, {"user_id": "bob"}, {"agent_id": "bot", "format": "mermaid"}],
    "history": [{"memory_id": "{memory}"}],
    "reset": [{}, {"agent_id": "bot"}, {"user_id": "bob"}],
    "search": [
        {"query": "gold Redis", "threshold": 0, "explain": True, "show_expired": True},
        {"query": SECRET, "user_id": "bob"},
        {"query": SECRET, "filters": {"agent_id": "bot", "id": "{memory}"}},
    ],
    "update": [{"memory_id": "{memory}", "text": "mine"}, {"memory_id": "{memory}", "timestamp": "2020-01-01"}],
    "update_many": [{"items": [{"memory_id": "{memory}", "metadata": {"k": 2}}]}],
    "usage": [{}, {"user_id": "bob"}, {"user_id": "alice"}],
    "user_id": [{}],
}
# What concerns a whole file, and is refused.
REFUSED: dict[str, dict[str, Any]] = {
    "backup": {"path": "stolen.db"},
    "check": {},
    "copy": {"source": "{path}", "target": "stolen.db"},
    "create_key": {},
    "create_webhook": {"url": "https://hooks.example/x"},
    "delete_webhook": {"webhook_id": "x"},
    "deliver_webhooks": {},
    "erase": {"user_id": "alice"},
    "extract": {},
    "from_config": {"config_dict": {"path": "{path}"}},
    "get_keys": {},
    "get_project": {},
    "get_webhooks": {},
    "import_": {"file": []},
    "import_from_mem0": {"source": "nowhere"},
    "reembed": {"path": "{path}"},
    "reindex_graph": {},
    "restore": {"backup": "{path}", "path": "stolen.db"},
    "revoke_all_keys": {},
    "revoke_key": {"key_id": "x"},
    "stats": {},
    "update_project": {"settings": {}},
    "update_webhook": {"webhook_id": "x"},
    "vacuum": {},
}
# What says nothing of any memory.
OF_THE_PROGRAM = {
    *("api_version", "close", "graph_categories", "has_model", "read_only", "path", "memory", "statement_timeout"),
}

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def fill(memory: Memory, others: bool) -> Bob:
    """Put memories of alice into a store and, if there are others, before, between and after them such of bob."""
    ids: Bob = {}

    def bob() -> None:
        if others:
            text = "The api service requires Redis."
            memory.add(text, user_id="bob", agent_id="bot", metadata=CATEGORY, infer=False)
            added = memory.add(SECRET, user_id="bob", agent_id="bot", run_id="vault", metadata=CATEGORY, infer=False)
            memory.add("bob was here", user_id="bob", ttl=0)
            export = memory.for_user("bob").create_memory_export({}, {"agent_id": "bot"})
            ids.update(memory=added["results"][0]["id"], event=added["event_id"], export=export["id"])

    bob()
    memory.add("The worker requires Postgres.", user_id="alice", agent_id="bot", metadata=CATEGORY)
    bob()
    [item] = memory.add("red apple", user_id="alice")["results"]
    bob()
    memory.update(item["id"], "green apple")
    bob()
    return ids or {"memory": "0" * 8, "event": "0" * 8, "export": "0" * 8}


def opened(path: Path, clock: Clock) -> Memory:
    model = ScriptedModel(lambda turns: [])  # it draws no facts, and summarizes what it is shown
    return Memory(path, embedder=HashEmbedder(), clock=clock, graph_categories=["skill"], llm=model)


def filled_in(value: Any, ids: Bob) -> Any:
    """Return arguments with bob's ids in their places."""
    if isinstance(value, str):
        return value.format(**ids) if value.startswith("{") else value
    if isinstance(value, dict):
        return {key: filled_in(one, ids) for key, one in value.items()}
    return [filled_in(one, ids) for one in value] if isinstance(value, list) else value


def answer_of(view: Any, name: str, arguments: dict[str, Any]) -> str:
    """Return all that a call of a view says: its answer or its error."""
    lines = io.StringIO()
    given = {**arguments, "file": lines} if name == "export" else arguments
    try:
        found = getattr(view, name)
        found = found(**given) if callable(found) else found
        if asyncio.iscoroutine(found):
            found = asyncio.run(found)
        if isinstance(found, Memory | AsyncMemory):
            found = found.user_id
    except Mem0LiteError as error:
        found = f"{type(error).__name__}: {error}"
    return json.dumps([found, lines.getvalue()], default=str)


def of_bob(memory: Memory) -> list[Any]:
    """Return everything that is bob's."""
    lines = io.StringIO()
    memory.export(lines, user_id="bob", show_expired=True)
    view = memory.for_user("bob")
    return [lines.getvalue(), view.changes(limit=1000), view.events(top_k=1000), view.entities()]


def names_of(cls: type) -> set[str]:
    """Return the public names of a class and of its objects."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        shown = memory if cls is Memory else AsyncMemory(memory)
        return {name for name in dir(shown) if not name.startswith("_")}


@pytest.mark.parametrize("cls", [Memory, AsyncMemory])
def test_every_verb_is_walked(cls: type) -> None:
    """Each public name is in one of this file's tables, so that a new verb has to say what a view makes of it."""
    known = CALLS.keys() | REFUSED.keys() | OF_THE_PROGRAM
    assert names_of(cls) <= known
    assert known <= names_of(Memory) | names_of(AsyncMemory)


@pytest.mark.parametrize("wrap", [lambda memory: memory, AsyncMemory], ids=["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_verb_reaches_its_user_s_alone(tmp_path: Path, name: str, wrap: Callable[[Memory], Any]) -> None:
    """A verb of a view answers what it would if nobody else had ever written, and leaves everybody else's alone."""
    clock = Clock()
    if not hasattr(wrap(Memory(":memory:", embedder=HashEmbedder())), name):
        pytest.skip("AsyncMemory has no such name")
    with opened(tmp_path / "shared.db", clock) as shared, opened(tmp_path / "twin.db", clock) as twin:
        bob = fill(shared, others=True)
        fill(twin, others=False)
        clock.advance(seconds=1)
        for arguments in CALLS[name]:
            before = of_bob(shared)
            said = [
                answer_of(wrap(memory).for_user("alice"), name, filled_in(arguments, bob)) for memory in (shared, twin)
            ]
            labels: list[dict[str, str]] = [{}, {}]
            plain = [
                UUID.sub(lambda match, known=known: known.setdefault(match[0], f"<{len(known)}>"), text)  # type: ignore[misc]
                for text, known in zip(said, labels, strict=True)
            ]
            assert plain[0] == plain[1]
            assert "keeps gold" not in said[0].replace(json.dumps(SECRET), "") or "messages" in arguments
            assert of_bob(shared) == before
            for verb in ("changes", "events", "entities"):
                views = [getattr(memory.for_user("alice"), verb)() for memory in (shared, twin)]
                assert numbers_in(views[0]) == numbers_in(views[1])


def numbers_in(answer: Any) -> list[Any]:
    """Return the numbers and dates in an answer."""
    return re.findall(r'"(?:sequence|total\w*|\w+_at)": [^,}]+', json.dumps(answer))


@pytest.mark.parametrize("wrap", [lambda memory: memory, AsyncMemory], ids=["sync", "async"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_concerns_a_whole_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrap: Callable[[Memory], Any]
) -> None:
    """A view does nothing to the file as a whole, nor to another one, and the class goes on doing so."""
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path / "shared.db", Clock()) as shared:
        bob = {**fill(shared, others=True), "path": str(tmp_path / "shared.db")}
        before, files = of_bob(shared), {file.name for file in tmp_path.iterdir()}
        said = answer_of(wrap(shared).for_user("alice").for_user("alice"), name, filled_in(REFUSED[name], bob))
        assert "PermissionDeniedError" in said
        assert name in said
        assert of_bob(shared) == before
        assert {file.name for file in tmp_path.iterdir()} == files


def test_the_class_restores_and_reembeds_beside_views(tmp_path: Path) -> None:
    """What a view refuses, the class and a Memory do, sync and async."""
    with opened(tmp_path / "a.db", Clock()) as memory:
        memory.for_user("alice").add("x")
        memory.backup(tmp_path / "b.db")
        assert memory.restore(tmp_path / "b.db", tmp_path / "c.db")["memories"] == 1
    assert Memory.restore(tmp_path / "b.db", tmp_path / "d.db")["memories"] == 1
    assert Memory.reembed(tmp_path / "d.db", embedder=HashEmbedder(dimensions=32))["embedded"] == 1
    assert asyncio.run(AsyncMemory.restore(tmp_path / "b.db", tmp_path / "e.db"))["memories"] == 1
    with Memory.from_config({"path": str(tmp_path / "f.db")}) as made, pytest.raises(PermissionDeniedError):
        made.for_user("alice").from_config({})


# -- numbers of changes


def sequences(memory: Memory, user: str, after: int = 0) -> list[int]:
    return [one["sequence"] for one in memory.for_user(user).changes(after=after, limit=1000)["results"]]


def test_a_view_s_numbers_have_no_gaps(memory: Memory) -> None:
    """However much others write between them, a user's changes are numbered one after the other."""
    for n in range(5):
        memory.add(f"of alice {n}", user_id="alice", run_id=f"r{n % 2}")
        memory.add_many([{"messages": f"of bob {n} {m}", "user_id": "bob"} for m in range(n)])
        memory.add(f"of nobody {n}", agent_id="bot")
    memory.delete_all(user_id="alice", run_id="r0")
    numbers = sequences(memory, "alice")
    assert numbers == list(range(numbers[0], numbers[0] + 8))
    assert sequences(memory, "alice", after=numbers[4]) == numbers[5:]
    whole = [one["sequence"] for one in memory.changes(limit=1000)["results"]]
    assert whole == list(range(1, len(whole) + 1))


@pytest.mark.parametrize("forget", ["view reset", "user reset", "reset", "erase", "vacuum", "delete"])
def test_a_view_s_numbers_are_never_used_again(memory: Memory, clock: Clock, forget: str) -> None:
    """Whatever removes a user's memories, what comes later has higher numbers, though no time goes by."""
    for n in range(3):
        memory.add(f"x {n}", user_id="alice", ttl=1)
    last = sequences(memory, "alice")[-1]
    clock.advance(seconds=1)
    if forget == "vacuum":
        memory.vacuum()
    elif forget == "delete":
        memory.delete_all(user_id="alice")
    elif forget == "view reset":
        memory.for_user("alice").reset()
    else:
        getattr(memory, forget.removeprefix("user "))(**{} if forget == "reset" else {"user_id": "alice"})
    clock.advance(seconds=-1)
    memory.add("again", user_id="alice")
    assert len(sequences(memory, "alice", after=last)) == 1
    assert memory.check()["ok"]


def test_a_view_s_numbers_go_on_after_a_restore(tmp_path: Path, clock: Clock) -> None:
    """A store that is replaced by a backup numbers what comes higher than anything it showed before."""
    with opened(tmp_path / "a.db", clock) as memory:
        memory.add("x", user_id="alice")
        memory.backup(tmp_path / "b.db")
        for n in range(5):
            memory.add(f"y {n}", user_id="alice")
            memory.add(f"z {n}", user_id="bob")
        last = {user: sequences(memory, user)[-1] for user in ("alice", "bob")}
        Memory.restore(tmp_path / "b.db", tmp_path / "a.db", replace=True)
        for user in last:
            memory.add("new", user_id=user)
            assert len(sequences(memory, user, after=last[user])) == 1
        assert memory.check()["ok"]


def test_an_import_is_numbered(memory: Memory) -> None:
    """Histories that come with an import are a view's changes like others."""
    memory.add("x", user_id="alice")
    line = {"id": "1", "memory": "y", "user_id": "alice", "created_at": "2020-01-01"}
    memory.import_([json.dumps(line), json.dumps({**line, "id": "2", "user_id": "bob"})])
    first, second = sequences(memory, "alice")
    assert second == first + 1
