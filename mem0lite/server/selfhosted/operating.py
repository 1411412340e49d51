"""What operators of a self-hosted server do: remove everything, erase a user, and change settings."""

import math

from litestar import get, post
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from ...errors import ValidationError
from .. import responses
from ..auth import admin_only
from ..ignored import Connection
from ..parameters import (
    AgentId,
    AppId,
    RunId,
    UserId,
)
from ..requests import ConfigurationUpdate, ErasedScope, ResetScope
from ..routing import (
    DONE,
    Answer,
    AnyRequest,
    Memory,
    Server,
    answers,
    body,
    exact_scope,
    given,
)
from .selecting import refuse_unknown


@post(
    "/reset",
    status_code=200,
    tags=["server"],
    summary="Remove everything, or a scope",
    responses=answers(*DONE, 422),
    operation_class=body({"user_id": "alice"}, required=False),
)
async def reset(
    request: AnyRequest,
    memory: Memory,
    data: JSONBody[ResetScope | None] = None,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
) -> Answer:
    """Remove the memories and the histories of a user, agent, run or app, named in the body or in the query. Without
    both, everything is removed. Any other field or parameter is refused.
    """
    refuse_unknown(request.query_params)
    wanted = {} if data is None else given(data)
    scope = exact_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    for name, value in exact_scope(**wanted).items():
        if scope.setdefault(name, value) != value:
            raise ClientException(f"Nothing was removed: the body and the query name two values of {name}.")
    if wanted and not scope:
        raise ClientException("Nothing was removed: every id is null. Leave the body out to remove everything.")
    await memory.reset(**scope)
    return {"message": "All memories reset"}


async def _nothing_in_the_query(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse ids in the query before the body is missed; a guard."""
    refuse_unknown(connection.query_params, (), 'Name whom to erase in the body, such as {"user_id": "alice"}.')


@post(
    "/erase",
    status_code=200,
    tags=["server"],
    summary="Erase a user, agent, run or app from the file",
    guards=[admin_only, _nothing_in_the_query],
    responses=answers(responses.ErasureReceipt, "The receipt", 422),
    operation_class=body({"user_id": "alice"}),
)
async def erase(memory: Memory, data: JSONBody[ErasedScope]) -> Answer:
    """Remove a user, agent, run or app from the bytes of the file, including all older copies in it, and return a
    receipt.

    This rewrites the file, which takes as long as copying it. At least one id is required.
    """
    return await memory.erase(**exact_scope(**given(data)))


@get(
    "/configure",
    tags=["server"],
    summary="Get the settings",
    guards=[admin_only],
    responses=answers(responses.Configuration, "The settings"),
)
async def get_configuration(server: Server) -> Answer:
    """Get the settings of the server. No setting is secret."""
    return await server.configuration()


@post(
    "/configure",
    status_code=200,
    tags=["server"],
    summary="Change the settings",
    guards=[admin_only],
    responses=answers(*DONE, 422),
    operation_class=body({"vacuum_interval_seconds": 60}),
)
async def configure(server: Server, data: JSONBody[ConfigurationUpdate]) -> Answer:
    """Change a setting until the server stops."""
    if isinstance(interval := data.vacuum_interval_seconds, float):
        if not 0 <= interval < math.inf:
            raise ValidationError(
                f"Invalid vacuum_interval_seconds: {interval:g}. Must be 0 (never) or more.",
                field="vacuum_interval_seconds",
            )
        await server.change_vacuum_interval(interval)
    return {"message": "Configuration set successfully"}


HANDLERS = (reset, erase, get_configuration, configure)
