"""Where vectors come from: the bundled model, folders, names, and a file's memory of its embedder."""

import base64
import gc
import os
import shutil
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedder import HashEmbedder

import mem0lite
from mem0lite import (
    ConfigurationError,
    EmbedderMismatchError,
    EmbeddingError,
    LocalEmbedder,
    Memory,
    ModelNotFoundError,
    NotAMemoryFileError,
)
from mem0lite.embedding.named import fetch
from mem0lite.embedding.protocol import embed_documents, embed_query
from mem0lite.embedding.rerank import LocalReranker

BUNDLED_TOKENIZER = Path(__file__).parent / "data" / "bundled" / "tokenizer"

# input_ids → DynamicQuantizeLinear → DequantizeLinear → [ids, 5000], of opset 13
DYNAMICALLY_QUANTISED = (
    "CAgSADqUAgofCglpbnB1dF9pZHMSAWYiBENhc3QqCQoCdG8YAaABAgojCgFmEgFxEgFzEgF6IhVEeW5hbWljUXVhbnRpemVMaW5lYXIKHgoBcQoB"
    "cwoBehIBZCIQRGVxdWFudGl6ZUxpbmVhcgoVCgFkCgJheBIBdSIJVW5zcXVlZXplCg4KAXUKAXcSAW0iA011bAoOCgFtCgFiEgF5IgNBZGQSAWcq"
    "EggBEAdCAmF4SggCAAAAAAAAACoRCAIQAUIBd0oIAACAPwAAAAAqEQgCEAFCAWJKCAAAAAAAQJxFWh0KCWlucHV0X2lkcxIQCg4IBxIKCgMSAWIK"
    "AxIBc2IZCgF5EhQKEggBEg4KAxIBYgoDEgFzCgIIAkIECgAQDQ=="
)


def dot(one, other):
    np = pytest.importorskip("numpy")
    return float(np.frombuffer(one, "<f4") @ np.frombuffer(other, "<f4"))


def cosine(model, one, other):
    return dot(*embed_documents(model, [one, other]))


def test_the_bundled_model_knows_meaning(model):
    """Sentences of one meaning are nearer than sentences that share words."""
    assert cosine(model, "A man is eating food", "Someone has a meal") > 0.5
    assert cosine(model, "A man is eating food", "A man is driving a car") < 0.4


def test_a_vector_does_not_depend_on_its_batch(model):
    """The same text gives the same vector alone and among others, as a document and as a query."""
    alone = embed_documents(model, ["I love sushi"])[0]
    assert embed_documents(model, ["I love sushi", "something else " * 30])[0] == alone
    assert embed_query(model, "I love sushi") == alone


def test_a_model_that_mixes_texts_gets_one_at_a_time(tmp_path):
    """With a model that quantises each batch by its largest value, a vector still depends on its text alone."""
    shutil.copytree(BUNDLED_TOKENIZER, tmp_path / "m")
    (tmp_path / "m" / "model.onnx").write_bytes(base64.b64decode(DYNAMICALLY_QUANTISED))
    embedder = LocalEmbedder(tmp_path / "m")
    alone = embedder.embed(["I love sushi"])[0]
    texts = ["I love sushi", "quantisation of gargantuan hippopotami"]
    mixed = next(iter(embedder._shared.loaded().documents(texts)))
    assert mixed.tolist() != pytest.approx(alone, abs=1e-4)
    assert embedder.embed(texts)[0] == alone


def test_a_long_text_is_not_cut_off(model):
    """What is said after the model's window still moves the vector, of documents and of queries."""
    filler = "The weather report of that day was long and tedious. " * 40
    assert cosine(model, filler + "My dog is called Rex.", filler) < 0.999
    question = "What is the name of my dog?"
    assert cosine(model, filler + "My dog is called Rex. " * 20, question) > cosine(model, filler, question) + 0.1
    assert embed_query(model, filler) == embed_documents(model, [filler])[0]


def test_nothing_is_loaded_or_fetched_before_it_is_needed(tmp_path):
    """Opening, listing and closing a store loads neither fastembed nor a web framework, and opens no socket."""
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "import mem0lite\n"
        "with mem0lite.Memory(sys.argv[1]) as memory: memory.get_all(user_id='u')\n"
        "heavy = {'litestar', 'fastembed', 'numpy', 'onnxruntime', 'uvicorn', 'rich', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import threading; assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.db")], check=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


