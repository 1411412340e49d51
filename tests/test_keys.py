"""Values under a key, and memories that supersede others: what holds now, and what held before."""

import io
import random
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from backends import agrees
from embedder import HashEmbedder

from mem0lite import Memory, MemoryNotFoundError, ValidationError
from mem0lite.files import is_server

SHOWN = {"user_id": "u", "top_k": 1_000}


def put(memory, text, key="drink", **more):
    [item] = memory.add(text, **{"user_id": "u", "key": key, **more})["results"]
    return item


def now(memory, **more):
    """What holds now, oldest first."""
    return [item["memory"] for item in reversed(memory.get_all(**{**SHOWN, **more})["results"])]


def story(memory, key="drink", **more):
    """Every value that a key had, with the time that it held, oldest first."""
    found = memory.get_all(**{**SHOWN, **more}, latest_only=False, filters={"key": key})["results"]
    return [(one["memory"], one["valid_from"], one.get("valid_to")) for one in reversed(found)]


def test_a_new_value_takes_the_place_of_the_old(memory, clock):
    """Every read shows the value that holds now; latest_only=False shows all, with the time that each held."""
    cola = put(memory, "Ann drinks cola")
    assert "cola" in memory.search("Ann drinks", user_id="u")["results"][0]["memory"]
    clock.advance(days=1)
    coffee = put(memory, "Ann drinks coffee")
    assert coffee["supersedes"] == [cola["id"]]
    for _ in range(3):  # with and without vectors in memory
        assert [one["id"] for one in memory.search("Ann drinks", user_id="u")["results"]] == [coffee["id"]]
        both = memory.search("Ann drinks", user_id="u", latest_only=False)["results"]
        assert {one["id"] for one in both} == {cola["id"], coffee["id"]}
    assert memory.get_all(user_id="u")["total"] == 1
    assert "cola" not in memory.context("Ann drinks", user_id="u")["text"]
    assert "cola" in memory.context("Ann drinks", user_id="u", latest_only=False)["text"]
    assert memory.get_memory_export(filters={"user_id": "u"})["memories"] == [memory.get_all(user_id="u")["results"][0]]
    new, old = memory.get_all(user_id="u", latest_only=False)["results"]
    assert (old["key"], old["superseded_by"], old["valid_to"]) == ("drink", new["id"], new["valid_from"])
    assert (new["key"], new["valid_from"]) == ("drink", new["created_at"])
    assert not {"superseded_by", "valid_to"} & set(new)
    assert memory.get(cola["id"]) == {**old, "score": None}


def test_the_old_value_keeps_its_history(memory, clock):
    """That it was superseded is an event of its own, which names the successor; changes tell it in order."""
    cola = put(memory, "cola")
    clock.advance(hours=1)
    coffee = put(memory, "coffee")
    added, superseded = memory.history(cola["id"])
    assert (added["event"], superseded["event"]) == ("ADD", "SUPERSEDE")
    assert (superseded["old_memory"], superseded["new_memory"]) == ("cola", "cola")
    assert (superseded["superseded_by"], superseded["valid_to"]) == (coffee["id"], clock().isoformat())
    assert (superseded["updated_at"], superseded["is_deleted"]) == (clock().isoformat(), False)
    told = [(one["event"], one["memory_id"]) for one in memory.changes()["results"]]
    assert told == [("ADD", cola["id"]), ("SUPERSEDE", cola["id"]), ("ADD", coffee["id"])]
    assert [one["event"] for one in memory.for_user("u").changes()["results"]] == ["ADD", "SUPERSEDE", "ADD"]


def test_a_value_that_comes_back_is_the_newest(memory, clock):
    """cola, coffee, cola: the last one holds, and it is a memory of its own."""
    for text in ("cola", "coffee", "cola"):
        put(memory, text)
        clock.advance(minutes=1)
    assert now(memory) == ["cola"]
    assert [text for text, *_ in story(memory)] == ["cola", "coffee", "cola"]


