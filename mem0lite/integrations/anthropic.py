"""The backend of Anthropic's memory tool over a Memory: files of a model's own, under /memories. Needs
``mem0lite[anthropic]``."""

import asyncio
import operator
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from ..comparison import nfc
from ..memory import Memory
from ..types import SearchHit
from ..values import MAX_TEXT_LENGTH
from . import missing
from .shelf import MISSING, NotReplacedError, Put, Shelf, opened

try:
    from anthropic.tools import BetaAbstractMemoryTool, BetaAsyncAbstractMemoryTool, ToolError
except ModuleNotFoundError as error:
    raise missing("anthropic", error) from error

_APP = "anthropic-memory"
_PLACE = "memories"
_ROOT = "/memories"
_PAGE = 500
_MAX_PATH, _MAX_LINES, _MAX_SHOWN = 1_000, 999_999, 16_000
_ATTEMPTS = 100
_LISTED_LEVELS = 2


class MemoryTool(BetaAbstractMemoryTool):
    """Files under /memories that a model views and edits, for ``tools=[…]`` of ``client.beta.messages.tool_runner``.

    A file is a memory with ``app_id="anthropic-memory"``, of the user or agent that is given here, who see no files of
    others. So its text can be searched, and earlier versions are in its history. A folder exists while it has files.

    ``memory`` is the path of a file, or a Memory, which stays open. As a context manager the tool closes the file that
    it opened.

    Answers and errors are those that Anthropic documents for the tool; an error reaches the model as ``is_error``.
    Edits are exact when several edit one file: each is made to the text that is there.
    """

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str] | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        cache_control: Any = None,
    ) -> None:
        super().__init__(cache_control=cache_control)
        self.memory, self._owned = opened(memory)
        self._shelf = Shelf(self.memory, _APP, user_id=user_id, agent_id=agent_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if the tool opened it."""
        if self._owned:
            self.memory.close()

    def search(self, query: str, *, limit: int = 5) -> list[SearchHit]:
        """Return the files that are closest to a query, best first, as ``Memory.search`` does."""
        return self._shelf.hits(query, {"run_id": _PLACE}, limit)

    # -- the commands

    def view(self, command: Any) -> str:
        """Return the lines of a file with their numbers, or what is in a folder."""
        path = _clean_path(command.path)
        text = self._text(path)
        if text is not None:
            return _shown(command.path, text, getattr(command, "view_range", None))
        files = list(self._files(path))
        if not files and path != _ROOT:
            raise ToolError(f"The path {command.path} does not exist. Please provide a valid path.")
        return _listed(path, files)

    def create(self, command: Any) -> str:
        """Write a new file. A file that is there is an error."""
        path = _clean_path(command.path)
        self._check_place(path, command.path)
        try:
            self._shelf.write([_file(path, _clean_text(command.file_text), lambda held: held is MISSING)])
        except NotReplacedError:
            raise ToolError(f"Error: File {command.path} already exists") from None
        return f"File created successfully at: {command.path}"

    def str_replace(self, command: Any) -> str:
        """Replace a text that occurs once; without ``new_str`` remove it."""
        old, new = _clean_text(command.old_str), _clean_text(getattr(command, "new_str", None) or "")
        before, after = self._edited(command.path, lambda text: _replaced(command.path, text, old, new))
        return f"The memory file has been edited.\n{_around(after, before.find(old), new)}"

    def insert(self, command: Any) -> str:
        """Insert a text after a line, or with 0 before the first."""
        added = _clean_text(command.insert_text)
        self._edited(command.path, lambda text: _inserted(text, command.insert_line, added))
        return f"The file {command.path} has been edited."

    def delete(self, command: Any) -> str:
        """Delete a file, or a folder with everything in it."""
        path = _clean_path(command.path)
        if path == _ROOT:
            raise ToolError("Error: Cannot delete the /memories directory itself")
        gone = self._at(path)
        if not gone:
            raise ToolError(f"Error: The path {command.path} does not exist")
        self._shelf.write([], [(_PLACE, one) for one, _ in gone])
        return f"Successfully deleted {command.path}"

    def rename(self, command: Any) -> str:
        """Move a file, or a folder with everything in it.

        It is at the new place before it is gone from the old one. In one transaction, a file that somebody else writes
        at the new place meanwhile would leave what was moved nowhere.
        """
        old, new = _clean_path(command.old_path), _clean_path(command.new_path)
        if old == _ROOT:
            raise ToolError("Error: Cannot rename the /memories directory itself")
        moved = self._at(old)
        if not moved:
            raise ToolError(f"Error: The path {command.old_path} does not exist")
        if new == _ROOT or self._at(new):
            raise ToolError(f"Error: The destination {command.new_path} already exists")
        if f"{new}/".startswith(f"{old}/"):
            raise ToolError(f"Error: Cannot move {command.old_path} into itself")
        self._check_place(new, command.new_path)
        puts = [_file(new + path.removeprefix(old), text, lambda held: held is MISSING) for path, text in moved]
        try:
            self._shelf.write(puts)
        except NotReplacedError:
            raise ToolError(f"Error: The destination {command.new_path} already exists") from None
        self._shelf.write([], [(_PLACE, path) for path, _ in moved])
        return f"Successfully renamed {command.old_path} to {command.new_path}"

    def clear_all_memory(self) -> str:
        """Delete every file."""
        self._shelf.clear(_PLACE)
        return "All memory cleared"

    # -- files

    def _text(self, path: str) -> str | None:
        [found] = self._shelf.get([(_PLACE, path)])
        return None if found is None else str(found.value)

    def _files(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield the paths and texts of the files below a folder."""
        for one in self._shelf.newest({"run_id": _PLACE}, _PAGE):
            if one.key.startswith(f"{folder}/"):
                yield one.key, one.value

    def _at(self, path: str) -> list[tuple[str, str]]:
        """Return the file at a path, or the files below it."""
        text = self._text(path)
        return list(self._files(path)) if text is None else [(path, text)]

    def _check_place(self, path: str, asked: str) -> None:
        """Raise ToolError for a new file that would be a folder, or lie below a file."""
        if path == _ROOT or any(self._files(path)):
            raise ToolError(f"Error: File {asked} already exists")
        parts = path.split("/")
        above = ["/".join(parts[:end]) for end in range(3, len(parts))]
        found = self._shelf.get([(_PLACE, one) for one in above])
        for one, file in zip(above, found, strict=True):
            if file is not None:
                raise ToolError(f"Error: {one} is a file, not a directory")

    def _edited(self, asked: str, edit: Callable[[str], str]) -> tuple[str, str]:
        """Replace a file's text by what ``edit`` makes of it; again, if somebody else has changed it meanwhile.

        Returns the text before and after.
        """
        path = _clean_path(asked)
        for _ in range(_ATTEMPTS):
            text = self._text(path)
            if text is None:
                known = path == _ROOT or any(self._files(path))
                raise ToolError(
                    f"Error: The path {asked} is a directory, not a file."
                    if known
                    else f"Error: The path {asked} does not exist. Please provide a valid path."
                )
            edited = edit(text)
            try:
                self._shelf.write([_file(path, edited, partial(operator.eq, text))])
            except NotReplacedError:
                continue
            return text, edited
        raise ToolError(f"Error: Others keep changing {asked}. Try again.")


class AsyncMemoryTool(BetaAsyncAbstractMemoryTool):
    """MemoryTool for ``AsyncAnthropic``: the same arguments and commands, each command in a thread."""

    def __init__(self, memory: Memory | str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__(cache_control=options.get("cache_control"))
        self._tool = MemoryTool(memory, **options)
        self.memory = self._tool.memory

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file, if the tool opened it."""
        await asyncio.to_thread(self._tool.close)

    async def search(self, query: str, *, limit: int = 5) -> list[SearchHit]:
        """Return the files that are closest to a query, best first."""
        return await asyncio.to_thread(lambda: self._tool.search(query, limit=limit))

    async def view(self, command: Any) -> str:
        """Return the lines of a file with their numbers, or what is in a folder."""
        return await asyncio.to_thread(self._tool.view, command)

    async def create(self, command: Any) -> str:
        """Write a new file. A file that is there is an error."""
        return await asyncio.to_thread(self._tool.create, command)

    async def str_replace(self, command: Any) -> str:
        """Replace a text that occurs once; without ``new_str`` remove it."""
        return await asyncio.to_thread(self._tool.str_replace, command)

    async def insert(self, command: Any) -> str:
        """Insert a text after a line, or with 0 before the first."""
        return await asyncio.to_thread(self._tool.insert, command)

    async def delete(self, command: Any) -> str:
        """Delete a file, or a folder with everything in it."""
        return await asyncio.to_thread(self._tool.delete, command)

    async def rename(self, command: Any) -> str:
        """Move a file, or a folder with everything in it."""
        return await asyncio.to_thread(self._tool.rename, command)

    async def clear_all_memory(self) -> str:
        """Delete every file."""
        return await asyncio.to_thread(self._tool.clear_all_memory)


def _file(path: str, text: str, replaces: Callable[[Any], bool]) -> Put:
    # Never hidden: only a value that keeps its scope is compared in the transaction that replaces it.
    searched = text[:MAX_TEXT_LENGTH] if text[:MAX_TEXT_LENGTH].strip() else "(blank)"
    return Put(_PLACE, path, text, searched, replaces=replaces)


# -- what the model gives


def _clean_path(path: object) -> str:
    """Return a path below /memories in one form. Raises ToolError for any that leads, or seems to lead, out of it."""
    if not isinstance(path, str) or not (path == _ROOT or path.startswith(f"{_ROOT}/")):
        raise ToolError(f"Error: Path must start with /memories, got: {path}")
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if _leads_away(part):
            raise ToolError(f"Error: Path {path} would escape /memories directory")
        if not part.isprintable():
            raise ToolError(f"Error: Path {path!r} has characters that cannot be in a path")
    if len(path) > _MAX_PATH:
        raise ToolError(f"Error: The path has {len(path)} characters, but at most {_MAX_PATH} are allowed")
    return nfc("/" + "/".join(parts))


def _leads_away(part: str) -> bool:
    """Tell whether a part of a path means another folder, also once it is decoded."""
    while True:
        if part in (".", "..") or "/" in part or "\\" in part:
            return True
        decoded = unquote(part)
        if decoded == part:
            return False
        part = decoded


def _clean_text(text: object) -> str:
    if not isinstance(text, str):
        raise ToolError(f"Error: The text must be a string, got {type(text).__name__}")
    return text


# -- edits


def _replaced(path: str, text: str, old: str, new: str) -> str:
    if not old or old not in text:
        raise ToolError(f"No replacement was performed, old_str `{old}` did not appear verbatim in {path}.")
    if text.count(old) > 1:
        lines = ", ".join(str(text[:start].count("\n") + 1) for start in _places(text, old))
        raise ToolError(
            f"No replacement was performed. Multiple occurrences of old_str `{old}` in lines: {lines}. "
            "Please ensure it is unique"
        )
    return text.replace(old, new)


def _places(text: str, part: str) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start
        start = text.find(part, start + len(part))


def _around(text: str, start: int, new: str) -> str:
    """Return the lines around what was put in at a place."""
    lines, at = text.split("\n"), text[:start].count("\n")
    first, last = max(0, at - 2), at + new.count("\n") + 3
    return "\n".join(_numbered(lines[first:last], first + 1))


def _inserted(text: str, line: object, added: str) -> str:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if not isinstance(line, int) or isinstance(line, bool) or not 0 <= line <= len(lines):
        raise ToolError(
            f"Error: Invalid `insert_line` parameter: {line}. It should be within the range of lines of the file: "
            f"[0, {len(lines)}]"
        )
    return "\n".join([*lines[:line], added.removesuffix("\n"), *lines[line:], ""])


# -- what the model sees


def _shown(path: str, text: str, view_range: Sequence[int] | None) -> str:
    """Return a file with line numbers; what is left out is said at the end."""
    lines = text.split("\n")
    if len(lines) > _MAX_LINES:
        raise ToolError(f"File {path} exceeds maximum line limit of 999,999 lines.")
    first, last = _range(path, view_range, len(lines))
    numbered = _numbered(lines[first - 1 : last], first)
    fitting = bisect_right(list(accumulate(len(line) + 1 for line in numbered)), _MAX_SHOWN)
    if fitting < len(numbered):
        shown = max(fitting, 1)
        told = f"(Lines {first} to {first + shown - 1} of {len(lines)}. Use view_range to see the others.)"
        numbered = [*numbered[:shown], told] if shown < len(numbered) else numbered
    return "\n".join([f"Here's the content of {path} with line numbers:", *numbered])


def _range(path: str, view_range: Sequence[int] | None, count: int) -> tuple[int, int]:
    if not view_range:
        return 1, count
    first, last = view_range if len(view_range) == 2 else (0, 0)
    last = count if last == -1 else min(last, count)
    if not 1 <= first <= count or last < first:
        raise ToolError(
            f"Error: Invalid `view_range` parameter: {list(view_range)}. The file {path} has lines 1 to {count}."
        )
    return first, last


def _numbered(lines: Sequence[str], first: int) -> list[str]:
    return [f"{number:>6}\t{line}" for number, line in enumerate(lines, start=first)]


def _listed(folder: str, files: Sequence[tuple[str, str]]) -> str:
    """Return what is in a folder, two levels deep, each with its size; folders end with a slash."""
    sizes: dict[str, int] = {}
    total = 0
    for path, text in files:
        parts = path.removeprefix(f"{folder}/").split("/")
        if any(part.startswith(".") or part == "node_modules" for part in parts):
            continue
        size = len(text.encode("utf-8", "surrogatepass"))
        total += size
        for level in range(1, min(len(parts), _LISTED_LEVELS) + 1):
            name = "/".join([folder, *parts[:level]]) + ("/" if level < len(parts) else "")
            sizes[name] = sizes.get(name, 0) + size
    return "\n".join(
        [
            f"Here're the files and directories up to 2 levels deep in {folder}, excluding hidden items and "
            "node_modules:",
            f"{_size(total)}\t{folder}",
            *(f"{_size(sizes[name])}\t{name}" for name in sorted(sizes)),
        ]
    )


def _size(count: int) -> str:
    """Return a number of bytes as ``ls -h`` does."""
    size, units = float(count), iter("BKMG")
    unit = next(units)
    while size >= 1024 and unit != "G":
        size, unit = size / 1024, next(units)
    return f"{size:.0f}{unit}" if size == int(size) else f"{size:.1f}{unit}"
