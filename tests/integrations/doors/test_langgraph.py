"""The store for LangGraph: what every store of LangGraph does, also run over its InMemoryStore, and what ours promises.

Run by tests/test_doors.py in an environment that has LangGraph.
"""

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from embedder import HashEmbedder
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from mem0lite import ConfigurationError, Memory, ReadOnlyError, ValidationError
from mem0lite.integrations.langgraph import MemoryStore

EMBEDDER = HashEmbedder()
DOCS = ("docs",)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class Awaited:
    """The methods of a store, each by its twin that is awaited."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **options: asyncio.run(getattr(self._store, f"a{name}")(*args, **options))


def embed(texts: list[str]) -> list[list[float]]:
    return EMBEDDER.embed(texts)


@pytest.fixture(params=["ours", "ours, awaited", "theirs"])
def store(request, tmp_path):
    """A store whose items are indexed by their field "text"."""
    if request.param == "theirs":
        yield InMemoryStore(index={"dims": 64, "embed": embed, "fields": ["text"]})
        return
    with Memory(tmp_path / "agent.db", embedder=EMBEDDER) as memory:
        ours = MemoryStore(memory, index={"fields": ["text"]})
        yield Awaited(ours) if request.param == "ours, awaited" else ours


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ours(tmp_path, clock):
    with Memory(tmp_path / "agent.db", embedder=EMBEDDER, clock=clock) as memory:
        yield MemoryStore(memory)


def keys(found):
    return [item.key for item in found]


# -- what LangGraph's own store does, too


def test_an_item_comes_back(store):
    """get returns the value, the key, the namespace and aware times; what is not there is None."""
    store.put(("users", "alice"), "food", {"text": "pizza"})
    item = store.get(("users", "alice"), "food")
    assert (item.value, item.key, tuple(item.namespace)) == ({"text": "pizza"}, "food", ("users", "alice"))
    assert item.created_at == item.updated_at or item.created_at < item.updated_at
    assert item.created_at.tzinfo is not None
    assert store.get(("users", "alice"), "drink") is None
    assert store.get(("users",), "food") is None


VALUES = [
    {},
    {"z": 1, "a": {"y": [1, 1.0, True, None, "1"], "b": {}}, "": []},
    {"big": 2**60 + 1, "exact": 0.1 + 0.2, "minus": -0.0, "large": 1e300},
    {"text": "a\nb \0 \u2028 é e\u0301 \ud800 日本 🎉", "e\u0301": 1, "é": 2, "a\0b": 3},
    {"expires_at": "soon", "memory_lifespan": 7, "memory_category": "x", "created_at": "2020-01-01", "user_id": "bob"},
    {"text": "   ", "$": 1, "a.b": {"c.d": 2}},
    {"deep": [[[[[[[[[[["x"]]]]]]]]]]]},
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_values_come_back_exactly(store, value):
    """Types, the order of keys, None, and any text are the same after a put, in get and in search."""
    store.put(DOCS, "k", value)
    for item in (store.get(DOCS, "k"), *store.search(DOCS)):
        assert repr(item.value) == repr(value)


def test_what_was_put_cannot_be_changed_from_outside(store):
    """A value that the caller changes after the put stays as it was put."""
    value = {"text": "one"}
    store.put(DOCS, "k", value)
    value["text"] = "two"
    assert store.get(DOCS, "k").value == {"text": "one"}


def test_a_put_replaces(store):
    """The value is replaced as a whole, and there is still one item."""
    store.put(DOCS, "k", {"text": "one", "more": 1})
    store.put(DOCS, "k", {"text": "two"})
    assert store.get(DOCS, "k").value == {"text": "two"}
    assert keys(store.search(DOCS)) == ["k"]


def test_a_delete_removes(store):
    """A deleted item is gone from get, search and the list of namespaces; deleting it again does nothing."""
    store.put(DOCS, "k", {"text": "one"})
    store.delete(DOCS, "k")
    store.delete(DOCS, "k")
    store.delete(("never",), "k")
    assert store.get(DOCS, "k") is None
    assert store.search(DOCS) == []
    store.put(DOCS, "k", {"text": "again"})
    assert store.get(DOCS, "k").value == {"text": "again"}


@pytest.mark.parametrize("key", ["", " ", "a.b", "*", "é", "e\u0301", "a b", "\n", "x" * 2_000, "%41", "A", "\0"])
def test_any_text_is_a_key(store, key):
    """Keys are compared exactly, whatever is in them."""
    others = ["A", "é", "e\u0301", "%41", " ", ""]
    for one in {*others, key}:
        store.put(DOCS, one, {"text": repr(one)})
    assert store.get(DOCS, key).value == {"text": repr(key)}
    assert store.get(DOCS, key).key == key
    assert sorted(keys(store.search(DOCS, limit=50))) == sorted({*others, key})


NAMESPACES = [
    *(("a",), ("a", "b"), ("ab",), ("a", "b", "c"), ("a b",), ("a:b",), (":a", "b"), ("x:a", "b"), ("a%2Eb",), ("*",)),
    *(("A",), ("é",), ("e\u0301",), ("日本", "東京"), (" a",), ("a ",), ("a\n",), ("%",), ("\u0338a",), ("a", "*")),
    *(("a/b",), ("a", "langgraph"), ("🎉",), ("null",)),
]


def test_namespaces_do_not_collide(store):
    """Each namespace has its own items, also those that differ in white space, case, signs and Unicode forms."""
    for name in NAMESPACES:
        store.put(name, "k", {"text": repr(name)})
    for name in NAMESPACES:
        assert store.get(name, "k").value == {"text": repr(name)}
        assert sorted(item.value["text"] for item in store.search(name, limit=100)) == sorted(
            repr(one) for one in NAMESPACES if one[: len(name)] == name
        )
    assert [tuple(one) for one in store.list_namespaces()] == sorted(NAMESPACES)


def test_a_prefix_is_of_labels(store):
    """A search in ("u", "al") finds nothing of ("u", "alice"), with a query or without; () finds everything."""
    for name in (("u", "al"), ("u", "al", "x"), ("u", "alice"), ("v", "u", "al")):
        store.put(name, "k", {"text": "pizza"})
    for options in ({}, {"query": "pizza"}):
        found = [tuple(item.namespace) for item in store.search(("u", "al"), **options)]
        assert sorted(found) == [("u", "al"), ("u", "al", "x")]
        assert len(store.search((), **options)) == 4


def test_namespaces_are_listed(store):
    """Prefix, suffix, wildcards, max_depth, limit and offset choose among the namespaces, which are sorted."""
    for name in (("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c"), ("b",)):
        store.put(name, "k", {"text": "t"})
    listed = store.list_namespaces
    assert listed(prefix=("a",)) == [("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c")]
    assert listed(prefix=("a", "*", "c")) == [("a", "b", "c"), ("a", "x", "c")]
    assert listed(suffix=("c",)) == [("a", "b", "c"), ("a", "x", "c")]
    assert listed(suffix=("*", "d")) == [("a", "b", "d")]
    assert listed(prefix=("a",), suffix=("d",)) == [("a", "b", "d")]
    assert listed(prefix=("a", "b", "c", "d")) == []
    assert listed(max_depth=2) == [("a", "b"), ("a", "x"), ("b",)]
    assert listed(max_depth=1, limit=1, offset=1) == [("b",)]


FILTERS = [
    ({"n": 1}, "abd"),
    ({"n": 2}, ""),
    ({"n": {"$gt": 1}}, "c"),
    ({"n": {"$gte": 1, "$lt": 10}}, "abd"),
    ({"n": {"$lte": 10}}, "abcd"),
    ({"n": {"$ne": 1}}, "c"),
    ({"n": {"$eq": 10}}, "c"),
    ({"kind": "x", "n": 1}, "a"),
    ({"tags": ["p", "q"]}, "a"),
    ({"tags": ["p"]}, ""),
    ({"tags": "p"}, "b"),
    ({"nested": {"m": "y"}}, "a"),
    ({"nested": {"m": {"$ne": "y"}}}, "b"),
    ({"none": None}, "abcd"),
    ({"kind": None}, "cd"),
    ({"a.b": 1}, "c"),
    ({}, "abcd"),
]


@pytest.mark.parametrize(("conditions", "expected"), FILTERS, ids=[str(one) for one, _ in FILTERS])
@pytest.mark.parametrize("query", [None, "pizza"])
def test_filters(store, conditions, expected, query):
    """A filter means the same in both, with a query and without."""
    store.put(DOCS, "a", {"text": "pizza", "n": 1, "kind": "x", "tags": ["p", "q"], "nested": {"m": "y", "k": 1}})
    store.put(DOCS, "b", {"text": "pizza", "n": 1.0, "kind": "y", "tags": "p", "nested": {"m": "z"}, "none": None})
    store.put(DOCS, "c", {"text": "pizza", "n": 10, "a.b": 1, "a": {"b": 2}})
    store.put(DOCS, "d", {"text": "pizza", "n": 1, "\0": "kept as JSON text"})
    found = store.search(DOCS, filter=conditions, query=query)
    assert sorted(keys(found)) == list(expected)


def test_an_unknown_operator_is_an_error(store):
    """An operator that there is not raises ValueError."""
    store.put(DOCS, "a", {"text": "pizza"})
    with pytest.raises(ValueError, match=r"\$in"):
        store.search(DOCS, filter={"text": {"$in": ["pizza"]}})


@pytest.mark.parametrize("query", [None, "pizza"])
def test_limit_and_offset(store, query):
    """Pages of a search have no item twice and leave none out, with a filter, too."""
    for number in range(25):
        store.put(DOCS, f"{number}", {"text": f"pizza {number}", "even": number % 2 == 0})
    assert len(store.search(DOCS, query=query)) == 10
    pages = [keys(store.search(DOCS, query=query, limit=7, offset=start)) for start in range(0, 28, 7)]
    assert [len(page) for page in pages] == [7, 7, 7, 4]
    assert len({key for page in pages for key in page}) == 25
    even = [keys(store.search(DOCS, query=query, filter={"even": True}, limit=8, offset=n)) for n in (0, 8)]
    assert sorted(map(int, [*even[0], *even[1]])) == list(range(0, 25, 2))
    assert store.search(DOCS, query=query, limit=0) == []


def test_a_search_ranks(store):
    """The item that shares words with the query is first, and has the highest score."""
    store.put(DOCS, "a", {"text": "my bicycle is green"})
    store.put(DOCS, "b", {"text": "I love pizza with olives"})
    found = store.search(DOCS, query="pizza olives")
    assert found[0].key == "b"
    assert found[0].score > found[1].score
    assert [item.score for item in store.search(DOCS)] == [None, None]


def test_index_names_what_is_searched(store):
    """index= replaces the fields of the store for one item: nested ones, and those of lists."""
    value = {"text": "pizza", "more": {"city": "lisbon"}, "parts": [{"t": "heron"}, {"t": "egret"}]}
    store.put(DOCS, "a", value, index=["more.city", "parts[*].t"])
    store.put(DOCS, "b", {"text": "nothing of that"})
    for query in ("lisbon", "egret", "heron"):
        assert store.search(DOCS, query=query)[0].key == "a"
    best = store.search(DOCS, query="pizza")[0]
    assert best.key == "b" or best.score < 0.2


def test_the_writes_of_a_batch_come_last(store):
    """Reads do not see the writes of their batch, wherever these stand; the last write of a key counts."""
    store.put(DOCS, "a", {"text": "old"})
    results = store.batch(
        [
            PutOp(DOCS, "a", {"text": "new"}),
            GetOp(DOCS, "a"),
            PutOp(DOCS, "b", {"text": "first"}),
            PutOp(DOCS, "b", {"text": "last"}),
            SearchOp(DOCS),
            ListNamespacesOp((MatchCondition("prefix", DOCS),)),
            PutOp(("other",), "c", None),
        ]
    )
    assert results[1].value == {"text": "old"}
    assert keys(results[4]) == ["a"]
    assert results[5] == [DOCS]
    assert [results[n] for n in (0, 2, 3, 6)] == [None] * 4
    assert store.get(DOCS, "a").value == {"text": "new"}
    assert store.get(DOCS, "b").value == {"text": "last"}
    assert store.batch([]) == []


@pytest.mark.parametrize("name", [(), ("",), ("a.b",), ("a", ""), (1,), ("langgraph", "x"), ("a\0",)])
def test_a_bad_namespace_is_refused(store, name):
    """put refuses what cannot be a namespace."""
    with pytest.raises(InvalidNamespaceError):
        store.put(name, "k", {"text": "t"})


# -- what ours promises beside


@pytest.mark.parametrize(
    "op",
    [
        *(PutOp(("a.b",), "k", {"text": "t"}), PutOp((), "k", {"text": "t"}), PutOp("ab", "k", {"text": "t"})),
        *(GetOp(("",), "k"), SearchOp(("a.b",)), ListNamespacesOp((MatchCondition("prefix", ("a.b",)),))),
    ],
    ids=lambda op: type(op).__name__,
)
def test_a_batch_checks_namespaces(ours, op):
    """batch refuses what put, get, search and list_namespaces refuse, before anything is written."""
    with pytest.raises(InvalidNamespaceError):
        ours.batch([PutOp(DOCS, "k", {"text": "t"}), op])
    assert ours.get(DOCS, "k") is None


@pytest.mark.parametrize("value", [5, "x", [1], {1: 2}, {"a": {2: 3}}, {"a": object()}, {"a": b"x"}, {"a": {1}}])
def test_what_json_cannot_hold_is_refused(ours, value):
    """A value that would come back as something else raises ValidationError, and nothing of the batch is written."""
    with pytest.raises(ValidationError, match="value"):
        ours.batch([PutOp(DOCS, "other", {"text": "t"}), PutOp(DOCS, "k", value)])
    assert ours.search(()) == []


def test_nan_and_deep_values_come_back(ours):
    """What metadata cannot hold is kept all the same: NaN, infinity, and hundreds of levels."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    ours.put(DOCS, "k", {"nan": math.nan, "inf": -math.inf, "deep": deep})
    value = ours.get(DOCS, "k").value
    assert math.isnan(value["nan"])
    assert value["inf"] == -math.inf
    assert value["deep"] == deep


