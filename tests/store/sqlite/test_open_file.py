"""The file while it is open: nobody takes its log from it, and nobody takes the file without being noticed."""

import gc
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from textwrap import indent
from typing import Any

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import CorruptFileError, DatabaseError, FileReplacedError, Memory, NotAMemoryFileError
from mem0lite.store.sqlite import held

PRELUDE = f"""
import os, shutil, signal, sqlite3, subprocess, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from embedder import HashEmbedder
from mem0lite import Memory
path = sys.argv[1]

def memory_of(path, **options):
    return Memory(path, embedder=HashEmbedder(), **options)
"""

ELSEWHERE = """
import sqlite3, sys
for _ in range(3):
    connection = sqlite3.connect(sys.argv[1])
    assert connection.execute("SELECT count(*) FROM memory").fetchone()[0] == int(sys.argv[2])
    connection.close()
"""

KILLED = """
for last in (True, False):
    memory = memory_of(path)
    memory.add("before", user_id="u")
{meddle}
    if last:
        memory.close()
        assert [name for name in os.listdir(os.path.dirname(path)) if not name.endswith(".copy")] == ["agent.db"]
subprocess.run([sys.executable, "-c", {elsewhere!r}, path, "1"], check=True)
memory.add("after", user_id="u")
subprocess.run([sys.executable, "-c", {elsewhere!r}, path, "2"], check=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

MEDDLING = {
    "nobody": "",
    "another SQLite": """
for _ in range(3):
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM memory").fetchone()
    connection.close()
""",
    "another SQLite that stays open": """
kept = sqlite3.connect(path)
kept.execute("SELECT count(*) FROM memory").fetchone()
other = sqlite3.connect(path)
other.execute("SELECT count(*) FROM memory").fetchone()
other.close()
if last:
    kept.close()
""",
    "who reads the bytes": """
for suffix in ("", "-wal", "-shm"):
    with open(path + suffix, "rb") as file:
        file.read(100)
""",
    "who copies it": "shutil.copy(path, path + '.copy')",
    "another Memory": "memory_of(path).close()",
    "a Memory that reads": "memory_of(path, read_only=True).close()",
    "many of them": "for other in [memory_of(path, read_only=number % 2 > 0) for number in range(6)]: other.close()",
    "a restoring": "Memory.restore(path, f'{path}.{last}.copy')",
    "a child": """
if os.fork() == 0:
    found = memory.get_all(user_id="u")["total"]
    memory.close()
    os._exit(found - 1)
