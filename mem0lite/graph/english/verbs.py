"""Which words are verbs, by their forms and the words around them. Pure."""

from itertools import pairwise

from . import lexicon as english
from .places import Place, Reading
from .tokens import Word

_OPENERS = english.words(
    """
    please then first next finally always never just also afterwards now only let's simply
    """
)
"""Words with which a command may begin."""
_PEOPLE = ("i", "we", "you", "they")
_SUBJECTS = ("noun", "name", "pronoun")
_VERBS = ("verb", "be", "auxiliary", "participle")
_NO_COMPOUND = english.DETERMINERS.union(english.PREPOSITIONS, english.PRONOUNS, english.ADVERBS, english.NUMBERS)
"""Words before which a bare verb is not a noun."""
_PHRASE_ENDS = english.CLAUSE_ENDS | english.DETERMINERS
_BEFORE_OBJECTS = english.PREPOSITIONS | english.DETERMINERS


def past_of(lower: str) -> str:
    """Return the base form of a past tense, or an empty text."""
    known = english.PAST.get(lower)
    if known is not None:
        return known
    return lower[:-2] if lower.endswith("ed") and len(lower) > 4 and not lower.endswith("eed") else ""


def verb_at(place: Place) -> Reading | None:
    """Return the reading of a word as a verb, or None if it is not one."""
    lower = place.lower
    if lower in english.GERUND:
        return _gerund(place)
    past = past_of(lower)
    if past and (reading := _past(place, past)):
        return reading
    if lower in english.THIRD:
        return ("verb", english.THIRD[lower]) if _is_third_person(place) else None
    if lower in english.BASE:
        return ("verb", english.BASE[lower]) if _is_bare_verb(place) else None
    return _unknown(place)


def _gerund(place: Place) -> Reading | None:
    base = english.GERUND[place.lower]
    if place.last.tag == "be":
        return "participle", base
    if place.last.tag in ("edge", "preposition", "mark", "comma", "and", "stop", "verb", "to"):
        return "gerund", base
    return None


def _past(place: Place, base: str) -> Reading | None:
    """Return the reading of a past tense or participle; None if it may be a base form that looks the same."""
    last = place.last.tag
    if last == "be":
        return "participle", base
    if last == "auxiliary":
        return "verb", base
    if place.before.tag in ("determiner", "number", "preposition", "verb"):
        return "noun", ""
    if last in ("noun", "name", "pronoun", "relative"):
        return _past_after_subject(place, base)
    if last == "and" and place.position > 1 and place.words[place.position - 2].tag == "participle":
        return "participle", base
    if place.lower in english.BASE:
        return None
    return ("verb", base) if last == "and" and place.finite else ("noun", "")


def _past_after_subject(place: Place, base: str) -> Reading:
    last = place.last.tag
    if place.lower in english.BASE and last != "pronoun":
        return ("noun", "") if place.finite else ("verb", base)
    if last in ("noun", "name") and (place.finite or _verb_follows(place)):
        return "participle", base
    return "verb", base


def _is_third_person(place: Place) -> bool:
    """Whether a form with -s is a verb, and not the plural of a noun."""
    last, after = place.last, place.after
    if last.tag == "and":
        return _joins_verb(place) and after.lower not in english.BE
    if place.finite or place.before.tag in ("determiner", "number"):
        return False
    if last.tag in ("edge", "preposition", "verb", "gerund", "be", "auxiliary", "to", "mark", "stop"):
        return False
    if last.tag == "comma" and not (last.text == "," and _has_subject(place)):
        return False
    return not _is_plural_noun(place)


def _is_plural_noun(place: Place) -> bool:
    """Whether the next words show that a form with -s is not a verb."""
    after = place.after
    if place.before.tag == "noun" and after.kind in ("edge", "punctuation"):
        return True
    if after.lower in english.THIRD and place.last.tag == "noun":
        return True
    if after.lower in english.FINITE:
        return after.lower != "being"
    return after.lower in english.BASE and after.lower not in english.PREPOSITIONS and place.beyond in _BEFORE_OBJECTS


