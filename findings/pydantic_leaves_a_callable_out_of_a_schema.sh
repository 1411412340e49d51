#!/usr/bin/env bash
# pydantic 2.14.4: the JSON schema of a union with a callable, which JSON can't hold.
#
# Expected: one answer for all of them: an error, or a schema without the callable.
# Seen: "Callable | None" is an error, even as an optional field; "Callable | str | None" has a schema of string and null.
# Why it matters: an option that may also be a string is left out of a tool's or server's document without a word, and when
# the string goes from the union, the whole document no longer builds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.4
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from collections.abc import Callable

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema


def schema(type_):
    try:
        return TypeAdapter(type_).json_schema()
    except PydanticInvalidForJsonSchema as error:
        return str(error).splitlines()[0]


with_string, without = schema(Callable | str | None), schema(Callable | None)
print("Callable | str | None:", with_string)
print("Callable | None:", without)
assert with_string == {"anyOf": [{"type": "string"}, {"type": "null"}]}
assert without.startswith("Cannot generate a JsonSchema")
PYTHON
