#!/usr/bin/env bash
# pydantic-ai-slim 2.68.0: a conversation with an image, loaded from a ConversationStore, turned into JSON and back, as a
# web server does between two requests, and saved again.
#
# Expected: nothing is new, so nothing is stored, as with a conversation without an image.
# Seen: a BinaryContent with an image comes back as a BinaryImage, which does not equal it. The store takes the history for a
# rewritten one: everything from the image on is stored again, and the old messages become a branch.
# Why it matters: each request stores the images once more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic-ai-slim==2.68.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from pydantic_ai.conversation import Conversation, ConversationTypeAdapter
from pydantic_ai.conversation_store import InMemoryConversationStore
from pydantic_ai.messages import BinaryContent, ModelRequest, UserPromptPart


async def stored_again(media_type):
    store = InMemoryConversationStore()
    content = BinaryContent(b"data", media_type=media_type)
    asked = ModelRequest(parts=[UserPromptPart(["What is this?", content])])
    await store.save(Conversation(messages=[asked], conversation_id="chat"))
    sent = ConversationTypeAdapter.dump_json(await store.load("chat"))
    new = await store.save(ConversationTypeAdapter.validate_json(sent))
    return len(new), len((await store.read_record("chat")).branches)


document, image = (asyncio.run(stored_again(one)) for one in ("application/pdf", "image/png"))
print("messages stored again, and branches: with a document", document, "with an image", image)
assert document == (0, 0)
assert image == (1, 1)
PYTHON
