"""What is written for coding assistants: into which files, and that nothing else in them changes."""

import asyncio
import json
import os
import random
import stat
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_cli import Run, run  # noqa: F401 (a fixture)

from mem0lite import ConfigurationError, Memory
from mem0lite.assistants import installing, jsonc, toml
from mem0lite.cli import main

ASSISTANTS = installing.ASSISTANTS
SERVERS = {
    "claude-code": (".claude.json", ".mcp.json"),
    "codex": (".codex/config.toml", ".codex/config.toml"),
    "cursor": (".cursor/mcp.json", ".cursor/mcp.json"),
    "opencode": (".config/opencode/opencode.json", "opencode.json"),
}
"""The file with the server, of a user and of a project."""
HOOKS = {"claude-code": ".claude/settings.json", "codex": ".codex/hooks.json", "cursor": ".cursor/hooks.json"}

Install = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def install(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Install:
    """Run the command in this process, with a home folder of its own; a process each would take minutes."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command line sets its own
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "MEM0LITE_DB", "MEM0LITE_EMBEDDING_MODEL"):
        monkeypatch.delenv(name, raising=False)

    def install(assistant: str, *arguments: object, code: int = 0, **changes: str) -> Any:
        with monkeypatch.context() as changed:
            for name, value in changes.items():
                changed.setenv(name, value)
            assert main(["install", assistant, *map(str, arguments)]) == code
        return capsys.readouterr()

    return install


def entry(file: Path, name: str = "mem0lite") -> list[str]:
    """Return the command line of the server that a file has."""
    data = tomllib.loads(file.read_text()) if file.suffix == ".toml" else jsonc.parse(file.read_text()).value
    servers = next(data[key] for key in ("mcpServers", "mcp_servers", "mcp") if key in data)
    found = servers.get("servers", servers)[name]
    return found["command"] if isinstance(found["command"], list) else [found["command"], *found["args"]]


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# -- what is written


@pytest.mark.parametrize("assistant", ASSISTANTS)
def test_what_is_written_starts_a_server(assistant, install, home, tmp_path):
    """The command in the assistant's file starts a server that the official client of MCP can use."""
    mcp = pytest.importorskip("mcp", reason="the official client of MCP is not installed")
    from mcp.client.stdio import stdio_client

    install(assistant, "--db", tmp_path / "agent's file.db", "--user", "alice")
    program, *arguments = entry(home / SERVERS[assistant][0])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    server = mcp.StdioServerParameters(command=program, args=arguments, env=kept, cwd=home)

    async def ask() -> Any:
        with (tmp_path / "log").open("w") as log:  # what captures the standard one has no descriptor
            async with mcp.Client(stdio_client(server, errlog=log)) as client:
                return await client.call_tool("add_memory", {"text": "The staging database is called heron"})

    assert not asyncio.run(ask()).is_error
    with Memory(tmp_path / "agent's file.db") as memory:
        assert [one["user_id"] for one in memory.get_all(user_id="alice")["results"]] == ["alice"]


@pytest.mark.parametrize("assistant", ASSISTANTS)
@pytest.mark.parametrize("project", [False, True], ids=["user", "project"])
def test_install_twice_and_remove(assistant, project, install, home, tmp_path):
    """The second time nothing changes, and removing leaves no file of ours behind."""
    scope = ["--project"] if project else []
    before = files(tmp_path)
    install(assistant, *scope)
    first = files(tmp_path)
    server = (tmp_path if project else home) / SERVERS[assistant][project]
    assert entry(server)[-3:] == ["mcp", "--db", "~/mem0lite.db"]
    assert (entry(server)[0] == "mem0lite") == project
    assert str(server.relative_to(tmp_path)) in first
    assert install(assistant, *scope).err.count("Nothing to change.") == 1
    assert files(tmp_path) == first
    assert install(assistant, *scope, "--print").out == ""
    install(assistant, *scope, "--remove")
    assert files(tmp_path) == before
    assert "Nothing to change." in install(assistant, *scope, "--remove").err


@pytest.mark.parametrize("assistant", HOOKS)
def test_hooks_are_commands_of_ours(assistant, install, home, tmp_path):
    """Both hooks are there, with the file and the user; --no-hooks leaves them out."""
    install(assistant, "--no-hooks")
    assert not (home / HOOKS[assistant]).exists()
    install(assistant, "--db", tmp_path / "a b.db", "--user", "alice", "--model", "multilingual")
    hooks = json.loads((home / HOOKS[assistant]).read_text())
    found = json.dumps(hooks)
    assert f"hook recall {assistant} --db '{tmp_path}/a b.db' --model multilingual --user alice" in found
    assert f"hook keep {assistant} --db" in found
    assert set(hooks["hooks"]) == ({"sessionStart", "stop"} if assistant == "cursor" else {"SessionStart", "Stop"})


def test_print_shows_and_writes_nothing(install, home):
    """--print shows each file as a difference, also for --remove, and writes nothing."""
    shown = install("claude-code", "--print").out
    assert not files(home)
    assert f"+++ {home}/.claude.json" in shown
    assert '+    "mem0lite": {' in shown
    install("claude-code")
    assert '-    "mem0lite": {' in install("claude-code", "--print", "--remove").out
    changed = json.loads(install("claude-code", "--print", "--remove", "--json").out)["changed"]
    assert [Path(one["path"]).name for one in changed] == [".claude.json", "settings.json"]


def test_folders_that_variables_name(install, home, tmp_path):
    """CLAUDE_CONFIG_DIR, CODEX_HOME and XDG_CONFIG_HOME say where the assistants look."""
    other = tmp_path / "other"
    install("claude-code", CLAUDE_CONFIG_DIR=str(other / "claude"))
    install("codex", CODEX_HOME=str(other / "codex"))
    install("opencode", XDG_CONFIG_HOME=str(other / "config"))
    assert not files(home)
    assert sorted(files(other)) == [
        *("claude/.claude.json", "claude/settings.json", "codex/config.toml", "codex/hooks.json"),
        "config/opencode/opencode.json",
    ]


# -- what was there

CONFIGURED = {
    ".claude.json": '{\r\n\t"numStartups": 7,\r\n\t"mcpServers": {\r\n\t\t"other": {"command": "x"}\r\n\t},\r\n'
    '\t"projects": {"/a": {"allowedTools": []}}\r\n}\r\n',
    ".claude/settings.json": '\ufeff{\n    "permissions": {"allow": ["Bash(ls:*)"], "deny": []},\n    "hooks": {\n'
    '        "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],\n'
    '        "PreToolUse": []\n    }\n}',
    ".codex/config.toml": '# mine\nmodel = "o3" # best\nnotify = ["a", # ]\n  "[b]"]\ntext = """\n'
    '[mcp_servers.mem0lite]\ncommand = \'no\'\n"""\n\n[mcp_servers.other]\nenv = { A = "1" }\n\n'
    '[projects."/home/x y"]\ntrust_level = "trusted"\n# last\n',
    ".codex/hooks.json": '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}}\n',
    ".cursor/mcp.json": '{\n  // servers\n  "mcpServers": {\n    "other": { "url": "http://x/" }, // remote\n  },\n}\n',
    ".cursor/hooks.json": '{"version": 1, "hooks": {"stop": [{"command": "./mine.sh", "loop_limit": 3}]}}',
    ".config/opencode/opencode.jsonc": '// head\n{\n  "mcp": {}, /* none */\n  "model": "x/y"\n}\n',
}


@pytest.mark.parametrize("assistant", ASSISTANTS)
def test_nothing_that_was_there_is_lost(assistant, install, home):
    """Comments, order, formatting, line ends, marks, other servers, hooks and permissions stay as they were."""
    for name, text in CONFIGURED.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(text.encode())
    install(assistant)
    there = files(home)
    assert there.keys() == CONFIGURED.keys()
    for name, text in CONFIGURED.items():
        removed = [line for line in text.splitlines() if line.rstrip(",") not in there[name].decode()]
        whole = text.count("\n") > 1
        assert not whole or len(removed) <= 1, (name, removed)
    install(assistant, "--remove")
    expected = {name: text.encode() for name, text in CONFIGURED.items()}
    if assistant == "opencode":  # an object that was empty is taken for one of ours
        expected[".config/opencode/opencode.jsonc"] = files(home)[".config/opencode/opencode.jsonc"]
    assert files(home) == expected


def test_our_own_entry_keeps_what_was_added_to_it(install, home):
    """A new command replaces the old one; an environment, approvals and a time limit beside it stay."""
    for assistant in ASSISTANTS:
        install(assistant, "--db", home / "old.db")
    claude, codex = home / ".claude.json", home / ".codex" / "config.toml"
    claude.write_text(claude.read_text().replace('"type": "stdio",', '"type": "stdio", "env": {"A": "b"},'))
    codex.write_text(codex.read_text() + 'startup_timeout_sec = 30\n\n[mcp_servers.mem0lite.env]\nA = "b"\n')
    for assistant in ASSISTANTS:
        install(assistant, "--db", home / "new.db")
        assert str(home / "new.db") in entry(home / SERVERS[assistant][0])
    assert json.loads(claude.read_text())["mcpServers"]["mem0lite"]["env"] == {"A": "b"}
    ours = tomllib.loads(codex.read_text())["mcp_servers"]["mem0lite"]
    assert (ours["startup_timeout_sec"], ours["env"]) == (30, {"A": "b"})
    hooks = json.loads((home / ".claude" / "settings.json").read_text())["hooks"]
    assert [len(hooks[event]) for event in hooks] == [1, 1]
    for assistant in ASSISTANTS:
        install(assistant, "--remove")
    assert not files(home)


def test_a_server_at_an_address_is_not_replaced(install, home):
    """An entry with a URL is somebody's own: it is an error, and another name goes beside it."""
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").write_text('{"mcpServers": {"mem0lite": {"url": "http://x/mcp"}}}')
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('[mcp_servers.mem0lite]\nurl = "http://x/mcp"\n')
    before = files(home)
    for assistant in ("cursor", "codex"):
        assert "--name" in install(assistant, code=2).err
    assert files(home) == before
    install("cursor", "--name", "local memory")
    install("codex", "--name", "local memory")
    assert entry(home / ".cursor" / "mcp.json", "local memory") == entry(
        home / ".codex" / "config.toml", "local memory"
    )
    install("codex", "--name", "local memory", "--remove")
    assert tomllib.loads((home / ".codex" / "config.toml").read_text())["mcp_servers"] == {
        "mem0lite": {"url": "http://x/mcp"}
    }


def test_opencode_two_has_servers_in_a_place_of_their_own(install, home):
    """A file that has ``mcp.servers`` gets ours there; a server of that name in an older file is none."""
    file = home / ".config" / "opencode" / "opencode.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"mcp": {"servers": {"a": {"type": "local", "command": ["x"]}}}}')
    install("opencode")
    assert set(json.loads(file.read_text())["mcp"]["servers"]) == {"a", "mem0lite"}
    file.write_text('{"mcp": {"servers": {"type": "local", "command": ["x"]}}}')
    install("opencode")
    assert set(json.loads(file.read_text())["mcp"]) == {"servers", "mem0lite"}


@pytest.mark.parametrize(
    ("assistant", "name", "text", "message"),
    [
        ("claude-code", ".claude.json", '{"mcpServers": {', "line 1"),
        ("claude-code", ".claude/settings.json", '{\n"hooks": [}', "line 2"),
        ("claude-code", ".claude/settings.json", '{"hooks": {"Stop": {}}}', "hooks.Stop must be a list"),
        ("claude-code", ".claude.json", '{"mcpServers": []}', "mcpServers must be an object"),
        ("claude-code", ".claude.json", "[]", "must be an object"),
        ("codex", ".codex/config.toml", "model = \n", "line 1"),
        ("codex", ".codex/config.toml", 'mcp_servers = { a = { command = "x" } }\n', "changed safely"),
        ("codex", ".codex/config.toml", "mcp_servers = 3\n", "must be a table"),
        ("codex", ".codex/hooks.json", "nonsense", "line 1"),
        ("cursor", ".cursor/mcp.json", "{'a': 1}", "double quotes"),
        ("opencode", ".config/opencode/opencode.json", '{"mcp": {"a": }}', "a value is expected"),
        ("cursor", ".cursor/mcp.json", b"\xff\xfe{\x00}\x00", "UTF-8"),
    ],
)
def test_a_broken_file_is_refused(assistant, name, text, message, home):
    """The error names the file and the place, and nothing is written, not even into the assistant's other file."""
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    before = files(home)
    commands = installing.Commands("mem0lite", ["mem0lite", "mcp"], lambda what: f"mem0lite hook {what} {assistant}")
    for act in (installing.changes, installing.install):
        with pytest.raises(ConfigurationError, match=message) as refused:
            act(assistant, installing.Place(home, None, {}), commands)
        assert str(home / name) in str(refused.value)
    assert files(home) == before


def test_a_broken_file_fails_the_command(run: Run, home):  # noqa: F811
    """The command ends with 2, and says which file it is, where, and that nothing was written."""
    (home / ".claude.json").write_text('{"a": 1,\n"b" 2}')
    done = run("install", "claude-code", HOME=str(home), USERPROFILE=str(home), CLAUDE_CONFIG_DIR="")
    refused = done.stderr
    assert done.returncode == 2
    assert f"{home}/.claude.json cannot be changed: line 2, column 5: a colon is expected." in refused
    assert "Nothing was written." in refused
    assert [*files(home)] == [".claude.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither these permissions nor these links")
def test_permissions_and_links_stay(install, home, tmp_path):
    """A file that only its owner may read stays so, and a link stays a link to the file that is changed."""
    file = home / ".claude.json"
    file.write_text("{}")
    file.chmod(0o600)
    (tmp_path / "dotfiles.json").write_text("{}\n")
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").symlink_to(tmp_path / "dotfiles.json")
    install("claude-code")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (home / ".claude" / "settings.json").is_symlink()
    assert "hook keep" in (tmp_path / "dotfiles.json").read_text()
    install("claude-code", "--remove")
    assert (home / ".claude" / "settings.json").is_symlink()
    assert (tmp_path / "dotfiles.json").read_text() == "{}\n"
    assert sorted(path.name for path in home.rglob("*.partial")) == []


def test_a_change_by_somebody_else_is_not_overwritten(home):
    """A file that changed since it was read is not written."""
    (home / ".claude.json").write_text("{}")
    place = installing.Place(home, None, {})
    commands = installing.Commands("mem0lite", ["mem0lite", "mcp"], None)
    [change] = installing.changes("claude-code", place, commands)
    (home / ".claude.json").write_text('{"numStartups": 1}')
    with pytest.raises(TimeoutError, match="meanwhile"):
        installing.write(change)
    assert (home / ".claude.json").read_text() == '{"numStartups": 1}'
    installing.install("claude-code", place, commands)
    assert json.loads((home / ".claude.json").read_text())["numStartups"] == 1


def test_an_unknown_assistant_is_refused(install):
    """The error lists those that are known; a store in memory would keep nothing."""
    assert "'opencode'" in install("emacs", code=2).err
    assert "keeps nothing" in install("codex", "--db", ":memory:", code=2).err
    with pytest.raises(ConfigurationError, match="claude-code, codex, cursor, opencode"):
        installing.changes("emacs", installing.Place(Path(), None, {}), installing.Commands("a", ["b"], None))


# -- the two formats

VALUES = ["x", 'q"\\', "// no", "/* }", "é\u2028", 7, -2.5, True, None, {}, [], {"a": [1, {"b": "]"}]}]


def documents() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield objects, and texts that hold them in all kinds of formatting."""
    chance = random.Random(19)
    blanks = ["", " ", "\n", "\n\t", "/* c, } */", ' // c, "x\n', "\r\n  "]

    def blank() -> str:
        return chance.choice(blanks)

    def written(value: Any) -> str:
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
        named = [(json.dumps(key) + blank() + ":" + blank()) for key in value] if isinstance(value, dict) else []
        inner = list(value.values()) if isinstance(value, dict) else value
        parts = [
            blank() + (named[number] if named else "") + written(one) + blank() for number, one in enumerate(inner)
        ]
        end = "," + blank() if parts and chance.random() < 0.3 else ""
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + ",".join(parts) + end + blank() + closing

    for number in range(60):
        value = {key: chance.choice(VALUES) for key in chance.sample("abcde", number % 5)}
        yield value, written(value)
        yield value, json.dumps(value, indent=number % 5)
        yield value, json.dumps(value, indent="\t").replace("\n", "\r\n") + "\r\n"


def comments(text: str) -> list[str]:
    return [one for one in ("/* c, } */", ' // c, "x') for _ in range(text.count(one))]


def test_json_changes_in_one_place_only():
    """A value is put and dropped in every formatting; what is read is right, and every comment is still there."""
    for value, text in documents():
        assert jsonc.parse(text).value == value
        for path in (["new"], ["a"], ["new", "deeper", "leaf"]):
            put = jsonc.put(text, path, {"x": [1]})
            expected = {**value, path[0]: {"x": [1]} if len(path) == 1 else {"deeper": {"leaf": {"x": [1]}}}}
            assert jsonc.parse(put).value == expected
            assert jsonc.put(put, path, {"x": [1]}) == put
            if path[0] not in value:
                assert comments(put) == comments(text)
                dropped = jsonc.drop(put, path)
                assert jsonc.parse(dropped).value == value
                assert comments(dropped) == comments(text)
                assert "\n" not in text.strip() or dropped == text or not value or comments(text)
        for key in value:
            assert jsonc.parse(jsonc.drop(text, [key])).value == {one: value[one] for one in value if one != key}


TOML = [
    "",
    "# only\n",
    'a = 1\n[mcp_servers]\n[mcp_servers.x]\nb = """\n[y]\n"""\n',
    "a = [\n  '[mcp_servers.mem0lite]', # ]\n]\n\n[[things]]\nb = { c = \"}\" }\n[things.mem0lite]\nd = 1\n",
    "[a]\r\nb = 'x' # c\r\n",
    "['mcp_servers'.\"other name\"]\ncommand = 'x'",
]


@pytest.mark.parametrize("text", TOML, ids=range(len(TOML)))
def test_toml_changes_in_one_place_only(text):
    """A table is put and dropped; everything else stays as it was."""
    table, values = ("mcp_servers", "mem0lite"), {"command": 'C:\\x "y"\x7f', "args": ["a", "é"]}
    put = toml.put(text, table, values)
    expected = toml.parse(text)
    expected.setdefault("mcp_servers", {})["mem0lite"] = values
    assert toml.parse(put) == expected
    assert put.startswith(text)
    assert toml.put(put, table, values) == put
    assert toml.drop(put, table).rstrip("\r\n") == text.rstrip("\r\n")


def test_json_that_is_none_is_refused():
    """An error says where the text is no JSON."""
    for text in (
        "{",
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        '{"a": tru}',
        "{,}",
        "[1,,2]",
        '{"a": "\\x"}',
        "{} {}",
        "",
        "[" * 9999,
    ):
        with pytest.raises(ConfigurationError):
            jsonc.parse(text)
    assert sys.getrecursionlimit() < 9999
