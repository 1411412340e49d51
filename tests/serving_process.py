"""``mem0lite serve`` with an embedder that answers at once: ``python serving_process.py FILE``.

What is announced, and all settings but the file, are those of the command; the port is a free one.
"""

import sys
from dataclasses import replace

from embedder import HashEmbedder

from mem0lite import Memory
from mem0lite.cli.serve import _listener, _run
from mem0lite.server import Settings

if __name__ == "__main__":
    settings = replace(Settings.from_environment(), db=sys.argv[1], port=0, insecure=True)
    with Memory(settings.db, embedder=HashEmbedder()) as memory, _listener(settings) as listener:
        _run(memory, settings, listener)
