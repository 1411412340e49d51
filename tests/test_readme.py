"""What README and the guide show runs as it is written, and what they say of the code is so."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import backends
import click
import client_environments
import httpx
import pytest
from llm_server import Asked, model_server

from mem0lite import environment, guide
from mem0lite.cli.commands import cli
from mem0lite.server.guide import rendered

ROOT = Path(__file__).parent.parent
FOLDER = Path(guide.__file__).parent
DOCUMENTS = {
    **{name: ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")},
    **{name: FOLDER / f"{name}.md" for name in guide.NAMES},
}

NOT_RUN = {
    "pip install .\n": "installs into the environment of whoever runs the tests",
    "pip install '.[server]' && mem0lite serve\n": "the same; the server is started by these tests",
    "mem0lite install ": "writes into the home folder of whoever runs the tests; tests/test_assistants.py has its own",
    "pip install '.[multilingual]'\n": "the same; tests/test_multilingual.py runs what follows",
    "pip install '.[rerank]'\n": "the same; tests/test_crossing.py runs what follows",
    "pip install '.[postgres]'\n": "the same; the databases of what follows are made by these tests",
    "pip install '.[server,opentelemetry]'\n": "the same; tests/test_opentelemetry.py runs what follows",
    "pip install -e '.[dev]' && pytest\n": "runs these tests; .ci/run takes it from here",
    "ruff format . && ruff check . && mypy\n": "run by .ci/run",
    "mem0lite serve --db agent.db --workers 4\n": "ends only when it is told to; tests/test_workers.py tells it to",
    "claude mcp add ": "needs Claude Code; tests/test_mcp_clients.py runs what it is told to run",
    "mem0lite import --from-mem0 qdrant": "needs mem0's own server and folder; tests/test_moving.py has them",
}
"""Shell blocks by their beginning, and why they are not run."""

DATABASE = re.compile(r"postgresql://me:secret@db\.example\.com/(\w+)")
"""The databases of the documents, in place of which there are new ones while their blocks run."""

SECONDS = 300
"""What a block may take: one that waits for somebody is not run."""

ENVIRONMENTS = {"integrations": "doors"}
"""Documents whose Python needs packages that the tests do not have, and the environment that has them."""

APART = {"from crewai import": "doors-crewai"}
"""Blocks of these by what is in them, and the environment that they need instead. It has a package that warns of
itself."""

MODEL = "http://localhost:11434"
SCRIPTED = {"llm"}
"""Documents whose Python asks a language model at MODEL: one of the tests, which makes facts of sentences."""

SHOWN = {"mermaid", "dockerfile", "ini", "json", "toml", "text", "yaml"}
"""Languages of blocks that are no commands, but what comes out, or what a file holds. Those that configure MCP clients
are run by tests/test_mcp_clients.py, those that deploy by tests/test_box.py."""


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    language: str
    code: str


def blocks(name: str) -> list[Block]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENTS[name].read_text(), re.DOTALL | re.MULTILINE)
    return [Block(*one) for one in found]


def is_run(block: Block) -> bool:
    return block.language == "python" or (block.language == "sh" and not block.code.startswith(tuple(NOT_RUN)))


RUN = [name for name in DOCUMENTS if any(map(is_run, blocks(name)))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _fact_of_each(asked: Asked) -> object:
    said = [json.loads(line) for line in asked.body["messages"][1]["content"].splitlines() if line.startswith("{")]
    return {
        "facts": [
            {"fact": sentence, "turns": [line["turn"]]} for line in said for sentence in line["text"].split(". ")[1:]
        ]
    }


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run ``mem0lite serve`` in a folder, and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "mem0lite", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}" in process.stderr.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def run_with_packages(code: str, folder: Path, environment: str) -> str:
    apart = next((name for words, name in APART.items() if words in code), None)
    python = client_environments.python_of(client_environments.needed(apart or environment))
    return run_python(code, folder, python, warnings="ignore" if apart else "error")


def run_python(code: str, folder: Path, python: str = sys.executable, warnings: str = "error") -> str:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}
    command = [python, "-W", warnings, "-c", code]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, ""), code
    return done.stdout


def run_shell(script: str, folder: Path) -> str:
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, script + done.stdout + done.stderr
    return done.stdout


def run_curl(script: str, folder: Path, address: str) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    script = script.replace("http://127.0.0.1:8888", address).replace("curl -s", "curl -sS --fail-with-body -w '\\n'")
    return run_shell(script, folder)


def run_document(name: str, folder: Path, database: Callable[[str], str] = str) -> list[str]:
    """Run the blocks of a document in their order in one empty folder, as a reader does, and return what they print.

    ``database`` returns the address of the database with a name.
    """
    chosen = [
        Block(one.language, DATABASE.sub(lambda found: database(found[1]), one.code))
        for one in blocks(name)
        if is_run(one)
    ]
    if name in ENVIRONMENTS:
        return [run_with_packages(block.code, folder, ENVIRONMENTS[name]) for block in chosen]
    if name in SCRIPTED:
        with model_server(_fact_of_each) as server:
            return [run_python(block.code.replace(MODEL, server.url), folder) for block in chosen]
    if not any("curl" in block.code for block in chosen):
        return [_run(block, folder, "") for block in chosen]
    (folder / "served").mkdir()
    with served(folder / "served") as address:
        return [_run(block, folder, address) for block in chosen]


def _run(block: Block, folder: Path, address: str) -> str:
    if block.language == "python":
        return run_python(block.code, folder)
    return run_curl(block.code, folder, address) if "curl" in block.code else run_shell(block.code, folder)


def check_readme(loop: str, curl: str) -> None:
    """The agent loop finds in its second turn what was said in the first, and curl finds what it stored."""
    check_loop(loop, "I am allergic to peanuts.", "Which snacks should I avoid?")
    added, found = curl.splitlines()
    assert '"event":"ADD"' in added
    assert "FastAPI behind nginx" in found


def check_loop(printed: str, said: str, asked: str) -> None:
    """The first prompt knows nothing of the user, and the second only what the user said."""
    first, second = printed.split("What you know about the user:\n")[1:]
    assert first == f"\n\nThe user says: {said}\n"
    block, _, rest = second.partition("\n\n")
    assert block.splitlines()[2:] == [f"- user: {said}", "</memories>"]
    assert rest == f"The user says: {asked}\n"


def check_getting_started(first: str, loop: str, curl: str, deleting: str) -> None:
    """The first memory is found by other words, and each curl line finds what the one before left."""
    assert first == "I am allergic to peanuts\n"
    check_loop(loop, "I moved to Lisbon last month.", "Which city do I live in?")
    added, listed, found, updated, history = curl.splitlines()
    assert '"event":"ADD"' in added
    assert '"total":1' in listed
    assert "FastAPI behind nginx" in found
    assert "Memory updated successfully!" in updated
    assert '"new_memory":"We deploy with Litestar"' in history
    deleted, all_deleted, *resets = deleting.splitlines()
    assert "Memory deleted successfully" in deleted
    assert "All relevant memories deleted" in all_deleted
    assert resets == ['{"message":"All memories reset"}'] * 2


def check_cli(commands: str, python: str) -> None:
    """The commands run one after the other, find what they stored, and list it; Python lists and reads the guide."""
    assert commands.count("The staging database is called heron") == 2
    assert "search Search and scores" in python
    assert python.endswith(guide.read("filters") + "\n")


def check_context(printed: str) -> None:
    """The block that is shown is the one that the code before it prints."""
    [shown] = [block.code for block in blocks("context") if block.language == "text"]
    assert printed == shown


def check_chat(printed: str) -> None:
    """The question that is asked again finds the fact, and not the guess."""
    assert "- user: I moved to Porto last week." in printed.split("<memories")[-1]
    assert "Lisbon" not in printed


def check_graph(printed: str) -> None:
    """The graph that is shown is the one that the block before it prints, after the steps in their order."""
    [picture] = [block.code for block in blocks("graph") if block.language == "mermaid"]
    steps, _, drawn = printed.partition("flowchart LR\n")
    assert f"flowchart LR\n{drawn}".strip() == picture.strip()
    assert [line.split()[0] for line in steps.splitlines()[:4]] == ["Start", "The", "Run", "Deploy"]


def check_integrations(*printed: str) -> None:
    """Each door finds what was put through it."""
    assert printed[0] == "allergy {'fact': 'I am allergic to peanuts'}\n"
    assert printed[1] == "2\nI am learning to play the cello\n"
    assert "user: My cat is called Mio\n" in printed[2]
    assert printed[2].endswith("\nWhat is my cat called?\n")
    assert printed[3].startswith("2\n")
    assert "- user: My sister is called Faye\n" in printed[3]
    assert printed[3].endswith(" | What is my sister called?\n")
    assert "- user: My bicycle is green\n" in printed[4]
    assert printed[4].endswith(" | Which colour is my bicycle?\n")
    assert "\nThe staging server is called heron\n" in printed[5]
    assert printed[6].endswith("]\nI moved to Lisbon last month\n")
    assert printed[7].endswith("29B\t/memories/food.md\nAlice is allergic to peanuts\n\n")
    assert printed[8] == "I am training for a marathon\n"
    assert printed[-3] == "Paints with watercolours\n"
    assert printed[-2] == "I repair old clocks\n"
    assert printed[-1] == "chat-7\nI keep bees on the roof\n"


def check_llm(printed: str, *_: str) -> None:
    """The fact is found, with the id of its message."""
    assert re.fullmatch(r"Ann moved to Oslo\. \['[\da-f-]{36}'\]\n", printed)


def check_postgres(first: str, asked: str, copied: str) -> None:
    """A database is used as a file is, from Python and from the command line, and a file is copied into another."""
    assert first == "I am allergic to peanuts\n"
    assert first.strip() in asked
    assert "memories" in copied


def check_mcp(piped: str, asked: str) -> None:
    """The line that is piped to the command is stored, and over HTTP what the first request stores the second finds."""
    answers = [json.loads(line)["result"] for line in (piped + asked).splitlines() if line.strip()]
    assert [one["isError"] for one in answers] == [False] * 3
    first, second, found = (one["structuredContent"]["results"][0]["memory"] for one in answers)
    assert first == "The staging database is called heron"
    assert second == found == "We deploy on Fridays"


CHECKS: dict[str, Callable[..., None]] = {
    "README": check_readme,
    "getting-started": check_getting_started,
    "cli": check_cli,
    "chat": check_chat,
    "context": check_context,
    "graph": check_graph,
    "integrations": check_integrations,
    "llm": check_llm,
    "mcp": check_mcp,
    "postgres": check_postgres,
}
"""What is expected of the outputs of a document's blocks, beyond that none fails."""


