"""How well ``relevant_only`` tells what is relevant: what it costs in recall, and how often it is silent.

    python benchmarks/relevance.py --data locomo10.json [MORE.jsonl …] [--cache FOLDER] [--limit N] [--fit]

Every collection is a file that ``mem0lite bench retrieval`` reads. Its questions are asked of their own user, who has
the answer, and of another one, who has none; where there is only one user, those of the first collection with several
are asked. LoCoMo's questions of category 5, which nothing answers either, are asked of their own conversation. Printed
are recall and precision of the first 20 results with and without the option, and the share of unanswerable questions
that get nothing.

The same is asked of small scopes: 3 to 30 memories in a row of a user, with a question's evidence among them. Others'
questions are then those of other users (of the same one, if there is only one, about something far away), and "another
topic" are those of another collection in the same language.

--fit fits the numbers of mem0lite/search/relevance.py: the logistic regression of whether a question has an answer, on
the scope's highest cosine, its highest share of keywords and the logarithm of its size, for whole and small scopes. It
prints them fitted to all questions, and for each collection what numbers fitted to the others do with its whole scopes.
Every collection counts alike. The least sum is chosen such that three per cent of the answers are lost in whole scopes.
For small ones it prints the sums that three per cent of the answers stay below, and sixty per cent of others'
questions: what is asked of few memories lies between the two.
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
from mem0lite.search.relevance import _COSINE, _COVERAGE, _LEAST, _MEMORIES, least, likeness
from mem0lite.search.scoring import Scores

DEPTH = 20
SIZES = (3, 4, 6, 8, 12, 20, 30)  # memories of small scopes
SMALL = ((3, 8), (12, 12), (20, 30))  # as they are reported
FAR = 60  # memories from a window, for a question that it does not answer
LOST = 0.03
UNANSWERABLE = 5  # LoCoMo's category


class Asked(NamedTuple):
    """A question as it was asked of a user: ``kind`` is own, other, none or topic."""

    collection: str
    kind: str
    features: Any
    """Highest cosine, highest share of keywords, ln(memories); shape (3,)."""
    silent: bool
    """Whether nothing was found to be relevant."""
    recall: tuple[float, float] = (0.0, 0.0)
    precision: tuple[float, float] = (0.0, 0.0)
    results: int = 0
    """With the option."""

    @property
    def size(self) -> int:
        """Memories of the scope."""
        return round(float(np.exp(self.features[2])))


class Watched(Scores):
    """The scores of the last search, which the benchmark looks into."""

    last: "Watched"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Watched.last = self


def features(scores: Watched) -> Any:
    """Return the features of a scope."""
    view, query = scores._to_scale, scores._query
    shares = coverage(view, scores._terms)
    every = np.arange(len(view.cosine))
    return np.array([likeness(view, query, every), 0.0 if shares is None else shares.max(), np.log(len(every))])


def ask(memory: Memory, name: str, kind: str, one: Question, user: str, ids: dict[str, str]) -> Asked:
    """Ask a question of a user, with and without the option."""
    when = {} if one.reference_date is None else {"reference_date": one.reference_date}
    wanted = set(one.relevant) if kind == "own" else set()
    found = []
    for only in (False, True):
        hits = memory.search(one.text, user_id=user, top_k=DEPTH, relevant_only=only, **when)["results"]
        found.append([ids[hit["id"]] for hit in hits])
    hit_counts = [len(wanted & set(names)) for names in found]
    return Asked(
        name,
        kind,
        features(Watched.last),
        not found[1],
        tuple(count / max(1, len(wanted)) for count in hit_counts),
        tuple(count / max(1, len(names)) for count, names in zip(hit_counts, found, strict=True)),
        len(found[1]),
    )


def asked_of(path: Path, embedder: BenchmarkEmbedder, foreign: list[Question], limit: int) -> Iterator[Asked]:
    """Fill a store with a collection, and yield its questions as they were asked."""
    data: Collection = read(path)
    users = sorted({one.user_id for one in data.documents})
    chosen = random.Random(1)
    own = list(data.questions) if not limit else chosen.sample(data.questions, min(limit, len(data.questions)))
    if len(users) > 1 and not foreign:
        foreign += data.questions
    others = own if len(users) > 1 else foreign[: len(own)]
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "a.db"), embedder=embedder) as memory:
        ids = fill(memory, data.documents)
        for one in own:
            yield ask(memory, path.stem, "own", one, one.user_id, ids)
        for one in others:
            user = chosen.choice([user for user in users if user != one.user_id])
            yield ask(memory, path.stem, "other", one, user, ids)
        for one in unanswerable(path, limit):
            yield ask(memory, path.stem, "none", one, one.user_id, ids)


def windows(path: Path, embedder: BenchmarkEmbedder, topic: Sequence[Question], limit: int) -> Iterator[Asked]:
    """Yield a collection's questions as they were asked of two small scopes each, with questions that those do not
    answer."""
    data: Collection = read(path)
    chosen, by_user = random.Random(7), {}
    for document in data.documents:
        by_user.setdefault(document.user_id, []).append(document)
    places = {one.id: place for documents in by_user.values() for place, one in enumerate(documents)}
    answerable = [one for one in data.questions if any(name in places for name in one.relevant)]
    for one in chosen.sample(answerable, min(limit or len(answerable), len(answerable))):
        evidence = sorted(places[name] for name in one.relevant if name in places)
        documents = by_user[one.user_id]
        for size in chosen.sample(SIZES, 2):
            held = evidence if evidence[-1] - evidence[0] < size else [chosen.choice(evidence)]
            first, last = max(0, held[-1] - size + 1), max(0, min(held[0], len(documents) - size))
            start = chosen.randint(min(first, last), max(first, last))
            far = [
                other
                for other in chosen.sample(answerable, min(30, len(answerable)))
                if other.user_id != one.user_id
                or (len(by_user) == 1 and min(abs(places.get(name, start) - start) for name in other.relevant) > FAR)
            ]
            with Memory(":memory:", embedder=embedder) as memory:
                ids = fill(memory, documents[start : start + size])
                yield ask(memory, path.stem, "own", one, one.user_id, ids)
                for other in far[:2]:
                    yield ask(memory, path.stem, "other", other, one.user_id, ids)
                yield ask(memory, path.stem, "topic", chosen.choice(topic), one.user_id, ids)


def language(path: Path) -> str:
    """Return what a collection's name says about its language: "zh" of "xquad_zh_dev"."""
    return next((part for part in path.stem.split("_") if part in ("ar", "de", "zh")), "en")


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


