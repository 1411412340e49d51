"""The files that this process has open: nobody may remove their logs, and a file that is replaced is noticed.

SQLite locks with POSIX locks, which belong to a process and a file: whoever in this process opens and closes the file
once more, another SQLite library for one, drops them all without a word. Whoever closes the file next, here or in
another process, takes itself for the last and removes the write-ahead log that is still written to. So a process keeps
one descriptor of each file for as long as it has connections to it, reads the header through that, and holds with it
locks of another kind (https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html) that only it can drop, where
SQLite's own would be. Other systems than Linux have no such locks; there, only what is at the path is compared.
"""

import os
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import DatabaseError, FileReplacedError
from ...files import sync_folder

if sys.platform == "linux":
    import fcntl

# https://www.sqlite.org/src/file/src/os_unix.c and os.h: each connection in WAL mode has the first of these for as long
# as it is open, and keeps others from being the last; the second is in -shm, and says that it is in use.
_PENDING, _SHARED, _SHARED_BYTES = 0x40000000, 0x40000002, 510
_IN_USE = 128
_COUNTED_BYTES = 28  # of a file, of which the last four are its change counter
_INDEX_HEADER_BYTES = 48
_FLOCK = "hhqqi4x"  # Linux's struct flock: type, whence, start, length, process
_LOOKS, _PAUSE_SECONDS = 4, 0.002  # to tell who opens or closes a file just now
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hold all up

Identity = tuple[int, int]
"""Identifies a file whatever its name is: device and inode."""


class _Inode:
    """A file that this process has open; its locks last as long as each of these descriptors."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        """The first one is of the file; all are closed together, once no connection of this process is open."""
        self.users = 0
        self.keepers = 0
        """Those of the users for whom the log must stay."""
        self.index: tuple[int, Identity] | None = None
        """The descriptor and the identity of -shm."""


_NOTHING = _Inode()
_inodes: dict[Identity, _Inode] = {}


class _Waiting(threading.local):
    """What a thread puts off."""

    def __init__(self) -> None:
        self.depth = 0
        """How often it holds the lock, or is about to take it."""
        self.calls: list[Callable[[], None]] = []


class _Registry:
    """The lock that guards them.

    Python may collect a store that nobody closed wherever a thread allocates memory, also while that thread holds the
    lock. Closing the store's connections then waits until the thread has let go of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = _Waiting()

    def acquire(self, timeout: float = -1) -> bool:
        """Take the lock, and return whether that was done within so many seconds; below 0, whenever it is."""
        self._waiting.depth += 1  # before the lock is there, and until after it is gone
        taken = self._lock.acquire(timeout=timeout)
        if not taken:
            self._leave()
        return taken

    def release(self) -> None:
        """Let go of the lock, and do what had to wait for that."""
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._waiting.depth -= 1
        while self._waiting.calls and not self._waiting.depth:
            self._waiting.calls.pop()()

    def outside(self, call: Callable[[], None]) -> None:
        """Call a function now, or later if this thread holds the lock."""
        if self._waiting.depth:
            self._waiting.calls.append(call)
        else:
            call()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


_registry = _Registry()


