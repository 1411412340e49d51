"""A memory as stores and verbs exchange it, whatever database holds it. Pure."""

from dataclasses import dataclass
from typing import Any

from .text import indexed_text
from .types import Event, HistoryItem, MemoryItem
from .values import to_iso


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memory it is; at least one id is set."""

    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A memory as stored. Instants are microseconds since 1970 UTC."""

    id: str
    scope: Scope
    text: str
    hash: str
    metadata: dict[str, Any] | None
    created_at: int
    updated_at: int
    expires_at: int | None = None
    expiration_date: str | None = None
    actor_id: str | None = None
    role: str | None = None

    @property
    def indexed_text(self) -> str:
        """What is embedded and indexed."""
        return indexed_text(self.text, self.actor_id)

    def to_item(self) -> MemoryItem:
        """Return the memory as callers see it, without a score."""
        item: MemoryItem = {
            "id": self.id,
            "memory": self.text,
            "hash": self.hash,
            "metadata": self.metadata,
            "created_at": to_iso(self.created_at),
            "updated_at": to_iso(self.updated_at),
        }
        if self.scope.user_id is not None:
            item["user_id"] = self.scope.user_id
        if self.scope.agent_id is not None:
            item["agent_id"] = self.scope.agent_id
        if self.scope.run_id is not None:
            item["run_id"] = self.scope.run_id
        if self.actor_id is not None:
            item["actor_id"] = self.actor_id
        if self.role is not None:
            item["role"] = self.role
        if self.expiration_date is not None:
            item["expiration_date"] = self.expiration_date
        if self.expires_at is not None:
            item["expires_at"] = to_iso(self.expires_at)
        return item


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a memory's history."""

    id: str
    event: Event
    old_memory: str | None
    new_memory: str | None
    created_at: int
    updated_at: int
    actor_id: str | None
    role: str | None

    def to_item(self, memory_id: str) -> HistoryItem:
        """Return the change as callers see it."""
        return {
            "id": self.id,
            "memory_id": memory_id,
            "old_memory": self.old_memory,
            "new_memory": self.new_memory,
            "event": self.event,
            "created_at": to_iso(self.created_at),
            "updated_at": to_iso(self.updated_at),
            "is_deleted": self.event == "DELETE",
            "actor_id": self.actor_id,
            "role": self.role,
        }
