"""Requests that cannot be served: their status, their words, and what they must not tell."""

import gzip
import logging
import re
import socket
import zlib
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add, served_by, texts

from mem0lite import Mem0LiteError, Memory, errors
from mem0lite.server import Settings, create_app

served, store, client = serving.served, serving.store, serving.client

JSON = {"Content-Type": "application/json"}
SEARCH = {"query": "x", "user_id": "u1"}


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        (
            *("POST", "/memories", {"messages": "hi", "user_id": "u1"}),
            {"type": "list_type", "loc": ["body", "messages"], "msg": "Input should be a valid list", "input": "hi"},
        ),
        (
            *("POST", "/search", {"user_id": "u1"}),
            {"type": "missing", "loc": ["body", "query"], "msg": "Field required", "input": {"user_id": "u1"}},
        ),
        (
            *("GET", "/memories?user_id=u1&top_k=5000", None),
            {
                "type": "less_than_equal",
                "loc": ["query", "top_k"],
                "msg": "Input should be less than or equal to 1000",
                "input": "5000",
                "ctx": {"le": 1000},
            },
        ),
        (
            *("DELETE", "/entities/team/u1", None),
            {
                "type": "literal_error",
                "loc": ["path", "entity_type"],
                "msg": "Input should be 'user', 'agent', 'run' or 'app'",
                "input": "team",
                "ctx": {"expected": "'user', 'agent', 'run' or 'app'"},
            },
        ),
        (
            *("GET", "/memories?top_k=-1", None),
            {
                "type": "greater_than_equal",
                "loc": ["query", "top_k"],
                "msg": "Input should be greater than or equal to 0",
                "input": "-1",
                "ctx": {"ge": 0},
            },
        ),
        (
            *("GET", "/memories?top_k=many", None),
            {
                "type": "int_parsing",
                "loc": ["query", "top_k"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "many",
            },
        ),
        (
            *("GET", "/memories?show_expired=maybe", None),
            {
                "type": "bool_parsing",
                "loc": ["query", "show_expired"],
                "msg": "Input should be a valid boolean, unable to interpret input",
                "input": "maybe",
            },
        ),
        (
            *("POST", "/memories", {"messages": [{"role": "user", "content": "x"}, {"content": "x"}]}),
            {
                "type": "missing",
                "loc": ["body", "messages", 1, "role"],
                "msg": "Field required",
                "input": {"content": "x"},
            },
        ),
        (
            *("POST", "/memories", {"messages": ["hi"]}),
            {
                "type": "model_attributes_type",
                "loc": ["body", "messages", 0],
                "msg": "Input should be a valid dictionary or object to extract fields from",
                "input": "hi",
            },
        ),
        (
            *("POST", "/memories", {"messages": [], "user_id": 5}),
            {"type": "string_type", "loc": ["body", "user_id"], "msg": "Input should be a valid string", "input": 5},
        ),
        (
            *("POST", "/memories", {"messages": [], "metadata": []}),
            {
                "type": "dict_type",
                "loc": ["body", "metadata"],
                "msg": "Input should be a valid dictionary",
                "input": [],
            },
        ),
        (
            *("POST", "/memories", {"messages": [], "timestamp": []}),
            {
                "type": "value_error",
                "loc": ["body", "timestamp"],
                "msg": "Input should be a valid number or string",
                "input": [],
            },
        ),
        (
            *("POST", "/search", {**SEARCH, "threshold": "high"}),
            {
                "type": "float_parsing",
                "loc": ["body", "threshold"],
                "msg": "Input should be a valid number, unable to parse string as a number",
                "input": "high",
            },
        ),
        (
            *("POST", "/search", {**SEARCH, "top_k": [1]}),
            {"type": "int_type", "loc": ["body", "top_k"], "msg": "Input should be a valid integer", "input": [1]},
        ),
        (
            *("POST", "/search", ["x"]),
            {
                "type": "model_attributes_type",
                "loc": ["body"],
                "msg": "Input should be a valid dictionary or object to extract fields from",
                "input": ["x"],
            },
        ),
        ("POST", "/search", None, {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}),
    ],
)
def test_wrong_shape(client: httpx.Client, method: str, path: str, body: Any, problem: dict[str, Any]) -> None:
    """A request of the wrong shape is answered as FastAPI does: 422 and what is wrong where."""
    answer = client.request(method, path, json=body)
    assert (answer.status_code, answer.json()) == (422, {"detail": [problem]})


