"""Many processes with many threads on one file: nobody is locked out, and nobody's write is lost or half seen."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import pytest
from crashing import Nursery
from embedder import HashEmbedder
from sizes import sizes

from mem0lite import Memory

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

THREADS = 2  # of each process
ROUND = 10  # operations between two closings of the file
SHARED = {"user_id": "shared"}
LIMIT = 10**9


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


class Worker:
    """A thread that does random operations, looks after each at what became of it, and keeps account."""

    def __init__(self, name, path, seed, shared):
        self.name, self._path, self._rng, self._shared = name, path, random.Random(seed), shared
        self._own = {"user_id": name}
        self._texts = {}
        self._count = 0
        self.memory = None
        self.account = {"texts": self._texts, "merged": {}, "chained": [], "feedback": 0, "same": []}
        self._choices = {
            self.add: 20,
            self.add_together: 5,
            self.add_the_same: 15,
            self.merge: 20,
            self.chain: 15,
            self.rate: 5,
            self.change_own: 10,
            self.delete_own: 8,
            self.list_own: 5,
            self.search: 10,
            self.add_and_vacuum: 4,
            self.open_another: 3,
        }

    def work(self, operations):
        """Do so many operations, each weighted like its choice."""
        for choice in self._rng.choices(list(self._choices), list(self._choices.values()), k=operations):
            self._count += 1
            choice()

    def _text(self):
        return f"{self.name} writes number{self._count} {self._rng.choice(['apples', 'pears', 'plums'])}"

    def add(self):
        text = self._text()
        answer = self.memory.add(text, **self._own, infer=False, metadata={"by": self.name})
        [item] = answer["results"]
        assert item["event"] == "ADD"
        self._texts[item["id"]] = text
        assert self.memory.get(item["id"])["memory"] == text
        assert [one["id"] for one in self.memory.event(answer["event_id"])["results"]] == [item["id"]]

    def add_together(self):
        texts = [f"{self._text()} part{part}" for part in range(3)]
        answers = self.memory.add_many([{"messages": text, **self._own, "infer": False} for text in texts])
        self._texts.update({answer["results"][0]["id"]: text for answer, text in zip(answers, texts, strict=True)})

    def add_the_same(self):
        number = self._count // 5  # which is nearly the same for all at the same time
        [item] = self.memory.add(f"everybody says word{number}", user_id="same")["results"]
        self.account["same"].append([number, item["id"]])

    def merge(self):
        memory_id = self._rng.choice(self._shared["merged"])
        value = self.account["merged"].get(memory_id, 0) + 1
        self.memory.update(memory_id, metadata={self.name: value})
        self.account["merged"][memory_id] = value
        assert self.memory.get(memory_id)["metadata"][self.name] == value

    def chain(self):
        text = self._text()
        self.memory.update(self._rng.choice(self._shared["chained"]), text)
        self.account["chained"].append(text)

    def rate(self):
        self.memory.feedback(self._shared["rated"], self._rng.choice(["POSITIVE", "NEGATIVE"]), self.name)
        self.account["feedback"] += 1

    def change_own(self):
        if self._texts:
            memory_id, text = self._rng.choice(list(self._texts)), self._text()
            before, self._texts[memory_id] = self._texts[memory_id], text
            self.memory.update(memory_id, text)
            assert self.memory.get(memory_id)["memory"] == text
            last = self.memory.history(memory_id)[-1]
            assert (last["old_memory"], last["new_memory"]) == (before, text)

    def delete_own(self):
        if self._texts:
            memory_id = self._rng.choice(list(self._texts))
            self.memory.delete(memory_id)
            del self._texts[memory_id]
            assert self.memory.get(memory_id) is None
            assert self.memory.history(memory_id)[-1]["event"] == "DELETE"

    def list_own(self):
        page = self.memory.get_all(**self._own, limit=LIMIT)
        assert {item["id"]: item["memory"] for item in page["results"]} == self._texts
        assert page["total"] == len(self._texts)

    def search(self):
        for item in self.memory.search("everybody writes apples", **SHARED)["results"]:
            assert item["user_id"] == "shared"
        if self._texts:
            memory_id = self._rng.choice(list(self._texts))
            found = self.memory.search(self._texts[memory_id], **self._own, top_k=5)["results"]
            assert memory_id in {item["id"] for item in found}

    def add_and_vacuum(self):
        [item] = self.memory.add("gone at once", user_id=f"brief-{self.name}", ttl=0, infer=False)["results"]
        self.memory.vacuum()
        assert self.memory.get(item["id"], show_expired=True) is None

    def open_another(self):
        with Memory(self._path, embedder=HashEmbedder()) as another:
            assert another.get_all(**self._own)["total"] == len(self._texts)
            [item] = another.add(text := self._text(), **self._own, infer=False)["results"]
            self._texts[item["id"]] = text
        assert self.memory.get(item["id"])["memory"] == text


def share(job, tell):
    """Run the threads of one process, which open the file together, close it after every round, and open it again."""
    workers = [
        Worker(f"p{job['process']}t{number}", job["path"], f"{job['seed']} {job['process']} {number}", job["shared"])
        for number in range(THREADS)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(job["operations"] // ROUND):
            with Memory(job["path"], embedder=HashEmbedder()) as memory:
                for worker in workers:
                    worker.memory = memory
                list(pool.map(partial(Worker.work, operations=ROUND), workers))
            tell({"round": True})
    for worker in workers:
        for name, kept in worker.account.items():
            tell_in_parts(tell, worker.name, name, kept)


def tell_in_parts(tell, worker, name, kept):
    """Tell one part of an account in records that are short enough for a pipe."""
    entries = list(kept.items()) if isinstance(kept, dict) else kept if isinstance(kept, list) else [kept]
    for start in range(0, len(entries), 20):
        tell({"worker": worker, "name": name, "entries": entries[start : start + 20]})


class Follower:
    """Reads a store while others write it, as one who follows its changes does."""

    def __init__(self, memory):
        self._memory, self.seen = memory, []

    def read(self):
        self._memory.search("who writes apples", **SHARED, top_k=3)
        while page := self._memory.changes(after=self.seen[-1]["sequence"] if self.seen else 0, limit=500)["results"]:
            self.seen += page


def prepared(memory):
    """Add the memories that everybody changes; return their ids."""
    ids = [memory.add(f"shared fact {n}", **SHARED, infer=False)["results"][0]["id"] for n in range(9)]
    return {"merged": ids[:5], "chained": ids[5:8], "rated": ids[8]}


def chained(memory, memory_id):
    """Return the texts a memory was given, once each of its changes has begun where the one before ended."""
    first, *changes = memory.history(memory_id)
    text = first["new_memory"]
    for change in changes:
        assert (change["event"], change["old_memory"]) == ("UPDATE", text)
        text = change["new_memory"]
    assert memory.get(memory_id)["memory"] == text
    return [change["new_memory"] for change in changes]


def check_merged(memory, shared, accounts):
    """Check that each worker's last count is in the metadata, and that the history has every update."""
    for memory_id in shared["merged"]:
        counts = {name: dict(account["merged"]).get(memory_id) for name, account in accounts.items()}
        counts = {name: value for name, value in counts.items() if value is not None}
        assert (memory.get(memory_id)["metadata"] or {}) == counts
        assert len(memory.history(memory_id)) == 1 + sum(counts.values())


