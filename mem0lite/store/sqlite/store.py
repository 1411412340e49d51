"""The memories of one file: each method is one transaction or one snapshot."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import apsw

from ...data.filters import EVERYTHING, SCOPE_IDS, Expression, scope_part
from ...data.jsonl import Exported
from ...data.records import AddEvent, FileSettings, Gone, Record, Scope
from ...embedding.prompts import PROMPTED
from ...errors import CorruptFileError, DatabaseError, EmbedderMismatchError
from ...files import appearing, beside
from ...graph import Graph
from ...search.query import Query
from ...search.text import TERMS_VERSION, indexed_text
from ...search.view import Ranked, View
from ...types import (
    ChangeItem,
    Counts,
    EmbedderIdentity,
    Entity,
    Event,
    EventItem,
    GraphResult,
    GraphStats,
    HistoryItem,
    Relation,
)
from ...values import to_iso
from . import check, cursors, graph, log, rows
from . import file as sqlite_file
from .cache import Cache
from .check import Finding
from .damage import check_agreement, check_order, text, undamaged
from .database import BUSY_TIMEOUT_MS, Database, Durability, limited, translated
from .filter_sql import compile_filter, composed
from .rows import Entry
from .schema import EXPIRED, LIVE, MEMORIES, MEMORY_BY_ID, MIGRATIONS, TABLES, condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_VACUUM_BATCH = 1_000  # expired memories removed per transaction, so that writers get their turn
_GRAPH, _FOLLOWED, _UNFINISHED = "graph", "graph_followed", "graph_unfinished"
"""What the file remembers: its graph categories, that all writers follow them, and that work is left."""
_BEFORE_ALL = 2**63 - 1  # in lists that begin with what is highest
_EVENT_LIFETIME = 30 * 24 * 3600 * 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Call:
    """One ``add``: how many of the entries inserted with it are its own."""

    event_id: str
    scope: Scope
    entries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry."""

    record: Record
    """The memory that the file holds now: the entry's, or the one it repeats."""
    added: bool


@dataclass(frozen=True, slots=True)
class Update:
    """A change of one live memory, noted in its history as ``event``."""

    memory_id: str
    change: Callable[[Record], Record]
    vector: bytes | None = None
    """The unit vector of the new text, if the text changes."""
    event: Event = "UPDATE"
    graph: Callable[[Record], Graph | None] | None = None
    """What the changed memory names and states; None leaves that as it is."""


class CategoriesChangedError(Exception):
    """The file's graph categories are others than those that a call has made graphs for; nothing of it was stored."""

    def __init__(self, categories: tuple[str, ...]) -> None:
        super().__init__(*categories)
        self.categories = categories


class Reading:
    """The snapshot of one search; not to be used after it."""

    def __init__(self, connection: apsw.Connection, view: View, graph_categories: tuple[str, ...]) -> None:
        self._connection = connection
        self.view = view
        self.graph_categories = graph_categories

    def records(self, ranked: Sequence[Ranked]) -> list[Record]:
        """Return the memories in this order."""
        found = rows.by_keys(self._connection, [result.key for result in ranked])
        if len(found) < len(ranked):
            raise DatabaseError("The file was replaced by another while it was open. Close it and open it again.")
        return [rows.to_record(row) for row in found]

    def relations(self, ranked: Sequence[Ranked]) -> list[Relation]:
        """Return what the memories state, in this order."""
        return graph.relations_of(self._connection, [result.key for result in ranked])

    def vectors(self, ranked: Sequence[Ranked]) -> "NDArray[np.float32]":
        """Return their unit vectors in this order, shape (len(ranked), dimensions)."""
        import numpy as np

        view = self.view
        if view.vectors is not None and view.slots is not None:
            return view.vectors[view.slots[[one.position for one in ranked]]]
        found = dict(
            self._connection.execute(
                "SELECT key, embedding FROM vector WHERE key IN (SELECT value FROM json_each(?))",
                (json.dumps([one.key for one in ranked]),),
            )
        )
        return np.stack([np.frombuffer(found[one.key], dtype="<f4") for one in ranked])


