"""The settings of a server, and the environment variables that set them."""

import hashlib
import ipaddress
import logging
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any, Self

from ..environment import name_unread, unread
from ..errors import ConfigurationError, ValidationError
from ..llm.choosing import choose
from ..llm.protocol import name_of
from ..mcp.scopes import DEFAULT_USER, default_user
from ..store import Durability
from ..values import clean_id, is_number, shown

logger = logging.getLogger("mem0lite")

_MOST_A_MINUTE = 1_000_000_000
_MOST_KEPT = 2**63 - 1

MOST_WORKERS = 64
"""Processes that may serve one file together."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that gives callers access. Only its SHA-256 digest is stored, and that is never shown.

    With a ``user_id`` the key reaches only the memories of that user; with None it reaches everything.
    """

    secret: InitVar[str]
    user_id: str | None = None
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self, secret: str) -> None:
        if not isinstance(secret, str) or not re.fullmatch(r"[!-~]+", secret):
            raise ConfigurationError(
                "An API key must consist of printable ASCII characters without spaces, and must not be empty."
            )
        try:
            user_id = None if self.user_id is None else clean_id(self.user_id, "user_id")
        except ValidationError as error:
            raise ConfigurationError(str(error)) from None
        object.__setattr__(self, "user_id", user_id)
        object.__setattr__(self, "digest", hashlib.sha256(secret.encode()).digest())


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a server."""

    db: str = "mem0lite.db"
    """The file. Not used when ``create_app`` is given a memory."""
    host: str = "127.0.0.1"
    port: int = 8888
    embedding_model: str | None = None
    """A model's name or folder, or None for the bundled model. Not used when ``create_app`` is given a memory."""
    vacuum_interval_seconds: float = 60.0
    """Seconds between two removals of expired memories. 0 means never."""
    rate_limit_per_minute: int = 0
    """How many requests each key may send a minute, and without keys each address, to one process. 0 means any
    number."""
    max_memories_per_user: int = 0
    """How many live memories each user may keep; a request that would exceed it gets 413 and stores nothing. 0 means
    any number. Not used when ``create_app`` is given a memory, like the next one."""
    max_bytes_per_user: int = 0
    """How many bytes of texts and metadata each user may keep."""
    max_body_bytes: int = 1_048_576
    """The largest request body that is read."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call the server: ``https://app.example``, or ``*`` for all pages."""
    access_log: bool = False
    """Whether ``mem0lite serve`` logs a line for each request. A host of the app decides in its own logging."""
    api_keys: tuple[ApiKey, ...] = ()
    """The API keys. Callers must send one of them; without keys, nobody needs one."""
    store_keys: bool = True
    """Whether the keys that the store keeps give access as well. Without them, a store with keys is open to everybody
    who can reach the app, unless ``api_keys`` has some. No environment variable sets it."""
    insecure: bool = False
    """Whether ``mem0lite serve`` listens on addresses other than loopback even without keys."""
    webhook_allow_private: bool = False
    """Whether webhooks may send to this machine and to private networks."""
    loopback_only: bool = False
    """Answer only requests whose ``Host`` header names this machine's loopback, with any port.

    ``mem0lite serve`` sets it when there are no keys. ``create_app`` leaves it off, because requests to an app that is
    mounted in another one, or behind a proxy, have that host's name. No environment variable sets it.
    """
    statement_timeout_seconds: float = 10.0
    """How many seconds a request may read the file before it is answered 503. 0 means no limit. A given memory's own
    limit comes first."""
    reranker: str | None = None
    """A cross-encoder's name or folder, for searches that ask for reranking. Not used with a given memory either."""
    durability: Durability = "full"
    """How the file is opened, like the next two settings: see ``Memory``. Not used with a given memory either."""
    read_only: bool = False
    checksums: bool = False
    workers: int = 1
    """How many processes ``mem0lite serve`` answers with. Not used by ``create_app``."""
    mcp: bool = True
    """Whether language models reach the memories at ``/mcp``, with the same keys."""
    llm_url: str | None = None
    """Where a language model draws facts from what is added: the URL of an endpoint with the OpenAI chat-completions
    protocol. None means nowhere: no text leaves this machine. Not used with a given memory, like the next two."""
    llm_model: str | None = None
    """The name of that model."""
    llm_api_key: str | None = field(default=None, repr=False)
    """The key for it."""
    mcp_user_id: str = DEFAULT_USER
    """The user of calls to ``/mcp`` that name nobody and whose address has no ``user_id`` either."""
    opentelemetry: bool = False
    """Whether this process traces and measures with OpenTelemetry; it then does so for every Memory that it has."""
    opentelemetry_content: bool = False
    """Whether traces have questions, texts and paths of requests as well."""
    ui: bool = True
    """Whether people can look into the memories in a browser at ``/ui``. The page works with the same keys."""

    def __post_init__(self) -> None:
        for name, (accepts, wanted) in _FIELDS.items():
            if not accepts(getattr(self, name)):
                raise ConfigurationError(f"{name}: must be {wanted}, got {shown(getattr(self, name))}.")
        self._check_keys()
        self._check_mcp_user()
        self._check_llm()
        object.__setattr__(self, "cors_origins", tuple(self.cors_origins))
        object.__setattr__(self, "api_keys", tuple(self.api_keys))

    def _check_keys(self) -> None:
        if not isinstance(self.api_keys, tuple | list):
            raise ConfigurationError(
                f"api_keys: must be a tuple of ApiKey, got {type(self.api_keys).__name__}. Write (ApiKey('…'),)."
            )
        for number, given in enumerate(self.api_keys, start=1):
            if not isinstance(given, ApiKey):  # it may be a key, so it is not shown
                raise ConfigurationError(
                    f"api_keys: entry {number} is of type {type(given).__name__}. Write ApiKey('…') for a key that "
                    "reaches everything, ApiKey('…', 'alice') for one that reaches what is alice's."
                )
        users: dict[bytes, str | None] = {}
        for number, key in enumerate(self.api_keys, start=1):
            if users.setdefault(key.digest, key.user_id) != key.user_id:
                raise ConfigurationError(f"API key {number} is the same as an earlier one, but for another user.")

    def _check_mcp_user(self) -> None:
        try:
            object.__setattr__(self, "mcp_user_id", clean_id(self.mcp_user_id, "mcp_user_id"))
        except ValidationError as error:
            raise ConfigurationError(str(error)) from None

    def _check_llm(self) -> None:
        try:
            choose(self.llm_url, self.llm_model, self.llm_api_key)
        except ConfigurationError as error:
            raise ConfigurationError(re.sub(r"\bllm\b", "llm_url", str(error))) from None

    @property
    def llm_name(self) -> str | None:
        """Where texts are sent: the language model and its URL; None for nowhere."""
        model = choose(self.llm_url, self.llm_model, self.llm_api_key)
        return None if model is None else name_of(model)

    @property
    def memory_arguments(self) -> dict[str, Any]:
        """What a Memory or an AsyncMemory is opened with."""
        return {
            "path": self.db,
            "embedder": self.embedding_model,
            "reranker": self.reranker,
            "durability": self.durability,
            "read_only": self.read_only,
            "checksums": self.checksums,
            "statement_timeout": self.statement_timeout_seconds,
            "llm": self.llm_url,
            "llm_model": self.llm_model,
            "llm_api_key": self.llm_api_key,
            "max_memories_per_user": self.max_memories_per_user,
            "max_bytes_per_user": self.max_bytes_per_user,
            "extract_later": True,
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **others: Any) -> Self:
        """Read the variables ``MEM0LITE_DB``, ``MEM0LITE_HOST``, ``MEM0LITE_PORT``, ``MEM0LITE_EMBEDDING_MODEL``,
        ``MEM0LITE_RERANKER``, ``MEM0LITE_VACUUM_INTERVAL_SECONDS``, ``MEM0LITE_RATE_LIMIT_PER_MINUTE``,
        ``MEM0LITE_MAX_MEMORIES_PER_USER``, ``MEM0LITE_MAX_BYTES_PER_USER``, ``MEM0LITE_MAX_BODY_BYTES``,
        ``MEM0LITE_CORS_ORIGINS``, ``MEM0LITE_ACCESS_LOG``, ``MEM0LITE_API_KEYS``, ``MEM0LITE_INSECURE``,
        ``MEM0LITE_WEBHOOK_ALLOW_PRIVATE``, ``MEM0LITE_DURABILITY``, ``MEM0LITE_READ_ONLY``, ``MEM0LITE_CHECKSUMS``,
        ``MEM0LITE_STATEMENT_TIMEOUT_SECONDS``, ``MEM0LITE_WORKERS``, ``MEM0LITE_MCP``, ``MEM0LITE_MCP_USER_ID``,
        ``MEM0LITE_UI``, ``MEM0LITE_OPENTELEMETRY``, ``MEM0LITE_OPENTELEMETRY_CONTENT``,
        ``MEM0LITE_LLM_URL``, ``MEM0LITE_LLM_MODEL`` and ``MEM0LITE_LLM_API_KEY`` of ``environment``,
        by default the process's; also mem0's ``ADMIN_API_KEY`` and ``MEM0_DEFAULT_USER_ID``.

        An absent or empty variable leaves the default; ``others`` are settings that come before the variables. A
        variable with a similar name that is not read is named in the log. Raises ConfigurationError, naming the
        variable, for a wrong value and for a misspelt variable that was to set keys. It never shows any part of a key.
        """
        given = os.environ if environment is None else environment
        _name_misspelt(given)
        values: dict[str, Any] = {"mcp_user_id": default_user(given)}
        for name, read in _READERS.items():
            variable = f"MEM0LITE_{name.upper()}"
            if text := given.get(variable):
                values[name] = read(variable, text)
        if text := given.get("ADMIN_API_KEY"):
            values["api_keys"] = (*values.get("api_keys", ()), _key("ADMIN_API_KEY", text, None))
        return cls(**{**values, **others})


