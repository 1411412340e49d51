#!/usr/bin/env bash
# camel-ai 0.2.90 (with mem0ai 2.2.1): Mem0Storage.save() with what MemoryRecord.to_dict() makes, as camel's own memories do.
#
# Expected: the record goes to the service, or save() raises.
# Seen: to_dict() writes the role as text, save() reads its .value, and the AttributeError is logged. Nothing is sent, and the
# caller can't tell.
# Why it matters: nothing that an agent says is ever kept, while every call succeeds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check camel-ai==0.2.90 mem0ai==2.2.1
cd "$folder"
MEM0_TELEMETRY=false MEM0_DIR="$folder/mem0" "$folder/venv/bin/python" - <<'PYTHON'
import functools
import logging

import httpx
import mem0

asked = []


def answer(request):
    """Answer for the hosted service, which is not asked."""
    asked.append(f"{request.method} {request.url.path}")
    return httpx.Response(200, json={"results": [], "org_id": "o", "project_id": "p"})


client = httpx.Client(transport=httpx.MockTransport(answer))
mem0.MemoryClient = functools.partial(mem0.MemoryClient, client=client)

from camel.memories import MemoryRecord
from camel.messages import BaseMessage
from camel.storages import Mem0Storage
from camel.types import OpenAIBackendRole

logged = []
handler = logging.Handler()
handler.emit = lambda record: logged.append(record.getMessage())
logging.getLogger("camel").addHandler(handler)
storage = Mem0Storage(agent_id="helper", user_id="ann", api_key="key")
message = BaseMessage.make_user_message("Ann", "I like rice")
record = MemoryRecord(message=message, role_at_backend=OpenAIBackendRole.USER)
storage.save([record.to_dict()])
print("asked:", asked)
print("logged:", *logged)
assert asked == ["GET /v1/ping/"]  # the constructor's, and no more
assert any("'str' object has no attribute 'value'" in line for line in logged)
PYTHON
