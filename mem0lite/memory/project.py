"""The settings of the project, which callers of mem0 set and read. Searches follow those of ``decay``."""

from collections.abc import Mapping
from typing import Any

from ..store import Store
from ..values import clean_metadata
from . import decay

_UNSET: dict[str, Any] = {"custom_instructions": None, "custom_categories": None}


def read(store: Store) -> dict[str, Any]:
    """Return the settings."""
    return {**_UNSET, **(store.document("project", "") or {})}


def update(store: Store, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Merge into the settings, and return them all."""
    changes = clean_metadata(settings, "settings")
    decay.check_settings(changes)
    stored = store.change_document("project", "", lambda before: {**(before or {}), **changes})
    return {**_UNSET, **(stored or {})}
