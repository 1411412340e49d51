"""Memories as resources: ``memory://USER`` lists those of a user, ``memory://USER/ID`` is one of them.

Everything in an address but letters, digits and ``-._~`` is percent-encoded, so that any id fits into it, slashes too.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from ..errors import ValidationError
from .protocol import INVALID_PARAMS, RESOURCE_NOT_FOUND, ProtocolError, written

if TYPE_CHECKING:
    from ..aio import AsyncMemory

_SCHEME = "memory://"
_PAGE = 100  # resources or memories at a time
_JSON = "application/json"

TEMPLATES = [
    {
        "uriTemplate": f"{_SCHEME}{{user_id}}",
        "name": "memories",
        "title": "Memories of a user",
        "description": f"The newest {_PAGE} memories of a user. If there are more, next is the address of the others.",
        "mimeType": _JSON,
    },
    {
        "uriTemplate": f"{_SCHEME}{{user_id}}/{{memory_id}}",
        "name": "memory",
        "title": "One memory of a user",
        "description": "One memory, with its dates and metadata.",
        "mimeType": _JSON,
    },
]


def address(user_id: str, memory_id: str | None = None) -> str:
    """Return the address of a user's memories, or of one of them.

    >>> address("team/ann", "1"), address("José")
    ('memory://team%2Fann/1', 'memory://Jos%C3%A9')
    """
    return _SCHEME + "/".join(quote(part, safe="") for part in (user_id, memory_id) if part is not None)


async def listed(memory: "AsyncMemory", cursor: str | None) -> dict[str, Any]:
    """Return a page of the users that have memories, those with the most first. ``cursor`` is a page's nextCursor.

    Raises ProtocolError for a cursor that is none.
    """
    start = 0 if cursor is None else int(cursor) if cursor.isascii() and cursor.isdigit() else -1
    if start < 0 or len(cursor or "") > 18:
        raise ProtocolError(INVALID_PARAMS, "cursor must be the nextCursor of the page before.")
    users = [one for one in await memory.entities() if one["type"] == "user"]
    users.sort(key=lambda one: (-one["total_memories"], one["id"]))
    page: dict[str, Any] = {"resources": [_described(one) for one in users[start : start + _PAGE]]}
    return {**page, "nextCursor": str(start + _PAGE)} if len(users) > start + _PAGE else page


def _described(user: Mapping[str, Any]) -> dict[str, Any]:
    count = user["total_memories"]
    return {
        "uri": address(user["id"]),
        "name": user["id"],
        "title": f"Memories of {user['id']}",
        "description": f"{count} {'memory' if count == 1 else 'memories'}",
        "mimeType": _JSON,
        "annotations": {"lastModified": user["updated_at"]},
    }


async def completed(memory: "AsyncMemory", argument: object) -> dict[str, Any]:
    """Return the users whose ids begin with what was typed, for the argument ``user_id`` of an address or a prompt.

    Nothing is known of other arguments. Raises ProtocolError for an argument of the wrong shape.
    """
    if not isinstance(argument, dict) or not all(isinstance(argument.get(name), str) for name in ("name", "value")):
        raise ProtocolError(INVALID_PARAMS, "argument must be an object with the texts name and value.")
    found: list[str] = []
    if argument["name"] == "user_id":
        users = [one["id"] for one in await memory.entities() if one["type"] == "user"]
        found = sorted(user for user in users if user.startswith(argument["value"]))
    return {"completion": {"values": found[:_PAGE], "total": len(found), "hasMore": len(found) > _PAGE}}


async def contents(memory: "AsyncMemory", uri: str) -> dict[str, Any]:
    """Return what a resource holds, as JSON. Raises ProtocolError if there is no such resource."""
    user_id, memory_id, after = _parts(uri)
    try:
        view = memory.for_user(user_id)
        held = await (_page(view, user_id, after) if memory_id is None else view.get(memory_id))
    except ValidationError as error:
        raise ProtocolError(RESOURCE_NOT_FOUND, str(error), {"uri": uri}) from None
    if held is None:
        raise _missing(uri, f"{user_id} has no memory with the id {memory_id}.")
    return {"contents": [{"uri": uri, "mimeType": _JSON, "text": written(held).decode()}]}


async def _page(view: "AsyncMemory", user_id: str, after: str | None) -> dict[str, Any]:
    page = await view.get_all(limit=_PAGE, after=after)
    following = page["next_cursor"]
    more = f"{address(user_id)}?after={quote(following, safe='')}" if following else None
    return {"results": page["results"], "total": page["total"], "next": more}


def _parts(uri: str) -> tuple[str, str | None, str | None]:
    """Return the user, the memory if the address names one, and the cursor if it has one."""
    path, _, query = uri.removeprefix(_SCHEME).partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    try:
        user_id, *memory_id = (unquote(part, errors="strict") for part in path.split("/"))
    except UnicodeDecodeError:
        raise _missing(uri, "Its percent-encoding is not UTF-8.") from None
    known = not given or (set(given) == {"after"} and not memory_id)
    if not uri.startswith(_SCHEME) or not user_id or len(memory_id) > 1 or memory_id == [""] or not known:
        raise _missing(uri, "Addresses are memory://USER and memory://USER/ID, percent-encoded.")
    return user_id, memory_id[0] if memory_id else None, given.get("after")


def _missing(uri: str, reason: str) -> ProtocolError:
    return ProtocolError(RESOURCE_NOT_FOUND, f"No resource has the address {uri[:200]!r}. {reason}", {"uri": uri})
