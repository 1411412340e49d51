"""When a question asks about."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mem0lite.date_phrases import MAX_MOMENTS
from mem0lite.dates import MAX_QUESTION_LENGTH, asked_moments, asks_for_present
from mem0lite.moments import Moment, closeness, recency

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
NOW = datetime(2023, 9, 13, 15, tzinfo=UTC)  # a Wednesday
EVER = "ever"


def micros(instant):
    return (instant - EPOCH) // timedelta(microseconds=1)


def shown(moment):
    """A moment as the first day and the day after the last, with the hour where it isn't midnight."""
    return f"{day(moment.start)} {day(moment.end)}"


def questions(text):
    return text.strip().replace("\n", " | ").split(" | ")


def day(instant):
    if abs(instant) > micros(datetime(9000, 1, 1, tzinfo=UTC)) or instant < micros(datetime(2, 1, 1, tzinfo=UTC)):
        return EVER
    return f"{EPOCH + timedelta(microseconds=instant):%Y-%m-%dT%H}".removesuffix("T00")


def asked(question, now=NOW):
    return asked_moments(question, micros(now))


PERIODS = {
    # calendar dates
    "What did I eat on 7 May 2023?": "2023-05-07 2023-05-08",
    "Who called on May 7, 2023?": "2023-05-07 2023-05-08",
    "Who called on May 7th 2023?": "2023-05-07 2023-05-08",
    "Who called on the 7th of May, 2023?": "2023-05-07 2023-05-08",
    "Who called on Sunday, May 7, 2023?": "2023-05-07 2023-05-08",
    "Who called on 2023-05-07?": "2023-05-07 2023-05-08",
    "Who called at 2023-05-07T10:00:00Z?": "2023-05-07 2023-05-08",
    "Who called on 05/07/2023?": "2023-05-07 2023-05-08",
    "Who called on 25/12/2022?": "2022-12-25 2022-12-26",
    "Who called on 25.12.2022?": "2022-12-25 2022-12-26",
    "Where was the picture of December 1,2022 taken?": "2022-12-01 2022-12-02",
    "What did we say on 29 February 2020?": "2020-02-29 2020-03-01",
    "Was war am 7. Mai 2023?": "2023-05-07 2023-05-08",
    "Que s'est-il passé le 7 mai 2023 ?": "2023-05-07 2023-05-08",
    "¿Qué comí el 7 de mayo de 2023?": "2023-05-07 2023-05-08",
    # months, seasons, years and their parts
    "What did I do in May 2022?": "2022-05-01 2022-06-01",
    "What did I do in May of 2022?": "2022-05-01 2022-06-01",
    "What did I do in Sept 2022?": "2022-09-01 2022-10-01",
    "What happened in May '22?": "2022-05-01 2022-06-01",
    "Where did I live in 2021?": "2021-01-01 2022-01-01",
    "Where was I in the summer of 2022?": "2022-06-01 2022-09-01",
    "Which state did I visit in fall 2021?": "2021-09-01 2021-12-01",
    "Where did we ski in winter 2021?": "2021-12-01 2022-03-01",
    "Was the first half of September 2022 good?": "2022-09-01 2022-09-16",
    "What did I win in the beginning of November 2022?": "2022-11-01 2022-11-11",
    "Where was I in late June 2022?": "2022-06-21 2022-07-01",
    "What did I plan at the end of 2022?": "2022-09-01T08 2023-01-01",
    "What did I earn in Q3 2022?": "2022-07-01 2022-10-01",
    "What did I earn in the last quarter of 2022?": "2022-10-01 2023-01-01",
    "Where did I work in the 2010s?": "2010-01-01 2020-01-01",
    "What did I do in the first weekend of August 2023?": "2023-08-05 2023-08-07",
    "What did I do in the second week of August 2023?": "2023-08-08 2023-08-15",
    "What did I do on the last Friday of June 2023?": "2023-06-30 2023-07-01",
    "Where did I travel in the 2nd half of 2021?": "2021-07-02T12 2022-01-01",
    "What did I earn in the third quarter of 2022?": "2022-07-01 2022-10-01",
    "What did I do in the week of Christmas 2021?": "2021-12-20 2021-12-27",
    "What did I do in the week of May 10, 2023?": "2023-05-08 2023-05-15",
    # without a year: the latest
    "Which spot did I visit in May?": "2023-05-01 2023-06-01",
    "Which spot did I visit in November?": "2022-11-01 2022-12-01",
    "What did I visit in September?": "2023-09-01 2023-10-01",
    "Who met us on Aug 15th?": "2023-08-15 2023-08-16",
    "Who met us on 15 December?": "2022-12-15 2022-12-16",
    "What did I eat on 5/7?": "2023-05-07 2023-05-08",
    "What did I do in the summer?": "2023-06-01 2023-09-01",
    "What did I get on Christmas?": "2022-12-24 2022-12-27",
    "What did we cook during Thanksgiving?": "2022-11-24 2022-11-25",
    "Where was I on New Year's Eve?": "2022-12-31 2023-01-01",
    "Where was I on Halloween 2021?": "2021-10-31 2021-11-01",
    "Where was I at Easter 2023?": "2023-04-07 2023-04-11",
    "What did I do on the 3rd?": "2023-09-03 2023-09-04",
    "What did I do on the 20th?": "2023-08-20 2023-08-21",
    "What did I do on the 20th of last month?": "2023-08-20 2023-08-21",
    # seen from now
    "What did I eat today?": "2023-09-13 2023-09-14",
    "What did I eat yesterday?": "2023-09-12 2023-09-13",
    "What did I eat the day before yesterday?": "2023-09-11 2023-09-12",
    "Who called yesterday evening?": "2023-09-12T17 2023-09-13",
    "Who called this morning?": "2023-09-13T05 2023-09-13T12",
    "Who called last night?": "2023-09-12T18 2023-09-13T06",
    "What do I have tonight?": "2023-09-13T18 2023-09-14T06",
    "What do I have tomorrow?": "2023-09-14 2023-09-15",
    "What did I do on Friday?": "2023-09-08 2023-09-09",
    "What did I do on Wednesday?": "2023-09-06 2023-09-07",
    "What did I do Monday morning?": "2023-09-11T05 2023-09-11T12",
    "What did I do last Tuesday?": "2023-09-12 2023-09-13",
    "What did I do this Monday?": "2023-09-11 2023-09-12",
    "What will I do on Friday?": "2023-09-15 2023-09-16",
    "What will I do in May?": "2024-05-01 2024-06-01",
    "What will I do on the 3rd?": "2023-10-03 2023-10-04",
    "What is planned for Christmas?": "2023-12-24 2023-12-27",
    "Who comes next Friday?": "2023-09-15 2023-09-16",
    "What did I do this week?": "2023-09-11 2023-09-18",
    "What did I do last week?": "2023-09-04 2023-09-11",
    "What did I do early last week?": "2023-09-04 2023-09-06T08",
    "What is on next week?": "2023-09-18 2023-09-25",
    "What did we do last weekend?": "2023-09-09 2023-09-11",
    "What did I do this month?": "2023-09-01 2023-10-01",
    "What did I do last month?": "2023-08-01 2023-09-01",
    "What did I do last quarter?": "2023-04-01 2023-07-01",
    "What did I do last year?": "2022-01-01 2023-01-01",
    "What did I do at the start of this year?": "2023-01-01 2023-05-02T16",
    "What did I do last May?": "2023-05-01 2023-06-01",
    "What did I do last September?": "2022-09-01 2022-10-01",
    "What did I do last summer?": "2023-06-01 2023-09-01",
    "What did I do last winter?": "2022-12-01 2023-03-01",
    "What are we doing this summer?": "2023-06-01 2023-09-01",
    "What did I get last Christmas?": "2022-12-24 2022-12-27",
    "What happened three days ago?": "2023-09-10 2023-09-11",
    "What happened 2 weeks ago?": "2023-08-27T03 2023-09-03T03",
    "What happened a month ago?": "2023-07-29T09 2023-08-28T20",
    "What happened a couple of weeks ago?": "2023-08-23T15 2023-09-06T15",
    "What happened two Fridays ago?": "2023-09-01 2023-09-02",
    "What did we do two weekends ago?": "2023-09-02 2023-09-04",
    "What is two days from now?": "2023-09-15 2023-09-16",
    "What did I do in the last two weeks?": "2023-08-30T15 2023-09-13T15",
    "What did I do in the past 3 months?": "2023-06-13T15 2023-09-13T15",
    "What did I do over the last year?": "2022-09-13T15 2023-09-13T15",
    "What did we do over the weekend?": "2023-09-09 2023-09-11",
    "What will we do over the weekend?": "2023-09-16 2023-09-18",
    "What did we do this past weekend?": "2023-09-09 2023-09-11",
    "What will I do in two weeks?": "2023-09-24T03 2023-10-01T03",
    "What must I do by Friday?": f"{EVER} 2023-09-16",
    "What did I watch last Friday night?": "2023-09-08T18 2023-09-09T06",
    "What was I doing a year ago today?": "2022-03-15 2023-03-15T05",
    "What did I do over the past couple of weeks?": "2023-08-30T15 2023-09-13T15",
    "Which trips are next May?": "2024-05-01 2024-06-01",
    "What is on in the next two weeks?": "2023-09-13T15 2023-09-27T15",
    # ranges and open ends
    "What happened between June and August?": "2023-06-01 2023-09-01",
    "What happened between June and August 2022?": "2022-06-01 2022-09-01",
    "What happened between November and February?": "2022-11-01 2023-03-01",
    "Where was John between August 11 and August 15 2023?": "2023-08-11 2023-08-16",
    "Where was I on May 7-9, 2023?": "2023-05-07 2023-05-10",
    "Where was I from 7 to 9 May 2023?": "2023-05-07 2023-05-10",
    "Where was I from the 7th until the 9th of May 2023?": "2023-05-07 2023-05-10",
    "Where did I live from 2019 to 2021?": "2019-01-01 2022-01-01",
    "What changed since March?": f"2023-03-01 {EVER}",
    "What changed since yesterday?": f"2023-09-12 {EVER}",
    "Where did I live before 2022?": f"{EVER} 2022-01-01",
    "Where did I live after 2021?": f"2022-01-01 {EVER}",
    "How many had I won by July 10, 2022?": f"{EVER} 2022-07-11",
    "Where did I live until the end of 2021?": f"{EVER} 2022-01-01",
    # so long before or after
    "What did I do the week before 16 November 2022?": "2022-11-09 2022-11-16",
    "What did I do two weeks before August 11, 2023?": "2023-07-24T12 2023-07-31T12",
    "What did I do the day after Christmas 2022?": "2022-12-27 2022-12-28",
    "What did I do three days after 7 May 2023?": "2023-05-10 2023-05-11",
    "What was on the Sunday before October 25, 2022?": "2022-10-23 2022-10-24",
    "What did I do the weekend before April 10, 2023?": "2023-04-08 2023-04-10",
    "What did I do the weekend after April 10, 2023?": "2023-04-15 2023-04-17",
    "What did I do a month before 31 May 2023?": "2023-04-30T13 2023-05-31",
}


