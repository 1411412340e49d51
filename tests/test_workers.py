"""``mem0lite serve --workers``: several processes answer at one address, over one file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import client_of
from test_cli import Run, command, environment, run
from test_webhooks import Receiver

from mem0lite import ConfigurationError, Memory
from mem0lite.server import Settings

__all__ = ["run"]

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells which processes a process has started")


class Served:
    """A server with two workers, and a way to decide which of them answers."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process, self.url = process, url

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(one) for one in children if "spawn_main" in Path(f"/proc/{one}/cmdline").read_text()]

    @contextmanager
    def only(self, worker: int) -> Iterator[httpx.Client]:
        """Yield a client of one of the workers, whose siblings stand still meanwhile."""
        others = [one for one in self.workers if one != worker]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            with client_of(self.url, timeout=60) as client:
                yield client
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send the first process a signal; return its exit code, and what all of them said until the last one ended."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said


@contextmanager
def served(path: Path, *options: str, **variables: str) -> Iterator[Served]:
    process = subprocess.Popen(
        command("serve", "--db", path, "--port", "0", "--vacuum-interval", "0", *options),
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment(**variables),
    )  # fmt: skip
    assert process.stderr
    try:
        said = process.stderr.readline()
        announced = re.search(r" at (http://\S+) .* by 2 workers\.", said)
        assert announced, said
        yield Served(process, announced[1])
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.communicate(timeout=120)


def added(client: httpx.Client, text: str) -> str:
    body = {"messages": [{"role": "user", "content": text}], "user_id": "alice", "infer": False}
    answer = client.post("/memories", json=body)
    assert answer.status_code == 200, answer.text
    memory_id: str = answer.json()["results"][0]["id"]
    return memory_id


def added_alone(url: str, text: str) -> None:
    with client_of(url, timeout=60) as client:
        added(client, text)


def counted(client: httpx.Client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@linux
def test_workers_serve_one_store(tmp_path: Path) -> None:
    """What one worker stores, every other one finds; the metrics of any count the requests of all; a setting that only
    one of them would learn of is refused; and a signal ends them all and leaves a closed file."""
    path = tmp_path / "a.db"
    with served(path, "--workers", "2") as server:
        first, second = server.workers
        with server.only(first) as client:
            memory_id = added(client, "I am allergic to peanuts")
        with server.only(second) as client:
            assert client.get(f"/memories/{memory_id}").json()["memory"] == "I am allergic to peanuts"
            found = client.post("/search", json={"query": "allergic", "user_id": "alice"}).json()
            assert [item["id"] for item in found["results"]] == [memory_id]
            refused = client.post("/configure", json={"vacuum_interval_seconds": 5})
            assert (refused.status_code, "--vacuum-interval" in refused.text) == (400, True)
            added(client, "I live in Lisbon")
        for worker in (first, second):
            with server.only(worker) as client:
                metrics = counted(client)
                labels = '{app_name="mem0lite",method="POST",path="/memories",status_code="200"}'
                assert metrics[f"mem0lite_requests_total{labels}"] == 2
                assert metrics[f"mem0lite_request_duration_seconds_count{labels}"] == 2
                assert metrics["mem0lite_memories"] == 2
        assert server.end() == (0, f"mem0lite closed {path}.\n")
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


@linux
def test_workers_deliver_a_webhook_once(tmp_path: Path) -> None:
    """A webhook hears of each change once, whichever worker made it."""
    receiver = Receiver()
    try:
        with served(tmp_path / "a.db", MEM0LITE_WORKERS="2", MEM0LITE_WEBHOOK_ALLOW_PRIVATE="1") as server:
            with client_of(server.url, timeout=60) as client:
                hook = {"url": receiver.url, "name": "all", "event_types": ["memory_add"]}
                made = client.post("/api/v1/webhooks/projects/default-project/", json=hook)
                assert made.status_code in (200, 201), made.text
            texts = [f"note {number}" for number in range(24)]
            with ThreadPoolExecutor(6) as pool:  # connections of their own, some of which each worker takes
                list(pool.map(lambda text: added_alone(server.url, text), texts))
            heard = [receiver.next().text for _ in texts]
            code, _ = server.end()
        assert code == 0
        assert sorted([*heard, *receiver.rest()]) == sorted(texts)
    finally:
        receiver.close()


@linux
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """When a worker is killed, the server says so and starts another, which answers."""
    with served(tmp_path / "a.db", "--workers", "2") as server:
        killed, other = server.workers
        os.kill(killed, signal.SIGKILL)
        assert server.process.stderr
        said = server.process.stderr.readline()
        assert said == f"Worker 1 (process {killed}) ended (SIGKILL). Another takes its place.\n"
        with client_of(server.url, timeout=60) as client:
            added(client, "tea")
        os.kill(other, signal.SIGKILL)  # the next one begins when the first substitute is ready
        assert f"(process {other})" in server.process.stderr.readline()
        [substitute] = [one for one in server.workers if one not in (killed, other)][:1]
        with server.only(substitute) as client:
            assert client.get("/memories").json()["total"] == 1
        assert server.end(signal.SIGINT)[0] == 0


@linux
def test_workers_end_with_the_first_process(tmp_path: Path) -> None:
    """When the first process is killed, its workers end too, and close the file."""
    with served(tmp_path / "a.db", "--workers", "2") as server:
        with client_of(server.url, timeout=60) as client:
            added(client, "tea")
        server.end(signal.SIGKILL)  # returns when nobody can say anything any more
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]
    with Memory(tmp_path / "a.db") as memory:
        assert memory.check()["ok"]


def test_workers_that_cannot_start_end_the_server(run: Run, tmp_path: Path) -> None:
    """What is wrong with the file is said once, in one line, and nothing is served."""
    (tmp_path / "a.db").write_text("no store at all, but a text" * 100)
    result = run("serve", "--db", tmp_path / "a.db", "--port", "0", "--workers", "3")
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert "a.db" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--workers", "0"), 2, "from 1 to 64"),
        (("--workers", "65"), 2, "from 1 to 64"),
        (("--workers", "two"), 2, "'two' is not a whole number"),
        (("--workers", "2", "--db", ":memory:"), 2, "workers: "),
    ],
    ids=["none", "too many", "no number", "in memory"],
)
def test_workers_that_make_no_sense_are_refused(run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    """A number that is none, and several workers for a store in memory, are refused in one line."""
    result = run("serve", "--port", "0", *arguments)
    assert result.returncode == code
    assert words in result.stderr


def test_workers_are_a_setting() -> None:
    """The number of workers comes from the environment too, and a bad one is named."""
    assert Settings().workers == 1
    assert Settings.from_environment({"MEM0LITE_WORKERS": "3"}).workers == 3
    for text in ("0", "65", "1.5", "many", "-2"):
        with pytest.raises(ConfigurationError, match=f"MEM0LITE_WORKERS: '{text}'"):
            Settings.from_environment({"MEM0LITE_WORKERS": text})
    wrong: Any
    for wrong in (0, 65, True, 2.0, "2", None):
        with pytest.raises(ConfigurationError, match=r"^workers: "):
            Settings(workers=wrong)
