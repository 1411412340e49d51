"""Summaries and profiles, which a server with a language model answers; any other says 501."""

from typing import Any

import msgspec
from litestar import post

from ...errors import ValidationError
from ..ignored import note_fields, unnote
from ..routing import NOT_HERE, Answer, AnyRequest, Memory, unserved
from .exports import filters_of_export
from .requests import ExportFilters
from .unavailable import PROFILES, SUMMARIES, NotHereError


@post(
    "/v1/summary",
    status_code=200,
    tags=[NOT_HERE],
    summary="Summarize memories",
    description="Have the server's language model summarize the memories that match `filters`, or, with `kind` "
    "`profile`, describe the person that they are about. A server without one answers 501.",
    responses=unserved(SUMMARIES),
)
async def hosted_summary(request: AnyRequest, memory: Memory) -> Answer:
    """Have the server's language model summarize memories, or describe a person, if ``kind`` is "profile"."""
    if not memory.memory.has_model:
        raise NotHereError(detail=SUMMARIES)
    unnote(request, "body")  # which is read here, and not before a server without a model has answered
    given: Any = await request.json()
    if not isinstance(given, dict):
        raise ValidationError("Invalid body: must be an object with filters.", field="filters")
    kind = given.pop("kind", None)  # ours
    note_fields(request, given, ExportFilters)
    fields = {name: one for name, one in given.items() if name in ExportFilters.__struct_fields__}
    try:
        asked = msgspec.convert(fields, ExportFilters)
    except msgspec.ValidationError as error:
        raise ValidationError(f"Invalid filters or ids: {error}.", field="filters") from None
    written = await memory.summary(filters=filters_of_export(memory, asked), kind="summary" if kind is None else kind)
    return {"status": "SUCCEEDED", **written}


async def profile(memory: Memory, entity_type: str, name: str) -> dict[str, Any]:
    """Return the profile of a user, agent, run or app, as mem0's clients read it."""
    if not memory.memory.has_model:
        raise NotHereError(detail=PROFILES)
    of: dict[str, Any] = {f"{entity_type}_id": name}
    written = await memory.summary(**of, kind="profile")
    status = "succeeded" if written["memories"] else "insufficient_data"
    return {
        "profile": written["summary"],
        "status": status,
        "entity_type": entity_type,
        "entity_id": name,
        "updated_at": written["updated_at"],
        "generation_count": written["times"] if written["memories"] else 0,
    }


HANDLERS = (hosted_summary,)
