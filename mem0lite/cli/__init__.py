"""The ``mem0lite`` command: the verbs of Memory on a file, and many of them on a running server.

Exit codes: 0 done; 1 not found, or the operation failed; 2 usage error or input that cannot be accepted; 130 Ctrl-C.
Results go to stdout, everything else to stderr. rich, httpx, the web stack and the library are imported by the commands
that need them, so that ``--help`` stays fast.

``commands`` and ``changing`` have the commands for memories, ``following`` those that show what happened, ``transfer``
and ``upkeep`` those for files, ``keys`` those for API keys, and most others are alone in a file of their name. A new
command goes into the file of its topic, or into one of its own that is imported below.
"""

import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from ..environment import commands_run
from . import (  # noqa: F401 (they add their commands)
    assistants,
    bench,
    changing,
    doctor,
    following,
    guide,
    keys,
    mcp,
    serve,
    transfer,
    upkeep,
    webhooks,
)
from .commands import cli
from .output import note


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _replace_closed_streams()
    commands_run()
    warnings.showwarning = _show_warning
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks is no reason to fail
    try:
        code = cli.main(arguments, prog_name="mem0lite", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.Abort:  # what click makes of Ctrl-C
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        _discard_stdout()
        if not isinstance(error, BrokenPipeError):
            note(f"Error: {error}" if error.filename else f"Error: standard output cannot be written: {error}")
        return 1


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning without the line of code that it comes from."""
    note(f"Warning: {message}")


def _replace_closed_streams() -> None:
    """Replace the standard streams that Python was started without: reading finds nothing, writing results fails."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            empty = Path(os.devnull).open("w" if name == "stderr" else "r", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, empty)


def _discard_stdout() -> None:
    """Send stdout nowhere, so that the interpreter's last flush cannot fail too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
