"""mem0's own Python clients, as published, against a server with a language model."""

import client_environments
import pytest
from client_environments import PYTHON_CLIENTS, SCRIPTS
from embedder import HashEmbedder
from scripted_model import ScriptedModel
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-clients-own-key"


@pytest.mark.parametrize("version", PYTHON_CLIENTS)
def test_an_add_of_mem0s_client_is_pending_and_then_done(version, tmp_path):
    """The client gets its answer before the model, as from mem0; the event says when the facts are there, and a search
    finds what was said once. What the client asks of the model reaches it."""
    environment = client_environments.needed("mem0ai", version)
    model = ScriptedModel(
        lambda turns: [{"fact": "alice likes tea", "turns": [turns[0]["turn"]], "categories": ["drinks"]}]
    )
    with (
        Memory(tmp_path / "agent.db", embedder=HashEmbedder(), llm=model, extract_later=True) as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))) as client,
    ):
        url = str(client.base_url).rstrip("/")
        script = [client_environments.python_of(environment), str(SCRIPTS / "facts_client.py"), url, KEY]
        seen = client_environments.outcomes(script, tmp_path)
        [fact] = memory.get_all(user_id="alice", kinds="facts")["results"]
    added = seen["added"]
    if isinstance(added, dict):
        assert added["status"] == "PENDING"
    outcomes = added if isinstance(added, list) else added["results"]
    assert [(one["event"], one["memory"]) for one in outcomes] == [("ADD", "I like tea")]
    assert seen["statuses"][-1] == "SUCCEEDED"
    assert [one["event"] for one in seen["event"]["results"]] == ["ADD", "ADD"]
    assert (fact["memory"], fact["metadata"]) == ("alice likes tea", {"categories": ["drinks"]})
    assert len(seen["found"]) == 1
    assert "What one drinks" in model.asked[0]
    if (profiles := seen["profiles"]) is not None:
        assert (profiles["made"]["status"], profiles["job"]["job"]["succeeded"]) == ("succeeded", 1)
        assert (profiles["profile"]["profile"], profiles["profile"]["generation_count"]) == ("alice likes tea", 1)
        assert profiles["sampled"]["entity_ids"] == ["alice"]
        assert profiles["updated"] == profiles["settings"] and profiles["settings"]["enabled"]
