"""What a store must do: the contract that the rest of the package relies on. SQLite is one way to keep it.

The docstrings are the contract. ``tests/store/test_contract.py`` tests it on any store, and the capability tests run
over any store: ``pytest --store NAME``. Seven promises hold for the whole protocol:

**Atomic calls.** A method that writes does all of its work or none, and raises if it did none. Others see either the
state before the call or the state after it. When the method returns, the write is as durable as the store was asked
to make it.

**Snapshots.** A method that reads sees one state of the store, from its first row to its last.

**Change numbers in commit order.** Every addition, update, feedback and deletion gets the next change number. When
``changes(after=n)`` shows a number, every lower number is already visible or never will be, whatever other writers do
meanwhile. Webhooks and ``Memory.changes`` remember only the last number they saw, so a lower number that appears later
would be lost. SQLite gets this from its single writer. A store with concurrent writers has to give the numbers under a
lock that it holds until the commit. A plain sequence of PostgreSQL is not enough: it numbers in the order of the
calls, not of the commits. No number is given twice, not even after ``reset``, ``vacuum`` or a restored backup.

**A version to follow.** Every change of memories raises the store's version, and the version of the scopes it touches.
A cache that knows a version needs to read only the scopes whose version is higher. See ``columns.Source``.

**Repeats are checked in the transaction that inserts.** ``Entry.unique`` asks for it. Two calls that add the same text
at the same time store it once. To keep the transaction short, callers look for repeats before it (``Store.repeats``)
and hand over what they saw (``Entry.seen``): the transaction has to look only at what changed since.

**Callbacks run inside the transaction.** ``Update.change``, ``Update.graph`` and the ``change`` of ``change_document``
get the state that they replace, and nobody else can write in between. They must be quick, and they must not call the
store. A store may call them again if it repeats the transaction. Whatever they raise undoes the whole call.

**Every text comes back exactly.** Texts, metadata values, feedback reasons, speakers and documents may hold any
Unicode character except lone surrogates, and that includes NUL: text that was extracted from a PDF often has some. A
store whose database cannot hold a NUL, such as PostgreSQL, has to write it in another form and turn it back when it
reads; filters have to find it. Callers never pass a NUL in an id of a scope or in a metadata key, where a store may
need the character itself.

Instants are microseconds since 1970, UTC.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from ..data.filters import EVERYTHING, Expression
from ..data.jsonl import Exported
from ..data.records import AddEvent, Change, FileSettings, Gone, Job, Record, Scope
from ..embedding.reading import UnitVector
from ..graph import Graph
from ..search.query import Query
from ..search.text import indexed_terms
from ..search.view import Ranked, View
from ..types import (
    ChangeItem,
    Counts,
    EmbedderIdentity,
    Entity,
    Event,
    EventItem,
    EventType,
    GraphResult,
    GraphStats,
    HistoryItem,
    Relation,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Visible(NamedTuple):
    """What a call may see. A memory that is not visible is treated as if it did not exist."""

    expression: Expression = EVERYTHING
    """The filter that a memory has to match."""
    horizon: int | None = None
    """The present. Memories that expired by then are out of sight. None: expired memories can be seen too."""
    latest: bool = False
    """Whether superseded memories are out of sight."""

    @property
    def now(self) -> int:
        """The present, for calls that cannot do without it. Raises ValueError when there is none."""
        if self.horizon is None:
            raise ValueError("This call needs the present: give Visible a horizon.")
        return self.horizon


EVERYTHING_STORED = Visible()
"""All memories, expired or not."""


class Seen(NamedTuple):
    """What a store saw of an addition before the transaction that inserts it."""

    repeats: bool
    """Whether a live memory of its scope covered it."""
    state: Any
    """What the store needs to look only at what changed since. None: it looks at everything again."""


class Entry:
    """A memory to add."""

    def __init__(
        self,
        record: Record,
        vector: "UnitVector | None",
        unique: Literal["id", "text"] | None = None,
        *,
        dated: bool = False,
        history: Sequence[Change] = (),
        graph: Graph | None = None,
        supersedes: Sequence[str] = (),
    ) -> None:
        self.record = record
        """With a key, it is the only memory of its scope and key that is not superseded: see ``Store.apply``."""
        self.vector = vector
        """The unit vector of ``record.indexed_text``. None: the text was not embedded, because it repeats a memory."""
        self.unique = unique
        """What makes it a repeat, which is not added: ``"id"``: a memory has its id already, anywhere in the store.
        ``"text"``: a live memory of its scope that is not superseded covers it (``Record.covers``); with a key, the
        memory that has this key at its date holds the same (``Record.holds``). Memories that it supersedes don't
        count."""
        self.dated = dated
        """Whether the caller gave the date of the record. Otherwise it is the present."""
        self.history = history
        """The history that it brings along, instead of a new one that begins with ADD."""
        self.graph = graph
        """What the memory names and states, if its category is a graph category."""
        self.supersedes = supersedes
        """Ids of live memories of its scope that it supersedes, or the memory that it repeats does."""
        self.seen: Seen | None = None
        """What ``Store.repeats`` returned for it."""
        self.terms = indexed_terms(record.indexed_text)
        """The keyword terms of ``record.indexed_text``; counted here, before any lock is taken."""


class Update(NamedTuple):
    """A change of one live memory. Its history notes it as ``event``."""

    memory_id: str
    change: Callable[[Record], Record]
    """Returns what the memory becomes. Runs inside the transaction."""
    vector: "UnitVector | None" = None
    """The unit vector of the new text, if the text changes."""
    event: Event = "UPDATE"
    graph: Callable[[Record], Graph | None] | None = None
    """Returns what the changed memory names and states. None: leave that as it is. Runs inside the transaction."""


class Call(NamedTuple):
    """One call of ``add`` to keep as an event, and how many of the changes are its own."""

    event_id: str
    scope: Scope
    entries: int
    job: Job | None = None
    """What is to be done with the memories that it adds; for a ``Queue``. None, or none added: nothing."""


class Finished(NamedTuple):
    """That the changes are what a job was for."""

    event_id: str
    claim: str
    results: Sequence[tuple[str, str]] = ()
    """Ids and events, for the event of the job: ADD, UPDATE, DELETE, or NONE."""
    spent: Mapping[str, float] = {}
    """What models used for it: numbers by name."""
    read: Mapping[str, tuple[str, int]] = {}
    """What the model read: the hashes and the dates of memories, by id."""


class Changes(NamedTuple):
    """What one call changes. The store deletes first, then updates, then adds: a new memory that repeats a deleted one
    is stored, and one that repeats an updated one is not."""

    additions: Sequence[Entry] = ()
    updates: Sequence[Update] = ()
    deletions: Sequence[str] = ()
    """Ids. An id that is there twice counts once."""
    calls: Sequence[Call] = ()
    """The events to keep. They share out the additions among themselves, in order."""
    categories: tuple[str, ...] | None = None
    """The graph categories for which the graphs were made. None: the changes hold no graphs."""
    scale: float | None = None
    """The scale of the embedder's cosines, for the store to keep. None: it keeps what it has."""
    linked: bool = False
    """Whether what the deleted memories superseded is deleted, too, and what that superseded. Of what has expired, the
    histories go as well."""
    finished: Finished | None = None
    """The job of a ``Queue`` that is done with these changes."""


