"""``import mem0`` that means mem0lite, for frameworks that import mem0 themselves. Nothing happens before install().

>>> from mem0lite import compat
>>> with compat.install():
...     from mem0 import Memory
...     with Memory.from_config({"path": ":memory:"}) as memory:
...         added = memory.add("I am allergic to peanuts", user_id="alice")
...         memory.get_all(filters={"user_id": "alice"})["total"]
1

And for those that make mem0's client, whose host they give no way to name:

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
"""The modules of the real mem0 that install(replace=True) took away."""
_asked: list[tuple[object, object]] = []
"""The url and the path of the install that is in force."""
_opened: "list[Local]" = []
"""The file that the clients of the install in force ask."""


def install(
    *,
    url: str | None = None,
    path: "Store | None" = None,
    replace: bool = False,
) -> ExitStack:
    """Make ``import mem0`` and its modules mean mem0lite in this process, whether mem0ai is installed or not.

    To be called before anything imports mem0. What it returns may be used as a context manager, which ends with
    uninstall(). Installing twice in the same way does nothing.

    Arguments:
        url: what MemoryClient and AsyncMemoryClient have for their host by default: that of a mem0lite server, say.
            Where no key is given nor set (``MEM0_API_KEY``, ``MEM0LITE_API_KEY``), any is shown.
        path: the file from which they answer instead, in this process and without a server, or a Memory of yours. It
            is opened by the first client, and closed by uninstall(). Needs ``mem0lite[server]``, whose routes answer.
        replace: install even if the real mem0 has been imported; then only later imports get mem0lite.

    With either, the clients are mem0ai's own where that is installed, else ones with its verbs. ``https://api.mem0.ai``
    counts as the default; another host that a caller names is asked. Without both, making a client is an error.

    Raises ConfigurationError when the real mem0 has been imported, since whoever did so goes on using it, when another
    install is in force, or both url and path are given; DependencyError without ``mem0lite[server]``.
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
            "mem0 has been imported already, and who imported it would go on using it. Call mem0lite.compat.install() "
            "before anything imports mem0, or install(replace=True) to have it for later imports only."
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
    """Take mem0lite's modules away, so that the next ``import mem0`` is the real one, and close the file that clients
    answered from; does nothing when not installed.

    What was imported meanwhile stays what it is.
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
        raise ConfigurationError("Give url, of a server, or path, of a file that needs none; not both.")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise ConfigurationError(f"url: must be an address such as 'http://127.0.0.1:8888', got {url!r}.")
    if path is not None and importlib.util.find_spec("litestar") is None:
        raise DependencyError(
            "compat.install(path=…) needs the package 'litestar'. Install it with: pip install \"mem0lite[server]\"",
            name="litestar",
        )


def _here(store: "Store") -> "Store":
    """Return a path as it is meant now: the working folder may change before the first client is made, or before the
    next install."""
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
