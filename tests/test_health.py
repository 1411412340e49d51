"""Being watched and being stopped: health, metrics, access log, CORS, shutdown, and an event loop that never waits."""

import asyncio
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
import serving
import uvicorn
from embedder import HashEmbedder
from serving import served_by

from mem0lite import AsyncMemory, Memory
from mem0lite.server import Settings, create_app

served, store, client = serving.served, serving.store, serving.client

QUIET = Settings(vacuum_interval_seconds=0)
KEYS = Settings.from_environment({"MEM0LITE_API_KEYS": "boss,pinned:alice", "MEM0LITE_VACUUM_INTERVAL_SECONDS": "0"})
SEARCH = {"query": "tea", "user_id": "alice"}


def _client(app: Any) -> httpx.AsyncClient:
    """Return a client that calls the app as a host without lifespan events does."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def _get(app: Any, *paths: str) -> list[httpx.Response]:
    """Return the answers of an app that gets no lifespan events."""

    async def main() -> list[httpx.Response]:
        async with _client(app) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(main())


# -- health


def test_live_does_not_touch_the_store(path: Path) -> None:
    """A server that cannot open its file lives; asking it creates nothing."""
    app = create_app(settings=Settings(db=str(path / "missing" / "agent.db"), vacuum_interval_seconds=0))
    [answer] = _get(app, "/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert not path.exists()


def test_ready_opens_the_store(path: Path) -> None:
    """Ready means that the file is open and was read."""
    app = create_app(settings=Settings(db=str(path), vacuum_interval_seconds=0))
    [answer] = _get(app, "/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert path.exists()


@pytest.mark.parametrize("content", [None, b"no database " * 1_000])
def test_not_ready_tells_why_and_no_path(path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None) -> None:
    """A store that cannot be opened is 503 with a reason; where it is, the log tells and the answer does not."""
    db = path if content else path / "missing" / "agent.db"
    if content:
        db.write_bytes(content)
    with caplog.at_level(logging.ERROR, "mem0lite"):
        [answer] = _get(create_app(settings=Settings(db=str(db), vacuum_interval_seconds=0)), "/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The store cannot be used. The server's log says why."}
    assert str(db) in str(caplog.records[0].exc_info)


def test_closed_store_is_not_ready(caplog: pytest.LogCaptureFixture) -> None:
    """When its owner closed the memory, the server lives and is not ready."""
    memory = Memory(":memory:", embedder=HashEmbedder())
    memory.close()
    with caplog.at_level(logging.CRITICAL, "mem0lite"):
        live, ready = _get(create_app(memory, QUIET), "/health/live", "/health/ready")
    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json() == {"detail": "The server is shutting down."}


@pytest.mark.parametrize("loss", ["removed", "replaced"])
def test_a_server_whose_file_is_gone_is_not_ready(path: Path, caplog: pytest.LogCaptureFixture, loss: str) -> None:
    """When the file is removed or replaced under a server, it lives, is not ready and stores nothing; both say why, and
    after the stop what was put in its place is as it was."""
    other = path.with_name("other.db")
    with Memory(other, embedder=HashEmbedder()) as memory:
        memory.add("other", user_id="alice")
    before = other.read_bytes()
    app = create_app(settings=Settings(db=str(path), vacuum_interval_seconds=0))
    with caplog.at_level(logging.CRITICAL, "mem0lite"), served_by(app) as client:
        serving.add(client, "one")
        if loss == "removed":
            path.unlink()
        else:
            other.replace(path)
        body = {"messages": [{"role": "user", "content": "two"}], "user_id": "alice"}
        answers = [client.get("/health/ready"), client.post("/memories", json=body), client.get("/health/ready")]
        assert client.get("/health/live").status_code == 200
        assert client.get("/metrics").status_code == 200
    assert [answer.status_code for answer in answers] == [503, 502, 503]
    for answer in answers:
        assert answer.json() == {"detail": "The store's file was removed or replaced while it was open."}
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [
        (other.name if loss == "removed" else path.name, before)
    ]


@pytest.mark.parametrize(
    ("key", "statuses"), [(None, (200, 200, 401)), ("pinned", (200, 200, 403)), ("boss", (200, 200, 200))]
)
def test_health_needs_no_key_and_metrics_an_admin_s(memory: Memory, key: str | None, statuses: tuple[int, ...]) -> None:
    """Probes carry no key; the metrics, which count everybody's memories, are for admins."""
    headers = {} if key is None else {"X-API-Key": key}
    with served_by(create_app(memory, KEYS)) as client:
        answers = [client.get(path, headers=headers) for path in ("/health/live", "/health/ready", "/metrics")]
    assert tuple(answer.status_code for answer in answers) == statuses


