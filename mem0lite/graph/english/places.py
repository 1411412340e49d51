"""A word in its sentence, with the words around it. Pure."""

from collections.abc import Iterator, Sequence

from . import lexicon as english
from .tokens import Tag, Word

Reading = tuple[Tag, str]
"""A part of speech and, for verbs, the base form."""

EDGE = Word("", "", -1, -1, "edge", "edge")
"""The word before the first and after the last word of a sentence."""


class Place:
    """A word of a sentence; the words before it have their parts of speech already."""

    __slots__ = ("after", "before", "finite", "last", "lower", "position", "word", "words")

    def __init__(self, words: Sequence[Word], position: int, last: Word, finite: bool) -> None:
        """``last`` is the last word before it that is neither an adverb nor a negation.

        ``finite`` says whether the clause has its verb already.
        """
        self.words = words
        self.position = position
        self.last = last
        self.finite = finite
        self.word = words[position]
        self.lower = self.word.lower
        self.before = words[position - 1] if position else EDGE
        self.after = words[position + 1] if position + 1 < len(words) else EDGE

    @property
    def first(self) -> bool:
        """Whether it is the first word of the sentence."""
        return not self.position

    @property
    def following(self) -> str:
        """The next word that is not an adverb, in lower case; empty if there is none."""
        return next((word.lower for word in self.rest() if word.lower not in english.ADVERBS), "")

    @property
    def beyond(self) -> str:
        """The word after the next, in lower case; empty if there is none."""
        return self.words[self.position + 2].lower if self.position + 2 < len(self.words) else ""

    def rest(self) -> Iterator[Word]:
        """Yield the words after it."""
        return (self.words[position] for position in range(self.position + 1, len(self.words)))
