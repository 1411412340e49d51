"""The periods that the phrases of a question name. Pure.

English, with calendar dates written out in some other languages too. Reading a date is the job of dateparser, which is
imported only for a question that names one; finding the phrase, and how long a time it means, is done here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import NamedTuple

from .moments import YEAR, Moment

MAX_MOMENTS = 8
"""Periods that are taken from a question."""

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_MONTH = YEAR / 12
_FIRST, _LAST = (datetime.min - _EPOCH) // _MICROSECOND, (datetime.max - _EPOCH) // _MICROSECOND
_EVER = 10_000 * YEAR // _MICROSECOND  # how far an open-ended period reaches from its anchor

# People tell of an event some days after it, rarely long before; of a longer period for longer. On LoCoMo the optimum
# is flat: at least 7 to 30 days, at most 30 or 60, a quarter to the whole of it before, all rank within 0.4 points.
_LATE_AT_LEAST, _LATE_AT_MOST = timedelta(days=14), timedelta(days=60)
_EARLY_SHARE = 0.5  # of the softness after a period, before it


class _Period(NamedTuple):
    start: datetime  # UTC without a time zone, as dateparser has it
    end: datetime
    yearly: bool = False


# ---- Vocabulary --------------------------------------------------------------------------------------------------
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # northern, by whole months
_HOLIDAYS = {
    "new year's eve": (12, 31, 1),
    "new year's day": (1, 1, 1),
    "new year's": (12, 31, 2),
    "new year": (12, 31, 2),
    "valentine's day": (2, 14, 1),
    "valentine's": (2, 14, 1),
    "independence day": (7, 4, 1),
    "halloween": (10, 31, 1),
    "christmas eve": (12, 24, 1),
    "christmas day": (12, 25, 1),
    "christmas": (12, 24, 3),
    "xmas": (12, 24, 3),
}
"""First month and day, and length in days."""
_COUNTS = {
    "half a": 0.5, "half an": 0.5, "a": 1, "an": 1, "a couple of": 2, "a couple": 2, "couple of": 2, "a few": 3,
    "few": 3, "several": 5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
}  # fmt: skip
_VAGUE = {"a couple of", "a couple", "couple of", "a few", "few", "several"}
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1}
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": _DAY,
    "night": _DAY,
    "week": _WEEK,
    "weekend": _WEEK,
    "fortnight": 2 * _WEEK,
    "month": _MONTH,
    "year": YEAR,
    "decade": 10 * YEAR,
}
_SPANS = {"night": 0, "week": 0, "weekend": 0, "month": 1, "quarter": 3, "year": 12, "decade": 120}
"""What "last" is said of, and its length in months where it has whole ones."""
_PARTS = {
    "first half": (0, 1 / 2), "1st half": (0, 1 / 2), "second half": (1 / 2, 1), "2nd half": (1 / 2, 1),
    "early": (0, 1 / 3), "beginning": (0, 1 / 3),
    "start": (0, 1 / 3), "mid": (1 / 3, 2 / 3), "late": (2 / 3, 1), "end": (2 / 3, 1),
}  # fmt: skip
"""From which to which share of a month, a season or a year a part of it reaches."""
_TIMES_OF_DAY = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30)}


def _either(words: "Mapping[str, object] | tuple[str, ...]") -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


_M_FULL = "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_M = rf"(?:{_M_FULL}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
_W = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_D = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?!\d)"
_Y = r"(?:19|20)\d\d(?!\d)"
_N = rf"(?:[1-9]\d{{0,2}}|{_either(_COUNTS)})"
_S = _either(_SEASONS)
_H = rf"(?:{_either(_HOLIDAYS)}|thanksgiving|easter)"
_U = _either(_UNITS)
_PART = r"(?:early|mid|late|(?:the )?(?:beginning|start|middle|end|(?:first|1st|second|2nd) half) (?:of|in)(?: the)?)"
_WHOLE = rf"(?:{_M_FULL}|{_M}(?= ?,? ?(?:of )?{_Y})|{_S})(?:(?:,? | of |, of ){_Y})?|(?:the )?(?:year )?{_Y}"
_THAT = "(?:this past|this coming|this|last|past|previous|next|coming)"


# ---- Reading one phrase ------------------------------------------------------------------------------------------
class _Reader:
    """Turns a phrase into a period, seen from ``now``; ``ahead`` where the question looks into the future."""

    def __init__(self, now: datetime, ahead: bool) -> None:
        self.now, self.ahead = now, ahead
        self.today = datetime(now.year, now.month, now.day)
        self.reference = _micros(now - _EPOCH)

    def read(self, phrase: str) -> _Period:
        """Return the period a whole phrase means.

        Raises ValueError where there is no such day, OverflowError where it lies outside the years 1 to 9999.
        """
        for pattern, reading in _READINGS:
            if found := pattern.fullmatch(phrase):
                return reading(self, found)
        raise ValueError(phrase)

    def instant(self, phrase: str, base: datetime | None = None, languages: tuple[str, ...] = ("en",)) -> datetime:
        """Return what dateparser makes of a phrase; raise ValueError where it makes nothing of it."""
        from dateparser.date import DateDataParser  # type: ignore[import-untyped]

        settings = {
            "RELATIVE_BASE": base or self.now,
            "PREFER_DATES_FROM": "future" if self.ahead else "past",
            "TIMEZONE": "UTC",
            "RETURN_AS_TIMEZONE_AWARE": False,
        }
        found: datetime | None = DateDataParser(list(languages), settings=settings).get_date_data(phrase).date_obj
        if found is None:
            raise ValueError(phrase)
        return found

    def date(self, found: re.Match[str]) -> _Period:
        phrase = _LEADING_WEEKDAY.sub("", found[0])
        day = self.instant(phrase)
        return _days(datetime(day.year, day.month, day.day), 1, yearly=not _WITH_YEAR.search(phrase))

    def foreign_date(self, found: re.Match[str]) -> _Period:
        day = self.instant(found[0], languages=_OTHER_LANGUAGES)
        return _days(datetime(day.year, day.month, day.day), 1)

    def whole(self, found: re.Match[str]) -> _Period:
        """A month, a season or a year, of which perhaps only a part is meant."""
        year = int(found["year"] or found["only"] or 0)
        if found["only"]:
            period = _Period(datetime(year, 1, 1), datetime(year + 1, 1, 1))
        else:
            month, months = _months(found["name"])
            period = _span(year, month, months) if year else self._yearly(month, months)
        return _part(period, found["part"] or "")

    def _yearly(self, month: int, months: int) -> _Period:
        period = _span(self.now.year, month, months)
        if self.ahead and period.end <= self.today:
            period = _span(self.now.year + 1, month, months)
        elif not self.ahead and period.start > self.now:
            period = _span(self.now.year - 1, month, months)
        return period._replace(yearly=True)

    def that(self, found: re.Match[str]) -> _Period:
        """This, last or next week, May, summer, Friday …"""
        step = {"this": 0, "next": 1, "coming": 1, "this coming": 1}.get(found["that"], -1)
        name = found["name"] or "night"
        if (weekday := _weekday_number(name)) is not None:
            return _time_of_day(self._weekday(weekday, step), found["time"])
        period = self._unit(name, step) if name in _SPANS else self._turn(step, partial(_named, name))
        return _part(period, found["part"] or "")

    def _turn(self, step: int, of_year: "Callable[[int], _Period]") -> _Period:
        """The latest period that is over (-1), the one of this year (0) or the first that is to come (1)."""
        year = self.now.year
        if step < 0:
            return max(p for p in map(of_year, (year - 2, year - 1, year)) if p.end <= self.today)
        if step > 0:
            return min(p for p in map(of_year, (year, year + 1)) if p.start > self.now)
        return max(of_year(year - 1), of_year(year), key=lambda p: (p.start <= self.now < p.end, p.start))

    def weekend(self, _: re.Match[str]) -> _Period:
        """The weekend of this week where it has begun or the question looks ahead, else the last."""
        return self._unit("weekend", 0 if self.ahead or self.today.weekday() >= 5 else -1)

    def _weekday(self, weekday: int, step: int) -> _Period:
        ahead = (weekday - self.today.weekday()) % 7
        days = {0: weekday - self.today.weekday(), 1: ahead or 7, -1: ahead - 7}[step]
        return _days(self.today + days * _DAY, 1)

    def _unit(self, unit: str, step: int) -> _Period:
        monday = self.today - self.today.weekday() * _DAY
        if unit == "week":
            return _days(monday + step * _WEEK, 7)
        if unit == "weekend":
            return _days(monday + 5 * _DAY + step * _WEEK, 2)
        if unit == "night":
            return _time_of_day(_days(self.today + step * _DAY, 1), "night")
        months = _SPANS[unit]
        count = (self.now.year * 12 + self.now.month - 1) // months + step
        return _span(*divmod(count * months, 12), months, first=0)

    def near_day(self, found: re.Match[str]) -> _Period:
        """Yesterday, today, tomorrow and their neighbours, whole or a part."""
        phrase = re.sub(r"^the ", "", found["day"])
        step = {"day before yesterday": -2, "yesterday": -1, "tomorrow": 1, "day after tomorrow": 2}.get(phrase, 0)
        day = _days(self.today + step * _DAY, 1)
        return _time_of_day(day, "night" if phrase == "tonight" else found["part"])

    def ago(self, found: re.Match[str]) -> _Period:
        return self._away(found["count"], found["unit"], -1 if found["way"] == "ago" else 1)

    def ahead_by(self, found: re.Match[str]) -> _Period:
        """In two weeks: in a question that does not look ahead that is how long it took, not when."""
        if not self.ahead:
            raise ValueError(found[0])
        return self._away(found["count"], found["unit"], 1)

    def _away(self, count: str, unit: str, sign: int) -> _Period:
        """So many units from now: one unit wide, two where the number is vague."""
        if (weekday := _weekday_number(unit)) is not None or unit == "weekend":
            nearest = self._unit(unit, sign) if weekday is None else self._weekday(weekday, sign)
            shift = sign * (_count(count) - 1) * _WEEK
            return _Period(nearest.start + shift, nearest.end + shift)
        middle = _moved(self.now, _count(count), unit, sign, self)
        if unit in ("day", "night") and count not in _VAGUE:
            return _days(datetime(middle.year, middle.month, middle.day), 1)
        return _around(middle, count, unit)

    def stretch(self, found: re.Match[str]) -> _Period:
        """The last so many units, up to now, or the next, from now."""
        count, unit = found["count"] or "one", found["unit"] or found["unit1"]
        if found["way"] in ("next", "coming"):
            return _Period(self.now, _moved(self.now, _count(count), unit, 1, self))
        return _Period(_moved(self.now, _count(count), unit, -1, self), self.now)

    def nth(self, found: re.Match[str]) -> _Period:
        """The first week of August, the last weekend in May, the second quarter of 2022."""
        return _part_of(self.read(found["of"]), _ORDINALS[found["nth"]], found["unit"])

    def around(self, found: re.Match[str]) -> _Period:
        """The week or the weekend of a day."""
        day = self.read(found["of"])
        monday = day.start - day.start.weekday() * _DAY
        week = _days(monday, 7) if found["unit"] == "week" else _days(monday + 5 * _DAY, 2)
        return week._replace(yearly=day.yearly)

    def quarter(self, found: re.Match[str]) -> _Period:
        number = int(found["q"] or _ORDINALS[found["nth"]] % 5)  # the last is the fourth
        return _span(int(found["year"]), number * 3 - 2, 3)

    def decade(self, found: re.Match[str]) -> _Period:
        year = int(found["year"])
        return _part(_Period(datetime(year, 1, 1), datetime(year + 10, 1, 1)), found["part"] or "")

    def holiday(self, found: re.Match[str]) -> _Period:
        if found["year"]:
            return _named(found["name"], int(found["year"]))
        years = (self.now.year - 1, self.now.year, self.now.year + 1)
        turns = [_named(found["name"], year) for year in years]
        if self.ahead:
            return min(p for p in turns if p.end > self.now)._replace(yearly=True)
        return max(p for p in turns if p.start <= self.now)._replace(yearly=True)

    def weekday(self, found: re.Match[str]) -> _Period:
        day = self._weekday(_WEEKDAYS.index(found["name"][:3]), 1 if self.ahead else -1)
        return _time_of_day(day, found["part"])

    def day_of_month(self, found: re.Match[str]) -> _Period:
        number = int(re.sub(r"\D", "", found["number"]))
        month = self.today.replace(day=1)
        step = {"last": -1, "next": 1}.get(found["that"] or "", 0)
        if not found["that"] and (number > self.today.day) != self.ahead:
            step = 1 if self.ahead else -1
        count = month.year * 12 + month.month - 1 + step
        return _days(datetime(count // 12, count % 12 + 1, number), 1)


def _days(start: datetime, count: int, yearly: bool = False) -> _Period:
    return _Period(start, start + count * _DAY, yearly)


def _span(year: int, month: int, months: int, first: int = 1) -> _Period:
    """Return whole months; ``first`` is the number the months are counted from."""
    begin = year * 12 + month - first
    end = begin + months
    return _Period(datetime(begin // 12, begin % 12 + 1, 1), datetime(end // 12, end % 12 + 1, 1))


def _months(name: str) -> tuple[int, int]:
    """Return the first month of a month or a season, and how many months it has."""
    return (_SEASONS[name], 3) if name in _SEASONS else (_MONTHS.index(name[:3]) + 1, 1)


def _named(name: str, year: int) -> _Period:
    """Return a year's month, season or holiday."""
    if name == "easter":
        from dateutil.easter import easter  # type: ignore[import-untyped]

        sunday = easter(year)
        return _days(datetime(year, sunday.month, sunday.day) - 2 * _DAY, 4)
    if name == "thanksgiving":  # the fourth Thursday of November
        return _days(datetime(year, 11, 28) - ((datetime(year, 11, 28).weekday() - 3) % 7) * _DAY, 1)
    if name in _HOLIDAYS:
        month, day, count = _HOLIDAYS[name]
        return _days(datetime(year, month, day), count)
    return _span(year, *_months(name))


