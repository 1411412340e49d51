"""A process that is stopped by a signal, in the applications everybody writes first: the file is closed behind it."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from embedder import HashEmbedder

from mem0lite import Memory

TESTS = Path(__file__).parents[2]

BEGINNING = f"""
import os, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from embedder import HashEmbedder
from mem0lite import Memory
"""
SERVER = """
from fastapi import FastAPI
from mem0lite.server import Settings, create_app
"""
APPS = {
    "a memory of the application's own": """
        app = FastAPI()
        app.mount("/mem", create_app(Memory("at.db", embedder=HashEmbedder())))
        """,
    "opened at the first request": """
        app = FastAPI()
        app.mount("/mem", create_app(settings=Settings(db="at.db")))
        """,
    "with a lifespan": """
        memories = create_app(settings=Settings(db="at.db"))
        app = FastAPI(lifespan=lambda _: memories.lifespan())
        app.mount("/mem", memories)
        """,
    "without create_app": """
        memory = Memory("at.db", embedder=HashEmbedder())
        app = FastAPI()
        @app.post("/mem/memories")
        def add(body: dict):
            return memory.add(body["messages"], user_id="alice", infer=False)
        """,
    "stopped by its own request": """
        class Stopping(HashEmbedder):
            def embed(self, texts):
                if "last" in texts[0]:
                    os.kill(os.getpid(), signal.SIGTERM)
                return super().embed(texts)
        app = FastAPI()
        app.mount("/mem", create_app(Memory("at.db", embedder=Stopping())))
        """,
}
UVICORN = ["-m", "uvicorn", "application:app", "--fd", "FD", "--log-level", "warning"]
SERVERS = {
    "uvicorn": UVICORN,
    "uvicorn, two workers": [*UVICORN, "--workers", "2"],
    "uvicorn, called": [
        "-c",
        "import application; import uvicorn; uvicorn.run(application.app, fd=FD, log_level='warning')",
    ],
    "hypercorn": ["-m", "hypercorn", "application:app", "--bind", "fd://FD"],
}


def _stopped(folder: Path, app: str, server: str, number: signal.Signals) -> int:
    """Serve an application of ``APPS``, add four memories, stop it, and return how it ended."""
    (folder / "application.py").write_text(BEGINNING + SERVER + textwrap.dedent(APPS[app]))
    with socket.create_server(("127.0.0.1", 0)) as listener:  # listens before anybody serves, so nothing polls
        arguments = [argument.replace("FD", str(listener.fileno())) for argument in SERVERS[server]]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(folder)])}
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, pass_fds=[listener.fileno()]
        )
        try:
            for count in range(4):
                body = {"messages": [{"role": "user", "content": f"fact {count}"}], "user_id": "alice", "infer": False}
                if count == 3:
                    body["messages"] = [{"role": "user", "content": "the last one"}]
                url = f"http://127.0.0.1:{listener.getsockname()[1]}/mem/memories"
                answer = httpx.post(url, json=body, timeout=60)
                assert answer.status_code == 200, answer.text
            if app != "stopped by its own request":
                process.send_signal(number)
            return process.wait(60)
        finally:
            process.kill()


def _check_closed(folder: Path) -> None:
    """Look whether a plain copy of the one file there is holds everything."""
    assert sorted(file.name for file in folder.glob("at.db*")) == ["at.db"]
    shutil.copy(folder / "at.db", folder / "copy.db")
    with closing(sqlite3.connect(folder / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM memory").fetchone() == (4,)


@pytest.mark.parametrize(
    ("app", "server", "number", "status"),
    [
        *((app, "uvicorn", signal.SIGTERM, -signal.SIGTERM) for app in APPS),
        ("a memory of the application's own", "uvicorn, two workers", signal.SIGTERM, 0),
        ("a memory of the application's own", "uvicorn, called", signal.SIGHUP, -signal.SIGHUP),
        ("without create_app", "uvicorn, called", signal.SIGTERM, -signal.SIGTERM),
        ("opened at the first request", "hypercorn", signal.SIGTERM, 0),
    ],
)
def test_a_stopped_server_leaves_one_whole_file(
    tmp_path: Path, app: str, server: str, number: signal.Signals, status: int
) -> None:
    """After the signal there is no -wal, and a copy of the file holds all that was acknowledged; whoever started the
    process sees that it ended as it would have without us."""
    assert _stopped(tmp_path, app, server, number) == status
    _check_closed(tmp_path)


def _run(folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + textwrap.dedent(code)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_handlers_of_others_stay(tmp_path: Path) -> None:
    """Neither an app nor a store replaces a handler, touches ignored signals, or sets one in another thread."""
    done = _run(
        tmp_path,
        """
        import json, threading
        from mem0lite import create_app
        own = lambda number, frame: None
        signal.signal(signal.SIGTERM, own)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        create_app(Memory("at.db", embedder=HashEmbedder()))
        kept = [signal.getsignal(signal.SIGTERM) is own, signal.getsignal(signal.SIGHUP) == signal.SIG_IGN]
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        thread = threading.Thread(target=lambda: create_app(Memory("b.db", embedder=HashEmbedder())))
        thread.start()
        thread.join()
        print(json.dumps([*kept, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL]))
        """,
    )
    assert (done.stdout, done.stderr) == ("[true, true, true]\n", "")


@pytest.mark.parametrize("options", ['"at.db"', '":memory:"', '"at.db", read_only=True'])
def test_a_library_leaves_signals_alone(tmp_path: Path, options: str) -> None:
    """A Memory in a program that is no server sets no handler, which would keep a GUI from being stopped."""
    Memory(tmp_path / "at.db", embedder=HashEmbedder()).close()
    done = _run(
        tmp_path,
        f"""
        memory = Memory({options}, embedder=HashEmbedder())
        print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.getsignal(signal.SIGHUP) == signal.SIG_DFL)
        """,
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_an_interrupted_call_is_no_deadlock(tmp_path: Path) -> None:
    """A signal in the middle of the main thread's own call ends the process at once; what was acknowledged is there."""
    done = _run(
        tmp_path,
        """
        from mem0lite import create_app
        create_app()
        memory = Memory("at.db", embedder=HashEmbedder())
        memory.add("kept", user_id="alice", infer=False)
        with memory._store._database.read():
            os.kill(os.getpid(), signal.SIGTERM)
        """,
    )
    assert done.returncode == -signal.SIGTERM, done.stderr
    with Memory(tmp_path / "at.db", embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="alice")["total"] == 1


def test_a_settled_file_goes_on_working(path: Path) -> None:
    """Where a signal did not end the process, every call opens the file and leaves it closed."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("one", user_id="alice")
        memory._store._database.settle(0)
        for text in ("two", "three"):
            assert [file.name for file in path.parent.iterdir()] == [path.name]
            memory.add(text, user_id="alice")
            assert memory.search(text, user_id="alice")["results"][0]["memory"] == text
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_forked_worker_closes_its_files(tmp_path: Path) -> None:
    """A process of multiprocessing that was forked ends without the interpreter's end, and closes all the same."""
    done = _run(
        tmp_path,
        """
        import multiprocessing
        kept = []
        def work():
            kept.append(Memory("at.db", embedder=HashEmbedder()))
            kept[0].add("one", user_id="alice")
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        print(process.exitcode, sorted(os.listdir()))
        """,
    )
    assert (done.stdout, done.stderr) == ("0 ['at.db']\n", "")
