"""One PostgreSQL database: the pool of connections, and the two doorways through which all SQL goes."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ... import limits, telemetry
from ...errors import (
    ClosedError,
    ConfigurationError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    Mem0LiteError,
    NewerFileError,
    NotAMemoryFileError,
    ReadOnlyError,
)
from ...files import shown_store
from ...limits import Limit
from .adapting import adapt
from .schema import MIGRATIONS, SCHEMA, TABLES

_WRITERS, _MIGRATION = 0x6D656D30, 0x6D656D31
"""The advisory locks: who writes holds one until its transaction ends, so changes and versions are numbered in the
order of the commits; migrations hold the other."""
_LOCK_MILLISECONDS = 30_000
_REASON_SECONDS = 2
_MOST_SHARED = 256  # writes that share a commit
_OLDEST_SERVER, _OLDEST_VECTOR = 160_000, (0, 8)
_BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_KEEPALIVE = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


class Connection:
    """A connection in the middle of a transaction. Results are read whole."""

    def __init__(self, inner: psycopg.Connection[Any]) -> None:
        self.inner = inner
        self._piped = False

    def _execute(self, query: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        # A cursor for each, because in a pipeline each has to wait for its own results.
        return self.inner.cursor(binary=True).execute(_query(query), parameters)

    def fetch(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self._execute(query, parameters).fetchall()

    def first(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first row of a query, or None."""
        return self._execute(query, parameters).fetchone()

    def value(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first value of the first row, None without a row."""
        row = self.first(query, parameters)
        return None if row is None else row[0]

    def run(self, query: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed; not to be used in a pipeline."""
        return max(0, self._execute(query, parameters).rowcount)

    def send(self, query: str, parameters: Sequence[Any]) -> None:
        """Run a statement whose result nobody needs. In a pipeline, its error comes from the next one that is read, or
        at the end."""
        self._execute(query, parameters)

    @contextmanager
    def pipelined(self) -> Iterator[None]:
        """Let what the block sends wait for nothing but what it reads: all of it takes one round trip."""
        if self._piped:
            yield
            return
        self._piped = True
        try:
            with self.inner.pipeline():
                yield
        finally:
            self._piped = False

    def stream(self, query: str, parameters: Sequence[Any], size: int) -> Iterator[Any]:
        """Yield the rows of a query, some at a time."""
        with self.inner.cursor(f"mem0lite_{id(object()):x}", binary=True) as cursor:
            cursor.itersize = size
            cursor.execute(_query(query), parameters)
            yield from cursor


def _query(text: str) -> Any:
    return text  # mypy: psycopg accepts literals only; every value in the queries of this folder is a parameter


class _Job:
    """One caller's part of a commit, and what became of it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        self.done, self.result, self.error = True, result, error


class Settings:
    """How the pool is made."""

    def __init__(self, size: int = 10, timeout: float = 30.0) -> None:
        self.size, self.timeout = size, timeout

    @classmethod
    def of_environment(cls) -> "Settings":
        """Return what the environment asks for. Raises ConfigurationError."""
        size = _number("MEM0LITE_POOL_SIZE", 10)
        if not size.is_integer():
            raise ConfigurationError(f"MEM0LITE_POOL_SIZE: {size} is not a whole number of connections, 1 or more.")
        return cls(int(size), _number("MEM0LITE_POOL_TIMEOUT_SECONDS", 30.0))


def _number(name: str, default: float) -> float:
    text = os.environ.get(name) or default
    with suppress(ValueError):
        if 0 < (number := float(text)) < threading.TIMEOUT_MAX:
            return number
    raise ConfigurationError(f"{name}: {text!r} is not a number above 0.")


class Database:
    """A database that is open, usable from any thread, and after a fork from parent and child.

    Readers each get a connection and a snapshot of their own. Writers queue twice: those of a process for the one that
    commits everything that waits in a single transaction, because what makes a durable write slow is the commit; and
    those of all processes for the lock of writers. So nothing that one writer reads can be changed by another, and no
    transaction has to be repeated because another was quicker. The rejected option, transactions side by side that are
    SERIALIZABLE, would still have to wait for each other to number the changes in the order of their commits, and would
    call the callbacks of a write again and again.
    """

    def __init__(self, url: str, *, read_only: bool, statement_timeout: float | None, settings: Settings) -> None:
        self.name = shown_store(url)
        self.read_only, self.statement_timeout = read_only, statement_timeout
        self._url, self._settings = url, settings
        self._pid = os.getpid()
        self._left_behind: list[Any] = []  # pools of the process that this one was forked from
        self._start()
        with self._entered(), self._translated():
            self._prepare()

    def _start(self) -> None:
        self._state = threading.Condition()
        self._write_lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._active, self._callers = 0, list[int]()
        self._closed = False
        with self._parsed():
            self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
                psycopg.conninfo.make_conninfo(self._url, **self._options()),
                kwargs={"autocommit": True},
                min_size=0,
                max_size=self._settings.size,
                timeout=self._settings.timeout,
                configure=_configure,
                num_workers=2,
                open=True,
            )

    def _options(self) -> dict[str, str]:
        given = psycopg.conninfo.conninfo_to_dict(self._url)
        defaults = {**_KEEPALIVE, "application_name": "mem0lite"}
        return {name: value for name, value in defaults.items() if name not in given}

    @contextmanager
    def _parsed(self) -> Iterator[None]:
        try:
            yield
        except psycopg.ProgrammingError as error:
            raise ConfigurationError(
                f"path: {self.name!r} is no URL of a PostgreSQL database: {_first(error)}"
            ) from None

    # -- the doorways

    @contextmanager
    def read(self, *, limited: bool = True) -> Iterator[Connection]:
        """Yield a connection inside one snapshot. Raises TimeLimitError. ``limited=False`` is for what is long by
        nature."""
        limit = self.limit() if limited else None
        begin = _BEGIN_READ + _within(limit)
        with (
            telemetry.storage("postgresql", "read"),
            self._entered(),
            self._translated(limit),
            self._connection(begin) as connection,
        ):
            yield connection
            connection.run("COMMIT")

    def write(self, work: Callable[[Connection], Any], *, locked: bool = True) -> Any:
        """Run ``work`` inside a transaction and return its result once that is committed.

        ``work`` runs in whichever waiting thread leads the commit, and it may run again if the connection was lost
        before the commit. If it raises, only its own changes are undone. Without ``locked`` other writers may write
        meanwhile.
        """
        if self.read_only:
            raise ReadOnlyError(f"{self.name} was opened with read_only=True. Open it without to change it.")
        job = _Job(work)
        with self._entered(), telemetry.storage("postgresql", "write"):
            if not locked:
                self._commit([job], locked=False)
            else:
                self._queue(job)
        if job.error is not None:
            raise job.error
        return job.result

    def _queue(self, job: _Job) -> None:
        with self._state:
            self._waiting.append(job)
        try:
            with self._write_lock:
                while not job.done:
                    with self._state:
                        shared, self._waiting = self._waiting[:_MOST_SHARED], self._waiting[_MOST_SHARED:]
                    try:
                        self._commit(shared, locked=True)
                    finally:  # what an interrupt left undone
                        with self._state:
                            self._waiting = [one for one in shared if not one.done] + self._waiting
        finally:
            with self._state:
                self._waiting = [one for one in self._waiting if one is not job]

    def _commit(self, jobs: Sequence[_Job], *, locked: bool) -> None:
        """Run the jobs in one transaction. Where that fails as a whole, each has the error."""
        try:
            with self._translated():
                try:
                    self._attempt(jobs, locked=locked)
                except _LostError as lost:  # nothing was committed, so it can't be doubled
                    if lost.committing:
                        raise
                    self._attempt(jobs, locked=locked)
        except Exception as error:  # a job that is alone raises its own, with others it is that of the transaction
            for job in jobs:
                job.end(error=error)

    def _attempt(self, jobs: Sequence[_Job], *, locked: bool) -> None:
        begin = f"BEGIN; SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}"
        if locked:
            begin += f"; SELECT pg_advisory_xact_lock({_WRITERS})"
        committing = False
        with self._connection(begin) as connection:
            try:
                found = [_outcome(connection, job, alone=len(jobs) == 1) for job in jobs]
                committing = True
                connection.run("COMMIT")
            except psycopg.OperationalError as error:
                if not connection.inner.broken:
                    raise
                raise _LostError(committing=committing) from error
        for job, outcome in zip(jobs, found, strict=True):
            job.end(*outcome)

    @contextmanager
    def _connection(self, begin: str) -> Iterator[Connection]:
        """Yield a connection after a statement that begins a transaction.

        A connection that the pool kept may be dead, as after a failover: then another is taken, until one is new.
        """
        for _ in range(self._settings.size + 1):
            inner = self._pool.getconn()
            try:
                inner.execute(_query(begin))
                break
            except psycopg.OperationalError:
                dead = inner.broken
                self._give_back(inner)
                if not dead:
                    raise
            except BaseException:
                self._give_back(inner)
                raise
        else:
            raise psycopg.OperationalError("every connection was lost at once")
        try:
            yield Connection(inner)
        finally:
            self._give_back(inner)

    def _give_back(self, inner: psycopg.Connection[Any]) -> None:
        """Return a connection to the pool, outside of any transaction."""
        if not inner.broken and inner.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            try:
                inner.execute("ROLLBACK")
            except psycopg.Error:
                inner.close()
            except BaseException:
                inner.close()
                self._pool.putconn(inner)
                raise
        self._pool.putconn(inner)

    def limit(self) -> Limit | None:
        """Return the limit of the running call: its own, the store's, or None."""
        return limits.given() or (None if self.statement_timeout is None else Limit(self.statement_timeout))

    @contextmanager
    def bounded(self, connection: Connection, limit: Limit | None) -> Iterator[None]:
        """Bound what the block reads in a transaction that writes."""
        if (bound := _within(limit)) == "":
            yield
            return
        connection.run(bound.removeprefix("; "))
        try:
            yield
        except errors.QueryCanceled as error:
            raise cast("Limit", limit).error() from error
        connection.run("SET LOCAL statement_timeout = DEFAULT")

    def vacuum(self) -> None:
        """Have the server free what was removed, and write the pages of the free rows again."""
        with self._entered(), self._translated(), self._pool.connection() as inner:
            inner.execute(_query(f"VACUUM {', '.join(TABLES)}"))

    # -- who may enter

    @contextmanager
    def _entered(self) -> Iterator[None]:
        if self._pid != os.getpid():
            self._leave_parent()
        with self._state:
            if self._closed:
                raise ClosedError("This Memory is closed. Open a new one.")
            self._active += 1
            self._callers.append(threading.get_ident())
        try:
            yield
        finally:
            with self._state:
                self._active -= 1
                self._callers.remove(threading.get_ident())
                self._state.notify_all()

    def _leave_parent(self) -> None:
        """Begin with a pool of its own in a child. The parent's is kept and never closed: closing would end the
        sessions of the parent, whose sockets these are."""
        closed = self._closed
        self._left_behind.append(self._pool)
        self._pid = os.getpid()
        self._start()
        self._closed = closed

    def close(self) -> None:
        """Wait for running calls, then close every connection."""
        if self._pid != os.getpid():
            self._left_behind.append(self._pool)
            self._closed = True
            return
        with self._state:
            if threading.get_ident() in self._callers:
                raise DatabaseError(
                    f"{self.name} cannot be closed by what one of its own calls calls, such as the file that export "
                    "writes to. Close it after that call."
                )
            self._closed = True
            self._state.wait_for(lambda: self._active == 0)
        self._pool.close()

    # -- opening

    def _prepare(self) -> None:
        """Check the server, and bring the schema up to date. On a connection of its own, which says at once what is
        wrong, where the pool would try again for some time."""
        conninfo = psycopg.conninfo.make_conninfo(self._url, **self._options())
        with psycopg.connect(conninfo, autocommit=True) as inner:
            adapt(inner)
            if inner.info.server_version < _OLDEST_SERVER:
                raise DatabaseError(
                    f"{self.name} is PostgreSQL {inner.info.server_version // 10_000}. mem0lite needs 16 or newer."
                )
            connection = Connection(inner)
            known = self._known_version(connection)
            if known == len(MIGRATIONS):
                return
            if self.read_only:
                raise NotAMemoryFileError(
                    f"{self.name} is not a mem0lite store of this version. Open it for writing once."
                )
            with inner.transaction():
                connection.fetch("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION,))
                known = self._known_version(connection)
                if known == 0:
                    self._make_schema(connection)
                connection.run(f"SET LOCAL search_path TO {SCHEMA}, public")
                for migration in MIGRATIONS[known:]:
                    connection.inner.execute(_query(migration if isinstance(migration, str) else migration()))
                connection.run(
                    "INSERT INTO meta VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (str(len(MIGRATIONS)),),
                )

    def _known_version(self, connection: Connection) -> int:
        if connection.value("SELECT to_regclass(%s) IS NULL", (f"{SCHEMA}.meta",)):
            return 0
        version = int(connection.value(f"SELECT value FROM {SCHEMA}.meta WHERE name = 'schema'"))
        if version > len(MIGRATIONS):
            raise NewerFileError(
                f"{self.name} was written by a newer mem0lite. Upgrade: pip install --upgrade mem0lite"
            )
        return version

    def _make_schema(self, connection: Connection) -> None:
        connection.run("CREATE EXTENSION IF NOT EXISTS vector")
        version = connection.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        if tuple(map(int, version.split(".")[:2])) < _OLDEST_VECTOR:
            raise DatabaseError(f"{self.name} has pgvector {version}. mem0lite needs 0.8 or newer.")
        connection.run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")

    # -- errors

    @contextmanager
    def _translated(self, limit: Limit | None = None) -> Iterator[None]:
        """Raise errors of psycopg as those of mem0lite."""
        try:
            yield
        except Mem0LiteError:
            raise
        except _LostError as lost:
            told = (
                "while it committed: look whether the call was stored before you repeat it."
                if lost.committing
                else "twice before anything was stored. Try again."
            )
            raise DatabaseError(f"The connection to {self.name} was lost {told}") from lost.__cause__
        except errors.QueryCanceled as error:
            if limit is None:
                raise DatabaseError(f"{self.name} cancelled the call: {_first(error)}") from error
            raise limit.error() from error
        except (PoolTimeout, errors.LockNotAvailable) as error:
            raise DatabaseBusyError(self._busy(error)) from error
        except PoolClosed as error:
            raise ClosedError("This Memory is closed. Open a new one.") from error
        except psycopg.Error as error:
            kind = next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), DatabaseError)
            raise kind(f"{self.name}: {_first(error)}") from error

    def _busy(self, error: BaseException) -> str:
        if isinstance(error, PoolTimeout):
            return f"No connection to {self.name} within {self._settings.timeout:g} seconds: {self._reason()}"
        return f"{self.name}: other writers kept the lock too long. Try again."

    def _reason(self) -> str:
        """Return why there is no connection, which the pool does not tell."""
        try:
            psycopg.connect(self._url, connect_timeout=_REASON_SECONDS).close()
        except psycopg.Error as error:
            return f"{_first(error)}. Is the server running? MEM0LITE_POOL_TIMEOUT_SECONDS is how long to wait for it."
        return (
            "all connections are in use. MEM0LITE_POOL_SIZE is how many there may be, MEM0LITE_POOL_TIMEOUT_SECONDS "
            "how long to wait for one."
        )


