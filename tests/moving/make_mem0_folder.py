"""Make a folder as a user of mem0 has it, with the mem0 of the environment this runs in, and print what is in it.

    python make_mem0_folder.py FOLDER [HOW_MANY]

With a number there are only that many memories, and a deleted one, of one user, and without it a bit of everything.
FOLDER/qdrant is the vector database, FOLDER/history.db the history. No network: the embedder and the language model
are stand-ins. The answer is JSON: ``memories`` (item and history by id), ``deleted`` (history by id) and ``strange``
(the ids of rows that are not mem0's own, by what is odd about them).
"""

import json
import os
import sys
import uuid
import zlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

folder = Path(sys.argv[1]).absolute()
folder.mkdir(parents=True, exist_ok=True)
os.environ.update(MEM0_DIR=str(folder / "mem0-home"), MEM0_TELEMETRY="False", OPENAI_API_KEY="none")

from mem0 import Memory  # noqa: E402
from mem0.utils.factory import EmbedderFactory, LlmFactory  # noqa: E402

DIMENSIONS = 32
MODERN = version("mem0ai").startswith("2.")  # with expiry dates, and metadata in update


class Embedder:
    """Puts a one where the text's checksum says."""

    config = SimpleNamespace(embedding_dims=DIMENSIONS)

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        place = zlib.crc32(text.encode()) % DIMENSIONS
        return [1.0 if dimension == place else 0.1 for dimension in range(DIMENSIONS)]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        return [self.embed(text) for text in texts]


class LanguageModel:
    """Finds the same fact in everything."""

    config = None

    def generate_response(self, messages: list[dict[str, str]], **_: object) -> str:
        fact = "Lives in Lima with Bob Smith"
        if MODERN:
            return json.dumps({"memory": [{"text": fact, "attributed_to": "user"}]})
        if "facts" in messages[0]["content"][:3000] and len(messages) > 1:
            return json.dumps({"facts": [fact]})
        return json.dumps({"memory": [{"id": "0", "text": fact, "event": "ADD"}]})


EmbedderFactory.create = staticmethod(lambda *_, **__: Embedder())
LlmFactory.create = staticmethod(lambda *_, **__: LanguageModel())

memory = Memory.from_config(
    {
        "vector_store": {
            "provider": "qdrant",
            "config": {"path": str(folder / "qdrant"), "embedding_model_dims": DIMENSIONS, "on_disk": True},
        },
        "history_db_path": str(folder / "history.db"),
    }
)


def add(text: str, *, role: str = "user", name: str | None = None, **arguments: object) -> str:
    message = {"role": role, "content": text, **({"name": name} if name else {})}
    return memory.add([message], infer=False, **arguments)["results"][0]["id"]


def strange(payload: dict[str, object], point: str | int | None = None) -> str:
    """Put a point beside mem0's own, as other programs and older versions left them."""
    point = str(uuid.uuid4()) if point is None else point
    memory.vector_store.insert(vectors=[[0.5] * DIMENSIONS], payloads=[payload], ids=[point])
    return str(point)


kept, oddities = [], {}
METADATA = {"project": "p1", "tags": ["python", "ünï"], "n": 5, "x": 0.25, "on": True, "none": None, "deep": {"a": [1]}}
MOMENT = "2024-05-01T10:00:00.123456-07:00"


def everything() -> None:
    kept.append(add("I love python and fastapi", name="bob", user_id="alice", metadata=METADATA))
    kept.append(add("noted: café\nsecond line", role="assistant", user_id="alice", agent_id="helper", run_id="r1"))
    kept.append(add("only the agent knows", agent_id="helper"))
    kept.append(add("only the run knows", run_id="r2", metadata={"app_id": "an app is metadata here", "memory": 1}))
    kept.append(add("first wording", user_id="carol", metadata={"k": 1}))
    memory.update(kept[-1], "second wording")
    memory.update(kept[-1], "third wording")
    kept.extend(one["id"] for one in memory.add("I moved to Lima", user_id="dave")["results"])
    if MODERN:
        kept.append(add("until the far future", user_id="carol", expiration_date="2999-12-31"))
        kept.append(add("long gone", user_id="carol", expiration_date="2020-01-01"))
        entity = {"data": "Lima", "entity_type": "PLACE", "linked_memory_ids": kept[:1], "user_id": "carol"}
        memory.entity_store.insert(vectors=[[0.5] * DIMENSIONS], payloads=[entity], ids=[str(uuid.uuid4())])

    base = {"data": "x", "hash": "0", "created_at": MOMENT, "updated_at": None}
    due = datetime(2030, 1, 31, tzinfo=UTC)
    kept.append(strange({**base, "data": "a date in the metadata", "user_id": "alice", "due": due}))
    oddities["number"] = strange({**base, "data": "a number for an id", "user_id": 7}, point=4711)
    oddities["no ids"] = strange({**base, "data": "whose am I?"})
    oddities["whitespace"] = strange({**base, "user_id": "two words"})
    oddities["empty"] = strange({**base, "data": "  ", "user_id": "alice"})
    oddities["no text"] = strange({"user_id": "alice", "type": "user_identity"})


if len(sys.argv) > 2:
    numbers = range(int(sys.argv[2]))
    kept += [add(f"Note {number} about topic {number % 97} of the long list", user_id="carol") for number in numbers]
else:
    everything()
gone = add("to be deleted", user_id="carol")
memory.update(gone, "soon to be deleted")
memory.delete(gone)

memories = {one: {"item": memory.get(one), "history": memory.history(one)} for one in kept}
json.dump({"memories": memories, "deleted": {gone: memory.history(gone)}, "strange": oddities}, sys.stdout)
memory.vector_store.client.close()
