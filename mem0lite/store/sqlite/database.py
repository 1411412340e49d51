"""One SQLite file: opening it safely, and the two doorways through which all SQL goes, ``read`` and ``write``."""

import os
import threading
import time
import unicodedata
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, cast

import apsw

from ... import comparison, limits, telemetry
from ...errors import (
    ClosedError,
    ConfigurationError,
    CorruptFileError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    FileReplacedError,
    Mem0LiteError,
    NotAMemoryFileError,
    ReadOnlyError,
    ValidationError,
)
from ...files import SIDECARS, beside
from ...limits import Limit
from . import file as sqlite_file
from .file import APPLICATION_ID, CHECKSUM_BYTES
from .held import HeldFile, is_free, outside
from .touched import Touched

Durability = Literal["full", "normal"]

_OLDEST_SQLITE = (3, 51, 3)  # older ones can lose committed data in WAL mode with two connections
BUSY_TIMEOUT_MS = 30_000
_MAX_SHARED_COMMIT = 256
_MAX_IDLE_READERS = 8
_SHORT_READ_SECONDS = 0.02  # in which the log does not grow long, so that its length before the read tells enough
_LONG_LOG_BYTES = 16 * 1024 * 1024  # twice what SQLite lets it grow to before it begins again, when nobody reads
_INCREMENTAL = 2  # https://www.sqlite.org/pragma.html#pragma_auto_vacuum
_BREAKING = (apsw.IOError, apsw.CorruptError, apsw.NotADBError)
# After one of these a connection may go on reporting damage that is not there, so it is not used again.

_PAUSE_SECONDS = 0.005  # between attempts where SQLite does not wait
_FORK_SECONDS = 5.0  # what running calls get to finish in before a fork
_MOMENT_SECONDS = 0.25  # longer than anybody but an interrupted thread holds the lock of a Database's state


class _Job:
    """One caller's part of a commit, and what became of it."""

    def __init__(self, work: Callable[[apsw.Connection], Any]) -> None:
        self.work = work
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        self.done, self.result, self.error = True, None, error


class _UndoneError(Exception):
    """One job made SQLite undo the whole transaction. Its error is noted in it; the other jobs may try again."""


