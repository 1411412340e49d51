"""Memory in a chat loop: it finds the fact, not the question asked before, and not what an assistant guessed."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import serving
from dialogues import DIALOGUES, turns
from embedder import HashEmbedder

from mem0lite import Memory, ValidationError
from mem0lite.search.speech import only_asks, only_guesses, teller_of

served, store, client = serving.served, serving.store, serving.client

SAID = [
    {"role": "user", "content": "I moved to Porto"},
    {"role": "assistant", "content": "Lisbon, I believe"},
    {"role": "model", "content": "So it is Porto"},
    {"role": "Critic", "content": "Be brief"},
]


@pytest.mark.parametrize(("roles", "room"), [(["user"], 90), (None, 500)], ids=["user", "everybody"])
@pytest.mark.parametrize("name", DIALOGUES)
def test_the_loop_finds_the_fact(model, name, roles, room):
    """Whenever the user asks, the fact is in the block: in a small one, if only the user's words are remembered, and
    then nothing that the assistant said is in any."""
    dialogue = DIALOGUES[name]
    asked = 0
    with Memory(":memory:", embedder=model) as memory:
        now = datetime(2024, 5, 6, 9, tzinfo=UTC)
        for message, reply, asks in turns(dialogue):
            now += timedelta(minutes=1)
            block = memory.context(message, user_id="u", max_tokens=room)
            if asks:
                asked += 1
                assert f"- user: {dialogue.fact}" in block["text"]
            assert roles is None or "- assistant: " not in memory.context(message, user_id="u")["text"]
            said = [{"role": "user", "content": message}, {"role": "assistant", "content": reply}]
            memory.add(said, user_id="u", roles=roles, timestamp=now)
    assert asked == 3


@pytest.mark.parametrize(("roles", "least"), [(["user"], 0.75), (None, 0.65)], ids=["user", "everybody"])
def test_statements_come_before_questions_and_guesses(model, roles, least):
    """In a block with room for one or two memories the fact is in most cases, though the question that was asked before
    is nearer."""
    found = []
    for dialogue in DIALOGUES.values():
        with Memory(":memory:", embedder=model) as memory:
            now = datetime(2024, 5, 6, 9, tzinfo=UTC)
            for message, reply, asks in turns(dialogue):
                now += timedelta(minutes=1)
                if asks:
                    block = memory.context(message, user_id="u", max_tokens=50)
                    found.append(dialogue.fact in [hit["memory"] for hit in block["memories"]])
                said = [{"role": "user", "content": message}, {"role": "assistant", "content": reply}]
                memory.add(said, user_id="u", roles=roles, timestamp=now)
    assert len(found) == 60
    assert sum(found) >= least * len(found)


@pytest.mark.parametrize("roles", [["user"], None], ids=["user", "everybody"])
def test_a_search_gives_the_fact_first(model, roles):
    """In the plain loop, which searches, answers and adds both sides, the fact comes before what was asked and guessed,
    whenever the user asks, and nearly always before everything else."""
    first, before = [], []
    for dialogue in DIALOGUES.values():
        with Memory(":memory:", embedder=model) as memory:
            now = datetime(2024, 5, 6, 9, tzinfo=UTC)
            for message, reply, asks in turns(dialogue):
                now += timedelta(minutes=1)
                if asks:
                    texts = [hit["memory"] for hit in memory.search(message, user_id="u")["results"]]
                    above = texts[: texts.index(dialogue.fact)]
                    first.append(not above)
                    before.append(not any("?" in text or text in dialogue.guesses for text in above))
                said = [{"role": "user", "content": message}, {"role": "assistant", "content": reply}]
                memory.add(said, user_id="u", roles=roles, timestamp=now)
    assert len(first) == 60
    assert sum(before) >= 57
    assert sum(first) >= 54


LOOP = [
    ("user", "Where do I live?"),
    ("assistant", "Lisbon, I believe."),
    ("user", "I moved to Porto last week."),
    ("assistant", "Good to know."),
    ("user", "Which city is my home?"),
]


@pytest.fixture
def loop(model):
    """A memory of a short conversation in a chat loop."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add([{"role": role, "content": text} for role, text in LOOP], user_id="u")
        yield memory


