import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest
from backends import agrees
from embedder import HashEmbedder

from mem0lite import Memory, ValidationError


def texts(memory: Memory, **scope: str) -> list[str]:
    return [item["memory"] for item in memory.get_all(**scope, top_k=1000)["results"]]


def test_add_returns_id_text_and_event(memory):
    """With infer=True a result carries the id, the text and the event ADD, and nothing else."""
    [item] = memory.add("I love python", user_id="u1")["results"]
    assert item == {"id": item["id"], "memory": "I love python", "event": "ADD"}
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", item["id"])


def test_without_infer_the_result_names_actor_and_role(memory):
    """With infer=False a result also carries actor_id and role, null where the message has none."""
    result = memory.add(
        [{"role": "user", "name": "bob", "content": "hi"}, {"role": "assistant", "content": "noted"}],
        user_id="u1",
        infer=False,
    )["results"]
    assert [(item["actor_id"], item["role"]) for item in result] == [("bob", "user"), (None, "assistant")]


def test_item_has_the_fields_mem0_callers_read(memory):
    """An item carries text, MD5, metadata and dates, and of the ids those that are set."""
    [added] = memory.add(
        {"role": "user", "name": "bob", "content": "I love python"},
        user_id="u1",
        run_id="r1",
        metadata={"project_id": "p1", "domain_tags": ["python"]},
    )["results"]
    assert memory.get(added["id"]) == {
        "id": added["id"],
        "memory": "I love python",
        "hash": "856749c06f6f6630bd1733f0256a0fba",
        "metadata": {"project_id": "p1", "domain_tags": ["python"]},
        "created_at": "2026-03-01T12:00:00.250000+00:00",
        "updated_at": "2026-03-01T12:00:00.250000+00:00",
        "score": None,
        "user_id": "u1",
        "run_id": "r1",
        "actor_id": "bob",
        "role": "user",
    }


def test_metadata_is_null_when_there_is_none(memory):
    """A memory without metadata, or with an empty object, reads back as null."""
    for metadata in (None, {}):
        [added] = memory.add("x", user_id="u", metadata=metadata, infer=False)["results"]
        assert memory.get(added["id"])["metadata"] is None


@pytest.mark.parametrize(
    "messages",
    [
        "I love python",
        {"role": "user", "content": "I love python"},
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "I love python"}],
        ({"content": "I love python"},),
        [{"role": "user", "content": [{"type": "text", "text": "I love python"}]}],
        [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "user", "content": {"type": "text", "text": "I love python"}},
            {"role": "assistant", "tool_calls": [{"id": "1"}]},
            {"role": "assistant", "content": None},
        ],
    ],
)
def test_messages_come_as_text_message_or_list(memory, messages):
    """A str, a dict and a list are accepted; system messages and those without content are skipped."""
    memory.add(messages, user_id="u")
    assert texts(memory, user_id="u") == ["I love python"]


