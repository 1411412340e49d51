"""How the environments of mem0's clients are made: whole or not at all, and told apart where they cannot be."""

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import client_environments
import pytest
from client_environments import UnavailableError

from mem0lite import guide


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mem0lite-tests"


def says(text):
    """Return a command that prints a text as its error, and fails."""
    return [sys.executable, "-c", f"import sys; print({text!r}, file=sys.stderr); sys.exit(1)"]


def test_an_environment_is_made_once(cache):
    """The second request finds what the first one made."""
    made = []

    def make(folder, name, version):
        folder.mkdir()
        made.append((name, version))

    first = client_environments._made("mem0ai", "9.9.9", make)
    assert client_environments._made("mem0ai", "9.9.9", make) == first
    assert first.is_dir()
    assert made == [("mem0ai", "9.9.9")]


def test_a_half_made_environment_is_not_kept(cache):
    """An installation that fails leaves nothing that a later one would take for an environment."""

    def make(folder, name, version):
        folder.mkdir()
        (folder / "half").touch()
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        client_environments._made("mem0ai", "9.9.9", make)
    assert list(cache.iterdir()) == []


def test_one_makes_an_environment_and_the_others_wait(cache):
    """Processes that need the same environment at once make it once: the rest take what the first one made."""
    begun, made = threading.Event(), []

    def make(folder, name, version):
        made.append(version)
        begun.set()
        waiting.wait(60)
        folder.mkdir()

    def ask():
        return client_environments._made("mem0ai", "9.9.9", make)

    waiting = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask)
        begun.wait(60)
        second = threads.submit(ask)
        waiting.set()
        assert first.result() == second.result()
    assert made == ["9.9.9"]
    assert [one.name for one in cache.iterdir()] == [first.result().name]


def test_an_environment_that_another_process_made_meanwhile_is_taken(cache):
    """Two processes may make the same environment; the slower one uses the other's."""

    def make(folder, name, version):
        folder.mkdir()
        (cache / f"npm-{version}-node").mkdir()
        (cache / f"npm-{version}-node" / "theirs").touch()

    folder = client_environments._made("npm", "9.9.9", make)
    assert [one.name for one in folder.iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    "sign",
    ["Failed to establish a new connection: refused", "Caused by: tcp connect error", "npm error code EAI_AGAIN"],
)
def test_a_registry_that_is_not_reached_is_told_with_its_line(sign):
    """Where the network failed, the tests are skipped, with the line that says how."""
    with pytest.raises(UnavailableError, match=sign):
        client_environments._install(says(f"collecting\n{sign}\nno matching distribution"))


def test_any_other_failure_is_a_failure():
    """A version that is not there, or a build that breaks, is not skipped."""
    with pytest.raises(RuntimeError, match="No matching distribution"):
        client_environments._install(says("No matching distribution found for mem0ai"))


def test_a_missing_node_is_told(monkeypatch, tmp_path):
    """Without Node.js the npm client cannot run, and the reason says so."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match=r"Node\.js is not installed"):
        client_environments._npm(tmp_path / "environment", "npm", "9.9.9")


def test_a_client_sees_nothing_of_the_callers_environment(monkeypatch, tmp_path):
    """A client reads no key, proxy or home folder of who runs the tests, and is told to report to nobody."""
    monkeypatch.setenv("MEM0_API_KEY", "the caller's own")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    code = "import os; print(sorted(os.environ), os.environ['HOME'], os.environ['MEM0_TELEMETRY'])"
    printed = client_environments.run([sys.executable, "-c", code], tmp_path).stdout
    assert "MEM0_API_KEY" not in printed
    assert "HTTP_PROXY" not in printed
    assert printed.endswith(f"{tmp_path} false\n")


def test_every_client_of_the_guide_is_run_or_marked():
    """Each row of the guide's table names the version that is installed and the test that runs it, or why none does."""
    table = guide.read("clients").split("| client | how to connect it | run by |\n|---|---|---|\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()]
    singles = {f"mem0ai=={version}" for version in client_environments.PYTHON_CLIENTS}
    singles |= {f"mem0-cli=={client_environments.CLI}", f"mem0ai@{client_environments.NPM_CLIENT}"}
    installed = singles.union(*client_environments.SETS.values())
    listed = set()
    for name, _, run_by in rows:
        if run_by.startswith("read only: "):
            continue
        pins = set(re.findall(r"`([^`]+)`", name))
        assert pins and pins <= installed
        listed |= pins
        tests = [client_environments.ROOT / "tests" / test for test in re.findall(r"`(test_\w+\.py)`", run_by)]
        assert tests
        assert all("client_environments" in test.read_text() for test in tests)
    assert singles <= listed
