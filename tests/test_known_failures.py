"""The failures that made people leave other memory stores, each in the situation in which it was reported.

Every test names the issue; mem0's are at github.com/mem0ai/mem0, langgraph's at github.com/langchain-ai/langgraph,
sqlite-vec's at github.com/asg017/sqlite-vec. Where a failure can come through the server, it is tried over HTTP on
every route that leads there.
"""

import io
import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
import serving
from conftest import Clock
from embedder import HashEmbedder
from serving import add, served_by, texts

from mem0lite import EmbeddingError, Memory, ValidationError
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.server import Settings, create_app

served, store, client = serving.served, serving.store, serving.client

Delete = Callable[[Memory, httpx.Client], Any]


def lines(memory: Memory) -> dict[str, Any]:
    """Return everything that a store holds, with histories, by id."""
    exported = io.StringIO()
    memory.export(exported, show_expired=True)
    return {item["id"]: item for item in map(json.loads, exported.getvalue().splitlines()) if "memory" in item}


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def clocked(clock: Clock) -> Iterator[tuple[Memory, httpx.Client]]:
    """A memory whose time moves only when told, and a client of a server on it."""
    settings = Settings(vacuum_interval_seconds=0)
    with (
        Memory(":memory:", embedder=HashEmbedder(), clock=clock) as memory,
        served_by(create_app(memory, settings)) as client,
    ):
        yield memory, client


# -- deletions that take too much


OF_ALICE: dict[str, Delete] = {
    "library": lambda memory, client: memory.delete_all(user_id="alice"),
    "library, by a filter": lambda memory, client: memory.delete_all(filters={"AND": [{"user_id": "alice"}]}),
    "library, of a view": lambda memory, client: memory.for_user("alice").delete_all(user_id="alice"),
    "library, reset": lambda memory, client: memory.reset(user_id="alice"),
    "DELETE /memories": lambda memory, client: ok(client.delete("/memories?user_id=alice")),
    "DELETE /entities": lambda memory, client: ok(client.delete("/entities/user/alice")),
    "DELETE /v1/memories/": lambda memory, client: ok(client.delete("/v1/memories/?user_id=alice")),
    "DELETE /v2/entities/": lambda memory, client: ok(client.delete("/v2/entities/user/alice/")),
    "POST /reset": lambda memory, client: ok(client.post("/reset", json={"user_id": "alice"})),
}


def fill(memory: Memory) -> None:
    memory.add_many(
        [
            {"messages": "red apple", "user_id": "alice"},
            {"messages": "red pear", "user_id": "alice", "agent_id": "bot", "run_id": "r1"},
            {"messages": "red apple", "user_id": "bob"},
            {"messages": "red pear", "user_id": "bob", "agent_id": "bot", "run_id": "r1"},
            {"messages": "red apple", "agent_id": "alice"},
            {"messages": "red apple", "run_id": "alice"},
        ]
    )


@pytest.mark.parametrize("delete", OF_ALICE.values(), ids=OF_ALICE.keys())
def test_mem0_3746_3928_delete_all_of_one_user_leaves_everybody_else(
    store: Memory, client: httpx.Client, delete: Delete
) -> None:
    """mem0 #3746, #3928: delete_all(user_id=…) dropped the whole collection; here it takes that user's memories only,
    and the others' are still listed, found, and have their histories."""
    fill(store)
    before = lines(store)
    delete(store, client)
    assert lines(store) == {name: item for name, item in before.items() if item.get("user_id") != "alice"}
    assert store.get_all(user_id="alice")["total"] == 0
    assert texts(client.post("/search", json={"query": "red", "user_id": "bob"})) == {"red apple", "red pear"}
    assert texts(client.post("/search", json={"query": "red", "agent_id": "alice"})) == {"red apple"}


def test_mem0_3746_delete_all_of_a_user_s_run_leaves_the_user_s_others(store: Memory, client: httpx.Client) -> None:
    """mem0 #3746: delete_all(user_id=…, run_id=…) emptied everything; here every id that is given narrows it."""
    for over_http in (False, True):
        store.reset()
        fill(store)
        if over_http:
            ok(client.delete("/memories?user_id=alice&run_id=r1"))
        else:
            store.delete_all(user_id="alice", run_id="r1")
        assert sorted(item["memory"] for item in store.get_all(user_id="alice")["results"]) == ["red apple"]
        assert store.get_all(user_id="bob")["total"] == 2