class Outcome(NamedTuple):
    """What became of an addition."""

    record: Record
    """The memory that the store holds now: the entry's, or the one that it repeats."""
    added: bool
    superseded: Sequence[str] = ()
    """Ids of the memories that it superseded."""


class Applied(NamedTuple):
    """What became of a call's changes."""

    outcomes: Sequence[Outcome] = ()
    """One for each addition, in order."""
    updated: Sequence[Record] = ()
    """One for each update, in order: what the memory became."""
    events: Sequence[str] = ()
    """Of a ``Queue``: the events of the jobs that are to draw facts again, because of the updates."""


class Use(NamedTuple):
    """That a memory was in answers."""

    times: int
    """How often; at least 1."""
    last: int
    """When it was the last time."""


class Held(NamedTuple):
    """What live memories come to."""

    memories: int
    bytes: int
    """Of their texts and their metadata, as UTF-8."""
    until: int | None
    """When the first of them expires."""

    def plus(self, other: "Held") -> "Held":
        """Return what both come to."""
        untils = [one for one in (self.until, other.until) if one is not None]
        return Held(self.memories + other.memories, self.bytes + other.bytes, min(untils, default=None))


class Attached(NamedTuple):
    """What a memory has beside its record and its history."""

    vector: UnitVector
    graph: Graph | None
    """What it names, in the order of the names, and states. None: nothing."""
    use: Use | None