def _part(period: _Period, part: str) -> _Period:
    """Return the part of a period that "early", "the end of" … mean, the whole where none is named."""
    begin, end = next((shares for name, shares in _PARTS.items() if name in part), (0, 1))
    width = period.end - period.start
    return period._replace(start=period.start + begin * width, end=period.start + end * width)


def _part_of(whole: _Period, number: int, unit: str) -> _Period:
    if unit in ("week", "day"):
        days = 7 if unit == "week" else 1
        part = _days(whole.end - days * _DAY if number < 0 else whole.start + (number - 1) * days * _DAY, days)
    else:
        weekday = _WEEKDAYS.index("sat" if unit == "weekend" else unit[:3])
        first = whole.start + (weekday - whole.start.weekday()) % 7 * _DAY
        last = whole.end - _DAY - ((whole.end - _DAY).weekday() - weekday) % 7 * _DAY
        part = _days(last if number < 0 else first + (number - 1) * _WEEK, 2 if unit == "weekend" else 1)
    return part._replace(yearly=whole.yearly)


def _time_of_day(day: _Period, part: str | None) -> _Period:
    if part is None:
        return day
    begin, end = _TIMES_OF_DAY[part]
    return _Period(day.start + timedelta(hours=begin), day.start + timedelta(hours=end), day.yearly)


