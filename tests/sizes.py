"""How large a harness is: a small share in each run, the full size with ``pytest -m soak``."""

from typing import Any

import pytest


def sizes(always: Any, *on_request: Any) -> list[Any]:
    """Return the values of ``@pytest.mark.parametrize``: the first for every run, the others marked ``soak``."""
    return [always, *(pytest.param(size, marks=pytest.mark.soak) for size in on_request)]