def test_tuples_come_back_as_lists(ours):
    """JSON has no tuples."""
    ours.put(DOCS, "k", {"t": (1, (2,))})
    assert ours.get(DOCS, "k").value == {"t": [1, [2]]}


def test_a_put_keeps_the_creation_date(ours, clock):
    """created_at is that of the first put, updated_at that of the last, both aware and exact to the microsecond."""
    clock.advance(microseconds=7)
    ours.put(DOCS, "k", {"text": "one"})
    first = clock.now
    clock.advance(hours=1)
    ours.put(DOCS, "k", {"text": "two"})
    ours.put(DOCS, "k", {"text": "three"}, index=False)
    item = ours.get(DOCS, "k")
    assert (item.created_at, item.updated_at) == (first, clock.now)


def test_without_a_query_the_last_written_comes_first(ours, clock):
    """Items come by their last put, those of the same instant the last stored first."""
    for key in "abc":
        ours.put(DOCS, key, {"text": key})
    assert keys(ours.search(DOCS)) == ["c", "b", "a"]
    clock.advance(seconds=1)
    ours.put(DOCS, "a", {"text": "again"})
    assert keys(ours.search(DOCS)) == ["a", "c", "b"]


def test_an_item_without_an_index_is_found_without_a_query_only(ours):
    """index=False, [] and fields without text keep an item out of searches with a query, and only out of those."""
    ours.put(DOCS, "a", {"text": "pizza"}, index=False)
    ours.put(DOCS, "b", {"text": "pizza"}, index=[])
    ours.put(DOCS, "c", {"text": "pizza"}, index=["title"])
    ours.put(DOCS, "d", {})
    ours.put(DOCS, "e", {"text": "pizza"})
    assert keys(ours.search(DOCS, query="pizza")) == ["e"]
    assert sorted(keys(ours.search(DOCS))) == list("abcde")
    assert sorted(keys(ours.search(DOCS, query=" "))) == list("abcde")
    assert keys(ours.search(DOCS, filter={"text": "pizza"}, limit=2)) == ["e", "c"]
    assert ours.get(DOCS, "a").value == {"text": "pizza"}