def test_no_messages_store_nothing(memory):
    """An empty list, or one of system messages only, is no error and stores nothing."""
    assert memory.add([], user_id="u")["results"] == []
    assert memory.add([{"role": "system", "content": "Be brief."}], user_id="u")["results"] == []


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        (5, "messages"),
        (None, "messages"),
        (["text"], "messages"),
        ("  ", "messages[0].content"),
        ([{"role": "user", "content": "ok"}, {"role": "user", "content": 5}], "messages[1].content"),
        ([{"role": "user", "content": b"bytes"}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": "ok"}, 5]}], "messages[0].content[1]"),
        ([{"role": "user", "content": [b"bytes"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text", "text": 5}]}], "messages[0].content[0].text"),
        ([{"role": "model", "parts": [{"text": "ok"}, {"text": b"bytes"}]}], "messages[0].parts[1].text"),
        ([{"role": "model", "parts": 5}], "messages[0].parts"),
        ([[{"role": "user", "content": "x"}]], "messages"),
        ({}, "messages[0]"),
        ([{"role": "user", "content": "ok"}, {"contents": "typo"}], "messages[1]"),
        ({1, 2}, "messages"),
        (object(), "messages"),
        ([dict], "messages"),
        ([{"role": 5, "content": "x"}], "messages[0].role"),
        ([{"role": "r" * 1_001, "content": "x"}], "messages[0].role"),
        ([{"role": "user", "name": 5, "content": "x"}], "messages[0].name"),
        ([{"role": "user", "content": "x" * 100_001}], "messages[0].content"),
        ([{"role": "user", "content": "\ud800"}], "messages[0].content"),
        ([{"role": "user", "content": "x", "timestamp": "soon"}], "timestamp"),
    ],
)
def test_a_bad_message_is_named_and_nothing_is_stored(memory, messages, field):
    """What cannot be remembered is refused, naming the message, before anything of the call is stored."""
    with pytest.raises(ValidationError) as caught:
        memory.add(messages, user_id="u")
    assert caught.value.field == field
    assert memory.stats()["memories"] == 0


@pytest.mark.parametrize(
    "given", ["", "   ", "a b", "a\tb", "\x00", "a\x07", "*", "x" * 1001, 1.5, True, ["u"], "\ud800"]
)
def test_a_bad_id_is_refused(memory, given):
    """Empty, blank, inner whitespace, control characters, '*', over-long and non-text ids are refused by name."""
    with pytest.raises(ValidationError) as caught:
        memory.add("x", user_id="ok", agent_id=given)
    assert caught.value.field == "agent_id"
    assert "agent_id" in str(caught.value)


def test_an_int_id_is_its_text_and_outer_whitespace_goes(memory):
    """7, "7" and " 7 " are the same user."""
    for given in (7, "7", " 7 "):
        memory.add(f"from {given!r}", user_id=given)
    assert memory.get_all(user_id="7")["total"] == memory.get_all(user_id=7)["total"] == 3


def test_an_id_is_required(memory):
    """Adding without user, agent and run raises what mem0's callers catch."""
    with pytest.raises(
        ValueError, match="At least one of 'user_id', 'agent_id', 'run_id' or 'app_id' must be provided"
    ):
        memory.add("x")


def test_ids_inside_metadata_do_not_change_the_scope(memory):
    """user_id as a metadata key is metadata: the memory stays its scope's."""
    memory.add("x", user_id="alice", metadata={"user_id": "bob"})
    assert memory.get_all(user_id="bob")["total"] == 0
    assert memory.get_all(user_id="alice", filters={"metadata.user_id": "bob"})["total"] == 1


def test_a_repeated_text_is_reported_with_the_existing_id(memory):
    """infer=True answers NONE and the existing id for what its scope holds, within one call too."""
    [first] = memory.add("same", user_id="u", metadata={"n": 1})["results"]
    again = memory.add([{"content": "same"}, {"content": "new"}, {"content": "new"}], user_id="u", metadata={"n": 1})[
        "results"
    ]
    assert [(item["event"], item["id"]) for item in again] == [
        ("NONE", first["id"]),
        ("ADD", again[1]["id"]),
        ("NONE", again[1]["id"]),
    ]
    assert memory.get(first["id"])["metadata"] == {"n": 1}


WIFI = "The wifi code is 1234"
AGAIN = "The wifi code is 1234!"  # the same in other words


@pytest.mark.parametrize("text", [WIFI, AGAIN])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"ttl": 60}, {}),
        ({"ttl": 60}, {"ttl": 61}),
        ({"ttl": 60}, {"expiration_date": "2026-03-01"}),
        ({"metadata": {"memory_lifespan": "short_term"}}, {"metadata": {"memory_lifespan": "long_term"}}),
        ({"expiration_date": "2026-03-01"}, {"expiration_date": "2026-03-02"}),
        ({"metadata": {"project_id": "one"}}, {"metadata": {"project_id": "two"}}),
        ({"metadata": {"project_id": "one"}}, {}),
        ({}, {"metadata": {"project_id": "two"}}),
        ({"metadata": {"n": 1}}, {"metadata": {"n": True}}),
        ({"metadata": {"n": 1}}, {"metadata": {"n": "1"}}),
        ({"metadata": {"n": [1, 2]}}, {"metadata": {"n": [2, 1]}}),
        ({"metadata": {"n": None}}, {}),
        ({"metadata": {"n": 2**53}}, {"metadata": {"n": 2**53 + 1}}),
        ({}, {"memory_type": "procedural_memory"}),
        ({}, {"timestamp": "2026-02-28T23:59:59Z"}),
        ({}, {"timestamp": "2026-03-01T12:00:00Z"}),
        ({"timestamp": "2026-01-01"}, {}),
        ({"timestamp": "2026-01-01"}, {"timestamp": "2026-01-01T00:00:01Z"}),
    ],
)
def test_what_a_repeat_adds_is_kept(memory, text, first, then):
    """The same words with another life, metadata or date are another memory, and the first one stays as it was."""
    [kept] = memory.add(WIFI, user_id="u", **first)["results"]
    before = memory.get(kept["id"])
    [added] = memory.add(text, user_id="u", **then)["results"]
    assert (added["event"], added["id"] != kept["id"]) == ("ADD", True)
    assert memory.get(kept["id"]) == before
    assert memory.add(text, user_id="u", **then)["results"][0]["id"] == added["id"]


