"""Many threads and several processes on one file."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import AsyncMemory, ClosedError, Memory, ValidationError
from mem0lite.store.sqlite.file import look_at
from mem0lite.store.sqlite.held import HeldFile
from mem0lite.store.sqlite.schema import MIGRATIONS

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
name = sys.argv[3]
with Memory(sys.argv[2], embedder=HashEmbedder()) as memory:
    for number in range(25):
        [item] = memory.add(f"{name} writes {number}", user_id="shared", infer=False)["results"]
        memory.update(item["id"], metadata={name: number})
        assert memory.get(item["id"])["metadata"] == {name: number}
        memory.search("writes", user_id="shared", top_k=3)
        if number % 5 == 0:
            memory.add("gone", user_id=name, ttl=0, infer=False)
            memory.vacuum()
"""


def test_processes_share_one_file(path):
    """Four processes write, read and vacuum one file at once: none is locked out and no write is lost."""
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(Path(__file__).parents[2]), str(path), f"p{number}"])
        for number in range(4)
    ]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0, 0]
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="shared")["total"] == 100
        for number in range(4):
            assert memory.get_all(user_id="shared", filters={f"p{number}": "*"})["total"] == 25
        memory.vacuum()
        assert memory.stats()["expired"] == 0
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_threads_share_one_memory(memory):
    """Eight threads add, change, search and delete through one Memory without an error or a lost write."""

    def work(name):
        for number in range(20):
            [item] = memory.add(f"{name} {number}", user_id="u", infer=False)["results"]
            memory.update(item["id"], metadata={"thread": name})
            memory.search(str(number), user_id="u")
            if number % 2:
                memory.delete(item["id"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert memory.get_all(user_id="u")["total"] == 80
    for name in range(8):
        assert memory.get_all(user_id="u", filters={"thread": name})["total"] == 10


@pytest.fixture
def every_cursor():
    """All cursors of the test, alive: as those are which a traceback, a debugger or a memory profiler holds."""
    alive = []

    class Kept(apsw.Cursor):
        def __init__(self, connection):
            super().__init__(connection)
            alive.append(self)

    def keep(connection):
        connection.cursor_factory = Kept

    apsw.connection_hooks.append(keep)
    yield alive
    apsw.connection_hooks.remove(keep)


def test_a_cursor_that_lives_on_keeps_no_old_snapshot(path, every_cursor, clock):
    """Whoever holds on to a cursor, later reads see what was written in the meantime, and vacuum is not locked out."""
    with (
        Memory(path, embedder=HashEmbedder(), clock=clock) as memory,
        Memory(path, embedder=HashEmbedder(), clock=clock) as other,
    ):
        for number in range(5):
            [event] = [memory.add(f"memory {number}", user_id="u", infer=False)["event_id"]]
            [*_, item] = memory.get_all(user_id="u", filters={"memory": f"memory {number}"})["results"]
            assert memory.event(event)["status"] == "SUCCEEDED"
            assert memory.get(item["id"])["memory"] == f"memory {number}"
            other.update(item["id"], f"changed {number}", metadata={"number": number})
            assert memory.get(item["id"])["memory"] == f"changed {number}"
            assert memory.search(f"changed {number}", user_id="u")["results"][0]["id"] == item["id"]
            assert memory.check()["ok"]
            memory.add("gone", user_id="u", ttl=1, infer=False)
            clock.advance(seconds=2)
            assert (other if number % 2 else memory).vacuum()["removed"] == 1
        assert memory.get_all(user_id="u")["total"] == 5
        assert every_cursor


def test_a_statement_that_is_left_open_costs_its_connection(path, every_cursor):
    """A connection on which a statement was not read to its end is not used again: it would show an old state."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add([{"content": "red"}, {"content": "green"}], user_id="u", infer=False)
        with memory._store._database.read() as connection:
            assert connection.execute("SELECT text FROM memory").fetchone()
        memory._store._database.write(lambda writer: writer.execute("SELECT text FROM memory").fetchone())
        [blue] = memory.add("blue", user_id="u", infer=False)["results"]
        assert memory.get(blue["id"])["memory"] == "blue"
        assert memory.get_all(user_id="u")["total"] == 3
        memory.vacuum()


def test_updates_of_one_memory_do_not_lose_each_other(memory):
    """Metadata merged by many threads at once all arrives."""
    [item] = memory.add("x", user_id="u")["results"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: memory.update(item["id"], metadata={f"k{number}": number}), range(40)))
    assert memory.get(item["id"])["metadata"] == {f"k{number}": number for number in range(40)}
    assert len(memory.history(item["id"])) == 41


def test_the_same_text_from_many_threads_is_stored_once(memory):
    """De-duplication holds between concurrent adds: one ADD, the others NONE with its id."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: memory.add("same", user_id="u")["results"][0], range(16)))
    assert sorted(item["event"] for item in results) == ["ADD"] + ["NONE"] * 15
    assert len({item["id"] for item in results}) == 1


SAYING = """
import sys
sys.path.insert(0, sys.argv[1])
from concurrent.futures import ThreadPoolExecutor
from embedder import HashEmbedder
from mem0lite import Memory
with Memory(sys.argv[2], embedder=HashEmbedder()) as memory, ThreadPoolExecutor(3) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(12):
        said = [f"likes green tea number{number}{end}" for end in ("", ".", "!")]
        for answer in pool.map(lambda text: memory.add(text, user_id="u"), said):
            print(number, answer["results"][0]["event"], answer["results"][0]["id"])
"""


def test_one_fact_in_the_words_of_many_is_stored_once(path):
    """What threads of several processes say at the same time in nearly the same words is stored once, and each of them
    is told the same id."""
    Memory(path, embedder=HashEmbedder()).close()
    command = [sys.executable, "-c", SAYING, str(Path(__file__).parents[2]), str(path)]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    told = [line.split() for child in children for line in child.communicate("go\n", timeout=120)[0].splitlines()]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(told) == 108
    assert sorted(number for number, event, _ in told if event == "ADD") == sorted(map(str, range(12)))
    assert len({(number, one) for number, _, one in told}) == 12
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="u")["total"] == 12


SETTING = """
import sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
with Memory(sys.argv[2], embedder=HashEmbedder()) as memory:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(10):
        memory.add(f"value {sys.argv[3]} {number}", user_id="u", key="k")
"""


def test_processes_leave_one_value_of_a_key(path):
    """However many processes set a key at once, one value holds, and every other has a successor of its own."""
    Memory(path, embedder=HashEmbedder()).close()
    command = [sys.executable, "-c", SETTING, str(Path(__file__).parents[2]), str(path)]
    children = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in "abc"
    ]
    with Memory(path, embedder=HashEmbedder()) as memory:
        for child in children:
            assert child.stdout.readline() == "ready\n"
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for _ in range(20):  # whatever they write meanwhile, a search never sees two values
            assert len(memory.search("value", user_id="u", threshold=0)["results"]) <= 1
        for child in children:
            child.communicate(timeout=120)
        assert [child.returncode for child in children] == [0, 0, 0]
        assert len(memory.search("value", user_id="u", threshold=0)["results"]) == 1
        every = memory.get_all(user_id="u", latest_only=False, top_k=100)["results"]
        assert len({item.get("superseded_by") for item in every}) == len(every) == 30


