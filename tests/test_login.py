"""The host's own login decides whose memories a request sees. test_auth.py has what such a user reaches."""

import contextvars
import functools
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from litestar import Litestar
from serving import served_by
from starlette.middleware.sessions import SessionMiddleware
from test_auth import PUBLIC
from test_mount import _django as django_host

from mem0lite import ConfigurationError, Memory
from mem0lite.server import ApiKey, MemoryPlugin, Settings, create_app

QUIET = Settings(vacuum_interval_seconds=0)
OTHERS = Settings(vacuum_interval_seconds=0, api_keys=(ApiKey("boss"), ApiKey("of-bob", "bob")))
Scope = Mapping[str, Any]


def named(scope: Scope) -> str | None:
    """The host of these tests believes a header."""
    return next((value.decode() for name, value in scope["headers"] if name == b"x-user"), None)


async def named_async(scope: Scope) -> str | None:
    return named(scope)


class Named:
    """A login that is an object."""

    async def __call__(self, scope: Scope) -> str | None:
        return named(scope)


LOGINS: dict[str, Callable[..., Any]] = {
    "def": named,
    "async def": named_async,
    "object": Named(),
    "partial": functools.partial(named_async),
    "lambda": lambda scope: named_async(scope),
}


def as_user(client: httpx.Client, user: str | None, method: str, path: str, **asked: Any) -> httpx.Response:
    return client.request(method, path, headers={} if user is None else {"X-User": user}, **asked)


def texts(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["memory"] for item in answer.json()["results"]]


@pytest.fixture
def filled(memory: Memory) -> Memory:
    for user in ("alice", "bob"):
        memory.add(f"tea of {user}", user_id=user)
    return memory


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_the_login_decides(filled: Memory, login: Any) -> None:
    """On both REST APIs and for MCP a request sees what belongs to the user that the host knows, and no other."""
    with served_by(create_app(filled, QUIET, user=login)) as client:
        for user in ("alice", "bob"):
            mine = [f"tea of {user}"]
            assert texts(as_user(client, user, "GET", "/memories")) == mine
            assert texts(as_user(client, user, "POST", "/search", json={"query": "tea", "threshold": 0})) == mine
            found = as_user(client, user, "POST", "/v3/memories/", json={"filters": {"user_id": user}})
            assert texts(found) == mine
            call = {"name": "search_memories", "arguments": {"query": "tea"}}
            asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
            told = as_user(client, user, "POST", f"/mcp?user_id={user}", json=asked).text
            assert f"tea of {user}" in told
            assert told.count("tea of") == told.count(f"tea of {user}")
        for method, path, body in (
            ("GET", "/memories?user_id=bob", None),
            ("POST", "/search", {"query": "tea", "user_id": "bob"}),
            ("POST", "/v3/memories/", {"filters": {"user_id": "bob"}}),
            ("POST", "/mcp?user_id=bob", {"jsonrpc": "2.0", "id": 1, "method": "ping"}),
            ("GET", "/metrics", None),
            ("GET", "/api-keys", None),
            ("GET", "/configure", None),
        ):
            assert as_user(client, "alice", method, path, json=body).status_code == 403, path
            assert as_user(client, None, method, path, json=body).status_code == 401, path
        for path in PUBLIC:
            assert as_user(client, None, "GET", path).status_code in (200, 307), path


def test_users_at_the_same_time_are_not_confused(filled: Memory) -> None:
    """Requests of several users that are answered at once each see their own."""
    with served_by(create_app(filled, QUIET, user=named)) as client, ThreadPoolExecutor(8) as pool:
        users = ["alice", "bob", "carol"] * 30
        answers = list(pool.map(lambda user: texts(as_user(client, user, "GET", "/memories")), users))
    assert answers == [[f"tea of {user}"] if user != "carol" else [] for user in users]


def test_what_is_added_is_the_user_s(memory: Memory) -> None:
    """A memory that names nobody belongs to the user that the host knows."""
    with served_by(create_app(memory, QUIET, user=named)) as client:
        body = {"messages": [{"role": "user", "content": "tea"}]}
        assert as_user(client, "alice", "POST", "/memories", json=body).status_code == 200
        assert as_user(client, "alice", "POST", "/memories", json={**body, "user_id": "bob"}).status_code == 403
        assert as_user(client, None, "POST", "/memories", json=body).status_code == 401
    assert [item["user_id"] for item in memory.get_all(filters={"user_id": "*"})["results"]] == ["alice"]


@pytest.mark.parametrize("user", ["", " ", "*", "a b", "x" * 10_000, True, False, 1.5, b"alice", ["alice"], object])
def test_what_is_no_id_lets_nobody_in(filled: Memory, caplog: pytest.LogCaptureFixture, user: Any) -> None:
    """A login that returns something else than an id or None is the host's fault: it is logged, and nobody gets in."""
    with caplog.at_level(logging.CRITICAL, "mem0lite"), served_by(create_app(filled, QUIET, user=lambda _: user)) as c:
        for path in ("/memories", "/metrics", "/v1/memories/?user_id=alice"):
            answer = c.get(path)
            assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})


