"""What type checkers say of programs that use mem0lite: one as users of mem0 write it, one that names its types."""

import json
import subprocess
import sys
from pathlib import Path

import client_environments
import pytest

import mem0lite

ROOT = Path(mem0lite.__file__).parent.parent
PROGRAMS = sorted(map(str, (Path(__file__).parent / "typing").glob("*.py")))


def test_mypy_finds_nothing() -> None:
    """In its strict mode mypy lets answers pass for dictionaries, for lists of them and for the shapes they have.

    What it must find is marked in the programs, and a mark that is not needed is an error as well.
    """
    checked = subprocess.run([sys.executable, "-m", "mypy", *PROGRAMS], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_pyright_finds_nothing(tmp_path: Path) -> None:
    """In its strict mode pyright lets answers pass for dictionaries, for lists of them and for the shapes they have."""
    environment = client_environments.needed("npm-pyright")
    settings = {
        "include": PROGRAMS,
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,  # they are mypy's
        "reportUnnecessaryTypeIgnoreComment": True,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = ["node", str(environment / "node_modules" / "pyright" / "index.js"), "--pythonpath", sys.executable]
    checked = client_environments.run([*pyright, "--project", str(tmp_path)], tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: Path(program).stem)
def test_the_programs_run(program: str, tmp_path: Path) -> None:
    """What the checkers are shown is what happens."""
    ran = client_environments.run([sys.executable, program], tmp_path, PYTHONPATH=str(ROOT))
    assert ran.returncode == 0, ran.stderr
