"""``mem0lite doctor``: what is set, where it comes from, and what looks wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serving
from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.cli import main
from mem0lite.cli.checkup import LARGE_LOG, mount_of, place
from mem0lite.server import ApiKey, Settings, create_app

Doctor = Callable[..., tuple[int, dict[str, Any]]]
SECRET = "only-for-this-test"


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Doctor:
    """Return a function that runs the command in an empty folder, with variables; its exit code and its report."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(("MEM0", "MEMO", "ADMIN_API_KEY")):
            monkeypatch.delenv(name)

    def doctor(*arguments: object, **variables: str) -> tuple[int, dict[str, Any]]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main(["doctor", "--json", *map(str, arguments)])
        return code, json.loads(capfd.readouterr().out)

    return doctor


@pytest.fixture
def db(doctor: Doctor) -> Path:
    """A file under the name that commands use by default."""
    path = Path("mem0lite.db").absolute()
    with Memory(path) as memory:
        memory.add("I like tea", user_id="alice")
    return path


def problems(report: dict[str, Any]) -> list[tuple[str, str]]:
    assert report["ok"] == (report["problems"] == [])
    return [(one["about"], one["problem"]) for one in report["problems"]]


def test_nothing_wrong(doctor: Doctor, db: Path) -> None:
    """A good file has no problems; each setting has its source; nothing is written."""
    before = {path: path.read_bytes() for path in db.parent.iterdir()}
    code, report = doctor("--db", db, MEM0LITE_PORT="9999", MEM0LITE_CORS_ORIGINS="https://app.example")
    assert (code, problems(report)) == (0, [])
    found = {one["name"]: (one["value"], one["source"]) for one in report["settings"]}
    assert found["MEM0LITE_DB"] == (str(db), "flag")
    assert found["MEM0LITE_PORT"] == ("9999", "environment")
    assert found["MEM0LITE_HOST"] == (None, "default")
    assert found["embedder"] == ("all-MiniLM-L6-v2", "file")
    assert report["versions"].keys() > {"mem0lite", "python", "sqlite"}
    assert {path: path.read_bytes() for path in db.parent.iterdir()} == before


def test_a_file_that_is_not_there_yet(doctor: Doctor, tmp_path: Path) -> None:
    """A file that will be created is no problem, and is not created; a folder that is missing is one."""
    assert doctor()[0] == 0
    assert list(tmp_path.iterdir()) == []
    [(about, said)] = problems(doctor("--db", "nowhere/x.db")[1])
    assert (about, "nowhere does not exist" in said) == ("file", True)


