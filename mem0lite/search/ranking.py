"""Candidates to a ranked list: what each memory, its conversation, its speaker and its date say to a query. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, tzinfo
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from ..embedding.reading import UnitVector
from ..errors import ValidationError
from ..graph import Direction, Named, direction, named_in
from ..types import ScoreDetails
from ..values import is_number, shown, written
from .conversation import Sessions
from .dates import asked_moments, asks_for_present, is_statement
from .moments import Moment, closeness, recency
from .text import FOREIGN, STOP_WORDS, foreign_forms, other_forms, query_terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Postings = tuple[NDArray[np.int64], Floats]

# BM25's saturation and length normalisation (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).
# Memories are short: how often a word occurs, and in how long a text, says less than in documents; of sessions more.
_MEMORY_K1, _MEMORY_B = 0.4, 0.3
_SESSION_K1, _SESSION_B = 1.2, 0.5

_NEXT_TO = {-1: 0.5, 1: 0.5}
_AROUND = {-2: 0.23, -1: 0.38, 1: 0.27, 2: 0.12}  # an answer shares its words with the question before it
_LEAST, _MOST = 0.001, 1_000  # of a weight other than 0
_FULL_LENGTH = 20.0  # terms from which a memory counts as long
_OWN = ("semantic", "keyword")
_MEANING = ("semantic", "neighbor_semantic", "session_semantic")
_WORDING = ("keyword", "neighbor_keyword", "session_keyword")
_GRAPH = ("entity", "entity_neighbor")
_OF_CONTENT = (*_OWN, *_GRAPH)  # of what the memory itself says, however many others say it
_HALF = 0.5  # of what the words of "before the trip" could reach, for the memory of that trip


@dataclass(frozen=True, slots=True)
class Ranking:
    """How much each signal counts in a search, relative to ``semantic + keyword``; 0 turns a signal off.

    A score is Σ weight · signal / (semantic + keyword), at most 1, where every signal lies in 0..1. Where no word of
    the query occurs in the scope, the semantic signals take the keywords' place, and the keywords theirs in so far as
    the model can't read the query or the memory. What lies beside the memory, from ``neighbor_semantic`` to
    ``recency``, counts for as much as it tells one memory of the scope from another: what all have alike adds nothing.

    The defaults were fitted to dialogues, those of the graph to questions over procedures (benchmarks/RESULTS.md). The
    signals from ``neighbor_semantic`` to ``length`` speak in conversations only: sessions in which speakers or roles
    take turns.

    Raises ValidationError for a weight that is neither 0 nor a number from 0.001 to 1000, or when ``semantic`` and
    ``keyword`` are 0.
    """

    semantic: float = 0.46
    """The memory's cosine similarity to the query."""
    keyword: float = 0.54
    """The memory's BM25, as a share of the highest that the query could reach."""
    neighbor_semantic: float = 0.18
    """The mean cosine of the memories just before and after it."""
    neighbor_keyword: float = 0.78
    """The BM25 of the two memories before and after it, nearer ones counting more."""
    session_semantic: float = 0.20
    """The highest cosine in its session."""
    session_keyword: float = 0.28
    """BM25 of its session as one document among the scope's sessions."""
    length: float = 0.11
    """Its length, up to 20 terms: short turns seldom answer."""
    speaker: float = 0.21
    """The question names who said it, and not everybody."""
    date: float = 0.35
    """It was said when the question asks about."""
    recency: float = 0.20
    """It is recent, where the question asks for the present."""
    entity: float = 0.20
    """It names an entity of the graph that the question names."""
    entity_neighbor: float = 0.80
    """It names an entity that something is stated of with one that the question names."""

    def __post_init__(self) -> None:
        for name, weight in self.weights().items():
            if not is_number(weight) or not (weight == 0 or _LEAST <= weight <= _MOST):
                raise ValidationError(
                    f"Invalid {name}: {shown(weight)}. Must be 0, or a number from {_LEAST} to {_MOST}.", field=name
                )
        if self.semantic + self.keyword == 0:
            raise ValidationError("Invalid semantic: with a keyword weight of 0 it cannot be 0 too.", field="semantic")

    @classmethod
    def of(cls, given: "Ranking | Mapping[str, Any]") -> "Ranking":
        """Return a ranking from one, or from a dictionary of the weights that differ from the defaults."""
        if isinstance(given, Ranking):
            return given
        known = [one.name for one in fields(cls)]
        if not isinstance(given, Mapping):
            raise ValidationError("Invalid ranking: must be a Ranking, or an object of weights.", field="ranking")
        if unknown := sorted(set(given) - set(known), key=written):
            raise ValidationError(
                f"Invalid ranking: unknown signal {shown(unknown[0])}. Signals are: {', '.join(known)}.",
                field="ranking",
            )
        return cls(**given)

    @classmethod
    def dense(cls) -> Self:
        """Return the ranking by meaning alone."""
        return cls(**{**_off(cls), "semantic": 1.0})

    @classmethod
    def sparse(cls) -> Self:
        """Return the ranking by keywords alone."""
        return cls(**{**_off(cls), "keyword": 1.0})

    @classmethod
    def plain(cls) -> Self:
        """Return the ranking by each memory's own meaning and keywords, without conversation, speaker and date."""
        default = cls()
        return cls(**{**_off(cls), "semantic": default.semantic, "keyword": default.keyword})

    @property
    def reads_graph(self) -> bool:
        """Whether any signal comes from the graph."""
        return self.entity + self.entity_neighbor > 0

    @property
    def reads_words(self) -> bool:
        """Whether any signal comes from the keywords."""
        return self.keyword + self.neighbor_keyword + self.session_keyword > 0

    def weights(self) -> dict[str, float]:
        """Return the weights by signal."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def _off(ranking: type[Ranking]) -> dict[str, float]:
    return dict.fromkeys((one.name for one in fields(ranking)), 0.0)


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for."""

    vector: "Floats"
    """Of unit length, shape (dimensions,)."""
    trust: float
    """How far the vector tells what the query means, in 0..1; 0 where the model can't read it."""
    terms: Sequence[str]
    words: frozenset[str]
    """Words as they are written, for the names of speakers."""
    moments: tuple[Moment, ...]
    """The periods it asks about."""
    anchors: Mapping[str, Sequence[str]]
    """The terms of the phrases that its periods hang on."""
    present: bool
    """Whether it asks for what holds now."""
    now: int
    """Microseconds: its reference date."""
    forms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What else may stand in a memory for a term."""
    foreign: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What else may stand for it in a memory in another language than English."""
    names: Sequence[Named] = ()
    """What may be entities of the graph, longest first."""
    asked: Direction = "any"
    """Which way it follows their relations."""

    @classmethod
    def read(
        cls,
        text: str,
        vector: UnitVector,
        now: int,
        ranking: Ranking,
        *,
        zone: tzinfo = UTC,
        trust: float = 1.0,
        graph: bool = False,
    ) -> Self:
        """Return what a text asks for, apart from what ``ranking`` does not count.

        Its days are those of ``zone``; ``graph`` says that there is one.
        """
        import numpy as np

        asks = not is_statement(text)
        moments = asked_moments(text, now, zone) if ranking.date and asks else ()
        return cls(
            vector=np.asarray(vector, dtype=np.float32),
            trust=trust,
            terms=query_terms(text) if ranking.reads_words else (),
            words=_words_of(text),
            moments=moments,
            anchors={moment.anchor: query_terms(moment.anchor) for moment in moments if moment.anchor},
            present=ranking.recency > 0 and asks and asks_for_present(text),
            now=now,
            forms=other_forms(text) if ranking.reads_words else {},
            foreign=foreign_forms(text) if ranking.reads_words else {},
            names=named_in(text) if graph and ranking.reads_graph else (),
            asked=direction(text) if graph and ranking.reads_graph else "any",
        )

    @property
    def all_terms(self) -> list[str]:
        """Every term whose postings are needed."""
        others = [*self.anchors.values(), *self.forms.values(), *self.foreign.values(), [FOREIGN] * bool(self.foreign)]
        return list(dict.fromkeys([*self.terms, *chain.from_iterable(others)]))


