"""Vectors lie together in runs, and stay those of their memories, whatever is done to these."""

import random
from datetime import UTC, datetime, timedelta

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import CorruptFileError, Memory
from mem0lite.embedding.protocol import embed_documents
from mem0lite.store.sqlite import vectors

MANY = 2 * vectors.BLOCK + 10
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")


def said(number):
    """Return a text that no other number has."""
    return f"note {number} of the {WORDS[number % 8]} and the {WORDS[number // 8 % 8]}"


def fill(memory, count=MANY, user="u"):
    """Add memories, and return their ids."""
    added = memory.add_many({"messages": said(n), "user_id": user, "infer": False} for n in range(count))
    return [result["results"][0]["id"] for result in added]


def lengths(path):
    """Return how many vectors each row of a file has."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    size = vectors.size_of(connection)
    found = [length // size for (length,) in connection.execute("SELECT length(embeddings) FROM vector ORDER BY key")]
    connection.close()
    return found


def change(path, sql):
    """Run SQL on a file."""
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


def take_apart(path):
    """Give each vector of a file a row of its own, as files of older versions have it."""
    connection = apsw.Connection(str(path))
    with connection:
        kept = list(vectors.within(connection, 0, 2**62))
        connection.execute("DELETE FROM vector WHERE key >= 0")
        connection.executemany("INSERT INTO vector VALUES (?, ?)", kept)
        vectors.note_apart(connection)
    connection.close()


def agree(memory):
    """Check that every memory has the vector of its text, and that there is no other."""
    with memory._store._database.read() as connection:
        texts = dict(connection.execute("SELECT key, text FROM memory"))
        kept = dict(vectors.within(connection, 0, 2**62))
        assert vectors.of(connection, texts) == kept
    right = embed_documents(HashEmbedder(), list(texts.values()))
    assert kept == {key: vector.tobytes() for key, vector in zip(texts, right, strict=True)}


def found(memory, **options):
    """Return what searches find, twice: the first one reads vectors, the second one keeps them."""
    answers = [memory.search("note of the fox", user_id="u", top_k=30, **options)["results"] for _ in range(2)]
    assert answers[0] == answers[1]
    return [(hit["id"], hit["score"]) for hit in answers[0]]


def test_vectors_of_full_blocks_are_in_one_row(path):
    """A block of keys that is full is one row, the memories after it have a row each, in one call or one by one."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        fill(memory)
        assert lengths(path) == [vectors.BLOCK, vectors.BLOCK, *[1] * 10]
        for number in range(MANY, 3 * vectors.BLOCK):
            memory.add(said(number), user_id="u", infer=False)
        assert lengths(path) == [vectors.BLOCK] * 3
        agree(memory)


@pytest.mark.parametrize("seed", range(4))
def test_vectors_stay_those_of_their_memories(path, seed):
    """After random additions, updates, deletions, expiries and vacuums each memory has its vector, and a store that was
    open finds what one that is opened finds."""
    chooser, clock = random.Random(seed), [datetime(2026, 1, 1, tzinfo=UTC)]
    with Memory(path, embedder=HashEmbedder(), clock=lambda: clock[0]) as memory:
        ids = fill(memory)
        for step in range(40):
            kind = chooser.choice(("add", "update", "delete", "expire", "many"))
            if kind == "add":
                ttl = timedelta(hours=chooser.randrange(1, 5)) if chooser.random() < 0.3 else None
                ids += [memory.add(said(1_000 + step), user_id="u", infer=False, ttl=ttl)["results"][0]["id"]]
            elif kind == "update":
                memory.update(chooser.choice(ids), said(2_000 + step))
            elif kind == "delete":
                memory.delete(ids.pop(chooser.randrange(len(ids))))
            elif kind == "expire":
                clock[0] += timedelta(hours=chooser.randrange(3))
                memory.vacuum()
                ids = [one for one in ids if memory.get(one)]
            else:
                start = 3_000 + 100 * step
                memory.add_many({"messages": said(start + n), "user_id": "u", "infer": False} for n in range(30))
            if step % 8 == 0:
                here = found(memory)
                with Memory(path, embedder=HashEmbedder(), clock=lambda: clock[0]) as other:
                    assert found(other) == here
        agree(memory)
        assert memory.check()["ok"]