@pytest.mark.parametrize("name", RUN)
def test_the_blocks_of_a_document_run(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The Python, curl and mem0lite blocks of README and of every page run in their order and do what they promise."""
    if any(DATABASE.search(block.code) for block in blocks(name)) and (reason := backends.no_postgres()):
        pytest.skip(reason)
    printed = run_document(name, tmp_path, cache(lambda _: str(backends.postgres(tmp_path, request))))
    CHECKS.get(name, lambda *_: None)(*printed)


def test_the_export_of_the_command_line_holds_what_was_added(tmp_path: Path) -> None:
    """The last command of the page on the command line writes the memory of the first to the file it names."""
    run_document("cli", tmp_path)
    assert "heron" in (tmp_path / "memories.jsonl").read_text()


def test_the_addresses_that_are_named_are_served(tmp_path: Path) -> None:
    """A served file has the pages that README sends people to."""
    with served(tmp_path) as address:
        assert "swagger" in httpx.get(f"{address}/docs").text
        assert "Getting started" in httpx.get(f"{address}/guide").text
        assert httpx.get(f"{address}/llms.txt").text.startswith("# mem0lite\n")


def test_what_is_not_run_is_known() -> None:
    """Every block is run, or is of a kind that cannot be, or is listed with the reason why it is not."""
    every = [block for name in DOCUMENTS for block in blocks(name)]
    left = [block for block in every if not is_run(block) and block.language not in SHOWN]
    assert {block.language for block in left} == {"sh"}
    assert {start for start in NOT_RUN if any(block.code.startswith(start) for block in left)} == set(NOT_RUN)


def shown_commands() -> list[list[str]]:
    """Return the arguments of each ``mem0lite`` command line of the blocks that are not run."""
    code = "\n".join(block.code for name in DOCUMENTS for block in blocks(name) if not is_run(block))
    lines = re.findall(r"^(?:ExecStart=\S*/|.*&& |)mem0lite (\w.*?)(?:  +#.*| \|.*)?$", code, re.MULTILINE)
    return [line.split() for line in lines]


@pytest.mark.parametrize("arguments", shown_commands(), ids=" ".join)
def test_the_commands_that_are_not_run_can_be_parsed(arguments: list[str]) -> None:
    """The command line knows every command and option that is only shown."""
    command = cli.commands[arguments[0]]
    command.make_parser(click.Context(command)).parse_args(arguments[1:])


def test_readme_is_short() -> None:
    """README is read in one go: 200 lines at most, and nothing in it resets a store."""
    lines = DOCUMENTS["README"].read_text().splitlines()
    assert len(lines) <= 200
    assert not [line for line in lines if "/reset" in line or "DELETE" in line]


def anchors(path: Path) -> set[str]:
    _, html = rendered(path.read_text())
    return set(re.findall(r'<h\d id="([^"]+)"', html))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """A relative link names a file that is there and, after a #, a heading of it; those of the guide stay in it."""
    path = DOCUMENTS[name]
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
        assert name not in guide.NAMES or target.parent == FOLDER, link


def test_the_settings_are_the_ones_there_are() -> None:
    """Every environment variable the code reads is documented, and every documented one is read."""
    pattern = r"\bMEM0(?:LITE)?_[A-Z_]+|ADMIN_API_KEY"
    written = "\n".join(path.read_text() for path in DOCUMENTS.values())
    settings = {name for name in re.findall(pattern, written) if not name.startswith("MEM0LITE_TEST_")}
    files = set(ROOT.glob("mem0lite/**/*.py")) - {Path(environment.__file__)}
    read = {name for file in files for name in re.findall(pattern, file.read_text())}
    assert settings == read
    assert read - {"MEM0_API_KEY"} == environment.VARIABLES, "the others are named as misspelt"
