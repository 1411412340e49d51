"""Webhooks: telling other programs what changed in a store.

There is no queue of messages. A store's changes are numbered for good, whoever made them, and each webhook is a
document that remembers the last change it is done with. So every change is delivered at least once and in order, also
one that was made by another process, or before a crash.

Who delivers takes a lease on the webhook first, that is noted in its document, so that two processes do not both
deliver. It lasts for little more than one request, so that little time is lost with a process that dies. The document
is written after every answer; a process that dies in between leaves a change that is sent again, under the same
``webhook-id``.

Requests are signed as https://www.standardwebhooks.com specifies: ``webhook-signature`` is ``v1,`` and the base64 of
the HMAC-SHA256 of ``{webhook-id}.{webhook-timestamp}.{body}``, keyed with the bytes that follow ``whsec_`` in the
secret as base64.
"""

import base64
import functools
import hashlib
import hmac
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from ..data.filters import SCOPE_IDS
from ..errors import NotFoundError, ValidationError
from ..store import Store
from ..types import ChangeItem, CreatedWebhook, DeliveryResult, MessageResult, Webhook
from ..values import encodable, to_iso, to_micros

if TYPE_CHECKING:
    from .outbound import Answer, Resolve, Target

EVENT_TYPES = {
    "memory_add": "ADD",
    "memory_update": "UPDATE",
    "memory_delete": "DELETE",
    "memory_categorize": None,
}
"""mem0's event types, and the event of a change each stands for. No categories are made here, so the last never is."""

RETRY_SECONDS = (5, 30, 120, 600, 3_600)
"""How long to wait after each failed attempt; a change whose attempts have failed once more is given up."""

TIMEOUT = 5.0

Document = dict[str, Any]
"""A webhook as stored: what callers see, its secret, and who delivers to it and how far. Instants are microseconds."""

_KIND = "webhook"
_PROJECT = "default"  # a file is one project
_DEFAULT_EVENT_TYPES = ("memory_add", "memory_update", "memory_delete")
_MAX_NAME_LENGTH = 1_000
_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)  # the standard's
_GONE = 410
_SPARE_SECONDS = 5  # what a lease lasts beyond one request, before which it is renewed if half of that is used up
_AT_ONCE = 8  # webhooks that are delivered to at the same time
_SECOND = 1_000_000  # microseconds
_ALLOW = "Allow such with allow_private=True, or MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1 of a server"

_FRESH: Document = {
    "attempts": 0,
    "trying": None,  # the number of the change that the attempts are of
    "retry_at": None,
    "last_status": None,
    "last_error": None,
}
_FREE: Document = {"lease": None, "leased_until": 0}


# -- what there is


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

    ``event_types`` are by default additions, updates and deletions; ``memory_categorize`` is accepted and never comes.
    ``secret`` is ``whsec_`` and the base64 of 24 to 64 bytes, by default random ones.

    Raises ValidationError, also for a URL whose host has an address that is not public, unless ``allow_private``, which
    is not remembered: ``deliver`` needs it as well. A name that cannot be resolved now may be later.
    """
    document = {
        "webhook_id": f"wh_{uuid.uuid4().hex}",
        "name": _name(name),
        "url": _url(url, allow_private, resolve),
        "event_types": _event_types(_DEFAULT_EVENT_TYPES if event_types is None else event_types),
        "is_active": _switch(is_active),
        "secret": _secret(secret),
        "created_at": now,
        "updated_at": now,
        "cursor": store.last_change(),
        "delivered": 0,
        "failed": 0,
        **_FRESH,
        **_FREE,
    }
    store.change_document(_KIND, document["webhook_id"], lambda _: document)
    return {**_item(document), "secret": document["secret"]}


def list_(store: Store) -> list[Webhook]:
    """Return every webhook, oldest first."""
    return [_item(document) for document in store.documents(_KIND)]


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
    """Change what is given; the next change is then tried at once.

    What happens while a webhook is inactive is not delivered, also not later. ``allow_private`` is for ``url``, as in
    ``create``. Raises NotFoundError, and what ``create`` raises.
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
        if document is None:
            raise _not_found(webhook_id)
        cursor = document["cursor"]
        if is_active and not document["is_active"]:
            cursor = max(cursor, last)
        return {**document, **changed, **_FRESH, "cursor": cursor, "updated_at": now}

    return _item(cast("Document", store.change_document(_KIND, _id(webhook_id), change)))


