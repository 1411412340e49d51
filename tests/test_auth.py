"""API keys: who is let in, and that a key pinned to a user reaches nothing of anybody else."""

import asyncio
import hashlib
import io
import json
import logging
import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from embedder import HashEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import client_of, served_by
from test_async import VERBS
from test_cli import command, environment

from mem0lite import (
    AsyncMemory,
    ConfigurationError,
    Memory,
    MemoryNotFoundError,
    PermissionDeniedError,
    ValidationError,
)
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.server import ApiKey, Settings, create_app
from mem0lite.server.examples import EXAMPLE_ID
from mem0lite.server.settings import is_loopback

ADMIN, ALICE, WRONG = "admin-3f9c", "alice-b71e", "wrong-0000"
KEYS = (ApiKey(ADMIN), ApiKey(ALICE, "alice"))
UNKNOWN = "00000000-0000-0000-0000-000000000000"
MISSING_DETAIL = {"detail": "Authentication required. Provide a Bearer token or X-API-Key header."}
INVALID_DETAIL = {"detail": "Invalid API key."}

Headers = dict[str, str]
FORMS = {
    "X-API-Key": lambda key: {"X-API-Key": key},
    "Bearer": lambda key: {"Authorization": f"Bearer {key}"},
    "Token": lambda key: {"Authorization": f"Token {key}"},
    "any case": lambda key: {"x-api-key": "", "AUTHORIZATION": f"bEARER   {key}"},
}

HELLO = [{"role": "user", "content": "red apple"}]
ROUTES: list[tuple[str, str, Any, int]] = [
    # method, path, body, and the status that alice's key gets; {id} is a memory of alice's
    ("POST", "/memories", {"messages": HELLO, "user_id": "alice"}, 200),
    ("GET", "/memories", None, 200),
    ("GET", "/memories/{id}", None, 200),
    ("PUT", "/memories/{id}", {"text": "green apple"}, 200),
    ("GET", "/memories/{id}/history", None, 200),
    ("POST", "/search", {"query": "apple", "user_id": "alice"}, 200),
    ("POST", "/context", {"query": "apple", "user_id": "alice"}, 200),
    ("GET", "/graph", None, 200),
    ("GET", "/entities", None, 200),
    ("GET", "/events", None, 200),
    ("GET", "/changes", None, 200),
    ("GET", "/export", None, 200),
    ("POST", "/import", {"lines": ['{"memory": "ripe apple"}'], "user_id": "alice"}, 403),
    ("GET", "/stats", None, 403),
    ("GET", "/usage?user_id=alice", None, 200),
    ("GET", "/check", None, 403),
    ("GET", "/metrics", None, 403),
    ("DELETE", "/memories/{id}", None, 200),
    ("DELETE", "/memories?user_id=alice", None, 200),
    ("DELETE", "/entities/user/alice", None, 200),
    ("POST", "/reset", None, 200),
    ("POST", "/erase", {"user_id": "alice"}, 403),
    ("GET", "/api-keys", None, 403),
    ("POST", "/api-keys", {}, 403),
    ("DELETE", "/api-keys/{key}", None, 403),
    ("GET", "/configure", None, 403),
    ("POST", "/configure", {"vacuum_interval_seconds": 0}, 403),
]
GUIDE = ("/guide", "/guide/search", "/guide/search.md", "/llms.txt")
PUBLIC = ("/docs", "/docs/init.js", *GUIDE, "/openapi.json", "/redoc", "/", "/health/live", "/health/ready")
every_route = pytest.mark.parametrize(("method", "path", "body", "pinned"), ROUTES, ids=lambda value: str(value)[:30])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Memory, httpx.Client]]:
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=KEYS))
        with served_by(app) as client:
            yield memory, client


@pytest.fixture
def store(served: tuple[Memory, httpx.Client]) -> Memory:
    """The served memory with what ``fill`` puts there."""
    fill(served[0])
    return served[0]


@pytest.fixture
def anyone(served: tuple[Memory, httpx.Client], store: Memory) -> httpx.Client:
    """A client without a key."""
    return served[1]


def client_with(anyone: httpx.Client, key: str) -> httpx.Client:
    return client_of(anyone.base_url, headers={"X-API-Key": key}, timeout=30)


@pytest.fixture(scope="module")
def logged_in(served: tuple[Memory, httpx.Client]) -> Iterator[httpx.Client]:
    """A client of another server of the same memory, whose host knows alice by a cookie."""

    async def user_of(scope: Mapping[str, Any]) -> str | None:
        return "alice" if (b"cookie", b"session=alice") in scope["headers"] else None

    with served_by(create_app(served[0], Settings(vacuum_interval_seconds=0), user=user_of)) as client:
        yield client


@pytest.fixture(params=["key", "login"])
def alice(request: pytest.FixtureRequest, anyone: httpx.Client, logged_in: httpx.Client) -> Iterator[httpx.Client]:
    """A client with the key that is pinned to alice, and one whom the host of a server knows as alice."""
    if request.param == "key":
        with client_with(anyone, ALICE) as client:
            yield client
    else:
        with client_of(logged_in.base_url, headers={"Cookie": "session=alice"}, timeout=30) as client:
            yield client


@pytest.fixture
def admin(anyone: httpx.Client) -> Iterator[httpx.Client]:
    """A client with the key that reaches everything."""
    with client_with(anyone, ADMIN) as client:
        yield client


def fill(memory: Memory) -> None:
    """Leave memories of alice, of bob, of both with the same agent and run, and of an agent alone; one is expired."""
    memory.reset()
    shared = {"agent_id": "bot", "run_id": "r1"}
    memory.add_many(
        [
            {"messages": "red apple", "user_id": "alice", "metadata": {"kind": "fruit", "rank": 1}},
            {"messages": "green pear", "user_id": "alice", "metadata": {"kind": "fruit", "rank": 2}, **shared},
            {"messages": "old alice", "user_id": "alice", "ttl": 0},
            {"messages": "red apple of bob", "user_id": "bob", "metadata": {"kind": "fruit", "rank": 1}},
            {"messages": "bob secret pear", "user_id": "bob", "metadata": {"kind": "secret"}, **shared},
            {"messages": "old bob", "user_id": "bob", "ttl": 0},
            {"messages": "apple of nobody", "agent_id": "bot"},
            {"messages": "apple of a run", "run_id": "r2"},
        ]
    )


ALICES = {"red apple", "green pear"}
OTHERS = {"red apple of bob", "bob secret pear", "apple of nobody", "apple of a run"}


def exports(memory: Memory) -> list[dict[str, Any]]:
    """Return every memory with its history, expired ones too."""
    lines = io.StringIO()
    memory.export(lines, show_expired=True)
    return [item for item in map(json.loads, lines.getvalue().splitlines()) if "memory" in item]


