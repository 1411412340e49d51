"""Choose the weights of a search without a set, and judge them on that set: what are they worth on sets never seen?

    python benchmarks/left_out.py FOLDER [--cache FOLDER]

FOLDER holds sets that `mem0lite bench retrieval` reads. Sets of one family, such as one collection in several
languages, are left out together: the part of their names before the first "_" says which family they are of. The
weights are chosen on the other families, which count alike, from no knowledge but that meaning and keywords count
alike; then the sets are searched with them through the public API. Beside the figures of plain and of default, that
tells how much of default's lead is fitted. What a signal is was decided with these sets in sight, which leaving one out
cannot undo.

The choice raises recall at 5 + 10 + 20 by changing one weight at a time, in steps that get smaller. Only the WEIGHTS
below are chosen; those of the graph and of recency count in too few questions. A candidate is what is among the first
CANDIDATES by default; other relevant documents count as not found.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import machine, markdown
from locomo import BenchmarkEmbedder
from retrieval import files

from mem0lite import Memory, Ranking
from mem0lite.retrieval import DEPTHS, Collection, Question, fill, read, retrieve, summarize

WEIGHTS = (
    *("keyword", "neighbor_semantic", "neighbor_keyword", "session_semantic", "session_keyword"),
    *("length", "speaker", "date"),
)
CANDIDATES = 200
STEPS = (0.2, 0.1, 0.05)


class Signals(NamedTuple):
    """The candidates of a set's questions. A question with fewer has rows of zeros."""

    values: Any
    """Shape (questions, CANDIDATES, 1 + WEIGHTS), meaning first."""
    relevant: Any
    """Which candidates are relevant, shape (questions, CANDIDATES)."""
    totals: Any
    """How many documents are relevant to each question."""


def signals_of(memory: Memory, data: Collection, ids: Mapping[str, str]) -> Signals:
    """Search the questions of a set, and take the signals of what is found as the search explains them."""
    values = np.zeros((len(data.questions), CANDIDATES, 1 + len(WEIGHTS)), np.float32)
    relevant = np.zeros(values.shape[:2], bool)
    default = Ranking().weights()
    own = default["semantic"] + default["keyword"]
    for row, question in enumerate(data.questions):
        for column, item in enumerate(candidates(memory, question)):
            details = item["score_details"]
            counted = {name: one["score"] * one["weight"] for name, one in details["signals"].items()}
            counted["semantic"] = details["semantic_score"] * details["semantic_weight"]
            counted["keyword"] = details["bm25_score"] * details["bm25_weight"]
            values[row, column] = [own * counted.get(name, 0.0) / default[name] for name in ("semantic", *WEIGHTS)]
            relevant[row, column] = ids[item["id"]] in question.relevant
    return Signals(values, relevant, np.array([len(question.relevant) for question in data.questions]))


def candidates(memory: Memory, question: Question) -> Sequence[Any]:
    """Return what a question finds, with its signals."""
    asked = {} if question.reference_date is None else {"reference_date": question.reference_date}
    return memory.search(
        question.text, user_id=question.user_id, top_k=CANDIDATES, threshold=None, explain=True, **asked
    )["results"]


def recall(one: Signals, weights: Any) -> float:
    """Return recall at 5 + 10 + 20, the mean over the questions of a set."""
    scores = one.values @ weights
    last = np.partition(scores, [-depth for depth in DEPTHS], axis=1)
    found = [(one.relevant & (scores >= last[:, [-depth]])).sum(axis=1) / one.totals for depth in DEPTHS]
    return float(np.mean(np.sum(found, axis=0)))


def chosen(families: Sequence[Sequence[Signals]]) -> Ranking:
    """Return the weights that no single step improves. Every family counts alike, and in it every set."""

    def worth(weights: Any) -> float:
        return float(np.mean([np.mean([recall(one, weights) for one in family]) for family in families]))

    weights = np.array([0.5, 0.5, *[0.0] * (len(WEIGHTS) - 1)], np.float32)
    best = worth(weights)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for place in range(1, len(weights)):
                for change in (step, -step):
                    changed = weights.copy()
                    changed[place] = max(0.0, changed[place] + change)
                    if (found := worth(changed)) > best + 1e-4:
                        weights, best, improved = changed, found, True
    names = ("semantic", *WEIGHTS)
    return Ranking(**{"recency": 0.0} | dict(zip(names, map(float, weights.round(2)), strict=True)))


def family_of(name: str) -> str:
    """Return the family of a set."""
    return name.partition("_")[0]


def figures(data: Collection, found: Sequence[Sequence[str]]) -> str:
    """Return recall at each depth, in per cent."""
    means = summarize(data.questions, found)["all"]
    return " / ".join(f"{100 * means[f'recall@{depth}']:.1f}" for depth in DEPTHS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="sets that mem0lite bench retrieval reads")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    given = parser.parse_args()
    embedder = BenchmarkEmbedder(given.cache)
    with tempfile.TemporaryDirectory() as folder:
        sets: dict[str, tuple[Memory, Collection, dict[str, str], Signals]] = {}
        for path in files(given.folder):
            memory, data = Memory(Path(folder, f"{path.stem}.db"), embedder=embedder), read(path)
            ids = fill(memory, data.documents)
            sets[path.stem] = memory, data, ids, signals_of(memory, data, ids)
            print(f"{path.stem} is read", flush=True)
        embedder.save()
        names = sorted({family_of(name) for name in sets})
        families = {family: [one[-1] for name, one in sets.items() if family_of(name) == family] for family in names}
        without = {
            family: chosen([signals for name, signals in families.items() if name != family]) for family in names
        }
        print("\n" + machine("mem0lite", "numpy", "onnxruntime"))
        for family, ranking in without.items():
            print(f"without {family}:", ", ".join(f"{name} {ranking.weights()[name]:g}" for name in WEIGHTS))
        rows = []
        for name, (memory, data, ids, _) in sets.items():
            rankings = (Ranking.plain(), without[family_of(name)], None)
            rows.append([name, *(figures(data, retrieve(memory, data.questions, ids, one)) for one in rankings)])
            memory.close()
    print("\n" + markdown(["R@5 / R@10 / R@20", "plain", "left out", "default"], rows))


if __name__ == "__main__":
    main()
