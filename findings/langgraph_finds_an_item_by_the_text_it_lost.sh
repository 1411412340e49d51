#!/usr/bin/env bash
# langgraph-checkpoint 4.3.2: InMemoryStore, an item overwritten with index=False.
#
# Expected: an item that is not to be indexed is not found by meaning.
# Seen: it keeps the vector of its former text, and is found by it with a score of 1.0.
# Why it matters: a memory that was corrected, or blanked to keep it out of search, still answers the question it once did.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langgraph-checkpoint==4.3.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from langgraph.store.memory import InMemoryStore


def embed(texts):
    return [[1.0, 0.0] if "apple" in text else [0.0, 1.0] for text in texts]


store = InMemoryStore(index={"dims": 2, "embed": embed, "fields": ["text"]})
store.put(("user",), "key", {"text": "apple pie"})
store.put(("user",), "key", {"text": "withdrawn"}, index=False)
[item] = store.search(("user",), query="apple")
print(item.value, item.score)
assert item.value == {"text": "withdrawn"}
assert item.score > 0.99
PYTHON
