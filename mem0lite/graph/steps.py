"""The order in which the steps of a procedure come, as the relations between what they are about tell it. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from .build import name_of

_EARLIER_IS_SOURCE = frozenset({"before", "precedes"})
_EARLIER_IS_DESTINATION = frozenset({"after", "follows", "requires", "depends_on", "uses"})

_JUST_BEFORE = 0.25
"""How much earlier than a thing that is what one does it with."""

Statement = tuple[str, str, str]
"""Source, relationship and destination, as a memory writes them."""


def in_order(memories: Sequence[Sequence[Statement]], about: Iterable[str]) -> list[int]:
    """Return the positions of the memories that state the order of things which lead to, or on from, one of ``about``
    (names of entities), earliest first; those of the same time in the order given."""
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
    """Return what a statement says to come earlier and what later, or None."""
    source, relationship, destination = name_of(statement[0]), statement[1], name_of(statement[2])
    if relationship in _EARLIER_IS_SOURCE:
        return source, destination
    return (destination, source) if relationship in _EARLIER_IS_DESTINATION else None


def _merged(names: set[str]) -> Mapping[str, str]:
    """Return for each name the shorter one that means the same: "complete scorecards sheet" is the scorecards sheet."""
    merged = {}
    for name in names:
        words = name.split(" ")
        shorter = [" ".join(words[start:]) for start in range(1, len(words) - 1)]
        merged[name] = next((one for one in shorter if one in names), name)
    return merged


def _reached(links: set[tuple[str, str]], about: set[str]) -> set[str]:
    """Return every name that is linked with one of ``about``, in however many links of whatever direction."""
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
    """Return how many things come before each at least; links that contradict others are passed over."""
    levels = {name: 0 for link in links for name in link}
    for _ in range(len(levels)):
        changed = False
        for first, second in links:
            if levels[second] <= levels[first] < len(levels) - 1:
                levels[second], changed = levels[first] + 1, True
        if not changed:
            break
    return levels
