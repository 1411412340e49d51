"""What ``mem0lite doctor`` looks at: settings and where they come from, the file and its place, the model, versions.

Nothing here writes, and no secret leaves it.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..environment import VARIABLES, unread
from ..errors import Mem0LiteError

SECRETS = frozenset({"MEM0LITE_API_KEY", "MEM0LITE_API_KEYS", "ADMIN_API_KEY"})
"""Variables whose values are never shown."""

NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs"}
    | {"nfs3", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf"}
)
"""Types of file systems that other machines, or the host of this one, have a part in. With FUSE: by what follows."""
_NETWORK_FUSE = re.compile(
    r"fuse\.(?:ceph|davfs|gcsfuse|gluster|goofys|juicefs|mount\.davfs|moosefs|rclone|s3|smb|sshfs)"
)

LARGE_LOG = 64 * 2**20
"""Bytes from which a log that is also larger than its file has grown: somebody has been reading for long."""
LEAST_FREE = 100 * 2**20
"""Bytes that a disk should have left in any case."""

_PACKAGE = re.compile(r"[A-Za-z0-9_.-]+")


class Problem(NamedTuple):
    """Something that looks wrong."""

    about: str
    """``environment``, ``settings``, ``access``, ``file``, ``disk``, ``model``, ``graph`` or ``server``."""
    problem: str
    """What is wrong, and the cure."""


class Setting(NamedTuple):
    """A setting, with where its value comes from."""

    name: str
    value: str | None
    """None if it has its default value. A secret is only counted."""
    source: str
    """``flag``, ``environment``, ``file`` or ``default``."""


def settings(environment: Mapping[str, str], flags: Mapping[str, str | None]) -> Iterator[Setting]:
    """Yield every setting. ``flags`` has the options that were given, by the variables they stand for."""
    for name in sorted(VARIABLES):
        if (flag := flags.get(name)) is not None:
            yield Setting(name, flag, "flag")
        elif text := environment.get(name):
            count = len(text.split(","))
            shown = f"{count} key{'s' * (count > 1)}, not shown" if name in SECRETS else text
            yield Setting(name, shown, "environment")
        else:
            yield Setting(name, None, "default")


def secrets(environment: Mapping[str, str], *addresses: str | None) -> list[str]:
    """Return what must not be shown: keys, and passwords in addresses."""
    keys = [
        part for name in SECRETS for entry in environment.get(name, "").split(",") for part in [entry.split(":")[0]]
    ]
    keys += [environment.get(name, "") for name in SECRETS]
    found = [key.strip() for key in keys]
    for address in addresses:
        with suppress(ValueError):
            found.append(urlsplit(address or "").password or "")
    return sorted({one for one in found if one}, key=len, reverse=True)


# -- the environment


def variables(environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield variables that are misspelt, and those that contradict each other."""
    for found in unread(environment):
        yield Problem("environment", str(found))
    if environment.get("MEM0LITE_URL") and environment.get("MEM0LITE_DB"):
        yield Problem(
            "environment",
            "MEM0LITE_URL and MEM0LITE_DB are both set, so commands want to be told which one is meant, with --url or "
            "--db. Unset one of them.",
        )


