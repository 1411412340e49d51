"""What new facts do to known ones, as a language model decides. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from .facts import Fact, Refusal, Turn
from .protocol import LanguageModel, Usage

Event = Literal["ADD", "UPDATE", "DELETE", "NONE"]


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


def decide(model: LanguageModel, facts: Sequence[Fact], known: Sequence[Known], turns: Sequence[Turn]) -> Decided:
    """Return what some facts of ``turns`` do to known ones.

    Every fact has a decision: what the model leaves out, or answers nonsense about, is added. Without known facts the
    model is not asked. Raises LanguageModelError if the model cannot be asked.
    """
    raise NotImplementedError
