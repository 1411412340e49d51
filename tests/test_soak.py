"""A real server under mixed load: no errors, bounded memory, a sound file, and after a kill every acknowledged write.

Users send one request after the other, at moments set beforehand: a slow answer does not slow the load down, and what
comes late because of it counts as late. Each user keeps what the server acknowledged and compares every answer with it.
"""

import asyncio
import math
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import pytest
from embedder import HashEmbedder
from sizes import sizes
from test_cli import command, environment

from mem0lite import Memory

USERS = 16
KEPT = 40  # memories above which a user removes more often than it adds
SHORT_TERM_SECONDS = "0.5"
VACUUM_SECONDS = "0.4"
CACHE_BYTES = str(3 * 2**20)  # what searches may keep is to be full after the warm-up
WARM_UP = 1 / 3  # of the time of a load, after which the server may not grow
WORDS = (
    "apple",
    "river",
    "cello",
    "noon",
    "ticket",
    "green",
    "coffee",
    "winter",
    "train",
    "museum",
    "doctor",
    "letter",
)

Kept = dict[str, tuple[str, Any]]
"""The text and the metadata of memories, by id."""


@dataclass(frozen=True)
class Load:
    """How much is asked of a server, and what it has to achieve."""

    seconds: float
    rate: float
    """Actions a second, of which some are several requests."""
    others: int
    """Users whose memories are there before, and who are only asked about, so that caches fill while it warms up."""
    requests: float | None = None
    """Requests a second that have to be answered."""
    p99_ms: float = math.inf
    growth: float = 0.15

    def __str__(self) -> str:
        return f"{self.seconds:g}s-{self.rate:g}/s"


@dataclass
class Figures:
    """What a load saw."""

    latencies: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    """Resident bytes of the server, once a second after the warm-up."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def latency_ms(self, share: float) -> float:
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))] * 1_000

    @property
    def growth(self) -> float:
        """How much larger the last fifth of the memory's samples is than the first, by their medians."""
        part = max(1, len(self.resident) // 5)
        first, last = sorted(self.resident[:part])[part // 2], sorted(self.resident[-part:])[part // 2]
        return last / first - 1

    def __str__(self) -> str:
        resident = f"; {max(self.resident) / 2**20:.0f} MiB, growth {self.growth:+.1%}" if self.resident else ""
        p50, p95, p99, slowest = (self.latency_ms(share) for share in (0.5, 0.95, 0.99, 1.0))
        times = f"p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, slowest {slowest:.1f} ms"
        return f"{len(self.latencies)} requests in {self.seconds:.0f} s ({self.rate:.0f}/s), {times}{resident}"


class Client(asyncio.Protocol):
    """A connection to a server: httpx's needs as much of the processor for a request as the server."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._lost: BaseException | None = None

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> "AsyncIterator[Client]":
        address = urlsplit(url)
        transport, client = await asyncio.get_running_loop().create_connection(cls, address.hostname, address.port)
        try:
            yield client
        finally:
            transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and self._answer is not None and len(body) >= int(_after(head, b"\r\ncontent-length:")):
            self._received.clear()
            answer, self._answer = self._answer, None
            if not answer.done():
                answer.set_result((int(_after(head, b" ")), bytes(body)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or EOFError("The server has closed the connection.")
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._lost)

    async def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Return status and body of an answer. Raises OSError or EOFError where there is none."""
        if self._lost is not None:
            raise self._lost
        content = b"" if body is None else msgspec.json.encode(body)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(content), content))
        return await self._answer


def _after(head: bytearray, name: bytes) -> bytes:
    """Return the word that follows a name in the head of an answer."""
    return bytes(head[head.lower().index(name) + len(name) :].split(None, 1)[0])


