"""What a transaction does: adding, updating and deleting memories, and removing whole scopes."""

import copy
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ...comparison import nfc
from ...data.filters import EVERYTHING, Expression, scope_part
from ...data.records import AddEvent, FileSettings, Gone, Job, Record, Scope
from ...errors import MemoryNotFoundError
from .. import histories
from ..drawn import Edited, has_changed, is_edit, last_expiry, to_draw_again
from ..protocol import (
    Applied,
    Call,
    Changes,
    Entry,
    Finished,
    Outcome,
    SourcesChangedError,
    Update,
    Use,
    Visible,
)
from . import facts, log, queue, rows, validity
from .database import Connection
from .filter_sql import compile_filter
from .schema import MEMORIES, OF_SCOPES
from .settings import Remembered

_EMPTIED = (
    *("memory", "embedding", "posting", "mention", "relation", "use", "source", "place"),
    *("history", "event", "job", "scope"),
)


def apply(connection: Connection, changes: Changes, visible: Visible, settings: Remembered) -> Applied:
    """Delete, update and add, in this order."""
    if changes.additions or changes.updates or changes.calls or changes.categories is not None:
        settings.check_embedder(connection)  # also when there is nothing to write: a call with items would be refused
    if changes.categories is not None:
        settings.check_categories(connection, changes.categories)
    if changes.scale is not None:
        settings.keep_scale(connection, changes.scale)
    if changes.deletions:
        _delete(connection, changes.deletions, visible, linked=changes.linked)
    drawing = changes.finished is not None
    if changes.finished is not None:
        _check_read(connection, changes.finished)
    updated, edited = _update(connection, changes.updates, visible, drawing=drawing) if changes.updates else ([], [])
    outcomes: list[Outcome] = []
    if changes.additions or changes.calls:
        outcomes = _add(connection, changes.additions, changes.calls, visible.now, drawing=drawing)
    if changes.finished is not None:
        queue.finish(connection, changes.finished, visible.now)
    return Applied(outcomes, updated, _draw_again(connection, edited, visible.now))


def _delete(connection: Connection, memory_ids: Sequence[str], visible: Visible, *, linked: bool) -> None:
    keys = [rows.live_record(connection, memory_id, visible, "")[0] for memory_id in memory_ids]
    keys = list(dict.fromkeys(keys))
    if linked:
        before, expired = validity.predecessors(connection, keys, visible.now)
        rows.purge(connection, expired)
        keys = list(dict.fromkeys([*keys, *before]))
    rows.delete(connection, keys, visible.now)


def _update(
    connection: Connection, updates: Sequence[Update], visible: Visible, *, drawing: bool
) -> tuple[list[Record], list[Edited]]:
    """Return what the memories became, and which of them say something else."""
    version, scopes = rows.next_version(connection), set()
    changed, edited = [], []
    for update in updates:
        key, before = rows.live_record(connection, update.memory_id, visible)
        after = _with_sources(connection, key, before, update.change(before), visible.now, drawing=drawing)
        rows.rewrite(connection, key, after, version)
        if after.expires_at != before.expires_at:
            _let_facts_follow(connection, key, before.expires_at, visible.now)
        if update.vector is not None:
            rows.reindex(connection, key, before, after, update.vector)
        if update.graph is not None:
            rows.put_graph(connection, key, update.graph(after))
        change = histories.change(update.event, before, after._replace(updated_at=visible.now))
        log.note(connection, [histories.Noted(key >> 32, before.id, change)], visible.now)
        scopes.add(key >> 32)
        changed.append(after)
        if is_edit(before, after):
            edited.append(Edited(key, after))
    rows.note_rewritten(connection, version, scopes)
    return changed, edited


def _draw_again(connection: Connection, edited: Sequence[Edited], now: int) -> list[str]:
    """Put the jobs into the queue that draw the facts of edited memories again; return their events."""
    drawn = facts.drawn_from(connection, [one.key for one in edited]) if edited else []
    events = []
    for number, event in to_draw_again(edited, drawn, now):
        waiting = queue.waiting(connection, number, event.results)
        if waiting is None:
            log.insert_event(connection, event, number)
            queue.send_job(connection, event.id, number, Job(), now)
        events.append(event.id if waiting is None else waiting)
    return events


def _check_read(connection: Connection, finished: Finished) -> None:
    """Raise SourcesChangedError if a memory that a model read is another by now."""
    if finished.read and has_changed(finished.read, facts.states(connection, finished.read)):
        raise SourcesChangedError


