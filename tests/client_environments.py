"""Environments with mem0's published clients, each made once per machine and kept in the user's cache folder.

The first request for any of them starts making all of them, side by side: on a cold machine that takes about a minute
instead of several. ``needed("mem0ai", "2.2.1")`` is an environment's folder; where no registry can be reached it skips
the test, every other failure fails it.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PYTHON_CLIENTS = ("2.2.1", "1.0.11", "0.1.118")
NPM_CLIENT = "3.3.1"
CLI = "0.2.13"
SCRIPTS = Path(__file__).parent / "clients"

_UNREACHABLE = (
    *("Failed to establish a new connection", "Name or service not known", "Temporary failure in name resolution"),
    *("Max retries exceeded", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "Network is unreachable"),
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"),
)
"""What pip and npm print when it is the network that failed, not the installation."""


class UnavailableError(Exception):
    """This machine cannot get the client: it has no Node.js, or reaches no registry."""


def needed(name: str, version: str) -> Path:
    """Return the folder of a client's environment; skip the test where the machine cannot get it."""
    try:
        return _all()[name, version].result()
    except UnavailableError as reason:
        pytest.skip(f"{name} {version}: {reason}")


def python_of(environment: Path) -> str:
    """Return an environment's interpreter. Its console scripts name the folder it was made in, and are not used."""
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def run(command: Sequence[str], home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
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
    return subprocess.run(
        list(command), env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def outcomes(command: Sequence[str], home: Path) -> Any:
    """Run one of the scripts in ``clients`` and return the JSON document it prints."""
    finished = run(command, home)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return json.loads(finished.stdout)


@functools.cache
def _all() -> dict[tuple[str, str], Future[Path]]:
    """Start making whatever is not there yet."""
    with ThreadPoolExecutor(5) as threads:
        made = {("mem0ai", version): threads.submit(_made, "mem0ai", version, _pip) for version in PYTHON_CLIENTS}
        made["mem0-cli", CLI] = threads.submit(_made, "mem0-cli", CLI, _pip)
        made["npm", NPM_CLIENT] = threads.submit(_made, "npm", NPM_CLIENT, _npm)
        return made


def _made(name: str, version: str, make: Callable[[Path, str, str], None]) -> Path:
    """Return an environment's folder, making it beside its place first: a half-made one never stands there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mem0lite-tests"
    runtime = "node" if name in ("npm", "pyright") else f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{name}-{version}-{runtime}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=cache) as making:
        making_here = Path(making) / "environment"
        make(making_here, name, version)
        try:
            making_here.rename(folder)
        except OSError:  # another process has made it meanwhile
            if not folder.is_dir():
                raise
    return folder


def _pip(folder: Path, name: str, version: str) -> None:
    _install([sys.executable, "-m", "venv", str(folder)])
    pip = [python_of(folder), "-m", "pip", "install", "--quiet", "--retries", "2", "--disable-pip-version-check"]
    _install([*pip, f"{name}=={version}"])


def _npm(folder: Path, name: str, version: str) -> None:
    """Install mem0's npm package, or another one by its name, without install scripts: mem0's compile SQLite for the
    half that is not the client."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise UnavailableError("Node.js is not installed")
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1"]
    _install([npm, "install", "--prefix", str(folder), *options, f"{'mem0ai' if name == 'npm' else name}@{version}"])


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    if done.returncode == 0:
        return
    printed = done.stdout + done.stderr
    if failures := [line for line in printed.splitlines() if any(sign in line for sign in _UNREACHABLE)]:
        raise UnavailableError(failures[-1])
    raise RuntimeError(f"{' '.join(command)} failed:\n{printed[-2000:]}")
