"""Code written for mem0.Memory: its configurations, both its call styles, and the dictionaries it reads."""

import asyncio
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pydantic
import pytest

from mem0lite import AsyncMemory, ConfigurationError, DatabaseError, Memory, ModelNotFoundError
from mem0lite.mem0.configuration import CompatibilityWarning, read

BUNDLED = "sentence-transformers/all-MiniLM-L6-v2"
SECRET = "sk-do-not-show"


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    """Relative paths, and the default one, lead into a folder of the test's own."""
    monkeypatch.delenv("MEM0LITE_DB", raising=False)
    monkeypatch.chdir(tmp_path)


def store(provider="qdrant", **config):
    return {"vector_store": {"provider": provider, "config": config}}


def warned(config):
    """Return the text of the only warning that opening a configuration gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Memory.from_config(config).close()
    [warning] = caught
    assert warning.category is CompatibilityWarning
    assert warning.filename == __file__
    return str(warning.message)


@pytest.mark.parametrize(
    ("config", "file"),
    [
        ({}, "mem0lite.db"),
        ({"path": "agent.db"}, "agent.db"),
        ({"path": Path("agent")}, "agent"),
        ({"vector_store": {}}, "mem0lite.db"),
        ({"vector_store": {"provider": "qdrant"}}, "mem0lite.db"),
        ({"vector_store": {"provider": "qdrant", "config": None}}, "mem0lite.db"),
        (store(path="qdrant"), "qdrant.db"),
        (store(path="./qdrant/"), "qdrant.db"),
        (store(path=Path("qdrant")), "qdrant.db"),
        (store(path="data.v2", host=None, url=None), "data.v2.db"),
        (store(path="new/folders/qdrant", on_disk=True), "new/folders/qdrant.db"),
        (store("faiss", path="agent.sqlite", embedding_model_dims=1024), "agent.sqlite"),
        (store("chroma", path="agent.db", collection_name="mem0"), "agent.db"),
        (store("chroma", path="agent.db", collection_name="notes"), "agent.notes.db"),
        (store(path="qdrant", collection_name="../notes"), "qdrant...%2Fnotes.db"),
        (store(collection_name="notes"), "mem0lite.notes.db"),
        ({"embedder": {"provider": "huggingface", "config": {"model": BUNDLED}}}, "mem0lite.db"),
        ({"embedder": {"provider": "fastembed", "config": {"model": "all-MiniLM-L6-v2"}}}, "mem0lite.db"),
        ({"embedder": {"provider": "fastembed", "config": {"model": BUNDLED}}}, "mem0lite.db"),
        ({"embedder": {"provider": "fastembed"}}, "mem0lite.db"),
        ({"version": "v1.1", "llm": None, "graph_store": {}, "reranker": None, "path": "agent.db"}, "agent.db"),
    ],
)
def test_a_configuration_names_the_file(config, file, tmp_path):
    """What can be honoured is, without a warning: the store's path and collection become the file, folders are made."""
    with Memory.from_config(config) as memory:
        assert Path(memory.path).resolve() == tmp_path / file
    assert [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()] == [file]


def test_a_configuration_of_memory_is_private():
    """The path ``:memory:`` of either kind makes no file."""
    for config in ({"path": ":memory:"}, store(path=":memory:", collection_name="notes")):
        with Memory.from_config(config) as memory:
            assert memory.path == ":memory:"
    assert list(Path.cwd().iterdir()) == []


def test_collections_stay_apart(monkeypatch):
    """Two collections never share a file, also where the environment names it, and one is found again by its name."""
    monkeypatch.setenv("MEM0LITE_DB", "agent.db")
    for name in ("mem0", "notes", "mem0lite"):
        with Memory.from_config(store(collection_name=name)) as memory:
            memory.add(f"I am in {name}", user_id="alice")
    for name in ("mem0", "notes", "mem0lite"):
        with Memory.from_config(store(collection_name=name)) as memory:
            assert [one["memory"] for one in memory.get_all(user_id="alice")["results"]] == [f"I am in {name}"]
    assert {file.name for file in Path.cwd().iterdir()} == {"agent.db", "agent.notes.db", "agent.mem0lite.db"}


