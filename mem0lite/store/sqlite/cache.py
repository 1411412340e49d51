"""What searches read, kept in memory: the vectors of the scopes searched, and what ranking needs beside them.

For each set of scopes that is searched there is a Collection, valid for one version of the file and brought up to the
next by reading what changed. Memories are numbered by *slots*, which are given once: a changed memory gets another
one. So whatever is known of a slot (its vector, the terms in it, whether a filter lets it through) stays true, is only
ever added to, and can be read without a lock.
"""

import copy
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import apsw

from ...data.filters import Expression, scope_part
from ...embedding.reading import no_meaning
from ...errors import CorruptFileError
from ...search.conversation import NAME_LENGTH, Sessions, is_name
from ...search.query import Query
from ...search.view import View, names_of
from . import rows
from .damage import check_optional_texts, undamaged
from .filter_sql import Sql, compile_filter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1_024  # keys read by one statement, so that a large scope is never held twice
_NEVER = 2**63 - 1
_MOST_ROOM = 8_192  # vectors
_SLOT_BYTES = 64  # of a memory beside its vector, about
_COLLECTION_BYTES = 4_096  # of a collection, however empty
_TERM_BYTES = 512  # of a term's postings, however few
_NAME_BYTES = 200  # of a speaker or a filter, beside the characters
_CHARACTER_BYTES = 4  # at most
_POSTING_BYTES = 8
_SQUARE_TOLERANCE = 2e-3  # of a vector's square, which is 1
_MAX_MASKS = 64
_MAX_TERMS = 16_384

Range = tuple[int, int, int]
"""A scope number or an owner, and the first and the last key."""

_RANGES = "json_each(?) r"
_IN_RANGE = "BETWEEN r.value ->> 1 AND r.value ->> 2"


@dataclass(frozen=True)
class _Image:
    """The memories of a collection as of one version, in order of their keys; arrays have shape (n,)."""

    version: int
    scopes: dict[int, tuple[int, int]]
    """By number: owner and next sequence."""
    keys: "NDArray[np.int64]"
    slots: "NDArray[np.int32]"
    lengths: "NDArray[np.float32]"
    created_at: "NDArray[np.int64]"
    expires_at: "NDArray[np.int64]"
    actors: "NDArray[np.int32]"
    """Codes of the actor or the role."""
    prefixes: "NDArray[np.int32]"
    """Codes of the name that the text begins with, -1 where it begins with none."""
    vectors: "NDArray[np.float32] | None"
    """By slot, shape (slots, dimensions); None where they do not fit and are read for each search."""
    unread: "NDArray[np.bool_] | None"
    """By slot, whether the vector stands for a text that the model can't read; None as with ``vectors``."""
    slot_keys: "NDArray[np.int64]"
    """By slot."""

    @property
    def used(self) -> int:
        """How many slots were given so far."""
        return len(self.slot_keys)

    @cached_property
    def speakers(self) -> "NDArray[np.int32]":
        """Codes of who said it: the name a text begins with counts where it recurs, unlike that of a note."""
        import numpy as np

        recurs = np.bincount(self.prefixes + 1) > 1
        recurs[:1] = False
        return np.where(recurs[self.prefixes + 1], self.prefixes, self.actors) if len(recurs) else self.actors

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.keys, self.created_at, self.speakers)

    @cached_property
    def positions(self) -> "NDArray[np.int64]":
        """By slot: where its memory is, -1 where it is no more."""
        import numpy as np

        positions = np.full(self.used, -1, dtype=np.int64)
        positions[self.slots] = np.arange(len(self.slots))
        return positions

    @cached_property
    def next_expiry(self) -> int:
        return int(self.expires_at.min()) if len(self.expires_at) else _NEVER

    @cached_property
    def in_order(self) -> bool:
        """Whether every position is its own slot."""
        import numpy as np

        return len(self.slots) == self.used and bool((self.slots == np.arange(self.used)).all())

    @cached_property
    def nbytes(self) -> int:
        return (0 if self.vectors is None else self.vectors.nbytes) + _SLOT_BYTES * self.used

    def slots_of(self, keys: "NDArray[np.int64]") -> "tuple[NDArray[np.int32], NDArray[np.bool_]]":
        """Return the slots of those of the keys that are here, and which of them are."""
        import numpy as np

        if not len(self.keys):
            return self.slots, np.zeros(len(keys), dtype=bool)
        positions = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        here = self.keys[positions] == keys
        return self.slots[positions[here]], here


