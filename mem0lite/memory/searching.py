"""From a question to an answer: what is asked, which results are the best, and their order. Pure, but for the models.

How memories are scored is in ``search/ranking``.
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import NamedTuple, Self

from ..data.records import Record
from ..embedding.crossing import CURE, CrossEncoder, logistic, reads
from ..embedding.local import cut_query
from ..embedding.protocol import Embedder, embed_query, trust
from ..embedding.reading import UnitVector, no_meaning
from ..embedding.rerank import Configured, Reranker, rerank_scores
from ..errors import DependencyError
from ..graph import in_order
from ..search.query import Query
from ..search.ranking import Ranking
from ..search.scoring import Scores
from ..search.view import Ranked
from ..store import Reading
from ..types import EmbeddedPart, Relation, ScoreDetails, SearchResult
from ..values import argument_flag, to_micros_in_zone
from . import decay
from .arguments import Instant, clean_threshold
from .decay import Decay, Uses
from .graphs import in_graph
from .judging import Found, Judge, newer_first, newer_highest
from .scaling import Scaling

COSINE = 0.8
"""Cosine similarity of the bundled model's vectors from which two texts are worth comparing.

Copies were measured from 0.84 up, except for texts of one or two words, where spelling changes the vector more.
With a model whose cosines are all high, more texts are compared, and the same ones are found to be copies: the words
decide. So these cosines are not brought to scale, which would lose some: between texts, models have another scale than
between a question and a text.
"""

_QUERY_CACHE = 1_024
_REMEMBERED_QUERY = 1_000  # characters up to which a query's vector is remembered: this bounds the cache in bytes
_WIDER, _CHECKED = 3, 100  # if there are copies, this many times as many results are looked at, and at least so many
_NEXT = 20  # results that are looked at beside, if some are worth less than they seem
_FIRST_STEPS, _STEPS = 5, 10  # results within which the steps of a procedure come in their order
_RERANKED = 3  # times as many as asked for are given to a reranker
_JUDGED = 30  # of the best are given to the model of the extra
_OF_LOGIT = 0.05  # how much a point of its logit counts beside a score
_NOT_ENGLISH = (
    "The reranker knows English only, and the query is in another script: results are in the order of their scores."
)
_NO_RERANKER = (
    f"This store has no reranker: results are in the order of their scores. {CURE}. Or open the store with reranker=…, "
    "a cross-encoder's name or folder, or serve it with MEM0LITE_RERANKER."
)


class Reranking(NamedTuple):
    """What orders the results of one search again."""

    reranker: Reranker | None = None
    missing: str | None = None
    """Why nothing does, although it was asked for."""
    as_scored: bool = False
    """Whether results then have their score as ``rerank_score``, where mem0's have 0.0: it decided."""

    @classmethod
    def of(cls, given: Reranker | Configured | None) -> Self:
        """Return what a search does that asks for the store's reranker."""
        if isinstance(given, Configured):
            return cls(given.reranker) if given.reranker else cls(missing=given.problem, as_scored=True)
        return cls(given) if given is not None else cls(missing=_NO_RERANKER)

    def wanted(self, count: int) -> int:
        """Return how many results are needed for an answer of ``count``."""
        if isinstance(self.reranker, CrossEncoder):
            return max(count, _JUDGED)
        return count if self.reranker is None else _RERANKED * count

    def rescored(self, query: str, found: Sequence[Found]) -> list[Found]:
        """Return the results in the reranker's order, or as they are."""
        if self.as_scored:
            return [one._replace(rerank_score=one.ranked.score) for one in found]
        if self.reranker is None:
            return list(found)
        if isinstance(self.reranker, CrossEncoder):
            return blended(self.reranker, query, found)
        scored = rerank_scores(self.reranker, query, [one.record.indexed_text for one in found])
        rescored = [one._replace(rerank_score=score) for one, score in zip(found, scored, strict=True)]
        return sorted(rescored, key=lambda one: -(one.rerank_score or 0.0))


