"""What can be set from outside, and the environment variables that set it."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a server."""

    db: str = "mem0lite.db"
    """The file; not used when ``create_app`` is given a memory."""
    host: str = "127.0.0.1"
    port: int = 8888
    embedding_model: str | None = None
    """A model name or folder, None for the bundled model; not used when ``create_app`` is given a memory."""
    vacuum_interval_seconds: float = 60.0
    """How often expired memories are removed; 0 is never."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the variables ``MEM0LITE_DB``, ``MEM0LITE_HOST``, ``MEM0LITE_PORT``, ``MEM0LITE_EMBEDDING_MODEL`` and
        ``MEM0LITE_VACUUM_INTERVAL_SECONDS`` of ``environment``, by default the process's.

        An absent or empty variable leaves the default. Raises ConfigurationError naming the variable.
        """
        given = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for name in cls.__dataclass_fields__:
            variable = f"MEM0LITE_{name.upper()}"
            if text := given.get(variable):
                values[name] = _READERS.get(name, _text)(variable, text)
        return cls(**values)


def _text(variable: str, text: str) -> str:
    return text


def _port(variable: str, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise ConfigurationError(f"{variable}: {text!r} is not a port number from 0 to 65535.")


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise ConfigurationError(f"{variable}: {text!r} is not a number of seconds from 0 on.")


_READERS = {"port": _port, "vacuum_interval_seconds": _seconds}
