"""Collections in files: JSON lines, LoCoMo's form, and folders in BEIR's form."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..data.messages import optional_text, read_messages
from ..errors import ValidationError
from ..files import read_utf8_lines
from ..values import clean_id, clean_text, encodable, finite, is_number, to_micros
from . import locomo
from .collection import EVERYONE, Collection, Document, Question

_Check = Callable[[Any, str], Any]
_Item = TypeVar("_Item", Document, Question)


def read(path: str | os.PathLike[str]) -> Collection:
    """Read a collection from a file of JSON lines, a file in LoCoMo's form, or a folder in BEIR's form.

    Raises ValidationError with the file, the line and the field, also for unknown fields, repeated ids, and relevant
    documents that do not exist or belong to another user.
    """
    path = Path(path)
    read_form = _read_beir if path.is_dir() else _read_locomo if _is_list(path) else _read_lines
    collection = read_form(path)
    if not collection.documents:
        raise ValidationError(f"{path}: there is no document in it. Add some.", field="type")
    if not collection.questions:
        raise ValidationError(f"{path}: there is no question in it. Add one.", field="type")
    return collection


def _is_list(path: Path) -> bool:
    """True if a file is one JSON list, which is LoCoMo's form, and no file of objects."""
    return next((text.lstrip().startswith("[") for _, text in _texts(path)), False)


def _read_locomo(path: Path) -> Collection:
    try:
        return locomo.collection(json.loads("".join(read_utf8_lines(path, "file"))))
    except ValidationError as error:
        raise ValidationError(f"{path}, {error}", field=error.field) from None
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"{path}: not valid JSON: {error}. Write one list of objects.", field="line") from None


def _read_lines(path: Path) -> Collection:
    documents: dict[str, Document] = {}
    questions: dict[str, Question] = {}
    numbers: list[int] = []
    for number, data in _objects(path):
        with _line(path, number):
            kind = data.pop("type", None)
            if kind == "document":
                _keep(documents, Document(**_checked(data, _DOCUMENT_FIELDS, "id", "text")))
            elif kind == "question":
                _keep(questions, Question(**_checked(data, _QUESTION_FIELDS, "id", "text", "relevant")))
                numbers.append(number)
            else:
                raise ValidationError('Invalid type: must be "document" or "question".', field="type")
    for number, question in zip(numbers, questions.values(), strict=True):
        with _line(path, number):
            _check_named(question, documents)
    return Collection(list(documents.values()), list(questions.values()))


def _read_beir(folder: Path) -> Collection:
    documents: dict[str, Document] = {}
    for number, data in _objects(folder / "corpus.jsonl"):
        with _line(folder / "corpus.jsonl", number):
            texts = [one for name in ("title", "text") if (one := _string(data.get(name), name))]
            _keep(documents, Document(_identifier(data.get("_id"), "_id"), clean_text(" ".join(texts), "text")))
    path, judged = _read_judgements(folder, documents)
    questions: dict[str, Question] = {}
    for number, data in _objects(folder / "queries.jsonl"):
        with _line(folder / "queries.jsonl", number):
            name = _identifier(data.get("_id"), "_id")
            if name in judged:  # queries.jsonl also has the queries of other splits
                _keep(questions, Question(name, clean_text(data.get("text"), "text"), judged[name]))
    for name in judged:
        if name not in questions:
            raise ValidationError(
                f"{path}: query {name!r} is not in queries.jsonl. Add it there, or leave its lines out here.",
                field="query-id",
            )
    return Collection(list(documents.values()), list(questions.values()))


def _read_judgements(folder: Path, documents: Mapping[str, Document]) -> tuple[Path, dict[str, dict[str, float]]]:
    """Return the file of judgements, and the grades above 0 of each query."""
    path = next((one for one in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if one.exists()), None)
    if path is None:
        raise ValidationError(f"{folder}: there is neither qrels.tsv nor qrels/test.tsv in it. Add one.", field="qrels")
    judged: dict[str, dict[str, float]] = {}
    seen: set[tuple[str, str]] = set()
    for place, (number, text) in enumerate(_texts(path)):
        with _line(path, number):
            if place == 0:
                _check_headings(text)
                continue
            query, document_id, grade = _judgement(text)
            if (query, document_id) in seen:
                raise ValidationError(
                    f"Invalid corpus-id: query {query!r} and document {document_id!r} are judged twice. "
                    "Leave one of the lines out.",
                    field="corpus-id",
                )
            seen.add((query, document_id))
            if grade > 0:  # the others were judged not relevant
                _check_relevant(documents.get(document_id), document_id, EVERYONE)
                judged.setdefault(query, {})[document_id] = grade
    return path, judged


def _check_headings(text: str) -> None:
    """Refuse a first line that is a judgement, because it would be lost."""
    try:
        float(text.split("\t")[-1])
    except ValueError:
        return
    raise ValidationError(
        "Invalid headings: the first line must be query-id, corpus-id and score, separated by tabs. Add it.",
        field="headings",
    )