UNSCOPED: dict[str, Delete] = {
    "library": lambda memory, client: memory.delete_all(),
    "library, None": lambda memory, client: memory.delete_all(user_id=None, filters={}),
    "library, a filter without an id": lambda memory, client: memory.delete_all(filters={"color": "red"}),
    "library, reset(None)": lambda memory, client: memory.reset(user_id=None),  # type: ignore[arg-type]
}
UNSCOPED_ROUTES = (
    "/memories",
    "/memories?user=alice",
    "/v1/memories/",
    "/v1/memories/?filters={'user_id': 'alice'}",
    "/v1/memories/?user-id=alice",
)


@pytest.mark.parametrize("delete", UNSCOPED.values(), ids=UNSCOPED.keys())
def test_mem0_3928_a_deletion_that_names_nobody_deletes_nothing(
    store: Memory, client: httpx.Client, delete: Delete
) -> None:
    """mem0 #3928: a deletion with its filters lost wiped everyone; here one that names nobody is refused."""
    fill(store)
    before = lines(store)
    with pytest.raises(ValidationError):
        delete(store, client)
    assert lines(store) == before


@pytest.mark.parametrize("path", UNSCOPED_ROUTES)
def test_mem0_3928_a_request_that_names_nobody_deletes_nothing(store: Memory, client: httpx.Client, path: str) -> None:
    """mem0 #3928, over HTTP: also when the id is misspelt, or written as mem0's clients write a filter."""
    fill(store)
    before = lines(store)
    assert client.delete(path).status_code == 400
    assert lines(store) == before


# -- updates that lose something


def by_put(path: str) -> Callable[[Memory, httpx.Client, str, dict[str, Any]], Any]:
    return lambda memory, client, name, change: ok(client.put(path.format(name), json=change))


UPDATES: dict[str, Callable[[Memory, httpx.Client, str, dict[str, Any]], Any]] = {
    "library": lambda memory, client, name, change: memory.update(name, **change),
    "library, of a view": lambda memory, client, name, change: memory.for_user("alice").update(name, **change),
    "update_many": lambda memory, client, name, change: memory.update_many([{"memory_id": name, **change}]),  # type: ignore[typeddict-item]
    "PUT /memories": by_put("/memories/{}"),
    "PUT /v1/memories": by_put("/v1/memories/{}/"),
    "PUT /v1/batch": lambda memory, client, name, change: ok(
        client.put("/v1/batch/", json={"memories": [{"memory_id": name, **change}]})
    ),
}
every_update = pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES.keys())
METADATA = {"category": "food", "priority": 0.5, "tags": ["a", "b"], "nested": {"bucket_id": 7}, "empty": None}


@every_update
def test_mem0_5160_an_update_keeps_the_metadata(store: Memory, client: httpx.Client, update: Any) -> None:
    """mem0 #5160: a new text lost all metadata but five ids; here a text changes the text alone, metadata are merged,
    and what was there can still be filtered by."""
    [added] = store.add("red apple", user_id="alice", agent_id="bot", metadata=METADATA, expiration_date="2999-01-01")[
        "results"
    ]
    before = store.get(added["id"])
    assert before is not None
    update(store, client, added["id"], {"text": "green apple"})
    item = store.get(added["id"])
    assert item is not None
    changed = {name for name in {*before, *item} if before.get(name) != item.get(name)}
    assert changed == {"memory", "hash", "updated_at"}
    update(store, client, added["id"], {"metadata": {"priority": 1}})
    item = store.get(added["id"])
    assert item is not None
    assert (item["memory"], item["metadata"]) == ("green apple", {**METADATA, "priority": 1})
    filters = {"user_id": "alice", "category": "food", "nested.bucket_id": 7, "tags": "b", "priority": 1}
    assert texts(client.post("/search", json={"query": "apple", "filters": filters})) == {"green apple"}


