"""What comes from elsewhere reaches nothing here: webhooks, imports and files of others read and delete no local file,
connect to no private address and run no program.

What Python opens, connects to and runs is watched by an audit hook; what SQLite does inside is not, so there a secret
file must not be copied and no file may appear or disappear.
"""

import copyreg
import gzip
import io
import json
import os
import pickle
import random
import shutil
import sqlite3
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest
from embedder import HashEmbedder
from sizes import sizes
from test_moving import folder_of, point
from test_secrets import answering
from test_webhooks import Receiver, status

from mem0lite import CorruptFileError, DatabaseError, Mem0LiteError, Memory, ValidationError
from mem0lite.mem0 import connection
from mem0lite.webhooks import outbound

SECRET = "the contents of another file"

# -- what Python does is watched

_WATCHED = ("open", "socket.connect", "socket.sendto", "os.system", "os.exec", "os.mkdir", "os.remove", "os.rename")
_WATCHED += ("subprocess.Popen", "pickle.find_class", "ctypes.dlopen", "urllib.Request", "ftplib.connect")
_seen: list[tuple[str, Any]] | None = None


def _watch(event: str, arguments: Any) -> None:
    if _seen is not None and event in _WATCHED:
        _seen.append((event, arguments))


sys.addaudithook(_watch)  # for good: there is no way to remove one


@contextmanager
def watched() -> Iterator[list[tuple[str, Any]]]:
    """Note what is opened, connected to and run, in any thread."""
    global _seen
    _seen = found = []
    try:
        yield found
    finally:
        _seen = None


def connections(events: list[tuple[str, Any]]) -> list[int]:
    """Return the ports that were connected to."""
    return [arguments[1][1] for event, arguments in events if event == "socket.connect"]


def opened(events: list[tuple[str, Any]]) -> list[str]:
    """Return the files that were opened, but for modules and certificates."""
    names = [str(arguments[0]) for event, arguments in events if event == "open"]
    return [name for name in names if not name.endswith((".py", ".pyc", ".pem"))]


