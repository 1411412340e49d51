"""What embedding costs, and how much time is lost around it. Every ratio compares calls that were made in turn.

    pip install -e '.[server]'
    python benchmarks/embedding.py [--texts 1000] [--repeat 60] [--connections 64] [--seconds 4]

Prints:

- milliseconds per text: one at a time, in a batch, and from many threads;
- an add and a search through Memory, compared with only embedding the same text, on a file with 1,000 memories;
- a burst of adds through HTTP, compared with one call of the embedder for the same texts;
- how long cheap requests take while four connections add long texts.

Texts are seeded random sentences of 3 to 80 words. The client of the server is a separate process.
"""

import argparse
import asyncio
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import WORDS, machine
from server import answer, fill, percentiles, request_bytes, start
from serving import served

from mem0lite import LocalEmbedder, Memory


def sentences(count: int, seed: int) -> list[str]:
    """Return texts with the lengths of a conversation's turns: most are short, some ten times as long."""
    generator = random.Random(seed)
    return [
        " ".join(generator.choice(WORDS) for _ in range(min(80, int(3 + generator.lognormvariate(2.3, 0.8)))))
        for _ in range(count)
    ]


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def in_turn(repeat: int, *calls: Callable[[int], object]) -> list[list[float]]:
    """Run every call once per round, so that a slow moment hits them all; return the durations of each."""
    durations: list[list[float]] = [[] for _ in calls]
    for number in range(repeat):
        for call, collected in zip(calls, durations, strict=True):
            begin = time.perf_counter()
            call(number)
            collected.append(time.perf_counter() - begin)
    return durations


def ratio(durations: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(durations, reference, strict=True))


def milliseconds(durations: Sequence[float], texts: int = 1) -> str:
    """Return the median, per text."""
    return f"{statistics.median(durations) / texts * 1_000:7.2f} ms"


def model_alone(embedder: LocalEmbedder) -> Callable[[str], object]:
    """Return a function that runs the tokenizer and the onnxruntime session, and nothing else."""
    import numpy as np

    model: Any = embedder._shared.loaded()

    def run(text: str) -> object:
        return model._session.run(None, {"input_ids": np.array([model.tokenizer.encode(text).ids], np.int32)})

    return run


def embedder_costs(embedder: LocalEmbedder, texts: Sequence[str], repeat: int, threads: int) -> None:
    """Print milliseconds per text: one at a time, in one call, and one by one from many threads."""
    alone = model_alone(embedder)
    bare, single = in_turn(repeat, lambda n: alone(texts[n]), lambda n: embedder.embed_query(texts[n]))
    print(f"one text, tokenizer and model alone        {milliseconds(bare)}")
    print(f"one text, LocalEmbedder                    {milliseconds(single)}  {ratio(single, bare):.2f} ×")
    with ThreadPoolExecutor(threads) as pool:
        whole, shared = in_turn(
            3, lambda _: embedder.embed(texts), lambda _: list(pool.map(lambda text: embedder.embed([text]), texts))
        )
    print(f"{len(texts)} texts in one call                    {milliseconds(whole, len(texts))} a text")
    print(f"{len(texts)} texts one by one from {threads:>3} threads     {milliseconds(shared, len(texts))} a text")
    print(f"  throughput from threads / in one call     {1 / ratio(shared, whole):.2f}")


def memory_costs(embedder: LocalEmbedder, path: str, texts: Sequence[str], repeat: int) -> None:
    """Print what an add and a search take, compared with only embedding the text."""
    with Memory(path, embedder=embedder) as memory:
        memory.search("warm", user_id="me")
        adds = in_turn(repeat, lambda n: embedder.embed([texts[n]]), lambda n: memory.add(texts[n], user_id="me"))
        searches = in_turn(
            repeat, lambda n: embedder.embed_query(texts[-n]), lambda n: memory.search(texts[-n], user_id="me")
        )
    for name, (reference, durations) in {"add": adds, "search": searches}.items():
        times = f"{milliseconds(durations)}, embedder {milliseconds(reference)}"
        print(f"{name:<7} through Memory, 1,000 memories     {times}  {ratio(durations, reference):.2f} ×")


def post_all(port: int, texts: Sequence[str], connections: int, pipe: Any) -> None:
    """Add every text over that many connections, and send back the seconds it took."""

    async def worker(remaining: Iterator[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for text in remaining:
            body = {"messages": [{"role": "user", "content": text}], "user_id": "adder", "infer": False}
            writer.write(request_bytes("POST", "/memories", body))
            head = await answer(reader)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
        writer.close()

    async def run() -> float:
        remaining = iter(texts)
        begin = time.perf_counter()
        await asyncio.gather(*(worker(remaining) for _ in range(connections)))
        return time.perf_counter() - begin

    pipe.send(asyncio.run(run()))


def burst(port: int, texts: Sequence[str], connections: int) -> float:
    """Return the seconds that adding all the texts through HTTP takes, from a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=post_all, args=(port, texts, connections, theirs))
    process.start()
    taken: float = ours.recv()
    process.join()
    return taken


def http_costs(embedder: LocalEmbedder, path: str, ids: Sequence[str], texts: Sequence[str], arguments: Any) -> None:
    """Print the throughput of a burst of adds, and the latency of cheap requests beside long adds."""
    with served("serving:ours", 1, {"BENCHMARK_DB": path, "BENCHMARK_EMBEDDER": "model"}) as (port, _):
        burst(port, texts[:32], 4)  # the model loads
        rounds = [(seconds(lambda: embedder.embed(texts)), burst(port, texts, arguments.connections)) for _ in range(3)]
        embedded, added = zip(*rounds, strict=True)
        print(
            f"burst of {len(texts)} adds, {arguments.connections} connections   "
            f"{len(texts) / statistics.median(added):7.1f}/s, one call of the embedder "
            f"{len(texts) / statistics.median(embedded):.1f}/s  throughput {1 / ratio(added, embedded):.2f}"
        )
        kinds = ("ping", "get", "search")
        adding = start(port, "add long", 4, arguments.seconds * len(kinds) + 2, ids)
        time.sleep(1)  # until they are under way
        print("while 4 connections add long texts: p50 p95 p99 in ms")
        for kind in kinds:
            print(f"  {kind:<7} {percentiles(start(port, kind, 1, arguments.seconds, ids)())}")
        long_adds = adding()
        print(f"  (these adds: {len(long_adds.latencies) / long_adds.seconds:.1f}/s {percentiles(long_adds)})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    print(machine())
    embedder, texts = LocalEmbedder(), sentences(arguments.texts, 1)
    embedder.embed(texts[:32])
    embedder_costs(embedder, texts, arguments.repeat, arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "a.db"))
        ids = fill(path, 1_000)
        memory_costs(embedder, path, sentences(arguments.repeat, 2), arguments.repeat)
        http_costs(embedder, path, ids, texts, arguments)


if __name__ == "__main__":
    main()
