"""Check that everything in a file agrees, and repair what can be rebuilt from the texts.

A rule is an SQL query that finds what breaks it and, if there is a repair without loss, the statement that repairs it.
What SQL cannot check (keywords, hashes) is compared in Python; what it can't compute of vectors, sqlite-vec does.
"""

import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from ...errors import CorruptFileError, DatabaseError
from ...search.text import TERMS_VERSION
from ...values import FIRST_INSTANT, LAST_INSTANT, text_hash
from ..protocol import Finding
from . import rows, vectors
from .schema import MEMORIES, MIGRATIONS, SCOPE_KEYS

_NORM_TOLERANCE = 1e-3  # of a vector's length, which is 1
_UNREADABLE = (apsw.Error, CorruptFileError, ValueError, TypeError)  # the last two of what is not UTF-8, or no text
_MESSAGES = 20


class _Rule(NamedTuple):
    """Something that must not be in a file: ``broken`` selects it, one column; ``mend`` removes the cause."""

    check: str
    problem: str
    broken: str
    mend: str | None = None


_ID = "coalesce('user ' || s.user_id, 'agent ' || s.agent_id, 'run ' || s.run_id, 'app ' || s.app_id)"
_VERSION = "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'version')"
_HIGHEST = "(SELECT max(version) FROM (SELECT version FROM scope UNION ALL SELECT version FROM memory))"
_LAST_SEQUENCE = f"(SELECT max(m.key) - (s.id << 32) FROM memory m WHERE m.key {SCOPE_KEYS})"
_NO_MEMORY = "NOT IN (SELECT key FROM memory)"
_OWNER_OF = "(SELECT s.owner_id FROM scope s WHERE s.id = {}.key >> 32)"
_NO_END = " OR ".join(
    f"NOT EXISTS (SELECT 1 FROM mention n WHERE n.owner_id = r.owner_id AND n.name = r.{end} AND n.key = r.key)"
    for end in ("source", "destination")
)
_NAMES = "FROM memory m CROSS JOIN json_each(iif(json_valid(m.sources), m.sources, '[]')) j"
_NOT_NAMED = f"NOT EXISTS (SELECT 1 {_NAMES} WHERE m.key = p.key AND j.value = p.source_id)"
_NOT_PAIRED = "NOT EXISTS (SELECT 1 FROM source p WHERE p.source_id = j.value AND p.key = m.key)"
_NO_EVENT = "NOT EXISTS (SELECT 1 FROM event e WHERE e.id = j.event_id AND e.scope = j.scope)"
_NO_SCOPE = "NOT IN (SELECT id FROM scope)"
_OUTSIDE = f"NOT BETWEEN {FIRST_INSTANT} AND {LAST_INSTANT}"

_USER = "(SELECT s.user_id FROM scope s WHERE s.id = h.scope)"
_OTHER_FOLLOWER = (
    f"(SELECT f.user_id FROM follower f WHERE f.id = h.follower_id) IS NOT {_USER} "
    "OR (h.follower_id IS NULL) <> (h.number IS NULL)"
)
_LAST_NUMBER = "ifnull((SELECT max(h.number) FROM history h WHERE h.follower_id = f.id), 0)"

