"""The self-hosted routes, compared with what mem0's own server was recorded to answer."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add, served_by, texts

from mem0lite import Memory, Ranking, create_app
from mem0lite.server import Settings

served, store, client = serving.served, serving.store, serving.client

HELLO = [{"role": "user", "content": "I love python"}]
UNKNOWN = "00000000-0000-0000-0000-000000000000"


EXAMPLES = [
    ({"query": "x"}, 'Example: {"filters": {"user_id": "u1"}}'),
    ({"query": "x", "user_id": "*"}, 'use a filter: {"user_id": "*"}.'),
    ({"query": "x", "user_id": "u", "filters": {"metadata": 5}}, 'Write {"metadata": {"key": value}}.'),
    (
        {"query": "x", "user_id": "u", "filters": {"key": "a", "value": "b", "operator": "eq"}},
        'Write {"field": {"operator": value}}.',
    ),
]


@pytest.mark.parametrize(("body", "example"), EXAMPLES, ids=["no id", "any id", "metadata", "another library's"])
def test_examples_in_errors_are_json(client: httpx.Client, body: dict[str, Any], example: str) -> None:
    """What an error tells to write can be pasted into a request: JSON, and no dictionary of Python."""
    answer = client.post("/search", json=body)
    assert answer.status_code == 400
    assert example in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer"),
    [
        (
            *("POST", "/memories", {"messages": HELLO}, 400),
            {"detail": "At least one identifier (user_id, agent_id, run_id, app_id) is required."},
        ),
        ("POST", "/memories", {"messages": [], "user_id": "u1", "infer": False}, 200, {"results": []}),
        (
            *("POST", "/memories", {"messages": HELLO, "user_id": "u1", "memory_type": "core"}, 400),
            {"detail": "Invalid 'memory_type'. Please pass procedural_memory to create procedural memories."},
        ),
        (
            *("POST", "/memories", {"messages": HELLO, "user_id": "u1", "expiration_date": "bad"}, 400),
            {"detail": "expiration_date must be a valid date in YYYY-MM-DD format."},
        ),
        (
            *("POST", "/memories", {"messages": HELLO, "user_id": "a b", "infer": False}, 400),
            {"detail": "Invalid user_id: cannot contain whitespace. Provide a valid identifier without spaces."},
        ),
        ("GET", "/memories?user_id=zzz", None, 200, {"results": [], "total": 0, "next_cursor": None}),
        ("GET", f"/memories/{UNKNOWN}", None, 200, None),
        ("GET", "/memories/nope", None, 200, None),
        ("GET", "/memories/{id}/", None, 307, {"detail": "Ask again without the slash at the end."}),
        ("GET", "/memories/", None, 307, {"detail": "Ask again without the slash at the end."}),
        ("GET", "/memories//{id}", None, 404, {"detail": "Not Found"}),
        ("GET", "/memories/nope/history", None, 200, []),
        (
            *("POST", "/search", {"query": "python"}, 400),
            {
                "detail": "filters must contain at least one of: user_id, agent_id, run_id, app_id. "
                'Example: {"filters": {"user_id": "u1"}}'
            },
        ),
        (
            *("POST", "/search", {"query": "  ", "user_id": "u1"}, 400),
            {"detail": "Invalid query: cannot be empty or whitespace-only."},
        ),
        (
            *("POST", "/search", {"query": "x", "user_id": "u1", "threshold": 3}, 400),
            {"detail": "Invalid threshold: 3.0. Must be between 0 and 1 (inclusive)."},
        ),
        ("POST", "/search", {"query": "x", "user_id": "zzz", "limit": 1, "rerank": False}, 200, {"results": []}),
        ("PUT", "/memories/{id}", {"text": "I love rust"}, 200, {"message": "Memory updated successfully!"}),
        ("PUT", "/memories/{id}", {"metadata": {"k": 1}}, 200, {"message": "Memory updated successfully!"}),
        ("PUT", "/memories/{id}", {"expiration_date": None}, 200, {"message": "Memory updated successfully!"}),
        (
            *("PUT", "/memories/{id}", {"data": "x"}, 400),
            {"detail": "At least one of text, metadata, or expiration_date must be provided."},
        ),
        (
            *("PUT", "/memories/{id}", {}, 400),
            {"detail": "At least one of text, metadata, or expiration_date must be provided."},
        ),
        (
            *("PUT", f"/memories/{UNKNOWN}", {"text": "x"}, 404),
            {"detail": f"Memory with id {UNKNOWN} not found. Please provide a valid 'memory_id'"},
        ),
        ("DELETE", "/memories/{id}", None, 200, {"message": "Memory deleted successfully"}),
        ("DELETE", "/memories/nope", None, 404, {"detail": "Memory with id nope not found"}),
        (
            *("DELETE", "/memories", None, 400),
            {
                "detail": "At least one identifier is required. Give user_id, agent_id, run_id, app_id in the query, "
                "such as ?user_id=alice."
            },
        ),
        ("DELETE", "/memories?user_id=alice", None, 200, {"message": "All relevant memories deleted"}),
        ("DELETE", "/memories?user_id=none", None, 200, {"message": "All relevant memories deleted"}),
        ("DELETE", "/entities/user/alice", None, 200, {"message": "Entity deleted"}),
        ("POST", "/reset", None, 200, {"message": "All memories reset"}),
        ("POST", "/configure", {"vacuum_interval_seconds": 0}, 200, {"message": "Configuration set successfully"}),
        ("GET", "/api/health", None, 404, {"detail": "Not Found"}),
        ("GET", "/v1/ping", None, 404, {"detail": "Not Found"}),
        ("PATCH", "/memories", None, 405, {"detail": "Method Not Allowed"}),
    ],
)
def test_recorded_answer(client: httpx.Client, method: str, path: str, body: Any, status: int, answer: Any) -> None:
    """Each request gets the status and the body that mem0's server was recorded to give."""
    memory_id = add(client, "I love python")
    given = client.request(method, path.replace("{id}", memory_id), json=body)
    assert (given.status_code, given.json()) == (status, answer)


