"""The doors to a block for a prompt: each takes what ``Memory.context`` takes, and does with it what that does."""

import asyncio
import inspect

import pytest
from conftest import Clock
from embedder import HashEmbedder

from mem0lite import AsyncMemory, Memory
from mem0lite.cli import cli
from mem0lite.mcp import tools
from mem0lite.server.requests import ContextRequest

ARGUMENTS = set(inspect.signature(Memory.context).parameters) - {"self"}
PYTHON_ONLY = {"count_tokens"}  # a function
WEIGHTS = {"ranking"}  # for programs: neither models nor the command line weigh signals, in searches either


def of_command_line():
    scope = {"user": "user_id", "agent": "agent_id", "run": "run_id", "app": "app_id", "irrelevant": "relevant_only"}
    return {scope.get(one.name, one.name) for one in cli.commands["context"].params}


DOORS = {
    "async": (set(inspect.signature(AsyncMemory.context).parameters) - {"self"}, set()),
    "HTTP": (set(ContextRequest.__struct_fields__), PYTHON_ONLY),
    "command line": (of_command_line(), PYTHON_ONLY | WEIGHTS),
    "MCP": (set(tools.BY_NAME["get_context"].arguments), PYTHON_ONLY | WEIGHTS),
}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_every_door_takes_every_argument(door):
    """What Python can ask of ``context`` can be asked at every door, unless it is named here."""
    taken, lacking = DOORS[door]
    assert ARGUMENTS - taken == lacking


@pytest.fixture
def path(tmp_path):
    """A store in which every argument makes a difference."""
    path, clock = tmp_path / "m.db", Clock()
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add("The tea is green", user_id="u", key="tea", timestamp="2024-01-01T20:00:00Z", infer=False)
        memory.add("My bicycle is blue", user_id="u", agent_id="a", timestamp="2024-01-02", infer=False)
        memory.add("Tea of the app", user_id="u", app_id="p", run_id="r", metadata={"k": 1}, infer=False)
        clock.advance(days=1)
        memory.add("The tea is black", user_id="u", key="tea", timestamp="2024-02-01", infer=False)
    return path


ASKED = {
    "query": "bicycle",
    "filters": {"k": 1},
    "user_id": "nobody",
    "agent_id": "a",
    "app_id": "p",
    "run_id": "r",
    "max_tokens": 20,
    "rerank": True,
    "relevant_only": False,
    "reference_date": "2024-06-01T00:00:00+12:00",
    "latest_only": False,
    "as_of": "2026-03-01T18:00:00Z",
    "kinds": "facts",
}


def test_a_tool_does_with_each_argument_what_the_library_does(path):
    """No argument of MCP's tool is dropped: each changes its answer, and as it changes the library's."""
    arguments = tools.BY_NAME["get_context"].arguments
    assert set(arguments) == set(ASKED)

    reranked = []

    def rerank(query, texts):
        reranked.append(query)
        return [0.5] * len(texts)

    async def walk():
        async with AsyncMemory(path, embedder=HashEmbedder(), reranker=rerank) as memory:

            async def told(**more):
                given = {"query": "tea", "user_id": "u", **more}
                block = await tools.BY_NAME["get_context"].call(memory, given, "u")
                whole = await memory.context(**given)
                assert block["text"] == whole["text"]
                assert block["memory_ids"] == [one["id"] for one in whole["memories"]]
                return block, len(reranked) > 0

            plain = await told()
            return [name for name, value in ASKED.items() if await told(**{name: value}) == plain]

    assert asyncio.run(walk()) == []
