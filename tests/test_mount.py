"""The server inside another application: every host, every prefix, with and without lifespan events."""

import asyncio
import itertools
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import django.conf
import fastapi
import httpx
import litestar
import pytest
import quart
import starlette.applications
import starlette.responses
import starlette.routing
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path as django_path
from embedder import HashEmbedder
from hypercorn.middleware import DispatcherMiddleware
from serving import served_by

from mem0lite import AsyncMemory, Memory
from mem0lite.server import MemoryPlugin, Settings, create_app, mounted
from mem0lite.server.mount import shaped

SETTINGS = Settings(vacuum_interval_seconds=60, insecure=True)
HOST_404 = "the host has no such page"
HOST_500 = "the host handled it"

# -- the hosts, each with /own, /broken and /memories-of-the-host, and its own pages for 404 and for errors


def _starlette(app: Any, prefix: str, *, lifespan: bool) -> Any:
    async def own(request: Any) -> Any:
        return starlette.responses.PlainTextResponse("host")

    async def broken(request: Any) -> Any:
        raise LookupError

    async def handled(request: Any, error: Exception) -> Any:
        return starlette.responses.PlainTextResponse(HOST_500, 418)

    async def missing(request: Any, error: Exception) -> Any:
        return starlette.responses.PlainTextResponse(HOST_404, 404)

    routes = [starlette.routing.Route(path, own) for path in ("/own", "/memories-of-the-host")]
    return starlette.applications.Starlette(
        routes=[*routes, starlette.routing.Route("/broken", broken), starlette.routing.Mount(prefix, app)],
        exception_handlers={LookupError: handled, 404: missing},
        lifespan=(lambda _: app.lifespan()) if lifespan else None,
    )


def _fastapi(app: Any, prefix: str, *, lifespan: bool) -> Any:
    host = fastapi.FastAPI(
        lifespan=(lambda _: app.lifespan()) if lifespan else None,
        openapi_url=None if prefix == "/" else "/openapi.json",  # its own documentation comes before a mount
    )

    @host.get("/own", response_class=fastapi.responses.PlainTextResponse)
    @host.get("/memories-of-the-host", response_class=fastapi.responses.PlainTextResponse)
    async def own() -> str:
        return "host"

    @host.get("/broken")
    async def broken() -> None:
        raise LookupError

    @host.exception_handler(LookupError)
    async def handled(request: Any, error: Exception) -> Any:
        return fastapi.responses.PlainTextResponse(HOST_500, 418)

    @host.exception_handler(404)
    async def missing(request: Any, error: Exception) -> Any:
        return fastapi.responses.PlainTextResponse(HOST_404, 404)

    host.mount(prefix, app)
    return host


def _litestar_host(**options: Any) -> litestar.Litestar:
    @litestar.get(["/own", "/memories-of-the-host"], media_type="text/plain")
    async def own() -> str:
        return "host"

    @litestar.get("/broken")
    async def broken() -> None:
        raise LookupError

    def handled(request: Any, error: LookupError) -> Any:
        return litestar.Response(HOST_500, status_code=418, media_type="text/plain")

    def missing(request: Any, error: Exception) -> Any:
        return litestar.Response(HOST_404, status_code=404, media_type="text/plain")

    return litestar.Litestar(
        [own, broken, *options.pop("route_handlers", ())],
        exception_handlers={LookupError: handled, 404: missing},
        logging_config=None,
        **options,
    )


def _litestar_mount(app: Any, prefix: str, *, lifespan: bool) -> Any:
    return _litestar_host(
        route_handlers=[litestar.asgi(prefix, is_mount=True, copy_scope=True)(app)],
        lifespan=[lambda _: app.lifespan()] if lifespan else [],
    )


def _litestar_plugin(app: Any, prefix: str, *, lifespan: bool) -> Any:
    plugin = MemoryPlugin(prefix)
    plugin.app = app  # the matrix looks at the app; MemoryPlugin makes one of the same arguments
    return _litestar_host(plugins=[plugin])


def _quart_host() -> quart.Quart:
    host = quart.Quart("host")

    @host.get("/own")
    @host.get("/memories-of-the-host")
    async def own() -> str:
        return "host"

    @host.get("/broken")
    async def broken() -> str:
        raise LookupError

    @host.errorhandler(LookupError)
    async def handled(error: Exception) -> tuple[str, int]:
        return HOST_500, 418

    @host.errorhandler(404)
    async def missing(error: Exception) -> tuple[str, int]:
        return HOST_404, 404

    return host


