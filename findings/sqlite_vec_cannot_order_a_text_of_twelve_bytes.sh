#!/usr/bin/env bash
# sqlite-vec 0.1.9: a metadata column of text, compared with < or > beside MATCH.
#
# Expected: it works for texts of every length.
# Seen: it works for 11 bytes and for 13; when any row holds a text of exactly 12, each such query of the table fails with
# "Could not filter metadata fields". A short text is kept in the row, a long one elsewhere, and 12 is where the two meet.
# Why it matters: a date, a name or a key of 12 characters, stored by one user, breaks the query for all.
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


def found(length, operator):
    store = apsw.Connection(":memory:")
    store.enable_load_extension(True)
    store.load_extension(sqlite_vec.loadable_path())
    store.execute("CREATE VIRTUAL TABLE memories USING vec0(embedding float[2], name text)")
    for row, name in enumerate(("ann", "b" * length)):
        store.execute("INSERT INTO memories (embedding, name) VALUES (?, ?)", (vector(row), name))
    query = f"SELECT name FROM memories WHERE embedding MATCH ? AND k = 2 AND name {operator} 'b'"
    try:
        return [name for (name,) in store.execute(query, (vector(0),))]
    except apsw.SQLError as error:
        return str(error)


for length in range(11, 14):
    below, above = found(length, "<"), found(length, ">")
    print(f"with a name of {length} bytes: below 'b' {below}, above {above}")
    if length == 12:
        assert below == above == "Could not filter metadata fields"
    else:
        assert below == ["ann"] and above == ["b" * length]
PYTHON
