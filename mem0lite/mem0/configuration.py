"""mem0's configuration dictionaries, of 0.1 to 2.x, read into the arguments of Memory.

What mem0 spreads over a vector store, an embedding service and a history database is one file here, so most of such
a dictionary has no effect. One warning names those parts, so that none is dropped in silence. It never shows their
values, because keys and passwords are among them.
"""

import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NotRequired
from urllib.parse import quote

from ..embedding.bundled import BUNDLED_MODEL
from ..embedding.rerank import Configured, LocalReranker
from ..errors import ConfigurationError, EmbeddingError
from ..files import store_path
from ..llm.protocol import LanguageModel
from ..types import TypedDict

_DEFAULT_FILE = "mem0lite.db"
_DEFAULT_COLLECTION = "mem0"
_FILE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_BUNDLED_NAMES = (BUNDLED_MODEL, f"sentence-transformers/{BUNDLED_MODEL}")

_NO_MODEL = "no language model is used"
_UNUSED = {
    "custom_fact_extraction_prompt": "give prompt to add()",
    "custom_update_memory_prompt": "facts are compared by mem0lite's own prompt",
    "custom_instructions": "give them to add(), or set them for the project",
    "custom_prompt": "give prompt to add()",
    "graph_store": "no graph database is used",
    "history_db_path": "histories are in the memories' file",
}
_HARMLESS = {
    "path",
    "collection_name",
    "on_disk",
    "embedding_model_dims",
}  # of a vector store: used, or without effect in mem0, too


_RERANKERS = {
    "sentence_transformer": "cross-encoder/ms-marco-MiniLM-L-6-v2",
    "huggingface": "BAAI/bge-reranker-base",
    "fastembed": None,
    None: None,
}
"""The providers whose models run on this machine, with their default models."""
_TWINS = {f"cross-encoder/{name}": f"Xenova/{name}" for name in ("ms-marco-MiniLM-L-6-v2", "ms-marco-MiniLM-L-12-v2")}
"""Models that mem0's guides name, and the same weights in ONNX."""
_OF_A_RERANKER = {
    "model",
    "top_k",
    "batch_size",
    "show_progress_bar",
    "num_workers",
}  # used, or without effect in mem0, too


class _Provider(NamedTuple):
    """A provider of language models that speaks the OpenAI chat-completions protocol, as mem0 configures it."""

    fields: tuple[str, ...]
    """Of its config, with its URL."""
    url: str
    """Where it is by default."""
    variables: str = ""
    """What the names of mem0's environment variables for it begin with."""


_PROVIDERS = {
    "openai": _Provider(("openai_base_url", "base_url"), "https://api.openai.com/v1", "OPENAI"),
    "openai_structured": _Provider(("openai_base_url", "base_url"), "https://api.openai.com/v1", "OPENAI"),
    "openrouter": _Provider(("openrouter_base_url", "base_url"), "https://openrouter.ai/api/v1", "OPENROUTER"),
    "ollama": _Provider(("ollama_base_url", "base_url"), "http://localhost:11434"),
    "lmstudio": _Provider(("lmstudio_base_url", "base_url"), "http://localhost:1234/v1"),
    "vllm": _Provider(("vllm_base_url", "base_url"), "http://localhost:8000/v1", "VLLM"),
    "deepseek": _Provider(("deepseek_base_url", "base_url"), "https://api.deepseek.com", "DEEPSEEK"),
    "together": _Provider(("together_base_url", "base_url"), "https://api.together.xyz/v1", "TOGETHER"),
    "groq": _Provider(("groq_base_url", "base_url"), "https://api.groq.com/openai/v1", "GROQ"),
    "xai": _Provider(("xai_base_url", "base_url"), "https://api.x.ai/v1", "XAI"),
}
_URLS = ("_BASE_URL", "_API_BASE")  # what mem0's variables with a URL end with
_USED_OF_AN_LLM = {"model", "api_key", "max_tokens", "temperature"}


class CompatibilityWarning(UserWarning):
    """Parts of a mem0 configuration, or arguments of mem0, that have no effect here."""


class Arguments(TypedDict):
    """Arguments of Memory; None is the default."""

    path: str | None
    embedder: str | None
    reranker: NotRequired[Configured]
    llm: NotRequired[LanguageModel]


