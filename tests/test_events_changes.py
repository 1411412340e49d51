"""Events of add, the feed of changes, memory exports, and the settings of a project."""

import json
from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, NotFoundError, PermissionDeniedError, ValidationError

# -- events


def test_every_add_is_an_event(memory, clock):
    """add answers with an event id, by which the call is found with what it made, repeated and for whom."""
    first = memory.add([{"role": "user", "content": "red apple"}, {"role": "user", "content": "pear"}], user_id="u")
    clock.advance(seconds=1)
    second = memory.add("red apple", user_id="u")
    third = memory.add([], user_id="u", run_id="r")
    apple, pear = (item["id"] for item in first["results"])
    assert memory.event(first["event_id"])["results"] == [
        {"id": apple, "event": "ADD", "memory": "red apple"},
        {"id": pear, "event": "ADD", "memory": "pear"},
    ]
    assert memory.event(second["event_id"]) == {
        "id": second["event_id"],
        "event_type": "ADD",
        "status": "SUCCEEDED",
        "created_at": clock().isoformat(),
        "updated_at": clock().isoformat(),
        "user_id": "u",
        "results": [{"id": apple, "event": "NONE", "memory": "red apple"}],
    }
    listed = memory.events(user_id="u")
    assert [event["id"] for event in listed["results"]] == [one["event_id"] for one in (third, second, first)]
    assert listed["total"] == 3
    assert memory.events(run_id="r")["results"] == [{**memory.event(third["event_id"]), "results": []}]


def test_each_item_of_add_many_is_an_event(memory):
    """Items of one add_many have an event each, with their own messages."""
    added = memory.add_many([{"messages": "a b", "user_id": "u"}, {"messages": ["x"] and "c d", "user_id": "v"}])
    assert [memory.event(one["event_id"])["results"][0]["memory"] for one in added] == ["a b", "c d"]
    assert memory.events(user_id="v")["total"] == 1


def test_events_page(memory):
    """events cuts pages as get_all does."""
    ids = [memory.add(f"number {n}", user_id="u")["event_id"] for n in range(5)][::-1]
    assert [event["id"] for event in memory.events(user_id="u", page=2, page_size=2)["results"]] == ids[2:4]
    assert memory.events(top_k=0) == {"results": [], "total": 5, "next_cursor": None}
    assert memory.events(offset=9)["results"] == []


def test_an_event_shows_no_text_that_is_gone(memory, clock, path):
    """The text of a deleted or expired memory is not in its event any more."""
    deleted = memory.add("unmistakable1", user_id="u")
    expired = memory.add("unmistakable2", user_id="u", ttl=5)
    memory.delete(deleted["results"][0]["id"])
    clock.advance(seconds=5)
    for added in (deleted, expired):
        assert [result["memory"] for result in memory.event(added["event_id"])["results"]] == [None]
    memory.update(memory.add("before", user_id="u")["results"][0]["id"], "after")
    assert memory.events(user_id="u")["results"][0]["results"][0]["memory"] == "after"


def test_events_go_with_their_scope(memory, clock):
    """reset removes the events of its scope, and vacuum those of a scope of which nothing is left."""
    ours, theirs = memory.add("x", user_id="u")["event_id"], memory.add("y", user_id="v", ttl=5)["event_id"]
    memory.reset(user_id="u")
    assert memory.event(ours) is None
    clock.advance(seconds=5)
    memory.vacuum()
    assert memory.event(theirs) is None
    memory.add("z", user_id="w")
    memory.reset()
    assert memory.events()["total"] == 0


def test_old_events_are_forgotten(memory, clock):
    """vacuum removes events after 30 days."""
    old, empty = memory.add("x", user_id="u")["event_id"], memory.add([], user_id="nothing")["event_id"]
    busy = memory.add([], user_id="busy")["event_id"]
    clock.advance(days=29)
    newer = memory.add([], user_id="busy")["event_id"]
    memory.vacuum()
    assert memory.event(old)
    clock.advance(days=1)
    memory.vacuum()
    assert [memory.event(one) is None for one in (old, empty, busy, newer)] == [True, True, True, False]
    assert memory.get_all(user_id="u")["total"] == 1


def test_a_view_sees_its_own_events_only(memory):
    """To a view of one user, another's events do not exist."""
    event_id = memory.add("x", user_id="u")["event_id"]
    view = memory.for_user("v")
    assert (view.events(), view.event(event_id)) == ({"results": [], "total": 0, "next_cursor": None}, None)
    assert memory.for_user("u").event(event_id)["id"] == event_id
    with pytest.raises(PermissionDeniedError):
        view.events(user_id="u")