def _around(middle: datetime, count: str, unit: str) -> _Period:
    """Return a period one unit wide: two where the count is vague, half of one where it is half a unit."""
    half = _UNITS[unit] * (1.0 if count in _VAGUE else 0.5 * min(1.0, _count(count)))
    return _Period(middle - half, middle + half)


def _weekday_number(name: str) -> int | None:
    """Return the number of a weekday, Monday's being 0; None for another word."""
    return _WEEKDAYS.index(name[:3]) if name[:3] in _WEEKDAYS and name[:5] != "month" else None


def _count(words: str) -> float:
    return float(words) if words.isdecimal() else _COUNTS[words]


def _moved(base: datetime, count: float, unit: str, sign: int, reader: _Reader) -> datetime:
    """Return the instant so many units away; months and years by the calendar, which dateparser knows."""
    if unit in ("month", "year", "decade") and count == int(count):
        phrase = f"{int(count)} {unit}s ago" if sign < 0 else f"in {int(count)} {unit}s"
        return reader.instant(phrase, base)
    return base + sign * count * _UNITS[unit]


# ---- The grammar of periods ----------------------------------------------------------------------------------------
_WRITTEN_DAY = rf"(?:{_W},? (?:the )?)?(?:{_D} (?:of )?{_M}|{_M} (?:the )?{_D})(?:(?:,|, of| of)? ?{_Y})?"
_NUMERIC_DAY = (
    rf"{_Y}-\d\d?-\d\d?|{_Y}/\d\d?/\d\d?|\d\d?/\d\d?/{_Y}|\d\d?\.\d\d?\.{_Y}|\d\d?-\d\d?-{_Y}"
    r"|\d\d?/\d\d?/\d\d(?!\d)|\d\d?/\d\d?(?![/\d])"
)
_FOREIGN_DAY = (
    r"\d\d?\.? (?:de )?(?!(?:and|for|from|since|until|till|before|after|during|over)\b)[^\W\d_]{3,10}\.? "
    rf"(?:de )?{_Y}"
)
_OTHER_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl")
_LEADING_WEEKDAY = re.compile(rf"^{_W},? (?:the )?")
_WITH_YEAR = re.compile(r"\d{4}|/\d+/")
_CALENDAR_UNIT = "(?:weekend|week|month|quarter|year|decade)"
_DAYTIME = _either(_TIMES_OF_DAY)
_COUNTED = (
    " (?:words?|steps|dollars|euros|pounds|people|miles|km|met(?:er|re)s|calories|points|items|copies|pieces|pages"
    r"|lines|tokens|hours|minutes|seconds|days|weeks|months|years|times|users)\b"
)

