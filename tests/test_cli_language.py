"""Errors of the command line speak of its options and commands, never of Python's arguments and calls."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from embedder import HashEmbedder

from mem0lite import FilterError, Mem0LiteError, Memory, ValidationError
from mem0lite.cli import cli, main
from mem0lite.cli.language import LABEL_OPTIONS, NAMES, Failure, in_shell_words
from mem0lite.cli.options import Options

OWN = {
    *("--help", "-h", "--version", "--json", "--output", "--yes", "-y", "--url", "--all", "--graph", "--no-categories"),
    *("BACKUP", "PAGE", "DATA", "MODEL", "ASSISTANT", "WHAT"),
    *("--from", "--name", "--no-hooks", "--print", "--project", "--remove", "--wait"),
    *("--linked", "[NAME=VALUE]..."),
}
"""What no argument of the library is behind, so that no error of it can name it."""


def commands(group: click.Group = cli) -> Iterator[click.Command]:
    yield group
    for command in group.commands.values():
        yield from commands(command) if isinstance(command, click.Group) else [command]


def called(parameter: click.Parameter) -> list[str]:
    return [parameter.human_readable_name] if isinstance(parameter, click.Argument) else parameter.opts


def paths(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from paths(inner, [*path, name])


@pytest.mark.parametrize(("path", "command"), list(paths(cli, [])), ids=lambda value: str(value))
def test_blank_values_are_refused(refused: Any, path: list[str], command: click.Command) -> None:
    """No option or argument may be blank: an empty variable of a script would else mean another store."""
    if path == ["hook"]:
        pytest.skip("A hook says what is wrong and ends well: an error would stop the assistant.")
    before = Path("mem0lite.db").read_bytes()
    arguments: list[str] = []  # of those before a positional one, which all have to be there
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False):
            name = called(parameter)[0]
            for blank in ("", " \t"):
                given = [*arguments, blank] if isinstance(parameter, click.Argument) else [f"{name}={blank}"]
                assert refused(*path, *given).startswith(f"Invalid {name}: cannot be empty. Give a value")
            arguments += ["x"] * isinstance(parameter, click.Argument)
    assert Path("mem0lite.db").read_bytes() == before


def test_empty_variables_are_not_set(
    refused: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An environment variable that is empty counts as not set."""
    for name in ("MEM0LITE_DB", "MEM0LITE_EMBEDDING_MODEL", "MEM0LITE_API_KEY"):
        monkeypatch.setenv(name, "")
    assert main(["list"]) == 0
    assert "I like tea" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "x"], "'x' is not a whole number from 0 to 65535."),
        (["serve", "--port", "65536"], "'65536' is not a whole number from 0 to 65535."),
        (["serve", "--port", "1.5"], "'1.5' is not a whole number from 0 to 65535."),
        (["serve", "--vacuum-interval", "-1"], "'-1' is not a number, 0 or more."),
        (["serve", "--statement-timeout", "soon"], "'soon' is not a number, 0 or more."),
        (["add", "x", "--user", "a", "--ttl", "x"], "'x' is not a number."),
        (["search", "x", "--user", "a", "--top-k", "2.5"], "'2.5' is not a whole number."),
        (["list", "--limit", "many"], "'many' is not a whole number."),
        (["add", "x", "--user", "a", "--ttl", "-1"], "Invalid --ttl: -1 is negative."),
        (["add", "x", "--user", "a", "--ttl", "-1.5"], "Invalid --ttl: -1.5 is negative."),
        (["search", "x", "--user", "a", "--threshold", "2"], "Invalid --threshold: 2. Must"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_numbers_are_named_as_they_were_written(refused: Any, arguments: list[str], said: str) -> None:
    """What is not the number that an option needs is shown as written, with what it must be."""
    assert said in refused(*arguments)


def test_every_option_is_in_the_table() -> None:
    """An option that is added is one the library's errors can be said in, or one that they never name."""
    known = {name for names in NAMES.values() for name in names} | set(LABEL_OPTIONS.values())
    there = {name for command in commands() for parameter in command.params for name in called(parameter)}
    assert there - known - OWN == set()
    assert {name for name in known if not name.startswith("MEM0")} <= there
    assert not known & OWN


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command in a folder with a store, and returns its error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEM0LITE_DB", raising=False)
    with Memory("mem0lite.db") as memory:
        memory.add("I like tea", user_id="alice")
    Path("bad.jsonl").write_text('{"id": "x", "memory": "y", "user_id": "a b"}\n')
    Path("good.jsonl").write_text('{"id": "x", "memory": "y"}\n')

    def refused(*arguments: str) -> str:
        assert main(arguments) in (1, 2)
        return capfd.readouterr().err.partition("Error: ")[2].rstrip("\n")

    return refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "x"], "Give --user, --agent, --run or --app."),
        (["add", "x", "--user", ""], "Invalid --user: cannot be empty."),
        (["add", "x", "--agent", "a b"], "Invalid --agent: cannot contain whitespace."),
        (["add", "x", "--run", "a\x01"], "Invalid --run: cannot contain control characters."),
        (["add", "x", "--app", "*"], "Invalid --app: '*' "),
        (["add", " ", "--user", "a"], "Invalid TEXT: "),
        (["add", "x\udcff", "--user", "a"], "Invalid TEXT: character 1 is not UTF-8. Give UTF-8 text."),
        (["add", "x", "--user", "a", "--tag", "\udcff"], "Invalid --tag: character 0 is not UTF-8."),
        (["add", "x", "--user", "a", "--metadata", '{"a": {"b": [1e999]}}'], "Invalid a.b[0] in --metadata: "),
        (
            ["add", "x", "--user", "a", "--metadata", '{"memory_lifespan": 1}'],
            "Invalid memory_lifespan in --metadata: ",
        ),
        (["add", "x", "--user", "a", "--expires", "soon"], "--expires must be a valid date"),
        (["add", "x", "--user", "a", "--ttl", "nan"], "Invalid --ttl: "),
        (["add", "x", "--user", "a", "--timestamp", "soon"], "Invalid --timestamp: 'soon' is not an instant."),
        (["search", "x"], 'Give --user, --agent, --run or --app, or ids in --filter \'{"user_id": "u1"}\'.'),
        (["search", "", "--user", "a"], "Invalid QUERY: "),
        (["search", "x", "--user", "*"], "Invalid --user: '*' … --filter '{\"user_id\": \"*\"}'"),
        (["search", "x", "--user", "a", "--top-k", "-1"], "Invalid --top-k: -1."),
        (["search", "x", "--user", "a", "--threshold", "7"], "Invalid --threshold: 7."),
        (["search", "x", "--user", "a", "--reference-date", "soon"], "Invalid --reference-date: 'soon'"),
        (["search", "x", "--filter", '{"user_id": "a b"}'], "Invalid user_id in --filter: cannot contain whitespace."),
        (
            ["search", "x", "--user", "a", "--filter", '{"created_at": {"gt": "soon"}}'],
            "Invalid created_at in --filter: ",
        ),
        (["search", "x", "--user", "a", "--filter", '{"AND": 5}'], "Invalid 'AND' in --filter: takes a list"),
        (
            ["search", "x", "--user", "a", "--filter", '{"metadata": 5}'],
            'Invalid … Write {"metadata": {"key": value}}.',
        ),
        (["graph", "--depth", "9"], "Invalid --depth: 9."),
        (["graph", "--limit", "-1"], "Invalid --limit: -1."),
        (["graph", "--entity", ""], "Invalid --entity: "),
        (["list", "--limit", "-1"], "Invalid --limit: -1."),
        (["list", "--offset", "-1"], "Invalid --offset: -1."),
        (["list", "--after", "x"], "Invalid --after: not a cursor"),
        (["list", "--after", "x", "--offset", "2"], "Give either --after or --offset, not both."),
        (["list", "--model", "nowhere"], "'nowhere' is neither … https://"),
        (["delete", "--user", "a b", "--yes"], "Invalid --user: "),
        (["delete", "--user", "*", "--yes"], "Invalid --user: '*' cannot be an id. --all means everybody."),
        (["list", "--user", "*"], "Invalid --user: '*' cannot be an id. To mean any id, use --filter '"),
        (["guide", "nope"], "The guide has no page 'nope'. Its pages are getting-started, "),
        (["guide", "serch"], "The guide has no page 'serch'. Did you mean search?"),
        (["erase", "--run", "a b", "--yes"], "Invalid --run: "),
        (["backup", "."], "TARGET: '.' is a folder."),
        (["restore", "mem0lite.db"], " … exists already. Give another --db, or --replace."),
        (["export", "mem0lite.db"], "Invalid FILE: mem0lite.db is the store itself."),
        (["import", "bad.jsonl"], "bad.jsonl, line 1: Invalid user_id: cannot contain whitespace."),
        (["import", "bad.jsonl", "--user", "a"], "bad.jsonl, line 1: Invalid user_id: cannot contain whitespace."),
        (["import", "good.jsonl", "--user", "a b"], "Invalid --user: cannot contain whitespace."),
        (["import", "--from-mem0", ""], "Invalid --from-mem0: cannot be empty."),
        (["import", "--from-mem0", "ftp://x"], "Invalid --from-mem0: 'ftp://x' must be a URL"),
        (["import", "--from-mem0", ".", "--api-key", "k"], "--api-key is for a server. Give its URL as --from-mem0"),
        (["import", "--from-mem0", "http://x", "--history-db", "h"], "--history-db is for a folder"),
        (["import", "--from-mem0", "http://x", "--api-key", "ü"], "Invalid --api-key: "),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "backslashreplace").decode() if isinstance(value, list) else "",
)
def test_an_error_names_the_option(refused: Any, arguments: list[str], said: str) -> None:
    """What is wrong with an option's value is said of the option, and the cure in what can be typed."""
    first, *more = said.split(" … ")
    error = refused(*arguments)
    assert error.startswith(first)
    assert [words for words in more if words not in error] == []


