"""What the routes of every surface are made with: their dependencies, and the documentation of their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import SkipValidation

from ..aio import AsyncMemory
from ..values import clean_id
from . import responses
from .auth import caller
from .backend import Backend

AnyRequest = Request[Any, Any, Any]
Answer = Mapping[str, object]
Answers = Sequence[Answer]
"""What handlers return. The OpenAPI document takes the shapes from ``responses=``, which describe each field."""

Memory = NamedDependency[SkipValidation[AsyncMemory]]
Server = NamedDependency[SkipValidation[Backend]]

NOT_HERE = "hosted: not here"
"""The tag of the routes that say why they do nothing, in the OpenAPI document."""


def dependencies(backend: Backend) -> dict[str, Provide]:
    """Return what the handlers ask for: what the caller may reach of ``backend``'s memory, and ``backend``."""

    # Functions rather than bound methods, because Litestar copies routers deeply and functions not at all.
    async def memory(request: AnyRequest) -> AsyncMemory:
        asking = caller(request)
        turns = backend.turns.of(asking.name, asking.user_id, request.receive)
        return asking.view(await backend.memory())._shared(turns, backend.settings.statement_timeout_seconds or None)

    async def server() -> Backend:
        return backend

    return {"memory": Provide(memory), "server": Provide(server)}


def answers(container: Any, description: str, *refusals: int) -> dict[int, ResponseSpec]:
    """Return the documentation of a route's responses."""
    documented = {200: ResponseSpec(container, description=description, generate_examples=False)}
    for status in (400, 401, 403, *refusals, 502, 503):
        kind = responses.HTTPValidationError if status == 422 else responses.ErrorResponse
        documented[status] = ResponseSpec(kind, description=_REFUSALS[status], generate_examples=False)
    return documented


def unserved(reason: str) -> dict[int, ResponseSpec]:
    """Return the documentation of a route that does nothing but say why, with status 501."""
    described = {**{status: _REFUSALS[status] for status in (401, 403)}, 501: reason}
    return {
        status: ResponseSpec(responses.ErrorResponse, description=description, generate_examples=False)
        for status, description in described.items()
    }


_REFUSALS = {
    400: "A value cannot be accepted",
    401: "No API key, or not one of this server's",
    403: "The API key is another user's, or the request comes from another site's page",
    404: "No such memory",
    422: "Validation Error",
    502: "The store cannot be used, and the server's log tells why",
    503: "The store is busy, closed or read-only, or the request read for too long, or too many of the caller wait",
}
DONE = (responses.MessageResponse, "Done")
"""The container and the description of an answer that has nothing to return."""


def body(example: dict[str, Any], *, required: bool = True) -> type[Operation]:
    """Return the documentation of a route whose body is for example this one."""

    @dataclass
    class WithExample(Operation):
        def __post_init__(self) -> None:
            content = cast("RequestBody", self.request_body)
            content.required = required
            for one in content.content.values():
                one.example = example

    return WithExample


def or_text(*media_types: str) -> type[Operation]:
    """Return the documentation of a route that may also answer with texts of these types."""

    @dataclass
    class WithTexts(Operation):
        def __post_init__(self) -> None:
            answer = cast("OpenAPIResponse", (self.responses or {})["200"])
            for media_type in media_types:
                cast("dict[str, OpenAPIMediaType]", answer.content)[media_type] = OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING)
                )

    return WithTexts


def given(data: msgspec.Struct) -> dict[str, Any]:
    """Return the fields a request's body gave, null ones too."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}


def exact_scope(**ids: str | None) -> dict[str, Any]:
    """Return the ids that are given, for what deletes: ``*``, which elsewhere means any id, is refused."""
    return {name: clean_id(value, name) for name, value in ids.items() if value is not None}
