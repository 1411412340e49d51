#!/usr/bin/env bash
# Litestar 2.25.0: parameters={...} of a router, whose entries its handlers inherit.
#
# Expected: a path parameter is described there once for all handlers below, as a header or a query parameter is.
# Seen: the application does not start: "Kwarg resolution ambiguity", although there is one org_id and one description of it.
# The same description at the handler's own argument works.
# Why it matters: a prefix such as /orgs/{org_id} is the parameter that all handlers share, and the one that can't be shared.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litestar==2.25.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from typing import Annotated

from litestar import Litestar, Router, get
from litestar.exceptions import ImproperlyConfiguredException
from litestar.params import Parameter

ABOUT = "Whose memories"


@get("/memories")
async def of_header(org_id: str) -> str:
    return org_id


@get("/{org_id:str}/memories")
async def of_path(org_id: str) -> str:
    return org_id


@get("/{org_id:str}/memories")
async def of_path_alone(org_id: Annotated[str, Parameter(description=ABOUT)]) -> str:
    return org_id


def described(handler, **parameters):
    try:
        schema = Litestar([Router("/orgs", route_handlers=[handler], parameters=parameters)]).openapi_schema
    except ImproperlyConfiguredException as error:
        return error.detail
    [path] = schema.paths.values()
    [parameter] = path.get.parameters
    return parameter.param_in, parameter.description


header = described(of_header, org_id=Parameter(str, header="X-Org", description=ABOUT))
at_handler = described(of_path_alone)
path = described(of_path, org_id=Parameter(str, description=ABOUT))
print("header, at the router:", header)
print("path, at the handler:", at_handler)
print("path, at the router:", path)
assert header == ("header", ABOUT)
assert at_handler == ("path", ABOUT)
assert path.startswith("Kwarg resolution ambiguity")
PYTHON