# -- metrics


def _metrics(client: httpx.Client) -> dict[str, float]:
    """Return every metric by its name and labels, as the text format writes them."""
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def _labels(method: str, path: str, status: int) -> str:
    return f'{{app_name="mem0lite",method="{method}",path="{path}",status_code="{status}"}}'


def test_requests_are_counted_and_timed_by_route(memory: Memory) -> None:
    """Counts and latencies are those of the route, so that ids neither leak nor multiply the metrics."""
    with served_by(create_app(memory, QUIET)) as client:
        for memory_id in ("secret-one", "secret-two"):
            client.get(f"/memories/{memory_id}")
            client.delete(f"/entities/user/{memory_id}")
        client.get("/memories?user_id=")
        client.get("/secret-path")
        client.patch("/memories/secret-three")
        metrics = _metrics(client)
    assert metrics["mem0lite_requests_total" + _labels("GET", "/memories/{memory_id}", 200)] == 2
    assert metrics["mem0lite_requests_total" + _labels("DELETE", "/entities/{entity_type}/{entity_id}", 200)] == 2
    assert metrics["mem0lite_requests_total" + _labels("GET", "/memories", 400)] == 1
    assert metrics["mem0lite_request_duration_seconds_count" + _labels("GET", "/memories/{memory_id}", 200)] == 2
    assert metrics["mem0lite_request_duration_seconds_sum" + _labels("GET", "/memories/{memory_id}", 200)] > 0
    assert metrics['mem0lite_unrouted_requests_total{status_code="404"}'] == 1
    assert metrics['mem0lite_unrouted_requests_total{status_code="405"}'] == 1
    assert not any("secret" in name for name in metrics)


def test_what_runs_has_no_status(memory: Memory) -> None:
    """A request that is being answered has no status code yet; HEAD is told from GET."""
    with served_by(create_app(memory, QUIET)) as client:
        client.head("/memories")
        metrics = _metrics(client)
    running = {name for name in metrics if name.startswith("mem0lite_requests_in_progress")}
    at = 'mem0lite_requests_in_progress{app_name="mem0lite",method="%s",path="%s"}'
    assert running == {at % ("HEAD", "/memories"), at % ("GET", "/metrics")}
    assert (metrics[at % ("HEAD", "/memories")], metrics[at % ("GET", "/metrics")]) == (0, 1)
    assert metrics["mem0lite_requests_total" + _labels("HEAD", "/memories", 200)] == 1


def test_failures_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A 5xx is counted as an error; of a store that cannot be read the metrics say that, and the others go on."""
    memory = Memory(":memory:", embedder=HashEmbedder())
    with caplog.at_level(logging.CRITICAL, "mem0lite"), served_by(create_app(memory, QUIET)) as client:
        assert _metrics(client)["mem0lite_store_up"] == 1
        memory.close()
        assert client.get("/memories").status_code == 503
        metrics = _metrics(client)
    assert metrics["mem0lite_requests_error_total" + _labels("GET", "/memories", 503)] == 1
    assert metrics["mem0lite_store_up"] == 0
    assert "mem0lite_memories" not in metrics


def test_store_is_measured(path: Path) -> None:
    """Size in bytes, live and expired memories, and those the timer removed."""
    asked = threading.Event()

    def clock() -> datetime:
        asked.set()
        return datetime.now(UTC)

    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add("tea", user_id="u")
        memory.add("gone", user_id="u", ttl=0)
        with served_by(create_app(memory, QUIET)) as client:
            before = _metrics(client)
            client.post("/configure", json={"vacuum_interval_seconds": 0.001})
            for _ in range(3):  # the third vacuum begins after the first was counted
                asked.clear()
                assert asked.wait(30)
            client.post("/configure", json={"vacuum_interval_seconds": 0})
            after = _metrics(client)
        size = memory.stats()["bytes"]
    assert (before["mem0lite_memories"], before["mem0lite_expired_memories"]) == (1, 1)
    assert (after["mem0lite_memories"], after["mem0lite_expired_memories"]) == (1, 0)
    assert (before["mem0lite_vacuumed_memories_total"], after["mem0lite_vacuumed_memories_total"]) == (0, 1)
    assert after["mem0lite_store_bytes"] == size


def test_apps_of_one_process_count_apart() -> None:
    """Each app counts its own requests only, and the process's own registry has none of them."""
    from prometheus_client import generate_latest

    with (
        Memory(":memory:", embedder=HashEmbedder()) as memory,
        served_by(create_app(memory, QUIET)) as one,
        served_by(create_app(memory, QUIET)) as two,
    ):
        for client, times in ((one, 1), (two, 2)):
            for _ in range(times):
                client.get("/entities")
        counted = [
            _metrics(client)["mem0lite_requests_total" + _labels("GET", "/entities", 200)] for client in (one, two)
        ]
    assert counted == [1, 2]
    assert b"mem0lite" not in generate_latest()