@dataclass
class User:
    """A client, what the server acknowledged to it, and the write whose answer is still to come."""

    name: str
    random: random.Random
    client: Client = field(init=False)
    kept: Kept = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    pending: Callable[[Kept], Kept] | None = None
    """From what is found in the file, what it must be if the write without an answer took place."""
    others: int = 0
    number: int = 0
    due: float | None = None
    """When the next request was to be sent."""
    latencies: list[float] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of an answer, which must be 200."""
        start, self.due = self.due or time.perf_counter(), None
        status, answer = await self.client.request(method, path, body)
        self.latencies.append(time.perf_counter() - start)
        assert status == 200, f"{method} {path} {body}: {status} {answer[:300]!r}"
        return msgspec.json.decode(answer)

    async def write(self, after: Callable[[Kept], Kept], *request: Any) -> Any:
        """Send a write of which, should no answer come, ``after`` tells the effect."""
        self.pending = after
        answer = await self.ask(*request)
        self.pending = None
        return answer

    def words(self) -> str:
        self.number += 1
        return f"{' '.join(self.random.choices(WORDS, k=6))} of {self.name} number {self.number}"

    def some(self) -> str | None:
        return self.random.choice(list(self.kept)) if self.kept else None

    # -- writes

    async def add(self) -> None:
        text, metadata = self.words(), {"number": self.number}
        hosted = self.random.random() < 0.3
        path, messages = ("/v3/memories/add/", text) if hosted else ("/memories", [{"role": "user", "content": text}])

        def after(found: Kept) -> Kept:
            new = [one for one in found if one not in self.kept]
            return {**self.kept, **dict.fromkeys(new[:1], (text, metadata))}

        body = {"messages": messages, "user_id": self.name, "metadata": metadata}
        [result] = (await self.write(after, "POST", path, {**body, "infer": self.random.random() < 0.5}))["results"]
        if result["event"] == "ADD":
            self.kept[result["id"]] = (text, metadata)
        else:  # it says nearly what another memory says
            assert result["id"] in self.kept, result

    async def add_again(self) -> None:
        if (memory_id := self.some()) is not None:
            text, metadata = self.kept[memory_id]
            body = {"messages": [{"role": "user", "content": text}], "user_id": self.name, "metadata": metadata}
            [result] = (await self.write(lambda _: self.kept, "POST", "/memories", body))["results"]
            assert result["event"] == "NONE", result

    async def add_fading(self) -> None:
        body = {"messages": self.words(), "user_id": f"fading {self.name}".replace(" ", "-")}
        await self.ask("POST", "/v3/memories/add/", {**body, "metadata": {"memory_lifespan": "short_term"}})

    async def update(self) -> None:
        if (memory_id := self.some()) is not None:
            text = self.words()
            after = {**self.kept, memory_id: (text, self.kept[memory_id][1])}
            path = self.random.choice(("/memories/{}", "/v1/memories/{}/")).format(memory_id)
            await self.write(lambda _: after, "PUT", path, {"text": text})
            self.kept = after

    async def delete(self) -> None:
        if (memory_id := self.some()) is not None:
            after = {one: value for one, value in self.kept.items() if one != memory_id}
            path = self.random.choice(("/memories/{}", "/v1/memories/{}/")).format(memory_id)
            await self.write(lambda _: after, "DELETE", path)
            self.kept = after
            self.gone.append(memory_id)

    async def delete_all(self) -> None:
        path = self.random.choice(("/memories", "/v1/memories/"))
        await self.write(lambda _: {}, "DELETE", f"{path}?user_id={self.name}")
        self.kept, self.gone = {}, []

    # -- questions

    async def search(self) -> None:
        memory_id = self.some()
        query = self.words() if memory_id is None else self.kept[memory_id][0]
        hosted = self.random.random() < 0.3
        scope = {"filters": {"user_id": self.name}} if hosted else {"user_id": self.name}
        path = "/v3/memories/search/" if hosted else "/search"
        found = await self.ask("POST", path, {"query": query, "top_k": 10, **scope})
        self.compare(found["results"])
        if memory_id is not None:
            assert memory_id in [item["id"] for item in found["results"]], f"{query!r} is not found by its own text"

    async def visit(self) -> None:
        other = f"other-{self.random.randrange(self.others)}"
        found = await self.ask("POST", "/search", {"query": self.words(), "user_id": other, "threshold": 0, "top_k": 5})
        assert len(found["results"]) == 5

    async def search_fading(self) -> None:
        await self.ask("POST", "/search", {"query": self.words(), "user_id": f"fading-{self.name}"})

    async def get(self) -> None:
        if (memory_id := self.some()) is not None:
            found = await self.ask("GET", f"/memories/{memory_id}")
            assert found is not None, f"{memory_id} is not found"
            self.compare([found])
        if self.gone:
            assert await self.ask("GET", f"/memories/{self.random.choice(self.gone)}") is None

    async def get_all(self) -> None:
        if self.random.random() < 0.3:
            request = "/v3/memories/?page=1&page_size=200"
            page = await self.ask("POST", request, {"filters": {"user_id": self.name}})
        else:
            page = await self.ask("GET", f"/memories?user_id={self.name}&top_k=1000")
        self.compare(page["results"])
        assert len(page["results"]) == len(self.kept)

    async def history(self) -> None:
        if (memory_id := self.some()) is not None:
            path = self.random.choice(("/memories/{}/history", "/v1/memories/{}/history/")).format(memory_id)
            changes = await self.ask("GET", path)
            assert changes[-1]["new_memory"] == self.kept[memory_id][0]

    async def overview(self) -> None:
        for path in ("/entities", "/v1/entities/", "/v1/events/?page=1&page_size=5", "/health/ready"):
            await self.ask("GET", path)

    def compare(self, items: Sequence[Any]) -> None:
        for item in items:
            assert self.kept.get(item["id"]) == (item["memory"], item["metadata"]), item["id"]

    def next(self) -> Callable[[], Awaitable[None]]:
        """Return what to do next: about half of it writes."""
        full = len(self.kept) > KEPT
        weights = {
            self.add: 5 if full else 20,
            self.delete: 20 if full else 5,
            self.add_again: 3,
            self.add_fading: 5,
            self.update: 10,
            self.delete_all: 0.3,
            self.search: 20,
            self.search_fading: 3,
            self.visit: 10 if self.others else 0,
            self.get: 15,
            self.get_all: 8,
            self.history: 6,
            self.overview: 1,
        }
        return self.random.choices(list(weights), list(weights.values()))[0]


# -- the load


async def act(user: User, start: float, every: float, end: float, figures: Figures) -> None:
    """Begin an action at each of the user's moments, or as soon afterwards as the one before is over."""
    due = start
    while due < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        user.due = due
        try:
            await user.next()()
        except AssertionError as error:
            figures.wrong.append(f"{user.name}: {error}")
            user.pending = None
        due += every


