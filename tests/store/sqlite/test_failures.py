"""What goes wrong below: each failure is a typed error, nothing of the call stays, and the store goes on working."""

import threading
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import (
    CorruptFileError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    Memory,
    ReadOnlyError,
)


@pytest.fixture
def writer(memory):
    """The connection that commits, to make things go wrong on."""
    return memory._store._database._writer


def test_a_full_disk(memory, writer):
    """When there is no room left, the add is refused whole, reading goes on, and with room again writing does."""
    memory.add("before", user_id="u")
    writer.pragma("max_page_count", writer.pragma("page_count"))
    with pytest.raises(DiskFullError, match="the disk is full; nothing of the call was stored"):
        memory.add([{"content": f"text {n} " * 100} for n in range(1_000)], user_id="u")
    assert [item["memory"] for item in memory.get_all(user_id="u")["results"]] == ["before"]
    writer.pragma("max_page_count", 1_000_000)
    memory.add("after", user_id="u")
    assert memory.get_all(user_id="u")["total"] == 2


def test_a_file_that_cannot_be_written(memory, writer):
    """A read-only file is named as such, and can still be read."""
    memory.add("before", user_id="u")
    writer.pragma("query_only", True)
    with pytest.raises(ReadOnlyError, match="Check its permissions"):
        memory.add("x", user_id="u")
    assert memory.search("before", user_id="u")["results"]


def test_a_lock_held_too_long(memory, writer, path):
    """Another process that keeps the file locked beyond the timeout is a DatabaseBusyError and a TimeoutError."""
    writer.set_busy_timeout(0)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TimeoutError) as caught:
        memory.add("x", user_id="u")
    assert isinstance(caught.value, DatabaseBusyError)
    other.execute("ROLLBACK")
    other.close()
    memory.add("x", user_id="u")


DEFAULT = apsw.vfs_names()[0]


class FaultyVFS(apsw.VFS):
    """SQLite's own file system, which fails to read or write the main file while ``broken`` names the call."""

    broken: str | None = None

    def __init__(self):
        super().__init__("faulty", DEFAULT)

    def xOpen(self, name, flags):  # noqa: N802 (SQLite's name)
        return FaultyFile(name, flags)


class FaultyFile(apsw.VFSFile):
    def __init__(self, name, flags):
        super().__init__(DEFAULT, name, flags)

    def xRead(self, amount, offset):  # noqa: N802
        if FaultyVFS.broken == "read":
            raise apsw.IOError("injected")
        return super().xRead(amount, offset)

    def xSync(self, flags):  # noqa: N802
        if FaultyVFS.broken == "sync":
            raise apsw.IOError("injected")
        return super().xSync(flags)


@pytest.fixture
def faulty(path):
    """A store whose disk can be made to fail."""
    vfs = FaultyVFS()
    apsw.set_default_vfs("faulty")
    memory = Memory(path, embedder=HashEmbedder())
    memory.add("before", user_id="u")
    yield memory
    FaultyVFS.broken = None
    memory.close()
    apsw.set_default_vfs(DEFAULT)
    del vfs


def test_a_disk_that_fails_to_sync(faulty):
    """A commit that could not be made durable is an error, its memory is not there, and the next one is."""
    FaultyVFS.broken = "sync"
    with pytest.raises(DatabaseError, match="could not be read or written"):
        faulty.add("lost", user_id="u")
    FaultyVFS.broken = None
    faulty.add("after", user_id="u")
    assert sorted(item["memory"] for item in faulty.get_all(user_id="u")["results"]) == ["after", "before"]


def test_a_disk_that_fails_to_read(faulty, path):
    """A read error is a typed error, and the connection that had it is not used again."""
    faulty.add([{"content": f"text {n} " * 100} for n in range(2_000)], user_id="u", infer=False)
    faulty.close()
    again = Memory(path, embedder=HashEmbedder())
    FaultyVFS.broken = "read"
    with pytest.raises(DatabaseError):
        again.get_all(user_id="u")
    FaultyVFS.broken = None
    assert again.get_all(user_id="u")["total"] == 2_001
    assert again.search("before", user_id="u")["results"]
    again.close()


def test_an_interrupted_commit(memory):
    """Ctrl-C inside a commit reaches the caller, nothing of it stays, and the next call goes through."""

    def interrupted(connection):
        connection.execute("DELETE FROM memory")
        raise KeyboardInterrupt

    memory.add("before", user_id="u")
    with pytest.raises(KeyboardInterrupt):
        memory._store._database.write(interrupted)
    memory.add("after", user_id="u")
    assert memory.get_all(user_id="u")["total"] == 2


def test_text_that_is_not_utf8(memory, writer):
    """Damage that turned a text into invalid UTF-8 is a CorruptFileError, not a UnicodeDecodeError."""
    [item] = memory.add("x", user_id="u")["results"]
    writer.execute("UPDATE memory SET text = CAST(x'ff' AS TEXT)")
    with pytest.raises(CorruptFileError, match="not UTF-8"):
        memory.get(item["id"])


