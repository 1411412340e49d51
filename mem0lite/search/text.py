"""Text to keyword terms: normalise, take identifiers apart, split, drop stop words, stem. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain, pairwise
from typing import NamedTuple

from ..comparison import compatible
from .identifiers import CAMEL, HUMP, humps, take_identifier
from .languages import (
    FUNCTION_WORDS,
    OTHER_STOP_WORDS,
    STOP_WORDS,
    english_stem,
    languages_of,
    stems_in,
    term_of,
    word_terms,
)

TERMS_VERSION = 3
"""The version of the rules below. A file remembers the version with which its keyword index was made. Version 1 knew
only English words; version 2 knew neither symbols nor words that are written both together and apart."""

MAX_QUERY_TERMS = 512
"""Distinct terms of a query that are looked up; the rest of a longer query still counts in its vector."""

FOREIGN = "\x02"
"""An extra term of a memory that is written in another language than English, in Latin script."""
# Words that are also written apart ("set up"), by their second part. Other words that are written apart in a memory are
# found only if the question writes them apart, too.
_APART = """
up: set back start sign follow clean look mark pop pick stand; in: log sign check; out: log sign check roll work lay
print time pay; on: log; off: take lay kick; down: shut break count slow; back: fall call roll pay play; away: take;
over: turn take hand roll; around: work; end: back front week; base: data code; site: web; page: web home; name: user
file host nick; word: pass; line: time dead; map: road; flow: work; board: white dash key; list: check white black;
space: work name; care: health child day skin; time: lunch bed real run part full; day: week birth; friend: girl boy;
mate: room class team flat house; source: open; mail: voice; phone: smart; stream: live; set: data; point: end check;
frame: time; stamp: time; zone: time; shot: screen snap; hook: web; socket: web; stack: full; sheet: spread cheat
"""
_COMPOUNDS = frozenset(
    first + second.strip()
    for line in _APART.split(";")
    for second, _, rest in [line.partition(":")]
    for first in rest.split()
)
_ADVERBS = frozenset(("up", "in", "out", "on", "off", "down", "over", "back", "away", "around"))
_SECOND_PARTS = frozenset(line.partition(":")[0].strip() for line in _APART.split(";"))

_PARTICLES = re.compile("(?:에서|에게|한테|으로|부터|까지|은|는|이|가|을|를|에|의|도|로|와|과|만|랑)$")  # Korean

_LONGEST_WORD = 255  # longer ones are not words and are cut into pieces, so that a posting stays small
_LONGEST_JOINED = 2_000  # characters of a query that are looked at for words written together or apart
_LONGEST_COMPOUND = 12  # letters of two words of a query written as one; each such word is looked up
_TOO_SHORT = 3  # words: too few to tell a query's language

_DIGIT = re.compile(r"[^\D0-9]")
_CLUSTER = re.compile(r"[^\W_][^\w\s]*|.")
_VARIANTS = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")  # presentation, joiners, skin tones

# Signs of an identifier, a number or a time. Most prose has none, and skips the rest.
_JOINED = re.compile(r"[-_./\\:@+=&~%?>#,](?:(?<=[_#])|(?<!,)[\w+]|\d)")
_DATE_TIME = re.compile(r"(?<=\d-\d\d)T(?=\d\d:)")
_HASH = re.compile(r"[\da-f]{32,128}")

_ENCLITIC = re.compile(r"(?<![^\W_])[^\W\d_]{1,6}n['’]t(?![^\W_])|(?<=[^\W\d_])['’](?:s|t|m|d|ll|ve|re)(?![^\W_])")
"""Don't and can't, and the ends of pet's, I'm and we'll, which no query asks for."""
_PLURAL = re.compile(r"(?<![^\W_])([A-Z][A-Z\d]+)(?:s['’]?|['’]s)(?![^\W_])")  # PDFs, CEOs', GPU's
_WORD = re.compile(r"[^\W_]+")
_DASHED = re.compile(r"(?<![\w./\\:@#+-])[^\W_]{1,20}+(?:-[^\W_]{1,20}+)+(?![\w@/\\:]|[-.+]\w)")
_DOTTED = re.compile(r"(?<![\w./\\:@#+-])[^\W\d_]{1,20}+(?:\.[^\W\d_]{1,20}+)+(?![\w@/\\:]|[-.+]\w)")
_SPACED = re.compile(r"(?<!\w)([^\W_]{1,20}+) (?=([^\W_]{1,20}+)(?!\w))")


