"""A search after a change reads what changed, if this process changed it, and whatever is right if not."""

import pytest
from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.store.sqlite.touched import Touched

SCOPE = {"user_id": "u"}


def opened(path):
    return Memory(path, embedder=HashEmbedder())


def fill(memory, count):
    """Add memories and return their ids."""
    texts = [f"red tea {n}" for n in range(count)]
    added = memory.add_many([{"messages": text, "infer": False, **SCOPE} for text in texts])
    return [item["id"] for call in added for item in call["results"]]


def found(memory):
    results = memory.search("red tea", top_k=10_000, threshold=0, **SCOPE)["results"]
    return {(item["id"], item["memory"]) for item in results}


def steps_of_a_search(memory):
    """Return how many instructions SQLite's virtual machine runs for a search, in tens."""
    counted = []
    with memory._store._database.read() as connection:
        connection.set_progress_handler(lambda: bool(counted.append(1)), 10)
    memory.search("red tea", top_k=1, **SCOPE)
    with memory._store._database.read() as connection:
        connection.set_progress_handler(None)
    return len(counted)


CHANGES = {
    "update": lambda memory, ids: memory.update(ids.pop(), "green tea"),
    "metadata": lambda memory, ids: memory.update(ids.pop(), metadata={"a": 1}),
    "feedback": lambda memory, ids: memory.feedback(ids.pop(), "POSITIVE"),
    "delete": lambda memory, ids: memory.delete(ids.pop()),
    "several": lambda memory, ids: memory.delete_many([ids.pop(), ids.pop()]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_search_after_a_change_reads_what_changed(path, change):
    """What SQLite does for the search after a change does not grow with the scope."""
    steps = []
    with opened(path) as memory:
        ids = []
        for count in (300, 1_200):
            ids += fill(memory, count)
            found(memory)
            CHANGES[change](memory, ids)
            steps.append(steps_of_a_search(memory))
    assert steps[1] < 1.5 * steps[0], steps


def test_what_others_changed_is_seen(path):
    """Whoever wrote in between, in whatever order, a search finds what the file holds."""
    with opened(path) as memory, opened(path) as other:
        ids = fill(memory, 12)
        for who, change in [(memory, "update"), (other, "delete"), (memory, "delete"), (other, "update")] * 2:
            CHANGES[change](who, ids)
            with opened(path) as fresh:
                assert found(memory) == found(fresh)
        CHANGES["delete"](other, ids)
        CHANGES["update"](memory, ids)
        with opened(path) as fresh:
            assert found(memory) == found(other) == found(fresh)


def test_many_changes_at_once_are_seen(path):
    """One transaction may change more memories than are remembered, and the next one few."""
    with opened(path) as memory:
        ids = fill(memory, 400)
        found(memory)
        memory.delete_many([ids.pop() for _ in range(300)])
        CHANGES["update"](memory, ids)
        with opened(path) as fresh:
            assert found(memory) == found(fresh)
        assert len(found(memory)) == 100


def test_what_was_undone_is_not_missed(path):
    """A call that fails after it changed something leaves what the next search finds as it was."""
    with opened(path) as memory:
        ids = fill(memory, 5)
        before = found(memory)
        with pytest.raises(Exception, match="not found"):
            memory.delete_many([ids[0], "nobody"])
        assert found(memory) == before
        CHANGES["delete"](memory, ids)
        assert len(found(memory)) == 4


def test_a_scope_is_found_after_everything_was_removed(path):
    """A store that was emptied finds what is added after that, and nothing else."""
    with opened(path) as memory:
        fill(memory, 5)
        found(memory)
        memory.reset()
        fill(memory, 2)
        assert len(found(memory)) == 2


class Connection:
    """A file's version as ``Touched`` asks for it."""

    version = 0

    def execute(self, _):
        return self

    @property
    def get(self):
        return str(self.version)

    def set_update_hook(self, hook):
        self.changed = lambda key: hook(23, "main", "memory", key)  # SQLITE_UPDATE


def test_only_an_unbroken_run_of_versions_is_known():
    """What lies between two versions is known if this process wrote all of them."""
    touched, connection = Touched(), Connection()

    def transaction(key, commit=True):
        touched.begin(connection)
        connection.changed(key)
        if commit:
            connection.version += 1
            touched.end(connection)
            touched.committed()

    assert touched.between(0, 0) is None
    transaction(7)
    transaction(8, commit=False)
    transaction(9)
    assert [touched.between(0, 2), touched.between(1, 2), touched.between(0, 1), touched.between(2, 2)] == [
        {7, 9},
        {9},
        {7},
        set(),
    ]
    connection.version += 1  # another process
    assert touched.between(2, 3) is None
    transaction(10)
    assert [touched.between(3, 4), touched.between(2, 4), touched.between(0, 2)] == [{10}, None, None]
