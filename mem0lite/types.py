"""The shapes of what comes back: plain dictionaries at run time, as callers of mem0 expect, with types for checkers.

The text under each field is its documentation, here and in the server's OpenAPI document.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, NotRequired, ParamSpec, SupportsIndex, TypeVar, overload

if sys.version_info >= (3, 12):
    from typing import TypedDict as TypedDict
else:
    from typing_extensions import TypedDict as TypedDict  # pydantic, and so all that builds on it, refuses typing's

Event = Literal["ADD", "UPDATE", "DELETE", "NONE", "FEEDBACK", "SUPERSEDE"]


class Signal(TypedDict):
    """One part of a score."""

    score: float
    """How strong the signal is, from 0 to 1."""
    weight: float
    """What the score is multiplied by."""


class DecayDetails(TypedDict):
    """What the setting ``decay`` of the project says to a result."""

    factor: float
    """What the score was multiplied by, from 0.3 to 1.5."""
    last_used: str
    """When an answer had the memory the last time, or else when it last changed."""
    uses: int
    """In how many answers it was; 1 also stands for none."""
    pinned: bool
    """Whether its metadata have ``pinned: true``: then the factor is at least 1."""


class Adjustment(TypedDict):
    """A rule that changed a score."""

    rule: str
    """``asks_the_same`` for a question that is the query, ``only_asks`` for another question, ``only_guesses`` for an
    assistant's guess, ``superseded_by_newer`` and ``supersedes_older`` for two that say what only one thing can be,
    ``says_what_is_asked`` and ``says_it_of_another`` for two that say the same of different people, ``decay`` for what
    answers had lately or had not."""
    before: float
    """The score without the rule."""
    after: float
    """The score with it."""
    memory_id: NotRequired[str]
    """The id of the newer or older memory, or of the one whose score it has. Present for the rules that compare two."""


class ScoreDetails(TypedDict):
    """How a search score came about. ``raw_score`` is the sum of all parts, each multiplied by its weight."""

    semantic_score: float
    """Cosine similarity of query and memory, from 0 to 1, on the bundled model's scale. Negative values count as 0."""
    bm25_score: float
    """BM25 of the memory divided by the highest BM25 that the query's terms can reach in this scope, from 0 to 1."""
    semantic_weight: float
    """What ``semantic_score`` is multiplied by."""
    bm25_weight: float
    """What ``bm25_score`` is multiplied by."""
    matched_terms: list[str]
    """Stems of the query's words that occur in the memory."""
    signals: dict[str, Signal]
    """The other parts of the score, under the names of their weights in ``ranking``."""
    entity_boost: float
    """What ``entity`` and ``entity_neighbor`` add to ``raw_score``."""
    raw_score: float
    """The sum of the parts: at most 1 for a memory by itself, more with its context, speaker and date."""
    max_possible_score: float
    """The highest sum that the signals of this search can make, m. What the graph adds comes on top."""
    final_score: float
    """The score: ``raw_score / (1 + raw_score * (1 - 1/m))``, at most 1, with the ``adjustments``."""
    adjustments: list[Adjustment]
    """What was changed about the score because of what the memory says, in this order. Most often nothing."""
    threshold: float
    """The lowest score that was asked for, before the rule ``decay``."""
    cosine: NotRequired[float]
    """The embedder's own cosine, where ``semantic_score`` is not it: that of an embedder whose cosines are all high is
    brought to the bundled model's scale."""
    decay: NotRequired[DecayDetails]
    """If the project's setting ``decay`` is on: what its rule rests on."""


