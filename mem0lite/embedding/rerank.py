"""Second opinions on a ranking: cross-encoders that run on this machine through fastembed, or any function.

A cross-encoder reads question and memory together, so it judges better than two vectors and costs one run of a model
per memory (Nogueira & Cho, "Passage re-ranking with BERT", 2019). fastembed is imported at first use.
"""

import itertools
import math
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from ..errors import ConfigurationError, EmbeddingError, ModelNotFoundError
from ..files import expanded
from .crossing import CROSS_ENCODER, CrossEncoder, logistic
from .shared import check_named, shared, states

if TYPE_CHECKING:
    from fastembed.rerank.cross_encoder import TextCrossEncoder

_BATCH_SIZE = 32  # pairs given to a model at a time; a batch is padded to its longest pair
_LARGEST_LOGIT = 30.0  # larger ones all give the same score

_models: "weakref.WeakValueDictionary[tuple[object, ...], TextCrossEncoder]" = weakref.WeakValueDictionary()
_folder_numbers = itertools.count()  # fastembed refuses to register a name twice


@runtime_checkable
class Reranker(Protocol):
    """Anything that tells how well documents answer a query."""

    def rerank(self, query: str, documents: Sequence[str]) -> Sequence[float]:
        """Return one score per document, in their order: higher is better, in 0..1 or a logit."""


class LocalReranker:
    """A cross-encoder in ONNX form, run by fastembed on one thread of this machine's CPU.

    ``model`` is the name of a cross-encoder that fastembed knows and that ``mem0lite fetch`` has put on this machine,
    or a folder with ``model.onnx`` (or ``onnx/model.onnx``), ``tokenizer.json`` and ``tokenizer_config.json``. Nothing
    is ever downloaded here. If a query and a document together are longer than the model's window, they are truncated.
    Any number of threads may use one reranker, and all rerankers of a process that use the same files share one loaded
    model.

    Raises ModelNotFoundError at once when the files are not there, EmbeddingError when they are not what they should
    be.
    """

    def __init__(self, model: str | os.PathLike[str]) -> None:
        from .named import model_cache

        check_named(model, "model")
        if (folder := Path(expanded(model))).is_dir():
            folder = folder.resolve()
            self._model = shared(_models, (str(folder), *states(folder)), lambda: _load_folder(folder))
        elif isinstance(model, str):
            self._model = shared(_models, (model.lower(), str(model_cache())), lambda: _load_named(model))
        else:
            raise ModelNotFoundError(f"The model folder {os.fspath(model)!r} does not exist. Check the path.")

    def rerank(self, query: str, documents: Sequence[str]) -> list[float]:
        """Return for each document the logistic function of the model's logit, in 0..1."""
        return [logistic(logit) for logit in self._model.rerank(query, documents, batch_size=_BATCH_SIZE)]


class Configured(NamedTuple):
    """A reranker that a configuration of mem0 names: searches use it unless they say ``rerank=False``.

    ``reranker`` is None when it is not on this machine, or is a service that runs elsewhere; ``problem`` says which.
    """

    reranker: Reranker | None = None
    problem: str = ""


class _Function:
    def __init__(self, function: Callable[[str, Sequence[str]], Sequence[float]]) -> None:
        self.rerank = function


def resolve_reranker(
    given: Reranker | Configured | Callable[[str, Sequence[str]], Sequence[float]] | str | os.PathLike[str] | None,
) -> Reranker | Configured | None:
    """Return the reranker an argument means: an object, a function, a model name, a folder, or None for none.

    Raises ConfigurationError for anything else, and what CrossEncoder and LocalReranker raise.
    """
    if given is None or isinstance(given, Configured):
        return given
    check_named(given, "reranker")
    if isinstance(given, str) and given.removeprefix("cross-encoder/") == CROSS_ENCODER:
        return CrossEncoder()
    if isinstance(given, str | os.PathLike):
        return LocalReranker(given)
    if isinstance(given, type) or not (isinstance(given, Reranker) or callable(given)):
        raise ConfigurationError(
            f"reranker: {given!r} is neither a model name or folder, nor an object with a method "
            "rerank(query, documents), nor a function (query, documents) -> scores."
        )
    return given if isinstance(given, Reranker) else _Function(given)


def rerank_scores(reranker: Reranker, query: str, documents: Sequence[str]) -> list[float]:
    """Return one score in 0..1 per document, in their order. With no documents, the reranker is not called.

    If all scores are in 0..1, they stay as they are. Otherwise all are taken as logits and go through the logistic
    function 1 / (1 + exp(-score)), which keeps their order.

    Raises EmbeddingError when there is not one finite number per document, or when a number can't be a logit either
    (outside -30..30). What the reranker itself raises is not caught.
    """
    if not documents:
        return []
    scores = _numbers(reranker.rerank(query, documents))
    if len(scores) != len(documents):
        raise EmbeddingError(f"reranker: it returned {len(scores)} scores for {len(documents)} documents.")
    if all(0.0 <= score <= 1.0 for score in scores):
        return scores
    for score in scores:
        if not abs(score) <= _LARGEST_LOGIT:  # neither is NaN
            raise EmbeddingError(
                f"reranker: the score {score} is neither in 0..1 nor a logit (in -30..30). Scale the scores to 0..1."
            )
    return [logistic(score) for score in scores]


def _numbers(scores: Iterable[Any]) -> list[float]:
    try:
        return [math.fsum((score,)) for score in scores]  # float() would accept a string
    except (TypeError, ValueError, OverflowError) as error:
        raise EmbeddingError(f"reranker: it did not return a sequence of numbers: {error}") from error


def _load_folder(folder: Path) -> "TextCrossEncoder":
    from .runtime import need_fastembed, session_options

    need_fastembed(str(folder))
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    from .folder import weights_of

    name = f"mem0lite/reranker-{next(_folder_numbers)}"
    weights = weights_of(folder)
    TextCrossEncoder.add_custom_model(
        name,
        sources=ModelSource(url="https://invalid.invalid"),  # required, but not used when there is a path
        model_file=str(weights),
    )
    try:
        model = TextCrossEncoder(name, specific_model_path=str(folder), **session_options(folder))
    except ValueError as error:  # about the tokenizer's files
        raise ModelNotFoundError(f"The model folder {folder} is not complete: {error}") from error
    except Exception as error:  # onnxruntime's error classes are not public
        raise EmbeddingError(f"{weights} or {folder / 'tokenizer.json'} cannot be loaded: {error}") from error
    _check_output(model, weights)
    return model


def _check_output(model: "TextCrossEncoder", file: Path) -> None:
    inner: Any = model.model
    shape = inner.model.get_outputs()[0].shape
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != 1):
        raise EmbeddingError(f"{file} is not a cross-encoder: its first output has the shape {shape}, not [batch, 1].")


def _load_named(model: str) -> "TextCrossEncoder":
    from .runtime import need_fastembed

    need_fastembed(model)
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    from .named import load_known

    loaded: TextCrossEncoder = load_known(
        TextCrossEncoder,
        model,
        f"{model!r} is neither a folder nor a cross-encoder fastembed knows. "
        "fastembed.rerank.cross_encoder.TextCrossEncoder.list_supported_models() lists those.",
    )
    return loaded
