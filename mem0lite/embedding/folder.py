"""Models in a folder of their own, as their repositories have them: weights, tokenizer, pooling and prompts."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import EmbeddingError, ModelNotFoundError
from .prompts import Prompts, of_config, of_name
from .runtime import Runtime, load_files, output_width
from .shared import Source, states


def source(folder: Path) -> Source:
    """Return the model in a folder, whose files may be replaced while it is in use."""
    return Source(folder.name, (str(folder), *states(folder)), functools.partial(_load, folder), _prompts(folder))


def weights_of(folder: Path) -> Path:
    """Return the weights in a model folder. Raises ModelNotFoundError if there are none."""
    for candidate in (folder / "model.onnx", folder / "onnx" / "model.onnx"):
        if candidate.is_file():
            return candidate
    raise ModelNotFoundError(f"The model folder {folder} has no model.onnx. Export the model to ONNX first.")


def _load(folder: Path) -> Runtime:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise ModelNotFoundError(f"The model folder {folder} has no {name}. Copy it from the model's repository.")
    pooling = "MEAN"
    if (config := folder / "1_Pooling" / "config.json").is_file():
        pooling = "CLS" if json.loads(config.read_text()).get("pooling_mode_cls_token") else "MEAN"
    weights = weights_of(folder)
    files = (weights, folder / "tokenizer.json")
    return load_files(str(folder), weights, folder, dimensions=output_width(weights), pooling=pooling, files=files)


def _prompts(folder: Path) -> Prompts:
    config = _object(folder / "config_sentence_transformers.json")
    name = _object(folder / "config.json").get("_name_or_path")
    return of_config(config) or of_name(folder.name, str(name or ""))


def _object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise EmbeddingError(f"{file} is not JSON: {error}") from error
    return found if isinstance(found, Mapping) else {}
