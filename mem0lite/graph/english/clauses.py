"""The clauses of a sentence, made of its parts: who does what to what, and when. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .parts import Joint, Part, Phrase, Verb

Complement = tuple[str, list[Phrase]]
"""A preposition and what follows it."""

_STANDING_FOR = frozenset({"access", "change", "changes", "login", "logins", "entry"})
"""Nouns that stand for the thing after them: "access to the archive needs …" is about the archive."""


@dataclass(slots=True)
class Clause:
    """Somebody does something to something."""

    subjects: list[Phrase] = field(default_factory=list)
    leading: list[Complement] = field(default_factory=list)
    """The complements before the verb."""
    verb: Verb | None = None
    objects: list[Phrase] = field(default_factory=list)
    complements: list[Complement] = field(default_factory=list)
    """The complements after the verb."""
    purpose: "Clause | None" = None
    """The clause after "to"."""
    mark: str = ""
    """The word that makes it a subordinate clause, such as "before"."""
    relative: bool = False
    follows: bool = False
    """Whether it comes after the clause before it, as "then" says."""

    @property
    def empty(self) -> bool:
        """Whether it has no parts yet."""
        return not (self.subjects or self.leading or self.verb or self.objects or self.complements)

    @property
    def impersonal(self) -> bool:
        """Whether nobody in particular does it: a command, or what I, you or we do."""
        return all(phrase.words[-1].lower in ("i", "you", "we") for phrase in self.subjects)

    @property
    def negated(self) -> bool:
        """Whether it says that something is not done."""
        return self.verb is not None and self.verb.negated

    @property
    def holds(self) -> bool:
        """Whether it says that something is so, and not that it isn't or would be."""
        return self.verb is None or not (self.verb.negated or self.verb.unreal)

    def topics(self) -> list[Phrase]:
        """Return what the clause is about in an order of steps: what is acted on, not who acts."""
        acted_on = self.objects or next((phrases for _, phrases in self.complements), [])
        acts = self.verb is not None and not self.verb.copula and not self.verb.passive
        by_somebody = self.impersonal or all(phrase.person for phrase in self.subjects)
        return named(acted_on if acts and by_somebody else self.subjects)


