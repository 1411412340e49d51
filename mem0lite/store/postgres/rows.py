"""Memories as rows: reading, inserting, changing and removing them with their vectors and keyword postings.

A memory's key is ``scope number << 32 | sequence``, as in a SQLite file. Everything that writes holds the lock of
writers (``database``). So a version or a change number that is seen is higher than all that are not committed yet.

Each scope has a version of its own, and no row is updated by every write.
"""

import json
import struct
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ...data.filters import SCOPE_IDS
from ...data.records import Change, Record, Scope
from ...embedding.reading import UnitVector
from ...errors import MemoryNotFoundError
from ...graph import Graph
from ...search.text import indexed_terms, indexed_text
from ...values import text_hashes
from .. import histories
from ..drawn import last_expiry
from ..protocol import Entry, NotEmbeddedError, Seen, Visible
from . import facts, log
from .database import Connection
from .filter_sql import compile_filter, one_of_ids
from .schema import LATEST, LIVE, MEMORY_BY_ID, Sql
from .texts import stored_json

COLUMNS = (
    "m.key, m.id, s.user_id, s.agent_id, s.run_id, s.app_id, m.text, m.text_hash, m.metadata_text, "
    "m.created_at, m.updated_at, m.expires_at, m.expiration_date, m.actor_id, m.role, m.feedback, m.feedback_reason, "
    "m.memory_key, m.superseded_by, m.superseded_at, m.sources"
)
WITH_KEYS = (
    "FROM unnest(%s::bigint[]) WITH ORDINALITY l(key, position) JOIN scope s ON s.id = l.key >> 32 "
    "JOIN memory m ON m.owner_id = s.owner_id AND m.key = l.key"
)
"""The memories with some keys; its parameter is their list."""
_OF_SCOPE = "memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.owner_id = %s AND m.key BETWEEN %s AND %s"
KEYED = f"SELECT {COLUMNS} FROM {_OF_SCOPE} AND m.memory_key = %s"
"""Selects all memories that ever had a key in a scope; its parameters are ``ScopeRow.place`` and the key."""
_PLACES = "(SELECT s.owner_id, l.key FROM unnest(%s::bigint[]) l(key) JOIN scope s ON s.id = l.key >> 32)"

# What near-copies have in common; as in a SQLite file.
_SEEDS, _COUNTED, _OF_A_TERM, _LENGTHS_APART, _MAX_CANDIDATES = 3, 128, 256, 3, 64
_MOST_NEW = 64  # memories added since to which an addition is compared; with more of them, it is looked for again
_MOST_LOOKED_AT = 32  # additions of a call for which near-copies are looked for before the transaction


class ScopeRow:
    """A scope that is being written to."""

    def __init__(self, number: int, owner: int, next_sequence: int, rewritten: int) -> None:
        self.number = number
        self.owner = owner
        self.next_sequence = next_sequence
        self.rewritten = rewritten
        """The version of its last change other than an addition."""

    @property
    def place(self) -> tuple[int, int, int]:
        """The owner, and the first and the last key that its memories may have."""
        return self.owner, self.number << 32, (self.number << 32) + 0xFFFFFFFF

    def next_key(self) -> int:
        """Return the key of the next memory. No key is used twice."""
        key = self.number << 32 | self.next_sequence
        self.next_sequence += 1
        return key


# -- condition


def condition(visible: Visible) -> Sql:
    """Return the SQL of "is visible", and its parameters."""
    sql, parameters = compile_filter(visible.expression)
    if visible.horizon is not None:
        sql, parameters = f"{sql} AND {LIVE}", [*parameters, visible.horizon]
    return (f"{sql} AND {LATEST}" if visible.latest else sql), parameters


# -- versions


def next_version(connection: Connection) -> int:
    """Return the version of what this transaction changes, higher than any before."""
    return int(connection.value("SELECT nextval('version_number')"))


def current_version(connection: Connection) -> int:
    """Return the number of the last change of any memory."""
    return int(
        connection.value(
            "SELECT greatest((SELECT max(version) FROM scope), value::bigint) FROM meta WHERE name = 'forgotten'"
        )
    )


