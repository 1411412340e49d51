#!/usr/bin/env bash
# crewai 1.15.30 (lancedb 0.40.0): Memory.forget(scope=…, older_than=…) with its default storage.
#
# Expected: of the scope, records that are older are deleted, and newer ones stay.
# Seen: every record of the scope is deleted, however new. The condition is put together as "scope OR root AND age", so the
# age counts only for records of the root scope. Those are deleted, too, if they are old, though another scope was named.
# Why it matters: a job that is to forget what is older than a month forgets what was said today.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crewai==1.15.30 lancedb==0.40.0
cd "$folder"
export CREWAI_DISABLE_TELEMETRY=true OTEL_SDK_DISABLED=true CREWAI_STORAGE_DIR="$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from datetime import datetime, timedelta

from crewai.memory.storage.lancedb_storage import LanceDBStorage
from crewai.memory.types import MemoryRecord

now = datetime.utcnow()
storage = LanceDBStorage("store")
for number, (content, scope, days) in enumerate(
    [("said today", "/crew", 0), ("said in spring", "/crew", 90), ("old, of nobody", "/", 90), ("new, of nobody", "/", 0)]
):
    at = now - timedelta(days=days)
    storage.save([MemoryRecord(content=content, scope=scope, created_at=at, embedding=[1.0, float(number)])])
deleted = storage.delete(scope_prefix="/crew", older_than=now - timedelta(days=30))
left = sorted(record.content for record in storage.list_records())
print("deleted:", deleted)
print("left:", left)
assert deleted == 3  # not 1
assert left == ["new, of nobody"]
PYTHON
