"""The Extractor protocol: what finds entities and relations in a text, and what it returns."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, Protocol, runtime_checkable

from ..errors import ExtractionError
from ..types import TypedDict
from ..values import shown

MAX_NAME_LENGTH = 1_000
"""Characters of the name of an entity or a relationship, at most."""


class ExtractedEntity(TypedDict):
    """A thing that a text names."""

    name: str
    type: NotRequired[str]
    """For example ``name``, ``command``, ``path`` or ``tag``; the default is ``thing``. An entity of the type
    ``phrase`` only links the memories that mention it; it is shown once another memory gives it another type."""


class ExtractedRelation(TypedDict):
    """What a text states about two entities."""

    source: str
    relationship: str
    """For example ``requires``, ``uses``, ``depends_on``, ``before``, ``after`` or ``works_at``."""
    destination: str


class Extraction(TypedDict):
    """The entities and relations of one text. Both ends of a relation are entities, even if they are not listed."""

    entities: Sequence[ExtractedEntity]
    relations: Sequence[ExtractedRelation]


@runtime_checkable
class Extractor(Protocol):
    """Finds the entities and relations in a text; it may use a language model."""

    def extract(self, text: str) -> Extraction:
        """Return the entities and relations of one text. May be called from any thread."""
        ...


def extract(extractor: Extractor, text: str) -> Extraction:
    """Return what an extractor finds, without white space around names.

    Raises ExtractionError if the extractor fails or returns something else than an Extraction.
    """
    try:
        found: Any = extractor.extract(text)
    except Exception as error:
        raise ExtractionError(f"The graph extractor failed: {type(error).__name__}: {error}") from error
    if not isinstance(found, Mapping):
        raise _nonsense("its answer", found, "an object with entities and relations")
    return {
        "entities": [
            {"name": _text(one, "name"), "type": _text({"type": "thing", **one}, "type")}
            for one in _objects(found, "entities")
        ],
        "relations": [
            {
                "source": _text(one, "source"),
                "relationship": _text(one, "relationship"),
                "destination": _text(one, "destination"),
            }
            for one in _objects(found, "relations")
        ],
    }


def _objects(found: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    values = found.get(name, ())
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise _nonsense(name, values, "a list of objects")
    for value in values:
        if not isinstance(value, Mapping):
            raise _nonsense(name, value, "a list of objects")
    return values


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text.strip() or len(text.strip()) > MAX_NAME_LENGTH:
        raise _nonsense(name, text, f"a text of 1 to {MAX_NAME_LENGTH} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _nonsense(name, text, "a text without lone surrogates") from None
    return text.strip()


def _nonsense(name: str, value: object, wanted: str) -> ExtractionError:
    return ExtractionError(f"The graph extractor answered nonsense: {name} is {shown(value)}, but must be {wanted}.")
