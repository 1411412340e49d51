"""The queue of extractions when processes are killed or the disk fails: every fact is there once, whatever was
interrupted."""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from crashing import Nursery, counted_disk
from embedder import HashEmbedder
from faults import Faults, default_file_system, faults_of
from scripted_model import ScriptedModel
from sizes import sizes

from mem0lite import DatabaseError, LanguageModelError, Memory

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

LEASE = timedelta(minutes=10)  # after which a job of a process that was killed is anybody's
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
USERS = 16
FOREVER = 2**63


def opened(path, generation, model=None):
    """Open the file in the time of a generation of processes: the claims of the one before it are over."""
    clock = lambda: BEGIN + generation * (LEASE + timedelta(seconds=1))  # noqa: E731
    return Memory(path, embedder=HashEmbedder(), llm=model or ScriptedModel(), extract_later=True, clock=clock)


def work(job, tell):
    """Work at the queue until nothing is left, or until the process is killed."""
    with opened(job["path"], job["generation"]) as memory:
        while memory.extract(limit=1)["done"]:
            tell({"job": job["number"], "did": 1})
        tell({"job": job["number"], "done": True})


def kill_after(nursery, told, rng):
    """Kill all processes after a random number of records, or after all of them have ended."""
    left = rng.randrange(1, told)
    for record in nursery.told():
        left -= "did" in record
        if left == 0:
            nursery.kill()


