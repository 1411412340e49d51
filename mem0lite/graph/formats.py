"""A graph as Mermaid draws it in Markdown, and as GraphML, which graph programs read."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..types import GraphResult

_SHAPES = {"command": ("[[", "]]"), "path": ("[/", "/]"), "project": ("((", "))"), "tag": ("{{", "}}")}
_ROUND = ("(", ")")
_ESCAPED = str.maketrans({'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "\n": " ", "|": "#124;", "\\": "#92;"})


def to_mermaid(graph: GraphResult) -> str:
    """Return a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""
    numbers = {node["name"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    lines = ["flowchart LR"]
    for node in graph["nodes"]:
        left, right = _SHAPES.get(node["type"], _ROUND)
        lines.append(f'    {numbers[node["name"]]}{left}"{node["name"].translate(_ESCAPED)}"{right}')
    for edge in graph["edges"]:
        label = edge["relationship"].replace("_", " ").translate(_ESCAPED)
        lines.append(f'    {numbers[edge["source"]]} -->|"{label}"| {numbers[edge["destination"]]}')
    return "\n".join(lines) + "\n"


def to_graphml(graph: GraphResult) -> str:
    """Return GraphML (http://graphml.graphdrawing.org/specification.html) with the attributes as ``data``."""
    root = Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for where, name, kind in (
        ("node", "name", "string"),
        ("node", "type", "string"),
        ("node", "memories", "int"),
        ("edge", "relationship", "string"),
        ("edge", "memory_ids", "string"),
    ):
        SubElement(root, "key", {"id": name, "for": where, "attr.name": name, "attr.type": kind})
    drawn = SubElement(root, "graph", edgedefault="directed")
    numbers = {node["name"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    for node in graph["nodes"]:
        one = SubElement(drawn, "node", id=numbers[node["name"]])
        _describe(one, name=node["name"], type=node["type"], memories=str(node["memories"]))
    for edge in graph["edges"]:
        one = SubElement(drawn, "edge", source=numbers[edge["source"]], target=numbers[edge["destination"]])
        _describe(one, relationship=edge["relationship"], memory_ids=_listed(edge["memory_ids"]))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _listed(ids: Sequence[str]) -> str:
    return " ".join(ids)


def _describe(element: Element, **values: str) -> None:
    for name, value in values.items():
        SubElement(element, "data", key=name).text = "".join(one for one in value if _allowed(one))


def _allowed(character: str) -> bool:
    """Whether XML 1.0 has a character."""
    return (
        character in "\t\n\r"
        or ("\x20" <= character <= "\ufffd" and not "\ud800" <= character <= "\udfff")
        or (character >= "\U00010000")
    )