class Document(NamedTuple):
    """A document with its name."""

    kind: str
    name: str
    value: dict[str, Any]


class Listed(NamedTuple):
    """A part of a list of memories."""

    records: Sequence[Record]
    total: int
    """How many there are in the whole list."""
    following: str | None
    """The cursor of what comes next. None at the end."""
    relations: Sequence[Relation] = ()
    """What the records state, if the caller asked for it."""


class ListedEvents(NamedTuple):
    """A part of a list of events."""

    events: Sequence[EventItem]
    total: int
    following: str | None


class Remaking(NamedTuple):
    """How to compute again what a store does not keep of the past."""

    vectors: Callable[[Sequence[Record]], Sequence[UnitVector]]
    """Returns the unit vector of the ``indexed_text`` of each memory."""
    graph_of: Callable[[Record, tuple[str, ...]], Graph | None]
    """Returns what a memory names and states, if it has one of these graph categories."""


class CategoriesChangedError(Exception):
    """The store has other graph categories than those for which the graphs were made. Nothing was stored."""

    def __init__(self, categories: tuple[str, ...]) -> None:
        super().__init__(*categories)
        self.categories = categories
        """Those that the store has."""


class NotEmbeddedError(Exception):
    """An addition has no vector and repeats nothing, because what it repeated is gone. Nothing was stored."""


class JobLostError(Exception):
    """The job was done by somebody else, or removed with its scope, since it was claimed. Nothing was stored."""


class SourcesChangedError(Exception):
    """A memory that a model read for a job has another text or date by now. Nothing was stored."""


class Reading(Protocol):
    """What one search reads, all from one snapshot. Not to be used after the ``with`` block of ``searching``."""

    @property
    def view(self) -> View:
        """The live memories of the scopes that were asked for, and what ranks them."""

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The store's graph categories."""

    def records(self, ranked: Sequence[Ranked]) -> list[Record]:
        """Return the memories, in this order."""

    def relations(self, ranked: Sequence[Ranked]) -> list[Relation]:
        """Return what the memories state, in this order. A relation that several of them state comes once."""

    def vectors(self, ranked: Sequence[Ranked]) -> "NDArray[np.float32]":
        """Return their unit vectors, shape (len(ranked), dimensions)."""

    def project(self) -> dict[str, Any] | None:
        """Return the document of the kind ``project``."""

    def uses(self, ranked: Sequence[Ranked]) -> list[Use | None]:
        """Return what ``Store.note_uses`` noted of the memories, in this order."""


class Graphs(Protocol):
    """The graph of a store: what each memory of a graph category names and states.

    It has no nodes of its own. What a caller sees of it is made of the memories that the caller may see.
    """

    def read(self, visible: Visible, entity: str | None, depth: int, limit: int) -> GraphResult:
        """Return entities and relations of the visible memories.

        With ``entity``, a name: those at most ``depth`` relations away, nearest first. Without: those that most
        memories name. At most ``limit`` entities.
        """

    def stats(self) -> GraphStats:
        """Return the graph categories, the numbers of entities and relations, and whether the graph is up to date."""

    def moves(self, categories: tuple[str, ...] | None) -> tuple[tuple[str, ...], int, int, int]:
        """Return the categories (None: the store's own), the number of memories that have one of them, and how many
        memories would enter and leave the graph."""

    def begin(self, categories: tuple[str, ...]) -> None:
        """From now on, every writer follows these categories. Note that the graph is still to be made."""

    def after(self, position: int | None, limit: int) -> list[tuple[int, Record]]:
        """Return up to ``limit`` memories, expired ones too, each with its position. They come in a fixed order, and
        after the one at ``position``. None: from the beginning."""

    def put(
        self, positions: Sequence[int], graph_of: Callable[[Record], Graph | None], *, categories: tuple[str, ...]
    ) -> None:
        """Replace what the memories at these positions name and state. ``graph_of`` runs inside the transaction.

        Memories that are gone by now are skipped. Raises CategoriesChangedError.
        """

    def finish(self, categories: tuple[str, ...]) -> None:
        """Note that the graph is made. Raises CategoriesChangedError."""