def delete(store: Store, webhook_id: str) -> MessageResult:
    """Remove a webhook; nothing is sent to it any more. Raises NotFoundError."""

    def change(document: Document | None) -> None:
        if document is None:
            raise _not_found(webhook_id)

    store.change_document(_KIND, _id(webhook_id), change)
    return {"message": "Webhook deleted successfully!"}


# -- delivering


def deliver(
    store: Store,
    clock: Callable[[], datetime],
    *,
    allow_private: bool = False,
    timeout: float = TIMEOUT,
    limit: int = 100,
    resolve: "Resolve | None" = None,
) -> DeliveryResult:
    """Send what changed to every active webhook that is not waiting for its next attempt.

    ``timeout`` seconds is what one request may take, and the time in which each webhook's requests of one call begin;
    ``limit`` is how many changes each is sent at most. Webhooks do not wait for each other.

    Only an answer of 200 to 299 counts. After any other outcome the change is tried again as RETRY_SECONDS says, or as
    the answer's ``Retry-After`` says if that is longer, up to an hour; nothing later is sent to that webhook before,
    unless the change is erased. 410 makes the webhook inactive.

    A host with an address that is not public gets nothing without ``allow_private``, whatever ``create`` was given.
    """
    active = [document for document in store.documents(_KIND) if document["is_active"]]
    if not active:
        return {"webhooks": 0, "delivered": 0, "failed": 0, "pending": 0, "retry_in": None}

    from . import outbound

    post = functools.partial(
        outbound.post, allow_private=allow_private, timeout=timeout, resolve=resolve or outbound.resolve
    )

    def now() -> int:
        return to_micros(clock(), "clock")

    deliveries = [_Delivery(store, webhook, now, post, timeout, limit) for webhook in active]
    caller = threading.current_thread()
    _RUNNING[caller] = deliveries
    try:
        outcomes = _side_by_side(deliveries)
    finally:
        del _RUNNING[caller]
    waits = [outcome.wait for outcome in outcomes if outcome.wait is not None]
    return {
        "webhooks": len(active),
        "delivered": sum(outcome.delivered for outcome in outcomes),
        "failed": sum(outcome.failed for outcome in outcomes),
        "pending": len(waits),
        "retry_in": min(waits, default=None),
    }


def abandon(caller: threading.Thread) -> None:
    """Free what the ``deliver`` that ``caller`` runs has leased, because nobody waits for it any more.

    What it sent and did not note is sent again by the next one.
    """
    for delivery in _RUNNING.get(caller, ()):
        delivery.abandon()


_RUNNING: dict[threading.Thread, list["_Delivery"]] = {}
"""What ``deliver`` does in each thread that called it."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of one request."""

    status: int | None
    error: str | None
    """None when the receiver took the change."""
    retry_after: int = 0


@dataclass(slots=True)
class _Outcome:
    """What came of one call for one webhook."""

    delivered: int = 0
    failed: int = 0
    wait: float | None = None
    """Seconds until there is more to do; None when there is nothing."""


