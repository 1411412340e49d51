"""Messages as today's SDKs write them: the texts are kept, what has none is named, and nothing refuses the rest."""

import dataclasses
import enum
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import client_environments
import httpx
import pytest
import serving

import mem0lite
from mem0lite import Memory, ValidationError

served, store, client = serving.served, serving.store, serving.client

ROOT = Path(mem0lite.__file__).parent.parent


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TOOL_CALLS = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

CASES: dict[str, tuple[Any, list[tuple[str, str]], list[tuple[int, int | None, str]]]] = {
    # name: (messages, the texts kept with their roles, and what is left out: message, part, type)
    "OpenAI, an image": (
        [{"role": "user", "content": [text("My cat"), IMAGE, {"type": "input_audio", "input_audio": {}}]}],
        [("user", "My cat")],
        [(0, 1, "image_url"), (0, 2, "input_audio")],
    ),
    "OpenAI, a PDF alone": (
        [{"role": "user", "content": [{"type": "file", "file": {}}]}, {"role": "user", "content": "Hi"}],
        [("user", "Hi")],
        [(0, 0, "file")],
    ),
    "OpenAI, one part": ({"role": "user", "content": IMAGE}, [], [(0, None, "image_url")]),
    "OpenAI, tool calls": (
        [
            {"role": "developer", "content": "Be brief"},
            {"role": "assistant", "content": "", "tool_calls": TOOL_CALLS},
            {"role": "tool", "tool_call_id": "1", "content": "12 °C"},
            {"role": "assistant", "content": "It is cold", "tool_calls": TOOL_CALLS},
        ],
        [("assistant", "It is cold")],
        [(0, None, "developer"), (1, None, "tool_calls"), (2, None, "tool"), (3, None, "tool_calls")],
    ),
    "OpenAI, a legacy function": (
        [
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "12"},
            {"role": "user", "content": "Thanks"},
        ],
        [("user", "Thanks")],
        [(0, None, "function_call"), (1, None, "function")],
    ),
    "OpenAI, refusals": (
        [
            {"role": "assistant", "content": None, "refusal": "No."},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}, text("But here is a map")]},
        ],
        [("assistant", "But here is a map")],
        [(0, None, "refusal"), (1, 0, "refusal")],
    ),
    "empty turns": (
        [
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": []},
            {"role": "assistant", "content": None},
            {"role": "assistant"},
            {"role": "user", "content": " \n"},
            {"role": "user", "content": [text("")]},
            {"role": "user", "content": "I ski"},
        ],
        [("user", "I ski")],
        [(number, None, "empty") for number in range(6)],
    ),
    "Responses API": (
        [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I ski"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "thinks"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "12"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Good"}]},
            {"role": "user", "content": [{"type": "input_image"}, {"type": "input_file"}]},
        ],
        [("user", "I ski"), ("assistant", "Good")],
        [
            *((1, None, "reasoning"), (2, None, "function_call"), (3, None, "function_call_output")),
            *((5, 0, "input_image"), (5, 1, "input_file")),
        ],
    ),
    "Anthropic": (
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "x"},
                    text("I look it up"),
                    {"type": "tool_use", "id": "1", "name": "f", "input": {}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [text("12")]}]},
            {
                "role": "user",
                "content": [{"type": "document", "source": {}}, {"type": "image", "source": {}}, text("?")],
            },
        ],
        [("assistant", "I look it up"), ("user", "?")],
        [
            *((0, 0, "thinking"), (0, 1, "redacted_thinking"), (0, 3, "tool_use")),
            *((1, 0, "tool_result"), (2, 0, "document"), (2, 1, "image")),
        ],
    ),
    "Gemini": (
        [
            {"role": "user", "parts": [{"text": "My cat"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]},
            {"role": "model", "parts": [{"text": "thinks", "thought": True}, {"text": "A fine cat"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "x"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]},
            {"parts": [{"text": "one"}, {"text": "two"}]},
        ],
        [("user", "My cat"), ("assistant", "A fine cat"), ("user", "one\ntwo")],
        [(0, 1, "inlineData"), (1, 0, "thought"), (2, 0, "functionCall"), (3, 0, "functionResponse")],
    ),
    "Bedrock": (
        [{"role": "user", "content": [{"text": "My cat"}, {"image": {"format": "png"}}, {"toolUse": {}}]}],
        [("user", "My cat")],
        [(0, 1, "image"), (0, 2, "toolUse")],
    ),
    "LangChain": (
        [
            {"type": "human", "content": "I ski"},
            {"type": "ai", "content": ["Good", text("for you"), {"type": "reasoning", "reasoning": "hm"}]},
            {"type": "system", "content": "Be brief"},
            {"type": "tool", "content": "12", "tool_call_id": "1"},
            {"type": "AIMessageChunk", "content": "and me"},
            {"type": "human", "data": {"content": "I swim", "type": "human", "name": "Ann"}},
        ],
        [("user", "I ski"), ("assistant", "Good\nfor you"), ("assistant", "and me"), ("user", "I swim")],
        [(1, 2, "reasoning"), (2, None, "system"), (3, None, "tool")],
    ),
    "Vercel": (
        [
            {"role": "user", "parts": [text("I ski"), {"type": "step-start"}, {"type": "file", "url": "x"}]},
            {"role": "assistant", "content": "Good", "parts": [text("Good")]},
            {"role": "assistant", "content": "", "parts": [text("Well"), {"type": "tool-invocation"}]},
        ],
        [("user", "I ski"), ("assistant", "Good"), ("assistant", "Well")],
        [(0, 1, "step-start"), (0, 2, "file"), (2, 1, "tool-invocation")],
    ),
    "@mem0/vercel-ai-provider 3.0.2": (  # each part of a prompt is a message
        [
            {"role": "user", "content": "My cat"},
            {"role": "user", "content": {"type": "image_url", "image_url": {"url": "AAAA"}}},
            {"role": "user", "content": {"type": "pdf_url", "pdf_url": {}}},
            {"role": "user", "content": {"type": "mdx_url", "mdx_url": {"url": "https://example.com/a.mdx"}}},
            {"role": "assistant", "content": ""},
            {"role": "assistant"},
            {"role": "assistant", "content": "A fine cat"},
        ],
        [("user", "My cat"), ("assistant", "A fine cat")],
        [(1, None, "image_url"), (2, None, "pdf_url"), (3, None, "mdx_url"), (4, None, "empty"), (5, None, "empty")],
    ),
    "pipecat-ai": (
        [
            {
                "role": "user",
                "content": [text("Audio follows"), {"type": "input_audio", "input_audio": {"data": "AA"}}],
            },
            {"role": "user", "content": [IMAGE]},
            {"role": "assistant", "tool_calls": TOOL_CALLS},
            {"role": "assistant", "content": None},
            {"role": "user", "content": [text("My cat"), IMAGE]},
        ],
        [("user", "Audio follows"), ("user", "My cat")],
        [(0, 1, "input_audio"), (1, 0, "image_url"), (2, None, "tool_calls"), (3, None, "empty"), (4, 1, "image_url")],
    ),
    "what stands beside the content": (
        [
            {"role": "user", "content": "My cat", "images": ["AAAA"]},
            {"role": "assistant", "content": "Fine", "thinking": "hm", "reasoning_content": "hm", "images": []},
            {"role": "assistant", "content": "Well", "reasoning": "hm", "attachments": [{"file_id": "f"}]},
            {"role": "assistant", "content": None, "audio": {"id": "a"}},
        ],
        [("user", "My cat"), ("assistant", "Fine"), ("assistant", "Well")],
        [
            *((0, None, "images"), (1, None, "thinking"), (1, None, "reasoning_content")),
            *((2, None, "reasoning"), (2, None, "attachments"), (3, None, "audio")),
        ],
    ),
    "OpenAI, a thread's text": (
        [{"role": "user", "content": [{"type": "text", "text": {"value": "I ski", "annotations": []}}, None]}],
        [("user", "I ski")],
        [(0, 1, "empty")],
    ),
    "LangChain, dumped": (
        [
            {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"type": "human", "content": "I ski"}},
            {"lc": 1, "type": "constructor", "id": ["SystemMessage"], "kwargs": {"type": "system", "content": "Ski"}},
        ],
        [("user", "I ski")],
        [(1, None, "system")],
    ),
    "roles in capitals": (
        [
            {"role": "SYSTEM", "content": "Be brief"},
            {"role": "Tool", "content": "12"},
            {"role": "USER", "content": "Hi"},
        ],
        [("USER", "Hi")],
        [(0, None, "SYSTEM"), (1, None, "Tool")],
    ),
    "a part alone": ([text("I ski")], [("user", "I ski")], []),
    "unknown parts": (
        [{"role": "user", "content": [{"type": "hologram", "text": "x"}, {"shape": "?"}, {}, text("I ski")]}],
        [("user", "I ski")],
        [(0, 0, "hologram"), (0, 1, "shape"), (0, 2, "empty")],
    ),
    "nothing but a system": ([{"role": "system", "content": "Be brief"}], [], [(0, None, "system")]),
    "nothing": ([], [], []),
}


