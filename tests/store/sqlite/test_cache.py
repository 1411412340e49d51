"""What searches keep in memory never shows: every answer is the one a store opened just now would give."""

import random
import shutil
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import numpy as np
import pytest
from embedder import HashEmbedder
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mem0lite import ConfigurationError, CorruptFileError, Memory

DATA = Path(__file__).parents[2] / "data"

WORDS = st.lists(st.sampled_from(["red", "apple", "pear", "green", "tea", "2", "Anna", "not"]), min_size=1, max_size=5)
TEXTS = WORDS.map(" ".join)
USERS = st.sampled_from(["u", "v"])
RUNS = st.sampled_from([None, "r1", "r2"])
NAMES = st.sampled_from([None, "Anna", "Bob"])
HOURS = st.sampled_from([None, -30, -2, -0.5, 0.5])
USER = {"user_id": "u"}
FILTERS = st.sampled_from([None, {"project": 1}, {"NOT": {"project": 1}}, {"run_id": "r1"}, {"project": [1, 2]}])


class Reader(HashEmbedder):
    """An embedder that can't read what is about tea."""

    def share_read(self, text):
        return float("tea" not in text)


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


def asked(memory, query, user, filters):
    """Return all that search says, in a form that two stores can be compared by."""
    options = {"threshold": 0, "explain": True, "top_k": 50, "filters": filters}
    return memory.search(query, user_id=user, **options)["results"]


class CachedStore(RuleBasedStateMachine):
    """Two open stores of one file, as two processes have them, and any sequence of changes by either."""

    cache_bytes = 1_000_000

    @initialize()
    def opened(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "m.db")
        self.clock = Clock()
        self.stores = [self.open(), self.open()]

    def open(self):
        return Memory(self.path, embedder=Reader(), clock=self.clock, cache_bytes=self.cache_bytes)

    def teardown(self):
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def ids(self, store):
        return [item["id"] for item in store.get_all(filters={"user_id": "*"}, top_k=100)["results"]]

    def said(self, hours):
        return {} if hours is None else {"timestamp": self.clock.now + timedelta(hours=hours)}

    @rule(
        who=st.integers(0, 1),
        texts=st.lists(st.tuples(TEXTS, NAMES), min_size=1, max_size=4),
        user=USERS,
        run=RUNS,
        hours=HOURS,
    )
    def add(self, who, texts, user, run, hours):
        messages = [{"role": "user", "content": text, **({"name": name} if name else {})} for text, name in texts]
        options = {"metadata": {"project": len(texts)}, "infer": False, **self.said(hours)}
        self.stores[who].add(messages, user_id=user, run_id=run, **options)

    @rule(who=st.integers(0, 1), text=TEXTS, user=USERS)
    def add_for_a_while(self, who, text, user):
        self.stores[who].add(text, user_id=user, ttl=60)

    @rule(
        who=st.integers(0, 1), which=st.integers(0, 99), text=st.none() | TEXTS, project=st.integers(1, 2), hours=HOURS
    )
    def update(self, who, which, text, project, hours):
        if ids := self.ids(self.stores[who]):
            self.stores[who].update(ids[which % len(ids)], text, metadata={"project": project}, **self.said(hours))

    @rule(who=st.integers(0, 1), which=st.integers(0, 99))
    def delete(self, who, which):
        if ids := self.ids(self.stores[who]):
            self.stores[who].delete(ids[which % len(ids)])

    @rule(who=st.integers(0, 1), user=USERS, run=RUNS, whole=st.booleans())
    def clear(self, who, user, run, whole):
        scope = {"user_id": user} | ({"run_id": run} if run else {})
        self.stores[who].reset(**scope) if whole else self.stores[who].delete_all(**scope)

    @rule(seconds=st.sampled_from([30, 90, 4_000]), who=st.integers(0, 1), vacuum=st.booleans())
    def time_goes_by(self, seconds, who, vacuum):
        self.clock.now += timedelta(seconds=seconds)
        if vacuum:
            self.stores[who].vacuum()

    @rule(query=TEXTS, user=USERS, filters=FILTERS)
    def search(self, query, user, filters):
        with self.open() as fresh:
            expected = asked(fresh, query, user, filters)
        assert [asked(store, query, user, filters) for store in self.stores] == [expected, expected]

    @invariant()
    def everything_is_as_in_a_store_opened_now(self):
        self.search("red apple Anna", "u", None)


