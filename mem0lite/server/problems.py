"""What is wrong with a value of the wrong shape, and where: the problems that a 422 response lists, as Pydantic does.

msgspec decides whether a value fits a type. Which part of it does not, and what it should be, is read from the type.
msgspec's own messages are never read: they are English prose, and change from release to release.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, Union, get_args, get_origin

import msgspec
from litestar.exceptions import ClientException

from ..types import TypedDict

Place: TypeAlias = list[str | int]
"""Where a value is: ``body``, ``query`` or ``path``, and the names and indexes that lead to it."""

_MAX_ECHO = 10_000  # bytes of a rejected value that are sent back
_MAX_ECHO_DEPTH = 50  # not every reader of JSON copes with what ours does
_MOST_ENTRIES = 10  # problems of one list or dictionary


class Problem(TypedDict):
    """One element of the ``detail`` of a 422 response."""

    type: str
    """The kind of error."""
    loc: Place
    """Where it is: body, query or path, and the names and indexes that lead to it."""
    msg: str
    """What is wrong."""
    input: NotRequired[Any]
    """What was sent there, unless that is large."""
    ctx: NotRequired[dict[str, Any]]
    """The bound or the choice that the value misses."""


class InvalidRequest(ClientException):
    """The request has the wrong shape; ``extra`` is the list of its problems."""

    status_code = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(extra=list(problems))


class MissingFieldError(ValueError):
    """What a struct raises in ``__post_init__`` for a field that it needs only sometimes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"missing: {name}")
        self.name = name


def problems(value: object, kind: Any, place: Place) -> Iterator[Problem]:
    """Yield what keeps a value from being of a type: nothing when it fits, at least one problem when it does not.

    ``kind`` is any type that msgspec can decode. Numbers and booleans may be given as text.
    """
    if _refusal(value, kind) is None:
        return
    options = _options(kind)
    candidates = [one for one in options if _same_form(value, one[0])] or options
    if len(candidates) == 1:
        yield from _of_kind(value, *candidates[0], place)
    else:
        expected = _alternatives([_NOUNS.get(_form(one), "value") for one, _ in options])
        yield problem("value_error", place, f"Input should be a valid {expected}", value)


def problem(kind: str, place: Place, message: str, value: object, context: dict[str, Any] | None = None) -> Problem:
    """Return a problem, with the value that has it unless that is large."""
    found: Problem = {"type": kind, "loc": place, "msg": message}
    if _shallow(value, _MAX_ECHO_DEPTH) and len(shown := msgspec.json.encode(_shown(value, place[-1]))) <= _MAX_ECHO:
        found["input"] = msgspec.Raw(shown)
    if context is not None:
        found["ctx"] = context
    return found


# -- types

_Bounds: TypeAlias = tuple[msgspec.Meta, ...]


def _refusal(value: object, kind: Any) -> Exception | None:
    """Return the error that msgspec raises for a value, None when it takes it."""
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        return error
    return None


def _options(kind: Any, bounds: _Bounds = ()) -> list[tuple[Any, _Bounds]]:
    """Return the types that a value may have, without null and an absent field, each with its bounds."""
    if get_origin(kind) is Annotated:
        own = tuple(one for one in kind.__metadata__ if isinstance(one, msgspec.Meta))
        return _options(kind.__origin__, bounds + own)
    if get_origin(kind) in (Union, UnionType):
        return [one for part in get_args(kind) for one in _options(part, bounds)]
    return [] if kind in (NoneType, msgspec.UnsetType) else [(kind, bounds)]


