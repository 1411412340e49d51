"""Commands that change one memory or show what happened, on a file and on a server; MEM0LITE_URL, CSV, completion."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serving

from mem0lite import Memory
from mem0lite.cli import main
from mem0lite.server import ApiKey, Settings, create_app

Run = Callable[..., tuple[int, str, str]]
ID, SECRET = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "only-for-this-test"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in an empty folder: its exit code, results and notes."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MEM0"):
            monkeypatch.delenv(name)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(one) for one in arguments])
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with memories of two users."""
    path = tmp_path_factory.mktemp("stored") / "mem0lite.db"
    lines = [
        {"id": ID, "memory": 'I like tea, "black"', "user_id": "alice", "metadata": {"domain_tags": ["food"]}},
        {"id": "2", "memory": "=1+1\n\u2028second\u0085line", "user_id": "bob", "metadata": {"domain_tags": [2024]}},
    ]
    with Memory(path) as memory:
        memory.import_([json.dumps(line, ensure_ascii=False) for line in lines])
        memory.add("Bob skis", user_id="bob")
    return path


@pytest.fixture
def db(stored: Path, tmp_path: Path) -> Path:
    """A copy of the file, under the name that commands use by default."""
    return Path(shutil.copy(stored, tmp_path / "mem0lite.db"))


@pytest.fixture
def url(db: Path) -> Iterator[str]:
    """The address of a server of the file, which wants a key."""
    settings = Settings(api_keys=(ApiKey(SECRET),), vacuum_interval_seconds=0)
    with Memory(db) as memory, serving.served_by(create_app(memory, settings)) as client:
        yield str(client.base_url)


@pytest.fixture(params=["file", "server"])
def where(request: pytest.FixtureRequest, db: Path) -> list[str]:
    """The options that name the file, or the server of the same file."""
    if request.param == "file":
        return ["--db", str(db)]
    return ["--url", request.getfixturevalue("url"), "--api-key", SECRET]


