"""Near-identical memories: add recognises them, search does not spend its results on them."""

from datetime import UTC, datetime

import pytest
from embedder import HashEmbedder

from mem0lite import Memory

TEA = "I like green tea in the morning"
AGAIN = "I really like green tea in the morning!"


def add(memory, *texts, **options):
    return memory.add([{"role": "user", "content": text} for text in texts], **{"user_id": "u"} | options)["results"]


def test_a_rewording_is_reported_with_what_is_there(memory):
    """A near-identical memory of the scope is not stored again: its id comes back, and the words it is kept in."""
    [first] = add(memory, TEA)
    assert add(memory, AGAIN) == [{"id": first["id"], "memory": AGAIN, "event": "NONE", "existing_memory": TEA}]
    assert add(memory, TEA) == [{"id": first["id"], "memory": TEA, "event": "NONE"}]
    assert memory.get_all(user_id="u")["total"] == 1
    assert [row["event"] for row in memory.history(first["id"])] == ["ADD"]


def test_a_rewording_within_one_call_is_recognised(memory):
    """Two wordings in one add are one memory."""
    first, second = add(memory, TEA, AGAIN)
    assert (second["event"], second["id"]) == ("NONE", first["id"])


@pytest.mark.parametrize(
    "options",
    [
        {"user_id": "v"},
        {"run_id": "r"},
        {"metadata": {"project_id": "p"}},
        {"infer": False},
    ],
)
def test_elsewhere_or_otherwise_it_is_another_memory(memory, options):
    """In another scope, with other metadata, or with infer=False the rewording is stored."""
    add(memory, TEA)
    assert add(memory, AGAIN, **options)[0]["event"] == "ADD"


def test_another_speaker_says_another_thing(memory):
    """What two people say in nearly the same words is two memories."""
    said = [{"name": "Ann", "content": TEA}, {"name": "Bob", "content": AGAIN}]
    assert [item["event"] for item in memory.add(said, user_id="u")["results"]] == ["ADD", "ADD"]


def test_nothing_is_lost_with_a_memory_that_ends_sooner(memory, clock):
    """A rewording that is to live longer than what is there is stored; one that is not, or not so long, is not."""
    add(memory, TEA, ttl=60)
    assert add(memory, AGAIN)[0]["event"] == "ADD"
    assert add(memory, AGAIN.upper(), ttl=60)[0]["event"] == "NONE"
    clock.advance(seconds=61)
    assert memory.get_all(user_id="u")["total"] == 1


@pytest.mark.parametrize(
    "other",
    [
        "I like black tea in the morning",
        "I don't like green tea in the morning",
        "I like green tea in the evening",
        "I liked green tea in the morning",
        "She likes green tea in the morning",
        "I like 2 green teas in the morning",
    ],
)
def test_another_fact_is_stored(memory, other):
    """A text that differs in a word that matters is another memory."""
    add(memory, TEA)
    assert add(memory, other)[0]["event"] == "ADD"


def test_a_day_makes_another_fact(memory):
    """ "Tomorrow", said on two days, is two memories."""
    for day, mark, event in ((1, "", "ADD"), (1, "!", "NONE"), (2, ".", "ADD")):
        text = "I see the dentist tomorrow" + mark
        assert add(memory, text, timestamp=datetime(2026, 1, day, 9, tzinfo=UTC))[0]["event"] == event


def test_a_rewording_is_found_among_many(path, clock):
    """However many memories share its words, the one that says the same is found."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        add(memory, *(f"I like tea number {n} in the morning" for n in range(300)), infer=False)
        assert add(memory, "I really like tea number 250 in the morning.")[0]["existing_memory"].count("250") == 1
        assert add(memory, "I like tea number 301 in the morning")[0]["event"] == "ADD"


def test_copies_yield_to_other_memories(memory):
    """Where more match than are asked for, of near-identical ones the best alone is among the results."""
    add(memory, TEA, AGAIN, TEA.upper(), "I like green tea with mint", "Green tea from Kyoto", infer=False)
    texts = [item["memory"] for item in memory.search(TEA, user_id="u", top_k=3)["results"]]
    assert texts == [TEA, "I like green tea with mint", "Green tea from Kyoto"]


def test_many_copies_yield(memory):
    """However many copies come first, others are among the results before any of them."""
    add(memory, *(TEA + "!" * number for number in range(40)), infer=False)
    add(memory, "I like green tea with mint", "Green tea from Kyoto")
    texts = [item["memory"] for item in memory.search(TEA, user_id="u", top_k=3)["results"]]
    assert texts == [TEA, "I like green tea with mint", "Green tea from Kyoto"]


def test_a_wide_search_compares_the_best_alone(memory):
    """A search for thousands of results compares a hundred of them, and returns all in order."""
    memory.add_many([{"messages": f"I like tea number {n}", "user_id": "u", "infer": False} for n in range(1_500)])
    results = memory.search("I like tea", user_id="u", top_k=1_000, threshold=0)["results"]
    assert len(results) == 1_000
    assert [item["score"] for item in results] == sorted((item["score"] for item in results), reverse=True)


def test_copies_are_not_lost(memory):
    """Where there is room for all, copies are results like others, and scores fall."""
    add(memory, TEA, AGAIN, "I like green tea with mint", infer=False)
    results = memory.search(TEA, user_id="u", top_k=3)["results"]
    assert {item["memory"] for item in results} == {TEA, AGAIN, "I like green tea with mint"}
    assert [item["score"] for item in results] == sorted((item["score"] for item in results), reverse=True)
    add(memory, TEA, infer=False)
    assert len(memory.search(TEA, user_id="u", top_k=4)["results"]) == 4


@pytest.mark.parametrize("cache_bytes", [0, 10_000_000])
def test_copies_of_several_runs_are_seen(path, cache_bytes):
    """The same memory of several runs is one result of a search over all of them, whatever fits into memory."""
    with Memory(path, embedder=HashEmbedder(), cache_bytes=cache_bytes) as memory:
        for run in ("r1", "r2", "r3"):
            add(memory, TEA, run_id=run)
        add(memory, "Tea is grown in Assam", run_id="r4")
        assert len({item["memory"] for item in memory.search("green tea", user_id="u", top_k=2)["results"]}) == 2


def test_a_reranker_orders_the_best(path, no_reranker):
    """With a reranker, rerank=True orders a wider choice by its scores, which the results carry; without, nothing."""
    given = []

    def by_length(query, documents):
        given.append((query, len(documents)))
        return [len(document) / 100 for document in documents]

    texts = ["tea", "tea and milk", "tea and milk and sugar", "coffee with tea after it, and tea once more"]
    with Memory(path, embedder=HashEmbedder(), reranker=by_length) as memory:
        add(memory, *texts)
        plain = memory.search("tea", user_id="u", top_k=2)["results"]
        results = memory.search("tea", user_id="u", top_k=2, rerank=True)["results"]
    assert [item["memory"] for item in results] == texts[:1:-1]
    assert [item["rerank_score"] for item in results] == [0.43, 0.22]
    assert all("rerank_score" not in item for item in plain)
    assert given == [("tea", 4)]
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.search("tea", user_id="u", top_k=2, rerank=True)["results"] == plain
