"""The parts of speech of a sentence's words, by what they are and by the words around them. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence

from . import lexicon as english
from .places import EDGE, Place, Reading
from .proper import is_name
from .tokens import Tag, Word
from .verbs import past_of, verb_at

_SIGNS: Mapping[str, Tag] = {
    ".": "stop", "!": "stop", "?": "stop", ";": "stop", ":": "stop",
    ",": "comma", "(": "comma", ")": "comma", "—": "comma", "–": "comma", "-": "comma",
}  # fmt: skip
_AMOUNT = re.compile(r"\d+(?:st|nd|rd|th|am|pm|k|kg|g|mg|ml|l|s|ms|gb|mb|tb|min|h|x|cm|mm|km)", re.IGNORECASE)
_NOUNS_IN_LY = english.words(
    """
    assembly supply reply family friendly weekly monthly daily anomaly nightly italy july
    """
)
_BEFORE_RELATIVES = ("noun", "name", "comma", "preposition", "pronoun")
_ALWAYS: tuple[tuple[Tag, frozenset[str]], ...] = (
    ("number", english.NUMBERS - {"first", "second"}),
    ("determiner", english.DETERMINERS),
    ("preposition", english.PREPOSITIONS),
    ("and", english.CONJUNCTIONS),
    ("pronoun", english.PRONOUNS),
    ("mark", english.MARKS),
    ("not", english.NEGATIONS),
    ("auxiliary", english.AUXILIARIES - {"may", "will", "can"}),
    ("be", english.BE),
)
_TAGS: Mapping[str, Tag] = {word: one for one, words in _ALWAYS for word in words}
"""Words that are always the same part of speech; if a word is in several groups, the last one counts."""


def tag(words: Sequence[Word]) -> None:
    """Give each word its part of speech and, if it is a verb, its base form."""
    last, finite = EDGE, False
    for position, word in enumerate(words):
        word.tag, word.verb = _reading(Place(words, position, last, finite))
        if word.tag not in ("adverb", "not"):
            last = word
        if word.tag in ("verb", "be", "auxiliary"):
            finite = True
        elif word.tag in ("comma", "stop", "mark", "relative", "to"):
            finite = False
        elif word.tag == "and":
            finite = finite and not _is_clause(words[position + 1 : position + 8])


def _is_clause(words: Sequence[Word]) -> bool:
    """Whether words begin with a subject and a verb, as far as their forms tell."""
    subject = False
    for word in words:
        if word.kind == "punctuation" or word.lower in english.CLAUSE_ENDS:
            return False
        if subject and (word.lower in english.FINITE or word.lower in english.THIRD):
            return True
        subject = subject or word.lower not in english.DETERMINERS
    return False


def _reading(place: Place) -> Reading:
    word, lower = place.word, place.lower
    if word.kind == "punctuation":
        return _SIGNS.get(word.text, "adverb"), ""
    if word.literal:
        return "name", ""
    if word.kind == "number":
        return _number(place), ""
    if _AMOUNT.fullmatch(word.text):
        return "number", ""
    if lower.endswith("n't"):
        return "auxiliary", ""
    if lower in _UNDECIDED and (reading := _UNDECIDED[lower](place)):
        return reading
    return (_TAGS[lower], "") if lower in _TAGS else _open_class(place)


def _number(place: Place) -> Tag:
    """Return "name" for a number that belongs to the name before it, unless that is a day or a month."""
    before = place.before
    measured = "%" in place.lower or ":" in place.lower
    return "name" if before.tag == "name" and before.lower not in english.DATES and not measured else "number"


def _open_class(place: Place) -> Reading:
    """Return the reading of a word that may be a name, a verb, a noun or an adverb."""
    if is_name(place):
        return "name", ""
    nominal = place.before.tag in ("determiner", "number", "preposition")
    if place.lower in english.ADVERBS and not nominal:
        return "adverb", ""
    return verb_at(place) or ("adverb" if _is_adverb(place, nominal) else "noun", "")


def _is_adverb(place: Place, nominal: bool) -> bool:
    lower = place.lower
    if nominal and lower in english.QUANTITIES:
        return False
    if lower in english.ADVERBS:
        return True
    likely = lower.endswith("ly") and len(lower) > 4 and lower not in _NOUNS_IN_LY
    return likely and (not nominal or place.following in english.BASE)


def _to(place: Place) -> Reading:
    following = place.following
    return ("to" if following in english.BASE or following == "be" else "preposition"), ""


def _that(place: Place) -> Reading:
    if place.last.tag == "verb" and place.following in english.PRONOUNS | english.DETERMINERS:
        return "stop", ""
    return _which(place)


def _which(place: Place) -> Reading:
    if place.last.tag in _BEFORE_RELATIVES:
        return "relative", ""
    following = place.following
    if place.after is EDGE or following in english.FINITE or following in english.THIRD:
        return "pronoun", ""
    return "determiner", ""


def _who(place: Place) -> Reading:
    return ("relative" if place.last.tag in _BEFORE_RELATIVES else "pronoun"), ""


def _get(place: Place) -> Reading | None:
    """Return the reading of "get" if it means "be", as in "the build got cancelled"."""
    passive = past_of(place.following) and place.last.tag not in ("edge", "determiner")
    return ("be", "") if passive else None


def _have(place: Place) -> Reading:
    following = place.following
    if following in english.PAST or following in english.BASE or following in ("to", "been", "not"):
        return "auxiliary", ""
    return "verb", "have"


def _do(place: Place) -> Reading:
    following = place.following
    if following in english.PAST or following in english.BASE or following in ("been", "not"):
        return "auxiliary", ""
    return "verb", "do"


def _may(place: Place) -> Reading | None:
    """Return the reading of "may" and "will", unless a capital within a sentence makes them a month or a name."""
    return None if place.word.capital and not place.first else ("auxiliary", "")


def _using(place: Place) -> Reading | None:
    joins = place.last.tag in ("noun", "name", "participle", "verb", "number")
    return ("preposition", "") if joins else None


def _like(place: Place) -> Reading | None:
    return ("verb", "like") if place.last.tag == "pronoun" else None


def _about(place: Place) -> Reading | None:
    """Return the reading of "about" before a number."""
    following = place.following
    return ("adverb", "") if following in english.NUMBERS or following[:1].isdigit() else None


_UNDECIDED: Mapping[str, Callable[[Place], Reading | None]] = {
    word: reading
    for words, reading in (
        ("to", _to),
        ("that", _that),
        ("which whose", _which),
        ("who whom where", _who),
        ("get gets got gotten", _get),
        ("have has had", _have),
        ("do does did", _do),
        ("may will can", _may),
        ("using", _using),
        ("like", _like),
        ("about over around under", _about),
    )
    for word in words.split()
}
"""Words whose part of speech depends on the words around them; None leaves it to the other rules."""
