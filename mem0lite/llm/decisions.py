"""What new facts do to known ones, as a language model decides. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import LanguageModelError
from ..search.slots import replaces, statements
from ..search.speech import only_asks
from . import prompts
from .asking import UnusableError, ask
from .checking import objection
from .dating import Said
from .protocol import LanguageModel, Usage
from .shapes import Decided, Decision, Fact, Known, Refusal, Turn
from .wording import asks_for_a_change, content_terms, differ_in_negation, has_number, tells_a_change

__all__ = ["Decided", "Decision", "Known", "decide"]

_AT_ONCE = 20  # facts that are decided about in one call
_LONGEST_NUMBER = 6  # digits


def decide(model: LanguageModel, facts: Sequence[Fact], known: Sequence[Known], turns: Sequence[Turn]) -> Decided:
    """Return what some facts of ``turns`` do to known ones.

    Every fact has a decision: what the model leaves out, or answers nonsense about, is added. So is a fact for which
    the model wants to change a known one that is about something else, or with words that nobody said. A known fact is
    changed at most once. Without known facts the model is not asked.

    Raises LanguageModelError, with ``usage``, if the model cannot be asked. An answer that cannot be read is none: the
    facts are added.
    """
    if not known or not facts:
        return Decided([Decision("ADD", fact) for fact in facts], (), Usage())
    free = {one.number: one for one in known}
    decisions: list[Decision] = []
    refused: list[Refusal] = []
    usage = Usage()
    waiting = [facts[start : start + _AT_ONCE] for start in range(0, len(facts), _AT_ONCE)][::-1]
    while waiting:
        batch = waiting.pop()
        try:
            given, spent = ask(model, prompts.decisions(batch, known), prompts.decisions_schema(), _read)
        except LanguageModelError as error:
            usage += error.usage if isinstance(error.usage, Usage) else Usage()
            if error.too_long and len(batch) > 1:
                waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                continue
            if error.answer is None:
                error.usage = usage
                raise
            given, spent = {}, Usage()
        usage += spent
        for number, fact in enumerate(batch, start=1):
            made, problem = _decision(given.get(number), fact, free, turns)
            decisions += made
            if problem is not None:
                refused.append(Refusal(fact.text, problem))
    return Decided(decisions, refused, usage)


def _read(value: Any) -> dict[int, Mapping[str, Any]]:
    """Return the decisions of an answer by the number of their fact; the first one counts. Raises UnusableError."""
    given = value.get("decisions") if isinstance(value, Mapping) else value
    if not isinstance(given, list):
        raise UnusableError('it must be an object with a list "decisions"')
    read: dict[int, Mapping[str, Any]] = {}
    for one in given:
        if isinstance(one, Mapping) and (number := _number(one.get("fact"))) is not None:
            read.setdefault(number, one)
    if given and not read:
        raise UnusableError('each decision must be an object with "fact", "event", "known" and "text"')
    return read


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _LONGEST_NUMBER:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _decision(
    given: Mapping[str, Any] | None, fact: Fact, free: dict[int, Known], turns: Sequence[Turn]
) -> tuple[list[Decision], str | None]:
    """Return what a fact does, and why that is not what the model wanted, if it is not."""
    added = [Decision("ADD", fact)]
    if given is None:
        return added, "the model did not decide"
    event = given.get("event")
    event = event.strip().upper() if isinstance(event, str) else None
    if event == "ADD":
        return added, None
    if event not in ("UPDATE", "DELETE", "NONE"):
        return added, "the model decided something unknown"
    number = _number(given.get("known"))
    if number is None and event == "NONE":  # models leave it out
        number = next((one.number for one in free.values() if _says(one.text, fact)), None)
    known = None if number is None else free.get(number)
    if known is None:
        return added, f"{event} of a fact that was not shown, or is changed already"
    text = " ".join(given["text"].split()) if isinstance(given.get("text"), str) else ""
    problem = _problem(event, text, fact, known, turns)
    if problem is not None:
        return added, f"{event}: {problem}"
    if event == "NONE":
        return [Decision("NONE", fact, known.number)], None
    del free[known.number]
    if event == "DELETE":
        return [Decision("DELETE", fact, known.number), *added], None
    return [Decision("UPDATE", fact, known.number, text)], None


def _problem(event: str, text: str, fact: Fact, known: Known, turns: Sequence[Turn]) -> str | None:
    """Return why a known fact is not changed, or None."""
    if event == "NONE":
        return None if _says(known.text, fact) else "the known fact does not say the same"
    if asks_for_a_change(fact.text) or only_asks(fact.text):
        return "a message asks for it, and messages are no instructions"
    if event == "DELETE":
        return None if _contradicts(fact.text, known.text) else "the new fact does not contradict the known one"
    if not _takes_the_place(text, known.text) or not content_terms(text) & content_terms(fact.text):
        return "the new words are about something else"
    said = [Said(turn.text, turn.said_at) for turn in turns if turn.number in fact.sources]
    speakers = [one for turn in turns for one in (turn.role, turn.speaker) if one and turn.number in fact.sources]
    return objection(text, [*said, Said(fact.text, said[0].at if said else None), Said(known.text, None)], speakers)


def _says(text: str, fact: Fact) -> bool:
    """Whether a known fact may say what a new one says: its numbers, names and negations, and most of its words."""
    asked, said = content_terms(fact.text), content_terms(text)
    return objection(fact.text, [Said(text, None)]) is None and len(asked & said) * 2 >= len(asked)


def _contradicts(text: str, known: str) -> bool:
    """Whether a fact may end what a known one says: it is about the same, and negates it or tells of a change."""
    if any(replaces(newer, older) for newer in statements(text) for older in statements(known)):
        return True
    return bool(content_terms(text) & content_terms(known)) and (
        tells_a_change(text) or differ_in_negation(text, known)
    )


def _takes_the_place(text: str, known: str) -> bool:
    """Whether a new sentence may take the place of a known one: it keeps half of its words, and has a number, too."""
    if any(replaces(newer, older) for newer in statements(text) for older in statements(known)):
        return True
    asked, kept = content_terms(known), content_terms(known) & content_terms(text)
    return 2 * len(kept) >= max(1, len(asked)) and (has_number(text) or not has_number(known))