@pytest.mark.parametrize(
    "change", ["DELETE FROM meta", "UPDATE meta SET value = 'null'", "UPDATE meta SET value = '7'"]
)
def test_a_list_whose_seal_is_damaged(memory, writer, change):
    """A file that has lost what its cursors are sealed with gives no page of a list and takes no cursor, and says that
    it is damaged."""
    memory.add([{"content": f"text {n}"} for n in range(3)], user_id="u", infer=False)
    memory.add("another call", user_id="u")
    cursor = memory.get_all(user_id="u", top_k=1)["next_cursor"]
    writer.execute(f"{change} WHERE name = 'seal'")
    for listing in (
        lambda: memory.get_all(user_id="u", top_k=1),
        lambda: memory.get_all(user_id="u", after=cursor),
        lambda: memory.events(top_k=1),
    ):
        with pytest.raises(CorruptFileError, match="damaged"):
            listing()
    assert memory.get_all(user_id="u")["total"] == 4


def test_an_old_sqlite_is_refused(path, monkeypatch):
    """A SQLite that can lose committed data is refused with the command that replaces it."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(DatabaseError, match="pip install --upgrade apsw"):
        Memory(path, embedder=HashEmbedder())
    assert not path.exists()


def test_a_failed_creation_can_be_repeated(path):
    """An opening that was cut short after it marked the file as ours leaves one that the next opening completes."""
    connection = apsw.Connection(str(path))
    connection.pragma("application_id", 0x6D306C74)
    connection.close()
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="u")


def held(database):
    """Hold the next commit until the event is set; return that event."""
    entered, release = threading.Event(), threading.Event()

    def slow(connection):
        entered.set()
        assert release.wait(30)

    holder = threading.Thread(target=database.write, args=(slow,))
    holder.start()
    assert entered.wait(30)
    return release, holder


def waiting(database, count):
    """Wait until so many jobs wait for the next commit."""
    while len(database._waiting) < count:
        threading.Event().wait(0.001)


def test_a_job_that_fills_the_disk_fails_alone(memory, writer):
    """Of the calls that share a commit only the one there is no room for fails; the others are stored."""
    database = memory._store._database
    writer.pragma("max_page_count", writer.pragma("page_count") + 40)
    release, holder = held(database)
    with ThreadPoolExecutor(4) as pool:
        big = pool.submit(memory.add, [{"content": f"text {n} " * 200} for n in range(500)], user_id="u")
        waiting(database, 1)
        small = [pool.submit(memory.add, f"small {n}", user_id="u") for n in range(3)]
        waiting(database, 4)
        release.set()
        assert isinstance(big.exception(30), DiskFullError)
        assert [one.exception(30) for one in small] == [None, None, None]
    holder.join()
    assert memory.get_all(user_id="u")["total"] == 3


def test_an_interrupt_after_the_commit_is_no_failure_for_others(memory, writer):
    """When Ctrl-C arrives as a commit has just become durable, the other callers in it are told the truth."""
    database = memory._store._database

    def interrupt(*_):
        raise KeyboardInterrupt

    release, holder = held(database)
    with ThreadPoolExecutor(3) as pool:
        adds = [pool.submit(memory.add, f"text {n}", user_id="u") for n in range(3)]
        waiting(database, 3)
        writer.set_wal_hook(lambda *_: 0)
        release.set()
        holder.join()
        outcomes = [add.exception(30) for add in adds]
    assert outcomes == [None, None, None]
    writer.set_wal_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        memory.add("acknowledged by nobody, stored", user_id="u")
    writer.set_wal_hook(None)
    memory.add("after", user_id="u")
    assert memory.get_all(user_id="u")["total"] == 5


def test_an_interrupted_commit_tells_the_others_that_nothing_was_stored(memory):
    """When Ctrl-C breaks a shared commit, each other caller gets a typed error and nothing of any of them stays."""
    database = memory._store._database

    def interrupted(connection):
        raise KeyboardInterrupt

    release, holder = held(database)
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(memory.add, "one", user_id="u")]
        waiting(database, 1)
        jobs.append(pool.submit(database.write, interrupted))
        waiting(database, 2)
        release.set()
        errors = [type(job.exception(30)).__name__ for job in jobs]
    holder.join()
    assert sorted(errors) == ["DatabaseError", "KeyboardInterrupt"]  # the latter in the thread that led the commit
    assert memory.stats()["memories"] == 0
    memory.add("after", user_id="u")


def test_a_caller_that_gave_up_waiting_is_not_served_later(memory):
    """A call interrupted while it waited for its turn does not happen with the next, unrelated one."""
    memory.add("precious", user_id="u")
    database = memory._store._database

    class Interrupting:
        def __enter__(self):
            raise KeyboardInterrupt

        def __exit__(self, *_):
            return False

    lock, database._write_lock = database._write_lock, Interrupting()
    with pytest.raises(KeyboardInterrupt):
        memory.delete_all(user_id="u")
    database._write_lock = lock
    memory.add("unrelated", user_id="v")
    assert memory.get_all(user_id="u")["total"] == 1


def test_graph_categories_that_were_not_kept_are_not_shown(path):
    """When a change of the graph categories cannot be committed, the store goes on with those that the file has."""
    with Memory(path, embedder=HashEmbedder(), graph_categories=["skill"]) as memory:
        writer = memory._store._database._writer
        writer.set_commit_hook(lambda: True)
        with pytest.raises(DatabaseError):
            memory.reindex_graph(categories=["other"])
        writer.set_commit_hook(None)
        assert memory.graph_categories == ("skill",)
