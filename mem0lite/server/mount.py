"""Running inside another application: below which prefix, and beside which host."""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from litestar import Litestar

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_SLASH = "\ufdd0"  # stands for a slash inside an id while Litestar splits the path; never a character of real text
_ROUTED = frozenset({"path_params", "path_template", "route_handler"})  # what routing in a host that is Litestar leaves
_PATH = "/%:@!$&'()*+,;=~"  # what stays as it was sent in a path, and in a query
_QUERY = f"{_PATH}?"
_SLASHES = re.compile("//+")
_LITESTAR_STATE = "_ls_connection_state"  # where such a host keeps its exception handlers, for one


def shaped(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an HTTP scope in which ``root_path`` is the prefix the app is mounted at and ``path`` begins
    with it, as the ASGI specification has it; the host's own scope stays as it is.

    Hosts differ: Starlette, FastAPI, Quart and Django pass the whole path and say where they mounted the app, older
    dispatchers cut the path, and Litestar cuts it and says nothing. Litestar as the guest removes ``root_path`` by
    splitting the text, which is right for a path that begins with it and ``/mem`` + ``/memories/x`` to ``ories/x``
    for one that does not.

    ``mem0lite.path`` is the path below the prefix, in which a slash that was sent as ``%2F`` still is.
    """
    raw = (scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")  # some servers leave the query in
    if raw == scope["path"] and raw and "%" not in raw and not scope.get("root_path"):
        prefix, path, marked = "", raw, ""  # as in nearly every request: the rest would come to the same
    else:
        prefix, path = _split(scope, unquote(raw))
        path = path or "/"
        marked = _mark_slashes(raw, path)
    state = {key: value for key, value in scope.get("state", {}).items() if key != _LITESTAR_STATE}
    return {
        **{key: value for key, value in scope.items() if key not in _ROUTED},
        "root_path": prefix,
        "path": prefix + (marked or path),
        "state": state,
        "mem0lite.path": marked.replace(_SLASH, "%2F") if marked else path,
        "mem0lite.marked": bool(marked),
        "mem0lite.raw": raw or quote(scope["path"] or prefix, safe=_PATH),
    }


def beside(scope: Mapping[str, Any], name: str) -> str:
    """Return the address of ``name`` beside the root's other routes, relative to that of a route directly below it.

    It is relative because a proxy may have cut off a prefix that is not known here. When the root was requested without
    a slash, its last segment is part of the address.
    """
    raw = scope["mem0lite.raw"]
    at_root = scope["mem0lite.path"] == "/" and not raw.endswith("/")
    return f"./{_last(raw)}/{name}" if at_root else f"./{name}"


def without_slash(scope: Mapping[str, Any]) -> str:
    """Return the requested address without the slash at its end, relative to the address with it."""
    query = quote(scope.get("query_string", b""), safe=_QUERY)
    return f"../{_last(scope['mem0lite.raw'].rstrip('/'))}" + (f"?{query}" if query else "")


def _last(raw: str) -> str:
    return quote(raw.rpartition("/")[2], safe=_PATH)


def _split(scope: Mapping[str, Any], full: str) -> tuple[str, str]:
    """Return the prefix and the path below it; ``full`` is the path the client asked for, if it is known."""
    path, root = scope["path"], _prefix(scope.get("root_path") or "")
    cut = _before(full, path)
    if cut is not None:
        path = full[len(cut) :]  # as sent: Litestar takes slashes away and adds some
        cut = _prefix(cut)
    if cut and _inside(cut, root):
        return cut, path
    if root and _inside(path, root):
        return (cut or "") + root, path[len(root) :]
    if cut:
        return root + cut, path
    # Starlette's mounts behind a proxy that cuts its prefix off: only what they matched is in the path.
    matched = root.removeprefix(_prefix(scope.get("app_root_path") or ""))
    if matched and _inside(path, matched):
        return root, path[len(matched) :]
    return root, path


def _prefix(text: str) -> str:
    """Return a prefix without a slash at its end, and with one at its beginning: ``//x`` would be a host's name."""
    return f"/{text.strip('/')}" if text.strip("/") else ""


def _inside(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _before(full: str, path: str) -> str | None:
    """Return what a host cut off ``full`` to leave ``path``; None if ``path`` is not the end of ``full``.

    The host may have added or removed slashes at each end, and made one of several.
    """
    whole, end = _prefix(_SLASHES.sub("/", full)), _prefix(_SLASHES.sub("/", path))
    if not whole.endswith(end):
        return None
    segments = whole.removesuffix(end).count("/")
    cut = re.match(rf"(?:/+[^/]+){{{segments}}}", full)
    return cut[0] if cut else None


def _mark_slashes(raw: str, path: str) -> str:
    """Return ``path`` with its percent-encoded slashes marked, so that they do not separate segments, if it has any."""
    if "%2f" not in raw.lower() or _SLASH in path:
        return ""
    segments = raw.split("/")
    for start in range(1, len(segments) + 1):
        if "/" + unquote("/".join(segments[start:])) == path:
            return "".join("/" + unquote(segment).replace("/", _SLASH) for segment in segments[start:])
    return ""


def restore_slashes(scope: dict[str, Any]) -> None:
    """Give the ids that ``shaped`` marked their slashes back, when the path has been split into segments."""
    if scope["mem0lite.marked"]:
        scope["path"] = scope["path"].replace(_SLASH, "/")
        # A new dictionary, because Litestar's router caches the one it gave.
        scope["path_params"] = {
            name: value.replace(_SLASH, "/") if isinstance(value, str) else value
            for name, value in scope["path_params"].items()
        }


def mounted(app: "Litestar", path: str, host: ASGIApp) -> ASGIApp:
    """Return an ASGI application in which ``app`` answers at ``path`` and below it, and ``host`` everything else.

    For hosts without mounts of their own, such as Django and Quart. The host's lifespan runs inside the app's. With a
    host that refuses lifespan events, as Django does, only the app's runs.
    """
    prefix = _prefix(path)

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _both_lifespans(host, app, scope, receive, send)
            return
        root = _prefix(scope.get("root_path") or "")
        below = scope["path"][len(root) :] if root and _inside(scope["path"], root) else scope["path"]
        if scope["type"] == "http" and _inside(below, prefix):
            # The whole path with its prefix, even if a server passes the path without its own root_path.
            inside: Any = {**scope, "root_path": root + prefix, "path": root + below}
            await app(inside, receive, send)
        else:
            await host(scope, receive, send)

    return dispatch


async def _both_lifespans(host: ASGIApp, app: "Litestar", scope: Any, receive: Any, send: Any) -> None:
    heard = False

    async def listen() -> Any:
        nonlocal heard
        heard = True
        return await receive()

    async with AsyncExitStack() as stack:

        async def close_then_send(message: Any) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                await stack.aclose()  # servers end the event loop after this message
            await send(message)

        await stack.enter_async_context(app.lifespan())
        try:
            await host(scope, listen, close_then_send)
        except Exception:
            if heard:
                raise
            await app(scope, receive, close_then_send)
