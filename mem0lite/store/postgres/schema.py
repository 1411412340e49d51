"""The tables in a PostgreSQL database, as migrations from each version to the next, and the phrases of its queries.

Everything is in one schema, ``mem0lite``. What belongs to memories is partitioned by a hash of the owner, so the rows
of a scope lie together. The number of the owner and the key of a memory (``scope number << 32 | sequence``) are made as
they are in a SQLite file.

Filters are compiled over the aliases ``s`` (scope) and ``m`` (memory), whose columns have the names that they have in a
SQLite file. Two things differ:

- Texts are kept in the form that ``texts.stored`` makes, because PostgreSQL refuses NUL. The connection turns every
  text that is a parameter into that form, and every text that it reads into the original, so queries need not care
  (``adapting``). The form keeps the order of texts, and one text is in another exactly if their forms are. Columns
  compare by code points (``COLLATE "C"``), as SQLite does; an expression on ``m.metadata`` has to say so itself.
- ``m.metadata`` is a ``jsonb`` for filters only: its keys and texts are in that form, too. ``jsonb`` keeps numbers as
  exact decimals, but neither the order of keys nor the difference between 1e22 and 10000000000000000000000 nor -0.0. So
  ``m.metadata_text`` holds the JSON as it was given, and that is what records are read from. Both are NULL when there
  is no metadata.

What Citus would need, which has not been tried: ``create_distributed_table`` for each partitioned table by ``owner_id``
in place of PARTITION BY, ``create_reference_table`` for ``meta``, ``scope``, ``follower`` and ``document``, and
``history``, ``event``, ``job`` and ``place`` distributed by their ids. YugabyteDB and CockroachDB have no advisory
locks that a transaction holds; there, ``LOCK`` in ``database`` would be a ``SELECT … FOR UPDATE`` of one row of
``meta``.
"""

from collections.abc import Callable
from typing import Any

from .functions import functions

SCHEMA = "mem0lite"
PARTITIONS = 4

_PARTITIONED = ("memory", "embedding", "posting", "mention", "relation", "use", "source")

_PARTS = "".join(
    f"CREATE TABLE {table}_{number} PARTITION OF {table} FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number});\n"
    for table in _PARTITIONED
    for number in range(PARTITIONS)
)

