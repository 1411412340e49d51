from pathlib import Path

import pytest

from mem0lite import MemoryNotFoundError, ValidationError

UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def added(memory):
    [item] = memory.add(
        {"role": "user", "name": "bob", "content": "I love python"}, user_id="u", metadata={"project_id": "p", "n": 5}
    )["results"]
    return item["id"]


def test_update_changes_text_hash_and_date_only(memory, clock, added):
    """A new text changes text, hash and updated_at, and nothing else (mem0 #5160, #6277)."""
    before = memory.get(added)
    clock.advance(seconds=1)
    assert memory.update(added, "I love rust") == {"message": "Memory updated successfully!"}
    assert memory.get(added) == {
        **before,
        "memory": "I love rust",
        "hash": "270ac5911dead796d4d28011505b248c",
        "updated_at": "2026-03-01T12:00:01.250000+00:00",
    }


def test_update_accepts_the_1x_name_data(memory, added):
    """data= is text= under mem0 1.x's name."""
    memory.update(added, data="I love rust")
    assert memory.get(added)["memory"] == "I love rust"


def test_update_merges_metadata(memory, added):
    """Metadata is merged key by key; the keys not named stay, ids in it change no scope."""
    memory.update(added, metadata={"n": 6, "k": None, "user_id": "v"})
    assert memory.get(added)["metadata"] == {"project_id": "p", "n": 6, "k": None, "user_id": "v"}
    assert memory.get(added)["user_id"] == "u"


def test_search_follows_an_update(memory, added):
    """After an update the old words find nothing any more and the new ones do, the speaker's name included."""
    memory.update(added, "I love rust")
    [item] = memory.search("rust", user_id="u", explain=True)["results"]
    assert item["score_details"]["matched_terms"] == ["rust"]
    [item] = memory.search("python bob", user_id="u", explain=True, threshold=0)["results"]
    assert item["score_details"]["matched_terms"] == ["bob"]


def test_update_of_an_unknown_id(memory):
    """Updating an id nobody has raises ValueError in mem0's words."""
    with pytest.raises(ValueError, match=f"Memory with id {UNKNOWN} not found. Please provide a valid 'memory_id'"):
        memory.update(UNKNOWN, "x")


@pytest.mark.parametrize(
    "arguments", [{}, {"text": " "}, {"text": 5}, {"metadata": 5}, {"expiration_date": "bad"}, {"text": "x" * 100_001}]
)
def test_update_with_nothing_or_nonsense(memory, added, arguments):
    """Nothing to update, and values that cannot be accepted, are errors that change nothing."""
    before = memory.get(added)
    with pytest.raises(ValidationError):
        memory.update(added, **arguments)
    assert memory.get(added) == before


def test_delete_removes_one(memory, added):
    """delete removes exactly that memory, and a second time says that it is not there."""
    memory.add("other", user_id="u")
    assert memory.delete(added) == {"message": "Memory deleted successfully!"}
    assert memory.get(added) is None
    assert memory.get_all(user_id="u")["total"] == 1
    with pytest.raises(MemoryNotFoundError, match=f"^Memory with id {added} not found$"):
        memory.delete(added)


@pytest.fixture
def crowded(memory):
    """Nine memories: each of three users with each of three agents."""
    for user in "abc":
        for agent in "xyz":
            memory.add(f"{user} and {agent}", user_id=user, agent_id=agent, metadata={"n": ord(agent) - ord("x")})
    return memory


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({"user_id": "a"}, 6),
        ({"agent_id": "x"}, 6),
        ({"user_id": "a", "agent_id": "x"}, 8),
        ({"user_id": "nobody"}, 9),
        ({"filters": {"user_id": "a", "n": {"gte": 1}}}, 7),
        ({"filters": {"OR": [{"user_id": "a"}, {"agent_id": "x"}]}}, 4),
        ({"filters": {"user_id": "*"}}, 0),
    ],
)
def test_delete_all_removes_the_scope_and_no_more(crowded, scope, left):
    """delete_all removes what its ids and filters match; nobody else's memories (mem0 #3746, #3928)."""
    assert crowded.delete_all(**scope) == {"message": "Memories deleted successfully!"}
    assert crowded.stats()["memories"] == left


