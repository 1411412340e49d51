"""What a store is on disk: one private file of ours, and no other file harmed."""

import asyncio
import copy
import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from embedder import HashEmbedder

from mem0lite import (
    AsyncMemory,
    ClosedError,
    ConfigurationError,
    CorruptFileError,
    DatabaseError,
    Memory,
    NewerFileError,
    NotAMemoryFileError,
    NotPicklableError,
)
from mem0lite.errors import ValidationError

DATA = Path(__file__).parents[2] / "data"


def test_one_file_holds_everything(memory, path, tmp_path):
    """After close there is one file and no -wal or -shm; a copy of it elsewhere holds everything."""
    [added] = memory.add("x", user_id="u", metadata={"k": 1})["results"]
    memory.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["agent.db"]
    copy = tmp_path / "elsewhere" / "copy.db"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    path.unlink()
    with Memory(copy, embedder=HashEmbedder()) as moved:
        assert moved.get(added["id"])["metadata"] == {"k": 1}
        assert len(moved.search("x", user_id="u")["results"]) == 1


def test_the_file_is_its_owners_alone(memory, path):
    """The file, and the -wal and -shm beside it, can be read by their owner only, whatever the umask."""
    memory.add("x", user_id="u")
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        assert stat.S_IMODE(name.stat().st_mode) == 0o600


def test_a_memory_nobody_closed_leaves_no_wal(tmp_path):
    """A Memory that is dropped, or open when the interpreter ends, still leaves one whole file."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from embedder import HashEmbedder; from mem0lite import Memory\n"
        "memory = Memory(sys.argv[2], embedder=HashEmbedder()); memory.add('x', user_id='u')"
    )
    subprocess.run([sys.executable, "-c", code, str(Path(__file__).parents[2]), str(tmp_path / "a.db")], check=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]
    with Memory(tmp_path / "a.db", embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="u")["total"] == 1


ENDING = """
import atexit, sys, threading
sys.path.insert(0, sys.argv[1])
errors, using, ended = [], threading.Event(), threading.Event()
atexit.register(lambda: print(ended.wait(60), *errors))
from embedder import HashEmbedder
from mem0lite import Memory

memory = Memory(sys.argv[2], embedder=HashEmbedder())

def use():
    while not errors:
        try:
            eval(sys.argv[3])
            using.set()
        except Exception as error:
            errors.append(type(error).__name__)
    ended.set()

threading.Thread(target=use, daemon=True).start()
using.wait(60)
"""


@pytest.mark.parametrize(
    "call",
    [
        "memory.add('x', user_id='u')",
        "memory.add('x', user_id='u', infer=False)",
        "memory.get_all(user_id='u')",
        "memory.search('x', user_id='u')",
        "memory.get('an id')",
        "memory.stats()",
        "memory.vacuum()",
    ],
)
def test_a_thread_that_outlives_the_program_is_told_that_it_is_closed(path, call):
    """What uses a Memory while the interpreter ends gets ClosedError, and cannot open the file again."""
    command = [sys.executable, "-c", ENDING, str(Path(__file__).parents[2]), str(path), call]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert (ended.stdout.split(), ended.stderr) == (["True", "ClosedError"], "")
    assert [entry.name for entry in path.parent.iterdir()] == ["agent.db"]


def test_reopening_finds_everything(memory, path):
    """What was acknowledged is there after reopening; text, metadata, dates, history and vectors."""
    memory.add("x", user_id="u", metadata={"k": 1}, ttl=60)
    before = memory.get_all(user_id="u"), memory.search("x", user_id="u")
    memory.close()
    with Memory(path, embedder=HashEmbedder(), clock=memory._clock) as again:
        assert (again.get_all(user_id="u"), again.search("x", user_id="u")) == before


def test_in_memory_is_private_to_the_object():
    """Memory(":memory:") makes no file and shares nothing with another one."""
    with Memory(":memory:", embedder=HashEmbedder()) as one, Memory(":memory:", embedder=HashEmbedder()) as other:
        one.add("x", user_id="u")
        assert other.get_all(user_id="u")["total"] == 0
    assert not Path(":memory:").exists()


def test_the_default_path_is_a_setting(tmp_path, monkeypatch):
    """Without a path the file is MEM0LITE_DB's, else mem0lite.db in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEM0LITE_DB", raising=False)
    Memory(embedder=HashEmbedder()).close()
    monkeypatch.setenv("MEM0LITE_DB", "other.db")
    Memory(embedder=HashEmbedder()).close()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["mem0lite.db", "other.db"]