def test_a_login_that_fails_lets_nobody_in(filled: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """An error of the login is answered 500, and logged with its traceback."""

    def login(scope: Scope) -> str:
        raise LookupError("no session store")

    with served_by(create_app(filled, QUIET, user=login)) as client:
        assert client.get("/memories").status_code == 500
    assert "no session store" in caplog.text


@pytest.mark.parametrize("user", [0, "alice", 7])
def test_what_cannot_be_called_is_refused(memory: Memory, user: Any) -> None:
    """``user`` is a function."""
    with pytest.raises(ConfigurationError, match=r"user: must be a function.*user_of\(scope\)"):
        create_app(memory, QUIET, user=user)


def test_a_number_is_an_id(memory: Memory) -> None:
    """A host may count its users."""
    memory.add("tea", user_id=7)
    with served_by(create_app(memory, QUIET, user=lambda _: 7)) as client:
        assert texts(client.get("/memories")) == ["tea"]


def test_pages_of_other_sites_get_nothing(filled: Memory) -> None:
    """A browser sends the host's cookie with what another site's page asks for: that is refused, unless allowed."""
    with served_by(create_app(filled, QUIET, user=named)) as client:
        for sent in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            headers = {"X-User": "alice", **sent}
            for method, path in (("GET", "/memories"), ("POST", "/reset"), ("DELETE", "/memories?user_id=alice")):
                assert client.request(method, path, headers=headers).status_code == 403
        headers = {"X-User": "alice", "Sec-Fetch-Site": "same-origin"}
        assert texts(client.get("/memories", headers=headers)) == ["tea of alice"]
    allowed = Settings(vacuum_interval_seconds=0, cors_origins=("https://app.example",))
    with served_by(create_app(filled, allowed, user=named)) as client:
        headers = {"X-User": "alice", "Origin": "https://app.example"}
        assert texts(client.get("/memories", headers=headers)) == ["tea of alice"]


def test_keys_work_beside_it(filled: Memory) -> None:
    """A key that the settings or the store know decides, whoever is logged in; the host's own tokens are no keys."""
    with served_by(create_app(filled, OTHERS, user=named)) as client:
        made = filled.create_key(user_id="bob")["key"]
        for key, statuses in (("boss", 200), ("of-bob", 403), (made, 403)):
            headers = {"X-User": "alice", "Authorization": f"Bearer {key}"}
            assert client.get("/metrics", headers=headers).status_code == statuses
            assert "tea of bob" in texts(client.get("/memories", headers=headers))
        headers = {"X-User": "alice", "Authorization": "Bearer the.host's.token"}
        assert texts(client.get("/memories", headers=headers)) == ["tea of alice"]
        assert client.get("/memories", headers={"Authorization": "Bearer the.host's.token"}).status_code == 401


def test_the_login_sees_what_the_host_passes_on(filled: Memory) -> None:
    """It gets the scope as the host's middleware left it, with the context variables of the request."""
    seen: list[tuple[str, str]] = []
    current: contextvars.ContextVar[str] = contextvars.ContextVar("current")

    def login(scope: Scope) -> str:
        seen.append((scope["method"], scope["app"]))
        return current.get()

    app = create_app(filled, QUIET, user=login)

    async def host(scope: Any, receive: Any, send: Any) -> None:
        current.set("bob")
        await app({**scope, "app": "the host", "user": "bob"} if scope["type"] == "http" else scope, receive, send)

    with served_by(host) as client:
        assert texts(client.get("/memories")) == ["tea of bob"]
        assert client.head("/memories").status_code == 200
    assert seen == [("GET", "the host"), ("HEAD", "the host")]


# -- in frameworks


def session_host(memory: Memory) -> FastAPI:
    memories = create_app(memory, QUIET, user=lambda scope: scope["session"].get("user"))
    app = FastAPI(lifespan=lambda _: memories.lifespan())

    @app.post("/login/{name}")
    async def login(name: str, request: Request) -> str:
        request.session["user"] = name
        return name

    app.mount("/mem", memories)
    app.add_middleware(SessionMiddleware, secret_key="for tests")
    return app


def test_in_fastapi(filled: Memory) -> None:
    """With the session of Starlette's middleware, a mounted server knows who is logged in."""
    with served_by(session_host(filled)) as client:
        assert client.get("/mem/memories").status_code == 401
        assert client.get("/mem/docs").status_code == 200
        for user in ("alice", "bob"):
            assert client.post(f"/login/{user}").status_code == 200
            assert texts(client.get("/mem/memories")) == [f"tea of {user}"]
        client.cookies.set("session", "forged", domain="127.0.0.1", path="/")
        assert client.get("/mem/memories", headers={"Cookie": "session=forged"}).status_code == 401


def test_in_litestar(filled: Memory) -> None:
    """The plugin takes the same argument."""
    app = Litestar(plugins=[MemoryPlugin("/mem", filled, QUIET, user=named)], logging_config=None)
    with served_by(app) as client:
        assert as_user(client, None, "GET", "/mem/memories").status_code == 401
        assert texts(as_user(client, "alice", "GET", "/mem/memories")) == ["tea of alice"]


def test_in_django(filled: Memory) -> None:
    """A session of Django, read from its cookie, tells who is logged in."""
    from django.contrib.sessions.backends.signed_cookies import SessionStore
    from django.http import parse_cookie

    def user_of(scope: Scope) -> str | None:
        cookies = parse_cookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
        return SessionStore(cookies.get("sessionid")).get("_auth_user_id")

    app = django_host(create_app(filled, QUIET, user=user_of), "/mem", lifespan=False)
    session = SessionStore()
    session["_auth_user_id"] = "alice"
    session.save()

    with served_by(app) as client:
        assert client.get("/mem/memories").status_code == 401
        headers = {"Cookie": f"sessionid={session.session_key}"}
        assert texts(client.get("/mem/memories", headers=headers)) == ["tea of alice"]
        assert client.get("/mem/memories", headers={"Cookie": "sessionid=alice"}).status_code == 401
