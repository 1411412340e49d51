"""Bodies of requests to the hosted API, as they are decoded and as the OpenAPI document describes them.

Their names, which the document shows, differ from those of the self-hosted API. The text under each field is its
documentation, and ``examples.py`` has examples. ``describing.py`` says where fields without text have theirs.
"""

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from ..ignored import without_effect
from ..requests import Instant, Json, Message

Id: TypeAlias = str | int | None
FromOne = Annotated[int, Meta(ge=1)]
OneOrMore: TypeAlias = list[str] | str | None

_NO_MODEL = "No language model reads the messages: they are stored as they are."
_GRAPH = "The server's settings name the categories that make the graph. If there are any, answers have `relations`."
_KEPT = "It is kept for clients of mem0; only a server with a language model follows it."

ForModels = Annotated[Any, without_effect(_NO_MODEL)]
EnableGraph = Annotated[Any, without_effect(_GRAPH)]


# -- memories


class ScopeIds(Struct, kw_only=True):
    """The user, agent, app and run that a request is about."""

    user_id: Id = None
    """Id of a user."""
    agent_id: Id = None
    """Id of an agent."""
    app_id: Id = None
    """Id of an app."""
    run_id: Id = None
    """Id of a run."""
    session_id: Id = None
    """Another name for `run_id`."""


class Conditions(ScopeIds, kw_only=True):
    """Which memories a request is about: those that meet all conditions. `org_id` and `project_id` are not
    conditions."""

    filters: Json | None = None
    """Ids, metadata keys, operators (eq, ne, gt, gte, lt, lte, in, nin, contains, icontains, not_contains, exists; also
    with $) and AND, OR, NOT, nested. `session_id`, `userId`, `text`, `keywords`, `timestamp`, `memory_ids` and similar
    names are read as `run_id`, `user_id`, `memory` …."""
    metadata: Json | None = None
    """Metadata that the memories have."""
    categories: OneOrMore = None
    """Memories with any of these in `metadata.categories`."""
    start_date: Instant = None
    """Memories created on or after this time or day."""
    end_date: Instant = None
    """Memories created on or before this time or day."""
    show_expired: bool | None = None
    """Include expired memories."""
    as_of: Instant = None
    """As it was at this instant: ISO 8601 or epoch seconds. Default: the present."""
    keywords: OneOrMore = None
    """Memories whose text contains this, or any of these, in upper or lower case."""
    fields: OneOrMore = None
    """Return only these fields of each memory: a list, or separated by commas."""
    output_format: str | None = None
    """On v1 and v2 routes, `v1.1` returns an object, not a list."""
    latest_only: bool | None = None
    """False also returns superseded memories. Default: true."""
    kinds: OneOrMore = None
    """Only `facts`, which a language model drew from messages, or only `turns`, which is everything else. Default:
    both."""
    version: Any = None
    """Accepted: the path is the version."""


