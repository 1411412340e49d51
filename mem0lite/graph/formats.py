"""A graph as a Mermaid diagram for Markdown, and as GraphML for other graph programs."""

import re

from ..types import GraphResult

_SHAPES = {"command": ("[[", "]]"), "path": ("[/", "/]"), "project": ("((", "))"), "tag": ("{{", "}}")}
_ROUND = ("(", ")")
_ATTRIBUTES = (
    ("node", "name", "string"),
    ("node", "type", "string"),
    ("node", "memories", "int"),
    ("edge", "relationship", "string"),
    ("edge", "memory_ids", "string"),
)
_NOT_IN_XML = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_LINE_ENDS = dict.fromkeys("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " ")
_ESCAPED = str.maketrans(
    {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "|": "#124;", "\\": "#92;", **_LINE_ENDS}
)


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
    numbers = {node["name"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        *(
            f'  <key id="{name}" for="{where}" attr.name="{name}" attr.type="{kind}"/>'
            for where, name, kind in _ATTRIBUTES
        ),
        '  <graph edgedefault="directed">',
    ]
    for node in graph["nodes"]:
        data = _data(name=node["name"], type=node["type"], memories=str(node["memories"]))
        lines.append(f'    <node id="{numbers[node["name"]]}">{data}</node>')
    for edge in graph["edges"]:
        ends = f'source="{numbers[edge["source"]]}" target="{numbers[edge["destination"]]}"'
        data = _data(relationship=edge["relationship"], memory_ids=" ".join(edge["memory_ids"]))
        lines.append(f"    <edge {ends}>{data}</edge>")
    return "\n".join([*lines, "  </graph>", "</graphml>", ""])


def _data(**values: str) -> str:
    return "".join(f'<data key="{name}">{_written(value)}</data>' for name, value in values.items())


def _written(text: str) -> str:
    """Return a text escaped for XML, without the characters that XML 1.0 does not allow."""
    from html import escape  # with all of HTML's entities, which nothing else needs

    return escape(re.sub(_NOT_IN_XML, "", text))