def test_everything_wrong_is_reported_at_once(client: httpx.Client) -> None:
    """One answer names every field and every parameter that is wrong."""
    body = client.post("/memories", json={"user_id": 1, "infer": "perhaps", "metadata": 3}).json()["detail"]
    assert [problem["loc"][-1] for problem in body] == ["messages", "user_id", "metadata", "infer"]
    query = client.get("/memories?top_k=x&offset=y&show_expired=z").json()["detail"]
    assert [problem["loc"] for problem in query] == [["query", "top_k"], ["query", "offset"], ["query", "show_expired"]]


def test_numbers_and_booleans_are_read_from_text(client: httpx.Client) -> None:
    """As with mem0's server, ``"1"`` is a number and ``"true"`` a boolean where one is asked for."""
    add(client, "python one")
    add(client, "python two")
    body = {"query": "python", "user_id": "alice", "top_k": "1", "threshold": "0", "explain": "true"}
    results = client.post("/search", json=body).json()["results"]
    assert len(results) == 1
    assert "score_details" in results[0]


def test_text_stays_text(client: httpx.Client) -> None:
    """What looks like null or a number is neither, where a text is asked for."""
    body = {
        "messages": [{"role": "user", "content": "null", "name": "null"}],
        "user_id": "5",
        "metadata": {"a": "5", "b": "null", "c": "true"},
        "timestamp": "20300101",
    }
    memory_id = client.post("/memories", json=body).json()["results"][0]["id"]
    item = client.get(f"/memories/{memory_id}").json()
    assert (item["memory"], item["actor_id"], item["user_id"]) == ("null", "null", "5")
    assert item["metadata"] == {"a": "5", "b": "null", "c": "true"}
    assert item["created_at"] == "2030-01-01T00:00:00+00:00"


def test_large_rejected_values_are_not_sent_back(client: httpx.Client) -> None:
    """A megabyte of wrong input does not become a megabyte of answer."""
    answer = client.post("/memories", json={"messages": "x" * 1_000_000})
    assert answer.status_code == 422
    assert len(answer.content) < 1_000


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/search", {"query": "x", "user_id": "*"}, "user_id"),
        ("GET", "/memories?user_id=*", None, "user_id"),
        ("POST", "/search", {"query": "x", "user_id": "u", "top_k": -1}, "top_k"),
        ("POST", "/search", {"query": "x", "user_id": "u", "ranking": {"x": 1}}, "ranking"),
        ("POST", "/memories", {"messages": [{"role": "user", "content": "x"}], "user_id": "u", "ttl": -1}, "ttl"),
        ("POST", "/v3/memories/", {"user_id": "u", "start_date": "soon"}, "start_date"),
        ("GET", "/v1/memories/?user_id=u&end_date=soon", None, "end_date"),
        ("POST", "/v3/memories/search/", {"query": "x", "user_id": "u", "end_date": "2030-13-01"}, "end_date"),
        ("GET", "/v1/events/?start_date=2030-01-01", None, "start_date"),
        ("POST", "/v1/feedback/", {"memory_id": "x", "feedback": "GOOD"}, "feedback"),
        ("POST", "/v1/exports/", {"schema": {}, "user_id": "*"}, "user_id"),
        ("PUT", "/api/v1/webhooks/nope/", {"name": "x"}, "Webhook"),
        ("POST", "/configure", {"vacuum_interval_seconds": -1}, "vacuum_interval_seconds"),
    ],
)
def test_errors_speak_of_fields(client: httpx.Client, method: str, path: str, body: Any, field: str) -> None:
    """An error names the field of the body or query, and its cure is none of Python's or the shell's."""
    answer = client.request(method, path, json=body)
    assert answer.status_code in (400, 404)
    assert field in answer.json()["detail"]
    assert not re.search(r"\b(None|True|False|created_at)\b|\w\(|\w=\S|--\w", answer.json()["detail"])


# -- hostile requests


