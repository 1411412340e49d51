"""Memories of mem0, from a running server of it or from its files, in the shape of our JSON lines.

The SQL in here reads databases that are mem0's, never ours, and nothing is ever written to them.
"""

import base64
import functools
import io
import itertools
import os
import pickle
import pickletools
import shutil
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote
from uuid import UUID

from ..data.filters import SCOPE_IDS
from ..data.records import Change, Record
from ..errors import DatabaseError, Mem0LiteError, ValidationError
from ..files import clean_path
from ..types import MoveResult
from ..values import clean_id

if TYPE_CHECKING:
    import httpx

Item = dict[str, Any]
Entry = tuple[Record, Sequence[Change]]
Report = Callable[[str | None, str, str], None]
"""Takes the id, the part of the source and the problem of something that is left behind."""

_OURS = (
    *("id", "memory", "metadata", "created_at", "updated_at", *SCOPE_IDS, "actor_id", "role"),
    *("expiration_date", "expires_at", "feedback", "feedback_reason"),
)
_INTO_METADATA = ("attributed_to", "categories", "immutable")  # mem0 keeps them beside the metadata
_DERIVED = {  # what follows from the rest, or is about mem0's own accounts
    *("hash", "score", "score_details", "text", "session_id", "structured_attributes", "text_lemmatized", "name"),
    *("type", "owner", "organization", "org_id", "project_id", "input", "event", "total_memories", "memory_id"),
}
_CHANGE = (
    *("id", "event", "old_memory", "new_memory", "created_at", "updated_at", "actor_id", "role"),
    *("feedback", "feedback_reason"),
)
_OLD_NAMES = {"old_memory": "prev_value", "new_memory": "new_value", "created_at": "timestamp"}  # of mem0 before 0.1

