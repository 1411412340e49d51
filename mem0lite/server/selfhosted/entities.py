"""The self-hosted API's users, agents, runs and apps: who has memories."""

from typing import Annotated, Literal

from litestar import delete, get
from litestar.params import Parameter

from ... import types
from ..ignored import refuse_noted
from ..routing import (
    DONE,
    Answer,
    Answers,
    AnyRequest,
    Memory,
    answers,
    exact_scope,
)
from .selecting import refuse_unknown


@get(
    "/entities",
    tags=["entities"],
    summary="List users, agents, runs and apps",
    responses=answers(list[types.Entity], "The users, agents, runs and apps"),
)
async def list_entities(memory: Memory) -> Answers:
    """List every user, agent, run and app that has memories."""
    return await memory.entities()


@delete(
    "/entities/{entity_type:str}/{entity_id:str}",
    status_code=200,
    tags=["entities"],
    summary="Delete a user, agent, run or app",
    responses=answers(*DONE, 422),
)
async def delete_entity(
    request: AnyRequest,
    memory: Memory,
    entity_type: Annotated[Literal["user", "agent", "run", "app"], Parameter(description="What it is.")],
    entity_id: Annotated[str, Parameter(description="Its id.")],
) -> Answer:
    """Delete every memory of one user, agent, run or app; histories are kept."""
    refuse_unknown(request.query_params, (), "Encode the id.")
    refuse_noted(request)
    await memory.delete_all(**exact_scope(**{f"{entity_type}_id": entity_id}))
    return {"message": "Entity deleted"}


HANDLERS = (list_entities, delete_entity)
