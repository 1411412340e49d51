"""A disk that fails at any one of its calls, once or for good: every verb succeeds or says so, and nothing is lost."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from embedder import HashEmbedder
from faults import Faults, default_file_system, faults_of
from sizes import sizes

from mem0lite import DatabaseError, Memory

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONCE, LIFTED, FOR_GOOD = "once", "until the store is used again", "until the file is opened again"
FOREVER = 2**63
PARTS = 3  # of the calls, so that several cores share them
SEVERAL = frozenset(f"several {n} " * 30 for n in range(5))

State = frozenset[str]
Step = tuple[str, Callable[[], object], Callable[[State], State]]


@dataclass(frozen=True)
class Case:
    """Which call of a workload fails, how, and for how long."""

    call: int
    what: str
    fault: str
    duration: str


def opened(path: Path) -> Memory:
    return Memory(path, embedder=HashEmbedder(), clock=lambda: NOW)


def shown(memory: Memory) -> State:
    return frozenset(item["memory"] for item in memory.get_all(user_id="u", top_k=100)["results"])


def fill(path: Path) -> dict[str, str]:
    """Make a file of several pages of each kind, with memories to change and expired ones; return ids by text."""
    with opened(path) as memory:
        memory.add([{"content": f"old {n} " + "word " * 100} for n in range(10)], user_id="u", infer=False)
        memory.add("to be updated", user_id="u", metadata={"place": "home"})
        memory.add("to be deleted", user_id="u")
        memory.add([{"content": f"expired {n} " * 50} for n in range(20)], user_id="u", ttl=1, timestamp="2020-01-01")
        return {item["memory"]: item["id"] for item in memory.get_all(user_id="u", top_k=100)["results"]}


class Workload:
    """What is done with a store while its disk fails, and what must be in it after that."""

    def __init__(self, path: Path, ids: dict[str, str]) -> None:
        self.path, self.ids = path, ids
        self.memory: Memory | None = None
        self.state: State = frozenset(ids)
        self.unknown: State = self.state
        """What there may be instead: a commit that failed as it was made durable may be found by whoever opens the file
        next, when the disk fails until it is closed."""
        self.refused: list[str] = []

    def open(self) -> None:
        self._attempt("open", self._open)

    def verbs(self) -> None:
        """Call the verbs: each does its work whole, or raises a DatabaseError and leaves everything as it was."""
        for name, verb, change in self._steps(self.memory):
            changed = change(self.state)
            if not self._attempt(name, verb):
                if len(self.refused) == 1:
                    self.unknown = changed
            elif changed != self.state:  # what is only read leaves open what became of a commit
                self.state = self.unknown = changed

    def use_again(self) -> None:
        """With a disk that works again, everything acknowledged is there, and all verbs succeed."""
        self._compare()
        self.memory.add("added again", user_id="u")
        self.state = self.unknown = self.state | {"added again"}
        self.memory.vacuum()
        self._compare()
        assert self.memory.search("added again", user_id="u")["results"][0]["memory"] == "added again"

    def reopen(self) -> None:
        """Opened again, the file holds what was acknowledged and nothing else, and all of it agrees."""
        with opened(self.path) as self.memory:
            if shown(self.memory) != self.unknown:
                self._compare()
            assert self.memory.check()["problems"] == []
            self.memory.add("at last", user_id="u")
        assert [file.name for file in self.path.parent.iterdir()] == [self.path.name]

    def _steps(self, memory: Memory) -> Iterator[Step]:
        yield "add", lambda: memory.add("one more", user_id="u"), lambda state: state | {"one more"}
        yield "get_all", self._compare, lambda state: state
        if not self.ids:
            return
        updated, deleted = self.ids["to be updated"], self.ids["to be deleted"]
        yield (
            "update",
            lambda: memory.update(updated, "updated", metadata={"place": "work"}),
            lambda state: state - {"to be updated"} | {"updated"},
        )
        yield "delete", lambda: memory.delete(deleted), lambda state: state - {"to be deleted"}
        several = [{"content": text} for text in sorted(SEVERAL)]
        yield "add several", lambda: memory.add(several, user_id="u", infer=False), lambda state: state | SEVERAL
        yield "search", self._search, lambda state: state
        yield "vacuum", lambda: memory.vacuum(), lambda state: state
        yield "get_all", self._compare, lambda state: state

    def _attempt(self, name: str, verb: Callable[[], object]) -> bool:
        try:
            verb()
        except DatabaseError:
            self.refused.append(name)
            return False
        return True

    def _open(self) -> None:
        self.memory = opened(self.path)

    def _compare(self) -> None:
        found = shown(self.memory)
        assert found == self.state, f"lost {self.state - found}, unexpected {found - self.state}"

    def _search(self) -> None:
        found = self.memory.search("old more", user_id="u", top_k=100)["results"]
        assert {item["memory"] for item in found} <= self.state


class Bench:
    """A file as every case finds it, or none, and what a workload on it asks of the disk."""

    def __init__(self, folder: Path, *, filled: bool) -> None:
        self.folder, self.file = folder, folder / "prepared.db"
        self.ids = fill(self.file) if filled else {}
        nothing = Faults("I/O error", 0, 0)
        self._work(nothing, ONCE)
        self.calls = nothing.calls

    def cases(self) -> list[Case]:
        return [
            Case(number, f"{call.operation} {Path(call.path).name}", fault, duration)
            for number, call in enumerate(self.calls)
            for fault in faults_of(call)
            for duration in (ONCE, LIFTED, FOR_GOOD)
        ]

    def run(self, case: Case) -> tuple[bool, list[str]]:
        """Return whether the fault struck, and which verbs were refused."""
        faults = Faults(case.fault, case.call, 1 if case.duration == ONCE else FOREVER)
        work = self._work(faults, case.duration)
        return faults.struck > 0, work.refused

    def _work(self, faults: Faults, duration: str) -> Workload:
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        work = Workload(place / "agent.db", self.ids)
        if self.ids:
            shutil.copyfile(self.file, work.path)
        with default_file_system("failing", faults):
            work.open()
            if work.memory is not None:
                work.verbs()
                if faults.struck and duration != FOR_GOOD:
                    faults.lift()
                    work.use_again()
                work.memory.close()
            faults.lift()
            work.reopen()
        return work


@pytest.mark.parametrize("filled", [True, False], ids=["a file in use", "a new file"])
@pytest.mark.parametrize("share", sizes(8, 1))
@pytest.mark.parametrize("part", range(PARTS))
def test_a_call_to_the_disk_fails(tmp_path, seed, filled, share, part):
    """Whichever call fails, once or from then on, each verb does all its work or none of it and raises a DatabaseError;
    the store goes on when the disk does, and opened again the file is sound and holds what was acknowledged."""
    bench = Bench(tmp_path, filled=filled)
    cases = [case for case in bench.cases() if case.call % PARTS == part]
    random.Random(f"{seed} faults").shuffle(cases)
    cases = cases[::share]
    wrong, struck, refused = [], 0, 0
    for case in cases:
        try:
            fired, verbs = bench.run(case)
        except Exception as error:
            wrong.append(f"{case}: {type(error).__name__}: {error}")
            continue
        struck += fired
        refused += len(verbs)
    found = "\n".join(wrong[:40])
    assert not wrong, f"seed {seed}: {len(wrong)} of {len(cases)} cases went wrong:\n{found}"
    assert len(cases) >= 1_000 // share // PARTS
    assert struck > 0.95 * len(cases)
    assert refused > len(cases) // 2