def test_the_files_of_mem0_are_left_alone():
    """Where mem0 has a folder of its own nothing in it changes, and the warning says what happens to it."""
    for path in (Path("qdrant"), Path("chroma.db")):
        (path / "collection").mkdir(parents=True)
        (path / "meta.json").write_text("{}")
        message = warned(store(path=str(path)))
        assert str(path) in message
        assert "import_from_mem0" in message
        assert sorted(str(one.relative_to(path)) for one in path.rglob("*")) == ["collection", "meta.json"]
        assert Path(f"{path}.db").is_file()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"llm": {"provider": "openai", "config": {"api_key": SECRET}}}, ["llm", "no language model"]),
        ({"graph_store": {"provider": "neo4j", "config": {"url": "bolt://db", "password": SECRET}}}, ["graph_store"]),
        ({"reranker": {"provider": "cohere", "config": {"api_key": SECRET}}}, ["reranker"]),
        ({"history_db_path": "/var/history.db"}, ["history_db_path", "memories' file"]),
        (
            {"custom_instructions": "Only facts", "custom_fact_extraction_prompt": "x"},
            ["custom_instructions", "prompt"],
        ),
        ({"custom_update_memory_prompt": "x", "custom_prompt": "x"}, ["custom_update_memory_prompt", "custom_prompt"]),
        ({"colour": SECRET}, ["colour", "unknown"]),
        ({"version": "v2"}, ["version", "v1.1"]),
        (store(url=f"https://{SECRET}@db", api_key=SECRET), ["url, api_key of qdrant", "mem0lite.db"]),
        (store("pgvector", host="db", port=5432, password=SECRET), ["host, port, password of pgvector"]),
        ({"path": "a.db", **store(path="qdrant")}, ["path of qdrant", "a.db"]),
        ({"vector_store": {"config": {"host": "db"}}}, ["host of the vector store"]),
        ({"embedder": {"provider": "openai", "config": {"api_key": SECRET}}}, ["embedder openai", "all-MiniLM-L6-v2"]),
        ({"embedder": {"provider": "huggingface", "config": {"model": "BAAI/bge-m3"}}}, ["embedder huggingface"]),
        ({"embedder": {"config": {"model": "text-embedding-3-small"}}}, ["the embedder"]),
    ],
)
def test_what_has_no_effect_is_named_once(config, named):
    """One warning names each part that has no effect, where the caller's line is, and shows no value of it."""
    message = warned(config)
    for part in named:
        assert part in message
    assert SECRET not in message


def test_the_warning_names_the_file_that_is_used(monkeypatch):
    """A remote store's memories are in the default file, which the warning names, also when the environment sets it."""
    monkeypatch.setenv("MEM0LITE_DB", "agent.db")
    assert "in the file agent.db" in warned(store("pgvector", host="db"))
    assert "in the file agent.notes.db" in warned(store("pgvector", host="db", collection_name="notes"))
    assert "in the file data/mem0.db" in warned(store(host="db", path="data/mem0"))


def test_a_whole_configuration_gives_one_warning():
    """A configuration as mem0's guides have them opens, with a single warning for all of it."""
    message = warned(
        {
            **store(host="localhost", port=6333, collection_name="mem0"),
            "llm": {"provider": "openai", "config": {"model": "gpt-5-mini", "api_key": SECRET}},
            "embedder": {"provider": "openai", "config": {"model": "text-embedding-3-small", "api_key": SECRET}},
            "graph_store": {"provider": "neo4j", "config": {"password": SECRET}},
            "history_db_path": "history.db",
            "version": "v1.1",
        }
    )
    for part in ("host, port of qdrant", "embedder openai", "graph_store", "history_db_path"):
        assert part in message
    assert "llm" not in message
    assert SECRET not in message
    assert "version" not in message


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (None, "config"),
        ("agent.db", "config"),
        ([store()], "config"),
        ({"vector_store": ["qdrant"]}, "vector_store"),
        ({"vector_store": "qdrant"}, "vector_store"),
        ({"vector_store": {"provider": 5}}, "vector_store.provider"),
        ({"vector_store": {"provider": "qdrant", "config": "qdrant"}}, "vector_store.config"),
        (store(path=5), "vector_store.config.path"),
        (store(path=" "), "vector_store.config.path"),
        (store(path="a\0b"), "vector_store.config.path"),
        (store(path="/"), "vector_store.config.path"),
        (store(path=".."), "vector_store.config.path"),
        (store(collection_name=["notes"]), "vector_store.config.collection_name"),
        ({"path": 5}, "config.path"),
        ({"embedder": "all-MiniLM-L6-v2"}, "embedder"),
        ({"embedder": {"provider": "fastembed", "config": {"model": 5}}}, "embedder.config.model"),
        ({"version": "v1.0"}, "version"),
    ],
)
def test_what_cannot_be_a_configuration_is_refused(config, field):
    """A value that would make another store than was meant is an error that names it, and makes no file."""
    with pytest.raises(ConfigurationError, match=rf"^{field}: "):
        Memory.from_config(config)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("suffix", ["", ".db"])
