"""A server with a language model: it answers before the model does, and draws the facts in the background."""

import threading

import pytest
from embedder import HashEmbedder
from scripted_model import ScriptedModel, every_turn
from serving import served_by

from mem0lite import LanguageModelError, Memory
from mem0lite.server import Settings, create_app


@pytest.fixture
def model():
    return ScriptedModel()


@pytest.fixture
def served(tmp_path, model):
    path = tmp_path / "agent.db"
    with (
        Memory(path, embedder=HashEmbedder(), llm=model, extract_later=True) as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
    ):
        yield memory, client


@pytest.fixture
def client(served):
    return served[1]


def finished(client, event_id, patience=3_000):
    """Ask for an event until it is no longer pending; each question takes a few milliseconds."""
    for _ in range(patience):
        event = client.get(f"/v1/event/{event_id}/").json()
        if event["status"] != "PENDING":
            return event
    raise AssertionError(event)


def found(client, **body):
    answer = client.post("/search", json={"query": "tea", "user_id": "alice", **body}).raise_for_status()
    return [hit["memory"] for hit in answer.json()["results"]]


@pytest.mark.parametrize("path", ["/v3/memories/add/", "/memories"])
def test_an_add_is_answered_before_the_model(client, model, path):
    """The messages are stored and found while the model thinks; the event is PENDING, and then SUCCEEDED."""
    go_on = threading.Event()

    def slowly(turns):
        go_on.wait(60)
        return every_turn(turns)

    model.facts = slowly
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "alice"}
    added = client.post(path, json=body).raise_for_status().json()
    try:
        status = added["extraction"]["status"] if path == "/memories" else added["status"]
        assert (status, [one["event"] for one in added["results"]]) == ("PENDING", ["ADD"])
        assert client.get(f"/v1/event/{added['event_id']}/").json()["status"] == "PENDING"
        assert found(client) == ["I like tea"]
    finally:
        go_on.set()
    event = finished(client, added["event_id"])
    assert (event["status"], [one["event"] for one in event["results"]]) == ("SUCCEEDED", ["ADD", "ADD"])
    listed = client.get("/memories", params={"user_id": "alice"}).json()["results"]
    fact, turn = sorted(listed, key=lambda item: "sources" not in item)
    assert fact["sources"] == [turn["id"]]


def test_a_job_that_was_given_up_says_why(client, model):
    """The event has FAILED, with the reason."""
    model.fails = [LanguageModelError("http://localhost:11434 refused the key.")]
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    event = finished(client, added["event_id"])
    assert (event["status"], event["problem"]) == ("FAILED", "http://localhost:11434 refused the key.")
    assert found(client) == ["I like tea"]


