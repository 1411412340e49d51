"""Packages that make ``MemoryClient(api_key=…)`` and name no host, unpatched: of a server, and answered from a file.

The scripts in ``integrations/hosted`` are a user's: they know mem0 alone. ``unpatched.py`` runs them after the two
lines that the guide names; whatever reaches for another host fails. What a package makes of an answer is what is
checked: where it swallows an error it finds nothing, and what was kept is looked up in the store itself.
"""

import json

import client_environments
import pytest
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-a-key-of-the-form-they-check"
SCRIPTS = client_environments.ROOT / "tests" / "integrations"

ALLERGY = "I am allergic to peanuts"
BICYCLE = "My bicycle is green"


@pytest.fixture(params=["url", "path"])
def run(request, model, tmp_path):
    """Return a function that runs a script of an environment, and gives what it printed and what is kept, by user."""

    def finished(environment, script, where):
        arguments = [SCRIPTS / "unpatched.py", request.param, where, SCRIPTS / "hosted" / script]
        command = [client_environments.python_of(client_environments.needed(environment)), *map(str, arguments)]
        variables = {"MEM0_API_KEY": KEY, "PYTHONPATH": str(client_environments.ROOT), "OTEL_SDK_DISABLED": "true"}
        done = client_environments.run(command, tmp_path, **variables)
        assert done.returncode == 0, done.stderr[-4000:]
        assert "NETWORK" not in done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def on_a_server(environment, script):
        with Memory(":memory:", embedder=model) as memory:
            app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
            with served_by(app) as client:
                return finished(environment, script, str(client.base_url).rstrip("/")), kept(memory)

    def on_a_file(environment, script):
        path = tmp_path / "agent.db"
        printed = finished(environment, script, str(path))
        with Memory(path, embedder=model) as memory:
            return printed, kept(memory)

    return on_a_server if request.param == "url" else on_a_file


def kept(memory: Memory) -> list[tuple[str | None, str]]:
    """Return everything that is kept: whose it is, and the text."""
    everything = {"OR": [{name: "*"} for name in ("user_id", "agent_id", "app_id", "run_id")]}
    return sorted((one["user_id"], one["memory"]) for one in memory.get_all(filters=everything, top_k=100)["results"])


def test_agno(run):
    """Agno's Mem0Tools with a key add, search, list and delete, each user apart."""
    printed, left = run("hosted-0.1", "agno_tools.py")
    assert printed == {
        "added": ["ADD"],
        "found": ALLERGY,
        "listed": ['{"drinks": "tea"}'],
        "deleted": "Successfully deleted all memories for user_id: bob.",
        "left": [],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


def test_autogen(run):
    """AutoGen's Mem0Memory, which is in the cloud by default, adds, finds, hands over to the model and clears."""
    printed, left = run("hosted-0.1", "autogen_memory.py")
    assert printed == {
        "found": [ALLERGY, "autogen", True],
        "for_the_model": True,
        "of_the_cleared_user": [1, 0],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


def test_camel(run):
    """CAMEL's Mem0Storage saves, loads and clears the records of its agents."""
    printed, left = run("hosted-0.1", "camel_storage.py")
    assert printed == {
        "loaded": [ALLERGY, BICYCLE],
        "metadata": ["camel", "camel"],
        "of_the_cleared_user": [1, 0],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


def test_strands_tools(run):
    """The mem0_memory tool of strands-agents-tools does all of its six actions."""
    printed, left = run("hosted-0.1", "strands_tool.py")
    assert printed == {
        "found": [ALLERGY, "strands", True],
        "listed": [ALLERGY, BICYCLE],
        "got": ALLERGY,
        "history": ["ADD"],
        "of_the_other_user": ["I drink tea", 0],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


def test_mcp_server(run):
    """Every tool of mem0's MCP server works: add, search, list, get, change, delete one, all, and a user."""
    printed, left = run("hosted-2", "mcp_server.py")
    assert printed == {
        "found": [ALLERGY, "mcp"],
        "page": [2, 1],
        "changed": ["I drink tea", "I drink green tea"],
        "entities": ["alice", "mem0-mcp"],
        "left": ["alice"],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


def test_haystack(run):
    """Haystack's memory store adds, searches, and lists by its filters, also by runs that it is not of."""
    printed, left = run("hosted-2", "haystack_store.py")
    kitchen = [ALLERGY, "I will remember it"]
    assert printed == {
        "added": kitchen,
        "found": [ALLERGY, "haystack"],
        "listed": [*kitchen, BICYCLE],
        "of_one_run": [BICYCLE],
        "not_of_these_runs": kitchen,
        "by_metadata": kitchen,
    }
    assert left == [("alice", text) for text in (*kitchen, BICYCLE)]


def test_agent_framework(run):
    """Microsoft's Agent Framework remembers what was said in its app, and puts it before the model for that user."""
    printed, left = run("hosted-2", "agent_framework_provider.py")
    assert printed == {"first": [], "remembered": [True], "runs_before": True, "of_another_user": []}
    assert ("alice", ALLERGY) in left


def test_praisonai(run):
    """PraisonAI's memory keeps what users say, finds it for each of them, and deletes one."""
    printed, left = run("hosted-0.1", "praisonai_memory.py")
    assert printed == {
        "found": [[ALLERGY, "praisonai"]],
        "searched": [BICYCLE],
        "of_the_other_user": ["I drink tea", True, []],
    }
    assert left == [("alice", ALLERGY), ("alice", BICYCLE)]


@pytest.mark.clients
def test_crewai(run):
    """CrewAI's Mem0Storage saves and searches for a user and for a run, and sets the project's categories."""
    printed, left = run("crewai", "crewai_storage.py")
    assert printed == {
        "found": [ALLERGY, "external", "crewai"],
        "all": ["A good colour", ALLERGY, BICYCLE],
        "of_the_run": ["The soup is hot"],
    }
    assert left == [("alice", text) for text in ("A good colour", ALLERGY, BICYCLE, "The soup is hot")]


@pytest.mark.clients
def test_pipecat(run):
    """Pipecat's service keeps the texts of a conversation with images, and puts them before the model later."""
    printed, left = run("pipecat", "pipecat_service.py")
    said = [ALLERGY, BICYCLE, "Which food must I avoid with my allergy?"]
    assert printed == {"first": [], "later": [True], "of_another_user": [], "listed": said}
    assert left == [*(("alice", text) for text in said), ("bob", "What am I allergic to?")]
