"""Filters: from the dictionaries that callers write to an expression that a store can test.

``parsing`` reads the grammar and is where it is described, ``operators`` holds the operators, ``expressions`` is the
result, ``hints`` guesses what a misspelt word was meant to be.
"""

from .expressions import (
    ANY_SCOPE,
    EVERYTHING,
    FACTS,
    FIELDS,
    KEY,
    SCOPE_IDS,
    All,
    AnyOf,
    Condition,
    Expression,
    Not,
    both,
    names_only,
    names_scope,
    only_scope,
    scope_part,
)
from .parsing import MAX_CONDITIONS, MAX_DEPTH, as_json, likely_ids, parse

__all__ = [
    "ANY_SCOPE", "EVERYTHING", "FACTS", "FIELDS", "KEY", "MAX_CONDITIONS", "MAX_DEPTH", "SCOPE_IDS", "All", "AnyOf",
    "Condition", "Expression", "Not", "as_json", "both", "likely_ids", "names_only", "names_scope", "only_scope",
    "parse", "scope_part",
]  # fmt: skip