_TIMEOUT = 60.0
_PAUSES = (1.0, 2.0, 4.0)  # seconds before a busy server is asked again
_BUSY = (429, 502, 503, 504)
_LARGEST_ANSWER = 512 * 2**20  # bytes, and seconds, that one answer may take
_LONGEST_ANSWER = 600.0
_THREADS = 8  # histories asked for at a time: there is a request for each memory
_MOST_VALUES = 100_000  # in one payload
_COUNTED_LENGTH = 1_000  # characters of a text that count as one value more
_CHUNK = 256  # rows read from a file, and histories asked for, before they are handed on
_HOSTED_PAGE = 100
_SELFHOSTED_MOST = 1_000  # memories mem0's server lists, with no way to the next
_OLD_MOST = 100  # memories it listed before it knew top_k
_SELFHOSTED_SCAN = 10_000  # memories mem0's server looks at to say whose there are
_SEARCH_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Found:
    """One memory of a source, as a JSON line has it; of a deleted one only the history counts."""

    where: str
    item: Item
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Memories ready to be stored, or, with ``deleted``, the histories of some that are no more."""

    entries: list[Entry]
    total: int
    """How many memories are expected in all, as far as the source tells."""
    deleted: bool = False


class _Source(Protocol):
    total: int

    def found(self) -> Iterator[Found]: ...


def batches(
    source: str | os.PathLike[str],
    *,
    ids: Mapping[str, object],
    api_key: str | None,
    history_db: str | os.PathLike[str] | None,
    known: Callable[[Iterable[str]], set[str]],
    read: Callable[[Item], Entry],
    now: int,
    size: int,
    result: MoveResult,
) -> Generator[Batch, None, None]:
    """Yield the memories of a mem0; what is left behind goes to ``result``, and what ``read`` accepts into a batch.

    ``known`` returns those of some ids that need not be read whole. When the source fails, what it gave until then is
    yielded first. Raises ValidationError for a source that is not mem0's, Mem0LiteError for one that cannot be read.
    """

    def left_behind(memory_id: str | None, where: str, problem: str) -> None:
        result["incomplete"].append({"id": memory_id, "where": where, "problem": problem})

    given = {name: clean_id(value, name) for name, value in ids.items() if value is not None}
    opened = _open(source, given, api_key, history_db, known, left_behind)
    pending: dict[bool, list[Entry]] = {False: [], True: []}

    def batch(deleted: bool) -> Batch:
        entries, pending[deleted] = pending[deleted], []
        if not deleted:
            old = [record.id for record, _ in entries if record.expires_at is not None and record.expires_at <= now]
            result["expired"] += len(set(old) - known(old))
        return Batch(entries, max(opened.total, _done(result) + len(entries)), deleted)

    failures: list[Mem0LiteError] = []
    for found in _until_failure(opened.found(), failures):
        entry = _accepted(found, read, result)
        if entry is not None:
            pending[found.deleted].append(entry)
        if len(pending[found.deleted]) == size:
            yield batch(found.deleted)
    for deleted in (False, True):
        if pending[deleted]:
            yield batch(deleted)
    for failure in failures:
        raise _interrupted(failure, result) from failure


def _until_failure(found: Iterator[Found], failures: list[Mem0LiteError]) -> Iterator[Found]:
    try:
        yield from found
    except Mem0LiteError as error:
        failures.append(error)


def _done(result: MoveResult) -> int:
    return result["added"] + result["skipped"]


def _interrupted(failure: Mem0LiteError, result: MoveResult) -> Mem0LiteError:
    if not _done(result):
        return failure
    return Mem0LiteError(
        f"{failure} Until then {result['added']} memories were added, which stay. Run it again to go on from there."
    )


def _open(
    source: str | os.PathLike[str],
    ids: dict[str, str],
    api_key: str | None,
    history_db: str | os.PathLike[str] | None,
    known: Callable[[Iterable[str]], set[str]],
    report: Report,
) -> _Source:
    text = os.fspath(source)
    if not text.strip():  # a variable of a shell that is not set, which would mean the working directory
        raise ValidationError("The source is empty. Give the URL of a mem0 server or mem0's folder.", field="source")
    if "://" not in text:
        if api_key is not None:
            raise ValidationError("api_key is for a server: it needs a URL as source.", field="api_key")
        histories = None if history_db is None else Path(clean_path(history_db, "history_db"))
        return _Folder(Path(clean_path(text, "source")), histories, ids, report)
    if history_db is not None:
        raise ValidationError("history_db is for a folder: a server tells its histories itself.", field="history_db")
    return _Server(text, api_key or os.environ.get("MEM0_API_KEY"), ids, known, report)


# -- what can be accepted


def _accepted(found: Found, read: Callable[[Item], Entry], result: MoveResult) -> Entry | None:
    """Return what ``read`` makes of an item, if need be with less of a history, or note why it cannot be taken."""
    given_id = found.item.get("id")
    memory_id = None if given_id is None else str(given_id)
    try:
        if memory_id is None:
            raise ValidationError("It has no id, without which importing twice would store it twice.", field="id")
        try:
            return read(found.item)
        except ValidationError as error:
            if not error.field.startswith("history"):
                raise
        history = found.item["history"]
        found.item["history"] = []
        read(found.item)  # a memory that is refused loses no rows of its history too
        for change in history:
            try:
                read({**found.item, "history": [change]})
                found.item["history"].append(change)
            except ValidationError as error:
                problem = f"A row of its history was left out: {error}"
                result["incomplete"].append({"id": memory_id, "where": found.where, "problem": problem})
        return read(found.item)
    except (ValidationError, RecursionError) as error:
        result["refused"].append({"id": memory_id, "where": found.where, "problem": str(error)})
        return None


def _filled(row: Mapping[str, Any], names: Iterable[str]) -> Item:
    """Return what a row has under the names, without what is as good as absent."""
    return {name: row[name] for name in names if row.get(name) not in (None, "")}


def _history(rows: Iterable[Item], item: Mapping[str, Any]) -> list[Item]:
    """Return the rows of a history in our shape; dates that some versions leave out are taken from what is near."""
    history: list[Item] = []
    before = None
    for row in rows:
        change = _filled({**{new: row.get(old) for new, old in _OLD_NAMES.items()}, **row}, _CHANGE)
        near = change.get("updated_at") or before or item.get("updated_at") or item.get("created_at")
        change.setdefault("created_at", near)
        before = change.get("updated_at") or change["created_at"]
        history.append(change)
    return history


def _with_extras(item: Item, extras: Mapping[str, Any]) -> Item:
    """Return the item with what we have no field for in its metadata, where that is not taken."""
    metadata = item.get("metadata")
    if extras and (metadata is None or isinstance(metadata, dict)):
        item["metadata"] = {**extras, **(metadata or {})}
    return item


# -- a folder of Qdrant's local mode


_PAYLOAD = ("created_at", "updated_at", "user_id", "agent_id", "run_id", "actor_id", "role", "expiration_date")
_CORE = {*_PAYLOAD, "id", "data", "hash", "text_lemmatized", "attributed_to"}  # all else in a payload is metadata


class _Folder:
    """The memories of mem0's local Qdrant database and their histories."""

    def __init__(self, path: Path, history_db: Path | None, ids: Mapping[str, str], report: Report) -> None:
        self._collections = _collections(path)
        self._path, self._ids, self._report = path, ids, report
        self._histories = self._read_histories(history_db)
        self.total = 0

    def found(self) -> Iterator[Found]:
        taken: set[str] = set()
        common: Mapping[str, Any] | None = None
        for file in self._collections:
            with _reading(file) as connection:
                self.total += connection.execute("SELECT count(*) FROM points").fetchone()[0]
                for found in self._points(connection, f"collection {file.parent.name}", taken):
                    own = {name: str(value) for name, value in _filled(found.item, SCOPE_IDS).items()}
                    scope = own or self._ids
                    common = scope if common is None else dict(common.items() & scope.items())
                    yield found
        yield from self._deleted(taken, self._ids if common is None else common)

    def _points(self, connection: sqlite3.Connection, where: str, taken: set[str]) -> Iterator[Found]:
        # Newest first, because of several copies of a point the newest is the one that counts. In chunks, because an
        # open statement would keep a running mem0 from writing while we embed.
        last = 2**63 - 1
        chunk = "SELECT rowid, point FROM points WHERE rowid < ? ORDER BY rowid DESC LIMIT ?"
        while rows := connection.execute(chunk, (last, _CHUNK)).fetchall():
            for number, blob in rows:
                if number >= last:  # a damaged tree leads back to what was read before, for ever
                    raise sqlite3.DatabaseError("its rows are out of order")
                last = number
                try:
                    point, payload = _decode(blob)
                except Exception as error:  # a damaged or a forged pickle can fail in any way
                    self._report(None, where, f"Row {last} cannot be decoded: {error!r}")
                    continue
                if point not in taken:
                    taken.add(point)
                    yield Found(where, self._item(point, payload))

    def _item(self, point: str, payload: Mapping[str, Any]) -> Item:
        metadata = {name: value for name, value in payload.items() if name not in _CORE}
        item = {"id": point, "memory": payload.get("data"), "metadata": metadata or None, **_filled(payload, _PAYLOAD)}
        item["history"] = _history(self._histories.get(point, ()), item)
        return _with_extras(item, _filled(payload, ["attributed_to"]))

    def _deleted(self, taken: set[str], scope: Mapping[str, Any]) -> Iterator[Found]:
        """Yield the histories of deleted memories, which name nobody: they are of the ids that all memories share."""
        gone = {one: rows for one, rows in self._histories.items() if one not in taken}
        deleted = {one: rows for one, rows in gone.items() if rows[-1].get("event") == "DELETE"}
        if others := len(gone) - len(deleted):
            self._report(None, "history", f"{others} memories with a history are neither in this folder nor deleted.")
        if deleted and not scope:
            self._report(None, "history", f"{len(deleted)} deleted memories left histories that do not tell whose.")
            return
        for one, rows in deleted.items():
            item = {"id": one, "memory": "deleted", **scope, "history": _history(rows, rows[-1])}
            yield Found("history", item, deleted=True)

    def _read_histories(self, given: Path | None) -> dict[str, list[Item]]:
        if given is not None:
            if not given.is_file():
                raise ValidationError(f"{given} does not exist. Give mem0's history database.", field="history_db")
            return _histories(given.resolve())
        problem = "is missing."
        beside = [folder / "history.db" for folder in (self._path, self._path.absolute().parent)]
        for file in beside:
            try:
                if file.is_file():
                    return _histories(_own(file, file.parent))
            except DatabaseError as error:
                problem = str(error)
        self._report(
            None,
            "history",
            f"{beside[0]} {problem} Give the history database with --history-db (history_db), or else every memory's "
            "history begins today; mem0's own place for it is ~/.mem0/history.db.",
        )
        return {}


