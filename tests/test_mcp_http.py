"""MCP over HTTP: the route ``/mcp`` of a real server, asked by the official client and by hand."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import starlette.applications
import starlette.routing
from embedder import HashEmbedder
from serving import served_by

httpx2 = pytest.importorskip("httpx2", reason="comes with the official client of MCP")
mcp = pytest.importorskip("mcp", reason="the official client of MCP is not installed: pip install -e '.[dev]'")

from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from mcp.types import PromptReference  # noqa: E402

from mem0lite import ConfigurationError, EmbeddingError, Memory  # noqa: E402
from mem0lite.server import ApiKey, MemoryPlugin, Settings, create_app, mounted  # noqa: E402

MODES = ("legacy", "auto")
KEYS = (ApiKey("whole"), ApiKey("of-alice", "alice"), ApiKey("of-bob", "bob"))
_META = "io.modelcontextprotocol/"


class Gated(HashEmbedder):
    """Waits before it embeds a query with "slow" in it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def embed_query(self, text: str) -> list[float]:
        if "slow" in text:
            assert self.gate.wait(60)
        return super().embed_query(text)


@contextmanager
def serving(settings: Settings, memory: Memory | None = None) -> Iterator[httpx.Client]:
    opened = memory or Memory(":memory:", embedder=HashEmbedder())
    with opened, served_by(create_app(opened, settings)) as client:
        yield client


