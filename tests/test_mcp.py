"""MCP over stdio, with real processes, and what its tools, resources and prompts do, asked by the official client."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

mcp = pytest.importorskip("mcp", reason="the official client of MCP is not installed: pip install -e '.[dev]'")

from mcp.client.stdio import stdio_client  # noqa: E402
from mcp.types import PromptReference, ResourceTemplateReference  # noqa: E402

from mem0lite import Memory  # noqa: E402
from mem0lite.mcp import resources, tools  # noqa: E402

GATE = Path(__file__).parent / "mcp_gate.py"
MODES = ("legacy", "auto")
"""How the client begins: with a handshake, as up to 2025-11-25, or as from 2026-07-28 on."""

ARGUMENTS_OF_MEM0 = {
    "add_memory": {"text", "messages", "user_id", "agent_id", "app_id", "run_id", "metadata", "enable_graph"},
    "search_memories": {"query", "filters", "limit", "enable_graph"},
    "get_memories": {"filters", "page", "page_size", "enable_graph"},
    "get_memory": {"memory_id"},
    "update_memory": {"memory_id", "text"},
    "delete_memory": {"memory_id"},
    "delete_all_memories": {"user_id", "agent_id", "app_id", "run_id"},
    "delete_entities": {"user_id", "agent_id", "app_id", "run_id"},
    "list_entities": set[str](),
    "list_events": set[str](),
    "get_event_status": {"event_id"},
}
OURS = ("get_context", "get_summary")
"""Tools that mem0's server does not have."""


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    return {**kept, "PYTHONIOENCODING": "utf-8", **changes}


def command(db: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "mem0lite", "--db", str(db), "mcp", *arguments]


def conversation(
    db: Path, talk: Callable[[Any], Awaitable[Any]], *arguments: str, mode: str = "auto", **variables: str
) -> Any:
    """Let the official client start ``mem0lite mcp`` and talk to it, and return what that returns."""

    async def run() -> Any:
        program, *rest = command(db, *arguments)
        server = mcp.StdioServerParameters(command=program, args=rest, env=environment(**variables))
        async with mcp.Client(stdio_client(server), mode=mode) as client:
            return await talk(client)

    return asyncio.run(run())


async def done(client: Any, tool: str, **arguments: Any) -> Any:
    """Call a tool that succeeds, and return what is structured of its answer."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content[0].text
    assert json.loads(answer.content[0].text) == answer.structured_content
    return answer.structured_content


async def refused(client: Any, tool: str, **arguments: Any) -> str:
    """Call a tool that fails, and return what the model is told."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.structured_content
    text: str = answer.content[0].text
    return text


class Gate(NamedTuple):
    """A named pipe that the embedder of a server waits for."""

    path: Path
    held: int

    def open(self) -> None:
        os.write(self.held, b"x")


