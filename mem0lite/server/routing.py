"""What the routes of both APIs share: their dependencies, and the documentation of their answers."""

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
"""What handlers return. The OpenAPI document takes their shapes from ``responses=``."""

Memory = NamedDependency[SkipValidation[AsyncMemory]]
Server = NamedDependency[SkipValidation[Backend]]

NOT_HERE = "hosted: not available"
"""The tag, in the OpenAPI document, of routes that only say why they do nothing."""


def dependencies(backend: Backend) -> dict[str, Provide]:
    """Return what handlers ask for: ``backend``, and its memory as far as the caller may reach it."""

    # Functions, not bound methods: Litestar makes deep copies of routers, but does not copy functions.
    async def memory(request: AnyRequest) -> AsyncMemory:
        asking = caller(request)
        turns = backend.turns.of(asking.name, asking.user_id, request.receive)
        shown = asking.view(await backend.memory())
        return shown._shared(turns, backend.settings.statement_timeout_seconds or None, backend.work_soon)

    async def server() -> Backend:
        return backend

    return {"memory": Provide(memory), "server": Provide(server)}


def answers(container: Any, description: str, *refusals: int, done: int = 200) -> dict[int, ResponseSpec]:
    """Return the documentation of a route's responses: the answer, and the refusals by status."""
    documented = {done: ResponseSpec(container, description=description, generate_examples=False)}
    for status in (400, 401, 403, *refusals, 429, 502, 503):
        kind = responses.HTTPValidationError if status == 422 else responses.ErrorResponse
        documented[status] = ResponseSpec(kind, description=_REFUSALS[status], generate_examples=False)
    return documented


def unserved(reason: str) -> dict[int, ResponseSpec]:
    """Return the documentation of a route that only says why it does nothing, with status 501."""
    described = {**{status: _REFUSALS[status] for status in (401, 403, 429)}, 501: reason}
    return {
        status: ResponseSpec(responses.ErrorResponse, description=description, generate_examples=False)
        for status, description in described.items()
    }


_REFUSALS = {
    400: "A value is not acceptable",
    401: "The API key is missing or wrong",
    403: "The API key is for another user, or the request comes from a page of another site",
    404: "No such memory",
    422: "Validation Error",
    429: "Too many requests; the header Retry-After says in how many seconds there is room for one",
    502: "The store cannot be used; the server's log says why",
    503: "The store is busy, closed or read-only, the request took too long, or too many of the caller are waiting",
}
DONE = (responses.MessageResponse, "Done")
"""The shape and the description of an answer that has nothing to return."""


def body(example: dict[str, Any], *, required: bool = True) -> type[Operation]:
    """Return the documentation of a route, with an example of its body."""

    @dataclass
    class WithExample(Operation):
        def __post_init__(self) -> None:
            content = cast("RequestBody", self.request_body)
            content.required = required
            for one in content.content.values():
                one.example = example

    return WithExample


def or_text(*media_types: str) -> type[Operation]:
    """Return the documentation of a route that can also answer with text of these media types."""

    @dataclass
    class WithTexts(Operation):
        def __post_init__(self) -> None:
            answer = cast("OpenAPIResponse", (self.responses or {})["200"])
            for media_type in media_types:
                cast("dict[str, OpenAPIMediaType]", answer.content)[media_type] = OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING)
                )

    return WithTexts


def text_only(media_type: str) -> type[Operation]:
    """Return the documentation of a route that answers with text of one media type."""

    @dataclass
    class WithText(Operation):
        def __post_init__(self) -> None:
            answer = cast("OpenAPIResponse", (self.responses or {})["200"])
            answer.content = {media_type: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))}

    return WithText


def given(data: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that a request's body gave, including those that are null."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}


def exact_scope(**ids: str | None) -> dict[str, Any]:
    """Return the ids that are given, for a deletion. It refuses ``*``, which means any id elsewhere."""
    return {name: clean_id(value, name) for name, value in ids.items() if value is not None}
