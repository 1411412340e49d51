"""``import mem0`` that means mem0lite: what resolves, what is refused, and that it can be taken back."""

import asyncio
import importlib
import importlib.util
import pickle
import subprocess
import sys
import types
from abc import ABC

import pytest

import mem0lite
from mem0lite import compat

INTEGRATIONS_IMPORT = {
    "mem0": ("Memory", "AsyncMemory", "MemoryClient", "AsyncMemoryClient", "MemoryConfig", "__version__"),
    "mem0.client.main": ("MemoryClient", "AsyncMemoryClient"),
    "mem0.configs.base": ("MemoryConfig", "MemoryItem", "EmbedderConfig", "LlmConfig", "VectorStoreConfig"),
    "mem0.client.types": ("AddMemoryOptions", "SearchMemoryOptions", "ProjectUpdateOptions"),
    "mem0.client.utils": ("APIError",),
    "mem0.configs.enums": ("MemoryType",),
    "mem0.configs.rerankers.config": ("RerankerConfig",),
    "mem0.embeddings.configs": ("EmbedderConfig",),
    "mem0.exceptions": ("ValidationError", "InvalidImageError", "FileSizeError"),
    "mem0.graphs.configs": ("GraphStoreConfig",),
    "mem0.llms.configs": ("LlmConfig",),
    "mem0.memory": ("Memory", "AsyncMemory"),
    "mem0.memory.main": ("Memory", "AsyncMemory"),
    "mem0.memory.telemetry": ("capture_event", "client_telemetry"),
    "mem0.proxy.main": ("Mem0",),
    "mem0.vector_stores.configs": ("VectorStoreConfig",),
}


def imported():
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "mem0"}


@pytest.fixture
def installed():
    """mem0lite in the place of mem0, and afterwards nothing of either."""
    before = imported()
    with compat.install():
        yield
    assert imported() == before


@pytest.fixture
def someone_elses(monkeypatch):
    """Modules named like mem0's that are not ours, as the real one is when something has imported it."""
    modules = {name: types.ModuleType(name) for name in ("mem0", "mem0.memory")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules


def test_nothing_happens_before_install():
    """Importing mem0lite, or its compat module, leaves mem0 to whoever has it."""
    code = (
        "import importlib.util, sys\n"
        "before = importlib.util.find_spec('mem0')\n"
        "import mem0lite.compat\n"
        "assert 'mem0' not in sys.modules\n"
        "assert importlib.util.find_spec('mem0') == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", INTEGRATIONS_IMPORT)
def test_what_integrations_import_is_there(installed, module):
    """Every module and name that frameworks import from mem0 resolves, and looks installed to who only asks."""
    assert importlib.util.find_spec(module) is not None
    for name in INTEGRATIONS_IMPORT[module]:
        assert getattr(importlib.import_module(module), name) is not None


def test_what_asks_for_a_graph_store_hears_that_there_is_none(installed):
    """A store says in enable_graph, which callers of mem0 1.x ask first, that there is no graph store to go to."""
    import mem0

    assert mem0.Memory.enable_graph is mem0.AsyncMemory.enable_graph is False


def test_submodules_are_attributes(installed):
    """import mem0 alone reaches the modules below it, as with the real one."""
    import mem0

    assert mem0.memory.main.Memory is mem0.Memory is compat.Memory
    assert mem0.exceptions.ValidationError is mem0lite.ValidationError


def test_what_is_not_there_is_an_import_error(installed):
    """Names and modules that mem0lite has not are import errors that say whose module it is; no real mem0 helps."""
    with pytest.raises(ImportError, match=r"mem0lite.compat"):
        from mem0.memory.main import MemoryGraph  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"mem0\.utils"):
        importlib.import_module("mem0.utils.factory")
    assert list(importlib.import_module("mem0").__path__) == []


