"""How the pieces of a date become one phrase. Pure.

A rule (see ``rules``) reads a piece: "Tuesday", "next week", "two weeks ago". Pieces of which one lies within the other
are read together: "Tuesday of next week", "last year in May".
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from . import periods
from .periods import Clock, Length, Period
from .words import NUMBER, UNIT, UNITS

_DEEPEST = 4  # pieces within pieces: "the week before the first Monday of the month after next"
_SIZES = ("time", "day", "days", "weekend", "week", "month", "season", "quarter", "half", "year", "decade", "century")


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a date: where it is in the text, and how to read it."""

    begin: int
    end: int
    unit: str
    """The unit of time that it is as long as."""
    read: Callable[[], Period]
    """Raises ValueError if there is no such day, OverflowError outside the years 1 to 9999."""
    needs: str = ""
    """The unit it lies in, if that isn't named: a week for a weekday, a year for a month."""
    within: Callable[[Period], Period] | None = None
    """Reads it within a period of that unit."""
    kind: str = ""
    """What it may be instead of a date, a key of ``_CONDITIONS``; empty if it is surely a date."""
    whole: Callable[[], Period] | None = None
    """Reads the period that others lie in, if it isn't this one: for "two years ago", that whole year."""
    inside: tuple[str, Callable[[], Period]] | None = None
    """The unit of the period in which it was placed, and how to read that."""
    again: Callable[[Period], Period] | None = None
    """Reads it within another period than the one in which it was placed."""
    alone: bool = True
    """False for a piece that is not a date without another, such as "morning"."""

    def mapped(self, change: Callable[[Period], Period], begin: int, unit: str) -> "Found":
        """Return a piece that is a part of this one, or lies next to it."""
        own = self.within
        within = own and (lambda period: change(own(period)))
        read = self.read
        return replace(
            self,
            begin=begin,
            unit=unit,
            read=lambda: change(read()),
            within=within,
            kind="",
            whole=None,
            again=None,
            alone=True,
        )

    def fits(self, outer: "Found") -> bool:
        """True if this can be placed in the other."""
        sizes = self.needs, outer.unit
        return bool(self.needs) and (self.needs == outer.unit or sizes in (("week", "weekend"), ("day", "days")))

    def placed(self, outer: "Found") -> "Found":
        """Return this, placed in the other."""
        own = self.within or (lambda period: period)  # a piece that needs a unit has ``within``
        reading, deeper = outer.whole or outer.read, outer.within
        open_still = bool(outer.needs)
        return replace(
            self,
            begin=min(self.begin, outer.begin),
            end=max(self.end, outer.end),
            read=lambda: own(reading()),
            needs=outer.needs,
            within=deeper and (lambda period: own(deeper(period))),
            kind=outer.kind if open_still else "",
            inside=outer.inside or (outer.unit, reading),
            again=None if open_still else own,
            whole=None,
            alone=outer.alone,
        )


def smaller(one: str, other: str) -> bool:
    """True if a unit is shorter than another."""
    return _SIZES.index(one) < _SIZES.index(other)


Rule = Callable[["Grammar", re.Match[str]], Found | None]
_RULES: dict[str, list[tuple[re.Pattern[str], Rule]]] = {}
"""The rules, by the first word they can begin with; "0" stands for a digit."""


def rule(pattern: str, starts: Iterable[str]) -> Callable[[Rule], Rule]:
    """Register a function that reads matches of a pattern; each match begins with one of the words in ``starts``."""
    compiled = re.compile(pattern)

    def enter(reading: Rule) -> Rule:
        for start in dict.fromkeys(starts):
            _RULES.setdefault(start, []).append((compiled, reading))
        return reading

    return enter


def may_begin(word: str) -> bool:
    """True if some date begins with a word, or with a digit for "0"; with most words, none does."""
    return word in _RULES


