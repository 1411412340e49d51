"""Filter dictionaries to a checked expression tree. Pure; the store turns the tree into its query language.

The grammar, the same on every verb (see the guide for examples):

- ``{"k": v}`` equal, or a list that contains v; ``{"k": [a, b]}`` any of, as with ``eq`` and, negated, ``ne``;
  ``{"k": "*"}`` present and not null; ``{"k": None}`` absent or null; ``{"k": {operator: operand, …}}`` all of the
  operators. Each may be written as MongoDB and Chroma do: ``$eq``, ``$in``, ….
- ``AND`` / ``OR`` / ``NOT`` (also ``$and``, ``$or``, ``$not``, ``$nor``) nest; keys beside each other are AND-ed.
- A key is one of the memory's own fields (FIELDS), or a metadata key: ``k``, ``metadata.k`` and
  ``{"metadata": {"k": …}}`` are the same. A dot goes into nested objects, or is part of the key: both are tried.
- ``categories`` is the metadata key of that name, but ``contains`` is true there of a part of a name, in any case.
- ``ne``, ``nin`` and ``NOT`` are true of a memory that lacks the key.
- ``expiration_date`` is the day that was given, whole, whatever time of it the operand names, in its own time zone;
  ``expires_at`` is when the memory really expires.
- Dates compare as moments, those of the memory itself and, where both sides are ISO 8601, those in metadata. A date
  without a time is that day, UTC: ``eq`` within it, ``gt`` after it, ``lte`` through it.
- Texts are the same in composed and decomposed Unicode form, integers exact whatever their size.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from ..comparison import DAY, casefold, nfc, spellings
from ..errors import FilterError, ValidationError
from ..values import clean_id, clean_key, days_of, encodable, finite, is_number, shown, to_span

MAX_DEPTH = 50
"""Groups inside each other."""
MAX_CONDITIONS = 1_000
"""Conditions in one filter."""

FieldKind = Literal["scope", "text", "instant", "day", "metadata"]

FIELDS: dict[str, FieldKind] = {
    "user_id": "scope",
    "agent_id": "scope",
    "run_id": "scope",
    "app_id": "scope",
    "id": "text",
    "memory": "text",
    "hash": "text",
    "actor_id": "text",
    "role": "text",
    "feedback": "text",
    "feedback_reason": "text",
    "created_at": "instant",
    "updated_at": "instant",
    "expires_at": "instant",
    "expiration_date": "day",
}
"""The memory's own fields; every other key is a metadata key."""

CATEGORIES = "categories"
"""The metadata key whose values are names: ``contains`` asks for a part of one."""

SCOPE_IDS = tuple(name for name, kind in FIELDS.items() if kind == "scope")

ANY_SCOPE: dict[str, Any] = {"OR": [{name: "*"} for name in SCOPE_IDS]}
"""The filter that every memory satisfies: each has at least one id."""

_OTHER_WORDS = {"all": "AND", "must": "AND", "any": "OR", "anyof": "OR", "should": "OR", "nor": "NOT", "mustnot": "NOT"}
_OTHER_OPERATORS = {
    **{"=": "eq", "==": "eq", "is": "eq", "equal": "eq", "equals": "eq", "match": "eq", "!=": "ne", "<>": "ne"},
    **{
        "neq": "ne",
        "not": "ne",
        "isnot": "ne",
        "notequal": "ne",
        "notequals": "ne",
        ">": "gt",
        ">=": "gte",
        "ge": "gte",
    },
    **{"<": "lt", "<=": "lte", "le": "lte", "after": "gt", "before": "lt", "min": "gte", "max": "lte"},
    **{"any": "in", "anyof": "in", "oneof": "in", "notin": "nin", "noneof": "nin", "has": "contains"},
    **{"like": "icontains", "ilike": "icontains", "includes": "contains", "substring": "contains"},
    **{"regex": "icontains", "notregex": "not_contains", "notcontains": "not_contains"},
}
"""What others call groups and operators, without case and signs between words."""

_LOGIC = {"AND": "AND", "OR": "OR", "NOT": "NOT", "$and": "AND", "$or": "OR", "$not": "NOT", "$nor": "NOT"}

_FOREIGN_SHAPES = (
    {"field", "operator", "value"},
    {"key", "operator", "value"},
    {"operator", "conditions"},
    {"condition", "filters"},
)
"""The keys of filters as Haystack and LlamaIndex write them."""