class Database:
    """An open file, usable from any thread, and after a fork from parent and child.

    Readers each get a connection and a snapshot of their own. Writers queue: the one that holds the lock commits
    everything that waits in a single transaction, because what makes a durable write slow is the commit's fsync.

    SQLite's locks do not survive a fork: a child that inherits an open file loses what it writes, even if it opens the
    file again. So every connection is closed before a fork, and parent and child open their own when they need one.

    Read-only, a file that nobody writes is read without locks and without files beside it; each read looks whether
    that is still so.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability,
        migrations: Sequence[str],
        read_only: bool = False,
        checksums: bool = False,
        statement_timeout: float | None = None,
        image: bytes | None = None,
    ) -> None:
        if durability not in ("full", "normal"):
            raise ConfigurationError(f"durability: must be 'full' or 'normal', got {durability!r}.")
        if tuple(map(int, apsw.sqlite_lib_version().split("."))) < _OLDEST_SQLITE:
            raise DatabaseError(
                f"SQLite {apsw.sqlite_lib_version()} can lose committed data. Run: pip install --upgrade apsw"
            )
        self.path = None if os.fspath(path) == ":memory:" else Path(path).absolute()
        self.statement_timeout = statement_timeout
        """How many seconds a call may read, unless it has its own limit. None: any time."""
        self._durability = durability
        self._migrations = migrations
        self._image = image
        """The pages that a store in memory begins with, as ``image`` returns them: sooner than making the tables."""
        self.read_only = read_only
        self.checksums = checksums
        """Whether every page has a checksum, which SQLite compares when it reads the page."""
        self.touched = Touched()
        """What the last transactions changed."""
        self._writer: apsw.Connection | None
        self._stamp: sqlite_file.Stamp | None = None
        self._held = None if self.path is None else HeldFile(self.path)
        self._start()
        try:
            with self._enter(), self._translated():
                self._writer = self._open()
        except BaseException:
            self._finalizer()
            raise
        if self.read_only:
            self._give_back(self._writer, healthy=True)
            self._writer = None

    def _start(self) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._paused = False  # for a fork
        self._stranded = False  # in a child forked in the middle of a call
        self._settling = False
        # A plain lock, so that a signal's handler is not let in where it interrupted who holds it.
        self._state = threading.Condition(threading.Lock())  # guards the eight around it
        self._waiting: list[_Job] = []
        self._active = 0
        self._callers: list[int] = []  # the threads whose calls are active
        self._idle: list[apsw.Connection] = []
        self._open_connections: list[apsw.Connection] = []
        self._writer = None
        self._counted = False  # whether the writer has raised the file's change counter
        self._broken: list[apsw.Connection] = []
        self._write_lock = threading.Lock()
        self._close_lock = threading.Lock()
        # A Memory that nobody closed must still leave no -wal behind when it is dropped or the interpreter ends.
        self._finalizer = weakref.finalize(self, _finalize, self._open_connections, self._held, self._pid)
        _databases.add(self)

    def limit(self) -> Limit | None:
        """Return the limit of the running call: its own, the store's, or None."""
        return limits.given() or (None if self.statement_timeout is None else Limit(self.statement_timeout))

    @contextmanager
    def read(self, *, limited: bool = True, statements: bool = True) -> Iterator[apsw.Connection]:
        """Yield a connection inside one snapshot. Fetch everything before leaving.

        ``limited=False`` is for what is long by nature, and ``statements=False`` for a single statement: it has a
        snapshot of its own, and to begin and end another would cost as much again. Raises TimeLimitError.
        """
        limit = self.limit() if limited else None
        if self.path is None:
            with self._enter(), self._write_lock, self._translated(), telemetry.storage("sqlite", "read"):
                yield from self._snapshot(self._writer_connection(), limit, statements)
            return
        with self._enter(), self._translated(), telemetry.storage("sqlite", "read"):
            connection = self._take_reader()
            healthy, began = True, time.monotonic()
            try:
                yield from self._snapshot(connection, limit, statements)
                self._check_unwritten()
                if time.monotonic() - began > _SHORT_READ_SECONDS or self._log_is_long():
                    self._shorten_log(connection)
            except _BREAKING:
                healthy = False
                raise
            finally:
                self._give_back(connection, healthy)

    @property
    def commit(self) -> bytes | None:
        """What is another after every commit to the file, whoever makes it; None where that is not known."""
        return None if self._held is None else self._held.log_state

    def write(self, work: Callable[[apsw.Connection], Any]) -> Any:
        """Run ``work`` inside a transaction and return its result once that is committed.

        ``work`` runs in whichever waiting thread leads the commit. If it raises, only its own changes are undone.
        """
        job = _Job(work)
        with self._enter():
            self._check_writable()
            try:
                with self._state:
                    self._waiting.append(job)
                with telemetry.storage("sqlite", "write"), self._write_lock:
                    while not job.done:
                        self._commit_waiting(job)
            finally:
                self._withdraw([job])  # where an interrupt ended the wait: nobody may run it later
            if job.error is not None:
                raise job.error
        return job.result

    def image(self) -> bytes:
        """Return the pages of the database."""
        with self.read() as connection:
            return connection.serialize("main")

    def maintain(self, work: Callable[[apsw.Connection], Any]) -> Any:
        """Run ``work`` while no write runs. It is a statement that SQLite refuses inside a transaction."""
        with self._enter(), self._write_lock, self._translated():
            self._check_writable()
            self._check_there()
            return work(self._writer_connection())

    def aside(self, work: Callable[[apsw.Connection], Any], *, rescue: bool = False) -> Any:
        """Run ``work`` while others read and write. It is a statement that SQLite refuses inside a transaction.

        With ``rescue``, do it even if the file has left its path: then on the connection that still holds it.
        """
        if self.path is None:
            return self.maintain(work)
        with self._enter():
            if rescue and self._held is not None and self._held.is_elsewhere:
                with self._write_lock, self._translated():
                    return work(self._writer_connection())
            with self._translated():
                connection = self._connect()
                try:
                    result = work(connection)
                    self._shorten_log(connection)
                    return result
                finally:
                    self._forget(connection)

    def exchange(self, source: Path, work: Callable[[apsw.Connection], None]) -> None:
        """Run ``work``, in a transaction of its own, with another file attached as ``source``."""

        def attached(connection: apsw.Connection) -> None:
            connection.execute("ATTACH ? AS source", (str(source),))
            try:
                connection.execute("BEGIN IMMEDIATE")
                work(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("DETACH source")

        self.maintain(attached)

    def close(self) -> None:
        """Wait for running calls, then close every connection; the last one of a file removes ``-wal`` and ``-shm``.

        A file that was removed or moved gets what is in its log, and one that was put in its place stays as it is.

        Raises DatabaseError in the middle of a call of the same thread, which would wait for itself.
        """
        with self._state:
            if threading.get_ident() in self._callers:
                raise DatabaseError(
                    f"{self._name} cannot be closed by what one of its own calls calls, such as the file that export "
                    "writes to. Close it after that call."
                )
        with self._close_lock:
            with self._state:
                self._closed = True
                self._state.wait_for(lambda: self._active == 0)
            self._finalizer()

    # -- whether it is still the file that was opened

    def _check_there(self) -> None:
        if self._held is not None:
            self._held.check()

    def _look_whether_lost(self, error: DatabaseError) -> None:
        """Raise FileReplacedError if the damage comes from that, and move the log away from the file at the path now,
        before anybody opens the two together."""
        if self._held is None or not isinstance(error, CorruptFileError | FileReplacedError):
            return
        try:
            self._held.check()
        except FileReplacedError as lost:
            if self._write_lock.acquire(blocking=False):
                try:
                    if self._writer is not None:
                        with suppress(apsw.Error):
                            _leave_log([self._writer], self._held)
                finally:
                    self._write_lock.release()
            raise lost from error

    def _log_is_long(self) -> bool:
        return self._held is not None and self._held.log_was > _LONG_LOG_BYTES

    def _shorten_log(self, connection: apsw.Connection) -> None:
        """Shrink the log that grew while somebody read for long, unless somebody still does.

        Writers never wait for that: what takes long is done beside them, and the rest only when none is writing.
        """
        if self._held is None or self.read_only or self._held.log_bytes <= _LONG_LOG_BYTES:
            return
        connection.set_busy_timeout(0)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except (apsw.BusyError, apsw.LockedError):
            pass  # whoever reads or writes for longer does it
        finally:
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)

    # -- a file that is only read

    def _check_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(f"{self._name} was opened with read_only=True. Open it without to change it.")

    def _renew(self) -> None:
        """Close what was opened before the file was written, or read without locks before somebody began to."""
        stamp = sqlite_file.stamp(self._held.path) if self._held is not None else None
        with self._state:
            if stamp == self._stamp:
                return
            self._stamp, idle, self._idle = stamp, self._idle, []
        for connection in idle:
            self._forget(connection)

    def _check_unwritten(self) -> None:
        if self._held is None or self._stamp is None:
            return
        if self._stamp != sqlite_file.stamp(self._held.path):
            raise DatabaseBusyError(f"{self._name} was written while it was read. Try again.")

    # -- who may enter

    def _enter(self) -> "_Call":
        return _Call(self)

    def _begin(self) -> None:
        with self._state:
            if self._paused:
                self._state.wait_for(lambda: not self._paused)
            if self._closed:
                raise ClosedError("This Memory is closed. Open a new one.")
            if not self._finalizer.alive:
                raise ClosedError(_ENDED)
            if self._stranded:
                raise DatabaseError(
                    f"{self._name} was in use while this process was forked. Fork while no call is running, or open "
                    "the file after the fork only."
                )
            self._active += 1
            self._callers.append(threading.get_ident())

    def _failed(self, error: Exception) -> None:
        """Raise what a call met, if that is something else than the error that it raised."""
        if not self._finalizer.alive:  # closed in the middle of the call: whatever it met comes from that
            raise ClosedError(_ENDED) from error
        if isinstance(error, DatabaseError):
            self._look_whether_lost(error)

    def _end(self) -> None:
        with self._state:
            self._active -= 1
            if (caller := threading.get_ident()) in self._callers:  # not in a child forked in the middle of the call
                self._callers.remove(caller)
            if self._settling:
                self._rest()
            self._state.notify_all()

    def _forget(self, connection: apsw.Connection) -> None:
        with self._state:
            self._open_connections.remove(connection)
        with suppress(apsw.Error):
            connection.close()

    # -- leaving the file closed until the next call

    def settle(self, seconds: float) -> None:
        """From now on, keep the file closed while no call runs. For a process that is about to end.

        A signal's handler may call it, in the middle of anything: it waits for running calls for ``seconds`` at most,
        and never where the interrupted thread could be what it waits for.
        """
        patience = max(seconds, _MOMENT_SECONDS)
        if self.read_only or not is_free(patience) or not self._state.acquire(timeout=patience):
            return
        try:
            self._settling = True
            self._state.wait_for(lambda: self._active == 0, seconds)
            self._rest()
        finally:
            self._state.release()

    def _rest(self) -> None:
        """Close every connection if no call runs; the last of a file removes ``-wal`` and ``-shm``."""
        if self._active == 0 and self.path is not None:
            self._idle.clear()
            self._broken.clear()
            self._writer = None
            _close_connections(self._open_connections, self._held, self._pid)

    # -- forking

    def before_fork(self) -> None:
        """Let running calls finish, hold new ones back and close every connection to the file."""
        with self._state:
            self._paused = True
            drained = self._state.wait_for(lambda: self._active == 0, _FORK_SECONDS)
            if drained:
                self._rest()

    def after_fork_in_parent(self) -> None:
        """Go on; connections open again when they are needed."""
        with self._state:
            self._paused = False
            self._state.notify_all()

    def after_fork_in_child(self) -> None:
        """Start again without the parent's threads. What an unfinished call left open is kept, but never touched."""
        closed, stranded = self._closed, bool(self._active or (self.path and self._open_connections))
        connections, writer = self._open_connections, self._writer
        self._finalizer.detach()
        if self._held is not None:
            self._held.forget()
        self._start()
        self._closed, self._stranded = closed, stranded
        if self.path is None:
            self._open_connections.extend(connections)
            self._writer = writer
        elif stranded:
            _abandoned.extend(connections)

    def _take_reader(self) -> apsw.Connection:
        self._check_there()  # what is in memory of one file must not answer for another
        if self.read_only:
            self._renew()
        with self._state:
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.pragma("query_only", True)
        connection.pragma("cache_size", -2_048)  # a search of many vectors would fill whatever it is given
        return connection

    def _give_back(self, connection: apsw.Connection, healthy: bool) -> None:
        # One that may not write is not kept where others write: the last of them to close the file removes its -wal.
        wanted = healthy and not _holds_snapshot(connection) and (self._stamp is not None or not self.read_only)
        with self._state:
            if wanted and len(self._idle) < _MAX_IDLE_READERS:
                self._idle.append(connection)
                return
        self._forget(connection)

    def _snapshot(
        self, connection: apsw.Connection, limit: Limit | None, statements: bool
    ) -> Iterator[apsw.Connection]:
        if statements:
            connection.execute("BEGIN")
        try:
            if limit is None:
                yield connection
            else:
                with limited(connection, limit):
                    yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    # -- committing

    def _writer_connection(self) -> apsw.Connection:
        if self._writer is None:
            self._writer, self._counted = self._connect(), False
            while self._broken:
                self._forget(self._broken.pop())
        return self._writer

    def _commit_waiting(self, own: _Job) -> None:
        """Commit the waiting jobs. ``own`` must be among them: an interrupted leader may have lost it."""
        with self._state:
            jobs = self._waiting[:_MAX_SHARED_COMMIT] if own in self._waiting else []
        if not jobs:
            own.fail(_interrupted())
            return
        try:
            self._withdraw(jobs)
            self._commit_all(jobs)
        except BaseException as error:
            self._withdraw(jobs)
            for job in jobs:
                if not job.done:
                    job.fail(_copied(error) if isinstance(error, Mem0LiteError) else _interrupted())
            if not isinstance(error, Mem0LiteError):
                raise

    def _withdraw(self, jobs: Sequence[_Job]) -> None:
        with self._state:
            self._waiting[:] = [job for job in self._waiting if job not in jobs]

    def _commit_all(self, jobs: Sequence[_Job]) -> None:
        """Commit the jobs together. If one makes SQLite undo the transaction, commit the others again without it."""
        remaining = list(jobs)
        while remaining:
            try:
                with self._translated():
                    self._commit(self._writer_connection(), remaining)
                return
            except _UndoneError:
                for job in remaining:
                    job.done = job.error is not None
                remaining = [job for job in remaining if not job.done]

    def _commit(self, connection: apsw.Connection, jobs: Sequence[_Job]) -> None:
        issued = False
        try:
            self._check_there()  # else what was put in its place may look damaged
            connection.execute("BEGIN IMMEDIATE")  # a deferred one that turns writer fails despite the busy timeout
            self.touched.begin(connection)
            for job in jobs:
                self._run(connection, job)
            self.touched.end(connection)
            if not self._counted:
                # Writing it raises the file's change counter. That tells an older copy from the file when it is put
                # in the file's place. Once is enough: SQLite counts all commits of a connection as one.
                connection.pragma("user_version", len(self._migrations))
            self._check_there()
            issued = True
            connection.execute("COMMIT")
            self.touched.committed()
            self._counted = True
            _finish(jobs)
        except _BREAKING:
            self._drop_writer()
            raise
        except (KeyboardInterrupt, SystemExit):
            if issued and not connection.in_transaction:  # it came when the commit was done
                _finish(jobs)
            raise
        finally:
            if self._writer is not None and self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            if self._writer is not None and _holds_snapshot(self._writer):
                self._drop_writer()

    def _run(self, connection: apsw.Connection, job: _Job) -> None:
        connection.execute("SAVEPOINT job")
        try:
            with self._translated():
                job.result = job.work(connection)
        except Exception as error:
            job.error = error
            if isinstance(error, CorruptFileError) or isinstance(error.__cause__, _BREAKING):
                self._drop_writer()  # also because a statement that met damage stays open as long as its error
                raise _UndoneError from None
            if not connection.in_transaction:  # SQLite undid everything, for instance on a full disk
                raise _UndoneError from None
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def _drop_writer(self) -> None:
        if self._writer is None or self.path is None:
            return
        broken, self._writer = self._writer, None
        with suppress(apsw.Error):
            if broken.in_transaction:
                broken.execute("ROLLBACK")
        # It closes once its successor could open the file, however long the disk goes on failing: whoever opens a file
        # that nobody has open would recover and keep what was written of the commit that failed.
        self._broken.append(broken)
        with suppress(apsw.Error, DatabaseError):
            self._writer_connection()

    # -- opening

    def _open(self) -> apsw.Connection:
        if self._held is not None:
            self._look_at(self._held)
        elif self.read_only:
            raise ConfigurationError("read_only: a store in memory has nothing to read. Give the path of a file.")
        connection = self._connect(keep_log=False)
        try:
            if self._image is not None:
                _load(connection, self._image)
            # The header may be older than the WAL beside it, so the version counts as read through SQLite; until it is
            # known to be ours, not even a checkpoint may touch the file. Nor is the log of one that could not be made
            # whole removed, which tells that from a copy without its log.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            if connection.pragma("user_version") > len(self._migrations):
                raise sqlite_file.newer(self.path)
            self._migrate(connection)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            self._keep_log(connection)
        except BaseException:
            self._open_connections.remove(connection)
            connection.close()
            raise
        return connection

    def _look_at(self, held: HeldFile) -> None:
        """Create the file or read its header, and find out whether its pages have checksums."""
        path = held.path
        if self.checksums and not self.read_only and not path.exists():
            self._make_whole(path)
        if held.take(create=not self.read_only):
            return
        header = sqlite_file.look_at(held, len(self._migrations))
        self.checksums = sqlite_file.check_wanted(path, header, wanted=self.checksums)
        if header is None and not self.read_only:
            held.make_private()
        if self.read_only:
            if header is None:
                raise NotAMemoryFileError(f"{path} is empty. Open it without read_only=True to make it a store.")
            self._stamp = sqlite_file.stamp(path)

    def _make_whole(self, path: Path) -> None:
        """Make a new file under another name, then give it its own name, unless somebody else was first.

        Its first pages are written before SQLite knows that they are to have checksums, and who reads them meanwhile
        takes them for damaged.
        """
        with beside(path) as partial:
            Database(partial, durability=self._durability, migrations=self._migrations, checksums=True).close()
            with suppress(FileExistsError):
                os.link(partial, path)

    def _connect(self, *, keep_log: bool = True) -> apsw.Connection:
        if self._held is not None:
            self._held.take()
            self._held.check()
        connection = sqlite_file.connect(
            self.path, checksums=self.checksums, read_only=self.read_only, immutable=self._stamp is not None
        )
        with self._state:
            self._open_connections.append(connection)
        try:
            self._check_there()  # where SQLite has opened a file by its path, and read nothing of it
            self._set_up(connection)
            if keep_log:
                self._keep_log(connection)
        except BaseException:
            self._forget(connection)
            raise
        return connection

    def _keep_log(self, connection: apsw.Connection) -> None:
        if self._held is not None and not self.read_only:
            connection.pragma("user_version")  # opens the log, and makes it where there is none
            self._held.keep()

    def _set_up(self, connection: apsw.Connection) -> None:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)  # before anything that may need a lock
        for name, (function, arguments) in _FUNCTIONS.items():
            connection.create_scalar_function(name, function, arguments, deterministic=True)
        connection.pragma("trusted_schema", False)
        connection.pragma("secure_delete", True)  # overwrites what is deleted where it lies
        connection.pragma("synchronous", self._durability)
        connection.pragma("cache_size", -16_384)

    def _lay_out(self, connection: apsw.Connection) -> None:
        """Mark a new file as ours, and set WAL mode in any file. If it fails in the middle, it has to be repeated."""
        if connection.pragma("application_id") != APPLICATION_ID:
            if self.checksums:
                connection.reserve_bytes("main", CHECKSUM_BYTES)
            connection.pragma("page_size", 8192)  # holds five vectors of 384 dimensions with the least waste
            # In the very first commit, or a file whose creation failed would look like another program's; and before
            # WAL, so that the file itself carries it.
            connection.pragma("application_id", APPLICATION_ID)
        if connection.pragma("user_version") == 0 and connection.pragma("auto_vacuum") != _INCREMENTAL:
            connection.pragma("auto_vacuum", "incremental")
            connection.execute("VACUUM").fetchall()  # else it counts in an empty file only, with a commit of its own
        if connection.pragma("journal_mode") != "wal":  # nor is it in a copy that VACUUM INTO made
            if self._held is not None and connection.pragma("user_version") == 0:
                self._held.make_log()
            connection.pragma("journal_mode", "wal")

    def _migrate(self, connection: apsw.Connection) -> None:
        current = connection.pragma("user_version") == len(self._migrations)
        if self.read_only and not current:
            raise ReadOnlyError(f"{self._name} was written by an older mem0lite. Open it once without read_only.")
        if self.read_only:
            return
        _patiently(lambda: self._lay_out(connection))
        if current:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for migration in self._migrations[connection.pragma("user_version") :]:
                connection.execute(migration).fetchall()
            connection.pragma("user_version", len(self._migrations))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _translated(self) -> "translated":
        return translated(self.path)

    @property
    def _name(self) -> str:
        return _named(self.path)


