"""Filter expressions as SQL conditions with parameters.

A new operator is one row here, in _COLUMN_SQL and _JSON_SQL, one in filters.py, and one in the oracle of its test.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from .filters import FIELDS, All, AnyOf, Condition, Expression, Not

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
        return _joined("OR", [_json_condition(condition, path) for path in condition.paths])
    return _COLUMN_SQL[condition.operator](_COLUMN_OF[condition.field], condition.operand)


_COLUMN_OF = {name: f"{'s' if kind == 'scope' else 'm'}.{name}" for name, kind in FIELDS.items()} | {
    "memory": "m.text",
    "hash": "m.text_hash",
}


_COLUMN_SQL: dict[str, Callable[[str, Any], Sql]] = {
    "exists": lambda column, operand: (f"({column} IS NOT NULL)", []),
    "eq": lambda column, operand: (f"({column} = ?)", [operand]),
    "in": lambda column, operand: (f"({column} IN (SELECT value FROM json_each(?)))", [json.dumps(operand)]),
    "gt": lambda column, operand: (f"({column} > ?)", [operand]),
    "gte": lambda column, operand: (f"({column} >= ?)", [operand]),
    "lt": lambda column, operand: (f"({column} < ?)", [operand]),
    "lte": lambda column, operand: (f"({column} <= ?)", [operand]),
    "contains": lambda column, operand: (f"(instr({column}, ?) > 0)", [operand]),
    "icontains": lambda column, operand: (f"(instr(casefold({column}), ?) > 0)", [operand]),
}
"""Operators on the memory's own fields."""


def _json_condition(condition: Condition, path: tuple[str, ...]) -> Sql:
    # Each key is quoted as a JSON string, which SQLite's path syntax reads whatever it contains.
    # https://www.sqlite.org/json1.html#path_arguments
    where = "$" + "".join("." + json.dumps(key, ensure_ascii=False) for key in path)
    return _JSON_SQL[condition.operator](where, condition.operand)


def _some_value(path: str, test: str, parameters: Sequence[Any], types: str) -> Sql:
    """True when the value at the path, or one element of a list there, passes the test on ``x.type``, ``x.value``."""
    return (
        f"(json_type(m.metadata, ?) {types} AND EXISTS (SELECT 1 FROM json_each(m.metadata, ?) x WHERE {test}))",
        [path, path, *parameters],
    )


_NOT_OBJECT, _NOT_CONTAINER, _LIST, _TEXT = "<> 'object'", "NOT IN ('object', 'array')", "= 'array'", "= 'text'"


def _typed(operand: Any, comparison: str = "=") -> Sql:
    if isinstance(operand, bool):
        return f"x.type = '{json.dumps(operand)}'", []
    kind = "x.type = 'text'" if isinstance(operand, str) else "x.type IN ('integer', 'real')"
    return f"{kind} AND x.value {comparison} ?", [operand]


def _json_eq(path: str, operand: Any) -> Sql:
    return _some_value(path, *_typed(operand), _NOT_OBJECT)


def _json_in(path: str, operand: Sequence[Any]) -> Sql:
    texts = [item for item in operand if isinstance(item, str)]
    numbers = [item for item in operand if not isinstance(item, bool | str)]
    flags = [f"x.type = '{json.dumps(item)}'" for item in (False, True) if any(item is other for other in operand)]
    tests = [
        "x.type = 'text' AND x.value IN (SELECT value FROM json_each(?))",
        "x.type IN ('integer', 'real') AND x.value IN (SELECT value FROM json_each(?))",
        *flags,
    ]
    return _some_value(path, " OR ".join(tests), [json.dumps(texts), json.dumps(numbers)], _NOT_OBJECT)


def _json_ordered(comparison: str) -> Callable[[str, Any], Sql]:
    return lambda path, operand: _some_value(path, *_typed(operand, comparison), _NOT_CONTAINER)


def _json_contains(path: str, operand: Any) -> Sql:
    member = _some_value(path, *_typed(operand), _LIST)
    if not isinstance(operand, str):
        return member
    return _joined("OR", [member, _some_value(path, "instr(x.value, ?) > 0", [operand], _TEXT)])


def _json_icontains(path: str, operand: str) -> Sql:
    member = _some_value(path, "x.type = 'text' AND casefold(x.value) = ?", [operand], _LIST)
    return _joined("OR", [member, _some_value(path, "instr(casefold(x.value), ?) > 0", [operand], _TEXT)])


def _json_exists(path: str, operand: None) -> Sql:
    return "(ifnull(json_type(m.metadata, ?), 'null') <> 'null')", [path]


_JSON_SQL: dict[str, Callable[[str, Any], Sql]] = {
    "exists": _json_exists,
    "eq": _json_eq,
    "in": _json_in,
    "gt": _json_ordered(">"),
    "gte": _json_ordered(">="),
    "lt": _json_ordered("<"),
    "lte": _json_ordered("<="),
    "contains": _json_contains,
    "icontains": _json_icontains,
}
"""Operators on metadata keys."""
