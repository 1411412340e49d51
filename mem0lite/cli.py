"""The ``mem0lite`` command: every verb of Memory on a file, and those that have a route on a running server.

Exit codes: 0 done; 1 not found, or the operation failed; 2 usage error or input that cannot be accepted; 130 Ctrl-C.
Results go to stdout, everything else to stderr. rich, httpx, the web stack and the library are imported by the commands
that need them, so that ``--help`` stays fast.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from . import __version__
from .errors import ConfigurationError, DependencyError, Mem0LiteError, MemoryNotFoundError, ValidationError

if TYPE_CHECKING:
    import socket

    import httpx
    from rich.console import Console, RenderableType
    from rich.text import Text

    from .memory import Memory
    from .server.settings import Settings
    from .types import AddResult, HistoryItem, MemoryItem, MessageResult, Page, SearchResult

_DEFAULT_DB = "mem0lite.db"
_DEFAULT_LIST = 100
_WIDE = 130  # columns of a terminal from which a memory's details get columns of their own
_HTTP_TIMEOUT = 60.0
_SHUTDOWN_SECONDS = 10  # what running requests get to finish in when the server stops

_LABELS = {
    "project_id": "project_id",
    "lifespan": "memory_lifespan",
    "category": "memory_category",
    "tag": "domain_tags",
}

# Control characters, line separators, bidirectional overrides and lone surrogates: a terminal would obey them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_Function = TypeVar("_Function", bound=Callable[..., Any])


# -- options


@dataclass
class _Options:
    """What the options that commands share were set to."""

    db: str | None = None
    url: str | None = None
    model: str | None = None
    json: bool = False
    scope: dict[str, Any] = field(default_factory=dict)
    """The ids given, by the names the library has for them."""
    labels: dict[str, Any] = field(default_factory=dict)
    """The metadata that options of their own set, by metadata key."""

    def path(self, *, must_exist: bool) -> str:
        """Return the file to work on; say so when only a server was given, or when it should exist and does not."""
        if self.url:
            command = click.get_current_context().info_name
            raise ConfigurationError(f"{command} works on the file itself: it needs --db, and takes no --url.")
        path = self.db or os.environ.get("MEM0LITE_DB") or _DEFAULT_DB
        if must_exist and not Path(path).exists():
            raise ConfigurationError(f"{path} does not exist. Give the file with --db or MEM0LITE_DB.")
        return path

    def embedder(self) -> str | None:
        """Return the embedder's name or folder, or None for the bundled one."""
        return self.model or os.environ.get("MEM0LITE_EMBEDDING_MODEL") or None


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(_Options), parameter.name, value)