def test_add_answers_event_and_with_infer_false_also_actor_and_role(client: httpx.Client) -> None:
    """A stored message is answered as ADD with its id and text; ``infer: false`` adds actor_id and role."""
    inferred = client.post("/memories", json={"messages": HELLO, "user_id": "u1"}).json()["results"]
    plain = client.post("/memories", json={"messages": HELLO, "user_id": "u1", "infer": False}).json()["results"]
    assert [{**item, "id": ""} for item in inferred] == [{"id": "", "memory": "I love python", "event": "ADD"}]
    assert [{**item, "id": ""} for item in plain] == [
        {"id": "", "memory": "I love python", "event": "ADD", "actor_id": None, "role": "user"}
    ]


@pytest.mark.parametrize("infer", [{}, {"infer": None}, {"infer": True}])
def test_infer_defaults_to_true(client: httpx.Client, infer: dict[str, Any]) -> None:
    """An absent or null ``infer`` is true: a repeated text is reported, not stored again."""
    first = add(client, "I love python", **infer)
    body = {"messages": HELLO, "user_id": "alice", **infer}
    assert client.post("/memories", json=body).json()["results"] == [
        {"id": first, "memory": "I love python", "event": "NONE"}
    ]


@pytest.mark.parametrize(
    ("written", "infers"),
    [
        *((one, True) for one in ("yes", "Y", "on", "t", "TRUE", "true", "1", 1, 1.0)),
        *((one, False) for one in ("no", "N", "Off", "f", "false", "0", 0, 0.0)),
    ],
)
def test_a_boolean_may_be_written_as_mem0_reads_it(client: httpx.Client, written: Any, infers: bool) -> None:
    """What pydantic takes for a boolean, mem0's server does, and so does this one."""
    add(client, "I love python")
    body = {"messages": HELLO, "user_id": "alice", "infer": written}
    [outcome] = client.post("/memories", json=body).json()["results"]
    assert outcome["event"] == ("NONE" if infers else "ADD")
    hosted = client.post("/v3/memories/add/", json=body).json()["results"]
    assert hosted[0]["event"] == outcome["event"]


@pytest.mark.parametrize("written", ["maybe", "", "yess", 2, 0.5, [], {}])
def test_what_is_no_boolean_is_refused(client: httpx.Client, written: Any) -> None:
    """Anything else in the place of a boolean is a 422 that names the field, and nothing is stored."""
    answer = client.post("/memories", json={"messages": HELLO, "user_id": "alice", "infer": written})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "infer"])
    assert texts(client.get("/memories?user_id=alice")) == set()


def test_add_takes_every_field_of_the_library(client: httpx.Client) -> None:
    """Scope, metadata, name, timestamp and ttl of a request reach the memory."""
    body = {
        "messages": [{"role": "user", "name": "Alice", "content": [{"type": "text", "text": "tea"}]}],
        "agent_id": "a",
        "run_id": "r",
        "metadata": {"k": [1, {"n": None}]},
        "timestamp": "2030-01-01T00:00:00Z",
        "ttl": 60,
        "prompt": "ignored",
        "something_else": 1,
    }
    memory_id = client.post("/memories", json=body).json()["results"][0]["id"]
    item = client.get(f"/memories/{memory_id}").json()
    assert {key: item.get(key) for key in ("memory", "actor_id", "user_id", "agent_id", "run_id", "metadata")} == {
        "memory": "tea",
        "actor_id": "Alice",
        "user_id": None,
        "agent_id": "a",
        "run_id": "r",
        "metadata": {"k": [1, {"n": None}]},
    }
    assert item["created_at"] == "2030-01-01T00:00:00+00:00"
    assert item["expires_at"] == "2030-01-01T00:01:00+00:00"


