"""What serves memories while something is measured: embedders that cost nothing, and servers as processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mem0lite import LocalEmbedder, Memory


class InstantEmbedder:
    """Random vectors of the bundled model's width, precomputed."""

    name = "instant"
    dimensions = 384

    def __init__(self) -> None:
        self._vectors = np.random.default_rng(1).standard_normal((1_000, self.dimensions), dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> Any:
        """Return some vector for each text."""
        return self._vectors[[hash(text) % 1_000 for text in texts]]

    def embed_query(self, text: str) -> Any:
        """Return some vector."""
        return self._vectors[hash(text) % 1_000]


class FixedVectors(InstantEmbedder):
    """An embedder under the real one's identity, so that one file serves both measurements."""

    name = LocalEmbedder().name
    fingerprint = LocalEmbedder().fingerprint


def opened() -> Memory:
    """Return the memory that a server serves: its environment names the file and the embedder."""
    embedder = LocalEmbedder() if os.environ["BENCHMARK_EMBEDDER"] == "model" else FixedVectors()
    return Memory(os.environ["BENCHMARK_DB"], embedder=embedder)


def ours() -> Any:
    """Return mem0lite's application."""
    from mem0lite.server import Settings, create_app

    return create_app(opened(), Settings(insecure=True))  # only this machine asks it


@contextmanager
def served(factory: str, workers: int, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Run a server, made by a function such as "serving:ours"; yield its port and the id of its first process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)]
    command += ["--workers", str(workers), "--log-level", "error", "--app-dir", str(Path(__file__).parent)]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
