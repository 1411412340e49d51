"""The classes that mem0.Memory and mem0.AsyncMemory stand for: mem0lite's, with mem0's constructor."""

import abc
import functools
import inspect
from collections.abc import Mapping
from typing import Any, NoReturn, Self

from .. import aio, memory
from ..mem0 import configuration

_NO_CHAT = (
    "chat: mem0lite answers no questions, as no language model is called; mem0's own raises this, too. Give the model "
    "what search() finds."
)


class _AnyMemory(abc.ABCMeta):
    """Has a store that was made as mem0lite's own count as one of mem0's, for integrations that look at the type.

    mem0's classes are abstract ones, too: callers make others of them together with their own.
    """

    def __subclasscheck__(cls, subclass: type) -> bool:
        stands_for = cls.__mro__[1] if "_STANDS_IN" in vars(cls) else None
        # before ABCMeta is asked, which would remember that it said no
        return (stands_for is not None and issubclass(subclass, stands_for)) or super().__subclasscheck__(subclass)


def _names_graph(config: object) -> bool:
    """Return whether a configuration has a graph store: then ``relations`` is read, be there any or not."""
    named = config.get("graph_store") if isinstance(config, Mapping) else getattr(config, "graph_store", None)
    return bool(named)


def _telling(verb: Any) -> Any:
    """Return a verb whose answers have ``relations`` where a graph store was configured."""

    def told(store: "Memory | AsyncMemory", answer: Any) -> Any:
        return {**answer, "relations": answer.get("relations", [])} if store._graph_named else answer

    @functools.wraps(verb)
    def call(self: "Memory", *args: Any, **options: Any) -> Any:
        return told(self, verb(self, *args, **options))

    @functools.wraps(verb)
    async def later(self: "AsyncMemory", *args: Any, **options: Any) -> Any:
        return told(self, await verb(self, *args, **options))

    return later if inspect.iscoroutinefunction(verb) else call


class Memory(memory.Memory, metaclass=_AnyMemory):
    """Memory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_IN = True
    enable_graph = False  # asked before callers of mem0 1.x go to its graph store

    def __init__(self, config: object = None, **options: Any) -> None:
        self._graph_named = _names_graph(config)
        if config is not None:
            options = {**configuration.read(config), **options}  # here, where its warning names the caller
        super().__init__(**options)

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 means."""
        made = cls(**configuration.read(config_dict))
        made._graph_named = _names_graph(config_dict)
        return made

    add, get_all, search = map(_telling, (memory.Memory.add, memory.Memory.get_all, memory.Memory.search))

    def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)


class AsyncMemory(aio.AsyncMemory, metaclass=_AnyMemory):
    """AsyncMemory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_IN = True
    enable_graph = False  # asked before callers of mem0 1.x go to its graph store

    def __init__(self, config: object = None, **options: Any) -> None:
        self._graph_named = _names_graph(config)
        if config is not None:
            options = {**configuration.read(config), **options}  # here, where its warning names the caller
        super().__init__(**options)

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 means."""
        made = cls(**configuration.read(config_dict))
        made._graph_named = _names_graph(config_dict)
        return made

    add, get_all, search = map(_telling, (aio.AsyncMemory.add, aio.AsyncMemory.get_all, aio.AsyncMemory.search))

    async def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)
