"""From a request to its answer, whatever the transport."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import (
    Mem0LiteError,
    MemoryNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ValidationError,
)
from . import prompts, resources, schemas, tools
from .protocol import (
    ENVELOPE_VERSIONS,
    HANDSHAKE_VERSIONS,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    SERVER_INFO,
    Message,
    ProtocolError,
    Request,
    failure,
    notification,
    result,
)

if TYPE_CHECKING:
    from ..aio import AsyncMemory

Notify = Callable[[Message], None]

_PROGRESS_SECONDS = 1.0  # between two notifications while a call is running
_CAPABILITIES: Message = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}

_CURES: dict[type[Mem0LiteError], str] = {
    MemoryNotFoundError: "It may be deleted or expired. search_memories and get_memories return the ids that exist.",
    NotFoundError: "list_events returns the ids that exist.",
    PermissionDeniedError: "Leave user_id out, and name no other user in filters.",
}
"""What a model can do, where the error's own words name Python's verbs."""


_CALLERS_OWN = (ValidationError, NotFoundError, PermissionDeniedError, QuotaExceededError)
"""Errors that the caller has made and can mend."""


class Caller(NamedTuple):
    """Who asks, and of what memory."""

    memory: Callable[[], Awaitable["AsyncMemory"]]
    user_id: str
    """The user of calls that name nobody."""
    explain: Callable[[Exception], str]
    """Returns what the caller is told about an error that is not the caller's own."""
    read_only: bool = False

    def default(self, memory: "AsyncMemory") -> str:
        """Return the user of calls that name nobody: for a caller who reaches only one user, that one."""
        return memory.user_id or self.user_id


async def answer(request: Request, caller: Caller, notify: Notify) -> Message:
    """Return the message that answers a request; ``notify`` sends what is to be said before it.

    Raises nothing but CancelledError.
    """
    try:
        method = _METHODS.get(request.method)
        if method is None:
            raise ProtocolError(METHOD_NOT_FOUND, f"The method {request.method[:100]!r} is not known here.")
        return result(request, await method(request, caller, notify))
    except ProtocolError as error:
        return failure(request.id, error)
    except Mem0LiteError as error:
        code = INVALID_PARAMS if isinstance(error, _CALLERS_OWN) else INTERNAL_ERROR
        return failure(request.id, ProtocolError(code, _told(error, caller), _about(error)))
    except Exception as error:
        return failure(request.id, ProtocolError(INTERNAL_ERROR, caller.explain(error)))


def _told(error: Mem0LiteError, caller: Caller) -> str:
    """Return what is wrong and what to do about it."""
    if not isinstance(error, _CALLERS_OWN):
        return caller.explain(error)
    text = str(error).rstrip()
    cure = next((cure for kind, cure in _CURES.items() if isinstance(error, kind)), None)
    return text if cure is None else f"{text.rstrip('.')}. {cure}"


# -- the methods


async def _initialize(request: Request, caller: Caller, notify: Notify) -> Message:
    asked = request.params.get("protocolVersion")
    if not isinstance(asked, str):
        raise ProtocolError(INVALID_PARAMS, "protocolVersion must be a string.")
    return {
        "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
        "capabilities": _CAPABILITIES,
        "serverInfo": SERVER_INFO,
        "instructions": prompts.INSTRUCTIONS,
    }


async def _discover(request: Request, caller: Caller, notify: Notify) -> Message:
    return {
        "supportedVersions": [*ENVELOPE_VERSIONS],
        "capabilities": _CAPABILITIES,
        "instructions": prompts.INSTRUCTIONS,
    }


async def _ping(request: Request, caller: Caller, notify: Notify) -> Message:
    return {}


async def _list_tools(request: Request, caller: Caller, notify: Notify) -> Message:
    _no_cursor(request)
    return {"tools": tools.described(read_only=caller.read_only)}


async def _list_prompts(request: Request, caller: Caller, notify: Notify) -> Message:
    _no_cursor(request)
    return {"prompts": prompts.PROMPTS}