def left_out(answer: Any) -> list[tuple[int, int | None, str]]:
    assert all(one["reason"] for one in answer.get("skipped", []))
    return [(one["message"], one["part"], one["type"]) for one in answer.get("skipped", [])]


@pytest.mark.parametrize("case", CASES)
def test_the_texts_are_kept_and_the_rest_is_named(memory: Memory, case: str) -> None:
    """Of each SDK's messages the texts are memories in their roles; ``skipped`` has all else, or is not there."""
    messages, kept, left = CASES[case]
    answer = memory.add(messages, user_id="u", infer=False)
    assert [(item["role"], item["memory"]) for item in answer["results"]] == kept
    assert left_out(answer) == left
    assert ("skipped" in answer) == bool(left)
    assert memory.get_all(user_id="u")["total"] == len(kept)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("path", ["/memories", "/v1/memories/", "/v3/memories/add/"])
def test_over_http_too(client: httpx.Client, path: str, case: str) -> None:
    """Both APIs take the same messages, keep the same texts and name the same rest."""
    messages, kept, left = CASES[case]
    body = {"messages": messages if isinstance(messages, list) else [messages], "user_id": "u", "infer": False}
    answer = client.post(path, json={**body, "output_format": "v1.1"})
    assert answer.status_code == 200, answer.text
    assert [(item["role"], item["memory"]) for item in answer.json()["results"]] == kept
    assert left_out(answer.json()) == left


