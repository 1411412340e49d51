"""What MCP costs: how soon a server over stdio answers, and what a search through it takes more than the library's.

``python benchmarks/mcp_stdio.py [SEARCHES]`` searches one user's 1,000 memories with the library, over a pipe, and with
the official client if it is installed. Each question is asked by all, in random order, before the next one. Each asks
it twice, and the second time is measured: the question's vector is then known, so the model's variation is left out.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from common import machine, markdown, sentence

from mem0lite import Memory

COUNT = 1_000
STARTS = 15
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}


def command(db: Path) -> list[str]:
    """Return the command that a client starts."""
    return [sys.executable, "-m", "mem0lite", "--db", str(db), "mcp", "--user", "u"]


class Pipe:
    """A server, asked by hand."""

    def __init__(self, db: Path) -> None:
        self.process = subprocess.Popen(command(db), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0

    def ask(self, method: str, params: Any) -> Any:
        """Return the answer to one request."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["result"]

    def close(self) -> None:
        """Let the server end."""
        self.process.communicate(timeout=60)


def starts(db: Path) -> tuple[list[float], list[float]]:
    """Return how long servers take from the start of their process to their first answer, and to a first listing."""
    answered, listed = [], []
    for _ in range(STARTS):
        started = time.perf_counter()
        pipe = Pipe(db)
        pipe.ask("initialize", INITIALIZE)
        answered.append(time.perf_counter() - started)
        pipe.ask("tools/call", {"name": "get_memories", "arguments": {}})
        listed.append(time.perf_counter() - started)
        pipe.close()
    return answered, listed


class Way(NamedTuple):
    """A way to search."""

    name: str
    ask: Callable[[str], Awaitable[Any]]
    server: int | None = None
    """The process that is asked, if it is another one."""


async def searches(db: Path, questions: list[str]) -> list[list[object]]:
    """Return a row for each way to ask."""
    pipe = Pipe(db)
    with Memory(db) as memory:

        async def library(question: str) -> Any:
            return memory.search(question, user_id="u")["results"]

        async def piped(question: str) -> Any:
            asked = {"name": "search_memories", "arguments": {"query": question}}
            return pipe.ask("tools/call", asked)["structuredContent"]["results"]

        ways = [Way("library", library), Way("stdio, by hand", piped, pipe.process.pid)]
        try:
            import mcp
            from mcp.client.stdio import stdio_client
        except ModuleNotFoundError:
            return await measured(ways, questions)
        program, *rest = command(db)
        before = set(processes(db))
        server = mcp.StdioServerParameters(command=program, args=rest)
        async with mcp.Client(stdio_client(server)) as client:

            async def official(question: str) -> Any:
                return (await client.call_tool("search_memories", {"query": question})).structured_content["results"]

            [number] = set(processes(db)) - before
            rows = await measured([*ways, Way("stdio, official client", official, number)], questions)
    pipe.close()
    return rows


async def measured(ways: list[Way], questions: list[str]) -> list[list[object]]:
    """Return a row for each way: its median, and the processor time of a search in this process and in the server."""
    taken = await timed(ways, questions)
    rows: list[list[object]] = []
    for way in ways:
        own, servers = time.process_time(), used(way.server)
        for _ in questions:
            await way.ask(questions[0])
        spent = [(time.process_time() - own) / len(questions), (used(way.server) - servers) / len(questions)]
        rows.append([way.name, *(f"{one * 1e3:.1f} ms" for one in (statistics.median(taken[way.name]), *spent))])
    return rows


async def timed(ways: list[Way], questions: list[str]) -> dict[str, list[float]]:
    """Return how long each question took, by the way in which it was asked."""
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    for question in questions:
        answers = []
        for way in random.sample(ways, len(ways)):
            first = await way.ask(question)
            started = time.perf_counter()
            second = await way.ask(question)
            taken[way.name].append(time.perf_counter() - started)
            answers += [[one["id"] for one in found] for found in (first, second)]
        assert all(answer == answers[0] for answer in answers)
    return taken


def processes(db: Path) -> list[int]:
    """Return the servers of a file that run. Linux tells them."""
    running = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    return [one for one in running if str(db).encode() in Path(f"/proc/{one}/cmdline").read_bytes()]


def used(process: int | None) -> float:
    """Return the seconds of processor time that the threads of a process have had; 0 without a process."""
    threads = [] if process is None else Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


def main() -> None:
    """Print both tables."""
    generator = random.Random(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "agent.db"
        with Memory(db) as memory:
            memory.add_many([{"messages": sentence(generator), "user_id": "u"} for _ in range(COUNT)])
        answered, listed = starts(db)
        rows = asyncio.run(searches(db, [sentence(generator, 6) for _ in range(count)]))
    print(machine("mem0lite", "apsw", "onnxruntime"), "\n")
    begun = [
        [name, f"{statistics.median(one):.2f} s", f"{min(one):.2f} s"]
        for name, one in (("first answer", answered), ("first listing", listed))
    ]
    print(markdown([f"from the start of the process ({STARTS} starts) to the", "median", "fastest"], begun), "\n")
    print(markdown([f"{count} searches", "median", "processor time here", "in the server"], rows))


if __name__ == "__main__":
    main()
