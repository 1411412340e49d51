"""Signs of damage in rows, and the one place where they become a CorruptFileError."""

from collections.abc import Sequence
from contextlib import ContextDecorator
from itertools import pairwise
from typing import Any

from ..errors import CorruptFileError, Mem0LiteError
from ..values import FIRST_INSTANT, LAST_INSTANT

_DECODING = (ValueError, TypeError, ArithmeticError, LookupError)


class _Undamaged(ContextDecorator):
    """A class, because a generator costs each of a search's rows as much as its decoding."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _DECODING) and not isinstance(error, Mem0LiteError):
            raise CorruptFileError("The file is damaged: a row of it cannot be read. Restore a backup.") from error


_UNDAMAGED = _Undamaged()


def undamaged() -> _Undamaged:
    """Raise CorruptFileError if the block cannot decode what it reads."""
    return _UNDAMAGED


def check_order(positions: Sequence[Any], after: Any, *, descending: bool = False) -> None:
    """Raise CorruptFileError unless each position lies beyond the one before, and the first beyond ``after``.

    A damaged tree can lead back to what was read before: whoever reads in parts would then never come to the end.
    """
    steps = pairwise((after, *positions))
    if not all(one > other if descending else one < other for one, other in steps):
        raise CorruptFileError("The file is damaged: its rows are out of order. Restore a backup.")


def check_agreement(found: int, known: int) -> None:
    """Raise CorruptFileError unless as many rows were found in a table as another table or an index knows of.

    What an index names and its table lacks is never removed: whoever removes in parts would then never come to the end.
    """
    if found != known:
        raise CorruptFileError("The file is damaged: its tables and indexes do not agree. Restore a backup.")


def text(value: Any) -> str:
    """Return a text. Raise TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not a text")
    return value


def check_texts(*values: Any) -> None:
    """Raise TypeError for anything but texts."""
    for value in values:
        if not isinstance(value, str):
            text(value)


def check_optional_texts(*values: Any) -> None:
    """Raise TypeError for anything but texts and None."""
    for value in values:
        if value is not None and not isinstance(value, str):
            text(value)


def check_instants(*values: Any) -> None:
    """Raise TypeError or ValueError for anything but instants that can be shown."""
    for value in values:
        if not FIRST_INSTANT <= value <= LAST_INSTANT:
            raise ValueError(f"{value} lies outside the years 1 to 9999")


def check_object(value: Any) -> None:
    """Raise TypeError for anything but a JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} is not an object")
