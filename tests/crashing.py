"""Processes that are killed, what they acknowledged before, and whether a file holds exactly that.

A ``Nursery`` is a process that has imported everything and opened nothing; the processes to kill are forked from it,
which takes milliseconds. Each writes a record to the nursery's output before an operation and one after it, so that
of every process at most one operation is in doubt when it is gone.
"""

import copy
import importlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from embedder import HashEmbedder

from mem0lite import EmbedderMismatchError, Memory
from mem0lite.embedding.protocol import embed_documents
from mem0lite.graph import build

Record = dict[str, Any]
Tell = Callable[[Record], None]

SILENCE_SECONDS = 120  # after which a process is taken to hang
SCOPE_IDS = ("user_id", "agent_id", "run_id", "app_id")
ERROR_CHARACTERS = 2_000  # with which a record is still shorter than what a pipe takes in one piece


# -- the nursery and its children


class Nursery:
    """Forks processes that run jobs, and reads what they tell.

    A job is a dictionary; its ``run`` names a function as ``module:function``, which is called with the job and with a
    function that tells a record. ``job`` in a record is the position of the job that told it.
    """

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, "OPENBLAS_NUM_THREADS": "1"},  # no thread may run where a process is forked
        )
        assert self._process.stdin and self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._text = b""
        self._records: list[Record] = []
        self._pids: list[int] = []

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        while self._pids and "ended" not in self._read():
            pass
        self._stdin.close()
        self._stdout.close()
        self._process.wait(SILENCE_SECONDS)

    def start(self, jobs: Sequence[Record]) -> None:
        """Fork one process for each job."""
        self._stdin.write(json.dumps(list(jobs)).encode() + b"\n")
        self._stdin.flush()
        early: list[Record] = []
        while "started" not in (record := self._read()):
            early.append(record)
        self._pids, self._records = record["started"], early

    def kill(self, order: Callable[[list[int]], object] = lambda pids: None) -> None:
        """Kill every process with a signal that none of them sees coming."""
        pids = list(self._pids)
        order(pids)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def told(self) -> Iterator[Record]:
        """Yield what the processes tell until the last of them has ended; raise AssertionError for their errors."""
        while self._pids:
            record = self._records.pop(0) if self._records else self._read()
            assert "error" not in record, record["error"]
            if "ended" not in record:
                yield record
                continue
            self._pids = []
            assert set(record["ended"]) <= {0, signal.SIGKILL}, record

    def _read(self) -> Record:
        while b"\n" not in self._text:
            assert select.select([self._stdout], [], [], SILENCE_SECONDS)[0], "the processes hang"
            read = os.read(self._stdout.fileno(), 65_536)
            assert read, "the nursery has ended"
            self._text += read
        line, self._text = self._text.split(b"\n", 1)
        record: Record = json.loads(line)
        return record


def main() -> None:
    """Fork a process for every job of every line that is read."""
    while line := sys.stdin.readline():
        jobs = json.loads(line)
        doing = [
            getattr(importlib.import_module(module), name) for module, name in (job["run"].split(":") for job in jobs)
        ]
        pids = [forked(do, job, number) for number, (do, job) in enumerate(zip(doing, jobs, strict=True))]
        tell({"started": pids})
        tell({"ended": [os.waitpid(pid, 0)[1] for pid in pids]})