def check_own(memory, accounts):
    """Check that each worker's memories are those it added and did not delete, in their last words."""
    for name, account in accounts.items():
        found = memory.get_all(user_id=name, limit=LIMIT)["results"]
        assert {item["id"]: item["memory"] for item in found} == dict(account["texts"])


def check_same(memory, accounts):
    """Check that a text which many added at once is there once, under the id that each of them was told."""
    told = {tuple(one) for account in accounts.values() for one in account["same"]}
    kept = {item["memory"]: item["id"] for item in memory.get_all(user_id="same", limit=LIMIT)["results"]}
    assert {(f"everybody says word{number}", memory_id) for number, memory_id in told} == set(kept.items())
    assert memory.get_all(user_id="same")["total"] == len(kept)


def check_followed(memory, follower):
    """Check that who followed the changes saw each of them, in order; those of what expired are gone by now."""
    seen = [change["sequence"] for change in follower.seen]
    assert seen == sorted(set(seen))
    everything = [change["sequence"] for change in memory.changes(limit=LIMIT)["results"]]
    assert set(everything) <= set(seen)


def accounted(told, accounts):
    if "worker" in told:
        accounts.setdefault(told["worker"], {}).setdefault(told["name"], []).extend(told["entries"])


@pytest.mark.parametrize("operations", sizes(100, 2_000))
def test_many_processes_share_one_file(nursery, path, seed, operations):
    """Processes of two threads each write, read, vacuum, open and close one file while another follows its changes: no
    call fails, every read sees what was written before it, and in the end every write is there exactly once."""
    accounts, processes = {}, 4 if operations == 100 else 8
    with Memory(path, embedder=HashEmbedder()) as memory:
        shared = prepared(memory)
        job = {"run": "test_many_processes:share", "path": str(path), "operations": operations, "shared": shared}
        follower = Follower(memory)
        nursery.start([{**job, "process": process, "seed": f"{seed} many"} for process in range(processes)])
        for told in nursery.told():
            accounted(told, accounts)
            if "round" in told:
                follower.read()
        follower.read()
        assert len(accounts) == processes * THREADS
        check_merged(memory, shared, accounts)
        check_own(memory, accounts)
        check_same(memory, accounts)
        check_followed(memory, follower)
        given = chain.from_iterable(account["chained"] for account in accounts.values())
        assert Counter(chain.from_iterable(chained(memory, one) for one in shared["chained"])) == Counter(given)
        rated = sum(account["feedback"][0] for account in accounts.values())
        assert [row["event"] for row in memory.history(shared["rated"])] == ["ADD", *["FEEDBACK"] * rated]
        memory.vacuum()
        assert memory.stats()["expired"] == 0
        assert memory.check() == {"ok": True, "memories": memory.stats()["memories"], "problems": []}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
