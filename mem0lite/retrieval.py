"""How well search finds what answers a question, measured on documents, questions and relevant ids.

A collection is a file of JSON lines in any order::

    {"type": "document", "id": "d1", "text": "I moved to Lisbon", "user_id": "alice", "run_id": "monday",
     "name": "Alice", "role": "user", "timestamp": "2024-05-06T10:00:00Z"}
    {"type": "question", "id": "q1", "text": "Where does Alice live?", "relevant": ["d1"], "user_id": "alice",
     "category": "places", "reference_date": "2024-06-01"}

``type``, ``id``, ``text`` and ``relevant`` are required. ``relevant`` may also be an object of grades by id. Lines
without a user belong to one user. Consecutive documents of the same user and run are one conversation.

A collection may also be a folder in the form of BEIR (Thakur et al., "BEIR", NeurIPS 2021): ``corpus.jsonl``,
``queries.jsonl`` and ``qrels/test.tsv`` or ``qrels.tsv``.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

from .data.messages import optional_text
from .errors import ValidationError
from .files import read_utf8_lines
from .memory import AddItem, Memory, Progress
from .search.ranking import Ranking
from .values import clean_id, clean_text, finite, is_number, to_micros

DEPTHS = (5, 10, 20)
"""The numbers of results that recall and NDCG look at."""
HIT_DEPTH = 10

RANKINGS: Mapping[str, Ranking | None] = {"dense": Ranking.dense(), "keyword": Ranking.sparse(), "hybrid": None}
"""What is measured by default: only meaning, only words, and what ``search`` does by default."""

_EVERYONE = "everyone"
_BATCH = 256  # messages given to one add_many

Figures = dict[str, float]
"""``questions``, and means in 0..1 of ``recall@5``, ``ndcg@5``, …, ``hit@10``."""
Report = dict[str, dict[str, Figures]]
"""Figures by ranking and category; the category ``all`` is every question."""

_Check = Callable[[Any, str], Any]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Document:
    """Something to find."""

    id: str
    text: str
    user_id: str = _EVERYONE
    run_id: str | None = None
    name: str | None = None
    """Who said it."""
    role: str = "user"
    timestamp: Any = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the documents relevant to it: grades above 0 by document id, at least one."""

    id: str
    text: str
    relevant: Mapping[str, float]
    user_id: str = _EVERYONE
    category: str | None = None
    reference_date: Any = None


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, and questions about them."""

    documents: Sequence[Document]
    questions: Sequence[Question]


_Item = TypeVar("_Item", Document, Question)


# -- measuring


def evaluate(
    memory: Memory,
    collection: Collection,
    rankings: Mapping[str, Ranking | None] = RANKINGS,
    progress: Progress | None = None,
) -> Report:
    """Add the documents to an empty memory, ask every question under every ranking, and return the figures.

    ``progress`` is called while documents are added. Raises what ``Memory.add`` and ``Memory.search`` raise.
    """
    ids = fill(memory, collection.documents, progress)
    return {
        name: summarize(collection.questions, retrieve(memory, collection.questions, ids, ranking))
        for name, ranking in rankings.items()
    }


def fill(memory: Memory, documents: Sequence[Document], progress: Progress | None = None) -> dict[str, str]:
    """Add documents as messages, in the order of each conversation; return document ids by memory id."""
    ids: dict[str, str] = {}
    for batch in _batches(documents, _BATCH):
        results = memory.add_many(_conversation(group) for _, group in groupby(batch, _conversation_of))
        added = [item["id"] for result in results for item in result["results"]]
        ids.update(zip(added, (document.id for document in batch), strict=True))
        if progress:
            progress(len(ids), len(documents))
    return ids


def retrieve(
    memory: Memory, questions: Sequence[Question], ids: Mapping[str, str], ranking: Ranking | None = None
) -> list[list[str]]:
    """Return for each question the ids of the documents found, best first; ``ids`` is what ``fill`` returned."""
    return [[ids[item["id"]] for item in _found(memory, question, ranking)] for question in questions]


def summarize(questions: Sequence[Question], found: Sequence[Sequence[str]]) -> dict[str, Figures]:
    """Return the means over all questions and over each category's, from the ids found for each question."""
    scored = [
        (question.category, metrics(ids, question.relevant)) for question, ids in zip(questions, found, strict=True)
    ]
    categories = sorted({category for category, _ in scored if category is not None})
    means = {"all": _means([figures for _, figures in scored])}
    return means | {name: _means([figures for category, figures in scored if category == name]) for name in categories}


def metrics(found: Sequence[str], relevant: Mapping[str, float]) -> Figures:
    """Return recall and NDCG at each of DEPTHS and whether anything relevant is among the first ten, in 0..1.

    NDCG is Järvelin & Kekäläinen's ("Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002) with
    trec_eval's discount, log2(rank + 1), and the grades as gains.
    """
    gains = [relevant.get(one, 0.0) for one in found]
    ideal = sorted(relevant.values(), reverse=True)
    figures = {}
    for depth in DEPTHS:
        figures[f"recall@{depth}"] = sum(gain > 0 for gain in gains[:depth]) / len(relevant)
        figures[f"ndcg@{depth}"] = _cumulated(gains[:depth]) / _cumulated(ideal[:depth])
    figures[f"hit@{HIT_DEPTH}"] = float(any(gains[:HIT_DEPTH]))
    return figures


