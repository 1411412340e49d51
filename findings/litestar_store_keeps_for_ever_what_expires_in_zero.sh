#!/usr/bin/env bash
# Litestar 2.25.0: MemoryStore.set(expires_in=0).
#
# Expected: what lives for no time is gone at once, as with expires_in=-1.
# Seen: it never expires: a zero is taken for no lifetime at all.
# Why it matters: a lifetime that is computed ("what is left of the session") reaches 0, and the value stays for good.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litestar==2.25.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from litestar.stores.memory import MemoryStore


async def main():
    store = MemoryStore()
    for seconds in (-1, 0):
        await store.set("key", "value", expires_in=seconds)
        await asyncio.sleep(1.1)
        print(f"expires_in={seconds}: {await store.get('key')}, {await store.expires_in('key')} seconds left")
    assert await store.get("key") == b"value"
    assert await store.expires_in("key") == -1  # which says that it does not expire
    await store.set("key", "value", expires_in=-1)
    assert await store.get("key") is None


asyncio.run(main())
PYTHON
