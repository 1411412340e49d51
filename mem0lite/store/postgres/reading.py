"""What a snapshot holds, for each question that callers ask: lists, histories, events, changes and counts."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from ...data.filters import EVERYTHING, SCOPE_IDS, Expression
from ...data.jsonl import Exported
from ...data.records import FileSettings, Record
from ...errors import DatabaseError
from ...search.query import Query
from ...search.view import Ranked
from ...types import ChangeItem, Counts, Entity, EventItem, EventType, HistoryItem, Relation
from ...values import to_iso
from .. import histories, links
from ..columns import Found
from ..found import FoundReading
from ..protocol import Listed, ListedEvents, Use, Visible
from . import graph, log, rows
from .database import Connection
from .filter_sql import compile_filter, composed
from .schema import EXPIRED, LATEST, LIVE, MEMORIES, MEMORY_BY_ID
from .settings import Current
from .source import unpacked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BEFORE_ALL = 2**63 - 1  # in lists that begin with what is highest
_AT_ONCE = 500  # memories that an export reads at a time


# -- memories


def get_many(connection: Connection, ids: Iterable[str], visible: Visible) -> dict[str, Record]:
    """Return the visible memories among these ids, by id."""
    where, parameters = rows.condition(visible)
    found = connection.fetch(
        f"SELECT {rows.COLUMNS} FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key "
        f"JOIN scope s ON s.id = m.key >> 32 WHERE l.id = ANY(%s::text[]) AND {where}",
        (list(dict.fromkeys(ids)), *parameters),
    )
    return {row[1]: rows.to_record(row) for row in found}


def drawn(connection: Connection, ids: Iterable[str], visible: Visible) -> list[Record]:
    """Return the visible facts that were drawn from memories, the oldest first."""
    where, parameters = rows.condition(visible)
    found = connection.fetch(
        f"SELECT {rows.COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE (m.owner_id, m.key) IN "
        "(SELECT p.owner_id, p.key FROM place l JOIN source p ON p.owner_id = l.owner_id AND p.source_id = l.id "
        f"WHERE l.id = ANY(%s::text[])) AND {where} ORDER BY m.key",
        (list(dict.fromkeys(ids)), *parameters),
    )
    return [rows.to_record(row) for row in found]


def existing(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of the ids that a memory has."""
    possible = [one for one in ids if not any("\ud800" <= character <= "\udfff" for character in one)]
    return {one for (one,) in connection.fetch("SELECT id FROM place WHERE id = ANY(%s::text[])", (possible,))}


def page(
    connection: Connection, visible: Visible, limit: int, offset: int, after: str | None, *, relations: bool
) -> Listed:
    """Return visible memories from ``offset`` on, or after a cursor, newest first."""
    where, parameters = rows.condition(visible)
    total = connection.value(f"SELECT count(*) {MEMORIES} WHERE {where}", parameters)
    passed = _position(connection, "memories", after)
    found = connection.fetch(
        f"SELECT m.created_at, m.key {MEMORIES} WHERE {where} AND (m.created_at, m.key) < (%s, %s) "
        "ORDER BY m.created_at DESC, m.key DESC LIMIT %s OFFSET %s",
        (*parameters, *passed, min(limit, total) + 1, min(offset, total)),
    )
    found, following = _cut(connection, "memories", found, limit)
    chosen = [key for _, key in found]
    records = [rows.to_record(row) for row in rows.by_keys(connection, chosen)]
    return Listed(records, total, following, graph.relations_of(connection, chosen) if relations else [])


def exported(connection: Connection, visible: Visible, logs: Expression | None) -> Iterator[Exported]:
    """Yield visible memories with their histories, in the order of their keys, then histories of memories that are
    gone and events, of the scopes that match ``logs``."""
    where, parameters = rows.condition(visible)
    read = connection.stream(f"SELECT {rows.COLUMNS} {MEMORIES} WHERE {where} ORDER BY m.key", parameters, _AT_ONCE)
    memories = (
        (rows.to_record(row), log.history(connection, row[1], EVERYTHING, row[0] >> 32, states=True)) for row in read
    )
    return chain(
        memories,
        () if logs is None else log.gone(connection, logs),
        () if logs is None else log.add_events(connection, logs),
    )