@pytest.mark.parametrize("case", CASES)
def test_in_a_list_the_rest_is_named_in_the_header(client: httpx.Client, case: str) -> None:
    """Where the first version answers a bare list, the same texts are kept, and the header says what is not."""
    messages, kept, left = CASES[case]
    body = {"messages": messages if isinstance(messages, list) else [messages], "user_id": "u", "infer": False}
    answer = client.post("/v1/memories/", json=body)
    assert answer.status_code == 200, answer.text
    assert [(item["role"], item["memory"]) for item in answer.json()] == kept
    places = [f"messages[{message}]" + ("" if part is None else f".content[{part}]") for message, part, _ in left]
    assert answer.headers.get("X-Mem0lite-Ignored", "") == ", ".join(dict.fromkeys(places))


def test_many_adds_name_their_own(memory: Memory) -> None:
    """Of several calls in one, each answer names what it left out."""
    answers = memory.add_many(
        [
            {"messages": "a", "user_id": "u"},
            {"messages": {"role": "user", "content": [IMAGE, text("b")]}, "user_id": "u"},
        ]
    )
    assert [left_out(answer) for answer in answers] == [[], [(0, 0, "image_url")]]


class Role(str, enum.Enum):  # noqa: UP042 - as SDKs for older Pythons write it
    """A role that is a text."""

    USER = "user"


@dataclasses.dataclass
class Turn:
    """A message of somebody's own."""

    role: str
    content: Any
    name: str | None = None


@dataclasses.dataclass(slots=True)
class SlottedTurn(Turn):
    """A message without a ``__dict__``."""


@dataclasses.dataclass(slots=True)
class SlottedPart:
    """A part without a ``__dict__``."""

    type: str
    text: str | None = None


