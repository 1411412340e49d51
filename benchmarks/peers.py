"""mem0lite beside mem0ai, chromadb, lancedb, qdrant-client, milvus-lite, duckdb and sqlite-vec, in one interleaved run.

    pip install -e . mem0ai chromadb lancedb qdrant-client milvus-lite pymilvus duckdb pyarrow
    python benchmarks/peers.py [--sizes 10000 100000] [--users 100] [--only mem0lite …] [--million] [--json FILE]

All hold the same memories: a unit vector of 384 dimensions (clustered, as texts are), a text of twelve words, the user
and a project, seeded. Embedding is no part of any figure: everyone gets the vectors. Every search returns the ten
nearest with text and metadata, exactly where the system can; recall@10 is the share of the ten that brute force over
the same vectors finds. mem0lite appears twice: as it searches by itself, by vectors and keywords together (whose ten
are not the nearest vectors, so it has no recall here), and by vectors alone. What is not installed is left out and
named.

Queries go in rounds, one to each system in an order that changes, so that whatever else the machine does hits all, and
nobody always runs after the one that empties the processor's caches. "first" is a user's first query after loading, the
other times are of users that were searched before; a system that has used up --seconds in one kind of query is passed
over from then on. A single add is durable as each has it by default. Open time, time to the first answer, private
memory after 100 searches and import time are medians of three fresh processes (of one where opening takes seconds).
--folder keeps the files and loads none twice. --million measures mem0lite alone with a million memories of 1,000 users.
"""

import argparse
import functools
import gc
import importlib
import importlib.metadata
import importlib.util
import json
import os
import pickle
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, markdown
from systems import KINDS, SEARCHED_USERS, SYSTEMS, Data, Query, System, make

BATCH = 1_000
SLOW_SECONDS = 5
LOAD_SECONDS = 1_500  # after which a system that is still loading is given up

# -- measuring


@dataclass(slots=True)
class Figures:
    """What was measured of a system. Times are seconds."""

    name: str
    version: str
    load_seconds: float
    bytes: int
    first: list[float] = field(default_factory=list)
    searches: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    recalls: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    adds: list[float] = field(default_factory=list)
    process: dict[str, float] = field(default_factory=dict)
    """Import and open time and the time to the first answer in seconds, and private memory in bytes."""


def installed(name: str) -> bool:
    """Return whether a system can be imported, and say so when it cannot."""
    found = importlib.util.find_spec(SYSTEMS[name].module) is not None
    if not found:
        print(f"{name}: not installed")
    return found


