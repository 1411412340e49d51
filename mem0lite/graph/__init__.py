"""The graph of entities and relations in memories: how it is found in a text, searched and shown."""

from .asking import BESIDE, Direction, direction, leads
from .build import MENTIONS, PHRASE, Edge, Graph, Named, Node, aliases, build, longest, name_of, named_in
from .english.rules import RuleExtractor
from .extractor import ExtractedEntity, ExtractedRelation, Extraction, Extractor, extract
from .formats import to_graphml, to_mermaid
from .steps import in_order

__all__ = [
    "BESIDE",
    "MENTIONS",
    "PHRASE",
    "Direction",
    "Edge",
    "ExtractedEntity",
    "ExtractedRelation",
    "Extraction",
    "Extractor",
    "Graph",
    "Named",
    "Node",
    "RuleExtractor",
    "aliases",
    "build",
    "direction",
    "extract",
    "in_order",
    "leads",
    "longest",
    "name_of",
    "named_in",
    "to_graphml",
    "to_mermaid",
]