class StoredMemory(TypedDict):
    """The fields of every memory. Times are ISO 8601 with ``+00:00``; ids and dates are present only when set."""

    id: str
    """Id of the memory."""
    memory: str
    """Its text."""
    hash: str
    """MD5 of the text, hexadecimal."""
    metadata: dict[str, Any] | None
    """What was stored with it."""
    created_at: str
    """When it was created, or said."""
    updated_at: str
    """When it last changed."""
    user_id: NotRequired[str]
    """Its user, if it has one."""
    agent_id: NotRequired[str]
    """Its agent, if it has one."""
    run_id: NotRequired[str]
    """Its run (session), if it has one."""
    app_id: NotRequired[str]
    """Its app, if it has one."""
    actor_id: NotRequired[str]
    """Who said it: the ``name`` of the message, if it had one."""
    role: NotRequired[str]
    """Role of the message."""
    expiration_date: NotRequired[str]
    """The last day (UTC) on which it is visible, if it was given one."""
    expires_at: NotRequired[str]
    """When it becomes invisible, whichever rule set that."""
    feedback: NotRequired[str]
    """Its rating: POSITIVE, NEGATIVE or VERY_NEGATIVE, if it has one."""
    feedback_reason: NotRequired[str]
    """Why the feedback was given."""
    key: NotRequired[str]
    """What it is the value of, if it was added with a key."""
    superseded_by: NotRequired[str]
    """Id of the memory that holds instead, if there is one. That memory may be gone by now."""
    valid_from: NotRequired[str]
    """Since when it holds: its ``created_at``. Present with ``key`` and ``superseded_by``."""
    valid_to: NotRequired[str]
    """Since when another one holds instead. Present with ``superseded_by``."""
    sources: NotRequired[list[str]]
    """Of a fact that a language model drew from messages: the ids of those. Some may be gone by now."""


class MemoryItem(StoredMemory):
    """One memory, outside of a search."""

    score: NotRequired[None]
    """Always None. It is present in ``get``, as in mem0, and absent in ``get_all``."""


class SearchHit(StoredMemory):
    """One memory that ``search`` found."""

    score: float
    """How well it matches the query, from 0 to 1."""
    rerank_score: NotRequired[float]
    """The reranker's score, from 0 to 1. It decides on the order of the results, or takes part in it."""
    score_details: NotRequired[ScoreDetails]
    """How the score came about. Present when ``explain`` asks for it."""


class Relation(TypedDict):
    """What memories of a graph category say about two entities."""

    source: str
    """The entity that the statement is about."""
    relationship: str
    """What is said."""
    destination: str
    """The other entity."""
    memory_ids: list[str]
    """Ids of the memories that say it."""


class EmbeddedPart(TypedDict):
    """How much of a long text is in its vector. Keyword search covers all of it."""

    windows: int
    """How many windows of the model's size were embedded, spread evenly over the text."""
    of: int
    """How many windows the text has."""


class EmbeddedMemory(EmbeddedPart):
    """How much of one memory's long text is in its vector."""

    id: str
    """Id of the memory."""


class SearchResult(TypedDict):
    """What ``search`` returns."""

    results: list[SearchHit]
    """The memories, best first."""
    relations: NotRequired[list[Relation]]
    """What the results say about entities, in their order. Present when one of them is in a graph category."""
    not_reranked: NotRequired[str]
    """Why no reranker ordered the results although it was asked to."""
    embedded: NotRequired[EmbeddedPart]
    """Present when the query is too long to be embedded whole."""


class LeftOut(TypedDict):
    """A relevant memory that did not fit into a context."""

    id: str
    """Id of the memory."""
    score: float
    """How well it matches the query, from 0 to 1."""


class ContextResult(TypedDict):
    """What ``context`` returns."""

    text: str
    """The block for a prompt: memories as quotations, dated and with speakers. Empty if there are none, or none
    fits."""
    tokens: int
    """How many tokens it has, at most ``max_tokens``."""
    memories: list[SearchHit]
    """The memories in it, in its order."""
    left_out: list[LeftOut]
    """The relevant memories that did not fit, best first."""
    not_reranked: NotRequired[str]
    """Why no reranker ordered the results although it was asked to."""
    embedded: NotRequired[EmbeddedPart]
    """Present when the query is too long to be embedded whole."""


class Page(TypedDict):
    """What ``get_all`` returns: one page of memories."""

    results: list[MemoryItem]
    """The memories, newest first."""
    total: int
    """How many memories match in all."""
    next_cursor: str | None
    """Give it as ``after`` to get the next page. None on the last page."""
    relations: NotRequired[list[Relation]]
    """What the results say about entities, in their order. Present when asked for."""


class GraphNode(TypedDict):
    """An entity."""

    name: str
    """What it is called."""
    type: str
    """``name``, ``thing``, ``command``, ``path``, ``url``, ``address``, ``identifier``, ``version``, ``tag``, ``term``
    or ``project``, or a type that your own extractor gives."""
    memories: int
    """How many memories name it."""