def everything(memory: Memory) -> dict[str, Any]:
    """Return every memory with its history, by its id."""
    return {item["id"]: item for item in exports(memory)}


def others(memory: Memory) -> dict[str, Any]:
    """Return everything that is not alice's."""
    return {name: item for name, item in everything(memory).items() if item.get("user_id") != "alice"}


def id_of(memory: Memory, text: str) -> str:
    [found] = [item["id"] for item in everything(memory).values() if item["memory"] == text]
    return str(found)


def listed(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {item["memory"] for item in answer.json()["results"]}


# -- who is let in


def test_every_documented_route_is_tested_here(anyone: httpx.Client) -> None:
    """A new route of the self-hosted API has to be added to this file's table; test_hosted.py has the others."""
    paths = {path: item for path, item in anyone.get("/openapi.json").json()["paths"].items() if path[-1] != "/"}
    documented = {(method.upper(), path) for path, item in paths.items() for method in item}
    tested = set()
    for method, path, _, _ in ROUTES:
        path = path.partition("?")[0].replace("{id}", "{memory_id}").replace("{key}", "{key_id}")
        tested.add((method, re.sub("/entities/.*", "/entities/{entity_type}/{entity_id}", path)))
    assert tested == {(method, path) for method, path in documented if path not in PUBLIC}


@every_route
def test_nobody_comes_in_without_a_key(
    store: Memory, anyone: httpx.Client, method: str, path: str, body: Any, pinned: int
) -> None:
    """Without a key, or with a wrong one, a route answers 401 with a challenge, before it reads the body."""
    before = everything(store)
    path = path.replace("{id}", id_of(store, "red apple"))
    missing: list[Headers] = [{}, {"X-API-Key": ""}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {ADMIN}"}]
    wrong = [form(key) for form in FORMS.values() for key in (WRONG, ADMIN[:-1], f"{ADMIN}x", f"{ALICE}:alice", "é")]
    for headers, detail in [*((one, MISSING_DETAIL) for one in missing), *((one, INVALID_DETAIL) for one in wrong)]:
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        for content in (json.dumps(body), "{not json"):
            answer = anyone.request(
                method, path, content=content, headers=[*encoded.items(), ("Content-Type", "application/json")]
            )
            assert (answer.status_code, answer.json()) == (401, detail), headers
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["X-Request-ID"]
    assert everything(store) == before


@pytest.mark.parametrize("form", FORMS)
@every_route
def test_a_key_is_taken_in_each_form(
    store: Memory, anyone: httpx.Client, method: str, path: str, body: Any, pinned: int, form: str
) -> None:
    """Each header form admits the key that reaches everything to every route, and alice's to those meant for her."""
    for key, status in ((ALICE, pinned), (ADMIN, 200)):
        fill(store)
        path_ = path.replace("{id}", id_of(store, "red apple")).replace("{key}", store.create_key()["id"])
        answer = anyone.request(method, path_, json=body, headers=FORMS[form](key))
        assert answer.status_code == status or (answer.status_code, path_) == (201, "/api-keys"), answer.text


def test_x_api_key_comes_first(anyone: httpx.Client) -> None:
    """With two keys ``X-API-Key`` counts: a wrong one is not made good by the other."""
    for x_api_key, status in ((ADMIN, 200), (WRONG, 401)):
        headers = {"X-API-Key": x_api_key, "Authorization": f"Bearer {WRONG if status == 200 else ADMIN}"}
        assert anyone.get("/memories", headers=headers).status_code == status


@pytest.mark.parametrize("path", PUBLIC)
def test_documentation_and_health_need_no_key(anyone: httpx.Client, path: str) -> None:
    """The page, its files, the document and the health routes are there for everybody."""
    assert anyone.get(path).status_code in (200, 307)


def test_metrics_need_a_key_that_reaches_everything(anyone: httpx.Client) -> None:
    """Counts of the whole store are not for one user's key."""
    pytest.importorskip("prometheus_client")
    statuses = [
        anyone.get("/metrics", headers={"X-API-Key": key} if key else {}).status_code for key in ("", ALICE, ADMIN)
    ]
    assert statuses == [401, 403, 200]


def test_document_describes_the_keys(anyone: httpx.Client) -> None:
    """The schema has mem0's two security schemes, on every route, so that the page shows Authorize."""
    document = anyone.get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert {name: {**scheme, "description": ""} for name, scheme in schemes.items()} == {
        "HTTPBearer": {"type": "http", "scheme": "bearer", "description": ""},
        "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": ""},
    }
    assert document["security"] == [{"HTTPBearer": []}, {"APIKeyHeader": []}]
    without = {
        path: one["security"] for path, item in document["paths"].items() for one in item.values() if "security" in one
    }
    assert without == {path: [{}] for path in PUBLIC if path.startswith("/health/")}


# -- what a pinned key reaches


def test_pinned_key_sees_its_user(alice: httpx.Client) -> None:
    """Lists, searches and counts know the user's own memories only, whoever else shares agent and run."""
    for path in ("/memories", "/memories?user_id=alice", "/memories?user_id=%20alice%20"):
        answer = alice.get(path)
        assert (listed(answer), answer.json()["total"]) == (ALICES, 2)
    assert listed(alice.get("/memories?show_expired=true")) == {*ALICES, "old alice"}
    for path in ("/memories?agent_id=bot", "/memories?run_id=r1", "/memories?agent_id=bot&user_id=alice"):
        assert (listed(alice.get(path)), alice.get(path).json()["total"]) == ({"green pear"}, 1)
    assert listed(alice.get("/memories?run_id=r2")) == set()
    assert listed(alice.get("/memories?project_id=none")) == set()
    for scope in ({}, {"user_id": "alice"}, {"filters": {}}, {"filters": {"user_id": ["alice"]}}):
        assert listed(alice.post("/search", json={"query": "apple pear", "threshold": 0, **scope})) == ALICES
    answer = alice.post("/search", json={"query": "apple pear secret", "threshold": 0, "agent_id": "bot"})
    assert listed(answer) == {"green pear"}


def test_pinned_key_s_scores_do_not_depend_on_others(store: Memory, alice: httpx.Client) -> None:
    """The answer to a search is what it would be if nobody else had memories."""

    def scores() -> list[tuple[str, float, Any]]:
        body = {"query": "red apple secret of bob", "threshold": 0, "explain": True}
        found = alice.post("/search", json=body).json()["results"]
        return [(item["memory"], item["score"], item["score_details"]) for item in found]

    among_others = scores()
    store.reset(user_id="bob")
    store.delete_all(agent_id="bot", filters={"user_id": None})
    assert scores() == among_others != []


def test_pinned_key_sees_its_user_s_entities(alice: httpx.Client, admin: httpx.Client) -> None:
    """Entities are the user, and the agents and runs it has memories with, which count the user's alone."""

    def entities(client: httpx.Client) -> set[tuple[str, str, int]]:
        return {(one["type"], one["id"], one["total_memories"]) for one in client.get("/entities").json()}

    assert entities(alice) == {("user", "alice", 2), ("agent", "bot", 1), ("run", "r1", 1)}
    assert ("agent", "bot", 3) in entities(admin)
    dates = {one["updated_at"] for one in alice.get("/entities").json()}
    assert dates == {item["updated_at"] for item in alice.get("/memories").json()["results"]}


@pytest.mark.parametrize("text", ["bob secret pear", "apple of nobody", "old bob"])
def test_another_s_id_is_unknown(store: Memory, alice: httpx.Client, text: str) -> None:
    """Whatever is asked of another's memory gets the answer that an id nobody has gets, and changes nothing."""
    memory_id, before = id_of(store, text), everything(store)
    for method, path, body in (
        ("GET", "/memories/{id}", None),
        ("GET", "/memories/{id}/history", None),
        ("PUT", "/memories/{id}", {"text": "mine now"}),
        ("PUT", "/memories/{id}", {"metadata": {"k": 1}}),
        ("PUT", "/memories/{id}", {"expiration_date": "never"}),
        ("PUT", "/memories/{id}", {}),
        ("PUT", "/memories/{id}", {"text": " "}),
        ("DELETE", "/memories/{id}", None),
        ("POST", "/search", {"query": "pear", "filters": {"id": "{id}"}, "threshold": 0}),
    ):
        answers = []
        for one in (memory_id, UNKNOWN):
            sent = None if body is None else json.loads(json.dumps(body).replace("{id}", one))
            answer = alice.request(method, path.replace("{id}", one), json=sent)
            answers.append((answer.status_code, answer.text.replace(one, "")))
        assert answers[0] == answers[1], (method, body)
    assert everything(store) == before


def test_every_route_keeps_to_its_key_s_user(store: Memory, alice: httpx.Client, anyone: httpx.Client) -> None:
    """Whatever route of the document is asked for what is bob's, by path, query and body, gives and changes nothing."""
    theirs, event_id = id_of(store, "bob secret pear"), store.events(user_id="bob")["results"][0]["id"]
    parts = {"memory_id": theirs, "event_id": event_id, "entity_type": "user", "entity_id": "bob"}
    before, walked = others(store), 0
    for path, item in anyone.get("/openapi.json").json()["paths"].items():
        if path == "/configure":
            continue  # has no example, and its settings are the module's
        for method, operation in item.items():
            filled = re.sub(r"\{(\w+)\}", lambda match: parts.get(match[1], "x"), path)
            [*contents] = operation.get("requestBody", {}).get("content", {}).values()
            example = json.dumps(contents[0]["example"]) if contents else "null"
            aimed = json.loads(example.replace('"alice"', '"bob"').replace(EXAMPLE_ID, theirs))
            for query, body in (({}, aimed), ({"user_id": "bob"}, aimed), ({"agent_id": "*"}, json.loads(example))):
                answer = alice.request(method, filled, params=query, json=body)
                assert answer.status_code < 500 or answer.status_code == 501
                assert "secret" not in answer.text, (method, path, query, body)
                assert others(store) == before, (method, path, query, body)
                walked += 1
    assert walked > 100


def test_histories_of_deleted_memories_are_their_user_s(store: Memory, alice: httpx.Client) -> None:
    """After a deletion the history is there for the user whose memory it was, and for nobody else's key."""
    mine, theirs = id_of(store, "red apple"), id_of(store, "bob secret pear")
    store.delete(mine)
    store.delete(theirs)
    assert [row["event"] for row in alice.get(f"/memories/{mine}/history").json()] == ["ADD", "DELETE"]
    assert alice.get(f"/memories/{theirs}/history").json() == []


def test_history_of_an_id_used_twice_is_divided(store: Memory, alice: httpx.Client, admin: httpx.Client) -> None:
    """An id that was another user's before shows each their own part of its history."""
    theirs = id_of(store, "bob secret pear")
    store.delete(theirs)
    store.import_([json.dumps({"id": theirs, "memory": "alice's by import", "user_id": "alice"})])
    assert [row["new_memory"] for row in alice.get(f"/memories/{theirs}/history").json()] == ["alice's by import"]
    assert len(admin.get(f"/memories/{theirs}/history").json()) == 3
    [exported] = [item for item in exports(store.for_user("alice")) if item["id"] == theirs]
    assert [change["new_memory"] for change in exported["history"]] == ["alice's by import"]


def test_deleting_keeps_another_s_history_of_the_same_id(store: Memory, alice: httpx.Client) -> None:
    """Whatever is deleted, the history of an id that was another's before stays that one's."""
    theirs = id_of(store, "bob secret pear")
    for expires_at in (None, 0):
        store.delete(theirs) if expires_at is None else None
        line = {"id": theirs, "memory": "x", "user_id": "alice", "expires_at": expires_at}
        store.import_([json.dumps(line)])
        assert alice.delete("/memories?user_id=alice").status_code == 200
        assert [row["event"] for row in store.for_user("bob").history(theirs)] == ["ADD", "DELETE"]


def test_another_s_expiry_hides_no_history(store: Memory, alice: httpx.Client) -> None:
    """A deleted memory's history stays when its id is another user's expired memory by now."""
    mine = id_of(store, "red apple")
    store.delete(mine)
    store.import_([json.dumps({"id": mine, "memory": "x", "user_id": "bob", "expires_at": 0})])
    assert [row["event"] for row in alice.get(f"/memories/{mine}/history").json()] == ["ADD", "DELETE"]


@pytest.mark.parametrize(
    "scope", [{}, {"user_id": "alice"}, {"user_id": " alice"}, {"agent_id": "bot"}, {"run_id": "r2", "agent_id": "x"}]
)
def test_pinned_key_adds_for_its_user(store: Memory, alice: httpx.Client, scope: dict[str, str]) -> None:
    """What is added is the user's, named or not, beside any agent and run, whatever its metadata say."""
    answer = alice.post(
        "/memories", json={"messages": [{"role": "user", "content": "a plum"}], "metadata": {"user_id": "bob"}, **scope}
    )
    item = everything(store)[answer.json()["results"][0]["id"]]
    expected = {**scope, "user_id": "alice"}
    assert item["metadata"] == {"user_id": "bob"}
    assert {name: item[name] for name in item if name.endswith("_id")} == expected


def test_adding_another_s_text_is_an_addition(store: Memory, alice: httpx.Client) -> None:
    """That another has the same text cannot be told from the answer."""
    for text in ("bob secret pear", "apple of nobody"):
        body = {"messages": [{"role": "user", "content": text}], "agent_id": "bot", "run_id": "r1"}
        assert alice.post("/memories", json=body).json()["results"][0]["event"] == "ADD"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/memories", {"messages": HELLO, "user_id": "bob"}),
        ("POST", "/memories", {"messages": HELLO, "user_id": "bob", "agent_id": "bot"}),
        ("GET", "/memories?user_id=bob", None),
        ("GET", "/memories?user_id=nobody", None),
        ("GET", "/memories?user_id=*", None),
        ("GET", "/memories?agent_id=*", None),
        ("GET", "/memories?user_id=bob&agent_id=bot", None),
        ("POST", "/search", {"query": "apple", "user_id": "bob"}),
        ("POST", "/search", {"query": "apple", "user_id": "bob", "filters": {"user_id": "alice"}}),
        ("POST", "/search", {"query": "apple", "user_id": "*"}),
        ("DELETE", "/memories?user_id=bob", None),
        ("DELETE", "/memories?user_id=bob&run_id=r1", None),
        ("DELETE", "/entities/user/bob", None),
        ("POST", "/reset", {"user_id": "bob"}),
        ("POST", "/reset", {"user_id": "bob", "agent_id": "bot"}),
        ("POST", "/reset?user_id=bob", None),
    ],
)
def test_another_s_name_is_forbidden(store: Memory, alice: httpx.Client, method: str, path: str, body: Any) -> None:
    """A request that names another user, or any by ``*``, is 403 whether that user exists or not; nothing changes."""
    before = everything(store)
    answer = alice.request(method, path, json=body)
    assert answer.status_code == 403
    assert answer.json() == {
        "detail": "Only the memories of one user can be reached here. Give the user_id of that user, or no user_id."
    }
    assert everything(store) == before


