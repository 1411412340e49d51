"""Every verb as a tool of pydantic-ai, and an agent that remembers, finds and corrects with three of them."""

import json
import sys

from pydantic_ai import Agent, Tool
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

import mem0lite

path, *verbs = sys.argv[1:]


def model(calls):
    """Return a model that makes these calls one after the other, and then says what the last one answered."""

    def speak(messages, info):
        answers = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        if len(answers) == len(calls):
            return ModelResponse(parts=[TextPart(json.dumps([part.content for part in answers]))])
        name, arguments = calls[len(answers)]
        return ModelResponse(parts=[ToolCallPart(name, json.dumps(arguments))])

    return FunctionModel(speak)


def talk(memory, calls):
    agent = Agent(model(calls), tools=[memory.add, memory.search, memory.update, memory.get])
    return json.loads(agent.run_sync("Go on").output)


told = {}
with mem0lite.Memory(path) as memory:
    asynchronous = mem0lite.AsyncMemory(memory)
    for kind in (memory, asynchronous):
        for verb in verbs:
            told[f"{type(kind).__name__}.{verb}"] = Tool(getattr(kind, verb)).tool_def.parameters_json_schema
    said = {"messages": "I am allergic to peanuts", "user_id": "alice", "expiration_date": "2999-12-31"}
    [added] = talk(memory, [("add", said)])
    memory_id = added["results"][0]["id"]
    asked = {"query": "allergic", "filters": {"user_id": "alice"}, "top_k": 3}
    corrected = {"memory_id": memory_id, "text": "I am allergic to all nuts", "expiration_date": "UNSET"}
    answers = [
        talk(kind, [("search", asked), ("update", corrected), ("get", {"memory_id": memory_id})])
        for kind in (memory, asynchronous)
    ]
sys.stdout.write(json.dumps({"schemas": told, "answers": answers}))
