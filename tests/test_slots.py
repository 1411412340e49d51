"""What holds now: of two statements about one slot the newer comes first, if the question is about the present."""

import hashlib
import json
from pathlib import Path

import pytest

from mem0lite import Memory
from mem0lite.search.slots import SELF, Asked, replaces, statements

PAIRS = json.loads((Path(__file__).parent / "data" / "slots.json").read_text(encoding="utf-8"))
"""Pairs written for this: statements of one speaker, a question about now, and whether the newer takes the place."""


def is_kept(pair):
    """True for the half that was not looked at when the rules were made."""
    return hashlib.sha256(f"{pair['older']}|{pair['newer']}".encode()).digest()[0] % 2 == 1


def is_recognised(pair):
    return any(replaces(newer, older) for older in statements(pair["older"]) for newer in statements(pair["newer"]))


@pytest.mark.parametrize("kept", [False, True], ids=["seen", "kept"])
def test_the_same_slot_is_recognised(kept):
    """Of the pairs that are recognised hardly any is none, and most that are one are recognised."""
    pairs = [pair for pair in PAIRS if is_kept(pair) == kept]
    assert len(pairs) > 100
    recognised = [pair for pair in pairs if is_recognised(pair)]
    right = sum(pair["same"] for pair in recognised)
    assert right / len(recognised) >= 0.97
    assert right / sum(pair["same"] for pair in pairs) >= 0.6


def test_the_newer_statement_comes_first(model):
    """Asked in the present tense, in a real search among other facts, three of four newer statements are above the
    older ones, and nothing that is no pair changes places."""
    pairs = [pair for pair in PAIRS if is_kept(pair)]
    above = 0
    with Memory(":memory:", embedder=model) as memory:
        for number, pair in enumerate(pairs):
            user = str(number)
            for text, at in (
                (pair["older"], "2024-01-15"),
                ("The train to Leeds was late.", "2024-02-01"),
                (pair["newer"], "2024-03-10"),
            ):
                memory.add(text, user_id=user, timestamp=at)
            results = memory.search(pair["question"], user_id=user, threshold=None, explain=True)["results"]
            rules = [one["rule"] for hit in results for one in hit["score_details"]["adjustments"]]
            texts = [hit["memory"] for hit in results]
            if pair["same"]:
                above += texts.index(pair["newer"]) < texts.index(pair["older"])
            else:
                assert "superseded_by_newer" not in rules, pair
    assert above / sum(pair["same"] for pair in pairs) >= 0.75


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I drive a Honda Civic.", "I traded in my Civic for a Tesla."),
        ("We deploy with Jenkins.", "We switched from Jenkins to GitHub Actions."),
        ("Our CI runs on Jenkins.", "We replaced Jenkins with Buildkite."),
        ("I work for Siemens.", "I left Siemens and now work for Bosch."),
        ("I drive a Golf.", "I sold the Golf and bought an Audi."),
        ("I'm living in Madrid.", "We moved from Madrid to Valencia last month."),
        ("My dog is called Rex.", "We renamed the dog Max."),
        ("The API runs on port 8080.", "We moved the API to port 9090."),
        ("The gateway uses port 443.", "The gateway has been moved to port 8443."),
        ("My email is a@x.com.", "Please use my new email b@y.com from now on."),
        ("My phone number is 0170 1234567.", "You can reach me at 0151 7654321 from now on."),
        ("My number is 555-1234.", "I changed my number, it's 555-9876 now."),
        ("The API key is abc123.", "The API key has been rotated, it is def456 now."),
        ("The project manager is Ana.", "Bob took over as project manager from Ana."),
        ("My salary is 50k.", "I got a raise, my salary is 60k now."),
        ("I use VS Code as my editor.", "I switched to Neovim as my editor."),
        ("Our office is in Hamburg.", "Our office moved to Bremen."),
        ("We use Python 3.10.", "We upgraded to Python 3.12."),
        ("I'm on the basic plan.", "I upgraded to the pro plan."),
        ("My favourite season is spring.", "My favourite season is autumn these days."),
        ("I'm allergic to cats.", "I am not allergic to cats any more."),
        ("My flight leaves at 9 am.", "My flight now leaves at 11 am."),
        ("I'm a nurse.", "I'm a midwife now."),
    ],
)
def test_a_change_is_recognised_in_other_words(older, newer):
    """A statement that names what it replaces, a clause of a longer sentence, and what was changed are understood."""
    assert is_recognised({"older": older, "newer": newer})


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I drive a Civic.", "My friend traded in his Civic for a Tesla."),
        ("I live in Berlin.", "My train goes from Berlin to Munich."),
        ("We migrated the wiki from AWS to Hetzner.", "Our shop is on AWS."),
        ("Our shop runs on AWS.", "We migrated the wiki from AWS to Hetzner."),
        ("I live in Lisbon.", "I moved from Lisbon to Porto in the game."),
        ("My number is 555-1234.", "You can reach my lawyer at 555-9876."),
        ("My email is a@x.com.", "Contact support at help@x.com."),
        ("Our boss is Ana.", "Tom took over as treasurer from Ana."),
        ("I'm on the basic plan.", "The plan is to upgrade."),
        ("We use Python 3.10.", "We upgraded to Node 20."),
        ("My door code is 1234.", "The gate code was changed to 9999."),
        ("The API runs on port 8080.", "We moved the database to port 5433."),
        ("I like coffee.", "We switched from Jenkins to Buildkite."),
    ],
)
def test_another_thing_is_no_change(older, newer):
    """What others did, what happened to another thing, and what only shares a word take the place of nothing."""
    assert not is_recognised({"older": older, "newer": newer})


