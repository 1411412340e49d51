"""Memory: the verbs. Scope, lifetime and de-duplication live here; no SQL does."""

import copy
import enum
import functools
import io
import json
import logging
import os
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Final, Literal, NoReturn, Self, TypeVar, cast, overload

from .. import environment
from ..comparison import nfc
from ..data.filters import (
    EVERYTHING,
    SCOPE_IDS,
    Expression,
    as_json,
    both,
    likely_ids,
    names_only,
    names_scope,
    only_scope,
    parse,
)
from ..data.jsonl import Exported, read_item, read_lines, to_line
from ..data.messages import Message, Messages, read_messages
from ..data.records import AddEvent, Change, FileSettings, Gone, Record, Scope
from ..embedding.local import cut, cut_query, resolve
from ..embedding.protocol import Embedder, embed_documents, embed_query, identity, trust
from ..embedding.rerank import Configured, Reranker, rerank_scores, resolve_reranker
from ..errors import (
    ConfigurationError,
    CorruptFileError,
    DatabaseError,
    MemoryNotFoundError,
    NotAMemoryFileError,
    NotFoundError,
    NotPicklableError,
    PermissionDeniedError,
    ValidationError,
)
from ..files import appearing, clean_path, read_utf8_lines, store_path
from ..graph import (
    Extraction,
    Extractor,
    Graph,
    RuleExtractor,
    build,
    extract,
    in_order,
    name_of,
    to_graphml,
    to_mermaid,
)
from ..limits import clean_timeout
from ..search.query import Query
from ..search.ranking import Ranking
from ..search.scoring import Scores
from ..search.similarity import COSINE, canonical
from ..search.view import Ranked
from ..store import (
    SCHEMA_VERSION,
    SQLITE_VERSION,
    Call,
    CategoriesChangedError,
    Durability,
    Entry,
    Finding,
    Outcome,
    Reading,
    Store,
    Update,
    refuse_database_file,
    stopping,
)
from ..types import (
    AddedItem,
    AddResult,
    ChangePage,
    CheckResult,
    CreatedWebhook,
    DeliveryResult,
    EmbeddedMemory,
    Entity,
    ErasureReceipt,
    EventItem,
    EventPage,
    FeedbackResult,
    GraphResult,
    HistoryItem,
    ImportResult,
    MemoryExport,
    MemoryExportRequest,
    MemoryItem,
    MessageResult,
    MoveResult,
    Page,
    ReembedResult,
    ReindexResult,
    Relation,
    RestoreResult,
    SearchHit,
    SearchResult,
    SkippedPart,
    Stats,
    TypedDict,
    UpdateManyResult,
    UpdateResult,
    VacuumResult,
    Webhook,
    answer,
    answer_or_none,
    answers,
)
from ..values import (
    add_micros,
    argument_flag,
    argument_id,
    asked_id,
    clean_feedback,
    clean_id,
    clean_metadata,
    clean_scope,
    clean_text,
    day_of,
    encodable,
    end_of_day,
    is_instant,
    is_number,
    seconds_to_micros,
    shown,
    text_hash,
    to_iso,
    to_micros,
    to_micros_in_zone,
    written,
)

DEFAULT_TOP_K = 20
DEFAULT_THRESHOLD = 0.1
DEFAULT_SHORT_TERM_TTL = 3600.0
DEFAULT_CACHE_BYTES = 512 * 2**20
DEFAULT_GRAPH_LIMIT = 100
MAX_GRAPH_LIMIT = 10_000
MAX_GRAPH_DEPTH = 3
MAX_EXPORT_FIELDS = 200
"""Fields that an export made by ``create_memory_export`` may have."""
MAX_EXPORT_FIELD_LENGTH = 200
"""Characters of the name of such a field."""
MAX_EXPORT_CHARACTERS = 50_000_000
"""Characters of what ``get_memory_export`` answers, which is held in memory as a whole."""

_BATCH = 256  # memories embedded and stored at a time by import_ and reembed
_QUERY_CACHE = 1_024
_REMEMBERED_QUERY = 1_000  # characters up to which a query's vector is remembered: the cache is bounded in bytes, too
_WIDER, _CHECKED = 3, 100  # times as many results, but at least so many, are looked at where there are copies
_NAMED = 10  # of the items that a problem of ``check`` is about
_FIRST_STEPS, _STEPS = 5, 10  # results within which the steps of a procedure come in their order
_NO_RERANKER = (
    "This store has no reranker: results are in the order of their scores. Open it with reranker=…, a cross-encoder's "
    "name or folder, or serve it with MEM0LITE_RERANKER."
)
_RERANKED = 3  # times as many as asked for are given to a reranker

Instant = datetime | date | str | float
"""A point in time: a datetime, a date, ISO 8601 text or epoch seconds; without a time zone it is UTC."""
Duration = timedelta | float
"""A timedelta or seconds."""


class _OfPython:
    """Marks what only Python code can pass: pydantic takes any object for it, and a tool's parameters are without."""

    def __init__(self, *others: str) -> None:
        self._choices = [{"type": "is-instance", "cls": object}, *({"type": other} for other in others)]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> dict[str, Any]:
        return {"type": "union", "choices": self._choices}


Progress = Annotated[Callable[[int, int], None], _OfPython("none")]  # pydantic makes no tool of Callable | None
"""Called with how many are done and how many there are."""
TextFile = Annotated[IO[str], _OfPython()]
EmbedderObject = Annotated[Embedder, _OfPython()]


_Written = TypeVar("_Written")

_CATEGORIES = "MEM0_USE_GRAPH_FOR_CATEGORIES"
_PROJECT: dict[str, Any] = {"custom_instructions": None, "custom_categories": None}
_NO_IDS = (None, None, None, None)
_FORMATS: dict[str, Callable[[GraphResult], GraphResult | str]] = {
    "json": lambda graph: graph,
    "mermaid": to_mermaid,
    "graphml": to_graphml,
}
_EXPORT_LIFETIME = seconds_to_micros(timedelta(days=7), "lifetime")


OF_FILES = ("from_config", "restore", "reembed")
"""What the class does with any file, and a view of one user's memories refuses."""


class _Unset(enum.Enum):
    """The type of UNSET: an enumeration, as that is what type checkers and makers of schemas know one value by."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, Any]:
        # A tool's parameters show the default as this text, and a model that sends it means the default: before str in
        # a union, pydantic then takes it for this.
        text = {"type": "literal", "expected": ["UNSET"]}
        read = {"type": "function-after", "function": {"type": "no-info", "function": cls}, "schema": text}
        return {"type": "union", "choices": [{"type": "is-instance", "cls": cls}, read]}


UNSET: Final = _Unset.UNSET
"""Not given, where None is a value."""
UnsetId = Annotated[_Unset, _OfPython()]
"""The same where any text may be an id: of a tool's arguments none is taken for it."""


class AddItem(TypedDict, total=False):
    """One element of ``add_many``: the arguments of one ``add``; ``messages`` is required."""

    messages: Messages
    user_id: str | int | None
    agent_id: str | int | None
    run_id: str | int | None
    app_id: str | int | None
    metadata: Mapping[str, Any] | None
    expiration_date: str | date | None
    ttl: Duration | None
    timestamp: Instant | None
    infer: bool
    memory_type: str | None
    prompt: str | None


class UpdateItem(TypedDict, total=False):
    """One element of ``update_many``: the arguments of one ``update``; ``memory_id`` is required."""

    memory_id: str
    text: str | None
    metadata: Mapping[str, Any] | None
    expiration_date: str | date | None
    timestamp: Instant | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A memory about to be added."""

    record: Record
    infer: bool
    dated: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A memory that a search found."""

    ranked: Ranked
    record: Record
    rerank_score: float | None = None


class Handle:
    """What stands for something that is open: a copy of it, also a deep one, is open on the same."""

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise NotPicklableError(
            f"An open {type(self).__name__} cannot be pickled. Send its path, and open it where it is to be used."
        )


class Exports(int):
    """How many memories ``export`` wrote, and how much else."""

    deleted: int
    """Histories of memories that were deleted."""
    events: int
    """Calls of ``add``."""

    def __new__(cls, memories: int, *, deleted: int = 0, events: int = 0) -> Self:
        """Make the number."""
        exports = super().__new__(cls, memories)
        exports.deleted, exports.events = deleted, events
        return exports

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Callable[[type], Any]) -> Any:
        """To pydantic it is a number."""
        return handler(int)


