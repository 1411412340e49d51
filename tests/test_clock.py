"""Clocks that go back, jump, fail or stand at the ends of time: what is stored stays right, or the call is refused.

Time decides nothing but what is expired, what a date in a question means, and in what order lists are. So whatever the
clock does, nothing is lost, no order of changes turns around, and searches agree with what a new process reads.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from conftest import Clock
from embedder import HashEmbedder
from sizes import sizes
from test_webhooks import Receiver, status

from mem0lite import Mem0LiteError, Memory, ValidationError
from mem0lite.search.dates import asked_moments

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EXTREMES = (FIRST, FIRST + MICROSECOND, EPOCH - MICROSECOND, EPOCH, LAST - MICROSECOND, LAST)
QUESTIONS = (
    *("what happened yesterday", "what is planned for tomorrow", "next week", "last week", "the next 10 years"),
    *("1000 years ago", "in May", "last winter", "since March", "before 1970", "two weeks before the trip"),
    *("in the year 9999", "on 31 December 9999", "on 1 January 0001", "what do I like now", "the day before yesterday"),
)


def texts(memory: Memory, user_id: str = "u") -> set[str]:
    return {item["memory"] for item in memory.get_all(user_id=user_id, top_k=100_000)["results"]}


# -- back and forth


@dataclass
class Known:
    """What must be known of a memory."""

    text: str
    expires: datetime | None
    changes: int = 1

    def lives(self, now: datetime) -> bool:
        return self.expires is None or self.expires > now


class Walk:
    """Verbs at the times of a clock that jumps back and forth, beside a dictionary of what they must have made."""

    def __init__(self, memory: Memory, clock: Clock, chooser: random.Random) -> None:
        self.memory, self.clock, self.random = memory, clock, chooser
        self.known: dict[str, Known] = {}
        self.number = 0

    @property
    def living(self) -> dict[str, str]:
        return {one: known.text for one, known in self.known.items() if known.lives(self.clock.now)}

    def jump(self) -> None:
        scale = self.random.choice((1, 60, 3_600, 86_400, 86_400 * 400))
        self.clock.advance(seconds=self.random.uniform(-1, 1) * scale)

    def add(self) -> None:
        self.number += 1
        text, ttl = f"text number {self.number}", self.random.choice((None, None, 30, 3_600, 86_400 * 30))
        [result] = self.memory.add(text, user_id="u", infer=False, ttl=ttl)["results"]
        expires = None if ttl is None else self.clock.now + timedelta(seconds=ttl)
        self.known[result["id"]] = Known(text, expires)

    def update(self) -> None:
        if living := list(self.living):
            self.number += 1
            changed = self.known[self.random.choice(living)]
            memory_id = next(one for one, known in self.known.items() if known is changed)
            changed.text, changed.changes = f"text number {self.number}", changed.changes + 1
            self.memory.update(memory_id, changed.text)

    def delete(self) -> None:
        if living := list(self.living):
            memory_id = self.random.choice(living)
            self.memory.delete(memory_id)
            del self.known[memory_id]

    def vacuum(self) -> None:
        gone = [one for one, known in self.known.items() if not known.lives(self.clock.now)]
        assert self.memory.vacuum()["removed"] == len(gone)
        for memory_id in gone:
            del self.known[memory_id]

    def compare(self, memory: Memory) -> None:
        """Compare what a memory, this one or one that was just opened, knows of what must be there."""
        living = self.living
        listed = memory.get_all(user_id="u", top_k=100_000)["results"]
        assert {item["id"]: item["memory"] for item in listed} == living
        assert [item["created_at"] for item in listed] == sorted((item["created_at"] for item in listed), reverse=True)
        found = memory.search("text number", user_id="u", threshold=0, top_k=100_000)["results"]
        assert {item["id"]: item["memory"] for item in found} == living
        for memory_id in living:
            history = memory.history(memory_id)
            assert [change["event"] for change in history] == ["ADD", *["UPDATE"] * (len(history) - 1)]
            assert (len(history), history[-1]["new_memory"]) == (self.known[memory_id].changes, living[memory_id])
        assert memory.stats()["memories"] == len(living)
        sequences = [change["sequence"] for change in memory.changes(limit=100_000)["results"]]
        assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("steps", sizes(250, 5_000))
def test_a_clock_that_jumps(memory: Memory, clock: Clock, path: Path, seed: int, steps: int) -> None:
    """Wherever the clock jumps, exactly what has not expired then is there, histories and changes keep their order, and
    what searches remember agrees with what a new opening reads."""
    walk = Walk(memory, clock, random.Random(f"{seed} clock"))
    verbs: dict[Callable[[], None], int] = {walk.jump: 6, walk.add: 4, walk.update: 3, walk.delete: 1, walk.vacuum: 1}
    for step in range(steps):
        verb = walk.random.choices(list(verbs), list(verbs.values()))[0]
        try:
            verb()
            walk.compare(memory)
            if step % 25 == 0:
                with Memory(path, embedder=HashEmbedder(), clock=clock) as fresh:
                    walk.compare(fresh)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {step}, {verb.__name__}, clock {clock.now}: {error}") from error
    assert memory.check()["ok"], memory.check()["problems"]


def test_an_expired_memory_comes_back_with_the_clock(memory: Memory, clock: Clock) -> None:
    """Until vacuum has removed it, a memory that expired is there again when the clock is set back; then no more."""
    memory.add("short", user_id="u", ttl=60)
    memory.add("long", user_id="u")
    for seconds, expected in ((61, {"long"}), (-31, {"short", "long"}), (31, {"long"})):
        clock.advance(seconds=seconds)
        assert texts(memory) == expected
        assert {item["memory"] for item in memory.search("short long", user_id="u")["results"]} == expected
    assert memory.vacuum()["removed"] == 1
    clock.advance(days=-1)
    assert texts(memory) == {"long"}


def test_a_clock_that_is_behind_what_was_said(memory: Memory, clock: Clock) -> None:
    """Memories from the clock's future are found, can be changed and deleted, and are the newest."""
    clock.advance(days=3_650)
    [later] = memory.add("I like figs", user_id="u")["results"]
    clock.advance(days=-3_650)
    memory.add("I like dates", user_id="u")
    assert [item["memory"] for item in memory.get_all(user_id="u")["results"]] == ["I like figs", "I like dates"]
    assert len(memory.search("what do I like now", user_id="u")["results"]) == 2
    memory.update(later["id"], "I like plums")
    item = memory.get(later["id"])
    assert item is not None
    assert item["updated_at"] < item["created_at"]
    assert [change["event"] for change in memory.history(later["id"])] == ["ADD", "UPDATE"]
    memory.delete(later["id"])
    assert [change["event"] for change in memory.changes()["results"]] == ["ADD", "ADD", "UPDATE", "DELETE"]
    assert memory.check()["ok"]


