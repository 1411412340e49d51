"""Filter expressions as PostgreSQL's conditions with parameters, over the aliases s (scope) and m (memory).

A new operator is a row here in _COLUMN_SQL and _JSON_SQL, and for text fields a branch in _text(). What it means is
what it means in ``store/sqlite/filter_sql.py``: the same tests run on both.

``nfc``, ``folded`` and ``moment`` are the functions of ``functions``; the last two take time, so they are used only
where the operand needs them. Numbers are compared as ``jsonb``, which is exact for any of them; of values of different
types, ``jsonb`` has an order too, so each test asks for the type.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ...comparison import DAY, is_settled, span, spellings
from ...data.filters import FACTS, FIELDS, KEY, All, AnyOf, Condition, Expression, Not
from .texts import exact

Sql = tuple[str, list[Any]]
"""A condition and its parameters, in order."""


def compile_filter(expression: Expression) -> Sql:
    """Return the SQL condition of an expression, over the aliases s (scope) and m (memory), and its parameters."""
    match expression:
        case Condition():
            return _condition(expression)
        case Not():
            sql, parameters = compile_filter(expression.part)
            return f"(({sql}) IS NOT TRUE)", parameters  # NOT would leave an absent key NULL, thus out of the result
        case All():
            return _joined("AND", [compile_filter(part) for part in expression.parts])
        case AnyOf():
            return _joined("OR", [compile_filter(part) for part in expression.parts])


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    if not parts:
        return "true", []
    sql = f" {word} ".join(part[0] for part in parts)
    return (f"({sql})" if len(parts) > 1 else sql), [parameter for part in parts for parameter in part[1]]


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

_INSTANTS = "= ANY(%s::text[]::bigint[])"  # texts, because lists of integers have a type for each size
_TEXTS = "= ANY(%s::text[])"

_COLUMN_SQL: dict[str, Callable[[str, Any], Sql]] = {
    "exists": lambda column, operand: (f"({column} IS NOT NULL)", []),
    "in": lambda column, operand: (f"({column} {_INSTANTS})", [list(map(str, operand))]),
    "on": lambda column, operand: (
        f"({column} - mod(mod({column}, {DAY}) + {DAY}, {DAY}) {_INSTANTS})",  # a remainder has the instant's sign
        [list(map(str, operand))],
    ),
    "gte": lambda column, operand: (f"({column} >= %s)", [operand]),
    "lt": lambda column, operand: (f"({column} < %s)", [operand]),
}
"""Operators on the memory's own dates, and whether any of its own fields is there."""


# -- texts


def one_of_ids(column: str, ids: Sequence[str]) -> Sql:
    """Return the test of a column for being one of the ids, which are composed; an imported one may be decomposed.

    The column stays bare, for its index.
    """
    forms = [form for one in ids for form in spellings(one)]
    if len(forms) == 1:
        return f"({column} = %s::text)", list(forms)
    return f"({column} {_TEXTS})", [forms]


def composed(value: str) -> str:
    """Return the SQL of a text in composed form."""
    return f"nfc({value})"


_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _text(value: str, operator: str, operand: Any) -> Sql:
    """Return the test of an SQL text against a composed one, or of ``in`` several."""
    if operator == "icontains":
        return f"(strpos(folded({value}), %s::text) > 0)", [operand]
    if operator in _COMPARISONS:
        return f'({composed(value)} COLLATE "C" {_COMPARISONS[operator]} %s::text)', [operand]
    if operator == "in":
        read = value if all(map(is_settled, operand)) else composed(value)
        return f"({read} {_TEXTS})", [list(operand)]
    settled = is_settled(operand)
    if operator == "eq":
        return f"({value if settled else composed(value)} = %s::text)", [operand]
    found = f"strpos({composed(value)}, %s::text) > 0"
    # "jose" is in a decomposed "josé", but not in the same text composed.
    return (f"(strpos({value}, %s::text) > 0 AND {found})", [operand] * 2) if settled else (f"({found})", [operand])


# -- metadata


def _json_condition(condition: Condition, path: tuple[str, ...]) -> Sql:
    return _JSON_SQL[condition.operator](path, condition.operand)


def _at(path: tuple[str, ...]) -> Sql:
    """Return the SQL of the value at a path. Unlike ``#>``, this never takes a key for the position in a list."""
    return "(m.metadata" + " -> %s::text" * len(path) + ")", list(path)


def _some_value(path: tuple[str, ...], test: Sql, *types: str) -> Sql:
    """True when the value at the path is of one of these types, and it, or one element of it if it is a list, passes
    the test on ``x.value``."""
    (value, keys), (sql, parameters) = _at(path), test
    listed = "CASE jsonb_typeof(f.value) WHEN 'array' THEN f.value ELSE jsonb_build_array(f.value) END"
    return (
        f"EXISTS (SELECT FROM (SELECT {value} AS value) f, jsonb_array_elements({listed}) x "
        f"WHERE jsonb_typeof(f.value) IN ({', '.join(repr(one) for one in types)}) AND {sql})",
        [*keys, *parameters],
    )


