"""Near-identical texts: two wordings of one fact, told from two facts that differ in a word. Pure.

Memories that look nearly the same often say the opposite, or the same about another person, number or day. Neither
cosine similarity nor the share of common words can tell. So everything without meaning is removed first, and two texts
are copies only if the same words remain in the same order. What is removed:

- Unicode form (NFKC), white space, case, Markdown emphasis, headings and bullets, punctuation at the end;
- in English texts: punctuation other than the end of a sentence and the commas of a list, articles, a few empty words
  ("please", "really", "also", "too"), contractions ("don't"), British spelling, numbers up to 99 in words, "that" after
  "said", the order of "tea and milk" after "likes", the number of a noun after "likes".

What can carry meaning stays: a capital inside a sentence ("US" is not "us"), "a" in contrast to "the", "a few" in
contrast to "few", a question mark, an emoji, a comma after "no", quotation marks around "I". Identifiers, paths, URLs
and numbers must be the same to the letter. Code, and texts of more than MAX_CHARACTERS, are copies only of exactly the
same text. Synonyms, other tenses and another order count as different: in doubt, a text is not a copy.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import chain

from ..comparison import nfc

MAX_CHARACTERS = 4_000
"""Characters up to which texts are compared word by word."""

_SHORT_TEXT = 400  # characters

Mark = tuple[str, str, bool, bool]
"""How a word is used: its capitals, its article, whether a plural -s was removed, whether an article counts it."""

Canonical = tuple[tuple[str, ...], tuple[Mark, ...]]
"""The words that carry a text's meaning and their marks."""


def _list(text: str) -> list[str]:
    return text.split()


def _words(text: str) -> frozenset[str]:
    return frozenset(_list(text))


# fmt: off
_ENGLISH = _words("""
I is are were been have does did would could should the and not but of at with from this that these those my your his
her their our its you they she what when where why how there because about like likes love loves works lives wants
prefers user enjoys hates allergic am please went said
""")
_WEAKLY_ENGLISH = _words("he has to had for by can we him on got me was if")
_OTHER = _words("""
der das und ist nicht ein eine einen ich mit für el los las que y une con para je le les et est pas du il che di non
sono het een niet ik och att är inte jag det de os é não jeg ikke
""")
_ARTICLES = _words("a an the")
_PLAIN = _words("""
i you he she they we me him them my your his her our their its this that these those is am are was were be been being
have has had do does did can could would should must of to in on at with from for by about the and or but not no
never if so than then too very only also all some any what when where why how there because user please really
monday tuesday wednesday thursday friday saturday sunday january february april june july september october november
december
""")  # words that are not names, however they are written
_ABBREVIATED = _words("dr mr mrs ms st prof jr sr corp inc ltd co vs etc approx")
_AMBIGUOUS = _words("us it may who march will mark bill art rose grace polish turkey china apple august aids")
_LIKING = _words("like love hate enjoy prefer dislike adore")
_LIKINGS = _LIKING | {f"{verb}s" for verb in _LIKING}
_GENERIC = _LIKINGS | _words("allergic interested afraid scared fond fan")
_LINKS = _words("to of in about")
_DETERMINERS = _words("every each another one many few several most both same other")
_BEFORE_LISTS = _LIKINGS | _words("""
of in about with for from are to do does play plays eat eats drink drinks speak speaks visit visits
""")
_EMPTY = _words("really actually basically please also")
_JUST_BEFORE = _LIKINGS | _words("want wanted need hope wish think thought")
_OPENERS = _words("oh ah hi hey hello um uh hmm well btw")
_NEGATIONS = _words("no not never nothing nobody without hardly neither nor")
_ADDRESSED = _words("me you us . ?")
_ADDITIONS = [[*words, pause] for words in (["too"], ["as", "well"]) for pause in (".", ",", "?")]
_AND = _words("and or")
_ANSWERS = _words("no yes not never")
_SAYING = _words("say says said think thinks thought know knows knew hope hopes mentioned believe believes")
_SUBJECTS = _words("i you he she it we they")
_BARE_THE = _words("most more few less least little many much one ones other others rest same only charge question")
_BARE_A = _words("""
few little lot bit couple number hundred thousand million dozen half third quarter second must like and or but is are
was were in on at of to for than if
""")  # words after which, or before which, an article changes the meaning
_LETTERED = _words("vitamin plan option hepatitis type class grade team group level section part point series model")
_ORDINALS = _words("st nd rd th")
_MONTHS = _words("january february march april may june july august september october november december")
_INVARIABLE = _words("news glasses was has does its his this ours yours hers theirs always perhaps yes")
# fmt: on

