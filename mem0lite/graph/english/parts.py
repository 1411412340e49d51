"""The parts of a sentence, made of its words: noun phrases, verbs and what joins them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import lexicon as english
from .tokens import Tag, Word
from .verbs import past_of

_LINKING = english.words(
    """
    need have want plan go able ought try get like fail happen use be seem remember manage
    """
)
"""Verbs before "to" and another verb, which is the one that counts: "needs to be signed" is "is signed"."""
_SWITCHING = frozenset({"switch", "turn", "log", "sign", "plug", "hand"})
"""Verbs that make another verb with "on" or "in"."""
_PARTICLES = frozenset({"up", "down", "off", "out", "away", "back", "over"})
_AFTER_GERUND = frozenset({"up", "down", "off", "out", "back"})
_INTO = ("into", "onto")

_PHRASE_TAGS = ("determiner", "number", "noun", "name", "gerund", "pronoun")
_VERB_TAGS = ("verb", "be", "auxiliary", "participle", "not")
_OBJECT_TAGS = ("determiner", "number", "noun", "name", "pronoun")

_LONG_MARKS = {"as soon as": "once", "as long as": "if"}
_LONG_PREPOSITIONS = frozenset(
    {"next to", "out of", "because of", "instead of", "according to", "up to", "on to", "in to"}
)
_THEN = ("then", "finally", "afterwards", "afterward")


@dataclass(slots=True, eq=False)
class Phrase:
    """A noun phrase."""

    words: list[Word]
    activity: str = ""
    """The gerund whose object the phrase is, or which the phrase is."""

    @property
    def nameless(self) -> bool:
        """Whether it names nothing: a pronoun, or a time."""
        return self.words[-1].tag == "pronoun" or self.words[-1].lower in english.TIMES

    @property
    def named(self) -> bool:
        """Whether it has a name in it."""
        return any(word.tag == "name" for word in self.words)

    @property
    def person(self) -> bool:
        """Whether it looks like somebody's name, or somebody's."""
        return all(word.tag == "name" and word.kind == "word" and not word.namelike for word in self.words)

    @property
    def literal(self) -> bool:
        """Whether something in it names a thing by itself, such as a path or a command."""
        return any(word.names for word in self.words)


@dataclass(slots=True)
class Verb:
    """A verb with what goes with it."""

    base: str
    form: str
    """Third person or, of the past, as it is written."""
    passive: bool
    copula: bool
    """Whether it is "be" and no more."""
    negated: bool
    unreal: bool
    """Whether it would, could or might."""
    bound: bool
    """Whether it must, can or will."""
    perfect: bool
    only: bool
    """Whether "only" stands with it."""
    commanding: bool
    """Whether it is the bare verb, as in commands and after "we"."""
    particle: str


@dataclass(slots=True)
class Joint:
    """What stands between phrases and verbs: a preposition, a conjunction, a comma."""

    kind: Tag | Literal["then"]
    word: str


Part = Phrase | Verb | Joint


def parts(words: Sequence[Word]) -> Iterator[Part]:
    """Yield the parts of a sentence whose words have their parts of speech."""
    position = 0
    while position < len(words):
        part, position = _part(words, position)
        if part is not None:
            yield part


def _part(words: Sequence[Word], position: int) -> tuple[Part | None, int]:
    """Return the part that begins at a position, if it is one, and the position after it."""
    tag = words[position].tag
    if tag == "gerund":
        return _activity(words, position)
    if tag in _PHRASE_TAGS:
        return _phrase(words, position)
    if tag in _VERB_TAGS:
        return _VerbReader(words, position).read()
    return _joint(words, position)


# -- joints


def _joint(words: Sequence[Word], position: int) -> tuple[Joint | None, int]:
    word = words[position]
    if mark := _LONG_MARKS.get(_lower(words, position, 3)):
        return Joint("mark", mark), position + 3
    if word.tag == "adverb":
        return (Joint("then", "then") if _says_then(words, position) else None), position + 1
    if word.tag in ("preposition", "mark") and (two := _lower(words, position, 2)) in _LONG_PREPOSITIONS:
        return Joint("preposition", two.replace(" ", "_")), position + 2
    return Joint(word.tag, word.lower), position + 1


def _says_then(words: Sequence[Word], position: int) -> bool:
    lower = words[position].lower
    begins = not position or words[position - 1].tag in ("comma", "stop")
    return lower in _THEN or (lower == "next" and begins)


def _lower(words: Sequence[Word], position: int, count: int) -> str:
    return " ".join(word.lower for word in words[position : position + count])


# -- noun phrases


def _phrase(words: Sequence[Word], position: int, activity: str = "") -> tuple[Phrase | None, int]:
    """Return a phrase without its determiners."""
    if words[position].tag == "pronoun":
        return Phrase([words[position]], activity), position + 1
    determined = False
    while position < len(words) and words[position].tag in ("determiner", "number"):
        determined = determined or words[position].tag == "determiner"
        position += 1
    chosen, position = _nouns(words, position)
    if chosen:
        return Phrase(chosen, activity), position
    one = determined and position < len(words) and words[position].tag == "pronoun"  # as in "the latest one"
    return None, position + one


def _nouns(words: Sequence[Word], position: int) -> tuple[list[Word], int]:
    """Return consecutive nouns and names, and the position after them."""
    chosen: list[Word] = []
    while position < len(words):
        word = words[position]
        joined = bool(chosen) and word.text == "&"
        if (word.tag not in ("noun", "name") and not joined) or (chosen and word.quoted and chosen[-1].quoted):
            break
        if word.text != "&":
            chosen.append(word)
        position += 1
    return chosen, position


def _activity(words: Sequence[Word], position: int) -> tuple[Phrase | None, int]:
    """Return the phrase that is a gerund's object or, if there is none, the gerund."""
    gerund = words[position]
    start = _object_start(words, position + 1)
    if start < len(words) and words[start].tag in _OBJECT_TAGS:
        return _phrase(words, start, gerund.lower)
    return Phrase([gerund], gerund.lower), position + 1


