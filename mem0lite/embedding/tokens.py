"""About how many tokens language models make of a text: an estimate that is rather too high, without a tokenizer."""

import functools
import math
import re

from . import bundled

_PIECE = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits> ?[0-9]+)|(?P<space>\s+)|(?P<sign>[\x00-\x7f])"
    r"|(?P<letter>[\u00a1-\u024f\u0410-\u0451\u0621-\u064a])|(?P<rarer>[\u0391-\u03c9\u05d0-\u05ea])"
    r"|(?P<han>[\u3001-\u30ff\u4e00-\u9fff])|(?P<hangul>[\uac00-\ud7a3])|.",
    re.DOTALL,
)
# Tokens for words of the bundled model's vocabulary, which has the commonest first, and for characters. They were
# fitted to stay above cl100k_base and o200k_base in English, German, Arabic and Chinese (tests/test_tokens.py).
# Rejected: a fourth of the characters, which is too low for everything but English; the bundled model's own tokenizer,
# which has no capital letters, and one token for any word that it cannot read.
_COMMON, _FAMILIAR = 9_000, 5_000  # places up to which a word is one token: in small letters, with a capital
_OF_WORD, _OF_CODE = 1.9, 1.6  # characters in a token of an unknown word, and of one in MiXed case
_SHORT_CODE = 4  # letters of an abbreviation that is at most two tokens
_OF_DIGITS = 2
_OF_SPACE = 8
_OF_RARER, _OF_HAN, _OF_HANGUL = 1.25, 1.6, 2  # tokens of a letter in Greek and Hebrew, Han and kana, Hangul


def estimate_tokens(text: str, most: float = math.inf) -> int:
    """Return about how many tokens a language model reads in a text; counting ends above ``most``.

    For texts of more than a few words it is seldom too low: it is 10 to 30 % above what GPT models read in English
    prose, and up to three times as much in other languages. Random characters may have more.
    """
    places = _places()
    total = 0.0
    for match in _PIECE.finditer(text):
        total += _tokens(match, places)
        if total > most:
            break
    return math.ceil(total)


def _tokens(match: re.Match[str], places: dict[str, int]) -> float:
    piece = match[0]
    match match.lastgroup:
        case "word":
            return _of_word(piece, places)
        case "digits":
            return math.ceil(len(piece) / _OF_DIGITS)
        case "space":
            return 0 if piece == " " else sum(character != " " for character in piece) + len(piece) / _OF_SPACE
        case "sign" | "letter":
            return 1
        case "rarer":
            return _OF_RARER
        case "han":
            return _OF_HAN
        case "hangul":
            return _OF_HANGUL
        case _:
            return len(piece.encode("utf-8", "surrogatepass"))  # no tokenizer of bytes makes more of it


def _of_word(word: str, places: dict[str, int]) -> int:
    length, capital = len(word), word.istitle()
    if length <= 2:
        return 1
    if not capital and not word.islower():
        return 2 if word.isupper() and length <= _SHORT_CODE else math.ceil(length / _OF_CODE)
    place = places.get(word.lower())
    if place is None:
        return math.ceil(length / _OF_WORD)
    return 1 if place < (_FAMILIAR if capital else _COMMON) else 2


@functools.cache
def _places() -> dict[str, int]:
    return {word: place for place, word in enumerate(bundled.vocabulary()) if word.isascii() and word.isalpha()}
