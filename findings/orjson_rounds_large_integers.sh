#!/usr/bin/env bash
# orjson 3.13.0: integers of more than 64 bits.
#
# Expected: an error, as orjson.dumps gives for the same number ("Integer exceeds 64-bit range"); or the integer, as json has.
# Seen: orjson.loads answers with a float, without a word: neighbours become equal, and the type has changed.
# Why it matters: ids and hashes in metadata that pass through it once no longer tell two memories apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check orjson==3.13.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json

import orjson

one, other = 2**64 + 1, 2**64 + 2
read = orjson.loads(str(one)), orjson.loads(str(other))
print(f"{one} and {other} are {read[0]!r} and {read[1]!r}")
assert isinstance(read[0], float)
assert read[0] == read[1]
assert json.loads(str(one)) == one != json.loads(str(other))
try:
    orjson.dumps(one)
except TypeError as error:
    print("dumps:", error)
else:
    raise SystemExit("dumps takes it now")
PYTHON
