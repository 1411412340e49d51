"""The words of dates, in English and from the calendars of six other languages, and patterns of them. Pure."""

import re
from collections.abc import Iterable


def either(words: Iterable[str]) -> str:
    """Return a pattern for any of the words; the longest one that fits is matched."""
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)).replace(r"\ ", " ") + ")"


def _numbered(words: str) -> dict[str, int]:
    return {name: number for number, names in enumerate(words.split(), 1) for name in names.split("/")}


# ---- The calendar ------------------------------------------------------------------------------------------------
MONTHS = _numbered(
    "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct "
    "november/nov december/dec"
)
FULL_MONTHS = tuple(name for name in MONTHS if len(name) > 4 or name in ("may", "june", "july"))
FOREIGN_MONTHS = _numbered(
    "januar/jänner/janvier/enero/gennaio/janeiro/januari "
    "februar/februari/février/fevrier/febrero/febbraio/fevereiro "
    "märz/maerz/mars/marzo/março/marco/maart april/avril/abril/aprile mai/mayo/maggio/maio/mei "
    "juni/juin/junio/giugno/junho juli/juillet/julio/luglio/julho august/août/aout/agosto/augustus "
    "september/septembre/septiembre/setiembre/settembre/setembro oktober/octobre/octubre/ottobre/outubro "
    "november/novembre/noviembre/novembro dezember/décembre/decembre/diciembre/dicembre/dezembro/december"
)
"""Full names in German, French, Spanish, Italian, Portuguese and Dutch."""
SHORT_FOREIGN_MONTHS = _numbered(
    "jan/jän/janv/ene/gen feb/févr/fevr/fev mär/mrz/mrt/mar apr/avr/abr mai/mag jun/juin/giu jul/juil/lug aug/ago "
    "sep/sept/set okt/oct/ott/out nov dez/déc/dec/dic"
)
"""Most are also other words, so they count as months only between a day and a year."""
WEEKDAYS = _numbered("monday tuesday wednesday thursday friday saturday sunday")
SHORT_WEEKDAYS = {"mon": 1, "tue": 2, "tues": 2, "thu": 4, "thur": 4, "thurs": 4, "fri": 5}
"""Without "wed", "sat" and "sun", which are also other words."""
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The first month of each, in the northern hemisphere; a season is three whole months."""
HOLIDAYS = {
    "new year's eve": (12, 31, 1),
    "new year's day": (1, 1, 1),
    "new year's": (12, 31, 2),
    "new year": (12, 31, 2),
    "valentine's day": (2, 14, 1),
    "valentine's": (2, 14, 1),
    "independence day": (7, 4, 1),
    "halloween": (10, 31, 1),
    "christmas eve": (12, 24, 1),
    "christmas day": (12, 25, 1),
    "christmas": (12, 24, 3),
    "xmas": (12, 24, 3),
}
"""First month and day, and length in days."""
MOVING_HOLIDAYS = ("thanksgiving", "easter", "good friday", "easter sunday", "easter monday")
TIMES_OF_DAY = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30)}
"""The hours at which they begin and end."""

# ---- Numbers -----------------------------------------------------------------------------------------------------
_ONES = _numbered("one two three four five six seven eight nine")
_TEENS = _numbered("_ _ _ _ _ _ _ _ _ ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
_TENS = {
    name: 10 * number for name, number in _numbered("_ twenty thirty forty fifty sixty seventy eighty ninety").items()
}
_PHRASES = {
    "half a": 0.5, "half an": 0.5, "a": 1, "an": 1, "half": 0.5, "a hundred": 100, "one hundred": 100, "a dozen": 12,
    "half a dozen": 6, "a couple of": 2, "a couple": 2, "couple of": 2, "couple": 2, "a few": 3, "few": 3, "several": 5,
}  # fmt: skip
VAGUE = frozenset(("a couple of", "a couple", "couple of", "couple", "a few", "few", "several"))
"""Numbers that are not exact."""
for _words in (_ONES, _TEENS, _TENS):
    _words.pop("_", None)
_NUMBERS: dict[str, float] = {**_PHRASES, **_ONES, **_TEENS, **_TENS}
NUMBER = rf"(?:{either(_TENS)}[ -]{either(_ONES)}|{either(_NUMBERS)}|[1-9]\d{{0,3}}(?:\.\d)?(?![\d.,/:]*\d))(?![^\W_½])"
"""What may stand before a unit of time."""
NUMBER_STARTS = frozenset(word.split()[0] for word in _NUMBERS)


def number(words: str) -> float:
    """Return the number that a match of ``NUMBER`` means."""
    if words[0].isdecimal():
        return float(words)
    tens, _, ones = words.replace("-", " ").partition(" ")
    return _NUMBERS[words] if words in _NUMBERS else _TENS[tens] + _ONES[ones]


_SPELT = _numbered(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
SPELT_ORDINALS = {
    **_SPELT,
    "thirtieth": 30,
    **{f"{tens}{dash}{name}": 10 * n + _SPELT[name] for n, tens in ((2, "twenty"), (3, "thirty"))
       for dash in "- " for name in _SPELT if _SPELT[name] < 10},
}  # fmt: skip
FROM_THE_END = {
    "last": -1, "final": -1, "penultimate": -2, "second to last": -2, "second-to-last": -2, "next to last": -2,
    "next-to-last": -2, "second last": -2, "2nd to last": -2,
    "2nd-to-last": -2, "2nd last": -2, "3rd to last": -3, "3rd-to-last": -3, "third to last": -3, "third-to-last": -3,
}  # fmt: skip
ORDINAL = rf"(?:{either((*SPELT_ORDINALS, *FROM_THE_END))}|\d{{1,3}}(?:st|nd|rd|th))"
ORDINAL_STARTS = frozenset(re.split("[ -]", word)[0] for word in (*SPELT_ORDINALS, *FROM_THE_END))


def ordinal(words: str) -> int:
    """Return the place that a match of ``ORDINAL`` means, negative from the end."""
    known = SPELT_ORDINALS.get(words) or FROM_THE_END.get(words)
    return known or int(words[:-2])


# ---- Units and parts ---------------------------------------------------------------------------------------------
_UNIT_NAMES = {
    "second": "second/sec/secs/seconds", "minute": "minute/minutes/min/mins", "hour": "hour/hours/hr/hrs",
    "day": "day/days", "night": "night/nights", "week": "week/weeks/wk/wks", "weekend": "weekend/weekends",
    "fortnight": "fortnight/fortnights", "month": "month/months/mth/mths", "quarter": "quarter/quarters",
    "year": "year/years/yr/yrs", "decade": "decade/decades", "century": "century/centuries",
}  # fmt: skip
UNITS = {name: unit for unit, names in _UNIT_NAMES.items() for name in names.split("/")}
UNIT = either(UNITS)
PARTS = {
    "early": (0, 1 / 3), "beginning": (0, 1 / 3), "start": (0, 1 / 3), "mid": (1 / 3, 2 / 3), "middle": (1 / 3, 2 / 3),
    "late": (2 / 3, 1), "end": (2 / 3, 1), "first half": (0, 1 / 2), "1st half": (0, 1 / 2), "second half": (1 / 2, 1),
    "2nd half": (1 / 2, 1), "latter half": (1 / 2, 1), "last half": (1 / 2, 1),
}  # fmt: skip
"""The shares of a period at which a part of it begins and ends, in 0..1."""

YEAR = r"(?:19|20)\d\d(?!\d)"
MONTH = either(MONTHS)
DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?!\d)"
WEEKDAY = either(WEEKDAYS)
SEASON = either(SEASONS)
HOLIDAY = either((*HOLIDAYS, *MOVING_HOLIDAYS))
TIME_OF_DAY = either(TIMES_OF_DAY)
FOREIGN_MONTH = either(FOREIGN_MONTHS)
FOREIGN_PARTS = {
    **dict.fromkeys(["anfang", "début", "debut", "principios", "inizio", "início", "inicio", "begin"], "early"),
    **dict.fromkeys(["mitte", "mi", "milieu", "mediados", "metà", "meados", "medio", "half"], "mid"),
    **dict.fromkeys(["ende", "fin", "finales", "fine", "final", "fins", "eind"], "late"),
}
"""Words before a month that mean a part of it."""
FOREIGN_LEADS = {
    "": "am dem den der im le en el il em dia op l'",  # without words that are English, too
    "since": "seit ab depuis dès desde dal da dall' sinds vanaf",
    "until": "bis jusqu'au jusqu'en hasta fino até tot",
    "before": "vor avant antes prima voor",
    "after": "nach après después despues dopo depois na",
    "from": "vom von du del van de",
}
"""Words before a date that say on which side of it the period lies, or only that it is a date."""
FOREIGN_WAYS = {word: way for way, words in FOREIGN_LEADS.items() for word in words.split()}