_FIRST_WORD = re.compile(r"\d|[^\W\d_]+")
_THE = re.compile("the ")
_JOIN = re.compile(r"(?:'s|,)?(?: (?:of|in|on|at|around)\b,?)? ?\(?")
_TERM = re.compile(
    rf"(?P<low>{NUMBER})(?P<half> and (?:a )?half|-and-a-half| 1/2|½)?"
    rf"(?:(?: ?[-–] ?| or | to )(?P<high>{NUMBER}))?[ -]?(?P<unit>{UNIT})\b"
    r"(?P<more> and (?:a )?half\b| or so\b| or (?P<or>two|three|four)\b)?"
)
_AND = re.compile(r",? and |, | ")


class Grammar:
    """Reads a text as seen from a clock; ``ahead`` if the question looks into the future, ``back`` if into the past."""

    def __init__(self, text: str, clock: Clock, *, ahead: bool, back: bool = False) -> None:
        self.text, self.clock, self.ahead, self.back = text, clock, ahead, back
        self.now, self.today = clock.now, periods.midnight(clock.now)
        self._depth = 0
        self._pieces: dict[tuple[int, int], Found | None] = {}
        self._phrases: dict[tuple[int, int], Found | None] = {}

    def seen_from(self, clock: Clock, *, ahead: bool) -> "Grammar":
        """Return a grammar that reads the same text as seen from another time."""
        return Grammar(self.text, clock, ahead=ahead)

    def phrase(self, begin: int, depth: int = 0) -> Found | None:
        """Return the longest phrase that begins at a place, with all the pieces it lies in."""
        if (begin, depth) not in self._phrases:
            found, longer = None, self._piece(begin, depth)
            while longer is not None:
                found, longer = longer, self._joined(longer, depth)
            self._phrases[begin, depth] = found
        return self._phrases[begin, depth]

    def inner(self, begin: int) -> Found | None:
        """Return the phrase of which the one being read is a part, or next to which it lies."""
        depth = self._depth
        try:
            found = self.phrase(begin, depth + 1)
        finally:
            self._depth = depth
        return found if found is not None and found.alone else None

    def _piece(self, begin: int, depth: int) -> Found | None:
        """Return the longest piece that begins at a place, perhaps after "the"."""
        if depth > _DEEPEST:
            return None
        if (begin, depth) not in self._pieces:  # this bounds the work: each place is read once at each depth
            after = _THE.match(self.text, begin)
            places = [begin, after.end()] if after else [begin]
            found = [piece for place in places for piece in self._pieces_at(place, depth)]
            best = max(found, key=lambda piece: piece.end, default=None)
            self._pieces[begin, depth] = best and replace(best, begin=begin)
        return self._pieces[begin, depth]

    def _pieces_at(self, place: int, depth: int) -> Iterable[Found]:
        word = _FIRST_WORD.match(self.text, place)
        for pattern, reading in _RULES.get("0" if word[0].isdecimal() else word[0], ()) if word else ():
            if match := pattern.match(self.text, place):
                self._depth = depth
                if found := reading(self, match):
                    yield found

    def _joined(self, found: Found, depth: int) -> Found | None:
        """Return a phrase together with the piece after it, if one lies in the other: "May" and "last year"."""
        join = _JOIN.match(self.text, found.end)
        if join is None or join.end() == found.end:
            return None
        read = self.phrase if found.needs == "day" else self._piece  # "at 9 am on Friday, 7 May"
        if (other := read(join.end(), depth + 1)) is None:
            return None
        if found.fits(other):
            return found.placed(other)
        if other.fits(found):
            return other.placed(found)
        return _same_day(found, other) if found.unit == other.unit == "day" else None

    def credible(self, found: Found, lead: str) -> bool:
        """True if a phrase after the word ``lead`` is meant as a date."""
        if not found.kind or found.kind not in _CONDITIONS:
            return True
        certain, likely = _CONDITIONS[found.kind]
        following = _NEXT_WORD.match(self.text, found.end)
        leads = {lead, ""} if lead == FOREIGN else {lead}
        return bool(leads & certain) or (bool(leads & likely) and (following is None or following[1] in _FOLLOWS))

    def length(self, begin: int) -> tuple[Length, Length, int] | None:
        """Return the least and the most length of time that a phrase says, and where it ends: "two to three weeks"."""
        if (term := _TERM.match(self.text, begin)) is None:
            return None
        (low, high), end = _term(term), term.end()
        while (
            (joint := _AND.match(self.text, end))
            and (term := _TERM.match(self.text, joint.end()))
            and periods.UNITS[UNITS[term["unit"]]] < periods.UNITS[low.unit]
        ):
            (more, most), end = _term(term), term.end()
            low, high = low.plus(more), high.plus(most)
        return low, high, end