def test_a_webhook_does_not_wait_for_a_clock_that_was_ahead(memory: Memory, clock: Clock) -> None:
    """What a webhook noted while the clock was years ahead does not keep it waiting once the clock is right."""
    receiver = Receiver()
    try:
        memory.create_webhook(receiver.url, allow_private=True)
        clock.advance(days=3_650)
        receiver.answers.append(status(500))
        memory.add("told", user_id="u")
        assert memory.deliver_webhooks(allow_private=True)["delivered"] == 0
        clock.advance(days=-3_650)
        assert memory.deliver_webhooks(allow_private=True)["delivered"] == 1
        assert [receiver.next().text for _ in range(2)] == ["told", "told"]
    finally:
        receiver.close()


# -- the ends of time


@pytest.mark.parametrize("now", EXTREMES, ids=str)
def test_the_ends_of_time(path: Path, clock: Clock, now: datetime) -> None:
    """At each end of time every verb works, or refuses by name what would lie beyond it; nothing is half-written."""
    clock.now = now
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        [kept] = memory.add("kept for good", user_id="u")["results"]
        stored = {"kept for good"}
        lifetimes: list[dict[str, Any]] = [
            {"metadata": {"memory_lifespan": "short_term"}},
            *({"ttl": ttl} for ttl in (0, 1e-6, 60, -60, 1e12, -1e12)),
            *({"expiration_date": day} for day in ("0001-01-01", "1970-01-01", "9999-12-31")),
            *({"timestamp": instant} for instant in (FIRST, EPOCH, LAST, 0, -1)),
        ]
        for number, arguments in enumerate(lifetimes):
            with suppress(ValidationError):
                memory.add(f"text {number}", user_id="u", **arguments)
                stored.add(f"text {number}")
        shown = memory.get_all(user_id="u", show_expired=True, top_k=1_000)["results"]
        assert {item["memory"] for item in shown} == stored
        assert all(datetime.fromisoformat(item["created_at"]).tzinfo for item in shown)
        assert memory.get(kept["id"])
        for question in QUESTIONS:
            memory.search(question, user_id="u", threshold=0)
        memory.update(kept["id"], "kept and changed", metadata={"n": 1})
        memory.feedback(kept["id"], "POSITIVE")
        assert [change["event"] for change in memory.history(kept["id"])] == ["ADD", "UPDATE", "FEEDBACK"]
        assert memory.events(user_id="u")["total"] == len(stored)
        with suppress(ValidationError):
            memory.create_memory_export({"memory": {}}, {"user_id": "u"})
        expired = {item["memory"] for item in shown} - texts(memory) - {"kept for good"}
        assert memory.vacuum()["removed"] == len(expired)
        assert memory.check()["ok"], memory.check()["problems"]
    with Memory(path, embedder=HashEmbedder(), clock=clock) as again:
        assert "kept and changed" in texts(again)
        again.delete(kept["id"])
        again.erase(user_id="u")
        assert again.check()["ok"]


