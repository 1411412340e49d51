"""CAMEL's Mem0Storage, the memory of its agents: save records, load them, clear. It swallows every error."""

import json
import sys

from camel.memories.records import MemoryRecord
from camel.messages import BaseMessage
from camel.storages import Mem0Storage
from camel.types import OpenAIBackendRole, RoleType


def record(text: str) -> dict[str, object]:
    message = BaseMessage(role_name="user", role_type=RoleType.USER, meta_dict=None, content=text)
    written = MemoryRecord(message=message, role_at_backend=OpenAIBackendRole.USER).to_dict()
    return {**written, "role_at_backend": OpenAIBackendRole.USER}  # the storage reads no role that is written out


alice = Mem0Storage(agent_id="helper", user_id="alice", metadata={"source": "camel"})
alice.save([record("I am allergic to peanuts"), record("My bicycle is green")])
bob = Mem0Storage(agent_id="other", user_id="bob")
bob.save([record("I drink tea")])
before = len(bob.load())
bob.clear()
loaded = [MemoryRecord.from_dict(one) for one in alice.load()]
printed = {
    "loaded": sorted(one.message.content for one in loaded),
    "metadata": [one.extra_info["source"] for one in loaded],
    "of_the_cleared_user": [before, len(bob.load())],
}
json.dump(printed, sys.stdout)