def test_assistant_message_that_only_calls_tools_is_skipped(client: httpx.Client) -> None:
    """A conversation with tool calls can be sent as it is."""
    messages = [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, *HELLO]
    answer = client.post("/memories", json={"messages": messages, "user_id": "u1"})
    assert texts(answer) == {"I love python"}


def test_get_answers_null_score_and_list_none(client: httpx.Client) -> None:
    """A single memory has a null score, a listed one none, a found one a number."""
    memory_id = add(client, "I love python")
    assert client.get(f"/memories/{memory_id}").json()["score"] is None
    assert "score" not in client.get("/memories?user_id=alice").json()["results"][0]
    found = client.post("/search", json={"query": "python", "user_id": "alice"}).json()["results"][0]
    assert 0 < found["score"] <= 1


def test_large_integers_survive(client: httpx.Client) -> None:
    """A number beyond 64 bits in metadata comes back as it was sent."""
    memory_id = add(client, "big", metadata={"n": 10**30})
    assert client.get(f"/memories/{memory_id}").json()["metadata"] == {"n": 10**30}


# -- listing


def test_list_pages_through_everything(client: httpx.Client) -> None:
    """``top_k`` and ``offset``, or ``page`` and ``page_size``, cut pages out; ``total`` counts all."""
    for number in range(5):
        add(client, f"memory {number}", timestamp=number)
    for query in ("top_k=2&offset=2", "page=2&page_size=2"):
        answer = client.get(f"/memories?user_id=alice&{query}")
        assert [item["memory"] for item in answer.json()["results"]] == ["memory 2", "memory 1"]
        assert answer.json()["total"] == 5


def test_list_gives_a_hundred_by_default(client: httpx.Client, store: Memory) -> None:
    """Without ``top_k`` a hundred memories are listed and all are counted; up to 1000 can be asked for, or none."""
    store.add_many([{"messages": f"memory {number}", "user_id": "alice"} for number in range(105)])
    sizes = {query: client.get(f"/memories{query}").json() for query in ("", "?top_k=1000", "?top_k=0")}
    assert {query: (len(page["results"]), page["total"]) for query, page in sizes.items()} == {
        "": (100, 105),
        "?top_k=1000": (105, 105),
        "?top_k=0": (0, 105),
    }


def test_list_without_id_or_filter_gives_all_live_memories(client: httpx.Client) -> None:
    """A bare list shows the live memories of every user, agent and run, and expired ones when asked."""
    add(client, "of alice")
    add(client, "of an agent", agent_id="a")
    add(client, "expired", run_id="r", ttl=0)
    assert texts(client.get("/memories")) == {"of alice", "of an agent"}
    assert texts(client.get("/memories?show_expired=true")) == {"of alice", "of an agent", "expired"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("project_id=p1", {"one", "two"}),
        ("project_id=p1&project_id=p2", {"one", "two", "three"}),
        ("project_id=p1,p2", {"one", "two", "three"}),
        ("project_id=p1, p2", {"one", "two", "three"}),
        ("project_id=p1,p2&project_id=p3", {"one", "two", "three"}),
        ("project_id=p9", set()),
        ("memory_lifespan=long_term", {"two"}),
        ("memory_category=preference", {"one", "three"}),
        ("memory_category=preference,skill", {"one", "two", "three"}),
        ("domain_tags=python", {"one"}),
        ("domain_tag=python", {"one"}),
        ("domain_tag=rust", {"one", "two"}),
        ("domain_tag=rust&domain_tags=go", {"one", "two", "three"}),
        ("domain_tags=python,go", {"one", "three"}),
        ("project_id=p1&memory_category=preference", {"one"}),
        ("project_id=p1&user_id=bob", {"two"}),
        ("user_id=alice&domain_tag=go&unknown_parameter=1", {"three"}),
    ],
)
def test_metadata_parameters_filter(client: httpx.Client, query: str, expected: set[str]) -> None:
    """Values of one parameter, repeated or comma-separated, are alternatives; different parameters all must match."""
    add(
        client, "one", metadata={"project_id": "p1", "memory_category": "preference", "domain_tags": ["python", "rust"]}
    )
    two = {"project_id": "p1", "memory_category": "skill", "domain_tags": ["rust"], "memory_lifespan": "long_term"}
    add(client, "two", user_id="bob", metadata=two)
    add(client, "three", metadata={"project_id": "p2", "memory_category": "preference", "domain_tags": ["go"]})
    add(client, "four")
    assert texts(client.get(f"/memories?{query}")) == expected