class _Call:
    """A call while it uses a database: whoever closes it waits for the call."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database._begin()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if isinstance(error, Exception):
                self._database._failed(error)
        finally:
            self._database._end()


def _load(connection: apsw.Connection, image: bytes) -> None:
    """Copy pages into an empty database in memory. One that is deserialized itself could not grow beyond 1 GiB."""
    with closing(apsw.Connection(":memory:")) as source:
        source.deserialize("main", image)
        with connection.backup("main", source, "main") as copying:
            copying.step()


@contextmanager
def limited(connection: apsw.Connection, limit: Limit | None) -> Iterator[None]:
    """Interrupt what is read in the block, and raise why, when a limit is reached. Not for statements that change
    something: SQLite undoes the whole transaction of one that it interrupts."""
    if limit is None:
        yield
        return
    try:
        with limit.reading(connection):
            yield
    except apsw.InterruptError:
        raise limit.error() from None


class translated:  # noqa: N801 -- named as what it does to the errors of its block
    """Turn whatever apsw raises of the file at this path (None: the store in memory) into this package's errors."""

    __slots__ = ("_path",)

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, apsw.Error | UnicodeDecodeError):
            raise _ours(error, _named(self._path)) from error


def _ours(error: apsw.Error | UnicodeDecodeError, name: str) -> DatabaseError:
    if isinstance(error, UnicodeDecodeError):
        return CorruptFileError(f"{name} is damaged: a text in it is not UTF-8.")
    if getattr(error, "extendedresult", None) == apsw.SQLITE_IOERR_DATA:
        return CorruptFileError(f"{name} is damaged: a page differs from its checksum.")
    for apsw_class, ours, sentence in _TRANSLATIONS:
        if isinstance(error, apsw_class):
            return ours(f"{name} {sentence} ({error})")
    return DatabaseError(f"{name}: {error}")