@pytest.mark.parametrize(("question", "period"), PERIODS.items())
def test_a_question_names_the_period_a_reader_would_understand(question, period):
    """A date in a question, absolute or as seen from the reference, becomes the period that is meant."""
    assert [shown(moment) for moment in asked(question)] == [period]


NO_DATES = """
May I ask a question? | What may she like? | Who may have called? | Who did May invite?
What is May's favourite colour? | What did Mark march for? | Who joined the march? | Who won March Madness?
How far did they march? | Did he march 5 miles? | What did June say about April? | Did August call?
Is April my sister? | What did I buy for June? | Who is Augustus? | Who sat with Sun? | Where does Jan live?
What did Mar buy? | Who is Wednesday Addams? | Who is my man Friday? | What do I do on Fridays?
What do I do every Friday? | What do I eat on weekends? | Do I like Black Friday? | How many seconds does it take?
Which one was second? | Was I the second in the race? | Give me a second | What is version 3.11?
What runs on Python 3.11.2? | Which room is room 12? | Call me at 10 | What is 24/7? | What is 3/4 of a cup?
Do I have 2 cats? | Who scored 2000 points? | Who lives at 2010 Main Street? | What costs $2000?
Did I walk 2000 steps in 2000 seconds? | Who directed Blade Runner 2049? | What is the score of 5-7? | Is 1984 good?
What music from the 90s do I like? | Who is in their 20s? | What is my last name? | What is the last thing I said?
What was the next day like? | What's the last day of school? | Who moved to the 3rd floor? | Who came 3rd?
Who is on the 2nd floor? | Did I fall asleep? | When was my fall from the bike? | Is Spring Boot my framework?
Do I like spring water? | Who fell last fall of the play? | What Christmas movies do I like?
Do I own a Christmas tree? | What do Easter eggs cost? | What is my new year resolution?
What does she do after dinner? | What did I say before I left? | How long ago was my birthday?
How many years ago did I move? | How much did he lose in two weeks? | How many days a week do I work?
Which weekend suits me? | What is my weekend job? | What do I eat for breakfast?
How old is John's one-year-old child? | What is my night routine? | What is the best time of day?
What is a day in her life like? | What do they do at night? | Who is dated Mon Mothma?
What is the capital of France? | Where is the satellite? | Does the sat nav work? | When is the wedding?
What is 20/20 vision? | What did we do on 30 February 2023? | Who called this morning-5?
What did she do before March Madness? | Who ran two weeks before June Miller?
What did I see on the last night of the tour? | Who won the 2022 World Cup? | What is the 3 day forecast?
"""


