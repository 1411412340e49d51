"""What every ranking finds, and how good that is: means over questions, and how far to trust them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar

from ..memory import AddItem, Memory, Progress
from ..search.ranking import Ranking
from .collection import Collection, Document, Question

DEPTHS = (5, 10, 20)
"""The numbers of results that recall and NDCG look at."""
HIT_DEPTH = 10

RANKINGS: Mapping[str, Ranking | None] = {
    "default": None,
    "plain": Ranking.plain(),
    "dense": Ranking.dense(),
    "sparse": Ranking.sparse(),
}
"""What is measured: what ``search`` does by default, a memory's own meaning and words, only meaning, only words."""

Figures = dict[str, float]
"""``questions``, and means in 0..1 of ``recall@5``, ``ndcg@5``, …, ``hit@10``, and perhaps ``new_first``."""
Report = dict[str, dict[str, Figures]]
"""Figures by ranking and category; the category ``all`` is every question."""
Interval = tuple[float, float]
"""The lowest and the highest value that 95 % of the resampled means lie between."""
Found = Sequence[tuple[str, float]]
"""Ids and scores of the documents found for a question, best first, at most as many as the greatest of DEPTHS."""

_BATCH = 256  # messages given to one add_many
_SAMPLES = 1_000  # of the bootstrap
_AT_ONCE = 1_000_000  # values that are drawn at once
_CONFIDENCE = 0.95
_SHOWN = (*(f"recall@{depth}" for depth in DEPTHS), "ndcg@10", f"hit@{HIT_DEPTH}", "new_first")  # in tables

_Value = TypeVar("_Value")


# -- finding


def evaluate(
    memory: Memory,
    collection: Collection,
    rankings: Mapping[str, Ranking | None] = RANKINGS,
    progress: Progress | None = None,
) -> Report:
    """Add the documents to an empty memory, ask every question under every ranking, and return the figures.

    ``progress`` is called while documents are added. Raises what ``Memory.add`` and ``Memory.search`` raise.
    """
    found = search_all(memory, collection, rankings, progress)
    return {name: summarize(collection.questions, ids_of(one)) for name, one in found.items()}


def search_all(
    memory: Memory,
    collection: Collection,
    rankings: Mapping[str, Ranking | None] = RANKINGS,
    progress: Progress | None = None,
) -> dict[str, list[Found]]:
    """Add the documents to an empty memory, and return what each ranking finds for each question.

    ``progress`` is called while documents are added. Raises what ``Memory.add`` and ``Memory.search`` raise.
    """
    ids = fill(memory, collection.documents, progress)
    return {
        name: [_found(memory, question, ids, ranking) for question in collection.questions]
        for name, ranking in rankings.items()
    }


def fill(memory: Memory, documents: Sequence[Document], progress: Progress | None = None) -> dict[str, str]:
    """Add documents as messages, in the order of each conversation; return document ids by memory id."""
    ids: dict[str, str] = {}
    for batch in _batches(documents, _BATCH):
        results = memory.add_many(_conversation(group) for _, group in groupby(batch, _conversation_of))
        added = [item["id"] for result in results for item in result["results"]]
        ids.update(zip(added, (document.id for document in batch), strict=True))
        if progress:
            progress(len(ids), len(documents))
    return ids


def retrieve(
    memory: Memory, questions: Sequence[Question], ids: Mapping[str, str], ranking: Ranking | None = None
) -> list[list[str]]:
    """Return for each question the ids of the documents found, best first; ``ids`` is what ``fill`` returned."""
    return ids_of([_found(memory, question, ids, ranking) for question in questions])


def ids_of(found: Iterable[Found]) -> list[list[str]]:
    """Return what was found without its scores."""
    return [[name for name, _ in one] for one in found]


def _conversation_of(document: Document) -> tuple[str, str | None]:
    return document.user_id, document.run_id


def _conversation(documents: Iterable[Document]) -> AddItem:
    documents = list(documents)
    user_id, run_id = _conversation_of(documents[0])
    messages = [
        {"role": one.role, "name": one.name, "content": one.text, "timestamp": one.timestamp} for one in documents
    ]
    return {"messages": messages, "user_id": user_id, "run_id": run_id, "infer": False}


def _found(memory: Memory, question: Question, ids: Mapping[str, str], ranking: Ranking | None) -> Found:
    chosen: dict[str, Any] = {}
    if ranking is not None:
        chosen["ranking"] = ranking
    if question.reference_date is not None:
        chosen["reference_date"] = question.reference_date
    results = memory.search(question.text, user_id=question.user_id, top_k=max(DEPTHS), **chosen)["results"]
    return [(ids[item["id"]], item["score"]) for item in results]


