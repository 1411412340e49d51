"""mem0's hosted API: every route, on real HTTP, standalone and mounted, and what a pinned key reaches there."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
import serving
import starlette.applications
import starlette.routing
from embedder import HashEmbedder
from serving import served_by, texts

from mem0lite import AsyncMemory, Memory
from mem0lite.server import ApiKey, Settings, create_app

served, store, client = serving.served, serving.store, serving.client

UNKNOWN = "00000000-0000-0000-0000-000000000000"
HELLO = [{"role": "user", "content": "I love python"}]
ITEM = {
    *("id", "memory", "hash", "user_id", "agent_id", "app_id", "run_id", "session_id", "metadata", "categories"),
    *("created_at", "updated_at", "expiration_date"),
}


def add(client: httpx.Client, text: str, **fields: Any) -> str:
    """Store one memory of alice, or of the given scope, through the hosted route, and return its id."""
    scope = {} if fields.keys() & {"user_id", "agent_id", "run_id", "app_id", "filters"} else {"user_id": "alice"}
    answer = client.post("/v3/memories/add/", json={"messages": text, **scope, **fields})
    assert answer.status_code == 200, answer.text
    memory_id: str = answer.json()["results"][0]["id"]
    return memory_id


def detail(answer: httpx.Response, status: int) -> str:
    """Return why a request was refused, with this status."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def everything(store: Memory) -> list[str]:
    """Return the texts of all memories."""
    scopes = ("user_id", "agent_id", "run_id", "app_id")
    found = store.get_all(filters={"OR": [{name: "*"} for name in scopes]}, top_k=1_000)["results"]
    return sorted(item["memory"] for item in found)


# -- ping


def test_ping_names_the_one_project(client: httpx.Client) -> None:
    """Clients find status, organization and project, and no e-mail address that would change their telemetry."""
    answer = client.get("/v1/ping/").json()
    assert (answer["status"], answer["user_email"]) == ("ok", None)
    assert answer["org_id"] and answer["project_id"]


# -- add


def test_add_answers_outcomes_and_its_event(client: httpx.Client) -> None:
    """A stored message is answered with its text in both places, a repeated one as NONE with the same id."""
    body = {"messages": HELLO, "user_id": "u1"}
    first = client.post("/v3/memories/add/", json=body).json()
    memory_id = first["results"][0]["id"]
    assert first == {
        "message": "Memories stored.",
        "status": "SUCCEEDED",
        "event_id": first["event_id"],
        "results": [{"id": memory_id, "memory": "I love python", "event": "ADD", "data": {"memory": "I love python"}}],
    }
    assert uuid.UUID(first["event_id"])
    [again] = client.post("/v3/memories/add/", json=body).json()["results"]
    assert (again["id"], again["event"]) == (memory_id, "NONE")


def test_add_takes_every_field_of_the_library(client: httpx.Client) -> None:
    """Scope, metadata, dates, ``infer`` and ``memory_type`` reach the memory; what has no effect is no error."""
    body = {
        "messages": [{"role": "user", "name": "Al", "content": "tea"}, {"role": "system", "content": "x"}],
        **{"user_id": 7, "agent_id": "a", "app_id": "p", "run_id": "r"},
        **{"metadata": {"categories": ["food"]}, "timestamp": 1_893_456_000, "expiration_date": "2031-01-01"},
        **{"infer": False, "memory_type": "procedural_memory", "async_mode": True, "version": "v2", "immutable": True},
        **{"org_id": "o", "project_id": "p1", "source": "CLI", "custom_categories": [{"a": "b"}], "includes": "x"},
    }
    [added] = client.post("/v3/memories/add/", json=body).json()["results"]
    assert (added["actor_id"], added["role"]) == ("Al", "user")
    item = client.get(f"/v1/memories/{added['id']}/").json()
    assert {key: item[key] for key in ITEM - {"id", "hash", "updated_at"}} == {
        **{"memory": "tea", "user_id": "7", "agent_id": "a", "app_id": "p", "run_id": "r", "session_id": "r"},
        **{"metadata": {"categories": ["food"], "memory_type": "procedural_memory"}, "categories": ["food"]},
        **{"created_at": "2030-01-01T00:00:00+00:00", "expiration_date": "2031-01-01"},
    }


@pytest.mark.parametrize("body", [{}, {"org_id": "o", "project_id": "p"}, {"filters": {"metadata": {"user_id": "u"}}}])
def test_add_needs_an_id(client: httpx.Client, store: Memory, body: dict[str, Any]) -> None:
    """Without a user, agent, app or run nothing is stored; a project is none of them."""
    assert "user_id" in detail(client.post("/v3/memories/add/", json={"messages": HELLO, **body}), 400)
    assert everything(store) == []


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"content": "x"}], "user_id": "u"},
        {"messages": [{}], "user_id": "u"},
        {"messages": [{"role": "user", "content": 5}], "user_id": "u"},
        {"messages": 5, "user_id": "u"},
        {"messages": [5], "user_id": "u"},
        {"user_id": "u"},
        {"messages": HELLO, "user_id": {"a": 1}},
        {"messages": HELLO, "filters": "user_id"},
        [],
    ],
)
def test_add_of_the_wrong_shape_is_refused(client: httpx.Client, body: Any) -> None:
    """A body that is not what the document says answers 422 and names the field."""
    answer = client.post("/v3/memories/add/", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


# -- search


def test_search_returns_items_best_first(client: httpx.Client) -> None:
    """Found memories have every field and a score, ten of them unless more are asked for, as the contract's items."""
    for number in range(12):
        add(client, f"green tea {number}", infer=False)
    body = {"query": "green tea", "filters": {"user_id": "alice"}, "threshold": 0}
    found = client.post("/v3/memories/search/", json=body).json()["results"]
    assert len(found) == 10
    assert all(item.keys() >= ITEM and 0 < item["score"] <= 1 for item in found)
    assert [item["score"] for item in found] == sorted((item["score"] for item in found), reverse=True)
    for more in ({"top_k": 12}, {"limit": 12}, {"top_k": 12, "limit": 1}):
        assert len(client.post("/v3/memories/search/", json={**body, **more}).json()["results"]) == 12
    explained = client.post("/v3/memories/search/", json={**body, "explain": True}).json()["results"]
    assert all(item["score_details"]["final_score"] == item["score"] for item in explained)


def test_search_conditions_are_joined(client: httpx.Client) -> None:
    """Ids, filters, metadata, categories and dates beside each other all have to hold."""
    add(client, "green tea", metadata={"kind": "drink", "categories": ["food"]}, agent_id="bot", user_id="alice")
    add(client, "green apple", metadata={"kind": "fruit", "categories": ["food", "tree"]}, timestamp="2020-01-01")
    add(client, "green car", user_id="bob")

    def found(**body: Any) -> set[str]:
        return texts(client.post("/v3/memories/search/", json={"query": "green", "threshold": 0, **body}))

    assert found(user_id="alice") == {"green tea", "green apple"}
    assert found(user_id="alice", filters={"agent_id": "bot"}) == {"green tea"}
    assert found(user_id="alice", metadata={"kind": "fruit"}) == {"green apple"}
    assert found(user_id="alice", categories=["food"]) == {"green tea", "green apple"}
    assert found(user_id="alice", categories=["tree", "none"]) == {"green apple"}
    for end in ("2021-01-01", "2020-01-01", "2020-01-01T00:00:00Z", 1_577_836_800):
        assert found(user_id="alice", end_date=end) == {"green apple"}
    assert found(user_id="alice", end_date="2019-12-31") == set()
    assert found(user_id="alice", start_date="2021-01-01") == {"green tea"}
    assert found(user_id="alice", filters={"user_id": "bob"}) == set()
    assert found(filters={"user_id": "*"}) == {"green tea", "green apple", "green car"}
    for path, asked in (
        ("/v3/memories/search/", {"query": "green", "user_id": "*"}),
        ("/v3/memories/", {"user_id": "*", "filters": {"agent_id": "bot"}}),
        ("/v1/exports/get/", {"user_id": "*"}),
    ):
        assert "'*' cannot be an id" in detail(client.post(path, json=asked), 400)
    assert "'*' cannot be an id" in detail(client.get("/v1/memories/?user_id=*"), 400)


@pytest.mark.parametrize("path", ["/v1/memories/search/", "/v2/memories/search/", "/v3/memories/search/"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"query": "x"}, "user_id"),
        ({"query": "x", "filters": {"kind": "fruit"}}, "user_id"),
        ({"query": "x", "filters": {"kind": "fruit"}, "agent_id": "*"}, "agent_id"),
        ({"query": " ", "user_id": "u"}, "query"),
        ({"query": "x", "user_id": "u", "threshold": 2}, "threshold"),
        ({"query": "x", "user_id": "u", "top_k": -1}, "top_k"),
        ({"query": "x", "user_id": "u v"}, "user_id"),
        ({"query": "x", "filters": {"user_id": {"near": "u"}}}, "near"),
        ({"query": "x", "user_id": "u", "filters": {"OR": []}}, "OR"),
        ({"query": "x", "user_id": "u", "start_date": "soon"}, "start_date"),
    ],
)
def test_search_that_cannot_be_answered(client: httpx.Client, path: str, body: dict[str, Any], reason: str) -> None:
    """A search without an id, or with a value that cannot be accepted, is refused with a reason."""
    assert reason in detail(client.post(path, json=body), 400)


