"""Reading without writing: nothing of the file or beside it changes, and a full or read-only disk still reads."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedder import HashEmbedder
from serving import served_by

from mem0lite import (
    ConfigurationError,
    DatabaseError,
    DiskFullError,
    EmbedderMismatchError,
    Memory,
    NotAMemoryFileError,
    ReadOnlyError,
)
from mem0lite.server import Settings, create_app

WRITES = {
    "add": lambda memory: memory.add("x", user_id="u"),
    "update": lambda memory: memory.update(memory.get_all(user_id="u")["results"][0]["id"], metadata={"k": 1}),
    "delete": lambda memory: memory.delete(memory.get_all(user_id="u")["results"][0]["id"]),
    "delete_all": lambda memory: memory.delete_all(user_id="u"),
    "reset": lambda memory: memory.reset(),
    "erase": lambda memory: memory.erase(user_id="u"),
    "vacuum": lambda memory: memory.vacuum(),
    "update_project": lambda memory: memory.update_project({"k": 1}),
    "create_webhook": lambda memory: memory.create_webhook("https://example.com"),
    "import_": lambda memory: memory.import_(['{"memory": "x", "user_id": "u"}']),
}


@pytest.fixture
def filled(path: Path) -> Path:
    """A closed store with one memory, and nothing beside it."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("hello there", user_id="u", metadata={"k": 1})
    return path


@pytest.fixture
def reader(filled: Path) -> Iterator[Memory]:
    with Memory(filled, embedder=HashEmbedder(), read_only=True) as memory:
        yield memory


def read(memory: Memory) -> list[str]:
    """Read in every way there is, and return the texts."""
    [item] = memory.search("hello", user_id="u", top_k=1)["results"]
    assert memory.get(item["id"])
    assert memory.history(item["id"])
    assert memory.entities()
    assert memory.events()["total"]
    assert memory.changes()["results"]
    assert memory.stats()["memories"]
    assert memory.check()["ok"]
    return [one["memory"] for one in memory.get_all(user_id="u")["results"]]


def test_everything_reads_and_no_byte_changes(reader, filled, tmp_path):
    """Every reading verb works, the file stays byte for byte as it was, and no other file appears."""
    before, changed = filled.read_bytes(), filled.stat().st_mtime_ns
    assert read(reader) == ["hello there"]
    assert reader.read_only
    assert [file.name for file in tmp_path.iterdir()] == ["agent.db"]
    reader.export(tmp_path / "out.jsonl")
    reader.backup(tmp_path / "copy.db")
    reader.close()
    assert (filled.read_bytes(), filled.stat().st_mtime_ns) == (before, changed)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["agent.db", "copy.db", "out.jsonl"]
    with Memory(tmp_path / "copy.db", embedder=HashEmbedder()) as copy:
        assert read(copy) == ["hello there"]


@pytest.mark.parametrize("verb", WRITES)
def test_what_would_write_says_so(reader, filled, verb):
    """A verb that would change something is a ReadOnlyError naming the cure, and changes nothing."""
    before = filled.read_bytes()
    with pytest.raises(ReadOnlyError, match="read_only=True"):
        WRITES[verb](reader)
    assert filled.read_bytes() == before
    assert read(reader) == ["hello there"]


def test_a_reader_follows_who_writes(reader, filled):
    """What others write, at any time, is read; so is what stays when they have closed the file again."""
    assert read(reader) == ["hello there"]
    with Memory(filled, embedder=HashEmbedder()) as writer:
        for number in range(3):
            writer.add(f"hello {number}", user_id="u", infer=False)
            assert len(read(reader)) == number + 2
        writer.vacuum()
        assert len(read(reader)) == 4
    assert len(read(reader)) == 4
    with Memory(filled, embedder=HashEmbedder()) as writer:
        writer.delete_all(user_id="u")
    assert reader.get_all(user_id="u")["total"] == 0
    assert reader.search("hello", user_id="u")["results"] == []
    assert [file.name for file in filled.parent.iterdir()] == ["agent.db"]


def test_a_reader_of_an_open_file_leaves_it_to_its_writer(filled):
    """Opened while another writes, and closed after it, a reader leaves no -wal behind."""
    writer = Memory(filled, embedder=HashEmbedder())
    writer.add("hello again", user_id="u")
    with Memory(filled, embedder=HashEmbedder(), read_only=True) as reader:
        assert len(read(reader)) == 2
        writer.close()
        assert len(read(reader)) == 2
    assert [file.name for file in filled.parent.iterdir()] == ["agent.db"]


def test_what_cannot_be_read_only_says_why(tmp_path, path):
    """No file, an empty or a foreign one, one of an older version, one in memory, another model: each has its error."""
    with pytest.raises(DatabaseError, match="No such file"):
        Memory(path, embedder=HashEmbedder(), read_only=True)
    assert not path.exists()
    path.touch()
    with pytest.raises(NotAMemoryFileError, match="is empty"):
        Memory(path, embedder=HashEmbedder(), read_only=True)
    path.write_text("dear diary")
    with pytest.raises(NotAMemoryFileError):
        Memory(path, embedder=HashEmbedder(), read_only=True)
    with pytest.raises(ConfigurationError, match="read_only"):
        Memory(":memory:", embedder=HashEmbedder(), read_only=True)
    old = tmp_path / "v1.db"
    old.write_bytes((Path(__file__).parents[2] / "data" / "v1.db").read_bytes())
    with pytest.raises(ReadOnlyError, match="older mem0lite"):
        Memory(old, embedder=HashEmbedder(), read_only=True)
    Memory(old, embedder=HashEmbedder()).close()
    with pytest.raises(EmbedderMismatchError):
        Memory(old, embedder=HashEmbedder("another"), read_only=True)


