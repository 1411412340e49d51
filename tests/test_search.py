import pytest
from embedder import HashEmbedder

from mem0lite import EmbeddingError, LocalEmbedder, Memory, ValidationError

FACTS = [
    "I am allergic to peanuts",
    "My dog is called Rex",
    "I work as a nurse in Hamburg",
    "The deployment failed with error E4711 in payment_service.py",
    "We moved the meeting with Anna to Thursday",
    "I love sushi and ramen",
]


@pytest.fixture(scope="module")
def facts(model):
    """A user's facts, embedded with the real model."""
    with Memory(":memory:", embedder=model) as memory:
        for fact in FACTS:
            memory.add(fact, user_id="u", metadata={"food": "sushi" in fact or "peanuts" in fact})
        yield memory


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which allergies does she have?", "I am allergic to peanuts"),
        ("What is the name of my pet?", "My dog is called Rex"),
        ("profession", "I work as a nurse in Hamburg"),
        ("E4711", "The deployment failed with error E4711 in payment_service.py"),
        ("When do I see Anna?", "We moved the meeting with Anna to Thursday"),
        ("Japanese cuisine", "I love sushi and ramen"),
    ],
)
def test_a_question_finds_its_memory_first(facts, question, expected):
    """Search finds by meaning and by word: the memory that answers comes first, above the default threshold."""
    assert facts.search(question, user_id="u")["results"][0]["memory"] == expected


def test_what_has_nothing_to_do_with_it_stays_below_the_threshold(facts):
    """A question about something else entirely finds nothing at the default threshold, and all of it at none."""
    assert facts.search("quantum chromodynamics lecture", user_id="u")["results"] == []
    assert len(facts.search("quantum chromodynamics lecture", user_id="u", threshold=None)["results"]) == len(FACTS)


def test_scores_lie_between_0_and_1_best_first(facts):
    """Scores fall, lie in 0..1, and none is under the threshold."""
    results = facts.search("peanuts and sushi at work", user_id="u", threshold=0.05)["results"]
    scores = [item["score"] for item in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0.05 <= score <= 1 for score in scores)


def test_a_memory_scores_1_against_itself(facts):
    """The text of a memory as the query scores nearly 1, the most a score can be."""
    [item] = facts.search("I am allergic to peanuts", user_id="u", top_k=1)["results"]
    assert 0.85 < item["score"] <= 1


def test_explain_shows_how_a_score_came_about(facts):
    """score_details holds the parts, their weights and the words that matched, and they add up to the score."""
    [item] = facts.search("peanuts at work", user_id="u", top_k=1, explain=True)["results"]
    details = item["score_details"]
    assert (
        item["score"]
        == details["final_score"]
        == pytest.approx(
            details["semantic_weight"] * details["semantic_score"] + details["bm25_weight"] * details["bm25_score"]
        )
    )
    assert details["matched_terms"] == ["peanut"]
    assert details["threshold"] == 0.1
    assert "score_details" not in facts.search("peanuts", user_id="u")["results"][0]


def test_a_filter_is_applied_before_the_best_are_taken(facts):
    """With a filter the best k of the matching memories come back, with the scores they have without it."""
    everything = facts.search("my dog", user_id="u", threshold=0)["results"]
    food = facts.search("my dog", user_id="u", filters={"food": True}, threshold=0, top_k=2)["results"]
    assert food == [item for item in everything if item["metadata"]["food"]]
    assert everything[0]["memory"] == "My dog is called Rex"


def test_search_without_words_goes_by_meaning(facts):
    """A query of nothing but function words or punctuation is scored by its vector alone."""
    for query in ("what is it", "?!"):
        [item] = facts.search(query, user_id="u", top_k=1, threshold=0, explain=True)["results"]
        assert item["score_details"]["semantic_weight"] == 1


@pytest.mark.parametrize("query", ["", "  \n", 5, None, "x" * 100_001, "\ud800"])
def test_a_bad_query_is_refused(memory, query):
    """A blank, over-long or non-text query is an error naming it."""
    with pytest.raises(ValidationError, match="Invalid query"):
        memory.search(query, user_id="u")


@pytest.mark.parametrize("threshold", [-0.1, 2, "high", True, float("nan")])
def test_a_bad_threshold_is_refused(memory, threshold):
    """A threshold outside 0..1 is an error in mem0's words."""
    with pytest.raises(ValidationError, match=r"Must be between 0 and 1 \(inclusive\)."):
        memory.search("x", user_id="u", threshold=threshold)


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "'; DROP TABLE memory; --",
        "a AND NOT (b OR",
        "NEAR(a b)",
        "*",
        "a*",
        "col:x",
        "\x00",
        "(" * 5_000,
        "word " * 10_000,
    ],
)
def test_hostile_queries_are_just_text(memory, query):
    """SQL, full-text syntax, signs and very long queries are words to look for, never an error."""
    memory.add("a plain memory", user_id="u")
    assert len(memory.search(query, user_id="u", threshold=0)["results"]) == 1


