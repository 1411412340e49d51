"""``mem0lite guide``."""

import sys

import click

from .commands import cli
from .output import echo, print_rows, printable

_WIDEST = 100  # columns: longer lines are hard to read


@cli.command()
@click.argument("page", required=False)
def guide(page: str | None) -> None:
    """Read the guide: list its pages, or show one.

    PAGE is the name of a page, such as `search`. On a terminal it is formatted; in a pipe it is Markdown.
    """
    from .. import guide as library

    if page is None:
        print_rows(["Page", "What it tells"], [(one.name, one.summary) for one in library.pages()])
    else:
        _show(library.read(page.lower().removesuffix(".md")))


def _show(markdown: str) -> None:
    """Print a page: formatted on a terminal, as it is elsewhere."""
    if not sys.stdout.isatty():
        echo(printable(markdown, keep="\n\t").rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    # Links lead to other pages by file names, which mean nothing to a terminal.
    console.print(Markdown(markdown, hyperlinks=False), width=min(console.width, _WIDEST))