def test_memory_takes_a_configuration_as_there(installed, path):
    """Memory(config), Memory(config=…), from_config, mem0lite's own arguments and no argument open the same file."""
    from mem0 import Memory
    from mem0.configs.base import MemoryConfig
    from mem0.vector_stores.configs import VectorStoreConfig

    config = MemoryConfig(vector_store=VectorStoreConfig(provider="qdrant", config={"path": str(path)}))
    with Memory(path=path) as memory:
        memory.add("I am allergic to peanuts", user_id="alice")
    for again in (
        Memory(config),
        Memory(config=config),
        Memory({"path": path}, durability="normal"),
        Memory.from_config(config_dict={"path": str(path)}),
        mem0lite.Memory(path),
    ):
        with again as memory:
            assert isinstance(memory, mem0lite.Memory)
            assert type(memory).__name__ == "Memory"  # AutoGen asks for it
            assert memory.search("allergies", user_id="alice")["results"][0]["memory"] == "I am allergic to peanuts"
    with Memory({"path": ":memory:"}, path=path) as memory:
        assert memory.path == str(path)


def test_memory_without_arguments_is_the_default(installed, path, monkeypatch):
    """Memory() opens the file that MEM0LITE_DB names, as mem0lite.Memory() does."""
    from mem0 import Memory

    monkeypatch.setenv("MEM0LITE_DB", str(path))
    with Memory() as memory:
        assert memory.path == str(path)


def test_a_users_view_is_of_the_same_class(installed, path):
    """for_user works on the stand-in, whose constructor differs."""
    from mem0 import Memory

    with Memory(path=path) as memory:
        memory.add("I am allergic to peanuts", user_id="alice")
        assert memory.for_user("alice").get_all()["total"] == 1


def test_async_memory_takes_a_configuration_as_there(installed, path):
    """AsyncMemory(config), from_config awaited and not, and mem0lite's own arguments open the same file."""
    from mem0 import AsyncMemory

    async def totals():
        async with AsyncMemory(path=path) as memory:
            await memory.add("I am allergic to peanuts", user_id="alice")
        found = []
        for again in (
            AsyncMemory({"path": str(path)}),
            AsyncMemory(config={"path": str(path)}),
            AsyncMemory.from_config({"path": str(path)}),
            await AsyncMemory.from_config({"path": str(path)}),
        ):
            async with again as memory:
                found.append((await memory.get_all(user_id="alice"))["total"])
        return found

    assert asyncio.run(totals()) == [1, 1, 1, 1]


@pytest.mark.filterwarnings("ignore::mem0lite.CompatibilityWarning")
def test_relations_are_there_for_who_configured_a_graph(installed):
    """With a graph store in the configuration, answers have relations, if empty ones; without, as mem0's, none."""
    from mem0 import AsyncMemory, Memory

    config = {"path": ":memory:", "graph_store": {"provider": "kuzu", "config": {"db": ":memory:"}}}

    async def answers():
        async with AsyncMemory.from_config(config) as memory:
            await memory.add("I am allergic to peanuts", user_id="alice")
            return await memory.search("allergies", user_id="alice")

    assert asyncio.run(answers())["relations"] == []
    for made in (Memory.from_config(config), Memory(config), Memory(config=config)):
        with made as memory:
            added = memory.add("I am allergic to peanuts", user_id="alice")
            assert added["relations"] == memory.get_all(user_id="alice")["relations"] == []
            assert memory.for_user("alice").search("allergies")["relations"] == []
    with Memory.from_config({"path": ":memory:"}) as memory:
        memory.add("I am allergic to peanuts", user_id="alice")
        assert "relations" not in memory.search("allergies", user_id="alice")


def test_chat_is_as_unfinished_as_there(installed):
    """chat exists and raises NotImplementedError, in both classes."""
    from mem0 import AsyncMemory, Memory

    with Memory({"path": ":memory:"}) as memory, pytest.raises(NotImplementedError):
        memory.chat("hello")

    async def chat():
        async with AsyncMemory({"path": ":memory:"}) as memory:
            await memory.chat("hello")

    with pytest.raises(NotImplementedError):
        asyncio.run(chat())