def rules(memory, query):
    """Return the first result, and the rules that changed scores, by text; each lowers its score."""
    results = memory.search(query, user_id="u", threshold=0, explain=True)["results"]
    assert [hit["score"] for hit in results] == sorted((hit["score"] for hit in results), reverse=True)
    applied = {}
    for hit in results:
        for one in hit["score_details"]["adjustments"]:
            assert hit["score"] == hit["score_details"]["final_score"] == one["after"] < one["before"]
            applied[hit["memory"]] = one["rule"]
    return results[0]["memory"], applied


def test_explain_says_why_a_question_and_a_guess_are_worth_little(loop):
    """The question itself, another question and a guess each have their rule, whose score is the result's."""
    first, applied = rules(loop, "Where do I live?")
    assert first == "I moved to Porto last week."
    assert applied == {LOOP[0][1]: "asks_the_same", LOOP[1][1]: "only_guesses", LOOP[4][1]: "only_asks"}
    best = loop.search("Where do I live?", user_id="u", top_k=1)["results"]
    assert [hit["memory"] for hit in best] == [first]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("What did I ask about where I live?", "Where do I live?"),
        ("Which question did I ask about my home?", "Which city is my home?"),
        ("home city", "Which city is my home?"),
        ("My home is in a city.", "Which city is my home?"),
    ],
)
def test_whoever_looks_for_a_question_finds_it(loop, query, found):
    """A search for what was asked, for words, or with a statement takes nothing from a question's score."""
    first, applied = rules(loop, query)
    assert found not in applied
    assert first in (LOOP[0][1], LOOP[4][1])


def test_whoever_asks_for_a_reply_finds_a_guess(loop):
    """A search for what the assistant said takes nothing from its guess; another takes it."""
    assert "Lisbon, I believe." not in rules(loop, "Which city did you say I live in?")[1]
    assert rules(loop, "Which city do I live in?")[1]["Lisbon, I believe."] == "only_guesses"


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("我住在哪里？", "我上周搬到了波尔图的一所房子"),
        ("أين أسكن؟", "أسكن في بورتو"),
        ("¿Dónde vivo?", "Vivo en Oporto."),
    ],
)
def test_a_question_is_no_answer_to_itself_in_other_scripts(model, question, fact):
    """The marks of questions in other scripts are understood as well."""
    with Memory(":memory:", embedder=model) as memory:
        for text in (question, fact):
            memory.add(text, user_id="u")
        assert rules(memory, question) == (fact, {question: "asks_the_same"})


def test_the_question_itself_says_nothing_about_what_was_said_around_it(loop):
    """What was said before the same question gets nothing from it; the reply to it still does."""
    asked = "Which city is my home?"
    loop.add([{"role": "assistant", "content": "Thursday at noon"}], user_id="u")
    around = {
        hit["memory"]: hit["score_details"]["signals"]["neighbor_keyword"]["score"]
        for hit in loop.search(asked, user_id="u", threshold=0, explain=True)["results"]
    }
    assert around["Good to know."] == 0
    assert around["Thursday at noon"] > 0.1


@pytest.mark.parametrize(
    ("text", "asks", "guesses"),
    [
        ("I've joined a challenge for ten books, can you help me choose one?", False, False),
        ("My budget is 50 euros, is that enough?", False, False),
        ("And you, do you like it?", True, False),
        ("Is it true that " + "the plan which we made has seven steps, and " * 3 + "an end?", False, False),
        ("Ann: Where is the kettle?", False, False),
        ("User: Where is the kettle?", True, False),
        ("Where do I live?", True, False),
        ("Oh, great! Where is it? Tell me?", True, False),
        ("你住在哪里？", True, False),
        ("أين تسكن؟", True, False),
        ("I moved to Porto last week, to a house by the river. And you?", False, False),
        ("I moved to Porto.", False, False),
        ("Lisbon, I believe.", False, True),
        ("I don't know that.", False, True),
        ("I don’t remember", False, True),
        ("I'm not quite sure.", False, True),
        ("I believe in God", False, True),  # a guess by its words; it matters only if an assistant says it
        ("Guess who came", False, False),
        ("I think that " + "the plan which we made has seven steps, and " * 9, False, False),
        ("", False, False),
        ("?", True, False),
    ],
)
def test_what_a_text_does(text, asks, guesses):
    """A question with a few words beside it only asks, in any script; a short text with a guess only guesses."""
    assert (only_asks(text), only_guesses(text)) == (asks, guesses)


