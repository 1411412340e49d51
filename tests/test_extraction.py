"""What the rules find in sentences, measured on labelled ones, and what extractors may answer."""

import random
import re
from typing import Any

import pytest
from embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from labelled import f1, lines, measured

from mem0lite import ConfigurationError, ExtractionError, Memory, RuleExtractor
from mem0lite.graph import extract
from mem0lite.graph.english.lexicon import BASE, GERUND, PAST, PRONOUNS, THIRD

JOINTS = "the a of to and or before after then once not never is are was be by with that which if when"


@pytest.mark.parametrize("name", ["sentences_dev.jsonl", "sentences_final.jsonl"])
def test_the_rules_find_what_sentences_name_and_state(name: str) -> None:
    """On sentences that somebody else labelled, half of them kept away from whoever wrote the rules, entities reach an
    F1 of 0.85 and relations one of 0.6."""
    entities, relations = measured(name)
    assert f1(entities) >= 0.85, entities
    assert f1(relations) >= 0.6, relations


def test_the_labelled_sentences_are_as_many_as_claimed() -> None:
    """There are 88 sentences, about half of them kept, of both categories, and no sentence is in both halves."""
    development, final = lines("sentences_dev.jsonl"), lines("sentences_final.jsonl")
    assert (len(development), len(final)) == (44, 44)
    for part in (development, final):
        assert {line["category"] for line in part} == {"skill_procedural", "informational"}
    assert not {line["text"] for line in development} & {line["text"] for line in final}


@pytest.mark.parametrize(
    ("text", "entities", "relations"),
    [
        ("Run the migrations before deploying the api service.",
         {"migrations": "thing", "api service": "thing"}, [("migrations", "before", "api service")]),
        ("Start the staging database with `make db-up`.",
         {"staging database": "thing", "make db-up": "command"}, [("staging database", "uses", "make db-up")]),
        ("The worker needs Redis 7, worker.py and PyYAML.",
         {"worker": "thing", "Redis 7": "name", "worker.py": "path", "PyYAML": "name"},
         [("worker", "requires", "Redis 7"), ("worker", "requires", "worker.py"), ("worker", "requires", "PyYAML")]),
        ("Maria works at Siemens in Munich.",
         {"Maria": "name", "Siemens": "name", "Munich": "name"}, [("Maria", "works_at", "Siemens")]),
        ('Ask in #release about "severity one", v2.4.1 and https://ci.example.com/jobs.',
         {"#release": "tag", "severity one": "term", "v2.4.1": "version", "https://ci.example.com/jobs": "url"}, []),
        ("Once the tests pass, tag the release and then publish the wheel.",
         None, [("release", "after", "tests"), ("release", "before", "wheel")]),
        ("The importer depends on pandas.", None, [("importer", "depends_on", "pandas")]),
        ("The api service no longer uses Redis.", {"Redis": "name"}, []),
        ("Does the api service use Redis?", {"Redis": "name"}, []),
        ("", {}, []),
        ("The quick brown fox.", {}, []),
    ],
)  # fmt: skip
def test_the_rules_know_plain_grammar(
    text: str, entities: dict[str, str] | None, relations: list[tuple[str, str, str]]
) -> None:
    """Each kind of entity and of relation that is documented is found in a plain sentence; what is denied or asked
    states nothing."""
    found = RuleExtractor().extract(text)
    if entities is not None:
        assert {one["name"]: one["type"] for one in found["entities"] if one["type"] != "phrase"} == entities
    assert [(one["source"], one["relationship"], one["destination"]) for one in found["relations"]] == relations