def test_waiting_writers_share_a_commit(memory):
    """What waits while one commit runs is committed together, and each still gets its own answer or error."""
    database = memory._store._database
    commits = []
    entered, release = threading.Event(), threading.Event()

    def slow(connection):
        entered.set()
        release.wait(30)

    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(database.write, slow)
        entered.wait(30)
        writes = [pool.submit(memory.add, f"text {n}", user_id="u") for n in range(5)]
        writes.append(pool.submit(memory.delete, "unknown"))
        while len(database._waiting) < 6:
            threading.Event().wait(0.001)
        writer = database._writer
        writer.set_commit_hook(lambda: bool(commits.append(1)))
        release.set()
        first.result(30)
        outcomes = [write.exception(30) for write in writes]
        writer.set_commit_hook(None)
    assert [type(outcome).__name__ for outcome in outcomes].count("MemoryNotFoundError") == 1
    assert outcomes.count(None) == 5
    assert memory.get_all(user_id="u")["total"] == 5
    assert len(commits) == 2  # the slow one, and one for all that waited


def test_a_failing_call_leaves_nothing_and_blocks_nobody(memory):
    """A call that raises inside its transaction is undone whole, and the next one goes through."""
    [item] = memory.add("x", user_id="u")["results"]
    with pytest.raises(ValidationError):
        memory.update(item["id"], "y", expiration_date="bad")
    memory.add("z", user_id="u")
    assert sorted(one["memory"] for one in memory.get_all(user_id="u")["results"]) == ["x", "z"]


def test_close_waits_for_running_calls(path):
    """close lets running calls finish and refuses later ones; nothing acknowledged is lost."""
    started, go = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts):
            started.set()
            go.wait(30)
            return super().embed(texts)

    memory = Memory(path, embedder=Slow())
    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(memory.add, "x", user_id="u")
        started.wait(30)
        memory.close()
        go.set()
        with pytest.raises(ClosedError):
            adding.result(30)
    with Memory(path, embedder=HashEmbedder()) as again:
        assert again.stats()["memories"] == 0