def _quart(app: Any, prefix: str, *, lifespan: bool) -> Any:
    host = _quart_host()
    host.asgi_app = mounted(app, prefix, host.asgi_app)  # type: ignore[method-assign]
    return host


def _quart_hypercorn(app: Any, prefix: str, *, lifespan: bool) -> Any:
    host = _quart_host()
    mounts = {prefix.rstrip("/"): app}
    if prefix != "/":
        mounts[""] = host.asgi_app
    host.asgi_app = DispatcherMiddleware(mounts)  # type: ignore[method-assign, arg-type, assignment]
    return host


def _django(app: Any, prefix: str, *, lifespan: bool) -> Any:
    if not django.conf.settings.configured:
        django.conf.settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None, SECRET_KEY="x")
    return mounted(app, prefix, get_asgi_application())


def _django_own(request: Any) -> HttpResponse:
    return HttpResponse("host", content_type="text/plain")


def _django_broken(request: Any) -> HttpResponse:
    raise LookupError


urlpatterns = [
    django_path("own", _django_own),
    django_path("memories-of-the-host", _django_own),
    django_path("broken", _django_broken),
]


def handler404(request: Any, exception: Exception) -> HttpResponse:
    return HttpResponse(HOST_404, status=404, content_type="text/plain")


def handler500(request: Any) -> HttpResponse:
    return HttpResponse(HOST_500, status=418, content_type="text/plain")


def _dispatcher(place: Callable[[dict[str, Any], str], dict[str, Any]]) -> Any:
    """Return a host of a few lines, which tells the app about its prefix the way ``place`` does."""

    def host(app: Any, prefix: str, *, lifespan: bool) -> Any:
        prefix = prefix.rstrip("/")

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and (scope["path"] + "/").startswith(f"{prefix}/"):
                scope = place(scope, prefix)
            await app(scope, receive, send)

        return dispatch

    return host


HOSTS: dict[str, Any] = {
    "starlette": _starlette,
    "fastapi": _fastapi,
    "litestar mount": _litestar_mount,
    "litestar plugin": _litestar_plugin,
    "quart": _quart,
    "quart, hypercorn's dispatcher": _quart_hypercorn,
    "django": _django,
    "dispatcher, whole path": _dispatcher(lambda scope, prefix: {**scope, "root_path": prefix}),
    "dispatcher, cut path": _dispatcher(
        lambda scope, prefix: {**scope, "root_path": prefix, "path": scope["path"][len(prefix) :]}
    ),
    "dispatcher, cut path without root_path": _dispatcher(
        lambda scope, prefix: {**scope, "path": scope["path"][len(prefix) :] or "/"}
    ),
    "dispatcher, cut paths": _dispatcher(
        lambda scope, prefix: {
            **scope,
            "root_path": prefix,
            "path": scope["path"][len(prefix) :],
            "raw_path": scope["raw_path"][len(prefix) :] + b"?a=/b",
        }
    ),
}
REAL_HOSTS = [name for name in HOSTS if "dispatcher" not in name]
CELLS = list(itertools.product(HOSTS, ["/", "/mem", "/a/b"], [True, False]))


# -- what is asked of every one