assert os.wait()[1] == 0
""",
}


def opened(path: Path, **options: Any) -> Memory:
    return Memory(path, embedder=HashEmbedder(), **options)


def texts(memory: Memory) -> set[str]:
    return {item["memory"] for item in memory.get_all(user_id="u")["results"]}


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# -- its log


@pytest.mark.parametrize("who", MEDDLING)
def test_nothing_acknowledged_is_lost_whoever_opens_the_file(path: Path, who: str) -> None:
    """Whoever opens and closes the file in this process, others after that don't take themselves for the last: what is
    added next is seen by all, and there after a SIGKILL. The last to close still leaves one file."""
    code = PRELUDE + KILLED.format(meddle=indent(MEDDLING[who], " " * 4), elsewhere=ELSEWHERE)
    killed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with opened(path) as memory:
        assert texts(memory) == {"before", "after"}
        assert memory.check()["ok"]


def test_of_two_memories_of_one_file_the_last_one_cleans_up(path: Path) -> None:
    """Each of several Memory objects may close at any time: the others go on, and the last one leaves one file."""
    memories = [opened(path) for _ in range(3)]
    for number, memory in enumerate(memories):
        memory.add(f"text {number}", user_id="u")
        memory.close()
        assert names(path.parent) == [path.name] if number == 2 else Path(f"{path}-wal").exists()
    with opened(path) as memory:
        assert len(texts(memory)) == 3


def test_a_child_that_lives_on_keeps_nothing(path: Path) -> None:
    """A forked child that never touches the store doesn't keep its parent from leaving one file."""
    code = f"""{PRELUDE}
memory = memory_of(path)
memory.add("x", user_id="u")
end, keep = os.pipe()
if os.fork() == 0:
    os.close(keep)
    os.read(end, 1)
    os._exit(0)
memory.add("y", user_id="u")
memory.close()
assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


def test_locks_of_others_in_this_process_stay(path: Path) -> None:
    """Closing a Memory, or refusing a file, drops no lock that SQLite has in this process for somebody else."""
    opened(path).close()
    foreign = path.with_name("foreign.db")
    with closing(apsw.Connection(str(foreign))) as maker:
        maker.execute("CREATE TABLE s (a)")  # a locked file that holds nothing yet would be waited for
    writing = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('CREATE TABLE t (a)')"
    for file in (path, foreign):
        with closing(apsw.Connection(str(file))) as other:
            other.execute("BEGIN EXCLUSIVE" if file == foreign else "BEGIN IMMEDIATE; SELECT count(*) FROM memory")
            if file == foreign:
                other.execute("CREATE TABLE t (a)")
                with pytest.raises(DatabaseError):
                    opened(file)
            else:
                opened(file, read_only=True).close()
            refused = subprocess.run([sys.executable, "-c", writing, str(file)], capture_output=True, text=True)
            assert "locked" in refused.stderr


def test_a_link_is_the_file_it_leads_to(path: Path, tmp_path: Path) -> None:
    """Through a symbolic link everything in the log is read and written, by whoever only reads, too."""
    link = tmp_path / "links" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    with opened(path) as memory, opened(link) as linked, opened(link, read_only=True) as reader:
        memory.add("one", user_id="u")
        linked.add("two", user_id="u")
        assert texts(memory) == texts(linked) == texts(reader) == {"one", "two"}
    assert names(tmp_path) == [path.name, "links"]
    assert names(link.parent) == ["link.db"]


# -- the file itself


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def move_away(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def move_over(path: Path) -> None:
    path.with_name("other.db").replace(path)


def copy_over(path: Path) -> None:
    shutil.copy(path.with_name("other.db"), path)


def write_over(path: Path) -> None:
    path.write_text("dear diary")


def empty(path: Path) -> None:
    os.truncate(path, 0)


def remove_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def replace_log(path: Path) -> None:
    remove_log(path)
    Path(f"{path}-wal").write_bytes(b"")


def remove_index(path: Path) -> None:
    Path(f"{path}-shm").unlink()


def replace_index(path: Path) -> None:
    remove_index(path)
    Path(f"{path}-shm").write_bytes(b"")


LOSSES = [
    remove,
    remove_all,
    move_away,
    rename_folder,
    move_over,
    copy_over,
    write_over,
    empty,
    remove_log,
    replace_log,
    remove_index,
    replace_index,
]

VERBS: dict[str, Callable[[Memory], Any]] = {
    "add": lambda memory: memory.add("new", user_id="u"),
    "update": lambda memory: memory.update("id", "new"),
    "delete": lambda memory: memory.delete("id"),
    "delete_all": lambda memory: memory.delete_all(user_id="u"),
    "reset": lambda memory: memory.reset(),
    "erase": lambda memory: memory.erase(user_id="u"),
    "vacuum": lambda memory: memory.vacuum(),
    "import": lambda memory: memory.import_(['{"memory": "new", "user_id": "u"}']),
    "get": lambda memory: memory.get("id"),
    "get_all": lambda memory: memory.get_all(user_id="u"),
    "search": lambda memory: memory.search("old", user_id="u"),
    "history": lambda memory: memory.history("id"),
    "export": lambda memory: memory.export(io.StringIO()),
    "stats": lambda memory: memory.stats(),
    "check": lambda memory: memory.check(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with another store to put in the place of the first."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with opened(tmp_path / "origin.db") as memory:
        memory.add("other", user_id="u")
        memory.backup(folder / "other.db")
    return folder


@pytest.fixture
def live(folder: Path) -> Memory:
    """An open store, of which a part is in the log."""
    opened(folder / "live.db").close()
    memory = opened(folder / "live.db")
    memory.add("old", user_id="u")
    return memory


@pytest.mark.parametrize("lose", LOSSES)
def test_every_call_says_that_the_file_is_lost(live: Memory, folder: Path, lose: Callable[[Path], None]) -> None:
    """When the file or its log was removed, moved, replaced or overwritten, every verb that writes or reads says so."""
    lose(folder / "live.db")
    with closing(live):
        for _ in range(2):
            for name, verb in VERBS.items():
                with pytest.raises(FileReplacedError, match=r"live\.db .* while it was open; nothing of this call"):
                    verb(live)
                    pytest.fail(name)


@pytest.mark.parametrize("since", [1, 5, 30])
def test_an_older_copy_of_the_file_is_noticed(tmp_path: Path, since: int) -> None:
    """A copy from before a few changes that is copied over the open file is told from it, and stays as it is."""
    path, copy = tmp_path / "live.db", tmp_path / "copy.db"
    with opened(path) as memory:
        memory.add("old", user_id="u")
    shutil.copy(path, copy)
    with opened(path) as memory:
        for number in range(since):
            memory.add(f"later {number}", user_id="u")
    with opened(path) as memory:
        memory.add("last", user_id="u")
        shutil.copy(copy, path)
        with pytest.raises(FileReplacedError, match="overwritten"):
            memory.add("new", user_id="u")
    assert path.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("notice", [False, True])
@pytest.mark.parametrize("end", ["close", "exit"])
@pytest.mark.parametrize("lose", [move_over, copy_over])
def test_what_was_put_in_its_place_stays_as_it_is(
    folder: Path, tmp_path: Path, lose: Callable[[Path], None], end: str, notice: bool
) -> None:
    """A file moved or copied over an open one is byte for byte what it was after that closes, whether or not anybody
    noticed before, and nothing is beside it."""
    path = folder / "live.db"
    before = (folder / "other.db").read_bytes()
    over = f"os.replace({str(folder / 'other.db')!r}, path)" if lose is move_over else "shutil.copy(other, path)"
    code = f"""{PRELUDE}
