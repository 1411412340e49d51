"""LlamaIndex's Mem0Memory, configured as for mem0: a chat that is remembered, and what a later chat gets from it."""

import json
import sys

from mem0lite import compat

compat.install()

from llama_index.core.base.llms.types import ChatMessage  # noqa: E402
from llama_index.memory.mem0 import Mem0Memory  # noqa: E402


def main(path: str) -> dict[str, object]:
    config = {
        "vector_store": {
            "provider": "qdrant",
            "config": {"collection_name": "mem0", "path": path, "embedding_model_dims": 1536},
        },
        "llm": {"provider": "anthropic", "config": {"model": "claude-sonnet-4-5", "api_key": "sk-secret"}},
        "embedder": {"provider": "openai", "config": {"model": "text-embedding-3-small", "api_key": "sk-secret"}},
        "version": "v1.1",
    }

    def chat() -> Mem0Memory:
        return Mem0Memory.from_config(context={"user_id": "alice"}, config=config, search_msg_limit=4)

    first = chat()
    first.put(ChatMessage(role="user", content="I am allergic to peanuts"))
    first.put(ChatMessage(role="assistant", content="I will keep peanuts out of your recipes"))
    first.set([*first.get_all(), ChatMessage(role="user", content="My bicycle is green")])
    return {
        "history": [message.content for message in first.get_all()],
        "for_the_model": chat().get(input="Which food must she avoid?")[0].content,
    }


json.dump(main(sys.argv[1]), sys.stdout)