def conversation(
    client: httpx.Client, talk: Callable[[Any], Awaitable[Any]], key: str = "", mode: str = "auto", path: str = "/mcp"
) -> Any:
    """Let the official client connect to a server and talk to it, and return what that returns."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def run() -> Any:
        async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False, verify=False) as transport:
            address = str(client.base_url).rstrip("/") + path
            async with mcp.Client(streamable_http_client(address, http_client=transport), mode=mode) as connected:
                return await talk(connected)

    return asyncio.run(run())


async def done(client: Any, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content[0].text
    return answer.structured_content


def ask(client: httpx.Client, method: str, params: Any = None, **options: Any) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return client.post("/mcp", json=body, **options)


@pytest.fixture(scope="module")
def keyed() -> Iterator[httpx.Client]:
    with serving(Settings(api_keys=KEYS)) as client:
        yield client


@pytest.fixture(scope="module")
def open_() -> Iterator[httpx.Client]:
    with serving(Settings(loopback_only=True)) as client:
        yield client


# -- the tools


@pytest.mark.parametrize("mode", MODES)
def test_a_memory_is_added_and_found(mode: str) -> None:
    """The official client adds, finds, reads and deletes over HTTP what the REST API sees, too."""
    with serving(Settings(insecure=True)) as client:

        async def talk(connected: Any) -> None:
            assert len((await connected.list_tools()).tools) == 13
            await done(connected, "add_memory", text="I love sushi")
            [hit] = (await done(connected, "search_memories", query="sushi"))["results"]
            [resource] = (await connected.list_resources()).resources
            [content] = (await connected.read_resource(resource.uri)).contents
            assert json.loads(content.text)["results"][0]["id"] == hit["id"]
            recalled = await connected.get_prompt("recall", {"topic": "sushi"})
            assert "I love sushi" in recalled.messages[0].content.text
            assert client.get(f"/memories/{hit['id']}").json()["user_id"] == "mem0-mcp"
            await done(connected, "delete_all_memories")
            assert client.get(f"/memories/{hit['id']}").json() is None

        conversation(client, talk, mode=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ["“ü” 🦊\u2028\u0085 <b>", "a\x00b", "x" * 99_999, "\\u0000 %s {} ${x}"], ids=ascii)
def test_texts_arrive_as_they_are(keyed: httpx.Client, mode: str, text: str) -> None:
    """A text goes through JSON, events and the file unchanged, whatever is in it."""

    async def talk(connected: Any) -> None:
        added = await done(connected, "add_memory", text=text, run_id="texts", infer=False)
        read = await done(connected, "get_memory", memory_id=added["results"][0]["id"])
        assert read["memory"] == text
        found = await connected.call_tool("get_memories", {"run_id": "texts"}, progress_callback=_ignore)
        assert found.structured_content["results"][0]["memory"] == text

    conversation(keyed, talk, "whole", mode)


async def _ignore(progress: float, total: float | None, message: str | None) -> None:
    pass


def test_ids_in_headers_are_compared_as_they_are(keyed: httpx.Client) -> None:
    """The address of a resource is repeated in a header, also where it has no plain letters, and must be the same."""

    async def talk(connected: Any) -> None:
        [content] = (await connected.read_resource("memory://josé/ä")).contents
        raise AssertionError(content)

    with pytest.raises(BaseExceptionGroup) as caught:
        conversation(keyed, talk, "whole")
    assert "josé has no memory" in str(_leaf(caught.value))


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    return error


@pytest.mark.parametrize("mode", MODES)
def test_parallel_calls_are_all_answered(keyed: httpx.Client, mode: str) -> None:
    """Forty calls at once of one client each get their own answer."""

    async def talk(connected: Any) -> None:
        calls = [done(connected, "add_memory", text=f"{mode} {one}", run_id=f"{mode}{one}") for one in range(20)]
        added = await asyncio.gather(*calls)
        found = await asyncio.gather(*(done(connected, "get_memories", run_id=f"{mode}{one}") for one in range(20)))
        assert [one["results"][0]["memory"] for one in added] == [f"{mode} {one}" for one in range(20)]
        assert [[item["memory"] for item in one["results"]] for one in found] == [
            [f"{mode} {one}"] for one in range(20)
        ]

    conversation(keyed, talk, "whole", mode)


# -- long calls


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_reported_while_a_call_runs(mode: str) -> None:
    """A client that asks for it is told every second that its call goes on, and then gets the answer."""
    embedder = Gated()
    with serving(Settings(insecure=True), Memory(":memory:", embedder=embedder)) as client:
        seen: list[float] = []

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)
            if len(seen) == 2:
                embedder.gate.set()

        async def talk(connected: Any) -> Any:
            asked = {"query": "slow"}
            return await connected.call_tool("search_memories", asked, progress_callback=progressed)

        answer = conversation(client, talk, mode=mode)
    assert answer.structured_content == {"results": []}
    assert seen[:2] == [1, 2]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("progress", [True, False], ids=["events", "json"])
def test_a_cancelled_call_leaves_the_others_alone(mode: str, progress: bool) -> None:
    """After a call is cancelled the client's other calls are answered, and the server stops as usual."""
    embedder = Gated()
    with serving(Settings(insecure=True), Memory(":memory:", embedder=embedder)) as client:

        async def talk(connected: Any) -> None:
            options = {"progress_callback": _ignore} if progress else {}
            slow = asyncio.ensure_future(connected.call_tool("search_memories", {"query": "slow"}, **options))
            await done(connected, "get_memories")
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            await done(connected, "add_memory", text="I love sushi")
            assert (await done(connected, "get_memories"))["total"] == 1
            embedder.gate.set()

        conversation(client, talk, mode=mode)


def test_no_call_waits_for_the_model() -> None:
    """While one call waits for the embedder, another client is answered."""
    embedder = Gated()
    with serving(Settings(insecure=True), Memory(":memory:", embedder=embedder)) as client:

        async def talk(connected: Any) -> None:
            slow = asyncio.ensure_future(done(connected, "search_memories", query="slow"))
            assert (await done(connected, "get_memories"))["total"] == 0
            assert not slow.done()
            embedder.gate.set()
            assert await slow == {"results": []}

        conversation(client, talk)


# -- who may ask


