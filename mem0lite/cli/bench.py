"""``mem0lite bench``."""

import tempfile
from pathlib import Path

import click

from .commands import cli
from .options import FilePath, Options, json_option, model_option
from .output import print_json, print_rows, progress_bar


@cli.group()
def bench() -> None:
    """Measure on your own data."""


@bench.command()
@click.argument("data", type=FilePath(exists=True))
@model_option
@json_option
@click.pass_obj
def retrieval(options: Options, data: str) -> None:
    """Measure how well search finds answers: recall and NDCG at 5, 10 and 20, hit at 10.

    DATA is a file of JSON lines, or a folder in BEIR's form. A line is a document {"type": "document", "id", "text",
    and if known "user_id", "run_id", "name", "role", "timestamp"} or a question {"type": "question", "id", "text",
    "relevant": [ids], and if known "user_id", "category", "reference_date"}. They go into a temporary file.
    """
    if options.db is not None or options.url is not None:
        raise click.UsageError("bench makes its own file: leave out --db and --url.")
    from ..memory import Memory
    from ..retrieval import evaluate, read, table

    collection = read(data)
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(Path(folder, "bench.db"), embedder=options.embedder()) as memory,
        progress_bar("Adding") as progress,
    ):
        report = evaluate(memory, collection, progress=progress)
    if options.json:
        print_json(report)
    else:
        print_rows(*table(report))
