"""The commands."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..errors import MemoryNotFoundError
from .options import (
    FilePath,
    Options,
    confirm,
    expired_option,
    file_options,
    filter_option,
    given,
    instant_argument,
    json_object,
    json_option,
    label_options,
    scope_options,
    stdin_lines,
    store_options,
    text_argument,
    yes_option,
)
from .output import (
    echo,
    metadata_text,
    note,
    print_json,
    print_memories,
    print_pairs,
    print_rows,
    printable,
    progress_bar,
    report,
)
from .remote import RemoteMemory

if TYPE_CHECKING:
    from ..memory import Memory
    from ..types import EmbeddedPart, ImportResult, MoveResult

_DEFAULT_LIST = 100


def open_memory(options: Options, *, create: bool = False, reading: bool = False) -> "Memory":
    """Open the file of --db; it must exist unless ``create``.

    ``reading`` commands work on a file that cannot be written, too. Where it can, they open it as all do, because a
    file of an older version has to be brought up to date.
    """
    path = options.path(must_exist=not create)
    from ..memory import Memory

    read_only = reading and not all(os.access(one, os.W_OK) for one in (path, Path(path).absolute().parent))
    return Memory(path, embedder=options.embedder(), read_only=read_only)


def open_store(options: Options, *, create: bool = False, reading: bool = False) -> "Memory | RemoteMemory":
    """Return the server of --url, or else the file of --db, as ``open_memory`` does."""
    if not options.url:
        if options.api_key:
            raise click.UsageError("--api-key is for a server: it needs --url.")
        return open_memory(options, create=create, reading=reading)
    if options.db or options.model:
        raise click.UsageError("Give either --url, or --db and --model: a server has a file and a model of its own.")
    return RemoteMemory(options.url, options.server_key())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mem0lite", message="%(prog)s %(version)s")
@store_options
@click.pass_context
def cli(context: click.Context) -> None:
    """A memory store for agents in one SQLite file."""
    context.ensure_object(Options)


@cli.command()
@click.argument("text", required=False)
@scope_options
@click.option("--metadata", callback=json_object, metavar="JSON", help="Metadata, a JSON object.")
@label_options
@click.option("--ttl", type=float, metavar="SECONDS", help="Expire this long after its creation.")
@click.option("--expires", metavar="YYYY-MM-DD", help="Expire at the end of this day, UTC.")
@click.option("--timestamp", metavar="INSTANT", help="When it was said: ISO 8601 or epoch seconds.")
@click.option("--no-infer", is_flag=True, help="Store it even if it adds nothing to what is there.")
@store_options
@click.pass_obj
def add(
    options: Options,
    text: str | None,
    metadata: dict[str, Any] | None,
    ttl: float | None,
    expires: str | None,
    timestamp: str | None,
    no_infer: bool,
) -> None:
    """Store a text, or what stdin holds, as a memory."""
    arguments = given(
        metadata={**(metadata or {}), **options.labels} or None,
        ttl=ttl,
        expiration_date=expires,
        timestamp=instant_argument(timestamp),
        infer=not no_infer,
    )
    text = text_argument(text)
    with closing(open_store(options, create=True)) as store:
        result = store.add(text, **options.scope, **arguments)
    if options.json:
        print_json(result)
        return
    for item in result["results"]:
        echo(("Added " if item["event"] == "ADD" else "Known already: ") + printable(item["id"]))
        if item.get("expired"):
            note(f"It was added, but already expired at {item.get('expires_at')}: only --show-expired shows it.")
        if part := item.get("embedded"):
            note(_partly(part))


def _partly(part: "EmbeddedPart", what: str = "Too long") -> str:
    """Return how much of a text the model saw, as a sentence."""
    return f"{what} to be embedded whole: {part['windows']} of {part['of']} windows are. Keywords cover it all."


@cli.command()
@click.argument("query")
@scope_options
@filter_option
@click.option("--top-k", type=int, metavar="N", help="At most this many.  [default: 20]")
@click.option("--threshold", type=float, metavar="SCORE", help="None under this score, 0 to 1.  [default: 0.1]")
@click.option(
    "--reference-date",
    metavar="DATE",
    help='The "now" of the question, whose offset says where days begin (2024-06-19T09:00+12:00).  '
    "[default: the present, UTC]",
)
@click.option("--explain", is_flag=True, help="How the scores came about (with --json).")
@expired_option
@store_options
@click.pass_obj
def search(
    options: Options,
    query: str,
    filters: dict[str, Any] | None,
    top_k: int | None,
    threshold: float | None,
    reference_date: str | None,
    explain: bool,
    show_expired: bool,
) -> None:
    """Find the memories nearest to a question, best first."""
    arguments = given(filters=filters, top_k=top_k, threshold=threshold, reference_date=reference_date)
    with closing(open_store(options, reading=True)) as store:
        result = store.search(query, **options.scope, **arguments, explain=explain, show_expired=show_expired)
    if options.json:
        print_json(result)
    else:
        print_memories(result["results"])
        if part := result.get("embedded"):
            note(_partly(part, "The question is too long"))


@cli.command()
@scope_options
@filter_option
@label_options
@click.option("--entity", metavar="NAME", help="Only what is near this entity.")
@click.option("--depth", type=int, default=1, show_default=True, metavar="N", help="Relations away from it, 0 to 3.")
@click.option("--limit", type=int, default=100, show_default=True, metavar="N", help="At most this many entities.")
@click.option(
    "--format",
    type=click.Choice(["text", "json", "mermaid", "graphml"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@expired_option
@store_options
@click.pass_obj
def graph(
    options: Options,
    filters: dict[str, Any] | None,
    entity: str | None,
    depth: int,
    limit: int,
    format: str,
    show_expired: bool,
) -> None:
    """Show entities and relations; without ids and filters, of all.

    In the graph are memories of the file's graph categories, which stats shows and reindex --graph changes.
    """
    wanted = _wanted(options, filters)
    asked = {**options.scope, **given(filters=wanted, entity=entity), "depth": depth, "limit": limit}
    drawn = format in ("mermaid", "graphml")
    with closing(open_store(options, reading=True)) as store:
        found: Any = store.graph(**asked, show_expired=show_expired, format=format if drawn else "json")
    if drawn:
        echo(found.rstrip("\n"))
    elif options.json or format == "json":
        print_json(found)
    else:
        edges = [(one["source"], one["relationship"], one["destination"]) for one in found["edges"]]
        linked = {end for one in edges for end in (one[0], one[2])}
        alone = [(node["name"], "", "") for node in found["nodes"] if node["name"] not in linked]
        print_rows(["Source", "Relationship", "Destination"], [*edges, *alone])
        if found["truncated"]:
            note(f"There are more than {limit} entities; --limit shows more.")
        elif not found["nodes"]:
            note("No entities.")


@cli.command("list")
@scope_options
@filter_option
@label_options
@click.option("--limit", type=int, default=_DEFAULT_LIST, show_default=True, metavar="N", help="At most this many.")
@click.option("--offset", type=int, metavar="N", help="Pass over this many.")
@click.option("--after", metavar="CURSOR", help="Go on after a page, by its next_cursor.")
@expired_option
@store_options
@click.pass_obj
def list_(
    options: Options,
    filters: dict[str, Any] | None,
    limit: int,
    offset: int | None,
    after: str | None,
    show_expired: bool,
) -> None:
    """List memories, newest first; without ids and filters, all."""
    wanted = _wanted(options, filters)
    with closing(open_store(options, reading=True)) as store:
        page = store.get_all(
            **options.scope,
            **given(filters=wanted, offset=offset, after=after),
            limit=limit,
            show_expired=show_expired,
        )
    if options.json:
        print_json(page)
        return
    print_memories(page["results"])
    if page.get("next_cursor") is not None:
        note(f"{len(page['results'])} of {page['total']} memories; --after {page['next_cursor']} goes on.")


def _wanted(options: Options, filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the filter of what is asked for; without ids, of everybody's, as a server understands it by itself.

    Each label is text and may mean a number.
    """
    from ..data.filters import ANY_SCOPE
    from ..data.parameters import meanings

    labels = {
        name: [one for label in (value if isinstance(value, list) else [value]) for one in meanings(label)]
        for name, value in options.labels.items()
    }
    wanted = {"AND": [filters, labels]} if filters and labels else filters or labels or None
    if options.scope or options.url:
        return wanted
    return {"AND": [ANY_SCOPE, wanted or {}]}


