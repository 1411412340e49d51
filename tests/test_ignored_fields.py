"""No field of a request is dropped without a word: it works, is refused by name, or is named in the answer."""

import json
import re
from typing import Any

import client_environments
import httpx
import msgspec
import pytest
import serving
from client_environments import NPM_CLIENT
from serving import texts
from test_hosted import HELLO, PROJECT, add, detail, everything

from mem0lite import Memory
from mem0lite.server.hosted import ROUTINE_FIELDS, requests

served, store, client = serving.served, serving.store, serving.client

HEADER = "X-Mem0lite-Ignored"
UNKNOWN = {"keyword": "x", "mem0ApiKey": "secret", "expires_at": 5, "metadat": {"a": 1}}
ADDING = {
    **{"immutable": True, "includes": "x", "excludes": "x", "prompt": "x", "enable_graph": True},
    **{"custom_categories": [{"a": "b"}], "custom_instructions": "x", "agent_custom_instructions": "x"},
    **{"structured_data_schema": {"a": 1}, "top_k": 5, "decay": True, "latest_only": True},
    **UNKNOWN,
}
LISTING = {"enable_graph": True, "keyword_search": True, "decay": True, **UNKNOWN}
SEARCHING = {
    **{"enable_graph": True, "filter_memories": True, "only_metadata_based_search": True},
    **{"keyword_search": False, "decay": True, "page_size": 5},
    **UNKNOWN,
}
OBJECTS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    # of what answers an object: a body, and the fields that have no effect there
    ("POST", "/v3/memories/add/"): ({"messages": HELLO, "user_id": "u"}, ADDING),
    ("POST", "/v3/memories/search/"): ({"query": "x", "user_id": "u"}, SEARCHING),
    ("POST", "/v3/memories/"): ({"user_id": "u"}, LISTING),
    ("POST", "/v1/exports/"): ({"schema": {}, "user_id": "u"}, {"export_instructions": "x", **UNKNOWN}),
    ("POST", "/v1/exports/get/"): ({"user_id": "u"}, {"categories": ["x"], "page": 1, **UNKNOWN}),
    ("POST", "/memories"): ({"messages": HELLO, "user_id": "u"}, {"prompt": "x", "project_id": "p", **UNKNOWN}),
    ("POST", "/context"): (
        {"query": "x", "user_id": "u"},
        {"count_tokens": "x", "top_k": 5, "threshold": 0.5, **UNKNOWN},
    ),
    ("POST", "/search"): ({"query": "x", "user_id": "u"}, {"version": "v2", **UNKNOWN}),
    ("PATCH", PROJECT): (
        {"version": "v2"},
        {
            **{"custom_instructions": "x", "custom_categories": [{"a": "b"}], "agent_custom_instructions": "x"},
            **{"memory_depth": "x", "usecase_setting": 1, "multilingual": False, "enable_graph": True},
            **{"retrieval_criteria": [{"name": "joy"}], "inclusion_prompt": "x", "exclusion_prompt": "x", **UNKNOWN},
        },
    ),
}
LISTS = {
    ("POST", "/v1/memories/"): OBJECTS["POST", "/v3/memories/add/"],
    ("POST", "/v1/memories/search/"): OBJECTS["POST", "/v3/memories/search/"],
    ("POST", "/v2/memories/search/"): OBJECTS["POST", "/v3/memories/search/"],
    ("POST", "/v2/memories/"): OBJECTS["POST", "/v3/memories/"],
}
IN_VAIN = [(*route, field) for table in (OBJECTS, LISTS) for route, (_, fields) in table.items() for field in fields]


def ignored(answer: httpx.Response) -> list[str]:
    """Return what an answer names in its header, and check that its body, where it is an object, says the same."""
    assert answer.status_code == 200, answer.text
    named = [name for name in answer.headers.get(HEADER, "").split(", ") if name]
    if isinstance(answer.json(), dict):
        assert [one["field"] for one in answer.json().get("ignored", [])] == named
        assert all(one["reason"].endswith(".") for one in answer.json().get("ignored", []))
    return named


