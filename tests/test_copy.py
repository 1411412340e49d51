"""Copying a whole store: everything arrives, and a copy that was interrupted goes on."""

import itertools
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import backends
import pytest
from embedder import HashEmbedder
from scripted_model import ScriptedModel

from mem0lite import ConfigurationError, DatabaseError, LanguageModelError, Memory, ValidationError
from mem0lite.errors import NotAMemoryFileError


class Lines(list):
    write = list.append


def exported(place):
    with Memory(place, embedder=HashEmbedder()) as memory:
        lines = Lines()
        memory.export(lines, show_expired=True)
        return lines


def filled(place):
    """Fill a store with one of everything."""
    then = datetime(2026, 1, 1, tzinfo=UTC)

    def clock():
        nonlocal then
        then += timedelta(seconds=1)
        return then

    with Memory(place, embedder=HashEmbedder(), clock=clock, graph_categories=["work"]) as memory:
        memory.add_many(
            [
                {"messages": f"number {n}", "user_id": f"u{n % 3}", "run_id": "r" if n % 2 else None, "infer": False}
                for n in range(300)
            ]
        )
        first = memory.add(
            "a\x00b cafe\u0301", user_id="u", metadata={"n": 1e30, "big": 2**70, "z": -0.0, "k\x01": [1]}
        )
        memory.add("gone soon", user_id="u", ttl=5)
        memory.add("The build requires the compiler.", user_id="u", metadata={"memory_category": "work"})
        memory.add("blue", user_id="u", key="colour")
        memory.add("green", user_id="u", key="colour")
        memory.add("red", user_id="u", key="colour", timestamp="2025-01-01")
        again = memory.add("x", user_id="u", agent_id="a", app_id="p")["results"][0]["id"]
        memory.update(again, "y")
        memory.feedback(again, "POSITIVE", "good")
        memory.delete(memory.add("deleted", user_id="v")["results"][0]["id"])
        memory.update_project({"custom_instructions": "short", "decay": True})
        memory.create_webhook("https://example.com/hook", allow_private=True)
        memory.create_memory_export({"a": {"type": "string"}}, {"user_id": "u"})
        memory.search("a b", user_id="u")
        return first["results"][0]["id"]


@pytest.fixture
def other(tmp_path, request):
    """Where another store may be, of the kind that the run is on."""
    folder = tmp_path / "other"
    folder.mkdir()
    return backends.BACKENDS[backends.chosen(request.config)](folder, request)


def test_a_copy_has_everything_and_the_way_back_too(path, other, tmp_path, clock):
    """What a store exports, its vectors, graphs, uses, webhooks and settings are in the copy, and in a copy of that."""
    special = filled(path)
    result = Memory.copy(path, other)
    back = tmp_path / "back.db"
    assert Memory.copy(other, back) == result
    assert (result["memories"], result["added"]) == (307, 307)
    assert (result["deleted"], result["documents"], result["undelivered"]) == (1, 2, 0)
    assert exported(path) == exported(other) == exported(back)
    with (
        Memory(path, embedder=HashEmbedder(), clock=clock) as before,
        Memory(back, embedder=HashEmbedder(), clock=clock) as after,
    ):
        for ask in (
            lambda memory: memory.get(special),
            lambda memory: memory.search("a b number 7", filters={"user_id": "*"}, top_k=50, explain=True)["results"],
            lambda memory: memory.graph(user_id="u"),
            lambda memory: memory.get_webhooks(),
            lambda memory: memory.get_all(user_id="u", top_k=100, as_of="2026-01-01T00:10:00Z")["results"],
            lambda memory: memory.events(user_id="u")["results"],
            lambda memory: memory.get_project(),
        ):
            assert ask(before) == ask(after)


def test_from_a_file_through_a_database_comes_an_equal_file(tmp_path, postgresql):
    """SQLite to PostgreSQL to SQLite: the export of the second file is that of the first."""
    filled(tmp_path / "first.db")
    into = Memory.copy(tmp_path / "first.db", postgresql)
    assert Memory.copy(postgresql, tmp_path / "second.db") == into
    assert exported(tmp_path / "first.db") == exported(postgresql) == exported(tmp_path / "second.db")


