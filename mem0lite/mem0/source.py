"""What reading folders and reading servers share: a memory as a source has it, in the shape of our JSON lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Item = dict[str, Any]
Report = Callable[[str | None, str, str], None]
"""Takes the id, the part of the source and the problem of something that is left behind."""

CHUNK = 256
"""How many rows are read from a file, and histories asked for, before they are handed on."""

_CHANGE = (
    *("id", "event", "old_memory", "new_memory", "created_at", "updated_at", "actor_id", "role"),
    *("feedback", "feedback_reason", "superseded_by", "valid_to"),
)
_OLD_NAMES = {"old_memory": "prev_value", "new_memory": "new_value", "created_at": "timestamp"}  # of mem0 before 0.1


@dataclass(frozen=True, slots=True)
class Found:
    """One memory of a source, as a JSON line holds it. Of a deleted one only the history counts."""

    where: str
    item: Item
    deleted: bool = False


class Source(Protocol):
    """Where memories come from."""

    total: int
    """How many memories are expected, as far as is known by now."""

    def found(self) -> Iterator[Found]:
        """Yield every memory. Raises Mem0LiteError for a source that cannot be read on."""


def filled(row: Mapping[str, Any], names: Iterable[str]) -> Item:
    """Return what a row has under these names, without values that say nothing."""
    return {name: row[name] for name in names if row.get(name) not in (None, "")}


def to_history(rows: Iterable[Item], item: Mapping[str, Any]) -> list[Item]:
    """Return the rows of a history in our shape; dates that some versions leave out are taken from what is near."""
    history: list[Item] = []
    before = None
    for row in rows:
        change = filled({**{new: row.get(old) for new, old in _OLD_NAMES.items()}, **row}, _CHANGE)
        near = change.get("updated_at") or before or item.get("updated_at") or item.get("created_at")
        change.setdefault("created_at", near)
        before = change.get("updated_at") or change["created_at"]
        history.append(change)
    return history


def with_extras(item: Item, extras: Mapping[str, Any]) -> Item:
    """Return the item with what we have no field for added to its metadata, under names that are not in use there."""
    metadata = item.get("metadata")
    if extras and (metadata is None or isinstance(metadata, dict)):
        item["metadata"] = {**extras, **(metadata or {})}
    return item
