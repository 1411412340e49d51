"""The rules by which the pieces of a date are read. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from . import periods
from .grammar import Found, Grammar, rule, smaller
from .periods import Length, Period
from .words import (
    DAY,
    FOREIGN_MONTH,
    FOREIGN_MONTHS,
    FOREIGN_PARTS,
    FOREIGN_WAYS,
    FULL_MONTHS,
    HOLIDAY,
    HOLIDAYS,
    MONTH,
    MONTHS,
    MOVING_HOLIDAYS,
    NUMBER,
    NUMBER_STARTS,
    ORDINAL,
    ORDINAL_STARTS,
    PARTS,
    SEASON,
    SEASONS,
    SHORT_FOREIGN_MONTHS,
    SHORT_WEEKDAYS,
    SPELT_ORDINALS,
    TIME_OF_DAY,
    TIMES_OF_DAY,
    UNIT,
    UNITS,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
    either,
    number,
    ordinal,
)

_ENDS = r"(?![\w%])(?![./:-]\d)"
_THE = "(?:the (?!last |past ))?"
_THAT = "(?:this past|this coming|this|last|past|previous|next|coming)"
_THAT_STARTS = ("this", "last", "past", "previous", "next", "coming")
_CALENDAR_UNIT = "(?:weekend|week|month|quarter|year|decade|century)"
_SPELT_DAY = either(name for name, place in SPELT_ORDINALS.items() if place <= 31)
_ON = re.compile(
    rf"(?:^|[^\w])(?:on|from|since|until|till|by|before|after|for|between|{either(FOREIGN_WAYS)}"
    r"|(?:between|from) (?:19|20)\d{6} (?:and|to|until|till|through)) ?(?:the )?$"
)


def _piece(
    match: re.Match[str],
    unit: str,
    read: Callable[[], Period],
    needs: str = "",
    within: Callable[[Period], Period] | None = None,
    kind: str = "",
) -> Found:
    return Found(match.start(), match.end(), unit, read, needs, within, kind)


def _yearly(
    grammar: Grammar, of_year: Callable[[int], Period], match: re.Match[str], unit: str, kind: str = ""
) -> Found:
    """Return what comes every year: the latest, or the first that is to come."""

    def read() -> Period:
        found = [period for year in _years(grammar.now.year) if (period := _if_any(of_year, year))]
        if grammar.ahead:
            found = [period for period in found if period.end > grammar.today][:1]
        else:
            found = [period for period in found if period.start <= grammar.now][-1:]
        if not found:
            raise ValueError(match[0])
        return found[0]._replace(yearly=True)

    return _piece(match, unit, read, "year", lambda year: of_year(year.start.year), kind)


def _years(year: int) -> range:
    return range(max(year - 8, 1), min(year + 9, 9999))  # the eighth may be the next with a 29 February


def _if_any(of_year: Callable[[int], Period], year: int) -> Period | None:
    try:
        return of_year(year)
    except ValueError:  # no 29 February
        return None


def _in_year(grammar: Grammar, of_year: Callable[[int], Period], match: re.Match[str], unit: str) -> Found:
    """Return what comes every year in the year that is named with it."""
    year = partial(periods.months, int(match["year"]), 1, 12)
    return replace(
        _yearly(grammar, of_year, match, unit),
        needs="",
        within=None,
        read=partial(of_year, int(match["year"])),
        inside=("year", year),
    )


def _no_date() -> Period:
    raise ValueError("no date by itself")


# ---- Months, seasons, holidays, years ----------------------------------------------------------------------------
_DOUBTFUL_MONTHS = {"may", "march", "april", "june", "august"}


@rule(rf"(?P<name>{either(FULL_MONTHS)}|(?:{MONTH})\b\.?){_ENDS}", MONTHS)
def _month(grammar: Grammar, match: re.Match[str]) -> Found:
    name = match["name"].rstrip(".")
    kind = "name" if name in _DOUBTFUL_MONTHS else "month" if name in FULL_MONTHS else "period"
    return _yearly(grammar, partial(periods.named, name), match, "month", kind)


@rule(rf"(?P<name>{SEASON}){_ENDS}", SEASONS)
def _season(grammar: Grammar, match: re.Match[str]) -> Found:
    kind = "spring" if match["name"] in ("spring", "fall") else "period"
    return _yearly(grammar, partial(periods.named, match["name"]), match, "season", kind)


_HOLIDAY_STARTS = {re.split("[ ']", name)[0] for name in (*HOLIDAYS, *MOVING_HOLIDAYS)}


@rule(rf"(?P<name>{HOLIDAY}){_ENDS}", _HOLIDAY_STARTS)
def _holiday(grammar: Grammar, match: re.Match[str]) -> Found:
    return _yearly(grammar, partial(periods.named, match["name"]), match, "days", "period")


COUNTED = (
    " (?:words?|steps|dollars|euros|pounds|people|miles|km|met(?:er|re)s|calories|points|items|copies|pieces|pages"
    r"|lines|tokens|hours|minutes|seconds|days|weeks|months|years|times|users)\b"
)
"""After a number that is of no year."""


@rule(rf"(?:year )?(?P<year>{YEAR})(?!{COUNTED}){_ENDS}", ("0", "year"))
def _year(_: Grammar, match: re.Match[str]) -> Found:
    return _piece(match, "year", partial(periods.months, int(match["year"]), 1, 12), kind="year")


@rule(rf"(?P<first>{YEAR}) ?[-–] ?(?P<last>{YEAR}){_ENDS}", "0")
def _years_range(_: Grammar, match: re.Match[str]) -> Found:
    first, last = int(match["first"]), int(match["last"])
    return _piece(match, "decade", lambda: _rising(periods.months(first, 1, 12 * (last + 1 - first))))


@rule(rf"(?P<first>{YEAR})[/–](?P<last>{YEAR}|\d\d){_ENDS}", "0")
def _season_years(_: Grammar, match: re.Match[str]) -> Found | None:
    """2021/22: the two years of one season, of which a winter has the first."""
    first, last = int(match["first"]), match["last"]
    if str(first + 1)[-len(last) :] != last:
        return None
    return _piece(match, "year", partial(periods.months, first, 1, 24), kind="year")


def _rising(period: Period) -> Period:
    if period.start >= period.end:
        raise ValueError("ends before it begins")
    return period


@rule(rf"the (?:(?P<part>early|mid|late)[ -])?(?P<year>(?:19|20)\d0)s{_ENDS}", ("the",))
def _decade(_: Grammar, match: re.Match[str]) -> Found:
    share = PARTS[match["part"]] if match["part"] else (0, 1)
    return _piece(
        match, "decade", lambda: periods.share(periods.months(int(match["year"]), 1, 120), *share), kind="period"
    )


@rule(rf"(?P<what>[qh])(?P<number>[1-4])(?:(?: of)? ?(?P<year>{YEAR}))?{_ENDS}", ("q", "h"))
@rule(rf"(?P<year>{YEAR})[ -]?(?P<what>[qh])(?P<number>[1-4]){_ENDS}", "0")
@rule(rf"(?P<number>[1-4])(?P<what>[qh])(?: of)? (?P<year>{YEAR}){_ENDS}", "0")
@rule(
    rf"(?P<nth>first|second|third|fourth|last|1st|2nd|3rd|4th) (?P<what>quarter)(?: (?P<year>{YEAR}))?{_ENDS}",
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
        return _in_year(grammar, of_year, match, unit)
    found = _yearly(grammar, of_year, match, unit, "quarter")
    return replace(found, alone=not given.get("nth"))


@rule(
    rf"(?P<sure>(?:calendar|iso) week|kw|cw) ?(?P<week>\d\d?)(?:[ /,]{1, 2}(?P<year>{YEAR}))?{_ENDS}",
    ("calendar", "iso", "kw", "cw"),
)
@rule(rf"(?P<sure>)(?:week|w)(?: number)? ?(?P<week>\d\d?)(?:[ /,]{1, 2}(?P<year>{YEAR}))?{_ENDS}", ("week", "w"))
@rule(rf"(?P<sure>)(?P<year>{YEAR})[ -]?w(?P<week>\d\d?){_ENDS}", "0")
def _numbered_week(grammar: Grammar, match: re.Match[str]) -> Found:
    """A week by its number, which without a year counts the weeks of something else too ("week 3 of the course")."""

    def of_year(year: int) -> Period:
        return periods.iso_week(year, int(match["week"]))

    if match["year"]:
        return _in_year(grammar, of_year, match, "week")
    found = _yearly(grammar, of_year, match, "week", "quarter")
    return replace(found, alone=bool(match["sure"]))


# ---- Days --------------------------------------------------------------------------------------------------------
_MONTH_SHORT_OR_FULL = rf"(?:{either(FULL_MONTHS)}|{MONTH}\b\.?)"
_DAYS_SEP = r"(?:(?: ?, ?\d\d?(?:st|nd|rd|th)?){0,8},? ?(?:-|–|&|to|and|or|until|till|through|thru) ?(?:the )?)"


@rule(rf"(?P<day>{DAY}) (?:of )?(?P<month>{_MONTH_SHORT_OR_FULL}){_ENDS}", "0")
@rule(rf"(?P<month>{_MONTH_SHORT_OR_FULL}) (?:the )?(?P<day>{DAY}){_ENDS}", MONTHS)
@rule(rf"(?P<month>{_MONTH_SHORT_OR_FULL}) (?:the )?(?P<day>{_SPELT_DAY}){_ENDS}(?! (?:of|in)\b| {UNIT}\b)", MONTHS)
@rule(rf"(?P<day>{_SPELT_DAY}) (?:of )?(?P<month>{_MONTH_SHORT_OR_FULL}){_ENDS}", ORDINAL_STARTS)
@rule(rf"(?P<day>{DAY}){_DAYS_SEP}(?P<last>{DAY}) (?:of )?(?P<month>{_MONTH_SHORT_OR_FULL}){_ENDS}", "0")
@rule(rf"(?P<month>{_MONTH_SHORT_OR_FULL}) (?:the )?(?P<day>{DAY}){_DAYS_SEP}(?P<last>{DAY}){_ENDS}", MONTHS)
def _written_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """7 May, May 7th, the seventh of May, and several days of a month."""
    given = match.groupdict()
    name = given["month"].rstrip(".")
    first = _day_number(given["day"])
    last = _day_number(given["last"]) if given.get("last") else first

    def of_year(year: int) -> Period:
        return Period(datetime(year, MONTHS[name], first), datetime(year, MONTHS[name], last) + periods.DAY)

    if last < first:
        return _piece(match, "days", _no_date)
    kind = "may day" if name in ("may", "march", "mar") else ""
    return _yearly(grammar, of_year, match, "days" if given.get("last") else "day", kind)


def _day_number(words: str) -> int:
    return int(re.sub(r"\D", "", words)) if words[0].isdecimal() else SPELT_ORDINALS[words]


@rule(rf"(?P<day>\d\d?)[-/](?P<month>{MONTH})[-/](?P<year>{YEAR}|\d\d){_ENDS}", "0")
def _dashed_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """8-May-2023."""
    year, month = _year_of(grammar, match["year"]), MONTHS[match["month"]]
    return _piece(match, "day", lambda: periods.days(datetime(year, month, int(match["day"]))))


_CLOCK = r"(?P<clock>t\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:z|[+-]\d\d(?::?\d\d)?)?)?"


@rule(rf"(?P<year>{YEAR})(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?){_CLOCK}{_ENDS}", "0")
def _iso_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """A day, year first; of an instant with its zone the day it is on the asker's clock."""
    day = partial(datetime, int(match["year"]), int(match["month"]), int(match["day"]))

    def read() -> Period:
        if match["clock"] and match["sep"] == "-":
            instant = datetime.fromisoformat(match[0].upper())
            if instant.tzinfo is not None:
                return periods.days(periods.midnight(grammar.clock.local(instant)))
        return periods.days(day())

    return _piece(match, "day", read)


