"""What speaks for a memory beside its own words: its conversation, who said it, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, Ranking, ValidationError

ANN, BOB = "Ann", "Bob"
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
MUSIC = [
    (ANN, "Which instrument did you take up?"),
    (BOB, "It is the cello, since autumn!"),
    (ANN, "Lovely"),
    (BOB, "My neighbours disagree"),
]
WEATHER = [(BOB, "Rain again all over town"), (ANN, "And no umbrella at home"), (BOB, "Never mind")]


@pytest.fixture
def memory(path, clock):
    with Memory(path, embedder=HashEmbedder(dimensions=1_024), clock=clock) as opened:
        yield opened


def say(memory, turns, when=NOON, **scope):
    """Store a conversation, one message a minute."""
    messages = [
        {"role": "user", "name": name, "content": text, "timestamp": when + timedelta(minutes=minute)}
        for minute, (name, text) in enumerate(turns)
    ]
    return memory.add(messages, **{"user_id": "u"} | scope, infer=False)["results"]


def found(memory, query, **options):
    options = {"user_id": "u", "threshold": 0, "explain": True} | options
    return memory.search(query, **options)["results"]


def signals(memory, query, text, **options):
    """Return the signals that speak for the memory with this text; those that say nothing of any memory are 0."""
    [item] = [item for item in found(memory, query, **options) if item["memory"] == text]
    said = {name: part["score"] for name, part in item["score_details"]["signals"].items()}
    return dict.fromkeys(Ranking().weights(), 0) | said


CELLO = MUSIC[1][1]


def test_an_answer_is_found_by_the_question_before_it(memory):
    """A turn that shares no word with the query is found by what was said around it, and not without."""
    say(memory, WEATHER, run_id="r1")
    say(memory, MUSIC, NOON + timedelta(days=1), run_id="r2")
    query = "instrument taken up"
    assert [item["memory"] for item in found(memory, query, top_k=2)] == [MUSIC[0][1], CELLO]
    assert signals(memory, query, CELLO)["neighbor_keyword"] > 0.1
    assert signals(memory, query, CELLO)["keyword"] == 0
    assert signals(memory, query, CELLO, ranking=Ranking.plain())["neighbor_keyword"] == 0


def test_a_session_speaks_for_its_turns(memory):
    """Among several sessions the one with the query's words counts for each of its turns."""
    say(memory, WEATHER, run_id="r1")
    say(memory, MUSIC, run_id="r2")
    of_music = signals(memory, "cello since autumn", MUSIC[3][1])
    of_weather = signals(memory, "cello since autumn", WEATHER[2][1])
    assert of_music["session_keyword"] > 0.4
    assert of_weather["session_keyword"] == 0
    assert of_music["session_semantic"] > of_weather["session_semantic"]


def test_the_only_session_says_nothing(memory):
    """Where there is one session alone, that it has the query's words tells none of its turns from another."""
    say(memory, MUSIC)
    assert signals(memory, "cello instrument", CELLO)["session_keyword"] == 0


@pytest.mark.parametrize("apart", [{"run_id": "r2"}, {"when": NOON + timedelta(hours=3)}])
def test_neighbours_are_of_the_same_session(memory, apart):
    """Another run, or an hour of silence, ends a session: the memories on both sides are no neighbours."""
    say(memory, [(ANN, "Hello"), (BOB, "The weather is fine"), (ANN, "Which instrument did you take up?")])
    say(memory, [(BOB, CELLO), (ANN, "Lovely")], **apart)
    assert signals(memory, "instrument taken up", CELLO)["neighbor_keyword"] == 0
    say(memory, [(ANN, "An instrument"), (BOB, "the viola")], NOON + timedelta(days=2))
    assert signals(memory, "instrument taken up", "the viola")["neighbor_keyword"] > 0


def told(memory, turns, order, user):
    """Store a dialogue's turns one by one in an order of storing, each with the minute it was said."""
    for minute in order:
        name, text = turns[minute]
        said = NOON + timedelta(minutes=minute)
        memory.add([{"name": name, "content": text}], user_id=user, run_id="r", timestamp=said, infer=False)


@pytest.mark.parametrize(
    "order", [(3, 2, 1, 0), (1, 3, 0, 2), (0, 2, 3, 1)], ids=["backwards", "shuffled", "one comes late"]
)
def test_turns_follow_each_other_in_time(memory, order):
    """What was said before is what has the earlier date, in whatever order a dialogue was stored."""
    queries = ("instrument taken up", "cello since autumn", "Did Bob disagree?", "Lovely", "two days after the cello")
    told(memory, MUSIC, range(4), "u")
    told(memory, MUSIC, order, "v")

    def answers(user):
        return [[{**item, "id": 0, "user_id": 0} for item in found(memory, query, user_id=user)] for query in queries]

    assert answers("v") == answers("u")


def test_a_moved_turn_has_other_neighbours(memory):
    """A date that is changed moves a turn to another place in its conversation, also in an open store."""
    say(memory, MUSIC)
    [question] = [item["id"] for item in found(memory, "instrument") if item["memory"] == MUSIC[0][1]]
    assert signals(memory, "instrument taken up", CELLO)["neighbor_keyword"] > 0.05
    memory.update(question, timestamp=NOON - timedelta(days=1))
    assert signals(memory, "instrument taken up", CELLO)["neighbor_keyword"] == 0
    memory.update(question, timestamp=NOON + timedelta(minutes=1, seconds=30))
    assert signals(memory, "instrument taken up", CELLO)["neighbor_keyword"] > 0.05
    assert signals(memory, "instrument taken up", MUSIC[3][1])["neighbor_keyword"] > 0.05


