"""The memories of one file: each method is one transaction or one snapshot."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import apsw

from .. import sqlite_file
from ..database import BUSY_TIMEOUT_MS, Database, Durability, limited, translated
from ..errors import CorruptFileError, DatabaseError, EmbedderMismatchError
from ..files import appearing, beside
from ..filter_sql import compile_filter
from ..filters import EVERYTHING, SCOPE_IDS, Expression, scope_part
from ..graph import Graph
from ..ranking import Query, Ranked, View
from ..records import Change, Record, Scope
from ..text import TERMS_VERSION, indexed_text
from ..types import (
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
from ..values import to_iso
from . import check, graph, log, rows
from .cache import Cache
from .check import Finding
from .damage import text, undamaged
from .rows import Entry
from .schema import EXPIRED, LIVE, MEMORIES, MEMORY_BY_ID, MIGRATIONS, TABLES, condition

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_VACUUM_BATCH = 1_000  # expired memories removed per transaction, so that writers get their turn
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


class Reading:
    """The snapshot of one search; not to be used after it."""

    def __init__(self, connection: apsw.Connection, view: View) -> None:
        self._connection = connection
        self.view = view

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

    ``graph_categories`` is what a new file remembers of whose memories its graph is made.
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
        graph_categories: Sequence[str] = (),
        statement_timeout: float | None = None,
    ) -> None:
        self._graph_categories = list(graph_categories)
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
                self._adopt(embedder)
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

    def insert(self, entries: Sequence[Entry], now: int, calls: Sequence[Call] = ()) -> list[Outcome]:
        """Insert all entries or none; return what became of each.

        ``calls`` are the events to keep: whose the entries are, in their order.
        """

        def work(connection: apsw.Connection) -> list[Outcome]:
            self._check_embedder(connection)
            scopes: dict[Scope, rows.ScopeRow] = {}
            outcome: list[Outcome] = []
            for asked in dict.fromkeys([*(entry.record.scope for entry in entries), *(call.scope for call in calls)]):
                scopes[asked] = rows.scope_row(connection, asked)
            version = rows.next_version(connection)
            for entry in entries:
                scope = scopes[entry.record.scope]
                kept = rows.existing(connection, entry, scope, now)
                if kept is None:
                    rows.insert(connection, entry, scope, version)
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

    def insert_histories(self, entries: Sequence[tuple[Record, Sequence[Change]]]) -> int:
        """Keep the histories of memories that are gone, unless there is one of that id; return how many were kept."""

        def work(connection: apsw.Connection) -> int:
            kept = 0
            for record, changes in entries:
                if not connection.execute("SELECT 1 FROM history WHERE memory_id = ?", (record.id,)).get:
                    scope = rows.scope_row(connection, record.scope)
                    log.note(connection, [(scope.number, record.id, change) for change in changes])
                    kept += 1
            return kept

        kept: int = self._database.write(work)
        return kept

    def update(self, updates: Sequence[Update], within: Expression, now: int) -> None:
        """Change live memories, each with a row of its history: all of them or none.

        Raises MemoryNotFoundError, also for a memory that does not match ``within``, or what a change raises.
        """

        def work(connection: apsw.Connection) -> None:
            self._check_embedder(connection)
            version = rows.next_version(connection)
            for update in updates:
                key, before = rows.live_record(connection, update.memory_id, within, now)
                after = update.change(before)
                rows.rewrite(connection, key, after, version)
                if update.vector is not None:
                    rows.reindex(connection, key, before, after, update.vector)
                if update.graph is not None:
                    graph.put(connection, key, update.graph(after))
                change = log.change(update.event, before, replace(after, updated_at=now))
                log.note(connection, [(key >> 32, before.id, change)])
                rows.note_rewritten(connection, version, [key >> 32])

        self._database.write(work)

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
                for table in set(TABLES) - {"meta", "document"}:
                    connection.execute(f"DELETE FROM {table}")
                connection.execute("DELETE FROM document WHERE kind = 'export'")
                return
            _remove_scopes(connection, expression)
            connection.execute(
                "DELETE FROM document AS d WHERE kind = 'export' AND (?1 IS NULL OR d.value ->> 'user_id' = ?1) "
                "AND (?3 IS NULL OR ifnull(d.value ->> 'user_id', ?3) = ?3) "
                "AND NOT EXISTS (SELECT 1 FROM json_each(?2) n WHERE NOT EXISTS (SELECT 1 FROM json_tree(d.value) t "
                "WHERE CAST(t.atom AS TEXT) = n.value AND instr(t.fullkey, n.key) > 0))",  # as that kind of id
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
                "JOIN json_each(?) n ON CAST(t.atom AS TEXT) = n.value)",
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
            rows.purge(connection, [key for (key,) in batch])
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
        self, expression: Expression, now: int | None, limit: int, offset: int, *, relations: bool = False
    ) -> tuple[list[Record], int, list[Relation]]:
        """Return the matching memories from ``offset`` on, newest first (later ones first at equal dates), how many
        match in all, and with ``relations`` what those returned state."""
        where, parameters = condition(expression, now)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {MEMORIES} WHERE {where}", parameters).get
            keys = rows.fetch(
                connection,
                f"SELECT m.key {MEMORIES} WHERE {where} ORDER BY m.created_at DESC, m.key DESC LIMIT ? OFFSET ?",
                (*parameters, min(limit, total), min(offset, total)),
            )
            chosen = [key for (key,) in keys]
            records = [rows.to_record(row) for row in rows.by_keys(connection, chosen)]
            return records, total, graph.relations_of(connection, chosen) if relations else []

    def scan(
        self, expression: Expression, within: Expression, now: int | None, *, bounded: bool = False
    ) -> Iterator[tuple[Record, list[Change]]]:
        """Yield every matching memory with its history in the scopes of ``within``, in key order, from one snapshot.

        It may take as long as whoever consumes it, unless it is ``bounded``.
        """
        where, parameters = condition(expression, now)
        with self._database.read(limited=bounded) as connection:
            read = connection.execute(f"SELECT {rows.COLUMNS} {MEMORIES} WHERE {where} ORDER BY m.key", parameters)
            found: Iterable[tuple[Record, list[Change]]] = (
                (rows.to_record(row), log.history(connection, row[1], within)) for row in read
            )
            if self._database.path is None:  # its only connection must not wait for whoever consumes this
                found = list(found)
            else:
                yield from found
        yield from found

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
            if query.names:
                view = replace(
                    view, entities=_signals(view, graph.evidence(connection, expression, now, query.names, query.asked))
                )
            yield Reading(connection, view)

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
                    f"SELECT s.{column}, count(*), min(m.created_at), max(m.updated_at) {MEMORIES} "
                    f"WHERE s.{column} IS NOT NULL AND {where} GROUP BY s.{column} ORDER BY s.{column}",
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

    def events(self, within: Expression, now: int, limit: int, offset: int) -> tuple[list[EventItem], int]:
        """Return the calls of ``add`` in the scopes that match, newest first, from ``offset`` on, and how many there
        are in all."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {log.EVENTS} WHERE {where}", parameters).get
            found = rows.fetch(
                connection,
                f"SELECT {log.EVENT_COLUMNS} {log.EVENTS} WHERE {where} ORDER BY e.sequence DESC LIMIT ? OFFSET ?",
                (*parameters, min(limit, total), min(offset, total)),
            )
            return [log.to_event(connection, row, now) for row in found], total

    def event(self, event_id: str, within: Expression, now: int) -> EventItem | None:
        """Return a call of ``add`` if its scope matches ``within``."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            sql = f"SELECT {log.EVENT_COLUMNS} {log.EVENTS} WHERE e.id = ? AND {where}"
            row = rows.fetch_first(connection, sql, (event_id, *parameters))
            return None if row is None else log.to_event(connection, row, now)

    def changes(self, after: int, within: Expression, now: int, limit: int) -> list[ChangeItem]:
        """Return the changes noted after the one with the sequence number ``after``, in the scopes that match, oldest
        first; of expired memories none."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            found = rows.fetch(
                connection,
                f"SELECT h.sequence, h.memory_id, s.user_id, s.agent_id, s.run_id, s.app_id, {log.CHANGES} "
                "FROM history h JOIN scope s ON s.id = h.scope WHERE h.sequence > ? AND NOT EXISTS "
                f"(SELECT 1 FROM memory m WHERE m.id = h.memory_id AND m.key >> 32 = h.scope AND {EXPIRED}) "
                f"AND {where} ORDER BY h.sequence LIMIT ?",
                (after, now, *parameters, limit),
            )
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
        """Return the numbers of entities and relations, and whether they are of just the graph categories."""
        with self._database.read() as connection:
            entities, relations = graph.counts(connection)
            current = (rows.remembered(connection, "graph") or []) == self._graph_categories
        return {"categories": self._graph_categories, "current": current, "entities": entities, "relations": relations}

    def after(self, key: int, limit: int) -> list[tuple[int, Record]]:
        """Return the memories whose keys come after one, expired ones too, with their keys."""
        with self._database.read() as connection:
            keys = rows.fetch(connection, "SELECT key FROM memory WHERE key > ? ORDER BY key LIMIT ?", (key, limit))
            found = rows.by_keys(connection, [one for (one,) in keys])
            return [(row[0], rows.to_record(row)) for row in found]

    def put_graphs(self, keys: Sequence[int], graph_of: Callable[[Record], Graph | None]) -> None:
        """Replace what memories name and state; what is gone meanwhile is passed over."""

        def work(connection: apsw.Connection) -> None:
            for row in rows.by_keys(connection, keys):
                graph.put(connection, row[0], graph_of(rows.to_record(row)))

        self._database.write(work)

    def remember_graph(self) -> None:
        """Note that the graph is of the graph categories."""
        self._database.write(lambda connection: rows.remember(connection, "graph", self._graph_categories))

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
                connection.execute(
                    "INSERT INTO document (kind, name, value) VALUES (?1, ?2, ?3) "
                    "ON CONFLICT (kind, name) DO UPDATE SET value = ?3",
                    (kind, name, json.dumps(value, ensure_ascii=False, allow_nan=False)),
                )
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
                lambda connection: sqlite_file.write_copy(connection, partial, checksums=self.checksums)
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
            for table in TABLES:
                rows.copy_table(connection, table)
            rows.remember(connection, "checksums", checksums)
            rows.leave_behind(connection, before, numbers)

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

    def _adopt(self, embedder: EmbedderIdentity) -> None:
        """Let the file remember the embedder and the terms it was indexed with, or make its keyword index anew."""
        with self._database.read() as connection:
            self._check_embedder(connection)
            known = rows.remembered(connection, "embedder") is not None
            if known and bool(rows.remembered(connection, "checksums")) != self._database.checksums:
                # Its pages would be read without comparing them, or compared where there is nothing to compare.
                raise CorruptFileError(f"{self._database.path} is damaged: its header is. Restore a backup.")
            if known and rows.remembered(connection, "terms") == TERMS_VERSION:
                return

        def work(connection: apsw.Connection) -> None:
            self._check_embedder(connection)
            if not known:
                rows.remember(connection, "graph", self._graph_categories)
            rows.remember(connection, "embedder", embedder)
            rows.remember(connection, "checksums", self._database.checksums)
            if rows.remembered(connection, "terms") != TERMS_VERSION:
                rows.rebuild_postings(connection)

        self._database.write(work)

    def _check_embedder(self, connection: apsw.Connection) -> None:
        ours, theirs = self._embedder, rows.remembered(connection, "embedder")
        if ours is None or theirs is None or ours == theirs:
            return
        path = self._database.path
        raise EmbedderMismatchError(
            f"{path} holds vectors of {_describe(theirs)}, but the embedder is {_describe(ours)}. Open it with the "
            f"former, or make new vectors once: Memory.reembed({str(path)!r}, embedder=…), or "
            f"`mem0lite reembed --db {path} --model …`."
        )


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
    numbers = [number for (number,) in rows.fetch(connection, f"SELECT s.id FROM scope s WHERE {sql}", parameters)]
    listed = "(SELECT value FROM json_each(?))"
    removed = rows.remove(connection, rows.matching_keys(connection, sql, parameters))
    for kind, table, column in (
        ("history", "history", "scope"),
        ("events", "event", "scope"),
        ("scopes", "scope", "id"),
    ):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN {listed}", (json.dumps(numbers),))
        removed[kind] = connection.changes()
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
    return f"{embedder['name']!r} ({embedder['dimensions']} dimensions, hash {embedder['fingerprint'][:12] or 'none'})"