def test_what_replaced_it_comes_first(model):
    """A statement that names what it replaces comes before it, although its words fit the question less."""
    with Memory(":memory:", embedder=model) as memory:
        moved(
            memory,
            ("We deploy with Jenkins.", "2024-01-10"),
            ("We switched from Jenkins to GitHub Actions.", "2024-03-05"),
            ("Jenkins was founded in 2011.", "2024-03-06"),
        )
        first, *others = memory.search("How do we deploy?", user_id="u", threshold=None)["results"]
        assert first["memory"] == "We switched from Jenkins to GitHub Actions."
        assert "We deploy with Jenkins." in [hit["memory"] for hit in others]
        memory.add("They deploy with Jenkins, too.", user_id="other")
        [alone] = memory.search("How do they deploy?", user_id="other")["results"]
        assert "superseded" not in str(alone)


def moved(memory, *said, **more):
    """Add texts, each with its date."""
    for text, at in said:
        memory.add(text, user_id="u", timestamp=at, **more)


LISBON, PORTO = ("I live in Lisbon.", "2024-01-10"), ("I moved to Porto.", "2024-03-05")
PAST = [
    "Where did I live before?",
    "Where did I live in January?",
    "Where did I live first?",
    "Where have I lived?",
    "How long did I live in Lisbon?",
]


@pytest.fixture
def home(model):
    """A memory of somebody who moved."""
    with Memory(":memory:", embedder=model) as memory:
        moved(
            memory, LISBON, PORTO, ("My sister lives in Faro.", "2024-03-20"), ("I may move to Madrid.", "2024-03-21")
        )
        yield memory