def named(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return the phrases that name something."""
    return [phrase for phrase in phrases if not phrase.nameless]


def clauses(parts: Sequence[Part]) -> list[Clause]:
    """Return the clauses of a sentence, in its order."""
    return _Reader(parts).read()


class _Reader:
    """Puts the parts of one sentence together into clauses."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._position = 0
        self._clauses: list[Clause] = []
        self._clause = Clause()
        self._outer: Clause | None = None
        """The clause that a relative one interrupts before its verb."""
        self._preposition = ""
        """The preposition that waits for what follows it."""
        self._unlisted = 0
        """The position up to which phrases and commas are known not to be a list that ends with "and"."""

    def read(self) -> list[Clause]:
        """Return the clauses."""
        while (part := self._at(0)) is not None:
            self._position += 1
            if isinstance(part, Phrase):
                self._place(self._list(part))
            elif isinstance(part, Verb):
                self._take_verb(part)
            else:
                _JOIN[part.kind](self, part)
        self._end()
        return self._clauses

    def _at(self, offset: int) -> Part | None:
        """Return the part at an offset from the next one, or None beyond the end of the sentence."""
        position = self._position + offset
        return self._parts[position] if 0 <= position < len(self._parts) else None

    @property
    def _open(self) -> Clause:
        """The clause that the next part belongs to: the purpose, once there is one."""
        return self._clause.purpose or self._clause

    def _end(self, following: Clause | None = None) -> None:
        """End this clause and begin another."""
        if not self._clause.empty:
            self._clauses.append(self._clause)
        self._clause = following or Clause()
        self._preposition = ""

    def _leave_relative(self) -> bool:
        """Go on with the clause that a relative one interrupted, and return whether there is one."""
        outer, self._outer = self._outer, None
        if outer is not None:
            self._end(outer)
        return outer is not None

    # -- phrases

    def _list(self, first: Phrase) -> list[Phrase]:
        """Return a phrase and those that commas and "and" join to it."""
        phrases = [first]
        while True:
            comma, joined = self._joints(0)
            following = self._at(comma + joined)
            if not (comma or joined) or not isinstance(following, Phrase) or not self._continues(comma, joined):
                return phrases
            phrases.append(following)
            self._position += comma + joined + 1

    def _joints(self, offset: int) -> tuple[bool, bool]:
        """Return whether there is a comma at an offset, and whether there is an "and" there or after the comma."""
        comma = _is(self._at(offset), "comma")
        return comma, _is(self._at(offset + comma), "and")

    def _continues(self, comma: bool, joined: bool) -> bool:
        """Whether the phrase after a comma or an "and" continues a list, and is not the subject of a clause."""
        if comma and not joined and not self._ends_with_and():
            return False
        after = self._at(comma + joined + 1)
        if isinstance(after, Verb):
            return self._open.verb is None and not self._preposition and not (comma and self._clause.mark)
        placed = bool(joined and self._preposition and self._open.objects)
        return not (placed and _is(after, "preposition"))

    def _ends_with_and(self) -> bool:
        """Whether the list that goes on after a comma has an "and" before its last item."""
        offset = 1
        while self._position + offset >= self._unlisted and isinstance(self._at(offset), Phrase):
            comma, joined = self._joints(offset + 1)
            if joined:
                return isinstance(self._at(offset + comma + joined + 1), Phrase)
            if not comma:
                break
            offset += 2
        self._unlisted = max(self._unlisted, self._position + offset)
        return False

    def _place(self, phrases: list[Phrase]) -> None:
        """Make phrases the subjects, the objects or a complement."""
        clause = self._open
        if self._preposition:
            self._place_complement(clause, phrases)
        elif clause.verb is None:
            if not (clause.mark and any(phrase.activity for phrase in clause.subjects)):
                clause.subjects = phrases
        elif not clause.objects and not clause.complements:
            clause.objects = phrases

    def _place_complement(self, clause: Clause, phrases: list[Phrase]) -> None:
        preposition, self._preposition = self._preposition, ""
        if clause.verb is None:
            last = clause.subjects[-1].words[-1].lower if clause.subjects else ""
            if preposition in ("to", "of", "for") and last in _STANDING_FOR:
                clause.subjects = phrases
            elif preposition != "of":
                clause.leading.append((preposition, phrases))
        elif preposition != "of" or (clause.verb.copula and not clause.complements):
            clause.complements.append((preposition, phrases))

    # -- verbs

    def _take_verb(self, verb: Verb) -> None:
        before = self._at(-2)
        self._preposition = ""
        if self._clause.verb is not None and not _is(before, "and"):
            self._leave_relative()
        clause = self._clause
        if clause.purpose is not None and clause.purpose.verb is None:
            clause.purpose.verb = verb
        elif clause.verb is None and not (clause.purpose and not clause.subjects):
            clause.verb = verb
        elif _is(before, "and", "comma", "then"):
            self._end(Clause(self._shared(verb), verb=verb, mark=clause.mark, follows=_is(before, "then")))
        elif isinstance(before, Phrase) and clause.purpose is None:
            self._give_up(before)
            self._end(Clause([before], verb=verb))
        else:
            self._end(Clause(verb=verb))

    def _shared(self, verb: Verb) -> list[Phrase]:
        """Return the subjects of a verb that has none of its own."""
        return [] if verb.commanding and self._clause.impersonal else self._clause.subjects

    def _give_up(self, phrase: Phrase) -> None:
        """Remove the last phrase from the clause, because it is the subject of the next one."""
        clause = self._clause
        if clause.objects and clause.objects[-1] is phrase:
            clause.objects = []
        elif clause.complements and clause.complements[-1][1][-1] is phrase:
            clause.complements.pop()

    # -- joints

    def _join_preposition(self, joint: Joint) -> None:
        self._preposition = joint.word

    def _join_mark(self, joint: Joint) -> None:
        self._outer = None
        if self._clause.empty:
            self._clause.mark = joint.word
        else:
            self._end(Clause(mark=joint.word))
        self._preposition = ""

    def _join_relative(self, _: Joint) -> None:
        last = self._at(-2)
        relative = Clause([last] if isinstance(last, Phrase) else [], relative=True)
        if self._clause.verb is None and not self._clause.empty:
            self._outer = self._clause
            self._clause = relative
        else:
            self._end(relative)
        self._preposition = ""

    def _join_to(self, _: Joint) -> None:
        if self._clause.empty:
            self._clause.mark = "to"
        elif self._clause.purpose is None:
            self._clause.purpose = Clause()
        self._preposition = ""

    def _join_stop(self, _: Joint) -> None:
        self._outer = None
        self._end()

    def _join_then(self, _: Joint) -> None:
        following = self._at(0)
        if self._clause.empty:
            self._clause.follows = True
        elif isinstance(following, Verb):
            self._end(Clause(self._shared(following), follows=True))
        elif isinstance(following, Phrase):
            self._end(Clause(follows=True))
        self._preposition = ""

    def _join_comma(self, _: Joint) -> None:
        if not self._leave_relative() and self._comma_ends():
            self._end()
        self._preposition = ""

    def _comma_ends(self) -> bool:
        """Whether a comma ends the clause. An apposition after the subject is skipped, up to the next comma."""
        clause = self._clause
        if clause.relative:
            return True
        offset = 0
        while _is(following := self._at(offset), "and", "then"):
            offset += 1
        if clause.mark and not self._clauses and not clause.empty:
            return isinstance(following, Verb | Phrase) or _is(following, "preposition", "to")
        if not isinstance(following, Phrase) or (clause.verb is None and self._pass_over_apposition()):
            return False
        return self._begins_clause(offset)

    def _pass_over_apposition(self) -> bool:
        """Skip an apposition between two commas after a subject, which says the same in other words.

        Return whether there is one.
        """
        offset = 0
        while (part := self._at(offset)) is not None and not _is(part, "comma"):
            if isinstance(part, Verb):
                return False
            offset += 1
        if not isinstance(self._at(offset + 1), Verb):
            return False
        self._position += offset + 1
        return True

    def _begins_clause(self, offset: int) -> bool:
        """Whether there is a subject with its verb at an offset."""
        while (part := self._at(offset)) is not None and not _is(part, "comma", "stop", "mark", "to", "then"):
            if isinstance(part, Verb):
                return True
            offset += 1
        return False

    def _join_and(self, _: Joint) -> None:
        clause = self._clause
        if not isinstance(self._at(0), Phrase):
            return
        if self._begins_clause(0):
            self._end()
        elif not self._preposition and clause.objects and clause.complements:
            self._end(Clause(verb=clause.verb))


def _is(part: Part | None, *kinds: str) -> bool:
    """Whether a part is a joint of one of these kinds."""
    return isinstance(part, Joint) and part.kind in kinds


_JOIN: Mapping[str, Callable[[_Reader, Joint], None]] = {
    "preposition": _Reader._join_preposition,
    "mark": _Reader._join_mark,
    "relative": _Reader._join_relative,
    "to": _Reader._join_to,
    "stop": _Reader._join_stop,
    "then": _Reader._join_then,
    "comma": _Reader._join_comma,
    "and": _Reader._join_and,
}
