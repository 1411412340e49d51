#!/usr/bin/env bash
# sqlite-vec 0.1.9: a filter on a metadata column of integers beside MATCH, with a value that is no integer.
#
# Expected: what SQLite finds in the same table without MATCH: 0 and 1 are less than 1.5, and nothing equals 1.5, 'x' or NULL.
# Seen: beside MATCH the value is cut to an integer first: only 0 is less than 1.5, 1 equals 1.5, and 0 equals 'x' and NULL.
# Why it matters: a score, a day or an id that comes as a fraction, as text or not at all selects other rows than it names,
# and the same condition means two things in one table.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sqlite-vec==0.1.9 apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct

import apsw
import sqlite_vec


def vector(x):
    return struct.pack("2f", x, 1)


store = apsw.Connection(":memory:")
store.enable_load_extension(True)
store.load_extension(sqlite_vec.loadable_path())
store.execute("CREATE VIRTUAL TABLE memories USING vec0(embedding float[2], importance integer)")
for importance in range(4):
    store.execute("INSERT INTO memories (embedding, importance) VALUES (?, ?)", (vector(importance), importance))


def found(operator, value):
    condition = f"importance {operator} ?"
    near = store.execute(
        f"SELECT importance FROM memories WHERE embedding MATCH ? AND k = 4 AND {condition}", (vector(0), value)
    )
    near = sorted(row[0] for row in near)
    plain = sorted(row[0] for row in store.execute(f"SELECT importance FROM memories WHERE {condition}", (value,)))
    print(f"importance {operator} {value!r}: with MATCH {near}, without {plain}")
    return near, plain


assert found("<", 2) == ([0, 1], [0, 1])
assert found("<", 1.5) == ([0], [0, 1])
assert found("=", 1.5) == ([1], [])
assert found("=", "x") == ([0], [])
assert found("=", None) == ([0], [])
PYTHON
