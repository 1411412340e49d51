"""Strands Agents' session manager and memory store over a Memory. Needs ``mem0lite[strands]``."""

import asyncio
import os
from typing import Any, cast

from ..memory import DEFAULT_THRESHOLD, Memory
from ..values import MAX_TEXT_LENGTH
from . import missing
from .shelf import MISSING, Kept, NotReplacedError, Put, Shelf, named_place, opened

try:
    from strands.memory.types import MemoryEntry, SearchOptions
    from strands.memory.types import MemoryStore as StrandsStore
    from strands.multiagent.base import MultiAgentBase
    from strands.session.repository_session_manager import RepositorySessionManager
    from strands.session.session_repository import SessionRepository
    from strands.types.exceptions import SessionException
    from strands.types.session import Session, SessionAgent, SessionMessage
except ModuleNotFoundError as error:
    raise missing("strands", error) from error

_APP = "strands"
_SESSIONS = "strands-sessions"
_USER = "strands"
_PAGE = 500


class MemorySessionManager(RepositorySessionManager, SessionRepository):
    """The sessions of one user, for ``Agent(session_manager=…)``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.
    Sessions of different users with the same id are different sessions.

    Messages come back exactly as they were given. What the user and the assistant said can be searched: a message is a
    memory with the ``user_id``, the agent's id as ``agent_id``, the session's id as ``run_id``, and
    ``app_id="strands-sessions"``. Everything else has the ``app_id`` ``strands-sessions.hidden``. Of a message that was
    redacted, the replacement is found.

    Raises ValidationError for ids that are no texts, and what opening a file raises.
    """

    def __init__(
        self,
        session_id: str,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str = _USER,
        **kwargs: Any,
    ) -> None:
        self._user_id = named_place(user_id, "user_id")
        named_place(session_id, "session_id")
        self.memory, self._owned = opened(memory)
        super().__init__(session_id=session_id, session_repository=self, **kwargs)

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self.memory.close()

    # -- sessions

    def create_session(self, session: Session, **kwargs: Any) -> Session:
        """Create a session. Raises SessionException if there is one with its id."""
        try:
            self._write(None, session.session_id, "session", session.to_dict(), new=True)
        except NotReplacedError:
            raise SessionException(f"Session {session.session_id} already exists") from None
        return session

    def read_session(self, session_id: str, **kwargs: Any) -> Session | None:
        """Return a session, None if there is none with this id."""
        found = self._read(None, session_id, "session")
        return None if found is None else Session.from_dict(found.value)

    def delete_session(self, session_id: str, **kwargs: Any) -> None:
        """Delete a session with its agents and messages. Raises SessionException if there is none with this id."""
        if self.read_session(session_id) is None:
            raise SessionException(f"Session {session_id} does not exist")
        Shelf(self.memory, _SESSIONS, user_id=self._user_id).clear(named_place(session_id, "session_id"))

    # -- agents

    def create_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """Keep an agent, or replace the one with its id."""
        self._write(session_agent.agent_id, session_id, "agent", session_agent.to_dict())

    def read_agent(self, session_id: str, agent_id: str, **kwargs: Any) -> SessionAgent | None:
        """Return an agent, None if the session has none with this id."""
        found = self._read(agent_id, session_id, "agent")
        return None if found is None else SessionAgent.from_dict(found.value)

    def update_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """Replace an agent. Raises SessionException if the session has none with its id."""
        before = self.read_agent(session_id, session_agent.agent_id)
        if before is None:
            raise SessionException(f"Agent {session_agent.agent_id} in session {session_id} does not exist")
        session_agent.created_at = before.created_at
        self.create_agent(session_id, session_agent)

    # -- messages

    def create_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any) -> None:
        """Keep a message, or replace the one with its number."""
        message = session_message.to_message()
        said = "\n".join(one["text"] for one in message["content"] if isinstance(one.get("text"), str))
        text = said if len(said) <= MAX_TEXT_LENGTH else None
        key, value = _key(session_message.message_id), session_message.to_dict()
        self._write(agent_id, session_id, key, value, text=text, role=message["role"], label="(message)")

    def read_message(self, session_id: str, agent_id: str, message_id: int, **kwargs: Any) -> SessionMessage | None:
        """Return a message, None if the agent has none with this number."""
        found = self._read(agent_id, session_id, _key(message_id))
        return None if found is None else SessionMessage.from_dict(found.value)

    def update_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any) -> None:
        """Replace a message. Raises SessionException if the agent has none with its number."""
        before = self.read_message(session_id, agent_id, session_message.message_id)
        if before is None:
            raise SessionException(f"Message {session_message.message_id} does not exist")
        session_message.created_at = before.created_at
        self.create_message(session_id, agent_id, session_message)

    def list_messages(
        self, session_id: str, agent_id: str, limit: int | None = None, offset: int = 0, **kwargs: Any
    ) -> list[SessionMessage]:
        """Return the messages of an agent in their order. Raises SessionException if the session has no such agent."""
        if self._read(agent_id, session_id, "agent") is None:
            raise SessionException(f"Agent {agent_id} in session {session_id} does not exist")
        here = {"run_id": {"eq": named_place(session_id, "session_id")}}
        found = self._shelf(agent_id).newest(here, _PAGE)
        known = {int(one.key.removeprefix("#")): one.value for one in found if one.key.startswith("#")}
        chosen = sorted(known)[offset : None if limit is None else offset + limit]
        return [SessionMessage.from_dict(known[number]) for number in chosen]

    # -- several agents

    def create_multi_agent(self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any) -> None:
        """Keep the state of several agents, or replace the one with its id."""
        self._write(None, session_id, f"several {multi_agent.id}", multi_agent.serialize_state())

    def read_multi_agent(self, session_id: str, multi_agent_id: str, **kwargs: Any) -> dict[str, Any] | None:
        """Return the state of several agents, None if the session has none with this id."""
        found = self._read(None, session_id, f"several {multi_agent_id}")
        return None if found is None else cast("dict[str, Any]", found.value)

    def update_multi_agent(self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any) -> None:
        """Replace the state of several agents. Raises SessionException if the session has none with its id."""
        if self.read_multi_agent(session_id, multi_agent.id) is None:
            raise SessionException(f"MultiAgent state {multi_agent.id} in session {session_id} does not exist")
        self.create_multi_agent(session_id, multi_agent)

    # -- what these share

    def _shelf(self, agent_id: str | None) -> Shelf:
        named = None if agent_id is None else named_place(agent_id, "agent_id")
        return Shelf(self.memory, _SESSIONS, user_id=self._user_id, agent_id=named)

    def _read(self, agent_id: str | None, session_id: str, key: str) -> Kept | None:
        [found] = self._shelf(agent_id).get([(named_place(session_id, "session_id"), key)])
        return found

    def _write(
        self,
        agent_id: str | None,
        session_id: str,
        key: str,
        value: dict[str, Any],
        *,
        text: str | None = None,
        role: str | None = None,
        label: str | None = None,
        new: bool = False,
    ) -> None:
        replaces = (lambda held: held is MISSING) if new else None
        place = named_place(session_id, "session_id")
        put = Put(place, key, value, text, label=label or f"({key.split()[0]})", role=role, replaces=replaces)
        self._shelf(agent_id).write([put])


