"""Weekdays, days near today, times of day and days of a month. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from .. import periods
from ..grammar import Found, Grammar, rule
from ..periods import Period
from ..words import SHORT_WEEKDAYS, TIME_OF_DAY, TIMES_OF_DAY, WEEKDAY, WEEKDAYS, either
from .common import ENDS, SPELT_DAY, no_date, piece
from .days import day_number

_NOT_ONE = r"(?<!every )(?<!each )(?<!any )(?<!good )(?<!black )(?<!man )(?<!other )(?<!that )"


@rule(rf"{_NOT_ONE}(?P<name>{WEEKDAY}|{either(SHORT_WEEKDAYS)}\b\.?){ENDS}", (*WEEKDAYS, *SHORT_WEEKDAYS))
def _weekday(grammar: Grammar, match: re.Match[str]) -> Found:
    name = match["name"].rstrip(".")
    weekday = WEEKDAYS.get(name) or SHORT_WEEKDAYS[name]
    kind = "weekday" if name in WEEKDAYS else "short weekday"
    step = 1 if grammar.ahead else -1
    return piece(
        match,
        "day",
        lambda: next_weekday(grammar, weekday, step),
        "week",
        lambda whole: periods.weekday_in(whole, weekday, 1),
        kind,
    )


def next_weekday(grammar: Grammar, weekday: int, step: int) -> Period:
    """Return a weekday: -1 is the latest before today, 0 this week's, 1 the first after today, ±2 a week further."""
    this = weekday - 1 - grammar.today.weekday()
    days = {0: this, 1: this % 7 or 7}.get(1 if step > 0 else step, this % 7 - 7)
    weeks = step - 1 if step > 1 else step + 1 if step < -1 else 0
    return periods.days(grammar.today + days * periods.DAY + weeks * periods.WEEK)


@rule(
    rf"(?P<day>day before yesterday|day after tomorrow|yesterday|today|tomorrow){ENDS}",
    ("day", "yesterday", "today", "tomorrow"),
)
def _near_day(grammar: Grammar, match: re.Match[str]) -> Found:
    step = {"day before yesterday": -2, "yesterday": -1, "tomorrow": 1, "day after tomorrow": 2}.get(match["day"], 0)
    return piece(match, "day", lambda: periods.days(grammar.today + step * periods.DAY))


@rule(rf"(?P<step>tonight|(?<!the )last night|this (?P<part>{TIME_OF_DAY}))(?! of){ENDS}", ("tonight", "last", "this"))
def _near_time(grammar: Grammar, match: re.Match[str]) -> Found:
    step = -1 if match["step"] == "last night" else 0
    day = periods.days
    return piece(
        match, "time", lambda: periods.time_of_day(day(grammar.today + step * periods.DAY), match["part"] or "night")
    )


@rule(rf"(?:early |late )?(?P<part>{TIME_OF_DAY}){ENDS}", (*TIMES_OF_DAY, "early", "late"))
def _part_of_day(_: Grammar, match: re.Match[str]) -> Found:
    """A part of a day that is named next to it."""
    return _time(match, lambda day: periods.time_of_day(day, match["part"]))


@rule(
    rf"(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::\d\d)?)?(?P<half> ?(?:am|pm|a\.m\.|p\.m\.|o'clock)| h\b| uhr\b)?{ENDS}",
    "0",
)
@rule(rf"(?P<hour>noon|midday|midnight){ENDS}", ("noon", "midday", "midnight"))
def _hour(_: Grammar, match: re.Match[str]) -> Found | None:
    """An hour of a day that is named next to it."""
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
    return replace(piece(match, "time", no_date, "day", within), alone=False)


@rule(rf"the (?P<day>{SPELT_DAY}){ENDS}(?= of (?:this|last|next|the previous|the) month\b)", ("the",))
@rule(rf"the (?P<day>\d\d?)(?:st|nd|rd|th)(?: of the month)?{ENDS}", ("the",))
@rule(rf"(?P<day>\d\d?)(?:st|nd|rd|th){ENDS}(?= of (?:this|last|next|the previous) month)", "0")
def _day_of_month(grammar: Grammar, match: re.Match[str]) -> Found:
    day = day_number(match["day"])

    def read() -> Period:
        step = 0 if (day > grammar.today.day) == grammar.ahead else 1 if grammar.ahead else -1
        return of_month(periods.unit_around(grammar.now, "month", step))

    def of_month(month: Period) -> Period:
        return periods.days(month.start.replace(day=day), 1, month.yearly)

    return piece(match, "day", read, "month", of_month, "nth")


@rule(rf"(?P<name>{WEEKDAY}),? (?:the )?(?P<number>\d\d?)(?:st|nd|rd|th){ENDS}", WEEKDAYS)
def _weekday_of_month(grammar: Grammar, match: re.Match[str]) -> Found:
    """Friday the 13th, in the nearest month in which the 13th is a Friday."""
    weekday, number = WEEKDAYS[match["name"]], int(match["number"])

    def read() -> Period:
        for step in range(15) if grammar.ahead else range(0, -15, -1):
            month = periods.unit_around(grammar.now, "month", step)
            day = month.start + (number - 1) * periods.DAY
            to_come = day >= grammar.today if grammar.ahead else day <= grammar.today
            if to_come and day < month.end and day.isoweekday() == weekday:
                return periods.days(day)
        raise ValueError(match[0])

    return piece(match, "day", read)