def _collections(path: Path) -> list[Path]:
    """Return the databases of a folder's collections of memories; raise ValidationError when it has none."""
    if not path.is_dir():
        raise ValidationError(
            f"{path} is not a folder. Give the folder of mem0's Qdrant database, or a URL that begins with http:// or "
            "https://.",
            field="source",
        )
    patterns = ("collection/*/storage.sqlite", "*/storage.sqlite", "storage.sqlite", "*/collection/*/storage.sqlite")
    for pattern in patterns:
        files = sorted(file for file in path.glob(pattern) if not file.is_fifo())  # which would be waited for
        folders = {file.parent for file in files}
        # mem0 makes the entities from the memories, and notes in the other who uses it.
        derived = {folder.with_name(f"{folder.name}_entities") for folder in folders}
        if kept := [file for file in files if file.parent not in derived and file.parent.name != "mem0migrations"]:
            return [_own(file, path) for file in kept]
    raise ValidationError(
        f"{path} holds no memories of mem0: there is no {patterns[0]} in it. Give the folder that mem0's configuration "
        "has as path of its Qdrant database, by default /tmp/qdrant.",
        field="source",
    )


def _own(file: Path, folder: Path) -> Path:
    """Return a file of a folder, which anyone may have written. Raises DatabaseError for one that is elsewhere."""
    if file.resolve().is_relative_to(folder.resolve()):
        return file
    raise DatabaseError(f"{file} is a link to {file.resolve()}, which is not in the folder. Give the folder it is in.")


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of others, a copy if SQLite would write beside it to read it. Raises DatabaseError."""
    sidecars = [_own(path.with_name(path.name + suffix), path.parent) for suffix in ("-wal", "-journal")]
    try:
        with tempfile.TemporaryDirectory(prefix="mem0lite-") as folder:
            with path.open("rb") as file:
                in_wal_mode = file.read(19)[18:] == b"\2"
            copied = in_wal_mode or any(sidecar.exists() for sidecar in sidecars)
            if copied:
                for part in (path, *sidecars):
                    if part.exists():
                        _check_journal(Path(shutil.copy(part, folder)))
            opened = Path(folder) / path.name if copied else path.absolute()
            connection = sqlite3.connect(f"{opened.as_uri()}?mode={'rw' if copied else 'ro'}", uri=True)
            connection.text_factory = functools.partial(str, encoding="utf-8", errors="surrogateescape")
            connection.execute("PRAGMA trusted_schema = OFF")  # its views and triggers may be anybody's, too
            try:
                yield connection
            finally:
                connection.close()
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path} cannot be read as a database of mem0: {error}.") from error


def _check_journal(path: Path) -> None:
    """Raise sqlite3.DatabaseError for a journal that ends with the name of another file, as only those of transactions
    over several databases do: many versions of SQLite delete that file when they are done with the journal.

    https://www.sqlite.org/fileformat.html#the_rollback_journal
    """
    if path.name.endswith("-journal") and path.read_bytes()[-8:] == _JOURNAL_MAGIC:
        raise sqlite3.DatabaseError("its journal names another file")


_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def _histories(path: Path) -> dict[str, list[Item]]:
    """Return the rows of a history database by memory, in the order they were written."""
    histories: dict[str, list[Item]] = defaultdict(list)
    with _reading(path) as connection:
        rows = connection.execute("SELECT * FROM history ORDER BY rowid")
        names = [column[0] for column in rows.description]
        for row in rows:
            change = dict(zip(names, row, strict=True))
            histories[str(change.get("memory_id"))].append(change)
    return histories


class _Inert:
    """Stands in for the classes that a pickle names: it takes the state it is given and does nothing with it."""

    state: Any = None

    def __new__(cls, *_: object, **__: object) -> "_Inert":
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


_VALUES = {("uuid", "UUID"), *(("datetime", name) for name in ("datetime", "date", "timezone", "timedelta"))}


class _Unpickler(pickle.Unpickler):
    """Builds values, and runs nothing that a pickle names, because anyone may have written the folder."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _VALUES:
            return super().find_class(module, name)
        return type(f"{module}.{name}", (_Inert,), {})