def test_closing_twice_does_nothing_and_verbs_then_say_so(memory):
    """A closed Memory can be closed again; every other verb raises ClosedError."""
    memory.close()
    memory.close()
    for verb in (lambda: memory.add("x", user_id="u"), lambda: memory.get("x"), memory.vacuum, memory.stats):
        with pytest.raises(ClosedError, match="Open a new one"):
            verb()


def write_sqlite(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()


def write_newer(path):
    Memory(path, embedder=HashEmbedder()).close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def write_truncated(path):
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add([{"content": f"text {n}"} for n in range(200)], user_id="u")
    os.truncate(path, 20_000)


def write_zeroed_page(path):
    Memory(path, embedder=HashEmbedder()).close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4_000)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda path: path.write_text("dear diary"), NotAMemoryFileError),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(84)), NotAMemoryFileError),
        (write_sqlite, NotAMemoryFileError),
        (write_newer, NewerFileError),
        (write_truncated, CorruptFileError),
        (write_zeroed_page, CorruptFileError),
    ],
)
def test_a_file_that_is_not_ours_is_refused_untouched(path, write, error):
    """A foreign, newer, truncated or damaged file raises its typed error, and no byte of it changes."""
    write(path)
    before = path.read_bytes()
    with pytest.raises(error, match=str(path)):
        Memory(path, embedder=HashEmbedder())
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_damage_found_later_is_a_typed_error(path):
    """A page damaged in the middle of the file raises CorruptFileError when it is read."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add([{"content": f"text {n} " * 50} for n in range(500)], user_id="u")
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(5, size // 8192):
            file.seek(page * 8192)
            file.write(b"\xff" * 8192)
    with Memory(path, embedder=HashEmbedder()) as memory, pytest.raises(CorruptFileError, match="Restore a backup"):
        memory.get_all(user_id="u")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """A path in a folder that is not there is a DatabaseError, one that is a folder a ConfigurationError, by name."""
    with pytest.raises(DatabaseError, match="Check the folder"):
        Memory(tmp_path / "no" / "a.db", embedder=HashEmbedder())
    with pytest.raises(ConfigurationError, match=str(tmp_path / "mem0lite.db")):
        Memory(tmp_path, embedder=HashEmbedder())


def test_an_empty_file_is_a_new_store(path):
    """A file of zero bytes, as mktemp makes, becomes a store."""
    path.touch()
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="u")


def test_durability_is_full_or_normal(tmp_path):
    """durability sets SQLite's synchronous mode; another word is refused."""
    for durability, synchronous in (("full", 2), ("normal", 1)):
        memory = Memory(tmp_path / f"{durability}.db", embedder=HashEmbedder(), durability=durability)
        with memory, memory._store._database.read() as connection:
            assert connection.pragma("synchronous") == synchronous
    with pytest.raises(ConfigurationError, match="durability: must be 'full' or 'normal'"):
        Memory(tmp_path / "x.db", embedder=HashEmbedder(), durability="none")
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("file", sorted(DATA.glob("*.db")), ids=lambda file: file.name)
def test_files_of_earlier_versions_open(tmp_path, file):
    """A file kept from each earlier schema opens, is migrated, and answers as when it was written."""
    copy = tmp_path / file.name
    shutil.copy(file, copy)
    with Memory(copy, embedder=HashEmbedder()) as memory:
        [item] = memory.search("python", user_id="alice", filters={"project_id": "proj123"})["results"]
        assert item["memory"] == "I love python"
        assert item["metadata"]["domain_tags"] == ["python", "fastapi"]
        assert [row["event"] for row in memory.history(item["id"])] == ["ADD", "UPDATE"]
        later = [memory.get_all(user_id=user)["total"] for user in ("dora", "erin")]  # who came with schemas 7 and 8
        assert memory.stats()["memories"] == 2 + sum(later)
        again = {"user_id": "alice", "metadata": item["metadata"], "timestamp": item["created_at"]}
        assert memory.add("I love python", **again)["results"][0]["id"] == item["id"]
        assert memory.check()["ok"]


