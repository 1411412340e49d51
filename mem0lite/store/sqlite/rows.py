"""Memories as rows: reading, inserting, changing and removing them with their vectors and keyword postings.

A memory's key is ``scope number << 32 | sequence``: the rows and the vectors of one (user, agent, run, app) lie
together, and a search reads only the key ranges of the scopes it asks for. Keyword postings are clustered by (owner,
term); the owner is the user if there is one, else the agent, else the run, else the app, so that a user's thousands of
runs are one range. A posting whose memory is gone is harmless: keys are never used again.

Every change gives its scope, and the rows it writes, the next of the file's version numbers: by these the cache knows
what it has to read again, whichever process wrote it.
"""

import json
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import apsw

from ...data.filters import SCOPE_IDS
from ...data.records import Change, Record, Scope
from ...embedding.reading import UnitVector
from ...errors import MemoryNotFoundError
from ...search.text import TERMS_VERSION, indexed_terms, indexed_text
from ...types import EmbedderIdentity
from ...values import text_hashes
from .. import histories
from ..damage import check_instants, check_list, check_object, check_optional_texts, check_texts, undamaged
from ..drawn import last_expiry
from ..protocol import Entry, NotEmbeddedError, Seen, Unembedded, Visible
from . import facts, graph, log, vectors
from .filter_sql import Sql, one_of_ids
from .schema import LATEST, LIVE, MEMORIES, MEMORY_BY_ID, SCOPE_KEYS, condition

COLUMNS = (
    "m.key, m.id, s.user_id, s.agent_id, s.run_id, s.app_id, m.text, m.text_hash, json(m.metadata), "
    "m.created_at, m.updated_at, m.expires_at, m.expiration_date, m.actor_id, m.role, m.feedback, m.feedback_reason, "
    "m.memory_key, m.superseded_by, m.superseded_at, m.sources"
)

KEYED = f"SELECT {COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.memory_key = ? AND m.key >> 32 = ?"
"""Selects all memories that ever had a key in a scope; its parameters are the key and the number of the scope."""

# What near-copies have in common, generously: how many terms are looked for, of which memories are counted up to a
# number that makes a term common, of a common one how many are looked at, the last ones, and by how many terms the
# lengths may differ. An add costs the same however often its words were said: in doubt what is said is kept once more.
_SEEDS, _COUNTED, _OF_A_TERM, _LENGTHS_APART, _MAX_CANDIDATES = 3, 128, 256, 3, 64

_MOST_LOOKED_AT = 32  # additions of a call for which near-copies are looked for before the transaction
_MOST_NEW = 64  # memories added since to which an addition is compared; with more of them, it is looked for again

_MOST_AT_ONCE = 64  # rows of postings that one statement inserts

_EMBEDDERS = ("embedder", "reembedding")


class ScopeRow:
    """A scope that is being written to."""

    def __init__(self, number: int, owner: int, next_sequence: int, rewritten: int) -> None:
        self.number = number
        self.owner = owner
        self.next_sequence = next_sequence
        self.rewritten = rewritten
        """The version of its last change other than an addition."""

    def keys(self) -> tuple[int, int]:
        """Return the first and the last key that its memories may have."""
        return self.number << 32, (self.number << 32) + 0xFFFFFFFF

    def next_key(self) -> int:
        """Return the key of the next memory. No key is used twice."""
        key = self.number << 32 | self.next_sequence
        self.next_sequence += 1
        return key


# -- versions


