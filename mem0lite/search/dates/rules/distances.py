"""So long ago, so long before or after a date, the last so many units. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from .. import periods
from ..grammar import Found, Grammar, rule
from ..periods import Length, Period
from ..words import (
    NUMBER,
    NUMBER_STARTS,
    ORDINAL_STARTS,
    SPELT_ORDINALS,
    UNITS,
    WEEKDAY,
    WEEKDAYS,
    either,
    number,
    ordinal,
)
from .common import ENDS, THAT_STARTS, THE
from .near import next_weekday

_AGO = re.compile(
    rf" (?P<way>ago|from (?:now|today|tomorrow|yesterday)|back(?! (?:to|from|home|then|at|with|and|up|on)\b)|hence)"
    rf"(?P<today> today)?{ENDS}"
)
_WEEKDAY_TOO = re.compile(rf" (?:last )?(?P<name>{WEEKDAY}){ENDS}")


@rule(rf"(?={NUMBER}[ ½-])", (*NUMBER_STARTS, "0"))
def _away(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Two weeks ago, a month and three days from now."""
    return _so_long_ago(grammar, match, match.start())


@rule(rf"between (?P<low>{NUMBER}) and (?={NUMBER})", ("between",))
def _between_ago(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Between two and three weeks ago."""
    if (found := grammar.length(match.end())) is None or (ago := _AGO.match(grammar.text, found[2])) is None:
        return None
    high = found[0]
    low = Length.of(match["low"], high.unit)
    sign = -1 if ago["way"] in ("ago", "back") else 1
    return Found(match.start(), ago.end(), "days", lambda: grammar.clock.around(grammar.now, low, high, sign))


@rule(
    r"(?:(?:just|well|slightly|a (?:bit|little)) )?"
    r"(?P<more>(?P<less>not? more than|at most|less than|under|not even|within)|more than|over|at least) (?=\w)",
    ("just", "well", "slightly", "a", "more", "over", "at", "less", "under", "not", "no", "within"),
)
def _about(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """More or less than two weeks ago: any time before, any time since; "over" is up to twice as long."""
    found = grammar.length(match.end())
    if found is None or (ago := _AGO.match(grammar.text, found[2])) is None or ago["way"] not in ("ago", "back"):
        return None
    length = found[0]

    def read() -> Period:
        exact = grammar.clock.moved(grammar.now, length, -1)
        if match["less"]:
            return Period(exact, grammar.now)
        return Period(grammar.clock.moved(exact, length, -1) if match["more"] == "over" else datetime.min, exact)

    return Found(match.start(), ago.end(), "days", read)


def _so_long_ago(grammar: Grammar, match: re.Match[str], begin: int) -> Found | None:
    found = grammar.length(begin)
    if found is None or (ago := _AGO.match(grammar.text, found[2])) is None:
        return None
    low, high, _ = found
    sign = -1 if ago["way"] in ("ago", "back") else 1
    if low.unit == "weekend":
        return None
    start = {"from today": 0, "from tomorrow": 1, "from yesterday": -1}.get(ago["way"])
    if start is not None:
        return _days_from(
            grammar, match.start(), ago.end(), low, high, lambda: periods.days(grammar.today + start * periods.DAY)
        )
    clock, now = grammar.clock, grammar.now
    unit = "day" if low.of_days and low == high else low.unit if low.unit in ("week", "month", "year") else "days"
    whole = None if unit in ("day", "days") else partial(_unit_away, grammar, low, sign, unit)
    piece = Found(match.start(), ago.end(), unit, lambda: clock.around(now, low, high, sign), whole=whole)
    weekday = _WEEKDAY_TOO.match(grammar.text, ago.end())
    if weekday and ago["way"] == "ago" and low == high and not low.months and low.unit in ("week", "fortnight"):
        return _weeks_before_weekday(grammar, piece, weekday, low)
    return piece


def _unit_away(grammar: Grammar, length: Length, sign: int, unit: str) -> Period:
    """Return the whole week, month or year that lies so far away."""
    return periods.unit_around(grammar.clock.moved(grammar.now, length, sign), unit)


def _weeks_before_weekday(grammar: Grammar, piece: Found, weekday: re.Match[str], length: Length) -> Found:
    """A week ago Tuesday: a week before the latest Tuesday."""

    def read() -> Period:
        latest = next_weekday(grammar, WEEKDAYS[weekday["name"]], -1)
        return periods.days(latest.start - length.rest)

    return replace(piece, end=weekday.end(), unit="day", read=read, whole=None)


def _days_from(grammar: Grammar, begin: int, end: int, low: Length, high: Length, base: Callable[[], Period]) -> Found:
    """Return the day that is so long after another; if the number is vague, the time around it."""
    clock = grammar.clock

    def read() -> Period:
        start = base().start
        if low.vague or low.halved or low.unit in ("second", "minute", "hour"):
            return clock.around(start, low, high, 1)
        return Period(clock.moved(start, low, 1), clock.moved(start, high, 1) + periods.DAY)

    return Found(begin, end, "day" if low == high else "days", read)


@rule(r"in (?:about |around )?(?=\w)", ("in",))
def _ahead(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """In two weeks. In a question that does not look ahead, this is how long something took, not when."""
    if not grammar.ahead or (found := grammar.length(match.end())) is None:
        return None
    low, high, end = found
    end += 2 * grammar.text.startswith("' time", end)
    return Found(match.start(), end, "days", lambda: grammar.clock.around(grammar.now, low, high, 1))


@rule(r"(?:the |these |those )?(?P<way>last|past|previous|next|coming) (?=\w)", ("the", "these", "those", *THAT_STARTS))
def _stretch(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """The last so many units, up to now, or the next, from now."""
    found = grammar.length(match.end())
    if found is None:
        return _one_stretch(grammar, match)
    length, _, end = found
    if grammar.text.startswith(" of ", end):
        return None
    return _up_to_now(grammar, match, length, end)


_ONE_STRETCH = re.compile(
    rf"(?P<unit>hour|week|month|year|decade|fortnight|century)(?P<half> and a half)?{ENDS}(?! of\b)"
)


def _one_stretch(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """The last year, up to now; "last year" is the calendar year."""
    unit = _ONE_STRETCH.match(grammar.text, match.end())
    if unit is None or match["way"] not in ("last", "past"):
        return None
    if not (unit["half"] or unit["unit"] in ("hour", "fortnight") or match[0].startswith("the ")):
        return None
    return _up_to_now(grammar, match, Length.of("one", unit["unit"], bool(unit["half"])), unit.end())


def _up_to_now(grammar: Grammar, match: re.Match[str], length: Length, end: int) -> Found:
    clock, now = grammar.clock, grammar.now

    def read() -> Period:
        if match["way"] in ("next", "coming"):
            return Period(now, clock.moved(now, length, 1))
        return Period(clock.moved(now, length, -1), now)

    return Found(match.start(), end, "days", read)


class Step(NamedTuple):
    """So long before, after or from the date that begins at ``end``."""

    way: str
    end: int
    low: Length
    high: Length
    name: str = ""  # of a weekday, or "weekend": so many of them

    @property
    def sign(self) -> int:
        """-1 for before, 1 for after."""
        return -1 if self.way in ("before", "prior to") else 1


_WAY = rf"(?P<way>before|after|prior to|following|from) {THE}"
_NAMED_STEP = re.compile(
    rf"(?:last )?(?:(?P<nth>{either(SPELT_ORDINALS)}|\d\d?(?:st|nd|rd|th)) |(?P<count>{NUMBER}) )?"
    rf"(?P<name>{WEEKDAY}|weekend)s? {_WAY}"
)
_UNIT_STEP = re.compile(rf"(?:last )?(?P<unit>{either(set(UNITS.values()))}) {_WAY}")
_LENGTH_STEP = re.compile(f" {_WAY}")


def step_at(grammar: Grammar, begin: int) -> Step | None:
    """Return the step that stands at a place: "two weeks before", "the day after", "two Fridays before"."""
    if named := _NAMED_STEP.match(grammar.text, begin):
        count = ordinal(named["nth"]) if named["nth"] else number(named["count"] or "one")
        weeks = Length(0, (int(count) - 1) * periods.WEEK, "week")
        return Step(named["way"], named.end(), weeks, weeks, named["name"]) if count >= 1 else None
    if (unit := _UNIT_STEP.match(grammar.text, begin)) and unit["way"] != "from":
        one = Length.of("one", UNITS[unit["unit"]])
        return Step(unit["way"], unit.end(), one, one)
    if (length := grammar.length(begin)) and (way := _LENGTH_STEP.match(grammar.text, length[2])):
        return Step(way["way"], way.end(), length[0], length[1])
    return None


@rule("(?=.)", (*UNITS, *WEEKDAYS, *ORDINAL_STARTS, *NUMBER_STARTS, "last", "0"))
def _beside(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """So long before or after a date, or a week from Friday."""
    step = step_at(grammar, match.start())
    inner = step and edge(grammar, grammar.inner(step.end))
    if step is None or inner is None or not grammar.credible(inner, "before"):
        return None
    if step.way == "from":
        return _from_day(grammar, match.start(), step, inner)
    if step.low.number > 1 and not step.name and grammar.text.endswith("the ", 0, match.start()):
        return inner.mapped(partial(_stretch_beside, grammar, step), match.start(), "days")
    unit = step.name or step.low.unit
    unit = "day" if unit in WEEKDAYS or unit == "night" else unit
    unit = unit if unit in ("day", "weekend", "week", "month", "quarter", "year") else "days"
    return inner.mapped(partial(_next_to, grammar, step), match.start(), unit)


_EDGE = re.compile(r"(?:the )?(?:very )?(?P<edge>end|start|beginning) of ")


def edge(grammar: Grammar, found: Found | None) -> Found | None:
    """Return a phrase, or its last day for "the end of May": what is before the end of May counts back from there."""
    if found is None or (part := _EDGE.match(grammar.text, found.begin)) is None:
        return found

    def day(period: Period) -> Period:
        begin = period.end - periods.DAY if part["edge"] == "end" else period.start
        return periods.days(periods.midnight(begin), 1, period.yearly)

    return found.mapped(day, found.begin, "day")


_NEAR = re.compile(
    rf"(?:(?:this|next|coming|last) )?(?:{WEEKDAY}|today|tomorrow|yesterday|(?:the )?day after tomorrow)"
)


def _from_day(grammar: Grammar, begin: int, step: Step, inner: Found) -> Found | None:
    """A week from Friday. Only days near now count: from others on, it is how long something took."""
    if step.name or not _NEAR.fullmatch(grammar.text, inner.begin, inner.end):
        return None
    if inner.kind == "weekday":
        coming = grammar.seen_from(grammar.clock, ahead=True).phrase(inner.begin)
        inner = coming or inner
    return _days_from(grammar, begin, inner.end, step.low, step.high, inner.read)


def _stretch_beside(grammar: Grammar, step: Step, base: Period) -> Period:
    """Return all of "the two weeks before" a date."""
    edge = base.start if step.sign < 0 else base.end
    other = grammar.clock.moved(edge, step.low, step.sign)
    return Period(min(edge, other), max(edge, other), base.yearly)


def _next_to(grammar: Grammar, step: Step, base: Period) -> Period:
    """Return what lies so long before or after a period."""
    if step.name:
        return _named_next_to(base, step)
    low, high, sign = step.low, step.high, step.sign
    if low == high and low.unit in periods.MONTHS_OF and base.start.day == base.end.day == 1 and not low.halved:
        return _unit_next_to(grammar, step, base)
    if low == high and low.number == 1 and low.rest in (timedelta(), periods.UNITS[low.unit]) and not low.vague:
        edge = base.start if sign < 0 else base.end
        other = edge + sign * periods.UNITS[low.unit]
        return Period(min(edge, other), max(edge, other), base.yearly)
    anchor = base.start if sign < 0 else max(base.start, base.end - periods.DAY)
    return grammar.clock.around(anchor, low, high, sign)._replace(yearly=base.yearly)


def _unit_next_to(grammar: Grammar, step: Step, base: Period) -> Period:
    """Return the month, quarter or year that lies so many before or after whole months."""
    count = periods.MONTHS_OF[step.low.unit]
    if step.sign < 0:
        begin = grammar.clock.moved(base.start, step.low, -1)
    else:
        begin = grammar.clock.moved(base.end, step.low, 1)
        begin = periods.months(begin.year, begin.month - count).start
    return periods.months(begin.year, begin.month, count)._replace(yearly=base.yearly)


def _named_next_to(base: Period, step: Step) -> Period:
    """Return the weekend or the weekday before or after a period, or one further away.

    Christmas and Easter have three and four days here; what counts is the day itself.
    """
    if core := {3: 1, 4: 2}.get((base.end - base.start).days):
        base = periods.days(base.start + core * periods.DAY, 1, base.yearly)
    days, weekday = (2, 5) if step.name == "weekend" else (1, WEEKDAYS[step.name] - 1)
    if step.sign < 0:
        start = base.start - days * periods.DAY - (base.start.weekday() - days - weekday) % 7 * periods.DAY
    else:
        start = base.end + (weekday - base.end.weekday()) % 7 * periods.DAY
    return periods.days(start + step.sign * step.low.rest, days, base.yearly)