def _named(path: Path | None) -> str:
    return "The in-memory store" if path is None else str(path)


_ENDED = "This Memory was closed because the process is ending. Join the threads that use it first."

_TRANSLATIONS: Sequence[tuple[type[apsw.Error], type[DatabaseError], str]] = (
    (apsw.BusyError, DatabaseBusyError, "was locked by another process for too long. Try again."),
    (apsw.LockedError, DatabaseBusyError, "was locked for too long. Try again."),
    (apsw.FullError, DiskFullError, "could not be written: the disk is full; nothing of the call was stored."),
    (
        apsw.ReadOnlyError,
        ReadOnlyError,
        "cannot be written. Check its permissions and those of its folder, or open it with read_only=True.",
    ),
    (
        apsw.CantOpenError,
        DatabaseError,
        "cannot be opened. Check that it exists and may be read and written, or open it with read_only=True.",
    ),
    (apsw.NotADBError, CorruptFileError, "is damaged. Restore a backup."),
    (apsw.CorruptError, CorruptFileError, "is damaged. Restore a backup."),
    (apsw.IOError, DatabaseError, "could not be read or written. Check the disk."),
)


def _patiently(work: Callable[[], None]) -> None:
    """Try again while others lock the file: SQLite does not wait where two could wait for each other."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while True:
        try:
            return work()
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as SQL calls it: for anything but a text it returns NULL."""

    def call(value: Any, *rest: Any) -> Any:
        limits.check()  # SQLite itself looks once a row, on which a filter may call this a thousand times
        return function(value, *rest) if isinstance(value, str) else None

    return call


