"""Doors for agent frameworks, each through the real framework, in an environment that has it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import client_environments
import pytest

import mem0lite

DOORS = dict.fromkeys(
    [
        "agent_framework",
        "agno",
        "anthropic",
        "autogen",
        "google_adk",
        "langchain",
        "langgraph",
        "llama_index",
        "openai_agents",
        "pydantic_ai",
        "strands",
    ],
    "doors",
) | {"crewai": "doors-crewai"}
"""Each module of mem0lite.integrations, and the environment that has its framework."""

FRAMEWORKS = (
    *("agent_framework", "agents", "agno", "anthropic", "autogen_core", "crewai", "google"),
    *("langchain_core", "langgraph", "llama_index", "pydantic_ai", "strands"),
)
"""What the doors import."""
FOLDER = Path(__file__).parent / "integrations" / "doors"
MODULES = sorted(file.stem for file in (Path(mem0lite.__file__).parent / "integrations").glob("*.py"))


def test_every_door_is_tested_and_has_an_extra():
    """Each module has its line here, a file of tests, and an extra of its own name."""
    assert sorted({*MODULES} - {"__init__", "chats", "recall", "shelf"}) == sorted(DOORS)
    extras = tomllib.loads((client_environments.ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert {door.replace("_", "-") for door in DOORS} <= extras.keys()
    assert {f"test_{door}" for door in DOORS} == {file.stem for file in FOLDER.glob("test_*.py")}


@pytest.mark.parametrize("door", [*DOORS])
def test_a_door(door, tmp_path):
    """The door does what its framework asks of it, and what its tests beside that framework say."""
    python = client_environments.python_of(client_environments.needed(DOORS[door]))
    tests = [python, "-m", "pytest", "-q", "--noconftest", "-c", "/dev/null", "--rootdir", str(FOLDER), "-W", "error"]
    options = ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"), str(FOLDER / f"test_{door}.py")]
    path = os.pathsep.join(map(str, (client_environments.ROOT, client_environments.ROOT / "tests")))
    done = client_environments.run([*tests, *options], tmp_path, 900, PYTHONPATH=path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("door", [*DOORS])
def test_a_missing_framework_names_the_extra(door):
    """Without its framework a module raises DependencyError, which is an ImportError, with the command that helps."""
    code = (
        "import sys\n"
        "from mem0lite.errors import DependencyError\n"
        f"for name in {FRAMEWORKS}:\n"
        "    sys.modules[name] = None\n"
        "try:\n"
        f"    import mem0lite.integrations.{door}\n"
        "except DependencyError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert f'pip install "mem0lite[{door.replace("_", "-")}]"' in done.stdout
