"""How well ``relevant_only`` tells what is relevant: what it costs in recall, and how often it is silent.

    python benchmarks/relevance.py --data locomo10.json [MORE.jsonl …] [--cache FOLDER] [--limit N] [--fit]

Every collection is a file that ``mem0lite bench retrieval`` reads. Its questions are asked of their own user, who has
the answer, and of another one, who has none; where there is only one user, those of the first collection with several
are asked. LoCoMo's questions of category 5, which nothing answers either, are asked of their own conversation. Printed
are recall and precision of the first 20 results with and without the option, and the share of unanswerable questions
that get nothing.

--fit fits the numbers of mem0lite/search/relevance.py: the logistic regression of whether a question has an answer, on
the scope's highest cosine, its highest share of keywords and the logarithm of its size. It prints them fitted to all
questions, and for each collection what numbers fitted to the others do with it. Every collection counts alike, and so
do its whole scopes and small ones that are drawn from them: an answer among a few memories that are as near to the
question as the scope's are on average. The least sum is chosen such that three per cent of the answers are lost.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import machine, markdown
from locomo import BenchmarkEmbedder

import mem0lite.memory.searching
from mem0lite import Memory
from mem0lite.retrieval import Collection, Question, fill, read
from mem0lite.search.bm25 import coverage
from mem0lite.search.relevance import _COSINE, _COVERAGE, _LEAST, _MEMORIES, _likeness
from mem0lite.search.scoring import Scores

DEPTH = 20
SMALL = (1, 2, 4, 8, 16, 32, 64, 128)  # memories of the scopes that are drawn
LOST = 0.03
UNANSWERABLE = 5  # LoCoMo's category


class Asked(NamedTuple):
    """A question as it was asked of a user: ``kind`` is own, other or none; the rest are the features of the scope."""

    collection: str
    kind: str
    features: Any
    """Highest cosine, highest share of keywords, ln(memories); shape (3,)."""
    small: Any
    """The same of small scopes; shape (scopes, 3)."""
    recall: tuple[float, float]
    precision: tuple[float, float]
    results: int
    """With the option."""


class Watched(Scores):
    """The scores of the last search, which the benchmark looks into."""

    last: "Watched"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Watched.last = self


def features(scores: Watched, relevant: Sequence[int], wanted: bool, generator: Any) -> tuple[Any, Any]:
    """Return the features of a scope, and of small scopes that are drawn from it. If an answer is ``wanted``, each has
    one of those found."""
    view, trust = scores._view, scores._query.trust
    cosine, shares = np.nan_to_num(view.cosine), coverage(view, scores._terms)
    shares = np.zeros(len(cosine)) if shares is None else shares
    whole = np.array([_likeness(view.cosine, trust), shares.max(), np.log(len(cosine))])
    drawn = []
    for size in (size for size in SMALL if size < len(cosine) and (relevant or not wanted)):
        chosen = generator.choice(len(cosine), size, replace=False)
        if relevant:
            chosen[0] = generator.choice(relevant)
        drawn.append([cosine[chosen].max(), shares[chosen].max(), np.log(size)])
    return whole, np.array(drawn)


def ask(memory: Memory, name: str, kind: str, one: Question, user: str, ids: dict[str, str], generator: Any) -> Asked:
    """Ask a question of a user, with and without the option."""
    when = {} if one.reference_date is None else {"reference_date": one.reference_date}
    wanted = set(one.relevant) if kind == "own" else set()
    found = []
    for only in (False, True):
        hits = memory.search(one.text, user_id=user, top_k=DEPTH, relevant_only=only, **when)["results"]
        found.append([ids[hit["id"]] for hit in hits])
    hit_counts = [len(wanted & set(names)) for names in found]
    scores = Watched.last
    answering = [r.position for r, name in zip(scores.best(DEPTH, 0.1), found[0], strict=False) if name in wanted]
    whole, small = features(scores, answering, bool(wanted), generator)
    return Asked(
        name,
        kind,
        whole,
        small,
        tuple(count / max(1, len(wanted)) for count in hit_counts),
        tuple(count / max(1, len(names)) for count, names in zip(hit_counts, found, strict=True)),
        len(found[1]),
    )


def asked_of(path: Path, embedder: BenchmarkEmbedder, foreign: list[Question], limit: int) -> Iterator[Asked]:
    """Fill a store with a collection, and yield its questions as they were asked."""
    data: Collection = read(path)
    users = sorted({one.user_id for one in data.documents})
    chosen, numbers = random.Random(1), np.random.default_rng(1)
    own = list(data.questions) if not limit else chosen.sample(data.questions, min(limit, len(data.questions)))
    if len(users) > 1 and not foreign:
        foreign += data.questions
    others = own if len(users) > 1 else foreign[: len(own)]
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "a.db"), embedder=embedder) as memory:
        ids = fill(memory, data.documents)
        for one in own:
            yield ask(memory, path.stem, "own", one, one.user_id, ids, numbers)
        for one in others:
            user = chosen.choice([user for user in users if user != one.user_id])
            yield ask(memory, path.stem, "other", one, user, ids, numbers)
        for one in unanswerable(path, limit):
            yield ask(memory, path.stem, "none", one, one.user_id, ids, numbers)


def unanswerable(path: Path, limit: int) -> list[Question]:
    """Return LoCoMo's questions that nothing answers; of another collection, none."""
    if path.suffix != ".json":
        return []
    found = [
        Question(f"{one['sample_id']} {place}", asked["question"], {}, str(one["sample_id"]))
        for one in json.loads(path.read_text())
        for place, asked in enumerate(one["qa"])
        if asked["category"] == UNANSWERABLE
    ]
    return found[:limit] if limit else found