_SPELLINGS = dict(
    pair.split(":")
    for pair in _list("""
    favourite:favorite favourites:favorites colour:color colours:colors grey:gray centre:center theatre:theater
    neighbour:neighbor neighbours:neighbors flavour:flavor flavours:flavors behaviour:behavior humour:humor
    honour:honor labour:labor organise:organize organised:organized organises:organizes organising:organizing
    realise:realize realised:realized recognise:recognize recognised:recognized apologise:apologize
    analyse:analyze travelling:traveling travelled:traveled traveller:traveler cancelled:canceled jewellery:jewelry
    yoghurt:yogurt pyjamas:pajamas mum:mom okay:ok %:percent &:and a.m:am p.m:pm
    """)
)
_UNITS = _list("""
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
""")
_TENS = _list("twenty thirty forty fifty sixty seventy eighty ninety")
_NUMBERS = {word: str(number) for number, word in enumerate(_UNITS)}
_NUMBERS |= {word: str(10 * number) for number, word in enumerate(_TENS, 2)}
_NUMBERS |= {f"{tens}-{unit}": f"{n}{m}" for n, tens in enumerate(_TENS, 2) for m, unit in enumerate(_UNITS[1:10], 1)}

_IN_WORDS = frozenset([*_UNITS, *_TENS])
_RESPELT = _SPELLINGS | _NUMBERS

_SHORT = {"'s": "'s", "'d": "'d", "'ll": "will", "'ve": "have", "'re": "are"}


def _contractions() -> dict[str, list[str]]:
    pronouns = _list("i you he she it we they that there who what where how here name")
    table = {one + short: [one, full] for one in pronouns for short, full in _SHORT.items()}
    verbs = _list("do does did is are was were have has had would could should might must need")
    negated = {f"{verb}n't": [verb, "not"] for verb in verbs}
    negated |= {"can't": ["can", "not"], "won't": ["will", "not"], "shan't": ["shall", "not"], "i'm": ["i", "am"]}
    slips = {word.replace("'", ""): words for word, words in negated.items()}
    slips |= {one + short[1:]: [one, _SHORT[short]] for one in ("you", "they") for short in ("'re", "'ve")}
    phrases = {"cannot": ["can", "not"], "gonna": ["going", "to"], "wanna": ["want", "to"], "let's": ["let", "us"]}
    return table | negated | slips | phrases | {"ive": ["i", "have"]}