class _Delivery:
    """What one call of ``deliver`` does for one webhook."""

    def __init__(
        self,
        store: Store,
        webhook: Document,
        now: Callable[[], int],
        post: "Callable[[Target, Mapping[str, str], bytes], Answer]",
        timeout: float,
        limit: int,
    ) -> None:
        self._store = store
        self._webhook = webhook
        self._now = now
        self._post = post
        self._timeout = timeout
        self._limit = limit
        self._lease = uuid.uuid4().hex
        self._leased = False
        self._abandoned = False
        self._end = 0.0
        self._passed = 0  # the last change that is done with, which the document learns of when it is written next
        self._outcome = _Outcome()

    def run(self) -> _Outcome:
        """Send what is due, in order, until nothing is left, an attempt fails, or time or number are used up."""
        last = self._store.last_change()
        if self._webhook["cursor"] >= last or self._abandoned:
            return self._outcome  # nothing is written for it: a server asks this every few seconds
        erased = self._erased()
        free = _blocked(_without_attempts(self._webhook, erased), self._now()) <= 0
        found = self._change(lambda document: self._claim(document, erased)) if free else self._webhook
        if found is not None and found["lease"] == self._lease:
            self._leased = True
            try:
                self._send_all(found, last)
            finally:
                self._give_back()
        elif found is not None and found["is_active"]:
            self._outcome.wait = max(0.0, _blocked(found, self._now()))
        return self._outcome

    def abandon(self) -> None:
        """Let another one deliver to the webhook; called from another thread than ``run``."""
        self._abandoned = True
        self._give_back()

    def _erased(self) -> int | None:
        """Return the number of the change that was tried in vain, if there is no such change any more."""
        trying: int | None = self._webhook["trying"]
        if trying is None:
            return None
        following = self._store.changes(self._webhook["cursor"], None, self._now(), 1)
        return None if following and following[0]["sequence"] == trying else trying

    def _change(self, change: Callable[[Document | None], Document | None]) -> Document | None:
        return self._store.change_document(_KIND, self._webhook["webhook_id"], change)

    def _claim(self, document: Document | None, erased: int | None) -> Document | None:
        now = self._now()
        if document is None or not document["is_active"]:
            return document
        document = _without_attempts(document, erased)
        return document if _blocked(document, now) > 0 else {**document, **self._lease_from(now)}

    def _lease_from(self, now: int) -> Document:
        return {"lease": self._lease, "leased_until": now + int((self._timeout + _SPARE_SECONDS) * _SECOND)}

    def _note(self, change: Callable[[Document], Document]) -> Document | None:
        """Change the webhook's document and return it, or None when the webhook is no longer ours to deliver to."""

        def work(document: Document | None) -> Document | None:
            if document is None or document["lease"] != self._lease:
                return document
            return change({**_passed(self._passed, document), **self._lease_from(self._now())})

        noted = self._change(work)
        return noted if noted is not None and noted["lease"] == self._lease else None

    def _give_back(self) -> None:
        if self._leased:
            self._leased = False
            self._note(lambda document: {**document, **_FREE})

    def _send_all(self, webhook: Document, last: int) -> None:
        """Send what happened up to ``last``, and so before ``webhook`` was read: of what is later, it may want more."""
        self._end = time.monotonic() + self._timeout
        self._passed = webhook["cursor"]
        sending: Document | None = webhook
        while sending is not None and self._passed < last:
            changes = self._store.changes(self._passed, None, self._now(), self._limit)
            due = [change for change in changes if change["sequence"] <= last]
            sending = self._send_wanted(sending, due)
            if sending is not None and len(due) < self._limit:
                self._passed = last
            elif sending is not None and self._passed < last and self._out_of_time():
                self._outcome.wait = 0.0
                return

    def _send_wanted(self, webhook: Document, changes: Sequence[ChangeItem]) -> Document | None:
        sending: Document | None = webhook
        for change in changes:
            if sending is not None and change["event"] in _events(sending):
                sending = self._send(sending, change)
            if sending is None:
                return None
            self._passed = change["sequence"]
        return sending

    def _out_of_time(self) -> bool:
        return self._abandoned or time.monotonic() >= self._end

    def _renewed(self, webhook: Document) -> Document | None:
        """Return the webhook with a lease that outlasts the next request, or None when somebody else has it."""
        enough = self._now() + int((self._timeout + _SPARE_SECONDS / 2) * _SECOND)
        return webhook if webhook["leased_until"] >= enough else self._note(lambda document: document)

    def _send(self, webhook: Document, change: ChangeItem) -> Document | None:
        """Send a change, note what came of it, and return the webhook as it is then; None when this call ends here."""
        if self._out_of_time() or self._outcome.delivered == self._limit:
            self._outcome.wait = 0.0
            return None
        leased = self._renewed(webhook)
        if leased is None:
            return None
        attempt = self._attempt(leased, change)
        after = _taken if attempt.error is None else _not_taken
        noted = self._note(lambda document: after(document, change, attempt, self._now()))
        if noted is None:
            return None
        given_up = attempt.error is not None and noted["cursor"] >= change["sequence"]
        self._outcome.delivered += attempt.error is None
        self._outcome.failed += given_up
        if attempt.error is not None:
            _warn(noted, change, attempt.error, given_up)
        if noted["retry_at"] is not None:
            self._outcome.wait = _blocked({**noted, **_FREE}, self._now())
            return None
        return noted if noted["is_active"] else None

    def _attempt(self, webhook: Document, change: ChangeItem) -> _Attempt:
        from .outbound import RefusedError, Target, UndeliverableError

        body = _body(change)
        message_id = _message_id(webhook, change)
        timestamp = self._now() // _SECOND
        try:
            target = Target.parse(webhook["url"], "url")
            signature = sign(webhook["secret"], message_id, timestamp, body)
        except ValueError:  # the file may come from anywhere
            return _Attempt(None, "the webhook in the file has no valid url or secret")
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature,
        }
        try:
            answer = self._post(target, headers, body)
        except RefusedError as error:
            return _Attempt(None, f"{error}. {_ALLOW}, when delivering, too.")
        except UndeliverableError as error:
            return _Attempt(None, str(error))
        if 200 <= answer.status < 300:
            return _Attempt(answer.status, None)
        return _Attempt(answer.status, f"the receiver answered {answer.status}", answer.retry_after)


