"""What a conversation is: memories said one after the other, in sessions, by several speakers. Pure."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SESSION_GAP = 3_600_000_000
"""Microseconds of silence after which another session begins, within a scope; another scope (a run) always does."""

_ALTERNATION = 0.6
"""Share of a session's steps at which the speaker must change; in facts of two speakers, shuffled, it is a half."""

NAME_LENGTH = 40
"""Characters of the longest name that a text is taken to begin with."""

_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w.'’-]*(?: [^\W\d_a-zß-öø-ÿ][\w.'’-]*){0,2}")


def is_name(prefix: str | None) -> bool:
    """True for what may be a speaker before a text's first colon, as in "Ann: …": up to three words with capitals."""
    return prefix is not None and len(prefix) <= NAME_LENGTH and _NAME.fullmatch(prefix) is not None


class Sessions:
    """The sessions of memories in the order they were said. Arrays over memories have shape (n,).

    ``keys`` are ``scope number << 32 | sequence``, ascending; ``created_at`` are microseconds; ``speakers`` are codes.
    Only sessions in which speakers take turns are conversations: single facts stored one after the other say nothing
    about each other.
    """

    def __init__(self, keys: "NDArray[np.int64]", created_at: "NDArray[np.int64]", speakers: "NDArray[np.int32]"):
        import numpy as np

        size = len(keys)
        begins = np.ones(size, dtype=bool)
        begins[1:] = ((keys[1:] ^ keys[:-1]) >> 32 != 0) | (np.abs(np.diff(created_at)) > SESSION_GAP)
        self.starts = np.flatnonzero(begins)
        """Where each session begins, shape (sessions,)."""
        self.count = len(self.starts)
        self.number = np.cumsum(begins) - 1
        """The session of each memory."""
        sizes = np.diff(self.starts, append=size)
        self.place = np.arange(size) - self.starts[self.number]
        """How many memories of its session come before each memory."""
        self.left = sizes[self.number] - self.place - 1
        """How many come after it."""
        turns = np.zeros(size, dtype=bool)
        turns[1:] = (speakers[1:] != speakers[:-1]) & ~begins[1:]
        changes = np.add.reduceat(turns, self.starts, dtype=np.int64) if size else turns
        talks = (changes > 0) & (changes >= _ALTERNATION * (sizes - 1))
        self.talk = talks[self.number]
        """Whether each memory is part of a conversation."""
        self.any_talk = bool(talks.any())

    def neighbors(self, values: "NDArray[np.float32]", shares: "dict[int, float]") -> "NDArray[np.float32]":
        """Return for each memory of a conversation the sum of its neighbours' values, each times its share.

        ``shares`` are by distance: -1 is the memory before, 2 the second after. 0 where there is none.
        """
        import numpy as np

        total = np.zeros_like(values)
        for distance, share in shares.items():
            if distance < 0:
                total[-distance:] += share * values[:distance] * (self.place[-distance:] >= -distance)
            else:
                total[:-distance] += share * values[distance:] * (self.left[:-distance] >= distance)
        return np.where(self.talk, total, np.float32(0))

    def highest(self, values: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return for each memory of a conversation the highest of its session's values, else 0."""
        import numpy as np

        return np.where(self.talk, np.maximum.reduceat(values, self.starts)[self.number], np.float32(0))
