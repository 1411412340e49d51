"""LlamaIndex's memory block and chat store over a Memory. Needs ``mem0lite[llama-index]``."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import Any, Self

from ..memory import Memory
from ..memory.arguments import DEFAULT_MAX_TOKENS
from ..types import SearchHit
from ..values import MAX_TEXT_LENGTH
from . import missing
from .chats import finished
from .recall import Recall, Turn
from .shelf import MISSING, Kept, NotReplacedError, Put, Shelf, name_of, named_place, opened

try:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.memory import BaseMemoryBlock
    from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
    from pydantic import PrivateAttr
except ModuleNotFoundError as error:
    raise missing("llama_index", error) from error

_APP = "llama-index"
_MARKS = ":archived."
_ARCHIVED = "archived "
_PAGE = 500
_ROLES = {"user": "user", "assistant": "assistant", "chatbot": "assistant", "model": "assistant"}
"""Roles whose messages somebody said, and what they are called here."""


class MemoryBlock(BaseMemoryBlock[str]):
    """What is remembered of a user or an agent, as a block of LlamaIndex's ``Memory``.

    Before each turn the block has what fits the last message of the user: a text of ``max_tokens`` at most, as
    ``Memory.context`` makes it, of everything that the file has of the user. Messages that leave LlamaIndex's
    short-term window are added, with ``app_id="llama-index"`` and the session as ``run_id``; those of the system and of
    tools are left out. With ``accept_short_term_memory=False`` nothing is added.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.

    Raises ValidationError if neither ``user_id`` nor ``agent_id`` is given.
    """

    name: str = "memories"
    user_id: str | None = None
    agent_id: str | None = None
    max_tokens: int = DEFAULT_MAX_TOKENS

    _memory: Any = PrivateAttr()
    _owned: bool = PrivateAttr()
    _recall: Any = PrivateAttr()

    def __init__(self, memory: Memory | str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._memory, self._owned = opened(memory)
        ids = {"user_id": self.user_id, "agent_id": self.agent_id}
        try:
            self._recall = Recall(self._memory, _APP, max_tokens=self.max_tokens, **ids)
        except BaseException:
            self.close()
            raise

    @property
    def memory(self) -> Memory:
        """The memory that is asked."""
        found: Memory = self._memory
        return found

    def close(self) -> None:
        """Close the file, if the block opened it."""
        if self._owned:
            self.memory.close()

    async def _aget(self, messages: Sequence[ChatMessage] | None = None, **options: Any) -> str:
        query = next((one.content or "" for one in reversed(messages or ()) if one.role.value == "user"), "")
        found = await asyncio.to_thread(self._recall.ask, query)
        text: str = found.text
        return text

    async def _aput(self, messages: Sequence[ChatMessage]) -> None:
        await finished(lambda: self._add(messages))

    def _add(self, messages: Sequence[ChatMessage]) -> None:
        said = [one for one in messages if one.role.value in _ROLES]
        for session, group in groupby(said, lambda one: one.additional_kwargs.get("session_id")):
            self._recall.add([Turn(_ROLES[one.role.value], one.content or "") for one in group], session)


class MemoryChatStore(AsyncDBChatStore):
    """The messages of chats, for ``Memory.from_defaults(chat_store=…)``.

    Messages come back as they were added, in order, whichever process added them. What users and assistants said can
    be searched, by ``search`` and by every search of the file that reaches the scope: it has ``app_id="llama-index"``,
    the chat's key as ``run_id``, and the user or agent that is given here. The rest has the ``app_id``
    ``llama-index.hidden``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.

    Methods raise ValidationError for a key that is not a text, and for a message that JSON cannot hold.
    """

    user_id: str | None = None
    agent_id: str | None = None

    _memory: Any = PrivateAttr()
    _owned: bool = PrivateAttr()
    _shelf: Any = PrivateAttr()

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        super().__init__(user_id=user_id, agent_id=agent_id)
        self._memory, self._owned = opened(memory)
        self._shelf = Shelf(self._memory, _APP, user_id=user_id, agent_id=agent_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *about: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file, if the store opened it."""
        if self._owned:
            await asyncio.to_thread(self._memory.close)

    async def search(self, query: str, key: str, *, limit: int = 5) -> list[SearchHit]:
        """Return what was said in a chat and is closest to a query, best first, as ``Memory.search`` does."""
        return await asyncio.to_thread(lambda: self._shelf.hits(query, _in(key), limit))

    # -- reading

    async def get_messages(
        self,
        key: str,
        status: MessageStatus | None = MessageStatus.ACTIVE,
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[ChatMessage]:
        """Return messages, oldest first; with ``status=None`` archived ones, too."""
        first = offset or 0
        found = await asyncio.to_thread(self._all, key, status)
        return [_message(one) for one in found[first : None if limit is None else first + limit]]

    async def count_messages(self, key: str, status: MessageStatus | None = MessageStatus.ACTIVE) -> int:
        """Return how many messages there are."""
        return len(await asyncio.to_thread(self._all, key, status))

    async def get_keys(self) -> list[str]:
        """Return the keys of the chats that have messages."""
        places = await asyncio.to_thread(self._shelf.places)
        return [name_of(one) for one in places if one != _MARKS]

    # -- writing

    async def add_message(self, key: str, message: ChatMessage, status: MessageStatus = MessageStatus.ACTIVE) -> None:
        """Add a message."""
        await self.add_messages(key, [message], status)

    async def add_messages(
        self, key: str, messages: Sequence[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Add messages, all or none."""
        await finished(lambda: self._add(key, messages, status, ()))

    async def set_messages(
        self, key: str, messages: Sequence[ChatMessage], status: MessageStatus = MessageStatus.ACTIVE
    ) -> None:
        """Replace all messages of a chat, in one transaction."""
        await finished(lambda: self._add(key, messages, status, self._all(key, None)))

    async def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Delete the message that has an index in what ``get_messages`` returns, and return it; None if none has."""
        return await finished(lambda: self._delete(key, idx))

    async def delete_messages(self, key: str, status: MessageStatus | None = None) -> None:
        """Delete the messages of a chat, or those that are active or archived."""
        if status is None:
            await finished(lambda: self._shelf.clear(named_place(key, "key")))
        else:
            await finished(lambda: self._shelf.write([], _keys(self._all(key, status))))

    async def delete_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Delete the ``n`` oldest active messages and return them."""
        return await finished(lambda: self._delete_oldest(key, n))

    async def archive_oldest_messages(self, key: str, n: int) -> list[ChatMessage]:
        """Archive the ``n`` oldest active messages and return them."""
        return await finished(lambda: self._archive_oldest(key, n))

    def _all(self, key: str, status: MessageStatus | None) -> list[Kept]:
        """Return the messages of a chat, oldest first."""
        mark = self._mark(key)
        newest = self._newest(key, mark if status == MessageStatus.ACTIVE else -1)
        return [one for one in newest if status is None or _status(one, mark) == status][::-1]

    def _newest(self, key: str, mark: int) -> Iterator[Kept]:
        """Yield the messages that were added after a mark, and some of those before it, newest first."""
        for one in self._shelf.newest(_in(key), _PAGE):
            if not one.key.startswith(_ARCHIVED) and int(one.key) <= mark:
                return
            yield one

    def _mark(self, key: str) -> int:
        """Return the instant up to which the messages of a chat are archived."""
        [mark] = self._shelf.get([(_MARKS, named_place(key, "key"))])
        return -1 if mark is None else int(mark.value)

    def _add(self, key: str, messages: Sequence[ChatMessage], status: MessageStatus, gone: Sequence[Kept]) -> None:
        prefix = _ARCHIVED if status == MessageStatus.ARCHIVED else ""
        first = self._shelf.instants(len(messages)) if messages else 0
        puts = [_put(named_place(key, "key"), prefix, one, at) for at, one in enumerate(messages, start=first)]
        self._shelf.write(puts, _keys(gone))

    def _delete(self, key: str, idx: int) -> ChatMessage | None:
        found = self._all(key, MessageStatus.ACTIVE)
        if not 0 <= idx < len(found) or not self._shelf.delete_found(found[idx]):
            return None
        return _message(found[idx])

    def _delete_oldest(self, key: str, n: int) -> list[ChatMessage]:
        oldest = islice(self._all(key, MessageStatus.ACTIVE), max(n, 0))
        return [_message(one) for one in oldest if self._shelf.delete_found(one)]

    def _archive_oldest(self, key: str, n: int) -> list[ChatMessage]:
        oldest = self._all(key, MessageStatus.ACTIVE)[: max(n, 0)]
        if oldest:
            until = int(oldest[-1].key)
            with suppress(NotReplacedError):  # others have archived more meanwhile
                self._shelf.write([_marked(key, until)])
        return [_message(one) for one in oldest]


def _in(key: str) -> dict[str, Any]:
    return {"run_id": {"eq": named_place(key, "key")}}


def _marked(key: str, until: int) -> Put:
    def later(held: Any) -> bool:
        return held is MISSING or held < until

    return Put(_MARKS, named_place(key, "key"), until, None, label="(archived)", replaces=later)


def _keys(found: Sequence[Kept]) -> list[tuple[str, str]]:
    return [(one.place, one.key) for one in found]


def _status(found: Kept, mark: int) -> MessageStatus:
    archived = found.key.startswith(_ARCHIVED) or int(found.key) <= mark
    return MessageStatus.ARCHIVED if archived else MessageStatus.ACTIVE


def _put(place: str, prefix: str, message: ChatMessage, at: int) -> Put:
    role = _ROLES.get(message.role.value)
    said = message.content if role else None
    text = None if said is None or len(said) > MAX_TEXT_LENGTH else said
    value, label = message.model_dump(mode="json"), f"({message.role.value})"
    return Put(place, f"{prefix}{at}", value, text, label=label, role=role, at=at)


def _message(found: Kept) -> ChatMessage:
    value: Mapping[str, Any] = found.value
    return ChatMessage.model_validate(value)
