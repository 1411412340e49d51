"""A part of the one suite on PostgreSQL, in every run of the tests; ``pytest --store postgres`` runs all of it, with
more examples."""

import subprocess
import sys
from pathlib import Path

import backends
import pytest

TESTS = Path(__file__).parents[2]
SELECTED = (
    "store/test_contract.py",
    "store/test_queue.py",
    "test_events_changes.py",
    "test_filters.py",
    "test_keys.py",
    "test_lifetimes.py",
    "test_quotas.py",
    "test_sources.py",
    "test_update_delete.py",
)
"""What any store must do, and capabilities in which one database may differ from another."""


@pytest.mark.harness
def test_the_contract_and_main_capabilities_hold_on_postgresql(request):
    """What is tested on a file passes on PostgreSQL, unchanged."""
    if reason := backends.no_postgres():
        pytest.skip(reason)
    if backends.chosen(request.config) == "postgres":
        pytest.skip("this run is on PostgreSQL itself")
    command = [sys.executable, "-m", "pytest", "--store", "postgres", "-q", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile", "few", f"--hypothesis-seed={request.config.option.hypothesis_seed}"]
    done = subprocess.run(
        [*command, *(str(TESTS / name) for name in SELECTED)],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=1_800,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
