"""A real server in a thread, on a loopback port the system chooses.

A test module takes the fixtures with ``served, store, client = serving.served, serving.store, serving.client``.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.server import Settings, create_app


def client_of(url: httpx.URL | str, **options: Any) -> httpx.Client:
    """Return a client that loads no certificates: that takes 30 ms, and the servers of the tests speak plain HTTP."""
    return httpx.Client(base_url=url, verify=False, **options)


class Server(uvicorn.Server):
    """A server that says when its application has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.begun.set()


@contextmanager
def served_by(app: Any) -> Iterator[httpx.Client]:
    """Serve an ASGI app and yield a client of it once the app has started."""
    # asyncio turns Nagle's algorithm off, which costs 40 ms per response, only for sockets that name their protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        host, port = listener.getsockname()
        server = Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            server.begun.wait(30)
            with client_of(f"http://{host}:{port}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Memory, httpx.Client]]:
    """A memory and a client of a server on it, for all tests of a module."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0))
        with served_by(app) as client:
            yield memory, client


@pytest.fixture
def store(served: tuple[Memory, httpx.Client]) -> Iterator[Memory]:
    """The served memory, empty at the start of each test."""
    served[0].reset()
    yield served[0]


@pytest.fixture
def client(served: tuple[Memory, httpx.Client], store: Memory) -> httpx.Client:
    """A client of the server on ``store``."""
    return served[1]


def add(client: httpx.Client, text: str, **fields: Any) -> str:
    """Store one memory of alice, or of the given scope, and return its id."""
    scope = {} if fields.keys() & {"user_id", "agent_id", "run_id"} else {"user_id": "alice"}
    body = {"messages": [{"role": "user", "content": text}], **scope, **fields}
    answer = client.post("/memories", json=body)
    assert answer.status_code == 200, answer.text
    memory_id: str = answer.json()["results"][0]["id"]
    return memory_id


def texts(answer: httpx.Response) -> set[str]:
    """Return the texts of the memories in an answer, be it a list or an object."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return {item["memory"] for item in (found if isinstance(found, list) else found["results"])}