class Memory(Handle):
    """A store of memories in one SQLite file.

    >>> memory = Memory(":memory:")
    >>> added = memory.add("I am allergic to peanuts", user_id="alice")
    >>> memory.search("What can she not eat?", user_id="alice")["results"][0]["memory"]
    'I am allergic to peanuts'
    >>> memory.close()

    Usable from any thread, and by several processes on the same file. Also a context manager that closes itself.

    Arguments:
        path: the file, created when absent; ``":memory:"`` is private to this object. Default: the environment
            variable ``MEM0LITE_DB``, else ``mem0lite.db`` in the working directory.
        embedder: an Embedder, a model name or a model folder; default ``all-MiniLM-L6-v2``, loaded at first use.
        clock: returns the present as an aware datetime; for tests.
        short_term_ttl: how long a ``short_term`` memory lives; default ``MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS``, else
            3600 seconds.
        durability: ``"full"`` keeps every acknowledged write through a power loss, ``"normal"`` may lose the last ones
            but never consistency, and writes faster.
        ranking: what counts in a search, and how much: a Ranking or a dictionary of its weights.
        reranker: a Reranker, a function of a query and documents that returns scores, or a cross-encoder's name or
            folder; used by searches that ask for it.
        cache_bytes: about how much memory searches may keep vectors in; default ``MEM0LITE_CACHE_BYTES``, else 512 MiB.
            Scopes that do not fit are read from the file at every search.
        read_only: read a file that is there, without changing anything of it or beside it; verbs that would raise
            ReadOnlyError. It may lie on a disk that cannot be written, and others may write it meanwhile.
        graph_categories: the values of ``memory_category`` whose memories are linked into the graph of entities and
            relations; default ``MEM0_USE_GRAPH_FOR_CATEGORIES``, separated by commas, else none. The file keeps what
            it was made with, and every writer follows it; ``reindex_graph`` changes it. For a file that has others,
            this argument is a ConfigurationError, and the variable a warning.
        graph_extractor: an Extractor, which finds the entities and relations of a text; default: RuleExtractor.
        checksums: give a new file a checksum on every page, which is compared whenever the page is read: a bit that
            flips on the disk is then a CorruptFileError rather than another text. A file keeps them; other programs
            than mem0lite may read it, but not write it.
        statement_timeout: for how many seconds a call may read the file before it is stopped with TimeLimitError; a
            filter over long texts may take that long. Default: any. Exports, backups, checks and whatever goes through
            the whole file by nature have no limit.
        config: refused, as ``from_config`` opens what a configuration of mem0 means.

    Raises ConfigurationError, ModelNotFoundError, EmbedderMismatchError when the file was embedded with another model,
    and the leaves of DatabaseError for a file that cannot be opened. A file that is not ours is left untouched.
    """

    api_version = "v1.1"
    """Of mem0, whose shapes the answers have."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        embedder: Embedder | str | os.PathLike[str] | None = None,
        clock: Callable[[], datetime] | None = None,
        short_term_ttl: Duration | None = None,
        durability: Durability = "full",
        ranking: Ranking | Mapping[str, float] | None = None,
        reranker: Reranker
        | Configured
        | Callable[[str, Sequence[str]], Sequence[float]]
        | str
        | os.PathLike[str]
        | None = None,
        cache_bytes: int | None = None,
        read_only: bool = False,
        checksums: bool = False,
        graph_categories: Iterable[str] | None = None,
        graph_extractor: Extractor | None = None,
        statement_timeout: float | None = None,
        config: object = None,
    ) -> None:
        if isinstance(path, Mapping) or config is not None:
            given = "config" if config is not None else "path"
            raise ConfigurationError(f"{given}: a configuration of mem0 is opened with Memory.from_config(…).")
        environment.name_unread()
        self.path = _path_of(path)
        self._clock = clock or _utc_now
        self._noted: set[tuple[str, str]] = set()
        self._short_term_ttl = _short_term_ttl(short_term_ttl)
        self._embedder = resolve(embedder)
        self._query_vectors = functools.lru_cache(_QUERY_CACHE)(functools.partial(embed_query, self._embedder))
        self._ranking = Ranking.of({} if ranking is None else ranking)
        self._reranker = resolve_reranker(reranker)
        asked_categories = _graph_categories(graph_categories)
        self._extractor = _extractor(graph_extractor)
        self._store = Store(
            self.path,
            embedder=identity(self._embedder),
            durability=durability,
            cache_bytes=_cache_bytes(cache_bytes),
            read_only=read_only,
            checksums=checksums,
            graph_categories=asked_categories,
            statement_timeout=clean_timeout(statement_timeout, "statement_timeout"),
        )
        self._user_id: str | None = None
        self._within: Expression = EVERYTHING
        if asked_categories not in (None, self.graph_categories):
            self._other_categories(asked_categories, given=graph_categories is not None)
        if not read_only and self.path != ":memory:":
            stopping.watch()

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 means: a dictionary, or an object such as its MemoryConfig.

        A vector store's ``path`` becomes the file beside that folder: ``/data/qdrant`` is ``/data/qdrant.db``. An
        embedder of provider ``fastembed`` is used. Everything that has no effect here is named in one
        CompatibilityWarning. Raises ConfigurationError for what is not a configuration.
        """
        from ..mem0 import configuration

        return cls(**configuration.read(config_dict))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for running calls and close the file, leaving no ``-wal`` behind; closing twice does nothing.

        Closing a view of one user's memories leaves the file open.
        """
        if self._user_id is None:
            self._store.close()

    # -- one user's memories

    @property
    def read_only(self) -> bool:
        """Whether the file was opened for reading only."""
        return self._store.read_only

    @property
    def statement_timeout(self) -> float | None:
        """For how many seconds a call may read the file; None is for any."""
        return self._store.statement_timeout

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The values of ``memory_category`` whose memories are linked into the graph, in order: a property of the file,
        which ``reindex_graph`` changes."""
        return self._store.graph_categories

    @property
    def user_id(self) -> str | None:
        """The user whose memories this is a view of; None when it is not a view."""
        return self._user_id

    def for_user(self, user_id: str | int) -> Self:
        """Return a view of one user's memories: the same verbs, to which nobody else's memories exist.

        >>> with Memory(":memory:") as memory:
        ...     added = memory.add("I am allergic to peanuts", user_id="alice")
        ...     memory.for_user("bob").get_all()["total"], memory.for_user("alice").get_all()["total"]
        (0, 1)

        A call that names no user means this one, so ids are optional; ``reset`` without arguments removes this user's
        memories and histories, and ``delete_all`` still wants an id. Raises PermissionDeniedError for a call that names
        another user or uses ``"*"`` as an id, and for what concerns a whole file: ``vacuum``, ``backup``, ``stats``,
        imports, the settings of the project, webhooks, and what the class does with files, ``restore``, ``reembed`` and
        ``from_config``.
        """
        name = clean_id(user_id, "user_id")
        if self._user_id not in (None, name):
            raise _another_user()
        view = copy.copy(self)
        view._user_id, view._within = name, parse({"user_id": name})
        for verb in OF_FILES:  # else they would reach, through the view, any file as a whole
            setattr(view, verb, functools.partial(view._refuse, verb))
        return view

    # -- writing

    @answer
    def add(
        self,
        messages: Messages,
        *,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        metadata: Mapping[str, Any] | None = None,
        expiration_date: str | date | None = None,
        ttl: Duration | None = None,
        timestamp: Instant | None = None,
        infer: bool = True,
        memory_type: str | None = None,
        prompt: str | None = None,
        llm: object = None,
    ) -> AddResult:
        """Store each message as a memory of a user, an agent, a run or an app; all of them or, on an error, none.

        Messages may be dictionaries or objects of OpenAI, Anthropic, Gemini, LangChain and others. Their texts are
        kept; what has none (an image, a tool call, an empty turn), reasoning, and messages of the roles ``system``,
        ``developer``, ``tool`` and ``function`` are left out and named in ``skipped``. A message's ``name`` becomes
        ``actor_id``, its ``role`` is kept.

        No language model rewrites anything: ``infer=True`` stores a message as it is unless it adds nothing to a memory
        of the same scope, which is reported as event NONE with the id of that memory. It adds nothing when that one has
        the same text, or says the same in nearly the same words (``search.similarity``; the answer then has its text
        as ``existing_memory``), by the same speaker in the same role, with the same metadata, no shorter life and the
        same date: the very instant where ``timestamp`` gives one, else the same day, UTC. ``infer=False`` stores it in
        any case. ``prompt`` and ``llm`` are accepted for callers of mem0 and have no effect, of which the latter warns
        (CompatibilityWarning). Of a text so long that the model sees parts of it only, the answer has how many as
        ``embedded``.

        The first of these that is given decides when the memory expires: ``metadata["expires_at"]``, ``ttl``,
        ``expiration_date`` (``YYYY-MM-DD``, visible through that day, UTC), ``metadata["memory_lifespan"]`` =
        ``"short_term"``. ``timestamp``, also as a message's key, says when it was said: it becomes ``created_at``, and
        lifetimes count from it. ``memory_type="procedural_memory"`` is kept as ``metadata["memory_type"]``.

        As in mem0, ``metadata["created_at"]`` is a ``timestamp`` and ``metadata["expiration_date"]`` an
        ``expiration_date`` where no other is given, and then no metadata. What is no date stays in the metadata, and so
        do ids, which say nothing of whose a memory is; both are logged, once a name.

        A memory that is past its expiry when it is added, such as one with a ``ttl`` of 0, is stored, but shown with
        ``show_expired`` alone: its result says so by ``expires_at`` and ``expired``, which is True. A negative ``ttl``
        is an error.

        Raises ValidationError, EmbeddingError, DatabaseError.
        """
        if llm is not None:
            _warn_of_model()
        item: AddItem = {
            "messages": messages,
            "user_id": user_id,
            "agent_id": agent_id,
            "run_id": run_id,
            "app_id": app_id,
            "metadata": metadata,
            "expiration_date": expiration_date,
            "ttl": ttl,
            "timestamp": timestamp,
            "infer": infer,
            "memory_type": memory_type,
            "prompt": prompt,
        }
        return self.add_many([item])[0]

    @answers
    def add_many(self, items: Iterable[AddItem]) -> list[AddResult]:
        """Do many ``add`` calls as one: one embedding batch, one transaction, all or nothing.

        Each item is a dictionary of ``add``'s arguments. Returns one result per item, in order. Raises what ``add``
        raises; a ValidationError's message starts with the position of the item.
        """
        now = self._now()
        calls: list[Call] = []
        drafts: list[list[_Draft]] = []
        left_out: list[list[SkippedPart]] = []
        for position, item in enumerate(items := list(items)):
            try:
                scope = self._scope(item)
                messages, left = read_messages(item.get("messages"))
                drafts.append(self._drafts(item, messages, scope, now))
                left_out.append(left)
                calls.append(Call(str(uuid.uuid4()), scope, len(drafts[-1])))
            except ValidationError as error:
                if len(items) == 1:
                    raise
                raise ValidationError(f"Item {position}: {error}", field=error.field) from None
        outcomes = iter(self._insert([draft for group in drafts for draft in group], now, calls))
        results = []
        for call, group, left in zip(calls, drafts, left_out, strict=True):
            stored = [next(outcomes) for _ in group]
            added = [self._added(draft, outcome, now) for draft, (outcome, _) in zip(group, stored, strict=True)]
            result: AddResult = {"results": added, "event_id": call.event_id}
            if any(graph is not None for _, graph in stored):
                result["relations"] = [
                    relation
                    for outcome, graph in stored
                    if graph is not None and outcome.added
                    for relation in graph.relations(outcome.record.id)
                ]
            if left:
                result["skipped"] = left
            results.append(result)
        return results

    @answer
    def update(
        self,
        memory_id: str,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expiration_date: _Unset | str | date | None = UNSET,
        *,
        data: str | None = None,
        timestamp: Instant | None = None,
    ) -> UpdateResult:
        """Change a memory's text, merge into its metadata, set (None: clear) its expiration date, or correct when it
        was said.

        ``data`` is mem0 1.x's name for ``text``. ``timestamp`` becomes ``created_at``. Scope and role never change.

        The lifetime that ``add`` was given stays in force, counted from ``created_at``, until an update names another:
        by an ``expiration_date``, also None, by setting or removing ``metadata["expires_at"]``, or, where neither these
        nor a ``ttl`` are in force, by another ``memory_lifespan``. The expiry is then what holds by ``add``'s order of
        precedence. A memory that is past it with this update is in the answer's ``expired``: nobody sees it any more.
        Of a text so long that the model sees parts of it only, the answer has how many as ``embedded``.

        Raises MemoryNotFoundError for an unknown or expired id, ValidationError when there is nothing to update or a
        value cannot be accepted, EmbeddingError, DatabaseError.
        """
        item: UpdateItem = {
            "memory_id": memory_id,
            "text": data if text is None else text,
            "metadata": metadata,
            "timestamp": timestamp,
        }
        if not isinstance(expiration_date, _Unset):
            item["expiration_date"] = expiration_date
        many: UpdateManyResult = self.update_many([item])
        changed: UpdateResult = {"message": "Memory updated successfully!"}
        if "expired" in many:
            changed["expired"] = many["expired"]
        for part in many.get("embedded", ()):
            changed["embedded"] = {"windows": part["windows"], "of": part["of"]}
        return changed

    @answer
    def update_many(self, items: Iterable[UpdateItem]) -> UpdateManyResult:
        """Do many ``update`` calls as one: one embedding batch, one transaction, all or nothing.

        Each item is a dictionary of ``update``'s arguments; one without ``expiration_date`` leaves it as it is. Of
        texts so long that the model sees parts of them only, the answer has the ids and how many as ``embedded``.
        Raises what ``update`` raises; a ValidationError's message starts with the position of the item.
        """
        now = self._now()
        updates = []
        for position, item in enumerate(items := list(items)):
            try:
                updates.append(self._update(item, now))
            except ValidationError as error:
                if len(items) == 1:
                    raise
                raise ValidationError(f"Item {position}: {error}", field=error.field) from None
        ready, parts = self._with_vectors(updates, now)

        def write(categories: tuple[str, ...]) -> list[Record]:
            graphed = self._with_graphs(ready, now, categories)
            return self._store.update(graphed, self._within, now, categories=categories)

        answer: UpdateManyResult = {"message": f"Successfully updated {len(updates)} memories"}
        if expired := [record.id for record in self._following(write) if record.is_expired(now)]:
            answer["expired"] = expired
        if parts:
            answer["embedded"] = parts
        return answer

    @answer
    def feedback(
        self, memory_id: str, feedback: str | None = None, feedback_reason: str | None = None
    ) -> FeedbackResult:
        """Say how good a memory is: ``POSITIVE``, ``NEGATIVE`` or ``VERY_NEGATIVE``; None takes it back.

        It is shown with the memory and in its history, and can be filtered by as ``feedback`` and ``feedback_reason``.
        Raises MemoryNotFoundError, ValidationError.
        """
        feedback, reason = clean_feedback(feedback, feedback_reason)

        def change(record: Record) -> Record:
            return replace(record, feedback=feedback, feedback_reason=reason)

        memory_id = asked_id(memory_id, "memory_id")
        self._store.update([Update(memory_id, change, event="FEEDBACK")], self._within, self._now())
        return {"id": memory_id, "feedback": feedback, "feedback_reason": reason}

    @answer
    def delete(self, memory_id: str) -> MessageResult:
        """Delete one memory; its history stays. Raises MemoryNotFoundError for an unknown or expired id."""
        self.delete_many([memory_id])
        return {"message": "Memory deleted successfully!"}

    @answer
    def delete_many(self, memory_ids: Iterable[str]) -> MessageResult:
        """Delete memories in one transaction, all or nothing; histories stay. Raises MemoryNotFoundError."""
        if isinstance(memory_ids, str):
            raise ValidationError("Invalid memory_ids: must be a list of ids, got a str.", field="memory_ids")
        ids = [asked_id(memory_id, "memory_id") for memory_id in memory_ids]
        self._store.delete(ids, self._within, self._now())
        return {"message": f"Successfully deleted {len(set(ids))} memories"}

    @answer
    def delete_all(
        self,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        *,
        filters: Mapping[str, Any] | None = None,
    ) -> MessageResult:
        """Delete every memory of the scope, or of the scope's those that match ``filters``; histories stay.

        Raises ValidationError when neither the arguments nor the filters name a user, agent, run or app: use ``reset``
        to remove everything.
        """
        expression = self._expression(filters, user_id, agent_id, run_id, app_id)
        if not names_scope(_expression(filters, user_id, agent_id, run_id, app_id)):  # in a view, too
            raise ValidationError(
                "At least one filter is required to delete all memories. If you want to delete all memories, "
                f"use the `reset()` method{_misspelt(filters) or '.'}",
                field="filters",
            )
        self._store.delete_matching(expression, self._now())
        return {"message": "Memories deleted successfully!"}

    def reset(
        self,
        user_id: str | int | UnsetId = UNSET,
        agent_id: str | int | UnsetId = UNSET,
        run_id: str | int | UnsetId = UNSET,
        app_id: str | int | UnsetId = UNSET,
    ) -> None:
        """Remove a scope's memories and their histories, or without arguments everything.

        Raises ValidationError for an id that is None or ``"*"``, so that a variable left unset, or set by somebody
        else, does not remove everything.
        """
        given = dict(zip(SCOPE_IDS, (user_id, agent_id, run_id, app_id), strict=True))
        for name, value in given.items():
            if value is None:
                raise ValidationError(
                    f"Invalid {name}: None. Call reset() without arguments to remove everything.", field=name
                )
        ids = {name: None if isinstance(value, _Unset) else value for name, value in given.items()}
        named = {
            name: "*" if value == "*" else clean_id(value, name) for name, value in ids.items() if value is not None
        }
        owner = self._user_id
        if not named and owner is not None:
            named = {"user_id": owner}
        self._store.reset(self._expression(None, *ids.values()), named, owner)

    @answer
    def vacuum(self) -> VacuumResult:
        """Remove expired memories with vectors, keyword entries and history, and give the space back to the disk."""
        self._check_whole("vacuum")
        removed, freed = self._store.vacuum(self._now())
        return {"removed": removed, "bytes_freed": freed}

    # -- the file as a whole

    @answer
    def erase(
        self,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
    ) -> ErasureReceipt:
        """Remove a user, an agent, a run or an app from the file's bytes: memories, vectors, keywords, entities,
        relations, histories, events, the exports that name it, and every older copy in free pages and in the
        write-ahead log.

        ``reset`` does the same to what can be read; here the file is written anew besides, which takes as long as
        copying it, with writers waiting. Return a receipt with the counts, once that is durable. What lies outside the
        file is not touched: backups, exported lines, what was posted to webhooks, blocks that the disk has freed.

        Raises ValidationError without an id, DatabaseBusyError when somebody read for so long that older pages could
        not be overwritten (all is removed then, and calling again overwrites them), DiskFullError likewise.
        """
        self._check_whole("erase")
        scope = {
            name: clean_id(value, name)
            for name, value in zip(SCOPE_IDS, (user_id, agent_id, run_id, app_id), strict=True)
            if value is not None
        }
        if not scope:
            raise ValidationError(
                "Invalid user_id: give at least one of user_id, agent_id, run_id, app_id.", field="user_id"
            )
        self._now()  # where the clock fails, it does so before anything is gone
        removed = self._store.erase(parse(scope), list(scope.values()))
        self._query_vectors.cache_clear()
        return {
            "scope": scope,
            "erased_at": to_iso(self._now()),
            "memories": removed["memories"],
            "vectors": removed["vectors"],
            "keywords": removed["keywords"],
            "history": removed["history"],
            "events": removed["events"],
            "exports": removed["exports"],
            "graph": removed["graph"],
        }

    @answer
    def check(self, *, repair: bool = False) -> CheckResult:
        """Compare everything in the file that must agree; with ``repair`` mend what can be made anew from the texts.

        Compared are SQLite's own integrity (and page checksums, where the file has them), the schema, every memory's
        text with its hash, its vector, its keywords, dates and metadata, histories and events with their scopes,
        counters, and the model that is recorded. It reads the whole file, from one snapshot, while others read and
        write. Repaired are keywords, vectors, counters and what has no memory any more; never a text, metadata or a
        history: for those ``restore`` a backup.

        Raises DatabaseError when nothing can be read, ReadOnlyError for a repair of a file that cannot be written,
        EmbeddingError.
        """
        self._check_whole("check")
        memories, findings = self._store.check()
        left = findings
        if repair and findings:
            self._repair(findings)
            memories, left = self._store.check()
        remaining = {(finding.check, finding.problem) for finding in left}
        known = {(finding.check, finding.problem) for finding in findings}
        return {
            "ok": not left,
            "memories": memories,
            "problems": [
                {
                    "check": finding.check,
                    "problem": finding.problem,
                    "count": max(1, len(finding.items)),
                    "items": [str(item) for item in finding.items[:_NAMED]],
                    "repaired": (finding.check, finding.problem) not in remaining,
                }
                for finding in [*findings, *(one for one in left if (one.check, one.problem) not in known)]
            ],
        }

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a consistent copy to a new file while others go on writing. Raises DatabaseError when it exists,
        ValidationError for what belongs to a store, ConfigurationError for what no store can be called."""
        self._check_whole("backup")
        self._store.backup(_copy_at(path))

    @staticmethod
    @answer
    def restore(
        backup: str | os.PathLike[str],
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        checksums: bool = False,
    ) -> RestoreResult:
        """Put a copy of a backup, or of any store, at ``path``, once it is checked: all that ``check`` compares but
        the keywords.

        ``replace`` exchanges what the store at ``path`` holds in one transaction: whoever has it open sees either, and
        numbers of ``changes`` go on from the higher. ``checksums`` gives a new file page checksums; one that is
        replaced keeps what it has. A file without them gets them by being restored to a new path. The backup is only
        read.

        Raises DatabaseError when ``path`` exists and is not to be replaced, CorruptFileError for a backup that is not
        sound, and what opening a file raises.
        """
        source, target = Path(clean_path(backup, "backup")).absolute(), _copy_at(path, replace=replace).absolute()
        memories = Store.restore(source, target, replace=replace, checksums=checksums)
        return {"path": os.fspath(path), "memories": memories}

    def _repair(self, findings: Sequence[Finding]) -> None:
        self._store.mend(findings)
        keys = [key for finding in findings for key in finding.keys]
        for start in range(0, len(keys), _BATCH):
            texts = self._store.to_embed(keys[start : start + _BATCH])
            vectors = embed_documents(self._embedder, [text for _, _, text in texts])
            self._store.put_vectors(
                [(key, hashed, vector) for (key, hashed, _), vector in zip(texts, vectors, strict=True)]
            )

    # -- reading

    @answer_or_none
    def get(self, memory_id: str, *, show_expired: bool = False) -> MemoryItem | None:
        """Return one memory, or None when the id is unknown or its memory expired."""
        memory_id = asked_id(memory_id, "memory_id")
        record = self._store.get(memory_id, self._within, self._horizon(show_expired))
        return None if record is None else {**record.to_item(), "score": None}

    @answer
    def get_all(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        offset: int | None = None,
        page: int | None = None,
        page_size: int | None = None,
        after: str | None = None,
        show_expired: bool = False,
        relations: bool = False,
    ) -> Page:
        """List memories, newest ``created_at`` first and of the same instant the last added first.

        ``top_k`` or ``limit`` (default 20) and ``offset``, or ``page`` (from 1) and ``page_size``, cut a page out;
        ``total`` counts all that match. ``after`` is the ``next_cursor`` of the page before, which is None at the end:
        page by page it gives everything that is there all the time once, whatever is added and deleted meanwhile, where
        an offset counts anew. With ``relations`` the answer has what the memories of graph categories state.
        Raises ValidationError when neither ids nor filters name a user, agent, run or app; ``filters=ANY_SCOPE`` means
        everybody's.
        """
        expression = self._asked(filters, user_id, agent_id, run_id, app_id)
        count, start = _page(top_k, limit, offset, page, page_size, after)
        records, total, following, stated = self._store.page(
            expression, self._horizon(show_expired), count, start, after=after, relations=relations
        )
        results = [record.to_item() for record in records]
        answer: Page = {"results": results, "total": total, "next_cursor": following}
        if relations:
            answer["relations"] = stated
        return answer

    @answer
    def search(
        self,
        query: str,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        threshold: float | None = DEFAULT_THRESHOLD,
        rerank: bool | None = None,
        explain: bool = False,
        show_expired: bool = False,
        reference_date: Instant | None = None,
        ranking: Ranking | Mapping[str, float] | None = None,
    ) -> SearchResult:
        """Find the memories nearest to ``query`` in meaning and words, best first.

        The filter is applied before the best ``top_k`` (or ``limit``, default 20) are taken. Scores lie in 0..1 and
        depend only on the memories of the scope; those under ``threshold`` (None: 0) are left out, and of memories
        that say nearly the same (``similarity``) all but the best yield to others. ``explain`` adds ``score_details``.

        A memory's own words and meaning count, and what its conversation says around it, who said it and when:
        ``ranking``, a Ranking or a dictionary of weights that differ from its defaults, takes the place of the
        store's for this search. ``reference_date`` is the "now" of a question such as "what did I do last week?";
        default: the clock's. Days are those of its time zone, which is a datetime's or the offset of ISO 8601 text;
        without one they are UTC. ``rerank`` orders the best by the store's ``reranker`` and adds ``rerank_score``;
        where there is none, ``not_reranked`` says so. Default: whether a configuration of mem0 names a reranker.

        Memories of graph categories also count for the entities that they share with the query, or that are next to
        those in the graph, and ``relations`` has what the results state. For a question about what is needed or what
        follows, the best of them that are steps of one procedure come in its order, whatever their scores.

        Of a query so long that the model sees parts of it only, the answer has how many as ``embedded``.

        Raises ValidationError for a blank query, a threshold outside 0..1, an unknown weight, a date that is none, or
        filters without a user, agent, run or app; EmbeddingError, also for a reranker that does not answer with
        numbers.
        """
        clean_text(query, "query")
        expression = self._asked(filters, user_id, agent_id, run_id, app_id)
        count, _ = _page(top_k, limit, None, None, None)
        least = _threshold(threshold)
        weights = self._ranking if ranking is None else Ranking.of(ranking)
        now = self._now()
        asked, zone = (now, UTC) if reference_date is None else to_micros_in_zone(reference_date, "reference_date")
        graph = bool(self.graph_categories)
        vector, trusted = self._embed_query(query), trust(self._embedder, query)
        question = Query.read(query, vector, asked, weights, zone=zone, trust=trusted, graph=graph)
        reranker, not_reranked = self._to_rerank(None if rerank is None else argument_flag(rerank, "rerank"))
        horizon = None if argument_flag(show_expired, "show_expired") else now
        explained = argument_flag(explain, "explain")
        with self._store.searching(expression, horizon, question) as reading:
            scores = Scores(reading.view, question, weights)
            found = _best(reading, scores, count if reranker is None else _RERANKED * count, least)
            categories = reading.graph_categories
            of_graph = any(_in_graph(one.record, categories) for one in found)
            stated = reading.relations([one.ranked for one in found]) if of_graph else []
        if reranker is not None:
            found = _reranked(reranker, query, found)[:count]
        elif question.asked != "any":
            found = _step_by_step(found, stated, [one.name for one in question.names])
        if not_reranked and isinstance(self._reranker, Configured):  # mem0 has 0.0 then; this is what decided
            found = [replace(one, rerank_score=one.ranked.score) for one in found]
        results: list[SearchHit] = []
        for one in found:
            item = cast("SearchHit", {**one.record.to_item(), "score": one.ranked.score})
            if one.rerank_score is not None:
                item["rerank_score"] = one.rerank_score
            if explained:
                item["score_details"] = scores.details(one.ranked, least)
            results.append(item)
        answer: SearchResult = {"results": results}
        if not_reranked is not None:
            answer["not_reranked"] = not_reranked
        if of_graph and any(_in_graph(one.record, categories) for one in found):  # a reranker may have left those out
            answer["relations"] = _of_results(stated, found)
        if (part := cut_query(self._embedder, query)) is not None:
            answer["embedded"] = part
        return answer

    def _to_rerank(self, asked: bool | None) -> tuple[Reranker | None, str | None]:
        """Return what orders a search anew, or why nothing does although it was asked for."""
        given = self._reranker
        reranker = given.reranker if isinstance(given, Configured) else given
        if not (isinstance(given, Configured) if asked is None else asked):
            return None, None
        if reranker is not None:
            return reranker, None
        return None, given.problem if isinstance(given, Configured) else _NO_RERANKER

    @overload
    @answer
    def graph(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        entity: str | None = None,
        depth: int = 1,
        limit: int = DEFAULT_GRAPH_LIMIT,
        show_expired: bool = False,
        format: Literal["json"] = "json",
    ) -> GraphResult: ...

    @overload
    def graph(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        entity: str | None = None,
        depth: int = 1,
        limit: int = DEFAULT_GRAPH_LIMIT,
        show_expired: bool = False,
        format: Literal["mermaid", "graphml"],
    ) -> str: ...

    @overload
    def graph(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        entity: str | None = None,
        depth: int = 1,
        limit: int = DEFAULT_GRAPH_LIMIT,
        show_expired: bool = False,
        format: str,
    ) -> GraphResult | str: ...

    def graph(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        entity: str | None = None,
        depth: int = 1,
        limit: int = DEFAULT_GRAPH_LIMIT,
        show_expired: bool = False,
        format: str = "json",
    ) -> GraphResult | str:
        """Return what the memories of graph categories that match name and state, as entities and relations.

        With ``entity`` those at most ``depth`` relations (0 to 3) away from it, nearest first; without one the entities
        that most memories name. At most ``limit`` entities (1 to 10,000) come back, with the relations between them;
        ``truncated`` says that there are more. ``format`` is ``"json"``, a dictionary, or a text: ``"mermaid"``, a
        flowchart for Markdown, or ``"graphml"``.

        Raises ValidationError, also when neither ids nor filters name a user, agent, run or app.
        """
        expression = self._asked(filters, user_id, agent_id, run_id, app_id)
        for name, value, least, most in (("depth", depth, 0, MAX_GRAPH_DEPTH), ("limit", limit, 1, MAX_GRAPH_LIMIT)):
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValidationError(
                    f"Invalid {name}: {shown(value)}. Must be a whole number from {least} to {most}.", field=name
                )
        if not isinstance(format, str) or format not in _FORMATS:
            raise ValidationError(f"Invalid format: {shown(format)}. Must be {', '.join(_FORMATS)}.", field="format")
        around = None if entity is None else name_of(clean_text(entity, "entity"))
        found = self._store.graph(expression, self._horizon(show_expired), around, depth, limit)
        return _FORMATS[format](found)

    @answer
    def reindex_graph(
        self,
        *,
        categories: Iterable[str] | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ReindexResult:
        """Change the values of ``memory_category`` whose memories are in the graph, and make it theirs; or, without
        ``categories``, make the graph of the file's own anew.

        Whoever writes the file follows the new categories from the beginning of the call on. The rest is done in parts,
        beside readers and writers; an interrupted call is simply called again, without ``categories``. ``dry_run``
        changes nothing: ``entering`` and ``leaving`` say what would.

        Raises ValidationError, ExtractionError, DatabaseError.
        """
        self._check_whole("reindex_graph")
        asked = None if categories is None else _clean_categories(categories, "categories")
        wanted, total, entering, leaving = self._store.graph_moves(asked)
        done = 0
        if not dry_run:
            self._store.begin_graph(wanted)
            try:
                done = self._make_graph(wanted, progress)
            except CategoriesChangedError as error:
                raise DatabaseError(
                    f"Another call of reindex_graph has made {_listed(error.categories)} the graph categories, and the "
                    "graph theirs. Call it again for others."
                ) from None
        stats = self._store.graph_stats()
        return {
            "categories": list(wanted),
            "memories": done,
            "in_graph": total,
            "entering": entering,
            "leaving": leaving,
            "entities": stats["entities"],
            "relations": stats["relations"],
        }

    def _make_graph(self, categories: tuple[str, ...], progress: Progress | None) -> int:
        """Replace what every memory names and states; return how many there are."""
        counts = self._store.counts(self._now())
        total, done, last = counts["memories"] + counts["expired"], 0, -1
        while batch := self._store.after(last, _BATCH):
            graph_of = self._remembering((record for _, record in batch), categories)
            self._store.put_graphs([key for key, _ in batch], graph_of, categories=categories)
            last, done = batch[-1][0], done + len(batch)
            if progress:
                progress(done, max(total, done))
        self._store.finish_graph(categories)
        return done

    @answers
    def history(self, memory_id: str) -> list[HistoryItem]:
        """Return every change of a memory, oldest first: deleted ones too, unknown and expired ones none."""
        return self._store.history(asked_id(memory_id, "memory_id"), self._within, self._now())

    @answers
    def entities(self) -> list[Entity]:
        """Return every user, agent, run and app with live memories: their number, first creation and last update."""
        return self._store.entities(self._within, self._now())

    @answer
    def events(
        self,
        *,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        offset: int | None = None,
        page: int | None = None,
        page_size: int | None = None,
        after: str | None = None,
    ) -> EventPage:
        """List the calls of ``add``, newest first, cut into pages as ``get_all`` does.

        Each has the memories it made or repeated, with the texts they have now. ``reset`` removes the events of its
        scope; ``vacuum`` removes those of scopes of which nothing else is left, and those older than 30 days.
        """
        within = self._expression(None, user_id, agent_id, run_id, app_id)
        count, start = _page(top_k, limit, offset, page, page_size, after)
        results, total, following = self._store.events(within, self._now(), count, start, after)
        return {"results": results, "total": total, "next_cursor": following}

    @answer_or_none
    def event(self, event_id: str) -> EventItem | None:
        """Return the call of ``add`` that answered with this ``event_id``, or None."""
        return self._store.event(asked_id(event_id, "event_id"), self._within, self._now())

    @answer
    def changes(self, *, after: int = 0, limit: int = 100) -> ChangePage:
        """Return what was added, updated or deleted after the change with the ``sequence`` number ``after``.

        Oldest first, at most ``limit``: ask again with the last ``sequence`` to follow a store, whoever writes it.
        Changes of memories that ``reset`` or ``vacuum`` removed are gone. A view numbers its user's changes apart, so
        that nothing tells how much others write.
        """
        for name, value in (("after", after), ("limit", limit)):
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
                raise ValidationError(f"Invalid {name}: {shown(value)}. Must be a whole number from 0 on.", field=name)
        return {"results": self._store.changes(after, self._user_id, self._now(), limit)}

    @answer
    def stats(self) -> Stats:
        """Return counts, size, embedder and versions of the store."""
        self._check_whole("stats")
        return {
            "path": self.path,
            **self._store.counts(self._now()),
            "bytes": self._store.size(),
            "checksums": self._store.checksums,
            "graph": self._store.graph_stats(),
            "cached_bytes": self._store.cached_bytes(),
            "embedder": self._store.identity(),
            "schema_version": SCHEMA_VERSION,
            "sqlite_version": SQLITE_VERSION,
        }

    # -- the project

    def get_project(self) -> dict[str, Any]:
        """Return the settings that ``update_project`` keeps; ``custom_instructions`` and ``custom_categories`` are
        None until they are set."""
        self._check_whole("get_project")
        return {**_PROJECT, **(self._store.document("project", "") or {})}

    def update_project(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into the settings of the project, and return them all.

        They are kept for the callers of mem0 who set and read them; no model here follows instructions. Raises
        ValidationError for what JSON cannot hold.
        """
        self._check_whole("update_project")
        changes = clean_metadata(settings, "settings")
        stored = self._store.change_document("project", "", lambda before: {**(before or {}), **changes})
        return {**_PROJECT, **(stored or {})}

    @answer
    def create_memory_export(
        self, schema: Mapping[str, Any] | str, filters: Mapping[str, Any] | None = None
    ) -> MemoryExportRequest:
        """Keep what to export, for ``get_memory_export``: the fields of a JSON schema, of the memories that match.

        ``schema`` is a JSON schema whose ``properties`` are the fields, or an object whose keys are; without any, whole
        memories are exported. It is kept for a week, and not after ``reset`` of its user. Raises ValidationError, also
        when the filters name no user, agent, run or app, and for more than MAX_EXPORT_FIELDS fields or one with a name
        of more than MAX_EXPORT_FIELD_LENGTH characters.
        """
        fields, now = _export_fields(schema), self._now()
        self._asked(filters, *_NO_IDS)
        export_id = str(uuid.uuid4())
        export = {
            "fields": fields,
            "filters": as_json(filters),
            "user_id": self._user_id,
            "expires_at": add_micros(now, _EXPORT_LIFETIME, "clock"),
        }
        self._store.change_document("export", export_id, lambda _: export)
        return {"id": export_id, "message": "The export is ready."}

    @answer
    def get_memory_export(
        self, memory_export_id: str | None = None, filters: Mapping[str, Any] | None = None
    ) -> MemoryExport:
        """Return the memories of an export as they are now, or of a filter, oldest first.

        A field is one of the memory's own, or of its metadata; one that a memory lacks is None. Raises NotFoundError
        for an unknown id, ValidationError for neither an id nor filters that name a user, agent, run or app, and where
        it would be of more than MAX_EXPORT_CHARACTERS.
        """
        fields: Sequence[str] = ()
        whose = None
        if memory_export_id is not None:
            export = self._store.document("export", asked_id(memory_export_id, "memory_export_id"))
            hidden = export is None or export["expires_at"] <= self._now()
            if export is None or hidden or self._user_id not in (None, nfc(export["user_id"] or "")):
                raise NotFoundError(f"Memory export with id {written(memory_export_id)} not found.")
            fields, filters, whose = _bounded_fields(export["fields"]), export["filters"], export["user_id"]
        expression = self._asked(filters, whose, None, None, None)
        with self._store.scanning(expression, self._now(), bounded=True) as found:
            memories = (_exported(one[0].to_item(), fields) for one in found if isinstance(one, tuple))
            return {"memories": list(_bounded_export(memories))}

    # -- webhooks

    @answer
    def create_webhook(
        self,
        url: str,
        *,
        name: str | None = None,
        event_types: Iterable[str] | None = None,
        is_active: bool = True,
        secret: str | None = None,
        allow_private: bool = False,
    ) -> CreatedWebhook:
        """Have every change from now on posted to a URL, by ``deliver_webhooks``; return the webhook with its secret,
        which is not shown again.

        ``event_types`` are ``memory_add``, ``memory_update`` and ``memory_delete``, by default all. Requests are signed
        with ``secret``, which is made up if it is not given, as https://www.standardwebhooks.com specifies.
        ``allow_private`` allows hosts that are not on the public Internet; it is for who delivers to decide, so
        ``deliver_webhooks`` needs it as well, and a server MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1.

        Raises ValidationError.
        """
        from .. import webhooks  # as few need it, and importing mem0lite is to be quick

        self._check_whole("create_webhook")
        return webhooks.create(
            self._store,
            self._now(),
            url,
            name=name,
            event_types=event_types,
            is_active=is_active,
            secret=secret,
            allow_private=allow_private,
        )

    @answers
    def get_webhooks(self) -> list[Webhook]:
        """Return every webhook, with the state of its deliveries, oldest first."""
        from .. import webhooks

        self._check_whole("get_webhooks")
        return webhooks.list_(self._store)

    @answer
    def update_webhook(
        self,
        webhook_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: Iterable[str] | None = None,
        is_active: bool | None = None,
        allow_private: bool = False,
    ) -> Webhook:
        """Change what is given of a webhook; ``allow_private`` is for the ``url``, as in ``create_webhook``.

        Raises NotFoundError, ValidationError.
        """
        from .. import webhooks

        self._check_whole("update_webhook")
        return webhooks.update(
            self._store,
            self._now(),
            webhook_id,
            name=name,
            url=url,
            event_types=event_types,
            is_active=is_active,
            allow_private=allow_private,
        )

    @answer
    def delete_webhook(self, webhook_id: str) -> MessageResult:
        """Remove a webhook; nothing is posted to it any more. Raises NotFoundError."""
        from .. import webhooks

        self._check_whole("delete_webhook")
        return webhooks.delete(self._store, webhook_id)

    @answer
    def deliver_webhooks(self, *, allow_private: bool = False) -> DeliveryResult:
        """Post what changed to the webhooks; the server does so by itself, the library when it is called.

        Every change is delivered at least once and in order, whoever made it, and tried again with growing delays when
        the receiver fails. Raises nothing for a receiver that does: ``get_webhooks`` shows why.

        Without ``allow_private`` every attempt to reach a host that is not on the public Internet fails, also where
        ``create_webhook`` allowed it.
        """
        from .. import webhooks

        self._check_whole("deliver_webhooks")
        return webhooks.deliver(self._store, self._clock, allow_private=allow_private)

    # -- moving

    def export(
        self,
        file: str | os.PathLike[str] | TextFile,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        show_expired: bool = False,
    ) -> Exports:
        """Write memories with their histories as JSON lines to a path or an open text file; return how many, a number
        that also says what else was written.

        Without ids and filters the whole store: all memories, the histories of those that were deleted, the events, the
        settings of the project and the graph categories. With ids, or in a view of one user, what is theirs of it,
        without the settings. A filter of anything but ids leaves memories alone, as nothing else has what it asks for.
        Left out are expired memories unless ``show_expired`` asks for them, webhooks, which have secrets, and exports
        that are kept for a week. A path is replaced only once everything is written.
        """
        expression, now = self._expression(filters, user_id, agent_id, run_id, app_id), self._horizon(show_expired)
        logs = expression if only_scope(expression) else None
        with (
            _target(file) as lines,
            self._store.scanning(expression, now, logs=logs, settings=expression == EVERYTHING) as found,
        ):
            return _write_lines(lines, found)

    @answer
    def import_(
        self,
        file: str | os.PathLike[str] | Iterable[str],
        *,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        progress: Progress | None = None,
    ) -> ImportResult:
        """Add the memories of JSON lines, as ``export`` writes them, from a path or an iterable of lines.

        A line needs ``memory`` (or ``text``), and an id of a user, agent, run or app unless one is given here. What it
        has of ``id``, dates, expiry, ``metadata`` and ``history`` is kept; a line whose ``id`` exists is skipped, so
        an interrupted import can be run again. Histories of deleted memories, events and settings come as well, where
        there are none of their ids and names. Every line is checked before the first is stored. Memories whose text is
        so long that the model sees parts of it only are in the answer's ``embedded``.

        Raises ValidationError naming the line.
        """
        self._check_whole("import_")  # an id that exists is skipped, which would tell whether another user has it
        now = self._now()
        scope = dict(zip(SCOPE_IDS, (user_id, agent_id, run_id, app_id), strict=True))
        lines = _text_lines(file) if isinstance(file, str | os.PathLike) else file
        # Held in memory as a whole: a line that cannot be accepted must be found before the first is stored.
        known = list(read_lines(lines, scope, now, self._imported_lifetime))
        entries = [one for one in known if isinstance(one, tuple)]
        # Before the memories: these are linked into the graph as they come, and an id that one has now may have been
        # another's before, whose history comes first. The others come after, so that memories keep their order.
        settings = sum(self._store.take_settings(one) for one in known if isinstance(one, FileSettings))
        gone = [one for one in known if isinstance(one, Gone)]
        alive = {record.id for record, _ in entries}
        deleted = self._store.insert_histories([one for one in gone if one.memory_id in alive], now, by_scope=True)
        result: ImportResult = {"added": 0, "skipped": 0, "deleted": deleted, "events": 0, "settings": settings}
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            self._import_batch(batch, now, result)
            if progress:
                progress(start + len(batch), len(entries))
        result["deleted"] += self._store.insert_histories(
            [one for one in gone if one.memory_id not in alive], now, by_scope=True
        )
        result["events"] = self._store.insert_events([one for one in known if isinstance(one, AddEvent)])
        return result

    @answer
    def import_from_mem0(
        self,
        source: str | os.PathLike[str],
        *,
        api_key: str | None = None,
        history_db: str | os.PathLike[str] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        progress: Progress | None = None,
    ) -> MoveResult:
        """Add the memories of a mem0, with ids, scopes, metadata, dates, expiry and histories, embedded anew.

        ``source`` is the URL of a mem0 server, self-hosted or hosted, which is shown ``api_key`` (default: the
        environment variable ``MEM0_API_KEY``), or the folder of a local Qdrant database, whose histories are in
        ``history_db`` (default: ``history.db`` in or beside the folder). Ids given here say whose memories to ask a
        server for, by default everyone's; of a folder they stand in where a memory has none.

        A memory whose id exists is skipped, so that a call can be repeated, also one that failed: what came until then
        stays. What cannot be taken is in ``refused`` and ``incomplete``, with the reason, and stops nothing else.
        Memories whose text is so long that the model sees parts of it only are in ``embedded``.

        Raises ValidationError when ``source`` is not mem0's, Mem0LiteError when it cannot be reached or read.
        """
        from ..mem0 import moving  # with sqlite3 and pickle, which nothing else needs

        self._check_whole("import_from_mem0")
        now = self._now()
        ids = dict(zip(SCOPE_IDS, (user_id, agent_id, run_id, app_id), strict=True))
        result: MoveResult = {"added": 0, "skipped": 0, "expired": 0, "deleted": 0, "refused": [], "incomplete": []}
        batches = moving.batches(
            source,
            ids=ids,
            api_key=api_key,
            history_db=history_db,
            known=self._store.existing,
            read=lambda item: read_item(item, ids, now, self._imported_lifetime),
            now=now,
            size=_BATCH,
            result=result,
        )
        with closing(batches):  # also where progress raises, or the source would stay open
            for batch in batches:
                if batch.deleted:
                    gone = [Gone(record.id, record.scope, changes) for record, changes in batch.entries]
                    result["deleted"] += self._store.insert_histories(gone, now)
                    continue
                self._import_batch(batch.entries, now, result)
                if progress:
                    progress(result["added"] + result["skipped"], batch.total)
        return result

    @classmethod
    @answer
    def reembed(
        cls,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderObject | str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> ReembedResult:
        """Compute every vector of a file anew with ``embedder``, which the file then remembers.

        The old vectors serve others until the last new one is there, and only then is one swapped for the other; an
        interrupted call keeps what it has done for the next one. Texts are never touched. A Memory that is open with
        the former embedder raises EmbedderMismatchError from then on where vectors are needed.

        Raises EmbedderMismatchError when another call with another embedder takes over, CorruptFileError.
        """
        if not Path(path := store_path(path, "path")).is_file():
            raise NotAMemoryFileError(f"{os.fspath(path)} does not exist. Check the path.")
        resolved = resolve(embedder)
        store = Store(path, embedder=None, durability="full")
        try:
            embedded, partly, before = 0, 0, None
            if store.begin_reembedding(identity(resolved)):
                while not store.finish_reembedding(identity(resolved)):
                    batch = store.pending(_BATCH)
                    if batch and batch == before:
                        raise CorruptFileError(
                            f"{os.fspath(path)} is damaged: new vectors cannot be kept. Restore a backup."
                        )
                    before = batch
                    vectors = embed_documents(resolved, [text for _, _, text in batch])
                    store.put_new_vectors(
                        identity(resolved),
                        [(key, text_hash, vector) for (key, text_hash, _), vector in zip(batch, vectors, strict=True)],
                    )
                    embedded += len(batch)
                    partly += sum(cut(resolved, text) is not None for _, _, text in batch)
                    if progress:
                        left, total = store.pending_count()
                        progress(total - left, total)
            answer: ReembedResult = {"embedded": embedded, "total": store.pending_count()[1]}
            return {**answer, "partly": partly} if partly else answer
        finally:
            store.close()

    # -- what the verbs share

    def _expression(self, filters: object, *ids: object) -> Expression:
        """Return what a caller asks for by a filter and by the ids of SCOPE_IDS, and of this user when this is a
        view."""
        if self._user_id is None:
            return _expression(filters, *ids)
        if any(isinstance(one, str) and one.strip() == "*" for one in ids):
            raise _another_user()
        asked = _expression(filters, *ids)
        if not names_only(self._user_id, asked):
            raise _another_user()
        return both(self._within, asked)

    def _asked(self, filters: object, *ids: object) -> Expression:
        """Return what ``_expression`` does; raise ValidationError where it does not say whose memories are meant."""
        expression = self._expression(filters, *ids)
        if not names_scope(expression):
            raise _no_scope(filters)
        return expression

    def _owned(self, item: AddItem) -> AddItem:
        """Return the arguments of an ``add``, with this view's user in them."""
        if self._user_id is None:
            return item
        given = item.get("user_id")
        if given is not None and clean_id(given, "user_id") != self._user_id:
            raise _another_user()
        return {**item, "user_id": self._user_id}

    def _refuse(self, verb: str, /, *_: object, **__: object) -> None:
        self._check_whole(verb)

    def _check_whole(self, verb: str) -> None:
        if self._user_id is not None:
            raise PermissionDeniedError(
                f"{verb} concerns the whole file. Call it on the Memory, not on one user's view."
            )

    def _now(self) -> int:
        return to_micros(self._clock(), "clock")

    def _horizon(self, show_expired: bool) -> int | None:
        return None if argument_flag(show_expired, "show_expired") else self._now()

    def _scope(self, item: AddItem) -> Scope:
        _check_arguments(item, AddItem, "add")
        return Scope(**clean_scope(self._owned(item)))

    def _drafts(self, item: AddItem, messages: Sequence[Message], scope: Scope, now: int) -> list[_Draft]:
        metadata = {} if (given := item.get("metadata")) is None else clean_metadata(given)
        if (memory_type := item.get("memory_type")) is not None:
            if memory_type != "procedural_memory":
                raise ValidationError(
                    "Invalid 'memory_type'. Please pass procedural_memory to create procedural memories.",
                    field="memory_type",
                )
            metadata["memory_type"] = memory_type
        self._note_ids(metadata)
        said, expiration_date = item.get("timestamp"), item.get("expiration_date")
        if expiration_date is None:
            expiration_date = self._moved("expiration_date", metadata)
        undated = dict(metadata)
        if said is None:
            said = self._moved("created_at", undated)
        drafts, infer = [], argument_flag(item.get("infer"), "infer", default=True)
        for message in messages:
            timestamp = message.timestamp if message.timestamp is not None else said
            created = now if timestamp is None else to_micros(timestamp, "timestamp")
            record = Record(
                id=str(uuid.uuid4()),
                scope=scope,
                text=message.text,
                hash=text_hash(message.text),
                metadata=(undated if message.timestamp is None else metadata) or None,
                created_at=created,
                updated_at=created,
                actor_id=message.actor_id,
                role=message.role,
            )
            record = self._with_lifetime(record, item.get("ttl"), expiration_date)
            drafts.append(_Draft(record, infer, dated=timestamp is not None))
        return drafts

    def _note_ids(self, metadata: Mapping[str, Any]) -> None:
        """Log, of each id once, that one in metadata does not say whose the memory is."""
        for name in (*SCOPE_IDS, "actor_id"):
            if name in metadata:
                self._note(name, f"is metadata and says nothing of whose the memory is: find it as 'metadata.{name}'")

    def _moved(self, name: Literal["created_at", "expiration_date"], metadata: dict[str, Any]) -> Any:
        """Take one of the memory's own dates out of metadata, which is where callers of mem0 may give it, and return
        it. What is no such date stays there; so does null. Either is logged once."""
        value = metadata.get(name)
        if value is None:
            return None
        if (_is_moment if name == "created_at" else day_of)(value):
            self._note(name, f"is the memory's own date and no longer metadata: find it as {name!r}")
            return metadata.pop(name)
        self._note(name, f"is no such date and kept as metadata: find it as 'metadata.{name}'")
        return None

    def _note(self, name: str, problem: str) -> None:
        if (name, problem) not in self._noted:
            self._noted.add((name, problem))
            logging.getLogger("mem0lite").warning("metadata[%r] %s. This is logged once.", name, problem)

    def _update(self, item: UpdateItem, now: int) -> tuple[Update, str | None]:
        """Return what an item asks for, still without a vector, and the new text if it has one."""
        _check_arguments(item, UpdateItem, "update")
        if item.get("memory_id") is None:
            raise ValidationError("Invalid memory_id: an item needs one.", field="memory_id")
        text, metadata, said = item.get("text"), item.get("metadata"), item.get("timestamp")
        if text is None and metadata is None and said is None and "expiration_date" not in item:
            raise ValidationError("At least one of text, metadata, or expiration_date must be provided.", field="text")
        text = None if text is None else clean_text(text, "text")
        changes = {} if metadata is None else clean_metadata(metadata)
        self._note_ids(changes)
        created = None if said is None else to_micros(said, "timestamp")
        if "expiration_date" not in item and (day := self._moved("expiration_date", changes)) is not None:
            item = {**item, "expiration_date": day}

        def change(record: Record) -> Record:
            merged = {name: one for name, one in (record.metadata or {}).items() if nfc(name) not in changes} | changes
            after = replace(record, metadata=merged or None, updated_at=now)
            if created is not None:
                after = replace(after, created_at=created)
            if text is not None:
                after = replace(after, text=text, hash=text_hash(text))
            if "expiration_date" in item:
                return self._with_lifetime(after, None, item["expiration_date"])
            if created is None and not _differ(record, after, "memory_lifespan", "expires_at"):
                return after
            return self._with_former_lifetime(record, after)

        return Update(asked_id(item["memory_id"], "memory_id"), change), text

    def _with_vectors(
        self, updates: Sequence[tuple[Update, str | None]], now: int
    ) -> tuple[list[Update], list[EmbeddedMemory]]:
        """Return the updates, those with a new text with its vector, and which new texts are too long for the model;
        the texts are embedded in one batch."""
        texts: list[str] = []
        last: dict[str, str] = {}
        for update, text in updates:
            if text is None:
                continue
            # The speaker's name is embedded with the text, and only the stored memory knows it.
            record = self._store.get(update.memory_id, self._within, now)
            if record is None:
                raise MemoryNotFoundError(
                    f"Memory with id {update.memory_id} not found. Please provide a valid 'memory_id'"
                )
            texts.append(replace(record, text=text).indexed_text)
            last[update.memory_id] = texts[-1]
        vectors = iter(embed_documents(self._embedder, texts))
        ready = [update if text is None else replace(update, vector=next(vectors)) for update, text in updates]
        return ready, self._parts(last.items())

    def _parts(self, texts: Iterable[tuple[str, str]]) -> list[EmbeddedMemory]:
        """Return of which memories, given as id and text, the model sees parts only."""
        parts = [(memory_id, cut(self._embedder, text)) for memory_id, text in texts]
        return [{"id": memory_id, **part} for memory_id, part in parts if part is not None]

    def _embed_query(self, query: str) -> bytes:
        if len(query) <= _REMEMBERED_QUERY:
            return self._query_vectors(query)
        return embed_query(self._embedder, query)

    # -- the graph

    def _following(self, write: Callable[[tuple[str, ...]], _Written]) -> _Written:
        """Write what has graphs of the file's categories; again where another process has just changed these."""
        categories = self.graph_categories
        while True:
            try:
                return write(categories)
            except CategoriesChangedError as error:
                categories = error.categories

    def _other_categories(self, asked: tuple[str, ...] | None, *, given: bool) -> None:
        """Say that the file has other graph categories than an argument, which is an error, or the environment."""
        import shlex

        changed = f"--categories {shlex.quote(','.join(asked))}" if asked else "--no-categories"
        command = f"mem0lite reindex --graph --db {shlex.quote(self.path)} {changed}"
        found = f"{self.path} has the graph categories {_listed(self.graph_categories)}"
        if given:
            self._store.close()
            raise ConfigurationError(
                f"graph_categories: {found}, not {_listed(asked)}. Leave the argument out to follow the file, or "
                f"change the file once, by reindex_graph(categories=…) or: {command}"
            )
        warnings.warn(
            f"{_CATEGORIES} is {_listed(asked)}, but {found}, which is followed. To change the file: {command}",
            stacklevel=3,  # who made the Memory
        )

    def _graph_of(self, record: Record, categories: tuple[str, ...]) -> Graph | None:
        """Return what a memory of a graph category names and states, None of another. Raises ExtractionError."""
        if not _in_graph(record, categories):
            return None
        return build(extract(self._extractor, record.text), record.metadata)

    def _remembering(self, records: Iterable[Record], categories: tuple[str, ...]) -> Callable[[Record], Graph | None]:
        """Return ``_graph_of`` for a transaction: what the texts of the records give is extracted before."""
        known: dict[str, Extraction] = {
            record.text: extract(self._extractor, record.text) for record in records if _in_graph(record, categories)
        }

        def graph_of(record: Record) -> Graph | None:
            if _in_graph(record, categories) and record.text in known:
                return build(known[record.text], record.metadata)
            return self._graph_of(record, categories)  # somebody has changed it since

        return graph_of

    def _with_graphs(self, updates: Sequence[Update], now: int, categories: tuple[str, ...]) -> list[Update]:
        """Return the updates with what puts the graphs of the changed memories in the place of the old ones."""
        changed = []
        if categories:
            for update in updates:
                record = self._store.get(update.memory_id, self._within, now)
                if record is not None:  # otherwise the store raises
                    changed.append(update.change(record))
        graph_of = self._remembering(changed, categories)
        return [replace(update, graph=graph_of) for update in updates]

    def _imported_lifetime(self, record: Record, expiration_date: Any, expires_at: int | None) -> Record:
        """Return the record with its expiry: the instant it was exported with, or what ``add`` documents."""
        record = self._with_lifetime(record, None, expiration_date)
        return record if expires_at is None else replace(record, expires_at=expires_at)

    def _with_former_lifetime(self, before: Record, after: Record) -> Record:
        """Return a memory whose date or metadata were changed with its expiry: by the rule that was in force, unless
        the change names another.

        A ``ttl`` is in force where the stored expiry is not what the record's own fields give. So is, moved along with
        the date, whatever else was given: by an import, or as a ``short_term`` under another setting.
        """
        now_given = self._with_lifetime(after, None, after.expiration_date)
        if _differ(before, after, "expires_at"):
            return now_given
        if before.expires_at == self._with_lifetime(before, None, before.expiration_date).expires_at:
            return now_given
        if before.expires_at is None:
            return replace(now_given, expires_at=None)
        lifetime = before.expires_at - before.created_at
        return replace(now_given, expires_at=add_micros(after.created_at, lifetime, "timestamp"))

    def _with_lifetime(self, record: Record, ttl: Duration | None, expiration_date: str | date | None) -> Record:
        """Return the record with its expiry by the order of precedence that ``add`` documents."""
        metadata = record.metadata or {}
        lifespan = metadata.get("memory_lifespan")
        if lifespan not in (None, "short_term", "long_term"):
            raise ValidationError(
                f"Invalid metadata.memory_lifespan: {lifespan!r}. Must be 'short_term' or 'long_term'.",
                field="metadata.memory_lifespan",
            )
        day, day_end = (None, None) if expiration_date is None else end_of_day(expiration_date)
        explicit = metadata.get("expires_at")
        lifetime = None if ttl is None else seconds_to_micros(ttl, "ttl")
        expires_at = None
        if explicit is not None:
            expires_at = to_micros(explicit, "metadata.expires_at")
        elif lifetime is not None:
            expires_at = add_micros(record.created_at, lifetime, "ttl")
        elif day_end is not None:
            expires_at = day_end
        elif lifespan == "short_term":
            expires_at = add_micros(record.created_at, self._short_term_ttl, "metadata.memory_lifespan")
        return replace(record, expires_at=expires_at, expiration_date=day)

    def _insert(self, drafts: Sequence[_Draft], now: int, calls: Sequence[Call]) -> list[tuple[Outcome, Graph | None]]:
        """Store the drafts; return what became of each, with what it names and states."""

        def write(categories: tuple[str, ...]) -> list[tuple[Outcome, Graph | None]]:
            graphs = [self._graph_of(draft.record, categories) for draft in drafts]
            entries = [
                Entry(draft.record, vector, unique="text" if draft.infer else None, dated=draft.dated, graph=graph)
                for draft, vector, graph in zip(drafts, vectors(), graphs, strict=True)
            ]
            return list(zip(self._store.insert(entries, now, calls, categories=categories), graphs, strict=True))

        texts = [draft.record.indexed_text for draft in drafts]
        vectors = functools.cache(lambda: embed_documents(self._embedder, texts))  # once the texts were read well
        return self._following(write) if calls else []

    def _added(self, draft: _Draft, outcome: Outcome, now: int) -> AddedItem:
        text, expires_at = draft.record.text, outcome.record.expires_at
        item: AddedItem = {"id": outcome.record.id, "memory": text, "event": "ADD" if outcome.added else "NONE"}
        if expires_at is not None and outcome.record.is_expired(now):
            item["expires_at"], item["expired"] = to_iso(expires_at), True
        if outcome.record.text != text:
            item["existing_memory"] = outcome.record.text
        if outcome.added and (part := cut(self._embedder, draft.record.indexed_text)) is not None:
            item["embedded"] = part
        if not draft.infer:
            item["actor_id"], item["role"] = draft.record.actor_id, draft.record.role
        return item

    def _import_batch(
        self, batch: Sequence[tuple[Record, Sequence[Change]]], now: int, result: ImportResult | MoveResult
    ) -> None:
        """Add the memories of a batch whose ids are not there, and count them in the result."""
        known = self._store.existing(record.id for record, _ in batch)  # not to embed what will be skipped
        new = [(record, changes) for record, changes in batch if record.id not in known]
        vectors = embed_documents(self._embedder, [record.indexed_text for record, _ in new])

        def write(categories: tuple[str, ...]) -> list[Outcome]:
            entries = [
                Entry(record, vector, unique="id", history=changes, graph=self._graph_of(record, categories))
                for (record, changes), vector in zip(new, vectors, strict=True)
            ]
            return self._store.insert(entries, now, categories=categories)

        outcomes = self._following(write)
        added = sum(outcome.added for outcome in outcomes)
        result["added"] += added
        result["skipped"] += len(batch) - added
        texts = [(one.record.id, one.record.indexed_text) for one in outcomes if one.added]
        if parts := self._parts(texts):
            result.setdefault("embedded", []).extend(parts)


def _path_of(given: str | os.PathLike[str] | None) -> str:
    """Return the path of the store, from the argument or the environment."""
    name, default = "MEM0LITE_DB", "mem0lite.db"
    return store_path(os.environ.get(name) or default, name) if given is None else store_path(given, "path")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _short_term_ttl(given: Duration | None) -> int:
    """Return the lifetime of short-term memories in microseconds, from the argument or the environment."""
    if given is not None:
        return seconds_to_micros(given, "short_term_ttl")
    name = "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS"
    try:
        return seconds_to_micros(float(os.environ.get(name) or DEFAULT_SHORT_TERM_TTL), name)
    except ValueError:
        raise ConfigurationError(f"{name}: {os.environ[name]!r} is not a number of seconds, 0 or more.") from None


def _graph_categories(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the graph categories that the argument or the environment asks for, in order; None leaves them to the
    file."""
    try:
        if given is not None:
            return _clean_categories(given, "graph_categories")
        return _clean_categories(os.environ.get(_CATEGORIES) or "", _CATEGORIES) or None
    except ValidationError as error:
        raise ConfigurationError(str(error)) from None


def _clean_categories(given: object, field: str) -> tuple[str, ...]:
    """Return graph categories in order."""
    if isinstance(given, str):
        given = given.split(",")
    categories: list[Any] = list(given) if isinstance(given, Iterable) else [None]
    if not all(isinstance(one, str) for one in categories):
        raise ValidationError(f"{field}: must be texts, the values of memory_category.", field=field)
    return tuple(sorted({nfc(encodable(one.strip(), field)) for one in categories} - {""}))


def _listed(categories: Sequence[str] | None) -> str:
    return ", ".join(categories or ()) or "none"


def _in_graph(record: Record, categories: Sequence[str]) -> bool:
    """Whether a memory is of a graph category."""
    if not categories:
        return False
    given = (record.metadata or {}).get("memory_category")
    named = [nfc(one) for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)]
    return any(one in categories for one in named)


def _extractor(given: Extractor | None) -> Extractor:
    if given is None:
        return RuleExtractor()
    if not isinstance(given, Extractor):
        raise ConfigurationError(f"graph_extractor: {shown(given)} has no method extract(text).")
    return given


def _cache_bytes(given: int | None) -> int:
    """Return how much memory searches may use, from the argument or the environment."""
    name, value = "cache_bytes", given
    if given is None:
        name = "MEM0LITE_CACHE_BYTES"
        text = os.environ.get(name) or str(DEFAULT_CACHE_BYTES)
        value = int(text) if text.isdecimal() else -1
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name}: must be a whole number of bytes, from 0 on.")
    return value


def _expression(filters: object, *ids: object) -> Expression:
    given = {name: argument_id(value, name) for name, value in zip(SCOPE_IDS, ids, strict=True) if value is not None}
    return both(parse(filters), parse(given))


_YEARS = 10**8
"""Numbers below are no dates where nothing says that they are: years, counts. As seconds they end in March 1973."""


def _is_moment(value: object) -> bool:
    return is_instant(value) and not (is_number(value) and abs(value) < _YEARS)


def _warn_of_model() -> None:
    from ..mem0.configuration import CompatibilityWarning

    warnings.warn(
        "llm has no effect in mem0lite, which stores messages as they are: summarize them before, and leave it out.",
        CompatibilityWarning,
        stacklevel=3,  # who called add
    )


def _check_arguments(item: object, arguments: type, verb: str) -> None:
    if not isinstance(item, Mapping):
        raise ValidationError(f"must be a dictionary of {verb}'s arguments, got {type(item).__name__}.", field="items")
    unknown = sorted(set(item) - set(arguments.__annotations__), key=written)
    if unknown:
        raise ValidationError(f"Unknown argument {shown(unknown[0])} of an item.", field=written(unknown[0]))


def _export_fields(schema: object) -> list[str]:
    """Return the names of the fields that a JSON schema, or an object of fields, asks for."""
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"Invalid schema: not valid JSON: {error}", field="schema") from None
    fields = clean_metadata(schema, "schema")
    properties = fields.get("properties", {} if fields.get("type") == "object" else fields)
    if not isinstance(properties, Mapping):
        raise ValidationError("Invalid schema: properties must be an object.", field="schema")
    return _bounded_fields(list(properties))


def _bounded_fields(fields: list[str]) -> list[str]:
    """Return the names of an export's fields, also of one that was made before there were bounds."""
    if len(fields) > MAX_EXPORT_FIELDS:
        raise ValidationError(
            f"Invalid schema: {len(fields)} fields, at most {MAX_EXPORT_FIELDS} are allowed. Leave some out, or all "
            "for whole memories.",
            field="schema",
        )
    longest = max(fields, key=len, default="")
    if len(longest) > MAX_EXPORT_FIELD_LENGTH:
        raise ValidationError(
            f"Invalid schema: the name of field {shown(longest[:20])}… has {len(longest)} characters, at most "
            f"{MAX_EXPORT_FIELD_LENGTH} are allowed. Shorten it.",
            field="schema",
        )
    return fields


def _bounded_export(memories: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the memories of an export; raise ValidationError once its JSON would be longer than it may be."""
    length = 0
    for memory in memories:
        length += len(json.dumps(memory, ensure_ascii=False))
        if length > MAX_EXPORT_CHARACTERS:
            raise ValidationError(
                f"The export would have more than {MAX_EXPORT_CHARACTERS} characters. Narrow its filters or leave "
                "fields out; export() and `mem0lite export` write any number of memories.",
                field="filters",
            )
        yield memory


def _exported(item: MemoryItem, fields: Sequence[str]) -> dict[str, Any]:
    values = {**{nfc(name): value for name, value in (item["metadata"] or {}).items()}, **item}
    return {name: values.get(name) for name in fields} if fields else {**item}


def _another_user() -> PermissionDeniedError:
    return PermissionDeniedError("Only the memories of one user can be reached here: name that user, or none.")


def _no_scope(filters: object) -> ValidationError:
    return ValidationError(
        "filters must contain at least one of: user_id, agent_id, run_id, app_id. Example: filters={'user_id': 'u1'}"
        + _misspelt(filters),
        field="filters",
    )


def _misspelt(filters: object) -> str:
    """Return a question about a key of a filter that is much like an id's name."""
    key, name = next(likely_ids(filters), (None, None))
    return "" if key is None else f". {shown(key)} is a metadata key: did you mean {name!r}?"


def _page(
    top_k: int | None,
    limit: int | None,
    offset: int | None,
    page: int | None,
    page_size: int | None,
    after: str | None = None,
) -> tuple[int, int]:
    """Return how many results to give and how many to pass over."""
    if after is not None and (offset is not None or page is not None):
        raise ValidationError("Invalid after: give either after, or offset, or page.", field="after")
    if after is not None and not isinstance(after, str):
        raise ValidationError(f"Invalid after: must be a next_cursor, got {shown(after)}.", field="after")
    for name, value, least in (
        ("top_k", top_k, 0),
        ("limit", limit, 0),
        ("offset", offset, 0),
        ("page", page, 1),
        ("page_size", page_size, 1),
    ):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise ValidationError(
                f"Invalid {name}: {shown(value)}. Must be a whole number from {least} on.", field=name
            )
    count = next((value for value in (page_size, top_k, limit) if value is not None), DEFAULT_TOP_K)
    if page is None:
        return count, offset or 0
    if offset is not None:
        raise ValidationError("Invalid offset: give either page or offset, not both.", field="offset")
    return count, (page - 1) * count


def _threshold(threshold: float | None) -> float:
    if threshold is None:
        return 0.0
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise ValidationError(
            f"Invalid threshold: {shown(threshold)}. Must be between 0 and 1 (inclusive).", field="threshold"
        )
    return float(threshold)


def _differ(before: Record, after: Record, *keys: str) -> bool:
    """Tell whether the metadata differ in one of the keys; a key without a value is none."""
    return any((before.metadata or {}).get(key) != (after.metadata or {}).get(key) for key in keys)


def _best(reading: Reading, scores: Scores, count: int, threshold: float) -> list[_Found]:
    """Return the best ``count``; of the best _CHECKED, or a few times as many as asked for, copies yield to others."""
    found = _read(reading, scores.best(count, threshold))
    if len(found) < count or not _copies(reading, found):
        return found
    found = _read(reading, scores.best(max(_CHECKED, _WIDER * count), threshold))
    copies = _copies(reading, found)
    chosen = [position for position in range(len(found)) if position not in copies]
    return [found[position] for position in sorted([*chosen, *sorted(copies)][:count])]


def _step_by_step(found: list[_Found], stated: Sequence[Relation], about: Sequence[str]) -> list[_Found]:
    """Return the results with those that are steps on one way in their order, in the places that they have among the
    others: of the first _FIRST_STEPS, and of as many more as follow each other."""
    of_memory: dict[str, list[tuple[str, str, str]]] = {one.record.id: [] for one in found[:_STEPS]}
    for relation in stated:
        for memory_id in relation["memory_ids"]:
            if memory_id in of_memory:
                of_memory[memory_id].append((relation["source"], relation["relationship"], relation["destination"]))
    steps = in_order(list(of_memory.values()), about)
    places = sorted(steps)
    end = max(_FIRST_STEPS, next((place for place in range(len(places)) if places[place] != place), len(places)))
    ordered = list(found)
    for place, step in zip([one for one in places if one < end], [one for one in steps if one < end], strict=True):
        ordered[place] = found[step]
    return ordered


def _of_results(stated: Sequence[Relation], found: Sequence[_Found]) -> list[Relation]:
    """Return those of the relations that the results state, in the results' order."""
    ranks = {one.record.id: rank for rank, one in enumerate(found)}
    kept: list[Relation] = [
        {**relation, "memory_ids": ids}
        for relation in stated
        if (ids := [one for one in relation["memory_ids"] if one in ranks])
    ]
    return sorted(kept, key=lambda relation: min(ranks[one] for one in relation["memory_ids"]))


def _read(reading: Reading, ranked: list[Ranked]) -> list[_Found]:
    return [_Found(one, record) for one, record in zip(ranked, reading.records(ranked), strict=True)]


def _copies(reading: Reading, found: list[_Found]) -> set[int]:
    """Return the positions of those, among the first _CHECKED, that say nearly the same as one before them."""
    import numpy as np

    if len(found) < 2:
        return set()
    vectors = reading.vectors([one.ranked for one in found[:_CHECKED]])
    near = np.triu(vectors @ vectors.T >= COSINE, k=1)
    by_words: dict[object, list[Record]] = {}
    copies = set()
    for position in np.flatnonzero(near.any(axis=0) | near.any(axis=1)).tolist():
        record = found[position].record
        same = by_words.setdefault(canonical(record.text)[0], [])
        if any(record.is_copy_of(better) for better in same):
            copies.add(position)
        same.append(record)
    return copies


def _reranked(reranker: Reranker, query: str, found: list[_Found]) -> list[_Found]:
    scored = rerank_scores(reranker, query, [one.record.indexed_text for one in found])
    rescored = [replace(one, rerank_score=score) for one, score in zip(found, scored, strict=True)]
    return sorted(rescored, key=lambda one: -(one.rerank_score or 0.0))


def _copy_at(path: str | os.PathLike[str], *, replace: bool = False) -> Path:
    """Return where a copy of a store is to be; a store that is there is refused, too, unless it is to be replaced."""
    target = Path(store_path(path, "path"))
    if target.name == ":memory:":
        raise ConfigurationError("path: a copy needs a file. Give the name of one.")
    if replace or not target.exists():
        refuse_database_file(target, "path", beside_only=replace)
    return target


def _text_lines(path: str | os.PathLike[str]) -> Iterator[str]:
    return read_utf8_lines(Path(clean_path(path, "file")), "file")


@contextmanager
def _target(file: str | os.PathLike[str] | IO[str]) -> Iterator[IO[str]]:
    """Yield what lines are to be written to: an open file itself, or a new one that appears at a path in the end.

    Raises ValidationError for what belongs to a store, and for what cannot be written to as text.
    """
    if isinstance(file, str | os.PathLike):
        path = Path(clean_path(file, "file"))
        refuse_database_file(path, "file")
        with appearing(path) as partial, partial.open("w", encoding="utf-8") as lines:
            yield lines
        return
    if not callable(getattr(file, "write", None)) or isinstance(file, io.RawIOBase | io.BufferedIOBase):
        raise ValidationError(
            f"Invalid file: cannot write text to {shown(file)}. Give a path, or a file opened as text with "
            "encoding='utf-8'.",
            field="file",
        )
    refuse_database_file(file, "file")
    yield file


def _write_lines(file: IO[str], found: Iterable[Exported]) -> Exports:
    kinds: Counter[type] = Counter()
    for one in found:
        file.write(to_line(one))
        kinds[type(one)] += 1
    return Exports(kinds[tuple], deleted=kinds[Gone], events=kinds[AddEvent])
