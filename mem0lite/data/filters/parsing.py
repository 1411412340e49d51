"""Filter dictionaries to a checked expression. Pure; the store turns the expression into its query language.

The grammar, which is the same for every verb:

- ``{"k": v}`` equal, or a list that contains v; ``{"k": [a, b]}`` any of these, as with ``eq`` and a list;
  ``{"k": "*"}`` present and not null; ``{"k": None}`` absent or null; ``{"k": {operator: operand, …}}`` all of the
  operators, which may be written as MongoDB and Chroma do: ``$eq``, ``$in``, ….
- ``AND`` / ``OR`` / ``NOT`` (also ``$and``, ``$or``, ``$not``, ``$nor``) nest; keys next to each other are
  joined with AND.
- A key is one of the memory's own fields (FIELDS), or a metadata key: ``k``, ``metadata.k`` and
  ``{"metadata": {"k": …}}`` are the same. A dot leads into nested objects or is part of the key; both are tried.
- ``categories`` is the metadata key of that name, but there ``contains`` also finds part of a name,
  in upper or lower case.
- ``ne``, ``nin`` and ``NOT`` are true for a memory that lacks the key.
- ``expiration_date`` is the whole day that was given. If the operand is a time, its date in its own time zone counts.
  ``expires_at`` is the instant at which the memory expires.
- Dates compare as instants: the memory's own always, those in metadata if both sides are ISO 8601. A date without a
  time means that day, UTC: ``eq`` is within it, ``gt`` after it, ``lte`` up to its end.
- Texts are equal in composed and decomposed Unicode form. Integers compare exactly, whatever their size.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ...comparison import spellings
from ...errors import FilterError, ValidationError
from ...values import clean_key, shown
from .expressions import EVERYTHING, FIELDS, SCOPE_IDS, AnyOf, Condition, Expression, Not, both
from .hints import group_for, plain
from .operators import OPERATORS, operator_of, tested

MAX_DEPTH = 50
"""Levels of groups inside each other."""
MAX_CONDITIONS = 1_000
"""Conditions in one filter."""

_LOGIC = {"AND": "AND", "OR": "OR", "NOT": "NOT", "$and": "AND", "$or": "OR", "$not": "NOT", "$nor": "NOT"}

_FOREIGN_SHAPES = (
    {"field", "operator", "value"},
    {"key", "operator", "value"},
    {"operator", "conditions"},
    {"condition", "filters"},
)
"""The keys of filters as Haystack and LlamaIndex write them."""

_NOT_HERE = {"all", "elemMatch", "expr", "jsonSchema", "mod", "not_regex", "regex", "size", "text", "type", "where"}
"""Operators of MongoDB and Chroma that are not supported here."""


def parse(filters: object) -> Expression:
    """Return the expression that a filter dictionary means; None means no condition.

    Raises FilterError, naming the key, for an unknown operator, an operand of the wrong type, an empty OR, more than
    MAX_DEPTH levels or MAX_CONDITIONS conditions.
    """
    if filters is None:
        return EVERYTHING
    try:
        expression = _group(filters, "filters", 1)
    except FilterError:
        raise
    except ValidationError as error:  # about a value
        raise FilterError(str(error), field=error.field) from None
    if (count := _count(expression)) > MAX_CONDITIONS:
        raise FilterError(
            f"Invalid filters: {count} conditions, but at most {MAX_CONDITIONS} are allowed. Use 'in' with a list.",
            field="filters",
        )
    return expression


def as_json(filters: object) -> Any:
    """Return a filter that ``parse`` accepts as JSON values with the same meaning."""
    if isinstance(filters, Mapping):
        return {key: as_json(value) for key, value in filters.items()}
    if isinstance(filters, list | tuple | set | frozenset):
        return [as_json(value) for value in filters]
    return filters.isoformat() if isinstance(filters, date) else filters


def likely_ids(filters: object) -> Iterator[tuple[str, str]]:
    """Yield each metadata key of a filter that looks like a misspelt name of an id, with that name."""
    parts = filters if isinstance(filters, list | tuple) else [filters]
    for key, value in (item for part in parts if isinstance(part, Mapping) for item in part.items()):
        if key in _LOGIC:
            yield from likely_ids(value)
        elif isinstance(key, str) and key not in FIELDS:
            yield from ((key, name) for name in SCOPE_IDS if plain(key) in (plain(name), name.removesuffix("_id")))


def _count(expression: Expression) -> int:
    match expression:
        case Condition():
            return max(1, len(expression.paths))
        case Not():
            return _count(expression.part)
        case _:
            return sum(_count(part) for part in expression.parts)


def _group(filters: object, name: str, depth: int) -> Expression:
    if not isinstance(filters, Mapping):
        raise FilterError(f"Invalid {name}: must be an object, got {type(filters).__name__}.", field=name)
    if depth > MAX_DEPTH:
        raise FilterError(f"Invalid filters: more than {MAX_DEPTH} levels deep. Flatten them.", field="filters")
    parts: list[Expression] = []
    _check_shape(filters, name)
    for key, value in filters.items():
        if not isinstance(key, str):
            raise FilterError(f"Invalid {name}: key {shown(key)} must be a string.", field=name)
        if key in _LOGIC:
            parts.append(_logic(_LOGIC[key], key, value, depth))
        elif key == "metadata":
            parts.append(_metadata_object(value))
        else:
            _check_case(key, value)
            _check_place(key)
            parts.append(_field(key, value))
    return both(*parts)


def _check_shape(filters: Mapping[Any, Any], name: str) -> None:
    """Raise FilterError for a filter in another library's form, whose words would be taken for metadata keys."""
    if filters.keys() in _FOREIGN_SHAPES:
        raise FilterError(
            f"Invalid {name}: this is another library's filter ({', '.join(filters)}). Write "
            "{'field': {'operator': value}}. If these are metadata keys, write them as 'metadata.…'.",
            field=name,
        )


