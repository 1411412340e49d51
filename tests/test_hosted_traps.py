"""What mem0's clients really send to the hosted API, and where a careless server loses or shows memories: each trap
was recorded from a published client."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import serving
from serving import texts
from test_hosted import add, detail, everything

from mem0lite import Memory

served, store, client = serving.served, serving.store, serving.client

HELLO = [{"role": "user", "content": "I love python"}]


# -- nothing is deleted by mistake


@pytest.mark.parametrize("query", ["", "?", "?org_id=mem0lite&project_id=default", "?source=CLI"])
def test_bare_delete_deletes_nothing(client: httpx.Client, store: Memory, query: str) -> None:
    """``delete_all()`` without ids is refused, also with what clients add by themselves."""
    add(client, "tea")
    assert "at least one id" in detail(client.delete(f"/v1/memories/{query}"), 400)
    assert everything(store) == ["tea"]


@pytest.mark.parametrize(
    "filters", [{"user_id": "u1"}, {"AND": [{"user_id": "u1"}]}, {}, {"user_id": "alice", "kind": "x"}]
)
@pytest.mark.parametrize("write", [str, json.dumps])
@pytest.mark.parametrize("more", ["", "&user_id=alice"])
def test_filters_in_the_query_delete_nothing(
    client: httpx.Client, store: Memory, filters: dict[str, Any], write: Any, more: str
) -> None:
    """``delete_all(filters=…)`` sends a Python repr, npm's client not even that: refused, also beside an id."""
    add(client, "tea")
    for text in (quote(write(filters)), "%5Bobject+Object%5D"):
        answer = client.delete(f"/v1/memories/?filters={text}{more}")
        assert "unknown parameter 'filters'" in detail(answer, 400)
    assert everything(store) == ["tea"]


@pytest.mark.parametrize("name", ["userid", "userId", "user", "run", "sessionId", "metadata", "memory_id", "page", "*"])
def test_a_misspelt_id_does_not_widen_a_deletion(client: httpx.Client, store: Memory, name: str) -> None:
    """A parameter that is not known would have narrowed the deletion: nothing is deleted."""
    add(client, "tea", user_id="alice", run_id="r1")
    add(client, "milk", user_id="alice", run_id="r2")
    assert name in detail(client.delete("/v1/memories/", params={"user_id": "alice", name: "r1"}), 400)
    assert everything(store) == ["milk", "tea"]


@pytest.mark.parametrize(
    "query",
    ["user_id=alice&user_id=bob", "user_id=", "user_id=%20", "run_id=r&session_id=s", "session_id=a&session_id=b"],
)
def test_two_values_or_none_of_an_id_delete_nothing(client: httpx.Client, store: Memory, query: str) -> None:
    """Whose memories are meant has to be clear."""
    add(client, "tea")
    add(client, "milk", user_id="bob")
    assert detail(client.delete(f"/v1/memories/?{query}"), 400)
    assert everything(store) == ["milk", "tea"]


def test_a_body_does_not_name_what_to_delete(client: httpx.Client, store: Memory) -> None:
    """A DELETE whose ids are in the body is refused as one without ids."""
    add(client, "tea")
    assert detail(client.request("DELETE", "/v1/memories/", json={"user_id": "alice"}), 400)
    assert everything(store) == ["tea"]


# -- noise that must not act


