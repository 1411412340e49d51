"""When a question asks about."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mem0lite.search.dates import MAX_QUESTION_LENGTH, asked_moments, asks_for_present
from mem0lite.search.dates.phrases import MAX_MOMENTS
from mem0lite.search.moments import Moment, closeness, recency

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
    # in Chinese and Japanese
    "2022年12月25日我吃了什么？": "2022-12-25 2022-12-26",
    "二月十四号谁来了？": "2023-02-14 2023-02-15",
    "2022年5月我们去了哪里": "2022-05-01 2022-06-01",
    "昨年3月15日に何をしましたか": "2022-03-15 2022-03-16",
    "去年十一月份有什么活动": "2022-11-01 2022-12-01",
    "2022年6月下旬我在哪里？": "2022-06-21 2022-07-01",
    "2021年我住在哪里？": "2021-01-01 2022-01-01",
    "三天前谁来了？": "2023-09-10 2023-09-11",
    "三週間前に誰が来ましたか": "2023-08-20T03 2023-08-27T03",
    "上个月我做了什么": "2023-08-01 2023-09-01",
    "先週何を食べましたか": "2023-09-04 2023-09-11",
    "昨天我吃了什么": "2023-09-12 2023-09-13",
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
    # numbers, lengths, pieces in pieces, ranges, and dates of six other languages: read to their ends
    "What did I do last May 5th?": "2023-05-05 2023-05-06",
    "What did I do last December 25?": "2022-12-25 2022-12-26",
    "What did I do last March 3rd and 4th?": "2023-03-03 2023-03-05",
    "Who comes next June 3?": "2024-06-03 2024-06-04",
    "What did I do on 5.6.2024?": "2024-06-05 2024-06-06",
    "Was war am 06.05.2023?": "2023-05-06 2023-05-07",
    "Was war am 5.6.?": "2023-06-05 2023-06-06",
    "Was war am 05.06.24?": "2024-06-05 2024-06-06",
    "What did I do on 5.6.?": "2023-06-05 2023-06-06",
    "What happened on 05.06.23?": "2023-06-05 2023-06-06",
    "What did I eat two months and three days ago?": "2023-07-10 2023-07-11",
    "What did I do 2 years and 1 month ago?": "2021-07-29T09 2021-08-28T20",
    "Who comes next week Tuesday?": "2023-09-19 2023-09-20",
    "Who comes Tuesday of next week?": "2023-09-19 2023-09-20",
    "What is on a week from Friday?": "2023-09-22 2023-09-23",
    "What did I do a week ago Tuesday?": "2023-09-05 2023-09-06",
    "What did I do two days before yesterday?": "2023-09-10 2023-09-11",
    "What did I do the day before yesterday?": "2023-09-11 2023-09-12",
    "What did we do in week 23 of 2023?": "2023-06-05 2023-06-12",
    "What did we do in week 23, 2023?": "2023-06-05 2023-06-12",
    "What did we do in calendar week 23?": "2023-06-05 2023-06-12",
    "What did I do in the first week of May?": "2023-05-01 2023-05-08",
    "What happened in mid-June?": "2023-06-11 2023-06-21",
    "Where was I in early 2022?": "2022-01-01 2022-05-02T16",
    "Where was I late last year?": "2022-09-01T08 2023-01-01",
    "What did I earn in Q3 2023?": "2023-07-01 2023-10-01",
    "What did I earn in H1 2022?": "2022-01-01 2022-07-01",
    "Where was I in the first half of 2022?": "2022-01-01 2022-07-02T12",
    "What did I do the week before last?": "2023-08-28 2023-09-04",
    "What did I do twenty-one days ago?": "2023-08-23 2023-08-24",
    "What did I do a month back?": "2023-07-29T09 2023-08-28T20",
    "Where did I live one and a half years ago?": "2021-12-12T07 2022-06-12T22",
    "Where did I live half a year ago?": "2022-12-12T07 2023-06-12T22",
    "Where was I two summers ago?": "2022-06-01 2022-09-01",
    "What did I do 3-4 weeks ago?": "2023-08-13T03 2023-08-27T03",
    "What did I do a couple of weeks ago?": "2023-08-23T15 2023-09-06T15",
    "What did I do at the end of the month?": "2023-08-21T16 2023-09-01",
    "What is due at the end of the month?": "2023-09-21 2023-10-01",
    "What happens at the end of the month?": "2023-09-21 2023-10-01",
    "What did I eat on 20230508?": "2023-05-08 2023-05-09",
    "What changed since two weeks ago?": f"2023-08-27T03 {EVER}",
    "What did I do until last Tuesday?": f"{EVER} 2023-09-13",
    "Where was I from 3 to 5 May?": "2023-05-03 2023-05-06",
    "Where was I between 3 and 5 May 2022?": "2022-05-03 2022-05-06",
    "What did I do in the last 3 days?": "2023-09-10T15 2023-09-13T15",
    "What did I do in the past two weeks?": "2023-08-30T15 2023-09-13T15",
    "What did I do a fortnight ago?": "2023-08-23T15 2023-09-06T15",
    "What did I do over the weekend?": "2023-09-09 2023-09-11",
    "Where was I this time last year?": "2022-08-29T09 2022-09-28T20",
    "Where was I in May '23?": "2023-05-01 2023-06-01",
    "What did I do on the 5th?": "2023-09-05 2023-09-06",
    "Where was I last year in May?": "2022-05-01 2022-06-01",
    "Where was I in May last year?": "2022-05-01 2022-06-01",
    "Where was I at Christmas two years ago?": "2021-12-24 2021-12-27",
    "Who called yesterday at 9 am?": "2023-09-12T09 2023-09-12T10",
    "Who called at 9 am yesterday?": "2023-09-12T09 2023-09-12T10",
    "What did I do a week and a half ago?": "2023-09-01T09 2023-09-04T21",
    "What did I do a year and two months ago?": "2022-06-28T09 2022-07-28T20",
    "Who came the Tuesday before last?": "2023-09-05 2023-09-06",
    "Where was I the month before last?": "2023-07-01 2023-08-01",
    "What is on the week after next?": "2023-09-25 2023-10-02",
    "What did I do a day or two ago?": "2023-09-11 2023-09-13",
    "What did I do two or three weeks ago?": "2023-08-20T03 2023-09-03T03",
    "What did I do 1.5 years ago?": "2021-12-12T07 2022-06-12T22",
    "Where was I 100 days ago?": "2023-06-05 2023-06-06",
    "Where was I a hundred days ago?": "2023-06-05 2023-06-06",
    "What did I do on the last day of May 2022?": "2022-05-31 2022-06-01",
    "What did I do on the first Monday of last month?": "2023-08-07 2023-08-08",
    "What did I do in the first three days of May?": "2023-05-01 2023-05-04",
    "Where was I in the final week of 2022?": "2022-12-25 2023-01-01",
    "What did I do in the second to last week of May 2022?": "2022-05-18 2022-05-25",
    "What did I do on the 5th of last month?": "2023-08-05 2023-08-06",
    "Where was I on the fifth of May?": "2023-05-05 2023-05-06",
    "What did I do Saturday of last weekend?": "2023-09-09 2023-09-10",
    "What did I do last Friday on 23 January, 2022?": "2022-01-23 2022-01-24",
    "What did Maria do last weekend before April 10, 2023?": "2023-04-08 2023-04-10",
    "What changed since March until May?": "2023-03-01 2023-06-01",
    "Where did I live after 2019 and before 2022?": "2020-01-01 2022-01-01",
    "Where have I lived from 2022 on?": f"2022-01-01 {EVER}",
    "Where have I lived from May 2022 onwards?": f"2022-05-01 {EVER}",
    "Wo war ich vom 3. bis 5. Mai 2023?": "2023-05-03 2023-05-06",
    "Wo wohne ich seit dem 7. Mai 2023?": f"2023-05-07 {EVER}",
    "Wo war ich bis 7. Mai 2023?": f"{EVER} 2023-05-08",
    "Où étais-je du 3 au 5 mai 2023 ?": "2023-05-03 2023-05-06",
    "Que s'est-il passé le 7 mai ?": "2023-05-07 2023-05-08",
    "Was war am 7. Mai?": "2023-05-07 2023-05-08",
    "Was war im Mai 2023?": "2023-05-01 2023-06-01",
    "Wat deed ik op 7 mei 2023?": "2023-05-07 2023-05-08",
    "Cosa ho fatto il 7 maggio 2023?": "2023-05-07 2023-05-08",
    "O que fiz em 7 de maio de 2023?": "2023-05-07 2023-05-08",
    "Que s'est-il passé le 05/06/2023 ?": "2023-06-05 2023-06-06",
    "¿Qué comí el 5/6/2023?": "2023-06-05 2023-06-06",
    "Cosa ho fatto il 6.5.2023?": "2023-05-06 2023-05-07",
    "Wer kam vom 05.06.2023 bis 07.06.2023?": "2023-06-05 2023-06-08",
    "What was on 7 May 2023 for two weeks?": "2023-05-07 2023-05-08",
    "Who did I meet more than two years ago?": f"{EVER} 2021-09-13T15",
    "What did I do less than a week ago?": "2023-09-06T15 2023-09-13T15",
    "What have I done earlier this week?": "2023-09-11 2023-09-13T15",
    "What did I say on Sunday, 7 May?": "2023-05-07 2023-05-08",
    "What did I do three weeks and two days ago?": "2023-08-21 2023-08-22",
    "What did I do 1 month 3 days ago?": "2023-08-10 2023-08-11",
    "What did I do two years, three months and five days ago?": "2021-06-08 2021-06-09",
    "What did I do a year and a half ago?": "2021-12-12T07 2022-06-12T22",
    "What did I do a year or so ago?": "2022-03-15 2023-03-15T05",
    "What did I do thirty-one days ago?": "2023-08-13 2023-08-14",
    "What did I do forty two days ago?": "2023-08-02 2023-08-03",
    "What did I do a dozen days ago?": "2023-09-01 2023-09-02",
    "What did I do two winters ago?": "2021-12-01 2022-03-01",
    "What did I do three Christmases ago?": "2020-12-24 2020-12-27",
    "What did I do two Mays ago?": "2022-05-01 2022-06-01",
    "What will I do two Fridays from now?": "2023-09-22 2023-09-23",
    "What is on two weeks from Monday?": "2023-10-02 2023-10-03",
    "What is on three days from tomorrow?": "2023-09-17 2023-09-18",
    "What is on a month from today?": "2023-10-13 2023-10-14",
    "What is on a week from today?": "2023-09-20 2023-09-21",
    "What is on two weeks from next Tuesday?": "2023-10-03 2023-10-04",
    "What is on the day after tomorrow?": "2023-09-15 2023-09-16",
    "What is on the Friday after next?": "2023-09-22 2023-09-23",
    "Where was I the summer before last?": "2022-06-01 2022-09-01",
    "Where was I the weekend before last?": "2023-09-02 2023-09-04",
    "Where was I the night before last?": "2023-09-11T18 2023-09-12T06",
    "Where was I the year before last?": "2021-01-01 2022-01-01",
    "Where was I the Christmas before last?": "2021-12-24 2021-12-27",
    "Who called Monday last week?": "2023-09-04 2023-09-05",
    "Who called on Monday of the week before last?": "2023-08-28 2023-08-29",
    "Who called last week on Monday?": "2023-09-04 2023-09-05",
    "Who called last week, on Monday?": "2023-09-04 2023-09-05",
    "Who called last Monday morning?": "2023-09-11T05 2023-09-11T12",
    "Who calls next Friday at noon?": "2023-09-15T12 2023-09-15T13",
    "Who called on 7 May 2023 at 14:30?": "2023-05-07T14 2023-05-07T15",
    "Who called on 2023-05-07 at 9:15 pm?": "2023-05-07T21 2023-05-07T22",
    "Who called in the morning of 7 May 2023?": "2023-05-07T05 2023-05-07T12",
    "Who called on the evening of 7 July, 2023?": "2023-07-07T17 2023-07-08",
    "What did I eat on Christmas Eve 2021?": "2021-12-24 2021-12-25",
    "What did I eat on Christmas Eve last year?": "2022-12-24 2022-12-25",
    "What did I earn in Q3 of last year?": "2022-07-01 2022-10-01",
    "What did I earn in the third quarter of last year?": "2022-07-01 2022-10-01",
    "What did I earn in Q2?": "2023-04-01 2023-07-01",
    "What did I earn in 2023 Q1?": "2023-01-01 2023-04-01",
    "What did I earn in H2 of 2021?": "2021-07-01 2022-01-01",
    "What did I earn in H2 last year?": "2022-07-01 2023-01-01",
    "What did I earn in the second half of last year?": "2022-07-02T12 2023-01-01",
    "What did I do in early May 2022?": "2022-05-01 2022-05-11T08",
    "What did I do in late May?": "2023-05-21T16 2023-06-01",
    "What did I do in mid 2022?": "2022-05-02T16 2022-09-01T08",
    "What did I do in mid-2022?": "2022-05-02T16 2022-09-01T08",
    "What did I do in mid to late June 2022?": "2022-06-11 2022-07-01",
    "What did I do at the beginning of last month?": "2023-08-01 2023-08-11T08",
    "What did I do in the middle of last year?": "2022-05-02T16 2022-09-01T08",
    "What did I do at the start of the week?": "2023-09-11 2023-09-13T08",
    "What did I do at the end of last month?": "2023-08-21T16 2023-09-01",
    "What did I do towards the end of May 2022?": "2022-05-21T16 2022-06-01",
    "What did I do at the end of the first week of May 2022?": "2022-05-05T16 2022-05-08",
    "What did I do in the first week of last month?": "2023-08-01 2023-08-08",
    "What did I do in the last week of the month?": "2023-08-25 2023-09-01",
    "What did I do in the first week of the year?": "2023-01-02 2023-01-09",
    "What did I do in the last two weeks of 2022?": "2022-12-18 2023-01-01",
    "What did I do in the 23rd week of 2023?": "2023-06-05 2023-06-12",
    "What did I do on the 100th day of 2023?": "2023-04-10 2023-04-11",
    "What did I do in the third week of last September?": "2022-09-15 2022-09-22",
    "What did I do on the second Friday of March 2023?": "2023-03-10 2023-03-11",
    "What did I do on the second Tuesday in June?": "2023-06-13 2023-06-14",
    "What did I do on the Monday after Easter 2023?": "2023-04-10 2023-04-11",
    "What did I do two Fridays before Christmas 2022?": "2022-12-16 2022-12-17",
    "What did I do on the second weekend after Easter 2023?": "2023-04-22 2023-04-24",
    "What did I do the week after last Christmas?": "2022-12-27 2023-01-03",
    "What did I do the month before last May?": "2023-04-01 2023-05-01",
    "What did I do the year before 2022?": "2021-01-01 2022-01-01",
    "What did I do the month after May 2022?": "2022-06-01 2022-07-01",
    "What did I do two months before May 2022?": "2022-03-01 2022-04-01",
    "What did I do two months after May 2022?": "2022-07-01 2022-08-01",
    "What did I do the week of 8 May?": "2023-05-08 2023-05-15",
    "What did I do in the month of May?": "2023-05-01 2023-06-01",
    "What did I do in the weekend of 13 May 2023?": "2023-05-13 2023-05-15",
    "What did I do in May of last year?": "2022-05-01 2022-06-01",
    "What did I do on 7 May last year?": "2022-05-07 2022-05-08",
    "What did I do on the 7th of May last year?": "2022-05-07 2022-05-08",
    "What did I do last year on 7 May?": "2022-05-07 2022-05-08",
    "What did I do in the summer of last year?": "2022-06-01 2022-09-01",
    "What did I do in the summer last year?": "2022-06-01 2022-09-01",
    "What did I do the summer of '69?": "1969-06-01 1969-09-01",
    "What did I do in the spring of 1998?": "1998-03-01 1998-06-01",
    "What did I do in '98?": "1998-01-01 1999-01-01",
    "What did I do on May 7, '23?": "2023-05-07 2023-05-08",
    "What did I do on 7/5/23?": "2023-07-05 2023-07-06",
    "What did I do on 12/31/99?": "1999-12-31 2000-01-01",
    "What did I do since 20230508?": f"2023-05-08 {EVER}",
    "What did I do on 31.12.2022?": "2022-12-31 2023-01-01",
    "What did I do on 31. 12. 2022?": "2022-12-31 2023-01-01",
    "What did I do between 1.2.2023 and 3.4.2023?": "2023-02-01 2023-04-04",
    "What did I do from 1.2. to 3.4.2023?": "2023-02-01 2023-04-04",
    "What did I do in 05/2023?": "2023-05-01 2023-06-01",
    "What did I do in 2023-05?": "2023-05-01 2023-06-01",
    "What did I do in 5.2023?": "2023-05-01 2023-06-01",
    "What did I do in 2023-W23?": "2023-06-05 2023-06-12",
    "What did I do in KW 23?": "2023-06-05 2023-06-12",
    "Was war in KW 23 2023?": "2023-06-05 2023-06-12",
    "What did I do on 2023/05/07?": "2023-05-07 2023-05-08",
    "What did I do on 2023.05.07?": "2023-05-07 2023-05-08",
    "What did I do on 07-05-2023?": "2023-07-05 2023-07-06",
    "What did I do on the 31st?": "2023-08-31 2023-09-01",
    "What did I do on the 5th and 6th of May?": "2023-05-05 2023-05-07",
    "What did I do on 5 and 6 May 2023?": "2023-05-05 2023-05-07",
    "What did I do on May 5 and 6?": "2023-05-05 2023-05-07",
    "What did I do from May 5th to 9th?": "2023-05-05 2023-05-10",
    "What did I do from the 3rd to the 5th?": "2023-09-03 2023-09-06",
    "What did I do between Monday and Wednesday?": "2023-09-04 2023-09-07",
    "What did I do from Monday to Wednesday last week?": "2023-09-04 2023-09-07",
    "What did I do between last Monday and yesterday?": "2023-09-11 2023-09-13",
    "What did I do between 2 and 4 weeks ago?": "2023-08-13T03 2023-09-03T03",
    "What did I do between two weeks ago and yesterday?": "2023-08-27T03 2023-09-13",
    "What did I do between May and June of last year?": "2022-05-01 2022-07-01",
    "What did I do from May 2022 to March 2023?": "2022-05-01 2023-04-01",
    "Where did I live 2019-2021?": "2019-01-01 2022-01-01",
    "Where did I live between 2019 and 2021?": "2019-01-01 2022-01-01",
    "Where did I live from 2019 until May 2021?": "2019-01-01 2021-06-01",
    "What did I do until the end of last month?": f"{EVER} 2023-09-01",
    "What did I do since the beginning of the year?": f"2023-01-01 {EVER}",
    "What did I do since last Monday?": f"2023-09-11 {EVER}",
    "What must I do by the end of next week?": f"{EVER} 2023-09-25",
    "What must I do before the 20th?": f"{EVER} 2023-09-20",
    "What must I do in two weeks and three days?": "2023-09-30 2023-10-01",
    "What will I do in two weeks' time?": "2023-09-24T03 2023-10-01T03",
    "What did I do in the past year and a half?": "2022-03-13T15 2023-09-13T15",
    "What did I do in the last couple of months?": "2023-07-13T15 2023-09-13T15",
    "What did I do over the past few days?": "2023-09-10T15 2023-09-13T15",
    "What did I do in the last 24 hours?": "2023-09-12T15 2023-09-13T15",
    "What did I do last fortnight?": "2023-08-30T15 2023-09-13T15",
    "What did I do over a year ago?": "2021-09-13T15 2022-09-13T15",
    "What did I do almost two years ago?": "2021-03-15 2022-03-15T05",
    "What did I do about three weeks ago?": "2023-08-20T03 2023-08-27T03",
    "What is on later this month?": "2023-09-13T15 2023-10-01",
    "What did I do at this time last week?": "2023-09-06 2023-09-07",
    "What did I do around this time last month?": "2023-08-10T03 2023-08-17T03",
    "What did I do same time next year?": "2024-08-29T09 2024-09-28T20",
    "What did I do at Easter last year?": "2022-04-15 2022-04-19",
    "What did I do on New Year's Day 2022?": "2022-01-01 2022-01-02",
    "What did I do Friday the 13th?": "2023-01-13 2023-01-14",
    "What did I do on Friday 13 May 2022?": "2022-05-13 2022-05-14",
    "What did I do on Sunday morning last week?": "2023-09-10T05 2023-09-10T12",
    "What did I do on the weekend of last week?": "2023-09-09 2023-09-11",
    "What did we do last year's summer?": "2022-06-01 2022-09-01",
    "What was last night's dinner?": "2023-09-12T18 2023-09-13T06",
    "What was for lunch yesterday?": "2023-09-12 2023-09-13",
    "What did I do a week after 7 May 2023?": "2023-05-08 2023-05-15",
    "What did I do 10 days after last Christmas?": "2023-01-05 2023-01-06",
    "What did I do three days before the end of May 2022?": "2022-05-28 2022-05-29",
    "What did I do the day before the day before yesterday?": "2023-09-10 2023-09-11",
    "What did I do the Monday after Easter 2023?": "2023-04-10 2023-04-11",
    "What did I do the Friday before Easter 2023?": "2023-04-07 2023-04-08",
    "What did I do on the Monday after Christmas 2022?": "2022-12-26 2022-12-27",
    "What did I do two years before 2022?": "2020-01-01 2021-01-01",
    "What did I do on Wednesday the 6th?": "2023-09-06 2023-09-07",
    "What did I do before the end of May 2022?": f"{EVER} 2022-05-31",
    "What did I do after the end of May 2022?": f"2022-06-01 {EVER}",
    "What did I do two months before 31 May 2023?": "2023-03-15T18 2023-04-15T05",
    "What did I do 2 1/2 years ago?": "2020-12-12T07 2021-06-12T22",
    "What did I do 3½ years ago?": "2019-12-13T07 2020-06-12T22",
    "What did I do on Tuesday of week 23 of 2023?": "2023-06-06 2023-06-07",
    "What did I do on the 5th next month?": "2023-10-05 2023-10-06",
    "What will I do next month on the 5th?": "2023-10-05 2023-10-06",
    "Cosa ho fatto l'8 maggio 2023?": "2023-05-08 2023-05-09",
    "O que fiz em 1º de maio de 2023?": "2023-05-01 2023-05-02",
    "Qu'ai-je fait le 1er mai 2023 ?": "2023-05-01 2023-05-02",
    "¿Qué hice el 7 de mayo del 2023?": "2023-05-07 2023-05-08",
    "¿Qué hice del 3 al 5 de mayo de 2023?": "2023-05-03 2023-05-06",
    "Cosa ho fatto dal 3 al 5 maggio 2023?": "2023-05-03 2023-05-06",
    "Wat deed ik van 3 tot 5 mei 2023?": "2023-05-03 2023-05-06",
    "O que fiz de 3 a 5 de maio de 2023?": "2023-05-03 2023-05-06",
    "Was habe ich am 3. April 2023 gemacht?": "2023-04-03 2023-04-04",
    "Was war am Sonntag, dem 7. Mai 2023?": "2023-05-07 2023-05-08",
    "Was war im Januar 2022?": "2022-01-01 2022-02-01",
    "¿Qué hice en mayo de 2022?": "2022-05-01 2022-06-01",
    "Qu'ai-je fait en août 2022 ?": "2022-08-01 2022-09-01",
    "Wat deed ik in maart 2022?": "2022-03-01 2022-04-01",
    "Cosa ho fatto a giugno 2022?": "2022-06-01 2022-07-01",
    "O que fiz em março de 2022?": "2022-03-01 2022-04-01",
    "Was war am 5. Jan. 2023?": "2023-01-05 2023-01-06",
    "Was war vor dem 7.5.2023?": f"{EVER} 2023-05-07",
    "Was war nach dem 7.5.2023?": f"2023-05-08 {EVER}",
    "Wat deed ik sinds 7 mei 2023?": f"2023-05-07 {EVER}",
    "Qu'ai-je fait depuis le 7 mai 2023 ?": f"2023-05-07 {EVER}",
    "¿Qué hice desde el 7 de mayo de 2023?": f"2023-05-07 {EVER}",
    "Qu'ai-je fait avant le 7 mai 2023 ?": f"{EVER} 2023-05-07",
    "Wat deed ik op 07-05-2023?": "2023-05-07 2023-05-08",
    "Was war am 31.12.99?": "1999-12-31 2000-01-01",
    "Was war am 24.12.?": "2022-12-24 2022-12-25",
    "Was mache ich am 24.12.?": "2022-12-24 2022-12-25",
    "Que hice el 6.5.2023": "2023-05-06 2023-05-07",
    "Qu'ai-je fait le 06.05.2023 ?": "2023-05-06 2023-05-07",
    "Wat deed ik op 6.5.2023?": "2023-05-06 2023-05-07",
    "O que fiz em 06.05.2023?": "2023-05-06 2023-05-07",
    "Was war am 7. Mai 2023 um 14:30?": "2023-05-07 2023-05-08",
    "Was war Ende Mai 2023?": "2023-05-21T16 2023-06-01",
    "Was war Anfang April 2023?": "2023-04-01 2023-04-11",
    "Qu'ai-je fait mi-mai 2023 ?": "2023-05-11T08 2023-05-21T16",
    "¿Qué hice a mediados de mayo de 2023?": "2023-05-11T08 2023-05-21T16",
    "Wat deed ik eind mei 2023?": "2023-05-21T16 2023-06-01",
    "Where was I on the first day of spring 2022?": "2022-03-01 2022-03-02",
    "Where was I on the first of May?": "2023-05-01 2023-05-02",
    "What did I do on May the first?": "2023-05-01 2023-05-02",
    "What did I do on the twenty-first of June 2022?": "2022-06-21 2022-06-22",
    "What did I do last weekend in May?": "2023-05-27 2023-05-29",
    "What did I do on the last weekend in May?": "2023-05-27 2023-05-29",
    "What did I do in the week ending 7 May 2023?": "2023-05-01 2023-05-08",
    "What did I do in the week beginning 8 May 2023?": "2023-05-08 2023-05-15",
    "What did I do on weekends in May 2022?": "2022-05-01 2022-06-01",
    "What did I do on Mondays in May 2022?": "2022-05-01 2022-06-01",
    "What did I do every day in May 2022?": "2022-05-01 2022-06-01",
    "How many days did I work in May 2022?": "2022-05-01 2022-06-01",
    "What was the hottest day of 2022?": "2022-01-01 2023-01-01",
    "What was my favourite week of last year?": "2022-01-01 2023-01-01",
    "How did I spend two weeks in May 2022?": "2022-05-01 2022-06-01",
    "Was I ill for 3 days last week?": "2023-09-04 2023-09-11",
    "How many days after 7 May 2023 did she call?": f"2023-05-08 {EVER}",
    "What did I do the 3rd of May 2022 in the evening?": "2022-05-03T17 2022-05-04",
    "What did I do early yesterday?": "2023-09-12 2023-09-13",
    "What did I do late on Friday?": "2023-09-08 2023-09-09",
    "What did I do late last night?": "2023-09-12T18 2023-09-13T06",
    "What did I do early in May?": "2023-05-01 2023-05-11T08",
    "What did I do at the very end of May 2022?": "2022-05-21T16 2022-06-01",
    "What did I do in the latter half of 2022?": "2022-07-02T12 2023-01-01",
    "What did I do at the tail end of May 2022?": "2022-05-21T16 2022-06-01",
    "What did I do in the third week of the month before last?": "2023-07-15 2023-07-22",
    "What did I do around 7 May 2023?": "2023-05-07 2023-05-08",
    "What did I do as of May 2022?": "2022-05-01 2022-06-01",
    "What did I do within the last 3 days?": "2023-09-10T15 2023-09-13T15",
    "What did I do during the past two and a half weeks?": "2023-08-27T03 2023-09-13T15",
    "What will I do in a day or two?": "2023-09-14 2023-09-16",
    "What did I do in the previous three months?": "2023-06-13T15 2023-09-13T15",
    "What will happen in the coming two weeks?": "2023-09-13T15 2023-09-27T15",
    "What will happen the coming Friday?": "2023-09-15 2023-09-16",
    "What did I do on 7 May at noon?": "2023-05-07T12 2023-05-07T13",
    "What did I do on the night of 7 May 2023?": "2023-05-07T18 2023-05-08T06",
    "What did I do Tuesday night?": "2023-09-12T18 2023-09-13T06",
    "What did I do on Tuesday, last week?": "2023-09-05 2023-09-06",
    "What did I do 2 years ago in May?": "2021-05-01 2021-06-01",
    "What did I do two months ago on the 5th?": "2023-07-05 2023-07-06",
    "What did I do two weeks ago on Friday?": "2023-09-01 2023-09-02",
    "What did I do on Friday two weeks ago?": "2023-09-01 2023-09-02",
    "What did I do two years ago today?": "2021-03-15 2022-03-15T05",
    "What did I do in the summer two years ago?": "2021-06-01 2021-09-01",
    "What did I do a week ago last Friday?": "2023-09-01 2023-09-02",
    "What did I do from 2023-05-07 to 2023-06-08?": "2023-05-07 2023-06-09",
    "What did I do 2023-05-07 to 2023-06-08?": "2023-05-07 2023-06-09",
    "What did I do between 5/7 and 5/9?": "2023-05-07 2023-05-10",
    "What did I do from 20230508 to 20230510?": "2023-05-08 2023-05-11",
    "three and a half months ago": "2023-05-21T19 2023-06-06",
    "a year, two months and a day ago": "2022-07-12 2022-07-13",
    "two years, one month ago": "2021-07-29T09 2021-08-28T20",
    "What did I buy on the first of last month?": "2023-08-01 2023-08-02",
    "What did I do a year ago in May?": "2022-05-01 2022-06-01",
    "Who visited a year and a day ago?": "2022-09-12 2022-09-13",
    "Who visited a month and a half ago?": "2023-07-21T19 2023-08-06",
    "Who visited one year and six months ago?": "2022-02-26T09 2022-03-28T20",
    "Who visited 1 year, 6 months ago?": "2022-02-26T09 2022-03-28T20",
    "Who visited 18 months ago?": "2022-02-26T09 2022-03-28T20",
    "Who visited two days and three hours ago?": "2023-09-11T11 2023-09-11T12",
    "Who visited a few weeks back?": "2023-08-16T15 2023-08-30T15",
    "Who visited ten summers ago?": "2014-06-01 2014-09-01",
    "Who visited the penultimate week of May 2022?": "2022-05-18 2022-05-25",
    "Who visited the day before last?": "2023-09-11 2023-09-12",
    "Who visited three Mondays before Christmas 2022?": "2022-12-05 2022-12-06",
    "Who visits Monday after next?": "2023-09-25 2023-09-26",
    "Who visits the Monday after next?": "2023-09-25 2023-09-26",
    "Who visits a fortnight from Tuesday?": "2023-10-03 2023-10-04",
    "Who visits three weeks from yesterday?": "2023-10-03 2023-10-04",
    "Who visited in the month of August last year?": "2022-08-01 2022-09-01",
    "Who visited in August the year before last?": "2021-08-01 2021-09-01",
    "Who visited in the 3rd quarter of 2022?": "2022-07-01 2022-10-01",
    "Who visited in the 2nd half of May?": "2023-05-16T12 2023-06-01",
    "Who visited on the weekend before last?": "2023-09-02 2023-09-04",
    "Who visited at the weekend?": "2023-09-09 2023-09-11",
    "Who visited on May 5th through 7th?": "2023-05-05 2023-05-08",
    "Who visited May 5 through June 3?": "2023-05-05 2023-06-04",
    "Who visited between 5 and 7 days ago?": "2023-09-06 2023-09-09",
    "Who visited in 2022-2023?": "2022-01-01 2024-01-01",
    "Who visited in the winter of 2022/23?": "2022-12-01 2023-03-01",
    "Who visited during 2022/2023?": "2022-01-01 2024-01-01",
    "Who visited in January - March 2022?": "2022-01-01 2022-04-01",
    "Who visited Jan 2022 to Mar 2022?": "2022-01-01 2022-04-01",
    "Who visited in early to mid May 2022?": "2022-05-01 2022-05-21T16",
    "Who visited around mid-August 2022?": "2022-08-11T08 2022-08-21T16",
    "Who visited as early as May 2022?": "2022-05-01 2022-06-01",
    "Who visited 07.05.2023 14:30?": "2023-05-07T14 2023-05-07T15",
    "Who visited on 7.5.23?": "2023-05-07 2023-05-08",
    "Who visited on 1.1.?": "2023-01-01 2023-01-02",
    "Who visited on 01.02.2023?": "2023-02-01 2023-02-02",
    "Who visited on 1. 2. 2023?": "2023-02-01 2023-02-02",
    "Who visited on 1.2.?": "2023-02-01 2023-02-02",
    "Who visited on 29.02.2024?": "2024-02-29 2024-03-01",
    "Who visited on 2024.02.29?": "2024-02-29 2024-03-01",
    "Who visited on 20240229?": "2024-02-29 2024-03-01",
    "Who visited on 2023-5-8?": "2023-05-08 2023-05-09",
    "Who visited on 2023 May 8?": "2023-05-08 2023-05-09",
    "Who visited on 8-May-2023?": "2023-05-08 2023-05-09",
    "Who visited on 8 May, 2023?": "2023-05-08 2023-05-09",
    "Who visited on May 8 of last year?": "2022-05-08 2022-05-09",
    "Who visited on the 8th of the month?": "2023-09-08 2023-09-09",
    "Who visited on the 8th of this month?": "2023-09-08 2023-09-09",
    "Who visited Wednesday?": "2023-09-06 2023-09-07",
    "Who visited on Tue?": "2023-09-12 2023-09-13",
    "Who visited on Tuesday in week 23 of 2023?": "2023-06-06 2023-06-07",
    "Who visited on Tuesday the week before last?": "2023-08-29 2023-08-30",
    "Who visited on the Tuesday three weeks ago?": "2023-08-22 2023-08-23",
    "Who visited on the Tuesday before Christmas?": "2022-12-20 2022-12-21",
    "Who visited on the last Sunday of last month?": "2023-08-27 2023-08-28",
    "Who visited on the last Sunday of the year?": "2023-12-31 2024-01-01",
    "Who visited on the first day of last week?": "2023-09-04 2023-09-05",
    "Who visited the first day of the year before last?": "2021-01-01 2021-01-02",
    "Who visited since the week before last?": f"2023-08-28 {EVER}",
    "Who visited until the day before yesterday?": f"{EVER} 2023-09-12",
    "Who visited since 3 weeks and 2 days ago?": f"2023-08-21 {EVER}",
    "Who visited by the end of Q2 2023?": f"{EVER} 2023-07-01",
    "Who visited between Q1 2022 and Q3 2022?": "2022-01-01 2022-10-01",
    "Who visited from H2 2021 to H1 2022?": "2021-07-01 2022-07-01",
    "Who visited after the first week of May 2022?": f"2022-05-08 {EVER}",
    "Who visited before last Christmas?": f"{EVER} 2022-12-24",
    "Who visited after last week Tuesday?": f"2023-09-06 {EVER}",
    "Who visited on the 2nd Sunday after Easter 2022?": "2022-05-01 2022-05-02",
    "Who visited on Easter Monday 2022?": "2022-04-18 2022-04-19",
    "Who visited on Easter Sunday 2022?": "2022-04-17 2022-04-18",
    "Who visited on Good Friday 2022?": "2022-04-15 2022-04-16",
    "Who visited on New Year's Eve two years ago?": "2021-12-31 2022-01-01",
    "Who visited on Thanksgiving last year?": "2022-11-24 2022-11-25",
    "Who visited this day last year?": "2022-09-13 2022-09-14",
    "Who visited on this date last year?": "2022-09-13 2022-09-14",
    "Who visited on the same day last week?": "2023-09-06 2023-09-07",
    "Who visited exactly two weeks ago?": "2023-08-27T03 2023-09-03T03",
    "Who visited just over two weeks ago?": "2023-08-16T15 2023-08-30T15",
    "Who visited at least two weeks ago?": f"{EVER} 2023-08-30T15",
    "Who visited no more than two weeks ago?": "2023-08-30T15 2023-09-13T15",
    "Who visited for the first time last week?": "2023-09-04 2023-09-11",
    "Who visited twice last week?": "2023-09-04 2023-09-11",
    "Who visited the most in the last six months?": "2023-03-13T15 2023-09-13T15",
    "Who visited in the six months before May 2022?": "2021-11-01 2022-05-01",
    "Who visited in the two weeks after Christmas 2022?": "2022-12-27 2023-01-10",
    "Who visited during the first quarter of last year?": "2022-01-01 2022-04-01",
    "Who visited ten days before last Tuesday?": "2023-09-02 2023-09-03",
    "Who visited the day after last Tuesday?": "2023-09-13 2023-09-14",
    "Who visited the Friday of last week?": "2023-09-08 2023-09-09",
    "Who visited on the Friday of the last week of May 2022?": "2022-05-27 2022-05-28",
    "What did I do on the 3rd of June, 2022, at 5 pm?": "2022-06-03T17 2022-06-03T18",
    "Which film did I see five or six weeks ago?": "2023-07-30T03 2023-08-13T03",
    "Which film did I see half a dozen days ago?": "2023-09-07 2023-09-08",
    "Which film did I see roughly three months ago?": "2023-05-29T09 2023-06-28T20",
    "Which film did I see on the 2nd to last day of May 2022?": "2022-05-30 2022-05-31",
    "Which film did I see during week 5 of last year?": "2022-01-31 2022-02-07",
    "Which film did I see in the second week of 2023?": "2023-01-09 2023-01-16",
    "Which film did I see in the week of 5.6.2023?": "2023-06-05 2023-06-12",
    "Which film did I see two days after 5.6.2023?": "2023-06-07 2023-06-08",
    "Which film did I see since 5.6.2023?": f"2023-06-05 {EVER}",
    "Which film did I see before 5.6.?": f"{EVER} 2023-06-05",
    "Which film did I see until 05.06.23?": f"{EVER} 2023-06-06",
    "Which film did I see from 5.6. to 9.6.2023?": "2023-06-05 2023-06-10",
    "Welchen Film sah ich vom 5. bis zum 9. Juni 2023?": "2023-06-05 2023-06-10",
    "Welchen Film sah ich zwischen dem 5. und 9. Juni 2023?": "2023-06-05 2023-06-10",
    "Welchen Film sah ich zwischen dem 5. Juni und dem 9. Juli 2023?": "2023-06-05 2023-07-10",
    "Quel film ai-je vu entre le 5 et le 9 juin 2023 ?": "2023-06-05 2023-06-10",
    "¿Qué película vi entre el 5 y el 9 de junio de 2023?": "2023-06-05 2023-06-10",
    "Welchen Film sah ich Montag, 5. Juni 2023?": "2023-06-05 2023-06-06",
    "Which film did I see two nights ago?": "2023-09-11 2023-09-12",
    "Which film did I see at midnight last Friday?": "2023-09-08 2023-09-08T01",
    "Which film did I see before 9 am yesterday?": f"{EVER} 2023-09-12T09",
    "Which film did I see after 5 pm on Friday?": f"2023-09-08T18 {EVER}",
    "Which film did I see in the first five months of 2022?": "2022-01-01 2022-06-01",
    "Which film did I see in the last quarter?": "2023-04-01 2023-07-01",
    "Which film did I see in the previous quarter?": "2023-04-01 2023-07-01",
    "Which film did I see in the first half of last month?": "2023-08-01 2023-08-16T12",
    "Which film did I see in the mid 2010s?": "2013-05-02T08 2016-08-31T16",
    "Which film did I see in the late 1990s?": "1996-08-31T16 2000-01-01",
    "Which film did I see in summer?": "2023-06-01 2023-09-01",
    "Which film did I see last year around Christmas?": "2022-12-24 2022-12-27",
    "Which film did I see a week before Christmas?": "2022-12-17 2022-12-24",
    "Which film did I see a week before last Friday?": "2023-09-01 2023-09-08",
    "Which film did I see a week before next Friday?": "2023-09-08 2023-09-15",
    "Which film did I see the week before yesterday?": "2023-09-05 2023-09-12",
    "Which film did I see 2 weeks before today?": "2023-08-26T12 2023-09-02T12",
    "Which film did I see three days prior to 7 May 2023?": "2023-05-04 2023-05-05",
    "Which film did I see a year after May 2021?": "2021-06-01 2022-06-01",
    "Which film did I see ninety-nine days ago?": "2023-06-06 2023-06-07",
    "Which film did I see 1000 days ago?": "2020-12-17 2020-12-18",
    "Which film did I see two and half years ago?": "2020-12-12T07 2021-06-12T22",
    "Which film did I see two years and a half ago?": "2020-12-12T07 2021-06-12T22",
    "Which film did I see a year, a month ago?": "2022-07-29T09 2022-08-28T20",
}


@pytest.mark.parametrize(("question", "period"), PERIODS.items())
def test_a_question_names_the_period_a_reader_would_understand(question, period):
    """A date in a question, absolute or as seen from the reference, becomes the period that is meant; one of several
    pieces what all of them mean, and none that a part of it would mean."""
    assert [shown(moment) for moment in asked(question)] == [period]


SEVERAL = {
    "What did I do in May and June 2022?": ["2022-05-01 2022-06-01", "2022-06-01 2022-07-01"],
    "Who called on Monday and Tuesday of last week?": ["2023-09-04 2023-09-05", "2023-09-05 2023-09-06"],
    "Was war am 1. Januar 2022 und am 2. Februar 2023?": ["2022-01-01 2022-01-02", "2023-02-02 2023-02-03"],
    "What did I earn in Q1 and Q2 2023?": ["2023-01-01 2023-04-01", "2023-04-01 2023-07-01"],
    "What did I do on 1.2.2023 and 3.4.2023?": ["2023-02-01 2023-02-02", "2023-04-03 2023-04-04"],
    "What did I say last week about Friday?": ["2023-09-04 2023-09-11", "2023-09-08 2023-09-09"],
    "Was war am 1. Mai und am 3. Juni 2022?": ["2023-05-01 2023-05-02", "2022-06-03 2022-06-04"],
    "What did I do on Thursday or Friday?": ["2023-09-07 2023-09-08", "2023-09-08 2023-09-09"],
    "What did I do in May, June and July 2022?": [
        "2022-05-01 2022-06-01",
        "2022-06-01 2022-07-01",
        "2022-07-01 2022-08-01",
    ],
    "What did I do in 2021 and 2022?": ["2021-01-01 2022-01-01", "2022-01-01 2023-01-01"],
    "What did I do on 3 May 2022 or 4 June?": ["2022-05-03 2022-05-04", "2022-06-04 2022-06-05"],
    "What did I do last summer and last winter?": ["2023-06-01 2023-09-01", "2022-12-01 2023-03-01"],
    "What did I do yesterday and today?": ["2023-09-12 2023-09-13", "2023-09-13 2023-09-14"],
    "What did I do on 1/5/2023 and 2/5/2023?": ["2023-01-05 2023-01-06", "2023-02-05 2023-02-06"],
    "What did I do on 2023-05-07 and 2023-06-08?": ["2023-05-07 2023-05-08", "2023-06-08 2023-06-09"],
    "Who visited in the summer of 2022 or 2023?": ["2022-06-01 2022-09-01", "2023-06-01 2023-09-01"],
    "Who visited on 7.5. and 8.5.2023?": ["2023-05-07 2023-05-08", "2023-05-08 2023-05-09"],
    "Who visited in May of this year and May of last year?": ["2023-05-01 2023-06-01", "2022-05-01 2022-06-01"],
    "Who visited in mid May or late June 2022?": ["2022-05-11T08 2022-05-21T16", "2022-06-21 2022-07-01"],
    "Which film did I see in the summer of 2021 and 2022?": ["2021-06-01 2021-09-01", "2022-06-01 2022-09-01"],
    "Which film did I see in May or June last year?": ["2022-05-01 2022-06-01", "2022-06-01 2022-07-01"],
}


@pytest.mark.parametrize(("question", "named"), SEVERAL.items())
def test_dates_in_a_list_share_what_is_said_once(question, named):
    """In "May and June 2022" the year belongs to both; dates that stand apart are read apart."""
    assert [shown(moment) for moment in asked(question)] == named


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
What is the 3.11.2 changelog about? | Which version is 1.2.2023? | Is version 5.6.2024 out? | Does it run on 3.11.12?
What changed in release 24.04.1? | Which host is 10.0.0.1? | Who owns 192.168.2.20? | What is at 127.0.0.1:8000?
How much is 12.50? | What costs 5.6.? | What is ticket 20230508? | What is order number 20230508?
What is the status of 20230508? | Call 20230508 | Is my account 20200101? | What is the id 20240101?
Which commit is 20230508a? | What is 555-2023? | Who scored 12/15? | Who won 3-2? | What is 50/50?
What is an 8/10 rating? | Does Q1 of the exam matter? | What is the answer to Q3? | Is H2 a header?
Where is the H2 database? | Does he play H1 on the board? | What is week 3 of the course about?
What did I learn in week 2? | How far along am I in week 23? | Who comes every other week?
What do I do every second Friday? | Do I work weekdays? | What do I do at 9 am? | What is my morning routine?
What do I drink in the morning? | Do I sleep at night? | What do I eat at noon? | What is the half life of iodine?
Who lives on 5th Avenue? | Who sits in the second row? | Who lives on 42nd street? | Who wrote the fifth element?
Who may call on me? | What march did they play? | What mars mission was it? | Did he fall for her? | Is June a friend?
What does April say in the morning? | Who is Summer? | Who is Autumn Reeser? | Who is Augustus Gloop? | Where is Mai?
Who is Juni Cortez? | What was the last straw? | Who was the last one? | Who is next? | What comes next?
What did the previous owner say? | Which was the first half of the match like? | Who scored in the second half?
What's the third quarter score? | How long is a fortnight? | How many days are in a month?
How many hours are there in a week? | What is a month? | Is a week enough? | How long is 2 weeks and 3 days?
Do I need 3 to 5 days? | How many weeks does it take? | Does it take two and a half hours? | What takes 3-4 weeks?
How old is the 3 month old baby? | Is she 2 years and 1 month old? | What is a 5 year plan? | Who has a 30 day trial?
Is the one year warranty valid? | What is the end of the story? | What was at the end of the road?
What is the beginning of the book? | Who is in early childhood? | What is late stage capitalism?
What is the mid range phone? | Who's the early bird? | Is it too late? | What is back then like? | Is the week over?
What is the day after? | What is the night before? | What about the week before? | What was the month before like?
What happened three days later? | What happened the following week? | What happened earlier?
What did I say earlier that day? | What happened the same week? | What happened on that Tuesday?
What happened in that month? | What happened on the Tuesday of that week? | What happened on the 5th of that month?
What happened in the second week of that month? | What does 24/7 mean? | What is 7-Eleven? | Did I see Apollo 13?
What is Area 51? | What is Formula 1? | Who is the May Queen? | Who won the March 2 Hare race?
Do we have Monday blues? | Who sings Friday I'm in Love? | Is Good Friday a holiday?
Did I watch Saturday Night Fever? | Do I get Sunday Times? | What's Black Friday?
Which Casual Friday shirt do I own? | What is summer camp? | What is the winter coat made of?
What is the spring in the mattress? | What is the fall line? | Where are the Falls? | What's Easter Island?
Who is Noel Christmas? | Is 1999 a song by Prince? | Who reads 1984? | What is 2001 about? | Do I have 2020 vision?
Who lives at 1600 Pennsylvania? | Which bus is the 2020? | What is my PIN 1999? | What is 2000 times 3?
Did I buy a 2019 Toyota? | Did it cost 20 to 30 euros? | Who is 20 to 30 years old? | What is from 3 to 5 years?
What lasts between two and three weeks? | What lies between May and Anna? | What about us from now on?
What should I do from time to time? | What is the question of the day? | What is the word of the week?
Who is man of the year? | Who is employee of the month? | What is the time of the month? | What is one of a kind?
Wann war die Hochzeit? | Was mag ich am liebsten? | Was habe ich vor zwei Wochen gemacht?
Was war vor 2 Monaten und 3 Tagen? | Que s'est-il passé il y a deux semaines ? | ¿Qué pasó hace dos semanas?
Wer hat 5.6 Punkte? | Kostet es 5.60? | Ist es Version 5.6.? | Wie heißt Mai? | Where is order 20230508?
What did I take at 9 am? | What runs on 3.11.12? | What did I do on 20231301? | What did I do on 20230230?
What is in file 20230508? | What was the invoice from 20230508? | Where is invoice 20230508?
Who has phone number 20230508? | What did I do in w23? | What did I do in week 23?
"""