@pytest.mark.parametrize(("method", "path", "field"), IN_VAIN)
def test_a_field_without_effect_is_named(client: httpx.Client, method: str, path: str, field: str) -> None:
    """Each field that a route does not know, or that does nothing there, is named with the reason, and no other is."""
    body, in_vain = (OBJECTS | LISTS)[method, path]
    assert ignored(client.request(method, path, json={**body, field: in_vain[field]})) == [field]
    assert ignored(client.request(method, path, json=body)) == []


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/"])
def test_what_asks_for_nothing_is_not_named(client: httpx.Client, path: str) -> None:
    """Null, false and empty values of fields without effect ask for what happens anyway."""
    for nothing in (None, False, "", [], {}):
        body = dict.fromkeys(ADDING.keys() - UNKNOWN.keys() - {"top_k", "decay", "latest_only"}, nothing)
        body = {**body, "prompt": None}
        assert ignored(client.post(path, json={"messages": HELLO, "user_id": "u", **body})) == []
    body = {"query": "x", "user_id": "u", "keyword_search": True, "latest_only": None, "enable_graph": False}
    assert ignored(client.post("/v3/memories/search/", json=body)) == []
    assert ignored(client.patch(PROJECT, json={"multilingual": True, "decay": False, "enable_graph": False})) == []


def test_what_clients_always_send_is_not_named(client: httpx.Client) -> None:
    """Organization, project and source name the only one there is, and a version is that of the path."""
    always = {"org_id": "o", "project_id": "p", "org_name": None, "project_name": None, "source": "CLI"}
    old = {"version": "v2", "api_version": "v1", "output_format": "v1.1", "async_mode": True}
    memory_id = add(client, "tea", **always, **old)
    given = {"json": {"user_id": "alice", "query": "tea", **always, **old}}
    for path in ("/v3/memories/search/", "/v2/memories/search/", "/v1/memories/search/"):
        assert ignored(client.post(path, **given)) == []
    del given["json"]["query"]
    for path in ("/v3/memories/", "/v2/memories/", "/v1/exports/get/"):
        assert ignored(client.post(path, **given)) == []
    for path in ("/v1/ping/", "/v1/entities/", "/v1/events/", f"/v1/memories/{memory_id}/", PROJECT):
        assert ignored(client.get(path, params=always)) == []
    assert ignored(client.get("/v1/memories/", params={"user_id": "alice", **always, "output_format": "v1.0"})) == []
    assert (
        ignored(client.put(f"/v1/memories/{memory_id}/", params=always, json={"text": "milk", "source": "CLI"})) == []
    )
    params = {**always, "delete_linked": "True"}
    assert ignored(client.delete(f"/v1/memories/{memory_id}/", params=params)) == []


@pytest.mark.parametrize(
    "path",
    [
        *("/memories", "/memories?user_id=u", "/entities", "/graph", "/graph?format=mermaid", "/configure"),
        *("/v1/ping/", "/v1/memories/?user_id=u", "/v1/entities/", "/v1/events/", PROJECT, "/memories/nope"),
        "/api/v1/webhooks/projects/x/",
    ],
)
def test_an_unknown_parameter_is_named(client: httpx.Client, path: str) -> None:
    """A parameter of the query that the route does not have is named, whatever the answer is."""
    joint = "&" if "?" in path else "?"
    answer = client.get(f"{path}{joint}start_dat=2020-01-01&memory=x&start_dat=2")
    assert answer.status_code == 200
    assert answer.headers[HEADER] == "start_dat, memory"
    assert HEADER not in client.get(path).headers


def test_fields_of_an_update_are_named(client: httpx.Client) -> None:
    """What an update does not know is named in its answer, alone and in a batch, and the rest is done."""
    memory_id = add(client, "tea")
    change = {"text": "milk", "data": "x", "immutable": True}
    assert ignored(client.put(f"/v1/memories/{memory_id}/", json=change)) == ["data", "immutable"]
    assert ignored(client.put(f"/memories/{memory_id}", json=change)) == ["data", "immutable"]
    changes = [{"memory_id": memory_id, "text": "water", "data": "x"}]
    assert ignored(client.put("/v1/batch/", json={"memories": changes, "user_id": "u"})) == [
        "memories[].data",
        "user_id",
    ]
    assert client.get(f"/v1/memories/{memory_id}/").json()["memory"] == "water"
    assert ignored(client.request("DELETE", "/v1/batch/", json={"memories": changes})) == [
        *("memories[].text", "memories[].data")
    ]
    memory_id = add(client, "tea")
    body = {"memory_id": memory_id, "feedback": "POSITIVE", "user": "x"}
    assert ignored(client.post("/v1/feedback/", json=body)) == ["user"]


