"""Who has access: callers with an API key or, without keys, everybody except web pages of other sites."""

import asyncio
import functools
import hashlib
import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Reference, SecurityScheme

from ..aio import AsyncMemory
from ..errors import Mem0LiteError
from ..keys import Known, Table, is_due
from .backend import Backend
from .login import GIVEN, Login, user_of
from .rates import Rates
from .settings import Settings, is_loopback

logger = logging.getLogger("mem0lite")

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
    has_key: bool = False

    def view(self, memory: AsyncMemory) -> AsyncMemory:
        """Return a memory, as far as this caller may reach it."""
        return memory if self.user_id is None else memory.for_user(self.user_id)


def caller(connection: Connection) -> Caller:
    """Return who sent a request. Raises KeyError for a request that did not pass the rule of ``create_rule``."""
    return cast("Caller", cast("dict[str, Any]", connection.scope)[_CALLER])


def create_rule(
    backend: Backend, login: Login | None = None
) -> Callable[[Connection, BaseRouteHandler], Awaitable[None]]:
    """Return the rule that every request of every route has to pass before its body is read.

    It belongs to the application, not to a router, so that a new route needs a key unless it is ``PUBLIC``.
    """
    settings, door = backend.settings, _Door(backend, login)
    rates = Rates(settings.rate_limit_per_minute) if settings.rate_limit_per_minute else None

    async def identified(connection: Connection, handler: BaseRouteHandler) -> None:
        if settings.loopback_only:
            _refuse_other_hosts(connection)
        if not any(handler.opt.get(name) == value for name, value in PUBLIC.items()):
            cast("dict[str, Any]", connection.scope)[_CALLER] = asking = await door.identify(connection)
            if rates is not None:
                rates.admit(asking.name)

    return identified


async def admin_only(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse callers whose key is for one user; a guard, which runs after the rules."""
    asking = caller(connection)
    if asking.user_id is not None:
        what = "This API key is" if asking.has_key else "This login is"
        raise PermissionDeniedException(f"{what} only for the memories of one user.")


async def admin_key_only(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse callers without a key that reaches everything; a guard. Where nobody needs a key, a caller could lock all
    others out by making the first one."""
    await admin_only(connection, _)
    if not caller(connection).has_key:
        raise PermissionDeniedException("Without API keys, make the first one with `mem0lite keys create`.")


class _Door:
    """Decides who a caller is: by the keys of the settings, by those that the store has at that moment, and by the
    host's login."""

    def __init__(self, backend: Backend, login: Login | None) -> None:
        self._backend, self._settings, self._login = backend, backend.settings, login
        self._table: Table | None = None
        self._closed = bool(self._settings.api_keys) or login is not None
        self._noted: dict[str, int] = {}  # when the use of each key was noted by this process
        self._noting: dict[str, asyncio.Task[None]] = {}

    async def identify(self, connection: Connection) -> Caller:
        """Return who sent a request. Raises NotAuthorizedException, and PermissionDeniedException for a request that
        another site had a browser send."""
        given = _given_key(connection)
        if given is not None and (found := self._by_setting(given)) is not None:
            return found
        if (given is not None or not self._closed) and self._settings.store_keys:
            found = await self._by_store(given)
            if found is not None:
                return found
        if self._login is not None:
            return await self._by_login(self._login, connection)
        if not self._closed:
            _refuse_other_sites(connection, self._settings)
            self._backend.warn_if_open()
            return Caller(name=connection.client.host if connection.client else "")
        if given is None:
            detail = "Authentication required. Provide a Bearer token or X-API-Key header."
            raise NotAuthorizedException(detail, headers=_CHALLENGE)
        raise NotAuthorizedException("Invalid API key.", headers=_CHALLENGE)

    def _by_setting(self, given: str) -> Caller | None:
        digest = _digest(given)
        # Every key is compared, in constant time, so that the time says nothing about any of them.
        found = [key for key in self._settings.api_keys if hmac.compare_digest(key.digest, digest)]
        return Caller(found[0].user_id, digest.hex(), has_key=True) if found else None

    async def _by_store(self, given: str | None) -> Caller | None:
        """Return the caller with a key of the store; note whether the store has keys at all.

        The store is looked at for every such request, so that a key that another process revoked is refused at once.
        """
        memory = await self._backend.memory()
        table = await self._looked_up(memory)
        if table is not self._table:
            self._table, self._noted = table, {name: at for name, at in self._noted.items() if name in table.keys}
        # It never opens again: whoever started this server knows it as one that needs keys.
        self._closed = self._closed or table.required
        if given is None or not table.keys:
            return None
        now = memory.memory._now()
        found = table.find(given, now)
        if found is None:
            return None
        self._note(memory, found, now)
        return Caller(found.user_id, _digest(given).hex(), has_key=True)

    async def _by_login(self, login: Login, connection: Connection) -> Caller:
        """Return the caller that the host knows. A login is often a cookie, which a browser sends whoever asks it to:
        what another site's page has it send is refused."""
        _refuse_other_sites(connection, self._settings)
        user_id = await user_of(login, cast("dict[str, Any]", connection.scope)[GIVEN])
        if user_id is None:
            raise NotAuthorizedException("Authentication required. Log in first.")
        return Caller(user_id, f"user:{user_id}")

    async def _looked_up(self, memory: AsyncMemory) -> Table:
        try:
            return await memory._known_keys(self._table)
        except Mem0LiteError:
            if self._table is None:
                raise
            return self._table  # metrics and health go on when the store is gone; whatever needs it fails by itself

    def _note(self, memory: AsyncMemory, key: Known, now: int) -> None:
        """Note in the store that a key was used; the request does not wait for that."""
        noted = self._noted.get(key.id, key.last_used_at)
        if memory.memory.read_only or key.id in self._noting or not is_due(key._replace(last_used_at=noted), now):
            return
        self._noted[key.id] = now
        self._noting[key.id] = task = asyncio.ensure_future(_noted(memory, key.id, now))
        task.add_done_callback(lambda _: self._noting.pop(key.id, None))


async def _noted(memory: AsyncMemory, key_id: str, now: int) -> None:
    try:
        await memory._note_key(key_id, now)
    except Mem0LiteError as error:  # the store is busy, full or closed
        logger.warning("The use of the API key %s could not be noted: %s", key_id, error)


def _digest(given: str) -> bytes:
    return hashlib.sha256(given.encode("latin-1", "replace")).digest()


def _given_key(connection: Connection) -> str | None:
    """Return the key in ``X-API-Key``, or in ``Authorization`` with the scheme Bearer or Token."""
    if key := connection.headers.get("x-api-key", "").strip():
        return key
    scheme, _, key = connection.headers.get("authorization", "").strip().partition(" ")
    return key.strip() or None if scheme.lower() in _SCHEMES else None


def _refuse_other_hosts(connection: Connection) -> None:
    """Refuse a host name that is not this machine's own: with DNS rebinding, a web page can use a name of its site."""
    if not _is_own_host(connection.headers.get("host", "")):
        detail = (
            "Without API keys this server answers requests to localhost only. Set MEM0LITE_API_KEYS, or make a key "
            "with `mem0lite keys create`, and start it again."
        )
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