@pytest.mark.parametrize(
    ("question", "own", "other"),
    [
        ("Where do I live?", "I moved to Porto last week", "My sister Ana lives in Lisbon"),
        ("Which city do I live in?", "I moved to Porto last week", "My sister Ana lives in Lisbon, her city"),
        ("Where do I work?", "I joined Bosch in May", "My boss works at Siemens and works a lot there"),
        ("What am I allergic to?", "I'm allergic to penicillin", "My son is allergic to nuts. Allergic!"),
        ("Where does my sister live?", "My sister Ana moved to Lisbon", "I live in Porto, where else do I live"),
    ],
)
def test_what_is_said_of_somebody_else_yields_its_place(model, question, own, other):
    """What says just what is asked comes before the same of somebody else, with its score, whatever words that has; to
    a question about the other one it does not."""
    with Memory(":memory:", embedder=model) as memory:
        for text in (other, own, "I hate flying.", "Bread costs 2 euros"):
            memory.add(text, user_id="u")
        results = memory.search(question, user_id="u", explain=True, threshold=None)["results"]
        scores = [hit["score"] for hit in results]
        assert scores == sorted(scores, reverse=True)
        assert [hit["memory"] for hit in results[:2]] == [own, other]
        adjusted = {hit["id"]: one for hit in results for one in hit["score_details"]["adjustments"]}
        if adjusted:
            first, second = (adjusted[hit["id"]] for hit in results[:2])
            assert (first["rule"], second["rule"]) == ("says_what_is_asked", "says_it_of_another")
            assert (first["memory_id"], second["memory_id"]) == (results[1]["id"], results[0]["id"])
            assert (first["after"], first["before"]) == (second["before"], second["after"])


@pytest.mark.parametrize(
    "question", ["Who lives in Lisbon?", "Where does my sister live?", "Who did I visit in Lisbon?"]
)
def test_a_question_about_somebody_else_finds_that(model, question):
    """Where nothing says just what is asked, or the other one is asked for, no place changes."""
    with Memory(":memory:", embedder=model) as memory:
        for text in ("My sister Ana lives in Lisbon", "I moved to Porto last week"):
            memory.add(text, user_id="u")
        best, *others = memory.search(question, user_id="u", explain=True, threshold=None)["results"]
        assert best["memory"] == "My sister Ana lives in Lisbon"
        assert not any(hit["score_details"]["adjustments"] for hit in (best, *others))


@pytest.mark.parametrize(
    "question",
    ["Where do I live now?", "Where do I live?", "Which city do I live in?", "where do i live", "my home city"],
)
def test_where_do_i_live_now(home, question):
    """The later home comes first, before the earlier one, and explain says why; scores fall, and nothing is gone."""
    results = home.search(question, user_id="u", reference_date="2024-03-30", threshold=None, explain=True)["results"]
    scores = [hit["score"] for hit in results]
    assert scores == sorted(scores, reverse=True)
    places = {hit["memory"]: place for place, hit in enumerate(results)}
    assert len(places) == 4
    assert places[PORTO[0]] == 0
    assert places[PORTO[0]] < places[LISBON[0]]
    rules = {
        hit["memory"]: (one["rule"], one["memory_id"])
        for hit in results
        for one in hit["score_details"]["adjustments"]
        if "supersede" in one["rule"]
    }
    ids = {hit["memory"]: hit["id"] for hit in results}
    assert rules == {
        LISBON[0]: ("superseded_by_newer", ids[PORTO[0]]),
        PORTO[0]: ("supersedes_older", ids[LISBON[0]]),
    }
    best = home.search("Where do I live?", user_id="u", top_k=1)["results"]
    assert [hit["memory"] for hit in best] == [PORTO[0]]


@pytest.mark.parametrize("question", PAST)
def test_the_past_stays_in_place(home, question):
    """A question about the past takes nothing from what was so."""
    for hit in home.search(question, user_id="u", reference_date="2024-03-30", explain=True)["results"]:
        rules = [one["rule"] for one in hit["score_details"]["adjustments"]]
        assert "superseded_by_newer" not in rules
    block = home.context(question, user_id="u", reference_date="2024-03-30")
    assert LISBON[0] in [hit["memory"] for hit in block["memories"]]


def test_a_block_has_what_holds_now(home):
    """In the block for a question about now the earlier home is left out; what else was said is not."""
    texts = [hit["memory"] for hit in home.context("Where do I live?", user_id="u")["memories"]]
    assert PORTO[0] in texts
    assert LISBON[0] not in texts
    assert "My sister lives in Faro." in texts


def test_an_allergy_is_never_left_out(model):
    """There may be several allergies: a newer one comes first, and the older one stays in the block."""
    with Memory(":memory:", embedder=model) as memory:
        moved(memory, ("I'm allergic to peanuts.", "2024-01-10"), ("I'm allergic to sesame.", "2024-03-05"))
        assert len(memory.context("What am I allergic to?", user_id="u")["memories"]) == 2


