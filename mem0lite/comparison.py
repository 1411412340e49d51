"""When two values are equal to a filter: texts in any Unicode form, instants in any zone, integers of any size. Pure.

The functions that take one or two texts are also SQL functions of every connection, under the same names.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

DAY = 24 * 3600 * 1_000_000
"""Microseconds in a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 310  # more than the largest double has
_SHORT = 1_000  # characters that are normalised in no time, whatever they are
_LONG_RUN = re.compile(r"[^\w\s\x00-\x7f]{31}")
_SURPLUS = re.compile(r"([^\w\s\x00-\x7f]{30})[^\w\s\x00-\x7f]+")
_LONGEST = 64  # characters of an instant, with more digits for a second than any clock has

# A date without a time must have hyphens: 20240310 may as well be a number. Weeks and ordinal dates are mostly names.
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
_ZONE = r"Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?"
_BASIC = r"\d{8}T\d{4}(?:\d\d(?:[.,]\d+)?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_CLOCK}(?:{_ZONE})?)?|{_BASIC}(?:{_ZONE})?", re.ASCII)


# -- texts


def nfc(text: str) -> str:
    """Return the text in Unicode's composed form (NFC, UAX #15), in which the same characters are the same text.

    Only canonically equivalent texts become equal: a ligature, a full-width letter and a superscript stay as they are.
    """
    return text if text.isascii() else _normalised("NFC", text)


def spellings(text: str) -> list[str]:
    """Return the composed and the decomposed form of a text: an old file may hold either."""
    return list(dict.fromkeys([nfc(text), _normalised("NFD", text)]))


def compatible(text: str) -> str:
    """Return the text in NFKC, in linear time.

    Of a run of combining characters, 30 are kept, as in Unicode's Stream-Safe Text Format (UAX #15), because
    normalising a longer run takes quadratic time. Two half-width marks, which are word characters, are replaced first.
    """
    text = text.replace("\uff9e", "\u3099").replace("\uff9f", "\u309a")
    return unicodedata.normalize("NFKC", _SURPLUS.sub(r"\1", text))


def casefold(text: str) -> str:
    """Return the text case-folded and in composed form."""
    return text.casefold() if text.isascii() else nfc(_normalised("NFD", text).casefold())


def _normalised(form: Literal["NFC", "NFD"], text: str) -> str:
    """Return the text in a Unicode form, or unchanged if it has a run of more combining characters than any writing.

    Sorting those takes quadratic time: https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format
    """
    runs = _LONG_RUN.finditer(text) if len(text) > _SHORT else ()
    slow = any(all(map(unicodedata.combining, run[0])) for run in runs)
    return text if slow else unicodedata.normalize(form, text)


def is_settled(text: str) -> bool:
    """True if no other text has this composed form: it is ASCII, without K, ; and `.

    These three are also the composed forms of the Kelvin sign, the Greek question mark and the Greek varia.
    """
    return text.isascii() and not any(character in text for character in "K;`")


# -- moments


def span(text: str) -> tuple[int, int] | None:
    """Return the first microsecond of an ISO 8601 date-time or date, since 1970 UTC, and the first one after it.

    A date is its whole day, a date-time one microsecond; without a time zone, UTC is meant. None for any other text.
    """
    return _span(text) if len(text) <= _LONGEST else None


@lru_cache(8_192)
def _span(text: str) -> tuple[int, int] | None:
    found = _MOMENT.fullmatch(text.upper())
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[0])
    except ValueError:  # such as the 30th of February
        return None
    start = (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MICROSECOND
    return start, start + (DAY if len(text) == len("2024-03-10") else 1)


def moment(text: str, part: str) -> int | None:
    """Return one instant of a text's ``span`` in microseconds, or None.

    ``part`` is ``start``, ``end``, ``day`` (the start of the day it is or lies in) or ``date`` (the start of the day if
    it is a whole one).
    """
    found = span(text)
    if found is None:
        return None
    start, end = found
    if part == "date":
        return start if end - start == DAY else None
    return start - start % DAY if part == "day" else (start, end)[part == "end"]


# -- numbers


def is_exact(number: float) -> bool:
    """True if SQLite compares the number exactly with every other; it reads integers from 2**63 on as doubles."""
    return -(2**63) < number < 2**63


def whole(number: str) -> str:
    """Return the integer part of a JSON number as text that sorts as the numbers do.

    It is for comparing with numbers from 2**53 on, which have no fraction.
    """
    value = int(number) if number.lstrip("-").isdigit() else int(float(number) // 1)
    if value >= 0:
        return f"1{value:0{_DIGITS}}"
    return f"0{10**_DIGITS + value:0{_DIGITS}}"
