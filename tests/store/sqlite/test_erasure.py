"""Erased is gone from the bytes: of the file, of its free pages, and of the write-ahead log."""

import random
import threading
from pathlib import Path

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add
from sizes import sizes

from mem0lite import ANY_SCOPE, DatabaseBusyError, Memory, PermissionDeniedError, ValidationError

served, store, client = serving.served, serving.store, serving.client

CANARY = "quetzal"  # in every text, id and key of what is to be erased, and nowhere else


def residue(path: Path) -> dict[str, int]:
    """Return how often the canary is in the bytes of each file beside a store; keywords are in lower case."""
    found = {file.name: file.read_bytes().lower().count(CANARY.encode()) for file in path.parent.iterdir()}
    return {name: count for name, count in found.items() if count}


def live(memory: Memory, chance: random.Random, steps: int) -> None:
    """Let a user that is to be erased and another one live in a store, growing and shrinking its pages."""
    ids: dict[str, list[str]] = {CANARY: [], "bob": []}
    for _ in range(steps):
        user = chance.choice([CANARY, "bob", "bob"])
        word = CANARY if user == CANARY else "plain"
        text = f"{word}{chance.randrange(10**9)} " + f"{word}word " * chance.randrange(60)
        if chance.random() < 0.6 or not ids[user]:
            run = chance.choice([None, f"{word}-run"])
            metadata = {f"{word}-key": [f"{word}-value"]}
            ids[user] += [
                item["id"]
                for item in memory.add(text, user_id=user, run_id=run, metadata=metadata, infer=False)["results"]
            ]
        elif chance.random() < 0.6:
            memory.update(chance.choice(ids[user]), text, metadata={"more": f"{word}-more"})
        else:
            memory.delete(ids[user].pop(chance.randrange(len(ids[user]))))


@pytest.mark.parametrize("lives", sizes(3, 100))
def test_no_byte_is_left(tmp_path, seed, lives):
    """After erase no file holds a text, an id, a key or a word of the user; others' memories are as they were."""
    for number in range(lives):
        path = tmp_path / str(number) / "agent.db"
        path.parent.mkdir()
        with Memory(path, embedder=HashEmbedder(dimensions=384), checksums=number % 2 == 1) as memory:
            live(memory, random.Random(f"{seed} {number}"), 300)
            memory.create_memory_export({}, {"user_id": CANARY})
            memory.search(CANARY, user_id=CANARY)
            others = memory.get_all(user_id="bob", top_k=1_000), memory.search("plainword", user_id="bob")
            assert residue(path)
            receipt = memory.erase(user_id=CANARY)
            assert residue(path) == {}, (seed, number)
            assert receipt["memories"] == receipt["vectors"] > 0
            assert receipt["history"] > receipt["memories"]
            assert receipt["keywords"] > receipt["memories"]
            assert receipt["exports"] == 1
            assert (memory.get_all(user_id="bob", top_k=1_000), memory.search("plainword", user_id="bob")) == others
            assert memory.check()["ok"]
        assert residue(path) == {}


def test_deleting_alone_leaves_bytes(tmp_path, seed):
    """The harness sees: without writing the file anew, copies stay in unused parts of pages."""
    for number in range(300):  # every tenth or so leaves some: as many as it takes, so that it is never left to luck
        path = tmp_path / str(number) / "agent.db"
        path.parent.mkdir()
        with Memory(path, embedder=HashEmbedder(dimensions=384)) as memory:
            live(memory, random.Random(f"{seed} {number}"), 100)
            memory.reset(user_id=CANARY)
            memory.vacuum()
        if residue(path):
            return
    pytest.fail(f"seed {seed}: nothing was left in 300 files")


