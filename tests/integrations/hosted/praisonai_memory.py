"""PraisonAI's memory on mem0: what users say is stored, found for each of them, and one of it deleted."""

import json
import os
import sys

from praisonaiagents.memory.memory import Memory

memory = Memory({"provider": "mem0", "config": {"api_key": os.environ["MEM0_API_KEY"]}}, verbose=0)
memory.store_user_memory("alice", "I am allergic to peanuts", {"source": "praisonai"})
memory.store_user_memory("alice", "My bicycle is green")
memory.store_user_memory("bob", "I drink tea")
[tea] = memory.search_user_memory("bob", "tea")
deleted = memory.delete_long_term(tea["id"])
found = memory.search_user_memory("alice", "Which food must she avoid?", limit=1)
printed = {
    "found": [[one["memory"], one["metadata"]["source"]] for one in found],
    "searched": [one["memory"] for one in memory.search("bicycle", user_id="alice", limit=1)],
    "of_the_other_user": [tea["memory"], deleted, memory.search_user_memory("bob", "tea")],
}
json.dump(printed, sys.stdout)
