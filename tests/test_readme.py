"""The README's examples run as they are written."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from mem0lite import environment

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_python_blocks_run(number, tmp_path):
    """Each Python block runs by itself in an empty folder, and the first screen's prints what it promises."""
    code = blocks("python")[number]
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    if number == 0:
        assert done.stdout == "I am allergic to peanuts\n"


def test_the_picture_is_what_the_example_draws(tmp_path):
    """The graph that is shown is the one that the block before it prints, after the steps in their order."""
    [code] = [block for block in blocks("python") if "graph_categories" in block]
    [picture] = blocks("mermaid")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    steps, _, drawn = done.stdout.partition("flowchart LR\n")
    assert f"flowchart LR\n{drawn}".strip() == picture.strip()
    assert [line.split()[0] for line in steps.splitlines()[:4]] == ["Start", "The", "Run", "Deploy"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(tmp_path):
    """A folder in which ``mem0lite serve`` runs, and its address."""
    port = free_port()
    command = [sys.executable, "-m", "mem0lite", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert f"http://127.0.0.1:{port}" in process.stderr.readline()
        yield tmp_path, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_lines_work(served):
    """Every curl line of the README succeeds against a fresh server, and finds what the one before stored."""
    folder, address = served
    [script] = [block for block in blocks("sh") if "curl" in block]
    script = script.replace("http://127.0.0.1:8888", address).replace("curl -s", "curl -sS --fail-with-body -w '\\n'")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    added, listed, found, updated, history, deleted, all_deleted, *resets = done.stdout.splitlines()
    assert '"event":"ADD"' in added
    assert '"total":1' in listed
    assert "FastAPI behind nginx" in found
    assert "Memory updated successfully!" in updated
    assert '"new_memory":"We deploy with Litestar"' in history
    assert "Memory deleted successfully" in deleted
    assert "All relevant memories deleted" in all_deleted
    assert resets == ['{"message":"All memories reset"}'] * 2
    assert "swagger" in httpx.get(f"{address}/docs").text


def test_the_command_lines_work(tmp_path):
    """The README's mem0lite commands run one after the other and find what they stored."""
    [script] = [block for block in blocks("sh") if block.startswith("mem0lite add")]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The staging database is called heron") == 2  # found, and listed
    assert "heron" in (tmp_path / "memories.jsonl").read_text()


def test_the_settings_are_the_ones_there_are():
    """Every environment variable the code reads is in the README, and every one in the README is read."""
    files = set(Path(__file__).parent.parent.glob("mem0lite/**/*.py")) - {Path(environment.__file__)}
    pattern = r"\bMEM0(?:LITE)?_[A-Z_]+|ADMIN_API_KEY"
    settings = {name for name in re.findall(pattern, README) if not name.startswith("MEM0LITE_TEST_")}
    read = {name for file in files for name in re.findall(pattern, file.read_text())}
    assert settings == read
    assert read - {"MEM0_API_KEY"} == environment.VARIABLES, "the others are named as misspelt"