@rule(rf"(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d){_ENDS}", "0")
def _compact_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """20230508: a number of eight digits, which is a day only where it can be none else."""
    if not _ON.search(grammar.text[max(0, match.start() - 30) : match.start()]) or _names_a_number(grammar, match):
        return None
    return _piece(
        match, "day", lambda: periods.days(datetime(int(match["year"]), int(match["month"]), int(match["day"])))
    )


_NUMBERED = re.compile(
    r"\b(?:v|versions?|releases?|release[sd]|builds?|built|python|node|php|ruby|java|django|postgres(?:ql)?|mysql|ubuntu"
    r"|debian|android|ios|macos|windows|kernel|linux|runs?|running|ran|based|depends?|orders?|tickets?|invoices?|ids?"
    r"|numbers?|no\.?|nr\.?|phones?|call(?:s|ed)? me|dial(?:led)?|codes?|pins?|ports?|ip|accounts?|cases?|parts?|refs?"
    r"|references?|isbn|sku|serial|commits?|issues?|tracking|customers?|items?|sections?|chapters?|rooms?|rated?|score[sd]?"
    r"|grades?)[:#]?(?: (?:is|was|no\.?|nr\.?|number|id|on|at|of|from|for|by|since|before|after|until))* ?#?$"
)


def _names_a_number(grammar: Grammar, match: re.Match[str]) -> bool:
    """True where the words before a number say that it is another than a date's."""
    return _NUMBERED.search(grammar.text[max(0, match.start() - 40) : match.start()]) is not None