class Piped:
    """A server process to which a test writes lines of its own."""

    def __init__(self, arguments: list[str], **variables: str) -> None:
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**variables),
            bufsize=0,
        )

    def send(self, method: str, number: int | None = None, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.write(json.dumps(message if number is None else {**message, "id": number}).encode())

    def call(self, number: int, tool: str, **arguments: Any) -> None:
        self.send("tools/call", number, name=tool, arguments=arguments)

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")

    def read(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self) -> list[Any]:
        """Close the server's input, and return what it still says before it ends by itself."""
        out, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, errors
        return [json.loads(line) for line in out.splitlines()]


@contextmanager
def piped(arguments: list[str], **variables: str) -> Iterator[Piped]:
    server = Piped(arguments, **variables)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


# -- what is offered


@pytest.mark.parametrize("mode", MODES)
def test_the_tools_are_those_of_mem0(db: Path, mode: str) -> None:
    """The tools and their arguments have mem0's names; each says what it takes, returns, and does to the memories."""

    async def talk(client: Any) -> Any:
        return (await client.list_tools()).tools, client.instructions

    listed, instructions = conversation(db, talk, mode=mode)
    assert "search_memories" in instructions
    found = {tool.name: tool for tool in listed}
    assert set(found) == {*ARGUMENTS_OF_MEM0, *OURS}
    for name, tool in found.items():
        properties = tool.input_schema["properties"]
        assert set(properties) >= ARGUMENTS_OF_MEM0.get(name, set())
        assert all(one["description"] for one in properties.values())
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema["properties"]
        assert tool.description.endswith(".")
        assert tool.annotations.read_only_hint == name.startswith(("get_", "list_", "search_"))
        assert tool.annotations.destructive_hint == name.startswith(("update_", "delete_"))
        assert tool.annotations.idempotent_hint == (name != "add_memory")
        assert tool.annotations.open_world_hint is False


def test_the_schemas_are_schemas() -> None:
    """Every input and output schema is valid JSON Schema, and describes an object, as the protocol demands."""
    from jsonschema import Draft202012Validator

    for tool in tools.TOOLS:
        described = tool.described()
        for schema in (described["inputSchema"], described["outputSchema"]):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"


@pytest.mark.parametrize("mode", MODES)
def test_every_tool_does_its_work(db: Path, mode: str) -> None:
    """A memory is added, found, listed, read, changed and deleted, and its event and its user are listed.

    The client checks every answer against the schema of its tool.
    """

    async def talk(client: Any) -> None:
        added = await done(client, "add_memory", text="I am allergic to peanuts", metadata={"topic": "food"})
        memory_id, event_id = added["results"][0]["id"], added["event_id"]
        [hit] = (await done(client, "search_memories", query="What can she not eat?"))["results"]
        assert (hit["id"], hit["user_id"]) == (memory_id, "mem0-mcp")
        assert (await done(client, "get_memories", filters={"topic": "food"}))["total"] == 1
        assert (await done(client, "get_memory", memory_id=memory_id))["memory"] == "I am allergic to peanuts"
        await done(client, "update_memory", memory_id=memory_id, text="I am allergic to nuts")
        assert (await done(client, "get_event_status", event_id=event_id))["status"] == "SUCCEEDED"
        assert (await done(client, "list_events"))["results"][0]["results"][0]["memory"] == "I am allergic to nuts"
        [entity] = (await done(client, "list_entities"))["results"]
        assert (entity["id"], entity["type"], entity["total_memories"]) == ("mem0-mcp", "user", 1)
        await done(client, "delete_memory", memory_id=memory_id)
        turns = [{"role": "user", "content": "I moved to Oslo"}, {"role": "assistant", "content": "How is it there?"}]
        told = await done(client, "add_memory", messages=turns, text="Moved to Oslo", enable_graph=True)
        assert [one["memory"] for one in told["results"]] == ["I moved to Oslo", "How is it there?"]
        assert told["ignored"] == ["enable_graph", "text"]
        await done(client, "add_memory", text="Tickets are booked by train", agent_id="travel")
        await done(client, "delete_all_memories")
        assert [one["id"] for one in (await done(client, "list_entities"))["results"]] == ["travel"]
        await done(client, "delete_entities", agent_id="travel")
        assert (await done(client, "list_entities")) == {"results": [], "total": 0}

    conversation(db, talk, mode=mode)


def test_a_context_is_a_text_for_a_prompt(db: Path) -> None:
    """get_context returns one scope's best memories as quotations, no longer than asked, and says what is in it."""
    facts = ["I am allergic to peanuts", "I eat no fish", "My sister eats fish every Friday", "I play the cello"]
    with Memory(db) as memory:
        for user in ("mem0-mcp", "bob"):
            memory.add_many([{"messages": f"{fact}, said {user}", "user_id": user, "app_id": "x"} for fact in facts])
        kept = {one["id"]: one["memory"] for one in memory.get_all(user_id="mem0-mcp")["results"]}

    async def talk(client: Any) -> None:
        whole = await done(client, "get_context", query="What can she not eat?")
        assert "I am allergic to peanuts, said mem0-mcp" in whole["text"]
        assert "bob" not in whole["text"]
        assert whole["memory_ids"]
        assert all(kept[one] in whole["text"] for one in whole["memory_ids"])
        assert whole["left_out"] == 0
        asked = {"query": "What can she not eat?", "max_tokens": whole["tokens"] - 1}
        less = await done(client, "get_context", **asked)
        assert less["tokens"] < whole["tokens"]
        assert len(less["memory_ids"]) + less["left_out"] == len(whole["memory_ids"])
        none = {"text": "", "tokens": 0, "memory_ids": []}
        nothing = await done(client, "get_context", query="What can she not eat?", max_tokens=0)
        assert nothing == {**none, "left_out": len(whole["memory_ids"])}
        assert await done(client, "get_context", query="food", user_id="nobody") == {**none, "left_out": 0}
        of_bob = await done(client, "get_context", query="What can he not eat?", filters={"user_id": "bob"})
        assert "peanuts, said bob" in of_bob["text"]
        assert "mem0-mcp" not in of_bob["text"]
        assert "not_reranked" not in await done(client, "get_context", query="food", rerank=True)
        of_another_script = await done(client, "get_context", query="食物", rerank=True)
        assert of_another_script["not_reranked"]

    conversation(db, talk)


def test_a_model_sets_what_holds_now(db: Path) -> None:
    """A key and supersedes hide what held before from searches and lists; latest_only false shows it."""

    async def talk(client: Any) -> None:
        old = (await done(client, "add_memory", text="The port is 5432", key="port"))["results"][0]["id"]
        new = (await done(client, "add_memory", text="The port is 5433", key="port"))["results"][0]
        assert new["supersedes"] == [old]
        for latest, count in ((True, 1), (False, 2)):
            found = await done(client, "search_memories", query="port", threshold=0, latest_only=latest)
            assert len(found["results"]) == count
            assert (await done(client, "get_memories", latest_only=latest))["total"] == count
        assert (await done(client, "get_memory", memory_id=old))["superseded_by"] == new["id"]
        await done(client, "add_memory", text="There is no port", supersedes=[new["id"]])
        assert [one["memory"] for one in (await done(client, "get_memories"))["results"]] == ["There is no port"]
        assert "supersedes" in await refused(client, "add_memory", text="x", user_id="bob", supersedes=[old])

    conversation(db, talk)


def test_pages_show_everything_once(db: Path) -> None:
    """Pages by number and by cursor return every memory once, and so do those of entities."""
    with Memory(db) as memory:
        memory.add_many([{"messages": f"fact {number}", "user_id": f"u{number % 3}"} for number in range(7)])

    async def talk(client: Any) -> None:
        listed: list[str] = []
        everybody = {"user_id": "*"}
        for page in (1, 2, 3):
            answer = await done(client, "get_memories", filters=everybody, page=page, page_size=3)
            listed += [one["memory"] for one in answer["results"]]
        assert sorted(listed) == [f"fact {number}" for number in range(7)]
        followed: list[str] = []
        after: dict[str, str] = {}
        while True:
            answer = await done(client, "get_memories", filters=everybody, page_size=3, **after)
            followed += [one["memory"] for one in answer["results"]]
            if answer["next_cursor"] is None:
                break
            after = {"after": answer["next_cursor"]}
        assert followed == listed
        first = await done(client, "list_entities", page_size=2)
        second = await done(client, "list_entities", page_size=2, page=2)
        assert [one["id"] for one in first["results"] + second["results"]] == ["u0", "u1", "u2"]
        assert first["total"] == second["total"] == 3

    conversation(db, talk)


# -- whose memories


@pytest.mark.parametrize(
    ("arguments", "variables", "user"),
    [
        ((), {}, "mem0-mcp"),
        ((), {"MEM0_DEFAULT_USER_ID": "ann"}, "ann"),
        ((), {"MEM0_DEFAULT_USER_ID": "ann", "MEM0LITE_MCP_USER_ID": "bob"}, "bob"),
        (("--user", "eve"), {"MEM0LITE_MCP_USER_ID": "bob"}, "eve"),
    ],
    ids=["none", "mem0s", "ours", "option"],
)
def test_a_call_that_names_nobody_is_about_the_default_user(
    db: Path, arguments: tuple[str, ...], variables: dict[str, str], user: str
) -> None:
    """The default user is that of --user, else of MEM0LITE_MCP_USER_ID, else of mem0's variable, else mem0-mcp."""

    async def talk(client: Any) -> None:
        await done(client, "add_memory", text="I love sushi")
        [entity] = (await done(client, "list_entities"))["results"]
        assert entity["id"] == user
        assert (await done(client, "get_memories"))["total"] == 1

    conversation(db, talk, *arguments, **variables)


def test_what_is_added_for_somebody_is_found_for_them(db: Path) -> None:
    """Ids mean the same to every tool: what an add with some ids stores, a search and a deletion with them reach."""
    scopes: list[dict[str, str]] = [
        {},
        {"app_id": "inbox"},
        {"agent_id": "bot"},
        {"run_id": "r1"},
        {"user_id": "bob", "agent_id": "bot"},
    ]

    async def talk(client: Any) -> None:
        for number, scope in enumerate(scopes):
            await done(client, "add_memory", text=f"fact number {number}", infer=False, **scope)
        for number, scope in enumerate(scopes):
            for place in (scope, {"filters": scope} if scope else {}):
                found = await done(client, "search_memories", query="fact", threshold=0, **place)
                assert f"fact number {number}" in [one["memory"] for one in found["results"]]
                assert (await done(client, "get_memories", **place))["total"] >= 1
        default = {one["memory"] for one in (await done(client, "get_memories"))["results"]}
        assert default == {"fact number 0", "fact number 1"}
        await done(client, "delete_all_memories", app_id="inbox")
        assert (await done(client, "get_memories"))["total"] == 1
        await done(client, "delete_all_memories", user_id="bob", agent_id="bot")
        assert (await done(client, "get_memories", agent_id="bot"))["total"] == 1

    conversation(db, talk)


def test_filters_that_would_widen_a_call_are_refused(db: Path) -> None:
    """A misspelt id, or an alternative without an id, is an error: neither everybody nor the default user is meant."""

    async def talk(client: Any) -> None:
        misspelt = await refused(client, "search_memories", query="x", filters={"AND": [{"userId": "bob"}]})
        assert "Did you mean 'user_id'" in misspelt
        half = {"OR": [{"user_id": "bob"}, {"topic": "food"}]}
        assert "at least one of: user_id" in await refused(client, "get_memories", filters=half)
        deep: dict[str, Any] = {"user_id": "bob"}
        for _ in range(60):
            deep = {"AND": [deep]}
        assert "levels deep" in await refused(client, "get_memories", filters=deep)
        assert "exactly one" in await refused(client, "delete_entities")
        assert "exactly one" in await refused(client, "delete_entities", user_id="a", agent_id="b")

    conversation(db, talk)


# -- errors


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_memories", {}, ["query", "missing"]),
        ("search_memories", {"query": None}, ["query", "missing"]),
        ("search_memories", {"query": "  "}, ["query", "empty"]),
        ("search_memories", {"query": 5}, ["query", "a string"]),
        ("search_memories", {"query": "x", "usr_id": "bob"}, ["'usr_id'", "Did you mean user_id?"]),
        ("search_memories", {"query": "x", "limit": 0}, ["limit", "from 1 to 1000"]),
        ("search_memories", {"query": "x", "limit": 10**30}, ["limit", "from 1 to 1000"]),
        ("search_memories", {"query": "x", "limit": True}, ["limit", "a whole number"]),
        ("search_memories", {"query": "x", "limit": 1.5}, ["limit", "a whole number"]),
        ("search_memories", {"query": "x", "limit": 5, "top_k": 6}, ["top_k", "limit"]),
        ("search_memories", {"query": "x", "threshold": "high"}, ["threshold", "a number"]),
        ("search_memories", {"query": "x", "filters": "food"}, ["filters", "an object"]),
        ("search_memories", {"query": "x", "filters": {"score": {"near": 1}}}, ["near"]),
        ("search_memories", {"query": "x", "user_id": "*"}, ["user_id"]),
        ("get_context", {}, ["query", "missing"]),
        ("get_context", {"query": " "}, ["query", "empty"]),
        ("get_context", {"query": "x", "max_tokens": -1}, ["max_tokens", "from 0"]),
        ("get_context", {"query": "x", "limit": 5}, ["'limit'", "max_tokens"]),
        ("get_context", {"query": "x", "filters": {"OR": [{"user_id": "a"}, {"topic": "b"}]}}, ["filters"]),
        ("get_memories", {"page": 1, "after": "x"}, ["after"]),
        ("get_memories", {"after": "x"}, ["after"]),
        ("add_memory", {}, ["text", "missing"]),
        ("add_memory", {"text": ""}, ["text", "empty"]),
        ("add_memory", {"text": "x" * 100_001}, ["text", "100000"]),
        ("add_memory", {"text": "x", "user_id": "two words"}, ["user_id", "whitespace"]),
        ("add_memory", {"text": "x", "metadata": [1]}, ["metadata", "an object"]),
        ("add_memory", {"text": "x", "ttl": -1}, ["ttl", "from 0"]),
        ("add_memory", {"text": "x", "expiration_date": "soon"}, ["expiration_date"]),
        ("add_memory", {"messages": [5]}, ["messages"]),
        ("update_memory", {"memory_id": "nothing"}, ["text"]),
        ("update_memory", {"memory_id": "nothing", "text": "x"}, ["nothing", "search_memories"]),
        ("get_memory", {"memory_id": "nothing"}, ["nothing", "search_memories"]),
        ("delete_memory", {"memory_id": "nothing"}, ["nothing", "search_memories"]),
        ("get_event_status", {"event_id": "nothing"}, ["nothing", "list_events"]),
        ("list_entities", {"kind": "user"}, ["'kind'", "page_size"]),
    ],
    ids=lambda value: None if isinstance(value, list) else json.dumps(value)[:40],
)
def test_errors_name_the_field_and_the_cure(shared: Any, tool: str, arguments: Any, told: list[str]) -> None:
    """A model that gives something wrong is told which argument it was and what to give; nothing is stored."""
    answer = shared(tool, arguments)
    text = answer.content[0].text
    assert answer.is_error, answer.structured_content
    assert not [word for word in told if word not in text], text
    assert answer.meta["mem0lite/error"]["type"] in (
        "ValidationError",
        "FilterError",
        "MemoryNotFoundError",
        "NotFoundError",
    )
    assert shared("list_entities", {}).structured_content["total"] == 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, Any], Any]]:
    """Call a tool of one server for all tests that store nothing."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ready: Any = asyncio.run_coroutine_threadsafe(_kept(tmp_path_factory.mktemp("mcp") / "agent.db"), loop)
    queue, ended = ready.result(60)

    def call(tool: str, arguments: Any) -> Any:
        async def ask() -> Any:
            answered = loop.create_future()
            await queue.put((tool, arguments, answered))
            return await answered

        return asyncio.run_coroutine_threadsafe(ask(), loop).result(60)

    yield call
    asyncio.run_coroutine_threadsafe(_end(queue, ended), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _end(queue: Any, ended: Any) -> None:
    await queue.put(None)
    await ended


async def _kept(db: Path) -> Any:
    """Start a task that talks to one server until it is given None; a client must be left where it was entered."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def work() -> None:
        program, *rest = command(db)
        server = mcp.StdioServerParameters(command=program, args=rest, env=environment())
        async with mcp.Client(stdio_client(server)) as client:
            while (asked := await queue.get()) is not None:
                tool, arguments, answered = asked
                answered.set_result(await client.call_tool(tool, arguments))

    return queue, asyncio.ensure_future(work())


