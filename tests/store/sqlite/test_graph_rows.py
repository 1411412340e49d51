"""The rows of the graph: they come and go with the memories."""

from pathlib import Path

import apsw
import pytest
from conftest import Clock
from test_graph import FACT, PROCEDURE, SKILL, learn, memory, opened, triples

from mem0lite import (
    Memory,
)

memory = memory  # the fixture


def rows_of(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return sum(connection.execute(f"SELECT count(*) FROM {table}").get for table in ("mention", "relation"))
    finally:
        connection.close()


def test_other_categories_never_touch_it(memory: Memory, path: Path) -> None:
    """A memory of a category that is not listed, or of none, leaves no row and adds no field to any answer."""
    for metadata in (FACT, {}, None, {"memory_category": 3}):
        added = memory.add("The api service requires Redis.", user_id="alice", metadata=metadata, infer=False)
        assert "relations" not in added
    assert "relations" not in memory.search("api service", user_id="alice")
    assert "relations" not in memory.get_all(user_id="alice")
    assert memory.graph(user_id="alice") == {"nodes": [], "edges": [], "truncated": False}
    assert rows_of(path) == 0


def test_an_update_replaces_what_was_stated(memory: Memory, path: Path) -> None:
    """Old relations go with the old text; a new category, project or tag counts from then on."""
    [memory_id] = learn(memory, "The api service requires Redis.")
    memory.update(memory_id, text="The web app requires Kafka.")
    assert triples(memory.graph(user_id="alice")) == [("web app", "requires", "Kafka")]
    memory.update(memory_id, metadata={"project_id": "p"})
    assert ("p", "mentions", "web app") in triples(memory.graph(user_id="alice"))
    memory.update(memory_id, metadata=FACT)
    assert memory.graph(user_id="alice")["nodes"] == []
    assert rows_of(path) == 0
    memory.update(memory_id, metadata=SKILL)
    assert ("web app", "requires", "Kafka") in triples(memory.graph(user_id="alice"))
    memory.feedback(memory_id, "POSITIVE")
    assert ("web app", "requires", "Kafka") in triples(memory.graph(user_id="alice"))


@pytest.mark.parametrize("how", ["delete", "delete_all", "reset", "reset all", "vacuum", "erase"])
def test_what_goes_takes_its_relations_along(memory: Memory, path: Path, clock: Clock, how: str) -> None:
    """However a memory is removed, nothing of its graph stays, and everything of others' does."""
    [memory_id] = learn(memory, "The api service requires Redis.", memory_lifespan="short_term")
    learn(memory, "The web app requires Kafka.", user_id="bob")
    kept = rows_of(path)
    if how == "delete":
        memory.delete(memory_id)
    elif how == "delete_all":
        memory.delete_all(user_id="alice")
    elif how == "reset":
        memory.reset(user_id="alice")
    elif how == "reset all":
        memory.reset()
    elif how == "vacuum":
        clock.advance(hours=2)
        memory.vacuum()
    else:
        assert memory.erase(user_id="alice")["graph"] == kept // 2
    assert rows_of(path) == (0 if how == "reset all" else kept // 2)
    assert memory.graph(user_id="alice")["nodes"] == []
    assert memory.check()["ok"]


def test_a_repetition_adds_nothing(memory: Memory, path: Path) -> None:
    """What is there already is not stated twice."""
    memory.add("The api service requires Redis.", user_id="alice", metadata=SKILL)
    rows = rows_of(path)
    added = memory.add("The api service requires Redis.", user_id="alice", metadata=SKILL)
    assert added["results"][0]["event"] == "NONE"
    assert added["relations"] == []
    assert rows_of(path) == rows


def test_reindexing_changes_the_categories(path: Path) -> None:
    """reindex_graph gives a file other categories, builds the graph of what is listed now, removes the rest, and tells
    how far it is; a dry run only says what would enter and leave."""
    with opened(path, graph_categories=[]) as memory:
        learn(memory, *PROCEDURE)
        memory.add("The web app requires Kafka.", user_id="alice", metadata={"memory_category": ["x", "informational"]})
        assert memory.stats()["graph"] == {"categories": [], "current": True, "entities": 0, "relations": 0}
        planned = memory.reindex_graph(categories=["skill_procedural"], dry_run=True)
        assert (planned["in_graph"], planned["entering"], planned["leaving"]) == (4, 4, 0)
        assert memory.graph_categories == ()
        seen: list[tuple[int, int]] = []
        result = memory.reindex_graph(
            categories=["skill_procedural"], progress=lambda done, total: seen.append((done, total))
        )
        assert seen == [(5, 5)]
        assert result["memories"] == 5
        assert len(memory.graph(user_id="alice")["edges"]) == result["relations"] == 4
        assert memory.stats()["graph"]["current"]
        assert result["entities"] == memory.stats()["graph"]["entities"] == 5
        assert memory.reindex_graph()["leaving"] == 0
        changed = memory.reindex_graph(categories="informational")
        assert (changed["categories"], changed["entering"], changed["leaving"]) == (["informational"], 1, 4)
        assert triples(memory.graph(user_id="alice")) == [("web app", "requires", "Kafka")]
    with opened(path, graph_categories=None) as memory:
        assert memory.graph_categories == ("informational",)
        assert memory.reindex_graph(categories=[])["leaving"] == 1
    assert rows_of(path) == 0


def test_what_is_in_the_graph_of_an_older_file_stays(path: Path) -> None:
    """In a file of a version whose processes each had a setting of their own, the categories of what is in the graph
    become the file's: no update takes a memory out of it."""
    with opened(path) as memory:
        [number, *_] = learn(memory, *PROCEDURE)
        memory.add("The web app requires Kafka.", user_id="bob", metadata=FACT)
        graph = memory.graph(user_id="alice")
    connection = apsw.Connection(str(path))
    connection.execute(
        "UPDATE meta SET value = '[]' WHERE name = 'graph'; DELETE FROM meta WHERE name = 'graph_followed'"
    )
    connection.close()
    with opened(path, graph_categories=None, read_only=True) as memory:
        assert memory.graph(user_id="alice") == graph
    with opened(path, graph_categories=None) as memory:
        assert memory.graph_categories == ("skill_procedural",)
        memory.update(number, metadata={"seen": True})
        assert memory.graph(user_id="alice") == graph
        memory.delete_all(user_id="alice")
    with opened(path, graph_categories=None) as memory:
        assert memory.graph_categories == ("skill_procedural",)