@pytest.mark.parametrize(
    ("again", "event"),
    [
        ({}, "NONE"),
        ({"ttl": 60}, "NONE"),
        ({"timestamp": "2026-03-01T12:00:00.25+00:00"}, "NONE"),
        ({"timestamp": "2026-04-01"}, "NONE"),
        ({"timestamp": "2026-02-01"}, "ADD"),
        ({"metadata": {"sure": True}}, "ADD"),
        ({"infer": False}, "ADD"),
        ({"messages": "Likes cola!"}, "ADD"),
        ({"messages": "likes cola"}, "ADD"),
        ({"messages": {"role": "assistant", "content": "Likes cola"}}, "ADD"),
        ({"messages": {"role": "user", "name": "Bob", "content": "Likes cola"}}, "ADD"),
        ({"key": "taste"}, "ADD"),
        ({"key": None}, "NONE"),
        ({"agent_id": "a"}, "ADD"),
    ],
    ids=str,
)
@pytest.mark.parametrize("later", [0, 40], ids=["the same day", "another day"])
def test_the_same_value_again(memory, clock, again, event, later):
    """What a key holds already is not stored again, on whatever day it is said, unless it adds something: life,
    metadata, another speaker, or a letter. Without a key the day counts, as ever."""
    first = put(memory, "Likes cola")
    clock.advance(days=later)
    item = put(
        memory, **{"text": again.get("messages", "Likes cola"), **{k: v for k, v in again.items() if k != "messages"}}
    )
    if again == {"key": None} and later:
        event = "ADD"
    assert item["event"] == event
    assert (item["id"] == first["id"]) == (event == "NONE")


def test_a_longer_life_is_something_new(memory, clock):
    """The same value with a longer life takes the place of the one that would end sooner."""
    short = put(memory, "cola", ttl=60)
    long = put(memory, "cola")
    assert (long["event"], long["supersedes"]) == ("ADD", [short["id"]])
    clock.advance(hours=1)
    assert now(memory) == ["cola"]


def test_the_same_text_without_the_key_is_stored_once_superseded(memory):
    """A superseded memory repeats nothing: what it says holds no more, so it is stored when it is said again."""
    put(memory, "likes cola")
    put(memory, "likes coffee")
    [item] = memory.add("likes cola", user_id="u")["results"]
    [near] = memory.add("Likes cola!", user_id="u")["results"]
    assert (item["event"], near["event"]) == ("ADD", "NONE")
    assert now(memory) == ["likes coffee", "likes cola"]


def test_a_key_is_one_scopes(memory):
    """The same key with other ids is another one: with more of them, with fewer, or of another user."""
    scopes = [{"user_id": "u"}, {"user_id": "v"}, {"user_id": "u", "agent_id": "a"}, {"user_id": "u", "run_id": "r"}]
    scopes += [{"user_id": "u", "app_id": "p"}, {"agent_id": "u"}]
    for scope in scopes:
        [item] = memory.add(f"value of {scope}", key="k", **scope)["results"]
        assert "supersedes" not in item
    assert memory.get_all(user_id="u")["total"] == 4


def test_keys_are_apart(memory):
    """Another key, and no key, are left alone; keys differ by case."""
    for key in ("drink", "Drink", "food", None):
        put(memory, f"value of {key}", key)
    assert memory.get_all(user_id="u")["total"] == 4


def test_a_batch_sets_keys_in_its_order(memory):
    """Of several values of one key in add_many, the last holds; each supersedes the one before."""
    items = [
        {"messages": text, "user_id": "u", "key": key} for text, key in [("a", "k"), ("b", "j"), ("c", "k"), ("c", "k")]
    ]
    results = [result["results"][0] for result in memory.add_many(items)]
    assert [item["event"] for item in results] == ["ADD", "ADD", "ADD", "NONE"]
    assert results[2]["supersedes"] == [results[0]["id"]]
    assert sorted(now(memory)) == ["b", "c"]


@pytest.mark.parametrize("field", ["key", "supersedes"])
@pytest.mark.parametrize("messages", [["one", "two"], [{"role": "system", "content": "x"}]], ids=["two", "none"])
def test_one_message_for_one_place(memory, field, messages):
    """A key has one value, and a memory one successor: with several messages, or none, it is an error by name."""
    first = put(memory, "cola")
    value = {"key": "drink", "supersedes": [first["id"]]}[field]
    messages = [one if isinstance(one, dict) else {"role": "user", "content": one} for one in messages]
    with pytest.raises(ValidationError, match="stores one memory") as caught:
        memory.add(messages, user_id="u", **{field: value})
    assert caught.value.field == field
    assert now(memory) == ["cola"]


