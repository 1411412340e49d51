"""JSON Schemas of arguments and results, and the check of arguments against theirs. Pure."""

import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin

from ..errors import ValidationError
from ..values import is_number, shown

Schema = dict[str, Any]

_SIMPLE: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def of(kind: Any) -> Schema:
    """Return the schema of a type: a TypedDict, a list, a dictionary, a Literal, a simple type, or a union of those."""
    if hasattr(kind, "__required_keys__"):  # a TypedDict, of whichever module
        return _of_shape(kind)
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (NotRequired, Annotated):
        return of(parts[0])
    if origin is list:
        return {"type": "array", "items": of(parts[0])}
    if origin is Literal:
        return {"type": "string", "enum": list(parts)}
    if origin in (Union, UnionType):
        return _of_union([of(part) for part in parts])
    return {"type": "object"} if origin is dict else {}


def _of_union(parts: list[Schema]) -> Schema:
    """Return one schema for several types. Where the types alone tell them apart, it is a list of types."""
    if all(set(part) == {"type"} for part in parts):
        return {"type": [part["type"] for part in parts]}
    return {"anyOf": parts}


def _of_shape(shape: Any) -> Schema:
    # Descriptions are left out: models are shown results, not their schemas, and clients fetch these at every start.
    properties = {name: of(kind) for name, kind in shape.__annotations__.items()}
    required = [name for name in properties if name in shape.__required_keys__]
    return {"type": "object", "properties": properties, "required": required}


# -- arguments

_NOUNS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
_READ_AS = {"integer": int, "number": float}


def checked(tool: str, given: object, schema: Schema) -> dict[str, Any]:
    """Return the arguments of a call, without those that are null.

    Models give numbers, lists and objects as text now and then; these are read. Raises ValidationError, naming the
    argument, for one that is unknown, missing, of another type or out of bounds.
    """
    if not isinstance(given, Mapping):
        raise ValidationError(f"Invalid arguments: must be an object, got {shown(given)}.", field="arguments")
    properties = schema["properties"]
    for name in given:
        if name not in properties:
            raise _unknown(tool, name, list(properties))
    present = {name: value for name, value in given.items() if value is not None}
    for name in schema.get("required", ()):
        if name not in present:
            raise ValidationError(
                f"Invalid {name}: missing. {tool} needs it: {properties[name]['description']}", field=name
            )
    return {name: _fitting(name, value, properties[name]) for name, value in present.items()}


def _unknown(tool: str, name: str, known: list[str]) -> ValidationError:
    import difflib  # only mistakes need it

    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = f"The arguments of {tool} are: {', '.join(known)}." if known else f"{tool} has no arguments."
    return ValidationError(f"Invalid {shown(name)}: unknown argument.{hint} {listed}", field=name)


def _fitting(name: str, value: Any, schema: Schema) -> Any:
    kind = schema["type"]
    read = _read(name, value, kind)
    if not _is_of(read, kind):
        raise ValidationError(f"Invalid {name}: must be {_NOUNS[kind]}, got {shown(value)}.", field=name)
    if ("minimum" in schema and read < schema["minimum"]) or ("maximum" in schema and read > schema["maximum"]):
        bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
        raise ValidationError(f"Invalid {name}: {shown(value)}. Must be {_NOUNS[kind]} {' '.join(bounds)}.", field=name)
    return read


def _read(name: str, value: Any, kind: str) -> Any:
    """Return a value that came as text, or a number that is an id, as the type that it stands for."""
    if kind == "string":
        return str(value) if name.endswith("_id") and _is_of(value, "integer") else value
    if not isinstance(value, str):
        return int(value) if kind == "integer" and isinstance(value, float) and value.is_integer() else value
    try:
        return _READ_AS[kind](value) if kind in _READ_AS else json.loads(value)
    except (ValueError, RecursionError):
        return value


def _is_of(value: Any, kind: str) -> bool:
    if kind in ("integer", "number"):
        return is_number(value) and (kind == "number" or isinstance(value, int))
    return isinstance(value, {"string": str, "boolean": bool, "object": dict, "array": list}[kind])
