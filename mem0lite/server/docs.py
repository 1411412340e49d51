"""The OpenAPI document, and a page to read it and try requests: Swagger UI from the package's own files, no CDN."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, Server, Tag
from litestar.params import Parameter
from litestar.response import Redirect

from .. import __version__
from .auth import PUBLIC, SECURITY_SCHEMES
from .describing import describe
from .guards import exact_path, rules
from .mount import beside
from .routing import NOT_HERE

SWAGGER_UI_VERSION = "5.35.0"
"""Version of the npm package swagger-ui-dist. ``static/swagger-ui`` is an unchanged copy of it."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

TITLE = "mem0lite"
DESCRIPTION = (
    "A memory store for AI agents in one SQLite file. It is compatible with mem0's two REST APIs: the self-hosted "
    "API, and the hosted API with paths that begin with `/v1/`, `/v2/`, `/v3/` or `/api/` and end in a slash. "
    "Messages are stored as memories of a user, an agent, a run or an app. They are found by meaning and words, "
    "filtered by metadata, and forgotten when they expire. The [guide](guide) explains all of it. Routes that make "
    "no sense for a single store, such as members, or that need a language model, answer 501 and say why. If the "
    'server has API keys, press Authorize and give yours. Errors are `{"detail": …}`. Fields and parameters that '
    "had no effect are named in the answer, under `ignored`, and in the header `X-Mem0lite-Ignored`. Every response "
    "has an `X-Request-ID`, which also appears in the server's log."
)
TAGS = [
    Tag("memories", description="Store, list, change and delete memories."),
    Tag("search", description="Find memories by meaning and words."),
    Tag("entities", description="The users, agents, runs and apps that have memories."),
    Tag("api-keys", description="The API keys that the store keeps, beside those of the server's settings."),
    Tag("server", description="Settings, resetting and erasing."),
    Tag("hosted: memories", description="The same memories, for MemoryClient and mem0's command line."),
    Tag("hosted: search", description="Search, for the same clients."),
    Tag("hosted: entities", description="The users, agents, runs and apps that have memories."),
    Tag("hosted: events and feedback", description="What each add did, and feedback on memories."),
    Tag("hosted: exports", description="Memories with the fields of a schema."),
    Tag(
        "hosted: project",
        description="The organization and project that clients look up first, and the settings they store.",
    ),
    Tag("hosted: webhooks", description="URLs to which changes are sent."),
    Tag(NOT_HERE, description="Routes that make no sense for a single store. Each answers 501 and says why."),
]
_DOCUMENT: list[bytes] = []
"""The document, once it was asked for, for all apps of the process."""
_HOSTED = re.compile(r"/(?:api/)?v\d/")

STATIC = Path(__file__).parent / "static"
_FILES = {
    "swagger-ui.css": (STATIC / "swagger-ui" / "swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (STATIC / "swagger-ui" / "swagger-ui-bundle.js", "text/javascript"),
    "page.css": (STATIC / "page.css", "text/css"),
    "guide.css": (STATIC / "guide.css", "text/css"),
    "init.js": (STATIC / "init.js", "text/javascript"),
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>mem0lite API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="stylesheet" href="docs/page.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/init.js"></script>
  </body>
</html>
"""


def create_router(described: Callable[[], Router]) -> Router:
    """Return the routes of the documentation. ``described`` makes the router that it describes.

    All apps have the same routes: their settings decide who is let in, not what there is.
    """

    @get("/openapi.json", sync_to_thread=True)
    def openapi_json() -> Response[bytes]:
        if not _DOCUMENT:  # made at the first request, because it takes longer than starting the app
            _DOCUMENT.append(openapi_document(described()))
        return Response(_DOCUMENT[0], media_type="application/json")

    return Router(
        "/",
        route_handlers=[root, redoc, page, file, openapi_json],
        opt={**PUBLIC, **rules(exact_path)},
        include_in_schema=False,
    )


def openapi_document(router: Router) -> bytes:
    """Return the OpenAPI document of a router's routes, as JSON."""
    config = OpenAPIConfig(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[
            Server(url="./", description="this server")
        ],  # relative to the document, so that it is right under any prefix
        tags=TAGS,
        components=Components(security_schemes=SECURITY_SCHEMES),
        security=[{name: []} for name in SECURITY_SCHEMES],
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
    )
    # A separate app, because Litestar would add its documentation routes to the app that serves.
    app = Litestar([router], openapi_config=config, logging_config=None, debug=False)
    document = app.openapi_schema.to_schema()
    # Litestar drops the slash at the end of a path; the hosted API requires it.
    document["paths"] = {f"{path}/" if _HOSTED.match(path) else path: item for path, item in document["paths"].items()}
    describe(document["components"]["schemas"])
    return msgspec.json.encode(document)


def _operation_id(handler: HTTPRouteHandler, method: Any, path: Sequence[Any]) -> str:
    """Return the handler's name; for a handler with several paths, with the version of each."""
    return f"{handler.handler_name}_{path[0]}" if len(handler.paths) > 1 else handler.handler_name


@get("/")
async def root(request: Request[Any, Any, Any]) -> Redirect:
    """Send browsers to the documentation."""
    return _to_docs(request)


@get("/redoc")
async def redoc(request: Request[Any, Any, Any]) -> Redirect:
    """Send browsers that ask for ReDoc to the documentation."""
    return _to_docs(request)


@get("/docs")
async def page() -> Response[str]:
    """Show the documentation."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@get("/docs/{name:str}", sync_to_thread=True)
def file(name: Annotated[str, Parameter()]) -> Response[bytes]:
    """Serve a file of the page."""
    if name not in _FILES:
        raise NotFoundException
    path, kind = _FILES[name]
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
    return Response(path.read_bytes(), media_type=kind, headers=headers)


def _to_docs(request: Request[Any, Any, Any]) -> Redirect:
    return Redirect(beside(request.scope, "docs"), status_code=307)
