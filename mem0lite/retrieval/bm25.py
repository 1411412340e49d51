"""BM25 by a library of somebody else, bm25s, to compare with. It needs ``mem0lite[bench]``."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

from ..errors import DependencyError
from .collection import Collection, Document
from .measuring import DEPTHS, Found

# Thai, Lao, Burmese, Khmer, Japanese and Chinese have no spaces between words.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]{{2,}}")
_RUN = re.compile(rf"[{_UNSPACED}]")


def search_bm25(collection: Collection) -> list[Found]:
    """Return what bm25s finds for each question among the documents of its user.

    It is used as its manual shows: Lucene's BM25 with k1 = 1.5 and b = 0.75, words of two letters or more, English stop
    words and stems. In scripts without spaces, words are single characters and pairs. The name of the speaker comes
    before the text. Documents that share no word with the question are left out; of equal scores, the earlier document
    comes first.

    Raises DependencyError if bm25s is not installed.
    """
    library = _library()
    owned: dict[str, list[Document]] = {}
    for document in collection.documents:
        owned.setdefault(document.user_id, []).append(document)
    indexes = {user: _Index(library, documents) for user, documents in owned.items()}
    return [indexes[question.user_id].search(question.text) for question in collection.questions]


def _library() -> Any:
    """Return bm25s, which has no types."""
    try:
        return import_module("bm25s")
    except ModuleNotFoundError as error:
        raise DependencyError(
            f'Comparing with BM25 needs the package {error.name!r}. Install it with: pip install "mem0lite[bench]"',
            name=error.name,
        ) from error


class _Index:
    """The documents of one user."""

    def __init__(self, library: Any, documents: Sequence[Document]) -> None:
        from py_rust_stemmers import SnowballStemmer  # type: ignore[import-untyped]

        self._documents = documents
        self._stem = SnowballStemmer("english").stem_word
        self._stop_words = frozenset(import_module("bm25s.stopwords").STOPWORDS_EN)
        terms = [self._terms(_said(one)) for one in documents]
        self._scores = library.BM25(k1=1.5, b=0.75, method="lucene") if any(terms) else None
        if self._scores is not None:
            self._scores.index(terms, show_progress=False)

    def search(self, text: str) -> Found:
        """Return the best documents with their scores."""
        import numpy as np

        terms = self._terms(text)
        if not terms or self._scores is None:
            return []
        scores = self._scores.get_scores(terms)
        best = np.argsort(-scores, kind="stable")[: max(DEPTHS)]
        return [(self._documents[place].id, float(scores[place])) for place in best if scores[place] > 0]

    def _terms(self, text: str) -> list[str]:
        words = _words(unicodedata.normalize("NFKC", text).lower())
        return [self._stem(word) for word in words if word not in self._stop_words]


def _said(document: Document) -> str:
    return f"{document.name}: {document.text}" if document.name else document.text


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if _RUN.match(word):
            yield from word
            yield from map("".join, pairwise(word))
        else:
            yield word
