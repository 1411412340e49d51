"""LangChain's retriever and chat-message history over a Memory. Needs ``mem0lite[langchain]``."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..data.messages import read_messages
from ..errors import ValidationError
from ..memory import DEFAULT_THRESHOLD, Memory
from ..types import SearchHit
from . import missing
from .chats import Chat, Said
from .shelf import Shelf, opened

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
    from langchain_core.retrievers import BaseRetriever
    from pydantic import PrivateAttr
except ModuleNotFoundError as error:
    raise missing("langchain", error) from error

_APP = "langchain"
_SAID = ("human", "ai", "HumanMessageChunk", "AIMessageChunk")


class MemoryRetriever(BaseRetriever):
    """The memories of a scope as documents, best first, for chains and agents.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here. The
    other arguments are those of ``Memory.search``; name at least one id, or a filter that does. A document has the
    memory's text, its id, and as metadata what the memory has besides: its own metadata, ``score``, ``created_at``,
    ``user_id`` and so on. The memory's own fields come before metadata of the same name.

    Raises what ``Memory.search`` raises, when it is called.
    """

    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    app_id: str | None = None
    filters: dict[str, Any] | None = None
    top_k: int = 5
    threshold: float | None = DEFAULT_THRESHOLD
    rerank: bool | None = None
    relevant_only: bool = False

    _memory: Any = PrivateAttr()
    _owned: bool = PrivateAttr()

    def __init__(self, memory: Memory | str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._memory, self._owned = opened(memory)

    @property
    def memory(self) -> Memory:
        """The memory that is searched."""
        found: Memory = self._memory
        return found

    def close(self) -> None:
        """Close the file, if the retriever opened it."""
        if self._owned:
            self.memory.close()

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun | None = None
    ) -> list[Document]:
        found = self.memory.search(
            query,
            filters=self.filters,
            user_id=self.user_id,
            agent_id=self.agent_id,
            run_id=self.run_id,
            app_id=self.app_id,
            top_k=self.top_k,
            threshold=self.threshold,
            rerank=self.rerank,
            relevant_only=self.relevant_only,
        )
        return [_document(hit) for hit in found["results"]]


class MemoryChatMessageHistory(BaseChatMessageHistory):
    """The messages of one chat, for ``RunnableWithMessageHistory``.

    Messages come back as they were added, of their own classes, in order, whichever process added them. What people
    and the model said can be searched, by ``search`` and by every search of the file that reaches the scope: it has
    ``app_id="langchain"``, the ``session_id`` as ``run_id``, and the user or agent that is given here. Messages of the
    system and of tools, and those without text, have the ``app_id`` ``langchain.hidden``.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.

    Raises ValidationError for a ``session_id`` that is not a text, and for a message that JSON cannot hold.
    """

    def __init__(
        self,
        session_id: str,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        self.memory, self._owned = opened(memory)
        self._chat = Chat(Shelf(self.memory, _APP, user_id=user_id, agent_id=agent_id), session_id)

    def close(self) -> None:
        """Close the file, if the history opened it."""
        if self._owned:
            self.memory.close()

    @property
    def messages(self) -> list[BaseMessage]:
        """Every message, oldest first."""
        found: list[BaseMessage] = messages_from_dict(self._chat.latest())
        return found

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Add messages, all or none."""
        self._chat.add([_said(message) for message in messages])

    def clear(self) -> None:
        """Remove every message."""
        self._chat.clear()

    def search(self, query: str, *, limit: int = 5) -> list[SearchHit]:
        """Return what was said in this chat and is closest to a query, best first, as ``Memory.search`` does."""
        return self._chat.search(query, limit)


def _document(hit: Mapping[str, Any]) -> Document:
    fields = {name: one for name, one in hit.items() if name not in ("memory", "metadata", "hash")}
    return Document(id=hit["id"], page_content=hit["memory"], metadata={**(hit["metadata"] or {}), **fields})


def _said(message: BaseMessage) -> Said:
    value = message_to_dict(message)
    if message.type not in _SAID:
        return Said(value, None, None, message.type)
    try:
        messages, _ = read_messages([message])
    except ValidationError:  # a message is kept whatever is in it
        messages = []
    role = "user" if message.type.lower().startswith("human") else "assistant"
    return Said(value, "\n".join(one.text for one in messages), role, message.type)
