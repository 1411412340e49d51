"""The contract of a store (mem0lite/store/protocol.py), on whichever store ``--store`` names."""

import random
import threading
import uuid
from array import array
from contextlib import closing

import pytest
from embedder import HashEmbedder

from mem0lite import ClosedError, DatabaseError, EmbedderMismatchError, MemoryNotFoundError
from mem0lite.data.filters import EVERYTHING, parse
from mem0lite.data.records import AddEvent, Change, FileSettings, Gone, Record, Scope
from mem0lite.embedding.protocol import embed_documents, embed_query, identity
from mem0lite.memory.maintenance import file_of
from mem0lite.search.query import Query
from mem0lite.search.ranking import Ranking
from mem0lite.search.scoring import Scores
from mem0lite.store import (
    EVERYTHING_STORED,
    Call,
    CategoriesChangedError,
    Changes,
    Entry,
    NotEmbeddedError,
    Remaking,
    Update,
    Visible,
    open_store,
)
from mem0lite.values import text_hash

EMBEDDER = HashEmbedder()
NOW = 1_700_000_000_000_000
PRESENT = Visible(horizon=NOW)
ALICE, BOB = Scope(user_id="alice"), Scope(user_id="bob")


def opened(path, embedder=EMBEDDER, **options):
    return open_store(path, embedder=identity(embedder), cache_bytes=10_000_000, **options)


@pytest.fixture
def store(path):
    with closing(opened(path)) as store:
        yield store


@pytest.fixture
def other(store, path):
    """The same store, open for the second time, as another process has it."""
    with closing(opened(path)) as other:
        yield other


def record(text, scope=ALICE, **changed):
    made = Record(str(uuid.uuid4()), scope, text, text_hash(text), None, NOW, NOW)
    return made._replace(**changed)


def entry(text, scope=ALICE, unique=None, **changed):
    made = record(text, scope, **changed)
    [vector] = embed_documents(EMBEDDER, [made.indexed_text])
    return Entry(made, vector, unique=unique)


def add(store, *texts, scope=ALICE, **changed):
    """Add memories in one call; return their ids."""
    outcomes = store.apply(Changes(additions=[entry(text, scope, **changed) for text in texts]), PRESENT).outcomes
    return [one.record.id for one in outcomes]


def retold(memory_id, text):
    """The update that gives a memory another text."""
    [vector] = embed_documents(EMBEDDER, [text])
    return Update(memory_id, lambda before: before._replace(text=text, hash=text_hash(text)), vector)


def texts(store, visible=PRESENT):
    return sorted(one.text for one in store.page(visible, 10_000, 0).records)


def asked(query):
    return Query.read(query, embed_query(EMBEDDER, query), NOW, Ranking.plain())


def found(store, query, user="alice", horizon=NOW, latest=False):
    """Return the texts that a search finds, best first."""
    question = asked(query)
    with store.searching(Visible(parse({"user_id": user}), horizon, latest), question) as reading:
        best = Scores(reading.view, question, Ranking.plain()).best(100, 0.0)
        vectors = reading.vectors(best)
        assert vectors.shape == (len(best), EMBEDDER.dimensions)
        return [one.text for one in reading.records(best)]


def together(*works):
    """Run works in threads of their own, all at once; raise what one of them raised."""
    errors, gate = [], threading.Barrier(len(works))

    def run(work):
        try:
            gate.wait()
            work()
        except BaseException as error:  # raised below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# -- one call, one transaction


def test_a_call_adds_updates_and_deletes_at_once(store):
    """One call does all three, each with its history and its change number, and keeps its event."""
    tea, wine = add(store, "likes tea", "likes wine")
    new = entry("likes coffee")
    changes = Changes([new], [retold(tea, "likes green tea")], [wine], [Call("event", ALICE, 1)])
    applied = store.apply(changes, PRESENT)
    assert [one.added for one in applied.outcomes] == [True]
    assert [one.text for one in applied.updated] == ["likes green tea"]
    assert texts(store) == ["likes coffee", "likes green tea"]
    kinds = {one: [item["event"] for item in store.history(one, PRESENT)] for one in (tea, wine, new.record.id)}
    assert kinds == {tea: ["ADD", "UPDATE"], wine: ["ADD", "DELETE"], new.record.id: ["ADD"]}
    followed = store.changes(0, None, NOW, 100)
    assert [one["event"] for one in followed] == ["ADD", "ADD", "DELETE", "UPDATE", "ADD"]
    [event] = store.events(PRESENT, 10, 0).events
    assert event["results"] == [{"id": new.record.id, "event": "ADD", "memory": "likes coffee"}]


