"""JSON lines: how memories leave a store and come back. Pure.

A line with ``memory`` (or ``text``) is a memory with its history. Other lines have a ``type``: ``history`` is that of a
deleted memory, ``event`` a call of ``add``, and ``settings`` those of the file.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from ..errors import ValidationError
from ..types import Event
from ..values import (
    clean_feedback,
    clean_id,
    clean_memory_key,
    clean_metadata,
    clean_scope,
    clean_text,
    encodable,
    end_of_day,
    new_id,
    shown,
    text_hash,
    to_iso,
    to_micros,
)
from .messages import optional_text
from .records import AddEvent, Change, FileSettings, Gone, Job, Record, Scope, State

Lifetime = Callable[[Record, Any, int | None], Record]
"""Returns a record with its expiry, given an expiration date or the instant of expiry; each may be None."""


_INSTANTS = ("created_at", "updated_at", "expires_at", "valid_to")

Entry = tuple[Record, Sequence[Change]]
"""A memory with its history."""
Beside = Gone | AddEvent | FileSettings
"""What an export holds besides memories."""
Exported = Entry | Beside


def to_line(exported: Exported) -> str:
    """Return what a store holds as one line of JSON."""
    return json.dumps(_to_object(exported), ensure_ascii=False) + "\n"


def _to_object(exported: Exported) -> dict[str, Any]:
    match exported:
        case FileSettings():
            categories = list(exported.graph_categories)
            return {"type": "settings", "project": exported.project, "graph_categories": categories}
        case AddEvent():
            results = [{"id": memory_id, "event": event} for memory_id, event in exported.results]
            created = to_iso(exported.created_at)
            return {
                "type": "event",
                "id": exported.id,
                "created_at": created,
                **exported.scope.ids(),
                "results": results,
                **_progress(exported),
            }
        case Gone():
            history = [_change(exported.memory_id, change) for change in exported.changes]
            return {"type": "history", "id": exported.memory_id, **exported.scope.ids(), "history": history}
        case (record, changes):
            return {**record.to_item(), "history": [_change(record.id, change) for change in changes]}


def _progress(event: AddEvent) -> dict[str, Any]:
    """Return what became of the facts that a call's messages may hold; nothing if there was nothing to draw."""
    finished = {} if event.finished_at is None else {"finished_at": to_iso(event.finished_at)}
    if event.job is None:
        return finished
    status = "FAILED" if event.job.given_up else "PENDING"
    return {"status": status, "wishes": dict(event.job.wishes), "problem": event.job.problem}


def _change(memory_id: str, change: Change) -> dict[str, Any]:
    """Return a change with what ``as_of`` needs of it."""
    item: dict[str, Any] = {**change.to_item(memory_id)}
    if change.recorded_at is not None:
        item["recorded_at"] = to_iso(change.recorded_at)
    if change.before is not None:
        state = change.before._asdict()
        before = {"valid_to": state.pop("superseded_at"), **state}
        if change.before.sources is not None:
            before["sources"] = list(change.before.sources)
        item["before"] = {
            name: to_iso(one) if name in _INSTANTS else one for name, one in before.items() if one is not None
        }
    return item


def read_lines(
    lines: Iterable[str], scope: Mapping[str, object], now: int, lifetime: Lifetime, file: str | None = None
) -> Iterator[Exported]:
    """Yield what JSON lines hold; a memory without ids gets those of ``scope``.

    Raises ValidationError, naming the line, and the file if it has a name.
    """
    place = "Line" if file is None else f"{file}, line"
    for number, line in enumerate(lines, start=1):
        try:
            if not isinstance(line, str):
                raise ValidationError("must be text.", field="line")
            line = line.lstrip("\ufeff")  # a byte order mark, perhaps of a file that was appended to another
            if not line.strip():
                continue
            data = json.loads(line)
            if not isinstance(data, dict):
                raise ValidationError("must be a JSON object.", field="line")
            kind = None if "memory" in data or "text" in data else data.get("type")
            yield read_item(data, scope, now, lifetime) if kind is None else _read_other(kind, data)
        except ValidationError as error:
            raise ValidationError(f"{place} {number}: {error}", field=error.field) from None
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"{place} {number}: not valid JSON: {error}", field="line") from None


