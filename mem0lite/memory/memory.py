"""Memory: the verbs, each a few lines. What they share, decide and compute is in the modules beside this one."""

import copy
import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, cast, overload

from .. import environment, telemetry
from ..data.filters import Expression, parse
from ..data.messages import Messages
from ..embedding.local import resolve
from ..embedding.protocol import Embedder
from ..embedding.rerank import Configured, Reranker, resolve_reranker
from ..errors import NotPicklableError
from ..files import is_server, shown_store
from ..graph import Extractor
from ..limits import clean_timeout
from ..llm.choosing import choose
from ..llm.protocol import LanguageModel
from ..search.query import Query
from ..search.ranking import Ranking
from ..store import SQLITE_VERSION, Applied, Changes, Durability, Reads, Store, Visible, open_store, stopping
from ..types import (
    AddResult,
    ChangePage,
    CheckResult,
    ContextResult,
    CopyResult,
    Counts,
    CreatedKey,
    CreatedWebhook,
    DeliveryResult,
    Entity,
    ErasureReceipt,
    EventItem,
    EventPage,
    ExtractionStats,
    ExtractResult,
    FeedbackResult,
    GraphResult,
    HistoryItem,
    ImportResult,
    Key,
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
    SummaryResult,
    UpdateManyResult,
    UpdateResult,
    UserUsage,
    VacuumResult,
    Webhook,
    answer,
    answer_or_none,
    answers,
)
from ..values import argument_flag, asked_id, clean_feedback, clean_text, to_micros
from . import costs, exports, graphs, maintenance, opening, project, transfer
from .arguments import (
    DEFAULT_GRAPH_LIMIT,
    DEFAULT_MAX_TOKENS,
    DEFAULT_THRESHOLD,
    UNSET,
    AddItem,
    Duration,
    EmbedderObject,
    Instant,
    Kinds,
    Progress,
    TextFile,
    TokenCounter,
    Unset,
    UnsetId,
    UpdateItem,
    check_whole_number,
    clean_event_type,
    clean_ids,
    each_item,
    of_kinds,
    page_of,
)
from .context import Context
from .decay import Uses
from .graphs import Grapher
from .lifetimes import Lifetimes
from .metadata import Notes
from .owner import Owner, given_ids, named_scope
from .past import Past, clean_instant
from .planning import PlannedAdd, Planner, rating, single_result, to_be_redrawn
from .scaling import Scaling
from .searching import Searcher
from .transfer import Exports, Importer
from .wishing import refuse_wishes
from .writing import Writer

_LARGEST = 2**63 - 1

OF_FILES = ("copy", "from_config", "restore", "reembed")
"""Verbs of the class that work on any file; a view of one user refuses them."""


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
            f"An open {type(self).__name__} cannot be pickled. Pass its path instead, and open the file there."
        )