def forked(do: Callable[[Record, Tell], object], job: Record, number: int) -> int:
    """Return the id of a new process that does the job and ends."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        do(job, lambda record: tell({**record, "job": number}))
        status = 0
    except BaseException:
        tell({"error": traceback.format_exc()[-ERROR_CHARACTERS:], "job": number})
    finally:
        os._exit(status)


def tell(record: Record) -> None:
    """Write a record, at once and in one piece, however many processes do so."""
    os.write(1, json.dumps(record).encode() + b"\n")


# -- operations


class FirstWords:
    """An extractor: the first word of a text is next to the second, and the last is mentioned."""

    def extract(self, text: str) -> Any:
        words = text.split()
        stated = [{"source": words[0], "relationship": "next_to", "destination": words[1]}] if len(words) > 1 else []
        return {"entities": [{"name": words[-1], "type": "thing"}], "relations": stated}


class Session:
    """A file, and the operations on it that records describe."""

    def __init__(self, path: Path, durability: Any) -> None:
        self._path, self._durability = path, durability
        self._memory: Memory | None = None

    @property
    def memory(self) -> Memory:
        """The store, which is opened when it is first needed."""
        if self._memory is None:
            self._memory = Memory(
                self._path,
                embedder=HashEmbedder(),
                durability=self._durability,
                graph_categories=["skill"],
                graph_extractor=FirstWords(),
            )
        return self._memory

    def close(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def do(self, record: Record) -> Any:
        """Do what a record describes and return what its writer then knows."""
        doing: Callable[[Record], Any] = getattr(self, f"_{record['do']}")
        return doing(record)

    def _add(self, record: Record) -> list[Record]:
        """Make one call of ``add``, or several at once."""
        items: list[Any] = [
            {
                "messages": [{"role": "user", "content": text} for text in call["texts"]],
                "metadata": call["metadata"],
                "infer": False,
                "ttl": call.get("ttl"),
                **call["scope"],
            }
            for call in record["calls"]
        ]
        answers = [self.memory.add(**items[0])] if len(items) == 1 else self.memory.add_many(items)
        return [{"event": one["event_id"], "ids": [item["id"] for item in one["results"]]} for one in answers]

    def _update(self, record: Record) -> None:
        self.memory.update(record["id"], record["text"], record["metadata"])

    def _feedback(self, record: Record) -> None:
        self.memory.feedback(record["id"], "POSITIVE", record["reason"])

    def _delete(self, record: Record) -> None:
        self.memory.delete_many(record["ids"])

    def _delete_all(self, record: Record) -> None:
        self.memory.delete_all(**record["scope"])

    def _reset(self, record: Record) -> None:
        self.memory.reset(**record["scope"])

    def _erase(self, record: Record) -> None:
        self.memory.erase(**record["scope"])

    def _vacuum(self, record: Record) -> None:
        self.memory.vacuum()

    def _restore(self, record: Record) -> None:
        self.close()
        Memory.restore(record["source"], self._path, replace=True)

    def _reembed(self, record: Record) -> None:
        self.close()
        Memory.reembed(self._path, embedder=HashEmbedder(record["embedder"]))


def scope_of(record: Record) -> tuple[str | None, ...]:
    """Return the four ids that a record names."""
    return tuple(record["scope"].get(name) for name in SCOPE_IDS)


# -- what a file holds, and what it should


@dataclass
class State:
    """Everything that verbs put into a file, and the name of the model of its vectors."""

    memories: dict[Any, Record] = field(default_factory=dict)
    histories: dict[Any, Record] = field(default_factory=dict)
    events: dict[Any, Record] = field(default_factory=dict)
    embedder: str = "test-hash"

    @classmethod
    def of(cls, memory: Memory) -> "State":
        """Return what the tables of an open file hold, from one snapshot."""
        state = cls(embedder=memory.stats()["embedder"]["name"])
        ids = ", ".join(f"s.{name}" for name in SCOPE_IDS)
        with memory._store._database.read() as connection:
            for memory_id, text, metadata, reason, *scope in connection.execute(
                f"SELECT m.id, m.text, json(m.metadata), m.feedback_reason, {ids} "
                "FROM memory m LEFT JOIN scope s ON s.id = m.key >> 32"
            ):
                state.memories[memory_id] = {
                    "scope": tuple(scope),
                    "text": text,
                    "metadata": None if metadata is None else json.loads(metadata),
                    "reason": reason,
                }
            for memory_id, event, old, new, reason, *scope in connection.execute(
                f"SELECT h.memory_id, h.event, h.text_before, h.new_memory, h.feedback_reason, {ids} "
                "FROM history h LEFT JOIN scope s ON s.id = h.scope ORDER BY h.sequence"
            ):
                history = state.histories.setdefault(memory_id, {"scope": tuple(scope), "changes": []})
                history["changes"].append((event, old, new, reason))
            for event_id, results, *scope in connection.execute(
                f"SELECT e.id, e.results, {ids} FROM event e LEFT JOIN scope s ON s.id = e.scope"
            ):
                state.events[event_id] = {"scope": tuple(scope), "ids": [one for one, _ in json.loads(results)]}
        return state

    def within(self, scope: tuple[str | None, ...]) -> tuple[Record, ...]:
        """Return what belongs to a scope."""
        kinds = (self.memories, self.histories, self.events)
        return tuple({name: one for name, one in kind.items() if one["scope"] == scope} for kind in kinds)

    def apply(self, record: Record, result: Any) -> None:
        """Become what the operation makes of the file."""
        doing: Callable[[Record, Any], None] = getattr(self, f"_{record['do']}")
        doing(record, result)

    def _add(self, record: Record, result: Any) -> None:
        for call, answer in zip(record["calls"], result, strict=True):
            scope = scope_of(call)
            self.events[answer["event"]] = {"scope": scope, "ids": list(answer["ids"])}
            for memory_id, text in zip(answer["ids"], call["texts"], strict=True):
                self.memories[memory_id] = {
                    "scope": scope,
                    "text": text,
                    "metadata": call["metadata"],
                    "reason": None,
                }
                self.histories[memory_id] = {"scope": scope, "changes": [("ADD", None, text, None)]}

    def _note(self, event: str, memory_id: str, old: str, new: str | None, reason: str | None = None) -> None:
        self.histories[memory_id]["changes"].append((event, old, new, reason))

    def _update(self, record: Record, _: Any) -> None:
        kept = self.memories[record["id"]]
        old = kept["text"]
        kept["text"] = old if record["text"] is None else record["text"]
        kept["metadata"] = {**(kept["metadata"] or {}), **record["metadata"]}
        self._note("UPDATE", record["id"], old, kept["text"])

    def _feedback(self, record: Record, _: Any) -> None:
        kept = self.memories[record["id"]]
        kept["reason"] = record["reason"]
        self._note("FEEDBACK", record["id"], kept["text"], kept["text"], record["reason"])

    def _delete(self, record: Record, _: Any) -> None:
        for memory_id in record["ids"]:
            self._note("DELETE", memory_id, self.memories.pop(memory_id)["text"], None)

    def _delete_all(self, record: Record, _: Any) -> None:
        self._delete({"ids": list(self.within(scope_of(record))[0])}, None)

    def _reset(self, record: Record, _: Any) -> None:
        kinds = (self.memories, self.histories, self.events)
        for kind, gone in zip(kinds, self.within(scope_of(record)), strict=True):
            for name in gone:
                del kind[name]

    _erase = _reset
    _vacuum = _reset  # of the scope in which all memories have expired, and no others

    def _restore(self, record: Record, _: Any) -> None:
        with Memory(record["source"], embedder=HashEmbedder(), read_only=True) as backup:
            self.__dict__.update(copy.deepcopy(State.of(backup).__dict__))

    def _reembed(self, record: Record, _: Any) -> None:
        self.embedder = record["embedder"]


def happened(record: Record, before: State, actual: State) -> bool:
    """Return whether the file shows anything of an operation that was begun; if so it must show all of it."""
    match record["do"]:
        case "add":
            texts = {text for call in record["calls"] for text in call["texts"]}
            return any(one["text"] in texts for one in actual.memories.values())
        case "update":
            metadata = actual.memories.get(record["id"], {}).get("metadata") or {}
            return all(metadata.get(name) == value for name, value in record["metadata"].items())
        case "feedback":
            return bool(actual.memories.get(record["id"], {}).get("reason") == record["reason"])
        case "delete":
            return any(memory_id not in actual.memories for memory_id in record["ids"])
        case "reembed":
            return bool(actual.embedder == record["embedder"])
        case "restore":
            return actual.events.keys() != before.events.keys()
        case _:
            return actual.within(scope_of(record)) != before.within(scope_of(record))


def found(record: Record, actual: State) -> Any:
    """Return the ids that an unacknowledged ``add`` would have answered with; None for what is not there."""
    if record["do"] != "add":
        return None
    ids = {one["text"]: memory_id for memory_id, one in actual.memories.items()}
    events = {tuple(event["ids"]): event_id for event_id, event in actual.events.items()}
    answers = [[ids.get(text) for text in call["texts"]] for call in record["calls"]]
    return [{"event": events.get(tuple(answer)), "ids": answer} for answer in answers]


def verified(path: Path, before: State, doubtful: Sequence[Record], rng: random.Random) -> State:
    """Return what a file holds, once it is known to hold everything of ``before``, each doubtful operation whole or not
    at all, and nothing else."""
    with reopened(path, before, doubtful) as memory:
        actual, expected = State.of(memory), copy.deepcopy(before)
        for record in doubtful:
            if happened(record, before, actual):
                expected.apply(record, found(record, actual))
        assert not (unlike := differences(expected, actual)), unlike
        checked = memory.check()
        assert checked["ok"], checked["problems"]
        assert checked["memories"] == len(actual.memories)
        compare_vectors(memory, actual.embedder)
        compare_graph(memory, actual)
        for memory_id in rng.sample(sorted(actual.memories), min(3, len(actual.memories))):
            compare_answers(memory, memory_id, actual)
    beside = [name for name in (f"{path}-wal", f"{path}-shm", f"{path}-journal") if Path(name).exists()]
    assert beside == []
    return actual


def reopened(path: Path, before: State, doubtful: Sequence[Record]) -> Memory:
    """Open a file with the model that it had, or that an unacknowledged call may have given it."""
    names = [before.embedder, *(record["embedder"] for record in doubtful if record["do"] == "reembed")]
    for name in names[:-1]:
        with suppress(EmbedderMismatchError):
            return Memory(path, embedder=HashEmbedder(name))
    return Memory(path, embedder=HashEmbedder(names[-1]))


def differences(expected: State, actual: State) -> list[str]:
    """Return up to ten sentences on what is lost, there without a reason, or another."""
    unlike = [] if expected.embedder == actual.embedder else [f"the model is {actual.embedder}"]
    for kind in ("memories", "histories", "events"):
        ours, theirs = getattr(expected, kind), getattr(actual, kind)
        unlike += [
            f"{kind} {name}: expected {ours.get(name)}, there is {theirs.get(name)}"
            for name in [*ours, *(name for name in theirs if name not in ours)]
            if ours.get(name) != theirs.get(name)
        ]
    return unlike[:10]


def compare_vectors(memory: Memory, embedder: str) -> None:
    """Check that every memory has the vector of its own text."""
    with memory._store._database.read() as connection:
        rows = connection.execute("SELECT m.text, v.embedding FROM memory m JOIN vector v USING (key)").fetchall()
    vectors = embed_documents(HashEmbedder(embedder), [text for text, _ in rows])
    assert [text for (text, vector), right in zip(rows, vectors, strict=True) if vector != right.tobytes()] == []


def compare_graph(memory: Memory, state: State) -> None:
    """Check that the graph is the one of the memories of its category, and of nothing else."""
    expected = set()
    for memory_id, kept in state.memories.items():
        if (kept["metadata"] or {}).get("memory_category") == "skill":
            graph = build(FirstWords().extract(kept["text"]), kept["metadata"])
            expected |= {(memory_id, node.name, node.label) for node in graph.nodes}
            expected |= {(memory_id, edge.source, edge.destination) for edge in graph.edges}
    with memory._store._database.read() as connection:
        rows = connection.execute(
            "SELECT m.id, n.name, n.label FROM mention n LEFT JOIN memory m USING (key) "
            "UNION ALL SELECT m.id, r.source, r.destination FROM relation r LEFT JOIN memory m USING (key)"
        ).fetchall()
    assert set(rows) == expected


def compare_answers(memory: Memory, memory_id: str, state: State) -> None:
    """Check that a memory is read, found and told the history of as it is in the tables; an expired one is not."""
    kept = state.memories[memory_id]
    scope = {name: value for name, value in zip(SCOPE_IDS, kept["scope"], strict=True) if value is not None}
    item = memory.get(memory_id)
    searched = [one["id"] for one in memory.search(kept["text"], **scope)["results"]]  # type: ignore[arg-type]
    if item is None:
        assert memory.get(memory_id, show_expired=True) is not None
        assert memory_id not in searched
        return
    assert (item["memory"], item["metadata"]) == (kept["text"], kept["metadata"])
    assert memory_id in searched, f"{kept['text']!r} is not found"
    changes = [(one["event"], one["old_memory"], one["new_memory"]) for one in memory.history(memory_id)]
    assert changes == [change[:3] for change in state.histories[memory_id]["changes"]]


# -- a file system that kills


class Countdown:
    """Counts calls to the file system, and kills its own process at one of them."""

    def __init__(self, die_at: int, torn: bool) -> None:
        self.calls: list[str] = []
        self._die_at, self._torn = die_at, torn

    def call(self, name: str, do: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call, unless it is the one to die at; of a torn write, half reaches the file before that."""
        self.calls.append(name)
        if len(self.calls) == self._die_at:
            if self._torn and name == "xWrite":
                data, offset = arguments
                do(data[: len(data) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        return do(*arguments)


def counted(base: type, name: str) -> Callable[..., Any]:
    """Return a method that counts before it does what the base class does."""

    def method(self: Any, *arguments: Any) -> Any:
        return self.countdown.call(name, getattr(base, name).__get__(self), *arguments)

    return method


FILE_CALLS = (
    *("xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock"),
    *("xFileControl", "xClose"),
)


class CountedFile(apsw.VFSFile):
    """A file, each call to which is counted; the index of the write-ahead log is memory and passes by."""

    def __init__(self, base: str, countdown: Countdown, name: Any, flags: list[int]) -> None:
        self.countdown = countdown
        super().__init__(base, name, flags)


class CountingVFS(apsw.VFS):
    """SQLite's own file system, each call to which is counted."""

    def __init__(self, countdown: Countdown) -> None:
        self.countdown, self._base = countdown, apsw.vfs_names()[0]
        super().__init__("counting", self._base)

    def xOpen(self, name: Any, flags: list[int]) -> CountedFile:  # noqa: N802 (SQLite's name)
        opened: CountedFile = self.countdown.call("xOpen", lambda: CountedFile(self._base, self.countdown, name, flags))
        return opened


for _name in FILE_CALLS:
    setattr(CountedFile, _name, counted(apsw.VFSFile, _name))
for _name in ("xDelete", "xAccess", "xFullPathname"):
    setattr(CountingVFS, _name, counted(apsw.VFS, _name))


def counted_disk(job: Record) -> tuple[Countdown, CountingVFS]:
    """Let every file that SQLite opens from now on count the calls, and kill at the one that a job names."""
    countdown = Countdown(job["die_at"], job["torn"])
    vfs = CountingVFS(countdown)
    apsw.set_default_vfs("counting")
    return countdown, vfs


def run_script(job: Record, tell: Tell) -> None:
    """Do a job's ``script`` on its file and close it, on a file system that kills at the call ``die_at``; tell each
    operation before and after it and, where none was the last, all calls."""
    countdown, vfs = counted_disk(job)
    session = Session(Path(job["path"]), job["durability"])
    for record in job["script"]:
        tell({"begun": record})
        tell({"done": session.do(record)})
    session.close()
    del vfs
    for start in range(0, len(countdown.calls), 100):
        tell({"calls": countdown.calls[start : start + 100]})


if __name__ == "__main__":
    sys.modules["crashing"] = sys.modules["__main__"]
    main()
