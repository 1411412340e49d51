"""The JSON value in what a language model writes: after its thoughts, in a code fence, with text around it. Pure.

A reader of our own, because the few slips that models make in JSON are quickly mended, and what is left over is asked
for again. Rejected: libraries that make a value of any text, which invent the end of an answer that was cut off.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_THOUGHTS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>"))
_FENCE = "```"
_MOST_STARTS = 100  # places where a value may begin
_LONGEST_ANSWER = 1_000_000  # characters
_SLIPS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|//[^\n]*|,(?=\s*[\]}])|\b(?:True|False|None)\b', re.DOTALL)
_MENDED = {"True": "true", "False": "false", "None": "null"}
_DECODER = json.JSONDecoder(strict=False)  # a line break may be within a text


def read_json(text: str) -> Any:
    """Return the JSON value in a model's answer; of several, the first object, else the first list.

    Trailing commas, comments, and Python's ``True`` and ``None`` are mended. Raises ValueError if there is none.

    >>> read_json('<think>{"a": 0}?</think> Here it is: ```json\\n{"a": [1, 2,],}\\n```')
    {'a': [1, 2]}
    """
    text = text[:_LONGEST_ANSWER].lstrip("\ufeff")
    answer = _without_thoughts(text)
    for exact in (text, answer, *_fenced(answer)):
        for form in (exact, _without_slips(exact)):
            value = _decoded(form.strip(), 0)
            if value is not None and not form.strip()[value[1] :]:
                return value[0]
    return _first([*_inside(answer)] or [*_inside(_without_slips(answer))])


def _first(found: list[Any]) -> Any:
    if not found:
        raise ValueError("it has no JSON object")
    return next((value for value in found if isinstance(value, dict)), found[0])


def _without_thoughts(text: str) -> str:
    """Return what follows a model's thoughts; nothing if they don't end."""
    for begin, end in _THOUGHTS:
        text = text.rpartition(end)[2]
        text = text.partition(begin)[0]
    return text


def _fenced(text: str) -> Iterator[str]:
    """Yield what is in code fences, without the name of the language."""
    for block in text.split(_FENCE)[1::2]:
        line, _, rest = block.partition("\n")
        yield rest if line.strip().isalnum() else block


def _inside(text: str) -> Iterator[Any]:
    """Yield the objects and lists that begin somewhere in a text."""
    position = 0
    for _ in range(_MOST_STARTS):
        starts = [place for place in (text.find("{", position), text.find("[", position)) if place >= 0]
        if not starts:
            return
        value = _decoded(text, min(starts))
        position = min(starts) + 1 if value is None else value[1]
        if value is not None:
            yield value[0]


def _decoded(text: str, start: int) -> tuple[Any, int] | None:
    """Return the object or list that begins at a place, and where it ends."""
    if text[start : start + 1] not in ("{", "["):
        return None
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def _without_slips(text: str) -> str:
    return _SLIPS.sub(lambda found: found[0] if found[0].startswith('"') else _MENDED.get(found[0], ""), text)