# -- what the document of a webhook becomes


def _blocked(document: Document, now: int) -> float:
    """Return for how many seconds the webhook waits for its next attempt, or for who delivers to it now."""
    free: int = max(document["retry_at"] or 0, document["leased_until"])
    wait = (free - now) / _SECOND
    return wait if wait <= RETRY_SECONDS[-1] else 0.0  # nothing waits longer: the clock was ahead when it was noted


def _without_attempts(document: Document, erased: int | None) -> Document:
    """Return the webhook without the attempts of the change with this number."""
    return document if erased is None or document["trying"] != erased else {**document, **_FRESH}


def _passed(sequence: int, document: Document) -> Document:
    return {**document, "cursor": max(document["cursor"], sequence)}


def _taken(document: Document, change: ChangeItem, attempt: _Attempt, now: int) -> Document:
    done = {"delivered": document["delivered"] + 1, **_FRESH, "last_status": attempt.status}
    return {**_passed(change["sequence"], document), **done}


def _not_taken(document: Document, change: ChangeItem, attempt: _Attempt, now: int) -> Document:
    # The change before may have been erased while it was tried, so the attempts are those of the change they name.
    attempts = 1 + (document["attempts"] if document["trying"] == change["sequence"] else 0)
    document = {**document, **_FRESH, "last_status": attempt.status, "last_error": attempt.error}
    if attempt.status == _GONE:
        return {**document, "is_active": False}
    if attempts > len(RETRY_SECONDS):
        return {**_passed(change["sequence"], document), "failed": document["failed"] + 1}
    wait = max(RETRY_SECONDS[attempts - 1], min(attempt.retry_after, RETRY_SECONDS[-1]))
    return {**document, "attempts": attempts, "trying": change["sequence"], "retry_at": now + wait * _SECOND}


def _item(document: Document) -> Webhook:
    """Return a webhook as callers see it."""
    shown: Any = {name: document[name] for name in Webhook.__annotations__ if name in document}
    for name in ("created_at", "updated_at", "retry_at"):
        shown[name] = None if document[name] is None else to_iso(document[name])
    return cast("Webhook", {**shown, "project": _PROJECT})


# -- what is sent


def _events(webhook: Document) -> set[str | None]:
    return {EVENT_TYPES[event_type] for event_type in webhook["event_types"]}


def _body(change: ChangeItem) -> bytes:
    """Return mem0's payload; a deletion names the text that was deleted."""
    text = change["old_memory"] if change["event"] == "DELETE" else change["new_memory"]
    scope = {name: value for name in SCOPE_IDS if (value := change.get(name)) is not None}
    details = {
        "id": change["memory_id"],
        "event": change["event"],
        "data": {"memory": text},
        **scope,
        "created_at": change["created_at"],
        "updated_at": change["updated_at"],
    }
    return json.dumps({"event_details": details}, ensure_ascii=False, separators=(",", ":")).encode()


