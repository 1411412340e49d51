"""The messages that callers pass to ``add``, read into texts. Pure.

A message is a dictionary or an object of an SDK, which is read by its attributes; no SDK is imported. The objects of
OpenAI's chats and responses, Anthropic, Gemini and LangChain are read, whole answers of a model too, and any other with
``role``, ``content`` or ``parts``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ValidationError
from ..types import SkippedPart
from ..values import clean_text, encodable

Messages = str | Mapping[str, Any] | Sequence[Any]
"""A text, one message ``{"role", "content", "name"?, "timestamp"?}``, or a list of these; SDK objects, too."""

_BESIDE = (
    *("tool_calls", "function_call", "refusal", "thinking", "reasoning", "reasoning_content"),
    *("images", "audio", "attachments"),
)
"""Fields a message may have besides its content."""
_FIELDS = ("role", "type", "content", "parts", "text", "name", "timestamp", *_BESIDE)
_MESSAGE = ("role", "content", "parts", "type")

_ROLES = {"model": "assistant", "ai": "assistant", "human": "user"}
"""Gemini's and LangChain's names for roles."""
_TYPES = ("human", "ai", "system", "tool", "function", "developer")
"""Types of LangChain's messages, which have a type instead of a role."""
_SILENT = ("system", "developer", "tool", "function")
"""Roles whose messages are instructions or results of tools; nobody said them."""

_TEXT_TYPES = ("text", "input_text", "output_text")
_REASONING, _TOOLS = ("thinking", "thought", "reasoning", "summary_text"), ("tool", "function")
"""Words in the types of parts that are reasoning, and of parts that are tool calls or their results."""
_ABOUT = ("type", "id", "text", "thought", "thought_signature", "thoughtSignature", "cache_control", "cachePoint")
"""Fields of a part that do not tell what kind of part it is."""


class Message(NamedTuple):
    """One message to remember."""

    text: str
    role: str
    actor_id: str | None
    timestamp: Any


def clean_roles(roles: object) -> frozenset[str] | None:
    """Return the roles whose messages a call remembers, in small letters; None for all.

    Raises ValidationError for anything but names of roles, for none of them, and for a role that is never remembered.
    """
    if roles is None:
        return None
    named = [roles] if isinstance(roles, str) else roles
    if isinstance(named, bytes | Mapping) or not isinstance(named, Iterable):
        raise ValidationError(
            f"Invalid roles: must be a list of roles such as ['user'], got {type(roles).__name__}.", field="roles"
        )
    cleaned = frozenset(_known_role(one) for one in named)
    if not cleaned:
        raise ValidationError(
            "Invalid roles: no message has none of the roles. Name one, or leave it out.", field="roles"
        )
    return cleaned


def _known_role(role: object) -> str:
    named = optional_text(role, "roles")
    if named is None:
        raise ValidationError("Invalid roles: a role must not be blank. Leave it out of the list.", field="roles")
    lowered = _ROLES.get(named.lower(), named.lower())
    if lowered in _SILENT:
        raise ValidationError(
            f"Invalid roles: messages with the role {lowered} are never remembered. Leave it out of the list, or send "
            "the message with the role user.",
            field="roles",
        )
    return lowered


def read_messages(messages: object, roles: frozenset[str] | None = None) -> tuple[list[Message], list[SkippedPart]]:
    """Return the messages to remember, and the parts that are left out.

    The texts in ``content``, or otherwise in ``parts``, are kept, joined with newlines. Parts without text, such as
    images and tool calls, are left out, and so are reasoning and the messages of the system, developers and tools.
    ``roles`` are those that ``clean_roles`` returns: of messages in other roles, everything is left out.

    Raises ValidationError, naming the message, for what can't be one: a number as content, for example, or a blank text
    given as the only message.
    """
    if isinstance(messages, str):
        said = Message(clean_text(messages, "messages[0].content"), "user", None, None)
        return _of_roles([said], 0, roles)
    messages = _in_answer(messages)
    if isinstance(messages, Mapping) or not isinstance(messages, Sequence):
        messages = [messages]
    if not all(map(_is_message, messages)):
        raise ValidationError("messages must be str, dict, or list[dict]", field="messages")
    kept: list[Message] = []
    left: list[SkippedPart] = []
    for index, message in enumerate(messages):
        fields = _unpacked(_fields(message))
        if not any(fields.get(name) is not None for name in (*_MESSAGE, "text", *_BESIDE)):
            field = f"messages[{index}]"
            raise ValidationError(f"Invalid {field}: has neither a role nor content. Give it both.", field=field)
        found, skipped = _read(fields, index, f"messages[{index}]")
        chosen, others = _of_roles(found, index, roles)
        kept += chosen
        left += [*skipped, *others]
    return kept, left


def _of_roles(read: list[Message], index: int, roles: frozenset[str] | None) -> tuple[list[Message], list[SkippedPart]]:
    """Return what was read of one message, as kept or as left out."""
    if roles is None or all(one.role.lower() in roles for one in read):
        return read, []
    return [], [_skipped(index, None, one.role, "Its role is not among the roles to remember.") for one in read]


def _in_answer(value: Any) -> Any:
    """Return the messages in a whole answer of OpenAI's chats or responses, or in a prompt of LangChain's.

    Any other value is returned as it is. Of several choices the conversation goes on with the first.
    """
    if isinstance(value, str | bytes | Sequence | type) or _is_message(value):
        return value
    for name in ("choices", "output", "messages"):
        held = getattr(value, name, None)
        if isinstance(held, list | tuple) and held:
            return getattr(held[0], "message", None) if name == "choices" else held
    return value


