"""Identifiers and their parts: paths, versions, addresses, names in camel case. Pure."""

import re
from collections.abc import Iterator
from itertools import accumulate, islice

from .languages import STOP_WORDS, folded

_LONGEST_NAME = 256
_MOST_PARTS = 64  # of an identifier: no path has more, and an encoded file must not fill the index
HUMP = re.compile(r"[A-Z](?:(?<=[a-z].)|(?<=\d.)(?=[a-z])|(?<=[A-Z].)(?=[a-z]{2}))")
CAMEL = re.compile(rf"(?<![A-Za-z\d])[A-Za-z\d]*?{HUMP.pattern}[A-Za-z\d]*")
_SCHEME = re.compile(r"^(?:[a-z][a-z\d+.-]*://)?(?:www\.)?")
_HARD_JOINER = re.compile(r"[._@\\]|::|->")
_OUTER_JOINER = re.compile(r"::|->|[/\\:@+=&~%?#]+")
_PART = re.compile(r"[^\W_]+")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")
_SUFFIX = re.compile(r"[?#]|:(?=\d)")  # a query, a fragment, or a line number after a path
_TICKET = re.compile(r"[a-z]+-\d+(?=-)")
_SIGNED = re.compile(r"[@#.]\w+|\w+\+\+|[a-z]#")


def take_identifier(match: re.Match[str], found: list[str]) -> str:
    """Add the terms of an identifier, a number or a time as a whole; return its parts, separated by spaces."""
    name = match[0]
    if match.lastgroup == "number":
        number = name.replace(",", "")
        found += dict.fromkeys((number, number.partition(".")[0]))
        return " "
    if match.lastgroup == "time":
        found.append(name.removeprefix("0"))
    else:
        wholes = dict.fromkeys(_wholes(folded(name.casefold())))
        found += islice((whole for whole in wholes if len(whole) <= _LONGEST_NAME), _MOST_PARTS)
    return " ".join(islice((part[0] for part in _PART.finditer(name)), _MOST_PARTS)) + " "


def _wholes(name: str) -> Iterator[str]:
    """Yield the terms by which an identifier is found besides its parts: itself, and identifiers and versions in it."""
    name = _SCHEME.sub("", name)
    if signed := _SIGNED.match(name):
        yield signed[0]
        yield name
    name = name.lstrip("@#.")
    outer = _OUTER_JOINER.split(name)
    hyphenated = [piece for whole in outer for piece in whole.split("-")]
    dotted = [piece for whole in hyphenated for piece in whole.split(".")]
    for piece in [name, _SUFFIX.split(name)[0], *outer, *hyphenated, *dotted]:
        if _is_identifier(piece := piece.strip("_")):
            yield piece
    yield from (ticket[0] for piece in outer if (ticket := _TICKET.match(piece)))
    for piece in hyphenated:
        if version := _VERSION.match(piece):
            yield from islice(accumulate(version[1].split("."), lambda prefix, number: f"{prefix}.{number}"), 1, 8)
        elif piece.count(".") > 1:
            yield ".".join(piece.split(".")[-2:])


def _is_identifier(name: str) -> bool:
    """Tell whether a name gets a term of its own; "e.g", "and/or", "well-known" and "state-of-the-art" don't."""
    parts = _PART.findall(name)
    if len(parts) < 2 or len(name) > _LONGEST_NAME:
        return False
    if "_" in name or any(map(str.isdigit, name)):
        return True
    if _HARD_JOINER.search(name):
        return any(len(part) > 1 for part in parts)
    return len(parts) > 2 and STOP_WORDS.isdisjoint(parts)


def humps(match: re.Match[str]) -> str:
    """Return a name in camel case, followed by its parts of two or more letters."""
    parts = HUMP.sub(r" \g<0>", match[0]).split()
    return " ".join([match[0], *(part for part in parts[:_MOST_PARTS] if 1 < len(part) < len(match[0]))])
