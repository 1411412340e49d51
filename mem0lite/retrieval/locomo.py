"""Collections in the form of LoCoMo (Maharana et al., "Evaluating very long-term conversational memory of LLM agents",
ACL 2024), as published or with its sessions as a list. Pure.

Each conversation is one user, each session a run, and each turn a document with its speaker's name, its photo's
caption behind the text, and the session's date. Questions are those of the categories 1 to 4 with evidence that exists;
those of category 5 have no answer. LoCoMo is CC BY-NC 4.0 and not part of this project.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..errors import ValidationError
from ..values import clean_id, clean_text
from .collection import Collection, Document, Question

CATEGORIES = {1: "1 multi-hop", 2: "2 temporal", 3: "3 open-domain", 4: "4 single-hop"}
_UNANSWERABLE = 5

_Kind = type | tuple[type, ...]
_KINDS: dict[_Kind, str] = {str: "a text", list: "a list", dict: "an object", int: "a whole number"}
_SESSION = re.compile(r"session_(\d+)")


def collection(data: Any, captions: bool = True) -> Collection:
    """Return LoCoMo's list of conversations as a collection.

    Raises ValidationError with the conversation and the field.
    """
    documents: dict[str, Document] = {}
    questions: list[Question] = []
    for number, conversation in enumerate(data, start=1):
        where = f"conversation {number}"
        user = clean_id(_field(conversation, "sample_id", (str, int), where), "sample_id")
        if any(one.user_id == user for one in documents.values()):
            raise ValidationError(f"{where}: sample_id {user!r} is used twice. Give each its own.", field="sample_id")
        for document in _documents(conversation, user, captions, where):
            if document.id in documents:
                raise ValidationError(
                    f"{where}: dia_id {document.id.removeprefix(user + ' ')!r} is used twice. Give each turn its own.",
                    field="dia_id",
                )
            documents[document.id] = document
        questions += _questions(conversation, user, documents, where)
    return Collection(list(documents.values()), questions)


def _documents(conversation: Any, user: str, captions: bool, where: str) -> Iterator[Document]:
    for session, date, turns in _sessions(conversation, where):
        for place, turn in enumerate(turns, start=1):
            here = f"{where}, session {session}, turn {place}"
            name, speaker = _field(turn, "dia_id", str, here), _field(turn, "speaker", str, here)
            if text := _said(turn, captions, here):
                run_id = f"session-{session}"
                yield Document(f"{user} {name}", clean_text(text, "text"), user, run_id, speaker, timestamp=date)


def _sessions(conversation: Any, where: str) -> Iterator[tuple[str, datetime, list[Any]]]:
    """Yield the number, date and turns of each session, in order."""
    if "sessions" in conversation:
        for place, one in enumerate(_field(conversation, "sessions", list, where), start=1):
            here = f"{where}, session {place}"
            name = str(_field(one, "session", (int, str), here))
            yield name, _date(_field(one, "date_time", str, here), here), _field(one, "turns", list, here)
        return
    published = _field(conversation, "conversation", dict, where)
    numbers = sorted(int(found[1]) for name in published if (found := _SESSION.fullmatch(name)))
    for number in numbers:
        here = f"{where}, session {number}"
        date = _date(_field(published, f"session_{number}_date_time", str, here), here)
        yield str(number), date, _field(published, f"session_{number}", list, here)


def _date(text: str, where: str) -> datetime:
    try:
        return datetime.strptime(text, "%I:%M %p on %d %B, %Y")
    except ValueError:
        raise ValidationError(
            f"{where}: {text!r} is no date. Write it like '1:56 pm on 8 May, 2023'.", field="date_time"
        ) from None


def _said(turn: Any, captions: bool, where: str) -> str:
    """Return the text of a turn, with its photo's caption."""
    text = _field(turn, "text", str, where)
    caption = turn.get("blip_caption") if captions else None
    return f"{text} [photo: {caption}]".strip() if caption else text.strip()


def _questions(conversation: Any, user: str, documents: dict[str, Document], where: str) -> Iterator[Question]:
    for place, one in enumerate(_field(conversation, "qa", list, where)):
        here = f"{where}, question {place + 1}"
        category = _field(one, "category", int, here)
        if category == _UNANSWERABLE:
            continue
        if category not in CATEGORIES:
            raise ValidationError(f"{here}: category must be a number from 1 to 5.", field="category")
        named = [f"{user} {turn}" for turn in _field(one, "evidence", list, here)]
        if relevant := {name: 1.0 for name in named if name in documents}:
            text = clean_text(_field(one, "question", str, here), "question")
            yield Question(f"{user} question {place}", text, relevant, user, CATEGORIES[category])


def _field(parent: Any, name: str, kind: _Kind, where: str) -> Any:
    """Return a field of an object that has the right type."""
    if not isinstance(parent, dict):
        raise ValidationError(
            f"{where}: must be an object. A file that begins with [ is read in LoCoMo's form. In any other, write one "
            "object on each line.",
            field="line",
        )
    value = parent.get(name)
    if not isinstance(value, kind):
        raise ValidationError(f"{where}: {name} must be {_KINDS.get(kind, 'a text or a number')}.", field=name)
    return value