LABELLED: list[tuple[str, Any]] = [
    *(("five", 5), ("five as text", "5"), ("five point nought", 5.0), ("nought five", "05"), ("thousand", 1000)),
    *(("true", True), ("true as text", "true"), ("one", 1), ("null as text", "null"), ("large", 2**64 + 1)),
    *(("comma", "a, b"), ("a", "a"), ("b", "b"), ("quotes", 'say "b"'), ("year in a list", [2024, "x"])),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("5", {"five", "five as text", "five point nought"}),
        ("5.0", {"five", "five point nought"}),
        ('"5"', {"five as text"}),
        ("05", {"nought five"}),
        ("1e3", {"thousand"}),
        ("1", {"one"}),
        ("true", {"true", "true as text"}),
        ("True", set()),
        ("null", {"null as text"}),
        ("NaN", set()),
        ("18446744073709551617", {"large"}),
        ("18446744073709551616", set()),
        ("a, b", {"comma", "a", "b"}),
        ('"a, b"', {"comma"}),
        ('"a, b",5', {"comma", "five", "five as text", "five point nought"}),
        ("a,b", {"a", "b"}),
        ('say "b"', {"quotes"}),
        ('"say ""b"""', {"quotes"}),
        ("2024", {"year in a list"}),
        ("2024,true", {"year in a list", "true", "true as text"}),
    ],
)
@pytest.mark.parametrize("name", ["project_id", "domain_tags", "domain_tag", "memory_category", "categories"])
def test_a_parameter_may_mean_a_number(client: httpx.Client, name: str, query: str, expected: set[str]) -> None:
    """A value is the text, and the number or boolean that it is in JSON; commas separate, unless they are in quotes or
    the whole is a label."""
    key = "domain_tags" if name == "domain_tag" else name
    for label, value in LABELLED:
        add(client, label, metadata={key: value}, infer=False)
    if name == "categories":
        found = client.get("/v1/memories/", params={"user_id": "alice", name: query, "page_size": 50})
    else:
        found = client.get("/memories", params={name: query})
    assert texts(found) == expected


def test_an_empty_category_is_refused(client: httpx.Client) -> None:
    """A parameter that names nothing never lists everything."""
    assert client.get("/v1/memories/?user_id=alice&categories=").status_code == 400


@pytest.mark.parametrize("query", ["project_id=", "domain_tag=,", "user_id=", "user_id=a&page=2&offset=1"])
def test_list_refuses_what_it_cannot_mean(client: httpx.Client, query: str) -> None:
    """An empty filter or id is an error, never a list of everything."""
    assert client.get(f"/memories?{query}").status_code == 400


# -- search


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"h": 2**63}, {"first"}),
        ({"h": {"gt": 2**63}}, {"second"}),
        ({"h": {"in": [2**63 + 1]}}, {"second"}),
        ({"h": float(2**63)}, {"first"}),
        ({"due": {"lte": "2025-06-25"}}, {"first"}),
        ({"due": {"gt": "2025-06-25"}}, {"second"}),
        ({"due": "2025-06-25"}, {"first"}),
        ({"due": "2025-06-25T13:00:00Z"}, {"first"}),
        ({"created_at": {"gte": "2025-06-18", "lte": "2025-06-25"}}, {"first"}),
        ({"created_at": "2025-06-26"}, {"second"}),
    ],
)
def test_filters_mean_over_http_what_they_do(client: httpx.Client, filters: dict[str, Any], expected: set[str]) -> None:
    """Large integers and dates in a JSON body are compared as the library compares them, in both APIs."""
    for n, label in enumerate(("first", "second")):
        due = f"2025-06-{25 + n}T15:00:00+02:00"
        add(client, label, metadata={"h": 2**63 + n, "due": due}, timestamp=due)
    body = {"query": "first second", "user_id": "alice", "filters": filters, "threshold": 0}
    assert texts(client.post("/search", json=body)) == expected
    assert texts(client.post("/v3/memories/search/", json=body)) == expected
    listed = client.post("/v3/memories/", json={"user_id": "alice", "filters": filters})
    assert texts(listed) == expected
    assert {item["metadata"]["h"] for item in listed.json()["results"]} <= {2**63, 2**63 + 1}


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"start_date": "2025-06-25", "end_date": "2025-06-25"}, {"first"}),
        ({"start_date": "2025-06-26"}, {"second"}),
        ({"end_date": "20250625"}, {"first"}),
        ({"end_date": "2025-06-25T13:00:00Z"}, {"first"}),
        ({"end_date": "2025-06-25T00:00:00"}, set()),
    ],
)
def test_a_listing_s_dates_are_days(client: httpx.Client, dates: dict[str, str], expected: set[str]) -> None:
    """A list from a day to a day has both days whole, in the query and in the body."""
    for n, label in enumerate(("first", "second")):
        add(client, label, timestamp=f"2025-06-{25 + n}T13:00:00Z")
    assert texts(client.get("/v1/memories/", params={"user_id": "alice", **dates})) == expected
    assert texts(client.post("/v2/memories/", json={"user_id": "alice", **dates})) == expected


