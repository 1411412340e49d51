"""Agno's Mem0Tools with a key: add, search, list, delete everything of a user."""

import json
import os
import sys

from agno.run import RunContext
from agno.tools.mem0 import Mem0Tools

tools = Mem0Tools(api_key=os.environ["MEM0_API_KEY"], all=True)
alice = RunContext(run_id="r", session_id="s", user_id="alice")
bob = RunContext(run_id="r", session_id="s", user_id="bob")
added = json.loads(tools.add_memory(alice, "I am allergic to peanuts"))
tools.add_memory(alice, "My bicycle is green")
tools.add_memory(bob, {"drinks": "tea"})
printed = {
    "added": [one["event"] for one in added["results"]],
    "found": json.loads(tools.search_memory(alice, "Which food must she avoid?"))[0]["memory"],
    "listed": [one["memory"] for one in json.loads(tools.get_all_memories(bob))],
    "deleted": tools.delete_all_memories(bob),
    "left": json.loads(tools.get_all_memories(bob)),
}
json.dump(printed, sys.stdout)