def test_arguments_that_models_write_as_text_are_read(shared: Any) -> None:
    """Numbers, switches and objects that arrive as text are taken for what they are; texts stay texts."""
    asked = {"query": '{"a": 1}', "limit": "5", "threshold": "0.5", "show_expired": "true", "user_id": 7}
    answer = shared("search_memories", {**asked, "filters": '{"topic": "food"}', "rerank": None})
    assert (answer.is_error, answer.structured_content) == (False, {"results": []})


def test_unknown_tools_and_methods_are_errors_of_the_protocol(db: Path) -> None:
    """An unknown tool, prompt, resource or method, and a cursor that is none, are refused, and say what there is."""

    async def talk(client: Any) -> None:
        for asked, told in (
            (lambda: client.call_tool("remember", {}), "The tools are: add_memory"),
            (lambda: client.get_prompt("poem"), "The prompts are: memory_assistant"),
            (lambda: client.get_prompt("recall", {}), "topic is missing"),
            (lambda: client.get_prompt("recall", {"topic": "x", "about": "y"}), "'about'"),
            (lambda: client.read_resource("file:///etc/passwd"), "memory://USER"),
            (lambda: client.list_resources(cursor="x"), "nextCursor"),
            (lambda: client.list_tools(cursor="2"), "only one page"),
        ):
            with pytest.raises(mcp.MCPError, match=told):
                await asked()

    conversation(db, talk)