@pytest.mark.parametrize("key", ["", "wrong", "WHOLE", "whole "], ids=ascii)
def test_a_wrong_key_is_refused(keyed: httpx.Client, key: str) -> None:
    """Without one of the keys nothing is answered, not even which tools there are."""
    headers = {"X-API-Key": f"{key}x"} if key.strip() == "whole" else {"X-API-Key": key} if key else {}
    for method in ("initialize", "tools/list", "ping", "nothing"):
        assert ask(keyed, method, headers=headers).status_code == 401
    assert keyed.post("/mcp", content=b"junk", headers=headers).status_code == 401
    assert keyed.get("/mcp", headers=headers).status_code in (401, 405)


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": "whole"}, {"Authorization": "Bearer whole"}, {"Authorization": "Token whole"}],
    ids=["x-api-key", "bearer", "token"],
)
def test_keys_are_sent_as_to_the_other_routes(keyed: httpx.Client, headers: dict[str, str]) -> None:
    """A key may be sent in each of the ways that the REST API takes."""
    assert ask(keyed, "ping", headers=headers).json()["result"] == {}


@pytest.mark.parametrize("mode", MODES)
def test_a_key_of_one_user_reaches_only_that_user(mode: str) -> None:
    """For a key of one user no other user exists: not by id, filter, resource, prompt, event, list or deletion."""
    with serving(Settings(api_keys=KEYS)) as client:

        async def of_bob(connected: Any) -> Any:
            added = await done(connected, "add_memory", text="Bob plays the cello", agent_id="shared")
            return added["results"][0]["id"], added["event_id"]

        memory_id, event_id = conversation(client, of_bob, "of-bob", mode)

        async def of_alice(connected: Any) -> None:
            await done(connected, "add_memory", text="Alice plays chess", agent_id="shared")
            assert {one["id"] for one in (await done(connected, "list_entities"))["results"]} == {"alice", "shared"}
            for tool, arguments in (
                ("search_memories", {"query": "cello", "threshold": 0}),
                ("search_memories", {"query": "cello", "threshold": 0, "agent_id": "shared"}),
                ("get_memories", {"agent_id": "shared"}),
                ("get_memories", {"filters": {"agent_id": "shared"}}),
            ):
                found = (await done(connected, tool, **arguments))["results"]
                assert [one["memory"] for one in found] == ["Alice plays chess"]
            for tool, arguments in (
                ("get_memory", {"memory_id": memory_id}),
                ("update_memory", {"memory_id": memory_id, "text": "gone"}),
                ("delete_memory", {"memory_id": memory_id}),
                ("get_event_status", {"event_id": event_id}),
                ("get_memories", {"user_id": "bob"}),
                ("get_context", {"query": "x", "user_id": "bob"}),
                ("get_memories", {"filters": {"user_id": "*"}}),
                ("search_memories", {"query": "x", "filters": {"OR": [{"user_id": "alice"}, {"user_id": "bob"}]}}),
                ("add_memory", {"text": "x", "user_id": "bob"}),
                ("delete_all_memories", {"user_id": "bob"}),
                ("delete_entities", {"user_id": "bob"}),
                ("list_events", {"user_id": "bob"}),
            ):
                answer = await connected.call_tool(tool, arguments)
                assert answer.is_error, (tool, answer.structured_content)
                assert "cello" not in answer.content[0].text
            assert [one.name for one in (await connected.list_resources()).resources] == ["alice"]
            recall = PromptReference(type="ref/prompt", name="recall")
            assert (await connected.complete(recall, {"name": "user_id", "value": "b"})).completion.values == []
            for address in ("memory://bob", f"memory://bob/{memory_id}", f"memory://alice/{memory_id}"):
                with pytest.raises(mcp.MCPError):
                    await connected.read_resource(address)
            with pytest.raises(mcp.MCPError, match="one user"):
                await connected.get_prompt("recall", {"topic": "music", "user_id": "bob"})
            await done(connected, "delete_entities", agent_id="shared")
            await done(connected, "delete_all_memories")

        conversation(client, of_alice, "of-alice", mode)

        async def whole(connected: Any) -> None:
            [left] = (await done(connected, "get_memories", user_id="bob"))["results"]
            assert left["memory"] == "Bob plays the cello"

        conversation(client, whole, "whole", mode)


