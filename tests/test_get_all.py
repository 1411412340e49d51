import pytest

from mem0lite import ValidationError


@pytest.fixture
def numbered(memory, clock):
    """Ten memories of one user, the last three of the same instant."""
    for number in range(10):
        memory.add(f"number {number}", user_id="u", run_id=f"r{number % 2}")
        if number < 7:
            clock.advance(seconds=1)
    return memory


def numbers(page):
    return [int(item["memory"].split()[1]) for item in page["results"]]


def test_newest_first_and_last_added_first(numbered):
    """The order is creation date descending, and of one instant the last added first within its scope."""
    assert numbers(numbered.get_all(user_id="u", run_id="r1")) == [9, 7, 5, 3, 1]
    assert numbers(numbered.get_all(user_id="u"))[3:] == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("style", ["offset", "limit", "page"])
def test_pages_cover_everything_once(numbered, style):
    """Walking the pages, in each style, gives every memory exactly once, and the total of all on each page."""
    seen = []
    for number in range(4):
        arguments = {
            "offset": {"top_k": 3, "offset": 3 * number},
            "limit": {"limit": 3, "offset": 3 * number},
            "page": {"page": number + 1, "page_size": 3},
        }[style]
        page = numbered.get_all(filters={"user_id": "u"}, **arguments)
        assert page["total"] == 10
        seen += numbers(page)
    assert seen == numbers(numbered.get_all(user_id="u"))
    assert sorted(seen) == list(range(10))


def test_twenty_by_default_and_none_for_zero(memory):
    """Without a limit 20 come back; 0 is a limit too; one beyond any number is allowed."""
    memory.add([{"content": f"number {number}"} for number in range(25)], user_id="u")
    assert len(memory.get_all(user_id="u")["results"]) == 20
    assert memory.get_all(user_id="u", top_k=0) == {"results": [], "total": 25}
    assert len(memory.get_all(user_id="u", top_k=10**30)["results"]) == 25
    assert memory.get_all(user_id="u", offset=10**30) == {"results": [], "total": 25}


@pytest.mark.parametrize(
    "arguments",
    [
        {"top_k": -1},
        {"limit": 1.5},
        {"top_k": True},
        {"offset": -1},
        {"page": 0},
        {"page_size": 0},
        {"page": 1, "offset": 1},
    ],
)
def test_bad_paging_is_refused(memory, arguments):
    """A limit, offset or page that makes no sense is an error naming it."""
    with pytest.raises(ValidationError) as caught:
        memory.get_all(user_id="u", **arguments)
    assert caught.value.field in arguments


def test_a_scope_or_a_filter_is_required(memory):
    """Listing with neither an id nor a filter raises in mem0's words; a filter alone is enough."""
    with pytest.raises(ValueError, match="filters must contain at least one of: user_id, agent_id, run_id"):
        memory.get_all()
    memory.add("x", user_id="u", metadata={"project_id": "p"})
    assert memory.get_all(filters={"project_id": "p"})["total"] == 1


def test_both_call_styles_answer_alike(memory):
    """mem0 1.x's user_id= and limit=, and 2.x's filters= and top_k=, give the same answer."""
    memory.add([{"content": "x"}, {"content": "y"}], user_id="u")
    memory.add("z", user_id="v")
    assert memory.get_all(user_id="u", limit=1) == memory.get_all(filters={"user_id": "u"}, top_k=1)
    assert memory.search("x", user_id="u", limit=1) == memory.search("x", filters={"user_id": "u"}, top_k=1)


def test_get_of_an_unknown_id_is_none(memory):
    """get answers None for an id nobody has, whatever it looks like."""
    for unknown in ("00000000-0000-0000-0000-000000000000", "nope", "", "x" * 100_000, "\x00"):
        assert memory.get(unknown) is None


def test_entities_count_live_memories(memory, clock):
    """entities lists each user, agent and run with the number and dates of its live memories."""
    memory.add("x", user_id="u", agent_id="a")
    clock.advance(seconds=1)
    memory.add("y", user_id="u", ttl=10)
    memory.add("z", run_id="r", ttl=10)
    assert [(e["type"], e["id"], e["total_memories"]) for e in memory.entities()] == [
        ("user", "u", 2),
        ("agent", "a", 1),
        ("run", "r", 1),
    ]
    assert memory.entities()[0]["created_at"] < memory.entities()[0]["updated_at"]
    clock.advance(seconds=10)
    assert [(e["type"], e["id"], e["total_memories"]) for e in memory.entities()] == [
        ("user", "u", 1),
        ("agent", "a", 1),
    ]


def test_stats_count_what_is_there(memory, clock, path):
    """stats tells live and expired memories, scopes, bytes and the embedder."""
    memory.add("x", user_id="u", agent_id="a")
    memory.add("y", user_id="v", ttl=1)
    clock.advance(seconds=1)
    stats = memory.stats()
    assert (stats["memories"], stats["expired"], stats["users"], stats["agents"], stats["runs"]) == (1, 1, 1, 1, 0)
    assert stats["embedder"] == {"name": "test-hash", "dimensions": 64, "fingerprint": ""}
    assert stats["path"] == str(path)
    assert stats["bytes"] > 0
