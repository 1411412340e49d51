"""Memories of mem0, from a running server of it or from its files, in the shape of our JSON lines.

``folder`` reads files and ``server`` reads servers; here is what happens to the memories they find.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.records import Change, Record
from ..errors import Mem0LiteError, ValidationError
from ..files import clean_path
from ..types import MoveResult
from ..values import clean_id
from .folder import Folder
from .server import Server
from .source import Found, Item, Report, Source

Entry = tuple[Record, Sequence[Change]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Memories ready to be stored, or with ``deleted`` the histories of deleted ones."""

    entries: list[Entry]
    total: int
    """How many memories are expected in all, as far as the source says."""
    deleted: bool = False


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
    """Yield the memories of a mem0 in batches of ``size``; what is left behind is noted in ``result``.

    ``read`` turns an item into an entry, or refuses it. ``known`` takes ids and returns those that are stored already.
    When the source fails, what it gave until then is yielded first.

    Raises ValidationError for a source that is not mem0's, Mem0LiteError for one that cannot be read.
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
        f"{failure} The {result['added']} memories added until then stay. Run it again to go on from there."
    )


def _open(
    source: str | os.PathLike[str],
    ids: dict[str, str],
    api_key: str | None,
    history_db: str | os.PathLike[str] | None,
    known: Callable[[Iterable[str]], set[str]],
    report: Report,
) -> Source:
    text = os.fspath(source)
    if not text.strip():  # an unset variable of a shell; it would mean the working directory
        raise ValidationError(
            "Invalid source: cannot be empty. Give the URL of a mem0 server or mem0's folder.", field="source"
        )
    if "://" not in text:
        if api_key is not None:
            raise ValidationError("api_key is for a server. Give its URL as source=, or no key.", field="api_key")
        histories = None if history_db is None else Path(clean_path(history_db, "history_db"))
        return Folder(Path(clean_path(text, "source")), histories, ids, report)
    if history_db is not None:
        raise ValidationError("history_db is for a folder: a server sends the histories itself.", field="history_db")
    return Server(text, api_key or os.environ.get("MEM0_API_KEY"), ids, known, report)


def _accepted(found: Found, read: Callable[[Item], Entry], result: MoveResult) -> Entry | None:
    """Return what ``read`` makes of an item, if need be with a shorter history; note what is refused, and why."""
    given_id = found.item.get("id")
    memory_id = None if given_id is None else str(given_id)
    try:
        if memory_id is None:
            raise ValidationError("It has no id. Without one, importing it twice would store it twice.", field="id")
        try:
            return read(found.item)
        except ValidationError as error:
            if not error.field.startswith("history"):
                raise
        history = found.item["history"]
        found.item["history"] = []
        read(found.item)  # if the memory itself is refused, no row of its history is noted
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