def test_turns_of_one_instant_follow_each_other_as_stored(memory):
    """Messages without dates of their own keep the order in which they were given."""
    say(memory, [(ANN, "Hello"), (BOB, "Good day")], NOON - timedelta(hours=5))
    messages = [{"name": name, "content": text} for name, text in [(ANN, "Well?"), *MUSIC]]
    memory.add(messages, user_id="u", timestamp=NOON, infer=False)
    by_place = [signals(memory, "instrument taken up", text)["neighbor_keyword"] for _, text in MUSIC[1:]]
    assert by_place == sorted(by_place, reverse=True)
    assert by_place[0] > by_place[1] > by_place[2] == 0


def test_a_long_pause_ends_a_session_whatever_came_first(memory):
    """Two talks a day apart, stored turn by turn in turns, are two sessions and not eight."""
    for minute, (music, weather) in enumerate(zip(MUSIC, WEATHER, strict=False)):
        for (name, text), day in ((music, 0), (weather, 1)):
            said = NOON + timedelta(days=day, minutes=minute)
            memory.add([{"name": name, "content": text}], user_id="u", timestamp=said, infer=False)
    assert signals(memory, "instrument cello", MUSIC[2][1])["session_keyword"] > 0
    assert signals(memory, "instrument cello", WEATHER[2][1])["session_keyword"] == 0


def test_what_is_equally_good_comes_in_order_of_time(memory):
    """Of equal scores what was said last comes first, whenever it was stored."""
    for day in (3, 1, 2):
        memory.add(f"tea {day}", user_id="u", timestamp=NOON + timedelta(days=day), infer=False)
    results = found(memory, "coffee", ranking=Ranking.sparse())
    assert [item["memory"] for item in results] == ["tea 3", "tea 2", "tea 1"]
    assert [item["memory"] for item in found(memory, "coffee", ranking=Ranking.sparse(), top_k=2)] == ["tea 3", "tea 2"]


def test_single_facts_do_not_speak_for_each_other(memory):
    """Facts by one speaker, stored one after the other, score by their own words and meaning alone."""
    for _, text in [*MUSIC, *WEATHER]:
        memory.add(text, user_id="u")
    for query in ("Which instrument", "rain and umbrella", "What did Ann say?"):
        assert found(memory, query) == found(memory, query, ranking=Ranking.plain())


def test_facts_about_two_people_are_no_conversation(memory):
    """Where speakers do not take turns, as in notes about two people, neighbours and session say nothing."""
    say(memory, [(ANN, text) for _, text in MUSIC] + [(BOB, text) for _, text in WEATHER])
    assert signals(memory, "instrument taken up", CELLO)["neighbor_keyword"] == 0


@pytest.mark.parametrize("roles", [("user", "user"), ("user", "assistant")])
def test_a_name_before_a_colon_is_a_speaker(memory, roles):
    """ "Ann: …" was said by Ann, as who imports transcripts writes it: she can be named, and takes turns."""
    messages = [{"role": roles[name == BOB], "content": f"{name}: {text}"} for name, text in MUSIC]
    memory.add(messages, user_id="u")
    assert signals(memory, "instrument taken up", f"Bob: {CELLO}")["neighbor_keyword"] > 0
    assert signals(memory, "what did Bob take up?", f"Bob: {CELLO}")["speaker"] == 1
    for text in ("todo: buy strings", "https://a.example: a shop", "note to self: tune it"):
        memory.add(text, user_id="v")
    for word in ("todo", "note"):
        assert signals(memory, f"{word} strings", "todo: buy strings", user_id="v")["speaker"] == 0


def test_a_profile_is_no_conversation(memory):
    """What stands before the colon of a note is no speaker: facts of a profile score by themselves."""
    for fact in ("Name: Sarah", "Email: sarah@example.com", "Allergies: peanuts", "Birthday: 7 May", "Car: a Volvo"):
        memory.add(fact, user_id="u")
    for query in ("When is her birthday?", "name of the car", "Sarah"):
        assert found(memory, query) == found(memory, query, ranking=Ranking.plain() if "birth" not in query else {})
        assert signals(memory, query, "Car: a Volvo")["neighbor_keyword"] == 0
        assert signals(memory, query, "Name: Sarah")["speaker"] == 0


def test_a_scope_without_words_is_searched(memory):
    """Memories of nothing but signs, in several sessions, are found by their vectors without a warning."""
    for run in ("r1", "r2"):
        say(memory, [(ANN, "!!!"), (BOB, "???")], run_id=run)
    memory.add("...", user_id="v")
    assert len(found(memory, "cello", ranking={"semantic": 0})) == 4
    assert len(found(memory, "cello", user_id="v")) == 1