class HeldFile:
    """A file for whoever opens connections to it; usable from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)  # each call looks there
        self._real = Path(os.path.realpath(path))
        self.log = sibling(path, "-wal")
        """Where SQLite keeps the write-ahead log."""
        self._index = sibling(path, "-shm")
        self._names = str(self.log), str(self._index)
        self._identity: Identity | None = None
        self._inode = _NOTHING
        self._keeps = False
        self._log: Identity | None = None
        self._counter = 0
        self.log_was = 0
        """How long the log was when ``check`` last looked."""

    def take(self, *, create: bool = False) -> bool:
        """Hold the file, unless it is held already, and return whether it had to be made: empty, its owner's alone.

        Raises DatabaseError, and FileReplacedError if it is not the file that it was when it was last held, or if there
        is a log beside it that others write for the file that was in its place.
        """
        with _registry:
            if self._inode is not _NOTHING:
                return False
            if self._identity is not None:
                self._check_path()
            if create and _identity(self.path) is None:
                _check_log(self.path, _NOTHING)  # before there is an empty file that nobody asked for
            made = self._make() if create else None
            identity, inode = _open(self.path) if made is None else made
            try:
                _check_log(self.path, inode)
            except BaseException:
                _close_unused()
                raise
            inode.users += 1
            self._identity, self._inode = identity, inode
        return made is not None

    def _make(self) -> tuple[Identity, _Inode] | None:
        try:
            made = _registered(
                os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            )
            sync_folder(self.path)  # as SQLite does with its first journal; not to depend on that
            return made
        except FileExistsError:
            return None
        except OSError as error:
            raise DatabaseError(f"{self.path} cannot be created: {error.strerror}. Check the folder.") from error

    def beginning(self, size: int) -> tuple[bytes, int]:
        """Return the first bytes of the file, and how many it has in all. Raises DatabaseError."""
        try:
            with _registry:  # who else reads moves the same position
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                return os.read(self._descriptor, size), os.fstat(self._descriptor).st_size
        except OSError as error:
            raise DatabaseError(f"{self.path} cannot be read: {error.strerror}.") from error

    @property
    def _descriptor(self) -> int:
        return self._inode.descriptors[0]

    def make_private(self) -> None:
        """Take an empty file from everybody but its owner. Raises DatabaseError where it is somebody else's."""
        found = os.fstat(self._descriptor)
        if os.name != "posix" or not (stat.S_ISREG(found.st_mode) and found.st_mode & 0o077):
            return
        try:
            if found.st_uid != os.geteuid():
                raise PermissionError
            os.fchmod(self._descriptor, 0o600)
        except OSError as error:
            raise DatabaseError(
                f"{self.path} is an empty file of somebody else's that others may read or write. Give another path."
            ) from error

    def make_log(self) -> None:
        """Make the name of the log durable, before the file says that it has one.

        A copy of the file alone is told by that from one whose making was cut short. To SQLite an empty log is none.
        """
        with suppress(OSError):  # what keeps us from it keeps SQLite, which says so better
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                if os.name == "posix" and os.geteuid() == 0:
                    owner = os.fstat(self._descriptor)
                    os.chown(log, owner.st_uid, owner.st_gid)
            finally:
                os.close(log)
            sync_folder(self.log)

    # -- whether it is still there

    def check(self) -> None:
        """Raise FileReplacedError unless the file, its log and its index are where and what they were when opened."""
        if self._inode is _NOTHING:
            return
        self._check_path()
        if self.is_overwritten:
            raise self._replaced("was overwritten with another file's content")
        log, index = self._names
        if self._keeps and self._seen_log(log) != self._log:
            raise self._replaced("lost its log (-wal), which was removed or replaced")
        if self._keeps and self._inode.index is not None and _identity(index) != self._inode.index[1]:
            # Whoever opens the file next makes another, and then neither sees the other's locks.
            raise self._replaced("lost the index of its log (-shm), which was removed or replaced")

    def _seen_log(self, log: str) -> Identity | None:
        try:
            found = os.stat(log)  # noqa: PTH116 -- twice as quick, for each call
        except OSError:
            return None
        self.log_was = found.st_size
        return _told(found)

    def _check_path(self) -> None:
        found = _identity(self._name)
        if found is None:
            raise self._replaced("was removed or moved")
        if found != self._identity:
            raise self._replaced("was replaced by another file")

    def _replaced(self, what: str) -> FileReplacedError:
        return FileReplacedError(
            f"{self.path} {what} while it was open; nothing of this call was stored. Close it, see to it that the "
            "right file is there, and open it again."
        )

    @property
    def is_overwritten(self) -> bool:
        """Whether somebody else than SQLite wrote to it, as far as that shows: its change counter never goes back.

        https://www.sqlite.org/fileformat.html#file_change_counter
        """
        if not self._keeps:
            return False
        before, counter = self._counter, _counter(self._descriptor)
        if counter is None:
            return False
        self._counter = max(before, counter)
        return counter < before

    @property
    def is_elsewhere(self) -> bool:
        """Whether there is no file, or another one, where it was opened: what a link leads to since does not count."""
        return _identity(self._real) != self._identity

    @property
    def has_another_log(self) -> bool:
        """Whether there is a log that is not the one it was opened with."""
        return self._keeps and _identity(self.log) not in (None, self._log)

    @property
    def log_bytes(self) -> int:
        """How long its log is."""
        try:
            return os.stat(self._names[0]).st_size  # noqa: PTH116 -- twice as quick, for each call
        except OSError:
            return 0

    @property
    def log_state(self) -> bytes | None:
        """What differs after every commit, whoever makes it; None where there is nothing of the kind.

        It is the header of the log's index, of which SQLite writes this copy last.
        https://www.sqlite.org/walformat.html#the_wal_index_header
        """
        index = self._inode.index
        if not self._keeps or index is None:
            return None
        try:
            return os.pread(index[0], _INDEX_HEADER_BYTES, 0)
        except (OSError, AttributeError):  # closed meanwhile; Windows has no pread
            return None

    # -- its locks

    def keep(self) -> None:
        """See to it that nobody removes the log that a connection of this process has just opened."""
        with _registry:
            inode = self._inode
            if self._keeps or inode is _NOTHING:
                return
            self._log = _identity(self.log)
            if self._log is None:
                raise self._replaced("lost its log (-wal), which was removed")
            self._keeps = True
            self._counter = _counter(inode.descriptors[0]) or 0
            inode.keepers += 1
            if inode.keepers == 1:
                _hold_index(inode, self._index)
                _lock(inode.descriptors[0], _SHARED, _SHARED_BYTES)

    def let_go(self) -> bool:
        """Let the last connection remove the log when it closes; return whether only this one's can be the last."""
        with _registry:
            inode = self._inode
            if not self._keeps:
                return False
            self._keeps = False
            inode.keepers -= 1
            if inode.keepers == 0:
                if inode.index is not None:
                    _lock(inode.index[0], _IN_USE, 1, unlock=True)
                _lock(inode.descriptors[0], _SHARED, _SHARED_BYTES, unlock=True)
            return inode.keepers == 0

    def close(self) -> None:
        """Let go of the file, after the last connection was closed."""
        with _registry:
            inode, self._inode = self._inode, _NOTHING
            if inode is not _NOTHING:
                inode.users -= 1
            _close_unused()

    def forget(self) -> None:
        """Let go of everything, in a forked child."""
        self._inode, self._keeps = _NOTHING, False

    @property
    def log_is_shared(self) -> bool:
        """Whether another process has the log open, too."""
        with _registry:
            inode = self._inode
            if inode.index is None:
                return True
            if inode.keepers:
                _lock(inode.index[0], _IN_USE, 1, unlock=True)  # which would be taken for another's; SQLite's stays
            shared = _locked_by_others(inode.index[0], _IN_USE, 1)
            if inode.keepers:
                _lock(inode.index[0], _IN_USE, 1)
            return shared

    def remove_log(self) -> None:
        """Remove the names of the log and of -shm, where they are those it was opened with."""
        index = self._inode.index
        if index is None:
            return
        for path, identity in ((self.log, self._log), (self._index, index[1])):
            if identity is not None and _identity(path) == identity:
                with suppress(OSError):
                    path.unlink()


