"""The bodies of requests and responses, as they are decoded and as the OpenAPI document describes them.

Responses are dictionaries at run time, those of ``mem0lite.types``; the structs of the second half describe them.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from .ignored import without_effect
from .problems import MissingFieldError

Json = dict[str, Any]

EXAMPLE_ID = "3f2b7c1e-9a54-4a0e-8d0e-5b7f3c9d1a20"
EXAMPLE_INSTANT = "2030-01-31T12:00:00+00:00"

UserId = Annotated[str | None, Meta(description="The user the memory belongs to.", examples=["alice"])]
AgentId = Annotated[str | None, Meta(description="The agent the memory belongs to.", examples=["travel-planner"])]
RunId = Annotated[str | None, Meta(description="The run (session) the memory belongs to.", examples=["2030-01-31"])]
AppId = Annotated[str | None, Meta(description="The app the memory belongs to.", examples=["inbox"])]


# -- requests


_Beside = Annotated[Any, Meta(description="What stands beside the text; named in `skipped`.", examples=[None])]
_Written = Annotated[Any, Meta(description="The message itself, as LangChain writes it.", examples=[None])]


class Message(Struct, omit_defaults=True):
    """One message of a conversation, as OpenAI, Anthropic, Gemini or LangChain write it: a role, or else a type."""

    role: Annotated[
        str | UnsetType,
        Meta(
            description="Role of the message (user or assistant). Messages of the roles system, developer, tool and "
            "function are not remembered.",
            examples=["user"],
        ),
    ] = UNSET
    content: Annotated[
        str | list[Json | str | None] | Json | UnsetType | None,
        Meta(
            description="Message content: text, or one or several parts, of which the texts are remembered. What has "
            "none is named in `skipped`.",
            examples=["I am allergic to peanuts"],
        ),
    ] = UNSET
    name: Annotated[
        str | None, Meta(description="Who is speaking; kept as the memory's actor_id.", examples=["Alice"])
    ] = None
    timestamp: Annotated[
        float | str | None,
        Meta(description="When it was said: ISO 8601 or epoch seconds.", examples=[EXAMPLE_INSTANT]),
    ] = None
    tool_calls: Annotated[
        list[Json] | None, Meta(description="Tool calls of an assistant; not remembered.", examples=[[]])
    ] = None
    function_call: Annotated[
        Json | str | None, Meta(description="Likewise, as older models have it.", examples=[None])
    ] = None
    refusal: Annotated[str | None, Meta(description="Of an assistant; not remembered.", examples=[None])] = None
    thinking: _Beside = None
    reasoning: _Beside = None
    reasoning_content: _Beside = None
    images: _Beside = None
    audio: _Beside = None
    attachments: _Beside = None
    parts: Annotated[
        list[Json | str | None] | None,
        Meta(description="Gemini's name of the content.", examples=[[{"text": "I ski"}]]),
    ] = None
    type: Annotated[
        str | None,
        Meta(description="What it is, where it has no role, such as human or reasoning.", examples=["human"]),
    ] = None

    text: Annotated[str | None, Meta(description="The text of a part that comes alone.", examples=[None])] = None
    data: _Written = None
    lc: _Written = None
    kwargs: _Written = None

    def __post_init__(self) -> None:
        if self.role is UNSET and self.type is None and self.parts is None:
            raise MissingFieldError("role")  # as with mem0's server


class MemoryCreate(Struct):
    """What to remember."""

    messages: Annotated[
        list[Message],
        Meta(
            description="List of messages to store.",
            examples=[[{"role": "user", "content": "I am allergic to peanuts"}]],
        ),
    ]
    user_id: UserId = None
    agent_id: AgentId = None
    run_id: RunId = None
    app_id: AppId = None
    metadata: Annotated[
        Json | None,
        Meta(
            description="Anything to filter by later. `expires_at` and `memory_lifespan` (`short_term` or `long_term`) "
            "set when the memory expires.",
            examples=[{"project_id": "p1", "domain_tags": ["python"]}],
        ),
    ] = None
    expiration_date: Annotated[
        str | None,
        Meta(
            description="Expiration date in YYYY-MM-DD format: the last day (UTC) on which the memory is visible.",
            examples=["2030-12-31"],
        ),
    ] = None
    ttl: Annotated[
        float | None, Meta(description="Seconds until the memory expires, from its creation.", examples=[3600])
    ] = None
    timestamp: Annotated[
        float | str | None,
        Meta(
            description="When it was said: ISO 8601 or epoch seconds. Becomes `created_at`. Default: now.",
            examples=[EXAMPLE_INSTANT],
        ),
    ] = None
    infer: Annotated[
        bool | None,
        Meta(
            description="True (default): a message that adds nothing to a memory of the same scope (no words, speaker, "
            "metadata, date or longer life) is reported, not stored twice. False: every message is stored.",
            examples=[True],
        ),
    ] = None
    memory_type: Annotated[
        str | None,
        Meta(description="`procedural_memory`, or nothing.", examples=["procedural_memory"]),
    ] = None
    prompt: Annotated[
        str | None,
        without_effect("No language model reads the messages: they are stored as they are.", example=""),
    ] = None


class MemoryUpdate(Struct):
    """What to change; a field that is left out stays as it is."""

    text: Annotated[
        str | UnsetType | None,
        Meta(description="New content to update the memory with.", examples=["I am allergic to nuts"]),
    ] = UNSET
    metadata: Annotated[
        Json | UnsetType | None,
        Meta(description="Metadata to merge into the memory's.", examples=[{"verified": True}]),
    ] = UNSET
    expiration_date: Annotated[
        str | UnsetType | None,
        Meta(description="Expiration date in YYYY-MM-DD format, or null to clear.", examples=["2030-12-31"]),
    ] = UNSET


Rerank = Annotated[
    bool | None,
    Meta(description="Order the best by the server's reranker; without one, `not_reranked` says so.", examples=[False]),
]
ReferenceDate = Annotated[
    float | str | None,
    Meta(
        description='The "now" of a question such as "what did I do last week?": ISO 8601 or epoch seconds. Its offset '
        "says whose days are meant; without one they are UTC. Default: the present.",
        examples=[EXAMPLE_INSTANT],
    ),
]
Weights = Annotated[
    Json | None,
    Meta(
        description="Weights of signals that differ from the server's: semantic, keyword, neighbor_semantic, "
        "neighbor_keyword, session_semantic, session_keyword, length, speaker, date, recency; 0 turns one off.",
        examples=[{"date": 0}],
    ),
]


class SearchRequest(Struct):
    """What to search for, and where."""

    query: Annotated[str, Meta(description="Search query.", examples=["What can she not eat?"])]
    filters: Annotated[
        Json | None,
        Meta(
            description="Which memories to search: ids, metadata keys, operators (eq, ne, gt, gte, lt, lte, in, nin, "
            "contains, icontains, not_contains, exists; also with $) and AND, OR, NOT. An id of a user, agent, run or "
            "app is needed here or beside it.",
            examples=[{"user_id": "alice", "domain_tags": ["python", "rust"]}],
        ),
    ] = None
    user_id: UserId = None
    agent_id: AgentId = None
    run_id: RunId = None
    app_id: AppId = None
    top_k: Annotated[int | None, Meta(description="Maximum number of results to return.", examples=[10])] = None
    limit: Annotated[int | None, Meta(description="Another name of top_k, which is read first.", examples=[10])] = None
    threshold: Annotated[
        float | None, Meta(description="Minimum score of a result, from 0 to 1. Default: 0.1.", examples=[0.1])
    ] = None
    explain: Annotated[
        bool | None, Meta(description="Include score details for each search result.", examples=[False])
    ] = None
    show_expired: Annotated[bool | None, Meta(description="Include expired memories.", examples=[False])] = None
    rerank: Rerank = None
    reference_date: ReferenceDate = None
    ranking: Weights = None


class ResetScope(Struct, forbid_unknown_fields=True):
    """Whose memories to remove; without a body, everybody's."""

    user_id: Annotated[str | UnsetType | None, Meta(description="This user's.", examples=["alice"])] = UNSET
    agent_id: Annotated[str | UnsetType | None, Meta(description="This agent's.", examples=["planner"])] = UNSET
    run_id: Annotated[str | UnsetType | None, Meta(description="This run's.", examples=["2030-01-31"])] = UNSET
    app_id: Annotated[str | UnsetType | None, Meta(description="This app's.", examples=["inbox"])] = UNSET


