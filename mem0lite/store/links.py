"""What a search and a caller get of the graph, whatever database its rows are in."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..graph import BESIDE, MENTIONS, Direction, Named, aliases, leads, longest
from ..types import Relation
from .damage import check_texts

MOST_ROWS = 65_536
"""How many rows a search reads at a time of entities that very many memories name."""
_MOST_NAMES = 64  # that a search looks up at each step
_HOPS = 2
_FADING = 0.7  # of an entity's strength, with each further step
_RARE = 5  # memories up to which an entity that they name counts in full
_FEW = 8  # entities next to one, up to which each counts in full


class Links(Protocol):
    """The mentions and relations of the visible memories, in one snapshot. A list may end at MOST_ROWS."""

    def named(self, names: Collection[str]) -> Iterable[tuple[str, int]]:
        """Return the entities, and the keys of the memories that name them."""

    def stated(self, names: Collection[str], *, forward: bool) -> Iterable[tuple[str, str, str]]:
        """Return what is stated of the entities: their names, the other end, and the relationship. ``forward`` asks for
        the relations that begin at them."""

    def beside(self, names: Collection[str]) -> Iterable[tuple[str, str]]:
        """Return the entities, and those that the same memories name, without tags and projects."""


def evidence(links: Links, query: Sequence[Named], asked: Direction) -> tuple[dict[int, float], dict[int, float]]:
    """Return by key, in 0..1, which share of the query's entities a memory names, and how near to them are those that
    it names otherwise: on the way that the query asks for, a relation away is 1."""
    known = _memories(links, [one.name for one in query])
    meant = [one.name for one in longest([one for one in query if one.name in known])]
    names = {name: min(1.0, _RARE / len(known[name])) for name in meant}
    own: dict[int, float] = {}
    for name, strength in names.items():
        for key in known[name]:
            own[key] = own.get(key, 0.0) + strength / len(names)
    near: dict[int, float] = {}
    seen = set(names)
    for _ in range(_HOPS):
        names = _next_to(links, names, asked, seen)
        seen |= set(names)
        strongest = sorted(names, key=lambda name: (-names[name], name))[:_MOST_NAMES]
        found = _memories(links, strongest)
        names = {name: names[name] for name in strongest if name in found}
        for name, strength in names.items():
            for key in found[name]:
                near[key] = max(near.get(key, 0.0), strength)
        names = {name: strength * _FADING for name, strength in names.items()}
    return own, near


def _memories(links: Links, names: Collection[str]) -> dict[str, list[int]]:
    """Return the keys of the memories that name each entity."""
    found: dict[str, list[int]] = {}
    for name, key in links.named(names):
        found.setdefault(name, []).append(key)
    return found


def _next_to(links: Links, names: Mapping[str, float], asked: Direction, seen: Collection[str]) -> dict[str, float]:
    """Return the entities a step away from others, with what is left of their strength, and what these may also be
    called."""
    found: dict[str, float] = {}
    for name, shares in _neighbors(links, names, asked).items():
        crowded = math.sqrt(min(1.0, _FEW / len(shares)))
        for other, share in shares.items():
            for alias, likeness in aliases(other).items():
                if alias not in seen:
                    found[alias] = max(found.get(alias, 0.0), names[name] * share * crowded * likeness)
    return found


def _neighbors(links: Links, names: Collection[str], asked: Direction) -> dict[str, dict[str, float]]:
    """Return by entity those next to it, and how much each counts: what something is stated of, and what is named
    in the same memory."""
    shares: dict[str, dict[str, float]] = {}
    for forward in (True, False):
        for name, one, relationship in links.stated(names, forward=forward):
            if relationship != MENTIONS:
                beside = shares.setdefault(name, {})
                beside[one] = max(beside.get(one, 0.0), leads(relationship, asked, forward=forward))
    for name, one in links.beside(names):
        shares.setdefault(name, {}).setdefault(one, BESIDE)
    return shares


def merged(found: Iterable[Sequence[Any]]) -> list[Relation]:
    """Return relations from rows of source, relationship, destination, memory id and the ends' names."""
    merged: dict[tuple[str, str, str], Relation] = {}
    for source, relationship, destination, memory_id, *names in found:
        check_texts(source, relationship, destination, memory_id)
        one = merged.setdefault(
            (names[0], relationship, names[1]),
            {"source": source, "relationship": relationship, "destination": destination, "memory_ids": []},
        )
        if memory_id not in one["memory_ids"]:
            one["memory_ids"].append(memory_id)
    return list(merged.values())


def tell_apart(nodes: Mapping[str, dict[str, Any]]) -> None:
    """Show two nodes with the same label, such as a tag and a term, under their names."""
    taken: set[str] = set()
    for name, node in nodes.items():
        if node["name"] in taken:
            node["name"] = name
        taken.add(node["name"])