@asynccontextmanager
async def _lifespan_of(host: Any) -> AsyncIterator[None]:
    """Send a host its lifespan events, as a server does."""
    events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answers: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(
        host({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, events.get, answers.put)
    )
    for phase in ("startup", "shutdown"):
        await events.put({"type": f"lifespan.{phase}"})
        answer = await asyncio.wait_for(answers.get(), 30)
        assert answer["type"] == f"lifespan.{phase}.complete", answer
        if phase == "startup":
            yield
    await task


def _in_process(host: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://127.0.0.1")


async def _check_routes(client: httpx.AsyncClient, at: str) -> str:
    body = {"messages": [{"role": "user", "content": "green tea"}], "user_id": "a/b"}
    added = await client.post(f"{at}/memories", json=body)
    assert added.status_code == 200, added.text
    memory_id: str = added.json()["results"][0]["id"]
    assert (await client.get(f"{at}/memories/{memory_id}")).json()["memory"] == "green tea"
    found = await client.post(f"{at}/search", json={"query": "tea", "user_id": "a/b"})
    assert [item["id"] for item in found.json()["results"]] == [memory_id]
    listed = await client.get(f"{at}/memories", params={"user_id": "a/b"})
    assert listed.json()["total"] == 1
    return memory_id


async def _check_refusals(client: httpx.AsyncClient, at: str) -> None:
    for method, path, status in (
        ("GET", "/nothing/here", 404),
        ("GET", "/memories//", 404),
        ("PUT", "/memories", 405),
        ("POST", "/search", 422),
    ):
        answer = await client.request(method, at + path, headers={"X-Request-ID": "mine"}, json={})
        assert answer.status_code == status, f"{method} {path}"
        assert answer.json().keys() == {"detail"}
        assert answer.headers.get_list("X-Request-ID") == ["mine"]


async def _check_documentation(client: httpx.AsyncClient, at: str, memory_id: str) -> None:
    page = await client.get(f"{at}/docs")
    files = [link for link in re.findall(r'(?:href|src)="([^"]+)"', page.text) if not link.startswith("data:")]
    answers = [await client.get(urljoin(str(page.url), link)) for link in files]
    assert [answer.status_code for answer in answers] == [200] * 4
    source = re.search(r'url: "([^"]+)"', answers[-1].text)
    assert source is not None
    document = await client.get(urljoin(str(page.url), source[1]))
    base = urljoin(str(document.url), document.json()["servers"][0]["url"]).rstrip("/")
    for path, item in document.json()["paths"].items():
        if "get" in item:
            path = re.sub(r"\{(org|project)_id\}", "x", path.replace("{memory_id}", memory_id))
            encoded = "a%2Fb" if path.startswith("/v1/memories/") else "a/b"  # where "a/b" would be no entity's path
            path = path.replace("{entity_type}/{entity_id}", f"user/{encoded}")
            if path in ("/v1/event/{event_id}/", "/api-keys"):  # test_hosted.py has one; this needs a key
                continue
            answer = await client.get(base + path, params={"user_id": "a/b"})
            assert answer.status_code == (501 if "501" in item["get"]["responses"] else 200), path


async def _check_redirects(client: httpx.AsyncClient, at: str) -> None:
    for path, to in (
        ("", "/docs"),
        ("/", "/docs"),
        ("/redoc", "/docs"),
        ("/redoc/", "/redoc"),
        ("/guide/", "/guide"),
        ("/guide/search/", "/guide/search"),
        ("/memories/", "/memories"),
        ("/memories/a%2Fb%3F/", "/memories/a%2Fb%3F"),
        ("/memories/?user_id=a%20b&top_k=2", "/memories?user_id=a%20b&top_k=2"),
    ):
        answer = await client.get(at + path)
        if path == "" and answer.headers.get("Location", "").endswith(f"{at}/"):  # the host's own redirect
            continue
        assert answer.status_code == 307, path
        location = answer.headers["Location"]
        assert location.startswith("."), "a proxy may have cut off more than is known here"
        assert urljoin(f"{at}{path}" or "/", location) == at + to, path
    assert (await client.get(at or "/", follow_redirects=True)).url.path == f"{at}/docs"


async def _check_head(client: httpx.AsyncClient, at: str) -> None:
    for path in (
        "/memories",
        "/docs",
        "/docs/init.js",
        "/guide",
        "/guide/search",
        "/llms.txt",
        "/openapi.json",
        "/health/ready",
        "/v1/ping/",
        "/metrics",
        "/x",
    ):
        head, get = [await client.request(method, at + path) for method in ("HEAD", "GET")]
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers["Content-Type"] == get.headers["Content-Type"], path
        assert path in ("/metrics", "/x") or head.headers["Content-Length"] == get.headers["Content-Length"], path


async def _check_slashes(client: httpx.AsyncClient, at: str, memory_id: str) -> None:
    assert (await client.get(f"{at}/memories/no%2Fsuch%2fid")).json() is None
    assert (await client.delete(f"{at}/entities/user/a%252Fb")).status_code == 200  # the user "a%2Fb" has nothing
    assert (await client.get(f"{at}/memories/{memory_id}")).json() is not None
    assert (await client.delete(f"{at}/entities/user/a%2Fb")).status_code == 200
    assert (await client.get(f"{at}/memories/{memory_id}")).json() is None


async def _check(client: httpx.AsyncClient, prefix: str) -> None:
    at = prefix.rstrip("/")
    memory_id = await _check_routes(client, at)
    await _check_refusals(client, at)
    await _check_documentation(client, at, memory_id)
    await _check_redirects(client, at)
    await _check_head(client, at)
    await _check_slashes(client, at, memory_id)


def _timers() -> int:
    return sum(task.get_name() == "mem0lite-vacuum" for task in asyncio.all_tasks())


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder=HashEmbedder()) as opened:
        yield opened


@pytest.mark.parametrize(("name", "prefix", "lifespan"), CELLS)
def test_app_works_in_every_host(memory: Memory, name: str, prefix: str, lifespan: bool) -> None:
    """Routes, refusals, the documentation with its files, schema and servers, redirects and ids with slashes are right
    in every host at every prefix; the timer runs where the host sends lifespan events, and only there."""

    async def main() -> None:
        shared = AsyncMemory(memory)
        host = HOSTS[name](create_app(shared, SETTINGS), prefix, lifespan=lifespan)
        for _ in range(2 if lifespan else 1):
            async with _lifespan_of(host) if lifespan else nullcontext(), _in_process(host) as client:
                await _check(client, prefix)
                assert _timers() == lifespan
            assert _timers() == 0
        await shared.close()

    asyncio.run(main())


@pytest.mark.parametrize("name", HOSTS)
def test_memory_ids_may_have_slashes(tmp_path: Path, name: str) -> None:
    """An imported memory whose id has slashes is read, changed and deleted by it, percent-encoded, in every host."""

    async def main(memory: Memory) -> None:
        async with _in_process(HOSTS[name](create_app(memory, SETTINGS), "/mem", lifespan=False)) as client:
            at = "/mem/memories/a%2Fb%2f%2Fc"
            assert (await client.get(at)).json()["id"] == "a/b//c"
            assert (await client.put(at, json={"text": "coffee"})).status_code == 200
            assert [change["event"] for change in (await client.get(f"{at}/history")).json()] == ["ADD", "UPDATE"]
            assert (await client.delete(at)).status_code == 200
            assert (await client.get(at)).json() is None

    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        memory_id = memory.add("tea", user_id="u")["results"][0]["id"]
        exported = tmp_path / "memories.jsonl"
        memory.export(exported)
        memory.reset()
        exported.write_text(exported.read_text().replace(memory_id, "a/b//c"))
        memory.import_(exported)
        asyncio.run(main(memory))


def test_matrix_is_whole() -> None:
    """Eleven ways to host the app, three prefixes, with and without lifespan events."""
    assert (len(HOSTS), len(set(CELLS))) == (11, 66)


@pytest.mark.parametrize("name", HOSTS)
def test_app_works_in_every_host_on_a_socket(memory: Memory, name: str) -> None:
    """The same through uvicorn, mounted at a prefix of two segments."""
    host = HOSTS[name](create_app(memory, SETTINGS), "/a/b", lifespan=True)

    async def main(address: str) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            await _check(client, "/a/b")

    with served_by(host) as client:
        asyncio.run(main(str(client.base_url)))


# -- what stays the host's


@pytest.mark.parametrize("name", REAL_HOSTS)
def test_host_keeps_its_own(memory: Memory, name: str) -> None:
    """A host's routes, its page for 404, its exception handler and the root logger are as they were."""
    root = logging.getLogger()
    before = list(root.handlers), root.level, list(root.filters)

    async def main() -> None:
        host = HOSTS[name](create_app(memory, SETTINGS), "/mem", lifespan=False)
        async with _in_process(host) as client:
            assert (await client.get("/mem/memories")).status_code == 200
            assert (await client.get("/mem/nothing")).json() == {"detail": "Not Found"}
            for path, status, text in (
                ("/own", 200, "host"),
                ("/broken", 418, HOST_500),
                ("/nothing", 404, HOST_404),
                ("/" if name == "litestar mount" else "/memories", 404, HOST_404),  # see the next test
            ):
                answer = await client.get(path)
                assert (answer.status_code, answer.text) == (status, text), path
                assert "X-Request-ID" not in answer.headers

    asyncio.run(main())
    assert (list(root.handlers), root.level, list(root.filters)) == before


@pytest.mark.parametrize("name", [name for name in REAL_HOSTS if name != "litestar mount"])
def test_routes_that_begin_like_the_prefix_are_the_host_s(memory: Memory, name: str) -> None:
    """Mounted at /mem, the app does not take the host's /memories-of-the-host; Litestar's own mount would."""

    async def main() -> None:
        async with _in_process(HOSTS[name](create_app(memory, SETTINGS), "/mem", lifespan=False)) as client:
            assert (await client.get("/memories-of-the-host")).text == "host"

    asyncio.run(main())


def test_plugin_leaves_the_host_s_document_alone(memory: Memory) -> None:
    """The OpenAPI document of a Litestar host is its own, with the plugin as without."""

    async def document(**options: Any) -> Any:
        async with _in_process(_litestar_host(**options)) as client:
            return (await client.get("/schema/openapi.json")).json()

    assert asyncio.run(document(plugins=[MemoryPlugin("/mem", memory, SETTINGS)])) == asyncio.run(document())


def test_plugin_beside_the_host_s_routes_at_the_root(memory: Memory) -> None:
    """A plugin at the root leaves the host its own routes, and two plugins serve two memories."""

    async def main() -> None:
        with Memory(":memory:", embedder=HashEmbedder()) as other:
            other.add("other", user_id="u")
            plugins = [MemoryPlugin("/", memory, SETTINGS), MemoryPlugin("/other/", other, SETTINGS)]
            async with _in_process(_litestar_host(plugins=plugins)) as client:
                assert (await client.get("/own")).text == "host"
                assert (await client.get("/memories")).json()["total"] == 0
                assert (await client.get("/other/memories")).json()["total"] == 1

    asyncio.run(main())


def test_host_s_guards_hold_for_the_plugin(memory: Memory) -> None:
    """What a Litestar host asks of every request it asks of the plugin's too."""

    def guard(connection: Any, handler: Any) -> None:
        if "letmein" not in connection.headers:
            raise litestar.exceptions.NotAuthorizedException

    async def main() -> None:
        host = _litestar_host(plugins=[MemoryPlugin("/mem", memory, SETTINGS)], guards=[guard])
        async with _in_process(host) as client:
            assert (await client.get("/mem/memories")).status_code == 401
            assert (await client.get("/mem/memories", headers={"letmein": "please"})).status_code == 200

    asyncio.run(main())


def test_host_behind_a_proxy_that_cuts_a_prefix(memory: Memory) -> None:
    """With a root_path of the server, which is in no path, or without a word of the proxy, redirects lead back."""

    async def main(name: str, root_path: str) -> None:
        host = HOSTS[name](create_app(memory, SETTINGS), "/mem", lifespan=False)

        async def behind_proxy(scope: Any, receive: Any, send: Any) -> None:
            await host({**scope, "root_path": root_path}, receive, send)

        async with _in_process(behind_proxy) as client:
            assert (await client.get("/mem/memories")).json()["total"] == 0, name
            for path, to in (("redoc", "docs"), ("memories/", "memories")):
                answer = await client.get(f"/mem/{path}")
                if (name, root_path, path) == ("litestar plugin", "/proxy", "memories/"):
                    assert answer.status_code == 200, name  # the host took the slash away, and says nothing of it
                    continue
                location = answer.headers["Location"]
                assert urljoin(f"/proxy/mem/{path}", location) == f"/proxy/mem/{to}", name

    for name in ("starlette", "fastapi", "litestar mount", "litestar plugin", "quart", "django"):
        for root_path in ("/proxy", ""):
            asyncio.run(main(name, root_path))


# -- the scope


@pytest.mark.parametrize(
    ("root_path", "path", "raw_path", "prefix", "below"),
    [
        ("", "/memories/x", b"/memories/x", "", "/memories/x"),
        ("", "/memories/x", None, "", "/memories/x"),
        ("/mem", "/mem/memories/x", b"/mem/memories/x", "/mem", "/memories/x"),
        ("/mem", "/memories/x", b"/mem/memories/x?q=/y", "/mem", "/memories/x"),
        ("/mem", "/memories/x", None, "/mem", "/memories/x"),
        ("/mem", "/memories/x", b"/memories/x", "/mem", "/memories/x"),  # the prefix is a proxy's
        ("/mem/", "/mem/docs", b"/mem/docs", "/mem", "/docs"),
        ("/mem", "/mem", b"/mem", "/mem", "/"),
        ("/mem", "", b"/mem", "/mem", "/"),
        ("/memories", "/memories/x", b"/memories/memories/x", "/memories", "/memories/x"),
        ("/memories", "/memories/memories", b"/memories/memories", "/memories", "/memories"),
        ("", "memories/x/", b"/memories/x", "", "/memories/x"),  # Litestar's mount at /
        ("", "/memories/x/", b"/a%20b/memories/x", "/a b", "/memories/x"),  # and at a prefix
        ("", "/", b"/mem", "/mem", "/"),
        ("/out", "/docs/", b"/out/mem/docs", "/out/mem", "/docs"),
        ("/out", "/docs/", b"/mem/docs", "/out/mem", "/docs"),
        ("/mem", "/mem/docs", b"/out/mem/docs", "/out/mem", "/docs"),  # a mount in a mount that cut the path
        ("", "/new", b"/old", "", "/new"),  # the host rewrote the path
        ("", "//memories", b"//memories", "", "//memories"),
        ("", "/memories/", b"/mem//memories", "/mem", "//memories"),  # Litestar makes one slash of several
        ("", "/memories/a/b", b"/memories/a%2Fb", "", "/memories/a%2Fb"),
        ("/a/b", "/a/b/memories/a/b", b"/a/b/memories/a%2fb", "/a/b", "/memories/a%2Fb"),
        ("/a/b", "/a/b/memories/a/b", None, "/a/b", "/memories/a/b"),
        ("", "/new/a/b", b"/old/a%2Fb", "", "/new/a/b"),
        ("", "/\ufdd0/a/b", b"/%EF%B7%90/a%2Fb", "", "/\ufdd0/a/b"),
    ],
)
def test_scope_is_shaped(root_path: str, path: str, raw_path: bytes | None, prefix: str, below: str) -> None:
    """The path begins with root_path, whatever a host made of them, and the host's own scope is not changed."""
    scope = {"type": "http", "root_path": root_path, "path": path, "raw_path": raw_path}
    before = dict(scope)
    given = shaped(scope)
    assert scope == before
    assert (given["root_path"], given["mem0lite.path"]) == (prefix, below)
    assert given["path"].startswith(prefix)
    assert len(given["path"]) == len(prefix) + len(below.replace("%2F", "/"))


@pytest.mark.parametrize("path", ["//evil.example/redoc", "//evil.example//", "/%0D%0AX-Evil:1/redoc", "/\\evil/redoc"])
def test_redirects_stay_on_this_server(memory: Memory, path: str) -> None:
    """A prefix is inferred from what the client sent, but cannot lead elsewhere or into another header."""

    async def main() -> None:
        app = create_app(memory, SETTINGS)

        async def cutting(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "raw_path": path.encode(), "path": "/redoc"}, receive, send)

        async with _in_process(cutting) as client:
            answer = await client.get("/redoc")
            assert answer.headers["Location"] == "./docs"
            assert "X-Evil" not in answer.headers

    asyncio.run(main())


