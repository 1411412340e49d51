#!/usr/bin/env bash
# npm's @openai/codex 0.171.0, Linux: what `codex exec` writes into ~/.codex/sessions.
#
# Expected: as in its source of earlier versions, each prompt is an event_msg of the type user_message and each answer one of the
# type agent_message, which tell them from what the program itself writes in the user's name.
# Seen: neither is there. The same is in events of the type item_completed, in items of the types UserMessage and AgentMessage,
# whose parts are of the type "text" for the user and "Text" for the model.
# Why it matters: a reader of transcripts that asks for the old events finds no conversation at all, and no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts @openai/codex@0.171.0
python3 - "$folder" <<'PYTHON'
import glob
import http.server
import json
import os
import subprocess
import sys
import threading

folder = sys.argv[1]


class Model(http.server.BaseHTTPRequestHandler):
    """Answers for the model, which is not asked."""

    def do_GET(self):
        self.answer("application/json", b'{"data": [], "models": []}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        said = {"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": "Rice."}]}
        events = [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "item": said},
            {"type": "response.completed", "response": {"id": "r", "usage": None}},
        ]
        lines = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
        self.answer("text/event-stream", lines.encode())

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.makedirs(f"{folder}/home/.codex")
with open(f"{folder}/home/.codex/config.toml", "w") as settings:
    settings.write(f"""
model = "any"
model_provider = "here"
[model_providers.here]
name = "here"
base_url = "http://127.0.0.1:{server.server_port}/v1"
wire_api = "responses"
""")
environment = {"HOME": f"{folder}/home", "PATH": os.environ["PATH"]}
command = [f"{folder}/node_modules/.bin/codex", "exec", "--skip-git-repo-check", "Which food do I like?"]
subprocess.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=120)
[transcript] = glob.glob(f"{folder}/home/.codex/sessions/**/*.jsonl", recursive=True)
with open(transcript) as lines:
    events = [one["payload"] for one in map(json.loads, lines) if one["type"] == "event_msg"]
print(*(one["type"] for one in events))
items = [one["item"] for one in events if one["type"] == "item_completed"]
print(*(json.dumps(one["content"]) for one in items), sep="\n")
assert not {"user_message", "agent_message"} & {one["type"] for one in events}
assert [one["type"] for one in items] == ["UserMessage", "AgentMessage"]
assert [one["content"][0]["type"] for one in items] == ["text", "Text"]
PYTHON
