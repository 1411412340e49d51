from datetime import timedelta

import pytest
from embedder import HashEmbedder

from mem0lite import ANY_SCOPE, Memory, PermissionDeniedError, ValidationError
from mem0lite.data.filters import SCOPE_IDS


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
    assert memory.get_all(user_id="u", top_k=0) == {"results": [], "total": 25, "next_cursor": None}
    assert len(memory.get_all(user_id="u", top_k=10**30)["results"]) == 25
    assert memory.get_all(user_id="u", offset=10**30) == {"results": [], "total": 25, "next_cursor": None}


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
    with pytest.raises(ValidationError, match=f"use a filter: {{'{name}': '\\*'}}"):
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


# -- cursors


def pages(listed, after=None, **arguments):
    """Yield pages until there is no cursor."""
    page = listed(**arguments, after=after)
    yield page
    while page["next_cursor"] is not None:
        page = listed(**arguments, after=page["next_cursor"])
        yield page


def texts(found):
    return [item["memory"] for page in found for item in page["results"]]


@pytest.fixture
def many(memory, clock):
    """A store with memories of several scopes, ten of each instant, and expired ones."""
    for instant in range(3):
        for run in ("r1", None, "r2"):
            memory.add(
                [{"content": f"{instant} {run} {n}"} for n in range(5)],
                user_id="u",
                run_id=run,
                metadata={"n": instant},
            )
        memory.add("of another", user_id="v")
        memory.add(f"{instant} gone", user_id="u", ttl=0)
        clock.advance(seconds=1)
    return memory