@cli.command()
@click.argument("id")
@store_options
@click.pass_obj
def get(options: Options, id: str) -> None:
    """Show one memory."""
    with closing(open_store(options, reading=True)) as store:
        item = store.get(id)
    if item is None:
        raise MemoryNotFoundError(f"Memory with id {id} not found")
    if options.json:
        print_json(item)
        return
    shown = {**item, "metadata": metadata_text(item)}
    print_pairs({name: value for name, value in shown.items() if value not in (None, "")})


@cli.command()
@click.argument("ids", nargs=-1)
@scope_options
@click.option("--all", "everything", is_flag=True, help="All memories of everyone, with their histories.")
@yes_option
@store_options
@click.pass_obj
def delete(options: Options, ids: Sequence[str], everything: bool, yes: bool) -> None:
    """Delete memories by id, a whole scope, or everything."""
    if (bool(ids), bool(options.scope), everything).count(True) != 1:
        raise click.UsageError("Give either ids, or a scope with --user, --agent, --run or --app, or --all.")
    with closing(open_store(options)) as store:
        if ids:
            _delete_ids(options, store, ids)
        elif everything:
            _delete_everything(options, store, yes)
        else:
            _delete_scope(options, store, yes)


def _delete_ids(options: Options, store: "Memory | RemoteMemory", ids: Sequence[str]) -> None:
    deleted: list[str] = []
    missing: list[str] = []
    for memory_id in dict.fromkeys(ids):
        try:
            store.delete(memory_id)
            deleted.append(memory_id)
        except MemoryNotFoundError as error:
            missing.append(memory_id)
            note(f"Error: {error}")
    if options.json:
        print_json({"deleted": deleted, "not_found": missing})
    else:
        for memory_id in deleted:
            echo(f"Deleted {printable(memory_id)}")
    if missing:
        raise click.exceptions.Exit(1)


