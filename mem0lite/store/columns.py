"""What searches read, kept in memory: the vectors of the scopes that are searched, and what else ranking needs.

For any store with versions: a ``Source`` reads one snapshot of it, and there is no SQL here.

For each set of scopes that is searched there is a Collection. It is valid for one version of the store, and is brought
up to the next version by reading what changed. Memories are numbered by *slots*. A slot is given once: a changed memory
gets another one. So whatever is known of a slot (its vector, the terms in it, whether a filter lets it through) stays
true. It is only ever added to, and can be read without a lock.

A memory's *key* is ``number of its scope << 32 | its number in that scope``. Neither number is ever given again. Keys
never leave the store: searches see positions.
"""

import threading
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..data.filters import Expression, scope_part
from ..embedding.reading import no_meaning
from ..errors import CorruptFileError
from ..search.conversation import Sessions, is_name
from ..search.query import Query
from ..search.text import FOREIGN
from ..search.view import View, names_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEVER = 2**63 - 1
"""When a memory expires that does not expire."""
_SCOPE_BITS = 32
_CHUNK = 512  # vectors read at a time: they stay in the processor's cache
_MOST_SPARE = 1_024  # slots that are given up, beside as many as are in use
_WIDTH = 8_192  # keys whose memories are read at a time
_MANY_RANGES = 64  # of a chunk
_MOST_ROOM = 8_192  # vectors
_SLOT_BYTES = 64  # of a memory without its vector, about
_COLLECTION_BYTES = 4_096  # of an empty collection
_TERM_BYTES = 512  # of a term without postings
_NAME_BYTES = 200  # of a speaker or a filter, without the characters
_CHARACTER_BYTES = 4  # at most
_POSTING_BYTES = 8
_SQUARE_TOLERANCE = 2e-3  # of a vector's square, which is 1
_MANY_OWNERS = 16
_MAX_MASKS = 64
_MAX_TERMS = 16_384

Range = tuple[int, int, int]
"""A scope number or an owner, and the first and the last key."""


class ScopeVersion(NamedTuple):
    """What a scope was changed by."""

    number: int
    owner: int
    """Postings are kept by owner. Scopes share one if they have the same user, or without a user the same agent, …"""
    following: int
    """The number that its next memory gets."""
    rewritten: int
    """The version of its last change other than an addition."""


class Memories(NamedTuple):
    """What is read of memories, in the order of their ranges. Arrays and lists have length n."""

    keys: "NDArray[np.int64]"
    lengths: "NDArray[np.float32]"
    """In terms, with repetitions."""
    created_at: "NDArray[np.int64]"
    expires_at: "NDArray[np.int64]"
    """NEVER for a memory that does not expire."""
    latest: "NDArray[np.bool_]"
    """False for a memory that is superseded."""
    speakers: Sequence[str]
    """The actor. Without one, the role after a NUL, which tells it from an actor of that name."""
    prefixes: Mapping[int, str]
    """What comes before the first colon of the text, for memories without an actor, if it may be a name; by place."""


KeysOfTerm = tuple["NDArray[np.int64]", "NDArray[np.float32]"]
"""The keys of the memories in which a term occurs, and how often it occurs in each."""