def _judgement(text: str) -> tuple[str, str, float]:
    try:
        query, document_id, score = text.rstrip("\r\n").split("\t")
        grade = float(score)
    except ValueError:
        raise ValidationError(
            "Invalid score: a line must be the query's id, the document's id and a number, separated by tabs.",
            field="score",
        ) from None
    return query, document_id, float(finite(grade, "score"))


@contextmanager
def _line(path: Path, number: int) -> Iterator[None]:
    """Name the line in every ValidationError of the block."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError(f"{path}, line {number}: {error}", field=error.field) from None


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file of JSON lines, each with its line number."""
    for number, text in _texts(path):
        with _line(path, number):
            yield number, _object(text)


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise
        raise ValidationError(f"not valid JSON: {error}. Write one object on each line.", field="line") from None
    if not isinstance(data, dict):
        raise ValidationError("must be a JSON object.", field="line")
    return data


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Raises ValidationError for a field that is given twice, as one of them would be lost."""
    data = dict(pairs)
    if len(data) < len(pairs):
        field = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValidationError(f"Invalid {field}: it is given twice. Leave one out.", field=field)
    return data


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a file's lines that are not blank, numbered from 1."""
    lines = enumerate(read_utf8_lines(path, "file"), start=1)
    yield from ((number, text) for number, text in lines if text.strip())


def _keep(known: dict[str, _Item], item: _Item) -> None:
    if item.id in known:
        raise ValidationError(f"Invalid id: {item.id!r} is used twice. Give each its own id.", field="id")
    known[item.id] = item


def _check_named(question: Question, documents: Mapping[str, Document]) -> None:
    """Refuse a question that names documents its user does not have, or only old ones."""
    for field, names in (("relevant", question.relevant), ("old", question.old), ("new", question.new)):
        for name in names:
            _check_relevant(documents.get(name), name, question.user_id, field)
    if question.old and not question.new:
        raise ValidationError("Missing new. Name the documents that replace the old ones.", field="new")
    if both := set(question.old) & set(question.new):
        raise ValidationError(
            f"Invalid old: document {min(both)!r} is also in new. Leave it out of one of them.", field="old"
        )


def _check_relevant(document: Document | None, document_id: str, user_id: str, field: str = "relevant") -> None:
    if document is None:
        raise ValidationError(f"Invalid {field}: there is no document {document_id!r}. Add it.", field=field)
    if document.user_id != user_id:
        raise ValidationError(
            f"Invalid {field}: document {document_id!r} belongs to user {document.user_id!r}, but the question is of "
            f"user {user_id!r}. Give both the same user_id.",
            field=field,
        )


def _checked(data: Mapping[str, Any], checks: Mapping[str, _Check], *required: str) -> dict[str, Any]:
    for field in data:
        if field not in checks:
            raise ValidationError(f"Unknown field {field!r}. Fields are: type, {', '.join(checks)}.", field=field)
    for field in required:
        if data.get(field) is None:
            raise ValidationError(f"Missing {field}. Add it.", field=field)
    return {field: check(data[field], field) for field, check in checks.items() if data.get(field) is not None}


def _identifier(value: object, field: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(f"Invalid {field}: must be a text or a whole number.", field=field)
    return encodable(value, field)


def _string(value: object, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValidationError(f"Invalid {field}: must be a text.", field=field)
    return value


def _identifiers(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValidationError(f"Invalid {field}: must be a list of ids, with at least one.", field=field)
    return tuple(_identifier(one, field) for one in value)


def _category(value: object, field: str) -> str:
    category = _identifier(value, field)
    if category == "all":
        raise ValidationError(
            f'Invalid {field}: "all" stands for all questions together. Give it another name.', field=field
        )
    return category


def _role(value: object, field: str) -> str:
    role = optional_text(value, field) or "user"
    if not read_messages([{"role": role, "content": "text"}])[0]:
        raise ValidationError(
            f"Invalid {field}: messages of the role {role!r} are not stored. Leave the document out.", field=field
        )
    return role


def _instant(value: Any, field: str) -> Any:
    to_micros(value, field)
    return value


def _grades(value: object, field: str) -> dict[str, float]:
    if isinstance(value, list):
        value = {_identifier(one, field): 1 for one in value}
    if not isinstance(value, dict) or not value or not all(is_number(one) and one > 0 for one in value.values()):
        raise ValidationError(
            f"Invalid {field}: must be a list of ids, or an object of grades above 0 by id, with at least one.",
            field=field,
        )
    return {name: float(finite(grade, field)) for name, grade in value.items()}


_DOCUMENT_FIELDS: dict[str, _Check] = {
    "id": _identifier,
    "text": clean_text,
    "user_id": clean_id,
    "run_id": clean_id,
    "name": optional_text,
    "role": _role,
    "timestamp": _instant,
}
_QUESTION_FIELDS: dict[str, _Check] = {
    "id": _identifier,
    "text": clean_text,
    "relevant": _grades,
    "user_id": clean_id,
    "category": _category,
    "reference_date": _instant,
    "old": _identifiers,
    "new": _identifiers,
}
