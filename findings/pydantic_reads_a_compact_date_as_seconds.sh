#!/usr/bin/env bash
# pydantic 2.14.4: the text "20230508" as a datetime.
#
# Expected: 8 May 2023, as ISO 8601's basic form has it and datetime.fromisoformat reads it; or an error.
# Seen: 23 August 1970: digits alone are seconds since 1970, in text too. As a date the same text is an error.
# Why it matters: a memory whose timestamp comes through a pydantic model is silently dated half a century too early, and
# expires or drops out of every question about a time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.4
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import date, datetime

from pydantic import TypeAdapter, ValidationError

text = "20230508"
assert datetime.fromisoformat(text) == datetime(2023, 5, 8)
read = TypeAdapter(datetime).validate_python(text)
print(f"{text!r} is {read}")
assert read.date() == date(1970, 8, 23)
assert TypeAdapter(datetime).validate_json(f'"{text}"') == read
try:
    TypeAdapter(date).validate_python(text)
except ValidationError as error:
    print("as a date:", error.errors()[0]["type"])
else:
    raise SystemExit("as a date it is read now")
PYTHON