def test_lines_that_are_no_requests_are_answered_as_json_rpc_says(db: Path) -> None:
    """Junk, batches and messages of the wrong shape get JSON-RPC's errors, and the next request is answered."""
    lines = [
        (b"junk", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": NaN}}', -32700, 1),
        (b"[" * 100_000, -32700, None),
        (b"[]", -32600, None),
        (b"5", -32600, None),
        (b'{"id": 2, "method": "ping"}', -32600, 2),
        (b'{"jsonrpc": "2.0", "id": 3, "method": 5}', -32600, 3),
        (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 4, "method": "ping", "params": []}', -32602, 4),
        (b'{"jsonrpc": "2.0", "id": 5, "method": "tools/rename"}', -32601, 5),
        (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "\\ud800"}', -32601, "?"),
        (b'{"jsonrpc": "2.0", "id": 6, "method": "tools/call", "params": {"name": []}}', -32602, 6),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {}}', -32602, 7),
        (b'{"jsonrpc": "2.0", "id": 8, "method": "resources/read", "params": {"uri": 1}}', -32602, 8),
    ]
    with piped(command(db)) as server:
        for line, code, number in lines:
            server.write(line)
            answer = server.read()
            assert (answer["error"]["code"], answer["id"]) == (code, number), line[:80]
        server.write(b'{"jsonrpc": "2.0", "id": 1, "result": {}}')  # an answer to nothing
        server.write(b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}}')
        server.send("ping", 9)
        assert server.read() == {"jsonrpc": "2.0", "id": 9, "result": {}}
        assert server.end() == []


