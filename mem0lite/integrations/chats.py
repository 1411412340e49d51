"""The history of one chat: values in the order in which they were added, whoever adds them.

What was said in it is found by searches; the rest (tool calls, their results, reasoning) is hidden from them.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from ..types import SearchHit
from ..values import MAX_TEXT_LENGTH
from .shelf import Kept, Put, Shelf, named_place

R = TypeVar("R")

_PAGE = 500


class Said(NamedTuple):
    """A value of a chat, and what was said in it."""

    value: Any
    text: str | None
    """None: nobody said anything."""
    role: str | None
    kind: str
    """Stands in the place of a text that is missing."""


class Chat:
    """The history of one chat on a shelf. Any text is a ``session_id``; ValidationError for what is not a text."""

    def __init__(self, shelf: Shelf, session_id: object) -> None:
        self._shelf = shelf
        self._place = named_place(session_id, "session_id")
        self._here = {"run_id": {"eq": self._place}}

    def latest(self, limit: int | None = None) -> list[Any]:
        """Return the latest ``limit`` values, oldest first; None means all."""
        found = self._newest(limit or _PAGE)
        return [one.value for one in islice(found, limit)][::-1]

    def add(self, said: Sequence[Said]) -> None:
        """Add values, all or none."""
        if not said:
            return
        first = self._shelf.instants(len(said))
        self._shelf.write([self._put(one, at) for at, one in enumerate(said, start=first)])

    def pop(self) -> Any:
        """Remove the latest value and return it; None if there is none."""
        while (last := next(self._newest(1), None)) is not None:
            if self._shelf.delete_found(last):
                return last.value
        return None

    def clear(self) -> None:
        """Remove every value."""
        self._shelf.clear(self._place)

    def search(self, query: str, limit: int) -> list[SearchHit]:
        """Return what was said and is closest to a query, best first."""
        return self._shelf.hits(query, self._here, limit)

    def _newest(self, count: int) -> Iterator[Kept]:
        return self._shelf.newest(self._here, min(count, _PAGE))

    def _put(self, said: Said, at: int) -> Put:
        text = None if said.text is None or len(said.text) > MAX_TEXT_LENGTH else said.text
        return Put(self._place, str(at), said.value, text, label=f"({said.kind})", role=said.role, at=at)


async def finished(call: Callable[[], R]) -> R:
    """Run a write in a thread. It runs to its end even if its task is cancelled, and the caller knows that it did."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
