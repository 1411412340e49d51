"""Conversations: memories said one after the other, in sessions, by several speakers. Pure."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SESSION_GAP = 3_600_000_000
"""Microseconds of silence after which a new session begins. Another scope (a run) is always another session."""

_PACE = 5_000_000
"""Microseconds from one memory to the next, on average, in which nobody tells them: they were imported."""

Shares = tuple[tuple[int, float], ...]
"""How much each neighbour counts, by distance: -1 is the memory before, 2 the second one after."""

NAME_LENGTH = 40
"""Characters of the longest name with which a text may begin."""

_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w.'’-]*(?: [^\W\d_a-zß-öø-ÿ][\w.'’-]*){0,2}")


def is_name(prefix: str | None) -> bool:
    """True for what may be a speaker's name before a text's first colon ("Ann: …"): one to three capitalised words."""
    return prefix is not None and len(prefix) <= NAME_LENGTH and _NAME.fullmatch(prefix) is not None


class Sessions:
    """The sessions of memories in the order they were said. Arrays over memories have shape (n,).

    ``scopes`` are numbers of scopes: the memories of a scope lie together, in the order in which they were stored.
    ``created_at`` are microseconds; ``speakers`` are codes.
    Within a scope, what was said earlier comes first, whenever it was stored. What was said at the same instant comes
    in the order it was stored.

    A session is a conversation if somebody speaks again after somebody else, or if there are only two memories and two
    speakers. It does not matter how many messages anybody sends in a row: people do so in three steps of four. Single
    facts, stored one after the other, say nothing about each other. Each stands for itself, where a conversation's
    memory has what was said around it. Facts of the same hour are often about the same, as a message, a payment and a
    note of one dinner are. What stands for them is half themselves, half the others, but not if all came at once.
    """

    def __init__(self, scopes: "NDArray[np.int64]", created_at: "NDArray[np.int64]", speakers: "NDArray[np.int32]"):
        import numpy as np

        size = len(scopes)
        self._order = _order(scopes, created_at)
        scopes, created_at, speakers = (self._in_order(values) for values in (scopes, created_at, speakers))
        begins = np.ones(size, dtype=bool)
        begins[1:] = (scopes[1:] != scopes[:-1]) | (np.diff(created_at) > SESSION_GAP)
        self._starts = np.flatnonzero(begins)
        self._number = np.cumsum(begins) - 1
        sizes = np.diff(self._starts, append=size)
        self._place = np.arange(size) - self._starts[self._number]
        self._left = sizes[self._number] - self._place - 1
        turns = np.zeros(size, dtype=bool)
        turns[1:] = (speakers[1:] != speakers[:-1]) & ~begins[1:]
        changes = np.add.reduceat(turns, self._starts, dtype=np.int64) if size else turns
        talks = (changes > 0) & (changes >= np.minimum(2, sizes - 1))
        self.count = len(self._starts)
        """How many sessions there are."""
        self.number = self._as_given(self._number)
        """The session of each memory."""
        self.talk = self._as_given(talks[self._number])
        """Whether each memory is part of a conversation."""
        self.any_talk = bool(talks.any())
        spans = created_at[self._starts + sizes - 1] - created_at[self._starts] if size else sizes
        self.together = self._as_given((spans > _PACE * (sizes - 1))[self._number])
        """Whether each memory was told with others, in the time that it takes to tell them."""
        self._weights: dict[Shares, list[tuple[int, NDArray[np.float32]]]] = {}

    def neighbors(self, values: "NDArray[np.float32]", shares: Shares) -> "NDArray[np.float32]":
        """Return for each memory the weighted mean of its neighbours' values, shape (n,).

        The first and the last memories of a session have fewer neighbours; the mean is of those they have. It is 0 for
        the only memory of a session.
        """
        import numpy as np

        said = self._in_order(values)
        total = np.zeros_like(said)
        for distance, weights in self._weights_of(shares):
            if distance < 0:
                total[-distance:] += weights * said[:distance]
            else:
                total[:-distance] += weights * said[distance:]
        return self._as_given(total)

    def _weights_of(self, shares: Shares) -> "list[tuple[int, NDArray[np.float32]]]":
        """Return by distance what a neighbour counts for each memory that can have one there, in the order they were
        said; for each memory that has a neighbour they add up to 1."""
        import numpy as np

        if shares not in self._weights:
            there = {
                distance: share * (self._place >= -distance if distance < 0 else self._left >= distance)
                for distance, share in shares
            }
            whole = np.maximum(sum(there.values()), min(share for _, share in shares))
            counted = [(distance, (weights / whole).astype(np.float32)) for distance, weights in there.items()]
            self._weights[shares] = [
                (distance, weights[-distance:] if distance < 0 else weights[:-distance])
                for distance, weights in counted
            ]
        return self._weights[shares]

    def highest(self, values: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return for each memory the highest value of its session, shape (n,)."""
        import numpy as np

        highest: NDArray[np.float32] = np.maximum.reduceat(self._in_order(values), self._starts)[self.number]
        return highest

    def totals(self, values: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return the sum of each session's values, shape (sessions,)."""
        import numpy as np

        totals: NDArray[np.float32] = np.add.reduceat(self._in_order(values), self._starts)
        return totals

    def _in_order(self, values: "NDArray[Any]") -> "NDArray[Any]":
        """Return values, given in the order of the memories, in the order in which the memories were said."""
        return values if self._order is None else values[self._order]

    def _as_given(self, values: "NDArray[Any]") -> "NDArray[Any]":
        """Return values, given in the order in which memories were said, in the order of the memories."""
        if self._order is None:
            return values
        given = values.copy()
        given[self._order] = values
        return given


def _order(scopes: "NDArray[np.int64]", created_at: "NDArray[np.int64]") -> "NDArray[np.int64] | None":
    """Return the positions of the memories in the order they were said, by scope; None if they are in order already."""
    import numpy as np

    if not ((np.diff(created_at) < 0) & (np.diff(scopes) == 0)).any():
        return None
    order: NDArray[np.int64] = np.lexsort((created_at, scopes))
    return order
