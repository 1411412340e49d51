"""Models that fastembed knows by name: where they live on this machine, how they get there and how they are loaded."""

import functools
import os
from pathlib import Path
from typing import Any

from ..errors import ModelNotFoundError
from .bundled import BUNDLED_MODEL
from .prompts import of_name
from .runtime import FastembedRuntime, Runtime, need_fastembed, session_options
from .shared import Source, check_named


def source(model: str) -> Source:
    """Return the embedding model with a name, which ``fetch`` has put on this machine."""
    return Source(model, (model.lower(), str(model_cache())), functools.partial(_load, model), of_name(model))


def model_cache() -> Path:
    """Return the folder named models live in: ``FASTEMBED_CACHE_PATH``, or ``mem0lite`` in the user's cache folder."""
    if path := os.environ.get("FASTEMBED_CACHE_PATH"):
        return Path(path)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mem0lite" / "models"


def fetch(model: str) -> Path:
    """Download a model fastembed knows, an embedder or a reranker, into the model folder, and return that folder.

    This is the only function of mem0lite that uses the network without being given an address, and it runs only when
    it is called. Raises ModelNotFoundError within seconds when the model's hub cannot be reached.
    """
    check_named(model, "model")
    need_fastembed(model)
    import httpx
    from fastembed import TextEmbedding
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        httpx.head(hub, timeout=5)  # fastembed retries for more than half a minute before it gives up
    except httpx.HTTPError as error:
        raise ModelNotFoundError(
            f"Cannot fetch {model!r}: {hub} cannot be reached ({error}). Fetch it on a connected machine and copy the "
            f"folder {model_cache()}, or give a model folder instead of a name."
        ) from error
    rerankers = {str(description["model"]).lower() for description in TextCrossEncoder.list_supported_models()}
    try:
        (TextCrossEncoder if model.lower() in rerankers else TextEmbedding)(model, cache_dir=str(model_cache()))
    except ValueError as error:
        raise ModelNotFoundError(f"Cannot fetch {model!r}: {error}") from error
    return model_cache()


def load_known(kind: Any, model: str, unknown: str) -> Any:
    """Return the model with this name, loaded by ``kind``, one of fastembed's classes, from ``model_cache()``.

    Raises ModelNotFoundError: with the message ``unknown`` when ``kind`` doesn't know the name, and with the command
    that fetches the model when it is not on this machine.
    """
    from loguru import logger

    if model.lower() not in {str(description["model"]).lower() for description in kind.list_supported_models()}:
        raise ModelNotFoundError(unknown)
    missing = ModelNotFoundError(
        f"The model {model!r} is not on this machine (looked in {model_cache()}). Run `mem0lite fetch {model}` once "
        "where there is a network, or give a model folder."
    )
    if not model_cache().is_dir():
        raise missing
    logger.disable("fastembed")  # it logs to stderr what the error below says
    try:
        return kind(model, local_files_only=True, **session_options(model_cache()))
    except ValueError as error:
        raise missing from error
    finally:
        logger.enable("fastembed")


def _load(model: str) -> Runtime:
    need_fastembed(model)
    from fastembed import TextEmbedding

    loaded = load_known(
        TextEmbedding,
        model,
        f"{model!r} is neither a folder, nor {BUNDLED_MODEL!r}, nor a model fastembed knows. "
        "fastembed.TextEmbedding.list_supported_models() lists those.",
    )
    return FastembedRuntime(loaded)