def _decode(blob: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the id and the payload of a pickled point."""
    _check_sizes(blob)
    state = _Unpickler(io.BytesIO(blob)).load().state
    fields = state.get("__dict__", state)
    payload = _plain(fields["payload"] or {}, iter(range(_MOST_VALUES)))
    if not isinstance(payload, dict):
        raise TypeError("its payload is no object")
    return str(fields["id"]), payload


def _check_sizes(blob: bytes) -> None:
    """Raise ValueError for a pickle with a number that makes the unpickler take much more memory than the pickle has:
    it makes room for all places up to one that is named, and for as many bytes as are announced."""
    for opcode, argument, _ in pickletools.genops(blob):  # which itself refuses values that are longer than the pickle
        if opcode.name in _SIZED and isinstance(argument, int) and argument > len(blob):
            raise ValueError(f"{opcode.name} {argument} is beyond its end")


_SIZED = ("PUT", "BINPUT", "LONG_BINPUT", "FRAME")


def _plain(value: Any, left: Iterator[int]) -> Any:
    """Return a value with the JSON that Qdrant shows for those types that JSON lacks; ``left`` runs out with those of
    a pickle that refer to the same few values over and over, which may be small and yet endless to walk."""
    _count(value, left)
    if isinstance(value, dict):
        for key in value:
            _count(key, left)
        return {key: _plain(item, left) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, left) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def _count(value: object, left: Iterator[int]) -> None:
    length = len(value) if isinstance(value, str) else 0
    if next(itertools.islice(left, length // _COUNTED_LENGTH, None), None) is None:
        raise ValueError("its payload holds too many values, or texts that are too long")


# -- a server


class _Server:
    """The memories of a mem0 server and their histories."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        ids: dict[str, str],
        known: Callable[[Iterable[str]], set[str]],
        report: Report,
    ) -> None:
        self._ids, self._known, self._report = ids, known, report
        self._connection = _Connection(url, api_key)
        self._left_out: Counter[str] = Counter()
        self.total = 0

    def found(self) -> Iterator[Found]:
        seen: set[str] = set()
        pool = ThreadPoolExecutor(_THREADS)
        try:
            surface = _surface(self._connection, self._ids, self._report)
            whose = [_Whose(self._ids)] if self._ids else surface.whose()
            self.total = _expected(whose)
            for one in whose:
                for rows in surface.pages(one):
                    fresh = [row for row in rows if str(row.get("id")) not in seen]
                    seen.update(str(row["id"]) for row in fresh if row.get("id") is not None)
                    for start in range(0, len(fresh), _CHUNK):
                        yield from self._items(surface, str(one), fresh[start : start + _CHUNK], pool)
        finally:
            pool.shutdown(cancel_futures=True)
            self._connection.close()
        for name, count in self._left_out.items():
            self._report(None, "server", f"The field {name!r} of {count} memories was left out: it has no place here.")

    def _items(
        self, surface: "_Surface", where: str, rows: Sequence[Item], pool: ThreadPoolExecutor
    ) -> Iterator[Found]:
        known = self._known([str(row["id"]) for row in rows if row.get("id") is not None])

        def history(row: Item) -> list[Item]:
            return [] if row.get("id") is None or str(row["id"]) in known else surface.history(str(row["id"]), where)

        for row, changes in zip(rows, pool.map(history, rows), strict=True):
            item = _filled(row, _OURS)
            if "run_id" not in item and row.get("session_id"):
                item["run_id"] = row["session_id"]
            item.setdefault("memory", row.get("text"))
            item["history"] = _history(changes, item)
            self._left_out.update(_unknown(row))
            yield Found(where, _with_extras(item, _filled(row, [name for name in _INTO_METADATA if row.get(name)])))