@pytest.mark.parametrize(
    ("variables", "about", "said"),
    [
        ({"MEM0LITE_READONLY": "1"}, "environment", "Did you mean MEM0LITE_READ_ONLY?"),
        ({"MEMOLITE_DB": "x"}, "environment", "Did you mean MEM0LITE_DB?"),
        ({"MEM0LITE_APIKEYS": SECRET}, "environment", "Did you mean MEM0LITE_API_KEYS?"),
        ({"MEM0LITE_PORT": "http"}, "settings", "MEM0LITE_PORT: 'http' is not a port number"),
        ({"MEM0LITE_CACHE_BYTES": "1 GB"}, "settings", "MEM0LITE_CACHE_BYTES: must be a whole number"),
        ({"MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS": "soon"}, "settings", "'soon' is not a number of seconds"),
        ({"MEM0LITE_API_KEYS": f"{SECRET},,"}, "settings", "MEM0LITE_API_KEYS, entry 2"),
        ({"MEM0LITE_HOST": "0.0.0.0"}, "access", "serve refuses to start. Make a key with"),
        ({"MEM0LITE_HOST": "::", "MEM0LITE_INSECURE": "1"}, "access", "may read, change and erase all memories"),
        ({"MEM0_USE_GRAPH_FOR_CATEGORIES": "skill"}, "graph", "mem0lite reindex --graph"),
        ({"MEM0LITE_EMBEDDING_MODEL": "/nowhere/model"}, "model", "'/nowhere/model' is neither a folder"),
        ({"MEM0LITE_RERANKER": "/nowhere/model"}, "model", "/nowhere/model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_looks_wrong(doctor: Doctor, db: Path, variables: dict[str, str], about: str, said: str) -> None:
    """Each fault of the settings is named with its cure, the exit code is 1, and no key is shown."""
    code, report = doctor(**variables)
    assert code == 1
    assert [one for one in problems(report) if one[0] == about and said in one[1]], problems(report)
    assert SECRET not in json.dumps(report)


def test_keys_of_the_store_guard_it(doctor: Doctor, db: Path) -> None:
    """A server whose only keys are in its store is no open one."""
    assert doctor(MEM0LITE_HOST="0.0.0.0")[0] == 1
    with Memory(db) as memory:
        memory.create_key(label="laptop")
    assert doctor(MEM0LITE_HOST="0.0.0.0")[0] == 0


def test_a_database_is_asked_by_its_url(doctor: Doctor) -> None:
    """The URL of a database is no path of a file; what is wrong is that nobody answers, and no password is shown."""
    code, report = doctor("--db", f"postgresql://u:{SECRET}@127.0.0.1:1/memories")
    assert (code, [about for about, _ in problems(report)]) == (1, ["file"])
    assert "connection" in report["problems"][0]["problem"]
    assert SECRET not in json.dumps(report)


def test_all_faults_are_named_at_once(doctor: Doctor, db: Path) -> None:
    """One fault does not hide another."""
    code, report = doctor(
        "--host", "192.0.2.1", MEM0LITE_READONLY="1", MEM0LITE_PORT="x", MEM0LITE_WORKERS="0", MEM0LITE_DB="mem0lite.db"
    )
    assert (code, [one for one, _ in problems(report)]) == (1, ["environment", "settings", "settings", "access"])


def test_no_secret_is_shown(doctor: Doctor, db: Path) -> None:
    """Keys are counted, and passwords in addresses left out, wherever they would appear."""
    keys = {"MEM0LITE_API_KEYS": f"{SECRET},{SECRET}2:alice", "ADMIN_API_KEY": SECRET + "3", "MEM0LITE_HOST": "0.0.0.0"}
    code, report = doctor(**keys)
    assert (code, SECRET in json.dumps(report)) == (0, False)
    found = {one["name"]: one["value"] for one in report["settings"]}
    assert (found["MEM0LITE_API_KEYS"], found["ADMIN_API_KEY"]) == ("2 keys, not shown", "1 key, not shown")
    for variables in ({"MEM0LITE_URL": f"http://me:{SECRET}@127.0.0.1:1"}, {"MEM0LITE_API_KEY": SECRET}):
        asked = [] if "MEM0LITE_URL" in variables else ["--url", f"http://me:{SECRET}@127.0.0.1:1"]
        code, report = doctor(*asked, **variables)
        assert (code, SECRET in json.dumps(report)) == (1, False)
    assert SECRET not in json.dumps(doctor("--db", f"postgresql://me:{SECRET}@127.0.0.1:1/x")[1])


def test_a_file_that_others_can_read(doctor: Doctor, db: Path) -> None:
    """Permissions that are too wide are a problem."""
    if os.name != "posix":
        pytest.skip("needs POSIX permissions")
    db.chmod(0o644)
    [(about, said)] = problems(doctor()[1])
    assert (about, f"chmod 600 {db}" in said) == ("file", True)


def test_a_file_of_another_program_or_model(doctor: Doctor, db: Path, tmp_path: Path) -> None:
    """What is no store, and what another model embedded, is told as opening it tells it."""
    Path("notes.txt").write_text("my notes")
    Path("notes.txt").chmod(0o600)
    [(about, said)] = problems(doctor("--db", "notes.txt")[1])
    assert (about, "is not a mem0lite file" in said) == ("file", True)
    with Memory("other.db", embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="a")
    [(about, said)] = problems(doctor("--db", "other.db")[1])
    assert (about, "mem0lite reembed" in said) == ("model", True)


def test_a_log_that_grew(tmp_path: Path) -> None:
    """A log that is large, and larger than its file, is a problem."""
    path = tmp_path / "x.db"
    path.write_bytes(b"x" * 100)
    path.chmod(0o600)
    with Path(f"{path}-wal").open("wb") as log:
        log.truncate(LARGE_LOG)
    assert [one.problem for one in place(path, "") if one.about == "file"] == []
    with Path(f"{path}-wal").open("wb") as log:
        log.truncate(LARGE_LOG + 1)
    [found] = [one.problem for one in place(path, "") if one.about == "file"]
    assert "x.db-wal has grown to 64 MiB" in found


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    """A disk that has less room than the file takes is a problem."""
    path = tmp_path / "x.db"
    with path.open("wb") as file:
        try:
            file.truncate(2**42)  # sparse: it takes no room
        except OSError:
            pytest.skip("needs a file system with large sparse files")
    path.chmod(0o600)
    assert [one.about for one in place(path, "")] == ["disk"]


TABLE = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:20 / /srv rw - nfs4 server:/export rw
23 22 8:2 / /srv/local\\040disk rw shared:7 master:2 - xfs /dev/sdb1 rw
24 21 0:21 / /home/me/remote rw - fuse.sshfs me@host: rw
25 21 0:22 / /mnt/c rw - 9p C: rw
26 21 0:23 / /mnt/photos rw - fuse.mergerfs a:b rw
27 21 0:24 / /over rw - ext4 /dev/sdc1 rw
28 21 0:25 / /over rw - cifs //server/share rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("path", "type", "network"),
    [
        ("/var/lib/x.db", "ext4", False),
        ("/srv/x.db", "nfs4", True),
        ("/srv2/x.db", "ext4", False),
        ("/srv/local disk/x.db", "xfs", False),
        ("/home/me/remote/a/x.db", "fuse.sshfs", True),
        ("/mnt/c/Users/x.db", "9p", True),
        ("/mnt/photos/x.db", "fuse.mergerfs", False),
        ("/over/x.db", "cifs", True),
    ],
)
def test_the_file_system_of_a_path(path: str, type: str, network: bool) -> None:
    """A file is on the innermost mount, and on the last of several at one place; its type says who shares it."""
    found = mount_of(Path(path), TABLE)
    assert found is not None
    assert (found.type, found.network) == (type, network)
    assert mount_of(Path(path), "") is None


def test_a_network_file_system(tmp_path: Path) -> None:
    """A file on a network file system is a problem, whatever else is right."""
    table = f"21 1 0:20 / {tmp_path.resolve()} rw - nfs4 server:/export rw\n"
    [said] = [one.problem for one in place(tmp_path / "x.db", table) if one.about == "file"]
    assert "network file system (nfs4" in said


def test_a_server(doctor: Doctor, db: Path) -> None:
    """With --url it asks the server, and says why it cannot be used."""
    with Memory(db) as memory, serving.served_by(create_app(memory, Settings(api_keys=(ApiKey(SECRET),)))) as client:
        url = str(client.base_url)
        assert doctor("--url", url, "--api-key", SECRET)[0] == 0
        assert doctor(MEM0LITE_URL=url, MEM0LITE_API_KEY=SECRET)[0] == 0
        [(about, said)] = problems(doctor("--url", url)[1])
        assert (about, "401" in said) == ("server", True)
    [(about, said)] = problems(doctor("--url", url)[1])
    assert (about, "cannot be reached" in said) == ("server", True)


def test_the_report_for_people(doctor: Doctor, db: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without --json the same is said in lines."""
    assert main(["doctor"]) == 0
    said = capfd.readouterr()
    assert "embedder\tall-MiniLM-L6-v2\tfile\n" in said.out
    assert "Nothing looks wrong." in said.err
    assert main(["doctor", "--host", "0.0.0.0"]) == 1
    assert "\naccess: 0.0.0.0 can be reached by others" in capfd.readouterr().out


def test_without_the_server(db: Path) -> None:
    """Without the packages of the server, the rest is looked at all the same."""
    program = "import sys; sys.modules['litestar'] = None; from mem0lite.cli import main; sys.exit(main(['doctor']))"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=db.parent, env=kept, capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stderr
    assert "The settings of a server are not looked at." in told.stderr
