"""The periods that a question names. Pure.

A phrase is read as a whole or not at all. If part of a date remains next to what was read ("two moons and" before
"three days ago"), all of it is ignored, because a part would mean another time.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import islice

from ..moments import YEAR as MEAN_YEAR
from ..moments import Moment
from . import periods
from .grammar import FOREIGN, LEADS, Found, Grammar, may_begin
from .periods import Clock, Period
from .rules import COUNTED, edge, foreign_way, step_at
from .words import MONTH, NUMBER, ORDINAL, SEASON, UNIT, WEEKDAY, either

MAX_MOMENTS = 8
"""Periods that are taken from a question, at most."""
_EXAMINED = (
    8 * MAX_MOMENTS
)  # phrases that are looked at; those that turn out to be names, or are half understood, don't count

_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = ((edge - datetime(1970, 1, 1)) // _MICROSECOND for edge in (datetime.min, datetime.max))
_EVER = 10_000 * MEAN_YEAR // _MICROSECOND  # how far an open-ended period reaches from its anchor

# People tell about an event some days after it, rarely long before it, and about a longer period for longer. On LoCoMo
# the optimum is flat: from 7 to 30 days at least, 30 or 60 at most, and a quarter to all of that before the event rank
# within 0.4 points of each other.
_LATE_AT_LEAST, _LATE_AT_MOST = timedelta(days=14), timedelta(days=60)
_EARLY_SHARE = 0.5  # of what ``late`` is, for ``early``

_AHEAD = re.compile(
    r"\b(?:will|going to|gonna|plans?|planned|planning|upcoming|scheduled|due|must|(?:need|have|has) to)\b|'ll\b"
)
_BACK = re.compile(r"\b(?:did|was|were|had)\b")
_SHORT_YEAR = re.compile(r"(?<=[a-z\d,]) ?'(?=\d\d(?![\w']))")


def read(text: str, reference: int, zone: tzinfo) -> tuple[Moment, ...]:
    """Return the periods that a lower-case text names, as ``asked_moments`` does."""
    try:
        clock = Clock.at(reference, zone)
    except OverflowError:  # in this zone it is the year 0 or 10,000
        return ()
    text = _SHORT_YEAR.sub(lambda match: _century(match, clock), " ".join(text.split()))
    back = _BACK.search(text) is not None
    grammar = Grammar(text, clock, ahead=not back and _AHEAD.search(text) is not None, back=back)
    return tuple(islice(_moments(grammar, reference), MAX_MOMENTS))


def _century(match: re.Match[str], clock: Clock) -> str:
    digits = int(match.string[match.end() : match.end() + 2])
    return " 19" if 2000 + digits > clock.now.year + 10 else " 20"


def _moments(grammar: Grammar, reference: int) -> Iterator[Moment]:
    text = grammar.text
    items = _in_common(grammar, [item for item in islice(_items(grammar), _EXAMINED) if item.meant])
    for item in items:  # a date, or a part of one, is not the name of an event
        begin = lead.start(1) if (lead := _LEAD.search(text[: item.begin])) else item.begin
        text = text[:begin] + "|" * (item.end - begin) + text[item.end :]
    for item in _whole(grammar, items):
        try:
            moment = item.moment()
        except (ValueError, OverflowError):  # there is no such day, or it is outside the years 1 to 9999
            continue
        # People tell about the future before it comes, not after.
        ahead = moment.anchor is None and moment.start >= reference
        yield moment._replace(early=moment.late, late=moment.early) if ahead else moment
    yield from _since_events(text)


# ---- What a question says about its dates -------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Item:
    """A date, with the words that say on which side of it the period lies."""

    begin: int
    end: int
    moment: Callable[[], Moment]
    found: Found | None = None
    """The phrase that was read, if it is one date."""
    way: str = ""
    """A value of _WAYS, for a period that is open on one side."""
    meant: bool = True
    """False for what is probably not a date, such as a name."""


_STARTS = re.compile(r"(?<![\w$€£#./:-])(?<!\d,)(?<!\W')(?:\d|[^\W\d_]+)")
_LEAD = re.compile(rf"(?:^|[^\w])({either(LEADS | {'between', 'towards', 'near'})}) (?:the )?$")
_OPEN = re.compile(
    r"(?P<way>since|after|before|prior to|until|till|up until|up to|by|not? (?:earlier|later) than"
    r"|not (?:before|until|till|after)|starting(?: in| on)?) (?=\w)"
)
_RANGE = re.compile(r"(?:between|from|starting|(?:zwischen|entre|tra|fra|tussen)(?: (?:dem|den|le|el|il|o))?) (?=\w)")
_TO = re.compile(r" ?[-–] ?| (?:to|through|thru|until|till|bis(?: zum)?|au|al|até|tot) ")
_AND_TO = re.compile(r" (?:(?:and|to|until|till|through|thru|-|–)|(?:und|et|y|e|en)(?: (?:dem|den|le|el|il|o))?) ")
_ONWARDS = re.compile(
    r"(?P<since> (?:onwards?|forward)\b|(?:,? (?:and|or) (?:later|after|onwards?|newer)| on)(?=[,.;?!]|$))"
    r"|(?P<until>,? (?:and|or) (?:earlier|before|older)(?=[,.;?!]|$))"
)
_WAYS = {
    "since": "since", "starting": "since", "starting in": "since", "starting on": "since", "after": "after",
    "before": "before", "prior to": "before", "until": "until", "till": "until", "up until": "until",
    "up to": "until", "by": "until", "no later than": "until", "not later than": "until", "not after": "until",
    "not before": "since", "not until": "since", "not till": "since", "no earlier than": "since",
    "not earlier than": "since",
}  # fmt: skip


_LEADING = {"the", "between", "from", "zwischen", "entre", "tra", "fra", "tussen", *(way.split()[0] for way in _WAYS)}


def _items(grammar: Grammar) -> Iterator[_Item]:
    """Yield the dates of a text in order, and phrases that may be dates."""
    text, end, lead = grammar.text, 0, ""
    for start in _STARTS.finditer(text):
        word, begin = start[0], start.start()
        if begin < end or not (word in _LEADING or may_begin("0" if word.isdecimal() else word)):
            continue
        item = next((item for reading in (_open, _range, _one, _by_event) if (item := reading(grammar, begin))), None)
        if item is not None:
            own = _lead(text, item)
            lead = own if own or not _LIST.fullmatch(text, end, item.begin) else lead  # "in May, June and July"
            end = item.end
            yield replace(item, meant=item.found is None or grammar.credible(item.found, lead))


def _lead(text: str, item: _Item) -> str:
    """Return the word before a date that shows that it is one."""
    if item.way and item.found and item.begin < item.found.begin:
        return item.way
    before = text[max(0, item.begin - 20) : item.begin]
    if lead := _LEAD.search(before):
        return lead[1]
    return "" if foreign_way(before) is None else FOREIGN


def _one(grammar: Grammar, begin: int) -> _Item | None:
    found = grammar.phrase(begin)
    if found is None or not found.alone:
        return None
    if (to := _TO.match(grammar.text, found.end)) and (last := grammar.phrase(to.end())) and last.alone:
        return _between(grammar, begin, found, last) or _dated(grammar, begin, found)
    return _dated(grammar, begin, found)


def _dated(grammar: Grammar, begin: int, found: Found) -> _Item:
    way = (foreign_way(grammar.text[:begin]) or "") if grammar.text[begin].isdecimal() else ""
    end = found.end
    if onwards := _ONWARDS.match(grammar.text, end):
        lead = _LEAD.search(grammar.text[max(0, begin - 20) : begin])
        if onwards[0] != " on" or (lead and lead[1] == "from"):
            way, end = "since" if onwards["since"] else "until", onwards.end()
    if way == "from" or (found.unit == "days" and way == "since"):  # "dal 3 al 5 maggio": from then, but not on
        way = ""
    moment = (lambda: _opened(grammar, found.read(), way)) if way else (lambda: _moment(grammar, found.read()))
    return _Item(begin, end, moment, found, way)


def _range(grammar: Grammar, begin: int) -> _Item | None:
    """From one date to another."""
    if (lead := _RANGE.match(grammar.text, begin)) is None:
        return None
    first = grammar.phrase(lead.end())
    to = _AND_TO.match(grammar.text, first.end) if first and first.alone else None
    last = to and grammar.phrase(to.end())
    return _between(grammar, begin, first, last) if first and last and last.alone else None


def _between(grammar: Grammar, begin: int, first: Found, last: Found) -> _Item | None:
    """Return a range; None if it ends before it begins."""
    try:
        end = last.read()
        start = _start_of_range(grammar, first, last, end)
    except (ValueError, OverflowError):
        return None
    if start.start >= end.end:
        return None
    period = Period(start.start, end.end, end.yearly)
    return _Item(begin, last.end, lambda: _moment(grammar, period))


def _start_of_range(grammar: Grammar, first: Found, last: Found, end: Period) -> Period:
    """Return the first date of a range, in the year or week of the last date, or before it."""
    if not first.needs:
        return first.read()
    if last.inside and first.within and last.inside[0] == first.needs:
        start = first.within(last.inside[1]())
        if start.start < end.end:
            return start
    clock = grammar.clock._replace(now=end.end - _MICROSECOND)
    before = grammar.seen_from(clock, ahead=False).phrase(first.begin)
    return (before or first).read()


def _open(grammar: Grammar, begin: int) -> _Item | None:
    """Since, until, before or after a date."""
    if (lead := _OPEN.match(grammar.text, begin)) is None:
        return None
    found = grammar.phrase(lead.end())
    way = _WAYS[lead["way"]]
    if way in ("before", "after"):
        found = edge(grammar, found)
    if found is None or not found.alone:
        return None
    if lead["way"].startswith("starting") and not _ONWARDS.match(grammar.text, found.end):
        return _Item(begin, found.end, lambda: _opened(grammar, found.read(), "since"), found, "since")
    return _Item(begin, found.end, lambda: _opened(grammar, found.read(), way), found, lead["way"])


def _opened(grammar: Grammar, period: Period, way: str) -> Moment:
    moment = _moment(grammar, period._replace(yearly=False))
    start, end = _FIRST, moment.start if way == "before" else moment.end
    if way in ("since", "after"):
        start, end = moment.start if way == "since" else moment.end, _LAST
    if start >= end:
        raise ValueError("nothing is before the year 1, or after 9999")
    return moment._replace(start=start, end=end)


def _moment(grammar: Grammar, period: Period) -> Moment:
    start, end = grammar.clock.instant(period.start), grammar.clock.instant(period.end)
    width = period.end - period.start
    if end <= start:  # it lies in the hour that is skipped when clocks go forward
        end = start + width // _MICROSECOND
    return _moment_between(start, end, width, yearly=period.yearly)


def _moment_between(
    start: int, end: int, width: timedelta, *, yearly: bool = False, anchor: str | None = None
) -> Moment:
    late = min(max(width, _LATE_AT_LEAST), _LATE_AT_MOST) // _MICROSECOND
    return Moment(start, end, round(late * _EARLY_SHARE), late, yearly, anchor)


# ---- Events, whose time only the memories know -------------------------------------------------------------------
_EVENT = (
    r"(?P<anchor>(?:the|my|our|his|her|their|[a-z]+'s) [^ ,.;:?!|][^,.;:?!|]{1,80}?)"
    r"(?=[,.;:?!|]|$| (?:did|do|does|was|were|is|are|had|has|have|will|would|can|could|what|who|when|where|how)\b)"
)
_EVENT_HERE = re.compile(_EVENT)
_OPEN_EVENT = re.compile(rf"(?<![\w$€£#./:-])(?P<way>since|after|before|until) {_EVENT}")


def _by_event(grammar: Grammar, begin: int) -> _Item | None:
    """So long before or after an event."""
    at = begin + 4 if grammar.text.startswith("the ", begin) else begin
    step = step_at(grammar, at)
    if step is None or step.way == "from":
        return None
    the = 4 if grammar.text.startswith("the ", step.end - 4) else 0
    if (event := _EVENT_HERE.match(grammar.text, step.end - the)) is None:
        return None
    if step.name:
        width = periods.WEEK
        middle = step.sign * (step.low.rest + width)
    else:
        width = periods.UNITS[step.low.unit] * (2 if step.low.vague else 1)
        middle = step.sign * (step.low.rest + step.low.months * periods.MONTH)
        if at > begin and step.low.number > 1:  # "the two weeks before" are all of them
            middle, width = middle / 2, abs(middle)
    start, end = (middle - width / 2) // _MICROSECOND, (middle + width / 2) // _MICROSECOND
    anchor = event["anchor"].strip()
    return _Item(begin, event.end(), lambda: _moment_between(start, end, width, anchor=anchor))


def _since_events(text: str) -> Iterator[Moment]:
    """Since or until an event, or soon after or before it: people mostly tell what followed within weeks."""
    for found in _OPEN_EVENT.finditer(text):
        way = found["way"]
        reach = _EVER if way in ("since", "until") else 2 * periods.WEEK // _MICROSECOND
        start, end = (0, reach) if way in ("since", "after") else (-reach, 0)
        yield _moment_between(start, end, _LATE_AT_MOST, anchor=found["anchor"].strip())


# ---- Several dates, and whole ones -------------------------------------------------------------------------------
_SHORT_LIST = re.compile(
    r"(?:, ?| ?[/&] ?|,? (?:and|or|&|und|oder|et|ou|y|e|en) )(?:(?:in|on|at|am|im|le|el|il|em|op|dem|den) )?(?:the )?"
)
_LIST = re.compile(r"(?:, ?| ?[/&] ?|,? (?:and|or|&) )(?:(?:in|on|at) )?(?:the )?")


def _in_common(grammar: Grammar, items: list[_Item]) -> list[_Item]:
    """Return the dates; those of a list lie in the same year or week: "May and June 2022"."""
    items = list(items)
    for at in range(len(items) - 2, -1, -1):
        items[at] = _placed_like(
            grammar, items[at], items[at + 1], _LIST.fullmatch(grammar.text, items[at].end, items[at + 1].begin)
        )
    for at in range(1, len(items)):
        items[at] = _placed_like(
            grammar, items[at], items[at - 1], _SHORT_LIST.fullmatch(grammar.text, items[at - 1].end, items[at].begin)
        )
    return items


def _placed_like(grammar: Grammar, item: _Item, other: _Item, listed: object) -> _Item:
    """Return an item placed in the year, month or week of its neighbour in a list, unless it names one itself."""
    own, inside = item.found, other.found and other.found.inside
    if listed and own and other.found and own.kind == "year" and other.found.again:  # "in the summers of 2021 and 2022"
        again, year = other.found.again, own.read
        return replace(item, moment=lambda: _moment(grammar, again(year())))
    if not (listed and own and own.within and inside) or own.needs != inside[0] or item.way:
        return item
    within, reading = own.within, inside[1]
    return replace(
        item, moment=lambda: _moment(grammar, within(reading())), found=replace(own, needs="", inside=inside)
    )


_LENGTH = rf"{NUMBER}[ -]?(?:{UNIT})"
_REST_BEFORE = re.compile(
    rf"(?:(?:\b(?:the|last|next|that|same|very|previous|half)|{NUMBER}) {UNIT}|\b{WEEKDAY})"
    r" (?:before|after|from|prior to|following|into|past|ahead of|short of|to)(?: the)? $"
    rf"|{_LENGTH} (?:and|of|into|plus|minus)(?: an?| the)? $"
    rf"|{NUMBER} (?:week|fortnight|month|year)s? on $"
    r"|\b(?:this|same|that) (?:day|date|week|weekend|month|quarter|season|night|morning|evening) $"
    r"|\bthan $"
    r"|\b(?:semester|trimester|term|season) of(?: the)? $"
    r"|\b(?:half|halves|thirds?|quarters?|fourths?|part|parts) of(?: the)? $"
    rf"|\b(?:{UNIT}|part|half) {NUMBER}(?:(?: and | to | or | through | ?[-–] ?){NUMBER})? of(?: the)? $"
    r"|\b(?:next|second|third)[ -]to[ -]$"
    rf"|\b{WEEKDAY}(?: of| in| before| after| from| on)?(?: the)? $"
    rf"|\b(?:between|from) [^,.;:?!|]{{1,40}} (?:and|to|until|till|through|-) (?:the )?$"
    rf"|(?:\d(?:st|nd|rd|th)?|\b{ORDINAL}) of(?: the)? $"
    rf"|\b(?:{ORDINAL}|closing|opening|dying) (?:{UNIT}|part|third|quarter|half) (?:of|in)(?: the)? $"
    r"|\b(?:eve|dawn|turn|close|tail|tail end|ides) of(?: the)? $"
    r"|\b(?:early|mid|late)(?: |-)(?:to|or)(?: |-)$"
    r"|(?<![\d:.])\d\d?(?:st|nd|rd|th)? ?(?:,|and|or|to|[-–/]) ?$"
    r"|\b(?:tage?n?|wochen?|monate?n?|jahre?n?|jours?|semaines?|mois|ans?|d[ií]as?|semanas?|mes|meses|años?|giorn[io]"
    r"|settiman[ae]|mes[ei]|ann[oi]|anos?|dag(?:en)?|weken|week|maand(?:en)?|jaar|jaren)"
    r" (?:vor|nach|vom|im|in|de|di|du|del|van|dal|avant|après|antes|después|despues|prima|dopo|depois|voor|na)"
    r"(?: \w{1,4}){0,2} $"
)
"""What makes the date after it another one: "two moons and", "the third week of", "every other"."""
_ONE_OF_BEFORE = re.compile(rf"\b(?:{ORDINAL}|every|each|other|alternate|one|another|half)[ -]$")
"""What makes the name after it another of that name: "every second" Friday."""
_DETERMINED = re.compile(r"(?:the|this|last|next|past|previous|coming|yesterday|today|tonight|tomorrow)\b")
_LENGTH_BEFORE = re.compile(
    rf"{NUMBER} [^\W\d_]+,? (?:and|or|plus|minus) $|\b(?:hundred|thousand|score|dozen)(?:,? and)?[ -]$"
)
"""What makes the length of time after it a longer one: "two moons and", "one hundred and"."""
_JUST_LENGTH_BEFORE = re.compile(rf"{_LENGTH} $")
_MORE_HERE = re.compile("less|more|over|under")
_LENGTH_HERE = re.compile(NUMBER)
_REST_AFTER = re.compile(
    rf",? (?:and|or|plus|minus) {_LENGTH}\b"
    r"| and (?:a )?(?:half|bit|change|more)\b"
    r"| (?:before|after) (?:last|next|that|this|then|previous)\b| but (?:one|two|three)\b|,? \d\d(?=[,.;?!]|$)"
    rf"| of (?:(?:that|the|each|every|any|an?|my|his|her|our|their|this|last|next|{NUMBER}) )?"
    rf"(?:{UNIT}|{WEEKDAY}|{MONTH})\b"
    r"|[ -](?:week|fortnight|month|quarter|eve)\b|'s eve\b"
    r"| ?(?:[-–]|to|until|till|through|thru) ?(?:the )?"
    rf"(?:\d\d?(?:st|nd|rd|th)?\b(?![.,:]?\d|%)|{ORDINAL}\b|{WEEKDAY}\b|{MONTH}\b)"
    r"|,? (?:onwards?|forwards?|(?:and|or) (?:later|earlier|before|after|thereafter|older|newer|beyond)(?=[,.;?!]|$))\b"
    r"| (?:ago|from now|hence)\b"
    rf"|,?(?: of| in)? (?:19|20)\d\d(?![\d%])(?!{COUNTED})"
    rf"| ?/ ?(?:\d|{MONTH}\b|{WEEKDAY}\b|{SEASON}\b)"
    rf"| (?:(?:of|in|on) )?(?:the )?{WEEKDAY}\b"
)
"""What makes the date before it another one: "and two moons", "before last", "of that week"."""
_TOUCHES = re.compile(r"(?:'s)?(?: | (?:of|in|on|at|from|into)(?: the)? )?")


def _whole(grammar: Grammar, items: list[_Item]) -> list[_Item]:
    """Return the dates that were read as a whole, with no part left in the text around them."""
    items = _closed(grammar, items)
    torn = set()
    for at, item in enumerate(items):
        before = grammar.text[items[at - 1].end if at else 0 : item.begin]
        after = grammar.text[item.end : items[at + 1].begin if at + 1 < len(items) else None]
        if _REST_BEFORE.search(before[-60:]) or _REST_AFTER.match(after[:60]):
            torn.add(at)
        if _ONE_OF_BEFORE.search(before[-60:]) and not _DETERMINED.match(grammar.text, item.begin):
            torn.add(at)
        if _MORE_HERE.match(grammar.text, item.begin) and _JUST_LENGTH_BEFORE.search(before[-60:]):
            torn.add(at)
        if _LENGTH_HERE.match(grammar.text, item.begin) and _LENGTH_BEFORE.search(before[-60:]):
            torn.add(at)
        if at and _TOUCHES.fullmatch(before):  # they belong together, but no rule says how
            torn |= {at - 1, at}
    return [item for at, item in enumerate(items) if at not in torn]


def _closed(grammar: Grammar, items: list[_Item]) -> list[_Item]:
    """Return the dates; "since March" and "until May" next to each other become one."""
    found: list[_Item] = []
    for item in items:
        last = found[-1] if found else None
        if (
            last
            and {_WAYS.get(last.way), _WAYS.get(item.way)} in _SIDES
            and _BOTH.fullmatch(grammar.text, last.end, item.begin)
        ):
            found[-1] = _Item(last.begin, item.end, partial(_overlap, last.moment, item.moment))
        else:
            found.append(item)
    return found


_BOTH = re.compile(r",? (?:and |but )?")
_SIDES = [{one, other} for one in ("since", "after") for other in ("until", "before")]


def _overlap(one: Callable[[], Moment], other: Callable[[], Moment]) -> Moment:
    first, second = one(), other()
    start, end = max(first.start, second.start), min(first.end, second.end)
    if start >= end:
        raise ValueError("ends before it begins")
    return _moment_between(start, end, (end - start) * _MICROSECOND)
