"""How much of the evidence for LoCoMo's questions fits into a prompt: a block made by ``Memory.context``, and the best
results of ``Memory.search`` joined by line breaks.

    python benchmarks/context.py --data locomo10.json [--tiktoken cl100k_base] [--cache FOLDER]

Conversations are stored and questions asked as in locomo.py. A figure is the mean share of a question's evidence that
stands in the text, for every budget. "plain" are the bare texts of the best results, "dated" the same with the day and
the speaker before each, as many as fit, the best first. All are counted with the same function: mem0lite's estimate, or
an encoding of tiktoken.
"""

import argparse
import bisect
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import machine, markdown
from locomo import BenchmarkEmbedder, collection

from mem0lite import Memory
from mem0lite.embedding.tokens import estimate_tokens
from mem0lite.retrieval import Collection, Question, fill

BUDGETS = (250, 500, 1_000, 2_000)
LOOKED_AT = 100
LEAST = 5  # tokens of the shortest texts, on average

Count = Callable[[str], int]
Hit = Mapping[str, Any]


def counter(encoding: str | None) -> Count | None:
    """Return a function that counts tokens as an encoding of tiktoken does; None for mem0lite's own."""
    if encoding is None:
        return None
    import tiktoken

    encode = tiktoken.get_encoding(encoding)
    return lambda text: len(encode.encode(text, disallowed_special=()))


def plain(hit: Hit) -> str:
    """Return the bare text of a result."""
    return str(hit["memory"])


def dated(hit: Hit) -> str:
    """Return a result with its day and its speaker."""
    return f"{hit['created_at'][:10]} {hit.get('actor_id', hit.get('role', ''))}: {hit['memory']}"


def joined(hits: Sequence[Hit], write: Callable[[Hit], str], count: Count, budget: int) -> set[str]:
    """Return the ids of the best results that fit when they are joined by line breaks."""
    tried = range(1, min(len(hits), budget // LEAST) + 1)
    fitting = bisect.bisect_right(tried, budget, key=lambda k: count("\n".join(map(write, hits[:k]))))
    return {hit["id"] for hit in hits[:fitting]}


def ask(memory: Memory, question: Question, count: Count | None) -> Iterator[tuple[str, int, set[str]]]:
    """Yield kind and budget of each text for one question, and the ids of what it holds."""
    hits = memory.search(question.text, user_id=question.user_id, top_k=LOOKED_AT)["results"]
    for budget in BUDGETS:
        for kind, write in (("plain", plain), ("dated", dated)):
            yield kind, budget, joined(hits, write, count or estimate_tokens, budget)
        block = memory.context(question.text, user_id=question.user_id, max_tokens=budget, count_tokens=count)
        if (count or estimate_tokens)(block["text"]) > budget:
            raise AssertionError(f"{question.id}: a block of more than {budget} tokens")
        if any(hit["memory"].splitlines()[0] not in block["text"] for hit in block["memories"]):
            raise AssertionError(f"{question.id}: the block lacks a memory that is said to be in it")
        yield "context", budget, {hit["id"] for hit in block["memories"]}


def shares(data: Collection, ids: Mapping[str, str], memory: Memory, count: Count | None) -> dict[str, list[float]]:
    """Return the mean share of the evidence by kind of text, in per cent, for each budget."""
    total: dict[tuple[str, int], float] = {}
    for question in data.questions:
        for kind, budget, held in ask(memory, question, count):
            found = {ids[one] for one in held} & set(question.relevant)
            total[kind, budget] = total.get((kind, budget), 0.0) + len(found) / len(question.relevant)
    return {
        kind: [100 * total[kind, budget] / len(data.questions) for budget in BUDGETS]
        for kind in ("plain", "dated", "context")
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's file of conversations")
    parser.add_argument("--tiktoken", metavar="ENCODING", help="count with this encoding of tiktoken")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    given = parser.parse_args()
    data = collection(json.loads(given.data.read_text()), captions=True, shuffled=False)
    embedder, count = BenchmarkEmbedder(given.cache), counter(given.tiktoken)
    print(f"{machine()}\n{len(data.questions)} questions, tokens of {given.tiktoken or 'the estimate'}\n")
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "locomo.db"), embedder=embedder) as memory:
        ids = fill(memory, data.documents)
        found = shares(data, ids, memory, count)
    embedder.save()
    rows = [[kind, *(f"{share:.1f}" for share in by_budget)] for kind, by_budget in found.items()]
    print(markdown(["per cent of the evidence within", *(f"{budget:,} tokens" for budget in BUDGETS)], rows))


if __name__ == "__main__":
    main()
