"""Answers and verbs as others' schemas: pydantic's of every shape, FastAPI's responses, agent frameworks' tools."""

import asyncio
import inspect
import json
import typing
from pathlib import Path
from typing import Any

import client_environments
import pydantic
import pydantic_core
import pytest
from embedder import HashEmbedder
from fastapi import FastAPI
from scripted_model import ScriptedModel
from serving import served_by
from test_async import VERBS
from typing_extensions import is_typeddict

import mem0lite
from mem0lite import AsyncMemory, Memory, types
from mem0lite import memory as memory_module
from mem0lite.graph import extractor
from mem0lite.server import Settings, create_app

SHAPES = [
    one
    for module in (types, memory_module, extractor)
    for one in vars(module).values()
    if is_typeddict(one) and f"{one.__module__}.".startswith(f"{module.__name__}.")
]
SCRIPTS = Path(__file__).parent / "integrations"


def returned(verb: str) -> Any:
    """Return what a verb is annotated to return, as pydantic reads it."""
    return pydantic.TypeAdapter(typing.get_type_hints(getattr(Memory, verb))["return"])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_pydantic_makes_a_schema_of_every_shape(shape: Any) -> None:
    """Each TypedDict, also of what verbs take, has a validator and a JSON schema with all its keys."""
    schema = pydantic.TypeAdapter(shape).json_schema()
    assert set(schema["properties"]) == set(typing.get_type_hints(shape))
    assert set(schema.get("required", ())) == shape.__required_keys__


def everything(memory: Memory, folder: Path) -> dict[str, Any]:
    """Call every verb that answers, with what makes it answer the most; return the answers by verb."""
    answers: dict[str, Any] = {}

    def tell(verb: str, *arguments: Any, **options: Any) -> Any:
        answers.setdefault(verb, []).append(answer := getattr(memory, verb)(*arguments, **options))
        return answer

    turns = [
        {"role": "user", "name": "Al", "content": "Deploying the API requires Docker. Docker uses Linux"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]},
    ]
    category = {"memory_category": "procedure"}
    added = tell("add", turns, user_id="al", metadata=category)
    tell("add", turns, user_id="al", metadata=category)
    tell("add", "gone", user_id="al", ttl=0, infer=False)
    tell("add_many", [{"messages": "green tea " * 2_000, "user_id": "al", "agent_id": "b"}])
    memory_id = added["results"][0]["id"]
    tell("update", memory_id, metadata={"k": 1})
    tell("update_many", [{"memory_id": memory_id, "expiration_date": "2999-12-31"}])
    tell("feedback", memory_id, "POSITIVE", "true")
    tell("search", "Docker", user_id="al", explain=True, rerank=True, threshold=0)
    tell("search", "Docker", user_id="nobody")
    tell("context", "Docker", user_id="al", rerank=True)
    tell("context", "Docker", user_id="al", max_tokens=1)
    tell("get", memory_id)
    tell("get", "unknown")
    tell("get_all", user_id="al", relations=True, show_expired=True)
    tell("graph", user_id="al")
    tell("graph", user_id="al", format="mermaid")
    tell("history", memory_id)
    tell("entities")
    tell("events")
    tell("event", added["event_id"])
    tell("event", "unknown")
    tell("changes")
    tell("stats")
    tell("usage", "al")
    tell("extract")
    tell("summary", user_id="al")
    tell("update_project", {"custom_instructions": "x"})
    tell("get_project")
    tell("reindex_graph", dry_run=True)
    export = tell("create_memory_export", {"properties": {"memory": {}}}, {"user_id": "al"})
    tell("get_memory_export", export["id"])
    webhook = tell("create_webhook", "https://example.org/hook")
    tell("get_webhooks")
    tell("update_webhook", webhook["webhook_id"], is_active=False)
    tell("deliver_webhooks")
    tell("delete_webhook", webhook["webhook_id"])
    key = tell("create_key", label="x", user_id="al", ttl=60)
    tell("get_keys")
    tell("revoke_key", key["id"])
    tell("revoke_all_keys")
    tell("check")
    tell("backup", folder / "copy.db")
    tell("copy", folder / "copy.db", folder / "copied.db")
    tell("restore", folder / "copy.db", folder / "restored.db")
    tell("reembed", folder / "restored.db", embedder=HashEmbedder())
    tell("export", folder / "lines.jsonl")
    with Memory(folder / "other.db", embedder=HashEmbedder()) as other:
        other.add("blue car", user_id="bo")
        with served_by(create_app(other, Settings(vacuum_interval_seconds=0))) as client:
            tell("import_from_mem0", str(client.base_url))
    tell("import_", folder / "lines.jsonl")
    tell("delete", memory_id)
    tell("delete_many", [])
    tell("delete_all", user_id="bo")
    tell("vacuum")
    tell("erase", user_id="al")
    tell("reset")
    tell("close")
    return answers


