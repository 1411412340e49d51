"""The shapes that come back: plain dictionaries at run time, as callers of mem0 expect, typed for everyone else."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, NotRequired, ParamSpec, SupportsIndex, TypeVar, overload

if sys.version_info >= (3, 12):
    from typing import TypedDict as TypedDict
else:
    from typing_extensions import TypedDict as TypedDict  # pydantic, and so all that builds on it, refuses typing's

Event = Literal["ADD", "UPDATE", "DELETE", "NONE", "FEEDBACK"]


class Signal(TypedDict):
    """One part of a score: in 0..1, and what it is multiplied by."""

    score: float
    weight: float


class ScoreDetails(TypedDict):
    """How a search score came about: ``raw_score`` = Σ weight × part, each part in 0..1; ``final_score`` ends at 1."""

    semantic_score: float
    """Cosine similarity of query and memory, negative values counted as 0."""
    bm25_score: float
    """BM25 of the memory divided by the highest BM25 the query's terms could reach in this scope."""
    semantic_weight: float
    bm25_weight: float
    matched_terms: list[str]
    """Stemmed query terms that occur in the memory."""
    signals: dict[str, "Signal"]
    """What else spoke for it, by the names ``Ranking`` gives the weights."""
    entity_boost: float
    """What ``entity`` and ``entity_neighbor`` add to ``raw_score``."""
    raw_score: float
    max_possible_score: float
    final_score: float
    threshold: float


class StoredMemory(TypedDict):
    """What every answer says of a memory. Instants are ISO 8601 with ``+00:00``; ids and dates are present only when
    set."""

    id: str
    memory: str
    hash: str
    """MD5 of the text, hexadecimal."""
    metadata: dict[str, Any] | None
    created_at: str
    updated_at: str
    user_id: NotRequired[str]
    agent_id: NotRequired[str]
    run_id: NotRequired[str]
    app_id: NotRequired[str]
    actor_id: NotRequired[str]
    role: NotRequired[str]
    expiration_date: NotRequired[str]
    expires_at: NotRequired[str]
    """The instant from which the memory is invisible, whichever rule set it."""
    feedback: NotRequired[str]
    feedback_reason: NotRequired[str]


class MemoryItem(StoredMemory):
    """One memory that was not searched for."""

    score: NotRequired[None]
    """There in ``get``, as in mem0, and absent in ``get_all``."""


class SearchHit(StoredMemory):
    """One memory that ``search`` found."""

    score: float
    """In 0..1."""
    rerank_score: NotRequired[float]
    """With a reranker its score in 0..1, by which the results are in order."""
    score_details: NotRequired[ScoreDetails]
    """How the score came about, when asked for."""


class Relation(TypedDict):
    """What memories of a graph category state of two entities."""

    source: str
    relationship: str
    destination: str
    memory_ids: list[str]
    """The memories that state it."""


class SearchResult(TypedDict):
    """What ``search`` returns, best first."""

    results: list[SearchHit]
    relations: NotRequired[list[Relation]]
    """What the results state, in their order; present where one of them is of a graph category."""
    not_reranked: NotRequired[str]
    """Why no reranker ordered the results although one was asked for."""
    embedded: NotRequired["EmbeddedPart"]
    """Present where the question is too long to be embedded whole."""


class Page(TypedDict):
    """What ``get_all`` returns: one page, newest first, and how many memories match in all."""

    results: list[MemoryItem]
    total: int
    next_cursor: str | None
    """Given as ``after`` it goes on where this page ends; None at the end."""
    relations: NotRequired[list[Relation]]
    """What the results state, in their order; present when asked for."""


class GraphNode(TypedDict):
    """An entity."""

    name: str
    type: str
    """``name``, ``thing``, ``command``, ``path``, ``url``, ``address``, ``identifier``, ``version``, ``tag``, ``term``
    or ``project``, or what an extractor of yours says."""
    memories: int
    """How many memories name it."""


class GraphResult(TypedDict):
    """What ``graph`` returns: entities, nearest or most named first, and the relations between them."""

    nodes: list[GraphNode]
    edges: list[Relation]
    truncated: bool
    """Whether there are more entities than were asked for."""


