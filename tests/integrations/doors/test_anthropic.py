"""The backend of Anthropic's memory tool: its commands, its path rules, and the SDK's tool runner.

Run by tests/test_doors.py in an environment that has the SDK.
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from anthropic.tools import BetaLocalFilesystemMemoryTool, ToolError
from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.integrations.anthropic import AsyncMemoryTool, MemoryTool


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture
def tool(memory):
    return MemoryTool(memory)


def do(tool: Any, command: str, **arguments: Any) -> str:
    """Call the tool as its runner does; an error is told by its text."""
    try:
        answer = tool.call({"command": command, **arguments})
        return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
    except ToolError as error:
        return f"is_error: {error.content}"


def create(tool: Any, path: str, text: str = "text") -> str:
    return do(tool, "create", path=path, file_text=text)


def content(tool: Any, path: str) -> list[str]:
    first, *lines = do(tool, "view", path=path).split("\n")
    assert first == f"Here's the content of {path} with line numbers:"
    return [line.partition("\t")[2] for line in lines]


@pytest.mark.parametrize("kind", ["sync", "async", "theirs"])
def test_a_file_is_written_and_edited(memory, tmp_path, kind):
    """Each command does to a file what the SDK's own helper does, with the answers that Anthropic documents."""
    tools = {"sync": MemoryTool, "async": AsyncMemoryTool}
    tool = tools[kind](memory) if kind in tools else BetaLocalFilesystemMemoryTool(str(tmp_path / "files"))
    path = "/memories/notes.txt"
    assert create(tool, path, "one\ntwo\nthree\n") == f"File created successfully at: {path}"
    assert content(tool, path) == ["one", "two", "three", ""]
    assert do(tool, "view", path=path, view_range=[2, 3]).split("\n")[1:] == ["     2\ttwo", "     3\tthree"]
    assert do(tool, "view", path=path, view_range=[3, -1]).split("\n")[1:] == ["     3\tthree", "     4\t"]
    edited = do(tool, "str_replace", path=path, old_str="two", new_str="2")
    assert edited.startswith("The memory file has been edited.")
    assert edited.endswith("     1\tone\n     2\t2\n     3\tthree\n     4\t")
    assert do(tool, "insert", path=path, insert_line=0, insert_text="zero\n") == f"The file {path} has been edited."
    assert do(tool, "insert", path=path, insert_line=4, insert_text="four") == f"The file {path} has been edited."
    assert content(tool, path) == ["zero", "one", "2", "three", "four", ""]
    moved = "/memories/a/b.txt"
    assert do(tool, "rename", old_path=path, new_path=moved) == f"Successfully renamed {path} to {moved}"
    assert content(tool, moved) == ["zero", "one", "2", "three", "four", ""]
    assert do(tool, "delete", path=moved) == f"Successfully deleted {moved}"
    assert do(tool, "view", path=moved).startswith("is_error: ")


