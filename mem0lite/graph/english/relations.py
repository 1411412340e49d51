"""The relations that the clauses of a sentence state. Pure."""

from collections.abc import Iterator, Sequence

from . import lexicon as english
from .clauses import Clause, Complement, named
from .parts import Phrase, Verb

Triple = tuple[Phrase, str, Phrase]
"""Source, relationship and destination."""

_UNREAL = frozenset({"if", "unless", "whenever"})
_ORDER = {"before": "before", "after": "after", "once": "after"}
_REQUIRE = frozenset({"need", "require", "demand"})
_DEPEND = frozenset({"depend", "rely"})
_USE = frozenset({"use", "employ"})
_RUN = english.words(
    """
    run use execute call type invoke issue try launch open start
    """
)
_THINKING = english.words(
    """
    say think believe know hope suppose guess wish mean remember forget feel
    """
)
_SEQUENCE = {"precede": "before", "follow": "after"}
_MEANS = frozenset({"with", "using", "via", "through"})
_BUILT_ON = frozenset({"on", "upon"})
_LOOSE = english.words(
    """
    of than except without like during per despite
    """
)
"""Prepositions that relate nothing to the action."""
_LOOSE_IN_COMMANDS = _LOOSE | {"for", "by", "about", "within"}


def relations(clauses: Sequence[Clause]) -> Iterator[Triple]:
    """Yield the relations that the clauses of a sentence state, in its order."""
    conditional = any(clause.mark in _UNREAL for clause in clauses)
    previous: Clause | None = None
    for position, clause in enumerate(clauses):
        if clause.mark in _UNREAL or clause.relative:
            continue
        if clause.holds and not (conditional and clause.impersonal):
            yield from _stated(clause)
        main = _main_of(clauses, position) if clause.mark else None
        if main is not None and _is_needed_before(clause, main):
            yield from _each(clause.topics(), "requires", named(_needed(main)))
            continue
        yield from _subordinate(clause, main, clauses[position + 1 :]) if clause.mark else _impossible_without(clause)
        if clause.follows and previous is not None:
            yield from _ordered(previous, "before", clause)
        if not clause.mark:
            previous = clause


def _each(sources: Sequence[Phrase], relationship: str, destinations: Sequence[Phrase]) -> Iterator[Triple]:
    for source in sources:
        for destination in destinations:
            yield source, relationship, destination


def _among(complements: Sequence[Complement], *prepositions: str) -> list[Phrase]:
    """Return the phrases after any of these prepositions."""
    return [phrase for preposition, phrases in complements if preposition in prepositions for phrase in named(phrases)]


def _joined(*words: str) -> str:
    """Return a relationship of several words; empty ones are left out."""
    return "_".join(filter(None, words))


# -- relations between clauses


def _main_of(clauses: Sequence[Clause], position: int) -> Clause | None:
    """Return the main clause of a subordinate one: the clause before it, or the next at the start of a sentence."""
    for clause in reversed(clauses[:position]):
        if not clause.mark and not clause.relative:
            return clause
    return next((clause for clause in clauses[position + 1 :] if not clause.mark and not clause.relative), None)


def _is_needed_before(clause: Clause, main: Clause) -> bool:
    """Whether a clause says what something requires, as in "before a release, two approvals are needed"."""
    if clause.mark != "before" or main.verb is None or main.verb.base not in _REQUIRE:
        return False
    return main.verb.passive or main.impersonal


def _needed(clause: Clause) -> Sequence[Phrase]:
    """Return what is needed, if a clause says that something is."""
    return clause.subjects if clause.verb is not None and clause.verb.passive else clause.objects


def _subordinate(clause: Clause, main: Clause | None, rest: Sequence[Clause]) -> Iterator[Triple]:
    """Yield what a subordinate clause says about its main clause."""
    if clause.mark == "to":
        yield from _toward(clause, rest)
    if main is None:
        return
    if order := _order_of(clause, main):
        yield from _ordered(main, order, clause)
    if clause.mark in ("while", "when") and main.verb is not None and main.verb.only and main.verb.bound:
        yield from _each(main.topics(), "requires", clause.topics())  # "can only be run while X is up"


def _toward(purpose: Clause, rest: Sequence[Clause]) -> Iterator[Triple]:
    """Yield what "to achieve that, do this" says."""
    following = next((clause for clause in rest if not clause.mark), None)
    if purpose.verb is not None and following is not None and following.verb is not None:
        yield from _means(following, following.verb, purpose)


def _order_of(clause: Clause, main: Clause) -> str:
    """Return whether a main clause comes before or after its subordinate one; empty if neither is said."""
    if not clause.holds:
        return ""
    if main.verb is not None and main.verb.negated:
        return "after" if clause.mark in ("before", "until") and main.verb.bound else ""
    if clause.mark == "when":
        done = clause.verb is not None and clause.verb.perfect and not clause.verb.copula
        return "after" if done else ""
    return _ORDER.get(clause.mark, "")


def _ordered(clause: Clause, order: str, other: Clause) -> Iterator[Triple]:
    """Yield that the topics of one clause come before or after those of another, unless they do not happen."""
    if clause.verb is not None and (clause.verb.unreal or (clause.verb.negated and order == "before")):
        return
    yield from _each(clause.topics(), order, other.topics())


