"""Whether a question asks about a time or about the present. Most don't, and that is found out quickly. Pure."""

import re
from datetime import UTC, tzinfo
from typing import NamedTuple

from ..moments import Moment

MAX_QUESTION_LENGTH = 1_000
"""Characters of a question that are examined for dates."""

_CUE_WORDS = """
jan feb mar apr jun jul aug sep sept oct nov dec january february march april may june july august september october
november december mon tue tues thu thur thurs fri monday tuesday wednesday thursday friday saturday sunday
spring springs summer summers autumn autumns fall falls winter winters christmas christmases xmas easter thanksgiving
halloween valentine mondays tuesdays wednesdays thursdays fridays saturdays sundays
year years month months week weeks weekend weekends fortnight fortnights decade decades century quarter quarters
day days night nights morning afternoon evening hour hours minute minutes yr yrs mth mths wk wks hr hrs min mins
yesterday today tonight tomorrow ago since before after until till prior following kw cw
januar jänner janvier enero gennaio janeiro januari februar februari février fevrier febrero febbraio fevereiro
märz maerz mars marzo março marco maart avril abril aprile mai mayo maggio maio mei juni juin junio giugno junho
juli juillet julio luglio julho août aout agosto augustus septembre septiembre setiembre settembre setembro
oktober octobre octubre ottobre outubro novembre noviembre novembro dezember décembre decembre diciembre dicembre
dezembro
"""
_CUES = frozenset(_CUE_WORDS.split())
"""A question that has none of these words, and no number that may be a date, names no date."""
_CHARACTERS = re.compile("[年月天日周週星昨今明前]")
"""Without any of these, a text has no date in Chinese or Japanese."""
_WORDS = re.compile(r"[^\W\d_]+")
_HAS_NUMBER = re.compile(r"(?:19|20)\d\d|\d/\d|\d(?:st|nd|rd|th)\b|\d\.\d\d?\.|\b[qhw][1-4]\b|\b[kc]w\d|'\d\d\b")


def asked_moments(question: str, reference: int, zone: tzinfo = UTC) -> tuple[Moment, ...]:
    """Return the periods a question names, as seen from ``reference`` (microseconds since 1970 UTC); most name none.

    A period is as long as what is named: an hour, a day, a weekend, a week, a month, a season, a year, a decade, or a
    range of these. "since", "after", "before", "until" and "by" leave it open on one side. A date without a year means
    the latest one before the reference, or the first one after it if the question looks ahead ("will", "planned"). A
    phrase that is not understood to its end names nothing.

    Days are those of ``zone``; weeks begin on Monday and are numbered as in ISO 8601; 5/7 is 7 May and 5.7. is 5 July;
    seasons are those of the northern hemisphere, and a winter belongs to the year in which it begins. Only the first
    MAX_QUESTION_LENGTH characters are examined, and at most MAX_MOMENTS periods are returned. Periods outside the years
    1 to 9999 are left out. It never raises, whatever the text.
    """
    text = question[:MAX_QUESTION_LENGTH].lower().replace("’", "'")
    if not text.isascii() and _CHARACTERS.search(text):
        text = _in_english(text, reference, zone) or text
    if _CUES.isdisjoint(_WORDS.findall(text)) and not _HAS_NUMBER.search(text):
        return ()
    from .phrases import read  # importing it takes longer than answering most questions

    return read(text, reference, zone)


def _in_english(text: str, reference: int, zone: tzinfo) -> str:
    from .characters import in_english
    from .periods import Clock

    try:
        return in_english(text, Clock.at(reference, zone).now)
    except OverflowError:  # in this zone it is the year 0 or 10,000
        return ""


# The patterns below are compiled when a question needs them: most contain "?", or none of the words.
# "I moved to Porto last week", "Yesterday, we met Ann", "Oh, my dog was sick in May."
_TELLS = (
    r"(?:(?:hi|hey|hello|oh|ah|well|so|and|but|yes|yeah|no|ok|okay|btw|actually|also)\b[\s,.!]*){0,4}"
    r"(?:(?:yesterday|today|tonight|(?:last|this|next|in|on|since) [a-z]+|[a-z\d]+ [a-z]+ ago)\b[\s,]*)?"
    r"(?:(?:i|we|he|she|they)(?:'[a-z]+)?\b[^?]*|(?:my|our|his|her|their)\s[^?]*[.!]\s*)"
)
# "The flight was cancelled this morning.", "Moved to Porto yesterday.", "Today is my birthday"
_BE = r"(?:is|was|are|were)\b"
_DECLARES = (
    rf"(?=.*[.!]$)(?:[a-z]+ed|went|got|met|saw|bought|made|took|came|left|had)\b[^?]*"
    rf"|(?=.*[.!]$)(?!{_BE}|(?:do|does|did|has|have|had|can|could|will|would)\b)"
    rf"[^?]*(?<!that )\b(?:{_BE}|has|had|got|went)\b[^?]*"
    rf"|(?:today|yesterday|tonight|it|there|(?:last|this|the) [a-z]+)(?: {_BE}|'s\b)[^?]*"
)
_ASKS = (
    r"\b(?:what|when|where|who|whom|whose|which|why|how|whether|remind|remember|recall|forg[eo]t|wonder|know|tell|show"
    r"|find|search|list|give|please|describe|explain|compare|summar[a-z]+"
    r"|need|want|like to|look(?:ing)? (?:for|up)|interested in|curious)\b"
)