def test_a_path_that_no_file_can_have_is_named(suffix):
    """A path that the file system refuses is an error of this package, with the path and what is wrong with it."""
    with pytest.raises(DatabaseError, match=r"x\.db cannot be created: File name too long"):
        Memory.from_config(store(path="x" * 5_000 + suffix))


def test_the_constructor_points_to_from_config():
    """A configuration given to the constructor, where mem0 takes it, is an error that says where it goes."""
    with pytest.raises(ConfigurationError, match="from_config"):
        Memory({"path": "agent.db"})


def test_a_fastembed_model_is_used(monkeypatch):
    """A model of provider fastembed is not replaced by ours: where it is missing, the error says how to get it."""
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", "models")
    config = {"embedder": {"provider": "fastembed", "config": {"model": "BAAI/bge-small-en-v1.5"}}}
    assert read(config)["embedder"] == "BAAI/bge-small-en-v1.5"
    with pytest.raises(ModelNotFoundError, match=r"mem0lite fetch BAAI/bge-small-en-v1\.5"):
        Memory.from_config(config)


def test_a_configuration_object_counts_as_what_was_set_in_it():
    """An object such as mem0's MemoryConfig is read by the fields that were set, sections that are objects too."""

    class Qdrant(pydantic.BaseModel):
        path: str = "qdrant"
        collection_name: str = "mem0"

    class Section(pydantic.BaseModel):
        provider: str = "openai"
        config: dict | None = None

    class MemoryConfig(pydantic.BaseModel):
        vector_store: Section = Section()
        llm: Section = Section()

    section = Section(provider="qdrant")
    section.config = Qdrant(path="agent")
    assert read(MemoryConfig()) == {"path": None, "embedder": None}
    assert read(MemoryConfig(vector_store=section)) == {"path": "agent.db", "embedder": None}
    dumped = types.SimpleNamespace(model_dump=lambda: {"path": "other.db"})
    assert read(dumped) == {"path": "other.db", "embedder": None}
    with pytest.raises(ConfigurationError, match="got ModelMetaclass"):
        read(MemoryConfig)  # the class, where an object is meant


