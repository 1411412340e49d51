"""What rows can only be in a damaged file: the one place where that becomes a CorruptFileError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CorruptFileError, Mem0LiteError
from ..values import FIRST_INSTANT, LAST_INSTANT

_DECODING = (ValueError, TypeError, ArithmeticError, LookupError)


@contextmanager
def undamaged() -> Iterator[None]:
    """Raise CorruptFileError where what is read in the block cannot be decoded."""
    try:
        yield
    except Mem0LiteError:
        raise
    except _DECODING as error:
        raise CorruptFileError("The file is damaged: a row of it cannot be read. Restore a backup.") from error


def text(value: Any) -> str:
    """Return a text, or raise TypeError for what is none."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not a text")
    return value


def check_texts(*values: Any) -> None:
    """Raise TypeError for what is not a text."""
    for value in values:
        text(value)


def check_optional_texts(*values: Any) -> None:
    """Raise TypeError for what is neither a text nor None."""
    check_texts(*(value for value in values if value is not None))


def check_instants(*values: Any) -> None:
    """Raise TypeError or ValueError for what is not an instant that can be shown."""
    for value in values:
        if not FIRST_INSTANT <= value <= LAST_INSTANT:
            raise ValueError(f"{value} lies outside the years 1 to 9999")


def check_object(value: Any) -> None:
    """Raise TypeError for what is not a JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} is not an object")