def test_names_are_safe_and_few(client: httpx.Client) -> None:
    """A name cannot break the header it stands in, and of very many only some are repeated."""
    for name in ("a\r\nSet-Cookie: x=1", "ключ", 'a", b', "x" * 10_000, ""):
        answer = client.post("/v3/memories/", json={"user_id": "u", name: 1})
        assert [one["field"] for one in answer.json()["ignored"]] == [name[:100]]
        assert re.fullmatch(r"[!-~]*", answer.headers[HEADER])
        several = client.post("/v3/memories/", json={"user_id": "u", "zero": 0, name: 1})  # over a real connection
        assert (
            several.headers[HEADER].startswith("zero, ") and several.headers[HEADER] == several.headers[HEADER].strip()
        )
        assert "set-cookie" not in answer.headers
    answer = client.post("/v3/memories/", json={"user_id": "u", **{f"p{n}": n for n in range(5_000)}})
    assert len(answer.json()["ignored"]) == 21
    assert "4980" in answer.json()["ignored"][-1]["reason"]
    assert len(answer.headers[HEADER]) < 500


@pytest.mark.parametrize(
    "path", ["/memories?user_id=u&run-id=r", "/memories?user_id=u&metadata=x", "/entities/user/u?b"]
)
def test_a_deletion_with_an_unknown_parameter_is_refused(client: httpx.Client, store: Memory, path: str) -> None:
    """Naming it afterwards would be too late: a misspelt id, or a part of one that was not encoded, deletes nothing."""
    add(client, "tea", user_id="u")
    assert "Nothing was removed" in detail(client.delete(path), 400)
    assert everything(store) == ["tea"]


@pytest.mark.parametrize("path", ["/memories?user_id=u", "/v1/memories/?user_id=u", "/entities/user/u"])
def test_a_deletion_with_a_body_is_refused(client: httpx.Client, store: Memory, path: str) -> None:
    """A deletion reads no body: one that would narrow it down deletes nothing; an empty object asks for nothing."""
    add(client, "tea", user_id="u")
    for body in ({"run_id": "r"}, {"filters": {"run_id": "r"}}, {"metadata": {"a": 1}}):
        assert "body" in detail(client.request("DELETE", path, json=body), 400)
    assert everything(store) == ["tea"]
    assert client.request("DELETE", path, json={}).status_code == 200
    assert everything(store) == []


def test_deleting_by_id_refuses_what_it_does_not_know(client: httpx.Client, store: Memory) -> None:
    """Who names something beside the ids, such as whose the memories are, means to delete less."""
    memory_id = add(client, "tea", user_id="u")
    refused = [
        ("/v1/memories/{}/?user_id=v", None),
        ("/v1/memories/{}/?memory_id=other", None),
        ("/v1/memories/{}/", {"user_id": "v"}),
        ("/memories/{}?user_id=v", None),
        ("/memories/{}", {"user_id": "v"}),
        ("/v1/batch/", {"memory_ids": [memory_id], "user_id": "v"}),
        ("/v1/batch/?user_id=v", {"memory_ids": [memory_id]}),
    ]
    for path, body in refused:
        assert "Nothing was deleted" in detail(client.request("DELETE", path.format(memory_id), json=body), 400)
    assert everything(store) == ["tea"]
    entry = {"memory_id": memory_id, "memory": "tea"}
    assert ignored(client.request("DELETE", "/v1/batch/", json={"memories": [entry]})) == ["memories[].memory"]
    assert everything(store) == []


