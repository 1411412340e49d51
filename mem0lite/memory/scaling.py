"""The scale of a store's embedder: kept by the store, and measured if the store doesn't have it yet."""

from typing import TYPE_CHECKING

from ..embedding.bundled import is_bundled
from ..embedding.protocol import Embedder
from ..store import Store

if TYPE_CHECKING:
    from ..embedding.scale import Scale


class Scaling:
    """Finds the scale of one store's embedder. Usable from any thread; two at once measure the same."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._scale: Scale | None = None
        self._kept = self._settled = is_bundled(getattr(embedder, "fingerprint", ""))

    def scale(self) -> "Scale | None":
        """Return the scale. None if cosines count as they are: those of the bundled model, to which the others are
        brought, and those of an embedder whose scale could not be measured."""
        if not self._settled:
            self._scale = self._of_store() or self._measured()
            self._settled = True
        return self._scale

    def to_keep(self) -> float | None:
        """Return what the store shall keep with the next memories; None if it has it, or if there is nothing."""
        if self._kept:
            return None
        self._kept = self._of_store() is not None
        scale = None if self._kept else self.scale()
        return None if scale is None else scale.unrelated

    def _of_store(self) -> "Scale | None":
        from ..embedding.scale import Scale  # few stores need it

        kept = self._store.scale()
        return None if kept is None else Scale(kept)

    def _measured(self) -> "Scale | None":
        from ..embedding.scale import measured

        return measured(self._embedder)
