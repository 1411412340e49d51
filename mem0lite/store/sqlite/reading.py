"""What a snapshot holds, for each question that callers ask: lists, histories, events, changes and counts."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import apsw

from ...data.filters import EVERYTHING, SCOPE_IDS, Expression
from ...data.jsonl import Exported
from ...data.records import FileSettings, Record
from ...errors import DatabaseError
from ...search.query import Query
from ...search.view import Ranked
from ...types import ChangeItem, Counts, Entity, EventItem, EventType, HistoryItem, Relation
from ...values import to_iso
from .. import histories
from ..columns import Found
from ..damage import check_order, text, undamaged
from ..found import FoundReading
from ..protocol import Listed, ListedEvents, Use, Visible
from . import graph, log, rows
from .filter_sql import compile_filter, composed
from .schema import EXPIRED, LATEST, LIVE, MEMORIES, MEMORY_BY_ID, condition
from .settings import Current
from .vectors import of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BEFORE_ALL = 2**63 - 1  # in lists that begin with what is highest
_IDS_AT_ONCE = 1_000  # that one statement looks up


# -- memories


def get_many(connection: apsw.Connection, ids: Iterable[str], visible: Visible) -> dict[str, Record]:
    """Return the visible memories among these ids, by id."""
    where, parameters = condition(visible)
    asked, found = list(dict.fromkeys(ids)), {}
    if len(asked) == 1:  # as most calls ask: this statement is the quicker one
        rows_found = rows.fetch(connection, f"SELECT {rows.COLUMNS} {MEMORY_BY_ID} AND {where}", (*asked, *parameters))
        return {record.id: record for record in map(rows.to_record, rows_found)}
    for start in range(0, len(asked), _IDS_AT_ONCE):
        listed = json.dumps(asked[start : start + _IDS_AT_ONCE])
        for row in rows.fetch(
            connection,
            f"SELECT {rows.COLUMNS} FROM json_each(?) l CROSS JOIN memory m ON m.id = l.value "
            f"JOIN scope s ON s.id = m.key >> 32 WHERE {where}",
            (listed, *parameters),
        ):
            record = rows.to_record(row)
            found[record.id] = record
    return found


def drawn(connection: apsw.Connection, ids: Iterable[str], visible: Visible) -> list[Record]:
    """Return the visible facts that were drawn from memories, the oldest first."""
    where, parameters = condition(visible)
    found = rows.fetch(
        connection,
        f"SELECT {rows.COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.key IN (SELECT p.key "
        f"FROM source p WHERE p.source_id IN (SELECT value FROM json_each(?))) AND {where} ORDER BY m.key",
        (json.dumps(list(ids)), *parameters),
    )
    return [rows.to_record(row) for row in found]


def existing(connection: apsw.Connection, ids: Iterable[str]) -> set[str]:
    """Return those of the ids that a memory has."""
    listed = json.dumps(list(ids))  # which has an escape for a lone surrogate
    found = connection.execute("SELECT id FROM memory WHERE id IN (SELECT value FROM json_each(?))", (listed,))
    return {memory_id for (memory_id,) in found}


def page(
    connection: apsw.Connection, visible: Visible, limit: int, offset: int, after: str | None, *, relations: bool
) -> Listed:
    """Return visible memories from ``offset`` on, or after a cursor, newest first."""
    where, parameters = condition(visible)
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
    return Listed(records, total, following, graph.relations_of(connection, chosen) if relations else [])


def exported(connection: apsw.Connection, visible: Visible, logs: Expression | None) -> Iterator[Exported]:
    """Yield visible memories with their histories, in the order of their keys, then histories of memories that are
    gone and events, of the scopes that match ``logs``."""
    where, parameters = condition(visible)
    read = connection.execute(f"SELECT {rows.COLUMNS} {MEMORIES} WHERE {where} ORDER BY m.key", parameters)
    memories = (
        (rows.to_record(row), log.history(connection, row[1], EVERYTHING, row[0] >> 32, states=True)) for row in read
    )
    return chain(
        memories,
        () if logs is None else log.gone(connection, logs),
        () if logs is None else log.add_events(connection, logs),
    )


def settings(connection: apsw.Connection, graph_categories: tuple[str, ...]) -> list[FileSettings]:
    """Return the settings of the file, if there are any."""
    found = FileSettings(log.document(connection, "project", "") or {}, graph_categories)
    return [found] if found.project or found.graph_categories else []


def history(connection: apsw.Connection, memory_id: str, visible: Visible) -> list[HistoryItem]:
    """Return a memory's changes; of an expired one none, as if it were vacuumed already."""
    where, parameters = compile_filter(visible.expression)
    hidden = (
        visible.horizon is not None
        and connection.execute(
            f"SELECT 1 {MEMORY_BY_ID} AND {where} AND {EXPIRED}", (memory_id, *parameters, visible.horizon)
        ).get
    )
    changes = [] if hidden else log.history(connection, memory_id, visible.expression)
    return [change.to_item(memory_id) for change in changes]


