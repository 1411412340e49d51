"""Requests made up from the OpenAPI document, valid and invalid ones, in schemathesis's four phases.

At least 2,000 in each run. ``pytest -s -m soak tests/test_schemathesis.py`` makes more than 50,000, in about half
an hour, and ``MEM0LITE_TEST_SEED`` repeats a run.
"""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from embedder import HashEmbedder
from serving import served_by
from sizes import sizes

from mem0lite import Memory
from mem0lite.server import Settings, create_app

EXCLUDED = (
    "negative_data_rejection",  # as mem0's server does, ours reads "1" as a number, and takes no offence at more fields
    "positive_data_acceptance",  # a schema cannot say that one of three ids is needed, or that an id has no spaces
)
EXAMPLES = {
    2_000: 10,
    50_000: 1_200,
}  # of each operation in the fuzzing phase; the coverage phase makes 3,400 in any case
STAYS = (
    "GET /memories/{memory_id}",  # as mem0's server does, ours answers 200 and null for a memory that is gone
    "GET /memories/{memory_id}/history",  # a history stays when its memory is deleted
    "GET /v1/memories/{memory_id}/history/",
)  # what may be read after a deletion
ALLOWED = "checks.use_after_free.enabled = false"
NOT_HERE = "hosted: not available"  # whose operations answer 501, which is what is looked for elsewhere
SURFACES = {"/memories", "/search", "/v1/memories/", "/v3/memories/search/"}  # of both, some paths


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
@pytest.mark.parametrize("count", sizes(2_000, 50_000))
def test_made_up_requests_find_nothing(tmp_path: Path, seed: int, count: int) -> None:
    """No request is answered 5xx, every answer has a documented status, type and shape, and none is without its key."""
    settings = Settings.from_environment({"MEM0LITE_API_KEYS": "secret", "MEM0LITE_VACUUM_INTERVAL_SECONDS": "0"})
    categories = ["skill_procedural", "informational"]
    config = tmp_path / "schemathesis.toml"
    config.write_text("".join(f'[[operations]]\ninclude-name = "{one}"\n{ALLOWED}\n' for one in STAYS))
    with (
        Memory(":memory:", embedder=HashEmbedder(), graph_categories=categories) as memory,
        served_by(create_app(memory, settings)) as client,
    ):
        documented = client.get("/openapi.json").json()["paths"]
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(config), "run"),
            *(f"{client.base_url}/openapi.json", "--url", str(client.base_url), "--header", "X-API-Key: secret"),
            *("--seed", str(seed), "--max-examples", str(EXAMPLES[count]), "--continue-on-failure", "--no-color"),
            *("--exclude-checks", ",".join(EXCLUDED), "--generation-database", "none"),
            *("--generation-with-security-parameters", "false"),
            *("--exclude-tag", NOT_HERE),
        ]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        still_there = client.get("/health/ready").status_code
    output = f"seed {seed}\n{run.stdout}{run.stderr}"
    print(f"seed {seed}:", *re.findall(r"^ *\d+ generated.*$", run.stdout, re.MULTILINE))  # noqa: T201
    assert run.returncode == 0, output
    assert still_there == 200
    assert documented.keys() >= SURFACES
    assert {one.split()[1] for one in STAYS} <= documented.keys()
    operations = sum(NOT_HERE not in one["tags"] for item in documented.values() for one in item.values())
    assert (number(r"Tested: (\d+)", output), operations) == (operations, operations), output
    assert number(r"^ *(\d+) generated", output) >= count, output


def number(pattern: str, text: str) -> int:
    """Return the number that a pattern finds in schemathesis's summary, 0 when there is none."""
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else 0
