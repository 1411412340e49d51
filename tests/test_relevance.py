"""Searches and blocks that have only what is relevant: nothing when nothing fits, and the fact when there is one."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from embedder import HashEmbedder
from serving import served_by

from mem0lite import AsyncMemory, LocalEmbedder, Memory, Ranking, ValidationError, create_app
from mem0lite.cli import cli
from mem0lite.search.slots import Asked
from mem0lite.search.speech import is_personal
from mem0lite.server import Settings

TURNS = [
    ("Ann", "I moved to Porto last week, the flat is tiny"),
    ("Bob", "Great! How is the weather there?"),
    ("Ann", "Rainy, but I like it. My cat hates it though"),
    ("Bob", "What is the cat's name?"),
    ("Ann", "Miso. She is three years old"),
    ("Bob", "Cute! I have to run to work now, talk later"),
]
FACTS = [
    "I live in Lisbon, near the river",
    "I am allergic to peanuts",
    "I work as a nurse in a hospital in Leeds",
    "My sister Clara plays the violin",
    "The staging database is called heron",
    "We fly to Crete in August",
]
NOTHING = [
    "Tell me a joke about penguins",
    "What is the capital of Mongolia?",
    "Write a haiku about mathematics",
    "who won the world cup in 1998",
    "How do I bake sourdough bread?",
    "Explain quantum entanglement",
]


@pytest.fixture(scope="module")
def talk(model):
    with Memory(":memory:", embedder=model) as memory:
        said = [{"role": "user", "name": name, "content": text} for name, text in TURNS]
        memory.add(said, user_id="u", run_id="r", timestamp="2024-05-06", infer=False)
        yield memory


@pytest.fixture(scope="module")
def facts(model):
    with Memory(":memory:", embedder=model) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in FACTS])
        memory.add(FACTS[0], user_id="one")
        yield memory


def texts(answer):
    return [item["memory"] for item in answer["results"]]


# -- nothing


@pytest.mark.parametrize("question", NOTHING)
def test_what_nothing_answers_finds_nothing(talk, facts, question):
    """In a conversation of six turns, among six facts and beside a single one, another topic finds nothing and makes an
    empty block."""
    for memory, user in ((talk, "u"), (facts, "u"), (facts, "one")):
        assert texts(memory.search(question, user_id=user, relevant_only=True)) == []
        block = memory.context(question, user_id=user)
        assert (block["text"], block["tokens"], block["memories"], block["left_out"]) == ("", 0, [], [])


def test_an_empty_scope_has_nothing(facts):
    """A user without memories has nothing that is relevant."""
    assert texts(facts.search("Where do I live?", user_id="nobody", relevant_only=True)) == []
    assert facts.context("Where do I live?", user_id="nobody")["text"] == ""


def test_a_filter_decides_on_what_there_is(model):
    """What the filter leaves out answers nothing: an answer elsewhere lets nothing else through."""
    with Memory(":memory:", embedder=model) as memory:
        for number, text in enumerate(FACTS):
            memory.add(text, user_id="u", metadata={"number": number})
        ask = {"user_id": "u", "relevant_only": True}
        question = "Where does my sister play the violin?"
        assert texts(memory.search(question, **ask))[0] == FACTS[3]
        assert texts(memory.search(question, filters={"number": {"ne": 3}}, **ask)) == []


# -- what is there


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Where do I live?", FACTS[0]),
        ("Which city do I live in?", FACTS[0]),
        ("What am I allergic to?", FACTS[1]),
        ("Can I eat peanuts?", FACTS[1]),
        ("In which hospital do I work?", FACTS[2]),
        ("Who plays an instrument?", FACTS[3]),
        ("name of the staging database", FACTS[4]),
        ("When do we fly to Crete?", FACTS[5]),
    ],
)
def test_what_a_fact_answers_finds_it(facts, question, fact):
    """Among facts, the one that answers comes first, as without the option."""
    assert texts(facts.search(question, user_id="u", relevant_only=True))[0] == fact
    assert fact in facts.context(question, user_id="u")["text"]


def test_a_single_fact_is_found(facts):
    """A scope with nothing but the fact gives the fact."""
    assert texts(facts.search("Where do I live?", user_id="one", relevant_only=True)) == FACTS[:1]


@pytest.mark.parametrize(
    ("question", "turn"),
    [
        ("What is the name of Ann's cat?", 4),
        ("How old is the cat?", 4),
        ("Where does Ann live now, in which flat?", 0),
        ("How is the weather in Porto?", 1),
        ("Does Bob have to work?", 5),
    ],
)
def test_a_conversation_answers(talk, question, turn):
    """In a conversation, a turn that answers through what was said before it is there, too."""
    assert TURNS[turn][1] in texts(talk.search(question, user_id="u", relevant_only=True))


def test_results_are_those_of_the_search(facts):
    """The option leaves results out, and changes neither their scores nor their order."""
    for question in ("Where do I live?", "What am I allergic to?", "When do we fly?"):
        every = facts.search(question, user_id="u", threshold=0)["results"]
        some = facts.search(question, user_id="u", threshold=0, relevant_only=True)["results"]
        assert 0 < len(some) < len(every)
        assert some == every[: len(some)]


def test_without_the_option_a_search_stays_as_it_is(talk):
    """By default a search leaves out only what is below its threshold, and a block can do the same."""
    question = NOTHING[0]
    assert texts(talk.search(question, user_id="u", threshold=0))
    assert talk.search(question, user_id="u", relevant_only=False) == talk.search(question, user_id="u")
    assert talk.context(question, user_id="u", relevant_only=False)["text"]


# -- small scopes

SMALL = json.loads(Path(__file__).with_name("data").joinpath("small_scopes.json").read_text(encoding="utf-8"))
"""Dialogues, of which half were not looked at while the numbers were fitted. Each has questions that a turn answers,
requests that have nothing to do with it ("general"), and questions about what was not told ("absent")."""


def tally(model, dialogues):
    """Return how many questions of each kind there are, and how many are as they should be."""
    counts = Counter()
    for one in dialogues:
        with Memory(":memory:", embedder=model) as memory:
            roles = ("user", "assistant")
            said = [
                {"role": who if who in roles else "user", "content": text} | ({} if who in roles else {"name": who})
                for who, text in one["turns"]
            ]
            memory.add(said, user_id="u", run_id="r", infer=False)
            for asked in one["answered"]:
                held = memory.context(asked["question"], user_id="u")["memories"]
                counts["answered"] += 1
                counts["given"] += one["turns"][asked["turn"]][1] in [item["memory"] for item in held]
            for question in one["general"]:
                counts["general"] += 1
                counts["silent"] += not memory.context(question, user_id="u")["text"]
    return counts


@pytest.mark.parametrize(
    ("half", "language", "given", "silent"),
    [
        ("fitted", ["en"], 0.9, 0.9),
        ("final", ["en"], 0.87, 0.85),
        ("fitted", ["es", "zh"], 0.9, 0.8),
        ("final", ["es", "zh"], 0.9, 0.3),
    ],
    ids=["english", "english-final", "others", "others-final"],
)
def test_a_newcomers_questions_are_answered(model, half, language, given, silent):
    """With one to seven memories, a block has what answers, also if it has no word of the question, and most requests
    about something else get nothing: in English, Spanish and Chinese."""
    counts = tally(model, [one for one in SMALL if one["half"] == half and one["language"] in language])
    assert counts["given"] >= given * counts["answered"], counts
    assert counts["silent"] >= silent * counts["general"], counts


@pytest.mark.parametrize(
    ("question", "personal"),
    [
        ("Where do I live?", True),
        ("Suggest a dinner for me", True),
        ("Can we meet on Friday?", True),
        ("¿Qué me gusta a mí?", True),
        ("Wo wohne ich?", True),
        ("我住在哪里？", True),
        ("Tell me a joke about penguins", False),
        ("How do I bake sourdough bread?", False),
        ("What is the capital of Mongolia?", False),
        ("Who is the president of the US?", False),
        ("When is my sister's birthday?", False),
        ("给我讲一个关于企鹅的笑话", False),
    ],
)
def test_who_asks_about_himself_is_asking_his_memories(question, personal):
    """A question about whoever asks is told from a request that has "me" in it."""
    assert is_personal(question) is personal


@pytest.mark.parametrize(
    ("question", "text", "answers"),
    [
        ("Where do I live?", "Fine. I moved to Porto last week.", True),
        ("What is my phone number?", "My new number is 555-0142", True),
        ("How old am I?", "I turned 40", True),
        ("Where does my sister play the violin?", "I live in Lisbon, near the river", False),
        ("What color is the fire truck?", "My favorite color is blue", False),
        ("Who painted the Mona Lisa?", "My name is Ann", False),
        ("How old is my sister?", "I turned 40", False),
    ],
)
def test_what_says_just_what_is_asked_answers(question, text, answers):
    """A statement about the very thing that is asked is an answer; one that only has a word of the question is none."""
    assert Asked(question).answered_by(text) is answers


def test_what_says_just_what_is_asked_is_found_among_many(model):
    """Among many memories, where much must speak for an answer, such a statement is found, and nothing else with it."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add_many([{"messages": f"Order {n} of {thing} was shipped", "user_id": "u"} for n, thing in GOODS])
        memory.add("I joined Brandmark & Sons in May", user_id="u")
        question = "Where do I work now?"
        assert texts(memory.search(question, user_id="u", threshold=0, relevant_only=True)) == [STATED]
        assert [item["memory"] for item in memory.context(question, user_id="u")["memories"]] == [STATED]
        assert memory.context("Where does the mayor sleep?", user_id="u")["memories"] == []


