"""Days with a date, in words, in digits and in six other languages than English. Pure."""

import re
from datetime import datetime
from functools import partial

from .. import periods
from ..grammar import Found, Grammar, rule
from ..periods import Period
from ..words import (
    DAY,
    FOREIGN_MONTH,
    FOREIGN_MONTHS,
    FOREIGN_PARTS,
    FOREIGN_WAYS,
    FULL_MONTHS,
    MONTH,
    MONTHS,
    ORDINAL_STARTS,
    PARTS,
    SHORT_FOREIGN_MONTHS,
    SPELT_ORDINALS,
    UNIT,
    YEAR,
    either,
)
from .common import ENDS, SPELT_DAY, in_year, no_date, piece, rising, yearly

_ON = re.compile(
    rf"(?:^|[^\w])(?:on|from|since|until|till|by|before|after|for|between|{either(FOREIGN_WAYS)}"
    r"|(?:between|from) (?:19|20)\d{6} (?:and|to|until|till|through)) ?(?:the )?$"
)

MONTH_NAME = rf"(?:{either(FULL_MONTHS)}|{MONTH}\b\.?)"
DAYS_SEP = r"(?:(?: ?, ?\d\d?(?:st|nd|rd|th)?){0,8},? ?(?:-|–|&|to|and|or|until|till|through|thru) ?(?:the )?)"


@rule(rf"(?P<day>{DAY}) (?:of )?(?P<month>{MONTH_NAME}){ENDS}", "0")
@rule(rf"(?P<month>{MONTH_NAME}) (?:the )?(?P<day>{DAY}){ENDS}", MONTHS)
@rule(rf"(?P<month>{MONTH_NAME}) (?:the )?(?P<day>{SPELT_DAY}){ENDS}(?! (?:of|in)\b| {UNIT}\b)", MONTHS)
@rule(rf"(?P<day>{SPELT_DAY}) (?:of )?(?P<month>{MONTH_NAME}){ENDS}", ORDINAL_STARTS)
@rule(rf"(?P<day>{DAY}){DAYS_SEP}(?P<last>{DAY}) (?:of )?(?P<month>{MONTH_NAME}){ENDS}", "0")
@rule(rf"(?P<month>{MONTH_NAME}) (?:the )?(?P<day>{DAY}){DAYS_SEP}(?P<last>{DAY}){ENDS}", MONTHS)
def _written_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """7 May, May 7th, the seventh of May, and several days of a month."""
    given = match.groupdict()
    name = given["month"].rstrip(".")
    first = day_number(given["day"])
    last = day_number(given["last"]) if given.get("last") else first

    def of_year(year: int) -> Period:
        return Period(datetime(year, MONTHS[name], first), datetime(year, MONTHS[name], last) + periods.DAY)

    if last < first:
        return piece(match, "days", no_date)
    kind = "may day" if name in ("may", "march", "mar") else ""
    return yearly(grammar, of_year, match, "days" if given.get("last") else "day", kind)


def day_number(words: str) -> int:
    """Return the day of the month that "7th" or "seventh" means."""
    return int(re.sub(r"\D", "", words)) if words[0].isdecimal() else SPELT_ORDINALS[words]


@rule(rf"(?P<day>\d\d?)[-/](?P<month>{MONTH})[-/](?P<year>{YEAR}|\d\d){ENDS}", "0")
def _dashed_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """8-May-2023."""
    year, month = _year_of(grammar, match["year"]), MONTHS[match["month"]]
    return piece(match, "day", lambda: periods.days(datetime(year, month, int(match["day"]))))


_CLOCK = r"(?P<clock>t\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:z|[+-]\d\d(?::?\d\d)?)?)?"


@rule(rf"(?P<year>{YEAR})(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?){_CLOCK}{ENDS}", "0")
def _iso_day(grammar: Grammar, match: re.Match[str]) -> Found:
    """A day, year first. An instant with a time zone means the day that it is on the asker's clock."""
    day = partial(datetime, int(match["year"]), int(match["month"]), int(match["day"]))

    def read() -> Period:
        if match["clock"] and match["sep"] == "-":
            instant = datetime.fromisoformat(match[0].upper())
            if instant.tzinfo is not None:
                return periods.days(periods.midnight(grammar.clock.local(instant)))
        return periods.days(day())

    return piece(match, "day", read)


@rule(rf"(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d){ENDS}", "0")
def _compact_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """20230508: a number of eight digits, which is a day only if it can be nothing else."""
    if not _ON.search(grammar.text[max(0, match.start() - 30) : match.start()]) or _names_a_number(grammar, match):
        return None
    return piece(
        match, "day", lambda: periods.days(datetime(int(match["year"]), int(match["month"]), int(match["day"])))
    )


_NUMBERED = re.compile(
    r"\b(?:v|versions?|releases?|release[sd]|builds?|built|python|node|php|ruby|java|django|postgres(?:ql)?|mysql|ubuntu"
    r"|debian|android|ios|macos|windows|kernel|linux|runs?|running|ran|based|depends?|orders?|tickets?|invoices?|ids?"
    r"|numbers?|no\.?|nr\.?|phones?|call(?:s|ed)? me|dial(?:led)?|codes?|pins?|ports?|ip|accounts?|cases?|parts?|refs?"
    r"|references?|isbn|sku|serial|commits?|issues?|tracking|customers?|items?|sections?|chapters?|rooms?|rated?|score[sd]?"
    r"|grades?)[:#]?(?: (?:is|was|no\.?|nr\.?|number|id|on|at|of|from|for|by|since|before|after|until))* ?#?$"
)


