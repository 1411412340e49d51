"""The stores that the tests can run on: ``pytest --store NAME``, by default ``sqlite``.

A second backend joins with one line in BACKENDS: a function of an empty folder that returns where a new, empty store
is, as ``Memory`` and ``open_store`` take it. What it sets up (a database, a schema) it takes down with
``request.addfinalizer``. The tests of tests/ and tests/store/ then run on it. What only a file has is tested in
tests/store/sqlite/, which other stores skip.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

Location = Path | str
_ONLY_FILES = Path(__file__).parent / "store" / "sqlite"


def sqlite(folder: Path, request: pytest.FixtureRequest) -> Location:
    """A file that is not there yet."""
    return folder / "agent.db"


BACKENDS: dict[str, Callable[[Path, pytest.FixtureRequest], Location]] = {"sqlite": sqlite}


def add_option(parser: pytest.Parser) -> None:
    """Add ``--store``."""
    parser.addoption("--store", default="sqlite", metavar="NAME", help=f"run on: {', '.join(BACKENDS)}")


def chosen(config: pytest.Config) -> str:
    """Return the name of the store that a run is on. Raises UsageError for an unknown one."""
    name: str = config.getoption("--store")
    if name not in BACKENDS:
        raise pytest.UsageError(f"--store: there is no store {name!r}. Choose one of: {', '.join(BACKENDS)}.")
    return name


def skip_what_only_files_have(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Skip the tests of tests/store/sqlite/ where the run is on another store."""
    if (name := chosen(config)) != "sqlite":
        for item in items:
            if item.path.is_relative_to(_ONLY_FILES):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not a file"))
