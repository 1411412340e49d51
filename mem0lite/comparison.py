"""When two values are one to a filter: texts in any Unicode form, moments in any zone, integers of any size. Pure.

The functions of one or two texts are also SQL functions of every connection, under their names here.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

DAY = 24 * 3600 * 1_000_000
"""Microseconds of a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DIGITS = 310  # more than the largest double has
_SHORT = 1_000  # characters that take no time to normalise, whatever they are
_LONG_RUN = re.compile(r"[^\w\s\x00-\x7f]{31}")
_SURPLUS = re.compile(r"([^\w\s\x00-\x7f]{30})[^\w\s\x00-\x7f]+")
_LONGEST = 64  # characters of a moment, with more digits of a second than any clock has

# A date alone must have its hyphens: 20240310 is as likely a number. Weeks and ordinal dates are names more often.
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
_ZONE = r"Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?"
_BASIC = r"\d{8}T\d{4}(?:\d\d(?:[.,]\d+)?)?"
_MOMENT = re.compile(rf"{_DATE}(?:[T ]{_CLOCK}(?:{_ZONE})?)?|{_BASIC}(?:{_ZONE})?", re.ASCII)


# -- texts


def nfc(text: str) -> str:
    """Return the text in Unicode's composed form, in which the same characters are the same text.

    Only what is canonically equivalent becomes one: a ligature, a full-width letter and a superscript stay themselves.
    """
    return text if text.isascii() else _normalised("NFC", text)


def spellings(text: str) -> list[str]:
    """Return the forms in which a text may have been stored before there was one: composed, and decomposed."""
    return list(dict.fromkeys([nfc(text), _normalised("NFD", text)]))


def compatible(text: str) -> str:
    """Return the text in NFKC, in linear time.

    Of a run of combining characters (which are no word characters but for two half-width ones) 30 are kept, as in
    Unicode's stream-safe text format (UAX #15): normalising a longer one takes quadratic time.
    """
    text = text.replace("\uff9e", "\u3099").replace("\uff9f", "\u309a")
    return unicodedata.normalize("NFKC", _SURPLUS.sub(r"\1", text))


def casefold(text: str) -> str:
    """Return the text in one Unicode form and without case."""
    return text.casefold() if text.isascii() else nfc(_normalised("NFD", text).casefold())


def _normalised(form: Literal["NFC", "NFD"], text: str) -> str:
    """Return the text in a Unicode form; as it is where it has a run of more combining characters than any writing has.

    To sort those takes quadratic time: https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format
    """
    runs = _LONG_RUN.finditer(text) if len(text) > _SHORT else ()
    slow = any(all(map(unicodedata.combining, run[0])) for run in runs)
    return text if slow else unicodedata.normalize(form, text)


def is_settled(text: str) -> bool:
    """True when no other text has this composed form: ASCII, without the three that other characters are made into.

    K, ; and ` are also the composed forms of the Kelvin sign, the Greek question mark and the Greek varia.
    """
    return text.isascii() and not any(character in text for character in "K;`")


# -- moments


def span(text: str) -> tuple[int, int] | None:
    """Return the first microsecond of an ISO 8601 date-time or date, since 1970 UTC, and the first one after it.

    A date is its whole day, a date-time one microsecond; what has no zone is UTC. None of any other text.
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
    """Return a part of a text's ``span``, or None: its ``start``, its ``end``, the start of the ``day`` that it is or
    lies in, or that of the ``date`` that it is."""
    found = span(text)
    if found is None:
        return None
    start, end = found
    if part == "date":
        return start if end - start == DAY else None
    return start - start % DAY if part == "day" else (start, end)[part == "end"]


# -- numbers


def is_exact(number: float) -> bool:
    """True when SQLite compares the number with every other exactly: it reads an integer from 2**63 on as a double."""
    return -(2**63) < number < 2**63


def whole(number: str) -> str:
    """Return the integer part of a JSON number as a text: texts are in the order of the numbers, and equal only where
    they are. It is for comparing with numbers from 2**53 on, which have no other part."""
    value = int(number) if number.lstrip("-").isdigit() else int(float(number) // 1)
    if value >= 0:
        return f"1{value:0{_DIGITS}}"
    return f"0{10**_DIGITS + value:0{_DIGITS}}"
