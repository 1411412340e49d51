"""Whatever a client sends: a clear answer, nothing stored, and the next request is served."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add, served_by

from mem0lite import ConfigurationError, DatabaseError, Memory, MemoryNotFoundError, ValidationError
from mem0lite.server import Settings, create_app

served, store, client = serving.served, serving.store, serving.client

JSON = {"Content-Type": "application/json"}
LIMIT = 1_048_576
ADD = '{"messages": [{"role": "user", "content": "x"}], "user_id": "u", %s}'
SEARCH = '{"query": "kept", "user_id": "alice", %s}'
SURROGATE = "\\ud800"


def metadata(value: str) -> str:
    """Return the body of an add with this JSON text as metadata ``n``."""
    return ADD % f'"metadata": {{"n": {value}}}'


def filtered(value: str) -> str:
    """Return the body of a search with this JSON text as filter."""
    return SEARCH % f'"filters": {value}'


def saying(content: str, **ids: str) -> str:
    """Return the body of an add of two messages, the second with this content, already escaped."""
    scope = json.dumps({"user_id": "u", **ids})[1:]
    first = '{"role": "user", "content": "fine"}'
    return f'{{"messages": [{first}, {{"role": "user", "content": "{content}"}}], {scope}'


@dataclass
class Case:
    """A request, its status, and a part of its ``detail``."""

    name: str
    request: tuple[str, str, Any]
    status: int
    detail: str


REFUSED = [
    # -- bodies that are no JSON
    Case("invalid JSON", ("POST", "/memories", '{"messages": [}'), 422, "Expecting value"),
    Case("truncated JSON", ("POST", "/memories", '{"messages": ['), 422, "Expecting value"),
    Case("two JSON values", ("POST", "/memories", "{}{}"), 422, "Extra data"),
    Case("no body", ("POST", "/memories", None), 422, "Field required"),
    Case("blank body", ("POST", "/search", "  "), 422, "Expecting value"),
    Case("NUL bytes", ("POST", "/memories", b"\0" * 50), 422, "Expecting value"),
    Case("invalid UTF-8", ("POST", "/memories", saying("~").encode().replace(b"~", b"\xff")), 400, "parsing the body"),
    Case("UTF-16", ("POST", "/memories", saying("x").encode("utf-16")), 422, "JSON decode error"),
    Case("10,000 lists deep", ("POST", "/memories", "[" * 10_000 + "]" * 10_000), 400, "parsing the body"),
    Case("10,000 objects deep", ("POST", "/memories", '{"a":' * 10_000 + "1" + "}" * 10_000), 400, "parsing the body"),
    Case("metadata 10,000 deep", ("POST", "/memories", metadata("[" * 10_000 + "]" * 10_000)), 400, "parsing the body"),
    Case("metadata 101 deep", ("POST", "/memories", metadata("[" * 101 + "]" * 101)), 400, "more than 100 levels deep"),
    Case("body over the limit", ("POST", "/memories", saying("x" * LIMIT)), 413, "Request Entity Too Large"),
    Case("blanks over the limit", ("POST", "/memories", " " * (LIMIT + 1)), 413, "Request Entity Too Large"),
    # -- numbers
    Case("NaN", ("POST", "/memories", metadata("NaN")), 422, "JSON is malformed"),
    Case("Infinity", ("POST", "/memories", metadata("Infinity")), 422, "JSON is malformed"),
    Case("-Infinity", ("POST", "/memories", metadata("-Infinity")), 422, "JSON is malformed"),
    Case("1e400", ("POST", "/memories", metadata("1e400")), 422, "Number out of range"),
    Case("10^400", ("POST", "/memories", metadata(f"1{'0' * 400}")), 400, "metadata.n: the number is NaN, infinite or"),
    Case("10^5000", ("POST", "/memories", metadata(f"1{'0' * 5_000}")), 422, "Integer value out of range"),
    Case("ttl 10^400", ("POST", "/memories", ADD % f'"ttl": 1{"0" * 400}'), 422, "Number out of range"),
    Case("ttl 1e308", ("POST", "/memories", ADD % '"ttl": 1e308'), 400, "Invalid ttl: the number is NaN, infinite or"),
    Case("ttl 1e300", ("POST", "/memories", ADD % '"ttl": 1e300'), 400, "after the year 9999"),
    Case("ttl 'nan'", ("POST", "/memories", ADD % '"ttl": "nan"'), 400, "Invalid ttl: the number is NaN"),
    Case("timestamp 1e300", ("POST", "/memories", ADD % '"timestamp": -1e300'), 400, "is not an instant"),
    Case("timestamp NUL", ("POST", "/memories", ADD % '"timestamp": "\\u0000"'), 400, "is not an instant"),
    Case(
        "timestamp after the last day",
        ("POST", "/memories", ADD % '"timestamp": "9999-12-31T23:59:59-05:00"'),
        *(400, "Invalid timestamp"),
    ),
    Case(
        "timestamp before the first day",
        ("POST", "/memories", ADD % '"timestamp": "0001-01-01T00:00:00+05:00"'),
        *(400, "Invalid timestamp"),
    ),
    Case(
        "expires_at after the last day",
        ("POST", "/memories", ADD % '"metadata": {"expires_at": "9999-12-31T23:59:59-05:00"}'),
        *(400, "Invalid metadata.expires_at"),
    ),
    Case(
        "expires_at 10^300",
        ("POST", "/memories", ADD % f'"metadata": {{"expires_at": 1{"0" * 300}}}'),
        *(400, "Invalid metadata.expires_at"),
    ),
    # -- text
    Case("lone surrogate in a text", ("POST", "/memories", saying(SURROGATE)), 422, "JSON decode error"),
    Case("surrogates the wrong way", ("POST", "/memories", saying("\\udc00\\ud800")), 422, "JSON decode error"),
    Case("lone surrogate in an id", ("POST", "/memories", saying("x").replace('"u"', '"\\ud800"')), 422, "JSON decode"),
    Case("lone surrogate in metadata", ("POST", "/memories", metadata('"\\ud800"')), 422, "JSON decode error"),
    Case("lone surrogate in a query", ("POST", "/search", SEARCH.replace("kept", SURROGATE) % '"a": 1'), 422, "JSON"),
    Case("lone surrogate in a filter", ("POST", "/search", filtered('{"a": "\\ud800"}')), 422, "JSON decode error"),
    Case("NUL in a metadata key", ("POST", "/memories", ADD % '"metadata": {"a\\u0000": 1}'), 400, "NUL character"),
    Case("NUL in a filter key", ("POST", "/search", filtered('{"a\\u0000": 1}')), 400, "NUL character"),
    Case("blank text", ("PUT", "/memories/x", '{"text": " \\t"}'), 400, "text: cannot be empty or whitespace-only"),
    Case("text over 100,000", ("POST", "/memories", saying("x" * 100_001)), 400, "at most 100000 are allowed"),
    Case(
        "query over 100,000", ("POST", "/search", SEARCH.replace("kept", "x" * 100_001) % '"a": 1'), 400, "at most 100"
    ),
    # -- ids
    Case("no id", ("POST", "/memories", saying("x").replace("user_id", "nobody")), 400, "At least one identifier"),
    Case("NUL in an id", ("POST", "/memories", saying("x", agent_id="a\0")), 400, "cannot contain control characters"),
    Case("empty id", ("POST", "/memories", saying("x", run_id="")), 400, "Invalid run_id: cannot be empty"),
    Case("whitespace id", ("POST", "/memories", saying("x", run_id=" \t\n")), 400, "Invalid run_id: cannot be empty"),
    Case("id with a space", ("POST", "/memories", saying("x", run_id="a b")), 400, "cannot contain whitespace"),
    Case("id *", ("POST", "/memories", saying("x", agent_id="*")), 400, "'*' means any id"),
    Case("1 MB id", ("POST", "/memories", saying("x", agent_id="x" * 1_000_000)), 400, "at most 1000 are allowed"),
    Case("1 MB id in a search", ("POST", "/search", SEARCH % f'"run_id": "{"x" * 1_000_000}"'), 400, "at most 1000"),
    Case("NUL in a query's id", ("GET", "/memories?user_id=%00", None), 400, "cannot contain control characters"),
    Case("empty query id", ("GET", "/memories?user_id=", None), 400, "Invalid user_id: cannot be empty"),
    Case("whitespace query id", ("DELETE", "/memories?user_id=%20", None), 400, "Invalid user_id: cannot be empty"),
    Case("NUL in an entity", ("DELETE", "/entities/user/%00", None), 400, "cannot contain control characters"),
    Case("NUL in a path id", ("DELETE", "/memories/%00", None), 404, "not found"),
    Case("60 kB path id", ("DELETE", f"/memories/{'x' * 60_000}", None), 404, "not found"),
    Case("invalid percent-encoding", ("DELETE", "/memories/%zz%", None), 404, "not found"),
    Case("path id that is not UTF-8", ("DELETE", "/memories/%ff%fe", None), 404, "not found"),
    Case("surrogate in a path id", ("DELETE", "/memories/%ed%a0%80", None), 404, "not found"),
    # -- sizes and filters
    Case("search top_k -1", ("POST", "/search", SEARCH % '"top_k": -1'), 400, "Must be a whole number from 0 on"),
    Case("search top_k 1.5", ("POST", "/search", SEARCH % '"top_k": 1.5'), 422, "should be a valid integer"),
    Case("threshold 1e400", ("POST", "/search", SEARCH % '"threshold": 1e400'), 422, "Number out of range"),
    Case("threshold 10^400", ("POST", "/search", SEARCH % f'"threshold": 1{"0" * 400}'), 422, "Number out of range"),
    Case("threshold 'nan'", ("POST", "/search", SEARCH % '"threshold": "nan"'), 400, "Must be between 0 and 1"),
    Case("list top_k -1", ("GET", "/memories?top_k=-1", None), 422, "greater than or equal to 0"),
    Case("list top_k 10^9", ("GET", "/memories?top_k=1000000000", None), 422, "less than or equal to 1000"),
    Case("list top_k 10^5000", ("GET", f"/memories?top_k=1{'0' * 5_000}", None), 422, "Integer value out of range"),
    Case("list page 0", ("GET", "/memories?page=0", None), 422, "greater than or equal to 1"),
    Case("page and offset", ("GET", "/memories?page=1&offset=1", None), 400, "only one of page and offset"),
    Case("unknown operator", ("POST", "/search", filtered('{"a": {"near": 1}}')), 400, "Unsupported filter operator"),
    Case(
        "filter 51 deep", ("POST", "/search", filtered('{"NOT":' * 51 + '{"a": 1}' + "}" * 51)), 400, "50 levels deep"
    ),
    Case(
        "filter 1,000 deep", ("POST", "/search", filtered('{"NOT":' * 1_000 + "{}" + "}" * 1_000)), 400, "parsing the"
    ),
    Case(
        "filter of 1,001", ("POST", "/search", filtered(json.dumps({str(n): 1 for n in range(1_001)}))), 400, "1001 co"
    ),
    Case("filter 10^400", ("POST", "/search", filtered(f'{{"a": 1{"0" * 400}}}')), 400, "NaN, infinite or too large"),
    Case("filter date 10^30", ("POST", "/search", filtered(f'{{"created_at": 1{"0" * 30}}}')), 400, "not an instant"),
    Case("filter of lists", ("POST", "/search", filtered('{"a": [[1]]}')), 400, "'in' takes a string, number"),
    # -- queries
    Case("repeated id", ("GET", "/memories?user_id=alice&user_id=bob", None), 400, "user_id is given more than once"),
    Case("repeated id, delete", ("DELETE", "/memories?user_id=alice&user_id=bob", None), 400, "given more than once"),
    Case("repeated id, reset", ("POST", "/reset?user_id=alice&user_id=bob", None), 400, "given more than once"),
    Case("NaN as boolean", ("GET", "/memories?show_expired=NaN", None), 422, "should be a valid boolean"),
    # -- routes and methods
    Case("unknown route", ("GET", "/nowhere", None), 404, "Not Found"),
    Case("unknown route, OPTIONS", ("OPTIONS", "/nowhere", None), 404, "Not Found"),
    Case("trailing slash", ("GET", "/memories/", None), 307, "Ask again without the slash"),
    Case("double slash", ("GET", "/memories//x", None), 404, "Not Found"),
    Case("PATCH", ("PATCH", "/memories", None), 405, "Method Not Allowed"),
    Case("TRACE", ("TRACE", "/memories", None), 405, "Method Not Allowed"),
    Case("another protocol's method", ("PROPFIND", "/memories", None), 405, "Method Not Allowed"),
    Case("unknown kind of entity", ("DELETE", "/entities/team/x", None), 422, "'user', 'agent', 'run' or 'app'"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_bad_input_is_refused(client: httpx.Client, store: Memory, case: Case) -> None:
    """Each request gets its status and its words as ``detail``, stores and deletes nothing, and hurts no other."""
    add(client, "kept")
    before = list(exported(store))
    method, path, body = case.request
    answer = client.request(method, path, content=body, headers=None if body is None else JSON)
    assert (answer.status_code, case.detail in words(answer)) == (case.status, True), answer.text
    assert answer.headers["X-Request-ID"]
    assert ("Allow" in answer.headers) == (case.status == 405)
    assert len(answer.content) < 100_000
    assert list(exported(store)) == before
    assert client.get("/memories").json()["total"] == 1


ACCEPTED: list[tuple[str, tuple[str, str, Any], int]] = [
    ("search top_k 0", ("POST", "/search", SEARCH % '"top_k": 0'), 0),
    ("search top_k 10^9", ("POST", "/search", SEARCH % '"top_k": 1000000000'), 1),
    ("search top_k 10^400", ("POST", "/search", SEARCH % f'"top_k": 1{"0" * 400}'), 1),
    ("query NUL", ("POST", "/search", SEARCH.replace("kept", "\\u0000 kept") % '"a": 1'), 1),
    ("filter NUL", ("POST", "/search", filtered('{"a": "\\u0000"}')), 0),
    ("filter 10^30", ("POST", "/search", filtered(f'{{"a": 1{"0" * 30}}}')), 0),
    ("filter of 50,000 values", ("POST", "/search", filtered(json.dumps({"a": {"in": list(range(50_000))}}))), 0),
    ("filter key of 100,000 characters", ("POST", "/search", filtered(json.dumps({"a." * 50_000: 1}))), 0),
    ("filter key of SQL", ("POST", "/search", filtered(json.dumps({"\"a').$[0]; DROP TABLE memory; --": 1}))), 0),
    ("list top_k 0", ("GET", "/memories?top_k=0", None), 0),
    ("list offset 10^400", ("GET", f"/memories?offset=1{'0' * 400}", None), 0),
    ("list page 10^400", ("GET", f"/memories?page=1{'0' * 400}", None), 0),
    ("repeated top_k: the last counts", ("GET", "/memories?top_k=0&top_k=1", None), 1),
    ("6,000 unknown parameters", ("GET", f"/memories?{'&'.join(f'p{n}=1' for n in range(6_000))}", None), 1),
    ("3,000 tags", ("GET", f"/memories?{'&'.join(f'domain_tags={n}' for n in range(3_000))}", None), 0),
    ("query id that is not UTF-8", ("GET", "/memories?user_id=%ff", None), 0),
    ("query id with half an escape", ("GET", "/memories?user_id=%", None), 0),
]


@pytest.mark.parametrize(("request_", "found"), [case[1:] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_odd_input_that_means_something_is_answered(
    client: httpx.Client, request_: tuple[str, str, Any], found: int
) -> None:
    """What is unusual but unambiguous is done as it says, with the usual shape of answer."""
    add(client, "kept")
    method, path, body = request_
    answer = client.request(method, path, content=body, headers=None if body is None else JSON)
    assert (answer.status_code, len(answer.json()["results"])) == (200, found)


@pytest.mark.parametrize("path", ["%00", "%zz%", "%ff%fe", "%ed%a0%80", "x" * 60_000, "%F0%9F%98%80", "*", "a:b@c"])
def test_odd_path_ids_are_unknown_ids(client: httpx.Client, path: str) -> None:
    """An id no memory has is answered null, its history is empty, and changing it is 404."""
    assert client.get(f"/memories/{path}").json() is None
    assert client.get(f"/memories/{path}/history").json() == []
    assert client.put(f"/memories/{path}", json={"text": "x"}).status_code == 404


NUMBERS = ["1" + "0" * 30, "-1" + "0" * 30, str(2**63), str(2**64), str(-(2**63) - 1), "1" + "0" * 300, "1e30", "-0.0"]


@pytest.mark.parametrize("number", NUMBERS)
def test_large_numbers_survive(client: httpx.Client, number: str) -> None:
    """A number in metadata comes back digit for digit, beyond 64 bits too: changed silently is none."""
    body = metadata(number)
    memory_id = client.post("/memories", content=body, headers=JSON).json()["results"][0]["id"]
    sent, got = json.loads(body)["metadata"]["n"], client.get(f"/memories/{memory_id}").json()["metadata"]["n"]
    assert (type(got), repr(got)) == (type(sent), repr(sent))


@pytest.mark.parametrize("text", ["a\0needle", "\0", "\u202e needle", "\ufeffneedle", "😀" * 50_000, "x" * 100_000])
def test_odd_text_survives(client: httpx.Client, text: str) -> None:
    """Text with NUL, invisible or astral characters, up to the limit, comes back as it was sent, and is found."""
    memory_id = add(client, text, metadata={"copy": text})
    item = client.get(f"/memories/{memory_id}").json()
    assert (item["memory"], item["metadata"]["copy"]) == (text, text)
    body = {"query": "needle", "user_id": "alice", "filters": {"memory": {"contains": text[-6:]}}, "threshold": 0}
    assert [found["id"] for found in client.post("/search", json=body).json()["results"]] == [memory_id]


def test_the_last_day_is_an_expiration_date(client: httpx.Client) -> None:
    """9999-12-31, which many write for never, can be stored and read."""
    memory_id = add(client, "kept", expiration_date="9999-12-31")
    item = client.get(f"/memories/{memory_id}").json()
    assert (item["expiration_date"], item["expires_at"]) == ("9999-12-31", "9999-12-31T23:59:59.999999+00:00")
    assert client.get("/memories").json()["total"] == 1


# -- the limit of a body


@pytest.fixture(scope="module")
def small() -> Iterator[httpx.Client]:
    """A client of a server that reads bodies of up to 200 bytes."""
    settings = Settings(vacuum_interval_seconds=0, max_body_bytes=200)
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        yield client


def chunks(body: bytes) -> Iterator[bytes]:
    """Yield a body bytewise, which sends it chunked and without its length."""
    yield from (body[place : place + 1] for place in range(len(body)))


@pytest.mark.parametrize("path", ["/memories", "/search", "/reset", "/configure"])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_over_the_limit_is_refused(small: httpx.Client, path: str, chunked: bool) -> None:
    """One byte more than the limit is 413, told by Content-Length or counted; the limit itself is read."""
    for size, status in ((201, 413), (200, 422)):
        body = b"[" + b" " * (size - 2) + b"]"
        answer = small.post(path, content=chunks(body) if chunked else body, headers=JSON)
        assert answer.status_code == status, answer.text
        if status == 413:
            assert answer.json() == {"detail": "Request Entity Too Large"}
        assert answer.headers["X-Request-ID"]


MUCH = 3 * 2**20
LENGTH = f"Content-Length: {MUCH}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("close", ["", "Connection: close\r\n"])
@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("POST /memories", LENGTH, 413),
        ("POST /memories", CHUNKED, 413),
        ("POST /memories", f"{LENGTH}Expect: 100-continue\r\n", 413),
        ("POST /reset", f"{LENGTH}Host: evil.example\r\n", 421),
        ("POST /memories", f"{LENGTH}Origin: https://evil.example\r\n", 403),
        ("POST /nowhere", LENGTH, 404),
        ("PATCH /memories", LENGTH, 405),
        ("POST /memories/x/", LENGTH, 405),
        ("PUT /memories/x/", CHUNKED, 307),
    ],
)
def test_who_goes_on_sending_gets_the_answer(
    guarded: httpx.Client, request_line: str, headers: str, status: int, close: str
) -> None:
    """A client that sends all of its 3 MB before it reads, or reads first, gets the answer and no reset connection."""
    host = "" if "Host:" in headers else "Host: localhost\r\n"
    head = f"{request_line} HTTP/1.1\r\n{host}Content-Type: application/json\r\n{headers}{close}\r\n"
    piece = b"x" * 2**16
    with socket.create_connection((guarded.base_url.host, guarded.base_url.port or 0)) as connection:
        connection.sendall(head.encode())
        answer = b""
        for number in range(MUCH // len(piece)):
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if CHUNKED in headers else piece)
            if number == 0:
                answer = connection.recv(10_000)  # so that the server is done with it before the rest is sent
        if CHUNKED in headers:
            connection.sendall(b"0\r\n\r\n")
        while more := connection.recv(10_000):
            answer += more
    first, _, body = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status), first
    assert b"\r\nconnection: close" in first.lower()
    assert json.loads(body).keys() == {"detail"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[httpx.Client]:
    """A client of a server without keys, as ``mem0lite serve`` sets it up, that reads bodies of up to 200 bytes."""
    settings = Settings(vacuum_interval_seconds=0, max_body_bytes=200, loopback_only=True)
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        yield client


def test_what_is_read_on_is_bounded(guarded: httpx.Client) -> None:
    """Who never stops sending is not read for ever."""
    piece = b"x" * 2**20
    head = f"POST /memories HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**40}\r\n\r\n"
    with socket.create_connection((guarded.base_url.host, guarded.base_url.port or 0)) as connection:
        connection.sendall(head.encode())
        with pytest.raises(ConnectionError):
            for _ in range(1_000):
                connection.sendall(piece)


def test_length_is_not_believed_for_reading(small: httpx.Client) -> None:
    """A claim of a huge body is refused before a byte of it is sent."""
    with socket.create_connection((small.base_url.host, small.base_url.port or 0)) as connection:
        connection.sendall(
            b"POST /memories HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000000000000\r\n\r\n"
        )
        assert connection.recv(1_000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /memories/" + b"x" * 200_000 + b" HTTP/1.1",
        b"GET /memories/\xff\xfe HTTP/1.1",
        b"GET /memories/a b HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01",
        b"POST /memories HTTP/1.1\r\nContent-Length: -1",
        b"POST /memories HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
        b"POST /memories HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    ],
)
def test_what_is_not_http_is_refused(client: httpx.Client, request_line: bytes) -> None:
    """What breaks the protocol is 400 by uvicorn itself, and the next connection is served."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
        connection.sendall(request_line + b"\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 400 ")
    assert client.get("/health/ready").status_code == 200


