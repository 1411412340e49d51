"""Where the time of a request goes, in the library and through HTTP, by part.

    pip install -e '.[server]'
    python benchmarks/latency.py [--sizes 1000 10000] [--runs 10000] [--repeat 50]

Prints medians in milliseconds, with the machine and the versions:

- the verbs, with and without embedding;
- a search by part: the first of a scope, the second, which begins to keep vectors, warm, with a filter, by one kind of
  evidence, with more or fewer results; and for comparison, reading the bytes of its vectors once;
- the same number of memories in one scope, in runs of ten, and asked for by agent or by run;
- the library compared with the server.

Without embedding means an embedder that answers at once, so that the rest is the store. Files are durable, on the disk
of the temporary folder, and hold other users' memories too.
"""

import argparse
import http.client
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, markdown, sentence
from serving import FixedVectors, InstantEmbedder, served

from mem0lite import LocalEmbedder, Memory, Ranking

FILTERS = {"project_id": {"ne": "p9"}, "n": {"gt": 1}}
BATCH = 1_000
RUN = 10  # memories in a run
OPENINGS = 10


class Replaying(LocalEmbedder):
    """The bundled model for queries and single texts, precomputed vectors for filling the file."""

    filling = True

    def embed(self, texts: Sequence[str]) -> Any:
        """Return vectors of the model, or while filling random ones, which cost a search just as much."""
        return InstantEmbedder().embed(texts) if self.filling else super().embed(texts)


def median_ms(call: Callable[[int], object], repeat: int, warm_up: int = 3) -> float:
    """Return the median duration of ``call(0)``, ``call(1)``, … in milliseconds."""
    durations = []
    for number in range(repeat + warm_up):
        start = time.perf_counter()
        call(number)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations[warm_up:]) * 1_000


def in_turn(calls: Mapping[str, Callable[[int], object]], repeat: int) -> dict[str, float]:
    """Return each call's median in milliseconds, one of each per round in an order that changes."""
    durations: dict[str, list[float]] = {name: [] for name in calls}
    generator = random.Random(6)
    for number in range(repeat + 3):
        for name in generator.sample(list(calls), len(calls)):
            start = time.perf_counter()
            calls[name](number)
            durations[name].append(time.perf_counter() - start)
    return {name: statistics.median(found[3:]) * 1_000 for name, found in durations.items()}


def fill(memory: Memory, count: int, scope: Callable[[int], Mapping[str, str]], seed: int = 2) -> None:
    """Add memories; ``scope`` gives the ids of the n-th."""
    generator = random.Random(seed)
    for start in range(0, count, BATCH):
        memory.add_many(
            {
                "messages": sentence(generator),
                "metadata": {"project_id": f"p{number % 7}", "n": number},
                "infer": False,
                **scope(number),  # type: ignore[typeddict-item]
            }
            for number in range(start, min(start + BATCH, count))
        )


@contextmanager
def stored(embedder: Any, mine: int, others: int) -> Iterator[tuple[Path, Memory]]:
    """Yield a file and its memory with so many memories of the user "me" and of ten others."""
    with tempfile.TemporaryDirectory() as folder, Memory(path := Path(folder, "a.db"), embedder=embedder) as memory:
        fill(memory, others, lambda number: {"user_id": f"other{number % 10}"}, seed=4)
        fill(memory, mine, lambda number: {"user_id": "me"})
        yield path, memory


def questions(count: int) -> list[str]:
    """Return six words each."""
    generator = random.Random(3)
    return [sentence(generator, 6) for _ in range(count)]


# -- the measurements


def verbs(size: int, repeat: int, embedder: InstantEmbedder | Replaying) -> dict[str, float]:
    """Return the medians of the verbs for a user with ``size`` memories, in a file with as many of others."""
    with stored(embedder, size, size) as (_, memory):
        if isinstance(embedder, Replaying):
            embedder.filling = False
        asked = questions(3 * (repeat + 3))
        return {
            "add": median_ms(lambda n: memory.add(asked[n], user_id="me", infer=False), repeat),
            "search": median_ms(lambda n: memory.search(asked[-n - 1], user_id="me"), repeat),
            "search, filtered": median_ms(
                lambda n: memory.search(asked[repeat + 3 + n], user_id="me", filters=FILTERS), repeat
            ),
            "get_all": median_ms(lambda n: memory.get_all(user_id="me"), repeat),
        }


VARIANTS: dict[str, dict[str, Any]] = {
    "warm, 10 results": {},
    "warm, filtered": {"filters": FILTERS},
    "warm, 1 result": {"top_k": 1},
    "warm, 100 results": {"top_k": 100},
    "warm, by meaning alone": {"ranking": Ranking.dense()},
    "warm, by keywords alone": {"ranking": Ranking.sparse()},
}