@pytest.mark.parametrize("question", questions(NO_DATES))
def test_a_question_without_a_date_names_none(question):
    """Words and numbers that look like dates are left alone where a reader would not take them for one."""
    assert asked(question) == ()


EVENTS = {
    "What did I buy two weeks before the trip?": ("the trip", -17.5, -10.5),
    "What did we do the day after my birthday party, and who came?": ("my birthday party", 0.5, 1.5),
    "Three days after John's wedding, where were we?": ("john's wedding", 2.5, 3.5),
    "What have I learned since the move?": ("the move", 0, EVER),
    "What did she realise after the charity race?": ("the charity race", 0, 14),
    "Before our holiday did I buy boots?": ("our holiday", -14, 0),
}


@pytest.mark.parametrize(("question", "event"), EVENTS.items())
def test_an_event_is_named_with_the_days_around_it(question, event):
    """Of "two weeks before the trip" come the words to find the trip by, and the days from it."""
    [moment] = asked(question)
    days = moment.start / DAY, moment.end / DAY
    assert (moment.anchor, *(EVER if abs(number) > 10**6 else number for number in days)) == event


def test_several_dates_are_all_named():
    """A question with two dates names two periods."""
    assert {shown(moment) for moment in asked("What did I do in May 2022 and on 3 June 2021?")} == {
        "2022-05-01 2022-06-01",
        "2021-06-03 2021-06-04",
    }


