"""What concerns a file as a whole: checking and repairing it, erasing from it, copies of it, and new vectors for it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..embedding.local import cut
from ..embedding.protocol import Embedder, embed_documents, identity
from ..errors import ConfigurationError, CorruptFileError, DatabaseError, NotAMemoryFileError
from ..files import clean_path, is_server, shown_store, store_path
from ..store import FilePart, Finding, Reembedding, Store, reembedding, refuse_database_file
from ..store import restore as restore_file
from ..types import CheckProblem, CheckResult, ErasureReceipt, ReembedResult, RestoreResult
from ..values import to_iso
from .arguments import Progress

_BATCH = 256  # texts embedded and vectors stored at a time
_NAMED = 10  # of the items that a problem is about


_TOOLS = {
    "backup": "pg_dump --schema=mem0lite, and psql or pg_restore to restore what it wrote",
    "check": "pg_amcheck",
}
"""What does for a database what a verb does for a file."""


def file_of(store: Store, verb: str) -> FilePart:
    """Return what a store has if it is a file, for a verb that needs one. Raises DatabaseError if it is not."""
    if store.file is None:
        tool = _TOOLS.get(verb, "the tools of the database")
        raise DatabaseError(f"{verb}: this store is in a PostgreSQL database, not in a file. Use {tool}.")
    return store.file


def check(file: FilePart, embedder: Embedder, *, repair: bool) -> CheckResult:
    """Compare everything in the file that must agree, and repair what can be computed from the texts."""
    memories, findings = file.check()
    left = findings
    if repair and findings:
        _repair(file, embedder, findings)
        memories, left = file.check()
    known, remaining = _kinds(findings), _kinds(left)
    new = [one for one in left if (one.check, one.problem) not in known]
    problems = [_problem(one, repaired=(one.check, one.problem) not in remaining) for one in [*findings, *new]]
    return {"ok": not left, "memories": memories, "problems": problems}


def _kinds(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    return {(finding.check, finding.problem) for finding in findings}


def _problem(finding: Finding, *, repaired: bool) -> CheckProblem:
    return {
        "check": finding.check,
        "problem": finding.problem,
        "count": max(1, len(finding.items)),
        "items": [str(item) for item in finding.items[:_NAMED]],
        "repaired": repaired,
    }


def _repair(file: FilePart, embedder: Embedder, findings: Sequence[Finding]) -> None:
    file.mend(findings)
    positions = [position for finding in findings for position in finding.positions]
    for start in range(0, len(positions), _BATCH):
        batch = file.to_embed(positions[start : start + _BATCH])
        vectors = embed_documents(embedder, [one.text for one in batch])
        file.put_vectors(list(zip(batch, vectors, strict=True)))


def receipt(scope: Mapping[str, str], removed: Mapping[str, int], now: int) -> ErasureReceipt:
    """Return what ``erase`` answers."""
    return {
        "scope": dict(scope),
        "erased_at": to_iso(now),
        "memories": removed["memories"],
        "vectors": removed["vectors"],
        "keywords": removed["keywords"],
        "history": removed["history"],
        "events": removed["events"],
        "exports": removed["exports"],
        "graph": removed["graph"],
    }


def restore(
    backup: str | os.PathLike[str], path: str | os.PathLike[str], *, replace: bool, checksums: bool
) -> RestoreResult:
    """Put a copy of a backup at a path."""
    source, target = Path(clean_path(backup, "backup")).absolute(), copy_at(path, replace=replace).absolute()
    memories = restore_file(source, target, replace=replace, checksums=checksums)
    return {"path": os.fspath(path), "memories": memories}


def copy_at(path: str | os.PathLike[str], *, replace: bool = False) -> Path:
    """Return where a copy of a store is to be. A store that is there is refused, unless it is to be replaced."""
    target = Path(_file(path))
    if target.name == ":memory:":
        raise ConfigurationError("path: a copy needs a file. Give the name of one.")
    if replace or not target.exists():
        refuse_database_file(target, "path", beside_only=replace)
    return target


def reembed(path: str | os.PathLike[str], embedder: Embedder, progress: Progress | None) -> ReembedResult:
    """Compute every vector of a file with another embedder."""
    with reembedding(path, identity(embedder)) as file:
        embedded = partly = 0
        if file.begin():
            embedded, partly = _reembed_pending(file, embedder, path, progress)
        answer: ReembedResult = {"embedded": embedded, "total": file.counts()[1]}
        return {**answer, "partly": partly} if partly else answer


def existing_store(path: str | os.PathLike[str]) -> str:
    """Return the path of a store that must be there."""
    if not Path(found := _file(path)).is_file():
        raise NotAMemoryFileError(f"{found} does not exist. Check the path.")
    return found


def _file(path: str | os.PathLike[str]) -> str:
    """Return the path of a store that has to be a file."""
    if is_server(found := store_path(path, "path")):
        raise ConfigurationError(f"path: {shown_store(found)} is a database, and this works on files only.")
    return found


def _reembed_pending(
    file: Reembedding, embedder: Embedder, path: str | os.PathLike[str], progress: Progress | None
) -> tuple[int, int]:
    """Embed what is not embedded yet; return how many texts, and how many of them are too long for the model."""
    embedded, partly, before = 0, 0, None
    while not file.finish():
        batch = file.pending(_BATCH)
        if batch and batch == before:
            raise CorruptFileError(f"{os.fspath(path)} is damaged: new vectors cannot be kept. Restore a backup.")
        before = batch
        vectors = embed_documents(embedder, [one.text for one in batch])
        file.put(list(zip(batch, vectors, strict=True)))
        embedded += len(batch)
        partly += sum(cut(embedder, one.text) is not None for one in batch)
        if progress:
            left, total = file.counts()
            progress(total - left, total)
    return embedded, partly
