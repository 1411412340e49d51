"""Webhooks: what a receiver gets, when it is tried again, whom it may be, and who delivers."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import apsw
import httpx
import pytest
from conftest import Clock
from embedder import HashEmbedder
from serving import add, served_by

from mem0lite import AsyncMemory, Memory, NotFoundError, ValidationError, types, webhooks
from mem0lite.server import Settings, backend, create_app, timer
from mem0lite.server.timer import Timer
from mem0lite.webhooks import outbound
from mem0lite.webhooks.outbound import is_public

SECRET = "whsec_" + base64.b64encode(b"only the receiver knows this key").decode()


class Request:
    """What a receiver got."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.path = handler.path
        self.headers = dict(handler.headers)
        self.body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.details = json.loads(self.body)["event_details"]
        self.text = self.details["data"]["memory"]


class Receiver:
    """A receiver on loopback that keeps what it got; it answers with each of ``answers`` once, and then with 200."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.answers: deque[Callable[[BaseHTTPRequestHandler], None]] = deque()
        self._got: SimpleQueue[Request] = SimpleQueue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._got.put(Request(self))
                (receiver.answers.popleft() if receiver.answers else status(200))(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        self.server = Server((host, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/hook?from=mem0lite"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def next(self) -> Request:
        """Return the oldest request that was not asked for yet, waiting for it."""
        return self._got.get(timeout=30)

    def rest(self) -> list[str]:
        """Return the texts of all further requests."""
        texts = []
        try:
            while True:
                texts.append(self._got.get_nowait().text)
        except Empty:
            return texts

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer with this status and these headers."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


class Hold:
    """An answer that is not given before it is released."""

    def __init__(self) -> None:
        self._released = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self._released.wait(60)
        handler.close_connection = True
        with suppress(OSError):  # nobody waits for it any more
            status(200)(handler)

    def release(self) -> None:
        self._released.set()


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as opened:
        yield opened


@pytest.fixture
def hold() -> Iterator[Hold]:
    """An answer that is released at the end of the test at the latest."""
    held = Hold()
    yield held
    held.release()


def hook(memory: Memory, receiver: Receiver, **options: Any) -> str:
    """Create a webhook that leads to a receiver and return its id."""
    return memory.create_webhook(receiver.url, allow_private=True, **options)["webhook_id"]


def deliver(memory: Memory) -> tuple[int, int, int]:
    """Deliver, and return how many changes were taken and given up, and how many webhooks have some left."""
    result = memory.deliver_webhooks(allow_private=True)
    return result["delivered"], result["failed"], result["pending"]


def state(memory: Memory, *names: str) -> list[Any]:
    """Return values of the only webhook."""
    [webhook] = memory.get_webhooks()
    return [webhook[name] for name in names]  # type: ignore[literal-required]


def signature(secret: str, request: Request) -> str:
    """Compute a request's signature as https://www.standardwebhooks.com has receivers do it."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join(
        [request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body]
    )
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# -- what a receiver gets


def test_the_signature_is_the_standard_s() -> None:
    """The example that the libraries of Standard Webhooks are tested with has the signature they expect."""
    signed = webhooks.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_changes_arrive_in_order_and_signed(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A receiver gets every change in its order, once, signed with its secret, with the time it was sent."""
    created = memory.create_webhook(receiver.url, allow_private=True)
    memory_id = memory.add("I like tea ☕", user_id="alice", run_id="r1")["results"][0]["id"]
    memory.update(memory_id, "I like coffee")
    memory.delete(memory_id)
    clock.advance(seconds=90)
    assert deliver(memory) == (3, 0, 0)
    requests = [receiver.next() for _ in range(3)]
    assert [(request.details["event"], request.text) for request in requests] == [
        ("ADD", "I like tea ☕"),
        ("UPDATE", "I like coffee"),
        ("DELETE", "I like coffee"),
    ]
    for request in requests:
        assert request.headers["webhook-signature"] == signature(created["secret"], request)
        assert int(request.headers["webhook-timestamp"]) == int(clock().timestamp())
        assert request.headers["Content-Type"] == "application/json"
        assert request.path == "/hook?from=mem0lite"
        assert request.details["id"] == memory_id
    assert len({request.headers["webhook-id"] for request in requests}) == 3
    assert deliver(memory) == (0, 0, 0)
    assert receiver.rest() == []


def test_the_payload_is_mem0_s(memory: Memory, receiver: Receiver) -> None:
    """``event_details`` has the memory's id, the event and the text, and whose memory it is."""
    hook(memory, receiver)
    memory_id = memory.add("tea", user_id="alice", app_id="kitchen")["results"][0]["id"]
    item = memory.get(memory_id)
    assert item is not None
    deliver(memory)
    assert receiver.next().details == {
        "id": memory_id,
        "event": "ADD",
        "data": {"memory": "tea"},
        "user_id": "alice",
        "app_id": "kitchen",
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }


@pytest.mark.parametrize(
    ("event_types", "expected"),
    [
        (None, ["ADD", "UPDATE", "DELETE"]),
        (["memory_add", "memory_delete"], ["ADD", "DELETE"]),
        (["memory:update"], ["UPDATE"]),
        (("memory_categorize",), []),
    ],
)
def test_only_chosen_events_arrive(
    memory: Memory, receiver: Receiver, event_types: list[str] | None, expected: list[str]
) -> None:
    """A receiver gets the event types it asked for, in mem0's older spelling too, and no feedback."""
    hook(memory, receiver, event_types=event_types)
    memory_id = memory.add("tea", user_id="alice")["results"][0]["id"]
    memory.feedback(memory_id, "POSITIVE")
    memory.update(memory_id, "coffee")
    memory.delete(memory_id)
    assert deliver(memory) == (len(expected), 0, 0)
    assert [receiver.next().details["event"] for _ in expected] == expected


def test_what_is_superseded_arrives_as_an_update(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """mem0 has no event for it: it is an update that says by which memory, and since when; then comes the new one."""
    hook(memory, receiver)
    old = memory.add("tea", user_id="alice", key="drink")["results"][0]["id"]
    clock.advance(minutes=1)
    new = memory.add("coffee", user_id="alice", key="drink")["results"][0]["id"]
    assert deliver(memory) == (3, 0, 0)
    added, superseded, after = (receiver.next().details for _ in range(3))
    assert (added["event"], superseded["event"], after["event"]) == ("ADD", "UPDATE", "ADD")
    assert (superseded["id"], after["id"]) == (old, new)
    assert superseded["data"] == {"memory": "tea", "superseded_by": new, "valid_to": clock().isoformat()}
    assert set(added["data"]) == set(after["data"]) == {"memory"}


def test_what_was_before_does_not_arrive(memory: Memory, receiver: Receiver) -> None:
    """A new webhook is told of what happens from then on."""
    memory.add("before", user_id="alice")
    hook(memory, receiver)
    memory.add("after", user_id="alice")
    deliver(memory)
    assert (receiver.next().text, receiver.rest()) == ("after", [])


def test_changes_of_another_process_arrive(memory: Memory, receiver: Receiver, path: Path, clock: Clock) -> None:
    """What others do with the same file is delivered in one order with the rest."""
    hook(memory, receiver)
    with Memory(path, embedder=HashEmbedder(), clock=clock) as other:
        memory.add("one", user_id="alice")
        other.add("two", user_id="bob")
        memory.add("three", user_id="alice")
    assert deliver(memory) == (3, 0, 0)
    assert receiver.rest() == ["one", "two", "three"]


def test_erased_memories_are_not_told_of(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """After a reset, and of expired memories, nothing goes out, not even what was waiting for its next attempt."""
    hook(memory, receiver)
    receiver.answers.append(status(500))
    memory.add("erased", user_id="alice")
    memory.add("expired", user_id="bob", ttl=10)
    memory.add("kept", user_id="bob")
    assert deliver(memory) == (0, 0, 1)
    memory.reset(user_id="alice")
    clock.advance(seconds=10)
    receiver.answers.append(status(500))
    assert deliver(memory) == (0, 0, 1)
    assert state(memory, "attempts") == [1]  # of "kept"
    clock.advance(seconds=5)
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["erased", "kept", "kept"]
    memory.add("all", user_id="carol")
    memory.reset()
    assert deliver(memory) == (0, 0, 0)


@pytest.mark.parametrize("erased_by", ["reset", "expiry"])
def test_an_erased_change_is_not_waited_for(memory: Memory, receiver: Receiver, clock: Clock, erased_by: str) -> None:
    """When the change that is to be tried again is erased, the next one is sent at once, and its attempts are gone."""
    hook(memory, receiver, event_types=["memory_add"])
    receiver.answers.extend([status(500), status(500)])
    kept = memory.add("before", user_id="bob")["results"][0]["id"]
    assert deliver(memory) == (0, 0, 1)
    clock.advance(seconds=5)
    assert deliver(memory) == (0, 0, 1)
    assert state(memory, "attempts") == [2]
    clock.advance(seconds=30)
    assert deliver(memory) == (1, 0, 0)
    memory.update(kept, "passed over")
    receiver.answers.append(status(500, Retry_After="3600"))
    memory.add("erased", user_id="alice", ttl=10)
    assert deliver(memory) == (0, 0, 1)
    memory.update(kept, "passed over, too")
    if erased_by == "reset":
        memory.reset(user_id="alice")
    else:
        clock.advance(seconds=10)
    assert deliver(memory) == (0, 0, 0)
    assert state(memory, "attempts", "retry_at", "last_status", "last_error") == [0, None, None, None]
    memory.add("after", user_id="bob")
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["before", "before", "before", "erased", "after"]


def test_an_added_id_of_any_form_is_a_good_header(memory: Memory, receiver: Receiver, tmp_path: Path) -> None:
    """The id of an imported change, which may hold dots and any letters, does not get into the signed id."""
    hook(memory, receiver, secret=SECRET)
    change = {
        **dict.fromkeys(("old_memory", "actor_id", "role")),
        "id": "ä.1.{}",
        "event": "ADD",
        "new_memory": "tea",
        "created_at": 0,
        "updated_at": 0,
    }
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"memory": "tea", "user_id": "u", "history": [change]}), encoding="utf-8")
    memory.import_(file)
    assert deliver(memory) == (1, 0, 0)
    request = receiver.next()
    assert re.fullmatch("msg_[0-9a-f]{32}", request.headers["webhook-id"])
    assert request.headers["webhook-signature"] == signature(SECRET, request)