FORBIDDEN = [
    {"user_id": "bob"},
    {"user_id": "*"},
    {"user_id": ["alice", "bob"]},
    {"user_id": {"in": ["bob"]}},
    {"user_id": {"ne": "bob"}},
    {"user_id": {"nin": ["bob", "alice"]}},
    {"user_id": {"contains": "b"}},
    {"user_id": {"icontains": "ALICE"}},
    {"user_id": {"gte": "a"}},
    {"user_id": {"eq": "alice", "lt": "z"}},
    {"user_id": [None, "bob"]},
    {"AND": [{"user_id": "bob"}]},
    {"OR": [{"user_id": "alice"}, {"user_id": "bob"}]},
    {"OR": [{"user_id": "alice"}, {"user_id": "*"}]},
    {"NOT": {"user_id": "bob"}},
    {"NOT": [{"user_id": "alice"}, {"user_id": "bob"}]},
    {"NOT": {"NOT": {"user_id": "*"}}},
    {"NOT": {"user_id": None}},
    {"$or": [{"kind": "fruit"}, {"$and": [{"$not": [{"user_id": {"in": ["alice", "bob"]}}]}]}]},
    {"kind": "fruit", "AND": [{"OR": [{"AND": [{"user_id": "bob"}]}]}]},
    {"agent_id": "*"},
    {"OR": [{"user_id": "alice"}, {"run_id": "*"}]},
]
ALLOWED: list[tuple[Any, set[str]]] = [
    ({"user_id": "alice"}, ALICES),
    ({"OR": [{"user_id": "alice"}, {"agent_id": "bot"}]}, ALICES),
    ({"OR": [{"kind": "secret"}, {"memory": {"contains": "bob"}}]}, set()),
    ({"OR": [{"agent_id": "bot"}, {"run_id": {"in": ["r1", "r2"]}}]}, {"green pear"}),
    ({"NOT": {"user_id": "alice"}}, set()),
    ({"user_id": {"nin": ["alice"]}}, set()),
    ({"user_id": None}, set()),
    ({"user_id": [None, "alice"]}, ALICES),
    ({"NOT": {"kind": "fruit"}}, set()),
    ({"kind": {"ne": "nothing"}}, ALICES),
    ({"agent_id": None}, {"red apple"}),
    ({"metadata.user_id": "bob"}, set()),
    ({"metadata": {"user_id": "*"}}, set()),
    ({"agent_id": {"contains": "o"}}, {"green pear"}),
]


