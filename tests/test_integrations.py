"""Frameworks that import mem0 themselves, on a real file through mem0lite.compat: no key, no network, nothing faked.

mem0ai is installed beside them, as it is for their users, and must not be what they get.
"""

import json
from pathlib import Path

import client_environments
import pytest

from mem0lite import Memory

SCRIPTS = Path(__file__).parent / "integrations"

ALLERGY = "I am allergic to peanuts"
BICYCLE = "My bicycle is green"


@pytest.fixture(scope="module")
def environment():
    return client_environments.needed("frameworks")


@pytest.fixture
def run(environment, tmp_path):
    """Return a function that runs a script on a file and gives what it printed, and Alice's texts in that file."""

    def run(script):
        path = tmp_path / "agent.db"
        offline = [client_environments.python_of(environment), str(SCRIPTS / "offline.py")]
        finished = client_environments.run(
            [*offline, str(SCRIPTS / script), str(path)], tmp_path, PYTHONPATH=str(client_environments.ROOT)
        )
        assert finished.returncode == 0, finished.stderr[-4000:]
        assert "NETWORK" not in finished.stderr
        with Memory(path) as memory:
            found = memory.search("Which food must she avoid?", user_id="alice", threshold=0)["results"]
        return json.loads(finished.stdout), [item["memory"] for item in found], finished.stderr

    return run


def test_autogen(run):
    """AutoGen's Mem0Memory adds, finds, hands over to the model and clears, each user apart, in the file."""
    printed, found, _ = run("autogen_memory.py")
    assert printed == {
        "found": [ALLERGY, "autogen", True],
        "for_the_model": f"\nRelevant memories:\n1. {ALLERGY}",
        "of_the_cleared_user": 0,
    }
    assert found == [ALLERGY, BICYCLE]


def test_agno(run):
    """Agno's Mem0Tools add, search, list and delete, each user apart, in the file."""
    printed, found, _ = run("agno_mem0_tools.py")
    assert printed == {
        "added": ["ADD"],
        "found": ALLERGY,
        "listed": ['{"drinks": "tea"}'],
        "deleted": "Successfully deleted all memories for user_id: bob.",
        "left": [],
    }
    assert found == [ALLERGY, BICYCLE]


def test_langgraph(run):
    """A LangGraph agent recalls through mem0.Memory what its user said, not another's, and remembers both sides."""
    printed, found, _ = run("langgraph_nodes.py")
    question, recalled = "Which food must I avoid with my allergy?", f"I remember: {ALLERGY}"
    assert printed == {"answers": ["Tell me more.", recalled, "Tell me more."], "tagged": 4}
    assert sorted(found) == sorted([ALLERGY, "Tell me more.", question, recalled])


def test_llamaindex(run):
    """LlamaIndex's Mem0Memory, configured for other models, remembers a chat for a later one, and is told so."""
    printed, found, warned = run("llamaindex_memory.py")
    recipes = "I will keep peanuts out of your recipes"
    assert printed["history"] == [ALLERGY, recipes, BICYCLE]
    assert ALLERGY in printed["for_the_model"]
    assert sorted(found) == sorted(printed["history"])
    assert "CompatibilityWarning" in warned
    assert "llm" in warned
    assert "sk-secret" not in warned


def test_strands(run):
    """The memory store of mem0-strands keeps facts with their metadata and turns, and finds them, in the file."""
    printed, found, _ = run("strands_memory_store.py")
    assert printed == {"found": [[ALLERGY, 3, "strands"]]}
    assert found == [ALLERGY, BICYCLE]