HOSTILE = {
    "truncated": b'{"query": "x"',
    "not JSON": b"query=x",
    "trailing comma": b'{"query": "x",}',
    "two values": b"{}{}",
    "NaN": b'{"query": NaN}',
    "out of range": b'{"threshold": 1e999}',
    "endless number": b"1" * 10_000,
    "lone surrogate": b'{"query": "\\ud800", "user_id": "u"}',
    "invalid UTF-8": b'{"query": "\xff"}',
    "UTF-16": '{"query": "x"}'.encode("utf-16"),
    "deep list": b"[" * 10_000 + b"]" * 10_000,
    "deep object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep metadata": b'{"metadata":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "as deep as can be read": b'{"x":' + b"[" * 968 + b"]" * 968 + b"}",
    "zero bytes": b"\x00" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/memories"), ("POST", "/search"), ("PUT", "/memories/x"), ("POST", "/reset"), ("POST", "/configure")],
)
def test_hostile_bodies_are_refused(client: httpx.Client, method: str, path: str, name: str) -> None:
    """Whatever a body holds, the answer is 4xx and JSON, and nothing is deleted."""
    add(client, "kept")
    answer = client.request(method, path, content=HOSTILE[name], headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]
    assert texts(client.get("/memories")) == {"kept"}


@pytest.mark.parametrize("depth", range(940, 1_000, 3))
def test_nesting_near_the_limit_is_refused(client: httpx.Client, depth: int) -> None:
    """A value that can just be read, and just not be written again, is no internal error."""
    content = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    assert client.post("/search", content=content, headers=JSON).status_code in (400, 422)


def test_invalid_json_is_reported_with_its_position(client: httpx.Client) -> None:
    """A body that is no JSON is answered as FastAPI does: 422 of type json_invalid."""
    answer = client.post("/search", content=b'{"query": "x",}', headers=JSON)
    problem = answer.json()["detail"][0]
    assert (answer.status_code, problem["type"], problem["loc"]) == (422, "json_invalid", ["body", 14])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_only_json_is_read(client: httpx.Client, kind: str | None) -> None:
    """A content type that a web page can send to any server without being asked is refused."""
    memory_id = add(client, "kept")
    headers = {} if kind is None else {"Content-Type": kind}
    for path in ("/memories", "/search", "/reset", "/configure"):
        answer = client.post(path, content=b'{"user_id": "alice"}', headers=headers)
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.json()["detail"]
    assert client.get(f"/memories/{memory_id}").json() is not None


SEARCH = b'{"query": "x", "user_id": "u"}'


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("", b"\xef\xbb\xbf" + SEARCH, 200),
        ("gzip", gzip.compress(SEARCH, mtime=0), 200),
        ("X-GZIP", gzip.compress(b"\xef\xbb\xbf" + SEARCH, mtime=0), 200),
        ("deflate", zlib.compress(SEARCH), 200),
        ("deflate", zlib.compress(SEARCH)[2:-4], 200),  # as some send it
        ("identity", SEARCH, 200),
        ("gzip, identity", gzip.compress(SEARCH, mtime=0), 200),
        ("br", SEARCH, 415),
        ("zstd", SEARCH, 415),
        ("gzip, gzip", gzip.compress(gzip.compress(SEARCH, mtime=0), mtime=0), 415),
        ("gzip", SEARCH, 400),
        ("gzip", gzip.compress(SEARCH, mtime=0)[:-3], 400),
        ("gzip", gzip.compress(SEARCH, mtime=0) + b"more", 400),
        ("deflate", b"\x00", 400),
        ("gzip", gzip.compress(SEARCH + b" " * 2**21, mtime=0), 413),
        ("deflate", zlib.compress(SEARCH + b" " * 2**20), 413),
        ("gzip", gzip.compress(b'{"query": ', mtime=0), 422),
    ],
)
def test_compressed_bodies_are_read_or_refused(client: httpx.Client, encoding: str, body: bytes, status: int) -> None:
    """A body is read with a byte-order mark, with gzip or deflate up to the limit it has decoded; else it is said."""
    headers = {**JSON, "Content-Encoding": encoding} if encoding else JSON
    answer = client.post("/search", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    if status in (400, 415):
        assert encoding in answer.json()["detail"]
    if status == 415:
        assert answer.headers["Accept-Encoding"] == "gzip, deflate"


def test_json_with_a_character_set_is_read(client: httpx.Client) -> None:
    """Parameters of the content type, its case and ``+json`` types do not matter."""
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"):
        answer = client.post("/search", content=b'{"query":"x","user_id":"u"}', headers={"Content-Type": kind})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/memories/%FF%00",
        "/memories/" + "x" * 5_000,
        "/memories/%2e%2e%2f",
        "/memories/a%2Fb",
        "/memories?user_id=%FF",
        "/memories?user_id=%00",
        "/memories?top_k=1&top_k=2",
        f"/memories?offset={10**30}",
        f"/memories?page={10**30}",
        "/memories?project_id=" + ",".join(map(str, range(2_000))),
        "/entities/../configure",
        "/docs/..%2fapp.py",
        "/docs/init.js%00",
    ],
)
def test_hostile_paths_are_no_internal_errors(client: httpx.Client, path: str) -> None:
    """Whatever a path or a query holds, the answer is no 5xx."""
    assert client.get(path).status_code < 500


# -- request ids


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/memories", 200),
        ("GET", "/", 307),
        ("GET", "/docs", 200),
        ("POST", "/memories", 422),
        ("DELETE", "/memories", 400),
        ("GET", "/nowhere", 404),
        ("PATCH", "/memories", 405),
    ],
)
def test_every_response_has_a_request_id(client: httpx.Client, method: str, path: str, status: int) -> None:
    """Every response carries an id of its own: eight hexadecimal digits, or the one the client sent."""
    first, second = client.request(method, path), client.request(method, path)
    given = client.request(method, path, headers={"X-Request-ID": "trace-1/a"})
    assert {first.status_code, second.status_code, given.status_code} == {status}
    assert re.fullmatch("[0-9a-f]{8}", first.headers["X-Request-ID"])
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert given.headers["X-Request-ID"] == "trace-1/a"


