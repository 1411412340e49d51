#!/usr/bin/env bash
# apsw 3.54.1.0 (SQLite 3.54.1) and Python's own sqlite3, which bring a SQLite each, in one process on Linux or macOS.
#
# Expected: a transaction keeps its lock until it ends; a second connection that only reads and closes changes nothing.
# Seen: its close drops the lock of the other: locks of POSIX belong to process and file, and one SQLite does not know what the
# other holds. A second process then gets the write lock while the first transaction is still open. One SQLite alone guards
# against it, and a plain open(path).close() does the same harm.
# Why it matters: pandas, a debugger or a health check that looks at the file beside the store that has it open is enough.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3
import subprocess
import sys

import apsw

OTHER_PROCESS = """
import sqlite3
connection = sqlite3.connect("memory.db", timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
    print("may write")
except sqlite3.OperationalError as error:
    print(error)
"""


def asked():
    return subprocess.run([sys.executable, "-c", OTHER_PROCESS], capture_output=True, text=True).stdout.strip()


store = apsw.Connection("memory.db")
store.execute("CREATE TABLE memories (text)")
seen = []
for look in (lambda: None, lambda: sqlite3.connect("memory.db"), lambda: open("memory.db", "rb")):
    store.execute("BEGIN IMMEDIATE")
    beside = look()
    if isinstance(beside, sqlite3.Connection):
        beside.execute("SELECT count(*) FROM memories").fetchall()
    if beside is not None:
        beside.close()
    seen.append(asked())
    print(f"beside it {type(beside).__name__} was closed; another process is told: {seen[-1]}")
    store.execute("ROLLBACK")
assert seen == ["database is locked", "may write", "may write"]
PYTHON
