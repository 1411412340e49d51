"""Agno's database of users' memories over a Memory. Needs ``mem0lite[agno]``."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ..memory import DEFAULT_THRESHOLD, Memory
from ..values import MAX_TEXT_LENGTH, new_id
from . import missing
from .shelf import Kept, Put, Shelf, named_place, opened

try:
    from agno.db.base import BaseDb
    from agno.db.schemas import UserMemory
except ModuleNotFoundError as error:
    raise missing("agno", error) from error

_APP = "agno"
_PLACE = ":memories."
_PAGE = 500
_SECOND = 1_000_000


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(self: object, *arguments: object, **more: object) -> Any:
        raise NotImplementedError(
            f"{name}: MemoryDb keeps memories of users only. Give it to a MemoryManager, and the agent another db."
        )

    return refuse


_Base: Any = type("_Base", (BaseDb,), {name: _refusing(name) for name in getattr(BaseDb, "__abstractmethods__", ())})
"""A database that refuses everything."""


class MemoryDb(_Base):
    """The memories of users, for ``MemoryManager(db=…)``; sessions, runs and the like need another database.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here.

    A memory comes back as it was given, with the time of the last change as ``updated_at``. ``search_content`` finds by
    meaning and by words, best first. A memory is one with the ``user_id``, and ``app_id="agno"``. Methods without a
    ``user_id`` are about everybody's memories.
    """

    def __init__(self, memory: Memory | str | os.PathLike[str] | None = None, *, id: str | None = None) -> None:
        self.memory, self._owned = opened(memory)
        super().__init__(id=id)

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self.memory.close()

    # -- writing

    def upsert_user_memory(self, memory: UserMemory, deserialize: bool | None = True) -> Any:
        """Keep a memory, or replace the one that its user has with its id. One without an id gets one."""
        return self.upsert_memories([memory], deserialize)[0]

    def upsert_memories(
        self, memories: list[UserMemory], deserialize: bool | None = True, preserve_updated_at: bool = False
    ) -> list[Any]:
        """Keep memories. Raises ValidationError for one that JSON cannot hold; then those of its user are not kept."""
        puts: dict[str | None, list[Put]] = {}
        for one in memories:
            one.memory_id = one.memory_id or new_id()
            if not (preserve_updated_at and one.updated_at is not None):
                one.updated_at = self.memory._now() // _SECOND
            put = Put(_PLACE, one.memory_id, asdict(one), one.memory, label="(no text)")
            puts.setdefault(one.user_id, []).append(put)
        for user_id, own in puts.items():
            self._shelf(user_id).write(own)
        return [_given(asdict(one), deserialize) for one in memories]

    def delete_user_memory(self, memory_id: str, user_id: str | None = None) -> None:
        """Delete a memory; nothing happens if there is none with this id."""
        self.delete_user_memories([memory_id], user_id)

    def delete_user_memories(self, memory_ids: list[str], user_id: str | None = None) -> None:
        """Delete memories; ids that no memory has are passed over."""
        shelf = self._shelf(user_id)
        for found in self._with_ids(memory_ids, user_id):
            shelf.delete_found(found)

    def clear_memories(self) -> None:
        """Delete all memories of everybody."""
        self._shelf(None).clear(_PLACE)

    # -- reading

    def get_user_memory(self, memory_id: str, deserialize: bool | None = True, user_id: str | None = None) -> Any:
        """Return a memory, None if there is none with this id."""
        found = self._with_ids([memory_id], user_id)
        return _given(found[0].value, deserialize) if found else None

    def get_user_memories(
        self,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        topics: list[str] | None = None,
        search_content: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
    ) -> Any:
        """Return memories, oldest first unless they are searched or sorted.

        With ``deserialize=False`` these are dictionaries, and how many there are without ``limit`` comes with them.
        """
        values = self._values(user_id, search_content)
        wanted = {"agent_id": agent_id, "team_id": team_id}
        chosen = [
            one
            for one in values
            if all(asked is None or one[name] == asked for name, asked in wanted.items())
            and (topics is None or set(topics) & set(one["topics"] or ()))
        ]
        if sort_by is not None:
            known = [one for one in chosen if one.get(sort_by) is not None]
            known.sort(key=lambda one: one[sort_by], reverse=sort_order != "asc")
            chosen = known + [one for one in chosen if one.get(sort_by) is None]
        given = [_given(one, deserialize) for one in _paged(chosen, limit, page)]
        return given if deserialize else (given, len(chosen))

    def get_all_memory_topics(self, user_id: str | None = None) -> list[str]:
        """Return every topic, in alphabetical order."""
        return sorted({topic for one in self._values(user_id, None) for topic in one["topics"] or ()})

    def get_user_memory_stats(
        self, limit: int | None = None, page: int | None = None, user_id: str | None = None
    ) -> tuple[list[dict[str, Any]], int]:
        """Return how many memories each user has and when one of them changed last, and how many users there are."""
        stats: dict[str, dict[str, Any]] = {}
        for one in self._values(user_id, None):
            if (name := one["user_id"]) is not None:
                own = stats.setdefault(name, {"user_id": name, "total_memories": 0, "last_memory_updated_at": 0})
                own["total_memories"] += 1
                own["last_memory_updated_at"] = max(own["last_memory_updated_at"], one["updated_at"] or 0)
        ordered = sorted(stats.values(), key=lambda own: -own["last_memory_updated_at"])
        return list(_paged(ordered, limit, page)), len(ordered)

    def _values(self, user_id: str | None, query: str | None) -> list[dict[str, Any]]:
        shelf = self._shelf(user_id)
        if query is not None and query.strip():
            found: Iterable[Kept] = shelf.search(query[:MAX_TEXT_LENGTH], _HERE, _PAGE, threshold=DEFAULT_THRESHOLD)
        else:
            found = [*shelf.newest(_HERE, _PAGE)][::-1]
        return [one.value for one in found]

    def _with_ids(self, memory_ids: Sequence[str], user_id: str | None) -> list[Kept]:
        asked = {**_HERE, "metadata.item.key": {"in": [json.dumps(one) for one in memory_ids]}}
        return [*self._shelf(user_id).newest(asked, _PAGE)] if memory_ids else []

    def _shelf(self, user_id: str | None) -> Shelf:
        return Shelf(self.memory, _APP, user_id=None if user_id is None else named_place(user_id, "user_id"))


_HERE = {"run_id": {"eq": _PLACE}}


def _given(value: dict[str, Any], deserialize: bool | None) -> Any:
    memory = UserMemory(**value)
    return memory if deserialize else memory.to_dict()


def _paged(values: Sequence[Any], limit: int | None, page: int | None) -> Sequence[Any]:
    if limit is None:
        return values
    start = 0 if page is None else (page - 1) * limit
    return values[start : start + limit]
