"""How much of a text a model can read, told from the pieces its tokenizer cuts texts into. Pure."""

import hashlib
import math
import struct
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeAlias

UnitVector: TypeAlias = "array[float]"
"""A unit vector as float32 numbers, ``array('f')``: what numpy reads without a copy, and any database as a sequence."""

_WRITTEN = 100  # pieces of two and more letters of a script from which a vocabulary has words of it, not an alphabet
_CONTINUING = ("##", "▁", "Ġ")  # what tokenizers put before a piece within a word, or before one that begins a word
_ALWAYS_READ = frozenset({"LATIN", "CJK"})


class Vocabulary:
    """Which of a model's tokens tell it something.

    Not the one for what is unknown, nor single letters of a script of which the vocabulary has the letters alone: it
    spells such a text, and all texts that it spells are near each other, whatever they say. Latin letters are pieces
    of words, and a Chinese character is one by itself.
    """

    def __init__(self, tokens: Mapping[str, int], unknown: str | None) -> None:
        beyond = {_piece(token) for token in tokens if not token.isascii()}
        several = Counter(_script(piece) for piece in beyond if len(piece) > 1 and piece.isalpha())
        written = {script for script, count in several.items() if count >= _WRITTEN} | _ALWAYS_READ
        self._unread = {
            number for token, number in tokens.items() if token == unknown or _is_spelled(_piece(token), written)
        }
        self._signs = {number for token, number in tokens.items() if not any(map(str.isalnum, token))}

    def share_read(self, tokens: Iterable[int]) -> float:
        """Return the share of tokens that tell something, not counting signs; 1 where there are none others."""
        counted = [token for token in tokens if token not in self._signs]
        return 1 - sum(token in self._unread for token in counted) / len(counted) if counted else 1.0


@cache
def no_meaning(dimensions: int) -> UnitVector:
    """Return the unit vector of what a model can't read.

    It stands for "none" where a file must have a vector: a direction that no model gives, far from all that models do
    give, so that a search that doesn't know it finds next to nothing by it.
    """
    drawn = hashlib.shake_256(b"mem0lite: no meaning").digest(2 * dimensions)
    numbers = [2 * number - 65_535 for number in struct.unpack(f"<{dimensions}H", drawn)]  # odd, so never 0
    length = math.sqrt(sum(number * number for number in numbers))
    return array("f", [number / length for number in numbers])


def _piece(token: str) -> str:
    return next((token[len(sign) :] for sign in _CONTINUING if token.startswith(sign)), token)


def _is_spelled(piece: str, written: set[str]) -> bool:
    return len(piece) == 1 and not piece.isascii() and piece.isalpha() and _script(piece) not in written


def _script(letters: str) -> str:
    """Return the first word of a letter's name, which is its script."""
    return unicodedata.name(letters[0], "").partition(" ")[0]
