"""Models that were trained with a prompt before questions and texts get it, and a file remembers it."""

import json
import shutil

import pytest

from mem0lite import ConfigurationError, EmbedderMismatchError, LocalEmbedder, Memory
from mem0lite.embedding.prompts import Prompts, of_config, of_name
from mem0lite.embedding.protocol import embed_documents, embed_query
from mem0lite.embedding.windows import windows_of

SEARCH = "Represent this sentence for searching relevant passages: "


@pytest.fixture
def named(folder, tmp_path):
    """Make the bundled model's folder one of another name, with what other files it is to have."""

    def make(name, **files):
        shutil.copytree(folder, tmp_path / name, symlinks=True)
        for file, content in files.items():
            (tmp_path / name / f"{file}.json").write_text(json.dumps(content))
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("intfloat/e5-small-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("my_multilingual_e5_base_onnx", "query: ", "passage: "),
        ("nomic-ai/nomic-embed-text-v1.5-Q", "search_query: ", "search_document: "),
        ("google/embeddinggemma-300m", "task: search result | query: ", "title: none | text: "),
        ("BAAI/bge-small-en-v1.5", SEARCH, ""),
        ("mixedbread-ai/mxbai-embed-large-v1", SEARCH, ""),
        ("snowflake/snowflake-arctic-embed-m-long", SEARCH, ""),
        ("Snowflake/snowflake-arctic-embed-m-v2.0", "query: ", ""),
        ("BAAI/bge-m3", "", ""),
        ("thenlper/gte-base", "", ""),
        ("jinaai/jina-embeddings-v3", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
        ("some5-small", "", ""),
    ],
)
def test_a_name_tells_the_prompts(name, query, document):
    """The families that are documented with prompts have them, and no other model has."""
    assert of_name(name) == Prompts(query, document)


def test_instructions_are_for_questions_alone():
    """Models that follow instructions get one before a question, and the text as it is."""
    for name in ("intfloat/multilingual-e5-large-instruct", "Qwen/Qwen3-Embedding-0.6B"):
        query, document = of_name(name)
        assert query.startswith("Instruct: ")
        assert document == ""


def test_an_e5_folder_sees_questions_and_texts_as_it_was_trained(named, folder):
    """A folder named after E5 puts "query: " before questions and "passage: " before texts."""
    e5, plain = LocalEmbedder(named("multilingual-e5-small")), LocalEmbedder(folder)
    assert embed_query(e5, "sushi") == embed_query(plain, "query: sushi")
    assert embed_documents(e5, ["I love sushi", "ramen"]) == embed_documents(
        plain, ["passage: I love sushi", "passage: ramen"]
    )


def test_a_long_text_has_the_prompt_before_every_window(model):
    """Of a text longer than the window each piece is embedded after the prompt, and none of it is lost."""
    tokenizer = model._shared.loaded().tokenizer
    for text in ("The weather report of that day was long and tedious. " * 40, "x7" * 2_000, "short"):
        pieces = windows_of(text, "passage: ", tokenizer)
        assert all(tokens <= 256 and not tokenizer.encode(piece).overflowing for piece, tokens in pieces)
        said = "".join(piece.removeprefix("passage: ") for piece, _ in pieces)
        assert all(piece.startswith("passage: ") for piece, _ in pieces)
        assert said.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("mine", {"config": {"_name_or_path": "intfloat/e5-small-v2"}}, ("query: ", "passage: ")),
        ("mine", {"config_sentence_transformers": {"prompts": {"query": "Q: ", "document": "D: "}}}, ("Q: ", "D: ")),
        ("mine", {"config_sentence_transformers": {"prompts": {"query": "Q: ", "passage": ""}}}, ("Q: ", "")),
        ("e5-small", {"config_sentence_transformers": {"prompts": {"query": "Q: "}}}, ("Q: ", "")),
        ("e5-small", {"config_sentence_transformers": {"prompts": {}}}, ("query: ", "passage: ")),
        (
            "e5-small",
            {"config_sentence_transformers": {"prompts": {"query": "", "document": ""}}},
            ("query: ", "passage: "),
        ),
        ("mine", {"config_sentence_transformers": [1]}, ("", "")),
    ],
)
def test_a_folders_configuration_tells_the_prompts(named, name, files, expected):
    """What the folder's own files say comes before what its name does."""
    embedder = LocalEmbedder(named(name, **files))
    assert (embedder.query_prompt, embedder.document_prompt) == expected


def test_prompts_can_be_given(named, folder):
    """query_prompt and document_prompt take the place of what is known; an empty one is none."""
    e5 = named("e5-small")
    assert embed_query(LocalEmbedder(e5, query_prompt=""), "sushi") == embed_query(LocalEmbedder(folder), "sushi")
    given = LocalEmbedder(folder, query_prompt="Q: ", document_prompt="D: ")
    assert embed_query(given, "sushi") == embed_query(LocalEmbedder(folder), "Q: sushi")
    for option in ("query_prompt", "document_prompt"):
        with pytest.raises(ConfigurationError, match=option):
            LocalEmbedder(folder, **{option: 5})


def test_a_file_remembers_what_stood_before_its_texts(named, path):
    """A file embedded without the prompt refuses one, says how to go on as before, and does; so the other way round."""
    e5 = named("e5-small")
    without = LocalEmbedder(e5, document_prompt="")
    with Memory(path, embedder=without) as memory:
        memory.add("I love sushi", user_id="u")
    with pytest.raises(EmbedderMismatchError, match=r"texts after 'passage: '.*document_prompt=''.*nothing before"):
        Memory(path, embedder=str(e5))
    with Memory(path, embedder=without) as memory:
        assert memory.search("sushi", user_id="u")["results"]
    assert Memory.reembed(path, embedder=str(e5)) == {"embedded": 1, "total": 1}
    with Memory(path, embedder=str(e5)) as memory:
        assert memory.stats()["embedder"]["fingerprint"].endswith("after 'passage: '")
        assert memory.search("sushi", user_id="u")["results"]
    with pytest.raises(EmbedderMismatchError, match=r"holds vectors of .* texts after 'passage: '"):
        Memory(path, embedder=without)


def test_a_prompt_of_questions_alone_leaves_a_file_as_it_is(named, path):
    """What stands before questions moves no stored vector, so a file opens with any."""
    bge = named("bge-small-en-v1.5")
    with Memory(path, embedder=LocalEmbedder(bge, query_prompt="")) as memory:
        memory.add("I love sushi", user_id="u")
    with Memory(path, embedder=str(bge)) as memory:
        assert memory.search("sushi", user_id="u")["results"]


@pytest.mark.parametrize("config", [{}, {"prompts": None}, {"prompts": {"query": 5}}, {"prompts": {"other": "x"}}])
def test_a_configuration_without_prompts_says_nothing(config):
    """A configuration that names no prompt of a question or a text leaves it to the name."""
    assert of_config(config) is None
