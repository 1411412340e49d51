"""What a request costs the server, compared with the same routes in FastAPI over the same Memory, in one run.

    pip install -e '.[server]' fastapi
    python benchmarks/server.py [--seconds 3] [--connections 1 16 64] [--workers 1 2] [--memories 1000]

For ping, get, search without and with embedding, and add, it prints requests per second, p50/p95/p99 in milliseconds
and the server's CPU per request; then how long a ping takes while four connections add long texts. Without embedding
means an embedder that answers at once. The client is a separate process. The file is not named http.py, because that
would hide Python's own module from everything imported here.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import machine, sentence
from serving import FixedVectors, opened, served

from mem0lite import Memory

# -- what mem0lite is compared with


def fastapi() -> Any:
    """Return the same routes written the usual way: pydantic models and plain functions."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Message(BaseModel):
        role: str
        content: str

    class Create(BaseModel):
        messages: list[Message]
        user_id: str | None = None
        agent_id: str | None = None
        run_id: str | None = None
        metadata: dict[str, Any] | None = None
        infer: bool = True

    class Search(BaseModel):
        query: str
        user_id: str | None = None
        filters: dict[str, Any] | None = None
        top_k: int = 20
        threshold: float = 0.1

    memory, app = opened(), FastAPI()

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/memories/{memory_id}")
    def get(memory_id: str) -> Any:
        return memory.get(memory_id)

    @app.post("/search")
    def search(body: Search) -> Any:
        return memory.search(**body.model_dump())

    @app.post("/memories")
    def add(body: Create) -> Any:
        return memory.add(**body.model_dump())

    return app


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its living descendants."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for member in descendants(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def descendants(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in descendants(int(child)))]


# -- the client


@dataclass
class Load:
    """One measurement: seconds per request, how long it ran, and how many answers were wrong."""

    latencies: list[float]
    seconds: float
    errors: int


def request_bytes(method: str, path: str, body: object = None) -> bytes:
    """Return an HTTP/1.1 request."""
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer and return its head."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
    return head


async def connection(port: int, make: Callable[[int], bytes], until: float, load: Load) -> None:
    """Send one request after the other on one connection until the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(make(number))
        head = await answer(reader)
        load.latencies.append(time.perf_counter() - start)
        load.errors += not head.startswith(b"HTTP/1.1 200")
        number += 1
    writer.close()


def requests_of(kind: str, worker: int, ids: Sequence[str]) -> Callable[[int], bytes]:
    """Return a function that makes the n-th request of a kind; queries and texts never repeat."""
    if kind == "ping":
        return lambda n: request_bytes("GET", "/health/live")
    if kind == "get":
        return lambda n: request_bytes("GET", f"/memories/{ids[n % len(ids)]}")
    if kind.startswith("search"):
        return lambda n: request_bytes(
            "POST", "/search", {"query": f"what of {worker} and {n} with bana", "user_id": "me", "top_k": 10}
        )
    text = "a long text about many things " * 30 if kind == "add long" else "a note"
    run = os.getpid()  # each measurement is a process: a text that was added before would not be stored again

    def request(n):
        messages = [{"role": "user", "content": f"{text} {run} {worker} {n}"}]
        return request_bytes("POST", "/memories", {"messages": messages, "user_id": "adder"})

    return request


def drive(port: int, kind: str, connections: int, seconds: float, ids: Sequence[str], pipe: Any) -> None:
    """Put load on a server and send back a Load; runs as a separate process."""

    async def run() -> Load:
        load = Load([], seconds, 0)
        until = time.perf_counter() + seconds
        await asyncio.gather(
            *(connection(port, requests_of(kind, number, ids), until, load) for number in range(connections))
        )
        return load

    pipe.send(asyncio.run(run()))


def start(port: int, kind: str, connections: int, seconds: float, ids: Sequence[str]) -> Callable[[], Load]:
    """Begin a measurement; return a function that waits for its Load."""
    ours_, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=drive, args=(port, kind, connections, seconds, ids, theirs)
    )
    process.start()

    def finish() -> Load:
        load: Load = ours_.recv()
        process.join()
        return load

    return finish


def percentiles(load: Load) -> str:
    """Return p50, p95 and p99 in milliseconds."""
    cuts = statistics.quantiles(load.latencies, n=100, method="inclusive")
    return " ".join(f"{cuts[cut] * 1_000:8.2f}" for cut in (49, 94, 98))


# -- the measurements

KINDS = ("ping", "get", "search", "search + embedding", "add + embedding")


def fill(path: str, memories: int) -> list[str]:
    """Store one user's memories among others' and return their ids."""
    import random

    generator = random.Random(3)
    with Memory(path, embedder=FixedVectors()) as memory:
        for user in range(10):
            memory.add(
                [{"content": sentence(generator)} for _ in range(memories // 10)], user_id=f"u{user}", infer=False
            )
        added = memory.add([{"content": sentence(generator)} for _ in range(memories)], user_id="me", infer=False)
    return [item["id"] for item in added["results"]]


def compare(path: str, ids: Sequence[str], workers: int, connections: int, seconds: float) -> None:
    """Measure every kind on both servers, in turn, and print a line each and the ratio of their CPU."""
    for kind in KINDS:
        environment = {"BENCHMARK_DB": path, "BENCHMARK_EMBEDDER": "model" if "embedding" in kind else "none"}
        costs = []
        for factory in ("serving:ours", "server:fastapi"):
            with served(factory, workers, environment) as (port, pid):
                start(port, kind, connections, 1.0, ids)()  # the model loads, caches fill
                before = cpu_seconds(pid)
                load = start(port, kind, connections, seconds, ids)()
                costs.append((cpu_seconds(pid) - before) / len(load.latencies) * 1_000)
            rate, name = len(load.latencies) / load.seconds, factory.partition(":")[2]
            print(
                f"{workers:>2} {connections:>4}  {kind:<19} {name:<8} {rate:8.0f}/s {percentiles(load)}"
                f"  {costs[-1]:7.3f} ms CPU" + (f"  {load.errors} errors" if load.errors else "")
            )
        print(f"{'':>9} {kind:<19} CPU, ours / FastAPI: {costs[0] / costs[1]:.2f}")


def contention(path: str, ids: Sequence[str], seconds: float) -> None:
    """Print how long cheap requests take while four connections add long texts."""
    with served("serving:ours", 1, {"BENCHMARK_DB": path, "BENCHMARK_EMBEDDER": "model"}) as (port, _):
        start(port, "add long", 1, 1.0, ids)()
        adding = start(port, "add long", 4, seconds + 4, ids)
        for kind in ("ping", "get"):
            load = start(port, kind, 1, seconds / 2, ids)()
            print(f"{kind:<5} while 4 connections add long texts {percentiles(load)}")
        added = adding()
    print(f"      (these adds: {len(added.latencies) / added.seconds:.1f}/s {percentiles(added)})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--memories", type=int, default=1_000)
    arguments = parser.parse_args()
    print(machine())
    print("workers, connections, request, server, requests a second, p50 p95 p99 ms, CPU per request")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "a.db"))
        ids = fill(path, arguments.memories)
        for workers in arguments.workers:
            for connections in arguments.connections:
                compare(path, ids, workers, connections, arguments.seconds)
        contention(path, ids, arguments.seconds)


if __name__ == "__main__":
    main()
