"""What a question asks for: its vector, terms, names, periods and entities. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Self

from ..embedding.reading import UnitVector
from ..graph import Direction, Named, direction, named_in
from .languages import STOP_WORDS
from .ranking import Ranking
from .speech import Teller, is_personal, teller_of
from .text import FOREIGN, foreign_forms, language_of, other_forms, query_terms

if TYPE_CHECKING:
    from ..embedding.scale import Scale
    from .moments import Moment
    from .view import Floats

_WORD = re.compile(r"\w+")


class Query(NamedTuple):
    """A question as a search reads it."""

    vector: "Floats"
    """Float32 of unit length, shape (dimensions,)."""
    trust: float
    """How far the vector can be trusted to mean what the query means, in 0..1; 0 if the model can't read it."""
    terms: Sequence[str]
    """Keyword terms, distinct."""
    words: frozenset[str]
    """Words that may be the names of speakers, as they are written and in lower case. None if it only tells something:
    whoever is named there is spoken to, or spoken about."""
    moments: "tuple[Moment, ...]"
    """The periods it asks about."""
    anchors: Mapping[str, Sequence[str]]
    """The terms of the phrases that its periods depend on, by phrase: "before the trip to Rome"."""
    present: bool
    """Whether it asks how things are now."""
    now: int
    """Its reference date, microseconds since 1970 UTC."""
    forms: Mapping[str, Sequence[str]] = {}
    """Other terms that count as one of ``terms`` where they occur in a memory, by term."""
    foreign: Mapping[str, Sequence[str]] = {}
    """The same, for memories in another language than English."""
    asks: bool = True
    """Whether it asks, instead of only telling something."""
    names: Sequence[Named] = ()
    """Names that may be entities of the graph, longest first."""
    asked: Direction = "any"
    """In which direction it follows their relations."""
    scale: "Scale | None" = None
    """The scale of the embedder's cosines; None if they count as they are."""
    personal: bool = False
    """Whether somebody asks about himself."""
    language: str = ""
    """The language in Latin script that it is in; "" for English."""
    length: int = 0
    """The number of its words."""
    teller: Teller = "anybody"
    """Who told what it asks for, as far as it says so without a name."""

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
        scale: "Scale | None" = None,
    ) -> Self:
        """Return what a text asks for; what ``ranking`` doesn't count is not looked for.

        ``now`` is microseconds since 1970 UTC. Days are those of ``zone``. ``graph`` says whether there is a graph to
        look for names in.
        """
        import numpy as np

        from .dates import asked_moments, asked_parts, asks_for_present  # their patterns take time to compile

        asked = asked_parts(text)
        moments = asked_moments(asked.whole, now, zone) if ranking.date else ()
        return cls(
            vector=np.asarray(vector, dtype=np.float32),
            trust=trust,
            terms=query_terms(text) if ranking.reads_words else (),
            words=_words_of(asked.whole),
            moments=moments,
            anchors={moment.anchor: query_terms(moment.anchor) for moment in moments if moment.anchor},
            present=ranking.recency > 0 and asks_for_present(asked.sentences),
            now=now,
            forms=other_forms(text) if ranking.reads_words else {},
            foreign=foreign_forms(text) if ranking.reads_words else {},
            asks=bool(asked.whole),
            names=named_in(text) if graph and ranking.reads_graph else (),
            asked=direction(text) if graph and ranking.reads_graph else "any",
            scale=scale,
            personal=is_personal(text),
            language=language_of(text),
            length=len(text.split()),
            teller=teller_of(text) if asked.whole else "anybody",
        )

    @property
    def all_terms(self) -> list[str]:
        """Every term whose postings are needed, once each."""
        extra = [FOREIGN] if self.foreign or self.language else []
        others = [*self.anchors.values(), *self.forms.values(), *self.foreign.values(), extra]
        return list(dict.fromkeys([*self.terms, *chain.from_iterable(others)]))


def _words_of(query: str) -> frozenset[str]:
    """Return the words of a query that may be a speaker's name: as written, and in lower case unless a stop word.

    So "caroline" names Caroline, but "will" does not name Will.
    """
    words = _WORD.findall(query)
    return frozenset([*words, *(word.casefold() for word in words if word.casefold() not in STOP_WORDS)])
