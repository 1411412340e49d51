"""The hosted API's exports: memories with the fields of a schema."""

from typing import Annotated, Any

from litestar import get, post
from litestar.params import JSONBody, Parameter

from ...values import argument_id
from ..guards import SLASH_OR_NONE
from ..parameters import (
    AgentId,
    AppId,
    Filters,
    RunId,
    SessionId,
    UserId,
    joined,
    read_object,
)
from ..routing import Answer, Memory, answers, body
from . import responses
from .requests import ExportFilters, ExportQuery, ExportRequest
from .scopes import scope_in, spelled

EXPORTS = "hosted: exports"


@post(
    "/v1/exports",
    status_code=200,
    tags=[EXPORTS],
    summary="Create an export",
    responses=answers(responses.ExportMade, "The export", 422),
    operation_class=body({"schema": {"properties": {"memory": {}}}, "filters": {"user_id": "alice"}}),
)
async def hosted_create_export(memory: Memory, data: JSONBody[ExportRequest]) -> Answer:
    """Create an export: the memories that match the filters, with the fields of a JSON schema."""
    made = await memory.create_memory_export(data.schema, filters_of_export(memory, data))
    return {**made, "status": "SUCCEEDED"}


@post(
    "/v1/exports/get",
    status_code=200,
    opt=SLASH_OR_NONE,
    tags=[EXPORTS],
    summary="Read an export",
    responses=answers(responses.Exported, "The memories", 404, 422),
    operation_class=body({"filters": {"user_id": "alice"}}),
)
async def hosted_get_export(memory: Memory, data: JSONBody[ExportQuery]) -> Answer:
    """Read the memories of an export, or those of a filter, as they are now."""
    return await memory.get_memory_export(data.memory_export_id, filters_of_export(memory, data))


@get(
    "/v1/exports",
    tags=[EXPORTS],
    summary="Read an export (id in the query)",
    responses=answers(responses.Exported, "The memories", 404, 422),
)
async def hosted_read_export(
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
    filters: Filters = None,
    memory_export_id: Annotated[str | None, Parameter(description="Id of the export.")] = None,
) -> Answer:
    """Read the memories of an export, or those of a filter, as they are now."""
    wanted = ExportFilters(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        session_id=session_id,
        filters=read_object(filters, "filters"),
    )
    return await memory.get_memory_export(memory_export_id, filters_of_export(memory, wanted))


def filters_of_export(memory: Memory, data: ExportFilters) -> dict[str, Any] | None:
    """Return the filter that a request names, with its ids."""
    ids = scope_in(data)
    if memory.user_id is None:  # a view refuses "*" itself, in filters too
        ids = {name: argument_id(value, name) for name, value in ids.items()}
    return joined(ids, spelled(data.filters or {})) or None


HANDLERS = (hosted_create_export, hosted_get_export, hosted_read_export)
