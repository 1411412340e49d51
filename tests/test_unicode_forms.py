"""A text in two Unicode forms, "é" as one character (NFC) or as a letter and an accent (NFD), is one everywhere."""

import json
import unicodedata

import pytest
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory, PermissionDeniedError, ValidationError
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.server import ApiKey, Settings, create_app


def nfc(text):
    return unicodedata.normalize("NFC", text)


def nfd(text):
    return unicodedata.normalize("NFD", text)


JOSE, CAFE = "jos\u00e9", "caf\u00e9"
FORMS = pytest.mark.parametrize(("stored", "asked"), [(nfc, nfd), (nfd, nfc)], ids=["NFC, NFD", "NFD, NFC"])


@pytest.fixture
def memory():
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        yield memory


def texts(found):
    return [item["memory"] for item in found["results"]]


@FORMS
@pytest.mark.parametrize("name", ["josé", "한국", "Ångström", "nguyễn", "ǭ", "שּׁ"])
@pytest.mark.parametrize("kind", ["user_id", "agent_id", "run_id", "app_id"])
def test_an_id_is_one(memory, stored, asked, name, kind):
    """Whoever is named in one form is found, listed, deleted, reset and erased by the other, and nobody else is."""
    mine = {kind: asked(name)}
    for number in range(2):
        memory.add(f"tea {number}", **{kind: stored(name)})
    memory.add("coffee", **{kind: "jose"})
    assert memory.get_all(**mine)["total"] == 2
    assert memory.get_all(**mine)["results"][0][kind] == nfc(name)
    assert len(memory.search("tea", **mine, threshold=0)["results"]) == 2
    for wanted in (asked(name), [asked(name), "x"], {"icontains": asked(name)}):
        assert memory.get_all(filters={"AND": [{kind: "*"}, {kind: wanted}]})["total"] == 2
    assert memory.get_all(filters={"AND": [{kind: "*"}, {kind: {"ne": asked(name)}}]})["total"] == 1
    assert memory.events(**mine)["total"] == 2
    assert [(one["id"], one["total_memories"]) for one in memory.entities()] == [("jose", 1), (nfc(name), 2)]
    memory.delete_all(**mine)
    assert memory.get_all(**mine)["total"] == 0
    memory.add("tea", **{kind: stored(name)})
    memory.reset(**mine)
    memory.add("tea", **{kind: stored(name)})
    assert memory.erase(**mine)["memories"] == 1
    assert texts(memory.get_all(filters=ANY_SCOPE)) == ["coffee"]


@FORMS
def test_a_view_and_a_key_reach_one_user(memory, stored, asked):
    """A view, and a key that is pinned, reach the user in both forms, and nobody who is named nearly so."""
    memory.add("mine", user_id=stored(JOSE))
    for other in ("jose", "josè", "josé2", "JOSÉ", "jose\u0341"):
        if nfc(other) != JOSE:
            memory.add(f"of {other}", user_id=other)
    view = memory.for_user(asked(JOSE))
    assert view.user_id == JOSE
    assert texts(view.get_all(filters={"user_id": stored(JOSE)})) == ["mine"]
    assert texts(view.for_user(stored(JOSE)).get_all(user_id=stored(JOSE))) == ["mine"]
    with pytest.raises(PermissionDeniedError):
        view.get_all(user_id="jose")
    app = create_app(memory, settings=Settings(api_keys=(ApiKey("k" * 32, asked(JOSE)),)))
    with served_by(app) as client:
        client.headers["X-API-Key"] = "k" * 32
        for form in (nfc, nfd):
            assert texts(client.get("/memories", params={"user_id": form(JOSE)}).json()) == ["mine"]
        assert client.get("/memories", params={"user_id": "jose"}).status_code == 403
        assert client.post("/reset", params={"user_id": stored(JOSE)}, json={"user_id": asked(JOSE)}).status_code == 200
    assert memory.get_all(user_id=JOSE)["total"] == 0
    assert memory.get_all(filters=ANY_SCOPE)["total"] == 4


@FORMS
@pytest.mark.parametrize(
    "wanted",
    [
        lambda text: {"where": text},
        lambda text: {"where": {"in": [text, "x"]}},
        lambda text: {"where": {"contains": text[1:]}},
        lambda text: {"where": {"icontains": text.upper()}},
        lambda text: {"tags": text},
        lambda text: {"tags": {"contains": text}},
        lambda text: {"tags": {"icontains": text.upper()}},
        lambda text: {text: 1},
        lambda text: {f"metadata.{text}": 1},
        lambda text: {f"in.{text}": 2},
        lambda text: {"metadata": {text: {"gte": 1}}},
        lambda text: {"actor_id": text},
        lambda text: {"memory": {"contains": text}},
        lambda text: {"memory": {"icontains": text.upper()}},
        lambda text: {"where": {"gte": text, "lte": text}},
        lambda text: {"NOT": {"where": {"nin": [text]}}},
    ],
)
def test_a_filter_finds_both(memory, stored, asked, wanted):
    """Operands, values, members of lists, keys, names and texts are compared in one form; what was stored stays."""
    metadata = {"where": stored(CAFE), "tags": ["x", stored(CAFE)], stored(CAFE): 1, "in": {stored(CAFE): 2}}
    message = {"role": "user", "name": stored(CAFE), "content": f"At the {stored(CAFE)}"}
    memory.add(message, user_id="u", metadata=metadata)
    found = memory.get_all(user_id="u", filters=wanted(asked(CAFE)))["results"]
    assert [item["memory"] for item in found] == [f"At the {stored(CAFE)}"]
    assert found[0]["metadata"] == {"where": stored(CAFE), "tags": ["x", stored(CAFE)], CAFE: 1, "in": {CAFE: 2}}
    assert memory.get_all(user_id="u", filters={"NOT": wanted(asked(CAFE))})["total"] == 0