def fails(_):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        (lambda ids: {"updates": [Update("nobody", lambda before: before)]}, MemoryNotFoundError),
        (lambda ids: {"deletions": [*ids, "nobody"]}, MemoryNotFoundError),
        (lambda ids: {"updates": [Update(ids[0], fails)]}, ZeroDivisionError),
        (lambda ids: {"updates": [Update(ids[0], lambda before: before, graph=fails)]}, ZeroDivisionError),
        (lambda ids: {"deletions": [ids[0]], "updates": [Update(ids[0], lambda before: before)]}, MemoryNotFoundError),
        (lambda ids: {"categories": ("skill",)}, CategoriesChangedError),
    ],
    ids=["unknown update", "unknown deletion", "callback", "graph", "deleted and updated", "categories"],
)
def test_a_call_that_fails_leaves_nothing(store, spoilt, error):
    """Where one of the changes cannot be made, none is: no memory, no history, no event, no number."""
    ids = add(store, "tea", "wine")
    last, changes = store.last_change(), spoilt(ids)
    good = {"updates": [retold(ids[1], "white wine")], "additions": [entry("coffee")], "calls": [Call("e", ALICE, 1)]}
    changes["updates"] = [*good.pop("updates"), *changes.get("updates", [])]
    with pytest.raises(error):
        store.apply(Changes(**good, **changes), PRESENT)
    assert texts(store) == ["tea", "wine"]
    assert found(store, "coffee white") in (["tea", "wine"], ["wine", "tea"])
    assert store.events(PRESENT, 10, 0).total == 0
    assert store.last_change() == last
    assert [len(store.history(one, PRESENT)) for one in ids] == [1, 1]


def test_what_replaces_a_deleted_memory_is_stored(store):
    """Deletions come first, so that a new memory with the words of a deleted one is no repeat; then updates, whose new
    words are there when an addition is compared."""
    tea, wine = add(store, "likes tea", "likes wine")
    additions = [entry("likes tea", unique="text"), entry("likes coffee", unique="text")]
    applied = store.apply(Changes(additions, [retold(wine, "likes coffee")], [tea]), PRESENT)
    assert [one.added for one in applied.outcomes] == [True, False]
    assert applied.outcomes[1].record.id == wine
    assert texts(store) == ["likes coffee", "likes tea"]


def test_nothing_to_do_is_done(store):
    """A call without changes returns nothing and takes no number."""
    applied = store.apply(Changes(), PRESENT)
    assert (list(applied.outcomes), list(applied.updated), store.last_change()) == ([], [], 0)


def test_readers_see_a_call_whole_or_not_at_all(store, other):
    """While calls replace one pair of memories by the next, a reader always sees a pair."""
    pair = add(store, "0 left", "0 right")
    seen = []

    def write():
        nonlocal pair
        for number in range(1, 25):
            additions = [entry(f"{number} left"), entry(f"{number} right")]
            applied = store.apply(Changes(additions, deletions=pair), PRESENT)
            pair = [one.record.id for one in applied.outcomes]

    def read():
        for _ in range(40):
            seen.append(texts(other))
            seen.append(sorted(found(other, "left right")))

    together(write, read, read)
    assert all(len(one) == 2 and one[0].split()[0] == one[1].split()[0] for one in seen)


def test_an_export_is_of_one_moment(store, other):
    """What others write while an export is read is not in it."""
    add(store, "tea", "wine")
    with store.scanning(PRESENT, logs=parse(None), settings=True) as scanned:
        add(other, "coffee")
        other.change_document("project", "", lambda _: {"a": 1})
        assert [one[0].text for one in scanned] == ["tea", "wine"]
    assert texts(store) == ["coffee", "tea", "wine"]


# -- numbers and versions


