"""What callers pass to ``add`` as messages, read into texts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ValidationError
from .values import clean_text, encodable

Messages = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A text, one message ``{"role", "content", "name"?, "timestamp"?}``, or a list of messages."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to remember."""

    text: str
    role: str
    actor_id: str | None
    timestamp: Any


def read_messages(messages: object) -> list[Message]:
    """Return the messages to remember: all but those of the system, and those whose content is None, as of one that
    only calls tools.

    ``content`` is a text, a part of type ``text``, or a list of such parts, joined by newlines. Raises ValidationError
    naming the message, rather than dropping what it cannot keep, such as an image.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    elif isinstance(messages, Mapping):
        messages = [messages]
    if not isinstance(messages, list | tuple) or not all(isinstance(message, Mapping) for message in messages):
        raise ValidationError("messages must be str, dict, or list[dict]", field="messages")
    read = (_read(message, f"messages[{index}]") for index, message in enumerate(messages))
    return [message for message in read if message is not None]


def _read(message: Mapping[str, Any], field: str) -> Message | None:
    role = optional_text(message.get("role"), f"{field}.role") or "user"
    content = message.get("content")
    if role == "system" or (content is None and "content" in message) or (not content and message.get("tool_calls")):
        return None
    name = optional_text(message.get("name"), f"{field}.name")
    text = clean_text(_join_parts(content, f"{field}.content"), f"{field}.content")
    return Message(text, role, name, message.get("timestamp"))


def _join_parts(content: object, field: str) -> object:
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list | tuple):
        return content
    for index, part in enumerate(content):
        if not (isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)):
            raise ValidationError(
                f"Invalid {field}[{index}]: only parts of type 'text' can be remembered. Describe the rest in words.",
                field=f"{field}[{index}]",
            )
    return "\n".join(part["text"] for part in content)


def optional_text(value: object, field: str) -> str | None:
    """Return a short text such as a name or a role, or None; raise ValidationError when it is neither."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 1_000:
        raise ValidationError(f"Invalid {field}: must be a text of 1 to 1000 characters.", field=field)
    return encodable(value, field)
