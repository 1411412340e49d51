"""Where a language model is named: on a command line, in the environment, and in the settings of a server."""

import subprocess
import sys
from pathlib import Path

import pytest
from llm_server import model_server

from mem0lite import ConfigurationError, Memory
from mem0lite.cli import main
from mem0lite.environment import unread
from mem0lite.server import Settings

KEY = "sk-very-secret-0123456789"
VARIABLES = {"MEM0LITE_LLM_URL": "http://localhost:1", "MEM0LITE_LLM_MODEL": "m", "MEM0LITE_LLM_API_KEY": KEY}


def test_a_server_reads_its_variables() -> None:
    """The URL, the model and the key go to the Memory; nothing shows the key."""
    settings = Settings.from_environment(VARIABLES)
    assert settings.llm_name == "m at http://localhost:1"
    assert KEY not in repr(settings)
    with Memory(**{**settings.memory_arguments, "path": ":memory:"}) as memory:
        assert KEY not in repr(memory)
    assert Settings.from_environment({}).llm_name is None


@pytest.mark.parametrize(
    ("left_out", "changed", "field"),
    [
        ("MEM0LITE_LLM_URL", {}, "llm_model"),
        ("MEM0LITE_LLM_MODEL", {}, "llm_model"),
        ("", {"MEM0LITE_LLM_URL": "localhost:1"}, "llm_url"),
        ("", {"MEM0LITE_LLM_URL": f"http://{KEY}@localhost:1"}, "llm_url"),
        ("", {"MEM0LITE_LLM_API_KEY": f"{KEY} x"}, "llm_api_key"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(left_out: str, changed: dict[str, str], field: str) -> None:
    """The error names the setting, and shows no key."""
    given = {name: value for name, value in {**VARIABLES, **changed}.items() if name != left_out}
    with pytest.raises(ConfigurationError, match=f"^{field}: ") as caught:
        Settings.from_environment(given)
    assert KEY not in str(caught.value)


def test_a_setting_of_another_type_is_refused() -> None:
    """The error names the field."""
    with pytest.raises(ConfigurationError, match=r"^llm_url: "):
        Settings(llm_url=5)  # type: ignore[arg-type]


def test_a_misspelt_key_of_a_language_model_is_named() -> None:
    """It is no key of the server itself, which would be open without one."""
    [found] = unread({"MEM0LITE_LLM_APIKEY": KEY})
    assert found.meant == "MEM0LITE_LLM_API_KEY"
    assert not found.secret
    assert KEY not in str(found)


def test_the_server_says_where_it_sends_texts(tmp_path: Path) -> None:
    """The line with which it starts names the model and its URL, and not the key; without a model there is none."""
    command = [sys.executable, "-m", "mem0lite", "serve", "--db", str(tmp_path / "a.db"), "--port", "0"]
    with model_server([]) as server:
        for options, said in (
            (["--llm-url", server.url, "--llm-model", "llama3.2"], f"language model llama3.2 at {server.url}."),
            ([], None),
        ):
            environment = {**_environment(), **({"MEM0LITE_LLM_API_KEY": KEY} if options else {})}
            with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stderr is not None
                line = process.stderr.readline()
                process.terminate()
                rest = process.stderr.read()
            assert said in line if said else "language model" not in line, line
            assert KEY not in line + rest
        assert server.asked == []


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("MEM0LITE_LLM")}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--llm-url", "http://localhost:1"], "--llm-model: name the model"),
        (["--llm-url", "localhost", "--llm-model", "m"], "--llm-url: must begin with http"),
        (["--llm-model", "m"], "--llm-model: goes with the URL"),
        (["--url", "http://localhost:1", "--llm-model", "m"], "a server has its own language model"),
    ],
)
def test_a_command_names_its_options(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    """What is wrong is said in the words of the command line, and nothing is stored."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert main(["add", "I like tea", "--user", "u", *arguments]) in (1, 2)
    assert says in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_commands_that_only_read_need_no_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting does not keep a search from its file."""
    monkeypatch.chdir(tmp_path)
    with Memory("mem0lite.db") as memory:
        memory.add("I like tea", user_id="u")
    monkeypatch.setenv("MEM0LITE_LLM_URL", "nonsense")
    assert main(["search", "tea", "--user", "u"]) == 0
    assert main(["add", "I like tea", "--user", "u"]) != 0
