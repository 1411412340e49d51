"""What a search found, as far as it is the same for all stores."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..search.view import Ranked, View
from .columns import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FoundReading:
    """The part of a ``protocol.Reading`` that needs no database."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self.view: View = found.view

    def keys(self, ranked: Sequence[Ranked]) -> list[int]:
        """Return the keys of the memories, in this order."""
        return [int(self._found.keys[one.position]) for one in ranked]

    def add_evidence(self, own: Mapping[int, float], near: Mapping[int, float]) -> None:
        """Add to the view what the graph says (``links.evidence``)."""
        signals = {"entity": self._signal(own), "entity_neighbor": self._signal(near)}
        self.view = self.view._replace(entities={name: one for name, one in signals.items() if one is not None})

    def _signal(self, strengths: Mapping[int, float]) -> "NDArray[np.float32] | None":
        """Return by position what is given by key, shape (n,); None for nothing."""
        import numpy as np

        if not strengths:
            return None
        signal = np.zeros(len(self._found.keys), dtype=np.float32)
        keys = np.fromiter(strengths, dtype=np.int64)
        signal[np.searchsorted(self._found.keys, keys)] = np.fromiter(strengths.values(), dtype=np.float32)
        return signal

    def kept_vectors(self, ranked: Sequence[Ranked]) -> "NDArray[np.float32] | None":
        """Return the unit vectors, shape (len(ranked), dimensions); None where they are not kept."""
        if self._found.vectors is None:
            return None
        return self._found.vectors[self._found.slots[[one.position for one in ranked]]]
