"""Opening, closing, configuring and vacuuming: what an app does besides answering."""

import asyncio
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving
from embedder import HashEmbedder
from serving import add, served_by

import mem0lite
from mem0lite import AsyncMemory, ConfigurationError, Memory
from mem0lite.server import ApiKey, Settings, create_app
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


@contextmanager
def _under_uvicorn(path: Path, **variables: str) -> Iterator[tuple[int, int, str]]:
    """Run the app under a server of somebody else's; yield the process's id, its port, and what it said until then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "mem0lite:create_app", "--port", "0"],
        env={**os.environ, "MEM0LITE_DB": str(path), "MEM0LITE_INSECURE": "1", **variables},
        cwd=path.parent, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    said = ""
    try:
        while not (port := re.search(r"http://127.0.0.1:(\d+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        yield process.pid, int(port[1]), said
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process has mapped")
def test_the_model_is_loaded_before_any_server_is_ready(path: Path) -> None:
    """Under a server of somebody else's, too, the weights are there when it says that the application has started."""
    with _under_uvicorn(path) as (pid, _, _):
        assert "fused.bin" in Path(f"/proc/{pid}/maps").read_text()


def test_a_model_that_cannot_be_loaded_stops_no_host(path: Path, tmp_path: Path) -> None:
    """The log says why, requests that need the model are answered with that, and the others as ever."""
    package = shutil.copytree(Path(mem0lite.__file__).parent, tmp_path / "damaged" / "mem0lite")
    words = package / "embedding" / "models" / "all-MiniLM-L6-v2" / "vocab.txt"
    words.write_bytes(words.read_bytes()[:-1])
    with _under_uvicorn(path, PYTHONPATH=str(package.parent)) as (_, port, said):
        assert "The embedding model cannot be loaded." in said
        assert f"{words} is damaged" in said
        with serving.client_of(f"http://127.0.0.1:{port}", timeout=60) as client:
            assert client.get("/memories").json()["total"] == 0
            assert client.post("/search", json={"query": "tea", "user_id": "u"}).status_code >= 500


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
        ("MEM0LITE_STATEMENT_TIMEOUT_SECONDS", "-1"),
    ],
)
def test_bad_settings_are_named(variable: str, value: str) -> None:
    """A variable that cannot be read is named with its value."""
    with pytest.raises(ConfigurationError, match=f"{variable}: '{value}'"):
        Settings.from_environment({variable: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("db", value) for value in (None, "", "  ", 5, b"a.db")),
        *(("host", value) for value in (None, "", 127, ("127.0.0.1",))),
        *(("port", value) for value in ("8888", 80.0, -1, 65_536, True, None)),
        *(("embedding_model", value) for value in ("", 5, ["m"])),
        *((name, value) for name in ("vacuum_interval_seconds", "statement_timeout_seconds")
          for value in ("60", -1, float("nan"), float("inf"), True, None)),
        *(("max_body_bytes", value) for value in ("1000", 0, -1, 1.5, False, None)),
        *(("cors_origins", value) for value in ("https://a.example", ("a.example",), (5,), None, ("https://a.example/",))),
        *((name, value) for name in ("access_log", "insecure", "webhook_allow_private", "loopback_only", "read_only",
                                     "checksums") for value in ("1", 1, None)),
        ("reranker", ""),
        *(("durability", value) for value in ("none", None, True, ["full"])),
        *(("api_keys", value) for value in (("secret-abc",), "secret-abc", None, [ApiKey("x"), b"secret-abc"], 5)),
    ],
)  # fmt: skip
def test_settings_of_another_kind_are_named(field: str, value: object) -> None:
    """A setting of a wrong type or outside its range is an error that names it, and repeats no key."""
    with pytest.raises(ConfigurationError, match=f"^{field}: ") as caught:
        Settings(**{field: value})  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_settings_of_many_kinds_are_taken() -> None:
    """Whole seconds, a path object and lists are as good."""
    settings = Settings(db=Path("a.db"), vacuum_interval_seconds=5, cors_origins=["*"], api_keys=[ApiKey("x")])  # type: ignore[arg-type]
    assert (settings.cors_origins, settings.api_keys) == (("*",), (ApiKey("x"),))


