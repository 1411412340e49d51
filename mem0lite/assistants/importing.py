"""Conversations of assistants and chat apps, read into a memory: each message once, however often it is read."""

import hashlib
import json
import os
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict, cast

from ..errors import ValidationError
from ..files import clean_path
from ..memory import Memory
from ..values import MAX_TEXT_LENGTH, clean_id, to_iso
from .transcripts import chatgpt, claude, claude_code, codex, cursor
from .transcripts.reading import Found, LeftOut, Message, Source, Unknown

SOURCES = ("claude-code", "codex", "cursor", "chatgpt", "claude")
"""Where conversations can come from."""

_READERS: Mapping[str, Callable[[Source], Iterator[Found]]] = {
    "claude-code": claude_code.read,
    "codex": codex.read,
    "cursor": cursor.read,
    "chatgpt": chatgpt.read,
    "claude": claude.read,
}
_EXPORTS = ("chatgpt", "claude")
_FOLDERS = {
    "claude-code": ("projects",),
    "codex": ("sessions", "archived_sessions"),
    "cursor": ("projects",),
}
_BATCH = 256


class NotUnderstood(TypedDict):
    """Something that no version of a format that is known here has."""

    what: str
    where: str
    """The first place."""
    times: int


class ConversationsResult(TypedDict):
    """What became of conversations."""

    added: int
    skipped: int
    """Messages that the memory has already."""
    deleted: int
    """Messages that were added earlier and have been deleted since. They stay deleted."""
    left_out: dict[str, int]
    """What is no speech: its kinds, and how often each was there."""
    not_understood: list[NotUnderstood]


def import_conversations(
    memory: Memory,
    file: str | os.PathLike[str],
    source: str,
    *,
    user_id: str,
    progress: Callable[[int], None] | None = None,
) -> ConversationsResult:
    """Add what people and models said in transcripts or an export, each message as a memory with its date and role.

    ``file`` is a file, a folder or a zip, and ``source`` one of SOURCES. A memory has the ``user_id``, the session as
    ``run_id``, the source as ``app_id``, and in its metadata the ``project`` and the ``branch``, or the ``title``.
    ``progress`` is told how many messages have been read.

    A message is added once, whoever reads it how often, and not again after it was deleted. Files are read piece by
    piece. What was added before an error stays.

    Raises ValidationError for a file that cannot be read, and what adding raises.
    """
    if source not in _READERS:
        raise ValidationError(f"Invalid source: {source!r} is none of {', '.join(SOURCES)}.", field="source")
    user_id = clean_id(user_id, "user_id")
    result: ConversationsResult = {"added": 0, "skipped": 0, "deleted": 0, "left_out": {}, "not_understood": []}
    taken = _Taken(memory, source, user_id, result)
    with ExitStack() as stack:
        for found in _found(clean_path(file, "file"), source, stack):
            if taken.take(found) and progress is not None:
                progress(taken.read)
    taken.finish()
    return result


