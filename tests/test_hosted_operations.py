"""Every operation of mem0's hosted API that its reference or a client names: served, or refused with a reason.

``OPERATIONS`` is the table: method, path, a body, and ``SERVED`` or a part of the sentence that says why not (501).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import serving
import starlette.applications
import starlette.routing
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import ApiKey, Settings, create_app

served, store, client = serving.served, serving.store, serving.client

SERVED = "served"
MODEL, ACCOUNTS, MEMBERS = "language model", "no accounts", "no members"
OTHER_ORGANIZATION, OTHER_PROJECT, STAYS = (
    "only one organization here",
    "only one project here",
    "reset",
)
RUSH = "a game on mem0's own platform"

ORG = "/api/v1/orgs/organizations/{org_id}/"
PROJECT = f"{ORG}projects/{{project_id}}/"
MEMBER = {"email": "ann@example.com", "role": "READER"}
HELLO = [{"role": "user", "content": "I love python"}]
BY_USER = {"filters": {"AND": [{"user_id": "alice"}]}}
HOOK = {"url": "https://hooks.example/memory", "name": "log", "event_types": ["memory:add"], "is_active": False}

OPERATIONS: list[tuple[str, str, Any, str]] = [
    # of the reference's OpenAPI document
    ("POST", "/v1/users/", {"user_id": "alice"}, SERVED),
    ("POST", "/v1/agents/", {"agent_id": "bot"}, SERVED),
    ("POST", "/v1/apps/", {"app_id": "inbox"}, SERVED),
    ("POST", "/v1/runs/", {"run_id": "r"}, SERVED),
    ("GET", "/v1/entities/", None, SERVED),
    ("GET", "/v1/entities/filters/", None, SERVED),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/", None, SERVED),
    ("DELETE", "/v1/entities/{entity_type}/{entity_id}/", None, SERVED),
    ("GET", "/v2/entities/{entity_type}/{entity_id}/", None, SERVED),
    ("DELETE", "/v2/entities/{entity_type}/{entity_id}/", None, SERVED),
    ("GET", "/v1/events/", None, SERVED),
    ("GET", "/v1/event/{event_id}/", None, SERVED),
    ("POST", "/v1/exports/", {"schema": {"memory": "string"}, **BY_USER}, SERVED),
    ("POST", "/v1/exports/get", BY_USER, SERVED),  # so it stands there; the clients send the slash
    ("POST", "/v1/exports/get/", BY_USER, SERVED),
    ("GET", "/v1/exports/?user_id=alice", None, SERVED),
    ("GET", "/v1/memories/?user_id=alice", None, SERVED),
    ("POST", "/v1/memories/", {"messages": HELLO, "user_id": "alice"}, SERVED),
    ("DELETE", "/v1/memories/?user_id=alice", None, SERVED),
    ("POST", "/v2/memories/", BY_USER, SERVED),
    ("POST", "/v3/memories/", BY_USER, SERVED),
    ("POST", "/v3/memories/add/", {"messages": HELLO, "user_id": "alice"}, SERVED),
    ("GET", "/v1/memories/events/", None, SERVED),
    ("POST", "/v1/memories/search/", {"query": "tea", "user_id": "alice"}, SERVED),
    ("POST", "/v2/memories/search/", {"query": "tea", **BY_USER}, SERVED),
    ("POST", "/v3/memories/search/", {"query": "tea", **BY_USER}, SERVED),
    ("GET", "/v1/memories/{entity_type}/{entity_id}/", None, SERVED),
    ("GET", "/v1/memories/{memory_id}/", None, SERVED),
    ("PUT", "/v1/memories/{memory_id}/", {"text": "green tea"}, SERVED),
    ("DELETE", "/v1/memories/{memory_id}/", None, SERVED),
    ("GET", "/v1/memories/{memory_id}/history/", None, SERVED),
    ("PUT", "/v1/batch/", {"memories": [{"memory_id": "{memory_id}", "text": "green tea"}]}, SERVED),
    ("DELETE", "/v1/batch/", {"memory_ids": ["{memory_id}"]}, SERVED),
    ("GET", "/v1/stats/", None, SERVED),
    ("POST", "/v1/feedback/", {"memory_id": "{memory_id}", "feedback": "POSITIVE"}, SERVED),
    ("GET", "/api/v1/orgs/organizations/", None, SERVED),
    ("POST", "/api/v1/orgs/organizations/", {"name": "x"}, OTHER_ORGANIZATION),
    ("GET", ORG, None, SERVED),
    ("DELETE", ORG, None, STAYS),
    ("GET", f"{ORG}members/", None, SERVED),
    ("POST", f"{ORG}members/", MEMBER, MEMBERS),
    ("PUT", f"{ORG}members/", MEMBER, MEMBERS),
    ("DELETE", f"{ORG}members/", {"email": "ann@example.com"}, MEMBERS),
    ("GET", f"{ORG}projects/", None, SERVED),
    ("POST", f"{ORG}projects/", {"name": "x"}, OTHER_PROJECT),
    ("GET", PROJECT, None, SERVED),
    ("PATCH", PROJECT, {"name": "Kitchen", "custom_instructions": ["Keep food"]}, SERVED),
    ("DELETE", PROJECT, None, STAYS),
    ("GET", f"{PROJECT}members/", None, SERVED),
    ("POST", f"{PROJECT}members/", MEMBER, MEMBERS),
    ("PUT", f"{PROJECT}members/", MEMBER, MEMBERS),
    ("DELETE", f"{PROJECT}members/?email=ann@example.com", None, MEMBERS),
    ("GET", "/api/v1/webhooks/projects/{project_id}/", None, SERVED),
    ("POST", "/api/v1/webhooks/projects/{project_id}/", HOOK, SERVED),
    ("PUT", "/api/v1/webhooks/{webhook_id}/", {"name": "x"}, SERVED),
    ("DELETE", "/api/v1/webhooks/{webhook_id}/", None, SERVED),
    # of its pages about profiles and Dream
    ("GET", "/v2/entities/{entity_type}/{entity_id}/profile/", None, MODEL),
    ("GET", "/v2/profiles/settings/", None, MODEL),
    ("POST", "/v2/profiles/settings/", {"enabled": True}, MODEL),
    ("GET", "/v2/profiles/jobs/", None, MODEL),
    ("POST", "/v2/profiles/jobs/", {"mode": "sample"}, MODEL),
    ("GET", "/v2/profiles/jobs/{job_id}/", None, MODEL),
    ("POST", "/v2/profiles/trigger/", {"user_id": "alice"}, MODEL),
    ("POST", "/v2/profiles/samples/", {}, MODEL),
    ("POST", "/v2/profiles/regenerate/", {}, MODEL),
    ("GET", f"{PROJECT}dream/config/", None, MODEL),
    ("PATCH", f"{PROJECT}dream/config/", {"enabled": True}, MODEL),
    ("POST", f"{PROJECT}dream/preview/", {}, MODEL),
    ("GET", f"{PROJECT}dream/stats/", None, MODEL),
    ("GET", f"{PROJECT}dream/activity/", None, MODEL),
    ("GET", f"{PROJECT}dream/runs/", None, MODEL),
    ("GET", f"{PROJECT}dream/runs/{{run_id}}/memories/", None, MODEL),
    ("GET", f"{PROJECT}dream/memory/{{memory_id}}/sources/", None, MODEL),
    # of its examples alone
    ("GET", "/api/v1/webhooks/{project_id}/webhook/", None, SERVED),
    ("POST", "/api/v1/webhooks/{project_id}/webhook/", HOOK, SERVED),
    ("PUT", "/api/v1/webhooks/{webhook_id}/webhook/", {"name": "x"}, SERVED),
    ("DELETE", "/api/v1/webhooks/{webhook_id}/webhook/", None, SERVED),
    # of its clients alone
    ("GET", "/v1/ping/", None, SERVED),
    ("POST", "/v1/summary/", BY_USER, MODEL),
    ("POST", "/api/v1/auth/agent_mode/", {"source": "cli"}, ACCOUNTS),
    ("PATCH", "/api/v1/auth/agent_mode/caller/", {"agent_caller": "bot"}, ACCOUNTS),
    ("POST", "/api/v1/auth/email_code/", {"email": "ann@example.com"}, ACCOUNTS),
    ("POST", "/api/v1/auth/email_code/verify/", {"email": "ann@example.com", "code": "1"}, ACCOUNTS),
    ("POST", "/v1/agent-rush/memories/", {"content": "tea"}, RUSH),
    ("POST", "/v1/agent-rush/memories/search/", {"query": "tea"}, RUSH),
]

ANSWERED_BY_A_MODEL = {
    *(("POST", "/v1/summary/"), ("GET", "/v2/profiles/settings/"), ("POST", "/v2/profiles/settings/")),
    *(("GET", "/v2/profiles/jobs/"), ("POST", "/v2/profiles/jobs/"), ("GET", "/v2/profiles/jobs/{job_id}/")),
    *(("POST", "/v2/profiles/trigger/"), ("POST", "/v2/profiles/samples/")),
}
"""What a server with a language model answers, and any other refuses."""
UNDOCUMENTED = re.compile(r".*/webhook/|.*/profile/|/v1/exports/get")
"""What the OpenAPI document does not list: other addresses of what it lists, and a path below a path."""

ids = [f"{method} {path}" for method, path, _, _ in OPERATIONS]


def filled(store: Memory) -> dict[str, str]:
    """Store a memory and a webhook; return a value for each parameter of a path."""
    added = store.add("tea", user_id="alice", agent_id="bot")
    return {
        **{"memory_id": added["results"][0]["id"], "event_id": added["event_id"]},
        **{"entity_type": "user", "entity_id": "alice", "org_id": "o", "project_id": "p", "job_id": "j", "run_id": "r"},
        "webhook_id": store.create_webhook("http://127.0.0.1:9/", is_active=False, allow_private=True)["webhook_id"],
    }


def ask(client: httpx.Client, method: str, path: str, body: Any, values: dict[str, str], **more: Any) -> httpx.Response:
    """Send an operation of the table with these values of its parameters."""
    sent = json.loads(json.dumps(body).replace("{memory_id}", values["memory_id"]))
    return client.request(method, path.format(**values), json=sent, **more)


def check(answer: httpx.Response, becomes: str) -> None:
    """Check that an answer is what the table says."""
    if becomes is SERVED:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 501, answer.text
        assert becomes in answer.json()["detail"]
        assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize(("method", "path", "body", "becomes"), OPERATIONS, ids=ids)
def test_an_operation_is_answered_as_listed(
    client: httpx.Client, store: Memory, method: str, path: str, body: Any, becomes: str
) -> None:
    """No operation of mem0's hosted API is unknown: it is served, or 501 says in a sentence why not."""
    check(ask(client, method, path, body, filled(store)), becomes)


