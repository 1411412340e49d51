"""How much each signal counts in a search: the weights, their defaults and their limits. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from ..errors import ValidationError
from ..values import is_number, shown, written

_LEAST, _MOST = 0.001, 1_000  # of a weight other than 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """How much each signal counts in a search, relative to the others; 0 turns a signal off.

    What speaks for a memory is r = Σ weight · signal / (semantic + keyword), over the signals that count in the search;
    every signal lies in 0..1. With m, the highest r that there can be, the score is r / (1 + r · (1 - 1/m)): nearly r
    where r is small, and 1 at m. Of m the two signals of the graph, ``entity`` and ``entity_neighbor``, are no part;
    they come on top, up to a score of 1. If no word of the query
    occurs in the scope, the semantic signals get the weight of the keywords. If the model can't read the query or a
    memory, the keywords get the weight of the semantic signals, as far as it can't. The signals from
    ``neighbor_semantic`` to ``recency`` count only as far as they tell the memories of the scope apart: a signal that
    is the same for all memories does not count.

    The defaults were fitted to dialogues, the two for the graph to questions about procedures (benchmarks/RESULTS.md).
    The signals from ``neighbor_semantic`` to ``length`` count only if there are conversations in the scope: sessions in
    which somebody speaks again after somebody else. Beside conversations, a memory that is part of none stands for
    itself: its own meaning and words count as those of its neighbours and its session.

    Raises ValidationError for a weight that is neither 0 nor a number from 0.001 to 1000, and when ``semantic`` and
    ``keyword`` are both 0.
    """

    semantic: float = 0.46
    """The memory's cosine similarity to the query."""
    keyword: float = 0.45
    """The memory's BM25, as a share of √(the highest that the query could reach · the highest of any memory)."""
    neighbor_semantic: float = 0.09
    """The mean cosine of the memories just before and after it."""
    neighbor_keyword: float = 0.60
    """The BM25 of the two memories before and after it, nearer ones counting more."""
    session_semantic: float = 0.20
    """The highest cosine in its session."""
    session_keyword: float = 0.22
    """The BM25 of its session, taken as one document among the sessions of the scope."""
    length: float = 0.11
    """Its length, up to 20 terms: short turns seldom answer a question."""
    speaker: float = 0.21
    """The question names whoever said it, and does not name everybody. "My" names all but an assistant."""
    date: float = 0.50
    """It was said in the period that the question asks about."""
    recency: float = 0.20
    """It is recent, and the question asks about the present."""
    entity: float = 0.20
    """It names an entity of the graph that the question names."""
    entity_neighbor: float = 0.80
    """It names an entity that is related to one that the question names."""

    def __post_init__(self) -> None:
        for name, weight in self.weights().items():
            if not is_number(weight) or not (weight == 0 or _LEAST <= weight <= _MOST):
                raise ValidationError(
                    f"Invalid {name}: {shown(weight)}. Must be 0, or a number from {_LEAST} to {_MOST}.", field=name
                )
        if self.semantic + self.keyword == 0:
            raise ValidationError(
                "Invalid semantic: semantic and keyword cannot both be 0. Give one of them a weight.", field="semantic"
            )

    @classmethod
    def of(cls, given: "Ranking | Mapping[str, Any]") -> "Ranking":
        """Return the ranking an argument means: a Ranking, or a dictionary of weights that differ from the defaults.

        Raises ValidationError for anything else, for an unknown signal and for a weight out of range.
        """
        if isinstance(given, Ranking):
            return given
        known = [one.name for one in fields(cls)]
        if not isinstance(given, Mapping):
            raise ValidationError(
                "Invalid ranking: must be a Ranking, or an object of weights.",
                field="ranking",
            )
        if unknown := sorted(set(given) - set(known), key=written):
            raise ValidationError(
                f"Invalid ranking: unknown signal {shown(unknown[0])}. Signals are: {', '.join(known)}.",
                field="ranking",
            )
        try:
            return cls(**given)
        except ValidationError as error:
            message = str(error).replace(f"Invalid {error.field}:", f"Invalid ranking.{error.field}:", 1)
            raise ValidationError(message, field=f"ranking.{error.field}") from None

    @classmethod
    def dense(cls) -> Self:
        """Return the ranking that counts only meaning."""
        return cls(**{**_off(cls), "semantic": 1.0})

    @classmethod
    def sparse(cls) -> Self:
        """Return the ranking that counts only keywords."""
        return cls(**{**_off(cls), "keyword": 1.0})

    @classmethod
    def plain(cls) -> Self:
        """Return the ranking that counts only a memory's own meaning and keywords: no conversation, speaker or date."""
        default = cls()
        return cls(**{**_off(cls), "semantic": default.semantic, "keyword": default.keyword})

    @property
    def reads_graph(self) -> bool:
        """Whether any signal comes from the graph."""
        return self.entity + self.entity_neighbor > 0

    @property
    def reads_meaning(self) -> bool:
        """Whether any signal comes from the vectors."""
        return self.semantic + self.neighbor_semantic + self.session_semantic > 0

    @property
    def reads_words(self) -> bool:
        """Whether any signal comes from the keywords."""
        return self.keyword + self.neighbor_keyword + self.session_keyword > 0

    def weights(self) -> dict[str, float]:
        """Return the weights by signal."""
        return {name: getattr(self, name) for name in self.__slots__}


def _off(ranking: type[Ranking]) -> dict[str, float]:
    return dict.fromkeys((one.name for one in fields(ranking)), 0.0)
