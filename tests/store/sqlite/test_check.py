"""What must agree in a file is compared, named when it does not, and mended where the texts tell how."""

import json

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, ReadOnlyError

FAR = 99 << 32  # the key of no memory
MENDED = {
    "a vector that is missing": ("DELETE FROM vector WHERE key % 2 = 0", "vectors"),
    "a vector of another width": ("UPDATE vector SET embeddings = x'00000000' WHERE key % 2 = 0", "vectors"),
    "a vector of numbers that are none": (
        "UPDATE vector SET embeddings = unhex(replace(hex(zeroblob(64)), '00', '0000c07f'))",
        "vectors",
    ),
    "a vector without end": (
        "UPDATE vector SET embeddings = unhex(replace(hex(zeroblob(64)), '00', '0000807f'))",
        "vectors",
    ),
    "a vector that is not of length one": ("UPDATE vector SET embeddings = zeroblob(256)", "vectors"),
    "a vector of nothing": (f"INSERT INTO vector VALUES ({FAR}, x'00')", "vectors"),
    "a keyword that is missing": ("DELETE FROM posting WHERE term = 'number'", "keywords"),
    "a keyword too many": (
        "INSERT INTO posting SELECT owner_id, 'zebra', key, 1 FROM posting GROUP BY key",
        "keywords",
    ),
    "a keyword of nothing": (f"INSERT INTO posting VALUES (1, 'zebra', {FAR}, 1)", "keywords"),
    "another frequency": ("UPDATE posting SET frequency = 7 WHERE term = 'number'", "keywords"),
    "another length": ("UPDATE memory SET length = 77", "keywords"),
    "owners that were mixed up": ("UPDATE scope SET owner_id = 1", "keywords"),
    "a term index of another version": ("UPDATE meta SET value = '1' WHERE name = 'terms'", "keywords"),
    "numbers that would be given again": ("UPDATE scope SET next_sequence = 0", "counts"),
    "changes that would be numbered again": ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'history'", "counts"),
    "changes that would be numbered again for their user": ("UPDATE follower SET last = 1", "counts"),
    "changes without a number": ("UPDATE history SET number = NULL, follower_id = NULL WHERE sequence > 5", "counts"),
    "changes numbered for another": ("UPDATE history SET follower_id = 2, number = sequence", "counts"),
    "users without numbers": ("DELETE FROM follower", "counts"),
    "a version that went back": ("UPDATE meta SET value = '0' WHERE name = 'version'", "counts"),
    "a scope's version that went back": ("UPDATE scope SET version = 0", "counts"),
    "an event of nothing": ("INSERT INTO event (id, scope, created_at, results) VALUES ('e', 99, 0, '[]')", "events"),
}
FOUND = {
    "another text": ("UPDATE memory SET text = 'forged' WHERE key % 2 = 0", "memories"),
    "metadata that is no JSON": ("UPDATE memory SET metadata = x'ff' WHERE key % 2 = 0", "memories"),
    "a date that cannot be": ("UPDATE memory SET created_at = 9000000000000000000 WHERE key % 2 = 0", "memories"),
    "a memory of nobody": ("DELETE FROM scope WHERE user_id = 'bob'", "scopes"),
    "a scope without ids": ("UPDATE scope SET user_id = NULL WHERE user_id = 'bob'", "scopes"),
    "a history that is missing": ("DELETE FROM history", "history"),
    "a history that cannot be shown": ("UPDATE history SET updated_at = -9000000000000000000", "history"),
    "an event that is no JSON": ("UPDATE event SET results = '{'", "events"),
    "settings that are no JSON": ("UPDATE document SET value = 'x'", "documents"),
    "no model": ("DELETE FROM meta WHERE name = 'embedder'", "embedder"),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON memory BEGIN DELETE FROM memory; END", "schema"),
    "a view": ("CREATE VIEW v AS SELECT * FROM memory", "schema"),
    "an index that is gone": ("DROP INDEX memory_by_hash", "schema"),
}


@pytest.fixture
def filled(memory: Memory) -> Memory:
    """A store with memories of two users and an agent, deleted and expired ones, a setting and an export."""
    memory.add([{"content": f"text number {n}"} for n in range(20)], user_id="alice", infer=False, metadata={"k": [1]})
    memory.add([{"content": "number one"}, {"content": "soon gone"}], user_id="bob", agent_id="planner", ttl=1)
    [item] = memory.add("old words", agent_id="planner")["results"]
    memory.update(item["id"], "new words", metadata={"n": 1})
    memory.feedback(item["id"], "POSITIVE")
    memory.delete(memory.add("a mistake", user_id="alice")["results"][0]["id"])
    memory.update_project({"custom_instructions": "Be brief"})
    return memory