# -- list


def test_list_answers_a_page(client: httpx.Client) -> None:
    """A list has the number of all matches, no links when it is complete, and items with every field."""
    add(client, "tea")
    page = client.post("/v3/memories/", json={"filters": {"user_id": "alice"}}).json()
    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    assert page["results"][0].keys() >= ITEM
    assert "score" not in page["results"][0]


LISTS = [
    # method, path, body: all of them ask for alice's memories
    ("POST", "/v1/memories/", {"messages": HELLO, "user_id": "alice"}),
    ("POST", "/v1/memories/search/", {"query": "python", "user_id": "alice", "threshold": 0}),
    ("POST", "/v2/memories/search/", {"query": "python", "filters": {"user_id": "alice"}, "threshold": 0}),
    ("POST", "/v2/memories/", {"filters": {"user_id": "alice"}}),
    ("POST", "/v2/memories/", {"user_id": "alice", "page": 1}),
    ("POST", "/v2/memories/?page_size=5", {"user_id": "alice"}),
    ("GET", "/v1/memories/?user_id=alice", None),
    ("GET", "/v1/memories/?user_id=alice&page=1", None),
    ("GET", "/v1/memories/?user_id=alice&limit=5", None),
]


@pytest.mark.parametrize(("method", "path", "body"), LISTS)
@pytest.mark.parametrize("format", [None, "v1.0"])
def test_older_versions_answer_lists(
    client: httpx.Client, method: str, path: str, body: Any, format: str | None
) -> None:
    """What v1 and v2 list is an array, as their clients read it; none of its items is different from v3's."""
    add(client, "I love python")
    asked = body if format is None or body is None else {**body, "output_format": format}
    [item] = client.request(method, path, json=asked).json()
    [newest] = client.post("/v3/memories/", json={"user_id": "alice"}).json()["results"]
    assert item["memory"] == "I love python"
    assert item["id"] == newest["id"]
    assert "event" in item or item.keys() >= ITEM


@pytest.mark.parametrize(("method", "path", "body"), LISTS)
def test_older_versions_answer_objects_to_who_asks(client: httpx.Client, method: str, path: str, body: Any) -> None:
    """``output_format: "v1.1"`` puts the same list into an object."""
    add(client, "I love python")
    bare = client.request(method, path, json=body).json()
    if body is None:
        whole = client.request(method, f"{path}&output_format=v1.1").json()
    else:
        whole = client.request(method, path, json={**body, "output_format": "v1.1"}).json()
    assert whole["results"] == bare


def test_a_list_that_is_cut_says_so(client: httpx.Client) -> None:
    """A list has the number of all memories in a header, and the address of the next ones, which are a list too."""
    for number in range(5):
        add(client, f"tea {number}")
    for method, path, body in (
        ("POST", "/v2/memories/?page_size=2", {"user_id": "alice"}),
        ("GET", "/v1/memories/?user_id=alice&limit=2&org_id=o", None),
    ):
        seen: list[str] = []
        address: str | None = path
        while address is not None:
            answer = client.request(method, address, json=body)
            seen += [item["memory"] for item in answer.json()]
            assert answer.headers["X-Total-Count"] == "5"
            address = answer.links["next"]["url"] if answer.links else None
        assert seen == [f"tea {number}" for number in (4, 3, 2, 1, 0)]
    for answer in (client.get("/v1/memories/?user_id=alice"), client.post("/v2/memories/", json={"user_id": "alice"})):
        assert (answer.links, answer.headers["X-Total-Count"], len(answer.json())) == ({}, "5", 5)


def test_a_list_is_as_long_as_one_can_be(client: httpx.Client, store: Memory) -> None:
    """Who gets a list reads no second page: without a size it has up to a thousand memories, not a hundred."""
    store.add([{"content": f"tea {number}"} for number in range(1_001)], user_id="alice", infer=False)
    for answer in (client.get("/v1/memories/?user_id=alice"), client.post("/v2/memories/", json={"user_id": "alice"})):
        assert (len(answer.json()), answer.headers["X-Total-Count"]) == (1_000, "1001")
        assert "page=2" in answer.links["next"]["url"]
    page = client.post("/v3/memories/", json={"user_id": "alice"}).json()
    assert (len(page["results"]), page["count"]) == (100, 1_001)


def test_a_walk_by_cursor_is_of_objects(client: httpx.Client) -> None:
    """A cursor is this server's own, so who gives one reads the next in the object."""
    for number in range(3):
        add(client, f"tea {number}")
    cursor = client.post("/v3/memories/?page_size=2", json={"user_id": "alice"}).json()["next_cursor"]
    for answer in (
        client.post("/v2/memories/", params={"after": cursor}, json={"user_id": "alice"}),
        client.get("/v1/memories/", params={"after": cursor, "user_id": "alice"}),
    ):
        assert (texts(answer), answer.json()["next_cursor"]) == ({"tea 0"}, None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v3/memories/?page_size=2&page=1", {"filters": {"user_id": "alice"}}),
        ("POST", "/v3/memories/", {"filters": {"user_id": "alice"}, "page_size": 2}),
        ("POST", "/v2/memories/?page=1&page_size=2&note=%2B%26", {"user_id": "alice", "org_id": "o"}),
        ("POST", "/v2/memories/", {"user_id": "alice", "page": 1, "page_size": 2}),
        ("GET", "/v1/memories/?user_id=alice&page=1&page_size=2&org_id=o&project_id=p", None),
        ("GET", f"/v1/memories/?filters={quote(str({'user_id': 'alice'}))}&page_size=2&output_format=v1.1", None),
    ],
)
def test_pages_lead_to_each_other(client: httpx.Client, method: str, path: str, body: Any) -> None:
    """Whoever repeats the request with ``next`` sees every memory once, and ``previous`` leads back."""
    for number in range(5):
        add(client, f"tea {number}")
    seen: list[str] = []
    pages = []
    address: str | None = path
    while address is not None:
        pages.append(client.request(method, address, json=body).json())
        seen += [item["memory"] for item in pages[-1]["results"]]
        address = pages[-1]["next"]
        if address is not None:
            asked, given = dict(parse_qsl(urlsplit(address).query)), dict(parse_qsl(urlsplit(path).query))
            assert {**asked, "page": ""} == {**given, "page": ""}
    assert seen == [f"tea {number}" for number in (4, 3, 2, 1, 0)]
    assert [page["count"] for page in pages] == [5, 5, 5]
    assert pages[0]["previous"] is None
    assert client.request(method, pages[1]["previous"], json=body).json() == pages[0]