class Reached(NamedTuple):
    """What a search took out of the store's snapshot."""

    found: Sequence[Found]
    scores: Scores
    categories: Sequence[str]
    """The graph categories of the file."""
    stated: Sequence[Relation]
    """What the results state."""
    decays: bool
    """Whether the answer counts as a use of what it has."""


class Search(NamedTuple):
    """One search: read from a snapshot of the store, then put into order and answered."""

    query: str
    question: Query
    weights: Ranking
    top_k: int
    threshold: float
    reranking: Reranking
    judge: Judge
    explain: bool
    embedded: EmbeddedPart | None
    """How much of the query the model sees, if that is not all of it."""
    now: int
    """The present, whatever date the question refers to."""
    relevant_only: bool = False
    """Whether what is not relevant is left out."""

    def read(self, reading: Reading, uses: Uses) -> Reached:
        """Return the best results, with what their order and the answer depend on."""
        scores = Scores(reading.view, self.question, self.weights)
        asked = decay.asked_of(reading.project())
        wanted = self.reranking.wanted(self.top_k)
        found = best(reading, scores, self.judge, wanted if asked is None else decay.pool(wanted), self.threshold)
        if self.relevant_only:
            found = relevant_of(scores, self.judge, found)
        if asked is not None:
            found = decayed(reading, found, asked, uses, self.now)[:wanted]
        of_graph = _any_in_graph(found, reading.graph_categories)
        stated = reading.relations([one.ranked for one in found]) if of_graph else []
        return Reached(found, scores, reading.graph_categories, stated, asked is not None)

    def answer(self, reached: Reached) -> SearchResult:
        """Return the results in their final order, as callers see them."""
        found = self._ordered(reached)
        results = [one.to_hit() for one in found]
        if self.explain:
            for hit, one in zip(results, found, strict=True):
                hit["score_details"] = self._details(reached, one)
        answer: SearchResult = {"results": results}
        if self.reranking.missing is not None:
            answer["not_reranked"] = self.reranking.missing
        if _any_in_graph(found, reached.categories):
            answer["relations"] = _of_results(reached.stated, found)
        if self.embedded is not None:
            answer["embedded"] = self.embedded
        return answer

    def _details(self, reached: Reached, one: Found) -> ScoreDetails:
        details = reached.scores.details(one.ranked, self.threshold, one.adjustments)
        if one.weighed is not None:
            details["decay"] = one.weighed.details()
        return details

    def _ordered(self, reached: Reached) -> list[Found]:
        found = self.reranking.rescored(self.query, reached.found)
        if self.reranking.reranker is not None:
            return found[: self.top_k]
        if self.question.asked == "any":
            return found
        return step_by_step(found, reached.stated, [one.name for one in self.question.names])


class Searcher:
    """Reads what searches of one store ask for, with its embedder, ranking and reranker."""

    def __init__(
        self, embedder: Embedder, scaling: Scaling, ranking: Ranking, reranker: Reranker | Configured | None
    ) -> None:
        self.reranker = reranker
        self._at_hand: CrossEncoder | None = None
        self._scaling = scaling
        self._embedder = embedder
        self._ranking = ranking
        self._remembered = functools.lru_cache(_QUERY_CACHE)(functools.partial(embed_query, embedder))

    def search(
        self,
        query: str,
        now: int,
        *,
        count: int,
        threshold: float | None,
        rerank: bool | None,
        explain: bool,
        reference_date: Instant | None,
        ranking: Ranking | Mapping[str, float] | None,
        graph: bool,
        relevant_only: bool,
    ) -> Search:
        """Return what a call of ``search`` asks for; ``graph`` says that the file has one."""
        least = clean_threshold(threshold)
        weights = self._ranking if ranking is None else Ranking.of(ranking)
        asked, zone = (now, UTC) if reference_date is None else to_micros_in_zone(reference_date, "reference_date")
        if weights.reads_meaning:
            vector, trusted, embedded = (
                self._vector(query),
                trust(self._embedder, query),
                cut_query(self._embedder, query),
            )
        else:  # nothing would count the vector
            vector, trusted, embedded = no_meaning(self._embedder.dimensions), 0.0, None
        scale = self._scaling.scale() if weights.reads_meaning else None
        question = Query.read(query, vector, asked, weights, zone=zone, trust=trusted, graph=graph, scale=scale)
        return Search(
            query,
            question,
            weights,
            count,
            least,
            self._reranking(None if rerank is None else argument_flag(rerank, "rerank"), query),
            Judge.of(query, question, weights),
            argument_flag(explain, "explain"),
            embedded,
            now,
            argument_flag(relevant_only, "relevant_only"),
        )

    def _reranking(self, asked: bool | None, query: str) -> Reranking:
        """Return what reranks. By default a search uses a reranker that a configuration of mem0 names; if one is asked
        for, and the store has none, that is the model of the extra."""
        if not (isinstance(self.reranker, Configured) if asked is None else asked):
            return Reranking()
        if self.reranker is None and self._at_hand is None:
            with contextlib.suppress(DependencyError):  # its cure is in the answer
                self._at_hand = CrossEncoder()
        reranker = self.reranker or self._at_hand
        if isinstance(reranker, CrossEncoder) and not reads(query):
            return Reranking(missing=_NOT_ENGLISH)
        return Reranking.of(reranker)

    def _vector(self, query: str) -> UnitVector:
        if len(query) <= _REMEMBERED_QUERY:
            return self._remembered(query)
        return embed_query(self._embedder, query)

    def forget(self) -> None:
        """Forget the queries whose vectors are remembered."""
        self._remembered.cache_clear()


