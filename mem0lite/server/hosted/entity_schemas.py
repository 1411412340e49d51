"""The bodies of the hosted API's requests and responses about users, agents, runs, apps and the organization."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ..schemas import Json
from .schemas import Answered

# -- requests


class NewEntity(Struct, kw_only=True):
    """Who is to have memories."""

    name: Annotated[str | None, Meta(description="The id once more, or nothing.", examples=[None])] = None
    metadata: Annotated[
        Json | None, Meta(description="Refused unless empty: memories have metadata.", examples=[None])
    ] = None


class NewUser(NewEntity, kw_only=True):
    """A user who is to have memories."""

    user_id: Annotated[str | int, Meta(description="Id of the user.", examples=["alice"])]


class NewAgent(NewEntity, kw_only=True):
    """An agent that is to have memories."""

    agent_id: Annotated[str | int, Meta(description="Id of the agent.", examples=["travel-planner"])]


class NewApp(NewEntity, kw_only=True):
    """An app that is to have memories."""

    app_id: Annotated[str | int, Meta(description="Id of the app.", examples=["inbox"])]


class NewRun(NewEntity, kw_only=True):
    """A run that is to have memories."""

    run_id: Annotated[str | int, Meta(description="Id of the run.", examples=["2030-01-31"])]


# -- responses


class Named(Answered):
    """The id that was given, as memories keep it."""

    message: Annotated[str, Meta(description="That nothing was made.")]
    user_id: Annotated[str | UnsetType, Meta(description="The user.", examples=["alice"])] = UNSET
    agent_id: Annotated[str | UnsetType, Meta(description="The agent.", examples=["travel-planner"])] = UNSET
    app_id: Annotated[str | UnsetType, Meta(description="The app.", examples=["inbox"])] = UNSET
    run_id: Annotated[str | UnsetType, Meta(description="The run.", examples=["2030-01-31"])] = UNSET


class EntityType(Struct):
    """Something an entity can be."""

    type: Annotated[Literal["user", "agent", "run", "app"], Meta(description="What it is.", examples=["user"])]
    filter: Annotated[str, Meta(description="The filter that names one.", examples=["user_id"])]
    total: Annotated[int, Meta(description="How many have memories.", examples=[3])]


class EntityTypes(Answered):
    """Everything an entity can be."""

    results: Annotated[list[EntityType], Meta(description="The types.")]


class HostedStats(Answered):
    """How much there is: of the key's user where it has one, else in the whole store."""

    total_memories: Annotated[int, Meta(description="Memories that there are.", examples=[12])]
    total_add_events: Annotated[int, Meta(description="Calls of add, of the last 30 days at least.", examples=[7])]
    total_search_events: Annotated[None, Meta(description="Always null: searches are not recorded.", examples=[None])]
    total_users: Annotated[int, Meta(description="Users who have memories.", examples=[3])]
    total_agents: Annotated[int, Meta(description="Agents that have memories.", examples=[1])]
    total_runs: Annotated[int, Meta(description="Runs that have memories.", examples=[1])]
    total_apps: Annotated[int, Meta(description="Apps that have memories.", examples=[1])]


Nothing = Annotated[None, Meta(description="Always null: nothing is kept of it.", examples=[None])]


class Organization(Answered):
    """The one organization."""

    id: Annotated[int, Meta(description="Always 1.", examples=[1])]
    org_id: Annotated[str, Meta(description="Its name.", examples=["mem0lite"])]
    name: Annotated[str, Meta(description="Its name.", examples=["mem0lite"])]
    description: Nothing
    address: Nothing
    contact_email: Nothing
    phone_number: Nothing
    website: Nothing
    on_paid_plan: Annotated[Literal[False], Meta(description="Always false: there is no plan.", examples=[False])]
    created_at: Nothing
    updated_at: Nothing
    owner: Nothing
    members: Annotated[list[Any], Meta(description="Always empty: keys are not people.", examples=[[]])]


class Members(Answered):
    """Who belongs to the organization or the project: nobody, as there are no accounts."""

    members: Annotated[list[Any], Meta(description="Always empty: keys are not people.", examples=[[]])]