def test_overwriting_drops_the_old_text(ours):
    """An item is not found by a text that it no longer has, also when it is no longer indexed, and back again."""
    ours.put(DOCS, "k", {"text": "pizza"})
    ours.put(DOCS, "k", {"text": "pizza"}, index=False)
    assert ours.search(DOCS, query="pizza") == []
    ours.put(DOCS, "k", {"text": "sushi"})
    [found] = ours.search(DOCS, query="sushi")
    assert found.score > ours.search(DOCS, query="pizza")[0].score


def test_numbers_and_texts_are_ordered_apart(ours):
    """$gt and the like compare numbers with numbers and texts with texts; true is no number, and nothing raises."""
    for key, one in {"a": 9, "b": 10, "c": "9", "d": True, "e": None, "f": [99]}.items():
        ours.put(DOCS, key, {"v": one})
    ours.put(DOCS, "g", {})
    assert sorted(keys(ours.search(DOCS, filter={"v": {"$gt": 9}}))) == ["b"]
    assert sorted(keys(ours.search(DOCS, filter={"v": {"$gte": "1"}}))) == ["c"]
    assert sorted(keys(ours.search(DOCS, filter={"v": 1}))) == []
    assert sorted(keys(ours.search(DOCS, filter={"v": True}))) == ["d"]