async def _get_prompt(request: Request, caller: Caller, notify: Notify) -> Message:
    memory = await caller.memory()
    named, given = request.params.get("name"), request.params.get("arguments")
    return await prompts.prompt(memory, named, given, caller.default(memory))


async def _list_templates(request: Request, caller: Caller, notify: Notify) -> Message:
    _no_cursor(request)
    return {"resourceTemplates": resources.TEMPLATES}


async def _list_resources(request: Request, caller: Caller, notify: Notify) -> Message:
    cursor = request.params.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise ProtocolError(INVALID_PARAMS, "cursor must be a string.")
    return await resources.listed(await caller.memory(), cursor)


async def _read_resource(request: Request, caller: Caller, notify: Notify) -> Message:
    uri = request.params.get("uri")
    if not isinstance(uri, str):
        raise ProtocolError(INVALID_PARAMS, "uri must be a string.")
    return await resources.contents(await caller.memory(), uri)


async def _complete(request: Request, caller: Caller, notify: Notify) -> Message:
    return await resources.completed(await caller.memory(), request.params.get("argument"))


def _no_cursor(request: Request) -> None:
    if request.params.get("cursor") is not None:
        raise ProtocolError(INVALID_PARAMS, "There is only one page: leave cursor out.")


async def _call_tool(request: Request, caller: Caller, notify: Notify) -> Message:
    name = request.params.get("name")
    tool = tools.BY_NAME.get(name) if isinstance(name, str) else None
    if tool is None:
        listed = ", ".join(tools.BY_NAME)
        raise ProtocolError(INVALID_PARAMS, f"Unknown tool {str(name)[:100]!r}. The tools are: {listed}.")
    work = _outcome(tool, request.params.get("arguments") or {}, caller)
    if request.progress_token is None:
        return await work
    return await _reporting(work, request.progress_token, notify)


async def _outcome(tool: tools.Tool, given: object, caller: Caller) -> Message:
    """Return what a tool answers. An error is an answer, too: the model reads it and can try again."""
    try:
        arguments = schemas.checked(tool.name, given, tool.schema)
        if caller.read_only and tool.writes:
            raise ValidationError(f"{tool.name} changes memories, and they are only read here.", field="name")
        memory = await caller.memory()
        answered = await tool.call(memory, arguments, caller.default(memory))
        # Also as text, for clients that do not give models what is structured.
        text = json.dumps(answered, ensure_ascii=False)
        return {"content": [_text(text)], "structuredContent": answered, "isError": False}
    except Mem0LiteError as error:
        return _failed(_told(error, caller), error)
    except Exception as error:
        return _failed(caller.explain(error), error)


def _failed(text: str, error: Exception) -> Message:
    return {"content": [_text(text)], "isError": True, "_meta": {"mem0lite/error": _about(error)}}


def _about(error: Exception) -> Message:
    """Return what programs want to know of an error."""
    kind = type(error).__name__ if isinstance(error, Mem0LiteError) else "InternalError"
    return {"type": kind, "field": getattr(error, "field", "") or None, "retry": isinstance(error, TimeoutError)}


def _text(text: str) -> Message:
    return {"type": "text", "text": text}


async def _reporting(work: Awaitable[Message], token: str | int, notify: Notify) -> Message:
    """Await a call, and tell the client every second that it goes on, so that the client does not give up."""
    task = asyncio.ensure_future(work)
    seconds = 0
    try:
        while not (await asyncio.wait([task], timeout=_PROGRESS_SECONDS))[0]:
            seconds += 1
            told = {"progressToken": token, "progress": seconds, "message": f"Working for {seconds} s."}
            notify(notification("notifications/progress", told))
        return task.result()
    finally:
        task.cancel()


_METHODS: dict[str, Callable[[Request, Caller, Notify], Awaitable[Message]]] = {
    "initialize": _initialize,
    "server/discover": _discover,
    "ping": _ping,
    "tools/list": _list_tools,
    "tools/call": _call_tool,
    "prompts/list": _list_prompts,
    "prompts/get": _get_prompt,
    "resources/list": _list_resources,
    "resources/templates/list": _list_templates,
    "resources/read": _read_resource,
    "completion/complete": _complete,
}
