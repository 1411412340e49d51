"""The graph of one memory, and the names by which its entities are found. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from py_rust_stemmers import SnowballStemmer  # type: ignore[import-untyped]

from ..comparison import compatible
from ..types import Relation
from .extractor import Extraction

MENTIONS = "mentions"
"""The relationship of entities about which a text states nothing, and of a project or tag to a memory's topics."""
PHRASE = "phrase"
"""The type of an entity that is shown only if another memory gives it another type."""

_MOST_WORDS = 8  # words of a name that is looked for in a query
_MOST_QUERY_WORDS = 96
_ONE_WORD = 0.5  # how likely one word of a name means all of it
_STEMMER = SnowballStemmer("english")
_LONGEST_WORD = 64  # letters up to which a stem is cached: the size of its keys bounds a cache in bytes
_BEFORE = re.compile(r"[\w/~.$@+-]")  # a character that may belong to a name after it
_AFTER = re.compile(r"[\w/+=)*-]")  # a character that may belong to a name before it


class Node(NamedTuple):
    """An entity of one memory."""

    name: str
    """The name that it has in every memory."""
    label: str
    """The name as the memory writes it."""
    type: str


class Edge(NamedTuple):
    """What one memory states about two entities, by their names."""

    source: str
    relationship: str
    destination: str


class Graph(NamedTuple):
    """The entities and relations of one memory, in the order of the text."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]

    def relations(self, memory_id: str) -> list[Relation]:
        """Return the relations of the memory with this graph, as callers see them."""
        labels = {node.name: node.label for node in self.nodes}
        return [
            {
                "source": labels[edge.source],
                "relationship": edge.relationship,
                "destination": labels[edge.destination],
                "memory_ids": [memory_id],
            }
            for edge in self.edges
        ]


class Named(NamedTuple):
    """A part of a query that may be the name of an entity."""

    name: str
    first: int
    """The position of its first word."""
    words: int


def name_of(label: str) -> str:
    """Return the name of an entity: its words, case-folded and, if they are plain words, stemmed.

    It is empty if the label has no words.
    """
    return " ".join(_words(label))


def build(extraction: Extraction, metadata: Mapping[str, Any] | None) -> Graph:
    """Return the graph of a memory: what was extracted from its text, with its project and its tags.

    Project and tags mention what the text is about: the entities that are not only the destination of a relation. If
    there are none, the first entity mentions those without a relation.
    """
    nodes: dict[str, Node] = {}
    for entity in extraction["entities"]:
        _add(nodes, entity["name"], entity.get("type", "thing"))
    edges: dict[Edge, None] = {}
    for relation in extraction["relations"]:
        source, destination = (_add(nodes, relation[end], "thing") for end in ("source", "destination"))
        if source and destination and source != destination:
            edges.setdefault(Edge(source, relation["relationship"], destination))
    shown = [node.name for node in nodes.values() if node.type != PHRASE]
    contexts = [context for label, kind in _contexts(metadata) if (context := _add(nodes, label, kind))]
    if contexts:
        told = {edge.destination for edge in edges}
        about = [name for name in shown if name not in told and name not in contexts]
        mentions = [Edge(context, MENTIONS, name) for context in dict.fromkeys(contexts) for name in about]
    else:
        linked = {end for edge in edges for end in (edge.source, edge.destination)}
        mentions = [Edge(shown[0], MENTIONS, name) for name in shown[1:] if name not in linked]
    return Graph(list(nodes.values()), list(dict.fromkeys([*edges, *mentions])))


def named_in(query: str) -> list[Named]:
    """Return every part of a query that may be a name, longest first."""
    words = _words(query)[:_MOST_QUERY_WORDS]
    return [
        Named(" ".join(words[first : first + length]), first, length)
        for length in range(min(_MOST_WORDS, len(words)), 0, -1)
        for first in range(len(words) - length + 1)
    ]


def longest(found: Sequence[Named]) -> list[Named]:
    """Return the parts that are not within a longer one, which is what is meant; ``found`` has the longest first."""
    chosen: list[Named] = []
    for one in found:
        inside = any(
            longer.first <= one.first and one.first + one.words <= longer.first + longer.words for longer in chosen
        )
        if not inside:
            chosen.append(one)
    return chosen


def aliases(name: str) -> dict[str, float]:
    """Return what an entity may also be called, with how likely that is: "signed metric plan" is a metric plan, perhaps
    a plan, and "lbctl drain" has to do with lbctl."""
    words = name.split(" ")
    found = {" ".join(words[start:]): 1.0 for start in range(len(words) - 1)}
    if len(words) > 1:
        found |= dict.fromkeys((words[-1], words[0]), _ONE_WORD)
    return found or {name: 1.0}


def _add(nodes: dict[str, Node], label: str, kind: str) -> str:
    """Add a node, unless it is there already as more than a phrase; return its name, empty if it has none."""
    name = name_of(label)
    known = nodes.get(name)
    if name and (known is None or (known.type == PHRASE and kind != PHRASE)):
        nodes[name] = Node(name, label, kind)
    return name


def _contexts(metadata: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Yield the project and the tags, with their types."""
    given = metadata or {}
    project, tags = given.get("project_id"), given.get("domain_tags")
    if isinstance(project, str | int) and not isinstance(project, bool) and str(project).strip():
        yield str(project).strip(), "project"
    for tag in tags if isinstance(tags, list) else [tags]:
        if isinstance(tag, str) and tag.strip():
            yield tag.strip(), "tag"


def _words(text: str) -> list[str]:
    folded = compatible(text).casefold().replace("’", "'")
    named = (_known_word(part) if len(part) <= _LONGEST_WORD else _word(part) for part in folded.split())
    return [word for word in named if word]


def _word(part: str) -> str:
    # From both ends to the first character of a name: a pattern for the end, such as "[^…]+$", would be tried from
    # every character of a run, to the end of it each time.
    first, last = _BEFORE.search(part), _AFTER.search(part[::-1])
    word = part[first.start() : len(part) - last.start()] if first and last else ""
    word = word.removesuffix("'s").removesuffix(".")
    return str(_STEMMER.stem_word(word)) if word.isalpha() else word


_known_word = lru_cache(4_096)(_word)
