"""Errors in the words of the shell: ``--user`` for ``user_id``, a command for a call in Python.

The library names its arguments in three ways, and only those are translated: at the start of a message
(``Invalid top_k: …``), with an equals sign (``filters={'user_id': '*'}``), and anywhere by a name with an underscore.
Text in quotes came from the user and stays as it is.
"""

import re
from collections.abc import Mapping
from typing import Any

import click

from ..errors import ConfigurationError, DependencyError, FilterError, Mem0LiteError, ValidationError
from .options import LABELS, Options
from .output import note

NAMES: Mapping[str, tuple[str, ...]] = {
    "access_log": ("--access-log",),
    "after": ("--after",),
    "agent_id": ("--agent",),
    "allow_private": ("--allow-private",),
    "api_key": ("--api-key",),
    "as_of": ("--as-of",),
    "app_id": ("--app",),
    "categories": ("--categories",),
    "checksums": ("--checksums",),
    "depth": ("--depth",),
    "durability": ("--durability",),
    "embedder": ("--model",),
    "embedding_model": ("--model",),
    "entity": ("--entity",),
    "expiration_date": ("--expires",),
    "event_id": ("ID",),
    "event_type": ("--event-type",),
    "event_types": ("--event",),
    "expires_at": ("--expires-at",),
    "explain": ("--explain",),
    "feedback": ("RATING",),
    "feedback_reason": ("--reason",),
    "file": ("FILE",),
    "filters": ("--filter",),
    "format": ("--format",),
    "graph_categories": ("--categories", "MEM0_USE_GRAPH_FOR_CATEGORIES"),
    "history_db": ("--history-db",),
    "host": ("--host",),
    "infer": ("--no-infer",),
    "is_active": ("--active",),
    "insecure": ("--insecure",),
    "key": ("--key",),
    "key_id": ("ID",),
    "kind": ("--profile",),
    "kinds": ("--kind",),
    "label": ("--label",),
    "latest_only": ("--all-versions",),
    "llm": ("--llm-url", "MEM0LITE_LLM_URL"),
    "llm_api_key": ("MEM0LITE_LLM_API_KEY",),
    "llm_model": ("--llm-model", "MEM0LITE_LLM_MODEL"),
    "llm_url": ("--llm-url", "MEM0LITE_LLM_URL"),
    "limit": ("--limit", "--top-k"),
    "max_tokens": ("--max-tokens",),
    "max_bytes_per_user": ("--max-bytes-per-user", "MEM0LITE_MAX_BYTES_PER_USER"),
    "max_memories_per_user": ("--max-memories-per-user", "MEM0LITE_MAX_MEMORIES_PER_USER"),
    "mcp": ("--no-mcp",),
    "memory_id": ("ID", "IDS"),
    "messages": ("TEXT",),
    "metadata": ("--metadata",),
    "name": ("--name",),
    "offset": ("--offset",),
    "opentelemetry": ("--opentelemetry",),
    "path": ("TARGET", "--db"),
    "port": ("--port",),
    "query": ("QUERY",),
    "read_only": ("--read-only",),
    "reference_date": ("--reference-date",),
    "relevant_only": ("--relevant-only", "--irrelevant"),
    "repair": ("--repair",),
    "replace": ("--replace",),
    "rerank": ("--rerank",),
    "retry_failed": ("--retry-failed",),
    "run_id": ("--run",),
    "show_expired": ("--show-expired",),
    "source": ("SOURCE", "--from-mem0"),
    "target": ("TARGET",),
    "supersedes": ("--supersedes",),
    "statement_timeout": ("--statement-timeout", "MEM0LITE_STATEMENT_TIMEOUT_SECONDS"),
    "text": ("TEXT",),
    "threshold": ("--threshold",),
    "timestamp": ("--timestamp",),
    "top_k": ("--top-k", "--limit"),
    "ttl": ("--ttl",),
    "ui": ("--no-ui",),
    "url": ("URL", "--to"),
    "user_id": ("--user",),
    "vacuum_interval_seconds": ("--vacuum-interval",),
    "webhook_id": ("ID",),
    "workers": ("--workers",),
}
"""The library's arguments, and what commands call them: the first one that a command has, or a variable."""