class UncachedStore(CachedStore):
    """The same where nothing fits."""

    cache_bytes = 0


PLENTY = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestCached = pytest.mark.harness(CachedStore.TestCase)
TestCached.settings = PLENTY
TestUncached = pytest.mark.harness(UncachedStore.TestCase)
TestUncached.settings = settings(PLENTY, max_examples=10)


def test_what_searches_keep_is_bounded(path):
    """However many users search, about cache_bytes are kept, those of the users who searched last."""
    with Memory(path, embedder=HashEmbedder(), cache_bytes=300_000) as memory:
        for user in range(20):
            memory.add_many([{"messages": f"red tea {n}", "user_id": str(user)} for n in range(100)])
        assert memory.stats()["cached_bytes"] == 0
        kept = []
        for user in range(20):
            for _ in range(2):
                memory.search("red tea", user_id=str(user), filters={"project": 1})
            kept.append(memory.stats()["cached_bytes"])
        assert 32_000 < kept[0] < 60_000
        assert 200_000 < kept[-1] <= 300_000


def test_vectors_are_kept_when_a_scope_is_searched_again(path):
    """A scope's first search keeps no vectors, the second one does, and neither an add nor an update changes that."""
    with Memory(path, embedder=HashEmbedder(), cache_bytes=300_000) as memory:
        [added, *_] = memory.add([{"content": f"red {n}"} for n in range(100)], user_id="u", infer=False)["results"]
        kept = []
        changes = [None, lambda: memory.add("tea", user_id="u"), lambda: memory.update(added["id"], "pear"), None]
        for change in changes:
            if change is not None:
                change()
            memory.search("red tea", user_id="u")
            kept.append(memory.stats()["cached_bytes"] > 4 * 64 * 100)
        assert kept == [False, True, True, True]


class Drawn(HashEmbedder):
    """Vectors of any length, as numbers of another kind; some texts share one, and some can't be read."""

    def __init__(self, kind):
        super().__init__(dimensions=48)
        self.kind = kind

    def embed_query(self, text):
        drawn = random.Random(" ".join(sorted(set(text.split()) - {"again"})))
        scale = 10.0 ** drawn.uniform(-3, 3)
        return np.array([scale * drawn.gauss(0, 1) for _ in range(self.dimensions)], dtype=self.kind)

    def embed(self, texts):
        return np.stack([self.embed_query(text) for text in texts])

    def share_read(self, text):
        return float("unread" not in text)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_what_is_kept_changes_no_score(path, clock, seed, kind):
    """Ids, order, scores and explanations are the same to the last bit for a scope's first search, its second, one
    after changes, and one of a scope too large to keep: with equal texts, filters and expired memories, too."""
    drawn = random.Random(seed)
    words = ["red", "tea", "apple", "Ann:", "pear", "again", "unread", "7"]

    def said():
        return " ".join(drawn.choices(words, k=drawn.randrange(1, 5)))

    def stored(count):
        return [
            {
                "messages": [{"role": drawn.choice(["user", "assistant"]), "content": said()}],
                "user_id": "u",
                "run_id": drawn.choice(["r", "s"]),
                "metadata": {"project": drawn.randrange(3)},
                "infer": False,
                **drawn.choice([{}, {}, {"ttl": 30}, {"ttl": 90}]),
            }
            for _ in range(count)
        ]

    def opened(cache_bytes):
        return Memory(path, embedder=Drawn(kind), clock=clock, cache_bytes=cache_bytes)

    with opened(10_000_000) as kept, opened(0) as streamed:
        kept.add_many(stored(400))
        for _ in range(4):
            query, filters = said(), drawn.choice([None, {"project": 1}, {"NOT": {"project": 1}}, {"run_id": "r"}])
            with opened(10_000_000) as first:
                expected = asked(first, query, "u", filters)
                assert asked(first, query, "u", filters) == expected
            assert asked(kept, query, "u", filters) == asked(streamed, query, "u", filters) == expected
            kept.add_many(stored(20))
            kept.delete_many([item["id"] for item in kept.get_all(user_id="u", top_k=15)["results"][::2]])
            clock.advance(seconds=20)