# -- the access log


@contextmanager
def _lines() -> Iterator[list[dict[str, Any]]]:
    """Take part in the access log as a host does, with a handler of its own, and yield its lines as they come."""
    lines: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(json.loads(record.getMessage()))  # type: ignore[method-assign]
    logger = logging.getLogger("mem0lite.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_each_request_is_one_line(memory: Memory) -> None:
    """A line of JSON tells request id, method, route, status, duration and size; unrouted requests have one too."""
    with _lines() as lines, served_by(create_app(memory, QUIET)) as client:
        answers = [
            client.get("/memories/abc", headers={"X-Request-ID": "trace-1"}),
            client.get("/nowhere"),
            client.patch("/memories"),
            client.post("/search", json={}),
        ]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/memories/{memory_id}", 200),
        ("GET", "/*", 404),
        ("PATCH", "/memories", 405),
        ("POST", "/search", 422),
    ]
    for line, answer in zip(lines, answers, strict=True):
        assert line["request_id"] == answer.headers["X-Request-ID"]
        assert line["bytes"] == len(answer.content)
        assert 0 < line["duration_ms"] < 30_000
        assert datetime.fromisoformat(line["time"]).tzinfo == UTC


def test_nothing_private_is_logged(memory: Memory) -> None:
    """No text, id, query string or key of a request gets into the log, nor a line break that would fake a line."""
    headers = {"X-API-Key": "boss", "Authorization": "Bearer secret", "Cookie": "secret", "Origin": "http://secret"}
    with _lines() as lines, served_by(create_app(memory, KEYS)) as client:
        add_body = {
            "messages": [{"role": "user", "content": "secret"}],
            "user_id": "secret",
            "metadata": {"k": "secret"},
        }
        client.post("/memories?key=secret", json=add_body, headers={"X-API-Key": "boss"})
        client.get("/memories?user_id=secret&token=secret", headers=headers)
        client.get("/memories/secret/history", headers=headers)
        client.delete("/entities/user/secret", headers=headers)
        client.get("/memories?api_key=secret", headers={"X-API-Key": "secret"})
        client.get("/v1/memories/secret/history/secret", headers=headers)
        client.get("/a%0Ab" + "x" * 1_000)
    assert len(lines) == 7
    assert not any("secret" in json.dumps(line) for line in lines)
    assert lines[-2]["path"] == "/v1/memories/*/history/*"
    assert lines[-1]["path"] == "/*"


def test_host_s_logging_decides(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """A mounted app adds no handler and sets no level: its lines go where the host's logging sends them, or nowhere."""
    logger = logging.getLogger("mem0lite.access")
    app = create_app(memory, Settings(vacuum_interval_seconds=0, access_log=True))
    for level, expected in ((logging.WARNING, 0), (logging.INFO, 1)):
        with caplog.at_level(level), served_by(app) as client:
            client.get("/health/live")
        assert len([record for record in caplog.records if record.name == logger.name]) == expected
    assert (logger.handlers, logger.level, logger.propagate) == ([], logging.NOTSET, True)


def test_abandoned_request_is_logged(memory: Memory) -> None:
    """A request that is cancelled before there was an answer has status 0."""

    async def main() -> None:
        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            raise AssertionError(message)

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"2")]
        scope = {"type": "http", "method": "POST", "path": "/search", "headers": headers, "query_string": b""}
        task = asyncio.create_task(create_app(memory, QUIET)(scope, receive, send))
        await asyncio.wait([task], timeout=0)
        task.cancel()
        await asyncio.wait([task])

    with _lines() as lines:
        asyncio.run(main())
    assert [line["status"] for line in lines] == [0]


