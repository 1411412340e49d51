"""JSON lines: how memories leave a store and come back. Pure."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast, get_args

from .errors import ValidationError
from .messages import optional_text
from .records import Change, Record, Scope
from .types import Event
from .values import clean_feedback, clean_id, clean_metadata, clean_scope, clean_text, text_hash, to_micros

Lifetime = Callable[[Record, Any, int | None], Record]
"""Returns a record with its expiry, from its expiration date and the instant of its expiry, where known."""


def to_line(record: Record, changes: Iterable[Change]) -> str:
    """Return a memory with its history as one line of JSON."""
    item = {**record.to_item(), "history": [change.to_item(record.id) for change in changes]}
    return json.dumps(item, ensure_ascii=False) + "\n"


def read_lines(
    lines: Iterable[str], scope: Mapping[str, object], now: int, lifetime: Lifetime
) -> Iterator[tuple[Record, list[Change]]]:
    """Yield the memories of JSON lines and the histories they bring; ``scope`` stands in for ids a line lacks.

    Raises ValidationError naming the line.
    """
    for number, line in enumerate(lines, start=1):
        try:
            if not isinstance(line, str):
                raise ValidationError("must be text.", field="line")
            if not line.strip():
                continue
            data = json.loads(line)
            if not isinstance(data, dict):
                raise ValidationError("must be a JSON object.", field="line")
            yield read_item(data, scope, now, lifetime)
        except ValidationError as error:
            raise ValidationError(f"Line {number}: {error}", field=error.field) from None
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"Line {number}: not valid JSON: {error}", field="line") from None


def read_item(
    data: dict[str, Any], scope: Mapping[str, object], now: int, lifetime: Lifetime
) -> tuple[Record, list[Change]]:
    """Return the memory of one line and its history. Raises ValidationError."""
    text = clean_text(data.get("memory", data.get("text")), "memory")
    created = now if data.get("created_at") is None else to_micros(data["created_at"], "created_at")
    feedback, reason = clean_feedback(data.get("feedback"), data.get("feedback_reason"))
    record = Record(
        id=str(uuid.uuid4()) if data.get("id") is None else clean_id(data["id"], "id"),
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
    )
    expires_at = None if data.get("expires_at") is None else to_micros(data["expires_at"], "expires_at")
    history = data.get("history") or []
    if not isinstance(history, list):
        raise ValidationError("Invalid history: must be a list of changes.", field="history")
    record = lifetime(record, data.get("expiration_date"), expires_at)
    return record, [_read_change(change) for change in history]


def _read_change(data: object) -> Change:
    if not isinstance(data, dict) or data.get("event") not in get_args(Event):
        raise ValidationError(f"Invalid history: needs objects with an event of {get_args(Event)}.", field="history")
    created = to_micros(data.get("created_at"), "history.created_at")
    feedback, reason = clean_feedback(data.get("feedback"), data.get("feedback_reason"), "history.")
    return Change(
        id=str(uuid.uuid4()) if data.get("id") is None else clean_id(data["id"], "history.id"),
        event=cast("Event", data["event"]),
        old_memory=_text_or_none(data.get("old_memory"), "history.old_memory"),
        new_memory=_text_or_none(data.get("new_memory"), "history.new_memory"),
        created_at=created,
        updated_at=created if data.get("updated_at") is None else to_micros(data["updated_at"], "history.updated_at"),
        actor_id=optional_text(data.get("actor_id"), "history.actor_id"),
        role=optional_text(data.get("role"), "history.role"),
        feedback=feedback,
        feedback_reason=reason,
    )


def _text_or_none(value: object, field: str) -> str | None:
    return None if value is None else clean_text(value, field)