async def watch(pid: int, start: float, end: float, figures: Figures) -> None:
    """Note once a second how much of the server is in memory."""
    while (now := time.perf_counter()) < end:
        if now >= start and Path("/proc/self/status").exists():
            figures.resident.append(resident(pid))
        await asyncio.sleep(1.0)


def resident(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1_024


async def drive(served: "Served", users: Sequence[User], load: Load) -> Figures:
    """Have the users act for the time of the load; return what was seen."""
    figures = Figures()
    async with AsyncExitStack() as stack:
        for user in users:
            user.client = await stack.enter_async_context(Client.connected(served.url))
            user.latencies = figures.latencies
        start = time.perf_counter()
        end = start + load.seconds
        every = len(users) / load.rate
        tasks = [act(user, start + at / load.rate, every, end, figures) for at, user in enumerate(users)]
        await asyncio.gather(*tasks, watch(served.process.pid, start + WARM_UP * load.seconds, end, figures))
    figures.seconds = time.perf_counter() - start
    return figures


async def drive_until_killed(served: "Served", users: Sequence[User], seconds: float) -> list[str]:
    """Kill the server after a time, while the users go on as fast as they can; return what was wrong."""

    async def kill() -> None:
        await asyncio.sleep(seconds)
        served.process.kill()

    async def until_killed(user: User) -> None:
        with suppress(OSError, EOFError):
            async with Client.connected(served.url) as user.client:
                await act(user, time.perf_counter(), 0.0, math.inf, figures)

    figures = Figures()
    await asyncio.gather(kill(), *(until_killed(user) for user in users))
    return figures.wrong


@dataclass(frozen=True)
class Served:
    """A server in a process of its own, and after its end what it said beside its address."""

    process: "subprocess.Popen[str]"
    url: str
    said: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what it says, to the end."""
        assert self.process.stderr
        self.said.extend(line.rstrip() for line in self.process.stderr)


@contextmanager
def serving(*arguments: str) -> Iterator[Served]:
    """Start a server, and stop it as its operator would."""
    variables = {
        "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS": SHORT_TERM_SECONDS,
        "MEM0LITE_VACUUM_INTERVAL_SECONDS": VACUUM_SECONDS,
        "MEM0LITE_CACHE_BYTES": CACHE_BYTES,
        "MALLOC_ARENA_MAX": "1",  # pools of the C library, whose gaps grow for a long time and look like a leak
    }
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment(**variables))
    assert process.stderr
    announced = process.stderr.readline()
    url = re.search(r" at (http://\S+)", announced)
    assert url, announced + process.stderr.read()
    served = Served(process, url[1])
    reading = threading.Thread(target=served.listen, daemon=True)  # a server whose pipe is full stands still
    reading.start()
    try:
        yield served
    finally:
        process.terminate()
        process.wait(timeout=60)
        reading.join(timeout=60)
        process.stderr.close()


def quick(path: Path) -> list[str]:
    """Return the command of a server that embeds in no time."""
    return [sys.executable, str(Path(__file__).with_name("serving_process.py")), str(path)]


def new_users(seed: int, count: int, others: int = 0) -> list[User]:
    return [User(f"user{number}", random.Random(f"{seed} soak {number}"), others=others) for number in range(count)]


def fill(path: Path, others: int, seed: int) -> None:
    """Make a file with a hundred memories of each of the others."""
    writer = User("writer", random.Random(f"{seed} fill"))
    with Memory(path, embedder=HashEmbedder()) as memory:
        for other in range(others):
            messages = [{"content": writer.words()} for _ in range(100)]
            memory.add(messages, user_id=f"other-{other}", infer=False)


def verify(memory: Memory, users: Sequence[User], context: str) -> None:
    """Compare what the file holds with what each user knows, and go on from what it holds."""
    result = memory.check()
    assert result["ok"], f"{context}: {result['problems']}"
    for user in users:
        items = memory.get_all(user_id=user.name, top_k=100_000)["results"]
        found: Kept = {item["id"]: (item["memory"], item["metadata"]) for item in items}
        possible = [user.kept] if user.pending is None else [user.kept, user.pending(found)]
        assert found in possible, f"{context}, {user.name}: {differences(user.kept, found)}"
        assert {one: memory.history(one)[-1]["new_memory"] for one in found} == {
            one: text for one, (text, _) in found.items()
        }, f"{context}, {user.name}: a history does not end with its memory's text"
        user.gone = [one for one in user.gone if one not in found]
        user.kept, user.pending = found, None


def differences(expected: Kept, found: Kept) -> str:
    lost = dict(item for item in expected.items() if found.get(item[0]) != item[1])
    new = dict(item for item in found.items() if expected.get(item[0]) != item[1])
    return f"acknowledged and not there as such: {lost}; there instead: {new}"


# -- what must hold


@pytest.mark.parametrize(
    "load", sizes(Load(15, 100, 30), Load(900, 265, 30, requests=300, p99_ms=100, growth=0.05)), ids=str
)
def test_mixed_load(tmp_path: Path, seed: int, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """Under adds, searches, lists, updates, deletions and expiry every answer is right, memory stays bounded, the
    server says nothing of errors, and the file it leaves is sound and holds what was acknowledged."""
    users = new_users(seed, USERS, load.others)
    fill(tmp_path / "soak.db", load.others, seed)
    with serving(*quick(tmp_path / "soak.db")) as served:
        figures = asyncio.run(drive(served, users, load))
    with capsys.disabled():
        sys.stdout.write(f"\n{load}: {figures}\n")
    assert not figures.wrong, f"seed {seed}: {len(figures.wrong)} wrong, first {figures.wrong[:3]}"
    assert (served.process.returncode, served.said) == (0, [])
    with Memory(tmp_path / "soak.db", embedder=HashEmbedder()) as memory:
        verify(memory, users, f"seed {seed}")
    assert figures.growth < load.growth, figures
    if load.requests is not None:
        assert figures.rate >= load.requests, figures
        assert figures.latency_ms(0.99) < load.p99_ms, figures


@pytest.mark.parametrize("load", sizes(Load(4, 16, 0), Load(120, 40, 0)), ids=str)
def test_mixed_load_with_the_model(tmp_path: Path, seed: int, load: Load) -> None:
    """The command itself, with the model it embeds with, answers the same load without an error, and says at its
    end, once, that it closed the file."""
    users = new_users(seed, 4)
    path = tmp_path / "soak.db"
    with serving(*command("serve", "--db", path, "--port", "0")) as served:
        figures = asyncio.run(drive(served, users, load))
    assert not figures.wrong, f"seed {seed}: {len(figures.wrong)} wrong, first {figures.wrong[:3]}"
    assert (served.process.returncode, served.said) == (0, [f"mem0lite closed {path}."])
    with Memory(path) as memory:
        verify(memory, users, f"seed {seed}")


@pytest.mark.parametrize("kills", sizes(3, 100))
def test_a_server_killed_under_load(tmp_path: Path, seed: int, kills: int) -> None:
    """However often a server is killed in the middle of writing, each write that was acknowledged is in the file as a
    whole, each that was not is there as a whole or not at all, and everything in the file agrees."""
    users, when = new_users(seed, USERS), random.Random(f"{seed} kills")
    path = tmp_path / "soak.db"
    for kill in range(kills):
        with serving(*quick(path)) as served:
            wrong = asyncio.run(drive_until_killed(served, users, when.uniform(0.2, 1.5)))
        assert not wrong, f"seed {seed}, kill {kill}: {wrong[:3]}"
        assert (served.process.returncode, served.said) == (-signal.SIGKILL, [])
        with Memory(path, embedder=HashEmbedder()) as memory:
            verify(memory, users, f"seed {seed}, kill {kill}")
