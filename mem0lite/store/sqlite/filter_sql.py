"""Filter expressions as SQL conditions with parameters.

A new operator is a row here in _COLUMN_SQL and _JSON_SQL, and for text fields a branch in _text(). It also needs a row
in data/filters/operators.py and one in ORACLE of tests/test_filters.py.

``nfc``, ``casefold``, ``moment`` and ``whole`` are functions of ``comparison``. They cost a call of Python per value,
so each is used only where the operand, or the value, is of the kind that needs it.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from ...comparison import DAY, is_exact, is_settled, span, spellings, whole
from ...data.filters import FACTS, FIELDS, KEY, All, AnyOf, Condition, Expression, Not

Sql = tuple[str, list[Any]]
"""A condition and its parameters, in order."""


def compile_filter(expression: Expression) -> Sql:
    """Return the SQL condition of an expression, over the aliases s (scope) and m (memory), and its parameters."""
    match expression:
        case Condition():
            return _condition(expression)
        case Not():
            sql, parameters = compile_filter(expression.part)
            return f"({sql} IS NOT TRUE)", parameters  # NOT would leave an absent key NULL, thus out of the result
        case All():
            return _joined("AND", [compile_filter(part) for part in expression.parts])
        case AnyOf():
            return _joined("OR", [compile_filter(part) for part in expression.parts])


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    """Join conditions as a balanced tree, because SQLite bounds the depth of an expression, not its size."""
    if not parts:
        return "1", []
    if len(parts) == 1:
        return parts[0]
    left, right = _joined(word, parts[: len(parts) // 2]), _joined(word, parts[len(parts) // 2 :])
    return f"({left[0]} {word} {right[0]})", [*left[1], *right[1]]


def _condition(condition: Condition) -> Sql:
    if condition.kind == "metadata":
        own = _key_conditions(condition) if condition.field == KEY else []
        return _joined("OR", [*own, *(_json_condition(condition, path) for path in condition.paths)])
    column = _COLUMN_OF[condition.field]
    if condition.kind == "scope" and condition.operator in ("eq", "in"):
        return one_of_ids(column, (condition.operand,) if condition.operator == "eq" else condition.operand)
    if condition.kind != "instant" and condition.operator != "exists":
        return _text(column, condition.operator, condition.operand)
    return _COLUMN_SQL[condition.operator](column, condition.operand)


def _key_conditions(condition: Condition) -> list[Sql]:
    """Return the tests of a memory's own key, which is a text, for a condition on that or on metadata."""
    column, operand = "m.memory_key", condition.operand
    if condition.operator == "exists":
        return [_COLUMN_SQL["exists"](column, operand)]
    if condition.operator == "in":
        operand = [one for one in operand if isinstance(one, str)]
    return [_text(column, condition.operator, operand)] if isinstance(operand, list | str) else []


_COLUMN_OF = {name: f"{'s' if kind == 'scope' else 'm'}.{name}" for name, kind in FIELDS.items()} | {
    "memory": "m.text",
    "hash": "m.text_hash",
    FACTS.field: "m.sources",
}


_COLUMN_SQL: dict[str, Callable[[str, Any], Sql]] = {
    "exists": lambda column, operand: (f"({column} IS NOT NULL)", []),
    "in": lambda column, operand: (f"({column} {_LISTED})", [json.dumps(operand)]),
    "on": lambda column, operand: (
        f"({column} - ({column} % {DAY} + {DAY}) % {DAY} {_LISTED})",  # the remainder has the sign of the instant
        [json.dumps(operand)],
    ),
    "gte": lambda column, operand: (f"({column} >= ?)", [operand]),
    "lt": lambda column, operand: (f"({column} < ?)", [operand]),
}
"""Operators on the memory's own dates, and whether any of its own fields is there."""

_LISTED = "IN (SELECT value FROM json_each(?))"


# -- texts