def test_what_was_left_is_done_at_the_start(tmp_path, model):
    """A server does what the process before it did not finish."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder(), llm=model, extract_later=True) as memory:
        event_id = memory.add("I like tea", user_id="alice")["event_id"]
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
            assert finished(client, event_id)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("path", ["/v3/memories/add/", "/memories"])
def test_no_facts_without_infer(client, model, path):
    """``infer: false`` is answered as without a model."""
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "alice", "infer": False}
    added = client.post(path, json=body).json()
    assert ("extraction" in added, added.get("status", "SUCCEEDED"), model.asked) == (False, "SUCCEEDED", [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", "Only about drinks"),
        ("custom_instructions", "Only about drinks"),
        ("includes", "Only about drinks"),
        ("excludes", "Only about drinks"),
        ("custom_categories", [{"drinks": "Only about drinks"}]),
    ],
)
@pytest.mark.parametrize("path", ["/v3/memories/add/", "/memories"])
def test_wishes_reach_the_model(client, model, path, name, value):
    """With a model they have an effect, on both APIs, and are not named as ignored."""
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "alice", name: value}
    answer = client.post(path, json=body).raise_for_status()
    assert "ignored" not in answer.json()
    finished(client, answer.json()["event_id"])
    assert "Only about drinks" in model.asked[0]


def test_metrics_say_what_a_model_used(served):
    """Prometheus sees calls, tokens, failures, and what waits; without a model there are no such metrics."""
    _, client = served
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    finished(client, added["event_id"])
    lines = client.get("/metrics").text.splitlines()
    for line in ("llm_calls_total 1.0", "llm_prompt_tokens_total 100.0", "llm_pending 0.0", "llm_facts_total 1.0"):
        assert f"mem0lite_{line}" in lines
    with (
        Memory(":memory:", embedder=HashEmbedder()) as other,
        served_by(create_app(other, Settings(vacuum_interval_seconds=0))) as plain,
    ):
        assert "mem0lite_llm" not in plain.get("/metrics").text


def test_summaries_and_profiles_are_answered(client):
    """As mem0's clients ask for them; written again when a memory changes. Somebody without memories has no profile."""
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    finished(client, added["event_id"])
    asked = {"filters": {"user_id": "alice"}, "nothing": 1}
    summary = client.post("/v1/summary/", json=asked).raise_for_status().json()
    assert (summary["summary"], summary["status"]) == ("I like tea", "SUCCEEDED")
    assert [one["field"] for one in summary["ignored"]] == ["nothing"]
    described = client.post("/v1/summary/", json={"filters": {"user_id": "alice"}, "kind": "profile"})
    assert described.raise_for_status().json() | {"updated_at": summary["updated_at"]} == {
        name: one for name, one in summary.items() if name != "ignored"
    }
    profile = client.get("/v2/entities/user/alice/profile/").raise_for_status().json()
    assert (profile["profile"], profile["status"], profile["generation_count"]) == ("I like tea", "succeeded", 1)
    assert client.get("/v2/entities/user/alice/profile/").json() == profile
    nobody = client.get("/v2/entities/user/nobody/profile/").raise_for_status().json()
    assert (nobody["profile"], nobody["status"]) == ("", "insufficient_data")
    for body in ([], {}, {"filters": 5}, "x", {**asked, "kind": "poem"}, {**asked, "kind": ["profile"]}):
        assert client.post("/v1/summary/", json=body).status_code in (400, 422)


PROJECT = "/api/v1/orgs/organizations/mem0lite/projects/default/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("custom_instructions", "Only about drinks"),
        ("custom_instructions", ["Be brief", "Only about drinks"]),
        ("custom_categories", [{"drinks": "Only about drinks"}]),
        ("inclusion_prompt", "Only about drinks"),
        ("exclusion_prompt", "Only about drinks"),
    ],
)
def test_the_projects_settings_reach_the_model(client, model, name, value):
    """What a client of mem0 sets for its project is followed, and not named as ignored."""
    answer = client.patch(PROJECT, json={name: value, "memory_depth": "deep"}).raise_for_status()
    assert [one["field"] for one in answer.json()["ignored"]] == ["memory_depth"]
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    finished(client, added["event_id"])
    assert "Only about drinks" in model.asked[0]


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/search", {"query": "tea"}),
        ("POST", "/context", {"query": "tea", "relevant_only": False}),
        ("POST", "/v3/memories/search/", {"query": "tea"}),
        ("POST", "/v3/memories/", {}),
        ("GET", "/memories", {}),
        ("GET", "/v1/memories/", {}),
    ],
)
def test_kinds_over_http(client, path, method, more):
    """Every search and list returns facts, turns, or both; a kind that there is not is refused."""
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    finished(client, added["event_id"])

    def ask(**kinds):
        asked = {"user_id": "alice", **more, **kinds}
        where = {"params": asked} if method == "GET" else {"json": asked}
        return client.request(method, path, **where)

    for kinds, facts in (("facts", True), ("turns", False)):
        answer = ask(kinds=[kinds]).raise_for_status().json()
        items = answer if isinstance(answer, list) else answer.get("results", answer.get("memories"))
        assert [item.get("sources") is not None for item in items] == [facts]
    refused = ask(kinds=["thoughts"])
    assert refused.status_code in (400, 422)
    assert "kinds" in refused.text


