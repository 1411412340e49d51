"""Query parameters and flags, which are text, as values of metadata, which have types. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ..errors import ValidationError
from ..values import finite, is_number

_PART = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^,]*))\s*(?:,|\Z)')


def meanings(text: str) -> list[Any]:
    """Return what a text may mean in metadata: itself, and the number or boolean that it is as JSON.

    >>> meanings("5"), meanings("true"), meanings("05"), meanings("null")
    (['5', 5], ['true', True], ['05'], ['null'])

    ``null`` means only the text. To ask for a missing key, use a filter.
    """
    try:
        value = json.loads(text)
        if isinstance(value, bool) or (is_number(value) and finite(value, "value") is value):
            return [text, value]
    except (ValueError, RecursionError, ValidationError):
        pass
    return [text]


def instant(text: str | None) -> str | float | None:
    """Return epoch seconds as a number, and anything else unchanged, for the library to read or refuse.

    >>> instant("1767225600"), instant("20300131"), instant("soon")
    (1767225600.0, '20300131', 'soon')
    """
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)  # first, because 20300131 is a date
    except ValueError:
        try:
            return float(text)
        except ValueError:
            pass
    return text


def listed(values: Iterable[str]) -> list[Any]:
    """Return the values of a parameter that is repeated or separates values with commas; [] if there are none.

    >>> listed(["red,5", '"salt, pepper"'])
    ['red,5', 'red', '5', 5, '"salt, pepper"', 'salt, pepper']

    A value in quotes is one text with its commas, as in CSV. Without quotes, it means several values and also the text
    as it is: somebody who doesn't know the rule may be asking for a tag "red,5".
    """
    wanted: list[Any] = []
    for value in values:
        parts = [one for part in _parts(value) for one in part]
        wanted += parts if not parts or value in parts else [value, *parts]
    return wanted


def _parts(value: str) -> Iterator[list[Any]]:
    place = 0
    while place <= len(value) and (found := _PART.match(value, place)) is not None:
        quoted = found["quoted"]
        if quoted is not None:
            yield [quoted.replace('""', '"')]
        elif plain := found["plain"].strip():
            yield meanings(plain)
        place = found.end() if found[0].endswith(",") else len(value) + 1
