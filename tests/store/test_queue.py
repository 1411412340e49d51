"""Facts and the jobs that draw them, on whichever store ``--store`` names: ``Queue`` in mem0lite/store/protocol.py."""

import json
import multiprocessing
import uuid
from contextlib import closing

import pytest
from embedder import HashEmbedder

from mem0lite import DatabaseError, MemoryNotFoundError
from mem0lite.data.filters import EVERYTHING, parse
from mem0lite.data.jsonl import read_lines, to_line
from mem0lite.data.records import AddEvent, Job, Record, Scope
from mem0lite.embedding.protocol import embed_documents, identity
from mem0lite.store import (
    EVERYTHING_STORED,
    Call,
    Changes,
    Entry,
    Finished,
    JobLostError,
    Queue,
    SourcesChangedError,
    Update,
    Visible,
    open_store,
)
from mem0lite.values import text_hash

EMBEDDER = HashEmbedder()
NOW, MINUTE = 1_700_000_000_000_000, 60_000_000
PRESENT = Visible(horizon=NOW)
ALICE, BOB = Scope(user_id="alice"), Scope(user_id="bob")
OF_ALICE = parse({"user_id": "alice"})


@pytest.fixture
def store(path):
    with closing(open_store(path, embedder=identity(EMBEDDER))) as store:
        if not isinstance(store, Queue):
            pytest.skip("this store draws no facts")
        yield store


@pytest.fixture
def other(store, path):
    """The same store, open for the second time, as another process has it."""
    with closing(open_store(path, embedder=identity(EMBEDDER))) as other:
        yield other


def entry(text, scope=ALICE, **changed):
    record = Record(str(uuid.uuid4()), scope, text, text_hash(text), None, NOW, NOW)._replace(**changed)
    return Entry(record, embed_documents(EMBEDDER, [text])[0], unique="text")


def say(store, *texts, scope=ALICE, job=None, **changed):
    """Add turns in one call; return the id of its event, and theirs."""
    event_id, entries = str(uuid.uuid4()), [entry(text, scope, **changed) for text in texts]
    call = Call(event_id, scope, len(entries), Job() if job is None else job)
    outcomes = store.apply(Changes(entries, calls=[call]), PRESENT).outcomes
    return event_id, [one.record.id for one in outcomes]


def draw(store, *facts, now=NOW, **finished):
    """Claim a job and finish it with facts, each a text with the ids of its sources; return their ids."""
    claimed = store.claim(now, now + MINUTE)
    entries = [entry(text, claimed.scope, sources=tuple(sources)) for text, sources in facts]
    results = [(one.record.id, "ADD") for one in entries]
    done = Finished(claimed.event_id, claimed.claim, results, **finished)
    return [one.record.id for one in store.apply(Changes(entries, finished=done), Visible(horizon=now)).outcomes]


def texts(store, horizon=NOW):
    return sorted(one.text for one in store.page(Visible(horizon=horizon), 10_000, 0).records)


def event(store, event_id):
    [found] = store.events(PRESENT, 1, 0, event_id=event_id).events
    return found


def ends(memory_id, expires_at):
    return Changes(updates=[Update(memory_id, lambda one: one._replace(expires_at=expires_at))])


def expiry(store, memory_id):
    return store.get_many([memory_id], EVERYTHING_STORED)[memory_id].expires_at


# -- the queue


