#!/usr/bin/env bash
# chromadb 1.5.9: what Collection.delete() says it has deleted.
#
# Expected: {"deleted": n} counts the records that were there and are gone, as a DELETE's row count does.
# Seen: deletion by ids answers with the number of ids that were given. An id that was never stored counts as deleted,
# and so does one whose record the first call took; deletion by where counts what it finds.
# Why it matters: "was there anything to forget?" is answered with yes. Ask get() before, or delete by where.
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
notes.add(ids=["a", "b"], embeddings=[[1, 0], [0, 1]], metadatas=[{"user": "ann"}, {"user": "bob"}])


def deleted(**which):
    before, answer = notes.count(), notes.delete(**which)
    gone = before - notes.count()
    print(f"{which}: says {answer['deleted']}, gone {gone}")
    return answer["deleted"], gone


assert deleted(ids=["never stored"]) == (1, 0)
assert deleted(ids=["a", "never stored"]) == (2, 1)
assert deleted(ids=["a"]) == (1, 0)
assert deleted(where={"user": "nobody"}) == (0, 0)
assert deleted(where={"user": "bob"}) == (1, 1)
PYTHON