def _batches(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


# -- measuring


def summarize(questions: Sequence[Question], found: Sequence[Sequence[str]]) -> dict[str, Figures]:
    """Return the means over all questions and over each category's, from the ids found for each question."""
    return {
        category: {"questions": len(scored)} | {name: _mean(values) for name, values in _by_name(scored).items()}
        for category, scored in _by_category(questions, found).items()
    }


def intervals(
    questions: Sequence[Question], found: Sequence[Sequence[str]], seed: int = 0
) -> dict[str, dict[str, Interval]]:
    """Return a 95 % interval of each mean that ``summarize`` returns, by bootstrap over the questions.

    Questions are drawn with replacement, a thousand times (Efron & Tibshirani, "An introduction to the bootstrap",
    1993; percentiles). The intervals say how much the choice of the questions matters. They say nothing about other
    users, other topics or other languages.
    """
    return {
        category: {name: _interval(values, seed) for name, values in _by_name(scored).items()}
        for category, scored in _by_category(questions, found).items()
    }


def difference(
    questions: Sequence[Question], found: Sequence[Sequence[str]], other: Sequence[Sequence[str]], name: str
) -> tuple[float, Interval]:
    """Return by how much a figure of ``found``, such as ``recall@10``, is above that of ``other``, over all questions.

    With it comes the 95 % interval of the difference. It is narrower than the two figures' intervals suggest, as both
    are of the same questions.
    """
    first, second = (_by_name(_by_category(questions, one)["all"])[name] for one in (found, other))
    differences = [one - two for one, two in zip(first, second, strict=True)]
    return _mean(differences), _interval(differences, 0)


def metrics(found: Sequence[str], relevant: Mapping[str, float]) -> Figures:
    """Return recall and NDCG at each of DEPTHS and whether anything relevant is among the first ten, in 0..1.

    NDCG is Järvelin & Kekäläinen's ("Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002) with
    trec_eval's discount, log2(rank + 1), and the grades as gains.
    """
    gains = [relevant.get(one, 0.0) for one in found]
    ideal = sorted(relevant.values(), reverse=True)
    figures = {}
    for depth in DEPTHS:
        figures[f"recall@{depth}"] = sum(gain > 0 for gain in gains[:depth]) / len(relevant)
        figures[f"ndcg@{depth}"] = _cumulated(gains[:depth]) / _cumulated(ideal[:depth])
    figures[f"hit@{HIT_DEPTH}"] = float(any(gains[:HIT_DEPTH]))
    return figures


def _figures(question: Question, found: Sequence[str]) -> Figures:
    """Return the metrics of a question, and whether something new comes before everything old."""
    figures = metrics(found, question.relevant)
    if question.new:
        first = next((one for one in found if one in question.new or one in question.old), None)
        figures["new_first"] = float(first in question.new)
    return figures


def _by_category(questions: Sequence[Question], found: Sequence[Sequence[str]]) -> dict[str, list[Figures]]:
    """Return the figures of the questions: of all, and of each category in the order of their names."""
    scored = [(question.category, _figures(question, ids)) for question, ids in zip(questions, found, strict=True)]
    categories = sorted({category for category, _ in scored if category is not None})
    return {"all": [one for _, one in scored]} | {
        name: [one for category, one in scored if category == name] for name in categories
    }


def _by_name(scored: Sequence[Figures]) -> dict[str, list[float]]:
    """Return the values of each figure; not every question has every one."""
    names = dict.fromkeys(name for one in scored for name in one)
    return {name: [one[name] for one in scored if name in one] for name in names}


def _cumulated(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _interval(values: Sequence[float], seed: int) -> Interval:
    """Return the interval of a mean. Figures of the same questions are resampled alike, as the seed is the same."""
    import numpy as np

    generator, known, count = np.random.default_rng(seed), np.array(values), len(values)
    rows = max(1, min(_SAMPLES, _AT_ONCE // count))
    blocks = [known[generator.integers(count, size=(rows, count))].mean(axis=1) for _ in range(0, _SAMPLES, rows)]
    low, high = np.quantile(np.concatenate(blocks), [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return float(low), float(high)


# -- showing


def table(
    questions: Sequence[Question], found: Mapping[str, Sequence[Sequence[str]]], names: Sequence[str] = _SHOWN
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and a row for each category and figure with the rankings beside each other.

    ``found`` has the ids found for each question, by ranking. A cell is the mean in per cent with its interval.
    """
    scored = {ranking: _by_category(questions, ids) for ranking, ids in found.items()}
    rows: list[list[str]] = []
    for category in next(iter(scored.values())):
        values = [_by_name(categories[category]) for categories in scored.values()]
        rows += (
            [category, str(len(values[0][name])), name, *(_cell(one[name]) for one in values)]
            for name in names
            if name in values[0]
        )
    return ["category", "questions", "figure", *found], rows


def _cell(values: Sequence[float]) -> str:
    """Return a mean with its interval, in per cent."""
    low, high = _interval(values, 0)
    return f"{100 * _mean(values):.1f} ({100 * low:.1f}–{100 * high:.1f})"
