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
# Where the model can't read the question, or hardly, its words decide: from a share of them of _CHARACTERS +
# _MORE_CHARACTERS · ln(memories) on, and a third of that if somebody asks about himself. Where words are written apart,
# _APART · ln(memories) suffices: a question has none of them by chance.
_READ = 0.75
_CHARACTERS, _MORE_CHARACTERS, _OF_PERSONAL, _APART = 0.02, 0.033, 1 / 3, 0.02
# The mean cosine of a question and a text in the same language that has nothing to do with it, on sentences of everyday
# life. The bundled model reads English, and to it all texts of another language are alike. Questions of more than
# _SHORT words lie lower, by up to _LOWER: without that, every tenth German answer was lost.
_UNRELATED = {"german": 0.36, "spanish": 0.46, "french": 0.41, "italian": 0.45, "portuguese": 0.44, "dutch": 0.48}
_UNRELATED_ELSE, _LOWER, _SHORT, _LONG = 0.45, 0.16, 2, 7
_MOST_FOREIGN = 100  # memories that count there: the more texts are alike, the less what is highest tells
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
    enough = share * max(others, default=0.0)
    return [one for one in ranked if raw[one.position] >= enough]


def answers(view: View, query: Query, terms: Sequence[str]) -> bool:
    """Whether a memory that the filter matches says enough about what the question asks."""
    import numpy as np

    matching = np.arange(len(view.scopes)) if view.matching is None else np.flatnonzero(view.matching)
    if not len(matching):
        return False
    unread = _is_unread(query, terms)
    shares = coverage(view, terms, characters=unread)
    if unread and shares is not None:
        return float(shares[matching].max()) >= _share(len(matching), query, terms)
    covered = _UNKNOWN_COVERAGE if shares is None else float(shares[matching].max())
    found = _COSINE * likeness(view, query, matching) + _COVERAGE * covered
    memories = min(len(matching), _MOST_FOREIGN) if _is_foreign(query) else len(matching)
    return found >= least(memories, personal=query.personal)


def least(memories: int, *, personal: bool) -> float:
    """Return what must speak for an answer among so many memories."""
    size = math.log(memories)
    asked = min(_LEAST + _MEMORIES * size, _FEWEST + _FEW * size**2)
    return asked - personal * _PERSONAL * max(0.0, 1 - size / math.log(_MANY_OF_ONE))


def _share(memories: int, query: Query, terms: Sequence[str]) -> float:
    """Return the share of a question's words that an answer must have, where the model can't read it."""
    if not any(map(is_part_of_run, terms)):
        return _APART * math.log(min(memories, _MOST_FOREIGN))
    share = _CHARACTERS + _MORE_CHARACTERS * math.log(memories)
    return share * _OF_PERSONAL if query.personal else share


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
    if not _is_foreign(query):
        return view.cosine
    import numpy as np

    from ..embedding.scale import Scale  # few queries need it

    known = np.isin(matching, view.postings[FOREIGN][0])
    alike = matching if 2 * np.count_nonzero(known) >= len(matching) else matching[known]
    cosine = view.cosine.copy()
    lower = _LOWER * min(1.0, max(0.0, (query.length - _SHORT) / (_LONG - _SHORT)))
    cosine[alike] = Scale(_UNRELATED.get(query.language, _UNRELATED_ELSE) - lower).brought(cosine[alike])
    return cosine


def _is_foreign(query: Query) -> bool:
    """Whether the model is the bundled one, and the question in another language than English, in Latin script.
    Another model may read that language."""
    return bool(query.language) and query.scale is None


def _is_unread(query: Query, terms: Sequence[str]) -> bool:
    return query.trust < _READ or (query.trust < 1 and any(map(is_part_of_run, terms)))
