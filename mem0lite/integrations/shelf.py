"""JSON values under keys, each kept as a memory, so that a framework's items can be searched as memories are.

A value is found by its key with one lookup: the memory's id is a hash of the door, the owner, the place and the key.
Writing the same key again replaces the value in one transaction. The change of the file in which that happens tells
whether the key is new, so several writers, also in several processes, leave one value and lose none in silence.

Values come back exactly: types, the order of keys, None. Those that metadata cannot hold (a key with a NUL, NaN) are
kept as JSON text. Tuples come back as lists.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..comparison import nfc
from ..data.filters import Expression
from ..data.records import Record
from ..embedding.protocol import embed_documents
from ..embedding.reading import UnitVector
from ..errors import DatabaseBusyError, MemoryNotFoundError, ValidationError
from ..memory import DEFAULT_THRESHOLD, Memory
from ..memory.owner import NO_IDS
from ..search.query import Query
from ..search.view import Ranked
from ..store import Changes, Entry, Update
from ..types import SearchHit
from ..values import (
    MAX_ID_LENGTH,
    MAX_TEXT_LENGTH,
    add_micros,
    clean_id,
    clean_metadata,
    shown,
    text_hash,
    to_iso,
    to_micros,
)

_HIDDEN = ".hidden"
"""Follows the name of the door in the ``app_id`` of values that no search with a query finds."""
FOUND_BY_SEARCH = {"NOT": [{"app_id": {"contains": _HIDDEN}}]}
"""A filter that leaves hidden values out, whichever door they are of."""
_CHUNK = 100
_ATTEMPTS = 100
"""Times that a write is tried again because others write the same keys. Each time one of them has succeeded."""


def opened(memory: "Memory | str | os.PathLike[str] | None") -> tuple[Memory, bool]:
    """Return the memory of a door, and whether the door opened it and so has to close it."""
    return (memory, False) if isinstance(memory, Memory) else (Memory(memory), True)


class Put(NamedTuple):
    """A value to write."""

    place: str
    key: str
    value: Any
    text: str | None
    """What searches find. None or blank: no search with a query finds the value."""
    label: str = "(not indexed)"
    """Stands in the place of a text that is missing."""
    ttl: int | None = None
    """Microseconds that it lives after it was written or read."""
    role: str | None = None
    at: int | None = None
    """When it was written, in microseconds. None: now."""
    replaces: Callable[[Any], bool] | None = None
    """Tells whether the value that the key has may be replaced; MISSING if it has none. It runs in the transaction that
    replaces the value, unless a hidden value becomes one that is found, or the other way round."""


MISSING = object()


class NotReplacedError(Exception):
    """The key has another value than the writer expected. Nothing was written."""


class Kept(NamedTuple):
    """A value as it is kept. Instants are ISO 8601 with a time zone."""

    id: str
    place: str
    key: str
    value: Any
    created_at: str
    """When the key was first written."""
    updated_at: str
    """When it was written last."""
    ttl: int | None
    """Microseconds that it lives after it was written or read."""
    expires_at: str | None
    score: float | None = None


class Shelf:
    """The values of one door, of everybody or of the users and agents given as ``ids``."""

    def __init__(self, memory: Memory, app: str, **ids: str | None) -> None:
        self.memory = memory
        self._app = app
        self._ids = {name: one for name, one in ids.items() if one is not None}
        self._labels: dict[str, UnitVector] = {}

    # -- reading

    def get(self, keys: Sequence[tuple[str, str]]) -> list[Kept | None]:
        """Return the values under these places and keys, None where there is none."""
        ids = [self.id_of(*key) for key in keys]
        records = self._live(ids)
        return [None if (one := records.get(id_)) is None else kept(cast("Any", one.to_item())) for id_ in ids]

    def newest(self, filters: Mapping[str, Any], count: int) -> Iterator[Kept]:
        """Yield values, those written last first, reading ``count`` at a time."""
        after: str | None = None
        while True:
            page = self.memory.get_all(filters=self._asked(filters), top_k=max(count, 1), after=after)
            yield from map(kept, page["results"])
            if (after := page["next_cursor"]) is None:
                return

    def search(
        self, query: str, filters: Mapping[str, Any], count: int, *, threshold: float | None = None
    ) -> list[Kept]:
        """Return the values whose texts are closest to a query, best first."""
        return [kept(hit) for hit in self.hits(query, filters, count, threshold=threshold)]

    def hits(
        self, query: str, filters: Mapping[str, Any], count: int, *, threshold: float | None = DEFAULT_THRESHOLD
    ) -> list[SearchHit]:
        """Return the same as the memories that they are."""
        asked = self._asked(filters, hidden=False)
        return self.memory.search(query, filters=asked, top_k=count, threshold=threshold)["results"]

    def nearest(
        self, vector: Sequence[float], filters: Mapping[str, Any], count: int, accepts: Callable[[Kept], bool]
    ) -> list[Kept]:
        """Return accepted values whose texts are closest to a unit vector, best first. Scores are cosines, not below 0.

        A text that the model cannot read is close to nothing, and left out.
        """
        import numpy as np

        now, found = self.memory._now(), list[Kept]()
        asked = self._expression(self._asked(filters, hidden=False))
        query = Query(np.asarray(vector, dtype=np.float32), 1.0, (), frozenset(), (), {}, False, now)
        with self.memory._store.searching(self.memory._visible(asked, now=now), query) as reading:
            view = reading.view
            readable = ~np.isnan(view.cosine)
            places = np.flatnonzero(readable if view.matching is None else readable & view.matching)
            order = places[np.argsort(-view.cosine[places], kind="stable")]
            for start in range(0, len(order), _CHUNK):
                ranked = [Ranked(int(at), max(0.0, float(view.cosine[at]))) for at in order[start : start + _CHUNK]]
                for one, record in zip(ranked, reading.records(ranked), strict=True):
                    value = kept(cast("Any", record.to_item()))._replace(score=one.score)
                    found += [value] if accepts(value) else []
                    if len(found) >= count:
                        return found[:count]
        return found

    def count(self, filters: Mapping[str, Any]) -> int:
        """Return how many values there are."""
        total: int = self.memory.get_all(filters=self._asked(filters), top_k=1)["total"]
        return total

    def places(self) -> list[str]:
        """Return the places that have values."""
        entities = self.memory._store.entities(self.memory._visible(self._expression(self._asked({}))))
        return [one["id"] for one in entities if one["type"] == "run"]

    def _asked(self, filters: Mapping[str, Any], *, hidden: bool = True) -> dict[str, Any]:
        apps = {"in": [self._app, self._app + _HIDDEN]} if hidden else {"eq": self._app}
        return {"app_id": apps, **self._ids, **filters}

    def _live(self, ids: Iterable[str]) -> dict[str, Record]:
        return self.memory._store.get_many(ids, self.memory._visible())

    # -- writing

    def id_of(self, place: str, key: str) -> str:
        """Return the id of the memory that has a value."""
        name = json.dumps([self._app, self.memory.user_id, self._ids, place, key])
        return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=5))

    def write(self, puts: Sequence[Put], deletions: Iterable[tuple[str, str]] = ()) -> None:
        """Write and delete values in one transaction; deleting what is not there does nothing.

        If others write the same keys meanwhile, what they prevented is tried again. Raises NotReplacedError.
        """
        gone = [self.id_of(*key) for key in deletions]
        records = [(put, self._record(put)) for put in puts]
        vectors = self._vectors([record for _, record in records])
        for _ in range(_ATTEMPTS):
            left = self._attempt([(put, self._dated(put, one)) for put, one in records], vectors, gone)
            if left is None:
                continue
            if not left:
                return
            records, gone = left, []
        raise DatabaseBusyError("Others kept writing the same keys. Try again.")

    def _attempt(
        self, records: Sequence[tuple[Put, Record]], vectors: Mapping[str, UnitVector], gone: Sequence[str]
    ) -> list[tuple[Put, Record]] | None:
        """Write what is asked for. Return what others prevented, or None if they prevented all of it."""
        ids = [*gone, *(record.id for _, record in records)]
        known = self._live(ids)
        if expired := self.memory._store.existing(ids) - known.keys():
            self._forget(expired)
        deletions = [one for one in gone if one in known]
        updates: list[Update] = []
        new: list[tuple[Put, Record]] = []
        for put, record in records:
            before = known.get(record.id)
            if before is not None and before.scope == record.scope:
                updates.append(Update(record.id, _replacing(put, record), vectors[record.text]))
                continue
            _check(put, before)
            deletions += [] if before is None else [record.id]
            new.append((put, record if before is None else _of_same_age(record, before)))
        entries = [Entry(record, vectors[record.text], unique="id") for _, record in new]
        changes = Changes(entries, updates, deletions, scale=self.memory._scaling.to_keep())
        try:
            outcomes = self.memory._store.apply(changes, self.memory._visible()).outcomes
        except MemoryNotFoundError:
            return None
        return [one for one, outcome in zip(new, outcomes, strict=True) if not outcome.added]

    def refresh(self, found: Iterable[Kept]) -> None:
        """Let values with a lifetime live on for as long again.

        Nothing is written for those that would gain less than a hundredth of it, so that a value that is read all the
        time is not also written all the time.
        """
        now = self.memory._now()
        updates = []
        for one in found:
            if one.ttl is not None and one.expires_at is not None:
                expires_at = add_micros(now, one.ttl, "ttl")
                if 100 * (expires_at - to_micros(one.expires_at, "expires_at")) >= one.ttl:
                    updates.append(_extending(one.id, expires_at))
        if updates and not self.memory.read_only and not self._applied(updates):
            for update in updates:  # one of them was deleted since it was read
                self._applied([update])

    def _applied(self, updates: Sequence[Update]) -> bool:
        try:
            self.memory._store.apply(Changes(updates=updates), self.memory._visible())
        except MemoryNotFoundError:
            return False
        return True

    def delete_found(self, found: Kept) -> bool:
        """Delete a value; return False if somebody else has deleted it."""
        try:
            self.memory.delete(found.id)
        except MemoryNotFoundError:
            return False
        return True

    def clear(self, place: str) -> None:
        """Delete every value of a place."""
        self.delete({"run_id": {"eq": place}})

    def delete(self, filters: Mapping[str, Any]) -> None:
        """Delete every value that matches."""
        self.memory.delete_all(filters=self._asked(filters))

    def forget(self, keys: Iterable[tuple[str, str]]) -> None:
        """Remove values from the file that have expired, with their histories."""
        self._forget([self.id_of(*key) for key in keys])

    def instants(self, count: int) -> int:
        """Reserve ``count`` microseconds in a row, which nobody else has got; return the first.

        Values that are written at such instants have one order, whoever writes them and whatever the clocks say.
        """
        now, first = self.memory._now(), 0

        def reserve(last: dict[str, Any] | None) -> dict[str, Any]:
            nonlocal first
            first = max(now, 0 if last is None else int(last["last"]) + 1)
            return {"last": first + count - 1}

        self.memory._store.change_document("instants", self._app, reserve)
        return first

    def _forget(self, expired: Iterable[str]) -> None:
        """Remove expired values, whose ids would be taken."""
        now = self.memory._now()
        filters = self._asked({"id": {"in": list(expired)}, "expires_at": {"lte": to_iso(now)}})
        self.memory._store.delete_matching(self.memory._visible(self._expression(filters), now=now))

    def _expression(self, filters: Mapping[str, Any]) -> Expression:
        return self.memory._owner.asked(filters, *NO_IDS)

    def _record(self, put: Put) -> Record:
        text, app = put.text, self._app
        if text is None or not text.strip():
            text, app = put.label, app + _HIDDEN
        if len(text) > MAX_TEXT_LENGTH:
            raise ValidationError(
                f"Invalid value: {len(text)} characters to search, but at most {MAX_TEXT_LENGTH} are allowed. Index "
                "less of it, or split it.",
                field="value",
            )
        text = text.encode("utf-8", "replace").decode()
        scope = self.memory._owner.scope(cast("Any", {**self._ids, "run_id": put.place, "app_id": app}))
        id_ = self.id_of(put.place, put.key)
        metadata = _metadata(put)
        return Record(id_, scope, text, text_hash(text), metadata, 0, 0, role=put.role)

    def _dated(self, put: Put, record: Record) -> Record:
        now = self.memory._now()
        at = now if put.at is None else put.at
        expires_at = None if put.ttl is None else add_micros(now, put.ttl, "ttl")
        return _aged(record._replace(created_at=at, updated_at=at, expires_at=expires_at), at)

    def _vectors(self, records: Sequence[Record]) -> dict[str, UnitVector]:
        """Return a vector for each text. Those of labels, of which there are few, are remembered."""
        hidden = {one.text for one in records if str(one.scope.app_id).endswith(_HIDDEN)}
        texts = list(dict.fromkeys(one.text for one in records if one.text not in self._labels))
        found = dict(zip(texts, embed_documents(self.memory._embedder, texts), strict=True))
        self._labels.update({text: vector for text, vector in found.items() if text in hidden})
        return {**self._labels, **found}


def kept(item: Mapping[str, Any]) -> Kept:
    """Return the value that a memory holds."""
    metadata = item["metadata"]
    about = metadata["item"]
    return Kept(
        item["id"],
        item["run_id"],
        json.loads(about["key"]),
        json.loads(about["json"]) if "json" in about else metadata["value"],
        about["created_at"],
        item["created_at"],
        about.get("ttl"),
        item.get("expires_at"),
        item.get("score"),
    )


def place_of(labels: Sequence[str], field: str) -> str:
    """Return labels as one id, from which ``labels_of`` gets them back; different labels give different ids.

    Each label ends with a dot, and a colon is before the first, so that ``place_of(("a", "b"))`` is part of the ids
    that begin with these labels and of no others.
    """
    place = ":" + "".join(f"{_escaped(label)}." for label in labels)
    if len(place) > MAX_ID_LENGTH:
        raise ValidationError(
            f"Invalid {field}: {len(place)} characters, but at most {MAX_ID_LENGTH} are allowed. Shorten it.",
            field=field,
        )
    return place


def named_place(name: object, field: str) -> str:
    """Return a name as an id: unchanged where it can be one, else as ``place_of`` writes it.

    Raises ValidationError for what is not a text.
    """
    if not isinstance(name, str):
        raise ValidationError(f"Invalid {field}: must be a text, got {type(name).__name__}.", field=field)
    try:
        if not name.startswith(":") and clean_id(name, field) == name:
            return name
    except ValidationError:
        pass
    return place_of([name], field)


def name_of(place: str) -> str:
    """Return the name that ``named_place`` made an id of."""
    return labels_of(place)[0] if place.startswith(":") else place


def labels_of(place: str) -> tuple[str, ...]:
    """Return the labels of an id that ``place_of`` made."""
    labels = tuple(place[1:-1].split("."))
    if "%" not in place:
        return labels
    from urllib.parse import unquote_to_bytes

    return tuple(unquote_to_bytes(one).decode("utf-8", "surrogatepass") for one in labels)


def _escaped(label: str) -> str:
    """Return a label without the characters that ids cannot have, or that separate labels."""
    plain = nfc(label) == label and nfc("." + label) == "." + label
    return "".join(
        one
        if one not in "%:.*" and one.isprintable() and not one.isspace() and (plain or one.isascii())
        else "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))
        for one in label
    )


def _metadata(put: Put) -> dict[str, Any]:
    about: dict[str, Any] = {"key": json.dumps(put.key)}
    if put.ttl is not None:
        about["ttl"] = put.ttl
    text = _json(put.value)
    try:
        native = clean_metadata({"value": put.value})
    except ValidationError:
        return {"item": {**about, "json": text}}
    if json.dumps(native["value"]) == text:
        return {"item": about, **native}
    return {"item": {**about, "json": text}}


def _json(value: Any) -> str:
    """Return a value as JSON. Raises ValidationError for what JSON cannot hold, such as keys that are numbers."""
    try:
        _check_keys(value)
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError(
            f"Invalid value: {shown(value)} cannot be kept as JSON: {error}. Convert it to texts, numbers, lists and "
            "dictionaries whose keys are texts.",
            field="value",
        ) from None


def _check_keys(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, one in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {shown(key)} is not a text")
            _check_keys(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _check_keys(one)


def _replacing(put: Put, record: Record) -> Callable[[Record], Record]:
    def change(before: Record) -> Record:
        _check(put, before)
        return _of_same_age(record, before)

    return change


def _extending(memory_id: str, expires_at: int) -> Update:
    def change(record: Record) -> Record:
        lasts = record.expires_at is None or record.expires_at >= expires_at
        return record if lasts else record._replace(expires_at=expires_at)

    return Update(memory_id, change)


def _check(put: Put, before: Record | None) -> None:
    """Raise NotReplacedError if a value that is there may not be replaced."""
    if put.replaces is None:
        return
    held = MISSING if before is None else kept(cast("Any", before.to_item())).value
    if not put.replaces(held):
        raise NotReplacedError


def _of_same_age(record: Record, before: Record) -> Record:
    """Return a record with the time at which its key was first written."""
    return _aged(record, to_micros((before.metadata or {})["item"]["created_at"], "created_at"))


def _aged(record: Record, created: int) -> Record:
    metadata = record.metadata or {}
    return record._replace(metadata={**metadata, "item": {**metadata["item"], "created_at": to_iso(created)}})