class _Taken:
    """Takes what formats yield: stores messages in batches and counts the rest."""

    def __init__(self, memory: Memory, source: str, user_id: str, result: ConversationsResult) -> None:
        self._memory, self._source, self._user_id, self._result = memory, source, user_id, result
        self._lines: dict[str, dict[str, Any]] = {}
        self._last = 0
        self._left: Counter[str] = Counter()
        self._unknown: dict[str, NotUnderstood] = {}
        self.read = 0

    def take(self, found: Found | Source) -> bool:
        """Take one thing; return whether messages were stored."""
        match found:
            case LeftOut():
                self._left[found.kind] += 1
            case Unknown():
                self._note(found)
            case Source():
                self._last = found.changed
            case Message():
                self._add(found)
        if len(self._lines) < _BATCH:
            return False
        self._store()
        return True

    def finish(self) -> None:
        """Store what is left, and tell what was not understood."""
        self._store()
        self._result["left_out"] = dict(sorted(self._left.items()))
        self._result["not_understood"] = list(self._unknown.values())

    def _note(self, unknown: Unknown) -> None:
        known = self._unknown.setdefault(unknown.what, {"what": unknown.what, "where": unknown.where, "times": 0})
        known["times"] += 1

    def _add(self, message: Message) -> None:
        self.read += 1
        about = {name: value for name, value in message.about.items() if isinstance(value, str) and value}
        text = _encodable(message.text)
        parts = range(0, len(text), MAX_TEXT_LENGTH)
        at = to_iso(self._last if message.at is None else message.at)
        for number, start in enumerate(parts):
            if not (part := text[start : start + MAX_TEXT_LENGTH].strip()):
                continue
            name = json.dumps([self._source, self._user_id, message.key, number])
            memory_id = str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=5))
            self._lines[memory_id] = {
                "id": memory_id,
                "memory": part,
                "role": message.role,
                "user_id": self._user_id,
                "run_id": _session_id(message.session),
                "app_id": self._source,
                "created_at": at,
                "metadata": {
                    "source": self._source,
                    **{name: _encodable(value) for name, value in about.items()},
                    **({"part": number + 1} if len(parts) > 1 else {}),
                },
            }

    def _store(self) -> None:
        known = self._memory._store.existing(self._lines)
        self._result["skipped"] += len(known)
        new = {one: line for one, line in self._lines.items() if one not in known}
        for one in [one for one in new if self._memory.history(one)]:  # it was there, and is no more
            del new[one]
            self._result["deleted"] += 1
        self._import([*new.values()])
        self._lines = {}

    def _import(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Store memories; where one is refused, the others are stored, and it is told."""
        try:
            done = self._memory.import_(json.dumps(line) for line in lines)
        except ValidationError as error:
            if len(lines) == 1:
                where = f"{lines[0]['app_id']}, session {lines[0]['run_id']}"
                self._note(Unknown(f"a message that was refused: {error}", where))
                return
            half = len(lines) // 2
            self._import(lines[:half])
            self._import(lines[half:])
            return
        self._result["added"] += done["added"]
        self._result["skipped"] += done["skipped"]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _session_id(session: str) -> str:
    try:
        return clean_id(session, "run_id")
    except ValidationError:
        return hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()[:32]


# -- files


def _found(path: str, source: str, stack: ExitStack) -> Iterator[Found | Source]:
    place = Path(path)
    try:
        if place.is_dir():
            sources: Iterator[Source | LeftOut] = _in_folder(place, source)
        elif zipfile.is_zipfile(place):
            sources = _in_zip(stack.enter_context(zipfile.ZipFile(place)), place, source)
        else:
            sources = iter([_file(place)])
        none = True
        for one in sources:
            yield one
            if isinstance(one, Source):
                none = False
                yield from _READERS[source](one)
    except (OSError, zipfile.BadZipFile) as error:
        raise ValidationError(f"Invalid file: {path} cannot be read: {error}. Give another.", field="file") from error
    if none:
        raise ValidationError(f"Invalid file: {path} has no conversations of {source}. Give another.", field="file")


def _file(place: Path) -> Source:
    status = place.stat()
    return Source(str(place), lambda: place.open("rb"), status.st_mtime_ns // 1000)


def _in_folder(folder: Path, source: str) -> Iterator[Source | LeftOut]:
    inner = [folder / name for name in _FOLDERS.get(source, ()) if (folder / name).is_dir()]
    for place in sorted(file for one in inner or [folder] for file in one.rglob("*") if file.is_file()):
        if source in _EXPORTS:
            wanted = place.name.startswith("conversations") and place.suffix == ".json"
        else:
            wanted = place.name.endswith((".jsonl", ".jsonl.zst"))
        yield _file(place) if wanted else LeftOut("another file")


def _in_zip(archive: zipfile.ZipFile, place: Path, source: str) -> Iterator[Source | LeftOut]:
    changed = place.stat().st_mtime_ns // 1000
    for info in archive.infolist():
        name = info.filename.rpartition("/")[2]
        if info.is_dir():
            continue
        if source in _EXPORTS:
            wanted = name.startswith("conversations") and name.endswith(".json")
        else:
            wanted = name.endswith(".jsonl")
        opening = cast("Any", lambda info=info: archive.open(info))
        yield Source(f"{place}/{info.filename}", opening, changed) if wanted else LeftOut("another file")
