"""Run a script with its arguments; whatever in it reaches for the network fails, and is told on stderr."""

import runpy
import sys


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        sys.stderr.write(f"NETWORK: {event} {arguments}\n")
        raise OSError(f"{event} was refused: a script here works offline")


sys.addaudithook(refuse)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
