"""Text to keyword terms: normalise, split, drop stop words, stem. Pure."""

import re
import unicodedata
from collections import Counter

from py_rust_stemmers import SnowballStemmer  # type: ignore[import-untyped]

_FUNCTION_WORDS = """
a about above after again all also am an and any are as at be because been before being between both but by can could
did do does doing down during each few for from further had has have having he her here hers herself him himself his
how i if in into is it its itself just let me more most my myself no nor not of off on once only or other our ours
ourselves out over own same she should so some such than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom whose why will with
would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that do not say which memory is meant, and whose postings are the longest."""

MAX_QUERY_TERMS = 64
"""Distinct terms of a query that are looked up; the rest of a longer query still counts in its vector."""

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\S{1,1000}")  # normalising a long run of combining characters takes quadratic time
_stem = SnowballStemmer("english").stem_word


def indexed_text(text: str, actor_id: str | None) -> str:
    """Return what is embedded and indexed for a memory: the text, after the speaker's name where there is one."""
    return text if actor_id is None else f"{actor_id}: {text}"


def terms(text: str) -> Counter[str]:
    """Return the keyword terms of a text and how often each occurs.

    NFKC-normalised, case-folded words without STOP_WORDS, stemmed with Snowball's English stemmer
    (Porter, "Snowball: A language for stemming algorithms", 2001).
    """
    if not text.isascii():
        text = " ".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))
    words = _WORD.findall(text.casefold())
    return Counter(_stem(word) for word in words if word not in STOP_WORDS)


def query_terms(query: str) -> list[str]:
    """Return the distinct terms of a query in order of appearance, at most MAX_QUERY_TERMS."""
    return list(terms(query))[:MAX_QUERY_TERMS]