def test_roles_choose_the_one_message(memory):
    """With roles, a turn of two is one value."""
    turn = [{"role": "user", "content": "Cola, please"}, {"role": "assistant", "content": "Noted"}]
    memory.add(turn, user_id="u", key="drink", roles=["user"])
    assert now(memory) == ["Cola, please"]


@pytest.mark.parametrize("key", ["", "  ", "*", "a\0b", "a\nb", "x" * 1_001, "\ud800", 1.5, ["k"], True], ids=ascii)
def test_a_key_that_cannot_be_one_is_refused(memory, key):
    """A key is a name like an id: not empty, no control characters, not too long, and not "*"."""
    with pytest.raises(ValidationError) as caught:
        put(memory, "x", key)
    assert caught.value.field == "key"
    assert now(memory) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("josé", unicodedata.normalize("NFD", "josé")), (" phone ", "phone"), (7, "7"), ("home address", "home address")],
    ids=ascii,
)
def test_keys_are_the_same_however_they_are_written(memory, one, other):
    """Unicode forms, whitespace around a key, and a number for its text make no other key."""
    put(memory, "first", one)
    put(memory, "second", other)
    assert now(memory) == ["second"]
    assert memory.get_all(user_id="u", filters={"key": str(other)})["total"] == 1


# -- by hand


def test_an_add_supersedes_what_it_names(memory):
    """supersedes hides any memories of the same ids, keyed or not; naming one twice, or again, changes nothing."""
    [a, b] = (memory.add(text, user_id="u")["results"][0]["id"] for text in ("likes tea", "drinks milk"))
    c = put(memory, "cola")["id"]
    [item] = memory.add("drinks water only", user_id="u", supersedes=[a, c, a])["results"]
    assert item["supersedes"] == [a, c]
    assert now(memory) == ["drinks milk", "drinks water only"]
    [later] = memory.add("drinks nothing", user_id="u", supersedes=[a, b])["results"]
    assert later["supersedes"] == [b]
    assert memory.get(a)["superseded_by"] == item["id"]
    put(memory, "coffee")  # the key was free
    assert "supersedes" not in memory.add("x", user_id="u", supersedes=[])["results"][0]


def test_correcting_a_text_by_itself(memory):
    """A memory with the text of the one that it supersedes is stored: a memory never supersedes itself."""
    first = put(memory, "cola")
    again = put(memory, "cola", supersedes=[first["id"]])
    assert (again["event"], again["supersedes"]) == ("ADD", [first["id"]])
    [item] = memory.add("tea", user_id="u")["results"]
    [said] = memory.add("tea", user_id="u", supersedes=[item["id"], again["id"]])["results"]
    assert (said["event"], said["supersedes"]) == ("ADD", [item["id"], again["id"]])
    assert now(memory) == ["tea"]


@pytest.mark.parametrize("scope", [{"user_id": "v"}, {"user_id": "u", "run_id": "r"}, {"agent_id": "u"}], ids=str)
def test_only_memories_of_the_same_ids_are_superseded(memory, clock, scope):
    """An id of another scope, of an expired memory or of nothing is an error, and nothing is stored."""
    first = put(memory, "cola")["id"]
    gone = put(memory, "tea", "other", ttl=1)["id"]
    clock.advance(seconds=2)
    for target, ids in ((scope, [first]), ({"user_id": "u"}, [gone]), ({"user_id": "u"}, [first, "unknown"])):
        with pytest.raises(MemoryNotFoundError, match="supersedes only those"):
            memory.add("water", **target, supersedes=ids)
    with pytest.raises(MemoryNotFoundError):
        memory.for_user("v").add("water", supersedes=[first])
    assert now(memory) == ["cola"]
    assert memory.get_all(**scope, latest_only=False)["total"] == 0


@pytest.mark.parametrize("supersedes", ["id", b"id", {"id": 1}, 5], ids=str)
def test_supersedes_takes_a_list(memory, supersedes):
    """A text or a number for the list is an error that names the field."""
    with pytest.raises(ValidationError, match="must be a list of ids") as caught:
        memory.add("x", user_id="u", supersedes=supersedes)
    assert caught.value.field == "supersedes"


# -- dates


