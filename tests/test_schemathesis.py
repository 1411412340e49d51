"""Requests made up from the OpenAPI document, valid and invalid ones, in schemathesis's four phases.

``MEM0LITE_TEST_EXAMPLES=1000 pytest -s tests/test_schemathesis.py`` makes a larger run, and
``MEM0LITE_TEST_SEED`` repeats one.
"""

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app

EXAMPLES = int(os.environ.get("MEM0LITE_TEST_EXAMPLES") or 10)
SEED = int(os.environ.get("MEM0LITE_TEST_SEED") or random.randrange(10**6))

EXCLUDED = (
    "negative_data_rejection",  # as mem0's server does, ours reads "1" as a number, and takes no offence at more fields
    "positive_data_acceptance",  # a schema cannot say that one of three ids is needed, or that an id has no spaces
)


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_made_up_requests_find_nothing(tmp_path: Path) -> None:
    """No request is answered 5xx, every answer has a documented status, type and shape, and none is without its key."""
    settings = Settings.from_environment({"MEM0LITE_API_KEYS": "secret", "MEM0LITE_VACUUM_INTERVAL_SECONDS": "0"})
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
            *(f"{client.base_url}/openapi.json", "--url", str(client.base_url), "--header", "X-API-Key: secret"),
            *("--seed", str(SEED), "--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"),
            *("--exclude-checks", ",".join(EXCLUDED), "--generation-database", "none"),
            *("--generation-with-security-parameters", "false"),
        ]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        still_there = client.get("/health/ready").status_code
    print(f"seed {SEED}:", *re.findall(r"^ *\d+ generated.*$", run.stdout, re.MULTILINE))  # noqa: T201
    assert run.returncode == 0, run.stdout + run.stderr
    assert still_there == 200
