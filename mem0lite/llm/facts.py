"""From what was said to facts: asked of a language model in windows, and checked against the sources. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..embedding.tokens import estimate_tokens
from ..errors import LanguageModelError, ValidationError
from ..search.languages import folded
from ..values import encodable
from . import prompts
from .asking import UnusableError, ask
from .checking import objection
from .dating import Said
from .protocol import LanguageModel, Usage
from .shapes import Extraction, Fact, Refusal, Turn, Wishes

__all__ = ["Extraction", "Fact", "Refusal", "Turn", "Window", "Wishes", "extract", "windows"]

_WINDOW = 1_200  # estimated tokens of the new texts of a window: small models read 4,000 with the prompt
_OVERLAP = 300  # estimated tokens of what is shown again
_TOKENS_OF_A_TURN = 40  # of what stands around its text
_PIECE, _PIECE_OVERLAP = 3_000, 200  # characters of a turn that is longer than a window
_SHORTEST_PIECE = 200  # characters of a text that is not halved
_MOST_FACTS = 200  # of one window
_LONGEST_SHOWN = 200  # characters of what is refused
_SHAPELESS = "it has not the form that was asked for"


def extract(
    model: LanguageModel,
    turns: Sequence[Turn],
    wishes: Wishes | None = None,
    known: frozenset[int] = frozenset(),
) -> Extraction:
    """Return the facts in some turns, as a language model finds them. Those ``known``, by number, are there for
    understanding: no facts are drawn from them alone.

    A long conversation is read in windows that overlap. If a window is too long for the model, it is halved. A fact
    whose numbers, dates, names or negations are not in its sources is refused.

    Raises LanguageModelError, with ``usage``, if a window has no usable answer: facts come all or not at all.
    """
    wishes = wishes or Wishes()
    found: dict[tuple[str, ...], Fact] = {}
    refused: list[Refusal] = []
    usage = Usage()
    waiting = [one for window in windows(turns) if (one := window.with_known(known)).has_new][::-1]
    while waiting:
        window = waiting.pop()
        try:
            (facts, refusals), spent = _window(model, window, wishes)
        except LanguageModelError as error:
            usage += _cost(error)
            halves = window.halves() if error.too_long else []
            if not halves:
                error.usage = usage
                raise
            waiting += halves[::-1]
            continue
        usage += spent
        refused += refusals
        for fact in facts:
            _join(found, fact)
    return Extraction(list(found.values()), refused, usage)


def _window(model: LanguageModel, window: "Window", wishes: Wishes) -> tuple[tuple[list[Fact], list[Refusal]], Usage]:
    messages = prompts.facts(window.turns, window.known, wishes)
    return ask(model, messages, prompts.facts_schema(wishes), lambda value: _read(value, window, wishes))


def _read(value: Any, window: "Window", wishes: Wishes) -> tuple[list[Fact], list[Refusal]]:
    """Return the facts of an answer that its sources bear out, and the others. Raises UnusableError."""
    given = value.get("facts") if isinstance(value, Mapping) else value
    if not isinstance(given, list):
        raise UnusableError('it must be an object with a list "facts"')
    facts: list[Fact] = []
    refused: list[Refusal] = []
    for one in given[:_MOST_FACTS]:
        read = _fact(one, window, wishes)
        if isinstance(read, Fact):
            facts.append(read)
        else:
            refused.append(read)
    if len(given) > _MOST_FACTS:
        refused.append(Refusal("", f"{len(given) - _MOST_FACTS} facts more than the {_MOST_FACTS} that are read"))
    if given and not facts and all(one.reason == _SHAPELESS for one in refused):
        raise UnusableError('each fact must be an object with "fact", a text, and "turns", a list of numbers')
    return facts, refused


def _fact(given: Any, window: "Window", wishes: Wishes) -> Fact | Refusal:
    """Return a fact that an answer has, or why it is refused."""
    if not isinstance(given, Mapping) or not isinstance(given.get("fact"), str):
        return Refusal(str(given)[:_LONGEST_SHOWN], _SHAPELESS)
    text = " ".join(given["fact"].split())
    named = _named(given.get("turns"), window.turns)
    problem = _problem(text, named, window.known)
    if problem is not None:
        return Refusal(text[:_LONGEST_SHOWN], problem)
    names = {turn.speaker for turn in named}
    sources = tuple(dict.fromkeys(turn.number for turn in named))
    return Fact(text, sources, named[0].speaker if len(names) == 1 else None, _categories(given, wishes))


def _named(given: Any, turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns whose numbers an answer gives; of a single one the model need not give it."""
    numbers = given if isinstance(given, list) else [given]
    if len({turn.number for turn in turns}) == 1 and not any(numbers):
        return list(turns)
    named = {str(one) for one in numbers if isinstance(one, int | str)}
    return [turn for turn in turns if str(turn.number) in named]


