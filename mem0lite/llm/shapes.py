"""What is asked about and answered: turns, facts, known facts and decisions. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from .protocol import Usage

Event = Literal["ADD", "UPDATE", "DELETE", "NONE"]


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


class Known(NamedTuple):
    """A fact that is stored already."""

    number: int
    """A small number made for this call; the model sees no id."""
    text: str


class Decision(NamedTuple):
    """What a new fact does."""

    event: Event
    fact: Fact
    number: int | None = None
    """The known fact to update, to delete, or that says the same already; None for ADD."""
    text: str | None = None
    """The new words of the known fact, for UPDATE."""


class Decided(NamedTuple):
    """A decision for each fact, in their order, and those it deletes; what was refused; and what asking cost.

    A fact that contradicts a known one has two: DELETE of that one, and its own ADD.
    """

    decisions: Sequence[Decision]
    refused: Sequence[Refusal]
    usage: Usage