def test_imported_changes_are_not_taken_for_those_before(
    memory: Memory, receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    """What comes back from an export, and changes that share an id in a file, are each a change of its own: receivers
    that discard repetitions by ``webhook-id`` lose nothing, and the attempts of one are not those of another."""
    hook(memory, receiver)
    for text in ("tea", "coffee"):
        memory.add(text, user_id="alice")
    assert deliver(memory) == (2, 0, 0)
    changes = {change["id"] for change in memory.changes()["results"]}
    memory.export(tmp_path / "out.jsonl")
    memory.reset(user_id="alice")
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    for one in changes:
        text = text.replace(one, "1")
    receiver.answers.extend([status(500)] * 6)
    memory.import_(text.splitlines())
    for seconds in webhooks.RETRY_SECONDS:
        assert deliver(memory) == (0, 0, 1)
        clock.advance(seconds=seconds)
    receiver.answers.append(status(500))
    assert deliver(memory) == (0, 1, 1)
    assert state(memory, "attempts") == [1]
    clock.advance(seconds=5)
    assert deliver(memory) == (1, 0, 0)
    requests = [receiver.next() for _ in range(10)]
    assert len({request.headers["webhook-id"] for request in requests}) == 4


# -- trying again


@pytest.mark.parametrize("code", [199 + 1, 204, 299])
def test_every_2xx_counts(memory: Memory, receiver: Receiver, code: int) -> None:
    """Any answer from 200 to 299 means that the change was taken."""
    hook(memory, receiver)
    receiver.answers.append(status(code))
    memory.add("tea", user_id="alice")
    assert deliver(memory) == (1, 0, 0)
    assert state(memory, "delivered", "last_status", "last_error") == [1, code, None]


def test_a_change_is_tried_again_with_growing_delays(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """After each failure the change waits longer; later ones wait behind it, and its id stays the same."""
    hook(memory, receiver)
    memory.add("one", user_id="alice")
    memory.add("two", user_id="alice")
    receiver.answers.extend([status(500)] * len(webhooks.RETRY_SECONDS))
    assert list(webhooks.RETRY_SECONDS) == sorted(webhooks.RETRY_SECONDS)
    sent = []
    for number, seconds in enumerate(webhooks.RETRY_SECONDS, start=1):
        assert deliver(memory) == (0, 0, 1)
        sent.append(receiver.next())
        due = clock() + timedelta(seconds=seconds)
        assert state(memory, "attempts", "retry_at", "last_status") == [number, due.isoformat(), 500]
        assert state(memory, "last_error") == ["the receiver answered 500"]
        clock.advance(seconds=seconds - 1)
        result = memory.deliver_webhooks(allow_private=True)
        assert (result["pending"], result["retry_in"]) == (1, 1.0)
        clock.advance(seconds=1)
    assert deliver(memory) == (2, 0, 0)
    sent.append(receiver.next())
    assert {request.text for request in sent} == {"one"}
    assert len({request.headers["webhook-id"] for request in sent}) == 1
    assert len({request.headers["webhook-timestamp"] for request in sent}) == len(sent)
    assert receiver.rest() == ["two"]
    assert state(memory, "attempts", "retry_at", "last_error", "failed") == [0, None, None, 0]


def test_a_change_is_given_up_after_the_last_attempt(
    memory: Memory, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A change that failed once more than there are delays is counted and logged, and the next one is sent."""
    hook(memory, receiver, secret=SECRET)
    memory.add("poison", user_id="alice")
    memory.add("fine", user_id="alice")
    receiver.answers.extend([status(400)] * (len(webhooks.RETRY_SECONDS) + 1))
    with caplog.at_level(logging.WARNING, "mem0lite"):
        for seconds in webhooks.RETRY_SECONDS:
            assert deliver(memory) == (0, 0, 1)
            clock.advance(seconds=seconds)
        assert deliver(memory) == (1, 1, 0)
    assert receiver.rest() == ["poison"] * 6 + ["fine"]
    assert state(memory, "delivered", "failed", "is_active") == [1, 1, True]
    assert len(caplog.messages) == 6
    assert "given up" in caplog.messages[-1]
    assert "poison" not in caplog.text


@pytest.mark.parametrize(
    ("given", "waited"),
    [("60", 60), ("1", 5), ("999999", 3_600), ("Fri, 01 Jan 2100 00:00:00 GMT", 5), ("-7", 5), ("9" * 5_000, 5)],
)
def test_retry_after_is_heeded(memory: Memory, receiver: Receiver, clock: Clock, given: str, waited: int) -> None:
    """A receiver may ask in seconds for a longer delay, up to an hour."""
    hook(memory, receiver)
    receiver.answers.append(status(429, Retry_After=given))
    memory.add("tea", user_id="alice")
    assert memory.deliver_webhooks(allow_private=True)["retry_in"] == waited


def test_gone_makes_the_webhook_inactive(memory: Memory, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """A receiver that answers 410 is left alone until somebody makes the webhook active again."""
    webhook_id = hook(memory, receiver)
    receiver.answers.append(status(410))
    memory.add("one", user_id="alice")
    memory.add("two", user_id="alice")
    with caplog.at_level(logging.WARNING, "mem0lite"):
        assert deliver(memory) == (0, 0, 0)
    assert "inactive" in caplog.text
    assert state(memory, "is_active", "last_status") == [False, 410]
    assert memory.deliver_webhooks()["webhooks"] == 0
    assert receiver.rest() == ["one"]
    memory.update_webhook(webhook_id, is_active=True, allow_private=True)
    memory.add("three", user_id="alice")
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["three"]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(memory: Memory, receiver: Receiver, code: int) -> None:
    """A redirect is a failure: where it leads to was not checked."""
    with listening() as elsewhere:
        hook(memory, receiver)
        receiver.answers.append(status(code, Location=elsewhere.url))
        memory.add("tea", user_id="alice")
        assert deliver(memory) == (0, 0, 1)
        assert state(memory, "last_status") == [code]
        assert elsewhere.rest() == []


def _send(memory: Memory, clock: Clock, **options: Any) -> None:
    """Deliver with options that the verb does not have."""
    result = webhooks.deliver(memory._store, clock, allow_private=True, **options)
    assert (result["delivered"], result["pending"]) == (0, 1)


def test_a_receiver_that_never_answers_fails(memory: Memory, receiver: Receiver, clock: Clock, hold: Hold) -> None:
    """A request without an answer ends after the timeout, and is tried again."""
    hook(memory, receiver)
    receiver.answers.append(hold)
    memory.add("tea", user_id="alice")
    _send(memory, clock, timeout=0.2)
    assert state(memory, "last_error", "last_status") == ["no answer within 0.2 s", None]
    clock.advance(seconds=5)
    assert deliver(memory) == (1, 0, 0)


def test_the_timeout_is_for_all_of_a_request(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A receiver that goes on sending a byte now and then does not keep the request open."""
    stopped = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while not stopped.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:
            stopped.set()

    hook(memory, receiver)
    receiver.answers.append(drip)
    memory.add("tea", user_id="alice")
    _send(memory, clock, timeout=0.3)
    assert state(memory, "last_error") == ["no answer within 0.3 s"]
    assert stopped.wait(30)


def test_a_body_that_never_ends_is_not_read(memory: Memory, receiver: Receiver) -> None:
    """What follows the head of an answer does not matter."""

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"5\r\nhello\r\n")
        except OSError:
            pass

    hook(memory, receiver)
    receiver.answers.append(endless)
    memory.add("tea", user_id="alice")
    assert deliver(memory) == (1, 0, 0)


def test_an_answer_that_is_not_http_is_a_failure(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A receiver that speaks another protocol did not take the change, and its words are not repeated."""

    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"220 secret.internal ESMTP\r\n")

    hook(memory, receiver)
    receiver.answers.append(babble)
    memory.add("tea", user_id="alice")
    _send(memory, clock)
    assert state(memory, "last_error") == ["the answer is not HTTP"]


def test_nobody_at_the_port_is_a_failure(memory: Memory, clock: Clock) -> None:
    """A refused connection is tried again like any other failure."""
    with listening() as gone:
        hook(memory, gone)
    memory.add("tea", user_id="alice")
    _send(memory, clock)
    [error] = state(memory, "last_error")
    assert error.startswith("no connection: ")


def test_proxies_of_the_environment_are_not_used(
    memory: Memory, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect to an address that was not checked."""
    with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        hook(memory, receiver)
        memory.add("tea", user_id="alice")
        assert deliver(memory) == (1, 0, 0)
        assert (receiver.rest(), proxy.rest()) == (["tea"], [])


# -- who delivers


def test_two_do_not_deliver_at_once(memory: Memory, receiver: Receiver, hold: Hold, path: Path, clock: Clock) -> None:
    """While one process delivers to a webhook, another leaves it alone."""
    hook(memory, receiver)
    receiver.answers.append(hold)
    memory.add("tea", user_id="alice")
    with Memory(path, embedder=HashEmbedder(), clock=clock) as other, ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver, memory)
        assert receiver.next().text == "tea"
        assert deliver(other) == (0, 0, 1)
        hold.release()
        assert first.result() == (1, 0, 0)
        assert deliver(other) == (0, 0, 0)
    assert receiver.rest() == []


def test_who_lost_the_lease_changes_nothing(
    memory: Memory, receiver: Receiver, hold: Hold, path: Path, clock: Clock
) -> None:
    """A delivery that was held up for longer than its lease leaves what its successor did as it is."""
    hook(memory, receiver)
    receiver.answers.append(hold)
    memory.add("one", user_id="alice")
    memory.add("two", user_id="alice")
    with Memory(path, embedder=HashEmbedder(), clock=clock) as other, ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver, memory)
        assert receiver.next().text == "one"
        clock.advance(minutes=5)
        assert deliver(other) == (2, 0, 0)
        hold.release()
        assert first.result() == (0, 0, 0)
    assert receiver.rest() == ["one", "two"]
    assert state(memory, "delivered") == [2]
    assert deliver(memory) == (0, 0, 0)


def test_a_crash_loses_nothing(path: Path, receiver: Receiver, hold: Hold) -> None:
    """What a process that was killed had sent and not noted is sent again under the same id, and then what follows,
    once the few seconds have passed in which a living process would have been heard of."""
    code = (
        "import sys\n"
        "from embedder import HashEmbedder\n"
        "from mem0lite import Memory\n"
        "Memory(sys.argv[1], embedder=HashEmbedder()).deliver_webhooks(allow_private=True)\n"
    )

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=2 * webhooks.TIMEOUT + 1)

    with Memory(path, embedder=HashEmbedder()) as memory:
        hook(memory, receiver)
        for text in ("one", "two", "three"):
            memory.add(text, user_id="alice")
    receiver.answers.extend([status(200), hold])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment)
    try:
        assert receiver.next().text == "one"
        unnoted = receiver.next()
    finally:
        process.kill()
        process.wait()
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert deliver(memory) == (0, 0, 1)  # the lease of the process that is gone
    with Memory(path, embedder=HashEmbedder(), clock=later) as memory:
        assert deliver(memory) == (2, 0, 0)
    again = receiver.next()
    assert (again.text, again.headers["webhook-id"]) == ("two", unnoted.headers["webhook-id"])
    assert receiver.rest() == ["three"]


