"""Threads that embed at the same time share model calls: whose vector is whose, errors, interrupts, turns, forks."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mem0lite import LocalEmbedder
from mem0lite.embedding import batches as batching
from mem0lite.embedding.batches import Batches
from mem0lite.embedding.shared import SharedModel
from mem0lite.environment import processors

WAIT = 30


class Steps:
    """A model that makes one vector of a text's letters, and each call of which waits to be let through."""

    def __init__(self):
        self.calls = []
        self.entered = threading.Semaphore(0)
        self.let_through = threading.Semaphore(0)

    def __call__(self, texts):
        self.calls.append(list(texts))
        self.entered.release()
        assert self.let_through.acquire(timeout=WAIT)
        if "bad" in texts:
            raise ValueError(f"cannot embed {texts}")
        return [letters(text) for text in texts]


def letters(text):
    return [ord(letter) for letter in text]


@pytest.fixture
def model_calls(monkeypatch):
    """One model call at once, however many cores there are."""
    monkeypatch.setattr(batching, "_MODEL_CALLS", 1)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as threads:
        yield threads


def queue(batches, pool, texts):
    """Let a thread each embed the texts, and return their futures once all of them wait."""
    futures = []
    for text, tokens in texts.items():
        before = len(batches._waiting)
        futures.append(pool.submit(batches.embed, {text: tokens}))
        while len(batches._waiting) == before:
            pass
    return futures


def occupied(steps, pool):
    """Return batches whose model is in the middle of a call."""
    batches = Batches(steps)
    first = pool.submit(batches.embed, {"first": 1})
    assert steps.entered.acquire(timeout=WAIT)
    return batches, first


def test_everybody_gets_the_own_vector(model):
    """Sixteen threads with texts of every length, some in common, get the vectors each text has alone."""
    generator = random.Random(1)
    words = ["peanut", "allergy", "Berlin", "moved", "sister", "bicycle", "green", "2026"]
    texts = [" ".join(generator.choices(words, k=generator.choice([1, 3, 9, 40]))) for _ in range(24)]
    alone = {text: model.embed([text])[0] for text in texts}
    shares = [generator.choices(texts, k=generator.choice([1, 2, 7])) for _ in range(48)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(model.embed, shares))
        questions = list(pool.map(model.embed_query, texts))
    assert found == [[alone[text] for text in share] for share in shares]
    assert questions == [alone[text] for text in texts]


def test_what_waits_is_embedded_together(model_calls, pool):
    """Threads that come while the model is busy share its next call, in which no text is embedded twice."""
    steps = Steps()
    batches, first = occupied(steps, pool)
    waiting = queue(batches, pool, {f"text {n}": 9 for n in range(5)})
    waiting += queue(batches, pool, {"text 0": 9})
    steps.let_through.release(2)
    assert first.result(WAIT) == {"first": letters("first")}
    assert [future.result(WAIT) for future in waiting] == [
        {text: letters(text)} for text in ("text 0", "text 1", "text 2", "text 3", "text 4", "text 0")
    ]
    assert steps.calls == [["first"], [f"text {n}" for n in range(5)]]


def test_a_call_holds_texts_of_one_length(model_calls, pool):
    """Whoever waits longest is next, and shares the call with texts that need no padding, not with longer ones."""
    steps = Steps()
    batches, first = occupied(steps, pool)
    waiting = queue(batches, pool, {"long": 200, "short": 5, "long too": 201, "short too": 5})
    steps.let_through.release(3)
    for future in (first, *waiting):
        future.result(WAIT)
    assert steps.calls == [["first"], ["long", "long too"], ["short", "short too"]]


def test_a_long_list_lets_others_in_between(model_calls, pool):
    """One thread's many texts are embedded a call at a time, so that another's single text waits for one call only."""
    steps = Steps()
    batches = Batches(steps)
    bulk = pool.submit(batches.embed, {f"a text of the bulk {n}": 100 for n in range(60)})
    assert steps.entered.acquire(timeout=WAIT)
    [single] = queue(batches, pool, {"single": 3})
    steps.let_through.release(2)
    assert single.result(WAIT) == {"single": letters("single")}
    assert not bulk.done()
    steps.let_through.release(8)
    assert bulk.result(WAIT)["a text of the bulk 59"] == letters("a text of the bulk 59")
    assert [len(call) for call in steps.calls].count(1) == 1


def test_an_error_meets_its_own_caller_only(model_calls, pool):
    """When one text makes a shared call fail, its caller alone gets the error, and the others their vectors."""
    steps = Steps()
    batches, first = occupied(steps, pool)
    waiting = queue(batches, pool, {"good": 4, "bad": 4, "fine": 4})
    steps.let_through.release(9)
    assert first.result(WAIT)
    assert waiting[0].result(WAIT) == {"good": letters("good")}
    assert waiting[2].result(WAIT) == {"fine": letters("fine")}
    with pytest.raises(ValueError, match=r"cannot embed \['bad'\]"):
        waiting[1].result(WAIT)
    assert batches.embed({"after": 1}) == {"after": letters("after")}


