"""The classes that mem0.Memory and mem0.AsyncMemory stand for: mem0lite's, with mem0's constructor."""

from typing import Any, NoReturn

from .. import aio, mem0_config, memory

_NO_CHAT = (
    "chat: mem0lite answers no questions, as no language model is called; mem0's own raises this, too. Give the model "
    "what search() finds."
)


class _AnyMemory(type):
    """Has a store that was made as mem0lite's own count as one of mem0's, for integrations that look at the type."""

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        stands_for = cls.__mro__[1] if "_STANDS_IN" in vars(cls) else None
        return super().__subclasscheck__(subclass) or (stands_for is not None and issubclass(subclass, stands_for))


def _arguments(config: object, options: dict[str, Any]) -> dict[str, Any]:
    return options if config is None else {**mem0_config.read(config), **options}


class Memory(memory.Memory, metaclass=_AnyMemory):
    """Memory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_IN = True

    def __init__(self, config: object = None, **options: Any) -> None:
        super().__init__(**_arguments(config, options))

    def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)


class AsyncMemory(aio.AsyncMemory, metaclass=_AnyMemory):
    """AsyncMemory with the constructor of mem0: it takes a configuration, or mem0lite's arguments by name."""

    _STANDS_IN = True

    def __init__(self, config: object = None, **options: Any) -> None:
        super().__init__(**_arguments(config, options))

    async def chat(self, query: str) -> NoReturn:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError(_NO_CHAT)