def shown(run: Run, *arguments: object) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_update(run: Run, where: list[str]) -> None:
    """update changes what is given and leaves the rest; --no-expiry removes a date."""
    labels = ["--tag", "drinks", "--tag", "hot", "--metadata", '{"cups": 2}']
    assert run("update", ID, "I like green tea", "--expires", "2999-12-31", *labels, *where)[:2] == (
        *(0, "Memory updated successfully!\n"),
    )
    item = shown(run, "get", ID, *where)
    assert (item["memory"], item["expiration_date"]) == ("I like green tea", "2999-12-31")
    assert item["metadata"] == {"domain_tags": ["drinks", "hot"], "cups": 2}
    assert shown(run, "update", ID, "--no-expiry", "--timestamp", 86400, *where)["message"]
    item = shown(run, "get", ID, *where)
    assert (item["memory"], item["created_at"]) == ("I like green tea", "1970-01-02T00:00:00+00:00")
    assert item.get("expiration_date") is None
    assert "expired" in run("update", ID, "--expires", "2001-01-01", *where)[2]
    assert run("update", "nobody", "x", *where)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["update", ID], "Say what to change"),
        (["update", ID, "--expires", "2030-01-01", "--no-expiry"], "either --expires or --no-expiry"),
        (["update", ID, "--expires", "soon"], "--expires must be a valid date"),
        (["update", ID, "x", "--metadata", "[]"], "must be a JSON object"),
        (["feedback", ID], "either a RATING (POSITIVE, NEGATIVE, VERY_NEGATIVE) or --remove"),
        (["feedback", ID, "POSITIVE", "--remove"], "either a RATING"),
        (["feedback", ID, "great"], "'great' is not one of"),
        (["feedback", ID, "--remove", "--reason", "x"], "--reason is for a RATING"),
        (["events", "x", "--user", "a"], "Give either an ID, or --user"),
        (["events", "--after", "x"], "Invalid --after: not a cursor"),
        (["events", "--limit", "-1"], "Invalid --limit: -1."),
        (["changes", "--after", "-1"], "Invalid --after: -1."),
        (["changes", "--limit", "-1"], "Invalid --limit: -1."),
        (["entities", "--type", "group"], "'group' is not one of"),
        (["list", "--csv", "--json"], "either --json or --csv"),
        (["webhooks", "create", "ftp://x"], "Invalid URL:"),
        (["webhooks", "create", "http://127.0.0.1:1/x"], "--allow-private"),
        (["webhooks", "update", "x"], "Say what to change"),
        (["webhooks", "update", "x", "--to", "ftp://x"], "Invalid --to:"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_accepted(run: Run, db: Path, arguments: list[str], said: str) -> None:
    """Input that cannot be accepted is exit code 2, in the words of the command, and nothing changes."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    with Memory(db) as memory:
        assert (len(memory.changes()["results"]), memory.get_webhooks()) == (3, [])


def test_feedback(run: Run, where: list[str]) -> None:
    """feedback rates a memory, in either case, and removes the rating."""
    assert run("feedback", ID, "very_negative", "--reason", "never said", *where)[:2] == (
        *(0, f"Rated VERY_NEGATIVE: {ID}\n"),
    )
    item = shown(run, "get", ID, *where)
    assert (item["feedback"], item["feedback_reason"]) == ("VERY_NEGATIVE", "never said")
    removed = shown(run, "feedback", ID, "--remove", *where)
    assert removed == {"id": ID, "feedback": None, "feedback_reason": None}
    assert shown(run, "get", ID, *where).get("feedback") is None
    assert run("feedback", "nobody", "POSITIVE", *where)[0] == 1


def test_who_is_there_and_what_happened(run: Run, where: list[str], db: Path) -> None:
    """entities, events and changes show the library's answers, of a file and of a server."""
    with Memory(db) as memory:
        entities, events, changes = memory.entities(), memory.events(user_id="bob"), memory.changes(after=1, limit=1)
    assert shown(run, "entities", *where) == entities
    assert [one["id"] for one in shown(run, "entities", "--type", "user", *where)] == ["alice", "bob"]
    assert shown(run, "entities", "--type", "app", *where) == []
    assert shown(run, "events", "--user", "bob", *where) == events
    [event] = events["results"]
    assert shown(run, "events", event["id"], *where) == event
    assert run("events", "nobody?/..", *where)[0] == 1
    assert shown(run, "changes", "--after", 1, "--limit", 1, *where) == changes
    assert "--after 2 shows what follows" in run("changes", "--after", 1, "--limit", 1, *where)[2]
    assert run("entities", *where)[1].splitlines()[0].split("\t")[:3] == ["user", "alice", "1"]


def test_a_search_takes_the_labels_of_a_list(run: Run, where: list[str]) -> None:
    """search and context are narrowed by labels, which may be numbers, and still need to know whose memories."""
    for command in ("search", "context"):
        asked = [command, "what about it?", *(["--threshold", 0] if command == "search" else ["--irrelevant"])]
        for labels, count in ((["--tag", "2024"], 1), (["--tag", "food"], 0), (["--project-id", "p"], 0)):
            found = shown(run, *asked, "--user", "bob", *labels, *where)
            assert len(found["results" if command == "search" else "memories"]) == count, labels
        assert run(*asked, "--tag", "2024", *where)[0] == 2


def test_webhooks(run: Run, where: list[str]) -> None:
    """Webhooks are created, shown, changed and deleted; the secret is shown once."""
    host = "https://1.1.1.1/hook"  # an address, so that no name has to be resolved
    made = shown(run, "webhooks", "create", host, "--name", "Log", "--event", "memory_add", "--inactive", *where)
    assert made["secret"].startswith("whsec_")
    [found] = shown(run, "webhooks", "list", *where)
    assert found == {name: one for name, one in made.items() if name not in ("secret", "message")}
    changed = shown(
        run, "webhooks", "update", made["webhook_id"], "--to", host + "2", "--event", "memory_update", *where
    )
    assert (changed["url"], changed["event_types"], changed["is_active"]) == (host + "2", ["memory_update"], False)
    assert host + "2" in run("webhooks", "list", *where)[1]
    assert run("webhooks", "delete", made["webhook_id"], "--yes", *where)[0] == 0
    assert shown(run, "webhooks", "list", *where) == []
    assert run("webhooks", "delete", made["webhook_id"], "--yes", *where)[0] == 1


def test_files_of_a_server(run: Run, db: Path, url: str, tmp_path: Path) -> None:
    """stats, check, export and import ask a server for what they say of a file; an export is the same bytes."""
    where = ["--url", url, "--api-key", SECRET]
    assert {**shown(run, "stats", "--db", db), "cached_bytes": 0, "path": db.name} == {
        **shown(run, "stats", *where), "cached_bytes": 0,
    }  # fmt: skip
    assert shown(run, "check", *where) == {"ok": True, "memories": 3, "problems": []}
    counts = shown(run, "export", "there.jsonl", *where)
    assert counts == shown(run, "export", "here.jsonl", "--db", db) == {"exported": 3, "deleted": 0, "events": 1}
    assert Path("there.jsonl").read_bytes() == Path("here.jsonl").read_bytes()
    assert run("export", "-", *where)[1].encode() == Path("here.jsonl").read_bytes()
    assert shown(run, "export", "bob.jsonl", "--user", "bob", *where)["exported"] == 2
    assert shown(run, "export", "none.jsonl", "--filter", '{"domain_tags": ["none"]}', *where)["exported"] == 0
    assert run("export", db, *where)[0] == 2
    run("delete", "--all", "--yes", *where)
    assert shown(run, "import", "there.jsonl", *where)["added"] == 3
    assert shown(run, "import", "there.jsonl", *where)["skipped"] == 3
    run("export", "again.jsonl", *where)
    assert Path("again.jsonl").read_bytes() == Path("here.jsonl").read_bytes()
    Path("bad.jsonl").write_text('{"memory": "x"}\n\n{\n')
    code, _, err = run("import", "bad.jsonl", "--user", "zoe", *where)
    assert (code, "Line 3: not valid JSON" in err) == (2, True)
    assert shown(run, "list", "--user", "zoe", *where)["total"] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["backup", "x.db"], "secrets of webhooks"),
        (["check", "--repair"], "A server only checks."),
        (["import", "--from", "chatgpt", "here.jsonl"], "only the JSON lines of an export"),
        (["import", "--from-mem0", "http://127.0.0.1:1"], "only the JSON lines of an export"),
        (["vacuum"], ""),
        (["serve"], ""),
        (["mcp"], ""),
        (["restore", "mem0lite.db"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_no_server_does(
    run: Run, db: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    """A command that works on a file refuses a server, named by an option or a variable, instead of another file."""
    Path("here.jsonl").write_text("")
    before = sorted(Path().iterdir())
    code, out, err = run(*arguments, "--url", "http://127.0.0.1:1")
    assert (code, out) == (2, "")
    assert "works on the file itself: give --db instead of --url." in err
    assert reason in err
    monkeypatch.setenv("MEM0LITE_URL", "http://127.0.0.1:1")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "works on the file itself, and MEM0LITE_URL names a server: give --db." in err
    assert reason in err
    assert sorted(Path().iterdir()) == before


def test_the_variable_of_the_server(run: Run, db: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """MEM0LITE_URL and MEM0LITE_API_KEY name the server; an option counts more, and a second variable is refused."""
    monkeypatch.setenv("MEM0LITE_URL", url)
    monkeypatch.setenv("MEM0LITE_API_KEY", SECRET)
    assert shown(run, "stats")["memories"] == 3
    assert shown(run, "stats")["path"] == db.name  # a server does not tell its folder
    assert shown(run, "stats", "--db", db)["path"] == str(db)
    assert run("vacuum", "--db", "mem0lite.db")[::2] == (0, "")
    assert "--db and --model" in run("list", "--model", "x")[2]
    monkeypatch.setenv("MEM0LITE_DB", "other.db")
    code, out, err = run("list")
    assert (code, out) == (2, "")
    assert "MEM0LITE_URL and MEM0LITE_DB are both set. Say which one with --url or --db." in err
    assert shown(run, "list", "--url", url)["total"] == 3
    assert run("stats")[0] == 2
    assert run("vacuum")[2].endswith("other.db does not exist. Give the file with --db or MEM0LITE_DB.\n")
    monkeypatch.setenv("MEM0LITE_DB", "")
    monkeypatch.setenv("MEM0LITE_URL", "127.0.0.1:1")
    assert "Invalid MEM0LITE_URL: '127.0.0.1:1' must start with http://" in run("list")[2]
    monkeypatch.setenv("MEM0LITE_URL", "")
    assert shown(run, "list")["total"] == 3


def test_a_program_is_told_that_it_does_not_use_the_server(tmp_path: Path) -> None:
    """Who sets MEM0LITE_URL and opens a file in Python is told; who names a file to a command is not."""
    path = str(tmp_path / "x.db")
    program = f"import embedder, mem0lite; mem0lite.Memory({path!r}, embedder=embedder.HashEmbedder())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MEM0LITE_URL": "http://127.0.0.1:1", "PYTHONPATH": os.pathsep.join([*sys.path])},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (0, "")
    assert "MEM0LITE_URL names a server to mem0lite's commands" in told.stderr


def test_csv(run: Run, where: list[str], db: Path) -> None:
    """--csv prints the fields of the library, each in its column, and reads back as what was stored."""
    with Memory(db) as memory:
        stored = {item["id"]: item for user in ("alice", "bob") for item in memory.get_all(user_id=user)["results"]}
    _, out, err = run("list", "--csv", *where)
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert err == ""
    assert {row["id"]: (row["memory"], row["user_id"]) for row in rows} == {
        id: (item["memory"], item["user_id"]) for id, item in stored.items()
    }
    assert {row["id"]: json.loads(row["metadata"] or "null") for row in rows} == {
        id: item["metadata"] for id, item in stored.items()
    }
    for command in (
        ["search", "tea", "--user", "alice"], ["history", ID], ["entities"], ["events"], ["changes"],
        ["webhooks", "list"],
    ):  # fmt: skip
        _, out, _ = run(*command, "--csv", *where)
        asked = shown(run, *command, *where)
        found = asked["results"] if isinstance(asked, dict) else asked
        read = list(csv.DictReader(io.StringIO(out, newline="")))
        assert len(read) == len(found), command
        assert all(set(one) <= set(row) for one, row in zip(found, read, strict=True)), command
    headings = [run("list", "--csv", "--user", user, *where)[1].splitlines()[0] for user in ("bob", "nobody")]
    assert headings[0] == headings[1]


def test_shells_complete(tmp_path: Path) -> None:
    """The script of the guide is accepted by the shell, and completes commands, options and choices."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    program = tmp_path / "mem0lite"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mem0lite "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = 'eval "$(_MEM0LITE_COMPLETE=bash_source mem0lite)" && complete -p mem0lite'
    said = subprocess.run([bash, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (said.returncode, "-F _mem0lite_completion mem0lite" in said.stdout) == (0, True), said.stderr
    for words, word, expected in (
        ("mem0lite upd", 1, {"update"}),
        ("mem0lite webhooks l", 2, {"list"}),
        ("mem0lite search tea --thr", 3, {"--threshold"}),
        ("mem0lite feedback x VERY", 3, {"very_negative"}),
    ):
        asked = {"_MEM0LITE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(word)}
        told = subprocess.run(
            [program], env={**environment, **asked}, capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert {line.partition(",")[2] for line in told.stdout.splitlines()} == expected, told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mem0lite"]
