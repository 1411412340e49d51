"""Opening, closing, configuring and vacuuming: what an app does besides answering."""

import asyncio
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add, served_by

from mem0lite import AsyncMemory, ConfigurationError, Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.timer import Timer

served, store, client = serving.served, serving.store, serving.client

QUIET = Settings(vacuum_interval_seconds=0)


def _client(app: object) -> httpx.AsyncClient:
    """Return a client that calls the app as a host without lifespan events does."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host")  # type: ignore[arg-type]


# -- opening and closing


def test_create_app_opens_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an app neither creates the file nor looks for the model."""
    create_app(settings=Settings(db=str(path), embedding_model="no such model"))
    assert not path.exists()
    monkeypatch.setenv("MEM0LITE_DB", str(path))
    create_app()
    assert not path.exists()


def test_create_app_leaves_logging_alone() -> None:
    """A host's root logger is as it was."""
    before = list(logging.getLogger().handlers)
    create_app(settings=QUIET)
    assert logging.getLogger().handlers == before


def test_lifespan_opens_and_closes_the_file(path: Path) -> None:
    """A server of its own opens the file of its settings, and leaves one closed file behind."""
    with served_by(create_app(settings=Settings(db=str(path)))) as client:
        assert path.exists()
        assert client.get("/memories").json() == {"results": [], "total": 0, "next_cursor": None}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_first_request_opens_the_file_without_a_lifespan(path: Path) -> None:
    """A host that sends no lifespan events gets an open store with its first request, and it can be closed later."""
    app = create_app(settings=Settings(db=str(path), vacuum_interval_seconds=0))

    async def main() -> None:
        async with _client(app) as client:
            assert not path.exists()
            assert (await client.get("/memories")).status_code == 200
            assert path.exists()
        async with app.lifespan():
            pass
        assert [file.name for file in path.parent.iterdir()] == [path.name]

    asyncio.run(main())


def test_store_is_opened_once(path: Path) -> None:
    """Concurrent first requests, from several event loops too, share one store."""
    app = create_app(settings=Settings(db=":memory:", vacuum_interval_seconds=0))  # each opening would be another store
    body = {"messages": [{"role": "user", "content": "hello"}], "user_id": "u", "infer": False}

    async def several() -> None:
        async with _client(app) as client:
            answers = await asyncio.gather(*(client.post("/memories", json=body) for _ in range(4)))
            assert [answer.status_code for answer in answers] == [200] * 4

    async def count_and_close() -> int:
        async with _client(app) as client:
            total: int = (await client.get("/memories")).json()["total"]
        async with app.lifespan():
            return total

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(asyncio.run, several()) for _ in range(4)]:
            done.result()
    assert asyncio.run(count_and_close()) == 16


def test_app_can_be_served_again(path: Path) -> None:
    """After its lifespan ended, an app opens its file anew."""
    app = create_app(settings=Settings(db=str(path), vacuum_interval_seconds=0))
    for _ in range(2):
        with served_by(app) as client:
            assert client.get("/memories").status_code == 200


def test_memory_of_the_caller_stays_open(memory: Memory) -> None:
    """The server never closes a Memory it was given."""
    with served_by(create_app(memory, QUIET)) as client:
        memory_id = add(client, "tea")
    item = memory.get(memory_id)
    assert item is not None
    assert item["memory"] == "tea"


def test_async_memory_of_the_caller_stays_open(memory: Memory) -> None:
    """The server never closes an AsyncMemory it was given."""
    shared = AsyncMemory(memory)
    with served_by(create_app(shared, QUIET)) as client:
        add(client, "tea")

    async def main() -> int:
        total = (await shared.get_all(user_id="alice"))["total"]
        await shared.close()
        return total

    assert asyncio.run(main()) == 1


def test_slow_embedding_does_not_delay_other_requests() -> None:
    """While a text is being embedded, other requests are answered."""
    entered, release = threading.Event(), threading.Event()

    class SlowEmbedder(HashEmbedder):
        def embed_query(self, text: str) -> list[float]:
            entered.set()
            assert release.wait(30)
            return super().embed_query(text)

    with (
        Memory(":memory:", embedder=SlowEmbedder()) as memory,
        served_by(create_app(memory, QUIET)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        search = pool.submit(client.post, "/search", json={"query": "x", "user_id": "u"})
        try:
            assert entered.wait(30)
            assert client.get("/configure").status_code == 200
            assert not search.done()
        finally:
            release.set()
        assert search.result().status_code == 200


def test_server_extra_is_named_when_missing() -> None:
    """Without litestar the error tells what to install, and the library works."""
    code = (
        "import sys; sys.modules['litestar'] = None\n"
        "import mem0lite\n"
        "try: mem0lite.create_app()\n"
        "except mem0lite.DependencyError as error: print(error)\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "mem0lite[server]"' in printed


# -- settings


def test_configuration_has_no_path_and_no_secret(path: Path) -> None:
    """GET /configure tells the file's name without its folder, the model and the interval."""
    with Memory(path, embedder=HashEmbedder()) as memory, served_by(create_app(memory, QUIET)) as client:
        given = client.get("/configure").json()
    assert given.pop("version")
    assert given == {
        "db": "agent.db",
        "embedder": {"name": "test-hash", "dimensions": 64},
        "vacuum_interval_seconds": 0,
        "read_only": False,
        "graph_categories": [],
    }


def test_vacuum_interval_can_be_changed(client: httpx.Client) -> None:
    """POST /configure sets the interval until the server stops; an empty change changes nothing."""
    for body, expected in (({"vacuum_interval_seconds": 7.5}, 7.5), ({}, 7.5), ({"vacuum_interval_seconds": 0}, 0)):
        assert client.post("/configure", json=body).status_code == 200
        assert client.get("/configure").json()["vacuum_interval_seconds"] == expected


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"llm": {"provider": "ollama"}}, 400, "llm"),
        ({"vacuum_interval_seconds": 5, "db": "other.db"}, 400, "db"),
        ({"vacuum_interval_seconds": -1}, 400, "vacuum_interval_seconds"),
        ({"vacuum_interval_seconds": "nan"}, 400, "vacuum_interval_seconds"),
        ({"vacuum_interval_seconds": "inf"}, 400, "vacuum_interval_seconds"),
        ({"vacuum_interval_seconds": "often"}, 422, "vacuum_interval_seconds"),
        ({"vacuum_interval_seconds": None}, 422, "vacuum_interval_seconds"),
    ],
)
def test_configuration_refuses_what_cannot_change(
    client: httpx.Client, body: dict[str, object], status: int, word: str
) -> None:
    """An unknown setting or a bad value is refused by name, and nothing changes."""
    answer = client.post("/configure", json=body)
    assert answer.status_code == status
    assert word in answer.text
    assert client.get("/configure").json()["vacuum_interval_seconds"] == 0


