"""What the texts of the best results say to their place: a question is worth little as an answer, and so is a guess.

What makes a text a question or a guess is in ``search/speech``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self, cast

from ..data.records import Record
from ..search.speech import Doubt, doubts
from ..search.view import Ranked
from ..types import Adjustment, SearchHit
from .decay import Weighed


class Found(NamedTuple):
    """A memory that a search found."""

    ranked: Ranked
    record: Record
    rerank_score: float | None = None
    adjustments: Sequence[Adjustment] = ()
    """What was changed about its score."""
    weighed: Weighed | None = None
    """What decay says to it; that is one of the adjustments."""

    def to_hit(self) -> SearchHit:
        """Return it as callers see it."""
        hit = cast("SearchHit", {**self.record.to_item(), "score": self.ranked.score})
        if self.rerank_score is not None:
            hit["rerank_score"] = self.rerank_score
        return hit

    def rescored(self, score: float, rule: str) -> "Found":
        """Return it with the score that a rule gives it."""
        adjustment = Adjustment(rule=rule, before=self.ranked.score, after=score)
        return self._replace(ranked=self.ranked._replace(score=score), adjustments=[*self.adjustments, adjustment])


class Judge(NamedTuple):
    """What changes the scores of one search's best results, because of what they say."""

    doubt: Callable[[str, str | None], Doubt | None] | None
    """Says from a text and a role why a memory is no good answer. None finds no fault with any."""

    @classmethod
    def of(cls, query: str) -> Self:
        """Return what judges the results of a query. Whoever only gives words for what to find gets every use of
        them."""
        from ..search.dates import asks  # its patterns take time to compile

        return cls(doubts(query) if asks(query) else None)

    @classmethod
    def of_block(cls, query: str) -> Self:
        """Return what judges the memories for a prompt: every word in it costs, however the query is put."""
        from ..search.dates import is_statement

        return cls(None if is_statement(query) else doubts(query))

    def judged(self, found: Sequence[Found], threshold: float) -> list[Found]:
        """Return results, best first, with the scores that they are worth, in that order; without those that are then
        below the threshold."""
        if self.doubt is None:
            return list(found)
        worth = [_worth(one, self.doubt(one.record.text, one.record.role)) for one in found]
        worth.sort(key=lambda one: -one.ranked.score)  # stable: at equal scores the order stays
        return [one for one in worth if one.ranked.score >= threshold]


def _worth(one: Found, doubt: Doubt | None) -> Found:
    return one if doubt is None else one.rescored(one.ranked.score * doubt.share, doubt.rule)
