"""How large a harness is: a small share in each run, the full size with ``pytest -m soak``."""

from typing import Any

import pytest


def sizes(always: Any, *on_request: Any) -> list[Any]:
    """Return the values of ``@pytest.mark.parametrize``: the first for every run, the others marked ``soak``.

    All are marked ``harness``.
    """
    harness, soak = pytest.mark.harness, pytest.mark.soak
    return [pytest.param(always, marks=harness), *(pytest.param(size, marks=[harness, soak]) for size in on_request)]
