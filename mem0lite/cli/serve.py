"""``mem0lite serve``."""

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import ConfigurationError, DependencyError, Mem0LiteError
from .commands import cli
from .options import Number, Options, db_option, given, llm_options, model_option, no_url_option
from .output import note

if TYPE_CHECKING:
    import asyncio
    import socket

    from ..memory import Memory
    from ..server.app import App
    from ..server.settings import Settings
    from ..store import Durability

_BACKLOG = 128  # connections the kernel holds until they are accepted
SHUTDOWN_SECONDS = 10  # how long running requests may take to finish when the server stops


@cli.command()
@db_option
@no_url_option
@click.option("--host", metavar="HOST", help="The address to listen on.  [default: $MEM0LITE_HOST, else 127.0.0.1]")
@click.option(
    "--port",
    type=Number(0, 65_535, whole=True),
    metavar="PORT",
    help="The port to listen on; 0 picks a free one.  [default: $MEM0LITE_PORT, else 8888]",
)
@click.option(
    "--insecure",
    is_flag=True,
    default=None,
    help="Listen on hosts other than loopback without an API key; also $MEM0LITE_INSECURE=1.",
)
@click.option(
    "--vacuum-interval",
    type=Number(0),
    metavar="SECONDS",
    help="Remove expired memories this often; 0 is never.  [default: $MEM0LITE_VACUUM_INTERVAL_SECONDS, else 60]",
)
@click.option(
    "--access-log",
    is_flag=True,
    default=None,
    help="Write one line of JSON per request to stderr; also $MEM0LITE_ACCESS_LOG=1.",
)
@click.option(
    "--durability",
    type=click.Choice(["full", "normal"]),
    help="normal: a power loss may lose the last writes; full: it does not.  "
    "[default: $MEM0LITE_DURABILITY, else full]",
)
@click.option(
    "--read-only",
    is_flag=True,
    default=None,
    help="Change nothing; works on a read-only disk. Also $MEM0LITE_READ_ONLY=1.",
)
@click.option(
    "--statement-timeout",
    type=Number(0),
    metavar="SECONDS",
    help="Stop a request that reads for longer, with 503; 0 is never.  "
    "[default: $MEM0LITE_STATEMENT_TIMEOUT_SECONDS, else 10]",
)
@click.option(
    "--checksums",
    is_flag=True,
    default=None,
    help="Give a new file page checksums; also $MEM0LITE_CHECKSUMS=1.",
)
@click.option(
    "--workers",
    type=Number(1, 64, whole=True),
    metavar="N",
    help="Answer with N processes over the one file.  [default: $MEM0LITE_WORKERS, else 1]",
)
@click.option(
    "--max-memories-per-user",
    type=Number(0, whole=True),
    metavar="N",
    help="Refuse, with 413, what would let a user keep more memories; 0 is any number.  "
    "[default: $MEM0LITE_MAX_MEMORIES_PER_USER, else 0]",
)
@click.option(
    "--max-bytes-per-user",
    type=Number(0, whole=True),
    metavar="N",
    help="The same for the bytes of texts and metadata.  [default: $MEM0LITE_MAX_BYTES_PER_USER, else 0]",
)
@click.option(
    "--opentelemetry",
    is_flag=True,
    default=None,
    help="Send traces and metrics where OTEL_EXPORTER_OTLP_ENDPOINT says; also $MEM0LITE_OPENTELEMETRY=1.",
)
@click.option("--no-mcp", is_flag=True, default=None, help="Do not answer MCP clients at /mcp; also $MEM0LITE_MCP=0.")
@click.option("--no-ui", is_flag=True, default=None, help="Do not serve the page at /ui; also $MEM0LITE_UI=0.")
@model_option
@llm_options
@click.pass_obj
def serve(
    options: Options,
    host: str | None,
    port: int | None,
    insecure: bool | None,
    vacuum_interval: float | None,
    statement_timeout: float | None,
    access_log: bool | None,
    durability: "Durability | None",
    read_only: bool | None,
    checksums: bool | None,
    workers: int | None,
    max_memories_per_user: int | None,
    max_bytes_per_user: int | None,
    opentelemetry: bool | None,
    no_mcp: bool | None,
    no_ui: bool | None,
) -> None:
    """Serve a store over HTTP, as mem0's server does.

    If $MEM0LITE_API_KEYS holds API keys, or the store has some (mem0lite keys), callers need one of them. Commas
    separate keys: "key" reaches everything, "key:user" only that user's memories.
    """
    options.path(must_exist=False)  # refuses --url
    settings = _settings(
        db=options.db,
        host=host,
        port=port,
        embedding_model=options.model,
        llm_url=options.llm_url,
        llm_model=options.llm_model,
        vacuum_interval_seconds=vacuum_interval,
        statement_timeout_seconds=statement_timeout,
        access_log=access_log,
        insecure=insecure,
        durability=durability,
        read_only=read_only,
        checksums=checksums,
        workers=workers,
        max_memories_per_user=max_memories_per_user,
        max_bytes_per_user=max_bytes_per_user,
        opentelemetry=opentelemetry,
        mcp=False if no_mcp else None,
        ui=False if no_ui else None,
    )
    if not (settings.api_keys or settings.insecure or _has_keys(settings)):
        settings = _for_this_machine(settings)
    closed = _serve(settings) if settings.workers == 1 else _serve_with_workers(settings)
    with suppress(OSError):  # whoever started the server may have stopped reading
        note(f"mem0lite closed {closed}.")