@dataclass(frozen=True, slots=True)
class _Postings:
    """In which slots before ``upto`` a term occurs, and how often."""

    slots: "NDArray[np.int32]"
    frequencies: "NDArray[np.float32]"
    upto: int


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read of new memories, in the order of their ranges."""

    keys: "NDArray[np.int64]"
    lengths: "NDArray[np.float32]"
    created_at: "NDArray[np.int64]"
    expires_at: "NDArray[np.int64]"
    actors: "NDArray[np.int32]"
    prefixes: "NDArray[np.int32]"


class Collection:
    """The memories of the scopes that meet one condition."""

    def __init__(self, dimensions: int, limit: int, name: str) -> None:
        self.lock = threading.Lock()
        self._dimensions, self._limit = dimensions, limit
        self._own_bytes = _COLLECTION_BYTES + _CHARACTER_BYTES * len(name)  # with what it is kept under
        self.nbytes = 0
        """About how much memory it takes."""
        self._clear()

    def _clear(self) -> None:
        self._image: _Image | None = None
        self._speakers: dict[str, int] = {}
        self._names: tuple[int, dict[str, list[int]]] = (0, {})
        self._speaker_bytes = 0
        self._forget_queries()

    def _forget_queries(self) -> None:
        self._postings: dict[str, _Postings] = {}
        self._posting_bytes = 0
        self._masks: OrderedDict[str, NDArray[np.bool_]] = OrderedDict()

    def view(
        self,
        connection: apsw.Connection,
        check: Callable[[apsw.Connection], None],
        scope: Sql,
        matching: Expression | None,
        terms: Sequence[str],
    ) -> "tuple[_Image, dict[str, _Postings], NDArray[np.bool_] | None, dict[str, list[int]]]":
        """Return everything as of the connection's snapshot, with a mask by slot and the codes of names.

        The snapshot begins with the first statement, here inside the lock, so no image can be newer than it; ``check``
        raises when the file is not to be read.
        """
        with self.lock:
            check(connection)
            with undamaged():
                image = self._refresh(connection, scope)
                self._load_terms(connection, image, terms)
                mask = None if matching is None else self._mask(connection, image, compile_filter(matching))
            postings = {term: self._postings[term] for term in terms}
            names = self._named()
            extra = self._posting_bytes + len(self._masks) * image.used + _text_bytes(self._masks)
            if image.nbytes + extra > self._limit:
                self._forget_queries()
                extra = 0
            self.nbytes = self._own_bytes + self._speaker_bytes + image.nbytes + extra
            return image, postings, mask, names

    def _named(self) -> dict[str, list[int]]:
        """Return the codes of the speakers with a name, by its first word."""
        if self._names[0] != len(self._speakers):
            self._names = len(self._speakers), names_of(self._speakers)
            self._speaker_bytes = _text_bytes(self._speakers)
        return self._names[1]

    # -- following the file

    def _refresh(self, connection: apsw.Connection, scope: Sql) -> _Image:
        version = rows.current_version(connection)
        image = self._image
        if image is not None and image.version != version:
            older = image.version > version  # a copy made before was put in the file's place
            image = None if older else self._followed(connection, scope, image, version)
        if image is None:
            image = self._read_all(connection, scope, version)
        self._image = image
        return image

    def _followed(self, connection: apsw.Connection, scope: Sql, image: _Image, version: int) -> _Image | None:
        """Return the image as of a later version, or None when it is better read anew."""
        sql, parameters = scope
        count, newest = connection.execute(
            f"SELECT count(*), ifnull(max(s.version), 0) FROM scope s WHERE {sql}", parameters
        ).get
        if count == len(image.scopes) and newest <= image.version:
            same = copy.copy(image)  # with all that was derived from it
            object.__setattr__(same, "version", version)
            return same
        changed = rows.fetch(
            connection,
            "SELECT s.id, s.owner_id, s.next_sequence, s.rewritten FROM scope s "
            f"WHERE {sql} AND s.version > ? ORDER BY s.id",
            [*parameters, image.version],
        )
        scopes = image.scopes | {number: (owner, following) for number, owner, following, _ in changed}
        gone = set()
        if len(scopes) != count:
            there = rows.fetch(connection, f"SELECT s.id FROM scope s WHERE {sql}", parameters)
            gone = set(scopes) - {number for (number,) in there}
            scopes = {number: row for number, row in scopes.items() if number not in gone}
        ranges, remaining = _differences(connection, image, changed)
        kept = _kept(image, gone, remaining)
        loaded = self._load(connection, ranges, whole=False)
        live, used = int(kept.sum()) + len(loaded.keys), image.used + len(loaded.keys)
        if used > 2 * live + _CHUNK or (self._fits(live) and not self._fits(used)):
            return None
        vectors = self._load_vectors(connection, image, loaded.keys)
        return self._merged(image, kept, loaded, vectors, version, scopes)

    def _read_all(self, connection: apsw.Connection, scope: Sql, version: int) -> _Image:
        import numpy as np

        self._clear()
        sql, parameters = scope
        found = rows.fetch(
            connection, f"SELECT s.id, s.owner_id, s.next_sequence FROM scope s WHERE {sql} ORDER BY s.id", parameters
        )
        scopes = {number: (owner, following) for number, owner, following in found}
        ranges = [(number, number << 32, (number << 32) + following - 1) for number, (_, following) in scopes.items()]
        loaded = self._load(connection, ranges, whole=True)
        size, none = len(loaded.keys), np.empty(0, dtype=np.int64)
        codes, lengths = none.astype(np.int32), none.astype(np.float32)
        vectors = np.empty((_with_room(size), self._dimensions), dtype=np.float32) if self._fits(size) else None
        unread = None if vectors is None else none.astype(bool)
        empty = _Image(version, scopes, none, codes, lengths, none, none, codes, codes, vectors, unread, none)
        vectors = self._load_vectors(connection, empty, loaded.keys)
        return self._merged(empty, np.ones(0, dtype=bool), loaded, vectors, version, scopes)

    def _fits(self, slots: int) -> bool:
        return slots * (self._dimensions * 4 + _SLOT_BYTES) <= self._limit

    def _merged(
        self,
        image: _Image,
        kept: "NDArray[np.bool_]",
        loaded: _Loaded,
        vectors: "NDArray[np.float32] | None",
        version: int,
        scopes: dict[int, tuple[int, int]],
    ) -> _Image:
        import numpy as np

        slot_keys = np.concatenate([image.slot_keys, loaded.keys])
        keys = np.concatenate([image.keys[kept], loaded.keys])
        order = None if _ascending(keys) else np.argsort(keys, kind="stable")

        def column(before: Any, new: Any) -> Any:
            both = np.concatenate([before[kept], new])
            return both if order is None else both[order]

        unread = None
        if vectors is not None and image.unread is not None:
            unread = np.concatenate([image.unread, _unread(vectors[image.used : len(slot_keys)])])
        return _Image(
            version,
            scopes,
            keys if order is None else keys[order],
            column(image.slots, np.arange(image.used, len(slot_keys), dtype=np.int32)),
            column(image.lengths, loaded.lengths),
            column(image.created_at, loaded.created_at),
            column(image.expires_at, loaded.expires_at),
            column(image.actors, loaded.actors),
            column(image.prefixes, loaded.prefixes),
            vectors,
            unread,
            slot_keys,
        )

    def _load(self, connection: apsw.Connection, ranges: Sequence[Range], *, whole: bool) -> _Loaded:
        import numpy as np

        listed = connection.execute(
            f"SELECT group_concat(m.key) FROM {_RANGES} CROSS JOIN memory m ON m.key {_IN_RANGE}", (json.dumps(ranges),)
        ).get
        parts = [self._load_chunk(connection, chunk) for chunk in _chunks(_numbers(listed, np.int64), whole=whole)]
        columns = (
            np.concatenate([part[column] for part in parts]) if parts else np.empty(0, dtype=kind)
            for column, kind in enumerate((np.int64, np.float32, np.int64, np.int64, np.int32, np.int32))
        )
        return _Loaded(*columns)

    def _load_vectors(
        self, connection: apsw.Connection, image: _Image, keys: "NDArray[np.int64]"
    ) -> "NDArray[np.float32] | None":
        """Return the vectors by slot with those of new memories, written where nobody reads yet; None when they are
        too many."""
        import numpy as np

        used = image.used + len(keys)
        vectors = image.vectors
        if vectors is None or not self._fits(used):
            return None
        if used > len(vectors):
            larger = np.empty((_with_room(used), self._dimensions), dtype=np.float32)
            larger[: image.used] = vectors[: image.used]
            vectors = larger
        for start, found in _vectors(connection, keys, self._dimensions, whole=not image.used):
            vectors[image.used + start : image.used + start + len(found)] = found
        return vectors

    def _load_chunk(self, connection: apsw.Connection, ranges: Sequence[Range]) -> "list[Any]":
        """Return keys, lengths, dates, expiries, actors and prefixes. One row for all: between two rows SQLite's caller
        takes Python's lock, and with a row for each memory four threads searched at half the speed of one."""
        import numpy as np

        *numbers, actors, prefixes = connection.execute(
            "SELECT group_concat(m.key), group_concat(m.length), group_concat(m.created_at), "
            f"group_concat(ifnull(m.expires_at, {_NEVER})), json_group_array(ifnull(m.actor_id, char(0) || m.role)), "
            f"json_group_array(CASE WHEN m.actor_id IS NULL AND instr(substr(m.text, 1, {NAME_LENGTH + 2}), ': ') > 1 "
            "THEN substr(m.text, 1, instr(m.text, ': ') - 1) END) "
            f"FROM {_RANGES} CROSS JOIN memory m ON m.key {_IN_RANGE}",
            (json.dumps(ranges),),
        ).get
        kinds = (np.int64, np.float32, np.int64, np.int64)
        codes = self._speakers
        names, beginnings = json.loads(actors), json.loads(prefixes)
        check_optional_texts(*names, *beginnings)
        said_by = [codes.setdefault(actor or "\0", len(codes)) for actor in names]
        begin = [codes.setdefault(prefix, len(codes)) if is_name(prefix) else -1 for prefix in beginnings]
        columns = [_numbers(text, kind) for text, kind in zip(numbers, kinds, strict=True)]
        if {len(column) for column in columns} != {len(said_by)}:
            raise ValueError("a number is missing")
        return [*columns, np.array(said_by, np.int32), np.array(begin, np.int32)]

    # -- terms and filters

    def _load_terms(self, connection: apsw.Connection, image: _Image, terms: Sequence[str]) -> None:
        import numpy as np

        if len(self._postings) > _MAX_TERMS:
            self._postings.clear()
            self._posting_bytes = 0
        ranges: dict[int, str] = {}
        for term in terms:
            known = self._postings.get(term)
            upto = 0 if known is None else known.upto
            if known is not None and upto == image.used:
                continue
            if upto not in ranges:
                ranges[upto] = json.dumps(self._owner_ranges(image, upto))
            found, frequencies = connection.execute(
                f"SELECT group_concat(p.key), group_concat(p.frequency) FROM {_RANGES} "
                f"CROSS JOIN posting p ON p.owner_id = r.value ->> 0 AND p.term = ?2 AND p.key {_IN_RANGE}",
                (ranges[upto], term),
            ).get
            slots, here = image.slots_of(_numbers(found, np.int64))
            parts = slots, _numbers(frequencies, np.float32)[here]
            if known is not None:
                parts = np.concatenate([known.slots, parts[0]]), np.concatenate([known.frequencies, parts[1]])
            self._postings[term] = _Postings(*parts, image.used)
            self._posting_bytes += _POSTING_BYTES * len(slots) + (_TERM_BYTES if known is None else 0)

    def _mask(self, connection: apsw.Connection, image: _Image, sql: Sql) -> "NDArray[np.bool_]":
        """Return by slot whether a filter lets its memory through."""
        import numpy as np

        where, parameters = sql
        name = json.dumps([where, parameters])
        known = self._masks.get(name, np.zeros(0, dtype=bool))
        if len(known) < image.used:
            upto = len(known)
            found = connection.execute(
                f"SELECT group_concat(m.key) FROM {_RANGES} CROSS JOIN scope s ON s.id = r.value ->> 0 "
                f"CROSS JOIN memory m ON m.key {_IN_RANGE} WHERE {where}",
                (json.dumps(self._scope_ranges(image, upto)), *parameters),
            ).get
            known = np.concatenate([known, np.zeros(image.used - upto, dtype=bool)])
            slots, _ = image.slots_of(_numbers(found, np.int64))
            known[slots] = True
        self._masks[name] = known
        self._masks.move_to_end(name)
        if len(self._masks) > _MAX_MASKS:
            self._masks.popitem(last=False)
        return known

    def _scope_ranges(self, image: _Image, upto: int) -> list[Range]:
        """Return the key ranges of the slots from ``upto`` on."""
        import numpy as np

        keys = np.unique(image.slot_keys[upto:])
        ends = np.flatnonzero(np.diff(keys) != 1)
        firsts = keys[np.concatenate([[0], ends + 1])].tolist() if len(keys) else []
        lasts = keys[np.concatenate([ends, [len(keys) - 1]])].tolist() if len(keys) else []
        return [(first >> 32, first, last) for first, last in zip(firsts, lasts, strict=True)]

    def _owner_ranges(self, image: _Image, upto: int) -> list[Range]:
        """Return the same by owner, or where nothing is known yet one range for each owner."""
        if upto:
            return [
                (image.scopes[scope][0], first, last)
                for scope, first, last in self._scope_ranges(image, upto)
                if scope in image.scopes
            ]
        spans: dict[int, tuple[int, int]] = {}
        for number, (owner, _) in image.scopes.items():
            first, last = spans.get(owner, (number, number))
            spans[owner] = min(first, number), max(last, number)
        return [(owner, first << 32, (last << 32) + 0xFFFFFFFF) for owner, (first, last) in spans.items()]


