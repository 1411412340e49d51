"""The configurations of MCP clients that the guide shows, and the entry for the registry, connect a client."""

import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import client_environments
import pytest
from embedder import HashEmbedder
from serving import served_by

httpx2 = pytest.importorskip("httpx2", reason="comes with the official client of MCP")
mcp = pytest.importorskip("mcp", reason="the official client of MCP is not installed: pip install -e '.[dev]'")

from mcp.client.stdio import stdio_client  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

from mem0lite import Memory, __version__, guide  # noqa: E402
from mem0lite.server import ApiKey, Settings, create_app  # noqa: E402

ROOT = Path(__file__).parent.parent
ADDRESS = "http://127.0.0.1:8888"


def entries() -> Iterator[dict[str, Any]]:
    """Yield the entry of mem0lite in each configuration of the guide's page, and each command line for one."""
    page = guide.read("mcp")
    for language, code in re.findall(r"^```(json|toml)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        read = json.loads(code) if language == "json" else tomllib.loads(code)
        servers = next(read[name] for name in ("mcpServers", "servers", "mcp_servers") if name in read)
        yield from servers.values()
    for line in re.findall(r"(?:claude|codex) mcp add .*?-- ([^`\n]*)", page):
        program, *arguments = line.split()
        yield {"command": program, "args": arguments}


STARTED = [entry for entry in entries() if "command" in entry]
ASKED = [entry for entry in entries() if "url" in entry]


def started(entry: dict[str, Any], home: Path, **variables: str) -> Any:
    """Start what an entry says as a client does, in a folder of its own choice, and add a memory."""
    assert entry["command"] == "mem0lite"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    server = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "mem0lite", *entry["args"]],
        env={**kept, "HOME": str(home), "USERPROFILE": str(home), **variables},
        cwd=home / "elsewhere",
    )

    async def run() -> Any:
        async with mcp.Client(stdio_client(server)) as client:
            return await client.call_tool("add_memory", {"text": "I love sushi"})

    (home / "elsewhere").mkdir()
    return asyncio.run(run())


def test_the_guide_configures_every_client_it_names() -> None:
    """There is a configuration for each way to connect: three files and two commands that start a process, three
    files with an address."""
    assert (len(STARTED), len(ASKED)) == (5, 3)


@pytest.mark.parametrize("number", range(len(STARTED)))
def test_a_client_that_is_configured_so_starts_a_server(number: int, tmp_path: Path) -> None:
    """What the guide tells a client to start works on the file in the user's home, for the user that is named."""
    answer = started(STARTED[number], tmp_path)
    assert not answer.is_error
    with Memory(tmp_path / "agent.db") as memory:
        assert memory.get_all(user_id="alice")["total"] == 1


@pytest.mark.parametrize("number", range(len(ASKED)))
def test_a_client_that_is_configured_so_reaches_a_server(number: int) -> None:
    """The address and the header that the guide tells a client to use are those of a server with a key."""
    entry = ASKED[number]
    key = "3f9c2d7e"
    if variable := entry.get("bearer_token_env_var"):
        assert variable == "MEM0LITE_API_KEY"
        headers = {"Authorization": f"Bearer {key}"}
    else:
        headers = {name: re.sub(r"\$\{[^}]*\}", key, value) for name, value in entry["headers"].items()}
    assert entry["url"].startswith(ADDRESS)

    async def run(base: str) -> Any:
        async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False, verify=False) as transport:
            address = entry["url"].replace(ADDRESS, base)
            async with mcp.Client(streamable_http_client(address, http_client=transport)) as client:
                return await client.call_tool("get_memories", {})

    memory = Memory(":memory:", embedder=HashEmbedder())
    with memory, served_by(create_app(memory, Settings(api_keys=(ApiKey(key),)))) as served:
        assert asyncio.run(run(str(served.base_url).rstrip("/"))).structured_content["total"] == 0


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_client_for_node_reads_every_answer(transport: str, tmp_path: Path) -> None:
    """The SDK that most clients are built with, Anthropic's and Microsoft's among them, accepts what it is answered."""
    environment = client_environments.needed("npm-mcp")
    script = ["node", str(client_environments.SCRIPTS / "mcp_client.mjs"), str(environment), transport]
    if transport == "stdio":
        program = [sys.executable, "-m", "mem0lite", "--db", str(tmp_path / "agent.db"), "mcp"]
        finished = client_environments.run([*script, *program], tmp_path, PYTHONPATH=str(ROOT))
        assert finished.returncode == 0, finished.stderr
        seen = json.loads(finished.stdout)
    else:
        memory = Memory(":memory:", embedder=HashEmbedder())
        with memory, served_by(create_app(memory, Settings(api_keys=(ApiKey("3f9c2d7e"),)))) as served:
            address = str(served.base_url).rstrip("/") + "/mcp"
            seen = client_environments.outcomes([*script, address, "3f9c2d7e"], tmp_path)
    memory_id = seen["added"]["results"][0]["id"]
    for name in ("found", "listed", "read"):
        [item] = seen[name]["results"]
        assert (item["id"], item["memory"], item["metadata"]) == (memory_id, "I love sushi", {"a": {"b": [1]}})
    assert len(seen["tools"]) == 13
    assert "I love sushi" in seen["context"]["text"]
    assert seen["context"]["memory_ids"] == [memory_id]
    assert [one["id"] for one in seen["entities"]["results"]] == ["José/1"]
    assert seen["events"]["results"][0]["id"] == seen["added"]["event_id"]
    assert "nothing" in seen["refused"]["error"]
    assert seen["uri"] == "memory://Jos%C3%A9%2F1"
    assert "I love sushi" in seen["recalled"]
    assert seen["deleted"] == {"message": "Memories deleted successfully!"}


def test_the_entry_for_the_registry_starts_a_server(tmp_path: Path) -> None:
    """server.json names this version and package, obeys the registry's rules, and what it says to start works."""
    entry = json.loads((ROOT / "server.json").read_text())
    [package] = entry["packages"]
    assert entry["version"] == package["version"] == __version__
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert 0 < len(entry["description"]) <= 100
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text()  # how the registry knows the owner
    assert (package["registryType"], package["identifier"]) == ("pypi", "mem0lite")
    arguments = [one["value"] for one in package["packageArguments"]]
    required = {one["name"] for one in package["environmentVariables"] if one.get("isRequired")}
    assert required == {"MEM0LITE_DB"}
    answer = started({"command": "mem0lite", "args": arguments}, tmp_path, MEM0LITE_DB="~/agent.db")
    assert not answer.is_error
    assert (tmp_path / "agent.db").is_file()
