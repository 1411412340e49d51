"""Clients that name no host: mem0ai's own, or the stand-in for it, asking a server or a file of ours instead.

mem0ai is installed in an environment of its own, whose packages are put behind those of the tests.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import client_environments
import pytest
from client_environments import PYTHON_CLIENTS, SCRIPTS
from embedder import HashEmbedder
from serving import served_by

import mem0lite
from mem0lite import Memory
from mem0lite.server import Settings, create_app

ROOT = Path(mem0lite.__file__).parent.parent
OFFLINE = Path(__file__).parent / "integrations" / "offline.py"
STAND_IN = "stand-in"
ALLERGY, BICYCLE = "I am allergic to peanuts", "My bicycle is green"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server without keys."""
    with (
        Memory(":memory:", embedder=HashEmbedder()) as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client,
    ):
        yield str(client.base_url)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Any]:
    """Return what drives the clients of a version of mem0ai, or the stand-ins, and gives their outcomes."""

    def play(source: str, form: str, target: str) -> Any:
        folders = []
        if source != STAND_IN:
            version = f"python{sys.version_info.major}.{sys.version_info.minor}"
            folder = client_environments.needed("mem0ai", source) / "lib" / version / "site-packages"
            folders.append(str(folder))
        script = [str(SCRIPTS / "compat_client.py"), form, target, *folders]
        command = [sys.executable, *([str(OFFLINE)] if form == "path" else []), *script]
        finished = client_environments.run(command, tmp_path, PYTHONPATH=str(ROOT))
        assert finished.returncode == 0, finished.stderr[-4000:]
        assert "NETWORK" not in finished.stderr
        return json.loads(finished.stdout)

    return play


def check(outcome: dict[str, Any], *, translated: bool) -> None:
    """Check what one client's calls came to, and what its errors are, where it translates those of HTTP."""
    assert outcome["searched"] in (ALLERGY, BICYCLE)
    assert outcome["listed"] == sorted([ALLERGY, BICYCLE])
    assert outcome["got"] == {"topic": "food"}
    assert outcome["history"] == ["ADD", "UPDATE"]
    assert len(outcome["users"]) == 1
    assert outcome["feedback"]
    assert outcome["project"] == "Keep food"
    assert outcome["left"] == [BICYCLE]
    assert outcome["gone"] == []
    if not translated:
        return
    assert "MemoryNotFoundError" in outcome["unknown"]["caught_as"]
    assert outcome["unknown"]["code"] == "HTTP_404"
    assert "ValidationError" in outcome["refused"]["caught_as"]
    assert outcome["refused"]["code"] == "HTTP_400"
    assert outcome["summary"]["caught_as"] == ["MemoryError"]
    assert outcome["summary"]["code"] == "HTTP_501"


@pytest.mark.parametrize("source", [*PYTHON_CLIENTS, STAND_IN])
def test_clients_answer_from_a_file(source: str, play: Callable[..., Any], path: Path) -> None:
    """Under install(path=…) both clients do all their calls on the file, without a socket, and leave it closed."""
    played = play(source, "path", str(path))
    for mode in ("sync", "async"):
        check(played[mode], translated=mode == "sync" or source >= "2")  # before 2.0 the async client does not
        assert played[mode]["searched"] == ALLERGY
        assert played[mode]["coroutines"] == (mode == "async")
    assert played["left_imported"] == []
    assert not path.with_name(path.name + "-wal").exists()
    with Memory(path) as memory:
        assert memory.entities() == []


@pytest.mark.parametrize("source", [*PYTHON_CLIENTS, STAND_IN])
def test_clients_ask_the_server_that_install_names(source: str, play: Callable[..., Any], url: str) -> None:
    """Under install(url=…) both clients have that host by default and no other is asked."""
    played = play(source, "url", url)
    for mode in ("sync", "async"):
        check(played[mode], translated=mode == "sync" or source >= "2")  # before 2.0 the async client does not
        assert played[mode]["host"] == url.rstrip("/")
