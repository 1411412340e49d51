"""Facts whose sources are edited: they are drawn again, and none goes on saying what its source no longer says."""

from datetime import UTC, datetime, timedelta

import pytest
from embedder import HashEmbedder
from scripted_model import ScriptedModel, decision, every_turn

from mem0lite import LanguageModelError, Memory, ValidationError

DOWN = LanguageModelError("http://localhost:11434 cannot be reached. Start it.", retryable=True)


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def model():
    return ScriptedModel()


@pytest.fixture
def memory(path, clock, model):
    with Memory(path, embedder=HashEmbedder(), clock=clock, llm=model) as memory:
        yield memory


@pytest.fixture
def later(path, clock, model):
    with Memory(path, embedder=HashEmbedder(), clock=clock, llm=model, extract_later=True) as memory:
        yield memory


def listed(memory, kinds="facts", user="alice"):
    return {item["memory"]: item for item in memory.get_all(user_id=user, kinds=kinds)["results"]}


def said(memory, *texts, user="alice", **options):
    """Add messages; return the ids of the turns."""
    answer = memory.add([{"role": "user", "content": text} for text in texts], user_id=user, **options)
    return [item["id"] for item in answer["results"] if "sources" not in item]


def changes(memory, memory_id):
    return [(row["event"], row["old_memory"], row["new_memory"]) for row in memory.history(memory_id)]


def test_a_fact_follows_its_edited_source(memory, clock):
    """What a message says no longer is no fact any more; what it says now is one. The history keeps the old words, and
    so does the past."""
    [turn] = said(memory, "I live in Rome")
    then = clock()
    [old] = listed(memory).values()
    answer = memory.update(turn, "I live in Oslo")
    assert [(item["event"], item["memory"]) for item in answer["facts"]["results"]] == [
        ("ADD", "I live in Oslo"),
        ("DELETE", "I live in Rome"),
    ]
    assert (answer["message"], answer["facts"]["status"]) == ("Memory updated successfully!", "SUCCEEDED")
    assert list(listed(memory)) == ["I live in Oslo"]
    assert changes(memory, old["id"]) == [("ADD", None, "I live in Rome"), ("DELETE", "I live in Rome", None)]
    assert [item["memory"] for item in memory.get_all(user_id="alice", kinds="facts", as_of=then)["results"]] == [
        "I live in Rome"
    ]
    assert [hit["memory"] for hit in memory.search("live", user_id="alice", kinds="facts")["results"]] == [
        "I live in Oslo"
    ]


def test_a_decision_may_change_the_old_fact(memory, model):
    """UPDATE gives the fact of an edited message new words: it keeps its id, and its history has the old ones."""
    [turn] = said(memory, "I live in Rome")
    [old] = listed(memory).values()
    model.decisions = lambda facts, known: [decision(1, "UPDATE", known[0]["known"], "I live in Oslo")]
    memory.update(turn, "I live in Oslo")
    [fact] = listed(memory).values()
    assert (fact["id"], fact["memory"], fact["sources"]) == (old["id"], "I live in Oslo", [turn])
    assert changes(memory, old["id"])[-1] == ("UPDATE", "I live in Rome", "I live in Oslo")
    assert memory.search("Oslo", user_id="alice", kinds="facts")["results"][0]["id"] == old["id"]


@pytest.mark.parametrize("text", ["I live in  Rome!", "I live in Rome, and I like it here"])
def test_a_fact_that_is_found_again_stays(memory, model, text):
    """An edit that leaves a fact true leaves the fact, with its id."""
    model.facts = lambda turns: [{"fact": "Lives in Rome", "turns": [turns[0]["turn"]]}]
    [turn] = said(memory, "I live in Rome")
    [old] = listed(memory).values()
    assert [item["event"] for item in memory.update(turn, text)["facts"]["results"]] == ["NONE"]
    assert (listed(memory)["Lives in Rome"]["id"], len(listed(memory))) == (old["id"], 1)


def test_a_decision_that_keeps_false_words_is_not_believed(memory, model):
    """NONE or UPDATE cannot keep what is in no source any more, whatever the model decides."""
    [turn] = said(memory, "I have 3 cats and 2 dogs")
    model.decisions = lambda facts, known: [decision(1, "UPDATE", known[0]["known"], "I have 4 cats and 2 dogs")]
    memory.update(turn, "I have 4 cats")
    assert list(listed(memory)) == ["I have 4 cats"]