@pytest.mark.parametrize("given", [b"", b"x" * 129, b"two words", b"caf\xe9", b"tab\there"])
def test_unusable_request_ids_are_replaced(client: httpx.Client, given: bytes) -> None:
    """An id that is empty, long or not printable is not repeated."""
    answer = client.get("/memories", headers=[(b"X-Request-ID", given)])
    assert re.fullmatch("[0-9a-f]{8}", answer.headers["X-Request-ID"])


def test_methods_allowed_are_named(client: httpx.Client) -> None:
    """A 405 names the methods there are."""
    assert "POST" in client.patch("/search").headers["Allow"]


# -- failures of the server


class FailingEmbedder(HashEmbedder):
    """Fails with ``error``, as a model, a disk or a lock may."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise self.error


CLASSES = [one for one in vars(errors).values() if isinstance(one, type)]

EXPECTED = {
    errors.ValidationError: 400,
    errors.FilterError: 400,
    errors.MemoryNotFoundError: 404,
    errors.NotFoundError: 404,
    errors.PermissionDeniedError: 403,
    errors.DatabaseBusyError: 503,
    errors.TimeLimitError: 503,
    errors.NotPicklableError: 500,
    errors.DiskFullError: 507,
    errors.QuotaExceededError: 413,
    errors.ReadOnlyError: 503,
    errors.ClosedError: 503,
    errors.FileReplacedError: 502,
    errors.CorruptFileError: 502,
    errors.NotAMemoryFileError: 502,
    errors.NewerFileError: 502,
    errors.DatabaseError: 502,
    errors.EmbedderMismatchError: 502,
    errors.ModelNotFoundError: 502,
    errors.EmbeddingError: 500,
    errors.ExtractionError: 500,
    errors.LanguageModelError: 502,
    errors.ConfigurationError: 500,
    errors.DependencyError: 500,
    errors.Mem0LiteError: 500,
}


@pytest.mark.parametrize("kind", [*CLASSES, RuntimeError, RecursionError, KeyError])
def test_every_error_has_its_status(kind: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    """Each error has a status of its own; a 5xx tells the log where it happened, and the client no path or secret."""
    secret = "/srv/private/agent.db"
    error = kind(secret, field="x") if issubclass(kind, errors.ValidationError) else kind(secret)
    with (
        caplog.at_level(logging.ERROR, "mem0lite"),
        Memory(":memory:", embedder=FailingEmbedder(error)) as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
    ):
        body = {"messages": [{"role": "user", "content": "x"}], "user_id": "u"}
        answer = client.post("/memories", json=body, headers={"X-Request-ID": "trace-7"})
    expected = EXPECTED[kind] if issubclass(kind, Mem0LiteError) else 500
    assert answer.status_code == expected
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["X-Request-ID"] == "trace-7"
    records = [record for record in caplog.records if record.name == "mem0lite"]
    if expected < 500:
        assert not records
        return
    assert "/home" not in answer.text
    assert "trace-7" in records[0].getMessage()
    told = records[0].getMessage() if kind is errors.TimeLimitError else str(records[0].exc_info)
    assert secret in told
    if issubclass(kind, errors.DatabaseBusyError | errors.TimeLimitError):
        assert answer.headers["Retry-After"] == "1"


def test_unexpected_errors_are_answered_like_mem0_s(caplog: pytest.LogCaptureFixture) -> None:
    """An error nobody foresaw is answered 500 with a body clients can parse."""
    with (
        caplog.at_level(logging.CRITICAL, "mem0lite"),
        Memory(":memory:", embedder=FailingEmbedder(ZeroDivisionError())) as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
    ):
        answer = client.post("/memories", json={"messages": [{"role": "user", "content": "x"}], "user_id": "u"})
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})


def test_client_that_goes_away_is_not_logged(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """A client that closes its connection in the middle of a body is no failure of the server."""
    with (
        caplog.at_level(logging.ERROR, "mem0lite"),
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
        socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection,
    ):
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n")
        connection.sendall(b"Content-Type: application/json\r\n\r\n{")
    assert not caplog.records


def test_closed_memory_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    """When the owner closed the memory, the answer is 503."""
    memory = Memory(":memory:", embedder=HashEmbedder())
    memory.close()
    with (
        caplog.at_level(logging.CRITICAL, "mem0lite"),
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
    ):
        assert client.get("/memories").status_code == 503
