"""What is secret stays so: keys, webhooks' secrets and addresses, passwords in URLs, and in logs the memories too.

A real server logs everything at its most talkative, while it is asked well and badly; then every byte that it wrote or
answered is searched. The others are the errors, warnings, logs and representations of the library and the command line.
"""

import base64
import hashlib
import json
import logging
import re
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from embedder import HashEmbedder
from test_cli import Run, environment, run
from test_webhooks import Receiver, status

from mem0lite import AsyncMemory, Mem0LiteError, Memory
from mem0lite.cli.options import Options
from mem0lite.server import ApiKey, Settings, create_app

run = run  # the fixture

ADMIN, SECOND, PINNED = "adm-7f31c9-key", "adm-51aa02-key", "pin-e08b44-key"
WRONG = "wrong-c4d1e2-key"
SIGNING = "whsec_" + base64.b64encode(b"the receiver's signing bytes 93").decode()
GIVEN = "whsec_" + base64.b64encode(b"never accepted as it is too short"[:9]).decode()
TOKEN = "hook-token-19b7f5"
PASSWORD = "pass-d2c80e-word"
TEXT = "confession-5e77a1"
KEYS = (ADMIN, SECOND, PINNED, WRONG)
SECRETS = (*KEYS, SIGNING, GIVEN, TOKEN, PASSWORD)

Handler = BaseHTTPRequestHandler


def forms(secret: str) -> set[str]:
    """Return a secret as it is, and as it may be written: quoted, in base64, as its digest, or without its prefix."""
    raw = secret.removeprefix("whsec_")
    digest = hashlib.sha256(secret.encode())
    encoded = [base64.b64encode(text.encode()).decode() for text in (raw, f"someone:{raw}")]
    return {raw, quote(raw, safe=""), *encoded, digest.hexdigest(), repr(digest.digest())}


def found(text: str, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """Return those of the secrets that a text holds in any form."""
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_found_in_each_form(secret: str) -> None:
    """The search that all tests of this file rely on sees a secret plain, quoted, in base64, and as its digest."""
    for form in forms(secret):
        assert found(f"before {form} after") == [secret]
    assert found("nothing to see") == []


# -- the server


@dataclass
class Driven:
    """A server that was asked for all sorts of things: what it answered, what it wrote, and what it left."""

    url: str
    client: httpx.Client
    answers: list[tuple[str, str, str]] = field(default_factory=list)
    """Each request's first line, its kind of answer, and what was answered."""
    written: str = ""
    exported: str = ""
    file: bytes = b""

    def ask(self, method: str, path: str, key: str | None = ADMIN, **arguments: Any) -> httpx.Response:
        headers = {**({"X-API-Key": key} if key else {}), **arguments.pop("headers", {})}
        answer = self.client.request(method, self.url + path, headers=headers, **arguments)
        self.answers.append((f"{method} {path}", str(answer.status_code), f"{answer.headers} {answer.text}"))
        return answer

    def send(self, request: bytes) -> None:
        """Send bytes that may not be HTTP."""
        address = httpx.URL(self.url)
        with socket.create_connection((address.host, address.port or 0), timeout=30) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        self.answers.append(("", answer[9:12].decode(), answer.decode("utf-8", "replace")))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as opened:
        yield opened


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory, client: httpx.Client) -> Driven:
    folder = tmp_path_factory.mktemp("secrets")
    db, output = folder / "served.db", folder / "output.txt"
    variables = {
        "MEM0LITE_API_KEYS": f"{ADMIN},{PINNED}:alice",
        "ADMIN_API_KEY": SECOND,
        "MEM0LITE_ACCESS_LOG": "1",
        "MEM0LITE_WEBHOOK_ALLOW_PRIVATE": "1",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONUNBUFFERED": "1",
    }
    arguments = [sys.executable, str(Path(__file__).with_name("logging_process.py")), str(db)]
    receiver = Receiver()
    with output.open("wb") as file:
        process = subprocess.Popen(
            arguments, stdout=file, stderr=subprocess.STDOUT, env=environment(**variables), bufsize=0
        )
    try:
        server = Driven(announced(process, output), client)
        ask_for_memories(server)
        ask_in_wrong_places(server)
        ask_malformed(server)
        ask_for_failures(server)
        ask_for_webhooks(server, receiver)
        for path in ("/configure", "/metrics", "/openapi.json", "/docs", "/entities", "/v1/entities/", "/v1/events/"):
            server.ask("GET", path)
        server.ask("POST", "/configure", json={"vacuum_interval_seconds": 5, "api_key": ADMIN})
    finally:
        process.terminate()
        process.wait(60)
        receiver.close()
    server.written = output.read_text()
    with Memory(db, embedder=HashEmbedder()) as memory:
        memory.export(folder / "export.jsonl")
    server.exported, server.file = (folder / "export.jsonl").read_text(), db.read_bytes()
    return server


