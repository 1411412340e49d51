"""Facts that are in a store without a model that draws any: they keep their sources, and go with them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from embedder import HashEmbedder

from mem0lite import Memory

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
GREEN = {"id": "green", "memory": "Green tea, that is", "user_id": "alice", "created_at": BEGAN.isoformat()}
TURN = {**GREEN, "id": "tea", "memory": "I like tea"}
ODD = {**GREEN, "id": 'odd-é"café', "memory": "An id may be anything"}
FACT = {**GREEN, "id": "fact", "memory": "Alice likes tea", "sources": ["tea"]}
BOTH = {**GREEN, "id": "both", "memory": "Alice likes green tea", "sources": ["tea", "green", "never-was-here"]}
OF_ODD = {**GREEN, "id": "of-odd", "memory": "Ids are opaque", "sources": [ODD["id"]]}


class Clock:
    def __init__(self):
        self.now = BEGAN + timedelta(days=1)

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


class Lines(list):
    write = list.append


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory(path, clock):
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.import_([json.dumps(one) for one in (TURN, GREEN, ODD, FACT, BOTH, OF_ODD)])
        yield memory


def exported(place):
    with Memory(place, embedder=HashEmbedder()) as memory:
        lines = Lines()
        memory.export(lines, show_expired=True)
        return lines


def ids(memory, **options):
    return sorted(item["id"] for item in memory.get_all(user_id="alice", **options)["results"])


def test_sources_are_read_back(memory):
    """One memory, a list, a search and an export all tell what a fact was drawn from, in order."""
    expected = ["tea", "green", "never-was-here"]
    assert memory.get("both")["sources"] == expected
    [listed] = [item for item in memory.get_all(user_id="alice")["results"] if item["id"] == "both"]
    [found] = [item for item in memory.search("green tea", user_id="alice")["results"] if item["id"] == "both"]
    lines = Lines()
    memory.export(lines)
    [line] = [json.loads(one) for one in lines if json.loads(one)["id"] == "both"]
    assert listed["sources"] == found["sources"] == line["sources"] == expected
    assert memory.get("of-odd")["sources"] == [ODD["id"]]
    assert "sources" not in memory.get("tea")


def test_kinds_select(memory):
    """Lists and searches can be of facts, or of what was said."""
    assert ids(memory, kinds="facts") == ["both", "fact", "of-odd"]
    assert ids(memory, kinds="turns") == ["green", ODD["id"], "tea"]
    found = memory.search("tea", user_id="alice", kinds="facts", threshold=0.0)["results"]
    assert sorted(item["id"] for item in found) == ["both", "fact", "of-odd"]


def test_the_past_has_sources(memory, clock):
    """What a fact was before it was changed or deleted is a fact still."""
    then = clock.now
    memory.update("fact", "Alice loves tea")
    memory.delete("both")
    assert ids(memory, kinds="facts", as_of=then) == ["both", "fact", "of-odd"]
    assert memory.get("both", as_of=then)["sources"] == BOTH["sources"]
    assert memory.get("fact", as_of=then)["memory"] == FACT["memory"]
    assert ids(memory, kinds="turns", as_of=then) == ids(memory, kinds="turns")


def test_a_copy_keeps_sources(memory, path, tmp_path, postgresql):
    """Through a file and a database comes the same export, and the cascade goes on in the copy."""
    memory.update("fact", "Alice loves tea")
    memory.delete("of-odd")
    memory.close()
    places = [tmp_path / "first.db", postgresql, tmp_path / "second.db"]
    for source, target in zip([path, *places], places, strict=False):
        Memory.copy(source, target)
    assert '"sources"' in "".join(exported(path))
    assert [exported(place) for place in places] == [exported(path)] * 3
    for place in places:
        with Memory(place, embedder=HashEmbedder()) as copied:
            copied.delete("tea")
            assert ids(copied) == ["both", "green", ODD["id"]]


def test_a_fact_goes_with_its_last_source(memory):
    """By deletion of one or of many, with a DELETE in its history."""
    memory.delete("tea")
    assert memory.get("fact") is None
    assert [item["event"] for item in memory.history("fact")] == ["ADD", "DELETE"]
    memory.delete(ODD["id"])
    assert ids(memory) == ["both", "green"]
    memory.delete_all(user_id="alice", filters={"memory": GREEN["memory"]})
    assert ids(memory) == []


def test_a_fact_lives_as_long_as_its_sources(memory, clock):
    """Its life follows theirs, and vacuum removes it with the last one, without a trace."""
    memory.update("tea", expiration_date="2026-02-01")
    assert memory.get("fact")["expires_at"] == memory.get("tea")["expires_at"]
    assert memory.get("both").get("expires_at") is None
    memory.update("green", expiration_date="2026-03-01")
    assert memory.get("both")["expires_at"] == memory.get("green")["expires_at"]
    memory.update("both", expiration_date="2027-01-01")
    assert memory.get("both")["expires_at"] == memory.get("green")["expires_at"]
    memory.delete("green")
    assert memory.get("both")["expires_at"] == memory.get("tea")["expires_at"]
    clock.now += timedelta(days=40)
    memory.vacuum()
    assert ids(memory, show_expired=True) == [ODD["id"], "of-odd"]
    assert memory.history("fact") == []


def test_sources_are_of_the_same_scope(memory):
    """An id that another scope's memory has is no source of a fact."""
    stranger = {**FACT, "id": "stranger", "user_id": "bob", "memory": "Bob likes tea"}
    memory.import_([json.dumps(stranger)])
    memory.delete("tea")
    assert memory.get("stranger")["sources"] == ["tea"]


def test_a_source_that_comes_later_counts(memory):
    """A fact that was imported before its source goes with it, too."""
    early = {**FACT, "id": "early", "memory": "Alice likes milk", "sources": ["milk"]}
    memory.import_([json.dumps(early)])
    memory.import_([json.dumps({**TURN, "id": "milk", "memory": "I like milk"})])
    memory.delete("milk")
    assert "early" not in ids(memory)
    memory.import_([json.dumps({**TURN, "id": "milk", "memory": "I like milk"})])
    memory.delete("milk")
