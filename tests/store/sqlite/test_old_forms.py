"""Ids and keys that an older version stored in decomposed form."""

import json

import apsw
import pytest
from embedder import HashEmbedder
from test_unicode_forms import CAFE, JOSE, nfc, nfd, texts

from mem0lite import Memory
from mem0lite.data.filters import ANY_SCOPE


@pytest.fixture
def old(tmp_path):
    """A file from before ids and keys were composed: of one user in both forms, and of another."""
    path = tmp_path / "old.db"
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("composed", user_id=JOSE)
        memory.add("decomposed", user_id="placeholder", agent_id="bot", metadata={"placeholder": 1})
        memory.add("another", user_id="jose")
        memory.for_user("placeholder").create_memory_export({"memory": {}}, filters={"user_id": "placeholder"})
    with apsw.Connection(str(path)) as file:
        file.execute("UPDATE scope SET user_id = ? WHERE user_id = 'placeholder'", (nfd(JOSE),))
        file.execute("UPDATE memory SET metadata = jsonb(?) WHERE metadata IS NOT NULL", (json.dumps({nfd(CAFE): 1}),))
        file.execute("UPDATE document SET value = replace(value, 'placeholder', ?)", (nfd(JOSE),))
    file.close()
    with Memory(path, embedder=HashEmbedder()) as memory:
        yield memory


@pytest.mark.parametrize("form", [nfc, nfd])
def test_a_file_from_before(old, form):
    """What an older version stored in decomposed form is found, shown composed, added to, viewed and removed."""
    found = old.get_all(user_id=form(JOSE))
    assert texts(found) == ["decomposed", "composed"]
    assert {item["user_id"] for item in found["results"]} == {JOSE}
    view = old.for_user(form(JOSE))
    assert set(texts(view.search("composed decomposed another", user_id=form(JOSE), threshold=0))) == set(texts(found))
    assert [one["id"] for one in old.entities() if one["type"] == "user"] == ["jose", JOSE]
    assert view.get_all(user_id=form(JOSE), filters={form(CAFE): 1})["total"] == 1
    assert old.get_all(user_id=form(JOSE), filters={form(CAFE): None})["total"] == 1
    again = view.add("decomposed", agent_id="bot", metadata={CAFE: 1})
    assert again["results"][0]["event"] == "NONE"
    view.update(found["results"][0]["id"], metadata={form(CAFE): 2})
    assert view.get(found["results"][0]["id"])["metadata"] == {CAFE: 2}
    assert old.erase(user_id=form(JOSE))["memories"] == 2
    assert texts(old.get_all(filters=ANY_SCOPE)) == ["another"]
    assert old.erase(user_id="jose")["exports"] == 0
