"""What callers pass to the verbs: the types of arguments, their defaults and limits, and the checks of the plain ones.

Whose memories a call means is in ``owner``, and the arguments of the constructor are in ``opening``.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import IO, Annotated, Any, Final, TypeVar

from ..data.filters import FACTS, Expression, Not, both
from ..data.messages import Messages
from ..embedding.protocol import Embedder
from ..errors import ValidationError
from ..types import EventType, TypedDict
from ..values import asked_id, is_number, shown, written

DEFAULT_TOP_K = 20
DEFAULT_THRESHOLD = 0.1
DEFAULT_MAX_TOKENS = 1_000
DEFAULT_GRAPH_LIMIT = 100
MAX_GRAPH_LIMIT = 10_000
MAX_GRAPH_DEPTH = 3

Planned = TypeVar("Planned")

Instant = datetime | date | str | float
"""A point in time: a datetime, a date, ISO 8601 text or epoch seconds. Without a time zone it is UTC."""
Duration = timedelta | float
"""A timedelta or seconds."""


Kinds = str | Iterable[str]
"""``"facts"``, ``"turns"``, or both in a list."""


class OfPython:
    """Marks an argument that only Python code can pass: pydantic accepts any object, and a tool's schema omits it."""

    def __init__(self, *others: str) -> None:
        self._choices = [{"type": "is-instance", "cls": object}, *({"type": other} for other in others)]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> dict[str, Any]:
        return {"type": "union", "choices": self._choices}


Progress = Annotated[Callable[[int, int], None], OfPython("none")]  # pydantic makes no tool of Callable | None
"""Called with how many are done and how many there are."""
TokenCounter = Annotated[Callable[[str], float], OfPython("none")]
"""Returns how many tokens a language model reads in a text."""
TextFile = Annotated[IO[str], OfPython()]
EmbedderObject = Annotated[Embedder, OfPython()]