def ran(events: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return what was run, made or removed."""
    return [found for found in events if found[0].startswith(("os.", "subprocess.", "ctypes.", "urllib."))]


def test_the_watch_sees(tmp_path: Path) -> None:
    """Files that are opened and made, addresses that are connected to and classes of pickles are seen."""
    receiver, content = Receiver(), b'{"event_details": {"data": {"memory": "x"}}}'
    with watched() as events:
        (tmp_path / "file").write_text("x")
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").unlink()
        pickle.loads(pickle.dumps(tmp_path))
        outbound.post(outbound.Target.parse(receiver.url, "url"), {}, content, allow_private=True, timeout=5)
    receiver.close()
    assert {event for event, _ in events} >= {"open", "os.mkdir", "os.remove", "pickle.find_class", "socket.connect"}
    assert connections(events) == [receiver.port]


# -- webhooks

NOT_HTTP = (
    *(
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "file://localhost/etc/passwd",
        "ftp://127.0.0.1/x",
        "ftps://x.example/",
    ),
    *("gopher://127.0.0.1:6379/_INFO", "dict://127.0.0.1:11211/stat", "ldap://127.0.0.1/", "tftp://127.0.0.1/x"),
    *("unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "unix:/var/run/docker.sock:/x"),
    *("jar:http://127.0.0.1!/x", "data:text/plain,x", "javascript:alert(1)", "ws://127.0.0.1/", "wss://127.0.0.1/"),
    *("netdoc:///etc/passwd", "/etc/passwd", "\\\\127.0.0.1\\share", "http:/127.0.0.1", "http:127.0.0.1", "http:///x"),
    *("http:\\\\127.0.0.1", "http://[127.0.0.1]", "http://[::1%25lo]/", "http://[v1.x]/", "http://%31%32%37.0.0.1/"),
    *("http://127.0.0.1%00.example.com/", "http://example.com\\@127.0.0.1/", "http://example.com@127.0.0.1/"),
    *(
        "http://127.0.0.1:80:80/",
        "http://127.0.0.1:+80/",
        "http://127.0.0.1: 80/",
        "http://exa\tmple.com/",
        "http://\u2460/",
    ),
    *("http://127\u30020.0.1/", "http://\uff11\uff12\uff17.0.0.1/", "http://localho\u017ft/", "http://*/", "http://,/"),
)
PRIVATE = (
    *(
        "127.0.0.1",
        "127.255.255.254",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
    ),
    *("0", "0.0.0.0", "0.1.2.3", "00.0.0.0", "10.0.0.1", "012.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "100.64.0.1", "192.0.0.192", "198.18.0.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("168.63.129.16", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]"),
    *(
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:10.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
    ),
    *(
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
    ),
    *("[ff02::1]", "[100::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "localhost", "LOCALHOST"),
)


@pytest.mark.parametrize("url", NOT_HTTP)
def test_no_webhook_leads_elsewhere_than_the_web(memory: Memory, url: str) -> None:
    """A URL of another scheme, or one that programs read in different ways, is refused even where hosts may be
    private, without opening or connecting to anything."""
    with watched() as events, pytest.raises(ValidationError):
        memory.create_webhook(url, allow_private=True)
    assert connections(events) == []
    assert memory.get_webhooks() == []


@pytest.mark.parametrize("host", PRIVATE)
def test_no_webhook_leads_to_a_private_address(memory: Memory, host: str) -> None:
    """However an address that is not public is written, it is refused, and nothing is connected to."""
    with watched() as events, pytest.raises(ValidationError, match="url"):
        memory.create_webhook(f"http://{host}:8000/hook")
    assert connections(events) == []


def smuggle(path: Path, field: str, value: object) -> None:
    """Change the webhook in a file, as whoever writes the file can."""
    with closing(apsw.Connection(str(path))) as connection:
        changed = "json_set(value, ?, json(?))"
        sql = f"UPDATE document SET value = {changed} WHERE kind = 'webhook'"
        connection.execute(sql, (f"$.{field}", json.dumps(value))).fetchall()


@pytest.fixture
def from_elsewhere(tmp_path: Path) -> Path:
    """A file of somebody else's with a webhook that was made for a public address."""
    with Memory(tmp_path / "theirs.db", embedder=HashEmbedder()) as theirs:
        theirs.create_webhook("https://8.8.8.8/")
        theirs.add("before", user_id="u")
    return tmp_path / "theirs.db"


@pytest.mark.parametrize("how", ["opened", "restored", "replaced", "copied"])
def test_a_webhook_that_comes_with_a_file_gets_nothing(from_elsewhere: Path, tmp_path: Path, how: str) -> None:
    """A webhook for a private address that was written into a file is not delivered to, whatever way the file came."""
    receiver = Receiver()
    smuggle(from_elsewhere, "url", receiver.url)
    path = arrived(from_elsewhere, tmp_path / "mine.db", how)
    with Memory(path, embedder=HashEmbedder()) as memory, watched() as events:
        memory.add("private", user_id="u")
        outcome = memory.deliver_webhooks()
        assert (outcome["webhooks"], outcome["delivered"], outcome["pending"]) == (1, 0, 1)
    receiver.close()
    assert connections(events) == []
    assert receiver.rest() == []


def arrived(source: Path, target: Path, how: str) -> Path:
    if how == "opened":
        return source
    if how == "copied":
        return Path(shutil.copy(source, target))
    if how == "replaced":
        Memory(target, embedder=HashEmbedder()).close()
    Memory.restore(source, target, replace=how == "replaced")
    return target


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("url", url) for url in ("file:///etc/passwd", "gopher://127.0.0.1/", "http+unix://%2Fx/", "", "http://[")),
        *(("url", value) for value in (None, 7, ["http://127.0.0.1/"], {"url": "x"})),
        *(("secret", value) for value in ("plain", "whsec_x", "whsec_\u00e4")),
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_forged_webhook_does_not_stop_the_others(
    from_elsewhere: Path, field: str, value: Any, allow_private: bool
) -> None:
    """A webhook in a file that no caller could have made reaches nothing, and says what is wrong with it; the others
    get what is theirs."""
    receiver, theirs = Receiver(), Receiver()
    smuggle(from_elsewhere, "url", theirs.url)
    smuggle(from_elsewhere, field, value)
    with Memory(from_elsewhere, embedder=HashEmbedder()) as memory:
        memory.create_webhook(receiver.url, allow_private=True)
        memory.add("for all", user_id="u")
        with watched() as events:
            outcome = memory.deliver_webhooks(allow_private=allow_private)
        assert "no valid url or secret" in str(memory.get_webhooks()[0]["last_error"])
    for one in (receiver, theirs):
        one.close()
    assert outcome["delivered"] == int(allow_private)
    assert connections(events) == [receiver.port] * int(allow_private)
    assert opened(events) == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://127.0.0.1:{other}/", "//127.0.0.1:{other}/", "file:///etc/passwd", "/other"])