@pytest.mark.parametrize("path", ["/memories", "/graph", "/v1/memories/", "/v1/events/", "/v1/exports/"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("userid", "user_id"), ("userId", "user_id"), ("user", "user_id"), ("USER-ID", "user_id")),
        *(("usr_id", "user_id"), ("agentId", "agent_id"), ("runid", "run_id"), ("sessionId", "run_id")),
        ("app", "app_id"),
    ],
)
@pytest.mark.parametrize("others", [[], ["user_id", "agent_id", "run_id", "app_id"]])
def test_a_misspelt_id_does_not_widen_a_read(
    client: httpx.Client, path: str, name: str, meant: str, others: list[str]
) -> None:
    """A read whose query has what looks like an id that is missing is refused: it would show what others have."""
    add(client, "tea")
    beside = {one: "x" for one in others if one != meant}
    assert f"{name!r}: did you mean {meant}?" in detail(client.get(path, params={**beside, name: "bob"}), 400)


def test_other_unknown_parameters_of_a_read_are_named(client: httpx.Client) -> None:
    """What looks like no id, or like one that is given, is named in the answer, and narrows nothing."""
    add(client, "tea")
    answer = client.get("/memories", params={"org_name": "o", "limit": 1, "trace_id": "t", "parent_id": 3})
    assert texts(answer) == {"tea"}
    assert ignored(answer) == ["org_name", "limit", "trace_id", "parent_id"]
    answer = client.get("/memories", params={"user_id": "alice", "userId": "bob", "user": "x"})
    assert texts(answer) == {"tea"}
    assert ignored(answer) == ["userId", "user"]


READING = (
    *("/search", "/v1/memories/search/", "/v2/memories/search/", "/v3/memories/search/"),
    *("/v2/memories/", "/v3/memories/", "/v1/exports/", "/v1/exports/get/"),
)


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(
    ("name", "meant"),
    [("userid", "user_id"), ("userId", "user_id"), ("user", "user_id"), ("agentId", "agent_id"), ("app", "app_id")],
)
def test_a_misspelt_id_in_a_body_does_not_widen_a_read(client: httpx.Client, path: str, name: str, meant: str) -> None:
    """A body that reads and has what looks like an id that is missing is refused, beside other ids and in filters."""
    add(client, "tea")
    body = {"query": "tea", "schema": {"properties": {"memory": {"type": "string"}}}, name: "bob"}
    for beside in ({}, {"run_id": "r"}, {"filters": {"AND": [{"run_id": "r"}]}}, {meant: None}):
        assert f"{name!r}: did you mean {meant}?" in detail(client.post(path, json={**body, **beside}), 400)


def test_other_unknown_fields_of_a_read_are_named(client: httpx.Client) -> None:
    """What looks like an id that is given, or is null, or looks like none, is named in the answer, and no more."""
    add(client, "tea")
    for whose in (
        {"user_id": "alice"},
        {"filters": {"user_id": "alice"}},
        {"filters": {"AND": [{"user_id": "alice"}]}},
    ):
        answer = client.post("/search", json={"query": "tea", **whose, "userId": "bob", "user": 5, "trace_id": "t"})
        assert texts(answer) == {"tea"}
        assert ignored(answer) == ["userId", "user", "trace_id"]
    answer = client.post("/search", json={"query": "tea", "user_id": "alice", "agentId": None})
    assert texts(answer) == {"tea"}


def test_an_erasure_takes_ids_from_its_body_only(client: httpx.Client, store: Memory) -> None:
    """Ids in the query are refused with the words to put into the body, with and without a body; nothing is erased."""
    add(client, "tea", user_id="alice")
    for body in (None, {}, {"user_id": "alice"}):
        for name in ("user_id", "userid"):
            said = detail(client.post("/erase", params={name: "alice"}, json=body), 400)
            assert repr(name) in said
            assert '{"user_id": "alice"}' in said
            assert "body" in said
    assert everything(store) == ["tea"]


@pytest.mark.parametrize("path", ["/memories?user_id=u", "/v1/memories/?user_id=u", "/v1/entities/"])
def test_a_body_that_is_not_read_is_named(client: httpx.Client, path: str) -> None:
    """What reads its address alone says so to who sends a body, too."""
    assert ignored(client.request("GET", path, json={"keywords": "tea"})) == ["body"]
    assert ignored(client.request("GET", path, json={})) == []


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/"])
@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"agent_id": "bot", "timestamp": "2024-01-01"}, ["filters.timestamp"]),
        ({"AND": [{"agentId": "bot"}, {"color": "red"}]}, ["filters.color"]),
        ({"OR": [{"agent_id": "bot"}]}, ["filters.OR"]),
        ({"run_id": {"in": ["r"]}}, ["filters.run_id"]),
        ({"$and": [{"agent_id": {"$eq": "bot"}}, {"session_id": "r"}], "app_id": None}, []),
    ],
)
def test_an_add_names_what_its_filters_have_beside_ids(
    client: httpx.Client, path: str, filters: dict[str, Any], named: list[str]
) -> None:
    """An add takes the ids that its filters ask for; nothing else in them says what a memory is to be."""
    assert ignored(client.post(path, json={"messages": HELLO, "user_id": "u", "filters": filters})) == named