def test_settings_default() -> None:
    """An empty environment gives the documented defaults, and so do empty variables."""
    assert Settings.from_environment({}) == Settings("mem0lite.db", "127.0.0.1", 8888, None, 60.0)
    assert Settings.from_environment({"MEM0LITE_PORT": "", "MEM0LITE_DB": ""}) == Settings()


def test_settings_come_from_the_environment() -> None:
    """Every variable is read."""
    environment = {
        "MEM0LITE_DB": "/data/a.db",
        "MEM0LITE_HOST": "0.0.0.0",
        "MEM0LITE_PORT": "0",
        "MEM0LITE_EMBEDDING_MODEL": "/models/m",
        "MEM0LITE_VACUUM_INTERVAL_SECONDS": "0.5",
        "MEM0LITE_RERANKER": "/models/r",
        "OTHER": "x",
    }
    expected = Settings("/data/a.db", "0.0.0.0", 0, "/models/m", 0.5, reranker="/models/r")
    assert Settings.from_environment(environment) == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("MEM0LITE_PORT", value) for value in ("http", "-1", "65536", "80.5", "²")),
        *(("MEM0LITE_VACUUM_INTERVAL_SECONDS", value) for value in ("often", "-1", "nan", "inf")),
    ],
)
def test_bad_settings_are_named(variable: str, value: str) -> None:
    """A variable that cannot be read is named with its value."""
    with pytest.raises(ConfigurationError, match=f"{variable}: '{value}'"):
        Settings.from_environment({variable: value})


# -- the timer


def test_timer_vacuums_after_each_interval(memory: Memory) -> None:
    """Expired memories are removed after every interval, and an error does not end the timer."""

    async def main() -> None:
        intervals: asyncio.Queue[float] = asyncio.Queue()
        ticks: asyncio.Queue[None] = asyncio.Queue()
        failures = [OSError("disk")]
        shared = AsyncMemory(memory)

        async def sleep(seconds: float) -> None:
            await intervals.put(seconds)
            await ticks.get()

        async def vacuum() -> None:
            if failures:
                raise failures.pop()
            await shared.vacuum()

        timer = Timer("vacuum", vacuum, 60, sleep)
        timer.start()
        timer.start()
        assert await intervals.get() == 60
        for left in (1, 0):  # the first vacuum fails
            ticks.put_nowait(None)
            await intervals.get()
            assert memory.stats()["expired"] == left
        await timer.change(5)
        assert await intervals.get() == 5
        await timer.change(0)
        ticks.put_nowait(None)
        assert intervals.empty()
        await timer.change(9)
        assert await intervals.get() == 9
        await timer.stop()
        await timer.stop()
        await timer.change(3)
        assert intervals.empty()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await shared.close()

    memory.add("gone", user_id="u", ttl=0)
    asyncio.run(main())


def test_timer_s_failure_is_logged(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """A vacuum that fails is in the log with its cause."""

    async def main() -> None:
        ticks = iter(range(1))
        stopped = asyncio.Event()

        async def sleep(_: float) -> None:
            if next(ticks, None) is None:
                stopped.set()
                await asyncio.Event().wait()

        async def vacuum() -> None:
            raise OSError("no space left")

        timer = Timer("vacuum", vacuum, 60, sleep)
        timer.start()
        await stopped.wait()
        await timer.stop()

    with caplog.at_level(logging.ERROR, "mem0lite"):
        asyncio.run(main())
    assert "no space left" in caplog.text


@pytest.mark.parametrize("interval", [0.001, 0])
def test_server_vacuums_while_it_runs(path: Path, interval: float) -> None:
    """A running server removes expired memories by itself, unless the interval is 0, and can be told to begin."""
    asked = threading.Semaphore(0)

    def clock() -> datetime:
        asked.release()  # the timer is the only one to ask while there are no requests
        return datetime.now(UTC)

    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add("gone", user_id="u", ttl=0)
        while asked.acquire(blocking=False):
            pass
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=interval))) as client:
            if interval == 0:
                client.post("/configure", json={"vacuum_interval_seconds": 0.001})
            for _ in range(3):
                assert asked.acquire(timeout=30)
        assert memory.stats()["expired"] == 0