def test_a_file_of_schema_2_keeps_what_came_with_it(tmp_path):
    """Apps, feedback, events, the project's settings and webhooks of a file of schema 2 are read back."""
    shutil.copy(DATA / "v2.db", tmp_path / "v2.db")
    with Memory(tmp_path / "v2.db", embedder=HashEmbedder()) as memory:
        [item] = memory.get_all(app_id="web", filters={"feedback": "POSITIVE"})["results"]
        assert (item["memory"], item["feedback_reason"]) == ("The app is dark", "still true")
        [event] = memory.events(app_id="web")["results"]
        assert event["results"] == [{"id": item["id"], "event": "ADD", "memory": "The app is dark"}]
        assert [change["event"] for change in memory.changes()["results"]] == ["ADD", "UPDATE", "ADD", "FEEDBACK"]
        assert memory.get_project()["custom_instructions"] == "Be brief"
        assert [webhook["name"] for webhook in memory.get_webhooks()] == ["log"]


def test_a_file_of_schema_4_keeps_its_graph(tmp_path):
    """Entities and relations of a file of schema 4 are read back, and count in a search."""
    shutil.copy(DATA / "v4.db", tmp_path / "v4.db")
    with Memory(tmp_path / "v4.db", embedder=HashEmbedder(), graph_categories=["skill_procedural"]) as memory:
        [edge] = memory.graph(user_id="bob", entity="Redis")["edges"]
        assert (edge["source"], edge["relationship"], edge["destination"]) == ("api service", "requires", "Redis")
        memory.add("The lamp is blue", user_id="bob")  # what all have alike would count for nothing
        item = memory.search("Redis", user_id="bob", explain=True)["results"][0]
        assert item["score_details"]["entity_boost"] > 0
        assert memory.stats()["graph"]["current"]


def test_a_file_of_schema_5_keeps_the_numbers_of_a_view(tmp_path):
    """A user's changes in a file of schema 5 have the numbers that a view showed, and later ones go on from there."""
    shutil.copy(DATA / "v5.db", tmp_path / "v5.db")
    with Memory(tmp_path / "v5.db", embedder=HashEmbedder()) as memory:
        memory.add("new", user_id="alice")
        numbers = [change["sequence"] for change in memory.for_user("alice").changes()["results"]]
        assert numbers == [1772366400250000, 1772366400250001, 1772366400250002]


def test_a_file_of_schema_6_keeps_what_was_superseded(tmp_path):
    """Keys of a file of schema 6, and what was superseded under them, are read back, and the key goes on."""
    shutil.copy(DATA / "v6.db", tmp_path / "v6.db")
    with Memory(tmp_path / "v6.db", embedder=HashEmbedder()) as memory:
        python, perl = memory.get_all(user_id="alice", latest_only=False)["results"]
        assert (python["key"], perl["key"], perl["superseded_by"]) == ("language", "language", python["id"])
        assert perl["valid_to"] == python["valid_from"]
        memory.add("I love ruby", user_id="alice", key="language")
        assert [item["memory"] for item in memory.get_all(user_id="alice")["results"]] == ["I love ruby"]