# -- changes


def test_changes_can_be_followed(memory, clock):
    """changes gives every change of every scope in order, and after a sequence number only later ones."""
    apple = memory.add("apple", user_id="u", app_id="a")["results"][0]["id"]
    memory.update(apple, "apples")
    first = memory.changes(limit=1)["results"]
    assert [(change["event"], change["new_memory"], change["app_id"]) for change in first] == [("ADD", "apple", "a")]
    memory.feedback(apple, "POSITIVE")
    memory.delete(apple)
    memory.add("pear", run_id="r")
    rest = memory.changes(after=first[-1]["sequence"])["results"]
    assert [change["event"] for change in rest] == ["UPDATE", "FEEDBACK", "DELETE", "ADD"]
    assert [change["memory_id"] == apple for change in rest] == [True, True, True, False]
    assert rest[-1]["run_id"] == "r"
    assert memory.changes(after=rest[-1]["sequence"]) == {"results": []}


def test_a_sequence_number_is_never_used_again(memory):
    """After a reset changes go on with higher numbers, so that nobody who follows them misses one."""
    memory.add("apple", user_id="u")
    last = memory.changes()["results"][-1]["sequence"]
    memory.reset()
    memory.add("pear", user_id="u")
    assert [change["new_memory"] for change in memory.changes(after=last)["results"]] == ["pear"]


def test_changes_of_expired_memories_and_other_users_are_hidden(memory, clock):
    """The changes of an expired memory are as invisible as it is, and a view knows its own user's only."""
    memory.add("short", user_id="u", ttl=5)
    memory.add("long", user_id="v")
    assert [change["user_id"] for change in memory.for_user("v").changes()["results"]] == ["v"]
    clock.advance(seconds=5)
    assert [change["new_memory"] for change in memory.changes()["results"]] == ["long"]


@pytest.mark.parametrize("arguments", [{"after": -1}, {"after": "1"}, {"limit": True}, {"limit": 2**63}])
def test_changes_wants_whole_numbers(memory, arguments):
    """A number that is none, or negative, is an error naming the argument."""
    with pytest.raises(ValidationError, match="Must be a whole number") as caught:
        memory.changes(**arguments)
    assert caught.value.field in arguments


# -- memory exports


def test_an_export_has_the_fields_of_its_schema(memory):
    """An export gives the asked fields of the matching memories, own and metadata ones, as they are when fetched."""
    memory.add("apple", user_id="u", metadata={"color": "red"})
    memory.add("pear", user_id="v")
    export = memory.create_memory_export({"memory": "string", "color": "string", "none": "x"}, {"user_id": "u"})
    memory.add("plum", user_id="u")
    assert memory.get_memory_export(export["id"]) == {
        "memories": [
            {"memory": "apple", "color": "red", "none": None},
            {"memory": "plum", "color": None, "none": None},
        ]
    }


@pytest.mark.parametrize("schema", ["{}", {}, {"type": "object"}, {"type": "object", "properties": {}}])
def test_an_export_without_fields_has_whole_memories(memory, schema):
    """A schema that names no field exports the memories as get_all shows them."""
    memory.add("apple", user_id="u")
    export = memory.create_memory_export(schema, {"user_id": "u"})
    assert memory.get_memory_export(export["id"])["memories"] == memory.get_all(user_id="u")["results"]
    assert memory.get_memory_export(filters={"user_id": "u"}) == memory.get_memory_export(export["id"])


def test_a_json_schema_names_fields_by_its_properties(memory):
    """A JSON schema, also as text, asks for its properties."""
    memory.add("apple", user_id="u")
    schema = json.dumps({"type": "object", "title": "M", "properties": {"memory": {"type": "string"}}})
    export = memory.create_memory_export(schema, {"user_id": "u"})
    assert memory.get_memory_export(export["id"]) == {"memories": [{"memory": "apple"}]}


def test_exports_are_refused_without_a_filter_or_a_schema(memory):
    """Nothing is exported without saying whose, nor by a schema that cannot be read, nor under an unknown id."""
    for schema, filters in (
        *(({}, None), ({}, {}), ("{", {"user_id": "u"}), ({"properties": 1}, {"user_id": "u"})),
        ("[" * 100_000, {"user_id": "u"}),
    ):
        with pytest.raises(ValidationError):
            memory.create_memory_export(schema, filters)
    with pytest.raises(ValidationError):
        memory.get_memory_export()
    with pytest.raises(NotFoundError, match="nope"):
        memory.get_memory_export("nope")


