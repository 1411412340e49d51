"""An embedder of one's own: its cosines are brought to the bundled model's scale, which the weights were fitted to."""

import itertools

import numpy as np
import pytest
from embedder import HashEmbedder

from mem0lite import LocalEmbedder, Memory, Ranking
from mem0lite.search.scale import DEVIATION, MEAN, Scale

FACTS = [
    "I am a dentist in a small clinic",
    "The dog has to see the vet on Friday",
    "My sister lives in a village near Porto",
    "We painted the kitchen yellow last spring",
    "I cannot eat peanuts or cashews",
    "My father repairs old radios in his garage",
    "I run ten kilometres every Sunday morning",
    "The car needs new tyres before winter",
    "We are getting married in June",
    "I learned to play the cello as a child",
    "Our landlord raised the rent again",
    "I read crime novels before I fall asleep",
    "My laptop broke, so I bought a used one",
    "The train to work takes forty minutes",
    "I drink my coffee without sugar",
    "Grandmother turned ninety in October",
    "We planted tomatoes on the balcony",
    "I am afraid of flying",
    "The children are learning to swim",
    "I voted for the green party",
    "My favourite colour is dark blue",
    "I broke my arm when I fell off a horse",
    "We watch a film together every Thursday",
    "I want to visit Iceland one day",
]
QUESTIONS = [
    "What does she do for a living in the small village?",
    "Which food makes her ill in winter?",
    "How does she get to work in the morning?",
    "What can she play with the children?",
    "Did she ever fall and break something in the garage?",
    "Where does she want to go one day in spring?",
    "What is growing on the balcony of our landlord?",
    "What has to be done with the car before the wedding in June?",
    "What does she read to the children?",
    "Whom did she vote for in October?",
    "What is her favourite film?",
]


class Narrow:
    """The bundled model, whose vectors get one large number that all of them have: cosines lie at 0.79 ± 0.02."""

    share = 0.76

    def __init__(self, model: LocalEmbedder) -> None:
        self._model, self.name, self.dimensions = model, "narrow", model.dimensions + 1

    def embed(self, texts):
        return [self._wide(vector) for vector in self._model.embed(texts)]

    def embed_query(self, text):
        return self._wide(self._model.embed_query(text))

    def _wide(self, vector):
        return [*(np.array(vector) * np.sqrt(1 - self.share)), np.sqrt(self.share)]


class Alike(HashEmbedder):
    """Every text has the same vector."""

    def embed_query(self, text):
        return [1.0] * self.dimensions


class HalfBlind(Narrow):
    """Can't read what is written in capitals."""

    def share_read(self, text):
        return 0.0 if text.isupper() else 1.0


@pytest.fixture
def narrow(model):
    return Narrow(model)


def fill(memory, facts=FACTS):
    memory.add_many([{"messages": fact, "user_id": "mia", "infer": False} for fact in facts])


def found(memory, question, **options):
    return memory.search(question, user_id="mia", threshold=0.0, **options)["results"]


def details(memory, question=QUESTIONS[0], **options):
    return {hit["memory"]: hit["score_details"] for hit in found(memory, question, explain=True, top_k=50, **options)}


def test_its_cosines_are_narrow(narrow):
    """The embedder of these tests is of the kind that they are about: any two texts lie at 0.79 ± 0.02."""
    vectors = np.array(narrow.embed(FACTS))
    cosines = [float(one @ other) for one, other in itertools.combinations(vectors, 2)]
    assert np.mean(cosines) == pytest.approx(0.79, abs=0.02)
    assert np.std(cosines) == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("question", QUESTIONS)
def test_narrow_cosines_rank_as_the_bundled_model(path, narrow, model, question):
    """What the bundled model finds first, an embedder finds first that says the same with narrower cosines."""
    with Memory(":memory:", embedder=model) as memory:
        fill(memory)
        expected = found(memory, question)[0]["memory"]
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        assert found(memory, question)[0]["memory"] == expected


def test_meaning_counts_about_as_much_as_the_bundled_model_s(path, narrow, model):
    """Brought to scale, the cosines of an embedder spread over a range that is neither half nor twice the bundled's."""
    with Memory(":memory:", embedder=model) as memory:
        fill(memory)
        expected = {text: one["semantic_score"] for text, one in details(memory).items()}
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        scaled = {text: one["scaled_semantic_score"] for text, one in details(memory).items()}
    assert 0.5 < (max(scaled.values()) - min(scaled.values())) / (max(expected.values()) - min(expected.values())) < 2
    assert max(scaled, key=scaled.get) == max(expected, key=expected.get)


def test_explain_has_the_raw_cosine_too(path, narrow):
    """``semantic_score`` is the embedder's own cosine; the score is made of the one that is brought to scale."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        for text, one in details(memory, ranking=Ranking.plain()).items():
            own = np.dot(narrow.embed_query(QUESTIONS[0]), narrow.embed([text])[0])
            assert one["semantic_score"] == pytest.approx(own, abs=1e-5)
            weighed = one["semantic_weight"] * one["scaled_semantic_score"] + one["bm25_weight"] * one["bm25_score"]
            assert one["raw_score"] == pytest.approx(weighed, abs=1e-5)


@pytest.mark.parametrize("question", QUESTIONS[:3])
def test_meaning_alone_stays_as_it_is(path, narrow, question):
    """With ``Ranking.dense()`` a score is the embedder's own cosine, and the order is theirs."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        hits = found(memory, question, ranking=Ranking.dense(), top_k=50, explain=True)
    cosines = np.array(narrow.embed(FACTS)) @ np.array(narrow.embed_query(question))
    assert not any("scaled_semantic_score" in hit["score_details"] for hit in hits)
    assert [hit["memory"] for hit in hits] == [FACTS[position] for position in np.argsort(-cosines)]
    assert [hit["score"] for hit in hits] == pytest.approx(sorted(cosines, reverse=True), abs=1e-5)


