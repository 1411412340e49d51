"""How values of Python become parameters, and how those of PostgreSQL are read."""

from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.types.numeric import Int8, Int8BinaryDumper, Int8Dumper, IntBinaryDumper, IntDumper
from psycopg.types.string import StrDumperUnknown, TextBinaryLoader, TextLoader

from .texts import original, stored


class _Text(StrDumperUnknown):
    """A text in the form in which it is stored."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(stored(obj))


class _ReadText(TextLoader):
    def load(self, data: Buffer) -> Any:
        return original(str(data, "utf-8"))


class _ReadBinaryText(TextBinaryLoader):
    def load(self, data: Buffer) -> Any:
        return original(str(data, "utf-8"))


class _Integer(IntDumper):
    """A bigint whatever its size, and numeric only beyond that: with a type for each size, ``%s >> 32`` would depend on
    it."""

    _int2_dumper = _int4_dumper = _int8_dumper = Int8Dumper(Int8)  # type: ignore[assignment]


class _BinaryInteger(IntBinaryDumper):
    _int2_dumper = _int4_dumper = _int8_dumper = Int8BinaryDumper(Int8)  # type: ignore[assignment]


def adapt(connection: Connection[Any]) -> None:
    """Make a connection write and read texts and integers as the store has them."""
    adapters = connection.adapters
    adapters.register_dumper(str, _Text)
    adapters.register_dumper(int, _Integer)
    adapters.register_dumper(int, _BinaryInteger)
    for kind in ("text", "varchar"):
        adapters.register_loader(kind, _ReadText)
        adapters.register_loader(kind, _ReadBinaryText)