def _is_message(value: object) -> bool:
    if isinstance(value, str | bytes | Sequence | type):
        return False
    return isinstance(value, Mapping) or any(getattr(value, name, None) is not None for name in _MESSAGE)


def _fields(value: Any) -> Mapping[str, Any]:
    """Return the fields of a dictionary or an object, also unknown ones: their names tell what a part is."""
    if isinstance(value, Mapping):
        return value
    return {**getattr(value, "__dict__", {}), **{name: getattr(value, name, None) for name in _FIELDS}}


def _unpacked(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a message; LangChain writes its messages to JSON in two ways, which both nest them."""
    data, written = fields.get("data"), fields.get("kwargs")
    if fields.get("type") in _TYPES and isinstance(data, Mapping):
        return {"type": fields["type"], **data}
    return written if "lc" in fields and isinstance(written, Mapping) else fields


def _read(message: Mapping[str, Any], index: int, field: str) -> tuple[list[Message], list[SkippedPart]]:
    role = _role(message, field)
    if role.lower() in _SILENT:
        return [], [_skipped(index, None, role, "Messages with this role are not remembered.")]
    name, content = _content(message)
    texts, skipped = _parts(content, index, f"{field}.{name}")
    skipped += [_skipped(index, None, one, _reason(one)) for one in _BESIDE if message.get(one)]
    text = "\n".join(texts)
    if text.strip():
        actor_id = optional_text(message.get("name"), f"{field}.name")
        return [Message(clean_text(text, f"{field}.{name}"), role, actor_id, message.get("timestamp"))], skipped
    if not skipped:
        kind = message.get("type")
        kind = kind if isinstance(kind, str) and kind != "message" else "empty"
        skipped.append(_skipped(index, None, kind, _reason(kind)))
    return [], skipped


def _role(message: Mapping[str, Any], field: str) -> str:
    role, kind = message.get("role"), message.get("type")
    if role is None and isinstance(kind, str):
        kind = kind.removesuffix("MessageChunk").lower()
        role = kind if kind in _TYPES else None
    named = optional_text(role, f"{field}.role") or "user"
    return _ROLES.get(named, named)


def _content(message: Mapping[str, Any]) -> tuple[str, object]:
    """Return the name of the field that holds a message's texts, and its value; a part given as a message is both."""
    for name in ("content", "parts"):
        if message.get(name) not in (None, "", [], ()):
            return name, message[name]
    return ("text", message) if message.get("text") else ("content", None)


def _parts(content: object, index: int, field: str) -> tuple[list[str], list[SkippedPart]]:
    """Return the texts in a message's content, and its parts without text."""
    if content is None:
        return [], []
    if isinstance(content, str):
        return [content], []
    several = isinstance(content, Sequence) and not isinstance(content, bytes | bytearray)
    texts: list[str] = []
    skipped: list[SkippedPart] = []
    for place, part in enumerate(content if isinstance(content, Sequence) and several else [content]):
        where = f"{field}[{place}]" if several else field
        kind, text = ("text", part) if isinstance(part, str) else _part(part, where)
        if text is None:
            skipped.append(_skipped(index, place if several else None, kind, _reason(kind)))
        elif text.strip():
            texts.append(text)
    return texts, skipped


def _part(part: object, field: str) -> tuple[str, str | None]:
    """Return the type of a part, and its text if there is one to remember."""
    if part is None:
        return "empty", None
    if not _is_part(part):
        raise ValidationError(
            f"Invalid {field}: must be a string or a part of a message, got {type(part).__name__}.", field=field
        )
    fields = _fields(part)
    text, kind = _text(fields.get("text")), fields.get("type")
    if not isinstance(kind, str):
        kind = "thought" if fields.get("thought") else "text" if text is not None else _kind(fields)
    if kind not in _TEXT_TYPES or text is None:
        return kind, None
    if not isinstance(text, str):
        field = f"{field}.text"
        raise ValidationError(f"Invalid {field}: must be a string, got {type(text).__name__}.", field=field)
    return kind, text


def _is_part(value: object) -> bool:
    known = any(hasattr(value, name) for name in ("__dict__", "type", "text"))
    return isinstance(value, Mapping) or (known and not isinstance(value, type))


def _text(value: object) -> object:
    """Return the text of a part. In the threads of OpenAI's assistants, it is the value of an object."""
    if isinstance(value, Mapping):
        return value.get("value", value)
    return value if isinstance(value, str) else getattr(value, "value", value)


def _kind(fields: Mapping[str, Any]) -> str:
    """Return what a part without a type is, as in Gemini's messages: the name of the field that it has."""
    names: Iterator[str] = (
        name for name, value in fields.items() if isinstance(name, str) and value is not None and name not in _ABOUT
    )
    return next(names, "empty")


def _reason(kind: str) -> str:
    if any(word in kind.lower() for word in _REASONING):
        return "Reasoning is not remembered."
    if any(word in kind.lower() for word in _TOOLS):
        return "Tool calls and their results are not remembered."
    if kind == "empty":
        return "It has no text to remember."
    return "It has no text to remember. Describe it in words."


def _skipped(message: int, part: int | None, kind: str, reason: str) -> SkippedPart:
    return {"message": message, "part": part, "type": kind[:100], "reason": reason}


def optional_text(value: object, field: str) -> str | None:
    """Return a short text such as a name or a role; None if there is none.

    A blank text counts as none, because frameworks write it for somebody without a name. Raises ValidationError for
    anything else, and for more than 1000 characters.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str) or len(value) > 1_000:
        raise ValidationError(f"Invalid {field}: must be a string of at most 1000 characters.", field=field)
    return encodable(str.__str__(value), field)
