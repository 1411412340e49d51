"""Results and notes on a terminal, in a pipe, or as JSON."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from ..types import EmbeddedPart, MemoryItem, SearchHit

_WIDE = 130  # columns of a terminal from which a memory's details get columns of their own

# Control characters, line separators, bidirectional overrides and lone surrogates: a terminal would obey them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(value: object, keep: str = "") -> str:
    """Return a value as text that cannot control a terminal; characters in ``keep`` stay as they are."""

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        return character if character in keep else character.encode("unicode_escape").decode()

    return _UNPRINTABLE.sub(escape, str(value))


def dumps(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that stdout's encoding can show."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    return json.dumps(value, indent=indent, ensure_ascii=not utf8)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    echo(dumps(value, indent=2))


def print_csv(shape: str, items: Iterable[Mapping[str, Any]]) -> None:
    """Print dictionaries as comma-separated values, with a column for every field of their class in ``types``.

    The columns are the same whatever is found. A list or an object is JSON, and what is absent is empty.
    """
    from .. import types

    columns = list(get_type_hints(getattr(types, shape)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_value(item.get(column)) for column in columns] for item in items)
    lines = text.getvalue().removesuffix("\n")
    echo(printable(lines, keep="\n\t") if sys.stdout.isatty() else lines)


def _value(value: object) -> object:
    return dumps(value) if isinstance(value, dict | list | bool) else value


class Form(Protocol):
    """How a command was asked to print."""

    json: bool
    csv: bool


def items(options: Form, answer: object, shape: str, found: Iterable[Mapping[str, Any]]) -> bool:
    """Print an answer as JSON, or what was found as comma-separated values, if either was asked for."""
    if options.json and options.csv:
        raise click.UsageError("Give either --json or --csv.")
    if options.json:
        print_json(answer)
    elif options.csv:
        print_csv(shape, found)
    return options.json or options.csv


def echo(text: str) -> None:
    """Print a line of results. click.echo is not used: it overrides an encoding that the user chose."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Say something that is not a result."""
    sys.stderr.write(printable(text, keep="\n\t") + "\n")


def _console() -> "Console | None":
    """Return a console to draw tables on, or None when stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console(highlight=False)


def _cell(value: object, style: str = "") -> "Text":
    """Return a table cell in which neither markup nor control characters are interpreted."""
    from rich.text import Text

    return Text(printable(value, keep="\n"), style=style, overflow="fold")


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn on a terminal, elsewhere one line per row with tabs between, without headings."""
    console = _console()
    if console is None:
        for row in rows:
            echo("\t".join(map(printable, row)))
        return
    _draw(console, headings, [[_cell(value) for value in row] for row in rows])


def _draw(
    console: "Console", headings: Sequence[str], rows: "Iterable[Sequence[RenderableType]]", leading: int = 0
) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_header=any(headings), pad_edge=False, leading=leading)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Score", "Id", "Created"))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values."""
    print_rows(["", ""], [(name.replace("_", " "), value) for name, value in pairs.items()])


def print_memories(items: "Sequence[MemoryItem] | Sequence[SearchHit]") -> None:
    """Print memories: columns where there is room, on a narrow terminal one block each."""
    if not items:
        note("No memories.")
        return
    scored = any(item.get("score") is not None for item in items)
    console = _console()
    if console is None or console.width >= _WIDE:
        headings = ["Id", *(["Score"] if scored else []), "Memory", "Scope", "Metadata", "Created"]
        print_rows(headings, [_columns(item, scored, exact=console is None) for item in items])
    else:
        headings = [*(["Score"] if scored else []), "Memory"]
        _draw(console, headings, [[*map(_cell, _score(item, scored)), _block(item)] for item in items], leading=1)


def _score(item: "MemoryItem | SearchHit", scored: bool) -> list[str]:
    return [f"{item.get('score') or 0:.3f}"] if scored else []


def _scope(item: "MemoryItem | SearchHit") -> str:
    ids = {name: item.get(name) for name in ("user_id", "agent_id", "run_id", "app_id")}
    return " ".join(f"{name.removesuffix('_id')}={value}" for name, value in ids.items() if value is not None)


def metadata_text(item: "MemoryItem | SearchHit") -> str:
    """Return a memory's metadata as JSON, or nothing."""
    return dumps(item["metadata"]) if item["metadata"] else ""


def _created(item: "MemoryItem | SearchHit", exact: bool = False) -> str:
    return item["created_at"] if exact else item["created_at"][:16].replace("T", " ")


def _columns(item: "MemoryItem | SearchHit", scored: bool, exact: bool) -> list[str]:
    return [
        item["id"], *_score(item, scored), item["memory"], _scope(item), metadata_text(item), _created(item, exact)
    ]  # fmt: skip


def _block(item: "MemoryItem | SearchHit") -> "Text":
    """Return a memory as one cell, its details beneath its text."""
    from rich.text import Text

    details = [f"{_scope(item)}  {_created(item)}", metadata_text(item), item["id"]]
    lines = [_cell(item["memory"]), *(_cell(detail, "dim") for detail in details if detail)]
    return Text("\n", overflow="fold").join(lines)


def partly(part: "EmbeddedPart", what: str = "Too long") -> str:
    """Return how much of a text the model saw, as a sentence."""
    return f"{what} to be embedded whole: {part['windows']} of {part['of']} windows are. Keywords cover it all."


@contextmanager
def progress_bar(description: str) -> "Iterator[Callable[[int, int], None] | None]":
    """Yield what draws a progress bar on stderr, or None when that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def report(result: Mapping[str, Any], as_json: bool) -> None:
    """Print what a command did: its message, or the numbers it returned."""
    if as_json:
        print_json(result)
    elif "message" in result:
        echo(printable(result["message"]))
    else:
        print_pairs(result)
