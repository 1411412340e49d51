"""What users write who name the shapes of mem0lite.types: their keys are checked, and so are the values'."""

from collections.abc import Iterable
from typing import Any, assert_type

from mem0lite import AsyncMemory, Memory
from mem0lite.types import AddResult, HistoryItem, MemoryItem, Page, SearchHit, SearchResult


def best(hits: Iterable[SearchHit]) -> float:
    return max(hit["score"] for hit in hits)


def texts(hits: list[SearchHit]) -> list[str]:
    return [hit["memory"] for hit in hits]


def plain(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["memory"] for hit in hits]


def first(found: SearchResult) -> SearchHit | None:
    assert_type(found["results"], list[SearchHit])
    return found["results"][0] if found["results"] else None


def misspelt(hit: SearchHit) -> object:
    return hit["scroe"]  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues]


def optional(item: MemoryItem) -> str:
    assert_type(item["metadata"], dict[str, Any] | None)
    return item.get("user_id", "nobody")


def search(memory: Memory) -> SearchResult:
    return memory.search("allergy", user_id="alice", threshold=0)


def hits(memory: Memory) -> list[SearchHit]:
    return memory.search("allergy", user_id="alice", threshold=0)["results"]


def nearest(memory: Memory) -> SearchHit:
    return memory.search("allergy", user_id="alice", threshold=0)["results"][0]


def score(memory: Memory) -> float:
    assert_type(nearest(memory)["score"], float)
    return memory.search("allergy", user_id="alice", threshold=0)["results"][0]["score"]


def relevant(memory: Memory) -> list[str]:
    found = memory.search("allergy", user_id="alice", threshold=0)
    good = [hit for hit in found["results"] if hit["score"] > 0.01]
    return [*texts(good), *plain(good), *texts(found["results"]), *plain(found["results"][:3])]


async def awaited(memory: AsyncMemory) -> tuple[Page, MemoryItem | None]:
    added: AddResult = await memory.add("I drink tea", user_id="alice")
    listed: Page = await memory.get_all(user_id="alice")
    return listed, await memory.get(added["results"][0]["id"])


def wrong(memory: Memory) -> object:
    return memory.search(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def main() -> None:
    with Memory(":memory:") as memory:
        added: AddResult = memory.add("I am allergic to nuts", user_id="alice")
        changes: list[HistoryItem] = memory.history(added["results"][0]["id"])
        item: MemoryItem | None = memory.get(changes[0]["memory_id"])
        assert item is not None and optional(item) == "alice"
        assert first(search(memory)) == nearest(memory) == hits(memory)[0]
        assert best(hits(memory)) == score(memory)
        assert relevant(memory) == ["I am allergic to nuts"] * 4


if __name__ == "__main__":
    main()