def in_child(memory, connection):
    memory.add("from the child", user_id="u", infer=False)
    connection.send(memory.get_all(user_id="u")["total"])
    memory.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_connections_of_its_own(memory):
    """A Memory opened before a fork works in parent and child, as pre-forking servers use it."""
    memory.add("from the parent", user_id="u")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=in_child, args=(memory, theirs))
    child.start()
    assert ours.poll(60)
    assert ours.recv() == 2
    child.join(60)
    assert child.exitcode == 0
    memory.add("again from the parent", user_id="u")
    assert memory.get_all(user_id="u")["total"] == 3
    for end in (ours, theirs):
        end.close()


FORK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
path, (read, write), (back, done) = sys.argv[2], os.pipe(), os.pipe()
memory = Memory(path, embedder=HashEmbedder())
memory.add("from the parent", user_id="u")
if os.fork() == 0:
    memory.add("child 1", user_id="u")
    os.write(done, b"1")
    os.read(read, 1)  # until the parent has closed and opened the file
    memory.add("child 2", user_id="u")
    memory.close()
    os._exit(0)
os.read(back, 1)
memory.close()
with Memory(path, embedder=HashEmbedder()) as again:
    again.add("other", user_id="u")
os.write(write, b"1")
assert os.wait()[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_loses_no_write(path):
    """What a forked child was told is stored is there, also when the parent closes and reopens the file meanwhile."""
    subprocess.run([sys.executable, "-c", FORK, str(Path(__file__).parents[2]), str(path)], check=True, timeout=60)
    with Memory(path, embedder=HashEmbedder()) as memory:
        texts = {item["memory"] for item in memory.get_all(user_id="u")["results"]}
    assert texts == {"from the parent", "child 1", "child 2", "other"}


STRANDED = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
import mem0lite.store.sqlite.database
from mem0lite import DatabaseError, Memory
mem0lite.store.sqlite.database._FORK_SECONDS = 0.01
memory = Memory(sys.argv[2], embedder=HashEmbedder())
memory.add("x", user_id="u")
with memory._store._database.read():
    if os.fork() == 0:
        try: memory.get_all(user_id="u")
        except DatabaseError as error: assert "forked" in str(error)
        else: os._exit(1)
        memory.close()
        os._exit(0)
assert os.wait()[1] == 0
assert memory.get_all(user_id="u")["total"] == 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_in_the_middle_of_a_call_is_refused(path):
    """A Memory in use while the process forks says so in the child, where it can still be closed, and goes on."""
    subprocess.run([sys.executable, "-c", STRANDED, str(Path(__file__).parents[2]), str(path)], check=True, timeout=60)


def test_vacuum_does_not_wait_for_readers(memory, clock):
    """vacuum removes what expired while somebody reads, and gives the space back the next time."""
    memory.add([{"content": f"text {n} " * 50} for n in range(500)], user_id="u", ttl=1, infer=False)
    clock.advance(seconds=1)
    with memory._store._database.read() as connection:
        connection.execute("SELECT count(*) FROM memory").fetchall()
        assert memory.vacuum() == {"removed": 500, "bytes_freed": 0}
        memory.add("written meanwhile", user_id="u")
    assert memory.get_all(user_id="u")["total"] == 1


@pytest.mark.parametrize("before", ["nothing", "writes", "removal", "removal while somebody reads"])
def test_vacuum_of_nothing_writes_nothing(memory, path, clock, before):
    """Whatever happened before, once a vacuum finds nothing to remove, it leaves the file and its log untouched."""
    memory.add("text", user_id="u")
    memory.add("brief", user_id="u", ttl=60)
    if before.startswith("removal"):
        memory.add([{"content": f"text {n} " * 50} for n in range(50)], user_id="v", ttl=1, infer=False)
        memory.create_memory_export({"memory": ""}, {"user_id": "u"})
        clock.advance(days=40)
    with memory._store._database.read() as connection:
        if before.endswith("reads"):
            connection.execute("SELECT count(*) FROM memory").fetchall()
            memory.vacuum()
    if before != "nothing":
        memory.vacuum()
    with closing(apsw.Connection(str(path))) as watcher:
        memory.vacuum()  # empties the log
        version = watcher.pragma("data_version")
        log = path.with_name(f"{path.name}-wal")
        untouched = [(file.stat().st_mtime_ns, file.stat().st_size) for file in (path, log)]
        for _ in range(3):
            clock.advance(seconds=10)
            assert memory.vacuum() == {"removed": 0, "bytes_freed": 0}
        assert [(file.stat().st_mtime_ns, file.stat().st_size) for file in (path, log)] == untouched
        assert watcher.pragma("data_version") == version


def test_a_read_waits_for_no_write(path):
    """While thirty writers and ten erasures wait for the file, reads answer."""

    async def life():
        async with AsyncMemory(path, embedder=HashEmbedder()) as memory:
            added = await memory.add([{"content": f"text {n}"} for n in range(10)], user_id="u")
            ids = [one["id"] for one in added["results"]]
            blocker = apsw.Connection(str(path))
            blocker.execute("BEGIN IMMEDIATE")
            calls = [
                *(memory.feedback(one, "POSITIVE") for one in ids[:5]),
                *(memory.delete(one) for one in ids[5:]),
                *(memory.reset(user_id=f"nobody-{n}") for n in range(10)),
                *(memory.delete_all(user_id=f"nobody-{n}") for n in range(10)),
                *(memory.erase(user_id=f"nobody-{n}") for n in range(10)),
            ]
            waiting = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0)  # each begins to wait
            assert (await memory.get(ids[0]))["id"] == ids[0]
            await memory._probe()
            assert (await memory.get_all(user_id="u"))["total"] == 10
            assert not any(task.done() for task in waiting)
            blocker.execute("ROLLBACK")
            blocker.close()
            await asyncio.gather(*waiting)
            assert (await memory.get_all(user_id="u"))["total"] == 5

    asyncio.run(life())