_RULES = (
    _Rule(
        "scopes", "memories of a user, agent, run or app that is not recorded",
        f"SELECT id FROM memory WHERE key >> 32 {_NO_SCOPE}",
    ),
    _Rule("scopes", "recorded without any id", f"SELECT s.id FROM scope s WHERE {_ID} IS NULL"),
    _Rule(
        "scopes", "recorded twice",
        "SELECT min(id) FROM scope GROUP BY user_id, agent_id, run_id, app_id HAVING count(*) > 1",
    ),
    _Rule(
        "counts", "scopes whose next number is given already",
        f"SELECT s.id FROM scope s WHERE next_sequence <= {_LAST_SEQUENCE}",
        f"UPDATE scope AS s SET next_sequence = 1 + {_LAST_SEQUENCE} WHERE next_sequence <= {_LAST_SEQUENCE}",
    ),
    _Rule(
        "counts", "numbers of changes that may be given twice",
        "SELECT max(sequence) FROM history HAVING max(sequence) > "
        "ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'history'), 0)",
        "UPDATE sqlite_sequence SET seq = (SELECT max(sequence) FROM history) WHERE name = 'history'",
    ),
    _Rule(
        "counts", "changes that are not numbered for their user",
        f"SELECT h.memory_id FROM history h WHERE {_OTHER_FOLLOWER}",
        "INSERT OR IGNORE INTO follower (user_id, last) SELECT DISTINCT user_id, unixepoch() * 1000000 FROM scope "
        f"WHERE user_id IS NOT NULL; UPDATE follower AS f SET last = max(last, {_LAST_NUMBER}); "
        f"UPDATE history AS h SET number = NULL, follower_id = (SELECT f.id FROM follower f WHERE f.user_id = {_USER}) "
        f"WHERE {_OTHER_FOLLOWER}; UPDATE history AS h SET number = n.number FROM (SELECT o.sequence, "
        "f.last + row_number() OVER (PARTITION BY f.id ORDER BY o.sequence) AS number FROM history o "
        "JOIN follower f ON f.id = o.follower_id WHERE o.number IS NULL) n WHERE n.sequence = h.sequence; "
        f"UPDATE follower AS f SET last = max(last, {_LAST_NUMBER})",
    ),
    _Rule(
        "counts", "numbers of a user's changes that may be given twice",
        f"SELECT f.user_id FROM follower f WHERE f.last < {_LAST_NUMBER}",
        f"UPDATE follower AS f SET last = max(last, {_LAST_NUMBER})",
    ),
    _Rule(
        "counts", "versions that are higher than the file's",
        f"SELECT {_HIGHEST} WHERE {_HIGHEST} > {_VERSION}",
        f"UPDATE meta SET value = {_HIGHEST} WHERE name = 'version'",
    ),
    _Rule(
        "counts", "memories with a version higher than their scope's",
        f"SELECT m.id {MEMORIES} WHERE m.version > s.version OR s.rewritten > s.version",
        "UPDATE scope AS s SET version = max(s.version, s.rewritten, "
        f"ifnull((SELECT max(m.version) FROM memory m WHERE m.key {SCOPE_KEYS}), 0))",
    ),
    _Rule(
        "keywords", "owners of keywords that are not one for each user, agent, run or app",
        f"SELECT {_ID} FROM scope s GROUP BY 1 HAVING count(DISTINCT owner_id) > 1 "
        f"UNION SELECT min({_ID}) FROM scope s GROUP BY owner_id HAVING count(DISTINCT {_ID}) > 1",
        f"UPDATE scope AS o SET owner_id = (SELECT min(s.id) FROM scope s WHERE {_ID} = {_ID.replace('s.', 'o.')})",
    ),
    _Rule(
        "keywords", "keywords of memories that are gone",
        f"SELECT term FROM posting WHERE key {_NO_MEMORY}", f"DELETE FROM posting WHERE key {_NO_MEMORY}",
    ),
    _Rule(
        "graph", "entities and relations of memories that are gone",
        f"SELECT name FROM mention WHERE key {_NO_MEMORY} UNION ALL SELECT source FROM relation WHERE key {_NO_MEMORY}",
        f"DELETE FROM mention WHERE key {_NO_MEMORY}; DELETE FROM relation WHERE key {_NO_MEMORY}",
    ),
    _Rule(
        "graph", "entities and relations of another owner than their memory",
        f"SELECT n.name FROM mention n WHERE n.owner_id <> {_OWNER_OF.format('n')} "
        f"UNION ALL SELECT r.source FROM relation r WHERE r.owner_id <> {_OWNER_OF.format('r')}",
        f"UPDATE OR REPLACE mention AS n SET owner_id = {_OWNER_OF.format('n')} "
        f"WHERE owner_id <> {_OWNER_OF.format('n')}; "
        f"UPDATE OR REPLACE relation AS r SET owner_id = {_OWNER_OF.format('r')} "
        f"WHERE owner_id <> {_OWNER_OF.format('r')}",
    ),
    _Rule(
        "graph", "relations of entities that are not recorded",
        f"SELECT r.source FROM relation r WHERE {_NO_END}", f"DELETE FROM relation AS r WHERE {_NO_END}",
    ),
    _Rule(
        "memories", "uses of memories that are gone",
        f"SELECT key FROM use WHERE key {_NO_MEMORY}", f"DELETE FROM use WHERE key {_NO_MEMORY}",
    ),
    _Rule(
        "vectors", "vectors of memories that are gone",
        f"{vectors.GONE} UNION ALL SELECT key FROM vector_next WHERE key {_NO_MEMORY}",
        f"DELETE FROM vector_next WHERE key {_NO_MEMORY}",
    ),
    _Rule(
        "memories", "metadata that is not a JSON object",
        "SELECT id FROM memory WHERE metadata IS NOT NULL "
        "AND (NOT json_valid(metadata, 8) OR json_type(metadata) <> 'object')",
    ),
    _Rule(
        "memories", "dates outside the years 1 to 9999",
        f"SELECT id FROM memory WHERE created_at {_OUTSIDE} OR updated_at {_OUTSIDE} OR expires_at {_OUTSIDE} "
        f"OR superseded_at {_OUTSIDE}",
    ),
    _Rule(
        "memories", "superseded without a date or a successor, or by themselves",
        "SELECT id FROM memory WHERE (superseded_by IS NULL) <> (superseded_at IS NULL) OR superseded_by = id",
    ),
    _Rule(
        "history", "memories without a history",
        "SELECT id FROM memory m WHERE NOT EXISTS "
        "(SELECT 1 FROM history h WHERE h.memory_id = m.id AND +h.scope = m.key >> 32)",
    ),
    _Rule(
        "history", "changes in a scope that is not recorded",
        f"SELECT memory_id FROM history WHERE scope {_NO_SCOPE}",
    ),
    _Rule(
        "history", "changes with dates outside the years 1 to 9999",
        f"SELECT memory_id FROM history WHERE created_at {_OUTSIDE} OR updated_at {_OUTSIDE} "
        f"OR superseded_at {_OUTSIDE} OR recorded_at {_OUTSIDE}",
    ),
    _Rule(
        "history", "changes of something that is not a JSON object",
        "SELECT memory_id FROM history WHERE before IS NOT NULL "
        "AND (NOT json_valid(before, 8) OR json_type(before) <> 'object')",
    ),
    _Rule(
        "memories", "facts whose sources are not a list of ids",
        "SELECT id FROM memory WHERE sources IS NOT NULL "
        "AND (NOT json_valid(sources) OR json_type(sources) <> 'array')",
    ),
    _Rule(
        "memories", "sources of facts that are gone, or that the facts do not name",
        f"SELECT source_id FROM source AS p WHERE {_NOT_NAMED}", f"DELETE FROM source AS p WHERE {_NOT_NAMED}",
    ),
    _Rule(
        "memories", "facts that are not recorded with their sources",
        f"SELECT m.id {_NAMES} WHERE {_NOT_PAIRED}",
        f"INSERT INTO source SELECT j.value, m.key {_NAMES} WHERE {_NOT_PAIRED}",
    ),
    _Rule(
        "events", "jobs of events that are not recorded, or in another scope",
        f"SELECT event_id FROM job AS j WHERE {_NO_EVENT}", f"DELETE FROM job AS j WHERE {_NO_EVENT}",
    ),
    _Rule(
        "events", "events in a scope that is not recorded",
        f"SELECT id FROM event WHERE scope {_NO_SCOPE}", f"DELETE FROM event WHERE scope {_NO_SCOPE}",
    ),
    _Rule(
        "events", "events that cannot be shown",
        f"SELECT id FROM event WHERE NOT json_valid(results) OR json_type(results) <> 'array' OR created_at {_OUTSIDE}",
    ),
    _Rule(
        "documents", "settings, webhooks or exports that are not JSON objects",
        "SELECT kind FROM document WHERE NOT json_valid(value) OR json_type(value) <> 'object'",
    ),
)  # fmt: skip