def test_real_answers_of_every_verb_are_what_its_annotation_says(tmp_path: Path) -> None:
    """pydantic reads each answer by its verb's annotation, and finds in it no key that is not declared."""
    memory = Memory(
        tmp_path / "agent.db",
        embedder=HashEmbedder(),
        graph_categories=["procedure"],
        reranker=lambda query, documents: [0.5 for _ in documents],
        llm=ScriptedModel(),
    )
    answers = everything(memory, tmp_path)
    assert sorted(answers) == VERBS
    for verb, given in answers.items():
        for answer in given:
            assert returned(verb).validate_python(answer) == answer, verb
            json.dumps(returned(verb).dump_python(answer, mode="json", warnings="error"))


def test_fastapi_answers_with_what_verbs_return(memory: Memory) -> None:
    """As response models their types describe what is sent, with every key that is there."""
    app = FastAPI()
    asynchronous = AsyncMemory(memory)

    @app.post("/memories")
    def add(text: str, user_id: str) -> types.AddResult:
        return memory.add(text, user_id=user_id)

    @app.get("/search")
    async def search(query: str, user_id: str) -> types.SearchResult:
        return await asynchronous.search(query, user_id=user_id, threshold=0, explain=True)

    app.get("/memories/{memory_id}", response_model=types.MemoryItem | None)(memory.get)
    app.get("/memories/{memory_id}/history")(memory.history)
    with served_by(app) as client:
        added = client.post("/memories", params={"text": "red apple", "user_id": "u"}).json()
        memory_id = added["results"][0]["id"]
        [hit] = client.get("/search", params={"query": "apple", "user_id": "u"}).json()["results"]
        assert hit == memory.search("apple", user_id="u", threshold=0, explain=True)["results"][0]
        assert client.get(f"/memories/{memory_id}").json() == memory.get(memory_id)
        assert client.get(f"/memories/{memory_id}/history").json() == memory.history(memory_id)
        document = client.get("/openapi.json").json()
    assert "score" in document["components"]["schemas"]["SearchHit"]["required"]
    asyncio.run(asynchronous.close())


def test_text_is_an_id_and_never_the_absence_of_one(memory: Memory) -> None:
    """A model that resets a user of the name of the default removes nobody else's memories; without ids it may."""
    reset = pydantic.validate_call(memory.reset)
    memory.add("red apple", user_id="u")
    reset(user_id="UNSET", agent_id="UNSET")
    assert memory.get_all(user_id="u")["total"] == 1
    with pytest.raises(mem0lite.ValidationError, match="None"):
        reset(user_id=None)
    reset(user_id="u")
    assert memory.get_all(user_id="u")["total"] == 0
    memory.add("red apple", user_id="u")
    reset()
    assert memory.get_all(user_id="u")["total"] == 0


def test_a_tool_updates_an_expiration_date_only_when_it_is_given(memory: Memory) -> None:
    """The default as a tool's parameters show it leaves the date as it is, null clears it, a date is a date."""
    update = pydantic.TypeAdapter(memory.update)
    given: dict[str, Any] = update.json_schema()["properties"]["expiration_date"]
    [added] = memory.add("red apple", user_id="u", expiration_date="2998-01-01")["results"]
    for value, expected in [(given["default"], "2998-01-01"), ("2999-12-31", "2999-12-31"), (None, None)]:
        arguments = {"memory_id": added["id"], "metadata": {"k": 1}, "expiration_date": value}
        update.validate_json(json.dumps(arguments))
        assert memory.get(added["id"]).get("expiration_date") == expected
        update.validate_python(pydantic_core.ArgsKwargs((), arguments))
        assert memory.get(added["id"]).get("expiration_date") == expected


@pytest.mark.parametrize("script", ["tools_pydantic_ai.py", "tools_openai_agents.py", "tools_mcp.py"])
def test_every_verb_is_a_tool(tmp_path: Path, script: str) -> None:
    """Frameworks take each verb of both classes as a tool with all its parameters, and their agents call them.

    A call that leaves an argument out leaves things as they are: a corrected memory keeps its expiration date.
    """
    python = client_environments.python_of(client_environments.needed("tools"))
    offline = [python, str(SCRIPTS / "offline.py"), str(SCRIPTS / script), str(tmp_path / "agent.db"), *VERBS]
    finished = client_environments.run(offline, tmp_path, PYTHONPATH=str(client_environments.ROOT))
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert "NETWORK" not in finished.stderr
    assert "PydanticJsonSchemaWarning" not in finished.stderr
    told = json.loads(finished.stdout)
    for name, schema in told["schemas"].items():
        kind, verb = name.split(".")
        signature = inspect.signature(getattr(getattr(mem0lite, kind), verb))
        assert set(schema["properties"]) == set(signature.parameters) - {"self"}, name
    assert len(told["schemas"]) == 2 * len(VERBS)
    for name, schema in told.get("returned", {}).items():  # only MCP tells clients what comes back
        assert schema is not None, name
    for found, _, item in told["answers"]:
        assert "peanuts" in str(found) or "nuts" in str(found)
        assert "I am allergic to all nuts" in str(item)
        assert "2999-12-31" in str(item)