# ---- Which phrases are meant as dates ----------------------------------------------------------------------------
# A phrase that may be something else (a name, a verb, a number) is a date only after a word that dates follow, or if no
# word comes after it that it could belong to: "in the fall" but not "fall asleep", "Friday?" but not "Friday Night
# Lights".
_INSIDE = {"in", "during", "throughout", "back in"}
_BOUNDS = {"since", "until", "till", "before", "after", "prior to", "up to"}
FOREIGN = "a word of another language"
LEADS = _INSIDE | _BOUNDS | {"on", "over", "around", "as of", "at", "for", "by", "from", "of"}
"""Words before dates."""
_DAY_LEADS = _BOUNDS | {"on", "by", "from", "as of", "between"}
_CONDITIONS: dict[str, tuple[set[str], set[str]]] = {
    "year": (_INSIDE | _BOUNDS | {"as of"}, {"by", "for", "from", "of"}),
    "slash": (set(), _BOUNDS | {"on"}),
    "nth": (set(), _BOUNDS | {"on"}),
    "short weekday": (set(), _BOUNDS | {"on"}),
    "dots": (set(), _DAY_LEADS | {FOREIGN}),
    "dots at the end": (set(), {FOREIGN}),
    "numbers": (set(), _INSIDE | _BOUNDS | {"by", "from", "as of", FOREIGN}),
    "that name": (set(), LEADS | {""}),
    "spring": (set(), _INSIDE | {"over", "since", "until"}),
    "name": (_INSIDE, _BOUNDS),
    "weekday": ({"on"}, LEADS | {""}),
    "may day": ({"on"}, LEADS | {""}),
    "month": (_INSIDE | {"on", "as of"}, LEADS | {""}),
    "weekend": ({"during", "over", "on", "at"}, _BOUNDS | {"for"}),
    "quarter": (set(), _INSIDE | _BOUNDS | {"by", "from", "for"}),
    "the unit": (set(), LEADS | {"", "towards", "near"}),
    "period": (_INSIDE | {"on", "over", "as of"}, LEADS),
}
"""By kind: the words that make a phrase after them a date, and those that do so only if it belongs to no next word."""
_FOLLOWING = """
a about also and are as at be because before but by can could did do does for from had has have he her his how i if in
instead is it me my no not of on or our she should since so than that the their them they this till to until was we were
what when where which while who whom whose why will with would you your
"""
_FOLLOWS = frozenset(_FOLLOWING.split())
_NEXT_WORD = re.compile(r" ?([a-z']+)")


def _same_day(found: Found, other: Found) -> Found | None:
    """Return the day that a weekday and a date name together, in either order."""
    if "weekday" in found.kind and "weekday" not in other.kind:
        return replace(other, begin=found.begin)
    if other.kind == "weekday" and "weekday" not in found.kind:
        return replace(found, end=other.end)
    return None


def _term(term: re.Match[str]) -> tuple[Length, Length]:
    unit, halved = UNITS[term["unit"]], bool(term["half"]) or (term["more"] or "").endswith("half")
    low = Length.of(term["low"], unit, halved)
    high = term["high"] or term["or"]
    return low, Length.of(high, unit) if high else low