def test_the_address_may_name_the_default_user(keyed: httpx.Client) -> None:
    """``/mcp?user_id=ann`` makes ann the user of calls that name nobody; a key of another user refuses it."""

    async def talk(connected: Any) -> None:
        await done(connected, "add_memory", text="I love sushi")
        assert (await done(connected, "get_memories", user_id="ann"))["total"] == 1

    conversation(keyed, talk, "whole", path="/mcp?user_id=ann")
    call = {"name": "get_memories", "arguments": {}}
    for query, key, status in (
        ("user_id=ann", "of-alice", 403),
        ("user_id=alice", "of-alice", 200),
        ("user_id=*", "whole", 400),
        ("user_id=", "whole", 400),
        ("user=ann", "whole", 400),
    ):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        assert keyed.post(f"/mcp?{query}", json=body, headers={"X-API-Key": key}).status_code == status, query


def test_the_setting_names_the_default_user() -> None:
    """Without a user in the address it is that of MEM0LITE_MCP_USER_ID, or of mem0's variable."""
    assert Settings.from_environment({"MEM0_DEFAULT_USER_ID": "ann"}).mcp_user_id == "ann"
    given = {"MEM0_DEFAULT_USER_ID": "ann", "MEM0LITE_MCP_USER_ID": "bob"}
    assert Settings.from_environment(given).mcp_user_id == "bob"
    for variable in given:
        with pytest.raises(ConfigurationError, match=variable):
            Settings.from_environment({variable: "two words"})
    with pytest.raises(ConfigurationError, match="mcp_user_id"):
        Settings(mcp_user_id="*")
    with serving(Settings(insecure=True, mcp_user_id="eve")) as client:
        ask(client, "tools/call", {"name": "add_memory", "arguments": {"text": "I love sushi"}})
        assert client.get("/memories", params={"user_id": "eve"}).json()["total"] == 1


def test_pages_of_other_sites_and_other_names_are_refused(open_: httpx.Client) -> None:
    """Without keys, a web page of another site gets 403, and a name that is not this machine's 421."""
    for headers, status in (
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost"}, 200),
        ({"Origin": str(open_.base_url).rstrip("/")}, 200),
        ({}, 200),
    ):
        assert ask(open_, "ping", headers=headers).status_code == status, headers


def test_it_can_be_turned_off() -> None:
    """With the setting off there is no such route; the variable and the command's option set it."""
    with serving(Settings(insecure=True, mcp=False)) as client:
        assert ask(client, "ping").status_code == 404
    assert Settings.from_environment({"MEM0LITE_MCP": "0"}).mcp is False
    assert Settings.from_environment({}).mcp is True


# -- the protocol


