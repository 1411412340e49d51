"""Entities and relations of English sentences by rules: no model, nothing to download, a fraction of a millisecond.

A sentence is cut into noun phrases, verbs and what joins them, and these into clauses. A clause with a plain grammar
gives subject, verb and object; clauses joined by "before", "after" or "then" give the order of what they are about.
What the rules do not understand gives entities only.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ...comparison import nfc
from ..build import PHRASE
from ..extractor import MAX_NAME_LENGTH, ExtractedEntity, Extraction
from . import lexicon as english
from .clauses import clauses
from .parts import Part, Phrase, parts
from .relations import Triple, relations
from .tagging import tag
from .tokens import Word, sentences

_MOST_STATED = 200  # relations of a sentence; more come from two lists, each item with each

_Stated = tuple[str, str, str]


def find(text: str) -> Extraction:
    """Return the entities and the relations of a text, in its order."""
    text = nfc(text)  # a decomposed accent would not be part of the word before it
    entities: dict[str, ExtractedEntity] = {}
    stated: dict[_Stated, None] = {}
    for words in sentences(text):
        tag(words)
        found = list(parts(words))
        names = {part: _name_of(part, text) for part in found if isinstance(part, Phrase)}
        ends: set[Phrase] = set()
        for source, relationship, destination in _triples(words, found):
            triple = (names[source], relationship, names[destination])
            if all(map(_is_nameable, triple)) and triple[0].casefold() != triple[2].casefold():
                stated[triple] = None
                ends |= {source, destination}
        for phrase, name in names.items():
            if not phrase.nameless:
                _add(entities, _entities(phrase, name, text, phrase in ends))
    return {
        "entities": list(entities.values()),
        "relations": [
            {"source": source, "relationship": relationship, "destination": destination}
            for source, relationship, destination in stated
        ],
    }


def _triples(words: Sequence[Word], found: Sequence[Part]) -> Iterable[Triple]:
    """Return the relations of a sentence; a question has none."""
    return () if words[-1].text == "?" else islice(relations(clauses(found)), _MOST_STATED)


def _add(entities: dict[str, ExtractedEntity], found: Iterable[tuple[str, str]]) -> None:
    """Add names with their types, unless they are there already as more than a phrase."""
    for name, kind in found:
        key = name.casefold()
        if _is_nameable(name) and (key not in entities or entities[key]["type"] == PHRASE):
            entities[key] = {"name": name, "type": kind}


def _is_nameable(name: str) -> bool:
    """Whether a name is short enough to be an entity; a line of code may not be."""
    return 0 < len(name.strip()) <= MAX_NAME_LENGTH


def _entities(phrase: Phrase, whole: str, text: str, stated: bool) -> Iterator[tuple[str, str]]:
    """Yield the names within a phrase with their types; also the whole if a relation has it or it is only a phrase."""
    if stated:
        literal = next((word.kind for word in phrase.words if word.literal and word.text == whole), None)
        yield whole, literal or ("name" if phrase.named else "thing")
    inner = [(_between(words, text), words) for words in _names(phrase.words)]
    for name, words in inner:
        if not stated or name not in whole:
            yield name, words[0].kind if words[0].literal and len(words) == 1 else "name"
    if not stated and all(name != whole for name, _ in inner):
        yield whole, PHRASE


def _names(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the runs of words that are names."""
    run: list[Word] = []
    for word in words:
        if word.tag == "name" and not (run and _is_another(word, run[-1])):
            run.append(word)
            continue
        if run:
            yield run
        run = [word] if word.tag == "name" else []
    if run:
        yield run


def _is_another(word: Word, before: Word) -> bool:
    """Whether a name after another is a name of its own. A version belongs to the name or command before it."""
    if word.kind == "version":
        return before.kind not in ("word", "command")
    return word.literal or before.names or before.lower.endswith("'s")


def _name_of(phrase: Phrase, text: str) -> str:
    """Return the name of an entity: without numbers in front, and only the proper name if one ends the phrase."""
    words: Sequence[Word] = phrase.words
    literal = next((word for word in reversed(words) if word.names), None)
    if literal:
        return literal.text
    while len(words) > 1 and (words[0].lower in english.QUANTITIES or words[0].lower.endswith(("'s", "s'"))):
        words = words[1:]
    first = next((position for position, word in enumerate(words) if word.tag == "name"), 0)
    if first and not words[0].capital and all(word.tag == "name" for word in words[first:]):
        words = words[first:]
    return _between(words, text)


def _between(words: Sequence[Word], text: str) -> str:
    """Return the text of consecutive words, without "'s" at the end."""
    return text[words[0].start : words[-1].end].removesuffix("'s").removesuffix("’s")
