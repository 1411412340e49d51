"""What a Python shell shows: dir() of the package and repr() of what is open."""

import asyncio
import copy
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from embedder import HashEmbedder

import mem0lite
from mem0lite import AsyncMemory, ConfigurationError, Memory, NotAMemoryFileError


def test_dir_shows_the_public_names() -> None:
    """dir() lists every public name, those that are loaded on demand too, and no module that the package imports."""
    assert dir(mem0lite) == sorted([*mem0lite.__all__, "__version__"])
    assert {"AsyncMemory", "CompatibilityWarning", "create_app"} <= set(dir(mem0lite))


def test_dir_loads_nothing() -> None:
    """Looking at the names loads none of what they load on demand."""
    code = "import sys, mem0lite; dir(mem0lite); assert not {'litestar', 'asyncio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_of_dir_is_there_without_the_server() -> None:
    """A shell completes names by getting each of them, which fails for none, also where the server's extra is not."""
    code = (
        "import sys; sys.modules['litestar'] = None\n"
        "import mem0lite\n"
        "assert 'create_app' not in dir(mem0lite)\n"
        "assert all(getattr(mem0lite, name) for name in dir(mem0lite))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_memory_shows_its_path_and_owner(path: Path) -> None:
    """repr() has the path, the user of a view, and whether nothing can be written or the file is closed."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        view = memory.for_user("alice")
        assert repr(memory) == repr(copy.copy(memory)) == f"Memory({str(path)!r})"
        assert repr(view) == f"Memory({str(path)!r}, user_id='alice')"
        view.close()  # which leaves the file open
        assert repr(view) == f"Memory({str(path)!r}, user_id='alice')"
    assert repr(memory) == f"Memory({str(path)!r}, closed=True)"
    assert repr(view) == f"Memory({str(path)!r}, user_id='alice', closed=True)"
    with Memory(path, embedder=HashEmbedder(), read_only=True) as reading:
        assert repr(reading) == f"Memory({str(path)!r}, read_only=True)"


def test_a_class_of_one_s_own_shows_its_name(path: Path) -> None:
    """repr() of a subclass begins with the subclass's name."""

    class Notebook(Memory):
        pass

    with Notebook(path, embedder=HashEmbedder()) as notebook:
        assert repr(notebook) == f"Notebook({str(path)!r})"


def test_a_memory_that_was_never_opened_can_be_shown() -> None:
    """A debugger shows the object of a constructor that failed."""
    with pytest.raises(ConfigurationError) as caught:
        Memory(":memory:", cache_bytes=-1)
    shown = [repr(one.locals["self"]) for one in caught.traceback if isinstance(one.locals.get("self"), Memory)]
    assert shown == ["Memory(opening=True)"]


def test_an_asynchronous_memory_shows_the_same(path: Path) -> None:
    """repr() of an AsyncMemory says what its Memory's does, and does not wait for the file while it is opened."""

    class Held(HashEmbedder):
        """Its name is told once it is released, and the file cannot be opened before."""

        release = threading.Event()

        @property
        def fingerprint(self) -> str:
            assert self.release.wait(30)
            return "x"

    async def life() -> None:
        memory = AsyncMemory(path, embedder=Held())
        view = memory.for_user("alice")
        assert [repr(memory), repr(view)] == ["AsyncMemory(opening=True)"] * 2
        Held.release.set()
        async with memory:
            assert repr(memory) == f"AsyncMemory({str(path)!r})"
            assert repr(view) == f"AsyncMemory({str(path)!r}, user_id='alice')"
        assert repr(memory) == f"AsyncMemory({str(path)!r}, closed=True)"
        assert repr(view) == f"AsyncMemory({str(path)!r}, user_id='alice', closed=True)"

    asyncio.run(life())


def test_an_asynchronous_memory_shows_that_its_file_cannot_be_opened(path: Path) -> None:
    """repr() raises nothing where every verb would."""
    path.write_bytes(b"not a memory file, but somebody's text " * 10)

    async def life() -> None:
        memory = AsyncMemory(path, embedder=HashEmbedder())
        with pytest.raises(NotAMemoryFileError):
            await memory.stats()
        assert repr(memory) == "AsyncMemory(failed=True)"

    asyncio.run(life())


def test_an_asynchronous_memory_of_somebody_else_s_is_closed_with_it(memory: Memory) -> None:
    """repr() of an AsyncMemory says that it is closed when either it or the Memory that it serves is."""

    async def life() -> None:
        first, second = AsyncMemory(memory), AsyncMemory(memory)
        await first.close()
        assert repr(first) == f"AsyncMemory({memory.path!r}, closed=True)"
        assert repr(second) == f"AsyncMemory({memory.path!r})"
        memory.close()
        assert repr(second) == f"AsyncMemory({memory.path!r}, closed=True)"

    asyncio.run(life())