@every_update
def test_mem0_6277_an_update_s_metadata_never_change_whose_memory_it_is(
    store: Memory, client: httpx.Client, update: Any
) -> None:
    """mem0 #6277: metadata with user_id moved a memory to another tenant; here ids in metadata are metadata, for an
    update as for an add, and the memory stays its user's in every listing, search and deletion."""
    stolen = {"user_id": "mallory", "agent_id": "spy", "run_id": "x", "app_id": "x", "actor_id": "x", "id": "x"}
    message = {"role": "user", "content": "red apple", "name": "Al"}
    [added] = store.add([message], user_id="alice", metadata={"user_id": "eve"})["results"]
    update(store, client, added["id"], {"metadata": stolen})
    [item] = ok(client.get("/memories?user_id=alice"))["results"]
    ids = {name: item.get(name) for name in stolen}
    assert ids == {**dict.fromkeys(stolen), "user_id": "alice", "actor_id": "Al", "id": added["id"]}
    assert item["metadata"] == stolen
    for name, value in {**stolen, "user_id": "mallory"}.items():
        if name in ("user_id", "agent_id", "run_id", "app_id"):
            assert store.get_all(**{name: value})["total"] == 0  # type: ignore[arg-type]
            assert texts(client.post("/search", json={"query": "red apple", name: value})) == set()
    store.delete_all(user_id="mallory")
    store.reset(user_id="eve")
    assert texts(client.post("/search", json={"query": "red", "user_id": "alice"})) == {"red apple"}
    assert {entity["id"] for entity in store.entities()} == {"alice"}


# -- adding what is there


DOG = "The dog is a domesticated descendant of the wolf. Also called the domestic dog, it was domesticated long ago."


def add_by(path: str) -> Callable[[Memory, httpx.Client, str], Any]:
    body = {"user_id": "alice", "output_format": "v1.1"}
    return lambda memory, client, text: ok(
        client.post(path, json={**body, "messages": [{"role": "user", "content": text}]})
    )


ADDS: dict[str, Callable[[Memory, httpx.Client, str], Any]] = {
    "library": lambda memory, client, text: memory.add(text, user_id="alice"),
    "add_many": lambda memory, client, text: memory.add_many([{"messages": text, "user_id": "alice"}] * 2)[0],
    "POST /memories": add_by("/memories"),
    "POST /v1/memories": add_by("/v1/memories/"),
    "POST /v3/memories/add": add_by("/v3/memories/add/"),
}


@pytest.mark.parametrize("again", ADDS.values(), ids=ADDS.keys())
def test_mem0_1674_adding_the_same_again_keeps_the_first(store: Memory, client: httpx.Client, again: Any) -> None:
    """mem0 #1674: adding a memory twice deleted it; here the second is no event at all, and the first is untouched,
    whether it is added in the same words or nearly so, once or often."""
    [first] = store.add(DOG, user_id="alice")["results"]
    before = lines(store)
    for text in (DOG, DOG, DOG[:-1], DOG.replace(",", ""), DOG.replace("The dog", "the dog")):
        [outcome] = again(store, client, text)["results"]
        assert (outcome["event"], outcome["id"]) == ("NONE", first["id"])
    assert lines(store) == before
    assert [change["event"] for change in store.history(first["id"])] == ["ADD"]
    assert texts(client.post("/search", json={"query": "dog", "user_id": "alice"})) == {DOG}


# -- locks


READER = """
import sys
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
with Memory(sys.argv[2], embedder=HashEmbedder()) as memory:
    print("ready", flush=True)
    for _ in range(60):
        memory.search("red apple", user_id="alice")
        memory.get_all(user_id="alice")
        [item] = memory.add("read and written", user_id="other", infer=False)["results"]
        memory.history(item["id"])
"""


