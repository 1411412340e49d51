"""Environment variables that look like ours and are not read, so that a misspelt one is not ignored in silence."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

VARIABLES = frozenset(
    {
        "MEM0LITE_ACCESS_LOG",
        "MEM0LITE_API_KEY",
        "MEM0LITE_API_KEYS",
        "MEM0LITE_CACHE_BYTES",
        "MEM0LITE_CHECKSUMS",
        "MEM0LITE_CORS_ORIGINS",
        "MEM0LITE_DB",
        "MEM0LITE_DURABILITY",
        "MEM0LITE_EMBEDDING_MODEL",
        "MEM0LITE_HOST",
        "MEM0LITE_INSECURE",
        "MEM0LITE_MAX_BODY_BYTES",
        "MEM0LITE_PORT",
        "MEM0LITE_READ_ONLY",
        "MEM0LITE_RERANKER",
        "MEM0LITE_STATEMENT_TIMEOUT_SECONDS",
        "MEM0LITE_VACUUM_INTERVAL_SECONDS",
        "MEM0LITE_WEBHOOK_ALLOW_PRIVATE",
        "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS",
        "MEM0_USE_GRAPH_FOR_CATEGORIES",
        "ADMIN_API_KEY",
    }
)
"""Every variable that is read, by whatever part; a test compares them with the code."""

_TESTS = "MEM0LITE_TEST_"  # how this project's tests are steered
_OURS = re.compile(r"MEM[0O]_?LITE[-_]?", re.IGNORECASE)
_MEM0S = re.compile(r"MEM[0O]_", re.IGNORECASE)
_OF_MEM0 = frozenset({"MEM0_API_KEY"})  # which would look misspelt; the others look like none of ours
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|AUTH", re.IGNORECASE)
_ALIKE = 0.75  # as difflib measures it: SHORT_TERM_TTL_SECONDS is near enough, USE_GRAPH is not
_KEYS = "MEM0LITE_API_KEYS"

_MEANT_BY_MEM0S = frozenset({name for name in VARIABLES if name.startswith("MEM0_")} | {_KEYS})

_named: set[str] = set()  # by this process, in its log


class Unread(NamedTuple):
    """A variable that nobody reads."""

    name: str
    meant: str | None
    """The one it may be a misspelling of."""

    @property
    def secret(self) -> bool:
        """Whether it was to set who may ask: a server without it would be open."""
        return self.meant == _KEYS or (_OURS.match(self.name) is not None and _SECRET.search(self.name) is not None)

    def __str__(self) -> str:
        hint = f" Did you mean {self.meant}?" if self.meant else ""
        return f"The environment variable {self.name} is not read by mem0lite.{hint}"


def unread(environment: Mapping[str, str]) -> Iterator[Unread]:
    """Yield the variables, other than empty ones, that look like ours or like mem0's that we read, and are not."""
    for name in sorted(environment):
        if not environment[name] or name in VARIABLES | _OF_MEM0 or name.startswith(_TESTS):
            continue
        if _OURS.match(name):
            yield Unread(name, _meant(_OURS.sub("", name, count=1), VARIABLES))
        elif _MEM0S.match(name) and (meant := _meant(_MEM0S.sub("", name, count=1), _MEANT_BY_MEM0S)):
            yield Unread(name, meant)


def name_unread(environment: Mapping[str, str] | None = None) -> None:
    """Log what this process's environment holds and nobody reads, each once; what another one holds, always."""
    for found in unread(os.environ if environment is None else environment):
        if environment is not None or found.name not in _named:
            import logging  # where there is something to say: it and difflib are a tenth of an import of mem0lite

            logging.getLogger("mem0lite").warning("%s", found)
        if environment is None:
            _named.add(found.name)


def _meant(rest: str, variables: frozenset[str]) -> str | None:
    """Return the one of ``variables`` that is written like ``rest`` after its prefix."""
    import difflib

    bare = {_letters(re.sub(r"^MEM0(LITE)?_", "", name)): name for name in sorted(variables, reverse=True)}
    close = difflib.get_close_matches(_letters(rest), bare, n=1, cutoff=_ALIKE)
    return bare[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())
