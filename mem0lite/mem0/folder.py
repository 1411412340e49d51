"""Memories in a folder of Qdrant's local mode, where mem0 keeps them by default, and their histories."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..data.filters import SCOPE_IDS
from ..errors import DatabaseError, ValidationError
from .databases import own, read_histories, reading
from .source import CHUNK, Found, Item, Report, filled, to_history, with_extras
from .unpickling import decode

_PAYLOAD = ("created_at", "updated_at", "user_id", "agent_id", "run_id", "actor_id", "role", "expiration_date")
_CORE = {*_PAYLOAD, "id", "data", "hash", "text_lemmatized", "attributed_to"}  # all else in a payload is metadata


class Folder:
    """The memories of mem0's local Qdrant database and their histories."""

    def __init__(self, path: Path, history_db: Path | None, ids: Mapping[str, str], report: Report) -> None:
        self._collections = _collections(path)
        self._path, self._ids, self._report = path, ids, report
        self._histories = self._read_histories(history_db)
        self.total = 0

    def found(self) -> Iterator[Found]:
        """Yield every memory, then the histories of deleted ones."""
        taken: set[str] = set()
        common: Mapping[str, Any] | None = None
        for file in self._collections:
            with reading(file) as connection:
                self.total += connection.execute("SELECT count(*) FROM points").fetchone()[0]
                for found in self._points(connection, f"collection {file.parent.name}", taken):
                    own = {name: str(value) for name, value in filled(found.item, SCOPE_IDS).items()}
                    scope = own or self._ids
                    common = scope if common is None else dict(common.items() & scope.items())
                    yield found
        yield from self._deleted(taken, self._ids if common is None else common)

    def _points(self, connection: sqlite3.Connection, where: str, taken: set[str]) -> Iterator[Found]:
        # Newest first, because the newest of several copies of a point is the one that counts. In chunks, because an
        # open statement would keep a running mem0 from writing while we embed.
        last = 2**63 - 1
        chunk = "SELECT rowid, point FROM points WHERE rowid < ? ORDER BY rowid DESC LIMIT ?"
        while rows := connection.execute(chunk, (last, CHUNK)).fetchall():
            for number, blob in rows:
                if number >= last:  # a damaged tree leads back to what was read before, for ever
                    raise sqlite3.DatabaseError("its rows are out of order")
                last = number
                try:
                    point, payload = decode(blob)
                except Exception as error:  # a damaged or a forged pickle can fail in any way
                    self._report(None, where, f"Row {last} cannot be decoded: {error!r}")
                    continue
                if point not in taken:
                    taken.add(point)
                    yield Found(where, self._item(point, payload))

    def _item(self, point: str, payload: Mapping[str, Any]) -> Item:
        metadata = {name: value for name, value in payload.items() if name not in _CORE}
        item = {"id": point, "memory": payload.get("data"), "metadata": metadata or None, **filled(payload, _PAYLOAD)}
        item["history"] = to_history(self._histories.get(point, ()), item)
        return with_extras(item, filled(payload, ["attributed_to"]))

    def _deleted(self, taken: set[str], scope: Mapping[str, Any]) -> Iterator[Found]:
        """Yield the histories of deleted memories. They name nobody, and so get the ids that all memories share."""
        gone = {one: rows for one, rows in self._histories.items() if one not in taken}
        deleted = {one: rows for one, rows in gone.items() if rows[-1].get("event") == "DELETE"}
        if others := len(gone) - len(deleted):
            self._report(None, "history", f"{others} memories with a history are neither in this folder nor deleted.")
        if deleted and not scope:
            self._report(
                None, "history", f"{len(deleted)} deleted memories left histories that do not say whose they are."
            )
            return
        for one, rows in deleted.items():
            item = {"id": one, "memory": "deleted", **scope, "history": to_history(rows, rows[-1])}
            yield Found("history", item, deleted=True)

    def _read_histories(self, given: Path | None) -> dict[str, list[Item]]:
        if given is not None:
            if not given.is_file():
                raise ValidationError(f"{given} does not exist. Give mem0's history database.", field="history_db")
            return read_histories(given.resolve())
        problem = "is missing."
        beside = [folder / "history.db" for folder in (self._path, self._path.absolute().parent)]
        for file in beside:
            try:
                if file.is_file():
                    return read_histories(own(file, file.parent))
            except DatabaseError as error:
                problem = str(error)
        self._report(
            None,
            "history",
            f"{beside[0]} {problem} Every memory's history begins today, unless you give the history database with "
            "history_db=; mem0 keeps it in ~/.mem0/history.db by default.",
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
        # mem0 makes the entities from the memories, and notes in mem0migrations who uses it.
        derived = {folder.with_name(f"{folder.name}_entities") for folder in folders}
        if kept := [file for file in files if file.parent not in derived and file.parent.name != "mem0migrations"]:
            return [own(file, path) for file in kept]
    raise ValidationError(
        f"{path} holds no memories of mem0: there is no {patterns[0]} in it. Give the path of the Qdrant database in "
        "mem0's configuration, by default /tmp/qdrant.",
        field="source",
    )
