"""Facts and the memories that they were drawn from, whichever store keeps them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Drawn(NamedTuple):
    """A fact, and when its sources expire that are still there, by key; None is never."""

    key: int
    sources: dict[int, int | None]


def last_expiry(found: Iterable[int | None]) -> int | None:
    """Return when the last of some memories expires; None is never."""
    ends = list(found)
    return None if None in ends else max(one for one in ends if one is not None)
