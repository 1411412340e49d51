"""Run a script with its arguments; whatever in it reaches for the network fails, and is told on stderr."""

import runpy
import sys

LOOPBACK = "127.0.0.1"


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        sys.stderr.write(f"NETWORK: {event} {arguments}\n")
        raise OSError(f"{event} was refused: a script here works offline")


def refuse_but_loopback(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo" and arguments[0] == LOOPBACK:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] == LOOPBACK:
        return
    refuse(event, arguments)


if __name__ == "__main__":
    sys.addaudithook(refuse)
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
