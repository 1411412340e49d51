"""Memories that leave for a file and come back, and memories that come from a mem0."""

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from ..data.filters import EVERYTHING, only_scope
from ..data.jsonl import Beside, Entry, Exported, Lifetime, read_item, read_lines, to_line
from ..data.records import AddEvent, FileSettings, Gone
from ..errors import ValidationError
from ..files import appearing, clean_path, read_utf8_lines
from ..store import Store, Visible, refuse_database_file
from ..types import ImportResult, MoveResult
from ..values import shown
from .arguments import Progress
from .writing import Writer

_BATCH = 256  # memories embedded and stored at a time


class Exports(int):
    """How many memories ``export`` wrote, and how much else."""

    deleted: int
    """Histories of memories that were deleted."""
    events: int
    """Calls of ``add``."""

    def __new__(cls, memories: int, *, deleted: int = 0, events: int = 0) -> Self:
        """Make the number."""
        exports = super().__new__(cls, memories)
        exports.deleted, exports.events = deleted, events
        return exports

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        """To pydantic it is a number."""
        return handler(int)


def export(store: Store, file: str | os.PathLike[str] | IO[str], visible: Visible) -> Exports:
    """Write what is visible as JSON lines.

    Histories of deleted memories and events come with whole scopes only, and settings with everything.
    """
    expression = visible.expression
    logs = expression if only_scope(expression) else None
    with (
        _target(file) as lines,
        store.scanning(visible, logs=logs, settings=expression == EVERYTHING) as found,
    ):
        return _write_lines(lines, found)


@contextmanager
def _target(file: str | os.PathLike[str] | IO[str]) -> Iterator[IO[str]]:
    """Yield the file to write lines to: an open one itself, or a new one that appears at a path in the end.

    Raises ValidationError for a file that belongs to a store, and for one that takes no text.
    """
    if isinstance(file, str | os.PathLike):
        path = Path(clean_path(file, "file"))
        refuse_database_file(path, "file")
        with appearing(path) as partial, partial.open("w", encoding="utf-8") as lines:
            yield lines
        return
    if not callable(getattr(file, "write", None)) or isinstance(file, io.RawIOBase | io.BufferedIOBase):
        raise ValidationError(
            f"Invalid file: cannot write text to {shown(file)}. Give a path, or a file opened as text with "
            "encoding='utf-8'.",
            field="file",
        )
    refuse_database_file(file, "file")
    yield file


def _write_lines(file: IO[str], found: Iterable[Exported]) -> Exports:
    kinds: Counter[type] = Counter()
    for one in found:
        file.write(to_line(one))
        kinds[type(one)] += 1
    return Exports(kinds[tuple], deleted=kinds[Gone], events=kinds[AddEvent])


class Importer(NamedTuple):
    """Adds memories that another store exported, or that a mem0 holds."""

    writer: Writer
    lifetime: Lifetime
    now: int
    ids: Mapping[str, Any]
    """Of a user, an agent, a run and an app: they stand in where a memory has none."""
    progress: Progress | None

    def import_(self, file: str | os.PathLike[str] | Iterable[str]) -> ImportResult:
        """Add what JSON lines hold."""
        store = self.writer.store
        lines, name = (_text_lines(file), os.fspath(file)) if isinstance(file, str | os.PathLike) else (file, None)
        # Held in memory as a whole: a line that cannot be accepted must be found before the first is stored.
        known = list(read_lines(lines, self.ids, self.now, self.lifetime, name))
        entries = [one for one in known if not isinstance(one, Beside)]
        alive = {record.id for record, _ in entries}
        gone = [one for one in known if isinstance(one, Gone)]
        # Before the memories come the settings, as memories are linked into the graph on arrival, and the histories of
        # memories whose ids others have now. Other histories come after, so that memories keep their order.
        settings = store.take([one for one in known if isinstance(one, FileSettings)], self.now)
        before = store.take([one for one in gone if one.memory_id in alive], self.now, by_scope=True)
        result: ImportResult = {"added": 0, "skipped": 0, "deleted": before, "events": 0, "settings": settings}
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            self._add(batch, result)
            self._tell(start + len(batch), len(entries))
        after = [one for one in gone if one.memory_id not in alive]
        result["deleted"] += store.take(after, self.now, by_scope=True)
        result["events"] = store.take([one for one in known if isinstance(one, AddEvent)], self.now)
        return result

    def import_from_mem0(
        self, source: str | os.PathLike[str], *, api_key: str | None, history_db: str | os.PathLike[str] | None
    ) -> MoveResult:
        """Add what a mem0 holds."""
        from ..mem0 import moving  # with sqlite3 and pickle, which nothing else needs

        store = self.writer.store
        result: MoveResult = {"added": 0, "skipped": 0, "expired": 0, "deleted": 0, "refused": [], "incomplete": []}
        batches = moving.batches(
            source,
            ids=self.ids,
            api_key=api_key,
            history_db=history_db,
            known=store.existing,
            read=lambda item: read_item(item, self.ids, self.now, self.lifetime),
            now=self.now,
            size=_BATCH,
            result=result,
        )
        with closing(batches):  # also where progress raises, or the source would stay open
            for batch in batches:
                if batch.deleted:
                    gone = [Gone(record.id, record.scope, changes) for record, changes in batch.entries]
                    result["deleted"] += store.take(gone, self.now)
                    continue
                self._add(batch.entries, result)
                self._tell(result["added"] + result["skipped"], batch.total)
        return result

    def _add(self, batch: Sequence[Entry], result: ImportResult | MoveResult) -> None:
        added, embedded = self.writer.import_(batch, self.now)
        result["added"] += added
        result["skipped"] += len(batch) - added
        if embedded:
            result.setdefault("embedded", []).extend(embedded)

    def _tell(self, done: int, total: int) -> None:
        if self.progress:
            self.progress(done, total)


def _text_lines(path: str | os.PathLike[str]) -> Iterator[str]:
    return read_utf8_lines(Path(clean_path(path, "file")), "file")
