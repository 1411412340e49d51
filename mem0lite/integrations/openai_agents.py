"""A Session of the OpenAI Agents SDK over a Memory: a chat's items, and what was said as memories. Needs
``mem0lite[openai-agents]``."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ..data.messages import read_messages
from ..errors import ValidationError
from ..memory import Memory
from ..types import SearchHit
from . import missing
from .chats import Chat, Said, finished
from .shelf import Shelf, opened

try:
    from agents.items import TResponseInputItem
    from agents.memory import SessionSettings
except ModuleNotFoundError as error:
    raise missing("openai_agents", error) from error

_APP = "openai-agents"


class MemorySession:
    """The history of one chat, for ``Runner.run(…, session=…)``.

    Items come back exactly as they were given, in the order in which they were added, whichever process added them.
    What the user and the assistant said can be searched: by ``search``, and by every search of the file that reaches
    the scope. An item is a memory with ``app_id="openai-agents"`` and the ``session_id`` as ``run_id``, and of the user
    or agent that is given here. Tool calls, their results and reasoning have the ``app_id`` ``openai-agents.hidden``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.
    ``session_settings`` are the SDK's: ``limit`` is how many items ``get_items`` returns by default.

    Raises ValidationError for a ``session_id`` that cannot be an id, and what opening a file raises.
    """

    def __init__(
        self,
        session_id: str,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        session_settings: SessionSettings | None = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = SessionSettings() if session_settings is None else session_settings
        self.memory, self._owned = opened(memory)
        self._chat = Chat(Shelf(self.memory, _APP, user_id=user_id, agent_id=agent_id), session_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file, if the session opened it."""
        if self._owned:
            await asyncio.to_thread(self.memory.close)

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the latest ``limit`` items, oldest first; None means the limit of the settings, by default all.

        As in the SDK's SQLiteSession, 0 returns nothing and a negative limit all items.
        """
        wanted = self.session_settings.limit if limit is None else limit
        return await asyncio.to_thread(self._chat.latest, None if wanted is None or wanted < 0 else wanted)

    async def add_items(self, items: Sequence[TResponseInputItem]) -> None:
        """Add items, all or none. Raises ValidationError for an item that JSON cannot hold."""
        await finished(lambda: self._chat.add([_said(item) for item in items]))

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove the latest item and return it; None if there is none."""
        return await finished(self._chat.pop)

    async def clear_session(self) -> None:
        """Remove every item of the session."""
        await finished(self._chat.clear)

    async def search(self, query: str, *, limit: int = 5) -> list[SearchHit]:
        """Return what was said in this session and is closest to a query, best first, as ``Memory.search`` does."""
        return await asyncio.to_thread(self._chat.search, query, limit)


def _said(item: Any) -> Said:
    """Return an item with what a user or an assistant said in it."""
    if not isinstance(item, Mapping):
        raise ValidationError(f"Invalid item: must be a dictionary, got {type(item).__name__}.", field="items")
    kind, role = item.get("type") or item.get("role") or "item", item.get("role")
    if role not in ("user", "assistant"):
        return Said(item, None, None, str(kind))
    try:
        messages, _ = read_messages([item])
    except ValidationError:  # an item is kept whatever is in it
        messages = []
    return Said(item, "\n".join(one.text for one in messages), role, str(kind))
