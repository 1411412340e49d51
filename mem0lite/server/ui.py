"""The page where people look at memories: static files that ask the public REST API, with the visitor's key."""

import functools
import hashlib
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from .auth import PUBLIC
from .docs import CONTENT_SECURITY_POLICY, STATIC
from .guards import exact_path, rules

FOLDER = STATIC / "ui"
D3 = {"d3-dispatch": "3.0.1", "d3-force": "3.0.0", "d3-quadtree": "3.0.1", "d3-timer": "3.0.1"}
"""Versions of the npm packages that lay out the graph. ``static/ui/d3`` holds unchanged copies of their files."""

POLICY = f"{CONTENT_SECURITY_POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"
"""No script of the page may make HTML of a text, so no memory can become markup."""

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked for again each time, so that no browser mixes the modules of two versions. Most answers are 304.
    "Cache-Control": "no-cache",
}


def create_router() -> Router:
    """Return the routes of the page. They need no key, because they answer nothing about memories."""
    return Router("/", route_handlers=[page, file], opt={**PUBLIC, **rules(exact_path)}, include_in_schema=False)


@get("/ui", sync_to_thread=True)
def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the page."""
    return _answer(request, FOLDER / "index.html")


@get("/ui/{name:str}", sync_to_thread=True)
def file(request: Request[Any, Any, Any], name: Annotated[str, Parameter()]) -> Response[bytes]:
    """Serve a file of the page."""
    if name not in _files():
        raise NotFoundException
    return _answer(request, _files()[name])


def _answer(request: Request[Any, Any, Any], path: Path) -> Response[bytes]:
    content, tag = _read(path)
    headers = {**_HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, media_type=_TYPES[path.suffix], headers=headers)
    return Response(content, media_type=_TYPES[path.suffix], headers=headers)


@functools.cache
def _files() -> dict[str, Path]:
    """Return the scripts and styles by name; the folders below do not show in their addresses."""
    return {path.name: path for path in FOLDER.rglob("*") if path.suffix in (".css", ".js")}


@functools.cache
def _read(path: Path) -> tuple[bytes, str]:
    """Return the content of a file and its entity tag."""
    content = path.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
