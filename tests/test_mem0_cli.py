"""mem0's own command line, as published, works against this server: every command that reads or writes memories.

Each command runs as a process of its own, told the server by the environment variables its users set. It has no
command for histories.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import client_environments
import httpx
import pytest
from client_environments import CLI
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-command-line-key"
ALICES_KEY = "m0-alices-key"
UNKNOWN = "00000000-0000-4000-8000-000000000000"

Command = Callable[..., "CompletedProcess[str]"]
Asked = Callable[..., Any]


@pytest.fixture(scope="module")
def environment() -> Path:
    return client_environments.needed("mem0-cli", CLI)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Memory, httpx.Client]]:
    """A memory and a client of a server on it; one key for everything, one for alice."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        keys = (ApiKey(KEY), ApiKey(ALICES_KEY, "alice"))
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=keys))) as client:
            yield memory, client


@pytest.fixture
def store(served: tuple[Memory, httpx.Client]) -> Memory:
    """The served memory, empty at the start of each test."""
    served[0].reset()
    return served[0]


@pytest.fixture
def mem0(environment: Path, served: tuple[Memory, httpx.Client], store: Memory, tmp_path: Path) -> Command:
    """Return what runs a command."""
    url = str(served[1].base_url).rstrip("/")

    def run(*arguments: str, key: str = KEY) -> "CompletedProcess[str]":
        command = [client_environments.python_of(environment), "-m", "mem0_cli", *arguments]
        return client_environments.run(command, tmp_path, MEM0_API_KEY=key, MEM0_BASE_URL=url)

    return run


@pytest.fixture
def asked(mem0: Command) -> Asked:
    """Return what runs a command and returns the data of the JSON document it prints for programs."""

    def run(*arguments: str, **options: str) -> Any:
        finished = mem0("--json", *arguments, **options)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        document = json.loads(finished.stdout)
        assert document["status"] == "success"
        return document["data"]

    return run


def memories(store: Memory, **scope: Any) -> set[str]:
    """Return the texts of a user's memories, by default of everything."""
    everything = {"filters": {"OR": [{"user_id": "*"}, {"run_id": "*"}]}}
    return {item["memory"] for item in store.get_all(**scope or everything)["results"]}


def test_status_says_connected(asked):
    """The command that checks a connection finds the server."""
    assert asked("status")["connected"] is True


def test_a_wrong_key_is_told_as_such(mem0):
    """A key that the server does not know ends the command before it does anything."""
    finished = mem0("list", "-u", "alice", key="wrong")
    assert finished.returncode == 1
    assert "Invalid or expired API key" in finished.stderr


def test_nothing_is_written_into_the_users_settings(mem0, tmp_path):
    """The command line keeps, with the key beside it, an address that the server tells; this one tells none."""
    assert mem0("status").returncode == 0
    assert not (tmp_path / ".mem0" / "config.json").exists()


def test_add_stores_a_memory(asked, store):
    """A text with its options becomes a memory of all the ids that were given."""
    options = ["-u", "alice", "--agent-id", "helper", "--app-id", "desk", "--run-id", "r1"]
    [added] = asked("add", "I drink green tea", *options, "--metadata", '{"topic": "tea"}', "--expires", "2999-01-01")
    assert (added["memory"], added["event"]) == ("I drink green tea", "ADD")
    item = store.get(added["id"])
    assert item is not None
    assert [item[name] for name in ("user_id", "agent_id", "app_id", "run_id")] == ["alice", "helper", "desk", "r1"]
    assert (item["metadata"], item["expiration_date"]) == ({"topic": "tea"}, "2999-01-01")


def test_add_stores_a_conversation(asked, store):
    """Messages given as JSON are stored one by one without inference."""
    said = [{"role": "user", "content": "Where do I live?"}, {"role": "assistant", "content": "In Graz"}]
    added = asked("add", "--messages", json.dumps(said), "-u", "alice", "--no-infer")
    assert [one["memory"] for one in added] == ["Where do I live?", "In Graz"]
    assert memories(store, user_id="alice") == {"Where do I live?", "In Graz"}


def test_add_says_that_it_is_done(mem0):
    """A person reads that the memory was added, not that it is queued."""
    finished = mem0("add", "I drink green tea", "-u", "alice")
    assert "Memory processed" in finished.stdout
    assert "Added" in finished.stdout


def test_add_without_an_id_is_refused(mem0, store):
    """A memory that would belong to nobody is not stored, and the server's sentence reaches the person."""
    finished = mem0("add", "Whose is this?")
    assert finished.returncode == 1
    assert "user_id" in finished.stdout + finished.stderr
    assert memories(store) == set()