def test_a_range_that_ends_before_it_begins_is_two_dates():
    """Two dates in the wrong order are taken one by one."""
    found = {shown(moment) for moment in asked("Was I away from 9 May 2023 to 7 May 2023?")}
    assert found == {"2023-05-07 2023-05-08", "2023-05-09 2023-05-10"}


def test_no_more_than_a_few_dates_are_taken_from_a_question():
    """A text full of dates costs no more than MAX_MOMENTS of them."""
    assert len(asked(", ".join(f"on {number} May 2023" for number in range(1, 29)))) == MAX_MOMENTS


def test_only_the_beginning_of_a_long_question_is_examined():
    """A date beyond MAX_QUESTION_LENGTH is not looked for, which bounds what a question can cost."""
    assert asked("word " * (MAX_QUESTION_LENGTH // 5) + "on 7 May 2023") == ()
    assert len(asked("word " * (MAX_QUESTION_LENGTH // 5 - 10) + "on 7 May 2023")) == 1


WORDS = """
may march sun the last next this first second week weekend month of in on since before after between and from to
7 31 12 2023 1999 0 th 29 february friday summer christmas easter ago days years 900 a few , . - / ' now
"""


@given(
    st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)),
    st.datetimes(timezones=st.just(UTC)),
)
@example("What happened last week, on Friday, a month ago, and in May?", datetime.min.replace(tzinfo=UTC))
@example("What will happen next week, on Friday, in May, next year?", datetime.max.replace(tzinfo=UTC))
@example("from 31 to 30 february 2023", NOW)
def test_any_text_at_any_time_is_understood_or_left(question, now):
    """No question raises, whatever its reference, and every period found has a length and can be matched."""
    for moment in asked_moments(question, micros(now)):
        assert moment.end > moment.start
        assert min(moment.early, moment.late) > 0
        found = closeness((moment,), np.array([micros(now), moment.start]), {moment.anchor or "": 0})
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def match(moments, *days, anchors=None):
    """The closeness of memories at noon of the days given, or at the instants given."""
    instants = [micros(datetime.fromisoformat(f"{text}T12:00+00:00")) for text in days]
    return closeness(moments, np.array(instants, np.int64), anchors or {}).tolist()


def test_a_memory_within_the_period_matches_fully():
    """From the first instant of a period to its last, a memory's match is 1."""
    assert match(asked("What happened last week?"), "2023-09-04", "2023-09-07", "2023-09-10") == [1, 1, 1]


def test_the_match_is_softer_after_a_period_than_before_it():
    """An event is told of for days afterwards, so a memory matches longer after the period than before it."""
    moments = asked("Who called on 7 May 2023?")
    before, after, long_before, long_after = match(moments, "2023-05-04", "2023-05-10", "2023-04-28", "2023-05-25")
    assert 0 < before < after < 1
    assert long_before == long_after == 0


def test_what_is_to_come_is_told_of_before_it():
    """The softness lies before a period that begins after the reference."""
    before, after = match(asked("What is on next week?"), "2023-09-12", "2023-09-30")
    assert before > after


def test_a_date_without_a_year_matches_every_year_and_the_latest_most():
    """ "In May" is the May before the reference; other years' Mays are matched less, other months not at all."""
    latest, earlier, later, other = match(
        asked("Where was I in May?"), "2023-05-15", "2019-05-15", "2024-05-15", "2022-01-15"
    )
    assert latest == 1
    assert 0 < earlier == later < 1
    assert other == 0


def test_a_year_named_is_that_year_alone():
    """A month with its year does not match the same month of other years."""
    assert match(asked("Where was I in May 2023?"), "2023-05-15", "2022-05-15") == [1, 0]


def test_an_open_period_matches_all_on_its_side():
    """ "Since March" matches everything from March on."""
    assert match(asked("What changed since March?"), "2023-03-01", "2023-09-13", "2022-09-13") == [1, 1, 0]


def test_a_period_around_an_event_moves_with_it():
    """A moment with an anchor is placed where the event was told, and matches nothing while that is unknown."""
    moments = asked("What did I buy two weeks before the trip?")
    told = micros(datetime(2023, 6, 15, 12, tzinfo=UTC))
    assert match(moments, "2023-06-01", "2023-08-15", anchors={"the trip": told}) == [1, 0]
    assert match(moments, "2023-06-01", anchors={"the trip": None}) == [0]
    assert match(moments, "2023-06-01") == [0]


def test_the_best_of_several_moments_counts():
    """A memory of either of two periods matches fully."""
    moments = asked("What did I do in May 2022 and on 3 June 2021?")
    assert match(moments, "2022-05-05", "2021-06-03", "2023-01-01") == [1, 1, 0]


def test_nothing_asked_matches_nothing():
    """Without moments or without memories, the closeness is 0 for each of them."""
    assert match((), "2023-05-05") == [0]
    assert match(asked("What happened last week?")) == []


def test_instants_at_the_edges_of_time_do_not_overflow():
    """The first and the last instant there is can be matched against an open period around an event at either."""
    edges = np.array([micros(datetime.min.replace(tzinfo=UTC)), micros(datetime.max.replace(tzinfo=UTC))], np.int64)
    moments = asked("What have I learned since the move?")
    assert closeness(moments, edges, {"the move": int(edges[0])}).tolist() == [1, 1]
    assert closeness(moments, edges, {"the move": int(edges[1])}).tolist() == [0, 1]
    assert closeness((Moment(0, DAY, DAY, DAY, yearly=True),), edges, {}).max() <= 1


PRESENT = """
Where does Ann live now? | What is she working on right now? | What do I currently read? | What is my current job?
What do I eat these days? | What do people wear nowadays? | Which is the latest version?
What's my most recent purchase? | Do I still live in Rome? | What am I doing at the moment? | Is he abroad at present?
What should I do today? | What did she recently watch? | How has he been lately? | Does he smoke anymore?
What is my newest car? | When was the last time I ran? | What was the last film I saw?
"""


NOT_PRESENT = """
What does she do now and then? | What did I eat until now? | What will I do three days from now? | What is my name?
Why must I stand still? | Who painted the still life? | Who studies current affairs? | Is the river current strong?
When at the latest must I go? | What is known about him? | Is it snowing? | What is my last name?
Who got the present? | Now that he has moved, where does he live? | Do I read USA Today? | Who presented it?
"""


@pytest.mark.parametrize("question", questions(PRESENT))
def test_a_question_about_the_present_is_recognised(question):
    """Where a question asks how things are now, newer memories may count more."""
    assert asks_for_present(question)


@pytest.mark.parametrize("question", questions(NOT_PRESENT))
def test_other_questions_do_not_ask_for_the_present(question):
    """Where a question says nothing of the present, or only in an idiom, age must not count."""
    assert not asks_for_present(question)


def test_recency_falls_from_the_reference_to_the_oldest():
    """1 at the reference and later, 0 for the oldest, evenly over the log of the age; 1 for all of one instant."""
    now = micros(NOW)
    ages = np.array([-DAY, 0, DAY, 30 * DAY, 365 * DAY, 3650 * DAY])
    found = recency(now - ages, now)
    assert found.dtype == np.float32
    assert found[:2].tolist() == [1, 1]
    assert found[-1] == 0
    assert (np.diff(found[1:]) < 0).all()
    assert 0.2 < found[4] < 0.4
    assert recency(np.array([now, now]), now).tolist() == [1, 1]
    assert recency(np.array([], dtype=np.int64), now).tolist() == []


def test_a_question_without_a_date_does_not_import_the_library():
    """dateparser, which takes longer to import than this package, is loaded for a question that names a date only."""
    code = """
import sys
from mem0lite.dates import asked_moments
for question in ("What does Ann like?", "May I ask what she did after dinner?", "Is room 12 the second one?"):
    assert asked_moments(question, 0) == ()
assert "dateparser" not in sys.modules
assert asked_moments("What did I eat on 7 May 1969?", 0)
assert "dateparser" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
