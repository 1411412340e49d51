"""LangGraph's BaseStore over a Memory: items by namespace and key, found by meaning and words. Needs
``mem0lite[langgraph]``."""

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, Self

from ..errors import ConfigurationError, ValidationError
from ..memory import Memory
from ..values import is_number, same_json, seconds_to_micros
from . import missing
from .shelf import Kept, Put, Shelf, labels_of, opened, place_of

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        InvalidNamespaceError,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        TTLConfig,
        get_text_at_path,
    )
except ModuleNotFoundError as error:
    raise missing("langgraph", error) from error

_APP = "langgraph"
_LEAST = 50
"""Results that a search with a filter looks at first."""
_ORDERED = ("$gt", "$gte", "$lt", "$lte")
_OPERATORS = ("$eq", "$ne", *_ORDERED)


class MemoryStore(BaseStore):
    """A store for ``compile(store=…)`` whose items are kept in one SQLite file, beside all other memories.

    ``memory`` is the path of a file, or a Memory, which stays open. As a context manager the store closes the file that
    it opened.

    A search with a query ranks by meaning and by words, as ``Memory.search`` does, and scores lie between 0 and 1. What
    is searched of a value are the ``fields`` of ``index``, or those that ``put`` names, by default all of it. Items
    that were put with ``index=False``, or that have no text in these fields, are found without a query only.

    Expired items are never returned, whether or not somebody sweeps. ``ttl`` is LangGraph's: ``default_ttl`` in minutes
    and ``refresh_on_read``. Its other keys have no effect here.

    In a batch, all reads come before all writes, and the last write of a key counts. The writes of a batch are one
    transaction. In a filter, ``$gt``, ``$gte``, ``$lt`` and ``$lte`` compare two numbers or two texts; a value of
    another type does not match.

    The file has the items under ``app_id="langgraph"``, with the namespace as ``run_id``: ``:a.b.`` for ("a", "b").

    Raises ConfigurationError for an ``index`` with an embedding model, which belongs to the Memory, and what opening a
    file raises.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        index: Mapping[str, Any] | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        self._fields = _fields_of(index)
        self.ttl_config = ttl
        self.memory, self._owned = opened(memory)
        self._shelf = Shelf(self.memory, _APP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the file, if the store opened it."""
        if self._owned:
            self.memory.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do operations at once; see the class. Returns one result for each, in the same order.

        Raises InvalidNamespaceError, and ValidationError for a value that JSON cannot hold.
        """
        ops = list(ops)
        puts: dict[tuple[tuple[str, ...], str], PutOp] = {}
        for op in ops:
            _check_namespaces(op)
            if isinstance(op, PutOp):
                puts[tuple(op.namespace), op.key] = op
        written = [self._put(op) for op in puts.values() if op.value is not None]
        gone = [(place_of(op.namespace, "namespace"), op.key) for op in puts.values() if op.value is None]
        got = self._got([op for op in ops if isinstance(op, GetOp)])
        results = [next(got) if isinstance(op, GetOp) else self._answer(op) for op in ops]
        if puts:
            self._shelf.write(written, gone)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do the same in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _answer(self, op: Op) -> Result:
        match op:
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._namespaces(op)
            case PutOp():
                return None
        raise ValueError(f"Unknown operation: {op!r}")

    def _got(self, ops: Sequence[GetOp]) -> Iterator[Item | None]:
        if not ops:
            return
        found = self._shelf.get([(place_of(op.namespace, "namespace"), op.key) for op in ops])
        self._shelf.refresh(one for op, one in zip(ops, found, strict=True) if one is not None and op.refresh_ttl)
        yield from (None if one is None else Item(**_fields(one)) for one in found)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        for condition in (op.filter or {}).values():
            _check_condition(condition)
        wanted = op.offset + op.limit
        if op.query and op.query.strip():
            found = self._best(op, wanted)
        else:
            every = self._shelf.newest(_within(op), wanted if not op.filter else max(wanted, 1_000))
            found = list(islice((one for one in every if _matches(one, op)), wanted))
        found = found[op.offset :]
        if op.refresh_ttl:
            self._shelf.refresh(found)
        return [SearchItem(**_fields(one), score=one.score) for one in found]

    def _best(self, op: SearchOp, wanted: int) -> list[Kept]:
        """Return the best results that match; if too few of those found do, look at more."""
        count = max(2 * wanted, _LEAST) if op.filter else wanted
        while True:
            hits = self._shelf.search(op.query or "", _within(op), count)
            found = [one for one in hits if _matches(one, op)]
            if len(found) >= wanted or len(hits) < count:
                return found[:wanted]
            count *= 8

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        names = map(labels_of, self._shelf.places())
        asked = [name for name in names if all(_fits(name, one) for one in op.match_conditions or ())]
        return sorted({name[: op.max_depth] for name in asked})[op.offset : op.offset + op.limit]

    def _put(self, op: PutOp) -> Put:
        if not isinstance(op.value, Mapping):
            raise ValidationError(f"Invalid value: must be a dictionary, got {type(op.value).__name__}.", field="value")
        place = place_of(op.namespace, "namespace")
        lifetime = None if op.ttl is None else seconds_to_micros(op.ttl * 60, "ttl")
        return Put(place, op.key, dict(op.value), self._text(op), ttl=lifetime)

    def _text(self, op: PutOp) -> str | None:
        """Return what is searched of a value."""
        fields = self._fields if op.index is None else op.index
        if not fields:
            return None
        whole = [_as_text(op.value)] if "$" in fields else []
        parts = [text for path in fields if path != "$" for text in get_text_at_path(op.value, path)]
        return "\n".join([*whole, *parts])


def _fields_of(index: Mapping[str, Any] | None) -> Sequence[str]:
    given = dict(index or {})
    fields = given.pop("fields", None) or ["$"]
    if given:
        raise ConfigurationError(
            f"index: {', '.join(map(repr, given))} cannot be given here. The embedding model is the Memory's: pass "
            "MemoryStore(Memory(path, embedder=…), index={'fields': […]})."
        )
    return list(fields)


def _fields(one: Kept) -> dict[str, Any]:
    return {
        "value": one.value,
        "key": one.key,
        "namespace": labels_of(one.place),
        "created_at": datetime.fromisoformat(one.created_at),
        "updated_at": datetime.fromisoformat(one.updated_at),
    }


def _as_text(value: Any) -> str:
    """Return the texts of a value, a line each, with the names under which they are; a single text stands alone."""
    lines = list(_lines(value, ""))
    return lines[0][1] if len(lines) == 1 else "\n".join(f"{path}: {text}" if path else text for path, text in lines)


def _lines(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _lines(one, str(key))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _lines(one, name)
    elif value is not None and str(value).strip():
        yield name, str(value)


# -- namespaces


def _check_namespaces(op: Op) -> None:
    """Check what BaseStore's own methods check, for callers of ``batch``."""
    match op:
        case PutOp():
            _check_labels(op.namespace)
            if not op.namespace:
                raise InvalidNamespaceError("Namespace cannot be empty.")
        case GetOp():
            _check_labels(op.namespace)
        case SearchOp():
            _check_labels(op.namespace_prefix)
        case ListNamespacesOp():
            for condition in op.match_conditions or ():
                _check_labels(condition.path)


