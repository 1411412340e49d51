"""The OpenAPI document and the page that shows it."""

import inspect
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest
import serving
from serving import add

from mem0lite import Memory, Ranking, types
from mem0lite.server import describing, docs, examples, requests, responses
from mem0lite.server.examples import EXAMPLE_ID
from mem0lite.server.hosted import requests as hosted_requests
from mem0lite.server.hosted import responses as hosted

served, store, client = serving.served, serving.store, serving.client

ROUTES = {
    ("/memories", "post"),
    ("/memories", "get"),
    ("/memories", "delete"),
    ("/memories/{memory_id}", "get"),
    ("/memories/{memory_id}", "put"),
    ("/memories/{memory_id}", "delete"),
    ("/memories/{memory_id}/history", "get"),
    ("/search", "post"),
    ("/context", "post"),
    ("/graph", "get"),
    ("/reset", "post"),
    ("/erase", "post"),
    ("/entities", "get"),
    ("/entities/{entity_type}/{entity_id}", "delete"),
    *(("/api-keys", method) for method in ("get", "post")),
    ("/api-keys/{key_id}", "delete"),
    ("/configure", "get"),
    ("/configure", "post"),
    *((f"/{name}", "get") for name in ("stats", "usage", "check", "events", "changes", "export", "metrics")),
    ("/import", "post"),
    *((f"/health/{name}", "get") for name in ("live", "ready")),
    # the hosted API
    *((f"/v{version}/memories/search/", "post") for version in (1, 2, 3)),
    *((f"/v{version}/memories/", "post") for version in (1, 2, 3)),
    ("/v3/memories/add/", "post"),
    ("/v1/memories/", "get"),
    ("/v1/memories/", "delete"),
    *(("/v1/memories/{memory_id}/", method) for method in ("get", "put", "delete")),
    ("/v1/memories/{memory_id}/history/", "get"),
    *(("/v1/batch/", method) for method in ("put", "delete")),
    ("/v1/ping/", "get"),
    ("/v1/entities/", "get"),
    *((f"/v{version}/entities/{{entity_type}}/{{entity_id}}/", "get") for version in (1, 2)),
    *((f"/v{version}/entities/{{entity_type}}/{{entity_id}}/", "delete") for version in (1, 2)),
    ("/v1/event/{event_id}/", "get"),
    ("/v1/events/", "get"),
    ("/v1/feedback/", "post"),
    ("/v1/exports/", "post"),
    ("/v1/exports/get/", "post"),
    ("/v1/exports/", "get"),
    ("/v1/memories/events/", "get"),
    ("/v1/memories/{entity_type}/{entity_id}/", "get"),
    ("/v1/entities/filters/", "get"),
    ("/v1/stats/", "get"),
    *((f"/v1/{kind}s/", "post") for kind in ("user", "agent", "run", "app")),
    ("/api/v1/orgs/organizations/", "get"),
    ("/api/v1/orgs/organizations/{org_id}/", "get"),
    *((f"/api/v1/orgs/organizations/{{org_id}}/{what}/", "get") for what in ("members", "projects")),
    ("/api/v1/orgs/organizations/{org_id}/projects/{project_id}/members/", "get"),
    *(("/api/v1/orgs/organizations/{org_id}/projects/{project_id}/", method) for method in ("get", "patch")),
    *(("/api/v1/webhooks/projects/{project_id}/", method) for method in ("get", "post")),
    *(("/api/v1/webhooks/{webhook_id}/", method) for method in ("put", "delete")),
}
WATCHED = {"/health/live": {"200"}, "/health/ready": {"200", "503"}, "/metrics": {"200", "401", "403"}}
"""What supervisors ask, with the statuses of the answers."""
TEXTS = {"/export": "application/x-ndjson", "/metrics": "text/plain"}
"""Answers that are no JSON."""


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    """The served OpenAPI document."""
    answer = client.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_document_names_itself(document: dict[str, Any]) -> None:
    """It is OpenAPI 3.1 with a title, a version, a description, and a server that is right under any prefix."""
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "mem0lite"
    assert document["info"]["version"]
    assert len(document["info"]["description"]) > 100
    assert [server["url"] for server in document["servers"]] == ["./"]


