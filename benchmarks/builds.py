"""What a request costs the server of two builds of mem0lite, and how many a second each holds, in one interleaved run.

    git worktree add --detach ../before 7397b40
    python benchmarks/builds.py ../before . [--seconds 3] [--rounds 3] [--rates] [--memories 1000]
    python benchmarks/builds.py ../before . --first [--rounds 3] [--memories 10000]

A build is a folder with the package mem0lite; ``FOLDER@PYTHON`` names another Python to run it. Nothing is embedded:
the embedder answers at once. The server and the client have one core each. For every kind of request it prints the
medians of the rounds: requests a second and CPU per request, with 16 connections that each send one request after the
other. ``--rates`` also looks for the highest rate of a mix like the soak's (half of it writes) at which 99 of 100
answers come within 100 ms; requests begin at moments that are set beforehand.

``--first`` measures the library instead: the CPU of the first search of a scope in a file that was just opened, of the
second, which keeps the vectors, and of later ones. Each round is a process of its own, which has searched another
user's memories before.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from common import processor, sentence
from server import Load, answer, cpu_seconds, fill, request_bytes, start

KINDS = ("ping", "get", "search", "add")
CONNECTIONS = 16
BOUND_MS = 100.0  # for 99 of 100 answers
STEP = 1.25  # between two rates that are tried
CORES = sorted(os.sched_getaffinity(0))


class Build(NamedTuple):
    """A folder with the package, the Python that runs it, a file that it made, and ids of one user's memories in it."""

    folder: Path
    python: str
    path: str
    ids: Sequence[str]

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.folder.name


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that imports mem0lite from a folder."""
    return {**os.environ, "PYTHONPATH": str(folder)}


def made(folder: str, path: Path, memories: int) -> Build:
    """Have a build make its file: the model's identity, which is in it, is not the same in all builds."""
    name, _, python = folder.partition("@")
    package, python = Path(name).resolve(), python or sys.executable
    command = [python, __file__, "--fill", str(path), "--memories", str(memories)]
    printed = subprocess.run(command, env=environment(package), stdout=subprocess.PIPE, check=True).stdout
    return Build(package, python, str(path), json.loads(printed))


def serve(path: str) -> None:
    """Serve a file as ``mem0lite serve`` does, with an embedder that answers at once; runs as a separate process."""
    from serving import FixedVectors

    from mem0lite import Memory
    from mem0lite.cli.serve import _listener, _run
    from mem0lite.server import Settings

    settings = Settings(db=path, port=0, insecure=True, loopback_only=True)
    with Memory(path, embedder=FixedVectors()) as memory, _listener(settings) as listener:
        _run(memory, settings, listener)


@contextmanager
def served(build: Build) -> Iterator[tuple[int, int]]:
    """Run the server of a build on the first core; yield its port and the id of its process."""
    process = subprocess.Popen(
        [build.python, __file__, "--serve", build.path],
        env=environment(build.folder),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, CORES[:1]),
    )
    assert process.stderr
    try:
        said = process.stderr.readline()
        yield int(said.partition("http://127.0.0.1:")[2].partition(" ")[0]), process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


# -- what a request costs


def cost(build: Build, kind: str, seconds: float) -> tuple[float, float]:
    """Return requests a second, and milliseconds of CPU per request."""
    with served(build) as (port, pid):
        start(port, kind, CONNECTIONS, 0.5, build.ids)()  # caches fill
        before = cpu_seconds(pid)
        load = start(port, kind, CONNECTIONS, seconds, build.ids)()
        spent = cpu_seconds(pid) - before
    assert not load.errors, f"{load.errors} of {len(load.latencies)} answers to {kind} were wrong"
    return len(load.latencies) / load.seconds, spent / len(load.latencies) * 1_000


def compare(builds: Sequence[Build], kinds: Sequence[str], seconds: float, rounds: int) -> None:
    """Print a line for every kind: the medians of both builds, and the ratios of the rounds."""
    for kind in kinds:
        found = [[cost(build, kind, seconds) for build in builds] for _ in range(rounds)]
        rates, costs = ([[one[what] for one in row] for row in found] for what in (0, 1))
        before, after = (statistics.median(column) for column in zip(*costs, strict=True))
        slow, fast = (statistics.median(column) for column in zip(*rates, strict=True))
        ratio = statistics.median(new / old for old, new in costs)
        print(
            f"{kind:<7} {before:7.3f} → {after:7.3f} ms of CPU a request ({ratio:.2f} ×), {slow:6.0f} → {fast:6.0f}/s",
            flush=True,
        )


# -- what the first search of a scope costs


