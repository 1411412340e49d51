from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from embedder import HashEmbedder

from mem0lite import ConfigurationError, Memory, MemoryNotFoundError, ValidationError

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)  # the clock's start


def expiry(memory, **arguments):
    [added] = memory.add("x", user_id="u", infer=False, **arguments)["results"]
    item = memory.get(added["id"], show_expired=True)
    return datetime.fromisoformat(item["expires_at"]) if "expires_at" in item else None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, None),
        ({"metadata": {"memory_lifespan": "long_term"}}, None),
        ({"metadata": {"memory_lifespan": None, "expires_at": None}}, None),
        ({"metadata": {"memory_lifespan": "short_term"}}, NOON + timedelta(seconds=3600)),
        ({"expiration_date": "2026-03-05"}, datetime(2026, 3, 6, tzinfo=UTC)),
        ({"expiration_date": date(2026, 3, 5)}, datetime(2026, 3, 6, tzinfo=UTC)),
        ({"ttl": 1.5}, NOON + timedelta(seconds=1.5)),
        ({"ttl": timedelta(minutes=1)}, NOON + timedelta(minutes=1)),
        ({"ttl": 0}, NOON),
        (
            {"metadata": {"expires_at": "2026-03-02T00:00:00.000001+02:00"}},
            datetime(2026, 3, 1, 22, 0, 0, 1, tzinfo=UTC),
        ),
        ({"metadata": {"expires_at": 1772366400.5}}, datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ({"metadata": {"expires_at": 0}}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"metadata": {"expires_at": "9999-12-31T23:59:59+00:00"}}, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ({"ttl": 60, "timestamp": NOON - timedelta(hours=1)}, NOON - timedelta(minutes=59)),
    ],
)
def test_each_rule_sets_the_expiry(memory, arguments, expected):
    """expires_at, ttl, expiration_date and short_term each give their instant; 0 is a value."""
    assert expiry(memory, **arguments) == expected


def test_precedence_is_expires_at_then_ttl_then_date_then_lifespan(memory):
    """Of several rules the first of the documented order decides."""
    metadata = {"expires_at": "2026-04-01T00:00:00+00:00", "memory_lifespan": "short_term"}
    rest = {"memory_lifespan": "short_term"}
    assert expiry(memory, metadata=metadata, ttl=5, expiration_date="2030-01-01") == datetime(2026, 4, 1, tzinfo=UTC)
    assert expiry(memory, metadata=rest, ttl=5, expiration_date="2030-01-01") == NOON + timedelta(seconds=5)
    assert expiry(memory, metadata=rest, expiration_date="2030-01-01") == datetime(2030, 1, 2, tzinfo=UTC)
    assert expiry(memory, metadata={"memory_lifespan": "long_term"}, ttl=5) == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"expiration_date": "bad"}, "expiration_date"),
        ({"expiration_date": "2026-3-1T00:00"}, "expiration_date"),
        ({"expiration_date": 5}, "expiration_date"),
        ({"ttl": "5"}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": -1e-9}, "ttl"),
        ({"ttl": timedelta(seconds=-1)}, "ttl"),
        ({"ttl": timedelta(microseconds=-1)}, "ttl"),
        ({"ttl": -1, "metadata": {"expires_at": "2030-01-01"}}, "ttl"),
        ({"ttl": "5", "expiration_date": "2030-01-01"}, "ttl"),
        ({"ttl": True}, "ttl"),
        ({"ttl": float("nan")}, "ttl"),
        ({"ttl": 1e300}, "ttl"),
        ({"metadata": {"expires_at": "soon"}}, "metadata.expires_at"),
        ({"metadata": {"expires_at": True}}, "metadata.expires_at"),
        ({"metadata": {"expires_at": 1e18}}, "metadata.expires_at"),
        ({"timestamp": "yesterday"}, "timestamp"),
    ],
)
def test_a_lifetime_that_makes_no_sense_is_refused(memory, arguments, field):
    """A date or duration that cannot be understood is an error by name, never a memory that lives forever."""
    with pytest.raises(ValidationError) as caught:
        memory.add("x", user_id="u", **arguments)
    assert caught.value.field == field
    assert memory.stats()["memories"] == 0