class Unset(enum.Enum):
    """The type of UNSET. It is an enumeration because type checkers and schema makers know its one value."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, Any]:
        # A tool's schema shows the default as this text, and a model that sends the text back means the default. In a
        # union with str, pydantic takes the text for the default because this schema comes first.
        text = {"type": "literal", "expected": ["UNSET"]}
        read = {"type": "function-after", "function": {"type": "no-info", "function": cls}, "schema": text}
        return {"type": "union", "choices": [{"type": "is-instance", "cls": cls}, read]}


UNSET: Final = Unset.UNSET
"""Not given, where None is a value."""
UnsetId = Annotated[Unset, OfPython()]
"""The same for ids, where any text may be an id: no argument of a tool is taken for it."""


class AddItem(TypedDict, total=False):
    """One element of ``add_many``: the arguments of one ``add``; ``messages`` is required."""

    messages: Messages
    user_id: str | int | None
    agent_id: str | int | None
    run_id: str | int | None
    app_id: str | int | None
    metadata: Mapping[str, Any] | None
    expiration_date: str | date | None
    ttl: Duration | None
    timestamp: Instant | None
    infer: bool
    memory_type: str | None
    roles: str | Iterable[str] | None
    key: str | int | None
    supersedes: Iterable[str] | None
    prompt: str | None
    custom_instructions: str | None
    custom_categories: Mapping[str, str] | Sequence[Mapping[str, str] | str] | None
    includes: str | None
    excludes: str | None


class UpdateItem(TypedDict, total=False):
    """One element of ``update_many``: the arguments of one ``update``; ``memory_id`` is required."""

    memory_id: str
    text: str | None
    metadata: Mapping[str, Any] | None
    expiration_date: str | date | None
    timestamp: Instant | None


def each_item(items: Iterable[Any], arguments: type, verb: str, plan: Callable[[Any], Planned]) -> list[Planned]:
    """Plan every item of ``add_many`` or ``update_many``; an error says which item it is about, unless it is the only
    one."""
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise ValidationError(
            f"Invalid items: must be a list of dictionaries, got {type(items).__name__}.", field="items"
        )
    planned = []
    for position, item in enumerate(items := list(items)):
        try:
            _check_item(item, arguments, verb)
            planned.append(plan(item))
        except ValidationError as error:
            if len(items) == 1:
                raise
            raise ValidationError(f"Item {position}: {error}", field=error.field) from None
    return planned


def _check_item(item: object, arguments: type, verb: str) -> None:
    if not isinstance(item, Mapping):
        raise ValidationError(f"must be a dictionary of {verb}'s arguments, got {type(item).__name__}.", field="items")
    unknown = sorted(set(item) - set(arguments.__annotations__), key=written)
    if unknown:
        raise ValidationError(
            f"Unknown argument {shown(unknown[0])} of an item. The arguments are: "
            f"{', '.join(arguments.__annotations__)}.",
            field=written(unknown[0]),
        )


def clean_ids(memory_ids: Iterable[str], field: str = "memory_ids") -> list[str]:
    """Return the ids of the memories that a call is about."""
    if isinstance(memory_ids, str | bytes | Mapping) or not isinstance(memory_ids, Iterable):
        raise ValidationError(f"Invalid {field}: must be a list of ids, got {type(memory_ids).__name__}.", field=field)
    return [asked_id(memory_id, "memory_id" if field == "memory_ids" else field) for memory_id in memory_ids]


def of_kinds(kinds: Kinds | None, expression: Expression) -> Expression:
    """Return a condition for memories of some kinds only."""
    if kinds is None:
        return expression
    asked = [kinds] if isinstance(kinds, str) else kinds
    known: dict[str, Expression] = {"facts": FACTS, "turns": Not(FACTS)}
    if not isinstance(asked, Iterable) or isinstance(asked, bytes | Mapping) or not (asked := list(asked)):
        raise _unknown_kind(kinds)
    for one in asked:
        if not isinstance(one, str) or one not in known:
            raise _unknown_kind(one)
    return expression if len(set(asked)) > 1 else both(expression, known[asked[0]])


def _unknown_kind(given: object) -> ValidationError:
    return ValidationError(
        f"Invalid kinds: {shown(given)}. Must be 'facts', 'turns', or a list of these; leave it out for both.",
        field="kinds",
    )


def check_whole_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raise ValidationError unless an argument is a whole number within its bounds."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value and (most is None or value <= most):
        return
    bounds = f"from {least} on" if most is None else f"from {least} to {most}"
    raise ValidationError(f"Invalid {name}: {shown(value)}. Must be a whole number {bounds}.", field=name)


def page_of(
    top_k: int | None,
    limit: int | None,
    offset: int | None = None,
    page: int | None = None,
    page_size: int | None = None,
    after: str | None = None,
) -> tuple[int, int]:
    """Return how many results a call asks for, and how many to skip before them."""
    if after is not None and (offset is not None or page is not None):
        raise ValidationError("Invalid after: give only one of after, offset and page.", field="after")
    if after is not None and not isinstance(after, str):
        raise ValidationError(f"Invalid after: must be a next_cursor, got {shown(after)}.", field="after")
    for name, value, least in (
        ("top_k", top_k, 0),
        ("limit", limit, 0),
        ("offset", offset, 0),
        ("page", page, 1),
        ("page_size", page_size, 1),
    ):
        if value is not None:
            check_whole_number(name, value, least)
    count = next((value for value in (page_size, top_k, limit) if value is not None), DEFAULT_TOP_K)
    if page is None:
        return count, offset or 0
    if offset is not None:
        raise ValidationError("Invalid offset: give only one of page and offset.", field="offset")
    return count, (page - 1) * count


def clean_threshold(threshold: float | None) -> float:
    """Return the lowest score that a search keeps."""
    if threshold is None:
        return 0.0
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise ValidationError(
            f"Invalid threshold: {shown(threshold)}. Must be between 0 and 1 (inclusive).", field="threshold"
        )
    return float(threshold)


def clean_event_type(given: object) -> EventType | None:
    """Return the type of the events that are asked for; None for all. Raises ValidationError."""
    found = given.upper() if isinstance(given, str) else given
    if found is None or found == "ADD" or found == "UPDATE":
        return found
    raise ValidationError(
        f"Invalid event_type: {shown(given)}. Must be ADD or UPDATE; leave it out for both.", field="event_type"
    )