def _with_sources(
    connection: Connection, key: int, before: Record, after: Record, now: int, *, drawing: bool
) -> Record:
    """Return what an update makes of a memory: a fact lives no longer than the last of its sources."""
    if after.sources is None:
        return after
    if drawing:
        _check_sources(connection, set(after.sources).difference(before.sources or ()), key >> 32, now)
    rows.remove_rows(connection, "source", [key])
    facts.send_links(connection, rows.owner_of(connection, key), key, after)
    so_far = facts.expiries(connection, before.sources or (), key >> 32)
    found = facts.expiries(connection, after.sources, key >> 32)
    return after.bounded(last_expiry(so_far) if so_far else None, last_expiry(found)) if found else after


def _let_facts_follow(connection: Connection, key: int, expired_at: int | None, now: int) -> None:
    """Let the facts of a memory live as long as their sources, one of which got another expiry."""
    for fact in facts.drawn_from(connection, [key]):
        before = last_expiry({**fact.sources, key: expired_at}.values())
        rows.rebound(connection, fact.key, before, last_expiry(fact.sources.values()), now)


def _check_sources(connection: Connection, ids: Collection[str], scope: int, now: int) -> None:
    """Raise MemoryNotFoundError unless all of these are live memories of a scope."""
    live = [one for one in facts.expiries(connection, list(ids), scope) if one is None or one > now]
    if len(live) < len(ids):
        raise MemoryNotFoundError("What a fact was drawn from is gone by now.")


def _add(
    connection: Connection, entries: Sequence[Entry], calls: Sequence[Call], now: int, *, drawing: bool
) -> list[Outcome]:
    scopes: dict[Scope, rows.ScopeRow] = {}
    for asked in dict.fromkeys([*(entry.record.scope for entry in entries), *(call.scope for call in calls)]):
        scopes[asked] = rows.scope_row(connection, asked)
    version = rows.next_version(connection)
    with connection.pipelined():
        outcomes = []
        for entry in entries:
            scope = scopes[entry.record.scope]
            drawn = _drawn(connection, entry, scope, now) if drawing else entry
            outcomes.append(_add_one(connection, drawn, scope, version, now))
        rows.note_inserted(connection, version, scopes.values())
        given = iter(outcomes)
        for call in calls:
            results = [(one.record.id, "ADD" if one.added else "NONE") for one in islice(given, call.entries)]
            number = scopes[call.scope].number
            log.send_event(connection, AddEvent(call.event_id, call.scope, now, results), number)
            if call.job is not None and any(event == "ADD" for _, event in results):
                queue.send_job(connection, call.event_id, number, call.job, now)
    return outcomes


def _drawn(connection: Connection, entry: Entry, scope: rows.ScopeRow, now: int) -> Entry:
    """Return a new fact that lives no longer than the last of its sources, which must be there."""
    ids = entry.record.sources or ()
    _check_sources(connection, set(ids), scope.number, now)
    drawn = copy.copy(entry)  # the work may be done twice
    if ids:
        drawn.record = entry.record.bounded(None, last_expiry(facts.expiries(connection, ids, scope.number)))
    return drawn


def _add_one(connection: Connection, entry: Entry, scope: rows.ScopeRow, version: int, now: int) -> Outcome:
    record = entry.record
    named = validity.named(connection, entry.supersedes, scope, now)
    kept = rows.existing(connection, entry, scope, now)
    by, since = (kept or record).id, record.created_at
    superseded = validity.supersede(connection, named, by, since, scope, version, now)
    if kept is not None:
        return Outcome(kept, added=False, superseded=superseded)
    if record.key is not None and record.superseded_at is None:
        record, replaced = validity.replaced(connection, entry, scope, now)
        superseded += validity.supersede(connection, replaced, by, since, scope, version, now)
    rows.insert(connection, entry, record, scope, version, now)
    return Outcome(record, added=True, superseded=superseded)


def take(
    connection: Connection,
    items: Iterable[Gone | AddEvent | FileSettings],
    now: int,
    settings: Remembered,
    *,
    by_scope: bool,
) -> int:
    """Keep what an export has beside memories, where there is nothing of the same name; return how many."""
    kept = 0
    for one in items:
        if isinstance(one, FileSettings):
            kept += _take_settings(connection, one, settings)
        elif isinstance(one, AddEvent):
            kept += _take_event(connection, one, now)
        else:
            kept += _take_history(connection, one, now, by_scope=by_scope)
    return kept


def _take_event(connection: Connection, event: AddEvent, now: int) -> bool:
    scope = rows.scope_row(connection, event.scope).number
    kept = log.insert_event(connection, event, scope)
    if kept and event.job is not None:
        queue.send_job(connection, event.id, scope, event.job, now)
    return kept


def _take_history(connection: Connection, gone: Gone, now: int, *, by_scope: bool) -> bool:
    scope = rows.scope_row(connection, gone.scope)
    if log.history(connection, gone.memory_id, EVERYTHING, scope.number if by_scope else None):
        return False
    log.note(connection, rows.brought(connection, scope, gone.memory_id, gone.changes), now)
    rows.note_inserted(connection, rows.next_version(connection), [scope])
    return True