def test_any_text_is_read_in_a_moment(seed: int) -> None:
    """Random words in any order, with any punctuation, end neither in an error nor in an endless loop."""
    words = [*BASE, *list(THIRD)[:200], *list(PAST)[:200], *list(GERUND)[:200], *PRONOUNS]
    words += [
        "the",
        "a",
        "of",
        "to",
        "and",
        "or",
        ",",
        ".",
        ";",
        ":",
        "(",
        ")",
        "`",
        '"',
        "'",
        "?",
        "before",
        "after",
        "then",
        "once",
        "not",
        "never",
        "is",
        "are",
        "was",
        "be",
        "by",
        "with",
    ] * 20
    words += ["`make x`", "#tag", "v1.2", "a/b.py", "Anna", "Köln", "東京", "\u202e", "🙂", "'s", "n't", "\n"]
    draw = random.Random(f"{seed} extraction")
    extractor = RuleExtractor()
    for _ in range(1_500):
        text = " ".join(draw.choices(words, k=draw.randint(1, 40)))
        found = extractor.extract(text)
        names = {one["name"] for one in found["entities"]}
        assert all(one["source"] in names and one["destination"] in names for one in found["relations"]), text
        assert all(name.strip() and name in text for name in names), text


@given(st.text(max_size=200))
def test_no_text_breaks_the_rules(text: str) -> None:
    """Whatever the characters, the answer is well-formed."""
    extract(RuleExtractor(), re.sub("[\ud800-\udfff]", "", text))


# -- extractors of others


class Saying:
    """An extractor that always answers the same."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def extract(self, text: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def with_extractor(answer: Any) -> Memory:
    return Memory(":memory:", embedder=HashEmbedder(), graph_categories=["skill"], graph_extractor=Saying(answer))


def test_another_extractor_takes_the_rules_place() -> None:
    """Any object with the method is an extractor; ends of relations are entities though not listed."""
    answer = {
        "entities": [{"name": " Kubernetes ", "type": "platform"}],
        "relations": [{"source": "web app", "relationship": "runs on", "destination": "kubernetes"}],
    }
    with with_extractor(answer) as memory:
        added = memory.add("whatever", user_id="u", metadata={"memory_category": "skill"})
        [memory_id] = [item["id"] for item in added["results"]]
        assert added["relations"] == [
            {
                "source": "web app",
                "relationship": "runs on",
                "destination": "Kubernetes",
                "memory_ids": [memory_id],
            }
        ]
        assert memory.graph(user_id="u")["nodes"] == [
            {"name": "Kubernetes", "type": "platform", "memories": 1},
            {"name": "web app", "type": "thing", "memories": 1},
        ]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (None, "an object with entities and relations"),
        ([], "an object with entities and relations"),
        ({"entities": "x"}, "entities"),
        ({"entities": [1]}, "entities"),
        ({"entities": [{}]}, "name"),
        ({"entities": [{"name": " "}]}, "name"),
        ({"entities": [{"name": "x" * 1_001}]}, "name"),
        ({"entities": [{"name": "x", "type": 1}]}, "type"),
        ({"entities": [{"name": "\ud800"}]}, "surrogates"),
        ({"relations": [{"source": "a", "relationship": "b"}]}, "destination"),
        (RuntimeError("the model is down"), "RuntimeError: the model is down"),
    ],
)
def test_an_extractor_that_fails_or_answers_nonsense_stores_nothing(answer: Any, named: str) -> None:
    """The error says what is wrong with the answer, and neither the memory nor a part of it is stored."""
    with with_extractor(answer) as memory:
        with pytest.raises(ExtractionError, match=named):
            memory.add([{"content": "one"}, {"content": "two"}], user_id="u", metadata={"memory_category": "skill"})
        assert memory.get_all(user_id="u")["total"] == 0
        memory.add("one", user_id="u", metadata={"memory_category": "other"})
        [item] = memory.get_all(user_id="u")["results"]
        with pytest.raises(ExtractionError, match=named):
            memory.update(item["id"], metadata={"memory_category": "skill"})
        assert memory.get_all(user_id="u")["results"] == [item]


def test_an_extractor_without_the_method_is_refused() -> None:
    """What cannot extract is refused when it is given, not when the first memory is added."""
    with pytest.raises(ConfigurationError, match="graph_extractor"):
        Memory(":memory:", embedder=HashEmbedder(), graph_extractor="rules")  # type: ignore[arg-type]