def test_facts_and_jobs_are_copied(tmp_path, postgresql):
    """What a language model drew, is still to draw and could not draw comes through a database, and goes on there."""
    model = ScriptedModel()
    places = [tmp_path / "first.db", postgresql, tmp_path / "second.db"]
    with Memory(places[0], embedder=HashEmbedder(), llm=model, extract_later=True) as memory:
        drawn = memory.add("I like tea", user_id="u")["event_id"]
        memory.extract()
        model.fails = [LanguageModelError("nonsense")]
        failed = memory.add("I like wine", user_id="v")["event_id"]
        memory.extract()
        waiting = memory.add("I like milk", user_id="w", prompt="be brief", includes="drinks")["event_id"]
    for source, target in itertools.pairwise(places):
        Memory.copy(source, target)
    assert '"sources"' in "".join(exported(places[0]))
    assert exported(places[0]) == exported(places[1]) == exported(places[2])
    for place in places[1:]:
        with Memory(place, embedder=HashEmbedder(), llm=ScriptedModel(), extract_later=True) as memory:
            assert [memory.event(one)["status"] for one in (drawn, failed, waiting)] == [
                *("SUCCEEDED", "FAILED", "PENDING")
            ]
            assert memory.extract(retry_failed=True)["done"] == 2
            facts = memory.get_all(filters={"user_id": "*"}, kinds="facts")["results"]
            assert sorted(one["memory"] for one in facts) == ["I like milk", "I like tea", "I like wine"]
            for turn in memory.get_all(filters={"user_id": "*"}, kinds="turns")["results"]:
                memory.delete(turn["id"])
            assert memory.get_all(filters={"user_id": "*"})["results"] == []


def test_a_copy_needs_no_model(path, other):
    """Vectors are copied: the model that made them need not be there."""
    filled(path)
    code = "import sys; from mem0lite import Memory; print(Memory.copy(sys.argv[1], sys.argv[2])['added'])"
    done = subprocess.run([sys.executable, "-c", code, path, other], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "307"


def test_a_copy_that_was_killed_goes_on(path, other):
    """What arrived before the process was killed is not copied again, and in the end everything is there."""
    filled(path)
    code = (
        "import os, signal, sys; from mem0lite import Memory\n"
        "Memory.copy(sys.argv[1], sys.argv[2], progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", code, path, other], check=False)
    assert killed.returncode == -signal.SIGKILL
    result = Memory.copy(path, other)
    assert (result["memories"], result["added"]) == (307, 51)
    assert exported(path) == exported(other)
    assert Memory.copy(path, other) == {**result, "added": 0, "deleted": 0, "events": 0, "documents": 0}


def test_a_store_with_something_else_is_no_target(path, other):
    """A copy is not mixed with memories of another store."""
    for place in (path, other):
        with Memory(place, embedder=HashEmbedder()) as memory:
            memory.add("x", user_id="u")
    with pytest.raises(ValidationError, match="holds the memory"):
        Memory.copy(path, other)


def test_a_copy_that_is_not_the_same_is_told(path, other):
    """If the source was changed since an interrupted copy, the comparison finds it and names the memory."""
    special = filled(path)
    Memory.copy(path, other)
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.update(special, metadata={"n": 1})
    with pytest.raises(DatabaseError, match=special):
        Memory.copy(path, other)


def test_progress_is_told(path, other):
    """The function is called with how many memories are done, and how many there are."""
    filled(path)
    told = []
    Memory.copy(path, other, progress=lambda *numbers: told.append(numbers))
    assert told == [(256, 307), (307, 307)]


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("missing.db", "new.db", NotAMemoryFileError),
        (":memory:", "new.db", ConfigurationError),
        ("missing.db", ":memory:", ConfigurationError),
        ("a.txt", "new.db", NotAMemoryFileError),
    ],
)
def test_what_can_not_be_copied_is_refused(tmp_path, source, target, error):
    """A source must be there, and neither of the two in memory; nothing is made at the target."""
    (tmp_path / "a.txt").write_text("not a store, but long enough to be read as the header of one" * 20)
    named = [one if one == ":memory:" else tmp_path / one for one in (source, target)]
    with pytest.raises(error):
        Memory.copy(*named)
    assert not (tmp_path / "new.db").exists()


def test_a_store_is_not_copied_onto_itself(path):
    """The source is refused as the target."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="u")
    with pytest.raises(ConfigurationError, match="source itself"):
        Memory.copy(path, path)


def test_the_command_copies(path, other):
    """``mem0lite copy`` prints what was copied."""
    filled(path)
    command = [sys.executable, "-m", "mem0lite", "copy", path, other, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    assert json.loads(done.stdout)["added"] == 307