def announced(process: "subprocess.Popen[bytes]", output: Path) -> str:
    """Return the address that a server says it is at."""
    while process.poll() is None:
        if address := re.search(r" at (http://\S+)", output.read_text()):
            return address[1]
    raise AssertionError(output.read_text())


def body(text: str = TEXT, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "user_id": "alice", **fields}


def ask_for_memories(server: Driven) -> None:
    for key in KEYS:
        added = server.ask("POST", "/memories", key, json=body(metadata={"note": f"{TEXT} too"}))
        for method, path, content in (
            ("POST", "/search", {"query": TEXT, "user_id": "alice"}),
            ("GET", "/memories?user_id=alice", None),
            ("POST", "/v3/memories/", {"filters": {"user_id": "alice"}}),
            ("GET", "/configure", None),
        ):
            server.ask(method, path, key, json=content)
        for scheme in ("Bearer", "Token", "Basic", "Digest"):
            server.ask("GET", "/memories", None, headers={"Authorization": f"{scheme} {key}"})
    assert added.status_code == 401
    memory_id = server.ask("POST", "/memories", json=body(infer=False)).json()["results"][0]["id"]
    server.ask("PUT", f"/memories/{memory_id}", json={"text": f"{TEXT} again"})
    server.ask("GET", f"/memories/{memory_id}/history")


def ask_in_wrong_places(server: Driven) -> None:
    for key in KEYS:
        for shown in (key, None):
            server.ask("GET", f"/memories?api_key={key}&user_id=alice", shown)
            server.ask("GET", f"/memories/{key}", shown)
            server.ask("PUT", f"/memories/{key}", shown, json={"text": TEXT})
            server.ask("GET", f"/{key}", shown)
            server.ask("GET", f"/v1/{key}/memories/{key}/?token={key}", shown)
            server.ask("PATCH", f"/memories/{key}", shown)
            server.ask("OPTIONS", f"/entities/user/{key}", shown)
            for content in (
                {"api_key": key, "user_id": "alice"},
                {"messages": 7, "Authorization": f"Bearer {key}", "user_id": "alice"},
                {"messages": [{"role": "user", "token": key}], "user_id": "alice"},
                [{"secret": [key, {"deeper": key}]}],
                {"messages": TEXT, "user_id": "alice", "metadata": {"a": 1}, "timestamp": {"password": key}},
            ):
                server.ask("POST", "/memories", shown, json=content)
                server.ask("POST", "/v3/memories/add/", shown, json=content)
        server.ask("GET", "/memories", None, headers={"Cookie": f"api_key={key}", "X-Request-ID": "a b"})


