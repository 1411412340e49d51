"""What becomes of facts when a message that they were drawn from is edited. Pure.

The message is read again. A fact stays if what it says now is borne out by its sources as they are now: because the
model finds it again, or changes its words, or because its other sources say it. Otherwise it is deleted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ..comparison import nfc
from ..data.records import Record
from ..llm.checking import objection
from ..llm.dating import Said
from ..llm.decisions import Decision
from ..llm.facts import Fact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Before(NamedTuple):
    """What was drawn from edited messages."""

    facts: Sequence[Record] = ()
    """As they are stored."""
    beside: Mapping[str, Record] = {}
    """Their sources that were not edited and are still there, by id."""
    edited: frozenset[str] = frozenset()
    """The ids of the edited messages."""

    def left(self) -> list[Record]:
        """Return the facts without their edited sources: as many as there are facts, some without any source."""
        return [
            fact._replace(sources=tuple(one for one in fact.sources or () if one not in self.edited))
            for fact in self.facts
        ]

    def holds(self, left: Record) -> bool:
        """Whether the sources that are left of a fact bear it out without the edited ones."""
        sources = [self.beside[one] for one in left.sources or () if one in self.beside]
        return bool(sources) and borne_out(left.text, sources)


def borne_out(text: str, sources: Iterable[Record]) -> bool:
    """Whether the numbers, dates, names and negations of a text are in some memories."""
    said = list(sources)
    speakers = [one for record in said for one in (record.role or "user", record.actor_id) if one]
    return objection(text, [Said(one.text, said_at(one)) for one in said], speakers) is None


def said_at(record: Record) -> datetime:
    """Return when something was said."""
    return _EPOCH + timedelta(microseconds=record.created_at)


def found_again(facts: Sequence[Fact], known: Mapping[int, Record]) -> Iterator[Decision | Fact]:
    """Yield that a known fact says the same, for those new ones that it has the words of, and the other new ones."""
    numbers = {_words(record.text): number for number, record in known.items()}
    for fact in facts:
        number = numbers.pop(_words(fact.text), None)  # of two in the same words, the second one is new
        yield fact if number is None else Decision("NONE", fact, number)


def _words(text: str) -> str:
    return " ".join(nfc(text).casefold().rstrip(".!").split())


def believed(
    decisions: Iterable[Decision], known: Mapping[int, Record], turns: Mapping[int, Record], before: Before
) -> Iterator[Decision]:
    """Yield decisions. One that keeps a fact with words that its sources do not bear out any more adds the new fact
    instead; ``known`` has the facts as ``Before.left`` has them."""
    old = {one.id for one in before.facts}
    for decision in decisions:
        record = None if decision.number is None else known.get(decision.number)
        if record is None or record.id not in old or decision.event == "DELETE":
            yield decision
            continue
        said = [before.beside[one] for one in record.sources or () if one in before.beside]
        said += [turns[number] for number in decision.fact.sources if number in turns]
        text = decision.text if decision.event == "UPDATE" and decision.text is not None else record.text
        yield decision if borne_out(text, said) else Decision("ADD", decision.fact)
