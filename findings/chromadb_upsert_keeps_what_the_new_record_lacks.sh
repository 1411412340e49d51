#!/usr/bin/env bash
# chromadb 1.5.9: Collection.upsert() with the id of a record that is there.
#
# Expected: the new record takes the place of the old one, as a put or INSERT OR REPLACE does, and as it would be stored
# if it were the first.
# Seen: it is merged into the old one. Metadata keys that the new record doesn't have stay with their old values, and so
# does the document when only an embedding comes; what an id holds depends on everything that was ever upserted there.
# Why it matters: a filter on a key that was taken off still finds the record. Give such keys as None, or delete first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chromadb==1.5.9
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import chromadb

client = chromadb.PersistentClient("chroma", settings=chromadb.Settings(anonymized_telemetry=False))
notes = client.create_collection("notes")
new = {"ids": ["trip"], "embeddings": [[0, 1]], "metadatas": [{"city": "Porto"}]}
notes.upsert(ids=["trip"], embeddings=[[1, 0]], documents=["To Lisbon by train"], metadatas=[{"city": "Lisbon", "draft": True}])
notes.upsert(**new)
merged = notes.get(ids=["trip"])
print("upserted over the old:", merged["metadatas"], merged["documents"])
assert merged["metadatas"] == [{"city": "Porto", "draft": True}]
assert merged["documents"] == ["To Lisbon by train"]
assert notes.get(where={"draft": True})["ids"] == ["trip"]

notes.delete(ids=["trip"])
notes.upsert(**new)
alone = notes.get(ids=["trip"])
print("upserted alone:", alone["metadatas"], alone["documents"])
assert alone["metadatas"] == [{"city": "Porto"}] and alone["documents"] == [None]
PYTHON