@rule(rf"(?P<day>\d\d?)\. ?(?P<month>\d\d?)\. ?(?P<year>{YEAR}){_ENDS}", "0")
@rule(rf"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d\d)?(?![.\d]){_ENDS}", "0")
def _dotted_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """With dots the day comes first wherever they are used."""
    if _names_a_number(grammar, match):
        return None
    day, month = int(match["day"]), int(match["month"])
    if not match["year"]:
        sentence_ends = not grammar.text[match.end() :].strip()
        return _yearly(
            grammar,
            lambda year: periods.days(datetime(year, month, day)),
            match,
            "day",
            "dots at the end" if sentence_ends else "dots",
        )
    year = _year_of(grammar, match["year"])
    certain = len(match["year"]) == 4 or len(match["day"]) + len(match["month"]) == 4
    return _piece(match, "day", lambda: periods.days(datetime(year, month, day)), kind="" if certain else "dots")


def _year_of(grammar: Grammar, digits: str) -> int:
    """Return the year that two digits mean: of this century up to ten years from now, else of the last."""
    year = int(digits)
    if len(digits) == 2:
        year += grammar.now.year // 100 * 100
        year -= 100 * (year > grammar.now.year + 10)
    return year


@rule(rf"(?P<first>\d\d?)/(?P<second>\d\d?)(?:/(?P<year>{YEAR}|\d\d(?!\d)))?(?![/\d]){_ENDS}", "0")
@rule(rf"(?P<first>\d\d?)-(?P<second>\d\d?)-(?P<year>{YEAR}){_ENDS}", "0")
def _slashed_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """With slashes and dashes the month comes first, as in English, unless a word before it is of another language."""
    month, day = int(match["first"]), int(match["second"])
    if month > 12 or _foreign_way(grammar, match.start()) is not None:
        month, day = day, month
    if match["year"]:
        year = _year_of(grammar, match["year"])
        return _piece(match, "day", lambda: periods.days(datetime(year, month, day)))
    return _yearly(grammar, lambda year: periods.days(datetime(year, month, day)), match, "day", "slash")