memory_of(path).close()
memory = memory_of(path)
memory.add("old", user_id="u")
other = {str(folder / "other.db")!r}
{over}
if {notice}:
    try:
        memory.add("new", user_id="u")
        sys.exit("added")
    except RuntimeError:
        pass
if {end == "close"}:
    memory.close()
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert path.read_bytes() == before
    assert set(names(folder)) <= {"live.db", "other.db"}
    with opened(path) as memory:
        assert texts(memory) == {"other"}


@pytest.mark.parametrize("notice", [False, True])
@pytest.mark.parametrize(
    ("lose", "found"),
    [(move_away, "folder/moved.db"), (rename_folder, "renamed/live.db"), (remove_log, "folder/live.db")],
)
def test_a_file_that_is_somewhere_gets_what_was_in_its_log(
    live: Memory, folder: Path, lose: Callable[[Path], None], found: str, notice: bool
) -> None:
    """A file that was moved while it was open, or lost its log, holds everything acknowledged once that is closed."""
    lose(folder / "live.db")
    if notice:
        with pytest.raises(FileReplacedError):
            live.add("new", user_id="u")
    live.close()
    with opened(folder.parent / found) as memory:
        assert texts(memory) == {"old"}
        assert memory.check()["ok"]


def test_what_was_removed_can_be_copied_to_a_new_file(live: Memory, folder: Path) -> None:
    """As long as the removed file is open, backup writes all that it held to a new one."""
    remove(folder / "live.db")
    with pytest.raises(FileReplacedError):
        live.add("new", user_id="u")
    live.backup(folder / "rescued.db")
    live.close()
    assert names(folder) == ["other.db", "rescued.db"]
    with opened(folder / "rescued.db") as memory:
        assert texts(memory) == {"old"}