@pytest.mark.parametrize(
    "arguments", [{}, {"filters": {}}, {"filters": {"n": 1}}, {"filters": {"NOT": {"user_id": "a"}}}]
)
def test_delete_all_never_wipes_by_mistake(crowded, arguments):
    """Without a user, agent or run that every match must have, delete_all refuses."""
    with pytest.raises(ValueError, match="use the `reset\\(\\)` method"):
        crowded.delete_all(**arguments)
    assert crowded.stats()["memories"] == 9


def test_reset_of_a_scope_and_of_everything(crowded):
    """reset removes a scope with its history, or everything, and the store goes on working."""
    [item] = crowded.get_all(user_id="a", agent_id="x")["results"]
    [other] = crowded.get_all(user_id="b", agent_id="x")["results"]
    assert crowded.reset(user_id="a") is None
    assert crowded.stats()["memories"] == 6
    assert crowded.history(item["id"]) == []
    assert len(crowded.history(other["id"])) == 1
    crowded.reset()
    assert crowded.stats()["memories"] == 0
    assert crowded.history(other["id"]) == []
    crowded.add("again", user_id="a")
    assert crowded.search("again", user_id="a")["results"][0]["memory"] == "again"


def test_history_tells_every_change(memory, clock, added):
    """History rows come oldest first with old and new text, and survive the deletion."""
    clock.advance(seconds=1)
    memory.update(added, "I love rust")
    memory.update(added, metadata={"k": 1})
    memory.delete(added)
    rows = memory.history(added)
    assert [(row["event"], row["old_memory"], row["new_memory"], row["is_deleted"]) for row in rows] == [
        ("ADD", None, "I love python", False),
        ("UPDATE", "I love python", "I love rust", False),
        ("UPDATE", "I love rust", "I love rust", False),
        ("DELETE", "I love rust", None, True),
    ]
    assert len({row["id"] for row in rows}) == 4
    assert {(row["memory_id"], row["actor_id"], row["role"]) for row in rows} == {(added, "bob", "user")}
    assert [row["created_at"] < row["updated_at"] for row in rows] == [False, True, True, True]
    assert memory.history("nope") == []


def test_delete_all_leaves_histories(memory, added):
    """What delete_all removed can still be looked up in its history."""
    memory.delete_all(user_id="u")
    assert [row["event"] for row in memory.history(added)] == ["ADD", "DELETE"]


@pytest.mark.parametrize("given", [{"ne": "a"}, ["a"], None, "", 1.5])
def test_reset_takes_ids_only(crowded, given):
    """An id that is a filter, a list, None or empty is refused, and nothing is removed."""
    with pytest.raises(ValidationError, match="user_id"):
        crowded.reset(user_id=given)
    assert crowded.stats()["memories"] == 9


def test_delete_all_forgets_what_had_expired(memory, clock):
    """An expired memory that delete_all meets goes with its history, as in vacuum, and does not come back in it."""
    [item] = memory.add("secret", user_id="u", ttl=1)["results"]
    clock.advance(seconds=1)
    memory.delete_all(user_id="u")
    assert memory.history(item["id"]) == []
    assert memory.get(item["id"], show_expired=True) is None


def test_what_is_removed_is_gone_from_the_bytes(memory, clock, path):
    """After reset, or expiry and vacuum, neither text, metadata nor words are left anywhere in the files."""
    if not isinstance(path, Path):
        pytest.skip("a database's files are the server's")
    memory.add("the xylophone plan", user_id="u", metadata={"zanzibar": "quokka"})
    memory.add("the marimba plan", user_id="v", ttl=1)
    memory.add("the rest", user_id="v")
    memory.reset(user_id="u")
    clock.advance(seconds=1)
    memory.vacuum()
    memory.close()
    content = path.read_bytes()
    assert b"the rest" in content
    for gone in (b"xylophon", b"zanzibar", b"quokka", b"marimba"):
        assert gone not in content, gone


