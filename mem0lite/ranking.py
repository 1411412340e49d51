"""Candidates to a ranked list: keyword statistics, the fusion of both kinds of evidence, score details. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .types import ScoreDetails

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEMANTIC_WEIGHT = 0.5
"""Share of the cosine similarity in a score; the rest is the keywords'. 0.3 to 0.5 is a flat optimum."""

# BM25's saturation and length normalisation (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).
# Memories are short: how often a word occurs, and in how long a text, says less than in documents.
_K1 = 0.4
_B = 0.3


class Candidates:
    """What a search may return, and the statistics to score it by.

    ``keys``, ``lengths`` (in terms) and ``distances`` have one element for every live memory in the scopes searched,
    shape (n,); the distance between unit vectors is NaN where the memory is there for the statistics only, because a
    filter excludes it. ``postings`` holds for each term the keys it occurs in and how often; keys that are not among
    the memories are passed over.
    """

    postings: "dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]"
    """For each term positions in ``keys`` and frequencies."""

    def __init__(
        self,
        keys: "NDArray[np.int64]",
        lengths: "NDArray[np.float64]",
        distances: "NDArray[np.float64]",
        postings: "Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]",
    ) -> None:
        import numpy as np

        order = np.argsort(keys, kind="stable")
        self.keys, self.lengths, self.distances = keys[order], lengths[order], distances[order]
        self.postings = {term: self._located(*found) for term, found in postings.items() if len(keys)}

    def _located(
        self, keys: "NDArray[np.int64]", frequencies: "NDArray[np.float64]"
    ) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
        import numpy as np

        positions = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        live = self.keys[positions] == keys
        return positions[live], frequencies[live]


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
    import numpy as np

    keyword = _keyword_scores(candidates, query_terms)
    weight = SEMANTIC_WEIGHT if keyword.any() else 1.0
    semantic = np.clip(1.0 - candidates.distances**2 / 2.0, 0.0, 1.0)  # the cosine of unit vectors; NaN stays
    scores = weight * semantic + (1.0 - weight) * keyword
    eligible = np.flatnonzero(scores >= threshold)  # NaN is not
    best = eligible[np.argsort(-scores[eligible], kind="stable")[:top_k]]
    return [
        Ranked(
            key=int(candidates.keys[position]),
            score=float(scores[position]),
            semantic=float(semantic[position]),
            keyword=float(keyword[position]),
            semantic_weight=weight,
            matched_terms=tuple(
                term for term in query_terms if term in candidates.postings and position in candidates.postings[term][0]
            ),
        )
        for position in best
    ]


def _keyword_scores(candidates: Candidates, query_terms: Sequence[str]) -> "NDArray[np.float64]":
    """Return each memory's BM25 divided by the highest that the query could reach, so in 0..1.

    A query term no memory has counts in the divisor: a memory with two of five rare words is no perfect match.
    """
    import numpy as np

    size = len(candidates.keys)
    scores = np.zeros(size)
    highest = 0.0
    average = candidates.lengths.mean() if size else 0.0
    for term in query_terms:
        found = candidates.postings.get(term)
        document_frequency = 0 if found is None else len(found[0])
        idf = math.log(1.0 + (size - document_frequency + 0.5) / (document_frequency + 0.5))
        highest += idf * (_K1 + 1.0)
        if found is not None:
            positions, frequencies = found
            norms = _K1 * (1.0 - _B + _B * candidates.lengths[positions] / average)
            scores[positions] += idf * frequencies * (_K1 + 1.0) / (frequencies + norms)
    return scores / highest if highest else scores