def next_version(connection: apsw.Connection) -> int:
    """Return the version of what this transaction changes, higher than any before."""
    with undamaged():
        return int(connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'version' RETURNING value").get)


def current_version(connection: apsw.Connection) -> int:
    """Return the number of the last change of any memory in the file."""
    with undamaged():
        return int(connection.execute("SELECT value FROM meta WHERE name = 'version'").get)


def note_rewritten(connection: apsw.Connection, version: int, scopes: Iterable[int]) -> None:
    """Note that memories of the scopes were changed or removed."""
    connection.execute(
        "UPDATE scope SET version = ?1, rewritten = ?1 WHERE id IN (SELECT value FROM json_each(?2))",
        (version, json.dumps(list(scopes))),
    )


def note_all_rewritten(connection: apsw.Connection) -> None:
    """Note that every memory of the file was changed."""
    version = next_version(connection)
    connection.execute("UPDATE memory SET version = ?", (version,))
    connection.execute("UPDATE scope SET version = ?1, rewritten = ?1", (version,))


# -- another file in the place of this one


def numbers(connection: apsw.Connection) -> dict[str, int]:
    """Return the highest number ever given to a row, of the tables that never give one again."""
    return dict(fetch(connection, "SELECT name, seq FROM sqlite_sequence"))


def copy_table(connection: apsw.Connection, table: str) -> None:
    """Replace the rows of a table by those of the attached file's."""
    columns = ", ".join(name for (name,) in connection.execute(f"SELECT name FROM pragma_table_info('{table}')"))
    connection.execute(f"DELETE FROM main.{table}")
    connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")


def leave_behind(connection: apsw.Connection, version: int, given: Mapping[str, int]) -> None:
    """Go on from a version and from numbers that were given before, so that nobody takes new rows for old ones."""
    for table, number in fetch(connection, "SELECT name, seq FROM source.sqlite_sequence"):
        highest = max(number, given.get(table, 0))
        connection.execute("UPDATE main.sqlite_sequence SET seq = ? WHERE name = ?", (highest, table))
    highest = max(version, current_version(connection))
    connection.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(highest),))
    note_all_rewritten(connection)


# -- what the file remembers of itself


class State(NamedTuple):
    """What searches have to know of a file, as the file has it."""

    version: int
    """The number of the last change."""
    embedder: str | None
    graph: str | None
    project: str | None
    """The settings of the project."""


def state(connection: apsw.Connection) -> State:
    """Return what searches have to know of the file, in one statement."""
    kept = "(SELECT value FROM meta WHERE name = '{}')"
    asked = ", ".join(kept.format(name) for name in ("version", "embedder", "graph"))
    project = "(SELECT value FROM document WHERE kind = 'project' AND name = '')"
    version, *texts = connection.execute(f"SELECT {asked}, {project}").get
    with undamaged():
        return State(int(version), *texts)


def as_kept(connection: apsw.Connection, name: str) -> Any:
    """Return what is kept under a name, as the file has it, or None."""
    return connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).get


def remembered(connection: apsw.Connection, name: str) -> Any:
    """Return what ``remember`` kept under a name, or None."""
    value = as_kept(connection, name)
    with undamaged():
        found = None if value is None else json.loads(value)
        if found is not None and name in _EMBEDDERS:
            check_texts(found["name"], found["fingerprint"])
            return {"name": found["name"], "dimensions": int(found["dimensions"]), "fingerprint": found["fingerprint"]}
        return found


def remember(
    connection: apsw.Connection, name: str, value: EmbedderIdentity | int | list[str] | dict[str, Any]
) -> None:
    """Keep a value under a name."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))


def forget(connection: apsw.Connection, name: str) -> None:
    """Forget what is kept under a name."""
    connection.execute("DELETE FROM meta WHERE name = ?", (name,))


# -- reading


def fetch(connection: apsw.Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """Return all rows of a query."""
    return connection.execute(sql, parameters).fetchall()


def fetch_first(connection: apsw.Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
    """Return the first row of a query that finds only a few, or None.

    Like every statement here, it is read to its end: a statement that stays open keeps the snapshot.
    """
    return next(iter(fetch(connection, sql, parameters)), None)


def to_record(row: Sequence[Any]) -> Record:
    """Return the memory in a row of COLUMNS."""
    _, memory_id, user_id, agent_id, run_id, app_id, text, text_hash, metadata, *rest = row
    created_at, updated_at, expires_at, *texts, superseded_at, sources = rest
    with undamaged():
        check_texts(memory_id, text, text_hash)
        check_optional_texts(user_id, agent_id, run_id, app_id, *texts)
        check_instants(created_at, updated_at, *(one for one in (expires_at, superseded_at) if one is not None))
        scope = Scope(user_id, agent_id, run_id, app_id)
        read = None if metadata is None else _to_object(metadata)
        record = Record(memory_id, scope, text, text_hash, read, *rest[:-1])
        return record if sources is None else record._replace(sources=_ids_in(sources))


def _ids_in(sources: str) -> tuple[str, ...]:
    """Return the ids of a fact's sources."""
    ids = json.loads(sources)
    check_list(ids)
    check_texts(*ids)
    return tuple(ids)


def _to_object(metadata: str) -> dict[str, Any]:
    value = json.loads(metadata)
    check_object(value)
    return cast("dict[str, Any]", value)


