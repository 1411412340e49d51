"""Commands for the file as a whole: its state, its space, its vectors and indexes, and the models."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click

from .commands import cli, open_memory, open_store
from .options import (
    Number,
    Options,
    confirm,
    file_options,
    json_option,
    llm_options,
    scope_options,
    store_options,
    yes_option,
)
from .output import echo, note, print_json, print_pairs, printable, progress_bar, report

_NAMED = 5  # of the last additions, whose problems are shown


@cli.command()
@click.option("--repair", is_flag=True, help="Rebuild what can be rebuilt from the texts.")
@store_options
@click.pass_obj
def check(options: Options, repair: bool) -> None:
    """Check that the file is intact and its contents are consistent."""
    result: Any
    if repair:
        with open_memory(options, reason="A server only checks.") as memory:
            result = memory.check(repair=True)
    else:
        with closing(open_store(options, reading=True)) as store:
            result = store.check()
    if options.json:
        print_json(result)
    else:
        for one in result["problems"]:
            about = ", ".join(map(printable, one["items"]))
            state = "repaired" if one["repaired"] else "not repaired" if repair else "found"
            echo(
                f"{one['check']}: {printable(one['problem'])} ({one['count']}, {state}){': ' + about if about else ''}"
            )
        echo(f"{result['memories']} memories: {'everything agrees' if result['ok'] else 'damaged'}")
    if not result["ok"]:
        raise click.exceptions.Exit(1)


@cli.command()
@scope_options
@yes_option
@store_options
@click.pass_obj
def erase(options: Options, yes: bool) -> None:
    """Erase a user, agent, run or app from the file, to the last byte.

    Prints a receipt: what was erased, and when it was gone.
    """
    if not options.scope:
        raise click.UsageError("Say whom to erase with --user, --agent, --run or --app.")
    whose = ", ".join(f"{name} {value}" for name, value in options.scope.items())
    confirm(f"Erase {whose}, with all histories? This cannot be undone.", yes)
    with closing(open_store(options)) as store:
        receipt = store.erase(**options.scope)
    if options.json:
        print_json(receipt)
    else:
        print_pairs({**receipt, "scope": whose})


@cli.command()
@file_options
@click.pass_obj
def vacuum(options: Options) -> None:
    """Remove expired memories and free their space."""
    with open_memory(options) as memory:
        report(memory.vacuum(), options.json)


@cli.command()
@click.option("--limit", type=Number(whole=True), metavar="N", help="Of at most this many additions.  [default: all]")
@click.option("--retry-failed", is_flag=True, help="Try again what was given up.")
@llm_options
@file_options
@click.pass_obj
def extract(options: Options, limit: int | None, retry_failed: bool) -> None:
    """Draw the facts that are still to be drawn from what was added.

    A server does this by itself. Fails if the language model does.
    """
    with open_memory(options, llm=True) as memory:
        result = memory.extract(limit=limit, retry_failed=retry_failed)
        recent = memory.events(limit=_NAMED)["results"] if result["failed"] else []
    report(result, options.json)
    for problem in dict.fromkeys(one["problem"] for one in recent if "problem" in one):
        note(printable(problem))
    if result["failed"]:
        raise click.exceptions.Exit(1)


@cli.command()
@file_options
@click.pass_obj
def reembed(options: Options) -> None:
    """Compute every vector again, with the model of --model."""
    path = options.path(must_exist=True)
    from ..memory import Memory

    with progress_bar("Embedding") as progress:
        result = Memory.reembed(path, embedder=options.embedder(), progress=progress)
    report(result, options.json)


@cli.command()
@click.option("--graph", is_flag=True, help="Rebuild the graph of entities and relations.")
@click.option("--categories", metavar="NAMES", help="Set the file's graph categories, separated by commas.")
@click.option("--no-categories", is_flag=True, help="Remove the graph.")
@yes_option
@file_options
@click.pass_obj
def reindex(options: Options, graph: bool, categories: str | None, no_categories: bool, yes: bool) -> None:
    """Rebuild an index, or change which memories are in it.

    The graph is made from the memories of the file's graph categories. If memories would enter or leave it, this says
    how many, and asks first.
    """
    if not graph:
        raise click.UsageError("Say what to rebuild: --graph.")
    if categories is not None and (no_categories or not categories.strip(" ,")):
        raise click.UsageError("Give either --categories with at least one name, or --no-categories.")
    wanted = "" if no_categories else categories
    with open_memory(options) as memory:
        before = ", ".join(memory.graph_categories) or "none"
        plan = memory.reindex_graph(categories=wanted, dry_run=True)
        after = ", ".join(plan["categories"]) or "none"
        said = (
            f"Graph categories of {memory.path}: {before if before == after else f'{before} -> {after}'}. "
            f"{plan['entering']} memories enter the graph, {plan['leaving']} leave it."
        )
        if before != after or plan["leaving"]:
            confirm(f"{said} Go on?", yes, "Nothing was changed.")
        else:
            note(said)
        with progress_bar("Linking") as progress:
            result = memory.reindex_graph(categories=wanted, progress=progress)
    report({**result, "categories": after} if not options.json else result, options.json)


@cli.command()
@store_options
@click.pass_obj
def stats(options: Options) -> None:
    """Show how much is stored, and with which model."""
    with closing(open_store(options, reading=True)) as store:
        result = store.stats()
    if options.json:
        print_json(result)
        return
    model, graph = result["embedder"], result["graph"]
    categories = ", ".join(graph["categories"]) or "no categories"
    stale = "" if graph["current"] else ", not finished: reindex --graph finishes it"
    shown = {
        "embedder": f"{model['name']} ({model['dimensions']} dimensions)",
        "graph": f"{graph['entities']} entities, {graph['relations']} relations ({categories}{stale})",
    }
    if (extraction := result.get("extraction")) is not None:
        cost = [f"{number:g} {name.replace('_', ' ')}" for name, number in extraction["cost"].items()]
        told = [f"{extraction['pending']} pending", f"{extraction['failed']} given up", *cost]
        shown["extraction"] = printable(f"{extraction['model'] or 'no model'} ({', '.join(told)})")
    print_pairs({**result, **shown})


@cli.command()
@click.option("--user", "user_id", required=True, metavar="ID", help="Whose memories to count.")
@store_options
@click.pass_obj
def usage(options: Options, user_id: str) -> None:
    """Show how much a user keeps, and how much the quotas allow.

    The quotas of a file are those of the environment, $MEM0LITE_MAX_MEMORIES_PER_USER and $MEM0LITE_MAX_BYTES_PER_USER.
    """
    with closing(open_store(options, reading=True)) as store:
        result = store.usage(user_id)
    if options.json:
        print_json(result)
        return
    print_pairs({name: "any number" if value is None else value for name, value in result.items()})


@cli.command()
@click.argument("changes", metavar="[NAME=VALUE]...", nargs=-1)
@file_options
@click.pass_obj
def project(options: Options, changes: Sequence[str]) -> None:
    """Show the settings of the project, or change some.

    A VALUE is JSON, or else a text. decay=true lets searches favour what they returned lately.
    """
    settings = dict(map(_setting, changes))
    with open_memory(options, reading=not settings) as memory:
        result = memory.update_project(settings) if settings else memory.get_project()
    report(result, options.json)


def _setting(change: str) -> tuple[str, Any]:
    name, equals, value = change.partition("=")
    if not name or not equals:
        raise click.UsageError(f"Write a change as NAME=VALUE, not {printable(change)}.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@cli.command()
@click.argument("model")
@json_option
@click.pass_obj
def fetch(options: Options, model: str) -> None:
    """Download a fastembed model, to be used offline from then on."""
    from ..embedding.named import fetch as download

    folder = str(download(model))
    report({"folder": folder} if options.json else {"message": f"{model} is in {folder}"}, options.json)
