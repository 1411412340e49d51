"""What an embedder is, and how a store uses one: vectors are checked, normalised to unit length and packed."""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from .. import telemetry
from ..errors import EmbeddingError
from ..types import EmbedderIdentity
from .reading import UnitVector, no_meaning

_CHUNK = 1_024  # texts given to an embedder at a time
_LEAST_READ = 0.1  # share of a text below which its vector says nothing about it


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns text into vectors. Vectors need not be normalised: the store does that.

    Two members are optional. ``fingerprint: str``, a hash of the weights, is stored and compared together with the
    name. ``share_read(text) -> float`` tells how much of a text the model can read at all, from 0 (a text in another
    script, for example) to 1. What the model can't read doesn't count as meaning, and keywords decide instead.
    """

    @property
    def name(self) -> str:
        """Identity of the model, stored in the file and compared when the file is opened."""

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector per document, shape (len(texts), dimensions)."""

    def embed_query(self, text: str) -> Sequence[float]:
        """Return the vector of a question, shape (dimensions,)."""


def identity(embedder: Embedder) -> EmbedderIdentity:
    """Return what a file remembers about the model that made its vectors."""
    return {
        "name": embedder.name,
        "dimensions": embedder.dimensions,
        "fingerprint": getattr(embedder, "fingerprint", ""),
    }


def trust(embedder: Embedder, text: str) -> float:
    """Return how far the vector of a question can be trusted, in 0..1: the square root of the share the model can read.

    The few characters that the bundled model knows of a Chinese text help more than their share suggests, hence a
    root. The cube root trusted them too much, and the share itself too little, on three Chinese collections.
    """
    share_read = getattr(embedder, "share_read", None)
    share = 1.0 if share_read is None else float(share_read(text))
    return math.sqrt(share) if share >= _LEAST_READ else 0.0


def embed_documents(embedder: Embedder, texts: Sequence[str]) -> list[UnitVector]:
    """Return one unit vector per text; ``no_meaning`` if the model can't read it.

    Raises EmbeddingError when the embedder does not return one finite, non-zero vector of its width per text.
    """
    packed = []
    for start in range(0, len(texts), _CHUNK):  # a vector as Python numbers takes eight times its bytes when packed
        chunk = texts[start : start + _CHUNK]
        with telemetry.embeddings(embedder.name, embedder.dimensions, len(chunk)):
            vectors = _pack(embedder, embedder.embed(chunk), len(chunk))
        packed += [
            vector if trust(embedder, text) else no_meaning(embedder.dimensions)
            for text, vector in zip(chunk, vectors, strict=True)
        ]
    return packed


def embed_query(embedder: Embedder, text: str) -> UnitVector:
    """Return the unit vector of a question.

    Raises EmbeddingError when the embedder does not return one finite, non-zero vector of its width.
    """
    with telemetry.embeddings(embedder.name, embedder.dimensions, 1):
        return _pack(embedder, [embedder.embed_query(text)], 1)[0]


def _pack(embedder: Embedder, vectors: Iterable[Sequence[float]], count: int) -> list[UnitVector]:
    import numpy as np

    try:
        matrix = np.asarray(list(vectors), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EmbeddingError(f"Embedder {embedder.name!r} did not return vectors of numbers: {error}") from error
    if matrix.shape != (count, embedder.dimensions):
        raise EmbeddingError(
            f"Embedder {embedder.name!r} returned an array of shape {matrix.shape}, not {(count, embedder.dimensions)}."
        )
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise EmbeddingError(f"Embedder {embedder.name!r} returned a vector that is zero, NaN or infinite.")
    return [array("f", vector.tobytes()) for vector in (matrix / norms).astype(np.float32)]
