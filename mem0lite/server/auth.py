"""Who has access: callers with an API key or, without keys, everybody except web pages of other sites."""

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Reference, SecurityScheme

from ..aio import AsyncMemory
from .guards import Rule
from .settings import Settings, is_loopback

Connection = ASGIConnection[Any, Any, Any, Any]

PUBLIC: dict[str, Any] = {"mem0lite_public": True}
"""The ``opt`` of a router or handler that needs no key."""

SECURITY_SCHEMES: dict[str, SecurityScheme | Reference] = {
    "HTTPBearer": SecurityScheme(
        type="http",
        scheme="bearer",
        description="An API key, as `Authorization: Bearer <key>`; `Authorization: Token <key>` works too.",
    ),
    "APIKeyHeader": SecurityScheme(
        type="apiKey", name="X-API-Key", security_scheme_in="header", description="An API key."
    ),
}
"""How the OpenAPI document describes the keys. The names are mem0's."""

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_SCHEMES = ("bearer", "token")
_HOST = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?")
_CALLER = "mem0lite.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: a user, or, with ``user_id`` None, somebody who may reach everything."""

    user_id: str | None = None
    name: str = ""
    """Distinguishes callers: by key or, without keys, by address."""

    def view(self, memory: AsyncMemory) -> AsyncMemory:
        """Return a memory, as far as this caller may reach it."""
        return memory if self.user_id is None else memory.for_user(self.user_id)


def caller(connection: Connection) -> Caller:
    """Return who sent a request. Raises KeyError for a request that did not pass the rule of ``create_rule``."""
    return cast("Caller", cast("dict[str, Any]", connection.scope)[_CALLER])


def create_rule(settings: Settings) -> Rule:
    """Return the rule that every request of every route has to pass before its body is read.

    It belongs to the application, not to a router, so that a new route needs a key unless it is ``PUBLIC``.
    """

    def identified(connection: Connection, handler: BaseRouteHandler) -> None:
        if settings.loopback_only:
            _refuse_other_hosts(connection)
        if not any(handler.opt.get(name) == value for name, value in PUBLIC.items()):
            cast("dict[str, Any]", connection.scope)[_CALLER] = _identify(connection, settings)

    return identified


async def admin_only(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse callers whose key is for one user; a guard, which runs after the rules."""
    if caller(connection).user_id is not None:
        raise PermissionDeniedException("This API key is only for the memories of one user.")


def _identify(connection: Connection, settings: Settings) -> Caller:
    if not settings.api_keys:
        _refuse_other_sites(connection, settings)
        return Caller(name=connection.client.host if connection.client else "")
    given = _given_key(connection)
    if given is None:
        detail = "Authentication required. Provide a Bearer token or X-API-Key header."
        raise NotAuthorizedException(detail, headers=_CHALLENGE)
    digest = hashlib.sha256(given.encode("latin-1", "replace")).digest()
    # Every key is compared, in constant time, so that the time says nothing about any of them.
    found = [key for key in settings.api_keys if hmac.compare_digest(key.digest, digest)]
    if not found:
        raise NotAuthorizedException("Invalid API key.", headers=_CHALLENGE)
    return Caller(found[0].user_id, digest.hex())


def _given_key(connection: Connection) -> str | None:
    """Return the key in ``X-API-Key``, or in ``Authorization`` with the scheme Bearer or Token."""
    if key := connection.headers.get("x-api-key", "").strip():
        return key
    scheme, _, key = connection.headers.get("authorization", "").strip().partition(" ")
    return key.strip() or None if scheme.lower() in _SCHEMES else None


def _refuse_other_hosts(connection: Connection) -> None:
    """Refuse a host name that is not this machine's own: with DNS rebinding, a web page can use a name of its site."""
    if not _is_own_host(connection.headers.get("host", "")):
        detail = "Without API keys this server answers requests to localhost only. Set MEM0LITE_API_KEYS."
        raise HTTPException(status_code=421, detail=detail)


@functools.lru_cache(maxsize=64)
def _is_own_host(header: str) -> bool:
    host = _HOST.fullmatch(header)
    return bool(host and is_loopback(host["host"]))


def _refuse_other_sites(connection: Connection, settings: Settings) -> None:
    """Refuse what another site's page in a browser asks for, be it by a script, a form, an image or a link.

    Browsers send some requests, such as a POST without a body, without asking first, and a GET that the page may not
    read still has us work. Other programs send neither header. The rules are those of Go's http.CrossOriginProtection,
    but for every method.
    """
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if {origin, "*"} & set(settings.cors_origins):
        return
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower()
    if not own:
        raise PermissionDeniedException(
            "Requests from another site's page are refused. To allow it, set MEM0LITE_CORS_ORIGINS."
        )
