"""The modules of mem0 that exist under install(), and what is in them."""

import enum
import os
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

from .. import exceptions
from .clients import AsyncMemoryClient, MemoryClient
from .memory import AsyncMemory, Memory
from .proxy import Mem0

VERSION = "2.2.1+mem0lite"
"""What ``mem0.__version__`` says: the version of mem0 that is followed."""


class Config:
    """A configuration or a section of one, as in mem0: an object with what was given as attributes."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return what was given; the options of pydantic's method change nothing."""
        return dict(vars(self))


class MemoryType(enum.Enum):
    """mem0's kinds of memories; ``memory_type`` accepts only the last."""

    SEMANTIC = "semantic_memory"
    EPISODIC = "episodic_memory"
    PROCEDURAL = "procedural_memory"


class Telemetry:
    """The telemetry that integrations and mem0's own client call. It sends nothing."""

    posthog = None

    def capture_event(self, *args: Any, **properties: Any) -> None:
        """Do nothing."""


class APIError(Exception):
    """Never raised; what mem0's clients raised before 0.1.100."""


class InvalidImageError(exceptions.ValidationError):
    """Never raised: an image is left out, and the answer says so."""


class FileSizeError(exceptions.ValidationError):
    """As InvalidImageError."""


def _nothing(*args: Any, **options: Any) -> None:
    return None


_CLASSES: dict[str, Any] = {
    "Memory": Memory,
    "AsyncMemory": AsyncMemory,
    "MemoryClient": MemoryClient,
    "AsyncMemoryClient": AsyncMemoryClient,
}
_SECTIONS = (  # which mem0.configs.base has, too
    "EmbedderConfig",
    "LlmConfig",
    "RerankerConfig",
    "VectorStoreConfig",
)
_STORES = {name: _CLASSES[name] for name in ("Memory", "AsyncMemory")}
_OPTIONS = ("Add", "Search", "GetAll", "DeleteAll", "Update")
MODULES: dict[str, dict[str, Any]] = {
    "mem0": {**_CLASSES, "MemoryConfig": Config, "__version__": VERSION},
    "mem0.client": {},
    "mem0.client.main": {name: _CLASSES[name] for name in ("MemoryClient", "AsyncMemoryClient")},
    "mem0.client.types": {
        **{f"{verb}MemoryOptions": Config for verb in _OPTIONS},
        "ProjectUpdateOptions": Config,
    },
    "mem0.client.utils": {"APIError": APIError},
    "mem0.configs": {},
    "mem0.configs.base": dict.fromkeys(("MemoryConfig", "MemoryItem", *_SECTIONS), Config),
    "mem0.configs.embeddings": {},
    "mem0.configs.embeddings.base": {"BaseEmbedderConfig": Config},
    "mem0.configs.enums": {"MemoryType": MemoryType},
    "mem0.configs.llms": {},
    "mem0.configs.llms.base": {"BaseLlmConfig": Config},
    "mem0.configs.rerankers": {},
    "mem0.configs.rerankers.config": {"RerankerConfig": Config},
    "mem0.embeddings": {},
    "mem0.embeddings.configs": {"EmbedderConfig": Config},
    "mem0.exceptions": {
        **{name: getattr(exceptions, name) for name in exceptions.__all__},
        "InvalidImageError": InvalidImageError,
        "FileSizeError": FileSizeError,
    },
    "mem0.graphs": {},
    "mem0.graphs.configs": {"GraphStoreConfig": Config},
    "mem0.llms": {},
    "mem0.llms.configs": {"LlmConfig": Config},
    "mem0.memory": _STORES,  # mem0's documentation also imports them from here
    "mem0.memory.main": _STORES,
    "mem0.memory.setup": {  # what mem0's client takes from there for its telemetry
        "setup_config": _nothing,
        "get_user_id": lambda: "mem0lite",
        "read_anon_ids": dict,
        "is_aliased": lambda *names: True,
        "mark_aliased": _nothing,
    },
    "mem0.memory.telemetry": {
        "capture_event": _nothing,
        "capture_client_event": _nothing,
        "client_telemetry": Telemetry(),
    },
    "mem0.proxy": {},
    "mem0.proxy.main": {"Mem0": Mem0},
    "mem0.vector_stores": {},
    "mem0.vector_stores.configs": {"VectorStoreConfig": Config},
}


def make() -> dict[str, ModuleType]:
    """Return the modules by name, each also an attribute of its parent."""
    made = {name: _module(name, names) for name, names in MODULES.items()}
    for name, module in made.items():
        if parent := name.rpartition(".")[0]:
            setattr(made[parent], name.rpartition(".")[2], module)
    return made


def _module(name: str, names: dict[str, Any]) -> ModuleType:
    """Return a package with these names. Its modules are those of MODULES, never the installed mem0's."""
    module = module_from_spec(ModuleSpec(name, None, is_package=True))  # with a spec, find_spec() sees it
    module.__file__ = os.fspath(__file__)  # the error of an import that is not here names it
    vars(module).update(names)
    return module