@pytest.mark.parametrize("noise", [{"org_id": "mem0lite", "project_id": "default"}, {"org_id": "x", "project_id": "y"}])
def test_org_and_project_never_filter(client: httpx.Client, store: Memory, noise: dict[str, str]) -> None:
    """0.1 and 1.0 clients add organization and project to every call, where they mean no metadata."""
    memory_id = add(client, "tea", **noise)
    assert client.get(f"/v1/memories/{memory_id}/", params=noise).json()["metadata"] is None
    body = {"query": "tea", "user_id": "alice", "threshold": 0, **noise}
    for path in ("/v2/memories/search/", "/v3/memories/search/", "/v2/memories/", "/v3/memories/"):
        assert texts(client.post(path, json=body)) == {"tea"}
    assert [item["memory"] for item in client.post("/v1/memories/search/", json=body).json()] == ["tea"]
    assert texts(client.get("/v1/memories/", params={"user_id": "alice", **noise})) == {"tea"}
    assert client.get("/v1/entities/", params=noise).json()["count"] == 1
    assert client.get("/v1/events/", params=noise).json()["count"] == 1
    assert client.post("/v1/exports/get/", json={"user_id": "alice", **noise}).json()["memories"]
    assert client.get(f"/v1/memories/{memory_id}/history/", params=noise).status_code == 200
    assert client.delete("/v1/memories/", params={"user_id": "alice", **noise}).status_code == 200
    assert everything(store) == []


def test_a_project_in_the_filters_is_metadata(client: httpx.Client) -> None:
    """What a caller writes into ``filters`` is meant, whatever its name."""
    add(client, "tea", metadata={"project_id": "p1"})
    add(client, "milk")
    filters = {"user_id": "alice", "project_id": "p1"}
    assert texts(client.post("/v2/memories/", json={"filters": filters, "project_id": "default"})) == {"tea"}


# -- filters of every spelling


@pytest.mark.parametrize("write", [str, json.dumps])
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"user_id": "alice"}, {"tea"}),
        ({"AND": [{"user_id": "alice"}, {"metadata": {"kind": None}}]}, {"tea"}),
        ({"OR": [{"userId": "alice"}, {"user_id": "bob"}]}, {"tea", "milk"}),
        ({"user_id": {"in": ["bob"]}}, {"milk"}),
    ],
)
def test_filters_in_the_query_of_a_list(
    client: httpx.Client, filters: dict[str, Any], found: set[str], write: Any
) -> None:
    """0.1's ``get_all(filters=…)`` sends a Python repr, which counts as JSON does."""
    add(client, "tea")
    add(client, "milk", user_id="bob")
    params = {"filters": write(filters), "page": 1, "page_size": 5, "org_id": "o1", "project_id": "p1"}
    assert texts(client.get("/v1/memories/", params=params)) == found


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "alice",
            "user_id=alice",
            "[{'user_id': 'alice'}]",
            "{'user_id'",
            "{'user_id': open('x')}",
            "None",
            "{1}",
        ),
        *("{'user_id': 'alice'} or 1", "dict(user_id='alice')", "{b'user_id': 'alice'}", "{'k': 1j, 'user_id': 'a'}"),
        *("{'user_id': 1e999}", "{'user_id': 'a', 'k': {1, 2}}", "{'user_id': 'a'" + " " * 10_000 + "}"),
        *("[" * 9_000, "(" * 150 + ")" * 150, "-" * 9_000 + "1", "9" * 9_000, "{'a':" * 1_500, "'\\ud800'", "\x00"),
        '{"AND":[' * 200 + '{"user_id": "alice"}' + "]}" * 200,
    ],
)
def test_unreadable_filters_in_the_query_are_refused(client: httpx.Client, text: str) -> None:
    """What is not an object, is too long or nested too deeply is refused: never ignored, never a failure."""
    add(client, "tea")
    for params in ({"filters": text}, {"filters": text, "user_id": "alice"}):
        assert detail(client.get("/v1/memories/", params=params), 400)
    assert client.get("/v1/memories/", params={"user_id": "alice", "metadata": text}).status_code == 400


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"AND": [{"user_id": "alice"}]}, {"tea", "milk"}),
        ({"AND": [{"user_id": "alice"}, {"app_id": "inbox"}]}, {"milk"}),
        ({"OR": [{"user_id": "alice"}, {"agent_id": "bot"}]}, {"tea", "milk", "beer"}),
        ({"AND": [{"OR": [{"user_id": "alice"}, {"user_id": "bob"}]}, {"NOT": {"app_id": "inbox"}}]}, {"tea"}),
        ({"$and": [{"user_id": "alice"}, {"categories": {"contains": "dairy"}}]}, {"milk"}),
        ({"AND": [{"user_id": "alice"}, {"created_at": {"gte": "2020-01-01", "lte": "2090-01-01"}}]}, {"tea", "milk"}),
    ],
)
def test_ids_inside_nested_filters(client: httpx.Client, filters: dict[str, Any], found: set[str]) -> None:
    """The command line, CrewAI, Pipecat and n8n put ids into AND and OR, to list and to search."""
    add(client, "tea")
    add(client, "milk", user_id="alice", app_id="inbox", metadata={"categories": ["dairy"]})
    add(client, "beer", agent_id="bot")
    assert texts(client.post("/v3/memories/", json={"filters": filters})) == found
    body = {"query": "tea milk beer", "threshold": 0, "filters": filters}
    assert texts(client.post("/v3/memories/search/", json=body)) == found


