"""How much each user may keep. It is counted and checked inside the transaction that writes, so it holds exactly."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from ..errors import QuotaExceededError
from .protocol import Applied, Changes, Held, Visible

_MOST_USERS = 10_000  # whose numbers a process remembers
_NOTHING = Held(0, 0, None)

Connection_contra = TypeVar("Connection_contra", contravariant=True)
C = TypeVar("C")


class Quota(NamedTuple):
    """The most that each user may keep of live memories. None is any number."""

    memories: int | None = None
    bytes: int | None = None

    def __bool__(self) -> bool:
        return self != (None, None)


class Holdings(Protocol[Connection_contra]):
    """How a backend counts what is kept. Only live memories count, with the bytes of their texts and metadata."""

    def users(self, connection: Connection_contra, ids: Sequence[str], /) -> set[str]:
        """Return the users of the memories with these ids."""

    def state(self, connection: Connection_contra, user_id: str, /) -> tuple[int, int]:
        """Return what changes whenever a memory of the user does, and never returns to what it was."""

    def of_user(self, connection: Connection_contra, user_id: str, now: int, /) -> Held:
        """Count all memories of a user."""

    def of_memories(self, connection: Connection_contra, ids: Sequence[str], now: int, /) -> dict[str, Held]:
        """Count the memories with these ids, by their users."""


class _Known(NamedTuple):
    state: tuple[int, int]
    since: int
    held: Held

    def holds(self, state: tuple[int, int], now: int) -> bool:
        until = self.held.until
        return self.state == state and self.since <= now and (until is None or now < until)


class Quotas:
    """Refuses what would take a user above the quota.

    What a user keeps is counted once and then remembered, until somebody else writes for the user or one of the
    memories expires. Numbers are remembered only after their transaction was committed.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def apply(
        self,
        write: Callable[[Callable[[C], Applied]], Applied],
        holdings: Holdings[C],
        changes: Changes,
        visible: Visible,
        work: Callable[[C], Applied],
    ) -> Applied:
        """Run ``work`` in a transaction of ``write``. Raises QuotaExceededError, and then nothing was changed."""
        added = {one.record.scope.user_id for one in changes.additions} - {None}
        updated = [one.memory_id for one in changes.updates if one.event != "FEEDBACK"]
        if not added and not updated:
            return write(work)
        now = visible.now
        noted: dict[str, _Known] = {}

        def checked(connection: C) -> Applied:
            noted.clear()  # the work may be done twice
            users = added | (holdings.users(connection, updated) if updated else set())
            before = {user: self._held(holdings, connection, user, now) for user in sorted(filter(None, users))}
            applied = work(connection)
            for user, has in _after(holdings, connection, before, changes, applied, now):
                _check(self._quota, user, before[user], has)
                noted[user] = _Known(holdings.state(connection, user), now, has)
            return applied

        applied = write(checked)
        self._keep(noted)
        return applied

    def _held(self, holdings: Holdings[C], connection: C, user_id: str, now: int) -> Held:
        with self._lock:
            known = self._known.get(user_id)
        if known is not None and known.holds(holdings.state(connection, user_id), now):
            return known.held
        return holdings.of_user(connection, user_id, now)

    def _keep(self, noted: Mapping[str, _Known]) -> None:
        with self._lock:
            for user_id, known in noted.items():
                before = self._known.get(user_id)
                if before is None or before.state[1] <= known.state[1]:
                    self._known[user_id] = known
                self._known.move_to_end(user_id)
            while len(self._known) > _MOST_USERS:
                self._known.popitem(last=False)


def _after(
    holdings: Holdings[C], connection: C, before: Mapping[str, Held], changes: Changes, applied: Applied, now: int
) -> Iterable[tuple[str, Held]]:
    """Yield what each user keeps after the changes."""
    if changes.updates or changes.deletions or changes.finished is not None:
        for user in before:
            yield user, holdings.of_user(connection, user, now)
        return
    new = [one.record.id for one in applied.outcomes if one.added]
    more = holdings.of_memories(connection, new, now) if new else {}
    for user, held in before.items():
        yield user, held.plus(more.get(user, _NOTHING))


def _check(quota: Quota, user_id: str, before: Held, after: Held) -> None:
    """Raise QuotaExceededError if a user has more than before, and more than the quota."""
    for name, cure, most, had, has in (
        ("memories", "max_memories_per_user", quota.memories, before.memories, after.memories),
        ("bytes", "max_bytes_per_user", quota.bytes, before.bytes, after.bytes),
    ):
        if most is not None and has > most and has > had:
            raise QuotaExceededError(
                f"user_id {user_id!r} may keep {most} {name}, keeps {had}, and would keep {has}. Nothing was stored. "
                f"Delete memories of this user, let some expire, or raise {cure}.",
                user_id=user_id,
                quota=name,
                limit=most,
                used=had,
            )