class ErasedScope(ResetScope, forbid_unknown_fields=True):
    """Whom to erase: one id at least, and what has all the ids that are given."""


class ConfigurationUpdate(Struct, forbid_unknown_fields=True):
    """What can be set while the server runs."""

    vacuum_interval_seconds: Annotated[
        float | UnsetType,
        Meta(description="Seconds between two removals of expired memories; 0 is never.", examples=[60]),
    ] = UNSET


# -- responses


PastExpiry = Annotated[
    str | UnsetType, Meta(description="Its expiry, of a memory that is past it already.", examples=[EXAMPLE_INSTANT])
]
Expired = Annotated[
    bool | UnsetType, Meta(description="True of a memory that is past its expiry already: stored, but seen by nobody.")
]


class EmbeddedPart(Struct):
    """What of a long text is in its vector; keywords cover all of it."""

    windows: Annotated[int, Meta(description="How many of the model's windows were embedded.", examples=[32])]
    of: Annotated[int, Meta(description="How many the text has.", examples=[229])]


class EmbeddedMemory(EmbeddedPart):
    """What of the long text of one of many memories is in its vector."""

    id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]


Embedded = Annotated[
    EmbeddedPart | UnsetType, Meta(description="Present where the text is too long to be embedded whole.")
]
EmbeddedQuery = Annotated[
    EmbeddedPart | UnsetType, Meta(description="Present where the question is too long to be embedded whole.")
]