def by_keys(connection: apsw.Connection, keys: Sequence[int]) -> list[Sequence[Any]]:
    """Return rows of COLUMNS in the order of the keys. Keys without a memory are skipped."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 "
        "WHERE m.key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    by_key = {row[0]: row for row in found}
    return [by_key[key] for key in keys if key in by_key]


def matching_keys(connection: apsw.Connection, where: str, parameters: Sequence[Any]) -> list[int]:
    """Return the keys of the memories that meet a condition."""
    return [key for (key,) in fetch(connection, f"SELECT m.key {MEMORIES} WHERE {where}", parameters)]


def live_record(
    connection: apsw.Connection,
    memory_id: str,
    visible: Visible,
    cure: str = ". Please provide a valid 'memory_id'",
) -> tuple[int, Record]:
    """Return a visible memory and its key, or raise MemoryNotFoundError."""
    where, parameters = condition(visible)
    row = fetch_first(connection, f"SELECT {COLUMNS} {MEMORY_BY_ID} AND {where}", (memory_id, *parameters))
    if row is None:
        raise MemoryNotFoundError(f"Memory with id {memory_id} not found{cure}")
    return row[0], to_record(row)


# -- inserting


def scope_row(connection: apsw.Connection, scope: Scope) -> ScopeRow:
    """Return the row of a scope; make one if there is none."""
    if (found := _known_scope(connection, scope)) is not None:
        return found
    ids = (scope.user_id, scope.agent_id, scope.run_id, scope.app_id)
    first = next(position for position, value in enumerate(ids, start=1) if value is not None)
    same, parameters = _same_ids(ids[:first])
    owner = connection.execute(f"SELECT owner_id FROM scope s WHERE {same} LIMIT 1", parameters).get
    connection.execute("INSERT INTO scope (owner_id, user_id, agent_id, run_id, app_id) VALUES (0, ?, ?, ?, ?)", ids)
    number = connection.last_insert_rowid()
    connection.execute("UPDATE scope SET owner_id = ? WHERE id = ?", (owner or number, number))
    return ScopeRow(number, owner or number, 0, 0)


def _known_scope(connection: apsw.Connection, scope: Scope) -> ScopeRow | None:
    same, parameters = _same_ids((scope.user_id, scope.agent_id, scope.run_id, scope.app_id))
    row = fetch_first(
        connection,
        f"SELECT id, owner_id, next_sequence, rewritten FROM scope s WHERE {same} ORDER BY id LIMIT 1",
        parameters,
    )
    return None if row is None else ScopeRow(*row)


def _same_ids(ids: Sequence[str | None]) -> Sql:
    """Return the SQL that tests whether the first ids of a scope s are exactly these."""
    tests: list[Sql] = [
        (f"s.{column} IS NULL", []) if one is None else one_of_ids(f"s.{column}", (one,))
        for column, one in zip(SCOPE_IDS, ids, strict=False)
    ]
    return " AND ".join(sql for sql, _ in tests), [one for _, parameters in tests for one in parameters]


def existing(connection: apsw.Connection, entry: Entry, scope: ScopeRow, now: int) -> Record | None:
    """Return the memory that an entry repeats, or None."""
    if entry.unique == "id":
        return _first(connection, "m.id = ?", (entry.record.id,))
    if entry.unique == "text" and entry.record.key is not None:
        held = _holding(connection, entry, scope, now)
        return None if held is None else to_record(held)
    if entry.unique == "text":
        looked: _Looked | None = None if entry.seen is None else entry.seen.state
        if looked is not None and looked.holds(scope):
            found = _covering(entry, _since(connection, entry, scope, looked, now))
        else:
            found = _covering(entry, _like(connection, entry, scope, now))
        return None if found is None else to_record(found)
    return None


class _Looked(NamedTuple):
    """As of which state repeats of an addition were looked for, and the key of the memory that it repeats."""

    version: int
    scope: int | None
    """Its number; None where there was none."""
    following: int
    """The sequence of its next memory."""
    key: int | None

    def holds(self, scope: ScopeRow) -> bool:
        """Whether the scope is still the same but for a few memories that were added."""
        return (
            self.scope in (None, scope.number)
            and scope.rewritten <= self.version
            and scope.next_sequence - self.following <= _MOST_NEW
        )


def repeats(connection: apsw.Connection, entries: Sequence[Entry], now: int) -> list[Seen]:
    """Tell which entries a live memory of their scope covers.

    Of many at once, only those with the same words are told: the transaction compares each with those before it, and so
    would look for the others twice.
    """
    version, closely = current_version(connection), len(entries) <= _MOST_LOOKED_AT
    seen = []
    for entry in entries:
        scope = _known_scope(connection, entry.record.scope)
        if entry.record.key is not None:  # looked up again in no time
            held = None if scope is None else _holding(connection, entry, scope, now)
            seen.append(Seen(held is not None, None))
            continue
        if scope is None:
            looked = _Looked(version, None, 0, None)
        else:
            look = _like if closely else _same_words
            row = _covering(entry, look(connection, entry, scope, now))
            looked = _Looked(version, scope.number, scope.next_sequence, None if row is None else row[0])
        seen.append(Seen(looked.key is not None, looked if closely else None))
    return seen


def _covering(entry: Entry, said: Iterable[Sequence[Any]]) -> Sequence[Any] | None:
    """Return the first row whose memory covers an entry, which does not supersede it."""
    for row in said:
        record = to_record(row)
        if record.id not in entry.supersedes and record.covers(entry.record, dated=entry.dated):
            return row
    return None


def _holding(connection: apsw.Connection, entry: Entry, scope: ScopeRow, now: int) -> Sequence[Any] | None:
    """Return the row of the live memory that has an entry's key at its date, if it holds the same."""
    at = entry.record.created_at
    dates, parameters = ("m.created_at <= ?", [at]) if entry.dated else (LATEST, [])
    row = fetch_first(
        connection,
        f"{KEYED} AND {LIVE} AND {dates} ORDER BY m.created_at DESC, m.key DESC LIMIT 1",
        (entry.record.key, scope.number, now, *parameters),
    )
    if row is None:
        return None
    record = to_record(row)
    over = record.superseded_at is not None and record.superseded_at <= at
    return None if over or record.id in entry.supersedes or not record.holds(entry.record) else row