def test_every_route_is_described(document: dict[str, Any]) -> None:
    """Each route has a group with a description, a one-line summary, a description and its own operation id."""
    served = {(path, method) for path, method, one in _operations(document) if "501" not in one["responses"]}
    assert served == ROUTES  # test_hosted_operations.py has the others
    groups = {tag["name"] for tag in document["tags"] if tag["description"]}
    ids = []
    for _, _, operation in _operations(document):
        assert set(operation["tags"]) <= groups
        assert 5 < len(operation["summary"]) < 60
        assert operation["description"]
        ids.append(operation["operationId"])
    assert len(set(ids)) == len(ids)


def test_component_names_are_mem0_s(document: dict[str, Any]) -> None:
    """Clients generated from mem0's document find the names they know."""
    names = {"MemoryCreate", "MemoryUpdate", "SearchRequest", "Message", "MessageResponse", "Entity"}
    assert names | {"HTTPValidationError", "ValidationError"} <= set(document["components"]["schemas"])
    for path, method, name in (
        ("/memories", "post", "MemoryCreate"),
        ("/memories/{memory_id}", "put", "MemoryUpdate"),
        ("/search", "post", "SearchRequest"),
    ):
        body = document["paths"][path][method]["requestBody"]
        assert body["required"] is True
        assert body["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}


def test_search_request_describes_top_k_as_mem0_does(document: dict[str, Any]) -> None:
    """mem0's own tests ask for this sentence."""
    properties = document["components"]["schemas"]["SearchRequest"]["properties"]
    assert properties["top_k"]["description"] == "Maximum number of results to return."


def test_required_fields_are_mem0_s(document: dict[str, Any]) -> None:
    """A request needs no field that mem0 does not need."""
    components = document["components"]["schemas"]
    required = {
        name: components[name].get("required", []) for name in ("MemoryCreate", "MemoryUpdate", "SearchRequest")
    }
    assert required == {"MemoryCreate": ["messages"], "MemoryUpdate": [], "SearchRequest": ["query"]}


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    """No ``$ref`` leads nowhere, and no component is left unused."""
    references = set(_references(document))
    assert references == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_every_field_and_parameter_is_described(document: dict[str, Any]) -> None:
    """Nothing in the document has to be guessed."""
    for name, component in document["components"]["schemas"].items():
        for field, schema in component["properties"].items():
            assert schema.get("description"), f"{name}.{field}"
    for path, method, operation in _operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{method} {path} {parameter['name']}"


def test_responses_are_described(document: dict[str, Any]) -> None:
    """Success is 200 with a shape; errors are mem0's shapes; a body can be of the wrong shape."""
    for path, method, operation in _operations(document):
        responses = operation["responses"]
        if "501" in responses:  # without a 200: test_hosted_operations.py
            continue
        done = "201" if (path, method) == ("/api-keys", "post") else "200"  # as with mem0's server
        if path not in WATCHED:
            assert set(responses) - {"400", "404", "422"} == {done, "401", "403", "429", "502", "503"}, (
                f"{method} {path}"
            )
        assert list(_references(responses[done])) or path in TEXTS, f"{method} {path}"
        if "422" in responses:
            assert list(_references(responses["422"])) == ["#/components/schemas/HTTPValidationError"]
        assert ("422" in responses) or "requestBody" not in operation


def test_what_supervisors_ask_is_described(client: httpx.Client, document: dict[str, Any]) -> None:
    """Health and metrics are in the document as they answer; health needs no key."""
    for path, statuses in WATCHED.items():
        operation = document["paths"][path]["get"]
        answer = client.get(path)
        assert set(operation["responses"]) == statuses
        assert [answer.headers["Content-Type"].partition(";")[0]] == [*operation["responses"]["200"]["content"]]
        assert (operation.get("security") == [{}]) == path.startswith("/health/")
    for path, kind in TEXTS.items():
        assert [*document["paths"][path]["get"]["responses"]["200"]["content"]] == [kind]
        assert client.get(path).headers["Content-Type"].partition(";")[0] == kind


def test_every_route_answers_head_and_options(client: httpx.Client, document: dict[str, Any]) -> None:
    """HEAD is answered where GET is, with its status and no body; OPTIONS names the methods of any route."""
    add(client, "tea")
    for path, item in document["paths"].items():
        asked = path.replace("{", "").replace("}", "")
        named = client.options(asked)
        allowed = {"OPTIONS", *map(str.upper, item), *(["HEAD"] if "get" in item else [])}
        assert (named.status_code, set(named.headers["Allow"].split(", "))) == (204, allowed), path
        head = client.head(asked)
        assert (head.status_code, head.content) == (client.get(asked).status_code, b""), path


def test_only_reset_can_be_called_without_its_body(document: dict[str, Any]) -> None:
    """A body is optional where it names a scope."""
    optional = {
        path
        for path, _, operation in _operations(document)
        if operation.get("requestBody", {}).get("required") is False
    }
    assert optional == {"/reset"}


def test_examples_of_bodies_are_accepted(client: httpx.Client, store: Memory, document: dict[str, Any]) -> None:
    """What the page offers to send is answered 200."""
    tried = 0
    for path, method, operation in _operations(document):
        if (body := operation.get("requestBody")) and path != "/api-keys":  # needs a key: test_api_keys.py
            memory_id = add(client, "tea")
            webhook_id = store.create_webhook("https://hooks.example/", is_active=False)["webhook_id"]
            example = json.dumps(body["content"]["application/json"]["example"])
            path = path.replace("{memory_id}", memory_id).replace("{webhook_id}", webhook_id)
            answer = client.request(
                method,
                re.sub(r"\{\w+\}", "x", path),
                content=example.replace(EXAMPLE_ID, memory_id),
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 200, answer.text
            tried += 1
    assert tried == 28
    client.post("/configure", json={"vacuum_interval_seconds": 0})


# -- one description of every shape


def _fields(shape: Any) -> dict[str, Any]:
    """Return the type of each field of a class of the document."""
    if issubclass(shape, msgspec.Struct):
        return {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    return get_type_hints(shape)


def _required(shape: Any) -> set[str]:
    if issubclass(shape, msgspec.Struct):
        return {field.encode_name for field in msgspec.structs.fields(shape) if field.required}
    return set(shape.__required_keys__)


def _forms(schema: dict[str, Any]) -> set[Any]:
    """Return what a JSON schema allows, however it is written: types, names of components, values."""
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return {form for one in schema[word] for form in _forms(one)}
    if "$ref" in schema:
        return {schema["$ref"].rpartition("/")[2]}
    if "enum" in schema or "const" in schema:
        return set(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return {("array", frozenset(_forms(schema.get("items", {}))))}
    if schema.get("type") == "object":
        return {("object", frozenset(_forms(schema.get("additionalProperties", {}))))}
    return {schema.get("type", "anything")}


def test_the_document_says_of_each_field_what_its_class_says(document: dict[str, Any]) -> None:
    """Each field of the document has the type, the nullability and the text of its class, and is required where it is
    there; the document has no other fields. msgspec's own schema of the class is the second opinion on types."""
    components = document["components"]["schemas"]
    for name, component in components.items():
        shape = describing.SHAPES[name]
        _, described = msgspec.json.schema_components([shape], ref_template="{name}")
        assert component["description"], name
        assert component["properties"].keys() == _fields(shape).keys(), name
        assert set(component.get("required", [])) == _required(shape), name
        for field, schema in component["properties"].items():
            assert _forms(schema) == _forms(described[shape.__name__]["properties"][field]), f"{name}.{field}"
            text = (
                describing.documentation(shape).get(field)
                or described[shape.__name__]["properties"][field]["description"]
            )
            assert schema["description"] == text, f"{name}.{field}"


def test_every_field_has_a_valid_example(document: dict[str, Any]) -> None:
    """Each field that is not made of other components has an example, which its type accepts as it is."""
    tried, wrong = 0, []
    for name, component in document["components"]["schemas"].items():
        for field, schema in component["properties"].items():
            if "examples" not in schema:
                assert list(_references(schema)), f"{name}.{field}"
                continue
            for example in schema["examples"]:
                try:
                    msgspec.convert(example, _fields(describing.SHAPES[name])[field])
                except msgspec.ValidationError as error:
                    wrong.append((name, field, str(error)))
                tried += 1
    assert (wrong, tried > 300) == ([], True)


def test_no_example_is_left_over(document: dict[str, Any]) -> None:
    """Each example belongs to a field of the document, so that a field that is renamed takes its example with it."""
    fields = {name: set(component["properties"]) for name, component in document["components"]["schemas"].items()}
    names = {field for some in fields.values() for field in some} | {
        f"{name}.{field}" for name, some in fields.items() for field in some
    }
    assert set(examples.EXAMPLES) - names == set()


def test_every_field_of_the_library_is_documented() -> None:
    """Each field of each answer of the library has a text, which the document repeats where it shows the answer."""
    shapes = [one for name, one in describing.SHAPES.items() if one.__module__ == types.__name__ and name != "Answer"]
    for shape in shapes:
        if hasattr(shape, "__required_keys__"):
            assert describing.documentation(shape).keys() == get_type_hints(shape).keys(), shape


def _parameters(verb: Any) -> set[str]:
    return set(inspect.signature(verb).parameters) - {"self"}


@pytest.mark.parametrize(
    ("request_fields", "verb", "only_python"),
    [
        (requests.MemoryCreate, Memory.add, {"llm"}),
        (requests.MemoryUpdate, Memory.update, {"memory_id", "data"}),
        (requests.SearchRequest, Memory.search, set()),
        (requests.ContextRequest, Memory.context, {"count_tokens"}),
        (requests.ErasedScope, Memory.erase, set()),
        (hosted_requests.AddRequest, Memory.add, {"llm"}),
        (hosted_requests.HostedUpdate, Memory.update, {"memory_id", "data"}),
        (hosted_requests.HostedSearch, Memory.search, set()),
        (hosted_requests.HostedList, Memory.get_all, {"offset", "after", "relations"}),
        (hosted_requests.FeedbackRequest, Memory.feedback, set()),
        (hosted_requests.WebhookCreate, Memory.create_webhook, {"project_id", "project", "allow_private"}),
        (hosted_requests.WebhookUpdate, Memory.update_webhook, {"webhook_id", "allow_private"}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_requests_have_every_argument_of_their_verb(request_fields: Any, verb: Any, only_python: set[str]) -> None:
    """What Python can ask of a verb can be asked over HTTP, unless it is named here."""
    assert _parameters(verb) - set(_fields(request_fields)) <= only_python


@pytest.mark.parametrize(("path", "verb"), [("/memories", Memory.get_all), ("/graph", Memory.graph)])
def test_queries_have_every_argument_of_their_verb(document: dict[str, Any], path: str, verb: Any) -> None:
    """What Python can ask of a list or a graph, a query can ask for; ``limit`` has one name there."""
    names = {one["name"] for one in document["paths"][path]["get"]["parameters"]}
    assert _parameters(verb) - names <= {"limit"}


def test_documented_weights_are_those_of_a_search(client: httpx.Client, document: dict[str, Any]) -> None:
    """The request names every signal, and the examples of scores have the weights that a search uses by default."""
    components = document["components"]["schemas"]
    text = components["SearchRequest"]["properties"]["ranking"]["description"]
    assert ", ".join(Ranking().weights()) in text
    assert components["HostedSearch"]["properties"]["ranking"]["description"] == text
    for day, name, food in ((1, "Ann", "peanuts"), (2, "Bob", "peas")):  # no conversation
        message = {"role": "user", "name": name, "content": f"I eat {food}", "timestamp": f"2030-01-0{day}"}
        add(client, "", messages=[message], user_id="alice")
    query = {"query": "Does Ann eat peanuts?", "user_id": "alice", "explain": True, "threshold": 0}
    details = client.post("/search", json=query).json()["results"][0]["score_details"]
    shown = {name: one["examples"][0] for name, one in components["ScoreDetails"]["properties"].items()}
    # the cosine of an embedder whose cosines are brought to scale, and what the project asks for
    assert shown.keys() - details.keys() == {"cosine", "decay"}
    assert details.keys() <= shown.keys()
    for name in ("semantic_weight", "bm25_weight", "max_possible_score"):
        assert shown[name] == pytest.approx(details[name], abs=1e-4)
    assert shown["signals"]["speaker"] == pytest.approx(details["signals"]["speaker"], abs=1e-4)
    total = sum(shown[f"{name}_score"] * shown[f"{name}_weight"] for name in ("semantic", "bm25"))
    assert shown["raw_score"] == pytest.approx(total + shown["signals"]["speaker"]["weight"], abs=1e-3)
    score = shown["raw_score"] / (1 + shown["raw_score"] * (1 - 1 / shown["max_possible_score"]))
    assert shown["final_score"] == pytest.approx(score, abs=1e-3)


# -- answers


def test_described_responses_of_the_hosted_api_are_what_is_sent(client: httpx.Client, store: Memory) -> None:
    """Real answers have the described fields, of the described types, and no others."""
    body = {
        "messages": [{"role": "user", "name": "Al", "content": "tea"}],
        "user_id": "alice",
        "infer": False,
        "ttl": 9,
    }
    added = client.post("/v3/memories/add/", json={**body, "metadata": {"categories": ["x"]}})
    memory_id, event_id = added.json()["results"][0]["id"], added.json()["event_id"]
    feedback = client.post("/v1/feedback/", json={"memory_id": memory_id, "feedback": "POSITIVE"})
    search = {"query": "tea", "user_id": "alice", "explain": True}
    project = "/api/v1/orgs/organizations/x/projects/x/"
    store.create_webhook("https://hooks.example/", is_active=False)
    answers: list[tuple[httpx.Response, Any]] = [
        (client.get("/v1/ping/"), hosted.Ping),
        (added, hosted.HostedAdded),
        (client.post("/v1/memories/", json=body), list[hosted.Outcome]),
        (feedback, hosted.FeedbackResponse),
        (client.post("/v3/memories/", json={"user_id": "alice"}), hosted.HostedPage),
        (client.post("/v3/memories/search/", json=search), hosted.HostedFound),
        (client.post("/v1/memories/search/", json=search), list[hosted.HostedMemory]),
        (client.post("/v2/memories/", json={"user_id": "alice"}), list[hosted.HostedMemory]),
        (client.get("/v1/memories/?user_id=alice&page=1&page_size=5"), hosted.HostedPage),
        (client.post("/v3/memories/add/", json={**body, "immutable": True}), hosted.HostedAdded),
        (client.get(f"/v1/memories/{memory_id}/"), hosted.HostedMemory),
        (client.get(f"/v1/memories/{memory_id}/history/"), list[types.HistoryItem]),
        (client.put(f"/v1/memories/{memory_id}/", json={"text": "milk"}), hosted.HostedMemory),
        (client.get("/v1/entities/"), hosted.EntityPage),
        (client.get("/v1/entities/user/alice/"), hosted.HostedEntity),
        (client.get("/v1/events/"), hosted.HostedEvents),
        (client.get(f"/v1/event/{event_id}/"), hosted.HostedEvent),
        (client.post("/v1/exports/", json={"schema": {}, "user_id": "alice"}), hosted.ExportMade),
        (client.post("/v1/exports/get/", json={"user_id": "alice"}), hosted.Exported),
        (client.get(project), hosted.Project),
        (client.patch(project, json={"custom_instructions": "x"}), hosted.ProjectUpdated),
        (client.get("/api/v1/webhooks/projects/x/"), list[hosted.Webhook]),
        (client.delete(f"/v1/memories/{memory_id}/"), responses.MessageResponse),
        (client.delete("/v1/memories/"), responses.ErrorResponse),
    ]
    for answer, described in answers:
        assert msgspec.to_builtins(msgspec.json.decode(answer.content, type=described)) == answer.json()


def test_described_responses_are_what_is_sent(client: httpx.Client) -> None:
    """Real answers have the described fields, of the described types, and no others."""
    memory_id = add(client, "tea", metadata={"k": 1}, ttl=1_000, infer=False)
    body = {"messages": [{"role": "user", "name": "Al", "content": "tea"}], "user_id": "alice", "infer": False}
    search = {"query": "tea", "user_id": "alice", "explain": True}
    answers: list[tuple[httpx.Response, Any]] = [
        (client.post("/memories", json=body), responses.AddResponse),
        (client.get("/memories"), responses.MemoryPage),
        (client.get(f"/memories/{memory_id}"), responses.MemoryResponse),
        (client.post("/search", json=search), responses.SearchResponse),
        (client.post("/context", json={"query": "tea", "user_id": "alice"}), responses.ContextResponse),
        (
            client.post("/context", json={"query": "tea", "user_id": "alice", "max_tokens": 1}),
            responses.ContextResponse,
        ),
        (client.get(f"/memories/{memory_id}/history"), list[types.HistoryItem]),
        (client.get("/entities"), list[types.Entity]),
        (client.get("/configure"), responses.Configuration),
        (client.post("/erase", json={"user_id": "nobody"}), responses.ErasureReceipt),
        (client.delete(f"/memories/{memory_id}"), responses.MessageResponse),
        (client.delete("/memories"), responses.ErrorResponse),
        (client.post("/search", json={}), responses.HTTPValidationError),
    ]
    for answer, described in answers:
        assert msgspec.to_builtins(msgspec.json.decode(answer.content, type=described)) == answer.json()


# -- the page


@pytest.mark.parametrize("path", ["/", "/redoc"])
def test_browsers_are_sent_to_the_page(client: httpx.Client, path: str) -> None:
    """The root and the place of ReDoc redirect to the page, as mem0's root does."""
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (307, "./docs")


def test_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    """The page has a title, links relative files only, has no inline code, and may load nothing else."""
    page = client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'"
    )
    assert "unsafe" not in policy
    assert "<title>mem0lite API</title>" in page.text
    assert not re.search(r"https?:|//|<style|\sstyle=|\son\w+=", page.text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL) == ["", ""]


def test_files_of_the_page_are_served(client: httpx.Client) -> None:
    """Every file the page links is there with its type, and the document is where the page's script looks."""
    page = client.get("/docs")
    links = [link for link in re.findall(r'(?:href|src)="([^"]+)"', page.text) if not link.startswith("data:")]
    assert len(links) == 4
    for link in links:
        answer = client.get(urllib.parse.urljoin("/docs", link))
        kind = "text/css" if link.endswith(".css") else "text/javascript"
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    script = client.get("/docs/init.js").text
    assert not re.search(r"https?://", script)
    source = re.search(r'url: "([^"]+)"', script)
    assert source is not None
    assert client.get(urllib.parse.urljoin("/docs", source[1])).status_code == 200


@pytest.mark.parametrize("path", ["/docs//", "/docs/LICENSE", "/docs/app.py", "/openapi.yaml", "/schema"])
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    """Only the files of the page can be read, and Litestar's own documentation is not there."""
    assert client.get(path).status_code == 404


def test_swagger_ui_is_vendored_with_its_licence() -> None:
    """The copied files are the named version's, complete with licence and notice."""
    folder = docs.STATIC / "swagger-ui"
    assert {file.name for file in folder.iterdir()} == {
        "LICENSE",
        "NOTICE",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
    }
    assert json.dumps(docs.SWAGGER_UI_VERSION) in (folder / "swagger-ui-bundle.js").read_text()