GOODS = list(enumerate(("paper", "ink", "chairs", "lamps", "soap", "rope", "bricks", "tiles", "nails", "glue") * 12))
STATED = "I joined Brandmark & Sons in May"


# -- other languages, embedders and rankings


def test_chinese_is_not_silenced(model):
    """Where the model can't tell what is relevant, what answers stays."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add_many(
            [{"messages": text, "user_id": "u"} for text in ("我在医院当护士", "我的猫整天睡觉", "我住在里斯本")]
        )
        for question, fact in (("我住在哪里？", "我住在里斯本"), ("我的猫在做什么？", "我的猫整天睡觉")):
            assert fact in texts(memory.search(question, user_id="u", relevant_only=True))
            assert fact in memory.context(question, user_id="u")["text"]


class Alike:
    """An embedder whose texts are all alike, as E5's are: cosines lie between 0.7 and 1."""

    name, dimensions = "alike", 385

    def __init__(self, inner: LocalEmbedder) -> None:
        self._inner = inner

    def embed(self, texts):
        return [[1.5, *vector] for vector in self._inner.embed(texts)]

    def embed_query(self, text):
        return [1.5, *self._inner.embed_query(text)]


def test_an_embedder_that_finds_everything_alike_finds_the_fact(model):
    """Where everything has a high cosine, a fact is found all the same."""
    with Memory(":memory:", embedder=Alike(model)) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in FACTS])
        assert texts(memory.search("Where do I live?", user_id="u", relevant_only=True))[0] == FACTS[0]