@needs_fork
@pytest.mark.parametrize("size", sizes((48, 4), (1_000, 50)), ids=lambda size: "-".join(map(str, size)))
def test_every_fact_is_there_once_after_kills(tmp_path, size):
    """Several processes work at one queue and are killed at random moments; others go on. In the end every message has
    its fact, once, and every event has SUCCEEDED."""
    jobs, kills = size
    path, rng = str(tmp_path / "agent.db"), random.Random(jobs)
    with opened(path, 0) as memory:
        for number in range(jobs):
            memory.add(f"I have seen the number {number}", user_id=f"user{number % USERS}")
        assert memory.extract(limit=0)["pending"] == jobs
    with Nursery() as nursery:
        for generation in range(1, kills + 1):
            nursery.start(
                [
                    {"run": "test_facts_crashes:work", "path": path, "generation": generation, "number": number}
                    for number in range(3)
                ]
            )
            kill_after(nursery, max(2, jobs // kills), rng)
    with opened(path, kills + 1) as memory:
        memory.extract()
        assert memory.check()["ok"]
        for user in range(USERS):
            facts = memory.get_all(user_id=f"user{user}", kinds="facts", top_k=jobs)["results"]
            expected = [f"I have seen the number {number}" for number in range(user, jobs, USERS)]
            assert Counter(fact["memory"] for fact in facts) == Counter(expected)
        events = memory.events(top_k=2 * jobs)["results"]
        assert Counter(event["status"] for event in events) == {"SUCCEEDED": jobs}
        assert all(len(event["results"]) == 2 for event in events)


# -- at every call to the file system

DOWN = LanguageModelError("nobody answers", retryable=True)
State = frozenset[str]
"""What was said, of all users."""
EFFECTS: dict[str, Callable[[State], State]] = {
    "queue": lambda state: state | {"I like tea", "I like milk"},
    "edit": lambda state: state - {"I like tea"} | {"I like rum"} if "I like tea" in state else state,
    "queue a job that fails": lambda state: state | {"I saw 7 ships"},
    "queue another": lambda state: state | {"I like wine"},
}
"""What the steps do to it; others do nothing."""
OLD = frozenset(f"I have seen the number {number}" for number in range(8))


def prepared(path: Path) -> Path:
    """Make a file with facts, and with jobs that wait."""
    with opened(path, 0) as memory:
        for number in range(8):
            memory.add(f"I have seen the number {number}", user_id=f"user{number % 2}")
        assert memory.extract(limit=6)["done"] == 6
    return path


def steps(memory: Memory, model: ScriptedModel, passed: list[timedelta]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is done with the file: queueing, claiming, applying, failing, trying again, and drawing again."""
    turns: list[str] = []

    def queue() -> None:
        said = [{"role": "user", "content": text} for text in ("I like tea", "I like milk")]
        turns.append(memory.add(said, user_id="alice")["results"][0]["id"])

    yield "queue", queue
    yield "draw", memory.extract
    if turns:
        yield "edit", lambda: memory.update(turns[0], "I like rum")
    yield "draw again", lambda: memory.extract(limit=1)
    yield "queue a job that fails", lambda: memory.add("I saw 7 ships", user_id="bob")
    model.fails = [DOWN]
    yield "fail", memory.extract
    model.fails = []
    passed.append(timedelta(minutes=1))
    yield "try again", memory.extract
    yield "queue another", lambda: memory.add("I like wine", user_id="alice")


def run(path: Path, step: Callable[[str, Callable[[], object]], object]) -> None:
    """Do all steps with a file, and close it."""
    model, passed = ScriptedModel(), []
    clock = lambda: BEGIN + sum(passed, timedelta(seconds=1))  # noqa: E731
    memory = Memory(path, embedder=HashEmbedder(), llm=model, extract_later=True, clock=clock)
    try:
        for name, do in steps(memory, model, passed):
            step(name, do)
    finally:
        memory.close()


def die(job, tell):
    """Do all steps on a file system that kills at one of its calls; tell each before and after it, and at the end how
    many calls there were."""
    countdown, vfs = counted_disk(job)

    def step(name, do):
        tell({"begun": name})
        do()
        tell({"done": name})

    run(Path(job["path"]), step)
    del vfs
    tell({"calls": len(countdown.calls)})


class Possible:
    """What a file may hold, by the steps that were begun and those that were acknowledged."""

    def __init__(self) -> None:
        self.states = {OLD}
        self._doubtful: str | None = None

    def begun(self, name: str) -> None:
        self._doubtful = name
        self._before = self.states
        self.states = self.states | {self._after(name, state) for state in self.states}

    def done(self, name: str) -> None:
        self.states = {self._after(name, state) for state in self._before}

    def _after(self, name: str, state: State) -> State:
        return EFFECTS.get(name, lambda same: same)(state)


def verify(path: Path, possible: Possible) -> None:
    """Do the jobs that are left. Then the file is sound, every message has its fact once, in its present words, no job
    is left, and what was acknowledged is there."""
    with opened(path, 2) as memory:  # a claim may have been made a minute later than the first one
        memory.extract()
        assert memory.check()["ok"]
        said, drawn = Counter(), Counter()
        for user in ("alice", "bob", "user0", "user1"):
            for kind, found in (("turns", said), ("facts", drawn)):
                items = memory.get_all(user_id=user, kinds=kind, top_k=100)["results"]
                found.update((user, item["memory"]) for item in items)
        assert said == drawn
        assert set(said.values()) == {1}
        assert frozenset(text for _, text in said) in possible.states
        events = memory.events(top_k=100)["results"]
        assert {event["status"] for event in events} == {"SUCCEEDED"}
        assert memory.stats()["extraction"]["pending"] == memory.stats()["extraction"]["failed"] == 0


@needs_fork
@pytest.mark.parametrize("size", sizes((90, False), (1, False), (1, True)), ids=lambda size: "-".join(map(str, size)))
def test_kills_at_every_call_draw_every_fact_once(tmp_path, seed, size):
    """Wherever between two calls to the file system, or in the middle of a write, a process is killed that works at the
    queue, another one goes on: no message is lost, no fact is missing or there twice, and every job ends."""
    every, torn = size
    original = prepared(tmp_path / "prepared.db")
    first = random.Random(f"{seed} facts").randint(1, every)
    died = 0
    with Nursery() as nursery:
        for start in count(first, 8 * every):
            runs = [(at, tmp_path / f"killed-{at}.db", Possible()) for at in range(start, start + 8 * every, every)]
            for _, path, _ in runs:
                shutil.copyfile(original, path)
            nursery.start(
                [
                    {"run": "test_facts_crashes:die", "path": str(path), "die_at": at, "torn": torn}
                    for at, path, _ in runs
                ]
            )
            ended = set()
            for told in nursery.told():
                possible = runs[told["job"]][2]
                if "calls" in told:
                    ended.add(told["job"])
                elif "begun" in told:
                    possible.begun(told["begun"])
                else:
                    possible.done(told["done"])
            for number, (at, path, possible) in enumerate(runs):
                try:
                    verify(path, possible)
                except Exception as error:
                    error.add_note(f"seed {seed}, killed at call {at}, left in {path}")
                    raise
                died += number not in ended
            if ended:
                break
    assert died > 500 // every


@pytest.mark.parametrize("every", sizes(60, 1))
@pytest.mark.parametrize("fault", ["I/O error", "disk full"])
def test_a_disk_that_fails_in_the_middle_of_a_job(tmp_path, seed, fault, every):
    """Whichever call to the disk fails while jobs are queued and done, once or from then on, each step does all its
    work or raises a DatabaseError; when the disk works again, every fact is drawn, once."""
    original = prepared(tmp_path / "prepared.db")
    calls = Faults(fault, 0, 0)

    def worked(faults: Faults, path: Path) -> Possible:
        shutil.copyfile(original, path)
        possible = Possible()

        def step(name: str, do: Callable[[], object]) -> None:
            possible.begun(name)
            with suppress(DatabaseError):
                do()
                possible.done(name)

        with default_file_system("failing", faults), suppress(DatabaseError):  # opening may fail
            run(path, step)
        return possible

    worked(calls, tmp_path / "counted.db")
    able = [number for number, call in enumerate(calls.calls) if fault in faults_of(call)]
    chosen = able[random.Random(f"{seed} {fault}").randrange(min(every, len(able))) :: every]
    cases = [(number, much) for number in chosen for much in (1, FOREVER)]
    cases = cases if every == 1 else cases[::3]  # of two calls in three, each in one of the two ways
    struck = 0
    for number, much in cases:
        faults = Faults(fault, number, much)
        path = tmp_path / f"failed-{number}-{much == 1}.db"
        possible = worked(faults, path)
        struck += bool(faults.struck)
        try:
            verify(path, possible)
        except Exception as error:
            what = f"{fault} at call {number}, {calls.calls[number].operation}"
            error.add_note(f"seed {seed}, {what}, left in {path}")
            raise
    assert struck > 0.9 * len(cases) > 2
