"""Sentences and questions over procedures that somebody else wrote and labelled, and how well they are answered.

Half of each, the files named "final", was kept away from whoever wrote the rules and chose the weights. The tests and
benchmarks/graph.py measure the same.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from py_rust_stemmers import SnowballStemmer

from mem0lite import Memory, RuleExtractor
from mem0lite.retrieval import Collection, metrics

DATA = Path(__file__).parent / "data" / "graph"
CATEGORY = "skill_procedural"
WITHOUT_GRAPH = {"entity": 0, "entity_neighbor": 0}
STEM = SnowballStemmer("english").stem_word

Counts = tuple[int, int, int]
"""How many are found and right, found, and labelled."""


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def folded(name: str) -> str:
    return " ".join(name.casefold().split())


def stemmed(relationship: str) -> tuple[str, ...]:
    """A relationship without its tense and person: "moved_to" is "moves_to"."""
    return tuple(STEM(word) for word in relationship.casefold().split("_"))


def measured(name: str) -> tuple[Counts, Counts]:
    """Compare what the rules find in labelled sentences: entities, and relations."""
    counts = [[0, 0, 0], [0, 0, 0]]
    for line in lines(name):
        found = RuleExtractor().extract(line["text"])
        pairs = (
            (
                {folded(one["name"]) for one in found["entities"] if one["type"] != "phrase"},
                {folded(one) for one in line["entities"]},
            ),
            (
                {
                    (folded(one["source"]), stemmed(one["relationship"]), folded(one["destination"]))
                    for one in found["relations"]
                },
                {(folded(one), stemmed(relation), folded(other)) for one, relation, other in line["relations"]},
            ),
        )
        for sums, (given_, expected) in zip(counts, pairs, strict=True):
            sums[0] += len(given_ & expected)
            sums[1] += len(given_)
            sums[2] += len(expected)
    entities, relations = counts
    return (entities[0], entities[1], entities[2]), (relations[0], relations[1], relations[2])


def f1(counts: Counts) -> float:
    """The harmonic mean of precision and recall."""
    right, found, labelled = counts
    return 2 * right / (found + labelled)


def learn(memory: Memory, collection: Collection) -> dict[str, str]:
    """Add the documents as single facts of the graph category; return their ids by memory id."""
    ids = {}
    for document in collection.documents:
        added = memory.add(document.text, user_id=document.user_id, metadata={"memory_category": CATEGORY}, infer=False)
        ids[added["results"][0]["id"]] = document.id
    return ids


def figures(
    memory: Memory, collection: Collection, ids: Mapping[str, str], ranking: Mapping[str, float]
) -> dict[str, float]:
    """Return the means over the questions, as mem0lite.retrieval defines them."""
    found = []
    for question in collection.questions:
        results = memory.search(question.text, user_id=question.user_id, top_k=20, ranking=ranking)["results"]
        found.append(metrics([ids[item["id"]] for item in results], question.relevant))
    return {name: mean(one[name] for one in found) for name in found[0]}


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)