def test_an_unknown_operator_is_an_error_in_an_empty_store(ours):
    """A wrong filter is an error whatever there is to compare, also nested, and with a query."""
    for wrong in ({"$and": []}, {"a": {"$regex": "x"}}):
        for query in (None, "q"):
            with pytest.raises(ValueError, match="Unsupported operator"):
                ours.search(DOCS, filter={"a": wrong}, query=query)


# -- lifetimes


def test_an_expired_item_is_gone_at_once(ours, clock):
    """ttl is in minutes; at its end get, search and the list of namespaces do not have the item, without a sweep."""
    ours.put(DOCS, "k", {"text": "pizza"}, ttl=1)
    ours.put(("stays",), "k", {"text": "pizza"}, ttl=None)
    clock.advance(seconds=59.9)
    assert ours.get(DOCS, "k", refresh_ttl=False) is not None
    assert len(ours.search((), query="pizza", refresh_ttl=False)) == 2
    clock.advance(seconds=0.1)
    assert ours.get(DOCS, "k") is None
    assert [tuple(item.namespace) for item in ours.search((), query="pizza")] == [("stays",)]
    assert ours.search(DOCS) == []
    assert ours.list_namespaces() == [("stays",)]


def test_an_expired_key_can_be_put_again(ours, clock):
    """A put after the expiry makes a new item, with a new creation date and its own lifetime."""
    ours.put(DOCS, "k", {"text": "one"}, ttl=1)
    clock.advance(minutes=2)
    ours.put(DOCS, "k", {"text": "two"})
    clock.advance(days=999)
    item = ours.get(DOCS, "k")
    assert item.value == {"text": "two"}
    assert item.created_at == clock.now - timedelta(days=999)
    ours.put(DOCS, "k", {"text": "three"}, ttl=0)
    assert ours.get(DOCS, "k") is None
    ours.delete(DOCS, "k")


