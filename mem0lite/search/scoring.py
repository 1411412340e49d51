"""Memories to a ranked list: what each memory, its conversation, its speaker and its date say to a question. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..types import Adjustment, ScoreDetails
from .bm25 import memory_bm25, session_bm25, telling_terms, with_forms
from .conversation import Shares
from .moments import closeness, recency
from .query import Query
from .ranking import Ranking
from .relevance import answers, relevant
from .view import ASSISTANT, Ranked, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .view import Floats

_NEXT_TO = ((-1, 0.5), (1, 0.5))
_AROUND = ((-2, 0.23), (-1, 0.38), (1, 0.27), (2, 0.12))  # an answer shares its words with the question before it
_JUST_BEFORE = ((-1, 1.0),)
_FULL_LENGTH = 20.0  # terms from which a memory counts as more than a "Thanks!"
_OWN_LENGTH = 200.0  # terms with which a memory says half of what it is about by itself
_OF_HOUR = 0.5  # how much a memory outside of conversations has of what was told within the hour
_OWN = ("semantic", "keyword")
_MEANING = ("semantic", "neighbor_semantic", "session_semantic")
_WORDING = ("keyword", "neighbor_keyword", "session_keyword")
_GRAPH = ("entity", "entity_neighbor")
_CONTENT = {*_OWN, *_GRAPH}  # what the memory itself says, however many others say the same
_ECHO = 0.95  # cosine from which a memory is taken for the question itself, asked before
_HALF = 0.5  # share of the highest possible BM25 for "the trip" that the memory of that trip has


class Scores:
    """The scores of all memories of a view, and how they came about.

    ``raw`` holds what speaks for each memory, as float32, shape (n,).
    """

    def __init__(self, view: View, query: Query, ranking: Ranking) -> None:
        import numpy as np

        view = with_forms(view, query)
        self._view, self._query = view, query
        self._terms = telling_terms(view, query.terms)
        keyword = memory_bm25(view, self._terms)
        weights = _effective(ranking, query.trust, matched=bool(keyword.any()))
        self._unread = np.isnan(view.cosine)
        self._scale = query.scale if query.scale and query.scale.narrow else None
        cosine = view.cosine if self._scale is None else self._scale.brought(view.cosine)
        self._to_scale = view._replace(cosine=cosine)
        semantic: Floats = np.where(self._unread, np.float32(0), np.clip(cosine, 0.0, 1.0))
        signals = {"semantic": semantic, "keyword": keyword, **_dated(view, query), **view.entities}
        if (named := _named_speaker(view, query)) is not None:
            signals["speaker"] = named
        if view.sessions.any_talk:
            echoes = view.cosine >= _ECHO if query.asks else np.zeros(len(semantic), dtype=bool)
            signals |= _conversation(view, self._terms, semantic, keyword, weights, echoes)
        self._signals = {name: values for name, values in signals.items() if weights[name]}
        for name in self._signals.keys() - _CONTENT:
            self._signals[name], telling = _telling(self._signals[name])
            weights[name] *= telling
        own = ranking.semantic + ranking.keyword
        self._weights = {name: weight / own for name, weight in weights.items()}
        self._most = 1 + sum(self._weights[name] for name in self._signals.keys() - _CONTENT)
        self.raw: Floats = sum(
            (self._weights[name] * values for name, values in self._signals.items()), np.zeros_like(semantic)
        )
        if self._weights["keyword"] and self._unread.any():  # keywords decide about what the model can't read
            self.raw += self._weights["semantic"] * keyword * self._unread
        self.raw = self.raw.astype(np.float32)

    def best(self, top_k: int, threshold: float) -> list[Ranked]:
        """Return the best ``top_k`` matching memories with a score of at least ``threshold``, best first.

        At equal scores the newest memory comes first, so that it stands for all that say the same.
        """
        import numpy as np

        eligible = self._score(self.raw) >= np.float32(threshold)
        if self._view.matching is not None:
            eligible &= self._view.matching
        positions = np.flatnonzero(eligible)
        scores = self.raw[positions]
        if 0 < top_k < len(positions):
            least = -np.partition(-scores, top_k - 1)[top_k - 1]
            positions, scores = positions[scores >= least], scores[scores >= least]
        order = np.lexsort((-self._view.created_at[positions], -scores))[:top_k]
        positions = positions[order]
        shown = self._score(self.raw[positions]).tolist()
        return [Ranked(position, min(1.0, score)) for position, score in zip(positions.tolist(), shown, strict=True)]

    def relevant(self, ranked: Sequence[Ranked]) -> list[Ranked]:
        """Return those of some results that are relevant, down to none."""
        return relevant(self._to_scale, self._query, self._terms, self.raw, ranked)

    def any_relevant(self) -> bool:
        """Whether any memory is relevant."""
        return answers(self._to_scale, self._query, self._terms)

    def _score(self, raw: "Floats") -> "Floats":
        """Return scores from what speaks for memories, in the same order.

        That is at most 1 for a memory by itself, and ``_most`` with its context, speaker and date. Where it is small,
        the score is nearly the same: a threshold means in a conversation what it means for facts. The larger it is, the
        less is added to the score, which is 1 at ``_most``.
        """
        import numpy as np

        return raw / (1 + raw * np.float32(1 - 1 / self._most))

    def details(self, ranked: Ranked, threshold: float, adjustments: Sequence[Adjustment] = ()) -> ScoreDetails:
        """Return how a score came about, given what was changed about it. What mem0 has, too, goes by mem0's names."""
        position = ranked.position
        signals = {name: float(values[position]) for name, values in self._signals.items()}
        semantic, keyword = self._weights["semantic"], self._weights["keyword"]
        if self._unread[position]:
            semantic, keyword = 0.0, semantic + keyword if keyword else 0.0
        details: ScoreDetails = {
            "semantic_score": signals.get("semantic", 0.0),
            "bm25_score": signals.get("keyword", 0.0),
            "semantic_weight": semantic,
            "bm25_weight": keyword,
            "matched_terms": [term for term in self._terms if position in self._view.postings[term][0]],
            "signals": {
                name: {"score": score, "weight": self._weights[name]}
                for name, score in signals.items()
                if name not in _OWN
            },
            "entity_boost": sum(self._weights[name] * signals.get(name, 0.0) for name in _GRAPH),
            "raw_score": float(self.raw[position]),
            "max_possible_score": self._most,
            "final_score": ranked.score,
            "adjustments": list(adjustments),
            "threshold": threshold,
        }
        if self._scale is not None and not self._unread[position]:
            details["cosine"] = float(self._view.cosine[position])
        return details