class ReindexResult(TypedDict):
    """What ``reindex_graph`` did, or would."""

    categories: list[str]
    """Of which memories are in the graph."""
    memories: int
    """How many memories were looked at, expired ones too."""
    in_graph: int
    """How many are of the categories."""
    entering: int
    leaving: int
    """How many came into the graph, and how many went."""
    entities: int
    relations: int
    """How many different ones the file holds now, of each user, agent, run or app."""


class EmbeddedPart(TypedDict):
    """What of a long text is in its vector; keywords cover all of it."""

    windows: int
    """How many of the model's windows were embedded, spread evenly over the text."""
    of: int
    """How many the text has."""


class EmbeddedMemory(EmbeddedPart):
    """What of the long text of one of many memories is in its vector."""

    id: str


class AddedItem(TypedDict):
    """One message's outcome: ADD with the new id, or NONE with the id of the memory it repeats."""

    id: str
    memory: str
    event: Literal["ADD", "NONE"]
    existing_memory: NotRequired[str]
    """The text that is there already, where it says the same in other words."""
    expires_at: NotRequired[str]
    """Only of a memory that is past it already; so is ``expired``, which then is True: nobody will see it."""
    expired: NotRequired[bool]
    embedded: NotRequired[EmbeddedPart]
    """Present where the text is too long to be embedded whole."""
    actor_id: NotRequired[str | None]
    role: NotRequired[str | None]


class SkippedPart(TypedDict):
    """What an ``add`` left out."""

    message: int
    """The place of the message, from 0."""
    part: int | None
    """The place of the part in it; None for the whole message, or for what it has beside its content."""
    type: str
    """What it is: the part's type, such as ``image_url`` or ``tool_use``, or the message's role."""
    reason: str


class AddResult(TypedDict):
    """What ``add`` returns, in the order of the messages."""

    results: list[AddedItem]
    event_id: str
    """The id of the call, for ``event``."""
    relations: NotRequired[list[Relation]]
    """What the memories that were added state; present when one of the messages is of a graph category."""
    skipped: NotRequired[list[SkippedPart]]
    """What was not remembered, in the order of the messages; present when something was not."""


class EventResult(TypedDict):
    """What one message of an ``add`` became."""

    id: str
    event: Literal["ADD", "NONE"]
    memory: str | None
    """The text the memory has now; None when it is gone or expired."""


class EventItem(TypedDict):
    """One call of ``add``; ids are present only when set."""

    id: str
    event_type: Literal["ADD"]
    status: Literal["SUCCEEDED"]
    created_at: str
    updated_at: str
    user_id: NotRequired[str]
    agent_id: NotRequired[str]
    run_id: NotRequired[str]
    app_id: NotRequired[str]
    results: list[EventResult]


class EventPage(TypedDict):
    """What ``events`` returns: one page, newest first, and how many there are in all."""

    results: list[EventItem]
    total: int
    next_cursor: str | None
    """Given as ``after`` it goes on where this page ends; None at the end."""


class MessageResult(TypedDict):
    """The answer of a verb that has nothing to return."""

    message: str


class UpdateResult(MessageResult):
    """The answer of ``update``."""

    expired: NotRequired[list[str]]
    """Ids of the memories that are past their expiry with this update, if there are any: nobody sees them any more."""
    embedded: NotRequired[EmbeddedPart]
    """Present where the new text is too long to be embedded whole."""


class UpdateManyResult(MessageResult):
    """The answer of ``update_many``."""

    expired: NotRequired[list[str]]
    """Ids of the memories that are past their expiry with this update, if there are any: nobody sees them any more."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The memories whose new text is too long to be embedded whole; present when there are any."""


class HistoryItem(TypedDict):
    """One change of one memory, oldest first."""

    id: str
    memory_id: str
    old_memory: str | None
    new_memory: str | None
    event: Event
    created_at: str
    updated_at: str
    is_deleted: bool
    actor_id: str | None
    role: str | None
    feedback: NotRequired[str | None]
    """With ``feedback_reason``, in a FEEDBACK change only; None is a feedback taken back."""
    feedback_reason: NotRequired[str | None]


class ChangeItem(HistoryItem):
    """One change of any memory, with the ids of its scope that are set."""

    sequence: int
    """Its place among all changes of the file, in a view among those of its user; later changes have higher numbers,
    and none is used again."""
    user_id: NotRequired[str]
    agent_id: NotRequired[str]
    run_id: NotRequired[str]
    app_id: NotRequired[str]