@pytest.mark.parametrize(
    "arguments",
    [
        {"user_id": "u"},
        {"user_id": "u", "show_expired": True},
        {"user_id": "u", "filters": {"n": {"gte": 1}}},
        {"filters": {"run_id": ["r1", "r2"]}},
        {"user_id": "nobody"},
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_a_cursor_walks_a_list(many, arguments, size):
    """Page by page a cursor gives the list in its order, each memory once, and None at its end."""
    whole = many.get_all(**arguments, top_k=1_000)
    found = list(pages(many.get_all, **arguments, top_k=size))
    assert texts(found) == texts([whole])
    assert {page["total"] for page in found} == {whole["total"]}
    assert len(found) == max(1, -(-whole["total"] // size))


def test_deleting_while_paging_skips_nothing(many):
    """A list that is deleted page by page is deleted whole, though the cursor stands on what is gone."""
    seen = []
    for page in pages(many.get_all, user_id="u", top_k=4):
        seen += texts([page])
        many.delete_many(item["id"] for item in page["results"])
    assert len(set(seen)) == len(seen) == 45
    assert many.get_all(user_id="u")["total"] == 0


@pytest.mark.parametrize("remove", ["delete_all", "reset"])
def test_adding_and_removing_while_paging_repeats_nothing(many, clock, remove):
    """What is there all the time is shown once, whatever comes and goes meanwhile, whole scopes too."""
    page = many.get_all(user_id="u", top_k=12)
    seen = texts([page])
    getattr(many, remove)(user_id="u", run_id="r2")
    many.add("new", user_id="u")
    many.add("earlier", user_id="u", timestamp="2020-01-01")
    many.add("among them", user_id="u", run_id="r3", timestamp=clock.now - timedelta(seconds=3))
    rest = texts(pages(many.get_all, user_id="u", top_k=5, after=page["next_cursor"]))
    expected = [f"{instant} {run} {n}" for instant in range(3) for run in ("r1", None) for n in range(5)]
    assert set(expected) <= {*seen, *rest}
    assert set(seen) & set(rest) == set()
    assert len(set(rest)) == len(rest)
    assert rest[-1] == "earlier"
    assert "new" not in rest


def test_a_memory_that_is_moved_leaves_the_cursor_where_it_stands(many):
    """A corrected date moves a memory, and not the place where the next page begins."""
    page = many.get_all(user_id="u", top_k=10)
    many.update(page["results"][-1]["id"], timestamp="2030-01-01")
    assert len(texts(pages(many.get_all, user_id="u", top_k=10, after=page["next_cursor"]))) == 35


def test_a_cursor_works_wherever_the_file_is_open(many, path, tmp_path):
    """Another process, a backup and a read-only store take a cursor; it outlives a vacuum."""
    cursor = many.get_all(user_id="u", top_k=10)["next_cursor"]
    rest = texts([many.get_all(user_id="u", after=cursor)])
    many.vacuum()
    many.backup(tmp_path / "b.db")
    for file, options in ((path, {}), (tmp_path / "b.db", {"read_only": True})):
        with Memory(file, embedder=HashEmbedder(), clock=many._clock, **options) as other:
            assert texts([other.get_all(user_id="u", after=cursor)]) == rest
    assert texts([many.for_user("u").get_all(after=cursor)]) == rest


@pytest.mark.parametrize("cursor", ["", "x", "é", "A" * 43, "A" * 10_000, "=", "\0", 5, True, ["x"]])
def test_what_is_no_cursor_is_refused(many, cursor):
    """A cursor that this list did not give is an error that says what to give."""
    for listed in (many.get_all, many.events):
        with pytest.raises(ValidationError, match="next_cursor") as caught:
            listed(user_id="u", after=cursor)
        assert caught.value.field == "after"


def test_a_damaged_or_foreign_cursor_is_refused(many, tmp_path):
    """A cursor with any character changed, cut off or added, of another list or of another file, is refused."""
    cursor = many.get_all(user_id="u", top_k=1)["next_cursor"]
    broken = [cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(len(cursor))]
    broken += [cursor[:-1], cursor[1:], cursor + "A", cursor + "AAAA", many.events(top_k=1)["next_cursor"]]
    with Memory(tmp_path / "other.db", embedder=HashEmbedder()) as other:
        other.add([{"content": "a"}, {"content": "b"}], user_id="u")
        broken.append(other.get_all(user_id="u", top_k=1)["next_cursor"])
    for one in broken:
        with pytest.raises(ValidationError, match="next_cursor"):
            many.get_all(user_id="u", after=one)


@pytest.mark.parametrize("place", [{"offset": 0}, {"offset": 1}, {"page": 1}])
def test_a_cursor_is_the_only_place(many, place):
    """A cursor beside an offset or a page is refused, rather than one of them ignored; an offset may begin a walk."""
    page = many.get_all(user_id="u", top_k=3, offset=2)
    for listed in (many.get_all, many.events):
        with pytest.raises(ValidationError, match="only one of after"):
            listed(user_id="u", after=page["next_cursor"], **place)
    assert texts([many.get_all(user_id="u", top_k=3, after=page["next_cursor"])]) == texts(
        [many.get_all(user_id="u", top_k=3, offset=5)]
    )


def test_events_are_walked_likewise(many):
    """A cursor walks the calls of add, though new ones come."""
    whole = [event["id"] for event in many.events(top_k=100)["results"]]
    page = many.events(top_k=4)
    many.add("new", user_id="u")
    rest = [one["id"] for found in pages(many.events, top_k=4, after=page["next_cursor"]) for one in found["results"]]
    assert [one["id"] for one in page["results"]] + rest == whole


def test_a_cursor_tells_nothing(memory):
    """Cursors of a view have one length and no part in common, whatever others write between its memories."""
    view = memory.for_user("u")
    for number in range(5):
        view.add(f"text {number}", timestamp=number)
        memory.add_many([{"messages": f"{number} {n}", "user_id": f"v{n}"} for n in range(number)])
    cursors = [page["next_cursor"] for page in pages(view.get_all, top_k=1)][:-1]
    assert {len(cursor) for cursor in cursors} == {43}
    assert len({cursor[n : n + 8] for cursor in cursors for n in (0, 16, 32)}) == 3 * len(cursors)
