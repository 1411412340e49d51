"""Clients that name no host: mem0ai's own, or the stand-in for it, asking a server or a file of ours instead.

mem0ai is installed in an environment of its own, whose packages are put behind those of the tests.
"""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import client_environments
import pytest
from client_environments import PYTHON_CLIENTS, SCRIPTS
from embedder import HashEmbedder
from serving import served_by

import mem0lite
from mem0lite import Memory, compat, exceptions
from mem0lite.server import ApiKey, Settings, create_app

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
    assert outcome["updated"] == "I eat no peanuts"
    assert outcome["history"] == ["ADD", "UPDATE", "UPDATE"]
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


@pytest.fixture
def stand_ins(path: Path) -> Iterator[Any]:
    """mem0 as a process has it that has no mem0ai, on a file."""
    with compat.install(path=path):
        yield importlib.import_module("mem0")


def test_one_file_serves_every_client(stand_ins: Any, path: Path) -> None:
    """Clients share the file, in threads, too, and a Memory of the same process sees what they add."""
    clients = [stand_ins.MemoryClient() for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: clients[n % 3].add(f"Note {n}", user_id="alice"), range(12)))
    assert clients[0].get_all(user_id="alice")["count"] == 12
    with Memory(path) as memory:
        assert memory.get_all(user_id="alice")["total"] == 12


def test_a_client_of_a_closed_file_says_so(path: Path) -> None:
    """After uninstall, the file is closed, and a client that is left raises mem0's NetworkError with the reason."""
    with compat.install(path=path):
        client = importlib.import_module("mem0").MemoryClient()
        client.add(ALLERGY, user_id="alice")
    assert not path.with_name(path.name + "-wal").exists()
    with pytest.raises(exceptions.NetworkError, match="closed by uninstall"):
        client.get_all(user_id="alice")


def test_a_store_of_the_callers_stays_open() -> None:
    """install(path=memory) answers from an open Memory, and leaves it to its owner."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        with compat.install(path=memory):
            importlib.import_module("mem0").MemoryClient().add(ALLERGY, user_id="alice")
        assert memory.get_all(user_id="alice")["total"] == 1


def test_a_path_is_the_one_of_the_time_of_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is below the folder in which install was called, wherever the program goes then."""
    monkeypatch.chdir(path.parent)
    with compat.install(path=path.name):
        (path.parent / "elsewhere").mkdir()
        monkeypatch.chdir(path.parent / "elsewhere")
        importlib.import_module("mem0").MemoryClient()
    assert path.is_file()


def test_the_same_file_is_told_from_another_however_it_is_spelled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing a file again does nothing, whatever its spelling; the same name in another folder is another file."""
    (path.parent / "elsewhere").mkdir()
    monkeypatch.chdir(path.parent)
    with compat.install(path=path.name):
        compat.install(path=Path(path.name))
        compat.install(path=path)
        monkeypatch.chdir(path.parent / "elsewhere")
        with pytest.raises(mem0lite.ConfigurationError, match="uninstall"):
            compat.install(path=path.name)
    with compat.install(url="http://127.0.0.1:9/"):
        compat.install(url="http://127.0.0.1:9")


LATE = """
import atexit, sys, threading
from pathlib import Path
from embedder import HashEmbedder
from mem0lite import Memory, compat

memory = Memory(sys.argv[1], embedder=HashEmbedder())
compat.install(path=memory)
from mem0 import MemoryClient
client = MemoryClient()

def work():
    threading.main_thread().join()
    client.add("Said by a thread", user_id="alice")

threading.Thread(target=work).start()
atexit.register(client.add, "Said at the end", user_id="alice")
"""


def test_what_is_added_while_the_program_ends_is_kept(path: Path) -> None:
    """Threads that outlive the main one and functions of atexit may add, as with a client of a server."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, "-c", LATE, str(path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    with Memory(path, embedder=HashEmbedder()) as memory:
        kept = {item["memory"] for item in memory.get_all(user_id="alice")["results"]}
    assert kept == {"Said by a thread", "Said at the end"}