def test_a_page_after_the_last_is_empty(client: httpx.Client) -> None:
    """Asking for more than there is is no error, however far beyond."""
    add(client, "tea")
    for page in (2, 10**15, 10**18):
        answer = client.post("/v3/memories/", params={"page": page}, json={"filters": {"user_id": "alice"}}).json()
        assert (answer["count"], answer["results"], answer["next"]) == (1, [], None)


@pytest.mark.parametrize("query", ["page=0", "page_size=0", "page_size=-1", "page=x"])
def test_pages_have_bounds(client: httpx.Client, query: str) -> None:
    """A page number or size that cannot be had is refused, in the query as in the body."""
    assert client.post(f"/v3/memories/?{query}", json={"filters": {"user_id": "u"}}).status_code == 422
    name, _, value = query.partition("=")
    assert client.post("/v3/memories/", json={"user_id": "u", name: value}).status_code == 422


def test_a_large_limit_is_a_page(client: httpx.Client) -> None:
    """``limit``, ``top_k`` and ``page_size`` over the largest page give that one rather than an error."""
    add(client, "tea")
    for name in ("limit", "top_k", "page_size"):
        for size in (1_001, 5_000, 10**12):
            assert texts(client.post("/v2/memories/", json={"user_id": "alice", name: size})) == {"tea"}
            assert texts(client.get("/v1/memories/", params={"user_id": "alice", name: size})) == {"tea"}
    for path in ("/v3/memories/", "/v1/events/", "/v1/entities/"):
        method, body = ("POST", {"filters": {"user_id": "alice"}}) if path == "/v3/memories/" else ("GET", None)
        answer = client.request(method, path, params={"page": 1, "page_size": 10**12}, json=body).json()
        assert (answer["count"], len(answer["results"]), answer["next"]) == (1, 1, None)


def test_list_wants_to_know_whose(client: httpx.Client) -> None:
    """A list without an id and without a filter is refused rather than everybody's."""
    add(client, "tea")
    for answer in (
        client.post("/v3/memories/", json={}),
        client.post("/v3/memories/?page=1&page_size=100", json={"source": "CLI"}),
        client.post("/v2/memories/", json={"org_id": "o", "project_id": "p"}),
        client.get("/v1/memories/?org_id=o&project_id=p"),
    ):
        assert "user_id" in detail(answer, 400)


def test_expired_memories_are_listed_when_asked_for(client: httpx.Client) -> None:
    """``show_expired`` counts on every listing and search, and nothing else shows them."""
    add(client, "old tea", ttl=0)
    body = {"filters": {"user_id": "alice"}, "query": "tea", "threshold": 0}
    for path in ("/v3/memories/", "/v3/memories/search/"):
        assert texts(client.post(path, json=body)) == set()
        assert texts(client.post(path, json={**body, "show_expired": True})) == {"old tea"}
    assert texts(client.get("/v1/memories/?user_id=alice&show_expired=true")) == {"old tea"}


def test_superseded_memories_are_listed_when_asked_for(client: httpx.Client) -> None:
    """A key has one value. ``latest_only`` counts on every listing and search, and is named nowhere as ignored."""
    body = {"messages": HELLO, "user_id": "alice", "key": "drink"}
    [old] = client.post("/v3/memories/add/", json={**body, "messages": "tea of old"}).json()["results"]
    [new] = client.post("/v1/memories/", json={**body, "messages": "tea of today"}).json()
    assert new["supersedes"] == [old["id"]]
    asked = {"filters": {"user_id": "alice"}, "query": "tea", "threshold": 0}
    for path in ("/v3/memories/", "/v3/memories/search/", "/v2/memories/", "/v2/memories/search/"):
        given = asked if "search" in path else {"filters": asked["filters"]}
        for latest, shown in (
            (None, {"tea of today"}),
            (True, {"tea of today"}),
            (False, {"tea of old", "tea of today"}),
        ):
            answer = client.post(path, json={**given, "latest_only": latest})
            assert texts(answer) == shown
            assert "X-Mem0lite-Ignored" not in answer.headers
    assert texts(client.get("/v1/memories/?user_id=alice")) == {"tea of today"}
    every = client.get("/v1/memories/?user_id=alice&latest_only=false&fields=key,superseded_by,valid_to,valid_from")
    assert [item.get("superseded_by") for item in every.json()] == [None, new["id"]]
    item = client.get(f"/v1/memories/{old['id']}/").json()
    assert (item["key"], item["superseded_by"]) == ("drink", new["id"])
    assert item["valid_from"] <= item["valid_to"]
    assert [row["event"] for row in client.get(f"/v1/memories/{old['id']}/history/").json()] == ["ADD", "SUPERSEDE"]
    assert client.delete(f"/v1/memories/{new['id']}/?delete_linked=True").status_code == 200
    assert client.get(f"/v1/memories/{old['id']}/").status_code == 404


def test_many_are_deleted_with_what_they_superseded(client: httpx.Client) -> None:
    """The batch deletion takes delete_linked, as the deletion of one memory does."""
    ids = []
    for text in ("tea", "coffee"):
        [added] = client.post("/v1/memories/", json={"messages": text, "user_id": "alice", "key": "drink"}).json()
        ids.append(added["id"])
    body = {"memories": [{"memory_id": ids[1]}]}
    assert client.request("DELETE", "/v1/batch/?delete_linked=maybe", json=body).status_code == 422
    assert client.request("DELETE", "/v1/batch/?delete_linked=true", json=body).status_code == 200
    assert [client.get(f"/v1/memories/{one}/").status_code for one in ids] == [404, 404]


# -- one memory


def test_get_update_delete_and_history(client: httpx.Client) -> None:
    """A memory is read, changed (which answers the item), deleted and still has its history."""
    memory_id = add(client, "tea", metadata={"a": 1}, run_id="r", user_id="alice")
    path = f"/v1/memories/{memory_id}/"
    before = client.get(path).json()
    assert before.keys() >= ITEM and "score" not in before
    change = {"text": "coffee", "metadata": {"b": 2}, "expiration_date": "2031-01-01", "timestamp": 1_893_456_000}
    after = client.put(f"{path}?org_id=o&project_id=p", json=change).json()
    assert after == client.get(path).json()
    assert (after["memory"], after["metadata"], after["expiration_date"], after["session_id"], after["created_at"]) == (
        *("coffee", {"a": 1, "b": 2}, "2031-01-01"),
        *("r", "2030-01-01T00:00:00+00:00"),
    )
    assert client.put(path, json={"expiration_date": None}).json()["expiration_date"] is None
    gone = client.delete(f"{path}?delete_linked=true&source=CLI")
    assert gone.json() == {"message": "Memory deleted successfully!"}
    assert [row["event"] for row in client.get(f"{path}history/").json()] == ["ADD", "UPDATE", "UPDATE", "DELETE"]