class _Patterns(NamedTuple):
    word: re.Pattern[str]
    identifier: re.Pattern[str]


class _Unicode(NamedTuple):
    """Patterns that take milliseconds to compile, and that only texts beyond ASCII need."""

    beyond_latin: re.Pattern[str]
    invisible: re.Pattern[str]
    spaceless: re.Pattern[str]
    may_be_symbol: re.Pattern[str]
    symbol: re.Pattern[str]
    marked: _Patterns


@cache
def _patterns(marks: str) -> _Patterns:
    """Return the patterns for words of ``\\w`` and ``marks``; possessive quantifiers keep them to linear time.

    None of them is of a group: Python before 3.11.5 matches those wrongly (https://github.com/python/cpython/issues/106052).
    """
    word = rf"[\w{marks}]"
    sign = r"(?:\+\+\d*|(?<=[A-Za-z])\#(?!\w))"
    identifier = rf"""(?<!{word})(?:
        (?=(?P<number>\d{{1,3}}(?:,\d{{3}}){{1,8}}(?:\.\d{{1,20}})?))(?P=number)(?!{word})
        |(?P<time>\d{{1,2}}:\d\d(?::\d\d)?)(?=(?:[AaPp][Mm]|Z)(?!{word})|(?![:\w]))
        |(?P<name>(?:(?<![@\#.])[@\#.])?{word}++(?:(?:(?:://|:\\|::|->|[-./\\:@+=&~%?\#]){word}++)+{sign}?|{sign})
            |(?<![@\#.])[@\#.]{word}++
            |(?={word}*_){word}++))"""
    return _Patterns(re.compile(rf"[^\W_]{word}{{0,{_LONGEST_WORD - 1}}}"), re.compile(identifier, re.VERBOSE))


@cache
def _unicode() -> _Unicode:
    """Return the patterns. In the historic and rare scripts beyond the BMP, a combining mark ends a word.

    Symbols are Unicode's categories So, Sm and Sc, without ASCII, modifiers, the fraction slash, and the characters
    with which rules, bars and progress are drawn.
    """
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] == "M")
    symbols = "".join(
        c
        for c in map(chr, chain(range(0xA0, 0xFFFD), range(0x1F000, 0x1FC00)))
        if unicodedata.category(c) in ("So", "Sm", "Sc") and not (c in "¦\u2044" or "\u2500" <= c <= "\u259f")
        if not "\u2800" <= c <= "\u28ff"
    )
    one = rf"[{symbols}][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
    return _Unicode(
        beyond_latin=re.compile(
            "[^\x00-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u2bff\U0001f000-\U0001faff]"
        ),
        invisible=re.compile(
            "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
            "\U000e0000-\U000e0fff]"
        ),
        spaceless=re.compile(
            r"(?P<han>[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+)"
            r"|(?P<hiragana>[\u3041-\u3096\u309d-\u309f\u30fc]+)|(?P<katakana>[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+)"
            r"|(?P<hangul>[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7fb]+)"
            r"|(?P<southeast>[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf"  # Thai, Lao
            r"\u1000-\u103f\u1050-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f\u1780-\u17d3\u17d7\u17dc\u17dd]+)"  # Myanmar, Khmer
        ),
        may_be_symbol=re.compile(
            "[\xa2-\xa5\xa9\xac\xae\xb0\xb1\xd7\xf7\u03f6\u0606-\u060f\u20a0-\u2bff\u3000-\U0001fbff]"
        ),
        symbol=re.compile(
            "(?P<key>[0-9#*])\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}"
            rf"|\U0001f3f4[\U000e0020-\U000e007e]{{1,16}}\U000e007f|{one}(?:\u200d{one}){{0,9}}"
        ),
        marked=_patterns(marks),
    )