def settings(connection: Connection, graph_categories: tuple[str, ...]) -> list[FileSettings]:
    """Return the settings of the store, if there are any."""
    found = FileSettings(log.document(connection, "project", "") or {}, graph_categories)
    return [found] if found.project or found.graph_categories else []


def history(connection: Connection, memory_id: str, visible: Visible) -> list[HistoryItem]:
    """Return a memory's changes; of an expired one none, as if it were vacuumed already."""
    where, parameters = compile_filter(visible.expression)
    hidden = visible.horizon is not None and connection.first(
        f"SELECT 1 {MEMORY_BY_ID} AND {where} AND {EXPIRED}", (memory_id, *parameters, visible.horizon)
    )
    changes = [] if hidden else log.history(connection, memory_id, visible.expression)
    return [change.to_item(memory_id) for change in changes]


def entities(connection: Connection, visible: Visible) -> list[Entity]:
    """Return every user, agent, run and app with visible memories."""
    found: list[Entity] = []
    where, parameters = rows.condition(visible)
    for column in SCOPE_IDS:
        kind: Any = column.removesuffix("_id")
        found += [
            {
                "id": name,
                "type": kind,
                "total_memories": count,
                "created_at": to_iso(first),
                "updated_at": to_iso(last),
            }
            for name, count, first, last in connection.fetch(
                f'SELECT {composed("s." + column)} COLLATE "C", count(*), min(m.created_at), max(m.updated_at) '
                f"{MEMORIES} WHERE s.{column} IS NOT NULL AND {where} GROUP BY 1 ORDER BY 1",
                parameters,
            )
        ]
    return found


def expires_between(connection: Connection, one: int, other: int) -> bool:
    """Whether a memory is alive at one of two instants and expired at the other, whichever is earlier."""
    sql = "SELECT EXISTS (SELECT 1 FROM memory WHERE expires_at > %s AND expires_at <= %s)"
    return bool(connection.value(sql, (min(one, other), max(one, other))))


def counts(connection: Connection, now: int) -> Counts:
    """Return how many memories are live, superseded and expired, and of how many users, agents, runs and apps."""
    listed = ", ".join(f"count(DISTINCT s.{column}) FILTER (WHERE {LIVE})" for column in SCOPE_IDS)
    live, superseded, expired, users, agents, runs, apps = connection.first(
        f"SELECT count(*) FILTER (WHERE {LIVE}), count(*) FILTER (WHERE {LIVE} AND NOT {LATEST}), "
        f"count(*) FILTER (WHERE {EXPIRED}), {listed} FROM memory m JOIN scope s ON s.id = m.key >> 32",
        (now,) * (3 + len(SCOPE_IDS)),
    )
    held = {"memories": live, "superseded": superseded, "expired": expired}
    return cast("Counts", {**held, "users": users, "agents": agents, "runs": runs, "apps": apps})


# -- events and changes


def events(
    connection: Connection,
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
            f"{where} AND ((e.results::jsonb -> 0 ->> 1) IS NOT DISTINCT FROM 'UPDATE') = %s",
            [*parameters, event_type == "UPDATE"],
        )
    total = connection.value(f"SELECT count(*) {log.EVENTS} WHERE {where}", parameters)
    passed, _ = _position(connection, "events", after)
    found = connection.fetch(
        f"SELECT e.sequence, 0::bigint, {log.EVENT_COLUMNS} {log.EVENTS} WHERE {where} AND e.sequence < %s "
        "ORDER BY e.sequence DESC LIMIT %s OFFSET %s",
        (*parameters, passed, min(limit, total) + 1, min(offset, total)),
    )
    found, following = _cut(connection, "events", found, limit)
    return ListedEvents([log.to_event(connection, row[2:], visible.now) for row in found], total, following)


