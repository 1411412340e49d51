"""Changes of single values in JSON, with or without comments, that leave every other character as it is. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import ConfigurationError

Path = Sequence[str | int]
"""Keys of objects and positions in arrays, from the outermost value on."""

_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_PLAIN = re.compile(r'[^\s,:\[\]{}"/]+')
_INDENT = re.compile(r"\n([ \t]+)\S")


class Node(NamedTuple):
    """A value, and where it is in the text."""

    start: int
    end: int
    value: Any
    children: "list[Child] | None" = None
    """Those of an object or an array. None: it is neither."""


class Child(NamedTuple):
    """A member of an object or an item of an array. It starts where its key does."""

    key: str | int
    start: int
    node: Node


def parse(text: str) -> Node:
    """Return the value that a text is. Comments and commas before a closing bracket are allowed.

    Raises ConfigurationError, which says where the text is no JSON.
    """
    try:
        node = _value(text, _after_blanks(text, 0))
        rest = _after_blanks(text, node.end)
    except RecursionError:
        raise ConfigurationError("it is nested too deeply.") from None
    if rest < len(text):
        raise _wrong(text, rest, "nothing more is expected")
    return node


def put(text: str, path: Path, value: Any) -> str:
    """Return the text with a value at a path; objects on the way there are added if they are missing.

    An index that is the length of an array appends to it. Raises ConfigurationError if something else is in the way.
    """
    node = parse(text)
    for depth, key in enumerate(path):
        child = _child(node, key, path[:depth])
        if child is None:
            for inner in reversed(path[depth + 1 :]):
                value = [value] if isinstance(inner, int) else {inner: value}
            return _inserted(text, node, key, value)
        node = child.node
    if node.value == value:
        return text
    return text[: node.start] + _written(value, text, _indent_at(text, node.start)) + text[node.end :]


def drop(text: str, path: Path) -> str:
    """Return the text without the value at a path, and without the objects and arrays that become empty by that."""
    node = parse(text)
    for depth, key in enumerate(path[:-1]):
        child = _child(node, key, path[:depth])
        if child is None:
            return text
        node = child.node
    gone = _child(node, path[-1], path[:-1])
    if gone is None:
        return text
    text = _without(text, node, gone)
    if len(path) == 1:
        return text
    around = get(parse(text), path[:-2])
    left = None if around is None else _child(around, path[-2], path[:-2])
    empty = left is not None and left.node.children == [] and not _COMMENT.search(text[left.start : left.node.end])
    return drop(text, path[:-1]) if empty else text


def get(node: Node, path: Path) -> Node | None:
    """Return what is at a path, None if there is nothing."""
    for depth, key in enumerate(path):
        child = _child(node, key, path[:depth])
        if child is None:
            return None
        node = child.node
    return node


def _child(node: Node, key: str | int, path: Path) -> Child | None:
    """Return the child with a key; the last one, as every parser of JSON does. None: there is none."""
    wanted = list if isinstance(key, int) else dict
    if not isinstance(node.value, wanted):
        where = ".".join(map(str, path)) or "the whole of it"
        raise ConfigurationError(f"{where} must be {'a list' if wanted is list else 'an object'}.")
    return next((one for one in reversed(node.children or []) if one.key == key), None)


# -- reading


def _value(text: str, at: int) -> Node:
    opening = text[at : at + 1]
    if opening in ("{", "["):
        return _container(text, at)
    if opening == '"':
        end, value = _string(text, at)
        return Node(at, end, value)
    plain = _PLAIN.match(text, at)
    if plain is None:
        raise _wrong(text, at, "a value is expected")
    try:
        return Node(at, plain.end(), json.loads(plain.group()))
    except ValueError:
        raise _wrong(text, at, "a value is expected") from None


def _container(text: str, start: int) -> Node:
    closing = "}" if text[start] == "{" else "]"
    children: list[Child] = []
    at = _after_blanks(text, start + 1)
    while text[at : at + 1] != closing:
        if children and text[children[-1].node.end : at].strip() == "":
            raise _wrong(text, at, f"a comma or {closing} is expected")
        child = _member(text, at) if closing == "}" else Child(len(children), at, _value(text, at))
        children.append(child)
        at = _after_blanks(text, child.node.end)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
        elif text[at : at + 1] != closing:
            raise _wrong(text, at, f"a comma or {closing} is expected")
    value: Any = [one.node.value for one in children]
    if closing == "}":
        value = {one.key: one.node.value for one in children}
    return Node(start, at + 1, value, children)


def _member(text: str, at: int) -> Child:
    if text[at : at + 1] != '"':
        raise _wrong(text, at, "a key in double quotes is expected")
    end, key = _string(text, at)
    colon = _after_blanks(text, end)
    if text[colon : colon + 1] != ":":
        raise _wrong(text, colon, "a colon is expected")
    return Child(key, at, _value(text, _after_blanks(text, colon + 1)))


def _string(text: str, at: int) -> tuple[int, str]:
    found = _STRING.match(text, at)
    if found is None:
        raise _wrong(text, at, "this text in quotes does not end")
    try:
        return found.end(), str(json.loads(found.group(), strict=False))
    except ValueError:
        raise _wrong(text, at, "this text in quotes has an escape that JSON lacks") from None


def _after_blanks(text: str, at: int) -> int:
    """Return where white space and comments end."""
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _wrong(text: str, at: int, problem: str) -> ConfigurationError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return ConfigurationError(f"line {line}, column {column}: {problem}.")


# -- writing


def _inserted(text: str, node: Node, key: str | int, value: Any) -> str:
    """Return the text with a new last child in an object or an array. Comments stay with what they follow."""
    children = node.children or []
    outer, close = _indent_at(text, node.start), node.end - 1
    whole = text.strip()
    inline = "\n" not in text[node.start : close] and (bool(children) or ("\n" not in whole and whole != "{}"))
    inner = _indent_of(text, node, outer)
    name = "" if isinstance(key, int) else json.dumps(key, ensure_ascii=False) + ": "
    new = name + (json.dumps(value, ensure_ascii=False) if inline else _written(value, text, inner))
    line = _newline(text)
    if not children:
        body = text[node.start + 1 : close].rstrip()
        around = (body, "") if inline else (f"{body}{line}{inner}", f"{line}{outer}")
        return f"{text[: node.start + 1]}{around[0]}{new}{around[1]}{text[close:]}"
    last = children[-1].node.end
    comma = _comma(text, last, close)
    anchor = last + len(text[last:close].rstrip())
    lead = " " if inline else f"{line}{inner}"
    before = text[:last] + ("" if comma is not None else ",") + text[last:anchor]
    return before + lead + new + ("," if comma is not None and not inline else "") + text[anchor:]


def _without(text: str, node: Node, gone: Child) -> str:
    children = node.children or []
    position = children.index(gone)
    close = node.end - 1
    following = _comma(text, gone.node.end, children[position + 1].start if position + 1 < len(children) else close)
    spans = [_wide(text, gone.start, gone.node.end if following is None else following + 1)]
    if following is not None and text[gone.node.end : following].strip():  # a comment is before the comma
        spans = [_wide(text, gone.start, gone.node.end), (following, following + 1)]
    if position and position + 1 == len(children) and following is None:
        before = _comma(text, children[position - 1].node.end, gone.start)
        spans.append((before, before + 1)) if before is not None else None
    if len(children) == 1 and not _COMMENT.search(_cut(text[node.start + 1 : close], spans, node.start + 1)):
        return text[: node.start + 1] + text[close:]
    return _cut(text, spans, 0)


def _cut(text: str, spans: Sequence[tuple[int, int]], offset: int) -> str:
    for start, end in sorted(spans, reverse=True):
        text = text[: max(start - offset, 0)] + text[max(end - offset, 0) :]
    return text


def _wide(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span with the white space that was only there for it."""
    before = len(text[:start].rstrip(" \t"))
    rest = text[end:].split("\n", 1)[0].strip()
    if text[:before].endswith("\n") and not rest:
        before -= 1
        return before - text[:before].endswith("\r"), end + len(text[end:].split("\n", 1)[0].rstrip("\r"))
    if text[:before].endswith("\n") or text[before - 1 : before] in ("{", "["):
        return start, end + len(text[end:]) - len(text[end:].lstrip(" \t"))
    return before, end


def _comma(text: str, start: int, end: int) -> int | None:
    """Return where a comma is between two places, outside of comments."""
    bare = _COMMENT.sub(lambda found: " " * len(found.group()), text[start:end])
    found = bare.find(",")
    return None if found < 0 else start + found


def _written(value: Any, text: str, indent: str) -> str:
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    return f"{_newline(text)}{indent}".join(lines)


def _unit(text: str) -> str:
    """Return what a text indents by."""
    found = _INDENT.search(text)
    return found.group(1) if found else "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _indent_of(text: str, node: Node, outer: str) -> str:
    """Return how the children of an object or an array are indented."""
    for child in node.children or []:
        line = text[text.rfind("\n", 0, child.start) + 1 : child.start]
        if not line.strip() and "\n" in text[node.start : child.start]:
            return line
    return outer + _unit(text)
