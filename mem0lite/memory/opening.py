"""What the constructor of Memory accepts, from its arguments or from the environment."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..embedding.local import resolve
from ..embedding.protocol import Embedder, identity
from ..errors import ConfigurationError, EmbedderMismatchError, ValidationError
from ..files import store_path
from ..graph import Extractor, RuleExtractor
from ..llm.protocol import LanguageModel
from ..store import Queue, Quota, Store
from ..values import argument_flag, seconds_to_micros, shown
from .arguments import Duration
from .graphs import clean_categories, listed

if TYPE_CHECKING:
    from .decay import Uses
    from .drawing import Drawer
    from .searching import Searcher
    from .writing import Writer

DEFAULT_SHORT_TERM_TTL = 3600.0
DEFAULT_CACHE_BYTES = 512 * 2**20

_CATEGORIES = "MEM0_USE_GRAPH_FOR_CATEGORIES"


def refuse_configuration(path: object, config: object) -> None:
    """Raise ConfigurationError for a configuration of mem0, which ``from_config`` opens."""
    if isinstance(path, Mapping) or config is not None:
        given = "config" if config is not None else "path"
        raise ConfigurationError(f"{given}: open a configuration of mem0 with Memory.from_config(…).")


def path_of(given: str | os.PathLike[str] | None) -> str:
    """Return the path of the store."""
    name, default = "MEM0LITE_DB", "mem0lite.db"
    return store_path(os.environ.get(name) or default, name) if given is None else store_path(given, "path")


def switch(given: bool, name: str) -> bool:
    """Return a yes or no of the constructor, as ``argument_flag`` does."""
    try:
        return argument_flag(given, name)
    except ValidationError as error:
        raise ConfigurationError(str(error)) from None


def with_embedder(
    given: Embedder | str | os.PathLike[str] | None, opened: Callable[..., Store]
) -> tuple[Embedder, Store]:
    """Return the embedder of a store, and the store that ``opened`` opens with its identity.

    None is the bundled model, or the multilingual one if the file remembers that one.
    """
    embedder = resolve(given)
    try:
        return embedder, opened(embedder=identity(embedder))
    except EmbedderMismatchError as error:
        if given is not None or error.remembered is None:
            raise
        from ..embedding.multilingual import IDENTITY, MULTILINGUAL_MODEL  # few files have it

        if error.remembered != IDENTITY:
            raise
    embedder = resolve(MULTILINGUAL_MODEL)
    return embedder, opened(embedder=identity(embedder))


def utc_now() -> datetime:
    """Return the present; the default clock."""
    return datetime.now(UTC)


def short_term_ttl(given: Duration | None) -> int:
    """Return the lifetime of short-term memories in microseconds."""
    if given is not None:
        return seconds_to_micros(given, "short_term_ttl")
    name = "MEM0_DEFAULT_SHORT_TERM_TTL_SECONDS"
    try:
        return seconds_to_micros(float(os.environ.get(name) or DEFAULT_SHORT_TERM_TTL), name)
    except ValueError:
        raise ConfigurationError(f"{name}: {os.environ[name]!r} is not a number of seconds, 0 or more.") from None


def cache_bytes(given: int | None) -> int:
    """Return how many bytes of vectors searches may keep in memory."""
    name, value = "cache_bytes", given
    if given is None:
        name = "MEM0LITE_CACHE_BYTES"
        text = os.environ.get(name) or str(DEFAULT_CACHE_BYTES)
        value = int(text) if text.isdecimal() else -1
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name}: must be a whole number of bytes, 0 or more.")
    return value


def quota(memories: int | None, bytes_: int | None) -> Quota:
    """Return the most that each user may keep."""
    return Quota(_most(memories, "max_memories_per_user"), _most(bytes_, "max_bytes_per_user"))


def _most(given: int | None, argument: str) -> int | None:
    name, value = argument, given
    if given is None:
        name = f"MEM0LITE_{argument.upper()}"
        text = os.environ.get(name) or "0"
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ConfigurationError(f"{name}: must be a whole number from 0 on, where 0 is any number.")
    return value or None


def extractor_of(given: Extractor | None) -> Extractor:
    """Return what finds entities and relations in texts."""
    if given is None:
        return RuleExtractor()
    if not isinstance(given, Extractor):
        raise ConfigurationError(f"graph_extractor: {shown(given)} has no method extract(text).")
    return given


def graph_categories(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the graph categories that are asked for, in order; None leaves them to the file."""
    try:
        if given is not None:
            return clean_categories(given, "graph_categories")
        return clean_categories(os.environ.get(_CATEGORIES) or "", _CATEGORIES) or None
    except ValidationError as error:
        raise ConfigurationError(str(error)) from None


def drawer(
    model: LanguageModel | None, writer: "Writer", searcher: "Searcher", uses: "Uses", clock: Callable[[], datetime]
) -> "Drawer | None":
    """Return what draws facts with a language model, if there is one."""
    if model is None:
        return None
    if not isinstance(writer.store, Queue):
        raise ConfigurationError("llm: this store keeps no facts. Use a store that does, such as a file.")
    from .drawing import Drawer  # what asks a model; few have one

    return Drawer(model, writer, searcher, uses, clock)


def with_model(found: "Drawer | None", verb: str) -> "Drawer":
    """Return what draws facts. Raises ConfigurationError where there is no language model."""
    if found is None:
        raise ConfigurationError(
            f"{verb} needs a language model, and this store was opened without one. Open it with llm=…, or set "
            "MEM0LITE_LLM_URL and MEM0LITE_LLM_MODEL."
        )
    return found


def check_categories(path: str, categories: tuple[str, ...], asked: tuple[str, ...] | None, *, given: bool) -> None:
    """Compare the file's graph categories with those that are asked for.

    If they differ, an argument (``given``) is an error, and the environment is a warning.
    """
    if asked in (None, categories):
        return
    import shlex

    changed = f"--categories {shlex.quote(','.join(asked))}" if asked else "--no-categories"
    command = f"mem0lite reindex --graph --db {shlex.quote(path)} {changed}"
    found = f"{path} has the graph categories {listed(categories)}"
    if given:
        raise ConfigurationError(
            f"graph_categories: {found}, not {listed(asked)}. Leave the argument out to use the "
            f"file's, or change them once with reindex_graph(categories=…) or: {command}"
        )
    warnings.warn(
        f"{_CATEGORIES} is {listed(asked)}, but {found}, which are used. To change them: {command}",
        stacklevel=3,  # the caller of Memory()
    )
