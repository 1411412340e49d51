"""How the environments of mem0's clients are made: whole or not at all, and told apart where they cannot be."""

import sys

import client_environments
import pytest
from client_environments import UnavailableError


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


def test_an_environment_that_another_process_made_meanwhile_is_taken(cache):
    """Two processes may make the same environment; the slower one uses the other's."""

    def make(folder, name, version):
        folder.mkdir()
        (cache / f"npm-{version}-node").mkdir()
        (cache / f"npm-{version}-node" / "theirs").touch()

    folder = client_environments._made("npm", "9.9.9", make)
    assert [one.name for one in folder.iterdir()] == ["theirs"]


@pytest.mark.parametrize("sign", ["Failed to establish a new connection: refused", "npm error code EAI_AGAIN"])
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
