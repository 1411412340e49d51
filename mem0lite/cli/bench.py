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
    """How well search finds what answers a question: recall and NDCG at 5, 10 and 20, hit at 10.

    DATA is a file of JSON lines, documents {"type": "document", "id", "text", and if known "user_id", "run_id", "name",
    "role", "timestamp"} and questions {"type": "question", "id", "text", "relevant": [ids], and if known "user_id",
    "category", "reference_date"}, or a folder in BEIR's form. They go to a file of their own, which is removed again.
    """
    if options.db or options.url:
        raise click.UsageError("bench makes a file of its own: it takes neither --db nor --url.")
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