def test_embedding_needs_no_network(tmp_path):
    """Adding and searching with the bundled model connects to nothing."""
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import mem0lite\n"
        "with mem0lite.Memory(sys.argv[1]) as memory:\n"
        "    memory.add('I love sushi', user_id='u')\n"
        "    assert memory.search('sushi', user_id='u')['results']\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.db")], check=True)


def test_a_model_folder_works(folder, model, path):
    """A folder with an ONNX model and its tokenizer is an embedder, named after the folder and known by its hash."""
    embedder = LocalEmbedder(folder)
    assert (embedder.name, embedder.dimensions, len(embedder.fingerprint)) == ("my-minilm", 384, 64)
    assert dot(embed_documents(embedder, ["I love sushi"])[0], embed_documents(model, ["I love sushi"])[0]) > 0.998
    with Memory(path, embedder=str(folder)) as memory:
        memory.add("I love sushi", user_id="u")
        assert memory.stats()["embedder"]["fingerprint"] == embedder.fingerprint


def test_a_fetched_model_works_by_name(folder, model, tmp_path, monkeypatch):
    """A model that is in the model folder under its fastembed name is loaded from there, offline."""
    name = "sentence-transformers/all-MiniLM-L6-v2"
    repository = tmp_path / "models--qdrant--all-MiniLM-L6-v2-onnx"  # as the hub's client lays it out
    shutil.copytree(folder, repository / "snapshots" / "abc", symlinks=False)
    shutil.move(repository / "snapshots" / "abc" / "onnx" / "model.onnx", repository / "snapshots" / "abc")
    (repository / "snapshots" / "abc" / "config.json").write_text('{"pad_token_id": 0}')
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path))
    embedder = LocalEmbedder(name)
    assert (embedder.name, embedder.dimensions, len(embedder.fingerprint)) == (name, 384, 64)
    assert dot(embed_query(embedder, "I love sushi"), embed_query(model, "I love sushi")) > 0.998


@pytest.mark.parametrize(
    "call",
    [
        "Memory('x.db', embedder={folder!r})",
        "Memory('x.db', embedder='BAAI/bge-small-en-v1.5')",
        "Memory('x.db', reranker={folder!r})",
        "Memory('x.db', reranker='Xenova/ms-marco-MiniLM-L-12-v2')",
        "mem0lite.embedding.named.fetch('BAAI/bge-small-en-v1.5')",
    ],
)
def test_without_fastembed_the_error_says_what_to_install(folder, tmp_path, call):
    """Without the extra, a model in a folder or with a name is a typed error with the command that installs it, no file
    is left behind, and the bundled model works."""
    program = (
        "import sys; sys.modules['fastembed'] = None\n"
        "import mem0lite, mem0lite.embedding.named\n"
        "from mem0lite import DependencyError, Memory\n"
        "with Memory(':memory:') as memory:\n"
        "    memory.add('I love sushi', user_id='u')\n"
        f"try: {call.format(folder=str(folder))}\n"
        "except DependencyError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (told.returncode, told.stderr) == (0, "")
    assert "Run: pip install 'mem0lite[models]'" in told.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("present", [False, True])
def test_a_model_that_is_not_there_is_an_error_at_once(tmp_path, monkeypatch, capfd, present):
    """A fastembed name that was never fetched raises at once and tells the command that fetches it."""
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path / "cache"))
    if present:
        (tmp_path / "cache").mkdir()
    with pytest.raises(ModelNotFoundError, match=r"mem0lite fetch BAAI/bge-small-en-v1\.5"):
        Memory(tmp_path / "a.db", embedder="BAAI/bge-small-en-v1.5")
    assert not (tmp_path / "a.db").exists()
    assert (tmp_path / "cache").exists() == present
    assert capfd.readouterr() == ("", "")