def test_a_follower_misses_no_change(store, other):
    """Whoever asks again and again for what comes after the last number it saw gets every change once, in order, while
    several write: numbers become visible in the order of the commits."""
    stop, followed = threading.Event(), []

    def write(writer, user):
        def work():
            for number in range(40):
                [one] = add(writer, f"{user} {number}", scope=Scope(user_id=user))
                writer.apply(Changes(updates=[retold(one, f"{user} {number} again")]), PRESENT)

        return work

    def follow():
        last = 0
        while True:
            ended = stop.is_set()
            changes = other.changes(last, None, NOW, 7)
            followed.extend(changes)
            last = followed[-1]["sequence"] if followed else 0
            if ended and not changes:
                return

    def write_all():
        together(*(write(store, "a"), write(other, "b"), write(store, "c"), write(other, "b")))
        stop.set()

    together(write_all, follow)
    assert len(followed) == 4 * 40 * 2
    assert followed == store.changes(0, None, NOW, 10_000)
    assert [one["sequence"] for one in followed] == sorted({one["sequence"] for one in followed})
    ours = store.changes(0, "b", NOW, 10_000)
    assert [one["id"] for one in ours] == [one["id"] for one in followed if one["user_id"] == "b"]
    assert [one["sequence"] for one in ours] == sorted({one["sequence"] for one in ours})


@pytest.mark.parametrize("removed", ["reset", "scope", "vacuum", "erase"])
def test_no_number_is_given_twice(store, removed):
    """Whatever removes histories, numbers go on from the highest one that anybody was shown."""
    add(store, "tea", expires_at=NOW + 1)
    before = store.last_change(), store.changes(0, "alice", NOW, 10)[-1]["sequence"]
    if removed == "vacuum":
        assert store.vacuum(NOW + 1)[0] == 1
    elif removed == "erase":
        assert store.erase(parse({"user_id": "alice"}), ["alice"])["memories"] == 1
    else:
        store.reset(parse(None if removed == "reset" else {"user_id": "alice"}), {}, None)
    assert store.changes(0, None, NOW, 10) == []
    add(store, "tea")
    assert store.last_change() > before[0]
    assert store.changes(before[1], "alice", NOW, 10)[0]["new_memory"] == "tea"


@pytest.mark.parametrize("how", ["add", "update", "delete", "delete matching", "reset", "vacuum", "all"])
def test_searches_follow_what_others_write(store, other, how):
    """A search that has a scope in memory finds what another process made of it since, whatever that was."""
    tea, wine, _ = add(store, "green tea", "red wine", "white wine", expires_at=NOW + 9)
    assert len(found(other, "tea")) == 3
    {
        "add": lambda: add(store, "black tea"),
        "update": lambda: store.apply(Changes(updates=[retold(tea, "coffee")]), PRESENT),
        "delete": lambda: store.apply(Changes(deletions=[wine]), PRESENT),
        "delete matching": lambda: store.delete_matching(Visible(parse({"memory": "red wine"}), NOW)),
        "reset": lambda: store.reset(parse({"user_id": "alice"}), {}, None),
        "vacuum": lambda: store.vacuum(NOW + 9),
        "all": lambda: store.apply(Changes([entry("black tea")], [retold(tea, "coffee")], [wine]), PRESENT),
    }[how]()
    assert sorted(found(other, "tea")) == sorted(found(store, "tea")) == texts(store)
    assert len(texts(store)) == {"add": 4, "update": 3, "delete": 2, "delete matching": 2, "all": 3}.get(how, 0)


# -- repeats and callbacks


def test_a_repeat_is_stored_once_whoever_is_first(store, other):
    """Of many calls that add the same text at the same time one stores it, and the others get that memory."""
    outcomes = []

    def work(writer):
        return lambda: outcomes.extend(
            writer.apply(Changes([entry("likes tea", unique="text")]), PRESENT).outcomes[0] for _ in range(5)
        )

    together(*(work(writer) for writer in (store, other, store, other)))
    assert sum(one.added for one in outcomes) == 1
    assert len({one.record.id for one in outcomes}) == 1
    assert texts(store) == ["likes tea"]


def test_what_makes_a_repeat(store):
    """Of one scope the same words are a repeat, also within a call; an id is one in all scopes; without either nothing
    is. An expired memory is never repeated."""
    twice = [entry("likes tea", unique="text"), entry("likes tea", unique="text")]
    assert [one.added for one in store.apply(Changes(twice), PRESENT).outcomes] == [True, False]
    outcomes = store.apply(
        Changes([
            entry("likes tea", BOB, unique="text"),
            entry("likes tea"),
            entry("something else", BOB, unique="id", id=twice[0].record.id),
        ]),
        PRESENT,
    ).outcomes  # fmt: skip
    assert [one.added for one in outcomes] == [True, True, False]
    assert outcomes[2].record.text == "likes tea"
    add(store, "likes wine", expires_at=NOW)
    assert store.apply(Changes([entry("likes wine", unique="text")]), PRESENT).outcomes[0].added