@pytest.mark.parametrize("lose", [remove, move_over])
def test_nobody_opens_another_file_with_the_log(
    folder: Path, lose: Callable[[Path], None], request: pytest.FixtureRequest
) -> None:
    """While a process still has the removed or replaced file open, and its log is beside the path, no other file is
    opened there, nor made; afterwards it is as it was put there."""
    path = folder / "live.db"
    code = f"{PRELUDE}\nmemory = memory_of(path)\nmemory.add('old', user_id='u')\nprint('open', flush=True)\ninput()\n"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}memory.close()", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        before = (folder / "other.db").read_bytes()
        lose(path)
        for options in ({}, {"read_only": True}):
            if lose is move_over or not options:
                with pytest.raises(FileReplacedError, match="some process still has open"):
                    opened(path, **options)
        assert path.exists() == (lose is move_over)
        other.communicate("\n", timeout=60)
    assert names(folder) == (["live.db"] if lose is move_over else ["other.db"])
    if lose is move_over:
        assert path.read_bytes() == before
    with opened(path) as memory:
        assert texts(memory) == ({"other"} if lose is move_over else set())


def test_what_is_in_its_place_opens_in_the_same_process_once_it_was_noticed(live: Memory, folder: Path) -> None:
    """After the first call that says so, the file that was put there can be opened, beside the one that is lost."""
    move_over(folder / "live.db")
    with pytest.raises(FileReplacedError, match="in the place of another"):
        opened(folder / "live.db")
    with pytest.raises(FileReplacedError, match="was replaced"):
        live.get_all(user_id="u")
    with opened(folder / "live.db") as memory:
        memory.add("new", user_id="u")
        live.close()
        memory.add("newer", user_id="u")
    with opened(folder / "live.db") as memory:
        assert texts(memory) == {"other", "new", "newer"}
    assert names(folder) == ["live.db"]


@pytest.mark.parametrize("lose", [remove, move_over])
def test_a_reader_notices_too(live: Memory, folder: Path, lose: Callable[[Path], None]) -> None:
    """With read_only a file that was removed or replaced is not taken for what it was."""
    live.close()
    with opened(folder / "live.db", read_only=True) as reader:
        assert texts(reader) == {"old"}
        lose(folder / "live.db")
        with pytest.raises(FileReplacedError):
            reader.get_all(user_id="u")


def test_a_link_that_leads_elsewhere_is_noticed(live: Memory, folder: Path) -> None:
    """A store opened through a link is not that to which the link leads later."""
    link = folder / "link.db"
    link.symlink_to("live.db")
    with opened(link) as memory:
        memory.add("linked", user_id="u")
        link.unlink()
        link.symlink_to("other.db")
        with pytest.raises(FileReplacedError):
            memory.add("new", user_id="u")
        assert texts(live) == {"old", "linked"}
    live.close()
    assert names(folder) == ["link.db", "live.db", "other.db"]
    with opened(link) as memory:
        assert texts(memory) == {"other"}


def test_everything_that_rewrites_the_file_keeps_it(live: Memory, folder: Path) -> None:
    """Vacuuming, erasing, re-embedding, restoring and forking under an open Memory are no replacement."""
    path = folder / "live.db"
    with closing(live), opened(path) as other:
        live.vacuum()
        other.add("more", user_id="v")
        other.erase(user_id="v")
        live.add("new", user_id="u")
        assert Memory.restore(folder / "other.db", path, replace=True)["memories"] == 1
        assert texts(live) == texts(other) == {"other"}
        if (child := os.fork()) == 0:
            os._exit(len(texts(live)) - 1)
        assert os.waitpid(child, 0)[1] == 0
        live.add("newest", user_id="u")
        assert texts(other) == {"other", "newest"}
    assert names(folder) == ["live.db", "other.db"]