def _unknown(row: Item) -> list[str]:
    known = {*_OURS, *_INTO_METADATA, *_DERIVED}
    return [name for name, value in row.items() if name not in known and value not in (None, "", [], {})]


@dataclass(frozen=True, slots=True)
class _Whose:
    """Ids by which a server is asked for memories, and how many it says there are."""

    ids: dict[str, str]
    total: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name.removesuffix('_id')} {value}" for name, value in self.ids.items())


def _expected(whose: Sequence[_Whose]) -> int:
    """Return a lower limit of how many memories there are: as many as all users have, or all agents, runs or apps."""
    sums: Counter[str] = Counter()
    for one in whose:
        sums[next(iter(one.ids), "")] += one.total
    return max(sums.values(), default=0)


class _Surface(Protocol):
    def whose(self) -> list[_Whose]: ...

    def pages(self, whose: _Whose) -> Iterator[list[Item]]: ...

    def history(self, memory_id: str, where: str) -> list[Item]: ...


class _Connection:
    """Requests to one server, which are never sent on to another."""

    def __init__(self, url: str, api_key: str | None) -> None:
        import httpx

        try:
            parsed = httpx.URL(url.strip().rstrip("/"))
        except httpx.InvalidURL as error:
            reason = "." if "@" in url else f": {error}"  # which may be a part of a password
            raise ValidationError(f"Invalid source: not a URL{reason}", field="source") from None
        self.shown = str(parsed.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValidationError(
                f"Invalid source: {self.shown!r} is not a URL that begins with http:// or https://.", field="source"
            )
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValidationError("Invalid api_key: it has characters that no key has.", field="api_key")
        self._key = (api_key or "").strip()
        basic = base64.b64encode(parsed.userinfo).decode()
        self._secrets = [secret for secret in (self._key, parsed.password, basic) if secret]
        # Not with the user's name and password in the URL, which httpx logs as it is.
        auth = (parsed.username, parsed.password) if parsed.userinfo else None
        self._client = httpx.Client(base_url=self.shown, timeout=_TIMEOUT, auth=auth)

    def close(self) -> None:
        self._client.close()

    def authorize(self, scheme: str) -> None:
        """Show the key from now on as ``Token`` and ``Bearer`` of Authorization, or as ``X-API-Key``."""
        for name in ("Authorization", "X-API-Key"):
            self._client.headers.pop(name, None)
        if self._key:
            name, value = (scheme, self._key) if scheme == "X-API-Key" else ("Authorization", f"{scheme} {self._key}")
            self._client.headers[name] = value

    def ask(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: object = None
    ) -> tuple[int, Any]:
        """Return the status of an answer and its JSON, or None if it is not JSON. Raises Mem0LiteError."""
        response = self._send(method, path, params, body)
        for pause in _PAUSES:
            if response.status_code not in _BUSY:
                break
            time.sleep(_pause(response, pause))
            response = self._send(method, path, params, body)
        if response.is_redirect:
            there = self._without_secrets(response.headers.get("Location", "nowhere")).partition("?")[0]
            raise Mem0LiteError(
                f"{self.shown} sends on to {there}, which is not followed. If that is where the memories are, give "
                "that address."
            )
        try:
            return response.status_code, response.json()
        except (ValueError, RecursionError):
            return response.status_code, None

    def _send(self, method: str, path: str, params: Mapping[str, Any] | None, body: object) -> "httpx.Response":
        import httpx

        def send() -> "httpx.Response":
            with self._client.stream(method, path, params=params, json=body) as response:
                return self._read(response)

        try:
            try:
                return send()
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                return send()  # on a new connection: servers close those they find idle
        except httpx.TimeoutException as error:
            raise Mem0LiteError(f"{self.shown} did not answer within {_TIMEOUT:.0f} seconds.") from error
        except httpx.HTTPError as error:
            raise Mem0LiteError(f"{self.shown} cannot be reached: {error}.") from error

    def _read(self, response: "httpx.Response") -> "httpx.Response":
        """Read an answer, unless it has no end."""
        import httpx

        content, end = bytearray(), time.monotonic() + _LONGEST_ANSWER
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _LARGEST_ANSWER or time.monotonic() > end:
                raise Mem0LiteError(
                    f"{self.shown} gives an answer that does not end: {len(content)} bytes until now. Ask for less of "
                    "it, with --user, --agent, --run or --app."
                )
        headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(content))

    def refusal(self, answer: object) -> Mem0LiteError:
        """Return the error for an answer of 401."""
        what = "refuses the key" if self._key else "wants a key"
        return Mem0LiteError(
            f"{self.shown} {what} (401: {self.detail(answer)}). Give its key with --api-key (api_key) or MEM0_API_KEY."
        )

    def detail(self, answer: object) -> str:
        """Return what an error answer says."""
        if isinstance(answer, dict):
            answer = next((answer[name] for name in ("detail", "error", "message") if answer.get(name)), answer)
        return self._without_secrets(str(answer))[:300] if answer is not None else "no JSON"

    def _without_secrets(self, text: str) -> str:
        """Return a server's words without what it was shown: some repeat a key that they refuse."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def _pause(response: "httpx.Response", seconds: float) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _TIMEOUT) if asked.isdecimal() else seconds


def _surface(connection: _Connection, ids: Mapping[str, str], report: Report) -> _Surface:
    """Return which of mem0's two interfaces a server has. Raises ValidationError when it has neither."""
    connection.authorize("Token")
    ping, answer = connection.ask("GET", "v1/ping/")
    if ping == 200 and isinstance(answer, dict) and "status" in answer:
        return _Hosted(connection, report)
    refused = answer if ping in (401, 403) else None
    for scheme in ("X-API-Key", "Bearer"):
        connection.authorize(scheme)
        status, answer = connection.ask("GET", "memories", {**ids, "top_k": 1})
        if status != 401:
            break
    listed = status == 200 and (isinstance(answer, list) or (isinstance(answer, dict) and "results" in answer))
    if listed or (status in (400, 403) and isinstance(answer, dict) and "detail" in answer):  # some versions want ids
        return _SelfHosted(connection, report)
    if status == 401 or refused is not None:
        raise connection.refusal(answer if status == 401 else refused)
    raise ValidationError(
        f"{connection.shown} does not look like mem0: /v1/ping/ answered {ping}, /memories {status}. Give the address "
        "under which its interface begins.",
        field="source",
    )


