"""Forgetting by use: the project's setting ``decay``, by which answers bring a memory up, and idleness down."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving
from backends import agrees
from conftest import Clock
from embedder import HashEmbedder
from test_hosted import PROJECT

from mem0lite import Memory
from mem0lite.errors import ValidationError

DAY = 86_400.0
TWO = ("Ana likes green tea", "Ana likes black tea")
served, store, client = serving.served, serving.store, serving.client


@pytest.fixture
def memory(path: Any, clock: Clock) -> Any:
    with Memory(path, embedder=HashEmbedder(), clock=clock) as opened:
        yield opened


def order(memory: Memory, query: str = "Ana tea", **options: Any) -> list[str]:
    return [hit["memory"] for hit in memory.search(query, user_id="ana", **options)["results"]]


def factors(memory: Memory, query: str = "Ana tea") -> dict[str, float]:
    found = memory.search(query, user_id="ana", explain=True)["results"]
    return {hit["memory"]: hit["score_details"]["decay"]["factor"] for hit in found}


def add_two(memory: Memory, clock: Clock) -> None:
    for text in TWO:
        memory.add(text, user_id="ana")
        clock.advance(seconds=1)


def test_searches_are_the_same_until_it_is_on(memory: Memory, clock: Clock) -> None:
    """Without the setting, being found changes neither a score nor an order, and nothing of it is kept."""
    add_two(memory, clock)
    before = memory.search("Ana tea", user_id="ana", explain=True)
    for _ in range(3):
        memory.search("green", user_id="ana")
    assert memory.search("Ana tea", user_id="ana", explain=True) == before
    assert all("decay" not in hit["score_details"] for hit in before["results"])
    memory.update_project({"decay": True})
    assert all(
        hit["score_details"]["decay"]["uses"] == 1
        for hit in memory.search("tea", user_id="ana", explain=True)["results"]
    )


def test_what_answers_had_lately_comes_before_what_they_had_not(memory: Memory, clock: Clock) -> None:
    """Of two memories that fit alike, the one that was used since comes first, and idleness brings both down."""
    add_two(memory, clock)
    memory.update_project({"decay": True})
    clock.advance(days=30)
    assert order(memory)[0] == TWO[1]  # of equals the newer
    for _ in range(3):
        assert order(memory, "green", top_k=1) == [TWO[0]]
    clock.advance(days=10)
    assert order(memory)[0] == TWO[0]


@pytest.mark.parametrize(
    ("days", "lowest", "highest"), [(0, 1.5, 1.5), (1, 1.1, 1.4), (3, 0.9, 0.9), (14, 0.4, 0.6), (2_000, 0.3, 0.31)]
)
def test_the_factor_goes_from_one_and_a_half_down_to_three_tenths(
    memory: Memory, clock: Clock, days: int, lowest: float, highest: float
) -> None:
    """A memory that was never in an answer counts as used at its last change: the scale is mem0's."""
    memory.add(TWO[0], user_id="ana")
    memory.update_project({"decay": True})
    clock.advance(days=days)
    [factor] = factors(memory).values()
    assert lowest - 1e-9 <= factor <= highest + 1e-9


def test_what_holds_now_stays_before_what_held_before(memory: Memory, clock: Clock) -> None:
    """However often answers had an older value, a question about the present gets the newer one first."""
    old, new = "My phone number is 555-0100", "My new phone number is 555-0199"
    memory.add(old, user_id="ana", metadata={"old": True})
    clock.advance(days=30)
    memory.add(new, user_id="ana")
    memory.update_project({"decay": True})
    clock.advance(days=30)
    for _ in range(20):
        memory.search("phone number", user_id="ana", filters={"old": True})
    found = memory.search("What is my phone number now?", user_id="ana", explain=True)["results"]
    assert [hit["memory"] for hit in found] == [new, old]
    assert found[0]["score"] >= found[1]["score"]
    assert found[1]["score_details"]["decay"]["factor"] > 2 * found[0]["score_details"]["decay"]["factor"]


def test_many_uses_fade_more_slowly_than_one(memory: Memory, clock: Clock) -> None:
    """A memory that twenty answers had keeps more of its rank than one that a single answer had."""
    add_two(memory, clock)
    memory.update_project({"decay": True})
    for _ in range(20):
        order(memory, "green", top_k=1)
    order(memory, "black", top_k=1)
    clock.advance(days=7)
    found = factors(memory)
    assert found[TWO[0]] > found[TWO[1]] > 0.3


