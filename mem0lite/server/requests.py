"""Bodies of requests to the self-hosted API, as they are decoded and as the OpenAPI document describes them.

The text under each field is its documentation, and ``examples.py`` has examples.
"""

from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from .problems import MissingFieldError

Json: TypeAlias = dict[str, Any]
Instant: TypeAlias = float | str | None


class Message(Struct, omit_defaults=True):
    """One message of a conversation, as OpenAI, Anthropic, Gemini or LangChain write it: with a role, or with a
    type."""

    role: str | UnsetType = UNSET
    """Role of the message (user or assistant). Messages with the role system, developer, tool or function are not
    remembered."""
    content: str | list[Json | str | None] | Json | UnsetType | None = UNSET
    """Message content: text, or one or several parts. Texts are remembered; everything else is named in `skipped`."""
    name: str | None = None
    """Who is speaking; kept as the memory's `actor_id`."""
    timestamp: Instant = None
    """When it was said: ISO 8601 or epoch seconds."""
    tool_calls: list[Json] | None = None
    """An assistant's tool calls; not remembered, and named in `skipped`."""
    function_call: Json | str | None = None
    """An assistant's tool call, as older models write it; not remembered, and named in `skipped`."""
    refusal: str | None = None
    """An assistant's refusal; not remembered, and named in `skipped`."""
    thinking: Any = None
    """An assistant's reasoning; not remembered, and named in `skipped`."""
    reasoning: Any = None
    """An assistant's reasoning; not remembered, and named in `skipped`."""
    reasoning_content: Any = None
    """An assistant's reasoning; not remembered, and named in `skipped`."""
    images: Any = None
    """Images beside the text; not remembered, and named in `skipped`."""
    audio: Any = None
    """Audio beside the text; not remembered, and named in `skipped`."""
    attachments: Any = None
    """Files beside the text; not remembered, and named in `skipped`."""
    parts: list[Json | str | None] | None = None
    """The content, under the name that Gemini gives it."""
    type: str | None = None
    """What the message is when it has no role, such as human or reasoning."""
    text: str | None = None
    """The text, when the message is a single part."""
    data: Any = None
    """The message itself, as LangChain stores it."""
    lc: Any = None
    """Version of LangChain's format."""
    kwargs: Any = None
    """The message itself, as LangChain serializes it."""

    def __post_init__(self) -> None:
        if self.role is UNSET and self.type is None and self.parts is None:
            raise MissingFieldError("role")  # as with mem0's server


class MemoryCreate(Struct):
    """What to remember."""

    messages: list[Message]
    """List of messages to store."""
    user_id: str | None = None
    """The user the memory belongs to."""
    agent_id: str | None = None
    """The agent the memory belongs to."""
    run_id: str | None = None
    """The run (session) the memory belongs to."""
    app_id: str | None = None
    """The app the memory belongs to."""
    metadata: Json | None = None
    """Anything to filter by later. `expires_at` and `memory_lifespan` (`short_term` or `long_term`) set when the memory
    expires."""
    expiration_date: str | None = None
    """Expiration date in YYYY-MM-DD format: the last day (UTC) on which the memory is visible."""
    ttl: float | None = None
    """Seconds from its creation until the memory expires."""
    timestamp: Instant = None
    """When it was said: ISO 8601 or epoch seconds. Becomes `created_at`. Default: now."""
    infer: bool | None = None
    """True (default): a message that adds nothing to a memory of the same scope (no new words, speaker, metadata or
    date, and no longer life) is reported, not stored twice. False: every message is stored."""
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
    prompt: str | None = None
    """Instructions for drawing facts that replace the server's own. For servers with a language model; others name it
    in `ignored`, as they do the next four fields."""
    custom_instructions: str | None = None
    """Instructions for drawing facts. Default: the project's."""
    custom_categories: Any = None
    """Categories of facts, with what each means: `[{"food": "What one eats"}]`. Default: the project's."""
    includes: str | None = None
    """What only to draw facts about."""
    excludes: str | None = None
    """What to draw no facts about."""


class MemoryUpdate(Struct):
    """What to change. A field that is left out stays as it is."""

    text: str | UnsetType | None = UNSET
    """New content to update the memory with."""
    metadata: Json | UnsetType | None = UNSET
    """Metadata to merge into the memory's."""
    expiration_date: str | UnsetType | None = UNSET
    """Expiration date in YYYY-MM-DD format, or null to clear."""
    timestamp: Instant | UnsetType = UNSET
    """When it was said: ISO 8601 or epoch seconds. Becomes `created_at`."""


