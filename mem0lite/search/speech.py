"""What a text does besides having words in common with a question: whether it only asks, and whether it guesses. Pure.

Such a text has the words of an answer, and is none. It is recognised by its marks and words, not by its meaning.
"""

import re

from ..embedding.tokens import estimate_tokens

QUESTION_MARKS = ("?", "？", "؟", "⸮")
_SENTENCE = re.compile(r"(?<=[.!?。！？؟⸮।])\s*")
_BESIDE = 6  # tokens of statements, up to which a text with a question only asks
_GUESS = re.compile(
    r"\b(?:i (?:believe|think|guess|suppose|assume|imagine)|if i (?:remember|recall)|as far as i know|maybe|perhaps"
    r"|probably|possibly|might be|could be|not (?:\w+ )?sure|don[’']t (?:know|remember|recall))\b",
    re.IGNORECASE,
)
_LONG = 40  # tokens from which a text says more than its guess


def only_asks(text: str) -> bool:
    """Return whether a text is a question with at most a few words beside it ("Great! Where is it?")."""
    if not any(mark in text for mark in QUESTION_MARKS):
        return False
    stated = [one for one in _SENTENCE.split(text) if not one.rstrip().endswith(QUESTION_MARKS)]
    return estimate_tokens(" ".join(stated), _BESIDE) <= _BESIDE


def only_guesses(text: str) -> bool:
    """Return whether an English text is a short guess ("Lisbon, I believe."), or says that somebody does not know."""
    return _GUESS.search(text) is not None and estimate_tokens(text, _LONG) <= _LONG