def test_every_operation_is_answered_below_a_prefix() -> None:
    """In an app that another one mounts, every operation is answered just so."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0))
        with served_by(starlette.applications.Starlette(routes=[starlette.routing.Mount("/mem", app)])) as client:
            for method, path, body, becomes in OPERATIONS:
                memory.reset()
                check(ask(client, method, f"/mem{path}", body, filled(memory)), becomes)


def test_the_document_lists_the_operations(client: httpx.Client) -> None:
    """The server's own OpenAPI document has every operation of the table and no other, those of no use with the
    sentence that they answer."""
    paths = client.get("/openapi.json").json()["paths"]
    documented = {(method.upper(), path): one for path, item in paths.items() for method, one in item.items()}
    listed = {(method, path.partition("?")[0]): becomes for method, path, _, becomes in OPERATIONS}
    hosted = {operation for operation in documented if operation[1].endswith("/")}
    assert {operation for operation in listed if not UNDOCUMENTED.fullmatch(operation[1])} == hosted
    for operation in hosted:
        responses = documented[operation]["responses"]
        if listed[operation] is SERVED:
            assert "501" not in responses
        elif operation in ANSWERED_BY_A_MODEL:
            assert responses.keys() - {"400"} == {"200", "401", "403", "429", "501"}
            assert listed[operation] in responses["501"]["description"]
        else:
            assert responses.keys() == {"401", "403", "429", "501"}
            assert listed[operation] in responses["501"]["description"] == documented[operation]["description"]
            assert documented[operation]["tags"] == ["hosted: not available"]


@pytest.mark.parametrize("content", [b"", b"{not json", b"[]", b"\xff"])
def test_what_is_not_here_reads_no_body(client: httpx.Client, content: bytes) -> None:
    """Whatever is sent, the answer is the reason rather than a fault of the body."""
    for method, path, _, becomes in OPERATIONS:
        if becomes is not SERVED and "{" not in path:
            assert becomes in client.request(method, path, content=content).json()["detail"]


@pytest.mark.parametrize(
    "path", ["/v1/nothing/", "/v4/memories/", "/api/v1/orgs/", "/v1/stats", "/v1/entities/filters"]
)
def test_what_is_no_operation_is_not_found(client: httpx.Client, path: str) -> None:
    """A path that nobody names, or one without its slash, is 404."""
    assert client.get(path).status_code == 404


# -- users, agents, apps and runs


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/users/", {"user_id": "a", "metadata": {"age": 5}}, "metadata"),
        ("/v1/agents/", {"agent_id": "a", "name": "Ann"}, "name"),
        ("/v1/apps/", {"app_id": "a b"}, "app_id"),
        ("/v1/runs/", {"run_id": " "}, "run_id"),
        ("/v1/users/", {"user_id": "*"}, "user_id"),
        ("/v1/users/", {}, "user_id"),
        ("/v1/users/", {"agent_id": "a"}, "user_id"),
    ],
)
def test_what_cannot_be_kept_of_an_entity_is_refused(client: httpx.Client, path: str, body: Any, field: str) -> None:
    """An entity is its memories: a name or metadata of its own, and what is no id, is refused by name."""
    answer = client.post(path, json=body)
    assert answer.status_code in (400, 422)
    assert field in answer.text
    assert client.get("/v1/entities/").json()["count"] == 0


def test_an_entity_that_is_named_is_there_with_its_first_memory(client: httpx.Client, store: Memory) -> None:
    """Naming one answers the id as it is kept, as often as it is asked, and makes nothing."""
    for body in ({"user_id": " 7 "}, {"user_id": 7}, {"user_id": "7", "name": "7", "metadata": {}}):
        assert client.post("/v1/users/", json=body).json()["user_id"] == "7"
    assert client.get("/v1/entities/user/7/").status_code == 404
    store.add("tea", user_id=7)
    assert client.get("/v1/entities/user/7/").json()["total_memories"] == 1


def test_the_memories_of_an_entity_are_listed(client: httpx.Client, store: Memory) -> None:
    """Without a page all memories come as a list, newest first; with one, a page with its links."""
    store.add_many([{"messages": f"tea {n}", "agent_id": "a/b"} for n in range(5)])
    store.add("milk", user_id="bob")
    path = "/v1/memories/agent/a%2Fb/"
    whole = client.get(path).json()
    assert {one["memory"] for one in whole} == {f"tea {n}" for n in range(5)}
    page = client.get(path, params={"page": 2, "page_size": 3}).json()
    assert (page["count"], page["next"], page["results"]) == (5, None, whole[3:])
    first = client.get(path, params={"page_size": 2}).json()
    after = client.get(path, params={"page_size": 3, "after": first["next_cursor"]}).json()
    assert first["results"] + after["results"] == whole
    assert client.get(first["next"]).json()["results"] == whole[2:4]
    assert client.get("/v1/memories/user/nobody/").json() == []
    assert client.get("/v1/memories/user/nobody/", params={"output_format": "v1.1"}).json()["results"] == []


def test_an_entity_too_large_for_one_list_is_refused(client: httpx.Client, store: Memory) -> None:
    """More memories than one answer holds are never cut in silence: the refusal names the parameters."""
    store.import_([json.dumps({"id": f"m{n}", "memory": "tea", "user_id": "alice"}) for n in range(1_001)])
    answer = client.get("/v1/memories/user/alice/")
    assert answer.status_code == 400
    assert "page_size" in answer.json()["detail"]
    assert client.get("/v1/memories/user/alice/", params={"page": 2, "page_size": 1_000}).json()["count"] == 1_001


@pytest.mark.parametrize(("path", "status"), [("/v1/memories/team/x/", 404), ("/v1/memories/user/*/", 400)])
def test_the_memories_of_what_is_no_entity_are_not_listed(
    client: httpx.Client, store: Memory, path: str, status: int
) -> None:
    """Another type is not found, and nobody is meant by a star."""
    store.add("tea", user_id="alice")
    assert client.get(path).status_code == status


def test_numbers_are_those_of_the_store(client: httpx.Client, store: Memory) -> None:
    """Stats and the types of entities count what there is."""
    store.add("tea", user_id="alice", agent_id="bot")
    store.add("milk", agent_id="bot")
    assert client.get("/v1/stats/").json() == {
        **{"total_memories": 2, "total_add_events": 2, "total_search_events": None},
        **{"total_users": 1, "total_agents": 1, "total_runs": 0, "total_apps": 0},
    }
    assert client.get("/v1/entities/filters/").json()["results"] == [
        {"type": "user", "filter": "user_id", "total": 1},
        {"type": "agent", "filter": "agent_id", "total": 1},
        {"type": "run", "filter": "run_id", "total": 0},
        {"type": "app", "filter": "app_id", "total": 0},
    ]


# -- events, exports, batches, the project


@pytest.mark.parametrize("path", ["/v1/events/", "/v1/memories/events/"])
def test_events_are_not_selected_in_silence(client: httpx.Client, store: Memory, path: str) -> None:
    """What would select events and cannot is refused by name; adds are all that is recorded."""
    store.add("tea", user_id="alice")
    assert client.get(path, params={"event_type": "add", "user_id": "alice"}).json()["count"] == 1
    for name, value in (("event_type", "SEARCH"), ("start_date", "2020-01-01"), ("end_date", "2020-01-01")):
        answer = client.get(path, params={name: value})
        assert answer.status_code == 400
        assert name in answer.json()["detail"]


def test_an_export_is_read_at_each_of_its_addresses(client: httpx.Client, store: Memory) -> None:
    """With and without the slash, by its id or a filter, in the body or in the address."""
    store.add("tea", user_id="alice")
    store.add("milk", user_id="bob")
    made = client.post("/v1/exports/", json={"schema": {"properties": {"memory": {}}}, **BY_USER}).json()
    by_id = {"memory_export_id": made["id"]}
    answers = [client.post(path, json=by_id) for path in ("/v1/exports/get", "/v1/exports/get/")]
    answers.append(client.get("/v1/exports/", params=by_id))
    assert [answer.json() for answer in answers] == [{"memories": [{"memory": "tea"}]}] * 3
    found = client.get("/v1/exports/", params={"filters": json.dumps(BY_USER["filters"])}).json()["memories"]
    assert [one["memory"] for one in found] == ["tea"]
    assert client.get("/v1/exports/").status_code == 400
    assert client.get("/v1/exports/", params={"filters": "x"}).status_code == 400


def test_a_batch_is_deleted_by_ids_alone(client: httpx.Client, store: Memory) -> None:
    """The reference's ``memory_ids`` and the clients' ``memories`` mean the same; both or neither delete nothing."""
    one, other = (store.add(text, user_id="alice")["results"][0]["id"] for text in ("tea", "milk"))
    for body in ({}, {"memory_ids": [one], "memories": [{"memory_id": other}]}, {"memory_ids": []}):
        assert client.request("DELETE", "/v1/batch/", json=body).status_code == 400
    assert client.request("DELETE", "/v1/batch/", json={"memory_ids": [one]}).status_code == 200
    assert [item["id"] for item in store.get_all(user_id="alice")["results"]] == [other]


def test_the_project_keeps_its_name_and_description(client: httpx.Client, store: Memory) -> None:
    """What the reference lets one set of a project is shown afterwards, wherever the project is."""
    path = PROJECT.format(org_id="o", project_id="p")
    assert client.patch(path, json={"name": None}).json()["name"] == "default"
    client.patch(path, json={"name": "Kitchen", "description": "Food", "custom_instructions": ["a", "b"]})
    [listed] = client.get("/api/v1/orgs/organizations/o/projects/").json()
    assert listed == client.get(path).json()
    assert (listed["name"], listed["description"], listed["custom_instructions"]) == ("Kitchen", "Food", ["a", "b"])
    assert listed["project_id"] == client.get("/v1/ping/").json()["project_id"]
    [organization] = client.get("/api/v1/orgs/organizations/").json()
    assert organization == client.get("/api/v1/orgs/organizations/o/").json()
    assert organization["org_id"] == client.get("/v1/ping/").json()["org_id"]


# -- keys


@pytest.fixture(scope="module")
def locked() -> Iterator[tuple[Memory, httpx.Client]]:
    """A store and a server on it, with a key of the whole store and one of alice's."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        keys = (ApiKey("all"), ApiKey("hers", user_id="alice"))
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=keys))) as client:
            yield memory, client


