"""Answers of the hosted API, for the OpenAPI document: the shapes of the library, and what the hosted API adds.

Their names, which the document shows, differ from those of the self-hosted API. The text under each field is its
documentation; fields without text here have theirs in ``types.py``.
"""

from typing import Any, Literal, NotRequired

from ... import types
from ...types import TypedDict
from ..responses import Answered

# -- memories


class MemoryText(TypedDict):
    """The text of a memory."""

    memory: str | None
    """The text. Null when the memory is deleted or expired."""


class Outcome(types.AddedItem):
    """What happened to one message."""

    data: MemoryText
    """The text again, where older clients read it."""


class HostedAdded(Answered):
    """One outcome for each message."""

    message: str
    """What was done."""
    status: Literal["SUCCEEDED", "PENDING", "FAILED"]
    """SUCCEEDED, if the server has no language model. Otherwise PENDING: the messages are stored and found, and facts
    are drawn from them in the background; the event tells when that is done."""
    problem: NotRequired[str]
    """Why no facts were drawn."""
    refused: NotRequired[list[types.RefusedFact]]
    """What the language model answered and was not stored."""
    event_id: str
    """Id of the call, for `/v1/event/`."""
    results: list[Outcome]
    """The outcomes, in the order of the messages."""
    relations: NotRequired[list[types.Relation]]
    """What the new memories say about entities. Present when one of them is in a graph category."""
    skipped: NotRequired[list[types.SkippedPart]]
    """What was not remembered, such as an image. Present when there is any."""


class HostedMemory(Answered, total=False):
    """One memory. Fields about a search and about feedback are present only when there is something to say. With
    `fields`, only those fields are present."""

    id: str
    memory: str
    hash: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    session_id: str | None
    """The same as `run_id`."""
    metadata: dict[str, Any] | None
    categories: list[Any] | None
    """`metadata.categories`, if that is a list."""
    created_at: str
    updated_at: str
    expiration_date: str | None
    expires_at: str
    actor_id: str
    role: str
    score: float
    rerank_score: float
    score_details: types.ScoreDetails
    feedback: str
    feedback_reason: str
    key: str
    superseded_by: str
    valid_from: str
    valid_to: str
    sources: list[str]


class HostedFound(Answered):
    """The memories that were found."""

    results: list[HostedMemory]
    """The memories, best first."""
    relations: NotRequired[list[types.Relation]]
    """What the results say about entities, in their order. Present when one of them is in a graph category."""
    not_reranked: NotRequired[str]
    """Why no reranker ordered the results although it was asked to."""
    embedded: NotRequired[types.EmbeddedPart]
    """Present when the query is too long to be embedded whole."""


class HostedUpdated(HostedMemory):
    """One memory after a change."""

    embedded: NotRequired[types.EmbeddedPart]
    """Present when the new text is too long to be embedded whole."""


class Linked(Answered):
    """One page of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the next page, or null."""
    previous: str | None
    """Address of the previous page, or null."""


class Cursored(Linked):
    """One page of a list that can be read with a cursor."""

    next_cursor: str | None
    """Give it as `after` to get the next page. Null on the last page."""


class HostedPage(Cursored):
    """One page of memories."""

    results: list[HostedMemory]
    """The memories, newest first."""


# -- entities


class HostedEntity(types.Entity, Answered):
    """A user, agent, run or app that has memories."""

    name: str
    """Its id, under the name that clients use to delete it."""
    owner: str
    """The only organization."""
    organization: str
    """The only organization."""
    metadata: dict[str, Any]
    """Always empty."""


class EntityPage(Linked):
    """One page of entities."""

    results: list[HostedEntity]
    """The entities."""


class Named(Answered):
    """The id that was given, as memories store it."""

    message: str
    """Says that nothing was created."""
    user_id: NotRequired[str]
    """The user."""
    agent_id: NotRequired[str]
    """The agent."""
    app_id: NotRequired[str]
    """The app."""
    run_id: NotRequired[str]
    """The run."""


class EntityType(TypedDict):
    """A type of entity."""

    type: Literal["user", "agent", "run", "app"]
    """What it is."""
    filter: str
    """The filter that selects one."""
    total: int
    """How many have memories."""


class EntityTypes(Answered):
    """All types of entities."""

    results: list[EntityType]
    """The types."""


