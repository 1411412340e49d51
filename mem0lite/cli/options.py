"""Options that commands share, and the input they take."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import ConfigurationError
from .output import printable

DEFAULT_DB = "mem0lite.db"
_EITHER = "Give either --url, or --db and --model: a server has its own file and model."

LABELS = {
    "project_id": "project_id",
    "lifespan": "memory_lifespan",
    "category": "memory_category",
    "tag": "domain_tags",
}

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass
class Options:
    """The values of the options that commands share; None is one that is not given.

    A blank one is refused before it gets here. An environment variable that is empty counts as not set.
    """

    db: str | None = None
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model: str | None = None
    llm_url: str | None = None
    llm_model: str | None = None
    json: bool = False
    csv: bool = False
    scope: dict[str, Any] = field(default_factory=dict)
    """The ids given, by the library's names."""
    labels: dict[str, Any] = field(default_factory=dict)
    """The metadata set by --project-id, --lifespan, --category and --tag, by metadata key."""

    @property
    def server(self) -> str | None:
        """The server to work on, or None to work on a file: what an option names, or else what a variable names.

        Raises UsageError for options of both, and ConfigurationError if two variables name both: the wrong guess would
        write to, or delete from, another store.
        """
        if self.url is not None and self.db is not None:
            raise click.UsageError(_EITHER)
        url = self.url if self.db is not None or self.url is not None else os.environ.get("MEM0LITE_URL") or None
        if url is not None and self.model is not None:
            raise click.UsageError(_EITHER)
        if url is not None and (self.llm_url is not None or self.llm_model is not None):
            raise click.UsageError(
                "Give either --url, or --llm-url and --llm-model: a server has its own language model."
            )
        if self.url is None and url is not None and os.environ.get("MEM0LITE_DB"):
            raise ConfigurationError("MEM0LITE_URL and MEM0LITE_DB are both set. Say which one with --url or --db.")
        return url

    def path(self, *, must_exist: bool, reason: str = "") -> str:
        """Return the file or the database to work on. Raises ConfigurationError for a server, and if a file is missing.

        ``reason`` says why the command cannot ask a server.
        """
        because = f" {reason}" if reason else ""
        if self.url is not None:
            raise ConfigurationError(f"{_works_on_file()}: give --db instead of --url.{because}")
        if self.db is None and not os.environ.get("MEM0LITE_DB") and os.environ.get("MEM0LITE_URL"):
            raise ConfigurationError(f"{_works_on_file()}, and MEM0LITE_URL names a server: give --db.{because}")
        from ..files import is_server, store_path

        name, given = (
            ("--db", self.db) if self.db is not None else ("MEM0LITE_DB", os.environ.get("MEM0LITE_DB") or DEFAULT_DB)
        )
        path = store_path(given, name)
        if must_exist and not is_server(path) and not Path(path).exists():
            raise ConfigurationError(f"{path} does not exist. Give the file with --db or MEM0LITE_DB.")
        return path

    def server_key(self) -> str | None:
        """Return the key for the server, if there is one."""
        return self.api_key if self.api_key is not None else os.environ.get("MEM0LITE_API_KEY") or None

    def embedder(self) -> str | None:
        """Return the embedder's name or folder, or None for the bundled one."""
        return self.model if self.model is not None else os.environ.get("MEM0LITE_EMBEDDING_MODEL") or None

    def language_model(self) -> dict[str, Any]:
        """Return the arguments of Memory that name a language model. Its key is never on a command line."""
        given = {"llm": (self.llm_url, "MEM0LITE_LLM_URL"), "llm_model": (self.llm_model, "MEM0LITE_LLM_MODEL")}
        found = {name: value or os.environ.get(variable) or None for name, (value, variable) in given.items()}
        return {**found, "llm_api_key": os.environ.get("MEM0LITE_LLM_API_KEY") or None}


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, False) and parameter.name:
        setattr(context.ensure_object(Options), parameter.name, value)