def _check_place(key: str) -> None:
    """Raise FilterError for an operator, or any other word with a ``$``, where a field should be."""
    if not (key.startswith("$") and key[1:].isidentifier()):
        return
    known = key[1:] in (*OPERATORS, *_NOT_HERE)
    why = f"an operator goes inside a field, {{'field': {{'{key}': …}}}}" if known else "there is no such operator"
    raise FilterError(f"Invalid filter '{key}': {why}. If it is a metadata key, write 'metadata.{key}'.", field=key)


def _check_case(key: str, value: object) -> None:
    """Raise FilterError for what looks like a group with a misspelt name.

    A real metadata key of that name would not have a list of objects as its value, and an empty list of conditions
    would match nothing.
    """
    conditions = isinstance(value, list | tuple) and (not value or any(isinstance(item, Mapping) for item in value))
    if conditions and (word := group_for(key)):
        raise FilterError(
            f"Invalid filter '{key}': did you mean '{word}'? If it is a metadata key, write 'metadata.{key}'.",
            field=key,
        )


def _logic(word: str, key: str, value: object, depth: int) -> Expression:
    if word == "NOT" and isinstance(value, Mapping):
        return Not(_group(value, key, depth + 1))
    if not isinstance(value, list | tuple):
        raise FilterError(f"Invalid filter '{key}': takes a list of objects, got {type(value).__name__}.", field=key)
    parts = tuple(_group(item, key, depth + 1) for item in value)
    if word == "AND":
        return both(*parts)
    if word == "NOT":
        return Not(AnyOf(parts)) if parts else EVERYTHING
    if not parts:
        raise FilterError(f"Invalid filter '{key}': needs at least one alternative. Leave it out instead.", field=key)
    return AnyOf(parts)


def _metadata_object(value: object) -> Expression:
    if not isinstance(value, Mapping):
        raise FilterError(
            f"Invalid filter 'metadata': takes an object of metadata keys, got {type(value).__name__}. "
            "Write {'metadata': {'key': value}}.",
            field="metadata",
        )
    return both(*(_metadata_item(key, item) for key, item in value.items()))


def _metadata_item(key: object, value: object) -> Expression:
    """Return the test of a metadata key, or of the metadata as a whole.

    For the whole, ``eq`` and ``contains`` are true if the metadata has everything that the object has, and ``ne`` if it
    does not: ``{"metadata": {"ne": {"k": v}}}``.
    """
    if key in _OF_METADATA and isinstance(value, Mapping) and value and not any(map(_is_operator, value)):
        held = _metadata_object(value)
        return Not(held) if _OF_METADATA[str(key)] else held
    return _field(f"metadata.{key}", value)


def _is_operator(name: object) -> bool:
    return str(name).startswith("$") or operator_of(name) is not None


_OF_METADATA = {"eq": False, "$eq": False, "contains": False, "$contains": False, "ne": True, "$ne": True}
"""Operators on metadata as a whole, and whether they negate."""


def _paths(key: str) -> tuple[tuple[str, ...], ...]:
    # Files written before keys were composed may have a decomposed one.
    forms = spellings(key)
    return tuple(path for one in forms for path in (((one,), tuple(one.split("."))) if "." in one else ((one,),)))


def _field(name: str, value: object) -> Expression:
    name = clean_key(name, "filters")
    kind = FIELDS.get(name, "metadata")
    paths = _paths(name.removeprefix("metadata.")) if kind == "metadata" else ()
    present = Condition(name, kind, "exists", None, paths)
    if isinstance(value, Mapping):
        if not value:
            raise FilterError(
                f"Invalid filter '{name}': {{}} holds no operator. Give one, such as {{'eq': value}}.", field=name
            )
        return both(*(tested(present, str(operator), operand) for operator, operand in value.items()))
    if isinstance(value, list | tuple):
        return tested(present, "in", value)
    if value == "*":
        return present
    return tested(present, "eq", value)
