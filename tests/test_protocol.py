"""How ``mem0lite serve`` reads HTTP where httptools is installed: as it does with h11, which uvicorn has otherwise."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from test_cli import environment

pytest.importorskip("httptools", reason="the server reads with h11 where httptools is not installed")

BODY = json.dumps({"query": "tea", "user_id": "alice", "metadata": "\nUpgrade: no\r\n"}).encode()
HEADERS = [b"Host: localhost", b"Content-Type: application/json", b"Content-Length: %d" % len(BODY)]
H2C = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ"]


def request(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


SEARCH = request(b"POST /search HTTP/1.1", *HEADERS, body=BODY)
SEARCH_H2C = request(b"POST /search HTTP/1.1", *HEADERS, *H2C, body=BODY)
PING = request(b"GET /health/live HTTP/1.1", b"Host: localhost")
PING_H2C = request(b"GET /health/live HTTP/1.1", b"Host: localhost", *H2C)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address of a server as the command runs it."""
    script = Path(__file__).with_name("serving_process.py")
    process = subprocess.Popen(
        [sys.executable, script, tmp_path_factory.mktemp("served") / "a.db"],
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stderr
    try:
        found = re.search(r"http://([\d.]+):(\d+)", process.stderr.readline())
        assert found
        yield found[1], int(found[2])
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        ([SEARCH], [200]),
        ([SEARCH_H2C], [200]),
        ([SEARCH_H2C, SEARCH, PING_H2C, PING], [200] * 4),
        ([PING, PING_H2C], [200] * 2),
        ([PING_H2C, SEARCH_H2C], [200] * 2),
        ([SEARCH, PING, SEARCH], [200] * 3),
    ],
    ids=["a body", "a body and an upgrade", "one connection", "a late upgrade", "two upgrades", "no upgrade"],
)  # fmt: skip
@pytest.mark.parametrize("pieces", [1, 2, 7, 60])
def test_requests_are_read_whole(
    address: tuple[str, int], sent: Sequence[bytes], statuses: Sequence[int], pieces: int
) -> None:
    """Each request is answered, with its body, in however many pieces it comes, and if it asks for HTTP/2 besides."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as stream:
            found = [exchanged(connection, cast("BinaryIO", stream), one, pieces) for one in sent]
    assert found == statuses


def exchanged(connection: socket.socket, stream: BinaryIO, sent: bytes, pieces: int) -> int:
    size = max(1, len(sent) // pieces)
    for start in range(0, len(sent), size):
        connection.sendall(sent[start : start + size])
    return answered(stream)


def answered(stream: BinaryIO) -> int:
    status = int(stream.readline().split()[1])
    headers = dict(line.lower().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    stream.read(int(headers[b"content-length"]))
    return status


@pytest.mark.parametrize(
    "sent",
    [
        request(b"GET /health/live HTTP/1.1", b"Host: localhost", b"X: " + b"a" * 70_000),
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000,
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000,
        b"GET /" + b"a" * 300_000,
        PING + b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 300_000,
    ],
    ids=["one line", "a line without an end", "lines without an end", "a path without an end", "behind another"],
)
def test_headers_have_a_limit(address: tuple[str, int], sent: bytes) -> None:
    """Headers that are too large, or that never end, are refused, and the connection ends: they would fill memory."""
    said = b""
    with suppress(ConnectionResetError, BrokenPipeError), socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
        while part := connection.recv(65_536):
            said += part
    # A connection that is reset may lose what was answered.
    assert re.findall(rb"HTTP/1.1 (\d+)", said) in ([], [b"400"], [b"200"], [b"200", b"400"])
    assert b"200" not in said or sent.startswith(PING)
