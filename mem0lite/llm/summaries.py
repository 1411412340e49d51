"""Summaries and profiles of memories, as a language model writes them. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ..embedding.tokens import estimate_tokens
from ..errors import LanguageModelError
from . import prompts
from .asking import UnusableError, ask
from .checking import objection
from .dating import Said
from .protocol import LanguageModel, Usage
from .shapes import Wishes

Kind = Literal["summary", "profile"]

_PART = 2_000  # estimated tokens of the memories that are summarized at once
_LONGEST = 8_000  # characters of a summary
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def summarize(
    model: LanguageModel, texts: Sequence[str], *, kind: Kind, wishes: Wishes | None = None
) -> tuple[str, Usage]:
    """Return a summary of some memories, the oldest first, or a profile of the person they are about; and the cost.

    Many memories are summarized in parts, and then the parts. Sentences with numbers, dates, names or negations that
    are in no memory are left out. Without memories the text is empty, and the model is not asked.

    Raises LanguageModelError, with ``usage``.
    """
    usage = Usage()
    parts = list(texts)
    while parts:
        batches = list(_batches(parts))
        written = []
        for batch in batches:
            try:
                text, spent = _written(model, batch, kind, wishes or Wishes())
            except LanguageModelError as error:
                error.usage = usage + (error.usage if isinstance(error.usage, Usage) else Usage())
                raise
            usage += spent
            written.append(text)
        if len(batches) == 1:
            return written[0], usage
        parts = written
    return "", usage


def _written(model: LanguageModel, texts: Sequence[str], kind: Kind, wishes: Wishes) -> tuple[str, Usage]:
    messages = prompts.summary(texts, kind, wishes)
    return ask(model, messages, prompts.summary_schema(), lambda value: _read(value, texts))


def _read(value: Any, texts: Sequence[str]) -> str:
    """Return the text of an answer, without what no memory says. Raises UnusableError if nothing is left."""
    text = value.get("text") if isinstance(value, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise UnusableError('it must be an object with "text", which is not empty')
    sources = [Said(one, None) for one in texts]
    kept = [one.strip() for one in _SENTENCE.split(text[:_LONGEST]) if one.strip() and objection(one, sources) is None]
    if not kept:
        raise UnusableError("none of its sentences is in the memories: keep names, numbers and dates as they are")
    return " ".join(kept)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts in batches that a model can read; a text alone may be longer."""
    batch: list[str] = []
    size = 0
    for text in texts:
        length = estimate_tokens(text, _PART)
        if batch and size + length > _PART:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch
