"""Every verb as a tool of the OpenAI Agents SDK, and three of them called as its runner calls them."""

import asyncio
import json
import sys

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

import mem0lite

path, *verbs = sys.argv[1:]


class Scripted(Model):
    """A model that makes these calls one after the other, and then says what they answered."""

    def __init__(self, calls):
        self.calls = calls

    async def get_response(self, system_instructions, input, *args, **kwargs):
        items = [] if isinstance(input, str) else input
        answers = [item["output"] for item in items if item.get("type") == "function_call_output"]
        if len(answers) == len(self.calls):
            text = ResponseOutputText(type="output_text", annotations=[], text=json.dumps(answers))
            said = ResponseOutputMessage(id="1", type="message", role="assistant", status="completed", content=[text])
            return ModelResponse(output=[said], usage=Usage(), response_id=None)
        name, arguments = self.calls[len(answers)]
        call = ResponseFunctionToolCall(
            type="function_call", call_id=f"call-{len(answers)}", name=name, arguments=json.dumps(arguments)
        )
        return ModelResponse(output=[call], usage=Usage(), response_id=None)

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError


def tool(verb):
    return function_tool(verb, strict_mode=False, failure_error_function=None)


async def talk(memory, calls):
    tools = [tool(memory.add), tool(memory.search), tool(memory.update), tool(memory.get)]
    agent = Agent("assistant", tools=tools, model=Scripted(calls))
    done = await Runner.run(agent, "Go on", run_config=RunConfig(tracing_disabled=True))
    return json.loads(done.final_output)


async def main():
    told = {}
    with mem0lite.Memory(path) as memory:
        asynchronous = mem0lite.AsyncMemory(memory)
        for kind in (memory, asynchronous):
            for verb in verbs:
                told[f"{type(kind).__name__}.{verb}"] = tool(getattr(kind, verb)).params_json_schema
        said = {"messages": "I am allergic to peanuts", "user_id": "alice", "expiration_date": "2999-12-31"}
        await talk(memory, [("add", said)])
        [item] = memory.get_all(user_id="alice")["results"]
        asked = {"query": "allergic", "filters": {"user_id": "alice"}, "top_k": 3}
        corrected = {"memory_id": item["id"], "text": "I am allergic to all nuts", "expiration_date": "UNSET"}
        answers = [
            await talk(kind, [("search", asked), ("update", corrected), ("get", {"memory_id": item["id"]})])
            for kind in (memory, asynchronous)
        ]
        sys.stdout.write(json.dumps({"schemas": told, "answers": answers}))


asyncio.run(main())