def _serve(settings: "Settings") -> str:
    """Serve until a signal comes; return which file it was."""
    from ..memory import Memory
    from ..server.backend import load_model
    from ..telemetry.exporting import exporting

    with exporting(settings.opentelemetry), Memory(**settings.memory_arguments) as memory:
        load_model(memory)  # before anybody is answered
        with _listener(settings) as listener:
            _run(memory, settings, listener)
    return file_of(memory)


def _serve_with_workers(settings: "Settings") -> str:
    from .workers import run

    if settings.db == ":memory:":
        raise ConfigurationError("workers: each would have a store of its own in memory. Give --db, or one worker.")
    with _listener(settings) as listener:

        def announce(file: str, model: str) -> None:
            _announce(settings, listener, file, model, lambda: _has_keys(settings))

        return run(settings, listener, announce)


def _settings(**options: Any) -> "Settings":
    """Return the settings of the environment, overridden by the given options."""
    try:
        import uvicorn  # noqa: F401

        from ..server.settings import Settings
    except DependencyError:
        raise
    except ModuleNotFoundError as error:
        raise DependencyError(
            f'The server needs the package {error.name!r}. Install it with: pip install "mem0lite[server]", or run it '
            'without: uvx "mem0lite[server]" serve'
        ) from error
    return Settings.from_environment(**given(**options))


def _has_keys(settings: "Settings") -> bool:
    """Whether the store has, or had, keys of its own."""
    path = str(settings.db)
    if path == ":memory:" or not ("://" in path or Path(path).exists()):
        return False
    from ..memory import Memory

    with Memory(**settings.memory_arguments) as memory:
        return memory._needs_key


def _for_this_machine(settings: "Settings") -> "Settings":
    """Return the settings of a server without keys. Raises ConfigurationError if others could reach it."""
    from ..server.settings import is_loopback

    if not is_loopback(settings.host):
        raise _open_to_others(settings.host)
    return replace(settings, loopback_only=True)


def _open_to_others(host: str) -> ConfigurationError:
    return ConfigurationError(
        f"{host} can be reached by others, and no API key protects the memories. Set MEM0LITE_API_KEYS, make a key "
        "with `mem0lite keys create`, serve 127.0.0.1, or give --insecure if everyone who can connect may read and "
        "change them."
    )


def _listener(settings: "Settings") -> "socket.socket":
    """Return a listening socket, opened here rather than by uvicorn, so that the address announced is really served."""
    import socket

    from ..server.settings import canonical_host, is_loopback

    # Listen on exactly what was checked. Other addresses keep their zone, which is part of the address.
    host = canonical_host(settings.host) if is_loopback(settings.host) else settings.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        if settings.loopback_only and not is_loopback(str(address[0])):
            raise _open_to_others(f"{settings.host}, which is {address[0]} here,")
        # With the protocol named: only then does asyncio turn Nagle's algorithm off, which costs 40 ms an answer.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise Mem0LiteError(
            f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}. Give another --host or --port."
        ) from error
    return listener


def file_of(memory: "Memory") -> str:
    """Return how messages name the store of a memory."""
    from ..files import is_server

    kept = memory.path == ":memory:" or is_server(memory.path)
    return memory.path if kept else str(Path(memory.path).absolute())


def _callers(settings: "Settings", has_keys: Callable[[], bool]) -> str:
    """Say who may ask, without showing a key."""
    count, pinned = len(settings.api_keys), sum(key.user_id is not None for key in settings.api_keys)
    if count:
        return f"API keys: {count}, {count - pinned} for everything and {pinned} for one user each."
    if settings.loopback_only:
        return "API keys: none; only this machine is answered."
    if has_keys():
        return "API keys: those of the store."
    return "API keys: none; everyone who can connect may read and change everything."


def _run(memory: "Memory", settings: "Settings", listener: "socket.socket") -> None:
    from ..server import create_app

    app = create_app(memory, settings=settings)
    say = partial(_announce, settings, listener, file_of(memory), memory._embedder.name, lambda: memory._needs_key)
    answer(app, settings, listener, say)


def _announce(
    settings: "Settings", listener: "socket.socket", file: str, model: str, has_keys: Callable[[], bool]
) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    several = f", by {settings.workers} workers" if settings.workers > 1 else ""
    sends = f" Texts are sent to the language model {settings.llm_name}." if settings.llm_name else ""
    page = f"page: {url}/ui, " if settings.ui else ""
    # One line, so that whoever waits for it gets everything.
    note(
        f"mem0lite serves {file} at {url} ({page}docs: {url}/docs) with {model}{several}.{sends} "
        f"{_callers(settings, has_keys)} Ctrl-C stops it."
    )


def answer(
    app: "App", settings: "Settings", listener: "socket.socket", announce: Callable[[], object] = lambda: None
) -> None:
    """Answer the requests that come to a socket, until a signal comes. ``announce`` is called when one may come."""
    import uvicorn

    from ..server import access_log

    if settings.access_log:
        access_log.to_stderr()
    # uvicorn takes uvloop by itself where it is installed.
    config = uvicorn.Config(app, log_level="warning", http=_protocol(), timeout_graceful_shutdown=SHUTDOWN_SECONDS)
    server = uvicorn.Server(config)

    def stop(_: int, __: object) -> None:
        server.should_exit = True

    # uvicorn sets its own handlers a moment later, and raises the signal again when it has stopped. A handler that
    # raises KeyboardInterrupt may do so where the event loop drops it, and the server would go on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    announce()
    server.run(sockets=[listener])


def _protocol() -> "type[asyncio.Protocol] | Literal['h11']":
    """Return how HTTP is read: httptools has no package for every Python and system."""
    try:
        from .protocol import Protocol
    except ModuleNotFoundError:
        return "h11"
    return Protocol