OTHERS = ["red apples are sweet", "an apple a day", "apple " * 50, "red red red", "the apple is red", "green pears"]


def test_other_users_change_nothing(path, clock):
    """Results, scores and their parts are the same whether or not other users, agents and runs exist."""
    mine = [{"messages": text, "user_id": "u", "run_id": f"r{n}"} for n, text in enumerate(OTHERS)]
    asked = ("red apple", "sweet pears", "a day", "nothing of it")

    def answers(memory):
        return [memory.search(query, user_id="u", threshold=0, explain=True)["results"] for query in asked]

    def without_ids(results):
        return [[{**item, "id": None} for item in one] for one in results]

    with Memory(":memory:", embedder=HashEmbedder(), clock=clock) as alone:
        alone.add_many(mine)
        expected = without_ids(answers(alone))
    with Memory(path, embedder=HashEmbedder(), clock=clock) as shared:
        for number, item in enumerate(mine):
            shared.add("red apple and pears", user_id=f"v{number}", agent_id="u", run_id=f"r{number}", infer=False)
            shared.add_many([item])
            shared.add("apple apple", agent_id="u", run_id=f"r{number}", infer=False)
        assert without_ids(answers(shared)) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"user_id": "u1"}, 18),
        ({"agent_id": "a1"}, 18),
        ({"run_id": "r1"}, 18),
        ({"user_id": "u1", "agent_id": "a1"}, 6),
        ({"user_id": "u1", "run_id": "r1"}, 6),
        ({"filters": {"user_id": "*"}}, 55),
        ({"filters": {"user_id": ["u1", "u2"]}}, 36),
        ({"filters": {"OR": [{"user_id": "u1"}, {"agent_id": "a1"}]}}, 30),
        ({"filters": {"user_id": "u1", "NOT": {"agent_id": "a1"}}}, 12),
    ],
)
def test_every_combination_of_scopes_finds_its_memories(memory, scope, expected):
    """A search by user, agent, run or any mixture sees exactly their memories, words and vectors alike."""
    items = [
        {"messages": f"note {n}", "user_id": f"u{user}", "agent_id": f"a{agent}", "run_id": f"r{run}"}
        for user in range(3)
        for agent in range(3)
        for run in range(3)
        for n in range(2)
    ]
    memory.add_many([*items, *({"messages": "note", f"{kind}_id": "w"} for kind in ("user", "agent", "run"))])
    results = memory.search("note", **scope, top_k=1000, threshold=0, explain=True)["results"]
    assert len(results) == expected
    assert all(item["score_details"]["matched_terms"] == ["note"] for item in results)


@pytest.mark.parametrize(
    ("vectors", "complaint"),
    [
        ([[0.0] * 64], "zero, NaN or infinite"),
        ([[float("nan")] * 64], "zero, NaN or infinite"),
        ([[1.0] * 63], r"shape \(1, 63\), not \(1, 64\)"),
        ([], r"shape \(0,\), not \(1, 64\)"),
        ([["x"] * 64], "did not return vectors of numbers"),
    ],
)
def test_an_embedder_that_answers_nonsense_stores_nothing(path, vectors, complaint):
    """A zero, NaN, short or missing vector is an error, and nothing is stored."""

    class Broken(HashEmbedder):
        def embed(self, texts):
            return vectors

    with Memory(path, embedder=Broken()) as memory:
        with pytest.raises(EmbeddingError, match=complaint):
            memory.add("x", user_id="u")
        assert memory.stats()["memories"] == 0


def test_a_repeated_query_is_embedded_once(path):
    """The vector of a query is remembered, so that asking again costs no embedding."""
    asked = []

    class Counting(HashEmbedder):
        def embed_query(self, text):
            asked.append(text)
            return super().embed_query(text)

        def embed(self, texts):
            return [HashEmbedder.embed_query(self, text) for text in texts]

    with Memory(path, embedder=Counting()) as memory:
        memory.add("x", user_id="u")
        for _ in range(3):
            memory.search("x", user_id="u")
    assert asked == ["x"]


def test_the_speaker_can_be_found(model: LocalEmbedder):
    """A message's name is part of what is searched, so that "what did Caroline say" finds Caroline's words."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add(
            [{"name": "Melanie", "content": "I went hiking"}, {"name": "Caroline", "content": "I went hiking too"}],
            user_id="u",
        )
        assert memory.search("What did Caroline do?", user_id="u")["results"][0]["actor_id"] == "Caroline"