def test_search_merges_ids_into_filters(client: httpx.Client) -> None:
    """Top-level ids and those of ``filters``, nested ones too, both hold."""
    add(client, "python one", user_id="u1", run_id="r1", metadata={"project_id": "p1"})
    add(client, "python two", user_id="u1", run_id="r2")
    add(client, "python three", user_id="u2", run_id="r1")
    for body in (
        {"user_id": "u1", "filters": {"run_id": "r1"}},
        {"filters": {"AND": [{"user_id": "u1"}, {"project_id": "p1"}]}},
        {"run_id": "r1", "filters": {"metadata.project_id": "p1"}},
    ):
        assert texts(client.post("/search", json={"query": "python", **body})) == {"python one"}


@pytest.mark.parametrize(
    ("size", "expected"),
    [({"top_k": 1}, 1), ({"limit": 2}, 2), ({"top_k": 1, "limit": 3}, 1), ({"top_k": None, "limit": 2}, 2), ({}, 3)],
)
def test_search_reads_limit_where_top_k_is_absent(client: httpx.Client, size: dict[str, Any], expected: int) -> None:
    """``top_k`` bounds the results, ``limit`` does when it is absent or null."""
    for number in range(3):
        add(client, f"python {number}")
    answer = client.post("/search", json={"query": "python", "user_id": "alice", **size})
    assert len(answer.json()["results"]) == expected


def test_search_threshold_defaults_to_the_library_s(client: httpx.Client) -> None:
    """An absent or null threshold is 0.1; 0 lets everything through."""
    add(client, "python")
    add(client, "entirely different words here")
    ask = {"query": "python", "user_id": "alice"}
    counts = [
        len(client.post("/search", json={**ask, **given}).json()["results"])
        for given in ({}, {"threshold": None}, {"threshold": 0.1}, {"threshold": 0})
    ]
    assert counts == [1, 1, 1, 2]


def test_search_explains_and_shows_expired_on_request(client: httpx.Client) -> None:
    """``explain`` adds score_details and ``show_expired`` the expired memories; null is false."""
    add(client, "python", ttl=0)
    ask = {"query": "python", "user_id": "alice"}
    assert texts(client.post("/search", json={**ask, "show_expired": None, "explain": None})) == set()
    found = client.post("/search", json={**ask, "show_expired": True, "explain": True}).json()["results"]
    assert found[0]["score_details"]["final_score"] == found[0]["score"]


@pytest.mark.parametrize("path", ["/search", "/v3/memories/search/"])
def test_search_takes_the_question_s_date_and_weights(client: httpx.Client, path: str) -> None:
    """``reference_date`` and ``ranking`` reach the library on both surfaces; what it refuses is the client's error."""
    for day in (2, 12):
        add(client, f"Lunch with guest {day}", timestamp=f"2026-02-{day:02}")
    ask = {"query": "Who came to lunch yesterday?", "filters": {"user_id": "alice"}, "explain": True, "threshold": 0}

    def first(**given: Any) -> Any:
        return client.post(path, json={**ask, **given}).json()["results"][0]

    for day in (2, 12):
        assert first(reference_date=f"2026-02-{day + 1:02}")["memory"] == f"Lunch with guest {day}"
    for reference, score in (("2026-02-14T09:00:00+12:00", 0), ("2026-02-13T21:00:00Z", 1)):  # one instant, two days
        found = first(reference_date=reference, query="Who came yesterday, guest 12?")
        assert (found["score_details"]["signals"]["date"]["score"] == 1) == score
    weights = Ranking()
    weight = weights.date / (weights.semantic + weights.keyword)
    assert first(reference_date=1770768000)["score_details"]["signals"]["date"]["weight"] == pytest.approx(weight)
    assert "date" not in first(reference_date="2026-02-13", ranking={"date": 0})["score_details"]["signals"]
    for given, named in (
        ({"reference_date": "some day"}, "reference_date"),
        ({"ranking": {"dates": 1}}, "dates"),
        ({"ranking": {"date": -1}}, "date"),
        ({"ranking": 1}, "ranking"),
    ):
        answer = client.post(path, json={**ask, **given})
        assert answer.status_code in (400, 422), answer.text
        assert named in answer.text


