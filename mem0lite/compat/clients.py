"""Which MemoryClient callers get, and which host it asks: mem0ai's own if installed, otherwise a stand-in."""

import importlib
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import errors
from ..data.filters import SCOPE_IDS
from ..mem0 import configuration

if TYPE_CHECKING:
    from .local import Local

MAIN = "mem0.client.main"
HOSTED = "https://api.mem0.ai"
_ANY_KEY = "mem0lite"
_PROJECT = ("org_id", "project_id")
_CLIENTS = ("MemoryClient", "AsyncMemoryClient")


class MemoryClient:
    """mem0's client, when install() got no url or path: creating one raises an error that says what to do."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise errors.ConfigurationError(
            f"{type(self).__name__}: mem0lite.compat.install() without arguments replaces only mem0's Memory. For its "
            "client, call compat.install(path='agent.db'), which needs no server, or run `mem0lite serve` and call "
            "compat.install(url='http://127.0.0.1:8888')."
        )


class AsyncMemoryClient(MemoryClient):
    """As MemoryClient."""


def find_client() -> str | None:
    """Return the folder of mem0ai's client, None if it is not installed. Call it before the modules are replaced."""
    spec = importlib.util.find_spec("mem0")
    folders = [Path(folder) / "client" for folder in (spec and spec.submodule_search_locations) or ()]
    return next((str(folder) for folder in folders if (folder / "main.py").is_file()), None)


def load(folder: str | None) -> ModuleType:
    """Import the client from mem0ai's folder into our mem0, and return its module; without a folder the stand-in's.

    This way the client raises our mem0.exceptions, as Memory does, and sends no telemetry. Importing all of mem0ai
    would also load a dozen of its dependencies for classes that are not used.
    """
    if folder is not None:
        package = sys.modules["mem0.client"]
        package.__path__ = [folder]
        known = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("mem0.client.")}
        try:
            return importlib.import_module(MAIN)
        except ImportError as error:
            warnings.warn(
                f"mem0ai's client in {folder} cannot be loaded by mem0lite.compat ({error}). A client with the same "
                "verbs stands in for it.",
                configuration.CompatibilityWarning,
                stacklevel=4,  # who called install
            )
            package.__path__ = []
            sys.modules.update(known)
    from . import standin

    return standin


def _in_filters(call: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return a call's arguments with the ids moved into its filters, where mem0's client requires them since 2.0.

    Packages written for earlier versions give the ids beside the filters, and every call of theirs would fail.
    """
    ids = {name: value for name, value in options.items() if name in SCOPE_IDS}
    if not ids or "options" not in inspect.signature(call).parameters:
        return options
    given = options.get("filters") or next((one.filters for one in args if hasattr(one, "filters")), None)
    ids = {name: value for name, value in ids.items() if value is not None}
    filters = {"AND": [given, ids]} if given and ids else given or ids
    return {**{name: value for name, value in options.items() if name not in SCOPE_IDS}, "filters": filters}


class _Aimed:
    """What is put before a client's class: the default host, and calls as earlier versions take them."""

    _url: str
    _local: "Local | None"
    _in_process: "Local | None" = None

    def __init__(self, *args: Any, **options: Any) -> None:
        signature = inspect.signature(super().__init__)
        if "org_id" not in signature.parameters:  # since 2.0 only the host says which they are
            options = {name: value for name, value in options.items() if name not in _PROJECT}
        told = signature.bind_partial(*args, **options).arguments
        if str(told.get("host") or HOSTED).rstrip("/") == HOSTED:  # some packages write the default out
            told["host"] = self._url
            if not (told.get("api_key") or os.environ.get("MEM0_API_KEY")):
                told["api_key"] = os.environ.get("MEM0LITE_API_KEY") or _ANY_KEY  # for a file, or a server without keys
            if self._local is not None:
                told["client"] = self._ask(self._local, told.get("client"))
        super().__init__(**told)

    def _ask(self, local: "Local", given: object) -> Any:
        if given is not None:
            raise errors.ConfigurationError(
                "client: compat.install(path=…) answers from a file, not over the network. Leave it out, or give the "
                "host that it is for."
            )
        self._in_process = local
        return local.async_client() if isinstance(self, _AimedAsync) else local.client()

    def _validate_api_key(self) -> Any:
        """Ask the file, where mem0's async client would make this one request with another library."""
        if self._in_process is None:
            return super()._validate_api_key()  # type: ignore[misc]
        with self._in_process.client() as http:
            told = http.get("/v1/ping/").json()
        self.org_id, self.project_id = told["org_id"], told["project_id"]
        return told["user_email"]

    def search(self, query: str, *args: Any, **options: Any) -> Any:
        """Search; ids may be given beside the filters, as before 2.0."""
        return super().search(query, *args, **_in_filters(super().search, args, options))  # type: ignore[misc]

    def get_all(self, *args: Any, **options: Any) -> Any:
        """List; ids may be given beside the filters, as before 2.0."""
        return super().get_all(*args, **_in_filters(super().get_all, args, options))  # type: ignore[misc]

    def update(self, memory_id: str, *args: Any, **options: Any) -> Any:
        """Update; the text may also be given as ``data``, as in mem0's documentation and Memory."""
        if "data" in options and "text" not in options:
            options["text"] = options.pop("data")
        return super().update(memory_id, *args, **options)  # type: ignore[misc]


class _AimedAsync(_Aimed):
    """_Aimed for the async client: some callers check whether a verb is a coroutine function."""

    async def search(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().search(query, *args, **options)

    async def get_all(self, *args: Any, **options: Any) -> Any:
        return await super().get_all(*args, **options)

    async def update(self, memory_id: str, *args: Any, **options: Any) -> Any:
        return await super().update(memory_id, *args, **options)


def aim(source: ModuleType, url: str, local: "Local | None") -> dict[str, type]:
    """Return the classes of the clients, with ``url`` or a file in this process as their default host."""
    own = {"_url": url, "_local": local, "__module__": MAIN}
    return {
        name: type(name, (aimed, base := getattr(source, name)), {**own, "__doc__": base.__doc__})
        for name, aimed in zip(_CLIENTS, (_Aimed, _AimedAsync), strict=True)
    }
