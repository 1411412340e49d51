"""Options that only files have are refused for a database, rather than ignored."""

import pytest
from embedder import HashEmbedder

from mem0lite import ConfigurationError, Memory

pytest.importorskip("psycopg")


@pytest.mark.parametrize(("option", "value"), [("checksums", True), ("durability", "normal")])
def test_options_of_files_are_refused(option, value):
    """Before anything connects, the error names the option and what to use instead."""
    with pytest.raises(ConfigurationError, match=f"^{option}: "):
        Memory("postgresql://nobody@db.invalid/memories", embedder=HashEmbedder(), **{option: value})


def test_a_database_can_acknowledge_sooner(postgresql):
    """The option that the error names works: it is the server's own, given in the URL."""
    with Memory(f"{postgresql}?options=-csynchronous_commit%3Doff", embedder=HashEmbedder()) as memory:
        memory.add("tea", user_id="u")
        assert memory.get_all(user_id="u")["total"] == 1