@pytest.mark.parametrize(
    "reference", [*EXTREMES, 0, -1, -62_135_596_800, 253_402_300_799, "0001-01-01", date.max], ids=str
)
def test_questions_from_the_ends_of_time(memory: Memory, reference: Any) -> None:
    """A question with a date, asked from any instant there is, finds what it would find without the date, at least."""
    for said in (FIRST, EPOCH, LAST, None):
        memory.add(f"said {said} about the trip", user_id="u", timestamp=said)
    for question in QUESTIONS:
        found = memory.search(f"about the trip {question}", user_id="u", threshold=0, reference_date=reference)
        assert len(found["results"]) == 4, question
        assert all(0 <= item["score"] <= 1 for item in found["results"]), question


@pytest.mark.parametrize(
    "reference", [FIRST - FIRST.utcoffset(), 1e300, float("nan"), -62_135_596_801, 253_402_300_800]
)
def test_instants_beyond_the_ends_are_refused(memory: Memory, reference: Any) -> None:
    """An instant that is none is refused by name, as a time of a memory, of a question and of an expiry."""
    if isinstance(reference, datetime):
        reference = "9999-12-31T23:59:59.999999-00:01"
    memory.add("here before", user_id="u")
    for call in (
        lambda: memory.add("x", user_id="u", timestamp=reference),
        lambda: memory.search("x", user_id="u", reference_date=reference),
        lambda: memory.add("x", user_id="u", metadata={"expires_at": reference}),
    ):
        with pytest.raises(ValidationError):
            call()
    assert texts(memory) == {"here before"}


# -- time zones