def blended(model: CrossEncoder, query: str, found: Sequence[Found]) -> list[Found]:
    """Return the best results in the order of their score + _OF_LOGIT · the model's logit, and the others behind.

    The score knows the conversation around a memory, who said it and when; the model only its text. A memory in a
    script that the model can't read counts as if it had the mean of the others' logits.
    """
    judged = found[:_JUDGED]
    texts = {one.record.id: one.record.indexed_text for one in judged}
    read = {name: text for name, text in texts.items() if reads(text)}
    logits = dict(zip(read, model.logits(query, list(read.values())), strict=True))
    mean = sum(logits.values()) / max(1, len(logits))
    ordered = sorted(judged, key=lambda one: -one.blended(_OF_LOGIT * logits.get(one.record.id, mean)))
    scores = {name: logistic(logit) for name, logit in logits.items()}
    reranked = (one._replace(rerank_score=scores.get(one.record.id)) for one in newer_first(ordered))
    return [*reranked, *found[_JUDGED:]]


def told_twice(found: Sequence[Found]) -> set[int]:
    """Return the positions of facts of which a better result is a source, and of sources of better facts: the better
    one stays, whichever it is."""
    if all(one.record.sources is None for one in found):
        return set()
    kept: set[str] = set()
    sources: set[str] = set()
    twice = set()
    for position, one in enumerate(found):
        own = one.record.sources or ()
        if one.record.id in sources or not kept.isdisjoint(own):
            twice.add(position)
        else:
            kept.add(one.record.id)
            sources.update(own)
    return twice


def told_once(found: Sequence[Found]) -> list[Found]:
    """Return the results without those that ``told_twice`` names."""
    twice = told_twice(found)
    return [one for position, one in enumerate(found) if position not in twice]


def best(reading: Reading, scores: Scores, judge: Judge, count: int, threshold: float) -> list[Found]:
    """Return the best ``count`` results. What is worth less than it seems yields to the next ones. Copies, and what is
    so no more, yield to others among the best _CHECKED, or among _WIDER times as many as asked for."""
    ranked = scores.best(count, threshold)
    first = with_records(reading, ranked)
    found = judge.judged(first, threshold)
    if not judge.compares(found) and not told_twice(found):
        if len(ranked) < count:
            return found
        if not copies(reading, found):
            lowered = len(ranked) - sum(not one.adjustments for one in found)
            if not lowered:
                return found
            more = scores.best(count + max(_NEXT, 2 * lowered), threshold)[count:]  # of these, some may be lowered, too
            return told_once(judge.judged([*first, *with_records(reading, more)], threshold))[:count]
    found = told_once(judge.judged(with_records(reading, scores.best(max(_CHECKED, _WIDER * count), 0)), threshold))
    repeated = copies(reading, found)
    chosen = [position for position in range(len(found)) if position not in repeated]
    return [found[position] for position in sorted([*chosen, *sorted(repeated)][:count])]