def _since(
    connection: apsw.Connection, entry: Entry, scope: ScopeRow, looked: _Looked, now: int
) -> list[Sequence[Any]]:
    """Return rows of the memory that was found, or else of the live ones that were added since and may be copies."""
    rows = f"SELECT {COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE {LIVE} AND {LATEST} AND"
    if looked.key is not None:
        return fetch(connection, f"{rows} m.key = ?", (now, looked.key))
    if scope.next_sequence == looked.following:
        return []
    first, _ = scope.keys()
    return fetch(
        connection,
        f"{rows} m.key >= ? AND m.key < ? AND abs(m.length - ?) <= {_LENGTHS_APART} AND m.created_at BETWEEN ? AND ? "
        "ORDER BY m.created_at DESC, m.key DESC",
        (
            *(now, first + looked.following, first + scope.next_sequence, entry.terms.total()),
            *entry.record.span(dated=entry.dated),
        ),
    )


def _like(connection: apsw.Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope and date with the same text, then of near-copies."""
    yield from _same_words(connection, entry, scope, now)
    yield from _near_copies(connection, entry, scope, now)


def _same_words(connection: apsw.Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope with the same text and date, the last ones first."""
    dates = entry.record.span(dated=entry.dated)
    yield from fetch(
        connection,
        f"SELECT {COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.key IN ("
        "SELECT key FROM memory WHERE text_hash IN (SELECT value FROM json_each(?)) AND key >> 32 = ? "
        f"AND created_at BETWEEN ? AND ? ORDER BY created_at DESC LIMIT {_OF_A_TERM}) AND {LIVE} AND {LATEST} "
        f"ORDER BY m.created_at DESC LIMIT {_MAX_CANDIDATES}",
        (json.dumps(text_hashes(entry.record.text)), scope.number, *dates, now),
    )


_RAREST = (
    "SELECT t.value, (SELECT count(*) FROM (SELECT 1 FROM posting p WHERE p.owner_id = ? AND p.term = t.value "
    f"AND p.key BETWEEN ? AND ? LIMIT {_COUNTED})) AS memories FROM json_each(?) t ORDER BY memories LIMIT {_SEEDS}"
)
_WITH_TERM = (
    "SELECT * FROM (SELECT p.key FROM posting p WHERE p.owner_id = ?1 AND p.term = {term} AND p.key BETWEEN ?2 AND ?3 "
    f"ORDER BY p.key DESC LIMIT {_OF_A_TERM})"
)
_NEAR_COPIES = (
    "SELECT m.key, m.text FROM memory m "
    f"WHERE m.key IN ({_WITH_TERM.format(term='?4')} UNION {_WITH_TERM.format(term='?5')}) "
    "AND (SELECT count(*) FROM posting p WHERE p.owner_id = ?1 AND p.term IN (?4, ?5, ?6) AND p.key = m.key) >= ?7 "
    f"AND abs(m.length - ?8) <= {_LENGTHS_APART} AND m.created_at BETWEEN ?9 AND ?10 AND {LIVE} AND {LATEST} "
    f"ORDER BY abs(m.length - ?8), m.key LIMIT {_MAX_CANDIDATES}"
)


def _near_copies(connection: apsw.Connection, entry: Entry, scope: ScopeRow, now: int) -> Iterator[Sequence[Any]]:
    """Yield rows of live memories of the scope and date that say the same in other words, the likeliest first.

    Copies share almost all terms, so only those are compared that have all but one of the rarest ones, which each have
    one of the two that are rarest. Few of these are copies, so only their texts are read at first.
    """
    from ...search.similarity import near_identical  # its tables are for texts that may be copies

    place, dates = (scope.owner, *scope.keys()), entry.record.span(dated=entry.dated)
    seeds = fetch(connection, _RAREST, (*place, json.dumps(list(entry.terms))))
    needed = max(1, len(seeds) - 1)
    if sum(memories > 0 for _, memories in seeds) < needed:
        return
    rarest = [term for term, _ in seeds] + [None] * (_SEEDS - len(seeds))
    found = fetch(connection, _NEAR_COPIES, (*place, *rarest, needed, entry.terms.total(), *dates, now))
    with undamaged():
        check_texts(*(said for _, said in found))
    if keys := [key for key, said in found if near_identical(said, entry.record.text)]:
        yield from by_keys(connection, keys)


def _first(connection: apsw.Connection, where: str, parameters: Sequence[Any]) -> Record | None:
    sql = f"SELECT {COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE {where} LIMIT 1"
    row = fetch_first(connection, sql, parameters)
    return None if row is None else to_record(row)


def insert(connection: apsw.Connection, entry: Entry, record: Record, scope: ScopeRow, version: int, now: int) -> None:
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
    insert_at(connection, scope.next_key(), scope.owner, entry, record, version)
    log.note(connection, noted, now)


def insert_at(connection: apsw.Connection, key: int, owner: int, entry: Entry, record: Record, version: int) -> None:
    """Insert a memory and what belongs to it, without a history. One without a vector has no keywords, either."""
    connection.execute(
        "INSERT INTO memory (key, expires_at, length, created_at, updated_at, id, text_hash, actor_id, role, "
        "expiration_date, metadata, text, feedback, feedback_reason, version, memory_key, superseded_by, "
        "superseded_at, sources) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, jsonb(?), ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(key, record.expires_at, entry.terms.total(), record.created_at, record.updated_at, record.id),
            *(record.hash, record.actor_id, record.role, record.expiration_date),
            *(_to_json(record.metadata), record.text, record.feedback, record.feedback_reason, version),
            *(record.key, record.superseded_by, record.superseded_at, _sources(record)),
        ),
    )
    facts.link(connection, key, record)
    if entry.vector is not None:
        vectors.put(connection, key, to_bytes(entry.vector))
        _insert_postings(connection, owner, key, entry.terms)
    if entry.graph is not None:
        graph.insert(connection, owner, key, entry.graph)


