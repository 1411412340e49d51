"""What mem0 was recorded to do, replayed: on its self-hosted surface, on its hosted surface, and by its class.

``data/recordings.json`` holds the requests that were recorded, with the status and the shape of each answer, and the
calls of mem0's ``Memory`` with what came of them. Every one of them gets the same here, or stands in one of the tables
of differences with the status that is answered instead and the reason. An entry that no longer differs fails.

A shape is a type (``text``, ``number``, ``bool``, ``null``, ``object``, or several with ``|`` between them), an object
of shapes, whose fields must be there (others may be too), or a list of one shape, which must hold something; ``[]`` is
an empty list.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "k"
RECORDINGS = json.loads((Path(__file__).parent / "data" / "recordings.json").read_text())


def fits(shape: Any, value: Any) -> bool:
    """Return whether a value has a shape."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(name in value and fits(one, value[name]) for name, one in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and bool(value) == bool(shape) and all(fits(shape[0], one) for one in value)
    return any(_KINDS[kind](value) for kind in shape.split("|"))


_KINDS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
}


def send(client: httpx.Client, request: str, headers: dict[str, str]) -> httpx.Response:
    """Send a request written as ``METHOD path body``."""
    method, path, *body = request.split(" ", 2)
    content = body[0].encode() if body else None
    sent = {"content-type": "application/json", **headers} if body else headers
    return client.request(method, path, content=content, headers=sent)


def same(recorded: dict[str, Any], answer: httpx.Response) -> bool:
    """Return whether an answer has the recorded status, headers and shape."""
    if answer.status_code != recorded["status"]:
        return False
    headers = {name: answer.headers.get(name, "").split(";")[0] for name in recorded["headers"]}
    if "location" in headers:  # mem0's is absolute, which is wrong behind a proxy that cuts a prefix off
        headers["location"] = urljoin(answer.url.path, headers["location"])
    return headers == recorded["headers"] and ("shape" not in recorded or fits(recorded["shape"], answer.json()))


# -- the self-hosted surface

SELF_HOSTED = {one.get("name", one["request"]): one for one in RECORDINGS["self-hosted"]}

NO_ACCOUNTS = "there are no accounts: keys are set by who runs the server"
ITS_FAILURE = "mem0's server failed there"
SAID_OTHERWISE = "the same text without the metadata is another memory"

SELF_HOSTED_DIFFERENCES = {
    "trailing slash: GET /memories/{id}/": (307, "redirected, as FastAPI does by default; the recorded server had 404"),
    "GET /redoc": (307, "there is one documentation page, to which this leads"),
    "Token scheme: GET /memories?user_id=u1": (200, "the clients' way to send a key holds on every path"),
    "GET /memories": (200, "mem0 listed rows of nulls; here it is the live memories"),
    "unknown qp: GET /memories?user_id=u1&project_id=nomatch": (200, "project_id selects here, mem0 ignored it"),
    'POST /search {"query": "python", "filters": {"user_id": "u1", "metadata.project_id": "p1"}}': (
        200,
        "metadata.k is the field k; mem0 found nothing by it",
    ),
    'POST /search {"query": "python", "filters": {"AND": [{"user_id": "u1"}]}}': (
        200,
        "an id within AND counts as an id; mem0 refused it",
    ),
    "GET /entities": (200, "the user that was added to is listed; mem0's list was empty"),
    "DELETE /entities/app/u1": (200, "an app is an entity here"),
    "GET /configure": (200, "the settings are this server's own"),
    "GET /configure/providers": (404, "there are no providers to choose from"),
    'POST /configure {"custom_instructions": "x"}': (400, ITS_FAILURE),
    "GET /requests": (404, "requests are not recorded; /metrics counts them"),
    "GET /auth/setup-status": (404, NO_ACCOUNTS),
    'POST /auth/register {"name": "A", "email": "a@example.com", "password": "password1"}': (404, NO_ACCOUNTS),
    'POST /api-keys {"label": "x"}': (201, ITS_FAILURE),
    "GET /auth/me": (404, NO_ACCOUNTS),
    'hosted path on OSS: POST /v1/memories/ {"messages": [{"role": "user", "content": "I love python"}], '
    '"user_id": "u"}': (200, "one server has both surfaces"),
    "GET /v1/ping/": (200, "one server has both surfaces"),
    "GET /memories?user_id=u1": (200, ITS_FAILURE),
    "GET /memories?user_id=u1&top_k=1": (200, f"{SAID_OTHERWISE}, and the newest"),
    'POST /search {"query": "python", "user_id": "u1", "top_k": 1}': (200, f"{SAID_OTHERWISE}, and the newest"),
}
"""What this server answers otherwise: the status, and why."""