def test_a_job_is_queued_with_its_turns_and_finished_with_its_facts(store, other):
    """The job comes with the call that adds the turns, and goes with the changes that it was for. The event says so, in
    every process."""
    event_id, turns = say(store, "I like tea", "and I live in Oslo", job=Job({"prompt": "be brief"}))
    assert event(other, event_id)["status"] == "PENDING"
    claimed = other.claim(NOW, NOW + MINUTE)
    assert (claimed.event_id, claimed.scope, list(claimed.turns)) == (event_id, ALICE, turns)
    assert (claimed.wishes, claimed.attempts, claimed.created_at) == ({"prompt": "be brief"}, 1, NOW)
    fact = entry("Alice likes tea", sources=(turns[0],))
    finished = Finished(event_id, claimed.claim, [(fact.record.id, "ADD"), (turns[0], "NONE")], {"calls": 2})
    other.apply(Changes([fact], finished=finished), PRESENT)
    done = event(store, event_id)
    assert (done["status"], [one["event"] for one in done["results"]]) == ("SUCCEEDED", [*["ADD"] * 3, "NONE"])
    assert done["results"][2] == {"id": fact.record.id, "event": "ADD", "memory": "Alice likes tea"}
    assert store.claim(NOW + 2 * MINUTE, NOW + 3 * MINUTE) is None
    assert store.jobs(EVERYTHING) == (0, 0, None)
    assert store.costs(EVERYTHING) == [(ALICE, {"calls": 2})]


def test_a_call_that_adds_nothing_has_no_job(store):
    """What repeats memories has its facts already."""
    say(store, "I like tea")
    draw(store)
    event_id, _ = say(store, "I like tea")
    assert event(store, event_id)["status"] == "SUCCEEDED"
    assert store.claim(NOW, NOW + MINUTE) is None


def test_a_claim_lasts_until_its_instant(store, other):
    """Nobody else gets a claimed job, until the claim is over: then whoever takes it is the only one to finish it."""
    event_id, [turn] = say(store, "I like tea")
    first = store.claim(NOW, NOW + MINUTE)
    assert other.claim(NOW + MINUTE - 1, NOW + 2 * MINUTE) is None
    second = other.claim(NOW + MINUTE, NOW + 2 * MINUTE)
    assert (second.event_id, second.attempts) == (event_id, 2)
    fact = entry("Alice likes tea", sources=(turn,))
    with pytest.raises(JobLostError):
        store.apply(Changes([fact], finished=Finished(event_id, first.claim)), PRESENT)
    assert texts(store) == ["I like tea"]
    other.apply(Changes([fact], finished=Finished(event_id, second.claim)), PRESENT)
    with pytest.raises(JobLostError):
        other.apply(Changes([entry("again", sources=(turn,))], finished=Finished(event_id, second.claim)), PRESENT)
    assert texts(store) == ["Alice likes tea", "I like tea"]


def test_one_job_of_a_scope_at_a_time(store, other):
    """While a job of a scope is claimed, the next one of that scope waits, and those of others do not."""
    first, _ = say(store, "I like tea")
    second, _ = say(store, "I like wine")
    third, _ = say(store, "I like milk", scope=BOB)
    assert store.claim(NOW, NOW + MINUTE).event_id == first
    assert other.claim(NOW, NOW + MINUTE).event_id == third
    assert other.claim(NOW, NOW + MINUTE) is None
    assert other.claim(NOW, NOW + MINUTE, event_id=second) is None
    later = [other.claim(NOW + MINUTE, NOW + 2 * MINUTE) for _ in range(3)]
    assert [one and one.scope for one in later] == [ALICE, BOB, None]


def test_a_certain_job_can_be_claimed(store):
    """The one that a call has just made, whatever else waits."""
    say(store, "I like tea", scope=BOB)
    event_id, _ = say(store, "I like wine")
    assert store.claim(NOW, NOW + MINUTE, event_id="unknown") is None
    assert store.claim(NOW, NOW + MINUTE, event_id=event_id).event_id == event_id


