"""How well search finds what answers a question, measured on documents, questions and relevant ids.

A collection is a file of JSON lines in any order::

    {"type": "document", "id": "d1", "text": "I moved to Lisbon", "user_id": "alice", "run_id": "monday",
     "name": "Alice", "role": "user", "timestamp": "2024-05-06T10:00:00Z"}
    {"type": "question", "id": "q1", "text": "Where does Alice live?", "relevant": ["d1"], "user_id": "alice",
     "category": "places", "reference_date": "2024-06-01"}

``type``, ``id``, ``text`` and ``relevant`` are required. ``relevant`` may also be an object of grades by id. Lines
without a user belong to one user. Consecutive documents of the same user and run are one conversation, and a document
without a run is a fact by itself. A question about something that changed may name the documents that say it as it was,
``old``, and as it is, ``new``.

A collection may also be a file in LoCoMo's form (``mem0lite.retrieval.locomo``), or a folder in the form of BEIR
(Thakur et al., "BEIR", NeurIPS 2021): ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv`` or ``qrels.tsv``.
"""

from .bm25 import search_bm25
from .collection import Collection, Document, Question
from .measuring import (
    DEPTHS,
    HIT_DEPTH,
    RANKINGS,
    Figures,
    Found,
    Interval,
    Report,
    difference,
    evaluate,
    fill,
    ids_of,
    intervals,
    metrics,
    retrieve,
    search_all,
    summarize,
    table,
)
from .reading import read

__all__ = [
    "DEPTHS",
    "HIT_DEPTH",
    "RANKINGS",
    "Collection",
    "Document",
    "Figures",
    "Found",
    "Interval",
    "Question",
    "Report",
    "difference",
    "evaluate",
    "fill",
    "ids_of",
    "intervals",
    "metrics",
    "read",
    "retrieve",
    "search_all",
    "search_bm25",
    "summarize",
    "table",
]