class Source(Protocol):
    """One snapshot of a store, as far as the scopes go that a search asks for.

    The snapshot begins with ``version``, which is called first. ``ranges`` are in ascending order and don't overlap,
    and what is returned for them is in ascending order of keys.
    """

    def version(self) -> int:
        """Return the version of the store: every change of memories raises it. Raises EmbedderMismatchError."""

    def newest(self) -> tuple[int, int]:
        """Return how many scopes match, and the highest version among them, 0 without any."""

    def scopes(self, since: int = -1) -> list[ScopeVersion]:
        """Return the scopes that match and have a version above ``since``, by number."""

    def touched(self, since: int) -> "NDArray[np.int64] | None":
        """Return the keys of the memories that were changed or removed after a version, in order, as far as they were
        there then. It may return others, too. None: not known, so their versions have to be read."""

    def versions(self, first: int, last: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return the keys from ``first`` to ``last`` and the version of each memory."""

    def memories(self, ranges: Sequence[Range]) -> Memories:
        """Return the memories in the ranges."""

    def vectors(self, ranges: Sequence[Range]) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """Return the keys of the vectors in the ranges, and the vectors, shape (n, dimensions), which hold until it is
        called again."""

    def cosines(self, keys: "NDArray[np.int64]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return the cosine of each of these memories with a unit vector, and NaN for ``no_meaning``; shape (n,).

        Searches that keep no vectors ask for it. A store answers without handing out all vectors at once, with the same
        numbers that ``cosines_of`` computes from them: a memory's score must not depend on what is in memory. Raises
        CorruptFileError if a vector is missing, or is no unit vector.
        """

    def postings(self, ranges: Sequence[Range] | None, terms: Sequence[str]) -> "list[KeysOfTerm]":
        """Return for each term the keys of the memories in which it occurs, and how often. These ranges are by owner.
        None stands for all scopes that match."""

    def matching(self, ranges: Sequence[Range], expression: Expression) -> "NDArray[np.int64]":
        """Return the keys of the memories that match an expression."""


class Found(NamedTuple):
    """What a search may return: a view, and which memories its positions stand for."""

    view: View
    keys: "NDArray[np.int64]"
    """By position."""
    slots: "NDArray[np.int32]"
    """By position."""
    vectors: "NDArray[np.float32] | None"
    """By slot. None where the vectors are not kept and have to be read."""


class _Arrays(NamedTuple):
    """What an image is made of; arrays have shape (n,)."""

    version: int
    scopes: dict[int, tuple[int, int]]
    """By number: owner and next sequence."""
    keys: "NDArray[np.int64]"
    slots: "NDArray[np.int32]"
    lengths: "NDArray[np.float32]"
    created_at: "NDArray[np.int64]"
    expires_at: "NDArray[np.int64]"
    latest: "NDArray[np.bool_]"
    """Which memories are not superseded."""
    actors: "NDArray[np.int32]"
    """Codes of the actor or the role."""
    prefixes: "NDArray[np.int32]"
    """Codes of the name that the text begins with, -1 where it begins with none."""
    vectors: "NDArray[np.float32] | None"
    """By slot, shape (slots, dimensions); None where they do not fit, or after the first search of all: then they are
    read for each search."""
    unread: "NDArray[np.bool_] | None"
    """By slot, whether the vector stands for a text that the model can't read; None as with ``vectors``."""
    slot_keys: "NDArray[np.int64]"
    """By slot."""


class _Image(_Arrays):
    """The memories of a collection as of one version, in order of their keys."""

    def derived(self, **changes: Any) -> "_Image":
        """Return the image with another version, or with vectors, and all that was derived from it."""
        image = self._replace(**changes)
        image.__dict__.update(self.__dict__)
        return image

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
        return np.where(recurs[self.prefixes + 1], self.prefixes, self.actors) if recurs.any() else self.actors

    @cached_property
    def owners(self) -> int:
        """How many owners the scopes have."""
        return len({owner for owner, _ in self.scopes.values()})

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.scope_numbers, self.created_at, self.speakers)

    @cached_property
    def latest_positions(self) -> "NDArray[np.int64] | None":
        """The positions of the memories that are not superseded; None where those are all."""
        import numpy as np

        return None if self.latest.all() else np.flatnonzero(self.latest)

    @cached_property
    def latest_sessions(self) -> Sessions:
        """The sessions without the memories that are superseded."""
        chosen = self.latest_positions
        return Sessions(self.scope_numbers[chosen], self.created_at[chosen], self.speakers[chosen])

    @cached_property
    def scope_numbers(self) -> "NDArray[np.int64]":
        return self.keys >> _SCOPE_BITS

    @cached_property
    def positions(self) -> "NDArray[np.int64]":
        """By slot: the position of its memory, -1 if that is gone."""
        import numpy as np

        positions = np.full(self.used, -1, dtype=np.int64)
        positions[self.slots] = np.arange(len(self.slots))
        return positions

    @cached_property
    def next_expiry(self) -> int:
        return int(self.expires_at.min()) if len(self.expires_at) else NEVER

    @cached_property
    def in_order(self) -> bool:
        """Whether every position is its own slot."""
        import numpy as np

        return len(self.slots) == self.used and bool((self.slots == np.arange(self.used)).all())

    @property
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


class _Postings(NamedTuple):
    """In which slots before ``upto`` a term occurs, and how often."""

    slots: "NDArray[np.int32]"
    frequencies: "NDArray[np.float32]"
    upto: int