_NOT_HERE = {"all", "elemMatch", "expr", "jsonSchema", "mod", "not_regex", "regex", "size", "text", "type", "where"}
"""Operators of MongoDB and Chroma that there are not."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field; ``operand`` is never None, nor holds it: null is the negation of ``exists``. Texts in it
    are composed; of an instant, ``on`` is "in one of the days that begin there"; ``part`` is of a name, or of one in a
    list, without case.

    ``paths`` is where a metadata key may be, one of which must pass; it is empty for the memory's own fields.
    """

    field: str
    kind: FieldKind
    operator: str
    operand: Any
    paths: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is; with no parts, always."""

    parts: tuple["Expression", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one part is."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: "Expression"


Expression = Condition | All | AnyOf | Not
EVERYTHING = All()


def parse(filters: object) -> Expression:
    """Return the expression a filter dictionary means; None means no condition.

    Raises FilterError, naming the key, for an unknown operator, an operand of the wrong type, an empty OR, more than
    MAX_DEPTH levels or MAX_CONDITIONS conditions.
    """
    if filters is None:
        return EVERYTHING
    try:
        expression = _group(filters, "filters", 1)
    except FilterError:
        raise
    except ValidationError as error:  # of a value
        raise FilterError(str(error), field=error.field) from None
    if (count := _count(expression)) > MAX_CONDITIONS:
        raise FilterError(
            f"Invalid filters: {count} conditions, at most {MAX_CONDITIONS} are allowed. Use 'in' with a list.",
            field="filters",
        )
    return expression


def as_json(filters: object) -> Any:
    """Return a filter that ``parse`` accepts as JSON has it, with the same meaning."""
    if isinstance(filters, Mapping):
        return {key: as_json(value) for key, value in filters.items()}
    if isinstance(filters, list | tuple | set | frozenset):
        return [as_json(value) for value in filters]
    return filters.isoformat() if isinstance(filters, date) else filters


def both(*expressions: Expression) -> Expression:
    """Return the expression that is true when all of them are."""
    parts = tuple(expression for expression in expressions if expression != EVERYTHING)
    return parts[0] if len(parts) == 1 else All(parts)


def scope_part(expression: Expression) -> Expression:
    """Return the strongest condition on scope ids alone that ``expression`` implies."""
    match expression:
        case Condition():
            return expression if expression.kind == "scope" else EVERYTHING
        case All():
            return both(*(scope_part(part) for part in expression.parts))
        case AnyOf():
            parts = tuple(scope_part(part) for part in expression.parts)
            return EVERYTHING if EVERYTHING in parts else AnyOf(parts)
        case Not():
            return expression if only_scope(expression.part) else EVERYTHING


def names_scope(expression: Expression) -> bool:
    """True when every memory that satisfies the expression has an id the filter asks for.

    This is what search and delete_all demand, so that a typing mistake never reads or deletes everybody's memories.
    """
    match expression:
        case Condition():
            return expression.kind == "scope" and expression.operator in ("eq", "in", "exists")
        case All():
            return any(names_scope(part) for part in expression.parts)
        case AnyOf():
            return all(names_scope(part) for part in expression.parts)
        case Not():
            return False


def names_only(user_id: str, expression: Expression, *, negated: bool = False) -> bool:
    """True when the expression asks for no user but ``user_id``, and for no id by ``"*"``.

    Whatever else is asked of ``user_id`` counts as naming others, ``contains`` for example; null names nobody.
    """
    match expression:
        case Condition(kind="scope", operator="exists"):
            return negated
        case Condition(field="user_id", operator="eq" | "in", operand=operand):
            return all(name == user_id for name in (operand if expression.operator == "in" else (operand,)))
        case Condition():
            return expression.field != "user_id"
        case Not():
            return names_only(user_id, expression.part, negated=not negated)
        case _:
            return all(names_only(user_id, part, negated=negated) for part in expression.parts)


def likely_ids(filters: object) -> Iterator[tuple[str, str]]:
    """Yield the metadata keys of a filter that are spelt much like the name of an id, and that name."""
    parts = filters if isinstance(filters, list | tuple) else [filters]
    for key, value in (item for part in parts if isinstance(part, Mapping) for item in part.items()):
        if key in _LOGIC:
            yield from likely_ids(value)
        elif isinstance(key, str) and key not in FIELDS:
            yield from ((key, name) for name in SCOPE_IDS if _plain(key) in (_plain(name), name.removesuffix("_id")))


def _plain(name: str) -> str:
    """Return a name as it sounds: without case, and what separates its words."""
    return "".join(character for character in name.casefold() if character.isalnum())


def only_scope(expression: Expression) -> bool:
    """True when the expression asks for scope ids alone."""
    match expression:
        case Condition():
            return expression.kind == "scope"
        case Not():
            return only_scope(expression.part)
        case _:
            return all(only_scope(part) for part in expression.parts)


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
    """Raise FilterError for a filter as another library has it, whose words would be taken for metadata keys."""
    if filters.keys() in _FOREIGN_SHAPES:
        raise FilterError(
            f"Invalid {name}: this is another library's filter ({', '.join(filters)}). Write "
            "{'field': {'operator': value}}, and metadata keys of these names as 'metadata.…'.",
            field=name,
        )


def _check_place(key: str) -> None:
    """Raise FilterError for an operator, or another word that begins as they do, where a field should be."""
    if not (key.startswith("$") and key[1:].isidentifier()):
        return
    known = key[1:] in (*_OPERATORS, *_NOT_HERE)
    why = f"an operator stands inside a field, {{'field': {{'{key}': …}}}}" if known else "there is no such word"
    raise FilterError(f"Invalid filter '{key}': {why}. A metadata key of that name is 'metadata.{key}'.", field=key)


def _check_case(key: str, value: object) -> None:
    """Raise FilterError for what would be a group, were its name written as groups are: a metadata key of that name
    has no objects as values."""
    objects = isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value)
    if objects and (word := _word(key)):
        raise FilterError(f"Invalid filter '{key}': did you mean '{word}'?", field=key)


def _word(key: str) -> str | None:
    """Return the group that a key sounds like."""
    return {"and": "AND", "or": "OR", "not": "NOT", **_OTHER_WORDS}.get(_plain(key))


def _meant(name: str, operator: str) -> str:
    """Return a question about what an operator was meant to be, where there is a guess."""
    if word := _word(name):
        return f" Did you mean '{word}' for '{name}'?"
    plain = _plain(operator) or operator.strip()
    guess = plain if plain in _OPERATORS else _OTHER_OPERATORS.get(plain)
    return f" Did you mean '{guess}'?" if guess else ""


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
    """Return the test of a metadata key, or that of all metadata: ``{"ne": {"k": v}}`` is true where the metadata has
    not all that is in the object, ``eq`` and ``contains`` where it has."""
    if key in _OF_METADATA and isinstance(value, Mapping) and value and not any(map(_is_operator, value)):
        held = _metadata_object(value)
        return Not(held) if _OF_METADATA[str(key)] else held
    return _field(f"metadata.{key}", value)


def _is_operator(name: object) -> bool:
    return str(name).startswith("$") or _operator(name) is not None


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
            raise FilterError(f"Invalid filter '{name}': {{}} holds no operator.", field=name)
        return both(*(_tested(present, str(operator), operand) for operator, operand in value.items()))
    if isinstance(value, list | tuple):
        return _tested(present, "in", value)
    if value == "*":
        return present
    return _tested(present, "eq", value)


def _operator(name: object) -> str | None:
    """Return the operator that a name means, also with MongoDB's sign, or None."""
    plain = str(name).removeprefix("$")
    return plain if plain in _OPERATORS else None


