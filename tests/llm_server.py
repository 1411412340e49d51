"""A real HTTP server of the chat-completions protocol, whose answers are scripted."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What the server answers. A ``body`` that is bytes is sent as it is, any other as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    stall: bool = False
    """Send nothing until the client has gone or the server closes."""
    drip: bool = False
    """Send a byte at a time, without end."""


class Asked(NamedTuple):
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All that the messages say."""
        return "\n".join(message["content"] for message in self.body["messages"])


Script = Callable[[Asked], Any]
"""Returns a Reply, an exact text that the model writes, or a value that it writes as JSON."""


def completion(text: str, finish_reason: str = "stop", usage: Any = None, **message: Any) -> dict[str, Any]:
    """Return the body of an answer in which the model writes a text."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} if usage is None else usage,
    }


class ModelServer:
    """Answers ``POST /v1/chat/completions`` by a script: a function of the request, or replies one after another."""

    def __init__(self, script: Script | list[Any]) -> None:
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        replies = iter(script) if isinstance(script, list) else None
        self._script: Script = (lambda asked: next(replies)) if replies is not None else script
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                try:
                    server._answer(self, Asked(self.path, dict(self.headers.items()), body))
                except ConnectionError:  # the client has gone
                    self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it answers, without a path."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def _answer(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)
            reply = self._script(asked)
        if not isinstance(reply, Reply):
            reply = Reply(completion(reply if isinstance(reply, str) else json.dumps(reply)))
        if reply.stall:
            self.closing.wait()
            raise ConnectionAbortedError
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(10_000_000 if reply.drip else len(body)))
        handler.end_headers()
        while reply.drip and not self.closing.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()
        handler.wfile.write(body)

    @contextmanager
    def serving(self) -> Iterator["ModelServer"]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def model_server(script: Script | list[Any]) -> Any:
    """Return a context manager that serves a script."""
    return ModelServer(script).serving()