@contextmanager
def _serving(cwd: Path, *options: str, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run ``mem0lite serve`` and yield its address and the process."""
    command = [sys.executable, "-m", "mem0lite", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **environment}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        announced = re.search(r"http://[\d.]+:\d+", process.stderr.readline())
        assert announced
        yield announced[0], process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("options", "environment", "logged"),
    [(["--access-log"], {}, True), ([], {"MEM0LITE_ACCESS_LOG": "1"}, True), ([], {"MEM0LITE_ACCESS_LOG": "0"}, False)],
)
def test_serve_writes_the_access_log_when_asked(
    tmp_path: Path, options: list[str], environment: dict[str, str], logged: bool
) -> None:
    """``mem0lite serve`` writes a line per request to stderr with the option or the variable, and only then."""
    with _serving(tmp_path, *options, **environment) as (address, process):
        assert httpx.get(f"{address}/health/ready").status_code == 200
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=30)
    assert process.returncode == 0
    *lines, closed = written.splitlines()
    assert [json.loads(line)["path"] for line in lines] == (["/health/ready"] if logged else [])
    assert closed.startswith("mem0lite closed /")
    assert [file.name for file in tmp_path.iterdir()] == ["mem0lite.db"]


# -- CORS


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx.Client]:
    """A client of a server whose keys are set, and which pages of one other origin may call."""
    environment = {"MEM0LITE_CORS_ORIGINS": "https://app.example, http://localhost:3000", "MEM0LITE_API_KEYS": "boss"}
    settings = Settings.from_environment(environment)
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/memories", "boss", 200),
        ("GET", "/memories", "wrong", 401),
        ("GET", "/nowhere", "boss", 404),
        ("PATCH", "/memories", "boss", 405),
        ("POST", "/search", "boss", 422),
    ],
)
def test_pages_of_a_named_origin_may_read_answers(
    shared: httpx.Client, method: str, path: str, key: str, status: int
) -> None:
    """Every answer, errors too, carries the CORS headers and lets the page read the headers that say something."""
    answer = shared.request(method, path, headers={"Origin": "https://app.example", "X-API-Key": key})
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert set(exposed) == {"X-Request-ID", "X-Mem0lite-Ignored", "X-Total-Count", "Link", "Retry-After"}
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(("origin", "status"), [("http://localhost:3000", 204), ("https://app.example.evil", 400)])
def test_browsers_ask_first(shared: httpx.Client, origin: str, status: int) -> None:
    """A preflight request needs no key; it is granted to a named origin and refused to others."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-api-key"}
    answer = shared.options("/memories/x", headers=headers)
    assert answer.status_code == status
    assert ("Access-Control-Allow-Origin" in answer.headers) == (status == 204)
    if status == 204:
        assert "x-api-key" in answer.headers["Access-Control-Allow-Headers"].lower()
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