def test_a_file_of_an_earlier_schema_has_no_keys(tmp_path):
    """Memories of a file from before schema 6 have no key and are not superseded, and may be from then on."""
    shutil.copy(DATA / "v5.db", tmp_path / "v5.db")
    with Memory(tmp_path / "v5.db", embedder=HashEmbedder()) as memory:
        [old] = memory.get_all(user_id="alice")["results"]
        assert not {"key", "superseded_by", "valid_from", "valid_to"} & set(old)
        memory.add("I love ruby", user_id="alice", key="language", supersedes=[old["id"]])
        assert [item["memory"] for item in memory.get_all(user_id="alice")["results"]] == ["I love ruby"]
        assert memory.check()["ok"]


def test_a_file_of_schema_6_keeps_its_past(tmp_path):
    """What a file of schema 6 held before its last changes is read back."""
    shutil.copy(DATA / "v6.db", tmp_path / "v6.db")
    clock = lambda: datetime(2026, 4, 1, tzinfo=UTC)  # noqa: E731
    with Memory(tmp_path / "v6.db", embedder=HashEmbedder(), clock=clock) as memory:
        before = memory.get_all(user_id="alice", as_of="2026-03-01T12:30:00Z")["results"]
        shown = [(item["memory"], item["metadata"], item.get("expires_at")) for item in before]
        assert shown == [
            ("The lamp is red", None, "2026-03-01T14:00:00.250000+00:00"),
            ("I like python", {"project_id": "proj122"}, None),
        ]
        assert [item["memory"] for item in memory.get_all(user_id="alice")["results"]] == ["I love python"]


def test_a_file_of_schema_7_keeps_facts_and_jobs(tmp_path):
    """Facts of a file of schema 7 have their sources, and go with them; its jobs are still to be done."""
    shutil.copy(DATA / "v7.db", tmp_path / "v7.db")
    clock = lambda: datetime(2026, 4, 1, tzinfo=UTC)  # noqa: E731
    with Memory(tmp_path / "v7.db", embedder=HashEmbedder(), clock=clock) as memory:
        assert memory.check()["ok"]
        items = {item["memory"]: item for item in memory.get_all(user_id="dora")["results"]}
        assert items["Dora lives in Oslo"]["sources"] == [items["I live in Oslo"]["id"]]
        assert items["Dora lives in Oslo"]["expires_at"] == items["I live in Oslo"]["expires_at"]
        assert len(items["Dora's dog is called Rex"]["sources"]) == 2
        events = memory.events(user_id="dora")["results"]
        assert [event["status"] for event in events] == ["FAILED", "PENDING", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
        memory.delete(items["I live in Oslo"]["id"])
        memory.delete(items["My dog is called Rex"]["id"])
        left = {item["memory"] for item in memory.get_all(user_id="dora")["results"]}
        assert left == set(items) - {"I live in Oslo", "Dora lives in Oslo", "My dog is called Rex"}
        assert memory.check()["ok"]


def test_a_file_of_an_earlier_schema_has_no_facts(tmp_path):
    """What a file of schema 6 holds is what was said, and its calls of add are done."""
    shutil.copy(DATA / "v6.db", tmp_path / "v6.db")
    clock = lambda: datetime(2026, 4, 1, tzinfo=UTC)  # noqa: E731
    with Memory(tmp_path / "v6.db", embedder=HashEmbedder(), clock=clock) as memory:
        assert not any("sources" in item for item in memory.get_all(user_id="alice", latest_only=False)["results"])
        assert {event["status"] for event in memory.events()["results"]} == {"SUCCEEDED"}
        assert memory.check()["ok"]


@pytest.mark.parametrize("file", ["v1.db", "v5.db"])
def test_the_past_of_an_older_file_begins_when_it_is_migrated(tmp_path, file):
    """What an older version changed is not known: an instant before the migration is refused. A later one is exact, and
    a scope without old changes has no such limit."""
    shutil.copy(DATA / file, tmp_path / file)
    with Memory(tmp_path / file, embedder=HashEmbedder()) as memory:
        migrated = datetime.now(UTC)
        before = migrated - timedelta(days=1)
        [item] = memory.get_all(user_id="alice")["results"]
        memory.update(item["id"], "I hate python", metadata={"sure": False})
        memory.add("new", user_id="somebody")
        for ask in (
            lambda: memory.get(item["id"], as_of=before),
            lambda: memory.get_all(user_id="alice", as_of=before),
            lambda: memory.search("python", user_id="alice", as_of=before),
        ):
            with pytest.raises(ValidationError, match="as_of: an older version of mem0lite"):
                ask()
        assert memory.get_all(user_id="somebody", as_of=before)["total"] == 0
        assert memory.get(item["id"], as_of=migrated) == {**item, "score": None}
        assert memory.get_all(user_id="alice", as_of=migrated)["results"] == [item]


def test_views_of_an_older_file_go_on_after_the_numbers_they_showed(tmp_path):
    """Views showed the file's own numbers before schema 5: these stay, and what comes later is numbered higher than any
    of the file."""
    shutil.copy(DATA / "v4.db", tmp_path / "v4.db")
    with Memory(tmp_path / "v4.db", embedder=HashEmbedder()) as memory:
        whole = [change["sequence"] for change in memory.changes()["results"]]
        shown = [change["sequence"] for change in memory.for_user("alice").changes()["results"]]
        assert set(shown) < set(whole)
        for user in ("alice", "bob", "carol"):
            memory.add("new", user_id=user)
            assert memory.for_user(user).changes()["results"][-1]["sequence"] > 10**15


def test_there_is_a_file_of_every_schema_version():
    """tests/data holds one file per schema version up to the present one."""
    from mem0lite.store import SCHEMA_VERSION

    assert [file.name for file in sorted(DATA.glob("*.db"))] == [f"v{n}.db" for n in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("name", ["a b.db", "100%25 ?mode=memory&cache=shared#1.db", "Größe'\"\\.db", "file:x.db"])
def test_any_file_name_is_a_file(tmp_path, name):
    """Whatever characters a file's name has, it is that file: for writing, reading, backups and restoring."""
    path = tmp_path / name
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="u")
        memory.backup(tmp_path / f"copy of {name}")
    Memory.restore(tmp_path / f"copy of {name}", tmp_path / f"restored {name}", checksums=True)
    Memory.restore(tmp_path / f"copy of {name}", path, replace=True)
    for one in (name, f"copy of {name}", f"restored {name}"):
        with Memory(tmp_path / one, embedder=HashEmbedder(), read_only=True) as reader:
            assert reader.get_all(user_id="u")["total"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"copy of {name}", f"restored {name}"])


