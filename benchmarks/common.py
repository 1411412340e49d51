"""What the benchmarks share: texts, tables, and the machine that the figures were measured on."""

import importlib.metadata
import itertools
import os
import platform
import random
from collections.abc import Sequence
from pathlib import Path

SYLLABLES = [a + b for a in "bcdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "or", "il")]
WORDS = ["".join(pair) + end for end in ("k", "b") for pair in itertools.product(SYLLABLES, repeat=2)]
random.Random(11).shuffle(WORDS)
WORDS = WORDS[:5_000]
"""Made-up words, the commonest first."""
# Zipf-Mandelbrot, so that a keyword is in as many of a user's memories as in real dialogues without stop words: six
# keywords occur about 2,400 times in 10,000 memories, the commonest in one memory of six.
WEIGHTS = list(itertools.accumulate(1 / (rank + 7) for rank in range(len(WORDS))))


def sentence(generator: random.Random, length: int = 12) -> str:
    """Return a text of ``length`` words, a few common and most of them rare."""
    return " ".join(generator.choices(WORDS, cum_weights=WEIGHTS, k=length))


def machine(*packages: str) -> str:
    """Return what the figures were measured on: the processor, Python, and the versions of the packages."""
    names = packages or ("mem0lite", "apsw", "sqlite-vec", "fastembed", "onnxruntime")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def processor() -> str:
    """Return the processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def markdown(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
