"""The tables of a file, as migrations from each version to the next, and the phrases in which queries speak of them.

vec0 and FTS5 are not used: both rank over the whole file, and vec0 applies some conditions only after it has taken
the k nearest.
"""

from typing import Any

import apsw

from ..protocol import Visible
from .filter_sql import compile_filter

MIGRATIONS = (
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
    """
    ALTER TABLE scope ADD COLUMN version INTEGER NOT NULL DEFAULT 0;    -- of its last change of any kind
    ALTER TABLE scope ADD COLUMN rewritten INTEGER NOT NULL DEFAULT 0;  -- of its last change other than an insertion
    DROP INDEX scope_by_ids;
    DROP INDEX scope_by_agent;
    DROP INDEX scope_by_run;
    DROP INDEX scope_by_app;
    CREATE INDEX scope_by_ids ON scope (user_id, agent_id, run_id, app_id, version);
    CREATE INDEX scope_by_agent ON scope (agent_id, version) WHERE agent_id IS NOT NULL;
    CREATE INDEX scope_by_run ON scope (run_id, version) WHERE run_id IS NOT NULL;
    CREATE INDEX scope_by_app ON scope (app_id, version) WHERE app_id IS NOT NULL;

    ALTER TABLE memory ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

    -- A process of an older version that has the file open must fail rather than write on without versions and terms.
    ALTER TABLE memory RENAME COLUMN hash TO text_hash;
    ALTER TABLE scope RENAME COLUMN owner TO owner_id;
    ALTER TABLE posting RENAME COLUMN owner TO owner_id;
    INSERT INTO meta VALUES ('version', '0');
    """,
    """
    CREATE TABLE mention (                      -- an entity that a memory of a graph category names
        owner_id INTEGER NOT NULL, name TEXT NOT NULL, key INTEGER NOT NULL,
        label TEXT NOT NULL,                    -- as the memory writes it
        type TEXT NOT NULL,
        PRIMARY KEY (owner_id, name, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX mention_by_key ON mention (key);

    CREATE TABLE relation (                     -- what a memory states of two entities, by their names
        owner_id INTEGER NOT NULL, source TEXT NOT NULL, destination TEXT NOT NULL, key INTEGER NOT NULL,
        position INTEGER NOT NULL,              -- in the memory
        relationship TEXT NOT NULL,
        PRIMARY KEY (owner_id, source, destination, key, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX relation_by_destination ON relation (owner_id, destination, source, relationship, key);
    CREATE INDEX relation_by_key ON relation (key);
    """,
    """
    DROP INDEX memory_by_hash;                  -- now by scope and date, too: "Thanks!" may be said on 3,000 days
    CREATE INDEX memory_by_hash ON memory (text_hash, key >> 32, created_at);

    CREATE TABLE follower (                     -- a user: a view's changes are numbered apart from other users'
        id INTEGER PRIMARY KEY,
        user_id TEXT NOT NULL UNIQUE,
        last INTEGER NOT NULL                   -- the number of the user's last change
    ) STRICT;
    ALTER TABLE history ADD COLUMN follower_id INTEGER;
    ALTER TABLE history ADD COLUMN number INTEGER;
    CREATE UNIQUE INDEX history_by_follower ON history (follower_id, number) WHERE follower_id IS NOT NULL;
    -- Views showed the file's numbers before: those stay, and what comes is numbered higher than any that was shown. It
    -- begins at the present, as the file's last number would tell how much others had written.
    INSERT INTO follower (user_id, last)
        SELECT DISTINCT user_id, CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) FROM scope
        WHERE user_id IS NOT NULL;
    UPDATE history SET number = sequence, follower_id =
        (SELECT f.id FROM follower f JOIN scope s ON s.user_id = f.user_id WHERE s.id = history.scope);
    UPDATE history SET number = NULL WHERE follower_id IS NULL;

    -- What cursors are sealed with.
    INSERT INTO meta VALUES ('seal', '"' || lower(hex(randomblob(32))) || '"');
    """,
    """
    CREATE TABLE use (                          -- that a memory was in answers, noted where decay is on
        key INTEGER PRIMARY KEY,
        count INTEGER NOT NULL,
        last INTEGER NOT NULL                   -- when it was the last time
    ) STRICT;

    ALTER TABLE memory ADD COLUMN memory_key TEXT;         -- what it is the value of
    ALTER TABLE memory ADD COLUMN superseded_by TEXT;      -- the id of the memory that holds instead, if still there
    ALTER TABLE memory ADD COLUMN superseded_at INTEGER;   -- since when; one is set if and only if the other is
    CREATE UNIQUE INDEX memory_of_key ON memory (key >> 32, memory_key)
        WHERE memory_key IS NOT NULL AND superseded_at IS NULL;
    CREATE INDEX memory_by_key ON memory (memory_key, key >> 32, created_at) WHERE memory_key IS NOT NULL;
    CREATE INDEX memory_by_successor ON memory (superseded_by) WHERE superseded_by IS NOT NULL;

    ALTER TABLE history ADD COLUMN superseded_by TEXT;     -- of the event SUPERSEDE
    ALTER TABLE history ADD COLUMN superseded_at INTEGER;
    -- What a memory was at an instant: each change keeps what it replaced. What a memory is now is in its own row only.
    ALTER TABLE history ADD COLUMN recorded_at INTEGER;  -- NULL: by an older version, which kept no states
    ALTER TABLE history ADD COLUMN imported INTEGER;     -- 1: recorded_at is that of the store it came from
    ALTER TABLE history ADD COLUMN before BLOB;          -- JSONB: the state that was replaced, beside old_text
    -- A process of an older version that has the file open must fail rather than write on without states.
    ALTER TABLE history RENAME COLUMN old_memory TO old_text;
    INSERT INTO meta VALUES ('recorded_since', CAST(CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) AS TEXT));
    """,
    """
    ALTER TABLE memory ADD COLUMN sources TEXT;            -- of a fact: JSON, the ids of the memories it was drawn from
    CREATE TABLE source (                       -- the same, for finding the facts of a memory
        source_id TEXT NOT NULL, key INTEGER NOT NULL,
        PRIMARY KEY (source_id, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE job (                          -- facts are still to be drawn from what a call of add stored
        sequence INTEGER PRIMARY KEY,
        event_id TEXT NOT NULL UNIQUE,
        scope INTEGER NOT NULL,
        due_at INTEGER,                         -- since when it may be claimed; NULL: given up
        changed_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        claim TEXT,                             -- of whoever works at it, until due_at
        problem TEXT,                           -- why the last attempt failed
        wishes TEXT NOT NULL                    -- JSON: what the call asked of the model
    ) STRICT;
    CREATE INDEX job_by_due ON job (due_at, sequence) WHERE due_at IS NOT NULL;
    CREATE INDEX job_by_scope ON job (scope);
    ALTER TABLE event ADD COLUMN finished_at INTEGER;      -- when its job was done; NULL: it had none
    ALTER TABLE scope ADD COLUMN spent TEXT;               -- JSON: what models used for it, by name

    -- A process of an older version that has the file open must fail rather than delete a memory and leave its facts.
    ALTER TABLE history RENAME COLUMN old_text TO text_before;
    """,
    """
    -- Rows have the vectors of consecutive keys from now on. A process of an older version must not take them for one.
    ALTER TABLE vector RENAME COLUMN embedding TO embeddings;
    ALTER TABLE vector_next RENAME COLUMN embedding TO embeddings;
    INSERT INTO meta SELECT 'vectors_apart', '0' WHERE EXISTS (SELECT 1 FROM vector);
    """,
)

