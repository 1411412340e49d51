"""What SQLite does for an add."""

from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.data.records import Record, Scope
from mem0lite.embedding.protocol import embed_documents
from mem0lite.store import Changes, Entry, Visible
from mem0lite.values import text_hash, to_micros


def test_a_repeat_costs_the_same_however_often_it_was_said(path, clock):
    """What SQLite does for an add does not grow with how often its words were said on other days."""
    steps = []
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        for days in (600, 2_400):
            memory.add_many(
                [
                    {"messages": "Thanks!", "user_id": "u", "timestamp": 86_400 * n}
                    for n in range(memory.stats()["memories"], days)
                ]
            )
            steps.append(_steps(memory, lambda: memory.add("Thanks!", user_id="u")))
            clock.advance(days=1)
    assert steps[1] < 1.2 * steps[0]


def test_common_words_cost_the_same_however_many_memories_have_them(path, clock):
    """What SQLite does for an add does not grow with the number of memories that have all of its words."""
    steps = []
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        for size in (600, 2_400):
            said = [f"coffee garden music number{n} day{-n}" for n in range(memory.stats()["memories"], size)]
            memory.add_many([{"messages": text, "user_id": "u"} for text in said])
            steps.append(_steps(memory, lambda: memory.add("music coffee garden number day", user_id="u")))
            memory.delete_all(filters={"AND": [{"user_id": "u"}, {"memory": "music coffee garden number day"}]})
    assert steps[1] < 1.2 * steps[0]


def test_repeats_are_looked_for_before_the_transaction(path, clock):
    """While an add holds the file, SQLite does no more for it than for an add that looks for no repeats."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add_many([{"messages": f"coffee garden music number{n}", "user_id": "u"} for n in range(400)])
        memory.add("music coffee garden number", user_id="v", infer=False)
        plain = _steps(
            memory, lambda: memory.add("music coffee garden number one", user_id="u", infer=False), held=True
        )
        looked = _steps(memory, lambda: memory.add("music coffee garden number two", user_id="u"), held=True)
        assert looked <= plain + 2


def test_what_was_added_since_the_look_costs_a_bound(path, clock):
    """However many memories others add between the look for repeats and the transaction, the transaction reads few."""
    embedder, now, steps = HashEmbedder(), to_micros(clock(), "now"), []
    with Memory(path, embedder=embedder, clock=clock) as memory:
        store = memory._store
        for size in (200, 2_000):
            text = f"coffee garden music day{size}"
            record = Record(text, Scope(user_id="u"), text, text_hash(text), None, now, now, role="user")
            entry = Entry(record, embed_documents(embedder, [text])[0], "text")
            [entry.seen] = store.repeats([entry], now)
            memory.add_many([{"messages": f"coffee garden music {size} {n}", "user_id": "u"} for n in range(size)])
            changes = Changes([entry])
            steps.append(_steps(memory, lambda changes=changes: store.apply(changes, Visible(horizon=now)), held=True))
    assert steps[1] < 1.5 * steps[0]


def _steps(memory, call, *, held=False):
    """Return how many instructions SQLite's virtual machine runs for a call, in hundreds; with ``held`` only those of
    its transaction."""
    counted = []
    database = memory._store._database
    memory.stats()  # opens a connection for reading
    connections = [database._writer] if held else list(database._open_connections)
    for connection in connections:
        connection.set_progress_handler(lambda: bool(counted.append(1)), 100)
    call()
    for connection in connections:
        connection.set_progress_handler(None)
    return len(counted)


def test_many_words_take_few_statements(path):
    """The keywords of a text are inserted together, and none is lost."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("cello", user_id="u", infer=False)
        few = _statements(memory, lambda: memory.add("violin", user_id="u", infer=False))
        for count in (2, 3, 60, 64, 65, 200):
            words = [f"word{number}x{count}" for number in range(count)]
            more = _statements(memory, lambda words=words: memory.add(" ".join(words), user_id="u", infer=False))
            assert len(more) <= len(few) + 8
            for word in (words[0], words[count // 2], words[-1]):
                assert memory.search(word, user_id="u", explain=True)["results"][0]["score_details"]["matched_terms"]
        assert memory.check()["ok"]


def _statements(memory, call):
    """Return the statements of a call that wrote."""
    seen = []
    writer = memory._store._database._writer
    writer.exec_trace = lambda cursor, sql, bindings: seen.append(sql) or True
    call()
    writer.exec_trace = None
    return seen
