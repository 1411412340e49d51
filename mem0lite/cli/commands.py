"""The command line itself, and the commands that work on memories, in a file or on a server."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..errors import MemoryNotFoundError
from .language import Group
from .options import (
    Number,
    Options,
    as_of_option,
    confirm,
    csv_option,
    expired_option,
    filter_option,
    given,
    instant_argument,
    json_object,
    kinds_option,
    label_options,
    llm_options,
    matched_label_options,
    reference_date_option,
    relevant_option,
    rerank_option,
    scope_options,
    store_options,
    text_argument,
    versions_option,
    yes_option,
)
from .output import (
    echo,
    items,
    metadata_text,
    note,
    partly,
    print_json,
    print_memories,
    print_pairs,
    print_rows,
    printable,
    report,
)
from .remote import RemoteMemory

if TYPE_CHECKING:
    from ..memory import Memory
    from ..types import AddedItem

_DEFAULT_LIST = 100


def open_memory(
    options: Options,
    *,
    create: bool = False,
    reading: bool = False,
    read_only: bool = False,
    llm: bool = False,
    reason: str = "",
) -> "Memory":
    """Open the file of --db; it must exist unless ``create``. ``llm`` commands have the language model that is set.
    ``reason`` says why a server cannot be asked instead.

    ``reading`` commands also work on a file that cannot be written. Otherwise they open it for writing like all others,
    because a file of an older version has to be brought up to date.
    """
    path = options.path(must_exist=not create, reason=reason)
    # numpy's threads take longer to start than one search takes. A server that runs for days has them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..files import is_server
    from ..memory import Memory

    read_only = read_only or (
        reading
        and not is_server(path)
        and not all(os.access(one, os.W_OK) for one in (path, Path(path).absolute().parent))
    )
    return Memory(path, embedder=options.embedder(), read_only=read_only, **(options.language_model() if llm else {}))


def open_store(
    options: Options, *, create: bool = False, reading: bool = False, llm: bool = False
) -> "Memory | RemoteMemory":
    """Return the server of --url or MEM0LITE_URL, or else the file of --db, as ``open_memory`` does."""
    if (url := options.server) is None:
        if options.api_key is not None:
            raise click.UsageError("--api-key is for a server: it needs --url.")
        return open_memory(options, create=create, reading=reading, llm=llm)
    return RemoteMemory(url, options.server_key(), named="MEM0LITE_URL" if options.url is None else "--url")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
@click.option("--ttl", type=Number(), metavar="SECONDS", help="Let the memory expire after this long.")
@click.option("--expires", metavar="YYYY-MM-DD", help="Let the memory expire at the end of this day, UTC.")
@click.option("--timestamp", metavar="INSTANT", help="When it was said, in ISO 8601 or epoch seconds.")
@click.option("--key", metavar="KEY", help="Make it what holds now under this key, in place of what held before.")
@click.option("--supersedes", metavar="ID", multiple=True, help="A memory that it supersedes; may be repeated.")
@click.option("--no-infer", is_flag=True, help="Store it even if it adds nothing new.")
@llm_options
@store_options
@click.pass_obj
def add(
    options: Options,
    text: str | None,
    metadata: dict[str, Any] | None,
    ttl: float | None,
    expires: str | None,
    timestamp: str | None,
    key: str | None,
    supersedes: Sequence[str],
    no_infer: bool,
) -> None:
    """Store TEXT as a memory; - or no TEXT reads it from stdin."""
    arguments = given(
        metadata={**(metadata or {}), **options.labels} or None,
        ttl=ttl,
        expiration_date=expires,
        timestamp=instant_argument(timestamp),
        key=key,
        supersedes=list(supersedes) or None,
        infer=not no_infer,
    )
    text = text_argument(text)
    with closing(open_store(options, create=True, llm=True)) as store:
        result = store.add(text, **options.scope, **arguments)
    if options.json:
        print_json({name: value for name, value in result.items() if name != "event_id"})  # a server has none in it
        return
    for item in result["results"]:
        echo(_said(item))
        if item.get("expired"):
            note(f"It was added, but already expired at {item.get('expires_at')}. Only --show-expired shows it.")
        for superseded in item.get("supersedes", ()):
            note(f"It supersedes {printable(superseded)}.")
        if (successor := item.get("superseded_by")) is not None:
            note(f"It is superseded by {printable(successor)}, which is newer. Only --all-versions shows it.")
        if part := item.get("embedded"):
            note(partly(part))
    if (extraction := result.get("extraction")) is not None and extraction["status"] != "SUCCEEDED":
        why = f": {printable(extraction['problem'])}" if "problem" in extraction else "."
        later = "are still to be drawn" if extraction["status"] == "PENDING" else "could not be drawn"
        note(f"Facts {later}{why}")


def _said(item: "AddedItem") -> str:
    """Return what is printed of one outcome of an add."""
    if "sources" not in item:
        return ("Added " if item["event"] == "ADD" else "Known already: ") + printable(item["id"])
    words = {"ADD": "Fact", "UPDATE": "Fact changed", "DELETE": "Fact deleted", "NONE": "Fact known already"}
    return f"{words[item['event']]}: {printable(item['id'])}: {printable(item['memory'])}"


@cli.command()
@click.argument("query")
@scope_options
@filter_option
@matched_label_options
@click.option("--top-k", type=Number(whole=True), metavar="N", help="Return at most this many.  [default: 20]")
@click.option(
    "--threshold", type=Number(), metavar="SCORE", help="Leave out scores below this, 0 to 1.  [default: 0.1]"
)
@reference_date_option
@rerank_option
@as_of_option
@relevant_option
@kinds_option
@click.option("--explain", is_flag=True, help="Show how each score was made (with --json).")
@expired_option
@versions_option
@csv_option
@store_options
@click.pass_obj
def search(
    options: Options,
    query: str,
    filters: dict[str, Any] | None,
    top_k: int | None,
    threshold: float | None,
    reference_date: str | None,
    rerank: bool,
    as_of: str | None,
    relevant_only: bool,
    kinds: str | None,
    explain: bool,
    show_expired: bool,
    latest_only: bool,
) -> None:
    """Find the memories that answer QUERY best."""
    arguments = given(
        filters=_narrowed(options, filters),
        top_k=top_k,
        threshold=threshold,
        reference_date=reference_date,
        as_of=instant_argument(as_of),
        rerank=rerank or None,
        relevant_only=relevant_only or None,
        kinds=kinds,
    )
    with closing(open_store(options, reading=True)) as store:
        arguments |= {"explain": explain, "show_expired": show_expired, "latest_only": latest_only}
        result = store.search(query, **options.scope, **arguments)
    if not items(options, result, "SearchHit", result["results"]):
        print_memories(result["results"])
        if (missing := result.get("not_reranked")) is not None:
            note(missing)
        if part := result.get("embedded"):
            note(partly(part, "The question is too long"))


@cli.command()
@click.argument("query")
@scope_options
@filter_option
@matched_label_options
@click.option("--max-tokens", type=Number(whole=True), metavar="N", help="Print at most this many.  [default: 1000]")
@reference_date_option
@rerank_option
@versions_option
@as_of_option
@click.option("--irrelevant", is_flag=True, help="Keep what is not relevant, too.")
@kinds_option
@store_options
@click.pass_obj
def context(
    options: Options,
    query: str,
    filters: dict[str, Any] | None,
    max_tokens: int | None,
    reference_date: str | None,
    as_of: str | None,
    rerank: bool,
    latest_only: bool,
    irrelevant: bool,
    kinds: str | None,
) -> None:
    """Print what memories say to QUERY, for a prompt.

    The memories are dated, with their speakers, and marked as quotations. The number of tokens is estimated.
    """
    arguments = given(
        filters=_narrowed(options, filters),
        max_tokens=max_tokens,
        reference_date=reference_date,
        as_of=instant_argument(as_of),
        kinds=kinds,
    )
    with closing(open_store(options, reading=True)) as store:
        arguments |= {"rerank": rerank, "latest_only": latest_only, "relevant_only": not irrelevant}
        result = store.context(query, **options.scope, **arguments)
    if options.json:
        print_json(result)
        return
    if result["text"]:
        echo(printable(result["text"], keep="\n\t"))
    if count := len(result["left_out"]):
        note(f"{count} results did not fit; --max-tokens makes room.")
    elif not result["text"]:
        note("No memories.")
    if (missing := result.get("not_reranked")) is not None:
        note(missing)
    if part := result.get("embedded"):
        note(partly(part, "The question is too long"))


@cli.command()
@scope_options
@filter_option
@matched_label_options
@click.option("--profile", is_flag=True, help="Describe the person that they are about.")
@llm_options
@store_options
@click.pass_obj
def summary(options: Options, filters: dict[str, Any] | None, profile: bool) -> None:
    """Have a language model summarize memories.

    It is given the newest 500 at most. The text is kept until one of them changes.
    """
    arguments = given(filters=_narrowed(options, filters), kind="profile" if profile else None)
    with closing(open_store(options, reading=True, llm=True)) as store:
        result = store.summary(**options.scope, **arguments)
    if options.json:
        print_json(result)
        return
    if not result["memories"]:
        note("No memories.")
        return
    echo(printable(result["summary"], keep="\n\t"))
    if result["memories"] < result["total"]:
        note(f"It rests on {result['memories']} of {result['total']} memories.")


@cli.command()
@scope_options
@filter_option
@matched_label_options
@click.option("--entity", metavar="NAME", help="Show only what is near this entity.")
@click.option(
    "--depth",
    type=Number(whole=True),
    default=1,
    show_default=True,
    metavar="N",
    help="How many relations away from it, 0 to 3.",
)
@click.option(
    "--limit",
    type=Number(whole=True),
    default=100,
    show_default=True,
    metavar="N",
    help="Show at most this many entities.",
)
@click.option(
    "--format",
    type=click.Choice(["text", "json", "mermaid", "graphml"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@expired_option
@versions_option
@as_of_option
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
    latest_only: bool,
    as_of: str | None,
) -> None:
    """Show entities and relations.

    All of them are shown if no ids or filters are given.

    The graph is made from the memories of the file's graph categories. stats shows them, reindex --graph changes them.
    """
    wanted = _wanted(options, filters)
    chosen = given(filters=wanted, entity=entity, as_of=instant_argument(as_of))
    asked = {**options.scope, **chosen, "depth": depth, "limit": limit}
    asked |= {"show_expired": show_expired, "latest_only": latest_only}
    drawn = format in ("mermaid", "graphml")
    with closing(open_store(options, reading=True)) as store:
        found: Any = store.graph(**asked, format=format if drawn else "json")
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
@matched_label_options
@click.option(
    "--limit",
    type=Number(whole=True),
    default=_DEFAULT_LIST,
    show_default=True,
    metavar="N",
    help="List at most this many.",
)
@click.option("--offset", type=Number(whole=True), metavar="N", help="Skip this many.")
@click.option("--after", metavar="CURSOR", help="Continue after a page, by its next_cursor.")
@expired_option
@versions_option
@as_of_option
@kinds_option
@csv_option
@store_options
@click.pass_obj
def list_(
    options: Options,
    filters: dict[str, Any] | None,
    limit: int,
    offset: int | None,
    after: str | None,
    show_expired: bool,
    latest_only: bool,
    as_of: str | None,
    kinds: str | None,
) -> None:
    """List memories, newest first.

    All of them are listed if no ids or filters are given.
    """
    wanted = _wanted(options, filters)
    with closing(open_store(options, reading=True)) as store:
        page = store.get_all(
            **options.scope,
            **given(filters=wanted, offset=offset, after=after, as_of=instant_argument(as_of), kinds=kinds),
            limit=limit,
            show_expired=show_expired,
            latest_only=latest_only,
        )
    if not items(options, page, "MemoryItem", page["results"]):
        print_memories(page["results"])
    if not options.json and page.get("next_cursor") is not None:
        note(f"{len(page['results'])} of {page['total']} memories; --after {page['next_cursor']} shows more.")


def _wanted(options: Options, filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the filter for the memories asked for: without ids everybody's, as a server takes it."""
    from ..data.filters import ANY_SCOPE

    wanted = _narrowed(options, filters)
    if options.scope or options.server:
        return wanted
    return {"AND": [ANY_SCOPE, wanted or {}]}


