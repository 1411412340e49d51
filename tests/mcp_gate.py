"""``mem0lite mcp`` in a process of its own, with an embedder that waits: ``mcp_gate.py STORE GATE``.

GATE is a named pipe. Embedding a text with "slow" in it waits for a byte from the pipe.
"""

import os
import sys
from pathlib import Path

from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.mcp import stdio


class Waiting(HashEmbedder):
    def embed_query(self, text: str) -> list[float]:
        print("noise of a library")  # noqa: T201
        os.write(1, b"noise of a library in C\n")
        if "slow" in text:
            with Path(sys.argv[2]).open("rb", buffering=0) as gate:
                gate.read(1)
        return super().embed_query(text)


if __name__ == "__main__":
    stdio.serve(lambda: Memory(sys.argv[1], embedder=Waiting()), "alice")