def brought(
    connection: apsw.Connection, scope: ScopeRow, memory_id: str, changes: Iterable[Change]
) -> list[histories.Noted]:
    """Return the history that a memory brings along, with keys for what was deleted.

    Its past comes with it, unless the file has a past of that id: two pasts would contradict each other.
    """
    known = fetch_first(connection, "SELECT 1 FROM history WHERE memory_id = ? LIMIT 1", (memory_id,)) is not None
    return [
        histories.Noted(
            scope.number,
            memory_id,
            change._replace(recorded_at=None) if known else change,
            scope.next_key() if change.event == "DELETE" else None,
        )
        for change in changes
    ]


def note_inserted(connection: apsw.Connection, version: int, scopes: Iterable[ScopeRow]) -> None:
    """Note what the scopes became after their insertions."""
    connection.executemany(
        "UPDATE scope SET next_sequence = ?, version = ? WHERE id = ?",
        [(scope.next_sequence, version, scope.number) for scope in scopes],
    )


# -- changing


def rewrite(connection: apsw.Connection, key: int, record: Record, version: int) -> None:
    """Replace what may change of a memory."""
    connection.execute(
        "UPDATE memory SET text = ?, text_hash = ?, metadata = jsonb(?), created_at = ?, updated_at = ?, "
        "expires_at = ?, expiration_date = ?, feedback = ?, feedback_reason = ?, superseded_at = ?, sources = ?, "
        "version = ? WHERE key = ?",
        (
            *(record.text, record.hash, _to_json(record.metadata), record.created_at, record.updated_at),
            *(record.expires_at, record.expiration_date, record.feedback, record.feedback_reason),
            *(record.superseded_at, _sources(record), version, key),
        ),
    )


