"""What a language model is, and what its calls cost. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

Messages = Sequence[Mapping[str, str]]
"""The messages of a chat, each with ``role`` (``system``, ``user`` or ``assistant``) and ``content``."""
Schema = Mapping[str, Any]
"""A JSON schema."""


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that answers messages with a JSON value. Any thread may call it.

    Two members are optional. ``name: str`` says where texts go, as the server's start message and ``explain`` show it:
    the host and the model, without a key. ``usage: Usage`` is what the last call of this thread cost; without it, only
    calls and seconds are counted.
    """

    def complete(self, messages: Messages, schema: Schema) -> Any:
        """Return the JSON value that the model answers; it should fit ``schema``, and is checked by the caller.

        Raises LanguageModelError if there is no answer.
        """


class Usage(NamedTuple):
    """What calls of a language model cost. Tokens are 0 where the model does not tell them."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    failures: int = 0
    """Calls without a usable answer."""

    def __add__(self, other: object) -> "Usage":
        """Return the sum of both, where other tuples are joined."""
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            self.failures + other.failures,
        )


def name_of(model: LanguageModel) -> str:
    """Return how messages name a model: the host and the model, or its class."""
    name = getattr(model, "name", None)
    return name if isinstance(name, str) and name.strip() else type(model).__name__