def test_other_sources_are_asked(memory, model):
    """A fact that another message still bears out stays and loses only the edited source; one whose number, name or
    negation was only in the edited message is deleted."""
    model.facts = lambda turns: [
        {"fact": "Ann lives in Rome", "turns": [1, 2]},
        {"fact": "Ann has 2 dogs", "turns": [1, 2]},
    ]
    first, second = said(memory, "Ann lives in Rome", "Yes, in Rome, and Ann has 2 dogs")
    kept = listed(memory)["Ann lives in Rome"]
    model.facts = lambda turns: every_turn([turn for turn in turns if "cats" in turn["text"]])
    answer = memory.update(second, "Ann has 3 cats")
    found = listed(memory)
    assert {text: fact["sources"] for text, fact in found.items()} == {
        "Ann lives in Rome": [first],
        "Ann has 3 cats": [second],
    }
    assert found["Ann lives in Rome"]["id"] == kept["id"]
    assert {item["memory"]: item["event"] for item in answer["facts"]["results"]} == {
        "Ann lives in Rome": "NONE",
        "Ann has 2 dogs": "DELETE",
        "Ann has 3 cats": "ADD",
    }
    memory.delete(first)
    assert list(listed(memory)) == ["Ann has 3 cats"]


def test_what_the_other_sources_say_is_not_drawn_twice(memory, model):
    """The other messages of a fact are shown for understanding; no facts are drawn from them again."""
    model.facts = lambda turns: [{"fact": "Ann and Bob live in Rome", "turns": [1, 2]}]
    _, second = said(memory, "Ann lives in Rome", "Bob does, too")
    model.facts = every_turn
    memory.update(second, "Bob lives in Oslo")
    assert list(listed(memory)) == ["Bob lives in Oslo"]
    model.facts = lambda turns: [{"fact": line["text"], "turns": [n]} for n in (1, 2) for line in turns]
    memory.update(second, "Bob moved to Bergen")
    assert list(listed(memory)) == ["Bob moved to Bergen"]


def test_a_text_without_facts_leaves_none(memory):
    """When the new text holds no fact, the old one goes all the same."""
    model = memory._model
    [turn] = said(memory, "I live in Rome")
    model.facts = lambda turns: []
    assert memory.update(turn, "Never mind")["facts"]["status"] == "SUCCEEDED"
    assert listed(memory) == {}


def test_later_means_pending_until_extract(later):
    """With a queue the edit is done at once and its event waits; several edits before that are one job."""
    [turn] = said(later, "I live in Rome")
    later.extract()
    answers = [later.update(turn, text)["facts"] for text in ("I live in Bonn", "I live in Oslo")]
    assert [one["status"] for one in answers] == ["PENDING"] * 2
    assert answers[0]["event_id"] == answers[1]["event_id"]
    event = later.event(answers[0]["event_id"])
    assert (event["event_type"], event["status"]) == ("UPDATE", "PENDING")
    assert [(one["id"], one["event"]) for one in event["results"]] == [(turn, "UPDATE")]
    assert later.stats()["extraction"]["pending"] == 1
    assert later.extract() == {"done": 1, "failed": 0, "pending": 0, "retry_in": None}
    assert list(listed(later)) == ["I live in Oslo"]
    event = later.event(answers[0]["event_id"])
    assert [one["event"] for one in event["results"]] == ["UPDATE", "ADD", "DELETE"]
    assert event["status"] == "SUCCEEDED"


def test_events_are_selected_by_type(later):
    """Edits have events of the type UPDATE, calls of add those of the type ADD; nothing else is a type."""
    [turn] = said(later, "I live in Rome")
    later.extract()
    later.update(turn, "I live in Oslo")
    for asked, expected in ((None, ["UPDATE", "ADD"]), ("ADD", ["ADD"]), ("update", ["UPDATE"])):
        page = later.events(event_type=asked)
        assert ([one["event_type"] for one in page["results"]], page["total"]) == (expected, len(expected))
    for wrong in ("SEARCH", "", 1, ["ADD"]):
        with pytest.raises(ValidationError, match="event_type"):
            later.events(event_type=wrong)


def test_a_model_that_fails_redoes_it_later(memory, model, clock):
    """A model that is down costs no edit: the answer and the event say what is wrong, and the job waits."""
    [turn] = said(memory, "I live in Rome")
    model.fails = [DOWN]
    facts = memory.update(turn, "I live in Oslo")["facts"]
    assert (facts["status"], facts["problem"]) == ("PENDING", str(DOWN))
    assert memory.get(turn)["memory"] == "I live in Oslo"
    clock.now += timedelta(minutes=1)
    assert (memory.extract()["done"], list(listed(memory))) == (1, ["I live in Oslo"])


def test_many_edits_are_one_job_for_each_scope(memory):
    """``update_many`` draws again for each user once, and tells what became of all facts."""
    turns = said(memory, "I live in Rome", "I like tea")
    [other] = said(memory, "I live in Rome", user="bob")
    texts = {turns[0]: "I live in Oslo", turns[1]: "I like milk", other: "I live in Bonn"}
    answer = memory.update_many([{"memory_id": one, "text": text} for one, text in texts.items()])
    assert [one["status"] for one in answer["facts"]] == ["SUCCEEDED"] * 2
    assert sorted(listed(memory)) == ["I like milk", "I live in Oslo"]
    assert list(listed(memory, user="bob")) == ["I live in Bonn"]