@pytest.fixture(scope="module")
def self_hosted() -> Iterator[dict[str, httpx.Response]]:
    """The answers to all recorded requests, made one after the other, for the id of the first memory that was added."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
        with served_by(app) as client:
            answers: dict[str, httpx.Response] = {}
            memory_id = ""
            for name, recorded in SELF_HOSTED.items():
                request = recorded["request"].replace("{id}", memory_id)
                answers[name] = send(client, request, recorded.get("sent", {"X-API-Key": KEY}))
                if not memory_id and request.startswith("POST /memories "):
                    memory_id = answers[name].json()["results"][0]["id"]
            yield answers


@pytest.mark.parametrize("name", SELF_HOSTED)
def test_the_self_hosted_surface_answers_as_recorded(self_hosted, name):
    """Each recorded request to mem0's own server gets the recorded status, headers and shape, or a listed other one."""
    answer = self_hosted[name]
    if name in SELF_HOSTED_DIFFERENCES:
        assert answer.status_code == SELF_HOSTED_DIFFERENCES[name][0], answer.text
        assert not same(SELF_HOSTED[name], answer)
    else:
        assert same(SELF_HOSTED[name], answer), f"{answer.status_code} {dict(answer.headers)} {answer.text}"


@pytest.mark.parametrize("name", SELF_HOSTED)
def test_every_answer_carries_a_request_id(self_hosted, name):
    """Each answer, also one that refuses, names its request."""
    assert self_hosted[name].headers["x-request-id"]


ROUTES_LEFT_OUT = {
    r"(GET|POST|PATCH) /auth/": NO_ACCOUNTS,
    r"GET /requests": "requests are not recorded; /metrics counts them",
    r"GET /configure/providers": "there are no providers to choose from",
    r"POST /generate-instructions": "only a language model could write them",
}


def test_every_recorded_route_is_served_or_left_out_for_a_reason(self_hosted):
    """The routes of mem0's server are this server's, but for those of its accounts and its models."""
    paths = self_hosted["(schema): GET /openapi.json"].json()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    missing = set(RECORDINGS["routes"]) - served
    reasons = {route: [one for one in ROUTES_LEFT_OUT if re.match(one, route)] for route in missing}
    assert [route for route, patterns in reasons.items() if not patterns] == []
    assert {one for patterns in reasons.values() for one in patterns} == set(ROUTES_LEFT_OUT)


# -- the hosted surface

ITEM = {
    **{"id": "text", "memory": "text", "hash": "text", "user_id": "text|null", "agent_id": "text|null"},
    **{"app_id": "text|null", "run_id": "text|null", "session_id": "text|null", "metadata": "object|null"},
    **{"categories": "null", "created_at": "text", "updated_at": "text", "expiration_date": "text|null"},
}
FOUND = {**ITEM, "score": "number"}
ADDED = {"id": "text", "memory": "text", "event": "text", "data": {"memory": "text"}}
ENTITY = {
    **{"id": "text", "name": "text", "type": "text", "total_memories": "number"},
    **{"created_at": "text", "updated_at": "text"},
}
CHANGE = {
    **{"id": "text", "memory_id": "text", "old_memory": "text|null", "new_memory": "text|null", "event": "text"},
    **{"created_at": "text", "updated_at": "text"},
}
WEBHOOK = {"webhook_id": "text", "name": "text", "url": "text", "event_types": ["text"], "is_active": "bool"}
MESSAGE = {"message": "text"}
PAGE = {"count": "number", "next": "text|null", "previous": "text|null"}