_CONTRACTIONS = _contractions()
_NO_MARK: Mark = ("", "", False, False)
_AMBIGUOUS_SHORT = (("'s", "is", "has", _words("been got had")), ("'d", "would", "had", _words("been better had")))
_CANDIDATES = _EMPTY | _OPENERS | _ORDINALS | {"just", "that", "too", "as", "well", "."}
_CHANGING = _CANDIDATES.union(
    _ARTICLES, chain(*_RESPELT.items()), _CONTRACTIONS, chain(*_CONTRACTIONS.values()), ("is", "has", "would", "had")
)
"""Words that a rule removes, or that it changes into others or makes of others."""
_CHARACTERS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("‘’‚‛´", "'")
    | dict.fromkeys("“”„‟«»", '"')
    | dict.fromkeys("\u00ad\u200b\u2060\ufeff\u200e\u200f\ufe0e\ufe0f")
)
_RAISED = re.compile("([²³¹⁰⁴-⁹₀-₉¼-¾⅐-⅞①-⒛])")
_MARKUP = re.compile(
    r"^[ \t]*(?:#{1,6}|[-*•])[ \t]+(?!\d)|(?<![\w*`])(\*{1,3}|`)(?=\S)([\w'.,/ -]*\w)\1(?![\w*`])", re.MULTILINE
)
_CODE = re.compile(
    r"[{}\[\]<>=;\\|^~`]|\w\(|(?<!\w)([\"'])[^\"]{0,99}\b(?i:i|me|my|we|our|us|you|your)\b|([\"'])\s*\d+\s*\2"
)
_FACE = re.compile(r"[:;]'?-?[()DPpOo/3]+$")
_OPENING = "(\"'*…¿¡"
_CLOSING = ".,;:!?…)\"'。、*"
_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|now|currently|recently|lately|just|soon|ago|later|earlier|already|yet|still"
    r"|(?:this|next|last|past|coming) (?:\w+ )?(?:\w*day|night|morning|afternoon|evening|weekend|week|month|year|time"
    r"|spring|summer|autumn|fall|winter|january|february|march|april|may|june|july|august|september|october|november"
    r"|december)s?)\b",
    re.IGNORECASE,
)
_STOP = re.compile("[.!…。]")
_PLAIN_WORD = re.compile(r"(?<!\S)[a-z]{4,}(?!\S)")
_DIGIT, _LETTERS = re.compile("[0-9]"), re.compile("[a-z]+")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)(%|[a-zA-Z]+)")


def near_identical(a: str, b: str) -> bool:
    """Tell whether two texts are wordings of one fact; in doubt, they are not. Symmetric, and true for equal texts."""
    if a == b or (not (a.isascii() and b.isascii()) and nfc(a) == nfc(b)):
        return True
    short, long = sorted((len(a), len(b)))
    if long > MAX_CHARACTERS or long > 2 * short + 80:  # never is that much removed
        return False
    if a.isascii() and not all(map(a.lower().__contains__, _kept(b))):
        return False
    if _has_other_digits(a, b):
        return False
    (words, marks), (others, other_marks) = canonical(a), canonical(b)
    return words == others and all(map(_agree, marks, other_marks))


@lru_cache(maxsize=64)  # one text is compared with several
def _kept(text: str) -> tuple[str, ...]:
    """Return what any near-identical ASCII text has in it, in lower case: the words that no rule removes or respells,
    without what a plural may lose. Looking for them costs far less than reading a text's meaning."""
    words = _PLAIN_WORD.findall(text.lower()) if text.isascii() else []
    kept = {word: _singular(word) for word in words if word not in _CHANGING}
    return tuple(stem.removesuffix("y") for stem in kept.values() if stem not in _CHANGING)


def _has_other_digits(a: str, b: str) -> bool:
    """Tell whether two ASCII texts differ in their digits, which no rule adds, removes or moves where no number is in
    words. Of many texts that differ only in a number, such as a log's, this spares reading each."""
    digits = _digits(b)
    return digits is not None and a.isascii() and _DIGIT.findall(a) != digits and not _has_number_in_words(a)


@lru_cache(maxsize=64)  # one text is compared with several
def _digits(text: str) -> list[str] | None:
    """Return the digits of an ASCII text without a number in words, else None."""
    return _DIGIT.findall(text) if text.isascii() and not _has_number_in_words(text) else None


def _has_number_in_words(text: str) -> bool:
    return not _IN_WORDS.isdisjoint(_LETTERS.findall(text.lower()))


def depends_on_day(text: str) -> bool:
    """Tell whether an English text says when with a word such as "tomorrow" or "last week".

    Said on two days, it is two facts, however similar the texts are.
    """
    return _RELATIVE.search(text) is not None