def canonical_host(host: str) -> str:
    """Return a host in one spelling: an address without brackets, zone or old notation, a name in lower case without
    a dot at its end.

    >>> [canonical_host(host) for host in ("LocalHost.", "[::1%lo]", "::ffff:127.0.0.1", "0x7f.1", "[127.0.0.1]")]
    ['localhost', '::1', '127.0.0.1', '127.0.0.1', '127.0.0.1']
    """
    name = host.strip().lower()
    bracketed = name.startswith("[") and name.endswith("]")
    name = name[1:-1] if bracketed else name.removesuffix(".")
    address = _address(name.partition("%")[0])
    if address is None:
        return host if bracketed else name
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_loopback(host: str) -> bool:
    """Return whether a name or an address reaches this machine only from itself."""
    name = canonical_host(host)
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return _old_address(text)


_NUMBER = re.compile(r"(?P<hexadecimal>0x[0-9a-f]{1,8})|(?P<octal>0[0-7]{0,11})|(?P<decimal>[1-9][0-9]{0,9})")
_BASES = {"hexadecimal": 16, "octal": 8, "decimal": 10}


def _old_address(text: str) -> ipaddress.IPv4Address | None:
    """Read ``127.1``, ``0x7f000001`` or ``2130706433``, as the C library and browsers do.

    https://url.spec.whatwg.org/#concept-ipv4-parser
    """
    parts = [_NUMBER.fullmatch(part) for part in text.split(".")]
    if len(parts) > 4:
        return None
    value = 0
    for number, part in enumerate(parts, start=1):
        bits = 8 * (5 - len(parts)) if number == len(parts) else 8
        if part is None or (read := int(part[0], _BASES[str(part.lastgroup)])) >= 1 << bits:
            return None
        value = value << bits | read
    return ipaddress.IPv4Address(value)