def test_an_update_into_the_past_still_answers_the_item(client: httpx.Client) -> None:
    """What a change makes invisible is shown once more as its answer."""
    path = f"/v1/memories/{add(client, 'tea')}/"
    assert client.put(path, json={"expiration_date": "2001-01-01"}).json()["expiration_date"] == "2001-01-01"
    assert client.get(path).status_code == 404


def test_what_is_expired_already_is_said(client: httpx.Client) -> None:
    """A memory that is past its expiry when it is added or changed is named as such, and a negative ttl refused."""
    body = {"messages": [{"role": "user", "content": "tea"}], "user_id": "alice", "expiration_date": "2001-01-01"}
    [outcome] = client.post("/v3/memories/add/", json=body).json()["results"]
    assert (outcome["expired"], outcome["expires_at"]) == (True, "2001-01-02T00:00:00+00:00")
    memory_id = add(client, "coffee")
    update = [{"memory_id": memory_id, "expiration_date": "2001-01-01"}]
    assert client.put("/v1/batch/", json={"memories": update}).json()["expired"] == [memory_id]
    assert "ttl" in detail(client.post("/v3/memories/add/", json={**body, "ttl": -5}), 400)


def test_a_ttl_outlives_other_changes(client: httpx.Client) -> None:
    """A change of date or lifespan leaves the ttl in force that a memory was added with."""
    memory_id = add(client, "tea", ttl=600)
    change = {"timestamp": "2999-01-01T00:00:00+00:00", "metadata": {"memory_lifespan": "long_term"}}
    item = client.put(f"/v1/memories/{memory_id}/", json=change).json()
    assert item["expires_at"] == "2999-01-01T00:10:00+00:00"


def test_unknown_ids(client: httpx.Client) -> None:
    """An unknown UUID is not found, another unknown text is no id at all; an expired memory is not found either."""
    expired = add(client, "old", ttl=0)
    for memory_id, status in ((UNKNOWN, 404), (expired, 404), ("nope", 400), ("a%2Fb", 400)):
        for method, suffix, body in (("GET", "", None), ("PUT", "", {"text": "x"}), ("DELETE", "", None)):
            answer = client.request(method, f"/v1/memories/{memory_id}/{suffix}", json=body)
            assert detail(answer, status)
        assert client.get(f"/v1/memories/{memory_id}/history/").status_code == status
    assert client.post("/v1/feedback/", json={"memory_id": UNKNOWN, "feedback": "POSITIVE"}).status_code == 404
    assert "At least one" in detail(client.put(f"/v1/memories/{UNKNOWN}/", json={"source": "CLI"}), 400)


def test_an_imported_id_need_not_be_a_uuid(client: httpx.Client, store: Memory) -> None:
    """A memory that came with another id is reached by it, encoded, with a slash and a question mark in it."""
    store.import_(['{"id": "old/1?x", "memory": "tea", "user_id": "alice"}'])
    path = f"/v1/memories/{quote('old/1?x', safe='')}/"
    assert client.get(path).json()["id"] == "old/1?x"
    assert client.get(f"{path}history/").status_code == 200
    assert client.put(path, json={"text": "coffee"}).json()["memory"] == "coffee"
    assert client.delete(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/v1/ping", "/v1/memories", "/v1//ping/", "/v1/memories//", "/v4/memories/", "/v1/event/x/y/"],
)
def test_paths_are_exact(client: httpx.Client, path: str) -> None:
    """Without its slash, with an empty segment or of another version a path is not there."""
    assert client.get(path).status_code == 404


# -- many memories


def test_delete_all_of_a_scope(client: httpx.Client, store: Memory) -> None:
    """Memories that have all the given ids are deleted, others stay; a scope without memories is no error."""
    add(client, "tea", user_id="alice", run_id="r")
    add(client, "coffee", user_id="alice", app_id="inbox")
    add(client, "milk", user_id="bob", run_id="r")
    answer = client.delete("/v1/memories/", params={"user_id": "alice", "session_id": "r", "source": "CLI"})
    assert answer.json() == {"message": "Memories deleted successfully!"}
    assert everything(store) == ["coffee", "milk"]
    assert client.delete("/v1/memories/?app_id=inbox&org_id=o&project_id=p").status_code == 200
    assert client.delete("/v1/memories/?user_id=nobody").status_code == 200
    assert everything(store) == ["milk"]


def test_delete_all_by_star(client: httpx.Client, store: Memory) -> None:
    """``*`` is any id: of one kind the memories that have it go, with all four every memory does."""
    for scope in ({"user_id": "alice"}, {"user_id": "bob", "agent_id": "bot"}, {"agent_id": "bot"}, {"app_id": "a"}):
        add(client, f"of {scope}", **scope)
    assert client.delete("/v1/memories/?user_id=*").status_code == 200
    assert everything(store) == ["of {'agent_id': 'bot'}", "of {'app_id': 'a'}"]
    assert client.delete("/v1/memories/?source=CLI&user_id=*&agent_id=*&app_id=*&run_id=*").status_code == 200
    assert everything(store) == []


def test_batches_are_all_or_nothing(client: httpx.Client, store: Memory) -> None:
    """A batch changes or deletes all its memories, and none when one of them is unknown."""
    one, two = add(client, "tea"), add(client, "coffee", metadata={"a": 1})
    update = [{"memory_id": one, "text": "green tea"}, {"memory_id": two, "metadata": {"b": 2}, "text": None}]
    assert client.put("/v1/batch/", json={"memories": update}).json()["message"]
    assert client.get(f"/v1/memories/{two}/").json()["metadata"] == {"a": 1, "b": 2}
    broken = [{"memory_id": one, "text": "lost"}, {"memory_id": UNKNOWN, "text": "x"}]
    assert UNKNOWN in detail(client.put("/v1/batch/", json={"memories": broken}), 404)
    ids = [{"memory_id": one}, {"memory_id": UNKNOWN}]
    assert UNKNOWN in detail(client.request("DELETE", "/v1/batch/", json={"memories": ids}), 404)
    assert everything(store) == ["coffee", "green tea"]
    ids = [{"memory_id": one}, {"memory_id": two}]
    assert client.request("DELETE", "/v1/batch/", json={"memories": ids}).json()["message"]
    assert everything(store) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_batches_have_bounds(client: httpx.Client, store: Memory, method: str) -> None:
    """A batch has 1 to 1000 memories, and each names its id."""
    memory_id = add(client, "tea")
    for number in (0, 1_001):
        entries = [{"memory_id": memory_id, "text": "x"}] * number
        assert "1 to 1000" in detail(client.request(method, "/v1/batch/", json={"memories": entries}), 400)
    assert client.request(method, "/v1/batch/", json={"memories": [{"text": "x"}]}).status_code == 422
    assert client.request(method, "/v1/batch/").status_code in (415, 422)
    assert everything(store) == ["tea"]


# -- entities