def damage(memory, sql):
    memory._store._database.write(lambda connection: connection.execute(sql).fetchall())


def searched(memory):
    found = memory.search("text number", user_id="alice", top_k=50, explain=True)["results"]
    return sorted((item["id"], item["score"], item["memory"]) for item in found)


def test_a_sound_file_has_no_problems(filled, clock):
    """Whatever verbs made of a file, check finds nothing to say, and counts expired memories too."""
    clock.advance(hours=1)
    assert filled.check() == {"ok": True, "memories": 23, "problems": []}
    assert filled.check(repair=True)["problems"] == []
    filled.vacuum()
    assert filled.check() == {"ok": True, "memories": 21, "problems": []}
    filled.reset()
    assert filled.check()["ok"]


@pytest.mark.parametrize("name", MENDED)
def test_what_the_texts_tell_is_mended(filled, path, name):
    """Each kind of disagreement is found, repaired by ``repair``, and searches answer as before again."""
    sql, kind = MENDED[name]
    before = searched(filled)
    damage(filled, sql)
    found = filled.check()
    assert not found["ok"]
    assert kind in {problem["check"] for problem in found["problems"]}
    assert not any(problem["repaired"] for problem in found["problems"])
    repaired = filled.check(repair=True)
    assert repaired["ok"], repaired
    assert all(problem["repaired"] for problem in repaired["problems"])
    assert repaired["problems"]
    assert filled.check()["problems"] == []
    assert searched(filled) == before
    filled.close()
    with Memory(path, embedder=HashEmbedder(), clock=filled._clock) as again:
        assert searched(again) == before


@pytest.mark.parametrize("name", FOUND)
def test_what_only_a_backup_can_mend_is_named(filled, name):
    """What the texts don't tell is found, stays unrepaired, and nothing is deleted over it."""
    sql, kind = FOUND[name]
    damage(filled, sql)
    texts = filled._store._database.write(lambda c: c.execute("SELECT key, text FROM memory").fetchall())
    result = filled.check(repair=True)
    assert not result["ok"]
    [*left] = [problem for problem in result["problems"] if problem["check"] == kind and not problem["repaired"]]
    assert left
    assert filled._store._database.write(lambda c: c.execute("SELECT key, text FROM memory").fetchall()) == texts


def test_a_problem_names_memories(filled):
    """A problem has its number, and the ids of the first ten memories it is about."""
    damage(filled, "DELETE FROM vector")
    [problem] = filled.check()["problems"]
    ids = {item["id"] for item in filled.get_all(filters={"user_id": "*"}, top_k=50)["results"]}
    assert (problem["check"], problem["problem"], problem["count"]) == ("vectors", "memories without a vector", 23)
    assert len(problem["items"]) == 10
    assert len(set(problem["items"]) - ids) <= 2  # of those that expired


def test_a_damaged_index_is_mended(filled):
    """An index of SQLite's that lacks rows is made anew from its table."""
    damage(filled, "UPDATE memory SET text_hash = text_hash")

    def tear(connection):
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'history_by_memory'").get
        empty = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_by_scope'").get
        connection.pragma("writable_schema", True)
        connection.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'history_by_memory'", (empty,))
        connection.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'event_by_scope'", (root,))

    filled._store._database.write(tear)
    path, clock = filled.path, filled._clock
    filled.close()
    with Memory(path, embedder=HashEmbedder(), clock=clock) as again:
        found = again.check()
        assert "sqlite" in {problem["check"] for problem in found["problems"]}
        assert again.check(repair=True)["ok"]
        assert again.check() == {"ok": True, "memories": 23, "problems": []}


def test_a_check_sees_one_state_while_others_write(filled):
    """A check beside writers reads one snapshot, in which everything agrees."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [filled.add(f"meanwhile {n}", user_id="u", infer=False) for n in range(50)])
        results = [filled.check() for _ in range(5)]
        writing.result()
    assert [result["problems"] for result in results] == [[]] * 5


def test_nothing_is_repaired_in_a_file_opened_for_reading(filled, path):
    """check reads a read-only store; its repair is a ReadOnlyError and changes nothing."""
    damage(filled, "DELETE FROM vector")
    filled.close()
    before = path.read_bytes()
    with Memory(path, embedder=HashEmbedder(), read_only=True) as reader:
        assert not reader.check()["ok"]
        with pytest.raises(ReadOnlyError):
            reader.check(repair=True)
    assert path.read_bytes() == before


def test_a_problem_is_plain_data(filled):
    """What check returns is JSON as it is."""
    damage(filled, "DELETE FROM posting")
    assert json.loads(json.dumps(filled.check())) == filled.check()