@pytest.mark.parametrize(
    "message",
    [
        Turn("user", "I ski", "Ann"),
        SlottedTurn("user", "I ski", "Ann"),
        Turn(Role.USER, [SimpleNamespace(type="text", text="I ski"), SimpleNamespace(type="image")], "Ann"),
        Turn("user", [SlottedPart("text", "I ski"), SlottedPart("image")], "Ann"),
        SimpleNamespace(role="human", parts=[SimpleNamespace(text="I ski", thought=None)], name="Ann"),
        SimpleNamespace(type="human", content="I ski", name="Ann"),
    ],
)
def test_objects_are_read_as_they_are(memory: Memory, message: Any) -> None:
    """An object with a role, content or parts is a message, alone and in a list."""
    for messages in (message, [message], (message,)):
        memory.add(messages, user_id="u")
    [item] = memory.get_all(user_id="u")["results"]
    assert (item["memory"], item["role"], item["actor_id"]) == ("I ski", "user", "Ann")


@pytest.mark.parametrize(
    "answer",
    [
        SimpleNamespace(choices=[SimpleNamespace(message=Turn("assistant", "I ski")), SimpleNamespace(message=None)]),
        SimpleNamespace(object="response", output=[SimpleNamespace(type="reasoning"), Turn("assistant", "I ski")]),
        SimpleNamespace(messages=(SimpleNamespace(type="ai", content="I ski"),)),
    ],
    ids=["chat", "response", "prompt"],
)
def test_a_whole_answer_is_read(memory: Memory, answer: Any) -> None:
    """The object that a model's SDK returns is added as it is: its messages, and of several choices the first."""
    memory.add(answer, user_id="u")
    [item] = memory.get_all(user_id="u")["results"]
    assert (item["memory"], item["role"]) == ("I ski", "assistant")


@pytest.mark.parametrize(
    "empty",
    [SimpleNamespace(choices=[]), SimpleNamespace(choices=["text"]), SimpleNamespace(output=["text"]), object()],
)
def test_an_object_without_messages_is_refused(memory: Memory, empty: Any) -> None:
    """An object in which there is no message is an error, not silence."""
    with pytest.raises(ValidationError, match="messages"):
        memory.add(empty, user_id="u")


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_name_or_role_is_none(memory: Memory, blank: Any) -> None:
    """Frameworks write an empty name where there is none: the message is kept, without a speaker."""
    memory.add([{"role": blank, "name": blank, "content": "tea"}], user_id="u")
    [item] = memory.get_all(user_id="u")["results"]
    assert (item["memory"], item["role"], item.get("actor_id")) == ("tea", "user", None)


def test_reasons_name_what_was_left_out(memory: Memory) -> None:
    """Calls of tools and reasoning are called so, whether they are parts or messages of their own."""
    parts = [{"reasoningContent": {}}, {"toolUse": {}}]
    own = [{"type": kind} for kind in ("reasoning", "function_call_output")]
    answer = memory.add([{"role": "assistant", "content": [text("I ski"), *parts]}, *own], user_id="u")
    reasoning, tools = "Reasoning is not remembered.", "Tool calls and their results are not remembered."
    assert [one["reason"] for one in answer["skipped"]] == [reasoning, tools] * 2


@pytest.fixture(scope="module")
def sdks() -> Path:
    """An environment with the SDKs."""
    return client_environments.needed("sdks")


def test_the_objects_of_the_sdks(sdks: Path, tmp_path: Path) -> None:
    """What anthropic, openai, google-genai and langchain-core return and take is added as it is, without a dump."""
    script = client_environments.SCRIPTS.parent / "integrations" / "sdk_messages.py"
    finished = client_environments.run(
        [client_environments.python_of(sdks), str(script)], tmp_path, PYTHONPATH=str(ROOT)
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    printed = json.loads(finished.stdout)
    assert printed == {
        "anthropic": [["assistant", "I look it up"], ["thinking", "tool_use"]],
        "openai_chat": [["assistant", "Hello"], ["tool_calls"]],
        "openai_chat_whole": [["assistant", "Hello"], []],
        "openai_response": [["assistant", "Hello"], ["reasoning", "function_call"]],
        "openai_response_whole": [["assistant", "Hello"], ["reasoning", "function_call"]],
        "langchain_prompt": [["user", "I ski"], []],
        "google_genai": [["assistant", "A cat", "user", "I ski"], ["inline_data", "thought", "function_call"]],
        "langchain_core": [
            ["user", "I ski", "assistant", "Good\nfor you", "assistant", "chunk"],
            ["system", "tool_use", "tool", "tool_calls"],
        ],
    }
