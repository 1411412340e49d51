#!/usr/bin/env bash
# mem0ai 2.2.1 with its default store, Qdrant (qdrant-client 1.20.0): the filter {"category": "*"}.
#
# Expected: the memories that have a category, whatever it is; the store's own docstring says "field exists", and the store
# for PostgreSQL does so. Under NOT, those that have none.
# Seen: the condition is left out, so that all memories are found; under NOT the whole group is left out, and again all are.
# Why it matters: "those with a category" and "those without" are both everything, for a loop that deletes them, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mem0ai==2.2.1 qdrant-client==1.20.0
cd "$folder"
MEM0_TELEMETRY=false MEM0_DIR="$folder/mem0" "$folder/venv/bin/python" - <<'PYTHON'
import warnings

from mem0.vector_stores.qdrant import Qdrant
from qdrant_client import QdrantClient

warnings.simplefilter("ignore")  # of payload indexes that a store in memory does without
store = Qdrant(collection_name="memories", embedding_model_dims=2, client=QdrantClient(":memory:"))
store.insert(
    vectors=[[1.0, 0.0], [0.0, 1.0]],
    payloads=[{"data": "likes rice", "category": "food"}, {"data": "is called Ann"}],
    ids=[1, 2],
)


def found(filters):
    texts = sorted(point.payload["data"] for point in store.list(filters=filters)[0])
    print(f"{filters}: {texts}")
    return texts


everything = ["is called Ann", "likes rice"]
assert found({"category": "food"}) == ["likes rice"]
assert found({"category": "*"}) == everything
assert found({"NOT": [{"category": "food"}]}) == ["is called Ann"]
assert found({"NOT": [{"category": "*"}]}) == everything
PYTHON