HOSTED_SHAPES: list[tuple[str, Any]] = [
    (r"GET /v1/ping/", {"status": "text", "org_id": "text", "project_id": "text", "user_email": "null"}),
    (r"POST /v3/memories/add/", {**MESSAGE, "status": "text", "event_id": "text", "results": [ADDED]}),
    (
        r'POST /v1/memories/ .*"output_format": ?"v1\.1"',
        {**MESSAGE, "status": "text", "event_id": "text", "results": [ADDED]},
    ),
    (r"POST /v1/memories/ ", [ADDED]),
    (r'POST /v[12]/memories/search/ .*"output_format": ?"v1\.1"', {"results": [FOUND]}),
    (r"POST /v[12]/memories/search/", [FOUND]),
    (r"POST /v3/memories/search/", {"results": [FOUND]}),
    (r"POST /v3/memories/", {**PAGE, "results": [ITEM]}),
    (r"(POST /v2|GET /v1)/memories/\?(?=.*\bpage=)(?=.*\bpage_size=)", {**PAGE, "results": [ITEM]}),
    (r"POST /v2/memories/", [ITEM]),
    (r"GET /v1/memories/\?", [ITEM]),
    (r"GET /v1/memories/[^/]+/history/", [CHANGE]),
    (r"(GET|PUT) /v1/memories/", ITEM),
    (r"DELETE /v[12]/(memories|batch|entities)/", MESSAGE),
    (r"PUT /v1/batch/", MESSAGE),
    (r"GET /v1/entities/", {**PAGE, "results": [ENTITY]}),
    (r"POST /v1/feedback/", {**MESSAGE, "id": "text", "feedback": "text|null", "feedback_reason": "text|null"}),
    (r"POST /v1/exports/get/", {"memories": ["object"]}),
    (r"POST /v1/exports/", {**MESSAGE, "id": "text"}),
    (r"PATCH /api/v1/orgs/", {"custom_instructions": "text"}),
    (r"GET /api/v1/orgs/", {"custom_instructions": "text|null"}),
    (r"GET /api/v1/webhooks/", [WEBHOOK]),
]
"""The shape of each answer, which the recordings do not tell: the first pattern that fits the request holds."""

HOSTED_DIFFERENCES = [
    (r"GET /v1/memories/id%2F1%20x/", 400, "no id has this form; what was recorded with knew no ids"),
    (r"GET /v1/memories/id/1%20x/", 404, "nor this, which older clients do not encode"),
    (r"DELETE /v1/memories/(\?org_id=o1&project_id=p1)?$", 400, "it names nobody, and would delete everything"),
    (r"DELETE /v2/entities/user/u%201", 400, "no id has a space inside"),
    (r"POST /v1/summary/", 501, "only a language model could write it"),
    (r"GET /v2/entities/user/u1/profile/", 501, "only a language model could write it"),
]
"""What is not answered with success: a pattern of requests, the status, and why."""

HOSTED = [(client, request) for client, requests in RECORDINGS["hosted"].items() for request in requests]


@pytest.fixture(scope="module")
def hosted() -> Iterator[tuple[Memory, httpx.Client]]:
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
        with served_by(app) as client:
            memory.create_webhook("https://example.com/hook", name="hook", event_types=["memory_add"], is_active=False)
            yield memory, client


def replayed(hosted: tuple[Memory, httpx.Client], request: str) -> httpx.Response:
    """Send a request a client was recorded to send, for a memory and an export that are there."""
    memory, client = hosted
    memory.reset()
    [added] = memory.add("q", user_id="u1")["results"]
    memory.add("q", user_id="u")
    if "/exports/get/" in request:
        export = memory.create_memory_export({"properties": {"memory": {}}}, {"user_id": "u1"})
        request = request.replace('"x"', json.dumps(export["id"]))
    for here in ("/m1/", '"m1"'):
        request = request.replace(here, here.replace("m1", added["id"]))
    return send(client, request, {"Authorization": f"Token {KEY}"})


