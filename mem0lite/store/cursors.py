"""Cursors: texts that say where a page of a list ended, but tell their holder nothing else. Pure.

A cursor holds the sort key of the last result, so it stays valid whatever is added or deleted, even that result. The
sort key contains a number of the file's, which would show how much others write. So a cursor is encrypted and
authenticated: a damaged one, or one of another list or file, is refused. The rejected option is the plain form, a date
and the id of a memory: once that memory is gone, nobody knows where it stood among those of the same instant.
"""

import base64
import hmac
import struct

from ..errors import ValidationError

_TAG, _FORMAT = 16, ">qq"


def seal(secret: str, kind: str, position: tuple[int, int]) -> str:
    """Return the cursor of a position in a list of some kind."""
    plain = struct.pack(_FORMAT, *position)
    tag = _digest(secret, kind, b"tag", plain)[:_TAG]
    return base64.urlsafe_b64encode(tag + _mixed(secret, kind, tag, plain)).decode().rstrip("=")


def unseal(secret: str, kind: str, cursor: str) -> tuple[int, int]:
    """Return the position that a cursor stands for. Raises ValidationError for one that ``seal`` did not make."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        first, second = struct.unpack(_FORMAT, _mixed(secret, kind, sealed[:_TAG], sealed[_TAG:]))
    except (ValueError, struct.error):
        raise _not_ours() from None
    if not hmac.compare_digest(cursor, seal(secret, kind, (first, second))):
        raise _not_ours()
    return first, second


def _digest(secret: str, kind: str, use: bytes, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), kind.encode() + b"\0" + use + b"\0" + content, "sha256")


def _mixed(secret: str, kind: str, tag: bytes, content: bytes) -> bytes:
    """Return the content encrypted, or decrypted. The key stream comes from the tag, which depends on all of it."""
    stream = _digest(secret, kind, b"stream", tag)
    return bytes(one ^ other for one, other in zip(content, stream, strict=False))


def _not_ours() -> ValidationError:
    return ValidationError(
        "Invalid after: not a cursor of this list. Give the next_cursor of the page before, or leave it out to begin.",
        field="after",
    )
