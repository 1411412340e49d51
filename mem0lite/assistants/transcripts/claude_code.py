"""Claude Code's transcripts: ``~/.claude/projects/PROJECT/SESSION.jsonl``, one event a line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .reading import (
    Found,
    LeftOut,
    Line,
    Message,
    Source,
    Unknown,
    instant,
    items,
    json_lines,
    mapping,
    text_of,
    without,
)

_FLAGS = {
    "isSidechain": "subagent",
    "isMeta": "note of the program",
    "isCompactSummary": "summary",
    "isVisibleInTranscriptOnly": "summary",
    "isApiErrorMessage": "error",
}
_EVENTS = {
    **dict.fromkeys(["summary", "custom-title", "ai-title", "agent-name", "tag", "last-prompt"], "title"),
    **dict.fromkeys(["system", "progress", "queue-operation", "mode", "permission-mode", "result"], "event"),
    **dict.fromkeys(["file-history-snapshot", "pr-link", "worktree-state", "saved_hook_context"], "event"),
}
_BLOCKS = {
    **dict.fromkeys(["thinking", "redacted_thinking"], "thought"),
    **dict.fromkeys(["tool_use", "server_tool_use", "mcp_tool_use"], "tool call"),
    **dict.fromkeys(["tool_result", "mcp_tool_result", "tool_reference"], "tool result"),
    **dict.fromkeys(["image", "document"], "attachment"),
}
_REMINDER = "<system-reminder>", "</system-reminder>"
_PROGRAM = re.compile(
    r"\s*(?:<(?:command-|local-command-|bash-|user-memory-input|task-notification|cross-session-message|"
    r"teammate-message|ide_)|\[Request interrupted by user|Caveat: The messages below were generated)"
)


def read(source: Source) -> Iterator[Found]:
    """Yield what a transcript holds."""
    for line in json_lines(source):
        if isinstance(line, Line):
            yield from _event(line.where, line.data, source)
        else:
            yield line


def _event(where: str, line: Mapping[str, Any], source: Source) -> Iterator[Found]:
    kind = line.get("type")
    flag = next((named for key, named in _FLAGS.items() if line.get(key)), None)
    if kind in ("user", "assistant"):
        if flag is not None:
            yield LeftOut(flag)
        else:
            yield from _said(where, line, str(kind), mapping(line.get("message")).get("content"), source)
    elif kind == "attachment":
        yield from _attachment(where, line, source)
    elif kind in _EVENTS or (kind is None and "display" in line):
        yield LeftOut(_EVENTS.get(str(kind), "history of prompts"))
    else:
        yield Unknown(f"an event of the type {kind!r}", where)


def _attachment(where: str, line: Mapping[str, Any], source: Source) -> Iterator[Found]:
    """Yield a prompt that was typed while the assistant worked. Other attachments are of the program."""
    attachment = mapping(line.get("attachment"))
    typed = attachment.get("type") == "queued_command" and attachment.get("commandMode", "prompt") == "prompt"
    if typed and not line.get("isSidechain"):
        yield from _said(where, line, "user", attachment.get("prompt"), source)
    else:
        yield LeftOut("attachment")


def _said(where: str, line: Mapping[str, Any], role: str, content: Any, source: Source) -> Iterator[Found]:
    texts = [content] if isinstance(content, str) else []
    blocks = list(items(content))
    by_program = role == "user" and any(mapping(one).get("type") == "tool_result" for one in blocks)
    for block in blocks:
        kind = mapping(block).get("type")
        if kind == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif kind in _BLOCKS or str(kind).endswith("_tool_result"):
            yield LeftOut(_BLOCKS.get(str(kind), "tool result"))
        else:
            yield Unknown(f"a part of the type {kind!r}", where)
    if content is not None and not isinstance(content, str | list):
        yield Unknown(f"a message that is neither text nor a list but {type(content).__name__}", where)
    yield from _spoken(line, role, texts, source, by_program=by_program)


def _spoken(
    line: Mapping[str, Any], role: str, texts: list[str], source: Source, *, by_program: bool
) -> Iterator[Found]:
    text = "\n".join(texts)
    if role == "user":
        text = without(text, *_REMINDER)
        by_program = by_program or _PROGRAM.match(text) is not None
    else:
        by_program = mapping(line.get("message")).get("model") == "<synthetic>"
    if texts and not text.strip():
        yield LeftOut("empty message")
    elif texts and by_program:
        yield LeftOut("note of the program")
    elif texts:
        session = text_of(line.get("sessionId")) or source.name.rpartition("/")[2].removesuffix(".jsonl")
        key = text_of(line.get("uuid")) or f"{session} {line.get('timestamp')} {role} {text}"
        about = {"project": line.get("cwd"), "branch": line.get("gitBranch")}
        yield Message(key, session, role, text.strip(), instant(line.get("timestamp")), about)