class HostedStats(Answered):
    """How much there is: for the key's user if the key has one, else in the whole store."""

    total_memories: int
    """How many memories there are."""
    total_add_events: int
    """How many calls of add are recorded: at least those of the last 30 days."""
    total_search_events: None
    """Always null: searches are not recorded."""
    total_users: int
    """How many users have memories."""
    total_agents: int
    """How many agents have memories."""
    total_runs: int
    """How many runs have memories."""
    total_apps: int
    """How many apps have memories."""


# -- events, feedback and exports


class EventOutcome(types.EventResult):
    """What happened to one message, and the text that its memory has now."""

    data: MemoryText
    """The text again, where older clients read it."""
    user_id: str | None
    """The user of the call."""


class HostedEvent(Answered):
    """One call of add."""

    id: str
    """The `event_id` that the call returned."""
    event_type: Literal["ADD", "UPDATE"]
    """What was called."""
    status: Literal["SUCCEEDED", "PENDING", "FAILED"]
    """SUCCEEDED, if the server has no language model. Otherwise PENDING: the messages are stored and found, and facts
    are drawn from them in the background; the event tells when that is done."""
    problem: NotRequired[str]
    """Why no facts were drawn."""
    refused: NotRequired[list[types.RefusedFact]]
    """What the language model answered and was not stored."""
    user_id: str | None
    """The user of the call."""
    agent_id: str | None
    """The agent of the call."""
    app_id: str | None
    """The app of the call."""
    run_id: str | None
    """The run of the call."""
    created_at: str
    """When it was called."""
    updated_at: str
    """When it was done."""
    results: list[EventOutcome]
    """What happened to each message."""


class HostedEvents(Cursored):
    """One page of events."""

    results: list[HostedEvent]
    """The events, newest first."""


class FeedbackResponse(types.FeedbackResult, Answered):
    """What was stored."""

    message: str
    """What was done."""


class ExportMade(types.MemoryExportRequest, Answered):
    """An export that can be read."""

    status: Literal["SUCCEEDED"]
    """Always SUCCEEDED: an export can be read at once."""


class Exported(types.MemoryExport, Answered):
    """The memories of an export."""


# -- the organization, its project and webhooks


class Ping(Answered):
    """Says that the server is there, and gives the names that clients ask for."""

    status: Literal["ok"]
    """Always ok."""
    message: str
    """The same in words."""
    org_id: str
    """The only organization."""
    project_id: str
    """The only project."""
    user_email: None
    """Always null: keys are not people."""
    user_id: str | None
    """The user whose memories the key is for. Null for a key that reaches everything, and without keys."""


class Organization(Answered):
    """The only organization."""

    id: int
    """Always 1."""
    org_id: str
    """Its name."""
    name: str
    """Its name."""
    description: None
    """Always null: it is not stored."""
    address: None
    """Always null: it is not stored."""
    contact_email: None
    """Always null: it is not stored."""
    phone_number: None
    """Always null: it is not stored."""
    website: None
    """Always null: it is not stored."""
    on_paid_plan: bool
    """Always false: there is no plan."""
    created_at: None
    """Always null: it is not stored."""
    updated_at: None
    """Always null: it is not stored."""
    owner: None
    """Always null: keys are not people."""
    members: list[Any]
    """Always empty: keys are not people."""


class Members(Answered):
    """Who belongs to the organization or the project: nobody, because there are no accounts."""

    members: list[Any]
    """Always empty: keys are not people."""


class Project(Answered, total=False):
    """The settings of the project, or those that were asked for. What was never set is null."""

    id: str
    """The only project."""
    project_id: str
    """The only project."""
    name: str
    """The name that was set, or else the project's id."""
    description: str | None
    """The description that was set."""
    organization: str
    """The only organization."""
    members: list[Any]
    """Always empty: keys are not people."""
    custom_instructions: str | list[str] | None
    """The instructions that were set."""
    custom_categories: list[Any] | None
    """The categories that were set."""
    decay: bool | None
    """Whether searches favour what they returned lately."""
    decay_half_life_days: float | None
    """Days until half of what a use gained is lost. Default: 3."""


class ProjectUpdated(Project, total=False):
    """The settings that are now in force."""

    message: str
    """What was done."""


class Webhook(types.Webhook, Answered):
    """A webhook: where which events are sent."""

    message: NotRequired[str]
    """What was done. Present after a change."""
    secret: NotRequired[str]
    """Signs what is sent. Present only when the webhook is created."""