def test_list_shows_the_users_memories(asked, store):
    """One user's live memories are listed, page by page."""
    for text in ("I drink tea", "My bicycle is red", "I sing"):
        store.add(text, user_id="alice", infer=False)
    store.add("Not hers", user_id="bob")
    store.add("Sale ended", user_id="alice", expiration_date="2000-01-01")
    assert {one["memory"] for one in asked("list", "-u", "alice")} == {"I drink tea", "My bicycle is red", "I sing"}
    assert len(asked("list", "-u", "alice", "--page", "2", "--page-size", "2")) == 1
    assert len(asked("list", "-u", "alice", "--show-expired")) == 4


def test_list_selects_by_category_and_date(asked, store):
    """Categories are those in the metadata; dates bound when a memory was made."""
    store.add("I drink tea", user_id="alice", metadata={"categories": ["food", "habits"]}, timestamp="2024-05-01")
    store.add("I ride", user_id="alice", metadata={"categories": ["sport"]}, timestamp="2025-05-01")
    [found] = asked("list", "-u", "alice", "--category", "food")
    assert (found["memory"], found["categories"]) == ("I drink tea", ["food", "habits"])
    assert {one["memory"] for one in asked("list", "-u", "alice", "--after", "2025-01-01")} == {"I ride"}
    assert {one["memory"] for one in asked("list", "-u", "alice", "--before", "2025-01-01")} == {"I drink tea"}


def test_list_is_shown_as_a_table(mem0, store):
    """A person sees the memories in a table."""
    store.add("I drink tea", user_id="alice")
    assert "I drink tea" in mem0("list", "-u", "alice").stdout


def test_search_returns_the_best_first(asked, store):
    """The nearest memories come back with their scores, as many as asked for."""
    store.add("I drink green tea", user_id="alice")
    store.add("I drink coffee", user_id="alice")
    [found] = asked("search", "green tea", "-u", "alice", "-k", "1")
    assert found["memory"] == "I drink green tea"
    assert 0 < found["score"] <= 1


def test_search_by_several_ids_wants_all_of_them(asked, store):
    """Two ids select what has both; the command sends them AND-ed."""
    store.add("I drink green tea", user_id="alice", app_id="desk")
    store.add("I drink green tea too", user_id="alice")
    [found] = asked("search", "green tea", "-u", "alice", "--app-id", "desk")
    assert found["memory"] == "I drink green tea"


def test_search_takes_a_filter(asked, store):
    """A filter written by hand selects by metadata, either of two users."""
    store.add("I drink green tea", user_id="alice", metadata={"cups": 2})
    store.add("I drink green tea", user_id="bob", metadata={"cups": 5})
    either = {"AND": [{"OR": [{"user_id": "alice"}, {"user_id": "bob"}]}, {"cups": {"gt": 3}}]}
    assert len(asked("search", "green tea", "--filter", json.dumps(either))) == 1


def test_search_refuses_an_unknown_operator(mem0, store):
    """A filter that cannot be understood is an error that names the operator."""
    finished = mem0("search", "tea", "--filter", '{"AND": [{"user_id": "alice"}, {"cups": {"regex": "2"}}]}')
    assert finished.returncode == 1
    assert "regex" in finished.stderr


def test_get_shows_one_memory(asked, mem0, store):
    """A memory is found by its id; one that is not there is an error."""
    [added] = store.add("I drink tea", user_id="alice", metadata={"cups": 2})["results"]
    found = asked("get", added["id"])
    assert (found["memory"], found["metadata"]) == ("I drink tea", {"cups": 2})
    assert mem0("get", UNKNOWN).returncode == 1
    assert "not a UUID" in mem0("get", "nope").stderr


def test_update_changes_text_metadata_and_date(asked, store):
    """What is given changes, the rest stays; the changed memory is shown."""
    [added] = store.add("I drink tea", user_id="alice", metadata={"cups": 2})["results"]
    assert asked("update", added["id"], "I drink coffee")["memory"] == "I drink coffee"
    assert asked("update", added["id"], "--expires", "2999-01-01")["expiration_date"] == "2999-01-01"
    asked("update", added["id"], "--metadata", '{"cups": 3}')
    item = store.get(added["id"])
    assert item is not None
    assert (item["memory"], item["metadata"], item["expiration_date"]) == (
        "I drink coffee",
        {"cups": 3},
        "2999-01-01",
    )


def test_update_of_nothing_is_refused(mem0, store):
    """An update without anything to change is an error."""
    [added] = store.add("I drink tea", user_id="alice")["results"]
    assert mem0("update", added["id"]).returncode == 1


def test_delete_removes_one_memory(asked, mem0, store):
    """A memory is deleted by its id, once."""
    [added] = store.add("I drink tea", user_id="alice")["results"]
    assert asked("delete", added["id"], "--force")["deleted"] is True
    assert store.get(added["id"]) is None
    assert mem0("delete", added["id"], "--force").returncode == 1