def table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return a report as headings and rows of text; figures are per cent, except the number of questions."""
    columns = [f"{name}@{depth}" for name in ("recall", "ndcg") for depth in DEPTHS] + [f"hit@{HIT_DEPTH}"]
    rows = [
        [ranking, category, str(int(figures["questions"])), *(f"{100 * figures[column]:.1f}" for column in columns)]
        for ranking, categories in report.items()
        for category, figures in categories.items()
    ]
    return ["ranking", "category", "questions", *columns], rows


def _conversation_of(document: Document) -> tuple[str, str | None]:
    return document.user_id, document.run_id


def _conversation(documents: Iterable[Document]) -> AddItem:
    documents = list(documents)
    user_id, run_id = _conversation_of(documents[0])
    messages = [
        {"role": one.role, "name": one.name, "content": one.text, "timestamp": one.timestamp} for one in documents
    ]
    return {"messages": messages, "user_id": user_id, "run_id": run_id, "infer": False}


def _found(memory: Memory, question: Question, ranking: Ranking | None) -> Sequence[Mapping[str, Any]]:
    chosen: dict[str, Any] = {}
    if ranking is not None:
        chosen["ranking"] = ranking
    if question.reference_date is not None:
        chosen["reference_date"] = question.reference_date
    return memory.search(question.text, user_id=question.user_id, top_k=max(DEPTHS), **chosen)["results"]


def _cumulated(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _means(scored: Sequence[Figures]) -> Figures:
    names = scored[0] if scored else {}
    return {"questions": len(scored)} | {name: sum(one[name] for one in scored) / len(scored) for name in names}


def _batches(values: Sequence[_Value], size: int) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


# -- reading


def read(path: str | os.PathLike[str]) -> Collection:
    """Read a collection from a file of JSON lines or a folder in BEIR's form.

    Raises ValidationError with the file, the line and the field, also for unknown fields, repeated ids, and relevant
    documents that do not exist or belong to another user.
    """
    path = Path(path)
    collection = _read_beir(path) if path.is_dir() else _read_lines(path)
    if not collection.questions:
        raise ValidationError(f"{path}: there is no question in it. Add one.", field="type")
    return collection


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
            for document_id in question.relevant:
                _check_relevant(documents.get(document_id), document_id, question.user_id)
    return Collection(list(documents.values()), list(questions.values()))


def _read_beir(folder: Path) -> Collection:
    documents: dict[str, Document] = {}
    for number, data in _objects(folder / "corpus.jsonl"):
        with _line(folder / "corpus.jsonl", number):
            text = " ".join(filter(None, (data.get("title"), data.get("text"))))
            _keep(documents, Document(_identifier(data.get("_id"), "_id"), clean_text(text, "text")))
    judged = _read_judgements(folder, documents)
    questions: dict[str, Question] = {}
    for number, data in _objects(folder / "queries.jsonl"):
        with _line(folder / "queries.jsonl", number):
            name = _identifier(data.get("_id"), "_id")
            if name in judged:  # queries.jsonl also has the queries of other splits
                _keep(questions, Question(name, clean_text(data.get("text"), "text"), judged[name]))
    return Collection(list(documents.values()), list(questions.values()))


def _read_judgements(folder: Path, documents: Mapping[str, Document]) -> dict[str, dict[str, float]]:
    path = next((one for one in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if one.exists()), None)
    if path is None:
        raise ValidationError(f"{folder}: there is neither qrels.tsv nor qrels/test.tsv in it. Add one.", field="qrels")
    judged: dict[str, dict[str, float]] = {}
    for number, text in islice(_texts(path), 1, None):  # the first line has the headings
        with _line(path, number):
            query, document_id, grade = _judgement(text)
            if grade > 0:  # the others were judged not relevant
                _check_relevant(documents.get(document_id), document_id, _EVERYONE)
                judged.setdefault(query, {})[document_id] = grade
    return judged


def _judgement(text: str) -> tuple[str, str, float]:
    try:
        query, document_id, grade = text.rstrip("\r\n").split("\t")
        return query, document_id, float(grade)
    except ValueError:
        raise ValidationError(
            "Invalid score: a line must be the query's id, the document's id and a number, separated by tabs.",
            field="score",
        ) from None


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
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"not valid JSON: {error}", field="line") from None
    if not isinstance(data, dict):
        raise ValidationError("must be a JSON object.", field="line")
    return data


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a file's lines that are not blank, numbered from 1."""
    lines = enumerate(read_utf8_lines(path, "file"), start=1)
    yield from ((number, text) for number, text in lines if text.strip())


def _keep(known: dict[str, _Item], item: _Item) -> None:
    if item.id in known:
        raise ValidationError(f"Invalid id: {item.id!r} is used twice. Give each its own id.", field="id")
    known[item.id] = item


def _check_relevant(document: Document | None, document_id: str, user_id: str) -> None:
    if document is None:
        raise ValidationError(f"Invalid relevant: there is no document {document_id!r}. Add it.", field="relevant")
    if document.user_id != user_id:
        raise ValidationError(
            f"Invalid relevant: document {document_id!r} belongs to user {document.user_id!r}, but the question is of "
            f"user {user_id!r}. Give both the same user_id.",
            field="relevant",
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
    return value


def _role(value: object, field: str) -> str | None:
    if value == "system":
        raise ValidationError(f"Invalid {field}: system messages are not stored. Leave the document out.", field=field)
    return optional_text(value, field)


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
    "category": _identifier,
    "reference_date": _instant,
}