def test_an_interrupted_thread_strands_nobody(model_calls, pool):
    """Ctrl-C in the thread that makes the call for others leaves their texts to another thread, and its own undone."""
    interrupt = threading.Event()
    steps = Steps()

    def run(texts):
        vectors = steps(texts)
        if "interrupted" in texts and interrupt.is_set():
            interrupt.clear()
            raise KeyboardInterrupt
        return vectors

    batches = Batches(run)
    first = pool.submit(batches.embed, {"first": 1})
    assert steps.entered.acquire(timeout=WAIT)
    waiting = queue(batches, pool, {"interrupted": 4, "one": 4, "two": 4})
    interrupt.set()
    steps.let_through.release(9)
    assert first.result(WAIT)
    with pytest.raises(KeyboardInterrupt):
        waiting[0].result(WAIT)
    assert [future.result(WAIT) for future in waiting[1:]] == [{"one": letters("one")}, {"two": letters("two")}]
    assert steps.calls == [["first"], ["interrupted", "one", "two"], ["one", "two"]]
    assert not batches.busy


def test_questions_do_not_wait_for_documents(model, pool, model_calls):
    """A question is answered while the model is in the middle of a call for documents and more of them wait."""
    steps = Steps()

    def run(texts):
        steps(texts)
        return model._shared.loaded().documents(texts)

    embedder = LocalEmbedder()
    embedder._shared = SharedModel(model._shared.loaded)
    embedder._shared.documents = Batches(run)
    adding = pool.submit(embedder.embed, ["a long document"])
    assert steps.entered.acquire(timeout=WAIT)
    queue(embedder._shared.documents, pool, {"another document": 4})
    assert embedder.embed_query("What is it about?") == model.embed_query("What is it about?")
    assert not adding.done()
    steps.let_through.release(2)
    assert adding.result(WAIT) == model.embed(["a long document"])


def test_texts_of_one_length_share_calls_of_bounded_size():
    """Texts are cut into calls of at most 32 texts and a bounded number of tokens, each text in one of them."""
    generator = random.Random(2)
    pieces = {f"text {n}": min(256, int(generator.lognormvariate(3, 1)) + 3) for n in range(1_000)}
    calls = list(batching.calls(pieces, 32))
    assert sorted(text for call in calls for text in call) == sorted(pieces)
    for call in calls:
        assert len(call) <= 32
        assert len(call) * max(call.values()) <= 1_024
    padded = sum(len(call) * max(call.values()) for call in calls)
    assert padded < 1.05 * sum(pieces.values())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_forked_child_embeds(busy):
    """A child forked after, or in the middle of, a model call embeds as its parent does, and the parent goes on."""
    code = (
        "import os, sys, threading, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # of forking with threads, which is what is tested\n"
        "from mem0lite import LocalEmbedder\n"
        "embedder = LocalEmbedder()\n"
        "before = embedder.embed_query('I love sushi')\n"
        "thread = threading.Thread(target=embedder.embed, args=(['word ' * 4_000],))\n"
        "if sys.argv[1] == 'True':\n"
        "    thread.start()\n"
        "    while not embedder._shared.documents.busy: pass\n"
        "child = os.fork()\n"
        "same = embedder.embed(['I love sushi']) == [before] and embedder.embed_query('I love sushi') == before\n"
        "if child == 0: os._exit(0 if same else 1)\n"
        "assert same and os.waitpid(child, 0)[1] == 0\n"
        "if thread.ident: thread.join()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(busy)], check=True, timeout=120)


# -- how many processors there are


GROUPS = {
    "no groups": ({}, 64),
    "no limit": ({"": "max 100000"}, 64),
    "two": ({"": "200000 100000"}, 2),
    "a part of one": ({"": "10000 100000"}, 1),
    "one and a half": ({"": "150000 100000"}, 2),
    "its service": ({"proc/self/cgroup": "0::/system.slice/x.service", "system.slice/x.service": "300000 100000"}, 3),
    "the group around it": (
        {"proc/self/cgroup": "12:cpu:/y\n0::/a/b", "a/b": "max 100000", "a": "400000 100000"},
        4,
    ),
    "the host's path in a container": ({"proc/self/cgroup": "0::/docker/0123", "": "500000 100000"}, 5),
    "something else": ({"": "of a later version"}, 64),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_container_s_share_counts(tmp_path, monkeypatch, case):
    """A process uses no more processors than its control group and those around it allow, and at least one."""
    files, expected = GROUPS[case]
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    for name, content in {"proc/self/cgroup": "0::/", **files}.items():
        file = tmp_path / name if name.startswith("proc") else tmp_path / "sys/fs/cgroup" / name / "cpu.max"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    assert processors(tmp_path) == expected
    assert processors(tmp_path / "nothing") == 64


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_a_process_bound_to_one_processor_uses_one():
    """The processors that a process may not run on do not count."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from mem0lite.environment import processors; print(processors())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "1\n"
