"""What callers of mem0 write into metadata although it is the memory's own: its dates are used, its ids are not."""

from collections.abc import Mapping
from typing import Any, Literal

from ..data.filters import SCOPE_IDS
from ..values import day_of, is_instant, is_number

_YEARS = 10**8
"""A smaller number is taken for a year or a count, not for a date: as epoch seconds these end in March 1973."""


class Notes:
    """What was logged about metadata, so that nothing is logged twice."""

    def __init__(self) -> None:
        self._noted: set[tuple[str, str]] = set()

    def note_ids(self, metadata: Mapping[str, Any]) -> None:
        """Log each id in metadata, which does not say whose the memory is."""
        for name in (*SCOPE_IDS, "actor_id"):
            if name in metadata:
                self._note(name, f"does not decide whose the memory is. Filters find it as 'metadata.{name}'")

    def take_date(self, name: Literal["created_at", "expiration_date"], metadata: dict[str, Any]) -> Any:
        """Take one of the memory's own dates out of metadata and return it, and log that.

        Anything else stays in metadata and is logged too, unless it is None.
        """
        value = metadata.get(name)
        if value is None:
            return None
        if (_is_moment if name == "created_at" else day_of)(value):
            self._note(name, f"is used as the memory's own date and not kept as metadata. Filters find it as {name!r}")
            return metadata.pop(name)
        self._note(
            name, f"is not a date that can be used, so it is kept as metadata. Filters find it as 'metadata.{name}'"
        )
        return None

    def _note(self, name: str, problem: str) -> None:
        if (name, problem) not in self._noted:
            import logging  # a thirtieth of the time that importing mem0lite takes, and seldom needed

            self._noted.add((name, problem))
            logging.getLogger("mem0lite").warning("metadata[%r] %s. This is logged only once.", name, problem)


def _is_moment(value: object) -> bool:
    return is_instant(value) and not (is_number(value) and abs(value) < _YEARS)