@pytest.mark.parametrize("text", [WIFI, AGAIN])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {}),
        ({}, {"ttl": 60}),
        ({}, {"expiration_date": "2030-01-01"}),
        ({"ttl": 60}, {"ttl": 60}),
        ({"ttl": 60}, {"ttl": 0}),
        ({"metadata": {}}, {"metadata": None}),
        ({"metadata": {"a": 1, "b": {"c": 2, "d": 3}}}, {"metadata": {"b": {"d": 3, "c": 2.0}, "a": 1.0}}),
        ({"metadata": {"t": ("x", "y")}}, {"metadata": {"t": ["x", "y"]}}),
        ({"memory_type": "procedural_memory"}, {"metadata": {"memory_type": "procedural_memory"}}),
        ({"timestamp": "2026-03-01T03:00:00Z"}, {}),
        ({"timestamp": "2026-01-01T01:00:00+01:00"}, {"timestamp": "2026-01-01"}),
        ({"timestamp": "2026-01-01", "ttl": 10**8}, {"timestamp": "2026-01-01", "ttl": 10**8}),
    ],
)
def test_a_repeat_that_adds_nothing_is_none(memory, text, first, then):
    """The same words by the same speaker, with the same metadata and date and no longer life, are not stored again."""
    [kept] = memory.add(WIFI, user_id="u", **first)["results"]
    [again] = memory.add(text, user_id="u", **then)["results"]
    assert (again["event"], again["id"]) == ("NONE", kept["id"])
    assert memory.get_all(user_id="u")["total"] == 1


def test_another_speaker_or_role_is_another_memory(memory):
    """What two people, or a user and an assistant, say in the same words is kept of both."""
    said = [
        {"role": "user", "name": "Ann", "content": "yes"},
        {"role": "user", "name": "Bob", "content": "yes"},
        {"role": "user", "content": "yes"},
        {"role": "assistant", "content": "yes"},
    ]
    for event in ("ADD", "NONE"):
        assert [item["event"] for item in memory.add(said, user_id="u")["results"]] == [event] * 4


def test_a_value_that_comes_back_is_the_newest_again(memory):
    """ "cola", "coffee", "cola" on three days are three memories, of which the last comes first."""
    for day, drink in enumerate(("cola", "coffee", "cola"), start=1):
        memory.add(f"I drink {drink}", user_id="u", timestamp=f"2026-02-0{day}")
    listed = memory.get_all(user_id="u")["results"]
    assert [(item["memory"], item["created_at"][:10]) for item in listed] == [
        ("I drink cola", "2026-02-03"),
        ("I drink coffee", "2026-02-02"),
        ("I drink cola", "2026-02-01"),
    ]
    found = memory.search("What do I drink? cola", user_id="u", top_k=2)["results"]
    assert [item["created_at"][:10] for item in found] == ["2026-02-03", "2026-02-02"]


def test_without_a_date_the_day_counts(memory, clock):
    """What is said again without a timestamp is a repeat on the same day, UTC, and a memory of its own on the next."""
    first = memory.add("good morning", user_id="u")["results"][0]["id"]
    clock.advance(hours=11)
    assert memory.add("good morning", user_id="u")["results"][0]["id"] == first
    clock.advance(hours=1)
    second = memory.add("good morning", user_id="u")["results"][0]
    assert (second["event"], second["id"] != first) == ("ADD", True)
    assert [item["id"] for item in memory.get_all(user_id="u")["results"]] == [second["id"], first]


def test_a_conversation_can_be_sent_again(memory):
    """A dialogue with timestamps adds nothing when it is sent once more, however often its words come back."""
    talk = [
        {"role": ("user", "assistant")[n % 2], "content": ("Thanks!", "ok", "see you")[n % 3], "timestamp": 10**9 + n}
        for n in range(700)
    ]
    assert {item["event"] for item in memory.add(talk, user_id="u")["results"]} == {"ADD"}
    assert {item["event"] for item in memory.add(talk, user_id="u")["results"]} == {"NONE"}
    assert memory.get_all(user_id="u")["total"] == 700