def fitted(whole: Sequence[Asked], small: Sequence[Asked]) -> Any:
    """Return the four numbers: of the cosine, of the share of keywords, of ln(memories), and the least sum."""
    rows, labels, weights = [], [], []
    names = dict.fromkeys(one.collection for one in whole)
    for name in names:
        for part in (whole, small):
            for kind in ("own", "other"):
                same = np.array([one.features for one in part if (one.collection, one.kind) == (name, kind)])
                rows.append(same)
                labels.append(np.full(len(same), float(kind == "own")))
                weights.append(np.full(len(same), 100 / len(same)))
    x = np.concatenate(rows)
    x, y, w = np.c_[x, np.ones(len(x))], np.concatenate(labels), np.concatenate(weights)
    b = np.zeros(4)
    for _ in range(60):  # Newton's method
        p = 1 / (1 + np.exp(-x @ b))
        b += np.linalg.solve((x * (w * p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(4), x.T @ (w * (y - p)) - 1e-3 * b)
    least_sum = min(
        np.quantile([one.features @ b[:3] for one in whole if (one.collection, one.kind) == (name, "own")], LOST)
        for name in names
    )
    return np.array([*b[:3], least_sum])


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
    embedder, foreign, asked, small = BenchmarkEmbedder(given.cache), [], [], []
    questions = {path: read(path).questions for path in given.data}
    rows, of_windows = [], []
    for path in given.data:
        found = list(asked_of(path, embedder, foreign, given.limit))
        asked += found
        same = [one for one in given.data if language(one) == language(path) and one != path]
        topic = [one for other in same for one in questions[other]]
        in_windows = list(windows(path, embedder, topic or foreign, given.limit))
        small += in_windows
        embedder.save()
        of_windows.append([path.stem, *by_size(in_windows)])
        own = [one for one in found if one.kind == "own"]
        means = [np.mean([getattr(one, name) for one in own], axis=0) * 100 for name in ("recall", "precision")]
        silence = [[one.silent for one in found if one.kind == kind] for kind in ("other", "none")]
        shares = [f"{100 * np.mean(one):.1f}" if one else "–" for one in silence]
        kept = np.mean([one.results for one in own])
        rows.append([path.stem, *(f"{one:.1f}" for pair in means for one in pair), f"{kept:.1f}", *shares])
    headings = ["collection", "recall", "with", "precision", "with", "results", "silent to others'", "to category 5"]
    print(f"{machine()}\n\n{markdown(headings, rows)}\n")
    sizes = [f"{low} to {high}" if low < high else str(low) for low, high in SMALL]
    print(f"silent to own / others' questions / another topic, by memories:\n\n{markdown(['', *sizes], of_windows)}\n")
    if given.fit:
        print("in use:", _COSINE, _COVERAGE, -_MEMORIES, _LEAST)
        print("fitted to all:", *fitted(asked, small).round(2))
        for path in given.data:
            parts = [[one for one in part if one.collection != path.stem] for part in (asked, small)]
            numbers = fitted(*parts)
            own = [one for one in asked if one.collection == path.stem]
            lost, gone = silent(own, numbers, "own"), silent(own, numbers, "other")
            print(f"without {path.stem}:", *numbers.round(2), f"silent to {lost:.1f} own, {gone:.1f} others'")
            print(f"  {path.stem}, small:", *sums([one for one in small if one.collection == path.stem]))


def by_size(asked: Sequence[Asked]) -> Iterator[str]:
    """Yield for each range of sizes how many questions of each kind get nothing, in per cent."""
    for low, high in SMALL:
        within = [one for one in asked if low <= one.size <= high]
        kinds = ([one.silent for one in within if one.kind == kind] for kind in ("own", "other", "topic"))
        yield " / ".join(f"{100 * np.mean(one):.1f}" if one else "–" for one in kinds)


def sums(asked: Sequence[Asked]) -> Iterator[str]:
    """Yield for each range of sizes the sum that few answers stay below, the one that most others' questions do, and
    what is asked."""
    for low, high in SMALL:
        own, others = (
            [one.features @ (_COSINE, _COVERAGE, 0) for one in asked if one.kind == kind and low <= one.size <= high]
            for kind in ("own", "other")
        )
        if own and others:
            asked_of = least(round((low * high) ** 0.5), personal=False)
            yield f"{low}–{high}: {np.quantile(own, LOST):.2f} {np.quantile(others, 0.6):.2f} ({asked_of:.2f})"


if __name__ == "__main__":
    main()