def test_entities_are_listed_whole_unless_a_page_is_asked_for(client: httpx.Client) -> None:
    """Clients that delete all entities read one answer; a page is cut only for who wants one."""
    for number in range(120):
        add(client, f"tea {number}", user_id=f"u{number}")
    add(client, "with all", user_id="u0", agent_id="bot", app_id="inbox", run_id="r")
    listed = client.get("/v1/entities/?org_id=o&project_id=p").json()
    assert (listed["count"], len(listed["results"]), listed["next"]) == (123, 123, None)
    assert {one["type"] for one in listed["results"]} == {"user", "agent", "app", "run"}
    [bot] = [one for one in listed["results"] if one["type"] == "agent"]
    assert client.get("/v1/entities/agent/bot/").json() == client.get("/v2/entities/agent/bot/").json() == bot
    assert client.get("/v1/entities/user/bot/").status_code == 404
    assert (bot["id"], bot["name"], bot["total_memories"]) == ("bot", "bot", 1)
    page = client.get("/v1/entities/?page=2&page_size=50").json()
    assert page["results"] == listed["results"][50:100]
    assert client.get(page["next"]).json()["results"] == listed["results"][100:]
    assert client.get(page["previous"]).json()["results"] == listed["results"][:50]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["user", "agent", "app", "run"])
def test_an_entity_is_deleted(client: httpx.Client, store: Memory, version: str, kind: str) -> None:
    """All memories of one entity go, and deleting it again is no error, because clients delete one after the other."""
    add(client, "tea", **{f"{kind}_id": "one"})
    add(client, "coffee", **{f"{kind}_id": "two"})
    for _ in range(2):
        answer = client.delete(f"/{version}/entities/{kind}/one/?source=CLI&org_id=o")
        assert (answer.status_code, answer.json()) == (200, {"message": "Entity deleted successfully."})
        assert everything(store) == ["coffee"]


@pytest.mark.parametrize("path", ["/v2/entities/session/x/", "/v2/entities/user/*/", "/v2/entities/user/%20/"])
def test_what_is_no_entity_is_refused(client: httpx.Client, store: Memory, path: str) -> None:
    """Another kind, a star or a blank deletes nothing."""
    add(client, "tea", user_id="x")
    assert client.delete(path).status_code in (400, 422)
    assert everything(store) == ["tea"]


# -- events, feedback, exports


def test_events_tell_what_an_add_did(client: httpx.Client) -> None:
    """The event of an add is done at once, and has its outcomes with user and text, alone and in the list."""
    added = client.post("/v3/memories/add/", json={"messages": HELLO, "user_id": "u1"}).json()
    event = client.get(f"/v1/event/{added['event_id']}/").json()
    assert (event["id"], event["event_type"], event["status"]) == (added["event_id"], "ADD", "SUCCEEDED")
    [result] = event["results"]
    assert (result["id"], result["event"], result["user_id"], result["data"]) == (
        *(added["results"][0]["id"], "ADD"),
        *("u1", {"memory": "I love python"}),
    )
    add(client, "tea", user_id="u2")
    listed = client.get("/v1/events/?page_size=1&page=2").json()
    assert (listed["count"], listed["results"], listed["next"]) == (2, [event], None)
    assert client.get("/v1/events/?user_id=u1").json()["results"] == [event]
    for unknown in (UNKNOWN, "nope"):
        assert client.get(f"/v1/event/{unknown}/").status_code == 404


def test_feedback_is_kept(client: httpx.Client) -> None:
    """Feedback is shown with the memory, can be searched by, and is taken back with null."""
    memory_id = add(client, "tea")
    body = {"memory_id": memory_id, "feedback": "NEGATIVE", "feedback_reason": "wrong"}
    answer = client.post("/v1/feedback/", json=body).json()
    assert answer == {
        "message": "Feedback stored.",
        "id": memory_id,
        "feedback": "NEGATIVE",
        "feedback_reason": "wrong",
    }
    filters = {"user_id": "alice", "feedback": "NEGATIVE"}
    [item] = client.post("/v3/memories/", json={"filters": filters}).json()["results"]
    assert (item["feedback"], item["feedback_reason"]) == ("NEGATIVE", "wrong")
    client.post("/v1/feedback/", json={"memory_id": memory_id, "feedback": None, "feedback_reason": None})
    assert client.post("/v3/memories/", json={"filters": filters}).json()["count"] == 0
    assert "feedback" in detail(client.post("/v1/feedback/", json={"memory_id": memory_id, "feedback": "GOOD"}), 400)


@pytest.mark.parametrize("schema", ["{}", {"properties": {"memory": {"type": "string"}, "kind": {}}}])
@pytest.mark.parametrize("whose", [{"filters": {"AND": [{"userId": "alice"}]}}, {"user_id": "alice", "org_id": "o"}])
def test_exports(client: httpx.Client, schema: Any, whose: dict[str, Any]) -> None:
    """An export has the memories of its ids and filters, in the fields of its schema or whole."""
    add(client, "tea", metadata={"kind": "drink"})
    add(client, "milk", user_id="bob")
    made = client.post("/v1/exports/", json={"schema": schema, **whose}).json()
    assert made["status"] == "SUCCEEDED"
    answer = client.post("/v1/exports/get/", json={"memory_export_id": made["id"], "project_id": "p"}).json()
    [memory] = answer["memories"]
    assert memory["memory"] == "tea"
    assert schema == "{}" or memory == {"memory": "tea", "kind": "drink"}
    [memory] = client.post("/v1/exports/get/", json=whose).json()["memories"]
    assert memory["memory"] == "tea"


def test_exports_want_to_know_whose(client: httpx.Client) -> None:
    """An export without ids and filters, of an unknown id, or with an unreadable schema is refused."""
    assert client.post("/v1/exports/", json={"schema": {}}).status_code == 400
    assert client.post("/v1/exports/", json={"schema": "{", "user_id": "u"}).status_code == 400
    assert client.post("/v1/exports/", json={"user_id": "u"}).status_code == 422
    assert client.post("/v1/exports/get/", json={}).status_code == 400
    assert client.post("/v1/exports/get/", json={"memory_export_id": UNKNOWN}).status_code == 404


# -- the project and its webhooks


PROJECT = "/api/v1/orgs/organizations/mem0lite/projects/default/"


def test_project_settings_are_kept(client: httpx.Client) -> None:
    """Settings are null until they are set, answered whole or by name, and never contain what clients add."""
    assert client.get(PROJECT, params={"fields": ["custom_categories"]}).json() == {"custom_categories": None}
    body = {"custom_instructions": "food only", "org_id": "o1", "project_id": "p1"}
    changed = client.patch(PROJECT, json=body).json()
    assert (changed["message"], changed["custom_instructions"]) == ("Project updated successfully.", "food only")
    whole = client.get(f"{PROJECT}?org_id=o1&project_id=p1").json()
    assert (whole["custom_instructions"], whole["custom_categories"]) == ("food only", None)
    assert "org_id" not in whole
    assert whole["project_id"] == "default"
    fields = client.get(f"{PROJECT}?fields=custom_instructions&fields=nothing").json()
    assert fields == {"custom_instructions": "food only", "nothing": None}
    client.patch(PROJECT, json={"custom_instructions": None})
    assert client.get(PROJECT).json()["custom_instructions"] is None
    assert "setting" in detail(client.patch(PROJECT, json={"org_id": "o1"}), 400)


@contextmanager
def served_with(settings: Settings) -> Iterator[httpx.Client]:
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        yield client


