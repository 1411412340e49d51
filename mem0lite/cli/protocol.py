"""How ``mem0lite serve`` reads HTTP: with httptools, a parser in C that costs a request a third of h11, written in
Python. uvicorn has a protocol for each. The module needs httptools.
"""

import re
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MOST_HEADER_BYTES = 64 * 1024
"""Of the beginning of a request, to the end of its headers: h11's own limit. httptools has none."""
_UPGRADE = re.compile(rb"\nupgrade[ \t]*:", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol for httptools, with two differences.

    - Headers that are too large are refused with 400. Without a limit, one that never ends would fill the memory.
    - h11 reads the connection of a client that asks for another protocol, as Java's does for HTTP/2 with each request,
      and browsers for WebSockets: httptools skips the body of such a request.
    """

    def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin with a connection."""
        super().connection_made(transport)
        self._head = b""  # of a request whose headers have not all arrived
        self._in_head = self._in_body = False
        self._whole = True  # whether the head, if there is one, is there from its beginning

    def data_received(self, data: bytes) -> None:
        """Read what has arrived."""
        if not self._in_body:
            self._head += data
            if self._whole and self._idle and _UPGRADE.search(self._head.partition(b"\r\n\r\n")[0]):
                self._hand_over(self._head)
                return
        super().data_received(data)
        if self._in_head and not self._head:  # it came behind another request
            self._whole = False
        if len(self._head) > MOST_HEADER_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        """Begin with the headers of a request."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin with a request."""
        self._head, self._in_head, self._in_body, self._whole = b"", False, True, True
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > MOST_HEADER_BYTES:
            raise ValueError("headers too large")  # which the parser reports as an invalid request
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End with a request."""
        self._in_body = False
        super().on_message_complete()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self) -> None:
        self.logger.warning("Invalid HTTP request received.")
        self.send_400_response("Invalid HTTP request received.")

    def _hand_over(self, data: bytes) -> None:
        self.connections.discard(self)
        self._unset_keepalive_if_required()
        other = H11Protocol(self.config, self.server_state, self.app_state, self.loop)
        other.connection_made(self.transport)
        self.transport.set_protocol(other)
        other.data_received(data)
