"""Keys that a store keeps for its servers: made, listed and revoked while they run.

Each is a document without the key itself: only its SHA-256 digest is there. One more document, the ring, has a version,
so that a server reads the keys again only after one of them was made or revoked. It also remembers that the store once
had a key. Revoking the last one must not open the store to everybody.

A key is ``m0l_ID_SECRET``. The id is public: it finds the one digest to compare, so that a store may have many keys.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from .errors import NotFoundError, ValidationError
from .types import CreatedKey, Key, MessageResult
from .values import add_micros, asked_id, clean_id, encodable, seconds_to_micros, shown, to_iso, to_micros

R = TypeVar("R")
Document = dict[str, Any]

_KIND, _RING = "key", "keyring"
_PREFIX = "m0l"
_MAX_LABEL = 200
_SECOND = 1_000_000  # microseconds
_UNFINISHED = 60 * _SECOND  # after which a change that has not ended never will: whoever made it is gone
_NOTED_EVERY = 300 * _SECOND
_NOBODYS = bytes(32)


class Store(Protocol):
    """What keys need of a store."""

    def documents(self, kind: str, /) -> list[Document]:
        """Return the documents of a kind, oldest first."""

    def document(self, kind: str, name: str, /) -> Document | None:
        """Return one document, or None."""

    def glance(self, kind: str, name: str, /) -> Sequence[Document] | None:
        """Return the document of a name, or nothing in its place, if it is known without reading; else None."""

    def change_document(
        self, kind: str, name: str, change: Callable[[Document | None], Document | None], /
    ) -> Document | None:
        """Replace a document by what ``change`` returns, in one transaction; None removes it. Return the new one."""


# -- making, listing and revoking


def create(
    store: Store,
    now: int,
    *,
    label: object = None,
    user_id: object = None,
    ttl: object = None,
    expires_at: object = None,
) -> CreatedKey:
    """Make a key and return it, which happens only this once. Raises ValidationError."""
    document: Document = {
        "label": _label(label),
        "user_id": None if user_id is None else clean_id(user_id, "user_id"),
        "created_at": now,
        "expires_at": _expiry(now, ttl, expires_at),
        "last_used_at": None,
    }
    name = secrets.token_hex(6)
    key = f"{_PREFIX}_{name}_{secrets.token_urlsafe(32)}"
    document |= {"id": name, "digest": hashlib.sha256(key.encode()).hexdigest()}
    _changing(store, now, lambda: store.change_document(_KIND, name, lambda _: document), required=True)
    return {**_item(document), "key": key}


def list_(store: Store) -> list[Key]:
    """Return every key, oldest first, without what callers send."""
    return [_item(document) for document in store.documents(_KIND)]


def revoke(store: Store, now: int, key_id: object) -> MessageResult:
    """Remove a key. Raises NotFoundError."""
    name = asked_id(key_id, "key_id")
    if store.document(_KIND, name) is None:
        raise NotFoundError(f"API key with id {shown(name)} not found. List the keys to see their ids.")
    _changing(store, now, lambda: store.change_document(_KIND, name, lambda _: None))
    return {"message": "API key revoked"}


def revoke_of_user(store: Store, now: int, user_id: str) -> int:
    """Remove the keys that are for one user, and return how many there were."""
    return _revoke_all(store, now, [one for one in store.documents(_KIND) if one.get("user_id") == user_id])


def revoke_all(store: Store, now: int) -> MessageResult:
    """Remove every key, and forget that there were any."""
    count = _revoke_all(store, now, store.documents(_KIND), required=False)
    return {"message": f"API keys revoked: {count}"}


def _revoke_all(store: Store, now: int, found: list[Document], *, required: bool | None = None) -> int:
    def change() -> None:
        for document in found:
            store.change_document(_KIND, document["id"], lambda _: None)

    if found or required is not None:
        _changing(store, now, change, required=required)
    return len(found)


def _changing(store: Store, now: int, change: Callable[[], R], *, required: bool | None = None) -> R:
    """Change keys between two changes of the ring.

    One change of the ring would not do. Before the change of a key, a server would read the old keys and keep them.
    After it, a process that dies in between would leave a revoked key in use.
    """
    token = secrets.token_hex(8)

    def begin(ring: Document | None) -> Document:
        others = {name: since for name, since in _changes(ring).items() if since > now - _UNFINISHED}
        # At the beginning: a store whose first key is half made must not be open any more.
        return {**(ring or {}), "changing": {**others, token: now}, **({"required": True} if required else {})}

    def end(ring: Document | None) -> Document:
        others = {name: since for name, since in _changes(ring).items() if name != token}
        return {
            **(ring or {}),
            "version": token,
            "changing": others,
            **({} if required is None else {"required": required}),
        }

    store.change_document(_RING, "", begin)
    try:
        return change()
    finally:
        store.change_document(_RING, "", end)


def _changes(ring: Document | None) -> Mapping[str, int]:
    return (ring or {}).get("changing") or {}


def _item(document: Document) -> Key:
    """Return a key as callers see it."""

    def instant(name: str) -> str | None:
        return None if document.get(name) is None else to_iso(document[name])

    return {
        "id": document["id"],
        "label": document["label"],
        "key_prefix": f"{_PREFIX}_{document['id']}",
        "user_id": document["user_id"],
        "created_at": to_iso(document["created_at"]),
        "expires_at": instant("expires_at"),
        "last_used_at": instant("last_used_at"),
    }


# -- what a server knows of them


class Known(NamedTuple):
    """A key by which a server recognizes a caller."""

    id: str
    digest: bytes
    user_id: str | None
    """Whose memories it reaches; None: everybody's."""
    expires_at: int | None
    last_used_at: int | None