@pytest.mark.parametrize("read", ["get", "search", "query"])
def test_a_read_refreshes(ours, clock, read):
    """Reading an item lets it live for its ttl again, unless refresh_ttl=False; its dates stay."""

    def reads(**options: bool) -> bool:
        if read == "get":
            return ours.get(DOCS, "k", **options) is not None
        return bool(ours.search(DOCS, query="pizza" if read == "query" else None, **options))

    ours.put(DOCS, "k", {"text": "pizza"}, ttl=10)
    put_at = clock.now
    for _ in range(5):
        clock.advance(minutes=9)
        assert reads()
    assert ours.get(DOCS, "k").updated_at == put_at
    clock.advance(minutes=9)
    assert reads(refresh_ttl=False)
    clock.advance(minutes=1)
    assert not reads()


def test_the_defaults_of_ttl(tmp_path, clock):
    """default_ttl counts for a put without ttl, and refresh_on_read=False for reads that say nothing."""
    with Memory(tmp_path / "agent.db", embedder=EMBEDDER, clock=clock) as memory:
        store = MemoryStore(memory, ttl={"default_ttl": 1, "refresh_on_read": False, "omit_expired": True})
        store.put(DOCS, "default", {"text": "t"})
        store.put(DOCS, "forever", {"text": "t"}, ttl=None)
        clock.advance(seconds=59)
        assert store.get(DOCS, "default") is not None
        clock.advance(seconds=1)
        assert keys(store.search(DOCS)) == ["forever"]


