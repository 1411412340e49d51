"""The memories of one file: each method is one transaction or one snapshot."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

import apsw

from ...data.filters import Expression
from ...data.jsonl import Exported
from ...data.records import AddEvent, FileSettings, Gone, Record
from ...search.query import Query
from ...types import ChangeItem, Counts, EmbedderIdentity, Entity, EventType, HistoryItem
from ...values import new_id
from .. import replay
from ..columns import Columns
from ..damage import undamaged
from ..protocol import (
    Applied,
    Attached,
    Changes,
    Claimed,
    Cost,
    Document,
    Entry,
    Held,
    Jobs,
    Listed,
    ListedEvents,
    Remaking,
    Seen,
    StoreFacts,
    Use,
    Visible,
)
from ..quotas import Quota, Quotas
from . import copying, holdings, log, maintenance, queue, reading, rows, writing
from .database import Database, Durability, limited
from .filter_sql import compile_filter
from .graphs import FileGraphs
from .reading import SnapshotReading
from .reembedding import FileReembedding
from .schema import EXPIRED, MIGRATIONS
from .settings import Remembered
from .source import SnapshotSource
from .upkeep import Upkeep


class SQLiteStore:
    """A ``protocol.Store`` in one SQLite file, which says what each method does.

    ``embedder`` is compared with the one the file remembers, on opening and in every transaction that touches
    vectors. Raises EmbedderMismatchError when they differ.

    ``cache_bytes`` is about how much memory searches may keep vectors in; what does not fit is read for each search.

    ``graph_categories`` are given to a file that has none, and no memories. The file keeps them, for every writer.

    ``quota`` is for what this object writes; the file does not keep it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderIdentity,
        durability: Durability = "full",
        cache_bytes: int = 0,
        read_only: bool = False,
        checksums: bool = False,
        graph_categories: tuple[str, ...] | None = None,
        statement_timeout: float | None = None,
        quota: Quota | None = None,
        image: bytes | None = None,
    ) -> None:
        self._database = Database(
            path,
            durability=durability,
            migrations=MIGRATIONS,
            read_only=read_only,
            checksums=checksums,
            statement_timeout=statement_timeout,
            image=image,
        )
        self._settings = Remembered(self._database, embedder)
        self._copies = Copies(embedder, statement_timeout)
        self._dimensions = embedder["dimensions"]
        self._columns = Columns(self._dimensions, cache_bytes)
        self._quotas = Quotas(quota) if quota else None
        self._counted: tuple[int, int, Counts] | None = None  # the version and the instant that the counts are of
        self._glanced: dict[tuple[str, str], tuple[bytes | None, list[dict[str, Any]]]] = {}
        """The documents that were glanced at, and the commit as of which each was read."""
        self.graphs = FileGraphs(self._database, self._settings)
        self.file = Upkeep(self._database, self._settings, lambda: self._columns.nbytes)
        try:
            self._settings.adopt(embedder, graph_categories)
        except BaseException:
            self.close()
            raise

    @property
    def read_only(self) -> bool:
        """Whether the file was opened for reading only."""
        return self._database.read_only

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The file's, as this process saw them last."""
        return self._settings.graph_categories

    def close(self) -> None:
        """Wait for running calls and close the file; closing twice does nothing."""
        self._database.close()

    # -- writing

    def apply(self, changes: Changes, visible: Visible) -> Applied:
        """Delete, update and add, in one transaction."""

        def work(connection: apsw.Connection) -> Applied:
            return writing.apply(connection, changes, visible, self._settings)

        if self._quotas is not None:
            return self._quotas.apply(self._database.write, holdings, changes, visible, work)
        applied: Applied = self._database.write(work)
        return applied

    def delete_matching(self, visible: Visible) -> int:
        """Delete all visible memories and return how many; expired ones that match are vacuumed."""
        sql, parameters = compile_filter(visible.expression)
        limit = self._database.limit()  # here, because another caller's thread may do the work

        def work(connection: apsw.Connection) -> int:
            with limited(connection, limit):
                expired = rows.matching_keys(connection, f"{sql} AND {EXPIRED}", [*parameters, visible.now])
                keys = rows.matching_keys(connection, sql, parameters)
            return writing.delete_found(connection, keys, expired, visible.now)

        count: int = self._database.write(work)
        return count

    def reset(self, expression: Expression, ids: Mapping[str, str], owner: str | None) -> None:
        """Remove the scopes that match, as if they had never been, and the exports that name all of ``ids``."""
        self._database.write(lambda connection: writing.reset(connection, expression, ids, owner))

    def erase(self, expression: Expression, names: Sequence[str]) -> dict[str, int]:
        """Remove every trace of the scopes that match from the bytes of the file and of its write-ahead log."""
        removed: dict[str, int] = self._database.write(lambda connection: writing.erase(connection, expression, names))
        self._columns.clear()
        self._database.maintain(maintenance.rewrite)
        return removed

    def vacuum(self, now: int) -> tuple[int, int]:
        """Remove what expired; return the number of memories, and the bytes the file shrank."""
        return maintenance.vacuum(self._database, now)

    def take(self, items: Iterable[Gone | AddEvent | FileSettings], now: int, *, by_scope: bool = False) -> int:
        """Keep what an export has beside memories, where there is nothing of the same name; return how many."""
        known = list(items)  # the work may be done twice

        def work(connection: apsw.Connection) -> int:
            return writing.take(connection, known, now, self._settings, by_scope=by_scope)

        kept: int = self._database.write(work)
        return kept

    def note_uses(self, uses: Mapping[str, Use]) -> None:
        """Add to the uses of the memories with these ids."""
        self._database.write(lambda connection: writing.note_uses(connection, uses))

    # -- reading

    def get_many(self, ids: Iterable[str], visible: Visible) -> dict[str, Record]:
        """Return the visible memories among these ids, by id."""
        asked = list(ids)
        with self._database.read(statements=len(asked) > 1) as connection:
            return reading.get_many(connection, asked, visible)

    @contextmanager
    def at(
        self,
        instant: int,
        within: Expression,
        remaking: Remaking,
        *,
        ids: Sequence[str] | None = None,
        query: Query | None = None,
    ) -> Iterator["SQLiteStore"]:
        """Yield a copy of what was stored at an instant."""
        from . import past  # few ask for it

        asked = replay.Asked(instant, within, ids, None if query is None else query.all_terms)
        with self._database.read() as connection:
            if query is not None:
                self._settings.check_embedder(connection)
            held = past.read(connection, asked, self._settings.categories(connection))
        made = replay.entries(held, remaking)
        with self._copies.opened(held, made) as copy:
            yield copy

    def existing(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that a memory has."""
        with self._database.read() as connection:
            return reading.existing(connection, ids)

    def repeats(self, additions: Sequence[Entry], now: int) -> list[Seen]:
        """Tell which additions a live memory of their scope covers."""
        with self._database.read(limited=False) as connection:
            return rows.repeats(connection, additions, now)

    def page(
        self, visible: Visible, limit: int, offset: int, *, after: str | None = None, relations: bool = False
    ) -> Listed:
        """Return visible memories from ``offset`` on, or after a cursor, newest first."""
        with self._database.read() as connection:
            return reading.page(connection, visible, limit, offset, after, relations=relations)

    @contextmanager
    def scanning(
        self, visible: Visible, *, logs: Expression | None = None, settings: bool = False, bounded: bool = False
    ) -> Iterator[Iterable[Exported]]:
        """Yield everything for an export, memories in the order of their keys.

        The snapshot ends with the block, however that ends. A generator would keep it for as long as somebody keeps
        the generator, as the traceback of an error does, and ``close`` would wait for it.
        """
        with self._database.read(limited=bounded) as connection:
            head = reading.settings(connection, self._settings.categories(connection)) if settings else []
            found: Iterable[Exported] = chain(head, reading.exported(connection, visible, logs))
            if self._database.path is not None:
                yield found
                return
            found = list(found)  # its only connection must not wait for whoever consumes this
        yield found

    @contextmanager
    def searching(self, visible: Visible, query: Query) -> Iterator[SnapshotReading]:
        """Yield what a search may return, from one snapshot."""
        with self._database.read() as connection:
            source = SnapshotSource(
                connection,
                self._settings.current,
                visible.expression,
                self._dimensions,
                self._database.touched.between,
            )
            with undamaged():
                found = self._columns.view(source, visible.expression, visible.horizon, query, latest=visible.latest)
            snapshot = SnapshotReading(connection, found, source.current, self._dimensions)
            if query.names:
                snapshot.add_entities(visible, query)
            yield snapshot

    def history(self, memory_id: str, visible: Visible) -> list[HistoryItem]:
        """Return a memory's changes in the scopes that match, oldest first."""
        with self._database.read() as connection:
            return reading.history(connection, memory_id, visible)

    def entities(self, visible: Visible) -> list[Entity]:
        """Return every user, agent, run and app with visible memories."""
        with self._database.read() as connection:
            return reading.entities(connection, visible)

    def events(
        self,
        visible: Visible,
        limit: int,
        offset: int,
        *,
        after: str | None = None,
        event_id: str | None = None,
        event_type: EventType | None = None,
    ) -> ListedEvents:
        """Return the calls of ``add`` in the scopes that match, newest first, or only the one with an id."""
        with self._database.read() as connection:
            if event_id is None:
                return reading.events(connection, visible, limit, offset, after, event_type)
            found = reading.event(connection, event_id, visible)
            return ListedEvents([] if found is None else [found], int(found is not None), None)

    def changes(self, after: int, follower: str | None, now: int, limit: int) -> list[ChangeItem]:
        """Return the changes after a number, oldest first."""
        with self._database.read() as connection:
            return reading.changes(connection, after, follower, now, limit)

    def last_change(self) -> int:
        """Return the number of the last change, 0 if there was none."""
        with self._database.read() as connection:
            return reading.last_change(connection)

    def counts(self, now: int) -> Counts:
        """Return the numbers of memories, and of users, agents, runs and apps."""
        with self._database.read() as connection:
            version = rows.current_version(connection)
            known = self._counted  # whole tables are counted, and monitoring asks for it all the time
            if known is None or known[0] != version or reading.expires_between(connection, known[1], now):
                self._counted = known = version, now, reading.counts(connection, now)
            return known[2].copy()

    def held(self, user_id: str, now: int) -> Held:
        """Count what a user keeps, superseded memories too, and no expired ones."""
        with self._database.read() as connection:
            return holdings.of_user(connection, user_id, now)

    def facts(self) -> StoreFacts:
        """Return the size of the file, and what it is made with."""
        return self.file.facts()

    def identity(self) -> EmbedderIdentity:
        """Return the embedder the file remembers."""
        with self._database.read() as connection:
            remembered: EmbedderIdentity | None = rows.remembered(connection, "embedder")
        return remembered or {"name": "", "dimensions": 0, "fingerprint": ""}

    def is_empty(self) -> bool:
        """Whether the file holds no memory at all."""
        with self._database.read() as connection:
            return connection.execute("SELECT 1 FROM memory LIMIT 1").get is None

    def scale(self) -> float | None:
        """Return the scale of that embedder's cosines, if the file remembers it."""
        with self._database.read() as connection:
            return self._settings.scale(connection)

    # -- jobs

    def claim(self, now: int, until: int, *, event_id: str | None = None) -> Claimed | None:
        """Claim the job that is due longest, or the one of an event, until an instant; None if there is none."""
        with self._database.read() as connection:
            if not queue.is_due(connection, now, event_id):
                return None
        token = new_id()
        claimed: Claimed | None = self._database.write(
            lambda connection: queue.claim(connection, now, until, token, event_id)
        )
        return claimed

    def give_back(
        self, claimed: Claimed, problem: str, due_at: int | None, spent: Mapping[str, float], now: int
    ) -> bool:
        """Return a job to the queue, or give it up."""
        held: bool = self._database.write(
            lambda connection: queue.give_back(connection, claimed, problem, due_at, spent, now)
        )
        return held

    def retry(self, within: Expression, now: int) -> int:
        """Put the jobs that were given up back into the queue."""
        count: int = self._database.write(lambda connection: queue.retry(connection, within, now))
        return count

    def jobs(self, within: Expression) -> Jobs:
        """Count the jobs."""
        with self._database.read() as connection:
            return queue.jobs(connection, within)

    def drawn(self, ids: Iterable[str], visible: Visible) -> list[Record]:
        """Return the visible facts that were drawn from any of the memories with these ids."""
        asked = list(ids)
        with self._database.read() as connection:
            return reading.drawn(connection, asked, visible)

    def costs(self, within: Expression) -> list[Cost]:
        """Return what models used for each scope."""
        with self._database.read() as connection:
            return queue.costs(connection, within)

    # -- documents

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """Return the documents of a kind, oldest first."""
        with self._database.read() as connection:
            return log.documents(connection, kind)

    def document(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one document, or None."""
        commit = self._database.commit
        with self._database.read() as connection:
            found = log.document(connection, kind, name)
        if (kind, name) in self._glanced:
            self._glanced[kind, name] = commit, [] if found is None else [found]
        return found

    def glance(self, kind: str, name: str) -> list[dict[str, Any]] | None:
        """Return the document of a name, or nothing in its place, if nobody wrote since ``document`` read it; else
        None."""
        commit, found = self._glanced.setdefault((kind, name), (None, []))
        return found if commit is not None and commit == self._database.commit else None

    def change_document(
        self, kind: str, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Replace a document by what ``change`` makes of it, in one transaction; return what it became."""
        changed: dict[str, Any] | None = self._database.write(
            lambda connection: log.change_document(connection, kind, name, change)
        )
        return changed

    # -- copying

    def attached(self, ids: Sequence[str]) -> dict[str, Attached]:
        """Return what memories have beside their records and histories, by id."""
        with self._database.read() as connection:
            self._settings.check_embedder(connection)
            return copying.attached(connection, ids)

    def all_documents(self) -> list[Document]:
        """Return the documents of every kind, oldest first."""
        with self._database.read() as connection:
            return copying.documents(connection)


class Copies:
    """Opens small stores in memory for what was held at instants."""

    def __init__(self, embedder: EmbedderIdentity, statement_timeout: float | None) -> None:
        self._embedder, self._statement_timeout = embedder, statement_timeout
        self._empty: bytes | None = None  # an empty store in memory, once one was needed

    @contextmanager
    def opened(self, held: replay.Held, made: Sequence[Entry]) -> Iterator[SQLiteStore]:
        """Yield a store of what was held at an instant; ``made`` has an entry for each memory that was changed."""
        from . import past

        limit = self._statement_timeout
        with closing(
            SQLiteStore(":memory:", embedder=self._embedder, statement_timeout=limit, image=self._empty)
        ) as copy:
            if self._empty is None:
                self._empty = copy._database.image()
            copy._database.write(lambda connection: past.fill(connection, held, made))
            yield copy


@contextmanager
def reembedding(path: str | os.PathLike[str], embedder: EmbedderIdentity) -> Iterator[FileReembedding]:
    """Open a file without comparing embedders, to give it the vectors of this one."""
    database = Database(path, durability="full", migrations=MIGRATIONS)
    try:
        yield FileReembedding(database, embedder)
    finally:
        database.close()