def test_a_scope_that_outgrows_the_bound_is_still_searched(path):
    """A scope whose vectors no longer fit is read from the file, with the same answers."""
    with Memory(path, embedder=HashEmbedder(), cache_bytes=100_000) as memory:
        for start in range(0, 600, 100):
            memory.add_many([{"messages": f"red tea {start + n}", "user_id": "u"} for n in range(100)])
            with Memory(path, embedder=HashEmbedder(), cache_bytes=10_000_000) as roomy:
                assert asked(memory, "red tea 7", "u", None) == asked(roomy, "red tea 7", "u", None)
        assert memory.stats()["cached_bytes"] < 100_000


def test_an_older_copy_in_the_files_place_is_read(path, tmp_path):
    """When the file is overwritten with a copy made before, searches find what the copy holds."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("red tea", user_id="u")
    shutil.copy(path, tmp_path / "copy.db")
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("green tea", user_id="u")
        assert len(asked(memory, "tea", "u", None)) == 2
        copy = Memory(tmp_path / "copy.db", embedder=HashEmbedder())
        memory._store._database, copy._store._database = copy._store._database, memory._store._database
        assert [item["memory"] for item in asked(memory, "tea", "u", None)] == ["red tea"]
        memory._store._database, copy._store._database = copy._store._database, memory._store._database
        copy.close()


def two(memory, number):
    """Store two memories at once."""
    texts = [f"red {number}", f"tea {number}"]
    return memory.add([{"content": text} for text in texts], user_id="u", infer=False)["results"]


def test_threads_search_what_others_write(path):
    """Searches in several threads, while others add and delete, each see a state that the file was in."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        pairs = [two(memory, n) for n in range(20)]
        wrong = []

        def search():
            for _ in range(40):
                results = memory.search("red tea", user_id="u", top_k=100, threshold=0)["results"]
                found = {item["id"] for item in results}
                wrong.extend(pair for pair in known if len({item["id"] for item in pair} & found) == 1)

        def write():
            for number, pair in enumerate(pairs):
                memory.delete_many([item["id"] for item in pair])
                known.append(two(memory, number))

        known = list(pairs)
        threads = [threading.Thread(target=target) for target in (search, search, search, write)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


@pytest.mark.parametrize("given", [-1, 1.5, True, "1"])
def test_a_bad_bound_is_refused(given):
    """cache_bytes that is no whole number from 0 on is an error naming it."""
    with pytest.raises(ConfigurationError, match="cache_bytes: must be a whole number of bytes"):
        Memory(":memory:", embedder=HashEmbedder(), cache_bytes=given)


@pytest.mark.parametrize("given", ["-1", "1.5", "plenty"])
def test_a_bad_bound_of_the_environment_is_refused(given, monkeypatch):
    """MEM0LITE_CACHE_BYTES that is no whole number from 0 on is an error naming it."""
    monkeypatch.setenv("MEM0LITE_CACHE_BYTES", given)
    with pytest.raises(ConfigurationError, match="MEM0LITE_CACHE_BYTES"):
        Memory(":memory:", embedder=HashEmbedder())


def test_who_asks_for_nobody_leaves_nothing(path):
    """Searches for users that do not exist, and for words nobody said, are not kept beyond the bound."""
    with Memory(path, embedder=HashEmbedder(), cache_bytes=100_000) as memory:
        memory.add("red tea", user_id="u")
        for number in range(300):
            assert asked(memory, "red tea", f"nobody{number}", None) == []
            asked(memory, f"word{number} thing{number}", "u", {"project": number})
        assert memory.stats()["cached_bytes"] <= 100_000
        assert len(memory._store._columns._collections) == 1


def test_a_lost_vector_is_noticed(path):
    """A memory whose vector is missing, or too short, is damage that is told, never a random score."""
    for damage in (
        "DELETE FROM vector WHERE key = (SELECT max(key) FROM vector)",
        "UPDATE vector SET embeddings = x'00'",
    ):
        with Memory(path, embedder=HashEmbedder()) as memory:
            memory.add_many([{"messages": f"tea {number}", "user_id": "u"} for number in range(3)])
            memory._store._database.write(lambda connection, sql=damage: connection.execute(sql))
        with Memory(path, embedder=HashEmbedder()) as memory:
            with pytest.raises(CorruptFileError, match="memories and vectors do not agree"):
                memory.search("tea", user_id="u")
            memory.reset()


def test_a_scope_that_forgets_stays_in_memory(path, clock):
    """Only live memories count: a scope through which many short-lived ones went is still kept."""
    with Memory(path, embedder=HashEmbedder(), clock=clock, cache_bytes=60_000) as memory:
        for round in range(10):
            memory.add_many([{"messages": f"tea {round} {n}", "user_id": "u", "ttl": 60} for n in range(100)])
            assert len(asked(memory, "tea", "u", None)) == 50
            clock.advance(seconds=61)
            memory.vacuum()
        memory.add("red tea", user_id="u")
        assert [item["memory"] for item in asked(memory, "tea", "u", None)] == ["red tea"]
        [collection] = memory._store._columns._collections.values()
        assert collection._image.vectors is not None


def test_an_expired_memory_leaves_no_words(memory, clock):
    """What expired counts in no score, as if it had never been, while it is still in memory."""
    with Memory(":memory:", embedder=HashEmbedder(), clock=clock) as other:
        for store in (memory, other):
            store.add("green tea", user_id="u")
            store.add("red apple", user_id="u")
        memory.add("red red wine", user_id="u", ttl=60)
        asked(memory, "red tea", "u", None)
        clock.advance(seconds=61)
        scores = [
            [(item["memory"], item["score"]) for item in asked(store, "red tea", "u", None)]
            for store in (memory, other)
        ]
        assert scores[0] == scores[1]


def test_an_older_version_cannot_write_on(path):
    """A process that opened the file before its migration cannot change it past the versions: its statements fail."""
    shutil.copy(DATA / "v2.db", path)
    Memory(path, embedder=HashEmbedder()).close()
    connection = apsw.Connection(str(path))
    for statement in (
        "SELECT id, owner, next_sequence FROM scope",
        "SELECT m.key, s.owner, m.text FROM memory m JOIN scope s ON s.id = m.key >> 32",
        "SELECT hash FROM memory",
        "DELETE FROM posting WHERE owner = 1",
    ):
        with pytest.raises(apsw.SQLError, match="no such column"):
            connection.execute(statement)
    connection.close()


def test_words_are_found_among_the_many_users_of_an_agent(path):
    """A word that was not asked before is found in every scope of an agent, and in no other scope of its users."""
    agent = {"agent_id": "bot"}
    with Memory(path, embedder=HashEmbedder()) as memory:
        items = [
            {"messages": f"{word} {user}", "user_id": f"u{user}", "infer": False, **scope}
            for user in range(40)
            for word, scope in [("tea", {}), ("tea" if user % 3 else "pear", agent), ("tea", {"agent_id": "other"})]
        ]
        memory.add_many([*items, {"messages": "tea tea", "user_id": "u1", "run_id": "r", **agent}])
        expected = {f"tea {user}" for user in range(40) if user % 3} | {"tea tea"}
        for late in ("tea at noon", "tea at night"):
            found = memory.search("tea", filters=agent, threshold=0, top_k=100, explain=True)["results"]
            assert {item["memory"] for item in found if item["score_details"]["bm25_score"] > 0} == expected
            memory.add(late, user_id="u0", **agent)
            expected.add(late)


@pytest.mark.parametrize(("users", "runs"), [(1, 1), (1, 9), (3, 1), (40, 1), (30, 4)])
def test_new_words_are_found_in_one_pass_over_many_owners(path, users, runs):
    """However a scope's words are read, one after the other, or all of each owner's at once, the same are found."""
    words, agent = ["tea", "pear", "fig", "plum"], {"agent_id": "bot"}
    statements = []
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many(
            {
                "messages": f"{words[number % 4]} {words[number // 4 % 4]} word{number}",
                "user_id": f"u{number % users}",
                "run_id": f"r{number // users % runs}",
                "infer": False,
                **(agent if number % 5 else {}),
            }
            for number in range(3 * users * runs)
        )
        stored = [item["memory"] for item in memory.get_all(filters=agent, top_k=1_000)["results"]]
        memory.search("nothing", filters=agent)
        for connection in memory._store._database._open_connections:
            connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) or True
        for _ in range(2):
            found = memory.search("tea fig word7", filters=agent, threshold=0, top_k=1_000, explain=True)["results"]
            matched = {item["memory"]: set(item["score_details"]["matched_terms"]) for item in found}
            assert matched == {text: {"tea", "fig", "word7"} & set(text.split()) for text in stored}
        read = [sql for sql in statements if "posting p" in sql]
        assert (len(read) == 1) is (users == 1 or users > 16)


