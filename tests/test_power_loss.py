"""Power that fails at any moment: what was acknowledged is there when the file is opened again, and the file is sound.

A workload is recorded once, down to each write and sync. Of the writes that no sync had followed when the power fails,
each may have reached the disk or not, whole or in part, in any order; so of one record any number of disks can be made.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from embedder import HashEmbedder
from faults import Disk, Recorder, Watcher, default_file_system
from sizes import sizes

from mem0lite import Mem0LiteError, Memory

USERS = ("ann", "bob", "cyd")
CALLS = 25  # of each user in each of two sessions
IMAGES = 100  # made of one record

State = frozenset[str]


def opened(path: Path, durability: str = "full") -> Memory:
    return Memory(path, embedder=HashEmbedder(), durability=durability)


class User:
    """Somebody who calls one verb after another, and notes before each what the file may hold then and after it what
    it must."""

    def __init__(self, name: str, recorder: Recorder, random: Random) -> None:
        self.name, self.recorder, self.random = name, recorder, random
        self.ids: dict[str, str] = {}
        self.count = 0

    def call(self, memory: Memory) -> None:
        self.count += 1
        verb = self.random.choice(("add", "add", "add several", "update", "delete", "add expired", "vacuum"))
        if verb in ("update", "delete") and self.ids:
            text = self.random.choice(sorted(self.ids))
            new = f"{self.name} changed {self.count} " * self.random.randint(1, 200)
            memory_id = self.ids.pop(text)
            if verb == "update":
                self.ids[new] = memory_id
                self._noting(lambda: memory.update(memory_id, new))
            else:
                self._noting(lambda: memory.delete(memory_id))
        elif verb == "vacuum":
            memory.vacuum()
        elif verb == "add expired":
            memory.add(f"expired {self.count} " * 400, user_id=self.name, ttl=1, timestamp="2020-01-01")
        else:
            self._add(memory, 1 if verb == "add" else self.random.randint(2, 12))

    def _add(self, memory: Memory, many: int) -> None:
        texts = [f"{self.name} said {self.count}.{n} " * self.random.randint(1, 60) for n in range(many)]
        self.ids.update(dict.fromkeys(texts, ""))
        messages = [{"content": text} for text in texts]
        added = self._noting(lambda: memory.add(messages, user_id=self.name, infer=False))
        self.ids.update({item["memory"]: item["id"] for item in added["results"]})

    def _noting(self, verb):
        state = frozenset(self.ids)
        self.recorder.note(("begun", self.name, state))
        result = verb()
        self.recorder.note(("done", self.name, state))
        return result


def record(folder: Path, random: Random, durability: str = "full", synchronous: str | None = None) -> Recorder:
    """Record two sessions with a new file, in which three users' calls share commits and checkpoints are frequent."""
    folder.mkdir()
    recorder = Recorder(folder)
    users = [User(name, recorder, Random(random.random())) for name in USERS]
    with recorder.recording():
        for _ in range(2):
            with opened(folder / "agent.db", durability) as memory, ThreadPoolExecutor(len(users)) as pool:
                writer = memory._store._database._writer
                writer.pragma("wal_autocheckpoint", random.choice((20, 60, 200)))
                if synchronous is not None:
                    writer.pragma("synchronous", synchronous)
                for done in [pool.submit(calls, user, memory) for user in users]:
                    done.result()
    return recorder


def calls(user: User, memory: Memory) -> None:
    for _ in range(CALLS):
        user.call(memory)


@dataclass
class Expected:
    """What the notes up to a moment say of one user: what there must be, and what there may be instead."""

    must: State = frozenset()
    may: State = frozenset()
    before: set[State] = field(default_factory=lambda: {frozenset()})

    def note(self, kind: str, state: State) -> None:
        if kind == "begun":
            self.may = state
            self.before.add(state)
        else:
            self.must = self.may = state


@dataclass
class Report:
    """What became of the images."""

    images: int = 0
    checkpoints: int = 0
    beginnings: int = 0
    """How often the write-ahead log was written from its beginning again."""
    lost: list[str] = field(default_factory=list)
    """Those in which something acknowledged is missing, though all that is there was so at some time."""
    damaged: list[str] = field(default_factory=list)


