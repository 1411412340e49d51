"""What one caller's reading may cost the others: a limit for each call, turns, and an end when nobody waits."""

import asyncio
import functools
import json
import logging
import socket
import tempfile
import threading
from collections import Counter
from pathlib import Path

import httpx
import pytest
from embedder import HashEmbedder
from serving import served_by

from mem0lite import ConfigurationError, DatabaseError, Memory, TimeLimitError
from mem0lite.limits import Limit, within
from mem0lite.server import Settings, create_app
from mem0lite.server.turns import MOST_WAITING, TooManyReadsError, Turns

CATEGORY = {"memory_category": "skill"}
LONG = "ж" * 99_000  # folding it takes a good part of a millisecond; as it is one word, adding it takes no longer


def heavy(count=990):
    """Return a filter that nothing matches, and that looks at every text this often."""
    return {"OR": [{"memory": {"icontains": f"{number} not there"}} for number in range(count)]}


def filled(path, memories=20, **options):
    """Return a store of long texts: a file is copied from one that is filled once, which takes seconds."""
    if path != ":memory:":
        path.write_bytes(file_of(memories))
        return opened(path, **options)
    memory = opened(path, **options)
    fill(memory, memories)
    return memory


@functools.cache
def file_of(memories):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "filled.db")
        with opened(path) as memory:
            fill(memory, memories)
        return path.read_bytes()


def opened(path, **options):
    return Memory(path, embedder=HashEmbedder(), graph_categories=["skill"], **options)


def fill(memory, memories):
    memory.add_many(
        {
            "messages": f"Deploy `app` {number} {LONG}",
            "user_id": "u",
            "infer": False,
            "metadata": CATEGORY if number < 2 else None,
        }
        for number in range(memories)
    )


READING = {
    "get_all": lambda memory: memory.get_all(user_id="u", filters=heavy()),
    "search": lambda memory: memory.search("tea", user_id="u", filters=heavy()),
    "graph": lambda memory: memory.graph(user_id="u", filters=heavy()),
    "delete_all": lambda memory: memory.delete_all(user_id="u", filters=heavy()),
    "get_memory_export": lambda memory: memory.get_memory_export(filters={"AND": [{"user_id": "u"}, heavy()]}),
}


@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_call_that_reads_for_too_long_is_stopped(tmp_path, kind, verb):
    """A filter over long texts is cut off with a typed error; nothing is changed, and the store goes on."""
    path = tmp_path / "m.db" if kind == "file" else ":memory:"
    with filled(path, statement_timeout=0.001) as memory:
        with pytest.raises(TimeLimitError, match="Narrow the filter") as caught:
            READING[verb](memory)
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value, DatabaseError)
        assert memory.get_all(user_id="u")["total"] == 20
        memory.add("tea", user_id="u")
        assert memory.search("tea", user_id="u")["results"][0]["memory"] == "tea"


class Ticking:
    """A clock on which a second passes whenever somebody looks at it."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("verb", READING)
def test_a_limit_is_of_all_that_a_call_reads(verb):
    """The work of a call ends with its limit: it looks at the clock no more often than the limit lets it."""
    with filled(":memory:", memories=3) as memory:
        clock = Ticking()
        with within(Limit(40, clock)), pytest.raises(TimeLimitError):
            READING[verb](memory)
        assert clock.now < 50


def test_a_call_within_its_limit_is_not_stopped():
    """A limit that is not reached changes nothing of an answer."""
    with filled(":memory:", memories=3) as memory:
        clock = Ticking()
        with within(Limit(1_000_000, clock)):
            assert memory.get_all(user_id="u", filters=heavy(20))["total"] == 0
        assert clock.now > 20


def test_one_limit_is_for_all_reads_of_a_call():
    """What one read used is missing to the next of the same call; time between them does not count."""
    with filled(":memory:", memories=2) as memory:
        alone = Ticking()
        with within(Limit(1_000_000, alone)):
            memory.get_all(user_id="u", filters=heavy(20))
        clock = Ticking()
        with within(Limit(2.5 * alone.now, clock)):
            assert memory.get_all(user_id="u", filters=heavy(20))["total"] == 0
            clock.now += 10_000
            assert memory.get_all(user_id="u", filters=heavy(20))["total"] == 0
            with pytest.raises(TimeLimitError):
                memory.get_all(user_id="u", filters=heavy(20))


def test_what_is_long_by_nature_has_no_limit(tmp_path):
    """Exports, backups, checks, vacuum and imports go through the whole file however long that takes."""
    with filled(tmp_path / "m.db", memories=4, statement_timeout=0.0001) as memory:
        assert memory.export(tmp_path / "m.jsonl", user_id="u", filters={"NOT": heavy(50)}) == 4
        assert memory.check()["ok"]
        memory.backup(tmp_path / "copy.db")
        memory.vacuum()
        memory.reindex_graph()
    with Memory(":memory:", embedder=HashEmbedder(), statement_timeout=0.0001) as other:
        assert other.import_(tmp_path / "m.jsonl")["added"] == 4


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "10", True, 10**400])
def test_a_timeout_that_is_none_is_refused(value):
    """A limit must be a number of seconds."""
    with pytest.raises(ConfigurationError, match="statement_timeout"):
        Memory(":memory:", embedder=HashEmbedder(), statement_timeout=value)


@pytest.fixture
def requests():
    """The lines of the access log, and a condition that is told of each."""
    lines, arrived = [], threading.Condition()

    class Handler(logging.Handler):
        def emit(self, record):
            with arrived:
                lines.append(json.loads(record.getMessage()))
                arrived.notify_all()

    logger, handler = logging.getLogger("mem0lite.access"), Handler()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield lines, arrived
    logger.setLevel(level)
    logger.removeHandler(handler)


def send(client, path, body, **headers):
    """Send a request of which nobody waits for the answer yet, and return its socket."""
    content = json.dumps(body).encode()
    host = client.base_url.host
    connection = socket.create_connection((host, client.base_url.port))
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + content)
    return connection


SEARCH = {"query": "tea", "user_id": "u", "filters": heavy()}


def test_a_request_that_reads_for_too_long_is_answered_503(tmp_path, caplog):
    """Over HTTP the limit is 503 with when to try again and what to do, also for a memory that was given."""
    with filled(":memory:") as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, statement_timeout_seconds=0.001))
        with served_by(app) as client:
            answer = client.post("/search", json=SEARCH)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert "Narrow its filter" in answer.json()["detail"]
            quick = client.post("/search", json={"query": "tea", "user_id": "nobody"})
            assert quick.status_code == 200
    told = [record for record in caplog.records if "failed" in record.getMessage()]
    assert told
    assert not any(record.exc_info for record in told)  # a line, not a traceback, as often as somebody asks


def test_the_server_has_a_limit_by_default(tmp_path):
    """A server's requests have ten seconds; the variable and the settings change that, and 0 lifts it."""
    assert Settings().memory_arguments["statement_timeout"] == 10
    assert Settings.from_environment({"MEM0LITE_STATEMENT_TIMEOUT_SECONDS": "2.5"}).statement_timeout_seconds == 2.5
    with Memory(":memory:", embedder=HashEmbedder(), statement_timeout=0) as memory:
        assert memory.statement_timeout is None
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert memory.statement_timeout is None
    with pytest.raises(ConfigurationError, match="MEM0LITE_STATEMENT_TIMEOUT_SECONDS"):
        Settings.from_environment({"MEM0LITE_STATEMENT_TIMEOUT_SECONDS": "-1"})