LATEST = Visible(horizon=NOW, latest=True)


def keyed(text, key="phone", **changed):
    return entry(text, unique="text", key=key, **changed)


def test_a_key_has_one_value(store, other):
    """A memory with a key supersedes the one that had it in its scope, also in searches that somebody else has warm.
    The old one stays for reads by id, with its successor and the date, and its history says so."""
    [first] = store.apply(Changes([keyed("number one")]), PRESENT).outcomes
    assert found(other, "number", latest=True) == found(other, "number", latest=True) == ["number one"]
    [second] = store.apply(Changes([keyed("number two")]), PRESENT).outcomes
    assert (second.added, list(second.superseded)) == (True, [first.record.id])
    store.apply(Changes([keyed("mail", "mail"), keyed("of bob", scope=BOB)]), PRESENT)
    for one in (store, other):
        assert texts(one, LATEST) == ["mail", "number two", "of bob"]
        assert texts(one) == ["mail", "number one", "number two", "of bob"]
        assert found(one, "number", latest=True)[:1] == ["number two"]
        assert "number one" not in found(one, "number", latest=True)
        assert "number one" in found(one, "number")
    before = store.get_many([first.record.id], PRESENT)[first.record.id]
    assert (before.superseded_by, before.superseded_at) == (second.record.id, NOW)
    assert [one["event"] for one in store.history(first.record.id, PRESENT)] == ["ADD", "SUPERSEDE"]
    assert [one["event"] for one in store.changes(0, None, NOW, 100)] == ["ADD", "SUPERSEDE", "ADD", "ADD", "ADD"]


def test_a_key_has_one_value_whoever_sets_it(store, other):
    """Of values that many set at once, one is not superseded, and each of the others names one that came after it."""
    works = [
        lambda one=one, n=n: one.apply(Changes([keyed(f"number {n}")]), PRESENT)
        for n, one in enumerate([store, other] * 4)
    ]
    together(*works)
    assert len(texts(store, LATEST)) == 1
    records = {one.id: one for one in store.page(PRESENT, 100, 0).records}
    assert len(records) == 8
    followed = {one.superseded_by for one in records.values()}
    assert len(followed) == 8  # each has a successor of its own, and the last has none
    assert followed - {None} <= set(records)


def test_what_is_superseded_by_hand(store):
    """An addition supersedes live memories of its scope by id, and with them counts as no repeat. An id of another
    scope, or of nothing, undoes the call."""
    tea, wine = add(store, "likes tea", "likes wine")
    [bobs] = add(store, "likes tea", scope=BOB)
    for unknown in (bobs, "no such id"):
        with pytest.raises(MemoryNotFoundError, match=unknown):
            store.apply(Changes([superseding("likes water", tea, unknown)]), PRESENT)
    assert texts(store, LATEST) == ["likes tea", "likes tea", "likes wine"]
    [outcome] = store.apply(Changes([superseding("likes tea", tea)]), PRESENT).outcomes
    assert (outcome.added, list(outcome.superseded)) == (True, [tea])
    [again] = store.apply(Changes([superseding("likes tea", tea, wine)]), PRESENT).outcomes
    assert (again.added, again.record.id, list(again.superseded)) == (False, outcome.record.id, [wine])
    by = {one.id: one.superseded_by for one in store.get_many([tea, wine, bobs], PRESENT).values()}
    assert by == {tea: outcome.record.id, wine: outcome.record.id, bobs: None}


def superseding(text, *ids):
    made = entry(text, unique="text")
    made.supersedes = ids
    return made


def test_updates_are_made_of_what_they_replace(store, other):
    """Nobody writes between what a callback gets and what it returns: of two hundred counts none is lost."""
    [one] = add(store, "counter", metadata={"n": 0})

    def count(before):
        return before._replace(metadata={"n": before.metadata["n"] + 1})

    def count_document(before):
        return {"n": (before or {"n": 0})["n"] + 1}

    def work(writer):
        def run():
            for _ in range(25):
                writer.apply(Changes(updates=[Update(one, count)]), PRESENT)
                writer.change_document("kind", "name", count_document)

        return run

    together(*(work(writer) for writer in (store, other, store, other)))
    assert store.get_many([one], PRESENT)[one].metadata == {"n": 100}
    assert store.document("kind", "name") == {"n": 100}