def canonical(text: str) -> Canonical:
    """Return the part of a text that carries meaning; all of it for code, long texts and texts without a word."""
    if len(text) > MAX_CHARACTERS:
        return _canonical(text)  # returns the text itself, at no cost
    return _short(text) if len(text) <= _SHORT_TEXT else _long(text)


def _canonical(text: str) -> Canonical:
    if len(text) <= MAX_CHARACTERS:
        plain = text if text.isascii() else _unicode_form(text)
        if not _CODE.search(plain := _MARKUP.sub(r"\2", plain)):
            words = _split(plain)
            found = _meaning(words) if _is_english(words) else _folded(words)
            if found[0]:
                return found
    return (text.strip(),), (_NO_MARK,)


# One text is compared with several. A result is some fifty times as large as its text, so few are kept for long texts.
_short = lru_cache(maxsize=512)(_canonical)
_long = lru_cache(maxsize=96)(_canonical)  # more than one text is compared with


def _agree(mark: Mark, other: Mark) -> bool:
    """Tell whether two uses of a word mean the same; unknown capitals and a missing article fit any."""
    if mark == other:
        return True
    case, article, plural, counted = mark
    other_case, other_article, other_plural, other_counted = other
    if plural != other_plural and (counted or other_counted):
        return False
    if article and other_article and article != other_article:
        return False
    cases = {case, other_case}
    return len(cases) == 1 or "" in cases or ("initial" in cases and "upper" not in cases)


def _unicode_form(text: str) -> str:
    """Return the text in NFKC, but with superscript, subscript and circled digits apart from digits before them."""
    return unicodedata.normalize("NFKC", _RAISED.sub(r"^\1", text).translate(_CHARACTERS)).translate(_CHARACTERS)


def _is_english(words: list[str]) -> bool:
    """Tell whether a text is English: it has one word that few other languages have, or two that some have."""
    found = {word if word == "I" else word.lower() for word in words}
    return found.isdisjoint(_OTHER) and (not found.isdisjoint(_ENGLISH) or len(found & _WEAKLY_ENGLISH) > 1)


def _split(text: str) -> list[str]:
    """Return the words, and the pauses between them as "." or ","; "?" is a word. The list doesn't end with a pause."""
    words: list[str] = []
    for chunk in text.split():
        if chunk.isalpha():
            words += _CONTRACTIONS.get(chunk.lower(), (chunk,))
        else:
            words += _pieces(chunk)
    while words and words[-1] in ".,":
        words.pop()
    return words


def _pieces(chunk: str) -> list[str]:
    if _FACE.search(chunk):
        return [chunk]
    core = chunk.lstrip(_OPENING).rstrip(_CLOSING)
    if not core.strip("-"):  # a dash may be "to", as in "Monday - Friday"
        return [chunk] if "(" in chunk or ")" in chunk else [core[:1] or _pause(chunk) or ","]
    head, tail = chunk.split(core, 1)
    if not head and core[-1].isdecimal() and tail[:1] in ("'", '"'):  # feet and inches
        core += tail[0]
    pause = _pause(tail)
    abbreviated = pause == "." and core.lower() in _ABBREVIATED
    return [","] * ("(" in head) + _core(core) + [pause] * (pause != "" and not abbreviated)


def _pause(punctuation: str) -> str:
    if "?" in punctuation:
        return "?"
    if _STOP.search(punctuation):
        return "."
    return "," if punctuation.strip("\"'*") else ""


def _core(core: str) -> list[str]:
    """Split a word without the punctuation around it: contractions, measures, compounds of lower-case words."""
    lower = core.lower()
    if lower in _CONTRACTIONS:
        return _CONTRACTIONS[lower]
    if measure := _MEASURE.fullmatch(core):
        return list(measure.groups())
    if "-" in core and core[1:].islower() and lower not in _NUMBERS:
        parts = core.split("-")
        if all(part.isalpha() and part not in _NUMBERS and part not in _PLAIN for part in parts):
            return parts
    return [core]