def test_every_version_is_agreed_on(db: Path) -> None:
    """A known version of the handshake is taken, for another the newest is offered; an envelope must be complete."""
    key = "io.modelcontextprotocol/"
    with piped(command(db)) as server:
        for asked, agreed in (("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18"), ("1999", "2025-11-25")):
            server.send("initialize", 1, protocolVersion=asked, capabilities={})
            assert server.read()["result"]["protocolVersion"] == agreed
        server.send("ping", 2, _meta={f"{key}protocolVersion": "2026-07-28"})
        assert server.read()["error"]["code"] == -32602
        server.send("ping", 3, _meta={f"{key}protocolVersion": "2999-01-01", f"{key}clientCapabilities": {}})
        error = server.read()["error"]
        assert (error["code"], error["data"]["requested"]) == (-32022, "2999-01-01")
        server.send("server/discover", 4, _meta={f"{key}protocolVersion": "2026-07-28", f"{key}clientCapabilities": {}})
        assert server.read()["result"]["supportedVersions"] == ["2026-07-28"]


# -- resources and prompts

ODD_IDS = ["José", "team/ann", "a%2Fb", "..", "?after=1", "#x", "ü" * 500, "user@example.org", "🦊", "a\\b", "';--"]


def test_resources_have_addresses_for_any_id(db: Path) -> None:
    """A user's memories are listed and read at an address that holds the id, percent-encoded, whatever is in it."""
    texts = {user_id: f"line one\nline two \u2028 “{user_id[:10]}” \x7f <b>" for user_id in ODD_IDS}
    with Memory(db) as memory:
        added = memory.add_many([{"messages": text, "user_id": user_id} for user_id, text in texts.items()])
        ids = {user_id: one["results"][0]["id"] for user_id, one in zip(texts, added, strict=True)}
        other = memory.add("somebody else's", user_id="other")["results"][0]["id"]

    async def talk(client: Any) -> None:
        listed = {one.name: one.uri for one in (await client.list_resources()).resources}
        assert listed == {user_id: resources.address(user_id) for user_id in (*ODD_IDS, "other")}
        for user_id, text in texts.items():
            [content] = (await client.read_resource(listed[user_id])).contents
            page = json.loads(content.text)
            assert ([one["memory"] for one in page["results"]], page["total"], page["next"]) == ([text], 1, None)
            [content] = (await client.read_resource(resources.address(user_id, ids[user_id]))).contents
            assert json.loads(content.text)["memory"] == text
            with pytest.raises(mcp.MCPError, match="has no memory"):
                await client.read_resource(resources.address(user_id, other))
            found = await done(client, "search_memories", query="line", user_id=user_id)
            assert [one["memory"] for one in found["results"]] == [text]

    conversation(db, talk)