def test_mem0_7196_sessions_that_read_and_write_one_file_are_not_locked_out(path: Path) -> None:
    """mem0 #7196: "database is locked" as soon as one session wrote while others read; here three processes read and
    write while threads of this one write through another Memory, and every call goes through."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("red apple", user_id="alice")
        command = [sys.executable, "-c", READER, str(Path(__file__).parent), str(path)]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"

        def write(number: int) -> None:
            [item] = memory.add(f"text {number}", user_id="alice", infer=False)["results"]
            memory.update(item["id"], metadata={"number": number})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(60)))
        assert [child.communicate(timeout=60) and child.returncode for child in children] == [0, 0, 0]
        assert memory.get_all(user_id="alice")["total"] == 61
        assert memory.get_all(user_id="other")["total"] == 180


class SlowLines:
    """A file for an export that takes its lines only when told."""

    def __init__(self) -> None:
        self.begun, self.wanted = threading.Event(), threading.Event()

    def write(self, line: str) -> None:
        self.begun.set()
        assert self.wanted.wait(60)


def test_mem0_7196_a_reader_that_keeps_its_snapshot_keeps_no_writer_waiting(path: Path) -> None:
    """mem0 #7196: a reader's shared lock made the writer fail at once; here a read that is held open, in this program
    or another one's connection, lets writers commit, over HTTP too."""
    with Memory(path, embedder=HashEmbedder()) as memory, served_by(create_app(memory, Settings())) as client:
        memory.add("before", user_id="alice")
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM memory").get == 1
        slow = SlowLines()
        with ThreadPoolExecutor(1) as pool:
            exporting = pool.submit(memory.export, slow)  # type: ignore[arg-type]
            assert slow.begun.wait(60)
            add(client, "during")
            memory.add("after", user_id="alice")
            assert memory.get_all(user_id="alice")["total"] == 3
            slow.wanted.set()
            assert exporting.result(60) == 1
        assert reader.execute("SELECT count(*) FROM memory").get == 1
        reader.execute("ROLLBACK")
        reader.close()


def test_mem0_7196_a_contended_writer_waits_for_its_turn(path: Path) -> None:
    """mem0 #7196: without a busy timeout a contended write failed instantly; here it waits until the lock is free."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            adding = pool.submit(memory.add, "waited", user_id="alice")
            with pytest.raises(TimeoutError):
                adding.result(0.2)  # it cannot be done; had it failed, asking again would raise
            other.execute("COMMIT")
            assert adding.result(60)["results"][0]["event"] == "ADD"
        other.close()
        assert memory.get_all(user_id="alice")["total"] == 1


# -- nulls that are stored in silence


NOTHING: tuple[Any, ...] = (None, "", "   ", "\n", [], {}, 0, False, [None], [{}], [{"role": "user"}])
NO_TEXTS = ("", "  ", "\t\n", "\u2003")


@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_mem0_5275_an_add_of_nothing_stores_nothing(store: Memory, client: httpx.Client, nothing: Any) -> None:
    """mem0 #5275: a null was stored in silence and answered as a success; here what has no text is refused, or makes no
    memory and says so, and there never is a memory without a text."""
    another = {"messages": "kept?", "user_id": "alice"}
    for items in ([], [another]):
        try:
            answer = store.add_many([*items, {"messages": nothing, "user_id": "alice"}])[-1]
        except ValidationError:
            assert store.stats()["memories"] == 0
        else:
            assert answer["results"] == []
            assert nothing == [] or answer["skipped"]
            assert store.stats()["memories"] == len(items)
        store.reset()
    for path in ("/memories", "/v1/memories/", "/v3/memories/add/"):
        answer = client.post(path, json={"messages": nothing, "user_id": "alice"})
        assert answer.status_code in (400, 422) or not texts(answer), answer.text
    assert store.get_all(filters=ANY_SCOPE)["total"] == 0


@pytest.mark.parametrize("text", NO_TEXTS, ids=repr)
@every_update
def test_mem0_5275_an_update_never_blanks_a_memory(store: Memory, client: httpx.Client, update: Any, text: str) -> None:
    """mem0 #5275: an update with nothing in it overwrote the text by null; here it is refused, and the text, the vector
    and the history are as they were."""
    [added] = store.add("red apple", user_id="alice", metadata={"k": 1})["results"]
    before = lines(store)
    for change in ({"text": text}, {"text": None}, {}):
        with pytest.raises((ValidationError, AssertionError)) as caught:
            update(store, client, added["id"], change)
        assert not isinstance(caught.value, AssertionError) or '{"detail":' in str(caught.value)
    assert lines(store) == before
    assert texts(client.post("/search", json={"query": "red apple", "user_id": "alice"})) == {"red apple"}


@pytest.mark.parametrize(
    "bad",
    [None, [], [[]], [None], [[math.nan] * 64], [[0.0] * 64], [[1.0] * 63], [["x"] * 64], [[None] * 64]],
    ids=repr,
)
def test_mem0_5275_a_null_vector_is_an_error_and_not_a_memory_nobody_finds(path: Path, bad: Any) -> None:
    """mem0 #5275, #4336: what an embedder that failed without saying so returned was stored as the vector; here the
    add and the update are refused whole, and the memory stays found by its old text."""

    class Failing(HashEmbedder):
        answer: Any = ...

        def embed(self, texts: Any) -> Any:
            return super().embed(texts) if self.answer is ... else self.answer

    embedder = Failing()
    with Memory(path, embedder=embedder) as memory:
        [added] = memory.add("red apple", user_id="alice")["results"]
        before = lines(memory)
        embedder.answer = bad
        with pytest.raises(EmbeddingError):
            memory.add("green pear", user_id="alice")
        with pytest.raises(EmbeddingError):
            memory.update(added["id"], "green pear")
        embedder.answer = ...
        assert lines(memory) == before
        assert [item["memory"] for item in memory.search("red apple", user_id="alice")["results"]] == ["red apple"]
        assert memory.check()["problems"] == []


# -- results that are cut before they are chosen


def test_vec0_the_nearest_of_others_do_not_crowd_out_one_s_own(store: Memory, client: httpx.Client) -> None:
    """sqlite-vec #152, #196: the k nearest were taken of all rows and filtered afterwards, so that a search whose
    nearest are others' found nothing; here all 10 of alice's come, though 500 of bob's are nearer to the question."""
    store.add([{"content": f"red apple pie {n}"} for n in range(500)], user_id="bob", infer=False)
    store.add(
        [{"content": f"apple and quite other words besides {n}"} for n in range(10)], user_id="alice", infer=False
    )
    assert len(store.search("red apple pie", user_id="alice", top_k=10, threshold=0)["results"]) == 10
    for path in ("/search", "/v1/memories/search/", "/v2/memories/search/", "/v3/memories/search/"):
        body = {"query": "red apple pie", "filters": {"user_id": "alice"}, "top_k": 10, "threshold": 0}
        found = ok(client.post(path, json=body))
        assert len(found if isinstance(found, list) else found["results"]) == 10, path


