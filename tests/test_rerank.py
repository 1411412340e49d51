"""Rerankers: cross-encoders through fastembed, functions, objects, and what their scores become."""

import math
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx.parser
import pytest
from embedder import HashEmbedder

import mem0lite
from mem0lite import ConfigurationError, EmbeddingError, Memory, ModelNotFoundError
from mem0lite.rerank import LocalReranker, Reranker, rerank_scores, resolve_reranker

TOKENIZER = Path(mem0lite.__file__).parent / "models" / "all-MiniLM-L6-v2"
NAME = "Xenova/ms-marco-MiniLM-L-6-v2"

# The logit is twice the number of pairs of equal words in query and document, less 3. Ids below 1,000 are special
# tokens, letters and punctuation.
SHARED_WORDS = """
<ir_version: 8, opset_import: ["" : 17]>
shared_words (int64[B, S] input_ids, int64[B, S] attention_mask, int64[B, S] token_type_ids) => (float[B, 1] logits)
<int64 least = {1000}, int64[1] first = {1}, int64[1] second = {2}, int64[2] both = {1, 2}, float two = {2.0},
 float three = {3.0}>
{
  rows = Unsqueeze(input_ids, second)
  columns = Unsqueeze(input_ids, first)
  equal = Equal(rows, columns)
  words = Greater(input_ids, least)
  in_document = Cast<to = 9>(token_type_ids)
  in_query = Not(in_document)
  document_words = And(words, in_document)
  query_words = And(words, in_query)
  from_query = Unsqueeze(query_words, second)
  from_document = Unsqueeze(document_words, first)
  across = And(from_query, from_document)
  shared = And(equal, across)
  numbers = Cast<to = 1>(shared)
  table = ReduceSum<keepdims = 0>(numbers, both)
  count = Unsqueeze(table, first)
  doubled = Mul(count, two)
  logits = Sub(doubled, three)
}
"""
NOT_A_CROSS_ENCODER = """
<ir_version: 8, opset_import: ["" : 17]>
embedding (int64[B, S] input_ids) => (float[B, S, 1] vectors) <int64[1] last = {2}>
{
  wide = Unsqueeze(input_ids, last)
  vectors = Cast<to = 1>(wide)
}
"""

QUERY = "who owns a black piano"
DOCUMENTS = ["The weather was fine", "Alice owns one piano", "The piano that Alice owns is black"]
SHARED = [0, 2, 3]


def logistic(logit):
    return 1 / (1 + math.exp(-logit))


def write_model(folder, text=SHARED_WORDS):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.parser.parse_model(text), folder / "model.onnx")


@pytest.fixture
def folder(tmp_path):
    """A folder as people export cross-encoders."""
    shutil.copytree(TOKENIZER, tmp_path / "cross")
    write_model(tmp_path / "cross" / "onnx")
    return tmp_path / "cross"


def test_a_model_folder_reranks(folder):
    """A folder with an ONNX cross-encoder judges query and document together; its logits become 0..1."""
    expected = pytest.approx([logistic(2 * shared - 3) for shared in SHARED])
    reranker = resolve_reranker(folder)
    assert isinstance(reranker, LocalReranker)
    assert isinstance(reranker, Reranker)
    assert rerank_scores(reranker, QUERY, DOCUMENTS) == expected
    assert rerank_scores(resolve_reranker(str(folder)), QUERY, DOCUMENTS) == expected


def test_a_score_does_not_depend_on_the_other_documents(folder):
    """A document has the same score alone, among long ones and in a second batch."""
    reranker = LocalReranker(folder)
    others = ["a long story about nothing " * 20] * 40
    many = rerank_scores(reranker, QUERY, [*others, *DOCUMENTS])
    assert many[-3:] == [rerank_scores(reranker, QUERY, [document])[0] for document in DOCUMENTS]


def test_a_text_longer_than_the_window_is_reranked(folder):
    """A document beyond the model's window is cut to it, and what is in the window counts."""
    reranker = LocalReranker(folder)
    [score] = rerank_scores(reranker, QUERY, [DOCUMENTS[1] + " and so on" * 5000])
    assert score == pytest.approx(logistic(2 * SHARED[1] - 3))


def test_threads_share_a_reranker(folder):
    """Threads that use one reranker at the same time get the scores of their own documents."""
    reranker = LocalReranker(folder)
    work = [DOCUMENTS[n % 3 :] for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda documents: rerank_scores(reranker, QUERY, documents), work))
    assert found == [rerank_scores(reranker, QUERY, documents) for documents in work]


def test_rerankers_of_one_model_share_it(folder):
    """A process loads a cross-encoder once, however many stores use it."""
    stores = [Memory(":memory:", embedder=HashEmbedder(), reranker=folder) for _ in range(3)]
    assert len({id(store._reranker._model) for store in stores}) == 1


def test_a_cross_encoder_on_this_machine_works_by_name(folder, tmp_path, monkeypatch):
    """A cross-encoder that is in the model folder under its fastembed name is loaded from there, offline."""
    repository = tmp_path / "cache" / "models--Xenova--ms-marco-MiniLM-L-6-v2"  # as the hub's client lays it out
    shutil.copytree(folder, repository / "snapshots" / "abc")
    (repository / "snapshots" / "abc" / "config.json").write_text('{"pad_token_id": 0}')
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path / "cache"))
    scores = rerank_scores(resolve_reranker(NAME), QUERY, DOCUMENTS)
    assert scores == rerank_scores(LocalReranker(folder), QUERY, DOCUMENTS)