class Store:
    """The memories of one file.

    ``embedder`` is compared with the one the file remembers, on opening and in every transaction that touches
    vectors; None opens the file for re-embedding only. Raises EmbedderMismatchError when they differ.

    ``within`` is a condition on scope ids that must hold in the same transaction as the rest of the call; what does
    not meet it is as if it were not there.

    ``cache_bytes`` is about how much memory searches may keep vectors in; what does not fit is read for each search.

    ``graph_categories`` says whose memories are in the graph of a file that has no such categories and no memories
    yet. The file keeps them, for whoever writes it. Whoever gives graphs to ``insert``, ``update`` and ``put_graphs``
    says which categories these are of: CategoriesChangedError where the file has others by then.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderIdentity | None,
        durability: Durability,
        cache_bytes: int = 0,
        read_only: bool = False,
        checksums: bool = False,
        graph_categories: tuple[str, ...] | None = None,
        statement_timeout: float | None = None,
    ) -> None:
        self.graph_categories: tuple[str, ...] = ()
        """The file's, as the last call of this process that looked at them found them."""
        self._database = Database(
            path,
            durability=durability,
            migrations=MIGRATIONS,
            read_only=read_only,
            checksums=checksums,
            statement_timeout=statement_timeout,
        )
        self._embedder = embedder
        self._cache = Cache(embedder["dimensions"] if embedder else 0, cache_bytes)
        try:
            if embedder is not None:
                self._adopt(embedder, graph_categories)
        except BaseException:
            self.close()
            raise

    @property
    def read_only(self) -> bool:
        """Whether the file was opened for reading only."""
        return self._database.read_only

    @property
    def statement_timeout(self) -> float | None:
        """For how many seconds a call may read the file; None is for any."""
        return self._database.statement_timeout

    @property
    def checksums(self) -> bool:
        """Whether every page of the file has a checksum."""
        return self._database.checksums

    def close(self) -> None:
        """Wait for running calls and close the file; closing twice does nothing."""
        self._database.close()

    # -- writing

    def insert(
        self, entries: Sequence[Entry], now: int, calls: Sequence[Call] = (), *, categories: tuple[str, ...]
    ) -> list[Outcome]:
        """Insert all entries or none; return what became of each.

        ``calls`` are the events to keep: whose the entries are, in their order.
        """

        def work(connection: apsw.Connection) -> list[Outcome]:
            self._check_embedder(connection)
            self._check_categories(connection, categories)
            scopes: dict[Scope, rows.ScopeRow] = {}
            outcome: list[Outcome] = []
            for asked in dict.fromkeys([*(entry.record.scope for entry in entries), *(call.scope for call in calls)]):
                scopes[asked] = rows.scope_row(connection, asked)
            version = rows.next_version(connection)
            for entry in entries:
                scope = scopes[entry.record.scope]
                kept = rows.existing(connection, entry, scope, now)
                if kept is None:
                    rows.insert(connection, entry, scope, version, now)
                outcome.append(Outcome(kept or entry.record, kept is None))
            rows.note_inserted(connection, version, scopes.values())
            given = iter(outcome)
            connection.executemany(
                "INSERT INTO event (id, scope, created_at, results) VALUES (?, ?, ?, ?)",
                [
                    (call.event_id, scopes[call.scope].number, now, _to_results(islice(given, call.entries)))
                    for call in calls
                ],
            )
            return outcome

        outcome: list[Outcome] = self._database.write(work)
        return outcome

    def insert_histories(self, entries: Sequence[Gone], now: int, *, by_scope: bool = False) -> int:
        """Keep the histories of memories that are gone, unless there is one of that id, or with ``by_scope`` of that id
        in that scope; return how many were kept."""

        def work(connection: apsw.Connection) -> int:
            kept = 0
            for gone in entries:
                scope = rows.scope_row(connection, gone.scope).number
                if not log.history(connection, gone.memory_id, EVERYTHING, scope if by_scope else None):
                    log.note(connection, [(scope, gone.memory_id, change) for change in gone.changes], now)
                    kept += 1
            return kept

        kept: int = self._database.write(work)
        return kept

    def insert_events(self, events: Sequence[AddEvent]) -> int:
        """Keep calls of ``add``, unless there is one of that id; return how many were kept."""

        def work(connection: apsw.Connection) -> int:
            return sum(
                log.insert_event(connection, event, rows.scope_row(connection, event.scope).number) for event in events
            )

        kept: int = self._database.write(work)
        return kept

    def take_settings(self, settings: FileSettings) -> int:
        """Keep the settings that the file lacks: of the project, and its graph categories while it has no memories;
        return how many were kept."""

        def work(connection: apsw.Connection) -> int:
            before = log.document(connection, "project", "") or {}
            new = {name: value for name, value in settings.project.items() if name not in before}
            if new:
                log.put_document(connection, "project", "", {**before, **new})
            if chosen := self._chosen(connection, tuple(settings.graph_categories)):
                rows.remember(connection, _GRAPH, list(chosen))
                self._categories(connection)
            return len(new) + bool(chosen)

        kept: int = self._database.write(work)
        return kept

    def update(
        self, updates: Sequence[Update], within: Expression, now: int, *, categories: tuple[str, ...] | None = None
    ) -> list[Record]:
        """Change live memories, each with a row of its history: all of them or none. Return what they became.
        ``categories`` are those of the graphs, if there are any.

        Raises MemoryNotFoundError, also for a memory that does not match ``within``, or what a change raises.
        """

        def work(connection: apsw.Connection) -> list[Record]:
            self._check_embedder(connection)
            if categories is not None:
                self._check_categories(connection, categories)
            version = rows.next_version(connection)
            changed = []
            for update in updates:
                key, before = rows.live_record(connection, update.memory_id, within, now)
                after = update.change(before)
                rows.rewrite(connection, key, after, version)
                if update.vector is not None:
                    rows.reindex(connection, key, before, after, update.vector)
                if update.graph is not None:
                    graph.put(connection, key, update.graph(after))
                change = log.change(update.event, before, replace(after, updated_at=now))
                log.note(connection, [(key >> 32, before.id, change)], now)
                rows.note_rewritten(connection, version, [key >> 32])
                changed.append(after)
            return changed

        changed: list[Record] = self._database.write(work)
        return changed

    def delete(self, memory_ids: Sequence[str], within: Expression, now: int) -> None:
        """Delete live memories that match ``within``, all or none, and note that in their histories. Raises
        MemoryNotFoundError."""

        def work(connection: apsw.Connection) -> None:
            keys = [rows.live_record(connection, memory_id, within, now, "")[0] for memory_id in memory_ids]
            rows.delete(connection, list(dict.fromkeys(keys)), now)

        self._database.write(work)

    def delete_matching(self, expression: Expression, now: int) -> int:
        """Delete all live memories that match and return how many; their histories stay. Expired ones are vacuumed."""
        sql, parameters = compile_filter(expression)
        limit = self._database.limit()  # here, because another caller's thread may do the work

        def work(connection: apsw.Connection) -> int:
            with limited(connection, limit):
                expired = rows.matching_keys(connection, f"{sql} AND {EXPIRED}", [*parameters, now])
                keys = rows.matching_keys(connection, sql, parameters)
            rows.purge(connection, expired)
            keys = sorted(set(keys).difference(expired))
            rows.delete(connection, keys, now)
            return len(keys)

        count: int = self._database.write(work)
        return count

    def reset(self, expression: Expression, ids: Mapping[str, str], owner: str | None) -> None:
        """Remove the memories and the histories of every scope that matches, as if they had never been, and the exports
        that name all of ``ids``, except those of other users' views; with ``owner`` only those of that user's."""

        def work(connection: apsw.Connection) -> None:
            if expression == EVERYTHING:
                rows.next_version(connection)
                for table in set(TABLES) - {"meta", "document", "follower"}:
                    connection.execute(f"DELETE FROM {table}")
                log.forget_followers(connection)
                connection.execute("DELETE FROM document WHERE kind = 'export'")
                return
            _remove_scopes(connection, expression)
            connection.execute(
                "DELETE FROM document AS d WHERE kind = 'export' AND (?1 IS NULL OR nfc(d.value ->> 'user_id') = ?1) "
                "AND (?3 IS NULL OR ifnull(nfc(d.value ->> 'user_id'), ?3) = ?3) "
                "AND NOT EXISTS (SELECT 1 FROM json_each(?2) n WHERE NOT EXISTS (SELECT 1 FROM json_tree(d.value) t "
                "WHERE nfc(CAST(t.atom AS TEXT)) = n.value AND instr(t.fullkey, n.key) > 0))",  # as that kind of id
                (owner, json.dumps(dict(ids)), ids.get("user_id")),
            )

        self._database.write(work)

    def erase(self, expression: Expression, names: Sequence[str]) -> dict[str, int]:
        """Remove every trace of the scopes that match from the bytes of the file and its write-ahead log, with every
        export that holds one of ``names`` anywhere.

        Returns how many rows of each kind there were. Raises DatabaseBusyError when somebody reads for so long that
        older pages could not be overwritten.
        """

        def work(connection: apsw.Connection) -> dict[str, int]:
            removed = _remove_scopes(connection, expression)
            connection.execute(
                "DELETE FROM document AS d WHERE kind = 'export' AND EXISTS (SELECT 1 FROM json_tree(d.value) t "
                "JOIN json_each(?) n ON nfc(CAST(t.atom AS TEXT)) = n.value)",
                (json.dumps(list(names)),),
            )
            return {**removed, "exports": connection.changes()}

        removed: dict[str, int] = self._database.write(work)
        self._cache.clear()
        self._database.maintain(_rewrite)
        return removed

    def vacuum(self, now: int) -> tuple[int, int]:
        """Remove expired memories with all that belongs to them; return their number and the bytes the file shrank."""

        def work(connection: apsw.Connection) -> int:
            batch = rows.fetch(connection, f"SELECT m.key FROM memory m WHERE {EXPIRED} LIMIT {_VACUUM_BATCH}", (now,))
            check_agreement(rows.purge(connection, [key for (key,) in batch]), len(batch))
            return len(batch)

        removed = 0
        while count := self._database.write(work):
            removed += count
        while self._database.write(lambda connection: _forget(connection, now)):
            pass
        return removed, self._database.maintain(_shrink)

    # -- reading

    def get(self, memory_id: str, within: Expression, now: int | None) -> Record | None:
        """Return a memory if it matches ``within``; with ``now`` None an expired one too."""
        where, parameters = condition(within, now)
        with self._database.read() as connection:
            sql = f"SELECT {rows.COLUMNS} {MEMORY_BY_ID} AND {where}"
            row = rows.fetch_first(connection, sql, (memory_id, *parameters))
        return None if row is None else rows.to_record(row)

    def page(
        self,
        expression: Expression,
        now: int | None,
        limit: int,
        offset: int,
        *,
        after: str | None = None,
        relations: bool = False,
    ) -> tuple[list[Record], int, str | None, list[Relation]]:
        """Return the matching memories from ``offset`` on, or after a cursor, newest first (later ones first at equal
        dates), how many match in all, the cursor for those that follow, and with ``relations`` what those returned
        state."""
        where, parameters = condition(expression, now)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {MEMORIES} WHERE {where}", parameters).get
            passed = _position(connection, "memories", after)
            found = rows.fetch(
                connection,
                f"SELECT m.created_at, m.key {MEMORIES} WHERE {where} AND (m.created_at, m.key) < (?, ?) "
                "ORDER BY m.created_at DESC, m.key DESC LIMIT ? OFFSET ?",
                (*parameters, *passed, min(limit, total) + 1, min(offset, total)),
            )
            check_order([(created_at, key) for created_at, key in found], passed, descending=True)
            found, following = _cut(connection, "memories", found, limit)
            chosen = [key for _, key in found]
            records = [rows.to_record(row) for row in rows.by_keys(connection, chosen)]
            return records, total, following, graph.relations_of(connection, chosen) if relations else []

    @contextmanager
    def scanning(
        self,
        expression: Expression,
        now: int | None,
        *,
        logs: Expression | None = None,
        settings: bool = False,
        bounded: bool = False,
    ) -> Iterator[Iterable[Exported]]:
        """Yield every matching memory with its history, in key order, then the histories of those that are no more and
        the events of the scopes that match ``logs``; with ``settings`` those of the file first. All from one snapshot.

        It may take as long as whoever consumes it, unless it is ``bounded``. The snapshot ends with the block, however
        that ends. A generator would keep it for as long as somebody keeps the generator, as the traceback of an error
        does, and ``close`` would wait for it.
        """
        where, parameters = condition(expression, now)
        with self._database.read(limited=bounded) as connection:
            read = connection.execute(f"SELECT {rows.COLUMNS} {MEMORIES} WHERE {where} ORDER BY m.key", parameters)
            found: Iterable[Exported] = chain(
                self._settings(connection) if settings else (),
                ((rows.to_record(row), log.history(connection, row[1], EVERYTHING, row[0] >> 32)) for row in read),
                () if logs is None else log.gone(connection, logs),
                () if logs is None else log.add_events(connection, logs),
            )
            if self._database.path is not None:
                yield found
                return
            found = list(found)  # its only connection must not wait for whoever consumes this
        yield found

    def _settings(self, connection: apsw.Connection) -> list[FileSettings]:
        """Return the settings of the file, if there are any."""
        found = FileSettings(log.document(connection, "project", "") or {}, self._categories(connection))
        return [found] if found.project or found.graph_categories else []

    def existing(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that the file holds, expired or not."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT id FROM memory WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
            )
            return {memory_id for (memory_id,) in found}

    @contextmanager
    def searching(self, expression: Expression, now: int | None, query: Query) -> Iterator["Reading"]:
        """Yield what a search may return, from one snapshot: every live memory of the scopes the expression asks for,
        which of them match it, and the keyword postings of the query's terms."""
        with self._database.read() as connection:
            view = self._cache.view(connection, self._check_embedder, expression, now, query)
            categories = self._categories(connection)
            if query.names:
                view = replace(
                    view, entities=_signals(view, graph.evidence(connection, expression, now, query.names, query.asked))
                )
            yield Reading(connection, view, categories)

    def history(self, memory_id: str, within: Expression, now: int | None) -> list[HistoryItem]:
        """Return the changes a memory had in the scopes of ``within``, oldest first; of an expired memory none, as if
        it were vacuumed already."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            hidden = (
                now is not None
                and connection.execute(
                    f"SELECT 1 {MEMORY_BY_ID} AND {where} AND {EXPIRED}", (memory_id, *parameters, now)
                ).get
            )
            changes = [] if hidden else log.history(connection, memory_id, within)
        return [change.to_item(memory_id) for change in changes]

    def entities(self, within: Expression, now: int) -> list[Entity]:
        """Return every user, agent, run and app with live memories that match ``within``, each with their number and
        first and last date."""
        entities: list[Entity] = []
        where, parameters = condition(within, now)
        with self._database.read() as connection, undamaged():
            for column in SCOPE_IDS:
                found = connection.execute(
                    f"SELECT {composed('name')}, sum(memories), min(first), max(last) FROM ("
                    f"SELECT s.{column} AS name, count(*) AS memories, min(m.created_at) AS first, "
                    f"max(m.updated_at) AS last {MEMORIES} WHERE s.{column} IS NOT NULL AND {where} GROUP BY 1"
                    ") GROUP BY 1 ORDER BY 1",
                    parameters,
                )
                kind: Any = column.removesuffix("_id")
                entities += [
                    {
                        "id": text(name),
                        "type": kind,
                        "total_memories": count,
                        "created_at": to_iso(first),
                        "updated_at": to_iso(last),
                    }
                    for name, count, first, last in found
                ]
        return entities

    def events(
        self, within: Expression, now: int, limit: int, offset: int, after: str | None = None
    ) -> tuple[list[EventItem], int, str | None]:
        """Return the calls of ``add`` in the scopes that match, newest first, from ``offset`` on, or after a cursor,
        how many there are in all, and the cursor for those that follow."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {log.EVENTS} WHERE {where}", parameters).get
            passed, _ = _position(connection, "events", after)
            found = rows.fetch(
                connection,
                f"SELECT e.sequence, 0, {log.EVENT_COLUMNS} {log.EVENTS} WHERE {where} AND e.sequence < ? "
                "ORDER BY e.sequence DESC LIMIT ? OFFSET ?",
                (*parameters, passed, min(limit, total) + 1, min(offset, total)),
            )
            check_order([sequence for sequence, *_ in found], passed, descending=True)
            found, following = _cut(connection, "events", found, limit)
            return [log.to_event(connection, row[2:], now) for row in found], total, following

    def event(self, event_id: str, within: Expression, now: int) -> EventItem | None:
        """Return a call of ``add`` if its scope matches ``within``."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            sql = f"SELECT {log.EVENT_COLUMNS} {log.EVENTS} WHERE e.id = ? AND {where}"
            row = rows.fetch_first(connection, sql, (event_id, *parameters))
            return None if row is None else log.to_event(connection, row, now)

    def changes(self, after: int, follower: str | None, now: int, limit: int) -> list[ChangeItem]:
        """Return the changes noted after the one with the number ``after``, oldest first; of expired memories none.

        With ``follower`` those of one user, under the numbers that they have among these.
        """
        number = "h.sequence" if follower is None else "h.number"
        whose = "?1 IS NULL" if follower is None else "h.follower_id = (SELECT id FROM follower WHERE user_id = ?1)"
        with self._database.read() as connection:
            found = rows.fetch(
                connection,
                f"SELECT {number}, h.memory_id, s.user_id, s.agent_id, s.run_id, s.app_id, {log.CHANGES} "
                f"FROM history h JOIN scope s ON s.id = h.scope WHERE {whose} AND {number} > ?2 AND NOT EXISTS "
                "(SELECT 1 FROM memory m WHERE m.id = h.memory_id AND m.key >> 32 = h.scope "
                f"AND {EXPIRED.replace('?', '?3')}) ORDER BY {number} LIMIT ?4",
                (follower, after, now, limit),
            )
            check_order([sequence for sequence, *_ in found], after)
        return [
            cast("ChangeItem", {**log.to_change(change).to_item(memory_id), "sequence": sequence, **log.to_ids(ids)})
            for sequence, memory_id, *ids, change in ((*row[:6], row[6:]) for row in found)
        ]

    def last_change(self) -> int:
        """Return the sequence number of the last change noted, 0 when there was none."""
        with self._database.read() as connection:
            last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").get
        return int(last or 0)

    # -- the graph

    def graph(self, expression: Expression, now: int | None, entity: str | None, depth: int, limit: int) -> GraphResult:
        """Return the entities and relations of the memories that match: up to ``depth`` relations away from an
        entity's name, nearest first, or without one those that most memories name."""
        with self._database.read() as connection:
            return graph.read(connection, expression, now, entity, depth, limit)

    def graph_stats(self) -> GraphStats:
        """Return the graph categories, the numbers of entities and relations, and whether these are of just them."""
        with self._database.read() as connection:
            entities, relations = graph.counts(connection)
            categories = list(self._categories(connection))
            current = rows.remembered(connection, _UNFINISHED) is None
        return {"categories": categories, "current": current, "entities": entities, "relations": relations}

    def graph_moves(self, categories: tuple[str, ...] | None) -> tuple[tuple[str, ...], int, int, int]:
        """Return the graph categories, or those given; how many memories are of them; and how many would enter and
        leave the graph to make it theirs."""
        with self._database.read() as connection:
            before = self._categories(connection)
            after = before if categories is None else categories
            return after, *graph.moves(connection, before, after)

    def begin_graph(self, categories: tuple[str, ...]) -> None:
        """Have every writer follow these graph categories from now on, and note that the graph is still to be made."""

        def work(connection: apsw.Connection) -> None:
            rows.remember(connection, _GRAPH, list(categories))
            rows.remember(connection, _UNFINISHED, True)

        self._database.write(work)
        self.graph_categories = categories

    def finish_graph(self, categories: tuple[str, ...]) -> None:
        """Note that the graph is made."""

        def work(connection: apsw.Connection) -> None:
            self._check_categories(connection, categories)
            connection.execute("DELETE FROM meta WHERE name = ?", (_UNFINISHED,))

        self._database.write(work)

    def after(self, key: int, limit: int) -> list[tuple[int, Record]]:
        """Return the memories whose keys come after one, expired ones too, with their keys."""
        with self._database.read() as connection:
            found = rows.fetch(connection, "SELECT key FROM memory WHERE key > ? ORDER BY key LIMIT ?", (key, limit))
            keys = [one for (one,) in found]
            check_order(keys, key)
            whole = rows.by_keys(connection, keys)
            check_agreement(len(whole), len(keys))
            return [(row[0], rows.to_record(row)) for row in whole]

    def put_graphs(
        self, keys: Sequence[int], graph_of: Callable[[Record], Graph | None], *, categories: tuple[str, ...]
    ) -> None:
        """Replace what memories name and state; what is gone meanwhile is passed over."""

        def work(connection: apsw.Connection) -> None:
            self._check_categories(connection, categories)
            for row in rows.by_keys(connection, keys):
                graph.put(connection, row[0], graph_of(rows.to_record(row)))

        self._database.write(work)

    # -- documents

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """Return the documents of a kind, oldest first."""
        with self._database.read() as connection:
            found = rows.fetch(connection, "SELECT value FROM document WHERE kind = ? ORDER BY sequence", (kind,))
        return [log.to_document(value) for (value,) in found]

    def document(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one document, or None."""
        with self._database.read() as connection:
            return log.document(connection, kind, name)

    def change_document(
        self, kind: str, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Replace a document by ``change`` of it, in one transaction; None is no document. Return what it became."""

        def work(connection: apsw.Connection) -> dict[str, Any] | None:
            value = change(log.document(connection, kind, name))
            if value is None:
                connection.execute("DELETE FROM document WHERE kind = ? AND name = ?", (kind, name))
            else:
                log.put_document(connection, kind, name, value)
            return value

        changed: dict[str, Any] | None = self._database.write(work)
        return changed

    def counts(self, now: int) -> Counts:
        """Return the numbers of live and expired memories, and of users, agents, runs and apps with live ones."""
        with self._database.read() as connection:
            live, expired = connection.execute(
                f"SELECT count(*) FILTER (WHERE {LIVE}), count(*) FILTER (WHERE {EXPIRED}) FROM memory m", (now, now)
            ).get
            users, agents, runs, apps = (
                connection.execute(f"SELECT count(DISTINCT s.{column}) {MEMORIES} WHERE {LIVE}", (now,)).get
                for column in SCOPE_IDS
            )
        return {
            "memories": live,
            "expired": expired,
            "users": users,
            "agents": agents,
            "runs": runs,
            "apps": apps,
        }

    def size(self) -> int:
        """Return the size of the file's pages in bytes."""
        with self._database.read() as connection:
            return int(connection.pragma("page_count") * connection.pragma("page_size"))

    def cached_bytes(self) -> int:
        """Return about how much memory searches keep vectors in."""
        return self._cache.nbytes

    # -- the file as a whole

    def backup(self, path: Path) -> None:
        """Write a consistent, compact copy to a new file, readable by its owner alone, while others may write.

        Raises DatabaseError when the target exists or cannot be written; a partial copy is removed.
        """
        if path.exists():
            raise DatabaseError(f"{path} exists already. Give a new path, or move it away.")
        with appearing(path) as partial:
            self._database.aside(
                lambda connection: sqlite_file.write_copy(connection, partial, checksums=self.checksums), rescue=True
            )

    @classmethod
    def restore(cls, backup: Path, path: Path, *, replace: bool, checksums: bool) -> int:
        """Put a checked copy of a backup at ``path`` and return its number of memories.

        With ``replace`` the rows of a store that is there are exchanged in one transaction; it keeps its page
        checksums, or stays without. Raises DatabaseError when there is one otherwise, CorruptFileError when the backup
        is not sound, and what opening a file raises.
        """
        there = path.exists()
        if there and not replace:
            raise DatabaseError(f"{path} exists already. Give a new path, or replace it.")
        if there and backup.exists() and path.samefile(backup):
            raise DatabaseError(f"{path} is the backup itself. Give another path.")
        with (beside if there else appearing)(path) as copied:
            with translated(str(backup)):
                sqlite_file.copy(backup, copied, version=len(MIGRATIONS), checksums=checksums)
            with closing(cls(copied, embedder=None, durability="full")) as store:
                memories = store._accept(backup)
            if there:
                with closing(cls(path, embedder=None, durability="full")) as target:
                    target._exchange(copied)
        return memories

    def _accept(self, backup: Path) -> int:
        """Return how many memories a fresh copy of a backup holds, if it is sound, and make its versions its own."""

        def bring_up_to_date(connection: apsw.Connection) -> None:
            if rows.remembered(connection, "terms") != TERMS_VERSION:
                rows.rebuild_postings(connection)

        self._database.write(bring_up_to_date)
        memories, findings = self.check(keywords=False)  # 0.4 ms a memory, for what can be made anew at any time
        if findings:
            problems = "; ".join(f"{one.check}: {one.problem}" for one in findings[:3])
            raise CorruptFileError(f"{backup} is damaged ({problems}). Restore another backup, or repair a copy of it.")

        def work(connection: apsw.Connection) -> None:
            rows.remember(connection, "checksums", self._database.checksums)
            rows.note_all_rewritten(connection)

        self._database.write(work)
        return memories

    def _exchange(self, source: Path) -> None:
        """Put the rows of another file in the place of this one's, under versions and numbers that were never used."""
        checksums = self._database.checksums

        def work(connection: apsw.Connection) -> None:
            before, numbers = rows.current_version(connection), rows.numbers(connection)
            followed = log.followed(connection)
            for table in TABLES:
                rows.copy_table(connection, table)
            rows.remember(connection, "checksums", checksums)
            rows.leave_behind(connection, before, numbers)
            log.go_on_from(connection, followed)

        self._database.exchange(source, work)

    def identity(self) -> EmbedderIdentity:
        """Return the embedder the file remembers."""
        with self._database.read() as connection:
            remembered: EmbedderIdentity | None = rows.remembered(connection, "embedder")
        return remembered or {"name": "", "dimensions": 0, "fingerprint": ""}

    def begin_reembedding(self, embedder: EmbedderIdentity) -> bool:
        """Prepare for new vectors beside the old ones, keeping those an interrupted call made with the same embedder.

        Returns False when the file's vectors are this embedder's already.
        """

        def work(connection: apsw.Connection) -> bool:
            if rows.remembered(connection, "embedder") == embedder:
                return False
            if rows.remembered(connection, "reembedding") != embedder:
                connection.execute("DELETE FROM vector_next")
                rows.remember(connection, "reembedding", embedder)
            return True

        needed: bool = self._database.write(work)
        return needed

    def pending(self, limit: int) -> list[tuple[int, str, str]]:
        """Return up to ``limit`` memories without a new vector: key, hash and indexed text."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT m.key, m.text_hash, m.text, m.actor_id FROM memory m "
                "WHERE m.key NOT IN (SELECT key FROM vector_next) ORDER BY m.key LIMIT ?",
                (limit,),
            )
            return [(key, text_hash, indexed_text(text, actor_id)) for key, text_hash, text, actor_id in found]

    def pending_count(self) -> tuple[int, int]:
        """Return how many memories have no new vector yet, and how many there are."""
        with self._database.read() as connection:
            total, done = connection.execute(
                "SELECT (SELECT count(*) FROM memory), (SELECT count(*) FROM memory JOIN vector_next USING (key))"
            ).get
        return total - done, total

    def put_new_vectors(self, embedder: EmbedderIdentity, found: Sequence[tuple[int, str, bytes]]) -> None:
        """Keep new vectors (key, hash, vector), except of memories changed or deleted since ``pending``."""

        def work(connection: apsw.Connection) -> None:
            _check_reembedding(connection, embedder)
            connection.executemany(
                "INSERT OR REPLACE INTO vector_next SELECT key, ?3 FROM memory WHERE key = ?1 AND text_hash = ?2", found
            )

        self._database.write(work)

    def finish_reembedding(self, embedder: EmbedderIdentity) -> bool:
        """Swap the new vectors in, or return False when a memory still lacks one."""

        def work(connection: apsw.Connection) -> bool:
            _check_reembedding(connection, embedder)
            if connection.execute("SELECT 1 FROM memory WHERE key NOT IN (SELECT key FROM vector_next) LIMIT 1").get:
                return False
            connection.execute("DELETE FROM vector_next WHERE key NOT IN (SELECT key FROM memory)")
            connection.execute("DROP TABLE vector")
            connection.execute("ALTER TABLE vector_next RENAME TO vector")
            connection.execute("CREATE TABLE vector_next (key INTEGER PRIMARY KEY, embedding BLOB NOT NULL) STRICT")
            connection.execute("DELETE FROM meta WHERE name = 'reembedding'")
            rows.remember(connection, "embedder", embedder)
            rows.note_all_rewritten(connection)
            return True

        finished: bool = self._database.write(work)
        if finished:
            self._database.maintain(_shrink)
        return finished

    # -- whether everything agrees

    def check(self, *, keywords: bool = True) -> tuple[int, list[Finding]]:
        """Return how many memories there are, and everything in the file that does not agree, from one snapshot;
        without ``keywords`` these are not compared with the texts."""

        def work(connection: apsw.Connection) -> tuple[int, list[Finding]]:
            connection.execute("BEGIN")
            findings = check.examine(connection, keywords=keywords)
            try:
                return connection.execute("SELECT count(*) FROM memory").get, findings
            except apsw.Error:
                return 0, findings
            finally:
                connection.execute("ROLLBACK")

        # On a connection of its own: one that met damage may report some that is not there.
        found: tuple[int, list[Finding]] = self._database.aside(work)
        return found

    def mend(self, findings: Sequence[Finding]) -> None:
        """Repair what can be repaired without loss, in one transaction; missing vectors are for ``put_vectors``."""
        self._database.write(lambda connection: check.mend(connection, findings))

    def to_embed(self, keys: Sequence[int]) -> list[tuple[int, str, str]]:
        """Return key, hash and indexed text of the memories with these keys."""
        with self._database.read() as connection:
            return [(row[0], row[7], rows.to_record(row).indexed_text) for row in rows.by_keys(connection, keys)]

    def put_vectors(self, found: Sequence[tuple[int, str, bytes]]) -> None:
        """Replace vectors (key, hash, vector), except of memories changed or deleted since ``to_embed``."""

        def work(connection: apsw.Connection) -> None:
            self._check_embedder(connection)
            check.put_vectors(connection, found)

        self._database.write(work)

    # -- the embedder's identity

    def _adopt(self, embedder: EmbedderIdentity, graph_categories: tuple[str, ...] | None) -> None:
        """Let the file remember the embedder, the terms it was indexed with and its graph categories, or make its
        keyword index anew."""
        with self._database.read() as connection:
            self._check_embedder(connection)
            self._categories(connection)
            known = rows.remembered(connection, "embedder") is not None
            if known and bool(rows.remembered(connection, "checksums")) != self._database.checksums:
                # Its pages would be read without comparing them, or compared where there is nothing to compare.
                raise CorruptFileError(f"{self._database.path} is damaged: its header is. Restore a backup.")
            chosen = () if self.read_only else self._chosen(connection, graph_categories)
            followed = self.read_only or rows.remembered(connection, _FOLLOWED) is not None
            if known and followed and not chosen and rows.remembered(connection, "terms") == TERMS_VERSION:
                return

        def work(connection: apsw.Connection) -> None:
            self._check_embedder(connection)
            if chosen := self._chosen(connection, graph_categories):
                rows.remember(connection, _GRAPH, list(chosen))
            if rows.remembered(connection, _FOLLOWED) is None:
                # Until then each process linked what it was set to, whatever the file said.
                linked = graph.categories_of(connection, self._categories(connection))
                rows.remember(connection, _GRAPH, sorted({*self.graph_categories, *linked}))
                rows.remember(connection, _FOLLOWED, True)
            self._categories(connection)
            rows.remember(connection, "embedder", embedder)
            rows.remember(connection, "checksums", self._database.checksums)
            if rows.remembered(connection, "terms") != TERMS_VERSION:
                rows.rebuild_postings(connection)

        self._database.write(work)

    def _chosen(self, connection: apsw.Connection, given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the graph categories that a file takes from who opens it: of one that has none, and no memories."""
        if self._categories(connection) or not given or connection.execute("SELECT 1 FROM memory LIMIT 1").get:
            return ()
        return given

    def _categories(self, connection: apsw.Connection) -> tuple[str, ...]:
        """Return the file's graph categories."""
        self.graph_categories = tuple(rows.remembered(connection, _GRAPH) or ())
        return self.graph_categories

    def _check_categories(self, connection: apsw.Connection, expected: tuple[str, ...]) -> None:
        if (found := self._categories(connection)) != expected:
            raise CategoriesChangedError(found)

    def _check_embedder(self, connection: apsw.Connection) -> None:
        ours, theirs = self._embedder, rows.remembered(connection, "embedder")
        if ours is None or theirs is None or ours == theirs:
            return
        path = self._database.path
        same = theirs["fingerprint"].partition(PROMPTED)[0] == ours["fingerprint"].partition(PROMPTED)[0] != ""
        prompts = " LocalEmbedder(…, document_prompt='') puts nothing before texts." if same else ""
        raise EmbedderMismatchError(
            f"{path} holds vectors of {_describe(theirs)}, but the embedder is {_describe(ours)}. Open it with the "
            f"former, or make new vectors once: Memory.reembed({str(path)!r}, embedder=…), or "
            f"`mem0lite reembed --db {path} --model …`.{prompts}"
        )


def _position(connection: apsw.Connection, kind: str, after: str | None) -> tuple[int, int]:
    """Return the position that a cursor stands for, or the one before the whole list."""
    if after is None:
        return _BEFORE_ALL, _BEFORE_ALL
    return cursors.unseal(rows.remembered(connection, "seal"), kind, after)


def _cut(connection: apsw.Connection, kind: str, found: list[Any], limit: int) -> tuple[list[Any], str | None]:
    """Return the rows of a page, which begin with their position, of a list that was read one row further, and the
    cursor for the rest, if there is any."""
    if not 0 < limit < len(found):
        return found[:limit], None
    first, second, *_ = found[limit - 1]
    return found[:limit], cursors.seal(rows.remembered(connection, "seal"), kind, (first, second))


def _signals(view: View, found: tuple[Mapping[int, float], Mapping[int, float]]) -> "dict[str, NDArray[np.float32]]":
    """Return what the graph says as the signals of a view, shape (n,); empty when it says nothing."""
    import numpy as np

    signals = {}
    for name, strengths in zip(("entity", "entity_neighbor"), found, strict=True):
        if strengths:
            signals[name] = np.zeros(len(view.keys), dtype=np.float32)
            keys = np.fromiter(strengths, dtype=np.int64)
            signals[name][np.searchsorted(view.keys, keys)] = np.fromiter(strengths.values(), dtype=np.float32)
    return signals


def _to_results(outcome: Iterable[Outcome]) -> str:
    """Return what an event keeps."""
    return json.dumps([(one.record.id, "ADD" if one.added else "NONE") for one in outcome])


def _remove_scopes(connection: apsw.Connection, expression: Expression) -> dict[str, int]:
    """Remove the scopes that match with all that belongs to them; return how many rows of each kind there were."""
    rows.next_version(connection)
    sql, parameters = compile_filter(scope_part(expression))
    scopes = rows.fetch(connection, f"SELECT s.id, s.user_id FROM scope s WHERE {sql}", parameters)
    numbers = [number for number, _ in scopes]
    listed = "(SELECT value FROM json_each(?))"
    removed = rows.remove(connection, rows.matching_keys(connection, sql, parameters))
    for kind, table, column in (
        ("history", "history", "scope"),
        ("events", "event", "scope"),
        ("scopes", "scope", "id"),
    ):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN {listed}", (json.dumps(numbers),))
        removed[kind] = connection.changes()
    log.forget_followers(connection, {user for _, user in scopes})
    return removed


def _rewrite(connection: apsw.Connection) -> None:
    """Write every page of the file anew and empty its write-ahead log.

    secure_delete overwrites what is deleted where it lies, but not the copies that SQLite leaves in the unused part of
    a page when it moves rows between pages.
    """
    connection.execute("VACUUM").fetchall()
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # waits for readers, for as long as for a lock


def _forget(connection: apsw.Connection, now: int) -> bool:
    """Remove a batch of old events, and old exports; return whether there may be more."""
    connection.execute("DELETE FROM document WHERE kind = 'export' AND value ->> 'expires_at' <= ?", (now,))
    old = rows.fetch(
        connection,
        f"DELETE FROM event WHERE sequence IN (SELECT sequence FROM event ORDER BY sequence LIMIT {_VACUUM_BATCH}) "
        "AND created_at <= ? RETURNING scope",
        (now - _EVENT_LIFETIME,),
    )
    kept = rows.fetch(
        connection,
        "SELECT DISTINCT scope FROM event WHERE scope IN (SELECT value FROM json_each(?))",
        (json.dumps([scope for (scope,) in old]),),
    )
    rows.remove_empty_scopes(connection, {scope for (scope,) in old} - {scope for (scope,) in kept})
    return len(old) == _VACUUM_BATCH


def _shrink(connection: apsw.Connection) -> int:
    """Give free pages back to the disk; return the bytes, 0 while somebody reads and so keeps the file as it is."""
    before = connection.pragma("page_count")
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.set_busy_timeout(0)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return 0  # the next checkpoint does it; waiting for readers would keep writers waiting too
    finally:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return int(max(0, before - connection.pragma("page_count")) * connection.pragma("page_size"))


def _check_reembedding(connection: apsw.Connection, embedder: EmbedderIdentity) -> None:
    if rows.remembered(connection, "reembedding") != embedder:
        raise EmbedderMismatchError(
            f"Another re-embedding has taken over from this one with {embedder['name']!r}; no vector was mixed in. "
            "Let one finish before the next begins."
        )


def _describe(embedder: EmbedderIdentity) -> str:
    digest, _, prompt = embedder["fingerprint"].partition(PROMPTED)
    after = f", texts after {prompt}" if prompt else ""
    return f"{embedder['name']!r} ({embedder['dimensions']} dimensions, hash {digest[:12] or 'none'}{after})"