class AddedMemory(Struct):
    """The outcome of one message."""

    id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    memory: Annotated[str, Meta(description="Its text.", examples=["I am allergic to peanuts"])]
    event: Annotated[
        Literal["ADD", "UPDATE", "DELETE", "NONE"],
        Meta(description="ADD, or NONE when it adds nothing to a memory of the scope.", examples=["ADD"]),
    ]
    existing_memory: Annotated[
        str | UnsetType,
        Meta(description="The text that is there already, in nearly the same words.", examples=["I love green tea!"]),
    ] = UNSET
    expires_at: PastExpiry = UNSET
    expired: Expired = UNSET
    embedded: Embedded = UNSET
    actor_id: Annotated[
        str | UnsetType | None, Meta(description="Who said it; with `infer=false` only.", examples=["Alice"])
    ] = UNSET
    role: Annotated[
        str | UnsetType | None, Meta(description="Role of the message; with `infer=false` only.", examples=["user"])
    ] = UNSET


class Relation(Struct):
    """What memories of a graph category state of two entities."""

    source: Annotated[str, Meta(description="Of what it is stated.", examples=["api service"])]
    relationship: Annotated[str, Meta(description="What is stated.", examples=["requires"])]
    destination: Annotated[str, Meta(description="With regard to what.", examples=["staging database"])]
    memory_ids: Annotated[list[str], Meta(description="The memories that state it.", examples=[[EXAMPLE_ID]])]


Relations = Annotated[
    list[Relation] | UnsetType,
    Meta(description="What the memories state; there when one of them is of a graph category."),
]


class SkippedPart(Struct):
    """What was left out of the messages."""

    message: Annotated[int, Meta(description="Place of the message, from 0.", examples=[0])]
    part: Annotated[
        int | None,
        Meta(description="Place of the part in it; null is the message, or beside its content.", examples=[1]),
    ]
    type: Annotated[str, Meta(description="Type of the part, or role of the message.", examples=["image_url"])]
    reason: Annotated[str, Meta(description="Why.", examples=["It has no text to remember. Describe it in words."])]


Skipped = Annotated[
    list[SkippedPart] | UnsetType,
    Meta(description="What was not remembered, such as an image; there when something was not."),
]


