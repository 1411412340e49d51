"""About how many tokens language models make of a text: an estimate that is rather too high, without a tokenizer."""

import functools
import math
import re

from . import bundled

_PIECE = re.compile(
    r"(?P<word> ?[A-Za-z]+(?P<short>'(?:s|t|re|ve|m|ll|d)(?![A-Za-z]))?)|(?P<digits> ?[0-9]+)|(?P<space>\s+)"
    r"|(?P<signs>(?P<sign>[!-/:-@\[-`{-~])(?P=sign)*(?:(?<=[!\"'),.:;>?\]}-])\n)?)|(?P<control>[\x00-\x7f])"
    r"|(?P<letter>[\u00a1-\u024f\u0410-\u0451\u0621-\u064a‘’“”–—…•€])|(?P<rarer>[\u0391-\u03c9\u05d0-\u05ea])"
    r"|(?P<han>[\u3001-\u30ff\u4e00-\u9fff])|(?P<hangul>[\uac00-\ud7a3])|.",
    re.DOTALL,
)
# Tokens for words by the bundled model's vocabulary, which has the commonest first, and for characters. They were
# fitted to stay above cl100k_base and o200k_base in many languages (tests/test_tokens.py). A word that the vocabulary
# lacks has about as many tokens as pieces in it. Rejected: a fourth of the characters, which is too low for everything
# but English; the bundled model's own tokenizer, which has no capital letters, and one token for any word that it
# cannot read.
_COMMON, _FAMILIAR = 9_000, 5_000  # places up to which a word is one token: in small letters, with a capital
_BEGINNING = 3_000  # the same for a word without a blank before it
_LONGEST = 18  # letters of the longest pieces
_REMEMBERED, _OF_LONG = 100, 1.5  # letters up to which a word is looked at, and those in a token of a longer one
_OF_CODE = 1.6  # letters in a token of a word in MiXed case
_SHORT_CODE = 4  # letters of an abbreviation that is at most two tokens
_OF_DIGITS = 3
_OF_SPACE = 8
_MORE = 4  # pieces of a word from which it has a token more than pieces, one for so many
_OF_RARER, _OF_HANGUL = 1.25, 2  # tokens of a letter in Greek and Hebrew, Hangul
_OF_HAN, _OF_OTHER_HAN, _OF_RARE_HAN = 1.3, 1.9, 2.5  # Han and kana: in the vocabulary, common otherwise, and not
_COMMON_HAN = b"\xa1", b"\xd8"  # first bytes of common signs in GB 2312


def estimate_tokens(text: str, most: float = math.inf) -> int:
    """Return about how many tokens a language model reads in a text; counting ends above ``most``.

    For texts of more than a few words it is seldom too low: it is about 10 % above what GPT models read in English
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
            return _of_word(piece) if len(piece) <= _REMEMBERED else math.ceil(len(piece) / _OF_LONG)
        case "digits":
            bare = piece.lstrip(" ")
            return math.ceil(len(bare) / _OF_DIGITS) + (len(piece) - len(bare))
        case "space":
            if piece == " ":
                return 0
            return max(1, sum(character != " " for character in piece)) + len(piece) / _OF_SPACE
        case "signs":
            repeated = len(piece.rstrip("\n"))
            return 1 if repeated <= 2 else repeated // 2 + 1
        case "control" | "letter":
            return 1
        case "rarer":
            return _OF_RARER
        case "han":
            return _of_han(piece, places)
        case "hangul":
            return _OF_HANGUL
        case _:
            begin = match.start()
            blank = match.string[begin - 1 : begin] == " "
            return blank + len(piece.encode("utf-8", "surrogatepass"))  # no tokenizer of bytes makes more of it


@functools.lru_cache(maxsize=4_096)
def _of_word(piece: str) -> int:
    word, mark, _ = piece.lstrip(" ").partition("'")
    return len(mark) + _of_letters(word, piece[0] == " ", _places())


def _of_letters(word: str, apart: bool, places: dict[str, int]) -> int:
    length, capital = len(word), word.istitle()
    if length <= 2:
        return 1
    if not capital and not word.islower():
        return 2 if word.isupper() and length <= _SHORT_CODE else math.ceil(length / _OF_CODE)
    place = places.get(word.lower())
    if place is None:
        return _pieces(word.lower(), places)
    return 1 if place < ((_FAMILIAR if capital else _COMMON) if apart else _BEGINNING) else 2


def _pieces(word: str, places: dict[str, int]) -> int:
    """Return how many pieces of the vocabulary make a word, the longest first."""
    count = begin = 0
    while begin < len(word):
        mark = "##" if begin else ""
        ends = range(min(len(word), begin + _LONGEST), begin, -1)
        begin = next((end for end in ends if mark + word[begin:end] in places), begin + 1)
        count += 1
    return count + count // _MORE


def _of_han(sign: str, places: dict[str, int]) -> float:
    if sign in places:
        return _OF_HAN
    least, most = _COMMON_HAN
    return _OF_OTHER_HAN if least <= sign.encode("gb2312", "ignore")[:1] < most else _OF_RARE_HAN


@functools.cache
def _places() -> dict[str, int]:
    return {piece: place for place, piece in enumerate(bundled.vocabulary())}
