"""What a request asks of the language model that draws facts, if the server has one."""

from typing import Any

from litestar.connection import ASGIConnection

from ..aio import AsyncMemory
from .ignored import asks, note

WITHOUT_MODEL = "This server has no language model: messages are stored as they are."
WISHES = ("prompt", "custom_instructions", "includes", "excludes", "custom_categories")


def wishes_of(request: ASGIConnection[Any, Any, Any, Any], memory: AsyncMemory, data: object) -> dict[str, Any]:
    """Return the wishes in a body. Without a model there are none, and the answer says which fields have no effect."""
    given = {name: value for name in WISHES if asks(value := getattr(data, name, None))}
    if memory.memory.has_model:
        return given
    for name in given:
        note(request, name, WITHOUT_MODEL)
    return {}