def test_or_with_a_part_that_names_nobody_is_refused(client: httpx.Client) -> None:
    """A search in everybody's memories is not hidden in an OR."""
    body = {"query": "x", "filters": {"OR": [{"user_id": "alice"}, {"kind": "y"}]}}
    assert detail(client.post("/v3/memories/search/", json=body), 400)


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"user_id": "alice"}},
        {"filters": {"userId": "alice"}},
        {"filters": {"AND": [{"user_id": {"eq": "alice"}}]}},
        {"filters": {"AND": [{"AND": [{"user_id": "alice"}]}]}, "user_id": " alice "},
        {"filters": {"$and": [{"user_id": "alice"}], "OR": [{"agent_id": "x"}, {"run_id": "y"}]}},
    ],
)
def test_add_takes_its_ids_from_filters(client: httpx.Client, body: dict[str, Any]) -> None:
    """An id that the filters ask for by equality is the memory's; alternatives are nobody's."""
    [added] = client.post("/v3/memories/add/", json={"messages": HELLO, **body}).json()["results"]
    item = client.get(f"/v1/memories/{added['id']}/").json()
    assert [item[name] for name in ("user_id", "agent_id", "app_id", "run_id")] == ["alice", None, None, None]


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "alice", "filters": {"user_id": "bob"}},
        {"user_id": "alice", "filters": {"AND": [{"userId": "bob"}]}},
        {"filters": {"AND": [{"user_id": "alice"}, {"user_id": "bob"}]}},
        {"filters": {"OR": [{"user_id": "alice"}, {"user_id": "bob"}]}},
        {"filters": {"user_id": ["alice", "bob"]}},
        {"filters": {"user_id": "*"}},
        {"filters": {"NOT": {"user_id": "alice"}}},
        {"filters": {"user_id": {"ne": "alice"}}},
        {"user_id": "alice", "run_id": "r", "session_id": "s"},
        {"user_id": "alice", "run_id": "r", "filters": {"sessionId": "s"}},
    ],
)
def test_add_for_two_or_for_nobody_is_refused(client: httpx.Client, store: Memory, body: dict[str, Any]) -> None:
    """Two values of one id, or filters that name no one, store nothing."""
    assert detail(client.post("/v3/memories/add/", json={"messages": HELLO, **body}), 400)
    assert everything(store) == []


@pytest.mark.parametrize("name", ["user", "agent", "app", "run"])
def test_camel_case_ids_in_filters(client: httpx.Client, name: str) -> None:
    """mem0's npm client sends filters as they were written: ``userId`` means ``user_id``, in any depth."""
    add(client, "tea", **{f"{name}_id": "one"})
    add(client, "milk", **{f"{name}_id": "two"})
    for filters in ({f"{name}Id": "one"}, {"AND": [{f"{name}Id": {"in": ["one"]}}]}, {"NOT": [], f"{name}Id": "one"}):
        assert texts(client.post("/v3/memories/", json={"filters": filters})) == {"tea"}
        body = {"query": "tea", "threshold": 0, "filters": filters, "output_format": "v1.1"}
        assert texts(client.post("/v3/memories/search/", json=body)) == {"tea"}