class GraphResult(TypedDict):
    """What ``graph`` returns: entities and the relations between them."""

    nodes: list[GraphNode]
    """The entities: the nearest first, or those that most memories name."""
    edges: list[Relation]
    """The relations between them."""
    truncated: bool
    """Whether there are more entities than were asked for."""


class ReindexResult(TypedDict):
    """What ``reindex_graph`` did, or would do."""

    categories: list[str]
    """The categories whose memories are in the graph."""
    memories: int
    """How many memories were looked at, including expired ones."""
    in_graph: int
    """How many of them are in one of the categories."""
    entering: int
    """How many were added to the graph."""
    leaving: int
    """How many were removed from the graph."""
    entities: int
    """How many different entities the file now holds, counted for each user, agent, run and app."""
    relations: int
    """How many different relations the file now holds, counted likewise."""


class AddedItem(TypedDict):
    """The outcome of one message, or of a fact that a language model drew from messages."""

    id: str
    """Id of the new memory, or of the memory that the message repeats; of a fact, its own."""
    memory: str
    """Text of the message or of the fact. Of a fact that was deleted, the text that it had."""
    event: Literal["ADD", "NONE", "UPDATE", "DELETE"]
    """ADD, or NONE when the message adds nothing to a memory of the same scope. Of a fact: ADD when it is new, UPDATE
    when an earlier fact has these words now, DELETE when an earlier fact no longer holds, NONE when an earlier fact
    says so already."""
    sources: NotRequired[list[str]]
    """Ids of the memories that the fact was drawn from. Present with facts only."""
    previous_memory: NotRequired[str]
    """What the fact said before. Present with UPDATE."""
    existing_memory: NotRequired[str]
    """Text of the memory that already says the same in nearly the same words."""
    expires_at: NotRequired[str]
    """When the memory expired. Present when that was before it was stored."""
    expired: NotRequired[bool]
    """True when the memory has expired already: it is stored, but nobody will see it."""
    embedded: NotRequired[EmbeddedPart]
    """Present when the text is too long to be embedded whole."""
    actor_id: NotRequired[str | None]
    """Who said it. Present with ``infer=False``."""
    role: NotRequired[str | None]
    """Role of the message. Present with ``infer=False``."""
    supersedes: NotRequired[list[str]]
    """Ids of the memories that it superseded. Present when there are any."""
    superseded_by: NotRequired[str]
    """Id of the memory that holds instead, because it has a later date. Present when there is one."""


class RefusedFact(TypedDict):
    """Something that a language model answered and that was not stored."""

    text: str
    """What it answered."""
    reason: str
    """Why it was not stored."""


class Extraction(TypedDict):
    """What became of the facts in an ``add``, where there is a language model."""

    status: Literal["SUCCEEDED", "PENDING", "FAILED"]
    """PENDING: they are still to be drawn; ``event`` tells when that is done. FAILED: it was given up."""
    refused: NotRequired[list[RefusedFact]]
    """What the model answered and was not stored. Present when there is any."""
    problem: NotRequired[str]
    """Why the last attempt failed. Present when one did."""


class ExtractResult(TypedDict):
    """What ``extract`` did."""

    done: int
    """How many calls of ``add`` have their facts now."""
    failed: int
    """How many attempts failed."""
    pending: int
    """How many calls of ``add`` still wait for their facts."""
    retry_in: float | None
    """In how many seconds the next of them is due. None if none waits."""


class SkippedPart(TypedDict):
    """Something that an ``add`` did not remember."""

    message: int
    """Index of the message, from 0."""
    part: int | None
    """Index of the part in the message's content. None for the whole message, or for a field beside its content."""
    type: str
    """Type of the part, such as ``image_url`` or ``tool_use``, or role of the message."""
    reason: str
    """Why it was not remembered."""


class AddOutcomes(TypedDict):
    """What happened to the messages of an ``add``."""

    results: list[AddedItem]
    """The outcomes, in the order of the messages; then those of the facts that were drawn from them."""
    relations: NotRequired[list[Relation]]
    """What the new memories say about entities. Present when one of them is in a graph category."""
    skipped: NotRequired[list[SkippedPart]]
    """What was not remembered, such as an image, in the order of the messages. Present when there is any."""