_FUNCTIONS = {
    "casefold": (_of_text(comparison.casefold), 1),
    "nfc": (_of_text(comparison.nfc), 1),
    "moment": (_of_text(comparison.moment), 2),
    "whole": (_of_text(comparison.whole), 1),
}
"""What SQL gets from us, by the names it has for them: the function and how many arguments it takes."""


def _holds_snapshot(connection: apsw.Connection) -> bool:
    """Tell whether a statement stayed open outside a transaction: later reads would see the state of its snapshot."""
    return connection.txn_state() != apsw.SQLITE_TXN_NONE


def _finish(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.done = True


def _interrupted() -> DatabaseError:
    return DatabaseError("The commit was interrupted; nothing of this call was stored. Try again.")


def _copied(error: Mem0LiteError) -> Mem0LiteError:
    """Return a copy of an error for each caller, so that only one thread extends its traceback."""
    copied = type(error)(*error.args)
    copied.__cause__ = error.__cause__
    return copied


def _finalize(connections: list[apsw.Connection], held: HeldFile | None, pid: int) -> None:
    outside(lambda: _close_connections(connections, held, pid))


def _close_connections(connections: list[apsw.Connection], held: HeldFile | None, pid: int) -> None:
    if os.getpid() != pid:
        return
    if held is not None:
        with suppress(apsw.Error):
            _leave_log(connections, held)
        held.let_go()
    while connections:
        with suppress(apsw.Error):  # at the interpreter's end a daemon thread may still be using one
            connections.pop().close()
    if held is not None:
        held.close()


def _leave_log(connections: Sequence[apsw.Connection], held: HeldFile) -> None:
    """Where the file is not at its path any more, write what is in its log to it and remove the log, which is beside
    what is there now; where that is the same file with other content, only remove it.

    Where another process has the log open as well, that is left to it. Where just the log was removed, whoever closes
    the file last writes what was in it to the file, as ever.
    """
    moved, another_log = held.is_elsewhere, held.has_another_log
    if not (moved or another_log or held.is_overwritten):
        return
    for connection in connections:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    if not connections or another_log or held.log_is_shared:
        return
    if moved:
        connections[0].set_busy_timeout(0)
        connections[0].wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    held.remove_log()


# -- what belongs to a database


def refuse_database_file(target: Path | IO[str], field: str, *, beside_only: bool = False) -> None:
    """Raise ValidationError for a file that nothing else may be written over: a store that this process has open, by
    whatever name, any other SQLite database, and what SQLite keeps beside one; or for the last alone."""
    what = _part_of_open(target, SIDECARS if beside_only else ("", *SIDECARS))
    if what is None and isinstance(target, Path) and not beside_only:
        what = _part_of_closed(target)
    if what is not None:
        named = target if isinstance(target, Path) else getattr(target, "name", "the file")
        raise ValidationError(f"Invalid {field}: {named} {what}. Give another file.", field=field)


def _part_of_open(target: Path | IO[str], parts: Sequence[str] = ("", *SIDECARS)) -> str | None:
    """Say which store, open in this process, a file belongs to."""
    names = _names(target) if isinstance(target, Path) else set()
    status = _status(target)
    for database in [one for one in list(_databases) if one.path is not None and not one._closed]:
        for base in _names(cast("Path", database.path)):
            for part in parts:
                found = _status(Path(base + part))
                same = found is not None and status is not None and os.path.samestat(found, status)
                if same or _is_named(base, part, names):
                    return f"belongs to the store {database.path}, which is open" if part else "is the store itself"
    return None


def _part_of_closed(target: Path) -> str | None:
    """Say which database a file belongs to, if another process may have it open."""
    for name in _names(target):
        if sqlite_file.is_database(Path(name)):
            return "is a database"
        base = next((Path(name[: -len(part)]) for part in SIDECARS if name.casefold().endswith(part)), None)
        if base is not None and (_part_of_open(base) or sqlite_file.is_database(base)):
            return f"belongs to the database {base}"
    return None


def _names(path: Path) -> set[str]:
    """Return what a path is called, with its folder's links followed, and with its own as well, as SQLite does."""
    return {str(Path(os.path.realpath(path.parent), path.name)), os.path.realpath(path)}


def _is_named(base: str, part: str, names: set[str]) -> bool:
    """Tell whether one of the names is that of a part; of one that is not there yet, in whatever case."""
    return base in names if not part else _folded(base + part) in set(map(_folded, names))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _status(target: Path | IO[str]) -> os.stat_result | None:
    try:
        return target.stat() if isinstance(target, Path) else os.fstat(target.fileno())
    except (OSError, ValueError, AttributeError, TypeError):  # it is not there, or is no file of the system's
        return None


_abandoned: list[apsw.Connection] = []  # a forked child must not even close its parent's connections
_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


def open_files() -> list[Database]:
    """Return what this process has open."""
    return list(_databases)


def _each(method: Callable[[Database], None]) -> Callable[[], None]:
    def call() -> None:
        for database in open_files():
            method(database)

    return call


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(Database.before_fork),
        after_in_parent=_each(Database.after_fork_in_parent),
        after_in_child=_each(Database.after_fork_in_child),
    )