@pytest.mark.parametrize("question", questions(NO_DATES))
def test_a_question_without_a_date_names_none(question):
    """Words and numbers that look like dates are left alone where a reader would not take them for one."""
    assert asked(question) == ()


NOT_WHOLE = """
Quel film ai-je vu trois jours après le 5 juin 2023 ? | ¿Qué película vi dos semanas antes del 5 de junio de 2023?
Che film ho visto due giorni dopo il 5 giugno 2023? | Welke film zag ik twee weken voor 5 juni 2023?
Que filme vi dois dias depois de 5 de junho de 2023? | Welchen Film sah ich in der ersten Woche im Juni 2023?
Quel film ai-je vu la première semaine de juin 2023 ? | Which film did I see 3 days earlier than 7 May 2023?
Which film did I see two days less than a month ago?
Who visited weeks ago? | Who visited last-but-one week? | Who visited on the eve of Christmas 2022?
Who visits 10 days from 7 May 2023? | Who visited in the fourth quarter? | Who visited in the last third of 2022?
Who visited in the winter of 2022-23? | Who visited in Jan/Feb 2022? | Who visited on 7.13.23?
Who visited on 20.13.2023? | Who visited on 29.02.2023? | Who visited on 20230229? | Who visited on wed?
Who visited a year ago this week? | Who visited in the spring semester of 2022? | Who visited Friday week?
Who visited Friday fortnight?
Was war zwei Wochen vor dem 7. Mai 2023? | What did I do every other Friday? | What will I do Monday week?
What did I do on Friday at Christmas? | What did I do on Tuesday of that week? | What did I do on 5.13.2023?
What did I do around Christmas time? | What did I do the eve of 7 May 2023?
What did I do two moons and three days ago? | What did I do a month to the day before yesterday?
What did I do 2,5 years ago? | What did I do 1,500 days ago? | What did I do three quarters of a year ago?
What did I do two thirds of a year ago? | What will I do a week on Monday? | Zwei Wochen nach dem 7. Mai 2023?
Deux jours avant le 7 mai 2023 ? | Was war in der Woche vom 7. Mai 2023? | Was war im Mai?
What did I do at the close of 2022? | What will happen in the coming weeks? | What did I do in May 2 years ago?
What did I do three weeks ago yesterday? | What did I do one hundred twenty days ago?
What did I do two hundred days ago? | What did I do last summer but one? | Who came the last week but one?
Who came next to last Friday? | What did I do on 8 May 23? | What did I do in week twenty-three of 2023?
What did I do in weeks twenty to twenty-two of 2023? | Who came on day two of last week? | Who wrote part two of 2023?
"""


