"""What the texts of the best results say to their place: a question is worth little as an answer, and so is a guess;
what was said later about the same comes first.

What makes a text a question or a guess is in ``search/speech``, what two texts say about the same in ``search/slots``.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from ..data.records import Record
from ..search.query import Query
from ..search.ranking import Ranking
from ..search.speech import Doubt, doubts
from ..search.view import Ranked
from ..types import Adjustment, SearchHit
from .decay import Weighed

if TYPE_CHECKING:
    from ..search.slots import Asked, Statement

_REPLACED = "superseded_by_newer"
"""The rule that lowers what a newer memory says otherwise."""
_OF_OWN, _OF_OTHER = "says_what_is_asked", "says_it_of_another"
"""The rules for memories that say the same of different people, where the query asks of one."""


class Found(NamedTuple):
    """A memory that a search found."""

    ranked: Ranked
    record: Record
    rerank_score: float | None = None
    adjustments: Sequence[Adjustment] = ()
    """What was changed about its score."""
    weighed: Weighed | None = None
    """What decay says to it; that is one of the adjustments."""
    outdated: bool = False
    """Whether another result says what is so now in its place."""

    def to_hit(self) -> SearchHit:
        """Return it as callers see it."""
        hit = cast("SearchHit", {**self.record.to_item(), "score": self.ranked.score})
        if self.rerank_score is not None:
            hit["rerank_score"] = self.rerank_score
        return hit

    @property
    def share(self) -> float:
        """What part of its score the rules left it that look at this memory alone."""
        rules = [one for one in self.adjustments if "memory_id" not in one and one["before"]]
        return math.prod(one["after"] / one["before"] for one in rules)

    def blended(self, more: float) -> float:
        """Return its score with something added to it, on which the rules bear as they do on the score."""
        share = self.share
        whole = (self.ranked.score / share if share else 0.0) + more
        return whole * share if whole > 0 else whole

    def rescored(self, score: float, rule: str, other: "Found | None" = None) -> "Found":
        """Return it with the score that a rule gives it, perhaps because of another result."""
        adjustment = Adjustment(rule=rule, before=self.ranked.score, after=score)
        if other is not None:
            adjustment["memory_id"] = other.record.id
        return self._replace(ranked=self.ranked._replace(score=score), adjustments=[*self.adjustments, adjustment])


class _Said(NamedTuple):
    """A statement, and the place of the result that makes it."""

    place: int
    statement: "Statement"


class Judge(NamedTuple):
    """What changes the scores of one search's best results, because of what they say."""

    doubt: Callable[[str, str | None], Doubt | None] | None
    """Says from a text and a role why a memory is no good answer. None finds no fault with any."""
    now: "Asked | None"
    """What a query about the present asks. None if it is about something else."""

    @classmethod
    def of(cls, query: str, question: Query, ranking: Ranking) -> Self:
        """Return what judges the results of a query. Whoever only gives words for what to find gets every use of
        them."""
        from ..search.dates import asks  # its patterns take time to compile

        return cls(doubts(query) if asks(query) else None, _now(query, question, ranking))

    @classmethod
    def of_block(cls, query: str, question: Query, ranking: Ranking) -> Self:
        """Return what judges the memories for a prompt: every word in it costs, however the query is put."""
        from ..search.dates import is_statement

        return cls(None if is_statement(query) else doubts(query), _now(query, question, ranking))

    def compares(self, found: Sequence[Found]) -> bool:
        """Return whether a result says what the query asks about, so that a newer one may be worth more."""
        return any(True for one in found for _ in self._said(one.record))

    def answered_by(self, one: Found) -> bool:
        """Return whether a result says just what the query asks: "I moved to Porto." for "Where do I live?"."""
        return self.now is not None and one.record.role != "assistant" and self.now.answered_by(one.record.text)

    def judged(self, found: Sequence[Found], threshold: float) -> list[Found]:
        """Return results, best first, with the scores that they are worth, in that order; without those that are then
        below the threshold."""
        import numpy as np

        worth = list(found)
        if self.doubt is not None:
            worth = [_worth(one, self.doubt(one.record.text, one.record.role)) for one in found]
            worth.sort(key=lambda one: -one.ranked.score)  # stable: at equal scores the order stays
        worth = self._own_first(self._newest_first(worth))
        least = float(np.float32(threshold))  # as the scores are
        return [one for one in worth if one.ranked.score >= least]

    def _newest_first(self, found: list[Found]) -> list[Found]:
        """Return results with newer statements before older ones of the same slot: they change scores."""
        slots: dict[tuple[str, ...], list[_Said]] = {}
        instead: list[_Said] = []
        for place, one in enumerate(found):
            for statement in self._said(one.record):
                group = instead if statement.instead_of else slots.setdefault(_slot(one.record, statement), [])
                group.append(_Said(place, statement))
        for slot, said in slots.items():
            said += [placed for one in instead if (placed := _placed(one, found[one.place].record, slot, said))]
        ordered = False
        for said in slots.values():
            if len(said) > 1:
                said.sort(key=lambda one: _time(found[one.place]))
                ordered |= _reorder(found, said)
        return sorted(found, key=lambda one: (-one.ranked.score, one.outdated)) if ordered else found

    def _own_first(self, found: list[Found]) -> list[Found]:
        """Return results with those that say just what the query asks before those that say the same of somebody else,
        which may have more words of it: they change scores."""
        own = [place for place, one in enumerate(found) if not one.outdated and self.answered_by(one)]
        if not own or own[-1] < len(own):
            return found
        told = {(one.slot, one.subject) for place in own for one in self._said(found[place].record)}
        others = [
            place for place in range(own[-1]) if place not in own and _tells_of_another(found[place].record, told)
        ]
        if not others:
            return found
        places = sorted([*own, *others])
        ordered = list(found)
        for place, taken in zip(places, [*own, *others], strict=True):
            one, there = found[taken], found[place]
            if place != taken:
                one = one.rescored(there.ranked.score, _OF_OWN if place < taken else _OF_OTHER, there)
            ordered[place] = one
        return ordered

    def _said(self, record: Record) -> "Iterator[Statement]":
        """Yield what a memory says about what the query asks; an assistant only repeats what it was told."""
        if self.now is not None and record.role != "assistant":
            yield from self.now.said_in(record.text)


