"""Dates written in Chinese and Japanese, put into English words, which the grammar reads. Pure."""

import re
from collections.abc import Iterator
from datetime import datetime

from .words import FULL_MONTHS as _MONTHS

_DIGITS = {**{digit: number for number, digit in enumerate("〇一二三四五六七八九十")}, "两": 2, "兩": 2}
_NUMBER = r"(?:\d{1,3}|[一二两兩三四五六七八九十]{1,3})"
_DATE = re.compile(
    rf"(?:(?P<year>(?:19|20)\d\d) ?年|(?P<turn>[今去昨前明来來])年(?:的|の)?) ?"
    rf"(?:(?P<month>{_NUMBER}) ?月(?:份)? ?(?:(?P<day>{_NUMBER}) ?[日号號]|(?P<part>[上中下]旬|[初底末]))?)?"
    rf"|(?P<only_month>{_NUMBER}) ?月(?:份)? ?(?:(?P<only_day>{_NUMBER}) ?[日号號]|(?P<only_part>[上中下]旬|[初底末]))?"
    rf"|(?P<count>{_NUMBER}) ?"
    r"(?:(?P<days>[天日])|(?P<weeks>周|週間?|[个個]?星期)|(?P<months>[个個ヶかカ箇]月)|(?P<years>年))[之以]?前"
    r"|(?P<step>上|下|这|這|本|先|今|来|來)(?:一|个|個)?(?P<unit>周|週|星期|月)"
    r"|(?P<near>昨[天日晚]|前天|一昨日|今[天日早晚]|明[天日])"
)
_TURNS = {"前": -2, "去": -1, "昨": -1, "今": 0, "明": 1, "来": 1, "來": 1}
_PARTS = {"上": "early ", "初": "early ", "中": "mid ", "下": "late ", "底": "late ", "末": "late "}
_STEPS = {"上": "last", "先": "last", "下": "next", "来": "next", "來": "next"}
_NEAR = {"昨": "yesterday", "前": "2 days ago", "一": "2 days ago", "今": "today", "明": "tomorrow"}


def in_english(text: str, now: datetime) -> str:
    """Return the dates of a text in English words: "in mid february 2025 | on 3 may"."""
    return " | ".join(_phrases(text, now))


def _phrases(text: str, now: datetime) -> Iterator[str]:
    for found in _DATE.finditer(text):
        parts = found.groupdict()
        if parts["near"]:
            yield _NEAR[parts["near"][0]]
        elif parts["step"]:
            yield f"{_STEPS.get(parts['step'], 'this')} {'month' if parts['unit'] == '月' else 'week'}"
        elif parts["count"]:
            unit = next(name for name in ("days", "weeks", "months", "years") if parts[name])
            yield f"{_number(parts['count'])} {unit} ago"
        else:
            year = parts["year"] or (str(now.year + _TURNS[parts["turn"]]) if parts["turn"] else "")
            yield from _calendar(
                year,
                parts["month"] or parts["only_month"],
                parts["day"] or parts["only_day"],
                parts["part"] or parts["only_part"] or "",
            )


def _calendar(year: str, month: str | None, day: str | None, part: str) -> Iterator[str]:
    if month is None:
        yield f"in {year}"
    elif 1 <= (number := _number(month)) <= 12:
        name = f"{_MONTHS[number - 1]} {year}".rstrip()
        yield f"on {_number(day)} {name}" if day else f"in {_PARTS[part[0]] if part else ''}{name}"


def _number(written: str) -> int:
    """Return the number of "12", "二" or "二十五"."""
    if written.isdecimal():
        return int(written)
    tens, ten, ones = written.partition("十")
    if not ten:
        return _DIGITS[written[0]]
    return 10 * _DIGITS.get(tens[:1], 1) + _DIGITS.get(ones[:1], 0)
