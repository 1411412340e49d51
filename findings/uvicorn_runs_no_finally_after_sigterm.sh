#!/usr/bin/env bash
# uvicorn 0.54.0: a program that calls uvicorn.run() and is stopped by SIGTERM, as every process manager and container does.
#
# Expected: a graceful shutdown, after which run() returns and the program goes on, as it does after SIGINT.
# Seen: the application's lifespan ends as it should, but then the signal is raised again with its default effect: the process
# dies of it, and neither the lines after run() nor finally and atexit are ever reached.
# Why it matters: a store that is closed there stays open; close it in the lifespan.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import signal
import subprocess
import sys

PROGRAM = """
import atexit, uvicorn
atexit.register(lambda: print("atexit", flush=True))

async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        event = (await receive())["type"]
        print(event, flush=True)
        await send({"type": event + ".complete"})
        if event == "lifespan.shutdown":
            return

try:
    uvicorn.run(app, host="127.0.0.1", port=0, log_level="info")
finally:
    print("finally", flush=True)
"""


def stopped_by(number):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:  # until it serves
        if "running on" in line:
            break
    process.send_signal(number)
    shown = process.communicate(timeout=30)[0].split()
    print(f"{number.name}: {shown}, exit code {process.returncode}")
    return shown, process.returncode


assert stopped_by(signal.SIGINT) == (["lifespan.startup", "lifespan.shutdown", "finally", "atexit"], 0)
assert stopped_by(signal.SIGTERM) == (["lifespan.startup", "lifespan.shutdown"], -signal.SIGTERM)
PYTHON