def test_an_expired_memory_does_not_speak(memory, clock):
    """From the moment it expires a memory is nobody's neighbour, and those around it are neighbours."""
    say(memory, [(ANN, "Hello"), (BOB, "Good day")], clock.now)
    memory.add([{"name": ANN, "content": "Which instrument?"}], user_id="u", ttl=60, timestamp=clock.now, infer=False)
    memory.add([{"name": "Cleo", "content": CELLO}], user_id="u", timestamp=clock.now)
    assert signals(memory, "instrument", CELLO)["neighbor_keyword"] > 0
    before = signals(memory, "day", CELLO)["neighbor_keyword"]
    clock.advance(seconds=61)
    assert signals(memory, "instrument", CELLO)["neighbor_keyword"] == 0
    assert signals(memory, "day", CELLO)["neighbor_keyword"] > before
    assert signals(memory, "instrument", CELLO, show_expired=True)["neighbor_keyword"] > 0


def test_a_filter_changes_no_score(memory):
    """What a filter leaves out still speaks for its neighbours: those that remain keep score and signals."""
    say(memory, MUSIC, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    query = "instrument taken up"
    ours = [item for item in found(memory, query) if item["actor_id"] == BOB]
    assert found(memory, query, filters={"actor_id": BOB}) == ours


def test_others_change_no_score(memory):
    """Whatever other users said between the turns of a conversation, its scores and signals stay the same."""
    say(memory, MUSIC, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    queries = ("instrument taken up", "Did Bob see the rain?", "What happened in February?")
    before = [found(memory, query) for query in queries]
    for number in range(5):
        say(memory, [*MUSIC, *WEATHER], NOON, user_id=f"v{number}", run_id="r1")
        say(memory, WEATHER, NOON, user_id=None, agent_id="u", run_id="r2")
    assert [found(memory, query) for query in queries] == before


def test_who_is_named_counts(memory):
    """A question that names one of the speakers favours what that one said; naming all, or none, favours nobody."""
    say(memory, [(ANN, "I went hiking too"), (BOB, "I went hiking to")])
    assert found(memory, "Where did Bob go hiking?")[0]["actor_id"] == BOB
    assert found(memory, "where did ann go hiking?")[0]["actor_id"] == ANN
    for query in ("Where did Ann and Bob go hiking?", "Who went hiking?"):
        assert signals(memory, query, "I went hiking to")["speaker"] == 0


BUDGET = "My monthly budget for books is 35 euros, can you help me?"
REPEATED = "A monthly budget for books of 35 euros is great. My advice for a budget: list the books, a budget for each"


@pytest.fixture
def chat(memory):
    """A chat with an assistant that repeats what it was told, and a fact that nobody said."""
    said = [("user", "Good morning"), ("assistant", "Good morning to you"), ("user", BUDGET), ("assistant", REPEATED)]
    memory.add([{"role": role, "content": text} for role, text in said], user_id="u", infer=False)
    memory.add("Books are read at night", user_id="u", infer=False)
    return memory


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("What is my monthly budget for books?", BUDGET),
        ("How much did I say that a budget for books is?", BUDGET),
        ("I need a budget for books. Which would you suggest for me?", BUDGET),
        ("What advice did you give for my monthly budget for books?", REPEATED),
        ("Which list for a budget of books have you suggested?", REPEATED),
        ("Your advice for my budget of books?", REPEATED),
    ],
)
def test_who_asks_is_asked_what_he_told(chat, query, best):
    """A question about "my" or "I" favours what everybody but an assistant told, and one about "you said" the rest."""
    said = {item["memory"]: item["score_details"]["signals"]["speaker"]["score"] for item in found(chat, query)}
    assert [said[text] for text in (BUDGET, REPEATED)] == [best == BUDGET, best == REPEATED]
    assert said["Books are read at night"] == (best == BUDGET)


def test_an_assistants_echo_stays_behind_what_it_repeats(memory):
    """What an assistant repeats is behind what was told, though it has more in common with the question."""
    told, echo = "My gym costs 35 euros", "So your gym costs 35 euros a month! Each month a gym costs"
    said = [("assistant", "Hello"), ("user", told), ("assistant", echo), ("user", "Fine")]
    memory.add([{"role": role, "content": text} for role, text in said], user_id="u", infer=False)
    query = "What does my gym cost each month?"
    assert [item["memory"] for item in found(memory, query, top_k=2)] == [told, echo]
    assert found(memory, query, ranking={"speaker": 0})[0]["memory"] == echo


@pytest.mark.parametrize(
    "query",
    [
        "Which books are good?",
        "How do I make a budget?",
        "Tell me about books",
        "What did we talk about, my budget?",
        "Which budget for books did we agree on for my year?",
        "I have a budget for books.",
        "Welches Budget hast du mir genannt?",
    ],
)
def test_who_told_it_may_be_open(chat, query):
    """What is asked of nobody, or may have been said by both, favours neither who asks nor the assistant."""
    assert signals(chat, query, BUDGET)["speaker"] == signals(chat, query, REPEATED)["speaker"] == 0


