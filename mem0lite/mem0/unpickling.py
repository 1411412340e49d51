"""The pickled points of mem0's local Qdrant database, read as values: nothing that a pickle names is run."""

import io
import itertools
import pickle
import pickletools
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

_MOST_VALUES = 100_000  # in one payload
_COUNTED_LENGTH = 1_000  # characters of a text that count as one value more
_VALUES = {("uuid", "UUID"), *(("datetime", name) for name in ("datetime", "date", "timezone", "timedelta"))}
_SIZED = ("PUT", "BINPUT", "LONG_BINPUT", "FRAME")


def decode(blob: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the id and the payload of a pickled point."""
    _check_sizes(blob)
    state = _Unpickler(io.BytesIO(blob)).load().state
    fields = state.get("__dict__", state)
    payload = _plain(fields["payload"] or {}, iter(range(_MOST_VALUES)))
    if not isinstance(payload, dict):
        raise TypeError("its payload is no object")
    return str(fields["id"]), payload


class _Inert:
    """Stands in for the classes that a pickle names: it keeps the state it is given, and does nothing with it."""

    state: Any = None

    def __new__(cls, *_: object, **__: object) -> "_Inert":
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Builds values only: anyone may have written the folder."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _VALUES:
            return super().find_class(module, name)
        return type(f"{module}.{name}", (_Inert,), {})


def _check_sizes(blob: bytes) -> None:
    """Raise ValueError for a number that would make the unpickler take far more memory than the pickle does.

    It makes room for every place up to the one that is named, and for as many bytes as are announced.
    """
    for opcode, argument, _ in pickletools.genops(blob):  # which itself refuses values that are longer than the pickle
        if opcode.name in _SIZED and isinstance(argument, int) and argument > len(blob):
            raise ValueError(f"{opcode.name} {argument} is beyond its end")


def _plain(value: Any, left: Iterator[int]) -> Any:
    """Return a value as JSON, with what Qdrant shows for the types that JSON lacks.

    ``left`` limits how many values are visited: a small pickle can refer to the same few over and over, without end.
    """
    _count(value, left)
    if isinstance(value, dict):
        for key in value:
            _count(key, left)
        return {key: _plain(item, left) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, left) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def _count(value: object, left: Iterator[int]) -> None:
    length = len(value) if isinstance(value, str) else 0
    if next(itertools.islice(left, length // _COUNTED_LENGTH, None), None) is None:
        raise ValueError("its payload holds too many values, or texts that are too long")