def test_expired_means_at_or_before_now(memory, clock):
    """A memory is visible until the microsecond before its expiry, and invisible from that instant on."""
    [added] = memory.add("x", user_id="u", ttl=1)["results"]
    clock.advance(microseconds=999_999)
    assert memory.get(added["id"]) is not None
    clock.advance(microseconds=1)
    assert memory.get(added["id"]) is None


def test_an_expired_memory_is_invisible_on_every_read(memory, clock, tmp_path):
    """get, get_all, search, history, entities, stats, export and de-duplication know nothing of an expired memory."""
    [added] = memory.add("secret word", user_id="u", ttl=1)["results"]
    clock.advance(seconds=1)
    assert memory.get(added["id"]) is None
    assert memory.get_all(user_id="u") == {"results": [], "total": 0, "next_cursor": None}
    assert memory.search("secret word", user_id="u", threshold=0) == {"results": []}
    assert memory.history(added["id"]) == []
    assert memory.entities() == []
    assert memory.stats()["memories"] == 0
    assert memory.export(tmp_path / "out.jsonl") == 0
    assert memory.add("secret word", user_id="u")["results"][0]["event"] == "ADD"


def test_an_expired_memory_cannot_be_changed(memory, clock):
    """update and delete answer "not found", as they will once vacuum has run."""
    [added] = memory.add("x", user_id="u", ttl=1)["results"]
    clock.advance(seconds=1)
    for change in (lambda: memory.update(added["id"], "y"), lambda: memory.delete(added["id"])):
        with pytest.raises(MemoryNotFoundError):
            change()


def test_show_expired_shows_it(memory, clock, tmp_path):
    """show_expired=True brings expired memories back into get, get_all, search and export."""
    [added] = memory.add("secret word", user_id="u", ttl=1)["results"]
    clock.advance(seconds=1)
    assert memory.get(added["id"], show_expired=True)["memory"] == "secret word"
    assert memory.get_all(user_id="u", show_expired=True)["total"] == 1
    assert len(memory.search("secret word", user_id="u", show_expired=True)["results"]) == 1
    assert memory.export(tmp_path / "out.jsonl", show_expired=True) == 1


def test_an_update_of_the_lifetime_computes_it_anew(memory, clock):
    """Changing memory_lifespan, expires_at or expiration_date recomputes the expiry, counted from creation."""
    [added] = memory.add("x", user_id="u", metadata={"memory_lifespan": "short_term", "n": 1})["results"]

    def expires_at():
        return memory.get(added["id"]).get("expires_at")

    clock.advance(minutes=30)
    memory.update(added["id"], metadata={"n": 2})
    assert expires_at() == "2026-03-01T13:00:00.250000+00:00"
    memory.update(added["id"], metadata={"memory_lifespan": "long_term"})
    assert expires_at() is None
    memory.update(added["id"], metadata={"memory_lifespan": "short_term"})
    assert expires_at() == "2026-03-01T13:00:00.250000+00:00"
    memory.update(added["id"], expiration_date="2026-03-02")
    assert expires_at() == "2026-03-03T00:00:00+00:00"
    assert memory.get(added["id"])["expiration_date"] == "2026-03-02"
    memory.update(added["id"], metadata={"expires_at": "2027-01-01T00:00:00Z"})
    assert expires_at() == "2027-01-01T00:00:00+00:00"
    memory.update(added["id"], metadata={"expires_at": None, "memory_lifespan": None})
    assert expires_at() == "2026-03-03T00:00:00+00:00"
    memory.update(added["id"], expiration_date=None)
    assert expires_at() is None
    assert "expiration_date" not in memory.get(added["id"])