class Reader:
    """Takes turns of a caller and notes who is in."""

    def __init__(self):
        self.turns, self.inside, self.order = Turns(), Counter(), []

    async def read(self, caller, user, done, threads=4):
        async def connected():
            await asyncio.Event().wait()

        async with self.turns.of(caller, None, connected)("read", threads, {"user_id": user}):
            self.inside[caller, user] += 1
            self.order.append((caller, user))
            await done.wait()
            self.inside[caller, user] -= 1

    def start(self, *names):
        done = asyncio.Event()
        return done, [asyncio.create_task(self.read(*name, done)) for name in names]


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_turns_are_taken_in_order_where_there_is_room():
    """Who waits is let in by order; one whose bound is reached holds nobody up who has room."""

    async def main():
        reader = Reader()
        first, tasks = reader.start(("a", "x"), ("a", "x"), ("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("a", "x"))
        await settled()
        assert reader.order == [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")]
        first.set()
        await asyncio.gather(*tasks)
        assert reader.order[4:] == [("a", "x"), ("a", "z"), ("a", "x")]
        assert not reader.turns._running
        assert not reader.turns._waiting

    asyncio.run(main())


def test_who_gives_up_waiting_leaves_the_turn_to_the_next():
    """A waiting request that is cancelled is dropped, also in the moment in which its turn comes."""

    async def main():
        reader = Reader()
        done, tasks = reader.start(("a", "x"), ("a", "x"), ("a", "x"), ("a", "x"), ("a", "x"))
        await settled()
        tasks[2].cancel()
        await settled()
        done.set()
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(reader.order) == 3
        assert not reader.turns._running
        assert not reader.turns._waiting

    asyncio.run(main())


def test_the_queue_is_bounded():
    """A caller with a thousand requests waiting gets an error for the next; others are let in."""

    async def main():
        reader = Reader()
        done, tasks = reader.start(*[("a", "x")] * (MOST_WAITING + 2))
        await settled()
        with pytest.raises(TooManyReadsError):
            await reader.read("a", "y", done, threads=2)
        more, others = reader.start(("b", "x"))
        await settled()
        assert reader.inside["b", "x"] == 1
        done.set()
        more.set()
        await asyncio.gather(*tasks, *others)

    asyncio.run(main())


def test_a_single_thread_is_everybodys():
    """Where a pool has one thread, each caller may have it."""

    async def main():
        reader = Reader()
        done = asyncio.Event()
        done.set()
        await reader.read("a", "x", done, threads=1)
        return reader.order

    assert asyncio.run(main()) == [("a", "x")]


def test_clients_that_stay_get_their_answers():
    """Many requests of one client at once are all answered, each in its turn."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        memory.add("tea", user_id="u")

        async def ask(address):
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                asked = [client.get("/memories", params={"user_id": "u"}) for _ in range(80)]
                asked += [client.post("/search", json={"query": "tea", "user_id": "u"}) for _ in range(80)]
                return [answer.status_code for answer in await asyncio.gather(*asked)]

        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
            assert set(asyncio.run(ask(str(client.base_url)))) == {200}