@pytest.mark.parametrize("path", ["/v1/memories/?user_id=u&keywords=", "/v1/memories/?user_id=u&keywords=a&keywords="])
def test_an_empty_keyword_is_refused(client: httpx.Client, path: str) -> None:
    """Every text has it, so that a selection by it would be none, without a word."""
    assert "keywords" in detail(client.get(path), 400)
    assert "keywords" in detail(client.post("/v3/memories/", json={"user_id": "u", "keywords": [""]}), 400)


# -- fields that work


ASKING = [
    # how alice's memories are asked for: by a list of v1, v2 and v3, and by a search
    lambda client, more: client.get("/v1/memories/", params={"user_id": "alice", **more}),
    lambda client, more: client.post("/v2/memories/", json={"user_id": "alice", **more}),
    lambda client, more: client.post("/v3/memories/", json={"filters": {"user_id": "alice"}, **more}),
    lambda client, more: client.post("/v1/memories/search/", json={"query": "t", "user_id": "alice", **more, **ALL}),
    lambda client, more: client.post("/v2/memories/search/", json={"query": "t", "user_id": "alice", **more, **ALL}),
    lambda client, more: client.post(
        "/v3/memories/search/", json={"query": "t", "filters": {"user_id": "alice"}, **more, **ALL}
    ),
]
ALL = {"threshold": 0}
asking = pytest.mark.parametrize("ask", ASKING, ids=["GET v1", "v2", "v3", "search v1", "search v2", "search v3"])


@asking
@pytest.mark.parametrize(
    ("keywords", "found"),
    [
        ("PEANUT", {"Allergic to peanuts"}),
        ("to p", {"Allergic to peanuts"}),
        (["peanut", "tea"], {"Allergic to peanuts", "Drinks tea"}),
        (["nothing"], set()),
        ("100%", {"Is 100% sure"}),
    ],
)
def test_keywords_select(client: httpx.Client, ask: Any, keywords: Any, found: set[str]) -> None:
    """``keywords`` finds the memories whose text has the words, or any of several, in any case."""
    for text in ("Allergic to peanuts", "Drinks tea", "Is 100% sure", "Is 100 years old"):
        add(client, text)
    add(client, "Peanuts and tea, of somebody else", user_id="bob")
    answer = ask(client, {"keywords": keywords})
    assert texts(answer) == found
    assert ignored(answer) == []


@asking
def test_fields_select(client: httpx.Client, ask: Any) -> None:
    """``fields`` leaves of each memory what is named, in either spelling; what no memory has is refused by name."""
    add(client, "tea", metadata={"kind": "drink"})
    for fields in (["id", "memory"], "id,memory", ["id", "text"]):
        answer = ask(client, {"fields": fields})
        found = answer.json()
        [item] = found if isinstance(found, list) else found["results"]
        assert (item.keys(), item["memory"]) == ({"id", "memory"}, "tea")
        assert ignored(answer) == []
    found = ask(client, {"fields": ["userId", "metadata", "expiration_date"]}).json()
    [item] = found if isinstance(found, list) else found["results"]
    assert item == {"user_id": "alice", "metadata": {"kind": "drink"}, "expiration_date": None}
    assert "'kind'" in detail(ask(client, {"fields": ["id", "kind"]}), 400)
    found = ask(client, {"fields": []}).json()
    [item] = found if isinstance(found, list) else found["results"]
    assert len(item) > 10


