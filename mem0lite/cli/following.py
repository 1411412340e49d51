"""Commands that show who has memories, and what happened to the store."""

from contextlib import closing

import click

from ..errors import NotFoundError
from .commands import cli, open_store
from .options import Number, Options, csv_option, given, scope_options, store_options
from .output import items, note, print_rows

_SIZE = 100


@cli.command()
@click.option(
    "--type", "kind", type=click.Choice(["user", "agent", "run", "app"]), help="Show only these.  [default: all]"
)
@csv_option
@store_options
@click.pass_obj
def entities(options: Options, kind: str | None) -> None:
    """Show the users, agents, runs and apps that have memories."""
    with closing(open_store(options, reading=True)) as store:
        found = [one for one in store.entities() if kind in (None, one["type"])]
    if items(options, found, "Entity", found):
        return
    rows = [(one["type"], one["id"], one["total_memories"], one["created_at"], one["updated_at"]) for one in found]
    print_rows(["Type", "Id", "Memories", "First", "Last change"], rows)
    if not found:
        note("Nobody has memories.")


@cli.command()
@click.argument("id", required=False)
@scope_options
@click.option(
    "--limit", type=Number(whole=True), default=_SIZE, show_default=True, metavar="N", help="List at most this many."
)
@click.option("--after", metavar="CURSOR", help="Continue after a page, by its next_cursor.")
@click.option("--event-type", type=click.Choice(["ADD", "UPDATE"], case_sensitive=False), help="Only these.")
@csv_option
@store_options
@click.pass_obj
def events(options: Options, id: str | None, limit: int, after: str | None, event_type: str | None) -> None:
    """Show the calls of add, newest first, or the one with ID.

    Edits of messages whose facts are drawn again are there, too. ID is the event_id that the library, or the hosted
    API, answered to the call.
    """
    with closing(open_store(options, reading=True)) as store:
        if id is None:
            page = store.events(**options.scope, **given(after=after, event_type=event_type), top_k=limit)
        else:
            if options.scope or after is not None or event_type is not None:
                raise click.UsageError("Give either an ID, or --user, --agent, --run, --app, --after and --event-type.")
            found = store.event(id)
            if found is None:
                raise NotFoundError(f"Event with id {id} not found")
            page = {"results": [found], "total": 1, "next_cursor": None}
    if items(options, page if id is None else page["results"][0], "EventItem", page["results"]):
        return
    rows = [
        (one["created_at"], one["id"], len(one["results"]), ", ".join(str(made["memory"]) for made in one["results"]))
        for one in page["results"]
    ]
    print_rows(["When", "Id", "Messages", "Memories"], rows)
    if page["next_cursor"] is not None:
        note(f"{len(rows)} of {page['total']} events; --after {page['next_cursor']} shows more.")


@cli.command()
@click.option(
    "--after",
    type=Number(whole=True),
    default=0,
    show_default=True,
    metavar="SEQUENCE",
    help="Show what came after the change with this number.",
)
@click.option(
    "--limit", type=Number(whole=True), default=_SIZE, show_default=True, metavar="N", help="List at most this many."
)
@csv_option
@store_options
@click.pass_obj
def changes(options: Options, after: int, limit: int) -> None:
    """Show what was added, updated and deleted, oldest first.

    To follow a store, give the number of the last change that you know as --after.
    """
    with closing(open_store(options, reading=True)) as store:
        page = store.changes(after=after, limit=limit)
    if items(options, page, "ChangeItem", page["results"]):
        return
    rows = [
        (one["sequence"], one["updated_at"], one["event"], one["memory_id"], one["old_memory"], one["new_memory"])
        for one in page["results"]
    ]
    print_rows(
        ["Number", "When", "Event", "Memory", "Before", "After"],
        [["" if x is None else x for x in row] for row in rows],
    )
    if len(rows) == limit and rows:
        note(f"There may be more; --after {rows[-1][0]} shows what follows.")