def one_of_ids(column: str, ids: Sequence[str]) -> Sql:
    """Return the test of a column for being one of the ids, which are composed; a file may hold a decomposed one from
    before that was so. The column stays bare, for its index."""
    forms = [form for one in ids for form in spellings(one)]
    if len(forms) == 1:
        return f"({column} = ?)", forms
    return f"({column} {_LISTED})", [json.dumps(forms)]


def composed(value: str) -> str:
    """Return the SQL of a text in composed form. ASCII, recognised by its length, is left as it is."""
    return f"iif(octet_length({value}) > length({value}), nfc({value}), {value})"


_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _text(value: str, operator: str, operand: Any) -> Sql:
    """Return the test of an SQL text against a composed one, or of ``in`` several."""
    if operator == "icontains":
        return f"(instr(casefold({value}), ?) > 0)", [operand]
    if operator in _COMPARISONS:
        return f"({composed(value)} {_COMPARISONS[operator]} ?)", [operand]
    if operator == "in":
        read = value if all(map(is_settled, operand)) else composed(value)
        return f"({read} {_LISTED})", [json.dumps(operand)]
    settled = is_settled(operand)
    if operator == "eq":
        return f"({value if settled else composed(value)} = ?)", [operand]
    found = f"instr({composed(value)}, ?) > 0"
    # "jose" is in a decomposed "josé", but not in the same text composed.
    return (f"(instr({value}, ?) > 0 AND {found})", [operand] * 2) if settled else (f"({found})", [operand])


# -- metadata


def _json_condition(condition: Condition, path: tuple[str, ...]) -> Sql:
    # Each key is quoted as a JSON string, which SQLite's path syntax reads whatever it contains.
    # https://www.sqlite.org/json1.html#path_arguments
    where = "$" + "".join("." + json.dumps(key, ensure_ascii=False) for key in path)
    return _JSON_SQL[condition.operator](where, condition.operand)


def _some_value(path: str, test: Sql, types: str) -> Sql:
    """True when the value at the path, or one element of a list there, passes the test on ``x.type``, ``x.value``."""
    sql, parameters = test
    return (
        f"(json_type(m.metadata, ?) {types} AND EXISTS (SELECT 1 FROM json_each(m.metadata, ?) x WHERE {sql}))",
        [path, path, *parameters],
    )


_NOT_OBJECT, _NOT_CONTAINER, _LIST, _TEXT = "<> 'object'", "NOT IN ('object', 'array')", "= 'array'", "= 'text'"

_IS_TEXT, _IS_NUMBER = "x.type = 'text'", "x.type IN ('integer', 'real')"
_WHOLE = "whole(m.metadata -> (? || ifnull('[' || x.key || ']', '')))"  # its parameter is the path
"""The number as it is written. SQLite may have rounded its value to a double."""


def _equal(path: str, operand: Any) -> Sql:
    """Return the test of ``x`` for being equal to the operand."""
    if isinstance(operand, bool):
        return f"x.type = '{json.dumps(operand)}'", []
    if isinstance(operand, str):
        sql, parameters = _text("x.value", "eq", operand)
        if (moment := span(operand)) is not None:
            start, end = moment
            within = "moment(x.value, 'start') < ? AND moment(x.value, 'end') > ?"
            sql, parameters = f"({sql} OR {within})", [*parameters, end, start]
        return f"{_IS_TEXT} AND {sql}", parameters
    if is_exact(operand):
        return f"{_IS_NUMBER} AND x.value = ?", [operand]
    return f"{_IS_NUMBER} AND {_WHOLE} = ?", [path, whole(json.dumps(operand))]


