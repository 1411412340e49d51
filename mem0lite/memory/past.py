"""Reading the store as it was at an instant: which instants may be asked for, and what is computed again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager

from ..data.filters import Expression
from ..data.records import Record
from ..embedding.protocol import Embedder, embed_documents
from ..embedding.reading import UnitVector
from ..errors import ValidationError
from ..search.query import Query
from ..store import Reads, Remaking, Store
from ..values import to_iso, to_micros
from .arguments import Instant
from .graphs import Grapher

_AHEAD = 60_000_000  # microseconds that the clock of whoever asks may be ahead
_REMEMBERED = 4_096  # vectors of texts that are gone
_LONGEST = 2_000  # characters of such a text: this bounds the cache in bytes


def clean_instant(as_of: Instant | None, now: int) -> int | None:
    """Return the instant to read at, None for the present. Raises ValidationError for the future; up to a minute of it
    counts as the present, because clocks differ."""
    if as_of is None:
        return None
    instant = to_micros(as_of, "as_of")
    if instant > now + _AHEAD:
        raise ValidationError(
            f"Invalid as_of: {to_iso(instant)} lies in the future. It is {to_iso(now)} now.", field="as_of"
        )
    return instant if instant < now else None


class Past:
    """Reads a store as it was, with the embedder and the extractor that its texts need once more."""

    def __init__(self, store: Store, embedder: Embedder, grapher: Grapher) -> None:
        self._store, self._embedder = store, embedder
        self._remaking = Remaking(self._vectors, grapher.graph_of)
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, UnitVector] = OrderedDict()

    def at(
        self, instant: int, within: Expression, *, ids: Sequence[str] | None = None, query: Query | None = None
    ) -> AbstractContextManager[Reads]:
        """Yield the store as it was, as ``Store.at`` does."""
        return self._store.at(instant, within, self._remaking, ids=ids, query=query)

    def forget(self) -> None:
        """Forget the texts whose vectors are remembered."""
        with self._lock:
            self._remembered.clear()

    def _vectors(self, records: Sequence[Record]) -> list[UnitVector]:
        """Return the vectors of texts that the store has no more, which are embedded once per process."""
        texts = [record.indexed_text for record in records]
        with self._lock:
            known = {text: self._remembered[text] for text in texts if text in self._remembered}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, embed_documents(self._embedder, missing), strict=True))
        with self._lock:
            for text in texts:
                if len(text) <= _LONGEST:
                    self._remembered[text] = known[text]
                    self._remembered.move_to_end(text)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return [known[text] for text in texts]
