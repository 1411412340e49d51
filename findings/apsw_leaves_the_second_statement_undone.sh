#!/usr/bin/env bash
# apsw 3.54.1.0 (SQLite 3.54.1): two statements in one execute(), as "PRAGMA journal_mode = WAL; CREATE TABLE ...".
#
# Expected: both are done when execute() returns, as with sqlite3's executescript(), and as "CREATE ...; INSERT ..." is.
# Seen: execute() stops at the first row. A statement that answers with one, a pragma or RETURNING, ends the work until
# somebody reads on; when nobody does, the rest is dropped without a word.
# Why it matters: a migration that starts with a pragma creates nothing and succeeds; read the cursor to its end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3

import apsw

COUNT = "SELECT count(*) FROM t"


def rows_after(statements, read=False):
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (a)")
    cursor = connection.execute(statements)
    if read:
        cursor.fetchall()
    del cursor
    other = sqlite3.connect(":memory:")
    other.executescript("CREATE TABLE t (a);" + statements)
    rows = connection.execute(COUNT).get, other.execute(COUNT).fetchone()[0]
    print(f"{statements}{' (read to its end)' if read else ''}: apsw {rows[0]} rows, sqlite3 {rows[1]}")
    return rows


assert rows_after("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)") == (2, 2)
assert rows_after("PRAGMA user_version; INSERT INTO t VALUES (1)") == (0, 1)
assert rows_after("INSERT INTO t VALUES (1) RETURNING a; INSERT INTO t VALUES (2)") == (1, 2)
assert rows_after("PRAGMA user_version; INSERT INTO t VALUES (1)", read=True) == (1, 1)
PYTHON
