"""Summaries and profiles, which a language model writes: they are kept, and written again when what they rest on
changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from ..data.filters import Expression, as_json
from ..data.jsonl import Beside
from ..data.records import Record
from ..errors import ValidationError
from ..llm.protocol import LanguageModel
from ..llm.summaries import summarize
from ..store import Store, Visible
from ..types import SummaryResult
from ..values import add_micros, seconds_to_micros, shown, to_iso
from .drawing import wishes_of
from .wishing import readable

KIND = "summary"
"""The kind of the documents. A store removes them with the scopes that they name, as it does exports."""
MOST = 500
"""Memories that a summary rests on, the newest ones."""

_LIFETIME = seconds_to_micros(timedelta(days=30), "lifetime")


def clean_kind(kind: object) -> Literal["summary", "profile"]:
    """Return what is to be written."""
    if kind == "summary":
        return "summary"
    if kind == "profile":
        return "profile"
    raise ValidationError(f"Invalid kind: {shown(kind)}. Must be 'summary' or 'profile'.", field="kind")


def written(
    store: Store,
    model: LanguageModel,
    expression: Expression,
    asked: Mapping[str, Any],
    kind: Literal["summary", "profile"],
    now: int,
) -> SummaryResult:
    """Return a summary of the memories that match; ``asked`` is what it is kept under."""
    records, total = _rested_on(store, Visible(expression, now, latest=True))
    wishes = readable(store.document("project", "") or {})
    name = _digest([kind, as_json(asked)])
    state = _digest([[one.id, one.hash, one.updated_at] for one in records] + [wishes])
    kept = store.document(KIND, name)
    if kept is None or kept["state"] != state:
        text, _ = summarize(model, [one.indexed_text for one in records], kind=kind, wishes=wishes_of(wishes))
        kept = {
            "state": state,
            "text": text,
            "made_at": now,
            "times": 1 if kept is None else kept["times"] + 1,
            "names": [dict(pairs) for pairs in sorted({tuple(one.scope.ids().items()) for one in records})],
            "user_id": None,
            "expires_at": add_micros(now, _LIFETIME, "clock"),
        }
        if records and not store.read_only:
            made = kept
            store.change_document(KIND, name, lambda _: made)
    return {
        "summary": kept["text"],
        "memories": len(records),
        "total": total,
        "updated_at": to_iso(kept["made_at"]),
        "times": kept["times"],
    }


def _rested_on(store: Store, visible: Visible) -> tuple[list[Record], int]:
    """Return the newest memories, the oldest of them first, and how many there are. What facts were drawn from is left
    out: the facts say it."""
    with store.scanning(visible, bounded=True) as found:
        records = [one[0] for one in found if not isinstance(one, Beside)]
    told = {source for one in records for source in one.sources or ()}
    records = sorted((one for one in records if one.id not in told), key=lambda one: one.created_at)
    return records[-MOST:], len(records)


def _digest(value: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
