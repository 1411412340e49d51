#!/usr/bin/env bash
# httpx 0.28.1: a URL that has a query, and a client that has default parameters.
#
# Expected: both, as requests merges them; or those of the request alone.
# Seen: parameters replace the whole query of the URL, even an empty dictionary and even a client's defaults, such as a key.
# Why it matters: following the "next" link of a paged list with a client that adds its key asks for the first page again, for
# ever, or for everybody's memories instead of the user named in the link.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import httpx

link = "http://store.example/memories?page=2&user_id=ann"
for client, given in ((httpx.Client(), {"limit": 5}), (httpx.Client(), {}), (httpx.Client(params={"key": "k"}), None)):
    asked = client.build_request("GET", link, params=given).url
    print(f"defaults {dict(client.params)}, params {given}: {asked}")
    assert "page" not in asked.params
    assert "user_id" not in asked.params
assert httpx.Client().build_request("GET", link).url == link
PYTHON
