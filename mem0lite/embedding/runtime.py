"""What runs a model: the Runtime protocol, and fastembed, which runs any model in ONNX form on this machine's CPU.

A faster runtime for one model is a module beside this one with a class that has Runtime's members, and a line in the
module that finds that model (``bundled``, ``folder`` or ``named``). ``fused`` is one. fastembed and onnxruntime are
imported at first use.
"""

import importlib.util
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import DependencyError, EmbeddingError
from .batches import BATCH_SIZE

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from tokenizers import Tokenizer

    from .batches import Vector

_registry_lock = threading.Lock()  # fastembed's registry of custom models is global and not thread-safe


class Runtime(Protocol):
    """A loaded model. Any number of threads may call it at once.

    ``files`` are the files whose hash tells the model from any other; a vector has the shape (dimensions,).
    """

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    @property
    def files(self) -> Sequence[Path]:
        """The files whose hash identifies the model."""

    @property
    def tokenizer(self) -> "Tokenizer":
        """The tokenizer, which truncates at the model's window and keeps what overflows."""

    def documents(self, texts: Sequence[str]) -> "Iterable[Vector]":
        """Return one vector per document; each text fits the model's window."""

    def questions(self, texts: Sequence[str]) -> "Iterable[Vector]":
        """Return one vector per question; each text fits the model's window."""


class FastembedRuntime:
    """A model that fastembed has loaded; ``files`` default to the weights, wherever fastembed keeps them."""

    def __init__(self, model: "TextEmbedding", files: Sequence[Path] = ()) -> None:
        self._model = model
        self._files = files

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._model.embedding_size

    @property
    def files(self) -> Sequence[Path]:
        """The files whose hash identifies the model."""
        inner: Any = self._model.model
        return self._files or [Path(inner._model_dir, inner.model_description.model_file)]

    @property
    def tokenizer(self) -> "Tokenizer":
        """The model's tokenizer."""
        inner: Any = self._model.model
        return cast("Tokenizer", inner.tokenizer)

    def documents(self, texts: Sequence[str]) -> "Iterable[Vector]":
        """Return one vector per document."""
        return self._model.passage_embed(texts, batch_size=BATCH_SIZE)

    def questions(self, texts: Sequence[str]) -> "Iterable[Vector]":
        """Return one vector per question."""
        return self._model.query_embed(texts, batch_size=BATCH_SIZE)


def need_fastembed(model: str) -> None:
    """Raise DependencyError if the package that runs a model is not installed."""
    if importlib.util.find_spec("fastembed") is None:
        raise DependencyError(
            f"The model {model!r} is run by fastembed, which is not installed. Run: pip install 'mem0lite[models]'",
            name="fastembed",
        )


def load_files(
    name: str, weights: Path, tokenizer: Path, *, dimensions: int, pooling: str, files: Sequence[Path]
) -> FastembedRuntime:
    """Return the model with these weights and this tokenizer folder; ``pooling`` of its tokens is ``MEAN`` or ``CLS``.

    Mean pooling as in Reimers & Gurevych, "Sentence-BERT: Sentence embeddings using siamese BERT-networks", 2019.
    """
    need_fastembed(name)
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    registered = f"mem0lite/{name}"
    with _registry_lock:
        if not any(known["model"] == registered for known in TextEmbedding.list_supported_models()):
            TextEmbedding.add_custom_model(
                registered,
                pooling=PoolingType[pooling],
                normalization=True,
                dim=dimensions,
                sources=ModelSource(url="https://invalid.invalid"),  # required, but not used when there is a path
                model_file=str(weights),
            )
        model = TextEmbedding(registered, specific_model_path=str(tokenizer), **session_options(tokenizer))
    return FastembedRuntime(model, files)


def session_options(cache: Path) -> dict[str, Any]:
    """Return the options every model is loaded with; ``cache`` must exist, or fastembed creates it."""
    return {"cache_dir": str(cache), "threads": 1, "providers": ["CPUExecutionProvider"]}


def output_width(weights: Path) -> int:
    """Return the last dimension of an ONNX model's first output. Raises EmbeddingError if there is none."""
    import onnxruntime  # type: ignore[import-untyped]

    try:
        session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's error classes are not public
        raise EmbeddingError(f"{weights} is not an ONNX model: {error}") from error
    width = session.get_outputs()[0].shape[-1]
    if not isinstance(width, int):
        raise EmbeddingError(f"{weights} does not declare the width of its first output.")
    return width


def _after_fork_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
