"""Moving in from mem0: folders that real mem0 packages made, and servers over real HTTP."""

import asyncio
import json
import os
import pickle
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import client_environments
import pytest
from client_environments import PYTHON_CLIENTS
from embedder import HashEmbedder
from serving import served_by
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from mem0lite import AsyncMemory, DatabaseError, Mem0LiteError, Memory, PermissionDeniedError, ValidationError
from mem0lite.cli import main
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.mem0 import moving
from mem0lite.server import ApiKey, Settings, create_app

SCRIPT = Path(__file__).parent / "moving" / "make_mem0_folder.py"
NOTHING_LEFT = {"refused": [], "incomplete": []}

Made = tuple[Path, dict[str, Any]]


def made_by_mem0(version: str, folder: Path, *arguments: str) -> Made:
    """Return a folder that mem0 filled, and what it says is in it."""
    python = client_environments.python_of(client_environments.needed("mem0ai", version))
    told = client_environments.outcomes([python, str(SCRIPT), str(folder / "mem0"), *arguments], folder)
    return folder / "mem0", told


@pytest.fixture(scope="module", params=PYTHON_CLIENTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A folder with a bit of everything, by each of mem0's versions."""
    return made_by_mem0(request.param, tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def carols(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A folder with three memories of one user, and one that was deleted."""
    return made_by_mem0(PYTHON_CLIENTS[0], tmp_path_factory.mktemp("carols"), "3")


@pytest.fixture
def mine(carols: Made, tmp_path: Path) -> Path:
    """A copy of carol's folder, to spoil."""
    return Path(shutil.copytree(carols[0], tmp_path / "mine"))


def everything(memory: Memory) -> dict[str, tuple[Any, Any]]:
    """All memories with their histories, by id."""
    items = memory.get_all(filters=ANY_SCOPE, top_k=10_000, show_expired=True, latest_only=False)["results"]
    return {item["id"]: (item, memory.history(item["id"])) for item in items}


def reasons(problems: list[Any]) -> dict[str | None, str]:
    return {problem["id"]: problem["problem"] for problem in problems}


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def ours(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as mem0 shows it the way it is shown here."""
    metadata = {
        **(item["metadata"] or {}),
        **({"attributed_to": item["attributed_to"]} if "attributed_to" in item else {}),
    }
    dates = {"created_at": instant(item["created_at"]), "updated_at": instant(item["updated_at"] or item["created_at"])}
    return {
        **{name: value for name, value in item.items() if name not in ("score", "hash", "attributed_to")},
        **dates,
        "metadata": metadata or None,
    }


def shown(item: dict[str, Any]) -> dict[str, Any]:
    dates = {name: instant(item[name]) for name in ("created_at", "updated_at")}
    return {**{name: value for name, value in item.items() if name not in ("hash", "expires_at")}, **dates}


def history_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a history with its instants; the oldest mem0 leaves out some dates, where others are near."""
    dated = [
        {**row, "created_at": instant(row["created_at"]), "updated_at": instant(row["updated_at"])} for row in rows
    ]
    return [{**row, "updated_at": row["updated_at"] or row["created_at"]} for row in dated]


# -- folders


def test_a_folder_comes_over_whole(memory: Memory, made: Made) -> None:
    """Of every mem0 version all memories arrive as mem0 shows them, to the microsecond, with their histories."""
    folder, told = made
    result = memory.import_from_mem0(folder / "qdrant")
    found = everything(memory)
    assert found.keys() == told["memories"].keys() | {told["strange"]["number"]}
    assert result["added"] == len(found)
    for memory_id, expected in told["memories"].items():
        item, history = found[memory_id]
        assert shown(item) == ours(expected["item"])
        if expected["history"] and item.get("expiration_date", "9") > "2026":
            assert history_of(history) == history_of(expected["history"])
    assert [row["event"] for row in next(h for item, h in found.values() if item["memory"] == "third wording")] == [
        *("ADD", "UPDATE", "UPDATE")
    ]


def test_expiry_comes_over(memory: Memory, made: Made) -> None:
    """A memory that mem0 hides since its date is hidden here too, is counted, and one with a future date is not."""
    folder, told = made
    result = memory.import_from_mem0(folder)
    dated = {one["item"]["memory"]: key for key, one in told["memories"].items() if "expiration_date" in one["item"]}
    assert result["expired"] == len(dated) // 2
    if dated:
        assert memory.get(dated["long gone"]) is None
        item = memory.get(dated["until the far future"])
        assert item is not None and item["expires_at"] == "3000-01-01T00:00:00+00:00"


def test_what_a_folder_has_and_cannot_be_taken_is_told(memory: Memory, made: Made) -> None:
    """Rows without an owner, with a blank id, without text: each is refused with its reason, none stops the rest."""
    folder, told = made
    result = memory.import_from_mem0(folder)
    strange, refused = told["strange"], reasons(result["refused"])
    assert "At least one of 'user_id'" in refused.pop(strange["no ids"])
    assert "Invalid user_id: cannot contain whitespace" in refused.pop(strange["whitespace"])
    assert "Invalid memory: cannot be empty" in refused.pop(strange["empty"])
    assert "Invalid memory: must be a string" in refused.pop(strange["no text"])
    assert refused == {}
    assert reasons(result["incomplete"]) == {None: "1 deleted memories left histories that do not say whose they are."}
    [item] = memory.get_all(user_id="7")["results"]
    assert item["id"] == strange["number"]


def test_moving_twice_adds_nothing(memory: Memory, made: Made) -> None:
    """The ids are kept, so a second run skips everything and changes nothing."""
    first = memory.import_from_mem0(made[0])
    before = everything(memory)
    second = memory.import_from_mem0(made[0])
    assert (second["added"], second["skipped"], second["expired"]) == (0, first["added"], 0)
    assert everything(memory) == before


def test_given_ids_stand_in_for_missing_ones(memory: Memory, made: Made) -> None:
    """In a folder, ids given with the call are those of a row without any, and of no other."""
    folder, told = made
    memory.import_from_mem0(folder, user_id="me")
    [item] = memory.get_all(user_id="me", top_k=100)["results"]
    assert (item["id"], item["memory"]) == (told["strange"]["no ids"], "whose am I?")


def test_histories_of_deleted_memories_come_over(memory: Memory, carols: Made) -> None:
    """Where all memories are of one user, so were the deleted ones: their ADD, UPDATE and DELETE rows stay theirs."""
    folder, told = carols
    result = memory.import_from_mem0(folder)
    assert (result["added"], result["deleted"]) == (3, 1)
    assert {name: result[name] for name in NOTHING_LEFT} == NOTHING_LEFT  # type: ignore[literal-required]
    [(gone, rows)] = told["deleted"].items()
    assert [row["event"] for row in rows] == ["ADD", "UPDATE", "DELETE"]
    assert memory.history(gone) == rows
    assert memory.for_user("carol").history(gone) == rows
    assert memory.for_user("alice").history(gone) == []
    assert memory.import_from_mem0(folder)["deleted"] == 0


def test_a_deletion_without_a_date_is_dated_by_the_change_before(memory: Memory, mine: Path, carols: Made) -> None:
    """Older versions of mem0 noted deletions without a date; they come over, after what went before."""
    with sqlite3.connect(mine / "history.db") as history:
        history.execute("UPDATE history SET created_at = NULL, updated_at = NULL WHERE event = 'DELETE'")
    history.close()
    assert memory.import_from_mem0(mine)["deleted"] == 1
    [(gone, (_, before, _))] = carols[1]["deleted"].items()
    last = memory.history(gone)[-1]
    assert (last["event"], last["created_at"]) == ("DELETE", before["updated_at"])


def test_given_ids_can_tell_whose_the_deleted_memories_were(memory: Memory, mine: Path) -> None:
    """A memory without an owner leaves open whose the deleted ones were, until the ids given with the call say it."""
    storage = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite")
    point = SimpleNamespace(id=9, payload={"data": "whose am I?"})
    storage.execute("INSERT INTO points VALUES ('9', ?)", (pickle.dumps(point),))
    storage.commit()
    storage.close()
    assert memory.import_from_mem0(mine)["deleted"] == 0
    assert memory.import_from_mem0(mine, user_id="carol")["deleted"] == 1


@pytest.mark.parametrize("part", [".", "qdrant", "qdrant/collection", "qdrant/collection/mem0"])
def test_any_part_of_the_folder_will_do(memory: Memory, carols: Made, part: str) -> None:
    """The folder around Qdrant's, Qdrant's, and those in it are all understood."""
    result = memory.import_from_mem0(carols[0] / part, history_db=carols[0] / "history.db")
    assert (result["added"], result["deleted"], result["incomplete"]) == (3, 1, [])


def test_without_a_history_database_memories_come_and_it_is_said(memory: Memory, mine: Path) -> None:
    """The history is looked for in and beside the folder only; when it is not there, the rest comes, with a word."""
    (mine / "history.db").rename(mine / "elsewhere.db")
    result = memory.import_from_mem0(mine / "qdrant")
    assert result["added"] == 3
    [problem] = result["incomplete"]
    assert "history_db=" in problem["problem"]
    with pytest.raises(ValidationError, match=r"history\.db does not exist"):
        memory.import_from_mem0(mine / "qdrant", history_db=mine / "history.db")
    (mine / "history.db").write_text("not a database")
    [problem] = memory.import_from_mem0(mine / "qdrant")["incomplete"]
    assert "cannot be read as a database of mem0" in problem["problem"]
    with pytest.raises(DatabaseError, match="cannot be read as a database of mem0"):
        memory.import_from_mem0(mine / "qdrant", history_db=mine / "history.db")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_folder_is_never_written_to(memory: Memory, mine: Path) -> None:
    """Not a byte of the folder changes and no file appears in it, even when its databases are in WAL mode."""
    storage = mine / "qdrant" / "collection" / "mem0" / "storage.sqlite"
    with sqlite3.connect(storage) as connection:
        connection.execute("PRAGMA journal_mode=wal")
    connection.close()
    before = contents(mine)
    assert "qdrant/collection/mem0/storage.sqlite-wal" not in before
    assert memory.import_from_mem0(mine)["added"] == 3
    assert contents(mine) == before


def test_a_transaction_in_the_middle_is_not_there_yet(memory: Memory, mine: Path) -> None:
    """While another program is writing, what it had committed before is read; its files stay as they are."""
    writer = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite")
    writer.execute("DELETE FROM points")
    assert (mine / "qdrant" / "collection" / "mem0" / "storage.sqlite-journal").exists()
    before = contents(mine)
    assert memory.import_from_mem0(mine)["added"] == 3
    assert contents(mine) == before
    writer.commit()
    writer.close()


def test_a_running_mem0_can_write_while_its_memories_are_read(mine: Path) -> None:
    """Between two batches nothing of the folder is locked."""
    result: Any = {"added": 0, "skipped": 0, "expired": 0, "deleted": 0, **NOTHING_LEFT}
    reading = moving.batches(
        mine,
        ids={},
        api_key=None,
        history_db=None,
        known=lambda _: set(),
        read=read_nothing,
        now=0,
        size=1,
        result=result,
    )
    writer = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite", timeout=0)
    for _ in zip(range(2), reading, strict=False):
        writer.execute("INSERT INTO points VALUES (?, '')", (os.urandom(4).hex(),))
        writer.commit()
    writer.close()
    reading.close()  # type: ignore[attr-defined]


def read_nothing(item: dict[str, Any]) -> Any:
    return SimpleNamespace(expires_at=None), ()


def test_what_only_the_log_holds_comes_too(memory: Memory, mine: Path) -> None:
    """Rows that a running program has in its write-ahead log are read, and it can write on."""
    writer = sqlite3.connect(mine / "history.db")
    writer.execute("PRAGMA journal_mode=wal")
    row = writer.execute("SELECT memory_id FROM history WHERE event = 'DELETE'").fetchone()
    writer.execute("DELETE FROM history WHERE memory_id = ?", row)
    writer.commit()
    assert memory.import_from_mem0(mine)["deleted"] == 0
    writer.execute("DELETE FROM history")
    writer.commit()
    writer.close()


class Harm:
    """A pickle that would make a file when it is read the plain way."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


def test_a_forged_row_runs_nothing(memory: Memory, mine: Path, tmp_path: Path) -> None:
    """Rows are decoded without running what they name; those that cannot be are named, and the others come."""
    storage = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite")
    harm = pickle.dumps({"payload": Harm(tmp_path / "harmed")})
    pickle.loads(harm)
    assert (tmp_path / "harmed").is_dir()
    (tmp_path / "harmed").rmdir()
    shared: Any = "x"
    for _ in range(60):
        shared = [shared, shared]
    no_object, endless = (SimpleNamespace(id=1, payload=payload) for payload in (["x"], {"data": shared}))
    rows = [harm, pickle.dumps(Harm(tmp_path / "harmed")), b"\x80\x04broken", b"", "text"]
    for row in (*rows, pickle.dumps(no_object), pickle.dumps(endless)):
        storage.execute("INSERT INTO points VALUES (?, ?)", (os.urandom(4).hex(), row))
    storage.commit()
    storage.close()
    result = memory.import_from_mem0(mine)
    assert not (tmp_path / "harmed").exists()
    assert result["added"] == 3
    assert len(result["incomplete"]) == 7
    assert all("cannot be decoded" in problem["problem"] for problem in result["incomplete"])


def folder_of(tmp_path: Path, **collections: list[bytes]) -> Path:
    """Return a folder with these pickles as points of its collections."""
    for name, points in collections.items():
        folder = tmp_path / "forged" / "collection" / name
        folder.mkdir(parents=True)
        storage = sqlite3.connect(folder / "storage.sqlite")
        storage.execute("CREATE TABLE points (id TEXT PRIMARY KEY, point BLOB)")
        storage.executemany("INSERT INTO points VALUES (?, ?)", enumerate(points))
        storage.commit()
        storage.close()
    return tmp_path / "forged"


def point(number: int, **payload: Any) -> bytes:
    return pickle.dumps(SimpleNamespace(id=number, payload={"user_id": "u", **payload}))


FAR = 2**20  # a memory's worth; a forger would name more


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"}r" + struct.pack("<I", FAR) + b".", "LONG_BINPUT 1048576 is beyond its end"),
        (b"}p%d\n." % FAR, "PUT 1048576 is beyond its end"),
        (b"\x95" + struct.pack("<Q", FAR) + b"}.", "FRAME 1048576 is beyond its end"),
        (b"\x8d" + struct.pack("<Q", FAR) + b"x.", "expected 1048576 bytes"),
        (b"\x8e" + struct.pack("<Q", FAR) + b"x.", "expected 1048576 bytes"),
        (b"\x96" + struct.pack("<Q", FAR) + b"x.", "expected 1048576 bytes"),
    ],
)
def test_a_small_row_takes_little_memory(memory: Memory, tmp_path: Path, row: bytes, problem: str) -> None:
    """A row that announces more than it has is refused before anything makes room for it, and the others come."""
    result = memory.import_from_mem0(folder_of(tmp_path, mem0=[b"\x80\x05" + row, point(1, data="tea")]))
    assert result["added"] == 1
    [told] = [told["problem"] for told in result["incomplete"] if told["where"] == "collection mem0"]
    assert problem in told


def test_a_text_over_and_over_is_not_written_out(memory: Memory, tmp_path: Path) -> None:
    """A row that is small because it refers to the same long text again and again is refused."""
    long = "x" * 50_000
    rows = [point(1, data="tea", often=[long] * 2_100), point(2, data="milk", keys=[{long: 1} for _ in range(2_100)])]
    assert max(map(len, rows)) < 100_000
    result = memory.import_from_mem0(folder_of(tmp_path, mem0=[*rows, point(3, data="water", once=[long])]))
    assert result["added"] == 1
    assert sum("too long" in told["problem"] for told in result["incomplete"]) == 2


def test_entities_are_left_out(memory: Memory, tmp_path: Path) -> None:
    """What mem0 derives from the memories of a collection is no memory; a collection that is only called so is."""
    points = {name: [point(number, data=name)] for number, name in enumerate(("mem0", "mem0_entities", "my_entities"))}
    memory.import_from_mem0(folder_of(tmp_path, **points))
    assert {item["memory"] for item, _ in everything(memory).values()} == {"mem0", "my_entities"}


def test_the_newest_copy_of_a_point_counts(memory: Memory, mine: Path) -> None:
    """Older programs left several copies of a point; as in Qdrant, the last one written is the memory."""
    storage = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite")
    [(blob,)] = storage.execute("SELECT point FROM points LIMIT 1")
    assert blob.count(b"long list") >= 1
    storage.execute("INSERT INTO points VALUES ('copy', ?)", (blob.replace(b"long list", b"LONG LIST"),))
    storage.commit()
    storage.close()
    result = memory.import_from_mem0(mine)
    assert (result["added"], result["skipped"]) == (3, 0)
    texts = [item["memory"] for item, _ in everything(memory).values()]
    assert sorted("LONG LIST" in text for text in texts) == [False, False, True]


def test_rows_of_a_history_that_make_no_sense_are_left_out(memory: Memory, mine: Path, carols: Made) -> None:
    """A bad row of a history is named and left out; the memory and the other rows come."""
    first = next(iter(carols[1]["memories"]))
    with sqlite3.connect(mine / "history.db") as history:
        add = "INSERT INTO history (id, memory_id, event, new_memory, created_at) VALUES (?, ?, ?, ?, ?)"
        history.execute(add, ("bad event", first, "EXPLODE", "x", "2024-01-01"))
        history.execute(add, ("bad date", first, "UPDATE", "x", "soon"))
        history.execute(add, ("elsewhere", "unknown", "ADD", "x", "2024-01-01"))
    history.close()
    result = memory.import_from_mem0(mine)
    assert result["added"] == 3
    assert [row["event"] for row in memory.history(first)] == ["ADD"]
    assert [problem["id"] for problem in result["incomplete"]] == [first, first, None]
    assert "must be a list of objects whose event is one of" in result["incomplete"][0]["problem"]
    assert "history.created_at" in result["incomplete"][1]["problem"]
    assert "1 memories with a history are neither in this folder nor deleted" in result["incomplete"][2]["problem"]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("missing", "missing is not a folder"),
        ("", "Invalid source: cannot be empty"),
        ("localhost:8888", "a URL that begins with http://"),
        (".", "holds no memories of mem0"),
        ("ftp://example.com", "begins with http://"),
        ("http://", "begins with http://"),
        ("http://host:port", "not a URL"),
    ],
)
def test_what_is_no_source_is_refused(memory: Memory, tmp_path: Path, source: str, complaint: str) -> None:
    """Something that is neither a folder of mem0's nor a URL is an error that says what would be."""
    with pytest.raises(ValidationError) as caught:
        memory.import_from_mem0(tmp_path / source if source and "://" not in source else source)
    assert complaint in str(caught.value)
    assert caught.value.field == "source"


def test_arguments_that_do_not_fit_the_source_are_refused(memory: Memory, carols: Made) -> None:
    """A key for a folder and a history database for a server are mistakes, and said to be."""
    with pytest.raises(ValidationError, match="api_key is for a server"):
        memory.import_from_mem0(carols[0], api_key="k")
    with pytest.raises(ValidationError, match="history_db is for a folder"):
        memory.import_from_mem0("http://127.0.0.1:1", history_db=carols[0] / "history.db")
    with pytest.raises(ValidationError, match="Invalid user_id"):
        memory.import_from_mem0(carols[0], user_id="a b")
    with pytest.raises(ValidationError, match="Invalid api_key") as caught:
        memory.import_from_mem0("http://127.0.0.1:1", api_key="sécret\n")
    assert "cret" not in str(caught.value)


def test_a_damaged_database_is_named(memory: Memory, mine: Path) -> None:
    """A storage file that is no database ends in an error with its name."""
    (mine / "qdrant" / "collection" / "mem0" / "storage.sqlite").write_text("x" * 5000)
    with pytest.raises(DatabaseError, match=r"storage\.sqlite cannot be read"):
        memory.import_from_mem0(mine)


def test_progress_is_told(memory: Memory, carols: Made) -> None:
    """progress is called with how many are done and how many there are."""
    seen: list[tuple[int, int]] = []
    memory.import_from_mem0(carols[0], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]


def test_one_users_view_moves_nothing_in(memory: Memory, carols: Made) -> None:
    """Like import_, it concerns the whole file."""
    with pytest.raises(PermissionDeniedError):
        memory.for_user("carol").import_from_mem0(carols[0])


def test_it_can_be_awaited(carols: Made) -> None:
    """AsyncMemory has the verb too."""

    async def move() -> int:
        async with AsyncMemory(":memory:", embedder=HashEmbedder()) as memory:
            return (await memory.import_from_mem0(carols[0]))["added"]

    assert asyncio.run(move()) == 3


def test_what_any_mem0_shows_can_be_imported_as_lines(memory: Memory, made: Made) -> None:
    """From stores of mem0's that are not read here, its own answers come over as JSON lines, without the histories."""
    told = made[1]["memories"]
    lines = [json.dumps(one["item"]) for one in told.values()]
    result = memory.import_(lines)
    assert (result["added"], result["skipped"]) == (len(told), 0)
    assert memory.import_from_mem0(made[0])["skipped"] == len(told)


def test_values_that_json_lacks_come_as_qdrant_shows_them(memory: Memory, mine: Path) -> None:
    """Dates, UUIDs and tuples in old payloads become what Qdrant makes of them; complex numbers are refused by name."""
    storage = sqlite3.connect(mine / "qdrant" / "collection" / "mem0" / "storage.sqlite")
    day, unique = date(2030, 1, 31), UUID(int=5)
    for number, extra in enumerate([{"values": (day, unique, {1})}, {"number": complex(1, 2)}, {"number": Decimal(1)}]):
        point = SimpleNamespace(id=number, payload={"data": "x", "user_id": "u", **extra})
        storage.execute("INSERT INTO points VALUES (?, ?)", (str(number), pickle.dumps(point)))
    storage.commit()
    storage.close()
    result = memory.import_from_mem0(mine)
    [item] = memory.get_all(user_id="u")["results"]
    assert item["metadata"] == {"values": ["2030-01-31", str(unique), [1]]}
    refused = reasons(result["refused"])
    assert refused.keys() == {"1", "2"}
    assert refused["1"].startswith("Invalid metadata.number: builtins.complex is not a JSON value")
    assert refused["2"].startswith("Invalid metadata.number: decimal.Decimal is not a JSON value")


# -- servers of our own, over both interfaces


@pytest.fixture(scope="module")
def filled() -> Iterator[Memory]:
    """A memory with all that a server can tell, and more of one user than fits an answer."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        metadata = {"tags": ["python", "ünï"], "n": 5, "x": 0.25, "deep": {"a": [1, None]}}
        message = {"role": "assistant", "name": "bob", "content": "café\nsecond line"}
        [first] = memory.add(message, user_id="alice", agent_id="helper", metadata=metadata)["results"]
        memory.update(first["id"], "tea")
        memory.update(first["id"], metadata={"n": 6})
        memory.add("of an app", app_id="mail", expiration_date="2999-12-31", timestamp="2024-01-01T00:00:00.000001Z")
        memory.add("of a run", run_id="a/b?%.x", metadata={"categories": ["work"]})
        memory.add("of a dotted agent", agent_id="..")
        memory.add_many([{"messages": f"note {number}", "user_id": "many"} for number in range(1_050)])
        yield memory


async def without_hosted_paths(scope: Any, receive: Any, send: Any) -> None:
    """The server as mem0's own to run oneself is: what it does not know is 404."""
    if scope["type"] == "http" and scope["path"].startswith(("/v1", "/v2", "/v3")):
        await JSONResponse({"detail": "Not Found"}, 404)(scope, receive, send)
    else:
        await scope["app"](scope, receive, send)


def served_as(memory: Memory, interface: str) -> Any:
    app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey("secret"),)))

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await without_hosted_paths({**scope, "app": app}, receive, send)

    return served_by(app if interface == "hosted" else bare)


@pytest.mark.parametrize("interface", ["hosted", "self-hosted"])
def test_a_server_comes_over_whole(memory: Memory, filled: Memory, interface: str) -> None:
    """Over either interface all memories of all users, agents, runs and apps come with dates, scopes and histories."""
    with served_as(filled, interface) as client:
        url = f"{client.base_url}/"
        result = memory.import_from_mem0(url, api_key="secret")
        assert result == {"added": 1_054, "skipped": 0, "expired": 0, "deleted": 0, **NOTHING_LEFT}
        assert everything(memory) == everything(filled)
        again = memory.import_from_mem0(url, api_key="secret")
        assert again == {"added": 0, "skipped": 1_054, "expired": 0, "deleted": 0, **NOTHING_LEFT}


@pytest.mark.parametrize("interface", ["hosted", "self-hosted"])
def test_a_server_is_asked_for_expired_memories_too(memory: Memory, interface: str) -> None:
    """What a server still has past its expiry comes along, with the instant of its expiry."""
    with Memory(":memory:", embedder=HashEmbedder()) as other:
        other.add("live", user_id="alice")
        [old] = other.add("expired", user_id="alice", metadata={"expires_at": 1_000.5})["results"]
        with served_as(other, interface) as client:
            result = memory.import_from_mem0(str(client.base_url), api_key="secret")
    assert (result["added"], result["expired"], result["refused"]) == (2, 1, [])
    assert memory.get(old["id"]) is None
    item, _ = everything(memory)[old["id"]]
    assert item["expires_at"] == "1970-01-01T00:16:40.500000+00:00"


@pytest.mark.parametrize("interface", ["hosted", "self-hosted"])
def test_superseded_memories_come_along(memory: Memory, interface: str) -> None:
    """Keys come over, and what was superseded with its successor, the date and the event in its history."""
    with Memory(":memory:", embedder=HashEmbedder()) as other:
        for text in ("tea", "coffee", "water"):
            other.add(text, user_id="alice", key="drink")
        with served_as(other, interface) as client:
            result = memory.import_from_mem0(str(client.base_url), api_key="secret")
        assert (result["added"], result["refused"], result["incomplete"]) == (3, [], [])
        assert everything(memory) == everything(other)
    assert [item["memory"] for item in memory.get_all(user_id="alice")["results"]] == ["water"]


@pytest.mark.parametrize("interface", ["hosted", "self-hosted"])
def test_ids_say_whose_memories_to_ask_for(memory: Memory, filled: Memory, interface: str) -> None:
    """With ids a server is asked for theirs alone, and several ids mean all of them at once."""
    with served_as(filled, interface) as client:
        url = str(client.base_url)
        assert memory.import_from_mem0(url, api_key="secret", user_id="alice", agent_id="nobody")["added"] == 0
        assert memory.import_from_mem0(url, api_key="secret", user_id="alice", agent_id="helper")["added"] == 1
        assert [item["memory"] for item, _ in everything(memory).values()] == ["tea"]


@pytest.mark.parametrize("interface", ["hosted", "self-hosted"])
def test_a_refused_key_names_the_cure_and_not_the_key(
    memory: Memory, filled: Memory, interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key, and with a wrong one, the error tells how to give one; MEM0_API_KEY is read; no key is shown."""
    monkeypatch.delenv("MEM0_API_KEY", raising=False)
    with served_as(filled, interface) as client:
        with pytest.raises(Mem0LiteError, match=r"wants a key .*api_key= or MEM0_API_KEY"):
            memory.import_from_mem0(str(client.base_url))
        with pytest.raises(Mem0LiteError, match=r"refuses the key .*api_key=") as caught:
            memory.import_from_mem0(str(client.base_url), api_key="wrong-0815")
        assert "0815" not in str(caught.value)
        monkeypatch.setenv("MEM0_API_KEY", "secret")
        assert memory.import_from_mem0(str(client.base_url), user_id="alice")["added"] == 1


# -- servers as mem0's are


class SelfHosted:
    """Answers what mem0's server to run oneself answers on the routes that matter (recorded from version 2.2.1)."""

    def __init__(self, *, entities: bool = True, searches: bool = True, most: int = 1_000) -> None:
        self.memories: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.bearer_only = False
        self.entities, self.searches, self.most = entities, searches, most

    def add(self, number: int, text: str, **fields: Any) -> None:
        moment = f"2026-11-22T08:44:49.{number:06}+00:00"
        self.memories.append(
            {
                "id": f"00000000-0000-0000-0000-{number:012}", "memory": text, "hash": "0", "metadata": None,
                "created_at": moment, "updated_at": moment, "role": "user", **fields,
            }
        )  # fmt: skip

    def app(self) -> Starlette:
        routes = [
            Route("/memories", self.list_memories),
            Route("/memories/{id}/history", self.history),
            Route("/search", self.search, methods=["POST"]),
        ]
        return Starlette(routes=[*routes, *([Route("/entities", self.list_entities)] if self.entities else [])])

    def refused(self, request: Request) -> JSONResponse | None:
        self.requests.append((request.method, str(request.url.path)))
        if request.headers.get("Authorization"):
            good = self.bearer_only and request.headers["Authorization"] == "Bearer secret"
            return None if good else JSONResponse({"detail": "Invalid or expired token."}, 401)
        if request.headers.get("X-API-Key") == "secret" and not self.bearer_only:
            return None
        detail = "Authentication required. Provide a Bearer token or X-API-Key header."
        return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})

    def matching(self, ids: Any) -> list[dict[str, Any]]:
        given = {name: ids[name] for name in ("user_id", "agent_id", "run_id") if ids.get(name)}
        return [one for one in self.memories if given.items() <= one.items()]

    async def list_memories(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        query = request.query_params
        if int(query.get("top_k", 100)) > 1_000:
            error = {
                "type": "less_than_equal",
                "loc": ["query", "top_k"],
                "msg": "Input should be less than or equal to 1000",
            }
            return JSONResponse({"detail": [error]}, 422)
        if " " in query.get("user_id", ""):
            return JSONResponse({"detail": "Invalid user_id: cannot contain whitespace."}, 400)
        if not {"user_id", "agent_id", "run_id"} & set(query):
            null = dict.fromkeys(("id", "memory", "user_id", "agent_id", "run_id", "hash", "created_at", "updated_at"))
            return JSONResponse({"results": [{**null, "metadata": {}}]})
        return JSONResponse({"results": self.matching(query)[: min(int(query.get("top_k", 100)), self.most)]})

    async def list_entities(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        counts: dict[tuple[str, str], int] = {}
        for one in self.memories:
            for kind in ("user", "agent", "run"):
                if value := one.get(f"{kind}_id"):
                    counts[kind, value] = counts.get((kind, value), 0) + 1
        dates = {"created_at": None, "updated_at": None}
        return JSONResponse(
            [{"id": one, "type": kind, "total_memories": n, **dates} for (kind, one), n in counts.items()]
        )

    async def search(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        if not self.searches:
            return Response("Internal Server Error", 500)
        asked = await request.json()
        found = self.matching(asked["filters"])[: asked["top_k"]]
        return JSONResponse({"results": [{**one, "score": 0.5} for one in found]})

    async def history(self, request: Request) -> Response:
        if (refused := self.refused(request)) is not None:
            return refused
        [one] = [one for one in self.memories if isinstance(one, dict) and one["id"] == request.path_params["id"]]
        if one["memory"] == "unlucky":
            return JSONResponse({"detail": "Upstream provider error."}, 502, {"Retry-After": "0"})
        row = {
            "id": "h" + one["id"], "memory_id": one["id"], "old_memory": None, "new_memory": one["memory"],
            "event": "ADD", "created_at": one["created_at"], "updated_at": None, "is_deleted": False,
            "actor_id": None, "role": "user",
        }  # fmt: skip
        return JSONResponse([row])


def move(memory: Memory, app: Any, **arguments: Any) -> Any:
    with served_by(app) as client:
        return memory.import_from_mem0(str(client.base_url), **{"api_key": "secret", **arguments})


def test_mem0s_own_server_comes_over(memory: Memory) -> None:
    """The memories of each user, agent and run it lists come once, and rows of nulls are never asked for."""
    server = SelfHosted()
    server.add(1, "I love python", user_id="u1", metadata={"project_id": "p1", "domain_tags": ["python"]})
    server.add(2, "User likes hiking in Peru", user_id="u1", agent_id="a1", attributed_to="user")
    server.add(3, "exp", run_id="r1", expiration_date="2020-01-01")
    result = move(memory, server.app())
    assert result == {"added": 3, "skipped": 0, "expired": 1, "deleted": 0, **NOTHING_LEFT}
    found = {item["memory"]: (item, history) for item, history in everything(memory).values()}
    item, history = found["I love python"]
    assert item["metadata"] == {"project_id": "p1", "domain_tags": ["python"]}
    assert item["created_at"] == "2026-11-22T08:44:49.000001+00:00"
    assert (item["user_id"], item["role"]) == ("u1", "user")
    assert [(row["id"], row["event"], row["new_memory"]) for row in history] == [
        ("h" + item["id"], "ADD", "I love python")
    ]
    assert found["User likes hiking in Peru"][0]["metadata"] == {"attributed_to": "user"}
    assert found["exp"][0]["expiration_date"] == "2020-01-01"
    histories = [path for _, path in server.requests if path.endswith("history")]
    assert len(histories) == len(set(histories)) == 3
    server.requests.clear()
    assert move(memory, server.app())["skipped"] == 3
    assert not [path for _, path in server.requests if path.endswith("history")]


def test_a_bearer_token_is_tried_too(memory: Memory) -> None:
    """mem0's server takes a key as X-API-Key and a session's token as Bearer; both work as api_key."""
    server = SelfHosted()
    server.bearer_only = True
    server.add(1, "x", user_id="u1")
    assert move(memory, server.app())["added"] == 1


def test_a_gate_before_the_server_may_know_only_its_key(memory: Memory) -> None:
    """Where every unknown path wants a key of its own kind, mem0's server behind is found all the same."""
    server = SelfHosted()
    server.add(1, "x", user_id="u1")
    app = server.app()
    app.router.routes.append(Route("/v1/ping/", lambda request: JSONResponse({"detail": "no"}, 401)))
    assert move(memory, app)["added"] == 1


@pytest.mark.parametrize(("searches", "expected"), [(True, 1_010), (False, 1_000)])
def test_more_than_the_server_lists_is_searched_for(memory: Memory, searches: bool, expected: int) -> None:
    """A search gets what the list of a thousand leaves out; where even that fails, the missing number is told."""
    server = SelfHosted(searches=searches)
    for number in range(1_010):
        server.add(number, f"note {number}", user_id="u1")
    named = {"user_id": "u1"} if searches else {}  # of whom the server has not said how many memories there are
    result = move(memory, server.app(), **named)
    assert result["added"] == expected
    problems = [f"{one['where']}: {one['problem']}" for one in result["incomplete"]]
    told = "user u1: The server gave 1000 memories and may have more; it counts 1010."
    assert problems == ([] if searches else [told])


def test_a_server_that_lists_fewer_than_it_counts_is_found_out(memory: Memory) -> None:
    """When a server counts more memories of a user than it lists, the rest is searched for."""
    server = SelfHosted(most=100)
    for number in range(130):
        server.add(number, f"note {number}", user_id="u1")
    assert move(memory, server.app())["added"] == 130


def test_an_old_server_that_cuts_is_found_out(memory: Memory) -> None:
    """A server that neither counts nor knows top_k gives a hundred; that this may not be all is told, if it may."""
    server = SelfHosted(entities=False)
    for number in range(130):
        server.add(number, f"note {number}", user_id="u1")
    assert move(memory, server.app(), user_id="u1") == {
        **{"added": 130, "skipped": 0, "expired": 0, "deleted": 0},
        **NOTHING_LEFT,
    }
    matching = server.matching
    server.list_memories = lambda request: JSONResponse(matching(request.query_params)[:100])  # type: ignore[method-assign,assignment]
    server.matching = lambda ids: matching(ids)[:100]  # type: ignore[method-assign]
    result = move(memory, server.app(), user_id="u1")
    assert (result["skipped"], reasons(result["incomplete"])) == (
        100,
        {None: "The server gave 100 memories and may have more."},
    )


def test_an_id_with_dots_is_one_segment_of_a_path(memory: Memory) -> None:
    """The history of a memory is asked for under its own id, whatever that is, and not under another path."""
    server = SelfHosted()
    asked = {"..", "a/../b", "..%2F?x"}
    for number, memory_id in enumerate(sorted(asked)):
        server.add(number, f"text {number}", id=memory_id, user_id="u1")

    async def recording(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope.get("raw_path", b"").decode())
        await app(scope, receive, send)

    paths: list[str] = []
    app = server.app()
    assert move(memory, recording)["added"] == 3
    histories = {path.split("/")[2] for path in paths if path.endswith("/history")}
    assert histories == {"%2E%2E", "a%2F%2E%2E%2Fb", "%2E%2E%252F%3Fx"}


def test_a_server_that_lists_nobody_wants_ids(memory: Memory) -> None:
    """Without a list of users the call asks for ids, and with them their memories come."""
    server = SelfHosted(entities=False)
    server.add(1, "x", user_id="u1")
    server.add(2, "y", user_id="u2")
    with pytest.raises(Mem0LiteError, match=r"does not list whose memories it has .*user_id="):
        move(memory, server.app())
    assert move(memory, server.app(), user_id="u1")["added"] == 1


def test_a_server_that_may_not_list_everybody_is_said_to(memory: Memory) -> None:
    """mem0's server looks at ten thousand memories to say whose there are, so beyond that somebody may be missing."""
    server = SelfHosted()
    server.add(1, "x", user_id="u1")
    entity = {"id": "u1", "type": "user", "created_at": None, "updated_at": None}
    server.list_entities = lambda request: JSONResponse([{**entity, "total_memories": 10_000}])  # type: ignore[method-assign,assignment]
    told = [problem["problem"] for problem in move(memory, server.app())["incomplete"]]
    assert "looks at 10000 memories only to list whose" in told[0]
    assert told[1] == "The server gave 1 memories and may have more; it counts 10000."


def test_a_key_that_expires_midway_is_an_error(memory: Memory) -> None:
    """A key refused in the middle ends the run with the cure; what came until then stays."""
    server = SelfHosted()
    server.add(1, "x", user_id="u1")
    server.add(2, "y", user_id="u2")
    listing = server.list_memories

    async def once(request: Request) -> Response:
        refused = JSONResponse({"detail": "Invalid API key."}, 401)
        return refused if request.query_params.get("user_id") == "u2" else await listing(request)

    server.list_memories = once  # type: ignore[method-assign]
    with pytest.raises(Mem0LiteError, match=r"refuses the key .*api_key=.* The 1 memories added until then stay"):
        move(memory, server.app())
    assert len(everything(memory)) == 1


def test_one_users_trouble_is_not_everyones(memory: Memory) -> None:
    """A user or a history the server fails on is named; the others come."""
    server = SelfHosted()
    server.add(1, "x", user_id="two words")
    server.add(2, "fine", user_id="u2")
    server.add(3, "unlucky", user_id="u2")
    result = move(memory, server.app())
    assert result["added"] == 2
    told = {(one["where"], one["id"] is None): one["problem"] for one in result["incomplete"]}
    assert told["user two words", True] == "The server answered 400: Invalid user_id: cannot contain whitespace."
    assert told["user u2", False] == "Its history was left out: the server answered 502: Upstream provider error."


def test_items_that_cannot_be_taken_are_told(memory: Memory) -> None:
    """Without id or text, with a strange date or metadata: refused with the reason, while the rest comes."""
    server = SelfHosted()
    server.add(1, "fine", user_id="u")
    server.add(2, "no id", user_id="u", id=None)
    server.add(3, "", user_id="u")
    server.add(4, "date", user_id="u", created_at="soon")
    server.add(5, "metadata", user_id="u", metadata="text")
    server.add(6, "expiry", user_id="u", metadata={"expires_at": "someday"})
    server.add(7, "extra", user_id="u", mood="great")
    server.memories.append("not a memory")  # type: ignore[arg-type]
    server.matching = lambda ids: server.memories  # type: ignore[method-assign]
    server.list_entities = lambda request: JSONResponse([{"id": "u", "type": "user"}, {"id": "x", "type": "planet"}])  # type: ignore[method-assign,assignment]
    result = move(memory, server.app())
    assert result["added"] == 2
    told = [problem["problem"] for problem in result["refused"]]
    for expected in (
        "no id",
        "Invalid memory",
        "Invalid created_at",
        "Invalid metadata: must be",
        "metadata.expires_at",
    ):
        assert [text for text in told if expected in text]
    assert len(told) == 6
    assert sorted(problem["problem"] for problem in result["incomplete"]) == [
        "It lists a planet 'x', which was left out.",
        "The field 'mood' of 1 memories was left out: there is no such field here.",
    ]


class Hosted:
    """Answers what a service of the hosted kind answers, in one of its three generations."""

    def __init__(self, generation: int, *, dies_at: int | None = None) -> None:
        self.generation, self.dies_at = generation, dies_at
        self.busy = 2
        self.memories: list[dict[str, Any]] = [
            {
                "id": f"m{number}", "memory": f"note {number}", "user_id": "u/1", "session_id": "s",
                "metadata": None, "categories": ["hobby"] if number == 0 else None, "immutable": False,
                "expiration_date": None, "hash": "0", "structured_attributes": {"day": 1}, "created_at":
                "2024-07-20T01:30:36.275141-07:00", "updated_at": "2024-07-21T01:30:36.275141-07:00",
            }
            for number in range(250)
        ]  # fmt: skip

    def app(self) -> Starlette:
        method, path = [("GET", "/v1/memories/"), ("POST", "/v2/memories/"), ("POST", "/v3/memories/")][
            self.generation - 1
        ]
        return Starlette(
            routes=[
                Route("/v1/ping/", self.ping),
                Route("/v1/entities/", self.entities),
                Route(path, self.list_memories, methods=[method]),
                Route("/v1/memories/{id}/history/", self.history),
            ]
        )

    async def ping(self, request: Request) -> Response:
        if request.headers.get("Authorization") != "Token secret":
            return JSONResponse({"detail": "Invalid token"}, 401)
        return JSONResponse({"status": "ok", "org_id": "o", "project_id": "p", "user_email": "a@b.c"})

    async def entities(self, request: Request) -> Response:
        page = int(request.query_params["page"])
        rows = [
            {"id": "77", "name": "u/1", "type": "user", "total_memories": 250},
            {"id": "78", "name": "a", "type": "agent"},
        ]
        following = "http://elsewhere.invalid/?page=2" if page == 1 else None
        return JSONResponse({"count": 2, "next": following, "previous": None, "results": rows[page - 1 : page]})

    async def list_memories(self, request: Request) -> Response:
        page, size = (int(request.query_params[name]) for name in ("page", "page_size"))
        if page == self.dies_at:
            return StreamingResponse(self.broken(), media_type="application/json")
        ids = request.query_params if request.method == "GET" else (await request.json())["filters"]
        rows = self.memories if ids.get("user_id") == "u/1" else []
        part = rows[(page - 1) * size : page * size]
        if self.generation < 3:
            return JSONResponse(part)
        following = "http://elsewhere.invalid/" if page * size < len(rows) else None
        return JSONResponse({"count": len(rows), "next": following, "previous": None, "results": part})

    async def broken(self) -> Any:
        yield b'{"results": ['
        raise ConnectionResetError

    async def history(self, request: Request) -> Response:
        if self.busy:
            self.busy -= 1
            return JSONResponse({"detail": "slow down"}, 429, {"Retry-After": "0"})
        row = {"id": "h", "input": [], "old_memory": None, "new_memory": "note", "event": "ADD", "metadata": None}
        row = {**row, "created_at": "2024-07-20T01:30:36.275141-07:00", "updated_at": None}
        return JSONResponse([{**row, "id": "i", "event": "UPDATE", "old_memory": "note"}, row])


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_every_generation_of_the_hosted_interface_is_understood(memory: Memory, generation: int) -> None:
    """The newest way of listing that the server knows is used, all pages are read, and a busy server is asked again."""
    result = move(memory, Hosted(generation).app())
    assert result == {"added": 250, "skipped": 0, "expired": 0, "deleted": 0, **NOTHING_LEFT}
    item = memory.get("m0")
    assert item is not None
    assert (item["user_id"], item["run_id"], item["metadata"]) == ("u/1", "s", {"categories": ["hobby"]})
    assert item["created_at"] == "2024-07-20T08:30:36.275141+00:00"
    assert item["updated_at"] == "2024-07-21T08:30:36.275141+00:00"
    assert all([row["id"] for row in history] == ["h", "i"] for _, history in everything(memory).values())


def test_a_hosted_server_that_lists_nobody_wants_ids(memory: Memory) -> None:
    """Without a list of users the call asks for ids, and a user the server fails on is named."""
    server = Hosted(3)
    server.entities = lambda request: JSONResponse({"error": "not for you"}, 403)  # type: ignore[method-assign,assignment]
    with pytest.raises(Mem0LiteError, match=r"does not list whose memories it has \(403: not for you\).*user_id="):
        move(memory, server.app())
    server.list_memories = lambda request: JSONResponse({"message": "no"}, 400)  # type: ignore[method-assign,assignment]
    result = move(memory, server.app(), user_id="u/1")
    assert result["incomplete"] == [{"id": None, "where": "user u/1", "problem": "The server answered 400: no"}]


def test_a_page_that_comes_twice_ends_the_list(memory: Memory) -> None:
    """A server that ignores the page it is asked for, and always says there is another, is not asked for ever."""
    server = Hosted(3)
    page = {"count": 9, "next": "more", "previous": None}
    server.list_memories = lambda request: JSONResponse({**page, "results": server.memories[:3]})  # type: ignore[method-assign,assignment]
    people = [{"name": "u/1", "type": "user"}]
    server.entities = lambda request: JSONResponse({**page, "results": people})  # type: ignore[method-assign,assignment]
    result = move(memory, server.app())
    assert result["added"] == 3
    assert reasons(result["incomplete"]) == {None: "The server gave 3 memories and may have more; it counts 9."}


def test_a_server_that_fails_midway_leaves_what_came(memory: Memory) -> None:
    """What was read is stored, the error tells so, and the next run goes on from there."""
    with pytest.raises(
        Mem0LiteError, match=r"cannot be reached: .*The 200 memories added until then stay\. Run it again"
    ):
        move(memory, Hosted(3, dies_at=3).app())
    assert len(everything(memory)) == 200
    result = move(memory, Hosted(3).app())
    assert (result["added"], result["skipped"]) == (50, 200)


def test_an_unreachable_server_is_named(memory: Memory) -> None:
    """A port nobody listens on is an error with the address, without what the address may hide."""
    with pytest.raises(Mem0LiteError, match=r"http://127\.0\.0\.1:1 cannot be reached") as caught:
        memory.import_from_mem0("http://name:hidden@127.0.0.1:1/?token=hidden")
    assert "hidden" not in str(caught.value)


def test_a_server_of_something_else_is_named(memory: Memory) -> None:
    """A server that is not mem0's is refused with what was tried."""

    async def page(request: Request) -> Response:
        return Response("<html>", media_type="text/html")

    with pytest.raises(ValidationError, match="does not look like mem0: /v1/ping/ answered 200, /memories 200"):
        move(memory, Starlette(routes=[Route("/{path:path}", page)]))


def test_redirects_are_not_followed(memory: Memory) -> None:
    """A key is never carried to another address: the error names it instead."""
    visited = []

    async def elsewhere(request: Request) -> Response:
        visited.append(request.headers.get("Authorization"))
        return JSONResponse({"status": "ok"})

    with served_by(Starlette(routes=[Route("/{path:path}", elsewhere)])) as other:

        async def sends_on(request: Request) -> Response:
            return RedirectResponse(f"{other.base_url}/v1/ping/")

        with pytest.raises(Mem0LiteError, match=r"redirects to .*/v1/ping/, which is not followed"):
            move(memory, Starlette(routes=[Route("/{path:path}", sends_on)]))
    assert visited == []


# -- the command


@contextmanager
def database(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "moved.db") as memory:
        yield memory


def test_the_command_moves_in(carols: Made, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """import --from-mem0 prints the counts, as JSON if asked, and stores what the library stores."""
    arguments = ["import", "--from-mem0", str(carols[0] / "qdrant"), "--db", str(tmp_path / "moved.db")]
    assert main([*arguments, "--history-db", str(carols[0] / "history.db")]) == 0
    assert capfd.readouterr().out.split() == [
        *("added", "3", "skipped", "0", "expired", "0", "deleted", "1", "refused", "0", "incomplete", "0")
    ]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["skipped"] == 3
    with database(tmp_path) as memory:
        assert everything(memory).keys() == carols[1]["memories"].keys()


def test_the_command_says_what_stayed_behind(mine: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What could not be taken is told line by line on stderr, and the exit code is 1."""
    (mine / "history.db").unlink()
    assert main(["import", "--from-mem0", str(mine), "--db", str(tmp_path / "moved.db")]) == 1
    shown = capfd.readouterr()
    assert shown.out.split()[-2:] == ["incomplete", "1"]
    assert shown.err.startswith("history: ") and "--history-db" in shown.err


def test_the_command_shows_a_server_its_key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """--api-key is for the mem0 server, whether it stands before or after the command's name."""
    server = SelfHosted()
    server.add(1, "x", user_id="u1")
    with served_by(server.app()) as client:
        source = ["--from-mem0", str(client.base_url), "--db", str(tmp_path / "moved.db")]
        assert main(["import", *source, "--api-key", "secret"]) == 0
        assert main(["--api-key", "secret", "import", *source]) == 0
        assert main(["import", *source, "--api-key", "wrong"]) == 1
        assert "--api-key" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["-", "--from-mem0", "."], ["-", "--api-key", "k"], ["-", "--history-db", "x"], ["--from-mem0", "."]],
)
def test_the_command_refuses_what_makes_no_sense(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither or both sources, options of the other source, and a folder that is none, are usage errors."""
    monkeypatch.chdir(tmp_path)
    assert main(["import", *arguments]) == 2
