"""The runtime of the bundled model: its graph in onnxruntime and its tokenizer, without fastembed.

fastembed runs any model, this runs one. A search with the bundled model needs nothing of fastembed, whose import alone
takes 0.54 s of processor time. Here the import of onnxruntime and tokenizers takes 0.03 s and the loading 0.04 s. Both
happen when the model is loaded. ``tools/build_model.py`` makes the graph and says how.

The graph takes the tokens of one text and returns its unit vector. One text per call, because products in bytes have
one scale per call: so a vector depends on nothing but its text. A call with several texts would not be faster.

Two runs on one machine agree to the bit, with one version of onnxruntime. On other processors and versions the
products of equal bytes are equal, but floats between them are rounded differently, which can move an activation to the
next byte. Vectors made with AVX-512 VNNI, AVX2, SSE4, on Arm with and without dot products, and by onnxruntime 1.20 and
1.32 agree to a cosine of 0.9991 (AVX2, SSE4 and Arm in an emulator). What compares vectors of one file bears that: it
bears the 0.994 between bytes and floats.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from .batches import Vector

_BEGINNING, _END = ("[CLS]", 101), ("[SEP]", 102)
_WINDOW = 256  # tokens, with the two that begin and end a text; the graph has no place for more


class FusedRuntime:
    """The bundled model, loaded from its graph and its vocabulary: the words of its tokens, one a line."""

    def __init__(self, graph: Path, vocabulary: Path, dimensions: int) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        )  # it would undo some of it
        options.enable_cpu_mem_arena = False  # it would keep the memory of the longest text, and saves no time
        self._session: Any = onnxruntime.InferenceSession(
            str(graph.resolve()), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizer_of(vocabulary)
        self._files = (graph,)
        self._dimensions = dimensions

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._dimensions

    @property
    def files(self) -> Sequence[Path]:
        """The graph."""
        return self._files

    @property
    def tokenizer(self) -> "Tokenizer":
        """The model's tokenizer."""
        return self._tokenizer

    def documents(self, texts: Sequence[str]) -> "Iterator[Vector]":
        """Yield the unit vector of each text, shape (dimensions,), whatever else is in the list."""
        import numpy as np

        for text in texts:
            ids = np.array([self._tokenizer.encode(text).ids], np.int32)
            yield self._session.run(None, {"input_ids": ids})[0][0]

    questions = documents
    """A question is embedded as a document is."""


def tokenizer_of(vocabulary: Path) -> "Tokenizer":
    """Return BERT's tokenizer. Made of its parts, it is ready in half the time that reading a tokenizer.json takes."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece.from_file(str(vocabulary)))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.BertProcessing(_END, _BEGINNING)
    tokenizer.enable_truncation(_WINDOW)
    return tokenizer