def _delete_scope(options: Options, store: "Memory | RemoteMemory", yes: bool) -> None:
    count = store.get_all(**options.scope, limit=0)["total"]
    whose = ", ".join(f"{name} {value}" for name, value in options.scope.items())
    confirm(f"Delete all memories ({count} live ones) of {whose}?", yes)
    report(store.delete_all(**options.scope), options.json)


def _delete_everything(options: Options, store: "Memory | RemoteMemory", yes: bool) -> None:
    from ..data.filters import ANY_SCOPE

    count = store.get_all(filters=ANY_SCOPE, limit=0)["total"]
    confirm(f"Delete all memories ({count} live ones) of everyone, with their histories?", yes)
    store.reset()
    report({"message": "All memories deleted"}, options.json)


@cli.command()
@click.argument("id")
@store_options
@click.pass_obj
def history(options: Options, id: str) -> None:
    """Show every change of one memory, oldest first."""
    with closing(open_store(options, reading=True)) as store:
        changes = store.history(id)
    if not changes:
        raise MemoryNotFoundError(f"No history of memory {id}: its id is unknown, or it expired.")
    if options.json:
        print_json(changes)
        return
    rows = [
        (change["updated_at"], change["event"], change["old_memory"] or "", change["new_memory"] or "")
        for change in changes
    ]
    print_rows(["When", "Event", "Before", "After"], rows)