def _impossible_without(clause: Clause) -> Iterator[Triple]:
    """Yield what is required, as in "it won't start without X"."""
    if clause.verb is not None and clause.verb.negated and clause.verb.bound:
        yield from _each(clause.topics(), "requires", _among(clause.complements, "without"))


def _means(clause: Clause, verb: Verb, purpose: Clause) -> Iterator[Triple]:
    """Yield what "do this to achieve that" says."""
    topics = named(purpose.objects) or [phrase for _, phrases in purpose.complements[:1] for phrase in named(phrases)]
    if verb.base in _REQUIRE:
        yield from _each(topics, "requires", named(_needed(clause)))
    elif verb.passive and verb.base in _USE:
        yield from _each(topics, "uses", named(clause.subjects))
    elif clause.impersonal and (verb.base in _RUN or any(phrase.literal for phrase in clause.objects)):
        yield from _each(topics, "uses", named(clause.objects))


# -- relations within a clause


def _stated(clause: Clause) -> Iterator[Triple]:
    verb = clause.verb
    if verb is None:
        return
    if clause.purpose is not None and clause.purpose.verb is not None:
        yield from _means(clause, verb, clause.purpose)
    subjects = named(clause.subjects)
    complements = [(word, found) for word, phrases in clause.complements if (found := named(phrases))]
    if verb.copula:
        yield from _copula(subjects, clause.objects, complements)
    elif verb.passive:
        yield from _passive(verb, subjects, complements)
    elif verb.base in _REQUIRE or (verb.base == "have" and verb.commanding and not clause.impersonal):
        needing = subjects or _among([*complements, *clause.leading], "for", "before")
        yield from _each(needing, "requires", named(clause.objects))
    else:
        yield from _active(clause, verb, subjects, complements)


def _copula(
    subjects: Sequence[Phrase], objects: Sequence[Phrase], complements: Sequence[Complement]
) -> Iterator[Triple]:
    """Yield what something is, or its relation to what follows the first preposition."""
    if not complements:
        yield from _each(subjects, "is", [one for one in objects if all(word.tag == "name" for word in one.words)])
    elif not any(phrase.named for phrase in objects):
        word, found = complements[0]
        described = (one.lower for phrase in objects for one in phrase.words)
        yield from _each(subjects, _joined("is", *described, word), found)


def _passive(verb: Verb, subjects: Sequence[Phrase], complements: Sequence[Complement]) -> Iterator[Triple]:
    """Yield what is done to the subjects, and with what, and the first of the places where it is done."""
    placed = False
    for word, found in complements:
        if verb.base in _REQUIRE and word in ("for", "by", "before"):
            yield from _each(found, "requires", subjects)
        elif verb.base in _USE and word in ("for", "by", "in"):
            yield from _each(found, "uses", subjects)
        elif word in _MEANS or (word == "by" and any(one.activity or one.literal for one in found)):
            yield from _each(subjects, "uses", found)
        elif verb.base in ("build", "base") and word in _BUILT_ON:
            yield from _each(subjects, "depends_on", found)
        elif not placed and word not in _LOOSE:
            placed = True
            yield from _each(subjects, _joined(verb.form, verb.particle, word), found)


def _active(
    clause: Clause, verb: Verb, subjects: Sequence[Phrase], complements: Sequence[Complement]
) -> Iterator[Triple]:
    """Yield what somebody does, or what has to be done."""
    objects = named(clause.objects)
    if verb.base in _DEPEND:
        yield from _each(subjects, "depends_on", complements[0][1] if complements else [])
    elif verb.base in _USE:
        yield from _each(subjects or _among(complements, "for", "in"), "uses", objects)
    elif verb.base in _THINKING:
        return
    elif not subjects:
        yield from _done(verb, objects, complements) if clause.impersonal else ()
    elif verb.base == "take" and all(phrase.activity for phrase in subjects):
        yield from _each(subjects, "requires", objects)
    elif verb.base in _SEQUENCE and objects:
        yield from _each(subjects, _SEQUENCE[verb.base], objects)
    elif clause.objects:
        yield from _each(subjects, _joined(verb.form, verb.particle), objects)
    else:
        yield from _does(verb, subjects, complements)


def _does(verb: Verb, subjects: Sequence[Phrase], complements: Sequence[Complement]) -> Iterator[Triple]:
    """Yield with what, or where, something without an object is done."""
    for word, found in complements[:1]:
        relationship = "uses" if word in _MEANS else _joined(verb.form, verb.particle, word)
        yield from _each(subjects, relationship, found)


def _done(verb: Verb, objects: Sequence[Phrase], complements: Sequence[Complement]) -> Iterator[Triple]:
    """Yield what is done to the objects, and with what, and the first of the places where it is done."""
    placed = False
    for word, found in complements:
        if word in _MEANS or (word == "by" and any(phrase.activity for phrase in found)):
            yield from _each(objects, "uses", found)
        elif not placed and word not in _LOOSE_IN_COMMANDS:
            placed = True
            participle = english.PARTICIPLE.get(verb.base, verb.form)
            yield from _each(objects, _joined(participle, verb.particle, word), found)
