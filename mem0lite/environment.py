"""What a process is given: the processors it may use, and its environment variables.

Variables that look like ours but are not read are reported, so that a misspelt one is not silently ignored.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
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
        "MEM0LITE_LLM_API_KEY",
        "MEM0LITE_LLM_MODEL",
        "MEM0LITE_LLM_URL",
        "MEM0LITE_MAX_BODY_BYTES",
        "MEM0LITE_MAX_BYTES_PER_USER",
        "MEM0LITE_MAX_MEMORIES_PER_USER",
        "MEM0LITE_MCP",
        "MEM0LITE_MCP_USER_ID",
        "MEM0LITE_OPENTELEMETRY",
        "MEM0LITE_OPENTELEMETRY_CONTENT",
        "MEM0LITE_POOL_SIZE",
        "MEM0LITE_POOL_TIMEOUT_SECONDS",
        "MEM0LITE_PORT",
        "MEM0LITE_RATE_LIMIT_PER_MINUTE",
        "MEM0LITE_READ_ONLY",
        "MEM0LITE_RERANKER",
        "MEM0LITE_STATEMENT_TIMEOUT_SECONDS",
        "MEM0LITE_UI",
        "MEM0LITE_URL",
        "MEM0LITE_VACUUM_INTERVAL_SECONDS",
        "MEM0LITE_WEBHOOK_ALLOW_PRIVATE",
        "MEM0LITE_WORKERS",
        "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS",
        "MEM0_DEFAULT_USER_ID",
        "MEM0_USE_GRAPH_FOR_CATEGORIES",
        "ADMIN_API_KEY",
    }
)
"""Every setting that the package reads; a test compares them with the code. Not among them are ``MEM0_API_KEY``,
a key for moving in, and variables of other tools: ``FASTEMBED_CACHE_PATH``, ``HF_ENDPOINT`` and ``XDG_CACHE_HOME``."""

_TESTS = "MEM0LITE_TEST_"  # options of this project's tests
_OURS = re.compile(r"MEM[0O]_?LITE[-_]?", re.IGNORECASE)
_MEM0S = re.compile(r"MEM[0O]_", re.IGNORECASE)
_OF_MEM0 = frozenset({"MEM0_API_KEY"})  # it would look misspelt; mem0's other variables are not like ours
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|AUTH", re.IGNORECASE)
_ALIKE = 0.75  # difflib's ratio: SHORT_TERM_TTL_SECONDS is close enough, USE_GRAPH is not
_KEYS = "MEM0LITE_API_KEYS"
_SENT_KEY = "MEM0LITE_LLM_API_KEY"  # for somebody else's server
_URL = "MEM0LITE_URL"

_MEANT_BY_MEM0S = frozenset({name for name in VARIABLES if name.startswith("MEM0_")} | {_KEYS})

_named: set[str] = set()  # that this process has logged


class Unread(NamedTuple):
    """A variable that is not read."""

    name: str
    meant: str | None
    """The variable it may be a misspelling of."""

    @property
    def secret(self) -> bool:
        """Whether it was meant to set a key of this server: without one, it would be open."""
        if self.meant == _SENT_KEY:
            return False
        return self.meant == _KEYS or (_OURS.match(self.name) is not None and _SECRET.search(self.name) is not None)

    def __str__(self) -> str:
        hint = f" Did you mean {self.meant}?" if self.meant else ""
        return f"The environment variable {self.name} is not read by mem0lite.{hint}"


def unread(environment: Mapping[str, str]) -> Iterator[Unread]:
    """Yield variables that are set and look like one of ours, or like one of mem0's that we read, but are not."""
    for name in sorted(environment):
        if not environment[name] or name in VARIABLES | _OF_MEM0 or name.startswith(_TESTS):
            continue
        if _OURS.match(name):
            yield Unread(name, _meant(_OURS.sub("", name, count=1), VARIABLES))
        elif _MEM0S.match(name) and (meant := _meant(_MEM0S.sub("", name, count=1), _MEANT_BY_MEM0S)):
            yield Unread(name, meant)


def name_unread(environment: Mapping[str, str] | None = None) -> None:
    """Log the variables that are not read: each once if they are this process's, always if they are given."""
    given = os.environ if environment is None else environment
    for name, said in [*((found.name, str(found)) for found in unread(given)), *_for_commands(given)]:
        if environment is not None or name not in _named:
            import logging  # only when needed: it and difflib are a tenth of the import of mem0lite

            logging.getLogger("mem0lite").warning("%s", said)
        if environment is None:
            _named.add(name)


def commands_run() -> None:
    """Say that this process is the command line, which reads the variable that names a server."""
    _named.add(_URL)


def _for_commands(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with naming a server to a program that has a file of its own: it would not be asked."""
    if environment.get(_URL):
        yield (
            _URL,
            f"{_URL} names a server to mem0lite's commands; a program that opens a file, or serves one, does not "
            "use it.",
        )


def _meant(rest: str, variables: frozenset[str]) -> str | None:
    """Return the one of ``variables`` that is spelt like ``rest`` after its prefix."""
    import difflib

    bare = {_letters(re.sub(r"^MEM0(LITE)?_", "", name)): name for name in sorted(variables, reverse=True)}
    close = difflib.get_close_matches(_letters(rest), bare, n=1, cutoff=_ALIKE)
    return bare[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())


def processors(root: Path = Path("/")) -> int:
    """Return how many processors this process may use, at least 1.

    ``os.cpu_count`` returns those of the machine. A process may be bound to some of them, or be in a container that
    allows it the time of a few.
    """
    return max(1, min([_usable(), *map(math.ceil, _quotas(root))]))


def _usable() -> int:
    if hasattr(os, "process_cpu_count"):  # since Python 3.13
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Yield how many processors' time the control groups (version 2) of this process allow it, where they limit it."""
    groups = root / "sys/fs/cgroup"
    with suppress(OSError):
        membership = (root / "proc/self/cgroup").read_text().splitlines()
        own = next((line.removeprefix("0::/") for line in membership if line.startswith("0::/")), "")
        for group in (groups / own, *(groups / own).parents):
            with suppress(OSError, ValueError, ZeroDivisionError):  # "max": no limit
                quota, period = map(int, (group / "cpu.max").read_text().split())
                yield quota / period
            if group == groups:
                return
