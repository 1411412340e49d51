"""What is remembered of a user or an agent, for frameworks that ask before a turn and tell what was said after it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import ValidationError
from ..memory import Memory
from ..memory.arguments import DEFAULT_MAX_TOKENS
from ..types import SearchHit
from ..values import MAX_TEXT_LENGTH
from .shelf import FOUND_BY_SEARCH, name_of, named_place


class Turn(NamedTuple):
    """What somebody said."""

    role: str
    text: str


class Recalled(NamedTuple):
    """What the memories say to a question."""

    text: str
    """A block for a prompt; "" if they say nothing."""
    sessions: tuple[str, ...]
    """The sessions of the door in which it was said."""


class Recall:
    """The memories of a user, or an agent, or both together.

    A block is made of everything that the file has of them, whatever stored it. What is added has the ``app_id`` of the
    door, and the session as ``run_id``.

    Raises ValidationError if neither a user nor an agent is named: the memories would be everybody's.
    """

    def __init__(
        self,
        memory: Memory,
        app: str,
        *,
        user_id: str | None,
        agent_id: str | None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
    ) -> None:
        if user_id is None and agent_id is None and memory.user_id is None:
            raise ValidationError("Invalid user_id: missing. Give a user_id or an agent_id.", field="user_id")
        self.memory = memory
        self._app = app
        ids = {"user_id": user_id, "agent_id": agent_id}
        self._ids: dict[str, Any] = {name: one for name, one in ids.items() if one is not None}
        self._max_tokens = max_tokens

    def ask(self, query: str) -> Recalled:
        """Return what the memories say to a question, as ``Memory.context`` does."""
        if not query.strip():
            return Recalled("", ())
        asked = encodable_text(query)[:MAX_TEXT_LENGTH]
        found = self.memory.context(asked, filters=FOUND_BY_SEARCH, max_tokens=self._max_tokens, **self._ids)
        own = [one for one in found["memories"] if one.get("app_id") == self._app]
        sessions = dict.fromkeys(name_of(one["run_id"]) for one in own if "run_id" in one)
        return Recalled(found["text"], tuple(sessions))

    def search(self, query: str, count: int) -> list[SearchHit]:
        """Return the memories that are closest to a question, best first, as ``Memory.search`` does."""
        return self.memory.search(encodable_text(query), filters=FOUND_BY_SEARCH, top_k=count, **self._ids)["results"]

    def add(self, said: Sequence[Turn], session_id: str | None) -> None:
        """Add what was said, all or nothing. A text longer than a memory can be becomes several of them."""
        messages = [
            {"role": one.role, "content": part}
            for one in said
            for start in range(0, len(one.text), MAX_TEXT_LENGTH)
            if (part := encodable_text(one.text[start : start + MAX_TEXT_LENGTH])).strip()
        ]
        if messages:
            run_id = None if session_id is None else named_place(session_id, "session_id")
            self.memory.add(messages, app_id=self._app, run_id=run_id, **self._ids)


def encodable_text(text: str) -> str:
    """Return a text with a question mark for each lone surrogate, which no file can hold."""
    return text.encode("utf-8", "replace").decode()