@pytest.mark.parametrize(("client", "request_"), HOSTED, ids=[f"{client}: {request}" for client, request in HOSTED])
def test_the_hosted_surface_answers_what_clients_were_recorded_to_ask(hosted, client, request_):
    """Each request that a client was recorded to send gets an answer of the contract's shape, or a listed status."""
    answer = replayed(hosted, request_)
    if listed := [status for pattern, status, _ in HOSTED_DIFFERENCES if re.match(pattern, request_)]:
        assert [answer.status_code] == listed, answer.text
        return
    shape = next(shape for pattern, shape in HOSTED_SHAPES if re.match(pattern, request_))
    assert answer.status_code == 200, answer.text
    assert fits(shape, answer.json()), answer.text


# -- the class

CLASS = {one["call"]: one for one in RECORDINGS["class"]}

SHORT = {
    **{"project_id": "p1", "memory_lifespan": "short_term", "memory_category": "informational"},
    **{"domain_tags": ["python", "fastapi"], "n": 5},
}
TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "I love python and fastapi", "name": "bob"},
    {"role": "assistant", "content": "noted"},
]
U1 = {"user_id": "u1"}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
HIKING = "User likes hiking in Peru"

Call = Callable[[Memory, str], Any]
CALLS: dict[str, Call] = {
    "add infer=False list": lambda m, _: m.add(TALK, **U1, metadata=SHORT, infer=False),
    "add infer=True": lambda m, _: m.add(HIKING, **U1, metadata={"project_id": "p2", "n": 10}),
    "add again (dup)": lambda m, _: m.add(HIKING, **U1),
    "add infer=False dup": lambda m, _: m.add("noted", **U1, infer=False),
    "add expired": lambda m, _: m.add("old expired thing", **U1, expiration_date="2020-01-01", infer=False),
    "add no ids": lambda m, _: m.add("x"),
    "add bad exp": lambda m, _: m.add("x", **U1, expiration_date="bad"),
    "add ws id": lambda m, _: m.add("x", user_id="a b"),
    "add int id": lambda m, _: m.add("int user", user_id=5, infer=False),
    "add bad type": lambda m, _: m.add("x", **U1, memory_type="core"),
    "add int msg": lambda m, _: m.add(5, **U1),  # type: ignore[arg-type]
    "add timestamp": lambda m, _: m.add("x", agent_id="other", timestamp=1),
    "add empty list": lambda m, _: m.add([], **U1),
    "add extra kw": lambda m, _: m.add("x", **U1, enable_graph=True),  # type: ignore[call-arg]
    "get": lambda m, one: m.get(one),
    "get missing uuid": lambda m, _: m.get(UNKNOWN),
    "get non-uuid": lambda m, _: m.get("nope"),
    "get_all": lambda m, _: m.get_all(filters={**U1, "project_id": "p1"}),
    "get_all user_id=": lambda m, _: m.get_all(**U1),
    "get_all none": lambda m, _: m.get_all(),
    "get_all limit=": lambda m, _: len(m.get_all(filters=U1, limit=10)["results"]),
    "get_all top_k0": lambda m, _: m.get_all(filters={**U1, "project_id": "p1"}, top_k=0),
    "get_all show_expired": lambda m, _: m.get_all(filters=U1, show_expired=True),
    "search": lambda m, _: m.search("python", filters=U1, top_k=1, threshold=0, explain=True),
    "search user_id=": lambda m, _: m.search("python", **U1),
    "search empty": lambda m, _: m.search("  ", filters=U1),
    "search thr": lambda m, _: m.search("python", filters=U1, threshold=2),
    "AND user_id nested": lambda m, _: m.get_all(filters={"AND": [U1]}),
    "OR user_id nested": lambda m, _: m.get_all(filters={"OR": [U1]}),
    "user_id in": lambda m, _: m.get_all(filters={"user_id": {"in": ["u1"]}}),
    "user_id *": lambda m, _: len(m.get_all(filters={"user_id": "*"})["results"]),
    "update text": lambda m, one: m.update(one, "I love rust"),
    "update data": lambda m, one: m.update(one, data="I love rust2"),
    "update meta": lambda m, one: m.update(one, metadata={"k": 1, "project_id": "pX"}),
    "update exp": lambda m, one: m.update(one, expiration_date="2099-01-01"),
    "update nothing": lambda m, one: m.update(one),
    "update missing": lambda m, _: m.update(UNKNOWN, "x"),
    "get after": lambda m, one: m.get(one),
    "history": lambda m, one: m.history(one),
    "history missing": lambda m, _: m.history(UNKNOWN),
    "delete": lambda m, one: m.delete(one),
    "delete again": lambda m, one: m.delete(one),
    "history after delete": lambda m, one: [
        [row["event"], row["old_memory"], row["new_memory"], row["is_deleted"]] for row in m.history(one)
    ],
    "delete_all none": lambda m, _: m.delete_all(),
    "delete_all": lambda m, _: m.delete_all(**U1),
    "count": lambda m, _: len(m.get_all(filters=U1)["results"]),
    "reset": lambda m, _: m.reset(),
    "chat": lambda m, _: m.chat("hello"),  # type: ignore[attr-defined]
    "project.update": lambda m, _: m.project.update(custom_instructions="x"),  # type: ignore[attr-defined]
    "ctx": lambda m, _: m.__enter__() is m,
    "close": lambda m, _: m.close(),
}
"""The recorded calls, made in this order; the id is that of the first memory."""