def test_a_put_without_ttl_ends_the_lifetime(ours, clock):
    """A put replaces the lifetime, too."""
    ours.put(DOCS, "k", {"text": "one"}, ttl=1)
    ours.put(DOCS, "k", {"text": "two"})
    clock.advance(days=1)
    assert ours.get(DOCS, "k").value == {"text": "two"}


def test_reading_all_the_time_does_not_write_all_the_time(ours, clock):
    """A read that would gain less than a hundredth of the lifetime writes nothing."""
    ours.put(DOCS, "k", {"text": "one"}, ttl=100)
    before = ours.memory.changes(limit=10)["results"][-1]["sequence"]
    for _ in range(20):
        clock.advance(seconds=2)
        assert ours.get(DOCS, "k") is not None
    assert len(ours.memory.changes(after=before)["results"]) == 0
    clock.advance(seconds=30)
    ours.get(DOCS, "k")
    assert len(ours.memory.changes(after=before)["results"]) == 1


# -- writers at the same time


def test_several_writers_leave_one_item(tmp_path):
    """Puts and deletes of the same keys by several stores on one file leave one value that was put, never two."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=EMBEDDER):
        pass
    start = threading.Barrier(4)

    def work(writer: int) -> None:
        with Memory(path, embedder=EMBEDDER) as memory:
            store = MemoryStore(memory)
            start.wait(timeout=30)
            for turn in range(15):
                store.put(DOCS, "k", {"text": f"{writer} {turn}"}, index=None if turn % 3 else False)
                store.put(DOCS, f"own {writer} {turn}", {"text": "own"})
                if turn % 5 == 4:
                    store.delete(DOCS, "k")
                store.put(DOCS, "k", {"text": f"{writer} last"})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with Memory(path, embedder=EMBEDDER) as memory:
        found = MemoryStore(memory).search(DOCS, limit=100)
        assert len([item for item in found if item.key == "k"]) == 1
        assert len(found) == 61
        assert MemoryStore(memory).get(DOCS, "k").value["text"].endswith("last")
        assert memory.check()["ok"]


def test_awaited_calls_run_together(ours):
    """Many awaited calls at once all succeed, and the event loop goes on."""

    async def main() -> int:
        await asyncio.gather(*(ours.aput(DOCS, str(n), {"text": f"item {n}"}) for n in range(30)))
        found = await asyncio.gather(*(ours.aget(DOCS, str(n)) for n in range(30)))
        assert ours.get(DOCS, "1") is not None  # the sync method, from the loop's own thread
        return len([item for item in found if item is not None])

    assert asyncio.run(main()) == 30


# -- one file for everything


def test_a_path_is_opened_and_closed(tmp_path):
    """A store of a path closes the file; one of a Memory leaves it open. What was put is there afterwards."""
    with MemoryStore(tmp_path / "agent.db") as store:
        store.put(DOCS, "k", {"text": "I am allergic to peanuts"})
    assert not (tmp_path / "agent.db-wal").exists()

    async def again() -> str:
        async with MemoryStore(tmp_path / "agent.db") as store:
            [found] = await store.asearch(DOCS, query="What can she not eat?")
            return found.value["text"]

    assert asyncio.run(again()) == "I am allergic to peanuts"
    with Memory(tmp_path / "agent.db") as memory:
        with MemoryStore(memory):
            pass
        assert memory.search("food", app_id="langgraph")["results"][0]["memory"] == "I am allergic to peanuts"


def test_other_memories_are_no_items(ours):
    """Memories of the same file that no store wrote are neither found nor listed, whatever their ids."""
    ours.memory.add("pizza", user_id="docs", run_id=":docs.", infer=False)
    assert ours.search((), query="pizza") == []
    assert ours.list_namespaces() == []


def test_a_view_has_items_of_its_own(ours):
    """On views of two users the same key is two items, and neither sees the other's."""
    alice, bob = (MemoryStore(ours.memory.for_user(name)) for name in ("alice", "bob"))
    alice.put(DOCS, "k", {"text": "pizza"})
    assert bob.get(DOCS, "k") is None
    bob.put(DOCS, "k", {"text": "sushi"})
    assert alice.get(DOCS, "k").value == {"text": "pizza"}
    assert [item.value["text"] for item in bob.search((), query="pizza")] == ["sushi"]
    assert alice.list_namespaces() == [DOCS]
    ours.memory.erase(user_id="alice")
    assert alice.get(DOCS, "k") is None