# -- methods


@pytest.mark.parametrize(
    ("path", "status"), [("/memories", 200), ("/search", 405), ("/health/live", 200), ("/openapi.json", 200)]
)
def test_head_is_get_without_a_body(client: httpx.Client, path: str, status: int) -> None:
    """HEAD is allowed wherever GET is, and elsewhere answered with the methods there are."""
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (status, b"")
    assert status == 200 or "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/memories", {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}),
        ("/memories/x", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
        ("/search", {"POST", "OPTIONS"}),
    ],
)
def test_methods_are_named(client: httpx.Client, path: str, methods: set[str]) -> None:
    """OPTIONS, and a 405, name every method of a path."""
    for method, status in (("OPTIONS", 204), ("PATCH", 405)):
        answer = client.request(method, path)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (status, methods)


# -- what the tests share


def words(answer: httpx.Response) -> str:
    """Return the ``detail`` of an answer as one text; of each problem of a list, its message and its cause."""
    detail = answer.json()["detail"]
    if isinstance(detail, str):
        return detail
    assert all({"loc", "msg", "type"} <= problem.keys() for problem in detail)
    return " ".join(f"{problem['msg']} {problem.get('ctx', {}).get('error', '')}" for problem in detail)


def exported(memory: Memory) -> list[str]:
    """Return everything a store holds, as lines."""

    class Lines(list[str]):
        write = list.append

    lines = Lines()
    memory.export(lines, show_expired=True)  # type: ignore[arg-type]
    return lines


