"""A part of a period, and one of several: early May, the first week of August. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace

from .. import periods
from ..grammar import Found, Grammar, rule, smaller
from ..periods import Period
from ..words import NUMBER, ORDINAL, ORDINAL_STARTS, PARTS, UNIT, UNITS, WEEKDAY, WEEKDAYS, either, number, ordinal
from .common import ENDS, THE

_THE_UNIT = re.compile(
    rf"(?P<unit>week|weekend|month|quarter|year|decade|century){ENDS}(?! (?:of|before|after|that|when|i|we)\b)"
)


def _of_whole(
    grammar: Grammar, match: re.Match[str], change: Callable[[Period], Period], unit: str, least: str
) -> Found | None:
    """Return a part of the phrase that follows, or of "the month", if that is longer than ``least``."""
    if inner := grammar.inner(match.end()):
        return inner.mapped(change, match.start(), unit) if smaller(least, inner.unit) else None
    the = _THE_UNIT.match(grammar.text, match.end()) if match[0].endswith(" the ") else None
    if the is None or not smaller(least, the["unit"]):
        return None

    def read() -> Period:
        found = change(periods.unit_around(grammar.now, the["unit"]))
        if grammar.back and found.start > grammar.now:
            return change(periods.unit_around(grammar.now, the["unit"], -1))
        if grammar.ahead and found.end <= grammar.now:
            return change(periods.unit_around(grammar.now, the["unit"], 1))
        return found

    return Found(match.start(), the.end(), unit, read, kind="the unit")


_LONG_PARTS = either(name for name in PARTS if name not in ("early", "mid", "late"))


@rule(
    rf"(?:(?P<first>early|mid|late)(?:(?: to |-to-| or |/)(?P<last>mid|late))?(?:,? (?:in|of) |[ -])"
    rf"|(?:very )?(?P<name>{_LONG_PARTS}) (?:of|in) ){THE}",
    {name.split()[0].replace("1st", "0").replace("2nd", "0") for name in (*PARTS, "very")},
)
def _part(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Early, in the middle, at the end of a week, a month, a summer, a year."""
    first, last = PARTS[match["first"] or match["name"]], PARTS[match["last"] or match["first"] or match["name"]]
    least = "day" if match["name"] else "days"  # "late Christmas" is not a date
    found = _of_whole(grammar, match, lambda period: periods.share(period, first[0], last[1]), "days", least)
    if found is not None or match["name"]:
        return found
    inner = grammar.inner(match.end())  # "late yesterday", "early on Friday": the day is near enough
    return inner and replace(inner, begin=match.start())


@rule(
    rf"(?P<nth>{ORDINAL}) (?:(?P<count>{NUMBER}) )?(?P<unit>{UNIT}|{WEEKDAY})s? (?:of|in) {THE}",
    (*ORDINAL_STARTS, "0"),
)
def _nth(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """The first week of August, the last weekend in May, the first three days of the month."""
    place, name = ordinal(match["nth"]), match["unit"]
    if name in WEEKDAYS and not match["count"]:
        return _of_whole(grammar, match, lambda whole: periods.weekday_in(whole, WEEKDAYS[name], place), "day", "day")
    unit = UNITS.get(name, name)
    count = int(number(match["count"])) if match["count"] else 1
    if unit not in ("day", "night", "weekend", "week", "month", "quarter", "year", "decade") or count < 1:
        return None
    unit = "day" if unit == "night" else unit
    size = unit if count == 1 else "days"
    return _of_whole(grammar, match, lambda whole: periods.units_in(whole, place, unit, count), size, unit)


@rule(rf"(?P<unit>week|weekend|month|year|day) (?P<way>of) {THE}", ("week", "weekend", "month", "year", "day"))
@rule(rf"(?<=the )(?P<unit>week) (?P<way>ending|beginning|starting|commencing)(?: on)? {THE}", ("week",))
def _around(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """The week or the weekend of a day; the month of May."""
    unit, way, inner = match["unit"], match["way"], grammar.inner(match.end())
    if inner is None:
        return None
    if way == "of" and unit == inner.unit:
        return replace(inner, begin=match.start(), kind="")
    if unit == "weekend" and inner.unit == "week":
        return inner.mapped(periods.weekend, match.start(), unit)
    if unit not in ("week", "weekend") or inner.unit not in ("day", "days"):
        return None

    def around(day: Period) -> Period:
        if way != "of":
            return periods.days(day.end - periods.WEEK if way == "ending" else day.start, 7, day.yearly)
        found = periods.week(day.start)
        return (found if unit == "week" else periods.weekend(found))._replace(yearly=day.yearly)

    return inner.mapped(around, match.start(), unit)
