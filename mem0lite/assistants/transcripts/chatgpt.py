"""ChatGPT's export: ``conversations.json``, or several such files, in a zip. Each conversation is a tree of messages.

A message that was edited and an answer that was made again are branches of the tree. The branch that is shown is read;
what is on the others is left out.
"""

from collections.abc import Iterator, Mapping
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
    without,
)

_CONTENTS = {
    **dict.fromkeys(["thoughts", "reasoning_recap", "reasoning"], "thought"),
    **dict.fromkeys(["code", "computer_initialize_state"], "tool call"),
    **dict.fromkeys(["execution_output", "tether_quote", "tether_browsing_display", "sonic_webpage"], "tool result"),
    **dict.fromkeys(["computer_output", "citable_code_output", "super_widget", "app_pairing_content"], "tool result"),
    **dict.fromkeys(["user_editable_context", "model_editable_context"], "instructions"),
    "system_error": "error",
}
_CITATION = "\ue200", "\ue201"


def read(source: Source) -> Iterator[Found]:
    """Yield what an export holds."""
    for found in conversations(source):
        if isinstance(found, Line):
            yield from _conversation(found.where, found.data)
        else:
            yield found


def _conversation(where: str, data: Any) -> Iterator[Found]:
    nodes = mapping(data).get("mapping")
    if not isinstance(nodes, Mapping):
        yield Unknown("no conversation: it has no mapping", where)
        return
    session = text_of(data.get("conversation_id")) or text_of(data.get("id")) or where
    begun = instant(data.get("create_time"))
    shown = _shown(nodes, data.get("current_node"))
    for key in nodes.keys() - set(shown):
        if mapping(nodes[key]).get("message"):
            yield LeftOut("on another branch")
    for key in shown:
        message = mapping(nodes[key]).get("message")
        for found in _message(where, mapping(message)) if message is not None else ():
            if isinstance(found, Said):
                role, text = found
                at = instant(mapping(message).get("create_time")) or begun
                name = f"{session} {text_of(mapping(message).get('id')) or key}"
                yield Message(name, session, role, text, at, {"title": data.get("title") or None})
                begun = at
            else:
                yield found


def _shown(nodes: Mapping[str, Any], leaf: object) -> list[str]:
    """Return the branch that is shown, from the root on: that of the current node, else of the newest message."""
    if not isinstance(leaf, str) or leaf not in nodes:
        dated = {key: instant(mapping(mapping(node).get("message")).get("create_time")) for key, node in nodes.items()}
        leaf = max(nodes, key=lambda key: dated[key] or 0, default=None)
    path: dict[str, None] = {}
    while isinstance(leaf, str) and leaf in nodes and leaf not in path:
        path[leaf] = None
        leaf = mapping(nodes[leaf]).get("parent")
    return [*path][::-1]


def _message(where: str, message: Mapping[str, Any]) -> Iterator[Said | LeftOut | Unknown]:
    """Yield a message as a role and a text, and what else is in it."""
    role = mapping(message.get("author")).get("role")
    content = mapping(message.get("content"))
    kind = content.get("content_type")
    if role not in ("user", "assistant"):
        known = {"system": "note of the program", "tool": "tool result", "developer": "note of the program"}
        yield LeftOut(known[role]) if role in known else Unknown(f"a message in the role {role!r}", where)
    elif mapping(message.get("metadata")).get("is_visually_hidden_from_conversation"):
        yield LeftOut("hidden message")
    elif message.get("channel") == "analysis":
        yield LeftOut("thought")
    elif role == "assistant" and message.get("recipient") not in (None, "all"):
        yield LeftOut("tool call")
    elif kind in ("text", "multimodal_text") or (kind is None and "parts" in content):
        yield from _parts(where, role, content.get("parts"))
    elif not content:
        yield LeftOut("empty message")
    else:
        yield LeftOut(_CONTENTS[kind]) if kind in _CONTENTS else Unknown(f"a content of the type {kind!r}", where)


def _parts(where: str, role: str, parts: object) -> Iterator[Said | LeftOut | Unknown]:
    texts: list[str] = []
    for part in items(parts):
        kind = text_of(mapping(part).get("content_type"))
        if part is None:
            continue
        if isinstance(part, str):
            texts.append(part)
        elif kind == "audio_transcription" or (not kind and isinstance(mapping(part).get("text"), str)):
            texts.append(text_of(part.get("text")))
        elif kind.endswith("_asset_pointer"):
            yield LeftOut("attachment")
        else:
            yield Unknown(f"a part of the type {kind or type(part).__name__!r}", where)
    text = without("\n".join(texts), *_CITATION).strip()
    yield Said(role, text) if text else LeftOut("empty message")