def test_a_change_answers_what_it_made(path: Path) -> None:
    """The answer to a PUT is the memory as that change left it, whoever deletes it at once or expires it."""

    class Racing(AsyncMemory):
        async def get(self, memory_id: str, **options: Any) -> Any:
            await self.delete(memory_id)
            return await super().get(memory_id, **options)

    with Memory(path, embedder=HashEmbedder()) as memory:
        [kept, expired] = [memory.add(text, user_id="u")["results"][0]["id"] for text in ("tea", "coffee")]
        with served_by(create_app(Racing(memory), Settings(vacuum_interval_seconds=0))) as client:
            changed = client.put(f"/v1/memories/{kept}/", json={"text": "green tea", "metadata": {"a": [1, 2.5, None]}})
            gone = client.put(f"/v1/memories/{expired}/", json={"expiration_date": "2020-01-01"})
        assert (changed.status_code, gone.status_code) == (200, 200), (changed.text, gone.text)
        assert gone.json()["expiration_date"] == "2020-01-01"
        assert changed.json()["memory"] == "green tea"
        again = memory.get(kept)
        assert again is not None
        assert changed.json()["metadata"] == again["metadata"] == {"a": [1, 2.5, None]}
        assert changed.json()["updated_at"] == again["updated_at"]


def test_webhooks_are_made_changed_and_deleted() -> None:
    """A webhook is told with its secret once, listed without it, changed and removed; event types in any spelling."""
    with served_with(Settings(vacuum_interval_seconds=0, webhook_allow_private=True)) as client:
        path = "/api/v1/webhooks/projects/default/"
        body = {"url": "http://127.0.0.1:9/hook", "name": "log", "eventTypes": ["memory:add"], "project_id": "p"}
        made = client.post(path, json=body).json()
        assert (made["url"], made["name"], made["event_types"]) == (body["url"], "log", ["memory_add"])
        assert made["secret"] and made["is_active"] is True
        [listed] = client.get(path).json()
        assert listed == {key: value for key, value in made.items() if key != "secret"}
        own = f"/api/v1/webhooks/{made['webhook_id']}/"
        changed = client.put(own, json={"event_types": ["memory_delete"], "is_active": False}).json()
        assert changed["message"]
        assert (changed["name"], changed["event_types"], changed["is_active"]) == ("log", ["memory_delete"], False)
        assert client.delete(own).json()["message"]
        assert client.get(path).json() == []
        for answer in (client.delete(own), client.put(own, json={"name": "x"})):
            assert answer.status_code == 404


@pytest.mark.parametrize("body", [{"url": "http://127.0.0.1:9/hook"}, {"url": "ftp://x"}, {"url": ""}])
def test_webhooks_do_not_reach_private_addresses(client: httpx.Client, body: dict[str, Any]) -> None:
    """A server that was not told otherwise takes only addresses of the public Internet."""
    assert detail(client.post("/api/v1/webhooks/projects/default/", json=body), 400)
    assert client.get("/api/v1/webhooks/projects/default/").json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/summary/"),
        ("GET", "/v2/entities/user/alice/profile/"),
        ("GET", "/v2/entities/user/a%2Fb/profile/"),
        ("POST", "/v2/profiles/jobs/"),
        ("GET", "/v2/profiles/jobs/j1/"),
        ("GET", "/v2/profiles/settings/"),
        ("POST", "/v2/profiles/settings/"),
    ],
)
def test_what_needs_a_language_model_says_so(client: httpx.Client, method: str, path: str) -> None:
    """Summaries and profiles answer 501 with the reason, whatever the body."""
    for body in (None, {"filters": {"user_id": "alice"}}):
        assert "language model" in detail(client.request(method, path, json=body), 501)
    assert client.get("/v2/entities/user/alice/").status_code == 404


# -- mounted


@pytest.mark.parametrize("prefix", ["/mem", "/a/b"])
def test_a_mounted_app_pages_under_its_prefix(prefix: str) -> None:
    """Below a host's prefix every path works, and the links between pages have the prefix."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0))
        host = starlette.applications.Starlette(routes=[starlette.routing.Mount(prefix, app)])
        with served_by(host) as client:
            for number in range(3):
                memory.add(f"tea {number}", user_id="alice", agent_id="bot/1")
            body = {"filters": {"user_id": "alice"}}
            first = client.post(f"{prefix}/v3/memories/?page_size=2", json=body).json()
            base = str(client.base_url).rstrip("/")
            assert first["next"] == f"{base}{prefix}/v3/memories/?page_size=2&page=2"
            second = client.post(first["next"], json=body).json()
            assert [item["memory"] for item in second["results"]] == ["tea 0"]
            assert client.post(second["previous"], json=body).json() == first
            assert client.get(f"{prefix}/v1/ping/").json()["status"] == "ok"
            assert client.get(f"{prefix}/v1/ping").status_code == 404
            document = client.get(f"{prefix}/openapi.json").json()
            assert "/v3/memories/add/" in document["paths"]
            assert client.delete(f"{prefix}/v2/entities/agent/bot%2F1/").status_code == 200
            assert client.post(f"{prefix}/v3/memories/", json=body).json()["count"] == 0


def test_links_name_the_host_as_the_client_does() -> None:
    """The link has the host of the request; one that is no host is not repeated."""
    with served_with(Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(ADMIN),))) as client:
        client.headers["X-API-Key"] = ADMIN
        add(client, "tea")
        add(client, "milk")
        own = str(client.base_url)
        for host, expected in (("memory.example:8443", "http://memory.example:8443"), ("a,b", own), ("[", own)):
            answer = client.post("/v3/memories/?page_size=1", json={"user_id": "alice"}, headers={"Host": host})
            assert answer.json()["next"].startswith(f"{expected}/v3/memories/?")


# -- a key that is pinned to a user


ADMIN, ALICE = "admin-3f9c", "alice-b71e"


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Memory, httpx.Client]]:
    """A memory and a client of a server with keys."""
    keys = (ApiKey(ADMIN), ApiKey(ALICE, "alice"))
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=keys))
        with served_by(app) as client:
            yield memory, client


@pytest.fixture
def shared(guarded: tuple[Memory, httpx.Client]) -> Memory:
    """Memories of alice and of bob, who share agent, run and app, and of the agent alone."""
    memory = guarded[0]
    memory.reset()
    together = {"agent_id": "bot", "run_id": "r", "app_id": "inbox"}
    memory.add("red apple", user_id="alice", **together)
    memory.add("green pear", user_id="alice")
    memory.add("secret apple of bob", user_id="bob", **together)
    memory.add("apple of the bot", agent_id="bot")
    return memory


@pytest.fixture
def alice(guarded: tuple[Memory, httpx.Client], shared: Memory) -> Iterator[httpx.Client]:
    """A client with the key that is pinned to alice."""
    with serving.client_of(guarded[1].base_url, headers={"Authorization": f"Token {ALICE}"}, timeout=30) as client:
        yield client


def id_of(memory: Memory, text: str) -> str:
    found = memory.get_all(filters={"OR": [{"user_id": "*"}, {"agent_id": "*"}], "memory": text})["results"]
    [memory_id] = [item["id"] for item in found]
    return memory_id


def test_pinned_key_sees_its_user(alice: httpx.Client) -> None:
    """Lists, searches, counts, events and exports know the user's own memories only, named or not."""
    for scope in ({}, {"user_id": "alice"}, {"filters": {"AND": [{"userId": "alice"}]}}):
        page = alice.post("/v3/memories/", json=scope).json()
        assert (page["count"], {item["user_id"] for item in page["results"]}) == (2, {"alice"})
    for scope in ({"agent_id": "bot"}, {"filters": {"OR": [{"run_id": "r"}, {"app_id": "inbox"}]}}):
        assert texts(alice.post("/v2/memories/", json=scope)) == {"red apple"}
        body = {"query": "apple", "threshold": 0, **scope}
        assert texts(alice.post("/v3/memories/search/", json=body)) == {"red apple"}
        assert {item["memory"] for item in alice.post("/v1/memories/search/", json=body).json()} == {"red apple"}
    assert texts(alice.get("/v1/memories/")) == {"red apple", "green pear"}
    events = alice.get("/v1/events/").json()
    assert (events["count"], {one["user_id"] for one in events["results"]}) == (2, {"alice"})
    exported = alice.post("/v1/exports/get/", json={"filters": {"agent_id": "bot"}}).json()["memories"]
    assert [item["memory"] for item in exported] == ["red apple"]


