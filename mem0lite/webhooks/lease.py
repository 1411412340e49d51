"""Who delivers to a webhook: at most one delivery at a time, in whichever process."""

import uuid
from collections.abc import Callable

from .document import FREE, KIND, SECOND, Document, Store, blocked, passed, without_attempts

_SPARE_SECONDS = 5  # how much longer than one request a lease lasts; once half of that is gone, it is renewed


class Lease:
    """The right to deliver to one webhook, written into its document."""

    def __init__(self, store: Store, webhook_id: str, now: Callable[[], int], timeout: float) -> None:
        self.passed = 0
        """The last change that is done with; the document learns of it when it is next written."""
        self._store = store
        self._webhook_id = webhook_id
        self._now = now
        self._timeout = timeout
        self._id = uuid.uuid4().hex
        self._held = False

    def take(self, erased: int | None) -> Document | None:
        """Return the webhook as it is now, with this lease if it was free; None if it was deleted.

        Attempts to send the change numbered ``erased`` no longer count.
        """

        def work(document: Document | None) -> Document | None:
            now = self._now()
            if document is None or not document["is_active"]:
                return document
            document = without_attempts(document, erased)
            return document if blocked(document, now) > 0 else {**document, **self._from(now)}

        found = self._change(work)
        self._held = self._is_ours(found)
        return found

    @property
    def held(self) -> bool:
        """Whether the lease was taken and not given back."""
        return self._held

    def note(self, change: Callable[[Document], Document]) -> Document | None:
        """Change the webhook, renew the lease, and return the webhook; None when the lease is lost."""

        def work(document: Document | None) -> Document | None:
            if document is None or not self._is_ours(document):
                return document
            return change({**passed(document, self.passed), **self._from(self._now())})

        noted = self._change(work)
        return noted if self._is_ours(noted) else None

    def renewed(self, webhook: Document) -> Document | None:
        """Return the webhook with a lease that outlasts the next request; None when the lease is lost."""
        enough = self._now() + int((self._timeout + _SPARE_SECONDS / 2) * SECOND)
        return webhook if webhook["leased_until"] >= enough else self.note(lambda document: document)

    def give_back(self) -> None:
        """Let others deliver to the webhook; called by any thread, any number of times."""
        if self._held:
            self._held = False
            self.note(lambda document: {**document, **FREE})

    def _is_ours(self, document: Document | None) -> bool:
        return document is not None and document["lease"] == self._id

    def _from(self, now: int) -> Document:
        return {"lease": self._id, "leased_until": now + int((self._timeout + _SPARE_SECONDS) * SECOND)}

    def _change(self, change: Callable[[Document | None], Document | None]) -> Document | None:
        return self._store.change_document(KIND, self._webhook_id, change)