def _tested(present: Condition, operator: str, operand: object) -> Expression:
    """Return the test of a field, whose being there is ``present``, by an operator."""
    if operator == "$not" and isinstance(operand, Mapping) and operand and "$not" not in operand:
        return Not(both(*(_tested(present, str(inner), one) for inner, one in operand.items())))
    name = _operator(operator)
    if name is None:
        raise FilterError(
            f"Unsupported filter operator '{operator}' for field '{present.field}'. "
            f"Supported operators: {', '.join(_OPERATORS)}.{_meant(present.field, operator)}",
            field=present.field,
        )
    positive, negated, check = _OPERATORS[name]
    if positive == "eq" and isinstance(operand, list | tuple):
        positive, check = "in", _list
    elif positive in ("contains", "icontains") and present.field == CATEGORIES:
        positive, check = "part", _folded
    checked_operand = check(present.field, present.kind, operator, operand)
    tested: Expression
    if positive == "exists":
        tested = present if checked_operand else Not(present)
    elif positive == "eq" and checked_operand is None:
        tested = Not(present)
    elif positive == "in" and None in checked_operand:
        rest = tuple(item for item in checked_operand if item is not None)
        tested = AnyOf((Not(present), _compared(present, "in", rest)))
    else:
        tested = _compared(present, positive, checked_operand)
    return Not(tested) if negated else tested


