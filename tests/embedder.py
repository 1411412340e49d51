"""A deterministic embedder for tests in which meaning does not matter."""

import zlib
from collections.abc import Sequence


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