# -- many at once


def test_update_many_changes_all_or_none(memory, clock):
    """update_many changes text, metadata, expiry and date of many memories in one transaction, or of none."""
    red, blue = (memory.add(text, user_id="u")["results"][0]["id"] for text in ("red", "blue"))
    clock.advance(hours=1)
    answer = memory.update_many(
        [
            {"memory_id": red, "text": "crimson", "metadata": {"k": 1}},
            {"memory_id": blue, "expiration_date": "2030-01-01", "timestamp": "2020-01-01T00:00:00+00:00"},
        ]
    )
    assert answer == {"message": "Successfully updated 2 memories"}
    assert (memory.get(red)["memory"], memory.get(red)["metadata"]) == ("crimson", {"k": 1})
    assert memory.get(blue)["created_at"] == "2020-01-01T00:00:00+00:00"
    assert memory.get(blue)["expiration_date"] == "2030-01-01"
    assert memory.search("crimson", user_id="u")["results"][0]["id"] == red

    before = [memory.get(red), memory.history(red)]
    with pytest.raises(MemoryNotFoundError, match="nope"):
        memory.update_many([{"memory_id": red, "text": "pink"}, {"memory_id": "nope", "metadata": {}}])
    with pytest.raises(ValidationError, match=r"Item 1: At least one of text"):
        memory.update_many([{"memory_id": red, "text": "pink"}, {"memory_id": blue}])
    assert [memory.get(red), memory.history(red)] == before


def test_a_memory_twice_in_one_batch_has_the_last_text(memory):
    """Updates of one memory in one call follow each other, and the index is that of the last text."""
    red = memory.add("red", user_id="u")["results"][0]["id"]
    memory.update_many([{"memory_id": red, "text": "green"}, {"memory_id": red, "text": "red"}])
    assert memory.search("red", user_id="u", explain=True)["results"][0]["score_details"]["semantic_score"] > 0.99
    assert (
        memory.search("green", user_id="u", threshold=0, explain=True)["results"][0]["score_details"]["bm25_score"] == 0
    )
    assert [row["new_memory"] for row in memory.history(red)] == ["red", "green", "red"]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (5, "items"),
        ({"text": "x"}, "memory_id"),
        ({"memory_id": "a", "txt": "x"}, "txt"),
        ({"memory_id": "a", "text": " "}, "text"),
    ],
)
def test_a_wrong_item_of_update_many_is_named(memory, item, field):
    """An item that is no dictionary, lacks its id or has an unknown or unusable value is an error naming that."""
    with pytest.raises(ValidationError) as caught:
        memory.update_many([item])
    assert caught.value.field == field


def test_delete_many_deletes_all_or_none(memory):
    """delete_many deletes many memories in one transaction, or none when one is not there; an id twice counts once."""
    red, blue = (memory.add(text, user_id="u")["results"][0]["id"] for text in ("red", "blue"))
    with pytest.raises(MemoryNotFoundError, match="nope"):
        memory.delete_many([red, "nope"])
    assert memory.get_all(user_id="u")["total"] == 2
    assert memory.delete_many([red, blue, red]) == {"message": "Successfully deleted 2 memories"}
    assert memory.get_all(user_id="u")["total"] == 0
    assert [row["event"] for row in memory.history(red)] == ["ADD", "DELETE"]
    with pytest.raises(ValidationError, match="must be a list"):
        memory.delete_many(red)


def test_a_timestamp_corrects_when_it_was_said(memory, clock):
    """An update's timestamp becomes created_at, and a short-term memory's lifetime counts from it."""
    said = memory.add("red", user_id="u", metadata={"memory_lifespan": "short_term"})["results"][0]["id"]
    clock.advance(minutes=30)
    memory.update(said, timestamp=clock())
    assert memory.get(said)["created_at"] == clock().isoformat()
    clock.advance(minutes=59)
    assert memory.get(said) is not None
    clock.advance(minutes=1)
    assert memory.get(said) is None
