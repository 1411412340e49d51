"""Haystack's Mem0MemoryStore: add messages, search and list them, with filters, delete."""

import json
import os
import sys

from haystack.dataclasses import ChatMessage
from haystack.utils import Secret
from haystack_integrations.memory_stores.mem0 import Mem0MemoryStore

store = Mem0MemoryStore(api_key=Secret.from_token(os.environ["MEM0_API_KEY"]))
said = [ChatMessage.from_user("I am allergic to peanuts"), ChatMessage.from_assistant("I will remember it")]
added = store.add_memories(
    messages=said, user_id="alice", run_id="kitchen", infer=False, metadata={"source": "haystack"}
)
store.add_memories(messages=[ChatMessage.from_user("My bicycle is green")], user_id="alice", run_id="garage")


def listed(*conditions: dict[str, object], **more: object) -> list[str]:
    alice = {"field": "user_id", "operator": "==", "value": "alice"}
    filters = {"operator": "AND", "conditions": [alice, *conditions]}
    return sorted(message.text for message in store.search_memories(filters=filters, **more))


found = store.search_memories(query="Which food must she avoid?", user_id="alice", top_k=1)[0]
printed = {
    "added": [one["memory"] for one in added],
    "found": [found.text, found.meta["source"]],
    "listed": listed(),
    "of_one_run": listed({"field": "run_id", "operator": "in", "value": ["garage"]}),
    "not_of_these_runs": listed({"field": "run_id", "operator": "not in", "value": ["garage", "street"]}),
    "by_metadata": listed({"field": "metadata.source", "operator": "==", "value": "haystack"}),
}
json.dump(printed, sys.stdout)
