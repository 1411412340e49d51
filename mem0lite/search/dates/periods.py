"""Periods of the calendar in local time: days, weeks, months, and times that lie so long before. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from ..moments import YEAR
from .words import HOLIDAYS, MONTHS, SEASONS, TIMES_OF_DAY, VAGUE, number

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MONTH = YEAR / 12
UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": DAY,
    "night": DAY,
    "week": WEEK,
    "weekend": WEEK,
    "fortnight": 2 * WEEK,
    "month": MONTH,
    "quarter": 3 * MONTH,
    "year": YEAR,
    "decade": 10 * YEAR,
    "century": 100 * YEAR,
}
"""How long a unit is, on average."""
MONTHS_OF = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
"""The units that are whole months."""


class Period(NamedTuple):
    """From ``start`` to ``end`` (half-open), without a time zone; ``yearly`` if no year was named."""

    start: datetime
    end: datetime
    yearly: bool = False


# ---- Of the calendar ---------------------------------------------------------------------------------------------
def days(start: datetime, count: int = 1, yearly: bool = False) -> Period:
    """Return so many days, from the beginning of the first."""
    return Period(start, start + count * DAY, yearly)


def midnight(instant: datetime) -> datetime:
    """Return the beginning of the day of a time."""
    return datetime(instant.year, instant.month, instant.day)


def months(year: int, month: int, count: int = 1) -> Period:
    """Return whole months; ``month`` may be less than 1 or more than 12."""
    begin, end = year * 12 + month - 1, year * 12 + month - 1 + count
    return Period(datetime(begin // 12, begin % 12 + 1, 1), datetime(end // 12, end % 12 + 1, 1))


def week(day: datetime) -> Period:
    """Return the week that a day is in; weeks begin on Monday."""
    return days(midnight(day) - day.weekday() * DAY, 7)


def weekend(of: Period) -> Period:
    """Return Saturday and Sunday of a week."""
    return days(of.start + 5 * DAY, 2)


def iso_week(year: int, of_year: int) -> Period:
    """Return a week by its number in ISO 8601."""
    return days(datetime.fromisocalendar(year, of_year, 1), 7)


def unit_around(instant: datetime, unit: str, step: int = 0) -> Period:
    """Return the week, month … that a time lies in, or the one so many steps away."""
    if unit in MONTHS_OF:
        width = MONTHS_OF[unit]
        count = ((instant.year * 12 + instant.month - 1) // width + step) * width
        return months(count // 12, count % 12 + 1, width)
    if unit in ("week", "weekend"):
        found = week(midnight(instant) + step * WEEK)
        return found if unit == "week" else weekend(found)
    return days(midnight(instant) + step * DAY)


def named(name: str, year: int) -> Period:
    """Return a year's month, season or holiday."""
    if name in _EASTER:
        first, count = _EASTER[name]
        return days(_easter(year) + first * DAY, count)
    if name == "thanksgiving":  # the fourth Thursday of November
        return days(datetime(year, 11, 28) - ((datetime(year, 11, 28).weekday() - 3) % 7) * DAY)
    if name in HOLIDAYS:
        month, day, count = HOLIDAYS[name]
        return days(datetime(year, month, day), count)
    return months(year, SEASONS[name], 3) if name in SEASONS else months(year, MONTHS[name])


_EASTER = {"easter": (-2, 4), "good friday": (-2, 1), "easter sunday": (0, 1), "easter monday": (1, 1)}
"""How many days after Easter Sunday they begin, and how many days they have."""