def _object_start(words: Sequence[Word], position: int) -> int:
    """Return where the object of a gerund begins: after "up", "into", "on to" and the like."""
    while position < len(words) and (words[position].tag == "adverb" or words[position].lower in _AFTER_GERUND):
        position += 1
    if position + 1 >= len(words):
        return position
    if words[position].lower in _INTO:
        return position + 1
    on_to = words[position].lower in ("to", "in", "on") and words[position + 1].lower == "to"
    return position + 2 if on_to else position


# -- verbs


class _VerbReader:
    """Reads a verb with its auxiliaries, its negation and its particle."""

    def __init__(self, words: Sequence[Word], position: int) -> None:
        self._words = words
        self._position = position
        self._main: Word | None = None
        self._complete = False
        self._helped = False  # there is an auxiliary, or a verb like one, before the verb
        self._negated = self._unreal = self._passive = self._copula = False
        self._bound = self._perfect = self._only = False

    def read(self) -> tuple[Verb | None, int]:
        """Return the verb that begins here, if there is one, and the position after it."""
        while self._position < len(self._words) and not self._complete and self._belongs():
            self._take(self._words[self._position])
            self._position += 1
        return (self._verb(self._main) if self._main else None), self._position

    def _lower(self, offset: int = 0) -> str:
        """Return the word at an offset, in lower case; empty if there is none."""
        position = self._position + offset
        return self._words[position].lower if position < len(self._words) else ""

    def _belongs(self) -> bool:
        """Whether the next word belongs to the verb."""
        word = self._words[self._position]
        match word.tag:
            case "not" | "verb" | "participle":
                return True
            case "auxiliary":
                return self._main is None
            case "be":
                return self._main is None or self._helped
            case "to":
                return self._main is None and self._helped
            case "adverb" if word.lower == "then":
                return self._main is None
        return word.tag == "adverb" or word.lower == "only"

    def _take(self, word: Word) -> None:
        match word.tag:
            case "not":
                self._negated = True
            case "auxiliary":
                self._take_auxiliary(word.lower)
            case "be":
                self._main, self._copula = word, True
            case "participle":
                self._passive = self._copula and bool(past_of(word.lower))
                self._end_with(word)
            case "verb":
                self._take_verb(word)
            case _:
                self._only = self._only or word.lower == "only"

    def _take_auxiliary(self, lower: str) -> None:
        self._helped = self._bound = True
        self._unreal = self._unreal or lower in english.HYPOTHETICAL
        self._negated = self._negated or lower == "cannot" or lower.endswith("n't")
        self._perfect = self._perfect or lower in ("has", "have", "'s", "'ve")

    def _take_verb(self, word: Word) -> None:
        """Take a verb, or skip one that only leads to another."""
        leads = word.verb in _LINKING and self._lower(1) == "to"
        if leads and (self._lower(2) in english.BASE or self._lower(2) == "be"):
            self._main, self._copula, self._helped = None, False, True
            self._position += 1
        else:
            self._end_with(word)

    def _end_with(self, word: Word) -> None:
        self._main, self._copula, self._complete = word, False, True

    def _verb(self, main: Word) -> Verb:
        negated = self._negated or self._lower() == "no"
        particle = self._lower() if self._has_particle(main.verb) else ""
        self._position += bool(particle)
        bare = not self._copula and main.lower in english.BASE
        past = not self._copula and past_of(main.lower) and (self._passive or not bare)
        base = "be" if self._copula else main.verb
        return Verb(
            base=base,
            form=main.lower if past else english.THIRD_PERSON.get(base, base),
            passive=self._passive,
            copula=self._copula,
            negated=negated,
            unreal=self._unreal,
            bound=self._bound or bare,
            perfect=self._perfect,
            only=self._only,
            commanding=bare and not self._passive,
            particle=particle,
        )

    def _has_particle(self, base: str) -> bool:
        """Whether the word after the verb is a part of it, as in "log in to" and "turn off"."""
        lower = self._lower()
        if lower in _PARTICLES:
            return not self._copula and self._lower(1) != "of"
        if lower not in ("on", "in") or base not in _SWITCHING or self._passive:
            return False
        after = self._words[self._position + 1 : self._position + 2]
        return any(word.tag in ("determiner", "name", "noun") or word.lower == "to" for word in after)
