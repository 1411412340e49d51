"""Agno's Mem0Tools on a file: add, search, list, delete everything of a user."""

import json
import sys

from mem0lite import compat

compat.install()

from agno.run import RunContext  # noqa: E402
from agno.tools.mem0 import Mem0Tools  # noqa: E402


def main(path: str) -> dict[str, object]:
    tools = Mem0Tools(config={"path": path}, all=True)
    alice = RunContext(run_id="r", session_id="s", user_id="alice")
    bob = RunContext(run_id="r", session_id="s", user_id="bob")
    added = json.loads(tools.add_memory(alice, "I am allergic to peanuts"))
    tools.add_memory(alice, "My bicycle is green")
    tools.add_memory(bob, {"drinks": "tea"})
    listed = json.loads(tools.get_all_memories(bob))
    deleted = tools.delete_all_memories(bob)
    return {
        "added": [one["event"] for one in added["results"]],
        "found": json.loads(tools.search_memory(alice, "Which food must she avoid?"))[0]["memory"],
        "listed": [one["memory"] for one in listed],
        "deleted": deleted,
        "left": json.loads(tools.get_all_memories(bob)),
    }


json.dump(main(sys.argv[1]), sys.stdout)
