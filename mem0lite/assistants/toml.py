"""Changes of one table in TOML that leave every other character as it is. Pure."""

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ConfigurationError

_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TOKEN = re.compile(
    r'''"""(?:\\.|[^"\\]|"(?!""))*(?:"{3,5})?|\'\'\'(?:[^']|'(?!''))*(?:\'{3,5})?|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*+'?'''
    r"""|\#[^\n]*|[\[{]|[\]}]|\n|[^"'\#\[\]{}\n]+""",
    re.DOTALL,
)
"""A text that is never closed goes on to the end, so that no character is looked at twice."""
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_INLINE = re.compile(r"[ \t]*")


class Statement(NamedTuple):
    """The header of a table, or a key with its value."""

    start: int
    end: int
    path: tuple[str, ...]
    """From the root on."""
    header: bool
    value: int
    """Where the value starts."""


def parse(text: str) -> dict[str, Any]:
    """Return what a text holds. Raises ConfigurationError, which says where it is no TOML."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{error}.") from None


def put(text: str, table: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return the text with these values in a table; other keys that the table has stay.

    Raises ConfigurationError where the table is written so that this cannot be done, such as an inline table.
    """
    expected = copy.deepcopy(parse(text))
    inner = expected
    for key in table:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{'.'.join(table)} must be a table.")
    inner.update(values)
    if parse(text) == expected:
        return text
    return _checked(_put(text, tuple(table), values), expected, f"write {dict(values)} there by hand")


def drop(text: str, table: Sequence[str]) -> str:
    """Return the text without a table and the tables in it. Raises ConfigurationError where that cannot be done."""
    expected = copy.deepcopy(parse(text))
    inner: Any = expected
    for key in table[:-1]:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or table[-1] not in inner:
        return text
    del inner[table[-1]]
    return _checked(_drop(text, tuple(table)), expected, f"remove {'.'.join(table)} by hand")


def _checked(text: str, expected: dict[str, Any], otherwise: str) -> str:
    try:
        found = parse(text)
    except ConfigurationError:
        found = {}
    if _filled(found) != _filled(expected):
        raise ConfigurationError(f"it is written in a way that cannot be changed safely; {otherwise}.")
    return text


def _filled(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value != {}}


def _put(text: str, table: tuple[str, ...], values: Mapping[str, Any]) -> str:
    line = "\r\n" if "\r\n" in text else "\n"
    found = list(statements(text))
    header = next((one for one in found if one.header and one.path == table), None)
    if header is None:
        lines = [f"[{'.'.join(map(_key, table))}]", *(f"{_key(key)} = {_value(one)}" for key, one in values.items())]
        before = text if not text or text.endswith("\n") else text + line
        return before + (line if before.strip() else "") + line.join(lines) + line
    for key, value in reversed([*values.items()]):
        own = next((one for one in found if not one.header and one.path == (*table, key)), None)
        if own is not None:
            text = text[: own.value] + _value(value) + text[own.end :]
        else:
            text = f"{text[: header.end]}{line}{_key(key)} = {_value(value)}{text[header.end :]}"
        found = list(statements(text))
        header = next(one for one in found if one.header and one.path == table)
    return text


def _drop(text: str, table: tuple[str, ...]) -> str:
    """Cut out statements with their lines. A blank line before a table goes with it."""
    spans: list[tuple[int, int]] = []
    ours = False
    for one in statements(text):
        if one.header:
            ours = one.path[: len(table)] == table
        if one.path[: len(table)] == table:
            inside = ours and not one.header
            start = spans.pop()[0] if inside else _line_start(text, one.start, blank=one.header)
            spans.append((start, _line_end(text, one.end)))
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text


def _line_start(text: str, at: int, *, blank: bool) -> int:
    start = text.rfind("\n", 0, at) + 1
    before = text[:start].rstrip("\r\n")
    lines = text[len(before) : start].count("\n")
    return text.rfind("\n", 0, start - 1) + 1 if blank and start and (lines > 1 or not before) else start


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a text that is TOML, with keys from the root on. Items of arrays of tables have none."""
    table: tuple[str, ...] = ()
    at = _skip(_BLANK, text, 0)
    while at < len(text):
        if text.startswith("[", at):
            double = text.startswith("[[", at)
            end, path = _keys(text, at + 1 + double)
            end = text.index("]", end) + 1 + double
            table = (*path, "[]") if double else path
            yield Statement(at, end, table, True, end)
        else:
            end, path = _keys(text, at)
            value = _skip(_INLINE, text, text.index("=", end) + 1)
            end = _value_end(text, value)
            yield Statement(at, end, (*table, *path), False, value)
        at = _skip(_BLANK, text, end)


def _keys(text: str, at: int) -> tuple[int, tuple[str, ...]]:
    keys: list[str] = []
    while found := _KEY.match(text, _skip(_INLINE, text, at)):
        token = found.group()
        keys.append(str(tomllib.loads(f"x = {token}")["x"]) if token[0] in "\"'" else token)
        at = _skip(_INLINE, text, found.end())
        if not text.startswith(".", at):
            break
        at += 1
    return at, tuple(keys)


def _value_end(text: str, at: int) -> int:
    """Return where a value ends: at the end of its line or at a comment, outside of brackets and texts."""
    depth, end = 0, at
    for found in _TOKEN.finditer(text, at):
        token = found.group()
        if depth == 0 and token[0] in "\n#":
            break
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        if token.strip() and not token.startswith("#"):
            end = found.start() + len(token.rstrip())
    return end


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    """Return a text, a truth value or a list of texts as TOML, whose texts are JSON's but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