class AddRequest(ScopeIds, kw_only=True):
    """What to remember."""

    messages: str | Message | list[Message]
    """The messages: a list, one message, or a text that the user said."""
    filters: Json | None = None
    """Ids may also be given here, inside AND too."""
    metadata: Json | None = None
    """Anything to filter by later. `expires_at` and `memory_lifespan` (`short_term` or `long_term`) set when the memory
    expires."""
    expiration_date: str | None = None
    """Last day (UTC) on which the memory is visible: YYYY-MM-DD."""
    ttl: float | None = None
    """Seconds until the memory expires."""
    timestamp: Instant = None
    """When it was said: ISO 8601 or epoch seconds. Becomes `created_at`. Default: now."""
    observation_date: Instant = None
    """Another name for `timestamp`."""
    categories: OneOrMore = None
    """Stored as `metadata.categories`, to filter by."""
    infer: bool | None = None
    """False stores a message even if it adds nothing to a memory of the same scope, and draws no facts."""
    memory_type: str | None = None
    """`procedural_memory`, or nothing."""
    roles: list[str] | None = None
    """Store only messages in these roles, such as user; the others are named in `skipped`. Default: every role."""
    key: str | None = None
    """What the message is the value of, such as phone: it supersedes the memory of exactly these ids that has the key.
    Needs exactly one message to store."""
    supersedes: list[str] | None = None
    """Ids of memories that the message supersedes. They have exactly these ids of a user, agent, run and app. Needs
    exactly one message to store."""
    output_format: str | None = None
    """On the v1 route, `v1.1` returns an object, not a list."""
    async_mode: Any = None
    """Accepted: an add is always complete when it is answered."""
    version: Any = None
    """Accepted: the path is the version."""
    enable_graph: EnableGraph = None
    immutable: Annotated[Any, without_effect("Whoever may write can change and delete every memory.")] = None
    includes: Any = None
    """What only to draw facts about. For servers with a language model; others name it in `ignored`, as they do the
    next three fields and `prompt`."""
    excludes: Any = None
    """What to draw no facts about."""
    custom_categories: Any = None
    """Categories of facts, with what each means: `[{"food": "What one eats"}]`. Default: the project's."""
    custom_instructions: Any = None
    """Instructions for drawing facts. Default: the project's."""
    agent_custom_instructions: ForModels = None
    structured_data_schema: ForModels = None
    prompt: Any = None
    """Instructions for drawing facts that replace the server's own."""


class HostedSearch(Conditions, kw_only=True):
    """What to search for, and where."""

    query: str
    top_k: int | None = None
    """Maximum number of results to return. Default: 10."""
    limit: int | None = None
    threshold: float | None = None
    explain: bool | None = None
    rerank: bool | None = None
    reference_date: Instant = None
    ranking: Json | None = None
    relevant_only: bool | None = None
    """Leave out what is not relevant to the query, down to nothing. Default: false."""
    keyword_search: Annotated[
        Any,
        without_effect(
            'Words count in every search; `ranking: {"keyword": 0}` turns that off.', unless=True, example=True
        ),
    ] = None
    filter_memories: Annotated[Any, without_effect("No language model reads what was found: give a threshold.")] = None
    only_metadata_based_search: Annotated[
        Any, without_effect("A search always uses its query: list the memories instead.")
    ] = None
    enable_graph: EnableGraph = None


class HostedList(Conditions, kw_only=True):
    """Which memories to list. An id is required, in the filters or beside them."""

    page: FromOne | None = None
    """Number of the page, from 1. A page in the query wins."""
    page_size: FromOne | None = None
    """Results per page, at most 1000. A page_size in the query wins."""
    top_k: FromOne | None = None
    """Another name for `page_size`."""
    limit: FromOne | None = None
    """Another name for `page_size`."""
    enable_graph: EnableGraph = None


class HostedUpdate(Struct):
    """What to change. A field that is left out stays as it is."""

    text: str | UnsetType | None = UNSET
    """The new text."""
    metadata: Json | UnsetType | None = UNSET
    """Metadata to merge into the memory's."""
    expiration_date: str | UnsetType | None = UNSET
    """Last day (UTC) on which the memory is visible, or null to clear it."""
    timestamp: Instant | UnsetType = UNSET
    """When it was said: ISO 8601 or epoch seconds. Becomes `created_at`."""


class BatchedUpdate(HostedUpdate, kw_only=True):
    """What to change in one memory."""

    memory_id: str
    """Id of the memory."""


class BatchUpdate(Struct):
    """Changes of 1 to 1000 memories. If one fails, none is made."""

    memories: list[BatchedUpdate]
    """The changes, 1 to 1000."""


class BatchedDelete(Struct):
    """One memory to delete."""

    memory_id: str
    """Id of the memory."""


class BatchDelete(Struct):
    """The memories to delete, under one of two names. If one fails, none is deleted."""

    memories: list[BatchedDelete] | UnsetType = UNSET
    """The memories, 1 to 1000."""
    memory_ids: list[str] | UnsetType = UNSET
    """Only their ids, in place of `memories`."""


# -- feedback and exports


