"""In which direction a question follows the relations of a graph. Pure."""

import re
from typing import Literal

Direction = Literal["needed", "following", "any"]
"""Towards what something needs, towards what comes after it, or anywhere."""

BESIDE = 0.2
"""How much an entity counts that a memory only names together with another; one a relation away counts as 1."""
_ANYWHERE = 0.3  # what a relation counts for a question that asks neither for what is needed nor for what follows

# Not compiled here: few questions are asked of a graph.
_FOLLOWING = r"(?i)\b(after|afterwards|once|next|then|follow(s|ing|ed)?|later|remains?|left|has (just )?been)\b"
_NEEDED = (
    r"(?i)\b(before|needs?|needed|requires?|required|requirements?|prerequisites?|prepare|ready|in place|arrange|first|"
    r"steps?|depends?|relies|rely|uses?|how (do|does|can|would|should|to|is|are)|(have|has|had) to|must|takes?|set up|"
    r"ask)\b"
)
_BEFORE = r"(?i)\bbefore\b"
_BACKWARD = frozenset({"before", "precedes"})


def direction(question: str) -> Direction:
    """Return what a question asks for: what is needed, as with "before" and "how", or what follows, as with "after"."""
    if re.search(_FOLLOWING, question) and not re.search(_BEFORE, question):
        return "following"
    return "needed" if re.search(_NEEDED, question) else "any"


def leads(relationship: str, asked: Direction, *, forward: bool) -> float:
    """Return how much a relation counts that is followed from its source (``forward``) or from its destination; in
    0..1.

    "requires", "uses" and "after" point to what is needed; "before" points the other way.
    """
    if asked == "any":
        return _ANYWHERE
    needed = forward != (relationship in _BACKWARD)
    return 1.0 if needed == (asked == "needed") else BESIDE
