"""Parameters of queries and paths that several routes have: what they are called, what they mean, what is refused."""

import ast
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import Parameter
from litestar.typing import FieldDefinition

from ..data.filters import SCOPE_IDS, likely_ids
from ..data.parameters import listed
from ..errors import FilterError, ValidationError
from .ignored import ROUTINE, unknown_parameters
from .problems import Problem, problem, problems

DEFAULT_LIST_SIZE = 100
MAX_LIST_SIZE = 1_000
MAX_LITERAL = 10_000
"""Characters of an object that is given as the text of a query parameter."""

# Parameters have no examples: Swagger UI would fill them all in, and the answer would be empty.
UserId = Annotated[str | None, Parameter(description="Only memories of this user.")]
AgentId = Annotated[str | None, Parameter(description="Only memories of this agent.")]
RunId = Annotated[str | None, Parameter(description="Only memories of this run (session).")]
AppId = Annotated[str | None, Parameter(description="Only memories of this app.")]
SessionId = Annotated[str | None, Parameter(description="Another name for run_id.")]
MemoryId = Annotated[str, Parameter(description="Id of the memory.")]
Filters = Annotated[
    str | None,
    Parameter(description="A filter, as in a search: a JSON object, or a dictionary as Python prints it."),
]
ShowExpired = Annotated[bool, Parameter(description="Include expired memories.")]
DeleteLinked = Annotated[
    bool, Parameter(description="Also delete the memories that it superseded, and those that they superseded.")
]
LatestOnly = Annotated[bool, Parameter(description="Leave out superseded memories.")]
Kinds = Annotated[
    list[str] | None,
    Parameter(
        description="Only `facts`, which a language model drew from messages, or only `turns`, which is everything "
        "else. Default: both."
    ),
]
AsOf = Annotated[
    str | None,
    Parameter(description="As it was at this instant: ISO 8601 or epoch seconds. Default: the present."),
]
After = Annotated[
    str | None,
    Parameter(
        description="The `next_cursor` of the page before, in place of an offset or a page number. Memories that are "
        "added or deleted in the meantime cause no repeats and no gaps."
    ),
]


# -- ids


