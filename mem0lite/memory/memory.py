"""Memory: the verbs, each a few lines. What they share, decide and compute is in the modules beside this one."""

import copy
import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, overload

from .. import environment
from ..data.filters import parse
from ..data.messages import Messages
from ..data.records import Record
from ..embedding.local import Embedder, identity, resolve
from ..embedding.rerank import Configured, Reranker, resolve_reranker
from ..errors import ConfigurationError, NotPicklableError, ValidationError
from ..graph import Extractor
from ..limits import clean_timeout
from ..search.ranking import Ranking
from ..store import SCHEMA_VERSION, SQLITE_VERSION, Durability, Store, Update, stopping
from ..types import (
    AddResult,
    ChangePage,
    CheckResult,
    CreatedWebhook,
    DeliveryResult,
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
    RestoreResult,
    SearchResult,
    Stats,
    UpdateManyResult,
    UpdateResult,
    VacuumResult,
    Webhook,
    answer,
    answer_or_none,
    answers,
)
from ..values import argument_flag, asked_id, clean_feedback, clean_text, to_micros
from . import exports, graphs, maintenance, opening, project, transfer
from .arguments import (
    DEFAULT_GRAPH_LIMIT,
    DEFAULT_THRESHOLD,
    UNSET,
    AddItem,
    Duration,
    EmbedderObject,
    Instant,
    Progress,
    TextFile,
    Unset,
    UnsetId,
    UpdateItem,
    check_whole_number,
    each_item,
    page_of,
)
from .graphs import Grapher
from .lifetimes import Lifetimes
from .metadata import Notes
from .owner import Owner, given_ids, named_scope
from .planning import Planner
from .searching import Searcher
from .transfer import Exports, Importer
from .writing import Writer

_LARGEST = 2**63 - 1

OF_FILES = ("from_config", "restore", "reembed")
"""What the class does with any file, and a view of one user's memories refuses."""