# -- lifespans


def test_lifespan_is_for_hosts_and_can_be_repeated(path: Path) -> None:
    """``app.lifespan()`` opens the file and closes it, again and again, in several event loops."""
    app = create_app(settings=Settings(db=str(path)))

    async def main() -> None:
        for _ in range(2):
            async with app.lifespan():
                assert (path.parent / f"{path.name}-wal").exists()
                assert _timers() == 1
            assert [file.name for file in path.parent.iterdir()] == [path.name]

    for _ in range(2):
        asyncio.run(main())


def test_lifespans_that_overlap_share_one_store(path: Path) -> None:
    """The file stays open, with one timer, until the last of several lifespans has ended."""
    app = create_app(settings=Settings(db=str(path)))

    async def main() -> None:
        async with app.lifespan():
            async with app.lifespan(), _in_process(app) as client:
                assert _timers() == 1
                assert (await client.get("/memories")).status_code == 200
            assert _timers() == 1
            assert len(list(path.parent.iterdir())) > 1
        assert [file.name for file in path.parent.iterdir()] == [path.name]

    asyncio.run(main())


def test_lifespan_of_a_host_fails_as_the_host_s(path: Path) -> None:
    """A host that cannot start is not started, and the file is closed."""

    async def host(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise LookupError("no database")

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def run() -> None:
        app = mounted(create_app(settings=Settings(db=str(path))), "/mem", host)
        with pytest.raises(LookupError, match="no database"):
            await app({"type": "lifespan"}, receive, None)

    asyncio.run(run())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_file_is_closed_at_exit_without_a_lifespan(tmp_path: Path) -> None:
    """A process whose host sent no lifespan events leaves one closed file behind."""
    code = (
        "import asyncio, httpx\n"
        "from mem0lite.server import Settings, create_app\n"
        "app = create_app(settings=Settings(db='agent.db', insecure=True))\n"
        "async def main():\n"
        "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://localhost') as client:\n"
        "        print((await client.get('/memories')).status_code)\n"
        "asyncio.run(main())\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("200\n200\n", "")
    assert [file.name for file in tmp_path.iterdir()] == ["agent.db"]