LABEL_OPTIONS = {key: f"--{name.replace('_', '-')}" for name, key in LABELS.items()}
"""The options that set one metadata key each, by that key."""

_ANY_ID = "--user, --agent, --run or --app"
_PHRASES = [
    (re.compile(phrase), words)
    for phrase, words in (
        (r"At least one of 'user_id', 'agent_id', 'run_id' or 'app_id' must be provided\.", f"Give {_ANY_ID}."),
        (r"Give at least one of user_id, agent_id, run_id or app_id\.", f"Give {_ANY_ID}."),
        (
            r"filters must contain at least one of: user_id, agent_id, run_id, app_id\. "
            r"""Example: (filters=\{'user_id': 'u1'\}|\{"filters": \{"user_id": "u1"\}\})\.?""",
            f'Give {_ANY_ID}, or ids in --filter \'{{"user_id": "u1"}}\'.',
        ),
        (r"Invalid after: give only one of after, offset and page\.", "Give either --after or --offset, not both."),
        (r"(?s)character (\d+) is a lone surrogate\. .*", r"character \1 is not UTF-8. Give UTF-8 text."),
        (r"""use a filter: \{['"](\w+)['"]: ['"]\*['"]\}""", r"""use --filter '{"\1": "*"}'"""),
        (r"Invalid filter ('[^']{0,200}')", r"Invalid \1 in --filter"),
        (r"\bread_only(=True)? has nothing", "--read-only has nothing"),
        (r"Open it once without read_only(=True)?\.", "Run the command once where the file can be written."),
        (r"Open it without read_only(=True)? to", "Run a command where the file can be written, to"),
        (r"Give a new path, or pass replace=True\.", "Give another --db, or --replace."),
        (r"`?\b(Memory\.reembed|reindex_graph)\([^)]{0,200}\)`?,? or:? (?=`?mem0lite )", ""),
        (r"`?\bMemory\.reembed\([^)]{0,200}\)`?", "`mem0lite reembed`"),
        (r"`?\breindex_graph(\([^)]{0,200}\))?`?", "`mem0lite reindex --graph`"),
        (r"`?\breset\(\)`?( method)?", "`mem0lite delete --all`"),
        (r"`?\bget_all\(\)`?", "`mem0lite list`"),
        (
            r"\bfastembed\.TextEmbedding\.list_supported_models\(\) lists",
            "https://qdrant.github.io/fastembed/examples/Supported_Models/ lists",
        ),
    )
]
"""What a shell has other sentences for."""

_ANY_BY_FILTER = re.compile(r"""To mean any id, use a filter: \{['"]\w+['"]: ['"]\*['"]\}\.""")
_SUBJECT = re.compile(r"(?P<invalid>Invalid )?(?P<name>[a-z_]+)(?P<inside>[.\[][\w.\[\]]*)?(?=: | must )")
_WORDS = re.compile(
    r"""(?P<quoted>(?<!\w)'(?:[^'\\]|\\.){0,200}'(?!\w)|"(?:[^"\\]|\\.){0,200}")"""
    r"""|(?<![\w?&/.-])(?P<argument>[a-z_]+)=(?P<value>\{[^{}]{0,200}\}|'[^']{0,200}'|True\b)?"""
    r"""|(?<![\w./-])(?P<name>[a-z]+(?:_[a-z]+)+)(?![\w/=]|\ in\ --filter)"""
)
_OF_A_LINE = re.compile(r"\b[Ll]ine \d+: ")


class _Worded(click.Command):
    """What commands and their group do with what is given."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read options and arguments. Raises UsageError for one that is blank.

        Taken for one that is not given, an empty variable of a script (``--url "$URL"``) would name another store.
        """
        if not context.resilient_parsing:
            _refuse_blanks(self, context, args)
        return super().parse_args(context, args)


def _refuse_blanks(command: click.Command, context: click.Context, args: list[str]) -> None:
    given, _, _ = command.make_parser(context).parse_args(list(args))
    for parameter in command.get_params(context):
        value = given.get(parameter.name or "")
        values = value if isinstance(value, tuple | list) else [value]
        if any(isinstance(one, str) and not one.strip() for one in values):
            otherwise = "" if parameter.required else ", or leave it out"
            raise click.UsageError(f"Invalid {_called(parameter)}: cannot be empty. Give a value{otherwise}.", context)