def test_fields_keep_a_score(client: httpx.Client) -> None:
    """What a search adds to a memory can be asked for too."""
    add(client, "tea")
    body = {"query": "tea", "user_id": "alice", "fields": ["memory", "score"], "threshold": 0}
    [item] = client.post("/v3/memories/search/", json=body).json()["results"]
    assert item.keys() == {"memory", "score"}


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/"])
@pytest.mark.parametrize("categories", [["food", "drink"], "food"])
def test_categories_of_an_add_are_kept(client: httpx.Client, path: str, categories: Any) -> None:
    """A memory that is added with categories shows them, and is found by them."""
    body = {"messages": "tea", "user_id": "alice", "categories": categories, "metadata": {"kind": "x"}}
    assert ignored(client.post(path, json=body)) == []
    add(client, "milk")
    [item] = client.post("/v3/memories/", json={"user_id": "alice", "categories": ["food"]}).json()["results"]
    assert (item["memory"], item["categories"]) == ("tea", ["food", "drink"] if len(categories) == 2 else ["food"])
    assert item["metadata"] == {"kind": "x", "categories": item["categories"]}
    filters = {"user_id": "alice", "categories": {"in": ["food"]}}
    assert texts(client.post("/v3/memories/", json={"filters": filters})) == {"tea"}
    body["metadata"] = {"categories": ["other"]}
    assert "categories" in detail(client.post(path, json=body), 400)
    body["metadata"] = {"categories": item["categories"]}
    assert client.post(path, json=body).status_code == 200


@pytest.mark.parametrize("path", ["/v1/memories/", "/v3/memories/add/"])
def test_an_observation_date_is_when_it_was_said(client: httpx.Client, store: Memory, path: str) -> None:
    """``observation_date`` dates a memory as ``timestamp`` does; two dates are refused."""
    body = {"messages": "tea", "user_id": "alice", "observation_date": "2023-05-08T10:00:00Z"}
    assert ignored(client.post(path, json=body)) == []
    [item] = store.get_all(user_id="alice")["results"]
    assert item["created_at"] == "2023-05-08T10:00:00+00:00"
    assert client.post(path, json={**body, "timestamp": body["observation_date"]}).status_code == 200
    assert "observation_date" in detail(client.post(path, json={**body, "timestamp": 5}), 400)
    assert "soon" in detail(client.post(path, json={**body, "observation_date": "soon"}), 400)


def test_events_are_those_of_add(client: httpx.Client) -> None:
    """Events of another type, which are not kept, are refused rather than answered by those of add."""
    add(client, "tea")
    assert client.get("/v1/events/?event_type=ADD").json()["count"] == 1
    assert "ADD" in detail(client.get("/v1/events/?event_type=SEARCH"), 400)


def test_a_list_of_outcomes_names_what_was_skipped(client: httpx.Client) -> None:
    """A bare list has no place for what was left out of the messages: it is in the header."""
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "My cat"}, image]},
        {"role": "assistant", "content": ""},
    ]
    answer = client.post("/v1/memories/", json={"messages": messages, "user_id": "u"})
    assert [item["memory"] for item in answer.json()] == ["My cat"]
    assert ignored(answer) == ["messages[0].content[1]", "messages[1]"]


def test_a_list_of_results_names_a_reranking_that_was_not_done(client: httpx.Client, no_reranker: None) -> None:
    """A bare list has no place for the reason why nothing was ordered anew: the header names what was asked for."""
    ask = {"query": "tea", "filters": {"user_id": "u"}}
    for path in ("/v1/memories/search/", "/v2/memories/search/"):
        assert ignored(client.post(path, json={**ask, "rerank": True})) == ["rerank"]
        assert ignored(client.post(path, json=ask)) == []


# -- what the npm clients before 3.0 make of objects


@pytest.mark.parametrize("given", [["filters", "metadata"], ["filters"], ["metadata"]])
def test_objects_that_were_not_written_are_named(client: httpx.Client, given: list[str]) -> None:
    """``[object Object]`` is no condition, as it mostly was ``{}``, and named, as it may have been one."""
    add(client, "tea")
    add(client, "milk", user_id="bob")
    params = {"user_id": "alice", **dict.fromkeys(given, "[object Object]")}
    answer = client.get("/v1/memories/", params=params)
    assert texts(answer) == {"tea"}
    assert ignored(answer) == given
    assert ignored(client.get("/v1/memories/", params={**params, "page": 1, "page_size": 5})) == given