def test_an_older_value_does_not_replace_a_newer(memory):
    """A value that is dated before the one that holds is stored as superseded by it, from its date to that one's."""
    put(memory, "Porto", "home", timestamp="2026-02-10")
    old = put(memory, "Lisbon", "home", timestamp="2026-01-05")
    assert (old["event"], "supersedes" in old) == ("ADD", False)
    assert now(memory) == ["Porto"]
    assert [text for text, *_ in story(memory, "home")] == ["Lisbon", "Porto"]
    item = memory.get(old["id"])
    assert (item["valid_from"], item["valid_to"]) == ("2026-01-05T00:00:00+00:00", "2026-02-10T00:00:00+00:00")
    assert old["superseded_by"] == item["superseded_by"]
    assert [one["event"] for one in memory.history(old["id"])] == ["ADD", "SUPERSEDE"]


def test_dated_values_make_the_same_story_in_any_order(tmp_path, seed, clock):
    """However dated values arrive, and however often: each holds from its date to that of the next one."""
    drawn = random.Random(seed)
    values = [
        (drawn.choice("abc") + f" {day}", f"2025-{1 + day // 28:02}-{1 + day % 28:02}T00:00:00+00:00")
        for day in drawn.sample(range(300), 9)
    ]
    ordered = sorted(values, key=lambda value: value[1])
    ends = [date for _, date in ordered[1:]] + [None]
    expected = [(text, date, end) for (text, date), end in zip(ordered, ends, strict=True)]
    for number in range(4):
        with Memory(tmp_path / f"{number}.db", embedder=HashEmbedder(), clock=clock) as memory:
            for text, date in drawn.sample(values, 9) + drawn.choices(values, k=4):
                put(memory, text, timestamp=date)
            assert story(memory) == expected
            assert now(memory) == [ordered[-1][0]]
            assert agrees(memory)


def test_what_is_said_now_counts_whatever_the_dates(memory, clock):
    """A value without a date takes the place of one whose date is still to come, which then never held."""
    put(memory, "party", timestamp=clock() + timedelta(days=9))
    put(memory, "no party")
    assert now(memory) == ["no party"]
    for _, begin, end in story(memory):
        assert end is None or begin <= end


def test_a_date_to_come_ends_the_old_value_at_once(memory, clock):
    """A key has one value: one that is dated in the future holds from now on, as its memory is seen from now on."""
    old = put(memory, "cola")
    clock.advance(days=1)
    put(memory, "coffee", timestamp=clock() + timedelta(days=9))
    assert now(memory) == ["coffee"]
    assert memory.get(old["id"])["valid_to"] == clock().isoformat()


def test_a_corrected_date_never_ends_a_value_before_it_begins(memory, clock):
    """An update that moves a superseded value past its end moves the end along."""
    old = put(memory, "cola")
    put(memory, "coffee")
    memory.update(old["id"], timestamp=clock() + timedelta(days=3))
    item = memory.get(old["id"])
    assert item["valid_from"] == item["valid_to"] == (clock() + timedelta(days=3)).isoformat()


# -- what becomes of values


def test_nothing_comes_back_by_itself(memory, clock):
    """When the value that holds expires, is vacuumed or is deleted, its key has none; a new add sets it."""
    put(memory, "cola")
    put(memory, "beer", ttl=60)
    clock.advance(minutes=2)
    assert now(memory) == []
    memory.vacuum()
    assert now(memory) == []
    assert memory.add("cola", user_id="u", key="drink")["results"][0]["event"] == "ADD"
    memory.delete(memory.get_all(user_id="u")["results"][0]["id"])
    assert now(memory) == []
    assert [text for text, *_ in story(memory)] == ["cola"]


@pytest.mark.parametrize("vacuumed", [False, True])
def test_an_expired_value_is_as_if_it_were_gone(memory, clock, vacuumed):
    """A new value of a key whose value expired holds, also one of an older date, before the vacuum as after it."""
    put(memory, "beer", ttl=60)
    clock.advance(minutes=2)
    if vacuumed:
        memory.vacuum()
    item = put(memory, "cola", timestamp=clock() - timedelta(days=1))
    assert now(memory) == ["cola"]
    assert "superseded_by" not in item
    assert agrees(memory)