def test_pinned_key_sees_its_user_s_entities(alice: httpx.Client) -> None:
    """Entities count the user's memories alone."""
    entities = alice.get("/v1/entities/").json()
    assert {(one["type"], one["name"], one["total_memories"]) for one in entities["results"]} == {
        *(("user", "alice", 2), ("agent", "bot", 1), ("run", "r", 1), ("app", "inbox", 1)),
    }
    assert entities["count"] == 4


@pytest.mark.parametrize("text", ["secret apple of bob", "apple of the bot"])
def test_another_s_memory_is_unknown(shared: Memory, alice: httpx.Client, text: str) -> None:
    """Whatever is asked of another's memory gets the answer that an id nobody has gets, and changes nothing."""
    memory_id, before = id_of(shared, text), everything(shared)
    for method, path, body in (
        ("GET", "/v1/memories/{id}/", None),
        ("GET", "/v1/memories/{id}/history/", None),
        ("PUT", "/v1/memories/{id}/", {"text": "mine"}),
        ("PUT", "/v1/memories/{id}/", {}),
        ("DELETE", "/v1/memories/{id}/", None),
        ("PUT", "/v1/batch/", {"memories": [{"memory_id": "{id}", "text": "mine"}]}),
        ("DELETE", "/v1/batch/", {"memories": [{"memory_id": "{id}"}]}),
        ("POST", "/v1/feedback/", {"memory_id": "{id}", "feedback": "POSITIVE"}),
        ("POST", "/v3/memories/", {"filters": {"id": "{id}"}}),
        ("POST", "/v1/exports/get/", {"filters": {"id": "{id}"}}),
    ):
        answers = []
        for one in (memory_id, UNKNOWN):
            sent = None if body is None else json.loads(json.dumps(body).replace("{id}", one))
            answer = alice.request(method, path.replace("{id}", one), json=sent)
            answers.append((answer.status_code, answer.text.replace(one, "")))
        assert answers[0] == answers[1], (method, path)
    assert everything(shared) == before
    assert shared.get(memory_id) is not None


def test_another_s_event_and_export_are_unknown(shared: Memory, alice: httpx.Client) -> None:
    """The ids of others' calls and exports get the answers of ids that nobody has."""
    event_id = shared.add("milk", user_id="bob")["event_id"]
    export_id = shared.create_memory_export({}, {"user_id": "bob"})["id"]
    for known, answers in (
        (event_id, [alice.get(f"/v1/event/{one}/") for one in (event_id, UNKNOWN)]),
        (export_id, [alice.post("/v1/exports/get/", json={"memory_export_id": one}) for one in (export_id, UNKNOWN)]),
    ):
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace(known, UNKNOWN) == answers[1].text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v3/memories/add/", {"messages": HELLO, "user_id": "bob"}),
        ("POST", "/v3/memories/add/", {"messages": HELLO, "filters": {"AND": [{"userId": "bob"}]}}),
        ("POST", "/v1/memories/", {"messages": HELLO, "user_id": "bob"}),
        ("POST", "/v3/memories/", {"filters": {"user_id": "bob"}}),
        ("POST", "/v3/memories/", {"filters": {"user_id": "*"}}),
        ("POST", "/v3/memories/", {"filters": {"OR": [{"userId": "bob"}, {"agentId": "bot"}]}}),
        ("GET", "/v1/memories/?filters={'user_id':'bob'}", None),
        ("POST", "/v3/memories/search/", {"query": "apple", "filters": {"NOT": [{"user_id": "alice"}]}}),
        ("POST", "/v1/memories/search/", {"query": "apple", "user_id": "bob"}),
        ("DELETE", "/v1/memories/?user_id=bob", None),
        ("DELETE", "/v1/memories/?user_id=*", None),
        ("DELETE", "/v1/memories/?user_id=*&agent_id=*&app_id=*&run_id=*", None),
        ("DELETE", "/v1/memories/?agent_id=*", None),
        ("DELETE", "/v2/entities/user/bob/", None),
        ("DELETE", "/v1/entities/user/bob/", None),
        ("GET", "/v1/events/?user_id=bob", None),
        ("POST", "/v1/exports/", {"schema": {}, "user_id": "bob"}),
        ("POST", "/v1/exports/get/", {"filters": {"user_id": "bob"}}),
        ("GET", PROJECT, None),
        ("PATCH", PROJECT, {"custom_instructions": "mine"}),
        ("GET", "/api/v1/webhooks/projects/default/", None),
        ("POST", "/api/v1/webhooks/projects/default/", {"url": "https://hooks.example/"}),
        ("PUT", "/api/v1/webhooks/wh_1/", {"name": "x"}),
        ("DELETE", "/api/v1/webhooks/wh_1/", None),
    ],
)
def test_pinned_key_may_not_name_others(shared: Memory, alice: httpx.Client, method: str, path: str, body: Any) -> None:
    """Naming another user or anybody, and what concerns the whole server, is forbidden and changes nothing."""
    before = everything(shared)
    answer = alice.request(method, path, json=body)
    if "NOT" in str(body):
        assert texts(answer) == set()
    else:
        assert detail(answer, 403)
    assert everything(shared) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/v1/memories/?agent_id=bot", None),
        ("DELETE", "/v1/memories/?session_id=r", None),
        ("DELETE", "/v2/entities/agent/bot/", None),
        ("DELETE", "/v2/entities/run/r/", None),
        ("DELETE", "/v1/entities/app/inbox/", None),
    ],
)
def test_pinned_key_deletes_its_user_s_part(
    shared: Memory, alice: httpx.Client, method: str, path: str, body: Any
) -> None:
    """Of what users share only the user's own memories are deleted."""
    assert alice.request(method, path, json=body).status_code == 200
    assert everything(shared) == ["apple of the bot", "green pear", "secret apple of bob"]


def test_pinned_key_adds_for_its_user(shared: Memory, alice: httpx.Client) -> None:
    """A call that names no user means the key's."""
    added = alice.post("/v3/memories/add/", json={"messages": "tea"}).json()["results"]
    assert shared.for_user("alice").get(added[0]["id"]) is not None


