"""Many who write to one PostgreSQL database at once, lost connections, and limits."""

import multiprocessing
import threading
from contextlib import suppress

import pytest
from embedder import HashEmbedder

from mem0lite import ConfigurationError, DatabaseBusyError, DatabaseError, Memory, TimeLimitError
from mem0lite.store import EVERYTHING_STORED

psycopg = pytest.importorskip("psycopg")

WRITERS, ADDS = 3, 8


@pytest.fixture
def database(postgresql):
    with Memory(postgresql, embedder=HashEmbedder()) as opened:
        yield opened


def write(url, name):
    """Add memories of two users from two threads, and one text that all writers say."""

    def work(user):
        for number in range(ADDS):
            memory.add(f"{name} {user} says number {number}", user_id=user, infer=False)
            memory.add(f"everybody says {number % 2}", user_id=user)

    with Memory(url, embedder=HashEmbedder()) as memory:
        threads = [threading.Thread(target=work, args=[user]) for user in ("alice", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_many_processes_lose_and_double_nothing(postgresql, database):
    """Who follows the changes while many processes write misses none, repeats are stored once, and searches see what
    others wrote."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(postgresql, f"writer{number}")) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    followed = []
    while any(writer.is_alive() for writer in writers):
        last = followed[-1]["sequence"] if followed else 0
        followed += database.changes(after=last, limit=1000)["results"]
        found = database.search("says", user_id="alice", top_k=1000, threshold=0.0)["results"]
        assert len(found) <= WRITERS * ADDS + 2
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    followed += database.changes(after=followed[-1]["sequence"], limit=1000)["results"]
    assert [one["id"] for one in followed] == [one["id"] for one in database.changes(limit=1000)["results"]]
    said = sorted(one["new_memory"] for one in followed if one["user_id"] == "alice")
    own = [f"writer{name} alice says number {number}" for name in range(WRITERS) for number in range(ADDS)]
    assert said == sorted([*own, "everybody says 0", "everybody says 1"])
    found = database.search("says", user_id="alice", top_k=1000, threshold=0.0)["results"]
    assert sorted(one["memory"] for one in found) == said


def test_migrations_at_once_make_one_schema(postgresql):
    """Of many that open an empty database at once, one makes the tables, and all can use them."""
    with psycopg.connect(postgresql) as connection:
        connection.execute("DROP SCHEMA IF EXISTS mem0lite CASCADE")
    errors, gate = [], threading.Barrier(4)

    def work(name):
        gate.wait()
        try:
            with Memory(postgresql, embedder=HashEmbedder()) as memory:
                memory.add(f"likes {name}", user_id="alice", infer=False)
        except BaseException as error:  # raised below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=[name]) for name in ("tea", "wine", "milk", "water")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Memory(postgresql, embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="alice")["total"] == 4


def end_sessions(url):
    """End every session of mem0lite, as a server does that fails."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'mem0lite' AND datname = current_database()"
        )


def test_calls_go_on_after_connections_were_lost(postgresql, database):
    """After a failover the kept connections are dead: reads and writes take new ones, without a restart."""
    database.add("likes tea", user_id="alice", infer=False)
    database.get_all(user_id="alice")
    end_sessions(postgresql)
    assert database.get_all(user_id="alice")["total"] == 1
    end_sessions(postgresql)
    database.add("likes wine", user_id="alice", infer=False)
    assert len(database.search("likes", user_id="alice")["results"]) == 2


def test_a_write_that_is_cut_off_before_its_commit_is_done_once(postgresql, database):
    """A write whose connection is lost before the commit is repeated, which cannot double it."""
    calls = []

    def change(before):
        calls.append(before)
        if len(calls) == 1:
            end_sessions(postgresql)
        return {"count": (before or {"count": 0})["count"] + 1}

    assert database._store.change_document("test", "counter", change) == {"count": 1}
    assert calls == [None, None]
    assert database._store.document("test", "counter") == {"count": 1}


def test_a_write_that_is_cut_off_each_time_is_an_error(postgresql, database):
    """A write whose connection is lost again and again before the commit raises, and nothing is stored."""

    def change(before):
        end_sessions(postgresql)
        return {}

    with pytest.raises(DatabaseError, match="was lost twice before anything was stored"):
        database._store.change_document("test", "counter", change)
    assert database._store.document("test", "counter") is None


def test_a_call_that_waits_for_a_lock_ends_at_its_limit(postgresql):
    """A statement timeout ends a call that the server lets wait, and the connection can be used again."""
    with Memory(postgresql, embedder=HashEmbedder(), statement_timeout=0.2) as memory:
        memory.add("likes tea", user_id="alice", infer=False)
        with psycopg.connect(postgresql) as connection:
            connection.execute("LOCK TABLE mem0lite.memory")
            with pytest.raises(TimeLimitError, match=r"0\.2 seconds"):
                memory.get_all(user_id="alice")
        assert memory.get_all(user_id="alice")["total"] == 1


def test_no_connection_is_an_error_in_time(postgresql, monkeypatch):
    """When all connections are in use, a call waits as long as the settings say, and the error names them."""
    monkeypatch.setenv("MEM0LITE_POOL_SIZE", "1")
    monkeypatch.setenv("MEM0LITE_POOL_TIMEOUT_SECONDS", "2")
    with (
        Memory(postgresql, embedder=HashEmbedder()) as memory,
        memory._store.scanning(EVERYTHING_STORED),
        pytest.raises(DatabaseBusyError, match=r"all connections are in use\. MEM0LITE_POOL_SIZE"),
    ):
        memory.get_all(user_id="alice")


def test_a_server_that_refuses_connections_is_named_with_the_reason(postgresql, monkeypatch):
    """When the server accepts no connections, a call says why; later calls go on without a restart."""
    monkeypatch.setenv("MEM0LITE_POOL_TIMEOUT_SECONDS", "2")
    server_url, _, name = postgresql.rpartition("/")
    with (
        psycopg.connect(f"{server_url}/postgres", autocommit=True) as server,
        Memory(postgresql, embedder=HashEmbedder()) as memory,
    ):
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'mem0lite' AND datname = %s",
                (name,),
            )
            with pytest.raises(DatabaseBusyError, match="not currently accepting connections"):
                memory.get_all(user_id="alice")
        finally:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        for _ in range(20):  # the pool tries again by itself, each time after a longer pause
            with suppress(DatabaseBusyError):
                assert memory.get_all(user_id="alice")["total"] == 0
                return
        pytest.fail("it never went on")