def test_an_update_corrects_a_value_in_place(memory, clock):
    """Updating a value, or one that was superseded, changes its text and neither its key nor what holds."""
    old, new = put(memory, "colla"), put(memory, "coffe")
    clock.advance(minutes=1)
    memory.update_many([{"memory_id": old["id"], "text": "cola"}, {"memory_id": new["id"], "text": "coffee"}])
    memory.feedback(old["id"], "POSITIVE")
    assert now(memory) == ["coffee"]
    assert [text for text, *_ in story(memory)] == ["cola", "coffee"]
    assert put(memory, "coffee")["event"] == "NONE"


def test_removing_takes_the_superseded_along(memory):
    """delete_all, reset and erase remove superseded values as all others."""
    for remove in (memory.delete_all, memory.reset, memory.erase):
        for text in ("cola", "coffee"):
            put(memory, text)
        remove(user_id="u")
        assert memory.get_all(user_id="u", latest_only=False)["total"] == 0
        assert agrees(memory)


def test_a_value_is_deleted_with_all_before_it(memory, clock):
    """delete_linked deletes what a memory superseded, step by step, and nothing else; without it those stay hidden."""
    kept = [put(memory, "of another key", "other")["id"], memory.add("no key", user_id="u")["results"][0]["id"]]
    put(memory, "beer", ttl=60)
    first, second, third = (put(memory, text)["id"] for text in ("cola", "coffee", "tea"))
    hand = memory.add("milk", user_id="u", supersedes=[third])["results"][0]["id"]
    last = put(memory, "water")["id"]
    clock.advance(minutes=2)
    memory.delete(second, delete_linked=True)
    assert [memory.get(one) is None for one in (first, second, third)] == [True, True, False]
    memory.delete(hand, delete_linked=True)
    assert {item["id"] for item in memory.get_all(**SHOWN, latest_only=False)["results"]} == {*kept, last}
    assert memory.get_all(**SHOWN, latest_only=False, show_expired=True)["total"] == 3
    assert [row["event"] for row in memory.history(first)] == ["ADD", "SUPERSEDE", "DELETE"]
    memory.delete(last)
    assert agrees(memory)
    with pytest.raises(ValidationError):
        memory.delete(kept[0], delete_linked="no")


def test_several_values_are_deleted_with_all_before_them(memory):
    """delete_many with delete_linked deletes what its memories superseded; on an error it deletes nothing."""
    first, second = (put(memory, text)["id"] for text in ("cola", "coffee"))
    old, new = (put(memory, text, "town")["id"] for text in ("Rome", "Oslo"))
    other = put(memory, "other", "other")["id"]
    with pytest.raises(MemoryNotFoundError):
        memory.delete_many([second, "never-was-here"], delete_linked=True)
    with pytest.raises(ValidationError, match="delete_linked"):
        memory.delete_many([second], delete_linked="no")
    assert memory.stats()["memories"] == 5
    assert memory.delete_many([second, new], delete_linked=True)["message"] == "Successfully deleted 2 memories"
    assert [memory.get(one) is None for one in (first, second, old, new, other)] == [True] * 4 + [False]
    assert agrees(memory)


def test_the_superseded_are_counted(memory, clock):
    """Statistics say how many of the live memories are superseded; expired ones are not among them."""
    for text in ("cola", "coffee", "tea"):
        put(memory, text)
    put(memory, "short", "other", ttl=60)
    put(memory, "long", "other")
    counts = memory.stats()
    assert (counts["memories"], counts["superseded"], counts["expired"]) == (5, 3, 0)
    clock.advance(minutes=2)
    counts = memory.stats()
    assert (counts["memories"], counts["superseded"], counts["expired"]) == (4, 2, 1)


def test_relations_of_the_superseded_are_hidden(path, clock):
    """The graph shows what holds now; latest_only=False shows the relations of superseded memories, too."""
    category = {"memory_category": "skill_procedural"}
    with Memory(path, embedder=HashEmbedder(), clock=clock, graph_categories=["skill_procedural"]) as memory:
        put(memory, "The api service requires Redis.", "api", metadata=category)
        put(memory, "The api service requires Postgres.", "api", metadata=category)
        named = {edge["destination"] for edge in memory.graph(user_id="u")["edges"]}
        every = {edge["destination"] for edge in memory.graph(user_id="u", latest_only=False)["edges"]}
        assert (named, every) == ({"Postgres"}, {"Postgres", "Redis"})
        assert memory.graph(user_id="u", entity="Redis")["nodes"] == []


