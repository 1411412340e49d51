"""A whole store as a copy elsewhere, from a file to a database or back, with the vectors that it has.

It is made of what any store can do. What is in the target already is left alone, so a copy that was interrupted goes on
where it stopped. In the end the two stores are compared with each other.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ..data.filters import EVERYTHING, Not
from ..data.jsonl import Beside, Exported, to_line
from ..data.jsonl import Entry as Remembered
from ..data.records import AddEvent, FileSettings, Gone
from ..errors import ConfigurationError, DatabaseError, EmbedderMismatchError, NotAMemoryFileError, ValidationError
from ..files import is_server, store_path
from ..store import EVERYTHING_STORED, Attached, Changes, Entry, Store, Use, Visible, open_store
from ..types import CopyResult, EmbedderIdentity
from ..values import to_micros
from ..webhooks.document import FREE, KIND
from .arguments import Progress
from .opening import utc_now

_BATCH = 256  # memories stored in one transaction
_SHOWN = 200  # characters of a line in a message
_NO_MEMORIES = Visible(Not(EVERYTHING))
_NOBODY: EmbedderIdentity = {"name": "", "dimensions": 0, "fingerprint": ""}
_PROJECT = "project"
"""The kind of document that is among the settings of an export."""
_T = TypeVar("_T")


def copy(source: str | os.PathLike[str], target: str | os.PathLike[str], progress: Progress | None) -> CopyResult:
    """Copy a store to another place, and compare the two."""
    from_, to = _place(source, "source"), _place(target, "target")
    if not is_server(from_) and not Path(from_).is_file():
        raise NotAMemoryFileError(f"{from_} does not exist. Check the path.")
    if from_ == to or (Path(from_).exists() and Path(to).exists() and Path(from_).samefile(to)):
        raise ConfigurationError("target: it is the source itself. Give another place.")
    with ExitStack() as opened:
        store = _opened(from_, opened)
        embedder = store.identity()
        copied = open_store(to, embedder=embedder)
        opened.callback(copied.close)
        return Copying(store, copied, to_micros(utc_now(), "clock"), progress).run()


def _place(given: str | os.PathLike[str], field: str) -> str:
    path = store_path(given, field)
    if path == ":memory:":
        raise ConfigurationError(f"{field}: a store in memory is gone when it is closed. Give a file or a database.")
    return path


def _opened(place: str, opened: ExitStack) -> Store:
    """Return an open store, whatever its embedder is, which need not be installed."""
    fixed = not is_server(place) and not all(os.access(one, os.W_OK) for one in (place, Path(place).absolute().parent))
    try:
        store = open_store(place, embedder=_NOBODY, read_only=fixed)
    except EmbedderMismatchError as error:
        if error.remembered is None:
            raise
        store = open_store(place, embedder=cast("EmbedderIdentity", error.remembered), read_only=fixed)
    opened.callback(store.close)
    return store


class Copying(NamedTuple):
    """One copy of a store that holds everything in one that holds a part of it, or nothing."""

    source: Store
    target: Store
    now: int
    progress: Progress | None

    def run(self) -> CopyResult:
        """Copy what is missing, compare the stores, and return the answer."""
        self._refuse_others()
        with self.source.scanning(_NO_MEMORIES, settings=True) as found:
            self.target.take([one for one in found if isinstance(one, FileSettings)], self.now)
        counts = self.source.counts(self.now)
        total = counts["memories"] + counts["expired"]
        # As in an import: histories of memories whose ids others have now come before those.
        deleted = self._take(Gone, lambda ids: self.source.existing(ids))
        added = self._add_memories(total)
        deleted += self._take(Gone, lambda ids: set(ids) - self.source.existing(ids))
        events = self._take(AddEvent, set)
        documents, undelivered = self._add_documents()
        self._compare()
        return {
            "memories": total,
            "added": added,
            "deleted": deleted,
            "events": events,
            "documents": documents,
            "undelivered": undelivered,
        }

    def _refuse_others(self) -> None:
        """Raise ValidationError if the target holds a memory that the source does not."""
        with self.target.scanning(EVERYTHING_STORED) as found:
            for batch in _batches(found):
                ids = [one[0].id for one in batch if not isinstance(one, Beside)]
                if others := sorted(set(ids) - self.source.existing(ids)):
                    raise ValidationError(
                        f"Invalid target: it holds the memory {others[0]}, which the source does not have. "
                        "Give a new place, or one where an earlier copy of this source was interrupted.",
                        field="target",
                    )

    def _add_memories(self, total: int) -> int:
        added = done = 0
        scale = self.source.scale()
        with self.source.scanning(EVERYTHING_STORED) as found:
            for batch in _batches(found):
                memories = [one for one in batch if not isinstance(one, Beside)]
                added += self._add(memories, scale)
                done += len(memories)
                if self.progress:
                    self.progress(done, max(total, done))
        return added

    def _add(self, memories: Sequence[Remembered], scale: float | None) -> int:
        """Add those memories that are missing, and the uses of those that have none yet; return how many were added."""
        ids = [record.id for record, _ in memories]
        beside, there = self.source.attached(ids), self.target.attached(ids)
        entries = [
            Entry(record, one.vector, "id", dated=True, history=changes, graph=one.graph)
            for record, changes in memories
            if record.id not in there and (one := beside.get(record.id)) is not None
        ]
        added = 0
        if entries:
            changes = Changes(entries, categories=self.source.graph_categories, scale=scale)
            added = sum(one.added for one in self.target.apply(changes, Visible(horizon=self.now)).outcomes)
        uses = {one: beside[one].use for one in ids if one in beside and (one not in there or there[one].use is None)}
        if noted := {one: use for one, use in uses.items() if isinstance(use, Use)}:
            self.target.note_uses(noted)
        return added

    def _take(self, kind: type[Gone] | type[AddEvent], chosen: Callable[[list[str]], set[str]]) -> int:
        """Copy histories or events: those whose ids ``chosen`` returns of a batch. Return how many were missing."""
        taken = 0
        with self.source.scanning(_NO_MEMORIES, logs=EVERYTHING) as found:
            for batch in _batches(one for one in found if isinstance(one, kind)):
                ids = chosen([_id(one) for one in batch])
                items = [one for one in batch if _id(one) in ids]
                taken += self.target.take(items, self.now, by_scope=True) if items else 0
        return taken

    def _add_documents(self) -> tuple[int, int]:
        """Copy the documents that are missing; return how many, and how many webhooks are behind."""
        there = {(one.kind, one.name) for one in self.target.all_documents()}
        missing = [
            one for one in self.source.all_documents() if one.kind != _PROJECT and (one.kind, one.name) not in there
        ]
        behind = 0
        for kind, name, value in missing:
            copied = value
            if kind == KIND:
                behind += bool(value["is_active"] and self.source.changes(value["cursor"], None, self.now, 1))
                copied = {**value, **FREE, "cursor": self.target.last_change()}
            self.target.change_document(kind, name, partial(_instead, copied))
        return len(missing), behind

    # -- comparing

    def _compare(self) -> None:
        """Raise DatabaseError unless the export of both is the same, and so is what an export does not have."""
        with (
            self.source.scanning(EVERYTHING_STORED, logs=EVERYTHING, settings=True) as ours,
            self.target.scanning(EVERYTHING_STORED, logs=EVERYTHING, settings=True) as theirs,
        ):
            for one, other in zip_longest(_comparable(self.source, ours), _comparable(self.target, theirs)):
                if one is None or other is None or one[0] != other[0] or not _agree(one[1], other[1]):
                    line = one[0] if one is not None else cast("Compared", other)[0]
                    raise _differ(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…")
        documents = {(one.kind, one.name): one.value for one in self.target.all_documents()}
        for kind, name, value in self.source.all_documents():
            found = documents.get((kind, name))
            if found is None or (kind != KIND and found != value):
                raise _differ(f"the {kind} {name}")


Compared = tuple[str, Attached | None]
"""A line of an export, and what a memory has beside it."""


def _comparable(store: Store, found: Iterable[Exported]) -> Iterator[Compared]:
    for batch in _batches(found):
        beside = store.attached([one[0].id for one in batch if not isinstance(one, Beside)])
        for one in batch:
            yield to_line(one).rstrip(), None if isinstance(one, Beside) else beside.get(one[0].id)


def _agree(one: Attached | None, other: Attached | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.vector.tobytes() == other.vector.tobytes() and one[1:] == other[1:]


def _differ(what: str) -> DatabaseError:
    return DatabaseError(
        f"The copy is not the same as the source, as of this: {what}. Was one of them written to meanwhile? Stop those "
        "who write, and copy to a new place."
    )


def _instead(new: dict[str, Any], _: object) -> dict[str, Any]:
    return new


def _id(one: Gone | AddEvent) -> str:
    return one.memory_id if isinstance(one, Gone) else one.id


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