def test_delete_all_removes_one_users_memories(asked, store):
    """All memories of a user go, nobody else's."""
    store.add("Hers", user_id="alice")
    store.add("His", user_id="bob")
    asked("delete", "--all", "-u", "alice", "--force")
    assert memories(store) == {"His"}


def test_delete_all_without_an_id_deletes_nothing(mem0, store):
    """Forgetting to name a user deletes nobody's memories."""
    store.add("Hers", user_id="alice")
    assert mem0("delete", "--all", "--force").returncode == 1
    assert memories(store) == {"Hers"}


def test_delete_of_the_whole_project_is_for_a_key_of_everything(asked, mem0, store):
    """``--project`` deletes every memory, also those that lack some id; a user's key may not."""
    store.add("Hers", user_id="alice", app_id="desk")
    store.add("A run's", run_id="r1")
    assert mem0("delete", "--all", "--project", "--force", key=ALICES_KEY).returncode == 1
    assert memories(store) == {"Hers", "A run's"}
    asked("delete", "--all", "--project", "--force")
    assert memories(store) == set()


def test_entities_are_listed_by_type(asked, store):
    """Users, agents, apps and runs that have memories are listed, each in its own list."""
    store.add("Ours", user_id="alice", agent_id="helper", app_id="desk", run_id="r1")
    store.add("His", user_id="bob")
    names = {
        kind: {one["name"] for one in asked("entity", "list", kind)} for kind in ("users", "agents", "apps", "runs")
    }
    assert names == {"users": {"alice", "bob"}, "agents": {"helper"}, "apps": {"desk"}, "runs": {"r1"}}


def test_an_entity_is_deleted_with_its_memories(asked, store):
    """Deleting a user deletes what is his."""
    store.add("Hers", user_id="team/alice")
    store.add("His", user_id="bob")
    asked("entity", "delete", "-u", "team/alice", "--force")
    assert memories(store) == {"His"}


def test_events_are_listed(asked, store):
    """Each add is an event that succeeded, newest first."""
    first = store.add("I drink tea", user_id="alice")["event_id"]
    second = store.add("I sing", user_id="alice")["event_id"]
    listed = asked("event", "list")
    assert [one["id"] for one in listed[:2]] == [second, first]
    assert {one["status"] for one in listed[:2]} == {"SUCCEEDED"}


def test_an_events_status_shows_its_memories(asked, mem0, store):
    """An event tells what became of its messages, to programs and to people; an unknown one is an error."""
    added = store.add("I drink tea", user_id="alice")
    [result] = added["results"]
    found = asked("event", "status", added["event_id"])
    assert found["results"] == [{"id": result["id"], "event": "ADD", "user_id": "alice", "memory": "I drink tea"}]
    assert "I drink tea" in mem0("event", "status", added["event_id"]).stdout
    assert mem0("event", "status", UNKNOWN).returncode == 1


def test_import_reads_a_file_of_memories(asked, store, tmp_path):
    """A file that another tool exported is added memory by memory."""
    file = tmp_path / "memories.json"
    file.write_text(json.dumps([{"memory": "I drink tea"}, {"text": "I sing", "metadata": {"n": 1}}, {}]))
    assert asked("import", str(file), "-u", "alice") == {"added": 2, "failed": 1}
    assert memories(store, user_id="alice") == {"I drink tea", "I sing"}


def test_defaults_are_read_from_the_environment(environment, served, store, tmp_path):
    """Ids that are set once for the session are those of every command."""
    command = [client_environments.python_of(environment), "-m", "mem0_cli", "--json", "add", "I drink tea"]
    url = str(served[1].base_url).rstrip("/")
    variables = {"MEM0_API_KEY": KEY, "MEM0_BASE_URL": url, "MEM0_USER_ID": "alice", "MEM0_RUN_ID": "r1"}
    finished = client_environments.run(command, tmp_path, **variables)
    assert finished.returncode == 0, finished.stderr
    assert memories(store, user_id="alice", run_id="r1") == {"I drink tea"}


def test_a_users_key_reaches_that_users_memories_only(asked, mem0, store):
    """With a key of alice's, the command line lists hers and cannot read bob's."""
    store.add("Hers", user_id="alice")
    [his] = store.add("His", user_id="bob")["results"]
    assert {one["memory"] for one in asked("list", "-u", "alice", key=ALICES_KEY)} == {"Hers"}
    assert mem0("get", his["id"], key=ALICES_KEY).returncode == 1
    assert {one["name"] for one in asked("entity", "list", "users", key=ALICES_KEY)} == {"alice"}