POWERLESS = """
import sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory, ReadOnlyError
path = sys.argv[2]
try: Memory(path, embedder=HashEmbedder()).add("x", user_id="u")
except ReadOnlyError as error: assert "read_only=True" in str(error), error
else: raise SystemExit("written")
with Memory(path, embedder=HashEmbedder(), read_only=True) as memory:
    assert [item["memory"] for item in memory.search("hello", user_id="u")["results"]] == ["hello there"]
    assert memory.check()["ok"]
    try: memory.add("x", user_id="u")
    except ReadOnlyError: pass
    else: raise SystemExit("written")
"""


@pytest.fixture
def locked(filled: Path) -> Iterator[Path]:
    """A store that may be read and not written, in a folder that may be read and not written."""
    filled.chmod(0o444)
    filled.parent.chmod(0o555)
    yield filled
    filled.parent.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_disk_that_may_not_be_written_still_reads(locked):
    """Of a file in a folder that cannot be written, writing is a ReadOnlyError that tells how to read; and reading
    reads, without leaving a file."""
    arguments = [sys.executable, "-c", POWERLESS, str(Path(__file__).parents[2]), str(locked)]
    if os.getuid() == 0:  # whom permissions do not stop
        if shutil.which("setpriv") is None:
            pytest.skip("taking root's powers away needs setpriv")
        arguments = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *arguments]
    run = subprocess.run(arguments, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert [file.name for file in locked.parent.iterdir()] == ["agent.db"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_a_disk_that_is_really_full(small_disk):
    """On a full disk writing is a DiskFullError, all that was acknowledged reads, and with room again writing works."""
    filler = small_disk / "filler"
    with Memory(small_disk / "agent.db", embedder=HashEmbedder()) as memory:
        memory.add("hello there", user_id="u")
        free = os.statvfs(small_disk)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize))
        stored = 1
        with pytest.raises(DiskFullError, match="nothing of the call was stored"):
            for number in range(1_000):
                memory.add(f"hello {number} " + "word " * 200, user_id="u", infer=False)
                stored += 1
        assert memory.get_all(user_id="u")["total"] == stored
        assert memory.search("hello", user_id="u")["results"]
        with pytest.raises(DatabaseError):
            memory.backup(small_disk / "copy.db")
        filler.unlink()
        memory.add("room again", user_id="u")
        assert memory.check() == {"ok": True, "memories": stored + 1, "problems": []}
    assert [file.name for file in small_disk.iterdir()] == ["agent.db"]


@pytest.fixture
def disk(filled: Path) -> Iterator[Path]:
    """A folder with the store on a disk of its own, which can be mounted anew."""
    folder = filled.parent / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting a disk needs root")
    (folder / "agent.db").write_bytes(filled.read_bytes())
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs tmpfs")
def test_a_disk_mounted_read_only(disk):
    """A store on a disk that is mounted read-only reads; opened for writing it says how it can be read."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Memory(disk / "agent.db", embedder=HashEmbedder(), read_only=True) as memory:
        assert read(memory) == ["hello there"]
    with (
        pytest.raises(DatabaseError, match="read_only=True"),
        Memory(disk / "agent.db", embedder=HashEmbedder()) as one,
    ):
        one.add("x", user_id="u")


# -- the server


def test_a_read_only_server_answers_questions(filled: Path) -> None:
    """A server on a read-only store lists and searches, refuses to write with 503, says so, and starts no timer."""
    settings = Settings(db=str(filled), read_only=True)
    with Memory(filled, embedder=HashEmbedder(), read_only=True) as memory:
        app = create_app(memory, settings)
        with served_by(app) as client:
            body = {"messages": [{"role": "user", "content": "x"}], "user_id": "u"}
            assert client.post("/memories", json=body).status_code == 503
            assert client.post("/search", json={"query": "hello", "user_id": "u"}).json()["results"]
            assert client.get("/configure").json()["read_only"] is True
            assert client.get("/health/ready").status_code == 200
            assert not app.backend.timer._running
    assert [file.name for file in filled.parent.iterdir()] == ["agent.db"]


def test_the_settings_open_the_file(filled: Path, tmp_path: Path) -> None:
    """MEM0LITE_READ_ONLY, MEM0LITE_DURABILITY and MEM0LITE_CHECKSUMS decide how a server opens its file."""
    new = tmp_path / "new.db"
    given = {"MEM0LITE_DB": str(new), "MEM0LITE_DURABILITY": "normal", "MEM0LITE_CHECKSUMS": "1"}
    with Memory(**Settings.from_environment(given).memory_arguments) as memory:
        assert memory.stats()["checksums"]
        with memory._store._database.read() as connection:
            assert connection.pragma("synchronous") == 1
    with Memory(
        **Settings.from_environment({"MEM0LITE_DB": str(new), "MEM0LITE_READ_ONLY": "1"}).memory_arguments
    ) as memory:
        assert memory.read_only
    with pytest.raises(ConfigurationError, match="MEM0LITE_DURABILITY"):
        Settings.from_environment({"MEM0LITE_DURABILITY": "none"})