def test_a_name_counts_more_than_who_asks(memory):
    """Who is named has said it, whoever asks; where there is no assistant, who asks may be anybody."""
    say(memory, [(ANN, "My budget is 35 euros"), (BOB, "My budget is 40 euros")])
    assert signals(memory, "What is my budget?", "My budget is 35 euros")["speaker"] == 0
    memory.add([{"role": "assistant", "content": "Budget"}], user_id="u", infer=False)
    assert signals(memory, "What is my budget?", "My budget is 35 euros")["speaker"] == 1
    assert signals(memory, "What did Bob say my budget was?", "My budget is 35 euros")["speaker"] == 0


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("I went hiking with Bob.", False),
        ("My day was long, Bob, and I am tired.", False),
        ("Bob was kind to me today. We laughed a lot!", False),
        ("We met Bob. What did he say about hiking?", True),
        ("Bob hiking", True),
        ("Tell me what Bob said.", True),
    ],
)
def test_who_is_named_in_a_statement_is_not_asked_for(memory, query, named):
    """A message that only tells something names whom it is about or spoken to: what that one said is not asked for."""
    say(memory, [(ANN, "I went hiking too"), (BOB, "I went hiking to")])
    assert (signals(memory, query, "I went hiking to")["speaker"] > 0) == named


def test_a_name_that_is_a_word_is_read_as_it_is_written(memory):
    """The word "will" does not name Will."""
    say(memory, [("Will", "I went hiking"), (ANN, "So did I")])
    assert signals(memory, "What did Will do?", "I went hiking")["speaker"] == 1
    assert signals(memory, "who will go?", "I went hiking")["speaker"] == 0


def test_when_counts(memory):
    """A question about a time favours what was said then, relative to the reference date or the clock."""
    for day in (2, 12, 22):
        memory.add(f"Lunch with guest {day}", user_id="u", timestamp=datetime(2026, 2, day, 12, tzinfo=UTC))
    for query, options, expected in (
        ("Who came to lunch on 12 February 2026?", {}, 12),
        ("Who came to lunch yesterday?", {"reference_date": "2026-02-23"}, 22),
        ("Who came to lunch three weeks ago?", {"reference_date": datetime(2026, 2, 23, tzinfo=UTC)}, 2),
        ("Who came to lunch last week?", {}, 22),  # the clock says 1 March
    ):
        assert found(memory, query, **options)[0]["memory"] == f"Lunch with guest {expected}"
    assert signals(memory, "Who came to lunch?", "Lunch with guest 2")["date"] == 0


@pytest.mark.parametrize(
    ("reference", "day"),
    [
        ("2024-06-19T09:00:00+12:00", 18),
        (datetime(2024, 6, 19, 9, tzinfo=timezone(timedelta(hours=12))), 18),
        (datetime(2024, 6, 19, 9, tzinfo=ZoneInfo("Pacific/Auckland")), 18),
        ("2024-06-18T21:00:00Z", 17),  # the same instant
        ("2024-06-18T21:00:00", 17),
        (datetime(2024, 6, 18, 21), 17),
        (1718744400, 17),
        ("2024-06-18", 17),
    ],
    ids=str,
)
def test_yesterday_is_the_asker_s(memory, reference, day):
    """Days are those of the zone that the reference date is given in, and UTC where it has none."""
    for one in (17, 18):
        memory.add(f"Lunch on the {one}th", user_id="u", timestamp=datetime(2024, 6, one, 10, tzinfo=UTC))
    [best, other] = found(memory, "Who came to lunch yesterday?", reference_date=reference, threshold=0, explain=True)
    assert best["memory"] == f"Lunch on the {day}th"
    told, not_told = (one["score_details"]["signals"]["date"]["score"] for one in (best, other))
    assert told > not_told == 0