def test_the_same_text_in_another_scope_is_another_memory(memory):
    """De-duplication looks at exactly the same user, agent and run."""
    for scope in ({"user_id": "u"}, {"user_id": "v"}, {"user_id": "u", "run_id": "r"}, {"agent_id": "u"}):
        assert memory.add("same", **scope)["results"][0]["event"] == "ADD"


def test_without_infer_repetitions_are_stored(memory):
    """infer=False does not de-duplicate."""
    for _ in range(2):
        assert memory.add("same", user_id="u", infer=False)["results"][0]["event"] == "ADD"
    assert memory.get_all(user_id="u")["total"] == 2


def test_adding_a_duplicate_leaves_the_original_alone(memory):
    """The original survives a duplicate, and a duplicate of a deleted memory is stored (mem0 #1674)."""
    [first] = memory.add("same", user_id="u")["results"]
    memory.add("same", user_id="u")
    assert memory.get(first["id"])["memory"] == "same"
    memory.delete(first["id"])
    assert memory.add("same", user_id="u")["results"][0]["event"] == "ADD"


def test_procedural_memories_are_marked(memory):
    """memory_type="procedural_memory" is kept and can be filtered; another type is refused in mem0's words."""
    memory.add("First build, then deploy.", agent_id="a", memory_type="procedural_memory")
    assert memory.get_all(agent_id="a", filters={"memory_type": "procedural_memory"})["total"] == 1
    with pytest.raises(ValidationError, match="Please pass procedural_memory to create procedural memories"):
        memory.add("x", user_id="u", memory_type="core")


@pytest.mark.parametrize(
    "timestamp",
    [datetime(2023, 5, 8, 13, 56, tzinfo=UTC), "2023-05-08T15:56:00+02:00", "2023-05-08T13:56Z", 1683554160],
)
def test_a_timestamp_becomes_the_creation_date(memory, timestamp):
    """timestamp, for the call or in a message, says when it was said; a message's own goes first."""
    result = memory.add(
        [{"content": "then"}, {"content": "later", "timestamp": "2024-01-01"}], user_id="u", timestamp=timestamp
    )["results"]
    assert memory.get(result[0]["id"])["created_at"] == "2023-05-08T13:56:00+00:00"
    assert memory.get(result[1]["id"])["created_at"] == "2024-01-01T00:00:00+00:00"


def test_add_many_is_one_transaction(memory):
    """add_many answers item by item, and stores nothing when one item is bad, naming that item."""
    results = memory.add_many(
        [{"messages": "a", "user_id": "u"}, {"messages": [{"content": "b"}, {"content": "c"}], "agent_id": "x"}]
    )
    assert [[item["memory"] for item in result["results"]] for result in results] == [["a"], ["b", "c"]]
    with pytest.raises(ValidationError, match=r"^Item 1: .*user_id"):
        memory.add_many([{"messages": "d", "user_id": "u"}, {"messages": "e"}])
    with pytest.raises(ValidationError, match="Unknown argument 'text'"):
        memory.add_many([{"text": "d", "user_id": "u"}])
    assert memory.stats()["memories"] == 3
    assert memory.add_many([]) == []


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ([1], "metadata"),
        ({1: "x"}, "metadata"),
        ({"a": {"b": [float("nan")]}}, "metadata.a.b[0]"),
        ({"a": float("inf")}, "metadata.a"),
        ({"a": 10**400}, "metadata.a"),
        ({"a": object()}, "metadata.a"),
        ({"a": datetime(2020, 1, 1)}, "metadata.a"),
        ({"a": "\ud800"}, "metadata.a"),
        ({"\ud800": 1}, "metadata"),
        ({"k\0": 1}, "metadata"),
        ({"memory_lifespan": "short-term"}, "metadata.memory_lifespan"),
    ],
)
def test_metadata_that_json_cannot_hold_is_refused(memory, metadata, field):
    """Metadata that would not read back as it was given is refused by path, and nothing is stored."""
    with pytest.raises(ValidationError) as caught:
        memory.add("x", user_id="u", metadata=metadata)
    assert caught.value.field == field
    assert memory.stats()["memories"] == 0