def _narrowed(options: Options, filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a filter with the labels that were given. A label is text on a command line, and may mean a number."""
    from ..data.parameters import meanings

    labels = {
        name: [one for label in (value if isinstance(value, list) else [value]) for one in meanings(label)]
        for name, value in options.labels.items()
    }
    return {"AND": [filters, labels]} if filters and labels else filters or labels or None


@cli.command()
@click.argument("id")
@as_of_option
@store_options
@click.pass_obj
def get(options: Options, id: str, as_of: str | None) -> None:
    """Show one memory."""
    with closing(open_store(options, reading=True)) as store:
        item = store.get(id, **given(as_of=instant_argument(as_of)))
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
@click.option("--all", "everything", is_flag=True, help="Delete everyone's memories, with their histories.")
@click.option("--linked", is_flag=True, help="With ids: also delete what these memories superseded.")
@yes_option
@store_options
@click.pass_obj
def delete(options: Options, ids: Sequence[str], everything: bool, linked: bool, yes: bool) -> None:
    """Delete memories by id, by user, agent, run or app, or all."""
    if (bool(ids), bool(options.scope), everything).count(True) != 1:
        raise click.UsageError("Give only one of: ids; --user, --agent, --run or --app; --all.")
    if linked and not ids:
        raise click.UsageError("--linked is for deleting by id. Otherwise superseded memories are deleted anyway.")
    with closing(open_store(options)) as store:
        if ids:
            _delete_ids(options, store, ids, linked=linked)
        elif everything:
            _delete_everything(options, store, yes)
        else:
            _delete_scope(options, store, yes)


def _delete_ids(options: Options, store: "Memory | RemoteMemory", ids: Sequence[str], *, linked: bool) -> None:
    deleted: list[str] = []
    missing: list[str] = []
    for memory_id in dict.fromkeys(ids):
        try:
            store.delete(memory_id, delete_linked=linked)
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
    count = store.get_all(**options.scope, limit=0, latest_only=False)["total"]
    whose = ", ".join(f"{name} {value}" for name, value in options.scope.items())
    confirm(f"Delete all memories ({count} live ones) of {whose}?", yes)
    report(store.delete_all(**options.scope), options.json)


def _delete_everything(options: Options, store: "Memory | RemoteMemory", yes: bool) -> None:
    from ..data.filters import ANY_SCOPE

    count = store.get_all(filters=ANY_SCOPE, limit=0, latest_only=False)["total"]
    confirm(f"Delete all memories ({count} live ones) of everyone, with their histories?", yes)
    store.reset()
    report({"message": "All memories deleted"}, options.json)


@cli.command()
@click.argument("id")
@csv_option
@store_options
@click.pass_obj
def history(options: Options, id: str) -> None:
    """Show every change of one memory, oldest first."""
    with closing(open_store(options, reading=True)) as store:
        changes = store.history(id)
    if not changes:
        raise MemoryNotFoundError(f"No history of memory {id}: its id is unknown, or it expired.")
    if items(options, changes, "HistoryItem", changes):
        return
    rows = [
        (change["updated_at"], change["event"], change["old_memory"] or "", change["new_memory"] or "")
        for change in changes
    ]
    print_rows(["When", "Event", "Before", "After"], rows)
