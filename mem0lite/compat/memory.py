"""What ``mem0.Memory`` and ``mem0.AsyncMemory`` are: mem0lite's classes, with mem0's constructor."""

import abc
import functools
import inspect
from collections.abc import Mapping
from typing import Any, NoReturn, Self

from .. import aio, memory
from ..mem0 import configuration

_NO_CHAT = (
    "chat: mem0lite calls no language model, so it answers no questions; mem0's own chat raises this error, too. Give "
    "your model what search() finds."
)


class _AnyMemory(abc.ABCMeta):
    """Lets a store of mem0lite's own class count as one of mem0's, for integrations that check the type.

    It is an ABCMeta because mem0's classes are abstract: callers combine them with abstract classes of their own.
    """

    def __subclasscheck__(cls, subclass: type) -> bool:
        stands_for = vars(cls).get("_STANDS_FOR")  # its own: who derives from it stands for nothing
        # before ABCMeta is asked, which would remember that it said no
        return (stands_for is not None and issubclass(subclass, stands_for)) or super().__subclasscheck__(subclass)


def _names_graph(config: object) -> bool:
    """Return whether a configuration has a graph store. Callers then expect ``relations`` in every answer."""
    named = config.get("graph_store") if isinstance(config, Mapping) else getattr(config, "graph_store", None)
    return bool(named)


def _telling(verb: Any) -> Any:
    """Return a verb whose answers hold ``relations`` if a graph store was configured."""

    def told(store: "Memory | AsyncMemory", answer: Any) -> Any:
        return {**answer, "relations": answer.get("relations", [])} if store._graph_named else answer

    @functools.wraps(verb)
    def call(self: "Memory", *args: Any, **options: Any) -> Any:
        return told(self, verb(self, *args, **options))

    @functools.wraps(verb)
    async def later(self: "AsyncMemory", *args: Any, **options: Any) -> Any:
        return told(self, await verb(self, *args, **options))

    return later if inspect.iscoroutinefunction(verb) else call


class _OfMem0:
    """What both classes add: a configuration as first argument, and attributes that callers of mem0 read."""

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


class Memory(_OfMem0, memory.Memory, metaclass=_AnyMemory):
    """Memory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_FOR = memory.Memory

    add, get_all, search = map(_telling, (memory.Memory.add, memory.Memory.get_all, memory.Memory.search))

    def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)


class AsyncMemory(_OfMem0, aio.AsyncMemory, metaclass=_AnyMemory):
    """AsyncMemory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_FOR = aio.AsyncMemory

    add, get_all, search = map(_telling, (aio.AsyncMemory.add, aio.AsyncMemory.get_all, aio.AsyncMemory.search))

    async def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)