def one_of_each_id(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a query that gives an id twice; a rule.

    For other parameters the last value counts, as with mem0's server. But an id decides whose memories are read or
    deleted.
    """
    for name in (*SCOPE_IDS, "session_id"):
        if len(connection.query_params.getall(name, [])) > 1:
            raise ClientException(f"{name} is given more than once. Give one, or search with a filter.")


def no_misspelt_id(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a reading query with an unknown parameter that looks like an id: without the id, it would read the
    memories of others too; a rule. Deletions refuse every unknown parameter themselves."""
    known = handler.parsed_fn_signature.parameters
    if connection.scope.get("method") != "GET" or "user_id" not in known:
        return
    for name in unknown_parameters(connection, handler):
        meant = _id_meant(name, [one for one in (*SCOPE_IDS, "session_id") if one in known])
        if meant and meant not in connection.query_params:
            raise ClientException(f"Unknown parameter {name!r}: did you mean {meant}?")


def refuse_misspelt_ids(connection: ASGIConnection[Any, Any, Any, Any], body: object, fields: Collection[str]) -> None:
    """Refuse a body that reads and has an unknown field that looks like an id, as ``no_misspelt_id`` does.

    Reading bodies are those with a filter and without messages. An id that is also given by its name, beside the filter
    or in it, is what counts.
    """
    if not isinstance(body, Mapping) or "filters" not in fields or "messages" in fields:
        return
    routine = connection.route_handler.opt.get(ROUTINE, ())
    for name, value in body.items():
        if name in fields or name in routine or value is None:
            continue
        meant = _id_meant(name, [one for one in (*SCOPE_IDS, "session_id") if one in fields])
        if meant and body.get(meant) is None and meant not in _keys(body.get("filters")):
            raise ClientException(f"Unknown field {name!r}: did you mean {meant}?")


def _keys(filters: object) -> Iterator[str]:
    """Yield the keys of a filter at any depth."""
    parts = [filters]
    while parts:
        one = parts.pop()
        if isinstance(one, Mapping):
            yield from one
        parts += one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()


def _id_meant(name: str, ids: Sequence[str]) -> str | None:
    """Return the id that a name looks like.

    >>> [_id_meant(name, SCOPE_IDS) for name in ("userId", "user", "usr_id", "sessionId", "limit")]
    ['user_id', 'user_id', 'user_id', 'run_id', None]
    """
    alike = [meant for _, meant in likely_ids({name: None})]
    plain = "".join(character for character in name.lower() if character.isalnum())
    if plain in ("session", "sessionid"):
        return "run_id"
    letters = {one.replace("_", ""): one for one in ids}
    close = difflib.get_close_matches(plain, letters, n=1, cutoff=0.81)
    return next(iter(alike), None) or (letters[close[0]] if close else None)


# -- values


def any_value(name: str, values: Sequence[str]) -> list[Any]:
    """Return what the values of a query parameter may be in metadata; refuse a parameter without a value."""
    wanted = listed(values)
    if not wanted:
        raise ValidationError(f"Invalid {name}: cannot be empty. Leave it out instead.", field=name)
    return wanted


def joined(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return the filter that all parts make; an empty part is no condition."""
    given = [part for part in parts if part]
    return {"AND": given} if len(given) > 1 else next(iter(given), {})


def read_object(text: str | None, name: str) -> dict[str, Any] | None:
    """Return the object that a query parameter holds as JSON, or as Python prints a dictionary.

    mem0's Python clients before 1.0 put ``str(filters)`` into the query. Raises FilterError for anything else.
    """
    if text is None:
        return None
    value = _read_literal(text) if len(text) <= MAX_LITERAL else None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FilterError(
            f"Invalid {name}: must be an object of at most {MAX_LITERAL} characters, such as "
            '{"user_id": "u1"}, or a dictionary as Python prints it.',
            field=name,
        )
    return value


def _read_literal(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


# -- wrong values


def parameter_problems(request: Request[Any, Any, Any], error: ValidationException) -> list[Problem]:
    """Return what is wrong with the query and path parameters that Litestar refused, or that the body is absent."""
    refused = [found for found in error.extra or () if isinstance(found, Mapping)]
    return [one for found in refused for one in _refused(request, found)]


def _refused(request: Request[Any, Any, Any], found: Mapping[str, Any]) -> Iterator[Problem]:
    source, name = getattr(found.get("source"), "value", found.get("source")), str(found.get("key", ""))
    if source == "body":
        yield {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
        return
    field = request.route_handler.parsed_fn_signature.parameters.get(name)
    kind = Any if field is None else _declared(field)
    value = _given(request, name, kind)
    wrong = list(problems(value, kind, [str(source), name]))
    yield from wrong or [problem("value_error", [str(source), name], "Input is not valid here", value)]


def _given(request: Request[Any, Any, Any], name: str, kind: Any) -> Any:
    if name in request.path_params:
        return request.path_params[name]
    several = any(get_origin(one) is list for one in (kind, *get_args(kind)))
    return request.query_params.getall(name, []) if several else request.query_params.get(name)


def _declared(field: FieldDefinition) -> Any:
    """Return the type of a parameter, with the bounds that its declaration gives each of its options."""
    declared = field.kwarg_definition
    bounds = {name: getattr(declared, name, None) for name in ("ge", "gt", "le", "lt")}
    given = {name: bound for name, bound in bounds.items() if isinstance(bound, int | float)}
    if not given:
        return field.annotation
    options = get_args(field.annotation) or (field.annotation,)
    meta = msgspec.Meta(**cast("Any", given))
    return Union[tuple(one if one is NoneType else Annotated[one, meta] for one in options)]  # noqa: UP007
