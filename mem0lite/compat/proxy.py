"""What ``mem0.proxy.main`` holds: chat completions that remember. They need litellm, which the caller installs."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import DependencyError, ValidationError

_ASKED = 6  # how many of the last messages make up the question to the memory


class Completions:
    """``chat.completions`` of Mem0."""

    def __init__(self, mem0_client: Any) -> None:
        self.mem0_client = mem0_client

    def create(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]] | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        filters: Mapping[str, Any] | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        **of_model: Any,
    ) -> Any:
        """Send a model the messages with what is remembered about the last ones, and remember the messages.

        ``of_model`` are further arguments of ``litellm.completion``; returns its answer.
        """
        named = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id}
        scope = {name: value for name, value in named.items() if value is not None}
        if not scope:
            raise ValidationError("Invalid user_id: missing. Give user_id, agent_id or run_id.", field="user_id")
        completion = _litellm().completion
        told = list(messages or ())
        if told and told[-1].get("role") == "user":
            question = "\n".join(str(message.get("content")) for message in told[-_ASKED:])
            wanted = top_k or limit or 10
            found = self.mem0_client.search(question, filters={**(filters or {}), **scope}, top_k=wanted)
            self.mem0_client.add(told, **scope, **({} if metadata is None else {"metadata": metadata}))
            if known := "\n".join(f"- {text}" for text in _texts(found)):
                told.insert(-1, {"role": "system", "content": f"What is remembered:\n{known}"})
        return completion(model=model, messages=told, **of_model)


class Chat:
    """``chat`` of Mem0."""

    def __init__(self, mem0_client: Any) -> None:
        self.completions = Completions(mem0_client)


class Mem0:
    """A client with ``chat.completions.create`` like OpenAI's. It remembers in a store, or with a key through a
    MemoryClient."""

    def __init__(
        self, config: Mapping[str, Any] | None = None, api_key: str | None = None, host: str | None = None
    ) -> None:
        mem0 = importlib.import_module("mem0")
        if api_key:
            self.mem0_client = mem0.MemoryClient(api_key, host)
        else:
            self.mem0_client = mem0.Memory.from_config(config) if config else mem0.Memory()
        self.chat = Chat(self.mem0_client)


def _texts(found: Any) -> list[str]:
    """Return the texts that a search found; mem0's clients before 1.0 return a bare list."""
    items = found if isinstance(found, list) else found["results"]
    return [item["memory"] for item in items]


def _litellm() -> Any:
    try:
        return importlib.import_module("litellm")
    except ModuleNotFoundError as error:
        raise DependencyError(
            "mem0.proxy calls the language model through litellm. Install it with: pip install litellm", name="litellm"
        ) from error
