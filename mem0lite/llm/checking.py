"""Whether what a language model wrote is in what it was shown: numbers, dates, names and negations. Pure.

This does not prove that a fact is true. It refuses those inventions that do the most harm and that can be recognised.
"""

from collections.abc import Iterable, Sequence

from .dating import Said, check_dates, days_told
from .wording import check_names, check_negations, check_numbers

LONGEST_FACT = 1_000
"""Characters of a fact, at most."""


def objection(text: str, sources: Sequence[Said], speakers: Iterable[str] = ()) -> str | None:
    """Return why a text is to be refused, or None.

    Numbers, names and negations must be in its sources. Dates must be, too, or follow from them and from when they were
    said: "yesterday", said on 2026-03-05, is 2026-03-04. Sources include the roles and names of those who spoke.
    """
    texts = [source.text for source in sources]
    if not text.strip() or len(text) > LONGEST_FACT:
        return f"it must have from 1 to {LONGEST_FACT} characters"
    reason, rest = check_dates(text, sources)
    also = () if text.isascii() else days_told(sources)
    return (
        reason or check_numbers(rest, texts, also) or check_names(rest, texts, speakers) or check_negations(text, texts)
    )