_SCALARS = ("string", "number", "boolean")
_IS_TEXT, _IS_NUMBER = "jsonb_typeof(x.value) = 'string'", "jsonb_typeof(x.value) = 'number'"
_CONTENT = "(x.value #>> '{}')"
"""The text of ``x``, without quotes."""
_NUMBER = "to_jsonb(%s::numeric)"


def _equal(operand: Any) -> Sql:
    """Return the test of ``x`` for being equal to the operand."""
    if isinstance(operand, bool):
        return f"x.value = '{str(operand).lower()}'::jsonb", []
    if not isinstance(operand, str):
        return f"{_IS_NUMBER} AND x.value = {_NUMBER}", [str(exact(operand))]
    sql, parameters = _text(_CONTENT, "eq", operand)
    if (moment := span(operand)) is not None:
        start, end = moment
        within = f"moment({_CONTENT}, 'start') < %s AND moment({_CONTENT}, 'end') > %s"
        sql, parameters = f"({sql} OR {within})", [*parameters, end, start]
    return f"{_IS_TEXT} AND {sql}", parameters


def _ordered(operator: str, operand: Any) -> Sql:
    """Return the test of ``x`` for its order to the operand."""
    if not isinstance(operand, str):
        return f"{_IS_NUMBER} AND x.value {_COMPARISONS[operator]} {_NUMBER}", [str(exact(operand))]
    sql, parameters = _text(_CONTENT, operator, operand)
    if (moment := span(operand)) is None:
        return f"{_IS_TEXT} AND {sql}", parameters
    ends = {
        "gt": ("'start') >= %s", moment[1]),
        "gte": ("'end') > %s", moment[0]),
        "lt": ("'end') <= %s", moment[0]),
        "lte": ("'start') < %s", moment[1]),
    }
    test, end = ends[operator]
    return f"{_IS_TEXT} AND coalesce(moment({_CONTENT}, {test}, {sql})", [end, *parameters]


def _one_of(operand: Sequence[Any]) -> Sql:
    """Return the test of ``x`` for being equal to one of the operands."""
    texts = [item for item in operand if isinstance(item, str)]
    numbers = [str(exact(item)) for item in operand if not isinstance(item, bool | str)]
    tests = [_equal(flag) for flag in (False, True) if any(item is flag for item in operand)]
    if texts:
        sql, parameters = _joined("OR", [_text(_CONTENT, "in", texts), *_in_moments(texts)])
        tests.append((f"{_IS_TEXT} AND {sql}", parameters))
    if numbers:
        tests.append((f"{_IS_NUMBER} AND x.value IN (SELECT to_jsonb(unnest(%s::text[])::numeric))", [numbers]))
    return _joined("OR", [(f"({sql})", parameters) for sql, parameters in tests]) if tests else ("false", [])


def _in_moments(texts: Sequence[str]) -> list[Sql]:
    """Return the tests of ``x`` for being in a moment of the texts, or one of them in it. Each list is read once."""
    moments = [found for text in texts if (found := span(text)) is not None]
    starts = [start for start, end in moments if end - start == 1]
    days = [start for start, end in moments if end - start > 1]
    parts = {"start": starts, "date": [start - start % DAY for start in starts], "day": days}
    return [
        (f"moment({_CONTENT}, '{part}') {_INSTANTS}", [list(map(str, listed))])
        for part, listed in parts.items()
        if listed
    ]


def _exists(path: tuple[str, ...], operand: Any) -> Sql:
    value, keys = _at(path)
    return f"(coalesce(jsonb_typeof({value}), 'null') <> 'null')", keys


def _json_contains(path: tuple[str, ...], operand: Any) -> Sql:
    member = _some_value(path, _equal(operand), "array")
    if not isinstance(operand, str):
        return member
    return _joined("OR", [member, _some_value(path, _text(_CONTENT, "contains", operand), "string")])


def _json_icontains(path: tuple[str, ...], operand: str) -> Sql:
    member = _some_value(path, (f"{_IS_TEXT} AND folded({_CONTENT}) = %s::text", [operand]), "array")
    return _joined("OR", [member, _some_value(path, _text(_CONTENT, "icontains", operand), "string")])


def _json_part(path: tuple[str, ...], operand: str) -> Sql:
    sql, parameters = _text(_CONTENT, "icontains", operand)
    return _some_value(path, (f"{_IS_TEXT} AND {sql}", parameters), "array", "string")


def _json_ordered(operator: str) -> Callable[[tuple[str, ...], Any], Sql]:
    return lambda path, operand: _some_value(path, _ordered(operator, operand), *_SCALARS)


_JSON_SQL: dict[str, Callable[[tuple[str, ...], Any], Sql]] = {
    "exists": _exists,
    "eq": lambda path, operand: _some_value(path, _equal(operand), "array", *_SCALARS),
    "in": lambda path, operand: _some_value(path, _one_of(operand), "array", *_SCALARS),
    "gt": _json_ordered("gt"),
    "gte": _json_ordered("gte"),
    "lt": _json_ordered("lt"),
    "lte": _json_ordered("lte"),
    "contains": _json_contains,
    "icontains": _json_icontains,
    "part": _json_part,
}
"""Operators on metadata keys."""