@pytest.mark.parametrize("value", ["no", "false", "", b"", 2, 0.5, [], {}])
def test_a_switch_is_true_or_false(memory, value):
    """What is neither yes nor no is refused by the argument's name, as the text "no" would count as true."""
    calls = {
        "infer": lambda: memory.add("tea", user_id="u", infer=value),
        "show_expired": lambda: memory.get_all(user_id="u", show_expired=value),
        "explain": lambda: memory.search("tea", user_id="u", explain=value),
        "rerank": lambda: memory.search("tea", user_id="u", rerank=value),
    }
    for field, call in calls.items():
        with pytest.raises(ValidationError, match=f"Invalid {field}: .*True or False"):
            call()
    assert memory.get_all(user_id="u")["total"] == 0


def test_zero_and_one_are_switches(memory):
    """0 is no and 1 is yes, as everywhere in Python, and None is the default."""
    for infer in (0, None):
        memory.add("tea", user_id="u", infer=infer)
        memory.add("tea", user_id="u", infer=infer)
    assert memory.get_all(user_id="u", show_expired=0)["total"] == 2
    assert "score_details" in memory.search("tea", user_id="u", explain=1, rerank=0)["results"][0]


@pytest.mark.parametrize("value", ["no", "yes", "", "x", 2, [], 0.5], ids=repr)
@pytest.mark.parametrize("name", ["repair", "dry_run", "allow_private", "allow_private of deliver"])
def test_switches_of_verbs(name: str, value: Any) -> None:
    """A switch is True or False: any other value is refused, because Python takes most for true."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        calls = {
            "repair": lambda: memory.check(repair=value),
            "dry_run": lambda: memory.reindex_graph(dry_run=value),
            "allow_private": lambda: memory.create_webhook("http://127.0.0.1/", allow_private=value),
            "allow_private of deliver": lambda: memory.deliver_webhooks(allow_private=value),
        }
        with pytest.raises(ValidationError, match=rf"^Invalid {name.split()[0]}: .* Must be True or False\.$"):
            calls[name]()


@pytest.mark.parametrize("name", ["read_only", "checksums"])
def test_switches_of_the_constructor(name: str) -> None:
    """A switch of the constructor is True or False, too."""
    with pytest.raises(ConfigurationError, match=rf"^Invalid {name}: 'no'\. Must be True or False"):
        Memory(":memory:", embedder=HashEmbedder(), **{name: "no"})


@pytest.mark.parametrize("name", ["replace", "checksums"])
def test_switches_of_restore(tmp_path: Path, name: str) -> None:
    """A store is not replaced because somebody wrote ``replace="no"``."""
    kept, backup = tmp_path / "kept.db", tmp_path / "backup.db"
    for path in (kept, backup):
        with Memory(path, embedder=HashEmbedder()) as memory:
            memory.add(path.name, user_id="u")
    with pytest.raises(ValidationError, match=f"^Invalid {name}: 'no'"):
        Memory.restore(backup, kept, **{name: "no"})
    with pytest.raises(DatabaseError, match=r"Give a new path, or pass replace=True\.$"):
        Memory.restore(backup, kept)
    with Memory(kept, embedder=HashEmbedder()) as memory:
        assert [one["memory"] for one in memory.get_all(user_id="u")["results"]] == ["kept.db"]


@pytest.mark.parametrize("value", [3, "text", b"bytes", {"memory_id": "x"}, None], ids=repr)
@pytest.mark.parametrize("verb", ["add_many", "update_many", "delete_many"])
def test_many_takes_a_list(verb: str, value: Any) -> None:
    """What is no list of items is refused by the argument's name."""
    with (
        Memory(":memory:", embedder=HashEmbedder()) as memory,
        pytest.raises(ValidationError, match=rf"^Invalid (items|memory_ids): must be .*, got {type(value).__name__}\."),
    ):
        getattr(memory, verb)(value)


def test_messages_name_what_to_do() -> None:
    """A message says only what was given and what exists, and its suggestion is in whole sentences."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        with pytest.raises(ValidationError, match=r"^Give at least one of user_id, agent_id, run_id or app_id\.$"):
            memory.erase()
        with pytest.raises(ValidationError, match=r"'\*' cannot be an id\. Leave all ids out to remove"):
            memory.reset(user_id="*")
        with pytest.raises(MemoryNotFoundError) as unknown:
            memory.delete("x")
        assert f"{str(unknown.value).rstrip('.')}. get_all() lists" in unknown.value.suggestion
        with pytest.raises(ValidationError, match=r"Must be json, mermaid or graphml\.$"):
            memory.graph(user_id="u", format="svg")  # type: ignore[call-overload]
