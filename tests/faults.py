"""Disks that go wrong: SQLite's own file system, seen and steered at every call, under whatever opens files by default.

``Faults`` makes calls fail; ``Recorder`` notes what goes to the disk, of which ``Disk`` tells what may be left when the
power fails.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import apsw

JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL


@dataclass(frozen=True, slots=True)
class Call:
    """One call that SQLite makes to its file system."""

    operation: str
    path: str
    """Empty for a temporary file without a name."""
    offset: int = 0
    data: bytes = b""
    flags: int = 0
    """What a file is opened for; whether a folder is synced by a deletion; otherwise 0."""
    file: int = 0
    """Which opening of a file it goes through."""


class Watcher:
    """Decides what becomes of every call: ``do`` makes it; that of a write takes other data to write."""

    def watch(self, call: Call, do: Callable[..., Any]) -> Any:
        return do()


class WatchedVFS(apsw.VFS):
    """SQLite's file system, whose calls go through a watcher."""

    def __init__(self, name: str, watcher: Watcher) -> None:
        self.watcher, self.base, self.opened = watcher, apsw.vfs_names()[0], 0
        super().__init__(name, self.base)

    def xOpen(self, name: Any, flags: list[int]) -> "WatchedFile":  # noqa: N802 (SQLite's name, like those below)
        self.opened += 1
        path = "" if name is None else name if isinstance(name, str) else name.filename()
        call = Call("open", path, flags=flags[0], file=self.opened)
        opened: WatchedFile = self.watcher.watch(call, lambda: WatchedFile(self, call, name, flags))
        return opened

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802
        self.watcher.watch(
            Call("delete", name, flags=int(syncdir)), lambda: super(WatchedVFS, self).xDelete(name, syncdir)
        )

    def xAccess(self, name: str, flags: int) -> Any:  # noqa: N802
        return self.watcher.watch(Call("access", name), lambda: super(WatchedVFS, self).xAccess(name, flags))


