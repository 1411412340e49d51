"""Which memories a hosted request selects: ids and filters, in every spelling that clients use."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from litestar.exceptions import ClientException

from ...data.filters import MAX_DEPTH, SCOPE_IDS, parse
from ...errors import FilterError, ValidationError
from ...values import clean_id
from ..parameters import joined
from .requests import AddRequest, Conditions, ScopeIds

ALIASES = {
    "session_id": "run_id",
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "sessionId": "run_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "timestamp": "created_at",
    "expirationDate": "expiration_date",
    "expiresAt": "expires_at",
    "actorId": "actor_id",
    "feedbackReason": "feedback_reason",
    "memory_id": "id",
    "memoryId": "id",
    "memory_ids": "id",
    "memoryIds": "id",
    "text": "memory",
}
"""Other names of fields in filters. mem0's npm client turns camelCase into snake_case everywhere except there."""

STRINGIFIED = "[object Object]"
"""What mem0's npm clients before 3.0 write into a query in place of an object, empty or not."""

KEYWORDS = ("keywords", "keywords_search", "keywordsSearch")
"""Names of the condition that a memory's text contains something."""

_AND = ("AND", "$and")
_GROUPS = (*_AND, "OR", "$or", "NOT", "$not", "$nor")
_IS_IN, _IS_NOT_IN = ("eq", "$eq", "in", "$in"), ("ne", "$ne", "nin", "$nin")


def scope_of(
    user_id: Any = None, agent_id: Any = None, app_id: Any = None, run_id: Any = None, session_id: Any = None
) -> dict[str, Any]:
    """Return the ids that are given, with ``session_id`` as ``run_id``; refuse two values of one id."""
    ids = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
    scope = {name: value for name, value in ids.items() if value is not None}
    if session_id is not None:
        _agree(scope, "run_id", session_id, "session_id and run_id differ: they are two names of one id.")
    return scope


def scope_in(data: ScopeIds) -> dict[str, Any]:
    """Return the ids of a request's body."""
    return scope_of(data.user_id, data.agent_id, data.app_id, data.run_id, data.session_id)