def searches(path: str) -> list[float]:
    """Return milliseconds of CPU of the first searches of a user in a file; runs as a separate process."""
    from serving import FixedVectors

    from mem0lite import Memory

    words, spent = random.Random(time.time_ns()), []
    with Memory(path, embedder=FixedVectors()) as memory:
        memory.add_many({"messages": sentence(words), "user_id": "warm"} for _ in range(30))
        for user in ("warm",) * 3 + ("me",) * 6:
            question, before = sentence(words, 6), time.process_time()
            memory.search(question, user_id=user, top_k=10)
            spent.append((time.process_time() - before) * 1_000)
    return spent[3:]


def first_searches(builds: Sequence[Build], rounds: int) -> None:
    """Print what the first, the second and later searches cost: medians of both builds, and of the rounds' ratios."""
    found: list[list[list[float]]] = []
    for _ in range(rounds):
        row = []
        for build in builds:
            command = [build.python, __file__, "--searches", build.path]
            printed = subprocess.run(command, env=environment(build.folder), stdout=subprocess.PIPE, check=True).stdout
            first, second, *later = json.loads(printed)
            row.append([first, second, statistics.median(later)])
        found.append(row)
    for place, name in enumerate(("first", "second", "later")):
        before, after = (statistics.median(row[build][place] for row in found) for build in (0, 1))
        ratio = statistics.median(new[place] / old[place] for old, new in found)
        print(f"{name:<7} {before:7.1f} → {after:7.1f} ms of CPU a search ({ratio:.2f} ×)", flush=True)


# -- how many a second are held


def mixed(ids: Sequence[str]) -> Callable[[int], bytes]:
    """Return a function that makes the n-th request of a mix, about half of which writes."""
    chooser, words = random.Random(5), random.Random(6)

    def make(number: int) -> bytes:
        kind = chooser.choices(("add", "update", "search", "get", "list", "history"), (35, 10, 25, 18, 6, 6))[0]
        memory_id, user = chooser.choice(ids), f"user-{number % 16}"
        if kind == "add":
            messages = [{"role": "user", "content": sentence(words)}]
            return request_bytes("POST", "/memories", {"messages": messages, "user_id": user})
        if kind == "update":
            return request_bytes("PUT", f"/memories/{memory_id}", {"text": sentence(words)})
        if kind == "search":
            return request_bytes("POST", "/search", {"query": sentence(words, 6), "user_id": "me", "top_k": 10})
        path = {"get": f"/memories/{memory_id}", "list": "/memories?user_id=me&top_k=40"}
        return request_bytes("GET", path.get(kind, f"/memories/{memory_id}/history"))

    return make


async def press(port: int, rate: float, seconds: float, make: Callable[[int], bytes]) -> Load:
    """Send requests at set moments on as many connections as are needed; an answer counts from its moment."""
    load, idle = Load([], seconds, 0), []
    began = time.perf_counter()

    async def one(number: int, due: float) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(make(number))
        load.errors += not (await answer(reader)).startswith(b"HTTP/1.1 200")
        load.latencies.append(time.perf_counter() - due)
        idle.append((reader, writer))

    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            due = began + number / rate
            if due > began + seconds:
                break
            await asyncio.sleep(due - time.perf_counter())
            group.create_task(one(number, due))
    for _, writer in idle:
        writer.close()
    return load


def held(build: Build, seconds: float) -> float:
    """Return the highest rate at which a build answers in time, in steps."""
    rate, best = 100.0, 0.0
    while True:
        with served(build) as (port, _):
            asyncio.run(press(port, 100, 1, mixed(build.ids)))
            load = asyncio.run(press(port, rate, seconds, mixed(build.ids)))
        p99 = statistics.quantiles(load.latencies, n=100)[98] * 1_000
        print(f"  {build.name}: {rate:.0f}/s, p99 {p99:.1f} ms, {load.errors} errors", flush=True)
        if p99 > BOUND_MS or load.errors:
            return best
        rate, best = rate * STEP, rate


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", nargs="*")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("--searches", help=argparse.SUPPRESS)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--memories", type=int, default=1_000)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    if arguments.fill:
        print(json.dumps(fill(arguments.fill, arguments.memories)))
        return
    if arguments.searches:
        print(json.dumps(searches(arguments.searches)))
        return
    with tempfile.TemporaryDirectory() as folder:
        builds = [
            made(build, Path(folder, f"{number}.db"), arguments.memories)
            for number, build in enumerate(arguments.builds)
        ]
        print(f"{processor()}, {' → '.join(build.name for build in builds)}")
        if arguments.first:
            first_searches(builds, arguments.rounds)
            return
        os.sched_setaffinity(0, CORES[-1:])
        compare(builds, arguments.kinds, arguments.seconds, arguments.rounds)
        if arguments.rates:
            for build in builds:
                print(f"{build.name} holds {held(build, arguments.seconds):.0f}/s")


if __name__ == "__main__":
    main()
