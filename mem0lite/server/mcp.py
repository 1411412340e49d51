"""``/mcp``: the memory for language models, over MCP's streamable HTTP.

There are no sessions: every request is answered on its own, by any process. An answer is JSON, or a stream of events if
the client wants to be told about the progress of a call.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from litestar import Response, Router, post
from litestar.exceptions import ClientException
from litestar.response import Stream

from ..errors import PermissionDeniedError
from ..mcp.dispatch import Caller, answer
from ..mcp.protocol import (
    METHOD_NOT_FOUND,
    Message,
    ProtocolError,
    Request,
    check_envelope,
    failure,
    id_in,
    read,
    written,
)
from ..values import clean_id
from .backend import Backend
from .bodies import json_of
from .errors import described
from .guards import exact_path, rules
from .routing import AnyRequest, Memory, Server, dependencies

_JSON, _EVENTS = "application/json", "text/event-stream"


def create_router(backend: Backend) -> Router:
    """Return the route ``/mcp``."""
    return Router(
        "/",
        route_handlers=[mcp],
        dependencies=dependencies(backend),
        opt=rules(exact_path),
        include_in_schema=False,
    )


@post("/mcp", status_code=200)
async def mcp(request: AnyRequest, memory: Memory, server: Server) -> Response[Any]:
    """Answer one message of an MCP client."""
    text = json_of(await request.body(), request)
    try:
        message = _read(text, request.headers)
    except ProtocolError as error:
        return _written(failure(id_in(text), error), 400)
    if message is None:
        return Response(b"", status_code=202, media_type="text/plain")
    caller = _caller(request, memory, server)
    if message.progress_token is not None and message.method == "tools/call" and _EVENTS in _accepted(request):
        unbuffered = {"X-Accel-Buffering": "no"}  # by nginx, which would hold events back
        return Stream(_events(message, caller), media_type=_EVENTS, headers=unbuffered)
    answered = await answer(message, caller, _nobody)
    unknown = answered.get("error", {}).get("code") == METHOD_NOT_FOUND and message.version is not None
    return _written(answered, 404 if unknown else 200)


def _read(text: bytes, headers: Mapping[str, str]) -> Request | None:
    """Return the request of a body; None for what needs no answer. Raises ProtocolError."""
    message = read(text)
    if message is None or message.id is None:
        # A client cancels by hanging up. A notification of it names only an id, which may be another client's, too.
        return None
    check_envelope(message, headers)
    return message


def _caller(request: AnyRequest, memory: Memory, backend: Backend) -> Caller:
    """Return who asks. The address may name the user of calls that name nobody, for one client of several."""
    if unknown := sorted(set(request.query_params) - {"user_id"}):
        raise ClientException(f"Invalid {unknown[0][:100]!r}: unknown parameter. /mcp takes only user_id.")
    named = request.query_params.get("user_id")
    user_id = backend.settings.mcp_user_id if named is None else clean_id(named, "user_id")
    if named is not None and memory.user_id not in (None, user_id):
        raise PermissionDeniedError("This API key is only for the memories of one user: leave user_id out.")

    async def opened() -> Memory:
        return memory

    return Caller(opened, user_id, lambda error: described(request, error), memory.memory.read_only)


def _accepted(request: AnyRequest) -> str:
    return request.headers.get("accept", "").lower()


def _nobody(message: Message) -> None:
    """Drop a notification: an answer in JSON has no room for it."""


async def _events(message: Request, caller: Caller) -> AsyncIterator[bytes]:
    """Yield the notifications of a call and then its answer. The call stops when nobody reads any more."""
    sent: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(answer(message, caller, sent.put_nowait))
    task.add_done_callback(lambda done: None if done.cancelled() else sent.put_nowait(done.result()))
    try:
        while True:
            one = await sent.get()
            yield b"event: message\ndata: " + written(one) + b"\n\n"
            if "id" in one:
                return
    finally:
        task.cancel()


def _written(message: Message, status: int) -> Response[bytes]:
    return Response(written(message), status_code=status, media_type=_JSON)