# -- where a store is


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("", "Give the name of a file"),
        (" \t\n", "Give the name of a file"),
        (":MEMORY:", "Write exactly ':memory:' for a store in memory"),
        (" :memory:", "Write exactly ':memory:' for a store in memory"),
        (":memory:\n", "Write exactly ':memory:' for a store in memory"),
        (":memory", "Write exactly ':memory:' for a store in memory"),
        ("file:a.db", "Give the path of a file"),
        ("FILE:a.db?mode=ro", "Give the path of a file"),
        ("file::memory:?cache=shared", "Give the path of a file"),
        ("sqlite:///x.db", "Give the path of a file"),
        ("sqlite+aiosqlite:///x.db", "Give the path of a file"),
        (Path("sqlite:///x.db"), "Give the path of a file"),
        ("mysql://u@h/db", "Give the path of a file"),
        ("s3://bucket/x.db", "Give the path of a file"),
        ("a.db ", "Write 'a.db'"),
        ("a.db\n", "Write 'a.db'"),
        ("new/", "Name a file in it, such as 'new/mem0lite.db'"),
        (".", "Name a file in it"),
        ("..", "Name a file in it"),
        ("a\0.db", "Remove it"),
        ("\ud800.db", "Give another name"),
        ("~nobody-here/a.db", "Write './~nobody-here/a.db'"),
        ("a.db-wal", "Give a name with another ending"),
        (5, "must be a string or a path"),
        (b"a.db", "must be a string or a path"),
        (True, "must be a string or a path"),
    ],
    ids=repr,
)
def test_a_name_that_nobody_means_makes_no_file(tmp_path, monkeypatch, name, cure):
    """What is no path of a file is a ConfigurationError with the cure, wherever a store's path is given: the
    constructor, the environment, a configuration of mem0, restore, backup and reembed. No file appears."""
    monkeypatch.chdir(tmp_path)
    backup = tmp_path.parent / f"{tmp_path.name}.db"
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        memory.backup(backup)
        opened = [
            lambda: Memory(name, embedder=HashEmbedder()),
            lambda: Memory.restore(backup, name),
            lambda: memory.backup(name),
            lambda: Memory.reembed(name, embedder=HashEmbedder()),
        ]
        if isinstance(name, str) and name.strip() and "\0" not in name:
            opened.append(lambda: Memory.from_config({"path": name}))
        for one in opened:
            with pytest.raises(ConfigurationError) as caught:
                one()
            assert cure in str(caught.value)
    if isinstance(name, str) and name and "\0" not in name and name.isascii():
        monkeypatch.setenv("MEM0LITE_DB", name)
        with pytest.raises(ConfigurationError, match="MEM0LITE_DB"):
            Memory(embedder=HashEmbedder())
    assert list(tmp_path.iterdir()) == []
    backup.unlink()