def test_other_updates_keep_a_ttl(memory):
    """A ttl survives updates of text and metadata, a lifespan sent again unchanged included."""
    [added] = memory.add("x", user_id="u", ttl=60, metadata={"memory_lifespan": "long_term"})["results"]
    memory.update(added["id"], "y", metadata={"memory_lifespan": "long_term", "n": 1})
    assert memory.get(added["id"])["expires_at"] == "2026-03-01T12:01:00.250000+00:00"
    memory.update(added["id"], metadata={"memory_lifespan": "short_term"})
    assert memory.get(added["id"])["expires_at"] == "2026-03-01T12:01:00.250000+00:00"


LATER = "2026-03-01T12:10:00+00:00"
KEPT = "2026-03-01T12:01:00.250000+00:00"  # 60 seconds after the clock's start


@pytest.mark.parametrize(
    ("given", "change", "expected"),
    [
        ({"ttl": 60}, {"timestamp": LATER}, "2026-03-01T12:11:00+00:00"),
        ({"ttl": 60}, {"timestamp": LATER, "text": "y", "metadata": {"n": 1}}, "2026-03-01T12:11:00+00:00"),
        ({"ttl": 60}, {"metadata": {"memory_lifespan": "long_term"}}, KEPT),
        ({"ttl": 60}, {"metadata": {"memory_lifespan": "short_term"}}, KEPT),
        ({"ttl": 60, "metadata": {"memory_lifespan": "short_term"}}, {"metadata": {"memory_lifespan": None}}, KEPT),
        (
            {"ttl": 60, "metadata": {"memory_lifespan": "short_term"}},
            {"metadata": {"memory_lifespan": "long_term"}},
            KEPT,
        ),
        ({"ttl": 60}, {"metadata": {"memory_lifespan": "long_term"}, "timestamp": LATER}, "2026-03-01T12:11:00+00:00"),
        ({"ttl": 60}, {"metadata": {"expires_at": None}}, KEPT),
        ({"ttl": 60}, {"metadata": {"expires_at": "2030-01-01T00:00:00Z"}}, "2030-01-01T00:00:00+00:00"),
        ({"ttl": 60}, {"expiration_date": "2030-01-01"}, "2030-01-02T00:00:00+00:00"),
        ({"ttl": 60}, {"expiration_date": None}, None),
        ({"ttl": 60, "expiration_date": "2030-01-01"}, {"timestamp": LATER}, "2026-03-01T12:11:00+00:00"),
        ({"ttl": 60, "expiration_date": "2030-01-01"}, {"metadata": {"memory_lifespan": "long_term"}}, KEPT),
        ({"expiration_date": "2030-01-01"}, {"timestamp": LATER}, "2030-01-02T00:00:00+00:00"),
        (
            {"expiration_date": "2030-01-01"},
            {"metadata": {"memory_lifespan": "short_term"}},
            "2030-01-02T00:00:00+00:00",
        ),
        ({"metadata": {"memory_lifespan": "short_term"}}, {"timestamp": LATER}, "2026-03-01T13:10:00+00:00"),
        ({"metadata": {"memory_lifespan": "short_term"}}, {"metadata": {"memory_lifespan": "long_term"}}, None),
        (
            {"metadata": {"expires_at": "2030-01-01T00:00:00Z"}},
            {"timestamp": LATER, "metadata": {"memory_lifespan": "short_term"}},
            "2030-01-01T00:00:00+00:00",
        ),
        (
            {"metadata": {"expires_at": "2030-01-01T00:00:00Z"}, "expiration_date": "2031-01-01"},
            {"metadata": {"expires_at": None}},
            "2031-01-02T00:00:00+00:00",
        ),
        ({}, {"timestamp": LATER, "metadata": {"memory_lifespan": "long_term"}}, None),
        ({}, {"metadata": {"memory_lifespan": "short_term"}}, "2026-03-01T13:00:00.250000+00:00"),
    ],
)
def test_a_lifetime_stays_until_an_update_names_another(memory, given, change, expected):
    """What add was given stays in force through an update that names no lifetime, and follows a corrected date."""
    for update in (
        lambda memory_id: memory.update(memory_id, **change),
        lambda memory_id: memory.update_many([{"memory_id": memory_id, **change}]),
    ):
        [added] = memory.add("x", user_id="u", infer=False, **given)["results"]
        assert "expired" not in update(added["id"])
        assert memory.get(added["id"]).get("expires_at") == expected


