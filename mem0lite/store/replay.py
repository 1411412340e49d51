"""What a store held at an instant, and how what it doesn't keep of the past is made again.

A change keeps the state that it replaced. So the state at an instant is what the first later change replaced, and where
there is none, what the memory is now. Lists, filters, searches and the graph then run on a copy in memory as they do on
a store, and so they answer as they did then.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..data.filters import Expression
from ..data.records import Record
from ..embedding.reading import UnitVector
from .protocol import Entry, Remaking


class Asked(NamedTuple):
    """What is wanted of the past."""

    instant: int
    within: Expression
    ids: Sequence[str] | None = None
    """Only these memories. None: all of the scopes that the expression asks for."""
    terms: Sequence[str] | None = None
    """The keyword terms of a search. None: nothing is searched, so neither keywords nor vectors are needed."""


class Changed(NamedTuple):
    """A memory that was something else at the instant."""

    key: int
    record: Record
    vector: "UnitVector | None"
    """Its vector, if its text is still the same."""


class Held(NamedTuple):
    """What was held at an instant, still without what has to be computed again."""

    tables: dict[str, list[Sequence[Any]]]
    """Rows that are as they were, by table, as a SQLite file has them."""
    changed: Sequence[Changed]
    categories: tuple[str, ...]
    """The graph categories of the store, today's."""
    searched: bool


class Was(NamedTuple):
    """What a memory was, and its key, if it is known because the memory was deleted later."""

    record: Record
    key: int | None


def entries(held: Held, remaking: Remaking) -> list[Entry]:
    """Return the memories that were something else with all that is computed from their texts again."""
    missing = [one.record for one in held.changed if held.searched and one.vector is None]
    vectors = iter(remaking.vectors(missing) if missing else ())
    made = []
    for one in held.changed:
        vector = one.vector
        if held.searched and vector is None:
            vector = next(vectors)
        made.append(Entry(one.record, vector, graph=remaking.graph_of(one.record, held.categories)))
    return made
