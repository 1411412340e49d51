"""What a text does besides having words in common with a question: whether it only asks, and whether it guesses. Pure.

Such a text has the words of an answer, and is none. It is recognised by its marks and words, not by its meaning.
"""

import functools
import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from ..embedding.tokens import estimate_tokens
from .conversation import is_name

QUESTION_MARKS = ("?", "？", "؟", "⸮")
_SENTENCE = re.compile(r"(?<=[.!?。！？؟⸮।])\s*")
_WORD = re.compile(r"\w+")
_ROLES = ("user", "human", "assistant", "ai", "bot", "model", "question", "q")  # a name says who, and these do not
_ASKED = 25  # tokens of a question, from which it says more than it asks
_BESIDE = 6  # tokens of statements, up to which a text with a question only asks
_GUESS = re.compile(
    r"\b(?:i (?:believe|think|guess|suppose|assume|imagine)|if i (?:remember|recall)|as far as i know|maybe|perhaps"
    r"|probably|possibly|might be|could be|not (?:\w+ )?sure|don[’']t (?:know|remember|recall))\b",
    re.IGNORECASE,
)
_LONG = 40  # tokens from which a text says more than its guess
# "I've joined a challenge, can you help me?", "My budget is $50, is that enough?", "We moved to Porto, right?"
_TOLD = re.compile(
    r"\s*(?:(?:so|and|but|well|oh|hey|hi|hello|yes|yeah|no|also|actually|btw|by the way)\b[\s,.!]*){0,3}"
    r"(?:i|i[’'](?:m|ve|d|ll)|we|we[’'](?:re|ve|d|ll)|my \w+|our \w+)\s",
    re.IGNORECASE,
)
# "Where do I live?", "Suggest a dinner for me"; not "How do I boil an egg?", "Tell me a joke", or what a question names
# itself: "When is my sister's birthday?"
_NOT_PERSONAL = re.compile(
    r"\bhow (?:do|can|would|could) (?:i|we)\b"
    r"|\b(?:tell|give|show|teach|write|read|sing|send|find|get|make|draw|recommend|let|help|remind|explain(?: to)?)"
    r" (?:me|us)\b",
    re.IGNORECASE,
)
_SELF = """i me myself we us ourselves ich mir mich wir uns yo mí conmigo nos nosotros nosotras je j moi nous ik mij
wij"""
_PERSONAL = frozenset(_SELF.split())
_PERSONAL_SIGNS = re.compile("(?<![给給告诉訴])我(?!的)|[私僕俺](?!の)")
_END = 1_000  # characters, the last of a long query, that may show who asks
Teller = Literal["asker", "assistant", "anybody"]
_TOLD_BY = r"(?:you|the (?:assistant|ai|bot|model))(?:[’']ve| have| had)?(?: just| also| already| once)?"
# "What did you recommend?", "the company you mentioned", "your suggestion"; not "What would you suggest?"
_YOU_TOLD = re.compile(
    rf"\bdid {_TOLD_BY} (?:say|tell|give|suggest|recommend|mention|propose|answer|reply|advise|provide|list|explain"
    r"|describe|name|share|offer|show|write|create|generate|come up|help|think)\b"
    rf"|\b{_TOLD_BY} (?:said|told|gave|given|suggested|recommended|mentioned|proposed|answered|replied|advised|provided"
    r"|listed|explained|described|named|shared|offered|showed|wrote|written|created|generated|came up)\b"
    r"|\byour (?:\w+ )?(?:advice|answers?|explanations?|lists?|recommendations?|repl(?:y|ies)|suggestions?|tips?)\b",
    re.IGNORECASE,
)
_WE_TOLD = re.compile(
    r"\b(?:did we (?:discuss|talk|speak|chat|agree|decide)"
    r"|we(?:[’']ve| have| had)? (?:discussed|talked|spoke|spoken|chatted|agreed|decided)"
    r"|our (?:\w+ )?(?:chats?|conversations?|discussions?|sessions?|talks?))\b",
    re.IGNORECASE,
)
_I_TOLD = re.compile(
    r"\b(?:did i|i(?:[’']ve| have| had)?) (?:ever |already |just )?"
    r"(?:say|said|tell|told|mention(?:ed)?|bring up|brought up|asked?)\b",
    re.IGNORECASE,
)
_MINE = """
my mine our ours mein meine meinen meinem meiner meines unser unsere unseren unserem unserer mi mis nuestro nuestra
nuestros nuestras mon ma mes notre nos mio mia miei mie nostro nostra nostri nostre meu minha meus minhas nosso nossa
nossos nossas mijn onze
"""
_OF_MINE = _PERSONAL.union(_MINE.split())
_MINE_SIGNS = re.compile("(?<![给給告诉訴])我|[私僕俺]")
_YOU = """
du dir dich dein deine deinen deinem deiner tu te ti tú vos vous votre usted ustedes você vocês jij jou jouw
"""
_YOU_ELSEWHERE = frozenset(_YOU.split())
_YOU_SIGNS = re.compile("[你您妳]|あなた")


class Doubt(NamedTuple):
    """Why a memory is a worse answer than its words say, and what share of its score it keeps."""

    rule: str
    share: float


