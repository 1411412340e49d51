"""Webhooks: telling other programs what changed in a store.

``registry`` keeps them, ``delivery`` sends them what changed, ``lease`` lets only one delivery do so at a time.
``payload`` is what is sent, ``outbound`` the guarded request, ``document`` a webhook as the store keeps it.
"""

from .delivery import abandon, deliver
from .document import RETRY_SECONDS, TIMEOUT
from .payload import sign
from .registry import create, delete, list_, update

__all__ = ["RETRY_SECONDS", "TIMEOUT", "abandon", "create", "delete", "deliver", "list_", "sign", "update"]