# Every route with a body that alice's key may send, and the status it gets; {id} is a memory of alice's.
OWN: list[tuple[str, str, Any, int]] = [
    ("GET", "/v1/ping/", None, 200),
    ("POST", "/v3/memories/add/", {"messages": HELLO}, 200),
    ("POST", "/v1/memories/", {"messages": HELLO, "user_id": "alice"}, 200),
    ("POST", "/v3/memories/search/", {"query": "apple", "threshold": 0}, 200),
    ("POST", "/v2/memories/search/", {"query": "apple", "threshold": 0, "agent_id": "bot"}, 200),
    ("POST", "/v1/memories/search/", {"query": "apple", "threshold": 0, "app_id": "inbox"}, 200),
    ("POST", "/v3/memories/", {}, 200),
    ("POST", "/v2/memories/", {"filters": {"OR": [{"run_id": "r"}, {"agentId": "bot"}]}}, 200),
    ("GET", "/v1/memories/", None, 200),
    ("GET", "/v1/memories/{memory_id}/", None, 200),
    ("GET", "/v1/memories/{memory_id}/history/", None, 200),
    ("PUT", "/v1/memories/{memory_id}/", {"text": "mine"}, 200),
    ("DELETE", "/v1/memories/{memory_id}/", None, 200),
    ("DELETE", "/v1/memories/", None, 400),
    ("PUT", "/v1/batch/", {"memories": [{"memory_id": "{memory_id}", "text": "mine"}]}, 200),
    ("DELETE", "/v1/batch/", {"memories": [{"memory_id": "{memory_id}"}]}, 200),
    ("GET", "/v1/entities/", None, 200),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/", None, 200),
    ("GET", "/v2/entities/{entity_type}/{entity_id}/", None, 200),
    ("DELETE", "/v1/entities/{entity_type}/{entity_id}/", None, 200),
    ("DELETE", "/v2/entities/{entity_type}/{entity_id}/", None, 200),
    ("GET", "/v1/events/", None, 200),
    ("GET", "/v1/event/{event_id}/", None, 200),
    ("POST", "/v1/feedback/", {"memory_id": "{memory_id}", "feedback": "POSITIVE"}, 200),
    ("POST", "/v1/exports/", {"schema": {}}, 200),
    ("POST", "/v1/exports/get/", {}, 200),
    ("GET", "/v1/exports/", None, 200),
    ("GET", "/v1/memories/events/", None, 200),
    ("GET", "/v1/memories/{entity_type}/{entity_id}/", None, 200),
    ("GET", "/v1/entities/filters/", None, 200),
    ("GET", "/v1/stats/", None, 200),
    ("POST", "/v1/users/", {"user_id": "alice"}, 200),
    ("POST", "/v1/agents/", {"agent_id": "bot"}, 200),
    ("POST", "/v1/apps/", {"app_id": "inbox"}, 200),
    ("POST", "/v1/runs/", {"run_id": "r"}, 200),
    ("GET", "/api/v1/orgs/organizations/", None, 403),
    ("GET", "/api/v1/orgs/organizations/{org_id}/", None, 403),
    ("GET", "/api/v1/orgs/organizations/{org_id}/members/", None, 403),
    ("GET", "/api/v1/orgs/organizations/{org_id}/projects/", None, 403),
    ("GET", "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/members/", None, 403),
    ("GET", "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/", None, 403),
    ("PATCH", "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/", {"custom_instructions": "x"}, 403),
    ("GET", "/api/v1/webhooks/projects/{project_id}/", None, 403),
    ("POST", "/api/v1/webhooks/projects/{project_id}/", {"url": "https://hooks.example/"}, 403),
    ("PUT", "/api/v1/webhooks/{webhook_id}/", {"name": "x"}, 403),
    ("DELETE", "/api/v1/webhooks/{webhook_id}/", None, 403),
]


def test_every_hosted_route_is_tested_with_a_pinned_key(guarded: tuple[Memory, httpx.Client]) -> None:
    """A new route has to be added to the table above."""
    paths = guarded[1].get("/openapi.json").json()["paths"]
    documented = {
        (method.upper(), path)
        for path, item in paths.items()
        for method, operation in item.items()
        if path.endswith("/") and "501" not in operation["responses"]
    }
    assert {(method, path) for method, path, _, _ in OWN} == documented


@pytest.mark.parametrize(("method", "path", "body", "status"), OWN)
def test_no_route_shows_or_touches_what_is_another_s(
    shared: Memory, alice: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    """On no route a pinned key reads a text or an id of another's memory, or changes one, whatever it shares."""
    theirs = [id_of(shared, text) for text in ("secret apple of bob", "apple of the bot")]
    before = [shared.get(one) for one in theirs]
    values = {"memory_id": id_of(shared, "red apple"), "entity_type": "agent", "entity_id": "bot"}
    values |= {"event_id": alice.get("/v1/events/").json()["results"][0]["id"]}
    sent = None if body is None else json.loads(json.dumps(body).replace("{memory_id}", values["memory_id"]))
    filled = path.format(**values, org_id="o", project_id="p", webhook_id="wh_1")
    answer = alice.request(method, filled, json=sent)
    assert answer.status_code == status
    assert not [word for word in (*theirs, "bob", "of the bot") if word in answer.text]
    assert [shared.get(one) for one in theirs] == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, path) for method, path, _, _ in OWN),
        *(("POST", "/v1/summary/"), ("GET", "/v2/profiles/settings/"), ("GET", "/v2/entities/user/alice/profile/")),
    ],
)
def test_no_route_answers_without_a_key(guarded: tuple[Memory, httpx.Client], method: str, path: str) -> None:
    """Without a key, or with a wrong one, every route answers 401 before it reads the body, those of no use too."""
    for headers in ({}, {"Authorization": "Token wrong"}):
        answer = guarded[1].request(method, path, headers=headers, content="{not json")
        assert detail(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_hosted_routes_take_a_token(guarded: tuple[Memory, httpx.Client]) -> None:
    """The clients' form of the header admits."""
    assert guarded[1].get("/v1/ping/", headers={"Authorization": f"Token {ADMIN}"}).json()["status"] == "ok"


def test_a_cursor_walks_lists_that_change(client: httpx.Client, store: Memory) -> None:
    """A cursor, and the links of a page that it gave, go on where the page before ended, whatever was deleted."""
    for number in range(7):
        add(client, f"tea {number}", timestamp=number)
    body = {"filters": {"user_id": "alice"}}
    page = client.post("/v3/memories/?page_size=3", json=body).json()
    seen = [one["memory"] for one in page["results"]]
    client.request("DELETE", "/v1/batch/", json={"memories": [{"memory_id": one["id"]} for one in page["results"]]})
    page = client.post("/v3/memories/", params={"page_size": 3, "after": page["next_cursor"]}, json=body).json()
    assert (page["count"], page["previous"]) == (4, None)
    seen += [one["memory"] for one in page["results"]]
    last = client.post(page["next"], json=body).json()
    seen += [one["memory"] for one in last["results"]]
    assert seen == [f"tea {number}" for number in reversed(range(7))]
    assert (last["next"], last["next_cursor"]) == (None, None)

    events = client.get("/v1/events/", params={"page_size": 5}).json()
    rest = client.get("/v1/events/", params={"page_size": 5, "after": events["next_cursor"]}).json()
    assert len({one["id"] for one in events["results"] + rest["results"]}) == 7
    old = client.get("/v1/memories/", params={"user_id": "alice", "page": 1, "page_size": 1}).json()
    assert client.get("/v1/memories/", params={"user_id": "alice", "after": old["next_cursor"]}).json()["count"] == 4
    for params in ({"after": "x"}, {"after": old["next_cursor"], "page": 1}):
        assert "after" in detail(client.get("/v1/memories/", params={"user_id": "alice", **params}), 400)
