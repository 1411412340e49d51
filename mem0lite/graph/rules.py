"""Entities and relations of English sentences by rules: no model, nothing to download, a fraction of a millisecond.

A sentence is cut into noun phrases, verbs and what joins them, and these into clauses. A clause with a plain grammar
gives subject, verb and object; clauses joined by "before", "after" or "then" give the order of what they are about.
What the rules do not understand gives entities only.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from . import lexicon as english
from .extractor import ExtractedEntity, Extraction

# -- words

_EXTENSIONS = (
    "py|pyi|ipynb|md|rst|txt|toml|ya?ml|json[l5]?|js|jsx|ts|tsx|mjs|css|scss|html?|xml|csv|tsv|parquet|sql|db|sqlite|sh|"
    "bash|zsh|ps1|bat|cfg|ini|conf|env|lock|log|rs|go|java|kt|rb|php|cc|cpp|hpp|cs|swift|tf|tfvars|tpl|j2|pem|key|crt|"
    "pdf|docx?|xlsx?|pptx?|png|jpe?g|svg|gif|zip|gz|tgz|tar|whl|deb|rpm|iso|img|bin|hex|service|proto"
)
_TOKEN = re.compile(
    rf"""
    (?P<command>`[^`\n]+`)
  | (?P<term>"[^"\n]{{1,80}}"|“[^”\n]{{1,80}}”|«[^»\n]{{1,80}}»|(?<!\w)'[^'\n]{{1,80}}'(?!\w)|(?<!\w)‘[^’\n]{{1,80}}’(?!\w))
  | (?P<url>\b[a-z][a-z0-9+]*://[^\s<>"'`]*[\w/])
  | (?P<address>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
  | (?P<tag>(?<!\w)\#[A-Za-z][\w-]*)
  | (?P<path>(?<![\w/.])(?:~|\.{{1,2}})?/[\w.@-]*[\w@-](?:/[\w.@*-]*[\w@*-])*/?
      | \b[\w.@-]+(?:/[\w.@*-]+)*/[\w.@-]*\.(?:{_EXTENSIONS})\b
      | \b[\w@-]+(?:/[\w.@*-]*[\w@*-]){{2,}}/?
      | \b[\w@-]+(?:/[\w@-]+)*/(?=[\s,.;:)]|$)
      | \b[\w-]+(?:\.[\w-]+)*\.(?:{_EXTENSIONS})\b(?!\.\w)
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
_MOST_CHARACTERS = 20_000  # of a text; a longer one is no statement, and the rest would only slow writing down
_LITERAL = frozenset({"command", "term", "url", "address", "tag", "path", "version", "identifier"})
_AMOUNT = re.compile(r"\d+(?:st|nd|rd|th|am|pm|k|kg|g|mg|ml|l|s|ms|gb|mb|tb|min|h|x|cm|mm|km)\b", re.IGNORECASE)
_MIXED = re.compile(r"^[a-z]+[A-Z]|^[A-Z]+[a-z]+[A-Z]|[A-Za-z]\d|^\d+[A-Z][a-z]|^[A-Z]{2,}|[+#]$|^[A-Z][a-z]*[&.][A-Z]")

Tag = Literal[
    "noun", "name", "determiner", "number", "pronoun", "preposition", "and", "mark", "relative", "adverb", "to",
    "verb", "participle", "gerund", "be", "auxiliary", "not", "comma", "stop",
]  # fmt: skip


@dataclass(slots=True)
class _Word:
    text: str
    lower: str
    start: int
    end: int
    kind: str
    tag: Tag = "noun"
    verb: str = ""
    """The base form, of verbs."""

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()


# -- parts of sentences


@dataclass(slots=True)
class _Phrase:
    """A noun phrase."""

    words: list[_Word]
    activity: str = ""
    """The gerund that the phrase is the object of, or is."""
    determined: bool = False

    @property
    def pronoun(self) -> bool:
        """Whether it names nothing: a pronoun, or a time."""
        return self.words[-1].tag == "pronoun" or self.words[-1].lower in english.DATES | english.UNITS

    @property
    def person(self) -> bool:
        """Whether it looks like somebody's name, or somebody's."""
        return all(one.tag == "name" and one.kind == "word" and not _MIXED.search(one.text) for one in self.words)

    @property
    def literal(self) -> bool:
        return any(word.kind in _LITERAL - {"version"} for word in self.words)


@dataclass(slots=True)
class _Verb:
    """A verb with what goes with it."""

    base: str
    form: str
    """Third person or, of the past, as it is written."""
    passive: bool = False
    copula: bool = False
    negated: bool = False
    unreal: bool = False
    bound: bool = False
    """Whether it must, can or will."""
    perfect: bool = False
    only: bool = False
    """Whether "only" stands with it."""
    commanding: bool = False
    """Whether it is the bare verb, as in commands and after "we"."""
    particle: str = ""


@dataclass(slots=True)
class _Joint:
    """What stands between phrases and verbs: a preposition, a conjunction, a comma."""

    kind: Literal["preposition", "and", "mark", "relative", "to", "comma", "stop", "then"]
    word: str


_Part = _Phrase | _Verb | _Joint


@dataclass(slots=True)
class _Clause:
    """Somebody does something to something."""

    subjects: list[_Phrase] = field(default_factory=list)
    leading: list[tuple[str, list[_Phrase]]] = field(default_factory=list)
    """Prepositions and what follows them, before the verb."""
    verb: _Verb | None = None
    objects: list[_Phrase] = field(default_factory=list)
    complements: list[tuple[str, list[_Phrase]]] = field(default_factory=list)
    """Prepositions and what follows them."""
    purpose: "_Clause | None" = None
    """What comes after "to"."""
    mark: str = ""
    """The word that subordinates it, such as "before"."""
    relative: bool = False
    follows: bool = False
    """Whether "then" says that it comes after the clause before it."""

    @property
    def empty(self) -> bool:
        return not (self.subjects or self.leading or self.verb or self.objects or self.complements)

    @property
    def impersonal(self) -> bool:
        """Whether nobody in particular does it: a command, or what I, you or we do."""
        return all(phrase.words[-1].lower in ("i", "you", "we") for phrase in self.subjects)

    def topics(self) -> list[_Phrase]:
        """Return what the clause is about in an order of things done: what is acted on, rather than who acts."""
        acted_on = self.objects or next((phrases for _, phrases in self.complements), [])
        acts = self.verb is not None and not self.verb.copula and not self.verb.passive
        if acts and (self.impersonal or all(phrase.person for phrase in self.subjects)):
            return [phrase for phrase in acted_on if not phrase.pronoun]
        return [phrase for phrase in self.subjects if not phrase.pronoun]


_Triple = tuple[_Phrase, str, _Phrase]


class RuleExtractor:
    """Finds what English sentences name and plainly state, by rules.

    Entities are proper names, commands and code in backticks, paths, addresses, versions, ``#tags``, quoted terms and
    the ends of relations. Noun phrases that are no more than that have the type ``phrase``: they link memories that
    speak of the same thing, and are not shown.
    """

    def extract(self, text: str) -> Extraction:
        """Return the entities in the order of the text, and the relations."""
        text = text[:_MOST_CHARACTERS]
        entities: dict[str, ExtractedEntity] = {}
        relations: dict[tuple[str, str, str], None] = {}
        for words in _sentences(text):
            _tag(words)
            parts = list(_parts(words))
            question = words[-1].text == "?"
            triples = [] if question else list(_relations(_clauses(parts)))
            ends: set[int] = set()
            for source, relationship, destination in triples:
                names = _name_of(source, text), _name_of(destination, text)
                if names[0].casefold() != names[1].casefold():
                    relations.setdefault((names[0], relationship, names[1]))
                    ends |= {id(source), id(destination)}
            for phrase in (part for part in parts if isinstance(part, _Phrase) and not part.pronoun):
                for name, kind in _entities(phrase, text, id(phrase) in ends):
                    known = entities.setdefault(name.casefold(), {"name": name, "type": kind})
                    if known["type"] == "phrase":
                        entities[name.casefold()] = {"name": name, "type": kind}
        return {
            "entities": list(entities.values()),
            "relations": [
                {"source": source, "relationship": relationship, "destination": destination}
                for source, relationship, destination in relations
            ],
        }


# -- words and their parts of speech


def _sentences(text: str) -> Iterator[list[_Word]]:
    words: list[_Word] = []
    for found in _TOKEN.finditer(text):
        kind, start, end = str(found.lastgroup), *found.span()
        if kind in ("command", "term"):
            start, end = start + 1, end - 1
            if not text[start:end].strip():
                continue
        word = _Word(text[start:end], text[start:end].lower().replace("’", "'"), start, end, kind)
        apart = text[words[-1].end : start] if words else ""
        if words and "\n" in apart:
            yield words
            words = []
        words.append(word)
        if kind == "punctuation" and word.text in ".!?;:" and word.text != ":":
            yield words
            words = []
    if words:
        yield words


def _tag(words: list[_Word]) -> None:
    """Give each word its part of speech."""
    finite = False  # whether the clause has its verb
    for position, word in enumerate(words):
        before = words[position - 1] if position else None
        after = words[position + 1] if position + 1 < len(words) else None
        word.tag = _tag_of(words, position, finite)
        if word.tag in ("verb", "be", "auxiliary"):
            finite = True
        elif word.tag in ("comma", "stop", "mark", "relative", "and", "to"):
            finite = word.tag == "and" and finite and not (after is not None and _opens_clause(words, position + 1))
        del before


def _opens_clause(words: Sequence[_Word], position: int) -> bool:
    """Whether a subject and a verb begin here, as far as the forms of the words tell."""
    seen = False
    for word in words[position : position + 7]:
        if word.kind == "punctuation" or word.lower in english.CONJUNCTIONS | english.MARKS | english.PREPOSITIONS:
            return False
        if seen and (word.lower in english.BE | english.AUXILIARIES or word.lower in english.THIRD):
            return True
        seen = seen or word.lower not in english.DETERMINERS
    return False


def _starts(before: _Word | None) -> bool:
    """Whether a clause may begin after this word."""
    return before is None or before.tag in ("comma", "stop", "mark") or before.lower in _OPENERS


_OPENERS = english.words(
    """
    please then first next finally always never just also afterwards now only let's simply
    """
)
_SKIPPED = ("adverb", "not")


def _tag_of(words: Sequence[_Word], position: int, finite: bool) -> Tag:
    word = words[position]
    lower = word.lower
    before = words[position - 1] if position else None
    after = words[position + 1] if position + 1 < len(words) else None
    last = next((one for one in reversed(words[:position]) if one.tag not in _SKIPPED), None)
    following = next((one.lower for one in words[position + 1 :] if one.lower not in english.ADVERBS), "")
    if word.kind == "punctuation":
        return "stop" if word.text in ".!?;:" else "comma" if word.text in ",()—–-" else "adverb"
    if word.kind in _LITERAL:
        return "name"
    if word.kind == "number" or _AMOUNT.fullmatch(word.text):
        return (
            "name"
            if last is before is not None
            and before.tag == "name"
            and not _AMOUNT.match(word.text)
            and ("%" not in word.text and ":" not in word.text and before.lower not in english.DATES)
            else "number"
        )
    if lower == "cannot" or lower.endswith("n't"):
        return "auxiliary"
    if lower in english.NEGATIONS:
        return "not"
    if lower == "to":
        return "to" if following in english.BASE or following == "be" else "preposition"
    if (
        lower == "that"
        and last is not None
        and last.tag == "verb"
        and (following in english.PRONOUNS | english.DETERMINERS)
    ):
        return "stop"
    if lower in ("that", "which", "who", "whom", "whose", "where"):
        return (
            "relative"
            if last is not None and last.tag in ("noun", "name", "comma", "preposition", "pronoun")
            else (
                "determiner"
                if lower in ("that", "which", "whose")
                and position + 1 < len(words)
                and following not in english.BE | english.AUXILIARIES
                and following not in english.THIRD
                else "pronoun"
            )
        )
    if lower in english.BE or (
        english.BASE.get(lower, english.THIRD.get(lower, english.PAST.get(lower))) == "get"
        and _past_of(following)
        and last is not None
        and last.tag not in ("determiner",)
    ):
        return "be"
    if lower in ("have", "has", "had", "do", "does", "did"):
        helps = following in english.PAST or following in english.BASE or following in ("to", "been", "not")
        if helps and not (following == "to" and lower.startswith("d")):
            return "auxiliary"
        word.verb = "have" if lower.startswith("h") else "do"
        return "verb"
    if lower in english.AUXILIARIES and not (lower in ("may", "will", "can") and word.capital and position):
        return "auxiliary"
    if lower == "using" and last is not None and last.tag in ("noun", "name", "participle", "verb", "number"):
        return "preposition"
    if lower == "like" and last is not None and last.tag == "pronoun":
        word.verb = "like"
        return "verb"
    if lower in english.MARKS:
        return "mark"
    if lower in english.PRONOUNS:
        return "pronoun"
    if lower in english.CONJUNCTIONS:
        return "and"
    if lower in ("about", "over", "around", "under") and (following in english.NUMBERS or following[:1].isdigit()):
        return "adverb"
    if lower in english.PREPOSITIONS:
        return "preposition"
    if lower in english.DETERMINERS:
        return "determiner"
    if lower in english.NUMBERS and lower not in ("first", "second"):
        return "number"
    if _is_name(words, position):
        return "name"
    nominal = last is not None and last.tag in ("determiner", "number", "preposition") and last is before
    if lower in english.ADVERBS and not nominal:
        return "adverb"
    verb = _verb_tag(words, position, finite)
    if verb:
        return verb
    if nominal and lower in english.QUANTITIES:
        return "noun"
    if lower in english.ADVERBS or (lower.endswith("ly") and len(lower) > 4 and lower not in _NOUNS_IN_LY):
        return "adverb" if not nominal or following in english.BASE or lower in english.ADVERBS else "noun"
    del after
    return "noun"


_GENERIC = english.words(
    """
    api apis url urls csv pdf pdfs json yaml xml html http https ssl tls dns vpn cpu gpu ram ui ux id ids faq hr
    ceo cto cfo pr prs ci cd qa sla it tv os db sql ssh usb ok sdk cli ide vm vms cdn iot led pin
    """
)
_NOUNS_IN_LY = english.words(
    """
    assembly supply reply family friendly weekly monthly daily anomaly nightly italy july
    """
)


def _verb_tag(words: Sequence[_Word], position: int, finite: bool) -> Tag | None:
    word = words[position]
    lower = word.lower
    before = words[position - 1] if position else None
    last = next((one for one in reversed(words[:position]) if one.tag not in _SKIPPED), None)
    after = words[position + 1] if position + 1 < len(words) else None
    nominal = before is not None and before.tag in ("determiner", "number")
    if lower in english.GERUND:
        word.verb = english.GERUND[lower]
        if last is not None and last.tag == "be":
            return "participle" if after is None or after.tag else "participle"
        if last is None or last.tag in ("preposition", "mark", "comma", "and", "stop", "verb", "to", "not"):
            return "gerund"
        return None
    if past := _past_of(lower):
        word.verb = past
        if last is not None and last.tag == "be":
            return "participle"
        if last is not None and last.tag == "auxiliary" and not nominal:
            return "verb" if lower not in english.BASE or last.lower.startswith("ha") else "verb"
        if nominal or (last is not None and last.tag in ("preposition", "verb") and before is last):
            return "noun"
        if last is not None and last.tag == "and" and _two_back(words, position) in ("participle",):
            return "participle"
        if last is not None and last.tag in ("noun", "name", "pronoun", "relative"):
            if lower in english.BASE and last.tag != "pronoun" and lower not in english.THIRD:
                return "verb" if not finite and _plural(last) else None if finite else "verb"
            if last.tag in ("noun", "name") and (finite or _finite_later(words, position + 1)):
                return "participle"
            return "verb"
        if last is not None and last.tag == "and" and finite and lower not in english.BASE:
            return "verb"
        if lower not in english.BASE:
            return "noun"
    if lower in english.THIRD:
        base = english.THIRD[lower]
        if last is None or nominal or last.tag in ("preposition", "verb", "gerund", "be", "auxiliary", "to"):
            return None
        if last.tag == "and":
            if _two_back_verb(words, position) and not (after is not None and after.lower in english.BE):
                word.verb = base
                return "verb"
            return None
        if last.tag == "mark" or (
            last.tag in ("comma", "stop") and not (last.text == "," and _has_subject(words, position))
        ):
            return None
        if finite and last.tag != "relative":
            return None
        if (after is None or after.kind == "punctuation") and last.tag == "noun" and last is before:
            return None
        if after is not None and after.lower in (english.BE | english.AUXILIARIES) - {"being"}:
            return None
        if after is None:
            word.verb = base
            return "verb"
        if after.lower in english.THIRD and last.tag == "noun":
            return None
        beyond = words[position + 2].lower if position + 2 < len(words) else ""
        if (
            after.lower in english.BASE
            and after.lower not in english.PREPOSITIONS
            and (beyond in english.PREPOSITIONS | english.DETERMINERS | {"to"})
        ):
            return None
        word.verb = base
        return "verb"
    if lower in english.BASE:
        base = english.BASE[lower]
        if nominal or (last is not None and last.tag in ("preposition", "verb", "be", "participle") and last is before):
            return None
        if last is not None and last.tag in ("to", "auxiliary", "pronoun", "relative"):
            word.verb = base
            return "verb"
        if _starts(last) or _starts(before):
            if last is not None and last.tag == "mark" and last.lower not in _OPENERS:
                return None
            if after is None or after.kind == "punctuation" or _noun_first(words, position):
                return None
            word.verb = base
            return "verb"
        if last is not None and last.tag == "and":
            if _two_back_verb(words, position) and after is not None and not _noun_first(words, position):
                word.verb = base
                return "verb"
            return None
        if last is not None and not finite and (_plural(last) or _joined(words, position)):
            if after is None or (after.kind == "punctuation" and not _plural(last)):
                return None
            if after.lower in english.BE | english.AUXILIARIES:
                return None
            word.verb = base
            return "verb"
        return None
    return _unknown_verb(words, position, last, finite)


def _unknown_verb(words: Sequence[_Word], position: int, last: _Word | None, finite: bool) -> Tag | None:
    """Return the part of speech of a verb that the lexicon lacks, by what stands before and after it."""
    word = words[position]
    lower = word.lower
    after = words[position + 1].lower if position + 1 < len(words) else ""
    named = position + 1 < len(words) and words[position + 1].capital and words[position + 1].kind == "word"
    if (
        not lower.replace("-", "").isalpha()
        or (word.capital and position)
        or not (named or after in english.DETERMINERS)
    ):
        return None
    begins = (
        _starts(last) or last is None or last.tag in ("to", "auxiliary") or last.lower in ("i", "we", "you", "they")
    )
    continues = last is not None and last.tag == "and" and _two_back_verb(words, position)
    if last is not None and last.tag in ("preposition", "mark", "comma") and lower.endswith("ing"):
        word.verb = lower.removesuffix("ing")
        return "gerund"
    if (begins or continues) and not named and not lower.endswith(("s", "ly", "ing")):
        word.verb = lower
        return "verb"
    if (
        lower.endswith("s")
        and last is not None
        and last.tag in ("noun", "name", "comma")
        and not finite
        and (_has_subject(words, position))
    ):
        word.verb = lower[:-1]
        return "verb"
    return None


def _past_of(lower: str) -> str:
    """Return the base form of a past tense, or nothing."""
    known = english.PAST.get(lower)
    if known is not None:
        return known
    return lower[:-2] if lower.endswith("ed") and len(lower) > 4 and not lower.endswith("eed") else ""


def _two_back(words: Sequence[_Word], position: int) -> str:
    """Return the tag of the word before the conjunction before a word."""
    return words[position - 2].tag if position >= 2 else ""


def _two_back_verb(words: Sequence[_Word], position: int) -> bool:
    """Whether the clause before a conjunction has a verb, which a second one may join."""
    for word in reversed(words[: position - 1]):
        if word.tag in ("verb", "be", "auxiliary", "participle"):
            return True
        if word.tag in ("stop", "mark"):
            return False
    return False


def _has_subject(words: Sequence[_Word], position: int) -> bool:
    return any(word.tag in ("noun", "name", "pronoun") for word in words[:position]) and not _two_back_verb(
        words, position
    )


def _joined(words: Sequence[_Word], position: int) -> bool:
    """Whether what stands before is a list of several, which takes the bare verb."""
    return any(word.tag == "and" for word in words[max(0, position - 5) : position])


def _plural(word: _Word) -> bool:
    return (
        word.tag in ("noun", "name")
        and word.kind == "word"
        and word.lower.endswith("s")
        and not word.lower.endswith(("ss", "us", "is"))
    )


def _finite_later(words: Sequence[_Word], position: int) -> bool:
    """Whether a verb follows in the same clause, so that what stands before it is no verb."""
    for word in words[position:]:
        if word.kind == "punctuation" or word.lower in english.MARKS or word.lower in english.CONJUNCTIONS:
            return False
        if word.lower in english.BE | english.AUXILIARIES:
            return True
        if word.lower in english.THIRD and word.lower not in english.DETERMINERS:
            return True
    return False


def _noun_first(words: Sequence[_Word], position: int) -> bool:
    """Whether a bare verb at the start of a clause is a noun there, as in "test results go to …"."""
    after = words[position + 1] if position + 1 < len(words) else None
    if after is None:
        return True
    if after.kind != "word" or after.capital:
        return after.kind != "punctuation" and False
    lower = after.lower
    if lower in english.BE | english.AUXILIARIES or (
        lower in english.THIRD
        and position + 2 < len(words)
        and words[position + 2].lower in english.DETERMINERS | english.PREPOSITIONS
    ):
        return True
    if lower in english.DETERMINERS | english.PREPOSITIONS | english.PRONOUNS | english.ADVERBS | english.NUMBERS:
        return False
    for one, following in zip(words[position + 1 :], words[position + 2 :], strict=False):
        if following.kind == "punctuation" or following.lower in (
            english.MARKS | english.CONJUNCTIONS | english.PREPOSITIONS | english.DETERMINERS
        ):
            return False
        if following.lower in english.BE | english.AUXILIARIES or following.lower in english.THIRD:
            return True
        if following.lower in english.BASE and one.lower.endswith("s"):
            return True
    return False


_COMMON = english.words(
    """
    access production staging payroll traffic data code support development marketing finance legal coffee bread
    dough water research training testing security compliance inventory shipping feedback monitoring caching
    software hardware everyone everybody procurement engineering sales design product operations logistics
    accounting billing check-in checkout onboarding management customer dinner lunch breakfast tea sugar salt
    flour butter rice
    """
)
_COMMON_ENDINGS = (
    "s", "ing", "tion", "sion", "ment", "ness", "ity", "ance", "ence", "ship", "age", "ory", "ery", "ism", "ure", "ly",
    "al", "ive", "ous", "ful", "less", "able", "ible", "ic",
)  # fmt: skip


def _is_name(words: Sequence[_Word], position: int) -> bool:
    word = words[position]
    if word.kind != "word":
        return False
    if word.lower in _GENERIC:
        return False
    if _MIXED.search(word.text) or ("." in word.text and word.capital):
        return True
    if not word.capital or word.lower in english.DATES or word.lower in ("i", "i'm", "i've", "i'd", "i'll"):
        after = words[position + 1] if position + 1 < len(words) else None
        before = words[position - 1] if position else None
        numbered = after is not None and after.kind == "version" and after.start == word.end + 1
        named = before is not None and before.tag != "determiner"
        return numbered and named and word.lower not in english.PREPOSITIONS | english.BASE.keys() | _RELEASES
    if position and words[position - 1].tag not in ("stop",) and words[position - 1].text not in '"“(':
        return True
    after = words[position + 1] if position + 1 < len(words) else None
    if after is None or word.lower in _COMMON:
        return False
    known = (
        word.lower in english.BASE
        or word.lower in english.THIRD
        or word.lower in english.PAST
        or (word.lower in english.GERUND)
    )
    if after.kind == "word" and after.capital and after.lower not in ("i", "i'm"):
        return not known and word.lower not in english.ADVERBS
    if after.text == "&":
        return True
    if word.lower.endswith("'s"):
        return word.lower not in english.DATES
    if known or word.lower.endswith(_COMMON_ENDINGS):
        return False
    if after.kind in ("number", "version"):
        return True
    follows = (
        after.lower in english.BE | english.AUXILIARIES | english.NEGATIONS
        or after.lower in english.THIRD
        or (
            after.lower in english.PAST
            or after.text in ",("
            or after.lower in english.CONJUNCTIONS | english.RELATIVES
            or after.lower in english.ADVERBS
        )
    )
    return follows


_RELEASES = english.words(
    """
    version release tag step section chapter point page about than over under to from
    """
)


# -- parts


def _parts(words: Sequence[_Word]) -> Iterator[_Part]:
    position = 0
    while position < len(words):
        word = words[position]
        if word.tag in ("determiner", "number", "noun", "name", "gerund", "pronoun"):
            phrase, position = _phrase(words, position)
            if phrase is not None:
                yield phrase
        elif word.tag in ("verb", "be", "auxiliary", "participle", "not"):
            part, position = _verb(words, position)
            if part is not None:
                yield part
        else:
            joint = _joint(words, position)
            if joint is not None:
                yield joint
                position += joint.word.count("_")
            position += 1


def _joint(words: Sequence[_Word], position: int) -> _Joint | None:
    word = words[position]
    phrase = " ".join(one.lower for one in words[position : position + 3])
    if phrase in ("as soon as", "as long as"):
        return _Joint("mark", "once__" if "soon" in phrase else "if__")
    if word.tag == "adverb":
        if word.lower in ("then", "finally", "afterwards", "afterward"):
            return _Joint("then", "then")
        if word.lower == "next" and (not position or words[position - 1].tag in ("comma", "stop")):
            return _Joint("then", "then")
        return None
    if word.tag in ("preposition", "mark"):
        two = " ".join(one.lower for one in words[position : position + 2])
        if two in ("next to", "out of", "because of", "instead of", "according to", "up to", "on to", "in to"):
            return _Joint("preposition", two.replace(" ", "_"))
    if word.tag in ("preposition", "and", "mark", "relative", "to", "comma", "stop"):
        return _Joint(word.tag, word.lower)
    return None


def _phrase(words: Sequence[_Word], position: int) -> tuple[_Phrase | None, int]:
    start = position
    if words[position].tag == "pronoun":
        return _Phrase([words[position]]), position + 1
    activity, determined = "", False
    if words[position].tag == "gerund":
        activity = words[position].lower
        position += 1
        while position < len(words) and (
            words[position].tag == "adverb" or words[position].lower in ("up", "down", "off", "out", "back")
        ):
            position += 1
        if (
            position + 1 < len(words)
            and words[position].lower in ("into", "onto", "to", "in", "on")
            and (words[position].lower in ("into", "onto") or words[position + 1].lower == "to")
        ):
            position += 1 if words[position].lower in ("into", "onto") else 2
        if position == len(words) or words[position].tag not in ("determiner", "number", "noun", "name", "pronoun"):
            return _Phrase([words[start]], activity), start + 1
        if words[position].tag == "pronoun":
            return _Phrase([words[position]], activity), position + 1
    while position < len(words) and words[position].tag in ("determiner", "number"):
        determined = determined or words[position].tag == "determiner"
        position += 1
    chosen: list[_Word] = []
    while position < len(words) and (
        words[position].tag in ("noun", "name") or (words[position].text == "&" and bool(chosen))
    ):
        if chosen and words[position].kind in ("command", "term") and chosen[-1].kind in ("command", "term"):
            break
        if words[position].text != "&":
            chosen.append(words[position])
        position += 1
    if position < len(words) and words[position].tag == "pronoun" and not chosen and determined:
        position += 1
    return (_Phrase(chosen, activity, determined) if chosen else None), max(position, start + 1)


_LINKING = english.words(
    """
    need have want plan go able ought try get like fail happen use be seem remember manage
    """
)
_SWITCHING = frozenset(["switch", "turn", "log", "sign", "plug", "hand"])
_PARTICLES = frozenset(["up", "down", "off", "out", "away", "back", "over"])


def _verb(words: Sequence[_Word], position: int) -> tuple[_Verb | None, int]:
    start, negated, unreal, passive = position, False, False, False
    main: _Word | None = None
    copula = helped = bound = perfect = only = False
    while position < len(words):
        word = words[position]
        if word.tag == "not":
            negated = True
        elif word.tag == "auxiliary":
            if main is not None:
                break
            unreal = unreal or word.lower in english.HYPOTHETICAL
            negated = negated or word.lower == "cannot" or word.lower.endswith("n't")
            perfect = perfect or word.lower in ("has", "have", "'s", "'ve")
            helped = bound = True
        elif word.tag == "be":
            if main is not None and not helped:
                break
            copula, main = True, word
        elif word.tag == "participle":
            passive = copula and bool(_past_of(word.lower))
            main, copula = word, False
            position += 1
            break
        elif word.tag == "verb":
            if main is not None and not copula:
                break
            main, copula = word, False
            following = [one.lower for one in words[position + 1 : position + 3]]
            linked = (
                main.verb in _LINKING
                and following[:1] == ["to"]
                and len(following) > 1
                and (following[1] in english.BASE or following[1] == "be")
            )
            if linked:  # "needs to be signed" is "is signed"
                helped, main = True, None
                position += 2
                continue
            position += 1
            break
        elif word.tag == "to" and helped and main is None:
            pass
        elif word.lower == "only":
            only = True
        elif word.tag != "adverb" or (word.lower in ("then",) and main is not None):
            break
        position += 1
    if main is None:
        return None, max(position, start + 1)
    negated = negated or (position < len(words) and words[position].lower == "no")
    particle = ""
    if main.verb in _SWITCHING and position + 1 < len(words) and words[position].lower in ("on", "in") and not passive:
        after = words[position + 1]
        if after.tag in ("determiner", "name", "noun") or after.lower == "to":
            particle = words[position].lower
            position += 1
    elif position < len(words) and words[position].lower in _PARTICLES and not copula:
        following = words[position + 1].lower if position + 1 < len(words) else ""
        if following not in ("of",):
            particle = words[position].lower
            position += 1
    base = "be" if copula else main.verb
    past = not copula and bool(_past_of(main.lower)) and (passive or main.lower not in english.BASE)
    return (
        _Verb(
            base=base,
            form=main.lower if past else _third(base),
            passive=passive,
            copula=copula,
            negated=negated,
            unreal=unreal,
            bound=bound or (not copula and main.lower in english.BASE),
            perfect=perfect,
            only=only,
            commanding=not copula and main.lower in english.BASE and not passive,
            particle=particle,
        ),
        position,
    )


_THIRDS: dict[str, str] = {}
for _form, _base in english.THIRD.items():
    _THIRDS.setdefault(_base, _form)


def _third(base: str) -> str:
    return _THIRDS.get(base, base)


# -- clauses


def _clauses(parts: Sequence[_Part]) -> list[_Clause]:
    return _Reader(parts).read()


class _Reader:
    """Puts the parts of one sentence together to clauses."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = parts
        self._clauses: list[_Clause] = []
        self._clause = _Clause()
        self._outer: _Clause | None = None
        self._preposition: str = ""
        self._position = 0

    def read(self) -> list[_Clause]:
        while self._position < len(self._parts):
            part = self._parts[self._position]
            if isinstance(part, _Phrase):
                self._place(self._list())
                continue
            self._position += 1
            if isinstance(part, _Verb):
                self._take_verb(part)
            else:
                self._join(part)
        self._end()
        return self._clauses

    def _at(self, offset: int = 0) -> _Part | None:
        position = self._position + offset
        return self._parts[position] if 0 <= position < len(self._parts) else None

    def _is(self, part: _Part | None, *kinds: str) -> bool:
        return isinstance(part, _Joint) and part.kind in kinds

    def _end(self, **following: object) -> None:
        """Begin another clause."""
        if not self._clause.empty or self._clause.purpose:
            self._clauses.append(self._clause)
        self._clause = _Clause(**following)  # type: ignore[arg-type]
        self._preposition = ""

    @property
    def _open(self) -> _Clause:
        """The clause that takes what comes: the purpose of another, once there is one."""
        return self._clause.purpose or self._clause

    def _list(self) -> list[_Phrase]:
        """Read phrases that commas and "and" join."""
        first = self._parts[self._position]
        assert isinstance(first, _Phrase)
        phrases = [first]
        self._position += 1
        while True:
            comma = 1 if self._is(self._at(), "comma") else 0
            joined = 1 if self._is(self._at(comma), "and") else 0
            following = self._at(comma + joined)
            if not (comma or joined) or not isinstance(following, _Phrase):
                return phrases
            if comma and not joined and not self._goes_on(self._position + 1):
                return phrases
            after = self._at(comma + joined + 1)
            marked = bool(comma and self._clause.mark)
            if isinstance(after, _Verb) and (self._open.verb is not None or self._preposition or marked):
                return phrases
            if joined and self._preposition and self._is(after, "preposition") and self._open.objects:
                return phrases
            phrases.append(following)
            self._position += comma + joined + 1

    def _goes_on(self, position: int) -> bool:
        """Whether a list with "and" before its last goes on after a comma."""
        while position + 1 < len(self._parts) and isinstance(self._parts[position], _Phrase):
            following = self._parts[position + 1]
            if self._is(following, "and"):
                return position + 2 < len(self._parts) and isinstance(self._parts[position + 2], _Phrase)
            if not self._is(following, "comma"):
                return False
            if position + 2 < len(self._parts) and self._is(self._parts[position + 2], "and"):
                return position + 3 < len(self._parts) and isinstance(self._parts[position + 3], _Phrase)
            position += 2
        return False

    def _place(self, phrases: list[_Phrase]) -> None:
        clause = self._open
        if self._preposition:
            described = clause.verb is not None and clause.verb.copula and not clause.complements
            if (
                clause.verb is None
                and clause.subjects
                and self._preposition in ("to", "of", "for")
                and (clause.subjects[-1].words[-1].lower in _RELATIONAL)
            ):
                clause.subjects = phrases
            elif self._preposition != "of" or described:
                (clause.leading if clause.verb is None else clause.complements).append((self._preposition, phrases))
            self._preposition = ""
        elif clause.verb is None:
            if not (clause.mark and any(phrase.activity for phrase in clause.subjects)):
                clause.subjects = phrases
        elif not clause.objects and not clause.complements:
            clause.objects = phrases

    def _take_verb(self, verb: _Verb) -> None:
        clause = self._clause
        before = self._at(-2)
        self._preposition = ""
        if self._outer is not None and clause.verb is not None and not self._is(before, "and"):
            outer, self._outer = self._outer, None
            self._end()
            self._clause = clause = outer
        if clause.purpose is not None and clause.purpose.verb is None:
            clause.purpose.verb = verb
        elif clause.verb is None and not (clause.purpose and not clause.subjects):
            clause.verb = verb
        elif self._is(before, "and", "comma", "then"):
            subjects = [] if verb.commanding and clause.impersonal else clause.subjects
            self._end(subjects=subjects, mark=clause.mark, follows=self._is(before, "then"))
            self._clause.verb = verb
        elif isinstance(before, _Phrase) and clause.purpose is None:
            subjects = [before]
            if clause.objects and clause.objects[-1] is before:
                clause.objects = []
            elif clause.complements and clause.complements[-1][1][-1] is before:
                clause.complements.pop()
            self._end(subjects=subjects)
            self._clause.verb = verb
        else:
            self._end()
            self._clause.verb = verb

    def _join(self, joint: _Joint) -> None:
        clause = self._clause
        if joint.kind == "preposition":
            self._preposition = joint.word
        elif joint.kind == "mark":
            word = joint.word.strip("_")
            self._outer = None
            if clause.empty and not clause.purpose:
                clause.mark = word
            else:
                self._end(mark=word)
        elif joint.kind == "relative":
            last = self._at(-2)
            subjects = [last] if isinstance(last, _Phrase) else []
            if clause.verb is None and not clause.empty:
                self._outer = clause
                self._clause = _Clause(subjects=subjects, relative=True)
            else:
                self._end(subjects=subjects, relative=True)
        elif joint.kind == "to":
            if clause.empty:
                clause.mark = "to"
            elif clause.purpose is None:
                clause.purpose = _Clause()
            self._preposition = ""
        elif joint.kind == "stop":
            self._outer = None
            self._end()
        elif joint.kind == "then":
            if clause.empty:
                clause.follows = True
            elif isinstance(self._at(), _Verb | _Phrase):
                self._end(follows=True, subjects=[] if not isinstance(self._at(), _Verb) else self._shared())
        elif joint.kind == "comma":
            self._comma()
        elif joint.kind == "and":
            following = self._at()
            if isinstance(following, _Phrase):
                if self._begins_clause(self._position):
                    self._end()
                elif self._preposition == "" and clause.objects and clause.complements:
                    verb = self._clause.verb
                    self._end()
                    self._clause.verb = verb
            elif self._is(following, "mark", "then"):
                pass
        if joint.kind not in ("preposition", "and"):
            self._preposition = ""

    def _shared(self) -> list[_Phrase]:
        """Return the subjects that a verb without its own shares."""
        verb = self._at()
        if isinstance(verb, _Verb) and verb.commanding and self._clause.impersonal:
            return []
        return self._clause.subjects

    def _comma(self) -> None:
        clause = self._clause
        if self._outer is not None:
            outer, self._outer = self._outer, None
            self._end()
            self._clause = outer
            return
        if clause.relative:
            self._end()
            return
        following = self._at()
        offset = 0
        while self._is(following, "and", "then"):
            offset += 1
            following = self._at(offset)
        first = not self._clauses
        if clause.mark and first and not clause.empty:
            if isinstance(following, _Verb | _Phrase) or self._is(following, "preposition", "to"):
                self._end()
        elif isinstance(following, _Phrase) and clause.verb is None and self._apposition():
            pass
        elif isinstance(following, _Phrase) and self._begins_clause(self._position + offset):
            self._end()

    def _apposition(self) -> bool:
        """Skip what is between two commas after a subject: it says the same in other words."""
        position = self._position
        while position < len(self._parts) and not self._is(self._parts[position], "comma"):
            if isinstance(self._parts[position], _Verb):
                return False
            position += 1
        if position + 1 < len(self._parts) and isinstance(self._parts[position + 1], _Verb):
            self._position = position + 1
            return True
        return False

    def _begins_clause(self, position: int) -> bool:
        """Whether a subject and its verb stand here."""
        while position < len(self._parts):
            part = self._parts[position]
            if isinstance(part, _Verb):
                return True
            if self._is(part, "comma", "stop", "mark", "to", "then"):
                return False
            position += 1
        return False


# -- relations

_RELATIONAL = frozenset({"access", "change", "changes", "login", "logins", "entry"})
"""Nouns that stand for what they are of: "access to the archive needs …"."""
_ORDER = {"before": "before", "after": "after", "once": "after"}
_REQUIRE = frozenset({"need", "require", "demand"})
_USE = frozenset({"use", "employ"})
_RUN = english.words(
    """
    run use execute call type invoke issue try launch open start
    """
)
_LOOSE = english.words(
    """
    for of by than except without like during per about within despite
    """
)
_THINKING = english.words(
    """
    say think believe know hope suppose guess wish mean remember forget feel
    """
)
_MEANS = frozenset({"with", "using", "via", "through"})
_BOUND = frozenset({"on", "upon"})


def _relations(clauses: Sequence[_Clause]) -> Iterator[_Triple]:
    unreal = {id(one) for one in clauses if one.mark in ("if", "unless", "whether", "whenever")}
    conditional = bool(unreal)
    previous: _Clause | None = None
    main = next((one for one in clauses if not one.mark and not one.relative), None)
    for position, clause in enumerate(clauses):
        if id(clause) in unreal or clause.relative:
            continue
        holds = clause.verb is None or not (clause.verb.negated or clause.verb.unreal)
        if holds and not (conditional and clause.impersonal):
            yield from _stated(clause)
        if clause.mark == "to" and clause.verb is not None:
            follower = next((one for one in clauses[position + 1 :] if not one.mark), None)
            if follower is not None and follower.verb is not None:
                yield from _means(follower, clause)
        done = clause.mark == "when" and clause.verb is not None and clause.verb.perfect and not clause.verb.copula
        if clause.mark in _ORDER or done:
            other = _main_of(clauses, position)
            if other is not None and _needs(other):
                assert other.verb is not None
                needed = other.subjects if other.verb.passive else other.objects
                if clause.mark == "before" and (other.verb.passive or other.impersonal):
                    yield from _each(clause.topics(), "requires", [one for one in needed if not one.pronoun])
                    continue
            if other is not None and holds and not (other.verb is not None and other.verb.negated):
                yield from _ordered(other, clause, _ORDER.get(clause.mark, "after"))
        yield from _conditions(clause, _main_of(clauses, position) if clause.mark else None)
        if clause.mark in ("before", "until", "unless") and holds:
            other = _main_of(clauses, position)
            if other is not None and other.verb is not None and other.verb.negated and other.verb.bound:
                yield from _ordered(replace(other, verb=replace(other.verb, negated=False)), clause, "after")
        if clause.follows and previous is not None:
            yield from _ordered(previous, clause, "before")
        if not clause.mark:
            previous = clause
    del main


def _conditions(clause: _Clause, main: _Clause | None) -> Iterator[_Triple]:
    """Yield what has to be there: "can only be run while X is up", "won't start without X"."""
    verb = clause.verb
    if verb is not None and verb.negated and verb.bound and not clause.mark:
        needed = [one for word, found in clause.complements if word == "without" for one in found if not one.pronoun]
        yield from _each(clause.topics(), "requires", needed)
    if (
        main is not None
        and main.verb is not None
        and main.verb.only
        and main.verb.bound
        and (clause.mark in ("while", "when", "if"))
    ):
        yield from _each(main.topics(), "requires", clause.topics())


def _main_of(clauses: Sequence[_Clause], position: int) -> _Clause | None:
    """Return the clause that a marked one belongs to: the one before it, or at the start of a sentence the next."""
    for one in reversed(clauses[:position]):
        if not one.mark and not one.relative:
            return one
    return next((one for one in clauses[position + 1 :] if not one.mark and not one.relative), None)


def _needs(clause: _Clause) -> bool:
    return clause.verb is not None and clause.verb.base in _REQUIRE


def _ordered(clause: _Clause, other: _Clause, relationship: str) -> Iterator[_Triple]:
    if clause.verb is not None and (clause.verb.unreal or (clause.verb.negated and relationship == "before")):
        return
    for source in clause.topics():
        for destination in other.topics():
            yield source, relationship, destination


def _means(clause: _Clause, purpose: _Clause) -> Iterator[_Triple]:
    """Yield what "do this to achieve that" says."""
    assert clause.verb is not None
    topics = [one for one in purpose.objects if not one.pronoun] or [
        one for _, phrases in purpose.complements[:1] for one in phrases if not one.pronoun
    ]
    if clause.verb.base in _REQUIRE and not clause.verb.passive:
        relationship, means = "requires", clause.objects
    elif clause.verb.passive and clause.verb.base in _REQUIRE:
        relationship, means = "requires", clause.subjects
    elif clause.verb.passive and clause.verb.base in _USE:
        relationship, means = "uses", clause.subjects
    elif clause.impersonal and (clause.verb.base in _RUN or any(one.literal for one in clause.objects)):
        relationship, means = "uses", clause.objects
    else:
        return
    for topic in topics:
        for one in means:
            if not one.pronoun:
                yield topic, relationship, one


def _stated(clause: _Clause) -> Iterator[_Triple]:
    verb = clause.verb
    if verb is None:
        return
    if clause.purpose is not None and clause.purpose.verb is not None:
        yield from _means(clause, clause.purpose)
    subjects = [one for one in clause.subjects if not one.pronoun]
    objects = [one for one in clause.objects if not one.pronoun]
    complements = [(word, [one for one in found if not one.pronoun]) for word, found in clause.complements]
    complements = [(word, found) for word, found in complements if found]
    if verb.copula:
        yield from _copula(subjects, clause.objects, complements)
    elif verb.passive:
        yield from _passive(verb, subjects, complements)
    elif verb.base in _REQUIRE or (verb.base == "have" and not clause.impersonal and verb.commanding):
        needing = subjects or [
            one
            for word, found in [*complements, *clause.leading]
            if word in ("for", "before")
            for one in found
            if not one.pronoun
        ]
        for source in needing:
            for destination in objects:
                yield source, "requires", destination
    elif verb.base == "take" and subjects and all(one.activity for one in subjects):
        yield from _each(subjects, "requires", objects)
    elif verb.base in ("depend", "rely"):
        yield from _each(subjects, "depends_on", [one for word, found in complements[:1] for one in found])
    elif verb.base in _USE and subjects:
        yield from _each(subjects, "uses", objects)
    elif verb.base in _USE and not subjects:
        yield from _each(
            [one for word, found in complements if word in ("for", "in") for one in found], "uses", objects
        )
    elif verb.base in ("precede", "follow") and subjects and objects:
        yield from _each(subjects, "before" if verb.base == "precede" else "after", objects)
    elif verb.base in _THINKING:
        return
    elif subjects:
        yield from _active(verb, subjects, objects, [] if clause.objects else complements)
    elif clause.impersonal:
        yield from _done(verb, objects, complements)


def _each(sources: Iterable[_Phrase], relationship: str, destinations: Sequence[_Phrase]) -> Iterator[_Triple]:
    for source in sources:
        for destination in destinations:
            yield source, relationship, destination


def _active(
    verb: _Verb, subjects: list[_Phrase], objects: list[_Phrase], complements: list[tuple[str, list[_Phrase]]]
) -> Iterator[_Triple]:
    name = "_".join(filter(None, (verb.form, verb.particle)))
    if objects:
        yield from _each(subjects, name, objects)
        return
    for word, found in complements[:1]:
        yield from _each(subjects, "uses" if word in _MEANS else f"{name}_{word}", found)


def _done(verb: _Verb, objects: list[_Phrase], complements: list[tuple[str, list[_Phrase]]]) -> Iterator[_Triple]:
    """Yield what is done to the objects, by whomever."""
    name = "_".join(filter(None, (english.PARTICIPLE.get(verb.base, verb.form), verb.particle)))
    placed = False
    for word, found in complements:
        if word in _MEANS or (word == "by" and any(one.activity for one in found)):
            yield from _each(objects, "uses", found)
        elif not placed and word not in _LOOSE:
            placed = True
            yield from _each(objects, f"{name}_{word}", found)


def _passive(verb: _Verb, subjects: list[_Phrase], complements: list[tuple[str, list[_Phrase]]]) -> Iterator[_Triple]:
    placed = False
    for word, found in complements:
        if verb.base in _REQUIRE and word in ("for", "by", "before"):
            for source in found:
                yield from _each([source], "requires", subjects)
        elif verb.base in _USE and word in ("for", "by", "in"):
            for source in found:
                yield from _each([source], "uses", subjects)
        elif word in _MEANS or (word == "by" and any(one.activity or one.literal for one in found)):
            yield from _each(subjects, "uses", found)
        elif verb.base in ("build", "base") and word in _BOUND:
            yield from _each(subjects, "depends_on", found)
        elif not placed and word not in _LOOSE - {"by", "for", "about", "within"}:
            placed = True
            yield from _each(subjects, "_".join(filter(None, (verb.form, verb.particle, word))), found)


def _copula(
    subjects: list[_Phrase], objects: list[_Phrase], complements: list[tuple[str, list[_Phrase]]]
) -> Iterator[_Triple]:
    if not complements:
        yield from _each(subjects, "is", [one for one in objects if all(word.tag == "name" for word in one.words)])
        return
    word, found = complements[0]
    described = "_".join(one.lower for phrase in objects for one in phrase.words)
    if any(one.tag == "name" for phrase in objects for one in phrase.words):
        return
    yield from _each(subjects, "_".join(filter(None, ("is", described, word))), found)


# -- entities


def _entities(phrase: _Phrase, text: str, stated: bool) -> Iterator[tuple[str, str]]:
    """Yield the names within a phrase and, where it is an end of a relation or only a phrase, the whole."""
    whole = _name_of(phrase, text)
    if stated:
        literal = next((word.kind for word in phrase.words if word.kind in _LITERAL and word.text == whole), None)
        named = any(word.tag == "name" for word in phrase.words)
        yield whole, literal or ("name" if named else "thing")
    spans = list(_spans(phrase.words))
    for words in spans:
        name = _between(words, text)
        if not stated or name not in whole:
            yield name, words[0].kind if words[0].kind in _LITERAL and len(words) == 1 else "name"
    if (not stated and not spans) or (not stated and whole not in [_between(words, text) for words in spans]):
        yield whole, "phrase"


def _spans(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """Yield the runs of words that are names."""
    run: list[_Word] = []
    for word in words:
        if word.tag == "name" and not (run and _breaks(run[-1], word)):
            run.append(word)
            continue
        if run:
            yield run
        run = [word] if word.tag == "name" else []
    if run:
        yield run


def _breaks(before: _Word, word: _Word) -> bool:
    if word.kind == "version":
        return before.kind not in ("word", "command")
    literal = word.kind in _LITERAL
    return literal or before.kind in _LITERAL - {"version"} or before.lower.endswith("'s")


def _name_of(phrase: _Phrase, text: str) -> str:
    """Return what an entity is called: without numbers in front, and the name alone where one ends the phrase."""
    words = phrase.words
    literal = [word for word in words if word.kind in _LITERAL - {"version"}]
    if literal:
        return literal[-1].text
    while len(words) > 1 and (words[0].lower in english.QUANTITIES or words[0].lower.endswith(("'s", "s'"))):
        words = words[1:]
    first = next((position for position, word in enumerate(words) if word.tag == "name"), 0)
    if first and all(word.tag == "name" for word in words[first:]) and not words[0].capital:
        words = words[first:]
    return _between(words, text).removesuffix("'s").removesuffix("’s")


def _between(words: Sequence[_Word], text: str) -> str:
    return text[words[0].start : words[-1].end].removesuffix("'s").removesuffix("’s")