@rule(rf"(?P<year>{YEAR})[-/](?P<month>0[1-9]|1[0-2]){_ENDS}", "0")
@rule(rf"(?P<month>0?[1-9]|1[0-2])[./](?P<year>{YEAR}){_ENDS}", "0")
def _numeric_month(_: Grammar, match: re.Match[str]) -> Found:
    return _piece(match, "month", partial(periods.months, int(match["year"]), int(match["month"])), kind="numbers")


_FOREIGN_BEFORE = re.compile(
    rf"(?:^|[^\w'])(?P<way>{either(FOREIGN_WAYS)})(?: (?:dem|den|zum|le|el|il|al|del|o|a|em|de|op|en met))? ?$"
)
_SEP = r"(?: ?[-–/] ?| (?:bis(?: zum)?|au|al|a|ao|até|tot(?: en met)?|t/m|und|et|y|e|en)(?: (?:le|el|il|dem|den|o))? )"


@rule(
    rf"(?:(?P<first>\d\d?)(?:\.|er|º|°)?{_SEP})?(?P<day>\d\d?)(?:\.|er|º|°)? ?(?:de |di |dem )?"
    rf"(?P<month>{FOREIGN_MONTH}|{either(SHORT_FOREIGN_MONTHS)})\.?(?:,? (?:de |del )?(?P<year>{YEAR}))?{_ENDS}",
    "0",
)
def _foreign_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """A date written out in German, French, Spanish, Italian, Portuguese or Dutch."""
    full = match["month"] in FOREIGN_MONTHS
    if not match["year"] and (not full or _foreign_way(grammar, match.start()) is None):
        return None
    month = (FOREIGN_MONTHS if full else SHORT_FOREIGN_MONTHS)[match["month"]]
    last = int(match["day"])
    first = int(match["first"] or last)

    def of_year(year: int) -> Period:
        return _rising(Period(datetime(year, month, first), datetime(year, month, last) + periods.DAY))

    unit = "days" if match["first"] else "day"
    if match["year"]:
        return _in_year(grammar, of_year, match, unit)
    return _yearly(grammar, of_year, match, unit)


