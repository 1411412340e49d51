"""The model that comes with the package."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EmbeddingError, ModelNotFoundError
from .shared import Source

if TYPE_CHECKING:
    from .fused import FusedRuntime

BUNDLED_MODEL = "all-MiniLM-L6-v2"
"""sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, English, 256 tokens. Wang et al., "MiniLM: Deep
self-attention distillation for task-agnostic compression of pre-trained transformers", 2020."""

_CURE = "Run: pip install --force-reinstall mem0lite"
_FOLDER = Path(__file__).parent / "models" / BUNDLED_MODEL
_GRAPH = "fused.onnx"  # not model.onnx: fastembed cannot run it, so the folder must not look like a model folder
_VOCABULARY = "vocab.txt"
_CHECKSUMS = {
    _GRAPH: 0xD229BD0E,
    "fused.bin": 0xC8185485,
    _VOCABULARY: 0x64276BA4,
}  # CRC-32: against damage, in half the time of SHA-256

_DIMENSIONS = 384
_FINGERPRINT = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""The SHA-256 of the graph that the weights were taken from. Earlier versions ran that graph, and files remember it.
Its vectors agree with ours to a cosine of 0.998, so either version goes on with the other's files. A graph whose
vectors don't agree with these needs another fingerprint."""


def is_bundled(fingerprint: str) -> bool:
    """Tell whether vectors are the bundled model's, by what a file remembers of their embedder."""
    return fingerprint == _FINGERPRINT


def source() -> Source:
    """Return the bundled model, whose dimensions and fingerprint are known before it is loaded."""
    return Source(BUNDLED_MODEL, (BUNDLED_MODEL,), _load, known=(_DIMENSIONS, _FINGERPRINT))


def vocabulary() -> list[str]:
    """Return the pieces of words that the model reads, the commonest first after its special signs.

    Raises ModelNotFoundError if the file is missing.
    """
    try:
        return (_FOLDER / _VOCABULARY).read_text(encoding="utf-8").split("\n")
    except OSError:
        raise _missing(_FOLDER / _VOCABULARY) from None


def _missing(file: Path) -> ModelNotFoundError:
    return ModelNotFoundError(f"{file} is missing: the installation is not complete. {_CURE}")


def _load() -> "FusedRuntime":
    from .fused import FusedRuntime  # when the model is loaded, like what it imports

    for name, checksum in _CHECKSUMS.items():
        file = _FOLDER / name
        if not file.is_file():
            raise _missing(file)
        if _crc32(file) != checksum:
            raise EmbeddingError(f"{file} is damaged or not the expected one. {_CURE}")
    return FusedRuntime(_FOLDER / _GRAPH, _FOLDER / _VOCABULARY, _DIMENSIONS)


def _crc32(file: Path) -> int:
    import mmap
    import zlib

    if file.stat().st_size == 0:  # which cannot be mapped
        return 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return zlib.crc32(content)  # mapped, because reading takes as long again
