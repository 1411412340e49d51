"""The guide: Markdown pages that travel with the package, so that they can be read offline.

``pages()`` lists them in reading order, and ``read(name)`` returns one. ``mem0lite guide`` shows them in the terminal,
and the server at ``/guide``. A page begins with its title and a summary of one sentence.
"""

from dataclasses import dataclass
from pathlib import Path

from ..errors import NotFoundError

__all__ = ["NAMES", "SUMMARY", "Page", "pages", "read"]

SUMMARY = "A memory store for AI agents in one SQLite file, compatible with mem0's API, offline, without an LLM key."

NAMES = (
    "getting-started",
    "scopes",
    "library",
    "writing",
    "lifetimes",
    "search",
    "context",
    "chat",
    "filters",
    "graph",
    "models",
    "llm",
    "files",
    "postgres",
    "cli",
    "server",
    "ui",
    "deploy",
    "opentelemetry",
    "mcp",
    "assistants",
    "webhooks",
    "mem0",
    "integrations",
    "clients",
    "hosted",
    "limits",
    "reliability",
    "benchmarks",
)
"""The pages in reading order."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the guide, as lists show it."""

    name: str
    title: str
    summary: str


def pages() -> list[Page]:
    """Return every page in reading order."""
    return [_page(name) for name in NAMES]


def read(name: str) -> str:
    """Return the Markdown of a page, whose name may be in any case.

    Raises NotFoundError for a name that no page has; the message lists the names that are close to it.
    """
    known = name.lower()
    if known not in NAMES:
        raise NotFoundError(f"The guide has no page {name!r}. {_nearest(name)}")
    return (_FOLDER / f"{known}.md").read_text(encoding="utf-8")


def _page(name: str) -> Page:
    title, summary = read(name).split("\n\n", 2)[:2]
    return Page(name, title.removeprefix("# "), " ".join(summary.split()))


def _nearest(name: str) -> str:
    import difflib  # only mistakes need it

    near = difflib.get_close_matches(name.lower(), NAMES, n=3, cutoff=0.7)
    return f"Did you mean {' or '.join(near)}?" if near else f"Its pages are {', '.join(NAMES)}."
