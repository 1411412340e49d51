#!/usr/bin/env bash
# langgraph-checkpoint-sqlite 3.1.2: SqliteStore and items whose time to live is over.
#
# Expected: an expired item is gone for get and search, as with its PostgresStore, which honours omit_expired.
# Seen: SqliteStore takes the same setting and goes on returning the item until a sweep deletes it; and no sweep runs unless
# it is started.
# Why it matters: what a user was promised to be forgotten after a day is still answered with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langgraph-checkpoint-sqlite==3.1.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3
import time

from langgraph.store.sqlite import SqliteStore

connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
store = SqliteStore(connection, ttl={"omit_expired": True, "refresh_on_read": False})
store.setup()
store.put(("user",), "key", {"text": "forget me"}, ttl=0.5 / 60)  # minutes: half a second
time.sleep(2.5)
found = store.get(("user",), "key"), [item.key for item in store.search(("user",))]
print("two seconds after it expired:", found[0].value, found[1])
assert found[0].value == {"text": "forget me"}
assert found[1] == ["key"]
assert store.sweep_ttl() == 1
assert store.get(("user",), "key") is None
PYTHON