def test_webhooks_do_not_wait_for_each_other(memory: Memory, receiver: Receiver, hold: Hold) -> None:
    """A receiver that does not answer does not keep the others from getting theirs."""
    with listening() as slow, ThreadPoolExecutor(1) as pool:
        hook(memory, slow)
        hook(memory, receiver)
        slow.answers.append(hold)
        memory.add("tea", user_id="alice")
        delivered = pool.submit(deliver, memory)
        assert receiver.next().text == "tea"
        assert not delivered.done()
        hold.release()
        assert delivered.result() == (2, 0, 0)


def test_any_number_of_webhooks_is_served(memory: Memory, receiver: Receiver) -> None:
    """More webhooks than are delivered to at a time all get theirs."""
    for _ in range(20):
        hook(memory, receiver)
    memory.add("tea", user_id="alice")
    assert deliver(memory) == (20, 0, 0)
    assert receiver.rest() == ["tea"] * 20


def test_one_call_sends_a_limited_number(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A call ends after its limit and says that there is more; the next one goes on from there."""
    hook(memory, receiver, event_types=["memory_add"])
    for number in range(5):
        memory_id = memory.add(f"text {number}", user_id="alice")["results"][0]["id"]
        memory.update(memory_id, metadata={"n": number})
    waits = []
    while (result := webhooks.deliver(memory._store, clock, allow_private=True, limit=2))["pending"]:
        assert result["delivered"] == 2
        waits.append(result["retry_in"])
    assert (result["delivered"], result["retry_in"], waits) == (1, None, [0.0, 0.0])
    assert receiver.rest() == [f"text {number}" for number in range(5)]


def test_one_of_two_that_begin_together_delivers(
    memory: Memory, receiver: Receiver, hold: Hold, path: Path, clock: Clock
) -> None:
    """Who finds a webhook free, and another one takes it before him, leaves it alone."""
    hook(memory, receiver)
    receiver.answers.append(hold)
    memory.add("tea", user_id="alice")
    with ThreadPoolExecutor(1) as pool:
        others: list[Any] = []

        def overtaken() -> datetime:
            if not others:  # the webhooks were read, and none is claimed yet
                others.append(pool.submit(deliver, memory))
                assert receiver.next().text == "tea"
            return clock()

        late = webhooks.deliver(memory._store, overtaken, allow_private=True)
        assert (late["delivered"], late["pending"]) == (0, 1)
        hold.release()
        assert others[0].result() == (1, 0, 0)
    assert receiver.rest() == []


def written_to(path: Path) -> int:
    """Return how much was written to the file so far."""
    return path.with_name(path.name + "-wal").stat().st_size


def test_passing_over_unwanted_changes_writes_little(
    memory: Memory, receiver: Receiver, path: Path, clock: Clock
) -> None:
    """However many changes a webhook does not want, what is written for them is the same."""
    written = []
    hook(memory, receiver, event_types=["memory_delete"])
    for number in (2, 20):
        memory.add_many([{"messages": f"text {number} {n}", "user_id": "alice"} for n in range(number)])
        before = written_to(path)
        assert webhooks.deliver(memory._store, clock, limit=1)["pending"] == 0
        written.append(written_to(path) - before)
    assert written[0] == written[1] > 0


def test_passing_over_unwanted_changes_ends_in_time(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A call whose time is used up says that there is more, and the next one goes on from there."""
    hook(memory, receiver, event_types=["memory_delete"])
    memory.add_many([{"messages": f"text {number}", "user_id": "alice"} for number in range(6)])
    results = [webhooks.deliver(memory._store, clock, timeout=0, limit=2) for _ in range(3)]
    assert [(result["pending"], result["retry_in"]) for result in results] == [(1, 0.0), (1, 0.0), (0, None)]


def test_the_lease_outlasts_every_request(memory: Memory, receiver: Receiver, path: Path, clock: Clock) -> None:
    """Before a request, a lease that looking for what to send has used up is renewed; nobody else begins meanwhile."""
    hook(memory, receiver, event_types=["memory_delete"])
    for number in range(20):
        last = memory.add(f"text {number}", user_id="alice")["results"][0]["id"]
    memory.delete(last)

    def hurrying() -> datetime:
        clock.advance(seconds=1)
        return clock()

    def meanwhile(handler: BaseHTTPRequestHandler) -> None:
        clock.advance(seconds=30)
        with Memory(path, embedder=HashEmbedder(), clock=clock) as other:
            others.append(deliver(other))
        status(200)(handler)

    others: list[tuple[int, int, int]] = []
    receiver.answers.append(meanwhile)
    assert webhooks.deliver(memory._store, hurrying, allow_private=True, timeout=30, limit=1)["delivered"] == 1
    assert others == [(0, 0, 1)]


def test_what_is_wanted_from_now_on_is_not_passed_over(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A delivery passes over what happened before it read the event types, and nothing that happens after a change."""
    webhook_id = hook(memory, receiver, event_types=["memory_delete"])
    memory.add("before", user_id="alice")
    calls = iter(range(100))

    def busy() -> datetime:
        if next(calls) == 2:  # the webhook is claimed, and no change was read yet
            memory.update_webhook(webhook_id, event_types=["memory_add"])
            memory.add("after", user_id="alice")
        return clock()

    assert webhooks.deliver(memory._store, busy, allow_private=True, limit=2)["delivered"] == 0
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["after"]


@pytest.mark.parametrize(("event_type", "expected"), [("memory_delete", (0, 0, 0)), ("memory_add", (0, 0, 1))])
def test_looking_writes_nothing(
    memory: Memory, receiver: Receiver, path: Path, event_type: str, expected: tuple[int, int, int]
) -> None:
    """Where nothing is to be sent, or not yet, asking again leaves the file alone."""
    hook(memory, receiver, event_types=[event_type])
    receiver.answers.append(status(500))
    memory.add("tea", user_id="alice")
    assert deliver(memory) == expected
    connection = apsw.Connection(str(path))
    before = connection.pragma("data_version")
    assert deliver(memory) == expected
    assert connection.pragma("data_version") == before
    connection.close()


def test_a_closed_store_ends_the_delivery(receiver: Receiver, path: Path, hold: Hold) -> None:
    """Closing the memory does not wait for a receiver; the delivery ends, and the change is kept for the next one."""
    with ThreadPoolExecutor(1) as pool:
        memory = Memory(path, embedder=HashEmbedder())
        hook(memory, receiver)
        receiver.answers.append(hold)
        memory.add("tea", user_id="alice")
        delivered = pool.submit(deliver, memory)
        receiver.next()
        memory.close()
        hold.release()
        with pytest.raises(RuntimeError, match="closed"):
            delivered.result()
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert state(memory, "delivered") == [0]


def test_async_memory_delivers(memory: Memory, receiver: Receiver) -> None:
    """The verbs are there as coroutines."""

    async def main() -> None:
        shared = AsyncMemory(memory)
        created = await shared.create_webhook(receiver.url, allow_private=True)
        await shared.add("tea", user_id="alice")
        assert (await shared.deliver_webhooks(allow_private=True))["delivered"] == 1
        assert (await shared.get_webhooks())[0]["delivered"] == 1
        await shared.delete_webhook(created["webhook_id"])
        await shared.close()

    asyncio.run(main())
    assert receiver.rest() == ["tea"]


# -- what there is


def test_webhooks_are_listed_in_mem0_s_names(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A webhook has the fields of mem0's, and the state of its deliveries."""
    webhook_id = hook(memory, receiver, name="Logger", event_types=["memory_add", "memory:add"], is_active=False)
    now = clock().isoformat()
    assert memory.get_webhooks() == [
        {
            "webhook_id": webhook_id,
            "name": "Logger",
            "url": receiver.url,
            "event_types": ["memory_add"],
            "is_active": False,
            "project": "default",
            "created_at": now,
            "updated_at": now,
            "delivered": 0,
            "failed": 0,
            "attempts": 0,
            "retry_at": None,
            "last_status": None,
            "last_error": None,
        }
    ]


def test_the_secret_is_shown_once(
    memory: Memory, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the answer to the creation holds the secret: no list, no change, no log, no error."""
    created = memory.create_webhook(receiver.url, allow_private=True, secret=SECRET)
    assert created["secret"] == SECRET
    receiver.answers.append(status(500))
    memory.add("tea", user_id="alice")
    with caplog.at_level(logging.DEBUG):
        shown = [
            memory.deliver_webhooks(allow_private=True),
            memory.get_webhooks(),
            memory.update_webhook(created["webhook_id"], name="other"),
            memory.delete_webhook(created["webhook_id"]),
        ]
    key = SECRET.removeprefix("whsec_")
    assert key not in repr(shown)
    assert key not in caplog.text
    assert "secret" not in repr(shown)


def test_secrets_are_random(memory: Memory, receiver: Receiver) -> None:
    """Each webhook gets a secret of 32 bytes of its own."""
    secrets = [memory.create_webhook(receiver.url, allow_private=True)["secret"] for _ in range(2)]
    assert secrets[0] != secrets[1]
    assert [len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets] == [32, 32]


@pytest.mark.parametrize(
    "secret",
    ["", "hunter2hunter2hunter2", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "whsec_" + "A" * 88 + "AA==", 7],
)
def test_weak_secrets_are_refused(memory: Memory, secret: Any) -> None:
    """A secret that is no key of 24 to 64 bytes is refused, and not repeated."""
    with pytest.raises(ValidationError, match="Leave it out") as caught:
        memory.create_webhook("https://8.8.8.8", secret=secret)
    assert caught.value.field == "secret"
    assert len(str(secret)) < 7 or str(secret) not in str(caught.value)
    assert memory.get_webhooks() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_types", []),
        ("event_types", "memory_add"),
        ("event_types", 7),
        ("event_types", ["memory_add", "memory_forget"]),
        ("event_types", [None]),
        ("name", 7),
        ("name", "x" * 1_001),
        ("name", "\ud800"),
        ("is_active", "yes"),
        ("is_active", 1),
    ],
)
def test_bad_values_are_named(memory: Memory, field: str, value: Any) -> None:
    """A value that cannot be accepted is refused by the name of its field, at creation and later."""
    created = memory.create_webhook("https://8.8.8.8")
    before = memory.get_webhooks()
    for call in (
        lambda: memory.create_webhook("https://8.8.8.8", **{field: value}),
        lambda: memory.update_webhook(created["webhook_id"], **{field: value}),
    ):
        with pytest.raises(ValidationError) as caught:
            call()
        assert caught.value.field == field
    assert memory.get_webhooks() == before


def test_a_change_takes_effect_at_once(memory: Memory, receiver: Receiver) -> None:
    """With another URL, the change that was waiting for its next attempt goes there without waiting."""
    with listening() as broken:
        webhook_id = hook(memory, broken)
        broken.answers.append(status(500))
        memory.add("tea", user_id="alice")
        assert deliver(memory) == (0, 0, 1)
    updated = memory.update_webhook(webhook_id, name="new", url=receiver.url, allow_private=True)
    assert (updated["name"], updated["url"], updated["attempts"]) == ("new", receiver.url, 0)
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["tea"]


def test_an_inactive_webhook_misses_what_happens(memory: Memory, receiver: Receiver) -> None:
    """While it is inactive a webhook gets nothing, and afterwards only what happens then."""
    webhook_id = hook(memory, receiver)
    memory.update_webhook(webhook_id, is_active=False)
    memory.add("missed", user_id="alice")
    assert deliver(memory) == (0, 0, 0)
    memory.update_webhook(webhook_id, is_active=True)
    memory.add("seen", user_id="alice")
    memory.update_webhook(webhook_id, is_active=True)
    assert deliver(memory) == (1, 0, 0)
    assert receiver.rest() == ["seen"]


def test_what_is_changed_while_delivering_counts(memory: Memory, receiver: Receiver, hold: Hold) -> None:
    """A webhook that is made inactive or deleted in the middle of a delivery gets nothing further."""
    for end in (lambda name: memory.update_webhook(name, is_active=False), memory.delete_webhook):
        webhook_id = hook(memory, receiver)
        held = Hold()
        receiver.answers.append(held)
        memory.add("one", user_id="alice")
        memory.add("two", user_id="alice", infer=False)
        with ThreadPoolExecutor(1) as pool:
            delivered = pool.submit(deliver, memory)
            receiver.next()
            end(webhook_id)
            held.release()
            delivered.result()
        assert receiver.rest() == []
        memory.reset()


def test_a_deleted_webhook_gets_nothing(memory: Memory, receiver: Receiver) -> None:
    """After its deletion nothing is sent, and its id is unknown."""
    webhook_id = hook(memory, receiver)
    memory.add("tea", user_id="alice")
    assert memory.delete_webhook(webhook_id) == {"message": "Webhook deleted successfully!"}
    assert memory.get_webhooks() == []
    assert deliver(memory) == (0, 0, 0)
    assert receiver.rest() == []
    for call in (memory.delete_webhook, lambda name: memory.update_webhook(name, name="x")):
        with pytest.raises(NotFoundError, match=webhook_id):
            call(webhook_id)
    assert memory.get_webhooks() == []


# -- whom it may be


PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "192.88.99.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "ff0e::1", "4000::1", "fe80::1%eth0", "localhost",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    """Loopback, private, link-local, shared, multicast, reserved and unspecified addresses are not public, nor IPv6
    addresses that stand for such."""
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address: str) -> None:
    """Addresses of the public internet are, also where an IPv6 address stands for one."""
    assert is_public(address)


HOSTS = [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "100.64.0.1", "192.168.0.1:8080", "localhost", "127.1",
    "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]:443", "LocalHost",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_private_hosts_are_refused(memory: Memory, receiver: Receiver, host: str) -> None:
    """However an address that is not public is written, a webhook that leads there is refused, new or changed."""
    kept = memory.create_webhook("https://8.8.8.8/")
    for call in (memory.create_webhook, lambda url: memory.update_webhook(kept["webhook_id"], url=url)):
        with pytest.raises(ValidationError, match=r"not public.*allow_private") as caught:
            call(f"http://{host}/hook")
        assert caught.value.field == "url"
    assert [webhook["url"] for webhook in memory.get_webhooks()] == ["https://8.8.8.8/"]


BAD_URLS = [
    "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com", "https://",
    "https:///path", "https://:80", "https://user@example.com", "https://user:pass@example.com",
    "https://example.com:0", "https://example.com:99999", "https://example.com:x", r"https://example.com\@127.0.0.1",
    "https://ex%61mple.com", "https://ä.de", "https://[::1", "https://[fe80::1%25eth0]", "https://[1.2.3.4]",
    "https://-", "https://.a",
]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        *BAD_URLS,
        *("", "https://exa mple.com", "https://example.com/\r\nX: y", "https://" + "a" * 300),
        *("https://example.com/" + "x" * 2_000, None, 7, b"https://example.com"),
    ],
)
def test_bad_urls_are_refused(memory: Memory, url: Any) -> None:
    """What is not an http URL of a host, or carries a password, is refused even where private hosts are allowed."""
    with pytest.raises(ValidationError) as caught:
        memory.create_webhook(url, allow_private=True)
    assert caught.value.field == "url"
    assert "pass@" not in str(caught.value)
    assert memory.get_webhooks() == []


def test_one_private_address_is_enough_to_refuse(memory: Memory) -> None:
    """A name with a public address and another one is refused."""
    with pytest.raises(ValidationError, match="not public"):
        webhooks.create(memory._store, 0, "https://hooks.example", resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])


def test_an_unknown_name_may_be_known_later(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A webhook can be made while its host's name cannot be resolved; until it can be, deliveries fail."""

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    webhooks.create(memory._store, 0, f"http://hooks.example:{receiver.port}", resolve=unknown)
    memory.add("tea", user_id="alice")
    for nothing, why in ((unknown, "cannot be resolved"), (lambda host, port: [], "has no address")):
        _send(memory, clock, resolve=nothing)
        assert why in state(memory, "last_error")[0]
        clock.advance(hours=1)
    known = webhooks.deliver(memory._store, clock, allow_private=True, resolve=lambda host, port: ["127.0.0.1"])
    assert known["delivered"] == 1


def test_a_name_that_changes_its_address_is_caught(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A host that was public when the webhook was made, and is private when something is sent, gets nothing."""
    answers = deque([["93.184.216.34"], ["127.0.0.1"]])

    def rebinding(host: str, port: int) -> list[str]:
        assert (host, port) == ("hooks.example", receiver.port)
        return answers.popleft()

    webhooks.create(memory._store, 0, f"http://hooks.example:{receiver.port}", resolve=rebinding)
    memory.add("tea", user_id="alice")
    result = webhooks.deliver(memory._store, clock, resolve=rebinding)
    assert (result["delivered"], result["pending"]) == (0, 1)
    assert "not public" in state(memory, "last_error")[0]
    assert receiver.rest() == []


def test_delivering_needs_to_allow_private_hosts_too(memory: Memory, receiver: Receiver) -> None:
    """Who delivers decides anew whether hosts may be private, and else the webhook shows what is missing."""
    hook(memory, receiver)
    memory.add("tea", user_id="alice")
    assert memory.deliver_webhooks()["pending"] == 1
    [error] = state(memory, "last_error")
    assert "not public" in error
    assert "allow_private=True, on a server with MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1; delivering needs it, too" in error
    assert receiver.rest() == []


def test_the_address_that_was_checked_is_the_one_connected_to(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """A name is resolved once for each request, and the connection goes there, under the host's name."""
    asked = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    webhooks.create(memory._store, 0, f"http://Hooks.Example:{receiver.port}/x", allow_private=True, resolve=once)
    memory.add("tea", user_id="alice")
    asked.clear()
    assert webhooks.deliver(memory._store, clock, allow_private=True, resolve=once)["delivered"] == 1
    assert asked == ["hooks.example"]
    assert receiver.next().headers["Host"] == f"hooks.example:{receiver.port}"


def test_a_host_s_other_addresses_are_tried(memory: Memory, receiver: Receiver, clock: Clock) -> None:
    """Where the first address refuses the connection, the next one is asked."""

    def both(host: str, port: int) -> list[str]:
        return ["::1", "127.0.0.1"]

    webhooks.create(memory._store, 0, f"http://hooks.example:{receiver.port}", allow_private=True, resolve=both)
    memory.add("tea", user_id="alice")
    assert webhooks.deliver(memory._store, clock, allow_private=True, resolve=both)["delivered"] == 1


def test_a_name_server_that_is_silent_ends_with_the_timeout(memory: Memory, clock: Clock) -> None:
    """Resolving a name is part of the time that a request has."""
    asked, answered = threading.Event(), threading.Event()

    def silent(host: str, port: int) -> list[str]:
        asked.set()
        answered.wait(60)
        return ["127.0.0.1"]

    webhooks.create(memory._store, 0, "http://hooks.example", resolve=lambda host, port: ["8.8.8.8"])
    memory.add("tea", user_id="alice")
    try:
        _send(memory, clock, timeout=0.1, resolve=silent)
    finally:
        answered.set()
    assert asked.is_set()
    assert state(memory, "last_error") == ["the host's name was not resolved within 0.1 s"]


def test_an_ipv6_host_is_named_with_brackets(memory: Memory) -> None:
    """A receiver at an IPv6 address is reached, under the name that its URL has."""
    try:
        receiver = Receiver("::1")
    except OSError:
        pytest.skip("there is no IPv6 here")
    try:
        hook(memory, receiver)
        memory.add("tea", user_id="alice")
        assert deliver(memory) == (1, 0, 0)
        assert receiver.next().headers["Host"] == f"[::1]:{receiver.port}"
    finally:
        receiver.close()


def test_the_host_is_named_as_receivers_compare_it() -> None:
    """The Host header is without the port that the scheme implies."""
    for url, authority in (
        ("https://[2606:4700::1111]/x", "[2606:4700::1111]"),
        ("http://[2606:4700::1111]:8080", "[2606:4700::1111]:8080"),
        ("https://example.com:443", "example.com"),
        ("http://example.com:443?q", "example.com:443"),
    ):
        assert outbound.Target.parse(url, "url").authority == authority
    assert outbound.Target.parse("http://example.com?q=1", "url").path == "/?q=1"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
@pytest.mark.parametrize(("host", "taken"), [("hooks.example", True), ("other.example", False)])
def test_certificates_are_checked_against_the_name(
    memory: Memory, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, taken: bool
) -> None:
    """TLS goes to the address that was checked, and still wants a certificate for the host's name."""
    import ssl

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    outbound._tls.cache_clear()
    server = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True, do_handshake_on_connect=False)
    server.server.handle_error = lambda *_: None  # type: ignore[method-assign]
    try:
        options: Any = {"allow_private": True, "resolve": lambda host, port: ["127.0.0.1"]}
        webhooks.create(memory._store, 0, f"https://{host}:{server.port}", **options)
        memory.add("tea", user_id="alice")
        assert webhooks.deliver(memory._store, clock, **options)["delivered"] == taken
        if not taken:
            assert "mismatch" in state(memory, "last_error")[0]
        assert server.rest() == ["tea"] * taken
    finally:
        server.close()
        outbound._tls.cache_clear()


# -- the server


ALLOWED = Settings(vacuum_interval_seconds=0, webhook_allow_private=True)


@pytest.fixture
def lively(path: Path) -> Iterator[Memory]:
    """A memory whose clock goes on."""
    with Memory(path, embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that delivers because of a request, and never because time has passed."""
    monkeypatch.setattr(backend, "_POLL_SECONDS", 3_600.0)


@pytest.mark.usefixtures("no_polling")
def test_a_server_delivers_what_a_request_changed(lively: Memory, receiver: Receiver) -> None:
    """Each request that changes something is followed by a delivery, without waiting for the next look."""
    with served_by(create_app(lively, ALLOWED)) as client:
        hook(lively, receiver)
        memory_id = add(client, "tea")
        assert receiver.next().text == "tea"
        client.put(f"/memories/{memory_id}", json={"text": "coffee"})
        assert receiver.next().text == "coffee"
        client.delete(f"/memories/{memory_id}")
        assert receiver.next().details["event"] == "DELETE"


@pytest.mark.usefixtures("no_polling")
def test_webhooks_work_over_http_alone(lively: Memory, receiver: Receiver) -> None:
    """A webhook made over HTTP is told of what the bare REST routes change, signed with the secret of the answer."""
    with served_by(create_app(lively, ALLOWED)) as client:
        body = {"url": receiver.url, "name": "Logger", "event_types": ["memory_add"]}
        made = client.post("/api/v1/webhooks/projects/default/", json=body)
        assert made.status_code == 200
        add(client, "tea")
        request = receiver.next()
        listed = client.get("/api/v1/webhooks/projects/default/").json()
        assert client.get("/v1/ping/").json()["project_id"] == listed[0]["project"] == made.json()["project"]
    assert [listed[0]["project"]] == state(lively, "project")
    assert request.text == "tea"
    assert request.headers["webhook-signature"] == signature(made.json()["secret"], request)
    assert "secret" not in listed[0]


def test_a_server_delivers_what_others_changed(
    lively: Memory, receiver: Receiver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While there are webhooks, a server looks for changes by itself."""
    monkeypatch.setattr(backend, "_POLL_SECONDS", 0.01)
    hook(lively, receiver)
    with served_by(create_app(lively, ALLOWED)), Memory(path, embedder=HashEmbedder()) as other:
        for text in ("one", "two"):
            other.add(text, user_id="alice")
            assert receiver.next().text == text


@pytest.mark.usefixtures("no_polling")
def test_a_server_delivers_what_it_missed(lively: Memory, receiver: Receiver) -> None:
    """What happened while no server ran is delivered when one starts."""
    hook(lively, receiver)
    lively.add("tea", user_id="alice")
    with served_by(create_app(lively, ALLOWED)):
        assert receiver.next().text == "tea"


class Watched(Memory):
    """A memory that tells when it is asked to deliver."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, embedder=HashEmbedder())
        self.looks: SimpleQueue[None] = SimpleQueue()

    def deliver_webhooks(self, *, allow_private: bool = False) -> types.DeliveryResult:
        result = super().deliver_webhooks(allow_private=allow_private)
        self.looks.put(None)
        return result


def test_a_server_notices_a_webhook_of_another_process(
    path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a server that has no webhook looks now and then whether there is one, and writes nothing for it."""
    monkeypatch.setattr(backend, "_POLL_SECONDS", 0.01)
    with Watched(path) as memory, Memory(path, embedder=HashEmbedder()) as other:
        connection = apsw.Connection(str(path))
        before = connection.pragma("data_version")
        with served_by(create_app(memory, ALLOWED)):
            for _ in range(3):
                memory.looks.get(timeout=30)
            assert connection.pragma("data_version") == before
            hook(other, receiver)
            other.add("tea", user_id="alice")
            assert receiver.next().text == "tea"
        connection.close()


def test_a_server_looks_again_after_a_failure(
    lively: Memory, receiver: Receiver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that ends in an error, even the first one, is logged and tried again without a request."""
    monkeypatch.setattr(backend, "_POLL_SECONDS", 0.01)
    hook(lively, receiver)
    lively.add("tea", user_id="alice")
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(30_000)
    kept = connection.execute("SELECT value FROM document WHERE kind = 'webhook'").get
    connection.execute("UPDATE document SET value = '{' WHERE kind = 'webhook'")
    failed = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: failed.set()  # type: ignore[method-assign]
    logger = logging.getLogger("mem0lite")
    logger.addHandler(handler)
    try:
        with served_by(create_app(lively, ALLOWED)):
            assert failed.wait(30)
            connection.execute("UPDATE document SET value = ? WHERE kind = 'webhook'", (kept,))
            assert receiver.next().text == "tea"
    finally:
        logger.removeHandler(handler)
        connection.close()


@pytest.mark.usefixtures("no_polling")
def test_a_server_looks_often_only_while_something_is_left(lively: Memory, receiver: Receiver) -> None:
    """The next look is when the next attempt is due, and when nothing is left, it is as late as ever."""
    server = backend.Backend(lively, ALLOWED)
    hook(lively, receiver)
    receiver.answers.append(status(500))
    lively.add("tea", user_id="alice")
    asyncio.run(server._deliver())
    assert 0 < server._delivery.interval <= webhooks.RETRY_SECONDS[0]
    lively.reset(user_id="alice")
    asyncio.run(server._deliver())
    assert server._delivery.interval == backend._POLL_SECONDS


def test_an_app_without_a_lifespan_delivers(lively: Memory, receiver: Receiver) -> None:
    """Mounted in a host that sends no lifespan events, the app delivers too, in each event loop it is called from."""
    app = create_app(lively, ALLOWED)
    hook(lively, receiver)

    async def main(text: str) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
            body = {"messages": [{"role": "user", "content": text}], "user_id": "alice"}
            assert (await client.post("/memories", json=body)).status_code == 200
            assert (await asyncio.to_thread(receiver.next)).text == text

    for text in ("one", "two"):
        asyncio.run(main(text))


READS = {
    "/search": {"query": "tea", "user_id": "alice"},
    "/v1/memories/search/": {"query": "tea", "user_id": "alice"},
    "/v2/memories/search/": {"query": "tea", "filters": {"user_id": "alice"}},
    "/v3/memories/search/": {"query": "tea", "filters": {"user_id": "alice"}},
    "/v2/memories/": {"filters": {"user_id": "alice"}},
    "/v3/memories/": {"filters": {"user_id": "alice"}},
}
ADDED = {"messages": [{"role": "user", "content": "tea"}], "user_id": "alice"}


@pytest.mark.parametrize("route", READS)
def test_reading_by_post_wakes_no_delivery(lively: Memory, route: str) -> None:
    """A POST that only reads leaves the delivery to webhooks asleep, and so does a write that was refused."""
    app = create_app(lively, ALLOWED)

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
            assert (await client.post(route, json=READS[route])).status_code == 200
            assert (await client.post("/memories", json={**ADDED, "user_id": " "})).status_code == 400
            assert not app.backend._delivery._started
            assert (await client.post("/memories", json=ADDED)).status_code == 200
            assert app.backend._delivery._started
            await app.backend.close()

    asyncio.run(main())


def test_a_server_refuses_private_hosts(lively: Memory, receiver: Receiver) -> None:
    """Without the setting, a webhook that the library allowed gets nothing from a server, and shows why."""
    warned = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: warned.set()  # type: ignore[method-assign]
    logger = logging.getLogger("mem0lite")
    hook(lively, receiver)
    lively.add("tea", user_id="alice")
    logger.addHandler(handler)
    try:
        with served_by(create_app(lively, Settings(vacuum_interval_seconds=0))):
            assert warned.wait(30)
    finally:
        logger.removeHandler(handler)
    assert "not public" in state(lively, "last_error")[0]
    assert receiver.rest() == []


@pytest.mark.parametrize("grace", [0.0, 60.0])
def test_a_server_stops_beside_a_receiver_that_does_not_answer(
    lively: Memory, receiver: Receiver, hold: Hold, monkeypatch: pytest.MonkeyPatch, grace: float
) -> None:
    """A delivery gets some time to finish in when the server stops, and no more; the change is not lost."""
    monkeypatch.setattr(backend, "_GRACE_SECONDS", grace)
    monkeypatch.setitem(webhooks.deliver.__kwdefaults__, "timeout", 60.0)
    receiver.answers.append(hold)
    hook(lively, receiver)
    lively.add("tea", user_id="alice")

    async def main() -> None:
        lifespan = create_app(lively, ALLOWED).lifespan()
        await lifespan.__aenter__()
        await asyncio.to_thread(receiver.next)
        stopping = asyncio.create_task(lifespan.__aexit__(None, None, None))
        await asyncio.wait([stopping], timeout=0.2 if grace else 30)
        assert stopping.done() == (grace == 0)
        if grace:
            hold.release()
            await asyncio.wait_for(stopping, 30)
        assert state(lively, "delivered") == [1 if grace else 0]

    asyncio.run(main())


def test_what_a_stopped_server_was_sending_is_free_at_once(
    lively: Memory, receiver: Receiver, hold: Hold, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops in the middle of a request leaves the webhook to who comes next, without a wait."""
    monkeypatch.setattr(backend, "_GRACE_SECONDS", 0.0)
    monkeypatch.setitem(webhooks.deliver.__kwdefaults__, "timeout", 60.0)
    receiver.answers.append(hold)
    hook(lively, receiver)
    lively.add("tea", user_id="alice")

    async def main() -> str:
        async with create_app(lively, ALLOWED).lifespan():
            return (await asyncio.to_thread(receiver.next)).headers["webhook-id"]

    sent = asyncio.run(main())
    lively.close()
    with Memory(path, embedder=HashEmbedder()) as restarted:
        assert deliver(restarted) == (1, 0, 0)
        assert receiver.next().headers["webhook-id"] == sent


def test_the_setting_comes_from_the_environment() -> None:
    """MEM0LITE_WEBHOOK_ALLOW_PRIVATE allows private hosts; by default they are refused."""
    assert Settings.from_environment({"MEM0LITE_WEBHOOK_ALLOW_PRIVATE": "1"}).webhook_allow_private is True
    assert Settings.from_environment({}).webhook_allow_private is False
    with pytest.raises(ValueError, match="MEM0LITE_WEBHOOK_ALLOW_PRIVATE: 'maybe'"):
        Settings.from_environment({"MEM0LITE_WEBHOOK_ALLOW_PRIVATE": "maybe"})


# -- the timer


def test_a_nudged_timer_works_at_once() -> None:
    """A nudge, from another thread too, is heeded without waiting for the interval; many are one."""

    async def main() -> None:
        calls: asyncio.Queue[None] = asyncio.Queue()
        release = asyncio.Event()

        async def work() -> None:
            calls.put_nowait(None)
            await release.wait()

        timer = Timer("test", work, 0)
        assert not timer.nudge()
        timer.start()
        assert timer.nudge()
        await calls.get()
        assert [await asyncio.to_thread(timer.nudge) for _ in range(5)] == [True] * 5
        assert calls.empty()
        release.set()
        await calls.get()
        await timer.stop()
        assert calls.empty()
        assert not timer.nudge()

    asyncio.run(main())


def test_many_nudges_do_not_keep_a_timer_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a nudge was heeded, the next one waits for a pause; without a nudge there is none."""
    monkeypatch.setattr(timer, "_PAUSE_SECONDS", 3_600.0)

    async def main() -> None:
        calls: asyncio.Queue[None] = asyncio.Queue()

        async def work() -> None:
            calls.put_nowait(None)

        often = Timer("test", work, 0.001)
        often.start()
        for _ in range(3):
            await calls.get()
        await often.change(0)
        while not calls.empty():
            calls.get_nowait()
        assert often.nudge()
        await calls.get()
        assert often.nudge()
        again = asyncio.create_task(calls.get())
        await asyncio.wait([again], timeout=0.05)
        assert not again.done()
        again.cancel()
        await often.stop()

    asyncio.run(main())


def test_a_timer_lives_on_in_another_loop() -> None:
    """After its event loop is gone a timer does not run, and can be started in another one."""
    calls = []

    async def work() -> None:
        calls.append(asyncio.get_running_loop())
        worked.set()

    timer = Timer("test", work, 0)
    for _ in range(2):
        worked = threading.Event()

        async def main() -> None:
            assert not timer.nudge()
            timer.start()
            assert timer.nudge()
            assert await asyncio.to_thread(worked.wait, 30)  # noqa: B023

        asyncio.run(main())
    assert len(set(map(id, calls))) == 2


def test_a_timer_is_stopped_from_another_loop() -> None:
    """Who stops a timer need not be in the event loop it runs in."""
    ended = threading.Event()

    async def run(started: threading.Event) -> None:
        timer.start()
        [task] = asyncio.all_tasks() - {asyncio.current_task()}
        started.set()
        await asyncio.wait([task])
        ended.set()

    async def work() -> None:
        raise AssertionError

    timer = Timer("test", work, 0)
    started = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, run(started))
        assert started.wait(30)
        asyncio.run(timer.stop())
        assert ended.wait(30)
        running.result()
