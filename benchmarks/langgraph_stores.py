"""MemoryStore beside LangGraph's own SqliteStore and InMemoryStore, in one interleaved run with one embedder.

    pip install -e '.[langgraph]' langgraph-checkpoint-sqlite
    python benchmarks/langgraph_stores.py [--items 10000] [--searches 100] [--namespaces 1] [--model]

All hold the same items: a text of twelve words and a number, in as many namespaces as asked for. Searches ask for ten
items of one namespace, of all namespaces, and of those with a number. The embedder is free by default (vectors of 384
dimensions from a seeded generator, near each other where texts share words), so that the figures are those of the
stores; --model embeds with the bundled model. Calls go in rounds, one to each store in an order that changes. A put is
durable as each store has it by default: MemoryStore's survives a power loss. Times are medians, in milliseconds; the
last columns say how many times as fast MemoryStore is, by the clock and by the processor's time, which other work on
the machine does not change.
"""

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, markdown, sentence
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from mem0lite import LocalEmbedder, Memory
from mem0lite.integrations.langgraph import MemoryStore

BATCH = 500


class Free:
    """Vectors of words that cost next to nothing: the sum of a random vector for each word, remembered."""

    name = "free"
    dimensions = 384

    def __init__(self) -> None:
        self._words: dict[str, Any] = {}

    def embed(self, texts: Sequence[str]) -> list[Any]:
        """Return a vector for each text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> Any:
        """Return the vector of a text."""
        vector = np.sum([self._of(word) for word in text.split()], axis=0)
        return (vector / np.linalg.norm(vector)).tolist()

    def _of(self, word: str) -> Any:
        if word not in self._words:
            generator = np.random.default_rng(zlib.crc32(word.encode()))
            self._words[word] = generator.standard_normal(self.dimensions)
        return self._words[word]


def stores(folder: Path, embedder: Any) -> dict[str, BaseStore]:
    """Return an empty store of each kind."""

    def embed(texts: Sequence[str]) -> list[list[float]]:
        if len(texts) == 1:  # a query
            return [list(embedder.embed_query(texts[0]))]
        return [list(vector) for vector in embedder.embed(texts)]

    index: Any = {"dims": 384, "embed": embed, "fields": ["text"]}
    connection = sqlite3.connect(folder / "theirs.db", check_same_thread=False, isolation_level=None)
    theirs = SqliteStore(connection, index=index)
    theirs.setup()
    return {
        "MemoryStore": MemoryStore(Memory(folder / "ours.db", embedder=embedder), index={"fields": ["text"]}),
        "SqliteStore": theirs,
        "InMemoryStore": InMemoryStore(index=index),
    }


Times = list[tuple[float, float]]
"""Of each store, in milliseconds: by the clock, and of the processor."""


def rounds(every: dict[str, BaseStore], count: int, call: Callable[[BaseStore, int], object]) -> Times:
    """Return each store's median times of a call."""
    times: dict[str, Times] = {name: [] for name in every}
    names = list(every)
    for number in range(count):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            begin, used = time.perf_counter(), time.process_time()
            call(every[name], number)
            times[name].append(((time.perf_counter() - begin) * 1e3, (time.process_time() - used) * 1e3))
    return [tuple(map(statistics.median, zip(*times[name], strict=True))) for name in every]


def measure(arguments: argparse.Namespace, folder: Path) -> list[tuple[str, Times]]:
    """Return a row of times for each kind of call."""
    generator = random.Random(5)
    every = stores(folder, LocalEmbedder() if arguments.model else Free())
    spaces = [("items", f"user {number}") for number in range(arguments.namespaces)]
    items = [
        (spaces[number % len(spaces)], f"k{number}", {"text": sentence(generator), "n": number % 100})
        for number in range(arguments.items)
    ]
    parts = [[PutOp(*item) for item in items[start : start + BATCH]] for start in range(0, len(items), BATCH)]
    loading = rounds(every, len(parts), lambda store, number: store.batch(parts[number]))
    queries = [sentence(generator, 6) for _ in range(arguments.searches + 3)]
    for store in every.values():
        for query in queries[-3:]:
            store.search(spaces[0], query=query)
    new = [sentence(generator) for _ in range(arguments.searches)]
    count = arguments.searches
    pick = [generator.choice(items) for _ in range(count)]
    return [
        (f"put, {BATCH} in a batch", loading),
        (
            "search, one namespace",
            rounds(every, count, lambda s, n: s.search(spaces[n % len(spaces)], query=queries[n])),
        ),
        ("search, all namespaces", rounds(every, count, lambda s, n: s.search((), query=queries[n]))),
        (
            "search, with a filter",
            rounds(
                every, count, lambda s, n: s.search(spaces[n % len(spaces)], query=queries[n], filter={"n": n % 100})
            ),
        ),
        ("search without a query", rounds(every, count, lambda s, n: s.search(spaces[n % len(spaces)]))),
        ("get", rounds(every, count, lambda s, n: s.get(pick[n][0], pick[n][1]))),
        ("put, a new item", rounds(every, count, lambda s, n: s.put(spaces[0], f"new {n}", {"text": new[n]}))),
        ("put, again", rounds(every, count, lambda s, n: s.put(spaces[0], f"new {n}", {"text": new[-n]}))),
        ("search after a put", rounds(every, count, lambda s, n: _put_and_search(s, spaces[0], n, queries[n]))),
    ]


def _put_and_search(store: BaseStore, space: tuple[str, ...], number: int, query: str) -> None:
    store.put(space, f"last {number}", {"text": query})
    store.search(space, query=query)


def _ratios(ours: tuple[float, float], other: tuple[float, float]) -> str:
    return " / ".join(f"{theirs / mine:.2g}" for mine, theirs in zip(ours, other, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--namespaces", type=int, default=1)
    parser.add_argument("--model", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(arguments, Path(folder))
    print(machine("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-sqlite", "apsw", "sqlite-vec"), "\n")
    embedder = "the bundled model" if arguments.model else "a free embedder"
    print(f"{arguments.items:,} items in {arguments.namespaces} namespaces, {embedder}\n")
    headings = ["ms", "MemoryStore", "SqliteStore", "InMemoryStore", "× SqliteStore", "× InMemoryStore"]
    rows = [
        [name, *(f"{clock:.2f}" for clock, _ in times), *(_ratios(times[0], other) for other in times[1:])]
        for name, times in measured
    ]
    print(markdown(headings, rows))


if __name__ == "__main__":
    main()