@pytest.mark.parametrize(
    "filters",
    [
        {"kind": "rare"},
        {"NOT": [{"kind": "common"}]},
        {"OR": [{"kind": "rare"}, {"agent_id": "nobody"}]},
        {"memory": {"contains": "other"}},
        {"run_id": "r1"},
        {"created_at": {"lt": "2020-01-01"}},
    ],
    ids=str,
)
def test_vec0_a_filter_holds_before_the_best_are_taken(
    store: Memory, client: httpx.Client, filters: dict[str, Any]
) -> None:
    """sqlite-vec #152, #196: a condition on anything but the vector was applied to the k nearest; here the k nearest of
    those that meet it are found, whatever it is about."""
    near = [{"content": f"red apple pie {n}"} for n in range(400)]
    store.add(near, user_id="alice", metadata={"kind": "common"}, infer=False)
    rare = {"user_id": "alice", "run_id": "r1", "metadata": {"kind": "rare"}, "timestamp": "2019-05-05"}
    store.add([{"content": f"quite other words {n}"} for n in range(5)], infer=False, **rare)  # type: ignore[arg-type]
    for top_k in (1, 3, 5, 10):
        body = {"query": "red apple pie", "user_id": "alice", "filters": filters, "top_k": top_k, "threshold": 0}
        found = ok(client.post("/search", json=body))["results"]
        assert len(found) == min(top_k, 5), top_k
        assert {item["metadata"]["kind"] for item in found} == {"rare"}
        assert found == json.loads(json.dumps(store.search(**body)["results"]))  # type: ignore[arg-type]


# -- expired, and not yet removed


