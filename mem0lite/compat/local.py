"""mem0's hosted API answered from a file in this process: the server's own routes, without a socket."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from ..aio import AsyncMemory
from ..errors import ClosedError
from ..memory import Memory

if TYPE_CHECKING:
    from ..server.app import App

URL = "http://mem0lite.invalid"
"""The host that clients are given. No such name exists (RFC 2606), so nothing that bypasses us leaves this machine."""

_LARGEST_BODY = 1 << 30  # the server's limit is for strangers

Store = str | os.PathLike[str] | Memory | AsyncMemory


class Local:
    """A file, or an open store, as the host of any number of clients; opened by the first of them.

    The routes run in an event loop in a thread of their own, whoever asks: a sync client may be used where a loop runs
    already, and an async one makes its first request in its constructor, where nothing can be awaited.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory: Memory | AsyncMemory | None = None
        self._closed = False
        self._running: tuple[int, _Loop] | None = None
        self._lock = threading.Lock()

    def client(self) -> httpx.Client:
        """Return an HTTP client of the file. Raises what opening the file raises."""
        self._loop()
        return httpx.Client(transport=_Transport(self), base_url=URL)

    def async_client(self) -> httpx.AsyncClient:
        """Return an asynchronous HTTP client of the file. Raises what opening the file raises."""
        self._loop()
        return httpx.AsyncClient(transport=_AsyncTransport(self), base_url=URL)

    def ask(self, request: httpx.Request, content: bytes) -> Future[httpx.Response]:
        """Have a request answered."""
        try:
            return self._loop().ask(request, content)
        except ClosedError as error:
            raise httpx.ConnectError(str(error), request=request) from error

    def close(self) -> None:
        """Finish what was accepted and close the file, unless it was handed in open; then every request fails."""
        with self._lock:
            self._closed = True
            running, self._running = self._running, None
            memory, self._memory = self._memory, None
        if running is not None and running[0] == os.getpid():
            running[1].close()
        if isinstance(memory, Memory) and memory is not self._store:
            memory.close()

    def _loop(self) -> "_Loop":
        with self._lock:
            if self._closed:
                raise ClosedError(
                    "The store of mem0lite.compat.install(path=…) was closed by uninstall(). Make clients inside."
                )
            if self._memory is None:
                self._memory = self._open()
            if self._running is None or self._running[0] != os.getpid():  # threads do not survive a fork
                self._running = (os.getpid(), _Loop(self._memory))
            return self._running[1]

    def _open(self) -> Memory | AsyncMemory:
        from ..server import Settings

        if isinstance(self._store, Memory | AsyncMemory):
            return self._store
        return Memory(**{**Settings.from_environment().memory_arguments, "path": self._store})


class _Loop:
    """The server's application in an event loop of its own."""

    def __init__(self, memory: Memory | AsyncMemory) -> None:
        self._loop = asyncio.new_event_loop()
        self._asked: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mem0lite-compat", daemon=True)
        self._thread.start()
        # Made on the loop on which it runs.
        self._app: App = self._run(_made(lambda: _app(memory))).result()
        self._transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)

    def ask(self, request: httpx.Request, content: bytes) -> Future[httpx.Response]:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        return self._run(self._answer(asked))

    def close(self) -> None:
        self._run(self._finish()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        task: Any = asyncio.current_task()
        self._asked.add(task)
        try:
            response = await self._transport.handle_async_request(request)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())
        finally:
            self._asked.discard(task)

    async def _finish(self) -> None:
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._app.backend.close()


class _Transport(httpx.BaseTransport):
    def __init__(self, local: Local) -> None:
        self._local = local

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._local.ask(request, request.read())
        try:
            return answer.result()
        except BaseException:
            answer.cancel()  # a KeyboardInterrupt, for one: nobody reads the answer
            raise


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, local: Local) -> None:
        self._local = local

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.wrap_future(self._local.ask(request, await request.aread()))


async def _made(make: Callable[[], Any]) -> Any:
    return make()


def _app(memory: Memory | AsyncMemory) -> "App":
    """Return the application. Only this process can ask it, so it needs no key."""
    from ..server import Settings, create_app

    settings = replace(
        Settings.from_environment(), api_keys=(), store_keys=False, insecure=True, max_body_bytes=_LARGEST_BODY
    )
    return create_app(memory, settings)
