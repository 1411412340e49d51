"""Any endpoint of the OpenAI chat-completions protocol, asked by httpx."""

from collections.abc import Mapping
from typing import Any

from .protocol import Messages, Schema, Usage


class ChatCompletions:
    """A model behind the OpenAI chat-completions protocol: Ollama, llama.cpp, vLLM, LM Studio, OpenAI and others."""

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        max_tokens: int = 2_048,
        temperature: float | None = 0.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        raise NotImplementedError

    @property
    def usage(self) -> Usage:
        """What the last call of this thread cost."""
        raise NotImplementedError

    def complete(self, messages: Messages, schema: Schema) -> Any:
        """Return the JSON value that the model answers."""
        raise NotImplementedError
