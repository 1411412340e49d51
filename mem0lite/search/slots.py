"""What a text says to be so now, where only one thing can be: where somebody lives, a phone number, a port. Pure.

Two statements about one slot of one subject ("I live in Lisbon.", "I moved to Porto.") are told by their grammar, in
English. In doubt they are none: a plan, a wish, a question, a quotation, something past, or one of several ("also",
"my children") takes the place of nothing.
"""

import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from .languages import STOP_WORDS
from .speech import QUESTION_MARKS

_ENDS = "no longer "
STAY_IN_FORCE = frozenset({"allergic", "learning", "reading", "preference"})
"""Slots whose older values are not left out of a prompt: it may be wrong to forget an allergy."""
SELF = ""
"""The subject of "I", "we", "my" and "the user"."""
LONGEST_TEXT, _SENTENCES = 2_000, 12  # characters and sentences of a text that are read
LONGEST_SENTENCE = 250  # characters of a sentence that may tell what is so


class Statement(NamedTuple):
    """What a text says to be so now."""

    subject: str
    """Whose it is, in lower case; SELF is whoever speaks."""
    slot: str
    value: str
    kind: str
    """What its value can be compared with: a number with numbers, a name with names; "" with anything."""
    changed: bool
    """Whether the text says that it is new: "now", "moved", "my new number"."""
    several: bool
    """Whether there may be several at a time, so that only a change takes a place."""
    named: bool = False
    """Whether the subject is somebody with a name, whoever speaks."""
    instead_of: str = ""
    """The value that it takes the place of, in lower case, if the text names it: "we switched from Jenkins to …".
    Such a statement says nothing about which slot that is: ``subject`` and ``slot`` are empty."""

    def in_place_of(self, older: "Statement") -> "Statement | None":
        """Return this statement as one about the slot of an older one, if that is the value it takes the place of."""
        words = frozenset(self.instead_of.split())
        if not words or not words <= frozenset(older.value.split()):
            return None
        return older._replace(value=self.value, changed=True, instead_of=self.instead_of)


def replaces(newer: Statement, older: Statement) -> bool:
    """Return whether a later statement takes the place of an earlier one of the same speaker."""
    if newer.instead_of and not newer.slot:
        placed = newer.in_place_of(older)
        return placed is not None and replaces(placed, older)
    if _ENDS in newer.value + older.value:  # of several, one that ended or began again
        return newer.slot == older.slot and newer.value.replace(_ENDS, "") == older.value.replace(_ENDS, "")
    return (
        (newer.subject, newer.slot) == (older.subject, older.slot)
        and not _refines(newer.value, older.value)
        and (newer.kind == older.kind or not (newer.kind and older.kind))
        and (newer.changed or not newer.several)
    )


_LONG = 5  # characters of a value that may be called by its end


def _refines(one: str, other: str) -> bool:
    """Return whether one value is a part of the other: the end of a number, a name without the surname."""
    words, others = set(one.split()), set(other.split())
    long = max(len(one), len(other)) > _LONG  # "ends in 0142"; port 443 is no part of 8443
    return words <= others or others <= words or (long and (one.endswith(other) or other.endswith(one)))