class IgnoredField(Struct):
    """A field of the request that had no effect."""

    field: Annotated[str, Meta(description="Its name.", examples=["immutable"])]
    reason: Annotated[str, Meta(description="Why, and where possible what to give instead.", examples=["Unknown."])]


Ignored = Annotated[
    list[IgnoredField] | UnsetType,
    Meta(description="What the request gave in vain; there when it gave something. The header has the names."),
]


class AddResponse(Struct):
    """One outcome per message that was remembered."""

    results: Annotated[list[AddedMemory], Meta(description="The outcomes, in the order of the messages.")]
    relations: Relations = UNSET
    skipped: Skipped = UNSET
    ignored: Ignored = UNSET


class Signal(Struct):
    """One part of a score."""

    score: Annotated[float, Meta(description="From 0 to 1.", examples=[1.0])]
    weight: Annotated[float, Meta(description="What it is multiplied by.", examples=[0.21])]


class ScoreDetails(Struct):
    """How a score came about."""

    semantic_score: Annotated[float, Meta(description="Cosine similarity, negative values as 0.", examples=[0.62])]
    bm25_score: Annotated[float, Meta(description="Keyword score, from 0 to 1.", examples=[0.4])]
    semantic_weight: Annotated[float, Meta(description="Weight of the similarity.", examples=[0.7])]
    bm25_weight: Annotated[float, Meta(description="Weight of the keyword score.", examples=[0.3])]
    matched_terms: Annotated[
        list[str], Meta(description="Stems of the query that occur in the memory.", examples=[["peanut"]])
    ]
    signals: Annotated[
        dict[str, Signal],
        Meta(
            description="What else spoke for it, by the names of the weights in `ranking`.",
            examples=[{"speaker": {"score": 1.0, "weight": 0.21}}],
        ),
    ]
    entity_boost: Annotated[float, Meta(description="Part of the score that shared entities add.", examples=[0.0])]
    raw_score: Annotated[float, Meta(description="The sum before it is scaled.", examples=[0.55])]
    max_possible_score: Annotated[float, Meta(description="The most the sum could be.", examples=[1.0])]
    final_score: Annotated[float, Meta(description="The score.", examples=[0.55])]
    threshold: Annotated[float, Meta(description="The least score that was asked for.", examples=[0.1])]