class AddResult(AddOutcomes):
    """What ``add`` returns."""

    event_id: str
    """Id of the call, for ``event``."""
    extraction: NotRequired[Extraction]
    """What became of the facts in the messages. Present when there is a language model, and something to ask it."""


class EventResult(TypedDict):
    """What one message of an ``add``, or a fact that was drawn from it, became."""

    id: str
    """Id of the memory."""
    event: Literal["ADD", "NONE", "UPDATE", "DELETE"]
    """As ``add`` answers it."""
    memory: str | None
    """The text that the memory has now. None when it is deleted or expired."""


EventType = Literal["ADD", "UPDATE"]
"""What an event is of."""


class EventItem(TypedDict):
    """One call of ``add``; ids are present only when set."""

    id: str
    """The ``event_id`` that the call returned."""
    event_type: EventType
    """What was called: UPDATE if it edited messages whose facts are to be drawn again."""
    status: Literal["SUCCEEDED", "PENDING", "FAILED"]
    """SUCCEEDED, unless facts were to be drawn from the messages: PENDING until that is done, FAILED when it was given
    up. The messages are stored in any case."""
    problem: NotRequired[str]
    """Why the last attempt to draw facts failed. Present when one did, and the status is not SUCCEEDED."""
    created_at: str
    """When it was called."""
    updated_at: str
    """When it was done, or when the last attempt began or ended."""
    user_id: NotRequired[str]
    """The user of the call."""
    agent_id: NotRequired[str]
    """The agent of the call."""
    run_id: NotRequired[str]
    """The run of the call."""
    app_id: NotRequired[str]
    """The app of the call."""
    results: list[EventResult]
    """What happened to each message."""


class EventPage(TypedDict):
    """What ``events`` returns: one page of events."""

    results: list[EventItem]
    """The events, newest first."""
    total: int
    """How many there are in all."""
    next_cursor: str | None
    """Give it as ``after`` to get the next page. None on the last page."""


class MessageResult(TypedDict):
    """The answer of a verb that has nothing to return."""

    message: str
    """What was done."""


class Redrawn(Extraction):
    """What became of the facts that were drawn from edited messages."""

    event_id: str
    """Id of the event that tells when it is done: see ``event``."""
    results: NotRequired[list[AddedItem]]
    """What happened to each fact. Present when it is done."""


class UpdateResult(MessageResult):
    """The answer of ``update``."""

    facts: NotRequired[Redrawn]
    """What becomes of the facts that were drawn from what was edited. Present when there are any."""

    expired: NotRequired[list[str]]
    """Ids of the memories that this update made expire: nobody sees them any more. Present when there are any."""
    embedded: NotRequired[EmbeddedPart]
    """Present when the new text is too long to be embedded whole."""


class UpdateManyResult(MessageResult):
    """The answer of ``update_many``."""

    facts: NotRequired[list[Redrawn]]
    """What becomes of the facts that were drawn from what was edited, for each user, agent, run and app. Present when
    there are any."""

    expired: NotRequired[list[str]]
    """Ids of the memories that this update made expire: nobody sees them any more. Present when there are any."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The memories whose new text is too long to be embedded whole. Present when there are any."""


class HistoryItem(TypedDict):
    """One change of one memory."""

    id: str
    """Id of the change."""
    memory_id: str
    """Id of the memory."""
    old_memory: str | None
    """The text before."""
    new_memory: str | None
    """The text after."""
    event: Event
    """What happened."""
    created_at: str
    """When the memory was created."""
    updated_at: str
    """When it was changed."""
    is_deleted: bool
    """Whether this change deleted the memory."""
    actor_id: str | None
    """Who said it, if known."""
    role: str | None
    """Role of the message, if it had one."""
    feedback: NotRequired[str | None]
    """The feedback that was given; None if it was removed. Present when the event is FEEDBACK."""
    feedback_reason: NotRequired[str | None]
    """Why the feedback was given. Present when the event is FEEDBACK."""
    superseded_by: NotRequired[str]
    """Id of the memory that holds instead. Present when the event is SUPERSEDE."""
    valid_to: NotRequired[str]
    """Since when that one holds. Present when the event is SUPERSEDE."""