def _take_settings(connection: Connection, given: FileSettings, settings: Remembered) -> int:
    before = log.document(connection, "project", "") or {}
    new = {name: value for name, value in given.project.items() if name not in before}
    if new:
        log.put_document(connection, "project", "", {**before, **new})
    return len(new) + settings.take_categories(connection, tuple(given.graph_categories))


def delete_found(connection: Connection, keys: Iterable[int], expired: Sequence[int], now: int) -> int:
    """Delete memories, and purge those of them that expired; return how many were deleted."""
    rows.purge(connection, expired)
    live = sorted(set(keys).difference(expired))
    rows.delete(connection, live, now)
    return len(live)


def reset(connection: Connection, expression: Expression, ids: Mapping[str, str], owner: str | None) -> None:
    """Remove the scopes that match, with all that belongs to them, and the exports that name all of ``ids``."""
    if expression == EVERYTHING:
        rows.note_forgotten(connection)
        for table in _EMPTIED:
            connection.run(f"DELETE FROM {table}")
        log.forget_followers(connection)
        connection.run(f"DELETE FROM document WHERE {OF_SCOPES}")
        return
    remove_scopes(connection, expression)
    _remove_exports(connection, lambda document: _names_all(document, ids, owner))


def erase(connection: Connection, expression: Expression, names: Sequence[str]) -> dict[str, int]:
    """Remove the scopes that match, and the exports that hold a name; return how many rows of each kind there were."""
    removed = remove_scopes(connection, expression)
    wanted = set(names)
    exports = _remove_exports(
        connection, lambda document: any(nfc(text) in wanted for _, text in _atoms(document, "$"))
    )
    return {**removed, "exports": exports}


def _remove_exports(connection: Connection, chosen: Any) -> int:
    found = connection.fetch(f"SELECT sequence, value FROM document WHERE {OF_SCOPES}")
    numbers = [sequence for sequence, value in found if chosen(histories.to_document(value))]
    return connection.run("DELETE FROM document WHERE sequence = ANY(%s::bigint[])", (numbers,))


def _names_all(document: Mapping[str, Any], ids: Mapping[str, str], owner: str | None) -> bool:
    """Return whether an export names all of the ids, each as that kind of id, and is one that may go."""
    theirs = document.get("user_id")
    whose = None if theirs is None else nfc(str(theirs))
    if owner not in (None, whose):
        return False
    if "user_id" in ids and whose not in (None, ids["user_id"]):
        return False
    atoms = list(_atoms(document, "$"))
    return all(any(nfc(text) == name and kind in path for path, text in atoms) for kind, name in ids.items())


def _atoms(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield everything in a JSON value that is no container, as text, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _atoms(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from _atoms(one, path)
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)


def matching_keys(connection: Connection, where: str, parameters: Sequence[Any]) -> list[int]:
    """Return the keys of the memories that meet a condition."""
    return [key for (key,) in connection.fetch(f"SELECT m.key {MEMORIES} WHERE {where}", parameters)]


def remove_scopes(connection: Connection, expression: Expression) -> dict[str, int]:
    """Remove the scopes that match with all that belongs to them; return how many rows of each kind there were."""
    rows.note_forgotten(connection)
    sql, parameters = compile_filter(scope_part(expression))
    scopes = connection.fetch(f"SELECT s.id, s.user_id FROM scope s WHERE {sql}", parameters)
    numbers = [number for number, _ in scopes]
    removed = rows.remove(connection, matching_keys(connection, sql, parameters))
    for kind, table, column in (
        ("history", "history", "scope"),
        ("events", "event", "scope"),
        ("jobs", "job", "scope"),
        ("scopes", "scope", "id"),
    ):
        removed[kind] = connection.run(f"DELETE FROM {table} WHERE {column} = ANY(%s::bigint[])", (numbers,))
    log.forget_followers(connection, {user for _, user in scopes})
    return removed


def note_uses(connection: Connection, uses: Mapping[str, Use]) -> None:
    """Add to the uses of the memories with these ids, and skip ids of none."""
    listed = sorted(uses.items())  # two calls that lock rows in the same order don't wait for each other
    connection.run(
        "INSERT INTO use AS u (owner_id, key, count, last) SELECT m.owner_id, m.key, n.count, n.last "
        "FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) WITH ORDINALITY n(id, count, last, position) "
        "JOIN place l ON l.id = n.id JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key ORDER BY n.position "
        "ON CONFLICT (owner_id, key) DO UPDATE SET count = u.count + excluded.count, "
        "last = greatest(u.last, excluded.last)",
        ([one for one, _ in listed], [use.times for _, use in listed], [use.last for _, use in listed]),
    )