def test_resources_come_in_pages(db: Path) -> None:
    """More than a hundred users, and more than a hundred memories of one, are read page by page, each once."""
    with Memory(db) as memory:
        memory.add_many([{"messages": f"fact {number}", "user_id": "many"} for number in range(205)])
        memory.add_many([{"messages": "a fact", "user_id": f"u{number:03}"} for number in range(120)])

    async def talk(client: Any) -> None:
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
        names = [one.name for one in first.resources + second.resources]
        assert (names[0], len(names), len(set(names)), second.next_cursor) == ("many", 121, 121, None)
        read: list[str] = []
        address = "memory://many"
        while address:
            [content] = (await client.read_resource(address)).contents
            page = json.loads(content.text)
            read += [one["memory"] for one in page["results"]]
            address = page["next"]
        assert sorted(read) == sorted(f"fact {number}" for number in range(205))

    conversation(db, talk)


def test_users_are_completed(db: Path) -> None:
    """What is typed of a user's id is completed, a hundred at a time; other arguments have no completions."""
    with Memory(db) as memory:
        memory.add_many([{"messages": "a fact", "user_id": f"u{number:03}"} for number in range(101)])
        memory.add("a fact", user_id="ann", agent_id="another")

    async def talk(client: Any) -> None:
        address = ResourceTemplateReference(type="ref/resource", uri="memory://{user_id}")
        prompt = PromptReference(type="ref/prompt", name="recall")
        for reference in (address, prompt):
            answer = (await client.complete(reference, {"name": "user_id", "value": "a"})).completion
            assert (answer.values, answer.total, answer.has_more) == (["ann"], 1, False)
        many = (await client.complete(address, {"name": "user_id", "value": "u"})).completion
        assert (len(many.values), many.total, many.has_more) == (100, 101, True)
        assert (await client.complete(prompt, {"name": "topic", "value": "a"})).completion.values == []

    conversation(db, talk)


