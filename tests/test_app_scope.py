"""app_id, the fourth id of a scope, beside user_id, agent_id and run_id."""

import json

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, PermissionDeniedError, ValidationError


def ids(page):
    return {item["id"] for item in page["results"]}


@pytest.fixture
def stored(memory):
    """The ids of one memory of app a alone, one of user u in it, one of u in app b, and one of u in none."""
    scopes = [{"app_id": "a"}, {"app_id": "a", "user_id": "u"}, {"app_id": "b", "user_id": "u"}, {"user_id": "u"}]
    return [memory.add("red apple", **scope)["results"][0]["id"] for scope in scopes]


def test_an_app_is_a_scope_of_its_own(memory, stored):
    """A memory may have an app alone; get_all and search find by app, alone or with other ids, and show it."""
    alone, both, other, none = stored
    for verb in (memory.get_all, lambda **scope: memory.search("red apple", **scope)):
        assert ids(verb(app_id="a")) == {alone, both}
        assert ids(verb(app_id="a", user_id="u")) == {both}
        assert ids(verb(user_id="u")) == {both, other, none}
        assert ids(verb(filters={"OR": [{"app_id": "b"}, {"AND": [{"app_id": None}, {"user_id": "u"}]}]})) == {
            other,
            none,
        }
    assert memory.get(both)["app_id"] == "a"
    assert "app_id" not in memory.get(none)


def test_the_same_text_in_two_apps_is_two_memories(memory, stored):
    """A repetition is one within the same user, agent, run and app."""
    assert len(set(stored)) == 4
    again = memory.add("red apple", app_id="a", user_id="u")["results"][0]
    assert (again["event"], again["id"]) == ("NONE", stored[1])


def test_apps_are_deleted_reset_listed_and_counted(memory, stored):
    """delete_all, reset, entities and stats know apps."""
    apps = [(one["id"], one["total_memories"]) for one in memory.entities() if one["type"] == "app"]
    assert apps == [("a", 2), ("b", 1)]
    assert memory.stats()["apps"] == 2
    memory.delete_all(app_id="a")
    assert ids(memory.get_all(filters={"OR": [{"user_id": "*"}, {"app_id": "*"}]})) == set(stored[2:])
    memory.reset(app_id="b")
    assert memory.history(stored[2]) == []
    assert ids(memory.get_all(user_id="u")) == {stored[3]}
    with pytest.raises(ValidationError, match="app_id: None"):
        memory.reset(app_id=None)


def test_scores_within_an_app_depend_on_that_app_alone(memory):
    """What other apps of the same user hold changes no result and no score of a search in one app."""
    memory.add("the red apple tree", app_id="a", user_id="u")
    memory.add("a green pear", app_id="a", user_id="u")
    before = memory.search("red apple", app_id="a", user_id="u", threshold=0)["results"]
    for number in range(20):
        memory.add(f"red apple {number}", app_id="b", user_id="u")
        memory.add(f"red apple {number}", app_id="a", user_id="v")
    assert memory.search("red apple", app_id="a", user_id="u", threshold=0)["results"] == before


def test_apps_move_with_export_and_import(memory, stored, tmp_path):
    """Exported memories keep their app, and import_ can give one to lines that have no id."""
    assert memory.export(tmp_path / "out.jsonl", app_id="a") == 2
    with Memory(tmp_path / "other.db", embedder=HashEmbedder()) as other:
        other.import_(tmp_path / "out.jsonl")
        assert ids(other.get_all(app_id="a")) == set(stored[:2])
        other.import_([json.dumps({"memory": "plum"})], app_id="c")
        assert other.get_all(app_id="c")["total"] == 1


def test_a_users_view_reaches_that_users_apps_only(memory, stored):
    """In a view of one user an app means that user's memories in it; "*" is refused."""
    view = memory.for_user("u")
    assert ids(view.get_all(app_id="a")) == {stored[1]}
    view.delete_all(app_id="a")
    assert memory.get(stored[0]) is not None
    with pytest.raises(PermissionDeniedError):
        view.delete_all(app_id="*")


@pytest.mark.parametrize("app_id", ["", "a b", "*", 1.5])
def test_a_wrong_app_id_is_refused(memory, app_id):
    """An app's id is checked as the other ids are."""
    with pytest.raises(ValidationError) as caught:
        memory.add("x", app_id=app_id)
    assert caught.value.field == "app_id"
