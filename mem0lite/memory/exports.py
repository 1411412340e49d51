"""Memory exports, as the hosted API of mem0 has them: a schema is kept, and filled with memories when it is asked for.

Exports to files are in ``transfer``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..comparison import nfc
from ..data.filters import as_json
from ..data.jsonl import Beside
from ..errors import NotFoundError, ValidationError
from ..store import Store, Visible
from ..types import MemoryExport, MemoryExportRequest, MemoryItem
from ..values import add_micros, asked_id, clean_metadata, new_id, seconds_to_micros, shown, written
from .owner import NO_IDS, Owner

MAX_EXPORT_FIELDS = 200
"""Fields that an export made by ``create_memory_export`` may have."""
MAX_EXPORT_FIELD_LENGTH = 200
"""Characters of the name of such a field."""
MAX_EXPORT_CHARACTERS = 50_000_000
"""Characters of what ``get_memory_export`` answers, which is held in memory as a whole."""

_LIFETIME = seconds_to_micros(timedelta(days=7), "lifetime")


def create(
    store: Store, owner: Owner, schema: Mapping[str, Any] | str, filters: Mapping[str, Any] | None, now: int
) -> MemoryExportRequest:
    """Keep an export for a week."""
    fields = _fields(schema)
    owner.asked(filters, *NO_IDS)
    export_id = new_id()
    export = {
        "fields": fields,
        "filters": as_json(filters),
        "user_id": owner.user_id,
        "expires_at": add_micros(now, _LIFETIME, "clock"),
    }
    store.change_document("export", export_id, lambda _: export)
    return {"id": export_id, "message": "The export is ready."}


def fill(
    store: Store, owner: Owner, export_id: str | None, filters: Mapping[str, Any] | None, now: int
) -> MemoryExport:
    """Return the memories of an export, or of a filter."""
    fields: Sequence[str] = ()
    whose = None
    if export_id is not None:
        export = _kept(store, owner, asked_id(export_id, "memory_export_id"), now)
        fields, filters, whose = _bounded_fields(export["fields"]), export["filters"], export["user_id"]
    expression = owner.asked(filters, whose, None, None, None)
    with store.scanning(Visible(expression, now, latest=True), bounded=True) as found:
        memories = (_filled(one[0].to_item(), fields) for one in found if not isinstance(one, Beside))
        return {"memories": list(_bounded(memories))}


def _kept(store: Store, owner: Owner, export_id: str, now: int) -> Mapping[str, Any]:
    export = store.document("export", export_id)
    hidden = export is None or export["expires_at"] <= now
    if export is None or hidden or owner.user_id not in (None, nfc(export["user_id"] or "")):
        raise NotFoundError(f"Memory export with id {written(export_id)} not found.")
    return export


def _fields(schema: object) -> list[str]:
    """Return the names of the fields that a JSON schema, or an object of fields, asks for."""
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"Invalid schema: not valid JSON: {error}", field="schema") from None
    fields = clean_metadata(schema, "schema")
    properties = fields.get("properties", {} if fields.get("type") == "object" else fields)
    if not isinstance(properties, Mapping):
        raise ValidationError("Invalid schema: properties must be an object.", field="schema")
    return _bounded_fields(list(properties))


def _bounded_fields(fields: list[str]) -> list[str]:
    """Return the names of an export's fields. An export that was kept before there were bounds is checked, too."""
    if len(fields) > MAX_EXPORT_FIELDS:
        raise ValidationError(
            f"Invalid schema: {len(fields)} fields, at most {MAX_EXPORT_FIELDS} are allowed. Leave some out, or all "
            "for whole memories.",
            field="schema",
        )
    longest = max(fields, key=len, default="")
    if len(longest) > MAX_EXPORT_FIELD_LENGTH:
        raise ValidationError(
            f"Invalid schema: the name of field {shown(longest[:20])}… has {len(longest)} characters, at most "
            f"{MAX_EXPORT_FIELD_LENGTH} are allowed. Shorten it.",
            field="schema",
        )
    return fields


def _bounded(memories: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the memories of an export; raise ValidationError once its JSON would be longer than it may be."""
    length = 0
    for memory in memories:
        length += len(json.dumps(memory, ensure_ascii=False))
        if length > MAX_EXPORT_CHARACTERS:
            raise ValidationError(
                f"The export would have more than {MAX_EXPORT_CHARACTERS} characters. Narrow its filters or leave "
                "fields out, or export to a file, which may have any size.",
                field="filters",
            )
        yield memory


def _filled(item: MemoryItem, fields: Sequence[str]) -> dict[str, Any]:
    values = {**{nfc(name): value for name, value in (item["metadata"] or {}).items()}, **item}
    return {name: values.get(name) for name in fields} if fields else {**item}