class Reads(Protocol):
    """What can be asked of the present and of the past."""

    @property
    def graphs(self) -> Graphs:
        """The graph."""

    def get_many(self, ids: Iterable[str], visible: Visible) -> dict[str, Record]:
        """Return the visible memories among these ids, by id."""

    def page(
        self, visible: Visible, limit: int, offset: int, *, after: str | None = None, relations: bool = False
    ) -> Listed:
        """Return visible memories from ``offset`` on, or after a cursor: newest ``created_at`` first, and of the same
        instant the one stored last first.

        A cursor stays valid whatever is added or deleted, and tells its holder nothing about others. Raises
        ValidationError for a cursor that is not one of this list.
        """

    def searching(self, visible: Visible, query: Query) -> AbstractContextManager[Reading]:
        """Yield what a search may return, from one snapshot: all live memories of the scopes that the expression asks
        for, which of them match it, and where the query's terms occur.

        What a store keeps in memory from one search for the next is its own affair, and changes no number: a memory's
        cosine is the same to the last bit, whether its vector was kept or read, and equal vectors have equal cosines.
        """


class Store(Reads, Protocol):
    """The memories of one store, their histories, events and documents. Usable from any thread.

    Every method may raise ClosedError and other leaves of DatabaseError. A method that has to do with vectors raises
    EmbedderMismatchError when the store holds another embedder's.
    """

    @property
    def read_only(self) -> bool:
        """Whether the store was opened for reading only. Methods that write then raise ReadOnlyError."""

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The store's graph categories, as this process saw them last. A call that uses them checks them again."""

    @property
    def file(self) -> "FilePart | None":
        """What a store has if it is a file. None for a store that is not."""

    def close(self) -> None:
        """Wait for running calls, then close the store. Closing twice does nothing."""

    # -- writing

    def apply(self, changes: Changes, visible: Visible) -> Applied:
        """Delete, update and add: all of it in one transaction, or none of it.

        ``visible`` says which memories may be updated and deleted, and when it happens: its horizon is required.
        Each change is noted in the memory's history. Histories stay when memories are deleted.

        An addition with a key supersedes the memory of its scope that has this key (``Record.superseded``, event
        SUPERSEDE), so that at any time one is not superseded. If it is ``dated``, and its date is before that one's, it
        is stored as superseded itself, by the next one of this key in the order of dates, and what that one superseded
        it supersedes instead. So dated values make the same history in whatever order they arrive. Expired memories are
        superseded without regard to dates, as if they were gone. What is superseded stays superseded, whatever becomes
        of its successor. An addition that is superseded already keeps its successor.

        Raises MemoryNotFoundError for a memory that is not visible, CategoriesChangedError, NotEmbeddedError,
        EmbedderMismatchError (deletions alone need no embedder), and whatever a callback raises.
        """

    def delete_matching(self, visible: Visible) -> int:
        """Delete all visible memories and return how many there were. Their histories stay.

        The horizon is required. Expired memories that match the expression are removed with their histories, as
        ``vacuum`` does it, and are not counted.
        """

    def reset(self, expression: Expression, ids: Mapping[str, str], owner: str | None) -> None:
        """Remove everything that belongs to the scopes that match: memories, histories, events.

        Documents of the kinds ``export`` and ``summary`` that name all of ``ids`` go too, except those of other users'
        views; with ``owner``, only those of that user's views.
        """

    def erase(self, expression: Expression, names: Sequence[str]) -> dict[str, int]:
        """Remove every trace of the scopes that match, and all documents of the kinds ``export`` and ``summary`` that
        hold one of ``names`` anywhere. Nothing of it may be left in the bytes that the store keeps, as far as the
        database allows.

        Return the numbers of removed ``memories``, ``vectors``, ``keywords``, ``graph`` rows, ``history`` rows,
        ``events`` and ``exports``. Raises DatabaseBusyError if somebody read for so long that old bytes could not be
        overwritten: then everything is removed, and a second call overwrites them.
        """

    def vacuum(self, now: int) -> tuple[int, int]:
        """Remove expired memories with their histories, old events and expired exports, in batches. If there are none,
        write nothing: servers call this every minute.

        Return how many memories were removed, and how many bytes the disk got back.
        """

    def take(self, items: Iterable[Gone | AddEvent | FileSettings], now: int, *, by_scope: bool = False) -> int:
        """Keep what an export has beside memories, where the store has nothing of the same name; return how many
        things were kept.

        A history is kept if there is none of that memory id; with ``by_scope``, none of that id in that scope. An
        event is kept if there is none of its id. Of settings, those are kept that the store lacks; graph categories
        only by a store that has none, and no memories.
        """

    def note_uses(self, uses: Mapping[str, Use]) -> None:
        """Add to the uses of the memories with these ids. Ids that no memory has are skipped.

        Nothing else of a memory changes, and no version does. Uses end with their memory.
        """

    # -- reading

    def at(
        self,
        instant: int,
        within: Expression,
        remaking: Remaking,
        *,
        ids: Sequence[str] | None = None,
        query: Query | None = None,
    ) -> AbstractContextManager[Reads]:
        """Yield the store as it was at an instant, as far as the scopes go that an expression asks for, or only the
        memories with these ids. It has to be asked with that instant as the horizon; for ``searching`` it has to be
        given the query.

        The answers are those that the store gave at the instant: texts, metadata, lifetimes, feedback, order, scores.
        Instants are those at which changes were recorded, and the very instant is included; whatever the clock does,
        the order of the changes counts. Memories with their histories that ``vacuum``, ``reset`` or ``erase`` removed
        are gone from the past, too. The graph is the one that today's categories make of what was stored then. What is
        imported with states of its own (``Change.recorded_at``, ``Change.before``) was there at those instants, unless
        the store has a history of that id.

        Raises ValidationError, for the field ``as_of``, if what was stored then is not known.
        """

    def existing(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that a memory has: anybody's, expired or not. Nothing else of the memories is read.

        Any text may be asked for, also one that no id can be.
        """

    def repeats(self, additions: Sequence[Entry], now: int) -> list[Seen]:
        """Tell which additions, unique by their texts, a live memory of their scope covers, before any lock is taken.

        So the caller need not embed them. ``apply`` decides: it looks again at what changed since, or at everything.
        Near-copies may be left to it, but not memories with the same words.
        """

    def scanning(
        self, visible: Visible, *, logs: Expression | None = None, settings: bool = False, bounded: bool = False
    ) -> AbstractContextManager[Iterable[Exported]]:
        """Yield everything for an export, from one snapshot that ends with the ``with`` block.

        First, with ``settings``, those of the store. Then the visible memories with their histories, in the order in
        which they were stored within a scope. Then, with ``logs``, the histories of memories that are gone and the
        events, of the scopes that match it. It may take any time, unless it is ``bounded`` by the store's time limit.
        """

    def history(self, memory_id: str, visible: Visible) -> list[HistoryItem]:
        """Return a memory's changes in the scopes that match, oldest first; deleted memories have theirs, too. An
        expired memory that is out of sight has none."""

    def entities(self, visible: Visible) -> list[Entity]:
        """Return every user, agent, run and app with visible memories: how many, and their first and last date."""

    def events(
        self,
        visible: Visible,
        limit: int,
        offset: int,
        *,
        after: str | None = None,
        event_id: str | None = None,
        event_type: EventType | None = None,
    ) -> ListedEvents:
        """Return the calls of ``add`` in the scopes that match, newest first, from ``offset`` on or after a cursor;
        with ``event_id``, only the one with that id; with ``event_type``, only those of that type. The horizon is
        required. Each has the texts that its memories have now, None where they are gone or expired."""

    def changes(self, after: int, follower: str | None, now: int, limit: int) -> list[ChangeItem]:
        """Return the changes with numbers above ``after``, oldest first, without those of expired memories.

        With ``follower``, a user's id, only that user's. These have numbers of their own, so that nobody can tell from
        them how much others write. Both kinds of numbers come in commit order and are never given twice.
        """

    def last_change(self) -> int:
        """Return the number of the last change, 0 if there was none."""

    def counts(self, now: int) -> Counts:
        """Return how many memories are live, superseded and expired, and of how many users, agents, runs and apps."""

    def held(self, user_id: str, now: int) -> Held:
        """Count what a user keeps, superseded memories too, and no expired ones."""

    def facts(self) -> "StoreFacts":
        """Return the size of the store, and what it is made with."""

    def identity(self) -> EmbedderIdentity:
        """Return the embedder whose vectors the store holds."""

    def is_empty(self) -> bool:
        """Whether the store holds no memory at all."""

    def scale(self) -> float | None:
        """Return the scale of that embedder's cosines, as ``apply`` was told it; None if it wasn't."""

    # -- documents: settings of the project, webhooks, exports

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """Return the documents of a kind, oldest first."""

    def document(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one document, or None."""

    def glance(self, kind: str, name: str) -> Sequence[dict[str, Any]] | None:
        """Return the document of a name, or nothing in its place, if it is known not to have changed since ``document``
        returned it; else None.

        For an event loop: it executes no statement. Whoever gets None calls ``document`` in a thread.
        """

    def change_document(
        self, kind: str, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Replace a document by what ``change`` makes of it; None means no document. Return what it became.

        ``change`` runs inside the transaction.
        """

    # -- copying

    def attached(self, ids: Sequence[str]) -> dict[str, Attached]:
        """Return what the memories with these ids have beside their records and histories, by id, for a copy."""

    def all_documents(self) -> list[Document]:
        """Return the documents of every kind, oldest first, for a copy."""


# -- what a store has that can draw facts


class Claimed(NamedTuple):
    """A job, and who works at it."""

    event_id: str
    claim: str
    """Known only to whoever claimed it."""
    scope: Scope
    turns: Sequence[str]
    """Ids of the memories that the call added, or that were edited. Some may be gone by now."""
    wishes: Mapping[str, Any]
    attempts: int
    """How often it was claimed, this time included."""
    created_at: int
    """When ``add`` was called, or the memories were edited."""
    edited: bool = False
    """Whether the memories were edited, so that their facts are drawn again."""


class Jobs(NamedTuple):
    """What is in a queue."""

    pending: int
    failed: int
    """How many were given up."""
    due_at: int | None
    """When the first one that is pending may be claimed."""


class Cost(NamedTuple):
    """What models used for a scope: numbers by name, failed attempts too."""

    scope: Scope
    spent: Mapping[str, float]


@runtime_checkable
class Queue(Protocol):
    """A store that keeps facts and the jobs that draw them, for ``Memory(llm=…)``. Optional: without these methods a
    store serves everything else.

    **Facts.** A record with ``sources`` is a fact: it was drawn from the memories with these ids, which are of its own
    scope. The store keeps the ids with the memory and in its ``State``, also when a source is gone. When the last of
    its sources is deleted, the fact is deleted in the same transaction, with a DELETE in its history; when they are
    removed as expired, so is the fact. Whenever what a fact is drawn from changes (a source gets another expiry, or is
    deleted; the fact gets other sources or another expiry), the store replaces it by ``Record.bounded`` of the instants
    at which the last source expired and expires, and notes that as an UPDATE if it changes anything.

    **Jobs.** ``Call.job`` puts a job into the queue, in the transaction that adds the memories, unless the call added
    none. The event is PENDING then. ``apply`` with ``Changes.finished`` does the changes and removes the job, all or
    none: so no job is applied twice. The event is SUCCEEDED, and ``Finished.results`` are appended to its own. A job
    belongs to its event: it goes with the scope. ``vacuum`` keeps events that are pending.

    **Edited sources.** When an update gives a memory that facts were drawn from another text or date, a job is put into
    the queue in the same transaction, one for all such memories of a scope, with an event of its own, whose results
    are these memories with the event UPDATE. If such a job waits already for the same memories, that one stays instead.

    With ``finished``, ``apply`` also raises JobLostError if the claim does not hold any more, SourcesChangedError if a
    memory in ``Finished.read`` is there with another hash or date, and MemoryNotFoundError if an addition or an update
    names a source that is no live memory of the scope and that it did not have before.
    """

    def drawn(self, ids: Iterable[str], visible: Visible) -> list[Record]:
        """Return the visible facts that were drawn from any of the memories with these ids, the oldest first."""

    def claim(self, now: int, until: int, *, event_id: str | None = None) -> Claimed | None:
        """Claim the job that is due longest, or the one of an event, until an instant; None if there is none.

        At most one job of a scope is claimed at a time. A claim that is past its instant may be taken by anybody, and
        holds until somebody does.
        """

    def give_back(
        self, claimed: Claimed, problem: str, due_at: int | None, spent: Mapping[str, float], now: int
    ) -> bool:
        """Return a job to the queue, to be claimed from ``due_at`` on, or give it up (None): its event has FAILED then.

        ``problem`` says why. Return False, and do nothing, if the claim does not hold any more.
        """

    def retry(self, within: Expression, now: int) -> int:
        """Put the jobs that were given up, of the scopes that match, back into the queue; return how many."""

    def jobs(self, within: Expression) -> Jobs:
        """Count the jobs of the scopes that match."""

    def costs(self, within: Expression) -> list[Cost]:
        """Return what models used for each of the scopes that match, as far as they used anything."""


# -- what only a file has


class Finding(NamedTuple):
    """Something in a file that does not agree with the rest."""

    check: str
    """Which part of the check found it."""
    problem: str
    items: Sequence[Any]
    """Which memories, by id, or what else has the problem."""
    positions: Sequence[int] = ()
    """The memories that need a new vector."""


class Unembedded(NamedTuple):
    """A memory that needs a vector."""

    position: int
    hash: str
    """Of its text. A vector is kept only while the memory still has it."""
    text: str
    """What to embed."""


class StoreFacts(NamedTuple):
    """What there is to know about a store."""

    bytes: int
    """The size of its pages on the disk."""
    cached_bytes: int
    """About how much memory searches keep vectors in."""
    checksums: bool
    """Whether every page has a checksum."""
    schema_version: int


class FilePart(Protocol):
    """What a store has if it is a file."""

    def backup(self, path: Path) -> None:
        """Write a consistent copy to a new file, while others may write. Only its owner can read the copy.

        Raises DatabaseError when the target exists or cannot be written. No partial copy is left.
        """

    def check(self) -> tuple[int, list[Finding]]:
        """Return how many memories there are, and everything that does not agree, from one snapshot."""

    def mend(self, findings: Sequence[Finding]) -> None:
        """Repair what can be repaired without loss, in one transaction. Vectors need ``put_vectors``."""

    def to_embed(self, positions: Sequence[int]) -> list[Unembedded]:
        """Return what to embed for these memories."""

    def put_vectors(self, found: Sequence[tuple[Unembedded, UnitVector]]) -> None:
        """Replace vectors, except of memories that were changed or deleted since ``to_embed``."""


class Reembedding(Protocol):
    """A file that gets the vectors of another embedder. The old vectors serve readers until the last new one is there;
    an interrupted reembedding is continued by the next one with the same embedder.

    Raises EmbedderMismatchError from any method but ``begin`` and ``counts`` if another reembedding took over.
    """

    def begin(self) -> bool:
        """Prepare for new vectors. Return False if the file has this embedder's already."""

    def pending(self, limit: int) -> list[Unembedded]:
        """Return up to ``limit`` memories that have no new vector."""

    def put(self, found: Sequence[tuple[Unembedded, UnitVector]]) -> None:
        """Keep new vectors, except of memories that were changed or deleted since ``pending``."""

    def counts(self) -> tuple[int, int]:
        """Return how many memories have no new vector, and how many memories there are."""

    def finish(self) -> bool:
        """Put the new vectors in the place of the old ones. Return False if a memory still lacks one."""