def _any(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# -- sentences that tell nothing of now, or nothing certain

_SENTENCE = re.compile(
    r"(?<=[.!?。！？])(?<!\b(?:Dr|Mr|Ms|St)\.)(?<!\bMrs\.)(?<!\bProf\.)\s+|\n+|;\s+|\s+[-–—]\s+"
    r"|,? and (?=(?:now )?(?:I|I[’']m|we|my) )"
)
_CLAUSE = re.compile(
    r", (?:and |so |but )?(?:now )?(?=(?:I|I[’']m|we|we[’']re|my|our|it[’']s|it is) )"
    r"| and (?:now )?(?=(?:live|work|drive|use|study|stay|bought|got|joined|moved|started|became)s? )",
    re.IGNORECASE,
)
_ELIDED = re.compile(r"(?:live|work|drive|use|study|stay|bought|got|joined|moved|started|became)\b", re.IGNORECASE)
_NOT_SO = re.compile(
    r"[\"“”«»„]|n[’']t\b|[’'](?:d|ll)\b|\b(?:going to|used to|think(?:ing)? (?:of|about)|i (?:think|guess|suppose)"
    r"|as well|one of|when i was|in the past|may(?= [a-z])|(?:old|first|second|third|next|ex)(?= [a-z-]+)"
    r"|last(?= (?!week|month|year|summer|winter|spring|autumn|fall|night|\w+day)[a-z-]+)"
    r"|too(?=[\s.,!]*$)|if|unless|would|could|might|should|shall|will|gonna|plann(?:ed|ing)|plans?(?= (?:to|on|for)\b)"
    r"|wants?|wish(?:es)?|hop(?:e|es|ing)|intend(?:s|ing)?|consider(?:s|ing)?|dream(?:s|ing)?|was|were|had|once|formerly|previously|not"
    r"|never|nor|neither|maybe|perhaps|probably|possibly|supposedly|rumou?r|almost|nearly|say(?:s|ing)?|said|told"
    r"|tells?|ask(?:s|ed)?|claim(?:s|ed)?|wrote|heard|thinks?|believes?|also|another|other|either|both|sometimes"
    r"|temporarily|tomorrow|(?:half|part) of|came back|in my (?:teens|twenties|thirties|youth)|(?:on|at) weekends"
    r"|in the (?:novel|book|game|film|movie|story)|former|previous|imagine|suppose|pretend|let[’']?s|sure"
    r"|about to|looking)\b",
    re.IGNORECASE,
)
_CHANGED = _any(
    "changed moved raised increased reduced lowered decreased extended pushed upgraded updated downgraded renamed"
    " switched rescheduled postponed shifted bumped adjusted set"
)
_PASSIVE = re.compile(rf"\b(?:was|were)(?= (?:{_CHANGED}|promoted)\b)", re.IGNORECASE)
_OVER = re.compile(r"\bnot(?= allergic to [\w ]{1,40}? any ?more\b)", re.IGNORECASE)
_ENDED = re.compile(r",? (?:(?:and |but )?not|instead of|rather than) [\w ]+(?=[.!]*$)", re.IGNORECASE)
_NEW = re.compile(
    rf"\b(?:now|new|nowadays|these days|currently|since|from now on|no longer|any ?more|instead|recently|just|finally"
    rf"|lately|actually|{_CHANGED}|(?:gone|went) (?:up|down)|promoted|turned|became|joined|relocated|got)\b",
    re.IGNORECASE,
)
_DROPPED = re.compile(
    r"^(?:(?:hi|hello|hey|oh|well|ok(?:ay)?|so|yes|yeah|no|btw|by the way|actually|anyway|finally|update|fyi|today"
    r"|yesterday|now|currently|nowadays|please|just|remember(?: that)?|note(?: that)?|good news|as of \w+|from now on"
    r"|at the moment|(?:last|this) \w+|since [\w ]{1,20}(?=,)|in [A-Z]\w+(?=,))\b[\s,:!]*)+"
    r"|\b(?:now|currently|still|actually|just|finally|recently|nowadays|already|officially|happily|usually|always"
    r"|permanently|these days)\b ?"
    r"|[\s,]*\b(?:these days|at the moment|from now on|any ?more|instead|right now|since [\w ]+|as of \w+"
    r"|yesterday|today|last (?:week|month|year|spring|summer|autumn|fall|winter|night|\w+day))(?=[.!\s]*$)",
    re.IGNORECASE,
)

# -- whose

_KIN = (
    "wife husband spouse partner girlfriend boyfriend fiancé fiancée mother father mom mum dad sister brother son"
    " daughter grandmother grandfather grandma grandpa boss manager landlord landlady supervisor"
)
_MANY = (
    "friend cousin colleague coworker roommate flatmate neighbour neighbor child kid baby dog cat pet aunt uncle niece"
    " nephew student client customer"
)
_ONE = frozenset(_KIN.split()) - {"sister", "brother", "son", "daughter"}
_SOMEBODY = rf"(?:(?:older|younger|big|little) )?{_any(_KIN + ' ' + _MANY)}"
_NAME = (
    r"(?-i:(?!(?:I|We|My|Our|The|It|He|She|They|You|Your|His|Her|Their|This|That|There|A|An)\b)"
    r"[A-Z][\w-]+(?: [A-Z][\w-]+)?)"
)
_WHO = re.compile(
    rf"(?P<self>I|we|the user|user)(?=[ ’'])|(?:my|our) (?P<kin>{_SOMEBODY})(?: {_NAME})?"
    rf"|(?P<of>{_NAME})[’']s (?P<theirs>{_SOMEBODY})|(?P<name>{_NAME})(?![’']s \w+ (?:is|has))",
    re.IGNORECASE,
)
_VERBLESS = re.compile(r"(?:lives?|works?|drives?|moved|based)\b", re.IGNORECASE)  # "Lives in Austin", of the user

# -- what somebody does

_BE = r"(?: (?:am|is|are)|[’'](?:m|s|re))"
_HAVE = r"(?: (?:has|have)|[’'](?:ve|s))?"
_PROPER = r"(?-i:[A-Z\d][\w'’&.-]*(?: [A-Z\d&][\w'’.-]*)*)"
_PLACE = (
    r"(?!(?:an?|the|my|our|his|her|their|this|that|fear|peace|hope|front|another|town|place)\b)[^\W\d][\w'’-]*"
    r"(?: (?-i:[A-Z])[\w'’-]*)*"
)
_WORKS = (
    "teacher headteacher nurse doctor engineer developer programmer manager designer lawyer writer editor baker chef"
    " cook waiter carpenter plumber electrician driver pilot farmer gardener postman student scientist analyst"
    " consultant architect accountant artist musician dentist pharmacist therapist librarian midwife journalist"
    " photographer researcher professor lecturer translator director president ceo cto cfo founder administrator"
    " officer firefighter soldier mechanic technician bookbinder surgeon paramedic freelancer intern apprentice clerk"
    " secretary receptionist barista bartender tutor coach principal judge economist psychologist specialist"
)
_TOOLS = (
    "Zoom Slack Teams React Vue Angular Python Rust Java Go Postgres AWS Azure Kubernetes Docker GitHub GitLab Notion"
    " Linux Windows Mac Chrome Firefox"
)
_ROLE = rf"(?:[\w-]+ ){{0,3}}?{_any(_WORKS)}"
_TIME = (
    r"(?:noon|midnight|half \w+|a quarter \w+ \w+|\d[\d:.]*(?: ?[ap]m)?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten)"
)
_DOES = (
    (
        "home",
        rf"{_BE}? (?:lives?|living|resides?|residing|based)\b(?: \w+){{0,5}}? (?:in|near) (?P<value>{_PLACE})",
    ),
    (
        "home",
        rf"{_HAVE} (?:moved|relocated)(?: back| over| away| house)*(?: from {_PROPER})?"
        rf" to (?P<value>(?!{_any(_TOOLS)}\b){_PROPER})(?! (?:for|from) [a-z])",
    ),
    ("home", rf"{_HAVE} moved into (?:an?|my|our|the)\b[^.]* in (?P<value>{_PROPER})"),
    ("stay", rf"{_BE}? stay(?:s|ing)? at (?:the )?(?P<value>{_PROPER})"),
    (
        "employer",
        rf"{_BE}? (?:works?|working|employed) (?:at|for) "
        rf"(?P<value>(?:the )?{_PROPER}|an? (?:[\w-]+ ){{0,2}}[\w-]+)",
    ),
    (
        "employer",
        rf"{_HAVE} (?:joined|(?:started|got|took|have|has)(?: working| (?:an?|my) (?:new )?job) (?:at|with|for)) "
        rf"(?P<value>{_PROPER}|an? (?:[\w-]+ ){{0,2}}[\w-]+)",
    ),
    (
        "job",
        rf"{_BE}? (?:works?|working|employed) as (?:an? |the )?"
        r"(?P<value>[\w -]+?)(?= (?:at|in|for|with)\b|[.,!]|$)",
    ),
    (
        "job",
        rf"{_HAVE} (?:became|become|started as|(?:been |got |is )?promoted to) (?:an? |the )?(?P<value>{_ROLE})\b",
    ),
    ("job", rf"{_BE} (?:an? |the )?(?P<value>{_ROLE})(?= (?:at|in|for)\b|[.,!]|$)"),
    ("car", rf"{_BE}? driv(?:es?|ing) (?:an? |my |the )?(?:(?!to\b)[a-z]+ ){{0,2}}(?P<value>{_PROPER})\b(?! to\b)"),
    ("car", rf"{_HAVE} (?:bought|got|have|has) (?:an?|my) new car[,:]? (?:an? )?(?P<value>{_PROPER})"),
    ("allergic", rf"{_BE} (?P<value>(?:no longer )?allergic to [\w ]+)"),
    ("age", rf"{_BE} (?P<value>\d{{1,3}})(?= years old|[.!]*$)"),
    ("age", rf"{_HAVE} turned (?P<value>\d{{1,3}})(?! (?:degrees|pages|minutes))\b"),
    ("weight", rf"{_BE}? weighs? (?P<value>\d[\d.,]*)"),
    ("status", rf"{_BE} (?P<value>single|engaged|married|divorced|widowed)\b"),
    ("status", rf"{_HAVE} (?:got|gotten) (?P<value>engaged|married|divorced)\b"),
    ("diet", rf"{_BE} (?:a )?(?P<value>vegetarian|vegan|pescatarian)\b"),
    ("diet", rf"{_BE}? follow(?:s|ing)? an? (?P<value>[\w-]+) diet"),
    ("studies", rf"{_BE}? stud(?:y|ies|ying) (?P<value>(?!for|hard|at|in|with|every|on|an?\b|the\b)\w+)"),
    (
        "subscription",
        rf"(?:{_BE} on|{_HAVE} {_CHANGED} to) (?:the|an?) "
        r"(?P<value>[\w-]+) (?:plan|tier|subscription)\b",
    ),
    ("wake", rf"{_BE}? (?:wak|gett?)(?:es?|s|ing|e)? ?up (?:on \w+ )?at (?P<value>{_TIME})"),
    ("wake", rf" gets? up (?:on \w+ )?at (?P<value>{_TIME})"),
)
# Several at a time, if nothing says that the newer one takes the place of the others.
_LEARNS = (
    ("learning", rf"{_BE} learning (?P<value>(?!to\b|how\b|about\b)\w+)"),
    ("reading", rf"(?:{_BE} reading|{_HAVE} (?:started|begun|began) reading) (?P<value>an? \w+|{_PROPER})"),
    ("preference", r" prefers? (?P<value>\w+)"),
)

# -- what something is

_NOUN = r"(?:[\w.'’/&-]+ ){0,3}?[\w.'’/&-]+"
_THING = r"(?:[\w./&-]+ ){0,3}?[\w./&-]+"
_IS = (
    rf"(?: (?:has |is |got )?(?:been )?(?:{_CHANGED}|gone|went|rose|risen|dropped|fell|fallen)(?: up| down| back| out)?"
    rf" to| (?:is|stands at|ends in|takes place)(?: called| named| set to)?|[’']s)"
)
_OF = r"(?:of|for) (?:the |my |our )?"
_WITH = r"(?: (?:with|to) (?-i:[A-Z])[\w-]+)?"
_ITS = r"(?:, (?:and )?|: ?|; )it(?:[’']s| is)"
_ATTRIBUTES = (
    rf"(?:the|my|our) (?P<noun>{_NOUN}) {_OF}(?P<of>{_THING}){_IS} (?P<value>.+)",
    rf"(?:the|my|our) (?P<of>{_THING})[’']s (?P<noun>{_NOUN}){_IS} (?P<value>.+)",
    rf"(?P<of>the user|user|{_NAME})[’']s (?P<noun>{_NOUN}{_WITH}){_IS} (?P<value>.+)",
    rf"(?:the|my|our) (?P<noun>{_NOUN}{_WITH}){_IS} (?P<value>.+)",
    rf"(?P<value>{_PROPER}) (?:is|became|took over as) (?:my |our )(?P<noun>{_NOUN})[.!]*$",
    rf"(?P<value>{_PROPER}){_HAVE} (?:became|taken over as|took over as)(?: the)? (?P<noun>{_NOUN})"
    rf"(?: from {_PROPER})?[.!]*$",
    rf"(?:I|we){_HAVE} (?:{_CHANGED}|rotated) (?:my|our|the) (?P<noun>{_NOUN}){_ITS} (?P<value>.+)",
    rf"(?:the|my|our) (?P<noun>{_NOUN}) (?:is|has been|got) (?:{_CHANGED}|rotated){_ITS} (?P<value>.+)",
    rf"(?:I|we){_HAVE} renamed (?:my|our|the) (?P<noun>{_NOUN})(?: to| as)? (?P<value>{_PROPER})[.!]*$",
    rf"(?:(?:you|people|they) can )?use my (?:new )?(?P<noun>{_NOUN}):? (?P<value>[\w.+-]*[\d@][\w.@+ -]*)[.!]*$",
    r"(?:(?:you|people|they) can )?(?:reach|call|text|phone) me (?:at|on|under) (?P<phone>\+?\d[\d ()/-]+)[.!]*$",
    r"(?:(?:you|people|they) can )?(?:reach|write to|e-?mail|contact) me (?:at|on|under) "
    r"(?P<email>[\w.+-]+@[\w.-]+)[.!]*$",
    rf"(?:I|we){_HAVE} {_CHANGED} (?:my|our|the) (?P<noun>{_NOUN})(?: from [^.]+?)? to (?P<value>.+)",
    rf"(?:I|we){_HAVE} (?:got |have )?an? new (?P<noun>(?:[\w-]+ )?[\w-]+)[:,] (?P<value>.+)",
    rf"(?:the |our |my )?(?P<of>{_THING}) (?:listens|runs|is|uses|(?:(?:has|is) )?(?:been )?(?:moved|switched))"
    r"(?: on| to)? (?P<noun>port) (?P<value>\d+)",
    rf"(?:I|we){_HAVE} (?:moved|switched|put|changed) (?:the |our |my )?(?P<of>{_THING}) (?:to|on) "
    r"(?P<noun>port) (?P<value>\d+)",
    rf"(?:I|we){_HAVE} {_CHANGED} to (?:the )?(?P<of>[\w-]+) (?:(?P<noun>version) )?(?P<value>v?\d[\w.]*)[.!]*$",
    r"(?P<of>[\w-]+) (?P<noun>version) is (?P<value>v?\d[\w.]*)",
    r"(?:our|my|the) (?P<of>[\w-]+) (?P<noun>version) is (?P<value>v?\d[\w.]*)",
    rf"(?:I|we)(?:{_BE} on| use| run) (?:(?P<of>[\w-]+) )(?:(?P<noun>version) )?(?P<value>v?\d[\w.]*)",
    rf"(?:I|we) (?:use|run) (?P<noun>version) (?P<value>v?\d[\w.]*) of (?:the )?(?P<of>{_THING})[.!]*$",
    rf"(?:I|we){_HAVE} {_CHANGED} (?:the |our |my )?(?P<of>{_THING}) (?:from [\w .]+?)?to "
    r"(?P<noun>version) (?P<value>v?\d[\w.]*)",
    rf"(?:I|we|the user){_HAVE} (?:uses?|(?:switched|moved|changed) to) (?P<value>{_PROPER}) (?:as|for) "
    rf"(?:my|our|the|their) (?P<noun>{_NOUN})[.!]*$",
    rf"^(?P<noun>(?:[\w-]+ ){{0,2}}?[\w-]+)(?: of (?:the )?(?P<of>{_THING}))?: (?P<value>.+)",
)
_ALIASES = {
    "number": "phone number", "phone": "phone number", "mobile": "phone number", "mobile number": "phone number",
    "cell": "phone number", "cell number": "phone number", "cell phone number": "phone number",
    "telephone number": "phone number", "email address": "email",
    "e-mail": "email", "mail": "email", "e-mail address": "email", "favorite": "",
    "monthly grocery budget": "monthly budget for groceries",
}  # fmt: skip
_SPELT = {"favourite": "favorite", "colour": "color", "time zone": "timezone", "programme": "program"}
_OWNED = re.compile(r"(?P<of>.+) (?P<noun>version|port)")  # "our Postgres version" is that of Postgres
_EITHER = {"color": "col", "favorite": "favo", "timezone": "zone", "program": "program"}  # what both spellings have
_QUALIFIED = re.compile(r"^(?:(?:new|current|latest|present|absolute|own|main|primary|preferred) )+", re.IGNORECASE)
_REFUSED = _words(
    "it this that there what which who problem thing point way idea plan day time rest life mood answer"
    " total price score summary recipe note event result weather order"
)
_SINGLE = re.compile(r"\b(?:order|ticket|invoice|tracking|case|reference|flight|seat) number$")  # of one of many
_STATES = _words(
    "full broken lost empty gone wrong slow down up ready late early expired ill sick fine ok good bad done"
)
_FEELS = re.compile(
    r"(?:too|very|so|quite|really|a bit|a little|an? (?:mess|joy|pain|nightmare|good|great|nice))\b", re.I
)
_WHEN = re.compile(
    rf"(?:(?:on|at|in|for|until|from) )?(?:the )?(?:{_any('mon tues wednes thurs fri satur sun')}days?\b"
    r"|\d{1,2}(?:st|nd|rd|th)?\b"
    rf"|{_any('january february march april may june july august september october november december')}\b|{_TIME}\b"
    r"|tomorrow\b|every \w+day)",
    re.IGNORECASE,
)
_FLOOR = re.compile(
    r"(?:located |based )?(?:in (?-i:[A-Z])[\w-]+|on the \w+ floor|with (?-i:[A-Z])[\w-]+)", re.IGNORECASE
)
_PLAIN = _words(
    "color food dish language diet size status job occupation profession name password hint username login"
    " nickname email drink animal season sport browser editor timezone branch type major subject style theme"
    " format level position title role preference genre flavor fruit snack cuisine address account handle network"
    " band team key code pin token"
)


_I_OR_WE = re.compile(r"(?:I|we)[ ’']", re.IGNORECASE)
_SPACED = re.compile(r"\s(?=[.!,])")

# What took the place of what, by its name: "we switched from Jenkins to GitHub Actions".
_GONE = r"(?:my |our |the |an? )?(?P<gone>[\w.&'’-]+(?: (?!(?:and|for|to|from|with|by|in)\b)[\w.&'’-]+){0,2}?)"
_CAME = rf"(?:my |our |the |an? )?(?:new )?(?P<value>{_PROPER}|[\w-]+(?: [\w-]+)?)[.!]*$"
_INSTEAD = (
    rf"(?:I|we|the user|[\w ]{{1,30}}? (?:has|have|is)){_HAVE} (?:been )?"
    rf"(?:switched|moved|migrated|changed|gone|converted|transitioned)(?: over| away)? from {_GONE} to {_CAME}",
    rf"(?:I|we|the user){_HAVE} replaced {_GONE} (?:with|by) {_CAME}",
    rf"(?:I|we|the user){_HAVE} (?:swapped|traded|exchanged)(?: in)? {_GONE}(?: in)? for {_CAME}",
    rf"(?:I|we|the user){_HAVE} (?:sold|dropped|left|quit) {_GONE}(?:,? and)? "
    rf"(?:bought|got|joined|for|to join) {_CAME}",
    rf"(?:I|we|the user){_HAVE} (?:left|quit) {_GONE}(?:,? and| to)? work(?:s|ing)? (?:for|at) {_CAME}",
)
_REPLACED_BY = (
    "switched moved migrated changed gone converted transitioned replaced swapped traded exchanged sold left quit"
    " dropped"
)
"""Parts of the words of such a sentence, of which each has one."""

# "I start work at eight.", of which a newer one says the same but for its end: "I start work at nine now."
_MOVED = re.compile(r"(?!I\b|we\b)[^.]*? (?:moved|relocated) to\b", re.IGNORECASE)
_SAME_BUT_END = re.compile(
    r"(?!.* (?:am|is|are) (?:on|at|in|from|with|under|behind|by) )"
    r"(?P<slot>(?:I|we|my|our|the)(?: [\w’'-]+){1,6} (?:on|at|in|from|with|under|behind|by|for))"
    r" (?P<value>(?:the|an?|my|our|two|three|four) [\w-]+(?: [\w-]+)?"
    r"|(?:(?:gate|room|number|line) )?[\w:-]+(?: [ap]m)?)"
    r"[\s.!]*$",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=4_096)
def statements(text: str) -> tuple[Statement, ...]:
    """Return what an English text says to be so now, at most once for each slot; nothing for most texts."""
    found = {}
    for sentence in _SENTENCE.split(text[:LONGEST_TEXT])[:_SENTENCES]:
        for one in _stated(sentence.strip()):
            found[one.subject, one.slot] = one
    return tuple(found.values())


def _stated(sentence: str) -> Iterator[Statement]:
    if len(sentence) > LONGEST_SENTENCE or sentence.endswith(QUESTION_MARKS):
        return
    sentence = _ENDED.sub("", _PASSIVE.sub("is", _OVER.sub("no longer", sentence)))
    if _NOT_SO.search(sentence):
        return
    changed = _NEW.search(sentence) is not None
    plain = _plain(sentence)
    told = [*_instead(plain), *_told(plain, changed)]
    if not told and _I_OR_WE.match(plain):
        told = [one for clause in _CLAUSE.split(sentence) for one in _told(_whole(_plain(clause)), changed)]
    yield from told
    if not told and (found := _SAME_BUT_END.match(plain)):
        yield Statement(SELF, found["slot"].lower(), _clean(found["value"]), "", changed, True)


def _plain(sentence: str) -> str:
    """Return a sentence without the words that say when, and how sure it is."""
    return _SPACED.sub("", _DROPPED.sub("", sentence)).strip()


def _whole(clause: str) -> str:
    """Return a clause with the subject that it shares with the one before it."""
    return f"I {clause}" if _ELIDED.match(clause) else clause


def _told(plain: str, changed: bool) -> list[Statement]:
    return [*_done(plain, changed)] or [*_attributed(plain, changed)]


def _instead(plain: str) -> Iterator[Statement]:
    """Yield what a sentence puts in the place of what it names."""
    for pattern in _instead_frames():
        if found := pattern.match(plain):
            yield Statement(SELF, "", _clean(found["value"]), "", True, False, instead_of=_clean(found["gone"]))
            return


@functools.cache
def _frames() -> list[tuple[str, bool, re.Pattern[str]]]:
    """Return slots, whether there may be several at a time, and patterns of what somebody does: which take time."""
    given = [(slot, False, pattern) for slot, pattern in _DOES] + [(slot, True, pattern) for slot, pattern in _LEARNS]
    return [(slot, many, re.compile(frame, re.IGNORECASE)) for slot, many, frame in given]


@functools.cache
def _instead_frames() -> list[re.Pattern[str]]:
    return [re.compile(frame, re.IGNORECASE) for frame in _INSTEAD]


@functools.cache
def _attribute_frames() -> list[re.Pattern[str]]:
    return [re.compile(frame, re.IGNORECASE) for frame in _ATTRIBUTES]


def _done(sentence: str, changed: bool) -> Iterator[Statement]:
    if _VERBLESS.match(sentence):
        sentence = f"I {sentence}"
    who = _WHO.match(sentence)
    if who is None:
        return
    subject, several = _subject(who)
    rest = sentence[who.end() :]
    for slot, many, pattern in _frames():
        if found := pattern.match(rest):
            named = (who["of"] or who["name"]) is not None
            yield Statement(subject, slot, _clean(found["value"]), "", changed, several or many, named)
            return


def _subject(who: re.Match[str]) -> tuple[str, bool]:
    """Return whose a statement is, and whether there may be several of them."""
    if who["self"]:
        return SELF, False
    kin = (who["kin"] or who["theirs"] or "").lower()
    several = kin.rpartition(" ")[2] in _MANY.split()
    return " ".join(filter(None, [(who["of"] or who["name"] or "").lower(), kin])), several


def _attributed(sentence: str, changed: bool) -> Iterator[Statement]:
    for pattern in _attribute_frames():
        if (found := pattern.match(sentence)) and not _is_note(found):
            groups = {"of": "", "noun": "version", **{name: one for name, one in found.groupdict().items() if one}}
            for noun in {"phone", "email"} & groups.keys():
                groups |= {"noun": noun, "value": groups[noun]}
            one = _attribute(groups["of"], groups["noun"], groups["value"], changed)
            if one is not None:  # "The meeting is on Tuesday.", of which there may be many
                if one.kind == "name" and _MOVED.match(found[0]):
                    one = one._replace(kind="place")
                loose = found[0][:4].lower() == "the " and not groups["of"] and " " not in one.slot
                yield one._replace(several=one.several or loose)
                return


def _is_note(found: re.Match[str]) -> bool:
    """Return whether a label names nothing that is so: "Note: buy milk", unlike "Phone: 555-0142"."""
    if found.re.pattern != _ATTRIBUTES[-1] or found["of"]:
        return False
    noun = _noun(found["noun"])
    return noun not in _LABELS and noun.rpartition(" ")[2] not in _PLAIN


def _attribute(of: str, noun: str, value: str, changed: bool) -> Statement | None:
    noun, value = _noun(noun.strip(" .,")), value.strip(" .!")
    if not of and (owned := _OWNED.fullmatch(noun)):
        of, noun = owned["of"], owned["noun"]
    kind = _kind(noun, value)
    if kind is None or _SINGLE.search(noun) or noun.split()[-1] in _REFUSED:
        return None
    subject = SELF if of.lower() in ("", "user", "the user") else of.lower()
    head = noun.rpartition(" ")[2]
    several = head in (_MANY + " sister brother son daughter hobby tool book").split()
    if several or head in _ONE:
        if kind != "name":
            return None
        subject, noun = f"{subject} {noun}".strip(), "name"
    return Statement(subject, noun, _clean(value), kind, changed, several)


def _noun(noun: str) -> str:
    noun = _QUALIFIED.sub("", noun.lower())
    for british, american in _SPELT.items():
        noun = noun.replace(british, american)
    return _ALIASES.get(noun) or noun


def _kind(noun: str, value: str) -> str | None:
    """Return what a value can be compared with; None if it only tells how something is, as in "my boss is ill"."""
    if _FEELS.match(value) or value in _STATES:
        return None
    if noun.startswith("favorite ") or noun.rpartition(" ")[2] in _PLAIN:
        return None if re.match(r"(?:on|in|at|being|(?!spring)\w+ing)\b", value) else ""
    if _WHEN.match(value) and not re.match(r"[\d€$£]", value):
        return "when"
    if re.match(r"[€$£]?\d|v\d|\+\d", value):
        return "number"
    if goal := re.match(r"to \w+", value):
        return goal[0]
    if re.match(r"(?-i:[A-Z])", value):
        return "name"
    if _FLOOR.match(value):
        return "place"
    return "thing" if re.match(r"(?:an?|the) ", value) else None


def _clean(value: str) -> str:
    return " ".join(re.sub(r"^(?:an?|the) ", "", value.lower()).split()).strip(" .,!")


# -- questions

_PAST = re.compile(
    r"\b(?:did|was|were|had|used to|before|previous(?:ly)?|former(?:ly)?|old|older|original(?:ly)?|first|earlier|past"
    r"|back then|ago|last|ever|how long|since when|initially|history|until|will|going to|next|planned|all|list|every"
    r"|change[sd]?|changing|moved?|have i|have we|has \w+ (?:lived|worked|been)|in (?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_CUES = {
    "home": "live lives living home city town country reside based address place where",
    "stay": "stay staying hotel where",
    "employer": "work works working employer company job employed",
    "job": "job work profession occupation living do does position role career title",
    "car": "car drive drives driving vehicle",
    "allergic": "allergic allergy allergies avoid",
    "age": "old age",
    "weight": "weigh weight weighs heavy",
    "status": "married single status relationship engaged",
    "diet": "diet eat vegetarian vegan",
    "studies": "study studies studying subject major",
    "subscription": "plan tier subscription subscribed",
    "wake": "wake get up",
    "learning": "learn learning language studying",
    "reading": "reading read book novel",
    "preference": "prefer preferred like",
    "name": "name called who named names",
}
_LINKS = _words("on at in from with under behind by for")  # what the beginning of a sentence ends in
_WHOLE = 4  # words of a slot that is the beginning of a sentence
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_TOLD_BY = {
    "home": "live living moved resid based relocat",
    "stay": "stay",
    "employer": "work employ joined job",
    "job": "work employ job became become promoted started i'm is am",
    "car": "driv car",
    "allergic": "allerg",
    "age": "i'm i’m am turned old is",
    "weight": "weigh",
    "status": "single engaged married divorced widowed",
    "diet": "veg pesc diet",
    "studies": "study studi",
    "subscription": "plan tier subscri",
    "wake": "up",
    "learning": "learning",
    "reading": "reading",
    "preference": "prefer",
}
"""Parts of words, of which a statement of a slot has one."""
_LABELS = frozenset({"phone number", "location", "city", "employer", "company"})
_I = _words("i my me mine we our us user i'm am")
_SELF_ALONE = _words("i me we us user i'm am")
_LOOSE = _words("where who place do does avoid up get like name names named called eat")  # ask for much else, too


def asks_about_now(query: str) -> bool:
    """Return whether an English query asks how something is, and not how it was or will be."""
    return _PAST.search(query.lower().replace("how old", "")) is None


def is_about(words: frozenset[str], one: Statement) -> bool:
    """Return whether a query, given by its words in lower case, asks for a slot and whose it is."""
    named = _WORD.findall(one.slot)
    whole = len(named) >= _WHOLE or named[-1] in _LINKS
    cues = _CUES.get(one.slot, "").split() or (
        [w for w in named[1:] if len(w) > 2 and w not in _LINKS] if whole else named[-1:]
    )
    if words.isdisjoint(cues):
        return False
    whose = _WORD.findall(one.subject)
    return bool(words & _I) if not whose and one.slot in _CUES else not whose or not words.isdisjoint(whose)


def names(query: str, one: Statement) -> bool:
    """Return whether a query asks for nothing but a slot: "Where do I live?" asks for a home, and "Where does my sister
    play?" does not."""
    words = words_of(query)
    if one.slot not in _CUES:
        return words.issuperset(_WORD.findall(f"{one.slot} {one.subject}"))
    cues = set(_CUES[one.slot].split()) - _LOOSE
    if one.subject:
        return not words.isdisjoint(cues) and words.issuperset(_WORD.findall(one.subject))
    if not words.isdisjoint(_SELF_ALONE):
        return not words.isdisjoint(cues)
    return any(pair[0] in ("my", "our") and pair[1] in cues for pair in pairwise(_WORD.findall(query.lower())))


class Asked:
    """What a query about the present asks for."""

    def __init__(self, query: str) -> None:
        self._query, self._words = query, words_of(query)
        slots = [slot for slot, cues in _CUES.items() if not self._words.isdisjoint(cues.split())]
        told_by = [part for slot in slots for part in _TOLD_BY.get(slot, "").split()]
        named = [word for word in self._words if len(word) > 2 and word not in STOP_WORDS and word not in _I]
        if "number" in named:
            named.append("phone")
        told_by += _REPLACED_BY.split()
        self._parts = tuple(dict.fromkeys([*told_by, *(_EITHER.get(word, word) for word in sorted(named))]))
        self._read: dict[str, list[Statement]] = {}  # a search asks about each of its results several times

    def said_in(self, text: str) -> list[Statement]:
        """Return what a text says about what is asked. Most texts have no word of it, and are not read."""
        found = self._read.get(text)
        if found is None:
            found = self._read[text] = self._said_in(text)
        return found

    def _said_in(self, text: str) -> list[Statement]:
        folded = text[:LONGEST_TEXT].lower()
        for part in self._parts:  # any() with a generator takes three times as long
            if part in folded:
                return [one for one in statements(text) if one.instead_of or is_about(self._words, one)]
        return []

    def answered_by(self, text: str) -> bool:
        """Return whether a text says just what is asked."""
        return any(names(self._query, one) for one in self.said_in(text))


def words_of(query: str) -> frozenset[str]:
    """Return the words of a query in lower case, in one spelling."""
    text = query.lower().replace("’", "'").replace("'s", "")
    for british, american in _SPELT.items():
        text = text.replace(british, american)
    return frozenset(_WORD.findall(text))
