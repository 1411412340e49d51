#!/usr/bin/env bash
# crewai 1.15.30 (lancedb 0.40.0): Memory.forget(record_ids=[]) with its default storage.
#
# Expected: no id is named, so no record is deleted.
# Seen: every record is deleted. An empty list counts as "no condition", and without a condition everything is meant.
# Why it matters: a program that looks for records to forget, and finds none, empties the memory.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crewai==1.15.30 lancedb==0.40.0
cd "$folder"
export CREWAI_DISABLE_TELEMETRY=true OTEL_SDK_DISABLED=true CREWAI_STORAGE_DIR="$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from crewai import Memory
from crewai.memory.storage.lancedb_storage import LanceDBStorage

memory = Memory(storage=LanceDBStorage("store"), embedder=lambda texts: [[1.0, float(len(text))] for text in texts])
for text in ("I like tea", "My bicycle is green"):
    memory.remember(text, scope="/crew", categories=[], metadata={}, importance=0.5)
outdated = [record.id for record in memory.list_records() if "coffee" in record.content]
assert outdated == []
deleted = memory.forget(record_ids=outdated)
print("deleted:", deleted)
print("left:", memory.list_records())
assert deleted == 2
assert memory.list_records() == []
memory.close()
PYTHON