@pytest.mark.parametrize("secret", [None, 5, b"secret-abc", ["secret-abc"], "two words", ""])
def test_keys_of_another_kind_are_refused(secret: object) -> None:
    """A key is printable text."""
    with pytest.raises(ConfigurationError, match="API key must consist of") as caught:
        ApiKey(secret)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"settings": {"db": "a.db"}}, "settings: must be Settings, got dict"),
        ({"settings": "a.db"}, "settings: must be Settings, got str"),
        ({"memory": "a.db"}, "memory: must be a Memory or an AsyncMemory, got str"),
        ({"memory": {"path": "a.db"}}, "memory: must be a Memory or an AsyncMemory, got dict"),
        ({"memory": Settings()}, "memory: must be a Memory or an AsyncMemory, got Settings"),
    ],
)
def test_an_app_of_other_things_is_refused(arguments: dict[str, Any], words: str) -> None:
    """Arguments of another kind are named when the app is made, not at the first request."""
    with pytest.raises(ConfigurationError, match=words):
        create_app(**arguments)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MEM0LITE_READONLY", "MEM0LITE_READ_ONLY"),
        ("mem0lite_db", "MEM0LITE_DB"),
        ("MEM0_LITE_PORT", "MEM0LITE_PORT"),
        ("MEMOLITE_HOST", "MEM0LITE_HOST"),
        ("MEM0LITE_VACUUM_INTERVAL", "MEM0LITE_VACUUM_INTERVAL_SECONDS"),
        ("MEM0LITE_DEFAULT_SHORT_TERM_TTL_SECONDS", "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS"),
        ("MEM0_SHORT_TERM_TTL_SECONDS", "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS"),
        ("MEM0_USE_GRAPH_FOR_CATEGORY", "MEM0_USE_GRAPH_FOR_CATEGORIES"),
        ("MEM0LITE_ADDRESS", None),
        ("MEM0LITE_FROBNICATE", None),
    ],
)
def test_variables_nobody_reads_are_named(caplog: pytest.LogCaptureFixture, variable: str, meant: str | None) -> None:
    """What looks like a variable of ours and is none is named, with what may have been meant."""
    Settings.from_environment({variable: "secret"})
    [record] = caplog.records
    assert (record.name, record.levelname) == ("mem0lite", "WARNING")
    hint = f" Did you mean {meant}?" if meant else ""
    assert record.getMessage() == f"The environment variable {variable} is not read by mem0lite.{hint}"


@pytest.mark.parametrize(
    "variable", ["MEM0_API_KEY", "MEM0_DIR", "MEM0_TELEMETRY", "MEM0_ORG_ID", "MEM0LITE_TEST_SEED", "MEMORY_LIMIT"]
)
def test_variables_of_others_are_left_alone(caplog: pytest.LogCaptureFixture, variable: str) -> None:
    """mem0's own variables, an empty one, and those of tests are not spoken of."""
    Settings.from_environment({variable: "x", "MEM0LITE_APIKEYS": ""})
    assert not caplog.records


@pytest.mark.parametrize(
    "variable",
    ["MEM0LITE_APIKEYS", "MEM0LITE_KEYS", "MEM0_API_KEYS", "MEMOLITE_API_KEYS", "mem0lite_api_keys",
     "MEM0LITE_PASSWORD", "MEM0LITE_ADMIN_API_KEY", "MEM0LITE_AUTH_TOKEN"],
)  # fmt: skip
def test_misspelt_keys_are_an_error(variable: str) -> None:
    """A server that was to have keys is not served without them; the value is not repeated."""
    with pytest.raises(ConfigurationError, match=f"variable {variable} is not read.*MEM0LITE_API_KEYS") as caught:
        Settings.from_environment({variable: "secret"})
    assert "secret" not in str(caught.value)


def test_the_command_line_s_server_is_none_of_the_server_s(caplog: pytest.LogCaptureFixture) -> None:
    """Who sets the variable that names a server to commands, for a server, is told that it has no effect there."""
    Settings.from_environment({"MEM0LITE_URL": "http://127.0.0.1:1"})
    [record] = caplog.records
    assert record.getMessage().startswith("MEM0LITE_URL names a server to mem0lite's commands")


def test_the_command_line_s_key_is_none_of_the_server_s(caplog: pytest.LogCaptureFixture) -> None:
    """Who sets the variable of the client for a server is told that it has no effect there."""
    assert Settings.from_environment({"MEM0LITE_API_KEY": "secret"}).api_keys == ()
    assert "the server does not use it" in caplog.text
    assert "secret" not in caplog.text


def test_an_open_app_warns_once(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    """An app without keys says at its first request, and never again, that everybody may ask."""
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        assert not [record for record in caplog.records if record.name == "mem0lite"]
        for _ in range(3):
            client.get("/memories")
    [record] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.name == "mem0lite"
    assert "MEM0LITE_API_KEYS" in record.getMessage()


@pytest.mark.parametrize("options", [{"api_keys": (ApiKey("x"),)}, {"insecure": True}, {"loopback_only": True}])
def test_a_guarded_app_warns_of_nothing(
    memory: Memory, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    """With keys, as ``mem0lite serve`` sets it up without any, or where it is said to be meant, nothing is said."""
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0, **options))) as client:
        client.get("/memories")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


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