def _problem(text: str, named: Sequence[Turn], known: frozenset[int]) -> str | None:
    """Return why a fact is refused, or None."""
    if not named:
        return "it names none of the messages"
    if known.issuperset(turn.number for turn in named):
        return "its messages were read before"
    try:
        encodable(text, "fact")
    except ValidationError:
        return "it is no text that can be stored"
    speakers = [one for turn in named for one in (turn.role, turn.speaker) if one]
    return objection(text, [Said(turn.text, turn.said_at) for turn in named], speakers)


def _categories(given: Mapping[str, Any], wishes: Wishes) -> tuple[str, ...]:
    """Return the categories of a fact that the model was to choose from; others are left out."""
    chosen = given.get("categories")
    asked = chosen if isinstance(chosen, list) else [chosen]
    return tuple(name for name in wishes.categories or () if name in asked)


def _join(found: dict[tuple[str, ...], Fact], fact: Fact) -> None:
    """Add a fact. One that another window had, too, in the same words, gets the sources of both."""
    key = tuple(folded(fact.text.casefold()).rstrip(".!").split())
    same = found.get(key)
    if same is None:
        found[key] = fact
        return
    sources = tuple(sorted({*same.sources, *fact.sources}))
    categories = tuple(dict.fromkeys([*same.categories, *fact.categories]))
    speaker = same.speaker if same.speaker == fact.speaker else None
    found[key] = Fact(same.text, sources, speaker, categories)


def _cost(error: LanguageModelError) -> Usage:
    return error.usage if isinstance(error.usage, Usage) else Usage()


class Window(NamedTuple):
    """Turns that are read together; those ``known`` were read before and are there for understanding."""

    turns: Sequence[Turn]
    known: frozenset[int] = frozenset()

    @property
    def has_new(self) -> bool:
        """Whether there is a turn to draw facts from."""
        return any(turn.number not in self.known for turn in self.turns)

    def with_known(self, known: frozenset[int]) -> "Window":
        """Return the same with more known turns."""
        return self._replace(known=self.known | known.intersection(turn.number for turn in self.turns))

    def halves(self) -> "list[Window]":
        """Return two windows with half of the new turns each, or of the text of the only one; none if it is short."""
        new = [turn for turn in self.turns if turn.number not in self.known]
        if len(new) > 1:
            middle = len(new) // 2
            before = [turn for turn in self.turns if turn.number in self.known]
            return [Window([*before, *new[:middle]], self.known), Window(new[middle:])]
        if len(new) == 1 and len(new[0].text) > _SHORTEST_PIECE:
            text = new[0].text
            middle = _break(text, len(text) // 2)
            return [Window([new[0]._replace(text=part)]) for part in (text[:middle], text[middle:])]
        return []


def windows(turns: Sequence[Turn]) -> Iterator[Window]:
    """Yield the windows in which turns are read, in their order.

    A turn that is longer than a window is read in pieces. Each window but the first begins with the end of the one
    before it, as far as that is short.
    """
    window: list[Turn] = []
    size = 0
    before: list[Turn] = []
    for turn, length in _pieces(turns):
        if window and size + length > _WINDOW:
            yield Window([*before, *window], frozenset(one.number for one in before))
            before = _overlap(window, turn)
            window, size = [], 0
        window.append(turn)
        size += length
    if window:
        yield Window([*before, *window], frozenset(one.number for one in before))


def _pieces(turns: Sequence[Turn]) -> Iterator[tuple[Turn, int]]:
    """Yield each turn, in pieces if it is long, with its estimated number of tokens."""
    for turn in turns:
        length = estimate_tokens(turn.text, _WINDOW)
        if length <= _WINDOW:
            yield turn, length + _TOKENS_OF_A_TURN
            continue
        start = 0
        while start < len(turn.text):
            end = start + _PIECE
            end = len(turn.text) if end >= len(turn.text) else start + _break(turn.text[start:end], _PIECE)
            piece = turn._replace(text=turn.text[start:end])
            yield piece, min(_WINDOW, estimate_tokens(piece.text, _WINDOW)) + _TOKENS_OF_A_TURN
            start = end if end == len(turn.text) else max(start + 1, end - _PIECE_OVERLAP)


def _break(text: str, end: int) -> int:
    """Return a place near ``end``, before it if possible, where a text may be cut: after a sentence, or a word."""
    for sign in ("\n", ". ", "。", " "):
        place = text.rfind(sign, end // 2, end)
        if place > 0:
            return place + len(sign)
    return end


def _overlap(window: Sequence[Turn], following: Turn) -> list[Turn]:
    """Return the last turns of a window that the next one shows, too."""
    kept: list[Turn] = []
    left = _OVERLAP
    for turn in reversed(window):
        left -= estimate_tokens(turn.text, _OVERLAP)
        if left < 0 or turn.number == following.number:
            break
        kept.append(turn)
    return kept[::-1]