@pytest.mark.parametrize(
    "condition",
    [
        {"memory_ids": ["{id}"]},
        {"memoryIds": {"in": ["{id}"]}},
        {"keywords": {"icontains": "PEANUT"}},
        {"createdAt": {"gte": "2020-01-01"}, "keywords": {"contains": "peanut"}},
        {"memory_id": "{id}"},
        {"memoryId": {"$in": ["{id}"]}},
        {"keywords": "PEANUTS"},
        {"keywords": ["walnut", "peanut"]},
        {"keywords": {"ne": "figs"}},
        {"keywords": {"nin": ["figs", "apples"], "contains": "allergic"}},
        {"NOT": {"keywords": {"$not": {"$in": ["PEANUT"]}}}},
        {"keywords_search": "allergic to"},
        {"keywordsSearch": {"eq": "Allergic"}},
        {"keywords": "allergic", "keywords_search": {"in": ["peanuts"]}, "text": {"contains": "I am"}},
        {"text": "I am allergic to peanuts"},
        {"text": {"icontains": "PEANUT"}},
        {"memory": {"contains": "peanut"}, "text": {"$icontains": "ALLERGIC"}},
        {"timestamp": {"lt": "2021-01-01"}},
        {"timestamp": "2020-06-01"},
        {"timestamp": {"$gte": "2020-06-01", "$lt": "2020-06-02"}, "created_at": {"lt": "2021-01-01"}},
        {"expiration_date": "2099-01-31"},
        {"expiration_date": {"gte": "2099-01-01T10:00:00Z", "lt": "2099-02-01"}},
        {"expirationDate": {"ne": None}},
        {"NOT": {"timestamp": {"gte": "2021-01-01"}}},
        {"OR": [{"text": "x"}, {"keywords": "peanut"}]},
        {"categories": {"contains": "HEALTH"}},
        {"categories": {"in": ["health_care"]}},
        {"$nor": [{"text": {"contains": "figs"}}]},
        {"run_id": {"ne": ["r2", "r3"]}},
        {"metadata": {"contains": {"level": 3}}},
        {"metadata": {"level": {"$gt": 2}}},
    ],
    ids=repr,
)
def test_the_hosted_names_of_fields_in_filters(client: httpx.Client, condition: dict[str, Any]) -> None:
    """Ids, texts, words, dates and categories under the hosted API's names, in any depth and with either spelling of
    an operator, mean the memory's own, not metadata that nobody has: in lists, searches and exports, and as text in a
    query."""
    peanuts = "I am allergic to peanuts"
    dates = {"timestamp": "2020-06-01T08:00:00Z", "expiration_date": "2099-01-31"}
    memory_id = add(client, peanuts, user_id="u1", metadata={"categories": ["health_care"], "level": 3}, **dates)
    add(client, "I like figs", user_id="u1", run_id="r2", metadata={"level": 1, "categories": ["food"]})
    page = {"page": 1, "page_size": 100}
    filters = json.loads(json.dumps({"user_id": "u1", **condition}).replace("{id}", memory_id))
    assert texts(client.post("/v3/memories/", json={"filters": filters})) == {peanuts}
    assert texts(client.get("/v1/memories/", params={"filters": json.dumps(filters), **page})) == {peanuts}
    assert texts(client.get("/v1/memories/", params={"filters": str(filters), **page})) == {peanuts}
    search = {"query": "peanuts", "threshold": 0, "filters": filters, "output_format": "v1.1"}
    assert texts(client.post("/v2/memories/search/", json=search)) == {peanuts}
    export = {"schema": {"properties": {"memory": {}}}, "filters": filters}
    made = client.post("/v1/exports/", json=export).json()["id"]
    read = client.post("/v1/exports/get/", json={"memory_export_id": made}).json()
    assert peanuts in str(read) and "figs" not in str(read)


def test_camel_case_in_metadata_is_left_alone(client: httpx.Client) -> None:
    """A metadata key that looks like an id is one's own affair, and can still be filtered by."""
    add(client, "tea", metadata={"userId": "x", "runId": 1})
    add(client, "milk")
    for filters in ({"metadata": {"userId": "x"}}, {"metadata.runId": 1}):
        [item] = client.post("/v3/memories/", json={"user_id": "alice", "filters": filters}).json()["results"]
        assert item["metadata"] == {"userId": "x", "runId": 1}


