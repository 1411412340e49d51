"""A text as windows: pieces short enough for a model to see whole. Its vector is the mean of theirs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from .batches import Vector

MAX_WINDOWS = 32
"""Windows of a text that are embedded: 8,000 tokens with the bundled model. If a text has more, this many are taken
evenly from all of it; that moves a score less (at most 0.03 on long documents) than taking the first ones (0.07)."""
MAX_QUERY_WINDOWS = 8
"""Windows of a question that are embedded, so that a whole prompt does not keep others waiting."""

_SURELY_WHOLE = 30  # characters of any kind that fit a window of 128 tokens; no model has a shorter one

Window = tuple[str, int]
"""A piece of a text, and its length in tokens."""


def surely_fits(text: str, prompt: str, most: int) -> bool:
    """True for a text so short that it has at most ``most`` windows with any tokenizer."""
    return len(text) + len(prompt) <= most * _SURELY_WHOLE


def windows_of(text: str, prompt: str, tokenizer: "Tokenizer") -> list[Window]:
    """Split a text into windows, each of which begins with the prompt."""
    found = _split(prompt + text, tokenizer)
    if not prompt or len(found) == 1:
        return found
    pieces = []
    for piece, _ in _split(text, tokenizer):
        middle = piece.find(" ", len(piece) // 2) + 1 or len(piece) // 2  # halves leave room for the prompt
        for half in filter(None, (piece[:middle], piece[middle:])):
            pieces += _split(prompt + half, tokenizer)
    return pieces


def _split(text: str, tokenizer: "Tokenizer") -> list[Window]:
    encoding = tokenizer.encode(text)
    if not encoding.overflowing:
        return [(text, len(encoding.ids))]
    found = []
    for part in (encoding, *encoding.overflowing):
        spans = [span for span, special in zip(part.offsets, part.special_tokens_mask, strict=True) if not special]
        if spans:
            found.append((text[spans[0][0] : spans[-1][1]], len(spans)))
    return found


def spread(found: list[Window], most: int) -> list[Window]:
    """Return at most ``most`` of the windows, evenly spaced from the first to the last."""
    if len(found) <= most:
        return found
    return [found[round(number * (len(found) - 1) / (most - 1))] for number in range(most)]


def mean(found: Sequence[Window], vectors: "Mapping[str, Vector]") -> list[float]:
    """Return the mean of the windows' vectors, weighted by their tokens; shape (dimensions,)."""
    import numpy as np

    pieces, weights = zip(*found, strict=True)
    if len(pieces) == 1:
        return cast("list[float]", vectors[pieces[0]].tolist())
    return cast("list[float]", np.average([vectors[piece] for piece in pieces], axis=0, weights=weights).tolist())