def entities(connection: apsw.Connection, visible: Visible) -> list[Entity]:
    """Return every user, agent, run and app with visible memories."""
    found: list[Entity] = []
    where, parameters = condition(visible)
    with undamaged():
        for column in SCOPE_IDS:
            kind: Any = column.removesuffix("_id")
            found += [
                {
                    "id": text(name),
                    "type": kind,
                    "total_memories": count,
                    "created_at": to_iso(first),
                    "updated_at": to_iso(last),
                }
                for name, count, first, last in connection.execute(
                    f"SELECT {composed('name')}, sum(memories), min(first), max(last) FROM ("
                    f"SELECT s.{column} AS name, count(*) AS memories, min(m.created_at) AS first, "
                    f"max(m.updated_at) AS last {MEMORIES} WHERE s.{column} IS NOT NULL AND {where} GROUP BY 1"
                    ") GROUP BY 1 ORDER BY 1",
                    parameters,
                )
            ]
    return found


def expires_between(connection: apsw.Connection, one: int, other: int) -> bool:
    """Whether a memory is alive at one of two instants and expired at the other, whichever is earlier."""
    sql = "SELECT EXISTS (SELECT 1 FROM memory WHERE expires_at > ? AND expires_at <= ?)"
    return bool(connection.execute(sql, (min(one, other), max(one, other))).get)


def counts(connection: apsw.Connection, now: int) -> Counts:
    """Return how many memories are live, superseded and expired, and of how many users, agents, runs and apps."""
    live, superseded, expired = connection.execute(
        f"SELECT count(*) FILTER (WHERE {LIVE}), count(*) FILTER (WHERE {LIVE} AND NOT {LATEST}), "
        f"count(*) FILTER (WHERE {EXPIRED}) FROM memory m",
        (now, now, now),
    ).get
    users, agents, runs, apps = (
        connection.execute(f"SELECT count(DISTINCT s.{column}) {MEMORIES} WHERE {LIVE}", (now,)).get
        for column in SCOPE_IDS
    )
    held = {"memories": live, "superseded": superseded, "expired": expired}
    return cast("Counts", {**held, "users": users, "agents": agents, "runs": runs, "apps": apps})


# -- events and changes


def events(
    connection: apsw.Connection,
    visible: Visible,
    limit: int,
    offset: int,
    after: str | None,
    event_type: EventType | None,
) -> ListedEvents:
    """Return the calls of ``add`` from ``offset`` on, or after a cursor, newest first."""
    where, parameters = compile_filter(visible.expression)
    if event_type is not None:
        where, parameters = (
            f"{where} AND (e.results ->> '$[0][1]' IS 'UPDATE') = ?",
            [*parameters, event_type == "UPDATE"],
        )
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
    return ListedEvents([log.to_event(connection, row[2:], visible.now) for row in found], total, following)


def event(connection: apsw.Connection, event_id: str, visible: Visible) -> EventItem | None:
    """Return a call of ``add`` if its scope matches."""
    where, parameters = compile_filter(visible.expression)
    sql = f"SELECT {log.EVENT_COLUMNS} {log.EVENTS} WHERE e.id = ? AND {where}"
    row = rows.fetch_first(connection, sql, (event_id, *parameters))
    return None if row is None else log.to_event(connection, row, visible.now)


