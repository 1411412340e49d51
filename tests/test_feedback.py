"""Feedback on memories: kept, shown, filtered by."""

import json

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, MemoryNotFoundError, ValidationError


@pytest.fixture
def apple(memory):
    """The id of a memory of u."""
    return memory.add("red apple", user_id="u")["results"][0]["id"]


def test_feedback_is_shown_with_the_memory_and_in_its_history(memory, apple, clock):
    """A feedback is part of the item and a FEEDBACK row of the history, and changes no text and no date."""
    before = memory.get(apple)
    clock.advance(hours=1)
    answer = memory.feedback(apple, "NEGATIVE", "She meant pears")
    assert answer == {"id": apple, "feedback": "NEGATIVE", "feedback_reason": "She meant pears"}
    assert memory.get(apple) == {**before, "feedback": "NEGATIVE", "feedback_reason": "She meant pears"}
    added, given = memory.history(apple)
    assert "feedback" not in added
    assert (given["event"], given["old_memory"], given["new_memory"]) == ("FEEDBACK", "red apple", "red apple")
    assert (given["feedback"], given["feedback_reason"]) == ("NEGATIVE", "She meant pears")
    assert given["updated_at"] == clock().isoformat()


def test_feedback_is_taken_back_with_none(memory, apple):
    """None removes the feedback from the memory, and its history says so."""
    memory.feedback(apple, "POSITIVE")
    memory.feedback(apple)
    assert "feedback" not in memory.get(apple)
    assert [row.get("feedback") for row in memory.history(apple)] == [None, "POSITIVE", None]


def test_feedback_can_be_filtered_by(memory, apple):
    """Lists and searches take feedback and feedback_reason as filters; metadata of that name is another field."""
    other = memory.add("green pear", user_id="u", metadata={"feedback": "NEGATIVE"})["results"][0]["id"]
    memory.feedback(apple, "VERY_NEGATIVE", "wrong fruit")

    def found(filters):
        return {item["id"] for item in memory.get_all(user_id="u", filters=filters)["results"]}

    assert found({"feedback": {"in": ["NEGATIVE", "VERY_NEGATIVE"]}}) == {apple}
    assert found({"feedback_reason": {"contains": "fruit"}}) == {apple}
    assert found({"feedback": None}) == {other}
    assert found({"metadata.feedback": "NEGATIVE"}) == {other}
    [item] = memory.search("fruit", user_id="u", filters={"NOT": {"feedback": "*"}}, threshold=0)["results"]
    assert item["id"] == other


def test_feedback_survives_an_update_and_a_move(memory, apple, tmp_path):
    """An update of the text keeps the feedback, and an export brings it and its history into another file."""
    memory.feedback(apple, "POSITIVE", "right")
    memory.update(apple, "red apples")
    memory.export(tmp_path / "out.jsonl")
    with Memory(tmp_path / "other.db", embedder=HashEmbedder()) as other:
        other.import_(tmp_path / "out.jsonl")
        assert other.get(apple) == memory.get(apple)
        assert other.history(apple) == memory.history(apple)
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["feedback"] == "POSITIVE"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("GOOD",), "feedback"),
        (("positive",), "feedback"),
        (("POSITIVE", " "), "feedback_reason"),
        ((None, "x"), "feedback_reason"),
    ],
)
def test_a_wrong_feedback_is_refused(memory, apple, arguments, field):
    """A word that is none of the three, a blank reason or a reason of nothing is an error, and nothing is kept."""
    with pytest.raises(ValidationError) as caught:
        memory.feedback(apple, *arguments)
    assert caught.value.field == field
    assert len(memory.history(apple)) == 1


@pytest.mark.parametrize("more", [{"feedback": "GREAT"}, {"feedback_reason": "x"}, {"feedback": 1}])
@pytest.mark.parametrize("place", ["line", "history"])
def test_an_import_checks_feedback_too(memory, more, place):
    """A line whose feedback, or that of its history, is none of the three is refused."""
    change = {"event": "FEEDBACK", "created_at": 0, "old_memory": "x", "new_memory": "x"}
    line = (
        {"memory": "x", "user_id": "u", **more}
        if place == "line"
        else {"memory": "x", "user_id": "u", "history": [{**change, **more}]}
    )
    with pytest.raises(ValidationError, match=r"Line 1: Invalid (history\.)?feedback"):
        memory.import_([json.dumps(line)])
    assert memory.get_all(user_id="u")["total"] == 0


def test_feedback_needs_a_memory_of_the_caller(memory, apple):
    """An unknown id, and another user's, are not found."""
    for store, memory_id in ((memory, "none"), (memory.for_user("v"), apple)):
        with pytest.raises(MemoryNotFoundError):
            store.feedback(memory_id, "POSITIVE")