@cli.command()
@file_options
@click.pass_obj
def vacuum(options: Options) -> None:
    """Remove expired memories and give their space back."""
    with open_memory(options) as memory:
        report(memory.vacuum(), options.json)


@cli.command()
@click.argument("target", type=FilePath())
@file_options
@click.pass_obj
def backup(options: Options, target: str) -> None:
    """Write a consistent copy to a new file."""
    with open_memory(options, reading=True) as memory:
        memory.backup(target)
    report({"path": target} if options.json else {"message": f"Wrote {target}"}, options.json)


@cli.command()
@click.argument("source", metavar="BACKUP", type=FilePath(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Exchange what the file of --db holds.")
@click.option("--checksums", is_flag=True, help="Give the new file page checksums.")
@yes_option
@file_options
@click.pass_obj
def restore(options: Options, source: str, replace: bool, checksums: bool, yes: bool) -> None:
    """Put a checked copy of a backup in the place of --db."""
    path = options.path(must_exist=False)
    from ..memory import Memory

    if replace:
        confirm(f"Replace everything in {path}?", yes, "Nothing was changed.")
    result = Memory.restore(source, path, replace=replace, checksums=checksums)
    report(result, options.json)


@cli.command()
@click.option("--repair", is_flag=True, help="Mend what can be made anew from the texts.")
@file_options
@click.pass_obj
def check(options: Options, repair: bool) -> None:
    """Compare everything in the file that must agree."""
    with open_memory(options, reading=not repair) as memory:
        result = memory.check(repair=repair)
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
    """Remove a user, agent, run or app from the file's bytes.

    Prints a receipt: what there was, and when it was gone.
    """
    if not options.scope:
        raise click.UsageError("Say whom to erase with --user, --agent, --run or --app.")
    whose = ", ".join(f"{name} {value}" for name, value in options.scope.items())
    confirm(f"Erase {whose} for good, with all histories?", yes)
    with closing(open_store(options)) as store:
        receipt = store.erase(**options.scope)
    if options.json:
        print_json(receipt)
    else:
        print_pairs({**receipt, "scope": whose})


@cli.command("export")
@click.argument("file", type=FilePath(allow_dash=True))
@scope_options
@filter_option
@expired_option
@file_options
@click.pass_obj
def export(options: Options, file: str, filters: dict[str, Any] | None, show_expired: bool) -> None:
    """Write memories and histories as JSON lines; - is stdout.

    Without ids and a filter the whole store: the histories of deleted memories, the calls of add and the settings, too;
    never webhooks, and expired memories with --show-expired only.
    """
    arguments = {**options.scope, "show_expired": show_expired, **given(filters=filters)}
    with open_memory(options, reading=True) as memory:
        if file != "-":
            count = memory.export(file, **arguments)
            report({"exported": count, "deleted": count.deleted, "events": count.events}, options.json)
            return
        # Another encoding or line end than import reads would break the round trip.
        lines = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
        try:
            memory.export(lines, **arguments)
        finally:
            lines.detach()  # or it would close stdout when it goes


@cli.command("import")
@click.argument("file", type=FilePath(exists=True, dir_okay=False, allow_dash=True), required=False)
@click.option("--from-mem0", "source", metavar="SOURCE", help="A mem0 server's URL, or mem0's local Qdrant folder.")
@click.option("--api-key", metavar="KEY", help="The mem0 server's key.  [default: $MEM0_API_KEY]")
@click.option("--history-db", type=FilePath(), help="The folder's histories.  [default: history.db in or beside it]")
@scope_options
@file_options
@click.pass_obj
def import_(
    options: Options, file: str | None, source: str | None, api_key: str | None, history_db: str | None
) -> None:
    """Add the memories of JSON lines, - is stdin, or of mem0.

    Ids say whose the memories of a file or a folder are that name nobody, and whose to ask a server for, by default
    everyone's.
    """
    if file is not None and source is None:
        if api_key or history_db:
            raise click.UsageError("--api-key and --history-db are for --from-mem0.")
        _import_lines(options, file)
    elif source is not None and file is None:
        _import_from_mem0(options, source, api_key or options.api_key, history_db)
    else:
        raise click.UsageError("Give either a file of JSON lines, or --from-mem0.")


def _import_lines(options: Options, file: str) -> None:
    with open_memory(options, create=True) as memory, progress_bar("Importing") as progress:
        source = stdin_lines() if file == "-" else file
        result = memory.import_(source, **options.scope, progress=progress)
    if options.json:
        print_json(result)
    else:
        _print_taken(result)


def _print_taken(taken: "ImportResult | MoveResult", **counts: int) -> None:
    """Print what an import did: numbers, and which of the memories are embedded in part."""
    print_pairs({**{name: value for name, value in taken.items() if name != "embedded"}, **counts})
    for part in taken.get("embedded", ()):
        note(f"{part['id']}: {_partly(part)}")


def _import_from_mem0(options: Options, source: str, api_key: str | None, history_db: str | None) -> None:
    with open_memory(options, create=True) as memory, progress_bar("Importing") as progress:
        result = memory.import_from_mem0(
            source, api_key=api_key, history_db=history_db, **options.scope, progress=progress
        )
    left = [*result["refused"], *result["incomplete"]]
    if options.json:
        print_json(result)
    else:
        _print_taken(result, refused=len(result["refused"]), incomplete=len(result["incomplete"]))
        for one in left:
            note(f"{one['where']}{', ' + one['id'] if one['id'] else ''}: {one['problem']}")
    if left:
        raise click.exceptions.Exit(1)


@cli.command()
@file_options
@click.pass_obj
def reembed(options: Options) -> None:
    """Compute every vector anew, with the model of --model."""
    path = options.path(must_exist=True)
    from ..memory import Memory

    with progress_bar("Embedding") as progress:
        result = Memory.reembed(path, embedder=options.embedder(), progress=progress)
    report(result, options.json)


@cli.command()
@click.option("--graph", is_flag=True, help="The graph of entities and relations.")
@click.option("--categories", metavar="NAMES", help="Change the file's graph categories; commas separate several.")
@click.option("--no-categories", is_flag=True, help="Have no graph any more.")
@yes_option
@file_options
@click.pass_obj
def reindex(options: Options, graph: bool, categories: str | None, no_categories: bool, yes: bool) -> None:
    """Make an index anew, or change which memories are in it.

    The graph is made of the memories of the file's graph categories. Where memories enter or leave it, it is said how
    many, and asked.
    """
    if not graph:
        raise click.UsageError("Say what to make anew: --graph.")
    if categories is not None and (no_categories or not categories.strip(" ,")):
        raise click.UsageError("Give either --categories with at least one, or --no-categories.")
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
@file_options
@click.pass_obj
def stats(options: Options) -> None:
    """Show the size and make-up of a store."""
    with open_memory(options, reading=True) as memory:
        result = memory.stats()
    if options.json:
        print_json(result)
        return
    model, graph = result["embedder"], result["graph"]
    categories = ", ".join(graph["categories"]) or "no categories"
    stale = "" if graph["current"] else ", not finished: reindex --graph goes on"
    shown = {
        "embedder": f"{model['name']} ({model['dimensions']} dimensions)",
        "graph": f"{graph['entities']} entities, {graph['relations']} relations ({categories}{stale})",
    }
    print_pairs({**result, **shown})


@cli.command()
@click.argument("model")
@json_option
@click.pass_obj
def fetch(options: Options, model: str) -> None:
    """Download a fastembed model, to use it offline from then on."""
    from ..embedding.named import fetch as download

    folder = str(download(model))
    report({"folder": folder} if options.json else {"message": f"{model} is in {folder}"}, options.json)