def ask_malformed(server: Driven) -> None:
    head = f"POST /memories HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN}\r\nContent-Type: application/json\r\n".encode()
    text = TEXT.encode()
    for request in (
        f"GET /memories?api_key={ADMIN} HTTP/9.9\r\n\r\n".encode(),
        f"GET /{ADMIN} {ADMIN} HTTP/1.1\r\n\r\n".encode(),
        f"{ADMIN}\r\n\r\n".encode(),
        f"GET /memories HTTP/1.1\r\nHost: x\r\nX-API-Key {ADMIN}\r\n\r\n".encode(),
        f"GET /memories HTTP/1.1\r\nHost: x:99999\r\nX-API-Key: {ADMIN}\r\nX-API-Key: {WRONG}\r\n\r\n".encode(),
        f"GET /memories HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN}{'x' * 100_000}\r\n\r\n".encode(),
        f"GET http://user:{PASSWORD}@x/memories HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        head + b'Content-Length: 40\r\n\r\n{"messages": "' + text,
        head + b"Content-Length: -1\r\n\r\n" + text,
        head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + text,
        head + b"Content-Length: 30\r\n\r\n" + text.ljust(30),
        head + b"Content-Length: 30\r\n\r\n" + b"\xff\xfe" + text.ljust(28),
        head + b"Content-Length: 9000000\r\n\r\n" + text,
    ):
        server.send(request)


def ask_for_failures(server: Driven) -> None:
    for how, expected in (("CRASH", 500), ("DISK", 507), ("NONSENSE", 500)):
        assert server.ask("POST", "/memories", json=body(f"{TEXT} {how}")).status_code == expected
        assert server.ask("POST", "/v3/memories/add/", json=body(f"{TEXT} {how}")).status_code == expected


def ask_for_webhooks(server: Driven, receiver: Receiver) -> None:
    """Make webhooks that fail in each way, and have changes sent to them."""
    path = "/api/v1/webhooks/projects/default/"
    secret_url = f"{receiver.url}&token={TOKEN}"
    plain = f"http://127.0.0.1:{free_port()}/{TOKEN}"
    for content in (
        {"url": f"http://user:{PASSWORD}@127.0.0.1/{TOKEN}"},
        {"url": f"ftp://127.0.0.1/{TOKEN}", "secret": SIGNING},
        {"url": secret_url, "secret": GIVEN},
        {"url": secret_url, "secret": [SIGNING]},
        {"secret": SIGNING, "event_types": [TOKEN]},
        {"url": [secret_url], "secret": SIGNING},
    ):
        answer = server.ask("POST", path, json=content)
        assert answer.status_code in (400, 422), answer.text
        assert not found(answer.text, (SIGNING, GIVEN, PASSWORD)), answer.text
    receiver.answers.extend([status(500), status(302, Location="http://127.0.0.1/elsewhere"), close])
    server.ask("POST", path, json={"url": secret_url, "secret": SIGNING})
    for url in (plain, receiver.url.replace("http://", "https://") + f"&token={TOKEN}"):
        server.ask("POST", path, json={"url": url, "secret": SIGNING})
    server.ask("POST", "/memories", json=body(f"{TEXT} for the webhooks"))
    assert TEXT in receiver.next().text
    listed = server.ask("GET", path).json()
    while not all(webhook["last_error"] for webhook in listed):
        listed = server.client.get(server.url + path, headers={"X-API-Key": ADMIN}).json()
    assert not found(json.dumps([{**webhook, "url": ""} for webhook in listed]))
    webhook_id = listed[0]["webhook_id"]
    server.ask("PUT", f"/api/v1/webhooks/{webhook_id}/", json={"url": f"http://someone:{PASSWORD}@x/"})
    server.ask("PUT", f"/api/v1/webhooks/{webhook_id}/", json={"name": "other", "secret": SIGNING})


def close(handler: Handler) -> None:
    handler.close_connection = True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_logs_hold_no_secret_and_no_memory(driven: Driven) -> None:
    """Whatever is asked, sent or fails, neither a key, a webhook's secret or address, nor a memory's text is logged."""
    for talk in (
        "DEBUG:",
        "/v1/*/memories/*",
        '"status": 401',
        "the model is broken",
        "did not take change",
        "Invalid HTTP",
    ):
        assert talk in driven.written, "the log that is searched is not the talkative one"
    lines = [line for line in driven.written.splitlines() if found(line, (*SECRETS, TEXT))]
    assert not lines, lines[:3]