def test_langgraph_8902_expired_memories_are_gone_before_they_are_swept(
    clocked: tuple[Memory, httpx.Client], clock: Clock
) -> None:
    """langgraph #8902: what had expired was returned by get, search and listings until the sweeper came; here nothing
    shows, counts, changes or repeats it from its instant on, and a later write does not bring it back."""
    memory, client = clocked
    [mortal] = memory.add("red apple", user_id="alice", agent_id="mortal", ttl=60)["results"]
    memory.add("red pear", user_id="alice", ttl=3_600)
    clock.advance(seconds=59.999_999)
    assert memory.get(mortal["id"]) is not None
    clock.advance(microseconds=1)
    left = {"red pear"}
    for listing in ("/memories", "/memories?user_id=alice", "/v1/memories/?user_id=alice"):
        assert texts(client.get(listing)) == left
    for path in ("/search", "/v3/memories/search/"):
        assert texts(client.post(path, json={"query": "red apple", "filters": {"user_id": "alice"}})) == left
    assert ok(client.get("/memories"))["total"] == 1
    assert ok(client.get(f"/memories/{mortal['id']}")) is None
    assert client.get(f"/v1/memories/{mortal['id']}/").status_code == 404
    assert ok(client.get(f"/memories/{mortal['id']}/history")) == []
    assert {entity["id"] for entity in ok(client.get("/entities"))} == {"alice"}
    for method, body in (("PUT", {"text": "back"}), ("PUT", {"expiration_date": None}), ("DELETE", None)):
        assert client.request(method, f"/memories/{mortal['id']}", json=body).status_code == 404
    assert memory.export(io.StringIO()) == 1
    assert memory.changes()["results"][0]["new_memory"] == "red pear"
    [again] = memory.add("red apple", user_id="alice", agent_id="mortal")["results"]
    assert (again["event"], again["id"] != mortal["id"]) == ("ADD", True)
    assert memory.vacuum()["removed"] == 1
    assert memory.get_all(user_id="alice", show_expired=True)["total"] == 2


def test_langgraph_8902_the_expired_take_no_place_among_the_best(
    clocked: tuple[Memory, httpx.Client], clock: Clock
) -> None:
    """langgraph #8902: filtered only after LIMIT, the expired left pages short; here pages and the best are of the
    living alone."""
    memory, client = clocked
    memory.add([{"content": f"red apple {n}"} for n in range(100)], user_id="alice", infer=False, ttl=1)
    memory.add([{"content": f"apple of the living {n}"} for n in range(5)], user_id="alice", infer=False)
    clock.advance(seconds=1)
    for top_k in (1, 3, 5, 10):
        body = {"query": "red apple", "user_id": "alice", "top_k": top_k, "threshold": 0}
        assert len(texts(client.post("/search", json=body))) == min(top_k, 5)
        page = ok(client.get(f"/memories?user_id=alice&top_k={top_k}"))
        assert (len(page["results"]), page["total"]) == (min(top_k, 5), 5)


# -- pages


def test_langgraph_8977_copies_do_not_crowd_others_out_of_the_best(store: Memory, client: httpx.Client) -> None:
    """langgraph #8977: one item with many vectors filled the candidates before they were made unique, and matching
    items were missing; here 30 copies of the best answer take one place, and the other answers are among the best."""
    store.add([{"content": "red apple pie is what I like"}] * 30, user_id="alice", infer=False)
    others = {f"apple pie of sort {name}" for name in ("one", "two", "three", "four")}
    store.add([{"content": text} for text in sorted(others)], user_id="alice", infer=False)
    assert store.get_all(user_id="alice")["total"] == 34
    for path in ("/search", "/v3/memories/search/"):
        body = {"query": "red apple pie", "filters": {"user_id": "alice"}, "top_k": 5, "threshold": 0}
        assert texts(client.post(path, json=body)) == {"red apple pie is what I like", *others}


def test_langgraph_8977_every_page_is_full_until_the_last(store: Memory, client: httpx.Client) -> None:
    """langgraph #8977: the third page and later ones were empty though there were more; here the pages of a list hold
    each memory once, the last too, on both surfaces, and a search gives as many as are asked for."""
    expected = {f"red apple {n}" for n in range(47)}
    store.add([{"content": text} for text in sorted(expected)], user_id="alice", infer=False)
    for page_of in (
        lambda page: ok(client.get(f"/memories?user_id=alice&page={page}&page_size=5"))["results"],
        lambda page: ok(client.get(f"/memories?user_id=alice&offset={5 * page - 5}&top_k=5"))["results"],
        lambda page: ok(client.post(f"/v3/memories/?page={page}&page_size=5", json={"user_id": "alice"}))["results"],
        lambda page: ok(client.get(f"/v1/memories/?user_id=alice&page={page}&page_size=5"))["results"],
    ):
        pages = [[item["memory"] for item in page_of(page)] for page in range(1, 12)]
        assert [len(page) for page in pages] == [5] * 9 + [2, 0]
        assert {text for page in pages for text in page} == expected
    for top_k in (1, 5, 10, 15, 46, 47, 100):
        found = store.search("red apple", user_id="alice", top_k=top_k, threshold=0)["results"]
        assert len({item["id"] for item in found}) == min(top_k, 47)
