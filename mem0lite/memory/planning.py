"""What an add or an update is to write, and what it answers. Pure, but for notes in the log.

An add becomes drafts here: one per message, whatever ``infer`` says. Facts follow, in ``drawing``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..comparison import nfc
from ..data.messages import Message, clean_roles, read_messages
from ..data.records import Job, Record, Scope
from ..embedding.local import cut
from ..embedding.protocol import Embedder
from ..errors import ValidationError
from ..graph import Graph
from ..store import Call, Outcome, Update
from ..types import AddedItem, AddResult, EmbeddedMemory, Redrawn, SkippedPart, UpdateManyResult, UpdateResult
from ..values import (
    argument_flag,
    asked_id,
    clean_memory_key,
    clean_metadata,
    clean_text,
    new_id,
    text_hash,
    to_iso,
    to_micros,
)
from .arguments import AddItem, UpdateItem, clean_ids
from .lifetimes import Lifetimes
from .metadata import Notes
from .wishing import clean_wishes


class Draft(NamedTuple):
    """A memory that is to be added."""

    record: Record
    infer: bool
    """Whether it is left out if it adds nothing to a memory that is there."""
    dated: bool
    """Whether the caller said when it was said."""
    supersedes: Sequence[str] = ()
    """Ids of the memories that it supersedes."""


class PlannedAdd(NamedTuple):
    """One ``add``: the memories that it makes, and the parts of its messages that are left out."""

    call: Call
    drafts: Sequence[Draft]
    left_out: Sequence[SkippedPart]
    wishes: Mapping[str, Any]
    """What is asked of a language model, if there is one."""

    def drawn(self) -> "PlannedAdd":
        """Return the same with a job that draws facts, unless the caller wants none."""
        if not any(draft.infer for draft in self.drafts):
            return self
        return self._replace(call=self.call._replace(job=Job(self.wishes)))


class PlannedUpdate(NamedTuple):
    """One ``update``, still without a vector, and the new text if it has one."""

    update: Update
    text: str | None


class Stored(NamedTuple):
    """What became of a draft, and what it names and states if it is of a graph category."""

    outcome: Outcome
    graph: Graph | None


class Planner(NamedTuple):
    """Turns the arguments of ``add`` and ``update`` into what is to be written."""

    lifetimes: Lifetimes
    notes: Notes

    def add(self, item: AddItem, scope: Scope, now: int) -> PlannedAdd:
        """Plan one ``add``."""
        messages, left_out = read_messages(item.get("messages"), clean_roles(item.get("roles")))
        drafts = self._drafts(item, messages, scope, now)
        return PlannedAdd(Call(new_id(), scope, len(drafts)), drafts, left_out, clean_wishes(item))

    def _drafts(self, item: AddItem, messages: Sequence[Message], scope: Scope, now: int) -> list[Draft]:
        metadata = _metadata_of(item)
        self.notes.note_ids(metadata)
        said, expiration_date = item.get("timestamp"), item.get("expiration_date")
        if expiration_date is None:
            expiration_date = self.notes.take_date("expiration_date", metadata)
        undated = dict(metadata)
        if said is None:
            said = self.notes.take_date("created_at", undated)
        infer = argument_flag(item.get("infer"), "infer", default=True)
        key, supersedes = _takes_the_place_of(item, len(messages))
        drafts = []
        for message in messages:
            timestamp = said if message.timestamp is None else message.timestamp
            created = now if timestamp is None else to_micros(timestamp, "timestamp")
            record = _record(message, scope, undated if message.timestamp is None else metadata, created)
            record = self.lifetimes.given(record, item.get("ttl"), expiration_date)
            drafts.append(Draft(record._replace(key=key), infer, dated=timestamp is not None, supersedes=supersedes))
        return drafts

    def update(self, item: UpdateItem, now: int) -> PlannedUpdate:
        """Plan one ``update``."""
        if item.get("memory_id") is None:
            raise ValidationError("Invalid memory_id: every item needs one.", field="memory_id")
        text, metadata, said = item.get("text"), item.get("metadata"), item.get("timestamp")
        if text is None and metadata is None and said is None and "expiration_date" not in item:
            raise ValidationError("At least one of text, metadata, or expiration_date must be provided.", field="text")
        text = None if text is None else clean_text(text, "text")
        changes = {} if metadata is None else clean_metadata(metadata)
        self.notes.note_ids(changes)
        created = None if said is None else to_micros(said, "timestamp")
        if "expiration_date" not in item:
            day = self.notes.take_date("expiration_date", changes)
            item = item if day is None else {**item, "expiration_date": day}

        def change(record: Record) -> Record:
            after = _changed(record, text, changes, created, now)
            if "expiration_date" in item:
                return self.lifetimes.given(after, None, item["expiration_date"])
            return self.lifetimes.updated(record, after, moved=created is not None)

        return PlannedUpdate(Update(asked_id(item["memory_id"], "memory_id"), change), text)


def _takes_the_place_of(item: AddItem, count: int) -> tuple[str | None, Sequence[str]]:
    """Return the key of an add that makes so many memories, and the ids that it supersedes."""
    given, listed = item.get("key"), item.get("supersedes")
    key = None if given is None else clean_memory_key(given, "key")
    supersedes = [] if listed is None else list(dict.fromkeys(clean_ids(listed, "supersedes")))
    if count != 1 and (key is not None or supersedes):
        field = "supersedes" if key is None else "key"
        raise ValidationError(
            f"Invalid {field}: it is for an add that stores one memory, and this one has {count} messages to store. "
            "Add them one by one, or choose one, for example with roles.",
            field=field,
        )
    return key, supersedes


def _metadata_of(item: AddItem) -> dict[str, Any]:
    metadata = {} if (given := item.get("metadata")) is None else clean_metadata(given)
    memory_type = item.get("memory_type")
    if memory_type not in (None, "procedural_memory"):
        raise ValidationError(
            "Invalid 'memory_type'. Please pass procedural_memory to create procedural memories.", field="memory_type"
        )
    return metadata if memory_type is None else {**metadata, "memory_type": memory_type}


def _record(message: Message, scope: Scope, metadata: dict[str, Any], created: int) -> Record:
    return Record(
        id=new_id(),
        scope=scope,
        text=message.text,
        hash=text_hash(message.text),
        metadata=metadata or None,
        created_at=created,
        updated_at=created,
        actor_id=message.actor_id,
        role=message.role,
    )


def _changed(record: Record, text: str | None, changes: Mapping[str, Any], created: int | None, now: int) -> Record:
    """Return a memory with another text, date and metadata, and its old expiry."""
    merged = {**{name: one for name, one in (record.metadata or {}).items() if nfc(name) not in changes}, **changes}
    after = record._replace(metadata=merged or None, updated_at=now)
    if created is not None:
        over = record.superseded_at  # never before the beginning
        after = after._replace(created_at=created, superseded_at=None if over is None else max(created, over))
    return after if text is None else after._replace(text=text, hash=text_hash(text))


def add_result(plan: PlannedAdd, stored: Sequence[Stored], embedder: Embedder, now: int) -> AddResult:
    """Return what ``add`` answers."""
    results = [_added(draft, one.outcome, embedder, now) for draft, one in zip(plan.drafts, stored, strict=True)]
    result: AddResult = {"results": results, "event_id": plan.call.event_id}
    if any(one.graph is not None for one in stored):
        result["relations"] = [
            relation
            for one in stored
            if one.graph is not None and one.outcome.added
            for relation in one.graph.relations(one.outcome.record.id)
        ]
    if plan.left_out:
        result["skipped"] = list(plan.left_out)
    return result


def _added(draft: Draft, outcome: Outcome, embedder: Embedder, now: int) -> AddedItem:
    text, expires_at = draft.record.text, outcome.record.expires_at
    item: AddedItem = {"id": outcome.record.id, "memory": text, "event": "ADD" if outcome.added else "NONE"}
    if expires_at is not None and outcome.record.is_expired(now):
        item["expires_at"], item["expired"] = to_iso(expires_at), True
    if outcome.record.text != text:
        item["existing_memory"] = outcome.record.text
    if outcome.added and (part := cut(embedder, draft.record.indexed_text)) is not None:
        item["embedded"] = part
    if outcome.superseded:
        item["supersedes"] = list(outcome.superseded)
    if outcome.record.superseded_by is not None:
        item["superseded_by"] = outcome.record.superseded_by
    if not draft.infer:
        item["actor_id"], item["role"] = draft.record.actor_id, draft.record.role
    return item


def update_result(changed: Sequence[Record], embedded: list[EmbeddedMemory], now: int) -> UpdateManyResult:
    """Return what ``update_many`` answers."""
    result: UpdateManyResult = {"message": f"Successfully updated {len(changed)} memories"}
    if expired := [record.id for record in changed if record.is_expired(now)]:
        result["expired"] = expired
    if embedded:
        result["embedded"] = embedded
    return result


def to_be_redrawn(event_id: str) -> Redrawn:
    """Return that the facts of edited messages are still to be drawn again."""
    return {"event_id": event_id, "status": "PENDING"}


def single_result(many: UpdateManyResult) -> UpdateResult:
    """Return what ``update`` answers, from what ``update_many`` answers for its one memory."""
    result: UpdateResult = {"message": "Memory updated successfully!"}
    if "expired" in many:
        result["expired"] = many["expired"]
    if "facts" in many:
        [result["facts"]] = many["facts"]
    for part in many.get("embedded", ()):
        result["embedded"] = {"windows": part["windows"], "of": part["of"]}
    return result


def rating(memory_id: str, feedback: str | None, reason: str | None) -> Update:
    """Plan one ``feedback``."""
    return Update(
        memory_id, lambda record: record._replace(feedback=feedback, feedback_reason=reason), event="FEEDBACK"
    )