class Cache:
    """The collections of a store, of which those asked for last are kept in about ``limit`` bytes."""

    def __init__(self, dimensions: int, limit: int) -> None:
        self._dimensions, self._limit = dimensions, limit
        self._lock = threading.Lock()
        self._collections: OrderedDict[str, Collection] = OrderedDict()

    def view(
        self,
        connection: apsw.Connection,
        check: Callable[[apsw.Connection], None],
        expression: Expression,
        now: int | None,
        query: Query,
    ) -> View:
        """Return what a search may return as of the connection's snapshot, which must not have begun yet."""
        scopes = scope_part(expression)
        scope = compile_filter(scopes)
        name = json.dumps(scope)
        collection = self._collection(name)
        matching = None if expression == scopes else expression
        before = collection.nbytes
        image, postings, mask, names = collection.view(connection, check, scope, matching, query.all_terms)
        if not image.scopes:
            self._drop(name)
        elif collection.nbytes > before:
            self._trim()
        return _view(image, _cosine(connection, image, query.vector), postings, mask, now, names)

    @property
    def nbytes(self) -> int:
        """About how much memory the collections take."""
        with self._lock:
            return sum(collection.nbytes for collection in self._collections.values())

    def clear(self) -> None:
        """Forget everything; searches that run keep what they use."""
        with self._lock:
            self._collections.clear()

    def _collection(self, name: str) -> Collection:
        with self._lock:
            collection = self._collections.get(name)
            if collection is None:
                collection = self._collections[name] = Collection(self._dimensions, self._limit, name)
            self._collections.move_to_end(name)
            return collection

    def _drop(self, name: str) -> None:
        with self._lock:
            self._collections.pop(name, None)

    def _trim(self) -> None:
        with self._lock:
            sizes = {name: collection.nbytes for name, collection in self._collections.items()}
            excess = sum(sizes.values()) - self._limit
            for name in list(sizes)[:-1]:
                if excess <= 0:
                    return
                del self._collections[name]
                excess -= sizes[name]


