#!/usr/bin/env bash
# anthropic 2.14.0: client.beta.messages.tool_runner, what its second request holds.
#
# Expected: every request to /v1/messages holds the whole conversation, as the Messages API keeps none.
# Seen: the second request holds the result of the tool only, and a "thread" that names the message before it.
# Why it matters: a gateway, a recording or a test that reads the conversation from a request finds one message in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.14.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json

import httpx2
from anthropic import Anthropic, beta_tool


@beta_tool
def weather() -> str:
    """Tell the weather."""
    return "Rain"


requests = []


def answer(request):
    requests.append(json.loads(request.content))
    block = {"type": "text", "text": "It rains."}
    if len(requests) == 1:
        block = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [block]}
    reason = "tool_use" if len(requests) == 1 else "end_turn"
    usage = {"input_tokens": 1, "output_tokens": 1}
    return httpx2.Response(200, json={**message, "stop_reason": reason, "stop_sequence": None, "usage": usage})


client = Anthropic(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
question = {"role": "user", "content": "How is the weather?"}
client.beta.messages.tool_runner(model="m", max_tokens=9, tools=[weather], messages=[question]).until_done()
print(json.dumps(requests[1]["messages"]), requests[1].get("thread"))
assert [message["role"] for message in requests[1]["messages"]] == ["user"]
assert requests[1]["messages"][0]["content"][0]["type"] == "tool_result"
assert requests[1]["thread"] == {"type": "continue", "previous_message_id": "m1"}
PYTHON
