"""How the package is built: floors, promises of the import, and tests that say what they protect."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mem0lite

PACKAGE = Path(mem0lite.__file__).parent
TESTS = Path(__file__).parent

FLOORS = [
    ["errors", "types", "environment"],
    ["comparison", "exceptions", "guide", "telemetry"],
    ["values", "files"],
    ["limits", "embedding", "graph"],
    ["search"],
    ["data"],
    ["llm"],
    ["mem0", "store"],
    ["keys", "webhooks"],
    ["memory"],
    ["aio", "assistants", "integrations", "retrieval"],
    ["mcp"],
    ["server"],
    ["compat"],
    ["cli"],
    ["__main__"],
]


def floor(module):
    return next(number for number, names in enumerate(FLOORS) if module in names)


def imports(file):
    """Yield the modules of this package that a file imports, wherever in it."""
    depth = len(file.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            if node.module:
                yield node.module.split(".")[0]
            else:
                yield from (alias.name for alias in node.names if not alias.name.startswith("__"))


@pytest.mark.parametrize("file", sorted(PACKAGE.glob("**/*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_from_lower_floors_only(file):
    """No module imports from its own floor or a higher one, so that each can be read with only those below."""
    own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own != "__init__":
        assert [name for name in imports(file) if floor(name) >= floor(own)] == []


def at_import(statements):
    """Yield the statements that run when a module is imported, or that a type checker reads then."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from at_import(ast.iter_child_nodes(statement))


def module_imports(file):
    """Yield the modules that a module of this package imports at its top, as paths without a suffix."""
    folders = file.relative_to(PACKAGE).parts[:-1]
    for node in at_import(ast.parse(file.read_text()).body):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = PACKAGE.joinpath(*folders[: len(folders) + 1 - node.level], *(node.module or "").split("."))
            for alias in node.names:
                inner = base / alias.name
                yield inner if inner.is_dir() or inner.with_suffix(".py").is_file() else base


def test_no_modules_import_each_other_in_a_circle():
    """Within a room, too, modules have an order in which they can be read; what only type checkers import counts.

    The package's own ``__init__`` is left out: it imports everything, and gives everything its version.
    """
    files = sorted(set(PACKAGE.glob("**/*.py")) - {PACKAGE / "__init__.py"})
    graph = {
        file.parent if file.name == "__init__.py" else file.with_suffix(""): set(module_imports(file)) - {PACKAGE}
        for file in files
    }
    assert len(graph) > 100
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(str(module.relative_to(PACKAGE)) for module in error.args[1]))


def test_contributing_lists_the_floors():
    """CONTRIBUTING.md tells the order of the modules that is enforced here."""
    contributing = (TESTS.parent / "CONTRIBUTING.md").read_text()
    [listed] = re.findall(r"imports only from the ones before it \(.*?\): (.*?)\.\s", contributing, re.DOTALL)
    assert [re.findall(r"`(\w+)`", names) for names in listed.split("→")] == FLOORS[:-1]


def test_sql_stays_in_its_room():
    """Only store/sqlite and store/postgres know SQL, and each its own database; a backend replaces no other room.

    mem0/ reads the databases of mem0, which stay what they are whatever our own backend is.
    """
    for file in PACKAGE.glob("**/*.py"):
        if file.parent.name != "mem0":
            source = file.read_text()
            inside = {name for name in ("sqlite", "postgres") if file.is_relative_to(PACKAGE / "store" / name)}
            assert "sqlite" in inside or "apsw" not in source, file
            assert "postgres" in inside or not re.search(r"^\s*(import|from) psycopg", source, re.MULTILINE), file
            assert inside or "SELECT " not in source, file


def test_only_the_opening_function_knows_the_backend():
    """Everything outside store/sqlite reaches SQLite through store/, whose protocol another backend can keep."""
    for file in PACKAGE.glob("**/*.py"):
        inside = file.is_relative_to(PACKAGE / "store" / "sqlite")
        if not inside and file != PACKAGE / "store" / "__init__.py":
            source = file.read_text()
            named = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
            assert not [node.module for node in named if "sqlite" in node.module.split(".")], file
            assert "_database" not in re.findall(r"_store\.(\w+)", source), file


_SPEAKING_SQL = {
    *("crashing", "faults", "test_corrupt_files", "test_crashes", "test_health", "test_known_failures"),
    *("test_power_loss", "test_reach", "test_webhooks"),
}
"""Tests outside tests/store/sqlite that break or look into files. No new ones: those belong in that folder."""


@pytest.mark.parametrize("file", sorted(TESTS.glob("*.py")), ids=lambda file: file.name)
def test_tests_of_capabilities_run_on_any_store(file):
    """What is tested outside tests/store/sqlite needs no SQL and nothing from inside a store."""
    source = file.read_text()
    speaks = "import apsw" in source or "._database" in source or "store.sqlite" in source
    assert not speaks or file.stem in _SPEAKING_SQL or file == Path(__file__)


def loaded_by(code: str, *arguments: str | Path) -> set[str]:
    """Return the modules that a fresh process has imported after running some code; it may have only one thread."""
    code += "\nimport sys, threading\nassert threading.active_count() == 1\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, stderr=subprocess.PIPE, text=True)
    return set(done.stderr.split())