def is_statement(text: str) -> bool:
    """True for a text that tells something instead of asking, as users' messages do: "I moved to Porto last week."

    A time in it is when something happened, not when the memory was said that a question would ask for.
    """
    text = text[:MAX_QUESTION_LENGTH].lower().replace("’", "'").strip()
    if "?" in text:
        return False
    told = re.fullmatch(_TELLS, text) or re.fullmatch(_DECLARES, text)
    return told is not None and re.search(_ASKS, text) is None


_ASKS_IN_CHARACTERS = re.compile(
    "什么|什麼|谁|誰|哪|几|幾|多少|吗|嗎|怎|何|请|請|なに|いつ|どこ|どの|どん|どう|だれ|なぜ|いくつ|いくら|ですか|ますか|でしたか|ましたか"
)
_FROM_NOW_IN_CHARACTERS = re.compile(
    "[昨今明][天日早晚年]|[前去]年|前天|一昨日|[上下这這本先今来來][一个個]?(?:[周週月]|星期)|最近|刚才|剛才|さっき"
)
_ASKING_MARKS = "?\uff1f\u061f\u037e\u1367"  # of Latin, Chinese, Arabic, Greek and Ethiopic
_SENTENCE = re.compile(r"(?:[^.!?\n。！？؟]|[.!?](?=[^\s]))*(?:[.!?。！？؟]+|\n|$)")
_LONG_MESSAGE = 400  # characters from which on a text is a message, of which only the sentences that ask count
_FROM_NOW = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|ago|lately|recently|(?:last|this|next|past|these|coming) [a-z]+)\b"
)


class Asked(NamedTuple):
    """What parts of a text ask: of a message, with which agents search, too, that is not all of it."""

    sentences: str
    """The sentences that ask, for ``asks_for_present``."""
    whole: str
    """The same and what is told beside them, for ``asked_moments`` and for the names of speakers."""


def asked_parts(text: str) -> Asked:
    """Return the sentences of a text that ask.

    A sentence asks if it has a question mark, in any script, or a word such as "what" or "remind me" and does not begin
    like one that tells. Without such a sentence, all of a text asks, as keywords and descriptions do ("lunch last
    week"), unless it is long or tells something. What is told beside a question may say when something was ("In August
    I had an accident. What did I change?"), but not with a date that counts from now ("I am tired today").
    """
    text = text[:MAX_QUESTION_LENGTH]
    sentences = [one for one in _SENTENCE.findall(text) if one.strip()]
    asking = [one for one in sentences if asks(one)]
    long = len(text) > _LONG_MESSAGE
    if not asking:
        told = _FROM_NOW_IN_CHARACTERS.search(text) or any(map(is_statement, [text, *sentences]))
        whole = "" if long or told else text
        return Asked(whole, whole)
    dated = [one for one in sentences if one in asking or not (long or _from_now(one))]
    return Asked("".join(asking), "".join(dated))


def _from_now(text: str) -> bool:
    return bool(_FROM_NOW.search(text.lower()) or _FROM_NOW_IN_CHARACTERS.search(text))


def asks(text: str) -> bool:
    """True for a sentence that asks, as it has a question mark, in any script, or a word such as "what" or "remind"."""
    if any(mark in text for mark in _ASKING_MARKS) or _ASKS_IN_CHARACTERS.search(text):
        return True
    return re.search(_ASKS, text.lower().replace("’", "'")) is not None and not is_statement(text)


_PRESENT_CUES = """
now nowadays days moment present presently currently newest recent recently lately today more anymore current still
latest last
"""
_PRESENT_WORDS = frozenset(_PRESENT_CUES.split())
"""A question that has none of these words does not ask for the present."""
_PRESENT = (
    r"\b(?:(?<!until )(?<!till )(?<!up to )(?<!before )(?<!from )now(?! and (?:then|again)| that)|nowadays|these days"
    r"|at (?:the moment|present)|presently|currently|newest|most recent(?:ly)?|recently|lately|(?<!usa )today|any ?more"
    r"|(?<!electric )(?<!alternating )(?<!direct )(?<!ocean )(?<!river )current(?! (?:affairs|events|of|flow))"
    r"|(?<!stand )(?<!standing )(?<!sit )(?<!sitting )(?<!stay )(?<!keep )(?<!hold )(?<!be )still"
    r"(?! (?:life|water|image|frame))|(?<!at the )latest|last time"
    r"|the last (?!name|of\b)[a-z]+ (?:that )?(?:i|we|you|he|she|they))\b"
)


def asks_for_present(question: str) -> bool:
    """True for a question about how things are now, for which a newer memory is the better answer.

    It has "now", "currently", "still", "the latest", "these days", "recently" or the like, but not "now and then",
    "from now", "stand still" or "at the latest".
    """
    text = question[:MAX_QUESTION_LENGTH].lower()
    return not _PRESENT_WORDS.isdisjoint(_WORDS.findall(text)) and re.search(_PRESENT, text) is not None
