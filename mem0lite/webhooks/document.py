"""A webhook as a store keeps it: one document, which also says how far delivery has come.

All that webhooks need of a store is ``Store`` below.
"""

from collections.abc import Callable
from typing import Any, Protocol

from ..types import ChangeItem

RETRY_SECONDS = (5, 30, 120, 600, 3_600)
"""How long to wait after each failed attempt. A change that fails once more after the last wait is given up."""

TIMEOUT = 5.0
"""How many seconds one request, or resolving a host's name, may take."""

SECOND = 1_000_000  # microseconds

Document = dict[str, Any]
"""A webhook as stored: what callers see, its secret, who delivers to it, and how far. Instants are in microseconds."""

KIND = "webhook"

FRESH: Document = {
    "attempts": 0,
    "trying": None,  # the number of the change that was attempted
    "retry_at": None,
    "last_status": None,
    "last_error": None,
}
"""The fields of a webhook whose next change has not been tried yet."""

FREE: Document = {"lease": None, "leased_until": 0}
"""The fields of a webhook that nobody is delivering to."""

_GONE = 410


class Store(Protocol):
    """What webhooks need of a store."""

    def documents(self, kind: str, /) -> list[Document]:
        """Return the documents of a kind, oldest first."""

    def change_document(
        self, kind: str, name: str, change: Callable[[Document | None], Document | None], /
    ) -> Document | None:
        """Replace a document by what ``change`` returns, in one transaction; None removes it. Return the new one."""

    def changes(self, after: int, follower: None, now: int, limit: int, /) -> list[ChangeItem]:
        """Return up to ``limit`` changes after the one numbered ``after``, in the order they were committed."""

    def last_change(self) -> int:
        """Return the number of the last change, 0 before the first."""


def blocked(document: Document, now: int) -> float:
    """Return how many seconds the webhook still waits: for its next attempt, or for whoever delivers to it now."""
    free: int = max(document["retry_at"] or 0, document["leased_until"])
    wait = (free - now) / SECOND
    return wait if wait <= RETRY_SECONDS[-1] else 0.0  # nothing waits longer: the clock was ahead when it was noted


def without_attempts(document: Document, erased: int | None) -> Document:
    """Return the webhook without its attempts to send the change with this number."""
    return document if erased is None or document["trying"] != erased else {**document, **FRESH}


def passed(document: Document, sequence: int) -> Document:
    """Return the webhook with every change up to this number behind it."""
    return {**document, "cursor": max(document["cursor"], sequence)}


def taken(document: Document, sequence: int, status: int | None) -> Document:
    """Return the webhook after the receiver accepted a change."""
    done = {"delivered": document["delivered"] + 1, **FRESH, "last_status": status}
    return {**passed(document, sequence), **done}


def not_taken(
    document: Document, sequence: int, status: int | None, error: str, retry_after: int, now: int
) -> Document:
    """Return the webhook after a failed attempt: waiting, inactive, or past a change that is given up.

    ``retry_after`` is in seconds, as the receiver asked for.
    """
    # Attempts are counted for the change they name: the one before may have been erased while it was tried.
    attempts = 1 + (document["attempts"] if document["trying"] == sequence else 0)
    document = {**document, **FRESH, "last_status": status, "last_error": error}
    if status == _GONE:
        return {**document, "is_active": False}
    if attempts > len(RETRY_SECONDS):
        return {**passed(document, sequence), "failed": document["failed"] + 1}
    wait = max(RETRY_SECONDS[attempts - 1], min(retry_after, RETRY_SECONDS[-1]))
    return {**document, "attempts": attempts, "trying": sequence, "retry_at": now + wait * SECOND}