def test_what_is_no_request_is_refused_as_the_protocol_says(open_: httpx.Client) -> None:
    """Junk is 400, a notification 202 without a body, another method of HTTP 405, another type of body 415."""
    for body in (b"junk", b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b'{"id":1}', b"[" * 50_000, b"\xff"):
        answer = open_.post("/mcp", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["jsonrpc"]) == (400, "2.0"), body[:40]
        assert answer.json()["error"]["code"] in (-32700, -32600)
    for method in ("notifications/initialized", "notifications/cancelled"):
        answer = open_.post("/mcp", json={"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}})
        assert (answer.status_code, answer.content) == (202, b"")
    assert {open_.request(method, "/mcp").status_code for method in ("GET", "DELETE", "PUT")} == {405}
    assert open_.post("/mcp", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert ask(open_, "nothing").json()["error"]["code"] == -32601
    large = open_.post("/mcp", content=b" " * 2_000_000, headers={"Content-Type": "application/json"})
    assert large.status_code == 413


def enveloped(**changes: Any) -> dict[str, Any]:
    meta = {f"{_META}protocolVersion": "2026-07-28", f"{_META}clientCapabilities": {}, **changes}
    return {"_meta": {name: value for name, value in meta.items() if value is not None}}


@pytest.mark.parametrize(
    ("headers", "params", "code"),
    [
        ({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}, enveloped(), None),
        ({"Mcp-Method": "tools/list"}, enveloped(), -32020),
        ({"MCP-Protocol-Version": "2025-11-25", "Mcp-Method": "tools/list"}, enveloped(), -32020),
        ({"MCP-Protocol-Version": "2026-07-28"}, enveloped(), -32020),
        ({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}, enveloped(), -32020),
        ({"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}, {}, -32602),
        (
            {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"},
            enveloped(**{f"{_META}clientCapabilities": None}),
            -32602,
        ),
        (
            {"MCP-Protocol-Version": "2999-01-01", "Mcp-Method": "tools/list"},
            enveloped(**{f"{_META}protocolVersion": "2999-01-01"}),
            -32022,
        ),
        ({"MCP-Protocol-Version": "2999-01-01"}, {}, -32022),
        ({"MCP-Protocol-Version": "2025-06-18"}, {}, None),
        ({}, {}, None),
    ],
    ids=[
        "good",
        "no-version",
        "old-version",
        "no-method",
        "other-method",
        "no-envelope",
        "half",
        "new",
        "newer",
        "old",
        "bare",
    ],
)
def test_headers_and_body_must_agree(open_: httpx.Client, headers: Any, params: Any, code: int | None) -> None:
    """What the headers repeat for proxies must be what the body says, and a version must be a known one."""
    answer = ask(open_, "tools/list", params, headers=headers)
    assert answer.status_code == (200 if code is None else 400)
    assert answer.json().get("error", {}).get("code") == code


def test_a_method_of_nobody_is_404_where_that_means_so(open_: httpx.Client) -> None:
    """From 2026-07-28 on an unknown method is 404; before, that would mean that the session has ended."""
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "nothing"}
    assert ask(open_, "nothing", enveloped(), headers=headers).status_code == 404
    assert ask(open_, "nothing").status_code == 200


def test_faults_of_the_server_are_not_told_to_its_clients(tmp_path: Any) -> None:
    """What went wrong inside, with the names of files, is in the log; the model is told what it may know."""

    class Broken(HashEmbedder):
        def embed_query(self, text: str) -> list[float]:
            raise (EmbeddingError if text == "own" else OSError)("/secret/model is gone")

    with serving(Settings(insecure=True), Memory(tmp_path / "agent.db", embedder=Broken())) as client:
        for query, told in (("own", "The text could not be embedded."), ("other", "An internal error.")):
            call = {"name": "search_memories", "arguments": {"query": query}}
            answer = ask(client, "tools/call", call).json()["result"]
            assert answer["isError"] is True
            assert answer["content"][0]["text"] == f"{told} The server's log says why."


# -- inside other applications


def _starlette(app: Any, prefix: str) -> Any:
    routes = [starlette.routing.Mount(prefix, app)]
    return starlette.applications.Starlette(routes=routes, lifespan=lambda _: app.lifespan())


def _without_lifespan(app: Any, prefix: str) -> Any:
    return starlette.applications.Starlette(routes=[starlette.routing.Mount(prefix, app)])


def _dispatched(app: Any, prefix: str) -> Any:
    return mounted(app, prefix, starlette.applications.Starlette())


def _plugin(app: Any, prefix: str) -> Any:
    import litestar

    plugin = MemoryPlugin(prefix, app.backend._given, app.backend.settings)
    return litestar.Litestar(plugins=[plugin], logging_config=None)


@pytest.mark.parametrize("host", [_starlette, _without_lifespan, _dispatched, _plugin])
@pytest.mark.parametrize("prefix", ["/mem", "/a/b"])
def test_it_is_mounted_with_the_rest(host: Callable[[Any, str], Any], prefix: str) -> None:
    """Below any prefix of another application it answers there, with the same keys, with and without a lifespan."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(api_keys=KEYS, vacuum_interval_seconds=0))
        with served_by(host(app, prefix)) as client:

            async def talk(connected: Any) -> None:
                await done(connected, "add_memory", text="I love sushi")
                found = await connected.call_tool("search_memories", {"query": "sushi"}, progress_callback=_ignore)
                assert found.structured_content["results"][0]["user_id"] == "alice"

            for mode in MODES:
                conversation(client, talk, "of-alice", mode, f"{prefix}/mcp")
            assert client.post(f"{prefix}/mcp", json={}).status_code == 401
            assert client.post("/mcp", json={}).status_code == 404