def _check_labels(labels: Sequence[Any]) -> None:
    for label in [labels] if isinstance(labels, str) else labels:
        if isinstance(labels, str) or not isinstance(label, str) or not label or "." in label or "\0" in label:
            raise InvalidNamespaceError(
                f"Invalid namespace {labels!r}: must be a tuple of texts that are not empty and have no '.' in them."
            )


def _within(op: SearchOp) -> dict[str, Any]:
    """Return the filter of a search: its namespaces, and of its conditions those that the store can test.

    Each result is tested again by ``_matches``: the store finds too much, for example texts in another Unicode form.
    """
    filters: dict[str, Any] = {}
    if op.namespace_prefix:
        filters["run_id"] = {"contains": place_of(op.namespace_prefix, "namespace")}
    tested = [
        {f"metadata.value.{key}": {"eq": operand}}
        for key, condition in (op.filter or {}).items()
        if _is_plain(key) and isinstance(operand := _equal_to(condition), str | int | float)
    ]
    if tested:
        filters["OR"] = [{"metadata.item.json": "*"}, {"AND": tested}]
    return filters


def _is_plain(key: str) -> bool:
    return "." not in key and "\0" not in key


def _equal_to(condition: Any) -> Any:
    return condition.get("$eq") if isinstance(condition, Mapping) else condition


def _fits(name: tuple[str, ...], condition: MatchCondition) -> bool:
    path = tuple(condition.path)
    if condition.match_type not in ("prefix", "suffix"):
        raise ValueError(f"Unsupported match type: {condition.match_type!r}. Use 'prefix' or 'suffix'.")
    part = name[: len(path)] if condition.match_type == "prefix" else name[max(0, len(name) - len(path)) :]
    return len(part) == len(path) and all(asked in ("*", label) for asked, label in zip(path, part, strict=True))


# -- filters


def _check_condition(condition: Any) -> None:
    """Raise ValueError for an operator that there is not, even if nothing would be compared with it."""
    if not isinstance(condition, Mapping):
        return
    for key, operand in condition.items():
        if str(key).startswith("$") and key not in _OPERATORS:
            raise ValueError(f"Unsupported operator: {key!r}. The operators are {', '.join(_OPERATORS)}.")
        _check_condition(operand)


def _matches(found: Kept, op: SearchOp) -> bool:
    return all(_meets(found.value.get(key), condition) for key, condition in (op.filter or {}).items())


def _meets(value: Any, condition: Any) -> bool:
    """Tell whether a value meets a condition: operators, or a value that may have conditions in it."""
    if isinstance(condition, Mapping):
        if any(str(key).startswith("$") for key in condition):
            return all(_compares(value, str(operator), operand) for operator, operand in condition.items())
        return isinstance(value, Mapping) and all(_meets(value.get(key), one) for key, one in condition.items())
    if isinstance(condition, list | tuple):
        return isinstance(value, list) and len(value) == len(condition) and all(map(_meets, value, condition))
    return same_json(value, condition)


def _compares(value: Any, operator: str, operand: Any) -> bool:
    if operator in ("$eq", "$ne"):
        return same_json(value, operand) == (operator == "$eq")
    if not (is_number(value) and is_number(operand)) and not (isinstance(value, str) and isinstance(operand, str)):
        return False
    return {
        "$gt": value > operand,  # type: ignore[operator]
        "$gte": value >= operand,  # type: ignore[operator]
        "$lt": value < operand,  # type: ignore[operator]
        "$lte": value <= operand,  # type: ignore[operator]
    }[operator]
