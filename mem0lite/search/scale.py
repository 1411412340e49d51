"""The scale of an embedder's cosines, and how they are brought to the bundled model's, which the weights fit. Pure.

Every model has a scale of its own. The cosines of any two texts may lie at 0.1 ± 0.1, or at 0.79 ± 0.02, as with
multilingual-e5. What tells one memory from another is then five times smaller, and the keywords decide everything.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Self

from ..embedding.reading import no_meaning
from .ranking import Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MEAN, DEVIATION = 0.12, 0.09
"""The scale of the bundled model: 0.03 to 0.23, and 0.08 to 0.11, on five sets of texts (benchmarks/RESULTS.md)."""

SAMPLE = 128
"""Texts that a scale is measured with, at most."""
LEAST = 20
"""Pairs of texts from which it is. With fewer, cosines count as they are."""

_LEAST_DEVIATION = 0.002  # with less, the vectors tell nothing apart, and rounding would be taken for meaning


class Scale(NamedTuple):
    """The mean and the standard deviation of the cosines of any two texts without a common word.

    Texts with common words would tell less about the embedder than about the store: a store of reports that all say
    nearly the same has high cosines with any embedder.
    """

    mean: float
    deviation: float

    @classmethod
    def measured(cls, vectors: "Floats", terms: Sequence[frozenset[str]]) -> Self | None:
        """Return the scale of texts, from their unit vectors, shape (n, dimensions), and their keyword terms.

        None if there are too few pairs, or if all are alike. What the embedder can't read is left out.
        """
        import numpy as np

        unread = np.frombuffer(no_meaning(vectors.shape[1]), "<f4")
        read = np.flatnonzero((vectors != unread).any(axis=1)).tolist()
        pairs = [(one, other) for one, other in combinations(read, 2) if terms[one].isdisjoint(terms[other])]
        if len(pairs) < LEAST:
            return None
        ones, others = np.array(pairs).T
        cosines = np.vecdot(vectors[ones], vectors[others]).astype(np.float64)
        found = cls(float(cosines.mean()), float(cosines.std()))
        return found if found.deviation >= _LEAST_DEVIATION else None

    def brought(self, cosine: "Floats") -> "Floats":
        """Return cosines as the bundled model's would lie, in the same order."""
        return (cosine - self.mean) * (DEVIATION / self.deviation) + MEAN


def counting(scale: Scale | None, ranking: Ranking) -> Scale | None:
    """Return the scale if a ranking counts it: meaning alone has nothing to be weighed against, and stays as it is."""
    others = any(weight for name, weight in ranking.weights().items() if name != "semantic")
    return scale if others else None