@pytest.mark.parametrize("question", questions(NOT_WHOLE))
def test_a_date_that_is_not_understood_as_a_whole_is_left(question):
    """Where only a part of a date is understood it names none: the part is another time than the one that is meant."""
    assert asked(question) == ()


EVENTS = {
    "What did I buy two weeks before the trip?": ("the trip", -17.5, -10.5),
    "What did we do the day after my birthday party, and who came?": ("my birthday party", 0.5, 1.5),
    "Three days after John's wedding, where were we?": ("john's wedding", 2.5, 3.5),
    "What have I learned since the move?": ("the move", 0, EVER),
    "What did she realise after the charity race?": ("the charity race", 0, 14),
    "Before our holiday did I buy boots?": ("our holiday", -14, 0),
    "What did I do 21 days before the race?": ("the race", -21.5, -20.5),
    "What did I do one and a half weeks before my wedding?": ("my wedding", -14, -7),
    "What did I do two days and 12 hours after the move?": ("the move", 2.5 - 1 / 48, 2.5 + 1 / 48),
    "When did he call after his trip in August?": ("his trip", 0, 14),
}


@pytest.mark.parametrize(("question", "event"), EVENTS.items())
def test_an_event_is_named_with_the_days_around_it(question, event):
    """Of "two weeks before the trip" come the words to find the trip by, and the days from it."""
    [moment] = [moment for moment in asked(question) if moment.anchor]
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