_RULES: tuple[tuple[str, Callable[[_Reader, re.Match[str]], _Period]], ...] = (
    (_WRITTEN_DAY, _Reader.date),
    (_NUMERIC_DAY, _Reader.date),
    (
        rf"(?:(?P<part>{_PART})[ -])?(?:(?P<name>{_S}|{_M})(?:(?:,? | of |, of )(?P<year>{_Y}))?"
        rf"|(?:the )?(?:year )?(?P<only>{_Y})(?!{_COUNTED}))",
        _Reader.whole,
    ),
    (
        rf"(?:the )?(?P<nth>{_either(_ORDINALS)}) (?P<unit>week|weekend|day|{_W}) (?:of|in) "
        rf"(?P<of>{_WHOLE}|{_THAT} (?:month|year|{_M_FULL}))",
        _Reader.nth,
    ),
    (
        rf"(?:the )?(?P<way>last|past|previous|next|coming) (?P<count>{_N}) (?P<unit>{_U})s?(?! of)"
        r"|the (?P<way1>last|past) (?P<unit1>hour|week|month|year|decade)(?! of)",
        _Reader.stretch,
    ),
    (
        rf"(?:(?P<part>{_PART})[ -])?(?:the )?(?P<that>{_THAT}) (?P<name>{_S}|{_M_FULL}|{_W}|{_H}|{_CALENDAR_UNIT})"
        rf"(?: (?P<time>{_DAYTIME}))?(?! of)|(?<!the )last night(?! of)",
        _Reader.that,
    ),
    (
        r"(?:the )?(?P<day>day before yesterday|day after tomorrow|yesterday|today|tonight|tomorrow"
        rf"|this(?= {_DAYTIME}))(?: (?P<part>{_DAYTIME}))?",
        _Reader.near_day,
    ),
    (rf"(?P<count>{_N}) (?P<unit>{_U}|{_W})s? (?P<way>ago|from now)(?: today)?", _Reader.ago),
    (rf"in (?P<count>{_N}) (?P<unit>{_U})s?", _Reader.ahead_by),
    (rf"(?:the )?(?P<unit>week|weekend) of (?:the )?(?P<of>{_WRITTEN_DAY}|{_H}(?: {_Y})?)", _Reader.around),
    ("the weekend", _Reader.weekend),
    (
        rf"(?:q(?P<q>[1-4])|(?:the )?(?P<nth>{_either(_ORDINALS)}) quarter)(?: of)? (?P<year>{_Y})",
        _Reader.quarter,
    ),
    (r"the (?:(?P<part>early|mid|late)[ -])?(?P<year>(?:19|20)\d0)s", _Reader.decade),
    (rf"(?P<name>{_H})(?: (?:of )?(?P<year>{_Y}))?", _Reader.holiday),
    (
        r"(?<!every )(?<!each )(?<!any )(?<!good )(?<!black )(?<!man )"
        rf"(?P<name>{_W}|mon|tues?|thu(?:rs?)?|fri)(?: (?P<part>{_DAYTIME}))?",
        _Reader.weekday,
    ),
    (r"the (?P<number>\d\d?(?:st|nd|rd|th))(?: of (?P<that>this|last|next) month)?", _Reader.day_of_month),
    (_FOREIGN_DAY, _Reader.foreign_date),
)
_READINGS = tuple((re.compile(pattern), reading) for pattern, reading in _RULES)
_PERIOD = "(?:" + "|".join(re.sub(r"\(\?P<\w+>", "(?:", pattern) for pattern, _ in _RULES) + ")"
_STARTS, _ENDS = r"(?<![\w$€£#./:-])", r"(?![\w%])(?![./:-]\d)"


