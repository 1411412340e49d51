"""Which memories a query means: ids, a filter, and metadata in parameters of their own."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from litestar.exceptions import ClientException
from litestar.params import Parameter

from ...data.filters import ANY_SCOPE, SCOPE_IDS
from ..parameters import (
    any_value,
    joined,
)
from ..routing import (
    Memory,
)


def _any_of(what: str) -> Any:
    return Parameter(
        description=f"Only memories with any of these {what}: repeat the parameter, or separate values by commas (a "
        "value with a comma goes in double quotes). 5 matches both the number and the text, true the boolean as well."
    )


Values = list[str] | None
ProjectIds = Annotated[Values, _any_of("values of metadata.project_id")]
Lifespans = Annotated[Values, _any_of("values of metadata.memory_lifespan")]
Categories = Annotated[Values, _any_of("values of metadata.memory_category")]
DomainTags = Annotated[Values, _any_of("values in metadata.domain_tags")]


def either(*values: Values) -> Values:
    """Return the values of a parameter with two names."""
    given = [one for some in values if some is not None for one in some]
    return given if any(some is not None for some in values) else None


def filters_of(
    memory: Memory,
    ids: Mapping[str, str | None],
    filters: Mapping[str, Any] | None,
    **parameters: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the filter for the memories that a query selects: without ids, everybody's."""
    everybody = memory.user_id is None and all(one is None for one in ids.values())
    return joined(ANY_SCOPE if everybody else {}, dict(filters or {}), _metadata_filters(**parameters))


def _metadata_filters(**parameters: Sequence[str] | None) -> dict[str, Any]:
    """Return the filter for metadata: any value of each parameter, and all parameters that are given."""
    conditions = [
        {f"metadata.{name}": any_value(name, values)} for name, values in parameters.items() if values is not None
    ]
    return {"AND": conditions} if conditions else {}


def refuse_unknown(
    parameters: Mapping[str, Any],
    allowed: Sequence[str] = SCOPE_IDS,
    cure: str = f"Give {', '.join(SCOPE_IDS)}.",
) -> None:
    """Refuse a deletion with a query parameter that it does not have, such as a misspelt id: it was meant to delete
    less."""
    for name in parameters:
        if name not in allowed:
            raise ClientException(f"Nothing was removed: unknown parameter {name!r}. {cure}")