def fitted(asked: Sequence[Asked]) -> Any:
    """Return the four numbers: of the cosine, of the share of keywords, of ln(memories), and the least sum."""
    rows, labels, weights = [], [], []
    for name in dict.fromkeys(one.collection for one in asked):
        for kind in ("own", "other"):
            same = [one for one in asked if (one.collection, one.kind) == (name, kind)]
            for parts in ([one.features[None] for one in same], [one.small for one in same if len(one.small)]):
                if parts:
                    stacked = np.concatenate(parts)
                    rows.append(stacked)
                    labels.append(np.full(len(stacked), float(kind == "own")))
                    weights.append(np.full(len(stacked), 100 / len(stacked)))
    x = np.concatenate(rows)
    x, y, w = np.c_[x, np.ones(len(x))], np.concatenate(labels), np.concatenate(weights)
    b = np.zeros(4)
    for _ in range(60):  # Newton's method
        p = 1 / (1 + np.exp(-x @ b))
        b += np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(4), x.T @ (w * (y - p)) - 1e-3 * b)
    least = min(
        np.quantile([one.features @ b[:3] for one in asked if (one.collection, one.kind) == (name, "own")], LOST)
        for name in dict.fromkeys(one.collection for one in asked)
    )
    return np.array([*b[:3], least])


def silent(asked: Sequence[Asked], numbers: Any, kind: str) -> float:
    """Return the share of questions of a kind, in per cent, whose scope does not answer them."""
    return 100 * float(np.mean([one.features @ numbers[:3] < numbers[3] for one in asked if one.kind == kind]))


def main() -> None:
    """Measure, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="collections; the first with several users")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="ask at most N questions of each collection")
    parser.add_argument("--fit", action="store_true", help="fit the numbers, and leave each collection out once")
    given = parser.parse_args()
    mem0lite.memory.searching.Scores = Watched  # type: ignore[misc]
    embedder, foreign, asked = BenchmarkEmbedder(given.cache), [], []
    rows = []
    for path in given.data:
        found = list(asked_of(path, embedder, foreign, given.limit))
        asked += found
        embedder.save()
        own = [one for one in found if one.kind == "own"]
        means = [np.mean([one[place] for one in own], axis=0) * 100 for place in (4, 5)]
        silence = [[one.results == 0 for one in found if one.kind == kind] for kind in ("other", "none")]
        shares = [f"{100 * np.mean(one):.1f}" if one else "–" for one in silence]
        kept = np.mean([one.results for one in own])
        rows.append([path.stem, *(f"{one:.1f}" for pair in means for one in pair), f"{kept:.1f}", *shares])
    headings = ["collection", "recall", "with", "precision", "with", "results", "silent to others'", "to category 5"]
    print(f"{machine()}\n\n{markdown(headings, rows)}\n")
    if given.fit:
        print("in use:", _COSINE, _COVERAGE, -_MEMORIES, _LEAST)
        print("fitted to all:", *fitted(asked).round(2))
        for path in given.data:
            numbers = fitted([one for one in asked if one.collection != path.stem])
            own = [one for one in asked if one.collection == path.stem]
            lost, gone = silent(own, numbers, "own"), silent(own, numbers, "other")
            print(f"without {path.stem}:", *numbers.round(2), f"silent to {lost:.1f} own, {gone:.1f} others'")


if __name__ == "__main__":
    main()