def test_versions_are_in_the_history(ours):
    """Each put of another text is a change in the memory's history."""
    ours.put(DOCS, "k", {"text": "one"})
    ours.put(DOCS, "k", {"text": "two"})
    [item] = ours.memory.get_all(app_id="langgraph")["results"]
    assert [change["new_memory"] for change in ours.memory.history(item["id"])] == ["one", "two"]


def test_items_move_with_an_export(ours, tmp_path):
    """Items that were exported and imported into another file are the same items there."""
    ours.put(DOCS, "k", {"text": "one", "n": 1.0}, ttl=5)
    ours.put(DOCS, "hidden", {"text": "two"}, index=False)
    ours.memory.export(tmp_path / "lines.jsonl")
    with Memory(tmp_path / "copy.db", embedder=EMBEDDER, clock=ours.memory._clock) as copy:
        copy.import_(tmp_path / "lines.jsonl")
        store = MemoryStore(copy)
        assert store.get(DOCS, "k") == ours.get(DOCS, "k")
        store.put(DOCS, "hidden", {"text": "three"})
        assert sorted(item.value["text"] for item in store.search(DOCS)) == ["one", "three"]


def test_a_read_only_file_can_be_read(tmp_path, clock):
    """A file that is opened for reading only answers reads, of items with a lifetime, too, and refuses puts."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=EMBEDDER, clock=clock) as memory:
        MemoryStore(memory).put(DOCS, "k", {"text": "pizza"}, ttl=10)
    clock.advance(minutes=5)
    with Memory(path, embedder=EMBEDDER, clock=clock, read_only=True) as memory:
        store = MemoryStore(memory)
        assert store.get(DOCS, "k").value == {"text": "pizza"}
        assert keys(store.search(DOCS, query="pizza")) == ["k"]
        with pytest.raises(ReadOnlyError):
            store.put(DOCS, "k", {"text": "sushi"})


def test_an_embedding_model_belongs_to_the_memory():
    """index= with a model says where the model goes."""
    with pytest.raises(ConfigurationError, match="embedder="):
        MemoryStore(":memory:", index={"dims": 64, "embed": embed})


def test_a_text_too_long_to_search_is_refused(ours):
    """More text than a memory can have is an error that says what to do, and can be stored without an index."""
    long = {"text": "pizza " * 20_000}
    with pytest.raises(ValidationError, match="Index less"):
        ours.put(DOCS, "k", long)
    ours.put(DOCS, "k", long, index=False)
    assert ours.get(DOCS, "k").value == long
    with pytest.raises(ValidationError, match="namespace"):
        ours.put(("x" * 2_000,), "k", {})


def test_a_graph_remembers(tmp_path):
    """compile(store=…) gives nodes the store, sync and async, and a later graph on the same file finds what was put."""

    class State(TypedDict):
        said: str
        found: list[str]

    def remember(state: State, *, store: BaseStore) -> dict[str, Any]:
        found = store.search(("facts", "alice"), query=state["said"], limit=1)
        store.put(("facts", "alice"), state["said"], {"fact": state["said"]})
        return {"found": [item.value["fact"] for item in found]}

    async def aremember(state: State, *, store: BaseStore) -> dict[str, Any]:
        found = await store.asearch(("facts", "alice"), query=state["said"], limit=1)
        return {"found": [item.value["fact"] for item in found]}

    def graph(node: Any, store: BaseStore) -> Any:
        built = StateGraph(State)
        built.add_node("node", node)
        built.add_edge(START, "node")
        built.add_edge("node", END)
        return built.compile(store=store)

    with MemoryStore(tmp_path / "agent.db") as store:
        agent = graph(remember, store)
        assert agent.invoke({"said": "I am allergic to peanuts"})["found"] == []
        assert agent.invoke({"said": "My bicycle is green"})["found"] == ["I am allergic to peanuts"]
    with MemoryStore(tmp_path / "agent.db") as store:
        asked = graph(aremember, store).ainvoke({"said": "Which food must I avoid?"})
        assert asyncio.run(asked)["found"] == ["I am allergic to peanuts"]