def test_a_redirect_leads_nowhere(memory: Memory, code: int, to: str) -> None:
    """Where a receiver sends on to is not asked for, be it the same host, another, or a file."""
    receiver, other = Receiver(), Receiver()
    receiver.answers.append(status(code, Location=to.format(other=other.port)))
    memory.create_webhook(receiver.url, allow_private=True)
    memory.add("x", user_id="u")
    with watched() as events:
        assert memory.deliver_webhooks(allow_private=True)["delivered"] == 0
    for one in (receiver, other):
        one.close()
    assert connections(events) == [receiver.port]


# -- JSON lines

STRANGE = (
    *(
        "/etc/passwd",
        "../../../../etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:9/x",
        "\\\\host\\share",
        "~/.ssh/id_rsa",
    ),
    *("'; ATTACH DATABASE '{pwned}' AS x; CREATE TABLE x.t(a); --", "'); DROP TABLE memory; --", "$(touch {pwned})"),
    *(
        "load_extension('{pwned}')",
        "readfile('/etc/passwd')",
        "`touch {pwned}`",
        "{{7*7}}",
        "${jndi:ldap://127.0.0.1/x}",
    ),
    *("!!python/object/apply:os.system ['touch {pwned}']", "__import__('os').system('touch {pwned}')", "%s%n", "\x00"),
)


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_lines_are_data(memory: Memory, tmp_path: Path, number: int) -> None:
    """Fields of JSON lines that name files, URLs, SQL or programs are kept as they are, or refused; nothing is opened,
    connected to or run because of them, then or when they are searched for and exported."""
    pwned = tmp_path / "pwned"
    text = STRANGE[number].replace("{pwned}", str(pwned))
    item = {"memory": text, "user_id": "u", "metadata": {text.replace("\0", ""): text, "path": text, "$ref": text}}
    fields = ("id", "agent_id", "run_id", "app_id", "actor_id", "role", "created_at", "expires_at", "expiration_date")
    lines = [json.dumps(item), *(json.dumps({**item, field: text}) for field in (*fields, "history", "file", "source"))]
    with watched() as events:
        for line in lines:
            with suppress(ValidationError):
                memory.import_([line])
        memory.search(text, user_id="u", filters={"path": text})
        memory.export(io.StringIO())
    assert ran(events) == []
    assert connections(events) == []
    assert opened(events) == []
    assert not pwned.exists()
    assert text in {found["memory"] for found in memory.get_all(user_id="u")["results"]}
    assert memory.check()["ok"]


# -- folders of mem0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of Qdrant with one memory, and a history beside it."""
    made = folder_of(tmp_path, mem0=[point(1, data="mine")])
    history(made.parent / "forged" / "history.db")
    return made