_OF_ITSELF = Doubt("asks_the_same", 0.15)
_OF_QUESTION = Doubt("only_asks", 0.4)
_OF_GUESS = Doubt("only_guesses", 0.35)
# A search for what was asked, or for what an assistant said, finds just that.
_FOR_QUESTIONS = re.compile(
    r"\b(?:ask(?:s|ed|ing)?|questions?|questioned|wonder(?:s|ed|ing)?|inquir\w+|enquir\w+|quer(?:y|ies)|curious"
    r"|requests?|requested|frag(?:e|en|t|te|ten|st)|gefragt|pregunt\w+|demand(?:é|ée|ais|ait|er?)|questions)\b|[问問]",
    re.IGNORECASE,
)
_REPLIER = re.compile(r"\b(?:you|assistant|ai|bot)\b", re.IGNORECASE)
_REPLIED = re.compile(
    r"\b(?:sa(?:y|id)|suggest\w*|recommend\w*|guess\w*|th(?:ink|ought)|t(?:ell|old)"
    r"|mention\w*|propos\w*|answer\w*|repl(?:y|ied)|advi[cs]e\w*|believe\w*)\b",
    re.IGNORECASE,
)


def _asks_for_replies(query: str) -> bool:
    said_by = _REPLIER.search(query)
    return said_by is not None and _REPLIED.search(query, said_by.end()) is not None


def teller_of(query: str) -> Teller:
    """Return who told what a query asks for: an assistant that is to repeat itself, or whoever asks about himself.

    It may be both if they talked about it, or if somebody is spoken to in another language than English.
    """
    end = query[-_END:]
    if _I_TOLD.search(end):
        return "asker"
    if _YOU_TOLD.search(end):
        return "assistant"
    return "asker" if _is_own(end) and not _WE_TOLD.search(end) else "anybody"


def _is_own(text: str) -> bool:
    """Return whether a text is about whoever speaks and what is his, and speaks to nobody but in English."""
    if not text.isascii() and (_YOU_SIGNS.search(text) or _MINE_SIGNS.search(text)):
        return not _YOU_SIGNS.search(text)
    words = {word.lower() for word in _WORD.findall(_NOT_PERSONAL.sub("", text)) if word != "US"}
    return not words.isdisjoint(_OF_MINE) and words.isdisjoint(_YOU_ELSEWHERE)


def is_personal(query: str) -> bool:
    """Return whether somebody asks about himself: only what he has told can answer that."""
    end = query[-_END:]
    if not end.isascii() and _PERSONAL_SIGNS.search(end):
        return True
    return _names_self(end) and _names_self(_NOT_PERSONAL.sub("", end))


def _names_self(text: str) -> bool:
    return any(word.lower() in _PERSONAL and word != "US" for word in _WORD.findall(text))


@functools.lru_cache(maxsize=4_096)
def only_asks(text: str) -> bool:
    """Return whether a text is a question with at most a few words beside it ("Great! Where is it?").

    A question that is told in a transcript ("Ann: Where is it?") is a part of what happened.
    """
    if not any(mark in text for mark in QUESTION_MARKS) or _is_transcript(text):
        return False
    stated = [one for one in _SENTENCE.split(text) if _states(one)]
    return estimate_tokens(" ".join(stated), _BESIDE) <= _BESIDE


def _is_transcript(text: str) -> bool:
    begin, colon, _ = text.partition(":")
    return bool(colon) and is_name(begin) and begin.casefold() not in _ROLES


def _states(sentence: str) -> bool:
    """Return whether a sentence tells something, be it only before it asks."""
    if not sentence.rstrip().endswith(QUESTION_MARKS):
        return True
    return _TOLD.match(sentence) is not None or estimate_tokens(sentence, _ASKED) > _ASKED


@functools.lru_cache(maxsize=4_096)
def only_guesses(text: str) -> bool:
    """Return whether an English text is a short guess ("Lisbon, I believe."), or says that somebody does not know."""
    return _GUESS.search(text) is not None and estimate_tokens(text, _LONG) <= _LONG


def doubts(query: str) -> Callable[[str, str | None], Doubt | None]:
    """Return what finds the doubt about a memory, from its text and the role of who said it, as an answer to a query.

    A question is worth little as an answer, and its own copy next to nothing. So is a short guess of an assistant. But
    a query that asks for questions gets them, and one that asks what an assistant said gets its guesses.
    """
    for_questions, for_replies = _FOR_QUESTIONS.search(query), _asks_for_replies(query)

    def doubt(text: str, role: str | None) -> Doubt | None:
        if role == "assistant" and only_guesses(text):
            return None if for_replies else _OF_GUESS
        if for_questions or not only_asks(text):
            return None
        return _OF_ITSELF if asks_the_same(text, query) else _OF_QUESTION

    return doubt


def asks_the_same(text: str, query: str) -> bool:
    """Return whether a question is the query, perhaps in other letters, with other marks or with a word changed."""
    from .similarity import near_identical  # its tables are for texts that may be copies

    return _WORD.findall(text.casefold()) == _WORD.findall(query.casefold()) or near_identical(text, query)