def test_scores_count_only_what_holds(memory, tmp_path):
    """What is superseded leaves no mark on the scores of the rest, as if it had never been."""
    with Memory(tmp_path / "never.db", embedder=HashEmbedder(), clock=memory._clock) as never:
        for text in ("likes cola", "likes coffee", "likes black tea"):
            put(memory, text)
        put(never, "likes black tea")
        for one in (memory, never):
            one.add("likes green tea in the garden", user_id="u")
        for _ in range(3):
            scores = [
                [(hit["memory"], hit["score"]) for hit in one.search("likes tea or cola", user_id="u")["results"]]
                for one in (memory, never)
            ]
            assert scores[0] == scores[1]


# -- moving


def test_export_import_and_backup_keep_keys(memory, clock, tmp_path):
    """Keys, successors and their dates leave with a memory and come back; an imported key goes on."""
    for text in ("cola", "coffee"):
        put(memory, text)
        clock.advance(days=1)
    memory.add("only water", user_id="u", supersedes=[put(memory, "tea", "other")["id"]])
    memory.export(lines := io.StringIO())
    if is_server(memory.path):
        Memory.copy(memory.path, tmp_path / "restored.db")
    else:
        memory.backup(tmp_path / "copy.db")
        Memory.restore(tmp_path / "copy.db", tmp_path / "restored.db")
    with (
        Memory(":memory:", embedder=HashEmbedder(), clock=clock) as imported,
        Memory(tmp_path / "restored.db", embedder=HashEmbedder(), clock=clock) as restored,
    ):
        imported.import_(io.StringIO(lines.getvalue()))
        for one in (imported, restored):
            assert one.get_all(**SHOWN, latest_only=False) == memory.get_all(**SHOWN, latest_only=False)
            for item in memory.get_all(**SHOWN, latest_only=False)["results"]:
                assert one.history(item["id"]) == memory.history(item["id"])
            put(one, "milk")
            assert now(one) == ["only water", "milk"]
            assert agrees(one)


@pytest.mark.parametrize(("date", "holds"), [("2026-02-01", "there"), ("2026-03-09", "imported")])
def test_an_imported_value_takes_its_place_by_its_date(memory, date, holds):
    """Of a value that is there and one that is imported under the same key, the newer holds."""
    put(memory, "there", timestamp="2026-02-20")
    memory.import_([f'{{"memory": "imported", "user_id": "u", "key": "drink", "created_at": "{date}"}}'])
    assert now(memory) == [holds]
    assert len(story(memory)) == 2
    assert agrees(memory)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ('"key": ""', "key"),
        ('"key": "a\\u0000"', "key"),
        ('"superseded_by": "x"', "superseded_by"),
        ('"valid_to": "2026-01-01"', "superseded_by"),
        ('"superseded_by": "x", "valid_to": "then"', "valid_to"),
        ('"superseded_by": "x", "valid_to": "2020-01-01", "created_at": "2021-01-01"', "valid_to"),
        (
            '"history": [{"event": "SUPERSEDE", "created_at": "2020-01-01", "superseded_by": "x"}]',
            "history.superseded_by",
        ),
    ],
)
def test_a_line_that_contradicts_itself_is_refused(memory, more, field):
    """A key that is none, a successor without a date, and an end before the beginning are named with their line."""
    with pytest.raises(ValidationError, match="Line 1") as caught:
        memory.import_([f'{{"memory": "x", "user_id": "u", {more}}}'])
    assert caught.value.field == field


# -- reading


