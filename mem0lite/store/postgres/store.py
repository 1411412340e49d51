"""The memories of one database: each method is one transaction or one snapshot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any

from ...data.filters import Expression
from ...data.jsonl import Exported
from ...data.records import AddEvent, FileSettings, Gone, Record
from ...search.query import Query
from ...types import ChangeItem, Counts, EmbedderIdentity, Entity, EventType, HistoryItem
from ...values import new_id
from .. import replay
from ..columns import Columns
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
    Reads,
    Remaking,
    Seen,
    StoreFacts,
    Use,
    Visible,
)
from ..quotas import Quota, Quotas
from . import copying, holdings, log, maintenance, past, queue, reading, rows, writing
from .database import Connection, Database, Settings
from .filter_sql import compile_filter
from .graph import DatabaseGraphs
from .reading import SnapshotReading
from .schema import EXPIRED, SCHEMA, SCHEMA_VERSION
from .settings import Remembered
from .source import SnapshotSource

Copying = Callable[[replay.Held, Sequence[Entry]], AbstractContextManager[Reads]]
"""Opens a small store with what was held at an instant."""


class PostgresStore:
    """A ``protocol.Store`` in a PostgreSQL database, which says what each method does.

    ``embedder`` is compared with the one the store remembers, on opening and in every transaction that touches vectors.
    Raises EmbedderMismatchError when they differ.

    ``cache_bytes`` is about how much memory searches may keep vectors in; what does not fit is read for each search.

    ``graph_categories`` are given to a store that has none, and no memories. It keeps them, for every writer.

    ``quota`` is for what this object writes; the store does not keep it.
    """

    file = None
    """``pg_dump`` copies a database, and ``pg_amcheck`` checks it."""

    def __init__(
        self,
        url: str,
        *,
        embedder: EmbedderIdentity,
        copying: Copying,
        cache_bytes: int = 0,
        read_only: bool = False,
        graph_categories: tuple[str, ...] | None = None,
        statement_timeout: float | None = None,
        quota: Quota | None = None,
    ) -> None:
        self._database = Database(
            url, read_only=read_only, statement_timeout=statement_timeout, settings=Settings.of_environment()
        )
        self._settings = Remembered(self._database, embedder)
        self._copying = copying
        self._dimensions = embedder["dimensions"]
        self._columns = Columns(self._dimensions, cache_bytes)
        self._quotas = Quotas(quota) if quota else None
        self._counted: tuple[int, int, Counts] | None = None  # the version and the instant that the counts are of
        self.graphs = DatabaseGraphs(self._database, self._settings)
        try:
            self._settings.adopt(graph_categories)
        except BaseException:
            self.close()
            raise

    @property
    def read_only(self) -> bool:
        """Whether the store was opened for reading only."""
        return self._database.read_only

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The store's, as this process saw them last."""
        return self._settings.graph_categories

    def close(self) -> None:
        """Wait for running calls and close the connections; closing twice does nothing."""
        self._database.close()

    # -- writing

    def apply(self, changes: Changes, visible: Visible) -> Applied:
        """Delete, update and add, in one transaction."""

        def work(connection: Connection) -> Applied:
            return writing.apply(connection, changes, visible, self._settings)

        if self._quotas is not None:
            return self._quotas.apply(self._database.write, holdings, changes, visible, work)
        applied: Applied = self._database.write(work)
        return applied

    def delete_matching(self, visible: Visible) -> int:
        """Delete all visible memories and return how many; expired ones that match are vacuumed."""
        sql, parameters = compile_filter(visible.expression)
        limit = self._database.limit()

        def work(connection: Connection) -> int:
            with self._database.bounded(connection, limit):
                expired = writing.matching_keys(connection, f"{sql} AND {EXPIRED}", [*parameters, visible.now])
                keys = writing.matching_keys(connection, sql, parameters)
            return writing.delete_found(connection, keys, expired, visible.now)

        count: int = self._database.write(work)
        return count

    def reset(self, expression: Expression, ids: Mapping[str, str], owner: str | None) -> None:
        """Remove the scopes that match, as if they had never been, and the exports that name all of ``ids``."""
        self._database.write(lambda connection: writing.reset(connection, expression, ids, owner))

    def erase(self, expression: Expression, names: Sequence[str]) -> dict[str, int]:
        """Remove every trace of the scopes that match. The old rows are overwritten as far as VACUUM does it; what the
        write-ahead log and its archive hold is the server's affair."""
        removed: dict[str, int] = self._database.write(lambda connection: writing.erase(connection, expression, names))
        self._columns.clear()
        self._database.vacuum()
        return removed

    def vacuum(self, now: int) -> tuple[int, int]:
        """Remove what expired; return the number of memories, and 0 bytes: autovacuum makes room for new rows."""
        return maintenance.vacuum(self._database, now), 0

    def take(self, items: Iterable[Gone | AddEvent | FileSettings], now: int, *, by_scope: bool = False) -> int:
        """Keep what an export has beside memories, where there is nothing of the same name; return how many."""
        known = list(items)  # the work may be done twice
        kept: int = self._database.write(
            lambda connection: writing.take(connection, known, now, self._settings, by_scope=by_scope)
        )
        return kept

    def note_uses(self, uses: Mapping[str, Use]) -> None:
        """Add to the uses of the memories with these ids."""
        self._database.write(lambda connection: writing.note_uses(connection, uses), locked=False)

    # -- reading

    def get_many(self, ids: Iterable[str], visible: Visible) -> dict[str, Record]:
        """Return the visible memories among these ids, by id."""
        with self._database.read() as connection:
            return reading.get_many(connection, ids, visible)

    @contextmanager
    def at(
        self,
        instant: int,
        within: Expression,
        remaking: Remaking,
        *,
        ids: Sequence[str] | None = None,
        query: Query | None = None,
    ) -> Iterator[Reads]:
        """Yield a copy of what was stored at an instant."""
        asked = replay.Asked(instant, within, ids, None if query is None else query.all_terms)
        with self._database.read() as connection:
            if query is not None:
                self._settings.check_embedder(connection)
            held, kept = past.read(connection, asked, self._settings.categories(connection))
        made = [*replay.entries(held, remaking), *(past.as_it_is(one) for one in kept)]
        with self._copying(held._replace(changed=[*held.changed, *kept]), made) as copy:
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
        """Yield everything for an export, memories in the order of their keys."""
        with self._database.read(limited=bounded) as connection:
            head = reading.settings(connection, self._settings.categories(connection)) if settings else []
            yield chain(head, reading.exported(connection, visible, logs))

    @contextmanager
    def searching(self, visible: Visible, query: Query) -> Iterator[SnapshotReading]:
        """Yield what a search may return, from one snapshot."""
        with self._database.read() as connection:
            source = SnapshotSource(connection, self._settings, visible.expression, self._dimensions)
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
        """Return the size of the tables with their indexes, and what the store is made with."""
        with self._database.read() as connection:
            size, checksums = connection.first(
                "SELECT sum(pg_total_relation_size(c.oid))::bigint, current_setting('data_checksums') "
                "FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r'",
                (SCHEMA,),
            )
        return StoreFacts(size, self._columns.nbytes, checksums == "on", SCHEMA_VERSION)

    def identity(self) -> EmbedderIdentity:
        """Return the embedder the store remembers."""
        with self._database.read() as connection:
            remembered = self._settings.identity(connection)
        return remembered or {"name": "", "dimensions": 0, "fingerprint": ""}

    def is_empty(self) -> bool:
        """Whether the store holds no memory at all."""
        with self._database.read() as connection:
            return connection.first("SELECT 1 FROM memory LIMIT 1") is None

    def scale(self) -> float | None:
        """Return the scale of that embedder's cosines, if the store remembers it."""
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
        with self._database.read() as connection:
            return log.document(connection, kind, name)

    def glance(self, kind: str, name: str) -> None:
        """Return None: every look takes a round trip."""

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
