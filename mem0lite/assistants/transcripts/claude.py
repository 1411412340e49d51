"""Claude's export: ``conversations.json`` in a zip, a list of conversations with their messages.

Where messages name those that they answer, an edited one begins a branch. The branch of the newest message is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .reading import (
    Found,
    LeftOut,
    Line,
    Message,
    Said,
    Source,
    Unknown,
    conversations,
    instant,
    items,
    mapping,
    text_of,
)

_ROLES = {"human": "user", "user": "user", "assistant": "assistant"}
_BLOCKS = {
    **dict.fromkeys(["thinking", "redacted_thinking"], "thought"),
    **dict.fromkeys(["tool_use", "server_tool_use"], "tool call"),
    **dict.fromkeys(["tool_result", "web_search_tool_result", "knowledge"], "tool result"),
    **dict.fromkeys(["image", "document", "file"], "attachment"),
    **dict.fromkeys(["token_budget", "flag"], "event"),
}


def read(source: Source) -> Iterator[Found]:
    """Yield what an export holds."""
    for found in conversations(source):
        if isinstance(found, Line):
            yield from _conversation(found.where, found.data)
        else:
            yield found


def _conversation(where: str, data: Any) -> Iterator[Found]:
    messages = mapping(data).get("chat_messages")
    if not isinstance(messages, list):
        yield Unknown("no conversation: it has no chat_messages", where)
        return
    session = text_of(data.get("uuid")) or where
    begun = instant(data.get("created_at"))
    known = [one for one in messages if isinstance(one, Mapping)]
    for one in messages:
        if not isinstance(one, Mapping):
            yield Unknown(f"no message but {type(one).__name__}", where)
    shown = _shown(known, data.get("current_leaf_message_uuid"))
    for _ in range(len(known) - len(shown)):
        yield LeftOut("on another branch")
    for number, one in enumerate(shown):
        for said in _message(where, one):
            if not isinstance(said, Said):
                yield said
                continue
            role, text = said
            begun = instant(one.get("created_at")) or begun
            key = text_of(one.get("uuid")) or f"{session} {number} {role} {text}"
            yield Message(key, session, role, text, begun, {"title": data.get("name") or None})


def _shown(messages: Sequence[Mapping[str, Any]], leaf: object) -> list[Mapping[str, Any]]:
    """Return the messages of one branch, or all where they name no parents."""
    by_id = {one["uuid"]: one for one in messages if isinstance(one.get("uuid"), str)}
    if len(by_id) < len(messages) or not any(one.get("parent_message_uuid") in by_id for one in messages):
        return [*messages]
    newest = max(messages, key=lambda one: instant(one.get("created_at")) or 0)
    at: Any = leaf if leaf in by_id else newest["uuid"]
    path: dict[str, Mapping[str, Any]] = {}
    while at in by_id and at not in path:
        path[at] = by_id[at]
        at = by_id[at].get("parent_message_uuid")
    return [*path.values()][::-1]


def _message(where: str, message: Mapping[str, Any]) -> Iterator[Said | LeftOut | Unknown]:
    """Yield a message as a role and a text, and what else is in it."""
    role = _ROLES.get(str(message.get("sender")))
    if role is None:
        yield Unknown(f"a message of the sender {message.get('sender')!r}", where)
        return
    for _ in (*items(message.get("attachments")), *items(message.get("files")), *items(message.get("files_v2"))):
        yield LeftOut("attachment")
    texts: list[str] = []
    for block in items(message.get("content")):
        kind = mapping(block).get("type")
        if kind in ("text", "voice_note") and isinstance(block.get("text", ""), str | None):
            texts.append(text_of(block.get("text") or block.get("title")))
        elif kind in _BLOCKS:
            yield LeftOut(_BLOCKS[kind])
        else:
            yield Unknown(f"a part of the type {kind!r}", where)
    text = "\n".join(texts).strip() or ("" if items(message.get("content")) else text_of(message.get("text")).strip())
    if text:
        yield Said(role, text)
    elif not items(message.get("content")):
        yield LeftOut("empty message")