@pytest.mark.parametrize("verb", ["search", "get_all", "context", "graph"])
def test_latest_only_is_a_yes_or_no(memory, verb):
    """None means the default, and anything but a yes or no is refused by name."""
    ask = getattr(memory, verb)
    query = ["x"] if verb in ("search", "context") else []
    put(memory, "x one")
    put(memory, "x two")
    assert (
        ask(*query, user_id="u", latest_only=None)
        == ask(*query, user_id="u")
        == ask(*query, user_id="u", latest_only=1)
    )
    for wrong in ("no", "", 2, []):
        with pytest.raises(ValidationError) as caught:
            ask(*query, user_id="u", latest_only=wrong)
        assert caught.value.field == "latest_only"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"key": "drink"}, ["cola"]),
        ({"key": "*"}, ["cola", "bread", "of metadata"]),
        ({"key": ["drink", "food"]}, ["cola", "bread"]),
        ({"key": {"in": ["drink", 5]}}, ["cola"]),
        ({"key": {"ne": "drink"}}, ["bread", "none", "of metadata"]),
        ({"key": {"nin": ["drink"]}}, ["bread", "none", "of metadata"]),
        ({"key": None}, ["none"]),
        ({"NOT": {"key": "*"}}, ["none"]),
        ({"key": {"contains": "oo"}}, ["bread"]),
        ({"key": {"icontains": "OO"}}, ["bread"]),
        ({"key": {"gte": "e", "lt": "g"}}, ["bread"]),
        ({"key": "mine"}, ["of metadata"]),
        ({"metadata.key": "drink"}, []),
        ({"metadata.key": "mine"}, ["of metadata"]),
        ({"metadata": {"key": "mine"}}, ["of metadata"]),
        ({"key": 5}, []),
        ({"key": True}, []),
    ],
    ids=str,
)
def test_filters_find_keys(memory, filters, found):
    """The filter ``key`` finds memories by their key, and by metadata of that name; ``metadata.key`` only these."""
    put(memory, "cola", "drink")
    put(memory, "bread", "food")
    put(memory, "none", None)
    put(memory, "of metadata", None, metadata={"key": "mine"})
    assert set(now(memory, filters=filters)) == set(found)
    hits = memory.search("cola bread none of metadata", user_id="u", filters=filters, threshold=0)["results"]
    assert {hit["memory"] for hit in hits} == set(found)


# -- many at once


def test_threads_leave_one_value(memory):
    """However many threads set a key at once, one value holds, and every other has one successor."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put(memory, f"value {number}"), range(24)))
    assert len(now(memory)) == 1
    assert len(story(memory)) == 24
    successors = [one.get("superseded_by") for one in memory.get_all(**SHOWN, latest_only=False)["results"]]
    assert len(set(successors)) == 24
    assert agrees(memory)


def test_whatever_happens_a_key_has_one_value(memory, path, clock, seed):
    """Whatever is added, by key or by hand, dated or not, updated, deleted or expires: a key has one value at most, the
    one set last. Lists and searches show what is not superseded, also where the file is open a second time. Nothing
    comes back, and everything in the file agrees."""
    drawn = random.Random(seed)
    with Memory(path, embedder=HashEmbedder(), clock=clock) as other:
        superseded = set()
        for number in range(45):
            every = memory.get_all(**SHOWN, latest_only=False)["results"]
            ids = [item["id"] for item in every]
            match drawn.randrange(9):
                case 0 if ids:
                    memory.delete(drawn.choice(ids), delete_linked=drawn.random() < 0.3)
                case 1 if ids:
                    memory.update(drawn.choice(ids), f"corrected {number}")
                case 2 if ids:
                    memory.add(f"by hand {number}", user_id="u", supersedes=drawn.sample(ids, min(2, len(ids))))
                case 3:
                    when = clock() - timedelta(days=drawn.randrange(1, 9))
                    put(memory, f"dated {number}", drawn.choice("ab"), timestamp=when)
                case 4:
                    clock.advance(minutes=drawn.randrange(60))
                case _:
                    key = drawn.choice("ab")
                    put(memory, f"value {number}", key, ttl=drawn.choice([None, 1_800]))
                    assert now(other, filters={"key": key}) == [f"value {number}"]
            every = {item["id"]: item for item in memory.get_all(**SHOWN, latest_only=False)["results"]}
            holds = {one for one, item in every.items() if "superseded_by" not in item}
            keys = [every[one]["key"] for one in holds if "key" in every[one]]
            assert len(keys) == len(set(keys))
            assert superseded.isdisjoint(holds)
            superseded |= every.keys() - holds
            assert all(
                item["valid_from"] <= item.get("valid_to", "9") for item in every.values() if "valid_from" in item
            )
            for one in (memory, other):
                assert {item["id"] for item in one.get_all(**SHOWN)["results"]} == holds
                hits = one.search("value", **SHOWN, threshold=0)["results"]
                assert {item["id"] for item in hits} == holds
        assert agrees(memory)
