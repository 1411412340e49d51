"""Commands for coding assistants: install, and the hooks that it writes."""

import json
import os
import shlex
import shutil
import subprocess  # nosec B404 (hooks start this program in the background)
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigurationError
from .commands import cli, open_memory
from .language import Command
from .options import Options, db_option, json_option, model_option, no_url_option, stdin_lines
from .output import dumps, echo, note, print_json, printable

if TYPE_CHECKING:
    from ..assistants.installing import Change, Commands

_DB = "~/mem0lite.db"
"""The file of assistants that are told of none: the folder in which a client starts a server is any."""

_NAMES = ("claude-code", "codex", "cursor", "opencode")

user_option = click.option(
    "--user",
    "user_id",
    metavar="ID",
    help="Whose memories these are.  [default: $MEM0LITE_MCP_USER_ID, else $MEM0_DEFAULT_USER_ID, else mem0-mcp]",
)


@cli.command()
@click.argument("assistant", type=click.Choice(_NAMES))
@click.option("--project", is_flag=True, help="Configure this folder's project instead of all your projects.")
@click.option("--name", default="mem0lite", show_default=True, metavar="NAME", help="What the server is called.")
@click.option("--no-hooks", is_flag=True, help="Write only the server for MCP; leave hooks as they are.")
@click.option("--print", "only_print", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--remove", is_flag=True, help="Take out what this command writes.")
@user_option
@db_option
@no_url_option
@model_option
@json_option
@click.pass_obj
def install(
    options: Options,
    assistant: str,
    project: bool,
    name: str,
    no_hooks: bool,
    only_print: bool,
    remove: bool,
    user_id: str | None,
) -> None:
    """Give a coding assistant the memory.

    This writes a server for MCP, and hooks that recall and keep. Nothing else in the assistant's files changes, and the
    second time nothing at all. See: mem0lite guide assistants.
    """
    from ..assistants import installing

    home = Path.home()
    place = installing.Place(home, Path.cwd() if project else None, os.environ)
    commands = _commands(options, assistant, project, name, user_id, hooks=not no_hooks)
    change = installing.changes if only_print else installing.install
    made = change(assistant, place, commands, remove=remove)
    if options.json:
        print_json({"changed": [{"path": str(one.path), "before": one.before, "after": one.after} for one in made]})
    elif not made:
        note("Nothing to change.")
    for one in made if not options.json else ():
        echo(_difference(one) if only_print else f"{_done(one)} {printable(one.path)}")
    if made and not only_print and not remove and assistant == "codex" and not no_hooks:
        note("Codex runs new hooks only after you have trusted them: start it, and look at /hooks.")


def _commands(
    options: Options, assistant: str, project: bool, name: str, user_id: str | None, *, hooks: bool
) -> "Commands":
    from ..assistants import installing
    from ..values import clean_id

    given = ["--db", _file(options)]
    if options.embedder() is not None:
        given += ["--model", str(options.embedder())]
    if user_id is not None:
        given += ["--user", clean_id(user_id, "user_id")]
    program = _program(portable=project)

    def hook(what: str) -> str:
        line = [*program, "hook", what, assistant, *given]
        return subprocess.list2cmdline(line) if os.name == "nt" else shlex.join(line)

    wanted = hooks and assistant in installing.HOOKED
    return installing.Commands(name, [*program, "mcp", *given], hook if wanted else None)


def _file(options: Options) -> str:
    """Return the file as it is written: with its whole path, unless it begins with a home folder, which may move."""
    given = options.db if options.db is not None else os.environ.get("MEM0LITE_DB") or _DB
    path = options.path(must_exist=False) if options.db or os.environ.get("MEM0LITE_DB") else _DB
    if path == ":memory:":
        raise ConfigurationError("--db: ':memory:' keeps nothing from one session to the next. Give a file.")
    return given if given.startswith("~") else str(Path(path).absolute())


def _program(*, portable: bool) -> list[str]:
    """Return the command that is this program; its bare name for files that others share."""
    if portable:
        return ["mem0lite"]
    beside = Path(sys.executable).with_name("mem0lite.exe" if os.name == "nt" else "mem0lite")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("mem0lite")
    return [found] if found else [sys.executable, "-m", "mem0lite"]


def _done(change: "Change") -> str:
    return "Removed" if change.after is None else "Wrote" if change.before is None else "Changed"


def _difference(change: "Change") -> str:
    import difflib

    before, after = (change.before or "").splitlines(), (change.after or "").splitlines()
    old, new = (os.devnull if text is None else str(change.path) for text in (change.before, change.after))
    lines = difflib.unified_diff(before, after, old, new, lineterm="")
    return "\n".join(printable(one, keep="\t") for one in lines)


class _Hook(Command):
    """A hook. It ends well even if it is called wrongly: an assistant would take an error as a wish to go on."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read options and arguments."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            error.show()
            raise click.exceptions.Exit(0) from error


@cli.command(cls=_Hook)
@click.argument("what", type=click.Choice(["recall", "keep"]))
@click.argument("assistant", type=click.Choice(["claude-code", "codex", "cursor"]))
@click.option("--wait", is_flag=True, help="Keep before the command ends, instead of in the background.")
@user_option
@db_option
@no_url_option
@model_option
@click.pass_obj
def hook(options: Options, what: str, assistant: str, wait: bool, user_id: str | None) -> None:
    """Do what an assistant's hook does; install writes these commands.

    The event is read from stdin as JSON. recall prints memories for a new session, keep adds what was said to the file,
    in the background. A failure is told, and never stops the assistant.
    """
    problem: str | None = None
    text = ""
    try:
        event = _event()
        if what == "recall":
            text, problem = _recall(options, event, user_id)
        elif wait:
            _keep(options, assistant, event, user_id)
        else:
            _keep_later(options, assistant, event, user_id)
    except Exception as error:  # whatever it is, the assistant goes on
        problem = f"{what} failed: {error}"
        note(problem)
    from ..assistants.hooks import answer

    echo(dumps(answer(assistant, text, problem)))


def _event() -> dict[str, Any]:
    event = json.loads("".join(stdin_lines()) or "{}")
    if not isinstance(event, dict):
        raise ConfigurationError("the event on stdin must be a JSON object.")
    return event


def _recall(options: Options, event: dict[str, Any], user_id: str | None) -> tuple[str, str | None]:
    from ..assistants import hooks

    if not Path(options.path(must_exist=False)).exists():
        return "", None
    failure = _failure_file(options)
    problem = failure.read_text(encoding="utf-8", errors="replace") if failure.is_file() else None
    with open_memory(options, reading=True) as memory:
        return hooks.recall(memory, event, _user(user_id)), problem


def _keep(options: Options, assistant: str, event: dict[str, Any], user_id: str | None) -> None:
    from ..assistants import hooks

    failure = _failure_file(options)
    try:
        with open_memory(options, create=True) as memory:
            hooks.keep(memory, assistant, event, _user(user_id))
    except Exception as error:
        with suppress(OSError):
            failure.write_text(f"the last session could not be kept: {error}", encoding="utf-8")
        raise
    failure.unlink(missing_ok=True)


def _keep_later(options: Options, assistant: str, event: dict[str, Any], user_id: str | None) -> None:
    """Start a process that keeps, and that goes on when the assistant ends."""
    line = [sys.executable, "-m", "mem0lite", "hook", "keep", assistant, "--wait"]
    line += ["--db", options.path(must_exist=False), *(["--model", str(options.embedder())] if options.model else [])]
    line += ["--user", _user(user_id)]
    names = ("transcript_path", "session_id", "conversation_id")
    needed = json.dumps({name: event[name] for name in names if name in event})
    alone: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        alone = {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    process = subprocess.Popen(  # noqa: S603  # nosec B603 (this program, with paths as arguments)
        line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **alone
    )
    if process.stdin is not None:
        process.stdin.write(needed.encode())
        process.stdin.close()
    process.returncode = 0  # nobody waits for it


def _failure_file(options: Options) -> Path:
    return Path(options.path(must_exist=False) + ".not-kept")


def _user(user_id: str | None) -> str:
    from ..mcp.scopes import default_user
    from ..values import clean_id

    return default_user() if user_id is None else clean_id(user_id, "user_id")