def test_a_short_term_of_another_setting_keeps_its_expiry(path, clock):
    """What was stored under another short_term_ttl stays as it was given, and moves with a corrected date."""
    with Memory(path, embedder=HashEmbedder(), clock=clock, short_term_ttl=60) as memory:
        [added] = memory.add("x", user_id="u", metadata={"memory_lifespan": "short_term"})["results"]
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.update(added["id"], metadata={"n": 1}, timestamp=LATER)
        assert memory.get(added["id"])["expires_at"] == "2026-03-01T12:11:00+00:00"


def test_an_imported_expiry_stays(memory, tmp_path):
    """A memory that came with the exact instant of its expiry keeps it, like a ttl, once exported and imported."""
    [added] = memory.add("x", user_id="u", ttl=60)["results"]
    memory.update(added["id"], "y", timestamp=LATER)
    memory.feedback(added["id"], "POSITIVE")
    memory.export(tmp_path / "out.jsonl")
    memory.reset()
    memory.import_(tmp_path / "out.jsonl")
    memory.update(added["id"], metadata={"memory_lifespan": "long_term"})
    assert memory.get(added["id"])["expires_at"] == "2026-03-01T12:11:00+00:00"


def test_an_update_that_ends_a_memory_says_so(memory):
    """A date so far back that a memory is expired with it is accepted, and the answer names the memory."""
    [short] = memory.add("x", user_id="u", ttl=60)["results"]
    [long] = memory.add("y", user_id="u")["results"]
    assert memory.update(long["id"], timestamp="2020-01-01") == {"message": "Memory updated successfully!"}
    assert memory.update(short["id"], timestamp="2020-01-01") == {
        "message": "Memory updated successfully!",
        "expired": [short["id"]],
    }
    assert memory.get(short["id"]) is None
    changes = [{"memory_id": long["id"], "expiration_date": "2020-01-01"}]
    assert memory.update_many(changes) == {"message": "Successfully updated 1 memories", "expired": [long["id"]]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"ttl": 0},
        {"ttl": timedelta(0)},
        {"expiration_date": "2026-02-28"},
        {"metadata": {"expires_at": "2026-03-01T12:00:00.250000Z"}},
        {"timestamp": "2020-01-01", "ttl": 60},
        {"timestamp": 0, "metadata": {"memory_lifespan": "short_term"}},
    ],
)
@pytest.mark.parametrize("infer", [True, False])
def test_what_is_expired_when_it_is_added_is_said(memory, arguments, infer):
    """A memory that nobody will see is stored, and its result says that it has expired, and when."""
    [item] = memory.add("x", user_id="u", infer=infer, **arguments)["results"]
    stored = memory.get(item["id"], show_expired=True)
    assert (item["event"], item["expired"], item["expires_at"]) == ("ADD", True, stored["expires_at"])
    assert memory.get(item["id"]) is None


def test_a_result_is_silent_about_what_lives(memory):
    """A memory that is visible, and a repeat of one, are told as ever."""
    [first] = memory.add("x", user_id="u", ttl=60)["results"]
    assert set(first) == {"id", "memory", "event"}
    assert memory.add("x", user_id="u", ttl=0)["results"] == [{"id": first["id"], "memory": "x", "event": "NONE"}]