def _tells_of_another(record: Record, told: "Set[tuple[str, str]]") -> bool:
    """Return whether a memory fills one of the slots, given with their subjects, for another subject."""
    from ..search.slots import statements

    slots = {slot for slot, _ in told}
    said = [(one.slot, one.subject) for one in statements(record.text) if one.slot in slots]
    return bool(said) and record.role != "assistant" and told.isdisjoint(said)


def _now(query: str, question: Query, ranking: Ranking) -> "Asked | None":
    if not ranking.recency or not question.asks or question.moments:
        return None
    from ..search.slots import Asked, asks_about_now  # its patterns take time to compile

    return Asked(query) if asks_about_now(query) else None


def _worth(one: Found, doubt: Doubt | None) -> Found:
    return one if doubt is None else one.rescored(one.ranked.score * doubt.share, doubt.rule)


def _slot(record: Record, one: "Statement") -> tuple[str, ...]:
    """Return what only one thing can be said about: of somebody with a name whoever says it, else of the speaker."""
    scope, speaker = record.scope, (record.actor_id or "").casefold()
    owner = (scope.user_id or "", scope.agent_id or "" if scope.user_id is None else "")
    return (*owner, "" if one.named else speaker, one.subject, one.slot)


def _placed(one: _Said, record: Record, slot: tuple[str, ...], said: Sequence[_Said]) -> _Said | None:
    """Return what a memory says in place of what it names, as a statement of the slot of those that say that."""
    for other in said:
        placed = one.statement.in_place_of(other.statement)
        if placed is not None and _slot(record, placed) == slot:
            return _Said(one.place, placed)
    return None


def _time(one: Found) -> tuple[int, int]:
    return one.record.created_at, one.ranked.position


def _reorder(found: list[Found], said: Sequence[_Said]) -> bool:
    """Give the newer ones of statements about a slot, oldest first, the higher scores. Return whether there are any
    that take the place of others."""
    from ..search.slots import STAY_IN_FORCE

    newest = {older.place: newer.place for older, newer in combinations(said, 2) if _replaces(newer, older)}
    oldest = {newer: older for older, newer in reversed(newest.items())}
    places = sorted({*newest, *oldest}, key=lambda place: _time(found[place]), reverse=True)
    scores = sorted((found[place].ranked.score for place in places), reverse=True)
    outdated = said[0].statement.slot not in STAY_IN_FORCE
    as_found = list(found)
    for place, score in zip(places, scores, strict=True):
        one = as_found[place]
        if place in newest:
            lower = one.rescored(score, _REPLACED, as_found[newest[place]])
            found[place] = lower._replace(outdated=outdated)
        else:
            found[place] = one.rescored(score, "supersedes_older", as_found[oldest[place]])
    return bool(places)


def _replaces(newer: _Said, older: _Said) -> bool:
    from ..search.slots import replaces

    return newer.place != older.place and replaces(newer.statement, older.statement)


def newer_first(found: Sequence[Found]) -> list[Found]:
    """Return results in another order, with the newer of two that say what only one thing can be before the older, as
    they were judged."""
    ordered = list(found)
    places = {one.record.id: place for place, one in enumerate(ordered)}
    for one in found:
        for adjustment in one.adjustments:
            if adjustment["rule"] == _REPLACED and (newer := places.get(adjustment["memory_id"])) is not None:
                older = places[one.record.id]
                if older < newer:
                    ordered[older], ordered[newer] = ordered[newer], ordered[older]
                    places |= {ordered[place].record.id: place for place in (older, newer)}
    return ordered


def newer_highest(found: Sequence[Found]) -> list[Found]:
    """Return results with no score above that of the newer one which was judged to say what is so now."""
    named = {one.record.id: one for one in found}
    return [_at_most(one, named) for one in found]


def _at_most(one: Found, named: Mapping[str, Found]) -> Found:
    for adjustment in one.adjustments:
        newer = named.get(adjustment["memory_id"]) if adjustment["rule"] == _REPLACED else None
        if newer is not None and newer.ranked.score < one.ranked.score:
            return one.rescored(newer.ranked.score, _REPLACED, newer)
    return one
