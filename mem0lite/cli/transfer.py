"""Commands that take memories out of a file and into one: export, import, backup, restore."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import cli, open_memory
from .language import in_shell_words
from .options import (
    FilePath,
    Options,
    confirm,
    expired_option,
    file_options,
    filter_option,
    given,
    json_option,
    scope_options,
    stdin_lines,
    yes_option,
)
from .output import note, partly, print_json, print_pairs, progress_bar, report

if TYPE_CHECKING:
    from ..types import ImportResult, MoveResult


@cli.command("export")
@click.argument("file", type=FilePath(allow_dash=True))
@scope_options
@filter_option
@expired_option
@file_options
@click.pass_obj
def export(options: Options, file: str, filters: dict[str, Any] | None, show_expired: bool) -> None:
    """Write memories and histories as JSON lines; - is stdout.

    Without ids and filters this is the whole store, with the histories of deleted memories, the calls of add and the
    settings. Webhooks are never included, and expired memories only with --show-expired.
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
@click.argument("file", type=FilePath(exists=True, allow_dash=True), required=False)
@click.option(
    "--from",
    "conversations",
    type=click.Choice(["claude-code", "codex", "cursor", "chatgpt", "claude"]),
    help="Read FILE, which may be a folder or a zip, as transcripts of an assistant, or as the export of a chat app.",
)
@click.option(
    "--from-mem0", "source", metavar="SOURCE", help="The URL of a mem0 server, or mem0's local Qdrant folder."
)
@click.option("--api-key", metavar="KEY", help="The mem0 server's key.  [default: $MEM0_API_KEY]")
@click.option(
    "--history-db", type=FilePath(), help="The history database of the folder.  [default: history.db in or beside it]"
)
@scope_options
@file_options
@click.pass_obj
def import_(
    options: Options,
    file: str | None,
    conversations: str | None,
    source: str | None,
    api_key: str | None,
    history_db: str | None,
) -> None:
    """Add memories from JSON lines, mem0, or conversations.

    FILE has JSON lines, and - is stdin, unless --from says what else it has. In a file or a folder, the ids go to
    memories that name nobody. Of a server, they say whose memories to ask for; the default is everyone's. Conversations
    are those of --user; the default is the user of MCP.
    """
    if file is not None and source is None:
        if api_key is not None or history_db is not None:
            raise click.UsageError("--api-key and --history-db are for --from-mem0.")
        if conversations is None:
            _import_lines(options, file)
        else:
            _import_conversations(options, file, conversations)
    elif conversations is not None:
        raise click.UsageError("--from needs a FILE, and no --from-mem0.")
    elif source is not None and file is None:
        _import_from_mem0(options, source, options.api_key if api_key is None else api_key, history_db)
    else:
        raise click.UsageError("Give either a FILE of JSON lines, or --from-mem0.")


def _import_conversations(options: Options, file: str, source: str) -> None:
    from ..assistants.importing import import_conversations
    from ..mcp.scopes import default_user

    if others := options.scope.keys() - {"user_id"}:
        named = " and ".join(f"--{name.removesuffix('_id')}" for name in sorted(others))
        raise click.UsageError(f"{named}: conversations have sessions of their own. Give only --user.")
    if file == "-":
        raise click.UsageError("--from needs a FILE; stdin is for JSON lines.")
    with open_memory(options, create=True) as memory:
        result = import_conversations(memory, file, source, user_id=options.scope.get("user_id") or default_user())
    if options.json:
        print_json(result)
    else:
        left = {f"left out: {kind}": count for kind, count in result["left_out"].items()}
        print_pairs({name: result[name] for name in ("added", "skipped", "deleted")} | left)
        for one in result["not_understood"]:
            note(f"Not understood, {one['times']} times, first at {one['where']}: {one['what']}")
    if result["not_understood"]:
        raise click.exceptions.Exit(1)


def _import_lines(options: Options, file: str) -> None:
    from ..values import clean_id

    if file != "-" and Path(file).is_dir():
        raise click.UsageError(f"{file} is a folder. Give a file of JSON lines, or say with --from what it holds.")
    for name, value in options.scope.items():
        clean_id(value, name)  # here, or it would be said of the file's first line
    with open_memory(options, create=True) as memory, progress_bar("Importing") as progress:
        source = stdin_lines() if file == "-" else file
        result = memory.import_(source, **options.scope, progress=progress)
    if options.json:
        print_json(result)
    else:
        _print_taken(result)


def _print_taken(taken: "ImportResult | MoveResult", **counts: int) -> None:
    """Print what an import did: the counts, and which memories are embedded only in part."""
    print_pairs({**{name: value for name, value in taken.items() if name != "embedded"}, **counts})
    for part in taken.get("embedded", ()):
        note(f"{part['id']}: {partly(part)}")


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
            problem = in_shell_words(one["problem"], of_data=True)
            note(f"{one['where']}{', ' + one['id'] if one['id'] else ''}: {problem}")
    if left:
        raise click.exceptions.Exit(1)


@cli.command()
@click.argument("target", type=FilePath())
@file_options
@click.pass_obj
def backup(options: Options, target: str) -> None:
    """Copy the store to a new file, TARGET."""
    with open_memory(options, reading=True) as memory:
        memory.backup(target)
    report({"path": target} if options.json else {"message": f"Wrote {target}"}, options.json)


@cli.command()
@click.argument("source", metavar="BACKUP", type=FilePath(exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace what the file of --db holds.")
@click.option("--checksums", is_flag=True, help="Give the new file page checksums.")
@yes_option
@file_options
@click.pass_obj
def restore(options: Options, source: str, replace: bool, checksums: bool, yes: bool) -> None:
    """Check a backup, and copy it to --db."""
    path = options.path(must_exist=False)
    from ..memory import Memory

    if replace:
        confirm(f"Replace everything in {path}?", yes, "Nothing was changed.")
    result = Memory.restore(source, path, replace=replace, checksums=checksums)
    report(result, options.json)


@cli.command("copy")
@click.argument("source")
@click.argument("target")
@json_option
@click.pass_obj
def copy(options: Options, source: str, target: str) -> None:
    """Copy a whole store, SOURCE, to a new place, TARGET.

    Each is a file, or the URL of a PostgreSQL database. Nothing is embedded again. In the end the two are compared. A
    copy that was interrupted goes on when the command is repeated. Stop servers of both meanwhile.
    """
    from ..memory import Memory

    with progress_bar("Copying") as progress:
        result = Memory.copy(source, target, progress=progress)
    if options.json:
        print_json(result)
        return
    print_pairs(result)
    if result["undelivered"]:
        note("Not every change was sent to every webhook. What is left is not sent from the copy.")
