"""The queue of jobs that draw facts: who works at what, what failed, and what models used.

A job is claimed under the lock of writers, as everything is written. SKIP LOCKED is the rejected option: whether a job
is free depends on the other jobs of its scope, which a lock of its own row says nothing about.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...data.filters import Expression
from ...data.records import Job, Scope
from .. import histories
from ..drawn import JOB_COLUMNS, claimed, wishes_json, with_results, with_spent
from ..protocol import Claimed, Cost, Finished, JobLostError, Jobs
from .database import Connection
from .filter_sql import compile_filter

# One job of a scope at a time: what a job decides rests on the facts that are there.
_FREE = (
    "j.due_at <= %s AND NOT EXISTS "
    "(SELECT 1 FROM job o WHERE o.scope = j.scope AND o.claim IS NOT NULL AND o.due_at > %s)"
)
_NEXT = f"SELECT j.sequence FROM job j WHERE {_FREE} ORDER BY j.due_at, j.sequence LIMIT 1"
_NAMED = f"SELECT j.sequence FROM job j WHERE {_FREE} AND j.event_id = %s"


def send_job(connection: Connection, event_id: str, scope: int, job: Job, now: int) -> None:
    """Put a job into the queue."""
    connection.send(
        "INSERT INTO job (event_id, scope, due_at, changed_at, attempts, problem, wishes) "
        "VALUES (%s, %s, %s, %s, 0, %s, %s) ON CONFLICT (event_id) DO NOTHING",
        (event_id, scope, None if job.given_up else now, now, job.problem, wishes_json(job)),
    )


def waiting(connection: Connection, scope: int, results: Sequence[tuple[str, str]]) -> str | None:
    """Return the event of a job of a scope that nobody has begun with, and that has these results."""
    found: str | None = connection.value(
        "SELECT e.id FROM job j JOIN event e ON e.id = j.event_id WHERE j.scope = %s AND j.claim IS NULL "
        "AND j.due_at IS NOT NULL AND e.results = %s ORDER BY j.sequence LIMIT 1",
        (scope, json.dumps(results)),
    )
    return found


def is_due(connection: Connection, now: int, event_id: str | None) -> bool:
    """Whether there is a job to claim."""
    return connection.first(*_asked(now, event_id)) is not None


def claim(connection: Connection, now: int, until: int, token: str, event_id: str | None) -> Claimed | None:
    """Claim the next job that is due, or one job."""
    sequence = connection.value(*_asked(now, event_id))
    if sequence is None:
        return None
    connection.run(
        "UPDATE job SET claim = %s, due_at = %s, changed_at = %s, attempts = attempts + 1 WHERE sequence = %s",
        (token, until, now, sequence),
    )
    row = connection.first(
        f"SELECT {JOB_COLUMNS} FROM job j JOIN event e ON e.id = j.event_id JOIN scope s ON s.id = j.scope "
        "WHERE j.sequence = %s",
        (sequence,),
    )
    return None if row is None else claimed(row, token)


def _asked(now: int, event_id: str | None) -> tuple[str, Sequence[Any]]:
    return (_NEXT, (now, now)) if event_id is None else (_NAMED, (now, now, event_id))


def finish(connection: Connection, finished: Finished, now: int) -> None:
    """Remove a job that is done from the queue, and tell its event. Raises JobLostError."""
    scope = _held(connection, finished.event_id, finished.claim)
    connection.run("DELETE FROM job WHERE event_id = %s", (finished.event_id,))
    before = connection.value("SELECT results FROM event WHERE id = %s", (finished.event_id,))
    kept = with_results(before, finished.results)
    connection.run("UPDATE event SET results = %s, finished_at = %s WHERE id = %s", (kept, now, finished.event_id))
    _spend(connection, scope, finished.spent)


def give_back(
    connection: Connection, claimed: Claimed, problem: str, due_at: int | None, spent: Mapping[str, float], now: int
) -> bool:
    """Return a job to the queue, or give it up; return whether the claim still held."""
    try:
        scope = _held(connection, claimed.event_id, claimed.claim)
    except JobLostError:
        return False
    connection.run(
        "UPDATE job SET claim = NULL, due_at = %s, changed_at = %s, problem = %s WHERE event_id = %s",
        (due_at, now, problem, claimed.event_id),
    )
    _spend(connection, scope, spent)
    return True


def _held(connection: Connection, event_id: str, token: str) -> int:
    """Return the number of the scope of a job that is still claimed."""
    scope: int | None = connection.value("SELECT scope FROM job WHERE event_id = %s AND claim = %s", (event_id, token))
    if scope is None:
        raise JobLostError
    return scope


def retry(connection: Connection, within: Expression, now: int) -> int:
    """Put the jobs that were given up back into the queue; return how many."""
    where, parameters = compile_filter(within)
    return connection.run(
        "UPDATE job j SET due_at = %s, changed_at = %s, attempts = 0 WHERE j.due_at IS NULL "
        f"AND EXISTS (SELECT 1 FROM scope s WHERE s.id = j.scope AND {where})",
        (now, now, *parameters),
    )


def jobs(connection: Connection, within: Expression) -> Jobs:
    """Count the jobs."""
    where, parameters = compile_filter(within)
    counted = connection.first(
        "SELECT count(j.due_at), count(*) - count(j.due_at), min(j.due_at) FROM job j "
        f"JOIN scope s ON s.id = j.scope WHERE {where}",
        parameters,
    )
    return Jobs(*counted)


def costs(connection: Connection, within: Expression) -> list[Cost]:
    """Return what models used for each scope."""
    where, parameters = compile_filter(within)
    found = connection.fetch(
        "SELECT s.spent, s.user_id, s.agent_id, s.run_id, s.app_id FROM scope s "
        f"WHERE s.spent IS NOT NULL AND {where} ORDER BY s.id",
        parameters,
    )
    return [Cost(Scope(*ids), histories.to_document(spent)) for spent, *ids in found]


def _spend(connection: Connection, scope: int, spent: Mapping[str, float]) -> None:
    """Add to what models used for a scope."""
    if spent:
        before = connection.value("SELECT spent FROM scope WHERE id = %s", (scope,))
        connection.run("UPDATE scope SET spent = %s WHERE id = %s", (with_spent(before, spent), scope))