def _rows(answer: object) -> list[Item]:
    """Return the list in an answer, bare or as ``results``; what is not an object in it becomes an empty one."""
    rows = answer.get("results") if isinstance(answer, dict) else answer
    return [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []


@dataclass
class _Interface:
    """What both interfaces share."""

    connection: _Connection
    report: Report

    def _listed(self, answers: Iterable[object], name: str) -> list[_Whose]:
        """Return whose memories there are, from what the server lists."""
        whose: dict[tuple[str, str], _Whose] = {}
        for row in (row for answer in answers for row in _rows(answer)):
            kind, value, total = f"{row.get('type')}_id", row.get(name) or row.get("id"), row.get("total_memories")
            if kind not in SCOPE_IDS or not value:
                self.report(None, "server", f"It lists a {row.get('type')} {value!r}, of which there is none here.")
                continue
            whose[kind, str(value)] = _Whose({kind: str(value)}, total if isinstance(total, int) else 0)
        return list(whose.values())

    def _history(self, path: str, memory_id: str, where: str) -> list[Item]:
        status, answer = self.connection.ask("GET", path)
        if status == 200:
            rows = _rows(answer)
            newest_first = len(rows) > 1 and rows[-1].get("event") == "ADD" != rows[0].get("event")
            return rows[::-1] if newest_first else rows
        self.report(
            memory_id,
            where,
            f"Its history was left out: the server answered {status}: {self.connection.detail(answer)}",
        )
        return []

    def _failed(self, whose: _Whose, status: int, answer: object) -> None:
        if status == 401:
            raise self.connection.refusal(answer)
        self.report(None, str(whose), f"The server answered {status}: {self.connection.detail(answer)}")

    def _short(self, whose: _Whose, got: int, counted: int) -> None:
        it_counts = f"; it counts {counted}" if counted else ""
        self.report(None, str(whose), f"The server gave {got} memories and may have more{it_counts}.")


class _Hosted(_Interface):
    """The interface of mem0's own service: Token, versions in the paths, pages."""

    _lists: tuple[tuple[str, str], ...] = (("POST", "v3/memories/"), ("POST", "v2/memories/"), ("GET", "v1/memories/"))

    def whose(self) -> list[_Whose]:
        answers: list[object] = []
        while True:
            params = {"page": len(answers) + 1, "page_size": _HOSTED_PAGE}
            status, answer = self.connection.ask("GET", "v1/entities/", params)
            if status != 200:
                raise Mem0LiteError(
                    f"{self.connection.shown} does not list whose memories it has "
                    f"({status}: {self.connection.detail(answer)}). Name them with --user, --agent, --run or --app."
                )
            answers.append(answer)
            if not (isinstance(answer, dict) and answer.get("next")) or answer in answers[:-1]:
                return self._listed(answers, "name")

    def pages(self, whose: _Whose) -> Iterator[list[Item]]:
        before: list[Item] = []
        page, got, counted = 1, 0, whose.total
        while True:
            status, answer = self._page(whose.ids, page)
            if status != 200:
                return self._failed(whose, status, answer)
            rows = _rows(answer)
            if page > 1 and rows == before:  # a server that knows no pages
                break
            yield rows
            page, before, got = page + 1, rows, got + len(rows)
            named = answer if isinstance(answer, dict) else {}
            if isinstance(named.get("count"), int):
                counted = max(counted, named["count"])
            if not named.get("next") and len(rows) < _HOSTED_PAGE:
                break
        if got < counted:
            self._short(whose, got, counted)
        return None

    def _page(self, ids: Mapping[str, str], page: int) -> tuple[int, Any]:
        """Ask for a page in the newest way that the server knows, and in that way from then on."""
        position = {"page": page, "page_size": _HOSTED_PAGE}
        expired = {"show_expired": True}
        each = [{name: value} for name, value in ids.items()]
        filters = each[0] if len(each) == 1 else {"AND": each}
        for method, path in tuple(self._lists):
            if method == "GET":
                status, answer = self.connection.ask(method, path, {**ids, **position, **expired})
            else:
                status, answer = self.connection.ask(method, path, position, {"filters": filters, **expired})
            if status not in (404, 405):
                self._lists = ((method, path),)
                break
        return status, answer

    def history(self, memory_id: str, where: str) -> list[Item]:
        return self._history(f"v1/memories/{_segment(memory_id)}/history/", memory_id, where)


class _SelfHosted(_Interface):
    """The interface of mem0's server to run oneself: bare paths, which list a thousand memories and no more."""

    def whose(self) -> list[_Whose]:
        status, answer = self.connection.ask("GET", "entities")
        if status != 200:
            raise Mem0LiteError(
                f"{self.connection.shown} does not list whose memories it has "
                f"({status}: {self.connection.detail(answer)}). Name them with --user, --agent, --run or --app."
            )
        whose = self._listed([answer], "id")
        if sum(one.total for one in whose) >= _SELFHOSTED_SCAN:
            self.report(
                None,
                "server",
                f"mem0's server looks at {_SELFHOSTED_SCAN} memories to say whose there are. Should somebody be "
                "missing, import them by name with --user, --agent or --run.",
            )
        return whose

    def pages(self, whose: _Whose) -> Iterator[list[Item]]:
        got = 0
        while True:
            params = {**whose.ids, "top_k": _SELFHOSTED_MOST, "offset": got, "show_expired": True}
            status, answer = self.connection.ask("GET", "memories", params)
            if status != 200:
                return self._failed(whose, status, answer)
            rows = _rows(answer)
            yield rows
            got += len(rows)
            total = answer.get("total") if isinstance(answer, dict) else None
            if not isinstance(total, int):
                break
            if not rows or got >= total:
                return None
        if not self._is_all(whose, got):
            yield from self._rest(whose, got)
        return None

    def _is_all(self, whose: _Whose, got: int) -> bool:
        if got >= _SELFHOSTED_MOST or got < whose.total:
            return False
        if whose.total or got < _OLD_MOST:
            return True
        _, answer = self.connection.ask("GET", "memories", {**whose.ids, "top_k": 1})
        return len(_rows(answer)) <= 1  # more come from an old server, which does not know top_k

    def _rest(self, whose: _Whose, got: int) -> Iterator[list[Item]]:
        """Yield what a search finds, whose results mem0's server does not limit, and say so if that may not be all."""
        body = {"query": "memory", "filters": whose.ids, "top_k": _SEARCH_MOST, "threshold": 0, "show_expired": True}
        status, answer = self.connection.ask("POST", "search", body=body)
        rows = _rows(answer) if status == 200 else []
        yield rows
        is_cut = len(rows) == got < _SELFHOSTED_MOST
        if is_cut or not max(got, whose.total) <= len(rows) < _SEARCH_MOST:
            self._short(whose, max(got, len(rows)), whose.total)

    def history(self, memory_id: str, where: str) -> list[Item]:
        return self._history(f"memories/{_segment(memory_id)}/history", memory_id, where)


def _segment(text: str) -> str:
    """Return a text as one segment of a path: dots are quoted by hand, because "." and ".." would be other paths."""
    return quote(text, safe="", errors="replace").replace(".", "%2E")