def relevant_of(scores: Scores, judge: Judge, found: Sequence[Found]) -> list[Found]:
    """Return the results that are relevant, down to none. What says just what is asked is, whatever its score."""
    kept = {one.position for one in scores.relevant([one.ranked for one in found])}
    return [one for one in found if one.ranked.position in kept or judge.answered_by(one)]


def with_records(reading: Reading, ranked: list[Ranked]) -> list[Found]:
    """Return what was ranked with its memories."""
    return list(map(Found, ranked, reading.records(ranked)))


def decayed(reading: Reading, found: Sequence[Found], asked: Decay, uses: Uses, now: int) -> list[Found]:
    """Return results with their scores multiplied by how recently answers had them, best first. What a newer result
    says otherwise stays behind that one, however often answers had it."""
    weighed = uses.weigh(asked, [one.record for one in found], reading.uses([one.ranked for one in found]), now)
    scores = [one.ranked.score * each.factor for one, each in zip(found, weighed, strict=True)]
    order = sorted(range(len(found)), key=lambda place: -scores[place])
    rescored = [
        found[place].rescored(min(1.0, scores[place]), decay.RULE)._replace(weighed=weighed[place]) for place in order
    ]
    return newer_first(sorted(newer_highest(rescored), key=lambda one: -one.ranked.score))


def copies(reading: Reading, found: list[Found]) -> set[int]:
    """Return the positions of those, among the first _CHECKED, that say nearly the same as one before them."""
    import numpy as np

    if len(found) < 2:
        return set()
    vectors = reading.vectors([one.ranked for one in found[:_CHECKED]])
    near = vectors @ vectors.T >= COSINE
    if np.count_nonzero(near) == len(near):  # each only to itself, as in most searches
        return set()
    near = np.triu(near, k=1)
    positions: list[int] = np.flatnonzero(near.any(axis=0) | near.any(axis=1)).tolist()
    if not positions:
        return set()
    from ..search.similarity import canonical  # most results are not near each other

    by_words: dict[object, list[Record]] = {}
    repeated = set()
    for position in positions:
        record = found[position].record
        same = by_words.setdefault(canonical(record.text)[0], [])
        if any(record.is_copy_of(better) for better in same):
            repeated.add(position)
        same.append(record)
    return repeated


def step_by_step(found: list[Found], stated: Sequence[Relation], about: Sequence[str]) -> list[Found]:
    """Return the results with the steps of one procedure in its order. They take the places that they have among the
    others: of the first _FIRST_STEPS, and of as many more as follow each other."""
    of_memory: dict[str, list[tuple[str, str, str]]] = {one.record.id: [] for one in found[:_STEPS]}
    for relation in stated:
        for memory_id in relation["memory_ids"]:
            if memory_id in of_memory:
                of_memory[memory_id].append((relation["source"], relation["relationship"], relation["destination"]))
    steps = in_order(list(of_memory.values()), about)
    places = sorted(steps)
    end = max(_FIRST_STEPS, next((place for place in range(len(places)) if places[place] != place), len(places)))
    ordered = list(found)
    for place, step in zip([one for one in places if one < end], [one for one in steps if one < end], strict=True):
        ordered[place] = found[step]
    return ordered


def _of_results(stated: Sequence[Relation], found: Sequence[Found]) -> list[Relation]:
    """Return what the results state, in their order; a reranker may have left out some that state more."""
    ranks = {one.record.id: rank for rank, one in enumerate(found)}
    kept: list[Relation] = [
        {**relation, "memory_ids": ids}
        for relation in stated
        if (ids := [one for one in relation["memory_ids"] if one in ranks])
    ]
    return sorted(kept, key=lambda relation: min(ranks[one] for one in relation["memory_ids"]))


def _any_in_graph(found: Sequence[Found], categories: Sequence[str]) -> bool:
    return any(in_graph(one.record, categories) for one in found)