def note_rewritten(connection: Connection, version: int, scopes: Iterable[int]) -> None:
    """Note that memories of the scopes were changed or removed."""
    connection.send(
        "UPDATE scope SET version = %s, rewritten = %s WHERE id = ANY(%s::bigint[])", (version, version, list(scopes))
    )


def note_forgotten(connection: Connection) -> None:
    """Note, before scopes and histories are removed, that versions and change numbers go on above theirs."""
    connection.run("UPDATE meta SET value = %s WHERE name = 'forgotten'", (str(next_version(connection)),))
    connection.run(
        "UPDATE meta SET value = greatest(value::bigint, (SELECT max(sequence) FROM history))::text "
        "WHERE name = 'numbered'"
    )


# -- what the store remembers of itself


def as_kept(connection: Connection, name: str) -> str | None:
    """Return what is kept under a name, as text, or None."""
    kept: str | None = connection.value("SELECT value FROM meta WHERE name = %s", (name,))
    return kept


def remembered(connection: Connection, name: str) -> Any:
    """Return what ``remember`` kept under a name, or None."""
    kept = as_kept(connection, name)
    return None if kept is None else json.loads(kept)


def remember(connection: Connection, name: str, value: Any) -> None:
    """Keep a value under a name."""
    connection.run(
        "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )


def forget(connection: Connection, name: str) -> None:
    """Forget what is kept under a name."""
    connection.run("DELETE FROM meta WHERE name = %s", (name,))


# -- reading


def to_record(row: Sequence[Any]) -> Record:
    """Return the memory in a row of COLUMNS."""
    _, memory_id, user_id, agent_id, run_id, app_id, text, text_hash, metadata, *rest, sources = row
    scope = Scope(user_id, agent_id, run_id, app_id)
    read = None if metadata is None else json.loads(metadata)
    record = Record(memory_id, scope, text, text_hash, read, *rest)
    return record if sources is None else record._replace(sources=tuple(json.loads(sources)))


def by_keys(connection: Connection, keys: Sequence[int]) -> list[Any]:
    """Return rows of COLUMNS in the order of the keys. Keys without a memory are skipped."""
    return connection.fetch(f"SELECT {COLUMNS} {WITH_KEYS} ORDER BY l.position", (list(keys),)) if keys else []


def live_record(
    connection: Connection, memory_id: str, visible: Visible, cure: str = ". Please provide a valid 'memory_id'"
) -> tuple[int, Record]:
    """Return a visible memory and its key, or raise MemoryNotFoundError."""
    where, parameters = condition(visible)
    row = connection.first(f"SELECT {COLUMNS} {MEMORY_BY_ID} AND {where}", (memory_id, *parameters))
    if row is None:
        raise MemoryNotFoundError(f"Memory with id {memory_id} not found{cure}")
    return row[0], to_record(row)


def owner_of(connection: Connection, key: int) -> int:
    """Return the owner of a memory's scope."""
    return int(connection.value("SELECT owner_id FROM scope WHERE id = %s", (key >> 32,)))


# -- inserting


def scope_row(connection: Connection, scope: Scope) -> ScopeRow:
    """Return the row of a scope; make one if there is none."""
    if (found := _known_scope(connection, scope)) is not None:
        return found
    first = next(position for position, value in enumerate(scope, start=1) if value is not None)
    same, parameters = _same_ids(tuple(scope)[:first])
    owner = connection.value(f"SELECT owner_id FROM scope s WHERE {same} LIMIT 1", parameters)
    number = connection.value(
        "INSERT INTO scope (owner_id, user_id, agent_id, run_id, app_id) VALUES (0, %s, %s, %s, %s) RETURNING id", scope
    )
    connection.run("UPDATE scope SET owner_id = %s WHERE id = %s", (owner or number, number))
    return ScopeRow(number, owner or number, 0, 0)


def _known_scope(connection: Connection, scope: Scope) -> ScopeRow | None:
    same, parameters = _same_ids(scope)
    row = connection.first(
        f"SELECT id, owner_id, next_sequence, rewritten FROM scope s WHERE {same} ORDER BY id LIMIT 1", parameters
    )
    return None if row is None else ScopeRow(*row)


def _same_ids(ids: Sequence[str | None]) -> Sql:
    """Return the SQL that tests whether the first ids of a scope s are exactly these."""
    tests: list[Sql] = [
        (f"s.{column} IS NULL", []) if one is None else one_of_ids(f"s.{column}", (one,))
        for column, one in zip(SCOPE_IDS, ids, strict=False)
    ]
    return " AND ".join(sql for sql, _ in tests), [one for _, parameters in tests for one in parameters]


def existing(connection: Connection, entry: Entry, scope: ScopeRow, now: int) -> Record | None:
    """Return the memory that an entry repeats, or None."""
    row = None
    if entry.unique == "id":
        row = connection.first(f"SELECT {COLUMNS} {MEMORY_BY_ID}", (entry.record.id,))
    elif entry.unique == "text" and entry.record.key is not None:
        row = _holding(connection, entry, scope, now)
    elif entry.unique == "text" and scope.next_sequence:
        looked: _Looked | None = None if entry.seen is None else entry.seen.state
        if looked is not None and looked.holds(scope):
            row = _covering(entry, _since(connection, entry, scope, looked, now))
        else:
            row = _covering(entry, _like(connection, entry, scope, now))
    return None if row is None else to_record(row)


class _Looked(NamedTuple):
    """What a scope was like before repeats of an addition were looked for, and the key of the memory that it
    repeats."""

    scope: int | None
    """Its number; None where there was none."""
    rewritten: int
    following: int
    """The sequence of its next memory."""
    key: int | None

    def holds(self, scope: ScopeRow) -> bool:
        """Whether the scope is still the same but for a few memories that were added."""
        return (
            self.scope in (None, scope.number)
            and scope.rewritten == self.rewritten
            and scope.next_sequence - self.following <= _MOST_NEW
        )


def _since(connection: Connection, entry: Entry, scope: ScopeRow, looked: _Looked, now: int) -> list[Any]:
    """Return rows of the memory that was found, or else of the live ones that were added since and may be copies."""
    owner, first, _ = scope.place
    if looked.key is not None:
        found = (owner, looked.key, looked.key, now)
        return connection.fetch(f"SELECT {COLUMNS} FROM {_OF_SCOPE} AND {LIVE} AND {LATEST}", found)
    if scope.next_sequence == looked.following:
        return []
    return connection.fetch(
        f"SELECT {COLUMNS} FROM {_OF_SCOPE} AND {LIVE} AND {LATEST} AND abs(m.length - %s) <= {_LENGTHS_APART} "
        "AND m.created_at BETWEEN %s AND %s ORDER BY m.created_at DESC, m.key DESC",
        (
            *(owner, first + looked.following, first + scope.next_sequence - 1, now, entry.terms.total()),
            *entry.record.span(dated=entry.dated),
        ),
    )


def repeats(connection: Connection, entries: Sequence[Entry], now: int) -> list[Seen]:
    """Tell which entries a live memory of their scope covers. Of many at once, only those with the same words."""
    closely = len(entries) <= _MOST_LOOKED_AT
    look = _like if closely else _same_words
    seen = []
    for entry in entries:
        scope, row = _known_scope(connection, entry.record.scope), None
        if entry.record.key is not None:  # looked up again in no time
            row = None if scope is None else _holding(connection, entry, scope, now)
            seen.append(Seen(row is not None, None))
            continue
        looked = _Looked(None, 0, 0, None)
        if scope is not None:
            row = _covering(entry, look(connection, entry, scope, now)) if scope.next_sequence else None
            key = None if row is None else row[0]
            looked = _Looked(scope.number, scope.rewritten, scope.next_sequence, key)
        seen.append(Seen(row is not None, looked if closely else None))
    return seen


def _covering(entry: Entry, said: Iterable[Sequence[Any]]) -> Sequence[Any] | None:
    """Return the first row whose memory covers an entry, which does not supersede it."""
    for row in said:
        record = to_record(row)
        if record.id not in entry.supersedes and record.covers(entry.record, dated=entry.dated):
            return row
    return None


def _holding(connection: Connection, entry: Entry, scope: ScopeRow, now: int) -> Any:
    """Return the row of the live memory that has an entry's key at its date, if it holds the same."""
    at = entry.record.created_at
    dates, parameters = ("m.created_at <= %s", [at]) if entry.dated else (LATEST, [])
    row = connection.first(
        f"{KEYED} AND {LIVE} AND {dates} ORDER BY m.created_at DESC, m.key DESC LIMIT 1",
        (*scope.place, entry.record.key, now, *parameters),
    )
    if row is None:
        return None
    record = to_record(row)
    over = record.superseded_at is not None and record.superseded_at <= at
    return None if over or record.id in entry.supersedes or not record.holds(entry.record) else row


def _like(connection: Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope and date with the same text, then of near-copies."""
    yield from _same_words(connection, entry, scope, now)
    yield from _near_copies(connection, entry, scope, now)


def _same_words(connection: Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope with the same text and date, the last ones first."""
    yield from connection.fetch(
        f"SELECT {COLUMNS} FROM {_OF_SCOPE} AND m.text_hash = ANY(%s::text[]) AND m.created_at BETWEEN %s AND %s "
        f"AND {LIVE} AND {LATEST} ORDER BY m.created_at DESC LIMIT {_MAX_CANDIDATES}",
        (*scope.place, list(text_hashes(entry.record.text)), *entry.record.span(dated=entry.dated), now),
    )


_RAREST = (
    "SELECT t.term, (SELECT count(*) FROM (SELECT 1 FROM posting p WHERE p.owner_id = %s AND p.term = t.term "
    f"AND p.key BETWEEN %s AND %s LIMIT {_COUNTED}) c) AS memories "
    f"FROM unnest(%s::text[]) WITH ORDINALITY t(term, position) ORDER BY memories, t.position LIMIT {_SEEDS}"
)
_WITH_TERM = (
    "(SELECT p.key FROM posting p WHERE p.owner_id = %s AND p.term = %s AND p.key BETWEEN %s AND %s "
    f"ORDER BY p.key DESC LIMIT {_OF_A_TERM})"
)
_NEAR_COPIES = (
    f"WITH c AS MATERIALIZED ({_WITH_TERM} UNION {_WITH_TERM}) "
    "SELECT m.key, m.text FROM c JOIN memory m ON m.owner_id = %s AND m.key = c.key "
    "WHERE (SELECT count(*) FROM posting p WHERE p.owner_id = m.owner_id AND p.term = ANY(%s::text[]) "
    "AND p.key = m.key) >= %s "
    f"AND abs(m.length - %s) <= {_LENGTHS_APART} AND m.created_at BETWEEN %s AND %s AND {LIVE} AND {LATEST} "
    f"ORDER BY abs(m.length - %s), m.key LIMIT {_MAX_CANDIDATES}"
)


def _near_copies(connection: Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope and date that say the same in other words, the likeliest first.

    Copies share almost all terms, so only those are compared that have all but one of the rarest ones, which each have
    one of the two that are rarest. Few of these are copies, so only their texts are read at first.
    """
    from ...search.similarity import near_identical  # its tables are for texts that may be copies

    owner, first, last = scope.place
    seeds = connection.fetch(_RAREST, (*scope.place, list(entry.terms)))
    needed = max(1, len(seeds) - 1)
    if not seeds or sum(memories > 0 for _, memories in seeds) < needed:
        return
    rarest = [term for term, _ in seeds]
    one, other = rarest[0], rarest[min(1, len(rarest) - 1)]
    length, dates = entry.terms.total(), entry.record.span(dated=entry.dated)
    found = connection.fetch(
        _NEAR_COPIES,
        (
            *(owner, one, first, last, owner, other, first, last),
            *(owner, rarest, needed, length, *dates, now, length),
        ),
    )
    if keys := [key for key, said in found if near_identical(said, entry.record.text)]:
        yield from by_keys(connection, keys)


def insert(connection: Connection, entry: Entry, record: Record, scope: ScopeRow, version: int, now: int) -> None:
    """Insert a memory with its vector, postings and history. ``record`` is the entry's, perhaps superseded."""
    if entry.vector is None:
        raise NotEmbeddedError
    noted = (
        brought(connection, scope, record.id, entry.history)
        if entry.history
        else [histories.Noted(scope.number, record.id, histories.change("ADD", None, record))]
    )
    if entry.record.superseded_at is None and record.superseded_at is not None:
        change = histories.change("SUPERSEDE", record, record._replace(updated_at=now))
        noted.append(histories.Noted(scope.number, record.id, change))
    key = scope.next_key()
    place = (scope.owner, key)
    with connection.pipelined():
        connection.send("INSERT INTO place (id, owner_id, key) VALUES (%s, %s, %s)", (record.id, *place))
        connection.send(
            "INSERT INTO memory (owner_id, key, expires_at, length, created_at, updated_at, id, text_hash, actor_id, "
            "role, expiration_date, metadata, metadata_text, text, feedback, feedback_reason, version, memory_key, "
            "superseded_by, superseded_at, sources) VALUES "
            "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *(*place, record.expires_at, entry.terms.total(), record.created_at, record.updated_at, record.id),
                *(record.hash, record.actor_id, record.role, record.expiration_date),
                *(*_json_of(record.metadata), record.text, record.feedback, record.feedback_reason, version),
                *(record.key, record.superseded_by, record.superseded_at, _sources(record)),
            ),
        )
        facts.send_links(connection, *place, record)
        connection.send("INSERT INTO embedding VALUES (%s, %s, %s::vector)", (*place, to_text(entry.vector)))
        _send_postings(connection, *place, entry.terms)
        if entry.graph is not None:
            _send_graph(connection, *place, entry.graph)
    log.note(connection, noted, now)


def brought(
    connection: Connection, scope: ScopeRow, memory_id: str, changes: Iterable[Change]
) -> list[histories.Noted]:
    """Return the history that a memory brings along, with keys for what was deleted.

    Its past comes with it, unless the store has a past of that id: two pasts would contradict each other.
    """
    known = connection.first("SELECT 1 FROM history WHERE memory_id = %s LIMIT 1", (memory_id,)) is not None
    return [
        histories.Noted(
            scope.number,
            memory_id,
            change._replace(recorded_at=None) if known else change,
            scope.next_key() if change.event == "DELETE" else None,
        )
        for change in changes
    ]


def note_inserted(connection: Connection, version: int, scopes: Iterable[ScopeRow]) -> None:
    """Note what the scopes became after their insertions."""
    for scope in scopes:
        connection.send(
            "UPDATE scope SET next_sequence = %s, version = %s WHERE id = %s",
            (scope.next_sequence, version, scope.number),
        )


# -- changing


def rewrite(connection: Connection, key: int, record: Record, version: int) -> None:
    """Replace what may change of a memory."""
    connection.run(
        "UPDATE memory SET text = %s, text_hash = %s, metadata = %s::jsonb, metadata_text = %s, created_at = %s, "
        "updated_at = %s, expires_at = %s, expiration_date = %s, feedback = %s, feedback_reason = %s, "
        "superseded_at = %s, sources = %s, version = %s "
        "WHERE owner_id = (SELECT owner_id FROM scope WHERE id = %s) AND key = %s",
        (
            *(record.text, record.hash, *_json_of(record.metadata), record.created_at, record.updated_at),
            *(record.expires_at, record.expiration_date, record.feedback, record.feedback_reason),
            *(record.superseded_at, _sources(record), version, key >> 32, key),
        ),
    )


def reindex(connection: Connection, key: int, before: Record, after: Record, vector: UnitVector) -> None:
    """Replace the vector and the postings of a memory."""
    owner = owner_of(connection, key)
    place = (owner, key)
    _remove_postings(connection, [(key, owner, before.text, before.actor_id)])
    words = indexed_terms(after.indexed_text)
    with connection.pipelined():
        _send_postings(connection, *place, words)
        connection.send("UPDATE memory SET length = %s WHERE owner_id = %s AND key = %s", (words.total(), *place))
        connection.send(
            "UPDATE embedding SET vector = %s::vector WHERE owner_id = %s AND key = %s", (to_text(vector), *place)
        )


def rebuild_postings(connection: Connection) -> None:
    """Rebuild the postings of all memories, with the terms of this version."""
    connection.run("DELETE FROM posting")
    memories = "SELECT m.owner_id, m.key, m.text, m.actor_id FROM memory m"
    for owner, key, text, actor_id in connection.fetch(memories):
        words = indexed_terms(indexed_text(text, actor_id))
        _send_postings(connection, owner, key, words)
        connection.send("UPDATE memory SET length = %s WHERE owner_id = %s AND key = %s", (words.total(), owner, key))
    version = next_version(connection)
    connection.run("UPDATE memory SET version = %s", (version,))
    connection.run("UPDATE scope SET version = %s, rewritten = %s", (version, version))


def to_text(vector: UnitVector) -> str:
    """Return a vector as pgvector reads it; nine digits tell all numbers of 32 bits apart."""
    return f"[{','.join(map('{:.9g}'.format, vector))}]"


def from_binary(sent: bytes) -> UnitVector:
    """Return a vector from what pgvector sends: the number of dimensions and two unused bytes, then big-endian numbers
    of 32 bits."""
    dimensions, _ = struct.unpack_from(">HH", sent)
    return array("f", struct.unpack_from(f">{dimensions}f", sent, 4))


def _sources(record: Record) -> str | None:
    return None if record.sources is None else json.dumps(record.sources)


def _json_of(metadata: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """Return metadata as filters read it, and as records do. In these, JSON escapes what PostgreSQL can't hold."""
    if not metadata:
        return None, None
    searched = json.dumps(stored_json(metadata), ensure_ascii=False, allow_nan=False)
    return searched, json.dumps(metadata, ensure_ascii=False, allow_nan=False)


def _send_graph(connection: Connection, owner: int, key: int, graph: Graph) -> None:
    """Insert what a memory names and states."""
    for node in graph.nodes:
        connection.send(
            "INSERT INTO mention VALUES (%s, %s, %s, %s, %s)", (owner, node.name, key, node.label, node.type)
        )
    for position, edge in enumerate(graph.edges):
        connection.send(
            "INSERT INTO relation VALUES (%s, %s, %s, %s, %s, %s)",
            (owner, edge.source, edge.destination, key, position, edge.relationship),
        )


def put_graph(connection: Connection, key: int, graph: Graph | None) -> None:
    """Replace what a memory names and states. None: it names and states nothing."""
    remove_graph(connection, [key])
    if graph is not None:
        owner = owner_of(connection, key)
        with connection.pipelined():
            _send_graph(connection, owner, key, graph)


def remove_graph(connection: Connection, keys: Sequence[int]) -> int:
    """Remove what memories name and state; return how many rows there were."""
    return sum(remove_rows(connection, table, keys) for table in ("mention", "relation"))


def _send_postings(connection: Connection, owner: int, key: int, words: Counter[str]) -> None:
    connection.send(
        "INSERT INTO posting (owner_id, term, key, frequency) "
        "SELECT %s, t.term, %s, t.frequency FROM unnest(%s::text[], %s::bigint[]) t(term, frequency)",
        (owner, key, list(words), list(words.values())),
    )


def _remove_postings(connection: Connection, memories: Iterable[tuple[int, int, str, str | None]]) -> int:
    """Remove the postings of memories (key, owner, text, actor) and return how many there were."""
    owners, terms, keys = list[int](), list[str](), list[int]()
    for key, owner, text, actor_id in memories:
        for term in indexed_terms(indexed_text(text, actor_id)):
            owners.append(owner)
            terms.append(term)
            keys.append(key)
    return connection.run(
        "DELETE FROM posting p USING unnest(%s::bigint[], %s::text[], %s::bigint[]) t(owner_id, term, key) "
        "WHERE p.owner_id = t.owner_id AND p.term = t.term AND p.key = t.key",
        (owners, terms, keys),
    )


# -- removing


def delete(connection: Connection, keys: Sequence[int], now: int) -> None:
    """Remove the memories, and the facts that have no other source, and note each removal in its history."""
    keys = [*keys, *_without_sources(connection, keys, now)]
    noted = []
    for row in by_keys(connection, keys):
        before = to_record(row)
        change = histories.change("DELETE", before, before._replace(updated_at=now))
        noted.append(histories.Noted(row[0] >> 32, before.id, change, row[0]))
    log.note(connection, noted, now)
    remove(connection, keys)


def purge(connection: Connection, keys: Sequence[int]) -> int:
    """Remove the memories, and the facts that have no other source, as if they had never been; return how many of the
    memories there were."""
    if not keys:
        return 0
    facts_too = _without_sources(connection, keys, None)
    keys = [*keys, *facts_too]
    note_forgotten(connection)
    # With the scope, because an imported id may have been another scope's before, whose history that is.
    connection.run(
        f"DELETE FROM history h USING (SELECT m.id, s.id AS scope {WITH_KEYS}) g "
        "WHERE h.memory_id = g.id AND h.scope = g.scope",
        (list(keys),),
    )
    removed = remove(connection, keys)
    remove_empty_scopes(connection, {key >> 32 for key in keys})
    return removed["memories"] - len(facts_too)


def _without_sources(connection: Connection, keys: Sequence[int], now: int | None) -> list[int]:
    """Return the facts that have no source beside these memories. Others live as long as what is left of theirs; at a
    purge they do already."""
    given, alone = set(keys), []
    for fact in facts.drawn_from(connection, keys):
        left = [expires_at for key, expires_at in fact.sources.items() if key not in given]
        if fact.key in given:
            continue
        if not left:
            alone.append(fact.key)
        elif now is not None:
            rebound(connection, fact.key, last_expiry(fact.sources.values()), last_expiry(left), now)
    return alone


def rebound(connection: Connection, key: int, before: int | None, after: int | None, now: int) -> None:
    """Let a fact live as long as its sources, whose last one expires at another instant than before."""
    [row] = by_keys(connection, [key])
    fact = to_record(row)
    bounded = fact.bounded(before, after)._replace(updated_at=now)
    if bounded.expires_at == fact.expires_at:
        return
    version = next_version(connection)
    rewrite(connection, key, bounded, version)
    change = histories.change("UPDATE", fact, bounded)
    log.note(connection, [histories.Noted(key >> 32, fact.id, change)], now)
    note_rewritten(connection, version, [key >> 32])


def remove(connection: Connection, keys: Sequence[int]) -> dict[str, int]:
    """Remove memories with their vectors, postings and graphs; their histories stay. Return how many rows of each
    there were."""
    if not keys:
        return {"keywords": 0, "graph": 0, "vectors": 0, "memories": 0}
    listed = list(keys)
    found = connection.fetch(f"SELECT m.key, m.owner_id, m.text, m.actor_id {WITH_KEYS}", (listed,))
    removed = {"keywords": _remove_postings(connection, found), "graph": remove_graph(connection, keys)}
    connection.run(
        f"DELETE FROM place p USING {_PLACES} g, memory m WHERE m.owner_id = g.owner_id AND m.key = g.key "
        "AND p.id = m.id",
        (listed,),
    )
    remove_rows(connection, "source", listed)
    for kind, table in (("uses", "use"), ("vectors", "embedding"), ("memories", "memory")):
        removed[kind] = remove_rows(connection, table, listed)
    note_rewritten(connection, next_version(connection), {key >> 32 for key in keys})
    return removed


def remove_rows(connection: Connection, table: str, keys: Sequence[int]) -> int:
    """Remove the rows of memories from a table; return how many there were."""
    return connection.run(
        f"DELETE FROM {table} t USING {_PLACES} g WHERE t.owner_id = g.owner_id AND t.key = g.key", (list(keys),)
    )


def remove_empty_scopes(connection: Connection, scopes: Iterable[int]) -> None:
    """Remove the scopes that have neither memories nor histories, with their events and jobs."""
    empty = connection.fetch(
        "SELECT s.id, s.user_id FROM scope s WHERE s.id = ANY(%s::bigint[]) AND NOT EXISTS (SELECT 1 FROM memory m "
        "WHERE m.owner_id = s.owner_id AND m.key BETWEEN s.id << 32 AND (s.id << 32) + 4294967295) "
        "AND NOT EXISTS (SELECT 1 FROM history h WHERE h.scope = s.id)",
        (list(scopes),),
    )
    if not empty:
        return
    note_forgotten(connection)
    numbers = [number for number, _ in empty]
    connection.run("DELETE FROM event WHERE scope = ANY(%s::bigint[])", (numbers,))
    connection.run("DELETE FROM job WHERE scope = ANY(%s::bigint[])", (numbers,))
    connection.run("DELETE FROM scope WHERE id = ANY(%s::bigint[])", (numbers,))
    log.forget_followers(connection, {user for _, user in empty})