def moments(random: Random, recorder: Recorder, count: int) -> list[int]:
    """Return positions in the log: some in the creation of the file, many right after an acknowledgement."""
    notes = [position for position, event in enumerate(recorder.log) if event.kind == "note"]
    done = [position for position in notes if recorder.log[position].note[0] == "done"]
    chosen = []
    for _ in range(count):
        place = random.random()
        if place < 0.2:
            chosen.append(random.randrange(notes[0]))
        elif place < 0.5:
            chosen.append(random.choice(done))
        else:
            chosen.append(random.randrange(len(recorder.log)))
    return sorted(chosen)


def examine(folder: Path, random: Random, recorder: Recorder, count: int, disk: Disk, report: Report) -> None:
    """Let the power fail at so many moments of the log, and open what is left each time."""
    expected = {name: Expected() for name in USERS}
    log = iter(enumerate(recorder.log))
    position = -1
    for moment in moments(random, recorder, count):
        while position < moment:
            position, event = next(log)
            if event.kind == "note":
                kind, name, state = event.note
                expected[name].note(kind, state)
            disk.apply(event)
        image = folder / f"image {report.images}"
        image.mkdir()
        for name, content in disk.crashed(random).items():
            (image / name).write_bytes(content)
        report.images += 1
        verify(image / "agent.db", expected, report, f"{image}, after event {moment}")


def verify(path: Path, expected: dict[str, Expected], report: Report, where: str) -> None:
    try:
        with opened(path) as memory:
            found = {
                name: frozenset(item["memory"] for item in memory.get_all(user_id=name, top_k=10_000)["results"])
                for name in USERS
            }
            problems = memory.check()["problems"]
    except Mem0LiteError as error:
        report.damaged.append(f"{where}: {type(error).__name__}: {error}")
        return
    unknown = [name for name in USERS if found[name] not in expected[name].before | {expected[name].must}]
    if problems or unknown:
        report.damaged.append(f"{where}: {problems or ''} {unknown or ''}")
    elif any(found[name] not in (expected[name].must, expected[name].may) for name in USERS):
        report.lost.append(where)
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()


@contextmanager
def fast_disk() -> Iterator[None]:
    """Open files in the block without waiting for the disk: nothing happens to them any more."""
    with default_file_system("fast", Watcher()):
        yield


def let_fail(
    folder: Path,
    seed: int,
    count: int,
    *,
    heeds_syncs: bool = True,
    durability: str = "full",
    synchronous: str | None = None,
) -> Report:
    report, number = Report(), 0
    while report.images < count:
        random = Random(f"{seed} power {number}")
        recorder = record(folder / f"record {number}", random, durability, synchronous)
        report.checkpoints += sum(event.kind == "sync" and event.name == "agent.db" for event in recorder.log)
        report.beginnings += sum(
            event.kind == "write" and event.name == "agent.db-wal" and event.offset == 0 for event in recorder.log
        )
        disk = Disk(heeds_syncs=heeds_syncs)
        with fast_disk():
            examine(folder, random, recorder, min(IMAGES, count - report.images), disk, report)
        number += 1
    return report


@pytest.mark.parametrize("count", sizes(200, 20_000))
def test_nothing_acknowledged_is_lost(tmp_path, seed, count):
    """Whenever the power fails, every acknowledged call is there, whole, and at most the one that was under way."""
    report = let_fail(tmp_path, seed, count)
    assert report.images == count
    assert report.checkpoints >= 10
    assert report.beginnings >= 10
    assert report.damaged == [], f"seed {seed}: {len(report.damaged)} of {report.images}"
    assert report.lost == [], f"seed {seed}: {len(report.lost)} of {report.images}"


@pytest.mark.parametrize("count", sizes(100, 5_000))
def test_without_full_durability_the_last_calls_may_be_lost_but_nothing_else(tmp_path, seed, count):
    """With durability "normal" the file is always sound and holds what it held at some moment before."""
    report = let_fail(tmp_path, seed, count, durability="normal")
    assert report.damaged == [], f"seed {seed}: {len(report.damaged)} of {report.images}"
    print(f"durability normal: {len(report.lost)} of {report.images} images lost acknowledged calls")  # noqa: T201


@pytest.mark.parametrize("without", [{"heeds_syncs": False}, {"synchronous": "off"}], ids=["a disk that lies", "none"])
def test_the_harness_sees_what_is_lost_without_syncs(tmp_path, seed, without):
    """Where nothing is synced, acknowledged memories are lost, and this harness says so."""
    report = let_fail(tmp_path, seed, 60, **without)
    assert len(report.lost) + len(report.damaged) > 10, f"seed {seed}"
