"""``import mem0`` that means mem0lite, for frameworks that import mem0 themselves. Nothing happens before install().

>>> from mem0lite import compat
>>> with compat.install():
...     from mem0 import Memory
...     with Memory.from_config({"path": ":memory:"}) as memory:
...         added = memory.add("I am allergic to peanuts", user_id="alice")
...         memory.get_all(filters={"user_id": "alice"})["total"]
1
"""

import enum
import os
import sys
from contextlib import ExitStack
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any, NoReturn

from . import aio, errors, mem0_config, memory

VERSION = "2.2.1+mem0lite"
"""What ``mem0.__version__`` says: the mem0 whose class is followed."""

_replaced: dict[str, ModuleType] = {}
"""The modules of the real mem0 that install(replace=True) took away."""


class Memory(memory.Memory):
    """Memory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    def __init__(self, config: object = None, **options: Any) -> None:
        super().__init__(**(options if config is None else {**mem0_config.read(config), **options}))

    def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError("chat is not implemented: there is no language model.")


class AsyncMemory(aio.AsyncMemory):
    """AsyncMemory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    def __init__(self, config: object = None, **options: Any) -> None:
        super().__init__(**(options if config is None else {**mem0_config.read(config), **options}))

    async def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError("chat is not implemented: there is no language model.")


class MemoryClient:
    """mem0's client of a server, which mem0lite does not replace: making one says how to get it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise errors.ConfigurationError(
            f"{type(self).__name__}: mem0lite.compat stands in for mem0's Memory, not for its client. Either configure "
            "the local Memory, or run `mem0lite serve` and use mem0ai's own client without compat: "
            f"{type(self).__name__}(host='http://127.0.0.1:8888', api_key=…)."
        )


class AsyncMemoryClient(MemoryClient):
    """As MemoryClient."""


class Config:
    """A configuration, or a section of one, as mem0's classes hold it: what was given, as attributes."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def model_dump(self) -> dict[str, Any]:
        """Return what was given."""
        return dict(vars(self))


class MemoryType(enum.Enum):
    """mem0's kinds of memories; only the last is a value of ``memory_type``."""

    SEMANTIC = "semantic_memory"
    EPISODIC = "episodic_memory"
    PROCEDURAL = "procedural_memory"


class Telemetry:
    """Where integrations report what they do to mem0: here, nowhere."""

    def capture_event(self, *args: Any, **properties: Any) -> None:
        """Do nothing."""


class RateLimitError(errors.Mem0LiteError):
    """Never raised: there is no service that limits."""


class LLMError(errors.Mem0LiteError):
    """Never raised: there is no language model."""


class GraphStoreError(errors.Mem0LiteError):
    """Never raised: there is no graph database."""


class CacheError(errors.Mem0LiteError):
    """Never raised: there is no cache that can fail."""


_CLASSES: dict[str, Any] = {
    "Memory": Memory,
    "AsyncMemory": AsyncMemory,
    "MemoryClient": MemoryClient,
    "AsyncMemoryClient": AsyncMemoryClient,
}
_EXCEPTIONS: dict[str, Any] = {
    "MemoryError": errors.Mem0LiteError,
    "ValidationError": errors.ValidationError,
    "MemoryNotFoundError": errors.MemoryNotFoundError,
    "ConfigurationError": errors.ConfigurationError,
    "EmbeddingError": errors.EmbeddingError,
    "DatabaseError": errors.DatabaseError,
    "DependencyError": errors.DependencyError,
    "VectorStoreError": errors.DatabaseError,
    "VectorSearchError": errors.DatabaseError,
    "MemoryCorruptionError": errors.CorruptFileError,
    "MemoryQuotaExceededError": errors.DiskFullError,
    "AuthenticationError": errors.PermissionDeniedError,
    "NetworkError": errors.DatabaseBusyError,  # as there: try again
    "RateLimitError": RateLimitError,
    "LLMError": LLMError,
    "GraphStoreError": GraphStoreError,
    "CacheError": CacheError,
}
_MODULES: dict[str, dict[str, Any]] = {
    "mem0": {**_CLASSES, "__version__": VERSION},
    "mem0.client": {},
    "mem0.client.main": {name: _CLASSES[name] for name in ("MemoryClient", "AsyncMemoryClient")},
    "mem0.configs": {},
    "mem0.configs.base": {"MemoryConfig": Config},
    "mem0.configs.enums": {"MemoryType": MemoryType},
    "mem0.embeddings": {},
    "mem0.embeddings.configs": {"EmbedderConfig": Config},
    "mem0.exceptions": _EXCEPTIONS,
    "mem0.graphs": {},
    "mem0.graphs.configs": {"GraphStoreConfig": Config},
    "mem0.llms": {},
    "mem0.llms.configs": {"LlmConfig": Config},
    "mem0.memory": {},
    "mem0.memory.main": {name: _CLASSES[name] for name in ("Memory", "AsyncMemory")},
    "mem0.memory.telemetry": {"capture_event": Telemetry().capture_event, "client_telemetry": Telemetry()},
    "mem0.vector_stores": {},
    "mem0.vector_stores.configs": {"VectorStoreConfig": Config},
}


def install(*, replace: bool = False) -> ExitStack:
    """Make ``import mem0`` and its modules mean mem0lite in this process, whether mem0ai is installed or not.

    To be called before anything imports mem0. What it returns may be used as a context manager, which ends with
    uninstall(). Installing twice does nothing.

    Raises ConfigurationError when the real mem0 has been imported, since whoever did so goes on using it; with
    ``replace`` only later imports get mem0lite.
    """
    if _installed():
        return ExitStack()
    real = {name: module for name, module in sys.modules.items() if name == "mem0" or name.startswith("mem0.")}
    if real and not replace:
        raise errors.ConfigurationError(
            "mem0 has been imported already, and who imported it would go on using it. Call mem0lite.compat.install() "
            "before anything imports mem0, or install(replace=True) to have it for later imports only."
        )
    for name in real:
        _replaced[name] = sys.modules.pop(name)
    for name, names in _MODULES.items():
        sys.modules[name] = _module(name, names)
        if parent := name.rpartition(".")[0]:
            setattr(sys.modules[parent], name.rpartition(".")[2], sys.modules[name])
    ending = ExitStack()
    ending.callback(uninstall)
    return ending


def uninstall() -> None:
    """Take mem0lite's modules away, so that the next ``import mem0`` is the real one; does nothing when not installed.

    What was imported meanwhile stays what it is.
    """
    if not _installed():
        return
    for name in _MODULES:
        sys.modules.pop(name, None)
    sys.modules.update(_replaced)
    _replaced.clear()


def _installed() -> bool:
    return getattr(sys.modules.get("mem0"), "Memory", None) is Memory


def _module(name: str, names: dict[str, Any]) -> ModuleType:
    """Return a package that has these names, whose modules are those of _MODULES, never the installed mem0's."""
    module = module_from_spec(ModuleSpec(name, None, is_package=True))  # with a spec, find_spec() sees it
    module.__file__ = os.fspath(__file__)  # named by the error of importing what is not here
    vars(module).update(names)
    return module
