"""Whether the dates of a fact were said, or follow from what was said and when. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from ..search.dates import MAX_QUESTION_LENGTH, asked_moments
from ..search.dates.words import FOREIGN_MONTHS, MONTHS, WEEKDAYS, either

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALL_MONTHS = {**FOREIGN_MONTHS, **MONTHS}
_MONTH = either(_ALL_MONTHS)
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|\.|º)?"
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"""(?<![\w.,/-])(?:
        (?P<week>week\ of\ )?(?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}})(?:T[\d:.]{{1,20}}Z?)?
        |(?P<month>{_YEAR}-\d{{2}})(?![\d-])
        |(?P<numeric>\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d\d))(?!\d)
        |(?P<day_first>{_DAY}\s{{1,3}}(?:(?:of|de|di)\s{{1,3}})?{_MONTH}\b\.?(?:,?\s{{1,3}}(?:(?:of|de)\s{{1,3}})?{_YEAR}\b)?)
        |(?P<month_first>{_MONTH}\b\.?\s{{1,3}}\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s{{1,3}}{_YEAR}\b)?)
        |(?P<of_year>{_MONTH}\b(?:\s{{1,3}}of)?\s{{1,3}}{_YEAR}\b)
        |(?P<bare>(?:in|since|until|till|by|from|of|during|every|im|seit|ab|en|depuis|desde|em|dal|sinds)\s{{1,3}}{_MONTH}\b)
        |(?P<weekday>{either(WEEKDAYS)})\b
    )|(?P<characters>\d{{4}}年(?:\d{{1,2}}月(?:\d{{1,2}}日)?)?|\d{{1,2}}月\d{{1,2}}日)
    |(?<![\w.,:/-])(?P<year>{_YEAR})(?![\w:/-]|[.,]\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_DAYS_AWAY = {
    word: days
    for days, words in {
        -2: "vorgestern avant-hier anteayer l'altro eergisteren позавчера przedwczoraj",
        -1: "yesterday gestern hier ayer ieri ontem gisteren igår går вчера wczoraj včera dün 어제 أمس χθες אתמול",
        0: "today heute aujourd'hui hoy oggi hoje vandaag idag сегодня dziś dzisiaj dnes bugün 오늘 اليوم σήμερα היום",
        1: "tomorrow morgen demain mañana domani amanhã imorgon morgen завтра jutro zítra yarın 내일 غدا αύριο מחר",
        2: "übermorgen après-demain overmorgen послезавтра pojutrze",
    }.items()
    for word in words.split()
}
_AHEAD = re.compile(r"\bin\s{1,3}\w+\s{1,3}(?:day|week|month|year|hour)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_YEARS_AROUND = 1  # years beside that of saying in which a date without a year may be meant
_OPEN = 9_000  # a year from which on a period is open
_PIECE = MAX_QUESTION_LENGTH - 200


class Said(NamedTuple):
    """A text, and when it was said, if that is known."""

    text: str
    at: datetime | None


class _Span(NamedTuple):
    """The days from ``first`` to ``last``; ``yearly`` if no year was named."""

    first: date
    last: date
    yearly: bool = False

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


def check_dates(text: str, sources: Sequence[Said]) -> tuple[str | None, str]:
    """Return what is wrong with the dates of a text, or None; and the text without the dates that were looked at."""
    known: list[_Span] | None = None
    rest: list[str] = []
    end = 0
    for found in _DATE.finditer(text):
        asked = _spans(_readable(found), sources[0].at)
        if not asked:
            continue  # its numbers are compared instead
        if known is None:
            known = [span for source in sources for span in _told(source)]
        same_words = any(_said_alike(found[0], source.text) for source in sources)
        if not same_words and not any(_follows(one, other) for one in asked for other in known):
            if found["year"] and not any(_is_in(int(found["year"]), other) for other in known):
                continue  # it may be another number
            if not found["year"]:
                return f"the date {found[0]!r} was not said", ""
        rest += [text[end : found.start()], " "]
        end = found.end()
    return None, "".join([*rest, text[end:]])


def _readable(found: re.Match[str]) -> str:
    """Return a date in a form that questions are read in."""
    text = found[0]
    match found.lastgroup:
        case "iso":
            return f"{'the week of ' if found['week'] else ''}{found['iso']}"
        case "month":
            year, month = text.split("-")
            name = next((name for name, number in MONTHS.items() if number == int(month)), "")
            return f"in {name} {year}" if name else ""
        case "year":
            return f"in {text}"
        case "weekday":
            return f"on {text}"
        case _:
            return text


def _said_alike(phrase: str, text: str) -> bool:
    """Whether the very words of a date are in a text, and not as a part of others."""
    before, found, after = text.casefold().partition(phrase.casefold())
    return bool(found) and not before[-1:].isalnum() and not after.removeprefix("s")[:1].isalnum()


def days_told(sources: Sequence[Said]) -> set[str]:
    """Return the days and years of the single days that sources name, for dates that can't be read here."""
    days = [span.first for source in sources for span in _told(source) if span.days == 1]
    return {str(number) for day in days for number in (day.day, day.year)}


def _is_in(year: int, told: _Span) -> bool:
    return year in (told.first.year, told.last.year)


def _told(source: Said) -> Iterator[_Span]:
    """Yield the periods that a source names."""
    for start in range(0, len(source.text), _PIECE):
        piece = source.text[start : start + MAX_QUESTION_LENGTH]
        for sentence in re.split(r"(?<=[.!?。！？\n])\s", piece):
            yield from _spans(sentence, source.at)
            if _AHEAD.search(sentence):
                yield from _spans(f"what will be {sentence}", source.at)
        for found in _DATE.finditer(piece):
            yield from _spans(_readable(found), source.at)
        if source.at is not None:
            for word in map(str.casefold, _WORD.findall(piece)):
                if word in _DAYS_AWAY:
                    day = source.at.date() + timedelta(days=_DAYS_AWAY[word])
                    yield _Span(day, day)


def _spans(text: str, at: datetime | None) -> list[_Span]:
    """Return the periods that a text names, as seen from an instant."""
    at = at or datetime.now(UTC)
    zone = at.tzinfo or UTC
    moments = asked_moments(text, (at - _EPOCH) // _MICROSECOND, zone)
    return [
        _Span(_day(moment.start, zone, date.min), _day(moment.end - 1, zone, date.max), moment.yearly)
        for moment in moments
        if moment.anchor is None
    ]


def _day(micros: int, zone: tzinfo, otherwise: date) -> date:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).astimezone(zone).date()
    except OverflowError:  # an end that was left open
        return otherwise


def _follows(stated: _Span, told: _Span) -> bool:
    """Whether a period of a fact is the one that was told: as long, longer, or in the middle of a vague one."""
    if stated.yearly or told.yearly:
        return _same_in_year(stated, told)
    if told.last.year >= _OPEN or told.first.year == date.min.year:
        return stated.first == told.first or stated.last == told.last
    if stated.first <= told.first and told.last <= stated.last:
        return True
    overlap = (min(stated.last, told.last) - max(stated.first, told.first)).days + 1
    middle = told.first + timedelta(days=(told.days - 1) // 2)
    return 2 * overlap > told.days or (stated.first <= middle <= stated.last)


def _same_in_year(stated: _Span, told: _Span) -> bool:
    """Whether two periods are of the same days, in years that may be meant."""
    apart = stated.first.year - told.first.year
    near = stated.yearly or not told.yearly or 0 <= apart <= _YEARS_AROUND
    begin, end = (stated.first.month, stated.first.day), (stated.last.month, stated.last.day)
    return near and begin <= (told.first.month, told.first.day) and (told.last.month, told.last.day) <= end
