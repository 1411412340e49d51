"""Whose MemoryClient callers get, and where it asks: mem0ai's own where that is installed, else a stand-in."""

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
    """mem0's client of a server, of which install() was told nothing: making one says how to get it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise errors.ConfigurationError(
            f"{type(self).__name__}: mem0lite.compat.install() alone stands in for mem0's Memory. For its client, call "
            "compat.install(path='agent.db'), which needs no server, or run `mem0lite serve` and call "
            "compat.install(url='http://127.0.0.1:8888')."
        )


class AsyncMemoryClient(MemoryClient):
    """As MemoryClient."""


def find_client() -> str | None:
    """Return the folder of mem0ai's client; None where it is not installed. Not while install() is in force."""
    spec = importlib.util.find_spec("mem0")
    folders = [Path(folder) / "client" for folder in (spec and spec.submodule_search_locations) or ()]
    return next((str(folder) for folder in folders if (folder / "main.py").is_file()), None)


def load(folder: str | None) -> ModuleType:
    """Import the client from mem0ai's folder, as a part of the mem0 that is in sys.modules, and return its module; the
    stand-in's where there is none.

    So the client raises the exceptions of our mem0.exceptions, which also Memory raises, and reports nothing to
    anybody. Importing all of mem0ai instead would load a dozen of its dependencies for classes that are not used.
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
    """Return a call's arguments with the ids in its filters, where mem0's client since 2.0 demands them.

    Packages that were written for an earlier one name them beside the filters, and would get an error for each call.
    """
    ids = {name: value for name, value in options.items() if name in SCOPE_IDS}
    if not ids or "options" not in inspect.signature(call).parameters:
        return options
    given = options.get("filters") or next((one.filters for one in args if hasattr(one, "filters")), None)
    ids = {name: value for name, value in ids.items() if value is not None}
    filters = {"AND": [given, ids]} if given and ids else given or ids
    return {**{name: value for name, value in options.items() if name not in SCOPE_IDS}, "filters": filters}


class _Aimed:
    """What comes before one of the clients: where it asks by default, and calls that only earlier versions take."""

    _url: str
    _local: "Local | None"
    _in_process: "Local | None" = None

    def __init__(self, *args: Any, **options: Any) -> None:
        signature = inspect.signature(super().__init__)
        if "org_id" not in signature.parameters:  # since 2.0; here the host alone tells them
            options = {name: value for name, value in options.items() if name not in _PROJECT}
        told = signature.bind_partial(*args, **options).arguments
        if str(told.get("host") or HOSTED).rstrip("/") == HOSTED:  # some packages write the default out
            told["host"] = self._url
            if not (told.get("api_key") or os.environ.get("MEM0_API_KEY")):
                told["api_key"] = os.environ.get("MEM0LITE_API_KEY") or _ANY_KEY  # a file, or a server without keys
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
        """Ask the file, where mem0's async client would use a library of its own for this one request."""
        if self._in_process is None:
            return super()._validate_api_key()  # type: ignore[misc]
        with self._in_process.client() as http:
            told = http.get("/v1/ping/").json()
        self.org_id, self.project_id = told["org_id"], told["project_id"]
        return told["user_email"]

    def search(self, query: str, *args: Any, **options: Any) -> Any:
        """Search; a user and the like may be named as before 2.0, beside the filters."""
        return super().search(query, *args, **_in_filters(super().search, args, options))  # type: ignore[misc]

    def get_all(self, *args: Any, **options: Any) -> Any:
        """List; a user and the like may be named as before 2.0, beside the filters."""
        return super().get_all(*args, **_in_filters(super().get_all, args, options))  # type: ignore[misc]

    def update(self, memory_id: str, *args: Any, **options: Any) -> Any:
        """Update; the text may be named as Memory names it, ``data``, as mem0's documentation does."""
        if "data" in options and "text" not in options:
            options["text"] = options.pop("data")
        return super().update(memory_id, *args, **options)  # type: ignore[misc]


class _AimedAsync(_Aimed):
    """As _Aimed, where callers look whether a verb is a coroutine function."""

    async def search(self, query: str, *args: Any, **options: Any) -> Any:
        return await super().search(query, *args, **options)

    async def get_all(self, *args: Any, **options: Any) -> Any:
        return await super().get_all(*args, **options)

    async def update(self, memory_id: str, *args: Any, **options: Any) -> Any:
        return await super().update(memory_id, *args, **options)


def aim(source: ModuleType, url: str, local: "Local | None") -> dict[str, type]:
    """Return the classes of the clients, with ``url``, or a file in this process, for their host by default."""
    own = {"_url": url, "_local": local, "__module__": MAIN}
    return {
        name: type(name, (aimed, base := getattr(source, name)), {**own, "__doc__": base.__doc__})
        for name, aimed in zip(_CLIENTS, (_Aimed, _AimedAsync), strict=True)
    }