# ---- Which of them are meant as dates --------------------------------------------------------------------------
# A phrase that may be something else (a name, a verb, a number) is a date only after a word that dates follow, or
# where no word comes after it that it could belong to ("in the fall", but not "fall asleep"; "Friday?", but not
# "Friday Night Lights").
_INSIDE = {"in", "during", "throughout", "back in"}
_BOUNDS = {"since", "until", "till", "before", "after", "prior to", "up to"}
_LEADS = _INSIDE | _BOUNDS | {"on", "over", "around", "as of", "at", "for", "by", "from", "of"}
_LEAD = _either(tuple(_LEADS))
_ABOUT_DAY = f"(?: {_DAYTIME})?"
_CONDITIONS: tuple[tuple[re.Pattern[str], set[str], set[str]], ...] = (
    (re.compile(rf"(?:the )?(?:year )?{_Y}"), _INSIDE | _BOUNDS | {"as of"}, {"by", "for", "from", "of"}),
    (re.compile(rf"\d\d?/\d\d?|the \d\d?[a-z]+|(?:mon|tues?|thu(?:rs?)?|fri){_ABOUT_DAY}"), set(), _BOUNDS | {"on"}),
    (re.compile(r"(?:this|last|next|coming) (?:spring|fall|may|march)"), set(), _LEADS | {""}),
    (re.compile(r"spring|fall"), set(), _INSIDE | {"over", "since", "until"}),
    (re.compile(r"may|march|april|june|august"), _INSIDE, _BOUNDS),
    (re.compile(rf"{_W}{_ABOUT_DAY}"), {"on"}, _LEADS | {""}),
    (re.compile(rf"{_D} (?:of )?(?:mar(?:ch)?|may)|(?:mar(?:ch)?|may) {_D}"), {"on"}, _LEADS | {""}),
    (re.compile("january|february|july|september|october|november|december"), _INSIDE | {"on", "as of"}, _LEADS | {""}),
    (re.compile("the weekend"), {"during", "over", "on", "at"}, _BOUNDS | {"for"}),
    (re.compile(rf"{_M}|{_S}|{_H}|the .*\d0s"), _INSIDE | {"on", "over", "as of"}, _LEADS),
)
"""For phrases that may be no date: the words before them that say they are, and those that do where nothing follows."""
_FOLLOWING = """
a about also and are as at be because before but by can could did do does for from had has have he her his how i if in
instead is it me my no not of on or our she should so than that the their them they this to was we were what when where
which while who whom whose why will with would you your
"""
_FOLLOWS = frozenset(_FOLLOWING.split())
_NEXT_WORD = re.compile(r" ?([a-z']+)")


