"""When a memory expires: every rule of lifetimes, and nothing else. Pure."""

from datetime import date
from typing import Any, NamedTuple

from ..data.records import Record
from ..errors import ValidationError
from ..values import add_micros, end_of_day, seconds_to_micros, to_micros
from .arguments import Duration


class Lifetimes(NamedTuple):
    """The rules by which memories get their expiry."""

    short_term: int
    """Microseconds that a memory lives whose ``memory_lifespan`` is ``"short_term"``."""

    def given(self, record: Record, ttl: Duration | None, expiration_date: str | date | None) -> Record:
        """Return a memory with the expiry that its metadata and these arguments give it.

        The first of these decides: ``metadata["expires_at"]``, ``ttl``, ``expiration_date``,
        ``metadata["memory_lifespan"]``. All of them are checked.
        """
        metadata = record.metadata or {}
        lifespan = metadata.get("memory_lifespan")
        if lifespan not in (None, "short_term", "long_term"):
            raise ValidationError(
                f"Invalid metadata.memory_lifespan: {lifespan!r}. Must be 'short_term' or 'long_term'.",
                field="metadata.memory_lifespan",
            )
        day, day_end = (None, None) if expiration_date is None else end_of_day(expiration_date)
        explicit = metadata.get("expires_at")
        lifetime = None if ttl is None else seconds_to_micros(ttl, "ttl")
        expires_at = None
        if explicit is not None:
            expires_at = to_micros(explicit, "metadata.expires_at")
        elif lifetime is not None:
            expires_at = add_micros(record.created_at, lifetime, "ttl")
        elif day_end is not None:
            expires_at = day_end
        elif lifespan == "short_term":
            expires_at = add_micros(record.created_at, self.short_term, "metadata.memory_lifespan")
        return record._replace(expires_at=expires_at, expiration_date=day)

    def imported(self, record: Record, expiration_date: Any, expires_at: int | None) -> Record:
        """Return an imported memory with the expiry that was exported, or else with the one ``given`` finds."""
        record = self.given(record, None, expiration_date)
        return record if expires_at is None else record._replace(expires_at=expires_at)

    def updated(self, before: Record, after: Record, *, moved: bool) -> Record:
        """Return a memory that an update changed, with its expiry; ``moved`` tells that its ``created_at`` was set.

        The rule that was in force stays in force unless the update names another. A stored expiry that the memory's
        own fields do not give comes from a ``ttl``, from an import, or from another ``short_term_ttl``: that lifetime
        is kept, and counted from the new date.
        """
        if not moved and not _differ(before, after, "memory_lifespan", "expires_at"):
            return after
        now_given = self.given(after, None, after.expiration_date)
        if _differ(before, after, "expires_at"):
            return now_given
        if before.expires_at == self.given(before, None, before.expiration_date).expires_at:
            return now_given
        if before.expires_at is None:
            return now_given._replace(expires_at=None)
        lifetime = before.expires_at - before.created_at
        return now_given._replace(expires_at=add_micros(after.created_at, lifetime, "timestamp"))


def _differ(before: Record, after: Record, *keys: str) -> bool:
    """Tell whether metadata differ in one of the keys. A key whose value is None counts as absent."""
    return any((before.metadata or {}).get(key) != (after.metadata or {}).get(key) for key in keys)