def call_of(name: str) -> Call:
    """Return what makes a recorded call; those of the filters are named after the filter."""
    verb, _, written = name.partition(" ")
    if verb not in ("SEARCH", "GETALL"):
        return CALLS[name]
    filters = {**U1, **json.loads(written)}
    if verb == "SEARCH":
        return lambda m, _: m.search("python", filters=filters, threshold=0)
    return lambda m, _: m.get_all(filters=filters)


def outcome_of(call: Call, memory: Memory, memory_id: str) -> Any:
    """Return what a call returned, or the exception it raised."""
    try:
        return call(memory, memory_id)
    except Exception as error:
        return error


def came_out(recorded: dict[str, Any], outcome: Any) -> bool:
    """Return whether a call came out as recorded."""
    if "error" in recorded:
        return recorded["error"] in {cls.__name__ for cls in type(outcome).__mro__}
    if isinstance(outcome, Exception):
        return False
    if "texts" in recorded:
        return sorted(item["memory"] for item in outcome["results"]) == recorded["texts"]
    if "shape" in recorded:
        return fits(recorded["shape"], outcome)
    return bool(recorded["value"] == outcome)


LOVE = "I love python and fastapi"
EVERYTHING = [LOVE, HIKING, HIKING, "noted", "noted"]
FOUND_HERE = {"results": [{"id": "text", "memory": "text", "hash": "text", "metadata": "object|null"}]}
OLDER_CALLERS = "callers of mem0 1.x name their user at the top level, which works here too"
NESTED_IDS = "an id inside AND, OR or in counts as an id"
LACKING = "a memory that lacks the key satisfies ne and nin"
PRESENT = "an asterisk asks for a key that is there"
SAME_FIELD = "metadata.k, k and metadata: {k: …} are one field"
SUBSTRING = "contains looks for a substring in a text"
NO_SUCH_KEY = "null asks for a memory without the key"