def _credible(phrase: str, lead: str, after: str) -> bool:
    """True where a phrase between ``lead`` and ``after`` is meant as a date."""
    following = _NEXT_WORD.match(after)
    free = following is None or following[1] in _FOLLOWS
    for pattern, certain, likely in _CONDITIONS:
        if pattern.fullmatch(phrase):
            return lead in certain or (free and lead in likely)
    return True


# ---- What a question says of them ------------------------------------------------------------------------------
_THE = "(?:the (?!last |past ))?"
_ONE = re.compile(rf"{_STARTS}(?:(?P<lead>{_LEAD}) )?{_THE}(?P<period>{_PERIOD}){_ENDS}")
_RANGE = re.compile(
    rf"{_STARTS}(?:(?:between|from) {_THE}(?P<a>{_PERIOD}|{_D}) (?:and|to|until|till|through) "
    rf"|{_THE}(?P<a2>{_PERIOD}) ?(?:to|through|[-–]) ?){_THE}(?P<b>{_PERIOD}){_ENDS}"
)
_OPEN = re.compile(
    rf"{_STARTS}(?P<way>since|after|before|prior to|until|till|up to|by) {_THE}(?P<period>{_PERIOD}){_ENDS}"
)
_STEP = (
    rf"{_STARTS}(?:(?:the|a|last) )?(?:(?P<count>{_N}) )?(?P<unit>{_U}|{_W})s? "
    "(?P<way>before|after|prior to|following)"
)
_OFFSET = re.compile(rf"{_STEP} {_THE}(?P<period>{_PERIOD}){_ENDS}")
_EVENT = (
    r"(?P<anchor>(?:the|my|our|his|her|their|[a-z]+'s) [^ ,.;:?!|][^,.;:?!|]{1,80}?)"
    r"(?=[,.;:?!|]|$| (?:did|do|does|was|were|is|are|had|has|have|will|would|can|could|what|who|when|where|how)\b)"
)
_OFFSET_ANCHOR = re.compile(rf"{_STEP} {_EVENT}")
_OPEN_ANCHOR = re.compile(rf"{_STARTS}(?P<way>since|after|before|until) {_EVENT}")
_DAY_RANGE = re.compile(
    rf"(?P<month>\b{_M}) (?P<a>{_D}) ?(?:-|–|to|and|through) ?(?P<b>{_D})(?P<year>,? {_Y})?{_ENDS}"
    rf"|\b(?P<a2>{_D}) ?(?:-|–|to|and) ?(?P<b2>{_D}) (?P<month2>{_M}\b)(?P<year2>,? {_Y})?"
)
_CLOCK = re.compile(r"(?<=\d-\d\d)t\d\d:\S*")  # of an ISO 8601 instant, whose day is what counts
_SHORT_YEAR = re.compile(r"(?<=[a-z\d]) '(?=\d\d\b)")