def _telling(values: "Floats") -> "tuple[Floats, float]":
    """Return how far each value of a signal lies above the lowest, shape (n,), and how far it tells memories apart.

    The second is 1, but less if the signal is high for more than two memories of three, down to 0 if it is the same for
    all: it would lift every memory over a threshold, whatever was asked.
    """
    if not len(values):
        return values, 0.0
    above: Floats = values - values.min()
    highest = float(above.max())
    return above, min(1.0, 3.0 * (1.0 - float(above.mean()) / highest)) if highest else 0.0


def _effective(ranking: Ranking, trust: float, *, matched: bool) -> dict[str, float]:
    """Return the weights as they count in this search.

    If no word of the query occurs in the scope, the semantic signals get the weight of the keywords. The keywords get
    the weight of the semantic signals as far as the query's vector can't be trusted.
    """
    weights = ranking.weights()
    own = ranking.semantic + ranking.keyword
    meaning, words = ranking.semantic, ranking.keyword
    if not matched and meaning:
        meaning, words = own, 0.0
    if words:
        words = own - trust * meaning
    for name in _MEANING:
        weights[name] *= trust * (meaning / ranking.semantic if meaning else 1.0)
    for name in _WORDING:
        weights[name] *= words / ranking.keyword if ranking.keyword else float(matched)
    return weights