@dataclass(frozen=True)
class View:
    """What a search may return and what ranks it: the live memories of the scopes searched.

    Memories of a scope lie together, in the order in which they were stored. Arrays have shape (n,). ``postings`` holds
    for each term the positions of the memories it occurs in, and how often.
    """

    scopes: "NDArray[np.int64]"
    """Numbers of their scopes."""
    lengths: "Floats"
    """In terms, with repetitions."""
    created_at: "NDArray[np.int64]"
    speakers: "NDArray[np.int32]"
    """Codes of who said it."""
    names: Mapping[str, Sequence[int]]
    """The codes of the speakers with a name, by its first word."""
    cosine: "Floats"
    """NaN where the model can't read the memory."""
    postings: "Mapping[str, Postings]"
    matching: "NDArray[np.bool_] | None" = None
    """Which memories the filter lets through; None: all. The others count in the statistics and as neighbours."""
    entities: "Mapping[str, Floats]" = field(default_factory=dict)
    """What the graph says, by the signals ``entity`` and ``entity_neighbor``."""
    known_sessions: Sessions | None = None

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of the memories."""
        return self.known_sessions or Sessions(self.scopes, self.created_at, self.speakers)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One result: its position in the view, and its score in 0..1."""

    position: int
    score: float


class Scores:
    """The scores of all memories of a view, and how they came about."""

    def __init__(self, view: View, query: Query, ranking: Ranking) -> None:
        import numpy as np

        view = _with_forms(view, query)
        self._view, self._query = view, query
        keyword = _memory_bm25(view, query.terms)
        self._weights = _effective(ranking, query.trust, matched=bool(keyword.any()))
        self._unread = np.isnan(view.cosine)
        semantic: Floats = np.where(self._unread, np.float32(0), np.clip(view.cosine, 0.0, 1.0))
        self._signals = {"semantic": semantic, "keyword": keyword, **_dated(view, query), **view.entities}
        if (named := _named_speaker(view, query.words)) is not None:
            self._signals["speaker"] = named
        if view.sessions.any_talk:
            self._signals |= _conversation(view, query.terms, semantic, keyword, self._weights)
        self._signals = {
            name: values if name in _OF_CONTENT else _telling(values)
            for name, values in self._signals.items()
            if self._weights[name]
        }
        self.raw: Floats = sum(
            (self._weights[name] * values for name, values in self._signals.items()), np.zeros_like(semantic)
        )
        if self._weights["keyword"] and self._unread.any():  # words decide what the model can't read
            self.raw += self._weights["semantic"] * keyword * self._unread
        self.raw = self.raw.astype(np.float32)

    def best(self, top_k: int, threshold: float) -> list[Ranked]:
        """Return the best ``top_k`` matching memories with a score of at least ``threshold``; at equal scores what was
        said last comes first, so that of what is said again the newest stands for all."""
        import numpy as np

        eligible = self.raw >= np.float32(threshold)
        if self._view.matching is not None:
            eligible &= self._view.matching
        positions = np.flatnonzero(eligible)
        scores = self.raw[positions]
        if 0 < top_k < len(positions):
            least = -np.partition(-scores, top_k - 1)[top_k - 1]
            positions, scores = positions[scores >= least], scores[scores >= least]
        order = np.lexsort((-self._view.created_at[positions], -scores))[:top_k]
        return [Ranked(int(position), min(1.0, float(self.raw[position]))) for position in positions[order]]

    def details(self, ranked: Ranked, threshold: float) -> ScoreDetails:
        """Return how a score came about, under mem0's names where mem0 has one."""
        position = ranked.position
        signals = {name: float(values[position]) for name, values in self._signals.items()}
        semantic, keyword = self._weights["semantic"], self._weights["keyword"]
        if self._unread[position]:
            semantic, keyword = 0.0, semantic + keyword if keyword else 0.0
        return {
            "semantic_score": signals.get("semantic", 0.0),
            "bm25_score": signals.get("keyword", 0.0),
            "semantic_weight": semantic,
            "bm25_weight": keyword,
            "matched_terms": [term for term in self._query.terms if position in self._view.postings[term][0]],
            "signals": {
                name: {"score": score, "weight": self._weights[name]}
                for name, score in signals.items()
                if name not in _OWN
            },
            "entity_boost": sum(self._weights[name] * signals.get(name, 0.0) for name in _GRAPH),
            "raw_score": float(self.raw[position]),
            "max_possible_score": 1.0,
            "final_score": ranked.score,
            "threshold": threshold,
        }