def both(filters: str, ours: dict[str, Any], reason: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Return a filter's differences, which are the same in a search and in a listing."""
    return {f"{verb} {filters}": (ours, reason) for verb in ("SEARCH", "GETALL")}


CLASS_DIFFERENCES: dict[str, tuple[dict[str, Any], str]] = {
    "add again (dup)": ({"shape": {"results": [{"id": "text", "memory": "text", "event": "text"}]}}, SAID_OTHERWISE),
    "get_all limit=": ({"value": 5}, SAID_OTHERWISE),
    "get_all show_expired": ({"texts": [*EVERYTHING, "old expired thing"]}, SAID_OTHERWISE),
    "user_id *": ({"value": 6}, SAID_OTHERWISE),
    **both("{}", {"texts": EVERYTHING}, SAID_OTHERWISE),
    **both('{"created_at": {"gte": "2020-01-01"}}', {"texts": EVERYTHING}, SAID_OTHERWISE),
    **both('{"NOT": [{"project_id": "p1"}]}', {"texts": [HIKING, HIKING, "noted"]}, SAID_OTHERWISE),
    **both('{"AND": [{"NOT": [{"n": 5}]}]}', {"texts": [HIKING, HIKING, "noted"]}, SAID_OTHERWISE),
    "add timestamp": (
        {"shape": {"results": [{"id": "text", "memory": "text", "event": "text"}]}},
        "a memory may say when it was said; mem0's class leaves that to the hosted service",
    ),
    "get_all user_id=": ({"shape": FOUND_HERE}, OLDER_CALLERS),
    "search user_id=": ({"shape": FOUND_HERE}, OLDER_CALLERS),
    "get_all top_k0": ({"shape": {"results": []}}, "no memories are none; mem0 returned one"),
    **both('{"metadata.project_id": "p1"}', {"texts": [LOVE, "noted"]}, SAME_FIELD),
    **both('{"metadata": {"project_id": "p1"}}', {"texts": [LOVE, "noted"]}, SAME_FIELD),
    **both('{"n": {"ne": 5}}', {"texts": [HIKING, HIKING, "noted"]}, LACKING),
    **both('{"n": {"nin": [5, 7]}}', {"texts": [HIKING, HIKING, "noted"]}, LACKING),
    **both('{"n": "*"}', {"texts": [LOVE, HIKING, "noted"]}, PRESENT),
    **both('{"nope": "*"}', {"texts": []}, PRESENT),
    **both('{"project_id": {"contains": "p"}}', {"texts": [LOVE, HIKING, "noted"]}, SUBSTRING),
    **both('{"project_id": {"icontains": "P"}}', {"texts": [LOVE, HIKING, "noted"]}, SUBSTRING),
    **both('{"project_id": null}', {"texts": [HIKING, "noted"]}, NO_SUCH_KEY),
    "AND user_id nested": ({"shape": FOUND_HERE}, NESTED_IDS),
    "OR user_id nested": ({"shape": FOUND_HERE}, NESTED_IDS),
    "user_id in": ({"shape": FOUND_HERE}, NESTED_IDS),
    "chat": ({"error": "AttributeError"}, "mem0 never implemented it"),
    "project.update": ({"error": "AttributeError"}, "the class has update_project(); mem0's refuses"),
}
"""What comes out otherwise here, written like a recording, and why."""


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of the recorded calls, made one after the other."""
    memory = Memory(tmp_path_factory.mktemp("class") / "agent.db", embedder=HashEmbedder())
    outcomes: dict[str, Any] = {}
    memory_id = ""
    for name in CLASS:
        outcomes[name] = outcome_of(call_of(name), memory, memory_id)
        memory_id = memory_id or outcomes[name]["results"][0]["id"]
    return outcomes


@pytest.mark.parametrize("name", CLASS)
def test_the_class_does_what_was_recorded(class_, name):
    """Each recorded call of mem0's class returns the recorded shape, texts or error here, or what is listed instead."""
    if name in CLASS_DIFFERENCES:
        assert came_out(CLASS_DIFFERENCES[name][0], class_[name]), class_[name]
        assert not came_out(CLASS[name], class_[name])
    else:
        assert came_out(CLASS[name], class_[name]), class_[name]