class WatchedFile(apsw.VFSFile):
    def __init__(self, vfs: WatchedVFS, call: Call, name: Any, flags: list[int]) -> None:
        self.watcher, self.path, self.number = vfs.watcher, call.path, call.file
        super().__init__(vfs.base, name, flags)

    def _watch(self, operation: str, do: Callable[..., Any], offset: int = 0, data: bytes = b"") -> Any:
        return self.watcher.watch(Call(operation, self.path, offset, data, file=self.number), do)

    def xRead(self, amount: int, offset: int) -> Any:  # noqa: N802
        return self._watch("read", lambda: super(WatchedFile, self).xRead(amount, offset), offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        data = bytes(data)
        self._watch("write", lambda part=data: super(WatchedFile, self).xWrite(part, offset), offset, data)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._watch("truncate", lambda: super(WatchedFile, self).xTruncate(size), size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._watch("sync", lambda: None)  # nobody pulls the plug: what may be lost is computed, not waited for

    def xFileSize(self) -> Any:  # noqa: N802
        return self._watch("size", super().xFileSize)

    def xLock(self, level: int) -> None:  # noqa: N802
        self._watch("lock", lambda: super(WatchedFile, self).xLock(level))

    def xCheckReservedLock(self) -> Any:  # noqa: N802
        return self._watch("check lock", super().xCheckReservedLock)


@contextmanager
def default_file_system(name: str, watcher: Watcher) -> Iterator[None]:
    """Let every file that SQLite opens in the block go through the watcher."""
    before = apsw.vfs_names()[0]
    vfs = WatchedVFS(name, watcher)
    apsw.set_default_vfs(name)
    try:
        yield
    finally:
        apsw.set_default_vfs(before)
        vfs.unregister()


# -- calls that fail

_IO_ERRORS = {
    "open": apsw.SQLITE_IOERR,
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "lock": apsw.SQLITE_IOERR_LOCK,
    "check lock": apsw.SQLITE_IOERR_CHECKRESERVEDLOCK,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "access": apsw.SQLITE_IOERR_ACCESS,
}
_APPLY_TO = {
    "I/O error": tuple(_IO_ERRORS),
    "cannot open": ("open",),
    "short read": ("read",),
    "disk full": ("write",),
    "half written, then I/O error": ("write",),
    "half written, then disk full": ("write",),
}


def faults_of(call: Call) -> list[str]:
    """Return the faults that can happen to a call.

    Of the database itself no read ends early: the system reads on until the end of the file, for which SQLite takes it.
    What a temporary file holds after a failure is never read.
    """
    found = [fault for fault, operations in _APPLY_TO.items() if call.operation in operations]
    if call.path.endswith(".db"):
        return [fault for fault in found if fault != "short read"]
    return found if call.path else [fault for fault in found if not fault.startswith("half written")]


class Faults(Watcher):
    """Lets the calls from number ``first`` on, ``count`` of those that the fault can happen to, fail."""

    def __init__(self, fault: str, first: int, count: int) -> None:
        self.fault, self.first, self.left = fault, first, count
        self.calls: list[Call] = []
        self.struck = 0
        self.lifted = False

    def watch(self, call: Call, do: Callable[..., Any]) -> Any:
        if self.lifted:
            return do()
        self.calls.append(call)
        if self.left == 0 or len(self.calls) <= self.first or self.fault not in faults_of(call):
            return do()
        self.left -= 1
        self.struck += 1
        return self._fail(call, do)

    def lift(self) -> None:
        """Let nothing fail any more, and count no further calls."""
        self.lifted = True

    def _fail(self, call: Call, do: Callable[..., Any]) -> Any:
        if self.fault == "short read":
            found = do()
            return found[: len(found) // 2]
        if self.fault.startswith("half written"):
            do(call.data[: len(call.data) // 2])
        if self.fault == "cannot open":
            raise apsw.CantOpenError("injected")
        if self.fault.endswith("disk full"):
            raise apsw.FullError("injected")
        error = apsw.IOError("injected")
        error.extendedresult = _IO_ERRORS[call.operation]
        raise error


# -- power that fails


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a folder: ``kind`` is make, unlink, write, truncate, sync, "sync folder" or note."""

    kind: str
    file: int = 0
    """A file keeps its number under whatever name, and without one."""
    name: str = ""
    offset: int = 0
    data: bytes = b""
    note: Any = None


class Recorder(Watcher):
    """Notes everything that may reach the disk of one folder, by SQLite and by ``os``, in its order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: list[Event] = []
        self._files: dict[str, int] = {}
        """By name."""
        self._opened: dict[int, int] = {}
        self._new_journals: set[int] = set()
        self._lock = threading.Lock()

    def note(self, note: Any) -> None:
        self.log.append(Event("note", note=note))

    def watch(self, call: Call, do: Callable[..., Any]) -> Any:
        path = Path(call.path)
        with self._lock:
            result = do()
            if call.path and path.parent == self.folder:
                self._note(call, path.name)
        return result

    def _note(self, call: Call, name: str) -> None:
        file = self._opened.get(call.file, 0)
        if call.operation == "open":
            self._opened[call.file] = self._made(name)
            # SQLite syncs the folder with the first sync of a journal or a write-ahead log that it may have made.
            if call.flags & apsw.SQLITE_OPEN_CREATE and call.flags & JOURNALS:
                self._new_journals.add(call.file)
        elif call.operation == "delete":
            self._files.pop(name, None)
            self.log.append(Event("unlink", name=name))
            if call.flags:
                self.log.append(Event("sync folder"))
        elif call.operation in ("write", "truncate"):
            self.log.append(Event(call.operation, file, name, call.offset, call.data))
        elif call.operation == "sync":
            self.log.append(Event("sync", file, name))
            if call.file in self._new_journals:
                self._new_journals.remove(call.file)
                self.log.append(Event("sync folder"))

    def _made(self, name: str) -> int:
        if name not in self._files:
            self._files[name] = 1 + sum(event.kind == "make" for event in self.log)
            self.log.append(Event("make", self._files[name], name))
        return self._files[name]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what SQLite and ``os`` do in the block."""
        system_open, system_sync = os.open, os.fsync

        def opened(path: Any, flags: int, *rest: Any, **options: Any) -> int:
            descriptor = system_open(path, flags, *rest, **options)
            if flags & os.O_CREAT and Path(path).parent == self.folder:
                self._made(Path(path).name)
            return descriptor

        def synced(descriptor: int) -> None:
            system_sync(descriptor)
            if os.path.sameopenfile(descriptor, folder):
                self.log.append(Event("sync folder"))

        folder = system_open(self.folder, os.O_RDONLY)
        os.open, os.fsync = opened, synced
        try:
            with default_file_system("recording", self):
                yield
        finally:
            os.open, os.fsync = system_open, system_sync
            os.close(folder)


class Disk:
    """A folder, as much of it as is durable, and what is on its way to the disk."""

    def __init__(self, *, heeds_syncs: bool = True) -> None:
        self._heeds_syncs = heeds_syncs
        self._names: dict[str, int] = {}
        self._names_to_be: list[Event] = []
        self._contents: dict[int, bytearray] = {}
        self._to_be: dict[int, list[Event]] = {}

    def apply(self, event: Event) -> None:
        if event.kind in ("make", "unlink"):
            self._names_to_be.append(event)
        elif event.kind in ("write", "truncate"):
            self._to_be.setdefault(event.file, []).append(event)
        elif event.kind == "sync folder" and self._heeds_syncs:
            for change in self._names_to_be:
                _rename(self._names, change)
            self._names_to_be.clear()
        elif event.kind == "sync" and self._heeds_syncs:
            content = self._contents.setdefault(event.file, bytearray())
            for change in self._to_be.pop(event.file, []):
                _write(content, change.kind, change.offset, change.data)

    def crashed(self, random: Random) -> dict[str, bytes]:
        """Return what may be in the folder when the power fails now: files by name."""
        names = dict(self._names)
        kept = random.randint(0, len(self._names_to_be)) if random.random() < 0.5 else len(self._names_to_be)
        for change in self._names_to_be[:kept]:
            _rename(names, change)
        return {name: self._crashed_file(random, file) for name, file in names.items()}

    def _crashed_file(self, random: Random, file: int) -> bytes:
        content = bytearray(self._contents.get(file, b""))
        changes = self._to_be.get(file, [])
        longest = max([len(content), *(change.offset + len(change.data) for change in changes)])
        way = random.choice(("nothing", "everything", "the first ones", "any", "any, in any order"))
        if way == "nothing":
            changes = []
        elif way == "the first ones":
            changes = changes[: random.randint(0, len(changes))]
        elif way == "any, in any order":
            changes = random.sample(changes, len(changes))
        for number, change in enumerate(changes):
            last = way == "the first ones" and number == len(changes) - 1
            fate = random.choice(("kept", "dropped", "torn")) if way.startswith("any") else "torn" if last else "kept"
            if fate == "torn" and change.kind == "write":
                for offset, sector in _torn(random, change):
                    _write(content, "write", offset, sector)
            elif fate != "dropped":
                _write(content, change.kind, change.offset, change.data)
        if longest > len(content) and random.random() < 0.2:  # a file may have grown before its data came
            grown = longest - len(content)
            # With what lay there on the disk before; but a file of which nothing was written yet is not taken for ours
            # then, and today's file systems show zeros.
            content += random.choice((bytes(grown), random.randbytes(grown))) if content else bytes(grown)
        return bytes(content)


def _rename(names: dict[str, int], change: Event) -> None:
    if change.kind == "make":
        names[change.name] = change.file
    else:
        names.pop(change.name, None)


def _write(content: bytearray, kind: str, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if kind == "truncate":
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


def _torn(random: Random, change: Event) -> list[tuple[int, bytes]]:
    """Return some of the sectors of a write, or the first of them."""
    size = random.choice((512, 4_096))
    ends = [*range(change.offset - change.offset % size + size, change.offset + len(change.data), size)]
    starts = [change.offset, *ends]
    sectors = [
        (start, change.data[start - change.offset : end - change.offset])
        for start, end in zip(starts, [*ends, change.offset + len(change.data)], strict=True)
    ]
    if random.random() < 0.5:
        return sectors[: random.randint(0, len(sectors))]
    return [sector for sector in sectors if random.random() < 0.5]