@pytest.mark.parametrize("setting", [-1, timedelta(seconds=-1)])
def test_a_negative_short_term_lifetime_is_refused(path, setting, monkeypatch):
    """A setting by which every short-term memory would be expired at once is named."""
    with pytest.raises(ValueError, match="short_term_ttl"):
        Memory(path, embedder=HashEmbedder(), short_term_ttl=setting)
    monkeypatch.setenv("MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS", "-5")
    with pytest.raises(ConfigurationError, match="MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS: '-5'"):
        Memory(path, embedder=HashEmbedder())


def test_a_bad_lifetime_leaves_the_memory_as_it_was(memory):
    """An update with a lifetime that makes no sense changes nothing, not even the text beside it."""
    [added] = memory.add("x", user_id="u")["results"]
    before = memory.get(added["id"])
    with pytest.raises(ValidationError):
        memory.update(added["id"], "y", metadata={"expires_at": "soon"})
    assert memory.get(added["id"]) == before
    assert len(memory.history(added["id"])) == 1


def test_the_short_term_lifetime_is_a_setting(tmp_path, clock, monkeypatch):
    """short_term_ttl, else MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS, else an hour; a bad value is named."""
    short = {"metadata": {"memory_lifespan": "short_term"}}
    monkeypatch.setenv("MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS", "2.5")
    with Memory(tmp_path / "a.db", embedder=HashEmbedder(), clock=clock) as memory:
        assert expiry(memory, **short) == NOON + timedelta(seconds=2.5)
    with Memory(tmp_path / "b.db", embedder=HashEmbedder(), clock=clock, short_term_ttl=0) as memory:
        assert expiry(memory, **short) == NOON
    monkeypatch.setenv("MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS", "an hour")
    with pytest.raises(ConfigurationError, match="MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS: 'an hour'"):
        Memory(tmp_path / "c.db", embedder=HashEmbedder())


def test_vacuum_removes_what_expired_and_gives_space_back(memory, clock, path):
    """vacuum deletes expired memories with their history, reports them, and the file shrinks by what it reports."""
    for start in range(0, 2500, 500):
        memory.add(
            [{"content": f"short {n} " * 20} for n in range(start, start + 500)], user_id="u", ttl=60, infer=False
        )
    [kept] = memory.add("kept", user_id="u", infer=False)["results"]
    assert memory.vacuum()["removed"] == 0
    before = path.stat().st_size if isinstance(path, Path) else 0
    [gone] = memory.get_all(user_id="u", top_k=1, offset=1)["results"]
    clock.advance(seconds=60)
    result = memory.vacuum()
    assert result["removed"] == 2500
    if isinstance(path, Path):  # in a database, autovacuum makes room for new rows
        assert result["bytes_freed"] > 1_000_000
        assert path.stat().st_size == before - result["bytes_freed"]
    assert memory.get(gone["id"], show_expired=True) is None
    assert memory.history(gone["id"]) == []
    assert memory.get_all(user_id="u")["results"][0]["id"] == kept["id"]
    assert memory.vacuum() == {"removed": 0, "bytes_freed": 0}