class SearchRequest(Struct):
    """What to search for, and where."""

    query: str
    """Search query."""
    filters: Json | None = None
    """Which memories to search: ids, metadata keys, operators (eq, ne, gt, gte, lt, lte, in, nin, contains, icontains,
    not_contains, exists; also with $) and AND, OR, NOT. The id of a user, agent, run or app is required here or beside
    it."""
    user_id: str | None = None
    """Only memories of this user."""
    agent_id: str | None = None
    """Only memories of this agent."""
    run_id: str | None = None
    """Only memories of this run (session)."""
    app_id: str | None = None
    """Only memories of this app."""
    top_k: int | None = None
    """Maximum number of results to return."""
    limit: int | None = None
    """Another name for `top_k`; `top_k` wins if both are given."""
    threshold: float | None = None
    """Minimum score of a result, from 0 to 1. Default: 0.1."""
    explain: bool | None = None
    """Include score details for each search result."""
    show_expired: bool | None = None
    """Include expired memories."""
    latest_only: bool | None = None
    """False also finds superseded memories. Default: true."""
    rerank: bool | None = None
    """Order the best results with the server's reranker, or else with that of the extra `mem0lite[rerank]`. If there is
    neither, `not_reranked` says so."""
    reference_date: Instant = None
    """The "now" of a question such as "what did I do last week?": ISO 8601 or epoch seconds. Days are counted in its
    UTC offset, or in UTC if it has none. Default: the present."""
    as_of: Instant = None
    """Search what was stored at this instant, as it was then: ISO 8601 or epoch seconds. It is also the "now" of the
    question, if there is no `reference_date`. Default: the present."""
    ranking: Json | None = None
    """Weights of signals that should differ from the server's; 0 turns a signal off. The signals are {signals}."""
    relevant_only: bool | None = None
    """Leave out what is not relevant to the query, down to nothing. Default: false."""
    kinds: str | list[str] | None = None
    """Only `facts`, which a language model drew from messages, or only `turns`, which is everything else. Default:
    both."""


class ContextRequest(Struct):
    """What to find for a prompt, and how long it may be."""

    query: str
    """The question, or what the user said."""
    filters: Json | None = None
    """Which memories to search, as for `POST /search`. The id of a user, agent, run or app is required here or beside
    it."""
    user_id: str | None = None
    """Only memories of this user."""
    agent_id: str | None = None
    """Only memories of this agent."""
    run_id: str | None = None
    """Only memories of this run (session)."""
    app_id: str | None = None
    """Only memories of this app."""
    max_tokens: int | None = None
    """The length of the text, at most, by an estimate that is about 10 % too high for English.
    Default: 1000."""
    reference_date: Instant = None
    """The "now" of a question such as "what did I do last week?": ISO 8601 or epoch seconds. Days are those of its UTC
    offset, or of UTC if it has none. Default: the present."""
    as_of: Instant = None
    """Search what was stored at this instant, as it was then: ISO 8601 or epoch seconds. It is also the "now" of the
    question, if there is no `reference_date`. Default: the present."""
    ranking: Json | None = None
    """Weights of signals that should differ from the server's; 0 turns a signal off. The signals are {signals}."""
    rerank: bool | None = None
    """Let a reranker order the best results before they are chosen. If there is none, `not_reranked` says
    so."""
    latest_only: bool | None = None
    """False also finds superseded memories. Default: true."""
    relevant_only: bool | None = None
    """Leave out what is not relevant to the query, down to nothing. Default: true."""
    kinds: str | list[str] | None = None
    """Only `facts`, which a language model drew from messages, or only `turns`, which is everything else. Default:
    both."""


class ResetScope(Struct, forbid_unknown_fields=True):
    """Whose memories to remove. Without a body: everybody's."""

    user_id: str | UnsetType | None = UNSET
    """Memories of this user."""
    agent_id: str | UnsetType | None = UNSET
    """Memories of this agent."""
    run_id: str | UnsetType | None = UNSET
    """Memories of this run (session)."""
    app_id: str | UnsetType | None = UNSET
    """Memories of this app."""


class ErasedScope(ResetScope, forbid_unknown_fields=True):
    """Whom to erase: at least one id. Memories that have all the given ids are erased."""


class KeyCreate(Struct, forbid_unknown_fields=True):
    """What an API key is to be."""

    label: str | None = None
    """What it is for."""
    user_id: str | int | None = None
    """The user whose memories it reaches. Without one, it reaches everything."""
    ttl: float | None = None
    """Seconds until it stops working."""
    expires_at: Instant = None
    """When it stops working, instead of `ttl`: ISO 8601 or epoch seconds."""


class ConfigurationUpdate(Struct, forbid_unknown_fields=True):
    """What can be changed while the server runs."""

    vacuum_interval_seconds: float | UnsetType = UNSET
    """Seconds between two removals of expired memories. 0 means never."""


class ImportRequest(Struct, forbid_unknown_fields=True):
    """What to import, and whose memories those are that name nobody."""

    lines: list[str]
    """The lines of an export, each a JSON object as text."""
    user_id: str | UnsetType | None = UNSET
    """The user of memories that name nobody."""
    agent_id: str | UnsetType | None = UNSET
    """The agent of memories that name nobody."""
    run_id: str | UnsetType | None = UNSET
    """The run (session) of memories that name nobody."""
    app_id: str | UnsetType | None = UNSET
    """The app of memories that name nobody."""