def test_unknown_names_and_broken_folders_are_named(tmp_path, folder):
    """A name nobody knows, and a folder that lacks a file, are errors that say what is missing."""
    with pytest.raises(ModelNotFoundError, match="'no/such' is neither a folder"):
        LocalEmbedder("no/such")
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        LocalEmbedder(tmp_path / "missing")
    with pytest.raises(ModelNotFoundError, match=r"has no tokenizer\.json"):
        LocalEmbedder(tmp_path)
    shutil.copytree(BUNDLED_TOKENIZER, tmp_path / "m")
    with pytest.raises(ModelNotFoundError, match=r"has no model\.onnx"):
        LocalEmbedder(tmp_path / "m")
    (tmp_path / "m" / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(EmbeddingError, match="is not an ONNX model"):
        LocalEmbedder(tmp_path / "m")


@pytest.mark.parametrize("blank", ["", " \n"])
@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda blank: Memory(":memory:", embedder=blank), "embedder"),
        (lambda blank: Memory(":memory:", reranker=blank), "reranker"),
        (LocalEmbedder, "model"),
        (LocalReranker, "model"),
        (fetch, "model"),
        (lambda blank: Memory.reembed("mem0lite.db", embedder=blank), "embedder"),
    ],
    ids=["embedder", "reranker", "LocalEmbedder", "LocalReranker", "fetch", "reembed"],
)
def test_a_blank_name_of_a_model_is_refused(tmp_path, monkeypatch, make, argument, blank):
    """A blank name is refused by the argument's name: it is neither the working directory nor the bundled model."""
    monkeypatch.chdir(tmp_path)
    Memory("mem0lite.db").close()
    with pytest.raises(ConfigurationError, match=rf"^{argument}: is blank\. Give the name of a model"):
        make(blank)


def test_fetching_without_a_network_fails_within_seconds(tmp_path, monkeypatch):
    """fetch says what to do when the hub cannot be reached, instead of retrying for most of a minute."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path / "cache"))
    with pytest.raises(ModelNotFoundError, match="cannot be reached"):
        fetch("BAAI/bge-small-en-v1.5")


def test_stores_of_one_process_share_a_model(folder, tmp_path):
    """However many stores a process opens with a model, by whatever path or thread, it loads it once."""
    stores = [Memory(tmp_path / f"{number}.db") for number in range(10)]
    pool = ThreadPoolExecutor(10)
    loaded = list(pool.map(lambda store: store._embedder._shared.loaded(), stores))
    assert len(set(map(id, loaded))) == 1
    link = tmp_path / "link"
    link.symlink_to(folder)
    of_folder = list(pool.map(lambda path: LocalEmbedder(path)._shared.loaded(), [folder, str(folder), link] * 3))
    assert len(set(map(id, of_folder))) == 1
    assert of_folder[0] is not loaded[0]
    pool.shutdown()
    for store in stores:
        store.close()


def test_a_model_goes_with_its_last_store(folder, tmp_path):
    """What a process no longer uses is given back, and loaded anew when it is asked for again."""
    copy = shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    first, second = LocalEmbedder(copy), LocalEmbedder(copy)
    model = weakref.ref(first._shared.loaded())
    del first
    gc.collect()
    assert model() is second._shared.loaded()
    del second
    gc.collect()
    assert model() is None
    assert LocalEmbedder(copy).embed(["I love sushi"])


def test_other_files_in_a_folder_are_another_model(folder, tmp_path):
    """A model that was put in another's place is loaded, though the other is in use under the same path."""
    copy = shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    before = LocalEmbedder(copy)
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + " ")
    after = LocalEmbedder(copy)
    assert after._shared is not before._shared
    assert after.fingerprint != before.fingerprint


def test_a_damaged_bundled_model_is_refused(tmp_path):
    """The bundled weights are checked, and missing ones are named with the command that installs them."""
    package = shutil.copytree(Path(mem0lite.__file__).parent, tmp_path / "mem0lite")
    weights = package / "embedding" / "models" / "all-MiniLM-L6-v2" / "fused.bin"
    sound = weights.read_bytes()
    weights.unlink()
    code = "import mem0lite; mem0lite.LocalEmbedder().embed(['x'])"

    def run():
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stderr

    assert f"{weights} is missing" in (error := run())
    assert "pip install --force-reinstall mem0lite" in error
    for damaged in (b"", b"nonsense", sound[:-1], sound[:-1] + bytes([sound[-1] ^ 1])):
        weights.write_bytes(damaged)
        assert f"{weights} is damaged or not the expected one" in run()


def test_an_object_without_the_protocol_is_refused(path):
    """An embedder object that lacks a member is an error that lists the members."""
    with pytest.raises(ConfigurationError, match="name, dimensions, embed, embed_query"):
        Memory(path, embedder=object())


@pytest.mark.parametrize(
    "other",
    [HashEmbedder("other"), HashEmbedder(dimensions=32), type("Hashed", (HashEmbedder,), {"fingerprint": "abc"})()],
    ids=["name", "width", "hash"],
)
def test_another_embedder_is_refused_with_the_cure(path, other):
    """A file refuses an embedder of another name, width or hash, names both cures, and stays as it was."""
    Memory(path, embedder=HashEmbedder()).close()
    before = path.read_bytes()
    with pytest.raises(EmbedderMismatchError, match=r"'test-hash' .*Memory.reembed\(.*mem0lite reembed --db"):
        Memory(path, embedder=other)
    assert path.read_bytes() == before