_AHEAD = re.compile(
    r"\b(?:will|going to|gonna|plans?|planned|planning|upcoming|scheduled|due|must|(?:need|have|has) to)\b|'ll\b"
)
_BACK = re.compile(r"\b(?:did|was|were|had)\b")


def read(text: str, reference: int) -> tuple[Moment, ...]:
    """Return the periods that a lower-case text names, as ``asked_moments`` does."""
    text = _SHORT_YEAR.sub(" 20", _CLOCK.sub("", " ".join(text.split())))
    text = _DAY_RANGE.sub(_day_range, text)
    now = _EPOCH + reference * _MICROSECOND
    moments = _moments(text, _Reader(now, ahead=bool(_AHEAD.search(text) and not _BACK.search(text))))
    return tuple(islice(moments, MAX_MOMENTS))


def _day_range(found: re.Match[str]) -> str:
    """Write "May 7-9, 2023" as "May 7, 2023 to May 9, 2023"."""
    first, last = found["a"] or found["a2"], found["b"] or found["b2"]
    month, year = found["month"] or found["month2"], (found["year"] or found["year2"] or "").replace(",", "")
    return f"{month} {first}{year} to {month} {last}{year}"


def _moments(text: str, reader: _Reader) -> Iterator[Moment]:
    for pattern, meaning in _MEANINGS:
        for found in pattern.finditer(text):
            try:
                moment = meaning(found, reader)
            except (ValueError, OverflowError):  # no such day, or none of the years 1 to 9999
                continue
            if moment is not None:
                # What is to come is told of before it, not after it.
                ahead = moment.anchor is None and moment.start >= reader.reference
                yield replace(moment, early=moment.late, late=moment.early) if ahead else moment
                begin, end = found.span()  # no later pattern may read it again
                text = text[:begin] + "|" * (end - begin) + text[end:]


def _one(found: re.Match[str], reader: _Reader) -> Moment | None:
    if not _credible(found["period"], found["lead"] or "", found.string[found.end() :]):
        return None
    return _moment(reader.read(found["period"]))