NEW_YORK, LORD_HOWE, APIA = map(ZoneInfo, ("America/New_York", "Australia/Lord_Howe", "Pacific/Apia"))


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        # the hour that comes twice, and the one that never comes
        (datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK), "2026-11-01T05:30:00+00:00"),
        (datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK), "2026-11-01T06:30:00+00:00"),
        (datetime(2026, 3, 8, 2, 30, tzinfo=NEW_YORK), "2026-03-08T07:30:00+00:00"),
        (datetime(2026, 3, 8, 2, 30, fold=1, tzinfo=NEW_YORK), "2026-03-08T06:30:00+00:00"),
        # half an hour that comes twice, and a day that never came
        (datetime(2026, 4, 5, 1, 45, tzinfo=LORD_HOWE), "2026-04-04T14:45:00+00:00"),
        (datetime(2026, 4, 5, 1, 45, fold=1, tzinfo=LORD_HOWE), "2026-04-04T15:15:00+00:00"),
        (datetime(2011, 12, 30, 12, 0, tzinfo=APIA), "2011-12-30T22:00:00+00:00"),
        # without a time zone it is UTC, whatever a fold says
        (datetime(2026, 3, 8, 2, 30), "2026-03-08T02:30:00+00:00"),
        (datetime(2026, 11, 1, 1, 30, fold=1), "2026-11-01T01:30:00+00:00"),
        ("2026-03-08T02:30:00", "2026-03-08T02:30:00+00:00"),
        ("2026-03-08T02:30:00-05:00", "2026-03-08T07:30:00+00:00"),
        ("2026-03-08T02:30:00+05:45", "2026-03-07T20:45:00+00:00"),
        (date(2026, 3, 8), "2026-03-08T00:00:00+00:00"),
    ],
    ids=str,
)
def test_instants_of_time_zones(memory: Memory, clock: Clock, said: Any, instant: str) -> None:
    """What is said in an hour that clocks show twice, or never, is the instant Python takes it for, everywhere."""
    [added] = memory.add("said", user_id="u", timestamp=said, ttl=3_600)["results"]
    item = memory.get(added["id"], show_expired=True)
    assert item is not None
    assert item["created_at"] == instant
    expires = datetime.fromisoformat(instant) + timedelta(hours=1)
    for now, found in ((expires - MICROSECOND, 1), (expires, 0)):
        clock.now = now
        assert len(memory.search("said", user_id="u", reference_date=said)["results"]) == found
    clock.now = said if isinstance(said, datetime) and said.tzinfo else datetime.fromisoformat(instant)
    [now_added] = memory.add("now", user_id="u")["results"]
    now_item = memory.get(now_added["id"])
    assert now_item is not None
    assert now_item["created_at"] == instant


ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "EST5EDT,M3.2.0,M11.1.0")
IN_A_ZONE = """
import json, sys, time
from datetime import UTC, date, datetime
sys.path.insert(0, sys.argv[1])
from embedder import HashEmbedder
from mem0lite import Memory
from mem0lite.search.dates import asked_moments

now = datetime(2026, 3, 8, 7, 15, tzinfo=UTC)  # in New York, within the hour that never came
with Memory(sys.argv[2], embedder=HashEmbedder(), clock=lambda: now) as memory:
    for said in (datetime(2026, 3, 8, 2, 30), "2026-11-01T01:30:00", date(2026, 3, 8), 1772951400, 0, None):
        memory.add(f"said {said}", user_id="u", timestamp=said, expiration_date="2026-03-08", infer=False)
    shown = memory.get_all(user_id="u", top_k=100)["results"]
    questions = json.loads(sys.argv[3])
    found = {one: memory.search(one, user_id="u", threshold=0)["results"] for one in questions}
    found = {one: [item["score"] for item in items] for one, items in found.items()}
    moments = {one: repr(asked_moments(one, 1772954100_000_000)) for one in questions}
before = time.time()
with Memory(":memory:", embedder=HashEmbedder()) as memory:
    [added] = memory.add("now", user_id="u")["results"]
    created = datetime.fromisoformat(memory.get(added["id"])["created_at"]).timestamp()
assert before - 1e-3 <= created <= time.time() + 1e-3, (before, created)
dates = sorted((item["memory"], item["created_at"], item["expiration_date"]) for item in shown)
print(json.dumps([time.timezone, dates, found, moments]))
"""