class Handle:
    """An object that stands for an open file. Its copies, deep ones too, stand for the same."""

    def _described(self) -> Iterator[str]:
        """Yield what ``repr`` shows in parentheses."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._described())})"

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
        opening.refuse_configuration(path, config)
        environment.name_unread()
        self.path = opening.path_of(path)
        self._owner = Owner()
        self._closed = threading.Event()  # shared with the views of for_user
        self._clock = clock or opening.utc_now
        self._planner = Planner(Lifetimes(opening.short_term_ttl(short_term_ttl)), Notes())
        self._embedder = resolve(embedder)
        self._searcher = Searcher(
            self._embedder, Ranking.of({} if ranking is None else ranking), resolve_reranker(reranker)
        )
        asked_categories = opening.graph_categories(graph_categories)
        self._grapher = Grapher(opening.extractor_of(graph_extractor))
        self._store = Store(
            self.path,
            embedder=identity(self._embedder),
            durability=durability,
            cache_bytes=opening.cache_bytes(cache_bytes),
            read_only=read_only,
            checksums=checksums,
            graph_categories=asked_categories,
            statement_timeout=clean_timeout(statement_timeout, "statement_timeout"),
        )
        self._writer = Writer(self._store, self._embedder, self._grapher)
        try:
            opening.check_categories(
                self.path, self.graph_categories, asked_categories, given=graph_categories is not None
            )
        except ConfigurationError:
            self._store.close()
            raise
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

    def _described(self) -> Iterator[str]:
        if "_store" not in vars(self):  # a debugger shows an object whose constructor has failed
            yield "opening=True"
            return
        yield repr(self.path)
        if self.user_id is not None:
            yield f"user_id={self.user_id!r}"
        if self.read_only:
            yield "read_only=True"
        if self._closed.is_set():
            yield "closed=True"

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
        if self._owner.user_id is None:
            self._store.close()
            self._closed.set()

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
        return self._owner.user_id

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
        view = copy.copy(self)
        view._owner = self._owner.view(user_id)
        for verb in OF_FILES:  # through the view they would reach the whole of any file
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
        the same text, or says the same in nearly the same words (``mem0lite.similarity``; the answer then has its text
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
        plans = each_item(items, AddItem, "add", lambda item: self._planner.add(item, self._owner.scope(item), now))
        return self._writer.add(plans, now)

    @answer
    def update(
        self,
        memory_id: str,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expiration_date: Unset | str | date | None = UNSET,
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
        if not isinstance(expiration_date, Unset):
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
        plans = each_item(items, UpdateItem, "update", lambda item: self._planner.update(item, now))
        return self._writer.update(plans, self._owner.within, now)

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
        self._store.update([Update(memory_id, change, event="FEEDBACK")], self._owner.within, self._now())
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
        self._store.delete(ids, self._owner.within, self._now())
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
        self._store.delete_matching(self._owner.to_delete(filters, user_id, agent_id, run_id, app_id), self._now())
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
        expression, named = self._owner.to_reset(user_id, agent_id, run_id, app_id)
        self._store.reset(expression, named, self._owner.user_id)

    @answer
    def vacuum(self) -> VacuumResult:
        """Remove expired memories with vectors, keyword entries and history, and give the space back to the disk."""
        self._owner.check_whole("vacuum")
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
        self._owner.check_whole("erase")
        scope = named_scope(user_id, agent_id, run_id, app_id)
        self._now()  # a clock that fails does so before anything is gone
        removed = self._store.erase(parse(scope), list(scope.values()))
        self._searcher.forget()
        return maintenance.receipt(scope, removed, self._now())

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
        self._owner.check_whole("check")
        return maintenance.check(self._store, self._embedder, repair=repair)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a consistent copy to a new file while others go on writing. Raises DatabaseError when it exists,
        ValidationError for what belongs to a store, ConfigurationError for what no store can be called."""
        self._owner.check_whole("backup")
        self._store.backup(maintenance.copy_at(path))

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
        return maintenance.restore(backup, path, replace=replace, checksums=checksums)

    # -- reading

    @answer_or_none
    def get(self, memory_id: str, *, show_expired: bool = False) -> MemoryItem | None:
        """Return one memory, or None when the id is unknown or its memory expired."""
        memory_id = asked_id(memory_id, "memory_id")
        record = self._store.get(memory_id, self._owner.within, self._horizon(show_expired))
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
        expression = self._owner.asked(filters, user_id, agent_id, run_id, app_id)
        count, start = page_of(top_k, limit, offset, page, page_size, after)
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
        expression = self._owner.asked(filters, user_id, agent_id, run_id, app_id)
        count, _ = page_of(top_k, limit)
        now = self._now()
        search = self._searcher.search(
            query,
            now,
            count=count,
            threshold=threshold,
            rerank=rerank,
            explain=explain,
            reference_date=reference_date,
            ranking=ranking,
            graph=bool(self.graph_categories),
        )
        horizon = None if argument_flag(show_expired, "show_expired") else now
        with self._store.searching(expression, horizon, search.question) as reading:
            reached = search.read(reading)
        return search.answer(reached)

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
        expression = self._owner.asked(filters, user_id, agent_id, run_id, app_id)
        around = graphs.clean_asked(entity, depth, limit, format)
        found = self._store.graph(expression, self._horizon(show_expired), around, depth, limit)
        return graphs.formatted(found, format)

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
        self._owner.check_whole("reindex_graph")
        asked = None if categories is None else opening.clean_categories(categories, "categories")
        return self._grapher.reindex(self._store, asked, self._now(), dry_run=dry_run, progress=progress)

    @answers
    def history(self, memory_id: str) -> list[HistoryItem]:
        """Return every change of a memory, oldest first: deleted ones too, unknown and expired ones none."""
        return self._store.history(asked_id(memory_id, "memory_id"), self._owner.within, self._now())

    @answers
    def entities(self) -> list[Entity]:
        """Return every user, agent, run and app with live memories: their number, first creation and last update."""
        return self._store.entities(self._owner.within, self._now())

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
        within = self._owner.matching(None, user_id, agent_id, run_id, app_id)
        count, start = page_of(top_k, limit, offset, page, page_size, after)
        results, total, following = self._store.events(within, self._now(), count, start, after)
        return {"results": results, "total": total, "next_cursor": following}

    @answer_or_none
    def event(self, event_id: str) -> EventItem | None:
        """Return the call of ``add`` that answered with this ``event_id``, or None."""
        return self._store.event(asked_id(event_id, "event_id"), self._owner.within, self._now())

    @answer
    def changes(self, *, after: int = 0, limit: int = 100) -> ChangePage:
        """Return what was added, updated or deleted after the change with the ``sequence`` number ``after``.

        Oldest first, at most ``limit``: ask again with the last ``sequence`` to follow a store, whoever writes it.
        Changes of memories that ``reset`` or ``vacuum`` removed are gone. A view numbers its user's changes apart, so
        that nothing tells how much others write.
        """
        check_whole_number("after", after, 0, _LARGEST)
        check_whole_number("limit", limit, 0, _LARGEST)
        return {"results": self._store.changes(after, self._owner.user_id, self._now(), limit)}

    @answer
    def stats(self) -> Stats:
        """Return counts, size, embedder and versions of the store."""
        self._owner.check_whole("stats")
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
        self._owner.check_whole("get_project")
        return project.read(self._store)

    def update_project(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into the settings of the project, and return them all.

        They are kept for the callers of mem0 who set and read them; no model here follows instructions. Raises
        ValidationError for what JSON cannot hold.
        """
        self._owner.check_whole("update_project")
        return project.update(self._store, settings)

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
        return exports.create(self._store, self._owner, schema, filters, self._now())

    @answer
    def get_memory_export(
        self, memory_export_id: str | None = None, filters: Mapping[str, Any] | None = None
    ) -> MemoryExport:
        """Return the memories of an export as they are now, or of a filter, oldest first.

        A field is one of the memory's own, or of its metadata; one that a memory lacks is None. Raises NotFoundError
        for an unknown id, ValidationError for neither an id nor filters that name a user, agent, run or app, and where
        it would be of more than MAX_EXPORT_CHARACTERS.
        """
        return exports.fill(self._store, self._owner, memory_export_id, filters, self._now())

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

        self._owner.check_whole("create_webhook")
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

        self._owner.check_whole("get_webhooks")
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

        self._owner.check_whole("update_webhook")
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

        self._owner.check_whole("delete_webhook")
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

        self._owner.check_whole("deliver_webhooks")
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
        expression = self._owner.matching(filters, user_id, agent_id, run_id, app_id)
        return transfer.export(self._store, file, expression, self._horizon(show_expired))

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
        self._owner.check_whole("import_")  # an id that exists is skipped, which would tell whether another user has it
        return self._importer(progress, user_id, agent_id, run_id, app_id).import_(file)

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
        self._owner.check_whole("import_from_mem0")
        importer = self._importer(progress, user_id, agent_id, run_id, app_id)
        return importer.import_from_mem0(source, api_key=api_key, history_db=history_db)

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
        found = maintenance.existing_store(path)
        return maintenance.reembed(found, resolve(embedder), progress)

    # -- what the verbs share

    def _refuse(self, verb: str, /, *_: object, **__: object) -> None:
        self._owner.check_whole(verb)

    def _now(self) -> int:
        return to_micros(self._clock(), "clock")

    def _horizon(self, show_expired: bool) -> int | None:
        return None if argument_flag(show_expired, "show_expired") else self._now()

    def _importer(self, progress: Progress | None, *ids: object) -> Importer:
        lifetime = self._planner.lifetimes.imported
        return Importer(self._writer, lifetime, self._now(), given_ids(*ids), progress)


def _warn_of_model() -> None:
    from ..mem0.configuration import CompatibilityWarning

    warnings.warn(
        "llm has no effect in mem0lite, which stores messages as they are: summarize them before, and leave it out.",
        CompatibilityWarning,
        stacklevel=3,  # the caller of add
    )
