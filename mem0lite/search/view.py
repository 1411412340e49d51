"""What a store hands to a search: the memories that may answer, as arrays, and the results as places in them. Pure."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from .conversation import Sessions
from .languages import STOP_WORDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Postings = tuple[NDArray[np.int64], Floats]

ASSISTANT = "\0assistant"
"""The name under which ``View.names`` has those who have none, but the role of an assistant. It is no word."""

_REPLIERS = ("assistant", "ai", "model", "bot")
_WORD = re.compile(r"\w+")


class _Arrays(NamedTuple):
    """What a view is made of; arrays have shape (n,) for n memories."""

    scopes: "NDArray[np.int64]"
    """Numbers of their scopes."""
    lengths: "Floats"
    """Number of terms, counting repetitions."""
    created_at: "NDArray[np.int64]"
    """Microseconds since 1970 UTC."""
    speakers: "NDArray[np.int32]"
    """Codes of the speakers."""
    names: Mapping[str, Sequence[int]]
    """The codes of the speakers who have a name, by its first word."""
    cosine: "Floats"
    """Cosine similarity to the query; NaN where the model can't read the memory."""
    postings: "Mapping[str, Postings]"
    matching: "NDArray[np.bool_] | None" = None
    """Which memories satisfy the filter; None means all. The others still count in statistics and as neighbours."""
    entities: Mapping[str, "Floats"] = {}
    """The signals ``entity`` and ``entity_neighbor``, each in 0..1."""
    known_sessions: Sessions | None = None


class View(_Arrays):
    """The live memories of the scopes searched, and what is known about each of them.

    Memories of a scope lie together, in the order in which they were stored. Arrays have shape (n,) for n memories.
    ``postings`` holds for each term the positions of the memories in which it occurs, and how often it occurs in each.
    """

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of the memories."""
        return self.known_sessions or Sessions(self.scopes, self.created_at, self.speakers)


class Ranked(NamedTuple):
    """One result: its position in the view, and its score in 0..1."""

    position: int
    score: float


def names_of(speakers: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the codes of speakers by the first word of their names, as a query would write it, and that of
    ``ASSISTANT``. Other roles are left out."""
    names: dict[str, list[int]] = {}
    for speaker, code in speakers.items():
        if speaker.startswith("\0"):
            if speaker[1:].casefold() in _REPLIERS:
                names.setdefault(ASSISTANT, []).append(code)
        elif found := _WORD.search(speaker):
            word = found[0].casefold()
            names.setdefault(found[0] if word in STOP_WORDS else word, []).append(code)
    return names
