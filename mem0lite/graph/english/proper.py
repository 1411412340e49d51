"""Which words are proper names, by their letters and the words around them. Pure."""

from . import lexicon as english
from .places import EDGE, Place

_COMMON_CAPITALS = english.words(
    """
    api apis url urls csv pdf pdfs json yaml xml html http https ssl tls dns vpn cpu gpu ram ui ux id ids faq hr
    ceo cto cfo pr prs ci cd qa sla it tv os db sql ssh usb ok sdk cli ide vm vms cdn iot led pin
    """
)
"""Words in capitals that are not names."""
_COMMON = english.words(
    """
    access production staging payroll traffic data code support development marketing finance legal coffee bread
    dough water research training testing security compliance inventory shipping feedback monitoring caching
    software hardware everyone everybody procurement engineering sales design product operations logistics
    accounting billing check-in checkout onboarding management customer dinner lunch breakfast tea sugar salt
    flour butter rice
    """
)
"""Common nouns that often begin a sentence without a determiner."""
_COMMON_ENDINGS = (
    "s", "ing", "tion", "sion", "ment", "ness", "ity", "ance", "ence", "ship", "age", "ory", "ery", "ism", "ure", "ly",
    "al", "ive", "ous", "ful", "less", "able", "ible", "ic",
)  # fmt: skip
_BEFORE_VERSIONS = english.words(
    """
    version release tag step section chapter point page about than over under to from
    """
)
"""Words before a version or a number that are not the thing with that version."""
_UNNAMED = english.PREPOSITIONS | english.BASE.keys() | _BEFORE_VERSIONS
_I = frozenset({"i", "i'm", "i've", "i'd", "i'll"})
_AFTER_NAMES = english.FINITE.union(
    english.NEGATIONS, english.THIRD, english.PAST, english.CONJUNCTIONS, english.RELATIVES, english.ADVERBS
)


def is_name(place: Place) -> bool:
    """Whether a word is a proper name or a part of one."""
    word, lower = place.word, place.lower
    if lower in _COMMON_CAPITALS:
        return False
    if word.namelike or (word.capital and "." in word.text):
        return True
    if not word.capital or lower in english.DATES or lower in _I:
        return _has_version(place)
    if not _begins(place):
        return True
    return place.after is not EDGE and lower not in _COMMON and _is_first_name(place)


def _has_version(place: Place) -> bool:
    """Whether a word without a capital names the thing whose version comes right after it."""
    numbered = place.after.kind == "version" and place.after.start == place.word.end + 1
    return numbered and place.before.tag not in ("edge", "determiner") and place.lower not in _UNNAMED


def _begins(place: Place) -> bool:
    """Whether a word is where any word gets a capital: first, or first within quotes or parentheses."""
    return place.first or place.before.tag == "stop" or place.before.text in '"“('


def _is_first_name(place: Place) -> bool:
    """Whether the capital of a sentence's first word is that of a name, as far as the next word tells."""
    after, lower = place.after, place.lower
    known = lower in english.VERB_FORMS
    if after.kind == "word" and after.capital and after.lower not in ("i", "i'm"):
        return not known and lower not in english.ADVERBS
    if after.text == "&" or lower.endswith("'s"):
        return True
    if known or lower.endswith(_COMMON_ENDINGS):
        return False
    return after.kind in ("number", "version") or after.lower in _AFTER_NAMES or after.text in ",("
