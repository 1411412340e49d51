"""Planned adds and updates, and imported memories, become what the store keeps: with their vectors and their graphs.

Texts are embedded, and entities extracted, before the store's transaction begins.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from .. import telemetry
from ..data.jsonl import Entry as Imported
from ..embedding.local import cut
from ..embedding.protocol import Embedder, embed_documents
from ..embedding.reading import UnitVector
from ..errors import MemoryNotFoundError
from ..store import Applied, Changes, Entry, NotEmbeddedError, Outcome, Store, Update, Visible
from ..types import AddResult, EmbeddedMemory, UpdateManyResult
from .graphs import Grapher, following
from .planning import PlannedAdd, PlannedUpdate, Stored, add_result, update_result
from .scaling import Scaling


class Writer(NamedTuple):
    """Writes to one store with its embedder."""

    store: Store
    embedder: Embedder
    grapher: Grapher
    scaling: Scaling

    def add(self, plans: Sequence[PlannedAdd], now: int) -> list[AddResult]:
        """Store the memories of all adds, or none, and return the answers."""
        stored = iter(self._insert(plans, now))
        return [add_result(plan, list(islice(stored, len(plan.drafts))), self.embedder, now) for plan in plans]

    def _insert(self, plans: Sequence[PlannedAdd], now: int) -> list[Stored]:
        drafts = [draft for plan in plans for draft in plan.drafts]
        calls = [plan.call for plan in plans]
        entries = [
            Entry(one.record, None, "text" if one.infer else None, dated=one.dated, supersedes=one.supersedes)
            for one in drafts
        ]
        repeated = self._repeated(entries, now)
        vectors: dict[str, UnitVector] = {}

        def write(categories: tuple[str, ...]) -> list[Stored]:
            graphs = [self.grapher.graph_of(entry.record, categories) for entry in entries]
            # After the extractor, which may raise: then nothing was embedded in vain.
            self._embed(vectors, (text for entry in entries if (text := entry.record.indexed_text) not in repeated))
            for entry, graph in zip(entries, graphs, strict=True):
                entry.vector, entry.graph = vectors.get(entry.record.indexed_text), graph
            return list(map(Stored, self._added(Changes(entries, calls=calls, categories=categories), now), graphs))

        try:
            return following(self.store, write)
        except NotEmbeddedError:  # what was repeated is gone by now
            repeated.clear()
            return following(self.store, write)

    def _repeated(self, entries: Sequence[Entry], now: int) -> set[str]:
        """Note what the store sees of the entries, and return the texts that need no vector, because each entry with
        them repeats a memory."""
        asked = [entry for entry in entries if entry.unique is not None]
        for entry, seen in zip(asked, self.store.repeats(asked, now) if asked else (), strict=True):
            entry.seen = seen
        new = {one.record.indexed_text for one in entries if one.seen is None or not one.seen.repeats}
        return {one.record.indexed_text for one in entries} - new

    def _embed(self, vectors: dict[str, UnitVector], texts: Iterable[str]) -> None:
        """Add the vectors of those texts that have none yet."""
        missing = [text for text in dict.fromkeys(texts) if text not in vectors]
        if missing:
            vectors.update(zip(missing, embed_documents(self.embedder, missing), strict=True))

    def _added(self, changes: Changes, now: int) -> Sequence[Outcome]:
        if any(entry.vector is not None for entry in changes.additions):
            changes = changes._replace(scale=self.scaling.to_keep())
        telemetry.remember(entry.record.id for entry in changes.additions)
        return self.store.apply(changes, Visible(horizon=now)).outcomes

    def update(self, plans: Sequence[PlannedUpdate], visible: Visible) -> tuple[UpdateManyResult, Applied]:
        """Change all memories, or none, and return the answer, and what was done."""
        telemetry.remember(plan.update.memory_id for plan in plans)
        updates, embedded = self._with_vectors(plans, visible)

        def write(categories: tuple[str, ...]) -> Applied:
            graphed = self._with_graphs(updates, visible, categories)
            return self.store.apply(Changes(updates=graphed, categories=categories), visible)

        applied = following(self.store, write)
        return update_result(applied.updated, embedded, visible.now), applied

    def _with_vectors(
        self, plans: Sequence[PlannedUpdate], visible: Visible
    ) -> tuple[list[Update], list[EmbeddedMemory]]:
        """Return the updates, those of a text with its vector, and which of the texts are too long for the model.

        All texts are embedded in one batch.
        """
        texts: list[str] = []
        last: dict[str, str] = {}
        # The speaker's name is embedded with the text, and only the stored memory knows it.
        changed = [plan.update.memory_id for plan in plans if plan.text is not None]
        known = self.store.get_many(changed, visible) if changed else {}
        for plan in plans:
            if plan.text is None:
                continue
            record = known.get(plan.update.memory_id)
            if record is None:
                raise MemoryNotFoundError(
                    f"Memory with id {plan.update.memory_id} not found. Please provide a valid 'memory_id'"
                )
            texts.append(record._replace(text=plan.text).indexed_text)
            last[plan.update.memory_id] = texts[-1]
        vectors = iter(embed_documents(self.embedder, texts))
        updates = [one.update if one.text is None else one.update._replace(vector=next(vectors)) for one in plans]
        return updates, self._embedded(last.items())

    def _with_graphs(self, updates: Sequence[Update], visible: Visible, categories: tuple[str, ...]) -> list[Update]:
        """Return the updates with what replaces the graphs of the changed memories."""
        changed = []
        if categories:
            known = self.store.get_many((update.memory_id for update in updates), visible)
            # For a memory that is not there, the store raises.
            changed = [update.change(known[one]) for update in updates if (one := update.memory_id) in known]
        graph_of = self.grapher.prepared(changed, categories)
        return [update._replace(graph=graph_of) for update in updates]

    def import_(self, batch: Sequence[Imported], now: int) -> tuple[int, list[EmbeddedMemory]]:
        """Add the memories whose ids are not there; return how many, and which are too long for the model."""
        known = self.store.existing(record.id for record, _ in batch)  # what will be skipped is not embedded
        new = [(record, changes) for record, changes in batch if record.id not in known]
        vectors = embed_documents(self.embedder, [record.indexed_text for record, _ in new])

        def write(categories: tuple[str, ...]) -> Sequence[Outcome]:
            entries = [
                Entry(
                    record, vector, "id", dated=True, history=changes, graph=self.grapher.graph_of(record, categories)
                )
                for (record, changes), vector in zip(new, vectors, strict=True)
            ]
            return self._added(Changes(entries, categories=categories), now)

        added = [outcome.record for outcome in following(self.store, write) if outcome.added]
        return len(added), self._embedded((record.id, record.indexed_text) for record in added)

    def _embedded(self, texts: Iterable[tuple[str, str]]) -> list[EmbeddedMemory]:
        """Return of which memories, given as id and text, the model sees only parts."""
        parts = [(memory_id, cut(self.embedder, text)) for memory_id, text in texts]
        return [{"id": memory_id, **part} for memory_id, part in parts if part is not None]
