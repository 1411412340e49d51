"""A deterministic embedder for tests in which meaning does not matter, and one whose cosines are all high."""

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mem0lite import LocalEmbedder


class HashEmbedder:
    """Each word adds one to a dimension chosen by its CRC-32, so texts that share words are near."""

    def __init__(self, name: str = "test-hash", dimensions: int = 64) -> None:
        self.name = name
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.01] * self.dimensions
        for word in text.lower().split():
            vector[zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.dimensions] += 1.0
        return vector


VECTORS: dict[str, list[float]] = {}
"""The bundled model's, by text: tests embed the same ones again and again."""


class Narrow:
    """The bundled model, whose vectors get one large number that all of them have: cosines lie around 0.8."""

    share = 0.76
    name = "narrow"

    def __init__(self, model: "LocalEmbedder") -> None:
        self._model, self.dimensions, self.embedded = model, model.dimensions + 1, 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [Narrow.embed_query(self, text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.embedded += 1
        if text not in VECTORS:
            VECTORS[text] = self._model.embed_query(text)
        return [*(math.sqrt(1 - self.share) * number for number in VECTORS[text]), math.sqrt(self.share)]