def _read_other(kind: object, data: dict[str, Any]) -> Exported:
    """Return what a line with a type holds. Raises ValidationError if that can't be read."""
    if kind == "history":
        changes = _read_history(data)
        return Gone(clean_id(data.get("id"), "id"), Scope(**clean_scope(data)), changes)
    if kind == "event":
        created = to_micros(data.get("created_at"), "created_at")
        finished = None if data.get("finished_at") is None else to_micros(data["finished_at"], "finished_at")
        event_id, scope = clean_id(data.get("id"), "id"), Scope(**clean_scope(data))
        return AddEvent(event_id, scope, created, _read_results(data), _read_job(data), finished)
    if kind == "settings":
        categories = data.get("graph_categories") or []
        if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
            raise ValidationError("Invalid graph_categories: must be a list of strings.", field="graph_categories")
        categories = sorted(encodable(one, "graph_categories") for one in categories)
        return FileSettings(clean_metadata(data.get("project") or {}, "project"), categories)
    raise ValidationError(
        f"Invalid type: {shown(kind)}. A line is a memory, or has the type history, event or settings.", field="type"
    )


def _read_results(data: dict[str, Any]) -> list[tuple[str, str]]:
    results = data.get("results")
    if not isinstance(results, list) or not all(
        isinstance(one, dict) and one.get("event") in ("ADD", "NONE", "UPDATE", "DELETE") for one in results
    ):
        raise ValidationError(
            "Invalid results: must be a list of objects with an id and an event, ADD, NONE, UPDATE or DELETE.",
            field="results",
        )
    return [(clean_id(one.get("id"), "results.id"), one["event"]) for one in results]


def _read_job(data: dict[str, Any]) -> Job | None:
    status = data.get("status")
    if status in (None, "SUCCEEDED"):
        return None
    if status not in ("PENDING", "FAILED"):
        raise ValidationError("Invalid status: must be SUCCEEDED, PENDING or FAILED.", field="status")
    wishes = clean_metadata(data.get("wishes") or {}, "wishes")
    return Job(wishes, _text_or_none(data.get("problem"), "problem"), given_up=status == "FAILED")


def _read_sources(data: Mapping[str, Any], field: str = "sources") -> tuple[str, ...] | None:
    """Return the ids of the memories that a fact was drawn from; None for what is not a fact."""
    sources = data.get("sources")
    if sources is None:
        return None
    if not isinstance(sources, list) or not sources:
        raise ValidationError(f"Invalid {field}: must be a list of ids, with at least one.", field=field)
    return tuple(dict.fromkeys(clean_id(one, field) for one in sources))


def _read_history(data: dict[str, Any]) -> list[Change]:
    history = data.get("history") or []
    if not isinstance(history, list):
        raise ValidationError("Invalid history: must be a list of objects.", field="history")
    return [_read_change(change) for change in history]


def read_item(
    data: dict[str, Any], scope: Mapping[str, object], now: int, lifetime: Lifetime
) -> tuple[Record, list[Change]]:
    """Return the memory of one line and its history. Raises ValidationError if a field can't be accepted."""
    text = clean_text(data.get("memory", data.get("text")), "memory")
    created = now if data.get("created_at") is None else to_micros(data["created_at"], "created_at")
    feedback, reason = clean_feedback(data.get("feedback"), data.get("feedback_reason"))
    record = Record(
        id=new_id() if data.get("id") is None else clean_id(data["id"], "id"),
        scope=Scope(**clean_scope(data if any(data.get(name) is not None for name in scope) else scope)),
        text=text,
        hash=text_hash(text),
        metadata=None if data.get("metadata") is None else clean_metadata(data["metadata"]) or None,
        created_at=created,
        updated_at=created if data.get("updated_at") is None else to_micros(data["updated_at"], "updated_at"),
        actor_id=optional_text(data.get("actor_id"), "actor_id"),
        role=optional_text(data.get("role"), "role"),
        feedback=feedback,
        feedback_reason=reason,
        key=None if data.get("key") is None else clean_memory_key(data["key"], "key"),
        **_read_successor(data, created),
        sources=_read_sources(data),
    )
    expires_at = None if data.get("expires_at") is None else to_micros(data["expires_at"], "expires_at")
    history = _read_history(data)
    return lifetime(record, data.get("expiration_date"), expires_at), history


