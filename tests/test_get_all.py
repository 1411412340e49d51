import pytest

from mem0lite import ANY_SCOPE, PermissionDeniedError, ValidationError
from mem0lite.filters import SCOPE_IDS


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


NOBODY = (
    *({}, {"filters": {}}, {"filters": {"k": 1}}, {"filters": {"NOT": {"user_id": "u"}}}, {"filters": {"userId": "u"}}),
    {"filters": {"OR": [{"user_id": "u"}, {"k": 1}]}},
)
EVERYBODY = ({"filters": ANY_SCOPE}, {"filters": {**ANY_SCOPE, "k": 1}}, {"filters": {"AND": [ANY_SCOPE, {"k": 1}]}})
CONDITIONAL = {
    "get_all": lambda store, asked: store.get_all(**asked)["total"],
    "search": lambda store, asked: len(store.search("x", **asked)["results"]),
    "graph": lambda store, asked: store.graph(**asked) and 2,
    "memory export": lambda store, asked: len(store.get_memory_export(**asked)["memories"]),
    "kept memory export": lambda store, asked: store.create_memory_export({}, **asked) and 2,
    "delete_all": lambda store, asked: store.delete_all(**asked) and 2 - store.stats()["memories"],
}


@pytest.mark.parametrize("verb", CONDITIONAL)
def test_what_finds_by_conditions_is_told_whose(memory, verb):
    """Every verb that finds memories by conditions wants an id, as argument or where every match must have it, whatever
    else is asked; ANY_SCOPE means everybody's, and to a view of one user there is nobody else."""
    memory.add("x", user_id="u", metadata={"k": 1})
    memory.add("x", agent_id="a", metadata={"k": 1})
    for asked in NOBODY:
        with pytest.raises(ValidationError, match=r"filters? (must contain at least one of: user_id|is required)"):
            CONDITIONAL[verb](memory, asked)
    if verb != "delete_all":
        view = memory.for_user("u")
        for asked in ({"filters": {"k": 1}}, {"filters": {}}):
            assert CONDITIONAL[verb](view, asked) in (1, 2)
    for asked in EVERYBODY:
        assert CONDITIONAL[verb](memory, asked) == 2


@pytest.mark.parametrize(
    ("key", "meant"), [("userId", "user_id"), ("USER_ID", "user_id"), ("user", "user_id"), ("Agent-Id", "agent_id")]
)
@pytest.mark.parametrize("verb", CONDITIONAL)
def test_a_misspelt_id_is_asked_about(memory, verb, key, meant):
    """Where no id is named, a key that is much like the name of one is asked about, however deep it is."""
    for filters in ({key: "u"}, {"AND": [{"k": 1}, {"OR": [{key: "u"}]}]}):
        with pytest.raises(ValidationError, match=f"'{key}' is a metadata key: did you mean '{meant}'\\?"):
            CONDITIONAL[verb](memory, {"filters": filters})


@pytest.mark.parametrize("name", SCOPE_IDS)
@pytest.mark.parametrize("star", ["*", " * ", "*\n"])
def test_a_star_as_an_argument_opens_nothing(memory, tmp_path, name, star):
    """An id that a caller passes on is never everybody: "*" is refused by every verb that takes one as an argument,
    with what to write instead, and nothing happens; only in a filter it means any."""
    memory.add("kept", user_id="u", agent_id="a", run_id="r", app_id="p")
    ids = {name: star}
    for refused in (
        *(lambda verb=verb: verb("kept", **ids) for verb in (memory.add, memory.search)),
        *(lambda verb=verb: verb(**ids) for verb in (memory.get_all, memory.graph, memory.delete_all, memory.events)),
        *(lambda verb=verb: verb(**ids) for verb in (memory.reset, memory.erase)),
        lambda: memory.export(tmp_path / "out.jsonl", **ids),
        lambda: memory.import_(['{"memory": "x"}'], **ids),
        lambda: memory.for_user(star),
    ):
        with pytest.raises(ValidationError) as caught:
            refused()
        assert "'*'" in str(caught.value)
        assert caught.value.field in (name, "user_id")
    with pytest.raises(ValidationError, match=f"filters={{'{name}': '\\*'}}"):
        memory.search("kept", **ids)
    assert not (tmp_path / "out.jsonl").exists()
    assert memory.get_all(filters={name: "*"})["total"] == 1
    with pytest.raises(PermissionDeniedError):
        memory.for_user("u").get_all(**ids)
    for verb in (memory.for_user("u").get_all, memory.for_user("u").events):
        with pytest.raises(PermissionDeniedError):
            verb(**ids)


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
