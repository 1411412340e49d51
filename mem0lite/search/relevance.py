"""Whether anything in a scope answers a question, and how far down the results do. Pure.

What a memory itself says decides: its cosine, and the share of the question's keywords that it has. What is around it,
who said it and when don't count, as they lift what nothing else supports. ``benchmarks/relevance.py`` fits the numbers
to questions of others' conversations, which have no answer in a scope, and shows what they do in small scopes.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .bm25 import coverage
from .query import Query
from .text import FOREIGN, is_part_of_run
from .view import Ranked, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .view import Floats

# A scope answers if _COSINE · its highest cosine + _COVERAGE · its highest share of keywords reaches what ``least``
# says. That is _LEAST + _MEMORIES · ln(memories): among many, something is always a little alike.
_COSINE, _COVERAGE, _MEMORIES, _LEAST = 16.5, 4.5, 0.75, 3.7
# Among few, less is asked: _FEWEST + _FEW · ln²(memories), which is less up to some forty of them. An answer may have
# no word in common with its question there, and what is wrongly given is short.
_FEWEST, _FEW = 3.4, 0.22
# Somebody who asks about himself is asking his memories: _PERSONAL less for one memory, and nothing for _MANY_OF_ONE.
_PERSONAL, _MANY_OF_ONE = 0.7, 30
_UNKNOWN_COSINE, _UNKNOWN_COVERAGE = 0.5, 0.25  # taken where the model can't read the question, or it has no keywords
# Where the model can't read the question, or hardly, its words decide: from a share of them of _WORDS + _MORE_WORDS ·
# ln(memories) on, and a third of that if somebody asks about himself.
_READ = 0.75
_WORDS, _MORE_WORDS, _OF_PERSONAL = 0.02, 0.033, 1 / 3
# The mean cosine of a question and a text in the same language that has nothing to do with it. The bundled model reads
# English, and to it all texts of another language are alike.
_UNRELATED = {"german": 0.36, "spanish": 0.46, "french": 0.41, "italian": 0.45, "portuguese": 0.44, "dutch": 0.48}
_UNRELATED_ELSE = 0.45
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
    unread = _is_unread(query, terms)
    shares = coverage(view, terms, characters=unread)
    if unread and shares is not None:
        share = (_WORDS + _MORE_WORDS * math.log(len(matching))) * (_OF_PERSONAL if query.personal else 1.0)
        return float(shares[matching].max()) >= share
    covered = _UNKNOWN_COVERAGE if shares is None else float(shares[matching].max())
    found = _COSINE * likeness(view, query, matching) + _COVERAGE * covered
    return found >= least(len(matching), personal=query.personal)


def least(memories: int, *, personal: bool) -> float:
    """Return what must speak for an answer among so many memories."""
    size = math.log(memories)
    asked = min(_LEAST + _MEMORIES * size, _FEWEST + _FEW * size**2)
    return asked - personal * _PERSONAL * max(0.0, 1 - size / math.log(_MANY_OF_ONE))


def likeness(view: View, query: Query, matching: "NDArray[np.int64]") -> float:
    """Return the highest cosine of some memories. As far as the model can't read the question, it is unknown."""
    import numpy as np

    cosine = _to_language(view, query, matching)[matching]
    read = cosine[~np.isnan(cosine)]
    if not len(read):
        return _UNKNOWN_COSINE
    return query.trust * float(read.max()) + (1 - query.trust) * _UNKNOWN_COSINE


def _to_language(view: View, query: Query, matching: "NDArray[np.int64]") -> "Floats":
    """Return the cosines, those of texts in the question's language as they would lie in English. If half of some
    memories are known not to be English, all are: "Perfecto." does not show its language."""
    if not query.language or query.scale is not None:  # another model than the bundled one may read that language
        return view.cosine
    import numpy as np

    from ..embedding.scale import Scale  # few queries need it

    known = np.isin(matching, view.postings[FOREIGN][0])
    alike = matching if 2 * np.count_nonzero(known) >= len(matching) else matching[known]
    cosine = view.cosine.copy()
    cosine[alike] = Scale(_UNRELATED.get(query.language, _UNRELATED_ELSE)).brought(cosine[alike])
    return cosine


def _is_unread(query: Query, terms: Sequence[str]) -> bool:
    return query.trust < _READ or (query.trust < 1 and any(map(is_part_of_run, terms)))
