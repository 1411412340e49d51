"""Answers of the self-hosted API, for the OpenAPI document: the shapes of the library, and what the server adds.

Nothing checks answers against these shapes at run time; they are dictionaries that the library makes. The text under
each field is its documentation; fields without text here have theirs in ``types.py``.
"""

from typing import NotRequired

from .. import types
from ..types import TypedDict
from .problems import Problem


class IgnoredField(TypedDict):
    """A field of the request that had no effect."""

    field: str
    """Its name."""
    reason: str
    """Why it had no effect and, where possible, what to give instead."""


class Answered(TypedDict):
    """An answer that is an object."""

    ignored: NotRequired[list[IgnoredField]]
    """Fields and parameters of the request that had no effect. Present when there are any; a header also names
    them."""


class AddResponse(types.AddOutcomes, Answered):
    """One outcome for each message that was remembered."""

    event_id: NotRequired[str]
    """Id of the call, for `GET /v1/event/…`. Present with `extraction`."""
    extraction: NotRequired[types.Extraction]
    """What becomes of the facts in the messages. Present when the server has a language model."""


class MemoryResponse(types.MemoryItem, Answered):
    """One memory."""


class SearchResponse(types.SearchResult, Answered):
    """The memories that were found."""


class ContextResponse(types.ContextResult, Answered):
    """The text for a prompt."""


class MemoryPage(types.Page, Answered):
    """One page of memories."""


class GraphResponse(types.GraphResult, Answered):
    """Entities and the relations between them."""


class ErasureReceipt(types.ErasureReceipt, Answered):
    """What was erased, and when it was gone from the bytes of the file."""


class CreatedKeyResponse(types.CreatedKey, Answered):
    """A new API key."""


class MessageResponse(types.MessageResult, Answered):
    """The answer of an operation that has nothing to return."""


class UpdatedResponse(types.UpdateResult, Answered):
    """The answer to a change of a memory."""


class BatchUpdatedResponse(types.UpdateManyResult, Answered):
    """The answer to a change of many memories."""


class StatsResponse(types.Stats, Answered):
    """Counts, sizes and the embedding model."""


class UsageResponse(types.UserUsage, Answered):
    """What a user keeps, and may keep."""


class CheckResponse(types.CheckResult, Answered):
    """What a check of the store found."""


class EventsResponse(types.EventPage, Answered):
    """One page of the calls of add."""


class ChangesResponse(types.ChangePage, Answered):
    """Changes, oldest first."""


class ImportResponse(types.ImportResult, Answered):
    """What an import added."""


class EmbedderInfo(TypedDict):
    """The model that memories are embedded with."""

    name: str
    """Its name."""
    dimensions: int
    """Length of its vectors."""


class Configuration(Answered):
    """The settings of the server. No setting is secret."""

    version: str
    """Version of mem0lite."""
    db: str
    """Name of the file, without its folder."""
    embedder: EmbedderInfo
    """The model that memories are embedded with."""
    vacuum_interval_seconds: float
    """Seconds between two removals of expired memories. 0 means never."""
    read_only: bool
    """Whether nothing can be stored, changed or deleted."""
    graph_categories: list[str]
    """Values of `memory_category` whose memories are in the graph."""


class HealthResponse(TypedDict):
    """That the process, or the store, can answer."""

    status: str
    """Always ok: anything else is an error."""


class ErrorResponse(TypedDict):
    """Why a request was refused."""

    detail: str
    """The reason and, where possible, what to do about it."""


class ValidationError(Problem):
    """One thing that is wrong with the shape of a request."""


class HTTPValidationError(TypedDict):
    """A request of the wrong shape."""

    detail: list[ValidationError]
    """Everything that is wrong with it."""