def test_a_failed_job_waits_and_is_given_up_visibly(store):
    """A job that is given back waits until it is due. One that is given up has FAILED, with the reason, until somebody
    puts it back."""
    event_id, _ = say(store, "I like tea")
    claimed = store.claim(NOW, NOW + MINUTE)
    assert store.give_back(claimed, "no answer", NOW + 2 * MINUTE, {"failures": 1}, NOW)
    assert not store.give_back(claimed, "late", None, {"failures": 1}, NOW)
    assert (event(store, event_id)["status"], event(store, event_id)["problem"]) == ("PENDING", "no answer")
    assert store.claim(NOW + MINUTE, NOW + 3 * MINUTE) is None
    again = store.claim(NOW + 2 * MINUTE, NOW + 3 * MINUTE)
    assert again.attempts == 2
    assert store.give_back(again, "nonsense", None, {"failures": 2, "seconds": 0.5}, NOW + 2 * MINUTE)
    assert (event(store, event_id)["status"], event(store, event_id)["problem"]) == ("FAILED", "nonsense")
    assert store.claim(NOW + 10 * MINUTE, NOW + 11 * MINUTE) is None
    assert store.jobs(OF_ALICE) == (0, 1, None)
    assert store.costs(OF_ALICE) == [(ALICE, {"failures": 3, "seconds": 0.5})]
    assert store.jobs(parse({"user_id": "bob"})) == (0, 0, None)
    assert store.costs(parse({"user_id": "bob"})) == []
    assert store.retry(parse({"user_id": "bob"}), NOW) == 0
    assert store.retry(OF_ALICE, NOW + 10 * MINUTE) == 1
    assert store.claim(NOW + 10 * MINUTE, NOW + 11 * MINUTE).attempts == 1


def test_finishing_is_all_or_nothing(store):
    """If one change of a job cannot be done, none is, and the job stays."""
    event_id, [turn] = say(store, "I like tea")
    claimed = store.claim(NOW, NOW + MINUTE)
    done = Finished(event_id, claimed.claim, spent={"calls": 1})
    with pytest.raises(MemoryNotFoundError):
        store.apply(Changes([entry("A fact", sources=(turn,))], deletions=["unknown"], finished=done), PRESENT)
    assert (texts(store), event(store, event_id)["status"]) == (["I like tea"], "PENDING")
    assert store.costs(EVERYTHING) == []


@pytest.mark.parametrize("how", ["deleted", "expired", "elsewhere"])
def test_a_fact_needs_its_sources(store, how):
    """A fact of what was deleted or expired meanwhile, or is another scope's, is not stored."""
    event_id, [turn] = say(store, "I like tea", expires_at=NOW + 5)
    _, [others] = say(store, "I like wine", scope=BOB)
    claimed = store.claim(NOW, NOW + MINUTE, event_id=event_id)
    if how == "deleted":
        store.apply(Changes(deletions=[turn]), PRESENT)
    later = Visible(horizon=NOW + 5 if how == "expired" else NOW)
    fact = entry("A fact", sources=(others if how == "elsewhere" else turn,))
    with pytest.raises(MemoryNotFoundError):
        store.apply(Changes([fact], finished=Finished(event_id, claimed.claim)), later)
    assert "A fact" not in texts(store)


@pytest.mark.parametrize("how", ["reset", "erase"])
def test_jobs_go_with_their_scope(store, how):
    """A scope that is removed takes its jobs with it, and a claim on one of them no longer holds."""
    event_id, _ = say(store, "I like tea")
    say(store, "I like wine", scope=BOB)
    claimed = store.claim(NOW, NOW + MINUTE, event_id=event_id)
    if how == "reset":
        store.reset(OF_ALICE, {"user_id": "alice"}, None)
    else:
        store.erase(OF_ALICE, ["alice"])
    assert store.jobs(EVERYTHING)[:2] == (1, 0)
    with pytest.raises(JobLostError):
        store.apply(Changes([entry("A fact", BOB)], finished=Finished(event_id, claimed.claim)), PRESENT)
    store.reset(EVERYTHING, {}, None)
    assert store.jobs(EVERYTHING) == (0, 0, None)