@pytest.mark.parametrize("filters", FORBIDDEN, ids=json.dumps)
def test_no_filter_names_another(store: Memory, alice: httpx.Client, filters: dict[str, Any]) -> None:
    """A filter that names another user or means any is 403, however it is nested, for every verb."""
    assert alice.post("/search", json={"query": "apple", "filters": filters}).status_code == 403
    before = everything(store)
    view = store.for_user("alice")
    for call in (view.get_all, view.delete_all, lambda filters: view.search("apple", filters=filters)):
        with pytest.raises(PermissionDeniedError):
            call(filters={"AND": [{"user_id": "alice"}, filters]})
    assert everything(store) == before


def test_a_star_elsewhere_is_no_id(alice: httpx.Client, admin: httpx.Client) -> None:
    """``*`` as an operand or in a list is an invalid id for every key."""
    for condition in ({"eq": "*"}, {"ne": "*"}, {"in": ["*"]}, ["*", "alice"]):
        for client in (alice, admin):
            body = {"query": "apple", "filters": {"user_id": condition}}
            assert client.post("/search", json=body).status_code == 400


@pytest.mark.parametrize(("filters", "texts"), ALLOWED, ids=[str(filters) for filters, _ in ALLOWED])
def test_no_filter_widens(alice: httpx.Client, filters: dict[str, Any], texts: set[str]) -> None:
    """Any other filter chooses among the user's memories."""
    answer = alice.post("/search", json={"query": "apple pear", "threshold": 0, "filters": filters})
    assert listed(answer) == texts


