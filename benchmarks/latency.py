"""How long add and search take, with and without the embedding, for a user with 1,000 and with 10,000 memories.

    python benchmarks/latency.py [--sizes 1000 10000] [--repeat 50]

Prints medians in milliseconds, with the machine and the versions. "without" counts an embedder that answers at once,
so what remains is the store; "with" uses the bundled model. Files are on the disk of the temporary folder, durable.
"""

import argparse
import importlib.metadata
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mem0lite import LocalEmbedder, Memory

WORDS = [f"{a}{b}" for a in "bcdfghklmnprstvw" for b in ("ana", "eri", "olo", "umi", "istan", "ar", "ette", "ing")]


class InstantEmbedder:
    """Random vectors of the bundled model's width, precomputed."""

    name = "instant"
    dimensions = 384

    def __init__(self) -> None:
        generator = random.Random(1)
        self._vectors = [[generator.gauss(0, 1) for _ in range(self.dimensions)] for _ in range(1_000)]

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Return some vector for each text."""
        return [self._vectors[hash(text) % 1_000] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return some vector."""
        return self._vectors[hash(text) % 1_000]


class Replaying(LocalEmbedder):
    """The bundled model for queries and single texts, precomputed vectors for filling the file."""

    filling = True

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Return vectors of the model, or while filling random ones, which cost a search just as much."""
        return InstantEmbedder().embed(texts) if self.filling else super().embed(texts)


def sentence(generator: random.Random) -> str:
    """Return twelve words, the earlier ones of WORDS more often, as in real text."""
    return " ".join(WORDS[int(len(WORDS) * generator.random() ** 2)] for _ in range(12))


def median_ms(call: Callable[[int], object], repeat: int) -> float:
    """Return the median duration of ``call(0)``, ``call(1)``, … in milliseconds."""
    durations = []
    for number in range(repeat + 3):
        start = time.perf_counter()
        call(number)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations[3:]) * 1_000


def measure(size: int, repeat: int, embedder: InstantEmbedder | Replaying) -> dict[str, float]:
    """Return the medians for one user with ``size`` memories among as many of other users."""
    generator = random.Random(2)
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "a.db"), embedder=embedder) as memory:
        for user in ("me", *(f"other{n}" for n in range(10))):
            count = size if user == "me" else size // 10
            texts = [{"content": sentence(generator)} for _ in range(count)]
            memory.add(texts, user_id=user, infer=False, metadata={"project_id": f"p{count % 7}", "n": count})
        if isinstance(embedder, Replaying):
            embedder.filling = False
        questions = [sentence(generator) for _ in range(repeat + 3)]
        filters = {"project_id": {"ne": "p9"}, "n": {"gt": 1}}
        return {
            "add": median_ms(lambda n: memory.add(questions[n], user_id="me", infer=False), repeat),
            "search": median_ms(lambda n: memory.search(questions[n][:40], user_id="me"), repeat),
            "search, filtered": median_ms(
                lambda n: memory.search(questions[n][:41], user_id="me", filters=filters), repeat
            ),
            "get_all": median_ms(lambda n: memory.get_all(user_id="me"), repeat),
        }


def machine() -> str:
    """Return what the figures were measured on."""
    packages = ("mem0lite", "apsw", "sqlite-vec", "fastembed", "onnxruntime")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=50)
    arguments = parser.parse_args()
    print(machine())
    print(f"median of {arguments.repeat}, milliseconds, one user's memories; embedding: with | without")
    for size in arguments.sizes:
        without = measure(size, arguments.repeat, InstantEmbedder())
        complete = measure(size, arguments.repeat, Replaying())
        for verb, duration in without.items():
            print(f"{size:>7} memories  {verb:<17} {complete[verb]:8.2f} | {duration:8.2f}")


if __name__ == "__main__":
    main()
