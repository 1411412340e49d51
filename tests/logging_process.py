"""``mem0lite serve`` on a file, with all that any package logs, and a model that fails for some texts.

``python logging_process.py FILE``; the settings are those of the environment, and the port is a free one.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace

from embedder import HashEmbedder

from mem0lite import DiskFullError, Memory
from mem0lite.cli.serve import _listener, _run
from mem0lite.server import Settings


class Failing(HashEmbedder):
    """Fails in each way that a model can, for texts that name it."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        said = " ".join(texts)
        if "CRASH" in said:
            raise RuntimeError("the model is broken")
        if "DISK" in said:
            raise DiskFullError("the disk is full")
        return [[float("nan")]] if "NONSENSE" in said else super().embed(texts)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    settings = replace(Settings.from_environment(), db=sys.argv[1], port=0)
    with Memory(settings.db, embedder=Failing()) as memory, _listener(settings) as listener:
        _run(memory, settings, listener)