@pytest.mark.parametrize(
    ("method", "path", "left"),
    [
        ("DELETE", "/memories?user_id=alice", {"ADD", "DELETE"}),
        ("DELETE", "/entities/user/alice", {"ADD", "DELETE"}),
        ("POST", "/reset", set()),
        ("POST", "/reset?user_id=alice", set()),
    ],
)
def test_pinned_key_removes_its_user_only(
    store: Memory, alice: httpx.Client, method: str, path: str, left: set[str]
) -> None:
    """Deleting and resetting remove the user's memories, reset their histories too, and nothing of anybody else."""
    before, memory_id = others(store), id_of(store, "red apple")
    assert alice.request(method, path).status_code == 200
    assert everything(store) == others(store) == before
    assert {row["event"] for row in alice.get(f"/memories/{memory_id}/history").json()} == left


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/memories?agent_id=bot", None),
        ("DELETE", "/memories?run_id=r1", None),
        ("DELETE", "/entities/agent/bot", None),
        ("DELETE", "/entities/run/r1", None),
        ("POST", "/reset", {"agent_id": "bot"}),
        ("POST", "/reset?run_id=r1", None),
    ],
)
def test_pinned_key_removes_of_an_agent_what_is_its_user_s(
    store: Memory, alice: httpx.Client, method: str, path: str, body: Any
) -> None:
    """Removing an agent or a run removes the user's memories with it, and leaves those of others."""
    before = others(store)
    assert alice.request(method, path, json=body).status_code == 200
    assert others(store) == before
    assert listed(alice.get("/memories")) == {"red apple"}


def test_bare_delete_stays_an_error(store: Memory, alice: httpx.Client) -> None:
    """DELETE /memories without an id is 400 with a pinned key too, and removes nothing."""
    before = everything(store)
    assert alice.delete("/memories").status_code == 400
    assert everything(store) == before


# -- random filters

