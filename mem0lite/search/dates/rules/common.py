"""What the rules share: patterns, and periods that come every year. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .. import periods
from ..grammar import Found, Grammar
from ..periods import Period
from ..words import SPELT_ORDINALS, either

ENDS = r"(?![\w%])(?![./:-]\d)"
THE = "(?:the (?!last |past ))?"
THAT = "(?:this past|this coming|this|last|past|previous|next|coming)"
THAT_STARTS = ("this", "last", "past", "previous", "next", "coming")
CALENDAR_UNIT = "(?:weekend|week|month|quarter|year|decade|century)"
SPELT_DAY = either(name for name, place in SPELT_ORDINALS.items() if place <= 31)


def piece(
    match: re.Match[str],
    unit: str,
    read: Callable[[], Period],
    needs: str = "",
    within: Callable[[Period], Period] | None = None,
    kind: str = "",
) -> Found:
    """Return the piece that a match is; the other arguments are fields of Found."""
    return Found(match.start(), match.end(), unit, read, needs, within, kind)


def yearly(
    grammar: Grammar, of_year: Callable[[int], Period], match: re.Match[str], unit: str, kind: str = ""
) -> Found:
    """Return a period that comes every year: the latest one, or the next if the question looks ahead."""

    def read() -> Period:
        found = [period for year in _years(grammar.now.year) if (period := _if_any(of_year, year))]
        if grammar.ahead:
            found = [period for period in found if period.end > grammar.today][:1]
        else:
            found = [period for period in found if period.start <= grammar.now][-1:]
        if not found:
            raise ValueError(match[0])
        return found[0]._replace(yearly=True)

    return piece(match, unit, read, "year", lambda year: of_year(year.start.year), kind)


def _years(year: int) -> range:
    return range(max(year - 8, 1), min(year + 9, 9999))  # the eighth may be the next with a 29 February


def _if_any(of_year: Callable[[int], Period], year: int) -> Period | None:
    try:
        return of_year(year)
    except ValueError:  # no 29 February
        return None


def in_year(grammar: Grammar, of_year: Callable[[int], Period], match: re.Match[str], unit: str) -> Found:
    """Return a period that comes every year, in the year that is named with it."""
    year = partial(periods.months, int(match["year"]), 1, 12)
    return replace(
        yearly(grammar, of_year, match, unit),
        needs="",
        within=None,
        read=partial(of_year, int(match["year"])),
        inside=("year", year),
    )


def no_date() -> Period:
    """Raise ValueError: the reading of what says no date by itself."""
    raise ValueError("no date by itself")


def rising(period: Period) -> Period:
    """Return a period; raise ValueError if it ends before it begins."""
    if period.start >= period.end:
        raise ValueError("ends before it begins")
    return period