@pytest.mark.parametrize("path", ["/search", "/v3/memories/search/"])
def test_search_is_reranked_on_request(path: str) -> None:
    """``rerank`` orders by the memory's reranker on both surfaces, and the items carry its score."""

    def by_length(query: str, texts: Sequence[str]) -> list[float]:
        return [len(text) / 99 for text in texts]

    with Memory(":memory:", embedder=HashEmbedder(), reranker=by_length) as memory:
        memory.add("tea", user_id="alice")
        memory.add("tea with milk", user_id="alice")
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
            ask = {"query": "tea", "filters": {"user_id": "alice"}}
            plain = client.post(path, json=ask).json()["results"]
            found = client.post(path, json={**ask, "rerank": True}).json()["results"]
    assert [item["memory"] for item in plain] == ["tea", "tea with milk"]
    assert [item["memory"] for item in found] == ["tea with milk", "tea"]
    assert found[0]["rerank_score"] == pytest.approx(13 / 99)


@pytest.mark.parametrize("path", ["/search", "/v3/memories/search/", "/v2/memories/search/"])
def test_a_search_that_cannot_be_reranked_says_so(path: str, client: httpx.Client, no_reranker: None) -> None:
    """Without a reranker the answer to ``rerank`` says on both surfaces why nothing was ordered anew."""
    ask = {"query": "tea", "filters": {"user_id": "alice"}, "output_format": "v1.1"}
    assert "reranker" in client.post(path, json={**ask, "rerank": True}).json()["not_reranked"]
    for asked in ({}, {"rerank": False}, {"rerank": None}):
        assert "not_reranked" not in client.post(path, json={**ask, **asked}).json()


@pytest.mark.parametrize("path", ["/memories", "/v3/memories/add/"])
def test_a_rewording_is_reported(client: httpx.Client, path: str) -> None:
    """The outcome of a near-identical memory is NONE with the id and the words that are there, on both surfaces."""
    memory_id = add(client, "I like green tea")
    body = {"messages": [{"role": "user", "content": "I really like green tea!"}], "user_id": "alice"}
    [outcome] = client.post(path, json=body).json()["results"]
    assert (outcome["event"], outcome["id"], outcome["existing_memory"]) == ("NONE", memory_id, "I like green tea")


# -- changing and deleting


def test_update_tells_null_from_absent(client: httpx.Client) -> None:
    """A null expiration date clears it, an absent one leaves it."""
    memory_id = add(client, "tea", expiration_date="2999-12-31")
    client.put(f"/memories/{memory_id}", json={"text": "green tea"})
    assert client.get(f"/memories/{memory_id}").json()["expiration_date"] == "2999-12-31"
    client.put(f"/memories/{memory_id}", json={"expiration_date": None})
    item = client.get(f"/memories/{memory_id}").json()
    assert (item["memory"], "expiration_date" in item) == ("green tea", False)


def test_what_is_expired_already_is_said(client: httpx.Client) -> None:
    """A memory that is past its expiry when it is added or changed is named as such, and a negative ttl refused."""
    body = {"messages": [{"role": "user", "content": "tea"}], "user_id": "alice"}
    [item] = client.post("/memories", json={**body, "expiration_date": "2001-01-01"}).json()["results"]
    assert (item["expired"], item["expires_at"]) == (True, "2001-01-02T00:00:00+00:00")
    memory_id = add(client, "coffee", ttl=600)
    change = {"expiration_date": "2001-01-01"}
    assert client.put(f"/memories/{memory_id}", json=change).json()["expired"] == [memory_id]
    refused = client.post("/memories", json={**body, "ttl": -5})
    assert (refused.status_code, "ttl" in refused.text) == (400, True)


def test_history_tells_every_change(client: httpx.Client) -> None:
    """A memory's history survives its deletion, oldest change first."""
    memory_id = add(client, "I love python")
    client.put(f"/memories/{memory_id}", json={"text": "I love rust"})
    client.delete(f"/memories/{memory_id}")
    changes = client.get(f"/memories/{memory_id}/history").json()
    assert [(change["event"], change["old_memory"], change["new_memory"]) for change in changes] == [
        ("ADD", None, "I love python"),
        ("UPDATE", "I love python", "I love rust"),
        ("DELETE", "I love rust", None),
    ]