def test_the_process_s_time_zone_does_not_matter(tmp_path: Path) -> None:
    """Instants, expiries, questions with dates and their scores are the same in whatever time zone a process runs."""
    answers = []
    for number, zone in enumerate(ZONES):
        arguments = [str(Path(__file__).parent), str(tmp_path / f"{number}.db"), json.dumps(QUESTIONS)]
        ran = subprocess.run(
            [sys.executable, "-c", IN_A_ZONE, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "TZ": zone},
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        answers.append(json.loads(ran.stdout))
    offsets = {answer[0] for answer in answers}
    assert len(offsets) >= 4, "the processes did not run in those time zones"
    for zone, answer in zip(ZONES, answers, strict=True):
        assert answer[1:] == answers[0][1:], zone
    assert len(answers[0][1]) == 6


# -- clocks and times that are none


@pytest.mark.parametrize(
    "said", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60", "2015-06-30 23:59:60+00:00", "2026-02-29", "25:00", "now"]
)
def test_times_that_python_does_not_know_are_refused(memory: Memory, said: str) -> None:
    """A leap second's text, a day that is not in the calendar, a word: refused by name, and nothing is stored."""
    with pytest.raises(ValidationError, match="timestamp"):
        memory.add([{"content": "first", "timestamp": 0}, {"content": "second", "timestamp": said}], user_id="u")
    with pytest.raises(ValidationError, match="reference_date"):
        memory.search("x", user_id="u", reference_date=said)
    assert texts(memory) == set()


@pytest.mark.parametrize(
    "shown",
    [datetime(2026, 1, 1), date(2026, 1, 1), "2026-01-01T00:00:00", 1_767_225_600, 1_767_225_600.0],
    ids=repr,
)
def test_a_clock_that_shows_an_instant_otherwise(memory: Memory, clock: Clock, shown: Any) -> None:
    """A clock may show whatever a timestamp may be: without a time zone it is UTC."""
    clock.now = shown
    [added] = memory.add("x", user_id="u")["results"]
    item = memory.get(added["id"])
    assert item is not None
    assert item["created_at"] == "2026-01-01T00:00:00+00:00"


VERBS: dict[str, Callable[[Memory, str], object]] = {
    "add": lambda memory, one: memory.add("more", user_id="u"),
    "update": lambda memory, one: memory.update(one, "changed"),
    "feedback": lambda memory, one: memory.feedback(one, "POSITIVE"),
    "delete": lambda memory, one: memory.delete(one),
    "delete_all": lambda memory, one: memory.delete_all(user_id="u"),
    "vacuum": lambda memory, one: memory.vacuum(),
    "import_": lambda memory, one: memory.import_(['{"memory": "more", "user_id": "u"}']),
    "erase": lambda memory, one: memory.erase(user_id="u"),
    "search": lambda memory, one: memory.search("here", user_id="u"),
    "get_all": lambda memory, one: memory.get_all(user_id="u"),
    "create_webhook": lambda memory, one: memory.create_webhook("https://8.8.8.8/"),
}


@pytest.mark.parametrize("shown", [None, "soon", float("nan"), True, 1e300, [], RuntimeError], ids=repr)
@pytest.mark.parametrize("verb", VERBS)
def test_a_clock_that_shows_nothing(path: Path, verb: str, shown: Any) -> None:
    """With a clock that shows no instant, or fails, a call is an error and changes nothing."""
    now: list[Any] = [EPOCH]

    def clock() -> Any:
        if now[0] is RuntimeError:
            raise RuntimeError("the clock is broken")
        return now[0]

    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        [kept] = memory.add("here before", user_id="u")["results"]
        now[0] = shown
        with pytest.raises(RuntimeError if shown is RuntimeError else Mem0LiteError, match="clock"):
            VERBS[verb](memory, kept["id"])
        now[0] = EPOCH
        assert texts(memory) == {"here before"}
        assert len(memory.history(kept["id"])) == 1
        assert memory.get_webhooks() == []
        assert memory.check()["ok"]


def test_questions_have_dates_at_all() -> None:
    """The questions of this file are read as ones with dates, so that what they are asked with matters."""
    noon = 1_772_000_000_000_000
    assert sum(bool(asked_moments(question, noon)) for question in QUESTIONS) >= len(QUESTIONS) - 3