def _remember_id(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name:
        context.ensure_object(_Options).scope[parameter.name] = value


def _remember_label(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, ()) and parameter.name:
        given = list(value) if isinstance(value, tuple) else value
        context.ensure_object(_Options).labels[_LABELS[parameter.name]] = given


def _add_options(*options: Callable[[_Function], _Function]) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _shared(*names: str, **attributes: Any) -> Callable[[_Function], _Function]:
    attributes.setdefault("callback", _remember)
    return click.option(*names, expose_value=False, **attributes)


_db = _shared("--db", metavar="PATH", help="The store's file.  [default: $MEM0LITE_DB, else mem0lite.db]")
_url = _shared("--url", metavar="URL", help="Work on a running mem0lite server instead of a file.")
_no_url = _shared("--url", metavar="URL", hidden=True)
_model = _shared(
    "--model",
    metavar="NAME",
    help="Embedding model, a name or a folder.  [default: $MEM0LITE_EMBEDDING_MODEL, else the bundled one]",
)
_json = _shared("--json", is_flag=True, help="Print JSON, for programs.")

_store_options = _add_options(_db, _url, _model, _json)
_file_options = _add_options(_db, _no_url, _model, _json)

_scope_options = _add_options(
    _shared("--user", "user_id", metavar="ID", callback=_remember_id, help="The user's id."),
    _shared("--agent", "agent_id", metavar="ID", callback=_remember_id, help="The agent's id."),
    _shared("--run", "run_id", metavar="ID", callback=_remember_id, help="The run's (session's) id."),
)
_label_options = _add_options(
    _shared("--project-id", metavar="ID", callback=_remember_label, help="metadata.project_id"),
    _shared(
        "--lifespan",
        type=click.Choice(["short_term", "long_term"]),
        callback=_remember_label,
        help="metadata.memory_lifespan",
    ),
    _shared("--category", metavar="NAME", callback=_remember_label, help="metadata.memory_category"),
    _shared(
        "--tag",
        metavar="TAG",
        multiple=True,
        callback=_remember_label,
        help="metadata.domain_tags; may be repeated, and lists what has any of them.",
    ),
)


def _json_object(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
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


_filter_option = click.option(
    "--filter",
    "filters",
    callback=_json_object,
    metavar="JSON",
    help='Condition, such as \'{"priority": {"gte": 3}}\'.',
)
_expired_option = click.option("--show-expired", is_flag=True, help="Expired memories too.")
_yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


# -- stores


class _Server:
    """The verbs of Memory that a mem0lite server has a route for, with the same arguments, results and errors."""

    def __init__(self, url: str) -> None:
        import httpx

        self._url = url.rstrip("/")
        try:
            self._client = httpx.Client(base_url=self._url, timeout=_HTTP_TIMEOUT)
        except httpx.InvalidURL as error:
            raise ValidationError(f"Invalid --url: {url!r}: {error}", field="url") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def add(self, messages: str, **arguments: Any) -> "AddResult":
        """POST /memories."""
        body = {"messages": [{"role": "user", "content": messages}], **arguments}
        return cast("AddResult", self._request("POST", "/memories", body=body))

    def search(self, query: str, **arguments: Any) -> "SearchResult":
        """POST /search."""
        return cast("SearchResult", self._request("POST", "/search", body={"query": query, **arguments}))

    def get_all(
        self,
        *,
        limit: int,
        offset: int = 0,
        filters: Mapping[str, Any] | None = None,
        show_expired: bool = False,
        **scope: str,
    ) -> "Page":
        """GET /memories, which knows the ids and the four metadata keys with options of their own, and no filter."""
        query = {"top_k": limit, "offset": offset, "show_expired": show_expired, **scope, **_as_query(filters)}
        return cast("Page", self._request("GET", "/memories", params=query))

    def get(self, memory_id: str) -> "MemoryItem | None":
        """GET /memories/{id}."""
        return cast("MemoryItem | None", self._request("GET", _memory_path(memory_id)))

    def history(self, memory_id: str) -> "list[HistoryItem]":
        """GET /memories/{id}/history."""
        return cast("list[HistoryItem]", self._request("GET", f"{_memory_path(memory_id)}/history"))

    def delete(self, memory_id: str) -> "MessageResult":
        """DELETE /memories/{id}."""
        return cast("MessageResult", self._request("DELETE", _memory_path(memory_id)))

    def delete_all(self, **scope: str) -> "MessageResult":
        """DELETE /memories."""
        return cast("MessageResult", self._request("DELETE", "/memories", params=scope))

    def reset(self) -> None:
        """POST /reset."""
        self._request("POST", "/reset")

    def _request(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: object = None) -> Any:
        import httpx

        try:
            content = None if body is None else json.dumps(body, allow_nan=False)
            headers = {"Content-Type": "application/json"} if content else {}
            response = self._client.request(method, path, params=params, content=content, headers=headers)
        except httpx.UnsupportedProtocol as error:
            raise ValidationError(
                f"Invalid --url: {self._url!r} must start with http:// or https://", field="url"
            ) from error
        except httpx.TimeoutException as error:
            raise Mem0LiteError(f"{self._url} did not answer within {_HTTP_TIMEOUT:.0f} seconds.") from error
        except (httpx.InvalidURL, ValueError) as error:  # what neither a URL nor JSON can hold, such as NaN
            raise ValidationError(f"This cannot be sent to {self._url}: {error}", field="request") from error
        except httpx.HTTPError as error:
            raise Mem0LiteError(f"{self._url} cannot be reached: {error}. Is the server running?") from error
        if response.is_success:
            return self._decoded(response)
        raise self._error(response)

    def _decoded(self, response: "httpx.Response") -> Any:
        try:
            return response.json()
        except ValueError:
            raise Mem0LiteError(
                f"{self._url} answered {response.status_code} without JSON. Is it a mem0lite server?"
            ) from None

    def _error(self, response: "httpx.Response") -> Mem0LiteError:
        """Return the error the library would have raised, with the server's ``detail`` as its message."""
        answer = self._decoded(response)
        message = _detail(answer.get("detail") if isinstance(answer, dict) else answer)
        if response.status_code == 404:
            return MemoryNotFoundError(message)
        if response.status_code in (400, 422):
            return ValidationError(message, field="request")
        return Mem0LiteError(f"{self._url} answered {response.status_code}: {message}")


def _memory_path(memory_id: str) -> str:
    from urllib.parse import quote

    # Dots are quoted by hand: as a path, "." and ".." would be other resources.
    return f"/memories/{quote(memory_id, safe='', errors='replace').replace('.', '%2E')}"


def _as_query(filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a filter as GET /memories' parameters; raise ValidationError for one it has no parameters for."""
    from .filters import ANY_SCOPE

    if filters is None or filters == ANY_SCOPE:
        return {}
    if not set(filters) <= set(_LABELS.values()):
        raise ValidationError("list --filter needs --db: a server lists by ids and labels only.", field="filter")
    query = {name: value if isinstance(value, list) else [value] for name, value in filters.items()}
    if any("," in value for values in query.values() for value in values):
        raise ValidationError("A label with a comma needs --db: to a server it means several labels.", field="filter")
    return query


def _detail(detail: Any) -> str:
    """Return an error's detail as a sentence: a text, or the list of faults of a 422."""
    if isinstance(detail, list):
        return "; ".join(map(_detail, detail))
    if isinstance(detail, dict) and "msg" in detail:
        where = ".".join(str(part) for part in detail.get("loc") or ())
        return f"{where}: {detail['msg']}" if where else str(detail["msg"])
    return detail if isinstance(detail, str) else json.dumps(detail)


def _memory(options: _Options, *, create: bool = False) -> "Memory":
    path = options.path(must_exist=not create)
    from .memory import Memory

    return Memory(path, embedder=options.embedder())


def _open(options: _Options, *, create: bool = False) -> "Memory | _Server":
    if not options.url:
        return _memory(options, create=create)
    if options.db or options.model:
        raise click.UsageError("Give either --url, or --db and --model: a server has a file and a model of its own.")
    return _Server(options.url)


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that were given, which leaves the others to the store's defaults."""
    return {name: value for name, value in arguments.items() if value is not None}


# -- output


def _printable(value: object, keep: str = "") -> str:
    """Return a value as text in which nothing but the characters of ``keep`` can steer a terminal."""

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        return character if character in keep else character.encode("unicode_escape").decode()

    return _UNPRINTABLE.sub(escape, str(value))


def _dumps(value: object, indent: int | None = None) -> str:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    return json.dumps(value, indent=indent, ensure_ascii=not utf8)


def _print_json(value: object) -> None:
    _echo(_dumps(value, indent=2))


def _echo(text: str) -> None:
    """Print a line of results. click.echo is not used: it overrides an encoding that the user chose."""
    sys.stdout.write(f"{text}\n")


def _note(text: str) -> None:
    """Say something that is not a result."""
    sys.stderr.write(_printable(text, keep="\n\t") + "\n")


def _console() -> "Console | None":
    """Return a console to draw tables on, or None when stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console(highlight=False)


def _cell(value: object, style: str = "") -> "Text":
    """Return a table cell in which neither markup nor control characters are interpreted."""
    from rich.text import Text

    return Text(_printable(value, keep="\n"), style=style, overflow="fold")


def _print_rows(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn on a terminal, elsewhere one line per row with tabs between, without headings."""
    console = _console()
    if console is None:
        for row in rows:
            _echo("\t".join(map(_printable, row)))
        return
    _draw(console, headings, [[_cell(value) for value in row] for row in rows])


def _draw(
    console: "Console", headings: Sequence[str], rows: "Iterable[Sequence[RenderableType]]", leading: int = 0
) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_header=any(headings), pad_edge=False, leading=leading)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Score", "Id", "Created"))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print_pairs(pairs: Mapping[str, object]) -> None:
    _print_rows(["", ""], [(name.replace("_", " "), value) for name, value in pairs.items()])


def _print_memories(items: "Sequence[MemoryItem]") -> None:
    if not items:
        _note("No memories.")
        return
    scored = any(item.get("score") is not None for item in items)
    console = _console()
    if console is None or console.width >= _WIDE:
        headings = ["Id", *(["Score"] if scored else []), "Memory", "Scope", "Metadata", "Created"]
        _print_rows(headings, [_columns(item, scored, exact=console is None) for item in items])
    else:
        headings = [*(["Score"] if scored else []), "Memory"]
        _draw(console, headings, [[*map(_cell, _score(item, scored)), _block(item)] for item in items], leading=1)


def _score(item: "MemoryItem", scored: bool) -> list[str]:
    return [f"{item.get('score') or 0:.3f}"] if scored else []


def _scope(item: "MemoryItem") -> str:
    names = {"user": item.get("user_id"), "agent": item.get("agent_id"), "run": item.get("run_id")}
    return " ".join(f"{name}={value}" for name, value in names.items() if value is not None)


def _metadata(item: "MemoryItem") -> str:
    return _dumps(item["metadata"]) if item["metadata"] else ""


def _created(item: "MemoryItem", exact: bool = False) -> str:
    return item["created_at"] if exact else item["created_at"][:16].replace("T", " ")


def _columns(item: "MemoryItem", scored: bool, exact: bool) -> list[str]:
    return [
        item["id"], *_score(item, scored), item["memory"], _scope(item), _metadata(item), _created(item, exact)
    ]  # fmt: skip


def _block(item: "MemoryItem") -> "Text":
    """Return a memory as one cell, its details beneath its text."""
    from rich.text import Text

    details = [f"{_scope(item)}  {_created(item)}", _metadata(item), item["id"]]
    lines = [_cell(item["memory"]), *(_cell(detail, "dim") for detail in details if detail)]
    return Text("\n", overflow="fold").join(lines)


@contextmanager
def _progress(description: str) -> "Iterator[Callable[[int, int], None] | None]":
    """Yield what draws a progress bar on stderr, or None when that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# -- input


def _stdin_lines() -> Iterator[str]:
    try:
        yield from io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValidationError(f"Standard input is not UTF-8 text: {error}", field="stdin") from error


def _text(argument: str | None) -> str:
    """Return the argument, or what stdin holds when it is ``-`` or absent."""
    if argument not in (None, "-"):
        return argument
    if argument is None and sys.stdin.isatty():
        raise click.UsageError("Missing argument 'TEXT'. Give a text, or - to read one from stdin.")
    return "".join(_stdin_lines()).removesuffix("\n").removesuffix("\r")


def _instant(text: str | None) -> str | float | None:
    """Return epoch seconds as a number, and everything else as it is, for the library to read or refuse."""
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)  # first, because 20300131 is a date
    except ValueError:
        try:
            return float(text)
        except ValueError:
            pass
    return text


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    sys.stderr.write(_printable(f"{question} [y/N]: "))
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise click.UsageError("Nothing was deleted. Give --yes where nobody can be asked.")
    if answer.strip().lower() not in ("y", "yes"):
        raise click.ClickException("Nothing was deleted.")


# -- commands


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mem0lite", message="%(prog)s %(version)s")
@_store_options
@click.pass_context
def cli(context: click.Context) -> None:
    """A memory store for agents in one SQLite file."""
    context.ensure_object(_Options)


@cli.command()
@click.argument("text", required=False)
@_scope_options
@click.option("--metadata", callback=_json_object, metavar="JSON", help="Metadata, a JSON object.")
@_label_options
@click.option("--ttl", type=float, metavar="SECONDS", help="Expire this long after its creation.")
@click.option("--expires", metavar="YYYY-MM-DD", help="Expire at the end of this day, UTC.")
@click.option("--timestamp", metavar="INSTANT", help="When it was said: ISO 8601 or epoch seconds.")
@click.option("--no-infer", is_flag=True, help="Store it even if the same scope holds the same text.")
@_store_options
@click.pass_obj
def add(
    options: _Options,
    text: str | None,
    metadata: dict[str, Any] | None,
    ttl: float | None,
    expires: str | None,
    timestamp: str | None,
    no_infer: bool,
) -> None:
    """Store a text, or what stdin holds, as a memory."""
    arguments = _given(
        metadata={**(metadata or {}), **options.labels} or None,
        ttl=ttl,
        expiration_date=expires,
        timestamp=_instant(timestamp),
        infer=not no_infer,
    )
    text = _text(text)
    with closing(_open(options, create=True)) as store:
        result = store.add(text, **options.scope, **arguments)
    if options.json:
        _print_json(result)
        return
    for item in result["results"]:
        _echo(("Added " if item["event"] == "ADD" else "Known already: ") + _printable(item["id"]))


@cli.command()
@click.argument("query")
@_scope_options
@_filter_option
@click.option("--top-k", type=int, metavar="N", help="At most this many.  [default: 20]")
@click.option("--threshold", type=float, metavar="SCORE", help="None under this score, 0 to 1.  [default: 0.1]")
@click.option("--explain", is_flag=True, help="How the scores came about (with --json).")
@_expired_option
@_store_options
@click.pass_obj
def search(
    options: _Options,
    query: str,
    filters: dict[str, Any] | None,
    top_k: int | None,
    threshold: float | None,
    explain: bool,
    show_expired: bool,
) -> None:
    """Find the memories nearest to a question, best first."""
    arguments = _given(filters=filters, top_k=top_k, threshold=threshold)
    with closing(_open(options)) as store:
        result = store.search(query, **options.scope, **arguments, explain=explain, show_expired=show_expired)
    if options.json:
        _print_json(result)
    else:
        _print_memories(result["results"])


@cli.command("list")
@_scope_options
@_filter_option
@_label_options
@click.option("--limit", type=int, default=_DEFAULT_LIST, show_default=True, metavar="N", help="At most this many.")
@click.option("--offset", type=int, default=0, metavar="N", help="Pass over this many.")
@_expired_option
@_store_options
@click.pass_obj
def list_(options: _Options, filters: dict[str, Any] | None, limit: int, offset: int, show_expired: bool) -> None:
    """List memories, newest first; without ids and filters, all."""
    from .filters import ANY_SCOPE

    wanted = _both(filters, options.labels)
    if wanted is None and not options.scope:
        wanted = ANY_SCOPE
    with closing(_open(options)) as store:
        page = store.get_all(
            **options.scope, **_given(filters=wanted), limit=limit, offset=offset, show_expired=show_expired
        )
    if options.json:
        _print_json(page)
        return
    _print_memories(page["results"])
    shown = offset + len(page["results"])
    if shown < page["total"]:
        _note(f"{len(page['results'])} of {page['total']} memories; --offset {shown} goes on.")


def _both(filters: dict[str, Any] | None, labels: dict[str, Any]) -> dict[str, Any] | None:
    if filters and labels:
        return {"AND": [filters, labels]}
    return filters or labels or None


@cli.command()
@click.argument("id")
@_store_options
@click.pass_obj
def get(options: _Options, id: str) -> None:
    """Show one memory."""
    with closing(_open(options)) as store:
        item = store.get(id)
    if item is None:
        raise MemoryNotFoundError(f"Memory with id {id} not found")
    if options.json:
        _print_json(item)
        return
    shown = {**item, "metadata": _metadata(item)}
    _print_pairs({name: value for name, value in shown.items() if value not in (None, "")})


@cli.command()
@click.argument("ids", nargs=-1)
@_scope_options
@click.option("--all", "everything", is_flag=True, help="All memories of everyone, with their histories.")
@_yes_option
@_store_options
@click.pass_obj
def delete(options: _Options, ids: Sequence[str], everything: bool, yes: bool) -> None:
    """Delete memories by id, a whole scope, or everything."""
    if (bool(ids), bool(options.scope), everything).count(True) != 1:
        raise click.UsageError("Give either ids, or a scope with --user, --agent or --run, or --all.")
    with closing(_open(options)) as store:
        if ids:
            _delete_ids(options, store, ids)
        elif everything:
            _delete_everything(options, store, yes)
        else:
            _delete_scope(options, store, yes)


def _delete_ids(options: _Options, store: "Memory | _Server", ids: Sequence[str]) -> None:
    deleted: list[str] = []
    missing: list[str] = []
    for memory_id in dict.fromkeys(ids):
        try:
            store.delete(memory_id)
            deleted.append(memory_id)
        except MemoryNotFoundError as error:
            missing.append(memory_id)
            _note(f"Error: {error}")
    if options.json:
        _print_json({"deleted": deleted, "not_found": missing})
    else:
        for memory_id in deleted:
            _echo(f"Deleted {_printable(memory_id)}")
    if missing:
        raise click.exceptions.Exit(1)


def _delete_scope(options: _Options, store: "Memory | _Server", yes: bool) -> None:
    count = store.get_all(**options.scope, limit=0)["total"]
    whose = ", ".join(f"{name} {value}" for name, value in options.scope.items())
    _confirm(f"Delete all memories ({count} live ones) of {whose}?", yes)
    _report(options, store.delete_all(**options.scope))


def _delete_everything(options: _Options, store: "Memory | _Server", yes: bool) -> None:
    from .filters import ANY_SCOPE

    count = store.get_all(filters=ANY_SCOPE, limit=0)["total"]
    _confirm(f"Delete all memories ({count} live ones) of everyone, with their histories?", yes)
    store.reset()
    _report(options, {"message": "All memories deleted"})


def _report(options: _Options, result: Mapping[str, Any]) -> None:
    """Print what a command did: its message, or the numbers it returned."""
    if options.json:
        _print_json(result)
    elif "message" in result:
        _echo(_printable(result["message"]))
    else:
        _print_pairs(result)


@cli.command()
@click.argument("id")
@_store_options
@click.pass_obj
def history(options: _Options, id: str) -> None:
    """Show every change of one memory, oldest first."""
    with closing(_open(options)) as store:
        changes = store.history(id)
    if not changes:
        raise MemoryNotFoundError(f"No history of memory {id}: its id is unknown, or it expired.")
    if options.json:
        _print_json(changes)
        return
    rows = [
        (change["updated_at"], change["event"], change["old_memory"] or "", change["new_memory"] or "")
        for change in changes
    ]
    _print_rows(["When", "Event", "Before", "After"], rows)


@cli.command()
@_file_options
@click.pass_obj
def vacuum(options: _Options) -> None:
    """Remove expired memories and give their space back."""
    with _memory(options) as memory:
        _report(options, memory.vacuum())


@cli.command()
@click.argument("target", type=click.Path())
@_file_options
@click.pass_obj
def backup(options: _Options, target: str) -> None:
    """Write a consistent copy to a new file."""
    with _memory(options) as memory:
        memory.backup(target)
    _report(options, {"path": target} if options.json else {"message": f"Wrote {target}"})


@cli.command("export")
@click.argument("file", type=click.Path(allow_dash=True))
@_scope_options
@_filter_option
@_expired_option
@_file_options
@click.pass_obj
def export(options: _Options, file: str, filters: dict[str, Any] | None, show_expired: bool) -> None:
    """Write memories and histories as JSON lines; - is stdout."""
    arguments = {**options.scope, "show_expired": show_expired, **_given(filters=filters)}
    with _memory(options) as memory:
        if file != "-":
            if Path(file).exists() and Path(file).samefile(memory.path):
                raise ValidationError(f"{file} is the store itself. Give another file.", field="file")
            count = memory.export(file, **arguments)
            _report(options, {"exported": count})
            return
        # Another encoding or line end than import reads would break the round trip.
        lines = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
        try:
            memory.export(lines, **arguments)
        finally:
            lines.detach()  # or it would close stdout when it goes


@cli.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_scope_options
@_file_options
@click.pass_obj
def import_(options: _Options, file: str) -> None:
    """Add the memories of JSON lines; - is stdin."""
    with _memory(options, create=True) as memory, _progress("Importing") as progress:
        source = _stdin_lines() if file == "-" else file
        result = memory.import_(source, **options.scope, progress=progress)
    _report(options, result)


@cli.command()
@_file_options
@click.pass_obj
def reembed(options: _Options) -> None:
    """Compute every vector anew, with the model of --model."""
    path = options.path(must_exist=True)
    from .memory import Memory

    with _progress("Embedding") as progress:
        result = Memory.reembed(path, embedder=options.embedder(), progress=progress)
    _report(options, result)


@cli.command()
@_file_options
@click.pass_obj
def stats(options: _Options) -> None:
    """Show the size and make-up of a store."""
    with _memory(options) as memory:
        result = memory.stats()
    if options.json:
        _print_json(result)
        return
    model = result["embedder"]
    _print_pairs({**result, "embedder": f"{model['name']} ({model['dimensions']} dimensions)"})


@cli.command()
@click.argument("model")
@_json
@click.pass_obj
def fetch(options: _Options, model: str) -> None:
    """Download a fastembed model, to use it offline from then on."""
    from .embed import fetch as download

    folder = str(download(model))
    _report(options, {"folder": folder} if options.json else {"message": f"{model} is in {folder}"})


# -- the server


@cli.command()
@_db
@_no_url
@click.option("--host", metavar="HOST", help="Address to listen at.  [default: $MEM0LITE_HOST, else 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="0 takes a free one.  [default: $MEM0LITE_PORT, else 8888]"
)
@click.option("--insecure", is_flag=True, help="Serve hosts other than loopback although no API key protects them.")
@click.option(
    "--vacuum-interval",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Remove expired memories this often; 0 never.  [default: $MEM0LITE_VACUUM_INTERVAL_SECONDS, else 60]",
)
@_model
@click.pass_obj
def serve(options: _Options, host: str | None, port: int | None, insecure: bool, vacuum_interval: float | None) -> None:
    """Serve a store over HTTP, as mem0's server does."""
    options.path(must_exist=False)  # refuses --url
    settings = _settings(
        db=options.db, host=host, port=port, embedding_model=options.model, vacuum_interval_seconds=vacuum_interval
    )
    if not (insecure or _is_loopback(settings.host)):
        raise ConfigurationError(
            f"{settings.host} can be reached by others, and no API key protects the memories. Serve 127.0.0.1, or give "
            "--insecure where everyone who can connect may read and change them."
        )
    from .memory import Memory

    with Memory(settings.db, embedder=settings.embedding_model) as memory, _listener(settings) as listener:
        _run(memory, settings, listener)


def _settings(**given: Any) -> "Settings":
    """Return the settings of the environment with the given options in their place."""
    try:
        import uvicorn  # noqa: F401

        from .server.settings import Settings
    except DependencyError:
        raise
    except ModuleNotFoundError as error:
        raise DependencyError(
            f'The server needs the package {error.name!r}. Install it with: pip install "mem0lite[server]"'
        ) from error
    return replace(Settings.from_environment(), **_given(**given))


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _listener(settings: "Settings") -> "socket.socket":
    """Return a listening socket, made here and not by uvicorn so that what is announced is known to be served."""
    import socket

    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise Mem0LiteError(
            f"Cannot listen at {settings.host}, port {settings.port}: {error.strerror}. Give another --host or --port."
        ) from error


def _run(memory: "Memory", settings: "Settings", listener: "socket.socket") -> None:
    import signal

    import uvicorn

    from .server import create_app

    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = uvicorn.Config(
        create_app(memory, settings=settings), log_level="warning", timeout_graceful_shutdown=_SHUTDOWN_SECONDS
    )
    # uvicorn stops gracefully and then raises the signal anew, whose default would end the process before the file is
    # closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # being stopped is how a server ends well
        _note(f"mem0lite serves {memory.path} at {url} (docs: {url}/docs). Ctrl-C stops it.")
        uvicorn.Server(config).run(sockets=[listener])


# -- the process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character the terminal lacks is no reason to fail
    try:
        code = cli.main(arguments, prog_name="mem0lite", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.Abort:  # what click makes of Ctrl-C
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Mem0LiteError as error:
        _note(f"Error: {error}")
        return 2 if isinstance(error, ValidationError | ConfigurationError | DependencyError) else 1
    except OSError as error:
        _discard_stdout()
        if not isinstance(error, BrokenPipeError):  # a reader that has seen enough wants no message
            _note(f"Error: {error}")
        return 1


def _discard_stdout() -> None:
    """Send stdout nowhere, so that the interpreter's last flush cannot fail too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