def test_prompts_put_memories_before_the_model(db: Path) -> None:
    """The prompt recall has the memories that fit its topic, of the default user or of another; the other explains."""

    async def talk(client: Any) -> None:
        await done(client, "add_memory", text="I am allergic to peanuts")
        await done(client, "add_memory", text="Bob is allergic to cats", user_id="bob")
        recalled = (await client.get_prompt("recall", {"topic": "allergies"})).messages[0].content.text
        assert "peanuts" in recalled and "cats" not in recalled
        of_bob = (await client.get_prompt("recall", {"topic": "allergies", "user_id": "bob"})).messages[0].content.text
        assert "cats" in of_bob and "peanuts" not in of_bob
        nothing = (await client.get_prompt("recall", {"topic": "music", "user_id": "eve"})).messages[0].content.text
        assert nothing == "Nothing is remembered about this: music"
        assert "add_memory" in (await client.get_prompt("memory_assistant")).messages[0].content.text

    conversation(db, talk)


# -- the process


def test_a_server_answers_before_it_has_loaded_anything_heavy() -> None:
    """What a client asks first is answered without the store, the embedding model, numpy, or the protocol's SDK."""
    code = "import sys, mem0lite.cli.mcp, mem0lite.mcp.stdio, mem0lite.mcp.scopes; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    unwanted = {"numpy", "onnxruntime", "tokenizers", "litestar", "httpx", "pydantic", "mcp", "mcp_types", "apsw"}
    assert not unwanted & loaded
    assert not {"mem0lite.memory", "mem0lite.aio", "mem0lite.store"} & loaded


def test_a_server_loads_the_model_when_a_call_needs_it(db: Path) -> None:
    """Listing, reading and deleting need no model; nothing that is started loads one."""
    code = (
        "import sys\nfrom mem0lite.cli import main\ncode = main(sys.argv[1:])\n"
        "print(*sorted({'onnxruntime', 'tokenizers', 'mcp'} & set(sys.modules)), file=sys.stderr)\nsys.exit(code)"
    )
    for needed, calls in (
        ("", ("get_memories", "list_entities", "delete_all_memories")),
        ("onnxruntime tokenizers", ("search_memories",)),
    ):
        with piped([sys.executable, "-c", code, *command(db)[3:]]) as server:
            for number, tool in enumerate(calls):
                server.call(number, tool, **({"query": "food"} if "search" in tool else {}))
                assert server.read()["result"]["isError"] is False
            out, errors = server.process.communicate(timeout=60)
            assert (server.process.returncode, out, errors.decode().strip()) == (0, b"", needed)


def test_everything_that_was_asked_is_answered_before_the_end(db: Path) -> None:
    """A client that writes all its requests and closes its end gets every answer, and the file is closed tidily."""
    with piped(command(db)) as server:
        server.call(1, "add_memory", text="I love sushi")
        for number in range(2, 40):
            server.call(number, "get_memories")
        server.call(39, "list_entities")  # a client that counts wrong
        answers = server.end()
    assert sorted(one["id"] for one in answers) == [*range(1, 40), 39]
    assert not any(one["result"]["isError"] for one in answers)
    assert [one.name for one in db.parent.iterdir()] == ["agent.db"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_closes_the_file(db: Path, number: signal.Signals) -> None:
    """A server that is asked to stop while its client is connected closes the file and exits with 0."""
    with piped(command(db)) as server:
        server.call(1, "add_memory", text="I love sushi", infer=False)
        assert server.read()["result"]["isError"] is False
        server.process.send_signal(number)
        assert server.process.wait(60) == 0
    assert [one.name for one in db.parent.iterdir()] == ["agent.db"]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    if not hasattr(os, "mkfifo"):
        pytest.skip("named pipes are POSIX's")
    path = tmp_path / "gate"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)  # so that nobody waits for the other end
    yield Gate(path, held)
    os.close(held)


def gated(db: Path, gate: Gate) -> list[str]:
    return [sys.executable, str(GATE), str(db), str(gate.path)]


def test_no_call_waits_for_the_model(db: Path, gate: Gate) -> None:
    """While one call waits for the embedder, others are answered; and only messages are written to standard output."""
    with piped(gated(db, gate)) as server:
        server.call(1, "search_memories", query="slow")
        for number, tool in enumerate(("get_memories", "list_entities", "delete_all_memories"), start=2):
            server.call(number, tool)
            assert server.read()["id"] == number
        server.call(5, "search_memories", query="fast")
        assert server.read()["id"] == 5
        gate.open()
        assert server.read()["id"] == 1
        assert server.end() == []


def test_a_cancelled_call_is_not_answered(db: Path, gate: Gate) -> None:
    """A call that the client cancels gets no answer, others do, and the server ends as usual."""
    with piped(gated(db, gate)) as server:
        server.call(1, "search_memories", query="slow")
        server.send("notifications/cancelled", requestId=1, reason="the user changed their mind")
        server.send("notifications/cancelled", requestId=77)
        server.call(2, "get_memories")
        assert server.read()["id"] == 2
        gate.open()
        assert server.end() == []