NAMES = st.sampled_from(["alice", "bob", "carol", "bot", "r1", "r2", "*", "fruit", "secret", "red apple", "al"])
VALUES = st.one_of(NAMES, st.none(), st.integers(0, 3))
FIELDS = st.sampled_from(["user_id", "agent_id", "run_id", "memory", "kind", "rank", "metadata.kind", "actor_id"])
OPERATORS = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "contains", "icontains"])
CONDITIONS = st.one_of(
    VALUES,
    st.lists(VALUES, max_size=3),
    st.dictionaries(OPERATORS, VALUES, min_size=1, max_size=2),
    st.fixed_dictionaries({"in": st.lists(VALUES, max_size=3)}),
    st.fixed_dictionaries({"nin": st.lists(VALUES, max_size=3)}),
)
FILTERS = st.recursive(
    st.dictionaries(FIELDS, CONDITIONS, min_size=1, max_size=2),
    lambda part: st.one_of(
        st.fixed_dictionaries({"AND": st.lists(part, max_size=3)}),
        st.fixed_dictionaries({"OR": st.lists(part, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"NOT": st.one_of(part, st.lists(part, max_size=2))}),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(filters=FILTERS, ids=st.dictionaries(st.sampled_from(["user_id", "agent_id", "run_id"]), NAMES, max_size=2))
def test_random_requests_stay_within_the_user(
    store: Memory, anyone: httpx.Client, filters: Any, ids: Mapping[str, str]
) -> None:
    """No filter and no ids make a pinned key find, count or delete what is not its user's, and what it may ask finds
    exactly the user's part of what the filter means."""
    memory, client, headers = store, anyone, {"X-API-Key": ALICE}
    before, view = others(memory), memory.for_user("alice")
    body = {"query": "apple", "filters": filters, "threshold": 0, "top_k": 100, **ids}
    answer = client.post("/search", json=body, headers=headers)
    assert answer.status_code in (200, 400, 403), answer.text
    if answer.status_code == 200:
        meant = memory.get_all(filters={"AND": [ANY_SCOPE, filters]}, **ids, top_k=100)["results"]
        expected = {item["id"] for item in meant if item.get("user_id") == "alice"}
        assert {item["id"] for item in answer.json()["results"]} == expected
        assert view.get_all(filters=filters, **ids)["total"] == len(expected)
    listing = client.get("/memories", params=ids, headers=headers)
    if listing.status_code == 200:
        assert {item["user_id"] for item in listing.json()["results"]} <= {"alice"}
        assert listing.json()["total"] == len(listing.json()["results"])
    try:
        view.delete_all(filters=filters, **ids)
    except (PermissionDeniedError, ValidationError):
        pass
    else:
        client.request("DELETE", "/memories", params=ids, headers=headers)
        client.post("/reset", json=ids or None, headers=headers)
    assert others(memory) == before
    if everything(memory) == before:
        view.add("red apple", metadata={"kind": "fruit", "rank": 1})
        view.add("green pear", agent_id="bot", run_id="r1", metadata={"kind": "fruit", "rank": 2})


# -- the views of the library

WHOLE_FILE: dict[str, Any] = {
    "vacuum": lambda view: view.vacuum(),
    "stats": lambda view: view.stats(),
    "extract": lambda view: view.extract(),
    "backup": lambda view: view.backup("never.db"),
    "import_": lambda view: view.import_(["{}"]),
    "import_from_mem0": lambda view: view.import_from_mem0("http://127.0.0.1:9"),
    "check": lambda view: view.check(),
    "erase": lambda view: view.erase(user_id="alice"),
    "reindex_graph": lambda view: view.reindex_graph(),
    "get_project": lambda view: view.get_project(),
    "update_project": lambda view: view.update_project({}),
    "get_webhooks": lambda view: view.get_webhooks(),
    "create_webhook": lambda view: view.create_webhook("https://example.com"),
    "update_webhook": lambda view: view.update_webhook("x", name="y"),
    "delete_webhook": lambda view: view.delete_webhook("x"),
    "deliver_webhooks": lambda view: view.deliver_webhooks(),
    "create_key": lambda view: view.create_key(),
    "get_keys": lambda view: view.get_keys(),
    "revoke_key": lambda view: view.revoke_key("x"),
    "revoke_all_keys": lambda view: view.revoke_all_keys(),
}
WITHIN = {
    *("add", "add_many", "update", "delete", "delete_all", "reset", "get", "get_all", "search", "context", "history"),
    *("graph", "update_many", "delete_many", "feedback", "events", "event", "changes", "usage"),
    *("create_memory_export", "get_memory_export", "summary"),
}


def test_every_verb_of_a_view_is_accounted_for() -> None:
    """A new verb has to be either confined to the user or refused to a view, and tested here."""
    assert set(VERBS) - {"close", "copy", "reembed", "restore", "export", "entities"} - WITHIN == set(WHOLE_FILE)


@pytest.mark.parametrize("verb", WHOLE_FILE)
def test_a_view_has_no_part_in_the_file_s_affairs(memory: Memory, verb: str) -> None:
    """What concerns everybody's memories is refused to a view by name."""
    with pytest.raises(PermissionDeniedError, match=verb):
        WHOLE_FILE[verb](memory.for_user("alice"))


def test_a_view_is_one_user_s(memory: Memory) -> None:
    """A view's export, entities and add_many are its user's, and closing it leaves the Memory open."""
    fill(memory)
    with memory.for_user("alice") as view:
        assert (view.user_id, memory.user_id) == ("alice", None)
        assert {item["memory"] for item in exports(view)} == {*ALICES, "old alice"}
        assert {(one["type"], one["id"]) for one in view.entities()} == {
            ("user", "alice"),
            ("agent", "bot"),
            ("run", "r1"),
        }
        view.add_many([{"messages": "a plum"}, {"messages": "a fig", "user_id": "alice"}])
        with pytest.raises(PermissionDeniedError):
            view.add_many([{"messages": "kept out"}, {"messages": "x", "user_id": "bob"}])
        assert view.get_all()["total"] == 4
        with pytest.raises(ValidationError, match="At least one filter"):
            view.delete_all()
    assert memory.get_all(user_id="bob")["total"] == 2


def test_a_view_of_a_view_is_no_way_out(memory: Memory) -> None:
    """A view cannot be made into another user's, and a view needs a valid name."""
    view = memory.for_user(7)
    assert view.for_user("7").user_id == "7"
    for other in ("bob", 8):
        with pytest.raises(PermissionDeniedError):
            view.for_user(other)
    for bad in ("*", "", "a b"):
        with pytest.raises(ValidationError):
            memory.for_user(bad)


def test_async_views(memory: Memory) -> None:
    """AsyncMemory's views see what Memory's see, and closing one leaves the others open."""
    fill(memory)

    async def main() -> None:
        async with AsyncMemory(memory) as whole:
            async with whole.for_user("alice") as view:
                assert (view.user_id, whole.user_id) == ("alice", None)
                assert (await view.get_all())["total"] == 2
            with pytest.raises(PermissionDeniedError):
                await view.search("x", user_id="bob")
            assert (await whole.get_all(user_id="bob"))["total"] == 2

    asyncio.run(main())


def test_nothing_is_embedded_for_another_s_id(path: Any) -> None:
    """An update of another's memory takes no longer than one of an unknown id: neither embeds the text."""

    class Counting(HashEmbedder):
        calls = 0

        def embed(self, texts: Any) -> Any:
            self.calls += 1
            return super().embed(texts)

    embedder = Counting()
    with Memory(path, embedder=embedder) as memory:
        theirs = memory.add("bob's", user_id="bob")["results"][0]["id"]
        before = embedder.calls
        for memory_id in (theirs, UNKNOWN):
            with pytest.raises(MemoryNotFoundError):
                memory.for_user("alice").update(memory_id, "mine")
        assert embedder.calls == before


def test_an_id_that_changes_hands_meanwhile_is_not_changed(path: Any) -> None:
    """Whose memory it is is checked in the transaction that changes it, not before the text is embedded."""

    class Meddling(HashEmbedder):
        meddle: Any = None

        def embed(self, texts: Any) -> Any:
            if self.meddle is not None:
                meddle, self.meddle = self.meddle, None
                meddle()
            return super().embed(texts)

    embedder = Meddling()
    with Memory(path, embedder=embedder) as memory:
        memory_id = memory.add("alice's", user_id="alice")["results"][0]["id"]

        def change_hands() -> None:
            memory.delete(memory_id)
            memory.import_([json.dumps({"id": memory_id, "memory": "bob's", "user_id": "bob"})])

        embedder.meddle = change_hands
        with pytest.raises(MemoryNotFoundError):
            memory.for_user("alice").update(memory_id, "mine again")
        item = memory.get(memory_id)
        assert item is not None
        assert item["memory"] == "bob's"


# -- keys as a setting


def test_keys_come_from_the_environment() -> None:
    """Keys are separated by commas, a user's name follows a colon, and mem0's variable adds one."""
    read = Settings.from_environment(
        {"MEM0LITE_API_KEYS": "k1, k2:alice ,k3:urn:x:1", "ADMIN_API_KEY": "a:b,c", "MEM0LITE_INSECURE": "1"}
    )
    assert read.api_keys == (ApiKey("k1"), ApiKey("k2", "alice"), ApiKey("k3", "urn:x:1"), ApiKey("a:b,c"))
    assert read.insecure
    assert Settings.from_environment({"MEM0LITE_API_KEYS": "", "ADMIN_API_KEY": ""}) == Settings()


@pytest.mark.parametrize(
    ("environment_", "words"),
    [
        ({"MEM0LITE_API_KEYS": "hush1,"}, "MEM0LITE_API_KEYS, entry 2"),
        ({"MEM0LITE_API_KEYS": " "}, "MEM0LITE_API_KEYS, entry 1"),
        ({"MEM0LITE_API_KEYS": ":alice"}, "MEM0LITE_API_KEYS, entry 1"),
        ({"MEM0LITE_API_KEYS": "ok,hush1:"}, "MEM0LITE_API_KEYS, entry 2: .*user_id"),
        ({"MEM0LITE_API_KEYS": "hush1:*"}, "MEM0LITE_API_KEYS, entry 1: .*user_id"),
        ({"MEM0LITE_API_KEYS": "hush1:a b"}, "MEM0LITE_API_KEYS, entry 1: .*user_id"),
        ({"MEM0LITE_API_KEYS": "hush1 hush1"}, "MEM0LITE_API_KEYS, entry 1"),
        ({"MEM0LITE_API_KEYS": "hush1é"}, "MEM0LITE_API_KEYS, entry 1"),
        ({"MEM0LITE_API_KEYS": "hush1:a,hush1:b"}, "API key 2"),
        ({"MEM0LITE_API_KEYS": "hush1:a", "ADMIN_API_KEY": "hush1"}, "API key 2"),
        ({"ADMIN_API_KEY": "hush1\n hush1"}, "ADMIN_API_KEY"),
        ({"MEM0LITE_INSECURE": "perhaps"}, "MEM0LITE_INSECURE"),
    ],
)
def test_bad_keys_are_named_by_their_place(environment_: dict[str, str], words: str) -> None:
    """A key that cannot be accepted is refused by its position; the message does not repeat it."""
    with pytest.raises(ConfigurationError, match=words) as raised:
        Settings.from_environment(environment_)
    assert "hush1" not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"


def test_the_same_key_twice_is_one_key() -> None:
    """A key may be repeated for the same user."""
    assert len(Settings(api_keys=(ApiKey("k", "u"), ApiKey("k", "u"))).api_keys) == 2


def test_keys_are_shown_nowhere(
    store: Memory, anyone: httpx.Client, admin: httpx.Client, alice: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a key nor its digest is in a representation, a log, an error or the settings that are answered."""
    shown = [repr(Settings(api_keys=KEYS)), str(KEYS)]
    with caplog.at_level(logging.DEBUG):
        for method, path, body, _ in ROUTES:
            for client in (anyone, admin, alice):
                answer = client.request(method, path.replace("{id}", UNKNOWN), json=body)
                shown += [answer.text, str(answer.headers)]
        shown.append(anyone.get("/memories", headers={"X-API-Key": WRONG}).text)
    logged = "".join(one.getMessage() for one in caplog.records if not one.name.startswith(("httpx", "httpcore")))
    for key in (ADMIN, ALICE, WRONG):
        digest = hashlib.sha256(key.encode())
        for secret in (key, digest.hexdigest(), repr(digest.digest())[2:-1]):
            assert secret not in logged
            assert not [text for text in shown if secret in text]


# -- without keys


@pytest.fixture(scope="module")
def open_server() -> Iterator[tuple[Memory, httpx.Client]]:
    """A server without keys as ``mem0lite serve`` sets it up."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        options = Settings(vacuum_interval_seconds=0, loopback_only=True, cors_origins=("https://app.example",))
        with served_by(create_app(memory, options)) as client:
            yield memory, client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost", "LOCALHOST:1", "127.0.0.1:99999", "127.9.9.9", "[::1]", "[::1]:8888")),
        *((host, 200) for host in ("localhost.", "LocalHost.:8888", "127.0.0.1.", "[127.0.0.1]", "[::1%lo]", "127.1")),
        *((host, 200) for host in ("2130706433", "0x7f.0.0.1:80", "0177.0.0.1", "[::ffff:127.0.0.1]:8888")),
        *(
            (host, 421)
            for host in ("localhost..", "[localhost]", "[]", "0", "[::ffff:10.0.0.1]", "256.0.0.1", "127.0.0.1.1")
        ),
        *((host, 421) for host in ("evil.example", "evil.example:8888", "127.0.0.1.evil.example", "localhost.evil")),
        *((host, 421) for host in ("0.0.0.0", "192.168.1.5", "[::2]:80", "[::1].evil", "", "::1", "localhost@evil")),
    ],
)
def test_only_loopback_hosts_are_answered(open_server: tuple[Memory, httpx.Client], host: str, status: int) -> None:
    """Without keys a request for another host's name, which a page can point here, is 421 on every kind of route."""
    for path in ("/memories", "/openapi.json", "/health/live"):
        assert open_server[1].get(path, headers={"Host": host}).status_code == status


def test_mounted_apps_are_asked_for_by_any_name(memory: Memory) -> None:
    """An app that is not told to leaves the check of the host to whoever mounts it."""
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        assert client.get("/memories", headers={"Host": "app.example"}).status_code == 200


def test_allowed_pages_ask_first_without_a_key() -> None:
    """A browser's question whether a page may send a key is answered without one, and the page can read a 401."""
    options = Settings(vacuum_interval_seconds=0, api_keys=KEYS, cors_origins=("https://app.example",))
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, options)) as client:
        asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-api-key"}
        answer = client.options("/memories/1", headers={"Origin": "https://app.example", **asked})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
        answer = client.get("/memories", headers={"Origin": "https://app.example"})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example")


