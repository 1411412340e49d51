"""The storage of CrewAI's unified memory over a Memory. Needs ``mem0lite[crewai]``."""

import asyncio
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from ..embedding.protocol import embed_documents
from ..errors import ConfigurationError, ValidationError
from ..memory import Memory
from ..values import to_iso, to_micros
from . import missing
from .shelf import Kept, Put, Shelf, labels_of, opened, place_of

try:
    from crewai.memory.types import MemoryRecord, ScopeInfo
    from pydantic_core import PydanticSerializationError
except ModuleNotFoundError as error:
    raise missing("crewai", error) from error

_APP = "crewai"
_PAGE = 500
_SAME = 0.99  # cosine of two vectors that one model makes of the same text


class MemoryStorage:
    """A storage backend for ``crewai.Memory(storage=storage, embedder=storage.embed)``.

    Give CrewAI the embedder, too: it makes the vectors of questions itself, and a file has the vectors of one model.
    Then nothing is asked over the network.

    A record is a memory with ``app_id="crewai"``, of the user or agent that is given here, who see no records of
    others. Its ``run_id`` is the scope: ``:crew.research.`` for "/crew/research". So every search of the file that
    reaches it finds its text. Records come back as they were saved, but without their vectors.

    A scope has what is in it and below it: "/u/al" is not part of "/u/alice". Categories and metadata are compared
    before the number of results is limited. What several conditions say must all hold, also for ``delete``. A search
    changes nothing: ``last_accessed`` is when CrewAI last wrote the record.

    ``memory`` is the path of a file, or a Memory, which stays open; ``close`` closes a file that was opened here, and
    ``crewai.Memory.close`` calls it.

    Raises ConfigurationError for vectors of another model, and ValidationError for what cannot be kept.
    """

    # There is no touch_records, which CrewAI calls after each search: its scores do not use last_accessed, and each
    # search would write ten records and their histories.

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
    ) -> None:
        self.memory, self._owned = opened(memory)
        self._shelf = Shelf(self.memory, _APP, user_id=user_id, agent_id=agent_id)
        self._compared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if the storage opened it."""
        if self._owned:
            self.memory.close()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors that the memory's model makes of texts: CrewAI's ``embedder``."""
        return [list(one) for one in embed_documents(self.memory._embedder, list(texts))]

    # -- writing

    def save(self, records: Sequence[MemoryRecord]) -> None:
        """Store records, all or none. A record replaces one with the same id, in whichever scope that is."""
        self._check_vectors(records)
        by_id = {record.id: record for record in records}
        puts = [_put(record) for record in by_id.values()]
        places = {put.key: put.place for put in puts}
        moved = [one for one in self._with_ids(list(by_id)) if one.place != places[one.key]]
        self._shelf.write(puts, _keys(moved))

    def update(self, record: MemoryRecord) -> None:
        """Replace the record with the same id; store it if there is none."""
        self.save([record])

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: Sequence[str] | None = None,
        record_ids: Sequence[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: Mapping[str, Any] | None = None,
    ) -> int:
        """Delete the records that meet every condition, and return how many. Without a condition it is all of them.

        An empty list of ids or categories meets none.
        """
        if (record_ids is not None and not record_ids) or (categories is not None and not categories):
            return 0
        filters = _below(scope_prefix)
        if record_ids is not None:
            filters |= _ids(record_ids)
        if older_than is not None:
            filters["created_at"] = {"lt": to_iso(to_micros(older_than, "older_than"))}
        meets = _condition(categories, metadata_filter)
        found = [one for one in self._shelf.newest(filters, _PAGE) if meets(one)]
        self._shelf.write([], _keys(found))
        return len(found)

    def reset(self, scope_prefix: str | None = None) -> None:
        """Delete all records, or those of a scope."""
        self._shelf.delete(_below(scope_prefix))

    # -- reading

    def search(
        self,
        query_embedding: Sequence[float],
        scope_prefix: str | None = None,
        categories: Sequence[str] | None = None,
        metadata_filter: Mapping[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Return the records closest to a vector, best first, each with its cosine, which is at least ``min_score``."""
        if limit <= 0:
            return []
        self._check_width(query_embedding)
        length = math.hypot(*query_embedding)
        if not (length and math.isfinite(length)):
            raise ValidationError("Invalid query_embedding: has no direction. Embed a text.", field="query_embedding")
        meets = _condition(categories, metadata_filter)
        vector = [number / length for number in query_embedding]
        found = self._shelf.nearest(vector, _below(scope_prefix), limit, meets)
        return [(_record(one), one.score or 0.0) for one in found if (one.score or 0.0) >= min_score]

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Return a record, or None."""
        return next(map(_record, self._with_ids([record_id])), None)

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """Return the records of a scope, those created last first."""
        if limit <= 0 or offset < 0:
            return []
        found = self._shelf.newest(_below(scope_prefix), min(offset + limit, _PAGE))
        return [_record(one) for at, one in zip(range(offset + limit), found, strict=False) if at >= offset]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """Return how many records a scope has, their categories and dates, and the scopes right below it."""
        labels = _labels(scope)
        found = [_record(one) for one in self._shelf.newest(_below(scope), _PAGE)]
        return ScopeInfo(
            path=_path(labels),
            record_count=len(found),
            categories=sorted({one for record in found for one in record.categories}),
            oldest_record=found[-1].created_at if found else None,
            newest_record=found[0].created_at if found else None,
            child_scopes=self.list_scopes(scope),
        )

    def list_scopes(self, parent: str = "/") -> list[str]:
        """Return the scopes right below one."""
        above = _labels(parent)
        places = [() if place == ":" else labels_of(place) for place in self._shelf.places()]
        children = {one[: len(above) + 1] for one in places if len(one) > len(above) and one[: len(above)] == above}
        return sorted(map(_path, children))

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """Return the categories of a scope, with how many records have each."""
        counts: dict[str, int] = {}
        for one in self._shelf.newest(_below(scope_prefix), _PAGE):
            for category in one.value["categories"]:
                counts[category] = counts.get(category, 0) + 1
        return counts

    def count(self, scope_prefix: str | None = None) -> int:
        """Return how many records there are in a scope and below it."""
        return self._shelf.count(_below(scope_prefix))

    # -- the same in a thread, so that the event loop goes on

    async def asave(self, records: Sequence[MemoryRecord]) -> None:
        """Store records, as ``save``."""
        await asyncio.to_thread(self.save, records)

    async def asearch(
        self,
        query_embedding: Sequence[float],
        scope_prefix: str | None = None,
        categories: Sequence[str] | None = None,
        metadata_filter: Mapping[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Return records, as ``search``."""
        asked = (query_embedding, scope_prefix, categories, metadata_filter, limit, min_score)
        return await asyncio.to_thread(self.search, *asked)

    async def adelete(
        self,
        scope_prefix: str | None = None,
        categories: Sequence[str] | None = None,
        record_ids: Sequence[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: Mapping[str, Any] | None = None,
    ) -> int:
        """Delete records, as ``delete``."""
        return await asyncio.to_thread(self.delete, scope_prefix, categories, record_ids, older_than, metadata_filter)

    def _with_ids(self, ids: Sequence[str]) -> list[Kept]:
        return list(self._shelf.newest(_ids(ids), _PAGE)) if ids else []

    def _check_vectors(self, records: Sequence[MemoryRecord]) -> None:
        """Raise ConfigurationError for vectors of another model. One of the same width is told by one text, once."""
        embedded = [one for one in records if one.embedding]
        for one in embedded:
            self._check_width(one.embedding or ())
        if self._compared or not embedded:
            return
        given, [own] = embedded[0].embedding or (), self.embed([embedded[0].content])
        length = math.hypot(*given)
        if not length or sum(a * b for a, b in zip(given, own, strict=True)) / length < _SAME:
            raise ConfigurationError(f"The vectors are not those of the file's model. {_CURE}")
        self._compared = True

    def _check_width(self, vector: Sequence[float]) -> None:
        width = self.memory._embedder.dimensions
        if len(vector) != width:
            raise ConfigurationError(f"The vectors have {len(vector)} numbers, those of the file {width}. {_CURE}")


_CURE = "Give CrewAI the file's model: Memory(storage=storage, embedder=storage.embed)."


def _labels(scope: str | None) -> tuple[str, ...]:
    return tuple(one for one in (scope or "").split("/") if one)


def _path(labels: Sequence[str]) -> str:
    return "/" + "/".join(labels)


def _below(scope: str | None) -> dict[str, Any]:
    """Return a filter for what is in a scope and below it."""
    labels = _labels(scope)
    return {"run_id": {"contains": place_of(labels, "scope")}} if labels else {}


def _ids(ids: Sequence[str]) -> dict[str, Any]:
    return {"metadata.item.key": {"in": [json.dumps(str(one)) for one in ids]}}


def _condition(categories: Sequence[str] | None, metadata: Mapping[str, Any] | None) -> Callable[[Kept], bool]:
    def meets(one: Kept) -> bool:
        has_category = not categories or not set(categories).isdisjoint(one.value["categories"])
        held = one.value["metadata"]
        return has_category and all(name in held and held[name] == value for name, value in (metadata or {}).items())

    return meets


def _put(record: MemoryRecord) -> Put:
    try:
        value = record.model_dump(mode="json")
    except PydanticSerializationError as error:
        raise ValidationError(
            f"Invalid metadata: cannot be kept as JSON: {error}. Convert it to texts, numbers, lists and dictionaries.",
            field="metadata",
        ) from None
    place = place_of(_labels(record.scope), "scope")
    return Put(place, record.id, value, record.content, label="(empty)", at=to_micros(record.created_at, "created_at"))


def _record(found: Kept) -> MemoryRecord:
    return MemoryRecord.model_validate(found.value)


def _keys(found: Sequence[Kept]) -> list[tuple[str, str]]:
    return [(one.place, one.key) for one in found]
