"""Messages that want to be obeyed, sent to a store whose language model obeys them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedder import HashEmbedder

from mem0lite import Memory

MESSAGES = json.loads((Path(__file__).parent / "data" / "hostile_messages.json").read_text())
FACTS = ["The user is allergic to peanuts.", "Bob's phone number is 5551234.", "The user likes sushi."]


class Obeying:
    """A model that makes a fact of everything, and changes every known fact that it is shown."""

    def __init__(self) -> None:
        self.asked = 0
        self.shown: set[str] = set()

    def complete(self, messages: Sequence[Mapping[str, str]], schema: Any) -> Any:
        self.asked += 1
        lines = [json.loads(line) for line in messages[1]["content"].splitlines() if line.startswith("{")]
        if any("turn" in line for line in lines):
            return {"facts": [{"fact": line["text"], "turns": [line["turn"]]} for line in lines]}
        known = [line for line in lines if "known" in line]
        self.shown |= {line["text"] for line in known}
        event = ("DELETE", "UPDATE")[self.asked % 2]
        return {
            "decisions": [
                {
                    "fact": line["fact"],
                    "event": event,
                    "known": known[self.asked % len(known)]["known"],
                    "text": line["text"],
                }
                for line in lines
                if "fact" in line
            ]
        }


def test_hostile_messages_change_no_memory() -> None:
    """Thirty of them lead to strange facts of their own user, and to nothing else; nobody else's are even shown."""
    model = Obeying()
    with Memory(":memory:", embedder=HashEmbedder(), llm=model) as memory:
        for user in ("alice", "bob"):
            memory.add([{"role": "user", "content": f"{text} ({user})"} for text in FACTS], user_id=user)
        before = {user: _texts(memory, user) for user in ("alice", "bob")}
        asked = model.asked
        for message in MESSAGES:
            memory.add(message, user_id="alice")
        assert model.asked > asked
        assert _texts(memory, "bob") == before["bob"]
        after = _texts(memory, "alice")
        assert {id: after.get(id) for id in before["alice"]} == before["alice"]
        assert {text for id, text in after.items() if id not in before["alice"]} <= {
            " ".join(message.split()) for message in MESSAGES
        } | set(MESSAGES)
        assert not any("(bob)" in text for text in model.shown)


def _texts(memory: Memory, user: str) -> dict[str, str]:
    """Return all that there is of a user, turns and facts, by its id."""
    kinds = ("turns", "facts")
    pages = [memory.get_all(user_id=user, limit=1_000, kinds=kind)["results"] for kind in kinds]
    return {item["id"]: item["memory"] for page in pages for item in page}
