"""The command that checks a file and repairs it."""

import json
from pathlib import Path

import apsw
from test_cli import Run, db, imported, run

db = db  # the fixture
imported = imported  # the fixture
run = run  # the fixture


def break_store(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


def test_check_and_repair(run: Run, db: Path) -> None:
    """check exits with 0 where everything agrees, else with 1 and a line per problem; --repair mends what it can."""
    assert run("check").stdout == "4 memories: everything agrees\n"
    break_store(db, "DELETE FROM vector WHERE key = (SELECT key FROM memory WHERE id = '1')")
    found = run("check")
    assert (found.returncode, found.stdout) == (
        1,
        "vectors: memories without a vector (1, found): 1\n4 memories: damaged\n",
    )
    mended = run("check", "--repair", "--json")
    assert (mended.returncode, json.loads(mended.stdout)["ok"]) == (0, True)
    break_store(db, "UPDATE memory SET text = 'forged' WHERE id = '3'")
    left = run("check", "--repair")
    assert left.returncode == 1
    assert "memories: texts that differ from their hash (1, not repaired): 3\n" in left.stdout