def outside(call: Callable[[], None]) -> None:
    """Call what opens or closes files, now, or as soon as this thread is done with opening or closing another one."""
    _registry.outside(call)


def is_free(seconds: float) -> bool:
    """Wait at most this time until no thread is opening or closing a file; return whether none is.

    For a signal's handler, which must not wait for the thread that it interrupted.
    """
    if not _registry.acquire(timeout=seconds):
        return False
    _registry.release()
    return True


def sibling(path: Path, suffix: str) -> Path:
    """Return where SQLite has a file that belongs to another one: beside what a link leads to."""
    return Path(os.path.realpath(path) + suffix)


def _identity(path: Path | str) -> Identity | None:
    try:
        return _told(os.stat(path))  # noqa: PTH116 -- twice as quick, for each call
    except OSError:
        return None


def _told(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def _counter(descriptor: int) -> int | None:
    """Return a file's change counter, 0 of one that is too short, and None where it cannot be read."""
    try:
        header = os.pread(descriptor, _COUNTED_BYTES, 0)
    except (OSError, AttributeError):  # Windows has no pread; there an open file cannot be written over so easily
        return None
    return int.from_bytes(header[-4:], "big") if len(header) == _COUNTED_BYTES else 0


def _open(path: Path) -> tuple[Identity, _Inode]:
    found = _identity(path)
    if found in _inodes:
        return found, _inodes[found]
    try:
        return _registered(os.open(path, _READ_FLAGS))
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}.") from error


