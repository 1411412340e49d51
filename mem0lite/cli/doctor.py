"""``mem0lite doctor``."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from ..errors import DependencyError, Mem0LiteError
from .commands import cli
from .language import in_shell_words
from .options import DEFAULT_DB, Options, db_option, json_option, model_option, url_option
from .output import echo, note, print_json, print_rows, printable
from .remote import RemoteMemory


@cli.command()
@db_option
@url_option
@click.option("--api-key", metavar="KEY", help="The server's API key.  [default: $MEM0LITE_API_KEY]")
@model_option
@click.option("--host", metavar="HOST", help="Look at this address, as serve would listen on it.")
@click.option("--insecure", is_flag=True, help="As serve would be given it.")
@json_option
@click.pass_obj
def doctor(options: Options, api_key: str | None, host: str | None, insecure: bool) -> None:
    """Show what is set and where it comes from, and what looks wrong.

    The exit code is 1 if something looks wrong. Nothing is changed, and no key is shown.
    """
    from . import checkup

    options.api_key = options.api_key if api_key is None else api_key
    environment, given = os.environ, options.server
    flags = {"MEM0LITE_DB": options.db, "MEM0LITE_URL": options.url, "MEM0LITE_EMBEDDING_MODEL": options.model}
    flags |= {"MEM0LITE_HOST": host, "MEM0LITE_INSECURE": "1" if insecure else None}
    if options.api_key is not None:
        flags["MEM0LITE_API_KEY"] = "1 key, not shown"
    secrets = checkup.secrets(
        environment, options.db, options.url, *map(environment.get, ("MEM0LITE_DB", "MEM0LITE_URL"))
    )
    secrets = [*secrets, *([options.api_key] if options.api_key else [])]

    def hidden(text: str) -> str:
        text = in_shell_words(text, of_data=True)
        for secret in secrets:
            text = text.replace(secret, "…")
        return text

    stats, found = (None, list(_server(options, given))) if given else _file(options)
    has_keys = stats is not None and stats["has_keys"]
    settings = [*checkup.variables(environment), *_settings(host, insecure, has_keys), *checkup.reranker(environment)]
    found = list(dict.fromkeys([*settings, *found]))
    rows = [*checkup.settings(environment, flags), *_of_file(stats)]
    shown: dict[str, Any] = {
        "ok": not found,
        "problems": [{"about": one.about, "problem": hidden(one.problem)} for one in found],
        "settings": [
            {"name": one.name, "value": one.value and hidden(one.value), "source": one.source} for one in rows
        ],
        "versions": checkup.versions(),
    }
    if options.json:
        print_json(shown)
    else:
        _print(shown)
    if found:
        raise click.exceptions.Exit(1)


def _print(shown: dict[str, Any]) -> None:
    print_rows(["Version", ""], list(shown["versions"].items()))
    set_ = [(one["name"], one["value"], one["source"]) for one in shown["settings"] if one["source"] != "default"]
    print_rows(["Setting", "Value", "From"], set_)
    others = [one["name"] for one in shown["settings"] if one["source"] == "default"]
    note(f"Not set: {', '.join(others)}.")
    for one in shown["problems"]:
        echo(f"{one['about']}: {printable(one['problem'])}")
    if shown["ok"]:
        note("Nothing looks wrong. mem0lite check compares everything in the file.")


def _settings(host: str | None, insecure: bool, has_keys: bool) -> "Iterator[Any]":
    from . import checkup

    try:
        yield from checkup.values(os.environ)
        yield from checkup.access(os.environ, host, insecure, has_keys=has_keys)
    except DependencyError as error:
        note(f"The settings of a server are not looked at. {error}")


def _file(options: Options) -> tuple[dict[str, Any] | None, list[Any]]:
    """Return what the file says of itself, and what is wrong with it and its model."""
    from ..files import is_server, store_path
    from . import checkup

    name, given = ("--db", options.db) if options.db else ("MEM0LITE_DB", os.environ.get("MEM0LITE_DB") or DEFAULT_DB)
    try:
        path = store_path(given, name)
    except Mem0LiteError as error:
        return None, [checkup.Problem("file", str(error)), *checkup.model(options.embedder())]
    if path == ":memory:":
        return None, list(checkup.model(options.embedder()))
    around = [] if is_server(path) else list(checkup.place(Path(path).absolute()))
    if not (is_server(path) or Path(path).exists()):
        note(f"{path} does not exist yet.")
        return None, [*around, *checkup.model(options.embedder())]
    stats, inside = checkup.store(path, options.embedder())
    remembered = stats["embedder"]["name"] if stats else None
    model = options.embedder() or (remembered if remembered == "multilingual" else None)
    return stats, [*around, *inside, *checkup.model(model)]


def _of_file(stats: dict[str, Any] | None) -> "Iterator[Any]":
    """Yield what the file itself has recorded."""
    from . import checkup

    if stats is not None:
        yield checkup.Setting("embedder", stats["embedder"]["name"], "file")
        yield checkup.Setting("graph categories", ", ".join(stats["graph"]["categories"]) or "none", "file")
        yield checkup.Setting("checksums", "on" if stats["checksums"] else "off", "file")
        yield checkup.Setting("schema version", str(stats["schema_version"]), "file")


def _server(options: Options, url: str) -> "Iterator[Any]":
    """Yield why a server cannot be used."""
    from . import checkup

    try:
        with closing(RemoteMemory(url, options.server_key(), named="the server's URL")) as server:
            server.ready()
    except Mem0LiteError as error:
        yield checkup.Problem("server", str(error))