def test_answers_hold_no_secret(driven: Driven) -> None:
    """No answer holds a key; a webhook's secret is in the answer that makes it, its address in those about webhooks."""
    statuses = {kind for _, kind, _ in driven.answers}
    assert {"200", "400", "401", "403", "404", "405", "413", "422", "500", "507"} <= statuses
    for line, kind, answer in driven.answers:
        shown = [secret for secret in found(answer) if secret not in line]
        if line.startswith(("POST /api/v1/webhooks/", "GET /api/v1/webhooks/", "PUT /api/v1/webhooks/")):
            allowed = {TOKEN, SIGNING} if line.startswith("POST") and kind == "200" else {TOKEN}
            shown = [secret for secret in shown if secret not in allowed]
        assert not shown, (line, kind, answer)


def test_files_hold_no_key(driven: Driven) -> None:
    """Exported lines hold nothing of keys and webhooks, and the store itself no key."""
    assert TEXT in driven.exported
    assert not found(driven.exported)
    assert TEXT.encode() in driven.file
    assert not found(driven.file.decode("latin-1"), KEYS)


# -- the library


@contextmanager
def answering(answer: Callable[[Handler], None]) -> Iterator[str]:
    """A server on loopback that answers every request in one way; yields its host and port."""

    class Answer(Handler):
        def do_GET(self) -> None:  # noqa: N802 (the standard library's name)
            answer(self)

        def do_POST(self) -> None:  # noqa: N802
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def echo(code: int) -> Callable[[Handler], None]:
    """Return an answer that repeats what it was shown, as some servers do."""

    def answer(handler: Handler) -> None:
        if handler.path.startswith("/v1/ping") and code != 401:
            content = json.dumps({"status": "ok"}).encode()
            handler.send_response(200)
        else:
            shown = [value for name, value in handler.headers.items() if name in ("X-API-Key", "Authorization")]
            shown += [PASSWORD for value in shown if "Basic" in value]
            content = json.dumps({"detail": f"Incorrect API key provided: {shown}"}).encode()
            handler.send_response(code)
            handler.send_header("Location", f"http://127.0.0.1/{WRONG}/login?password={PASSWORD}")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def told(error: BaseException) -> str:
    """Return all that can be read of an exception."""
    return f"{error!s} {error!r} {vars(error)} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize("code", [302, 401, 403, 500])
@pytest.mark.parametrize("user", ["", f"someone:{PASSWORD}@"])
def test_a_mem0_s_key_is_not_repeated(memory: Memory, caplog: pytest.LogCaptureFixture, code: int, user: str) -> None:
    """The key and the password that a mem0 server is shown are in no log and no error, even if the server repeats
    them."""
    with answering(echo(code)) as address, caplog.at_level(logging.DEBUG), pytest.raises(Mem0LiteError) as caught:
        memory.import_from_mem0(f"http://{user}{address}/", api_key=WRONG)
    # Beside what it does, httpcore logs what servers send.
    logged = "".join(one.getMessage() for one in caplog.records if not one.name.startswith("httpcore"))
    assert f"http://{address}/v1/ping/" in logged
    assert not found(logged)
    assert not found(told(caught.value))


@pytest.mark.parametrize("url", ["http://u:{}@127.0.0.1:1", "http://u:{}@[::", "http://u:{}/x@y:1", "ftp://u:{}@host/"])
def test_a_url_that_cannot_be_used_is_not_repeated(memory: Memory, url: str) -> None:
    """An error about a URL names no password in it, not even where the URL makes no sense because of the password."""
    with pytest.raises(Mem0LiteError) as caught:
        memory.import_from_mem0(url.format(PASSWORD))
    assert not found(told(caught.value))