def _read_successor(data: Mapping[str, Any], begin: int, place: str = "") -> dict[str, Any]:
    """Return what a memory was superseded by and since when, as the fields of a record; nothing if it was not."""
    by, since = data.get("superseded_by"), data.get("valid_to")
    if by is None and since is None:
        return {}
    if by is None or since is None:
        raise ValidationError(
            f"Invalid {place}superseded_by: it goes with a valid_to. Give both or neither.",
            field=f"{place}superseded_by",
        )
    at = to_micros(since, f"{place}valid_to")
    if at < begin:
        raise ValidationError(f"Invalid {place}valid_to: it is before created_at.", field=f"{place}valid_to")
    return {"superseded_by": clean_id(by, f"{place}superseded_by"), "superseded_at": at}


def _read_change(data: object) -> Change:
    if not isinstance(data, dict) or data.get("event") not in get_args(Event):
        raise ValidationError(
            f"Invalid history: must be a list of objects whose event is one of {', '.join(get_args(Event))}.",
            field="history",
        )
    created = to_micros(data.get("created_at"), "history.created_at")
    feedback, reason = clean_feedback(data.get("feedback"), data.get("feedback_reason"), "history.")
    return Change(
        id=new_id() if data.get("id") is None else clean_id(data["id"], "history.id"),
        event=cast("Event", data["event"]),
        old_memory=_text_or_none(data.get("old_memory"), "history.old_memory"),
        new_memory=_text_or_none(data.get("new_memory"), "history.new_memory"),
        created_at=created,
        updated_at=created if data.get("updated_at") is None else to_micros(data["updated_at"], "history.updated_at"),
        actor_id=optional_text(data.get("actor_id"), "history.actor_id"),
        role=optional_text(data.get("role"), "history.role"),
        feedback=feedback,
        feedback_reason=reason,
        **_read_successor(data, created, "history."),
        recorded_at=None if data.get("recorded_at") is None else to_micros(data["recorded_at"], "history.recorded_at"),
        before=None if data.get("before") is None else _read_state(data["before"]),
    )


def _read_state(data: object) -> State:
    if not isinstance(data, dict):
        raise ValidationError("Invalid history.before: must be an object.", field="history.before")
    metadata, expires_at, day = data.get("metadata"), data.get("expires_at"), data.get("expiration_date")
    feedback, reason = clean_feedback(data.get("feedback"), data.get("feedback_reason"), "history.before.")
    created = to_micros(data.get("created_at"), "history.before.created_at")
    return State(
        metadata=None if metadata is None else clean_metadata(metadata, "history.before.metadata") or None,
        created_at=created,
        updated_at=to_micros(data.get("updated_at"), "history.before.updated_at"),
        expires_at=None if expires_at is None else to_micros(expires_at, "history.before.expires_at"),
        expiration_date=None if day is None else end_of_day(day)[0],
        feedback=feedback,
        feedback_reason=reason,
        key=None if data.get("key") is None else clean_memory_key(data["key"], "history.before.key"),
        **_read_successor(data, created, "history.before."),
        sources=_read_sources(data, "history.before.sources"),
    )


def _text_or_none(value: object, field: str) -> str | None:
    return None if value is None else clean_text(value, field)
