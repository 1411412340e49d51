"""How the tests are run: the longest first, and coverage measured where it says something new."""

import os
import sys
from collections import Counter
from pathlib import Path

import coverage
from conftest import COVERAGE_OF_PROCESSES, MEASURED, MEASURED_CASES, is_harness, unmeasured


def test_coverage_pauses_and_goes_on(monkeypatch, tmp_path):
    """In the block nothing is measured, in this process or in one that it starts; after it everything is again."""
    monkeypatch.setenv(COVERAGE_OF_PROCESSES, "a configuration")
    measuring = coverage.Coverage(data_file=tmp_path / "data", config_file=False)
    measuring.start()
    try:
        with unmeasured():
            assert coverage.Coverage.current() is None
            assert sys.gettrace() is None
            assert COVERAGE_OF_PROCESSES not in os.environ
        assert coverage.Coverage.current() is measuring
        assert sys.gettrace() is not None
        assert COVERAGE_OF_PROCESSES in os.environ
    finally:
        measuring.stop()


def test_harnesses_run_first(request):
    """No harness runs after another test."""
    others = [not is_harness(item) for item in request.session.items]
    assert others == sorted(others)


def test_what_is_measured_runs_first_in_its_file(request):
    """In no file is a test measured after one that is not: coverage has lost the file's threads by then."""
    files: dict[Path, list[bool]] = {}
    for item in request.session.items:
        if not is_harness(item):
            files.setdefault(item.path, []).append(item.stash.get(MEASURED, False))
    assert all(measured == sorted(measured, reverse=True) for measured in files.values())


def test_some_cases_of_every_other_test_are_measured(request):
    """Coverage measures one case of each test or a few, and none of a harness."""
    measured: Counter[str] = Counter()
    harnesses = set()
    for item in request.session.items:
        test = item.nodeid.partition("[")[0]
        measured[test] += item.stash.get(MEASURED, False)
        if is_harness(item):
            harnesses.add(test)
    assert all(measured[test] == 0 for test in harnesses)
    assert all(1 <= measured[test] <= MEASURED_CASES for test in measured.keys() - harnesses)
