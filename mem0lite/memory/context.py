"""From a question to a block of text for a prompt: which memories it holds, in which order, within how many tokens.

Which memories are relevant, and how much, is what a search says; what the block looks like is in ``block``.
"""

import inspect
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, tzinfo
from typing import NamedTuple

from ..embedding.tokens import estimate_tokens
from ..errors import ValidationError
from ..search.scoring import Scores
from ..search.speech import QUESTION_MARKS
from ..search.view import Ranked, View
from ..store import Reading
from ..types import ContextResult
from ..values import is_number, local_day, shown, to_micros_in_zone
from .arguments import Instant, TokenCounter, check_whole_number
from .block import FRAME, Quotation, heading, lay_out, line
from .decay import Uses, asked_of
from .judging import Found, Judge
from .searching import Search, copies, decayed, told_once, with_records

_FEWEST, _MOST = 100, 1_000  # results that are looked at,
_TOKENS = 10  # one for so many tokens: the shortest memories need as many
_RERANKED = 30  # of them are given to a reranker
_TERSE = 6  # terms up to which a memory may need the question before it


class Counter:
    """Counts tokens, with the caller's function if there is one."""

    def __init__(self, count: TokenCounter | None) -> None:
        if count is not None and not callable(count):
            raise _refused(f"it is {shown(count)}")
        self._count = count
        self._empty = 0 if count is None else self.whole("")

    def whole(self, text: str) -> int:
        """Return the tokens of a text. Raises ValidationError if the caller's function raises or returns no number."""
        if self._count is None:
            return estimate_tokens(text)
        try:
            counted = self._count(text)
        except Exception as error:
            raise _refused(f"it raised {type(error).__name__}: {error}") from error
        if inspect.iscoroutine(counted):
            counted.close()
            raise _refused("it is a coroutine function, and nothing awaits it")
        if hasattr(counted, "__index__") and not isinstance(counted, bool):  # a number of numpy
            counted = operator.index(counted)
        if not is_number(counted) or not 0 <= counted < math.inf:
            raise _refused(f"it returned {shown(counted)}")
        return math.ceil(counted)

    def added(self, text: str, most: int) -> int:
        """Return how many tokens one more line adds, without those that some tokenizers put around every text. Counting
        may end above ``most``."""
        if self._count is None:
            return estimate_tokens(f"{text}\n", most)
        return max(0, self.whole(f"{text}\n") - self._empty)


def _refused(problem: str) -> ValidationError:
    return ValidationError(
        f"Invalid count_tokens: {problem}. Give a function that takes a text and returns its number of tokens, 0 or "
        "more; without one, the number is estimated.",
        field="count_tokens",
    )


class Reached(NamedTuple):
    """What a context took out of the store's snapshot."""

    found: Sequence[Found]
    """The relevant memories, best first, without those that say nearly the same as a better one."""
    asked: dict[str, Found]
    """The questions that some of them answer, by the id of the answer."""
    sessions: dict[str, tuple[int, int]]
    """By id, the number of each memory's session, and its position among all memories."""
    decays: bool
    """Whether the answer counts as a use of what it has."""