_Examiner = Callable[[apsw.Connection], Iterator[Finding]]


def examine(connection: apsw.Connection, *, keywords: bool = True) -> list[Finding]:
    """Return everything that does not agree in the connection's snapshot. Something unreadable is a finding, too.

    Without ``keywords`` they are not compared with the texts, which takes as long as making them.
    """
    findings: list[Finding] = []
    for check, examiner in _EXAMINERS if keywords else _QUICK:
        try:
            findings += examiner(connection)
        except _UNREADABLE as error:
            findings.append(Finding(check, f"cannot be read: {error}", ()))
    return findings


def mend(connection: apsw.Connection, findings: Sequence[Finding]) -> None:
    """Repair what can be repaired without loss, except vectors: only an embedder can make those."""
    if any(finding.check == "sqlite" for finding in findings):
        connection.execute("REINDEX")
    broken = {(finding.check, finding.problem) for finding in findings}
    for rule in _RULES:
        if rule.mend is not None and (rule.check, rule.problem) in broken:
            connection.execute(rule.mend).fetchall()
    if any(finding.check == "vectors" for finding in findings):
        vectors.mend(connection)
    if any(finding.check == "keywords" for finding in findings):
        rows.rebuild_postings(connection)
    else:
        rows.note_all_rewritten(connection)  # whatever a cache made of the file before