def test_objects_that_were_not_written_name_nobody(client: httpx.Client, store: Memory) -> None:
    """Without an id beside it a list is refused, and a deletion is refused in any case."""
    add(client, "tea")
    assert "user_id" in detail(client.get("/v1/memories/?filters=[object Object]"), 400)
    assert detail(client.get("/v1/memories/?user_id=alice&filters=[object Array]"), 400)
    assert detail(client.delete("/v1/memories/?user_id=alice&filters=[object Object]"), 400)
    assert everything(store) == ["tea"]


# -- every field of mem0's clients


REQUESTS = {
    "AddMemoryOptions": requests.AddRequest,
    "SearchMemoryOptions": requests.HostedSearch,
    "GetAllMemoryOptions": requests.HostedList,
    "UpdateMemoryOptions": requests.HostedUpdate,
    "ProjectUpdateOptions": requests.ProjectUpdate,
    "PromptUpdatePayload": requests.ProjectUpdate,
    "CreateMemoryExportPayload": requests.ExportRequest,
    "GetMemoryExportPayload": requests.ExportQuery,
    "FeedbackPayload": requests.FeedbackRequest,
    "WebhookCreatePayload": requests.WebhookCreate,
}
"""The structs of the requests that the option types of mem0's clients become."""


def unknown(options: dict[str, list[str]]) -> dict[str, set[str]]:
    """Return the fields of a client's option types that their requests do not know."""
    known = {name: {field.name for field in msgspec.structs.fields(struct)} for name, struct in REQUESTS.items()}
    return {
        name: left
        for name, fields in options.items()
        if (left := set(fields) - known[name] - ROUTINE_FIELDS - {"eventTypes"})
    }


def test_every_option_of_the_python_client_is_known() -> None:
    """Each field of mem0ai's option classes is one that a request has: it works, or says what it does not do."""
    environment = client_environments.needed("mem0ai", "2.2.1")
    code = (
        "import json; from mem0.client import types\n"
        "found = {name: list(one.model_fields) for name, one in vars(types).items() if name.endswith('Options')}\n"
        "print(json.dumps(found))"
    )
    run = client_environments.run([client_environments.python_of(environment), "-c", code], environment)
    options = json.loads(run.stdout)
    assert options.pop("DeleteAllMemoryOptions") == ["filters"]  # which the route refuses by name
    assert len(options) >= 5
    assert unknown(options) == {}


def test_every_option_of_the_npm_client_is_known() -> None:
    """Each field of the npm client's option interfaces is one that a request has, in snake case."""
    declared = (client_environments.needed("npm", NPM_CLIENT) / "node_modules/mem0ai/dist/index.d.ts").read_text()
    options = {}
    for name, ids, body in re.findall(r"interface (\w+)( extends EntityOptions)? \{(.*?)\n\}", declared, re.DOTALL):
        if name in REQUESTS:
            fields = re.findall(r"^    (\w+)\??:", body, re.MULTILINE)
            options[name] = [re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", field) for field in fields]
            assert not ids or name == "AddMemoryOptions"
    assert len(options) >= 7
    assert unknown(options) == {}


DOCUMENTED = {
    # the bodies of mem0's OpenAPI document
    "AddMemoryOptions": [
        *("messages", "agent_id", "user_id", "app_id", "run_id", "metadata", "includes", "excludes", "infer"),
        *("output_format", "custom_categories", "custom_instructions", "immutable", "timestamp", "expiration_date"),
        *("org_id", "project_id", "version"),
    ],
    "SearchMemoryOptions": [
        *("query", "agent_id", "user_id", "app_id", "run_id", "metadata", "top_k", "fields", "rerank", "filters"),
        *("keyword_search", "output_format", "org_id", "project_id", "filter_memories", "categories", "threshold"),
        "only_metadata_based_search",
    ],
    "GetAllMemoryOptions": [
        *("user_id", "agent_id", "app_id", "run_id", "metadata", "categories", "org_id", "project_id", "fields"),
        *("keywords", "page", "page_size", "start_date", "end_date", "filters"),
    ],
    "CreateMemoryExportPayload": ["schema", "filters", "org_id", "project_id"],
}


def test_every_documented_field_is_known() -> None:
    """Each field of the bodies and queries in mem0's OpenAPI document is one that a request has."""
    assert unknown(DOCUMENTED) == {}
