"""Backups: taken while others write, checked when they are restored, and put in place whole or not at all."""

import json
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import (
    CorruptFileError,
    DatabaseError,
    Memory,
    NotAMemoryFileError,
)
from mem0lite.store.sqlite.file import CHECKSUM_BYTES, as_uri, checksum_vfs, connect

DATA = Path(__file__).parents[2] / "data"

FRESH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
Memory.restore(sys.argv[2], sys.argv[3])
with Memory(sys.argv[3], embedder=HashEmbedder()) as memory:
    assert memory.check()["ok"]
    found = memory.get_all(user_id="u", top_k=10_000)["results"]
    assert all(memory.history(item["id"]) for item in found)
    print(json.dumps([item["memory"] for item in found]))
"""


def texts(memory: Memory, user_id: str = "u") -> set[str]:
    return {item["memory"] for item in memory.get_all(user_id=user_id, top_k=10_000)["results"]}


@pytest.fixture
def backup(tmp_path):
    """A backup of a store with one memory, which was changed once."""
    with Memory(tmp_path / "source.db", embedder=HashEmbedder()) as source:
        [item] = source.add("from the backup", user_id="u", metadata={"k": 1})["results"]
        source.update(item["id"], metadata={"j": 2})
        source.backup(tmp_path / "backup.db")
    return tmp_path / "backup.db"


def test_a_backup_taken_under_load_restores_in_a_fresh_process(memory, tmp_path):
    """A backup taken while four threads write is one consistent moment, with all that was acknowledged before it."""
    acknowledged, stop = [], threading.Event()

    def work(name):
        for number in range(10_000):
            if stop.is_set():
                return
            text = f"{name} {number}"
            memory.add(text, user_id="u", infer=False)
            acknowledged.append(text)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 50:
        threads[0].join(0.01)
    before = set(acknowledged)
    memory.backup(tmp_path / "backup.db")
    stop.set()
    for thread in threads:
        thread.join()
    arguments = [str(Path(__file__).parents[2]), str(tmp_path / "backup.db"), str(tmp_path / "restored.db")]
    run = subprocess.run([sys.executable, "-c", FRESH, *arguments], capture_output=True, text=True, check=True)
    restored = set(json.loads(run.stdout))
    assert before <= restored <= set(acknowledged)


def test_a_restored_file_is_a_whole_private_store(backup, path):
    """restore makes one file, its owner's alone, with the same ids, metadata, histories and search results."""
    assert Memory.restore(backup, path) == {"path": str(path), "memories": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Memory(path, embedder=HashEmbedder()) as restored:
        [item] = restored.search("backup", user_id="u")["results"]
        assert (item["memory"], item["metadata"]) == ("from the backup", {"k": 1, "j": 2})
        assert [change["event"] for change in restored.history(item["id"])] == ["ADD", "UPDATE"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["agent.db", "backup.db", "source.db"]


def test_a_restore_never_overwrites_unasked(backup, memory, path):
    """A file that is there is left alone, unless it is to be replaced; the backup never is."""
    memory.add("here before", user_id="u")
    with pytest.raises(DatabaseError, match="exists already"):
        Memory.restore(backup, path)
    with pytest.raises(DatabaseError, match="is the backup itself"):
        Memory.restore(path, path, replace=True)
    assert texts(memory) == {"here before"}
    with pytest.raises(DatabaseError, match="No such file"):
        Memory.restore(path.parent / "no.db", path, replace=True)


def test_whoever_has_the_file_open_sees_what_replaced_it(backup, memory, path):
    """With replace an open store, its searches' memory too, holds the backup's memories and can be written on."""
    memory.add([{"content": "here before"}, {"content": "and this"}], user_id="u")
    memory.add("others", user_id="v")
    assert memory.search("before", user_id="u")["results"]
    last = memory.changes()["results"][-1]["sequence"]
    reader = Memory(path, embedder=HashEmbedder(), read_only=True)
    assert Memory.restore(backup, path, replace=True)["memories"] == 1
    for one in (memory, reader):
        assert texts(one) == {"from the backup"}
        assert [item["memory"] for item in one.search("backup before", user_id="u")["results"]] == ["from the backup"]
        assert one.get_all(user_id="v")["total"] == 0
    reader.close()
    memory.add("new", user_id="u")
    assert memory.changes(after=last)["results"][-1]["new_memory"] == "new"
    assert memory.check()["ok"]


def test_a_replacement_that_fails_changes_nothing(backup, memory, path):
    """A replacement that there is no room for leaves the store as it was, and no file beside it."""
    memory.add("here before", user_id="u")
    names = sorted(file.name for file in path.parent.iterdir())
    broken = backup.with_name("broken.db")
    broken.write_bytes(backup.read_bytes()[:-8192])
    with pytest.raises(CorruptFileError):
        Memory.restore(broken, path, replace=True)
    broken.unlink()
    assert texts(memory) == {"here before"}
    assert sorted(file.name for file in path.parent.iterdir()) == names


def break_(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM vector",
        "UPDATE memory SET text = 'forged'",
        "CREATE TRIGGER t AFTER INSERT ON memory BEGIN DELETE FROM memory; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE more (a)",
    ],
)
def test_a_backup_that_is_not_sound_is_refused(backup, path, sql):
    """A backup in which something does not agree, or that brings tables or triggers of its own, is not put in place."""
    break_(backup, sql)
    with pytest.raises(CorruptFileError, match=r"backup\.db is damaged"):
        Memory.restore(backup, path)
    assert not path.exists()
    assert sorted(file.name for file in path.parent.iterdir()) == ["backup.db", "source.db"]


def test_what_is_no_backup_is_refused(tmp_path, path):
    """Another file, another SQLite database and an empty file are named as what they are."""
    (tmp_path / "text").write_text("dear diary")
    (tmp_path / "empty").touch()
    break_(tmp_path / "other", "CREATE TABLE t (a)")
    for name in ("text", "empty", "other"):
        with pytest.raises(NotAMemoryFileError, match=name):
            Memory.restore(tmp_path / name, path)
    assert not path.exists()


@pytest.mark.parametrize("file", sorted(DATA.glob("*.db")), ids=lambda file: file.name)
def test_backups_of_earlier_versions_restore(tmp_path, path, file):
    """A backup from each earlier schema is brought up to date as it is restored; the backup stays as it was."""
    copy = tmp_path / file.name
    shutil.copy(file, copy)
    Memory.restore(copy, path)
    assert copy.read_bytes() == file.read_bytes()
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.search("python", user_id="alice", filters={"project_id": "proj123"})["results"]
        assert memory.check()["ok"]
    with Memory(tmp_path / "open.db", embedder=HashEmbedder()) as memory:
        memory.add("before", user_id="u")
        Memory.restore(copy, tmp_path / "open.db", replace=True)
        assert memory.get_all(user_id="u")["total"] == 0
        assert memory.check()["ok"]


def test_an_open_store_can_be_restored_from(memory, tmp_path):
    """A store that somebody has open is as good as a backup: the copy is of one moment."""
    memory.add("x", user_id="u")
    Memory.restore(memory.path, tmp_path / "copy.db")
    memory.add("later", user_id="u")
    with Memory(tmp_path / "copy.db", embedder=HashEmbedder()) as copy:
        assert texts(copy) == {"x"}


def without_checksum(path: Path) -> list[int]:
    """Return the numbers of the pages of a file whose checksum is wrong or missing."""
    content = path.read_bytes()
    connection = connect(path, checksums=True)
    connection.execute("PRAGMA checksum_verification = OFF").fetchall()
    size = connection.pragma("page_size")
    pages = [content[start : start + size] for start in range(0, len(content), size)]
    found = [
        number
        for number, page in enumerate(pages, start=1)
        if connection.execute("SELECT verify_checksum(?)", (page,)).get != 1
    ]
    connection.close()
    return found


def test_every_page_of_a_restored_file_has_its_checksum(tmp_path):
    """Also the pages of a file that is larger than SQLite's cache, which VACUUM INTO alone leaves without."""
    source, target, direct = (tmp_path / name for name in ("source.db", "target.db", "direct.db"))
    with Memory(source, embedder=HashEmbedder()) as memory:
        memory.add([{"content": f"fact {n}"} for n in range(400)], user_id="u", metadata={"long": "x" * 20_000})
    Memory.restore(source, target, checksums=True)
    assert without_checksum(target) == []
    connection = connect(target, checksums=True)
    name = as_uri(direct, f"reserve={CHECKSUM_BYTES}", f"vfs={checksum_vfs()}")
    connection.execute("VACUUM INTO ?", (name,)).fetchall()
    connection.close()
    assert len(without_checksum(direct)) > 100


@pytest.mark.parametrize("checksums", [False, True])
def test_checksums_come_and_go_by_restoring(backup, tmp_path, checksums):
    """A restored file has page checksums exactly if they are asked for; a replaced one keeps what it has."""
    target, other = tmp_path / "target.db", tmp_path / "other.db"
    Memory.restore(backup, target, checksums=checksums)
    Memory.restore(target, other, checksums=not checksums)
    Memory.restore(other, target, replace=True, checksums=not checksums)
    for path, expected in ((target, checksums), (other, not checksums)):
        with Memory(path, embedder=HashEmbedder()) as memory:
            assert memory.stats()["checksums"] is expected
            assert texts(memory) == {"from the backup"}
            memory.add([{"content": f"more {n} " * 100} for n in range(500)], user_id="u")  # more than a cache holds
            assert memory.check()["ok"]
            memory.backup(path.with_suffix(".copy"))
        with Memory(path.with_suffix(".copy"), embedder=HashEmbedder()) as copy:
            assert copy.stats()["checksums"] is expected
            assert copy.check()["ok"]
            assert len(texts(copy)) == 501


def test_a_restored_store_takes_readers_and_writers_at_once(backup, path):
    """A backup, opened or restored, is written while somebody reads, as any store is."""
    Memory.restore(backup, path)
    for one in (backup, path):
        with Memory(one, embedder=HashEmbedder()) as memory, memory._store._database.read() as connection:
            assert connection.execute("SELECT count(*) FROM memory").get == 1
            memory._store._database._writer.set_busy_timeout(0)
            memory.add("meanwhile", user_id="u")
            assert texts(memory) == {"from the backup", "meanwhile"}


def test_a_backup_carries_the_api_keys(memory: Memory, path: Path, tmp_path: Path) -> None:
    """What is restored has the keys that the store had, and is closed to callers without one."""
    key = memory.create_key(user_id="alice")
    memory.backup(tmp_path / "copy.db")
    Memory.restore(tmp_path / "copy.db", tmp_path / "restored.db")
    with Memory(tmp_path / "restored.db", embedder=HashEmbedder()) as restored:
        assert [one["id"] for one in restored.get_keys()] == [key["id"]]
        assert restored._needs_key
