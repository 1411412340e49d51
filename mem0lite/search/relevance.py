"""Whether anything in a scope answers a question, and how far down the results do. Pure.

What a memory itself says decides: its cosine, and the share of the question's keywords that it has. What is around it,
who said it and when don't count, as they lift what nothing else supports. ``benchmarks/relevance.py`` fits the numbers
to questions of others' conversations, which have no answer in a scope, and to small scopes drawn from large ones.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .bm25 import coverage
from .query import Query
from .view import Ranked, View

if TYPE_CHECKING:
    from .view import Floats

# A scope answers if _COSINE · its highest cosine + _COVERAGE · its highest share of keywords reaches
# _LEAST + _MEMORIES · ln(memories): among many, something is always a little alike.
_COSINE, _COVERAGE, _MEMORIES, _LEAST = 15.6, 6.4, 0.75, 3.7
_UNKNOWN_COSINE, _UNKNOWN_COVERAGE = 0.5, 0.25  # taken where the model can't read the question, or it has no keywords
_ITSELF = 0.95  # cosine from which a memory is the question
_OF_TALK, _OF_FACTS = 0.5, 0.3  # of what speaks for the best that must speak for a result; in conversations, all have
_MANY = 100  # facts from which that much must; among fewer, several are often needed


def relevant(view: View, query: Query, terms: Sequence[str], raw: "Floats", ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the results that are relevant: none if the scope doesn't answer the question, else those for which enough
    speaks beside the best. ``raw`` is what speaks for each memory, shape (n,).

    The question itself, which a chat's memory may have, is not taken for the best: an answer has less in common with
    it.
    """
    if not answers(view, query, terms):
        return []
    share = _OF_TALK if view.sessions.any_talk else _OF_FACTS * min(1.0, math.log(len(raw)) / math.log(_MANY))
    others = (float(raw[one.position]) for one in ranked if not view.cosine[one.position] >= _ITSELF)
    least = share * max(others, default=0.0)
    return [one for one in ranked if raw[one.position] >= least]


def answers(view: View, query: Query, terms: Sequence[str]) -> bool:
    """Whether a memory that the filter matches says enough about what the question asks."""
    import numpy as np

    matching = np.arange(len(view.scopes)) if view.matching is None else np.flatnonzero(view.matching)
    if not len(matching):
        return False
    shares = coverage(view, terms)
    covered = _UNKNOWN_COVERAGE if shares is None else float(shares[matching].max())
    found = _COSINE * _likeness(view.cosine[matching], query.trust) + _COVERAGE * covered
    return found >= _LEAST + _MEMORIES * math.log(len(matching))


def _likeness(cosine: "Floats", trust: float) -> float:
    """Return the highest cosine. As far as the model can't read the question, it is unknown."""
    import numpy as np

    read = cosine[~np.isnan(cosine)]
    if not len(read):
        return _UNKNOWN_COSINE
    highest = float(read.max())
    return trust * highest + (1 - trust) * _UNKNOWN_COSINE