@pytest.mark.parametrize(
    "name", ["a:b.db", "C:a.db", ":a", "memory", "~a.db", "-wal.db", "file", "a b.db", "ü.db", "x.db.wal"]
)
def test_odd_names_are_names(tmp_path, monkeypatch, name):
    """Other names are taken as they are."""
    monkeypatch.chdir(tmp_path)
    given = f"./{name}" if name.startswith("~") else name
    Memory(given, embedder=HashEmbedder()).close()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    """A ~ that a path begins with is the home folder, wherever the path comes from: no shell reads it there."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(elsewhere)
    with Memory("~/a.db", embedder=HashEmbedder()) as memory:
        assert memory.path == str(home / "a.db")
        memory.add("x", user_id="u")
        assert memory.export("~/a.jsonl") == 1
        memory.backup(Path("~/b.db"))
        assert memory.import_("~/a.jsonl")["skipped"] == 1
    Memory.restore("~/b.db", "~/c.db")
    Memory.from_config({"path": "~/d/d.db"}).close()
    Memory.from_config({"vector_store": {"provider": "qdrant", "config": {"path": "~/qdrant/"}}}).close()
    monkeypatch.setenv("MEM0LITE_DB", "~/e.db")
    Memory(embedder=HashEmbedder()).close()
    made = {"a.db", "a.jsonl", "b.db", "c.db", "d", "qdrant.db", "e.db"}
    assert {entry.name for entry in home.iterdir()} == made
    assert list(elsewhere.iterdir()) == []


# -- copies of what holds a store


def test_what_holds_a_store_can_be_copied_but_not_sent(path):
    """A copy of an object that holds a store, a deep one too, shares the open store; pickling is refused with the
    cure, for AsyncMemory and views as well."""

    class Agent:
        def __init__(self, memory):
            self.memory, self.notes = memory, ["a"]

    async def of_async():
        async with AsyncMemory(path, embedder=HashEmbedder()) as opened:
            assert copy.deepcopy(Agent(opened)).memory is opened
            assert await copy.copy(opened).get_all(user_id="u") == {"results": [], "total": 0, "next_cursor": None}
            with pytest.raises(NotPicklableError, match="An open AsyncMemory cannot be pickled"):
                pickle.dumps(opened)

    with Memory(path, embedder=HashEmbedder()) as memory:
        agent = Agent(memory)
        copied = copy.deepcopy(agent)
        assert copied.memory is memory
        assert copied.notes is not agent.notes
        view = memory.for_user("u")
        assert copy.deepcopy(view).user_id == copy.copy(view).user_id == "u"
        copy.copy(memory).add("x", user_id="v")
        assert memory.get_all(user_id="v")["total"] == 1
        for held in (memory, view, agent.memory):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with pytest.raises(TypeError, match="Pass its path instead, and open the file there"):
                    pickle.dumps(held, protocol)
    asyncio.run(of_async())