def load(name: str, folder: Path, data: Data) -> float | None:
    """Fill a folder and return how many seconds that took, also if it was done before; None when it took too long."""
    note = folder / "loaded.json"
    if note.exists():
        return float(json.loads(note.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "store").mkdir(parents=True)
    system = SYSTEMS[name](folder / "store", data)
    start = time.perf_counter()
    for first in range(0, data.loaded, BATCH):
        system.load(range(first, min(first + BATCH, data.loaded)))
        if time.perf_counter() - start > LOAD_SECONDS:
            print(f"{name}: given up after {first + BATCH:,} memories in {LOAD_SECONDS} s")
            return None
    system.loaded()
    system.close()
    seconds = time.perf_counter() - start
    note.write_text(json.dumps(seconds))
    return seconds


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a call took, and what it returned."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def ask(system: System, figures: Figures, query: Query, kind: str) -> None:
    """Search once and note the time and the recall."""
    seconds, found = timed(functools.partial(system.search, query, kind))
    figures.searches[kind].append(seconds)
    if nearest := query.nearest[kind]:
        figures.recalls[kind].append(len(nearest & set(found)) / len(nearest))


def measure(systems: dict[str, System], found: dict[str, Figures], data: Data, seconds: float) -> None:
    """Search and add, in rounds."""
    rounds = Rounds(list(systems))
    firsts = min(SEARCHED_USERS, len({query.user for query in data.queries}))
    for query in data.queries[:firsts]:
        for name in rounds.next():
            found[name].first.append(timed(functools.partial(systems[name].search, query, "scoped"))[0])
    for kind in KINDS:
        for query in data.queries[firsts:]:
            for name in rounds.next():
                if kind in systems[name].kinds and sum(found[name].searches[kind]) < seconds:
                    ask(systems[name], found[name], query, kind)
    for number in range(data.loaded, len(data.texts)):
        for name in rounds.next():
            found[name].adds.append(timed(functools.partial(systems[name].add, number))[0])


class Rounds:
    """Each system once per round, in an order that changes: what runs after a system that reads much finds nothing of
    its own left in the processor's caches."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._generator = random.Random(13)

    def next(self) -> list[str]:
        """Return the order of the next round."""
        return self._generator.sample(self._names, len(self._names))


def compare(names: Sequence[str], folder: Path, data: Data, seconds: float) -> list[Figures]:
    """Load all systems, measure them on copies of their files, and return the figures."""
    systems: dict[str, System] = {}
    found: dict[str, Figures] = {}
    for name in filter(installed, names):
        own = folder / re.sub(r"\W+", "-", name)
        if (took := load(name, own, data)) is None:
            continue
        shutil.rmtree(own / "work", ignore_errors=True)
        shutil.copytree(own / "store", own / "work")
        version = importlib.metadata.version(SYSTEMS[name].package)
        found[name] = Figures(name, version, took, size_of(own / "store"))
        systems[name] = SYSTEMS[name](own / "work", data)
        print(f"{name}: loaded in {took:.0f} s", file=sys.stderr)
    gc.collect()
    gc.freeze()  # or everyone's collections would walk the objects that some keep their rows in
    measure(systems, found, data, seconds)
    gc.unfreeze()
    for system in systems.values():
        system.close()
    (folder / "queries.pickle").write_bytes(pickle.dumps(data.queries))
    for name in systems:
        found[name].process = fresh(name, folder, folder / re.sub(r"\W+", "-", name) / "work")
    return list(found.values())


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def fresh(name: str, folder: Path, store: Path) -> dict[str, float]:
    """Return the medians of three fresh processes, or what one says that takes long."""
    runs = [probed(name, folder, store)]
    while runs[0]["open"] < SLOW_SECONDS and len(runs) < 3:
        runs.append(probed(name, folder, store))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def probed(name: str, folder: Path, store: Path) -> dict[str, float]:
    """Return what a fresh process says of opening a system."""
    code = f"import time; t = time.perf_counter(); import {SYSTEMS[name].module}; print(time.perf_counter() - t)"
    imported = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    command = [sys.executable, __file__, "--probe", name, str(folder / "queries.pickle"), str(store)]
    probe = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"import": float(imported.stdout.split()[-1]), **json.loads(probe.stdout.splitlines()[-1])}


def probe(name: str, queries: Path, store: Path) -> dict[str, float]:
    """Open a system and search a hundred times, in a process that did nothing else."""
    data = Data(None, None, None, (), pickle.loads(queries.read_bytes()))
    before = private_bytes()
    importlib.import_module(SYSTEMS[name].module)
    opening, system = timed(lambda: SYSTEMS[name](store, data))
    answering, _ = timed(lambda: system.search(data.queries[0], "scoped"))
    start = time.perf_counter()
    for query in data.queries[:100]:
        if time.perf_counter() - start < SLOW_SECONDS:
            system.search(query, "scoped")
    figures = {"open": opening, "answer": opening + answering, "memory": private_bytes() - before}
    system.close()
    return figures


def private_bytes() -> float:
    """Return the memory that is this process's own, without mapped files; NaN where Linux's /proc is missing."""
    status = Path("/proc/self/status")
    found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024.0 if found else float("nan")


# -- showing


def milliseconds(seconds: Sequence[float], share: float = 0.5) -> float:
    """Return a quantile in milliseconds; NaN of nothing."""
    return float(np.quantile(seconds, share)) * 1_000 if seconds else float("nan")


def shown(value: float) -> str:
    """Return a number with two or three digits; nothing for NaN."""
    if value != value:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def search_table(found: Sequence[Figures]) -> str:
    """Return the times and recalls of searches."""
    headings = ["search, ms", "first"]
    for kind in KINDS:
        headings += [f"{kind} p50", "p95", "recall@10", "× mem0lite"]
    rows = [[one.name, shown(milliseconds(one.first)), *search_cells(one, found[0])] for one in found]
    return markdown(headings, rows)


def search_cells(one: Figures, ours: Figures) -> list[str]:
    """Return a system's cells of every kind of query."""
    cells = []
    for kind in KINDS:
        times, median = one.searches[kind], milliseconds(one.searches[kind])
        recalls = one.recalls[kind] if SYSTEMS[one.name].exact else []
        recall = statistics.mean(recalls) if recalls else float("nan")
        cells += [shown(median), shown(milliseconds(times, 0.95)), shown(recall)]
        cells.append(shown(median / milliseconds(ours.searches[kind])))
    return cells


def other_table(found: Sequence[Figures], size: int) -> str:
    """Return everything but searches."""
    headings = ["", "batch add/s", "single add, ms", "× mem0lite", "bytes/memory", "import, ms", "open, ms"]
    rows = [
        [
            f"{one.name} {one.version}",
            f"{size / one.load_seconds:,.0f}",
            shown(milliseconds(one.adds)),
            shown(milliseconds(one.adds) / milliseconds(found[0].adds)),
            f"{one.bytes / size:,.0f}",
            *(shown(one.process[key] * 1_000) for key in ("import", "open", "answer")),
            shown(one.process["memory"] / 1e6),
        ]
        for one in found
    ]
    return markdown([*headings, "to first answer, ms", "private MB"], rows)


def as_json(one: Figures) -> dict[str, Any]:
    """Return the medians in milliseconds, the recalls, and the rest as measured."""
    return {
        "version": one.version,
        "load_seconds": one.load_seconds,
        "bytes": one.bytes,
        "first_ms": milliseconds(one.first),
        "search_ms": {kind: milliseconds(one.searches[kind]) for kind in KINDS if one.searches[kind]},
        "recall": {kind: statistics.mean(one.recalls[kind]) for kind in KINDS if one.recalls[kind]},
        "add_ms": milliseconds(one.adds),
        "process": one.process,
    }


def run(size: int, users: int, names: Sequence[str], folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Measure at one size, print the tables, and return the figures by system."""
    data = make(size, users, min(SEARCHED_USERS, users) + given.rounds)
    before = os.getloadavg()[0]
    found = compare(names, folder / f"{size}-{users}", data, given.seconds)
    print(f"\nload average {before:.1f} before and {os.getloadavg()[0]:.1f} after, this run's own included")
    print(f"\n{size:,} memories of {users:,} users\n\n{search_table(found)}\n\n{other_table(found, size)}", flush=True)
    return {one.name: as_json(one) for one in found}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=100, help="queries of each kind to each system")
    parser.add_argument("--seconds", type=float, default=30.0, help="of one kind of query to one system, at most")
    parser.add_argument("--million", action="store_true", help="also mem0lite alone, 1,000,000 memories of 1,000 users")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--probe", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    if given.probe:
        name, queries, store = given.probe
        print(json.dumps(probe(name, Path(queries), Path(store))))
        return
    print(machine("mem0lite", "apsw", "numpy"))
    runs = [(size, given.users, given.only) for size in given.sizes]
    if given.million:
        runs.append((1_000_000, 1_000, [name for name in given.only if name.startswith("mem0lite")]))
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        report = {str(size): run(size, users, names, folder, given) for size, users, names in runs}
    if given.json:
        given.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
