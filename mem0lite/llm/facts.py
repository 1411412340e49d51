"""From what was said to facts: asked of a language model in windows, and checked against the sources. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from .protocol import LanguageModel, Usage


class Turn(NamedTuple):
    """A message of a conversation."""

    number: int
    """By which facts name it; unique in a call, and best counted from 1."""
    role: str
    speaker: str | None
    text: str
    said_at: datetime
    """With the time zone in which "yesterday" is meant."""


class Wishes(NamedTuple):
    """What a caller wants of the facts; None leaves it to the model."""

    prompt: str | None = None
    """Instructions that replace our own; what an answer looks like stays ours."""
    instructions: str | None = None
    """Instructions beside our own."""
    includes: str | None = None
    """What only to remember."""
    excludes: str | None = None
    """What not to remember."""
    categories: Mapping[str, str] | None = None
    """The categories to choose from, with what each means."""


class Fact(NamedTuple):
    """A sentence that can be read on its own."""

    text: str
    sources: tuple[int, ...]
    """The numbers of the turns it came from, in their order; at least one."""
    speaker: str | None = None
    """Who said it, if all sources are of one speaker."""
    categories: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """What a model answered that is not used."""

    text: str
    reason: str


class Extraction(NamedTuple):
    """The facts of a conversation, what was refused, and what asking cost."""

    facts: Sequence[Fact]
    refused: Sequence[Refusal]
    usage: Usage


def extract(model: LanguageModel, turns: Sequence[Turn], wishes: Wishes | None = None) -> Extraction:
    """Return the facts in some turns, as a language model finds them.

    A long conversation is read in windows that overlap. A fact whose numbers, dates, names or negations are not in its
    sources is refused. Raises LanguageModelError if a window has no usable answer.
    """
    raise NotImplementedError