def test_the_receipt_counts_what_there_was(memory, clock):
    """A receipt names the scope and the instant, and counts what was removed: deleted memories' histories, too."""
    memory.add([{"content": "red apple"}, {"content": "green pear"}], user_id="alice", infer=False)
    memory.delete(memory.add("a mistake", user_id="alice", run_id="r")["results"][0]["id"])
    memory.add("red apple", user_id="bob")
    assert memory.erase(user_id="alice") == {
        "scope": {"user_id": "alice"},
        "erased_at": clock.now.isoformat(),
        "memories": 2,
        "vectors": 2,
        "keywords": 4,
        "history": 4,
        "events": 2,
        "exports": 0,
        "graph": 0,
    }
    assert memory.entities() == [one for one in memory.entities() if one["id"] == "bob"]
    assert memory.erase(user_id="alice")["memories"] == 0


def test_a_scope_is_all_its_ids(memory):
    """Of a user and a run that are both named, only what has both is erased."""
    memory.add("kept", user_id="alice")
    memory.add("erased", user_id="alice", run_id="r")
    memory.add("kept too", run_id="r")
    assert memory.erase(user_id="alice", run_id="r")["memories"] == 1
    left = memory.get_all(filters={**ANY_SCOPE, "memory": {"contains": "e"}})["results"]
    assert {item["memory"] for item in left} == {
        "kept",
        "kept too",
    }


def test_nobody_is_erased_without_a_name(memory):
    """erase without an id, or with a bad one, is an error that removes nothing; a view of one user cannot erase."""
    memory.add("kept", user_id="alice")
    for bad in ({}, {"user_id": None}, {"user_id": "*"}, {"user_id": ""}, {"agent_id": "a b"}):
        with pytest.raises(ValidationError):
            memory.erase(**bad)
    with pytest.raises(PermissionDeniedError):
        memory.for_user("alice").erase(user_id="alice")
    assert memory.get_all(user_id="alice")["total"] == 1


def test_a_reader_that_keeps_old_pages_is_an_error(memory, path):
    """While somebody's long read keeps the old pages there is no receipt, but an error; calling again gives it."""
    memory.add(CANARY, user_id="alice")
    memory._store._database._writer.set_busy_timeout(0)
    with memory._store._database.read() as connection:
        connection.execute("SELECT count(*) FROM memory").fetchall()
        with pytest.raises(DatabaseBusyError):
            memory.erase(user_id="alice")
        assert memory.get_all(user_id="alice")["total"] == 0
    assert memory.erase(user_id="alice")["memories"] == 0
    assert residue(path) == {}


def test_others_read_and_write_meanwhile(memory):
    """Searches and adds of others go on around an erasure, without an error or a lost write."""
    memory.add([{"content": f"text {n} " * 50} for n in range(300)], user_id="alice", infer=False)
    stop, counts = threading.Event(), []

    def work():
        while not stop.is_set():
            counts.append(memory.add(f"note {len(counts)}", user_id="bob", infer=False)["results"][0]["id"])
            memory.search("note", user_id="bob")

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(3):
        memory.erase(user_id="alice")
    stop.set()
    thread.join()
    assert memory.get_all(user_id="bob")["total"] == len(counts)
    assert memory.check()["ok"]


def test_erasing_over_http(client: httpx.Client, store: Memory) -> None:
    """POST /erase answers the receipt; without an id or with an unknown parameter or field it removes nothing."""
    add(client, "tea")
    add(client, "milk", user_id="bob")
    assert client.post("/erase", json={}).status_code == 400
    assert client.post("/erase", json={"user_id": None}).status_code == 400
    assert client.post("/erase", json={"users": "alice"}).status_code == 400
    assert client.post("/erase?user_id=alice", json={"user_id": "alice"}).status_code == 400
    assert client.post("/erase").status_code == 422
    answer = client.post("/erase", json={"user_id": "alice"}).json()
    assert (answer["scope"], answer["memories"], answer["history"]) == ({"user_id": "alice"}, 1, 1)
    assert [item["memory"] for item in client.get("/memories").json()["results"]] == ["milk"]
