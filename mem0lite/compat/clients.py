"""Whose MemoryClient callers get, and where it asks: mem0ai's own where that is installed, else a stand-in."""

import importlib
import importlib.util
import inspect
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import errors, mem0_config

if TYPE_CHECKING:
    from .local import Local

MAIN = "mem0.client.main"
HOSTED = "https://api.mem0.ai"
_ANY_KEY = "mem0lite"
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
                mem0_config.CompatibilityWarning,
                stacklevel=4,  # who called install
            )
            package.__path__ = []
            sys.modules.update(known)
    from . import standin

    return standin


def aim(source: ModuleType, url: str, local: "Local | None") -> dict[str, type]:
    """Return the classes of the clients, with ``url``, or a file in this process, for their host by default."""

    class _Aimed:
        _in_process: "Local | None" = None

        def __init__(self, *args: Any, **options: Any) -> None:
            told = inspect.signature(super().__init__).bind_partial(*args, **options).arguments
            if str(told.get("host") or HOSTED).rstrip("/") == HOSTED:  # some packages write the default out
                told["host"] = url
                if not (told.get("api_key") or os.environ.get("MEM0_API_KEY")):
                    told["api_key"] = os.environ.get("MEM0LITE_API_KEY") or _ANY_KEY  # a file, or a server without keys
                if local is not None:
                    self._in_process = local
                    told["client"] = self._client_of(local, told.get("client"))
            super().__init__(**told)

        def _client_of(self, local: "Local", given: object) -> Any:
            if given is not None:
                raise errors.ConfigurationError(
                    "client: compat.install(path=…) answers from a file, not over the network. Leave it out, or give "
                    "the host that it is for."
                )
            return local.async_client() if isinstance(self, classes[1]) else local.client()

        def _validate_api_key(self) -> Any:
            """Ask the file, where mem0's async client would use a library of its own for this one request."""
            if self._in_process is None:
                return super()._validate_api_key()  # type: ignore[misc]
            with self._in_process.client() as http:
                told = http.get("/v1/ping/").json()
            self.org_id, self.project_id = told["org_id"], told["project_id"]
            return told["user_email"]

    classes = [getattr(source, name) for name in _CLIENTS]
    return {
        name: type(name, (_Aimed, base), {"__module__": MAIN, "__doc__": base.__doc__})
        for name, base in zip(_CLIENTS, classes, strict=True)
    }