class FeedbackRequest(Struct):
    """A rating of a memory."""

    memory_id: str
    """Id of the memory."""
    feedback: str | None = None
    """POSITIVE, NEGATIVE or VERY_NEGATIVE; null removes the rating."""
    feedback_reason: str | None = None
    """Why."""


class ExportFilters(ScopeIds, kw_only=True):
    """Which memories to export."""

    filters: Json | None = None
    """A filter, as in a search."""


class ExportRequest(ExportFilters, kw_only=True):
    """What to export."""

    schema: Json | str
    """A JSON schema, as an object or as text. Its properties are the fields of the export: at most 200, with names of
    at most 200 characters."""
    export_instructions: Annotated[
        Any, without_effect("No language model writes the export: it has the fields of the schema.")
    ] = None


class ExportQuery(ExportFilters, kw_only=True):
    """Which export to read: one that was made, or the memories of a filter."""

    memory_export_id: str | None = None
    """Id of the export."""


# -- the project and its webhooks

_Setting = Annotated[Any, without_effect("It is kept for clients of mem0, and changes nothing here.")]


class ProjectUpdate(Struct):
    """The settings to change."""

    name: str | UnsetType | None = UNSET
    """A name to keep for clients."""
    description: str | UnsetType | None = UNSET
    """A description to keep for clients."""
    custom_instructions: Annotated[
        str | list[str] | UnsetType | None,
        without_effect(_KEPT, example="Keep what concerns food"),
    ] = UNSET
    custom_categories: Annotated[
        list[Any] | UnsetType | None, without_effect(_KEPT, example=[{"food": "What one eats"}])
    ] = UNSET
    agent_custom_instructions: _Setting = UNSET
    memory_depth: _Setting = UNSET
    usecase_setting: _Setting = UNSET
    multilingual: Annotated[
        Any, without_effect("Nothing is translated: a text stays in its language.", unless=True, example=True)
    ] = UNSET
    decay: bool | UnsetType | None = UNSET
    """Multiply the scores of searches by 0.3 to 1.5, by how recently answers had a memory. Default: no."""
    decay_half_life_days: float | UnsetType | None = UNSET
    """Days until a memory that was used once has lost half of what its use gained. Default: 3."""
    retrieval_criteria: _Setting = UNSET
    enable_graph: EnableGraph = UNSET
    version: Any = UNSET
    """Accepted, and without meaning here."""
    inclusion_prompt: Annotated[Any, without_effect(_KEPT)] = UNSET
    exclusion_prompt: Annotated[Any, without_effect(_KEPT)] = UNSET


class WebhookUpdate(Struct, kw_only=True):
    """What to change of a webhook."""

    url: str | None = None
    """Where to send events."""
    name: str | None = None
    """Its name."""
    event_types: list[str] | None = None
    """Which events to send: `memory_add`, `memory_update`, `memory_delete`."""
    eventTypes: list[str] | None = None  # noqa: N815 - as some clients write it
    """Another name for `event_types`."""
    is_active: bool | None = None
    """Whether to send events."""


class WebhookCreate(WebhookUpdate, kw_only=True):
    """Where to send which events."""

    url: str
    """Where to send events."""
    secret: str | None = None
    """Signs what is sent. Default: a new secret."""


# -- entities


class NewEntity(Struct, kw_only=True):
    """Who will have memories."""

    name: str | None = None
    """The id again, or nothing."""
    metadata: Json | None = None
    """Refused unless it is empty: only memories have metadata."""


class NewUser(NewEntity, kw_only=True):
    """A user who will have memories."""

    user_id: str | int
    """Id of the user."""


class NewAgent(NewEntity, kw_only=True):
    """An agent that will have memories."""

    agent_id: str | int
    """Id of the agent."""


class NewApp(NewEntity, kw_only=True):
    """An app that will have memories."""

    app_id: str | int
    """Id of the app."""


class NewRun(NewEntity, kw_only=True):
    """A run that will have memories."""

    run_id: str | int
    """Id of the run."""
