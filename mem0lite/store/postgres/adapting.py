"""How values of Python become parameters, and how those of PostgreSQL are read."""

from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Dumper
from psycopg.types.numeric import Int8, Int8BinaryDumper, IntNumericDumper
from psycopg.types.string import StrDumperUnknown, TextBinaryLoader, TextLoader

from .texts import original, stored

_INT8 = range(-(2**63), 2**63)


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


class _Numeric(IntNumericDumper):
    pass


class _Integer(Dumper):
    """A bigint whatever its size: with a type for each size, ``%s >> 32`` would depend on it. Larger ones are numeric.

    It only chooses one of the dumpers of psycopg.
    """

    oid = Int8BinaryDumper.oid

    def __init__(self, cls: type, context: Any = None) -> None:
        super().__init__(cls, context)
        self._bigint, self._numeric = Int8BinaryDumper(Int8, context), _Numeric(_Large, context)

    def get_key(self, obj: int, format: PyFormat) -> Any:
        return Int8 if obj in _INT8 else _Large

    def upgrade(self, obj: int, format: PyFormat) -> Dumper:
        return self._bigint if obj in _INT8 else self._numeric

    def dump(self, obj: int) -> Buffer | None:
        return self.upgrade(obj, PyFormat.AUTO).dump(obj)


class _Large(int):
    """The key of the dumper of integers that no bigint holds."""


def adapt(connection: Connection[Any]) -> None:
    """Make a connection write and read texts and integers as the store has them."""
    adapters = connection.adapters
    adapters.register_dumper(str, _Text)
    adapters.register_dumper(int, _Integer)
    for kind in ("text", "varchar"):
        adapters.register_loader(kind, _ReadText)
        adapters.register_loader(kind, _ReadBinaryText)
