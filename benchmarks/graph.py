"""How well entities and relations are found, what the graph adds to searches, and how fast it is read.

    python benchmarks/graph.py [--relations 100000]

Quality is measured on the labelled sentences and the questions over procedures in tests/data/graph, half of which was
kept away until the rules and weights were final. Speed is measured on random relations of one user: entities with
five relations in each direction on average, a graph without any of the small circles that real ones consist of.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import machine, markdown

from mem0lite import LocalEmbedder, Memory
from mem0lite.retrieval import read

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import labelled
from embedder import HashEmbedder

PARTS = ("dev", "final")
REPEATS = 100


class Pairs:
    """An extractor for texts of four made-up names: the first requires the second, the third uses the fourth."""

    def extract(self, text: str) -> Any:
        """Return the two relations of a text."""
        one, two, three, four = text.split()
        return {
            "entities": [],
            "relations": [
                {"source": one, "relationship": "requires", "destination": two},
                {"source": three, "relationship": "uses", "destination": four},
            ],
        }


def quality(folder: Path) -> str:
    """Return the table of precision and recall, and of the questions with and without the graph."""
    model = LocalEmbedder()
    rows = []
    for part in PARTS:
        for kind, counts in zip(("entities", "relations"), labelled.measured(f"sentences_{part}.jsonl"), strict=True):
            right, found, expected = counts
            measured = (right / found, right / expected, labelled.f1(counts))
            rows.append([part, f"{kind}: precision, recall, F1", ", ".join(f"{one:.3f}" for one in measured)])
        collection = read(labelled.DATA / f"procedures_{part}.jsonl")
        with Memory(folder / f"{part}.db", embedder=model, graph_categories=[labelled.CATEGORY]) as memory:
            ids = labelled.learn(memory, collection)
            without = labelled.figures(memory, collection, ids, labelled.WITHOUT_GRAPH)
            with_it = labelled.figures(memory, collection, ids, {})
        rows += [
            [part, f"{name} without, with", f"{100 * without[name]:.1f}, {100 * with_it[name]:.1f}"]
            for name in ("recall@5", "recall@10", "ndcg@5")
        ]
    return markdown(["half", "what", "figures"], rows)


def speed(folder: Path, relations: int) -> str:
    """Return the table of times to read parts of a large graph, and to search beside it."""
    draw = random.Random(7)
    entities = relations // 5

    def name() -> str:
        return f"e{draw.randrange(entities)}x"

    rows = []
    path = folder / "large.db"
    with Memory(path, embedder=HashEmbedder(), graph_categories=["skill"], graph_extractor=Pairs()) as memory:
        items: Any = [
            {
                "messages": " ".join(name() for _ in range(4)),
                "user_id": "u",
                "metadata": {"memory_category": "skill"},
                "infer": False,
            }
            for _ in range(relations // 2)
        ]
        for start in range(0, len(items), 1_000):
            memory.add_many(items[start : start + 1_000])
        for depth in (1, 2, 3):
            timed = times(lambda depth=depth: memory.graph(user_id="u", entity=name(), depth=depth))
            rows.append([f"graph around an entity, depth {depth}, up to 100 entities", *timed])
        timed = times(lambda: memory.graph(user_id="u"), repeats=5)
        rows.append(["the 100 most named of all entities", *timed])
        for what, ranking in (("with the graph", {}), ("without", labelled.WITHOUT_GRAPH)):
            timed = times(lambda ranking=ranking: memory.search(f"needs of {name()}", user_id="u", ranking=ranking))
            rows.append([f"search that names an entity, {what}", *timed])
    return markdown([f"{relations:,} relations of {entities:,} entities", "median ms", "95 % under ms"], rows)


def times(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[str, str]:
    """Return the median and the 95th percentile of a call's time, in milliseconds."""
    call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(1_000 * (time.perf_counter() - start))
    return f"{statistics.median(taken):.1f}", f"{sorted(taken)[int(0.95 * (len(taken) - 1))]:.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--relations", type=int, default=100_000)
    arguments = parser.parse_args()
    sys.stdout.write(f"{machine()}\n\n")
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(f"{quality(Path(folder))}\n\n{speed(Path(folder), arguments.relations)}\n")


if __name__ == "__main__":
    main()