def _compared(present: Condition, operator: str, operand: Any) -> Expression:
    """Return the test of a field; of an instant the operand is a span (first microsecond, first one after it), or
    several, of a day the days it is in, or several times them."""
    if present.kind == "day":
        return _compared_day(present, operator, operand)
    if present.kind != "instant":
        return replace(present, operator=operator, operand=operand)
    if operator == "in":
        instants = tuple(start for start, end in operand if end - start == 1)
        days = tuple(day for start, end in operand if end - start > 1 for day in range(start, end, DAY))
        at = replace(present, operator="in", operand=instants)
        return AnyOf((at, replace(present, operator="on", operand=days))) if days else at
    start, end = operand
    if operator == "eq":
        return All((_compared(present, "gte", operand), _compared(present, "lte", operand)))
    bound = end if operator in ("gt", "lte") else start
    return replace(present, operator="gte" if operator in ("gt", "gte") else "lt", operand=bound)


def _compared_day(present: Condition, operator: str, operand: Any) -> Condition:
    if operator == "in":
        return replace(present, operator="in", operand=tuple(day for days in operand for day in days))
    if operator == "eq":
        return replace(present, operator="in", operand=operand)
    return replace(present, operator=operator, operand=operand[0] if operator in ("gte", "lt") else operand[-1])


def _wrong(name: str, operator: str, expected: str, operand: object) -> FilterError:
    return FilterError(
        f"Invalid filter '{name}': '{operator}' takes {expected}, got {type(operand).__name__}.", field=name
    )


def _scalar(name: str, kind: FieldKind, operator: str, operand: object) -> Any:
    if operand is None:
        return None
    if kind == "scope":
        return clean_id(operand, name)
    if kind == "instant":
        return to_span(operand, name)
    if kind == "day":
        return days_of(operand, name)
    if isinstance(operand, str):
        return nfc(encodable(operand, name))
    if kind == "text":
        raise _wrong(name, operator, "text", operand)
    return _metadata_scalar(name, operator, operand)


def _metadata_scalar(name: str, operator: str, operand: object) -> Any:
    if isinstance(operand, bool):
        return operand
    if is_number(operand):
        return finite(operand, name)
    if isinstance(operand, date):
        return operand.isoformat()
    raise _wrong(name, operator, "a string, number, boolean or null", operand)


def _list(name: str, kind: FieldKind, operator: str, operand: object) -> tuple[Any, ...]:
    if not isinstance(operand, list | tuple | set | frozenset):
        raise _wrong(name, operator, "a list", operand)
    return tuple(_scalar(name, kind, operator, item) for item in operand)


def _ordered(name: str, kind: FieldKind, operator: str, operand: object) -> Any:
    if operand is None or isinstance(operand, bool):
        raise _wrong(name, operator, "a number, text or date", operand)
    return _scalar(name, kind, operator, operand)


def _member(name: str, kind: FieldKind, operator: str, operand: object) -> Any:
    if kind in ("instant", "day") or operand is None:
        raise _wrong(name, operator, "text, and a field that is not a date", operand)
    if kind == "scope" and isinstance(operand, str):
        return nfc(encodable(operand, name))  # part of an id need not be a valid id
    return _scalar(name, kind, operator, operand)


def _folded(name: str, kind: FieldKind, operator: str, operand: object) -> str:
    if kind in ("instant", "day") or not isinstance(operand, str):
        raise _wrong(name, operator, "text, and a field that is not a date", operand)
    return casefold(encodable(operand, name))


def _flag(name: str, kind: FieldKind, operator: str, operand: object) -> bool:
    if not isinstance(operand, bool):
        raise _wrong(name, operator, "true or false", operand)
    return operand


_Check = Callable[[str, FieldKind, str, object], Any]

_OPERATORS: dict[str, tuple[str, bool, _Check]] = {
    # name: (the positive operator the store implements, negated?, operand check)
    "eq": ("eq", False, _scalar),
    "ne": ("eq", True, _scalar),
    "gt": ("gt", False, _ordered),
    "gte": ("gte", False, _ordered),
    "lt": ("lt", False, _ordered),
    "lte": ("lte", False, _ordered),
    "in": ("in", False, _list),
    "nin": ("in", True, _list),
    "contains": ("contains", False, _member),
    "icontains": ("icontains", False, _folded),
    "not_contains": ("contains", True, _member),
    "exists": ("exists", False, _flag),
}
"""Each may have MongoDB's sign before it."""
