"""This, last and next: weeks, months, summers, Fridays. Pure."""

import re
from datetime import datetime
from functools import partial

from .. import periods
from ..grammar import Found, Grammar, rule
from ..periods import Length, Period
from ..words import (
    DAY,
    FULL_MONTHS,
    HOLIDAY,
    MONTH,
    MONTHS,
    NUMBER,
    NUMBER_STARTS,
    SEASON,
    SEASONS,
    UNIT,
    UNITS,
    WEEKDAY,
    WEEKDAYS,
    either,
    number,
)
from .calendar import HOLIDAY_STARTS
from .common import CALENDAR_UNIT, ENDS, SPELT_DAY, THAT, THAT_STARTS, piece, rising
from .days import DAYS_SEP, MONTH_NAME, day_number
from .near import next_weekday


@rule(
    rf"(?P<that>{THAT}) (?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|{CALENDAR_UNIT}){ENDS}(?! of\b)",
    THAT_STARTS,
)
def _that(grammar: Grammar, match: re.Match[str]) -> Found:
    """This, last or next week, May, summer, Friday …"""
    return _turn(grammar, match, _step(match))


@rule(
    rf"(?P<that>{THAT}) (?P<month>{MONTH_NAME}) (?P<day>{DAY}|{SPELT_DAY})"
    rf"(?:{DAYS_SEP}(?P<last>{DAY}))?{ENDS}",
    THAT_STARTS,
)
def _that_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """Last May 5th, next June 3 to 5: the latest ones that are over, or the first to come."""
    month, first = MONTHS[match["month"].rstrip(".")], day_number(match["day"])
    last = day_number(match["last"] or match["day"])

    def of_year(year: int) -> Period:
        return rising(Period(datetime(year, month, first), datetime(year, month, last) + periods.DAY))

    unit = "days" if match["last"] else "day"
    return piece(match, unit, lambda: periods.turn(of_year, grammar.now, _step(match)))


def _step(match: re.Match[str]) -> int:
    return {"this": 0, "next": 1, "coming": 1, "this coming": 1}.get(match["that"], -1)


@rule(
    rf"(?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|{CALENDAR_UNIT}|night|day)"
    rf" (?P<way>before last|after next){ENDS}(?! {UNIT}\b| {WEEKDAY}\b| {MONTH}\b)",
    (*SEASONS, *FULL_MONTHS, *WEEKDAYS, *HOLIDAY_STARTS, *UNITS),
)
def _further(grammar: Grammar, match: re.Match[str]) -> Found:
    """The week before last, the summer after next …"""
    return _turn(grammar, match, -2 if match["way"] == "before last" else 2)


@rule(
    rf"(?P<count>{NUMBER}) (?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|weekend)(?:e?s)? "
    rf"(?P<way>ago|back|from now){ENDS}",
    (*NUMBER_STARTS, "0"),
)
def _turns_away(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Two Fridays, weekends or summers ago."""
    count = number(match["count"])
    if count != int(count) or count > 99:
        return None
    return _turn(grammar, match, int(count) * (1 if match["way"] == "from now" else -1))


def _turn(grammar: Grammar, match: re.Match[str], step: int) -> Found:
    name = match["name"]
    if name in WEEKDAYS:
        return piece(match, "day", partial(next_weekday, grammar, WEEKDAYS[name], step), kind="that weekday")
    if name == "night":
        reading = partial(periods.time_of_day, part="night")
        return piece(match, "time", lambda: reading(periods.days(grammar.today + step * periods.DAY)))
    if name in UNITS:
        return piece(match, name, partial(periods.unit_around, grammar.now, name, step))
    kind = "that name" if name in ("spring", "fall", "may", "march") and match.groupdict().get("that") else ""
    unit = "season" if name in SEASONS else "month" if name in MONTHS else "days"
    return piece(match, unit, lambda: periods.turn(partial(periods.named, name), grammar.now, step), kind=kind)


@rule(rf"the weekend{ENDS}", ("the",))
def _weekend(grammar: Grammar, match: re.Match[str]) -> Found:
    """The weekend of this week if it has begun or the question looks ahead, otherwise the last one."""
    step = 0 if grammar.ahead or grammar.today.weekday() >= 5 else -1
    return piece(match, "weekend", partial(periods.unit_around, grammar.now, "weekend", step), kind="weekend")


@rule(
    rf"(?:at )?(?:around |about )?(?:this|the same|same) (?P<what>time|day|date|week|weekend|month|quarter) "
    rf"(?P<that>last|next) (?P<unit>week|month|year|quarter|{WEEKDAY}){ENDS}",
    ("this", "the", "same", "at", "around", "about"),
)
def _this_time(grammar: Grammar, match: re.Match[str]) -> Found:
    """This time last year, the same day last week, this week last year."""
    what, unit, sign = match["what"], match["unit"], 1 if match["that"] == "next" else -1
    if unit not in UNITS:
        return piece(match, "day", partial(next_weekday, grammar, WEEKDAYS[unit], sign))
    length = Length.of("one", unit)

    def read() -> Period:
        middle = grammar.clock.moved(grammar.now, length, sign)
        if what != "time" or unit == "week":
            return periods.unit_around(middle, what if what in UNITS else "day")
        half = (periods.WEEK if unit == "month" else periods.MONTH) / 2
        return Period(middle - half, middle + half)

    return piece(match, "days", read)


@rule(rf"(?P<way>earlier|later) (?:in )?(?P<unit>this (?:week|month|quarter|year)|today){ENDS}", ("earlier", "later"))
def _so_far(grammar: Grammar, match: re.Match[str]) -> Found:
    """Earlier this week: from its beginning up to now; later this week: from now to its end."""

    def read() -> Period:
        unit = match["unit"].removeprefix("this ").replace("today", "day")
        whole = periods.unit_around(grammar.now, unit)
        return Period(whole.start, grammar.now) if match["way"] == "earlier" else Period(grammar.now, whole.end)

    return piece(match, "days", lambda: rising(read()))
