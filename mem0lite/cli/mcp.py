"""``mem0lite mcp``."""

import sys
from typing import TYPE_CHECKING

import click

from .commands import cli, open_memory
from .options import Options, db_option, llm_options, model_option, no_url_option
from .output import note

if TYPE_CHECKING:
    from ..memory import Memory


@cli.command()
@db_option
@no_url_option
@click.option(
    "--user",
    "user_id",
    metavar="ID",
    help="The user of calls that name nobody.  [default: $MEM0LITE_MCP_USER_ID, else $MEM0_DEFAULT_USER_ID, "
    "else mem0-mcp]",
)
@click.option("--read-only", is_flag=True, help="Offer only the tools that change nothing.")
@model_option
@llm_options
@click.pass_obj
def mcp(options: Options, user_id: str | None, read_only: bool) -> None:
    """Give language models the memory over MCP, on stdin and stdout.

    MCP clients such as Claude Code start this command themselves; see: mem0lite guide mcp.
    """
    from ..mcp import scopes, stdio
    from ..values import clean_id

    path = options.path(must_exist=read_only)
    user = scopes.default_user() if user_id is None else clean_id(user_id, "user_id")
    if sys.stdin.isatty():
        note(f"mem0lite speaks MCP on stdin and stdout, with {path}. MCP clients start it themselves. Ctrl-C stops it.")

    def opened() -> "Memory":
        return open_memory(options, create=not read_only, read_only=read_only, llm=True)

    stdio.serve(opened, user, read_only=read_only)