_HEAVY = {"fastembed", "litestar", "uvicorn", "httpx", "httpcore", "rich", "asyncio", "concurrent.futures", "logging"}
_FOR_FEW = {
    *("hmac", "html", "difflib", "importlib.metadata", "mem0lite.aio", "mem0lite.mem0", "mem0lite.webhooks"),
    *("mem0lite.graph.english.lexicon", "mem0lite.store.sqlite.check", "mem0lite.store.cursors"),
    *("mem0lite.llm.client", "mem0lite.llm.facts", "mem0lite.memory.drawing"),
}
_FOR_WRITING = {"uuid", "mem0lite.search.similarity"}
_FOR_DATES = {"mem0lite.search.dates.phrases", "mem0lite.search.dates.grammar"}


def test_the_import_is_light():
    """Importing Memory starts no thread and loads neither the model, numpy, asyncio nor a web framework."""
    loaded = loaded_by("from mem0lite import Memory")
    unwanted = {*_HEAVY, *_FOR_FEW, *_FOR_WRITING, "numpy", "onnxruntime", "tokenizers", "hashlib"}
    assert not unwanted & loaded
    assert "mem0lite.search.dates" not in loaded


def test_a_language_model_is_loaded_where_it_is_named_and_asked():
    """Opening a store with the URL of a language model loads its client, but no httpx before something is sent."""
    loaded = loaded_by(
        "from mem0lite import Memory\nMemory(':memory:', llm='http://localhost:1', llm_model='m').close()"
    )
    assert "mem0lite.llm.client" in loaded
    assert not {"httpx", "httpcore", "mem0lite.graph.english.lexicon"} & loaded


def test_errors_and_the_version_come_without_the_rest():
    """import mem0lite loads only the errors; what is used of the rest is loaded then, and so are its public modules."""
    code = "import mem0lite\nmem0lite.__version__, mem0lite.ValidationError"
    assert {one for one in loaded_by(code) if one.startswith("mem0lite")} == {"mem0lite", "mem0lite.errors"}
    assert "mem0lite.graph.formats" in loaded_by(
        "import mem0lite\nmem0lite.graph.to_mermaid, mem0lite.types.MemoryItem"
    )


def test_a_first_search_loads_what_it_needs(tmp_path):
    """A search imports no grammar of dates where none is asked for, nothing of graphs, and nothing that only writes."""
    path = tmp_path / "a.db"
    with mem0lite.Memory(path) as memory:
        memory.add(
            [{"role": "user", "content": "I love sushi"}, {"role": "user", "content": "Ann lives in Oslo"}], user_id="u"
        )
    search = (
        "import sys, mem0lite\n"
        "with mem0lite.Memory(sys.argv[1]) as memory:\n"
        "    assert len(memory.search(sys.argv[2], user_id='u', threshold=0)['results']) == 2\n"
    )
    loaded = loaded_by(search, path, "Which food is liked?")
    assert "onnxruntime" in loaded
    assert not {*_HEAVY, *_FOR_FEW, *_FOR_WRITING, *_FOR_DATES} & loaded
    assert loaded >= _FOR_DATES - loaded_by(search, path, "Which food was liked in May 2023?") == set()


def test_a_command_loads_what_it_needs(tmp_path):
    """A search and an add on the command line import neither rich, where there is no terminal, nor what serves."""
    code = "import sys\nfrom mem0lite.cli import main\nassert main(sys.argv[1:]) == 0"
    given = ("--user", "u", "--db", tmp_path / "a.db")
    for arguments in (("add", "I love sushi"), ("search", "food"), ("search", "food", "--json")):
        assert not {*_HEAVY, *_FOR_FEW, *_FOR_DATES} & loaded_by(code, *arguments, *given)
    assert not {"mem0lite.memory", "rich", "httpx"} & loaded_by("from mem0lite.cli import main\nmain(['--help'])")


def test_what_only_a_graph_needs_is_loaded_for_it():
    """The grammar and the lexicon of graph categories, a tenth of the import, come with the first text of one."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import mem0lite\n"
        "with mem0lite.Memory(':memory:', graph_categories=['skill']) as memory:\n"
        "    loaded = set(sys.modules) - before\n"
        "    grammar = {'mem0lite.graph.english.finding', 'mem0lite.graph.english.lexicon'}\n"
        "    assert not {*grammar, 'html', 'difflib'} & loaded\n"
        "assert mem0lite.RuleExtractor().extract('The app requires Kafka.')['relations']\n"
        "assert 'mem0lite.graph.english.lexicon' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_server_is_an_extra():
    """Without litestar the library works, and asking for the server names the command that installs it."""
    code = (
        "import sys\n"
        "sys.modules['litestar'] = sys.modules['uvicorn'] = sys.modules['msgspec'] = None\n"
        "import mem0lite\n"
        "mem0lite.Memory(':memory:').close()\n"
        "try: mem0lite.create_app\n"
        "except mem0lite.DependencyError as error: assert 'mem0lite[server]' in str(error)\n"
        "else: raise AssertionError('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    """Each name of __all__ resolves, and a name that is not there is an AttributeError."""
    for name in mem0lite.__all__:
        assert getattr(mem0lite, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mem0lite.nothing


def test_every_error_is_drawn_in_the_tree():
    """Each error class is one of Mem0LiteError's, exported, and drawn in the module's docstring."""
    import mem0lite.errors

    classes = [one for one in vars(mem0lite.errors).values() if isinstance(one, type)]
    for one in classes:
        assert issubclass(one, mem0lite.Mem0LiteError)
        assert one.__name__ in mem0lite.__all__
        assert one.__name__ in mem0lite.errors.__doc__


@pytest.mark.parametrize("file", sorted(TESTS.glob("**/test_*.py")), ids=lambda file: file.name)
def test_every_test_says_what_it_protects(file):
    """A test's first line is the behaviour it protects."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), node.name