def test_keys_of_a_server_do_not_shut_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's keys and limits in the environment are for strangers: a client in the process needs none of them."""
    monkeypatch.setenv("MEM0LITE_API_KEYS", "secret")
    monkeypatch.setenv("MEM0LITE_MAX_BODY_BYTES", "100")
    with compat.install(path=path):
        client = importlib.import_module("mem0").MemoryClient(api_key="another")
        assert client.add("I am allergic to peanuts, " * 9, user_id="alice")["results"][0]["event"] == "ADD"


def test_what_a_file_cannot_be_is_said_at_once(path: Path) -> None:
    """A path that no store can have is refused by install, and a file that is none by the first client."""
    with pytest.raises(mem0lite.ConfigurationError, match="folder"):
        compat.install(path=path.parent)
    assert "mem0" not in sys.modules
    path.write_text("not a database")
    with compat.install(path=path), pytest.raises(mem0lite.NotAMemoryFileError):
        importlib.import_module("mem0").MemoryClient()


@pytest.mark.parametrize("client", ["MemoryClient", "AsyncMemoryClient"])
def test_another_host_is_asked_when_it_is_named(client: str, stand_ins: Any, url: str) -> None:
    """A host that is not the hosted service's is asked although install named a file; the service's own counts as none.

    Only there an HTTP client of the caller's makes sense.
    """
    make = getattr(stand_ins, client)
    there = make(api_key="any", host=url)
    assert there.host == url
    if client == "MemoryClient":
        there.close()
    assert make(host="https://api.mem0.ai/").host.endswith(".invalid")
    with pytest.raises(mem0lite.ConfigurationError, match="client: "):
        make(client=object())


def test_a_wrong_key_is_the_error_mem0_has() -> None:
    """A server that refuses the key makes the constructor raise a ValueError, as mem0's, and shows no key."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey("right"),)))
        with served_by(app) as served, compat.install(url=str(served.base_url)):
            mem0 = importlib.import_module("mem0")
            for make in (mem0.MemoryClient, mem0.AsyncMemoryClient):
                with pytest.raises(ValueError, match="Invalid API key") as caught:
                    make(api_key="wrong-key")
                assert "wrong-key" not in str(caught.value)
            mem0.MemoryClient(api_key="right").close()


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"url": "http://127.0.0.1:8888", "path": "agent.db"}, "not both"),
        ({"url": "127.0.0.1:8888"}, "http://127.0.0.1:8888"),
        ({"url": 8888}, "http://127.0.0.1:8888"),
        ({"path": "http://127.0.0.1:8888"}, "URL"),
        ({"path": " "}, "blank"),
    ],
)
def test_what_install_cannot_mean_is_refused(arguments: dict[str, Any], cure: str) -> None:
    """A url that is none, a path that is a URL, and both at once are errors with the cure, and install nothing."""
    with pytest.raises(mem0lite.ConfigurationError, match=cure):
        compat.install(**arguments)
    assert "mem0" not in sys.modules


def test_another_install_is_refused_while_one_is_in_force(stand_ins: Any, path: Path) -> None:
    """Installing the same again does nothing; with another file it is an error rather than the first file."""
    with compat.install(path=path):
        pass
    with pytest.raises(mem0lite.ConfigurationError, match="uninstall"):
        compat.install(path="other.db")
    assert stand_ins is importlib.import_module("mem0")


def test_async_clients_answer_tasks_at_the_same_time(stand_ins: Any) -> None:
    """Many tasks may await one AsyncMemoryClient, which can be used as a context manager."""

    async def main() -> int:
        async with stand_ins.AsyncMemoryClient() as client:
            await asyncio.gather(*(client.add(f"Note {n}", user_id="alice") for n in range(12)))
            count: int = (await client.get_all(user_id="alice"))["count"]
            return count

    assert asyncio.run(main()) == 12


def test_a_file_without_the_server_extra_names_it() -> None:
    """install(path=…) where litestar is missing names the command that installs it, and installs nothing."""
    code = (
        "import sys\n"
        "sys.modules['litestar'] = None\n"
        "from mem0lite import DependencyError, compat\n"
        "try: compat.install(path='agent.db')\n"
        "except DependencyError as error: assert 'mem0lite[server]' in str(error)\n"
        "else: raise AssertionError('no error')\n"
        "assert 'mem0' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