def fill(path, count):
    with Memory(path, embedder=HashEmbedder()) as memory:
        memory.add([{"content": f"text number {n}"} for n in range(count)], user_id="u", metadata={"k": 1})
        memory.add("short", user_id="u", ttl=0)
        return memory.get_all(user_id="u", top_k=1000)


def test_reembed_moves_a_file_to_another_embedder(path):
    """reembed gives every memory a vector of the new model and width; texts, ids and dates stay."""
    before = fill(path, 300)
    new = HashEmbedder("new", dimensions=32)
    seen = []
    result = Memory.reembed(path, embedder=new, progress=lambda done, total: seen.append((done, total)))
    assert result == {"embedded": 301, "total": 301}
    assert seen == [(256, 301), (301, 301)]
    with Memory(path, embedder=new) as memory:
        assert memory.get_all(user_id="u", top_k=1000) == before
        assert memory.search("number 7", user_id="u", top_k=1)["results"][0]["memory"] == "text number 7"
        assert memory.stats()["expired"] == 1
    assert Memory.reembed(path, embedder=new) == {"embedded": 0, "total": 301}
    with pytest.raises(EmbedderMismatchError):
        Memory(path, embedder=HashEmbedder())


def test_an_interrupted_reembed_goes_on_where_it_was(path):
    """After an interruption the file still works with the old embedder, and the next call does only what is left."""
    before = fill(path, 600)

    class Interrupted(HashEmbedder):
        calls = 0

        def embed(self, texts):
            self.calls += 1
            if self.calls == 2:
                raise KeyboardInterrupt
            return super().embed(texts)

    with pytest.raises(KeyboardInterrupt):
        Memory.reembed(path, embedder=Interrupted("new"))
    with Memory(path, embedder=HashEmbedder()) as memory:
        assert memory.get_all(user_id="u", top_k=1000) == before
        changed = before["results"][-1]["id"]
        memory.update(changed, "changed meanwhile")
        memory.delete(before["results"][-2]["id"])
        memory.add("added meanwhile", user_id="u")
    assert Memory.reembed(path, embedder=HashEmbedder("new"))["embedded"] == 601 - 256 + 1 + 1
    with Memory(path, embedder=HashEmbedder("new")) as memory:
        [found] = memory.search("changed meanwhile", user_id="u", top_k=1, explain=True)["results"]
        assert found["id"] == changed
        assert found["score_details"]["semantic_score"] == pytest.approx(1)
        assert memory.search("added meanwhile", user_id="u", top_k=1)["results"][0]["memory"] == "added meanwhile"
        assert memory.get_all(user_id="u")["total"] == 600


def test_a_memory_open_elsewhere_notices_a_reembedding(path):
    """A Memory that was open while the file moved to another model refuses to mix vectors; texts can be read."""
    fill(path, 3)
    with Memory(path, embedder=HashEmbedder()) as memory:
        Memory.reembed(path, embedder=HashEmbedder("new"))
        for verb in (
            lambda: memory.add("x", user_id="u"),
            lambda: memory.search("x", user_id="u"),
            lambda: memory.add([], user_id="u"),
            lambda: memory.add_many([]),
            lambda: memory.update_many([]),
        ):
            with pytest.raises(EmbedderMismatchError):
                verb()
        assert memory.get_all(user_id="u")["total"] == 3


def test_reembed_of_a_missing_file_creates_none(tmp_path):
    """A mistyped path is an error, not a new empty store."""
    with pytest.raises(NotAMemoryFileError, match="does not exist"):
        Memory.reembed(tmp_path / "typo.db", embedder=HashEmbedder())
    assert not list(tmp_path.iterdir())


def test_two_reembeddings_do_not_mix(path):
    """A re-embedding that another one with another model overtakes stops, and the file is one model's."""
    fill(path, 300)

    class Overtaken(HashEmbedder):
        def embed(self, texts):
            Memory.reembed(path, embedder=HashEmbedder("second", dimensions=16))
            return super().embed(texts)

    with pytest.raises(EmbedderMismatchError, match="taken over"):
        Memory.reembed(path, embedder=Overtaken("first"))
    with Memory(path, embedder=HashEmbedder("second", dimensions=16)) as memory:
        assert len(memory.search("text number 7", user_id="u", top_k=1000, threshold=0)["results"]) == 300
