"""Whose memories a call is about. Pure."""

import os
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, FilterError, ValidationError
from ..values import clean_id, shown

DEFAULT_USER = "mem0-mcp"
"""The user of calls that name nobody, if no setting names another. It is the one of mem0's own MCP server."""

_WHOSE = ("user_id", "agent_id", "run_id")
_IDS = (*_WHOSE, "app_id")
_GROUPS = ("AND", "OR", "NOT", "$and", "$or", "$not", "$nor")


def default_user(environment: Mapping[str, str] = os.environ) -> str:
    """Return the user of calls that name nobody: ``MEM0LITE_MCP_USER_ID``, else mem0's ``MEM0_DEFAULT_USER_ID``.

    Raises ConfigurationError, naming the variable, for what is no id.
    """
    for variable in ("MEM0LITE_MCP_USER_ID", "MEM0_DEFAULT_USER_ID"):
        if text := environment.get(variable):
            try:
                return clean_id(text, variable)
            except ValidationError as error:
                raise ConfigurationError(str(error)) from None
    return DEFAULT_USER


def scope(given: Mapping[str, Any], default: str) -> dict[str, Any]:
    """Return the ids of a call: those that it gives, or the default user if neither they nor its filters say whose.

    An app does not say whose: ``app_id`` alone means the memories that the default user has in that app.

    Raises FilterError for a misspelt name of an id: the call would be about the default user, unnoticed.
    """
    from ..data.filters import likely_ids, parse

    filters = given.get("filters")
    parse(filters)  # refuses filters that are too deep to be looked through
    for key, name in likely_ids(filters):
        raise FilterError(f"Invalid filters: {shown(key)} is a metadata key. Did you mean {name!r}?", field="filters")
    ids = {name: given[name] for name in _IDS if name in given}
    if not any(name in ids for name in _WHOSE) and not _says_whose(filters):
        ids["user_id"] = default
    return ids


def _says_whose(filters: object) -> bool:
    """Return whether an id of a user, agent or run occurs in a filter. The library checks if it selects anybody."""
    if isinstance(filters, list):
        return any(map(_says_whose, filters))
    return isinstance(filters, Mapping) and any(
        key in _WHOSE or (key in _GROUPS and _says_whose(value)) for key, value in filters.items()
    )
