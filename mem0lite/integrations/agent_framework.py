"""Context and history providers of Microsoft's Agent Framework over a Memory. Needs ``mem0lite[agent-framework]``."""

import asyncio
import logging
import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from ..memory import Memory
from ..memory.arguments import DEFAULT_MAX_TOKENS
from ..types import SearchHit
from . import missing
from .chats import Chat, Said, finished
from .recall import Recall, Turn
from .shelf import Shelf, opened

try:
    from agent_framework import ContextProvider, HistoryProvider, Message
except ModuleNotFoundError as error:
    raise missing("agent_framework", error) from error

_APP = "agent-framework"
_SAID = ("user", "assistant")

logger = logging.getLogger(__name__)


class _Opened:
    """A memory that is closed at the end of ``async with``, if it was opened here."""

    memory: Memory
    _owned: bool

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file, if the provider opened it."""
        if self._owned:
            await asyncio.to_thread(self.memory.close)


class MemoryProvider(_Opened, ContextProvider):
    """What is remembered of a user or an agent, for ``Agent(context_providers=[…])``.

    Before a run the model is given what fits the user's last message: a text of ``max_tokens`` at most, as
    ``Memory.context`` makes it, of everything that the file has of the user. It is a message of its own, before the
    user's. After a run what was said in it is added, with ``app_id="agent-framework"`` and the session as ``run_id``;
    ``remember=False`` adds nothing, for a file to which a MemoryHistoryProvider adds the same. If adding fails, that is
    logged: the user has the answer already, which an error would take away.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.

    Raises ValidationError if neither ``user_id`` nor ``agent_id`` is given. An error of a search fails the run.
    """

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        remember: bool = True,
        source_id: str = "mem0lite",
    ) -> None:
        super().__init__(source_id)
        self.memory, self._owned = opened(memory)
        self._remember = remember
        try:
            self._recall = Recall(self.memory, _APP, user_id=user_id, agent_id=agent_id, max_tokens=max_tokens)
        except BaseException:
            if self._owned:
                self.memory.close()
            raise

    async def before_run(self, *, agent: Any, session: Any, context: Any, state: dict[str, Any]) -> None:
        """Put what is remembered before the model."""
        query = next((one.text for one in reversed(context.input_messages) if one.role == "user"), "")
        found = await asyncio.to_thread(self._recall.ask, query)
        if found.text:
            others = [one for one in found.sessions if one != context.session_id]
            context.extend_messages(self, [Message("user", [found.text])], origin_session_ids=others)

    async def after_run(self, *, agent: Any, session: Any, context: Any, state: dict[str, Any]) -> None:
        """Add what was said."""
        if not self._remember:
            return
        messages = [*context.input_messages, *(context.response.messages if context.response else ())]
        said = [Turn(one.role, one.text) for one in messages if one.role in _SAID]
        try:
            await finished(lambda: self._recall.add(said, context.session_id))
        except Exception:
            logger.exception("What was said in the session %r is not remembered.", context.session_id)


class MemoryHistoryProvider(_Opened, HistoryProvider):
    """The history of sessions, for ``Agent(context_providers=[…])``.

    Messages come back as they were added, in order, whichever process added them. What users and agents said can be
    searched, by ``search`` and by every search of the file that reaches the scope: it has
    ``app_id="agent-framework"``, the session as ``run_id``, and the user or agent that is given here. The rest (calls
    of functions, their results, messages without text) has the ``app_id`` ``agent-framework.hidden``.

    A run that begins with the history itself, as some hosts send it, adds only what follows it. A turn in which the
    same is said as in the one before is a turn of its own.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.
    ``options`` are those of HistoryProvider, such as ``load_messages`` and ``store_outputs``.

    Methods raise ValidationError for a session's id that is not a text, and for a message that JSON cannot hold.
    """

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        source_id: str = "mem0lite_history",
        **options: Any,
    ) -> None:
        super().__init__(source_id, **options)
        self.memory, self._owned = opened(memory)
        self._shelf = Shelf(self.memory, _APP, user_id=user_id, agent_id=agent_id)

    async def get_messages(
        self, session_id: str | None, *, state: dict[str, Any] | None = None, **options: Any
    ) -> list[Message]:
        """Return every message of a session, oldest first."""
        return [Message.from_dict(one) for one in await asyncio.to_thread(self._chat(session_id).latest)]

    async def save_messages(
        self,
        session_id: str | None,
        messages: Sequence[Message],
        *,
        state: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Add messages, all or none."""
        chat = self._chat(session_id)
        await finished(lambda: _add(chat, messages))

    async def clear(self, session_id: str) -> None:
        """Remove every message of a session."""
        await finished(self._chat(session_id).clear)

    async def search(self, query: str, session_id: str, *, limit: int = 5) -> list[SearchHit]:
        """Return what was said in a session and is closest to a query, best first, as ``Memory.search`` does."""
        return await asyncio.to_thread(self._chat(session_id).search, query, limit)

    def _chat(self, session_id: str | None) -> Chat:
        return Chat(self._shelf, session_id)


def _add(chat: Chat, messages: Sequence[Message]) -> None:
    values = [one.to_dict() for one in messages]
    first = _replayed(chat.latest(len(values)), values) if values else 0
    chat.add([_said(*one) for one in zip(messages[first:], values[first:], strict=True)])


def _replayed(before: Sequence[dict[str, Any]], values: Sequence[dict[str, Any]]) -> int:
    """Return how many of the values repeat the end of the history: more than a question, and not all of them.

    The framework's own rule, ``filter_new_messages``, is not used: it takes a turn in which the same is said as in the
    one before for a repetition, and drops it.
    """
    for count in range(min(len(before), len(values) - 1), 1, -1):
        repeats = list(before[-count:]) == list(values[:count])
        if repeats and any(one["role"] == "assistant" for one in values[:count]):
            return count
    return 0


def _said(message: Message, value: dict[str, Any]) -> Said:
    if message.role not in _SAID:
        return Said(value, None, None, message.role)
    return Said(value, message.text, message.role, message.role)