def test_an_edit_while_the_model_thinks(memory, model):
    """A model's answer about words that were edited meanwhile is not stored: it is asked about the new ones."""

    def edited(turns):
        for item in listed(memory, "turns").values():
            if item["memory"] == "I live in Rome":
                memory.update(item["id"], "I live in Oslo")
        return every_turn(turns)

    model.facts = edited
    said(memory, "I live in Rome", "I like tea")
    assert sorted(listed(memory)) == ["I like tea", "I live in Oslo"]


def test_a_new_date_is_read_again(memory, model):
    """What "yesterday" means changes with the date of a message."""
    dates = {"2026-03-05": "2026-03-04", "2026-04-11": "2026-04-10"}
    model.facts = lambda turns: [
        {"fact": f"Met Ann on {dates[turn['said'].split()[1]]}", "turns": [turn["turn"]]} for turn in turns
    ]
    [turn] = said(memory, "Met Ann yesterday", timestamp="2026-03-05T10:00:00Z")
    assert list(listed(memory)) == ["Met Ann on 2026-03-04"]
    memory.update(turn, timestamp="2026-04-11T10:00:00Z")
    [(text, fact)] = listed(memory).items()
    assert (text, fact["created_at"]) == ("Met Ann on 2026-04-10", "2026-04-11T10:00:00+00:00")


@pytest.mark.parametrize(
    "change", [{"metadata": {"a": 1}}, {"text": "I live in Rome"}, {"expiration_date": "2031-01-01"}]
)
def test_an_update_that_says_the_same_asks_nobody(memory, model, change):
    """Metadata, lifetimes, or the same text again, leave the facts alone."""
    [turn] = said(memory, "I live in Rome")
    asked = len(model.asked)
    assert "facts" not in memory.update(turn, **change)
    assert (len(model.asked), list(listed(memory)), memory.events()["total"]) == (asked, ["I live in Rome"], 1)


def test_what_has_no_facts_has_nothing_to_redo(memory, model):
    """Messages that were added without facts stay without, and an edited fact is nobody's source."""
    [turn] = said(memory, "I live in Rome", infer=False)
    assert "facts" not in memory.update(turn, "I live in Oslo")
    said(memory, "I like tea")
    assert "facts" not in memory.update(listed(memory)["I like tea"]["id"], "I like green tea")
    assert list(listed(memory)) == ["I like green tea"]


def test_without_a_model_the_job_waits_for_one(path, clock):
    """A process without a model may edit: the job is in the store for whoever has one, and says so."""
    with Memory(path, embedder=HashEmbedder(), clock=clock, llm=ScriptedModel()) as memory:
        [turn] = said(memory, "I live in Rome")
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        facts = memory.update(turn, "I live in Oslo")["facts"]
        assert (facts["status"], memory.event(facts["event_id"])["status"]) == ("PENDING", "PENDING")
        assert memory.stats()["extraction"]["pending"] == 1
    with Memory(path, embedder=HashEmbedder(), clock=clock, llm=ScriptedModel()) as memory:
        assert (memory.extract()["done"], list(listed(memory))) == (1, ["I live in Oslo"])


def test_what_is_deleted_after_the_edit(later):
    """An edited message that is deleted before the model read it takes its facts along, and its job ends."""
    [turn] = said(later, "I live in Rome")
    later.extract()
    event_id = later.update(turn, "I live in Oslo")["facts"]["event_id"]
    later.delete(turn)
    assert later.extract()["done"] == 1
    assert (listed(later), later.event(event_id)["status"]) == ({}, "SUCCEEDED")


def test_another_users_facts_stay(memory):
    """An edit touches only facts of its own user, whatever they say."""
    [turn] = said(memory, "I live in Rome")
    said(memory, "I live in Rome", user="bob")
    memory.update(turn, "I live in Oslo")
    assert list(listed(memory, user="bob")) == ["I live in Rome"]


def test_an_undone_edit_gives_back_the_fact(memory):
    """Giving a message back its old words, as an undo does, gives back what they say."""
    [turn] = said(memory, "I live in Rome")
    memory.update(turn, "I live in Oslo")
    memory.update(turn, memory.history(turn)[-1]["old_memory"])
    assert list(listed(memory)) == ["I live in Rome"]


def test_a_job_of_an_edit_moves_with_an_export(later, tmp_path, clock, model):
    """An export has the waiting job, and a store that imports it goes on with it."""
    [turn] = said(later, "I live in Rome")
    later.extract()
    event_id = later.update(turn, "I live in Oslo")["facts"]["event_id"]
    with (tmp_path / "lines.jsonl").open("w", encoding="utf-8") as lines:
        later.export(lines)
    with Memory(tmp_path / "other.db", embedder=HashEmbedder(), clock=clock, llm=model) as other:
        with (tmp_path / "lines.jsonl").open(encoding="utf-8") as lines:
            other.import_(lines)
        event = other.event(event_id)
        assert (event["event_type"], event["status"]) == ("UPDATE", "PENDING")
        assert (other.extract()["done"], list(listed(other))) == (1, ["I live in Oslo"])