class ChangeItem(HistoryItem):
    """One change of any memory, with the ids of its scope that are set."""

    sequence: int
    """Its position among all changes of the file, or, in a view, of its user. Later changes have higher numbers, and
    no number is used twice."""
    user_id: NotRequired[str]
    """The memory's user, if it has one."""
    agent_id: NotRequired[str]
    """The memory's agent, if it has one."""
    run_id: NotRequired[str]
    """The memory's run, if it has one."""
    app_id: NotRequired[str]
    """The memory's app, if it has one."""


class ChangePage(TypedDict):
    """What ``changes`` returns."""

    results: list[ChangeItem]
    """The changes, oldest first."""


class FeedbackResult(TypedDict):
    """What ``feedback`` stored."""

    id: str
    """Id of the memory."""
    feedback: str | None
    """The rating: POSITIVE, NEGATIVE or VERY_NEGATIVE. None when it was removed."""
    feedback_reason: str | None
    """Why."""


class MemoryExportRequest(TypedDict):
    """What ``create_memory_export`` returns."""

    id: str
    """Id of the export."""
    message: str
    """What was done."""


class MemoryExport(TypedDict):
    """What ``get_memory_export`` returns."""

    memories: list[dict[str, Any]]
    """The memories, with the fields that were asked for."""


class Webhook(TypedDict):
    """A webhook, without its secret. Times are ISO 8601 with ``+00:00``."""

    webhook_id: str
    """Its id."""
    name: str | None
    """Its name, if it has one."""
    url: str
    """Where events are sent."""
    event_types: list[str]
    """Which events are sent."""
    is_active: bool
    """Whether events are sent."""
    project: str
    """The only project."""
    created_at: str
    """When it was created."""
    updated_at: str
    """When it last changed."""
    delivered: int
    """How many changes the receiver accepted."""
    failed: int
    """How many changes were given up."""
    attempts: int
    """How many attempts to send the next change have failed."""
    retry_at: str | None
    """When the next change is tried again. None when nothing waits for that."""
    last_status: int | None
    """HTTP status of the last answer. None when there was no answer."""
    last_error: str | None
    """Why the last attempt failed. None when it succeeded."""


class CreatedWebhook(Webhook):
    """A new webhook with its secret, which is shown only once."""

    secret: str
    """The key that signs what is sent."""


class Key(TypedDict):
    """An API key of a store, without the key itself. Times are ISO 8601 with ``+00:00``."""

    id: str
    """Its id, which is the second part of the key."""
    label: str | None
    """What it is for, if that was given."""
    key_prefix: str
    """How the key begins."""
    user_id: str | None
    """The user whose memories it reaches. None when it reaches everything."""
    created_at: str
    """When it was created."""
    expires_at: str | None
    """When it stops working. None when it does not expire."""
    last_used_at: str | None
    """When it was used, to five minutes. None when it was not, or when the server could not write the store."""


class CreatedKey(Key):
    """A new key, which is shown only once."""

    key: str
    """The key that callers send."""


class DeliveryResult(TypedDict):
    """What ``deliver_webhooks`` did."""

    webhooks: int
    """How many webhooks are active."""
    delivered: int
    """How many changes receivers accepted."""
    failed: int
    """How many changes were given up."""
    pending: int
    """How many webhooks still have changes to deliver, in another call."""
    retry_in: float | None
    """Seconds until another call has something to do. None when nothing is left."""


class Entity(TypedDict):
    """A user, an agent, a run or an app that has live memories."""

    id: str
    """Its id."""
    type: Literal["user", "agent", "run", "app"]
    """What it is."""
    total_memories: int
    """How many memories it has."""
    created_at: str
    """When its first memory was created."""
    updated_at: str
    """When one of its memories last changed."""


class VacuumResult(TypedDict):
    """What ``vacuum`` did."""

    removed: int
    """How many expired memories were deleted, with their vectors, keyword entries and history."""
    bytes_freed: int
    """By how many bytes the file shrank."""


