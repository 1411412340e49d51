"""The queue of jobs that draw facts: who works at what, what failed, and what models used."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from ...data.filters import Expression
from ...data.records import Job, Scope
from .. import histories
from ..drawn import JOB_COLUMNS, claimed, wishes_json, with_results, with_spent
from ..protocol import Claimed, Cost, Finished, JobLostError, Jobs
from . import rows
from .filter_sql import compile_filter

# One job of a scope at a time: what a job decides rests on the facts that are there.
_FREE = "NOT EXISTS (SELECT 1 FROM job o WHERE o.scope = j.scope AND o.claim IS NOT NULL AND o.due_at > ?1)"
_NEXT = f"SELECT j.sequence FROM job j WHERE j.due_at <= ?1 AND {_FREE} ORDER BY j.due_at, j.sequence LIMIT 1"
_NAMED = f"SELECT j.sequence FROM job j WHERE j.event_id = ?2 AND j.due_at <= ?1 AND {_FREE}"


def enqueue(connection: apsw.Connection, event_id: str, scope: int, job: Job, now: int) -> None:
    """Put a job into the queue."""
    connection.execute(
        "INSERT OR IGNORE INTO job (event_id, scope, due_at, changed_at, attempts, problem, wishes) "
        "VALUES (?, ?, ?, ?, 0, ?, ?)",
        (
            *(event_id, scope, None if job.given_up else now, now, job.problem),
            wishes_json(job),
        ),
    )


def waiting(connection: apsw.Connection, scope: int, results: Sequence[tuple[str, str]]) -> str | None:
    """Return the event of a job of a scope that nobody has begun with, and that has these results."""
    found: str | None = connection.execute(
        "SELECT e.id FROM job j JOIN event e ON e.id = j.event_id WHERE j.scope = ? AND j.claim IS NULL "
        "AND j.due_at IS NOT NULL AND e.results = ? ORDER BY j.sequence LIMIT 1",
        (scope, json.dumps(results)),
    ).get
    return found


def is_due(connection: apsw.Connection, now: int, event_id: str | None) -> bool:
    """Whether there is a job to claim."""
    return bool(rows.fetch(connection, *_asked(now, event_id)))


def claim(connection: apsw.Connection, now: int, until: int, token: str, event_id: str | None) -> Claimed | None:
    """Claim the next job that is due, or one job."""
    sql, parameters = _asked(now, event_id)
    sequence = connection.execute(sql, parameters).get
    if sequence is None:
        return None
    connection.execute(
        "UPDATE job SET claim = ?, due_at = ?, changed_at = ?, attempts = attempts + 1 WHERE sequence = ?",
        (token, until, now, sequence),
    )
    row = rows.fetch_first(
        connection,
        f"SELECT {JOB_COLUMNS} FROM job j JOIN event e ON e.id = j.event_id JOIN scope s ON s.id = j.scope "
        "WHERE j.sequence = ?",
        (sequence,),
    )
    return None if row is None else claimed(row, token)


def _asked(now: int, event_id: str | None) -> tuple[str, Sequence[Any]]:
    return (_NEXT, (now,)) if event_id is None else (_NAMED, (now, event_id))


def finish(connection: apsw.Connection, finished: Finished, now: int) -> None:
    """Remove a job that is done from the queue, and tell its event. Raises JobLostError."""
    scope = _held(connection, finished.event_id, finished.claim)
    connection.execute("DELETE FROM job WHERE event_id = ?", (finished.event_id,))
    before = connection.execute("SELECT results FROM event WHERE id = ?", (finished.event_id,)).get
    kept = with_results(before, finished.results)
    connection.execute("UPDATE event SET results = ?, finished_at = ? WHERE id = ?", (kept, now, finished.event_id))
    spend(connection, scope, finished.spent)


def give_back(
    connection: apsw.Connection,
    claimed: Claimed,
    problem: str,
    due_at: int | None,
    spent: Mapping[str, float],
    now: int,
) -> bool:
    """Return a job to the queue, or give it up; return whether the claim still held."""
    try:
        scope = _held(connection, claimed.event_id, claimed.claim)
    except JobLostError:
        return False
    connection.execute(
        "UPDATE job SET claim = NULL, due_at = ?, changed_at = ?, problem = ? WHERE event_id = ?",
        (due_at, now, problem, claimed.event_id),
    )
    spend(connection, scope, spent)
    return True


def _held(connection: apsw.Connection, event_id: str, token: str) -> int:
    """Return the number of the scope of a job that is still claimed."""
    scope: int | None = connection.execute(
        "SELECT scope FROM job WHERE event_id = ? AND claim = ?", (event_id, token)
    ).get
    if scope is None:
        raise JobLostError
    return scope


def retry(connection: apsw.Connection, within: Expression, now: int) -> int:
    """Put the jobs that were given up back into the queue; return how many."""
    where, parameters = compile_filter(within)
    connection.execute(
        "UPDATE job AS j SET due_at = ?, changed_at = ?, attempts = 0 WHERE j.due_at IS NULL "
        f"AND EXISTS (SELECT 1 FROM scope s WHERE s.id = j.scope AND {where})",
        (now, now, *parameters),
    )
    return connection.changes()


def jobs(connection: apsw.Connection, within: Expression) -> Jobs:
    """Count the jobs."""
    where, parameters = compile_filter(within)
    counted = rows.fetch_first(
        connection,
        "SELECT count(j.due_at), count(*) - count(j.due_at), min(j.due_at) FROM job j "
        f"JOIN scope s ON s.id = j.scope WHERE {where}",
        parameters,
    )
    return Jobs(*counted)


def costs(connection: apsw.Connection, within: Expression) -> list[Cost]:
    """Return what models used for each scope."""
    where, parameters = compile_filter(within)
    found = rows.fetch(
        connection,
        "SELECT s.spent, s.user_id, s.agent_id, s.run_id, s.app_id FROM scope s "
        f"WHERE s.spent IS NOT NULL AND {where} ORDER BY s.id",
        parameters,
    )
    return [Cost(Scope(*ids), histories.to_document(spent)) for spent, *ids in found]


def spend(connection: apsw.Connection, scope: int, spent: Mapping[str, float]) -> None:
    """Add to what models used for a scope."""
    if not spent:
        return
    before = connection.execute("SELECT spent FROM scope WHERE id = ?", (scope,)).get
    connection.execute("UPDATE scope SET spent = ? WHERE id = ?", (with_spent(before, spent), scope))
