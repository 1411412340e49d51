"""The words and punctuation of an English text, in sentences. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_EXTENSION = (
    r"\.(?=[a-z][a-z0-9]{0,7}\b)"  # most words fail here and are not compared with the list
    "(?:py|pyi|ipynb|md|rst|txt|toml|ya?ml|json[l5]?|js|jsx|ts|tsx|mjs|css|scss|html?|xml|csv|tsv|parquet|sql|db|sqlite"
    "|sh|bash|zsh|ps1|bat|cfg|ini|conf|env|lock|log|rs|go|java|kt|rb|php|cc|cpp|hpp|cs|swift|tf|tfvars|tpl|j2|pem|key"
    "|crt|pdf|docx?|xlsx?|pptx?|png|jpe?g|svg|gif|zip|gz|tgz|tar|whl|deb|rpm|iso|img|bin|hex|service|proto)"
    r"\b"
)
# The most folders of a path, and the longest name of one. Without these bounds, a text of only dots and slashes would
# be searched to its end from each of its characters.
_FOLDERS = "{0,16}"
_LENGTH = "{1,128}+"
_TOKEN = re.compile(
    rf"""
    (?P<command>`[^`\n]+`)
  | (?P<term>"[^"\n]{{1,80}}" | “[^”\n]{{1,80}}” | «[^»\n]{{1,80}}»
      | (?<!\w)'[^'\n]{{1,80}}'(?!\w) | (?<!\w)‘[^’\n]{{1,80}}’(?!\w))
  | (?P<url>\b[a-z][a-z0-9+]{{0,32}}+://[^\s<>"'`]*[\w/])
  | (?P<address>\b[\w.+-]{_LENGTH}@[\w-]++(?:\.[\w-]++)+)
  | (?P<tag>(?<!\w)\#[A-Za-z][\w-]*)
  | (?P<path>(?<![\w/.])(?:~|\.{{1,2}})?/[\w.@-]*[\w@-](?:/[\w.@*-]*[\w@*-])*/?
      | \b[\w.@-]{_LENGTH}(?:/[\w.@*-]{_LENGTH}){_FOLDERS}/[\w.@-]{{0,128}}{_EXTENSION}
      | \b[\w@-]{_LENGTH}(?:/[\w.@*-]*[\w@*-]){{2,}}/?
      | \b[\w@-]{_LENGTH}(?:/[\w@-]{_LENGTH}){_FOLDERS}/(?=[\s,.;:)]|$)
      | \b[\w-]{_LENGTH}(?:\.[\w-]{_LENGTH}){{0,8}}{_EXTENSION}(?!\.\w)
      | (?<![\w.])\.[a-z][\w-]*(?:\.[\w-]+)*)
  | (?P<version>\bv\d+(?:\.\w+)*(?:-[\w.]+)?\b|\b\d+\.\d+(?:\.\w+)*(?:-[a-z][\w.]*)?(?![\w%]))
  | (?P<identifier>\b(?=\w*[A-Za-z])[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+(?:=[^\s,;]+)?|\b[a-zA-Z]\w*(?:\.\w+)*\(\)
      |(?<!\w)--?[a-z][\w-]*(?:=[^\s,;]+)?)
  | (?P<word>\d*[^\W\d_](?:[\w&+#]|[-'’.](?=\w))*\+*)
  | (?P<number>[$€£]?\d(?:[\d,.:/-]*\d)?%?)
  | (?P<punctuation>\.\.\.|[^\w\s])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED = frozenset({"command", "term"})
_NAMES = frozenset({"command", "term", "url", "address", "tag", "path", "identifier"})
_LITERAL = _NAMES | {"version"}
_NAMELIKE = re.compile(
    r"^[a-z]+[A-Z]|^[A-Z]+[a-z]+[A-Z]|[A-Za-z]\d|^\d+[A-Z][a-z]|^[A-Z]{2,}|[+#]$|^[A-Z][a-z]*[&.][A-Z]"
)
_ENDS = ".!?;"
_MOST_WORDS = 150  # words of a sentence; a longer one is a list and is read in parts

Tag = Literal[
    "noun", "name", "determiner", "number", "pronoun", "preposition", "and", "mark", "relative", "adverb", "to",
    "verb", "participle", "gerund", "be", "auxiliary", "not", "comma", "stop", "edge",
]  # fmt: skip
"""A part of speech. A "mark" begins a clause, as "before" does; an "edge" is beyond the first or the last word."""


@dataclass(slots=True)
class Word:
    """A word or a punctuation mark of a sentence."""

    text: str
    lower: str
    start: int
    end: int
    kind: str
    """The name of the group of ``_TOKEN`` that it matched."""
    tag: Tag = "noun"
    verb: str = ""
    """The base form, for verbs."""

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[:1].isupper()

    @property
    def quoted(self) -> bool:
        """Whether it is in quotes or backticks."""
        return self.kind in _QUOTED

    @property
    def literal(self) -> bool:
        """Whether its form tells what it is: a path, a command, a quoted term and the like, or a version."""
        return self.kind in _LITERAL

    @property
    def names(self) -> bool:
        """Whether it is a name on its own, as a path or a command is; a version belongs to something."""
        return self.kind in _NAMES

    @property
    def namelike(self) -> bool:
        """Whether its letters are those of a name, wherever it is: GitHub, S3, C++."""
        return _NAMELIKE.search(self.text) is not None


def sentences(text: str) -> Iterator[list[Word]]:
    """Yield the words of each sentence; the end of a line ends a sentence, too."""
    words: list[Word] = []
    end = 0
    for found in _TOKEN.finditer(text):
        word = _word(found)
        if not word.text.strip():
            continue
        if words and ("\n" in text[end : word.start] or len(words) == _MOST_WORDS):
            yield words
            words = []
        words.append(word)
        end = word.end
        if word.kind == "punctuation" and word.text in _ENDS:
            yield words
            words = []
    if words:
        yield words


def _word(found: re.Match[str]) -> Word:
    """Return the word of a match, without its quotes."""
    kind, text, (start, end) = str(found.lastgroup), found[0], found.span()
    if kind in _QUOTED:
        text, start, end = text[1:-1], start + 1, end - 1
    return Word(text, text.lower().replace("’", "'"), start, end, kind)