def _conversation(
    view: View,
    terms: Sequence[str],
    semantic: "Floats",
    keyword: "Floats",
    weights: Mapping[str, float],
    echoes: "NDArray[np.bool_]",
) -> "dict[str, Floats]":
    """Return the signals of conversations. A memory stands for itself as far as it is long, and if it is part of none,
    half or all: that far, its own meaning and words take the place of what was said around it.

    Echoes, the question as it was asked before, say nothing about what was said around them, but for the reply.
    """
    import numpy as np

    sessions = view.sessions
    heard = _Heard(view, echoes)
    around = _OWN_LENGTH / (view.lengths + _OWN_LENGTH)
    around *= np.where(sessions.talk, np.float32(1), _OF_HOUR * sessions.together).astype(np.float32)
    alone = 1 - around
    signals = {
        "neighbor_semantic": alone * semantic + around * heard.neighbors(semantic, _NEXT_TO),
        "session_semantic": alone * semantic + around * sessions.highest(heard.without(semantic)),
        "length": np.minimum(1.0, view.lengths / _FULL_LENGTH),
    }
    if weights["neighbor_keyword"]:
        signals["neighbor_keyword"] = alone * keyword + around * heard.neighbors(keyword, _AROUND)
    if weights["session_keyword"] and sessions.count > 1:  # the only session is told from none
        signals["session_keyword"] = alone * keyword + around * session_bm25(view, terms)
    return signals


class _Heard:
    """What the memories of conversations hear of each other: of echoes only what replies to them."""

    def __init__(self, view: View, echoes: "NDArray[np.bool_]") -> None:
        self._sessions, self._echoes = view.sessions, echoes if echoes.any() else None
        if self._echoes is not None:
            speakers = (view.speakers + 1).astype("float32")
            before = self._sessions.neighbors(speakers * self._echoes, _JUST_BEFORE)
            self._replies = (before > 0) & (before != speakers)

    def without(self, values: "Floats") -> "Floats":
        """Return values with 0 for echoes, shape (n,)."""
        return values if self._echoes is None else values * ~self._echoes

    def neighbors(self, values: "Floats", shares: Shares) -> "Floats":
        """Return the weighted mean of each memory's neighbours, shape (n,)."""
        import numpy as np

        heard = self._sessions.neighbors(self.without(values), shares)
        if self._echoes is None:
            return heard
        return np.where(self._replies, self._sessions.neighbors(values, shares), heard)


def _dated(view: View, query: Query) -> "dict[str, Floats]":
    signals: dict[str, Floats] = {}
    if query.moments:
        anchors = {phrase: _said(view, terms) for phrase, terms in query.anchors.items()}
        signals["date"] = closeness(query.moments, view.created_at, anchors, query.now)
    if query.present:
        signals["recency"] = recency(view.created_at, query.now)
    return signals


def _said(view: View, terms: Sequence[str]) -> int | None:
    """Return when the memory with the highest BM25 was said, the earliest if there are several, in microseconds.

    None if it has less than half of the highest BM25 there could be.
    """
    scores = memory_bm25(view, terms)
    if not len(scores) or scores.max() < _HALF:
        return None
    return int(view.created_at[scores == scores.max()].min())


def _named_speaker(view: View, query: Query) -> "Floats | None":
    """Return 1 for what was said by somebody the question names, else 0; None if it names nobody, or everybody.

    Without a name, "my" names everybody but the assistants, and "you said" names these.
    """
    import numpy as np

    codes = [code for word in query.words for code in view.names.get(word, ())]
    by_name = bool(codes)
    if not by_name and query.teller != "anybody":
        codes = list(view.names.get(ASSISTANT, ()))
    if not codes:
        return None
    named = np.isin(view.speakers, codes, invert=not by_name and query.teller == "asker")
    return named.astype(np.float32) if named.any() and not named.all() else None
