"""Summaries and profiles of memories, as a language model writes them. Pure."""

from collections.abc import Sequence
from typing import Literal

from .facts import Wishes
from .protocol import LanguageModel, Usage

Kind = Literal["summary", "profile"]


def summarize(
    model: LanguageModel, texts: Sequence[str], *, kind: Kind, wishes: Wishes | None = None
) -> tuple[str, Usage]:
    """Return a summary of some memories, or a profile of the person they are about, and what asking cost.

    Many memories are summarized in parts first. Without memories it is empty, and the model is not asked. Raises
    LanguageModelError.
    """
    raise NotImplementedError