def test_metadata_too_deep_is_refused(memory):
    """Metadata nested 1,000 levels deep is a clear error, not a crash."""
    deep: dict[str, object] = {}
    for _ in range(1_000):
        deep = {"a": deep}
    with pytest.raises(ValidationError, match="levels deep"):
        memory.add("x", user_id="u", metadata=deep)


def test_infer_none_is_the_default(memory):
    """infer=None, as JSON bodies carry it, means the default, which de-duplicates."""
    memory.add("same", user_id="u", infer=None)
    assert memory.add("same", user_id="u", infer=None)["results"][0]["event"] == "NONE"


@pytest.mark.parametrize("said", ["2020-02-03T09:00:00+09:00", "2020-02-03", 1580688000, 1580688000.0])
def test_created_at_in_metadata_dates_a_memory(memory, said):
    """As in mem0, metadata says when it was said where no timestamp does: it is the memory's date then, and no
    metadata."""
    [added] = memory.add("x", user_id="u", metadata={"created_at": said, "k": 1}, ttl=10**9)["results"]
    item = memory.get(added["id"])
    assert (item["created_at"], item["updated_at"]) == ("2020-02-03T00:00:00+00:00",) * 2
    assert item["metadata"] == {"k": 1}
    assert item["expires_at"].startswith("2051-10-12")
    assert memory.get_all(user_id="u", filters={"created_at": "2020-02-03"})["total"] == 1


def test_a_timestamp_comes_before_created_at_in_metadata(memory):
    """What a call or a message says is its date leaves metadata as they are; the other messages have those'."""
    metadata = {"created_at": "2020-02-03"}
    [one] = memory.add("x", user_id="u", metadata=metadata, timestamp="2021-01-01")["results"]
    said = [{"role": "user", "content": "y", "timestamp": "2022-01-01"}, {"role": "user", "content": "z"}]
    [two, three] = memory.add(said, user_id="u", metadata=metadata)["results"]
    items = [memory.get(added["id"]) for added in (one, two, three)]
    assert [(item["created_at"][:4], item["metadata"]) for item in items] == [
        ("2021", metadata),
        ("2022", metadata),
        ("2020", None),
    ]


@pytest.mark.parametrize("value", ["spring 2020", True, ["2020-01-01"], {"year": 2020}, 1e300, 2019, 5, -1.5, None])
def test_what_is_no_date_in_metadata_stays_there(memory, value):
    """Metadata that only has the name of a date is metadata."""
    [added] = memory.add("x", user_id="u", metadata={"created_at": value})["results"]
    item = memory.get(added["id"])
    assert (item["metadata"], item["created_at"][:10]) == ({"created_at": value}, "2026-03-01")


def test_ids_and_undated_dates_in_metadata_are_told_of_once(memory, caplog):
    """That an id in metadata says nothing of whose a memory is, and that a date there is none, is logged by name, once
    each, without the values."""
    ids = {"user_id": "eve", "agent_id": "bot", "run_id": "r", "app_id": "a", "actor_id": "al"}
    for _ in range(3):
        [added] = memory.add("x", user_id="alice", metadata={**ids, "created_at": "soon"}, infer=False)["results"]
    memory.update(added["id"], metadata={"user_id": "mallory", "expiration_date": "soon"})
    assert memory.for_user("alice").get_all(filters={"metadata.user_id": "mallory"})["total"] == 1
    logged = [record.getMessage() for record in caplog.records if record.name == "mem0lite"]
    assert [re.match(r"metadata\['(\w+)'\]", message)[1] for message in logged] == [
        *ids,
        "created_at",
        "expiration_date",
    ]
    assert not any(value in message for message in logged for value in ("eve", "mallory", "soon"))


def test_a_date_that_leaves_metadata_is_told_of_once(memory, caplog):
    """Who has metadata of that name for another purpose is told where it went, once for each date."""
    for _ in range(3):
        memory.add("x", user_id="u", metadata={"created_at": "2020-02-03", "expiration_date": "2030-01-01"})
    logged = [record.getMessage() for record in caplog.records if record.name == "mem0lite"]
    assert sorted(
        re.match(r"metadata\['(\w+)'\] is used as the memory's own date", message)[1] for message in logged
    ) == [
        "created_at",
        "expiration_date",
    ]


# -- what is embedded


class Counting(HashEmbedder):
    """Notes what it embeds, and first does what a test wants."""

    def __init__(self):
        super().__init__()
        self.embedded, self.before = [], lambda texts: None

    def embed(self, texts):
        self.embedded += texts
        self.before(texts)
        return super().embed(texts)