class MemoryItem(Struct):
    """One memory."""

    id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    memory: Annotated[str, Meta(description="Its text.", examples=["I am allergic to peanuts"])]
    hash: Annotated[str, Meta(description="MD5 of the text.", examples=["856749c06f6f6630bd1733f0256a0fba"])]
    metadata: Annotated[
        Json | None, Meta(description="What was stored with it.", examples=[{"domain_tags": ["python"]}])
    ]
    created_at: Annotated[str, Meta(description="Creation, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="Last change, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    score: Annotated[
        float | UnsetType | None,
        Meta(description="0 to 1 in a search, null for a single memory, absent in a list.", examples=[0.55]),
    ] = UNSET
    rerank_score: Annotated[
        float | UnsetType,
        Meta(description="0 to 1, from the reranker, by which the search is ordered.", examples=[0.9]),
    ] = UNSET
    user_id: Annotated[str | UnsetType, Meta(description="Its user, if any.", examples=["alice"])] = UNSET
    agent_id: Annotated[str | UnsetType, Meta(description="Its agent, if any.", examples=["planner"])] = UNSET
    run_id: Annotated[str | UnsetType, Meta(description="Its run, if any.", examples=["2030-01-31"])] = UNSET
    app_id: Annotated[str | UnsetType, Meta(description="Its app, if any.", examples=["inbox"])] = UNSET
    actor_id: Annotated[str | UnsetType, Meta(description="Who said it, if known.", examples=["Alice"])] = UNSET
    role: Annotated[str | UnsetType, Meta(description="Role of the message.", examples=["user"])] = UNSET
    expiration_date: Annotated[
        str | UnsetType, Meta(description="Its last visible day, if it was given one.", examples=["2030-12-31"])
    ] = UNSET
    expires_at: Annotated[
        str | UnsetType,
        Meta(description="The instant from which it is invisible, whichever rule set it.", examples=[EXAMPLE_INSTANT]),
    ] = UNSET
    feedback: Annotated[
        str | UnsetType, Meta(description="How good it is: POSITIVE, NEGATIVE, VERY_NEGATIVE.", examples=["POSITIVE"])
    ] = UNSET
    feedback_reason: Annotated[
        str | UnsetType, Meta(description="Why the feedback was given.", examples=["still true"])
    ] = UNSET
    score_details: Annotated[ScoreDetails | UnsetType, Meta(description="How the score came about, if asked for.")] = (
        UNSET
    )
    ignored: Ignored = UNSET


NotReranked = Annotated[
    str | UnsetType,
    Meta(
        description="Why no reranker ordered the results although one was asked for.",
        examples=["This store has no reranker."],
    ),
]


class SearchResponse(Struct):
    """The memories found."""

    results: Annotated[list[MemoryItem], Meta(description="The memories, best first.")]
    relations: Relations = UNSET
    ignored: Ignored = UNSET
    not_reranked: NotReranked = UNSET
    embedded: EmbeddedQuery = UNSET


NextCursor = Annotated[
    str | None, Meta(description="Given as `after` it goes on where this page ends; null at the end.", examples=[None])
]


class MemoryPage(Struct):
    """One page of memories."""

    results: Annotated[list[MemoryItem], Meta(description="The memories, newest first.")]
    total: Annotated[int, Meta(description="How many memories match in all.", examples=[1])]
    next_cursor: NextCursor
    relations: Annotated[
        list[Relation] | UnsetType, Meta(description="What the memories state; there when it is asked for.")
    ] = UNSET
    ignored: Ignored = UNSET


class GraphNode(Struct):
    """An entity."""

    name: Annotated[str, Meta(description="What it is called.", examples=["make db-up"])]
    type: Annotated[str, Meta(description="What kind of thing it is.", examples=["command"])]
    memories: Annotated[int, Meta(description="How many memories name it.", examples=[2])]


class GraphResponse(Struct):
    """Entities, and the relations between them."""

    nodes: Annotated[list[GraphNode], Meta(description="The entities, nearest or most named first.")]
    edges: Annotated[list[Relation], Meta(description="The relations between them.")]
    truncated: Annotated[bool, Meta(description="Whether there are more entities.", examples=[False])]


class HistoryItem(Struct):
    """One change of one memory."""

    id: Annotated[str, Meta(description="Id of the change.", examples=[EXAMPLE_ID])]
    memory_id: Annotated[str, Meta(description="Id of the memory.", examples=[EXAMPLE_ID])]
    old_memory: Annotated[str | None, Meta(description="The text before.", examples=["I love Python"])]
    new_memory: Annotated[str | None, Meta(description="The text after.", examples=["I love Rust"])]
    event: Annotated[
        Literal["ADD", "UPDATE", "DELETE", "NONE", "FEEDBACK"],
        Meta(description="What happened.", examples=["UPDATE"]),
    ]
    created_at: Annotated[str, Meta(description="The memory's creation, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="The change, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    is_deleted: Annotated[bool, Meta(description="True for a deletion.", examples=[False])]
    actor_id: Annotated[str | None, Meta(description="Who said it, if known.", examples=["Alice"])]
    role: Annotated[str | None, Meta(description="Role of the message.", examples=["user"])]
    feedback: Annotated[
        str | UnsetType | None, Meta(description="Of a FEEDBACK: what was said; null took it back.")
    ] = UNSET
    feedback_reason: Annotated[str | UnsetType | None, Meta(description="Of a FEEDBACK: why it was said.")] = UNSET


class Entity(Struct):
    """A user, agent, run or app that has memories."""

    id: Annotated[str, Meta(description="Its id.", examples=["alice"])]
    type: Annotated[Literal["user", "agent", "run", "app"], Meta(description="What it is.", examples=["user"])]
    total_memories: Annotated[int, Meta(description="How many memories it has.", examples=[12])]
    created_at: Annotated[str, Meta(description="Creation of its first memory, ISO 8601.", examples=[EXAMPLE_INSTANT])]
    updated_at: Annotated[str, Meta(description="Its last change, ISO 8601.", examples=[EXAMPLE_INSTANT])]


class MessageResponse(Struct):
    """The answer of an operation that has nothing to return."""

    message: Annotated[str, Meta(description="What was done.", examples=["Memory updated successfully!"])]
    ignored: Ignored = UNSET


PastWithChange = Annotated[
    list[str] | UnsetType,
    Meta(description="Memories that are past their expiry with this change, by id.", examples=[[EXAMPLE_ID]]),
]


class UpdatedResponse(MessageResponse):
    """The answer of a change of a memory."""

    expired: PastWithChange = UNSET
    embedded: Embedded = UNSET


class BatchUpdatedResponse(MessageResponse):
    """The answer of a change of many memories."""

    expired: PastWithChange = UNSET
    embedded: Annotated[
        list[EmbeddedMemory] | UnsetType,
        Meta(description="Memories whose new text is too long to be embedded whole; present when there are any."),
    ] = UNSET


class EmbedderInfo(Struct):
    """The model memories are embedded with."""

    name: Annotated[str, Meta(description="Its name.", examples=["all-MiniLM-L6-v2"])]
    dimensions: Annotated[int, Meta(description="Length of its vectors.", examples=[384])]


class Configuration(Struct):
    """The settings of the server; none of them is secret."""

    version: Annotated[str, Meta(description="Version of mem0lite.", examples=["0.1.0"])]
    db: Annotated[str, Meta(description="Name of the file, without its folder.", examples=["mem0lite.db"])]
    embedder: Annotated[EmbedderInfo, Meta(description="The model memories are embedded with.")]
    vacuum_interval_seconds: Annotated[
        float, Meta(description="Seconds between two removals of expired memories; 0 is never.", examples=[60])
    ]
    read_only: Annotated[bool, Meta(description="Whether nothing can be stored, changed or deleted.")]
    graph_categories: Annotated[
        list[str],
        Meta(description="Of which memory_category memories are in the graph.", examples=[["skill_procedural"]]),
    ]


class ErasureReceipt(Struct):
    """What was erased, and when it was gone from the file's bytes."""

    scope: Annotated[dict[str, str], Meta(description="The ids that were given.", examples=[{"user_id": "alice"}])]
    erased_at: Annotated[str, Meta(description="When it was done.", examples=["2030-01-31T12:00:00+00:00"])]
    memories: Annotated[int, Meta(description="How many memories there were.", examples=[12])]
    vectors: Annotated[int, Meta(description="How many vectors.", examples=[12])]
    keywords: Annotated[int, Meta(description="How many entries of the keyword index.", examples=[148])]
    history: Annotated[int, Meta(description="How many changes, of deleted memories too.", examples=[15])]
    events: Annotated[int, Meta(description="How many events.", examples=[7])]
    exports: Annotated[int, Meta(description="How many exports that named one of the ids.", examples=[0])]
    graph: Annotated[int, Meta(description="How many entities and relations of memories.", examples=[31])]


class ErrorResponse(Struct):
    """Why a request was refused."""

    detail: Annotated[
        str,
        Meta(
            description="The reason, and where possible the cure.",
            examples=["At least one identifier (user_id, agent_id, run_id, app_id) is required."],
        ),
    ]


class ValidationError(Struct):
    """One thing that is wrong with the shape of a request."""

    loc: Annotated[
        list[str | int],
        Meta(description="Where: body, query or path, and the way to it.", examples=[["body", "query"]]),
    ]
    msg: Annotated[str, Meta(description="What is wrong.", examples=["Field required"])]
    type: Annotated[str, Meta(description="The kind of error.", examples=["missing"])]
    input: Annotated[Any, Meta(description="What was sent there.", examples=[{"user_id": "alice"}])] = UNSET
    ctx: Annotated[
        Json | UnsetType, Meta(description="The bound or the choice that was missed.", examples=[{"le": 1000}])
    ] = UNSET


class HTTPValidationError(Struct):
    """A request of the wrong shape."""

    detail: Annotated[list[ValidationError], Meta(description="Everything that is wrong with it.")]