@pytest.fixture
def guarded(locked: tuple[Memory, httpx.Client]) -> tuple[Memory, httpx.Client]:
    """The same, with memories of two users who share an agent."""
    memory, _ = locked
    memory.reset()
    for text, user in (("tea", "alice"), ("milk", "bob"), ("juice", None)):
        memory.add(text, user_id=user, agent_id="bot")
    return locked


HERS = {"Authorization": "Token hers"}


def test_a_key_of_one_user_sees_that_user_alone(guarded: tuple[Memory, httpx.Client]) -> None:
    """Lists and numbers are those of the key's user, and nobody else can be named."""
    _, client = guarded
    assert [one["memory"] for one in client.get("/v1/memories/agent/bot/", headers=HERS).json()] == ["tea"]
    assert [one["memory"] for one in client.get("/v1/memories/user/alice/", headers=HERS).json()] == ["tea"]
    assert client.get("/v1/memories/user/bob/", headers=HERS).status_code == 403
    stats = client.get("/v1/stats/", headers=HERS).json()
    assert (stats["total_memories"], stats["total_add_events"], stats["total_users"]) == (1, 1, 1)
    assert client.get("/v1/entities/filters/", headers=HERS).json()["results"][0]["total"] == 1
    assert client.get("/v1/memories/events/", headers=HERS).json()["count"] == 1
    assert client.post("/v1/users/", headers=HERS, json={"user_id": "alice"}).status_code == 200
    assert client.post("/v1/users/", headers=HERS, json={"user_id": "bob"}).status_code == 403
    assert client.get("/v1/exports/", headers=HERS, params={"user_id": "bob"}).status_code == 403


@pytest.mark.parametrize(("method", "path", "body", "becomes"), OPERATIONS, ids=ids)
def test_what_concerns_the_whole_store_needs_a_key_of_it(
    guarded: tuple[Memory, httpx.Client], method: str, path: str, body: Any, becomes: str
) -> None:
    """The organization, its projects and the webhooks are no business of one user's key; all else is answered it."""
    memory, client = guarded
    answer = ask(client, method, path, body, filled(memory), headers=HERS)
    if path.startswith(("/api/v1/orgs/", "/api/v1/webhooks/")):
        assert answer.status_code == 403, answer.text
    else:
        check(answer, becomes)
    assert "milk" not in answer.text
    assert memory.get_all(user_id="bob")["total"] == 1


@pytest.mark.parametrize(("method", "path", "body", "becomes"), OPERATIONS, ids=ids)
def test_only_who_asks_for_a_key_needs_none(
    guarded: tuple[Memory, httpx.Client], method: str, path: str, body: Any, becomes: str
) -> None:
    """Without a key every operation is 401 but those that would give one out, which say why they do not."""
    memory, client = guarded
    answer = ask(client, method, path, body, filled(memory))
    if becomes is ACCOUNTS:
        check(answer, becomes)
    else:
        assert answer.status_code == 401
