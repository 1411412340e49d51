#!/usr/bin/env bash
# httpx 0.28.1: a parameter or a form's field whose value is None, and requests 2.32.5 beside it.
#
# Expected: None is "not given" and is left out, as requests does, whose interface httpx follows.
# Seen: it is sent as an empty text: ?user_id=. And True is sent as "true" where requests sends "True".
# Why it matters: a server that tells "no filter" from "the filter is empty" finds nothing, or refuses, after a change of
# library that no type check sees.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 requests==2.32.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import httpx
import requests

URL, values = "http://store.example/memories", {"user_id": None, "all": True}
sent = {
    "httpx": (httpx.Request("GET", URL, params=values).url.query, httpx.Request("POST", URL, data=values).read()),
    "requests": (
        requests.Request("GET", URL, params=values).prepare().url.partition("?")[2].encode(),
        requests.Request("POST", URL, data=values).prepare().body.encode(),
    ),
}
for library, (query, form) in sent.items():
    print(f"{library}: query {query.decode()!r}, form {form.decode()!r}")
assert sent["requests"] == (b"all=True", b"all=True")
assert sent["httpx"] == (b"user_id=&all=true", b"user_id=&all=true")
PYTHON
