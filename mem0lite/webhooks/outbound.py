"""One POST to somebody else's URL, which must not become a way into this network.

A URL that a caller chose may name a machine that only this one can reach (server-side request forgery). And a host's
name may resolve to another address each time. So every address that the name resolves to is checked, and the
connection goes to one of those very addresses. TLS and ``Host`` still name the host.

httpx is not used: it resolves names itself, and limits only the time between two bytes. Its transport, httpcore, is
used with a part of our own that opens the connections.
"""

import functools
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from ..errors import ValidationError

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host, given its name and the port; raises OSError."""

MAX_URL_LENGTH = 2_000
ALLOW = "Allow private hosts with allow_private=True, on a server with MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1"
"""The cure of a RefusedError."""

_WRITE_BYTES = 16_384  # at a time, because each write may take all the time that is left
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")


class UndeliverableError(Exception):
    """Nothing was delivered; the message says why and repeats nothing of the request."""


class RefusedError(UndeliverableError):
    """The host has an address that is not public."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: object, field: str) -> "Target":
        """Read an ``http`` or ``https`` URL; raises ValidationError naming ``field`` and repeating no password."""
        if not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url) or len(url) > MAX_URL_LENGTH:
            raise _invalid(field, f"must be at most {MAX_URL_LENGTH} printable ASCII characters without spaces.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _invalid(field, "is not a URL.") from None
        if parts.scheme not in ("http", "https"):
            raise _invalid(field, "must begin with https:// or http://.")
        if "@" in parts.netloc:
            raise _invalid(
                field, "must not contain a user name or password. Have the receiver check the signature instead."
            )
        host = parts.hostname or ""
        is_host = _literal(host) if "[" in parts.netloc else _HOST.fullmatch(host) or _literal(host)
        if not is_host or port == 0:
            raise _invalid(field, "does not name a host that can be reached.")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], (parts.path or "/") + query)

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered; its body is not read."""

    status: int
    retry_after: int
    """The seconds of its ``Retry-After``, 0 without one."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as this machine's resolver gives them."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check(target: Target, *, allow_private: bool, timeout: float, resolve: Resolve) -> list[str]:
    """Return the addresses of a host; raises RefusedError if one of them is not public, unless ``allow_private``.

    Raises UndeliverableError for a name that cannot be resolved in ``timeout`` seconds.
    """
    if _literal(target.host):
        addresses = [target.host]
    else:
        addresses = _in_time(functools.partial(resolve, target.host, target.port), timeout)
    if not addresses:
        raise UndeliverableError("the host's name has no address")
    if not allow_private and not all(is_public(address) for address in addresses):
        raise RefusedError("the host is, or resolves to, an address that is not public")
    return addresses


def post(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allow_private: bool,
    timeout: float,
    resolve: Resolve = resolve,
) -> Answer:
    """Send ``body`` after checking the address; follow no redirect, and read only the answer's head.

    All of it, resolving the name included, may take ``timeout`` seconds. Raises UndeliverableError.
    """
    left = _countdown(timeout)
    addresses = check(target, allow_private=allow_private, timeout=timeout, resolve=resolve)
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    sent = {"Host": target.authority, "Connection": "close", "User-Agent": "mem0lite", **headers}
    context = _tls() if target.scheme == "https" else None
    with (
        _explained(timeout),
        httpcore.ConnectionPool(ssl_context=context, network_backend=_Network(addresses, left)) as pool,
        pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
    ):
        retry_after = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
        return Answer(response.status, int(retry_after) if re.fullmatch(rb"[0-9]{1,9}", retry_after) else 0)


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, not to a machine or a local network.

    An IPv6 address that stands for an IPv4 address is judged by that one.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in _REFUSED)
    if ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
    if ip.sixtofour is not None:
        return is_public(str(ip.sixtofour))
    return ip in _GLOBAL_UNICAST and ip not in _DOCUMENTATION and ip.is_global


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")  # which early Pythons count as global
_REFUSED = [
    ipaddress.IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # where one cloud keeps its metadata; early Pythons count most of it as global
        "192.88.99.0/24",  # relays from IPv6, no longer in use
        "168.63.129.16/32",  # another cloud's, inside every virtual machine
    )
]


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _invalid(field: str, reason: str) -> ValidationError:
    return ValidationError(f"Invalid {field}: {reason}", field=field)


def _countdown(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds

    def left() -> float:
        rest = end - time.monotonic()
        if rest <= 0:
            raise httpcore.TimeoutException
        return rest

    return left


def _in_time(call: Callable[[], Sequence[str]], seconds: float) -> list[str]:
    """Return what ``call`` returns. It runs in a thread, because the C library's resolver has no timeout."""
    outcome: list[Sequence[str] | Exception] = []

    def run() -> None:
        try:
            outcome.append(call())
        except (OSError, UnicodeError) as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="mem0lite-resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise UndeliverableError(f"the host's name was not resolved within {seconds:g} s")
    [found] = outcome
    if isinstance(found, Exception):
        raise UndeliverableError("the host's name cannot be resolved")
    return list(dict.fromkeys(found))


@contextmanager
def _explained(timeout: float) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException:
        raise UndeliverableError(f"no answer within {timeout:g} s") from None
    except httpcore.NetworkError as error:
        raise UndeliverableError(f"no connection: {error}") from None
    except httpcore.ProtocolError:
        raise UndeliverableError("the answer is not HTTP") from None


@functools.cache
def _tls() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()  # certifi's authorities, or those of SSL_CERT_FILE


class _Network(httpcore.NetworkBackend):
    """Connects to the first reachable one of the given addresses, whatever host is asked for."""

    def __init__(self, addresses: Sequence[str], left: Callable[[], float]) -> None:
        self._addresses = addresses
        self._left = left
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self._addresses
        for number, address in enumerate(others):  # each gets its share of the time, and the last one all the rest
            try:
                share = self._left() / (len(self._addresses) - number)
                return _Stream(self._network.connect_tcp(address, port, share), self._left)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return _Stream(self._network.connect_tcp(last, port, self._left()), self._left)


class _Stream(httpcore.NetworkStream):
    """A connection on which no step takes longer than the time that is left."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