def test_entities_count_live_memories(client: httpx.Client) -> None:
    """Each user, agent and run with live memories is listed, and deleting one deletes its memories only."""
    add(client, "one", user_id="u", run_id="r")
    add(client, "two", user_id="u")
    add(client, "three", agent_id="a")
    add(client, "expired", agent_id="b", ttl=0)
    assert {(entity["type"], entity["id"], entity["total_memories"]) for entity in client.get("/entities").json()} == {
        ("user", "u", 2),
        ("agent", "a", 1),
        ("run", "r", 1),
    }
    assert client.delete("/entities/run/r").json() == {"message": "Entity deleted"}
    assert texts(client.get("/memories")) == {"two", "three"}


@pytest.mark.parametrize("given", ["2023-05-08T10:00:00Z", "2023-05-08T12:00:00+02:00", 1683540000])
def test_an_update_can_change_when_it_was_said(client: httpx.Client, given: Any) -> None:
    """A ``timestamp`` becomes the memory's creation, as in the library, by itself or beside other changes."""
    memory_id = add(client, "tea")
    answer = client.put(f"/memories/{memory_id}", json={"timestamp": given})
    assert (answer.status_code, "ignored" in answer.json()) == (200, False)
    assert client.get(f"/memories/{memory_id}").json()["created_at"] == "2023-05-08T10:00:00+00:00"
    assert "timestamp" in client.put(f"/memories/{memory_id}", json={"timestamp": "soon"}).json()["detail"]
    client.put(f"/memories/{memory_id}", json={"text": "milk"})
    assert client.get(f"/memories/{memory_id}").json()["created_at"] == "2023-05-08T10:00:00+00:00"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/memories"),
        ("DELETE", "/memories?user_id=*"),
        ("DELETE", "/memories?user_id="),
        ("DELETE", "/memories?user_id=alice&agent_id="),
        ("DELETE", "/memories?filters={'user_id': 'alice'}"),
        ("DELETE", "/entities/user/*"),
        ("DELETE", "/entities/user/%20"),
        ("POST", "/reset?user_id="),
        ("POST", "/reset?user_id=*"),
        ("POST", "/reset?userid=bob"),
    ],
)
def test_deletion_of_an_unclear_scope_is_refused(client: httpx.Client, method: str, path: str) -> None:
    """No mistake in naming a scope deletes anything."""
    add(client, "kept")
    assert client.request(method, path).status_code == 400
    assert texts(client.get("/memories")) == {"kept"}


@pytest.mark.parametrize(
    "body",
    [{"user_id": None}, {"userid": "bob"}, {"user_id": ""}, {"user_id": "*"}, {"user_id": 5}, [], "bob", 5, None],
)
def test_reset_with_an_unclear_body_is_refused(client: httpx.Client, body: Any) -> None:
    """A body that was meant to name a scope, and does not, resets nothing."""
    add(client, "kept")
    content = httpx.Request("POST", "http://x", json=body).content or b"null"
    headers = {"Content-Type": "application/json"}
    assert client.post("/reset", content=content, headers=headers).status_code in (400, 422)
    assert texts(client.get("/memories")) == {"kept"}


@pytest.mark.parametrize(
    ("query", "body"),
    [("?user_id=bob", None), ("", {"user_id": "bob"}), ("", {"user_id": "bob", "run_id": None})],
)
def test_reset_of_a_scope_spares_the_others(client: httpx.Client, query: str, body: Any) -> None:
    """A scope in the body or the query is removed with its histories, the rest stays."""
    add(client, "kept")
    removed = add(client, "removed", user_id="bob")
    assert client.post(f"/reset{query}", json=body).json() == {"message": "All memories reset"}
    assert texts(client.get("/memories")) == {"kept"}
    assert client.get(f"/memories/{removed}/history").json() == []


def test_reset_refuses_two_scopes_that_disagree(client: httpx.Client) -> None:
    """The body and the query naming different users is an error, naming the same is not."""
    add(client, "kept")
    assert client.post("/reset?user_id=alice", json={"user_id": "bob"}).status_code == 400
    assert texts(client.get("/memories")) == {"kept"}
    assert client.post("/reset?user_id=bob", json={"user_id": "bob"}).status_code == 200


@pytest.mark.parametrize("body", [None, {}])
def test_reset_without_a_scope_removes_everything(client: httpx.Client, body: Any) -> None:
    """With no body, or an empty one, the store is empty afterwards."""
    memory_id = add(client, "gone")
    client.post("/reset", json=body)
    assert client.get("/memories").json() == {"results": [], "total": 0, "next_cursor": None}
    assert client.get(f"/memories/{memory_id}/history").json() == []