@pytest.mark.parametrize("path", ["/v3/memories/add/", "/memories"])
def test_wishes_of_another_kind_are_refused(client, path):
    """The answer names the field, and nothing is stored."""
    body = {"messages": [{"role": "user", "content": "I like tea"}], "user_id": "alice", "custom_categories": [5]}
    answer = client.post(path, json=body)
    assert answer.status_code in (400, 422)
    assert "custom_categories" in answer.text
    assert found(client) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/memories/{}", {"text": "I like milk"}),
        ("/v1/memories/{}/", {"text": "I like milk"}),
        ("/v1/batch/", {"memories": [{"memory_id": "{}", "text": "I like milk"}]}),
    ],
)
def test_an_edit_is_answered_before_the_model(client, path, body):
    """Each way to edit a message has its facts drawn again in the background, and an event that tells when."""
    added = client.post("/v3/memories/add/", json={"messages": "I like tea", "user_id": "alice"}).json()
    turn = finished(client, added["event_id"])["results"][0]["id"]
    given = {**body, "memories": [{**body["memories"][0], "memory_id": turn}]} if "memories" in body else body
    client.put(path.format(turn), json=given).raise_for_status()
    asked = {"event_type": "UPDATE", "user_id": "alice"}
    [event] = client.get("/v1/events/", params=asked).json()["results"]
    assert (event["event_type"], finished(client, event["id"])["status"]) == ("UPDATE", "SUCCEEDED")
    assert found(client, kinds=["facts"], query="I like") == ["I like milk"]
    assert [one["id"] for one in client.get("/events", params=asked).json()["results"]] == [event["id"]]
    assert client.get("/events", params={"event_type": "SEARCH"}).status_code == 400


def test_profiles_are_made_when_asked_for(client):
    """A job writes the profile of one, or of a few, and is done when it is answered; what cannot be had is refused."""
    for user, text in (("alice", "I like tea"), ("bob", "I like milk")):
        added = client.post("/v3/memories/add/", json={"messages": text, "user_id": user}).json()
        finished(client, added["event_id"])
    jobs, settings = "/v2/profiles/jobs/", "/v2/profiles/settings/"
    body = {"operation": "trigger", "entity_type": "user", "entity_id": "alice"}
    made = client.post(jobs, json=body).raise_for_status().json()
    assert (made["status"], made["entity_count_reserved"]) == ("succeeded", 1)
    assert client.get("/v2/entities/user/alice/profile/").json()["generation_count"] == 1
    job = client.get(made["status_url"]).raise_for_status().json()["job"]
    assert (job["status"], job["total"], job["succeeded"], job["failed"]) == ("succeeded", 1, 1, 0)
    sampled = client.post(jobs, json={"operation": "sample", "limit": 1}).raise_for_status().json()
    assert (sampled["sampled"], sampled["entity_ids"]) == (1, ["alice"])
    assert client.post("/v2/profiles/samples/", json={}).json()["entity_ids"] == ["alice", "bob"]
    assert client.post("/v2/profiles/trigger/", json={"user_id": "bob"}).status_code == 200
    assert client.get(jobs).json()["results"] == []
    shown = client.get(settings).raise_for_status().json()
    assert shown["enabled"] is True
    assert client.post(settings, json={"enabled": True, "entities": {"user": {"schema": None}}}).json() == shown
    refused = [
        (settings, {"enabled": False}),
        (settings, {"entities": {"user": {"schema": {"type": "object"}}}}),
        (settings, {"entities": {"user": {"custom_instructions": "Be brief"}}}),
        (settings, {"entities": ["user"]}),
        (settings, []),
        (jobs, {}),
        (jobs, {"operation": "trigger"}),
        (jobs, {**body, "entity_type": "tea"}),
        (jobs, {**body, "entity_type": ["user"]}),
        *((jobs, {"operation": "sample", "limit": limit}) for limit in (0, 11, True, "1", 1.5)),
    ]
    assert [client.post(path, json=given).status_code for path, given in refused] == [400] * len(refused)
    assert client.post(jobs, json={**body, "entity_id": "nobody"}).status_code == 404
    assert [client.get(f"{jobs}{one}/").status_code for one in ("j1", "sample-x", "sample-11-x")] == [404] * 3
    assert client.post("/v2/profiles/regenerate/").status_code == 501
    unknown = client.post("/v2/profiles/trigger/", json={"user_id": "bob", "colour": "red"})
    assert "colour" in unknown.headers["X-Mem0lite-Ignored"]
