"""The scale of an embedder's cosines as a file keeps it: a row of ``meta`` beside the embedder."""

import json

import apsw
import pytest
from embedder import HashEmbedder, Narrow

from mem0lite import Memory
from mem0lite.errors import CorruptFileError

FACTS = [
    "I am a dentist in a small clinic",
    "The dog has to see the vet on Friday",
    "I cannot eat peanuts or cashews",
    "I run ten kilometres every Sunday morning",
]
QUESTIONS = ["What does she do for a living in the small village?", "Which food makes her ill in spring?"]


class Wider(Narrow):
    """Half as narrow."""

    share, name = 0.38, "wider"


class Picky(HashEmbedder):
    """Embeds short texts only."""

    def embed(self, texts):
        if any(len(text) > 20 for text in texts):
            raise RuntimeError("too long")
        return super().embed(texts)


@pytest.fixture
def narrow(model):
    return Narrow(model)


def fill(memory, facts=FACTS):
    memory.add_many([{"messages": fact, "user_id": "mia", "infer": False} for fact in facts])


def found(memory, question):
    return memory.search(question, user_id="mia", threshold=0.0, top_k=50)["results"]


def scores(memory, question):
    return {hit["memory"]: hit["score"] for hit in found(memory, question)}


def kept(path):
    connection = apsw.Connection(str(path))
    found = connection.execute("SELECT value FROM meta WHERE name = 'scale'").get
    connection.close()
    return found and json.loads(found)


def test_the_next_memory_takes_the_scale_along(path, model):
    """A scale that a search measured, once, is kept with the next memory that is added."""
    embedder = Narrow(model)
    with Memory(path, embedder=embedder) as memory:
        fill(memory)
        expected = scores(memory, QUESTIONS[0])
        first = embedder.embedded
        assert scores(memory, QUESTIONS[1])
        assert embedder.embedded == first + 1
        assert kept(path) is None
        memory.add("One more", user_id="mia", infer=False)
        assert embedder.embedded == first + 2
        row = kept(path)
        assert row["embedder"]["name"] == "narrow"
        memory.delete_all(user_id="mia")
        fill(memory)
        assert scores(memory, QUESTIONS[0]) == expected
    assert kept(path) == row


def test_another_embedder_has_another_scale(path, model):
    """A scale belongs to its embedder: after a re-embedding, the one before counts no more."""
    with Memory(path, embedder=Narrow(model)) as memory:
        fill(memory, FACTS[1:])
        assert found(memory, QUESTIONS[0])
        fill(memory, FACTS[:1])
    assert kept(path)["unrelated"] == pytest.approx(0.776, abs=0.01)
    Memory.reembed(path, embedder=Wider(model))
    with Memory(path, embedder=Wider(model)) as memory, Memory(":memory:", embedder=Wider(model)) as other:
        fill(other)
        assert scores(memory, QUESTIONS[0]) == scores(other, QUESTIONS[0])


@pytest.mark.parametrize("embedder", [None, Picky()], ids=["bundled", "picky"])
def test_what_is_not_measured_is_not_kept(path, embedder):
    """The file keeps nothing for the bundled model, and for an embedder that can't embed the sentences."""
    with Memory(path, embedder=embedder) as memory:
        memory.add("I eat peanuts", user_id="mia", infer=False)
        assert found(memory, "peanuts")
        memory.add("I eat peas", user_id="mia", infer=False)
    assert kept(path) is None


@pytest.mark.parametrize("value", ["[", "1", '{"embedder": 1}', '{"embedder": %s, "unrelated": "x"}', '"x"'])
def test_a_damaged_scale_is_named(path, value, narrow):
    """A row that is no scale is damage, and not ranked with; one of another embedder is none."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory, FACTS[:2])
        assert found(memory, QUESTIONS[0])
        fill(memory, FACTS[2:])
    connection = apsw.Connection(str(path))
    embedder = connection.execute("SELECT value FROM meta WHERE name = 'embedder'").get
    connection.execute("UPDATE meta SET value = ? WHERE name = 'scale'", (value.replace("%s", embedder),))
    connection.close()
    with Memory(path, embedder=narrow) as memory:
        if value == '{"embedder": 1}':
            assert found(memory, QUESTIONS[0])
        else:
            with pytest.raises(CorruptFileError):
                found(memory, QUESTIONS[0])