class CheckProblem(TypedDict):
    """Something in a file that contradicts the rest of it."""

    check: str
    """What was compared: ``sqlite``, ``schema``, ``embedder``, ``scopes``, ``counts``, ``memories``, ``vectors``,
    ``keywords``, ``graph``, ``history``, ``events`` or ``documents``."""
    problem: str
    """What is wrong."""
    count: int
    """How many items have the problem."""
    items: list[str]
    """The first ten of them; memories are named by their ids."""
    repaired: bool
    """Whether the problem was repaired."""


class CheckResult(TypedDict):
    """What ``check`` found."""

    ok: bool
    """Whether everything is consistent now."""
    memories: int
    """How many memories were compared, including expired ones."""
    problems: list[CheckProblem]
    """What was wrong."""


class ErasureReceipt(TypedDict):
    """What ``erase`` removed, and when it was gone from the bytes of the file."""

    scope: dict[str, str]
    """The ids that were given."""
    erased_at: str
    """When the erasure was complete."""
    memories: int
    """How many memories were erased."""
    vectors: int
    """How many vectors."""
    keywords: int
    """How many entries of the keyword index."""
    history: int
    """How many changes, including those of memories deleted earlier."""
    events: int
    """How many events."""
    exports: int
    """How many exports that name one of the ids."""
    graph: int
    """How many entities and relations of memories."""


class RestoreResult(TypedDict):
    """What ``restore`` put in place."""

    path: str
    """The file."""
    memories: int
    """How many memories it holds."""


class ImportResult(TypedDict):
    """What ``import_`` did."""

    added: int
    """How many memories were added."""
    skipped: int
    """How many memories were left out because the file already holds their ids."""
    deleted: int
    """How many memories had been deleted before; their histories were kept."""
    events: int
    """How many calls of ``add`` were kept."""
    settings: int
    """How many settings were added that the file did not have."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The added memories whose text is too long to be embedded whole. Present when there are any."""


class MoveProblem(TypedDict):
    """Something that ``import_from_mem0`` left behind."""

    id: str | None
    """Id of the memory, if it is about one."""
    where: str
    """The part of the source, such as ``user alice`` or ``collection mem0``."""
    problem: str
    """Why it was left behind."""


class MoveResult(TypedDict):
    """What ``import_from_mem0`` did."""

    added: int
    """How many memories were added."""
    skipped: int
    """How many memories were left out because the file already holds their ids."""
    expired: int
    """How many of the added memories have already expired."""
    deleted: int
    """How many memories mem0 had deleted; their histories were kept."""
    refused: list[MoveProblem]
    """The memories that could not be added, and why."""
    incomplete: list[MoveProblem]
    """What else was left behind: rows of a history, or parts of the source that could not be reached."""
    embedded: NotRequired[list[EmbeddedMemory]]
    """The added memories whose text is too long to be embedded whole. Present when there are any."""


class CopyResult(TypedDict):
    """What ``copy`` did. The target holds all that the source holds: it was compared."""

    memories: int
    """How many memories there are, including expired ones."""
    added: int
    """How many of them this call added. The others were there from an earlier call."""
    deleted: int
    """How many histories of deleted memories this call added."""
    events: int
    """How many calls of ``add`` this call added."""
    documents: int
    """How many webhooks, exports and other documents this call added."""
    undelivered: int
    """How many active webhooks have not been sent every change of the source. They are sent those of the target."""


class ReembedResult(TypedDict):
    """What ``reembed`` did."""

    embedded: int
    """How many vectors this call computed. It does not repeat the work of an earlier call that was interrupted."""
    partly: NotRequired[int]
    """How many of those texts are too long to be embedded whole. Present when there are any."""
    total: int
    """How many memories the file holds."""


class EmbedderIdentity(TypedDict):
    """The model that computed a file's vectors."""

    name: str
    """Its name."""
    dimensions: int
    """Length of its vectors."""
    fingerprint: str
    """SHA-256 of the model's files; empty for an embedder without files."""


class Counts(TypedDict):
    """What a store holds."""

    memories: int
    """How many live memories."""
    superseded: int
    """How many of the live memories are superseded."""
    expired: int
    """How many expired memories ``vacuum`` has not yet removed."""
    users: int
    """How many users have live memories."""
    agents: int
    """How many agents have live memories."""
    runs: int
    """How many runs have live memories."""
    apps: int
    """How many apps have live memories."""


