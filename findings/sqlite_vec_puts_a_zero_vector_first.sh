#!/usr/bin/env bash
# sqlite-vec 0.1.9: a vector of zeros, which a model gives for a text it can't read.
#
# Expected: it is refused, or is the farthest from everything: it has no direction.
# Seen: its cosine distance is NULL, and NULL sorts first, so it is everybody's nearest neighbour. In a vec0 table it stands
# wherever it was when the others were sorted, before nearer ones.
# Why it matters: one unreadable text comes first for every question of its user.
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


def vector(*numbers):
    return struct.pack(f"{len(numbers)}f", *numbers)


connection = apsw.Connection(":memory:")
connection.enable_load_extension(True)
connection.load_extension(sqlite_vec.loadable_path())
connection.execute("CREATE TABLE plain (name, v)")
connection.execute("CREATE VIRTUAL TABLE indexed USING vec0(v float[2] distance_metric=cosine)")
for number, (name, v) in enumerate({"same": (1, 0), "zeros": (0, 0), "near": (0.9, 0.1), "far": (0, 1)}.items()):
    connection.execute("INSERT INTO plain VALUES (?, ?)", (name, vector(*v)))
    connection.execute("INSERT INTO indexed (rowid, v) VALUES (?, ?)", (number, vector(*v)))
asked = vector(1, 0)
plain = connection.execute(
    "SELECT name, vec_distance_cosine(v, ?) AS distance FROM plain ORDER BY distance", (asked,)
).fetchall()
indexed = connection.execute("SELECT rowid, distance FROM indexed WHERE v MATCH ? AND k = 4", (asked,)).fetchall()
print("plain table:", plain)
print("vec0:", indexed)
assert plain[0] == ("zeros", None)
assert [number for number, distance in indexed if distance is None] == [1]
assert indexed[-1][0] != 1
PYTHON
