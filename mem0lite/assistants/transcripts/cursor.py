"""Cursor's transcripts: ``~/.cursor/projects/PROJECT/agent-transcripts/…/SESSION.jsonl``, one message a line.

They have no dates, and a message has no id but its line.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .reading import Found, LeftOut, Line, Message, Source, Unknown, items, json_lines, mapping, marked

_QUERY = "<user_query>", "</user_query>"
_BLOCKS = {"tool_use": "tool call", "tool_result": "tool result", "thinking": "thought", "image": "attachment"}


def read(source: Source) -> Iterator[Found]:
    """Yield what a transcript holds."""
    session = source.name.rpartition("/")[2].removesuffix(".jsonl")
    for line in json_lines(source):
        if not isinstance(line, Line):
            yield line
            continue
        where, data = line
        if data.get("role") in ("user", "assistant"):
            yield from _said(where, data, session)
        elif "role" not in data and isinstance(data.get("type"), str):
            yield LeftOut("event")
        else:
            yield Unknown(f"a message in the role {data.get('role')!r}", where)


def _said(where: str, line: Mapping[str, Any], session: str) -> Iterator[Found]:
    texts: list[str] = []
    for block in items(mapping(line.get("message")).get("content")):
        kind = mapping(block).get("type")
        if kind == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif kind in _BLOCKS:
            yield LeftOut(_BLOCKS[kind])
        else:
            yield Unknown(f"a part of the type {kind!r}", where)
    text = "\n".join(texts).strip()
    spans = marked(text, *_QUERY) if line["role"] == "user" else ()
    queries = [text[start + len(_QUERY[0]) : end - len(_QUERY[1])].strip() for start, end in spans]
    if text:
        number = where.rpartition(":")[2]
        yield Message(f"{session} {number}", session, line["role"], "\n".join(queries) or text, None)