def _form(kind: Any) -> Any:
    """Return what a type looks like in JSON: a Python type, Struct or Literal."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return msgspec.Struct
    return get_origin(kind) or kind


def _same_form(value: object, kind: Any) -> bool:
    form = _form(kind)
    if isinstance(value, bool):  # to Python it is an int, too
        return form is bool
    return isinstance(value, dict if form is msgspec.Struct else form) if isinstance(form, type) else False


_NOUNS: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "dictionary",
    msgspec.Struct: "object",
}


def _alternatives(words: Sequence[str]) -> str:
    *others, last = dict.fromkeys(words) or ["value"]
    return f"{', '.join(others)} or {last}" if others else last


# -- what is wrong with a value of one type

_WRONG_TYPE: dict[Any, tuple[str, str]] = {
    list: ("list_type", "Input should be a valid list"),
    dict: ("dict_type", "Input should be a valid dictionary"),
    msgspec.Struct: (
        "model_attributes_type",
        "Input should be a valid dictionary or object to extract fields from",
    ),
    str: ("string_type", "Input should be a valid string"),
    int: ("int_type", "Input should be a valid integer"),
    float: ("float_type", "Input should be a valid number"),
    bool: ("bool_type", "Input should be a valid boolean"),
}
_UNREADABLE: dict[Any, tuple[str, str]] = {
    int: ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    float: ("float_parsing", "Input should be a valid number, unable to parse string as a number"),
    bool: ("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
}
_TOO_LARGE: dict[Any, tuple[str, str]] = {
    int: ("value_error", "Integer value out of range"),
    float: ("value_error", "Number out of range"),
}
_OTHERWISE = ("value_error", "Input is not valid here")
_BOUNDS = {
    "ge": ("greater_than_equal", "greater than or equal to"),
    "gt": ("greater_than", "greater than"),
    "le": ("less_than_equal", "less than or equal to"),
    "lt": ("less_than", "less than"),
}


def _of_kind(value: object, kind: Any, bounds: _Bounds, place: Place) -> Iterator[Problem]:
    form = _form(kind)
    if form is msgspec.Struct and isinstance(value, dict):
        yield from _of_struct(value, kind, place)
    elif form in (list, dict) and isinstance(value, form):
        yield from _of_entries(value, kind, place)
    elif choices := _choices(kind):
        expected = _alternatives(list(map(repr, choices)))
        code = "literal_error" if form is Literal else "enum"
        yield problem(code, place, f"Input should be {expected}", value, {"expected": expected})
    elif bounds and _refusal(value, kind) is None:
        yield _out_of_bounds(value, kind, bounds, place)
    else:
        yield problem(*_said(_words(value, form), place), value)


def _words(value: object, form: Any) -> tuple[str, str]:
    """Return the code and the sentence for a value that is no text, number, boolean, list or object as is wanted."""
    if form in _TOO_LARGE and _is_number(value, form):
        return _TOO_LARGE[form]
    unreadable = _UNREADABLE.get(form) if isinstance(value, str) else None
    return unreadable or _WRONG_TYPE.get(form, _OTHERWISE)


def _is_number(value: object, form: type[int] | type[float]) -> bool:
    """Return whether a value is a number of this type, given as such or as text, however large."""
    if isinstance(value, str):
        return bool((_DIGITS if form is int else _DECIMAL).fullmatch(value.strip()))
    return isinstance(value, int if form is int else int | float) and not isinstance(value, bool)


_DIGITS = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _choices(kind: Any) -> list[Any]:
    """Return the values of a Literal or an Enum, none for another type."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [one.value for one in kind]
    return [*get_args(kind)] if get_origin(kind) is Literal else []


def _said(words: tuple[str, str], place: Place) -> tuple[str, Place, str]:
    return words[0], place, words[1]


def _of_struct(value: Mapping[str, Any], struct: type[msgspec.Struct], place: Place) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    found = False
    for name, field in fields.items():
        if name in value:
            wrong = problems(value[name], field.type, [*place, name])
        else:
            wrong = iter([problem("missing", [*place, name], "Field required", value)] if field.required else [])
        for one in wrong:
            found = True
            yield one
    if not found:
        yield _of_whole(value, struct, fields, place)


def _of_whole(
    value: Mapping[str, Any], struct: type[msgspec.Struct], fields: Mapping[str, Any], place: Place
) -> Problem:
    """Return the problem of an object each of whose fields is as it should be."""
    unknown = [name for name in value if name not in fields]
    if struct.__struct_config__.forbid_unknown_fields and unknown:
        return problem("extra_forbidden", [*place, unknown[0]], "Extra inputs are not permitted", value[unknown[0]])
    refusal = _refusal(value, struct)
    cause = refusal and refusal.__cause__
    if isinstance(cause, MissingFieldError):
        return problem("missing", [*place, cause.name], "Field required", value)
    return problem(*_said(_OTHERWISE, place), value)


def _of_entries(value: list[Any] | dict[str, Any], kind: Any, place: Place) -> Iterator[Problem]:
    entry = (get_args(kind) or (Any,))[-1]
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    wrong = (one for key, item in items for one in problems(item, entry, [*place, key]))
    first = next(wrong, None)
    yield first or problem(*_said(_OTHERWISE, place), value)
    yield from islice(wrong, _MOST_ENTRIES - 1)


def _out_of_bounds(value: object, kind: Any, bounds: _Bounds, place: Place) -> Problem:
    for meta in bounds:
        for name, (code, words) in _BOUNDS.items():
            bound = getattr(meta, name)
            if bound is not None and _refusal(value, Annotated[kind, msgspec.Meta(**{name: bound})]) is not None:
                return problem(code, place, f"Input should be {words} {bound}", value, {name: bound})
    return problem(*_said(_OTHERWISE, place), value)


# -- what is sent back

_SECRET = re.compile(r"secret|token|password|authorization|api_?key", re.IGNORECASE)


def _shown(value: Any, name: object) -> Any:
    """Return a value without anything that the name of its field, or of a field inside it, says is secret: clients log
    answers."""
    if _SECRET.search(str(name)) and not isinstance(value, dict):
        return "…"
    if isinstance(value, dict):
        return {key: _shown(item, key) for key, item in value.items()}
    return [_shown(item, name) for item in value] if isinstance(value, list) else value


def _shallow(value: Any, levels: int) -> bool:
    """Return whether a JSON value has at most so many lists and objects inside each other."""
    if not isinstance(value, dict | list):
        return True
    return levels > 0 and all(
        _shallow(item, levels - 1) for item in (value.values() if isinstance(value, dict) else value)
    )