def history(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        columns = "id, memory_id, old_memory, new_memory, event, created_at, updated_at"
        connection.execute(f"CREATE TABLE history ({columns})")
        row = ("h", "1", None, "mine", "ADD", "2024-01-01T00:00:00Z", None)
        connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another program's database of the same shape, which is not to be read."""
    made = folder_of(tmp_path / "private", mem0=[point(2, data=SECRET)])
    return made / "collection" / "mem0" / "storage.sqlite"


def known(memory: Memory) -> str:
    """Return all that a store holds, as text."""
    lines = io.StringIO()
    memory.export(lines, show_expired=True)
    return lines.getvalue()


@pytest.mark.parametrize("link", ["file", "collection", "wal", "journal", "history", "device"])
def test_links_lead_nowhere(memory: Memory, folder: Path, elsewhere: Path, link: str) -> None:
    """A folder's files that are links to others' files, or no files, are not read: an error names them."""
    storage = folder / "collection" / "mem0" / "storage.sqlite"
    target = elsewhere
    if link == "collection":
        shutil.rmtree(storage.parent)
        storage.parent.symlink_to(elsewhere.parent)
    else:
        suffix = {"wal": "-wal", "journal": "-journal"}.get(link, "")
        name = folder / "history.db" if link == "history" else storage.with_name(storage.name + suffix)
        name.unlink(missing_ok=True)
        target = Path("/dev/zero") if link == "device" else elsewhere
        name.symlink_to(target)
    if link == "history":
        result = memory.import_from_mem0(folder)
        assert "outside the folder" in result["incomplete"][0]["problem"]
    else:
        with pytest.raises(DatabaseError, match="outside the folder"):
            memory.import_from_mem0(folder)
    assert SECRET not in known(memory)


def test_a_folder_may_be_a_link_itself(memory: Memory, folder: Path, tmp_path: Path) -> None:
    """What the caller names may be a link: only what is in the folder may not lead out of it."""
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "linked.db").symlink_to(folder / "history.db")
    result = memory.import_from_mem0(tmp_path / "link", history_db=tmp_path / "linked.db")
    assert (result["added"], result["incomplete"]) == (1, [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["storage.sqlite", "storage.sqlite-wal", "storage.sqlite-journal"])
def test_pipes_are_not_waited_for(memory: Memory, folder: Path, name: str) -> None:
    """A named pipe in the place of a file is an error, not a wait for whoever may write to it."""
    pipe = folder / "collection" / "mem0" / name
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(Mem0LiteError):
        memory.import_from_mem0(folder)


def hostile_journal(database: Path, victim: Path) -> Path:
    """Put a journal beside a database by which SQLite, once it has used it, may delete another file.

    It is one of a transaction over several databases; the file that names them all is the victim.
    """
    magic, sector = bytes.fromhex("d9d505f920a163d7"), 512
    header = database.read_bytes()[:100]
    size = int.from_bytes(header[16:18], "big")
    head = (magic + struct.pack(">IIIII", 0, 1, database.stat().st_size // size, sector, size)).ljust(sector, b"\0")
    name = str(victim).encode()
    end = struct.pack(">I", 2**30 // size + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    journal = database.with_name(f"{database.name}-journal")
    journal.write_bytes(head + end)
    return journal


def test_a_journal_deletes_no_other_file(memory: Memory, folder: Path, from_elsewhere: Path, tmp_path: Path) -> None:
    """Neither importing a folder nor opening or restoring a file deletes the file that a journal beside it names."""
    victim = tmp_path / "diary.txt"
    victim.write_text(SECRET)
    storage = folder / "collection" / "mem0" / "storage.sqlite"
    hostile_journal(storage, victim)
    with pytest.raises(DatabaseError, match="its journal names another file"):
        memory.import_from_mem0(folder)
    assert victim.read_text() == SECRET
    for step in (
        lambda: Memory.restore(from_elsewhere, tmp_path / "restored.db"),
        lambda: Memory(from_elsewhere, embedder=HashEmbedder(), read_only=True).close(),
        lambda: Memory(from_elsewhere, embedder=HashEmbedder()).close(),
    ):
        hostile_journal(from_elsewhere, victim)
        with suppress(Mem0LiteError):
            step()
        assert victim.read_text() == SECRET


def test_a_journal_that_is_honest_is_used(memory: Memory, folder: Path) -> None:
    """What a program that was killed left unfinished is undone in the copy that is read, by the journal beside it."""
    storage = folder / "collection" / "mem0" / "storage.sqlite"
    connection = sqlite3.connect(storage, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO points VALUES (?, ?)", ((f"x{n}", b"x" * 4_000) for n in range(50)))
    copied = shutil.copytree(folder, folder.with_name("killed"))
    connection.execute("ROLLBACK")
    connection.close()
    assert (copied / "collection" / "mem0" / "storage.sqlite-journal").stat().st_size
    result = memory.import_from_mem0(copied)
    assert (result["added"], result["incomplete"]) == (1, [])


PROGRAMS: dict[str, Any] = {
    "os.system": (os.system, ("touch {}",)),
    "subprocess": (__import__("subprocess").Popen, (["touch", "{}"],)),
    "open": (open, ("{}", "w")),
    "eval": (eval, ("open('{}', 'w')",)),
    "exec": (exec, ("open('{}', 'w')",)),
    "getattr": (getattr, (os, "system")),
    "import": (__import__, ("antigravity",)),
    "mkdir": (os.mkdir, ("{}",)),
    "remove": (os.remove, ("{}",)),
    "loads": (pickle.loads, (pickle.dumps({}),)),
    "dlopen": (__import__("ctypes").CDLL, ("{}",)),
}


class Program:
    """A pickle of this is a call."""

    def __init__(self, name: str, path: Path) -> None:
        function, arguments = PROGRAMS[name]
        filled = json.loads(
            json.dumps([one for one in arguments if isinstance(one, str | list)]).replace("{}", str(path))
        )
        rest = [one for one in arguments if not isinstance(one, str | list)]
        self.call = (function, tuple(filled + [one for one in rest if not isinstance(one, type(os))]))

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("name", PROGRAMS)
def test_pickles_run_nothing(memory: Memory, tmp_path: Path, name: str) -> None:
    """Whatever a pickle in the folder wants to call, as itself, as a payload or deep in one, nothing is called, and
    nothing looked up but dates and UUIDs; the other memories come."""
    pwned = tmp_path / "pwned"
    program = Program(name, pwned)
    inside = SimpleNamespace(id=5, payload={"data": "x", "user_id": "u", "metadata": {"deep": [program]}})
    rows = [pickle.dumps(one, protocol) for one in (program, [program], inside) for protocol in (0, 2, 4, 5)]
    folder = folder_of(tmp_path, mem0=[*rows, point(7, data="mine")])
    with watched() as events:
        memory.import_from_mem0(folder)
    looked_up = {(module, named) for event, (module, named) in ((e, a) for e, a in events if e == "pickle.find_class")}
    assert looked_up <= {
        ("uuid", "UUID"),
        *(("datetime", one) for one in ("datetime", "date", "timezone", "timedelta")),
    }
    assert [
        found for found in ran(events) if str(tmp_path / "pwned") in str(found) or found[0] == "subprocess.Popen"
    ] == []
    assert not pwned.exists()
    assert '"memory": "mine"' in known(memory)


def test_pickles_by_number_and_reference_run_nothing(memory: Memory, tmp_path: Path) -> None:
    """Classes that a pickle names by a number of the registry, and objects it refers to by name, are not looked up."""
    copyreg.add_extension("os", "system", 77)
    try:
        rows = [
            b"\x80\x02\x82\x4dU\x04trueq\x00\x85R.",
            b"\x80\x02X\x04\x00\x00\x00trueQ.",
            b"Pname\n.",
            b"cos\nsystem\n(S'true'\ntR.",
            b"(S'true'\nios\nsystem\n.",
            b"\x80\x04\x8c\x08builtins\x8c\x0bexec.__call\x93.",
        ]
        with watched() as events:
            result = memory.import_from_mem0(folder_of(tmp_path, mem0=rows))
    finally:
        copyreg.remove_extension("os", "system", 77)
    assert ("os.system", (b"true",)) not in events
    assert [found for found in ran(events) if found[0] == "os.system"] == []
    assert result["added"] == 0
    assert len(result["incomplete"]) >= len(rows)


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE points RENAME TO p; CREATE VIEW points AS SELECT id, readfile('{secret}') AS point FROM p",
        "ALTER TABLE points RENAME TO p; CREATE VIEW points AS SELECT id, load_extension('{secret}') AS point FROM p",
        "DROP TABLE points; CREATE VIEW points AS SELECT 1 AS id, name AS point FROM pragma_database_list",
        "CREATE TRIGGER t AFTER INSERT ON points BEGIN SELECT writefile('{secret}', 'x'); END",
    ],
)
def test_a_folder_s_schema_runs_nothing(memory: Memory, folder: Path, tmp_path: Path, sql: str) -> None:
    """Views and triggers in a folder's database read and write no other file: rows are missing, or an error tells."""
    secret = tmp_path / "diary.txt"
    secret.write_text(SECRET)
    with closing(sqlite3.connect(folder / "collection" / "mem0" / "storage.sqlite")) as connection:
        connection.executescript(sql.format(secret=secret))
    with suppress(Mem0LiteError):
        memory.import_from_mem0(folder)
    assert SECRET not in known(memory)
    assert secret.read_text() == SECRET


# -- servers that are not what they seem


def sending(*chunks: bytes, endless: bool = False, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer with these chunks, the last of which is repeated for ever if it is ``endless``."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        with suppress(OSError):
            for chunk in chunks:
                handler.wfile.write(chunk)
            while endless:
                handler.wfile.write(chunks[-1])

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        sending(b'{"status": "ok", "x": "', b"x" * 65_536, endless=True),
        sending(b"[", b"[" * 65_536, endless=True),
        sending(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"),
        sending(b" " * 3_000_000),
    ],
    ids=["endless text", "endless nesting", "compressed", "large"],
)
def test_answers_without_an_end_are_left(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    """An answer that goes on and on, or unpacks to more than there may be, is given up with an error that says so."""
    monkeypatch.setattr(connection, "_LARGEST_ANSWER", 2_000_000)
    with answering(answer) as address, pytest.raises(Mem0LiteError, match="does not end"):
        memory.import_from_mem0(f"http://{address}")


def test_an_answer_that_trickles_is_left(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending a little now and then does not keep the import waiting beyond its time for one answer."""
    monkeypatch.setattr(connection, "_LONGEST_ANSWER", 0.2)
    with answering(sending(b" ", endless=True)) as address, pytest.raises(Mem0LiteError, match="does not end"):
        memory.import_from_mem0(f"http://{address}")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{other}/", "//127.0.0.1:{other}/v1/ping/", "file:///etc/passwd", "/x"]
)
def test_a_server_that_sends_on_is_left(memory: Memory, code: int, to: str) -> None:
    """Where a server sends on to is not asked for, be it another address, a file or itself; it is shown no key."""
    other = Receiver()
    with (
        answering(status(code, Location=to.format(other=other.port))) as address,
        watched() as events,
        pytest.raises(Mem0LiteError, match="which is not followed"),
    ):
        memory.import_from_mem0(f"http://{address}", api_key="key")
    other.close()
    assert set(connections(events)) == {int(address.rpartition(":")[2])}


def strange_json(chooser: random.Random, depth: int = 0) -> Any:
    """Return JSON that a server of mem0's would not send, and now and then one it would."""
    names = (
        "results",
        "id",
        "memory",
        "user_id",
        "type",
        "name",
        "total",
        "next",
        "count",
        "created_at",
        "metadata",
        "event",
    )
    names += (
        "history",
        "expiration_date",
        "status",
        "detail",
        "total_memories",
        "old_memory",
        "new_memory",
        "hash",
        "text",
    )
    leaf: tuple[Any, ...] = (
        None,
        True,
        0,
        -1,
        2**70,
        1e308,
        "",
        "x",
        "user",
        "a\ud800",
        "\0",
        "../..",
        "2024-01-01",
        "ADD",
    )
    kind = chooser.random()
    if depth > 4 or kind < 0.3:
        return chooser.choice(leaf)
    if kind < 0.6:
        return [strange_json(chooser, depth + 1) for _ in range(chooser.randrange(4))]
    return {chooser.choice(names): strange_json(chooser, depth + 1) for _ in range(chooser.randrange(8))}


@pytest.mark.parametrize("servers", sizes(40, 2_000))
def test_strange_answers_are_refused_by_name(memory: Memory, seed: int, servers: int) -> None:
    """Whatever JSON a server answers with, the import ends with what it could take or with a typed error, asks for
    nothing outside of the interface, and leaves a sound store."""
    chooser = random.Random(f"{seed} strange")
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        body = chooser.choice((strange_json(chooser), {"status": "ok", "results": [strange_json(chooser)]}))
        if "ping" in handler.path and interface == "hosted":
            body = {"status": "ok"}
        if "entities" in handler.path and chooser.random() < 0.7:
            body = {
                "results": [{"type": "user", "name": "../x?y#z", "id": "u", "total_memories": strange_json(chooser, 5)}]
            }
        content = json.dumps(body).encode()
        sending(content, Content_Length=str(len(content)))(handler)

    with answering(answer) as address:
        for number in range(servers):
            interface = ("hosted", "other")[number % 2]
            try:
                memory.import_from_mem0(f"http://{address}/base")
            except Mem0LiteError:
                continue
            except Exception as error:
                raise AssertionError(f"seed {seed}, server {number}: {error!r}, asked {asked[-5:]}") from error
    assert all(path.startswith("/base/") and "/../" not in path for path in asked)
    result = memory.check()
    assert result["ok"], f"seed {seed}: {result['problems']}"


# -- files with a schema of somebody else's

ATTACKS = {
    "a trigger that reads": "CREATE TRIGGER t AFTER INSERT ON memory BEGIN "
    "UPDATE memory SET text = readfile('{secret}') WHERE key = new.key; END",
    "a trigger that writes": "CREATE TRIGGER t AFTER INSERT ON memory BEGIN SELECT writefile('{pwned}', new.text); END",
    "a trigger that loads": "CREATE TRIGGER t AFTER INSERT ON memory BEGIN SELECT load_extension('{secret}'); END",
    "a trigger on every table": "CREATE TRIGGER a BEFORE UPDATE ON scope BEGIN SELECT writefile('{pwned}', 'x'); END; "
    "CREATE TRIGGER b AFTER INSERT ON history BEGIN SELECT writefile('{pwned}', 'x'); END; "
    "CREATE TRIGGER c AFTER INSERT ON meta BEGIN SELECT writefile('{pwned}', 'x'); END",
    "a view for a table": "ALTER TABLE event RENAME TO e; CREATE VIEW event AS SELECT sequence, "
    "readfile('{secret}') AS id, scope, created_at, results FROM e",
    "a view for the settings": "ALTER TABLE document RENAME TO d; CREATE VIEW document AS SELECT sequence, kind, "
    "name, readfile('{secret}') AS value FROM d",
    "a generated column": "ALTER TABLE memory ADD COLUMN leak TEXT GENERATED ALWAYS AS (readfile('{secret}')) VIRTUAL",
    "a check": "ALTER TABLE meta ADD COLUMN leak INTEGER CHECK (writefile('{pwned}', name))",
    "an index on a program": "CREATE INDEX leak ON memory (readfile('{secret}'))",
    "a part of an index": "CREATE INDEX leak ON memory (text) WHERE readfile('{secret}') IS NOT NULL",
    "full text of another table": "CREATE VIRTUAL TABLE leak USING fts5(text, content='memory')",
    "a vector table": "CREATE VIRTUAL TABLE leak USING vec0(embedding float[8])",
}
WRITTEN = {  # statements that SQLite refuses to make, put in the schema as they are
    "an attachment": (
        "trigger",
        "t",
        "memory",
        "CREATE TRIGGER t AFTER INSERT ON memory BEGIN ATTACH '{pwned}' AS x; END",
    ),
    "a copy": ("trigger", "t", "memory", "CREATE TRIGGER t AFTER INSERT ON memory BEGIN VACUUM INTO '{pwned}'; END"),
    "a setting": (
        "trigger",
        "t",
        "memory",
        "CREATE TRIGGER t AFTER INSERT ON memory BEGIN PRAGMA trusted_schema = 1; END",
    ),
    "a table of lines": ("table", "leak", "leak", "CREATE VIRTUAL TABLE leak USING csv(filename='{secret}')"),
    "a table of files": ("table", "leak", "leak", "CREATE VIRTUAL TABLE leak USING fsdir('{secret}')"),
    "a table of an archive": ("table", "leak", "leak", "CREATE VIRTUAL TABLE leak USING zipfile('{secret}')"),
    "no statement": ("table", "leak", "leak", "readfile('{secret}')"),
    "the schema as a table": ("table", "leak", "leak", "CREATE TABLE leak (a, b, c, d, e)"),
}


def readfile(name: str) -> str:
    return Path(name).read_text()


def writefile(name: str, text: str) -> int:
    return Path(name).write_text(text or "")


def with_programs(connection: apsw.Connection, read: Callable[..., Any], write: Callable[..., Any]) -> None:
    """Give a connection the functions that SQLite's command line has, and trust in whatever a file wants to do."""
    connection.create_scalar_function("readfile", read, 1, deterministic=True)
    connection.create_scalar_function("writefile", write, 2, deterministic=True)
    connection.pragma("trusted_schema", True)


@pytest.fixture
def victim(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A store of somebody else's, a secret file, and the name of one that must not appear."""
    (tmp_path / "theirs").mkdir()
    with Memory(tmp_path / "theirs" / "theirs.db", embedder=HashEmbedder()) as theirs:
        theirs.add([{"content": "one apple"}, {"content": "two pears"}], user_id="u", ttl=1e9)
        theirs.update_project({"a": 1})
    (tmp_path / "diary.txt").write_text(SECRET)
    return tmp_path / "theirs" / "theirs.db", tmp_path / "diary.txt", tmp_path / "pwned"


def attack(name: str, victim: tuple[Path, Path, Path]) -> None:
    path, secret, pwned = victim
    with closing(apsw.Connection(str(path))) as connection:
        with_programs(connection, lambda name: "at home", lambda name, text: 1)
        if name in ATTACKS:
            sql = ATTACKS[name].format(secret=secret, pwned=pwned)
            if "vec0" in sql:
                connection.enable_load_extension(True)
                connection.load_extension(__import__("sqlite_vec").loadable_path())
            connection.execute(sql).fetchall()
        else:
            kind, named, table, sql = WRITTEN[name]
            connection.pragma("writable_schema", True)
            row = (kind, named, table, int(name == "the schema as a table"), sql.format(secret=secret, pwned=pwned))
            connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row).fetchall()


def use(path: Path, backup: Path, *, read_only: bool) -> None:
    """Do with a file all that may be done with one, whatever comes of it."""
    with suppress(Mem0LiteError), Memory(path, embedder=HashEmbedder(), read_only=read_only) as memory:
        ids = [item["id"] for item in memory.get_all(user_id="u")["results"]]
        verbs: list[Callable[[], object]] = [
            lambda: memory.search("apple", user_id="u"),
            lambda: memory.add("three plums", user_id="u"),
            lambda: memory.update(ids[0], "four figs"),
            lambda: memory.history(ids[0]),
            lambda: memory.delete(ids[1]),
            memory.entities,
            lambda: memory.events(user_id="u"),
            memory.get_project,
            memory.get_webhooks,
            memory.deliver_webhooks,
            memory.stats,
            memory.vacuum,
            lambda: memory.export(io.StringIO()),
            lambda: memory.backup(backup),
            lambda: memory.check(repair=not read_only),
            lambda: memory.erase(user_id="u"),
        ]
        for verb in verbs:
            with suppress(Mem0LiteError):
                verb()


def assert_untouched(victim: tuple[Path, Path, Path]) -> None:
    _, secret, pwned = victim
    assert secret.read_text() == SECRET
    assert not pwned.exists()
    for file in secret.parent.rglob("*"):
        if file != secret and stat.S_ISREG(file.stat().st_mode):
            assert SECRET.encode() not in file.read_bytes(), f"{file} has the contents of another"


@pytest.mark.parametrize("name", [*ATTACKS, *WRITTEN])
def test_a_file_s_schema_reaches_no_other_file(victim: tuple[Path, Path, Path], tmp_path: Path, name: str) -> None:
    """Whatever the schema of a file wants to run, opening, reading, writing and copying it reads no other file, and
    makes none; each call works or is a typed error."""
    attack(name, victim)
    with watched() as events:
        use(victim[0], tmp_path / "first.db", read_only=True)
        use(victim[0], tmp_path / "second.db", read_only=False)
        with suppress(Mem0LiteError):
            Memory.reembed(victim[0], embedder=HashEmbedder(name="other"))
    assert_untouched(victim)
    assert ran([found for found in events if "sqlite_vec" not in str(found) and ".partial" not in str(found)]) == []
    made = {file.name for file in tmp_path.iterdir()} - {"theirs", "diary.txt", "first.db", "second.db"}
    assert made == set()


@pytest.mark.parametrize("name", [*ATTACKS, *WRITTEN])
@pytest.mark.parametrize("replace", [False, True])
def test_a_file_with_another_schema_is_not_restored(
    victim: tuple[Path, Path, Path], tmp_path: Path, name: str, replace: bool
) -> None:
    """A backup with tables, indexes, columns, views or programs that are not ours is refused, and nothing of it is run;
    a store that it was to replace stays as it was."""
    attack(name, victim)
    target = tmp_path / "mine.db"
    if replace:
        with Memory(target, embedder=HashEmbedder()) as mine:
            mine.add("mine", user_id="me")
    with pytest.raises(DatabaseError):
        Memory.restore(victim[0], target, replace=replace)
    assert_untouched(victim)
    assert target.exists() == replace
    if replace:
        with Memory(target, embedder=HashEmbedder()) as mine:
            assert [item["memory"] for item in mine.get_all(user_id="me")["results"]] == ["mine"]
            assert mine.check()["ok"]


@pytest.mark.parametrize("name", ["a trigger that reads", "a trigger that writes"])
def test_the_attacks_are_ones(victim: tuple[Path, Path, Path], name: str) -> None:
    """Where a connection has such functions and trusts the schema, the same files do reach others, which is seen."""
    attack(name, victim)
    path, _, pwned = victim
    with Memory(path, embedder=HashEmbedder()) as memory:
        database: Any = memory._store._database
        with_programs(database._writer, readfile, writefile)
        memory.add("three plums", user_id="u")
    assert (SECRET.encode() in path.read_bytes()) == (name == "a trigger that reads")
    assert pwned.exists() == (name == "a trigger that writes")
    with pytest.raises(AssertionError):
        assert_untouched(victim)


def test_a_backup_that_never_ends_is_refused_at_once(victim: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """A view in the place of a table that would go on for ever is refused before anything is asked of it."""
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 'name' || x AS name, x AS value FROM n"
    )
    with closing(apsw.Connection(str(victim[0]))) as connection:
        connection.execute(f"ALTER TABLE meta RENAME TO m; CREATE VIEW meta AS {endless}").fetchall()
    with pytest.raises(CorruptFileError, match="views or virtual tables"):
        Memory.restore(victim[0], tmp_path / "mine.db")
