"""Rerankers: cross-encoders through fastembed, functions, objects, and what their scores become."""

import asyncio
import math
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx.parser
import pytest
from embedder import HashEmbedder

from mem0lite import AsyncMemory, CompatibilityWarning, ConfigurationError, EmbeddingError, Memory, ModelNotFoundError
from mem0lite.embedding.rerank import LocalReranker, Reranker, rerank_scores, resolve_reranker

TOKENIZER = Path(__file__).parent / "data" / "bundled" / "tokenizer"
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
    assert len({id(store._searcher.reranker._model) for store in stores}) == 1


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
        "from mem0lite.embedding.rerank import resolve_reranker, rerank_scores\n"
        "assert not {'fastembed', 'onnxruntime', 'numpy'} & set(sys.modules)\n"
        "assert rerank_scores(resolve_reranker(sys.argv[1]), 'black piano', ['piano'])[0] < 0.5\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def configuration(section="reranker", provider="sentence_transformer", **config):
    return {"path": ":memory:", section: {"provider": provider, "config": config}}


def play(memory):
    memory.add_many([{"messages": text, "user_id": "alice"} for text in DOCUMENTS])
    return memory.search(QUERY, filters={"user_id": "alice"}, threshold=0)


@pytest.mark.parametrize("section", ["reranker", "rerank"])
@pytest.mark.parametrize("provider", ["sentence_transformer", "huggingface", "fastembed"])
def test_a_configured_reranker_orders_every_search(folder, section, provider):
    """A configuration of mem0 whose reranker is a local folder orders searches by it, and says so in their items;
    nothing of it is named as unused, and rerank=False leaves it out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        memory = Memory.from_config(configuration(section, provider, model=str(folder), top_k=5, batch_size=16))
    with memory:
        found = play(memory)
        assert [item["memory"] for item in found["results"]] == DOCUMENTS[::-1]
        expected = pytest.approx([logistic(2 * shared - 3) for shared in SHARED[::-1]])
        assert [item["rerank_score"] for item in found["results"]] == expected
        assert "not_reranked" not in found
        plain = memory.search(QUERY, user_id="alice", rerank=False)
        assert all("rerank_score" not in item for item in plain["results"])


def test_a_configured_reranker_orders_async_searches(folder):
    """AsyncMemory.from_config uses the reranker, too."""

    async def main():
        async with AsyncMemory.from_config(configuration(model=str(folder))) as memory:
            await memory.add(DOCUMENTS[2], user_id="alice")
            return await memory.search(QUERY, user_id="alice")

    [item] = asyncio.run(main())["results"]
    assert item["rerank_score"] == pytest.approx(logistic(2 * SHARED[2] - 3))


def test_what_of_a_configured_reranker_is_not_used_is_named(folder):
    """Settings that would have another effect in mem0 are named in the warning; the reranker is used all the same."""
    with pytest.warns(CompatibilityWarning, match=r"device, max_length of reranker huggingface"):
        memory = Memory.from_config(
            configuration("reranker", "huggingface", model=str(folder), device="cuda", max_length=9)
        )
    with memory:
        assert "rerank_score" in play(memory)["results"][0]


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"provider": "cohere", "config": {"model": "rerank-v3.5", "api_key": "co-secret"}}, "service"),
        ({"provider": "llm_reranker", "config": {"model": "gpt-5-mini"}}, "language model"),
        ({"provider": "zero_entropy"}, "service"),
        ({"provider": "sentence_transformer"}, "mem0lite fetch Xenova/ms-marco-MiniLM-L-6-v2"),
        ({"provider": "huggingface", "config": {"model": None}}, "mem0lite fetch BAAI/bge-reranker-base"),
        ({"provider": "huggingface", "config": {"model": "someone/unknown"}}, "someone/unknown"),
        ({"provider": "sentence_transformer", "config": {"model": "/nowhere/at/all"}}, "/nowhere/at/all"),
        ({"provider": "fastembed", "config": {}}, "has no 'model'"),
    ],
)
def test_a_configured_reranker_that_cannot_be_used_says_so(section, why, tmp_path, monkeypatch):
    """Where the model is a service, or not on this machine, the warning and every search say so; the order is that of
    the scores, which rerank_score then is."""
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path))
    with pytest.warns(CompatibilityWarning) as warned:
        memory = Memory.from_config({"path": ":memory:", "reranker": section})
    message = str(warned[0].message)
    assert why in message
    assert f"reranker {section['provider']}" in message
    with memory:
        found = play(memory)
        assert why in found["not_reranked"]
        assert "co-secret" not in message + found["not_reranked"]
        assert [item["rerank_score"] for item in found["results"]] == [item["score"] for item in found["results"]]
        assert "not_reranked" not in memory.search(QUERY, user_id="alice", rerank=False)


def test_a_store_without_a_reranker_says_so(no_reranker):
    """rerank=True without any is answered with the reason, and without it with none."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert "not_reranked" not in play(memory)
        missing = memory.search(QUERY, user_id="alice", rerank=True)["not_reranked"]
        assert "pip install 'mem0lite[rerank]'" in missing
        assert "reranker=" in missing


def test_a_cross_encoder_goes_by_the_name_mem0_has_for_it(folder, tmp_path, monkeypatch):
    """The default model of mem0's sentence_transformer is the same weights in ONNX form, if those are at hand."""
    cache = tmp_path / "cache"
    snapshot = cache / f"models--{NAME.replace('/', '--')}" / "snapshots" / "0123"
    shutil.copytree(folder, snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("0123")
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(cache))
    with Memory.from_config(configuration(model="cross-encoder/ms-marco-MiniLM-L-6-v2")) as memory:
        assert "not_reranked" not in play(memory)