def parts(size: int, repeat: int) -> dict[str, float]:
    """Return the medians of a search's variants for a user with ``size`` memories, without embedding.

    No variant repeats a question: words that were searched before are found faster.
    """
    asked = iter(questions((repeat + 3) * (len(VARIANTS) + 3) + 3 * OPENINGS))
    with stored(InstantEmbedder(), size, size) as (path, memory):

        def search(arguments: dict[str, Any]) -> Callable[[int], object]:
            return lambda _: memory.search(next(asked), user_id="me", **{"top_k": 10, **arguments})

        vectors = np.random.default_rng(5).integers(1 << 60, size=size * InstantEmbedder.dimensions // 2)
        reading = {"reading its vectors' bytes once": lambda _: np.bitwise_or.reduce(vectors)}
        changing = {
            "an add, then a search": lambda _: after_add(memory, next(asked)),
            "the add alone": lambda _: memory.add(next(asked), user_id="me", infer=False),
        }
        openings = zip(*(opening_searches(path, asked) for _ in range(OPENINGS)), strict=True)
        first, second = map(statistics.median, openings)
        return {
            "first of a scope, file just opened": first,
            "second of a scope": second,
            **in_turn({name: search(variant) for name, variant in VARIANTS.items()} | reading, repeat),
            **in_turn(changing, repeat),
        }


def opening_searches(path: Path, asked: Iterator[str]) -> list[float]:
    """Return what the first and the second search of a scope take in milliseconds. Before, the file is opened and
    searched for a user without memories."""
    with Memory(path, embedder=InstantEmbedder()) as memory:
        memory.search(next(asked), user_id="nobody")
        return [median_ms(lambda _: memory.search(next(asked), user_id="me", top_k=10), 1, warm_up=0) for _ in range(2)]


def after_add(memory: Memory, question: str) -> None:
    """Add a memory to the scope and search it."""
    memory.add(question, user_id="me", infer=False)
    memory.search(question, user_id="me", top_k=10)


SHAPES: dict[str, tuple[Callable[[int], dict[str, str]], dict[str, str]]] = {
    "one scope": (lambda n: {"user_id": "me"}, {"user_id": "me"}),
    "runs of ten, user asked": (lambda n: {"user_id": "many", "run_id": f"run{n // RUN}"}, {"user_id": "many"}),
    "users of ten, agent asked": (lambda n: {"user_id": f"a{n // RUN}", "agent_id": "agent"}, {"agent_id": "agent"}),
    "users of ten, run asked": (lambda n: {"user_id": f"r{n // RUN}", "run_id": "shared"}, {"run_id": "shared"}),
}
"""Whose the n-th memory is, and what a search names."""


def layouts(runs: int, repeat: int) -> dict[str, tuple[float, float]]:
    """Return first and warm search for the same number of memories in different shapes."""
    asked = questions(repeat + 3)
    room = 2 * len(SHAPES) * runs * RUN * InstantEmbedder.dimensions * 4  # or the shapes would push each other out
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(Path(folder, "a.db"), embedder=InstantEmbedder(), cache_bytes=room) as memory,
    ):

        def search(ids: dict[str, str]) -> Callable[[int], object]:
            return lambda n: memory.search(asked[n], **ids, top_k=10)  # type: ignore[arg-type]

        for scope, _ in SHAPES.values():
            fill(memory, runs * RUN, scope)
        first = {name: median_ms(search(ids), 1, warm_up=0) for name, (_, ids) in SHAPES.items()}
        warm = in_turn({name: search(ids) for name, (_, ids) in SHAPES.items()}, repeat)
    return {name: (first[name], warm[name]) for name in SHAPES}


def through_http(size: int, repeat: int) -> dict[str, float]:
    """Return the medians of searching in this process and through the server, on the same file."""
    asked = questions(repeat + 3)
    body = {"user_id": "me", "top_k": 10}
    with stored(FixedVectors(), size, size) as (path, memory):
        environment = {"BENCHMARK_DB": str(path), "BENCHMARK_EMBEDDER": "none"}
        with served("serving:ours", 1, environment) as (port, _):
            connection = http.client.HTTPConnection("127.0.0.1", port)

            def request(method: str, route: str, content: object = None) -> None:
                headers = {"Content-Type": "application/json"}
                connection.request(method, route, content and json.dumps(content), headers)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200, answer.status

            return in_turn(
                {
                    "library: search": lambda n: memory.search(asked[n], user_id="me", top_k=10),
                    "HTTP: search": lambda n: request("POST", "/search", {**body, "query": asked[n]}),
                    "HTTP: a request that does nothing": lambda n: request("GET", "/health/live"),
                },
                repeat,
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=10_000, help="runs of ten memories each; 0 leaves this out")
    parser.add_argument("--repeat", type=int, default=50)
    arguments = parser.parse_args()
    print(f"{machine()}\n\nmedians of {arguments.repeat}, milliseconds\n")
    for size in arguments.sizes:
        without, complete = verbs(size, arguments.repeat, InstantEmbedder()), verbs(size, arguments.repeat, Replaying())
        rows = [[verb, f"{complete[verb]:.2f}", f"{without[verb]:.2f}"] for verb in without]
        print(markdown([f"{size:,} memories of the user", "with embedding", "without"], rows), end="\n\n")
    for size in arguments.sizes:
        found = parts(size, arguments.repeat)
        rows = [[name, f"{duration:.2f}"] for name, duration in found.items()]
        print(markdown([f"search of {size:,} memories", "ms"], rows), end="\n\n")
    if arguments.runs:
        shapes = layouts(arguments.runs, arguments.repeat)
        base = shapes["one scope"]
        rows = [
            [name, f"{first:.1f}", f"{first / base[0]:.2f}", f"{warm:.2f}", f"{warm / base[1]:.2f}"]
            for name, (first, warm) in shapes.items()
        ]
        title = f"{arguments.runs * RUN:,} memories in"
        print(markdown([title, "first", "× one scope", "warm", "× one scope"], rows), end="\n\n")
    for size in arguments.sizes:
        rows = [[name, f"{duration:.2f}"] for name, duration in through_http(size, arguments.repeat).items()]
        print(markdown([f"{size:,} memories of the user", "ms"], rows), end="\n\n")


if __name__ == "__main__":
    main()