def test_without_recency_nothing_is_compared(home):
    """The weight of recency turns it on and off."""
    results = home.search("Where do I live?", user_id="u", ranking={"recency": 0}, explain=True)["results"]
    assert not any(
        one["rule"] == "superseded_by_newer" for hit in results for one in hit["score_details"]["adjustments"]
    )


@pytest.mark.parametrize("other", [{"name": "Ben"}, {"role": "assistant"}], ids=["another speaker", "the assistant"])
def test_only_the_speaker_replaces_what_he_said(model, other):
    """What somebody else says about himself, or an assistant repeats, takes the place of nothing."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add([{"role": "user", "name": "Ann", "content": LISBON[0]}], user_id="u", timestamp=LISBON[1])
        said = {"role": "user", "name": "Ann", "content": "I live in Porto.", **other}
        memory.add([said], user_id="u", timestamp=PORTO[1])
        results = memory.search("Where do I live?", user_id="u", explain=True, threshold=None)["results"]
        assert len(results) == 2
        assert not any(one.get("memory_id") for hit in results for one in hit["score_details"]["adjustments"])


def test_facts_in_the_third_person_across_runs(model):
    """An application's facts about one person are about one slot, whichever run they are from; another's are not."""
    with Memory(":memory:", embedder=model) as memory:
        for run, (text, at) in enumerate(
            [
                ("Ana lives in Porto.", "2024-01-10"),
                ("Ana moved to Lyon.", "2024-03-05"),
                ("Bob lives in Rome.", "2024-04-01"),
            ]
        ):
            memory.add(text, user_id="u", run_id=str(run), timestamp=at)
        results = memory.search("Where does Ana live?", user_id="u")["results"]
        texts = [hit["memory"] for hit in results]
        assert texts.index("Ana moved to Lyon.") < texts.index("Ana lives in Porto.")
        assert texts[0] == "Ana moved to Lyon."


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("I live in Lisbon.", {(SELF, "home")}),
        ("My sister lives in York.", {("sister", "home")}),
        ("Ana's brother works at Acme.", {("ana brother", "employer")}),
        ("The staging database listens on port 6543.", {("staging database", "port")}),
        ("My favourite colour is green.", {(SELF, "favorite color")}),
        ("My children are Tom and Lea.", set()),
        ("I might move to Porto.", set()),
        ("If I lived in Porto, I would surf.", set()),
        ("Tom said: I live in Porto.", set()),
        ("Do I live in Porto?", set()),
        ("My boss is on holiday.", set()),
        ("I live in Porto half of the year.", set()),
        ("We moved to Slack.", set()),
        ("", set()),
        ("I live in " + "x" * 5_000, set()),
    ],
)
def test_what_a_statement_is_about(text, slots):
    """Whose it is and what it says is told by grammar; a plan, a question, a quotation or a state says nothing."""
    assert {(one.subject, one.slot) for one in statements(text)} == slots


def test_a_reranker_leaves_what_holds_now_above_what_it_replaced(model):
    """The cross-encoder sees no dates: it neither puts the older value first again, nor a question or a guess."""
    with Memory(":memory:", embedder=model) as memory:
        memory.add("I live in Lisbon.", user_id="u", timestamp="2024-01-10")
        memory.add("I moved to Porto.", user_id="u", timestamp="2024-03-05")
        said = [{"role": "user", "content": "Where do I live?"}, {"role": "assistant", "content": "Lisbon, I believe."}]
        memory.add(said, user_id="u")
        found = memory.search("Where do I live?", user_id="u", rerank=True)
    assert "not_reranked" not in found
    assert found["results"][0]["memory"] == "I moved to Porto."


def test_a_search_reads_a_text_once():
    """What a text says about what is asked is found once, however often a search asks for it."""
    asked = Asked("Where do I live?")
    for text in ("I moved to Porto last week.", "Nothing of the kind"):
        assert asked.said_in(text) is asked.said_in(text)
    assert [one.value for one in asked.said_in("I moved to Porto last week.")]