class Table(NamedTuple):
    """The keys of a store at some version."""

    version: str | None
    """None: a key is being changed, so that the next look has to read them all."""
    keys: Mapping[str, Known]
    """By their ids."""
    required: bool
    """Whether the store has keys, or had some: then nobody gets in without one."""

    def find(self, given: str, now: int) -> Known | None:
        """Return the key that a caller gave, if it is one of these and has not expired.

        The digests are compared in constant time, also for an id that no key has.
        """
        prefix, _, rest = given.partition("_")
        key = self.keys.get(rest.partition("_")[0]) if prefix == _PREFIX else None
        digest = hashlib.sha256(given.encode("latin-1", "replace")).digest()
        same = hmac.compare_digest(digest, key.digest if key else _NOBODYS)
        return key if key and same and (key.expires_at is None or key.expires_at > now) else None


def current(store: Store, known: Table | None) -> Table:
    """Return the keys as they are now: ``known``, if that is what they still are, after reading one small document."""
    ring = store.document(_RING, "")
    if (same := _same(ring, known)) is not None:
        return same
    documents = store.documents(_KIND)
    keys = {one.id: one for one in map(_known, documents) if one is not None}
    version = None if _changes(ring) else (ring or {}).get("version")
    return Table(version, keys, bool((ring or {}).get("required") or documents))


def at_once(store: Store, known: Table | None) -> Table | None:
    """Return the keys as they are now if that needs no waiting, as in nearly every request; else None."""
    found = store.glance(_RING, "")
    return None if found is None else _same(next(iter(found), None), known)


def _same(ring: Document | None, known: Table | None) -> Table | None:
    """Return the keys if they are those that are known; None if they have to be read."""
    if ring is None:  # it is there before the first key
        return _NONE
    version = None if _changes(ring) else ring.get("version")
    return known if known is not None and version is not None and known.version == version else None


_NONE = Table(None, {}, required=False)


def is_due(key: Known, now: int) -> bool:
    """Whether ``note_use`` should be called: at most every five minutes for each key, as it writes to the store."""
    return key.last_used_at is None or not key.last_used_at <= now < key.last_used_at + _NOTED_EVERY


def note_use(store: Store, key_id: str, now: int) -> None:
    """Note that a key was used. It changes no version, because servers need not hear of it."""
    store.change_document(_KIND, key_id, lambda key: key and {**key, "last_used_at": now})


def _known(document: Document) -> Known | None:
    """Return the key of a document; None if nobody can have that key, as somebody else may have written the file."""
    name, digest, user_id = document.get("id"), document.get("digest"), document.get("user_id")
    expires_at, last_used_at = document.get("expires_at"), document.get("last_used_at")
    if not (isinstance(name, str) and isinstance(digest, str) and isinstance(user_id, str | None)):
        return None
    if not (isinstance(expires_at, int | None) and isinstance(last_used_at, int | None)):
        return None
    with suppress(ValueError):
        return Known(name, bytes.fromhex(digest), user_id, expires_at, last_used_at)
    return None


# -- what callers give


def _label(label: object) -> str | None:
    if label is None:
        return None
    if not isinstance(label, str) or len(label) > _MAX_LABEL:
        raise ValidationError(f"Invalid label: must be a text of at most {_MAX_LABEL} characters.", field="label")
    return encodable(label, "label")


def _expiry(now: int, ttl: object, expires_at: object) -> int | None:
    """Return when a key stops working."""
    if ttl is not None and expires_at is not None:
        raise ValidationError("Invalid expires_at: give either ttl or expires_at, not both.", field="expires_at")
    if ttl is None and expires_at is None:
        return None
    field = "ttl" if expires_at is None else "expires_at"
    end = add_micros(now, seconds_to_micros(ttl, field), field) if expires_at is None else to_micros(expires_at, field)
    if end <= now:
        raise ValidationError(
            f"Invalid {field}: the key would never work. Give a time that is still to come.", field=field
        )
    return end
