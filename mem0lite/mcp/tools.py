"""The tools: mem0's names and arguments, with a few more arguments of ours."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired

from ..errors import MemoryNotFoundError, NotFoundError, ValidationError
from ..types import (
    AddResult,
    EmbeddedPart,
    Entity,
    EventItem,
    EventPage,
    MemoryItem,
    MessageResult,
    Page,
    SearchResult,
    SummaryResult,
    TypedDict,
)
from ..types import UpdateResult as Updated
from . import schemas, scopes

if TYPE_CHECKING:
    from ..aio import AsyncMemory

Given = Mapping[str, Any]
Call = Callable[["AsyncMemory", Given, str], Awaitable[Mapping[str, Any]]]
"""Does the work of a tool with the memory, checked arguments, and the default user."""

_MAX_PAGE = 1_000  # memories in one answer; a model is given fewer
_MAX_TOKENS = 1_000_000  # more than any model reads


class Added(AddResult):
    """What ``add_memory`` returns."""

    ignored: NotRequired[list[str]]
    """Arguments that had no effect. Present when there are any."""


class Found(SearchResult):
    """What ``search_memories`` returns."""

    ignored: NotRequired[list[str]]
    """Arguments that had no effect. Present when there are any."""


class Block(TypedDict):
    """What ``get_context`` returns. The memories are in the text only: a model would otherwise read them twice."""

    text: str
    """The memories as quotations. Empty if there are none, or none fits."""
    tokens: int
    """How many tokens it has, at most ``max_tokens``."""
    memory_ids: list[str]
    """Those of the memories in it, in its order."""
    left_out: int
    """How many relevant memories did not fit."""
    not_reranked: NotRequired[str]
    """Why no reranker chose them although it was asked to."""
    embedded: NotRequired[EmbeddedPart]
    """Present when the query is too long to be embedded whole."""


class Listed(Page):
    """What ``get_memories`` returns."""

    ignored: NotRequired[list[str]]
    """Arguments that had no effect. Present when there are any."""


class Entities(TypedDict):
    """What ``list_entities`` returns."""

    results: list[Entity]
    """One page of them, those with the most memories first."""
    total: int
    """How many there are in all."""


class Tool(NamedTuple):
    """One tool, as clients list it, and what it does."""

    name: str
    title: str
    description: str
    arguments: schemas.Schema
    required: tuple[str, ...]
    answer: Any
    """The shape of its answer, a TypedDict."""
    call: Call
    writes: bool = False
    destroys: bool = False
    repeatable: bool = True

    @property
    def schema(self) -> schemas.Schema:
        """The schema of the arguments."""
        schema: schemas.Schema = {"type": "object", "properties": self.arguments, "additionalProperties": False}
        return {**schema, "required": list(self.required)} if self.required else schema

    def described(self) -> dict[str, Any]:
        """Return the tool as ``tools/list`` shows it."""
        hints = {"readOnlyHint": not self.writes, "destructiveHint": self.destroys, "idempotentHint": self.repeatable}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.schema,
            "outputSchema": schemas.of(self.answer),
            "annotations": {"title": self.title, **hints, "openWorldHint": False},
        }


# -- arguments


def _text(description: str) -> schemas.Schema:
    return {"type": "string", "description": description}


def _flag(description: str) -> schemas.Schema:
    return {"type": "boolean", "description": description}


def _number(description: str, least: int, most: int | None = None) -> schemas.Schema:
    bounds = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"type": "integer", "description": description, **bounds}


_IDS = {
    "user_id": _text("Whose memories. Leave it out for the default user."),
    "agent_id": _text("The agent's id."),
    "app_id": _text("The app's id."),
    "run_id": _text("The id of the run, that is, of one conversation or job."),
}
_FILTERS = {
    "type": "object",
    "description": (
        'Conditions on ids, dates and metadata, such as {"AND": [{"user_id": "alice"}, {"created_at": {"gte": '
        '"2026-01-31"}}]}. AND, OR and NOT take lists and nest; operators: eq, ne, gt, gte, lt, lte, in, nin, '
        'contains, icontains. "*" means any value. Without an id in it, the default user is meant.'
    ),
}
_IGNORED = {"enable_graph": _flag("Has no effect; accepted for callers of mem0.")}
_MEMORY_ID = {"memory_id": _text("The id of the memory, as the other tools return it.")}
_METADATA = {"type": "object", "description": "Any JSON object to keep with the memory."}
_EXPIRED = {"show_expired": _flag("Also return memories that have expired.")}
_VERSIONS = {"latest_only": _flag("false also returns memories that others supersede.")}
_AS_OF = {"as_of": _text("Answer as it was at this instant, in ISO 8601: also what was changed or deleted since.")}
_KINDS = {
    "kinds": {
        "type": "string",
        "description": "Only facts that a language model drew from messages, or only turns, which is everything else.",
        "enum": ["facts", "turns"],
    }
}
_PAGES = {
    "page": _number("Which page, from 1.", 1),
    "page_size": _number("How many on a page; 20 if left out.", 1, _MAX_PAGE),
}
_REFERENCE_DATE = _text('What the question means by "now", in ISO 8601, if not the present.')
_AFTER = {"after": _text("The next_cursor of the page before, in place of page.")}


# -- what they do


def _without_effect(given: Given, *more: str) -> dict[str, Any]:
    names = [name for name in ("enable_graph", *more) if name in given]
    return {"ignored": names} if names else {}


def _some(given: Given, *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


async def _add(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    messages = given.get("messages") or given.get("text")
    if messages is None:
        raise ValidationError("Invalid text: missing. Give text, or messages.", field="text")
    options = _some(given, "metadata", "infer", "expiration_date", "ttl", "timestamp", "key", "supersedes")
    try:
        added = await memory.add(messages, **scopes.scope(given, user), **options)
    except ValidationError as error:
        if given.get("messages") or not error.field.startswith("messages"):
            raise
        raise ValidationError(str(error).replace(error.field, "text", 1), field="text") from None
    unused = ("text",) if given.get("messages") else ()
    return {**added, **_without_effect(given, *unused)}


async def _search(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    if given.get("limit", given.get("top_k")) != given.get("top_k", given.get("limit")):
        raise ValidationError("Invalid top_k: it is another name of limit, and they differ. Give one.", field="top_k")
    flags = ("rerank", "relevant_only", *_EXPIRED, *_VERSIONS, *_AS_OF, *_KINDS)
    options = _some(given, "filters", "limit", "top_k", "threshold", "reference_date", *flags)
    found = await memory.search(given["query"], **scopes.scope(given, user), **options)
    return {**found, **_without_effect(given)}


async def _context(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    flags = ("rerank", "relevant_only", *_VERSIONS, *_AS_OF, *_KINDS)
    options = _some(given, "filters", "max_tokens", "reference_date", *flags)
    block = await memory.context(given["query"], **scopes.scope(given, user), **options)
    counts = {"memory_ids": [one["id"] for one in block["memories"]], "left_out": len(block["left_out"])}
    return {**_some(block, "text", "tokens"), **counts, **_some(block, "not_reranked", "embedded")}


async def _summarize(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    return await memory.summary(**scopes.scope(given, user), **_some(given, "filters", "kind"))


async def _list(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    options = _some(given, "filters", "page", "page_size", "after", *_EXPIRED, *_VERSIONS, *_AS_OF, *_KINDS)
    page = await memory.get_all(**scopes.scope(given, user), **options)
    return {**page, **_without_effect(given)}


async def _get(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    item: Mapping[str, Any] | None = await memory.get(given["memory_id"], **_some(given, "as_of"))
    if item is None:
        raise MemoryNotFoundError(f"Memory with id {given['memory_id']} not found")
    return item


async def _update(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    return await memory.update(given["memory_id"], **_some(given, "text", "metadata", "expiration_date", "timestamp"))


async def _delete(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    return await memory.delete(given["memory_id"])


async def _delete_all(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    return await memory.delete_all(**scopes.scope(given, user))


async def _delete_entity(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    if len(given) != 1:
        raise ValidationError(
            "Nothing was deleted: give exactly one of user_id, agent_id, app_id and run_id. To delete what belongs to "
            "several of them at once, such as one agent's memories of one user, use delete_all_memories.",
            field="user_id",
        )
    await memory.delete_all(**given)
    return {"message": "Entity deleted successfully."}


async def _list_entities(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    every = sorted(await memory.entities(), key=lambda one: (-one["total_memories"], one["type"], one["id"]))
    size = given.get("page_size", _MAX_PAGE)
    start = (given.get("page", 1) - 1) * size
    return {"results": every[start : start + size], "total": len(every)}


async def _list_events(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    return await memory.events(**scopes.scope(given, user), **_some(given, "page", "page_size", "after"))


async def _get_event(memory: "AsyncMemory", given: Given, user: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = await memory.event(given["event_id"])
    if found is None:
        raise NotFoundError(f"Event with id {given['event_id']} not found")
    return found


TOOLS = (
    Tool(
        "add_memory",
        "Remember",
        "Store a fact, a preference or a conversation, word for word. A text that adds nothing to a stored one is not "
        "stored again; the answer then says NONE and names that memory. Ids say whose memory it is; without a user, "
        "agent or run it is the default user's.",
        {
            "text": _text("What to remember: a sentence that can be understood on its own. Not needed with messages."),
            "messages": {
                "type": "array",
                "description": "A conversation, each message of which is stored, in place of text.",
                "items": {
                    "type": "object",
                    "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
                    "required": ["role", "content"],
                },
            },
            **_IDS,
            "metadata": _METADATA,
            "infer": _flag("false stores it even if it adds nothing new."),
            "expiration_date": _text("The last day on which it is remembered, YYYY-MM-DD."),
            "ttl": {"type": "number", "description": "Forget it after so many seconds.", "minimum": 0},
            "timestamp": _text("When it was said, in ISO 8601, if not now."),
            "key": _text(
                "What the text is the value of, such as phone: what held before under this key is superseded. For one "
                "text at a time."
            ),
            "supersedes": {
                "type": "array",
                "description": "Ids of memories that hold no more because of this one. For one text at a time.",
                "items": {"type": "string"},
            },
            **_IGNORED,
        },
        (),
        Added,
        _add,
        writes=True,
        repeatable=False,
    ),
    Tool(
        "search_memories",
        "Search memories",
        "Find the memories that answer a question best, by meaning and by words. Ask in a natural sentence; dates in "
        "it are understood. Scores lie between 0 and 1.",
        {
            "query": _text("What to find."),
            "filters": _FILTERS,
            "limit": _number("How many memories to return at most; 20 if left out.", 1, _MAX_PAGE),
            "top_k": _number("Another name of limit.", 1, _MAX_PAGE),
            **_IDS,
            "threshold": {
                "type": "number",
                "description": "Leave out scores below this; 0.1 if left out.",
                "minimum": 0,
                "maximum": 1,
            },
            "rerank": _flag("Let a reranker order the results, if there is one."),
            "relevant_only": _flag("Leave out what is not relevant, down to nothing."),
            "reference_date": _REFERENCE_DATE,
            **_EXPIRED,
            **_VERSIONS,
            **_AS_OF,
            **_KINDS,
            **_IGNORED,
        },
        ("query",),
        Found,
        _search,
    ),
    Tool(
        "get_context",
        "Recall for a prompt",
        "Get what the memories say to a question as one text that is not longer than asked for: the best of them word "
        "for word, with dates and speakers, in the order in which they were said. Use it to read up on something "
        "before you answer, and search_memories to find memories that you want to change.",
        {
            "query": _text("What it is about, as a question or in words."),
            "max_tokens": _number("How long the text may be, in tokens; 1000 if left out.", 0, _MAX_TOKENS),
            "filters": _FILTERS,
            **_IDS,
            "rerank": _flag("Let the server's reranker choose the memories, if it has one."),
            "relevant_only": _flag("false also gives what is not relevant, as far as there is room."),
            "reference_date": _REFERENCE_DATE,
            **_VERSIONS,
            **_AS_OF,
            **_KINDS,
        },
        ("query",),
        Block,
        _context,
    ),
    Tool(
        "get_summary",
        "Summarize memories",
        "Have the language model of this memory summarize what it knows about somebody or something: of the memories "
        "that match, the newest 500 at most. Fails if it has no language model; then read get_context instead.",
        {
            "kind": {
                "type": "string",
                "description": "summary, or profile, which describes the person; summary if left out.",
                "enum": ["summary", "profile"],
            },
            "filters": _FILTERS,
            **_IDS,
        },
        (),
        SummaryResult,
        _summarize,
    ),
    Tool(
        "get_memories",
        "List memories",
        "List memories, newest first, page by page. Use search_memories to find something in particular.",
        {"filters": _FILTERS, **_PAGES, **_AFTER, **_IDS, **_EXPIRED, **_VERSIONS, **_AS_OF, **_KINDS, **_IGNORED},
        (),
        Listed,
        _list,
    ),
    Tool(
        "get_memory",
        "Get a memory",
        "Get one memory by its id.",
        {**_MEMORY_ID, **_AS_OF},
        ("memory_id",),
        MemoryItem,
        _get,
    ),
    Tool(
        "update_memory",
        "Change a memory",
        "Replace the text of a memory, merge metadata into its own, or set until when it is remembered. What is left "
        "out stays as it is.",
        {
            **_MEMORY_ID,
            "text": _text("The new text."),
            "metadata": _METADATA,
            "expiration_date": _text("The last day on which it is remembered, YYYY-MM-DD."),
            "timestamp": _text("When it was said, in ISO 8601."),
        },
        ("memory_id",),
        Updated,
        _update,
        writes=True,
        destroys=True,
    ),
    Tool(
        "delete_memory",
        "Delete a memory",
        "Delete one memory by its id. Ask the user first.",
        _MEMORY_ID,
        ("memory_id",),
        MessageResult,
        _delete,
        writes=True,
        destroys=True,
    ),
    Tool(
        "delete_all_memories",
        "Delete all memories of a scope",
        "Delete every memory that has all the ids given: of a user, an agent, a run, an app, or of several of them "
        "together. Without a user, agent or run, they are the default user's. Ask the user first.",
        _IDS,
        (),
        MessageResult,
        _delete_all,
        writes=True,
        destroys=True,
    ),
    Tool(
        "delete_entities",
        "Delete a user, agent, app or run",
        "Delete one user, agent, app or run, that is, every memory that has its id. Give exactly one id. Ask the user "
        "first.",
        {**_IDS, "user_id": _text("The user's id.")},
        (),
        MessageResult,
        _delete_entity,
        writes=True,
        destroys=True,
    ),
    Tool(
        "list_entities",
        "List users, agents, apps and runs",
        "List the users, agents, apps and runs that have memories, with how many, those with the most first.",
        {**_PAGES, "page_size": _number("How many on a page; 1000 if left out.", 1, _MAX_PAGE)},
        (),
        Entities,
        _list_entities,
    ),
    Tool(
        "list_events",
        "List events",
        "List the calls of add_memory, newest first, with the memories that each made or repeated.",
        {**_IDS, **_PAGES, **_AFTER},
        (),
        EventPage,
        _list_events,
    ),
    Tool(
        "get_event_status",
        "Get an event",
        "Get one call of add_memory by its event_id, and what became of its messages. It has always succeeded: a call "
        "has done all its work when it returns.",
        {"event_id": _text("The event_id that add_memory returned.")},
        ("event_id",),
        EventItem,
        _get_event,
    ),
)
"""Every tool, in the order in which clients list them."""

BY_NAME = {tool.name: tool for tool in TOOLS}


@cache
def described(*, read_only: bool) -> list[dict[str, Any]]:
    """Return what ``tools/list`` shows: all tools, or those that change nothing."""
    return [tool.described() for tool in TOOLS if not (read_only and tool.writes)]