@pytest.mark.parametrize(
    "filters",
    [{"user_id": "a", "userId": "b"}, {"AND": [{"run_id": "a", "session_id": "b"}]}, {"runId": 1, "run_id": 2}],
)
def test_two_names_of_one_id_have_to_agree(client: httpx.Client, filters: dict[str, Any]) -> None:
    """A filter that gives one id twice under different names is refused; the same value twice is one."""
    assert detail(client.post("/v3/memories/", json={"filters": filters}), 400)
    add(client, "tea")
    body = {"filters": {"user_id": "alice", "userId": "alice"}}
    assert texts(client.post("/v3/memories/", json=body)) == {"tea"}


# -- ids in paths


@pytest.mark.parametrize(
    "name", ["a/b", "/a", "a/", "a//b", "a?b=1", "ä%b", "profile", "a/profile", "a..", "a#b", "a;b"]
)
def test_any_id_in_an_encoded_path(client: httpx.Client, store: Memory, name: str) -> None:
    """2.x clients encode ids: whatever is in one, the memories of that entity and of no other are deleted."""
    add(client, "tea", user_id=name)
    for other in ("a", "b", "ab", "a/b/c", "x"):
        add(client, f"of {other}", user_id=other)
    assert client.delete(f"/v2/entities/user/{quote(name, safe='')}/").status_code == 200
    assert everything(store) == ["of a", "of a/b/c", "of ab", "of b", "of x"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_raw_slash_in_an_entity_s_path(client: httpx.Client, store: Memory, version: str) -> None:
    """Older clients put ``u/1/x`` into the path as it is, which means that entity and not ``u``."""
    for name in ("u", "u/1", "u/1/x"):
        add(client, f"of {name}", user_id=name)
    assert client.delete(f"/{version}/entities/user/u/1/x/?org_id=o1&project_id=p1").status_code == 200
    assert everything(store) == ["of u", "of u/1"]


@pytest.mark.parametrize("path", ["u%201/x/", "u%201%2Fx/", "u%0A1/"])
def test_an_entity_with_a_space_is_none(client: httpx.Client, store: Memory, path: str) -> None:
    """No id has a space, encoded or not: nothing is deleted, least of all the part before it."""
    add(client, "tea", user_id="u")
    add(client, "milk", user_id="x")
    assert detail(client.delete(f"/v2/entities/user/{path}"), 400)
    assert everything(store) == ["milk", "tea"]


@pytest.mark.parametrize("path", ["a?b/?org_id=o1", "a?b/", "a//b/", "a#b/", "a"])
def test_a_raw_path_that_lost_a_part_deletes_nothing(client: httpx.Client, store: Memory, path: str) -> None:
    """Of a raw ``a?b``, ``a#b`` or ``a//b`` another id would be left: the slash at the end tells."""
    for name in ("a", "a/b", "b"):
        add(client, f"of {name}", user_id=name)
    assert client.delete(f"/v2/entities/user/{path}").status_code == 404
    assert everything(store) == ["of a", "of a/b", "of b"]


@pytest.mark.parametrize("path", ["a/?b/", "a/?b", "a/?org_id=o1&usr=x"])
def test_a_raw_path_whose_part_became_a_parameter_deletes_nothing(
    client: httpx.Client, store: Memory, path: str
) -> None:
    """Of a raw ``a/?b`` the id ``a`` would be left, with a slash at the end: the unknown parameter tells."""
    add(client, "of a", user_id="a")
    assert "unknown parameter" in detail(client.delete(f"/v2/entities/user/{path}"), 400)
    assert everything(store) == ["of a"]


@pytest.mark.parametrize("path", ["/v1/memories//", "/v1/memories/id/1%20x/", "/v1/memories/a/b/history/"])
def test_a_raw_memory_id_never_becomes_a_list(client: httpx.Client, store: Memory, path: str) -> None:
    """An empty id, or one with a raw slash, is not found, to read, to change or to delete."""
    add(client, "tea")
    for method, body in (("GET", None), ("PUT", {"text": "x"}), ("DELETE", None)):
        assert client.request(method, path, json=body).status_code in (404, 405)
    assert everything(store) == ["tea"]


# -- other spellings


def test_session_id_is_the_run(client: httpx.Client) -> None:
    """A session is the run of that name, wherever it is given; answers have both."""
    for number, body in enumerate(
        ({"session_id": "s"}, {"run_id": "s", "session_id": "s"}, {"filters": {"runId": "s"}})
    ):
        memory_id = add(client, f"tea {number}", **{"run_id": None, **body})
        item = client.get(f"/v1/memories/{memory_id}/").json()
        assert (item["run_id"], item["session_id"]) == ("s", "s")
    for asked in ({"session_id": "s"}, {"filters": {"session_id": "s"}}, {"filters": {"AND": [{"sessionId": "s"}]}}):
        page = client.post("/v3/memories/", json=asked).json()
        assert (page["count"], {item["session_id"] for item in page["results"]}) == (3, {"s"})
        found = client.post("/v3/memories/search/", json={"query": "tea", "threshold": 0, **asked}).json()["results"]
        assert [item["session_id"] for item in found] == ["s"] * 3
    assert len(client.get("/v1/memories/?session_id=s").json()) == 3
    assert client.get("/v1/events/?session_id=s").json()["count"] == 3
    assert detail(client.get("/v1/memories/?session_id=s&run_id=r"), 400)
    assert client.delete("/v1/memories/?session_id=s&run_id=s").status_code == 200
    assert client.get("/v1/memories/?session_id=s").json() == []


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/"])
@pytest.mark.parametrize(
    ("messages", "stored"),
    [("hello", ["hello"]), ({"role": "user", "content": "hello"}, ["hello"]), ([*HELLO, *HELLO], ["I love python"])],
)
def test_messages_of_every_form(
    client: httpx.Client, store: Memory, path: str, messages: Any, stored: list[str]
) -> None:
    """Messages may be a bare text, one message or a list."""
    assert client.post(path, json={"messages": messages, "user_id": "u1"}).status_code == 200
    assert everything(store) == stored


def test_old_clients_add_gets_both_shapes(client: httpx.Client) -> None:
    """v1 answers a bare list, and with ``output_format: "v1.1"`` an object; v3 always the object."""
    body = {"messages": "hello", "user_id": "u1", "version": "v2"}
    for more in ({}, {"output_format": "v1.0"}, {"output_format": None}):
        assert [item["memory"] for item in client.post("/v1/memories/", json={**body, **more}).json()] == ["hello"]
    whole = client.post("/v1/memories/", json={**body, "output_format": "v1.1"}).json()
    assert (whole["results"][0]["memory"], whole["status"], bool(whole["event_id"])) == ("hello", "SUCCEEDED", True)
    assert client.post("/v3/memories/add/", json={**body, "output_format": "v1.0"}).json()["status"] == "SUCCEEDED"


def test_old_clients_search_gets_both_shapes(client: httpx.Client) -> None:
    """v1 and v2 answer a bare list, and with ``output_format: "v1.1"`` an object; v3 always the object."""
    add(client, "tea")
    body = {"query": "tea", "user_id": "alice", "threshold": 0}
    for path in ("/v1/memories/search/", "/v2/memories/search/"):
        for more in ({}, {"output_format": "v1.0"}, {"output_format": None}):
            assert [item["memory"] for item in client.post(path, json={**body, **more}).json()] == ["tea"]
        whole = client.post(path, json={**body, "output_format": "v1.1"}).json()
        assert [item["memory"] for item in whole["results"]] == ["tea"]
    for more in ({}, {"output_format": "v1.0"}):
        assert client.post("/v3/memories/search/", json={**body, **more}).json()["results"][0]["memory"] == "tea"