def test_long_calls_report_progress(db: Path, gate: Gate) -> None:
    """A client that wants to know is told, while a call runs, that it still does; the numbers increase."""
    with piped(gated(db, gate)) as server:
        params = {"name": "search_memories", "arguments": {"query": "slow"}, "_meta": {"progressToken": "t"}}
        server.send("tools/call", 1, **params)
        first, second = server.read(), server.read()
        gate.open()
        *_, last = server.end()
    assert first["method"] == second["method"] == "notifications/progress"
    assert [one["params"]["progressToken"] for one in (first, second)] == ["t", "t"]
    assert first["params"]["progress"] < second["params"]["progress"]
    assert last["id"] == 1


def test_a_file_that_cannot_be_opened_is_named_to_the_model(db: Path) -> None:
    """The server starts, each call says what is wrong with the file, and it works once that is mended."""
    db.write_text("This is no database, and long enough to be read as one: " + "x" * 2000)
    with piped(command(db)) as server:
        server.send("initialize", 1, protocolVersion="2025-06-18", capabilities={})
        assert server.read()["result"]["serverInfo"]["name"] == "mem0lite"
        server.call(2, "get_memories")
        answer = server.read()["result"]
        assert answer["isError"] is True
        assert "agent.db" in answer["content"][0]["text"]
        db.unlink()
        server.call(3, "get_memories")
        assert server.read()["result"]["structuredContent"]["total"] == 0
        assert server.end() == []


def test_the_command_refuses_what_it_cannot_use(db: Path) -> None:
    """A server's address, an id that is none, and a file that is missing where it is only read, are errors at once."""
    for arguments, told in (
        (["mcp", "--url", "http://127.0.0.1:1"], "mcp works on the file itself"),
        (["--db", str(db), "mcp", "--user", "two words"], "--user: cannot contain whitespace"),
        (["--db", str(db), "mcp", "--read-only"], "does not exist"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "mem0lite", *arguments], input=b"", capture_output=True, env=environment()
        )
        assert (done.returncode, done.stdout) == (2, b"")
        assert told in done.stderr.decode()


def test_a_server_that_only_reads_offers_only_that(db: Path) -> None:
    """With --read-only, tools that change something are neither listed nor done, and the file stays as it is."""
    with Memory(db) as memory:
        memory.add("I love sushi", user_id="mem0-mcp")
    before = db.read_bytes()

    async def talk(client: Any) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        every = (*ARGUMENTS_OF_MEM0, *OURS)
        assert names == {name for name in every if name.startswith(("get_", "list_", "search_"))}
        assert (await done(client, "search_memories", query="food"))["results"][0]["memory"] == "I love sushi"
        assert "only read" in await refused(client, "add_memory", text="I love pizza")

    conversation(db, talk, "--read-only")
    assert db.read_bytes() == before


def test_ten_servers_on_one_file_lose_nothing(db: Path) -> None:
    """Ten processes that write one file at once store everything that they confirm, and read each other's memories."""
    servers = [Piped(command(db, "--user", f"user{number}")) for number in range(10)]
    try:
        for number, server in enumerate(servers):
            for one in range(10):
                server.call(one, "add_memory", text=f"fact {one} of process {number}", infer=False)
            server.call(10, "add_memory", text=f"shared by process {number}", user_id="all", infer=False)
        for server in servers:
            answers = [server.read() for _ in range(11)]
            assert sorted(one["id"] for one in answers) == list(range(11))
            assert not [one for one in answers if one["result"]["isError"]]
        for server in servers:
            server.call(99, "get_memories", user_id="all")
            assert server.read()["result"]["structuredContent"]["total"] == 10
            assert server.end() == []
    finally:
        for server in servers:
            server.process.kill()
            server.process.communicate()
    with closing(Memory(db)) as memory:
        assert memory.check()["ok"]
        for number in range(10):
            stored = {one["memory"] for one in memory.get_all(user_id=f"user{number}")["results"]}
            assert stored == {f"fact {one} of process {number}" for one in range(10)}


def test_parallel_calls_of_one_client_are_all_answered(db: Path) -> None:
    """Fifty calls at once over one connection each get their own answer."""

    async def talk(client: Any) -> None:
        added = await asyncio.gather(
            *(done(client, "add_memory", text=f"number {one}", infer=False, run_id=f"r{one}") for one in range(25))
        )
        found = await asyncio.gather(*(done(client, "get_memories", run_id=f"r{one}") for one in range(25)))
        for one in range(25):
            assert added[one]["results"][0]["memory"] == f"number {one}"
            assert [item["memory"] for item in found[one]["results"]] == [f"number {one}"]

    conversation(db, talk)