def event(connection: Connection, event_id: str, visible: Visible) -> EventItem | None:
    """Return a call of ``add`` if its scope matches."""
    where, parameters = compile_filter(visible.expression)
    row = connection.first(
        f"SELECT {log.EVENT_COLUMNS} {log.EVENTS} WHERE e.id = %s AND {where}", (event_id, *parameters)
    )
    return None if row is None else log.to_event(connection, row, visible.now)


def changes(connection: Connection, after: int, follower: str | None, now: int, limit: int) -> list[ChangeItem]:
    """Return the changes after a number, oldest first, without those of expired memories."""
    number, whose, parameters = "h.sequence", "true", list[Any]()
    if follower is not None:
        number, whose = "h.number", "h.follower_id = (SELECT id FROM follower WHERE user_id = %s)"
        parameters = [follower]
    found = connection.fetch(
        f"SELECT {number}, h.memory_id, s.user_id, s.agent_id, s.run_id, s.app_id, {log.CHANGES} "
        f"FROM history h JOIN scope s ON s.id = h.scope WHERE {whose} AND {number} > %s AND NOT EXISTS "
        "(SELECT 1 FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key "
        f"WHERE l.id = h.memory_id AND l.key >> 32 = h.scope AND {EXPIRED}) ORDER BY {number} LIMIT %s",
        (*parameters, after, now, limit),
    )
    return [histories.to_item(row) for row in found]


def last_change(connection: Connection) -> int:
    """Return the number of the last change, 0 if there was none."""
    return int(
        connection.value(
            "SELECT greatest(value::bigint, (SELECT max(sequence) FROM history)) FROM meta WHERE name = 'numbered'"
        )
    )


def _position(connection: Connection, kind: str, after: str | None) -> tuple[int, int]:
    """Return the position that a cursor stands for, or the one before the whole list."""
    if after is None:
        return _BEFORE_ALL, _BEFORE_ALL
    from .. import cursors  # when pages are asked for

    return cursors.unseal(rows.remembered(connection, "seal"), kind, after)


def _cut(connection: Connection, kind: str, found: list[Any], limit: int) -> tuple[list[Any], str | None]:
    """Return the rows of a page, and the cursor for the rest. Rows begin with their position, and the list was read
    one row further."""
    if not 0 < limit < len(found):
        return found[:limit], None
    from .. import cursors

    first, second, *_ = found[limit - 1]
    return found[:limit], cursors.seal(rows.remembered(connection, "seal"), kind, (first, second))


# -- searching


class SnapshotReading(FoundReading):
    """A ``protocol.Reading`` of a connection's snapshot."""

    def __init__(self, connection: Connection, found: Found, current: Current, dimensions: int) -> None:
        super().__init__(found)
        self._connection, self._dimensions = connection, dimensions
        self.graph_categories = current.graph_categories
        self._project = current.project

    def add_entities(self, visible: Visible, query: Query) -> None:
        """Add to the view what the graph says."""
        self.add_evidence(*links.evidence(graph.Reading(self._connection, visible), query.names, query.asked))

    def records(self, ranked: Sequence[Ranked]) -> list[Record]:
        """Return the memories, in this order."""
        found = rows.by_keys(self._connection, self.keys(ranked))
        if len(found) < len(ranked):
            raise DatabaseError("A search ended after its snapshot. Search again.")
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
        found = self._connection.fetch(
            f"SELECT u.key, u.count, u.last {rows.WITH_KEYS} JOIN use u ON u.owner_id = m.owner_id AND u.key = m.key",
            (keys,),
        )
        noted = {key: Use(count, last) for key, count, last in found}
        return [noted.get(key) for key in keys]

    def vectors(self, ranked: Sequence[Ranked]) -> "NDArray[np.float32]":
        """Return their unit vectors in this order, shape (len(ranked), dimensions)."""
        kept = self.kept_vectors(ranked)
        if kept is not None:
            return kept
        packed = self._connection.value(
            f"SELECT string_agg(vector_send(v.vector), '' ORDER BY l.position) {rows.WITH_KEYS} "
            "JOIN embedding v ON v.owner_id = m.owner_id AND v.key = m.key",
            (self.keys(ranked),),
        )
        return unpacked(packed, len(ranked), self._dimensions)
