import io
import json
import os
import stat
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from mem0lite import ANY_SCOPE, ConfigurationError, DatabaseError, DiskFullError, Memory, ValidationError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda text: text.strip())
KEY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(
    lambda key: unicodedata.normalize("NFC", key)  # as keys are kept
)
METADATA = st.dictionaries(
    KEY.filter(lambda key: key not in ("expires_at", "memory_lifespan")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def everything(memory):
    """All memories with their histories, by id."""
    items = memory.get_all(filters=ANY_SCOPE, top_k=1000, show_expired=True)["results"]
    return {item["id"]: (item, memory.history(item["id"])) for item in items}


def taken(**counts):
    """What an import says that found nothing else."""
    return {"added": 0, "skipped": 0, "deleted": 0, "events": 0, "settings": 0, **counts}


@given(st.lists(st.tuples(TEXT, METADATA, st.none() | TEXT), min_size=1, max_size=4))
def test_any_text_and_metadata_survive_the_round_trip(items):
    """What is added reads back exactly, and again after export and import, ids, dates and histories included."""
    with (
        Memory(":memory:", embedder=HashEmbedder()) as memory,
        Memory(":memory:", embedder=HashEmbedder()) as other,
    ):
        for text, metadata, name in items:
            [added] = memory.add(
                {"role": "user", "content": text, "name": name}, user_id="u", metadata=metadata, infer=False
            )["results"]
            item = memory.get(added["id"])
            assert item["memory"] == text
            assert item.get("actor_id") == name
            assert item["metadata"] == (metadata or None)
            assert repr(item["metadata"]) == repr(metadata or None)  # 1 and 1.0 and True are equal, not the same
        lines = io.StringIO()
        assert memory.export(lines) == len(items)
        lines.seek(0)
        assert other.import_(lines) == taken(added=len(items), events=len(items))
        assert everything(other) == everything(memory)


def test_export_and_import_keep_lifetimes_and_histories(memory, clock, tmp_path):
    """Dates, expiry by whatever rule, roles, names, scopes and histories go out and come back."""
    memory.add({"role": "assistant", "name": "Bob", "content": "a"}, user_id="u", agent_id="x", ttl=60)
    memory.add("b", run_id="r", expiration_date="2030-01-01", metadata={"memory_lifespan": "short_term"})
    [c] = memory.add("c", agent_id="x", metadata={"expires_at": 4_000_000_000.5, "k": [1, {"a": None}]})["results"]
    memory.update(c["id"], "see")
    assert memory.export(tmp_path / "out.jsonl") == 3
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o600
    with Memory(":memory:", embedder=HashEmbedder(), clock=clock) as other:
        other.import_(tmp_path / "out.jsonl")
        assert everything(other) == everything(memory)
        assert [item["memory"] for item in other.search("see", agent_id="x")["results"]] == ["see"]


def test_export_takes_scopes_and_filters(memory, tmp_path):
    """export writes what its ids and filters match, or everything without them."""
    memory.add("a", user_id="u", metadata={"k": 1})
    memory.add("b", user_id="v", metadata={"k": 2})
    for arguments, expected in (({}, "ab"), ({"user_id": "u"}, "a"), ({"filters": {"k": {"gt": 1}}}, "b")):
        assert memory.export(tmp_path / "out.jsonl", **arguments) == len(expected)
        lines = (tmp_path / "out.jsonl").read_text().splitlines()
        assert [item["memory"] for item in map(json.loads, lines) if "memory" in item] == list(expected)


def test_import_twice_adds_nothing(memory, tmp_path, clock):
    """Importing again skips what is there by id, so an interrupted import is simply run again."""
    memory.add([{"content": f"text {n}"} for n in range(600)], user_id="u")
    memory.export(tmp_path / "out.jsonl")
    half = (tmp_path / "out.jsonl").read_text().splitlines()[:300]
    seen = []
    with Memory(":memory:", embedder=HashEmbedder(), clock=clock) as other:
        assert other.import_(half) == taken(added=300)
        result = other.import_(tmp_path / "out.jsonl", progress=lambda done, total: seen.append((done, total)))
        assert result == taken(added=300, skipped=300, events=1)
        assert everything(other) == everything(memory)
    assert seen == [(256, 600), (512, 600), (600, 600)]


def test_a_line_needs_only_a_text_and_a_scope(memory, clock):
    """Hand-written lines are welcome: text for memory, ids from the call where the line has none, blank lines."""
    lines = ['{"text": "a"}', "", '{"memory": "b", "user_id": "own", "metadata": {"memory_lifespan": "short_term"}}']
    assert memory.import_(lines, user_id="given")["added"] == 2
    [a] = memory.get_all(user_id="given")["results"]
    [b] = memory.get_all(user_id="own")["results"]
    assert a["created_at"] == "2026-03-01T12:00:00.250000+00:00"
    assert b["expires_at"] == "2026-03-01T13:00:00.250000+00:00"
    assert [row["event"] for row in memory.history(a["id"])] == ["ADD"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "Line 2: not valid JSON"),
        ("[" * 100_000, "Line 2: not valid JSON"),
        ("[1]", "Line 2: must be a JSON object"),
        ('{"user_id": "u"}', "Line 2: Invalid memory: must be a string, got NoneType"),
        ('{"memory": "x"}', "Line 2: At least one of 'user_id'"),
        ('{"memory": "x", "user_id": "a b"}', "Line 2: Invalid user_id"),
        ('{"memory": "x", "user_id": "u", "metadata": {"a": NaN}}', "Line 2: Invalid metadata.a"),
        ('{"memory": "x", "user_id": "u", "created_at": "soon"}', "Line 2: Invalid created_at"),
        ('{"memory": "x", "user_id": "u", "expires_at": []}', "Line 2: Invalid expires_at"),
        ('{"memory": "x", "user_id": "u", "history": 5}', "Line 2: Invalid history"),
        ('{"memory": "x", "user_id": "u", "history": [{"event": "X"}]}', "Line 2: Invalid history"),
        ('{"memory": "x", "user_id": "u", "role": 5}', "Line 2: Invalid role"),
        ('{"memory": "x", "user_id": "u", "expiration_date": "soon"}', "Line 2: expiration_date"),
        ('{"memory": "x", "user_id": "u", "metadata": {"memory_lifespan": "x"}}', "Line 2: Invalid metadata.memory"),
        ('{"memory": "x", "user_id": "u", "metadata": {"expires_at": "x"}}', "Line 2: Invalid metadata.expires_at"),
        (f'{{"memory": "x", "user_id": "u", "created_at": {"9" * 5_000}}}', "Line 2: not valid JSON"),
        (None, "Line 2: must be text"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_stored(memory, line, complaint):
    """Every line is checked before the first is stored; the error names the line and the field."""
    with pytest.raises(ValidationError) as caught:
        memory.import_(['{"memory": "fine", "user_id": "u"}', line])
    assert complaint in str(caught.value)
    assert memory.stats()["memories"] == 0


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not valid JSON"),
        ('{"memory": " ", "user_id": "u"}', "Invalid memory"),
        ('{"memory": "x"}', "At least one of 'user_id'"),
        ('{"type": "x"}', "Invalid type: 'x'"),
    ],
)
def test_a_bad_line_of_a_file_is_named_with_the_file(memory, tmp_path, kind, line, complaint):
    """An import from a path names the file and the line: a script that imports several would not know which."""
    (path := tmp_path / "notes.jsonl").write_text(f'{{"memory": "fine", "user_id": "u"}}\n\n{line}\n')
    with pytest.raises(ValidationError) as caught:
        memory.import_(kind(path))
    assert str(caught.value).startswith(f"{path}, line 3: {complaint}")
    assert memory.stats()["memories"] == 0


def test_files_that_cannot_be_read_or_written_are_named(memory, tmp_path):
    """A missing or binary file on import, and an impossible target on export, are typed errors."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for source in (tmp_path / "missing", tmp_path / "binary"):
        with pytest.raises(ValidationError, match=str(source)):
            memory.import_(source)
    with pytest.raises(DatabaseError, match="cannot be written"):
        memory.export(tmp_path / "no" / "out.jsonl")


def test_the_store_is_never_exported_onto_itself(memory, path):
    """The store's own file, under whatever path, is refused as a target and stays a store."""
    memory.add("x", user_id="u")
    (path.parent / "link").symlink_to(path)
    for target in (path, str(path), path.parent / "." / path.name, path.parent / "link"):
        with pytest.raises(ValidationError, match="is the store itself"):
            memory.export(target)
    assert memory.get_all(user_id="u")["total"] == 1


def test_a_failed_export_leaves_the_old_file(memory, tmp_path):
    """A target is replaced only once everything is written."""
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    memory.close()
    with pytest.raises(DatabaseError):
        memory.export(target)
    assert target.read_text() == "old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["agent.db", "out.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_export_into_a_pipe_or_a_device_leaves_it_there(memory, tmp_path):
    """What is no file, as /dev/null, is written to; a file in its place would break it for the whole machine."""
    memory.add("x", user_id="u")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        read = threads.submit(pipe.read_text)
        assert memory.export(pipe) == 1
        assert json.loads(read.result(timeout=10).splitlines()[0])["memory"] == "x"
    assert pipe.is_fifo()


def test_an_export_onto_a_link_replaces_the_file_it_leads_to(memory, tmp_path):
    """A link to a file elsewhere stays a link."""
    memory.add("x", user_id="u")
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "out.jsonl"
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    memory.export(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert json.loads(target.read_text().splitlines()[0])["memory"] == "x"


def test_a_backup_is_a_whole_store(memory, tmp_path, clock):
    """backup writes one private file that opens as a store with the same memories, and leaves the source in use."""
    memory.add("a", user_id="u", metadata={"k": 1})
    memory.backup(tmp_path / "backup.db")
    memory.add("b", user_id="u")
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600
    with Memory(tmp_path / "backup.db", embedder=HashEmbedder(), clock=clock) as copy:
        assert [item["memory"] for item in copy.get_all(user_id="u")["results"]] == ["a"]
        assert copy.search("a", user_id="u")["results"][0]["metadata"] == {"k": 1}
        copy.add("c", user_id="u")
    assert memory.stats()["memories"] == 2


def test_a_backup_never_overwrites(memory, tmp_path):
    """An existing target and an impossible one are errors, and no partial file stays."""
    (tmp_path / "backup.db").write_text("precious")
    with pytest.raises(DatabaseError, match="exists already"):
        memory.backup(tmp_path / "backup.db")
    with pytest.raises(DatabaseError, match="cannot be written"):
        memory.backup(tmp_path / "no" / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "precious"
    assert not list(tmp_path.glob("*.partial"))


def test_an_in_memory_store_can_be_backed_up(tmp_path):
    """What lives in memory only can be saved to a file."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        memory.add("a", user_id="u")
        memory.backup(tmp_path / "backup.db")
    with Memory(tmp_path / "backup.db", embedder=HashEmbedder()) as copy:
        assert copy.stats()["memories"] == 1


def test_files_of_others_are_left_alone(memory, tmp_path):
    """backup and export touch no file but the one they are told to write."""
    for name in ("out.db.partial", "out.jsonl.partial"):
        (tmp_path / name).write_text("mine")
    memory.backup(tmp_path / "out.db")
    memory.export(tmp_path / "out.jsonl")
    with pytest.raises(DatabaseError):
        memory.backup(tmp_path / "out.db")
    with pytest.raises(DatabaseError, match="cannot be written"):
        memory.export(tmp_path / "out.jsonl" / "below-a-file")
    assert {entry.name for entry in tmp_path.glob("*.partial")} == {"out.db.partial", "out.jsonl.partial"}
    assert (tmp_path / "out.db.partial").read_text() == "mine"


def test_the_store_is_known_from_another_folder(tmp_path, monkeypatch):
    """A store opened by a relative path is protected from its own export after the working directory changed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    with Memory("a.db", embedder=HashEmbedder()) as memory:
        monkeypatch.chdir(tmp_path / "sub")
        with pytest.raises(ValidationError, match="is the store itself"):
            memory.export(tmp_path / "a.db")


# -- an export that fails


class Full(io.TextIOBase):
    """A file that takes some lines and then fails, with an error of its own or of who wants to stop it all."""

    def __init__(self, error):
        self.error, self.lines = error, 3

    def write(self, text):
        self.lines -= 1
        if self.lines < 0:
            raise self.error
        return len(text)


@pytest.mark.parametrize(
    "error", [RuntimeError("full"), OSError(28, "full"), BrokenPipeError(32, "gone"), KeyboardInterrupt()]
)
def test_an_export_that_fails_holds_nothing(path, error):
    """Whatever ends an export early, also while its traceback is kept, the store closes, without files beside it."""
    memory = Memory(path, embedder=HashEmbedder())
    memory.add([{"content": f"text {number}"} for number in range(9)], user_id="u")
    with pytest.raises(type(error)) as caught:
        memory.export(Full(error))
    memory.close()
    assert caught.value is error
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said(memory):
    """An export to a device that is full is a DiskFullError that names it, and the store closes."""
    memory.add("x", user_id="u")
    with pytest.raises(DiskFullError, match="/dev/full cannot be written: the disk is full"):
        memory.export("/dev/full")
    memory.close()


def test_the_file_of_an_export_may_use_the_store_but_not_close_it(memory):
    """What export writes to may read and write the store; to close it there would wait for itself, and is refused."""

    class Using(io.StringIO):
        def write(self, text):
            memory.add("seen", user_id="v", infer=False)
            assert memory.get_all(user_id="u")["total"] == 1
            with pytest.raises(DatabaseError, match="Close it after that call"):
                memory.close()
            return super().write(text)

    memory.add("x", user_id="u")
    assert memory.export(Using(), user_id="u") == 1
    assert memory.get_all(user_id="v")["total"] > 0
    memory.close()


def test_a_progress_that_fails_leaves_the_store_usable(memory, tmp_path):
    """An import whose progress raises keeps what it stored until then, and holds nothing open."""
    lines = [json.dumps({"id": f"m{number}", "memory": f"text {number}", "user_id": "u"}) for number in range(300)]

    def progress(done, total):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        memory.import_(lines, progress=progress)
    assert memory.import_(lines)["skipped"] == 256
    with pytest.raises(RuntimeError, match="enough"):
        memory.reindex_graph(progress=progress)
    memory.close()
    with pytest.raises(RuntimeError, match="enough"):
        Memory.reembed(memory.path, embedder=HashEmbedder(dimensions=8), progress=progress)
    assert Memory.reembed(memory.path, embedder=HashEmbedder(dimensions=8))["total"] == 300


@pytest.mark.parametrize(
    "target",
    [pytest.param(io.BytesIO(), id="bytes"), 5, None, b"out.jsonl", "", "  ", "a\0b", "\ud800", "~nobody-here/x"],
    ids=repr,
)
def test_what_no_text_can_be_written_to_is_named(memory, target):
    """A file opened for bytes, and what no file can be called, is a ValidationError of the argument."""
    with pytest.raises(ValidationError) as caught:
        memory.export(target)
    assert caught.value.field == "file"


# -- what belongs to a store is no target


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Two open stores, a closed one, and links to their files, in the working directory."""
    monkeypatch.chdir(tmp_path)
    with Memory("m.db", embedder=HashEmbedder()) as one, Memory("n.db", embedder=HashEmbedder()) as other:
        one.add("one", user_id="u")
        other.add("other", user_id="u")
        with Memory("closed.db", embedder=HashEmbedder()) as closed:
            closed.add("closed", user_id="u")
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "link").symlink_to(tmp_path / "m.db-wal")
        (tmp_path / "dangling").symlink_to("m.db-journal")
        (tmp_path / "n.db-journal").symlink_to("nothing")
        os.link("m.db-shm", "hard")
        os.link("m.db", "twin")
        yield one, other
    assert not (tmp_path / "nothing").exists()


PARTS = (
    *(
        "m.db",
        "m.db-wal",
        "m.db-shm",
        "m.db-journal",
        "M.DB-JOURNAL",
        "sub/../m.db-wal",
        "sub/link",
        "dangling",
        "hard",
    ),
    *("twin", "twin-wal", "n.db", "n.db-wal", "n.db-shm", "n.db-journal", "closed.db", "closed.db-wal"),
)


@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
@pytest.mark.parametrize("target", PARTS)
def test_what_belongs_to_a_store_is_never_written_over(stores, tmp_path, target, absolute):
    """The files of this store, of another that is open, and of any database, by whatever name or link, are refused as
    the target of an export, a backup or a restore, from a view too; nothing that was acknowledged is lost."""
    one, _ = stores
    name = str(tmp_path / target) if absolute else target
    for refused in (
        lambda: one.export(name),
        lambda: one.for_user("u").export(name),
        lambda: one.backup(name),
        lambda: Memory.restore("closed.db", name),
    ):
        with pytest.raises((ValidationError, ConfigurationError, DatabaseError)) as caught:
            refused()
        assert target in str(caught.value)
    for store in stores:
        store.add("more", user_id="u")
        assert store.get_all(user_id="u")["total"] == 2
        assert store.check()["ok"]


@pytest.mark.parametrize("target", ["m.db-wal", "m.db-shm", "m.db-journal", "dangling", "hard", "new.db-wal"])
def test_a_sidecar_is_no_store(stores, target):
    """No store is made where SQLite keeps what belongs to another, nor does one replace that."""
    with pytest.raises((ConfigurationError, DatabaseError)):
        Memory(target, embedder=HashEmbedder())
    with pytest.raises((ConfigurationError, ValidationError)):
        Memory.restore("closed.db", target, replace=True)
    assert stores[0].get_all(user_id="u")["total"] == 1


def test_an_open_file_that_belongs_to_a_store_is_refused(stores):
    """A file that the caller opened is known by its inode."""
    with (
        Path("m.db-wal").open("a", encoding="utf-8") as file,
        pytest.raises(ValidationError, match="belongs to the store"),
    ):
        stores[0].export(file)


def test_files_named_alike_are_targets(stores, tmp_path):
    """A name that only looks like SQLite's, beside no database, is like any other."""
    (tmp_path / "notes").write_text("mine")
    for name in ("notes-wal", "m.jsonl", "wal", "n.db-wal.jsonl"):
        assert stores[0].export(name) == 1


# -- the whole store


def readable(memory):
    """All that can be read of a store, but what is numbered or measured anew."""
    changes = memory.changes(limit=10_000)["results"]
    return {
        "memories": memory.get_all(filters=ANY_SCOPE, top_k=1_000, show_expired=True),
        "histories": {one["memory_id"]: memory.history(one["memory_id"]) for one in changes},
        "changes": sorted(({**one, "sequence": 0} for one in changes), key=lambda one: one["id"]),
        "events": memory.events(top_k=1_000),
        "entities": memory.entities(),
        "project": memory.get_project(),
        "graph": memory.graph(filters=ANY_SCOPE),
        "categories": memory.graph_categories,
    }


@pytest.fixture
def lived_in(path, clock):
    """A store in which everything has happened that an export can carry."""
    with Memory(path, embedder=HashEmbedder(), clock=clock, graph_categories=["skill"]) as memory:
        skill = {"memory_category": "skill"}
        memory.add("The web app requires Kafka.", user_id="u", metadata=skill)
        [a, _] = memory.add([{"content": "alpha"}, {"content": "beta"}], user_id="v", agent_id="x")["results"]
        memory.add("alpha", user_id="v", agent_id="x")  # a repetition
        clock.advance(seconds=5)
        memory.update(a["id"], "gamma")
        memory.feedback(a["id"], "NEGATIVE", "no")
        memory.delete(a["id"])
        memory.delete_all(run_id="none")
        memory.add("of the run", run_id="r")
        memory.delete_all(run_id="r")
        memory.add("short", user_id="u", ttl=1)
        clock.advance(seconds=5)
        memory.update_project({"custom_instructions": "be kind", "own": [1, {"a": None}]})
        # One id in two scopes: deleted in one, alive in the other.
        memory.import_([json.dumps({"id": "twice", "memory": "first", "user_id": "u"})])
        memory.delete("twice")
        memory.import_([json.dumps({"id": "twice", "memory": "second", "user_id": "v"})])
        yield memory


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_whole_export_is_the_whole_store(lived_in, tmp_path, clock, in_memory):
    """All that can be read of a store reads alike after an export and an import: memories, histories of deleted ones,
    events, entities, settings of the project, the graph and its categories. Doing it twice changes nothing."""
    count = lived_in.export(tmp_path / "all.jsonl", show_expired=True)
    assert (count, count.deleted, count.events) == (4, 3, 5)
    with Memory(":memory:" if in_memory else tmp_path / "other.db", embedder=HashEmbedder(), clock=clock) as other:
        assert other.import_(tmp_path / "all.jsonl") == taken(added=4, deleted=3, events=5, settings=3)
        assert readable(other) == readable(lived_in)
        for user in ("u", "v"):
            assert other.for_user(user).history("twice") == lived_in.for_user(user).history("twice")
        assert other.check()["ok"]
        assert other.import_(tmp_path / "all.jsonl") == taken(skipped=4)
        assert readable(other) == readable(lived_in)
        other.export(tmp_path / "again.jsonl", show_expired=True)
        again, first = ((tmp_path / name).read_text().splitlines() for name in ("again.jsonl", "all.jsonl"))
        assert sorted(again) == sorted(first)


def test_a_part_is_exported_with_what_is_its(lived_in):
    """With ids, or from a view, an export has the memories, deleted histories and events of theirs, and no settings;
    with another filter the memories alone."""

    def kinds(store, **arguments):
        lines = io.StringIO()
        count = store.export(lines, show_expired=True, **arguments)
        found = [json.loads(line) for line in lines.getvalue().splitlines()]
        assert count == sum("memory" in one for one in found)
        assert (count.deleted, count.events) == tuple(
            sum(one.get("type") == k for one in found) for k in ("history", "event")
        )
        whose = {one.get("user_id") for one in found}
        return sorted(one.get("type", "memory") for one in found), whose

    of_u = ["event", "event", "history", "memory", "memory"]
    assert kinds(lived_in, user_id="u") == kinds(lived_in.for_user("u")) == (of_u, {"u"})
    assert kinds(lived_in, filters={"user_id": "u"}) == (of_u, {"u"})
    assert kinds(lived_in, run_id="r") == (["event", "history"], {None})
    assert kinds(lived_in, filters={"memory": {"contains": "e"}})[0] == ["memory"] * 3
    assert "settings" not in kinds(lived_in, filters=ANY_SCOPE)[0]
    assert kinds(lived_in)[0].count("settings") == 1


def test_settings_that_are_there_stay(lived_in, tmp_path, clock):
    """What a file has already is not replaced by an import: its settings, and its graph categories."""
    lived_in.export(tmp_path / "all.jsonl")
    with Memory(":memory:", embedder=HashEmbedder(), clock=clock, graph_categories=["fact"]) as other:
        other.update_project({"custom_instructions": "mine"})
        assert other.import_(tmp_path / "all.jsonl")["settings"] == 1
        assert other.get_project() == {
            "custom_instructions": "mine",
            "own": [1, {"a": None}],
            "custom_categories": None,
        }
        assert other.graph_categories == ("fact",)


def test_secrets_stay_behind(memory, tmp_path):
    """Webhooks, which have secrets, and kept exports stay behind."""
    memory.create_webhook("https://example.com/hook", allow_private=True, secret="whsec_" + "a" * 32)
    memory.create_memory_export({}, {"user_id": "u"})
    memory.add("x", user_id="u")
    memory.export(tmp_path / "all.jsonl")
    assert "whsec" not in (tmp_path / "all.jsonl").read_text()
    assert [json.loads(line).get("type") for line in (tmp_path / "all.jsonl").read_text().splitlines()] == [
        None,
        "event",
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"type": "x"}, "Invalid type: 'x'"),
        ({"type": 5}, "Invalid type: 5"),
        ({"type": None, "user_id": "u"}, "Invalid memory: must be a string"),
        ({"type": "history", "user_id": "u", "history": []}, "Invalid id"),
        ({"type": "history", "id": "m", "history": []}, "At least one of 'user_id'"),
        ({"type": "history", "id": "m", "user_id": "u", "history": [{"event": "X"}]}, "Invalid history"),
        ({"type": "event", "id": "e", "user_id": "u", "created_at": "soon", "results": []}, "Invalid created_at"),
        ({"type": "event", "id": "e", "user_id": "u", "created_at": 1}, "Invalid results"),
        (
            {"type": "event", "id": "e", "user_id": "u", "created_at": 1, "results": [{"event": "ADD"}]},
            "Invalid results.id",
        ),
        ({"type": "event", "id": "e", "user_id": "*", "created_at": 1, "results": []}, "Invalid user_id"),
        ({"type": "settings", "project": 5}, "Invalid project"),
        ({"type": "settings", "graph_categories": [5]}, "Invalid graph_categories"),
    ],
)
def test_a_bad_line_of_another_type_is_named(memory, line, complaint):
    """What is no memory is checked as well as those are, before anything is stored."""
    with pytest.raises(ValidationError) as caught:
        memory.import_(
            ['{"type": "settings", "project": {"a": 1}}', '{"memory": "x", "user_id": "u"}', json.dumps(line)]
        )
    assert str(caught.value).startswith(f"Line 3: {complaint}")
    assert memory.stats()["memories"] == 0
    assert "a" not in memory.get_project()


# -- encodings


@pytest.mark.parametrize("how", ["path", "file", "lines"])
def test_a_byte_order_mark_is_skipped(memory, tmp_path, how):
    """A mark at the start of a file, or of one that was appended to another, is no part of a line."""
    file = tmp_path / "in.jsonl"
    line = '{"memory": "Grüße", "user_id": "u"}\n'
    file.write_text(f"\ufeff{line}\ufeff{line}", encoding="utf-8")
    with file.open(encoding="utf-8") as lines:
        source = {"path": file, "file": lines, "lines": [f"\ufeff{line}", f"\ufeff{line}"]}[how]
        assert memory.import_(source)["added"] == 2
    assert {item["memory"] for item in memory.get_all(user_id="u")["results"]} == {"Grüße"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_another_encoding_is_named(memory, tmp_path, encoding):
    """Lines in UTF-16 or UTF-32 are an error that says what to do."""
    (tmp_path / "in.jsonl").write_text('{"memory": "x", "user_id": "u"}\n', encoding=encoding)
    with pytest.raises(ValidationError, match=r"in\.jsonl as UTF-8 text: it is UTF-16 or binary\. Save it"):
        memory.import_(tmp_path / "in.jsonl")