def scope_to_add(data: ScopeIds, filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the ids that a new memory gets: those of the body, and those that its filters require to be equal."""
    scope = scope_in(data)
    for name, value in _pinned(spelled(filters or {})):
        _agree(scope, name, value, f"The request names two values of {name}. Give one.")
    return scope


def beside_ids(filters: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the names of all conditions in filters except the ids that ``scope_to_add`` takes from them."""
    for key, value in filters.items():
        if key in _AND and isinstance(value, list) and depth < MAX_DEPTH:
            for part in value:
                yield from beside_ids(part, depth + 1) if isinstance(part, Mapping) else (key,)
        elif value is not None and (ALIASES.get(key, key) not in SCOPE_IDS or _equal_to(value) is None):
            yield key


def filters_of(data: Conditions) -> dict[str, Any]:
    """Return the filter of a list or a search: all its conditions except its ids, AND-ed."""
    parts = [spelled(data.filters or {})]
    if data.metadata:
        parts.append({"metadata": data.metadata})
    if data.categories:
        parts.append({"metadata.categories": data.categories})
    if data.keywords:
        words = [data.keywords] if isinstance(data.keywords, str) else data.keywords
        if "" in words:  # every text contains it
            raise ClientException("Invalid keywords: cannot be empty. Leave it out instead.")
        parts.append({"OR": [{"memory": {"icontains": word}} for word in words]})
    dates = (("start_date", "gte", data.start_date), ("end_date", "lte", data.end_date))
    parts += [_created(name, operator, value) for name, operator, value in dates if value is not None]
    return joined(*parts)


def _created(field: str, operator: str, value: Any) -> dict[str, Any]:
    """Return the condition on ``created_at`` for a date of the request. Raises FilterError, naming its field."""
    condition = {"created_at": {operator: value}}
    try:
        parse(condition)
    except ValidationError as error:
        raise FilterError(str(error).replace("created_at", field, 1), field=field) from None
    return condition


def metadata_of(data: AddRequest) -> dict[str, Any] | None:
    """Return the metadata that a new memory gets, with its categories."""
    if data.categories is None:
        return data.metadata
    categories = [data.categories] if isinstance(data.categories, str) else data.categories
    metadata = dict(data.metadata or {})
    _agree(metadata, "categories", categories, "categories and metadata.categories differ. Give one of them.")
    return metadata


def moment_of(data: AddRequest) -> float | str | None:
    """Return when the messages were said, under either name."""
    if data.timestamp is None or data.observation_date is None or data.timestamp == data.observation_date:
        return data.observation_date if data.timestamp is None else data.timestamp
    raise ClientException("timestamp and observation_date differ: they are two names of one date.")


def spelled(filters: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return filters with the library's name for every field. ``metadata`` and operands stay as they are.

    Two names of one field in the same object are two conditions. Two names of one id must have the same value,
    because an id says whose memories are meant.
    """
    named: dict[str, Any] = {}
    more: list[dict[str, Any]] = []
    for key, value in filters.items():
        if key in _GROUPS and depth < MAX_DEPTH:  # the library refuses deeper ones
            value = _spelled_group(value, depth + 1)
        name = ALIASES.get(key, key)
        if key in KEYWORDS:
            more.append(_about_words(value))
        elif name in named and name not in SCOPE_IDS:
            more.append({name: value})
        else:
            _agree(named, name, value, f"{key} and another name of it differ in one filter. Give one.")
    return joined(named, *more)


def _about_words(value: Any) -> dict[str, Any]:
    """Return the condition on texts for ``keywords``: they contain what it names, in upper or lower case."""
    if not isinstance(value, Mapping):
        return _has_one_of(value)
    tests = [
        _has_one_of(operand)
        if operator in _IS_IN
        else {"NOT": _has_one_of(operand)}
        if operator in _IS_NOT_IN
        else {"NOT": _about_words(operand)}
        if operator == "$not" and isinstance(operand, Mapping)
        else {"memory": {operator: operand}}
        for operator, operand in value.items()
    ]
    return joined(*tests) if tests else {"memory": {}}


def _has_one_of(words: Any) -> dict[str, Any]:
    """Return the condition that a text contains a word, or one of several. ``"*"`` and null mean the usual."""
    several = words if isinstance(words, list | tuple) else [words]
    tests = [{"memory": {"icontains": word} if isinstance(word, str) and word != "*" else word} for word in several]
    return tests[0] if len(tests) == 1 else {"OR": tests}


def _spelled_group(value: Any, depth: int) -> Any:
    if isinstance(value, list | tuple):
        return [spelled(part, depth) if isinstance(part, Mapping) else part for part in value]
    return spelled(value, depth) if isinstance(value, Mapping) else value


def _pinned(filters: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the ids that every memory has that satisfies the filters."""
    for key, value in filters.items():
        if key in SCOPE_IDS and (one := _equal_to(value)) is not None:
            yield key, one
        elif key in _AND and isinstance(value, list) and depth < MAX_DEPTH:
            for part in value:
                yield from _pinned(part, depth + 1) if isinstance(part, Mapping) else ()


def _equal_to(value: Any) -> Any:
    """Return the operand of a test for equality, or None for another test."""
    if isinstance(value, Mapping):
        return cast("Any", next(iter(value.values()))) if set(value) in ({"eq"}, {"$eq"}) else None
    return None if isinstance(value, list) else value


def _agree(ids: dict[str, Any], name: str, value: Any, problem: str) -> None:
    """Set the value of a name. Raises ClientException with ``problem`` if the name has another value already."""
    if name not in ids:
        ids[name] = value
    elif ids[name] != value and not (name in SCOPE_IDS and _same_id(ids[name], value)):
        raise ClientException(problem)


def _same_id(one: Any, other: Any) -> bool:
    scalar = isinstance(one, str | int) and isinstance(other, str | int)
    return scalar and "*" not in (one, other) and clean_id(one, "run_id") == clean_id(other, "run_id")