def _folded(words: list[str]) -> Canonical:
    """Return lower-case words of any language, with pauses, and how they were capitalised if that is known."""
    informative = _knows_capitals(words)
    folded: list[str] = []
    marks: list[Mark] = []
    start, before = True, ""
    for word in words:
        lower = word.lower()  # case folding would turn "in Maßen" into "in Massen"
        case = "" if lower in _PLAIN else _case(word, lower, start, informative or _is_unit(word, before))
        verbatim = case == "verbatim"
        folded.append(word if verbatim else lower)
        marks.append(("" if verbatim else case, "", False, False))
        start, before = word in (".", "?"), word
    return tuple(folded), tuple(marks)


def _knows_capitals(words: list[str]) -> bool:
    """Tell whether some words start with a capital and some don't, so that a capital may mean something."""
    initials = "".join([word[0] for word in words])
    return initials != initials.lower() and initials != initials.upper()


def _is_unit(word: str, before: str) -> bool:
    return before[-1:].isdecimal() and len(word) < 4


def _case(word: str, lower: str, start: bool, informative: bool) -> str:
    """Return how a word is written if that can matter, or an empty text; "initial" means first in a sentence."""
    if word == lower and word.isalpha():
        return "lower" if informative or lower in _AMBIGUOUS else ""
    if not word.replace("'", "").isalpha():
        return "" if word in (".", ",", "?") else "verbatim"
    shape = "lower" if word.islower() else "upper" if word.isupper() and len(word) > 1 else "title"
    if shape == "title" and word != word.capitalize():
        return "verbatim"
    if informative:
        return "initial" if start and shape == "title" else shape
    return shape if lower in _AMBIGUOUS else ""


def _meaning(words: list[str]) -> Canonical:
    """Return the words of an English text that carry its meaning, with their marks."""
    folded, marks = _folded(words)
    spoken = [_GROUPED.sub("", word) if word[0].isdecimal() else _RESPELT.get(word, word) for word in folded]
    _resolve(spoken)
    cases = [mark[0] if word == written else "" for mark, word, written in zip(marks, spoken, folded, strict=True)]
    _sort_lists(spoken, cases)
    return _in_singular(*_without_empty(spoken, cases))


def _resolve(words: list[str]) -> None:
    """Write out "'s" and "'d", which mean "has" and "had" before some participles."""
    for short, usual, other, participles in _AMBIGUOUS_SHORT:
        for position in [position for position, word in enumerate(words) if word == short]:
            after = words[position + 1 : position + 2]
            words[position] = other if participles.issuperset(after) and after else usual


def _sort_lists(words: list[str], cases: list[str]) -> None:
    """Sort a list such as "tea, milk and juice" if it ends a sentence and follows a word such as "likes".

    Elsewhere the order may have a meaning, as in "green tea and coffee" or "hugged Ann and Bob left".
    """
    for end in [position for position, word in enumerate(words) if word == "."] + [len(words)]:
        places = _list_places(words, end)
        if places and _is_before_list(words, places[-1]):
            items = sorted((words[place], cases[place]) for place in places)
            for place, (word, case) in zip(sorted(places), items, strict=True):
                words[place], cases[place] = word, case


def _list_places(words: list[str], end: int) -> list[int]:
    """Return the places of the single words of a list that ends before ``end``, last first; empty without a list."""
    if end < 4 or words[end - 2] not in _AND:
        return []
    place = end - 4 if words[end - 3] == "," else end - 3
    places = [end - 1, place]
    while place >= 2 and words[place - 1] == ",":
        place -= 2
        places.append(place)
    return places if all(words[place].isalpha() and words[place] not in _PLAIN for place in places) else []


def _is_before_list(words: list[str], first: int) -> bool:
    before = words[first - 1] if first else ""
    return before in _BEFORE_LISTS and (before != "to" or "allergic" in words[:first])