def test_an_export_may_read_the_store_it_exports(clock):
    """Whoever consumes the lines of an export can use the same Memory, one that lives in memory too."""
    with Memory(":memory:", embedder=HashEmbedder(), clock=clock) as memory:
        memory.add([{"content": "a"}, {"content": "b"}], user_id="u")

        class Reading(list):
            def write(self, line):
                self.append(memory.get_all(user_id="u")["total"])

        lines = Reading()
        memory.export(lines)
        assert lines == [2, 2, 2]  # two memories and the call that added them


def test_a_file_that_is_made_while_it_is_looked_at_is_ours(path):
    """Whoever reads an empty file's header at the moment in which another process makes it, opens what was made."""

    class Looked(HeldFile):
        def beginning(self, size):
            found, _ = super().beginning(size)
            if not found:
                with Memory(path, embedder=HashEmbedder()) as first:
                    first.add("x", user_id="u")
            return found, path.stat().st_size

    path.touch()
    with closing(Looked(path)) as looked:
        looked.take()
        assert look_at(looked, len(MIGRATIONS)) is not None
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="u")["total"] == 1


FIRST = """
import os, sys, traceback
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
with Memory(":memory:", embedder=HashEmbedder()) as warm:
    warm.add("x", user_id="u")
children = []
for number in range(6):
    if (pid := os.fork()) == 0:
        code = 1
        try:
            with Memory(sys.argv[2], embedder=HashEmbedder(), checksums=sys.argv[3] == "True") as memory:
                memory.add(f"text {number}", user_id="u", infer=False)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    children.append(pid)
assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 6
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("checksums", [False, True])
def test_processes_that_make_one_file_at_once_all_succeed(tmp_path, checksums):
    """Several processes that open the same new file at the same moment share it; none is refused or loses its write."""
    for number in range(8):
        path = tmp_path / f"{number}.db"
        arguments = [str(Path(__file__).parents[2]), str(path), str(checksums)]
        subprocess.run([sys.executable, "-c", FIRST, *arguments], check=True, timeout=60)
        with Memory(path, embedder=HashEmbedder()) as memory:
            assert memory.get_all(user_id="u")["total"] == 6
            assert memory.check()["ok"]
            assert memory.stats()["checksums"] is checksums
    assert len(list(tmp_path.iterdir())) == 8


def test_a_glance_reads_nothing(path):
    """A document is known at a glance, without a statement, as long as nobody commits; then it has to be read."""
    with Memory(path, embedder=HashEmbedder()) as memory, Memory(path, embedder=HashEmbedder()) as other:
        store = memory._store

        def glance():
            counted = []
            for connection in store._database._open_connections:
                connection.exec_trace = lambda cursor, sql, bindings: counted.append(sql) or True
            found = store.glance("keyring", "")
            for connection in store._database._open_connections:
                connection.exec_trace = None
            assert counted == []
            return found

        def read():
            return [one for one in [store.document("keyring", "")] if one is not None]

        assert glance() is None
        assert read() == glance() == []
        other.add("tea", user_id="u")
        assert glance() is None
        assert read() == glance() == []
        other._store.change_document("keyring", "", lambda _: {"version": "1"})
        assert glance() is None
        assert read() == glance() == [{"version": "1"}]
        memory._store.change_document("keyring", "", lambda _: None)
        assert glance() is None
        assert read() == glance() == []
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute("INSERT INTO meta VALUES ('other', '1')")
        assert glance() is None