def test_a_time_beside_an_event_counts(memory):
    """ "Before the trip" is a time, too: the one before the memory that tells of the trip."""
    for day, text in ((1, "Bought shoes"), (15, "The trip to Rome begins"), (60, "Bought shoes once more")):
        memory.add(text, user_id="u", timestamp=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
    assert found(memory, "What was bought two weeks before the trip to Rome?")[0]["memory"] == "Bought shoes"
    assert found(memory, "What was bought six weeks after the trip to Rome?")[0]["memory"] == "Bought shoes once more"


def test_recency_counts_where_the_present_is_asked_for(memory):
    """Only a question about the present favours newer memories."""
    for year, city in ((2021, "Rome"), (2025, "Oslo")):
        memory.add(f"I live in {city}", user_id="u", timestamp=datetime(year, 1, 1, tzinfo=UTC))
    assert found(memory, "Where do I live now?")[0]["memory"] == "I live in Oslo"
    assert len({item["score"] for item in found(memory, "Where did I live?")}) == 1


def share_of(name):
    """Return how much one signal counts beside a memory's own meaning and words, which count 1."""
    weights = Ranking().weights()
    return weights[name] / (weights["semantic"] + weights["keyword"])


FACTS = ["I'm allergic to shellfish", "My dog is called Rex", "I work as a nurse"]


def context(memory, query, **options):
    """Return by memory what a search adds to its own words and meaning."""
    parts = {item["memory"]: item["score_details"]["signals"] for item in found(memory, query, top_k=100, **options)}
    return {text: sum(one["score"] * one["weight"] for one in signals.values()) for text, signals in parts.items()}


@pytest.mark.parametrize(
    "query", ["What did I do today?", "what is new now", "last week", "in March 2026", "since 2020"]
)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_date_that_all_have_lifts_none(memory, clock, query, count):
    """When everything was said at the time that is asked for, the date adds nothing to any score."""
    for text in FACTS[:count]:
        memory.add(text, user_id="u", timestamp=clock.now)
    assert set(context(memory, query).values()) == {0}
    plain = {item["id"]: item["score"] for item in found(memory, query, ranking=Ranking.plain())}
    assert {item["id"]: item["score"] for item in found(memory, query)} == plain


def test_a_date_that_nearly_all_have_lifts_them_little(memory, clock):
    """One old memory among many new ones doesn't make their date worth what it is worth to one new among many old."""
    for number in range(20):
        memory.add(f"new fact {number}", user_id="u", timestamp=clock.now, infer=False)
        memory.add(f"old fact {number}", user_id="v", timestamp=clock.now - timedelta(days=200), infer=False)
    memory.add("old fact", user_id="u", timestamp=clock.now - timedelta(days=200))
    memory.add("new fact", user_id="v", timestamp=clock.now)
    assert max(context(memory, "What happened on 1 March 2026?").values()) < share_of("date") / 4
    assert context(memory, "What happened on 1 March 2026?", user_id="v")["new fact"] > share_of("date") / 2


def test_of_two_memories_the_one_of_that_day_gains(memory, clock):
    """Where a date tells one memory from another it counts in full, also where there are only two."""
    memory.add("Lunch with Ann", user_id="u", timestamp=clock.now)
    memory.add("Lunch with Bob", user_id="u", timestamp=clock.now - timedelta(days=60))
    lifted = context(memory, "What happened on 1 March 2026?")
    assert lifted["Lunch with Ann"] == pytest.approx(share_of("date"), abs=0.01)
    assert lifted["Lunch with Bob"] == 0


def test_the_only_session_lifts_none_of_its_turns(memory, clock):
    """That somebody said just that in the only session there is speaks for the turns beside it, not for all."""
    turns = ["I moved to Porto last week", "How nice for you", *FACTS, "Noted, thanks"]
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
    memory.add(messages, user_id="u", infer=False)
    lifted = context(memory, "I moved to Porto last week.")
    assert lifted["How nice for you"] > 0.1
    assert lifted["I work as a nurse"] < 0.03
    assert lifted["Noted, thanks"] < 0.03


def test_one_among_many_speakers_is_told_from_them_and_not_where_all_are_he(memory):
    """A name lifts what its bearer said where others said something too, and nothing where nobody else did."""
    memory.add([{"name": ANN, "content": text} for text in FACTS], user_id="u", infer=False)
    assert set(context(memory, "What about Ann?").values()) == {0}
    memory.add([{"name": BOB, "content": "I like tea"}], user_id="u", infer=False)
    lifted = context(memory, "What about Bob?")
    assert lifted["I like tea"] == pytest.approx(share_of("speaker"))
    assert sum(lifted.values()) == lifted["I like tea"]


def test_memories_of_one_length_gain_nothing_by_it(memory):
    """Where all turns are long, none is lifted for being long."""
    text = " ".join(f"word{number}" for number in range(25))
    say(memory, [((ANN, BOB)[n % 2], f"{text} {n}") for n in range(4)])
    assert {signals(memory, "coffee", item["memory"])["length"] for item in found(memory, "coffee")} == {0}


@pytest.mark.parametrize(
    ("query", "dated"),
    [
        ("I moved to Porto last week.", False),
        ("Moved to Porto last week.", False),
        ("Last week was hard", False),
        ("The flight was cancelled last week!", False),
        ("Trips of last week.", True),
        ("Meetings that were held last week.", True),
        ("Was Ann here last week.", True),
        ("I moved to Porto last week", False),
        ("Last week I moved to Porto!", False),
        ("Oh, my dog was sick last week.", False),
        ("Well, she's been in Rome since last week", False),
        ("Two days ago, we met Ann", False),
        ("I moved to Porto last week, and how is Ann?", True),
        ("Where did I move last week?", True),
        ("my lunch last week", True),
        ("lunch last week", True),
        ("Tell me about last week.", True),
        ("I want to see the notes from last week", True),
        ("I can't remember what I did last week", True),
        ("I wonder who came last week.", True),
        ("I moved to Porto last week. How is Ann?", False),
        ("My boss was rude last week! 我该怎么办？", False),
        ("How is Ann? She was ill last week.", False),
        ("I moved to Porto. Who came to lunch last week?", True),
        ("我搬家了。 Who came to lunch last week？", True),
        ("On 22 February 2026 I had an accident. Who came to lunch?", True),
        ("上周谁来吃午饭了？", True),
        ("上周的午饭是谁做的", True),
        ("上周我搬到了上海。", False),
        ("上周我太累了，今天也是", False),
        ("先週は疲れました。", False),
        ("2026年2月的午饭", True),
        ("On 22 February 2026 I had an accident. " + "It was quite a day for all of us. " * 12 + "Who came?", False),
        ("It was quite a day for all of us. " * 12 + "Who came to lunch last week?", True),
        ("A long walk, a longer lunch, a nap, and on we went. " * 8 + "What a day, that Sunday last week", False),
    ],
)
def test_a_statement_asks_for_no_time(memory, clock, query, dated):
    """The time in what a user tells is no time that is asked about; it is in a question and in mere keywords."""
    memory.add("Lunch with Ann", user_id="u", timestamp=clock.now - timedelta(days=7))
    memory.add("Lunch with Bob", user_id="u", timestamp=clock.now - timedelta(days=600))
    assert (signals(memory, query, "Lunch with Ann")["date"] > 0) == dated


@pytest.mark.parametrize(
    ("query", "present"),
    [
        ("Where do I live now?", True),
        ("Where do I live now", True),
        ("current address", True),
        ("I feel so tired today.", False),
        ("I feel so tired today. What could I do?", False),
        ("Everything is too much lately! ¿Qué hago？", False),
        ("The office was loud today. Do I still have the headphones?", True),
        ("What did Ann give me? The party was lovely, and I am still tired.", False),
    ],
)
def test_the_present_in_a_statement_is_not_asked_for(memory, query, present):
    """ "Today" and "lately" in what somebody tells ask for nothing newer; in a question they do."""
    for year, city in ((2021, "Rome"), (2025, "Oslo")):
        memory.add(f"I live in {city}", user_id="u", timestamp=datetime(year, 1, 1, tzinfo=UTC))
    assert (signals(memory, query, "I live in Oslo")["recency"] > 0) == present


def test_a_bad_reference_date_is_refused(memory):
    """A reference date that is no date is an error naming it."""
    with pytest.raises(ValidationError, match="reference_date"):
        memory.search("x", user_id="u", reference_date="some day")


def test_every_signal_can_be_switched_off(memory):
    """A weight of 0 takes a signal out of score and details, in the constructor as in one search."""
    say(memory, WEATHER, run_id="r1")
    say(memory, MUSIC, NOON + timedelta(days=1), run_id="r2")
    query = "Which instrument does Bob play now, since last month?"
    names = set(found(memory, query)[0]["score_details"]["signals"])
    assert names == set(Ranking().weights()) - {"semantic", "keyword", "entity", "entity_neighbor"}
    for name in names:
        details = [item["score_details"] for item in found(memory, query, ranking={name: 0})]
        assert all(set(one["signals"]) == names - {name} for one in details)
        assert found(memory, query, ranking=replace(Ranking(), **{name: 0})) == found(memory, query, ranking={name: 0})
    with Memory(
        memory.path, embedder=HashEmbedder(dimensions=1_024), clock=memory._clock, ranking={"date": 0}
    ) as other:
        assert found(other, query) == found(memory, query, ranking={"date": 0})


@pytest.mark.parametrize(
    "query",
    [
        "Ann, which instrument did you take up?",
        "Which instrument did Bob take up on 3 February 2026?",
        "Is the cello new, Bob?",
        "Never mind",
        "cello",
    ],
)
def test_a_score_is_the_sum_of_its_parts(memory, query):
    """A score tells what speaks for a memory, Σ weight × signal, beside the most that can: the sum of the weights."""
    say(memory, MUSIC, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    for item in found(memory, query):
        details = item["score_details"]
        weights = [details["semantic_weight"], details["bm25_weight"]]
        parts = [weights[0] * details["semantic_score"], weights[1] * details["bm25_score"]]
        parts += [part["score"] * part["weight"] for part in details["signals"].values()]
        weights += [part["weight"] for part in details["signals"].values()]
        most, raw = details["max_possible_score"], details["raw_score"]
        assert most == pytest.approx(sum(weights), abs=1e-6)
        assert raw == pytest.approx(sum(parts), abs=1e-6)
        rules = details["adjustments"]
        score = rules[0]["before"] if rules else item["score"]
        assert score == pytest.approx(raw / (1 + raw * (1 - 1 / most)), abs=1e-6)
        assert item["score"] == details["final_score"] == (rules[-1]["after"] if rules else score)
        assert item["score"] <= 1


def test_scores_tell_a_good_match_from_a_perfect_one(memory):
    """Context, speaker and date are part of the scale: what they speak for does not reach 1 by them, so that no two
    memories share the highest score there is."""
    say(memory, MUSIC, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    scores = [item["score"] for item in found(memory, "Ann, which instrument did you take up?")]
    assert len(set(scores)) == len(scores) == 7
    assert scores[0] < 0.95


def test_the_rare_words_of_a_long_question_count(memory):
    """Of a question of more words than count, those that the fewest memories have count, wherever they stand in it.
    Chinese has two terms a character: what is told last is found, too."""
    common = [f"word{number}" for number in range(90)]
    for number in range(4):
        memory.add(" ".join(common) + f" about topic{number}", user_id="u", infer=False)
    memory.add("The viola is in the attic", user_id="u")
    walk = "今天早上天气很好所以我们一家人先去公园散步然后在湖边的小店里吃了早饭接着又坐公交车回到城里"
    for place in ("公园", "湖边", "城里", "早饭"):
        memory.add(f"{walk}，在{place}休息", user_id="v", infer=False)
    memory.add("奶奶的钢琴调音师姓欧阳", user_id="v", infer=False)
    for user, query, term in (
        ("u", " ".join([*common, "viola"]), "viola"),
        ("v", f"{walk}，请问钢琴调音师姓什么", "钢琴"),
    ):
        [*_, last] = sorted(found(memory, query, user_id=user), key=lambda item: len(item["memory"]), reverse=True)
        details = last["score_details"]
        assert term in details["matched_terms"]
        assert details["bm25_score"] > 0.02
        assert max(len(item["score_details"]["matched_terms"]) for item in found(memory, query, user_id=user)) <= 64


@pytest.mark.parametrize(
    ("fact", "question"),
    [
        ("我哥哥在杭州瑞杰贸易公司当会计", "请问一下我想知道跟哥哥有关的那个贸易企业究竟叫什么名字呢"),
        ("妹はピアノの先生をしています", "ところで昔からずっと音楽が好きだった妹の仕事は何だったか覚えていますか"),
    ],
    ids=["Chinese", "Japanese"],
)
def test_pairs_of_characters_that_are_no_words_are_not_missed(memory, fact, question):
    """In text without spaces, most pairs of a question's characters are in no memory. They don't count as words that
    are missing, so that those which are there lift a memory over the threshold."""
    memory.add(fact, user_id="u")
    for text in ("昨日は雨", "今天下雨", "Rain again all over town"):
        memory.add(text, user_id="u", infer=False)
    best = memory.search(question, user_id="u", ranking=Ranking.sparse(), explain=True)["results"][0]
    assert best["memory"] == fact
    assert best["score"] > 0.3


def test_the_words_of_a_long_question_count_beside_its_meaning(memory):
    """Most words of a long question are in no memory. Those that are still count, and a short question's best match
    reaches all of its words."""
    memory.add("The viola is in the attic", user_id="u")
    memory.add("Rain again all over town", user_id="u")
    talk = "After breakfast we phoned grandmother, packed three suitcases, quarrelled about the route and left at noon"
    long, short = f"{talk}. Where is the viola?", "viola attic"
    scores = {
        query: next(item["score_details"]["bm25_score"] for item in found(memory, query) if "viola" in item["memory"])
        for query in (long, short)
    }
    assert 0.1 < scores[long] < 0.5
    assert scores[short] > 0.7


ROW = [
    (ANN, "Good morning"),
    (ANN, "I have news"),
    (ANN, "Guess which instrument I bought"),
    (ANN, "You will laugh"),
    (BOB, "No idea"),
    (BOB, "Do tell"),
    (ANN, CELLO),
    (ANN, "And a bow"),
]


def test_several_messages_in_a_row_are_a_conversation(memory):
    """People send several messages in a row: as long as somebody answers and is answered, what is said around a
    message speaks for it."""
    say(memory, ROW, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    for text in ("You will laugh", "No idea", "I have news"):
        assert signals(memory, "instrument bought", text)["neighbor_keyword"] > 0
    assert signals(memory, "instrument bought", "And a bow")["neighbor_keyword"] == 0
    assert signals(memory, "instrument bought", "And a bow")["session_keyword"] > 0


ADVICE = "Rosin helps, and so does a softer string, a quieter hour, a carpet on the floor, a mute on the bridge. " * 20


def test_a_long_message_speaks_for_itself(memory):
    """What was said around a message counts less the longer it is: an assistant's long answer says by itself what it is
    about, where "I see" does not."""
    asked = (ANN, "Which instrument was it?")
    say(memory, [asked, (BOB, "I see"), asked], run_id="r1")
    say(memory, [asked, (BOB, ADVICE), asked], run_id="r2")
    say(memory, WEATHER, run_id="r3")
    short, long = (signals(memory, "which instrument", text) for text in ("I see", ADVICE))
    assert short["neighbor_keyword"] > 1.5 * long["neighbor_keyword"] > 0
    own = (signals(memory, "carpet floor", text) for text in ("I see", ADVICE))
    assert [one["neighbor_keyword"] > 0 for one in own] == [False, True]


def test_a_short_message_about_it_comes_before_a_long_one_that_mentions_it(memory):
    """Of two messages with the word that is asked for, the one that is about little else comes first."""
    memory.add(f"{ADVICE} And keep the viola warm. {ADVICE}", user_id="u", infer=False)
    memory.add("The viola is in the attic beside the old red armchair", user_id="u", infer=False)
    memory.add("Rain again all over town", user_id="u", infer=False)
    best, other = found(memory, "viola", ranking=Ranking.sparse())[:2]
    assert best["memory"].startswith("The viola")
    assert other["score"] < best["score"] / 2


PHONE = ["Table for two at the Lusitano, eight o'clock", "Card payment of 62 euros accepted"]


@pytest.mark.parametrize(
    ("minutes", "run", "near"),
    [(40, "r1", True), (0, "r1", False), (1 / 60, "r1", False), (90, "r1", False), (40, "r2", False)],
    ids=["within the hour", "at once", "a second later", "much later", "elsewhere"],
)
def test_facts_of_the_same_hour_speak_for_each_other(memory, minutes, run, near):
    """Beside conversations, what was kept within an hour is often about the same: half of what speaks for a fact is
    what was told around it. Facts that were imported all at once say nothing about each other."""
    say(memory, MUSIC, run_id="talk")
    for text, when, of in zip(PHONE, (NOON, NOON + timedelta(minutes=minutes)), ("r1", run), strict=True):
        memory.add(text, user_id="u", run_id=of, timestamp=when, infer=False)
    query = "Lusitano table"
    around, own = (signals(memory, query, text)["neighbor_keyword"] for text in reversed(PHONE))
    assert (around > 0) == near
    assert around <= own
    assert (signals(memory, query, PHONE[1])["session_keyword"] > 0) == near


def test_facts_of_the_same_hour_without_conversations_are_single_facts(memory):
    """Where nobody talks, facts are scored by their own words and meaning alone, whenever they were kept."""
    for minute, text in enumerate(PHONE):
        memory.add(text, user_id="u", timestamp=NOON + timedelta(minutes=minute), infer=False)
    assert signals(memory, "Lusitano table", PHONE[1])["neighbor_keyword"] == 0


NOTES = ["Dentist on Elm Street, bring the insurance card", "Parcel for the neighbour is in the hall"]


def test_a_note_beside_chats_is_not_behind_them(memory):
    """A note that says what is asked comes before the turns of a chat that merely touch it: it stands for itself where
    a chat has neighbours and a session."""
    chat = [(ANN, "Is the dentist far?"), (BOB, "Not at all"), (ANN, "Which street?"), (BOB, "I forgot the name")]
    say(memory, chat, run_id="r1")
    say(memory, WEATHER, NOON + timedelta(days=1), run_id="r2")
    for day, note in enumerate(NOTES, 10):
        memory.add(note, user_id="u", timestamp=NOON + timedelta(days=day), infer=False)
    assert found(memory, "dentist Elm Street insurance card")[0]["memory"] == NOTES[0]
    note = signals(memory, "dentist Elm Street insurance card", NOTES[0])
    assert note["neighbor_keyword"] == note["session_keyword"] > 0.5
    assert note["neighbor_semantic"] > 0
    assert note["length"] > 0
    other = signals(memory, "dentist Elm Street insurance card", NOTES[1])
    assert other["neighbor_keyword"] == other["session_keyword"] == 0


def test_the_opening_of_a_conversation_is_found(memory):
    """The first message of a session has no neighbours before it, and the last none after it. They lose nothing by
    that: what counts is the mean of the neighbours they have."""
    turns = [(ANN, "The choir meets on Thursdays"), (BOB, "Which choir is that?"), (ANN, "Old songs"), (BOB, "I see")]
    say(memory, turns, run_id="r1")
    say(memory, WEATHER, run_id="r2")
    assert found(memory, "When does the choir meet?")[0]["memory"] == turns[0][1]
    answer = "The cello"
    say(memory, [(BOB, answer), (ANN, "Which instrument was it?")], run_id="r3")
    in_between = [(ANN, "Well"), (ANN, "Which instrument was it?"), (BOB, "An oboe"), (ANN, "I see"), (BOB, "Yes")]
    say(memory, in_between, run_id="r4")
    edge, middle = (signals(memory, "which instrument", text)["neighbor_keyword"] for text in (answer, "An oboe"))
    assert edge > 2 * middle > 0


def test_meaning_or_words_alone(memory):
    """Ranking.dense is the cosine, Ranking.sparse the keywords' share."""
    say(memory, MUSIC)
    for item in found(memory, "the cello", ranking=Ranking.dense()):
        assert item["score"] == item["score_details"]["semantic_score"]
    [first, *rest] = found(memory, "the cello", ranking=Ranking.sparse())
    assert (first["memory"], first["score"]) == (CELLO, first["score_details"]["bm25_score"])
    assert {item["score"] for item in rest} == {0}


@pytest.mark.parametrize(
    ("ranking", "calls"),
    [
        (Ranking.sparse(), 0),
        (Ranking(semantic=0, neighbor_semantic=0, session_semantic=0), 0),
        (Ranking.dense(), 1),
        (Ranking.plain(), 1),
        (Ranking(semantic=0, session_semantic=0), 1),
        (Ranking(semantic=0, neighbor_semantic=0), 1),
    ],
)
@pytest.mark.parametrize("of_store", [True, False])
def test_a_question_is_embedded_if_its_meaning_counts(path, clock, ranking, calls, of_store):
    """A search embeds its query unless no signal of the ranking comes from the vectors; that of the search decides."""
    asked = []

    class Counting(HashEmbedder):
        def embed_query(self, text):
            asked.append(text)
            return super().embed_query(text)

        def embed(self, texts):
            return [super(Counting, self).embed_query(text) for text in texts]

    given = {"ranking": ranking if of_store else Ranking.dense()}
    with Memory(path, embedder=Counting(), clock=clock, **given) as memory:
        say(memory, MUSIC)
        results = found(memory, "the cello", ranking=None if of_store else ranking)
        assert len(asked) == calls
        if not calls:
            assert results[0]["memory"] == CELLO
            assert {item["score_details"]["semantic_score"] for item in results} == {0}


@pytest.mark.parametrize(
    ("ranking", "complaint"),
    [
        ({"date": -1}, r"Invalid ranking\.date: -1"),
        ({"date": "high"}, r"Invalid ranking\.date: 'high'"),
        ({"date": float("inf")}, r"Invalid ranking\.date: inf"),
        ({"date": 1e39}, "Must be 0, or a number from 0.001 to 1000"),
        ({"date": 10**400}, "Must be 0, or a number"),
        ({"semantic": 1e-320, "keyword": 0}, "Must be 0, or a number"),
        ({"dates": 1}, "unknown signal 'dates'. Signals are: semantic, keyword"),
        ({"semantic": 0, "keyword": 0}, r"Invalid ranking\.semantic: semantic and keyword cannot both be 0"),
        ([1], "must be a Ranking, or an object of weights"),
    ],
)
def test_bad_weights_are_refused(memory, ranking, complaint):
    """An unknown signal, a weight below 0 or no number, or no weight of its own is an error naming it."""
    with pytest.raises(ValidationError, match=complaint):
        memory.search("x", user_id="u", ranking=ranking)
    with pytest.raises(ValidationError, match=complaint):
        Memory(":memory:", embedder=HashEmbedder(dimensions=1_024), ranking=ranking)
