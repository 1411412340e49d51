"""The API keys that the store keeps, at the addresses where mem0's server has its own."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import JSONBody, Parameter

from ... import types
from .. import responses
from ..auth import admin_key_only
from ..requests import KeyCreate
from ..routing import DONE, Answer, Answers, Memory, answers, body

KEYS = "api-keys"
KeyId = Annotated[str, Parameter(description="Id of the API key.")]


@get(
    "/api-keys",
    tags=[KEYS],
    summary="List API keys",
    guards=[admin_key_only],
    responses=answers(list[types.Key], "The keys, without what callers send"),
)
async def list_keys(memory: Memory) -> Answers:
    """List the keys that the store keeps, oldest first. Those of the server's settings are not among them."""
    return await memory.get_keys()


@post(
    "/api-keys",
    status_code=201,
    tags=[KEYS],
    summary="Create an API key",
    guards=[admin_key_only],
    responses=answers(responses.CreatedKeyResponse, "The key, which is not shown again", 422, done=201),
    operation_class=body({"label": "The shop's agent", "user_id": "alice"}),
)
async def create_key(memory: Memory, data: JSONBody[KeyCreate]) -> Answer:
    """Make a key, for everything or for one user. It works at once, on every worker."""
    return await memory.create_key(label=data.label, user_id=data.user_id, ttl=data.ttl, expires_at=data.expires_at)


@delete(
    "/api-keys/{key_id:str}",
    status_code=200,
    tags=[KEYS],
    summary="Revoke an API key",
    guards=[admin_key_only],
    responses=answers(*DONE, 404),
)
async def revoke_key(memory: Memory, key_id: KeyId) -> Answer:
    """Remove a key. It is refused from the next request on, by every worker."""
    return await memory.revoke_key(key_id)


HANDLERS = (list_keys, create_key, revoke_key)