def foreign_objects(connection: apsw.Connection) -> list[str]:
    """Return the names in the schema that are not ours, or differ from ours: a trigger could run anybody's program."""
    expected = apsw.Connection(":memory:")
    try:
        for migration in MIGRATIONS:
            expected.execute(migration).fetchall()
        ours, theirs = _schema(expected), _schema(connection)
    finally:
        expected.close()
    return sorted({name for _, name, _ in ours ^ theirs})


def _schema(connection: apsw.Connection) -> set[tuple[str, str, str]]:
    found = connection.execute(
        "SELECT type, name, ifnull(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(kind, name, re.sub(r'\s+|"', "", sql)) for kind, name, sql in found}  # renaming a table quotes its name


def _sqlite(connection: apsw.Connection) -> Iterator[Finding]:
    messages = [text for (text,) in connection.execute(f"PRAGMA integrity_check({_MESSAGES})")]
    if messages != ["ok"]:
        yield Finding("sqlite", "SQLite's integrity check found damage", messages)


def _schema_is_ours(connection: apsw.Connection) -> Iterator[Finding]:
    if names := foreign_objects(connection):
        yield Finding("schema", "tables, indexes, triggers or views that are not those of this version", names)


def _rules(connection: apsw.Connection) -> Iterator[Finding]:
    for rule in _RULES:
        try:
            items = [item for (item,) in connection.execute(rule.broken)]
        except _UNREADABLE as error:
            yield Finding(rule.check, f"cannot be read: {error}", ())
            continue
        if items:
            yield Finding(rule.check, rule.problem, items)


def _texts(connection: apsw.Connection) -> Iterator[Finding]:
    memories = connection.execute("SELECT id, text, text_hash FROM memory")
    changed = [one for one, text, kept in memories if not isinstance(text, str) or text_hash(text) != kept]
    if changed:
        yield Finding("memories", "texts that differ from their hash", changed)


def _keywords(connection: apsw.Connection) -> Iterator[Finding]:
    kept: dict[int, int] = {}
    for key, owner, term, frequency in connection.execute("SELECT key, owner_id, term, frequency FROM posting"):
        kept[key] = kept.get(key, 0) + hash((owner, term, frequency))  # a sum, as no memory's are read together
    unlike = []
    memories = (
        "SELECT m.key, m.id, m.text, m.actor_id, m.length, s.owner_id FROM memory m JOIN scope s ON s.id = m.key >> 32"
    )
    for key, memory_id, text, actor_id, length, owner in connection.execute(memories):
        words = rows.words_of(text, actor_id)
        expected = sum(hash((owner, term, frequency)) for term, frequency in words.items())
        if kept.get(key, 0) != expected or length != words.total():
            unlike.append(memory_id)
    if unlike:
        yield Finding("keywords", "memories whose keywords are not those of their text", unlike)


def _vectors(connection: apsw.Connection) -> Iterator[Finding]:
    """Compare vectors with the model's dimensions and with the length 1, inside SQLite: only what is wrong gets out."""
    embedder = rows.remembered(connection, "embedder")
    size = 4 * embedder["dimensions"] if embedder else 0
    _load_sqlite_vec(connection)
    broken: list[tuple[Any, ...]] = connection.execute(
        f"SELECT m.key, m.id, v.key IS NULL FROM memory m LEFT JOIN vector v ON {vectors.HOLDING.format('m.key')} "
        f"AND m.key < v.key + {vectors.COUNT} "
        "WHERE NOT ifnull(CASE WHEN length(substr(v.embeddings, 1 + ?1 * (m.key - v.key), ?1)) = ?1 "
        "THEN abs(vec_distance_L2(substr(v.embeddings, 1 + ?1 * (m.key - v.key), ?1), zeroblob(?1)) - 1) < ?2 END, 0) "
        "ORDER BY m.key",
        (size, _NORM_TOLERANCE),
    ).fetchall()
    found: list[Any] = connection.execute(
        f"SELECT m.key, m.id FROM memory m WHERE m.key & -{vectors.BLOCK} IN "
        f"(SELECT key & -{vectors.BLOCK} FROM ({vectors.UNSOUND})) ORDER BY m.key"
    ).fetchall()
    unsure: dict[int, str] = dict(found)
    if unsure:
        problem = "memories of which it is not sure which vectors are theirs"
        yield Finding("vectors", problem, list(unsure.values()), list(unsure))
        broken = [one for one in broken if one[0] not in unsure]
    for problem, lacking in (("memories without a vector", True), ("vectors that are none of this model", False)):
        if unlike := [(key, memory_id) for key, memory_id, lacks in broken if bool(lacks) == lacking]:
            yield Finding("vectors", problem, [memory_id for _, memory_id in unlike], [key for key, _ in unlike])


def _load_sqlite_vec(connection: apsw.Connection) -> None:
    """Give a connection the functions of sqlite-vec, whose format the vectors have.

    The path is what ``sqlite_vec.loadable_path()`` returns; that package is not imported, because it imports numpy.
    """
    spec = importlib.util.find_spec("sqlite_vec")
    if spec is None or spec.origin is None:
        raise DatabaseError("The SQLite extension sqlite-vec is not installed. Run: pip install sqlite-vec")
    connection.enable_load_extension(True)
    connection.load_extension(str(Path(spec.origin).with_name("vec0")))
    connection.enable_load_extension(False)


def _embedder(connection: apsw.Connection) -> Iterator[Finding]:
    embedder = rows.remembered(connection, "embedder")
    if embedder is None and connection.execute("SELECT 1 FROM memory LIMIT 1").get:
        yield Finding("embedder", "the model that made the vectors is not recorded", ())
    if embedder is not None and rows.remembered(connection, "terms") != TERMS_VERSION:
        yield Finding("keywords", "made by another version", ())


_QUICK: Sequence[tuple[str, _Examiner]] = (
    ("sqlite", _sqlite),
    ("schema", _schema_is_ours),
    ("embedder", _embedder),
    ("rules", _rules),
    ("memories", _texts),
    ("vectors", _vectors),
)
_EXAMINERS = (*_QUICK, ("keywords", _keywords))