def _names_a_number(grammar: Grammar, match: re.Match[str]) -> bool:
    """True if the words before a number say that it is not a date: a version, an order, a phone number."""
    return _NUMBERED.search(grammar.text[max(0, match.start() - 40) : match.start()]) is not None


@rule(rf"(?P<day>\d\d?)\. ?(?P<month>\d\d?)\. ?(?P<year>{YEAR}){ENDS}", "0")
@rule(rf"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d\d)?(?![.\d]){ENDS}", "0")
def _dotted_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """With dots, the day comes first in every language."""
    if _names_a_number(grammar, match):
        return None
    day, month = int(match["day"]), int(match["month"])
    if not match["year"]:
        sentence_ends = not grammar.text[match.end() :].strip()
        return yearly(
            grammar,
            lambda year: periods.days(datetime(year, month, day)),
            match,
            "day",
            "dots at the end" if sentence_ends else "dots",
        )
    year = _year_of(grammar, match["year"])
    certain = len(match["year"]) == 4 or len(match["day"]) + len(match["month"]) == 4
    return piece(match, "day", lambda: periods.days(datetime(year, month, day)), kind="" if certain else "dots")


def _year_of(grammar: Grammar, digits: str) -> int:
    """Return the year that two digits mean: in this century up to ten years from now, otherwise in the last."""
    year = int(digits)
    if len(digits) == 2:
        year += grammar.now.year // 100 * 100
        year -= 100 * (year > grammar.now.year + 10)
    return year


@rule(rf"(?P<first>\d\d?)/(?P<second>\d\d?)(?:/(?P<year>{YEAR}|\d\d(?!\d)))?(?![/\d]){ENDS}", "0")
@rule(rf"(?P<first>\d\d?)-(?P<second>\d\d?)-(?P<year>{YEAR}){ENDS}", "0")
def _slashed_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """With slashes and dashes, the month comes first, as in English, unless the word before is of another language."""
    month, day = int(match["first"]), int(match["second"])
    if month > 12 or _foreign_way(grammar, match.start()) is not None:
        month, day = day, month
    if match["year"]:
        year = _year_of(grammar, match["year"])
        return piece(match, "day", lambda: periods.days(datetime(year, month, day)))
    return yearly(grammar, lambda year: periods.days(datetime(year, month, day)), match, "day", "slash")


@rule(rf"(?P<year>{YEAR})[-/](?P<month>0[1-9]|1[0-2]){ENDS}", "0")
@rule(rf"(?P<month>0?[1-9]|1[0-2])[./](?P<year>{YEAR}){ENDS}", "0")
def _numeric_month(_: Grammar, match: re.Match[str]) -> Found:
    return piece(match, "month", partial(periods.months, int(match["year"]), int(match["month"])), kind="numbers")


_FOREIGN_BEFORE = re.compile(
    rf"(?:^|[^\w'])(?P<way>{either(FOREIGN_WAYS)})(?: (?:dem|den|zum|le|el|il|al|del|o|a|em|de|op|en met))? ?$"
)
_SEP = r"(?: ?[-–/] ?| (?:bis(?: zum)?|au|al|a|ao|até|tot(?: en met)?|t/m|und|et|y|e|en)(?: (?:le|el|il|dem|den|o))? )"


@rule(
    rf"(?:(?P<first>\d\d?)(?:\.|er|º|°)?{_SEP})?(?P<day>\d\d?)(?:\.|er|º|°)? ?(?:de |di |dem )?"
    rf"(?P<month>{FOREIGN_MONTH}|{either(SHORT_FOREIGN_MONTHS)})\.?(?:,? (?:de |del )?(?P<year>{YEAR}))?{ENDS}",
    "0",
)
def _foreign_day(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """A date written out in German, French, Spanish, Italian, Portuguese or Dutch."""
    full = match["month"] in FOREIGN_MONTHS
    if not match["year"] and (not full or _foreign_way(grammar, match.start()) is None):
        return None
    month = (FOREIGN_MONTHS if full else SHORT_FOREIGN_MONTHS)[match["month"]]
    last = int(match["day"])
    first = int(match["first"] or last)

    def of_year(year: int) -> Period:
        return rising(Period(datetime(year, month, first), datetime(year, month, last) + periods.DAY))

    unit = "days" if match["first"] else "day"
    if match["year"]:
        return in_year(grammar, of_year, match, unit)
    return yearly(grammar, of_year, match, unit)


@rule(rf"(?P<month>{FOREIGN_MONTH})(?: (?:de |del )?(?P<year>{YEAR})){ENDS}", FOREIGN_MONTHS)
def _foreign_month(_: Grammar, match: re.Match[str]) -> Found:
    return piece(match, "month", partial(periods.months, int(match["year"]), FOREIGN_MONTHS[match["month"]]))


@rule(rf"(?P<part>{either(FOREIGN_PARTS)})[ -](?:de |del |di |do |van )?(?={FOREIGN_MONTH}\b)", FOREIGN_PARTS)
def _foreign_part(grammar: Grammar, match: re.Match[str]) -> Found | None:
    """Anfang Mai 2023, fin mai 2023, a mediados de mayo de 2023."""
    share = PARTS[FOREIGN_PARTS[match["part"]]]
    inner = grammar.inner(match.end())
    return inner and inner.mapped(lambda whole: periods.share(whole, *share), match.start(), "days")


def _foreign_way(grammar: Grammar, begin: int) -> str | None:
    """Return which way the foreign word before a place points; "" if it only announces a date, None without one."""
    return foreign_way(grammar.text[:begin])


def foreign_way(before: str) -> str | None:
    """Return which way the last word of a text points if it is of another language; "" if it only announces a date."""
    found = _FOREIGN_BEFORE.search(before[-30:])
    return FOREIGN_WAYS[found["way"]] if found else None