def indexed_text(text: str, actor_id: str | None) -> str:
    """Return what is embedded and indexed for a memory: its text, after the speaker's name if there is one."""
    return text if actor_id is None else f"{actor_id}: {text}"


def terms(text: str) -> Counter[str]:
    """Return the keyword terms of a text and how often each occurs.

    * Words: NFKC-normalised, case-folded, without accents and stop words, stemmed with Snowball's stemmer (Porter,
      "Snowball: A language for stemming algorithms", 2001) for the word's script; for Latin, that is English. If
      function words and letters show another language in Latin script, words get its stem as one more term. So a query
      is found even if it is too short to tell its language.
    * Chinese, Japanese, Korean, Thai, Lao, Khmer and Myanmar: pairs of neighbouring characters within a run of one
      script; Chinese characters also one by one (Kwok, "Employing multiple representations for Chinese
      information retrieval", 1999); a single character is a term in any script.
    * Symbols and emoji, one by one, without skin tones; joined ones also as a whole; flags; keycaps.
    * Identifiers (names joined by ``. _ - / \\ : @``, versions, addresses, hashes): as a whole, in lower case and not
      stemmed, and then their parts as words.
    * Two words with a hyphen, initials with dots, a name with a short end, and words that are also written apart: each
      also as one word, for "e-mail", "U.S.A.", "Node.js", "set up".
    """
    return _terms(text)[0]


def indexed_terms(text: str) -> Counter[str]:
    """Return the terms of a memory: those of its text, and FOREIGN if it is in another language than English."""
    found, languages = _terms(text)
    if languages:
        found[FOREIGN] = 1
    return found


def _terms(text: str, *, joined: bool = True) -> tuple[Counter[str], list[str]]:
    """Return the terms of a text, and the languages in Latin script that it may be in, if not English.

    ``joined`` says whether words with a hyphen and the like are terms as one word, too.
    """
    found: list[str] = []
    if not text.isascii() and _unicode().may_be_symbol.search(text):
        text = _unicode().symbol.sub(lambda symbol: _take_symbol(symbol, found), text)
    marked = not text.isascii() and _unicode().beyond_latin.search(text)
    if marked:
        text = _unicode().spaceless.sub(lambda run: _take_run(run, found), _normalised(text))
    elif not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    patterns = _unicode().marked if marked else _patterns("")
    if _JOINED.search(text):
        if joined:
            found += filter(None, (term_of(one) for one, *_ in _joined(text.casefold())))
        text = _DATE_TIME.sub(" ", text)
        text = patterns.identifier.sub(lambda name: take_identifier(name, found), text)
    if HUMP.search(text):
        text = CAMEL.sub(humps, text)
    text = _PLURAL.sub(r"\1", text)
    folded = text.casefold().replace("i\u0307", "i")
    words = patterns.word.findall(folded)
    if joined:
        found += map(term_of, _written_apart(words, folded))
    found += [word[:length] for word in words if len(word) > 31 and _HASH.fullmatch(word) for length in (7, 12)]
    languages = languages_of(words, text)
    return Counter(chain(found, word_terms(words, languages))), languages


def query_terms(query: str) -> list[str]:
    """Return the distinct terms of a query, at most MAX_QUERY_TERMS: identifiers first, then in order of appearance.

    Two words written as one are not among them: they are other forms of the two (``other_forms``).
    """
    return list(_terms(_ENCLITIC.sub("", query), joined=False)[0])[:MAX_QUERY_TERMS]


def is_part_of_run(term: str) -> bool:
    """True for a term that is cut out of text without spaces, such as Chinese. If no memory has it, it may be no word,
    but the end of one and the beginning of another."""
    return not term.isascii() and _unicode().spaceless.match(term) is not None


