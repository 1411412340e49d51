"""What users of mem0 write, with the annotations they write: it names nothing of mem0lite but the two classes."""

import asyncio
import json
from typing import Any, Protocol

from mem0lite import AsyncMemory, Memory


def show(*said: object) -> str:
    return " ".join(map(str, said))


def bullet(hit: dict[str, Any]) -> str:
    return f"- {hit['memory']} ({hit['score']:.2f})"


def prompt(hits: list[dict[str, Any]]) -> str:
    return "\n".join(bullet(hit) for hit in hits)


def total(hits: list[dict[str, Any]]) -> float:
    best = 0.0
    for hit in hits:
        score: float = hit["score"]
        best = max(best, score)
    return best


class Store(Protocol):
    def search(self, query: str, *, user_id: str, limit: int = 3) -> dict[str, Any]: ...


class AsyncStore(Protocol):
    async def search(self, query: str, *, user_id: str, limit: int = 3) -> dict[str, Any]: ...


class Assistant:
    def __init__(self, memory: Memory, user_id: str) -> None:
        self.memory = memory
        self.user_id = user_id
        self.last: dict[str, Any] = {}

    def remember(self, turns: list[dict[str, str]], **metadata: Any) -> list[str]:
        added = self.memory.add(turns, user_id=self.user_id, metadata=metadata)
        self.last = added
        return [item["id"] for item in added["results"] if item["event"] == "ADD"]

    def recall(self, question: str, filters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        found = self.memory.search(question, filters={"user_id": self.user_id, **(filters or {})}, top_k=5, threshold=0)
        hits = found["results"]
        good = [hit for hit in hits if hit["score"] > 0.01 and hit["metadata"]["topic"] == "food"]
        prompt(good)
        return sorted(good, key=lambda hit: hit["score"], reverse=True)[:3]

    def everything(self) -> dict[str, Any]:
        return self.memory.get_all(filters={"user_id": self.user_id}, top_k=100)

    def correct(self, memory_id: str, text: str) -> list[dict[str, Any]]:
        answer: dict[str, Any] = self.memory.update(memory_id, text)
        show(answer["message"])
        changes: list[dict[str, Any]] = self.memory.history(memory_id)
        return changes

    def about(self, memory_id: str) -> str:
        item = self.memory.get(memory_id)
        owner: str = item["user_id"]
        return f"{owner}: {item['memory']}"

    def forget(self, memory_id: str) -> dict[str, Any]:
        return self.memory.delete(memory_id)


def either(store: Store, user_id: str) -> list[dict[str, Any]]:
    """As integrations do that know mem0's versions of both shapes."""
    found = store.search("tea", user_id=user_id)
    rows = found["results"] if isinstance(found, dict) else found
    return [{**row, "rounded": round(row["score"], 2)} for row in rows]


async def both(store: AsyncStore, memory: AsyncMemory, user_id: str) -> dict[str, Any]:
    found, listed = await asyncio.gather(store.search("tea", user_id=user_id), memory.get_all(user_id=user_id))
    rows = listed["results"] if isinstance(listed, dict) else listed
    return {**listed, "found": [hit["memory"] for hit in found["results"]], "first": rows[0]["memory"]}


async def later(memory: AsyncMemory, user_id: str) -> list[dict[str, Any]]:
    added: dict[str, Any] = await memory.add("I drink tea", user_id=user_id, metadata={"topic": "food"})
    found: dict[str, list[dict[str, Any]]] = await memory.search("tea", filters={"user_id": user_id}, threshold=0)
    first = found["results"][0] if found["results"] else None
    if first is not None:
        await memory.update(first["id"], data="I drink green tea")
        item: dict[str, Any] | None = await memory.get(first["id"])
        show(json.dumps(item), total(found["results"]), len(added["results"]))
    show(await both(memory, memory, user_id))
    for hit in (await memory.search("tea", user_id=user_id)).get("results", []):
        bullet(hit)
    return (await memory.get_all(user_id=user_id))["results"]


def main() -> None:
    with Memory(":memory:") as memory:
        assistant = Assistant(memory, "alice")
        ids = assistant.remember([{"role": "user", "content": "I am allergic to nuts"}], topic="food")
        show(assistant.about(ids[0]), prompt(assistant.recall("allergy", {"topic": "food"})))
        assistant.correct(ids[0], "I am allergic to peanuts")
        rows: list[dict[str, Any]] = assistant.everything()["results"]
        by_id: dict[str, dict[str, Any]] = {row["id"]: row for row in memory.get_all(user_id="alice")["results"]}
        show(json.dumps(rows), len(by_id), assistant.forget(ids[0]))
        asyncio.run(later(AsyncMemory(memory), "alice"))
        show(either(memory, "alice"))


if __name__ == "__main__":
    main()