def _registered(descriptor: int) -> tuple[Identity, _Inode]:
    """Note a new descriptor, also where another one of its file turns out to be open."""
    identity = _told(os.fstat(descriptor))
    inode = _inodes.setdefault(identity, _Inode())
    inode.descriptors.append(descriptor)
    return identity, inode


def _check_log(path: Path, inode: _Inode) -> None:
    """Raise FileReplacedError if the log at a path is in use, and the file there is not: it is another file's.

    Whoever uses a log has locked its file before, and unlocks it after, and may just be about to do either.
    """
    index = sibling(path, "-shm")
    identity = _identity(index)
    if inode.keepers or identity is None:
        return
    ours = any(one.keepers and one.index is not None and one.index[1] == identity for one in _inodes.values())
    if ours or _is_in_use_without(index, inode):
        raise FileReplacedError(
            f"{path} is in the place of another file that some process still has open, with its log (-wal) beside it. "
            "End that process, or let it close its file, and open this one then."
        )


def _is_in_use_without(index: Path, inode: _Inode) -> bool:
    try:
        descriptor = os.open(index, _READ_FLAGS)
    except OSError:
        return False
    try:
        for _ in range(_LOOKS):
            if not _is_locked(descriptor, _IN_USE, 1) or any(
                _is_locked(one, _PENDING, _SHARED_BYTES + 2) for one in inode.descriptors[:1]
            ):
                return False
            time.sleep(_PAUSE_SECONDS)
        return True
    finally:
        if inode is _NOTHING:
            os.close(descriptor)
        else:
            inode.descriptors.append(descriptor)  # this process may have connections by which it is locked


def _hold_index(inode: _Inode, path: Path) -> None:
    with suppress(OSError):
        if inode.index is None or _identity(path) != inode.index[1]:
            descriptor = os.open(path, _READ_FLAGS)
            inode.descriptors.append(descriptor)
            inode.index = descriptor, _told(os.fstat(descriptor))
        _lock(inode.index[0], _IN_USE, 1)


def _close_unused() -> None:
    """Close what nobody uses, unless somebody else in this process, with this SQLite, has locks that would be lost."""
    for identity, inode in list(_inodes.items()):
        if inode.users == 0 and not _locked_here(inode.descriptors[0]):
            del _inodes[identity]
            for descriptor in inode.descriptors:
                os.close(descriptor)


def _forget_all() -> None:
    """Close what a child inherited: the parent's locks last as long as its own descriptors."""
    global _registry
    _registry = _Registry()
    for inode in _inodes.values():
        for descriptor in inode.descriptors:
            os.close(descriptor)
    _inodes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


if sys.platform == "linux":

    def _lock(descriptor: int, start: int, length: int, *, unlock: bool = False) -> None:
        """Share a lock with whoever only reads, or drop it; where the file system has no such locks, do nothing."""
        kind = fcntl.F_UNLCK if unlock else fcntl.F_RDLCK
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0))

    def _who_locks(descriptor: int, command: int, start: int, length: int) -> int | None:
        """Return the process that keeps us from locking for writing, -1 for a lock of no process, None for nobody."""
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, process = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, command, asked))
        return None if kind == fcntl.F_UNLCK else process

    def _is_locked(descriptor: int, start: int, length: int) -> bool:
        with suppress(OSError):
            return _who_locks(descriptor, fcntl.F_OFD_GETLK, start, length) is not None
        return False

    def _locked_here(descriptor: int) -> bool:
        """Tell whether SQLite has a lock in this process, as far as no other process's hides it."""
        with suppress(OSError):
            return _who_locks(descriptor, fcntl.F_OFD_GETLK, _PENDING, _SHARED_BYTES + 2) == os.getpid()
        return False

    def _locked_by_others(descriptor: int, start: int, length: int) -> bool:
        with suppress(OSError):  # of this process's own, only those of descriptors are seen so
            return _who_locks(descriptor, fcntl.F_GETLK, start, length) is not None
        return True

else:

    def _lock(descriptor: int, start: int, length: int, *, unlock: bool = False) -> None:
        """Do nothing: the system has no such locks."""

    def _is_locked(descriptor: int, start: int, length: int) -> bool:
        return False

    def _locked_here(descriptor: int) -> bool:
        return False

    def _locked_by_others(descriptor: int, start: int, length: int) -> bool:
        return True  # which cannot be known
