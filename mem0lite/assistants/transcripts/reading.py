"""What formats have in common: what they yield, and files that are read piece by piece. Pure, but for reading."""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, NamedTuple

from ...errors import Mem0LiteError
from ...values import shown, to_micros

_CHUNK = 1 << 16
_MOST = 1 << 30  # characters of one conversation
_BLANK = re.compile(r"[\s,]*")


class Message(NamedTuple):
    """What somebody said."""

    key: str
    """Names the message among all of its source, and never changes."""
    session: str
    role: str
    text: str
    at: int | None
    """When, in microseconds. None: the file does not tell."""
    about: Mapping[str, Any] = {}
    """Metadata, such as the project."""


class LeftOut(NamedTuple):
    """Something that is no speech."""

    kind: str


class Unknown(NamedTuple):
    """Something that the format does not know."""

    what: str
    where: str


Found = Message | LeftOut | Unknown


class Line(NamedTuple):
    """A value of a file, and its place."""

    where: str
    data: Any


class Said(NamedTuple):
    """What is said in a message, on the way to being one."""

    role: str
    text: str


class Source(NamedTuple):
    """A file with conversations."""

    name: str
    open: Callable[[], IO[bytes]]
    changed: int
    """When it was last changed, in microseconds."""


def json_lines(source: Source) -> Iterator[Line | LeftOut | Unknown]:
    """Yield the objects of JSON lines with their places, and what else is there.

    A last line without an end is being written; it is left out if it is not complete.
    """
    with source.open() as file:
        for number, line in enumerate(file, start=1):
            where = f"{source.name}:{number}"
            if not line.strip():
                continue
            try:
                data = json.loads(line.decode("utf-8-sig", "replace"))
            except (ValueError, RecursionError) as error:
                whole = line.endswith(b"\n")
                yield Unknown(f"not valid JSON: {error}", where) if whole else LeftOut("unfinished line")
                continue
            yield Line(where, data) if isinstance(data, dict) else Unknown(f"no object but {shown(data)}", where)


def json_items(source: Source) -> Iterator[Line | Unknown]:
    """Yield the items of a JSON array with their places, each read on its own; another value is yielded as it is."""
    with source.open() as file:
        text = _Buffer(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace"))
        if not text.skip():
            yield Unknown("an empty file", source.name)
            return
        single = text.left[0] != "["
        if not single:
            text.drop(1)
        number = 0
        while text.skip() and (single or text.left[0] != "]"):
            where = source.name if single else f"{source.name}, conversation {number}"
            try:
                yield Line(where, text.value())
            except (ValueError, RecursionError) as error:
                yield Unknown(f"not valid JSON, nor what follows: {error}", where)
                return
            number += 1
        if not single and not text.skip():
            yield Unknown("the file ends in the middle", source.name)


def conversations(source: Source) -> Iterator[Line | Unknown]:
    """Yield the conversations of an export: the items of an array, also of one that an object has."""
    for found in json_items(source):
        nested = items(mapping(found.data).get("conversations")) if isinstance(found, Line) else ()
        if isinstance(found, Line) and nested:
            yield from (Line(found.where, one) for one in nested)
        else:
            yield found


class _Buffer:
    """The beginning of a text that has not been consumed yet."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self.left = ""

    def skip(self) -> bool:
        """Drop white space and commas; return whether anything is left."""
        while True:
            found = _BLANK.match(self.left)
            self.drop(found.end() if found else 0)
            if self.left or not self._more(_CHUNK):
                return bool(self.left)

    def drop(self, count: int) -> None:
        """Drop characters."""
        self.left = self.left[count:]

    def value(self) -> Any:
        """Consume a value. Raises ValueError if there is none."""
        size = _CHUNK
        while True:
            try:
                value, end = self._decode(self.left)
            except ValueError:
                if len(self.left) > _MOST or not self._more(size):
                    raise
                size *= 2  # so that a long value is not tried too often
                continue
            self.drop(end)
            return value

    def _more(self, size: int) -> bool:
        new = self._file.read(size)
        self.left += new
        return bool(new)


def instant(value: object) -> int | None:
    """Return a date of a file in microseconds, None if it is none."""
    if value is None or isinstance(value, bool) or value == 0:
        return None
    try:
        return to_micros(value, "date")
    except Mem0LiteError:
        return None


def marked(text: str, opening: str, closing: str) -> Iterator[tuple[int, int]]:
    """Yield where parts begin and end that stand between two marks. A part that is never closed is none.

    A regular expression would look for the end again from every beginning.
    """
    start = text.find(opening)
    while start >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
        yield start, end + len(closing)
        start = text.find(opening, end + len(closing))


def without(text: str, opening: str, closing: str) -> str:
    """Return a text without what stands between two marks."""
    kept, last = [], 0
    for start, end in marked(text, opening, closing):
        kept.append(text[last:start])
        last = end
    return "".join([*kept, text[last:]])


def text_of(value: object) -> str:
    """Return a text, or nothing for what is none."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Iterable[Any]:
    """Return a list, or an empty one for what is none."""
    return value if isinstance(value, list) else ()
