#!/usr/bin/env bash
# uvicorn 0.54.0 with httptools 0.9.0: a POST with a body that also offers HTTP/2, as Java's HttpClient sends by default on each
# new connection, and as curl --http2 does (Connection: Upgrade, HTTP2-Settings; Upgrade: h2c).
#
# Expected: a server that does not speak HTTP/2 ignores the offer and answers the request, with its body; uvicorn with h11 does.
# Seen: uvicorn logs "Unsupported upgrade request." and gives the application an empty body, although Content-Length says otherwise.
# Why it matters: installing uvicorn[standard] changes what such clients store, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0 httptools==0.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import re
import socket
import subprocess
import sys

PROGRAM = """
import sys, uvicorn

async def app(scope, receive, send):
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

uvicorn.run(app, host="127.0.0.1", port=0, lifespan="off", http=sys.argv[1])
"""
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\nhello"
)


def echoed(protocol):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, protocol], stderr=subprocess.PIPE, text=True)
    try:
        port = next(found[1] for line in process.stderr if (found := re.search(r"127.0.0.1:(\d+)", line)))
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection, connection.makefile("rb") as answer:
            connection.sendall(REQUEST)
            length = next(int(line.split()[1]) for line in answer if line.lower().startswith(b"content-length"))
            while answer.readline() != b"\r\n":
                pass
            body = answer.read(length)
    finally:
        process.terminate()
        process.communicate()
    print(f"{protocol}: the application got {body!r}")
    return body


assert echoed("h11") == b"hello"
assert echoed("httptools") == b""
PYTHON