class MemoryStore(StrandsStore):
    """What is known about one user, for ``MemoryManager(stores=[…])``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here. What
    is added has the ``user_id`` and ``app_id="strands"``; what adds nothing to a memory is not added again, because
    Strands may write the same twice. ``threshold`` is the lowest score that counts.

    Raises ValidationError for a ``user_id`` that is no text, and what opening a file raises.
    """

    def __init__(
        self,
        user_id: str,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        name: str = "memories",
        description: str | None = "What is known about the user from earlier conversations.",
        max_search_results: int | None = None,
        writable: bool = True,
        extraction: Any = None,
        threshold: float | None = DEFAULT_THRESHOLD,
    ) -> None:
        self._ids = {"user_id": named_place(user_id, "user_id"), "app_id": _APP}
        self.memory, self._owned = opened(memory)
        self.name, self.description = name, description
        self.max_search_results, self.writable, self.extraction = max_search_results, writable, extraction
        self._threshold = threshold

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self.memory.close()

    async def search(self, query: str, options: SearchOptions | None = None) -> list[MemoryEntry]:
        """Return the memories that are closest to a query, best first; none for a blank query.

        Their metadata has the ``id``, the ``score`` and the date (``created_at``) besides what was given.
        """
        if not query.strip():
            return []
        count = (options or {}).get("max_search_results") or self.max_search_results or 5
        found = await asyncio.to_thread(
            lambda: self.memory.search(
                query[:MAX_TEXT_LENGTH], filters=self._ids, top_k=count, threshold=self._threshold
            )
        )
        names = ("id", "score", "created_at")
        return [
            MemoryEntry(one["memory"], metadata={**(one["metadata"] or {}), **{name: one[name] for name in names}})
            for one in found["results"]
        ]

    async def add(self, content: str, metadata: dict[str, Any] | None = None) -> Any:
        """Add a text, unless a memory says the same. Raises ValidationError for a blank text."""
        return await asyncio.to_thread(
            lambda: self.memory.add(content, user_id=self._ids["user_id"], app_id=_APP, metadata=metadata)
        )

    async def delete(self, memory_id: str) -> None:
        """Delete a memory by the id that ``search`` gave. Raises MemoryNotFoundError if the user has none with it."""
        await asyncio.to_thread(lambda: self.memory.for_user(self._ids["user_id"]).delete(memory_id))


def _key(message_id: int) -> str:
    return f"#{message_id}"
