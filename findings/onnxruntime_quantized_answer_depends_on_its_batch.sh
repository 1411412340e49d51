#!/usr/bin/env bash
# onnxruntime 1.32.0: a model after quantize_dynamic(), the usual way to make an embedding model small and fast.
#
# Expected: each row of a batch is computed by itself, so that a text's vector does not depend on what it is embedded with.
# Seen: activations are scaled by the least and greatest number of the whole batch: a neighbour with large numbers makes the
# row coarse. The float model answers the same alone and in company.
# Why it matters: a text embedded in an import of thousands is not equal to itself when it is asked for alone: a search for
# equal vectors, or a threshold near 1, misses it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

logging.disable(logging.WARNING)
random = np.random.default_rng(0)
weights = numpy_helper.from_array(random.normal(size=(32, 16)).astype(np.float32), "weights")
graph = helper.make_graph(
    [helper.make_node("MatMul", ["text", "weights"], ["vector"])],
    "model",
    [helper.make_tensor_value_info("text", TensorProto.FLOAT, ["batch", 32])],
    [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 16])],
    [weights],
)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "float.onnx")
quantize_dynamic("float.onnx", "int8.onnx", weight_type=QuantType.QInt8)
text = random.normal(size=(1, 32)).astype(np.float32)
louder = 20 * random.normal(size=(1, 32)).astype(np.float32)


def difference(model):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    alone = session.run(None, {"text": text})[0][0]
    in_company = session.run(None, {"text": np.vstack([text, louder])})[0][0]
    cosine = alone @ in_company / np.linalg.norm(alone) / np.linalg.norm(in_company)
    print(f"{model}: the same row differs by up to {abs(alone - in_company).max():.4f}, cosine {cosine:.4f}")
    return abs(alone - in_company).max()


assert difference("float.onnx") < 1e-4
assert difference("int8.onnx") > 0.1
PYTHON