def test_answers_are_kept_by_no_cache(admin: httpx.Client, anyone: httpx.Client) -> None:
    """Whatever may hold a memory, or tell of one, is not to be stored on its way; the documentation's files may be."""
    for client, path in (
        *(
            (admin, path)
            for path in ("/memories", "/memories/x", "/entities", "/configure", "/v1/ping/", "/metrics", "/x")
        ),
        *((anyone, path) for path in ("/memories", "/health/ready", "/openapi.json")),
    ):
        assert client.get(path).headers.get_list("Cache-Control") == ["no-store"], path
    assert admin.post("/search", json={"query": "x", "user_id": "alice"}).headers["Cache-Control"] == "no-store"
    assert anyone.get("/docs/init.js").headers.get_list("Cache-Control") == ["max-age=3600"]


def test_with_keys_any_host_is_answered(anyone: httpx.Client) -> None:
    """A server with keys can be reached by whatever name it has."""
    assert anyone.get("/memories", headers={"Host": "memory.example", "X-API-Key": ADMIN}).status_code == 200


CROSS = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Origin": "https://app.example.evil"},
]
SAME = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://{host}"},
    {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
@pytest.mark.parametrize(
    ("method", "path", "body"), [(method, path, body) for method, path, body, _ in ROUTES if method != "GET"]
)
def test_other_sites_pages_change_nothing(
    open_server: tuple[Memory, httpx.Client], headers: Headers, method: str, path: str, body: Any
) -> None:
    """Without keys a browser that acts for another site's page is answered 403, reset without a body included."""
    memory, client = open_server
    memory_id = memory.add("kept", user_id="alice")["results"][0]["id"]
    answer = client.request(method, path.replace("{id}", memory_id), json=body, headers=headers)
    assert answer.status_code == 403
    item = memory.get(memory_id)
    assert item is not None
    assert item["memory"] == "kept"


NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("headers", [*CROSS, NAVIGATION], ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/memories?user_id=alice", "/graph?entity=x", "/entities", "/v1/ping/", "/metrics"])
def test_other_sites_pages_read_nothing(
    open_server: tuple[Memory, httpx.Client], headers: Headers, method: str, path: str
) -> None:
    """Nor has such a page, by a script, an image or a link, the server read anything."""
    assert open_server[1].request(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [*CROSS, NAVIGATION], ids=str)
@pytest.mark.parametrize("path", PUBLIC)
def test_a_link_to_the_documentation_works(
    open_server: tuple[Memory, httpx.Client], anyone: httpx.Client, headers: Headers, path: str
) -> None:
    """The documentation and the health routes may be linked to and probed from anywhere."""
    for client in (open_server[1], anyone):
        assert client.get(path, headers=headers).status_code in (200, 307)


@pytest.mark.parametrize("headers", SAME, ids=str)
def test_own_page_and_other_programs_read(open_server: tuple[Memory, httpx.Client], headers: Headers) -> None:
    """Those who may change something may read it."""
    client = open_server[1]
    sent = {name: value.replace("{host}", client.base_url.netloc.decode()) for name, value in headers.items()}
    assert client.get("/memories", headers=sent).status_code == 200


@pytest.mark.parametrize("headers", [*CROSS, NAVIGATION], ids=str)
def test_with_keys_other_sites_pages_have_none(anyone: httpx.Client, headers: Headers) -> None:
    """A page of another site, which has no key, is refused before anything is read."""
    assert anyone.get("/memories?user_id=alice", headers=headers).status_code == 401


@pytest.mark.parametrize("headers", SAME, ids=str)
def test_own_page_and_other_programs_are_served(open_server: tuple[Memory, httpx.Client], headers: Headers) -> None:
    """The server's own page, allowed origins and programs that are no browsers may change what they like."""
    client = open_server[1]
    sent = {name: value.replace("{host}", client.base_url.netloc.decode()) for name, value in headers.items()}
    assert client.post("/reset", headers=sent).status_code == 200


@pytest.mark.parametrize("headers", CROSS, ids=str)
def test_with_keys_the_key_decides(admin: httpx.Client, headers: Headers) -> None:
    """Where there are keys, which no browser sends by itself, the page's site does not matter."""
    assert admin.post("/search", json={"query": "x", "user_id": "alice"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(
            (host, True)
            for host in ("127.1.2.3", "::1", "LocalHost", "localhost.", "[::1]", "::1%lo", "0:0:0:0:0:0:0:1")
        ),
        *(
            (host, True)
            for host in ("::ffff:127.0.0.1", "::FFFF:7F00:1", "127.1", "017700000001", "0X7F000001", " ::1 ")
        ),
        *(
            (host, False)
            for host in ("0.0.0.0", "", ".", "::", "0", "localhost..", "local", "[localhost]", "::ffff:0:1")
        ),
        *((host, False) for host in ("127.0.0.1.example", "localhost.example", "4294967296", "127.0.0.08", "128.1")),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """Loopback is what this machine alone can reach."""
    assert is_loopback(host) is expected


# -- the command line


@pytest.fixture
def serve(tmp_path: Any) -> Iterator[Any]:
    """A function that starts ``mem0lite serve`` with options and variables, and returns its URL at 127.0.0.1."""
    processes: list[subprocess.Popen[str]] = []

    def start(*options: str, **variables: str) -> str:
        process = subprocess.Popen(
            command("serve", "--db", tmp_path / "served.db", "--port", "0", *options),
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**variables),
        )
        processes.append(process)
        assert process.stderr
        announced = process.stderr.readline()
        port = re.search(r":(\d+) ", announced)
        assert port, announced + process.stderr.read()
        return f"http://127.0.0.1:{port[1]}"

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=60)


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment(**variables), timeout=60)


def test_served_with_keys(serve: Any, anyone: httpx.Client) -> None:
    """With keys any host may be served, and the commands show the key of their option or variable."""
    url = serve("--host", "0.0.0.0", MEM0LITE_API_KEYS=f"{ADMIN},{ALICE}:alice")
    assert httpx.get(f"{url}/memories", headers={"Host": "memory.example"}).status_code == 401
    added = run("add", "a plum", "--agent", "bot", "--url", url, "--api-key", ALICE)
    assert added.returncode == 0, added.stderr
    found = run("list", "--json", "--url", url, MEM0LITE_API_KEY=ADMIN)
    assert [item["user_id"] for item in json.loads(found.stdout)["results"]] == ["alice"]
    for options, words in (
        (["--url", url], "answered 401: Authentication required"),
        (["--url", url, "--api-key", WRONG], "answered 401: Invalid API key."),
        (["--url", url, "--user", "bob", "--api-key", ALICE], "answered 403"),
        (["--api-key", WRONG], "needs --url"),
        (["--url", url, "--api-key", f"{WRONG}\n{WRONG}"], "Invalid --api-key"),
    ):
        result = run("list", *options)
        assert result.returncode in (1, 2)
        assert words in result.stderr
        assert WRONG not in result.stderr


def test_served_without_keys(serve: Any) -> None:
    """Without keys the command answers loopback hosts only, and with --insecure any."""
    assert httpx.get(f"{serve()}/memories", headers={"Host": "evil.example"}).status_code == 421
    url = serve("--host", "0.0.0.0", MEM0LITE_INSECURE="1")
    assert httpx.get(f"{url}/memories", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        ([], {}, "API keys: none; only this machine is answered."),
        (["--host", "localhost."], {}, "API keys: none; only this machine is answered."),
        (["--insecure"], {}, "API keys: none; everyone who can connect may read and change everything."),
        ([], {"MEM0LITE_API_KEYS": f"{ADMIN},{ALICE}:a"},
         "API keys: 2, 1 for everything and 1 for one user each."),
    ],
)  # fmt: skip
def test_what_is_served_and_closed_is_said(tmp_path: Any, options: list[str], variables: Any, words: str) -> None:
    """At its start the server says which file, address, model and how many keys there are, and at its end that it
    closed the file; no key is in it."""
    path = tmp_path / "a.db"
    arguments = command("serve", "--db", "a.db", "--port", "0", *options)
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment(**variables), cwd=tmp_path)
    assert process.stderr
    said = process.stderr.readline()
    address = re.search(r"http://\S+", said)
    assert address
    assert httpx.get(f"{address[0]}/health/live").status_code == 200
    process.terminate()
    rest = process.communicate(timeout=60)[1]
    url = re.escape(address[0])
    assert re.match(
        rf"mem0lite serves {path} at {url} \(page: {url}/ui, docs: {url}/docs\) with all-MiniLM-L6-v2\. ", said
    )
    assert said.endswith(f" {words} Ctrl-C stops it.\n")
    assert rest == f"mem0lite closed {path}.\n"
    assert process.returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_misspelt_variables_are_named_by_the_command(tmp_path: Any) -> None:
    """The commands name a variable that nobody reads, and a server without the keys it was to have is none."""
    found = run("list", "--db", str(tmp_path / "a.db"), MEM0LITE_FROB="1")
    assert "does not exist" in found.stderr
    added = run("add", "x", "--user", "u", "--db", str(tmp_path / "a.db"), MEM0LITE_FROB="1")
    assert (added.returncode, added.stderr.count("MEM0LITE_FROB is not read")) == (0, 1)
    result = run("serve", "--db", str(tmp_path / "b.db"), MEM0LITE_APIKEYS=WRONG)
    assert (result.returncode, "Did you mean MEM0LITE_API_KEYS?" in result.stderr, WRONG in result.stderr) == (
        2,
        True,
        False,
    )
    assert not (tmp_path / "b.db").exists()


def test_not_served_without_keys(tmp_path: Any) -> None:
    """A host that others can reach is refused, naming the variable for keys; bad keys are refused unseen."""
    result = run("serve", "--host", "0.0.0.0", "--db", str(tmp_path / "a.db"))
    assert (result.returncode, "MEM0LITE_API_KEYS" in result.stderr) == (2, True)
    for host in ("0", "[::]", "::ffff:0.0.0.0", "0.0.0.0.", "localhost.."):
        result = run("serve", "--host", host, "--db", str(tmp_path / "a.db"))
        assert (result.returncode, "MEM0LITE_API_KEYS" in result.stderr) == (2, True), host
    result = run("serve", "--db", str(tmp_path / "a.db"), MEM0LITE_API_KEYS="hush1 hush1")
    assert (result.returncode, "entry 1" in result.stderr, "hush1" in result.stderr) == (2, True, False)
    assert not list(tmp_path.iterdir())