class Context(NamedTuple):
    """One context: read from a snapshot of the store, then put together."""

    search: Search
    max_tokens: int
    counter: Counter
    zone: tzinfo

    @classmethod
    def of(
        cls,
        searching: Callable[[int], Search],
        max_tokens: int,
        count_tokens: TokenCounter | None,
        reference_date: Instant | None,
    ) -> "Context":
        """Return what a call asks for. ``searching`` returns the search for a number of results."""
        check_whole_number("max_tokens", max_tokens, 0)
        counter = Counter(count_tokens)
        zone = UTC if reference_date is None else to_micros_in_zone(reference_date, "reference_date")[1]
        wanted = max(_FEWEST, min(_MOST, max_tokens // _TOKENS))
        return cls(searching(wanted), max_tokens, counter, zone)

    def read(self, reading: Reading, uses: Uses) -> Reached:
        """Return the relevant memories, and what their place in the block depends on."""
        view = reading.view
        scores = Scores(view, self.search.question, self.search.weights)
        judge = Judge.of_block(self.search.query, self.search.question, self.search.weights)
        silent = self.search.relevant_only and not scores.any_relevant()
        if silent and judge.now is None:
            return Reached([], {}, {}, decays=False)
        ranked = scores.best(self.search.top_k, self.search.threshold)
        found = judge.judged(with_records(reading, ranked), self.search.threshold)
        found = [one for one in found if not one.outdated and (not silent or judge.answered_by(one))]
        found = told_once(found)
        repeated = copies(reading, found)
        found = [one for position, one in enumerate(found) if position not in repeated]
        asked_decay = asked_of(reading.project())
        if asked_decay is not None:
            found = decayed(reading, found, asked_decay, uses, self.search.now)
        asked = {one.record.id: question for one in found if (question := _question_of(reading, scores, one))}
        places = {
            one.record.id: (int(view.sessions.number[one.ranked.position]), one.ranked.position)
            for one in (*found, *asked.values())
        }
        return Reached(found, asked, places, asked_decay is not None)

    def answer(self, reached: Reached) -> ContextResult:
        """Return the block, with what is in it and what did not fit."""
        search = self.search
        found = [*search.reranking.rescored(search.query, reached.found[:_RERANKED]), *reached.found[_RERANKED:]]
        kept = self._fitting(found, reached.asked)
        text = self._text(kept, reached)
        while kept and self.counter.whole(text) > self.max_tokens:  # more than the sum of its lines
            kept.pop()
            text = self._text(kept, reached)
        shown_ids = {one.record.id for group in kept for one in group}
        answer: ContextResult = {
            "text": text,
            "tokens": self.counter.whole(text) if text else 0,
            "memories": [one.to_hit() for one in _in_order(kept, reached)],
            "left_out": [
                {"id": one.record.id, "score": one.ranked.score} for one in found if one.record.id not in shown_ids
            ],
        }
        if search.reranking.missing is not None:
            answer["not_reranked"] = search.reranking.missing
        if search.embedded is not None:
            answer["embedded"] = search.embedded
        return answer

    def _fitting(self, found: Sequence[Found], asked: dict[str, Found]) -> list[list[Found]]:
        """Return the best memories that fit, each with the question before it if it needs that one.

        A memory that is too long gives its place to the next ones. Rejected: the most score for the tokens, which
        prefers short memories, and finds less (benchmarks/RESULTS.md).
        """
        left = self.max_tokens - self.counter.whole(FRAME)
        kept: list[list[Found]] = []
        ids: set[str] = set()
        days: set[date] = set()
        for one in found:
            group = [each for each in (asked.get(one.record.id), one) if each and each.record.id not in ids]
            price, dated = self._price(group, days, left)
            if price <= left:
                left -= price
                kept.append(group)
                ids.update(each.record.id for each in group)
                days |= dated
        return [group for group in kept if group]

    def _price(self, group: Sequence[Found], days: set[date], left: int) -> tuple[int, set[date]]:
        """Return how many tokens a group adds (or some number above ``left``), and the days that it is dated."""
        quotations = [_quotation(one) for one in group]
        dated = {local_day(one.said_at, self.zone) for one in quotations}
        known: dict[int, date] = {day.year: day for day in days}
        price = 0
        for text in (*(heading(day, known.get(day.year)) for day in dated - days), *map(line, quotations)):
            if price > left:
                break
            price += self.counter.added(text, left)
        return price, dated

    def _text(self, kept: Sequence[Sequence[Found]], reached: Reached) -> str:
        return lay_out([_quotation(one) for one in _in_order(kept, reached)], self.zone)


def _question_of(reading: Reading, scores: Scores, found: Found) -> Found | None:
    """Return the question before a terse memory of a conversation, if another speaker asked one."""
    view, position = reading.view, found.ranked.position
    if view.lengths[position] > _TERSE or not view.sessions.talk[position]:
        return None
    before = _before(view, position)
    if before is None or view.speakers[before] == view.speakers[position]:
        return None
    ranked = Ranked(before, min(1.0, max(0.0, float(scores.raw[before]))))
    [record] = reading.records([ranked])
    return Found(ranked, record) if record.text.rstrip().endswith(QUESTION_MARKS) else None


def _before(view: View, position: int) -> int | None:
    """Return the position of what was said just before in the same session, if the filter matches it."""
    import numpy as np

    same = np.flatnonzero(view.sessions.number == view.sessions.number[position])
    said_at = view.created_at[same]
    order = same[np.lexsort((same, said_at))]
    place = int(np.flatnonzero(order == position)[0])
    if place == 0:
        return None
    before = int(order[place - 1])
    return before if view.matching is None or view.matching[before] else None


def _in_order(kept: Sequence[Sequence[Found]], reached: Reached) -> Iterator[Found]:
    """Yield memories session by session, and in the order in which they were said: sessions are what a conversation's
    topics are, and what was said later comes later."""
    by_session: dict[int, list[Found]] = {}
    for group in kept:
        for one in group:
            by_session.setdefault(reached.sessions[one.record.id][0], []).append(one)

    def said(one: Found) -> tuple[int, int]:
        return one.record.created_at, reached.sessions[one.record.id][1]

    for session in sorted(by_session.values(), key=lambda session: min(map(said, session))):
        yield from sorted(session, key=said)


def _quotation(one: Found) -> Quotation:
    return Quotation(one.record.text, one.record.actor_id or one.record.role, one.record.created_at)
