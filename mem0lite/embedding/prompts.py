"""The prompts that embedding models were trained to see before a question and before a text, by name. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

PROMPTED = " after "
"""What a fingerprint has between the hash of the weights and the prompt of documents, if there is one."""


class Prompts(NamedTuple):
    """The texts before a question and before a text that is stored."""

    query: str = ""
    document: str = ""


LONGEST_NAME = 200
"""Characters of a model's name that are looked at, counted from its end, where a folder's path has the name."""

_FOR_SEARCH = "Represent this sentence for searching relevant passages: "
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

# From the models' cards. fastembed adds none of them; it knows the tasks of jina-embeddings-v3, which has no prompts.
_FAMILIES = (
    (r"\be5-.*instruct|\be5-mistral", Prompts(f"{_TASK} ")),
    (r"\be5-(?:small|base|large)", Prompts("query: ", "passage: ")),
    (r"\bqwen3-embedding", Prompts(_TASK)),
    (r"\bnomic-embed-text", Prompts("search_query: ", "search_document: ")),
    (r"\bembeddinggemma", Prompts("task: search result | query: ", "title: none | text: ")),
    (r"\barctic-embed-[a-z]+-v2", Prompts("query: ")),
    (r"\barctic-embed|\bmxbai-embed-large|\bbge-(?:small|base|large)-en", Prompts(_FOR_SEARCH)),
    (r"\bbge-(?:small|base|large)-zh", Prompts("为这个句子生成表示以用于检索相关文章：")),
)
_QUERY_KEYS, _DOCUMENT_KEYS = ("query", "search_query"), ("document", "passage", "search_document")


def of_name(*names: str) -> Prompts:
    """Return the prompts of the first name that belongs to a family with prompts."""
    for name in names:
        for family, prompts in _FAMILIES:
            if re.search(family, name[-LONGEST_NAME:].lower().replace("_", "-")):
                return prompts
    return Prompts()


def of_config(config: Mapping[str, Any]) -> Prompts | None:
    """Return the prompts in a model's ``config_sentence_transformers.json``; None if it has none."""
    given = config.get("prompts")
    if not isinstance(given, Mapping):
        return None
    found = Prompts(_first(given, _QUERY_KEYS), _first(given, _DOCUMENT_KEYS))
    return found if any(found) else None


def _first(given: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((given[key] for key in keys if isinstance(given.get(key), str)), "")
