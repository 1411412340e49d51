"""The queue of extractions when processes are killed: every fact is there once, whatever was interrupted."""

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from crashing import Nursery
from embedder import HashEmbedder
from scripted_model import ScriptedModel
from sizes import sizes

from mem0lite import Memory

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

LEASE = timedelta(minutes=10)  # after which a job of a process that was killed is anybody's
BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
USERS = 16


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
