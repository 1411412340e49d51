"""The periods that a question asks about, and how close to them memories were said. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RECENCY_SCALE = 86_400_000_000
"""Age in microseconds below which differences in ``recency`` fade: a day."""

YEAR = timedelta(days=365.2425)
"""The mean of the Gregorian calendar."""
_OTHER_YEAR = 0.8  # what "in May" gives to the Mays before the latest


class Moment(NamedTuple):
    """A period that a question names; all times in microseconds.

    ``start`` and ``end`` (half-open) are instants since 1970 UTC. With an ``anchor``, the phrase for an event, they are
    offsets from the instant at which that event was told. Outside the period, the match falls linearly from 1 to 0:
    over ``early`` before it and over ``late`` after it. ``yearly`` means that the date has no year and fits any.
    """

    start: int
    end: int
    early: int
    late: int
    yearly: bool = False
    anchor: str | None = None


def closeness(
    moments: tuple[Moment, ...], created_at: "NDArray[np.int64]", anchors: Mapping[str, int | None], now: int
) -> "NDArray[np.float32]":
    """Return how well each memory's instant matches the best of the moments, in 0..1; float32, shape (n,).

    ``created_at`` holds microseconds since 1970 UTC, shape (n,). ``anchors`` gives the instant at which each anchor
    phrase's event was told; a moment whose anchor is missing or None matches nothing. Neither does a period that is not
    over at ``now`` if nothing was said in it yet: what is planned for next week may have been told long ago, so that a
    match with what is nearest would only mean what is newest.
    """
    import numpy as np

    best = np.zeros(len(created_at), np.float32)
    for moment in moments:
        origin = 0 if moment.anchor is None else anchors.get(moment.anchor)
        if origin is not None and not _is_to_come(moment, created_at, now):
            np.maximum(best, _match(moment, created_at - origin), out=best)
    return best


def _is_to_come(moment: Moment, created_at: "NDArray[np.int64]", now: int) -> bool:
    if moment.yearly or moment.anchor is not None or moment.end <= now:
        return False
    return not ((created_at >= moment.start) & (created_at < moment.end)).any()


def _match(moment: Moment, instants: "NDArray[np.int64]") -> "NDArray[np.float32]":
    import numpy as np

    since = (instants - moment.start).astype(np.float32)
    if not moment.yearly:
        return _fall(moment, since, (moment.end - instants).astype(np.float32))
    # The mean year is off by a day at most, little compared with ``early`` and ``late``. A turn ends where the next
    # match begins.
    year = np.float32(YEAR / timedelta(microseconds=1))
    turns = np.floor((since + np.float32(moment.early)) / year)
    since -= turns * year
    match = _fall(moment, since, np.float32(moment.end - moment.start) - since)
    match[turns != 0] *= np.float32(_OTHER_YEAR)
    return match


def _fall(moment: Moment, since: "NDArray[np.float32]", until: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the match of instants, given in microseconds since the start and until the end of the moment."""
    import numpy as np

    outside = np.minimum(since / np.float32(moment.early), until / np.float32(moment.late))
    match: NDArray[np.float32] = np.clip(outside + np.float32(1), 0, 1)
    return match


def recency(created_at: "NDArray[np.int64]", reference: int) -> "NDArray[np.float32]":
    """Return how recent each memory is, in 0..1: 1 at the reference and after it, 0 for the oldest; float32, shape
    (n,).

    It is 1 - log(1 + age / d) / log(1 + age of the oldest / d), where d is RECENCY_SCALE. The odds that a memory is
    needed fall as a power of its age (Anderson & Schooler, "Reflections of the environment in memory", 1991), so the
    logarithm of the odds falls with the logarithm of the age. Divided by that of the oldest, it tells years apart as
    well as days.
    """
    import numpy as np

    age = np.log1p(np.maximum(reference - created_at, 0).astype(np.float32) / np.float32(RECENCY_SCALE))
    oldest = age.max(initial=0.0)
    return 1 - age / oldest if oldest else np.ones_like(age)