def _without_empty(words: list[str], cases: list[str]) -> tuple[list[str], list[Mark]]:
    """Drop commas and empty words, and turn articles into marks of the next word."""
    kept: list[str] = []
    marks: list[Mark] = []
    article, lists = "", _has_list(words)
    for position, word in enumerate(words):
        after = words[position + 1] if position + 1 < len(words) else "."
        if word == ",":
            if kept and kept[-1] in _ANSWERS:
                kept[-1] += ","
            elif lists and kept and after not in _AND:
                kept.append(word)
                marks.append(_NO_MARK)
        elif word in _ARTICLES and _is_article(words, cases, position, after):
            article = "the" if word == "the" else "a"
        elif word not in _CANDIDATES or not _is_empty(words, position, after, kept):
            kept.append(word)
            marks.append((cases[position], article, False, False))
            article = ""
    return kept, marks


def _has_list(words: list[str]) -> bool:
    """Tell whether commas may separate items of a list: "cooking, dogs and kids" is not "cooking dogs and kids"."""
    commas = [position for position, word in enumerate(words) if word == ","]
    return any(not _AND.isdisjoint(words[comma + 2 : comma + 5]) for comma in commas)


def _is_article(words: list[str], cases: list[str], position: int, after: str) -> bool:
    if words[position] == "the":
        return after not in _BARE_THE
    before = words[position - 1] if position else ""
    return cases[position] in ("", "lower", "initial") and after not in _BARE_A and before not in _LETTERED


def _is_empty(words: list[str], position: int, after: str, kept: list[str]) -> bool:
    word, before = words[position], kept[-1] if kept else ""
    if word in _EMPTY:
        return before not in _NEGATIONS and words[position - 1] not in _ARTICLES
    if word == "just":
        return before in _SUBJECTS and after in _JUST_BEFORE
    if word in _ORDINALS:
        return before.isdecimal() and not _MONTHS.isdisjoint((after, *kept[-2:-1]))
    if word == "that":
        return before in _SAYING and after in _SUBJECTS
    if word in _OPENERS and position == 0:
        return after in (".", ",")
    if word == ".":
        return not kept
    return _is_addition(words, position, kept)


def _is_addition(words: list[str], position: int, kept: list[str]) -> bool:
    """Tell whether the word is part of "too" or "as well" at the end of a clause."""
    if len(kept) < 2 or kept[-1] in _NEGATIONS or kept[-1] in _ADDRESSED:
        return False
    around = [*words[position - 1 : position + 3], "."]
    return any(around[first:last] in _ADDITIONS for first, last in ((1, 3), (0, 3), (1, 4)))


def _in_singular(words: list[str], marks: list[Mark]) -> Canonical:
    """Cut the -s of verbs such as "likes" and of the noun that follows within three words and before a determiner.

    Elsewhere the number of a noun is a fact ("has daughters"), and stemming would make one word of "liked" and
    "likes". An article on the way ("likes the big dogs") makes the number a fact again.
    """
    window, counted = 0, False
    for position, word in enumerate(words):
        case, article, _, _ = marks[position]
        if word in _GENERIC:
            words[position] = _singular(word) if position and word in _LIKINGS else word
            window, counted = 3, False
        elif window and _can_be_counted(word, case):
            words[position] = stem = _singular(word)
            counted = counted or article != ""
            marks[position] = (case, article, word[-1] == "s" and stem != word, counted)
            window -= 1
        elif word not in _LINKS:
            window = 0
    return tuple(words), tuple(marks)


def _can_be_counted(word: str, case: str) -> bool:
    return word.isalpha() and case in ("", "lower") and word not in _PLAIN and word not in _DETERMINERS


def _singular(word: str) -> str:
    """Cut a plural -s (Harman, "How effective is suffixing?", JASIS 42, 1991, simplified)."""
    if word[-1] == "s" and len(word) > 3 and word[-2] not in "sui" and word not in _INVARIABLE:
        word = word[:-1]
    return word[:-2] + "y" if word[-2:] == "ie" and len(word) > 4 else word