def _range(found: re.Match[str], reader: _Reader) -> Moment | None:
    first, last = found["a"] or found["a2"], found["b"]
    end = reader.read(last)
    if re.fullmatch(_D, first):
        first = re.sub(_D, first, last, count=1)
    elif (year := re.search(_Y, last)) and not re.search(_Y, first):
        first = f"{first} {year[0]}"
    start = _Reader(end.end - _MICROSECOND, ahead=False).read(first)
    return _moment(_Period(start.start, end.end, end.yearly)) if start.start < end.end else None


def _open(found: re.Match[str], reader: _Reader) -> Moment | None:
    if not _credible(found["period"], found["way"], found.string[found.end() :]):
        return None
    moment = _moment(reader.read(found["period"])._replace(yearly=False))
    if found["way"] in ("since", "after"):
        return replace(moment, start=moment.start if found["way"] == "since" else moment.end, end=_LAST)
    return replace(moment, start=_FIRST, end=moment.start if found["way"] in ("before", "prior to") else moment.end)


def _sign(way: str) -> int:
    return 1 if way in ("after", "following") else -1


def _micros(duration: timedelta) -> int:
    return duration // _MICROSECOND


def _moment(period: _Period) -> Moment:
    start, end = period.start - _EPOCH, period.end - _EPOCH
    return _moment_between(_micros(start), _micros(end), end - start, yearly=period.yearly)


def _moment_between(
    start: int, end: int, width: timedelta, *, yearly: bool = False, anchor: str | None = None
) -> Moment:
    late = _micros(min(max(width, _LATE_AT_LEAST), _LATE_AT_MOST))
    return Moment(start, end, round(late * _EARLY_SHARE), late, yearly, anchor)


def _offset(found: re.Match[str], reader: _Reader) -> Moment | None:
    """So long before or after a date."""
    if not _credible(found["period"], "before", found.string[found.end() :]):
        return None
    base = reader.read(found["period"])
    sign, unit = _sign(found["way"]), found["unit"]
    count = found["count"] or "one"
    if unit == "weekend" or _weekday_number(unit) is not None:
        return _moment(_beside(base, sign, unit, _count(count)))
    if _count(count) == 1:
        width = _UNITS[unit]
        period = _Period(base.start - width, base.start) if sign < 0 else _Period(base.end, base.end + width)
    else:
        middle = _moved(base.start, _count(count), unit, sign, reader)
        period = _days(middle, 1) if unit == "day" and count not in _VAGUE else _around(middle, count, unit)
    return _moment(period._replace(yearly=base.yearly))


def _beside(base: _Period, sign: int, name: str, count: float) -> _Period:
    """Return the weekend or the weekday before or after a period, or one further away."""
    days, weekday = (2, 5) if name == "weekend" else (1, _WEEKDAYS.index(name[:3]))
    if sign < 0:
        start = base.start - days * _DAY - (base.start.weekday() - days - weekday) % 7 * _DAY
    else:
        start = base.end + (weekday - base.end.weekday()) % 7 * _DAY
    return _days(start + sign * (count - 1) * _WEEK, days, base.yearly)


def _offset_anchor(found: re.Match[str], reader: _Reader) -> Moment:
    """So long before or after an event, whose instant only the memories know."""
    width = _UNITS.get(found["unit"], _WEEK)
    middle = _sign(found["way"]) * _count(found["count"] or "one") * width
    half = width / 2
    return _moment_between(_micros(middle - half), _micros(middle + half), width, anchor=found["anchor"].strip())


def _open_anchor(found: re.Match[str], reader: _Reader) -> Moment:
    """Since or until an event, or soon after or before it: what came of it was mostly told within weeks."""
    way = found["way"]
    reach = _EVER if way in ("since", "until") else _micros(2 * _WEEK)
    start, end = (0, reach) if way in ("since", "after") else (-reach, 0)
    return _moment_between(start, end, _LATE_AT_MOST, anchor=found["anchor"].strip())


_MEANINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], _Reader], Moment | None]], ...] = (
    (_RANGE, _range),
    (_OFFSET, _offset),
    (_OFFSET_ANCHOR, _offset_anchor),
    (_OPEN, _open),
    (_ONE, _one),
    (_OPEN_ANCHOR, _open_anchor),
)
