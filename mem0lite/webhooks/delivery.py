"""Delivering changes to webhooks: when, to whom, and when to try again.

There is no queue of messages. Changes are numbered in the order they were committed, whoever made them, and each
webhook remembers the number of the last change it is done with. So every change is delivered at least once and in
order, even if another process made it, or a crash came between.

Before a delivery sends anything, it takes a lease, which is written into the webhook's document. So two
processes do not both deliver to it. A lease lasts little longer than one request, so that little time is lost if the
process dies. The document is written after every answer. If a process dies before that, the change is sent again under
the same ``webhook-id``.
"""

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .. import telemetry
from ..types import ChangeItem, DeliveryResult
from ..values import to_micros
from . import payload
from .document import (
    FREE,
    KIND,
    RETRY_SECONDS,
    SECOND,
    TIMEOUT,
    Document,
    Store,
    blocked,
    not_taken,
    taken,
    without_attempts,
)
from .lease import Lease

if TYPE_CHECKING:
    from .outbound import Answer, Resolve, Target

_AT_ONCE = 8  # webhooks that are delivered to at the same time


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

    One request may take ``timeout`` seconds. The call also stops starting requests to a webhook after that time, and
    after ``limit`` changes. Webhooks do not wait for each other.

    Only an answer of 200 to 299 counts. After anything else the change is tried again as RETRY_SECONDS says, or after
    the answer's ``Retry-After`` if that is longer, up to an hour. Until then the webhook gets no later change, unless
    the failed one is erased. 410 makes the webhook inactive.

    Hosts with a private address get nothing without ``allow_private``, whatever ``create`` was given.
    """
    active = [document for document in store.documents(KIND) if document["is_active"]]
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
    """Give back the leases of the ``deliver`` that runs in the thread ``caller``, because nobody waits for it any more.

    What it has sent and not yet noted is sent again by the next delivery.
    """
    for delivery in _RUNNING.get(caller, ()):
        delivery.abandon()


_RUNNING: dict[threading.Thread, list["_Delivery"]] = {}
"""The deliveries under way, by the thread that called ``deliver``."""


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
    """One call of ``deliver`` for one webhook."""

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
        self._lease = Lease(store, webhook["webhook_id"], now, timeout)
        self._abandoned = False
        self._end = 0.0
        self._outcome = _Outcome()

    def run(self) -> _Outcome:
        """Send what is due, in order, until nothing is left, an attempt fails, or time or number are used up."""
        last = self._store.last_change()
        if self._webhook["cursor"] >= last or self._abandoned:
            return self._outcome  # without writing anything: a server asks this every few seconds
        erased = self._erased()
        free = blocked(without_attempts(self._webhook, erased), self._now()) <= 0
        found = self._lease.take(erased) if free else self._webhook
        if found is not None and self._lease.held:
            try:
                self._send_all(found, last)
            finally:
                self._lease.give_back()
        elif found is not None and found["is_active"]:
            self._outcome.wait = max(0.0, blocked(found, self._now()))
        return self._outcome

    def abandon(self) -> None:
        """Let another delivery have the webhook; called from another thread than ``run``."""
        self._abandoned = True
        self._lease.give_back()

    def _changes(self, after: int, limit: int) -> list[ChangeItem]:
        return self._store.changes(after, None, self._now(), limit)

    def _erased(self) -> int | None:
        """Return the number of the change whose attempts failed if that change no longer exists."""
        trying: int | None = self._webhook["trying"]
        if trying is None:
            return None
        following = self._changes(self._webhook["cursor"], 1)
        return None if following and following[0]["sequence"] == trying else trying

    def _send_all(self, webhook: Document, last: int) -> None:
        """Send the changes up to ``last``. Later ones came after ``webhook`` was read, which may want more by now."""
        self._end = time.monotonic() + self._timeout
        self._lease.passed = webhook["cursor"]
        sending: Document | None = webhook
        while sending is not None and self._lease.passed < last:
            changes = self._changes(self._lease.passed, self._limit)
            due = [change for change in changes if change["sequence"] <= last]
            sending = self._send_wanted(sending, due)
            if sending is not None and len(due) < self._limit:
                self._lease.passed = last
            elif sending is not None and self._lease.passed < last and self._out_of_time():
                self._outcome.wait = 0.0
                return

    def _send_wanted(self, webhook: Document, changes: Sequence[ChangeItem]) -> Document | None:
        sending: Document | None = webhook
        for change in changes:
            if sending is not None and payload.is_wanted(change, sending["event_types"]):
                sending = self._send(sending, change)
            if sending is None:
                return None
            self._lease.passed = change["sequence"]
        return sending

    def _out_of_time(self) -> bool:
        return self._abandoned or time.monotonic() >= self._end

    def _send(self, webhook: Document, change: ChangeItem) -> Document | None:
        """Send a change, note the outcome, and return the webhook after it; None when this call must stop here."""
        if self._out_of_time() or self._outcome.delivered == self._limit:
            self._outcome.wait = 0.0
            return None
        leased = self._lease.renewed(webhook)
        if leased is None:
            return None
        attempt = self._attempt(leased, change)
        noted = self._lease.note(lambda document: self._after(document, change["sequence"], attempt))
        if noted is None:
            return None
        given_up = attempt.error is not None and noted["cursor"] >= change["sequence"]
        self._outcome.delivered += attempt.error is None
        self._outcome.failed += given_up
        if attempt.error is not None:
            _warn(noted, change, attempt.error, given_up)
        if noted["retry_at"] is not None:
            self._outcome.wait = blocked({**noted, **FREE}, self._now())
            return None
        return noted if noted["is_active"] else None

    def _after(self, document: Document, sequence: int, attempt: _Attempt) -> Document:
        if attempt.error is None:
            return taken(document, sequence, attempt.status)
        return not_taken(document, sequence, attempt.status, attempt.error, attempt.retry_after, self._now())

    def _attempt(self, webhook: Document, change: ChangeItem) -> _Attempt:
        from .outbound import ALLOW, RefusedError, Target, UndeliverableError

        body = payload.body(change)
        try:
            target = Target.parse(webhook["url"], "url")
            headers = payload.headers(webhook, change, self._now() // SECOND, body)
        except ValueError:  # the file may come from anywhere
            return _Attempt(None, "the webhook in the file has no valid url or secret")
        try:
            with telemetry.delivery(change["memory_id"], webhook["url"]) as span:
                answer = self._post(target, {**headers, **telemetry.outgoing()}, body)
                span.note({"http.response.status_code": answer.status})
        except RefusedError as error:
            return _Attempt(None, f"{error}. {ALLOW}; delivering needs it, too.")
        except UndeliverableError as error:
            return _Attempt(None, str(error))
        if 200 <= answer.status < 300:
            return _Attempt(answer.status, None)
        return _Attempt(answer.status, f"the receiver answered {answer.status}", answer.retry_after)


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


def _side_by_side(deliveries: Sequence[_Delivery]) -> list[_Outcome]:
    """Return what each delivery did, in several threads; the interpreter can exit without waiting for them."""
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