def _ordered(path: str, operator: str, operand: Any) -> Sql:
    """Return the test of ``x`` for its order to the operand."""
    comparison = _COMPARISONS[operator]
    if not isinstance(operand, str):
        if is_exact(operand):
            return f"{_IS_NUMBER} AND x.value {comparison} ?", [operand]
        return f"{_IS_NUMBER} AND {_WHOLE} {comparison} ?", [path, whole(json.dumps(operand))]
    sql, parameters = _text("x.value", operator, operand)
    if (moment := span(operand)) is None:
        return f"{_IS_TEXT} AND {sql}", parameters
    ends = {
        "gt": ("'start') >= ?", moment[1]),
        "gte": ("'end') > ?", moment[0]),
        "lt": ("'end') <= ?", moment[0]),
        "lte": ("'start') < ?", moment[1]),
    }
    test, end = ends[operator]
    return f"{_IS_TEXT} AND ifnull(moment(x.value, {test}, {sql})", [end, *parameters]


def _one_of(path: str, operand: Sequence[Any]) -> Sql:
    """Return the test of ``x`` for being equal to one of the operands."""
    texts = [item for item in operand if isinstance(item, str)]
    numbers = [item for item in operand if not isinstance(item, bool | str)]
    flags = [item for item in (False, True) if any(item is other for other in operand)]
    tests = [_equal(path, item) for item in flags]
    if texts:
        sql, parameters = _joined("OR", [_text("x.value", "in", texts), *_in_moments(texts)])
        tests.append((f"{_IS_TEXT} AND {sql}", parameters))
    if exact := [item for item in numbers if is_exact(item)]:
        tests.append((f"{_IS_NUMBER} AND x.value {_LISTED}", [json.dumps(exact)]))
    if large := [whole(json.dumps(item)) for item in numbers if not is_exact(item)]:
        tests.append((f"{_IS_NUMBER} AND {_WHOLE} {_LISTED}", [path, json.dumps(large)]))
    return _joined("OR", [(f"({sql})", parameters) for sql, parameters in tests]) if tests else ("0", [])


def _in_moments(texts: Sequence[str]) -> list[Sql]:
    """Return the tests of ``x`` for being in a moment of the texts, or one of them in it. Each list is read once."""
    moments = [found for text in texts if (found := span(text)) is not None]
    starts = [start for start, end in moments if end - start == 1]
    days = [start for start, end in moments if end - start > 1]
    parts = {"start": starts, "date": [start - start % DAY for start in starts], "day": days}
    return [(f"moment(x.value, '{part}') {_LISTED}", [json.dumps(listed)]) for part, listed in parts.items() if listed]


def _json_contains(path: str, operand: Any) -> Sql:
    member = _some_value(path, _equal(path, operand), _LIST)
    if not isinstance(operand, str):
        return member
    return _joined("OR", [member, _some_value(path, _text("x.value", "contains", operand), _TEXT)])


def _json_icontains(path: str, operand: str) -> Sql:
    member = _some_value(path, ("x.type = 'text' AND casefold(x.value) = ?", [operand]), _LIST)
    return _joined("OR", [member, _some_value(path, _text("x.value", "icontains", operand), _TEXT)])


def _json_part(path: str, operand: str) -> Sql:
    return _some_value(path, ("x.type = 'text' AND instr(casefold(x.value), ?) > 0", [operand]), _NOT_OBJECT)


def _json_ordered(operator: str) -> Callable[[str, Any], Sql]:
    return lambda path, operand: _some_value(path, _ordered(path, operator, operand), _NOT_CONTAINER)


_JSON_SQL: dict[str, Callable[[str, Any], Sql]] = {
    "exists": lambda path, operand: ("(ifnull(json_type(m.metadata, ?), 'null') <> 'null')", [path]),
    "eq": lambda path, operand: _some_value(path, _equal(path, operand), _NOT_OBJECT),
    "in": lambda path, operand: _some_value(path, _one_of(path, operand), _NOT_OBJECT),
    "gt": _json_ordered("gt"),
    "gte": _json_ordered("gte"),
    "lt": _json_ordered("lt"),
    "lte": _json_ordered("lte"),
    "contains": _json_contains,
    "icontains": _json_icontains,
    "part": _json_part,
}
"""Operators on metadata keys."""