class ChangePage(TypedDict):
    """What ``changes`` returns, oldest first."""

    results: list[ChangeItem]


class FeedbackResult(TypedDict):
    """What ``feedback`` stored."""

    id: str
    feedback: str | None
    feedback_reason: str | None


class MemoryExportRequest(TypedDict):
    """What ``create_memory_export`` returns."""

    id: str
    message: str


class MemoryExport(TypedDict):
    """What ``get_memory_export`` returns: the memories in the fields that were asked for."""

    memories: list[dict[str, Any]]


class Webhook(TypedDict):
    """A webhook, without its secret. Instants are ISO 8601 with ``+00:00``."""

    webhook_id: str
    name: str | None
    url: str
    event_types: list[str]
    is_active: bool
    project: str
    created_at: str
    updated_at: str
    delivered: int
    """Changes that the receiver took."""
    failed: int
    """Changes that were given up."""
    attempts: int
    """How often the next change was tried in vain."""
    retry_at: str | None
    last_status: int | None
    """The status of the last answer; None when there was no answer."""
    last_error: str | None
    """Why the last attempt failed; None when it did not."""


class CreatedWebhook(Webhook):
    """A new webhook with its secret, which is not shown again."""

    secret: str


class DeliveryResult(TypedDict):
    """What ``deliver_webhooks`` did."""

    webhooks: int
    """How many are active."""
    delivered: int
    """Changes that receivers took."""
    failed: int
    """Changes given up."""
    pending: int
    """Webhooks with changes left, for another call."""
    retry_in: float | None
    """Seconds after which such a call can do something; None when nothing is left."""


class Entity(TypedDict):
    """A user, an agent, a run or an app that has live memories."""

    id: str
    type: Literal["user", "agent", "run", "app"]
    total_memories: int
    created_at: str
    updated_at: str


class VacuumResult(TypedDict):
    """What ``vacuum`` did."""

    removed: int
    """Expired memories deleted, with their vectors, keyword entries and history."""
    bytes_freed: int
    """Bytes by which the file shrank."""


class CheckProblem(TypedDict):
    """Something in a file that does not agree with the rest."""

    check: str
    """What was compared: ``sqlite``, ``schema``, ``embedder``, ``scopes``, ``counts``, ``memories``, ``vectors``,
    ``keywords``, ``graph``, ``history``, ``events`` or ``documents``."""
    problem: str
    count: int
    items: list[str]
    """The first ten it is about, memories by their ids."""
    repaired: bool


class CheckResult(TypedDict):
    """What ``check`` found."""

    ok: bool
    """Whether everything agrees now."""
    memories: int
    """How many were compared, expired ones too."""
    problems: list[CheckProblem]


class ErasureReceipt(TypedDict):
    """What ``erase`` removed, and when it was gone from the file's bytes."""

    scope: dict[str, str]
    """The ids that were given."""
    erased_at: str
    memories: int
    vectors: int
    keywords: int
    """Entries of the keyword index."""
    history: int
    """Changes of memories, deleted ones too."""
    events: int
    exports: int
    """Exports that name one of the ids."""
    graph: int
    """Entities and relations of memories."""


class RestoreResult(TypedDict):
    """What ``restore`` put in place."""

    path: str
    memories: int


class ImportResult(TypedDict):
    """What ``import_`` did."""

    added: int
    skipped: int
    """Memories whose id the file already holds."""
    deleted: int
    """Memories that had been deleted and whose histories were kept."""
    events: int
    """Calls of ``add`` that were kept."""
    settings: int
    """Settings of the file that it did not have."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The added memories whose text is too long to be embedded whole; present when there are any."""


class MoveProblem(TypedDict):
    """Something of a source that ``import_from_mem0`` left behind."""

    id: str | None
    """The memory's id, where it has one."""
    where: str
    """The part of the source, such as ``user alice`` or ``collection mem0``."""
    problem: str


class MoveResult(TypedDict):
    """What ``import_from_mem0`` did."""

    added: int
    skipped: int
    """Memories whose id the file already holds."""
    expired: int
    """Of those added, the ones that are past their expiry already."""
    deleted: int
    """Memories that mem0 had deleted and whose histories were kept."""
    refused: list[MoveProblem]
    """Memories that could not be taken, and why."""
    incomplete: list[MoveProblem]
    """What else was left behind: rows of a history, parts of the source that could not be reached."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The added memories whose text is too long to be embedded whole; present when there are any."""


