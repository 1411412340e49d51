"""Fit the weights of a search to LoCoMo, and judge them on conversations they were not fitted to.

    python benchmarks/weights.py --data locomo10.json [--cache FOLDER]

Every conversation is left out once: the weights are fitted to the others, from no knowledge but that meaning and
keywords count alike, and the conversation is searched with them through the public API. The means over all questions
tell what the weights are worth on new conversations; the same is printed for the default weights, which were fitted
to all of them. What a signal is was decided with these conversations in sight, which leaving one out cannot undo.

The fit raises recall at 5 + 10 + 20 by changing one weight at a time, in steps that get smaller.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from common import machine
from locomo import BenchmarkEmbedder, collection, show, users

from mem0lite import Memory, Ranking
from mem0lite.retrieval import DEPTHS, Collection, Question, fill, retrieve, summarize

NAMES = [one.name for one in fields(Ranking)]
STEPS = (0.16, 0.08, 0.04)
EVERYTHING = 100_000  # results


@dataclass(frozen=True, slots=True)
class Sample:
    """A question's candidates: their signals, shape (candidates, weights), and the positions of the relevant ones."""

    user_id: str
    signals: Any
    relevant: Any


def sample(memory: Memory, question: Question, ids: dict[str, str]) -> Sample:
    """Return all candidates of a question with their signals, as a search explains them."""
    found = memory.search(
        question.text, user_id=question.user_id, top_k=EVERYTHING, threshold=None, explain=True, ranking=Ranking()
    )["results"]
    signals = np.zeros((len(found), len(NAMES)), np.float32)
    for row, item in enumerate(found):
        details = item["score_details"]
        scores = {name: signal["score"] for name, signal in details["signals"].items()}
        scores |= {"semantic": details["semantic_score"], "keyword": details["bm25_score"]}
        signals[row] = [scores.get(name, 0.0) for name in NAMES]
    places = [place for place, item in enumerate(found) if ids[item["id"]] in question.relevant]
    return Sample(question.user_id, signals, np.array(places))


def recall(samples: Sequence[Sample], weights: Any) -> float:
    """Return recall at 5 + 10 + 20, the mean over questions."""
    total = 0.0
    for one in samples:
        scores = one.signals @ weights
        ranks = (scores > scores[one.relevant][:, None]).sum(axis=1)
        total += sum((ranks < depth).mean() for depth in DEPTHS)
    return total / len(samples)


def fitted(samples: Sequence[Sample]) -> Ranking:
    """Return the weights that no single step improves."""
    weights = np.array([0.5 if name in ("semantic", "keyword") else 0.0 for name in NAMES], np.float32)
    best = recall(samples, weights)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for place in range(len(NAMES)):
                for change in (step, -step):
                    changed = weights.copy()
                    changed[place] = max(0.0, changed[place] + change)
                    if (found := recall(samples, changed)) > best + 1e-6:
                        weights, best, improved = changed, found, True
    return Ranking(**dict(zip(NAMES, weights.round(2).tolist(), strict=True)))


def left_out(memory: Memory, data: Collection, ids: dict[str, str]) -> list[list[str]]:
    """Return what is found for each question with weights fitted to the other conversations, and print those."""
    samples = [sample(memory, question, ids) for question in data.questions]
    found: dict[str, list[str]] = {}
    for user in users(data):
        ranking = fitted([one for one in samples if one.user_id != user])
        print(f"without {user}:", ", ".join(f"{name} {weight:g}" for name, weight in ranking.weights().items()))
        own = [question for question in data.questions if question.user_id == user]
        found |= zip((question.id for question in own), retrieve(memory, own, ids, ranking), strict=True)
    return [found[question.id] for question in data.questions]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's file of conversations")
    parser.add_argument("--no-captions", dest="captions", action="store_false", help="without the photos' captions")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    given = parser.parse_args()
    data = collection(json.loads(given.data.read_text()), given.captions, shuffled=False)
    embedder = BenchmarkEmbedder(given.cache)
    print(machine())
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "locomo.db"), embedder=embedder) as memory:
        ids = fill(memory, data.documents)
        chosen = left_out(memory, data, ids)
        default = retrieve(memory, data.questions, ids)
    print()
    show({"left out": summarize(data.questions, chosen), "default": summarize(data.questions, default)})


if __name__ == "__main__":
    main()