@pytest.mark.parametrize(
    ("query", "teller"),
    [
        ("What is my annual budget?", "asker"),
        ("Where do I live?", "asker"),
        ("How many titles did I say were on the list?", "asker"),
        ("What snacks do you recommend for me?", "asker"),
        ("In which order have I brought up the trips in our conversations?", "asker"),
        ("Wie heißt meine Schwester?", "asker"),
        ("¿Cuál es mi presupuesto?", "asker"),
        ("我的生日是哪天？", "asker"),
        ("What did you recommend for my trip?", "assistant"),
        ("Remind me of the company you mentioned.", "assistant"),
        ("Which options had you just listed?", "assistant"),
        ("What was your second suggestion?", "assistant"),
        ("What did the assistant say about my visa?", "assistant"),
        ("What would you suggest?", "anybody"),
        ("Who did you go with?", "anybody"),
        ("How do I boil an egg?", "anybody"),
        ("What did we discuss about my visa?", "anybody"),
        ("Summarize our last conversation about my visa", "anybody"),
        ("What does US law say?", "anybody"),
        ("Was hast du mir empfohlen?", "anybody"),
        ("你给我推荐了什么？", "anybody"),
        ("Who painted it?", "anybody"),
        ("", "anybody"),
    ],
)
def test_who_told_what_is_asked_for(query, teller):
    """Who asks about himself has told it, and an assistant what it is said to have said; else it may be anybody."""
    assert teller_of(query) == teller


# -- roles


@pytest.mark.parametrize(
    ("roles", "kept"),
    [
        (None, [0, 1, 2, 3]),
        (["user"], [0]),
        ("user", [0]),
        (("assistant",), [1, 2]),
        ({"ai", "human"}, [0, 1, 2]),
        (["USER", "critic"], [0, 3]),
        (["nobody"], []),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_roles_say_which_messages_become_memories(roles, kept):
    """Only messages in one of the roles are stored, by any of its names; the others are named with the reason."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        result = memory.add(SAID, user_id="u", roles=roles)
        assert [item["memory"] for item in result["results"]] == [SAID[place]["content"] for place in kept]
        skipped = result.get("skipped", [])
        assert [one["message"] for one in skipped] == [place for place in range(4) if place not in kept]
        assert all("roles" in one["reason"] for one in skipped)
        assert memory.get_all(user_id="u")["total"] == len(kept)


def test_a_plain_text_is_the_user_s():
    """A text without a role was said by the user, so other roles leave it out. Each item of many has its own roles."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert memory.add("tea", user_id="u", roles=["assistant"])["results"] == []
        results = memory.add_many(
            [{"messages": SAID, "user_id": "u", "roles": ["user"]}, {"messages": SAID, "user_id": "v"}]
        )
        assert [len(one["results"]) for one in results] == [1, 4]


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        ([], "no message"),
        ("", "blank"),
        ([" "], "blank"),
        ([None], "blank"),
        (["user", 3], "must be a string"),
        (7, "list of roles"),
        ({"user": 1}, "list of roles"),
        (b"user", "list of roles"),
        (["system"], "never remembered"),
        (["Tool"], "never remembered"),
    ],
    ids=str,
)
def test_roles_that_are_none_are_refused(roles, problem):
    """What is not a list of roles, or could not store anything, is an error that says what to give."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        with pytest.raises(ValidationError, match=problem) as raised:
            memory.add(SAID, user_id="u", roles=roles)
        assert raised.value.field == "roles"
        assert memory.get_all(user_id="u")["total"] == 0


@pytest.mark.parametrize("path", ["/memories", "/v3/memories/add/"])
def test_roles_over_http(client: httpx.Client, path: str) -> None:
    """Both APIs take roles, and name the messages that they leave out."""
    body = {"messages": SAID, "user_id": "u", "roles": ["user"]}
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert [one["memory"] for one in json.loads(answer.text)["results"]] == ["I moved to Porto"]
    assert [one["message"] for one in answer.json()["skipped"]] == [1, 2, 3]
    refused = client.post(path, json={**body, "roles": ["system"]})
    assert refused.status_code in (400, 422)
    assert "never remembered" in refused.text
