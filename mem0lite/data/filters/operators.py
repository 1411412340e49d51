"""The operators of filters: what each takes, and what the store must be able to test for it. Pure.

A new operator is a row in OPERATORS, one in each backend (``store/sqlite/filter_sql.py``) and one in the oracle of
``tests/test_filters.py``. If an existing test of the backend expresses it, the row here is enough.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ...comparison import DAY, casefold, nfc
from ...errors import FilterError
from ...values import clean_id, days_of, encodable, finite, is_number, to_span
from .expressions import CATEGORIES, All, AnyOf, Condition, Expression, FieldKind, Not, both
from .hints import meant


def operator_of(name: object) -> str | None:
    """Return the operator that a name means, with or without MongoDB's ``$``, or None."""
    plain = str(name).removeprefix("$")
    return plain if plain in OPERATORS else None


def tested(present: Condition, operator: str, operand: object) -> Expression:
    """Return the test of a field by an operator; ``present`` is the condition that the field exists.

    Raises FilterError for an unknown operator, and for an operand of the wrong type.
    """
    if operator == "$not" and isinstance(operand, Mapping) and operand and "$not" not in operand:
        return Not(both(*(tested(present, str(inner), one) for inner, one in operand.items())))
    name = operator_of(operator)
    if name is None:
        raise FilterError(
            f"Unsupported filter operator '{operator}' for field '{present.field}'. "
            f"Supported operators: {', '.join(OPERATORS)}.{meant(present.field, operator, OPERATORS)}",
            field=present.field,
        )
    positive, negated, check = OPERATORS[name]
    if positive == "eq" and isinstance(operand, list | tuple):
        positive, check = "in", _list
    elif positive in ("contains", "icontains") and present.field == CATEGORIES:
        positive, check = "part", _folded
    test = _nullable(present, positive, check(present.field, present.kind, operator, operand))
    return Not(test) if negated else test


def _nullable(present: Condition, operator: str, operand: Any) -> Expression:
    """Return the test of a field by an operator that is not negated, whose operand may be or hold null."""
    if operator == "exists":
        return present if operand else Not(present)
    if operator == "eq" and operand is None:
        return Not(present)
    if operator == "in" and None in operand:
        rest = tuple(item for item in operand if item is not None)
        return AnyOf((Not(present), _compared(present, "in", rest)))
    return _compared(present, operator, operand)


def _compared(present: Condition, operator: str, operand: Any) -> Expression:
    """Return the test of a field by an operator the store has.

    The operand for an instant is a span of microseconds (the first, the first one after it); for a day it is the days
    it may be; for ``in`` it is several of these.
    """
    if present.kind == "day":
        return _compared_day(present, operator, operand)
    if present.kind != "instant":
        return present._replace(operator=operator, operand=operand)
    if operator == "in":
        instants = tuple(start for start, end in operand if end - start == 1)
        days = tuple(day for start, end in operand if end - start > 1 for day in range(start, end, DAY))
        at = present._replace(operator="in", operand=instants)
        return AnyOf((at, present._replace(operator="on", operand=days))) if days else at
    start, end = operand
    if operator == "eq":
        return All((_compared(present, "gte", operand), _compared(present, "lte", operand)))
    bound = end if operator in ("gt", "lte") else start
    return present._replace(operator="gte" if operator in ("gt", "gte") else "lt", operand=bound)


def _compared_day(present: Condition, operator: str, operand: Any) -> Condition:
    if operator == "in":
        return present._replace(operator="in", operand=tuple(day for days in operand for day in days))
    if operator == "eq":
        return present._replace(operator="in", operand=operand)
    return present._replace(operator=operator, operand=operand[0] if operator in ("gte", "lt") else operand[-1])


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

OPERATORS: dict[str, tuple[str, bool, _Check]] = {
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
"""The operators by name, which may have MongoDB's ``$`` before it: what the store tests, whether the answer is
negated, and the check of the operand, which returns it as the store compares it."""