MIGRATIONS: tuple[str | Callable[[], str], ...] = (
    f"""
    CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);  -- a value is a JSON text

    CREATE SEQUENCE version_number;   -- taken only under the lock of writers, so committed in their order
    CREATE SEQUENCE change_number;

    CREATE TABLE scope (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- never used again, so neither are the keys made from it
        owner_id bigint NOT NULL,
        user_id text COLLATE "C", agent_id text COLLATE "C", run_id text COLLATE "C", app_id text COLLATE "C",
        next_sequence bigint NOT NULL DEFAULT 0,
        version bigint NOT NULL DEFAULT 0,      -- of its last change of any kind
        rewritten bigint NOT NULL DEFAULT 0,    -- of its last change other than an insertion
        spent text COLLATE "C"                  -- JSON: what models used for it, by name
    ) WITH (fillfactor = 70);
    CREATE UNIQUE INDEX scope_by_ids ON scope (user_id, agent_id, run_id, app_id) NULLS NOT DISTINCT;
    CREATE INDEX scope_by_agent ON scope (agent_id) WHERE agent_id IS NOT NULL;
    CREATE INDEX scope_by_run ON scope (run_id) WHERE run_id IS NOT NULL;
    CREATE INDEX scope_by_app ON scope (app_id) WHERE app_id IS NOT NULL;

    CREATE TABLE memory (                       -- instants are microseconds since 1970 UTC
        owner_id bigint NOT NULL,
        key bigint NOT NULL,
        expires_at bigint,
        length integer NOT NULL,                -- keyword terms, with repetitions
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        version bigint NOT NULL,
        superseded_at bigint,                   -- since when; set if and only if superseded_by is
        id text COLLATE "C" NOT NULL,
        text_hash text COLLATE "C" NOT NULL,
        actor_id text COLLATE "C", role text COLLATE "C", expiration_date text COLLATE "C",
        feedback text COLLATE "C", feedback_reason text COLLATE "C",
        memory_key text COLLATE "C",            -- what it is the value of
        superseded_by text COLLATE "C",         -- the id of the memory that holds instead, if still there
        sources text COLLATE "C",               -- of a fact: JSON, the ids of the memories it was drawn from
        metadata jsonb,                         -- for filters
        metadata_text text COLLATE "C",         -- the JSON as it was given
        text text COLLATE "C" NOT NULL,
        PRIMARY KEY (owner_id, key)
    ) PARTITION BY HASH (owner_id);
    CREATE INDEX memory_by_hash ON memory (owner_id, text_hash, key);
    CREATE INDEX memory_by_expiry ON memory (expires_at) WHERE expires_at IS NOT NULL;
    CREATE UNIQUE INDEX memory_of_key ON memory (owner_id, (key >> 32), memory_key)
        WHERE memory_key IS NOT NULL AND superseded_at IS NULL;
    CREATE INDEX memory_by_key ON memory (owner_id, memory_key, created_at) WHERE memory_key IS NOT NULL;
    CREATE INDEX memory_by_successor ON memory (owner_id, superseded_by) WHERE superseded_by IS NOT NULL;

    CREATE TABLE place (                        -- where a memory is: ids are unique in the whole store
        id text COLLATE "C" PRIMARY KEY, owner_id bigint NOT NULL, key bigint NOT NULL
    );

    CREATE TABLE embedding (owner_id bigint NOT NULL, key bigint NOT NULL, vector vector NOT NULL,
        PRIMARY KEY (owner_id, key)) PARTITION BY HASH (owner_id);

    CREATE TABLE posting (
        owner_id bigint NOT NULL, term text COLLATE "C" NOT NULL, key bigint NOT NULL, frequency integer NOT NULL,
        PRIMARY KEY (owner_id, term, key) INCLUDE (frequency)
    ) PARTITION BY HASH (owner_id);

    CREATE TABLE mention (                      -- an entity that a memory of a graph category names
        owner_id bigint NOT NULL, name text COLLATE "C" NOT NULL, key bigint NOT NULL,
        label text COLLATE "C" NOT NULL,        -- as the memory writes it
        type text COLLATE "C" NOT NULL,
        PRIMARY KEY (owner_id, name, key)
    ) PARTITION BY HASH (owner_id);
    CREATE INDEX mention_by_key ON mention (owner_id, key);

    CREATE TABLE relation (                     -- what a memory states of two entities, by their names
        owner_id bigint NOT NULL, source text COLLATE "C" NOT NULL, destination text COLLATE "C" NOT NULL,
        key bigint NOT NULL,
        position integer NOT NULL,              -- in the memory
        relationship text COLLATE "C" NOT NULL,
        PRIMARY KEY (owner_id, source, destination, key, position)
    ) PARTITION BY HASH (owner_id);
    CREATE INDEX relation_by_destination ON relation (owner_id, destination);
    CREATE INDEX relation_by_key ON relation (owner_id, key);

    CREATE TABLE use (                          -- that a memory was in answers, noted where decay is on
        owner_id bigint NOT NULL, key bigint NOT NULL, count bigint NOT NULL,
        last bigint NOT NULL,                   -- when it was the last time
        PRIMARY KEY (owner_id, key)
    ) PARTITION BY HASH (owner_id);

    CREATE TABLE source (                       -- what a fact was drawn from: the same ids as in memory.sources
        owner_id bigint NOT NULL, source_id text COLLATE "C" NOT NULL, key bigint NOT NULL,
        PRIMARY KEY (owner_id, source_id, key)
    ) PARTITION BY HASH (owner_id);
    CREATE INDEX source_by_key ON source (owner_id, key);

    {_PARTS}

    CREATE TABLE follower (                     -- a user: a view's changes are numbered apart from other users'
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id text COLLATE "C" NOT NULL UNIQUE,
        last bigint NOT NULL                    -- the number of the user's last change
    );

    CREATE TABLE history (
        sequence bigint PRIMARY KEY,
        memory_id text COLLATE "C" NOT NULL,
        scope bigint NOT NULL,
        id text COLLATE "C" NOT NULL,
        event text COLLATE "C" NOT NULL,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        actor_id text COLLATE "C", role text COLLATE "C", text_before text COLLATE "C", new_memory text COLLATE "C",
        feedback text COLLATE "C", feedback_reason text COLLATE "C",
        superseded_by text COLLATE "C", superseded_at bigint,  -- of the event SUPERSEDE
        follower_id bigint, number bigint,
        recorded_at bigint NOT NULL,
        imported boolean NOT NULL,              -- whether recorded_at is that of the store it came from
        before text COLLATE "C"                 -- JSON: the state that was replaced, beside text_before
    );
    CREATE INDEX history_by_memory ON history (memory_id);
    CREATE INDEX history_by_scope ON history (scope);
    CREATE UNIQUE INDEX history_by_follower ON history (follower_id, number) WHERE follower_id IS NOT NULL;

    CREATE TABLE event (                        -- one call of add
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        scope bigint NOT NULL,
        created_at bigint NOT NULL,
        results text COLLATE "C" NOT NULL,      -- JSON: [[id of the memory, event], …], never a text
        finished_at bigint                      -- when its job was done; NULL: it had none
    );
    CREATE INDEX event_by_scope ON event (scope);

    CREATE TABLE job (                          -- facts are still to be drawn from what a call of add stored
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id text COLLATE "C" NOT NULL UNIQUE,
        scope bigint NOT NULL,
        due_at bigint,                          -- since when it may be claimed; NULL: given up
        changed_at bigint NOT NULL,
        attempts integer NOT NULL,
        claim text COLLATE "C",                 -- of whoever works at it, until due_at
        problem text COLLATE "C",               -- why the last attempt failed
        wishes text COLLATE "C" NOT NULL        -- JSON: what the call asked of the model
    );
    CREATE INDEX job_by_due ON job (due_at, sequence) WHERE due_at IS NOT NULL;
    CREATE INDEX job_by_scope ON job (scope);

    CREATE TABLE document (                     -- settings of a project, webhooks, exports, summaries
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        value text COLLATE "C" NOT NULL,        -- a JSON object
        UNIQUE (kind, name)
    );

    INSERT INTO meta VALUES
        ('forgotten', '0'),                     -- the highest version and change number of what was removed without
        ('numbered', '0'),                      -- a trace
        -- What cursors are sealed with.
        ('seal', '"' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') || '"');
    """,
    functions,  # made when they are needed
)

SCHEMA_VERSION = len(MIGRATIONS)

TABLES = (*_PARTITIONED, "place", "scope", "follower", "history", "event", "job", "document", "meta")

OF_SCOPES = "kind IN ('export', 'summary')"
"""Documents that name scopes, and go with them."""

SCOPE_KEYS = "BETWEEN s.id << 32 AND (s.id << 32) + 4294967295"
MEMORIES = f"FROM scope s JOIN memory m ON m.owner_id = s.owner_id AND m.key {SCOPE_KEYS}"
MEMORY_BY_ID = (
    "FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key JOIN scope s ON s.id = m.key >> 32 "
    "WHERE l.id = %s"
)
LIVE = "(m.expires_at IS NULL OR m.expires_at > %s)"  # its parameter is now, in microseconds
EXPIRED = "(m.expires_at <= %s)"  # the exact negation, as NULL <= now is not true
LATEST = "(m.superseded_at IS NULL)"  # it is never later than the write that sets it

Sql = tuple[str, list[Any]]
"""A condition and its parameters, in order."""
