"""Google ADK's memory service over a Memory. Needs ``mem0lite[google-adk]``."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import ValidationError
from ..memory import DEFAULT_THRESHOLD, Memory
from ..values import MAX_TEXT_LENGTH, new_id, to_iso, to_micros
from . import missing
from .shelf import Kept, Put, Shelf, named_place, opened

try:
    from google.adk.agents.callback_context import CallbackContext
    from google.adk.events.event import Event
    from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
    from google.adk.memory.memory_entry import MemoryEntry
    from google.adk.sessions.session import Session
except ModuleNotFoundError as error:
    raise missing("google_adk", error) from error

_APP = "google-adk"
_DELETED = ":deleted."
_DIRECT = ":memories."
_UNKNOWN = ":unknown."
_PAGE = 500


class MemoryService(BaseMemoryService):
    """What users said in their sessions, and memories that are added directly, for ``Runner(memory_service=…)``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.
    ``top_k`` is how many memories a search returns at most, and ``threshold`` the lowest score that counts.

    ADK's Runner adds no session on its own. ``Agent(after_agent_callback=remember)`` does.

    An event is kept under its id, so a session can be added again and again, and only what is new is embedded. Events
    without text (calls of functions, their results, thoughts) are left out. A memory has ``app_id="google-adk"``, the
    app's name as ``agent_id``, the ``user_id``, and the session's id as ``run_id``.
    """

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        top_k: int = 10,
        threshold: float | None = DEFAULT_THRESHOLD,
    ) -> None:
        self.memory, self._owned = opened(memory)
        self._top_k = top_k
        self._threshold = threshold

    async def close(self) -> None:
        """Close the file, if the service opened it."""
        if self._owned:
            await asyncio.to_thread(self.memory.close)

    async def add_session_to_memory(self, session: Session) -> None:
        """Add the events of a session that are not there yet."""
        await self.add_events_to_memory(
            app_name=session.app_name, user_id=session.user_id, events=session.events, session_id=session.id
        )

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add events that are not there yet; ``custom_metadata`` comes back with each of them."""
        place = _UNKNOWN if session_id is None else named_place(session_id, "session_id")
        puts = [_of_event(event, place, custom_metadata) for event in events]
        shelf = self._shelf(app_name, user_id)
        await asyncio.to_thread(_add_new, shelf, [put for put in puts if put is not None])

    async def add_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        memories: Sequence[MemoryEntry],
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Add memories, or replace those that have the same ids. One without text is an error."""
        now = self.memory._now()
        puts = [_of_entry(entry, now, custom_metadata) for entry in memories]
        await asyncio.to_thread(self._shelf(app_name, user_id).write, puts)

    async def search_memory(self, *, app_name: str, user_id: str, query: str) -> SearchMemoryResponse:
        """Return the memories that are closest to a query, best first; none for a blank query."""
        if not query.strip():
            return SearchMemoryResponse()
        shelf = self._shelf(app_name, user_id)
        hits = await asyncio.to_thread(lambda: shelf.search(query, {}, self._top_k, threshold=self._threshold))
        return SearchMemoryResponse(memories=[_entry(hit) for hit in hits])

    async def delete_memory(self, *, app_name: str, user_id: str, memory_id: str | None = None) -> None:
        """Delete the memory with an id that ``search_memory`` gave. Adding its session again does not bring it back."""
        if memory_id:
            await asyncio.to_thread(_delete, self._shelf(app_name, user_id), memory_id)

    def _shelf(self, app_name: str, user_id: str) -> Shelf:
        return Shelf(
            self.memory,
            _APP,
            user_id=named_place(user_id, "user_id"),
            agent_id=named_place(app_name, "app_name"),
        )


async def remember(callback_context: CallbackContext) -> None:
    """Add the session to the memory service of the runner; as ``after_agent_callback`` of an agent."""
    await callback_context.add_session_to_memory()


def _add_new(shelf: Shelf, puts: Sequence[Put]) -> None:
    """Write what is not there yet and was not deleted."""
    there = shelf.get([(put.place, put.key) for put in puts])
    deleted = shelf.get([(_DELETED, put.key) for put in puts])
    new = [put for put, *found in zip(puts, there, deleted, strict=True) if found == [None, None]]
    if new:
        shelf.write(new)


def _delete(shelf: Shelf, memory_id: str) -> None:
    asked = {"metadata.item.key": {"eq": json.dumps(memory_id)}, "run_id": {"ne": _DELETED}}
    found = [one for one in shelf.newest(asked, _PAGE) if one.key == memory_id]
    if found:
        gone = Put(_DELETED, memory_id, None, None, label="(deleted)")
        shelf.write([gone], [(one.place, one.key) for one in found])


def _of_event(event: Event, place: str, custom_metadata: Mapping[str, object] | None) -> Put | None:
    text = _text(event.content)
    if not text:
        return None
    at = to_micros(event.timestamp, "timestamp")
    return _put(place, event.id, event.content, event.author, to_iso(at), dict(custom_metadata or {}), at, text)


def _of_entry(entry: MemoryEntry, now: int, custom_metadata: Mapping[str, object] | None) -> Put:
    text = _text(entry.content)
    if not text:
        raise ValidationError("Invalid memories: one of them has no text. Leave it out.", field="memories")
    metadata = {**(custom_metadata or {}), **entry.custom_metadata}
    stamp = to_iso(now) if entry.timestamp is None else entry.timestamp
    return _put(_DIRECT, entry.id or new_id(), entry.content, entry.author, stamp, metadata, now, text)


def _put(
    place: str, key: str, content: Any, author: str | None, timestamp: str, metadata: dict[str, Any], at: int, text: str
) -> Put:
    value = {
        "content": content.model_dump(mode="json", exclude_none=True),
        "author": author,
        "timestamp": timestamp,
        "custom_metadata": metadata,
    }
    role = "user" if (content.role or author) == "user" else "assistant"
    return Put(place, key, value, text[:MAX_TEXT_LENGTH], role=role, at=at)


def _text(content: Any) -> str:
    """Return what is said in a content, without thoughts."""
    parts: Iterable[Any] = (content and content.parts) or ()
    return "\n".join(part.text for part in parts if part.text and not part.thought).strip()


def _entry(found: Kept) -> MemoryEntry:
    return MemoryEntry.model_validate({**found.value, "id": found.key})
