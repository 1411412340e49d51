"""What searches keep in memory never shows: every answer is the one a store opened just now would give."""

from datetime import UTC, datetime, timedelta

from embedder import HashEmbedder
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mem0lite import Memory

WORDS = st.lists(st.sampled_from(["red", "apple", "pear", "green", "tea", "2", "Anna", "not"]), min_size=1, max_size=5)
TEXTS = WORDS.map(" ".join)
USERS = st.sampled_from(["u", "v"])
RUNS = st.sampled_from([None, "r1", "r2"])
NAMES = st.sampled_from([None, "Anna", "Bob"])
FILTERS = st.sampled_from([None, {"project": 1}, {"NOT": {"project": 1}}, {"run_id": "r1"}, {"project": [1, 2]}])


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
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "m.db")
        self.clock = Clock()
        self.stores = [self.open(), self.open()]

    def open(self):
        return Memory(self.path, embedder=HashEmbedder(), clock=self.clock, cache_bytes=self.cache_bytes)

    def teardown(self):
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def ids(self, store):
        return [item["id"] for item in store.get_all(filters={"user_id": "*"}, top_k=100)["results"]]

    @rule(who=st.integers(0, 1), texts=st.lists(st.tuples(TEXTS, NAMES), min_size=1, max_size=4), user=USERS, run=RUNS)
    def add(self, who, texts, user, run):
        messages = [{"role": "user", "content": text, **({"name": name} if name else {})} for text, name in texts]
        self.stores[who].add(messages, user_id=user, run_id=run, metadata={"project": len(texts)}, infer=False)

    @rule(who=st.integers(0, 1), text=TEXTS, user=USERS)
    def add_for_a_while(self, who, text, user):
        self.stores[who].add(text, user_id=user, ttl=60)

    @rule(who=st.integers(0, 1), which=st.integers(0, 99), text=st.none() | TEXTS, project=st.integers(1, 2))
    def update(self, who, which, text, project):
        if ids := self.ids(self.stores[who]):
            self.stores[who].update(ids[which % len(ids)], text, metadata={"project": project})

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
TestCached = CachedStore.TestCase
TestCached.settings = PLENTY
TestUncached = UncachedStore.TestCase
TestUncached.settings = settings(PLENTY, max_examples=10)