def test_every_exception_of_mem0_can_be_caught(installed, path):
    """Every class of mem0.exceptions exists below MemoryError, and ours arrive where mem0's would."""
    exceptions = importlib.import_module("mem0.exceptions")
    names = [
        *("AuthenticationError", "RateLimitError", "ValidationError", "MemoryNotFoundError", "NetworkError"),
        *("ConfigurationError", "MemoryQuotaExceededError", "MemoryCorruptionError", "VectorSearchError"),
        *("CacheError", "VectorStoreError", "GraphStoreError", "EmbeddingError", "LLMError", "DatabaseError"),
        "DependencyError",
    ]
    for name in names:
        assert issubclass(getattr(exceptions, name), exceptions.MemoryError)
    path.write_text("not a database")
    memory = importlib.import_module("mem0").Memory
    with pytest.raises(exceptions.VectorStoreError):
        memory(path=path)
    with pytest.raises(exceptions.ConfigurationError):
        memory("agent.db")


def test_the_client_says_where_it_is(installed):
    """Where install was told of no host, making a client is an error that names both ways, and shows no key."""
    mem0 = importlib.import_module("mem0")
    for client in (mem0.MemoryClient, mem0.AsyncMemoryClient):
        with pytest.raises(
            mem0lite.ConfigurationError, match=rf"{client.__name__}: .*path=.*mem0lite serve.*url="
        ) as caught:
            client(api_key="m0-secret")
        assert "m0-secret" not in str(caught.value)


def test_stores_made_as_our_own_count_as_those_of_mem0(installed, path):
    """isinstance and issubclass take mem0lite's Memory and AsyncMemory for mem0's, and nothing else for them."""
    import mem0

    class Mine(mem0.Memory):
        pass

    with mem0lite.Memory(path) as memory:
        assert isinstance(memory, mem0.Memory)
        assert isinstance(memory.for_user("alice"), mem0.Memory)
        assert not isinstance(memory, mem0.AsyncMemory | Mine)
    assert isinstance(mem0lite.AsyncMemory(path), mem0.AsyncMemory)
    assert issubclass(mem0lite.AsyncMemory, mem0.AsyncMemory)
    assert issubclass(Mine, mem0.Memory)
    assert not isinstance(object(), mem0.Memory)
    assert not issubclass(mem0.Memory, Mine)


def test_callers_derive_from_memory_and_mock_it_as_there(installed):
    """mem0's classes are abstract ones: another such class may stand beside them, and a mock of one counts as it."""
    import mem0

    class Agent(mem0.Memory, ABC):
        pass

    with Agent({"path": ":memory:"}) as memory:
        assert isinstance(memory, mem0.Memory)
        assert isinstance(memory, mem0lite.Memory)

    class Double:  # says whose it is as the doubles of callers' tests do
        @property
        def __class__(self):
            return mem0.Memory

    assert isinstance(Double(), mem0.Memory)
    assert not isinstance(Double(), mem0.AsyncMemory)


@pytest.mark.parametrize("make", ["Memory", "AsyncMemory"])
def test_a_warning_about_a_configuration_names_the_caller(installed, make):
    """What of a configuration has no effect is said of the line that gave it, not of one in mem0lite."""
    import mem0

    config = {"path": ":memory:", "llm": {"provider": "openai"}}
    for call in (getattr(mem0, make), getattr(mem0, make).from_config):
        with pytest.warns(mem0lite.CompatibilityWarning) as warned:
            call(config)
        assert [one.filename for one in warned] == [__file__]


def test_errors_take_what_those_of_mem0_take():
    """Every class of mem0lite.exceptions, which are those of mem0.exceptions, is made with mem0's arguments and keeps
    them, also when pickled."""
    from mem0lite import exceptions

    told = {"details": {"a": 1}, "suggestion": "Wait.", "debug_info": {"retry_after": 5}}
    for name in exceptions.__all__:
        kind = getattr(exceptions, name)
        if not isinstance(kind, type):
            continue
        made = kind("Too fast", "RATE_001", **told)
        for error in (made, pickle.loads(pickle.dumps(made)), kind(message="Too fast", error_code="RATE_001", **told)):
            assert isinstance(error, exceptions.MemoryError)
            assert (str(error), error.message, error.error_code) == ("Too fast", "Too fast", "RATE_001")
            assert {field: getattr(error, field) for field in told} == told