def changes(connection: apsw.Connection, after: int, follower: str | None, now: int, limit: int) -> list[ChangeItem]:
    """Return the changes after a number, oldest first, without those of expired memories."""
    number = "h.sequence" if follower is None else "h.number"
    whose = "?1 IS NULL" if follower is None else "h.follower_id = (SELECT id FROM follower WHERE user_id = ?1)"
    found = rows.fetch(
        connection,
        f"SELECT {number}, h.memory_id, s.user_id, s.agent_id, s.run_id, s.app_id, {log.CHANGES} "
        f"FROM history h JOIN scope s ON s.id = h.scope WHERE {whose} AND {number} > ?2 AND NOT EXISTS "
        "(SELECT 1 FROM memory m WHERE m.id = h.memory_id AND m.key >> 32 = h.scope "
        f"AND {EXPIRED.replace('?', '?3')}) ORDER BY {number} LIMIT ?4",
        (follower, after, now, limit),
    )
    check_order([sequence for sequence, *_ in found], after)
    return [histories.to_item(row) for row in found]


def last_change(connection: apsw.Connection) -> int:
    """Return the number of the last change, 0 if there was none."""
    return int(connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").get or 0)


def _position(connection: apsw.Connection, kind: str, after: str | None) -> tuple[int, int]:
    """Return the position that a cursor stands for, or the one before the whole list."""
    if after is None:
        return _BEFORE_ALL, _BEFORE_ALL
    from .. import cursors  # when pages are asked for

    return cursors.unseal(_secret(connection), kind, after)


def _cut(connection: apsw.Connection, kind: str, found: list[Any], limit: int) -> tuple[list[Any], str | None]:
    """Return the rows of a page, and the cursor for the rest. Rows begin with their position, and the list was read
    one row further."""
    if not 0 < limit < len(found):
        return found[:limit], None
    from .. import cursors

    first, second, *_ = found[limit - 1]
    return found[:limit], cursors.seal(_secret(connection), kind, (first, second))


def _secret(connection: apsw.Connection) -> str:
    """Return what cursors are sealed with. Every file has it; raises CorruptFileError for one that does not."""
    with undamaged():
        return text(rows.remembered(connection, "seal"))


# -- searching


class SnapshotReading(FoundReading):
    """A ``protocol.Reading`` of a connection's snapshot."""

    def __init__(self, connection: apsw.Connection, found: Found, current: Current, dimensions: int) -> None:
        super().__init__(found)
        self._connection, self._dimensions = connection, dimensions
        self.graph_categories = current.graph_categories
        self._project = current.project

    def add_entities(self, visible: Visible, query: Query) -> None:
        """Add to the view what the graph says."""
        self.add_evidence(*graph.evidence(self._connection, visible, query.names, query.asked))

    def records(self, ranked: Sequence[Ranked]) -> list[Record]:
        """Return the memories, in this order."""
        found = rows.by_keys(self._connection, self.keys(ranked))
        if len(found) < len(ranked):
            raise DatabaseError("The file was replaced by another while it was open. Close it and open it again.")
        return [rows.to_record(row) for row in found]

    def relations(self, ranked: Sequence[Ranked]) -> list[Relation]:
        """Return what the memories state, in this order."""
        return graph.relations_of(self._connection, self.keys(ranked))

    def project(self) -> dict[str, Any] | None:
        """Return the document of the kind ``project``."""
        return None if self._project is None else histories.to_document(self._project)

    def uses(self, ranked: Sequence[Ranked]) -> list[Use | None]:
        """Return how often and when the memories were in answers, in this order."""
        keys = self.keys(ranked)
        found = self._connection.execute(
            "SELECT key, count, last FROM use WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(keys),)
        )
        noted = {key: Use(count, last) for key, count, last in found}
        return [noted.get(key) for key in keys]

    def vectors(self, ranked: Sequence[Ranked]) -> "NDArray[np.float32]":
        """Return their unit vectors in this order, shape (len(ranked), dimensions)."""
        import numpy as np

        kept = self.kept_vectors(ranked)
        if kept is not None:
            return kept
        keys = self.keys(ranked)
        found = of(self._connection, keys)
        return np.frombuffer(b"".join(found[key] for key in keys), dtype="<f4").reshape(len(keys), self._dimensions)
