"""A store on PostgreSQL without the extra that it needs."""

import subprocess
import sys
from pathlib import Path

import embedder

PROGRAM = """
import sys
sys.modules["psycopg"] = None  # as if it were not installed
from embedder import HashEmbedder
from mem0lite import DependencyError, Memory
try:
    Memory("postgresql://127.0.0.1/none", embedder=HashEmbedder())
except DependencyError as error:
    print(error)
with Memory(":memory:", embedder=HashEmbedder()) as memory:
    print([name for name in sys.modules if name.startswith("mem0lite.store.postgres.")])
"""


def test_without_the_extra_the_error_says_what_to_install():
    """Where psycopg is missing, a URL is refused with the command that installs it; a file needs nothing of it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(embedder.__file__).parent, check=True, capture_output=True, text=True
    )
    error, loaded = done.stdout.splitlines()
    assert error.endswith("Install it: pip install 'mem0lite[postgres]'")
    assert "mem0lite.store.postgres.database" not in loaded