class ReembedResult(TypedDict):
    """What ``reembed`` did."""

    embedded: int
    """Vectors computed in this call; an interrupted earlier call's work is not repeated."""
    partly: NotRequired[int]
    """How many of those texts are too long to be embedded whole; present when there are any."""
    total: int


class EmbedderIdentity(TypedDict):
    """The model a file's vectors come from."""

    name: str
    dimensions: int
    fingerprint: str
    """SHA-256 of the model's files, or empty for an embedder that has none."""


class Counts(TypedDict):
    """What a store holds: live memories, and the users, agents, runs and apps that have any."""

    memories: int
    expired: int
    """Memories past their expiry that ``vacuum`` has not removed yet."""
    users: int
    agents: int
    runs: int
    apps: int


class GraphStats(TypedDict):
    """The graph of a store."""

    categories: list[str]
    """Of which memories are in the graph, as the file says."""
    current: bool
    """False while the graph is being made for these, and after that was interrupted: ``reindex_graph`` goes on."""
    entities: int
    relations: int


class Stats(Counts):
    """The size and the make-up of a store."""

    path: str
    bytes: int
    checksums: bool
    """Whether every page of the file has a checksum."""
    graph: GraphStats
    cached_bytes: int
    """About how much memory this process keeps for searches."""
    embedder: EmbedderIdentity
    schema_version: int
    sqlite_version: str


# -- what type checkers see

# A verb is annotated with the shape it returns, of which pydantic and what builds on it make schemas. But callers of
# mem0 take answers for a dict[str, Any] and a list[dict[str, Any]], and no TypedDict or list of them may be taken for
# those. So checkers are shown an Answer in its place: a subclass of dict, which may be taken for its TypedDict as well,
# by its base Any; whoever names that has every key checked. (Pyright does so in what a function takes; a variable it
# takes for what was assigned to it.) The price is that it may be taken for anything else, too.
# Rejected: to annotate dict[str, Any], as then schemas are lost and TypedDicts refused; Any, which mypy's strict mode
# refuses to return; a union of these, each of which had to fit, or of which isinstance(found, dict) leaves unknowns.

_P = ParamSpec("_P")
_T = TypeVar("_T")

if TYPE_CHECKING:

    class Answer(dict[str, Any], Any, Generic[_T]):  # type: ignore[misc]
        """A dictionary of the shape T, for type checkers only."""

        @overload
        def __getitem__(self, key: Literal["results"], /) -> "Answers[Any]": ...
        @overload
        def __getitem__(self, key: Literal["score"], /) -> float | Any: ...
        @overload
        def __getitem__(self, key: Literal["metadata"], /) -> dict[str, Any] | Any: ...
        @overload
        def __getitem__(
            self, key: Literal["id", "memory", "event", "event_id", "message", "created_at", "updated_at"], /
        ) -> str | Any: ...
        @overload
        def __getitem__(self, key: Any, /) -> Any: ...
        def __getitem__(self, key: Any, /) -> Any: ...
        def __iter__(
            self,
        ) -> Iterator[Any]: ...  # where a caller asks whether it is a dict, it may be a list to pyright
        def get(self, key: str, default: Any = None, /) -> Any: ...  # noqa: D102

    class Answers(list[Any], Generic[_T]):
        """A list of dictionaries of the shape T, for type checkers only; what is iterated over is Any, so that lists
        made of it may be taken for lists of either, too."""

        @overload
        def __getitem__(self, index: SupportsIndex, /) -> Answer[_T]: ...
        @overload
        def __getitem__(self, index: slice, /) -> "Answers[_T]": ...
        def __getitem__(self, index: Any, /) -> Any: ...


def answer(verb: Callable[_P, _T]) -> "Callable[_P, Answer[_T]]":
    """Show type checkers an Answer in the place of the shape that a verb returns."""
    return verb  # type: ignore[return-value]


def answers(verb: Callable[_P, list[_T]]) -> "Callable[_P, Answers[_T]]":
    """Do the same for a verb that returns a list of a shape."""
    return verb  # type: ignore[return-value]


def answer_or_none(verb: Callable[_P, _T | None]) -> "Callable[_P, Answer[_T] | Any]":
    """Do the same for a verb that may return None; to callers of mem0 a checker does not object that it might."""
    return verb