def _easter(year: int) -> datetime:
    """Return Easter Sunday by Gauss's rule for the Gregorian calendar, with its two exceptions."""
    century = year // 100
    sun = (15 - (13 + 8 * century) // 25 + century - century // 4) % 30
    moon = (19 * (year % 19) + sun) % 30
    moon -= moon == 29 or (moon == 28 and year % 19 > 10)
    sunday = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + 4 + century - century // 4) % 7
    return datetime(year, 3, 22) + (moon + sunday) * DAY


def share(period: Period, begin: float, end: float) -> Period:
    """Return the part of a period between two shares of it, in 0..1."""
    width = period.end - period.start
    return period._replace(start=period.start + begin * width, end=period.start + end * width)


def weekday_in(whole: Period, weekday: int, place: int) -> Period:
    """Return the first (1), second, last (-1) … of a weekday (Monday is 1) in a period."""
    if place > 0:
        start = whole.start + (weekday - 1 - whole.start.weekday()) % 7 * DAY + (place - 1) * WEEK
    else:
        last = whole.end - DAY
        start = last - (last.weekday() - weekday + 1) % 7 * DAY + (place + 1) * WEEK
    return days(start, 1, whole.yearly)


def units_in(whole: Period, place: int, unit: str, count: int = 1) -> Period:
    """Return the first, second, last … unit of a period, or the first or last few of them.

    The weeks of a year are those of ISO 8601; those of a month are counted from its first day.
    """
    if unit == "weekend":
        found = weekday_in(whole, 6, place)
        return found._replace(end=found.end + DAY)
    first = place - 1 if place > 0 else place + 1 - count
    if unit == "week" and place > 0 and count == 1 and whole.end - whole.start > timedelta(days=360):
        return iso_week(whole.start.year, place)
    anchor = whole.start if place > 0 else whole.end
    if unit in MONTHS_OF:
        width = MONTHS_OF[unit]
        offset = first * width
        found = months(anchor.year, anchor.month + offset, width * count)
    else:
        step = DAY if unit in ("day", "night") else UNITS[unit]
        start = anchor + first * step
        found = Period(start, start + count * step)
    if not whole.start <= found.start < found.end <= max(whole.end, whole.start + WEEK):
        raise ValueError(unit)  # a month has no eighth week
    return found._replace(yearly=whole.yearly)


def time_of_day(day: Period, part: str) -> Period:
    """Return a day's morning, afternoon, evening or night."""
    begin, end = TIMES_OF_DAY[part]
    return Period(day.start + timedelta(hours=begin), day.start + timedelta(hours=end), day.yearly)


def turn(of_year: Callable[[int], Period], now: datetime, step: int) -> Period:
    """Return a period that comes every year: -1 the latest that is over, -2 the one before, 0 this one, 1 the next."""
    if step == 0:
        return max(of_year(now.year - 1), of_year(now.year), key=lambda p: (p.start <= now < p.end, p.start))
    years = range(now.year, max(now.year - 3 + step, 0), -1) if step < 0 else range(now.year, now.year + 2 + step)
    turns = [period for year in years if year < 9999 and _beyond(period := of_year(year), now, step)]
    if len(turns) < abs(step):
        raise ValueError(now)
    return turns[abs(step) - 1]


def _beyond(period: Period, now: datetime, step: int) -> bool:
    return period.end <= midnight(now) if step < 0 else period.start > now


# ---- How long ----------------------------------------------------------------------------------------------------
class Length(NamedTuple):
    """A length of time as a phrase says it: months, and the rest."""

    months: float
    rest: timedelta
    unit: str
    """The smallest unit that was named."""
    vague: bool = False
    halved: bool = False
    number: float = 1
    """The number of the last unit that was named."""

    @classmethod
    def of(cls, words: str, unit: str, halved: bool = False) -> "Length":
        """Return the length that a number and a unit mean; ``halved`` if "and a half" follows."""
        count = number(words) + 0.5 * halved
        broken = count != int(count)
        if unit in MONTHS_OF:
            return cls(count * MONTHS_OF[unit], timedelta(), unit, words in VAGUE, broken, count)
        return cls(0, count * UNITS[unit], unit, words in VAGUE, broken, count)

    def plus(self, other: "Length") -> "Length":
        """Return the sum of this length and a smaller one."""
        return other._replace(
            months=self.months + other.months, rest=self.rest + other.rest, vague=self.vague or other.vague
        )

    @property
    def of_days(self) -> bool:
        """True if whole days are meant."""
        return self.unit in ("day", "night") and not self.vague and not self.halved

    @property
    def slack(self) -> timedelta:
        """How far off its exact end it may be: half a unit, or a whole one if the number is vague."""
        return UNITS[self.unit] * (1.0 if self.vague else 0.25 if self.halved else 0.5)


class Clock(NamedTuple):
    """The asker's clock: a time zone, and the local time."""

    now: datetime  # without the zone; its ``fold`` tells the two hours apart when clocks are put back
    zone: tzinfo

    @classmethod
    def at(cls, micros: int, zone: tzinfo) -> "Clock":
        """Return the clock in a zone at an instant (microseconds since 1970 UTC)."""
        instant = _EPOCH.replace(tzinfo=UTC) + micros * _MICROSECOND
        return cls(instant.astimezone(zone).replace(tzinfo=None), zone)

    def instant(self, local: datetime) -> int:
        """Return a time on this clock in microseconds since 1970 UTC.

        A time that is skipped when clocks are put forward is the instant at which they are; of one that comes twice it
        is the first.
        """
        offset = local.replace(tzinfo=self.zone).utcoffset() or timedelta()
        return (local - _EPOCH - offset) // _MICROSECOND

    def local(self, instant: datetime) -> datetime:
        """Return what this clock shows at an instant of another zone."""
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def moved(self, base: datetime, length: Length, sign: int) -> datetime:
        """Return the time so long before (-1) or after (1) another: months by the calendar, hours as they pass."""
        whole = int(length.months)
        count = base.year * 12 + base.month - 1 + sign * whole
        year, month = count // 12, count % 12 + 1
        last = (months(year, month).end - DAY).day
        day = base.replace(year=year, month=month, day=min(base.day, last))
        return self.later(day, sign * (length.rest + (length.months - whole) * MONTH), length.unit)

    def later(self, base: datetime, duration: timedelta, unit: str) -> datetime:
        """Return a time so much later; hours are counted as they pass, also when clocks are changed."""
        if unit not in ("second", "minute", "hour"):
            return base + duration
        instant = base.replace(tzinfo=self.zone).astimezone(UTC) + duration
        return self.local(instant)

    def around(self, base: datetime, low: Length, high: Length, sign: int) -> Period:
        """Return what "so long before" or "after" a time means: the day, or a period as long as the unit."""
        first, last = sorted((self.moved(base, low, sign), self.moved(base, high, sign)))
        if low.of_days and high.of_days:
            return Period(midnight(first), midnight(last) + DAY)
        return Period(self.later(first, -low.slack, low.unit), self.later(last, low.slack, low.unit))