def test_a_file_of_another_model_names_the_command(refused: Any, tmp_path: Path) -> None:
    """The cure of a file that another model embedded is reembed, as a command that can be copied."""
    with Memory("other.db", embedder=HashEmbedder()) as memory:
        memory.add("x", user_id="a")
    error = refused("list", "--db", "other.db")
    assert "mem0lite reembed --db" in error
    assert "Memory.reembed" not in error


GRAPH = "reindex_graph(categories=…) or: mem0lite reindex --graph"
CASES = [
    ("search", ValidationError("Give user_id=."), "Give --user."),
    ("search", ValidationError("Say filters={'user_id': '*'}."), 'Say --filter \'{"user_id": "*"}\'.'),
    ("search", ValidationError("Set show_expired=True to see it."), "Set --show-expired to see it."),
    ("search", ValidationError("Invalid query: 'top_k=5 user_id' is odd"), "Invalid QUERY: 'top_k=5 user_id' is odd"),
    ("search", ValidationError("/a/user_id/x is gone, nobody's user_id"), "/a/user_id/x is gone, nobody's --user"),
    ("list", ValidationError("Invalid top_k: too many"), "Invalid --limit: too many"),
    ("search", ValidationError("Invalid limit: too many"), "Invalid --top-k: too many"),
    ("get", ValidationError("Invalid memory_id: empty"), "Invalid ID: empty"),
    ("get", ValidationError("Invalid top_k: no option of it"), "Invalid top_k: no option of it"),
    ("serve", Mem0LiteError("give a larger statement_timeout."), "give a larger --statement-timeout."),
    ("list", Mem0LiteError("give a larger statement_timeout."), "give a larger MEM0LITE_STATEMENT_TIMEOUT_SECONDS."),
    ("list", Mem0LiteError("Open it once without read_only."), "Run the command once where the file can be written."),
    ("list", Mem0LiteError("See get_all() or reset()."), "See `mem0lite list` or `mem0lite delete --all`."),
    ("list", Mem0LiteError("Run Memory.reembed('x', embedder=…)."), "Run `mem0lite reembed`."),
    ("stats", Mem0LiteError(f"by {GRAPH}"), "by mem0lite reindex --graph"),
    ("search", FilterError("Invalid filters: too deep"), "Invalid --filter: too deep"),
]


@pytest.mark.parametrize(("name", "error", "said"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_words_of_the_library_become_words_of_the_shell(name: str, error: Mem0LiteError, said: str) -> None:
    """Arguments and calls that the command has another word for are said in it; what users wrote stays as it is."""
    command = cli.commands[name]

    def fail() -> None:
        raise error

    failing = type(command)(name=name, params=command.params, callback=fail)
    with click.Context(failing, parent=click.Context(cli, obj=Options())) as context, pytest.raises(Failure) as caught:
        failing.invoke(context)
    assert caught.value.message == said


def test_what_is_said_of_data_keeps_its_fields() -> None:
    """A problem in a source's memory names the source's fields, and its cure the shell's options."""
    with click.Context(cli.commands["import"], parent=click.Context(cli)):
        told = in_shell_words("Invalid user_id: empty. Give it with history_db=.", of_data=True)
    assert told == "Invalid user_id: empty. Give it with --history-db."


def test_json_of_a_filter_can_be_typed(refused: Any) -> None:
    """The filter that an error proposes is one that the option takes."""
    [proposed] = re.findall(r"--filter '(.*?)'", refused("search", "x"))
    assert json.loads(proposed) == {"user_id": "u1"}
