"""Draw what peers.py measured: python benchmarks/plot.py peers.json benchmarks/peers.svg [--size 100000]"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

KINDS = {"scoped": ("#1f6feb", "a user's memories"), "filtered": ("#8ab4f8", "with a metadata filter")}
LEFT, WIDTH, BAR, GAP, TOP, BOTTOM = 210, 560, 15, 16, 64, 40


def svg(figures: Mapping[str, Any], size: int) -> str:
    """Return bars of the median search times on a logarithmic scale, the fastest system first."""
    systems = sorted(figures.items(), key=lambda item: item[1]["search_ms"]["scoped"])
    medians = [one["search_ms"][kind] for _, one in systems for kind in KINDS]
    low, high = math.floor(math.log10(min(medians))), math.ceil(math.log10(max(medians)))
    height = TOP + len(systems) * (2 * BAR + GAP) + BOTTOM

    def x(milliseconds: float) -> float:
        return LEFT + WIDTH * (math.log10(milliseconds) - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 90} {height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        label(16, 24, f"Best ten of {size:,} memories, median milliseconds (logarithmic scale)", "bold"),
        *legend(),
        *axis(low, high, x, height),
    ]
    for row, (name, one) in enumerate(systems):
        y = TOP + row * (2 * BAR + GAP)
        parts.append(label(16, y + BAR + 5, name, "bold" if name.startswith("mem0lite") else "normal"))
        for place, (kind, (color, _)) in enumerate(KINDS.items()):
            median, top = one["search_ms"][kind], y + place * BAR
            width = max(1.0, x(median) - LEFT)
            parts.append(f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR - 2}" fill="{color}"/>')
            parts.append(label(LEFT + width + 5, top + BAR - 4, f"{median:,.0f}" if median >= 100 else f"{median:.3g}"))
    return "\n".join([*parts, "</svg>", ""])


def legend() -> Iterator[str]:
    """Yield what the colours mean."""
    for place, (color, meaning) in enumerate(KINDS.values()):
        left = LEFT + place * 190
        yield f'<rect x="{left}" y="36" width="12" height="12" fill="{color}"/>'
        yield label(left + 18, 47, meaning)


def axis(low: int, high: int, x: Any, height: int) -> Iterator[str]:
    """Yield a line and a number for each power of ten."""
    for power in range(low, high + 1):
        place = f"{x(10.0**power):.1f}"
        yield f'<line x1="{place}" y1="{TOP - 6}" x2="{place}" y2="{height - BOTTOM + 6}" stroke="#ddd"/>'
        yield label(float(place) - 8, height - 14, f"{10.0**power:g}")


def label(left: float, baseline: float, text: str, weight: str = "normal") -> str:
    """Return a text."""
    return f'<text x="{left:.1f}" y="{baseline:.1f}" font-weight="{weight}" fill="#222">{escape(text)}</text>'


def main() -> None:
    """Read the figures and write the drawing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path)
    parser.add_argument("drawing", type=Path)
    parser.add_argument("--size", type=int, default=100_000)
    given = parser.parse_args()
    given.drawing.write_text(svg(json.loads(given.figures.read_text())[str(given.size)], given.size))


if __name__ == "__main__":
    main()