def read(config: object) -> Arguments:
    """Return the arguments of Memory for a mem0 configuration: a dictionary, or an object such as MemoryConfig.

    - ``path`` at the top is Memory's own.
    - Otherwise the vector store's ``path``, a folder in mem0, becomes a file beside that folder: ``/data/qdrant`` →
      ``/data/qdrant.db``. So neither touches what the other wrote. A path that ends in ``.db``, ``.sqlite`` or
      ``.sqlite3`` and is not a folder is the file itself.
    - A collection other than ``mem0`` gets its own file: ``/data/qdrant.notes.db``.
    - Missing folders above the file are created, as in mem0.
    - An embedder of provider ``fastembed`` is used, by its model's name.
    - So is a language model whose provider speaks the OpenAI chat-completions protocol, if its config names the model.
      Its URL and key may also be in the environment variables that mem0 reads.
    - So is a reranker, under ``reranker`` or ``rerank``, if its model is a folder or on this machine. If it cannot be
      used, the searches that it would have ordered say so.

    Warns once, with CompatibilityWarning, of everything that has no effect. Raises ConfigurationError for anything that
    is not a configuration, and for ``version`` v1.0, whose answers have another shape.
    """
    sections = {name: value for name, value in _mapping(config, "config").items() if value not in (None, {})}
    unused: list[str] = []
    arguments: Arguments = {
        "path": _path(sections.pop("path", None), _section(sections, "vector_store"), unused),
        "embedder": _embedder(_section(sections, "embedder"), unused),
    }
    if reranker := _reranker(sections, unused):
        arguments["reranker"] = reranker
    if model := _language_model(sections, unused):
        arguments["llm"] = model
    _check_version(sections, unused)
    unused += [f"{name} ({_UNUSED.get(name, 'unknown')})" for name in sections]
    if unused:
        warnings.warn(
            f"These parts of mem0's configuration have no effect in mem0lite: {'; '.join(unused)}. "
            "Remove them, or filter mem0lite.CompatibilityWarning.",
            CompatibilityWarning,
            stacklevel=3,  # who called from_config
        )
    return arguments


def _mapping(value: object, field: str) -> Mapping[Any, Any]:
    """Return a dictionary, or the fields that were set on a model."""
    if isinstance(value, Mapping):
        return value
    if isinstance(names := getattr(value, "model_fields_set", None), set):
        # Not model_dump(): pydantic warns there of mem0's own models, whose fields hold other types than declared.
        return {name: getattr(value, name) for name in sorted(names)}
    if not isinstance(value, type) and callable(dump := getattr(value, "model_dump", None)):
        return _mapping(dump(), field)
    raise ConfigurationError(f"{field}: must be a dictionary as mem0 documents it, got {type(value).__name__}.")


def _section(sections: dict[Any, Any], name: str) -> tuple[str | None, Mapping[Any, Any]]:
    """Remove a section from the configuration; return its provider and settings."""
    section = _mapping(sections.pop(name, {}), name)
    config = section.get("config")
    return _text(section, "provider", name), {} if config is None else _mapping(config, f"{name}.config")


def _text(settings: Mapping[Any, Any], key: str, field: str) -> str | None:
    value = settings.get(key)
    if isinstance(value, os.PathLike) and key == "path":
        value = os.fspath(value)
    if value is not None and (not isinstance(value, str) or not value.strip() or "\0" in value):
        raise ConfigurationError(
            f"{field}.{key}: must be a text, got {type(value).__name__}. Correct it or leave it out."
        )
    if key == "path" and value is not None:
        return store_path(value, f"{field}.{key}", folder=field != "config")  # a vector store's is a folder
    return value


def _path(own: object, store: tuple[str | None, Mapping[Any, Any]], unused: list[str]) -> str | None:
    """Return the file, after creating its folder; note what has no effect."""
    provider, settings = store
    folder = _text(settings, "path", "vector_store.config")
    collection = _text(settings, "collection_name", "vector_store.config")
    path = _file(folder, collection) if own is None else _text({"path": own}, "path", "config")
    read = _HARMLESS if own is None else _HARMLESS - {"path", "collection_name"}
    where = path or os.environ.get("MEM0LITE_DB") or _DEFAULT_FILE
    if others := [str(key) for key, value in settings.items() if key not in read and value is not None]:
        unused.append(f"{', '.join(others)} of {provider or 'the vector store'} (memories are in the file {where})")
    if folder is not None and _is_folder(folder):
        unused.append(f"the contents of {folder} (left as they are; import_from_mem0 copies them)")
    _make_folder(path)
    return path


def _is_folder(path: str | Path) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # such as a name that is too long; opening the file says so, with the cure
        return False


def _make_folder(path: str | None) -> None:
    if path not in (None, ":memory:"):
        with suppress(OSError):  # opening the file says so, with the cure
            Path(str(path)).parent.mkdir(parents=True, exist_ok=True)


