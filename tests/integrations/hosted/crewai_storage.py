"""CrewAI's Mem0Storage: save what an agent said and a conversation, search, reset."""

import json
import sys

from crewai.memory.storage.mem0_storage import Mem0Storage

categories = [{"food": "What is eaten"}]
alice = Mem0Storage("external", config={"user_id": "alice", "custom_categories": categories, "infer": False})
alice.save("I am allergic to peanuts", {"source": "crewai"})
said = [{"role": "user", "content": "My bicycle is green"}, {"role": "assistant", "content": "A good colour"}]
alice.save("", {"messages": said})
run = Mem0Storage("short_term", config={"run_id": "kitchen", "user_id": "alice"})
run.save("The soup is hot", {})
found = alice.search("Which food must she avoid?", limit=1, score_threshold=0.0)[0]
printed = {
    "found": [found["content"], found["metadata"]["type"], found["metadata"]["source"]],
    "all": sorted(one["memory"] for one in alice.search("peanuts bicycle colour", limit=9, score_threshold=0.0)),
    "of_the_run": [one["content"] for one in run.search("soup", score_threshold=0.0)],
}
json.dump(printed, sys.stdout)