def _is_bare_verb(place: Place) -> bool:
    """Whether a base form is a verb, and not a noun."""
    last, after = place.last, place.after
    if place.before.tag in ("determiner", "number", "preposition", "verb", "be", "participle"):
        return False
    if last.tag in ("to", "auxiliary", "pronoun", "relative"):
        return True
    if _begins_after(last) or _begins_after(place.before):
        return last.tag != "mark" and after.kind != "punctuation" and not _is_noun_first(place)
    if last.tag == "and":
        return _joins_verb(place) and not _is_noun_first(place)
    if place.finite or after.kind == "edge" or after.lower in english.FINITE:
        return False
    return _is_plural(last) or (after.kind != "punctuation" and _is_listed(place))


def _unknown(place: Place) -> Reading | None:
    """Return the reading of a verb that is not in the lexicon."""
    lower, last, after = place.lower, place.last, place.after
    named = after.capital and after.kind == "word"
    if (place.word.capital and not place.first) or not lower.replace("-", "").isalpha():
        return None
    if not named and after.lower not in english.DETERMINERS:
        return None
    if lower.endswith("ing") and last.tag in ("preposition", "mark", "comma"):
        return "gerund", lower.removesuffix("ing")
    if lower.endswith("s"):
        if lower == "s":  # "'s" after a space
            return None
        stands = last.tag in ("noun", "name", "comma") and not place.finite and _has_subject(place)
        return ("verb", lower.removesuffix("s")) if stands else None
    stands = not named and not lower.endswith(("ly", "ing")) and _may_be_bare(place)
    return ("verb", lower) if stands else None


def _may_be_bare(place: Place) -> bool:
    """Whether the base form of a verb is possible here."""
    last = place.last
    if last.tag == "and":
        return _joins_verb(place)
    return _begins_after(last) or last.tag in ("to", "auxiliary") or last.lower in _PEOPLE


def _begins_after(word: Word) -> bool:
    """Whether a clause may begin after this word."""
    return word.tag in ("edge", "comma", "stop", "mark") or word.lower in _OPENERS


def _joins_verb(place: Place) -> bool:
    """Whether the clause before a conjunction has a verb, so that a second one may follow."""
    for position in range(place.position - 2, -1, -1):
        tag = place.words[position].tag
        if tag in _VERBS:
            return True
        if tag in ("stop", "mark"):
            return False
    return False


def _has_subject(place: Place) -> bool:
    """Whether there is a subject without a verb."""
    words = place.words
    return any(words[position].tag in _SUBJECTS for position in range(place.position)) and not _joins_verb(place)


def _is_listed(place: Place) -> bool:
    """Whether the words before are a list, after which comes the bare form of the verb."""
    return any(word.tag == "and" for word in place.words[max(0, place.position - 5) : place.position])


def _is_plural(word: Word) -> bool:
    return (
        word.tag in ("noun", "name")
        and word.kind == "word"
        and word.lower.endswith("s")
        and not word.lower.endswith(("ss", "us", "is"))
    )


def _verb_follows(place: Place) -> bool:
    """Whether a verb follows in the same clause, so that this word is not its verb."""
    for word in place.rest():
        if word.kind == "punctuation" or word.lower in english.JOINING:
            return False
        if word.lower in english.FINITE or word.lower in english.THIRD:
            return True
    return False


def _is_noun_first(place: Place) -> bool:
    """Whether a base form at the start of a clause is a noun, as in "test results go to …"."""
    after = place.after
    if after.kind == "edge":
        return True
    if after.kind != "word" or after.capital:
        return False
    if after.lower in english.FINITE or (after.lower in english.THIRD and place.beyond in _BEFORE_OBJECTS):
        return True
    return after.lower not in _NO_COMPOUND and _goes_on_to_verb(place)


def _goes_on_to_verb(place: Place) -> bool:
    """Whether there are only nouns between a word and the next verb."""
    for one, following in pairwise(place.rest()):
        if following.kind == "punctuation" or following.lower in _PHRASE_ENDS:
            return False
        if following.lower in english.FINITE or following.lower in english.THIRD:
            return True
        if following.lower in english.BASE and one.lower.endswith("s"):
            return True
    return False