def test_the_half_life_is_a_setting(memory: Memory, clock: Clock) -> None:
    """After ``decay_half_life_days`` without use a factor is half way down."""
    memory.add(TWO[0], user_id="ana")
    memory.update_project({"decay": True, "decay_half_life_days": 30})
    clock.advance(days=30)
    assert factors(memory)[TWO[0]] == pytest.approx(0.9)


def test_a_pinned_memory_loses_nothing(memory: Memory, clock: Clock) -> None:
    """``pinned: true`` in the metadata keeps the factor at 1 or above; taking it out lets the memory fade."""
    memory.add(TWO[0], user_id="ana", metadata={"pinned": True})
    memory.update_project({"decay": True})
    clock.advance(days=400)
    [hit] = memory.search("tea", user_id="ana", explain=True)["results"]
    assert (hit["score_details"]["decay"]["factor"], hit["score_details"]["decay"]["pinned"]) == (1.0, True)
    memory.update(hit["id"], metadata={"pinned": False})
    clock.advance(days=400)
    assert factors(memory)[TWO[0]] < 1


def test_nothing_is_ever_left_out_because_of_it(memory: Memory, clock: Clock) -> None:
    """The threshold looks at what a memory says, so an idle memory is found for ever."""
    memory.add(TWO[0], user_id="ana")
    [hit] = memory.search("green tea", user_id="ana")["results"]
    memory.update_project({"decay": True})
    clock.advance(days=4_000)
    [faded] = memory.search("green tea", user_id="ana", threshold=hit["score"] - 0.01)["results"]
    assert faded["score"] == pytest.approx(hit["score"] * 0.3, rel=0.02)


def test_explain_shows_what_a_score_was_multiplied_by(memory: Memory, clock: Clock) -> None:
    """The score before the rule times the factor is the score, which is at most 1."""
    add_two(memory, clock)
    memory.update_project({"decay": True})
    clock.advance(days=5)
    for hit in memory.search("green tea", user_id="ana", explain=True)["results"]:
        details = hit["score_details"]
        [rule] = [one for one in details["adjustments"] if one["rule"] == "decay"]
        assert (rule["after"], details["final_score"]) == (hit["score"], hit["score"])
        assert hit["score"] == pytest.approx(min(1.0, rule["before"] * details["decay"]["factor"]))
        assert details["decay"]["last_used"] == hit["updated_at"]


def test_it_can_be_turned_off_again(memory: Memory, clock: Clock) -> None:
    """Without the setting everything is as it was; with it again, the uses of before still count."""
    add_two(memory, clock)
    before = memory.search("Ana tea", user_id="ana")
    memory.update_project({"decay": True})
    order(memory, "green", top_k=1)
    memory.update_project({"decay": False})
    assert memory.search("Ana tea", user_id="ana") == before
    memory.update_project({"decay": True})
    assert order(memory)[0] == TWO[0]