_KINDS: Sequence[tuple[type[psycopg.Error], type[DatabaseError]]] = (
    (errors.DiskFull, DiskFullError),
    (errors.ReadOnlySqlTransaction, ReadOnlyError),
    (errors.InsufficientPrivilege, ReadOnlyError),
    (errors.SerializationFailure, DatabaseBusyError),
    (errors.DeadlockDetected, DatabaseBusyError),
    (errors.TooManyConnections, DatabaseBusyError),
)


class _LostError(Exception):
    """The connection was lost in the middle of a write."""

    def __init__(self, *, committing: bool) -> None:
        super().__init__()
        self.committing = committing
        """Whether the commit had been sent, so it may have happened."""


def _outcome(connection: Connection, job: _Job, *, alone: bool) -> tuple[Any, BaseException | None]:
    """Return the result of a job, or its error, without its changes."""
    if alone:
        return job.work(connection), None
    connection.run("SAVEPOINT job")
    try:
        result = job.work(connection)
        connection.run("RELEASE job")
        return result, None
    except Exception as error:  # another caller's, who gets it
        if connection.inner.broken:
            raise
        connection.run("ROLLBACK TO job")  # one statement each, because binary results need that
        connection.run("RELEASE job")
        return None, error


def _configure(connection: psycopg.Connection[Any]) -> None:
    adapt(connection)
    connection.execute(f"SET search_path TO {SCHEMA}, public")


def _within(limit: Limit | None) -> str:
    """Return the statement that bounds a transaction."""
    if limit is None or (left := limit.left) is None:
        return ""
    limit.check()
    return f"; SET LOCAL statement_timeout = {max(1, int(left * 1000))}"


def _first(error: BaseException) -> str:
    """Return the first line of an error's text, which may go on with the query."""
    return str(error).strip().partition("\n")[0]