# -- a copy without its log


@pytest.mark.parametrize("killed", [False, True])
def test_a_copy_without_its_log_says_so(path: Path, tmp_path: Path, killed: bool) -> None:
    """A copy of a file all of whose content is in its log is an error, for whoever writes, reads or restores, and is
    left as it is; with the log it is everything."""
    copy = tmp_path / "copy" / "copy.db"
    copy.parent.mkdir()
    end = "os.kill(os.getpid(), signal.SIGKILL)" if killed else "print(flush=True); input()"
    code = f"{PRELUDE}\nmemory = memory_of(path)\nmemory.add('x', user_id='u')\n{end}\n"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        shutil.copy(path, copy)
        shutil.copy(f"{path}-wal", tmp_path / "copied-wal")
        writer.communicate("\n", timeout=60)
    before = copy.read_bytes()
    for opening in (opened, lambda file: opened(file, read_only=True), lambda file: Memory.restore(file, path)):
        with pytest.raises(DatabaseError) as caught:
            opening(copy)
        assert path.exists()
        if opening is opened or "exists already" not in str(caught.value):
            assert isinstance(caught.value, CorruptFileError)
            assert "-wal" in str(caught.value)
            assert "backup" in str(caught.value)
    assert copy.read_bytes() == before
    assert names(copy.parent) == ["copy.db"]
    shutil.copy(tmp_path / "copied-wal", f"{copy}-wal")
    with opened(copy) as memory:
        assert texts(memory) == {"x"}


# -- an empty file, and a long log