@pytest.mark.parametrize(
    ("provider", "settings", "variables", "url"),
    [
        ("openai", {}, {}, "https://api.openai.com/v1"),
        (
            "openai",
            {"openai_base_url": "http://localhost:1/v1"},
            {"OPENAI_BASE_URL": "http://x"},
            "http://localhost:1/v1",
        ),
        ("openai", {}, {"OPENAI_BASE_URL": "http://localhost:2/v1"}, "http://localhost:2/v1"),
        ("openai", {}, {"OPENAI_API_BASE": "http://localhost:2/v1"}, "http://localhost:2/v1"),
        ("ollama", {"ollama_base_url": "http://gpu:11434"}, {}, "http://gpu:11434/v1"),
        ("ollama", {}, {}, "http://localhost:11434/v1"),
        ("lmstudio", {"lmstudio_base_url": "http://localhost:3/v1"}, {}, "http://localhost:3/v1"),
        ("vllm", {"vllm_base_url": "http://localhost:4/v1"}, {}, "http://localhost:4/v1"),
        ("deepseek", {"deepseek_base_url": "http://localhost:5"}, {}, "http://localhost:5/v1"),
        ("together", {}, {}, "https://api.together.xyz/v1"),
        ("groq", {"temperature": 0.1, "max_tokens": 2000}, {}, "https://api.groq.com/openai/v1"),
        ("openrouter", {}, {}, "https://openrouter.ai/api/v1"),
        ("xai", {"xai_base_url": "http://localhost:6/v1"}, {}, "http://localhost:6/v1"),
    ],
)
def test_a_language_model_of_a_known_protocol_is_used(monkeypatch, provider, settings, variables, url):
    """The URL is that of the config, of mem0's variable, or of the provider; nothing is sent, and nothing warned of."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = {"llm": {"provider": provider, "config": {"model": "m", "api_key": SECRET, **settings}}}
    model = read(config)["llm"]
    assert repr(model) == f"ChatCompletions('{url}/chat/completions', 'm')"
    with Memory.from_config(config) as memory:
        assert SECRET not in repr(memory)


@pytest.mark.parametrize(
    ("llm", "named"),
    [
        ({"provider": "anthropic", "config": {"model": "m", "api_key": SECRET}}, "llm anthropic (no language model"),
        ({"provider": "azure_openai", "config": {"model": "m"}}, "llm azure_openai (no language model"),
        ({"config": {"model": "m"}}, "llm (no language model"),
        ({"provider": "openai", "config": {}}, "its config names none"),
        ({"provider": "openai", "config": {"model": "m", "top_p": 0.1, "store": SECRET}}, "top_p, store of llm openai"),
    ],
)
def test_what_is_not_used_of_a_language_model_is_named(llm, named):
    """Another protocol, a missing model and settings without effect are in the warning, without their values."""
    message = warned({"llm": llm})
    assert named in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"openai_base_url": "localhost"}, "llm.config: llm: "),
        ({"openai_base_url": 5}, "llm.config.openai_base_url"),
        ({"api_key": f"{SECRET} {SECRET}"}, "llm.config: llm_api_key"),
        ({"max_tokens": "many"}, "llm.config: max_tokens"),
        ({"temperature": 5}, "llm.config: temperature"),
        ({"model": 5}, "llm.config.model"),
    ],
)
def test_a_language_model_that_cannot_be_used_is_an_error(settings, field):
    """It names the setting, and shows no key."""
    with pytest.raises(ConfigurationError, match=field) as caught:
        read({"llm": {"provider": "openai", "config": {"model": "m", **settings}}})
    assert SECRET not in str(caught.value)


def test_async_configurations_open_either_way():
    """AsyncMemory.from_config works awaited, as in mem0 0.1, and not, as in 1.x and 2.x."""

    async def both():
        async with await AsyncMemory.from_config(config_dict=store(path="qdrant")) as first:
            await first.add("I am allergic to peanuts", user_id="alice")
        async with AsyncMemory.from_config({"path": "qdrant.db"}) as second:
            return [one["memory"] for one in (await second.get_all(user_id="alice"))["results"]]

    assert asyncio.run(both()) == ["I am allergic to peanuts"]


def test_the_version_of_the_answers_is_told():
    """LlamaIndex and others read api_version to know the shape of the answers."""
    assert Memory.api_version == AsyncMemory.api_version == "v1.1"


def test_both_call_styles_give_the_same(memory):
    """Ids and limit at the top, as in mem0 1.x, and filters with top_k, as in 2.x, find the same."""
    for text in ("red apple", "green apple", "apple pie"):
        memory.add(text, user_id="alice", run_id="r1", metadata={"kind": "fruit"})
    memory.add("apple", user_id="bob")
    old = memory.search("apple", user_id="alice", run_id="r1", limit=2, filters={"kind": "fruit"})
    new = memory.search("apple", filters={"user_id": "alice", "run_id": "r1", "kind": "fruit"}, top_k=2)
    assert len(old["results"]) == 2
    assert old == new
    assert memory.get_all(user_id="alice", limit=2) == memory.get_all(filters={"user_id": "alice"}, top_k=2)
    assert memory.update(new["results"][0]["id"], "pear") == memory.update(
        memory_id=new["results"][0]["id"], data="pear"
    )


ITEM = ["id", "memory", "hash", "metadata", "created_at", "updated_at", "user_id", "actor_id", "role"]
CHANGE = [
    *("id", "memory_id", "old_memory", "new_memory", "event", "created_at", "updated_at", "is_deleted"),
    *("actor_id", "role"),
]


def test_answers_have_the_keys_of_mem0(memory, no_reranker):
    """Every dictionary has the keys that mem0 2.2.1's class was recorded with, and what comes on top is named here."""
    message = {"role": "user", "name": "bob", "content": "I love python and fastapi"}
    raw = memory.add([message], user_id="u1", metadata={"n": 5}, infer=False)
    assert set(raw) == {"results", "event_id"}
    [added] = raw["results"]
    assert sorted(added) == ["actor_id", "event", "id", "memory", "role"]
    [inferred] = memory.add("User likes hiking", user_id="u2")["results"]
    assert sorted(inferred) == ["event", "id", "memory"]
    assert sorted(memory.get(added["id"])) == sorted([*ITEM, "score"])
    assert memory.get("00000000-0000-0000-0000-000000000000") is None
    listed = memory.get_all(filters={"user_id": "u1"})
    assert set(listed) == {"results", "total", "next_cursor"}
    assert [sorted(item) for item in listed["results"]] == [sorted(ITEM)]
    found = memory.search("python", filters={"user_id": "u1"}, explain=True, rerank=True)
    assert set(found) == {"results", "not_reranked"}
    assert [sorted(item) for item in found["results"]] == [sorted([*ITEM, "score", "score_details"])]
    assert memory.update(added["id"], expiration_date="2099-01-01") == {"message": "Memory updated successfully!"}
    assert sorted(memory.get(added["id"])) == sorted([*ITEM, "score", "expiration_date", "expires_at"])
    assert memory.delete(memory_id=added["id"]) == {"message": "Memory deleted successfully!"}
    changes = memory.history(memory_id=added["id"])
    assert [sorted(change) for change in changes] == [sorted(CHANGE)] * 3
    assert [change["event"] for change in changes] == ["ADD", "UPDATE", "DELETE"]
    assert memory.delete_all(user_id="u2") == {"message": "Memories deleted successfully!"}
    assert memory.reset() is None
    assert memory.history("00000000-0000-0000-0000-000000000000") == []