TABLES = (
    *("meta", "scope", "memory", "vector", "vector_next", "posting", "mention", "relation", "use"),
    *("follower", "history", "event", "document", "source", "job"),
)

OF_SCOPES = "kind IN ('export', 'summary')"
"""Documents that name scopes, and go with them."""

SCHEMA_VERSION = len(MIGRATIONS)
SQLITE_VERSION = apsw.sqlite_lib_version()

SCOPE_KEYS = "BETWEEN s.id << 32 AND (s.id << 32) + 4294967295"
MEMORIES = f"FROM scope s CROSS JOIN memory m ON m.key {SCOPE_KEYS}"
MEMORY_BY_ID = "FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.id = ?"
LIVE = "(m.expires_at IS NULL OR m.expires_at > ?)"  # its parameter is now, in microseconds
EXPIRED = "(m.expires_at <= ?)"  # the exact negation, as NULL <= now is not true
LATEST = "(m.superseded_at IS NULL)"  # it is never later than the write that sets it


def condition(visible: Visible) -> tuple[str, list[Any]]:
    """Return the SQL of "is visible", and its parameters."""
    sql, parameters = compile_filter(visible.expression)
    if visible.horizon is not None:
        sql, parameters = f"{sql} AND {LIVE}", [*parameters, visible.horizon]
    return (f"{sql} AND {LATEST}" if visible.latest else sql), parameters