def test_uses_are_kept_for_the_next_process(path: Any, clock: Clock) -> None:
    """Closing writes what was noted, and whoever opens the file next goes on from there."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        add_two(memory, clock)
        memory.update_project({"decay": True})
        clock.advance(days=9)
        for _ in range(3):
            order(memory, "green", top_k=1)
    clock.advance(days=1)
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        [first, _] = memory.search("Ana tea", user_id="ana", explain=True)["results"]
        assert (first["memory"], first["score_details"]["decay"]["uses"]) == (TWO[0], 3)


def test_reads_change_nothing_that_others_follow(memory: Memory, clock: Clock) -> None:
    """Uses are no changes: no history, no change number, no new date, and no other hash."""
    add_two(memory, clock)
    memory.update_project({"decay": True})
    before = memory.get_all(user_id="ana"), memory.changes()
    for _ in range(3):
        order(memory)
    memory.vacuum()  # writes what was noted
    assert (memory.get_all(user_id="ana"), memory.changes()) == before
    assert agrees(memory)


def test_a_context_uses_what_it_shows(memory: Memory, clock: Clock) -> None:
    """Memories that a block for a prompt has count as used; those that did not fit do not."""
    add_two(memory, clock)
    memory.update_project({"decay": True})
    clock.advance(days=60)
    block = memory.context("green tea", user_id="ana")
    assert TWO[0] in [hit["memory"] for hit in block["memories"]]
    clock.advance(days=1)
    assert factors(memory)[TWO[0]] > 1


def test_uses_end_with_their_memory(memory: Memory, clock: Clock) -> None:
    """A deleted memory takes its uses along, also those that were not written yet."""
    memory.update_project({"decay": True})
    for wipe in (memory.delete_all, memory.reset, memory.erase):
        add_two(memory, clock)
        order(memory)
        memory.vacuum()
        order(memory)
        wipe(user_id="ana")
        memory.vacuum()
        assert agrees(memory)
        memory.add(TWO[0], user_id="ana")
        [hit] = memory.search("tea", user_id="ana", explain=True)["results"]
        assert hit["score_details"]["decay"]["uses"] == 1
        memory.reset(user_id="ana")


def test_a_batch_is_written_while_searches_go_on(memory: Memory, clock: Clock) -> None:
    """Many uses do not pile up: a batch is written beside the calls, and none of them is counted twice or lost."""
    memory.add_many(
        [{"messages": f"tea number {n} of the shelf", "infer": False, "user_id": "ana"} for n in range(300)]
    )
    memory.update_project({"decay": True})
    for _ in range(3):
        memory.search("tea shelf", user_id="ana", top_k=300)
    memory.vacuum()
    found = memory.search("tea shelf", user_id="ana", top_k=300, explain=True)["results"]
    assert {hit["score_details"]["decay"]["uses"] for hit in found} == {3}


def test_one_users_uses_do_not_move_anothers_scores(memory: Memory, clock: Clock) -> None:
    """A view's searches give the same scores, however often somebody else searches the same words."""
    for user in ("ana", "bob"):
        memory.add(TWO[0], user_id=user)
    memory.update_project({"decay": True})
    clock.advance(days=5)
    for _ in range(5):
        order(memory)
    memory.vacuum()
    [hit] = memory.for_user("bob").search("tea", explain=True)["results"]
    decay = hit["score_details"]["decay"]
    assert (decay["uses"], decay["last_used"]) == (1, hit["updated_at"])


@pytest.mark.parametrize(
    "settings",
    [
        {"decay": "yes"},
        {"decay": 1},
        {"decay_half_life_days": 0},
        {"decay_half_life_days": "3"},
        {"decay_half_life_days": True},
    ],
)
def test_a_setting_that_cannot_be_followed_is_refused(memory: Memory, settings: dict[str, Any]) -> None:
    """A setting of another kind is refused by its name, and nothing is stored."""
    with pytest.raises(ValidationError) as raised:
        memory.update_project({"description": "x", **settings})
    assert raised.value.field in settings
    assert "description" not in memory.get_project()


def test_a_store_that_is_read_only_ranks_and_notes_nothing(path: Any, clock: Clock) -> None:
    """Opened for reading, a store follows the setting with the uses that it has."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        add_two(memory, clock)
        memory.update_project({"decay": True})
        order(memory, "green", top_k=1)
    with Memory(path, embedder=HashEmbedder(), clock=clock, read_only=True) as memory:
        first = memory.search("Ana tea", user_id="ana", explain=True)
        assert first["results"][0]["memory"] == TWO[0]
        assert memory.search("Ana tea", user_id="ana", explain=True) == first


def test_it_is_set_over_http_as_mem0_sets_it(client: httpx.Client) -> None:
    """PATCH of the project turns it on, and a search with ``explain`` shows it."""
    answer = client.patch(PROJECT, json={"decay": True, "decay_half_life_days": 7}).json()
    assert (answer["decay"], answer["decay_half_life_days"]) == (True, 7)
    serving.add(client, TWO[0], user_id="u")
    body = {"query": "Ana green tea", "user_id": "u", "explain": True, "threshold": 0}
    [hit] = client.post("/search", json=body).json()["results"]
    assert hit["score_details"]["decay"]["factor"] == pytest.approx(1.5, abs=0.01)
    refused = client.patch(PROJECT, json={"decay": "often"})
    assert refused.status_code == 422
    assert "decay" in refused.text


def test_it_is_set_on_the_command_line(tmp_path: Path) -> None:
    """``mem0lite project`` shows and changes the settings of a file."""
    file = tmp_path / "m.db"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mem0lite", "--db", str(file), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with Memory(file):
        pass
    assert json.loads(run("project", "--json", "decay=true", "description=Tea & more").stdout)["decay"] is True
    shown = json.loads(run("project", "--json").stdout)
    assert (shown["decay"], shown["description"]) == (True, "Tea & more")
    for wrong in ("decay=sometimes", "decay"):
        refused = run("project", wrong)
        assert (refused.returncode, "decay" in refused.stderr) == (2, True), refused
