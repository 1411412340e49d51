"""Which webhooks there are: creating, listing, changing and deleting them."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from ..errors import NotFoundError, ValidationError
from ..types import CreatedWebhook, MessageResult, Webhook
from ..values import encodable, to_iso
from .document import FREE, FRESH, KIND, TIMEOUT, Document, Store
from .payload import EVENT_TYPES, clean_secret

if TYPE_CHECKING:
    from .outbound import Resolve

_PROJECT = "default"  # a file is one project
_DEFAULT_EVENT_TYPES = ("memory_add", "memory_update", "memory_delete")
_MAX_NAME_LENGTH = 1_000


def create(
    store: Store,
    now: int,
    url: str,
    *,
    name: str | None = None,
    event_types: Iterable[str] | None = None,
    is_active: bool = True,
    secret: str | None = None,
    allow_private: bool = False,
    resolve: "Resolve | None" = None,
) -> CreatedWebhook:
    """Add a webhook that is told of every change from now on.

    ``event_types`` default to additions, updates and deletions; ``memory_categorize`` is accepted and never sent.
    ``secret`` is ``whsec_`` and the base64 of 24 to 64 bytes, by default random ones.

    A URL whose host has a private address is refused unless ``allow_private``. That is not remembered, so ``deliver``
    needs it as well. A host name that cannot be resolved now is accepted: it may be resolved later.

    Raises ValidationError.
    """
    document = {
        "webhook_id": f"wh_{uuid.uuid4().hex}",
        "name": _name(name),
        "url": _url(url, allow_private, resolve),
        "event_types": _event_types(_DEFAULT_EVENT_TYPES if event_types is None else event_types),
        "is_active": _switch(is_active),
        "secret": clean_secret(secret),
        "created_at": now,
        "updated_at": now,
        "cursor": store.last_change(),
        "delivered": 0,
        "failed": 0,
        **FRESH,
        **FREE,
    }
    store.change_document(KIND, document["webhook_id"], lambda _: document)
    return {**_item(document), "secret": document["secret"]}


def list_(store: Store) -> list[Webhook]:
    """Return every webhook, oldest first."""
    return [_item(document) for document in store.documents(KIND)]


def update(
    store: Store,
    now: int,
    webhook_id: str,
    *,
    name: str | None = None,
    url: str | None = None,
    event_types: Iterable[str] | None = None,
    is_active: bool | None = None,
    allow_private: bool = False,
    resolve: "Resolve | None" = None,
) -> Webhook:
    """Change the given fields; the next change is then tried at once.

    What happens while a webhook is inactive is never delivered. ``allow_private`` applies to ``url``, as in ``create``.

    Raises NotFoundError, ValidationError.
    """
    given = {
        "name": None if name is None else _name(name),
        "url": None if url is None else _url(url, allow_private, resolve),
        "event_types": None if event_types is None else _event_types(event_types),
        "is_active": None if is_active is None else _switch(is_active),
    }
    changed = {key: value for key, value in given.items() if value is not None}
    last = store.last_change()

    def change(document: Document | None) -> Document:
        known = _known(document, webhook_id)
        cursor = known["cursor"]
        if is_active and not known["is_active"]:
            cursor = max(cursor, last)
        return {**known, **changed, **FRESH, "cursor": cursor, "updated_at": now}

    return _item(cast("Document", store.change_document(KIND, _id(webhook_id), change)))


def delete(store: Store, webhook_id: str) -> MessageResult:
    """Remove a webhook; nothing is sent to it any more. Raises NotFoundError."""

    def change(document: Document | None) -> None:
        _known(document, webhook_id)

    store.change_document(KIND, _id(webhook_id), change)
    return {"message": "Webhook deleted successfully!"}


def _item(document: Document) -> Webhook:
    """Return a webhook as callers see it."""
    shown: Any = {name: document[name] for name in Webhook.__annotations__ if name in document}
    for name in ("created_at", "updated_at", "retry_at"):
        shown[name] = None if document[name] is None else to_iso(document[name])
    return cast("Webhook", {**shown, "project": _PROJECT})


# -- what callers give


def _id(webhook_id: object) -> str:
    return encodable(str(webhook_id), "webhook_id")


def _known(document: Document | None, webhook_id: object) -> Document:
    if document is None:
        raise NotFoundError(f"Webhook with id {webhook_id} not found. List the webhooks to see their ids.")
    return document


def _url(url: object, allow_private: bool, resolve: "Resolve | None") -> str:
    from . import outbound

    target = outbound.Target.parse(url, "url")
    try:
        outbound.check(target, allow_private=allow_private, timeout=TIMEOUT, resolve=resolve or outbound.resolve)
    except outbound.RefusedError as error:
        raise ValidationError(f"Invalid url: {error}. {outbound.ALLOW}.", field="url") from None
    except outbound.UndeliverableError:
        pass  # the name may be known later, and is checked again before anything is sent
    return str(url)


def _name(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or len(name) > _MAX_NAME_LENGTH:
        raise ValidationError(f"Invalid name: must be a text of at most {_MAX_NAME_LENGTH} characters.", field="name")
    return encodable(name, "name")


def _event_types(given: object) -> list[str]:
    """Return event types as mem0 spells them today; it once wrote ``memory:add``."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValidationError("Invalid event_types: must be a list such as ['memory_add'].", field="event_types")
    names = list(dict.fromkeys(str(name).replace(":", "_") for name in given))
    unknown = next((name for name in names if name not in EVENT_TYPES), None)
    if unknown is not None or not names:
        what = "must name at least one." if unknown is None else f"there is no {unknown[:60]!r}."
        raise ValidationError(f"Invalid event_types: {what} Give any of {', '.join(EVENT_TYPES)}.", field="event_types")
    return names


def _switch(is_active: object) -> bool:
    if not isinstance(is_active, bool):
        raise ValidationError("Invalid is_active: must be true or false.", field="is_active")
    return is_active
