"""Forgetting by use: what searches return gains rank, and what they have not returned for long loses some.

Opt-in for a whole store, as a setting of the project. Nothing is ever deleted or left out because of it. Its bounds and
its scale are those that mem0 publishes for its setting of the same name
(https://docs.mem0.ai/platform/features/memory-decay); the curve between them is ours.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from ..data.records import Record
from ..errors import Mem0LiteError, ValidationError
from ..store import Store, Use
from ..types import DecayDetails
from ..values import shown, to_iso

RULE = "decay"
"""The name of what it does to a score."""
SWITCH, HALF_LIFE = "decay", "decay_half_life_days"
"""The names of its settings."""

LOWEST, HIGHEST = 0.3, 1.5
"""What a score is multiplied by at least and at most."""
_DEFAULT_HALF_LIFE = 3.0  # days; a use of yesterday then counts 1.2, one of last week 0.66, one of last month 0.41
_LONGEST_HALF_LIFE = 36_500  # days
_DAY = 86_400_000_000  # microseconds
_WIDER, _FEWEST = 3, 50  # times as many results as asked for are put into another order, and at least so many
_PINNED = "pinned"  # the metadata field that keeps a memory from losing rank

_BATCH = 256  # memories whose uses are kept until they are written
_LONGEST = 60_000_000  # microseconds that a use is kept until it is written
_MOST_KEPT = 10_000  # memories whose uses are kept if they cannot be written


class Decay(NamedTuple):
    """How much a memory's score loses until it is used again."""

    half_life: float
    """Microseconds after which a memory that was used once is half way down from HIGHEST to LOWEST."""

    def factor(self, use: Use, now: int, *, pinned: bool) -> float:
        """Return what to multiply a score by. The more often a memory was used, the slower it goes down."""
        idle = max(0, now - use.last) / self.half_life
        factor = LOWEST + (HIGHEST - LOWEST) / (1 + idle / (1 + math.log(use.times)))
        return max(1.0, factor) if pinned else factor


class Weighed(NamedTuple):
    """What decay says to one result."""

    use: Use
    pinned: bool
    factor: float

    def details(self) -> DecayDetails:
        """Return it as ``explain`` shows it."""
        return {
            "factor": self.factor,
            "last_used": to_iso(self.use.last),
            "uses": self.use.times,
            "pinned": self.pinned,
        }


def asked_of(settings: Mapping[str, Any] | None) -> Decay | None:
    """Return what the settings of a project ask for."""
    if not settings or settings.get(SWITCH) is not True:
        return None
    half_life = settings.get(HALF_LIFE)
    return Decay((half_life if _are_days(half_life) else _DEFAULT_HALF_LIFE) * _DAY)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ValidationError for settings that cannot be followed."""
    if not isinstance(settings.get(SWITCH), bool | None):
        raise ValidationError(f"Invalid {SWITCH}: give true or false, not {shown(settings[SWITCH])}.", field=SWITCH)
    days = settings.get(HALF_LIFE)
    if days is not None and not _are_days(days):
        raise ValidationError(
            f"Invalid {HALF_LIFE}: give a number of days above 0 and up to {_LONGEST_HALF_LIFE}, not {shown(days)}.",
            field=HALF_LIFE,
        )


def _are_days(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_HALF_LIFE


def pool(count: int) -> int:
    """Return how many results to put into another order for an answer of ``count``."""
    return max(_FEWEST, _WIDER * count)


class Uses:
    """The uses that this process has seen. They are written in batches, beside the calls that they come from.

    What is not written yet counts in the searches of this process. A process that is killed loses a minute of them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._pending: dict[str, Use] = {}
        self._since = 0  # when the first of them was noted

    def weigh(self, decay: Decay, records: Sequence[Record], stored: Sequence[Use | None], now: int) -> list[Weighed]:
        """Return what decay says to each memory. One that was never used counts as used once, at its last change."""
        weighed = []
        with self._lock:
            pending = [self._pending.get(record.id) for record in records]
        for record, *seen in zip(records, stored, pending, strict=True):
            uses = [use for use in seen if use is not None]
            use = Use(sum(one.times for one in uses), max(one.last for one in uses)) if uses else None
            pinned = (record.metadata or {}).get(_PINNED) is True
            use = use or Use(1, record.updated_at)
            weighed.append(Weighed(use, pinned, decay.factor(use, now, pinned=pinned)))
        return weighed

    def note(self, ids: Iterable[str], now: int) -> None:
        """Note that an answer had these memories."""
        if self._store.read_only:
            return
        with self._lock:
            if not self._pending:
                self._since = now
            for memory_id in ids:
                before = self._pending.get(memory_id, Use(0, now))
                self._pending[memory_id] = Use(before.times + 1, max(before.last, now))
            due = len(self._pending) >= _BATCH or now - self._since >= _LONGEST
        if due and not self._writing.locked():
            threading.Thread(target=self.write, name="mem0lite uses", daemon=True).start()

    def write(self) -> None:
        """Write what is pending. A failure is logged, and the uses are kept for the next time."""
        with self._writing:
            with self._lock:
                batch, self._pending = self._pending, {}
            if not batch:
                return
            try:
                self._store.note_uses(batch)
            except Mem0LiteError as error:
                import logging  # seldom needed

                logging.getLogger("mem0lite").warning("Uses of %d memories could not be written: %s", len(batch), error)
                with self._lock:
                    newer, self._pending = self._pending, dict(list(batch.items())[-_MOST_KEPT:])
                    for memory_id, use in newer.items():
                        before = self._pending.get(memory_id, Use(0, use.last))
                        self._pending[memory_id] = Use(before.times + use.times, max(before.last, use.last))
