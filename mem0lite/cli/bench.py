"""``mem0lite bench``."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DependencyError
from .commands import cli
from .options import FilePath, Options, json_option, model_option
from .output import note, print_json, print_rows, progress_bar

if TYPE_CHECKING:
    from ..retrieval import Collection, Found


@cli.group()
def bench() -> None:
    """Measure on your own data."""


@bench.command()
@click.argument("data", type=FilePath(exists=True))
@click.option(
    "--output", type=FilePath(dir_okay=False), metavar="FILE", help="Write what was found for each question, as JSON."
)
@model_option
@json_option
@click.pass_obj
def retrieval(options: Options, data: str, output: str | None) -> None:
    """Measure how well search finds answers, beside simpler rankings and BM25.

    DATA is a file of JSON lines, LoCoMo's file, or a folder in BEIR's form. A line is a document {"type": "document",
    "id", "text", and if known "user_id", "run_id", "name", "role", "timestamp"} or a question {"type": "question",
    "id", "text", "relevant": [ids], and if known "user_id", "category", "reference_date", "old": [ids], "new": [ids]}.
    They go into a temporary file.

    default is what search does. plain leaves out conversations, speakers and dates. dense is meaning only, sparse is
    words only. bm25 is another library's, and needs mem0lite[bench]. Figures are means in per cent: recall at 5, 10
    and 20, NDCG at 10, and how often anything relevant is among the first ten. Intervals of 95 % come from resampling
    the questions. new_first is how often something in "new" comes before everything in "old".
    """
    if options.db is not None or options.url is not None:
        raise click.UsageError("bench makes its own file: leave out --db and --url.")
    if output is not None and Path(output).exists() and Path(output).samefile(data):
        raise click.UsageError("--output would replace DATA. Give another file.")
    from ..retrieval import ids_of, read, table

    collection = read(data)
    with _written(output) as results:
        found = _found(options, collection)
        ids = {ranking: ids_of(one) for ranking, one in found.items()}
        if results is not None:
            raw = {
                "data": data,
                "model": options.embedder(),
                "figures": _figures(collection, ids),
                "questions": _questions(collection, found),
            }
            results.write_text(json.dumps(raw, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if options.json:
        print_json(_figures(collection, ids))
    else:
        print_rows(*table(collection.questions, ids))


@contextmanager
def _written(output: str | None) -> Iterator[Path | None]:
    """Yield the file to write results to, if there is one, before minutes go into measuring."""
    from ..files import appearing

    if output is None:
        yield None
        return
    with appearing(Path(output)) as path:
        yield path


def _found(options: Options, collection: "Collection") -> "dict[str, list[Found]]":
    """Return what each ranking finds, and BM25 if it is installed."""
    from ..memory import Memory
    from ..retrieval import search_all, search_bm25

    outside = {}
    try:
        outside["bm25"] = search_bm25(collection)
    except DependencyError as error:
        note(f"Left out: bm25. {error}")
    with (
        tempfile.TemporaryDirectory() as folder,
        Memory(Path(folder, "bench.db"), embedder=options.embedder()) as memory,
        progress_bar("Adding") as progress,
    ):
        return {**search_all(memory, collection, progress=progress), **outside}


def _figures(collection: "Collection", ids: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, Any]:
    """Return the means with their intervals, by ranking and category."""
    from ..retrieval import intervals, summarize

    report: dict[str, Any] = {}
    for ranking, found in ids.items():
        spans = intervals(collection.questions, found)
        means = summarize(collection.questions, found)
        report[ranking] = {category: {**means[category], "intervals": spans[category]} for category in means}
    return report


def _questions(collection: "Collection", found: "Mapping[str, Sequence[Found]]") -> list[dict[str, Any]]:
    """Return each question with what every ranking found for it."""
    return [
        {
            "id": question.id,
            "category": question.category,
            "relevant": dict(question.relevant),
            "found": {
                ranking: [{"id": name, "score": score} for name, score in results[place]]
                for ranking, results in found.items()
            },
        }
        for place, question in enumerate(collection.questions)
    ]