@pytest.mark.parametrize(
    ("one", "other"), [("ﬁ", "fi"), ("Ａ", "A"), ("²", "2"), ("cafe", "café"), ("é", "è"), ("①", "1"), ("ſ", "s")]
)
def test_only_what_is_the_same_character_is_one(memory, one, other):
    """Ligatures, full-width letters, superscripts and other accents stay different, for ids, keys and values."""
    memory.add("x", user_id=one, metadata={"k": one, f"{one}x": 1})
    assert memory.get_all(user_id=one, filters={"k": one, f"{one}x": 1})["total"] == 1
    for filters in ({"user_id": other}, {"k": other}, {f"{other}x": 1}):
        assert memory.get_all(filters={"AND": [{"user_id": "*"}, filters]})["total"] == 0


@pytest.mark.parametrize("form", [nfc, nfd])
def test_an_imported_memory_is_found_by_its_id_in_either_form(memory, form):
    """An id that an import brought is one in both forms, for every verb that takes it."""
    memory.import_([json.dumps({"id": form("é1"), "memory": "tea", "user_id": "u"}, ensure_ascii=False)])
    for asked in (nfc("é1"), nfd("é1")):
        assert memory.get(asked)["memory"] == "tea"
        memory.update(asked, metadata={"asked": asked})
        assert memory.history(asked)[0]["new_memory"] == "tea"
    memory.delete(nfd("é1"))
    assert memory.get_all(user_id="u")["total"] == 0


@pytest.mark.parametrize("word", ["cafe", "e", "caf"])
def test_a_part_of_a_text_is_one_too(memory, word):
    """Whether a text contains a word does not depend on the text's form: a letter without its accent is another one."""
    for form in (nfc, nfd):
        memory.add(form(CAFE), user_id="u", metadata={"k": form(CAFE)}, infer=False)
    expected = 2 if word == "caf" else 0
    for operator in ("contains", "icontains"):
        for field in ("k", "memory"):
            assert memory.get_all(user_id="u", filters={field: {operator: word}})["total"] == expected


@FORMS
def test_a_repeat_is_known_in_both_forms(memory, stored, asked):
    """The same text in the other form, of the same speaker and metadata in the other form, is no second memory."""
    first = memory.add({"role": "user", "name": stored(JOSE), "content": stored(CAFE)}, user_id=stored(JOSE))
    again = memory.add({"role": "user", "name": asked(JOSE), "content": asked(CAFE)}, user_id=asked(JOSE))
    assert [item["event"] for item in again["results"]] == ["NONE"]
    assert again["results"][0]["id"] == first["results"][0]["id"]
    [item] = memory.get_all(user_id=JOSE)["results"]
    assert item["memory"] == stored(CAFE)


@FORMS
def test_keys_are_one(memory, stored, asked):
    """An update merges into the key whatever its form, and one object cannot have it twice."""
    added = memory.add("x", user_id="u", metadata={stored(CAFE): 1, "in": {stored(CAFE): 1}})
    memory.update(added["results"][0]["id"], metadata={asked(CAFE): 2})
    assert memory.get_all(user_id="u")["results"][0]["metadata"] == {CAFE: 2, "in": {CAFE: 1}}
    with pytest.raises(ValidationError, match="occurs twice"):
        memory.add("y", user_id="u", metadata={"in": {stored(CAFE): 1, asked(CAFE): 2}})


@FORMS
def test_the_graph_is_one(stored, asked):
    """A graph category, a tag and an entity are the same in both forms."""
    with Memory(":memory:", embedder=HashEmbedder(), graph_categories=[stored(CAFE)]) as memory:
        for form in (stored, asked):
            memory.add(
                f"The {form('Écluse')} service requires the {form('Müller')} database.",
                user_id="u",
                metadata={"memory_category": form(CAFE), "domain_tags": [form("thé")]},
                infer=False,
            )
        found = memory.graph(user_id="u", entity=asked("thé"), depth=0)
        assert [(node["type"], node["memories"]) for node in found["nodes"]] == [("tag", 2)]
        [edge] = memory.graph(user_id="u", entity=asked("Müller database"))["edges"]
        assert (nfc(edge["source"]), len(edge["memory_ids"])) == ("Écluse service", 2)


@FORMS
def test_exports_that_name_a_user_go_with_the_user(memory, stored, asked):
    """An export that is kept for a user goes when the user is reset by the other form; a view reads its own."""
    memory.add("x", user_id=stored(JOSE))
    kept = memory.for_user(stored(JOSE)).create_memory_export({"memory": {}}, filters={"user_id": stored(JOSE)})
    assert memory.for_user(asked(JOSE)).get_memory_export(kept["id"])["memories"] == [{"memory": "x"}]
    memory.create_memory_export({"memory": {}}, filters={"AND": [{"user_id": stored(JOSE)}]})
    assert memory.erase(user_id=asked(JOSE))["exports"] == 2
