"""The scale of a store's embedder: kept by the store, and measured if the store doesn't have it yet."""

from typing import TYPE_CHECKING

from ..embedding.bundled import is_bundled
from ..embedding.protocol import Embedder
from ..store import Store

if TYPE_CHECKING:
    from ..embedding.scale import Scale


class Scaling:
    """Finds the scale of one store's embedder. Usable from any thread; two at once measure the same.

    The first search measures it, and the next memory that is added takes it along. The rejected option is to measure
    when a memory is added: then whoever only stores would pay for it, and adds would embed more than their texts.
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._scale: Scale | None = None
        self._settled = is_bundled(getattr(embedder, "fingerprint", ""))
        self._unkept = False

    def scale(self) -> "Scale | None":
        """Return the scale. None if cosines count as they are: those of the bundled model, to which the others are
        brought, and those of an embedder whose scale could not be measured. None, too, if there is nothing to find."""
        if not self._settled:
            self._settle()
        return self._scale

    def _settle(self) -> None:
        from ..embedding.scale import Scale, measured  # few stores need it

        kept = self._store.scale()
        if kept is not None:
            self._scale = Scale(kept)
        elif self._store.is_empty():
            return
        else:
            self._scale = measured(self._embedder)
            self._unkept = self._scale is not None
        self._settled = True

    def to_keep(self) -> float | None:
        """Return what the store shall keep with the next memories; None if there is nothing new."""
        if not self._unkept or self._scale is None:
            return None
        self._unkept = self._store.scale() is None  # another add has kept it
        return self._scale.unrelated if self._unkept else None
