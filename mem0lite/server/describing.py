"""What the OpenAPI document says of each field: the text that stands under it in its class, and an example.

The shapes are classes: TypedDicts in ``types.py`` and in the rooms called ``responses``, structs in those called
``requests``. Litestar makes their schemas. The texts are read from the source, as Pydantic's
``use_attribute_docstrings`` does, when somebody first asks for the document. Where there is no source, as in a program
that is frozen without it, the document has no texts.

Rejected: ``Annotated[str, …]`` around each type. Editors do not show such texts, every import would pay for them, and
the classes would be hard to read.
"""

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .. import types
from ..search.ranking import Ranking
from . import requests, responses
from .examples import EXAMPLES
from .hosted import requests as hosted_requests
from .hosted import responses as hosted_responses

SHAPES: dict[str, Any] = {
    name: one
    for room in (types, requests, responses, hosted_requests, hosted_responses)
    for name, one in vars(room).items()
    if inspect.isclass(one) and one.__module__ == room.__name__
}
"""The classes that the document may show, by their names in it. The server's own come before those of ``types``."""

_ALIKE: dict[str, tuple[type, ...]] = {
    "HostedMemory": (types.SearchHit,),  # not a base, because no field of a hosted memory has to be there
    "HostedSearch": (requests.SearchRequest,),  # not a base, because a struct has one line of bases only
}
"""Classes whose fields mean the same. Their texts stand for those that are missing."""


def describe(components: dict[str, dict[str, Any]]) -> None:
    """Add texts and examples to the schemas of an OpenAPI document. What a field already has, stays."""
    for name, component in components.items():
        shape = SHAPES[name]
        component["description"] = _prose(shape.__doc__ or "")
        texts = documentation(shape)
        for field, schema in component["properties"].items():
            if field in texts:
                schema.setdefault("description", texts[field])
            for example in examples(name, field):
                schema.setdefault("examples", [example])


def documentation(shape: Any) -> dict[str, str]:
    """Return the text of each field of a class, including the fields of its bases."""
    texts: dict[str, str] = {}
    for base in reversed(_bases(shape)):
        texts |= documentation(base)
    return texts | _texts(shape.__module__).get(shape.__name__, {})


def examples(shape: str, field: str) -> Iterator[Any]:
    """Yield the example of a field of a class: its own, or that of all fields of this name. Some have none."""
    for name in (f"{shape}.{field}", field):
        if name in EXAMPLES:
            yield EXAMPLES[name]
            return


def _bases(shape: Any) -> list[Any]:
    bases = (*vars(shape).get("__orig_bases__", shape.__bases__), *_ALIKE.get(shape.__name__, ()))
    return [one for one in bases if inspect.isclass(one) and one.__module__.startswith(f"{_PACKAGE}.")]


_PACKAGE = types.__name__.partition(".")[0]


@functools.cache
def _texts(module: str) -> dict[str, dict[str, str]]:
    """Return the text under each field of each class of a module."""
    try:
        source = inspect.getsource(sys.modules[module])
    except OSError:
        return {}
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return {one.name: dict(_fields(one.body)) for one in classes}


def _fields(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, _prose(below.value.value)


_JSON_WORDS = {"None": "null", "True": "true", "False": "false"}


def _prose(text: str) -> str:
    """Return a text of the source as Markdown for readers of JSON.

    >>> _prose('''None when ``explain`` is
    ... False.''')
    'null when `explain` is false.'
    """
    text = " ".join(text.split()).replace("``", "`").replace("{signals}", ", ".join(Ranking().weights()))
    return re.sub(r"\b(None|True|False)\b", lambda found: _JSON_WORDS[found[1]], text)