def test_the_bundled_model_has_no_scale(path, model):
    """Nothing is measured and nothing is changed for the bundled model, to which the others are brought."""
    with Memory(path, embedder=model) as memory:
        fill(memory)
        cosine = np.dot(model.embed_query(QUESTIONS[0]), model.embed([FACTS[0]])[0])
        one = details(memory)[FACTS[0]]
    assert "scaled_semantic_score" not in one
    assert one["semantic_score"] == pytest.approx(cosine, abs=1e-5)


def test_few_memories_count_as_they_are(path, narrow):
    """Six texts have fewer pairs than tell a scale: cosines stay as they are. Some more, and it is measured."""
    with Memory(path, embedder=narrow) as memory:
        for fact in FACTS[:6]:
            memory.add(fact, user_id="mia", infer=False)
        assert not any("scaled_semantic_score" in one for one in details(memory).values())
        for fact in FACTS[6:12]:
            memory.add(fact, user_id="mia", infer=False)
        assert all("scaled_semantic_score" in one for one in details(memory).values())


def test_texts_that_are_alike_tell_nothing(path, narrow):
    """Texts with common words are near each other with any embedder: a store of them has no scale."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory, [f"The pump in hall {number} runs at {50 + number} per cent" for number in range(30)])
        assert not any("scaled_semantic_score" in one for one in details(memory).values())


def test_repeated_texts_are_one(path, narrow):
    """The same text many times tells no scale."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory, FACTS[:1] * 50)
        assert not any("scaled_semantic_score" in one for one in details(memory).values())


def test_the_file_keeps_the_scale(path, narrow):
    """Another memory of the same file, open already or later, ranks with the same scale; so does a read-only one."""
    with Memory(path, embedder=narrow) as other, Memory(path, embedder=narrow) as memory:
        fill(memory)
        expected = details(memory)
        assert details(other) == expected
    with Memory(path, embedder=narrow, read_only=True) as memory:
        assert details(memory) == expected


def test_the_scale_depends_on_the_texts_alone(path, narrow):
    """The same texts in another order, with other ids and other users beside, have the same scale."""
    with Memory(path, embedder=narrow) as memory, Memory(":memory:", embedder=narrow) as other:
        fill(memory)
        fill(other, FACTS[::-1])
        assert {text: one["scaled_semantic_score"] for text, one in details(memory).items()} == {
            text: one["scaled_semantic_score"] for text, one in details(other).items()
        }


def test_the_scale_follows_the_file(path, narrow):
    """A file that has grown to twice its changes is measured again."""
    near = ["Dog", "Cat", "Horse", "Cow", "Sheep", "Pig", "Goat", "Donkey"]
    with Memory(path, embedder=narrow) as memory:
        fill(memory, near)
        first = details(memory)[near[0]]["scaled_semantic_score"]
        fill(memory)
        assert details(memory)[near[0]]["scaled_semantic_score"] != first


def test_an_import_has_the_scale_measured(tmp_path, path, narrow):
    """An export does not carry a scale; what imports it measures its own, which is the same."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        expected = {text: one["scaled_semantic_score"] for text, one in details(memory).items()}
        memory.export(tmp_path / "all.jsonl")
    with Memory(":memory:", embedder=narrow) as memory:
        memory.import_(tmp_path / "all.jsonl")
        assert {text: one["scaled_semantic_score"] for text, one in details(memory).items()} == expected


def test_alike_vectors_have_no_scale(path):
    """An embedder that has one vector for everything is not divided by nothing."""
    with Memory(path, embedder=Alike()) as memory:
        fill(memory)
        assert not any("scaled_semantic_score" in one for one in details(memory).values())


def test_what_cannot_be_read_is_not_measured(path, model):
    """Texts that an embedder can't read leave its scale alone, and score by their words as before."""
    with Memory(path, embedder=HalfBlind(model)) as memory:
        fill(memory)
        expected = details(memory)
        fill(memory, [fact.upper() for fact in FACTS])
        after = details(memory)
    assert {text: one["scaled_semantic_score"] for text, one in expected.items()} == {
        text: after[text]["scaled_semantic_score"] for text in expected
    }
    assert {after[fact.upper()]["semantic_score"] for fact in FACTS if fact.upper() in after} == {0.0}


@pytest.mark.parametrize(("mean", "deviation"), [(0.79, 0.02), (0.2, 0.1), (-0.1, 0.4)])
def test_a_scale_brings_cosines_to_the_bundled_model_s(mean, deviation):
    """What lies at an embedder's mean comes to the bundled model's, in the same order, as many deviations away."""
    cosines = np.array([mean - 2 * deviation, mean, mean + deviation], np.float32)
    brought = Scale(mean, deviation).brought(cosines)
    assert brought == pytest.approx([MEAN - 2 * DEVIATION, MEAN, MEAN + DEVIATION], abs=1e-5)