def _message_id(webhook: Document, change: ChangeItem) -> str:
    """Return what identifies a change to a receiver, however often it is sent.

    Neither its number nor its id would do alone: two copies of a file number theirs alike, and an imported change has
    the id of the one it was exported from, or any other text, for which it is hashed.
    """
    names = f"{webhook['webhook_id']} {change['sequence']} {change['id']}"
    return "msg_" + hashlib.sha256(names.encode()).hexdigest()[:32]


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of a request."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _warn(webhook: Document, change: ChangeItem, error: str, given_up: bool) -> None:
    import logging

    if given_up:
        outcome = "given up"
    elif webhook["is_active"]:
        outcome = f"attempt {webhook['attempts']} of {len(RETRY_SECONDS) + 1}"
    else:
        outcome = "the webhook is inactive now"
    logging.getLogger("mem0lite").warning(
        "Webhook %s did not take change %s: %s (%s).", webhook["webhook_id"], change["id"], error, outcome
    )


# -- what callers give


def _id(webhook_id: object) -> str:
    return encodable(str(webhook_id), "webhook_id")


def _not_found(webhook_id: object) -> NotFoundError:
    return NotFoundError(f"Webhook with id {webhook_id} not found. List the webhooks to see their ids.")


def _url(url: object, allow_private: bool, resolve: "Resolve | None") -> str:
    from . import outbound

    target = outbound.Target.parse(url, "url")
    try:
        outbound.check(target, allow_private=allow_private, timeout=TIMEOUT, resolve=resolve or outbound.resolve)
    except outbound.RefusedError as error:
        raise ValidationError(
            f"Invalid url: {error}. {_ALLOW}.",
            field="url",
        ) from None
    except outbound.UndeliverableError:
        pass  # its name may be known later, and is checked again before anything is sent
    return str(url)


def _name(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or len(name) > _MAX_NAME_LENGTH:
        raise ValidationError(f"Invalid name: must be a text of at most {_MAX_NAME_LENGTH} characters.", field="name")
    return encodable(name, "name")


def _event_types(given: object) -> list[str]:
    """Return event types in mem0's present spelling; it once wrote ``memory:add``."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValidationError("Invalid event_types: must be a list such as ['memory_add'].", field="event_types")
    names = list(dict.fromkeys(str(name).replace(":", "_") for name in given))
    unknown = next((name for name in names if name not in EVENT_TYPES), None)
    if unknown is not None or not names:
        what = "must name at least one." if unknown is None else f"{unknown[:60]!r} is none."
        raise ValidationError(f"Invalid event_types: {what} There are {', '.join(EVENT_TYPES)}.", field="event_types")
    return names


def _switch(is_active: object) -> bool:
    if not isinstance(is_active, bool):
        raise ValidationError("Invalid is_active: must be true or false.", field="is_active")
    return is_active


def _secret(secret: object) -> str:
    if secret is None:
        return _PREFIX + base64.b64encode(os.urandom(32)).decode()
    if isinstance(secret, str) and secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except ValueError:
            key = b""
        if len(key) in _SECRET_BYTES:
            return secret
    raise ValidationError(
        f"Invalid secret: must be {_PREFIX!r} and the base64 of {_SECRET_BYTES[0]} to {_SECRET_BYTES[-1]} "
        "bytes. Leave it out to get a random one.",
        field="secret",
    )


def _side_by_side(deliveries: "Sequence[_Delivery]") -> list[_Outcome]:
    """Return what each delivery did, in several threads, for which the interpreter's end never waits."""
    outcomes: list[_Outcome] = []
    errors: list[Exception] = []

    def work(start: int) -> None:
        try:
            outcomes.extend(delivery.run() for delivery in deliveries[start::_AT_ONCE])
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=work, args=(start,), name="mem0lite-webhook", daemon=True)
        for start in range(min(_AT_ONCE, len(deliveries)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return outcomes
