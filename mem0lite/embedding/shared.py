"""Models that this process has loaded: each one once, shared by all that use its files, on both sides of a fork."""

import os
import threading
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..errors import ConfigurationError
from .batches import BATCH_SIZE, Batches
from .prompts import Prompts
from .reading import Vocabulary

if TYPE_CHECKING:
    from .runtime import Runtime

_Model = TypeVar("_Model")


def check_named(model: object, argument: str) -> None:
    """Raise ConfigurationError for a blank name of a model, which as a path would be the working directory."""
    if isinstance(model, str) and not model.strip():
        raise ConfigurationError(f"{argument}: is blank. Give the name of a model, or a folder with one.")


class Source(NamedTuple):
    """Where a model comes from: its name, and how to load it.

    Two sources with the same ``key`` are the same files. ``known`` holds dimensions and fingerprint if they are known
    before the model is loaded.
    """

    name: str
    key: tuple[object, ...]
    load: "Callable[[], Runtime]"
    prompts: Prompts = Prompts()
    known: tuple[int, str] | None = None


class SharedModel:
    """A model that this process has loaded, or will load at first use, and the model calls that threads share."""

    def __init__(self, load: "Callable[[], Runtime]") -> None:
        self._load = load
        self._model: Runtime | None = None
        self._vocabulary: Vocabulary | None = None
        self._size = BATCH_SIZE
        self._fingerprint = ""
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self.documents = Batches(lambda texts: self.loaded().documents(texts), self._size)
        self.questions = Batches(lambda texts: self.loaded().questions(texts), self._size)

    def loaded(self) -> "Runtime":
        """Return the model; it is loaded once, however many threads ask for it."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def examine(self) -> tuple[int, str]:
        """Load a model about which nothing is known yet; return its dimensions and the SHA-256 of its files.

        A model that gives a text another vector when there are other texts in the call gets one text at a time.
        """
        model = self.loaded()
        with _examine_lock:
            if not self._fingerprint:
                if _mixes_texts(model):
                    self._size = 1
                    self._start()
                self._fingerprint = sha256(*model.files)
        return model.dimensions, self._fingerprint

    def share_read(self, text: str) -> float:
        """Return the share of a text's tokens that the model knows as more than single letters, in 0..1."""
        tokenizer = self.loaded().tokenizer
        if self._vocabulary is None:
            unknown = getattr(tokenizer.model, "unk_token", None) or "<unk>"  # a Unigram model doesn't tell its own
            self._vocabulary = Vocabulary(tokenizer.get_vocab(), unknown)
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return self._vocabulary.share_read(chain(encoding.ids, *(part.ids for part in encoding.overflowing)))

    def after_fork_in_child(self) -> None:
        """Start again without the parent's threads. A model in use at the fork may hold a lock that nobody frees."""
        if self.documents.busy or self.questions.busy:
            _abandoned.append(self._model)
            self._model = None
        self._start()


_models: "weakref.WeakValueDictionary[tuple[object, ...], SharedModel]" = weakref.WeakValueDictionary()
_models_lock = threading.Lock()  # for the dictionary; each model is loaded under its own lock
_examine_lock = threading.Lock()
_abandoned: "list[Runtime | None]" = []  # freeing a model that was in use could wait for its lock


def shared(
    models: MutableMapping[tuple[object, ...], _Model], key: tuple[object, ...], make: Callable[[], _Model]
) -> _Model:
    """Return the model with this key, which is made if the process doesn't have it yet.

    Give a dictionary that holds its values weakly: when a process closes its stores, it gets the memory back.
    """
    with _models_lock:
        model = models.get(key)
        if model is None:
            model = models[key] = make()
        return model


def shared_model(source: Source) -> SharedModel:
    """Return the model of a source; all embedders of the process that use these files get the same one."""
    return shared(_models, source.key, lambda: SharedModel(source.load))


def states(folder: Path) -> Iterator[tuple[int, int, int]]:
    """Yield inode, size and modification time of a model folder's files, by which a replaced file is noticed."""
    for file in (folder / "model.onnx", folder / "onnx" / "model.onnx", folder / "tokenizer.json"):
        if file.is_file():
            state = file.stat()
            yield state.st_ino, state.st_size, state.st_mtime_ns


def sha256(*files: Path) -> str:
    """Return the SHA-256 of the files' contents, one after the other, in hexadecimal."""
    import hashlib

    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:  # piece by piece: a model may be larger than what a process should hold
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _mixes_texts(model: "Runtime") -> bool:
    """Tell whether a text's vector depends on the other texts in its batch."""
    import numpy as np

    texts = ["I love sushi", "Quite another text, of which nobody knows why it is so very much longer."]
    alone = [next(iter(model.documents([text]))) for text in texts]  # in a batch of two, at least one would change
    return not np.allclose(alone, list(model.documents(texts)), rtol=1e-5, atol=1e-5)  # rounding makes 1e-7


def _after_fork_in_child() -> None:
    global _models_lock, _examine_lock
    _models_lock, _examine_lock = threading.Lock(), threading.Lock()
    for model in list(_models.values()):
        model.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