def _called(parameter: click.Parameter) -> str:
    return parameter.human_readable_name if isinstance(parameter, click.Argument) else parameter.opts[0]


class Command(_Worded):
    """A command whose errors speak of its own options."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command. Raises Failure for every error of the library."""
        try:
            return super().invoke(context)
        except Mem0LiteError as error:
            raise _failure(error, context) from error


class Group(_Worded, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def invoke(self, context: click.Context) -> Any:
        """Run the command that is named. Raises Failure for every error of the library."""
        try:
            return super().invoke(context)
        except Mem0LiteError as error:  # of an option's value: the command did not begin
            raise _failure(error, context) from error


class Failure(click.ClickException):
    """An error of the library, as a command shows it."""

    def __init__(self, error: Mem0LiteError, context: click.Context) -> None:
        super().__init__(_message(error, context))
        self._unread = isinstance(error.__cause__, BrokenPipeError)

    def show(self, file: Any = None) -> None:
        """Print the error, unless it is that nobody reads what is printed."""
        if not self._unread:
            note(f"Error: {self.message}")


class Refusal(Failure):
    """What was given cannot be accepted."""

    exit_code = 2


def _failure(error: Mem0LiteError, context: click.Context) -> Failure:
    refused = isinstance(error, ValidationError | ConfigurationError | DependencyError)
    return (Refusal if refused else Failure)(error, context)


def in_shell_words(text: str, *, of_data: bool = False) -> str:
    """Return what the library says in the words of the command that runs.

    ``of_data`` is for what it says of a file's contents: fields in it keep their names, remedies do not.
    """
    return _translated(text, click.get_current_context(), of_data)


def _message(error: Mem0LiteError, context: click.Context) -> str:
    text = str(error)
    if isinstance(error, FilterError):
        text = re.sub(r"\AInvalid (?!filters\b|--)([\w.\[\]]+):", r"Invalid \1 in --filter:", text)
        text = re.sub(r"\{'.{0,200}\}", lambda found: found[0].replace("'", '"'), text)
    return _translated(text, context, of_data=bool(_OF_A_LINE.search(text)))


def _translated(text: str, context: click.Context, of_data: bool) -> str:
    names = _names(context)
    if "filters" not in names:
        text = _ANY_BY_FILTER.sub("--all means everybody.", text)
    for pattern, words in _PHRASES:
        text = pattern.sub(words, text)
    if not of_data and (subject := _SUBJECT.match(text)):
        text = _subject(subject, names, context) + text[subject.end() :]

    def word(found: re.Match[str]) -> str:
        if found["argument"] in names:
            return names[found["argument"]] + _value(found["value"])
        if found["name"] in names and not of_data:
            return names[found["name"]]
        return found[0]

    return _WORDS.sub(word, text)


def _names(context: click.Context) -> dict[str, str]:
    """Return the library's names of what the command can be given, with what it calls them."""
    own: set[str] = set()
    for one in (*context.command.params, *(context.parent.command.params if context.parent else ())):
        if isinstance(one, click.Argument):
            own.add(one.human_readable_name)
        elif not getattr(one, "hidden", False):
            own.update(one.opts)
    found = {name: [one for one in called if one in own or one.startswith("MEM0")] for name, called in NAMES.items()}
    return {name: called[0] for name, called in found.items() if called}


def _subject(found: re.Match[str], names: Mapping[str, str], context: click.Context) -> str:
    """Return the start of a message with the option it is about."""
    options = context.find_object(Options) or Options()
    invalid, name, inside = found["invalid"] or "", found["name"], (found["inside"] or "").lstrip(".")
    key = re.split(r"[.\[]", inside)[0]
    if name == "metadata" and key in options.labels:
        return invalid + LABEL_OPTIONS[key]
    if name not in names or (name == "query" and inside):
        return found[0]
    if name.endswith("_id") and name not in options.scope and context.params.get("filters"):
        return f"{invalid}{name} in --filter"
    if name == "metadata" and inside:
        return f"{invalid}{inside} in {names[name]}"
    return invalid + names[name]


def _value(value: str | None) -> str:
    """Return the value of an argument as the value of an option; a switch has none."""
    if value is None or value == "True":
        return ""
    if value.startswith("{"):
        return " '" + value.replace("'", '"') + "'"
    return f" {value}"
