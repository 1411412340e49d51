"""The order of the steps of a procedure, as the relations between the things they are about tell it. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from .build import name_of

_EARLIER_IS_SOURCE = frozenset({"before", "precedes"})
_EARLIER_IS_DESTINATION = frozenset({"after", "follows", "requires", "depends_on", "uses"})

_JUST_BEFORE = 0.25
"""How much earlier than a thing a tool for it comes, in steps."""

Statement = tuple[str, str, str]
"""Source, relationship and destination, as a memory writes them."""


def in_order(memories: Sequence[Sequence[Statement]], about: Iterable[str]) -> list[int]:
    """Return the positions of the memories that state an order of things linked with ``about``, earliest first.

    ``memories`` holds the statements of each memory, ``about`` names of entities. Memories at the same place in the
    order stay in the order given.
    """
    links = [[link for statement in stated if (link := _link(statement))] for stated in memories]
    means = [[statement[1] == "uses" for statement in stated if _link(statement)] for stated in memories]
    names = _merged({name for stated in links for link in stated for name in link})
    merged = [[(names[first], names[second]) for first, second in stated] for stated in links]
    reached = _reached({link for stated in merged for link in stated}, {names.get(name, name) for name in about})
    levels = _levels({link for stated in merged for link in stated if link[0] in reached})
    chosen = {
        position: sum(
            levels[later] - _JUST_BEFORE if tool else (levels[earlier] + levels[later]) / 2
            for (earlier, later), tool in zip(stated, tools, strict=True)
        )
        / len(stated)
        for position, (stated, tools) in enumerate(zip(merged, means, strict=True))
        if any(link[0] in reached for link in stated) and all(name in levels for link in stated for name in link)
    }
    return sorted(chosen, key=lambda position: (chosen[position], position))


def _link(statement: Statement) -> tuple[str, str] | None:
    """Return what comes earlier and what later according to a statement, or None if it says nothing about that."""
    source, relationship, destination = name_of(statement[0]), statement[1], name_of(statement[2])
    if relationship in _EARLIER_IS_SOURCE:
        return source, destination
    return (destination, source) if relationship in _EARLIER_IS_DESTINATION else None


def _merged(names: set[str]) -> Mapping[str, str]:
    """Return for each name a shorter one that means the same: "scorecards sheet" for "complete scorecards sheet"."""
    merged = {}
    for name in names:
        words = name.split(" ")
        shorter = [" ".join(words[start:]) for start in range(1, len(words) - 1)]
        merged[name] = next((one for one in shorter if one in names), name)
    return merged


def _reached(links: set[tuple[str, str]], about: set[str]) -> set[str]:
    """Return every name that is linked with one of ``about``, over any number of links in any direction."""
    beside: dict[str, set[str]] = {}
    for first, second in links:
        beside.setdefault(first, set()).add(second)
        beside.setdefault(second, set()).add(first)
    reached: set[str] = set()
    waiting = [name for name in about if name in beside]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += beside[name]
    return reached


def _levels(links: set[tuple[str, str]]) -> dict[str, int]:
    """Return the least number of things that come before each; links that contradict others are ignored."""
    levels = {name: 0 for link in links for name in link}
    for _ in range(len(levels)):
        changed = False
        for first, second in links:
            if levels[second] <= levels[first] < len(levels) - 1:
                levels[second], changed = levels[first] + 1, True
        if not changed:
            break
    return levels
