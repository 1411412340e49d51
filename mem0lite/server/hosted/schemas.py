"""The bodies of the hosted API's requests and responses, as they are decoded and as the OpenAPI document describes
them. Their names, which the document shows, differ from those of the self-hosted API.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ..ignored import without_effect
from ..schemas import (
    EXAMPLE_ID,
    EXAMPLE_INSTANT,
    Embedded,
    EmbeddedQuery,
    Expired,
    Ignored,
    Json,
    Message,
    NextCursor,
    NotReranked,
    PastExpiry,
    ReferenceDate,
    Relations,
    Rerank,
    ScoreDetails,
    Skipped,
    Weights,
)

Id = str | int | None
FromOne = Annotated[int, Meta(ge=1)]
Instant = float | str | None

_NO_MODEL = "No language model reads the messages: they are stored as they are."
_GRAPH = "The server's settings name the categories that make the graph; where it has any, `relations` are there."

Routine = Annotated[Any, Meta(description="Accepted: the path is the version.", examples=[None])]
ForModels = Annotated[Any, without_effect(_NO_MODEL)]
EnableGraph = Annotated[Any, without_effect(_GRAPH)]
Names = Annotated[
    list[str] | str | None,
    Meta(description="Only these fields of each memory: a list, or separated by commas.", examples=[["id", "memory"]]),
]
Keywords = Annotated[
    list[str] | str | None,
    Meta(description="Memories whose text has this, or one of these, in any case.", examples=["peanut"]),
]


# -- requests


class ScopeIds(Struct, kw_only=True):
    """Whose memories a request means."""

    user_id: Annotated[Id, Meta(description="Id of a user.", examples=["alice"])] = None
    agent_id: Annotated[Id, Meta(description="Id of an agent.", examples=["travel-planner"])] = None
    app_id: Annotated[Id, Meta(description="Id of an app.", examples=["inbox"])] = None
    run_id: Annotated[Id, Meta(description="Id of a run.", examples=["2030-01-31"])] = None
    session_id: Annotated[Id, Meta(description="Another name of run_id.", examples=["2030-01-31"])] = None


class Conditions(ScopeIds, kw_only=True):
    """Which memories a request means: all conditions are AND-ed, `org_id` and `project_id` are none."""

    filters: Annotated[
        Json | None,
        Meta(
            description="Ids, metadata keys, operators (eq, ne, gt, gte, lt, lte, in, nin, contains, icontains, "
            "not_contains, exists; also with $) and AND, OR, NOT, nested. `session_id`, `userId`, `text`, `keywords`, "
            "`timestamp`, `memory_ids` and the like are read as `run_id`, `user_id`, `memory` ….",
            examples=[{"AND": [{"user_id": "alice"}]}],
        ),
    ] = None
    metadata: Annotated[
        Json | None, Meta(description="Metadata the memories have.", examples=[{"project_id": "p1"}])
    ] = None
    categories: Annotated[
        list[str] | str | None, Meta(description="Any of these in metadata.categories.", examples=[["food"]])
    ] = None
    start_date: Annotated[
        Instant, Meta(description="Created on or after this instant or day.", examples=[EXAMPLE_INSTANT])
    ] = None
    end_date: Annotated[
        Instant, Meta(description="Created on or before this instant or day.", examples=[EXAMPLE_INSTANT])
    ] = None
    show_expired: Annotated[bool | None, Meta(description="Include expired memories.", examples=[False])] = None
    keywords: Keywords = None
    fields: Names = None
    output_format: Annotated[
        str | None, Meta(description="Of v1 and v2 routes: `v1.1` answers an object, not a list.", examples=["v1.1"])
    ] = None
    latest_only: Annotated[
        Any,
        without_effect("Memories do not replace each other: a change is made in place, and what was added stays."),
    ] = None
    version: Routine = None


class AddRequest(ScopeIds, kw_only=True):
    """What to remember."""

    messages: Annotated[
        str | Message | list[Message],
        Meta(
            description="The messages: a list, one message, or a text said by the user.",
            examples=[[{"role": "user", "content": "I am allergic to peanuts"}]],
        ),
    ]
    filters: Annotated[
        Json | None,
        Meta(description="Ids may stand here too, also inside AND.", examples=[{"AND": [{"user_id": "alice"}]}]),
    ] = None
    metadata: Annotated[
        Json | None,
        Meta(
            description="Anything to filter by later. `expires_at` and `memory_lifespan` (`short_term` or `long_term`) "
            "set when the memory expires.",
            examples=[{"project_id": "p1"}],
        ),
    ] = None
    expiration_date: Annotated[
        str | None, Meta(description="Last day (UTC) on which the memory is visible.", examples=["2030-12-31"])
    ] = None
    ttl: Annotated[float | None, Meta(description="Seconds until it expires.", examples=[3600])] = None
    timestamp: Annotated[
        Instant, Meta(description="When it was said: ISO 8601 or epoch seconds.", examples=[EXAMPLE_INSTANT])
    ] = None
    observation_date: Annotated[Instant, Meta(description="Another name of timestamp.", examples=[EXAMPLE_INSTANT])] = (
        None
    )
    categories: Annotated[
        list[str] | str | None, Meta(description="Kept as metadata.categories, to find it by.", examples=[["food"]])
    ] = None
    infer: Annotated[
        bool | None,
        Meta(description="False stores what adds nothing to a memory of the same scope once more.", examples=[True]),
    ] = None
    memory_type: Annotated[
        str | None, Meta(description="`procedural_memory`, or nothing.", examples=["procedural_memory"])
    ] = None
    output_format: Annotated[
        str | None, Meta(description="Of the v1 route: `v1.1` answers an object, not a list.", examples=["v1.1"])
    ] = None
    async_mode: Annotated[
        Any, Meta(description="An add is done when it is answered, whatever this says.", examples=[True])
    ] = None
    version: Routine = None
    enable_graph: EnableGraph = None
    immutable: Annotated[Any, without_effect("Whoever may write may change and delete every memory.")] = None
    includes: ForModels = None
    excludes: ForModels = None
    custom_categories: Annotated[Any, without_effect("Nothing is categorized: give `categories`.")] = None
    custom_instructions: ForModels = None
    agent_custom_instructions: ForModels = None
    structured_data_schema: ForModels = None
    prompt: ForModels = None


class HostedSearch(Conditions, kw_only=True):
    """What to search for, and where."""

    query: Annotated[str, Meta(description="Search query.", examples=["What can she not eat?"])]
    top_k: Annotated[int | None, Meta(description="Maximum number of results, by default 10.", examples=[10])] = None
    limit: Annotated[int | None, Meta(description="Another name of top_k, which is read first.", examples=[10])] = None
    threshold: Annotated[
        float | None, Meta(description="Minimum score of a result, from 0 to 1. Default: 0.1.", examples=[0.1])
    ] = None
    explain: Annotated[bool | None, Meta(description="Include score details.", examples=[False])] = None
    rerank: Rerank = None
    reference_date: ReferenceDate = None
    ranking: Weights = None
    keyword_search: Annotated[
        Any,
        without_effect(
            'Words count in every search, which `ranking: {"keyword": 0}` turns off.', unless=True, example=True
        ),
    ] = None
    filter_memories: Annotated[Any, without_effect("No language model reads what was found: give a threshold.")] = None
    only_metadata_based_search: Annotated[
        Any, without_effect("A search goes by its query too: list the memories instead.")
    ] = None
    enable_graph: EnableGraph = None


class HostedList(Conditions, kw_only=True):
    """Which memories to list; an id is needed, in the filters or beside them."""

    page: Annotated[FromOne | None, Meta(description="Number of the page; the query's comes first.", examples=[1])] = (
        None
    )
    page_size: Annotated[
        FromOne | None,
        Meta(description="Results per page, of which at most 1000 count; the query's comes first.", examples=[100]),
    ] = None
    top_k: Annotated[
        FromOne | None, Meta(description="Another name of page_size; at most 1000 count.", examples=[10])
    ] = None
    limit: Annotated[
        FromOne | None, Meta(description="Another name of page_size; at most 1000 count.", examples=[10])
    ] = None
    enable_graph: EnableGraph = None


class HostedUpdate(Struct):
    """What to change; a field that is left out stays as it is."""

    text: Annotated[str | UnsetType | None, Meta(description="The new text.", examples=["I am allergic to nuts"])] = (
        UNSET
    )
    metadata: Annotated[
        Json | UnsetType | None, Meta(description="Metadata to merge into the memory's.", examples=[{"verified": True}])
    ] = UNSET
    expiration_date: Annotated[
        str | UnsetType | None, Meta(description="Last visible day, or null to clear.", examples=["2030-12-31"])
    ] = UNSET
    timestamp: Annotated[
        Instant | UnsetType, Meta(description="When it was said: the new `created_at`.", examples=[EXAMPLE_INSTANT])
    ] = UNSET


class BatchedUpdate(HostedUpdate, kw_only=True):
    """What to change of one memory."""

    memory_id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]


class BatchUpdate(Struct):
    """The changes of 1 to 1000 memories: all of them or, on an error, none."""

    memories: Annotated[
        list[BatchedUpdate],
        Meta(
            description="The changes, 1 to 1000.",
            examples=[[{"memory_id": EXAMPLE_ID, "text": "I am allergic to nuts"}]],
        ),
    ]


class BatchedDelete(Struct):
    """One memory to delete."""

    memory_id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]


class BatchDelete(Struct):
    """The memories to delete, under one of two names: all of them or, on an error, none."""

    memories: Annotated[
        list[BatchedDelete] | UnsetType,
        Meta(description="The memories, 1 to 1000.", examples=[[{"memory_id": EXAMPLE_ID}]]),
    ] = UNSET
    memory_ids: Annotated[
        list[str] | UnsetType, Meta(description="Their ids alone, instead.", examples=[[EXAMPLE_ID]])
    ] = UNSET


class FeedbackRequest(Struct):
    """How good a memory is."""

    memory_id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    feedback: Annotated[
        str | None,
        Meta(description="POSITIVE, NEGATIVE or VERY_NEGATIVE; null takes it back.", examples=["POSITIVE"]),
    ] = None
    feedback_reason: Annotated[str | None, Meta(description="Why.", examples=["still true"])] = None


class ExportFilters(ScopeIds, kw_only=True):
    """Which memories to export."""

    filters: Annotated[
        Json | None, Meta(description="A filter, as of a search.", examples=[{"AND": [{"user_id": "alice"}]}])
    ] = None


class ExportRequest(ExportFilters, kw_only=True):
    """What to export."""

    schema: Annotated[
        Json | str,
        Meta(
            description="A JSON schema, as an object or as text; its properties are the fields of the export, at most "
            "200 with names of at most 200 characters.",
            examples=[{"type": "object", "properties": {"memory": {"type": "string"}}}],
        ),
    ]
    export_instructions: Annotated[
        Any, without_effect("No language model writes the export: it has the fields of the schema.")
    ] = None


class ExportQuery(ExportFilters, kw_only=True):
    """Which export to read: one that was made, or the memories of a filter."""

    memory_export_id: Annotated[str | None, Meta(description="Id of the export.", examples=[EXAMPLE_ID])] = None


_KEPT = "It is kept for clients of mem0, and no language model follows it."
_Setting = Annotated[Any, without_effect("It is kept for clients of mem0, and changes nothing here.")]


class ProjectUpdate(Struct):
    """The settings to change."""

    name: Annotated[str | UnsetType | None, Meta(description="Kept for clients.", examples=["Kitchen"])] = UNSET
    description: Annotated[
        str | UnsetType | None, Meta(description="Kept likewise.", examples=["What the kitchen needs"])
    ] = UNSET
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
    decay: Annotated[
        Any, without_effect("Being found changes no rank. The weight `recency` of `ranking` favours what is new.")
    ] = UNSET
    retrieval_criteria: _Setting = UNSET
    enable_graph: Annotated[Any, without_effect(_GRAPH)] = UNSET
    version: Annotated[Any, Meta(description="Kept, and means nothing here.", examples=[None])] = UNSET
    inclusion_prompt: _Setting = UNSET
    exclusion_prompt: _Setting = UNSET


class WebhookUpdate(Struct, kw_only=True):
    """What to change of a webhook."""

    url: Annotated[
        str | None, Meta(description="Where events are sent.", examples=["https://hooks.example/memory"])
    ] = None
    name: Annotated[str | None, Meta(description="Its name.", examples=["Memory logger"])] = None
    event_types: Annotated[
        list[str] | None,
        Meta(description="`memory_add`, `memory_update`, `memory_delete`.", examples=[["memory_add"]]),
    ] = None
    eventTypes: Annotated[  # noqa: N815 - as some clients write it
        list[str] | None, Meta(description="Another name of event_types.", examples=[["memory_add"]])
    ] = None
    is_active: Annotated[bool | None, Meta(description="Whether events are sent.", examples=[True])] = None


class WebhookCreate(WebhookUpdate, kw_only=True):
    """Where to send which events."""

    url: Annotated[str, Meta(description="Where events are sent.", examples=["https://hooks.example/memory"])]
    secret: Annotated[str | None, Meta(description="Signs what is sent. Default: a new one.", examples=[None])] = None


# -- responses


class Answered(Struct, kw_only=True):
    """An answer."""

    ignored: Ignored = UNSET


class Ping(Answered):
    """That the server is there, and the names its clients ask for."""

    status: Annotated[Literal["ok"], Meta(description="Always ok.", examples=["ok"])]
    message: Annotated[str, Meta(description="The same in words.", examples=["The API key is accepted."])]
    org_id: Annotated[str, Meta(description="The only organization.", examples=["mem0lite"])]
    project_id: Annotated[str, Meta(description="The only project.", examples=["default"])]
    user_email: Annotated[None, Meta(description="Always null: keys are not people.", examples=[None])]


class MemoryText(Struct):
    """The text of a memory."""

    memory: Annotated[str | None, Meta(description="The text; null when it is gone.", examples=["I love tea"])]


class Outcome(Struct):
    """What became of one message."""

    id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    memory: Annotated[str | None, Meta(description="Its text.", examples=["I love tea"])]
    event: Annotated[
        Literal["ADD", "NONE"],
        Meta(description="ADD, or NONE when it adds nothing to a memory of the scope.", examples=["ADD"]),
    ]
    data: Annotated[MemoryText, Meta(description="The text once more, where older clients read it.")]
    existing_memory: Annotated[
        str | UnsetType,
        Meta(description="The text that is there already, in nearly the same words.", examples=["I love green tea!"]),
    ] = UNSET
    expires_at: PastExpiry = UNSET
    expired: Expired = UNSET
    embedded: Embedded = UNSET
    actor_id: Annotated[
        str | UnsetType | None, Meta(description="Who said it; with `infer: false` only.", examples=["Alice"])
    ] = UNSET
    role: Annotated[
        str | UnsetType | None, Meta(description="Role of the message; with `infer: false` only.", examples=["user"])
    ] = UNSET
    user_id: Annotated[str | UnsetType | None, Meta(description="The user; in events only.", examples=["alice"])] = (
        UNSET
    )


class HostedAdded(Answered):
    """One outcome per message."""

    message: Annotated[str, Meta(description="What was done.", examples=["Memories stored."])]
    status: Annotated[Literal["SUCCEEDED"], Meta(description="Nothing is left to do.", examples=["SUCCEEDED"])]
    event_id: Annotated[str, Meta(description="Id of the call, for /v1/event/.", examples=[EXAMPLE_ID])]
    results: Annotated[list[Outcome], Meta(description="The outcomes, in the order of the messages.")]
    relations: Relations = UNSET
    skipped: Skipped = UNSET


class HostedMemory(Answered):
    """One memory, with all fields but those about a search and feedback; with `fields`, only what they ask for."""

    id: Annotated[str | UnsetType, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])] = UNSET
    memory: Annotated[str | UnsetType, Meta(description="Its text.", examples=["I am allergic to peanuts"])] = UNSET
    hash: Annotated[
        str | UnsetType, Meta(description="MD5 of the text.", examples=["856749c06f6f6630bd1733f0256a0fba"])
    ] = UNSET
    user_id: Annotated[str | UnsetType | None, Meta(description="Its user.", examples=["alice"])] = UNSET
    agent_id: Annotated[str | UnsetType | None, Meta(description="Its agent.", examples=["planner"])] = UNSET
    app_id: Annotated[str | UnsetType | None, Meta(description="Its app.", examples=["inbox"])] = UNSET
    run_id: Annotated[str | UnsetType | None, Meta(description="Its run.", examples=["2030-01-31"])] = UNSET
    session_id: Annotated[str | UnsetType | None, Meta(description="The same as run_id.", examples=["2030-01-31"])] = (
        UNSET
    )
    metadata: Annotated[
        Json | UnsetType | None, Meta(description="What was stored with it.", examples=[{"project_id": "p1"}])
    ] = UNSET
    categories: Annotated[
        list[Any] | UnsetType | None, Meta(description="metadata.categories, if a list.", examples=[["food"]])
    ] = UNSET
    created_at: Annotated[str | UnsetType, Meta(description="Creation, ISO 8601.", examples=[EXAMPLE_INSTANT])] = UNSET
    updated_at: Annotated[str | UnsetType, Meta(description="Last change, ISO 8601.", examples=[EXAMPLE_INSTANT])] = (
        UNSET
    )
    expiration_date: Annotated[
        str | UnsetType | None, Meta(description="Its last visible day.", examples=["2030-12-31"])
    ] = UNSET
    expires_at: Annotated[
        str | UnsetType, Meta(description="The instant from which it is invisible.", examples=[EXAMPLE_INSTANT])
    ] = UNSET
    actor_id: Annotated[str | UnsetType, Meta(description="Who said it, if known.", examples=["Alice"])] = UNSET
    role: Annotated[str | UnsetType, Meta(description="Role of the message.", examples=["user"])] = UNSET
    score: Annotated[float | UnsetType, Meta(description="0 to 1; in a search.", examples=[0.55])] = UNSET
    rerank_score: Annotated[
        float | UnsetType,
        Meta(description="0 to 1, from the reranker, by which the search is ordered.", examples=[0.9]),
    ] = UNSET
    score_details: Annotated[ScoreDetails | UnsetType, Meta(description="How the score came about, if asked for.")] = (
        UNSET
    )
    feedback: Annotated[str | UnsetType, Meta(description="What was said of it.", examples=["POSITIVE"])] = UNSET
    feedback_reason: Annotated[str | UnsetType, Meta(description="Why.", examples=["still true"])] = UNSET


class HostedFound(Answered):
    """The memories found."""

    results: Annotated[list[HostedMemory], Meta(description="The memories, best first.")]
    relations: Relations = UNSET
    not_reranked: NotReranked = UNSET
    embedded: EmbeddedQuery = UNSET


class HostedUpdated(HostedMemory):
    """One memory after a change."""

    embedded: Embedded = UNSET


Next = Annotated[str | None, Meta(description="Address of the next page, or null.", examples=[None])]
Previous = Annotated[str | None, Meta(description="Address of the page before, or null.", examples=[None])]
Count = Annotated[int, Meta(description="How many there are in all.", examples=[1])]


class HostedPage(Answered):
    """One page of memories."""

    count: Count
    next: Next
    previous: Previous
    next_cursor: NextCursor
    results: Annotated[list[HostedMemory], Meta(description="The memories, newest first.")]


class HostedEntity(Answered):
    """A user, agent, run or app that has memories."""

    id: Annotated[str, Meta(description="Its id.", examples=["alice"])]
    name: Annotated[str, Meta(description="Its id, under the name that clients use to delete it.", examples=["alice"])]
    type: Annotated[Literal["user", "agent", "run", "app"], Meta(description="What it is.", examples=["user"])]
    total_memories: Annotated[int, Meta(description="How many memories it has.", examples=[12])]
    created_at: Annotated[str, Meta(description="Creation of its first memory, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="Its last change, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    owner: Annotated[str, Meta(description="The only organization.", examples=["mem0lite"])]
    organization: Annotated[str, Meta(description="The only organization.", examples=["mem0lite"])]
    metadata: Annotated[Json, Meta(description="Always empty.", examples=[{}])]


class EntityPage(Answered):
    """One page of entities."""

    count: Count
    next: Next
    previous: Previous
    results: Annotated[list[HostedEntity], Meta(description="The entities.")]


class HostedEvent(Answered):
    """One call of add."""

    id: Annotated[str, Meta(description="The event_id that the call answered.", examples=[EXAMPLE_ID])]
    event_type: Annotated[Literal["ADD"], Meta(description="What was called.", examples=["ADD"])]
    status: Annotated[Literal["SUCCEEDED"], Meta(description="Nothing is left to do.", examples=["SUCCEEDED"])]
    user_id: Annotated[str | None, Meta(description="The user of the call.", examples=["alice"])]
    agent_id: Annotated[str | None, Meta(description="The agent of the call.", examples=["planner"])]
    app_id: Annotated[str | None, Meta(description="The app of the call.", examples=["inbox"])]
    run_id: Annotated[str | None, Meta(description="The run of the call.", examples=["2030-01-31"])]
    created_at: Annotated[str, Meta(description="When it was called, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="When it was done, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    results: Annotated[list[Outcome], Meta(description="What became of each message, with the text it has now.")]


class HostedEvents(Answered):
    """One page of events."""

    count: Count
    next: Next
    previous: Previous
    next_cursor: NextCursor
    results: Annotated[list[HostedEvent], Meta(description="The events, newest first.")]


class FeedbackResponse(Answered):
    """What was stored."""

    message: Annotated[str, Meta(description="What was done.", examples=["Feedback stored."])]
    id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    feedback: Annotated[str | None, Meta(description="What was said of it.", examples=["POSITIVE"])]
    feedback_reason: Annotated[str | None, Meta(description="Why.", examples=["still true"])]


class ExportMade(Answered):
    """An export that can be read."""

    id: Annotated[str, Meta(description="Id of the export.", examples=[EXAMPLE_ID])]
    message: Annotated[str, Meta(description="What was done.", examples=["The export is ready."])]
    status: Annotated[Literal["SUCCEEDED"], Meta(description="Nothing is left to do.", examples=["SUCCEEDED"])]


class Exported(Answered):
    """The memories of an export."""

    memories: Annotated[list[Json], Meta(description="The memories, in the fields asked for.", examples=[[{}]])]


class Project(Answered):
    """The settings of the project, or those of them that were asked for; what was never set is null."""

    id: Annotated[str | UnsetType, Meta(description="The only project.", examples=["default"])] = UNSET
    project_id: Annotated[str | UnsetType, Meta(description="The only project.", examples=["default"])] = UNSET
    name: Annotated[str | UnsetType, Meta(description="What was set, else the project.", examples=["default"])] = UNSET
    description: Annotated[str | UnsetType | None, Meta(description="What was set.", examples=[None])] = UNSET
    organization: Annotated[str | UnsetType, Meta(description="The only organization.", examples=["mem0lite"])] = UNSET
    members: Annotated[list[Any] | UnsetType, Meta(description="Always empty: keys are not people.", examples=[[]])] = (
        UNSET
    )
    custom_instructions: Annotated[
        str | list[str] | UnsetType | None, Meta(description="What was set.", examples=["Keep what concerns food"])
    ] = UNSET
    custom_categories: Annotated[
        list[Any] | UnsetType | None, Meta(description="What was set.", examples=[[{"food": "What one eats"}]])
    ] = UNSET


class ProjectUpdated(Project):
    """The settings that now hold."""

    message: Annotated[
        str | UnsetType, Meta(description="What was done.", examples=["Project updated successfully."])
    ] = UNSET


class Webhook(Answered):
    """Where which events are sent."""

    webhook_id: Annotated[str, Meta(description="Its id.", examples=["wh_1"])]
    name: Annotated[str | None, Meta(description="Its name.", examples=["Memory logger"])]
    url: Annotated[str, Meta(description="Where events are sent.", examples=["https://hooks.example/memory"])]
    event_types: Annotated[list[str], Meta(description="Which events are sent.", examples=[["memory_add"]])]
    is_active: Annotated[bool, Meta(description="Whether events are sent.", examples=[True])]
    project: Annotated[str, Meta(description="The only project.", examples=["default"])]
    created_at: Annotated[str, Meta(description="Creation, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="Last change, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    delivered: Annotated[int, Meta(description="Changes that the receiver took.", examples=[3])]
    failed: Annotated[int, Meta(description="Changes that were given up.", examples=[0])]
    attempts: Annotated[int, Meta(description="How often the next change was tried in vain.", examples=[0])]
    retry_at: Annotated[str | None, Meta(description="When it is tried again, ISO 8601.", examples=[None])]
    last_status: Annotated[int | None, Meta(description="Status of the last answer, if any.", examples=[200])]
    last_error: Annotated[str | None, Meta(description="Why the last attempt failed.", examples=[None])]
    message: Annotated[str | UnsetType, Meta(description="What was done; after a change.")] = UNSET
    secret: Annotated[
        str | UnsetType, Meta(description="Signs what is sent; told once, when it is made.", examples=["whsec_…"])
    ] = UNSET
