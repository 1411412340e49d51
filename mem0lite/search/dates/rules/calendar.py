"""Months, seasons, holidays, years, decades, quarters and numbered weeks. Pure."""

import re
from dataclasses import replace
from functools import partial

from .. import periods
from ..grammar import Found, Grammar, rule
from ..periods import Period
from ..words import (
    FULL_MONTHS,
    HOLIDAY,
    HOLIDAYS,
    MONTH,
    MONTHS,
    MOVING_HOLIDAYS,
    PARTS,
    SEASON,
    SEASONS,
    YEAR,
    either,
    ordinal,
)
from .common import ENDS, in_year, piece, rising, yearly

_DOUBTFUL_MONTHS = {"may", "march", "april", "june", "august"}


@rule(rf"(?P<name>{either(FULL_MONTHS)}|(?:{MONTH})\b\.?){ENDS}", MONTHS)
def _month(grammar: Grammar, match: re.Match[str]) -> Found:
    name = match["name"].rstrip(".")
    kind = "name" if name in _DOUBTFUL_MONTHS else "month" if name in FULL_MONTHS else "period"
    return yearly(grammar, partial(periods.named, name), match, "month", kind)


@rule(rf"(?P<name>{SEASON}){ENDS}", SEASONS)
def _season(grammar: Grammar, match: re.Match[str]) -> Found:
    kind = "spring" if match["name"] in ("spring", "fall") else "period"
    return yearly(grammar, partial(periods.named, match["name"]), match, "season", kind)


HOLIDAY_STARTS = {re.split("[ ']", name)[0] for name in (*HOLIDAYS, *MOVING_HOLIDAYS)}


@rule(rf"(?P<name>{HOLIDAY}){ENDS}", HOLIDAY_STARTS)
def _holiday(grammar: Grammar, match: re.Match[str]) -> Found:
    return yearly(grammar, partial(periods.named, match["name"]), match, "days", "period")


COUNTED = (
    " (?:words?|steps|dollars|euros|pounds|people|miles|km|met(?:er|re)s|calories|points|items|copies|pieces|pages"
    r"|lines|tokens|hours|minutes|seconds|days|weeks|months|years|times|users)\b"
)
"""What follows a number that is not a year."""


@rule(rf"(?:year )?(?P<year>{YEAR})(?!{COUNTED}){ENDS}", ("0", "year"))
def _year(_: Grammar, match: re.Match[str]) -> Found:
    return piece(match, "year", partial(periods.months, int(match["year"]), 1, 12), kind="year")


@rule(rf"(?P<first>{YEAR}) ?[-–] ?(?P<last>{YEAR}){ENDS}", "0")
def _years_range(_: Grammar, match: re.Match[str]) -> Found:
    first, last = int(match["first"]), int(match["last"])
    return piece(match, "decade", lambda: rising(periods.months(first, 1, 12 * (last + 1 - first))))


@rule(rf"(?P<first>{YEAR})[/–](?P<last>{YEAR}|\d\d){ENDS}", "0")
def _season_years(_: Grammar, match: re.Match[str]) -> Found | None:
    """2021/22: the two years of one season."""
    first, last = int(match["first"]), match["last"]
    if str(first + 1)[-len(last) :] != last:
        return None
    return piece(match, "year", partial(periods.months, first, 1, 24), kind="year")


@rule(rf"the (?:(?P<part>early|mid|late)[ -])?(?P<year>(?:19|20)\d0)s{ENDS}", ("the",))
def _decade(_: Grammar, match: re.Match[str]) -> Found:
    share = PARTS[match["part"]] if match["part"] else (0, 1)
    return piece(
        match, "decade", lambda: periods.share(periods.months(int(match["year"]), 1, 120), *share), kind="period"
    )


@rule(rf"(?P<what>[qh])(?P<number>[1-4])(?:(?: of)? ?(?P<year>{YEAR}))?{ENDS}", ("q", "h"))
@rule(rf"(?P<year>{YEAR})[ -]?(?P<what>[qh])(?P<number>[1-4]){ENDS}", "0")
@rule(rf"(?P<number>[1-4])(?P<what>[qh])(?: of)? (?P<year>{YEAR}){ENDS}", "0")
@rule(
    rf"(?P<nth>first|second|third|fourth|last|1st|2nd|3rd|4th) (?P<what>quarter)(?: (?P<year>{YEAR}))?{ENDS}",
    ("first", "second", "third", "fourth", "0"),
)
def _quarter(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """A quarter or a half of a year by its number."""
    given = match.groupdict()
    place = ordinal(given["nth"]) % 5 if given.get("nth") else int(given["number"])
    unit, width = ("half", 6) if given["what"] == "h" else ("quarter", 3)
    if place * width > 12:
        return None

    def of_year(year: int) -> Period:
        return periods.months(year, place * width - width + 1, width)

    if given["year"]:
        return in_year(grammar, of_year, match, unit)
    found = yearly(grammar, of_year, match, unit, "quarter")
    return replace(found, alone=not given.get("nth"))


@rule(
    rf"(?P<sure>(?:calendar|iso) week|kw|cw) ?(?P<week>\d\d?)(?:[ /,]{1, 2}(?P<year>{YEAR}))?{ENDS}",
    ("calendar", "iso", "kw", "cw"),
)
@rule(rf"(?P<sure>)(?:week|w)(?: number)? ?(?P<week>\d\d?)(?:[ /,]{1, 2}(?P<year>{YEAR}))?{ENDS}", ("week", "w"))
@rule(rf"(?P<sure>)(?P<year>{YEAR})[ -]?w(?P<week>\d\d?){ENDS}", "0")
def _numbered_week(grammar: Grammar, match: re.Match[str]) -> Found:
    """A week by its number, which without a year counts the weeks of something else too ("week 3 of the course")."""

    def of_year(year: int) -> Period:
        return periods.iso_week(year, int(match["week"]))

    if match["year"]:
        return in_year(grammar, of_year, match, "week")
    found = yearly(grammar, of_year, match, "week", "quarter")
    return replace(found, alone=bool(match["sure"]))