@pytest.mark.skipif(os.name != "posix", reason="needs permissions")
@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640, 0o602, 0o600])
def test_an_empty_file_becomes_its_owners_alone(path: Path, mode: int) -> None:
    """An empty file that others may read or write is taken from them before anything is stored in it."""
    path.touch()
    path.chmod(mode)
    with opened(path) as memory:
        memory.add("x", user_id="u")
        for name in names(path.parent):
            assert (path.parent / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_an_empty_file_of_somebody_else_that_others_may_write_is_refused(path: Path) -> None:
    """An empty file that somebody else made for all to write never gets a memory, and stays as it is."""
    path.touch()
    path.chmod(0o666)
    os.chown(path, 65_534, 65_534)
    with pytest.raises(DatabaseError, match="Give another path"):
        opened(path)
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (0, 0o666)
    assert names(path.parent) == [path.name]


MEGABYTES = 1024 * 1024


def write_much(memory: Memory, megabytes: int) -> None:
    for number in range(megabytes):
        memory._store._database.write(
            lambda connection, number=number: connection.execute(
                "INSERT OR REPLACE INTO document (kind, name, value) VALUES ('test', ?, json_object('x', ?))",
                (str(number), "x" * MEGABYTES),
            )
        )


@pytest.mark.parametrize("reading", ["export", "backup", "two"])
def test_the_log_is_short_again_after_a_long_read(memory: Memory, path: Path, reading: str) -> None:
    """A log that grew while somebody read gives its room back when they are done, without a vacuum or a close; no write
    waits for that, and nothing is lost."""
    log = Path(f"{path}-wal")
    memory.add("x", user_id="u")
    longest = []

    class Lines(list[str]):
        def write(self, line: str) -> None:
            write_much(memory, 40)
            longest.append(log.stat().st_size)

    if reading == "two":
        with memory._store._database.read() as first, memory._store._database.read() as second:
            assert first.execute("SELECT count(*) FROM memory").get == 1
            assert second.execute("SELECT count(*) FROM memory").get == 1
            memory.export(Lines())
            memory.add("y", user_id="u")
            assert log.stat().st_size > 40 * MEGABYTES
    elif reading == "backup":
        memory._store._database.aside(lambda connection: _read_and_write(connection, Lines()))
    else:
        memory.export(Lines())
    assert longest[0] > 40 * MEGABYTES
    assert log.stat().st_size < 16 * MEGABYTES
    memory.add("z", user_id="u")
    assert log.stat().st_size < 16 * MEGABYTES
    assert memory.check()["ok"]


def _read_and_write(connection: apsw.Connection, lines: Any) -> None:
    connection.execute("BEGIN")
    assert connection.execute("SELECT count(*) FROM memory").get == 1
    lines.write("")
    connection.execute("ROLLBACK")


def test_the_log_is_short_again_when_another_process_read(memory: Memory, path: Path) -> None:
    """After a long read of another process the next write gives the log's room back."""
    memory.add("x", user_id="u")
    with closing(sqlite3.connect(path)) as reader:  # whose locks are not ours, as in another process
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM memory").fetchone()
        write_much(memory, 40)
        reader.execute("ROLLBACK")
    memory.add("y", user_id="u")
    assert Path(f"{path}-wal").stat().st_size < 16 * MEGABYTES
    assert memory.get_all(user_id="u")["total"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="needs a list of descriptors")
def test_a_file_that_is_not_ours_is_closed_again(tmp_path: Path) -> None:
    """Looking at files that are refused, and closing ours, leaves no descriptor open."""
    foreign, descriptors = tmp_path / "foreign.db", Path("/proc/self/fd")
    foreign.write_text("dear diary")
    opened(tmp_path / "ours.db").close()
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        with pytest.raises(NotAMemoryFileError):
            opened(foreign)
        opened(tmp_path / "ours.db").close()
    assert len(list(descriptors.iterdir())) == before


def test_a_read_asks_little_of_the_file_system(memory: Memory) -> None:
    """A read looks whether the file, its log and its index are still there, and how long the log is, and no more."""
    memory.add("tea", user_id="u", infer=False)
    [item] = memory.get_all(user_id="u")["results"]
    asked: list[str] = []

    def note(_frame: object, event: str, called: object) -> None:
        if event == "c_call" and getattr(called, "__module__", None) == "posix":
            asked.append(getattr(called, "__name__", ""))

    sys.setprofile(note)
    try:
        found = memory.get(item["id"])
    finally:
        sys.setprofile(None)
    assert found is not None
    assert len(asked) <= 8, asked


def test_a_get_is_one_statement(path: Path) -> None:
    """A get is one statement, which is a snapshot by itself: no transaction begins and ends around it."""
    statements: list[str] = []

    def hook(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) or True  # type: ignore[func-returns-value]

    apsw.connection_hooks.append(hook)
    try:
        with Memory(path, embedder=HashEmbedder()) as memory:
            ids = [memory.add(text, user_id="u", infer=False)["results"][0]["id"] for text in ("tea", "coffee")]
            memory.get(ids[0])
            statements.clear()
            assert memory.get(ids[1])
            assert len([one for one in statements if not one.startswith("PRAGMA")]) == 1, statements
    finally:
        apsw.connection_hooks.remove(hook)


def test_a_store_that_is_collected_while_another_opens_stops_nobody(tmp_path):
    """Python may collect a store that nobody closed in the middle of opening another file, in the same thread."""
    memory: Memory | None = Memory(tmp_path / "left.db", embedder=HashEmbedder())
    memory.add("tea", user_id="u")
    memory.itself = memory  # so that only the garbage collector finds it
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    memory, done = None, threading.Event()

    def collect_within():
        with held._registry:  # as while a file is opened
            gc.collect()
        done.set()

    threading.Thread(target=collect_within, daemon=True).start()
    assert done.wait(60)
    assert len(list(Path("/proc/self/fd").iterdir())) < descriptors
    assert not (tmp_path / "left.db-wal").exists()
    with Memory(tmp_path / "left.db", embedder=HashEmbedder()) as again:
        assert again.get_all(user_id="u")["total"] == 1