class _Loaded(NamedTuple):
    """What was read of new memories, in the order of their ranges."""

    keys: "NDArray[np.int64]"
    lengths: "NDArray[np.float32]"
    created_at: "NDArray[np.int64]"
    expires_at: "NDArray[np.int64]"
    latest: "NDArray[np.bool_]"
    actors: "NDArray[np.int32]"
    prefixes: "NDArray[np.int32]"


class Collection:
    """The memories of the scopes that meet one condition."""

    def __init__(self, dimensions: int, limit: int, name: str) -> None:
        self.lock = threading.Lock()
        self._dimensions, self._limit = dimensions, limit
        self._own_bytes = _COLLECTION_BYTES + _CHARACTER_BYTES * len(name)  # with the name that it is kept under
        self.nbytes = 0
        """About how much memory it takes."""
        self._searched = False
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
        self, source: Source, matching: Expression | None, query: Query
    ) -> "tuple[_Image, dict[str, _Postings], NDArray[np.bool_] | None, dict[str, list[int]]]":
        """Return everything as of the source's snapshot, with a mask by slot and the codes of names.

        Vectors are kept from the second search on. The first one is quicker without, and so is a process that asks for
        each of many users once.

        The snapshot begins with the first call of the source, here inside the lock, so no image can be newer than it.
        """
        with self.lock:
            image = self._refresh(source)
            if self._searched:
                image = self._image = self._with_vectors(source, image)
            self._searched = True
            postings = self._postings_for(source, image, query)
            mask = None if matching is None else self._mask(source, image, matching)
            names = self._named()
            self._count_bytes(image)
            return image, postings, mask, names

    def _count_bytes(self, image: _Image) -> None:
        """Note how much memory is taken, after forgetting what there is no room for."""
        extra = self._posting_bytes + len(self._masks) * image.used + _text_bytes(self._masks)
        if image.nbytes + extra > self._limit:
            self._forget_queries()
            extra = 0
        self.nbytes = self._own_bytes + self._speaker_bytes + image.nbytes + extra

    def _named(self) -> dict[str, list[int]]:
        """Return the codes of the speakers with a name, by its first word."""
        if self._names[0] != len(self._speakers):
            self._names = len(self._speakers), names_of(self._speakers)
            self._speaker_bytes = _text_bytes(self._speakers)
        return self._names[1]

    # -- following the store

    def _refresh(self, source: Source) -> _Image:
        version = source.version()
        image = self._image
        if image is not None and image.version != version:
            older = image.version > version  # an older copy was put in the store's place
            image = None if older else self._followed(source, image, version)
        if image is None:
            image = self._read_all(source, version)
        self._image = image
        return image

    def _followed(self, source: Source, image: _Image, version: int) -> _Image | None:
        """Return the image as of a later version, or None when it is better to read everything."""
        count, newest = source.newest()
        if count == len(image.scopes) and newest <= image.version:
            return image.derived(version=version)
        changed = source.scopes(since=image.version)
        scopes = image.scopes | {one.number: (one.owner, one.following) for one in changed}
        gone = set()
        if len(scopes) != count:
            gone = set(scopes) - {one.number for one in source.scopes()}
            scopes = {number: row for number, row in scopes.items() if number not in gone}
        ranges, lost = _differences(source, image, changed)
        kept = _kept(image, gone, lost)
        loaded = self._load(source, ranges)
        live, used = int(kept.sum()) + len(loaded.keys), image.used + len(loaded.keys)
        if used > 2 * live + _MOST_SPARE or (self._fits(live) and not self._fits(used)):
            return None
        vectors = self._load_vectors(source, image, loaded.keys)
        return self._merged(image, kept, loaded, vectors, version, scopes)

    def _read_all(self, source: Source, version: int) -> _Image:
        import numpy as np

        self._clear()
        scopes = {one.number: (one.owner, one.following) for one in source.scopes()}
        ranges = [
            (number, number << _SCOPE_BITS, (number << _SCOPE_BITS) + following - 1)
            for number, (_, following) in scopes.items()
        ]
        loaded = self._load(source, ranges)
        none = np.empty(0, dtype=np.int64)
        codes, lengths = none.astype(np.int32), none.astype(np.float32)
        latest = none.astype(bool)
        empty = _Image(version, scopes, none, codes, lengths, none, none, latest, codes, codes, None, None, none)
        return self._merged(empty, np.ones(0, dtype=bool), loaded, None, version, scopes)

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
        keys = np.concatenate([image.keys, loaded.keys])
        chosen: Any = slice(None)  # of the memories before and the new ones, in the order of their keys
        if not kept.all() or not _ascending(keys):
            chosen = np.flatnonzero(np.concatenate([kept, np.ones(len(loaded.keys), dtype=bool)]))
            chosen = chosen[np.argsort(keys[chosen], kind="stable")]

        def column(before: Any, new: Any) -> Any:
            return np.concatenate([before, new])[chosen]

        unread = None
        if vectors is not None and image.unread is not None:
            unread = np.concatenate([image.unread, _unread(vectors[image.used : len(slot_keys)])])
        return _Image(
            version,
            scopes,
            keys[chosen],
            column(image.slots, np.arange(image.used, len(slot_keys), dtype=np.int32)),
            column(image.lengths, loaded.lengths),
            column(image.created_at, loaded.created_at),
            column(image.expires_at, loaded.expires_at),
            column(image.latest, loaded.latest),
            column(image.actors, loaded.actors),
            column(image.prefixes, loaded.prefixes),
            vectors,
            unread,
            slot_keys,
        )

    def _load(self, source: Source, ranges: Sequence[Range]) -> _Loaded:
        import numpy as np

        parts: list[list[Any]] = []
        pieces = _pieces(ranges)
        with suppress(StopIteration):
            piece = next(pieces)
            while True:
                parts.append(self._load_chunk(source, piece))
                piece = pieces.send(len(parts[-1][0]))
        columns = (
            np.concatenate([part[column] for part in parts]) if parts else np.empty(0, dtype=kind)
            for column, kind in enumerate((np.int64, np.float32, np.int64, np.int64, np.bool_, np.int32, np.int32))
        )
        return _Loaded(*columns)

    def _load_chunk(self, source: Source, ranges: Sequence[Range]) -> "list[Any]":
        """Return keys, lengths, dates, expiries, what is not superseded, and the codes of speakers and prefixes."""
        import numpy as np

        read, codes = source.memories(ranges), self._speakers
        begin = set(filter(is_name, set(read.prefixes.values())))
        for name in sorted({*read.speakers, *begin}):
            codes.setdefault(name, len(codes))
        said_by = np.fromiter(map(codes.__getitem__, read.speakers), np.int32, len(read.speakers))
        prefixes = np.full(len(read.keys), -1, dtype=np.int32)
        for place, one in read.prefixes.items():
            if one in begin:
                prefixes[place] = codes[one]
        columns = read.keys, read.lengths, read.created_at, read.expires_at, read.latest
        return [*columns, said_by, prefixes]

    def _load_vectors(self, source: Source, image: _Image, keys: "NDArray[np.int64]") -> "NDArray[np.float32] | None":
        """Return the vectors by slot with those of new memories, written where nobody reads yet; None when they are
        too many, or not kept."""
        import numpy as np

        used = image.used + len(keys)
        vectors = image.vectors
        if vectors is None or not self._fits(used):
            return None
        if used > len(vectors):
            larger = np.empty((_with_room(used), self._dimensions), dtype=np.float32)
            larger[: image.used] = vectors[: image.used]
            vectors = larger
        for start, found in vectors_of(source, keys):
            _check_units(found)
            vectors[image.used + start : image.used + start + len(found)] = found
        return vectors

    def _with_vectors(self, source: Source, image: _Image) -> _Image:
        """Return the image with all vectors, if they fit and are not there yet."""
        import numpy as np

        if image.vectors is not None or not self._fits(image.used):
            return image
        vectors = np.zeros((_with_room(image.used), self._dimensions), dtype=np.float32)  # slots that are given up: 0
        unread = np.zeros(image.used, dtype=bool)
        for start, found in vectors_of(source, image.keys):
            slots: Any = image.slots[start : start + len(found)]
            if image.in_order:
                slots = slice(start, start + len(found))
            _check_units(found)
            vectors[slots], unread[slots] = found, _unread(found)
        return image.derived(vectors=vectors, unread=unread)

    # -- terms and filters

    def _postings_for(self, source: Source, image: _Image, query: Query) -> dict[str, _Postings]:
        """Return the postings of all terms of a query. The forms that a term has in other languages are looked for only
        in memories in another language, so where there are none, they are not read."""
        import numpy as np

        if len(self._postings) > _MAX_TERMS:
            self._postings.clear()
            self._posting_bytes = 0
        terms, foreign = query.all_terms, _only_foreign(query)
        self._load_terms(source, image, [term for term in terms if term not in foreign])
        if foreign and len(self._postings[FOREIGN].slots):
            self._load_terms(source, image, [term for term in terms if term in foreign])
            foreign = frozenset()
        none = _Postings(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32), image.used)
        return {term: none if term in foreign else self._postings[term] for term in terms}

    def _load_terms(self, source: Source, image: _Image, terms: Sequence[str]) -> None:
        missing: dict[int, list[str]] = {}  # by the slot from which on they are not known
        for term in terms:
            known = self._postings.get(term)
            if known is None or known.upto < image.used:
                missing.setdefault(0 if known is None else known.upto, []).append(term)
        for upto, named in missing.items():
            for term, found in zip(named, source.postings(self._owner_ranges(image, upto), named), strict=True):
                self._add_postings(image, term, *found)

    def _add_postings(
        self, image: _Image, term: str, keys: "NDArray[np.int64]", frequencies: "NDArray[np.float32]"
    ) -> None:
        import numpy as np

        known = self._postings.get(term)
        slots, here = image.slots_of(keys)
        parts = slots, frequencies[here]
        if known is not None:
            parts = np.concatenate([known.slots, parts[0]]), np.concatenate([known.frequencies, parts[1]])
        self._postings[term] = _Postings(*parts, image.used)
        self._posting_bytes += _POSTING_BYTES * len(slots) + (_TERM_BYTES if known is None else 0)

    def _mask(self, source: Source, image: _Image, expression: Expression) -> "NDArray[np.bool_]":
        """Return by slot whether a filter lets its memory through."""
        import numpy as np

        name = repr(expression)  # its operands are exact str, int and float, so no two expressions look the same
        known = self._masks.get(name, np.zeros(0, dtype=bool))
        if len(known) < image.used:
            upto = len(known)
            known = np.concatenate([known, np.zeros(image.used - upto, dtype=bool)])
            slots, _ = image.slots_of(source.matching(self._scope_ranges(image, upto), expression))
            known[slots] = True
        self._masks[name] = known
        self._masks.move_to_end(name)
        if len(self._masks) > _MAX_MASKS:
            self._masks.popitem(last=False)
        return known

    def _scope_ranges(self, image: _Image, upto: int) -> list[Range]:
        """Return the key ranges of the slots from ``upto`` on."""
        import numpy as np

        return _ranges(np.unique(image.slot_keys[upto:]), whole=False)

    def _owner_ranges(self, image: _Image, upto: int) -> list[Range] | None:
        """Return the same by owner, or where nothing is known yet one range for each owner. None stands for all scopes.

        Thousands of users with a scope each, as an agent has them, are thousands of ranges either way. The store knows
        them already. To list them for it took most of a search's time.
        """
        if upto:
            return [
                (image.scopes[scope][0], first, last)
                for scope, first, last in self._scope_ranges(image, upto)
                if scope in image.scopes
            ]
        if image.owners > max(_MANY_OWNERS, len(image.scopes) // 2):
            return None
        spans: dict[int, tuple[int, int]] = {}
        for number, (owner, _) in image.scopes.items():
            first, last = spans.get(owner, (number, number))
            spans[owner] = min(first, number), max(last, number)
        return [
            (owner, first << _SCOPE_BITS, ((last + 1) << _SCOPE_BITS) - 1) for owner, (first, last) in spans.items()
        ]


class Columns:
    """The collections of a store; those that were asked for last are kept, in about ``limit`` bytes."""

    def __init__(self, dimensions: int, limit: int) -> None:
        self._dimensions, self._limit = dimensions, limit
        self._lock = threading.Lock()
        self._collections: OrderedDict[str, Collection] = OrderedDict()

    def view(
        self, source: Source, expression: Expression, now: int | None, query: Query, *, latest: bool = False
    ) -> Found:
        """Return what a search may return as of the source's snapshot, which must not have begun yet.

        The source is one of the scopes that the expression asks for (``scope_part``). ``latest`` leaves out what is
        superseded.
        """
        scopes = scope_part(expression)
        name = repr(scopes)
        collection = self._collection(name)
        matching = None if expression == scopes else expression
        before = collection.nbytes
        image, postings, mask, names = collection.view(source, matching, query)
        if not image.scopes:
            self._drop(name)
        elif collection.nbytes > before:
            self._trim()
        visible = _visible(image, now, latest=latest)
        return _found(image, _cosine(source, image, query.vector), postings, mask, visible, names)

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


def _only_foreign(query: Query) -> frozenset[str]:
    """Return the terms that are only asked for in memories in another language."""
    others = [query.terms, *query.anchors.values(), *query.forms.values()]
    return frozenset(chain.from_iterable(query.foreign.values())).difference(*others)


def _with_room(size: int) -> int:
    """Return for how many vectors to make room: some more than there are, so that few additions copy them all."""
    return size + min(size // 2, _MOST_ROOM)


def _ascending(keys: "NDArray[np.int64]") -> bool:
    return bool((keys[1:] > keys[:-1]).all())


def _ranges(keys: "NDArray[np.int64]", *, whole: bool) -> list[Range]:
    """Return the ranges that ascending keys make up, which hold no others. ``whole`` says that the keys are all there
    are of their scopes, so that whatever lies between two of them is missing in the store."""
    import numpy as np

    if not len(keys):
        return []
    if keys[-1] - keys[0] == len(keys) - 1:
        return [(int(keys[0]) >> _SCOPE_BITS, int(keys[0]), int(keys[-1]))]
    apart = np.diff(keys >> _SCOPE_BITS) != 0 if whole else np.diff(keys) != 1
    ends = np.flatnonzero(apart)
    firsts = keys[np.concatenate([[0], ends + 1])].tolist()
    lasts = keys[np.concatenate([ends, [len(keys) - 1]])].tolist()
    return [(first >> _SCOPE_BITS, first, last) for first, last in zip(firsts, lasts, strict=True)]


def _pieces(ranges: Iterable[Range]) -> Generator[list[Range], int, None]:
    """Yield the ranges in parts of _WIDTH keys. Whoever gets a part sends how many memories are in it: where most of
    them are gone, the next part is twice as wide."""
    width = room = _WIDTH
    piece: list[Range] = []
    for number, start, last in ranges:
        first = start
        while first <= last:
            end = min(last, first + room - 1)
            piece.append((number, first, end))
            room -= end - first + 1
            first = end + 1
            if not room:
                found = yield piece
                width = 2 * width if found < width // 2 else _WIDTH
                piece, room = [], width
    if piece:
        yield piece


def _few_ranges(keys: "NDArray[np.int64]") -> list[Range]:
    """Return ranges with these keys: exactly these, unless that makes too many."""
    ranges = _ranges(keys, whole=False)
    return ranges if len(ranges) <= _MANY_RANGES else _ranges(keys, whole=True)


def vectors_of(source: Source, keys: "NDArray[np.int64]") -> "Iterator[tuple[int, NDArray[np.float32]]]":
    """Yield the vectors of all memories between these keys, in their order: the position of the first, and some."""
    import numpy as np

    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        found, vectors = source.vectors(_few_ranges(chunk))
        if not np.array_equal(found, chunk):
            raise not_agreeing()
        yield start, vectors


def _check_units(vectors: "NDArray[np.float32]") -> None:
    """Raise CorruptFileError unless these are unit vectors."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        sound = abs(np.vecdot(vectors, vectors) - 1).max(initial=0) < _SQUARE_TOLERANCE  # false for NaN, too
    if not sound:
        raise not_agreeing()


def not_agreeing() -> CorruptFileError:
    """Return the error of a store in which memories lack vectors, or have others than they should."""
    return CorruptFileError("The file is damaged: memories and vectors do not agree. Restore a backup.")


def _differences(
    source: Source, image: _Image, changed: Sequence[ScopeVersion]
) -> "tuple[list[Range], list[NDArray[np.int64]]]":
    """Return the key ranges to read of the scopes that changed, and the keys of memories that are not as they were."""
    ranges: list[Range] = []
    lost: list[NDArray[np.int64]] = []
    touched = source.touched(image.version)
    for number, _, following, rewritten in changed:
        first = number << _SCOPE_BITS
        known = image.scopes[number][1] if number in image.scopes else 0
        if known and rewritten > image.version:
            fresh, old = _rewritten(source, image, touched, first, first + known - 1)
            lost.append(old)
            ranges += [(number, key, key) for key in fresh.tolist()]
        if following > known:
            ranges.append((number, first + known, first + following - 1))
    return ranges, lost


def _rewritten(
    source: Source, image: _Image, touched: "NDArray[np.int64] | None", first: int, last: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return which keys between two are to be read again, if they are still there, and which are not as they were."""
    import numpy as np

    if touched is not None:
        within = touched[slice(*np.searchsorted(touched, [first, last + 1]))]
        return within, within
    keys, versions = source.versions(first, last)
    fresh = versions > image.version
    before = image.keys[slice(*np.searchsorted(image.keys, [first, last + 1]))]
    return keys[fresh], before[np.isin(before, keys[~fresh], invert=True)]


def _kept(image: _Image, gone: set[int], lost: "Sequence[NDArray[np.int64]]") -> "NDArray[np.bool_]":
    """Return which memories of an image are still as they were."""
    import numpy as np

    kept = np.ones(len(image.keys), dtype=bool)
    for number in gone:
        start, end = np.searchsorted(image.keys, [number << _SCOPE_BITS, (number + 1) << _SCOPE_BITS])
        kept[start:end] = False
    for keys in lost:
        positions = np.searchsorted(image.keys, keys)
        here = positions < len(kept)
        positions, keys = positions[here], keys[here]
        kept[positions[image.keys[positions] == keys]] = False
    return kept


# -- searching


def _cosine(source: Source, image: _Image, vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the cosine of every memory with a unit vector, shape (n,); NaN where the model can't read its text."""
    import numpy as np

    if image.vectors is not None:
        cosine = _dot(image.vectors[: image.used], vector)
        cosine[image.unread] = np.nan
        return cosine if image.in_order else cosine[image.slots]
    return source.cosines(image.keys, vector)


def cosines_of(vectors: "NDArray[np.float32]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the cosine of each stored vector with a unit vector, and NaN for what the model can't read.

    Raises CorruptFileError for what is no unit vector.
    """
    import numpy as np

    _check_units(vectors)
    cosines = _dot(vectors, vector)
    cosines[_unread(vectors)] = np.nan
    return cosines


def _unread(vectors: "NDArray[np.float32]") -> "NDArray[np.bool_]":
    """Return which of some vectors stand for what the model can't read."""
    import numpy as np

    marker = np.frombuffer(no_meaning(vectors.shape[1]), dtype="<f4")
    unread: NDArray[np.bool_] = vectors[:, 0] == marker[0]
    if unread.any():
        candidates = np.flatnonzero(unread)
        unread[candidates] = (vectors[candidates] == marker).all(axis=1)
    return unread


def _dot(vectors: "NDArray[np.float32]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return the dot product of each vector with one, on this thread. The rejected option is a matrix product of BLAS:
    it shares the work among all cores, waits for whatever else they do, and rounds differently with other numbers of
    rows."""
    import numpy as np

    products: NDArray[np.float32] = np.vecdot(vectors, vector)
    return products


def _visible(image: _Image, now: int | None, *, latest: bool) -> Any:
    """Return the positions of the memories that can be seen: an array, or a slice of all."""
    import numpy as np

    chosen = image.latest_positions if latest else None
    if now is None or image.next_expiry > now:
        return slice(None) if chosen is None else chosen
    alive = image.expires_at > now
    return np.flatnonzero(alive if chosen is None else alive & image.latest)


def _found(
    image: _Image,
    cosine: "NDArray[np.float32]",
    postings: Mapping[str, _Postings],
    mask: "NDArray[np.bool_] | None",
    visible: Any,
    names: dict[str, list[int]],
) -> Found:
    import numpy as np

    located = None if image.in_order else image.positions
    known_sessions = image.sessions if isinstance(visible, slice) else None
    if not isinstance(visible, slice):
        located = np.full(image.used, -1, dtype=np.int64)
        located[image.slots[visible]] = np.arange(len(visible))
        if visible is image.latest_positions:
            known_sessions = image.latest_sessions
    view = View(
        scopes=image.scope_numbers[visible],
        lengths=image.lengths[visible],
        created_at=image.created_at[visible],
        speakers=image.speakers[visible],
        names=names,
        cosine=cosine[visible],
        postings={term: _located(posting, located) for term, posting in postings.items()},
        matching=None if mask is None else mask[image.slots[visible]],
        known_sessions=known_sessions,
    )
    return Found(view, image.keys[visible], image.slots[visible], image.vectors)


def _located(
    postings: _Postings, positions: "NDArray[np.int64] | None"
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """Return postings with positions in the place of slots; None for ``positions`` says that they are the same."""
    if positions is None:
        return postings.slots.astype("i8"), postings.frequencies
    located = positions[postings.slots]
    here = located >= 0
    return (located, postings.frequencies) if here.all() else (located[here], postings.frequencies[here])