def test_a_document_is_what_its_change_returns(store):
    """None is no document, before and after; a change that raises changes nothing; the oldest document comes first."""
    assert store.change_document("kind", "b", lambda before: {"was": before}) == {"was": None}
    store.change_document("kind", "a", lambda _: {"second": True})
    with pytest.raises(ZeroDivisionError):
        store.change_document("kind", "b", fails)
    assert store.documents("kind") == [{"was": None}, {"second": True}]
    assert store.change_document("kind", "b", lambda _: None) is None
    assert (store.document("kind", "b"), store.documents("other")) == (None, [])


# -- what is visible


def test_get_many_returns_what_is_visible(store):
    """Of any number of ids the visible memories come back by id; the others are left out, and asking twice is once."""
    ids = add(store, *(f"tea {number}" for number in range(1_100)))
    [bobs] = add(store, "wine", scope=BOB)
    [expired] = add(store, "old", expires_at=NOW)
    asked = [*ids, *ids, bobs, expired, "nobody", "", "\0", "x" * 100_000]
    alices = parse({"user_id": "alice"})
    assert list(store.get_many(asked, Visible(alices, NOW))) == ids
    assert set(store.get_many(asked, EVERYTHING_STORED)) == {*ids, bobs, expired}
    assert store.get_many(iter([bobs]), Visible(alices, NOW)) == {}
    assert store.get_many([expired], Visible(alices)) != {}
    assert store.get_many([], PRESENT) == {}
    assert store.get_many([bobs], PRESENT)[bobs].text == "wine"


def test_existing_tells_which_ids_there_are(store):
    """Anybody's memories count, expired ones too; any text may be asked for, also one that no id can be."""
    ids = add(store, *(f"tea {number}" for number in range(300)))
    [bobs] = add(store, "wine", scope=BOB)
    [expired] = add(store, "old", expires_at=NOW)
    assert store.existing([*ids, bobs, expired, "nobody", "", "\0", "x" * 100_000, "\ud800"]) == {*ids, bobs, expired}
    assert store.existing(["\ud800"]) == store.existing([]) == set()
    assert store.existing(iter([bobs])) == {bobs}


def test_what_is_out_of_sight_is_as_if_it_were_not_there(store):
    """Another's memory, and an expired one, can be neither read nor changed nor deleted; without a horizon expired ones
    are read."""
    [bobs] = add(store, "wine", scope=BOB)
    [expired] = add(store, "old", expires_at=NOW)
    alices = parse({"user_id": "alice"})
    for one, visible in ((bobs, Visible(alices, NOW)), (expired, PRESENT)):
        with pytest.raises(MemoryNotFoundError):
            store.apply(Changes(updates=[Update(one, lambda before: before)]), visible)
        with pytest.raises(MemoryNotFoundError):
            store.apply(Changes(deletions=[one]), visible)
    assert texts(store) == ["wine"]
    assert texts(store, Visible(alices)) == ["old"]
    assert (found(store, "old"), found(store, "old", horizon=None)) == ([], ["old"])
    assert [one["id"] for one in store.entities(PRESENT)] == ["bob"]
    assert (store.history(expired, PRESENT), len(store.history(expired, EVERYTHING_STORED))) == ([], 1)
    assert store.delete_matching(Visible(alices, NOW)) == 0
    assert texts(store, EVERYTHING_STORED) == ["wine"]  # the expired one is vacuumed on the way


def test_a_change_needs_the_present(store):
    """Without a horizon there is no date for what a call changes."""
    with pytest.raises(ValueError, match="give Visible a horizon"):
        store.apply(Changes(additions=[entry("tea")]), EVERYTHING_STORED)
    assert texts(store) == []


# -- what comes back