class Memory(Handle):
    """A store of memories in one SQLite file.

    >>> memory = Memory(":memory:")
    >>> added = memory.add("I am allergic to peanuts", user_id="alice")
    >>> memory.search("What can she not eat?", user_id="alice")["results"][0]["memory"]
    'I am allergic to peanuts'
    >>> memory.close()

    Any thread may use it, and several processes may open the same file. As a context manager it closes itself.

    A *scope* is the combination of user, agent, run and app that a memory belongs to. Every memory has at least one of
    these ids. Every search and listing names at least one, or passes ``filters=ANY_SCOPE`` for everybody.

    Arguments:
        path: the file, which is created if it does not exist. ``":memory:"`` keeps everything in this object and writes
            no file. Default: the environment variable ``MEM0LITE_DB``, else ``mem0lite.db`` in the working directory.
        embedder: an Embedder, the name of a model, or a folder with a model. Default: ``all-MiniLM-L6-v2``, or
            ``multilingual`` for a file that was made with it. Models are loaded at first use.
        clock: a function that returns the present as a datetime with a time zone; for tests.
        short_term_ttl: how long a ``short_term`` memory lives, in seconds or as a timedelta. Default:
            ``MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS``, else 3600 seconds.
        durability: with ``"full"`` every write that has returned survives a power loss. ``"normal"`` is faster, and a
            power loss may undo the last writes; the file stays consistent.
        ranking: how much each signal counts in a search: a Ranking, or a dictionary of the weights to change.
        reranker: what searches with ``rerank=True`` use: a Reranker, a function of a query and a list of documents that
            returns a score for each, or the name or folder of a cross-encoder.
        cache_bytes: about how many bytes of vectors to keep in memory for searches, from a scope's second search on.
            Scopes that do not fit are read from the file at every search. Default: ``MEM0LITE_CACHE_BYTES``, else
            512 MiB.
        read_only: open an existing file without changing anything in it or beside it. The disk may be read-only, and
            others may write the file meanwhile. Verbs that write raise ReadOnlyError.
        graph_categories: the values of ``memory_category`` whose memories are linked into a graph of entities and
            relations: a list, or a text that separates them by commas. Default: ``MEM0_USE_GRAPH_FOR_CATEGORIES``, else
            none. A new file keeps them, and everybody who writes it follows them; ``reindex_graph`` changes them. If an
            existing file has other categories, this argument raises ConfigurationError, and the environment variable
            only warns.
        graph_extractor: an Extractor, which finds the entities and relations in a text. Default: a RuleExtractor.
        checksums: give every page of a new file a checksum, which is compared at every read. A bit that flips on the
            disk then raises CorruptFileError, instead of changing a text unnoticed. An existing file keeps what it has.
            Other SQLite programs can read a file with checksums, but must not write it.
        statement_timeout: for how many seconds one call may read the file before TimeLimitError stops it. Default: no
            limit. Calls that go through the whole file (exports, backups, checks) never have one.
        llm: a language model that draws facts from messages: an object with the method of LanguageModel, or the URL of
            an endpoint with the OpenAI chat-completions protocol (``http://localhost:11434`` for Ollama). Texts are
            sent there. Default: none, and nothing leaves this machine.
        llm_model: the name of the model, for a URL.
        llm_api_key: the key for a URL, if its server wants one. It is never shown.
        extract_later: leave the model's work to ``extract``, so that ``add`` returns as soon as the messages are
            stored. Default: ``add`` asks the model itself.
        max_memories_per_user: how many live memories each user may keep. A call that would exceed it raises
            QuotaExceededError and stores nothing. 0 is any number. Default: ``MEM0LITE_MAX_MEMORIES_PER_USER``, else
            any number. It counts for what this object writes; the file does not keep it.
        max_bytes_per_user: how many bytes of texts and metadata, the same way. Default:
            ``MEM0LITE_MAX_BYTES_PER_USER``, else any number.
        config: refused. ``from_config`` opens the store that a configuration of mem0 describes.

    Raises ConfigurationError for an argument or an environment variable that cannot be used, ModelNotFoundError,
    DependencyError if the model's extra is not installed, EmbedderMismatchError if the file was embedded with another
    model, and a subclass of DatabaseError if the file cannot be opened. A file that mem0lite did not make is left
    untouched.
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
        llm: LanguageModel | str | None = None,
        llm_model: str | None = None,
        llm_api_key: str | None = None,
        extract_later: bool = False,
        max_memories_per_user: int | None = None,
        max_bytes_per_user: int | None = None,
        config: object = None,
    ) -> None:
        opening.refuse_configuration(path, config)
        environment.name_unread()
        telemetry.of_environment()
        place = opening.path_of(path)
        self.path = shown_store(place)
        self._owner = Owner()
        self._closed = threading.Event()  # shared with the views of for_user
        self._clock = clock or opening.utc_now
        self._planner = Planner(Lifetimes(opening.short_term_ttl(short_term_ttl)), Notes())
        resolved_ranking = Ranking.of({} if ranking is None else ranking)
        resolved_reranker = resolve_reranker(reranker)
        extract_later = opening.switch(extract_later, "extract_later")
        self._model = choose(llm, llm_model, llm_api_key)
        asked_categories = opening.graph_categories(graph_categories)
        self._grapher = Grapher(opening.extractor_of(graph_extractor))
        self._statement_timeout = clean_timeout(statement_timeout, "statement_timeout")
        self._quota = opening.quota(max_memories_per_user, max_bytes_per_user)
        self._store: Store
        self._embedder, self._store = opening.with_embedder(
            embedder,
            functools.partial(
                open_store,
                place,
                durability=durability,
                cache_bytes=opening.cache_bytes(cache_bytes),
                read_only=opening.switch(read_only, "read_only"),
                checksums=opening.switch(checksums, "checksums"),
                graph_categories=asked_categories,
                statement_timeout=self._statement_timeout,
                quota=self._quota,
            ),
        )
        self._scaling = Scaling(self._store, self._embedder)
        self._searcher = Searcher(self._embedder, self._scaling, resolved_ranking, resolved_reranker)
        self._writer = Writer(self._store, self._embedder, self._grapher, self._scaling)
        self._uses = Uses(self._store)
        self._past = Past(self._store, self._embedder, self._grapher)
        self._extract_later = extract_later
        try:
            self._drawer = opening.drawer(self._model, self._writer, self._searcher, self._uses, self._clock)
            opening.check_categories(
                self.path, self.graph_categories, asked_categories, given=graph_categories is not None
            )
        except Exception:  # a warning too, where these are errors
            self._store.close()
            raise
        if not read_only and self.path != ":memory:" and not is_server(place):
            stopping.watch()

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 describes: a dictionary, or an object like mem0's MemoryConfig.

        The store is a file beside the ``path`` of the vector store: for ``/data/qdrant`` it is ``/data/qdrant.db``. An
        embedder with the provider ``fastembed`` is used. One CompatibilityWarning lists everything in the configuration
        that has no effect here.

        Raises ConfigurationError if it is not a configuration of mem0.
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
        """Wait for calls that are running, then close the file. No ``-wal`` file is left beside it.

        Closing twice does nothing, and closing a view of one user leaves the file open.
        """
        if self._owner.user_id is None:
            if not self._closed.is_set():
                self._uses.write()
            self._store.close()
            self._closed.set()

    # -- one user's memories

    @property
    def read_only(self) -> bool:
        """Whether the file was opened for reading only."""
        return self._store.read_only

    @property
    def has_model(self) -> bool:
        """Whether a language model draws facts from messages."""
        return self._drawer is not None

    @property
    def statement_timeout(self) -> float | None:
        """For how many seconds one call may read the file; None means without limit."""
        return self._statement_timeout

    @property
    def graph_categories(self) -> tuple[str, ...]:
        """The values of ``memory_category`` whose memories are linked into the graph, in alphabetical order.

        They belong to the file; ``reindex_graph`` changes them.
        """
        return self._store.graph_categories

    @property
    def user_id(self) -> str | None:
        """The user whose memories a view shows; None if this is not a view."""
        return self._owner.user_id

    def for_user(self, user_id: str | int) -> Self:
        """Return a view of one user's memories: the same verbs, for which nobody else's memories exist.

        >>> with Memory(":memory:") as memory:
        ...     added = memory.add("I am allergic to peanuts", user_id="alice")
        ...     memory.for_user("bob").get_all()["total"], memory.for_user("alice").get_all()["total"]
        (0, 1)

        In a view, ``user_id`` may be left out: it is always this user. ``reset()`` removes this user's memories and
        histories. ``delete_all`` still needs an id.

        Raises PermissionDeniedError for a call that names another user or passes ``"*"`` as an id, and for every verb
        that concerns the whole file: ``vacuum``, ``erase``, ``check``, ``backup``, ``copy``, ``restore``, ``reembed``,
        ``from_config``, ``reindex_graph``, ``stats``, imports, the settings of the project, webhooks, and API keys.
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
        roles: str | Iterable[str] | None = None,
        key: str | int | None = None,
        supersedes: Iterable[str] | None = None,
        prompt: str | None = None,
        custom_instructions: str | None = None,
        custom_categories: Mapping[str, str] | Sequence[Mapping[str, str] | str] | None = None,
        includes: str | None = None,
        excludes: str | None = None,
        llm: object = None,
    ) -> AddResult:
        """Store each message as a memory of a user, an agent, a run or an app. On an error nothing is stored.

        Messages may be a text, dictionaries, or objects of OpenAI, Anthropic, Gemini, LangChain and others, also a
        model's whole answer. A message's ``name`` becomes ``actor_id``, and its ``role`` is kept. Only texts are
        stored. Images, tool calls, reasoning and empty turns are left out, and so are messages with the role
        ``system``, ``developer``, ``tool`` or ``function``. The answer lists what was left out as ``skipped``. With
        ``roles``, such as ``["user"]``, only messages in these roles are stored, and the others are left out, too.

        Every message is stored as it is. If the store was opened with a language model, the facts that it finds in the
        messages are stored as well, with the ids of their messages as ``sources``, and follow in ``results``; new facts
        may update or delete earlier ones of the same user, agent, run and app. ``extraction`` says what became of that.
        Without an answer of the model the facts follow later: see ``extract``. What ``custom_instructions``,
        ``custom_categories`` (names and what they mean), ``includes`` and ``excludes`` ask of the model goes before the
        settings of the project; ``prompt`` replaces the instructions as a whole. ``infer=False`` draws no facts.

        With ``infer=True`` a message that adds nothing to a memory of the same scope is not stored again; the answer
        then has the event NONE and the id of that memory. A message adds nothing if that memory

        - has the same text, or says the same in nearly the same words (the answer then has its text as
          ``existing_memory``),
        - comes from the same speaker, in the same role, and has the same metadata,
        - lives at least as long,
        - and has the same date: the same instant if there is a ``timestamp``, else the same day in UTC.

        ``infer=False`` stores the message in any case.

        The first of these that is given decides when the memory expires:

        1. ``metadata["expires_at"]``,
        2. ``ttl``, in seconds or as a timedelta,
        3. ``expiration_date``, a day such as ``"2026-12-31"``, through whose end in UTC the memory is visible,
        4. ``metadata["memory_lifespan"] = "short_term"``.

        A memory that is expired when it is added, for example with a ``ttl`` of 0, is stored, but only ``show_expired``
        shows it. Its result then has ``expires_at`` and ``expired``, which is True. A negative ``ttl`` is an error.

        ``timestamp`` is when the message was said; a message may have its own. It becomes ``created_at``, and a ``ttl``
        is counted from it. ``memory_type="procedural_memory"`` is kept as ``metadata["memory_type"]``.

        As in mem0, ``metadata["created_at"]`` is used as the ``timestamp`` and ``metadata["expiration_date"]`` as the
        ``expiration_date`` if those arguments are missing; they are then no longer metadata. Values that are not dates
        stay in the metadata. So do ids, which do not decide whose the memory is. Each of these is logged once.

        With ``key``, such as ``"phone"``, the message becomes what holds now under this key, for exactly these ids of a
        user, an agent, a run and an app: it supersedes the memory that has the key. ``supersedes`` names memories of
        the same ids that it supersedes as well. Superseded memories are kept, and ``latest_only=False`` shows them. A
        message that is dated before the memory with the key is stored as superseded. The same text again is not stored
        again (NONE), whatever its date, if it is what holds at that date. Both need exactly one message.

        The model sees only parts of a very long text; the result then says how many as ``embedded``. Without a language
        model, ``prompt`` has no effect, and the other wishes are refused. ``llm`` is accepted for callers of mem0, has
        no effect, and warns (CompatibilityWarning).

        Raises ValidationError, MemoryNotFoundError if ``supersedes`` names a memory that is not there, EmbeddingError,
        ExtractionError, QuotaExceededError if the user would keep more than a quota allows, or DatabaseError.
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
            "roles": roles,
            "key": key,
            "supersedes": supersedes,
            "prompt": prompt,
            "custom_instructions": custom_instructions,
            "custom_categories": custom_categories,
            "includes": includes,
            "excludes": excludes,
        }
        return self.add_many([item])[0]

    @answers
    @telemetry.traced("create_memory")
    def add_many(self, items: Iterable[AddItem]) -> list[AddResult]:
        """Do many ``add`` calls at once, with one embedding batch and one transaction. On an error nothing is stored.

        Each item is a dictionary of ``add``'s arguments. Returns one result per item, in the same order. Raises what
        ``add`` raises; if there are several items, the message of a ValidationError begins with the position of the
        item, counted from 0.
        """
        now = self._now()
        plans = each_item(items, AddItem, "add", lambda item: self._planned(item, now))
        if self._drawer is None:
            return self._writer.add(plans, now)
        plans = [plan.drawn() for plan in plans]
        results = self._writer.add(plans, now)
        return self._drawer.answers(plans, results, later=self._extract_later)

    def _planned(self, item: AddItem, now: int) -> PlannedAdd:
        plan = self._planner.add(item, self._owner.scope(item), now)
        if self._drawer is None:
            refuse_wishes(plan.wishes)
        return plan

    @answer
    def extract(self, *, limit: int | None = None, retry_failed: bool = False) -> ExtractResult:
        """Draw the facts that are still to be drawn and are due, of at most ``limit`` calls of ``add``.

        ``add`` does this in the same call, unless the store was opened with ``extract_later``. What is left is what its
        model did not answer, and what a process did not finish. Any number of processes may call this at the same
        time; each job is done once. A server does it by itself. With ``retry_failed``, jobs that were given up are
        tried again.

        If the model fails, nothing is raised: the job is tried again after a growing wait, half a minute to six hours,
        and given up after twelve attempts or if another attempt would be useless; ``events`` then says why.

        Raises ConfigurationError if the store was opened without a language model, ValidationError or DatabaseError.
        """
        self._owner.check_whole("extract")
        if limit is not None:
            check_whole_number("limit", limit, 0)
        retry_failed = argument_flag(retry_failed, "retry_failed")
        return opening.with_model(self._drawer, "extract").extract(limit, retry_failed=retry_failed)

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
        """Change a memory's text, merge new metadata into its own, set its expiration date, or correct its date.

        Only what is given changes. ``expiration_date=None`` removes the date. ``timestamp`` becomes ``created_at``.
        ``data`` is mem0 1.x's name for ``text``. The scope and the role of a memory never change.

        A memory keeps the lifetime that ``add`` gave it, counted from ``created_at``, until an update sets another: an
        ``expiration_date`` (None as well), or a new or removed ``metadata["expires_at"]``. A new ``memory_lifespan``
        counts only if none of these and no ``ttl`` is in force. The order of precedence is the one of ``add``. If the
        update makes the memory expire at once, its id is in the answer's ``expired``.

        Facts that were drawn from the memory are drawn again when its text or its date changes: in the same call, or
        later, as with ``add``. The answer says as ``facts`` what became of them. A fact that its sources no longer bear
        out is changed or deleted, and its history keeps it. Without a language model, that waits for one.

        The model sees only parts of a very long text; the answer then says how many as ``embedded``.

        Raises MemoryNotFoundError if the id is unknown or the memory has expired, ValidationError if nothing is to be
        changed or a value cannot be accepted, EmbeddingError, ExtractionError, QuotaExceededError or DatabaseError.
        """
        item: UpdateItem = {
            "memory_id": memory_id,
            "text": data if text is None else text,
            "metadata": metadata,
            "timestamp": timestamp,
        }
        if not isinstance(expiration_date, Unset):
            item["expiration_date"] = expiration_date
        return self._update_one(item)[0]

    def _update_one(self, item: UpdateItem) -> tuple[UpdateResult, MemoryItem]:
        """Return what ``update`` answers, and the memory as this update left it."""
        result, applied = self._update([item])
        [record] = applied.updated
        shown: MemoryItem = {**record.to_item(), "score": None}
        return single_result(result), shown

    @answer
    def update_many(self, items: Iterable[UpdateItem]) -> UpdateManyResult:
        """Do many ``update`` calls at once, in one embedding batch and one transaction. On an error nothing changes.

        Each item is a dictionary of ``update``'s arguments; an item without ``expiration_date`` leaves that as it is.
        The answer's ``embedded`` lists the memories whose new text is so long that the model sees only parts of it.

        Raises what ``update`` raises; if there are several items, the message of a ValidationError begins with the
        position of the item, counted from 0.
        """
        return self._update(items)[0]

    @telemetry.traced("update_memory")
    def _update(self, items: Iterable[UpdateItem]) -> tuple[UpdateManyResult, Applied]:
        now = self._now()
        plans = each_item(items, UpdateItem, "update", lambda item: self._planner.update(item, now))
        result, applied = self._writer.update(plans, self._visible(now=now))
        if applied.events:
            drawer = None if self._extract_later else self._drawer
            events = applied.events
            result["facts"] = [to_be_redrawn(one) for one in events] if drawer is None else drawer.redo(events)
        return result, applied

    @answer
    def feedback(
        self, memory_id: str, feedback: str | None = None, feedback_reason: str | None = None
    ) -> FeedbackResult:
        """Rate a memory: ``POSITIVE``, ``NEGATIVE`` or ``VERY_NEGATIVE``. None removes the rating.

        The rating is shown with the memory and in its history. Filters find it as ``feedback`` and ``feedback_reason``.

        Raises MemoryNotFoundError, ValidationError or DatabaseError.
        """
        feedback, reason = clean_feedback(feedback, feedback_reason)
        rated = rating(asked_id(memory_id, "memory_id"), feedback, reason)
        self._store.apply(Changes(updates=[rated]), self._visible())
        return {"id": rated.memory_id, "feedback": feedback, "feedback_reason": reason}

    @answer
    @telemetry.traced("delete_memory", "memory_id")
    def delete(self, memory_id: str, *, delete_linked: bool = False) -> MessageResult:
        """Delete one memory. Its history is kept.

        With ``delete_linked``, the memories that it superseded are deleted as well, and those that they superseded.
        Without it they stay, and stay superseded.

        Raises MemoryNotFoundError if the id is unknown or the memory has expired.
        """
        linked = argument_flag(delete_linked, "delete_linked")
        telemetry.remember([memory_id])
        self._store.apply(Changes(deletions=[asked_id(memory_id, "memory_id")], linked=linked), self._visible())
        return {"message": "Memory deleted successfully!"}

    @answer
    @telemetry.traced("delete_memory")
    def delete_many(self, memory_ids: Iterable[str], *, delete_linked: bool = False) -> MessageResult:
        """Delete memories in one transaction, all or none. Their histories are kept.

        With ``delete_linked``, the memories that they superseded are deleted as well, and those that these superseded.
        The answer counts the ids that were given.

        Raises MemoryNotFoundError if one of the ids is unknown or its memory has expired.
        """
        ids, linked = clean_ids(memory_ids), argument_flag(delete_linked, "delete_linked")
        telemetry.remember(ids)
        self._store.apply(Changes(deletions=ids, linked=linked), self._visible())
        return {"message": f"Successfully deleted {len(set(ids))} memories"}

    @answer
    @telemetry.traced("delete_memory")
    def delete_all(
        self,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        *,
        filters: Mapping[str, Any] | None = None,
    ) -> MessageResult:
        """Delete every memory of a scope, or those of its memories that match ``filters``. Their histories are kept.

        Raises ValidationError if neither the arguments nor the filters name a user, agent, run or app. ``reset``
        removes everything.
        """
        expression = self._owner.to_delete(filters, user_id, agent_id, run_id, app_id)
        self._store.delete_matching(self._visible(expression))
        return {"message": "Memories deleted successfully!"}

    def reset(
        self,
        user_id: str | int | UnsetId = UNSET,
        agent_id: str | int | UnsetId = UNSET,
        run_id: str | int | UnsetId = UNSET,
        app_id: str | int | UnsetId = UNSET,
    ) -> None:
        """Remove the memories of a scope with their histories; without arguments remove everything.

        Raises ValidationError if an id is None or ``"*"``. So a variable that was never set, or that somebody else has
        set, does not remove everything.
        """
        expression, named = self._owner.to_reset(user_id, agent_id, run_id, app_id)
        self._store.reset(expression, named, self._owner.user_id)

    @answer
    def vacuum(self) -> VacuumResult:
        """Remove expired memories with their histories, and give the space back to the disk.

        Returns how many memories were removed, and by how many bytes the file shrank.
        """
        self._owner.check_whole("vacuum")
        self._uses.write()
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
        """Remove a user, an agent, a run or an app from the bytes of the file.

        Its memories, vectors, keywords, entities, relations, histories and events are removed, and the exports that
        name it. API keys that were made for a user are revoked if the user is all that is named. So is every older copy
        of them, in unused pages and in the write-ahead log. ``reset`` removes the same from what can be read; ``erase``
        also writes the whole file again. That takes as long as copying it, and other writers wait meanwhile.

        Returns a receipt with the counts once the removal is durable. What lies outside the file is not touched:
        backups, exported lines, what was posted to webhooks, and disk blocks that the file no longer uses.

        Raises ValidationError if no id is given. Raises DatabaseBusyError if somebody reads for so long that older
        pages cannot be overwritten, or DiskFullError: in both cases everything is removed already, and calling again
        overwrites the older pages.
        """
        self._owner.check_whole("erase")
        scope = named_scope(user_id, agent_id, run_id, app_id)
        now = self._now()  # a clock that fails does so before anything is gone
        if list(scope) == ["user_id"]:
            from .. import keys

            keys.revoke_of_user(self._store, now, scope["user_id"])
        removed = self._store.erase(parse(scope), list(scope.values()))
        self._searcher.forget()
        self._past.forget()
        return maintenance.receipt(scope, removed, self._now())

    @answer
    def check(self, *, repair: bool = False) -> CheckResult:
        """Check that everything in the file agrees; with ``repair``, also repair what can be computed from the texts.

        It checks SQLite's own integrity and the page checksums if there are any, the schema, the text, hash, vector,
        keywords, dates and metadata of every memory, histories and events with their scopes, the counters, and the
        recorded model. It reads the whole file from one snapshot, while others read and write.

        Keywords, vectors and counters can be repaired, and leftovers of memories that no longer exist are removed.
        Texts, metadata and histories are never changed: ``restore`` a backup for those.

        Raises DatabaseError if nothing can be read, ReadOnlyError if a repair cannot write the file, or EmbeddingError.
        """
        self._owner.check_whole("check")
        repair = argument_flag(repair, "repair")
        return maintenance.check(maintenance.file_of(self._store, "check"), self._embedder, repair=repair)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a consistent copy to a new file, while others go on writing.

        Raises DatabaseError if the file exists, ValidationError if it belongs to a store, ConfigurationError if no
        store can have that name.
        """
        self._owner.check_whole("backup")
        maintenance.file_of(self._store, "backup").backup(maintenance.copy_at(path))

    @staticmethod
    @answer
    def restore(
        backup: str | os.PathLike[str],
        path: str | os.PathLike[str],
        *,
        replace: bool = False,
        checksums: bool = False,
    ) -> RestoreResult:
        """Check a backup, or any other store, and put a copy of it at ``path``. The backup is only read.

        The check is that of ``check``, without the keywords. With ``replace``, the store at ``path`` gets the contents
        of the backup in one transaction: whoever has it open sees the old contents or the new ones, and the numbers of
        ``changes`` continue from the higher of the two. ``checksums`` gives a new file page checksums; a store that is
        replaced keeps what it has. To add checksums to an existing store, restore it to a new path.

        Raises DatabaseError if ``path`` exists and ``replace`` is False, CorruptFileError if the backup is damaged, and
        what opening a file raises.
        """
        return maintenance.restore(
            backup,
            path,
            replace=argument_flag(replace, "replace"),
            checksums=argument_flag(checksums, "checksums"),
        )

    @staticmethod
    @answer
    def copy(
        source: str | os.PathLike[str], target: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> CopyResult:
        """Copy a whole store to another place, where nothing is yet: a file, or a database by its URL.

        Everything is copied: memories with their histories, vectors, graphs and uses, expired memories, histories of
        deleted ones, calls of ``add``, settings, webhooks and exports. Nothing is embedded again, so the model need not
        be there. In the end the two stores are compared. A copy that was interrupted goes on when it is called again.
        Nobody may write to either store meanwhile.

        The copy numbers its changes anew: who follows ``changes`` asks it from the beginning, or from the number of its
        last change. Webhooks are sent what happens in the copy, and not what the source has not sent.

        ``progress`` is called with how many memories are done, and how many there are.

        Raises NotAMemoryFileError if there is no source, ValidationError if the target holds memories that the source
        does not have, EmbedderMismatchError if it holds vectors of another model, DatabaseError if the two differ in
        the end, and what opening a store raises.
        """
        from .copying import copy  # once in the life of a store

        return copy(source, target, progress)

    # -- reading

    @answer_or_none
    def get(self, memory_id: str, *, show_expired: bool = False, as_of: Instant | None = None) -> MemoryItem | None:
        """Return one memory, or None if the id is unknown or the memory has expired.

        With ``show_expired`` an expired memory is returned, too. With ``as_of``, an instant, it is the memory as it was
        then; see ``get_all``.
        """
        memory_id = asked_id(memory_id, "memory_id")
        now, instant = self._moment(as_of)
        visible = self._visible(show_expired=show_expired, now=now)
        with self._reading(visible, instant, ids=[memory_id]) as store:
            record = store.get_many([memory_id], visible).get(memory_id)
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
        latest_only: bool = True,
        relations: bool = False,
        as_of: Instant | None = None,
        kinds: Kinds | None = None,
    ) -> Page:
        """List memories, those with the newest ``created_at`` first. Of the same instant, the last added comes first.

        A page is chosen by ``top_k`` or ``limit`` (default 20) with ``offset``, or by ``page`` (from 1) with
        ``page_size``, or by ``after``: the ``next_cursor`` of the page before, which is None on the last page. Cursors
        return every memory that stays in the store exactly once, even if others are added and deleted meanwhile;
        offsets do not. ``total`` counts all memories that match. With ``relations`` the answer also has what the
        memories of graph categories state. ``latest_only=False`` also shows superseded memories.

        With ``as_of``, an instant such as ``"2026-03-01T12:00:00Z"``, the answer is the one that this call gave then:
        with the memories that were there and alive, their texts, metadata and ratings, deleted ones, too. What
        ``vacuum``, ``reset`` or ``erase`` removed is gone from the past as well. A day means its beginning, and without
        a time zone UTC is meant.

        ``kinds`` is ``"facts"`` for those that a language model drew from messages, which have ``sources``, or
        ``"turns"`` for everything else; by default it is both.

        Raises ValidationError if neither ids nor filters name a user, agent, run or app, and for an ``as_of`` in the
        future, or so early that the file kept no states yet. ``filters=ANY_SCOPE`` lists the memories of everybody.
        """
        expression = of_kinds(kinds, self._owner.asked(filters, user_id, agent_id, run_id, app_id))
        count, start = page_of(top_k, limit, offset, page, page_size, after)
        now, instant = self._moment(as_of)
        visible = self._visible(expression, show_expired=show_expired, latest_only=latest_only, now=now)
        with self._reading(visible, instant) as store:
            found = store.page(visible, count, start, after=after, relations=relations)
        results = [record.to_item() for record in found.records]
        answer: Page = {"results": results, "total": found.total, "next_cursor": found.following}
        if relations:
            answer["relations"] = list(found.relations)
        return answer

    @answer
    @telemetry.traced("search_memory", "query")
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
        latest_only: bool = True,
        relevant_only: bool = False,
        reference_date: Instant | None = None,
        ranking: Ranking | Mapping[str, float] | None = None,
        as_of: Instant | None = None,
        kinds: Kinds | None = None,
    ) -> SearchResult:
        """Find the memories that are closest to ``query`` in meaning and in words, best first.

        Filters apply before the best ``top_k`` (or ``limit``; default 20) results are chosen. Scores lie between 0 and
        1, and depend only on the memories of the scope. Results below ``threshold`` (None means 0) are left out. Of
        several memories that say nearly the same, all but the best give way to others. ``explain`` adds
        ``score_details``. ``latest_only=False`` also finds superseded memories.

        ``relevant_only`` returns what is relevant to the query and nothing else, down to nothing: "Tell me a joke"
        finds no memory, however little there is in the scope. It is for an English query, or one that the store's
        model reads; to any other, most memories count as relevant.

        A score counts the meaning and the words of the memory itself, then those of the conversation around it, who
        said it, and when. ``ranking``, a Ranking or a dictionary of the weights to change, replaces the store's for
        this search. ``reference_date`` is the "now" of questions such as "What did I do last week?"; by default it is
        the present. Its time zone decides where days begin: that of a datetime, or the offset in an ISO 8601 text;
        without one it is UTC.

        ``rerank=True`` lets the store's ``reranker`` order the best results, which adds ``rerank_score``. Without one
        it is the model of the extra ``mem0lite[rerank]``, which counts beside the scores. If there is neither,
        ``not_reranked`` says so. By default results are reranked if a configuration of mem0 names a reranker.

        Memories of graph categories also gain score for the entities that they share with the query, or that are next
        to those in the graph, and the answer's ``relations`` are what the results state. If the query asks what is
        needed or what comes next, those results that are steps of one procedure come in its order, whatever their
        scores.

        With ``as_of``, an instant, the answer is the one that this search gave then; see ``get_all``. The "now" of
        questions is then that instant, unless there is a ``reference_date``. Texts that were changed or deleted since
        are embedded again.

        The model sees only parts of a very long query; the answer then says how many as ``embedded``.

        ``kinds`` is ``"facts"`` for those that a language model drew from messages, or ``"turns"`` for everything else;
        by default it is both. A fact and a memory that it was drawn from do not take two places: the better one stays.

        Raises ValidationError for a blank query, a ``threshold`` outside 0 to 1, an unknown weight, an invalid
        ``reference_date``, or if neither ids nor filters name a user, agent, run or app. Raises EmbeddingError, also
        for a reranker that does not return numbers.
        """
        clean_text(query, "query")
        expression = of_kinds(kinds, self._owner.asked(filters, user_id, agent_id, run_id, app_id))
        count, _ = page_of(top_k, limit)
        now, instant = self._moment(as_of)
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
            relevant_only=relevant_only,
        )
        visible = self._visible(expression, show_expired=show_expired, latest_only=latest_only, now=now)
        with (
            self._reading(visible, instant, query=search.question) as store,
            store.searching(visible, search.question) as reading,
        ):
            reached = search.read(reading, self._uses)
        answer = search.answer(reached)
        if reached.decays:
            self._uses.note([hit["id"] for hit in answer["results"]], now)
        return answer

    @answer
    @telemetry.traced("search_memory", "query")
    def context(
        self,
        query: str,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        count_tokens: TokenCounter | None = None,
        reference_date: Instant | None = None,
        ranking: Ranking | Mapping[str, float] | None = None,
        rerank: bool = False,
        latest_only: bool = True,
        as_of: Instant | None = None,
        relevant_only: bool = True,
        kinds: Kinds | None = None,
    ) -> ContextResult:
        """Return what the memories say to ``query``, as a block of text for a prompt.

        The block has the best results of a search, as many as fit into ``max_tokens``: word for word, with the day and
        the speaker of each, in the order in which they were said, session by session. A terse answer comes with the
        question before it. Of several memories that say nearly the same, only the best is in it. A frame marks all of
        it as quotations, and no memory can close the frame. Line breaks in memories are indented.

        ``tokens`` is never more than ``max_tokens``. ``count_tokens``, a function of a text, counts for your model;
        without it the number is an estimate, about 10 % too high for English. ``memories`` are those in the block;
        ``left_out`` are results that did not fit. At most 1,000 results are looked at.

        The other arguments are those of ``search``. Days are those of the time zone of ``reference_date``. ``rerank``
        orders the best 30 results before they are chosen. If nothing is relevant, the text is empty;
        ``relevant_only=False`` then still gives what there is.

        Raises ValidationError for what ``search`` refuses, for a ``max_tokens`` below 0, and for a ``count_tokens``
        that raises or does not return a number.
        """
        clean_text(query, "query")
        expression = of_kinds(kinds, self._owner.asked(filters, user_id, agent_id, run_id, app_id))
        now, instant = self._moment(as_of)
        context = Context.of(
            lambda count: self._searcher.search(
                query,
                now,
                count=count,
                threshold=DEFAULT_THRESHOLD,
                rerank=rerank,
                explain=False,
                reference_date=reference_date,
                ranking=ranking,
                graph=bool(self.graph_categories),
                relevant_only=relevant_only,
            ),
            max_tokens,
            count_tokens,
            reference_date,
        )
        visible = self._visible(expression, latest_only=latest_only, now=now)
        question = context.search.question
        with (
            self._reading(visible, instant, query=question) as store,
            store.searching(visible, question) as reading,
        ):
            reached = context.read(reading, self._uses)
        block = context.answer(reached)
        if reached.decays:
            self._uses.note([hit["id"] for hit in block["memories"]], now)
        return block

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
        latest_only: bool = True,
        format: Literal["json"] = "json",
        as_of: Instant | None = None,
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
        latest_only: bool = True,
        format: Literal["mermaid", "graphml"],
        as_of: Instant | None = None,
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
        latest_only: bool = True,
        format: str,
        as_of: Instant | None = None,
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
        latest_only: bool = True,
        format: str = "json",
        as_of: Instant | None = None,
    ) -> GraphResult | str:
        """Return the entities and relations that the matching memories of graph categories name and state.

        With ``entity``, these are the entities that are at most ``depth`` relations (0 to 3) away from it, nearest
        first. Without it, they are the entities that most memories name. At most ``limit`` entities (1 to 10,000) are
        returned, with the relations between them; ``truncated`` says whether there are more. ``format`` is ``"json"``
        for a dictionary, or a text: ``"mermaid"``, a flowchart for Markdown, or ``"graphml"``.

        With ``as_of``, an instant, these are the entities and relations of what was stored then; see ``get_all``. The
        categories are those of today.

        Raises ValidationError, also if neither ids nor filters name a user, agent, run or app.
        """
        expression = self._owner.asked(filters, user_id, agent_id, run_id, app_id)
        now, instant = self._moment(as_of)
        visible = self._visible(expression, show_expired=show_expired, latest_only=latest_only, now=now)
        around = graphs.clean_asked(entity, depth, limit, format)
        with self._reading(visible, instant) as store:
            found = store.graphs.read(visible, around, depth, limit)
        return graphs.formatted(found, format)

    @answer
    def reindex_graph(
        self,
        *,
        categories: Iterable[str] | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ReindexResult:
        """Change which values of ``memory_category`` are in the graph, and rebuild it.

        ``categories`` are a list, or a text that separates them by commas; without them the graph is only rebuilt.
        From the beginning of the call everybody who writes the file follows the new categories. The rest is done in
        parts, while others read and write. If a call is interrupted, call it again without ``categories``. ``dry_run``
        changes nothing: ``entering`` and ``leaving`` say how many memories would enter and leave the graph.

        Raises ValidationError, ExtractionError or DatabaseError.
        """
        self._owner.check_whole("reindex_graph")
        asked = None if categories is None else graphs.clean_categories(categories, "categories")
        return self._grapher.reindex(
            self._store, asked, self._now(), dry_run=argument_flag(dry_run, "dry_run"), progress=progress
        )

    @answers
    def history(self, memory_id: str) -> list[HistoryItem]:
        """Return every change of a memory, oldest first.

        A deleted memory keeps its history. For an unknown id or an expired memory the list is empty.
        """
        return self._store.history(asked_id(memory_id, "memory_id"), self._visible())

    @answers
    def entities(self) -> list[Entity]:
        """Return every user, agent, run and app that has live memories.

        Each comes with the number of its memories, the first ``created_at`` and the last ``updated_at``.
        """
        return self._store.entities(self._visible())

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
        event_type: str | None = None,
    ) -> EventPage:
        """List the calls of ``add``, newest first, in pages as ``get_all`` does.

        Each has the memories that it added or repeated, with the texts that they have now. An event of the type
        ``UPDATE`` is of edited messages, whose facts a language model draws again; ``event_type`` selects. ``reset``
        removes the events of its scope. ``vacuum`` removes events older than 30 days, and those of scopes that have
        nothing else left.
        """
        within = self._owner.matching(None, user_id, agent_id, run_id, app_id)
        count, start = page_of(top_k, limit, offset, page, page_size, after)
        asked = clean_event_type(event_type)
        found = self._store.events(self._visible(within), count, start, after=after, event_type=asked)
        return {"results": list(found.events), "total": found.total, "next_cursor": found.following}

    @answer_or_none
    def event(self, event_id: str) -> EventItem | None:
        """Return the call of ``add`` that answered with this ``event_id``, or None."""
        found = self._store.events(self._visible(), 1, 0, event_id=asked_id(event_id, "event_id"))
        return next(iter(found.events), None)

    @answer
    def changes(self, *, after: int = 0, limit: int = 100) -> ChangePage:
        """Return what was added, updated or deleted after the change with the ``sequence`` number ``after``.

        The oldest comes first, and there are at most ``limit``. To follow a store, whoever writes it, ask again with
        the last ``sequence``. Changes of memories that ``reset`` or ``vacuum`` removed are no longer there. A view
        numbers the changes of its user separately, so that its numbers do not tell how much others write.
        """
        check_whole_number("after", after, 0, _LARGEST)
        check_whole_number("limit", limit, 0, _LARGEST)
        return {"results": self._store.changes(after, self._owner.user_id, self._now(), limit)}

    @answer
    def stats(self) -> Stats:
        """Return counts, sizes, the embedder and the versions of the store, and what language models used."""
        self._owner.check_whole("stats")
        facts = self._store.facts()
        extraction = costs.extraction(self._store, self._model)
        stats = {
            "path": self.path,
            **self._store.counts(self._now()),
            "bytes": facts.bytes,
            "checksums": facts.checksums,
            "graph": self._store.graphs.stats(),
            "cached_bytes": facts.cached_bytes,
            "embedder": self._store.identity(),
            "schema_version": facts.schema_version,
            "sqlite_version": SQLITE_VERSION,
        }
        if extraction is not None:
            stats["extraction"] = extraction
        if self._quota:
            stats["quotas"] = {"memories_per_user": self._quota.memories, "bytes_per_user": self._quota.bytes}
        return cast("Stats", stats)

    @answer
    def usage(self, user_id: str | int | None = None) -> UserUsage:
        """Return how many live memories a user keeps, of how many bytes, and how many the quotas allow.

        In a view, ``user_id`` may be left out. Superseded memories count, expired and deleted ones do not. The bytes
        are those of texts and metadata.

        Raises ValidationError if nobody is named, or PermissionDeniedError in a view of another user.
        """
        name = self._owner.one_user(user_id)
        held = self._store.held(name, self._now())
        return {
            "user_id": name,
            "memories": held.memories,
            "bytes": held.bytes,
            "max_memories": self._quota.memories,
            "max_bytes": self._quota.bytes,
        }

    def _measured(self) -> tuple[Counts, int, ExtractionStats | None]:
        """Return what metrics show of ``stats``: the counts, the size in bytes, and what language models used, if
        this process has one. The graph is not counted for it."""
        used = None if self._model is None else costs.extraction(self._store, self._model)
        return self._store.counts(self._now()), self._store.facts().bytes, used

    # -- the project

    def get_project(self) -> dict[str, Any]:
        """Return the settings that ``update_project`` keeps.

        ``custom_instructions`` and ``custom_categories`` are None until they are set.
        """
        self._owner.check_whole("get_project")
        return project.read(self._store)

    def update_project(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Merge ``settings`` into the settings of the project, and return all of them.

        ``decay`` has an effect, and ``decay_half_life_days`` with it: with ``decay: True`` the scores of searches are
        multiplied by 0.3 to 1.5, depending on how long ago the last answer had the memory. A language model follows
        ``custom_instructions``, ``custom_categories``, ``includes`` and ``excludes``, unless a call has its own. The
        other settings are kept for callers of mem0 that set and read them; nothing here follows them.

        Raises ValidationError for values that JSON cannot hold, and for a ``decay`` or half-life of another kind.
        """
        self._owner.check_whole("update_project")
        return project.update(self._store, settings)

    @answer
    def create_memory_export(
        self, schema: Mapping[str, Any] | str, filters: Mapping[str, Any] | None = None
    ) -> MemoryExportRequest:
        """Keep what to export, for ``get_memory_export``: the fields of a JSON schema, of the memories that match.

        The fields are the ``properties`` of ``schema``, or the keys of an object that is not a schema. Without fields,
        whole memories are exported. An export is kept for a week; ``reset`` of its user removes it.

        Raises ValidationError if the filters name no user, agent, run or app, if there are more than MAX_EXPORT_FIELDS
        fields, or if the name of one has more than MAX_EXPORT_FIELD_LENGTH characters.
        """
        return exports.create(self._store, self._owner, schema, filters, self._now())

    @answer
    def get_memory_export(
        self, memory_export_id: str | None = None, filters: Mapping[str, Any] | None = None
    ) -> MemoryExport:
        """Return the memories of an export, or of a filter, as they are now, oldest first.

        A field is read from the memory itself or from its metadata; it is None if the memory has neither.

        Raises NotFoundError for an unknown id, and ValidationError if there are neither an id nor filters that name a
        user, agent, run or app, or if the answer would have more than MAX_EXPORT_CHARACTERS.
        """
        return exports.fill(self._store, self._owner, memory_export_id, filters, self._now())

    @answer
    def summary(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        user_id: str | int | None = None,
        agent_id: str | int | None = None,
        run_id: str | int | None = None,
        app_id: str | int | None = None,
        kind: str = "summary",
    ) -> SummaryResult:
        """Have the language model summarize the memories that match, the newest 500 at most.

        ``kind="profile"`` describes the person that they are about. Facts stand for the messages that they were drawn
        from. The text is kept for 30 days, and written again when the memories or the settings of the project have
        changed. ``reset`` and ``erase`` of anybody who has a memory in it remove it.

        Raises ConfigurationError if the store was opened without a language model, LanguageModelError if that does not
        answer, and ValidationError if neither ids nor filters name a user, agent, run or app.
        """
        expression = self._owner.asked(filters, user_id, agent_id, run_id, app_id)
        model = opening.with_model(self._drawer, "summary").model
        from . import summaries

        asked = {"filters": filters, "ids": given_ids(user_id, agent_id, run_id, app_id), "of": self._owner.user_id}
        return summaries.written(self._store, model, expression, asked, summaries.clean_kind(kind), self._now())

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
        """Post every change from now on to a URL, whenever ``deliver_webhooks`` is called.

        Returns the webhook with its secret, which is not shown again. ``event_types`` are ``memory_add``,
        ``memory_update`` and ``memory_delete``; by default all. Requests are signed as https://www.standardwebhooks.com
        specifies, with ``secret`` or with one that is generated. ``allow_private`` allows hosts that are not on the
        public Internet. Whoever delivers decides as well: ``deliver_webhooks`` needs the same argument, and a server
        MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1.

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
            allow_private=argument_flag(allow_private, "allow_private"),
        )

    @answers
    def get_webhooks(self) -> list[Webhook]:
        """Return every webhook with the state of its deliveries, oldest first."""
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
        """Change the properties of a webhook that are given.

        ``allow_private`` concerns ``url``, as in ``create_webhook``.

        Raises NotFoundError or ValidationError.
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
            allow_private=argument_flag(allow_private, "allow_private"),
        )

    @answer
    def delete_webhook(self, webhook_id: str) -> MessageResult:
        """Remove a webhook. Nothing is posted to it any more. Raises NotFoundError."""
        from .. import webhooks

        self._owner.check_whole("delete_webhook")
        return webhooks.delete(self._store, webhook_id)

    @answer
    def deliver_webhooks(self, *, allow_private: bool = False) -> DeliveryResult:
        """Post the latest changes to the webhooks. The server does this on its own; in the library, call it regularly.

        Every change is delivered at least once and in order, whoever made it. If a receiver fails, nothing is raised:
        delivery is tried again after growing delays, and ``get_webhooks`` shows why it failed. Without
        ``allow_private`` no host outside the public Internet is reached, even if ``create_webhook`` allowed it.
        """
        from .. import webhooks

        self._owner.check_whole("deliver_webhooks")
        allowed = argument_flag(allow_private, "allow_private")
        return webhooks.deliver(self._store, self._clock, allow_private=allowed)

    @answer
    def create_key(
        self,
        *,
        label: str | None = None,
        user_id: str | int | None = None,
        ttl: Duration | None = None,
        expires_at: Instant | None = None,
    ) -> CreatedKey:
        """Make an API key for the servers of this store. Running ones accept it from their next request on.

        With a ``user_id`` it reaches only the memories of this user, otherwise everything. ``ttl`` or ``expires_at``
        tells when it stops working. ``label`` says what it is for.

        Returns the key, which is not shown again: the store has only its digest. From its first key on, every server
        of this store refuses callers without one. Backups carry the keys, exports do not.

        Raises ValidationError.
        """
        from .. import keys  # as few need it, and importing mem0lite is to be quick

        self._owner.check_whole("create_key")
        return keys.create(self._store, self._now(), label=label, user_id=user_id, ttl=ttl, expires_at=expires_at)

    @answers
    def get_keys(self) -> list[Key]:
        """Return the API keys that ``create_key`` made, oldest first, without what callers send."""
        from .. import keys

        self._owner.check_whole("get_keys")
        return keys.list_(self._store)

    @answer
    def revoke_key(self, key_id: str) -> MessageResult:
        """Remove an API key. Running servers refuse it from their next request on.

        A store whose last key was revoked stays closed to callers without a key. Raises NotFoundError.
        """
        from .. import keys

        self._owner.check_whole("revoke_key")
        return keys.revoke(self._store, self._now(), key_id)

    @answer
    def revoke_all_keys(self) -> MessageResult:
        """Remove every API key. Servers that start from now on need none; running ones still refuse callers without."""
        from .. import keys

        self._owner.check_whole("revoke_all_keys")
        return keys.revoke_all(self._store, self._now())

    @property
    def _needs_key(self) -> bool:
        from .. import keys

        return keys.current(self._store, None).required

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
        """Write memories with their histories as JSON lines to a path or an open text file.

        Returns how many memories were written, as a number that also has ``deleted`` and ``events``. A file at a path
        is replaced only when everything is written.

        Without ids and filters the whole store is written: all memories, the histories of deleted ones, the events, the
        settings of the project and the graph categories. With ids, or in a view, it is what belongs to them, without
        the settings. If a filter asks for anything but ids, only memories are written. Expired memories are left out
        unless ``show_expired`` is True. Webhooks, which have secrets, and memory exports are never written.
        """
        expression = self._owner.matching(filters, user_id, agent_id, run_id, app_id)
        return transfer.export(self._store, file, self._visible(expression, show_expired=show_expired))

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

        A line needs ``memory`` (or ``text``), and the id of a user, agent, run or app unless one is given here. Its
        ``id``, dates, expiry, ``metadata`` and ``history`` are kept. A line whose ``id`` exists is skipped, so an
        interrupted import can be run again. Histories of deleted memories, events and settings are added if they are
        not there yet. Every line is checked before the first is stored. The answer's ``embedded`` lists memories whose
        text is so long that the model sees only parts of it.

        Raises ValidationError, which names the line, and the file if it is given as a path.
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
        """Add the memories of a mem0 with their ids, scopes, metadata, dates, expiry and histories, and embed them.

        ``source`` is the URL of a mem0 server, self-hosted or hosted, or the folder of a local Qdrant database. A
        server gets ``api_key`` (default: the environment variable ``MEM0_API_KEY``). Histories for a folder are read
        from ``history_db`` (default: ``history.db`` in the folder or beside it). Ids given here say whose memories a
        server is asked for, by default everybody's; for a folder they are used where a memory has none.

        A memory whose id exists is skipped. So a call can be repeated, also after an error, which keeps what was added
        before it. ``refused`` and ``incomplete`` list what could not be added, with the reasons. ``embedded`` lists
        memories whose text is so long that the model sees only parts of it.

        Raises ValidationError if ``source`` is not a mem0, Mem0LiteError if it cannot be reached or read.
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
        """Compute every vector of a file again with another ``embedder``, which the file then remembers.

        The old vectors stay in use until the last new one is computed; then they are exchanged all at once. If a call
        is interrupted, the next one continues its work. Texts are not changed. A Memory that is open with the old
        embedder raises EmbedderMismatchError from then on when it needs vectors.

        Raises NotAMemoryFileError if there is no such file, EmbedderMismatchError if another call with another embedder
        takes over, CorruptFileError if the file is damaged.
        """
        found = maintenance.existing_store(path)
        return maintenance.reembed(found, resolve(embedder), progress)

    # -- what the verbs share

    def _refuse(self, verb: str, /, *_: object, **__: object) -> None:
        self._owner.check_whole(verb)

    def _now(self) -> int:
        return to_micros(self._clock(), "clock")

    def _moment(self, as_of: Instant | None) -> tuple[int, int | None]:
        """Return the present of a call that reads, and the instant that it reads at if that is in the past."""
        now = self._now()
        if as_of is None:
            return now, None
        instant = clean_instant(as_of, now)
        return now if instant is None else instant, instant

    def _reading(
        self,
        visible: Visible,
        instant: int | None,
        *,
        ids: Sequence[str] | None = None,
        query: Query | None = None,
    ) -> AbstractContextManager[Reads]:
        """Return what a call reads: the store, or what it held at an instant."""
        if instant is None:
            return nullcontext(self._store)
        return self._past.at(instant, visible.expression, ids=ids, query=query)

    def _visible(
        self,
        expression: Expression | None = None,
        *,
        show_expired: bool = False,
        latest_only: bool = False,
        now: int | None = None,
    ) -> Visible:
        """Return what a call sees of what it asks for, by default of everything that this object can reach.

        That is what is alive now, or expired memories too, and with ``latest_only`` no superseded ones.
        """
        reached = self._owner.within if expression is None else expression
        latest = argument_flag(latest_only, "latest_only", default=True)
        if argument_flag(show_expired, "show_expired"):
            return Visible(reached, latest=latest)
        return Visible(reached, self._now() if now is None else now, latest)

    def _importer(self, progress: Progress | None, *ids: object) -> Importer:
        lifetime = self._planner.lifetimes.imported
        return Importer(self._writer, lifetime, self._now(), given_ids(*ids), progress)


def _warn_of_model() -> None:
    from ..mem0.configuration import CompatibilityWarning

    warnings.warn(
        "llm has no effect: mem0lite stores messages as they are. Summarize them before, if you want that, and leave "
        "llm out.",
        CompatibilityWarning,
        stacklevel=3,  # the caller of add
    )
