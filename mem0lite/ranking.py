"""Candidates to a ranked list: keyword statistics, the fusion of both kinds of evidence, score details. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .types import ScoreDetails

SEMANTIC_WEIGHT = 0.5
"""Share of the cosine similarity in a score; the rest is the keywords'. 0.3 to 0.5 is a flat optimum."""

# BM25's saturation and length normalisation (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).
# Memories are short: how often a word occurs, and in how long a text, says less than in documents.
_K1 = 0.4
_B = 0.3


class Candidates:
    """What a search may return, and the statistics to score it by.

    ``rows`` holds (key, length in terms, distance) of every live memory in the scopes searched; the distance between
    unit vectors is None where the memory is there for the statistics only, because a filter excludes it. ``postings``
    holds (term, key, frequency); keys that are not among the rows are passed over.
    """

    def __init__(self, rows: Sequence[tuple[int, int, float | None]], postings: Sequence[tuple[str, int, int]]) -> None:
        self.distances = {key: distance for key, _, distance in rows if distance is not None}
        self.lengths = {key: length for key, length, _ in rows}
        self.frequencies: dict[str, dict[int, int]] = defaultdict(dict)
        for term, key, frequency in postings:
            if key in self.lengths:
                self.frequencies[term][key] = frequency


@dataclass(frozen=True, slots=True)
class Ranked:
    """One result: its score and the parts it came from, all in 0..1."""

    key: int
    score: float
    semantic: float
    keyword: float
    semantic_weight: float
    matched_terms: tuple[str, ...]

    def details(self, threshold: float) -> ScoreDetails:
        """Return how the score came about, under mem0's names where mem0 has one."""
        return {
            "semantic_score": self.semantic,
            "bm25_score": self.keyword,
            "semantic_weight": self.semantic_weight,
            "bm25_weight": 1.0 - self.semantic_weight,
            "matched_terms": list(self.matched_terms),
            "entity_boost": 0.0,
            "raw_score": self.score,
            "max_possible_score": 1.0,
            "final_score": self.score,
            "threshold": threshold,
        }


def rank(candidates: Candidates, query_terms: Sequence[str], top_k: int, threshold: float) -> list[Ranked]:
    """Return the best ``top_k`` candidates whose score is at least ``threshold``; at equal scores older ones first.

    score = SEMANTIC_WEIGHT · max(0, cosine) + (1 - SEMANTIC_WEIGHT) · keyword score. Both parts are absolute, so a
    score depends on nothing but the query, the memory and the other memories of the scopes searched; min-max scaling
    over the candidates was measured to rank no better. Where no keyword of the query occurs in the scope, the cosine
    alone is the score.
    """
    keyword = _keyword_scores(candidates, query_terms)
    weight = SEMANTIC_WEIGHT if candidates.frequencies else 1.0
    scored = []
    for key, distance in candidates.distances.items():
        semantic = min(1.0, max(0.0, 1.0 - distance * distance / 2.0))  # of unit vectors
        score = weight * semantic + (1.0 - weight) * keyword.get(key, 0.0)
        if score >= threshold:
            scored.append((-score, key, semantic))
    scored.sort()
    return [
        Ranked(
            key=key,
            score=-negated,
            semantic=semantic,
            keyword=keyword.get(key, 0.0),
            semantic_weight=weight,
            matched_terms=tuple(term for term in query_terms if key in candidates.frequencies.get(term, ())),
        )
        for negated, key, semantic in scored[:top_k]
    ]


def _keyword_scores(candidates: Candidates, query_terms: Sequence[str]) -> dict[int, float]:
    """Return each memory's BM25 divided by the highest that the query could reach, so in 0..1.

    A query term no memory has counts in the divisor: a memory with two of five rare words is no perfect match.
    """
    size = len(candidates.lengths)
    average = sum(candidates.lengths.values()) / size if size else 0.0
    norms = {}
    scores: dict[int, float] = defaultdict(float)
    highest = 0.0
    for term in query_terms:
        frequencies = candidates.frequencies.get(term, {})
        document_frequency = len(frequencies)
        idf = math.log(1.0 + (size - document_frequency + 0.5) / (document_frequency + 0.5))
        highest += idf * (_K1 + 1.0)
        for key, frequency in frequencies.items():
            if key not in norms:
                norms[key] = _K1 * (1.0 - _B + _B * candidates.lengths[key] / average)
            scores[key] += idf * frequency * (_K1 + 1.0) / (frequency + norms[key])
    return {key: score / highest for key, score in scores.items()}