def _telling(values: "Floats") -> "Floats":
    """Return a signal for as much as it tells one memory from another.

    That is what it is above the lowest of all; and where it speaks for more than two of three, less, down to nothing
    where for all alike: that would lift every one of them over a threshold, whatever was asked.
    """
    if not len(values):
        return values
    above: Floats = values - values.min()
    highest = float(above.max())
    if not highest:
        return above
    share = float(above.mean()) / highest
    told: Floats = above * min(1.0, 3.0 * (1.0 - share))
    return told


def _effective(ranking: Ranking, trust: float, *, matched: bool) -> dict[str, float]:
    """Return the weights as they count: scaled, those of the keywords given to the meaning where no word occurs, and
    those of the meaning to the keywords as far as the question's is not to be trusted."""
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
    return {name: weight / own for name, weight in weights.items()}


def _conversation(
    view: View, terms: Sequence[str], semantic: "Floats", keyword: "Floats", weights: Mapping[str, float]
) -> "dict[str, Floats]":
    import numpy as np

    sessions = view.sessions
    signals = {
        "neighbor_semantic": sessions.neighbors(semantic, _NEXT_TO),
        "session_semantic": sessions.highest(semantic),
        "length": np.minimum(1.0, view.lengths / _FULL_LENGTH) * sessions.talk,
    }
    if weights["neighbor_keyword"]:
        signals["neighbor_keyword"] = sessions.neighbors(keyword, _AROUND)
    if weights["session_keyword"]:
        signals["session_keyword"] = _session_bm25(view, terms)
    return signals