@rule(rf"(?P<month>{FOREIGN_MONTH})(?: (?:de |del )?(?P<year>{YEAR})){_ENDS}", FOREIGN_MONTHS)
def _foreign_month(_: Grammar, match: re.Match[str]) -> Found:
    return _piece(match, "month", partial(periods.months, int(match["year"]), FOREIGN_MONTHS[match["month"]]))


@rule(rf"(?P<part>{either(FOREIGN_PARTS)})[ -](?:de |del |di |do |van )?(?={FOREIGN_MONTH}\b)", FOREIGN_PARTS)
def _foreign_part(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Anfang Mai 2023, fin mai 2023, a mediados de mayo de 2023."""
    share = PARTS[FOREIGN_PARTS[match["part"]]]
    inner = grammar.inner(match.end())
    return inner and inner.mapped(lambda whole: periods.share(whole, *share), match.start(), "days")


def _foreign_way(grammar: Grammar, begin: int) -> str | None:
    """Return what the word of another language before a date says: which way, "" that it is one; None for none."""
    return foreign_way(grammar.text[:begin])


def foreign_way(before: str) -> str | None:
    """Return which way the word of another language at the end of a text points; "" for one that only says a date."""
    found = _FOREIGN_BEFORE.search(before[-30:])
    return FOREIGN_WAYS[found["way"]] if found else None


_NOT_ONE = r"(?<!every )(?<!each )(?<!any )(?<!good )(?<!black )(?<!man )(?<!other )(?<!that )"


@rule(rf"{_NOT_ONE}(?P<name>{WEEKDAY}|{either(SHORT_WEEKDAYS)}\b\.?){_ENDS}", (*WEEKDAYS, *SHORT_WEEKDAYS))
def _weekday(grammar: Grammar, match: re.Match[str]) -> Found:
    name = match["name"].rstrip(".")
    weekday = WEEKDAYS.get(name) or SHORT_WEEKDAYS[name]
    kind = "weekday" if name in WEEKDAYS else "short weekday"
    step = 1 if grammar.ahead else -1
    return _piece(
        match,
        "day",
        lambda: _next_weekday(grammar, weekday, step),
        "week",
        lambda whole: periods.weekday_in(whole, weekday, 1),
        kind,
    )


def _next_weekday(grammar: Grammar, weekday: int, step: int) -> Period:
    """Return the latest of a weekday before today, this week's, or the first after it; ±2 is a week further."""
    this = weekday - 1 - grammar.today.weekday()
    days = {0: this, 1: this % 7 or 7}.get(1 if step > 0 else step, this % 7 - 7)
    weeks = step - 1 if step > 1 else step + 1 if step < -1 else 0
    return periods.days(grammar.today + days * periods.DAY + weeks * periods.WEEK)


@rule(
    rf"(?P<day>day before yesterday|day after tomorrow|yesterday|today|tomorrow){_ENDS}",
    ("day", "yesterday", "today", "tomorrow"),
)
def _near_day(grammar: Grammar, match: re.Match[str]) -> Found:
    step = {"day before yesterday": -2, "yesterday": -1, "tomorrow": 1, "day after tomorrow": 2}.get(match["day"], 0)
    return _piece(match, "day", lambda: periods.days(grammar.today + step * periods.DAY))


@rule(rf"(?P<step>tonight|(?<!the )last night|this (?P<part>{TIME_OF_DAY}))(?! of){_ENDS}", ("tonight", "last", "this"))
def _near_time(grammar: Grammar, match: re.Match[str]) -> Found:
    step = -1 if match["step"] == "last night" else 0
    day = periods.days
    return _piece(
        match, "time", lambda: periods.time_of_day(day(grammar.today + step * periods.DAY), match["part"] or "night")
    )


@rule(rf"(?:early |late )?(?P<part>{TIME_OF_DAY}){_ENDS}", (*TIMES_OF_DAY, "early", "late"))
def _part_of_day(_: Grammar, match: re.Match[str]) -> Found:
    """A part of a day that is named beside it."""
    return _time(match, lambda day: periods.time_of_day(day, match["part"]))


@rule(
    rf"(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::\d\d)?)?(?P<half> ?(?:am|pm|a\.m\.|p\.m\.|o'clock)| h\b| uhr\b)?{_ENDS}",
    "0",
)
@rule(rf"(?P<hour>noon|midday|midnight){_ENDS}", ("noon", "midday", "midnight"))
def _hour(_: Grammar, match: re.Match[str]) -> Found | None:
    """An hour of a day that is named beside it."""
    given = match.groupdict()
    if not given["hour"][0].isdecimal():
        hour, minute = (0 if given["hour"] == "midnight" else 12), 0
    elif not given["half"] and not given["minute"]:
        return None
    else:
        hour, minute, half = int(given["hour"]), int(given["minute"] or 0), (given["half"] or "").strip()
        if half[:1] in ("a", "p"):
            hour = hour % 12 + 12 * (half[0] == "p") if 1 <= hour <= 12 else 99
    if hour > 23 or minute > 59:
        return None
    start = timedelta(hours=hour, minutes=minute)
    return _time(match, lambda day: Period(day.start + start, day.start + start + timedelta(hours=1), day.yearly))


def _time(match: re.Match[str], within: Callable[[Period], Period]) -> Found:
    return replace(_piece(match, "time", _no_date, "day", within), alone=False)


@rule(rf"the (?P<day>{_SPELT_DAY}){_ENDS}(?= of (?:this|last|next|the previous|the) month\b)", ("the",))
@rule(rf"the (?P<day>\d\d?)(?:st|nd|rd|th)(?: of the month)?{_ENDS}", ("the",))
@rule(rf"(?P<day>\d\d?)(?:st|nd|rd|th){_ENDS}(?= of (?:this|last|next|the previous) month)", "0")
def _day_of_month(grammar: Grammar, match: re.Match[str]) -> Found:
    day = _day_number(match["day"])

    def read() -> Period:
        step = 0 if (day > grammar.today.day) == grammar.ahead else 1 if grammar.ahead else -1
        return of_month(periods.unit_around(grammar.now, "month", step))

    def of_month(month: Period) -> Period:
        return periods.days(month.start.replace(day=day), 1, month.yearly)

    return _piece(match, "day", read, "month", of_month, "nth")


@rule(rf"(?P<name>{WEEKDAY}),? (?:the )?(?P<number>\d\d?)(?:st|nd|rd|th){_ENDS}", WEEKDAYS)
def _weekday_of_month(grammar: Grammar, match: re.Match[str]) -> Found:
    """Friday the 13th: of the nearest month in which it is one."""
    weekday, number = WEEKDAYS[match["name"]], int(match["number"])

    def read() -> Period:
        for step in range(15) if grammar.ahead else range(0, -15, -1):
            month = periods.unit_around(grammar.now, "month", step)
            day = month.start + (number - 1) * periods.DAY
            to_come = day >= grammar.today if grammar.ahead else day <= grammar.today
            if to_come and day < month.end and day.isoweekday() == weekday:
                return periods.days(day)
        raise ValueError(match[0])

    return _piece(match, "day", read)


# ---- This, last, next --------------------------------------------------------------------------------------------
@rule(
    rf"(?P<that>{_THAT}) (?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|{_CALENDAR_UNIT}){_ENDS}(?! of\b)",
    _THAT_STARTS,
)
def _that(grammar: Grammar, match: re.Match[str]) -> Found:
    """This, last or next week, May, summer, Friday …"""
    return _turn(grammar, match, _step(match))


@rule(
    rf"(?P<that>{_THAT}) (?P<month>{_MONTH_SHORT_OR_FULL}) (?P<day>{DAY}|{_SPELT_DAY})"
    rf"(?:{_DAYS_SEP}(?P<last>{DAY}))?{_ENDS}",
    _THAT_STARTS,
)
def _that_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """Last May 5th, next June 3 to 5: the latest of these days that are over, or the first to come."""
    month, first = MONTHS[match["month"].rstrip(".")], _day_number(match["day"])
    last = _day_number(match["last"] or match["day"])

    def of_year(year: int) -> Period:
        return _rising(Period(datetime(year, month, first), datetime(year, month, last) + periods.DAY))

    unit = "days" if match["last"] else "day"
    return _piece(match, unit, lambda: periods.turn(of_year, grammar.now, _step(match)))


def _step(match: re.Match[str]) -> int:
    return {"this": 0, "next": 1, "coming": 1, "this coming": 1}.get(match["that"], -1)


@rule(
    rf"(?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|{_CALENDAR_UNIT}|night|day)"
    rf" (?P<way>before last|after next){_ENDS}(?! {UNIT}\b| {WEEKDAY}\b| {MONTH}\b)",
    (*SEASONS, *FULL_MONTHS, *WEEKDAYS, *_HOLIDAY_STARTS, *UNITS),
)
def _further(grammar: Grammar, match: re.Match[str]) -> Found:
    """The week before last, the summer after next …"""
    return _turn(grammar, match, -2 if match["way"] == "before last" else 2)


@rule(
    rf"(?P<count>{NUMBER}) (?P<name>{SEASON}|{either(FULL_MONTHS)}|{WEEKDAY}|{HOLIDAY}|weekend)(?:e?s)? "
    rf"(?P<way>ago|back|from now){_ENDS}",
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
        return _piece(match, "day", partial(_next_weekday, grammar, WEEKDAYS[name], step), kind="that weekday")
    if name == "night":
        reading = partial(periods.time_of_day, part="night")
        return _piece(match, "time", lambda: reading(periods.days(grammar.today + step * periods.DAY)))
    if name in UNITS:
        return _piece(match, name, partial(periods.unit_around, grammar.now, name, step))
    kind = "that name" if name in ("spring", "fall", "may", "march") and match.groupdict().get("that") else ""
    unit = "season" if name in SEASONS else "month" if name in MONTHS else "days"
    return _piece(match, unit, lambda: periods.turn(partial(periods.named, name), grammar.now, step), kind=kind)


@rule(rf"the weekend{_ENDS}", ("the",))
def _weekend(grammar: Grammar, match: re.Match[str]) -> Found:
    """The weekend of this week where it has begun or the question looks ahead, else the last."""
    step = 0 if grammar.ahead or grammar.today.weekday() >= 5 else -1
    return _piece(match, "weekend", partial(periods.unit_around, grammar.now, "weekend", step), kind="weekend")


@rule(
    rf"(?:at )?(?:around |about )?(?:this|the same|same) (?P<what>time|day|date|week|weekend|month|quarter) "
    rf"(?P<that>last|next) (?P<unit>week|month|year|quarter|{WEEKDAY}){_ENDS}",
    ("this", "the", "same", "at", "around", "about"),
)
def _this_time(grammar: Grammar, match: re.Match[str]) -> Found:
    """This time last year, the same day last week, this week last year."""
    what, unit, sign = match["what"], match["unit"], 1 if match["that"] == "next" else -1
    if unit not in UNITS:
        return _piece(match, "day", partial(_next_weekday, grammar, WEEKDAYS[unit], sign))
    length = Length.of("one", unit)

    def read() -> Period:
        middle = grammar.clock.moved(grammar.now, length, sign)
        if what != "time" or unit == "week":
            return periods.unit_around(middle, what if what in UNITS else "day")
        half = (periods.WEEK if unit == "month" else periods.MONTH) / 2
        return Period(middle - half, middle + half)

    return _piece(match, "days", read)


@rule(rf"(?P<way>earlier|later) (?:in )?(?P<unit>this (?:week|month|quarter|year)|today){_ENDS}", ("earlier", "later"))
def _so_far(grammar: Grammar, match: re.Match[str]) -> Found:
    """Earlier this week: from its beginning up to now; later this week: from now to its end."""

    def read() -> Period:
        unit = match["unit"].removeprefix("this ").replace("today", "day")
        whole = periods.unit_around(grammar.now, unit)
        return Period(whole.start, grammar.now) if match["way"] == "earlier" else Period(grammar.now, whole.end)

    return _piece(match, "days", lambda: _rising(read()))


# ---- So long ago, so long before ---------------------------------------------------------------------------------
_AGO = re.compile(
    rf" (?P<way>ago|from (?:now|today|tomorrow|yesterday)|back(?! (?:to|from|home|then|at|with|and|up|on)\b)|hence)"
    rf"(?P<today> today)?{_ENDS}"
)
_WEEKDAY_TOO = re.compile(rf" (?:last )?(?P<name>{WEEKDAY}){_ENDS}")


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
        latest = _next_weekday(grammar, WEEKDAYS[weekday["name"]], -1)
        return periods.days(latest.start - length.rest)

    return replace(piece, end=weekday.end(), unit="day", read=read, whole=None)


def _days_from(grammar: Grammar, begin: int, end: int, low: Length, high: Length, base: Callable[[], Period]) -> Found:
    """Return the day so long after a day; where the number is vague, the time around it."""
    clock = grammar.clock

    def read() -> Period:
        start = base().start
        if low.vague or low.halved or low.unit in ("second", "minute", "hour"):
            return clock.around(start, low, high, 1)
        return Period(clock.moved(start, low, 1), clock.moved(start, high, 1) + periods.DAY)

    return Found(begin, end, "day" if low == high else "days", read)


@rule(r"in (?:about |around )?(?=\w)", ("in",))
def _ahead(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """In two weeks: in a question that does not look ahead that is how long it took, not when."""
    if not grammar.ahead or (found := grammar.length(match.end())) is None:
        return None
    low, high, end = found
    end += 2 * grammar.text.startswith("' time", end)
    return Found(match.start(), end, "days", lambda: grammar.clock.around(grammar.now, low, high, 1))


@rule(
    r"(?:the |these |those )?(?P<way>last|past|previous|next|coming) (?=\w)", ("the", "these", "those", *_THAT_STARTS)
)
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
    rf"(?P<unit>hour|week|month|year|decade|fortnight|century)(?P<half> and a half)?{_ENDS}(?! of\b)"
)


def _one_stretch(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """The last year: up to now, where "last year" is that of the calendar."""
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
    """So long before, after or from what stands at ``end``."""

    way: str
    end: int
    low: Length
    high: Length
    name: str = ""  # of a weekday, or "weekend": so many of them

    @property
    def sign(self) -> int:
        """-1 for before, 1 for after."""
        return -1 if self.way in ("before", "prior to") else 1


_WAY = rf"(?P<way>before|after|prior to|following|from) {_THE}"
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
    """Return a phrase, but of "the end of May" its last day: what is before that is reckoned from there."""
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
    """A week from Friday: only of days near now, as of others it is how long something took from then on."""
    if step.name or not _NEAR.fullmatch(grammar.text, inner.begin, inner.end):
        return None
    if inner.kind == "weekday":
        coming = grammar.seen_from(grammar.clock, ahead=True).phrase(inner.begin)
        inner = coming or inner
    return _days_from(grammar, begin, inner.end, step.low, step.high, inner.read)


def _stretch_beside(grammar: Grammar, step: Step, base: Period) -> Period:
    """Return all of the two weeks before a date, which "the" makes one time."""
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

    Of Christmas and Easter, which are three and four days, it is the day itself that it lies beside.
    """
    if core := {3: 1, 4: 2}.get((base.end - base.start).days):
        base = periods.days(base.start + core * periods.DAY, 1, base.yearly)
    days, weekday = (2, 5) if step.name == "weekend" else (1, WEEKDAYS[step.name] - 1)
    if step.sign < 0:
        start = base.start - days * periods.DAY - (base.start.weekday() - days - weekday) % 7 * periods.DAY
    else:
        start = base.end + (weekday - base.end.weekday()) % 7 * periods.DAY
    return periods.days(start + step.sign * step.low.rest, days, base.yearly)


# ---- Parts, and one of several -----------------------------------------------------------------------------------
_THE_UNIT = re.compile(
    rf"(?P<unit>week|weekend|month|quarter|year|decade|century){_ENDS}(?! (?:of|before|after|that|when|i|we)\b)"
)


def _of_whole(
    grammar: Grammar, match: re.Match[str], change: Callable[[Period], Period], unit: str, least: str
) -> Found | None:
    """Return a part of the phrase that follows, or of "the month", which is at least so long."""
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
    rf"|(?:very )?(?P<name>{_LONG_PARTS}) (?:of|in) ){_THE}",
    {name.split()[0].replace("1st", "0").replace("2nd", "0") for name in (*PARTS, "very")},
)
def _part(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Early, in the middle, at the end of a week, a month, a summer, a year."""
    first, last = PARTS[match["first"] or match["name"]], PARTS[match["last"] or match["first"] or match["name"]]
    least = "day" if match["name"] else "days"  # "late Christmas" is none
    found = _of_whole(grammar, match, lambda period: periods.share(period, first[0], last[1]), "days", least)
    if found is not None or match["name"]:
        return found
    inner = grammar.inner(match.end())  # "late yesterday", "early on Friday": the day is near enough
    return inner and replace(inner, begin=match.start())


@rule(
    rf"(?P<nth>{ORDINAL}) (?:(?P<count>{NUMBER}) )?(?P<unit>{UNIT}|{WEEKDAY})s? (?:of|in) {_THE}",
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


@rule(rf"(?P<unit>week|weekend|month|year|day) (?P<way>of) {_THE}", ("week", "weekend", "month", "year", "day"))
@rule(rf"(?<=the )(?P<unit>week) (?P<way>ending|beginning|starting|commencing)(?: on)? {_THE}", ("week",))
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