def test_telemetry_goes_nowhere(installed):
    """What integrations report to mem0 is taken and dropped."""
    telemetry = importlib.import_module("mem0.memory.telemetry")
    assert telemetry.client_telemetry.capture_event("store.add", {"n": 1}, "alice") is None
    assert telemetry.capture_event("init", None, {"n": 1}) is None


def test_the_type_of_a_memory_is_spelled_as_there(installed, memory):
    """MemoryType.PROCEDURAL has the value that add accepts."""
    from mem0.configs.enums import MemoryType

    [added] = memory.add("Deploy, then test", user_id="u", memory_type=MemoryType.PROCEDURAL.value)["results"]
    assert memory.get(added["id"])["metadata"] == {"memory_type": "procedural_memory"}


def test_a_mem0_that_is_in_use_is_not_replaced(someone_elses):
    """When mem0 has been imported, install refuses, says why, and changes nothing."""
    with pytest.raises(mem0lite.ConfigurationError, match=r"imported already.*replace=True"):
        compat.install()
    assert imported() == someone_elses


def test_a_mem0_that_is_in_use_is_replaced_when_told(someone_elses):
    """With replace=True later imports get mem0lite, until uninstall puts back what was there."""
    with compat.install(replace=True):
        assert importlib.import_module("mem0").Memory is compat.Memory
        assert sys.modules["mem0.memory"] is not someone_elses["mem0.memory"]
    assert imported() == someone_elses


def test_installing_twice_does_nothing(installed):
    """A second install, and the end of its block, leave the first in force."""
    with compat.install():
        pass
    assert importlib.import_module("mem0").Memory is compat.Memory


def test_uninstalling_without_installing_does_nothing(someone_elses):
    """uninstall takes only mem0lite's modules away."""
    compat.uninstall()
    assert imported() == someone_elses


class Model:
    """What stands for litellm: it keeps what it was given, and answers."""

    def __init__(self):
        self.given = []

    def completion(self, **asked):
        self.given.append(asked)
        return "an answer"


def test_the_proxy_gives_the_model_what_is_remembered(path, monkeypatch):
    """mem0.proxy's chat completions remember messages, and give them to the model at a later question; whoever else's
    memories they do not."""
    model = Model()
    monkeypatch.setitem(sys.modules, "litellm", model)
    with compat.install(path=path):
        from mem0.proxy.main import Mem0

        for client in (Mem0(config={"path": str(path)}), Mem0(api_key="m0-any")):
            create = client.chat.completions.create
            said = [{"role": "user", "content": "I am allergic to peanuts"}]
            assert create(model="small", messages=said, user_id="alice", temperature=0) == "an answer"
            asked = [{"role": "user", "content": "Which food should I avoid with my allergy?"}]
            create(model="small", messages=asked, user_id="alice")
            create(model="small", messages=asked, user_id="bob")
            first, later, others = model.given[-3:]
            assert (first["model"], first["temperature"]) == ("small", 0)
            assert later["messages"][-1] == asked[0]
            assert "allergic to peanuts" in later["messages"][0]["content"]
            assert "allergic to peanuts" not in str(others)
            with pytest.raises(mem0lite.ValidationError, match="user_id"):
                create(model="small", messages=asked)


def test_the_proxy_says_what_it_needs(installed, monkeypatch):
    """Without litellm, mem0.proxy names the command that installs it."""
    monkeypatch.setitem(sys.modules, "litellm", None)
    from mem0.proxy.main import Mem0

    client = Mem0(config={"path": ":memory:"})
    with pytest.raises(mem0lite.DependencyError, match="pip install litellm"):
        client.chat.completions.create(model="small", messages=[], user_id="alice")
