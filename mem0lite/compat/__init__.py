"""Makes ``import mem0`` mean mem0lite, for frameworks that import mem0 themselves. Nothing happens before install().

>>> from mem0lite import compat
>>> with compat.install():
...     from mem0 import Memory
...     with Memory.from_config({"path": ":memory:"}) as memory:
...         added = memory.add("I am allergic to peanuts", user_id="alice")
...         memory.get_all(filters={"user_id": "alice"})["total"]
1

For frameworks that create mem0's client and give no way to name its host:

>>> with compat.install(path=":memory:"):
...     from mem0 import MemoryClient
...     client = MemoryClient()
...     added = client.add("I am allergic to peanuts", user_id="alice")
...     client.get_all(filters={"user_id": "alice"})["count"]
1
"""

import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, DependencyError
from ..files import store_path
from . import clients
from .memory import AsyncMemory, Memory
from .modules import VERSION, make

if TYPE_CHECKING:
    from .local import Local, Store

__all__ = ["VERSION", "AsyncMemory", "Memory", "install", "uninstall"]

_replaced: dict[str, ModuleType] = {}
"""The modules of the real mem0 that install(replace=True) removed."""
_asked: list[tuple[object, object]] = []
"""The url and the path of the current install."""
_opened: "list[Local]" = []
"""The file that answers the clients of the current install."""


def install(
    *,
    url: str | None = None,
    path: "Store | None" = None,
    replace: bool = False,
) -> ExitStack:
    """Make ``import mem0`` and its modules mean mem0lite in this process, whether mem0ai is installed or not.

    Call it before anything imports mem0. The result can be used as a context manager that ends with uninstall().
    Installing twice in the same way does nothing.

    Arguments:
        url: the default host of MemoryClient and AsyncMemoryClient, such as a mem0lite server. If no key is given or
            set (``MEM0_API_KEY``, ``MEM0LITE_API_KEY``), they send a made-up one.
        path: a file that answers them instead, in this process and without a server, or a Memory of yours. The first
            client opens the file, uninstall() closes it. This needs ``mem0lite[server]``, whose routes answer.
        replace: install even if the real mem0 has been imported; then only later imports get mem0lite.

    With url or path, the clients are mem0ai's own if that is installed, otherwise ones with the same verbs. The host
    ``https://api.mem0.ai`` counts as the default; any other host that a caller names is asked itself. Without url and
    path, creating a client is an error.

    Raises ConfigurationError if the real mem0 has been imported, because whoever did so goes on using it; if another
    install is in force; or if both url and path are given. Raises DependencyError without ``mem0lite[server]``.
    """
    _check(url, path)
    url, path = url and url.rstrip("/"), None if path is None else _here(path)
    asked = (url, path)
    if _asked:
        if _asked != [asked]:
            raise ConfigurationError(
                "mem0lite.compat is installed already, with another url or path. Call compat.uninstall() first."
            )
        return ExitStack()
    real = {name: module for name, module in sys.modules.items() if name == "mem0" or name.startswith("mem0.")}
    if real and not replace:
        raise ConfigurationError(
            "mem0 has been imported already, and whoever did so goes on using it. Call mem0lite.compat.install() "
            "before anything imports mem0, or install(replace=True) to serve later imports only."
        )
    for name in real:
        _replaced[name] = sys.modules.pop(name)
    _asked.append(asked)
    try:
        _put(url, path)
    except BaseException:
        uninstall()
        raise
    ending = ExitStack()
    ending.callback(uninstall)
    return ending


def uninstall() -> None:
    """Remove mem0lite's modules, so that the next ``import mem0`` is the real one, and close the clients' file.

    Does nothing when not installed. What was imported in the meantime stays what it is.
    """
    if not _asked:
        return
    _asked.clear()
    for name in [name for name in sys.modules if name == "mem0" or name.startswith("mem0.")]:
        del sys.modules[name]
    sys.modules.update(_replaced)
    _replaced.clear()
    while _opened:
        _opened.pop().close()


def _check(url: object, path: object) -> None:
    if url is not None and path is not None:
        raise ConfigurationError("url, path: give the url of a server or the path of a file, not both.")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise ConfigurationError(f"url: must be an address such as 'http://127.0.0.1:8888', got {url!r}.")
    if path is not None and importlib.util.find_spec("litestar") is None:
        raise DependencyError(
            "compat.install(path=…) needs the package 'litestar'. Install it with: pip install \"mem0lite[server]\"",
            name="litestar",
        )


def _here(store: "Store") -> "Store":
    """Return an absolute path: the working folder may change before the first client, or the next install."""
    if isinstance(store, Memory | AsyncMemory):
        return store
    path = store_path(store, "path")
    return path if path == ":memory:" else str(Path(path).absolute())


def _put(url: str | None, path: "Store | None") -> None:
    aimed = url is not None or path is not None
    folder = clients.find_client() if aimed else None
    sys.modules.update(make())
    if not aimed:
        return
    local = None
    if path is not None:
        from . import local as in_process

        local = in_process.Local(path)
        _opened.append(local)
        url = in_process.URL
    source = clients.load(folder)
    found = clients.aim(source, str(url), local)
    for name in ("mem0", clients.MAIN):
        vars(sys.modules[name]).update(found)