@pytest.fixture
def counting(path, clock):
    with Memory(path, embedder=Counting(), clock=clock) as memory:
        memory.add([{"content": "tea"}, {"role": "user", "name": "Ann", "content": "figs"}], user_id="u")
        memory.add("mayfly", user_id="u", ttl=60)
        memory.add("dated", user_id="u", timestamp="2023-05-01")
        memory._embedder.embedded.clear()
        yield memory


@pytest.mark.parametrize(
    ("messages", "options", "embedded", "events"),
    [
        ("tea", {}, [], ["NONE"]),
        ([{"role": "user", "name": "Ann", "content": "figs"}], {}, [], ["NONE"]),
        ("dated", {"timestamp": "2023-05-01"}, [], ["NONE"]),
        ([{"content": "tea"}, {"content": "new"}, {"content": "tea"}], {}, ["new"], ["NONE", "ADD", "NONE"]),
        ("mayfly", {"ttl": 30}, [], ["NONE"]),
        ("mayfly", {}, ["mayfly"], ["ADD"]),  # it is to live longer
        ("tea", {"infer": False}, ["tea"], ["ADD"]),
        ("tea", {"run_id": "r"}, ["tea"], ["ADD"]),
        ("tea", {"metadata": {"kind": "drink"}}, ["tea"], ["ADD"]),
        ("dated", {"timestamp": "2023-05-02"}, ["dated"], ["ADD"]),
        ([{"content": "two"}, {"content": "two"}], {}, ["two"], ["ADD", "NONE"]),
        ("Tea!", {}, [], ["NONE"]),
        ([{"content": "Tea!"}, {"content": "new"}, {"content": "New."}], {}, ["new", "New."], ["NONE", "ADD", "NONE"]),
    ],
)
def test_what_is_there_is_not_embedded(counting, messages, options, embedded, events):
    """An add embeds only the texts that it may store: none that its scope holds in nearly the same words, each text
    once."""
    added = counting.add(messages, **{"user_id": "u", **options})
    assert [one["event"] for one in added["results"]] == events
    assert counting._embedder.embedded == embedded


def test_what_expired_is_embedded_again(counting, clock):
    """A text whose memory has expired is embedded and stored, as if it had never been said."""
    clock.advance(seconds=61)
    assert counting.add("mayfly", user_id="u")["results"][0]["event"] == "ADD"
    assert counting._embedder.embedded == ["mayfly"]


def test_a_repeat_that_goes_meanwhile_is_stored(counting):
    """If the memory that a text repeats is deleted while other texts are embedded, the text is stored after all."""
    [kept] = [one["id"] for one in counting.get_all(user_id="u")["results"] if one["memory"] == "tea"]
    counting._embedder.before = lambda texts: counting.delete(kept) if "new" in texts else None
    added = counting.add_many([{"messages": "tea", "user_id": "u"}, {"messages": "new", "user_id": "u"}])
    assert [one["results"][0]["event"] for one in added] == ["ADD", "ADD"]
    assert counting._embedder.embedded == ["new", "tea"]
    assert {one["memory"] for one in counting.search("tea", user_id="u", threshold=0)["results"]} >= {"tea", "new"}
    assert agrees(counting)


def test_a_text_said_meanwhile_is_stored_once(counting):
    """If somebody else adds a text while it is embedded, it is not stored again."""

    def first(texts):
        counting._embedder.before = lambda texts: None
        counting.add("new", user_id="u")

    counting._embedder.before = first
    assert counting.add("new", user_id="u")["results"][0]["event"] == "NONE"
    assert [one["memory"] for one in counting.get_all(user_id="u")["results"]].count("new") == 1


_FORKED = """
import os
from mem0lite.values import new_id
known, (reading, writing) = new_id(), os.pipe()
if os.fork() == 0:
    os.write(writing, " ".join(new_id() for _ in range(100)).encode())
    os._exit(0)
os.wait()
print(known, *(new_id() for _ in range(100)), os.read(reading, 10_000).decode())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_ids_are_random_uuids_also_after_a_fork():
    """Every id is a UUID of version 4, and a forked process gives none that its parent gives, too."""
    ids = subprocess.run([sys.executable, "-c", _FORKED], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert len(ids) == len(set(ids)) == 201
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant, str(uuid.UUID(one)) == one) for one in ids} == {
        (4, uuid.RFC_4122, True)
    }