def _with_forms(view: View, query: Query) -> View:
    """Return a view in which a term of the query occurs where one of its other forms does, too."""
    united = {}
    for term in query.terms:
        found = [view.postings[form] for form in query.forms.get(term, ())]
        found += [_in_foreign(view, form) for form in query.foreign.get(term, ())]
        if found := [one for one in found if len(one[0])]:
            united[term] = _united([view.postings[term], *found])
    return replace(view, postings={**view.postings, **united}) if united else view


def _in_foreign(view: View, term: str) -> "Postings":
    import numpy as np

    positions, frequencies = view.postings[term]
    here = np.isin(positions, view.postings[FOREIGN][0])
    return positions[here], frequencies[here]


def _united(postings: "Sequence[Postings]") -> "Postings":
    """Return where any of some terms occurs, and how often the most frequent of them does there."""
    import numpy as np

    positions, places = np.unique(np.concatenate([one[0] for one in postings]), return_inverse=True)
    frequencies = np.zeros(len(positions), dtype=np.float32)
    np.maximum.at(frequencies, places, np.concatenate([one[1] for one in postings]))
    return positions, frequencies


def _memory_bm25(view: View, terms: Sequence[str]) -> "Floats":
    """Return each memory's BM25 divided by the highest that the query could reach, so in 0..1.

    A query term no memory has counts in the divisor: a memory with two of five rare words is no perfect match.
    """
    import numpy as np

    size = len(view.scopes)
    scores = np.zeros(size, dtype=np.float32)
    highest = 0.0
    average = float(view.lengths.mean()) if size else 0.0  # 0 only where nothing has a term
    for term in terms:
        positions, frequencies = view.postings[term]
        idf = _idf(size, len(positions))
        highest += idf * (_MEMORY_K1 + 1.0)
        if len(positions):
            norms = _MEMORY_K1 * (1.0 - _MEMORY_B + _MEMORY_B * view.lengths[positions] / average)
            scores[positions] += idf * frequencies * (_MEMORY_K1 + 1.0) / (frequencies + norms)
    return scores / highest if highest else scores


