"""What is sent to a webhook: mem0's payload under the headers of https://www.standardwebhooks.com.

``webhook-signature`` is ``v1,`` and the base64 of an HMAC-SHA256 of ``{webhook-id}.{webhook-timestamp}.{body}``. The
key is the bytes whose base64 follows ``whsec_`` in the webhook's secret.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from typing import Any

from ..data.filters import SCOPE_IDS
from ..errors import ValidationError
from ..types import ChangeItem

EVENT_TYPES = {
    "memory_add": "ADD",
    "memory_update": "UPDATE",
    "memory_delete": "DELETE",
    "memory_categorize": None,
}
"""mem0's event types and the change that each stands for. mem0lite assigns no categories, so the last never comes."""

_AS_MEM0 = {"SUPERSEDE": "UPDATE"}
"""Events that mem0 does not have, and the one as which its receivers are told of them."""

_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)  # as the standard says


def is_wanted(change: ChangeItem, event_types: list[str]) -> bool:
    """Return whether a webhook with these event types is told of a change."""
    event = _AS_MEM0.get(change["event"], change["event"])
    return event in {EVENT_TYPES[event_type] for event_type in event_types}


def body(change: ChangeItem) -> bytes:
    """Return mem0's payload for a change; for a deletion it holds the deleted text. That a memory was superseded is an
    update, which says by which one and since when."""
    text = change["old_memory"] if change["event"] == "DELETE" else change["new_memory"]
    scope = {name: value for name in SCOPE_IDS if (value := change.get(name)) is not None}
    successor = {name: value for name in ("superseded_by", "valid_to") if (value := change.get(name)) is not None}
    details = {
        "id": change["memory_id"],
        "event": _AS_MEM0.get(change["event"], change["event"]),
        "data": {"memory": text, **successor},
        **scope,
        "created_at": change["created_at"],
        "updated_at": change["updated_at"],
    }
    return json.dumps({"event_details": details}, ensure_ascii=False, separators=(",", ":")).encode()


def headers(webhook: Mapping[str, Any], change: ChangeItem, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a request, signed at ``timestamp`` in epoch seconds. Raises ValueError for a bad secret."""
    message_id = _message_id(webhook["webhook_id"], change)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(webhook["secret"], message_id, timestamp, body),
    }


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of a request. Raises ValueError for a secret that is not base64."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def clean_secret(secret: object) -> str:
    """Return a secret that can sign, a random one for None. Raises ValidationError."""
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


def _message_id(webhook_id: str, change: ChangeItem) -> str:
    """Return what identifies a change to a receiver, however often it is sent.

    Its number is not enough: two copies of a file give their changes the same numbers. Nor is its id: an imported
    change has the id of the one it was exported from, or any other text. Hence the hash of both.
    """
    names = f"{webhook_id} {change['sequence']} {change['id']}"
    return "msg_" + hashlib.sha256(names.encode()).hexdigest()[:32]
