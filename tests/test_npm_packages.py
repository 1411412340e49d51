"""npm packages that use mem0, as published, work against this server: what they return, and what was kept.

They are driven once by ``clients/npm_packages.mjs`` in an environment of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import client_environments
import pytest
from client_environments import SCRIPTS
from serving import served_by

from mem0lite import LocalEmbedder, Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-npm-packages-own-key"

ALLERGY = "I am allergic to peanuts"
BICYCLE = "My bicycle is green"


@contextmanager
def played(environment: str, model: LocalEmbedder, home: Path, *packages: str) -> Iterator[dict[str, Any]]:
    """Give what the packages returned, and the memory they wrote into."""
    folder = client_environments.needed(environment)
    with Memory(":memory:", embedder=model) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
        with served_by(app) as client:
            url = str(client.base_url).rstrip("/")
            script = ["node", str(SCRIPTS / "npm_packages.mjs"), str(folder), url, KEY, *packages]
            yield {**client_environments.outcomes(script, home), "memory": memory}


@pytest.fixture(scope="module")
def run(model, tmp_path_factory) -> Iterator[dict[str, Any]]:
    with played("npm-packages", model, tmp_path_factory.mktemp("home"), "langchain", "vercel", "npm2") as outcome:
        yield outcome


def returned(run, package):
    """Return what a package returned; it must not have failed."""
    assert "failed" not in run[package], run[package]["failed"]
    return run[package]


def kept(run, user):
    return sorted(one["memory"] for one in run["memory"].get_all(user_id=user)["results"])


def texts(items):
    return sorted(one["memory"] for one in items)


def test_nothing_was_swallowed(run):
    """No package met an error that it printed and went on without memory."""
    assert run["errors"] == []


def test_langchain(run):
    """LangChain.js' memory, which is Flowise's too, saves both sides and loads all of them or what answers."""
    outcome = returned(run, "langchain")
    sides = sorted([ALLERGY, "I will remember it", BICYCLE, "A good colour"])
    assert kept(run, "langchain") == sides
    [all_of_it] = outcome["all"]
    assert sorted(all_of_it.splitlines()) == sides
    assert ALLERGY in outcome["found"][0]
    assert ALLERGY in outcome["asOneText"]
    assert outcome["ofAnother"] == []


def test_vercel_ai_provider(run):
    """The AI SDK's provider keeps the texts of messages with images and without content, and finds them."""
    outcome = returned(run, "vercel")
    assert kept(run, "vercel") == [ALLERGY, BICYCLE]
    assert outcome["found"][0]["memory"] == ALLERGY
    assert outcome["searched"]["results"][0]["memory"] == ALLERGY
    assert ALLERGY in outcome["forTheModel"]
    assert outcome["ofAnother"] == []


def test_the_client_before_version_3(run):
    """npm mem0ai 2.4 lists, pages, searches and deletes, also where it writes "[object Object]" for an empty object."""
    outcome = returned(run, "npm2")
    [added] = outcome["added"]
    assert (added["memory"], added["event"]) == (ALLERGY, "ADD")
    assert texts(outcome["all"]) == [ALLERGY, BICYCLE]
    assert texts(outcome["v2"]) == [ALLERGY, BICYCLE]
    assert (outcome["page"]["count"], len(outcome["page"]["results"])) == (2, 1)
    assert outcome["found"][0]["memory"] == ALLERGY
    assert texts(outcome["foundV2"]) == [ALLERGY]
    assert outcome["left"] == []


@pytest.mark.clients
def test_mastra(model, tmp_path):
    """Mastra's integration remembers a text line by line, and finds the line that answers, of its user alone."""
    with played("npm-mastra", model, tmp_path, "mastra") as run:
        outcome = returned(run, "mastra")
        assert kept(run, "mastra") == [ALLERGY, BICYCLE]
        assert ALLERGY in outcome["added"]
        assert ALLERGY in outcome["found"]
        assert outcome["ofAnother"] == ""
        assert run["errors"] == []
