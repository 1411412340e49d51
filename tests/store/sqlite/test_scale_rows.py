"""The scale of an embedder's cosines in the file: one row, which belongs to its vectors."""

import json
import sqlite3
from contextlib import closing

import pytest
from embedder import HashEmbedder

from mem0lite import CorruptFileError, LocalEmbedder, Memory

FACTS = [
    *("red cats", "green dogs", "blue owls", "tall trees", "warm bread", "old radios"),
    *("wet socks", "loud trains", "sour milk", "deep lakes", "blunt knives", "quick notes"),
]
"""Texts without a common word."""


def fill(path, embedder, facts=FACTS):
    with Memory(path, embedder=embedder) as memory:
        memory.add_many([{"messages": fact, "user_id": "mia", "infer": False} for fact in facts])


def scale_of(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT value FROM meta WHERE name = 'scale'").fetchone()
    return found and json.loads(found[0])


def change(path, sql, *parameters):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, parameters)


def test_a_scale_is_a_row_of_the_file(tmp_path):
    """The row has the number of changes, the mean and the deviation; the bundled model has none."""
    fill(tmp_path / "own.db", HashEmbedder())
    fill(tmp_path / "bundled.db", LocalEmbedder())
    changes, mean, deviation = scale_of(tmp_path / "own.db")
    assert changes == len(FACTS)
    assert 0 < mean < 1 > deviation > 0
    assert scale_of(tmp_path / "bundled.db") is None


def test_a_reembedding_measures_its_own_scale(tmp_path):
    """New vectors have a new scale at once, and those of the bundled model none."""
    path = tmp_path / "a.db"
    fill(path, HashEmbedder())
    before = scale_of(path)
    Memory.reembed(path, embedder=HashEmbedder("wider", 16))
    assert scale_of(path)[1:] != before[1:]
    Memory.reembed(path)
    assert scale_of(path) is None
    Memory.reembed(path, embedder=HashEmbedder())
    assert scale_of(path)[1:] == before[1:]


def test_a_file_without_a_scale_gets_one_at_the_next_add(tmp_path):
    """A file of an earlier version, which measured nothing, is measured when something is added."""
    path = tmp_path / "a.db"
    fill(path, HashEmbedder())
    change(path, "DELETE FROM meta WHERE name = 'scale'")
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert (
            "scaled_semantic_score"
            not in memory.search("cats", user_id="mia", explain=True)["results"][0]["score_details"]
        )
    fill(path, HashEmbedder(), ["one more"])
    assert len(scale_of(path)) == 3


def test_it_is_measured_when_the_file_has_doubled(tmp_path):
    """What is added between leaves the row as it is: an add costs the same in a large file."""
    path = tmp_path / "a.db"
    fill(path, HashEmbedder())
    first = scale_of(path)
    fill(path, HashEmbedder(), [f"fact {number}" for number in range(len(FACTS) - 1)])
    assert scale_of(path) == first
    fill(path, HashEmbedder(), ["the last one"])
    assert scale_of(path)[0] == 2 * len(FACTS)


@pytest.mark.parametrize("value", ['"x"', "[12, 0.5, 0]", "[12, 0.5]", "[12, NaN, 0.1]", "[12, 0.5, 0.1, 3]", "{}x"])
def test_a_damaged_scale_is_named(tmp_path, value):
    """A row that is no scale is damage, and not ranked with."""
    path = tmp_path / "a.db"
    fill(path, HashEmbedder())
    change(path, "UPDATE meta SET value = ? WHERE name = 'scale'", value)
    with Memory(path, embedder=HashEmbedder()) as memory, pytest.raises(CorruptFileError):
        memory.search("cats", user_id="mia")