# -- reading


def _text_bytes(names: Iterable[str]) -> int:
    """Return about how much memory the keys of a dictionary take."""
    return sum(_NAME_BYTES + _CHARACTER_BYTES * len(name) for name in names)


def _numbers(text: str | None, kind: Any) -> "NDArray[Any]":
    import numpy as np

    return np.fromstring(text, dtype=kind, sep=",") if text else np.empty(0, dtype=kind)


def _with_room(size: int) -> int:
    """Return for how many vectors to make room: some more than there are, so that few additions copy them all."""
    return size + min(size // 2, _MOST_ROOM)


def _ascending(keys: "NDArray[np.int64]") -> bool:
    return bool((keys[1:] > keys[:-1]).all())


def _chunks(keys: "NDArray[np.int64]", *, whole: bool) -> Iterator[list[Range]]:
    """Split the keys of memories into ranges that hold no others, of _CHUNK memories at a time; ``whole`` says that
    they are all there are of their scopes, so that what is missing between them is missing in the file."""
    import numpy as np

    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        apart = np.diff(chunk >> 32) != 0 if whole else np.diff(chunk) != 1
        ends = np.flatnonzero(apart)
        firsts = chunk[np.concatenate([[0], ends + 1])].tolist()
        lasts = chunk[np.concatenate([ends, [len(chunk) - 1]])].tolist()
        yield [(first >> 32, first, last) for first, last in zip(firsts, lasts, strict=True)]


def _vectors(
    connection: apsw.Connection, keys: "NDArray[np.int64]", dimensions: int, *, whole: bool
) -> "Iterator[tuple[int, NDArray[np.float32]]]":
    """Yield the vectors of the memories with these keys, in their order: the position of the first, and some."""
    import numpy as np

    for number, chunk in enumerate(_chunks(keys, whole=whole)):
        start = number * _CHUNK
        # SQLite's group_concat keeps bytes as they are; one value for all is twice as fast as a row for each.
        listed, packed = connection.execute(
            f"SELECT group_concat(v.key), CAST(group_concat(v.embedding, '') AS BLOB) FROM {_RANGES} "
            f"CROSS JOIN vector v ON v.key {_IN_RANGE}",
            (json.dumps(chunk),),
        ).get
        found = _numbers(listed, np.int64)
        if not np.array_equal(found, keys[start : start + _CHUNK]) or len(packed) != 4 * dimensions * len(found):
            raise _not_agreeing()
        vectors = np.frombuffer(packed, dtype="<f4").reshape(len(found), dimensions)
        with np.errstate(over="ignore", invalid="ignore"):
            sound = abs(np.vecdot(vectors, vectors) - 1) < _SQUARE_TOLERANCE  # which NaN is not either
        if not sound.all():
            raise _not_agreeing()
        yield start, vectors


def _not_agreeing() -> CorruptFileError:
    return CorruptFileError("The file is damaged: memories and vectors do not agree. Restore a backup.")


def _differences(
    connection: apsw.Connection, image: _Image, changed: Sequence[tuple[int, int, int, int]]
) -> "tuple[list[Range], dict[int, NDArray[np.int64]]]":
    """Return the key ranges to read of the scopes that changed, and of those rewritten the keys that stayed as they
    were."""
    import numpy as np

    ranges: list[Range] = []
    remaining: dict[int, NDArray[np.int64]] = {}
    for number, _, following, rewritten in changed:
        first = number << 32
        known = image.scopes[number][1] if number in image.scopes else 0
        if known and rewritten > image.version:
            listed, versions = connection.execute(
                "SELECT group_concat(m.key), group_concat(m.version) FROM memory m WHERE m.key BETWEEN ? AND ?",
                (first, first + known - 1),
            ).get
            keys, fresh = _numbers(listed, np.int64), _numbers(versions, np.int64) > image.version
            remaining[number] = keys[~fresh]
            ranges += [(number, key, key) for key in keys[fresh].tolist()]
        if following > known:
            ranges.append((number, first + known, first + following - 1))
    return ranges, remaining


def _kept(image: _Image, gone: set[int], remaining: "Mapping[int, NDArray[np.int64]]") -> "NDArray[np.bool_]":
    """Return which memories of an image are still as they were."""
    import numpy as np

    kept = np.ones(len(image.keys), dtype=bool)
    for number in [*gone, *remaining]:
        start, end = np.searchsorted(image.keys, [number << 32, (number + 1) << 32])
        kept[start:end] = np.isin(image.keys[start:end], remaining[number]) if number in remaining else False
    return kept


# -- searching


def _cosine(connection: apsw.Connection, image: _Image, vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the cosine of every memory with a unit vector, shape (n,); NaN where the model can't read its text."""
    import numpy as np

    if image.vectors is not None:
        cosine = _dot(image.vectors[: image.used], vector)
        cosine[image.unread] = np.nan
        return cosine if image.in_order else cosine[image.slots]
    cosine = np.empty(len(image.keys), dtype=np.float32)
    for start, found in _vectors(connection, image.keys, len(vector), whole=True):
        cosine[start : start + len(found)] = np.where(_unread(found), np.float32(np.nan), _dot(found, vector))
    return cosine


def _unread(vectors: "NDArray[np.float32]") -> "NDArray[np.bool_]":
    """Return which of some vectors stand for what the model can't read."""
    import numpy as np

    marker = np.frombuffer(no_meaning(vectors.shape[1]), dtype="<f4")
    unread: NDArray[np.bool_] = vectors[:, 0] == marker[0]
    candidates = np.flatnonzero(unread)
    unread[candidates] = (vectors[candidates] == marker).all(axis=1)
    return unread


def _dot(vectors: "NDArray[np.float32]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the dot product of each vector with one, on this thread alone: a matrix product of BLAS shares the work
    among all cores, where it waits for whatever else they do, and rounds differently for another number of rows."""
    import numpy as np

    products: NDArray[np.float32] = np.vecdot(vectors, vector)
    return products


def _view(
    image: _Image,
    cosine: "NDArray[np.float32]",
    postings: Mapping[str, _Postings],
    mask: "NDArray[np.bool_] | None",
    now: int | None,
    names: dict[str, list[int]],
) -> View:
    import numpy as np

    visible: Any = slice(None)
    positions = image.positions
    if now is not None and image.next_expiry <= now:
        visible = np.flatnonzero(image.expires_at > now)
        positions = np.full(image.used, -1, dtype=np.int64)
        positions[image.slots[visible]] = np.arange(len(visible))
    return View(
        keys=image.keys[visible],
        lengths=image.lengths[visible],
        created_at=image.created_at[visible],
        speakers=image.speakers[visible],
        names=names,
        cosine=cosine[visible],
        postings={term: _located(posting, positions) for term, posting in postings.items()},
        matching=None if mask is None else mask[image.slots[visible]],
        known_sessions=image.sessions if isinstance(visible, slice) else None,
        slots=image.slots[visible],
        vectors=image.vectors,
    )


def _located(postings: _Postings, positions: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    located = positions[postings.slots]
    here = located >= 0
    return (located, postings.frequencies) if here.all() else (located[here], postings.frequencies[here])