def test_vectors_of_an_older_file_are_brought_together(path):
    """A file whose vectors have a row each is searched as it is, also for reading only, with the same scores; a vacuum
    brings them together, and the next one writes nothing."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        fill(memory)
        before = found(memory)
    take_apart(path)
    assert lengths(path) == [1] * MANY
    with Memory(path, embedder=HashEmbedder(), read_only=True) as memory:
        assert found(memory) == before
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert found(memory) == before
        memory.add(said(MANY), user_id="u", infer=False)
        memory.vacuum()
        agree(memory)
        assert memory.check()["ok"]
    assert lengths(path) == [vectors.BLOCK, vectors.BLOCK, 11]
    content = path.read_bytes()
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.vacuum()
        assert found(memory)
    assert path.read_bytes() == content


def test_bringing_vectors_together_goes_on_where_it_was_cut_short(path):
    """A transaction packs some blocks of an older file and notes how far it came."""
    blocks = vectors._BLOCKS + 3
    with Memory(path, embedder=HashEmbedder()) as memory:
        fill(memory, blocks * vectors.BLOCK)
    take_apart(path)
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory._store._database.write(vectors.pack_old)
    assert sum(length > 1 for length in lengths(path)) == vectors._BLOCKS
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.vacuum()
        agree(memory)
    assert lengths(path) == [vectors.BLOCK] * blocks


def test_what_is_erased_is_not_in_the_file(path):
    """The vector of a deleted memory is not in its run any more, and after an erasure no byte of the file has it."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        ids = fill(memory)
        fill(memory, 5, user="other")
        mine = [vector.tobytes() for vector in embed_documents(HashEmbedder(), [said(7), said(MANY + 1)])]
        memory.update(ids[8], said(MANY + 1))
        memory.delete(ids[7])
        memory.delete(ids[8])
        assert lengths(path)[:2] == [7, vectors.BLOCK - 9]
        with memory._store._database.read() as connection:
            kept = b"".join(row for (row,) in connection.execute("SELECT embeddings FROM vector WHERE key & 255 < 64"))
        assert mine[1] not in kept
        memory.erase(user_id="u")
    content = path.read_bytes()
    gone = embed_documents(HashEmbedder(), [said(n) for n in range(5, MANY + 2)])
    assert [n for n, vector in enumerate(gone) if vector.tobytes() in content] == []


RUNS = "WHERE length(embeddings) > 999"
DAMAGE = {
    "a row that is cut short": f"UPDATE vector SET embeddings = substr(embeddings, 1, 999) {RUNS}",
    "a row that is too long": "UPDATE vector SET embeddings = CAST(embeddings || x'00' AS BLOB)",
    "a row in another": "INSERT INTO vector SELECT key + 3, embeddings FROM vector ORDER BY key LIMIT 1",
    "a wrong vector in a run": f"UPDATE vector SET embeddings = zeroblob(length(embeddings)) {RUNS}",
    "a run without its memories": "DELETE FROM memory WHERE key & 63 = 9",
    "a run that is lost": f"DELETE FROM vector {RUNS}",
}


@pytest.mark.parametrize("kind", list(DAMAGE))
def test_a_check_finds_and_mends_what_is_wrong_with_runs(path, kind):
    """Whatever is wrong with rows of several vectors is a finding, and repaired without a loss."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        fill(memory)
    change(path, DAMAGE[kind])
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert "vectors" in {problem["check"] for problem in memory.check()["problems"]}
        memory.check(repair=True)
        assert memory.check()["ok"]
        agree(memory)
        assert found(memory)


SCHEMA = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '{}', '{}') WHERE name = 'vector'"


@pytest.mark.parametrize("value", ["NULL", "'a text'", "7", "x''"])
def test_a_row_that_has_no_vectors_is_damage(path, value):
    """What is no run is an error of ours where it would be rewritten, and a finding that is repaired without a loss."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        ids = fill(memory)
    change(path, SCHEMA.format("BLOB NOT NULL) STRICT", "BLOB)"))
    change(path, f"UPDATE vector SET embeddings = {value} {RUNS}")
    change(path, SCHEMA.format("BLOB)", "BLOB NOT NULL) STRICT"))
    with Memory(path, embedder=HashEmbedder()) as memory:
        if value != "x''":
            with pytest.raises(CorruptFileError):
                memory.delete(ids[7])
        assert "vectors" in {problem["check"] for problem in memory.check()["problems"]}
        memory.check(repair=True)
        assert memory.check()["ok"]
        agree(memory)
