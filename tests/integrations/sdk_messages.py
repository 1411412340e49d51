"""Add messages as four SDKs have them; print what was kept, with its roles, and the types of what was left out."""

import json
import sys

from anthropic.types import Message
from google.genai import types
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import Response

from mem0lite import Memory


class Flat:
    """An embedder to which all texts mean the same."""

    name, dimensions = "flat", 1

    def embed(self, texts):
        return [[1.0]] * len(texts)

    def embed_query(self, text):
        return [1.0]


ANTHROPIC = Message.model_validate(
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I look it up"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {}},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
)
CHAT = ChatCompletion.model_validate(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
    }
)
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESPONSE = Response.model_validate(
    {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": "gpt",
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "output": [
            {"id": "a", "type": "reasoning", "summary": [{"type": "summary_text", "text": "thinks"}]},
            {"call_id": "c", "type": "function_call", "name": "f", "arguments": "{}"},
            {
                "id": "b",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
            },
        ],
    }
)
GEMINI = [
    types.Content(
        role="model",
        parts=[
            types.Part(text="A cat"),
            types.Part(inline_data=types.Blob(data=b"x", mime_type="image/png")),
            types.Part(text="thinks", thought=True),
            types.Part(function_call=types.FunctionCall(name="f", args={})),
        ],
    ),
    types.UserContent(parts=[types.Part(text="I ski")]),
]
LANGCHAIN = [
    SystemMessage("Be brief"),
    HumanMessage("I ski"),
    AIMessage(["Good", {"type": "text", "text": "for you"}, {"type": "tool_use", "id": "1", "name": "f", "input": {}}]),
    ToolMessage("12", tool_call_id="1"),
    AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
    AIMessageChunk("chunk"),
]

added = {}
with Memory(":memory:", embedder=Flat()) as memory:
    for name, messages in {
        "anthropic": ANTHROPIC,
        "openai_chat": ChatCompletionMessage.model_validate(
            {"role": "assistant", "content": "Hello", "tool_calls": [CALL]}
        ),
        "openai_chat_whole": CHAT,
        "openai_response": RESPONSE.output,
        "openai_response_whole": RESPONSE,
        "langchain_prompt": ChatPromptValue(messages=[HumanMessage("I ski")]),
        "google_genai": GEMINI,
        "langchain_core": LANGCHAIN,
    }.items():
        answer = memory.add(messages, user_id="u", infer=False)
        kept = [field for item in answer["results"] for field in (item["role"], item["memory"])]
        added[name] = [kept, [one["type"] for one in answer.get("skipped", ())]]
sys.stdout.write(json.dumps(added))