ZONES = [timezone(timedelta(hours=14)), timezone(-timedelta(hours=12)), ZoneInfo("Europe/Berlin"), UTC]
WORDS = """
may march sun the last next this first second week weekend month of in on since before after between and from to
7 31 12 2023 1999 0 th 29 february friday summer christmas easter ago days years 900 a few , . - / ' now
half end early mid q1 h2 5.6. 31.2.2023 20230230 before_last friday_the_13th 31st week_53 of_the_year 9_pm noon
twenty-one 2nd_to_last hundred and_a_half or_two earlier later time ago_today mai dezember vom bis le til back
hours minutes century
"""


@given(
    st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
@example("What happened last week, on Friday, a month ago, and in May?", datetime.min.replace(tzinfo=UTC), ZONES[0])
@example("What will happen next week, on Friday, in May, next year?", datetime.max.replace(tzinfo=UTC), ZONES[1])
@example("from 31 to 30 february 2023", NOW, UTC)
@example("two summers ago, 99 mays from now, the 31st, friday the 31st", datetime(3, 1, 1, tzinfo=UTC), UTC)
@example("at 2:30 am on 26 march 2023", NOW, ZoneInfo("Europe/Berlin"))
def test_any_text_at_any_time_is_understood_or_left(question, now, zone):
    """No question raises, whatever its reference, and every period found has a length and can be matched."""
    for moment in asked_moments(question.replace("_", " "), micros(now), zone):
        assert moment.end > moment.start
        assert min(moment.early, moment.late) > 0
        found = closeness((moment,), np.array([micros(now), moment.start]), {moment.anchor or "": 0}, micros(now))
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def match(moments, *days, anchors=None):
    """The closeness of memories at noon of the days given, or at the instants given."""
    instants = [micros(datetime.fromisoformat(f"{text}T12:00+00:00")) for text in days]
    return closeness(moments, np.array(instants, np.int64), anchors or {}, micros(NOW)).tolist()


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
    before, _, after = match(asked("What is on next week?"), "2023-09-12", "2023-09-20", "2023-09-30")
    assert before > after


@pytest.mark.parametrize(
    ("question", "said", "none"),
    [
        ("What is on next week?", "2023-09-20", "2023-09-12"),
        ("What have I planned for tomorrow?", "2023-09-14", "2023-09-13"),
        ("What happens this week?", "2023-09-11", "2023-09-10"),
        ("What did I do since yesterday?", "2023-09-12", "2023-09-10"),
        ("What is on in the next three months?", "2023-10-10", "2023-09-12"),
        ("Who comes on 1 October 2023?", "2023-10-01", "2023-09-12"),
        ("下周有什么安排？", "2023-09-20", "2023-09-12"),
    ],
)
def test_a_period_that_is_not_over_counts_only_if_something_was_said_in_it(question, said, none):
    """What will be was told at any time: where nothing was said in a period to come, what is newest is no match."""
    assert match(asked(question), none) == [0]
    assert match(asked(question), none, said)[1] == 1


def test_a_period_that_is_over_counts_though_nothing_was_said_in_it():
    """People tell afterwards of what was: a past period matches what was said after it."""
    assert match(asked("What did I do last week?"), "2023-09-12")[0] > 0.5


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
    assert closeness(moments, edges, {"the move": int(edges[0])}, micros(NOW)).tolist() == [1, 1]
    assert closeness(moments, edges, {"the move": int(edges[1])}, micros(NOW)).tolist() == [0, 1]
    assert closeness((Moment(0, DAY, DAY, DAY, yearly=True),), edges, {}, micros(NOW)).max() <= 1


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


def test_a_question_without_a_date_does_not_load_the_grammar():
    """What reads dates, which takes longer to import than this package, is loaded for a question that may name one."""
    code = """
import sys
from mem0lite.search.dates import asked_moments
for question in ("What does Ann like?", "Who is my best friend?", "Is room 12 the big one?"):
    assert asked_moments(question, 0) == ()
assert "mem0lite.search.dates.phrases" not in sys.modules
assert asked_moments("What did I eat on 7 May 1969?", 0)
assert "mem0lite.search.dates.phrases" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- Whose days ------------------------------------------------------------------------------------------------
AUCKLAND, BERLIN, CHICAGO, KATHMANDU = (
    ZoneInfo(name) for name in ("Pacific/Auckland", "Europe/Berlin", "America/Chicago", "Asia/Kathmandu")
)
TWELVE = timezone(timedelta(hours=12))
LOCAL = {
    ("What did I eat yesterday?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-17T12:00 2024-06-18T12:00",
    ("What did I eat today?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-18T12:00 2024-06-19T12:00",
    ("What did I eat today?", datetime(2024, 6, 19, 21, tzinfo=CHICAGO)): "2024-06-19T05:00 2024-06-20T05:00",
    ("What did I eat today?", datetime(2024, 6, 19, 3, tzinfo=KATHMANDU)): "2024-06-18T18:15 2024-06-19T18:15",
    ("Who called last Monday?", datetime(2024, 6, 18, 9, tzinfo=TWELVE)): "2024-06-16T12:00 2024-06-17T12:00",
    ("Who called this week?", datetime(2024, 6, 17, 9, tzinfo=TWELVE)): "2024-06-16T12:00 2024-06-23T12:00",
    ("Who called last week?", datetime(2024, 6, 17, 9, tzinfo=TWELVE)): "2024-06-09T12:00 2024-06-16T12:00",
    ("Who called last weekend?", datetime(2024, 6, 17, 9, tzinfo=TWELVE)): "2024-06-14T12:00 2024-06-16T12:00",
    ("Who called this month?", datetime(2024, 7, 1, 9, tzinfo=TWELVE)): "2024-06-30T12:00 2024-07-31T12:00",
    ("Who called last year?", datetime(2024, 1, 1, 9, tzinfo=TWELVE)): "2022-12-31T12:00 2023-12-31T12:00",
    ("Who called this year?", datetime(2023, 12, 31, 20, tzinfo=CHICAGO)): "2023-01-01T06:00 2024-01-01T06:00",
    ("Who called on 7 May 2024?", datetime(2024, 6, 19, tzinfo=TWELVE)): "2024-05-06T12:00 2024-05-07T12:00",
    ("Who called on 7.5.2024?", datetime(2024, 6, 19, tzinfo=TWELVE)): "2024-05-06T12:00 2024-05-07T12:00",
    ("Who called yesterday at 9 am?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-17T21:00 2024-06-17T22:00",
    ("Who called last night?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-18T06:00 2024-06-18T18:00",
    ("Who called this morning?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-18T17:00 2024-06-19T00:00",
    ("Who called three days ago?", datetime(2024, 6, 19, 9, tzinfo=TWELVE)): "2024-06-15T12:00 2024-06-16T12:00",
    ("Who called on the 1st?", datetime(2024, 6, 1, 9, tzinfo=TWELVE)): "2024-05-31T12:00 2024-06-01T12:00",
    ("Who called in May?", datetime(2024, 6, 1, 9, tzinfo=AUCKLAND)): "2024-04-30T12:00 2024-05-31T12:00",
    ("Who called before 2024?", datetime(2024, 6, 1, 9, tzinfo=TWELVE)): "ever 2023-12-31T12:00",
    # an instant with a zone of its own is on the asker's day that it falls on
    ("Who called at 2024-05-07T22:00:00Z?", datetime(2024, 6, 1, tzinfo=TWELVE)): "2024-05-07T12:00 2024-05-08T12:00",
    ("Who called at 2024-05-07T22:00:00?", datetime(2024, 6, 1, tzinfo=TWELVE)): "2024-05-06T12:00 2024-05-07T12:00",
    # days of 23 and of 25 hours, and months on both sides of the change
    ("Who called today?", datetime(2024, 3, 31, 9, tzinfo=BERLIN)): "2024-03-30T23:00 2024-03-31T22:00",
    ("Who called yesterday?", datetime(2024, 10, 28, 9, tzinfo=BERLIN)): "2024-10-26T22:00 2024-10-27T23:00",
    ("Who called in March 2024?", datetime(2024, 6, 1, tzinfo=BERLIN)): "2024-02-29T23:00 2024-03-31T22:00",
    ("Who called today at 9 am?", datetime(2024, 3, 31, 12, tzinfo=BERLIN)): "2024-03-31T07:00 2024-03-31T08:00",
    ("Who called three hours ago?", datetime(2024, 3, 31, 4, tzinfo=BERLIN)): "2024-03-30T22:30 2024-03-30T23:30",
    (
        "Who called an hour ago?",
        datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    ): "2024-10-27T00:00 2024-10-27T01:00",
}


def minutes(instant):
    return day(instant) if day(instant) == EVER else f"{EPOCH + timedelta(microseconds=instant):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(("asking", "period"), LOCAL.items(), ids=str)
def test_days_are_those_of_the_asker(asking, period):
    """The zone of the reference says where every day, week, month and year begins and ends, also when clocks change."""
    question, now = asking
    [moment] = asked_moments(question, micros(now), now.tzinfo)
    assert f"{minutes(moment.start)} {minutes(moment.end)}" == period