def _file(folder: str | None, collection: str | None) -> str | None:
    """Return the file for a vector store's folder and collection; None for Memory's default."""
    if folder == ":memory:":
        return folder
    if collection in (None, _DEFAULT_COLLECTION) and folder is None:
        return None
    path = Path(folder or store_path(os.environ.get("MEM0LITE_DB") or _DEFAULT_FILE, "MEM0LITE_DB"))
    if path.name in ("", ".."):
        raise ConfigurationError(
            f"vector_store.config.path: {folder!r} has no name of its own. Give a file or a folder."
        )
    suffix = path.suffix if path.suffix in _FILE_SUFFIXES and not _is_folder(path) else ""
    stem = path.name.removesuffix(suffix)
    middle = "" if collection in (None, _DEFAULT_COLLECTION) else f".{quote(str(collection), safe='')}"
    return str(path.with_name(f"{stem}{middle}{suffix or '.db'}"))


def _embedder(embedder: tuple[str | None, Mapping[Any, Any]], unused: list[str]) -> str | None:
    """Return the name of the model; note if it is not the one asked for."""
    provider, settings = embedder
    model = _text(settings, "model", "embedder.config")
    if provider == "fastembed" and model not in (None, *_BUNDLED_NAMES):
        return model
    if provider not in (None, "fastembed", "huggingface") or model not in (None, *_BUNDLED_NAMES):
        name = "the embedder" if provider is None else f"embedder {provider}"
        unused.append(f"{name} (texts are embedded by {BUNDLED_MODEL}, on this machine)")
    return None


def _language_model(sections: dict[Any, Any], unused: list[str]) -> LanguageModel | None:
    """Return the configured language model; note why it is not used, or which settings are not."""
    name, settings = _section(sections, "llm")
    if name is None and not settings:
        return None
    provider = _PROVIDERS.get(name or "")
    model = _text(settings, "model", "llm.config")
    if provider is None or model is None:
        problem = "its provider has another protocol" if provider is None else "its config names none"
        unused.append(f"{f'llm {name}' if name else 'llm'} ({_NO_MODEL}: {problem})")
        return None
    used = {*_USED_OF_AN_LLM, *provider.fields}
    others = [str(one) for one, value in settings.items() if one not in used and value is not None]
    unused += [f"{', '.join(others)} of llm {name}"] if others else []
    return _chat_model(provider, model, settings)


def _chat_model(provider: _Provider, model: str, settings: Mapping[Any, Any]) -> LanguageModel:
    from ..llm.client import ChatCompletions

    given = [_text(settings, field, "llm.config") for field in provider.fields]
    url = next(filter(None, [*given, *(_variable(provider, end) for end in _URLS)]), provider.url)
    key = _text(settings, "api_key", "llm.config") or _variable(provider, "_API_KEY")
    budget = {name: settings[name] for name in ("max_tokens", "temperature") if settings.get(name) is not None}
    try:
        return ChatCompletions(url, model, key, **budget)
    except ConfigurationError as error:
        raise ConfigurationError(f"llm.config: {error}") from None


def _variable(provider: _Provider, name: str) -> str | None:
    return (os.environ.get(f"{provider.variables}{name}") or None) if provider.variables else None


def _reranker(sections: dict[Any, Any], unused: list[str]) -> Configured | None:
    """Return the configured reranker; note why it is not used, or which settings are not."""
    given = [_section(sections, name) for name in ("rerank", "reranker")]  # mem0's guides write both
    provider, settings = next((one for one in given if one[0] is not None or one[1]), (None, {}))
    if provider is None and not settings:
        return None
    name = "the reranker" if provider is None else f"reranker {provider}"
    model = _text(settings, "model", "reranker.config") or _RERANKERS.get(provider)
    if provider not in _RERANKERS:
        problem = "nothing is sent to a service or a language model: results are in the order of their scores"
    elif model is None:
        problem = "its config has no 'model', a folder or a name: results are in the order of their scores"
    else:
        try:
            reranker = LocalReranker(_TWINS.get(model, model))
        except EmbeddingError as error:
            problem = f"results are in the order of their scores: {error}"
        else:
            others = [str(key) for key in settings if key not in _OF_A_RERANKER]
            unused += [f"{', '.join(others)} of {name} (it is used as it is, on this CPU)"] if others else []
            return Configured(reranker)
    unused.append(f"{name} ({problem})")
    return Configured(problem=f"{name}: {problem}")


def _check_version(sections: dict[Any, Any], unused: list[str]) -> None:
    version = sections.pop("version", "v1.1")
    if version == "v1.0":
        raise ConfigurationError("version: answers are those of v1.1, dictionaries with 'results'. Set it to 'v1.1'.")
    if version != "v1.1":
        unused.append("version (answers are those of v1.1)")