TEXTS = ["a\0b", "\0", "\0\0 x\0", "x\x01\0\x02", "\u202e \ufeff \ud7ff \U0010ffff", "tab\tand\nlines\r\n"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_exactly(store, path, text):
    """Texts, speakers, metadata, feedback and documents keep every character, NUL too; filters and searches find
    them."""
    metadata = {"value": text, "list": [text, {"deep": text}]}
    changed = {"metadata": metadata, "actor_id": text, "feedback": "POSITIVE", "feedback_reason": text}
    [one] = add(store, f"tea {text}", **changed)
    store.change_document("kind", "name", lambda _: {"value": text})
    with closing(opened(path)) as again:
        back = again.get_many([one], PRESENT)[one]
        assert (back.text, back.metadata, back.actor_id, back.feedback_reason) == (f"tea {text}", metadata, text, text)
        assert again.document("kind", "name") == {"value": text}
        assert again.history(one, PRESENT)[0]["new_memory"] == f"tea {text}"
        assert again.changes(0, None, NOW, 1)[0]["actor_id"] == text
        assert found(again, "tea") == [f"tea {text}"]
        for asked in ({"value": text}, {"value": {"contains": text}}, {"list": {"contains": text}}, {"actor_id": text}):
            assert texts(again, Visible(parse(asked), NOW)) == [f"tea {text}"], asked
        assert texts(again, Visible(parse({"value": f"{text}x"}), NOW)) == []
        assert (
            again.apply(Changes([entry(f"tea {text}", unique="text", **changed)]), PRESENT).outcomes[0].record == back
        )


def test_vectors_come_back_as_they_were(store):
    """A search gets the very numbers that were stored, and the same scores, whether vectors are kept by then or not."""
    numbers = array("f", [0.6, -0.8, *[0.0] * (EMBEDDER.dimensions - 2)])
    store.apply(Changes([replace_vector(entry("tea"), numbers), *map(entry, ("red tea", "pear", "pear"))]), PRESENT)
    asked = Query.read("tea", numbers, NOW, Ranking.dense())
    told = []
    for _ in range(3):
        with store.searching(Visible(parse({"user_id": "alice"}), NOW), asked) as reading:
            best = Scores(reading.view, asked, Ranking.dense()).best(10, 0.0)
            assert reading.vectors(best)[0].tolist() == numbers.tolist()
            assert reading.vectors([]).shape == (0, EMBEDDER.dimensions)
            assert best[0].score == pytest.approx(1.0)
            told.append((best, reading.view.cosine.tolist(), reading.vectors(best).tolist()))
    assert told[0] == told[1] == told[2]


def replace_vector(made, vector):
    return Entry(made.record, vector)


def test_the_past_is_a_store_of_its_own(store, other):
    """At an instant the store holds what it held then, whoever has changed it since: in lists, by id and in searches.
    What it does not keep any more is asked for."""
    [kept] = add(store, "kept")
    [changed, deleted] = add(store, "before\0", "deleted", scope=BOB, metadata={"a": 1}, actor_id="Bob")
    held = store.page(PRESENT, 10, 0).records
    later = Visible(horizon=NOW + 1)
    other.apply(Changes(updates=[retold(changed, "after")], deletions=[deleted]), later)
    other.apply(Changes(additions=[entry("new")]), later)
    made = []

    def vectors(records):
        made.extend(one.text for one in records)
        return embed_documents(EMBEDDER, [one.indexed_text for one in records])

    remaking = Remaking(vectors, lambda record, categories: None)
    with store.at(NOW, EVERYTHING, remaking) as past:
        assert past.page(PRESENT, 10, 0).records == held
        assert past.graphs.read(PRESENT, None, 1, 10)["nodes"] == []
        assert made == []
    with store.at(NOW, parse({"user_id": "bob"}), remaking, query=asked("deleted")) as past:
        assert found(past, "deleted", "bob") == ["deleted", "before\0"]
        assert sorted(made) == ["before\0", "deleted"]
    with store.at(NOW, EVERYTHING, remaking, ids=[kept, deleted, "unknown"]) as past:
        assert set(past.get_many([kept, deleted, "unknown"], PRESENT)) == {kept, deleted}
    with store.at(NOW - 1, EVERYTHING, remaking) as past:
        assert past.page(EVERYTHING_STORED, 10, 0).total == 0


def test_what_an_import_brings_is_taken_once(store):
    """Histories, events and settings are kept where there is nothing of their name, and are no changes of memories."""
    change = Change("c", "DELETE", "tea", None, NOW, NOW, None, None)
    gone, event = Gone("m", ALICE, [change]), AddEvent("e", ALICE, NOW, [("m", "ADD")])
    settings = FileSettings({"a": 1, "b": 2}, ("skill",))
    assert store.take([gone, event, settings], NOW, by_scope=True) == 5
    assert store.take(iter([gone, event, settings]), NOW, by_scope=True) == 0
    assert store.take([Gone("m", BOB, [change])], NOW) == 0
    assert store.take([Gone("m", BOB, [change]), FileSettings({"a": 3, "c": 4})], NOW, by_scope=True) == 2
    assert store.document("project", "") == {"a": 1, "b": 2, "c": 4}
    assert store.graph_categories == ("skill",)
    assert [one["id"] for one in store.history("m", PRESENT)] == ["c", "c"]
    assert store.events(PRESENT, 10, 0, event_id="e").total == store.events(PRESENT, 10, 0).total == 1
    assert store.events(Visible(parse({"user_id": "bob"}), NOW), 10, 0, event_id="e").total == 0


# -- who may use it


def test_only_its_embedder_may_add_and_search(store, path):
    """A store refuses another embedder, on opening and afterwards; to delete needs none."""
    assert store.identity() == identity(EMBEDDER)
    [one] = add(store, "tea")
    with pytest.raises(EmbedderMismatchError):
        opened(path, HashEmbedder("another", EMBEDDER.dimensions))
    store.apply(Changes(deletions=[one]), PRESENT)
    assert texts(store) == []


def test_categories_are_those_of_the_store(store, other):
    """Who writes graphs of categories that the store no longer has is told the new ones, and nothing is stored."""
    store.graphs.begin(("skill",))
    with pytest.raises(CategoriesChangedError) as caught:
        other.apply(Changes(additions=[entry("tea")], categories=()), PRESENT)
    assert caught.value.categories == ("skill",)
    assert store.graphs.stats()["current"] is False
    other.apply(Changes(additions=[entry("tea")], categories=("skill",)), PRESENT)
    with pytest.raises(CategoriesChangedError):
        other.graphs.finish(("another",))
    other.graphs.finish(("skill",))
    assert store.graphs.stats()["current"] is True
    assert texts(store) == ["tea"]


def test_every_memory_has_a_position(store):
    """In parts, after the position of the last one, every memory comes once, expired ones too."""
    ids = {*add(store, *(f"tea {number}" for number in range(5)), expires_at=NOW), *add(store, "wine", scope=BOB)}
    position, seen = None, []
    while batch := store.graphs.after(position, 2):
        seen += [one.id for _, one in batch]
        position = batch[-1][0]
    assert (len(seen), set(seen)) == (6, ids)


def test_a_store_that_is_no_file_says_so():
    """A verb that only a file has is refused where the store is none, with what to use instead."""

    class Elsewhere:
        file = None

    with pytest.raises(DatabaseError, match=r"backup: this store is .* not in a file\. Use pg_dump"):
        file_of(Elsewhere(), "backup")


def test_a_closed_store_is_closed(path):
    """After close every call is a ClosedError, and closing again does nothing."""
    store = opened(path)
    store.close()
    store.close()
    for call in (
        lambda: store.apply(Changes(), PRESENT),
        lambda: store.get_many(["x"], PRESENT),
        lambda: store.last_change(),
    ):
        with pytest.raises(ClosedError):
            call()


# -- additions that were not embedded


def test_a_repeat_needs_no_vector(store):
    """``repeats`` tells which records are there word for word, and those may be added without a vector."""

    def repeated(*records, **options):
        return [one.repeats for one in store.repeats([Entry(one, None, "text", **options) for one in records], NOW)]

    tea = entry("tea")
    store.apply(Changes([tea]), PRESENT)
    asked = [record("tea"), record("tea", BOB), record("milk"), record("tea", created_at=NOW - 1)]
    assert repeated(*asked) == [True, False, False, True]
    assert repeated(asked[0], asked[0]._replace(created_at=NOW - 86_400_000_000), dated=True) == [True, False]
    assert repeated(*asked, *[record("milk")] * 100, asked[0]) == [True, False, False, True, *[False] * 100, True]
    [outcome] = store.apply(Changes([Entry(asked[0], None, unique="text")]), PRESENT).outcomes
    assert (outcome.added, outcome.record.id) == (False, tea.record.id)


def seen(store, made):
    """The entry, after a look for what it repeats."""
    [made.seen] = store.repeats([made], NOW)
    return made


def reset_and_tell(store):
    store.reset(parse({"user_id": "alice"}), {"user_id": "alice"}, None)
    add(store, "likes tea")


MEANWHILE = {
    "nothing": (lambda store, one: None, True),
    "the same text is added": (lambda store, one: add(store, "likes tea"), False),
    "a copy is added": (lambda store, one: add(store, "Likes tea."), False),
    "a copy and much else is added": (lambda store, one: add(store, "Likes tea.", *map(str, range(100))), False),
    "other texts are added": (lambda store, one: add(store, "likes wine", "likes no tea"), True),
    "others' memories are added": (lambda store, one: add(store, "likes tea", scope=BOB), True),
    "one that has expired is added": (lambda store, one: add(store, "likes tea", expires_at=NOW), True),
    "somebody else says it": (lambda store, one: add(store, "likes tea", actor_id="Ann"), True),
    "it is said on another day": (lambda store, one: add(store, "likes tea", created_at=NOW - 90_000_000_000), True),
    "another memory becomes the same": (
        lambda store, one: store.apply(Changes(updates=[retold(one, "likes tea")]), PRESENT),
        False,
    ),
    "the scope is made again": (lambda store, one: reset_and_tell(store), False),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_what_was_seen_is_looked_at_again(store, other, meanwhile):
    """What others add or change between the look for repeats and the transaction counts in the transaction."""
    work, added = MEANWHILE[meanwhile]
    [one] = add(store, "likes milk")
    asked = seen(store, entry("likes tea", unique="text"))
    assert not asked.seen.repeats
    work(other, one)
    assert store.apply(Changes([asked]), PRESENT).outcomes[0].added is added


def test_a_repeat_that_was_seen_and_is_gone_is_none(store, other):
    """A memory that an addition repeated, and that was deleted, expired or retold since, is not repeated any more."""
    changes = [
        lambda one: other.apply(Changes(deletions=[one]), PRESENT),
        lambda one: other.apply(Changes(updates=[retold(one, "likes wine")]), PRESENT),
        lambda one: other.apply(
            Changes(updates=[Update(one, lambda before: before._replace(expires_at=NOW))]), PRESENT
        ),
        lambda one: other.reset(parse({"user_id": "alice"}), {"user_id": "alice"}, None),
    ]
    for number, change in enumerate(changes):
        [one] = add(store, f"likes tea {number}")
        asked = seen(store, entry(f"likes tea {number}", unique="text"))
        assert asked.seen.repeats
        [outcome] = store.apply(Changes([asked]), PRESENT).outcomes
        assert (outcome.added, outcome.record.id) == (False, one)
        change(one)
        with pytest.raises(NotEmbeddedError):
            lost = Entry(asked.record, None, "text")
            lost.seen = asked.seen
            store.apply(Changes([lost]), PRESENT)
        assert store.apply(Changes([asked]), PRESENT).outcomes[0].added


def test_a_repeat_that_expires_after_the_look_is_none(store):
    """A memory that an addition repeated is not repeated by a transaction at an instant at which it has expired."""
    add(store, "likes tea", expires_at=NOW + 1)
    asked = seen(store, entry("likes tea", unique="text", expires_at=NOW + 1))
    assert asked.seen.repeats
    assert store.apply(Changes([asked]), Visible(horizon=NOW + 1)).outcomes[0].added


def test_a_look_before_changes_no_outcome(store, tmp_path, seed):
    """Whatever others write meanwhile, additions that were looked for before are stored, or not, as any others."""
    drawn = random.Random(seed)

    def said():
        return drawn.choice(["{}", "{}.", "{}!"]).format(" ".join(drawn.choices(["red", "tea", "Pear", "7"], k=3)))

    with closing(opened(tmp_path / "twin.db")) as twin:
        for _ in range(25):
            entries = [entry(said(), drawn.choice([ALICE, BOB]), "text") for _ in range(drawn.randrange(1, 4))]
            twins = [Entry(one.record, one.vector, one.unique) for one in entries]
            for one, looked in zip(entries, store.repeats(entries, NOW), strict=True):
                one.seen = looked
            meanwhile = [entry(said(), drawn.choice([ALICE, BOB]), "text") for _ in range(drawn.randrange(3))]
            held = [one.id for one in store.page(PRESENT, 100, 0).records]
            gone = Changes(meanwhile, deletions=drawn.sample(held, min(len(held), drawn.randrange(3))))
            for one in (store, twin):
                one.apply(gone, PRESENT)
            outcomes = [
                [(one.added, one.record.id) for one in target.apply(Changes(asked), PRESENT).outcomes]
                for target, asked in ((store, entries), (twin, twins))
            ]
            assert outcomes[0] == outcomes[1]


def test_what_repeats_nothing_needs_a_vector(store):
    """An addition without a vector that repeats nothing undoes the whole call."""
    with pytest.raises(NotEmbeddedError):
        store.apply(Changes([entry("milk"), Entry(record("tea"), None, unique="text")]), PRESENT)
    assert store.page(EVERYTHING_STORED, 10, 0).total == 0