def test_vacuum_changes_no_score(memory, clock):
    """Expired memories count in no statistic, so that search answers the same before and after vacuum."""
    memory.add([{"content": f"red apple {n}"} for n in range(5)], user_id="u", ttl=60)
    memory.add([{"content": "red apple"}, {"content": "green pear"}, {"content": "red car"}], user_id="u")
    clock.advance(seconds=60)
    before = memory.search("red apple", user_id="u", threshold=0, explain=True)
    assert memory.vacuum()["removed"] == 5
    assert memory.search("red apple", user_id="u", threshold=0, explain=True) == before
    assert len(before["results"]) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {"expiration_date": "9999-12-31"},
        {"timestamp": "0001-01-01T00:00:00+00:00"},
        {"metadata": {"expires_at": "9999-12-31T23:59:59.999999+00:00"}},
    ],
)
def test_the_ends_of_the_calendar_can_be_read_back(memory, tmp_path, arguments):
    """A date people use for "never", and the first there is, are stored and shown by every verb."""
    [item] = memory.add("x", user_id="u", **arguments)["results"]
    assert memory.get(item["id"])["memory"] == "x"
    assert memory.get_all(user_id="u")["total"] == 1
    assert memory.search("x", user_id="u")["results"][0]["id"] == item["id"]
    assert memory.export(tmp_path / "out.jsonl") == 1
    assert memory.history(item["id"])[0]["event"] == "ADD"


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00"])
def test_instants_beyond_the_calendar_are_refused(memory, timestamp):
    """An instant that a time zone moves out of the years 1 to 9999 is an error, not a memory nobody can read."""
    with pytest.raises(ValidationError, match="timestamp"):
        memory.add("x", user_id="u", timestamp=timestamp)


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (date(2026, 3, 5), "2026-03-05"),
        (datetime(2026, 3, 5, 23, 30), "2026-03-05"),
        (datetime(2026, 3, 5, 23, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-03-05"),
        ("2026-03-05", "2026-03-05"),
        ("20260305", "2026-03-05"),
        ("2026-3-5", "2026-03-05"),
        ("2026-03-05T23:30:00.000001", "2026-03-05"),
        ("2026-03-05T10:00:00Z", "2026-03-05"),
        ("2026-03-05T23:30:00-05:00", "2026-03-05"),
    ],
)
def test_an_expiration_date_may_be_a_date_or_a_datetime(memory, given, day):
    """A datetime means its date, in its own zone, as in mem0, and so does its text, which mem0's documentation gives;
    the memory is visible through that day, UTC."""
    [added] = memory.add("x", user_id="u", expiration_date=given)["results"]
    [other] = memory.add("y", user_id="u")["results"]
    memory.update(other["id"], expiration_date=given)
    for memory_id in (added["id"], other["id"]):
        item = memory.get(memory_id)
        assert (item["expiration_date"], item["expires_at"]) == (day, "2026-03-06T00:00:00+00:00")


@pytest.mark.parametrize("given", ["2026-03-05T25:00:00Z", "5 March", "2026-02-30", "", 20260305, 1.5, True])
def test_what_is_no_day_is_no_expiration_date(memory, given):
    """A time or a day that there is not, and a number are refused by name."""
    with pytest.raises(ValidationError, match="must be a valid date in YYYY-MM-DD format") as caught:
        memory.add("x", user_id="u", expiration_date=given)
    assert caught.value.field == "expiration_date"


def test_an_expiration_date_in_metadata_is_one(memory, clock):
    """As in mem0, add and update take a day from metadata where no other is given; it is no metadata then."""
    [added] = memory.add("x", user_id="u", metadata={"expiration_date": "2026-03-05", "k": 1})["results"]
    item = memory.get(added["id"])
    assert (item["expiration_date"], item["metadata"]) == ("2026-03-05", {"k": 1})
    memory.update(added["id"], metadata={"expiration_date": "2026-03-02"})
    assert memory.get(added["id"])["expiration_date"] == "2026-03-02"
    memory.update(added["id"], metadata={"expiration_date": "2026-03-09"}, expiration_date="2026-03-03")
    item = memory.get(added["id"])
    assert (item["expiration_date"], item["metadata"]) == ("2026-03-03", {"k": 1, "expiration_date": "2026-03-09"})
    clock.advance(days=3)
    assert memory.get_all(user_id="u")["total"] == 0


@pytest.mark.parametrize("value", ["when the trial ends", "2026-03-05T10:00:00Z", 5, None, ["2026-03-05"], True])
def test_what_is_no_day_in_metadata_stays_there(memory, value):
    """Metadata that only has the name of a day is metadata, and found as such."""
    [added] = memory.add("x", user_id="u", metadata={"expiration_date": value})["results"]
    item = memory.get(added["id"])
    assert (item["metadata"], item.get("expires_at")) == ({"expiration_date": value}, None)
    wanted = {"metadata.expiration_date": value, "expiration_date": None}
    assert memory.get_all(user_id="u", filters=wanted)["total"] == 1
