"""Codex's rollouts: ``~/.codex/sessions/YYYY/MM/DD/rollout-….jsonl``, one item a line.

What people and the model said is in them twice: as events, and as items of the model's context, among which are texts
that the program writes in the user's name. The events are read; items only where a rollout has no such events. Codex
0.171 writes the events ``item_completed``, earlier ones ``user_message`` and ``agent_message``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .reading import Found, LeftOut, Line, Message, Said, Source, Unknown, instant, items, json_lines, mapping, text_of

_ROLES = {"user_message": "user", "agent_message": "assistant", "UserMessage": "user", "AgentMessage": "assistant"}
_ITEMS = {
    **dict.fromkeys(["reasoning", "agent_reasoning", "agent_reasoning_raw_content"], "thought"),
    **dict.fromkeys(
        ["function_call", "custom_tool_call", "local_shell_call", "web_search_call", "tool_search_call"], "tool call"
    ),
    **dict.fromkeys(["image_generation_call", "additional_tools"], "tool call"),
    **dict.fromkeys(["function_call_output", "custom_tool_call_output", "tool_search_output"], "tool result"),
    **dict.fromkeys(["compaction", "context_compaction", "compaction_summary"], "summary"),
    **dict.fromkeys(["ghost_snapshot", "other"], "event"),
    "agent_message": "subagent",
}
_ATTACHED = {
    *("input_image", "input_file", "input_audio", "image", "local_image", "audio", "local_audio"),
    *("skill", "mention"),
}
_LINES = {
    **dict.fromkeys(["token_usage_record", "thread_settings"], "event"),
    "turn_context": "event",
    "compacted": "summary",
    "inter_agent_communication": "subagent",
    "world_state": "event",
}
_PROGRAM = re.compile(r"\s*(?:<[a-z_]+>|# AGENTS\.md instructions|# Context from my IDE setup)")
_NAME = re.compile(r"rollout-[\dT-]{19}-(.+?)\.jsonl$")


class _Session(NamedTuple):
    id: str
    at: int | None
    about: Mapping[str, Any]
    subagent: bool = False


def read(source: Source) -> Iterator[Found]:
    """Yield what a rollout holds."""
    if source.name.endswith(".zst"):
        yield Unknown("compressed with zstd: decompress it with zstd -d", source.name)
        return
    told = _told(source)
    named = _NAME.search(source.name)
    session = _Session(named.group(1) if named else source.name.rpartition("/")[2].removesuffix(".jsonl"), None, {})
    seen: Counter[Said] = Counter()
    for line in json_lines(source):
        if not isinstance(line, Line):
            yield line
            continue
        where, data = line
        if (begun := _session(data, session)) is not None:
            session = begun
            continue
        for found in _line(where, data, told):
            yield _message(found, data, session, seen) if isinstance(found, Said) else found


def _told(source: Source) -> set[str]:
    """Return the roles whose messages are there as events."""
    with source.open() as file:
        roles = {_role_of_event(line) for line in file if b'"event_msg"' in line}
    return roles - {""}


def _role_of_event(line: bytes) -> str:
    """Return whose message an event is; nothing for another line."""
    try:
        data = mapping(json.loads(line))
    except ValueError:  # it is named when the messages are read
        return ""
    payload = mapping(data.get("payload")) if data.get("type") == "event_msg" else {}
    message, item = payload.get("type"), mapping(payload.get("item")).get("type")
    kind = item if message == "item_completed" else message
    return _ROLES.get(kind, "") if isinstance(kind, str) else ""


def _session(data: Mapping[str, Any], known: _Session) -> _Session | None:
    """Return what the head of a rollout says, None for another line. The first head counts: forks repeat others'."""
    head = mapping(data.get("payload")) if data.get("type") == "session_meta" else data
    if head is data and ("type" in data or "record_type" in data or not isinstance(data.get("id"), str)):
        return None
    if known.about:
        return known
    about = {"project": head.get("cwd"), "branch": mapping(head.get("git")).get("branch"), "": True}
    at = instant(head.get("timestamp") or data.get("timestamp"))
    return _Session(text_of(head.get("id")) or known.id, at, about, _is_subagent(head))


def _is_subagent(head: Mapping[str, Any]) -> bool:
    return "subagent" in str(head.get("source")).lower() or head.get("thread_source") == "subagent"


def _line(where: str, data: Mapping[str, Any], told: set[str]) -> Iterator[Said | LeftOut | Unknown]:
    """Yield the messages of a line as a role and a text, and what else is in it."""
    kind, payload = data.get("type"), mapping(data.get("payload"))
    if "record_type" in data or (kind is None and ("ts" in data or "thread_name" in data)):
        yield LeftOut("event")
    elif kind == "event_msg":
        yield from _event(where, payload)
    elif kind == "response_item" or (kind in _ITEMS or kind == "message"):
        yield from _item(where, payload if kind == "response_item" else data, told)
    elif kind in _LINES:
        yield LeftOut(_LINES[kind])
    else:
        yield Unknown(f"a line of the type {kind!r}", where)


def _event(where: str, payload: Mapping[str, Any]) -> Iterator[Said | LeftOut | Unknown]:
    kind = str(payload.get("type"))
    if kind == "item_completed" and (item := mapping(payload.get("item"))).get("type") in _ROLES:
        yield from _parts(where, item, _ROLES[item["type"]])
        return
    role = _ROLES.get(kind)
    if role is None:
        yield LeftOut(_ITEMS.get(kind, "event"))
        return
    for _ in (*items(payload.get("images")), *items(payload.get("local_images"))):
        yield LeftOut("attachment")
    text = payload.get("message")
    if not isinstance(text, str):
        yield Unknown(f"a message that is no text but {type(text).__name__}", where)
    elif text.strip():
        yield Said(role, text.strip())
    else:
        yield LeftOut("empty message")


def _item(where: str, item: Mapping[str, Any], told: set[str]) -> Iterator[Said | LeftOut | Unknown]:
    kind, role = item.get("type"), str(item.get("role"))
    if kind in _ITEMS:
        yield LeftOut(_ITEMS[kind])
    elif kind != "message":
        yield Unknown(f"an item of the type {kind!r}", where)
    elif role not in ("user", "assistant"):
        yield LeftOut("note of the program")
    elif role not in told:
        yield from _parts(where, item, role)


def _parts(where: str, item: Mapping[str, Any], role: str) -> Iterator[Said | LeftOut | Unknown]:
    texts: list[str] = []
    for part in items(item.get("content")):
        kind = mapping(part).get("type")
        if kind in ("input_text", "output_text", "text", "Text"):
            texts.append(text_of(part.get("text")))
        elif kind in _ATTACHED:
            yield LeftOut("attachment")
        else:
            yield Unknown(f"a part of the type {kind!r}", where)
    if isinstance(item.get("content"), str):
        texts = [item["content"]]
    said = [one.strip() for one in texts if one.strip() and not (role == "user" and _PROGRAM.match(one))]
    if said:
        yield Said(role, "\n".join(said))
    else:
        yield LeftOut("note of the program" if any(texts) else "empty message")


def _message(found: Said, data: Mapping[str, Any], session: _Session, seen: Counter[Said]) -> Found:
    if session.subagent:
        return LeftOut("subagent")
    seen[found] += 1
    key = f"{session.id} {found.role} {seen[found]} {found.text}"  # without its date: an event has another than an item
    about = {name: value for name, value in session.about.items() if name}
    return Message(key, session.id, found.role, found.text, instant(data.get("timestamp")) or session.at, about)