TEXTS = ["", " ", "\n", "a\r\nb", "no newline", "é e\u0301 🎉 \u2028 \0", "x" * 150_000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_are_kept_exactly(tool, text):
    """Any text is a file: empty, blank, very long, and with any line ends."""
    create(tool, "/memories/f", text)
    assert tool._text("/memories/f") == text
    do(tool, "rename", old_path="/memories/f", new_path="/memories/g")
    assert tool._text("/memories/g") == text


def test_str_replace_asks_for_one_place(tool):
    """A text that is not there, or there twice, changes nothing; without new_str the text is removed."""
    create(tool, "/memories/f", "a b\na\nc")

    def replace(**arguments: str) -> str:
        return do(tool, "str_replace", path="/memories/f", **arguments)

    assert replace(old_str="x", new_str="y") == (
        "is_error: No replacement was performed, old_str `x` did not appear verbatim in /memories/f."
    )
    assert replace(old_str="a", new_str="y") == (
        "is_error: No replacement was performed. Multiple occurrences of old_str `a` in lines: 1, 2. "
        "Please ensure it is unique"
    )
    assert replace(old_str="", new_str="y").startswith("is_error: No replacement")
    assert content(tool, "/memories/f") == ["a b", "a", "c"]
    assert replace(old_str=" b").startswith("The memory file has been edited.")
    assert content(tool, "/memories/f") == ["a", "a", "c"]


@pytest.mark.parametrize("line", [-1, 3, 99])
def test_insert_asks_for_a_line(tool, line):
    """A line outside the file is an error that names the range."""
    create(tool, "/memories/f", "a\nb\n")
    answer = do(tool, "insert", path="/memories/f", insert_line=line, insert_text="x")
    assert answer == (
        f"is_error: Error: Invalid `insert_line` parameter: {line}. It should be within the range of lines of the "
        "file: [0, 2]"
    )


def test_what_is_there_is_not_overwritten(tool):
    """create and rename refuse a path that a file or a folder has, and one below a file."""
    create(tool, "/memories/f", "first")
    create(tool, "/memories/d/g", "second")
    assert create(tool, "/memories/f", "x") == "is_error: Error: File /memories/f already exists"
    assert create(tool, "/memories/d", "x") == "is_error: Error: File /memories/d already exists"
    assert create(tool, "/memories", "x") == "is_error: Error: File /memories already exists"
    assert create(tool, "/memories/f/x", "x") == "is_error: Error: /memories/f is a file, not a directory"
    for there in ("/memories/f", "/memories/d", "/memories"):
        answer = do(tool, "rename", old_path="/memories/d/g", new_path=there)
        assert answer == f"is_error: Error: The destination {there} already exists"
    assert "into itself" in do(tool, "rename", old_path="/memories/d", new_path="/memories/d/e")
    assert content(tool, "/memories/f") == ["first"]
    assert content(tool, "/memories/d/g") == ["second"]


def test_what_is_not_there_is_an_error(tool):
    """Each command says that a path does not exist, in the documented words."""
    path, known = "/memories/x", "Please provide a valid path."
    assert do(tool, "view", path=path) == f"is_error: The path {path} does not exist. {known}"
    for command, arguments in {"str_replace": {"old_str": "a", "new_str": "b"}, "insert": {"insert_line": 0}}.items():
        answer = do(tool, command, path=path, insert_text="t", **arguments)
        assert answer == f"is_error: Error: The path {path} does not exist. {known}"
    assert do(tool, "delete", path=path) == f"is_error: Error: The path {path} does not exist"
    assert do(tool, "rename", old_path=path, new_path="/memories/y") == (
        f"is_error: Error: The path {path} does not exist"
    )


def test_folders(tool):
    """A folder is listed two levels deep with sizes, without hidden files; it is moved and deleted as a whole."""
    assert do(tool, "view", path="/memories") == (
        "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and "
        "node_modules:\n0B\t/memories"
    )
    for path in ("b.txt", "d/one", "d/e/two", "d/e/f/three", ".secret", "d/.git/x", "node_modules/y/z"):
        create(tool, f"/memories/{path}", "x" * 512)
    assert do(tool, "view", path="/memories/").split("\n")[1:] == [
        "2K\t/memories",
        "512B\t/memories/b.txt",
        "1.5K\t/memories/d/",
        "1K\t/memories/d/e/",
        "512B\t/memories/d/one",
    ]
    assert do(tool, "view", path="/memories/d/e").split("\n")[1:] == [
        "1K\t/memories/d/e",
        "512B\t/memories/d/e/f/",
        "512B\t/memories/d/e/f/three",
        "512B\t/memories/d/e/two",
    ]
    assert do(tool, "rename", old_path="/memories/d", new_path="/memories/n/m").startswith("Successfully")
    assert content(tool, "/memories/n/m/e/f/three") == ["x" * 512]
    assert do(tool, "view", path="/memories/d").startswith("is_error")
    assert content(tool, "/memories/n/m/.git/x") == ["x" * 512]
    assert "is a directory" in do(tool, "insert", path="/memories/n", insert_line=0, insert_text="t")
    assert do(tool, "delete", path="/memories/n/m").startswith("Successfully")
    assert do(tool, "view", path="/memories").split("\n")[1:] == ["512B\t/memories", "512B\t/memories/b.txt"]


OUTSIDE = [
    *("/etc/notes", "memories/a", "/memory/a", "/memoriesa", "a", "", "/", "/Memories/a"),
    *("/memories/../a", "/memories/a/../../b", "/memories/..", "/memories/./a", "/memories/a/.."),
    *("/memories/%2e%2e/a", "/memories/%2E%2E%2Fa", "/memories/..%2fa", "/memories/%252e%252e/a", "/memories/a%2fb"),
    *("/memories/..\\a", "/memories/a\\b", "/memories/a%5cb", "/memories/a\nb", "/memories/a\tb"),
    "/memories/" + "x" * 1_000,
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_stay_inside(tool, path):
    """Every command refuses a path that is not below /memories, or would not be once decoded, and does nothing."""
    create(tool, "/memories/a", "first")
    for command, arguments in {
        "view": {"path": path},
        "create": {"path": path, "file_text": "x"},
        "str_replace": {"path": path, "old_str": "first", "new_str": "x"},
        "insert": {"path": path, "insert_line": 0, "insert_text": "x"},
        "delete": {"path": path},
        "rename": {"old_path": path, "new_path": "/memories/n"},
    }.items():
        assert do(tool, command, **arguments).startswith("is_error: Error: "), command
    assert do(tool, "rename", old_path="/memories/a", new_path=path).startswith("is_error: Error: ")
    assert do(tool, "view", path="/memories").split("\n")[1:] == ["5B\t/memories", "5B\t/memories/a"]


def test_the_root_stays(tool):
    """/memories itself can neither be deleted nor renamed."""
    create(tool, "/memories/a")
    assert do(tool, "delete", path="/memories") == "is_error: Error: Cannot delete the /memories directory itself"
    assert do(tool, "delete", path="/memories/").startswith("is_error: Error: Cannot delete")
    answer = do(tool, "rename", old_path="/memories", new_path="/memories/b")
    assert answer == "is_error: Error: Cannot rename the /memories directory itself"
    assert content(tool, "/memories/a") == ["text"]


@pytest.mark.parametrize("name", ["a b", "..a", "a..", "...", "é.md", "日本", "100%", "%41", "a:b", "*", "A"])
def test_other_names_are_names(tool, name):
    """Names that only look unusual are files, each its own."""
    for one in {"a", "%41", "A", name}:
        create(tool, f"/memories/{one}", repr(one))
    assert content(tool, f"/memories/{name}") == [repr(name)]
    assert content(tool, f"/memories//{name}".replace("//", "/")) == [repr(name)]
    assert create(tool, f"/memories//{name}") == f"is_error: Error: File /memories//{name} already exists"


def test_a_long_file_says_what_is_left_out(tool):
    """A view has at most 16,000 characters or so; its last line says which lines those were, and a range the rest."""
    create(tool, "/memories/f", "\n".join(f"line {number}" for number in range(1, 5_001)))
    view = do(tool, "view", path="/memories/f").split("\n")
    assert sum(len(line) + 1 for line in view) < 16_200
    last = int(view[-2].split("\t")[0])
    assert view[-1] == f"(Lines 1 to {last} of 5000. Use view_range to see the others.)"
    rest = do(tool, "view", path="/memories/f", view_range=[last + 1, last + 2]).split("\n")
    assert rest[1:] == [f"{last + 1:>6}\tline {last + 1}", f"{last + 2:>6}\tline {last + 2}"]
    assert "has lines 1 to 5000" in do(tool, "view", path="/memories/f", view_range=[6_000, 7_000])


def test_users_have_files_of_their_own(memory):
    """A tool of one user or agent sees no file of another's; what a user wrote is erased with the user."""
    alice, bob = MemoryTool(memory, user_id="alice"), MemoryTool(memory, user_id="bob")
    create(alice, "/memories/f", "of alice")
    assert do(bob, "view", path="/memories/f").startswith("is_error")
    create(bob, "/memories/f", "of bob")
    assert content(alice, "/memories/f") == ["of alice"]
    memory.erase(user_id="alice")
    assert do(alice, "view", path="/memories/f").startswith("is_error")
    assert content(bob, "/memories/f") == ["of bob"]
    bob.clear_all_memory()
    assert do(bob, "view", path="/memories").endswith("0B\t/memories")


def test_files_are_memories(tmp_path):
    """A file is found by its meaning, and its earlier texts are in the history."""
    with MemoryTool(tmp_path / "agent.db", user_id="alice") as tool:
        create(tool, "/memories/food.md", "She eats nuts")
        create(tool, "/memories/bike.md", "The bicycle is green")
        do(tool, "str_replace", path="/memories/food.md", old_str="eats", new_str="is allergic to")
        [found] = tool.search("What must she not eat?", limit=1)
        assert found["memory"] == "She is allergic to nuts"
        assert tool.memory.search("allergy", user_id="alice")["results"][0]["id"] == found["id"]
        history = [change["new_memory"] for change in tool.memory.history(found["id"])]
        assert history == ["She eats nuts", "She is allergic to nuts"]
    with MemoryTool(tmp_path / "agent.db", user_id="alice") as tool:
        assert content(tool, "/memories/food.md") == ["She is allergic to nuts"]


def test_edits_at_the_same_time_are_all_made(tmp_path):
    """Lines that several processes' worth of tools insert into one file are all there; one of several creates wins."""
    path = tmp_path / "agent.db"
    with MemoryTool(Memory(path, embedder=HashEmbedder())) as tool:
        create(tool, "/memories/f", "")
        tool.memory.close()

    def work(writer: int) -> str:
        with Memory(path, embedder=HashEmbedder()) as memory:
            tool = MemoryTool(memory)
            created = create(tool, "/memories/one", f"{writer}")
            for turn in range(8):
                answer = do(tool, "insert", path="/memories/f", insert_line=0, insert_text=f"{writer} {turn}")
                assert not answer.startswith("is_error"), answer
            return created

    with ThreadPoolExecutor(3) as threads:
        created = list(threads.map(work, range(3)))
    assert sorted(one.startswith("File created") for one in created) == [False, False, True]
    with Memory(path, embedder=HashEmbedder()) as memory:
        lines = content(MemoryTool(memory), "/memories/f")
        assert sorted(filter(None, lines)) == sorted(f"{writer} {turn}" for writer in range(3) for turn in range(8))
        assert content(MemoryTool(memory), "/memories/one") == [f"{[one[:4] for one in created].index('File')}"]


def test_the_tool_runner(tool):
    """The SDK's runner offers the tool to the model, calls it, and hands on what it says, errors as errors."""
    calls = [
        {"command": "create", "path": "/memories/f", "file_text": "I am allergic to peanuts"},
        {"command": "view", "path": "/memories/../f"},
        {"command": "view", "path": "/memories/f"},
    ]
    asked: list[Any] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(json.loads(request.content))
        number = len(asked) - 1
        block: dict[str, Any] = {"type": "text", "text": "Done."}
        if number < len(calls):
            block = {"type": "tool_use", "id": f"t{number}", "name": "memory", "input": calls[number]}
        usage = {"input_tokens": 1, "output_tokens": 1}
        reason = "tool_use" if number < len(calls) else "end_turn"
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [block]}
        return httpx2.Response(200, json={**message, "stop_reason": reason, "stop_sequence": None, "usage": usage})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = Anthropic(api_key="none", http_client=http)
        question = {"role": "user", "content": "Remember that"}
        runner = client.beta.messages.tool_runner(model="m", max_tokens=9, tools=[tool], messages=[question])
        assert runner.until_done().content[0].text == "Done."
    assert asked[0]["tools"] == [{"type": "memory_20250818", "name": "memory"}]
    results = [block for request in asked for message in request["messages"] for block in message["content"]]
    told = {
        block["tool_use_id"]: (block["content"], block.get("is_error", False))
        for block in results
        if isinstance(block, dict) and block["type"] == "tool_result"
    }
    assert list(told.values()) == [
        ("File created successfully at: /memories/f", False),
        ("Error: Path /memories/../f would escape /memories directory", True),
        ("Here's the content of /memories/f with line numbers:\n     1\tI am allergic to peanuts", False),
    ]