def test_refusals_are_what_callers_of_mem0_catch(memory):
    """What mem0 refuses with a ValueError or its ValidationError is refused with an error that is both."""
    refused = (
        lambda: memory.add("x"),
        lambda: memory.add("x", user_id="a b"),
        lambda: memory.add("x", user_id="u", expiration_date="soon"),
        lambda: memory.add("x", user_id="u", memory_type="semantic_memory"),
        lambda: memory.add(5, user_id="u"),
        lambda: memory.search("", filters={"user_id": "u"}),
        lambda: memory.search("x", filters={"user_id": "u"}, threshold=2),
        lambda: memory.get_all(),
        lambda: memory.update("00000000-0000-0000-0000-000000000000", "x"),
        lambda: memory.update("00000000-0000-0000-0000-000000000000"),
        lambda: memory.delete("00000000-0000-0000-0000-000000000000"),
        lambda: memory.delete_all(),
    )
    for call in refused:
        with pytest.raises(ValueError, match=r"\w") as caught:
            call()
        error = caught.value
        assert error.message == str(error)
        assert error.suggestion.startswith(error.message)
        assert len(error.suggestion) > len(error.message) + 20  # it says more
        assert error.error_code == type(error).__name__
        assert set(error.details) <= {"field"}
        assert error.debug_info == {}


def test_a_timestamp_is_honoured(memory):
    """add(timestamp=…), which mem0's class refuses and its service honours, becomes the creation date here."""
    [added] = memory.add("We met in Lima", user_id="alice", timestamp=1_577_836_800)["results"]
    assert memory.get(added["id"])["created_at"] == "2020-01-01T00:00:00+00:00"


def test_reading_a_configuration_loads_nothing_heavy():
    """from_config is part of the light import: it needs neither pydantic nor the model."""
    code = (
        "import sys, mem0lite\n"
        "mem0lite.Memory.from_config({'path': ':memory:'}).close()\n"
        "assert not {'pydantic', 'fastembed', 'numpy', 'asyncio'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("arguments", [{"config": {"path": ":memory:"}}, {"path": {"path": ":memory:"}}])
def test_a_configuration_as_an_argument_names_what_opens_it(arguments):
    """Memory(config=…) and Memory({…}), as mem0's class takes them, are errors that name from_config."""
    with pytest.raises(ConfigurationError, match=r"from_config"):
        Memory(**arguments)
