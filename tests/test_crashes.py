"""What was acknowledged is there after the process is killed, wherever that happened, and nothing else is."""

import os
import random
import shutil
import signal
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from copy import deepcopy
from itertools import count
from pathlib import Path

import pytest
from crashing import Nursery, Record, Session, State, happened, verified
from embedder import HashEmbedder
from sizes import sizes

from mem0lite import Memory

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

DATA = Path(__file__).parent / "data"
WORDS = (
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "iris",
    "kelp",
    "larch",
    "maple",
    "olive",
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


# -- killed at random moments


class Writer:
    """Does one random operation after the other in runs of its own, until it is killed.

    Only ``w0`` adds what has expired and vacuums, so that it is known what a vacuum removes.
    """

    def __init__(self, job: Record) -> None:
        self.session = Session(Path(job["path"]), job["durability"])
        self._name, self._rng, self._count = job["name"], random.Random(job["seed"]), 0
        self._prefix = job["prefix"]
        self._scopes = [{"user_id": "shared", "run_id": f"{self._name}-{number}"} for number in range(3)]
        self._brief = {"user_id": "shared", "run_id": f"{self._name}-brief"}
        self._choices = {
            self._add: 30,
            self._add_many: 10,
            self._update: 25,
            self._feedback: 5,
            self._delete: 15,
            self._delete_all: 3,
            self._reset: 5,
            self._erase: 1,
        } | ({self._add_brief: 6, self._vacuum: 4} if self._name == "w0" else {})

    def next(self) -> Record:
        self._count += 1
        scope = self._rng.choice(self._scopes)
        [choice] = self._rng.choices(list(self._choices), list(self._choices.values()))
        return choice(scope) or self._add(scope)

    def _text(self) -> str:
        self._count += 1
        words = self._rng.choices(WORDS, k=self._rng.randint(1, 40))
        return f"{' '.join(words)} {self._prefix}x{self._name}x{self._count}"

    def _ids(self, scope):
        return sorted(item["id"] for item in self.session.memory.get_all(**scope, limit=1_000)["results"])

    def _call(self, scope):
        texts = [self._text() for _ in range(self._rng.randint(1, 3))]
        category = self._rng.choice(("skill", "other"))
        metadata = {"n": self._count, "by": self._name, "memory_category": category}
        return {"scope": scope, "texts": texts, "metadata": metadata}

    def _add(self, scope):
        return {"do": "add", "calls": [self._call(scope)]}

    def _add_many(self, scope):
        return {"do": "add", "calls": [self._call(self._rng.choice(self._scopes)) for _ in range(3)]}

    def _add_brief(self, scope):
        return {"do": "add", "calls": [{**self._call(self._brief), "ttl": 0}]}

    def _update(self, scope):
        if ids := self._ids(scope):
            text = self._text() if self._rng.random() < 0.7 else None
            category = self._rng.choice(("skill", "other"))
            metadata = {"n": f"{self._prefix} {self._count}", "updated": True, "memory_category": category}
            return {"do": "update", "id": self._rng.choice(ids), "text": text, "metadata": metadata}
        return None

    def _feedback(self, scope):
        if ids := self._ids(scope):
            return {"do": "feedback", "id": self._rng.choice(ids), "reason": f"{self._prefix} {self._count}"}
        return None

    def _delete(self, scope):
        if ids := self._ids(scope):
            return {"do": "delete", "ids": self._rng.sample(ids, min(len(ids), self._rng.randint(1, 4)))}
        return None

    def _delete_all(self, scope):
        return {"do": "delete_all", "scope": scope}

    def _reset(self, scope):
        return {"do": "reset", "scope": scope}

    def _erase(self, scope):
        return {"do": "erase", "scope": scope}

    def _vacuum(self, scope):
        return {"do": "vacuum", "scope": self._brief}


def write(job, tell):
    """Tell each operation before and after it; nothing ends this but a signal."""
    writer = Writer(job)
    while True:
        record = writer.next()
        tell({"begun": record})
        tell({"done": writer.session.do(record)})


class Bookkeeper:
    """Knows from what writers told what the file holds, and which operations are in doubt."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.doubtful: dict[int, Record] = {}
        self.acknowledged: Counter[str] = Counter()

    def note(self, told: Record) -> None:
        if "begun" in told:
            self.doubtful[told["job"]] = told["begun"]
        elif "done" in told:
            record = self.doubtful.pop(told["job"])
            self.state.apply(record, told["done"])
            self.acknowledged[record["do"]] += 1


def spin(seconds):
    """Let a moment pass that is too short to wait for anything."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def kill_in_the_middle(nursery, jobs, rng, books):
    """Run the jobs and kill all of them after a random number of records and a little more."""
    records, moment = rng.randrange(16) * len(jobs), rng.random() * 0.012
    nursery.start(jobs)
    if records == 0:
        spin(moment)  # in which the file may just be opened
        nursery.kill(rng.shuffle)
    for number, told in enumerate(nursery.told(), start=1):
        if number == records:
            spin(moment)
            nursery.kill(rng.shuffle)
        books.note(told)


def copied(path, folder):
    """Return a copy of a file as the kill left it, with its write-ahead log or journal."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for suffix in ("", "-wal", "-journal"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    return folder / path.name


@pytest.mark.parametrize("kills", sizes(20, 1_000))
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_kills_at_random_moments_lose_nothing(nursery, path, tmp_path, seed, durability, kills):
    """After each of many kills of one or four writers every acknowledged operation is in the file, what was not is
    there whole or not at all, and nothing else is; the same file goes on to the next kill."""
    rng = random.Random(f"{seed} kills {durability}")
    books, doubts = Bookkeeper(State()), 0
    for kill in range(kills):
        writers = 4 if rng.random() < 0.25 else 1
        jobs = [
            {
                **{"run": "test_crashes:write", "path": str(path), "durability": durability},
                **{"name": f"w{number}", "prefix": f"k{kill}", "seed": f"{seed} {kill} {number}"},
            }
            for number in range(writers)
        ]
        books.doubtful.clear()
        kill_in_the_middle(nursery, jobs, rng, books)
        doubts += len(books.doubtful)
        # Opened in place, the file is whole again; looked at in a copy, the next writer has to recover it.
        file = path if rng.random() < 0.5 else copied(path, tmp_path / "copy")
        try:
            books.state = verified(file, books.state, list(books.doubtful.values()), rng)
        except Exception as error:
            error.add_note(f"seed {seed}, kill {kill}, {writers} writers, in doubt: {books.doubtful}")
            raise
    assert doubts > kills / 4, "hardly any operation was cut short"
    assert books.acknowledged.total() > 2 * kills
    assert len(books.acknowledged) >= 6


# -- killed at every call to the file system


ALICE, BOB, CAROL, BRIEF = ({"user_id": name} for name in ("alice", "bob", "carol", "brief"))


def call(scope, *texts, **fields):
    return {"scope": scope, "texts": texts, "metadata": {"n": 1, "memory_category": "skill"}, **fields}


FIRST = [
    {"do": "add", "calls": [call(ALICE, *(f"alice likes {word}" for word in WORDS))]},
    {"do": "add", "calls": [call(BOB, "bob walks", "bob sings"), call(CAROL, "carol reads")]},
    {"do": "add", "calls": [call(BRIEF, "gone at once", ttl=0)]},
]


def leave_open(job, tell):
    """Do a script and wait for the end, without closing the file but once."""
    session = Session(Path(job["path"]), "full")
    for record in job["script"]:
        tell({"begun": record})
        tell({"done": session.do(record)})
        if record == job["script"][0]:
            session.close()  # so that not everything is in the write-ahead log
    tell({"left": True})
    while True:
        signal.pause()


def left_by_a_kill(nursery, path):
    """Make a file of which a killed process left a part in the write-ahead log; return what it holds."""
    books = Bookkeeper(State())
    nursery.start([{"run": "test_crashes:leave_open", "path": str(path), "script": FIRST}])
    for told in nursery.told():
        books.note(told)
        if "left" in told:
            nursery.kill()
    assert Path(f"{path}-wal").stat().st_size > 0
    return books.state


def of_an_older_version(nursery, path):
    """Make a file of the first version of the schema; return what it holds."""
    opened = path.with_name("opened.db")
    for target in (path, opened):
        shutil.copy(DATA / "v1.db", target)
    with Memory(opened, embedder=HashEmbedder()) as memory:
        return State.of(memory)


def not_there(nursery, path):
    """Leave the file to be made."""
    return State()


def changing(state, path):
    """Add, change and delete memories."""
    alice = ids_of(state, "alice")
    return [
        {"do": "add", "calls": [call(ALICE, "alice moved to Oslo", "alice has a cat")]},
        {"do": "update", "id": alice[0], "text": "alice dislikes amber now", "metadata": {"n": 2}},
        {"do": "delete", "ids": alice[1:4]},
        {"do": "delete_all", "scope": BOB},
    ]


def removing(state, path):
    """Remove what has expired, whole users, and one from the bytes of the file."""
    return [
        {"do": "vacuum", "scope": BRIEF},
        {"do": "reset", "scope": BOB},
        {"do": "erase", "scope": CAROL},
        {"do": "feedback", "id": ids_of(state, "alice")[0], "reason": "still true"},
    ]


def restoring(state, path):
    """Exchange everything for a backup."""
    source = path.with_name("backup.db")
    with Memory(source, embedder=HashEmbedder()) as memory:
        memory.add([{"content": f"from the backup {word}"} for word in WORDS], user_id="dora", infer=False)
    return [{"do": "restore", "source": str(source)}, {"do": "delete_all", "scope": {"user_id": "dora"}}]


def beginning(state, path):
    """Add the first memory of a file, or another one."""
    return [{"do": "add", "calls": [call(CAROL, "carol writes")]}]


def reembedding(state, path):
    """Make new vectors."""
    return [{"do": "reembed", "embedder": "another-hash"}]


def ids_of(state, user_id):
    return [memory_id for memory_id, one in state.memories.items() if one["scope"][0] == user_id]


WORKLOADS = {  # what the file is before, what is done, the calls there are at least
    "changes": (left_by_a_kill, changing, 250),
    "removal": (left_by_a_kill, removing, 250),
    "restoring": (left_by_a_kill, restoring, 250),
    "creation": (not_there, beginning, 80),
    "migration": (of_an_older_version, beginning, 150),
    "reembedding": (left_by_a_kill, reembedding, 150),
}


class Deaths:
    """Runs of one script on copies of one file, each killed some calls later than the one before."""

    def __init__(self, nursery: Nursery, path: Path, state: State, script: list[Record], torn: bool) -> None:
        self._nursery, self._path, self._state = nursery, path, state
        self._job = {"run": "crashing:run_script", "durability": "full", "script": script, "torn": torn}
        self.calls: list[str] = []
        """Those of the first run that ended by itself."""
        self.doubtful: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        """The unacknowledged operations that were there in full."""

    def at_calls(self, rng: random.Random, step: int) -> None:
        """Kill at one of the first calls, and at every so many from there until the script ends before; verify what
        each left.

        Eight run at a time, while those before are verified.
        """
        before: list[tuple[int, Path, Bookkeeper]] = []
        for first in count(1 + rng.randrange(step), 8 * step):
            batch = [
                (at, self._copy(at // step), Bookkeeper(deepcopy(self._state)))
                for at in range(first, first + 8 * step, step)
            ]
            self._nursery.start([{**self._job, "path": str(copy), "die_at": at} for at, copy, _ in batch])
            self._verify(before, rng)
            self._await([books for _, _, books in batch])
            before = batch
            if self.calls:
                break
        self._verify(before, rng)

    def _copy(self, number: int) -> Path:
        return copied(self._path, self._path.parent / f"killed-{number % 16}")

    def _await(self, batch: list[Bookkeeper]) -> None:
        ended: dict[int, list[str]] = {}
        for told in self._nursery.told():
            batch[told["job"]].note(told)
            ended.setdefault(told["job"], []).extend(told.get("calls", []))
        self.calls = next((calls for calls in ended.values() if calls), [])

    def _verify(self, runs: list[tuple[int, Path, Bookkeeper]], rng: random.Random) -> None:
        for at, path, books in runs:
            doubtful = list(books.doubtful.values())
            try:
                actual = verified(path, books.state, doubtful, rng)
            except Exception as error:
                error.add_note(f"killed at call {at}, in doubt: {doubtful}, left in {path}")
                raise
            self.doubtful.update(record["do"] for record in doubtful)
            self.kept.update(record["do"] for record in doubtful if happened(record, books.state, actual))


@pytest.mark.parametrize(
    "workload", sizes("changes, every third", *(f"{name}{how}" for name in WORKLOADS for how in ("", ", torn")))
)
def test_kills_at_every_call_lose_nothing(nursery, path, tmp_path, seed, workload):
    """Wherever between two calls to the file system, or ``torn`` in the middle of a write, a process is killed, all
    that it acknowledged is there, what it did not is there whole or not at all, and nothing else is."""
    name, _, how = workload.partition(", ")
    prepare, compose, least = WORKLOADS[name]
    state = prepare(nursery, path)
    script = compose(state, path)
    deaths = Deaths(nursery, path, state, script, how == "torn")
    deaths.at_calls(random.Random(f"{seed} {workload}"), step=3 if how == "every third" else 1)
    calls = Counter(deaths.calls)
    assert len(deaths.calls) >= least, f"only {len(deaths.calls)} calls: {calls}"
    assert {"xOpen", "xRead", "xWrite", "xSync", "xLock", "xTruncate", "xDelete"} <= calls.keys()
    assert deaths.doubtful.keys() == deaths.kept.keys() == {record["do"] for record in script}, deaths.doubtful
    assert deaths.doubtful.total() > deaths.kept.total()


def test_half_a_first_page_is_made_anew(path):
    """A file whose maker was killed in the middle of writing its first page is taken for an empty one."""
    Memory(path, embedder=HashEmbedder()).close()
    path.write_bytes(path.read_bytes()[:4096])
    # An empty rollback journal of an empty file: https://www.sqlite.org/fileformat.html#the_rollback_journal
    header = struct.pack(">8s5I", bytes.fromhex("d9d505f920a163d7"), 0, 0, 0, 512, 8192)
    Path(f"{path}-journal").write_bytes(header.ljust(512, b"\0"))
    assert verified(path, State(), [], random.Random()) == State()


# -- that the harness sees


LOSSES = {
    "a memory": "DELETE FROM memory WHERE text = 'bob walks'",
    "a memory with all of it": "DELETE FROM memory WHERE text = 'bob walks'; DELETE FROM vector WHERE {gone}; "
    "DELETE FROM posting WHERE {gone}; DELETE FROM history WHERE new_memory = 'bob walks'",
    "a memory nobody added": "UPDATE memory SET id = 'another' WHERE text = 'bob walks'; "
    "UPDATE history SET memory_id = 'another' WHERE new_memory = 'bob walks'",
    "metadata": "UPDATE memory SET metadata = NULL WHERE text = 'bob walks'",
    "a vector": "UPDATE vector SET embeddings = (SELECT embeddings FROM vector ORDER BY key DESC LIMIT 1)",
    "a keyword": "DELETE FROM posting WHERE term = (SELECT term FROM posting LIMIT 1)",
    "a change": "DELETE FROM history WHERE event = 'ADD' AND new_memory = 'carol reads'",
    "an event": "DELETE FROM event WHERE sequence = 1",
    "half of what was in doubt": "DELETE FROM memory WHERE text = 'in doubt 1'; DELETE FROM vector WHERE {gone}; "
    "DELETE FROM posting WHERE {gone}; DELETE FROM history WHERE new_memory = 'in doubt 1'",
    "the event of what was in doubt": "DELETE FROM event WHERE sequence = (SELECT max(sequence) FROM event)",
}


@pytest.mark.parametrize("loss", ["nothing", *LOSSES])
def test_the_verification_sees_what_is_lost(path, seed, loss):
    """A file in which something acknowledged is missing, something is half there or something nobody wrote is there
    is told from one that holds what it should."""
    session, books = Session(path, "full"), Bookkeeper(State())
    doubtful = {"do": "add", "calls": [call(ALICE, "in doubt 1", "in doubt 2")]}
    for record in [*FIRST, doubtful]:
        books.note({"job": 0, "begun": record})
        result = session.do(record)
        if record is not doubtful:
            books.note({"job": 0, "done": result})
    damage = LOSSES.get(loss, "SELECT 1").format(gone="key NOT IN (SELECT key FROM memory)")
    session.memory._store._database.write(lambda connection: connection.execute(damage).fetchall())
    session.close()
    with nullcontext() if loss == "nothing" else pytest.raises(AssertionError):
        verified(path, books.state, [doubtful], random.Random(seed))