def test_webhooks_that_fail_keep_their_secrets(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """Where delivering fails, no log, outcome or state of a webhook has its secret, and none but the URL its token."""
    with answering(close) as address, caplog.at_level(logging.DEBUG):
        for scheme, where in (("http", address), ("https", address), ("http", f"127.0.0.1:{free_port()}")):
            url = f"{scheme}://{where}/{TOKEN}?token={TOKEN}"
            memory.create_webhook(url, secret=SIGNING, allow_private=True)
        memory.add(TEXT, user_id="u")
        outcome = memory.deliver_webhooks(allow_private=True)
        assert outcome["delivered"] == 0
        memory.deliver_webhooks()  # which refuses private addresses
    states = [{**webhook, "url": ""} for webhook in memory.get_webhooks()]
    assert [state["attempts"] for state in states] == [1, 1, 1]
    logged = "".join(one.getMessage() for one in caplog.records)
    assert "did not take change" in logged
    assert not found(f"{logged} {outcome} {states}", (*SECRETS, TEXT))


def test_representations_and_errors_hold_no_secret(memory: Memory) -> None:
    """What a debugger, a log or a traceback shows of our objects and errors has no secret in it."""
    settings = Settings(api_keys=(ApiKey(ADMIN), ApiKey(PINNED, "alice")))
    app = create_app(memory, settings)
    shown = [repr(one) for one in (memory, AsyncMemory(memory), settings, *settings.api_keys, app, app.backend)]
    shown.append(repr(Options(api_key=ADMIN)))
    for arguments in (
        {"url": f"https://u:{PASSWORD}@example.com/{TOKEN}"},
        {"url": f"file:///{TOKEN}"},
        {"url": f"http://127.0.0.1/{TOKEN}", "secret": SIGNING},
        {"url": "https://8.8.8.8/", "secret": GIVEN},
        {"url": "https://8.8.8.8/", "secret": SIGNING, "event_types": ["none"]},
    ):
        with pytest.raises(Mem0LiteError) as caught:
            memory.create_webhook(**arguments)  # type: ignore[arg-type]
        shown.append(told(caught.value))
    assert not found(" ".join(shown))


def test_a_configuration_s_keys_are_not_repeated(tmp_path: Path) -> None:
    """A configuration of mem0 names its keys; the warning about what has no effect names their places only."""
    config = {
        "llm": {"provider": "openai", "config": {"api_key": ADMIN}},
        "embedder": {"provider": "openai", "config": {"api_key": SECOND}},
        "vector_store": {"provider": "pgvector", "config": {"password": PASSWORD, "path": str(tmp_path / "a")}},
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Memory.from_config(config).close()
    assert caught
    assert not found(" ".join(str(one.message) for one in caught))


# -- the command line


def test_the_command_line_repeats_no_secret(run: Run, tmp_path: Path) -> None:
    """Neither results nor errors of a command hold the key or the password it was given, nor its usage errors."""
    closed = f"127.0.0.1:{free_port()}"
    with answering(echo(401)) as address:
        for arguments, variables in (
            (["list", "--url", f"http://someone:{PASSWORD}@{address}", "--api-key", WRONG], {}),
            (["list", "--url", f"http://someone:{PASSWORD}@{closed}?token={TOKEN}"], {"MEM0LITE_API_KEY": ADMIN}),
            (["list", "--url", f"u:{PASSWORD}@{address}"], {"MEM0LITE_API_KEY": ADMIN}),
            (["list", "--url", f"http://someone:{PASSWORD}/@{address}", "--json"], {}),
            (["stats", "--url", f"http://someone:{PASSWORD}@{address}", "--api-key", ADMIN], {}),
            (["import", "--from-mem0", f"http://someone:{PASSWORD}@{closed}", "--api-key", WRONG], {}),
            (["import", "--from-mem0", f"http://someone:{PASSWORD}@{address}"], {"MEM0_API_KEY": WRONG}),
            (["import", "--from-mem0", str(tmp_path), "--api-key", WRONG], {}),
            (["serve"], {"MEM0LITE_API_KEYS": f"{ADMIN}:alice,{ADMIN}:bob"}),
            (["serve"], {"MEM0LITE_API_KEYS": f"{ADMIN} {ADMIN}", "MEM0LITE_PORT": "none"}),
            (["serve", "--port", "0"], {"ADMIN_API_KEY": f"{ADMIN}\n{ADMIN}"}),
        ):
            result = run(*arguments, **variables)
            assert result.returncode in (1, 2), (arguments, result)
            assert result.stderr
            assert not found(result.stdout + result.stderr), (arguments, result)
