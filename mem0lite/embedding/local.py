"""LocalEmbedder: the embedding models that run on this machine."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigurationError, ModelNotFoundError
from ..files import expanded
from ..types import EmbeddedPart
from . import bundled
from .batches import Batches
from .bundled import BUNDLED_MODEL
from .prompts import PROMPTED
from .protocol import Embedder
from .shared import Source, check_named, shared_model
from .windows import MAX_QUERY_WINDOWS, MAX_WINDOWS, mean, spread, surely_fits, windows_of

_LONG_WORD = re.compile(r"\S{50}")  # a vocabulary may have no such word, though it has its letters


class LocalEmbedder:
    """A sentence-embedding model in ONNX form, run on this machine's CPU.

    ``model`` is ``"all-MiniLM-L6-v2"`` (comes with the package and loads at first use), ``"multilingual"`` (comes with
    the extra ``mem0lite[multilingual]``), the name of a model fastembed knows and that ``mem0lite fetch`` has put on
    this machine, or a folder with ``model.onnx`` (or ``onnx/model.onnx``), ``tokenizer.json`` and
    ``tokenizer_config.json``. Nothing is ever downloaded here.

    A text longer than the model's window is embedded window by window, and its vector is the mean of the windows'
    vectors weighted by their tokens. If a text has more than MAX_WINDOWS, or a question more than MAX_QUERY_WINDOWS,
    that many are embedded, spread evenly from the first to the last.

    ``query_prompt`` and ``document_prompt`` are put before questions and texts, because models such as E5 were trained
    with them. The default is what the folder's ``config_sentence_transformers.json`` says, or else what is known about
    the model's name. A document's prompt changes its vector, so it is part of the fingerprint.

    Any number of threads may use one embedder, and all embedders of a process that use the same files share one loaded
    model for as long as one of them exists. Threads that embed at the same time share model calls. At most half as many
    calls run at once as there are cores, each on one core, and questions don't wait for documents. A vector depends on
    nothing but its text: a model whose vectors change with the other texts in the batch, as with dynamic quantisation,
    gets one text at a time. An embedder may be used on both sides of a fork.

    Raises ModelNotFoundError at once when the files are not there, DependencyError when the extra is not installed,
    EmbeddingError when the files are not what they should be, and ConfigurationError for a blank name or a prompt that
    is not a text.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = BUNDLED_MODEL,
        *,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
    ) -> None:
        check_named(model, "model")
        source = _source(model)
        self._shared = shared_model(source)
        self.name = source.name
        self.dimensions, self.fingerprint = source.known or self._shared.examine()
        self.query_prompt = _prompt(query_prompt, source.prompts.query, "query_prompt")
        self.document_prompt = _prompt(document_prompt, source.prompts.document, "document_prompt")
        if self.document_prompt:
            self.fingerprint += f"{PROMPTED}{self.document_prompt!r}"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per document, shape (len(texts), dimensions)."""
        return self._embed(texts, self._shared.documents, self.document_prompt, MAX_WINDOWS)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question, shape (dimensions,); if it is longer than a window, its windows' mean."""
        return self._embed([text], self._shared.questions, self.query_prompt, MAX_QUERY_WINDOWS)[0]

    def load(self) -> None:
        """Load the model, if that has not happened yet, instead of at first use.

        Raises ModelNotFoundError and EmbeddingError if the bundled model's files are missing or damaged.
        """
        self._shared.loaded()

    def share_read(self, text: str) -> float:
        """Return the share of a text's tokens that the model knows as more than single letters, in 0..1."""
        return 1.0 if text.isascii() and not _LONG_WORD.search(text) else self._shared.share_read(text)

    def windows(self, text: str) -> tuple[int, int]:
        """Return how many windows of a document are embedded, and how many it has."""
        return self._count(text, self.document_prompt, MAX_WINDOWS)

    def query_windows(self, text: str) -> tuple[int, int]:
        """Return how many windows of a question are embedded, and how many it has."""
        return self._count(text, self.query_prompt, MAX_QUERY_WINDOWS)

    def _count(self, text: str, prompt: str, most: int) -> tuple[int, int]:
        whole = surely_fits(text, prompt, most)
        count = 1 if whole else len(windows_of(text, prompt, self._shared.loaded().tokenizer))
        return min(count, most), count

    def _embed(self, texts: Sequence[str], batches: Batches, prompt: str, most: int) -> list[list[float]]:
        tokenizer = self._shared.loaded().tokenizer
        found = [spread(windows_of(text, prompt, tokenizer), most) for text in texts]
        vectors = batches.embed({piece: tokens for one in found for piece, tokens in one})
        return [mean(one, vectors) for one in found]


def _source(model: str | os.PathLike[str]) -> Source:
    """Return where the model is that an argument names."""
    if model == BUNDLED_MODEL:
        return bundled.source()
    from . import folder, multilingual, named  # not before they are used: the import of mem0lite stays light

    if model == multilingual.MULTILINGUAL_MODEL:
        return multilingual.source()
    if (path := Path(expanded(model)).resolve()).is_dir():
        return folder.source(path)
    if isinstance(model, str):
        return named.source(model)
    raise ModelNotFoundError(f"The model folder {os.fspath(model)!r} does not exist. Check the path.")


def _prompt(given: str | None, known: str, option: str) -> str:
    if given is not None and not isinstance(given, str):
        raise ConfigurationError(f"{option}: must be a text, got {given!r}. Give an empty text for no prompt.")
    return known if given is None else given


def resolve(embedder: "Embedder | str | os.PathLike[str] | None") -> Embedder:
    """Return the embedder an argument or a setting means: an object, a model name, a folder, or None for the default.

    Raises ConfigurationError for an object without the protocol's members, and what LocalEmbedder raises.
    """
    if embedder is None:
        return LocalEmbedder()
    check_named(embedder, "embedder")
    if isinstance(embedder, str | os.PathLike):
        return LocalEmbedder(embedder)
    if not isinstance(embedder, Embedder):
        raise ConfigurationError(
            f"embedder: {type(embedder).__name__} lacks a member of the protocol: name, dimensions, embed, embed_query."
        )
    return embedder


def cut(embedder: Embedder, text: str) -> EmbeddedPart | None:
    """Return how much of a text is embedded, in windows, or None if all of it is.

    Only a LocalEmbedder can tell; for other embedders the answer is None.
    """
    return _part(*embedder.windows(text)) if isinstance(embedder, LocalEmbedder) else None


def cut_query(embedder: Embedder, text: str) -> EmbeddedPart | None:
    """Return how much of a question is embedded, as ``cut`` does for a text."""
    return _part(*embedder.query_windows(text)) if isinstance(embedder, LocalEmbedder) else None


def _part(embedded: int, count: int) -> EmbeddedPart | None:
    return {"windows": embedded, "of": count} if embedded < count else None
