"""Documents, and questions about them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EVERYONE = "everyone"
"""The user of documents and questions that name none."""


@dataclass(frozen=True, slots=True)
class Document:
    """Something to find."""

    id: str
    text: str
    user_id: str = EVERYONE
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
    user_id: str = EVERYONE
    category: str | None = None
    reference_date: Any = None
    """When it is asked."""
    old: Sequence[str] = ()
    """Documents that say what was true before it changed."""
    new: Sequence[str] = ()
    """Documents that say what is true now; some if ``old`` has some."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, and questions about them."""

    documents: Sequence[Document]
    questions: Sequence[Question]
