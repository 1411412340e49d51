"""What the reranker of the extra ``mem0lite[rerank]`` finds, and how long a pair of question and memory takes.

    python benchmarks/reranking.py --data locomo10.json [MORE.jsonl …] [--cache FOLDER] [--limit N]

Every collection is a file that ``mem0lite bench retrieval`` reads. Printed are recall at 5, 10 and 20 of a search
without and with ``rerank=True``. Then the processor time of a pair, over thirty results of each of the last
collection's first questions: by our graph, by the package's own one pair at a time, and by that with thirty pairs a
call, padded to the longest, as rerankers are usually run. All on one thread.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, markdown
from locomo import BenchmarkEmbedder

from mem0lite import Memory
from mem0lite.embedding.crossing import CrossEncoder, _resources
from mem0lite.retrieval import DEPTHS, fill, metrics, read

TIMED = 10  # questions
PAIRS = 30


def own_graph() -> Callable[[str, Sequence[str]], Any]:
    """Return a function that runs the package's own graph over all pairs at once."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(_resources() / "model.onnx", options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(_resources() / "tokenizer.json"))
    tokenizer.enable_padding()
    names = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}

    def run(query: str, texts: Sequence[str]) -> Any:
        pairs = tokenizer.encode_batch([(query, text) for text in texts])
        return session.run(None, {name: np.array([getattr(one, of) for one in pairs]) for name, of in names.items()})

    return run


def timed(work: Sequence[tuple[str, list[str]]]) -> list[list[str]]:
    """Return the milliseconds of a pair by each of three ways."""
    model, own = CrossEncoder(), own_graph()
    model.logits("load", ["it"])
    ways: dict[str, Callable[[str, Sequence[str]], Any]] = {
        "our graph": model.logits,
        "the package's, one by one": lambda query, texts: [own(query, [text]) for text in texts],
        "the package's, thirty a call": own,
    }
    rows = []
    for name, run in ways.items():
        start = time.process_time()
        for query, texts in work:
            run(query, texts)
        pairs = sum(len(texts) for _, texts in work)
        rows.append([name, f"{1000 * (time.process_time() - start) / pairs:.1f}"])
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="collections")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="ask at most N questions of each collection")
    given = parser.parse_args()
    embedder, rows, work = BenchmarkEmbedder(given.cache), [], []
    for path in given.data:
        data = read(path)
        asked = list(data.questions)
        if given.limit:
            asked = random.Random(3).sample(asked, min(given.limit, len(asked)))
        work, figures = [], []
        with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "a.db"), embedder=embedder) as memory:
            ids = fill(memory, data.documents)
            for one in asked:
                when = {} if one.reference_date is None else {"reference_date": one.reference_date}
                found = [
                    memory.search(one.text, user_id=one.user_id, top_k=PAIRS, rerank=rerank, **when)["results"]
                    for rerank in (False, True)
                ]
                results = [metrics([ids[hit["id"]] for hit in hits], one.relevant) for hits in found]
                figures.append([result[f"recall@{depth}"] for depth in DEPTHS for result in results])
                work.append((one.text, [hit["memory"] for hit in found[0]]))
        embedder.save()
        rows.append([path.stem, str(len(asked)), *(f"{100 * one:.1f}" for one in np.mean(figures, axis=0))])
    headings = [cell for depth in DEPTHS for cell in (f"recall@{depth}", "reranked")]
    print(f"{machine()}\n\n{markdown(['collection', 'questions', *headings], rows)}\n")
    print(markdown(["a pair", "ms"], timed(work[:TIMED])))


if __name__ == "__main__":
    main()
