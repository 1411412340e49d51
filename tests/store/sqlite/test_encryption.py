"""What the guide says of encryption at rest: the file has none, an encrypted export comes back whole, and an encrypted
file is not opened."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from client_environments import needed, python_of, run
from embedder import HashEmbedder

from mem0lite import Memory, NotAMemoryFileError

TEXT = "I am allergic to peanuts"


def test_the_file_is_not_encrypted(tmp_path: Path) -> None:
    """What is stored can be read in the bytes of the file, which only its owner may open, as the guide says."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add(TEXT, user_id="alice")
    assert TEXT.encode() in path.read_bytes()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_encrypted_export_comes_back(tmp_path: Path) -> None:
    """An export through a pipe is encrypted before it reaches the disk, and imports as it was."""
    gpg = shutil.which("gpg")
    if gpg is None or os.name != "posix":
        pytest.skip("no GnuPG")
    source, restored, secret = tmp_path / "agent.db", tmp_path / "restored.db", tmp_path / "memories.gpg"
    with Memory(source) as memory:
        memory.add(TEXT, user_id="alice")
        stored = memory.get_all(user_id="alice")
    with_key = [gpg, "--homedir", str(tmp_path), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]
    with_key += ["--passphrase", "only for this test"]
    ours = [sys.executable, "-m", "mem0lite"]
    try:
        _piped([*ours, "export", "-", "--db", str(source)], [*with_key, "--symmetric", "--output", str(secret)])
        assert b"peanuts" not in secret.read_bytes()
        _piped([*with_key, "--decrypt", str(secret)], [*ours, "import", "-", "--db", str(restored)])
    finally:
        subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], capture_output=True, check=False)
    with Memory(restored) as memory:
        assert memory.get_all(user_id="alice") == stored


def _piped(first: list[str], second: list[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    left = subprocess.run(first, capture_output=True, env=kept, timeout=120)
    assert left.returncode == 0, left.stderr
    right = subprocess.run(second, input=left.stdout, capture_output=True, env=kept, timeout=120)
    assert right.returncode == 0, right.stderr


def test_an_encrypted_file_is_not_opened(tmp_path: Path) -> None:
    """A file that SQLite3 Multiple Ciphers encrypted has no text in it or in its log; it is a typed error here, and is
    left as it was."""
    python = python_of(needed("apsw-sqlite3mc", "3.54.0.0"))
    path = tmp_path / "secret.db"
    program = (
        "import apsw, pathlib, sys\n"
        "path = sys.argv[1]\n"
        "connection = apsw.Connection(path)\n"
        "connection.execute(\"PRAGMA key = 'only for this test'\")\n"
        "connection.execute('PRAGMA journal_mode = wal')\n"
        "connection.execute('CREATE TABLE memories (text)')\n"
        "connection.execute(\"INSERT INTO memories VALUES ('peanuts')\")\n"
        "print(*(b'peanuts' in pathlib.Path(path + end).read_bytes() for end in ('', '-wal')))\n"
        "connection.close()\n"
    )
    made = run([python, "-c", program, str(path)], tmp_path)
    assert (made.returncode, made.stdout) == (0, "False False\n"), made.stderr
    before = path.read_bytes()
    with pytest.raises(NotAMemoryFileError, match=r"secret\.db is not a mem0lite file"):
        Memory(path, embedder=HashEmbedder())
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["secret.db"]