def _remember_id(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name:
        context.ensure_object(Options).scope[parameter.name] = value


def _remember_label(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, ()) and parameter.name:
        given = list(value) if isinstance(value, tuple) else value
        context.ensure_object(Options).labels[LABELS[parameter.name]] = given


def _add_options(*options: Callable[[_Function], _Function]) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _shared(*names: str, **attributes: Any) -> Callable[[_Function], _Function]:
    attributes.setdefault("callback", _remember)
    return click.option(*names, expose_value=False, **attributes)


db_option = _shared("--db", metavar="PATH", help="The store's file.  [default: $MEM0LITE_DB, else mem0lite.db]")
url_option = _shared("--url", metavar="URL", help="Work on a running mem0lite server.  [default: $MEM0LITE_URL]")
_api_key = _shared("--api-key", metavar="KEY", help="The server's API key.  [default: $MEM0LITE_API_KEY]")
no_url_option = _shared("--url", metavar="URL", hidden=True)
model_option = _shared(
    "--model",
    metavar="NAME",
    help="The embedding model: a name or a folder.  [default: $MEM0LITE_EMBEDDING_MODEL, else multilingual for a file "
    "that was made with it, else the bundled one]",
)
llm_options = _add_options(
    _shared(
        "--llm-url",
        metavar="URL",
        help="Have a language model draw facts from what is added, and send texts there: an endpoint with OpenAI's "
        "chat-completions protocol. $MEM0LITE_LLM_API_KEY is its key.  [default: $MEM0LITE_LLM_URL, else none]",
    ),
    _shared("--llm-model", metavar="NAME", help="That model's name.  [default: $MEM0LITE_LLM_MODEL]"),
)
json_option = _shared("--json", is_flag=True, help="Print JSON, for programs.")
csv_option = _shared("--csv", is_flag=True, help="Print comma-separated values, with a line of headings.")

store_options = _add_options(db_option, url_option, _api_key, model_option, json_option)
file_options = _add_options(db_option, no_url_option, model_option, json_option)

scope_options = _add_options(
    _shared("--user", "user_id", metavar="ID", callback=_remember_id, help="The user's id."),
    _shared("--agent", "agent_id", metavar="ID", callback=_remember_id, help="The agent's id."),
    _shared("--run", "run_id", metavar="ID", callback=_remember_id, help="The run's (session's) id."),
    _shared("--app", "app_id", metavar="ID", callback=_remember_id, help="The app's id."),
)


def _label_options(verb: str, tags: str) -> Callable[[_Function], _Function]:
    return _add_options(
        _shared("--project-id", metavar="ID", callback=_remember_label, help=f"{verb} metadata.project_id."),
        _shared(
            "--lifespan",
            type=click.Choice(["short_term", "long_term"]),
            callback=_remember_label,
            help=f"{verb} metadata.memory_lifespan.",
        ),
        _shared("--category", metavar="NAME", callback=_remember_label, help=f"{verb} metadata.memory_category."),
        _shared("--tag", metavar="TAG", multiple=True, callback=_remember_label, help=tags),
    )


label_options = _label_options("Set", "Set metadata.domain_tags; may be repeated.")
matched_label_options = _label_options("Match", "Match any of metadata.domain_tags; may be repeated.")


class Number(click.ParamType[int | float]):
    """A number from ``least`` to ``most``, kept as it was written: 1 is an int, 1.0 a float unless ``whole``."""

    name = "number"

    def __init__(self, least: float | None = None, most: float | None = None, *, whole: bool = False) -> None:
        self._least, self._most, self._whole = least, most, whole

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int | float:
        """Return the number that a text is."""
        with suppress(ValueError):
            number = self._read(value)
            if (self._least is None or self._least <= number) and (self._most is None or number <= self._most):
                return number
        self.fail(f"{value!r} is not a {'whole ' * self._whole}number{self._bounds()}.", parameter, context)

    def _read(self, text: Any) -> int | float:
        try:
            return int(text)
        except ValueError:
            if self._whole:
                raise
            return float(text)

    def _bounds(self) -> str:
        if self._least is None:
            return ""
        return f", {self._least} or more" if self._most is None else f" from {self._least} to {self._most}"


class FilePath(click.Path):
    """A path that may begin with ``~``, which a shell does not expand after ``=``."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path as the library means it."""
        from ..errors import ValidationError
        from ..files import clean_path

        try:
            return super().convert(clean_path(value, "path"), parameter, context)
        except ValidationError as error:
            self.fail(str(error), parameter, context)


def json_object(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Return the JSON object an option's value holds."""
    if value is None:
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise click.BadParameter('must be a JSON object, such as {"key": "value"}.')
    return parsed


filter_option = click.option(
    "--filter",
    "filters",
    callback=json_object,
    metavar="JSON",
    help='A condition, such as \'{"priority": {"gte": 3}}\'.',
)
reference_date_option = click.option(
    "--reference-date",
    metavar="DATE",
    help='What the question means by "now"; an offset tells the time zone (2024-06-19T09:00+12:00).  '
    "[default: now, UTC]",
)
rerank_option = click.option(
    "--rerank",
    is_flag=True,
    help="Let a reranker order the results: the server's, or the one of the extra mem0lite[rerank].",
)
as_of_option = click.option(
    "--as-of", metavar="INSTANT", help="As it was then, such as 2026-03-01T12:00Z.  [default: now]"
)
relevant_option = click.option("--relevant-only", is_flag=True, help="Leave out what is not relevant, down to nothing.")
expired_option = click.option("--show-expired", is_flag=True, help="Include expired memories.")
versions_option = click.option(
    "--all-versions", "latest_only", flag_value=False, default=True, help="Include superseded memories."
)
kinds_option = click.option(
    "--kind",
    "kinds",
    type=click.Choice(["facts", "turns"]),
    help="Only facts that a language model drew, or only what was said.  [default: both]",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")


def stdin_lines() -> Iterator[str]:
    """Yield the lines of standard input, which is read as UTF-8."""
    from ..files import utf8_lines

    yield from utf8_lines(sys.stdin.buffer, "standard input", "stdin")


def text_argument(argument: str | None) -> str:
    """Return the argument, or what stdin holds when it is ``-`` or absent."""
    if argument not in (None, "-"):
        return argument
    if argument is None and sys.stdin.isatty():
        raise click.UsageError("Missing argument 'TEXT'. Give a text, or - to read one from stdin.")
    return "".join(stdin_lines()).removesuffix("\n").removesuffix("\r")


def instant_argument(text: str | None) -> str | float | None:
    """Return epoch seconds as a number, and anything else unchanged, for the library to read or refuse."""
    from ..data.parameters import instant

    return instant(text)


def confirm(question: str, yes: bool, otherwise: str = "Nothing was deleted.") -> None:
    """Ask on stderr, and raise ClickException unless the answer is yes; ``otherwise`` says what follows from a no."""
    if yes:
        return
    sys.stderr.write(printable(f"{question} [y/N]: "))
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise click.UsageError(f"{otherwise} Give --yes if nobody can answer.")
    if answer.strip().lower() not in ("y", "yes"):
        raise click.ClickException(otherwise)


def _works_on_file() -> str:
    context = click.get_current_context(silent=True)  # there is none in the threads of MCP
    return f"{context.info_name if context else 'This command'} works on the file itself"


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that were given, and leave the others to the store's defaults."""
    return {name: value for name, value in arguments.items() if value is not None}