@pytest.mark.parametrize("ranking", [Ranking.dense(), Ranking.sparse(), Ranking.plain()])
def test_any_ranking_finds_the_fact(facts, ranking):
    """By meaning alone, by words alone and by both, the fact is there."""
    found = facts.search("the staging database", user_id="u", relevant_only=True, ranking=ranking)
    assert texts(found)[0] == FACTS[4]


def test_words_without_meaning_suffice():
    """With an embedder that only knows words, a note is found by its words, and other words find nothing."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in FACTS])
        assert texts(memory.search("staging database", user_id="u", relevant_only=True))[0] == FACTS[4]
        assert texts(memory.search("penguin jokes", user_id="u", relevant_only=True)) == []


def test_the_question_itself_is_no_measure(model):
    """A memory of the question, which a chat has, leaves the answer in."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in ("I moved to Porto", "Where is my home?")])
        found = texts(memory.search("Where is my home?", user_id="u", threshold=0, relevant_only=True))
    assert found == ["I moved to Porto", "Where is my home?"]


# -- the other doors


def test_the_other_doors_have_it(model, tmp_path):
    """The async class and the command line have the option, and print nothing where nothing is relevant."""

    async def ask():
        async with AsyncMemory(":memory:", embedder=model) as memory:
            await memory.add(FACTS[0], user_id="u")
            found = await memory.search(NOTHING[0], user_id="u", threshold=0, relevant_only=True)
            return found["results"], (await memory.context(NOTHING[0], user_id="u"))["text"]

    assert asyncio.run(ask()) == ([], "")
    file = str(tmp_path / "cli.db")
    with Memory(file) as memory:
        memory.add(FACTS[0], user_id="u")
    scope = ["--user", "u", "--db", file, "--json"]
    options = ["--threshold", "0", "--relevant-only"]
    silent = CliRunner().invoke(cli, ["search", NOTHING[0], *options, *scope])
    assert '"results": []' in silent.output, silent.output
    found = CliRunner().invoke(cli, ["search", "Where do I live?", *options, *scope])
    assert FACTS[0] in found.output
    for more, text in (([], False), (["--irrelevant"], True)):
        shown = CliRunner().invoke(cli, ["context", "What do rivers look like from space?", *more, *scope])
        assert shown.exit_code == 0, shown.output
        assert (FACTS[0] in shown.output) >= text


def test_both_surfaces_of_the_server_have_it(model):
    """A search has it on request on both surfaces, and a block unless told otherwise."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in FACTS])
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
            ask = {"query": NOTHING[0], "filters": {"user_id": "u"}, "threshold": 0}
            for path in ("/search", "/v3/memories/search/"):
                assert client.post(path, json=ask).json()["results"]
                assert client.post(path, json={**ask, "relevant_only": True}).json()["results"] == []
                known = client.post(path, json={**ask, "query": "Where do I live?", "relevant_only": True}).json()
                assert known["results"][0]["memory"] == FACTS[0]
            block = {"query": NOTHING[0], "user_id": "u"}
            assert client.post("/context", json=block).json()["text"] == ""
            assert client.post("/context", json={**block, "relevant_only": False}).json()["text"]


@pytest.mark.parametrize("value", ["yes", 2, []])
def test_another_value_is_refused(facts, value):
    """The option is a yes or no."""
    for verb in (facts.search, facts.context):
        with pytest.raises(ValidationError, match="relevant_only"):
            verb("tea", user_id="u", relevant_only=value)