class GraphStats(TypedDict):
    """The graph of a store."""

    categories: list[str]
    """The categories whose memories are in the graph, as recorded in the file."""
    current: bool
    """False while the graph is being built for these categories, and when that was interrupted: call
    ``reindex_graph`` to finish it."""
    entities: int
    """How many different entities."""
    relations: int
    """How many different relations."""


class SummaryResult(TypedDict):
    """What ``summary`` returns."""

    summary: str
    """The text; empty without memories."""
    memories: int
    """How many memories it rests on: the newest 500 at most."""
    total: int
    """How many match."""
    updated_at: str
    """When it was written."""
    times: int
    """How often it was written so far."""


class ModelCost(TypedDict, total=False):
    """What language models used. What is 0 may be absent."""

    calls: int
    """How often a model was asked."""
    prompt_tokens: int
    """Tokens that it read, as far as it tells."""
    completion_tokens: int
    """Tokens that it wrote, as far as it tells."""
    seconds: float
    """How long that took."""
    failures: int
    """Calls without a usable answer."""
    failed_attempts: int
    """Attempts to draw facts that failed, after which another one was due, or it was given up."""
    facts: int
    """Facts that were added."""
    refused: int
    """Facts that a model answered and that were not stored."""


class ScopeCost(ModelCost, total=False):
    """What language models used for one user, agent, run and app; ids are present only when set."""

    user_id: str
    """The user."""
    agent_id: str
    """The agent."""
    run_id: str
    """The run."""
    app_id: str
    """The app."""


class ExtractionStats(TypedDict):
    """What language models did and are still to do."""

    model: str | None
    """Where texts are sent: the host and the model. None: this process has no model."""
    pending: int
    """Calls of ``add`` whose facts are still to be drawn."""
    failed: int
    """Calls of ``add`` for which that was given up."""
    cost: ModelCost
    """What all of it used. What ``reset`` or ``erase`` removed does not count any more."""
    scopes: list[ScopeCost]
    """Those that used most tokens and calls, at most 100 of them."""


class QuotaLimits(TypedDict):
    """The most that each user may keep."""

    memories_per_user: int | None
    """Of live memories; None is any number."""
    bytes_per_user: int | None
    """Of texts and metadata; None is any number."""


class UserUsage(TypedDict):
    """What a user keeps, and may keep."""

    user_id: str
    """The user."""
    memories: int
    """How many live memories there are, superseded ones included."""
    bytes: int
    """The size of their texts and metadata."""
    max_memories: int | None
    """The most memories that the quota allows; None is any number."""
    max_bytes: int | None
    """The most bytes that the quota allows; None is any number."""


class Stats(Counts):
    """The size of a store, and what it is made of."""

    path: str
    """The file."""
    bytes: int
    """Its size."""
    checksums: bool
    """Whether every page of the file has a checksum."""
    graph: GraphStats
    """Its graph."""
    cached_bytes: int
    """About how many bytes of memory this process uses for searches."""
    embedder: EmbedderIdentity
    """The model that computed its vectors."""
    schema_version: int
    """Version of the file's layout."""
    sqlite_version: str
    """Version of SQLite in this process."""
    extraction: NotRequired[ExtractionStats]
    """What language models used. Present when there is one, or was one."""
    quotas: NotRequired[QuotaLimits]
    """The most that each user may keep. Present when there is a limit."""


# -- what type checkers see

# A verb is annotated with the shape that it returns, and Pydantic and its kin make schemas from that. But callers of
# mem0 treat answers as dict[str, Any] and list[dict[str, Any]], and checkers accept no TypedDict for those. So checkers
# see an Answer instead. It is a subclass of dict, and through its base Any they also accept it for its TypedDict: where
# a variable has that type, every key is checked. (Pyright does so for parameters; for a variable it keeps the type of
# what was assigned.) The price is that checkers accept it for any other type, too.
# Rejected: dict[str, Any], which loses the schemas and is refused where a TypedDict is wanted; Any, which mypy's strict
# mode refuses to return; a union of these, in which every part would have to fit.

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