def _name_misspelt(environment: Mapping[str, str]) -> None:
    """Log the variables that are not read; raise ConfigurationError if one of them was to set keys."""
    for found in unread(environment):
        if found.secret:
            raise ConfigurationError(
                f"{found} Without keys, everybody who can connect may read and change the memories, so the server does "
                "not start. Set MEM0LITE_API_KEYS, or unset this variable."
            )
    name_unread(None if environment is os.environ else environment)
    if environment.get("MEM0LITE_API_KEY"):
        logger.warning(
            "MEM0LITE_API_KEY is the key that the command line sends to a server; the server does not use it. Set the "
            "keys that the server accepts with MEM0LITE_API_KEYS."
        )


def _text(variable: str, text: str) -> str:
    return text


def _port(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a port number from 0 to 65535.")


def _workers(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_WORKERS:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a number of processes from 1 to {MOST_WORKERS}.")


def _rate(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MOST_A_MINUTE:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a number of requests from 0 to {_MOST_A_MINUTE}.")


def _kept(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _MOST_KEPT:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a whole number from 0 on, where 0 is any number.")


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise ConfigurationError(f"{variable}: {text!r} is not a number of seconds from 0 on.")


def _size(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a number of bytes from 1 on.")


_ORIGIN = re.compile(r"https?://[^/?#@\s*]+|\*")


def _origins(variable: str, text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationError(f"{variable}: {origin!r} is not an origin such as 'https://app.example' or '*'.")
    return origins


def _switch(variable: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return text.lower() in ("1", "true", "yes", "on")
    raise ConfigurationError(f"{variable}: {text!r} is neither 1 nor 0.")


def _keys(variable: str, text: str) -> tuple[ApiKey, ...]:
    """Read ``key`` and ``key:user_id``, separated by commas."""
    keys = []
    for number, entry in enumerate(text.split(","), start=1):
        secret, colon, user_id = entry.partition(":")
        keys.append(_key(f"{variable}, entry {number}", secret, user_id if colon else None))
    return tuple(keys)


def _key(source: str, secret: str, user_id: str | None) -> ApiKey:
    try:
        return ApiKey(secret.strip(), user_id)
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def _durability(variable: str, text: str) -> str:
    if text in ("full", "normal"):
        return text
    raise ConfigurationError(f"{variable}: {text!r} is neither 'full' nor 'normal'.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_seconds(value: object) -> bool:
    return is_number(value) and 0 <= value < math.inf


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_path(value: object) -> bool:
    return _is_text(value) or isinstance(value, os.PathLike)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_model(value: object) -> bool:
    return value is None or _is_path(value)


def _is_setting(value: object) -> bool:
    return value is None or isinstance(value, str)


def _are_origins(value: object) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(one, str) and _ORIGIN.fullmatch(one) for one in value)


_SECONDS = (_are_seconds, "a number of seconds from 0 on, where 0 is never")
_SWITCH = (_is_switch, "True or False")
_KEPT = (lambda value: _is_whole(value) and 0 <= value <= _MOST_KEPT, "a whole number from 0 on, where 0 is any number")
_MODEL = (_is_model, "a model's name or folder, or None")
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "db": (_is_path, "the path of a file"),
    "host": (_is_text, "a host's name or address, such as '127.0.0.1'"),
    "port": (lambda value: _is_whole(value) and 0 <= value <= 65_535, "a port number from 0 to 65535"),
    "embedding_model": _MODEL,
    "vacuum_interval_seconds": _SECONDS,
    "statement_timeout_seconds": _SECONDS,
    "rate_limit_per_minute": (
        lambda value: _is_whole(value) and 0 <= value <= _MOST_A_MINUTE,
        f"a number of requests from 0 to {_MOST_A_MINUTE}, where 0 is any number",
    ),
    "max_memories_per_user": _KEPT,
    "max_bytes_per_user": _KEPT,
    "max_body_bytes": (lambda value: _is_whole(value) and value > 0, "a whole number of bytes from 1 on"),
    "cors_origins": (_are_origins, "a tuple of origins such as 'https://app.example' or '*'"),
    "access_log": _SWITCH,
    "store_keys": _SWITCH,
    "insecure": _SWITCH,
    "webhook_allow_private": _SWITCH,
    "loopback_only": _SWITCH,
    "reranker": _MODEL,
    "llm_url": (_is_setting, "a URL such as 'http://localhost:11434', or None"),
    "llm_model": (_is_setting, "the name of a model, or None"),
    "durability": (lambda value: value in ("full", "normal"), "'full' or 'normal'"),
    "read_only": _SWITCH,
    "checksums": _SWITCH,
    "workers": (lambda value: _is_whole(value) and 1 <= value <= MOST_WORKERS, f"a number from 1 to {MOST_WORKERS}"),
    "mcp": _SWITCH,
    "opentelemetry": _SWITCH,
    "opentelemetry_content": _SWITCH,
    "ui": _SWITCH,
}
"""What each setting accepts, and how an error says so. Keys are checked elsewhere."""

_READERS: dict[str, Callable[[str, str], Any]] = {
    "db": _text,
    "host": _text,
    "port": _port,
    "embedding_model": _text,
    "reranker": _text,
    "llm_url": _text,
    "llm_model": _text,
    "llm_api_key": _text,
    "vacuum_interval_seconds": _seconds,
    "rate_limit_per_minute": _rate,
    "max_memories_per_user": _kept,
    "max_bytes_per_user": _kept,
    "max_body_bytes": _size,
    "cors_origins": _origins,
    "access_log": _switch,
    "api_keys": _keys,
    "insecure": _switch,
    "webhook_allow_private": _switch,
    "durability": _durability,
    "read_only": _switch,
    "checksums": _switch,
    "mcp": _switch,
    "opentelemetry": _switch,
    "opentelemetry_content": _switch,
    "ui": _switch,
    "statement_timeout_seconds": _seconds,
    "workers": _workers,
}
"""How each setting is read from the environment. The other settings are only for programs."""