def test_an_export_keeps_its_filter_s_meaning(memory):
    """Dates and sets, which JSON does not have, mean in an export what they mean elsewhere."""
    memory.add("apple", user_id="u")
    for filters in (
        {"user_id": "u", "created_at": {"gte": datetime(2026, 3, 1, tzinfo=UTC), "lt": date(2026, 3, 2)}},
        MappingProxyType({"user_id": {"in": {"u"}}}),
    ):
        export = memory.create_memory_export({}, filters)
        assert len(memory.get_memory_export(export["id"])["memories"]) == 1


def test_an_export_lives_for_a_week(memory, clock, path):
    """After seven days an export is not found, and vacuum removes it from the file, and nothing of the project."""
    memory.update_project({"expires_at": 5})
    export = memory.create_memory_export({}, {"user_id": "unmistakable"})
    clock.advance(days=7)
    with pytest.raises(NotFoundError):
        memory.get_memory_export(export["id"])
    memory.vacuum()
    assert memory._store.documents("export") == []
    assert memory.get_project()["expires_at"] == 5


def test_reset_removes_the_exports_that_name_its_scope(memory):
    """A reset removes the exports made by the user's view or naming an id of it, and that of a view only its own."""

    def left():
        return [(one["user_id"], one["filters"]) for one in memory._store.documents("export")]

    asked = [("u", {"run_id": "r"}), (None, {"AND": [{"user_id": {"in": ["u", "x"]}}]}), ("v", {"run_id": "r"})]
    for user, filters in asked:
        (memory if user is None else memory.for_user(user)).create_memory_export({}, filters)
    memory.for_user("v").reset(run_id="other")
    memory.reset(agent_id="a")
    assert left() == asked
    memory.reset(user_id="u")
    assert left() == asked[2:]
    memory.for_user("w").reset(run_id="r")
    assert left() == asked[2:]
    memory.for_user("v").reset()
    assert left() == []


def test_an_export_of_the_deepest_filter_can_be_read(memory):
    """Whatever filter is accepted is read again, in a view too."""
    memory.add("apple", user_id="u")
    deep = {"user_id": "u"}
    for _ in range(49):
        deep = {"AND": [deep]}
    wide = {"user_id": "u", "NOT": {"OR": [{f"k{n}": 1} for n in range(999)]}}
    for store in (memory, memory.for_user("u")):
        for filters in (deep, wide):
            export = store.create_memory_export({}, filters)
            assert len(store.get_memory_export(export["id"])["memories"]) == 1


def test_the_export_of_a_view_is_that_users_for_everyone(memory):
    """What a view of one user exports holds that user's memories, whoever reads it."""
    for user in ("u", "v"):
        memory.add(f"of {user}", user_id=user, agent_id="a")
    export = memory.for_user("u").create_memory_export({}, {"agent_id": "a"})
    assert [one["memory"] for one in memory.get_memory_export(export["id"])["memories"]] == ["of u"]


def test_a_view_exports_its_own_memories_and_reset_forgets_exports(memory):
    """An export belongs to the view that asked for it; a whole reset removes exports."""
    memory.add("apple", user_id="u")
    ours = memory.for_user("u").create_memory_export({}, {"app_id": None})
    theirs = memory.create_memory_export({}, {"user_id": "u"})
    assert len(memory.for_user("u").get_memory_export(ours["id"])["memories"]) == 1
    for view in (memory.for_user("v"), memory.for_user("u")):
        with pytest.raises(NotFoundError):
            view.get_memory_export(theirs["id"])
    memory.reset()
    with pytest.raises(NotFoundError):
        memory.get_memory_export(theirs["id"])


# -- the project


def test_project_settings_are_kept_in_the_file(memory, path, clock):
    """Settings merge, are read back from the file, and stay when the memories are reset."""
    assert memory.get_project() == {"custom_instructions": None, "custom_categories": None}
    assert memory.update_project({"custom_instructions": "Be brief"})["custom_instructions"] == "Be brief"
    memory.update_project({"custom_categories": [{"food": "What they eat"}], "language": "de"})
    memory.reset()
    memory.close()
    with Memory(path, embedder=HashEmbedder()) as again:
        assert again.get_project() == {
            "custom_instructions": "Be brief",
            "custom_categories": [{"food": "What they eat"}],
            "language": "de",
        }


def test_the_project_is_not_one_users(memory):
    """A view of one user neither reads nor changes the settings of all."""
    for verb, arguments in ((Memory.get_project, ()), (Memory.update_project, ({},))):
        with pytest.raises(PermissionDeniedError):
            verb(memory.for_user("u"), *arguments)