def _session_bm25(view: View, terms: Sequence[str]) -> "Floats":
    """Return for each memory of a conversation the BM25 of its session, as _memory_bm25 does; 0 in the only one."""
    import numpy as np

    sessions = view.sessions
    scores = np.zeros(sessions.count)
    if sessions.count == 1:
        return np.zeros(len(view.scopes), dtype=np.float32)
    lengths = sessions.totals(view.lengths)
    norms = _SESSION_K1 * (1.0 - _SESSION_B + _SESSION_B * lengths / (lengths.mean() or 1.0))
    highest = 0.0
    for term in terms:
        positions, frequencies = view.postings[term]
        within = np.bincount(sessions.number[positions], frequencies, sessions.count)
        idf = _idf(sessions.count, int(np.count_nonzero(within)))
        highest += idf * (_SESSION_K1 + 1.0)
        scores += idf * within * (_SESSION_K1 + 1.0) / (within + norms)
    shares: Floats = (scores / highest if highest else scores).astype(np.float32)
    return np.where(sessions.talk, shares[sessions.number], np.float32(0))


def _dated(view: View, query: Query) -> "dict[str, Floats]":
    signals: dict[str, Floats] = {}
    if query.moments:
        anchors = {phrase: _said(view, terms) for phrase, terms in query.anchors.items()}
        signals["date"] = closeness(query.moments, view.created_at, anchors)
    if query.present:
        signals["recency"] = recency(view.created_at, query.now)
    return signals


def _said(view: View, terms: Sequence[str]) -> int | None:
    """Return when the first memory with most of the terms was said, microseconds; None when none has half of them."""
    scores = _memory_bm25(view, terms)
    if not len(scores) or scores.max() < _HALF:
        return None
    return int(view.created_at[scores == scores.max()].min())


def _idf(documents: int, containing: int) -> float:
    return math.log(1.0 + (documents - containing + 0.5) / (containing + 0.5))


_WORDS = re.compile(r"\w+")


def _words_of(query: str) -> frozenset[str]:
    """Return the words of a query that may be a speaker's name: as written, and also folded unless they mean nothing.

    So "will" does not name Will, and "caroline" names Caroline.
    """
    words = _WORDS.findall(query)
    return frozenset([*words, *(word.casefold() for word in words if word.casefold() not in STOP_WORDS)])


def names_of(speakers: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the codes of speakers by the first word of their names, as a query has it; roles have none."""
    names: dict[str, list[int]] = {}
    for speaker, code in speakers.items():
        if not speaker.startswith("\0") and (found := _WORDS.search(speaker)):
            word = found[0].casefold()
            names.setdefault(found[0] if word in STOP_WORDS else word, []).append(code)
    return names


def _named_speaker(view: View, words: frozenset[str]) -> "Floats | None":
    """Return 1 for what was said by somebody the question names; None when it names nobody, or everybody."""
    import numpy as np

    codes = [code for word in words for code in view.names.get(word, ())]
    if not codes:
        return None
    named = np.isin(view.speakers, codes)
    return named.astype(np.float32) if named.any() and not named.all() else None
