"""The mem0_memory tool of strands-agents-tools: store, retrieve, list, get, history, delete, each user apart."""

import contextlib
import io
import json
import sys

from strands_tools.mem0_memory import Mem0MemoryTool


def tool_of(user: str):
    tool = Mem0MemoryTool(user_id=user)

    def call(action: str, **arguments: object) -> str:
        asked = {"toolUseId": "t", "name": "mem0_memory", "input": {"action": action, **arguments}}
        with contextlib.redirect_stdout(io.StringIO()):  # it shows what it does
            answer = tool.mem0_memory(asked)
        assert answer["status"] == "success", answer
        return answer["content"][0]["text"]

    return call


alice, bob = tool_of("alice"), tool_of("bob")
alice("store", content="I am allergic to peanuts", metadata={"source": "strands"})
alice("store", content="My bicycle is green")
bob("store", content="I drink tea")
[tea] = json.loads(bob("list"))
bob("delete", memory_id=tea["id"])
found = json.loads(alice("retrieve", query="Which food must she avoid?"))
printed = {
    "found": [found[0]["memory"], found[0]["metadata"]["source"], found[0]["score"] > 0.1],
    "listed": sorted(one["memory"] for one in json.loads(alice("list"))),
    "got": json.loads(alice("get", memory_id=found[0]["id"]))["memory"],
    "history": [one["event"] for one in json.loads(alice("history", memory_id=found[0]["id"]))],
    "of_the_other_user": [tea["memory"], len(json.loads(bob("list")))],
}
json.dump(printed, sys.stdout)