@pytest.mark.parametrize("present", [False, True])
def test_a_cross_encoder_that_is_not_there_is_an_error_at_once(tmp_path, monkeypatch, capfd, present):
    """A fastembed name that was never fetched raises, names the cures and creates nothing."""
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path / "cache"))
    if present:
        (tmp_path / "cache").mkdir()
    with pytest.raises(ModelNotFoundError, match=rf"mem0lite fetch {NAME}.*or give a model folder"):
        resolve_reranker(NAME)
    assert (tmp_path / "cache").exists() == present
    assert capfd.readouterr() == ("", "")


def test_unknown_names_and_broken_folders_are_named(folder, tmp_path):
    """A name nobody knows, and a folder that lacks a file or has a wrong one, are errors that say which."""
    with pytest.raises(ModelNotFoundError, match="'no/such' is neither a folder nor a cross-encoder"):
        resolve_reranker("no/such")
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        resolve_reranker(tmp_path / "missing")
    with pytest.raises(ModelNotFoundError, match=r"has no model\.onnx"):
        resolve_reranker(TOKENIZER)
    write_model(folder, NOT_A_CROSS_ENCODER)
    with pytest.raises(EmbeddingError, match=r"not a cross-encoder: its first output has the shape \['B', 'S', 1\]"):
        resolve_reranker(folder)
    (folder / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(EmbeddingError, match="cannot be loaded"):
        resolve_reranker(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelNotFoundError, match=r"not complete: .*tokenizer\.json"):
        resolve_reranker(folder)


def test_functions_and_objects_are_rerankers():
    """A function of query and documents reranks, an object with the method is used as it is, None is none."""

    class Shortest:
        def rerank(self, query, documents):
            return [-len(document) / 10 for document in documents]

    own = Shortest()
    assert resolve_reranker(own) is own
    assert resolve_reranker(None) is None
    by_function = resolve_reranker(own.rerank)
    assert isinstance(by_function, Reranker)
    assert rerank_scores(by_function, "q", ["a", "bbb"]) == pytest.approx([logistic(-0.1), logistic(-0.3)])


@pytest.mark.parametrize("given", [3, object(), ["a"], type("R", (), {"rerank": None})])
def test_anything_else_is_refused(given):
    """What is no reranker is an error that lists what would be one."""
    with pytest.raises(ConfigurationError, match=r"reranker: .* neither a model name or folder"):
        resolve_reranker(given)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([0.2, 0.9], [0.2, 0.9]),
        ([0, 1], [0.0, 1.0]),
        ([-2.0, 3.5], [logistic(-2.0), logistic(3.5)]),
        ([0.5, 1.5], [logistic(0.5), logistic(1.5)]),
        ([-30.0, 30.0], [logistic(-30.0), logistic(30.0)]),
    ],
)
def test_scores_become_shares(raw, expected):
    """Scores in 0..1 stay; if one is outside, all are logits and keep their order in 0..1."""
    scores = rerank_scores(resolve_reranker(lambda query, documents: raw), "q", ["a", "b"])
    assert scores == pytest.approx(expected, rel=1e-9)
    assert sorted(scores) == scores
    assert all(0 <= score <= 1 and type(score) is float for score in scores)


def test_numpy_scores_are_numbers():
    """An array of scores, as models return them, is taken."""
    np = pytest.importorskip("numpy")
    scores = rerank_scores(resolve_reranker(lambda query, documents: np.array([0.25, 0.5], "f4")), "q", ["a", "b"])
    assert scores == [0.25, 0.5]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([0.1], "1 scores for 2 documents"),
        ([0.1, 0.2, 0.3], "3 scores for 2 documents"),
        ([0.1, math.nan], "nan is neither"),
        ([0.1, math.inf], "inf is neither"),
        ([10, 80], r"80.0 is neither in 0..1 nor a logit .* Scale"),
        ([0.1, "0.2"], "sequence of numbers"),
        ([0.1, None], "sequence of numbers"),
        ([[0.1], [0.2]], "sequence of numbers"),
        ([10**400, 1], "sequence of numbers"),
        (None, "sequence of numbers"),
        (0.5, "sequence of numbers"),
    ],
)
def test_nonsense_scores_are_an_error(raw, message):
    """A wrong count, NaN, infinity, what is no number and what is no logit raise, and the message says which."""
    with pytest.raises(EmbeddingError, match=message):
        rerank_scores(resolve_reranker(lambda query, documents: raw), "q", ["a", "b"])


def test_no_documents_need_no_reranker():
    """Without documents the reranker is not called."""
    assert rerank_scores(resolve_reranker(lambda query, documents: 1 / 0), "q", []) == []


def test_the_rerankers_own_error_is_passed_on():
    """An error inside the reranker reaches the caller as it is."""
    with pytest.raises(ZeroDivisionError):
        rerank_scores(resolve_reranker(lambda query, documents: 1 / 0), "q", ["a"])


def test_reranking_connects_to_nothing(folder):
    """Loading a folder and reranking opens no socket, and the import alone loads no fastembed."""
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from mem0lite.rerank import resolve_reranker, rerank_scores\n"
        "assert not {'fastembed', 'onnxruntime', 'numpy'} & set(sys.modules)\n"
        "assert rerank_scores(resolve_reranker(sys.argv[1]), 'black piano', ['piano'])[0] < 0.5\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