def test_vacuum_keeps_what_is_pending(store):
    """Events that are old go, with jobs that were given up; what is still to be done stays."""
    pending, _ = say(store, "I like tea")
    failed, _ = say(store, "I like wine", scope=BOB)
    store.give_back(store.claim(NOW, NOW + MINUTE, event_id=failed), "nonsense", None, {}, NOW)
    year = NOW + 365 * 24 * 60 * MINUTE
    store.vacuum(year)
    assert [one["id"] for one in store.events(PRESENT, 10, 0).events] == [pending]
    assert store.jobs(EVERYTHING)[:2] == (1, 0)


def take_all(path, gate, taken):
    """Claim jobs until there are none, and tell which; a process of its own."""
    with closing(open_store(path, embedder=identity(EMBEDDER))) as store:
        gate.wait(timeout=120)
        while (claimed := store.claim(NOW, NOW + MINUTE)) is not None:
            taken.put(claimed.event_id)


def test_of_many_processes_one_gets_a_job(store, path):
    """However many look for work at once, each job is claimed once, and none is left."""
    jobs = [say(store, "I like tea", scope=Scope(user_id=f"user{number}"))[0] for number in range(40)]
    context = multiprocessing.get_context("spawn")
    gate, taken = context.Barrier(3), context.Queue()
    workers = [context.Process(target=take_all, args=(path, gate, taken)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [taken.get(timeout=120) for _ in jobs]
    for worker in workers:
        worker.join()
    assert sorted(found) == sorted(jobs)
    assert taken.empty()
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


@pytest.mark.parametrize("how", ["reset", "reset everything", "erase", "vacuum"])
def test_summaries_go_with_their_scope(store, how):
    """Like exports: what tells of somebody who is removed goes, and what is over."""
    for name, user in (("first", "alice"), ("second", "bob")):
        for kind in ("summary", "export", "webhook"):
            document = {"id": name, "user_id": user, "expires_at": NOW if user == "alice" else NOW + 1}
            store.change_document(kind, name, lambda _, document=document: document)
    if how == "reset":
        store.reset(OF_ALICE, {"user_id": "alice"}, None)
    elif how == "reset everything":
        store.reset(EVERYTHING, {}, None)
    elif how == "erase":
        assert store.erase(OF_ALICE, ["alice"])["exports"] == 2
    else:
        store.vacuum(NOW)
    left = [] if how == "reset everything" else ["second"]
    for kind in ("summary", "export"):
        assert [one["id"] for one in store.documents(kind)] == left
    assert len(store.documents("webhook")) == 2


# -- facts and their sources


def test_a_fact_goes_with_its_last_source(store):
    """Deleting a turn deletes the facts that have no other source, in one transaction, and notes it in histories."""
    _, [tea, oslo] = say(store, "I like tea", "and I live in Oslo")
    one, both = draw(store, ("Alice likes tea", [tea]), ("Alice has tea in Oslo", [tea, oslo]))
    store.apply(Changes(deletions=[tea]), PRESENT)
    assert texts(store) == ["Alice has tea in Oslo", "and I live in Oslo"]
    assert [item["event"] for item in store.history(one, PRESENT)] == ["ADD", "DELETE"]
    assert store.get_many([both], PRESENT)[both].sources == (tea, oslo)
    store.delete_matching(Visible(parse({"AND": [{"user_id": "alice"}, {"memory": "and I live in Oslo"}]}), NOW))
    assert texts(store) == []


def test_deleting_a_fact_leaves_its_source(store):
    """What was said stays when a fact goes."""
    _, [tea] = say(store, "I like tea")
    [fact] = draw(store, ("Alice likes tea", [tea]))
    store.apply(Changes(deletions=[fact]), PRESENT)
    store.apply(Changes(deletions=[tea]), PRESENT)
    assert texts(store) == []


@pytest.mark.parametrize(
    ("first", "second", "fact"), [(5, 9, 9), (9, 5, 9), (None, 5, None), (5, None, None), (None, None, None)]
)
def test_a_fact_lives_as_long_as_the_longest_of_its_sources(store, first, second, fact):
    """A new fact expires with the last of its sources; vacuum removes all of them without a trace."""
    _, [tea] = say(store, "I like tea", expires_at=first and NOW + first)
    draw(store)
    _, [oslo] = say(store, "I live in Oslo", expires_at=second and NOW + second)
    [made] = draw(store, ("Tea in Oslo", [tea, oslo]))
    assert expiry(store, made) == (fact and NOW + fact)
    if fact:
        store.vacuum(NOW + fact)
        assert store.is_empty()
        assert store.history(made, EVERYTHING_STORED) == []


def test_a_fact_follows_when_a_source_gets_another_expiry(store):
    """Shorter or longer: as long as the last source lives. What was given a shorter life of its own keeps that."""
    _, [tea, oslo] = say(store, "I like tea", "I live in Oslo")
    follows, short = draw(store, ("Tea in Oslo", [tea, oslo]), ("Oslo", [oslo]))
    store.apply(ends(short, NOW + 50), PRESENT)
    store.apply(ends(tea, NOW + 10), PRESENT)
    assert expiry(store, follows) is None
    store.apply(ends(oslo, NOW + 90), PRESENT)
    assert (expiry(store, follows), expiry(store, short)) == (NOW + 90, NOW + 50)
    store.apply(ends(oslo, NOW + 20), PRESENT)
    assert (expiry(store, follows), expiry(store, short)) == (NOW + 20, NOW + 20)
    store.apply(ends(oslo, None), PRESENT)
    assert (expiry(store, follows), expiry(store, short)) == (None, None)
    store.apply(ends(follows, NOW + 5), PRESENT)
    store.apply(ends(oslo, NOW + 30), PRESENT)
    assert expiry(store, follows) == NOW + 5
    events = [item["event"] for item in store.history(follows, PRESENT)]
    assert events == ["ADD", "UPDATE", "UPDATE", "UPDATE", "UPDATE"]


def test_a_fact_is_no_longer_lived_than_its_sources_when_one_is_deleted(store):
    """When the source that lives longest is deleted, the fact ends with the next one."""
    _, [tea] = say(store, "I like tea", expires_at=NOW + 10)
    draw(store)
    _, [oslo] = say(store, "I live in Oslo")
    [fact] = draw(store, ("Tea in Oslo", [tea, oslo]))
    store.apply(Changes(deletions=[oslo]), PRESENT)
    assert expiry(store, fact) == NOW + 10


def test_a_fact_cannot_be_made_to_outlive_its_sources(store):
    """Whatever expiry somebody gives it."""
    _, [tea] = say(store, "I like tea", expires_at=NOW + 10)
    [fact] = draw(store, ("Alice likes tea", [tea]))
    store.apply(ends(fact, NOW + 99), PRESENT)
    assert expiry(store, fact) == NOW + 10


def test_an_update_may_add_a_source(store):
    """A fact that is told again has both sources, and lives as long as the longer one."""
    _, [tea] = say(store, "I like tea", expires_at=NOW + 10)
    [fact] = draw(store, ("Alice likes tea", [tea]))
    event_id, [green] = say(store, "Green tea, that is")
    claimed = store.claim(NOW, NOW + MINUTE)
    told = Update(fact, lambda one: one._replace(sources=(*one.sources, green)))
    store.apply(Changes(updates=[told], finished=Finished(event_id, claimed.claim)), PRESENT)
    assert (expiry(store, fact), store.get_many([fact], PRESENT)[fact].sources) == (None, (tea, green))
    store.apply(Changes(deletions=[tea]), PRESENT)
    assert "Alice likes tea" in texts(store)
    store.apply(Changes(deletions=[green]), PRESENT)
    assert texts(store) == []


# -- edited sources


def edit(*memory_ids, text="I like coffee", **changed):
    def change(record):
        return record._replace(text=text, hash=text_hash(text), **changed)

    vector = embed_documents(EMBEDDER, [text])[0]
    return Changes(updates=[Update(one, change, vector) for one in memory_ids])


def test_an_edited_source_has_its_facts_drawn_again(store, other):
    """The job comes with the edit, all or none; of several memories of a scope it is one, and it is not there twice."""
    _, [tea, milk] = say(store, "I like tea", "I like milk")
    [fact] = draw(store, ("Alice likes tea and milk", [tea, milk]))
    _, [bobs] = say(store, "I like tea", scope=BOB)
    draw(store, ("Bob likes tea", [bobs]))
    _, [unread] = say(store, "I like wine", job=None)
    later = Visible(horizon=NOW + 1)
    with pytest.raises(MemoryNotFoundError):
        store.apply(edit(tea, "never-was-here"), later)
    assert other.jobs(EVERYTHING).pending == 1
    events = store.apply(edit(tea, milk, bobs, unread), later).events
    assert [(event(other, one)["event_type"], event(other, one)["status"]) for one in events] == [
        ("UPDATE", "PENDING")
    ] * 2
    assert store.apply(edit(tea, milk, text="I like rum"), later).events == events[:1]
    draw(store)  # what was there before
    claimed = other.claim(NOW + 1, NOW + MINUTE, event_id=events[0])
    assert (claimed.edited, sorted(claimed.turns), claimed.scope) == (True, sorted([tea, milk]), ALICE)
    assert [one.id for one in other.drawn(claimed.turns, later)] == [fact]
    assert other.drawn([unread, "never-was-here"], later) == other.drawn([], later) == []
    assert store.apply(edit(tea, milk, text="I like gin"), later).events[0] not in events  # the other one is at work
    with pytest.raises(JobLostError):
        store.apply(Changes(deletions=[fact], finished=Finished(events[0], "another")), later)
    done = Finished(events[0], claimed.claim, [(fact, "DELETE")])
    other.apply(Changes(deletions=[fact], finished=done), later)
    assert [one["event"] for one in event(store, events[0])["results"]] == ["UPDATE", "UPDATE", "DELETE"]


@pytest.mark.parametrize(
    ("changed", "again"),
    [({"created_at": NOW - 1}, True), ({}, False), ({"metadata": {"a": 1}, "expires_at": NOW + MINUTE}, False)],
)
def test_only_words_and_dates_are_read_again(store, changed, again):
    """An update that leaves what was said and when, leaves the facts alone; so does one of a fact."""
    _, [tea] = say(store, "I like tea")
    [fact] = draw(store, ("Alice likes tea", [tea]))
    assert bool(store.apply(edit(tea, text="I like tea", **changed), PRESENT).events) is again
    assert store.apply(edit(fact), PRESENT).events == []


def test_what_a_model_read_must_be_as_it_was(store, other):
    """Facts of words or dates that were changed meanwhile are not stored; what is gone meanwhile does not matter."""
    event_id, [tea, milk] = say(store, "I like tea", "I like milk")
    claimed = store.claim(NOW, NOW + MINUTE)
    read = {one: (record.hash, record.created_at) for one, record in store.get_many([tea, milk], PRESENT).items()}
    finished = Finished(event_id, claimed.claim, read=read)
    other.apply(Changes(deletions=[milk]), PRESENT)
    for change in (edit(tea), edit(tea, text="I like tea", created_at=NOW - 1)):
        other.apply(change, PRESENT)
        with pytest.raises(SourcesChangedError):
            store.apply(Changes([entry("Alice likes tea", sources=(tea,))], finished=finished), PRESENT)
    assert event(store, event_id)["status"] == "PENDING"
    other.apply(edit(tea, text="I like tea", created_at=NOW), PRESENT)
    store.apply(Changes([entry("Alice likes tea", sources=(tea,))], finished=finished), PRESENT)
    assert texts(store) == ["Alice likes tea", "I like tea"]


def test_events_are_selected_by_what_was_called(store):
    """Totals, pages and cursors are those of one type."""
    _, [tea] = say(store, "I like tea")
    draw(store, ("Alice likes tea", [tea]))
    [edited] = store.apply(edit(tea), PRESENT).events
    say(store, "I like milk")
    found = store.events(PRESENT, 1, 0, event_type="ADD")
    assert (len(found.events), found.total) == (1, 2)
    rest = store.events(PRESENT, 5, 0, after=found.following, event_type="ADD")
    assert [one["event_type"] for one in rest.events] == ["ADD"]
    only = store.events(PRESENT, 5, 0, event_type="UPDATE")
    assert ([one["id"] for one in only.events], only.total, only.following) == ([edited], 1, None)


# -- moving


def exported(store, expression=EVERYTHING):
    visible = Visible(expression, NOW)
    with store.scanning(visible, logs=expression) as found:
        return [to_line(one) for one in found]


def test_facts_and_jobs_survive_an_export(store, tmp_path):
    """Lines hold the sources of facts, and what is still to be done or was given up: another store goes on with it."""
    _, [tea] = say(store, "I like tea")
    draw(store, ("Alice likes tea", [tea]))
    pending, [wine] = say(store, "I like wine", job=Job({"excludes": "drinks"}))
    failed, _ = say(store, "I like milk", scope=BOB)
    store.give_back(store.claim(NOW, NOW + MINUTE, event_id=failed), "nonsense", None, {}, NOW)
    lines = exported(store)
    known = list(read_lines(lines, ALICE._asdict(), NOW, lambda record, day, at: record._replace(expires_at=at)))
    with closing(open_store(tmp_path / "copy.db", embedder=identity(EMBEDDER))) as copy:
        events = [one for one in known if isinstance(one, AddEvent)]
        memories = [one for one in known if not isinstance(one, AddEvent)]
        entries = [
            Entry(one, embed_documents(EMBEDDER, [one.indexed_text])[0], "id", history=history)
            for one, history in memories
        ]
        copy.apply(Changes(entries), PRESENT)
        copy.take(events, NOW)
        assert [json.loads(one) for one in exported(copy)] == [json.loads(one) for one in lines]
        claimed = copy.claim(NOW, NOW + MINUTE)
        assert (claimed.event_id, claimed.wishes, list(claimed.turns)) == (pending, {"excludes": "drinks"}, [wine])
        assert event(copy, failed)["problem"] == "nonsense"
        copy.apply(Changes(deletions=[tea]), PRESENT)
        assert texts(copy) == ["I like milk", "I like wine"]


def test_the_past_of_a_fact_has_its_sources(store):
    """What a fact was before it was told again, or deleted, is read back with the sources that it had."""
    from mem0lite.store import Remaking

    _, [tea] = say(store, "I like tea")
    [fact] = draw(store, ("Alice likes tea", [tea]))
    later = Visible(horizon=NOW + 10)
    store.apply(Changes(updates=[Update(fact, lambda one: one._replace(sources=(tea, "other")))]), later)
    store.apply(Changes(deletions=[tea]), Visible(horizon=NOW + 20))
    remaking = Remaking(
        lambda records: embed_documents(EMBEDDER, [one.indexed_text for one in records]), lambda *_: None
    )
    for instant, sources in ((NOW, (tea,)), (NOW + 10, (tea, "other"))):
        with store.at(instant, OF_ALICE, remaking) as past:
            found = past.get_many([fact], Visible(OF_ALICE, instant))
            assert found[fact].sources == sources
    with store.at(NOW + 20, OF_ALICE, remaking) as past:
        assert past.get_many([fact], Visible(OF_ALICE, NOW + 20)) == {}


def test_a_store_that_is_read_only_claims_nothing(store, path):
    """Working at a job writes."""
    say(store, "I like tea")
    with (
        closing(open_store(path, embedder=identity(EMBEDDER), read_only=True)) as reader,
        pytest.raises(DatabaseError),
    ):
        reader.claim(NOW, NOW + MINUTE)