def other_forms(query: str) -> dict[str, list[str]]:
    """Return by term of a query what a memory may have in its place: the one word that it makes with its neighbour."""
    text = _plain(query)
    pairs = [(_as_one(*pair), *pair) for pair in _SPACED.findall(text)]
    pairs = [
        pair
        for pair in pairs
        if pair[0] in _COMPOUNDS or (len(pair[0]) <= _LONGEST_COMPOUND and STOP_WORDS.isdisjoint(pair))
    ]
    forms: dict[str, list[str]] = {}
    for one, *parts in chain(_joined(text), pairs):
        for part in parts:
            forms.setdefault(part if "." in part else term_of(part), []).append(term_of(one))
    return {part: list(dict.fromkeys(ones)) for part, ones in forms.items() if part}


def foreign_forms(query: str) -> dict[str, list[str]]:
    """Return by term of a query the stems of its word in any language, if the query is too short to tell its language.

    They count only in memories that have FOREIGN: in others, they may be the stem of quite another word.
    """
    text = _plain(query)
    words = _WORD.findall(text)
    if len(words) > _TOO_SHORT or not STOP_WORDS.isdisjoint(words) or languages_of(words, text):
        return {}
    forms = {term_of(word): {stem for stem in stems_in([*FUNCTION_WORDS], word) if len(stem) > 2} for word in words}
    return {term: sorted(stems - {term}) for term, stems in forms.items() if stems - {term}}


def language_of(query: str) -> str:
    """Return the language in Latin script that a query is most likely in; "" for English, and if nothing tells it."""
    text = _plain(query)
    found = languages_of(_WORD.findall(text), text)
    return found[0] if found else ""


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LONGEST_JOINED]).casefold()


def _normalised(text: str) -> str:
    """Return the text in NFKC, without invisible characters and with ASCII digits."""
    text = compatible(_unicode().invisible.sub("", text))
    return _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)


def _take_run(match: re.Match[str], found: list[str]) -> str:
    """Add the terms of a run of characters that are written without spaces; return what replaces it."""
    run, script = match[0], match.lastgroup
    units = _CLUSTER.findall(run) if script == "southeast" else list(run)
    grams = [first + second for first, second in pairwise(units)]
    if script == "han" or len(units) == 1:
        grams += units
    elif script == "hangul" and len(noun := _PARTICLES.sub("", run)) == 1:
        grams.append(noun)
    found += [gram for gram in grams if gram not in OTHER_STOP_WORDS]
    return " "


def _take_symbol(match: re.Match[str], found: list[str]) -> str:
    """Add the terms of a symbol; return what replaces it: the symbol itself if it stands for letters, as "™" does."""
    symbol = match[0]
    if match["key"]:
        found.append(f"{symbol[0]}\u20e3")
        return f" {symbol[0]} "
    parts = _VARIANTS.split(symbol)
    whole = unicodedata.normalize("NFKC", "".join(parts))
    if any(map(str.isalnum, whole)):
        return symbol
    found += dict.fromkeys([whole, *parts] if "\u200d" in symbol else [whole])
    return " "


def _joined(text: str) -> Iterator[tuple[str, ...]]:
    """Yield words that parts of a case-folded text make as one, each with the terms it stands for.

    Two with a hyphen, initials with dots, and a name with a short end: "e-mail", "u.s.a", "node.js".
    """
    for name in _DASHED.finditer(text) if "-" in text else ():
        parts = name[0].split("-")
        if len(parts) == 2 and not "".join(parts).isdigit():
            yield "".join(parts), *parts
    for name in _DOTTED.finditer(text) if "." in text else ():
        parts = name[0].split(".")
        if all(len(part) == 1 for part in parts) or (len(parts) == 2 and len(parts[1]) < 3):
            yield "".join(parts), name[0], *parts


def _as_one(first: str, second: str) -> str:
    """Return two words as one. The first may be inflected before an adverb such as "in": "logged in"."""
    return (english_stem(first) if second in _ADVERBS else first) + second


def _written_apart(words: list[str], text: str) -> Iterator[str]:
    """Yield, as one word, the words that a case-folded text writes apart and that are also written as one."""
    for place, second in enumerate(words[1:]):
        if second in _SECOND_PARTS:
            one = _as_one(words[place], second)
            if one in _COMPOUNDS and f"{words[place]} {second}" in text:
                yield one
