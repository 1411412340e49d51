"""Keywords: the BM25 of memories and of sessions, and the other forms that a term of a question may have. Pure.

BM25 is the variant of Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with an
inverse document frequency that is never negative.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .query import Query
from .text import FOREIGN, is_part_of_run
from .view import View

if TYPE_CHECKING:
    from .view import Floats, Postings

# Term frequency saturation and length normalisation. Memories are short: how often a word occurs says less than it does
# for documents and sessions. How long they are says more: a long message, such as an assistant's, touches on much.
_MEMORY_K1, _MEMORY_B = 0.6, 0.9
_SESSION_K1, _SESSION_B = 1.2, 0.5
_COUNTED = 64  # terms of a query: what the others of a longer one find, most memories have


def with_forms(view: View, query: Query) -> View:
    """Return a view in which a term of the query also occurs wherever one of its other forms does."""
    united = {}
    for term in query.terms:
        found = [view.postings[form] for form in query.forms.get(term, ())]
        found += [_in_foreign(view, form) for form in query.foreign.get(term, ())]
        if found := [one for one in found if len(one[0])]:
            united[term] = _united([view.postings[term], *found])
    return view._replace(postings={**view.postings, **united}) if united else view


def _in_foreign(view: View, term: str) -> "Postings":
    import numpy as np

    positions, frequencies = view.postings[term]
    here = np.isin(positions, view.postings[FOREIGN][0])
    return positions[here], frequencies[here]


def _united(postings: "Sequence[Postings]") -> "Postings":
    """Return where any of the terms occurs, and how often the most frequent of them occurs there."""
    import numpy as np

    positions, places = np.unique(np.concatenate([one[0] for one in postings]), return_inverse=True)
    frequencies = np.zeros(len(positions), dtype=np.float32)
    np.maximum.at(frequencies, places, np.concatenate([one[1] for one in postings]))
    return positions, frequencies


def telling_terms(view: View, terms: Sequence[str]) -> Sequence[str]:
    """Return the terms of a query that count: of those that occur, the _COUNTED that the fewest memories have.

    A query in Chinese has two terms a character, so that the first _COUNTED would end within its first sentence. Terms
    that do not occur take part in what a query could reach.
    """
    if len(terms) <= _COUNTED:
        return terms
    holders = {term: len(view.postings[term][0]) for term in terms}
    common = frozenset(sorted((term for term in terms if holders[term]), key=holders.__getitem__)[_COUNTED:])
    return [term for term in terms if term not in common]


def memory_bm25(view: View, terms: Sequence[str]) -> "Floats":
    """Return each memory's BM25 divided by the highest the query could reach: in 0..1, float32, shape (n,).

    A query term that no memory has counts in the divisor, too: a memory with two of five rare words is not a perfect
    match. Only pairs of characters don't, of text without spaces: many are no words.
    """
    import numpy as np

    size = len(view.scopes)
    scores = np.zeros(size, dtype=np.float32)
    highest = 0.0
    held, idfs = [], []
    for term in terms:
        idf = _idf(size, len(view.postings[term][0]))
        if len(view.postings[term][0]):
            held.append(view.postings[term])
            idfs.append(idf)
        elif is_part_of_run(term):
            continue
        highest += idf * (_MEMORY_K1 + 1.0)
    if held:  # all terms at once: for each, numpy's own steps took more time than the numbers
        positions, frequencies = (np.concatenate(column) for column in zip(*held, strict=True))
        weights = np.repeat(np.array(idfs, dtype=np.float32), [len(one) for one, _ in held])
        norms = _MEMORY_K1 * (1.0 - _MEMORY_B + _MEMORY_B * view.lengths[positions] / _mean(view.lengths))
        np.add.at(scores, positions, weights * frequencies * (_MEMORY_K1 + 1.0) / (frequencies + norms))
    return _reached(scores, highest)


def coverage(view: View, terms: Sequence[str], *, characters: bool = False) -> "Floats | None":
    """Return for each memory the share of a query's terms that it has, rare terms counting more: in 0..1, shape (n,).

    None if the query has no terms. Pairs of characters that no memory has don't count, as in ``memory_bm25``; with
    ``characters``, single ones do.
    """
    import numpy as np

    size = len(view.scopes)
    had, total = np.zeros(size, dtype=np.float32), 0.0
    for term in terms:
        positions, _ = view.postings[term]
        if len(positions) or (characters and len(term) == 1) or not is_part_of_run(term):
            idf = _idf(size, len(positions))
            total += idf
            had[positions] += idf
    return had / total if total else None


def _mean(lengths: "Floats") -> float:
    """Return the mean, which is 0 only if no memory has a term, as ``lengths.mean()`` rounds it."""
    import numpy as np

    return float(np.float32(float(np.add.reduce(lengths)) / len(lengths)))


def _reached(scores: "Floats", highest: float) -> "Floats":
    """Return scores as shares of √(the highest the query could reach · the highest one does).

    A short question's best match reaches all that it could, and a long message's best match little of it. Half-way
    between both measures, a long message's keywords still count beside its meaning, and a poor match is no perfect one.
    """
    best = float(scores.max(initial=0.0))
    return scores / math.sqrt(highest * best) if best else scores


def session_bm25(view: View, terms: Sequence[str]) -> "Floats":
    """Return for each memory the BM25 of its session, scaled as ``memory_bm25`` does; shape (n,)."""
    import numpy as np

    sessions = view.sessions
    scores = np.zeros(sessions.count)
    lengths = sessions.totals(view.lengths)
    norms = _SESSION_K1 * (1.0 - _SESSION_B + _SESSION_B * lengths / (lengths.mean() or 1.0))
    highest = 0.0
    for term in terms:
        positions, frequencies = view.postings[term]
        within = np.bincount(sessions.number[positions], frequencies, sessions.count)
        idf = _idf(sessions.count, int(np.count_nonzero(within)))
        if len(positions) or not is_part_of_run(term):
            highest += idf * (_SESSION_K1 + 1.0)
        scores += idf * within * (_SESSION_K1 + 1.0) / (within + norms)
    of_memories: Floats = _reached(scores.astype(np.float32), highest)[sessions.number]
    return of_memories


def _idf(documents: int, containing: int) -> float:
    return math.log(1.0 + (documents - containing + 0.5) / (containing + 0.5))