def test_a_search_asks_the_file_little(path):
    """A search takes four statements: the snapshot's two, the file's state, the results; words not asked for before
    take one more, up to a number that few questions have."""
    statements = []
    words = ["tea", "pear", "fig", "plum", "coffee", "milk", "rice", "salt", "soup", "bread", "corn", "jam"]
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many({"messages": f"{one} and {one} with {other}"} | USER for one in words for other in words)
        for _ in range(2):
            memory.search("nothing", **USER)
        for connection in memory._store._database._open_connections:
            connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) or True
        counts, scores = [], []
        for _ in range(2):
            statements.clear()
            results = memory.search(" ".join(words), **USER, threshold=0, top_k=200, explain=True)["results"]
            counts.append(len(statements))
            scores.append({one["memory"]: one["score_details"]["bm25_score"] for one in results})
    assert counts == [5, 4]
    assert scores[0] == scores[1]
    assert min(scores[0].values()) > 0


def test_stats_count_again_only_after_a_change(path, clock):
    """Memories are counted if any were written, by anybody, or have expired by the clock, and not otherwise."""
    statements = []

    def hook(connection):
        connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) or True

    def counted(memory):
        statements.clear()
        stats = memory.stats()
        return (
            stats["memories"],
            stats["expired"],
            stats["users"],
            any("count(" in one and "memory m" in one for one in statements),
        )

    apsw.connection_hooks.append(hook)
    try:
        with (
            Memory(path, embedder=HashEmbedder(), clock=clock) as memory,
            Memory(path, embedder=HashEmbedder(), clock=clock) as other,
        ):
            memory.add("tea", user_id="u")
            memory.add("brief", user_id="v", ttl=60)
            assert counted(memory) == (2, 0, 2, True)
            clock.advance(seconds=30)
            assert counted(memory) == (2, 0, 2, False)
            clock.advance(seconds=30)
            assert counted(memory) == (1, 1, 1, True)
            assert counted(memory) == (1, 1, 1, False)
            clock.advance(seconds=-10)
            assert counted(memory) == (2, 0, 2, True)
            other.add("coffee", user_id="w")
            assert counted(memory) == (3, 0, 3, True)
            other.delete_all(user_id="w")
            assert counted(memory) == (2, 0, 2, True)
            clock.advance(seconds=60)
            other.vacuum()
            assert counted(memory) == (1, 0, 1, True)
            other.reset()
            assert counted(memory) == (0, 0, 0, True)
            assert counted(memory) == (0, 0, 0, False)
    finally:
        apsw.connection_hooks.remove(hook)
