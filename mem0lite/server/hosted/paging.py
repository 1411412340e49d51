"""Pages of the hosted API's lists: how they are asked for, and how they link each other."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast
from urllib.parse import parse_qsl, quote, urlencode

from litestar.params import Parameter

from ..ignored import NamingResponse
from ..parameters import DEFAULT_LIST_SIZE, MAX_LIST_SIZE
from ..routing import AnyRequest

LIST_FORMAT = "v1.0"
"""The ``output_format`` of clients that read lists."""

Page = Annotated[int | None, Parameter(ge=1, description="Number of the page, from 1.")]
PageSize = Annotated[
    int | None,
    Parameter(
        ge=1,
        description=f"Results per page, at most {MAX_LIST_SIZE}. Default: {DEFAULT_LIST_SIZE}.",
    ),
]
Limit = Annotated[int | None, Parameter(ge=1, description="Another name for `page_size`.")]
Format = Annotated[str | None, Parameter(description="`v1.1` returns an object, `v1.0` a list.")]


def page_of(
    request: AnyRequest, results: Sequence[Mapping[str, Any]], total: int, page: int, page_size: int
) -> dict[str, Any]:
    """Return one page of a list, with links to the pages before and after it."""
    return {
        "count": total,
        "next": _link(request, page=page + 1) if page * page_size < total else None,
        "previous": _link(request, page=page - 1) if page > 1 else None,
        "results": results,
    }


def page_after(request: AnyRequest, results: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of a list that follows a cursor, with a link to the next page; there is no way back."""
    cursor = found["next_cursor"]
    following = None if cursor is None else _link(request, after=cursor)
    return {"count": found["total"], "next": following, "previous": None, "results": results, "next_cursor": cursor}


def as_list(shown: Mapping[str, Any]) -> NamingResponse:
    """Return the memories of a page as a list. The total and the address of the next page are in headers."""
    headers = {"X-Total-Count": str(shown["count"])}
    following = shown["next"]
    if following is not None:
        format = (
            "" if "output_format=" in following else f"&output_format={LIST_FORMAT}"
        )  # the next page is a list, too
        headers["Link"] = f'<{following}{format}>; rel="next"'
    return NamingResponse(shown["results"], headers=headers)


def _link(request: AnyRequest, **place: int | str) -> str:
    """Return the address of another page, with the host and the prefix that the client used."""
    scope = cast("dict[str, Any]", request.scope)
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = [(name, value) for name, value in query if name not in place]
    query += [(name, str(value)) for name, value in place.items()]
    path = scope["mem0lite.path"]
    segments = path.split("%2F") if scope["mem0lite.marked"] else [path]  # for an id that contains a slash
    path = quote(scope["root_path"]) + "%2F".join(quote(segment) for segment in segments)
    return f"{_origin(request)}{path}?{urlencode(query)}"


_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:[0-9]+)?", re.ASCII)


def _origin(request: AnyRequest) -> str:
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        name, port = request.scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port else name
    return f"{request.scope['scheme']}://{host}"