@pytest.mark.parametrize("name", ["MEM0LITE_POOL_SIZE", "MEM0LITE_POOL_TIMEOUT_SECONDS"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_wrong_setting_of_the_pool_is_refused(monkeypatch, name, value):
    """What is no number above 0 is refused by name, before anything is opened."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        Memory("postgresql://127.0.0.1:1/none", embedder=HashEmbedder())


def test_a_server_that_is_not_there_is_named_without_the_password():
    """A store on a server that can't be reached is refused at once, naming the server but no password."""
    with pytest.raises(DatabaseError, match=r"postgresql://ada@127\.0\.0\.1:1/none") as raised:
        Memory("postgresql://ada:secret@127.0.0.1:1/none?password=secret", embedder=HashEmbedder())
    assert "secret" not in str(raised.value)


def test_the_password_is_not_shown(postgresql):
    """Neither the path of a Memory nor its stats show the password."""
    url = postgresql.replace("@", ":secret@", 1)
    with Memory(url, embedder=HashEmbedder()) as memory:
        assert "secret" not in repr(memory) + str(memory.stats())
        assert memory.path == postgresql


def test_metadata_comes_back_to_the_letter(database):
    """JSON keeps its order, the kinds of its numbers, and characters that PostgreSQL can't hold."""
    metadata = {"z": 1e22, "a": -0.0, "n": 2**70 + 1, "whole": 10**22, "control": "\0\x01\x02\x03", "b": [1.0, 1]}
    [added] = database.add("likes\0 \x01tea\x02", user_id="alice", infer=False, metadata=metadata)["results"]
    found = database.get(added["id"])
    assert (repr(found["metadata"]), found["memory"]) == (repr(metadata), "likes\0 \x01tea\x02")
    assert (
        database.get_all(filters={"user_id": "alice", "n": 2**70 + 1, "memory": {"contains": "\0 \x01"}})["total"] == 1
    )
    assert database.get_all(filters={"user_id": "alice", "memory": {"contains": "\x02\x02"}})["total"] == 0
