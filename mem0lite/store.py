"""Memories in SQLite: the schema, and filters, candidates, history and lifetimes as SQL.

A memory's key is ``scope number << 32 | sequence``: the rows and the vectors of one (user, agent, run, app) lie
together, and a search reads only the key ranges of the scopes it asks for. Keyword postings are clustered by (owner,
term); the owner is the user if there is one, else the agent, else the run, else the app, so that a user's thousands of
runs are one range.

vec0 and FTS5 are not used: both rank over the whole file, and vec0 applies some conditions only after it has taken
the k nearest. A posting whose memory is gone is harmless: keys are never used again.
"""

import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

import apsw

from .database import BUSY_TIMEOUT_MS, Database, Durability
from .errors import DatabaseError, EmbedderMismatchError, MemoryNotFoundError
from .files import appearing
from .filter_sql import compile_filter
from .filters import EVERYTHING, SCOPE_IDS, Expression, scope_part
from .ranking import Candidates, Ranked
from .records import Change, Record, Scope
from .text import indexed_text, terms
from .types import ChangeItem, Counts, EmbedderIdentity, Entity, Event, EventItem, HistoryItem
from .values import to_iso

_MIGRATIONS = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE scope (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again, so neither are the keys made from it
        owner INTEGER NOT NULL,
        user_id TEXT, agent_id TEXT, run_id TEXT,
        next_sequence INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX scope_by_ids ON scope (user_id, agent_id, run_id);
    CREATE INDEX scope_by_agent ON scope (agent_id);
    CREATE INDEX scope_by_run ON scope (run_id);

    CREATE TABLE memory (                       -- instants are microseconds since 1970 UTC
        key INTEGER PRIMARY KEY,
        expires_at INTEGER,                     -- small columns first: a scan decodes no further than it must
        length INTEGER NOT NULL,                -- keyword terms, with repetitions
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
        hash TEXT NOT NULL,
        actor_id TEXT, role TEXT, expiration_date TEXT,
        metadata BLOB,                          -- JSONB
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX memory_by_hash ON memory (hash);
    CREATE INDEX memory_by_expiry ON memory (expires_at) WHERE expires_at IS NOT NULL;

    CREATE TABLE vector (key INTEGER PRIMARY KEY, embedding BLOB NOT NULL) STRICT;
    CREATE TABLE vector_next (key INTEGER PRIMARY KEY, embedding BLOB NOT NULL) STRICT;  -- filled by reembed

    CREATE TABLE posting (
        owner INTEGER NOT NULL, term TEXT NOT NULL, key INTEGER NOT NULL, frequency INTEGER NOT NULL,
        PRIMARY KEY (owner, term, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE history (
        sequence INTEGER PRIMARY KEY,
        memory_id TEXT NOT NULL,
        scope INTEGER NOT NULL,
        id TEXT NOT NULL,
        event TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        actor_id TEXT, role TEXT, old_memory TEXT, new_memory TEXT
    ) STRICT;
    CREATE INDEX history_by_memory ON history (memory_id);
    CREATE INDEX history_by_scope ON history (scope);
    """,
    """
    ALTER TABLE scope ADD COLUMN app_id TEXT;
    DROP INDEX scope_by_ids;
    CREATE INDEX scope_by_ids ON scope (user_id, agent_id, run_id, app_id);
    CREATE INDEX scope_by_app ON scope (app_id);

    ALTER TABLE memory ADD COLUMN feedback TEXT;
    ALTER TABLE memory ADD COLUMN feedback_reason TEXT;

    CREATE TABLE new_history (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again, as ``changes`` asks for those after one
        memory_id TEXT NOT NULL,
        scope INTEGER NOT NULL,
        id TEXT NOT NULL,
        event TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        actor_id TEXT, role TEXT, old_memory TEXT, new_memory TEXT, feedback TEXT, feedback_reason TEXT
    ) STRICT;
    INSERT INTO new_history SELECT *, NULL, NULL FROM history;
    DROP TABLE history;
    ALTER TABLE new_history RENAME TO history;
    CREATE INDEX history_by_memory ON history (memory_id);
    CREATE INDEX history_by_scope ON history (scope);

    CREATE TABLE event (                        -- one call of add
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        scope INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        results TEXT NOT NULL                   -- JSON: [[id of the memory, event], …], never a text
    ) STRICT;
    CREATE INDEX event_by_scope ON event (scope);

    CREATE TABLE document (                     -- settings of a project, webhooks, exports
        sequence INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,                    -- a JSON object
        UNIQUE (kind, name)
    ) STRICT;
    """,
)

SCHEMA_VERSION = len(_MIGRATIONS)
SQLITE_VERSION = apsw.sqlite_lib_version()

_SCOPE_KEYS = "BETWEEN s.id << 32 AND (s.id << 32) + 4294967295"
_MEMORIES = f"FROM scope s CROSS JOIN memory m ON m.key {_SCOPE_KEYS}"
_MEMORY_BY_ID = "FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.id = ?"
_COLUMNS = (
    "m.key, m.id, s.user_id, s.agent_id, s.run_id, s.app_id, m.text, m.hash, json(m.metadata), "
    "m.created_at, m.updated_at, m.expires_at, m.expiration_date, m.actor_id, m.role, m.feedback, m.feedback_reason"
)
_LIVE = "(m.expires_at IS NULL OR m.expires_at > ?)"  # its parameter is now, in microseconds
_EXPIRED = "(m.expires_at <= ?)"  # the exact negation, as NULL <= now is not true

_VACUUM_BATCH = 1_000  # expired memories removed per transaction, so that writers get their turn
_EVENT_LIFETIME = 30 * 24 * 3600 * 1_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory to insert: its record, its unit vector as float32 bytes, and a history to keep, if it brings one."""

    record: Record
    vector: bytes
    unique: Literal["id", "text"] | None = None
    """What makes it a repetition, which is not added: an existing id, or the text of a live memory of its scope."""
    history: Sequence[Change] = ()
    terms: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", terms(self.record.indexed_text))  # computed before any lock is taken


@dataclass(frozen=True, slots=True)
class Call:
    """One ``add``: how many of the entries inserted with it are its own."""

    event_id: str
    scope: Scope
    entries: int


@dataclass(frozen=True, slots=True)
class Update:
    """A change of one live memory, noted in its history as ``event``."""

    memory_id: str
    change: Callable[[Record], Record]
    vector: bytes | None = None
    """The unit vector of the new text, if the text changes."""
    event: Event = "UPDATE"


@dataclass(slots=True)
class _ScopeRow:
    number: int
    owner: int
    next_sequence: int

    def next_key(self) -> int:
        key = self.number << 32 | self.next_sequence
        self.next_sequence += 1
        return key


class Store:
    """The memories of one file.

    ``embedder`` is compared with the one the file remembers, on opening and in every transaction that touches
    vectors; None opens the file for re-embedding only. Raises EmbedderMismatchError when they differ.

    ``within`` is a condition on scope ids that must hold in the same transaction as the rest of the call; what does
    not meet it is as if it were not there.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, embedder: EmbedderIdentity | None, durability: Durability
    ) -> None:
        self._database = Database(path, durability=durability, migrations=_MIGRATIONS)
        self._embedder = embedder
        try:
            if embedder is not None:
                self._database.write(self._adopt_embedder)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Wait for running calls and close the file; closing twice does nothing."""
        self._database.close()

    # -- writing

    def insert(self, entries: Sequence[Entry], now: int, calls: Sequence[Call] = ()) -> list[tuple[str, bool]]:
        """Insert all entries or none; return for each its id and True, or the id of the memory it repeats and False.

        ``calls`` are the events to keep: whose the entries are, in their order.
        """

        def work(connection: apsw.Connection) -> list[tuple[str, bool]]:
            self._check_embedder(connection)
            scopes: dict[Scope, _ScopeRow] = {}
            outcome = []
            for asked in dict.fromkeys([*(entry.record.scope for entry in entries), *(call.scope for call in calls)]):
                scopes[asked] = _scope_row(connection, asked)
            for entry in entries:
                scope = scopes[entry.record.scope]
                existing = _existing(connection, entry, scope, now)
                if existing is None:
                    _insert(connection, entry, scope)
                outcome.append((existing or entry.record.id, existing is None))
            connection.executemany(
                "UPDATE scope SET next_sequence = ? WHERE id = ?",
                [(scope.next_sequence, scope.number) for scope in scopes.values()],
            )
            given = iter(outcome)
            connection.executemany(
                "INSERT INTO event (id, scope, created_at, results) VALUES (?, ?, ?, ?)",
                [
                    (call.event_id, scopes[call.scope].number, now, _to_results(islice(given, call.entries)))
                    for call in calls
                ],
            )
            return outcome

        outcome: list[tuple[str, bool]] = self._database.write(work)
        return outcome

    def insert_histories(self, entries: Sequence[tuple[Record, Sequence[Change]]]) -> int:
        """Keep the histories of memories that are gone, unless there is one of that id; return how many were kept."""

        def work(connection: apsw.Connection) -> int:
            kept = 0
            for record, changes in entries:
                if not connection.execute("SELECT 1 FROM history WHERE memory_id = ?", (record.id,)).get:
                    scope = _scope_row(connection, record.scope)
                    _log(connection, [(scope.number, record.id, change) for change in changes])
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
            for update in updates:
                key, before = _live_record(connection, update.memory_id, within, now)
                after = update.change(before)
                _replace(connection, key, after)
                if update.vector is not None:
                    _replace_index(connection, key, before, after, update.vector)
                change = _change(update.event, before, replace(after, updated_at=now))
                _log(connection, [(key >> 32, before.id, change)])

        self._database.write(work)

    def delete(self, memory_ids: Sequence[str], within: Expression, now: int) -> None:
        """Delete live memories that match ``within``, all or none, and note that in their histories. Raises
        MemoryNotFoundError."""

        def work(connection: apsw.Connection) -> None:
            keys = [_live_record(connection, memory_id, within, now, "")[0] for memory_id in memory_ids]
            _delete(connection, list(dict.fromkeys(keys)), now)

        self._database.write(work)

    def delete_matching(self, expression: Expression, now: int) -> int:
        """Delete all live memories that match and return how many; their histories stay. Expired ones are vacuumed."""
        sql, parameters = compile_filter(expression)

        def work(connection: apsw.Connection) -> int:
            _purge(connection, _keys(connection, f"{sql} AND {_EXPIRED}", [*parameters, now]))
            keys = _keys(connection, sql, parameters)
            _delete(connection, keys, now)
            return len(keys)

        count: int = self._database.write(work)
        return count

    def reset(self, expression: Expression, names: Sequence[str], owner: str | None) -> None:
        """Remove the memories and the histories of every scope that matches, as if they had never been, and the exports
        that name one of ``names``; with ``owner`` only those that are that user's."""
        sql, parameters = compile_filter(scope_part(expression))

        def work(connection: apsw.Connection) -> None:
            if expression == EVERYTHING:
                for table in ("memory", "vector", "vector_next", "posting", "history", "event", "scope"):
                    connection.execute(f"DELETE FROM {table}")
                connection.execute("DELETE FROM document WHERE kind = 'export'")
                return
            _remove(connection, _keys(connection, sql, parameters))
            connection.execute(
                "DELETE FROM document AS d WHERE kind = 'export' AND (?1 IS NULL OR d.value ->> 'user_id' = ?1) "
                "AND EXISTS (SELECT 1 FROM json_tree(d.value) t "
                "JOIN json_each(?2) n ON CAST(t.atom AS TEXT) = n.value)",
                (owner, json.dumps(list(names))),
            )
            scopes = f"(SELECT s.id FROM scope s WHERE {sql})"
            for table, column in (("history", "scope"), ("event", "scope"), ("scope", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {column} IN {scopes}", parameters)

        self._database.write(work)

    def vacuum(self, now: int) -> tuple[int, int]:
        """Remove expired memories with all that belongs to them; return their number and the bytes the file shrank."""

        def work(connection: apsw.Connection) -> int:
            batch = _all(connection, f"SELECT m.key FROM memory m WHERE {_EXPIRED} LIMIT {_VACUUM_BATCH}", (now,))
            _purge(connection, [key for (key,) in batch])
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
        where, parameters = _where(within, now)
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} {_MEMORY_BY_ID} AND {where}", (memory_id, *parameters)
            ).fetchone()
        return None if row is None else _record(row)

    def page(self, expression: Expression, now: int | None, limit: int, offset: int) -> tuple[list[Record], int]:
        """Return the matching memories from ``offset`` on, newest first (later ones first at equal dates), and how
        many match in all."""
        where, parameters = _where(expression, now)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {_MEMORIES} WHERE {where}", parameters).get
            keys = _all(
                connection,
                f"SELECT m.key {_MEMORIES} WHERE {where} ORDER BY m.created_at DESC, m.key DESC LIMIT ? OFFSET ?",
                (*parameters, min(limit, total), min(offset, total)),
            )
            return [_record(row) for row in _rows(connection, [key for (key,) in keys])], total

    def scan(
        self, expression: Expression, within: Expression, now: int | None
    ) -> Iterator[tuple[Record, list[Change]]]:
        """Yield every matching memory with its history in the scopes of ``within``, in key order, from one snapshot."""
        where, parameters = _where(expression, now)
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} {_MEMORIES} WHERE {where} ORDER BY m.key", parameters)
            found: Iterable[tuple[Record, list[Change]]] = (
                (_record(row), _history(connection, row[1], within)) for row in rows
            )
            if self._database.path is None:  # its only connection must not wait for whoever consumes this
                found = list(found)
            else:
                yield from found
        yield from found

    def existing(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that the file holds, expired or not."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM memory WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
            )
            return {memory_id for (memory_id,) in rows}

    def search(
        self,
        expression: Expression,
        now: int | None,
        vector: bytes,
        query_terms: Sequence[str],
        ranking: Callable[[Candidates], Sequence[Ranked]],
    ) -> list[tuple[Ranked, Record]]:
        """Return the memories that ``ranking`` picks, in its order, all from one snapshot.

        It is given the distance of every matching memory to ``vector``, and the keyword postings of ``query_terms``
        and the statistics over all live memories of the scopes the expression asks for.
        """
        scopes = scope_part(expression)
        where, parameters = _where(scopes, now)
        if expression == scopes:
            distance, distance_parameters = "vec_distance_L2(v.embedding, ?)", [vector]
            source = f"{_MEMORIES} CROSS JOIN vector v ON v.key = m.key"
        else:  # a subquery, so that the vectors of memories that do not match are never read
            condition, condition_parameters = compile_filter(expression)
            distance = (
                f"CASE WHEN {condition} THEN "
                "(SELECT vec_distance_L2(v.embedding, ?) FROM vector v WHERE v.key = m.key) END"
            )
            source, distance_parameters = _MEMORIES, [*condition_parameters, vector]
        scope_sql, scope_parameters = compile_filter(scopes)
        with self._database.read() as connection:
            self._check_embedder(connection)
            # One row for all memories, and one for each term: between two rows SQLite's caller takes Python's lock,
            # and with a row for each memory four threads searched at half the speed of one.
            columns = connection.execute(
                f"SELECT group_concat(key), group_concat(length), group_concat(ifnull(distance, -1)) "
                f"FROM (SELECT m.key, m.length, {distance} AS distance {source} WHERE {where})",
                [*distance_parameters, *parameters],
            ).get
            postings = _all(
                connection,
                "WITH o AS MATERIALIZED (SELECT s.owner, min(s.id) AS first, max(s.id) AS last "
                f"FROM scope s WHERE {scope_sql} GROUP BY s.owner) "
                "SELECT t.value, group_concat(p.key), group_concat(p.frequency) FROM json_each(?) t CROSS JOIN o "
                "CROSS JOIN posting p ON p.owner = o.owner AND p.term = t.value "
                "AND p.key BETWEEN o.first << 32 AND (o.last << 32) + 4294967295 GROUP BY t.value",
                [*scope_parameters, json.dumps(list(query_terms))],
            )
            best = ranking(_candidates(columns, postings))
            found = _rows(connection, [result.key for result in best])
            return [(result, _record(row)) for result, row in zip(best, found, strict=True)]

    def history(self, memory_id: str, within: Expression, now: int | None) -> list[HistoryItem]:
        """Return the changes a memory had in the scopes of ``within``, oldest first; of an expired memory none, as if
        it were vacuumed already."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            hidden = (
                now is not None
                and connection.execute(
                    f"SELECT 1 {_MEMORY_BY_ID} AND {where} AND {_EXPIRED}", (memory_id, *parameters, now)
                ).get
            )
            changes = [] if hidden else _history(connection, memory_id, within)
        return [change.to_item(memory_id) for change in changes]

    def entities(self, within: Expression, now: int) -> list[Entity]:
        """Return every user, agent, run and app with live memories that match ``within``, each with their number and
        first and last date."""
        entities: list[Entity] = []
        where, parameters = _where(within, now)
        with self._database.read() as connection:
            for column in SCOPE_IDS:
                rows = connection.execute(
                    f"SELECT s.{column}, count(*), min(m.created_at), max(m.updated_at) {_MEMORIES} "
                    f"WHERE s.{column} IS NOT NULL AND {where} GROUP BY s.{column} ORDER BY s.{column}",
                    parameters,
                )
                kind: Any = column.removesuffix("_id")
                entities += [
                    {
                        "id": name,
                        "type": kind,
                        "total_memories": count,
                        "created_at": to_iso(first),
                        "updated_at": to_iso(last),
                    }
                    for name, count, first, last in rows
                ]
        return entities

    def events(self, within: Expression, now: int, limit: int, offset: int) -> tuple[list[EventItem], int]:
        """Return the calls of ``add`` in the scopes that match, newest first, from ``offset`` on, and how many there
        are in all."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            total = connection.execute(f"SELECT count(*) {_EVENTS} WHERE {where}", parameters).get
            rows = _all(
                connection,
                f"SELECT {_EVENT_COLUMNS} {_EVENTS} WHERE {where} ORDER BY e.sequence DESC LIMIT ? OFFSET ?",
                (*parameters, min(limit, total), min(offset, total)),
            )
            return [_event(connection, row, now) for row in rows], total

    def event(self, event_id: str, within: Expression, now: int) -> EventItem | None:
        """Return a call of ``add`` if its scope matches ``within``."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {_EVENT_COLUMNS} {_EVENTS} WHERE e.id = ? AND {where}", (event_id, *parameters)
            ).fetchone()
            return None if row is None else _event(connection, row, now)

    def changes(self, after: int, within: Expression, now: int, limit: int) -> list[ChangeItem]:
        """Return the changes noted after the one with the sequence number ``after``, in the scopes that match, oldest
        first; of expired memories none."""
        where, parameters = compile_filter(within)
        with self._database.read() as connection:
            rows = _all(
                connection,
                f"SELECT h.sequence, h.memory_id, s.user_id, s.agent_id, s.run_id, s.app_id, {_CHANGES} "
                "FROM history h JOIN scope s ON s.id = h.scope WHERE h.sequence > ? AND NOT EXISTS "
                f"(SELECT 1 FROM memory m WHERE m.id = h.memory_id AND m.key >> 32 = h.scope AND {_EXPIRED}) "
                f"AND {where} ORDER BY h.sequence LIMIT ?",
                (after, now, *parameters, limit),
            )
        return [
            cast("ChangeItem", {**Change(*change).to_item(memory_id), "sequence": sequence, **Scope(*ids).ids()})
            for sequence, memory_id, *ids, change in ((*row[:6], row[6:]) for row in rows)
        ]

    def last_change(self) -> int:
        """Return the sequence number of the last change noted, 0 when there was none."""
        with self._database.read() as connection:
            last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").get
        return int(last or 0)

    # -- documents

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """Return the documents of a kind, oldest first."""
        with self._database.read() as connection:
            rows = _all(connection, "SELECT value FROM document WHERE kind = ? ORDER BY sequence", (kind,))
        return [json.loads(value) for (value,) in rows]

    def document(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one document, or None."""
        with self._database.read() as connection:
            return _document(connection, kind, name)

    def change_document(
        self, kind: str, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Replace a document by ``change`` of it, in one transaction; None is no document. Return what it became."""

        def work(connection: apsw.Connection) -> dict[str, Any] | None:
            value = change(_document(connection, kind, name))
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
                f"SELECT count(*) FILTER (WHERE {_LIVE}), count(*) FILTER (WHERE {_EXPIRED}) FROM memory m", (now, now)
            ).get
            users, agents, runs, apps = (
                connection.execute(f"SELECT count(DISTINCT s.{column}) {_MEMORIES} WHERE {_LIVE}", (now,)).get
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

    # -- the file as a whole

    def backup(self, path: Path) -> None:
        """Write a consistent, compact copy to a new file, readable by its owner alone, while others may write.

        Raises DatabaseError when the target exists or cannot be written; a partial copy is removed.
        """
        if path.exists():
            raise DatabaseError(f"{path} exists already. Give a new path, or move it away.")
        with appearing(path) as partial:
            self._database.aside(lambda connection: connection.execute("VACUUM INTO ?", (str(partial),)).fetchall())

    def identity(self) -> EmbedderIdentity:
        """Return the embedder the file remembers."""
        with self._database.read() as connection:
            return _remembered(connection, "embedder") or {"name": "", "dimensions": 0, "fingerprint": ""}

    def begin_reembedding(self, embedder: EmbedderIdentity) -> bool:
        """Prepare for new vectors beside the old ones, keeping those an interrupted call made with the same embedder.

        Returns False when the file's vectors are this embedder's already.
        """

        def work(connection: apsw.Connection) -> bool:
            if _remembered(connection, "embedder") == embedder:
                return False
            if _remembered(connection, "reembedding") != embedder:
                connection.execute("DELETE FROM vector_next")
                _remember(connection, "reembedding", embedder)
            return True

        needed: bool = self._database.write(work)
        return needed

    def pending(self, limit: int) -> list[tuple[int, str, str]]:
        """Return up to ``limit`` memories without a new vector: key, hash and indexed text."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT m.key, m.hash, m.text, m.actor_id FROM memory m "
                "WHERE m.key NOT IN (SELECT key FROM vector_next) ORDER BY m.key LIMIT ?",
                (limit,),
            )
            return [(key, text_hash, indexed_text(text, actor_id)) for key, text_hash, text, actor_id in rows]

    def pending_count(self) -> tuple[int, int]:
        """Return how many memories have no new vector yet, and how many there are."""
        with self._database.read() as connection:
            total, done = connection.execute(
                "SELECT (SELECT count(*) FROM memory), (SELECT count(*) FROM memory JOIN vector_next USING (key))"
            ).get
        return total - done, total

    def put_new_vectors(self, embedder: EmbedderIdentity, rows: Sequence[tuple[int, str, bytes]]) -> None:
        """Keep new vectors (key, hash, vector), except of memories changed or deleted since ``pending``."""

        def work(connection: apsw.Connection) -> None:
            _check_reembedding(connection, embedder)
            connection.executemany(
                "INSERT OR REPLACE INTO vector_next SELECT key, ?3 FROM memory WHERE key = ?1 AND hash = ?2", rows
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
            _remember(connection, "embedder", embedder)
            return True

        finished: bool = self._database.write(work)
        if finished:
            self._database.maintain(_shrink)
        return finished

    # -- the embedder's identity

    def _adopt_embedder(self, connection: apsw.Connection) -> None:
        if self._embedder is not None and _remembered(connection, "embedder") is None:
            _remember(connection, "embedder", self._embedder)
        self._check_embedder(connection)

    def _check_embedder(self, connection: apsw.Connection) -> None:
        ours, theirs = self._embedder, _remembered(connection, "embedder")
        if ours is None or theirs is None or ours == theirs:
            return
        path = self._database.path
        raise EmbedderMismatchError(
            f"{path} holds vectors of {_describe(theirs)}, but the embedder is {_describe(ours)}. Open it with the "
            f"former, or make new vectors once: Memory.reembed({str(path)!r}, embedder=…), or "
            f"`mem0lite reembed --db {path} --model …`."
        )


def _all(connection: apsw.Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    return connection.execute(sql, parameters).fetchall()


def _check_reembedding(connection: apsw.Connection, embedder: EmbedderIdentity) -> None:
    if _remembered(connection, "reembedding") != embedder:
        raise EmbedderMismatchError(
            f"Another re-embedding has taken over from this one with {embedder['name']!r}; no vector was mixed in. "
            "Let one finish before the next begins."
        )


def _describe(embedder: EmbedderIdentity) -> str:
    return f"{embedder['name']!r} ({embedder['dimensions']} dimensions, hash {embedder['fingerprint'][:12] or 'none'})"


def _remembered(connection: apsw.Connection, name: str) -> EmbedderIdentity | None:
    value = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).get
    return None if value is None else json.loads(value)


def _remember(connection: apsw.Connection, name: str, embedder: EmbedderIdentity) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(embedder)))


# -- rows


def _record(row: Sequence[Any]) -> Record:
    _, memory_id, user_id, agent_id, run_id, app_id, text, text_hash, metadata, *rest = row
    scope = Scope(user_id, agent_id, run_id, app_id)
    return Record(memory_id, scope, text, text_hash, None if metadata is None else json.loads(metadata), *rest)


def _rows(connection: apsw.Connection, keys: Sequence[int]) -> list[Sequence[Any]]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 "
        "WHERE m.key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    by_key = {row[0]: row for row in rows}
    return [by_key[key] for key in keys if key in by_key]


def _live_record(
    connection: apsw.Connection,
    memory_id: str,
    within: Expression,
    now: int,
    cure: str = ". Please provide a valid 'memory_id'",
) -> tuple[int, Record]:
    where, parameters = _where(within, now)
    row = connection.execute(f"SELECT {_COLUMNS} {_MEMORY_BY_ID} AND {where}", (memory_id, *parameters)).fetchone()
    if row is None:
        raise MemoryNotFoundError(f"Memory with id {memory_id} not found{cure}")
    return row[0], _record(row)


def _candidates(columns: Sequence[str | None], postings: Sequence[tuple[str, str, str]]) -> Candidates:
    import numpy as np

    def numbers(text: str | None, kind: Any) -> Any:
        return np.fromstring(text, dtype=kind, sep=",") if text else np.array([], dtype=kind)

    keys, lengths, distances = map(numbers, columns, (np.int64, np.float64, np.float64))
    return Candidates(
        keys,
        lengths,
        np.where(distances < 0, np.nan, distances),
        {term: (numbers(found, np.int64), numbers(frequencies, np.float64)) for term, found, frequencies in postings},
    )


def _to_json(metadata: dict[str, Any] | None) -> str | None:
    return json.dumps(metadata, ensure_ascii=False, allow_nan=False) if metadata else None


def _scope_row(connection: apsw.Connection, scope: Scope) -> _ScopeRow:
    ids = (scope.user_id, scope.agent_id, scope.run_id, scope.app_id)
    row = connection.execute(
        "SELECT id, owner, next_sequence FROM scope "
        "WHERE user_id IS ? AND agent_id IS ? AND run_id IS ? AND app_id IS ?",
        ids,
    ).get
    if row is not None:
        return _ScopeRow(*row)
    first = next(position for position, value in enumerate(ids, start=1) if value is not None)
    same = " AND ".join(f"{column} IS ?" for column in SCOPE_IDS[:first])
    owner = connection.execute(f"SELECT owner FROM scope WHERE {same} LIMIT 1", ids[:first]).get
    connection.execute("INSERT INTO scope (owner, user_id, agent_id, run_id, app_id) VALUES (0, ?, ?, ?, ?)", ids)
    number = connection.last_insert_rowid()
    connection.execute("UPDATE scope SET owner = ? WHERE id = ?", (owner or number, number))
    return _ScopeRow(number, owner or number, 0)


def _existing(connection: apsw.Connection, entry: Entry, scope: _ScopeRow, now: int) -> str | None:
    record, found = entry.record, None
    if entry.unique == "id":
        found = connection.execute("SELECT id FROM memory WHERE id = ?", (record.id,)).get
    elif entry.unique == "text":
        found = connection.execute(
            f"SELECT m.id FROM memory m WHERE m.hash = ? AND m.key BETWEEN ? AND ? AND m.text = ? AND {_LIVE} LIMIT 1",
            (record.hash, scope.number << 32, (scope.number << 32) + 0xFFFFFFFF, record.text, now),
        ).get
    return found


def _insert(connection: apsw.Connection, entry: Entry, scope: _ScopeRow) -> None:
    record, key = entry.record, scope.next_key()
    connection.execute(
        "INSERT INTO memory (key, expires_at, length, created_at, updated_at, id, hash, actor_id, role, "
        "expiration_date, metadata, text, feedback, feedback_reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, jsonb(?), ?, ?, ?)",
        (
            *(key, record.expires_at, entry.terms.total(), record.created_at, record.updated_at, record.id),
            *(record.hash, record.actor_id, record.role, record.expiration_date),
            *(_to_json(record.metadata), record.text, record.feedback, record.feedback_reason),
        ),
    )
    connection.execute("INSERT INTO vector VALUES (?, ?)", (key, entry.vector))
    _insert_postings(connection, scope.owner, key, entry.terms)
    changes = entry.history or [_change("ADD", None, record)]
    _log(connection, [(scope.number, record.id, change) for change in changes])


def _replace(connection: apsw.Connection, key: int, record: Record) -> None:
    connection.execute(
        "UPDATE memory SET text = ?, hash = ?, metadata = jsonb(?), created_at = ?, updated_at = ?, expires_at = ?, "
        "expiration_date = ?, feedback = ?, feedback_reason = ? WHERE key = ?",
        (
            *(record.text, record.hash, _to_json(record.metadata), record.created_at, record.updated_at),
            *(record.expires_at, record.expiration_date, record.feedback, record.feedback_reason, key),
        ),
    )


def _replace_index(connection: apsw.Connection, key: int, before: Record, after: Record, vector: bytes) -> None:
    owner = connection.execute("SELECT owner FROM scope WHERE id = ?", (key >> 32,)).get
    _remove_postings(connection, [(key, owner, before.text, before.actor_id)])
    words = terms(after.indexed_text)
    _insert_postings(connection, owner, key, words)
    connection.execute("UPDATE memory SET length = ? WHERE key = ?", (words.total(), key))
    connection.execute("UPDATE vector SET embedding = ? WHERE key = ?", (vector, key))
    connection.execute("DELETE FROM vector_next WHERE key = ?", (key,))


def _insert_postings(connection: apsw.Connection, owner: int, key: int, words: Counter[str]) -> None:
    connection.executemany(
        "INSERT INTO posting VALUES (?, ?, ?, ?)", [(owner, term, key, count) for term, count in words.items()]
    )


def _remove_postings(connection: apsw.Connection, memories: Iterable[tuple[int, int, str, str | None]]) -> None:
    connection.executemany(
        "DELETE FROM posting WHERE owner = ? AND term = ? AND key = ?",
        [(owner, term, key) for key, owner, text, actor_id in memories for term in terms(indexed_text(text, actor_id))],
    )


def _keys(connection: apsw.Connection, where: str, parameters: Sequence[Any]) -> list[int]:
    return [key for (key,) in _all(connection, f"SELECT m.key {_MEMORIES} WHERE {where}", parameters)]


def _delete(connection: apsw.Connection, keys: Sequence[int], now: int) -> None:
    """Remove the memories and note each removal in its history."""
    changes = []
    for row in _rows(connection, keys):
        before = _record(row)
        changes.append((row[0] >> 32, before.id, _change("DELETE", before, replace(before, updated_at=now))))
    _log(connection, changes)
    _remove(connection, keys)


def _purge(connection: apsw.Connection, keys: Sequence[int]) -> None:
    """Remove the memories as if they had never been."""
    ids = _all(
        connection,
        "SELECT m.id, m.key >> 32 FROM memory m WHERE m.key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    # With the scope, because an imported id may have been another scope's before, whose history that is.
    connection.executemany("DELETE FROM history WHERE memory_id = ? AND scope = ?", ids)
    _remove(connection, keys)
    _remove_empty_scopes(connection, {key >> 32 for key in keys})


def _remove(connection: apsw.Connection, keys: Sequence[int]) -> None:
    """Remove memories with their vectors and postings; their histories stay."""
    listed = json.dumps(list(keys))
    rows = _all(
        connection,
        "SELECT m.key, s.owner, m.text, m.actor_id FROM memory m JOIN scope s ON s.id = m.key >> 32 "
        "WHERE m.key IN (SELECT value FROM json_each(?))",
        (listed,),
    )
    _remove_postings(connection, rows)
    for table in ("vector", "vector_next", "memory"):
        connection.execute(f"DELETE FROM {table} WHERE key IN (SELECT value FROM json_each(?))", (listed,))


def _forget(connection: apsw.Connection, now: int) -> bool:
    """Remove a batch of old events, and old exports; return whether there may be more."""
    connection.execute("DELETE FROM document WHERE kind = 'export' AND value ->> 'expires_at' <= ?", (now,))
    old = _all(
        connection,
        f"DELETE FROM event WHERE sequence IN (SELECT sequence FROM event ORDER BY sequence LIMIT {_VACUUM_BATCH}) "
        "AND created_at <= ? RETURNING scope",
        (now - _EVENT_LIFETIME,),
    )
    kept = _all(
        connection,
        "SELECT DISTINCT scope FROM event WHERE scope IN (SELECT value FROM json_each(?))",
        (json.dumps([scope for (scope,) in old]),),
    )
    _remove_empty_scopes(connection, {scope for (scope,) in old} - {scope for (scope,) in kept})
    return len(old) == _VACUUM_BATCH


def _remove_empty_scopes(connection: apsw.Connection, scopes: Iterable[int]) -> None:
    empty = _all(
        connection,
        "SELECT s.id FROM scope s WHERE s.id IN (SELECT value FROM json_each(?)) "
        f"AND NOT EXISTS (SELECT 1 FROM memory m WHERE m.key {_SCOPE_KEYS}) "
        "AND NOT EXISTS (SELECT 1 FROM history h WHERE h.scope = s.id)",
        (json.dumps(list(scopes)),),
    )
    connection.executemany("DELETE FROM event WHERE scope = ?", empty)
    connection.executemany("DELETE FROM scope WHERE id = ?", empty)


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


# -- history


def _change(event: Event, before: Record | None, after: Record) -> Change:
    return Change(
        id=str(uuid.uuid4()),
        event=event,
        old_memory=None if before is None else before.text,
        new_memory=None if event == "DELETE" else after.text,
        created_at=after.created_at,
        updated_at=after.updated_at,
        actor_id=after.actor_id,
        role=after.role,
        feedback=after.feedback if event == "FEEDBACK" else None,
        feedback_reason=after.feedback_reason if event == "FEEDBACK" else None,
    )


_CHANGE_COLUMNS = "id, event, old_memory, new_memory, created_at, updated_at, actor_id, role, feedback, feedback_reason"


def _log(connection: apsw.Connection, changes: Iterable[tuple[int, str, Change]]) -> None:
    """Note changes: the number of the scope, the id of the memory, and what changed."""
    connection.executemany(
        f"INSERT INTO history (scope, memory_id, {_CHANGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(scope, memory_id, change.id, change.event, change.old_memory, change.new_memory),
                *(change.created_at, change.updated_at, change.actor_id, change.role),
                *(change.feedback, change.feedback_reason),
            )
            for scope, memory_id, change in changes
        ],
    )


def _history(connection: apsw.Connection, memory_id: str, within: Expression) -> list[Change]:
    """Return a memory's changes: those in the scopes that match, as an imported id may have been another's before."""
    where, parameters = compile_filter(within)
    rows = connection.execute(
        f"SELECT {_CHANGE_COLUMNS} FROM history h WHERE h.memory_id = ? "
        f"AND EXISTS (SELECT 1 FROM scope s WHERE s.id = h.scope AND {where}) ORDER BY h.sequence",
        (memory_id, *parameters),
    )
    return [Change(*row) for row in rows]


_CHANGES = ", ".join(f"h.{column}" for column in _CHANGE_COLUMNS.split(", "))


# -- events and documents


_EVENTS = "FROM event e JOIN scope s ON s.id = e.scope"
_EVENT_COLUMNS = "e.id, e.created_at, e.results, s.user_id, s.agent_id, s.run_id, s.app_id, s.id"


def _to_results(outcome: Iterable[tuple[str, bool]]) -> str:
    return json.dumps([(memory_id, "ADD" if added else "NONE") for memory_id, added in outcome])


def _event(connection: apsw.Connection, row: Sequence[Any], now: int) -> EventItem:
    event_id, created_at, results, *ids, scope = row
    texts = dict(
        _all(
            connection,
            "SELECT m.id, m.text FROM memory m WHERE m.id IN (SELECT value ->> 0 FROM json_each(?)) "
            f"AND m.key >> 32 = ? AND {_LIVE}",
            (results, scope, now),
        )
    )
    item: EventItem = {
        "id": event_id,
        "event_type": "ADD",
        "status": "SUCCEEDED",
        "created_at": to_iso(created_at),
        "updated_at": to_iso(created_at),
        "results": [
            {"id": memory_id, "event": event, "memory": texts.get(memory_id)}
            for memory_id, event in json.loads(results)
        ],
    }
    item.update(cast("Any", Scope(*ids).ids()))
    return item


def _document(connection: apsw.Connection, kind: str, name: str) -> dict[str, Any] | None:
    value = connection.execute("SELECT value FROM document WHERE kind = ? AND name = ?", (kind, name)).get
    return None if value is None else json.loads(value)


# -- conditions


def _live(now: int | None) -> tuple[str, list[Any]]:
    return ("1", []) if now is None else (_LIVE, [now])


def _where(expression: Expression, now: int | None) -> tuple[str, list[Any]]:
    condition, parameters = compile_filter(expression)
    live, live_parameters = _live(now)
    return f"{condition} AND {live}", [*parameters, *live_parameters]