def test_other_pages_may_not_read_answers(shared: httpx.Client, client: httpx.Client) -> None:
    """Without the setting, and for an origin it does not name, there is no permission."""
    for one in (shared, client):
        answer = one.get("/health/live", headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers


# -- stopping


class HeldEmbedder(HashEmbedder):
    """Embeds only once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.release = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.entered.set()
        assert self.release.wait(30)
        return super().embed(texts)


@contextmanager
def _told(message: str) -> Iterator[threading.Event]:
    """Yield an event that is set when uvicorn logs this message."""
    told, logger = threading.Event(), logging.getLogger("uvicorn.error")

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if message in record.getMessage():
                told.set()

    watch, level = Watch(), logger.level
    logger.addHandler(watch)
    logger.setLevel(logging.INFO)
    try:
        yield told
    finally:
        logger.removeHandler(watch)
        logger.setLevel(level)


def test_shutdown_finishes_what_was_accepted(path: Path) -> None:
    """Told to stop while a text is being embedded, the server refuses connections, stores the text, and answers."""
    embedder = HeldEmbedder()
    body = {"messages": [{"role": "user", "content": "tea"}], "user_id": "u"}
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with (
        Memory(path, embedder=embedder) as memory,
        listener,
        ThreadPoolExecutor(1) as pool,
        _told("Waiting for connections") as deaf,  # which uvicorn does once it has closed its sockets
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        server = uvicorn.Server(uvicorn.Config(create_app(memory, QUIET), log_config=None))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        running.start()
        try:
            request = pool.submit(httpx.post, f"http://{address[0]}:{address[1]}/memories", json=body, timeout=30)
            assert embedder.entered.wait(30)
            server.should_exit = True
            assert deaf.wait(30)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            assert not request.done()
        finally:
            embedder.release.set()
            running.join()
        assert request.result().json()["results"][0]["event"] == "ADD"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with Memory(path, embedder=embedder) as memory:
        assert memory.get_all(user_id="u")["total"] == 1


# -- the event loop


@contextmanager
def _sql_threads() -> Iterator[set[int]]:
    """Yield the threads in which connections opened from now on execute statements."""
    threads: set[int] = set()

    def note(*_: Any) -> bool:
        threads.add(threading.get_ident())
        return True

    def hook(connection: apsw.Connection) -> None:
        connection.exec_trace = note

    apsw.connection_hooks.append(hook)
    try:
        yield threads
    finally:
        apsw.connection_hooks.remove(hook)


async def _ask_everything(app: Any) -> None:
    async with _client(app) as client:
        body = {"messages": [{"role": "user", "content": "tea"}], "user_id": "alice"}
        memory_id = (await client.post("/memories", json=body)).json()["results"][0]["id"]
        requests: list[tuple[str, str, Any]] = [
            *(("GET", path, None) for path in ("/health/ready", "/metrics", "/memories", "/entities", "/configure")),
            *(("POST", "/search", SEARCH), ("PUT", f"/memories/{memory_id}", {"text": "coffee"})),
            *(("GET", f"/memories/{memory_id}", None), ("GET", f"/memories/{memory_id}/history", None)),
            *(("DELETE", f"/memories/{memory_id}", None), ("DELETE", "/memories?user_id=alice", None)),
            *(("DELETE", "/entities/user/alice", None), ("POST", "/reset", None)),
        ]
        for method, path, body_ in requests:
            answer = await client.request(method, path, json=body_)
            assert answer.status_code == 200, (path, answer.text)


def test_event_loop_neither_embeds_nor_reads(path: Path) -> None:
    """Every embedding, and every SQL statement that a route executes, runs in another thread."""
    embedding: set[int] = set()

    class Noting(HashEmbedder):
        def embed_query(self, text: str) -> list[float]:  # which embed calls too
            embedding.add(threading.get_ident())
            return super().embed_query(text)

    with ThreadPoolExecutor(1) as pool, _sql_threads() as executing:
        memory = pool.submit(Memory, path, embedder=Noting()).result()  # not in the thread of the event loop
        asyncio.run(_ask_everything(create_app(memory, QUIET)))
        pool.submit(memory.close).result()
    assert embedding
    assert executing
    assert threading.get_ident() not in embedding | executing


def test_a_scrape_counts_no_table_that_did_not_change(path: Path) -> None:
    """The metrics count memories once for each change, and the graph never."""
    statements: list[str] = []

    def hook(connection: apsw.Connection) -> None:
        connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) or True  # type: ignore[func-returns-value]

    apsw.connection_hooks.append(hook)
    try:
        with Memory(path, embedder=HashEmbedder()) as memory, served_by(create_app(memory, QUIET)) as client:
            memory.add("tea", user_id="u")
            assert _metrics(client)["mem0lite_memories"] == 1
            statements.clear()
            assert _metrics(client)["mem0lite_memories"] == 1
            assert statements
            assert not [one for one in statements if "count(" in one]
    finally:
        apsw.connection_hooks.remove(hook)


def test_event_loop_does_not_open_the_file(path: Path) -> None:
    """Where the app opens the store, that runs in another thread too."""
    with _sql_threads() as executing:
        ready, metrics = _get(create_app(settings=Settings(db=str(path))), "/health/ready", "/metrics")
    assert (ready.status_code, metrics.status_code) == (200, 200)
    assert executing
    assert threading.get_ident() not in executing


def test_readiness_waits_for_no_read(path: Path) -> None:
    """While every thread that reads is taken, and more reads wait for one, the server says that it is ready."""
    entered, release = threading.Semaphore(0), threading.Event()

    def clock() -> datetime:
        if threading.current_thread().name.startswith("mem0lite-read"):
            entered.release()
            assert release.wait(30)
        return datetime.now(UTC)

    async def main(memory: Memory) -> None:
        serving_all = AsyncMemory(memory)
        reads = [asyncio.create_task(serving_all.get("")) for _ in range(10)]
        for _ in range(4):
            await asyncio.to_thread(entered.acquire)
        async with _client(create_app(serving_all, QUIET)) as client:
            answer = await client.get("/health/ready")
        assert (answer.status_code, any(read.done() for read in reads)) == (200, False)
        release.set()
        await asyncio.gather(*reads)
        await serving_all.close()

    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        asyncio.run(main(memory))


@pytest.mark.parametrize("path", ["/health/ready", "/metrics", "/memories", "/health/live"])
def test_nobody_waits_for_another_s_embedding(path: str) -> None:
    """While texts of others are being embedded, probes, metrics and reads are answered."""
    embedder = HeldEmbedder()
    body = {"messages": [{"role": "user", "content": "tea"}], "user_id": "u"}
    with (
        Memory(":memory:", embedder=embedder) as memory,
        served_by(create_app(memory, QUIET)) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        adds = [pool.submit(client.post, "/memories", json=body) for _ in range(2)]
        try:
            assert embedder.entered.wait(30)
            assert client.get(path).status_code == 200
            assert not any(add.done() for add in adds)
        finally:
            embedder.release.set()
        assert [add.result().status_code for add in adds] == [200, 200]


# -- settings


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("MEM0LITE_MAX_BODY_BYTES", "2048", "max_body_bytes", 2048),
        ("MEM0LITE_CORS_ORIGINS", " https://a.example ,http://[::1]:3000,", "cors_origins", ("https://a.example", "http://[::1]:3000")),
        ("MEM0LITE_MAX_MEMORIES_PER_USER", "7", "max_memories_per_user", 7),
        ("MEM0LITE_MAX_BYTES_PER_USER", "0", "max_bytes_per_user", 0),
        ("MEM0LITE_CORS_ORIGINS", "*", "cors_origins", ("*",)),
        ("MEM0LITE_ACCESS_LOG", "on", "access_log", True),
        ("MEM0LITE_ACCESS_LOG", "0", "access_log", False),
    ],
)  # fmt: skip
def test_settings_are_read(variable: str, text: str, name: str, value: object) -> None:
    """The variables of this page's subjects are read."""
    assert getattr(Settings.from_environment({variable: text}), name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *(("MEM0LITE_MAX_BODY_BYTES", text) for text in ("0", "-1", "1e6", "1 MiB", "²")),
        *(("MEM0LITE_MAX_MEMORIES_PER_USER", text) for text in ("-1", "1e6", "many", "²", "9" * 19)),
        *(("MEM0LITE_CORS_ORIGINS", text) for text in ("app.example", "https://a.example/", "https://*.example")),
        *(("MEM0LITE_ACCESS_LOG", text) for text in ("2", "stderr")),
    ],
)
def test_bad_settings_are_refused(variable: str, text: str) -> None:
    """A value that cannot be read is named, rather than taken for the default."""
    with pytest.raises(ValueError, match=re.escape(f"{variable}: {text!r}")):
        Settings.from_environment({variable: text})


# -- what a request costs


def test_little_is_done_for_a_ping(caplog: pytest.LogCaptureFixture) -> None:
    """What surrounds each answer (routing, rules, metrics, headers) stays within a number of calls of functions."""
    app = create_app(settings=Settings(insecure=True))
    sent: list[Any] = []
    calls = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    def count(_frame: object, event: str, _called: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    async def main() -> None:
        for profile in (None, count):  # the first request fills caches
            headers = [(b"host", b"localhost:8888"), (b"accept", b"*/*")]
            target = {"method": "GET", "path": "/health/live", "raw_path": b"/health/live", "query_string": b""}
            scope = {"type": "http", "http_version": "1.1", "client": ("127.0.0.1", 5), "headers": headers, **target}
            sys.setprofile(profile)
            try:
                await app(scope, receive, send)
            finally:
                sys.setprofile(None)

    with caplog.at_level(logging.WARNING, "mem0lite.access"):  # as it is where nobody asked for that log
        asyncio.run(main())
    assert [message["status"] for message in sent if "status" in message] == [200, 200]
    assert calls < 350, calls
