"""The graph of the memories of some categories: what a memory adds to it, and building all of it again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from ..comparison import nfc
from ..data.records import Record
from ..errors import DatabaseError, ValidationError
from ..graph import Extraction, Extractor, Graph, build, extract, name_of, to_graphml, to_mermaid
from ..store import CategoriesChangedError, Store
from ..types import GraphResult, ReindexResult
from ..values import clean_text, encodable, shown
from .arguments import MAX_GRAPH_DEPTH, MAX_GRAPH_LIMIT, Progress, check_whole_number

_Written = TypeVar("_Written")

_BATCH = 256  # memories whose graphs are stored in one transaction
_FORMATS: dict[str, Callable[[GraphResult], GraphResult | str]] = {
    "json": lambda graph: graph,
    "mermaid": to_mermaid,
    "graphml": to_graphml,
}


def clean_categories(given: object, field: str) -> tuple[str, ...]:
    """Return graph categories in order."""
    if isinstance(given, str):
        given = given.split(",")
    categories: list[Any] = list(given) if isinstance(given, Iterable) else [None]
    if not all(isinstance(one, str) for one in categories):
        raise ValidationError(f"{field}: must be a list of texts, which are values of memory_category.", field=field)
    return tuple(sorted({nfc(encodable(one.strip(), field)) for one in categories} - {""}))


def listed(categories: tuple[str, ...] | None) -> str:
    """Return graph categories as a message shows them."""
    return ", ".join(categories or ()) or "none"


def in_graph(record: Record, categories: Sequence[str]) -> bool:
    """Whether a memory is of a graph category."""
    if not categories:
        return False
    given = (record.metadata or {}).get("memory_category")
    named = [nfc(one) for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)]
    return any(one in categories for one in named)


def following(store: Store, write: Callable[[tuple[str, ...]], _Written]) -> _Written:
    """Write memories with graphs of the file's categories; write again if another process changed these meanwhile."""
    categories = store.graph_categories
    while True:
        try:
            return write(categories)
        except CategoriesChangedError as error:
            categories = error.categories


class Grapher(NamedTuple):
    """Finds what memories of graph categories name and state."""

    extractor: Extractor

    def graph_of(self, record: Record, categories: tuple[str, ...]) -> Graph | None:
        """Return the graph of a memory of a graph category, None for another memory. Raises ExtractionError."""
        if not in_graph(record, categories):
            return None
        return build(extract(self.extractor, record.text), record.metadata)

    def prepared(self, records: Iterable[Record], categories: tuple[str, ...]) -> Callable[[Record], Graph | None]:
        """Return ``graph_of`` for use in a transaction: the texts of these records are extracted before it."""
        known: dict[str, Extraction] = {
            record.text: extract(self.extractor, record.text) for record in records if in_graph(record, categories)
        }

        def graph_of(record: Record) -> Graph | None:
            if in_graph(record, categories) and record.text in known:
                return build(known[record.text], record.metadata)
            return self.graph_of(record, categories)  # somebody has changed it since

        return graph_of

    def reindex(
        self, store: Store, asked: tuple[str, ...] | None, now: int, *, dry_run: bool, progress: Progress | None
    ) -> ReindexResult:
        """Change the file's graph categories to those asked for, if any, and rebuild the graph."""
        wanted, total, entering, leaving = store.graphs.moves(asked)
        done = 0 if dry_run else self._rebuild(store, wanted, now, progress)
        stats = store.graphs.stats()
        return {
            "categories": list(wanted),
            "memories": done,
            "in_graph": total,
            "entering": entering,
            "leaving": leaving,
            "entities": stats["entities"],
            "relations": stats["relations"],
        }

    def _rebuild(self, store: Store, categories: tuple[str, ...], now: int, progress: Progress | None) -> int:
        store.graphs.begin(categories)
        try:
            return self._replace_all(store, categories, now, progress)
        except CategoriesChangedError as error:
            raise DatabaseError(
                f"Another call of reindex_graph has set the graph categories to {listed(error.categories)} and rebuilt "
                "the graph. Call it again to set others."
            ) from None

    def _replace_all(self, store: Store, categories: tuple[str, ...], now: int, progress: Progress | None) -> int:
        """Build the graph of every memory again; return how many memories there are."""
        counts = store.counts(now)
        total, done = counts["memories"] + counts["expired"], 0
        last: int | None = None
        while batch := store.graphs.after(last, _BATCH):
            graph_of = self.prepared((record for _, record in batch), categories)
            store.graphs.put([position for position, _ in batch], graph_of, categories=categories)
            last, done = batch[-1][0], done + len(batch)
            if progress:
                progress(done, max(total, done))
        store.graphs.finish(categories)
        return done


def clean_asked(entity: str | None, depth: int, limit: int, format: str) -> str | None:
    """Check what ``graph`` is asked for; return the name of the entity to begin at."""
    check_whole_number("depth", depth, 0, MAX_GRAPH_DEPTH)
    check_whole_number("limit", limit, 1, MAX_GRAPH_LIMIT)
    if not isinstance(format, str) or format not in _FORMATS:
        raise ValidationError(f"Invalid format: {shown(format)}. Must be json, mermaid or graphml.", field="format")
    return None if entity is None else name_of(clean_text(entity, "entity"))


def formatted(graph: GraphResult, format: str) -> GraphResult | str:
    """Return a graph in a format that ``graph`` knows."""
    return _FORMATS[format](graph)