def reindex(connection: apsw.Connection, key: int, before: Record, after: Record, vector: UnitVector) -> None:
    """Replace the vector and the postings of a memory."""
    owner = connection.execute("SELECT owner_id FROM scope WHERE id = ?", (key >> 32,)).get
    _remove_postings(connection, [(key, owner, before.text, before.actor_id)])
    words = indexed_terms(after.indexed_text)
    _insert_postings(connection, owner, key, words)
    connection.execute("UPDATE memory SET length = ? WHERE key = ?", (words.total(), key))
    vectors.put(connection, key, to_bytes(vector))
    connection.execute("DELETE FROM vector_next WHERE key = ?", (key,))


def put_vectors(connection: apsw.Connection, found: Iterable[tuple[Unembedded, UnitVector]]) -> None:
    """Replace vectors, except of memories that were changed or deleted since they were read."""
    for one, vector in found:
        unchanged = "SELECT 1 FROM memory WHERE key = ? AND text_hash = ?"
        if connection.execute(unchanged, (one.position, one.hash)).get:
            vectors.put(connection, one.position, to_bytes(vector))


def to_bytes(vector: UnitVector) -> bytes:
    """Return a vector as the file holds it: little-endian float32 numbers."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return vector.tobytes()


def from_bytes(vector: bytes) -> UnitVector:
    """Return a vector that the file holds."""
    found = array("f", vector)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def rebuild_postings(connection: apsw.Connection) -> None:
    """Rebuild the postings of all memories, with the terms of this version."""
    connection.execute("DELETE FROM posting")
    memories = "SELECT m.key, s.owner_id, m.text, m.actor_id FROM memory m JOIN scope s ON s.id = m.key >> 32"
    for key, owner, text, actor_id in fetch(connection, memories):
        words = words_of(text, actor_id)
        _insert_postings(connection, owner, key, words)
        connection.execute("UPDATE memory SET length = ? WHERE key = ?", (words.total(), key))
    remember(connection, "terms", TERMS_VERSION)
    note_all_rewritten(connection)


def words_of(text: Any, actor_id: Any) -> Counter[str]:
    """Return the keyword terms of a stored text."""
    with undamaged():
        check_texts(text)
        check_optional_texts(actor_id)
    return indexed_terms(indexed_text(text, actor_id))


def _sources(record: Record) -> str | None:
    return None if record.sources is None else json.dumps(record.sources)


def _to_json(metadata: dict[str, Any] | None) -> str | None:
    return json.dumps(metadata, ensure_ascii=False, allow_nan=False) if metadata else None


def _insert_postings(connection: apsw.Connection, owner: int, key: int, words: Counter[str]) -> None:
    left = list(words.items())
    while left:
        at_once = min(_MOST_AT_ONCE, 1 << len(left).bit_length() - 1)  # few statements, which stay prepared
        rows = ", ".join(f"(?1, ?{place}, ?2, ?{place + 1})" for place in range(3, 2 * at_once + 3, 2))
        connection.execute(f"INSERT INTO posting VALUES {rows}", (owner, key, *chain.from_iterable(left[-at_once:])))
        del left[-at_once:]


def _remove_postings(connection: apsw.Connection, memories: Iterable[tuple[int, int, str, str | None]]) -> int:
    """Remove the postings of memories and return how many there were."""
    before = connection.total_changes()
    connection.executemany(
        "DELETE FROM posting WHERE owner_id = ? AND term = ? AND key = ?",
        [(owner, term, key) for key, owner, text, actor_id in memories for term in words_of(text, actor_id)],
    )
    return connection.total_changes() - before


# -- removing


def delete(connection: apsw.Connection, keys: Sequence[int], now: int) -> None:
    """Remove the memories, and the facts that have no other source, and note each removal in its history."""
    keys = [*keys, *_without_sources(connection, keys, now)]
    changes = []
    for row in by_keys(connection, keys):
        before = to_record(row)
        change = histories.change("DELETE", before, before._replace(updated_at=now))
        changes.append(histories.Noted(row[0] >> 32, before.id, change, row[0]))
    log.note(connection, changes, now)
    remove(connection, keys)


def purge(connection: apsw.Connection, keys: Sequence[int]) -> int:
    """Remove the memories, and the facts that have no other source, as if they had never been; return how many of the
    memories there were."""
    facts_too = _without_sources(connection, keys, None)
    keys = [*keys, *facts_too]
    ids = fetch(
        connection,
        "SELECT m.id, m.key >> 32 FROM memory m WHERE m.key IN (SELECT value FROM json_each(?))",
        (json.dumps(keys),),
    )
    # With the scope, because an imported id may have been another scope's before, whose history that is.
    connection.executemany("DELETE FROM history WHERE memory_id = ? AND scope = ?", ids)
    removed = remove(connection, keys)
    remove_empty_scopes(connection, {key >> 32 for key in keys})
    return removed["memories"] - len(facts_too)


def _without_sources(connection: apsw.Connection, keys: Sequence[int], now: int | None) -> list[int]:
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


def rebound(connection: apsw.Connection, key: int, before: int | None, after: int | None, now: int) -> None:
    """Let a fact live as long as its sources, whose last one expires at another instant than before."""
    [row] = by_keys(connection, [key])
    fact = to_record(row)
    bounded = fact.bounded(before, after)._replace(updated_at=now)
    if bounded.expires_at == fact.expires_at:
        return
    version = next_version(connection)
    rewrite(connection, key, bounded, version)
    log.note(connection, [histories.Noted(key >> 32, fact.id, histories.change("UPDATE", fact, bounded))], now)
    note_rewritten(connection, version, [key >> 32])


def remove(connection: apsw.Connection, keys: Sequence[int]) -> dict[str, int]:
    """Remove memories with their vectors, postings and graphs; their histories stay. Return how many rows of each
    there were."""
    listed = json.dumps(list(keys))
    rows = fetch(
        connection,
        "SELECT m.key, s.owner_id, m.text, m.actor_id FROM memory m JOIN scope s ON s.id = m.key >> 32 "
        "WHERE m.key IN (SELECT value FROM json_each(?))",
        (listed,),
    )
    removed = {"keywords": _remove_postings(connection, rows), "graph": graph.remove(connection, keys)}
    connection.execute("DELETE FROM use WHERE key IN (SELECT value FROM json_each(?))", (listed,))
    facts.unlink(connection, keys)
    removed["vectors"] = vectors.remove(connection, keys)
    for kind, table in (("next", "vector_next"), ("memories", "memory")):
        connection.execute(f"DELETE FROM {table} WHERE key IN (SELECT value FROM json_each(?))", (listed,))
        removed[kind] = connection.changes()
    note_rewritten(connection, next_version(connection), {key >> 32 for key in keys})
    return removed


def remove_empty_scopes(connection: apsw.Connection, scopes: Iterable[int]) -> None:
    """Remove the scopes that have neither memories nor histories, with their events."""
    empty = fetch(
        connection,
        "SELECT s.id, s.user_id FROM scope s WHERE s.id IN (SELECT value FROM json_each(?)) "
        f"AND NOT EXISTS (SELECT 1 FROM memory m WHERE m.key {SCOPE_KEYS}) "
        "AND NOT EXISTS (SELECT 1 FROM history h WHERE h.scope = s.id)",
        (json.dumps(list(scopes)),),
    )
    numbers = [(number,) for number, _ in empty]
    connection.executemany("DELETE FROM event WHERE scope = ?", numbers)
    connection.executemany("DELETE FROM job WHERE scope = ?", numbers)
    connection.executemany("DELETE FROM scope WHERE id = ?", numbers)
    log.forget_followers(connection, {user for _, user in empty})