def values(environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the variables whose values are refused. Each is tried alone, so that all of them are named."""
    from ..memory import opening

    for read in (opening.cache_bytes, opening.short_term_ttl, opening.graph_categories):
        try:
            read(None)
        except Mem0LiteError as error:
            yield Problem("settings", str(error))
    yield from telemetry_problems(environment)
    for name in sorted(VARIABLES - {"MEM0LITE_URL", "MEM0LITE_API_KEY"}):
        if environment.get(name) and (problem := _refused({name: environment[name]})):
            yield Problem("settings", problem)


def telemetry_problems(environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what ``serve`` would miss of OpenTelemetry, if it is asked for."""
    from ..telemetry import VARIABLE, exporting

    asked = environment.get(VARIABLE, "0").lower() not in ("", "0", "false", "no", "off")
    if asked and (problem := exporting.missing()):
        yield Problem("settings", problem)


def _refused(environment: Mapping[str, str]) -> str | None:
    from ..server.settings import Settings

    try:
        Settings.from_environment(environment)
    except Mem0LiteError as error:
        return str(error)
    return None


def access(environment: Mapping[str, str], host: str | None, insecure: bool, *, has_keys: bool) -> Iterator[Problem]:
    """Yield a server that others could reach without a key. ``has_keys``: whether the store has keys of its own."""
    from ..server.settings import is_loopback

    host = host or environment.get("MEM0LITE_HOST") or "127.0.0.1"
    given = environment.get("MEM0LITE_API_KEYS") or environment.get("ADMIN_API_KEY")
    if has_keys or given or is_loopback(host):
        return
    allowed = insecure or environment.get("MEM0LITE_INSECURE", "0").lower() not in ("", "0", "false", "no", "off")
    effect = (
        "everybody who can connect may read, change and erase all memories" if allowed else "serve refuses to start"
    )
    yield Problem(
        "access",
        f"{host} can be reached by others and there are no keys: {effect}. Make a key with: mem0lite keys create",
    )


# -- the file


class Mount(NamedTuple):
    """A file system, and where it is mounted."""

    point: str
    type: str

    @property
    def network(self) -> bool:
        """Whether other machines have a part in it."""
        return self.type in NETWORK or _NETWORK_FUSE.match(self.type) is not None


def mount_of(path: Path, table: str) -> Mount | None:
    """Return the file system that a path is on, from the text of Linux's ``/proc/self/mountinfo``."""
    best: Mount | None = None
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
        # A later mount covers an earlier one at the same place.
        if path.is_relative_to(point) and (best is None or len(point) >= len(best.point)):
            best = Mount(point, right.split(" ")[0])
    return best


def place(path: Path, table: str | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a file, its log, its folder and its disk, without opening it."""
    folder = path.parent
    if not folder.is_dir():
        yield Problem("file", f"The folder {folder} does not exist. Create it, or give another file.")
        return
    if table is None:
        with suppress(OSError):
            table = Path("/proc/self/mountinfo").read_text(errors="replace")
    mount = mount_of(path.resolve(), table or "")
    if mount is not None and mount.network:
        yield Problem(
            "file",
            f"{path} is on a network file system ({mount.type}, mounted at {mount.point}), where SQLite's locks and "
            "shared memory cannot be relied on. Move the file to a local disk, and reach it with mem0lite serve.",
        )
    yield from _permissions(path, folder)
    yield from _sizes(path, folder)


def _permissions(path: Path, folder: Path) -> Iterator[Problem]:
    if path.exists():
        mode = stat.S_IMODE(path.stat().st_mode)
        if not os.access(path, os.R_OK):
            yield Problem(
                "file", f"{path} cannot be read by this user (mode {mode:04o}). Change its owner or its mode."
            )
        elif not os.access(path, os.W_OK):
            yield Problem("file", f"{path} cannot be written by this user (mode {mode:04o}): only reading works.")
        if os.name == "posix" and mode & 0o077:
            yield Problem("file", f"{path} can be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    if not os.access(folder, os.W_OK):
        yield Problem("file", f"The folder {folder} cannot be written, and a store needs files beside it.")


def _sizes(path: Path, folder: Path) -> Iterator[Problem]:
    size = path.stat().st_size if path.exists() else 0
    log = Path(f"{path}-wal")
    grown = log.stat().st_size if log.exists() else 0
    if grown > max(LARGE_LOG, size):
        yield Problem(
            "file",
            f"{log} has grown to {_bytes(grown)}, more than the file ({_bytes(size)}): somebody has been reading for "
            "long, or the last process was killed. End long reads, then run: mem0lite vacuum",
        )
    free = shutil.disk_usage(folder).free
    if free < max(LEAST_FREE, size + grown):
        yield Problem(
            "disk",
            f"{_bytes(free)} are free beside {path}, which has {_bytes(size + grown)} with its log. Erasing and "
            "backups need as much again. Free some space.",
        )


def _bytes(count: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count //= 1024
    return f"{count} {unit}"


def store(path: str, embedder: str | None) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Open a file for reading; return what it says of itself, and what is wrong with it."""
    from ..errors import EmbeddingError
    from ..memory import Memory

    found: list[Problem] = []
    stats: dict[str, Any] | None = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            with Memory(path, embedder=embedder, read_only=True) as memory:
                stats = {**memory.stats(), "has_keys": memory._needs_key}
        except Mem0LiteError as error:
            about = "model" if isinstance(error, EmbeddingError) or "embedd" in type(error).__name__.lower() else "file"
            found.append(Problem(about, str(error)))
    said = [str(one.message) for one in warned if issubclass(one.category, UserWarning)]
    found += [Problem("graph" if "graph" in one else "file", one) for one in said]
    if stats is not None and not stats["graph"]["current"]:
        found.append(Problem("graph", "The graph is not finished. Run: mem0lite reindex --graph"))
    return stats, found


def model(embedder: str | None) -> Iterator[Problem]:
    """Yield why an embedding model cannot be loaded: it is missing, or its files are not the expected ones."""
    from ..embedding.local import LocalEmbedder, resolve

    try:
        loaded = resolve(embedder)
        if isinstance(loaded, LocalEmbedder):
            loaded.load()
    except Mem0LiteError as error:
        yield Problem("model", str(error))


def reranker(environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield why the reranker of the environment cannot be loaded."""
    if name := environment.get("MEM0LITE_RERANKER"):
        from ..embedding.rerank import resolve_reranker

        try:
            resolve_reranker(name)
        except Mem0LiteError as error:
            yield Problem("model", str(error))


def _needed() -> list[str]:
    """Return what the package needs always and for its server, as its metadata says; nothing where it has none."""
    try:
        every = importlib.metadata.requires("mem0lite") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [one for one in every if "extra ==" not in one or "'server'" in one.replace('"', "'")]


def versions() -> dict[str, str]:
    """Return the versions of what the store is made of; a package that is not installed is left out."""
    from .. import __version__
    from ..store import SQLITE_VERSION

    found = {"mem0lite": __version__, "python": platform.python_version(), "sqlite": SQLITE_VERSION}
    for needed in _needed():
        if (name := _PACKAGE.match(needed)) is not None:
            with suppress(importlib.metadata.PackageNotFoundError):
                found[name[0]] = importlib.metadata.version(name[0])
    return {**found, "system": f"{platform.system()} {platform.release()} {platform.machine()}"}