def test_a_cursor_walks_a_list_that_changes(client: httpx.Client) -> None:
    """Deleting page by page deletes the whole list; a cursor that is none, or beside an offset, is refused."""
    for number in range(7):
        add(client, f"tea {number}")
    seen, params = [], {"user_id": "alice", "top_k": "3"}
    while True:
        page = client.get("/memories", params=params).json()
        seen += [one["memory"] for one in page["results"]]
        for one in page["results"]:
            client.delete(f"/memories/{one['id']}")
        if page["next_cursor"] is None:
            break
        params["after"] = page["next_cursor"]
    assert sorted(seen) == [f"tea {number}" for number in range(7)]
    for more in ({"after": "x"}, {"offset": "1"}, {"page": "1"}):
        answer = client.get("/memories", params={**params, **more})
        assert (answer.status_code, "after" in answer.text) == (400, True)


FILTERED = [
    ({"n": {"$gte": 2}}, {"green tea"}),
    ({"OR": [{"memory": {"icontains": "COFFEE"}}, {"n": 2}]}, {"green tea", "coffee"}),
    ({"user_id": {"ne": ["alice", "carl"]}}, {"coffee"}),
    ({"expiration_date": {"gte": "2099-01-01"}}, {"coffee"}),
    ({"text": "*"}, set()),  # a metadata key on these routes
    ({}, {"green tea", "coffee"}),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERED)
@pytest.mark.parametrize("write", [json.dumps, str])
def test_a_list_takes_a_filter(client: httpx.Client, filters: dict[str, Any], expected: set[str], write: Any) -> None:
    """``filters`` of GET /memories narrows the list beside ids and labels; it is never passed over."""
    add(client, "green tea", metadata={"n": 2, "project_id": "p"})
    add(client, "coffee", user_id="bob", expiration_date="2099-01-31")
    assert texts(client.get("/memories", params={"filters": write(filters)})) == expected
    narrowed = {"filters": write(filters), "user_id": "alice", "project_id": "p"}
    assert texts(client.get("/memories", params=narrowed)) == expected & {"green tea"}


@pytest.mark.parametrize(
    "text", ["[object Object]", "[1]", "x", '{"n": {"near": 1}}', '{"$gt": 1}', '{"n": 1' + " " * 10_000]
)
@pytest.mark.parametrize("path", ["/memories", "/graph"])
def test_a_filter_that_cannot_be_read_is_refused(client: httpx.Client, path: str, text: str) -> None:
    """Where a filter cannot be read or understood, nothing is listed."""
    assert client.get(path, params={"filters": text, "user_id": "alice"}).status_code == 400


# -- what holds now


def test_a_key_has_one_value(client: httpx.Client) -> None:
    """``key`` and ``supersedes`` of an add hide what held before; ``latest_only=false`` shows it on every read."""
    old = add(client, "the port is 5432", key="port")
    new = add(client, "the port is 5433", key="port")
    ask = {"query": "port", "user_id": "alice", "threshold": 0}
    for latest, count in ((None, 1), (True, 1), (False, 2)):
        assert len(texts(client.post("/search", json={**ask, "latest_only": latest}))) == count
        context = client.post("/context", json={"query": "port", "user_id": "alice", "latest_only": latest}).json()
        assert len(context["memories"]) == count
    assert client.get("/memories?user_id=alice").json()["total"] == 1
    assert client.get("/memories?user_id=alice&latest_only=false").json()["total"] == 2
    item = client.get(f"/memories/{old}").json()
    assert (item["key"], item["superseded_by"]) == ("port", new)
    third = add(client, "there is no port", supersedes=[new])
    assert client.get("/memories?user_id=alice").json()["results"][0]["id"] == third
    body = {"messages": HELLO, "user_id": "bob"}
    assert client.post("/memories", json={**body, "supersedes": [third]}).status_code == 404
    assert client.post("/memories", json={**body, "supersedes": third}).status_code == 422
    refused = client.post("/memories", json={**body, "messages": HELLO * 2, "key": "port"})
    assert (refused.status_code, "key" in refused.json()["detail"]) == (400, True)
    assert client.get("/memories?user_id=bob&latest_only=false").json()["total"] == 0
    assert client.delete(f"/memories/{third}?delete_linked=maybe").status_code == 422
    assert client.delete(f"/memories/{third}?delete_linked=true").status_code == 200
    assert client.get("/memories?user_id=alice&latest_only=false").json()["total"] == 0


def test_the_graph_shows_what_holds(client: httpx.Client) -> None:
    """GET /graph takes ``latest_only``, and refuses what is no yes or no."""
    for latest, status in (("false", 200), ("true", 200), ("maybe", 422)):
        assert client.get("/graph", params={"user_id": "alice", "latest_only": latest}).status_code == status
