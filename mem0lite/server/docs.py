"""The OpenAPI document, and a page to read and try it: Swagger UI from the package's own files, nothing from a CDN."""

import functools
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
from .guards import exact_path
from .mount import beside
from .routing import NOT_HERE

SWAGGER_UI_VERSION = "5.35.0"
"""Of the npm package swagger-ui-dist, from which ``static/swagger-ui`` is copied unchanged."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

TITLE = "mem0lite"
DESCRIPTION = (
    "A memory store for AI agents in one SQLite file, compatible with mem0's REST APIs: the self-hosted one and, below "
    "`/v1/`, `/v2/`, `/v3/` and `/api/`, the hosted one, whose paths end in a slash. Messages are stored as memories "
    "of a user, an agent, a run or an app, found again by meaning and words, filtered by metadata, and forgotten when "
    "they expire. The [guide](guide) explains all of it. What one store has no place for, such as members and what a "
    "language model would write, answers 501 and says why. "
    'Where the server has API keys, press Authorize and give yours. Errors are `{"detail": …}`; what of '
    "a request has no effect is named in its answer, in `ignored` and in the header `X-Mem0lite-Ignored`. Every "
    "response carries an `X-Request-ID`, which the server's log repeats."
)
TAGS = [
    Tag("memories", description="Store, list, change and delete memories."),
    Tag("search", description="Find memories by meaning and words."),
    Tag("entities", description="The users, agents, runs and apps that have memories."),
    Tag("server", description="Settings, and starting anew."),
    Tag("hosted: memories", description="The same memories, as MemoryClient and mem0's command line ask for them."),
    Tag("hosted: search", description="Search, as they ask for it."),
    Tag("hosted: entities", description="The users, agents, runs and apps that have memories."),
    Tag("hosted: events and feedback", description="What became of each add, and how good memories are."),
    Tag("hosted: exports", description="Memories in the fields of a schema."),
    Tag("hosted: project", description="What clients ask first, and the settings they keep."),
    Tag("hosted: webhooks", description="Addresses that are told of changes."),
    Tag(NOT_HERE, description="What one store has no place for: each answers 501, and says why."),
]
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
    """Return the routes of the documentation; ``described`` makes the router that is documented."""

    @functools.cache  # when first asked for: it takes longer than starting the app
    def document() -> bytes:
        return openapi_document(described())

    @get("/openapi.json", sync_to_thread=True)
    def openapi_json() -> Response[bytes]:
        return Response(document(), media_type="application/json")

    return Router(
        "/",
        route_handlers=[root, redoc, page, file, openapi_json],
        guards=[exact_path],
        opt=PUBLIC,
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
    # An app of its own, because Litestar would add its documentation routes to the one that serves.
    app = Litestar([router], openapi_config=config, logging_config=None, debug=False)
    document = app.openapi_schema.to_schema()
    # Litestar knows no slash at the end of a path; the hosted API answers to nothing else.
    document["paths"] = {f"{path}/" if _HOSTED.match(path) else path: item for path, item in document["paths"].items()}
    describe(document["components"]["schemas"])
    return msgspec.json.encode(document)


def _operation_id(handler: HTTPRouteHandler, method: Any, path: Sequence[Any]) -> str:
    """Return the handler's name, and for one that has several paths the version of each."""
    return f"{handler.handler_name}_{path[0]}" if len(handler.paths) > 1 else handler.handler_name


@get("/")
async def root(request: Request[Any, Any, Any]) -> Redirect:
    """Send browsers to the documentation."""
    return _to_docs(request)


@get("/redoc")
async def redoc(request: Request[Any, Any, Any]) -> Redirect:
    """Send those who expect ReDoc to the documentation there is."""
    return _to_docs(request)


@get("/docs")
async def page() -> Response[str]:
    """Show the documentation."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


@get("/docs/{name:str}", sync_to_thread=True)
def file(name: Annotated[str, Parameter()]) -> Response[bytes]:
    """Serve a file the page needs."""
    if name not in _FILES:
        raise NotFoundException
    path, kind = _FILES[name]
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
    return Response(path.read_bytes(), media_type=kind, headers=headers)


def _to_docs(request: Request[Any, Any, Any]) -> Redirect:
    return Redirect(beside(request.scope, "docs"), status_code=307)
