"""A memory as stores and verbs exchange it, in whatever database it is. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

from ..comparison import nfc
from ..search.text import indexed_text
from ..types import Event, HistoryItem, MemoryItem
from ..values import same_json, to_iso

_DAY = 86_400_000_000  # microseconds


class Scope(NamedTuple):
    """Whose a memory is; at least one id is set."""

    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    app_id: str | None = None

    def ids(self) -> dict[str, str]:
        """Return the ids that are set, by name, in composed form (NFC), which ids in old files may not have."""
        return {name: nfc(value) for name, value in zip(self._fields, self, strict=True) if value is not None}


class Record(NamedTuple):
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
    feedback: str | None = None
    feedback_reason: str | None = None
    key: str | None = None
    """What it is the value of."""
    superseded_by: str | None = None
    """The id of the memory that holds instead. It may be gone by now."""
    superseded_at: int | None = None
    """Since when: the date of that memory. Set together with ``superseded_by``."""
    sources: tuple[str, ...] | None = None
    """Of a fact: the ids of the memories that it was drawn from, which may be gone by now; at least one. None: it is
    what was said, or written by hand."""

    @property
    def indexed_text(self) -> str:
        """The text that is embedded and indexed."""
        return indexed_text(self.text, self.actor_id)

    def is_expired(self, now: int) -> bool:
        """Whether the memory is expired at an instant, and so invisible."""
        return self.expires_at is not None and self.expires_at <= now

    def is_copy_of(self, other: "Record") -> bool:
        """True if the same speaker says the same in nearly the same words; if it has "today" in it, on the same day."""
        from ..search.similarity import depends_on_day, near_identical  # its tables are for texts that may be copies

        return (
            self._has_speaker_of(other)
            and near_identical(self.text, other.text)
            and (self.created_at // _DAY == other.created_at // _DAY or not depends_on_day(self.text))
        )

    def covers(self, said: "Record", *, dated: bool) -> bool:
        """True if ``said`` adds nothing to this memory: no new meaning, speaker, metadata or date, no longer life.

        ``dated`` says that its date was given. Otherwise the date is now, and only the day counts.

        A memory that does add something is stored as another one. Merging it in (a longer life, a later date, more
        metadata) is the rejected option: a stored memory would change behind the back of whoever has its id.
        """
        from ..search.similarity import near_identical

        return (
            self._adds_nothing(said)
            and said.span(dated=dated)[0] <= self.created_at <= said.span(dated=dated)[1]
            and near_identical(self.text, said.text)
        )

    def holds(self, said: "Record") -> bool:
        """True if ``said`` sets the key of this memory, which holds at that date, to what it is already.

        Unlike in ``covers``, only the same text counts, to the letter: who sets a key means what he writes. The date
        does not count, as the value held all along.
        """
        return self._adds_nothing(said) and nfc(self.text) == nfc(said.text)

    def superseded(self, by: str, since: int, now: int) -> Self:
        """Return this memory as superseded by another one, since the date of that one, or since now if that is later.

        A date before its own counts as its own: nothing ends before it begins.
        """
        return self._replace(superseded_by=by, superseded_at=max(self.created_at, min(since, now)))

    def bounded(self, before: int | None, after: int | None) -> Self:
        """Return this fact with an expiry that follows its sources.

        ``after`` is when the last of them expires, and ``before`` when that was so far; None is never. A fact that
        lived exactly as long as they did goes on doing so; another one lives at most as long.
        """
        if self.expires_at is None or self.expires_at == before:
            return self._replace(expires_at=after)
        return self if after is None else self._replace(expires_at=min(self.expires_at, after))

    def _adds_nothing(self, said: "Record") -> bool:
        """True if ``said`` has the same speaker and metadata, and no longer life. A fact never stands for what was
        said, nor the other way round."""
        return (
            self._has_speaker_of(said)
            and (self.sources is None) == (said.sources is None)
            and same_json(self.metadata, said.metadata)
            and (self.expires_at is None or (said.expires_at is not None and said.expires_at <= self.expires_at))
        )

    def _has_speaker_of(self, other: "Record") -> bool:
        return (nfc(self.actor_id or ""), self.role) == (nfc(other.actor_id or ""), other.role)

    def span(self, *, dated: bool) -> tuple[int, int]:
        """Return the first and the last instant that count as the same date as this memory's.

        A date that was given equals only itself; otherwise the whole day counts, UTC.
        """
        if dated:
            return self.created_at, self.created_at
        start = self.created_at - self.created_at % _DAY
        return start, start + _DAY - 1

    def to_item(self) -> MemoryItem:
        """Return the memory as callers see it, without a score."""
        created_at = to_iso(self.created_at)
        item: MemoryItem = {
            "id": self.id,
            "memory": self.text,
            "hash": self.hash,
            "metadata": self.metadata,
            "created_at": created_at,
            "updated_at": created_at if self.updated_at == self.created_at else to_iso(self.updated_at),
        }
        item.update(cast("Any", self.scope.ids()))
        if self.actor_id is not None:
            item["actor_id"] = self.actor_id
        if self.role is not None:
            item["role"] = self.role
        if self.expiration_date is not None:
            item["expiration_date"] = self.expiration_date
        if self.expires_at is not None:
            item["expires_at"] = to_iso(self.expires_at)
        if self.feedback is not None:
            item["feedback"] = self.feedback
        if self.feedback_reason is not None:
            item["feedback_reason"] = self.feedback_reason
        if self.key is not None or self.superseded_at is not None:
            item.update(cast("Any", self._validity(created_at)))
        if self.sources is not None:
            item["sources"] = list(self.sources)
        return item

    def _validity(self, created_at: str) -> dict[str, str]:
        """Return what this is the value of, and when it held."""
        valid_to = None if self.superseded_at is None else to_iso(self.superseded_at)
        fields = {"key": self.key, "superseded_by": self.superseded_by, "valid_from": created_at, "valid_to": valid_to}
        return {name: value for name, value in fields.items() if value is not None}


class Gone(NamedTuple):
    """What remains of a deleted memory: its history, and the scope that it had."""

    memory_id: str
    scope: Scope
    changes: Sequence["Change"]


class AddEvent(NamedTuple):
    """One call of ``add``: the ids of the memories it made (ADD) or found already there (NONE)."""

    id: str
    scope: Scope
    created_at: int
    results: Sequence[tuple[str, str]]
    """The ids and events of the memories, then those of the facts that were drawn from them."""
    job: "Job | None" = None
    """What is still to be done for it, or was given up."""
    finished_at: int | None = None
    """When its facts were drawn. None: it had no job, or has it still."""


class Job(NamedTuple):
    """That facts are to be drawn from what a call of ``add`` stores."""

    wishes: Mapping[str, Any] = {}
    """What the call asks of the model, as JSON has it."""
    problem: str | None = None
    """Why the last attempt failed."""
    given_up: bool = False


class FileSettings(NamedTuple):
    """Settings that a file keeps for all its memories."""

    project: Mapping[str, Any]
    graph_categories: Sequence[str] = ()


class State(NamedTuple):
    """What a memory was before a change, besides its text, its speaker and its scope. Instants are microseconds."""

    metadata: dict[str, Any] | None
    created_at: int
    updated_at: int
    expires_at: int | None = None
    expiration_date: str | None = None
    feedback: str | None = None
    feedback_reason: str | None = None
    key: str | None = None
    superseded_by: str | None = None
    superseded_at: int | None = None
    sources: tuple[str, ...] | None = None

    @classmethod
    def of(cls, record: Record) -> "State":
        """Return the state of a memory."""
        return cls(*(getattr(record, name) for name in cls._fields))


class Change(NamedTuple):
    """One row of a memory's history."""

    id: str
    event: Event
    old_memory: str | None
    new_memory: str | None
    created_at: int
    updated_at: int
    actor_id: str | None
    role: str | None
    feedback: str | None = None
    feedback_reason: str | None = None
    superseded_by: str | None = None
    superseded_at: int | None = None
    recorded_at: int | None = None
    """When it was recorded where it happened. None: when it is written here."""
    before: State | None = None
    """What the memory was before; None if it is not known, or if there was none."""

    def to_item(self, memory_id: str) -> HistoryItem:
        """Return the change as callers see it."""
        item: HistoryItem = {
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
        if self.event == "FEEDBACK":
            item["feedback"], item["feedback_reason"] = self.feedback, self.feedback_reason
        if self.event == "SUPERSEDE" and self.superseded_by is not None and self.superseded_at is not None:
            item["superseded_by"], item["valid_to"] = self.superseded_by, to_iso(self.superseded_at)
        return item
